"""Inventories as files."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from fleetscan.errors import InventoryError
from fleetscan.inventory.lists import TargetList
from fleetscan.inventory.spec import TargetSpec
from fleetscan.limits import MAX_INVENTORY_LINE

BOUND_S = 20
EXAMPLES = Path(__file__).resolve().parents[2] / "inventories"


def read(path: Path | str) -> tuple[list[TargetSpec], list[str]]:
    """Everything a list holds, and what was reported."""
    reported: list[str] = []

    async def collect() -> list[TargetSpec]:
        found = TargetList(str(path), on_bad_line=lambda bad: reported.append(str(bad)))
        return [spec async for spec in found]

    return asyncio.run(asyncio.wait_for(collect(), BOUND_S)), reported


def written(tmp_path: Path, octets: bytes) -> Path:
    """A file of these octets."""
    path = tmp_path / "list.txt"
    path.write_bytes(octets)
    return path


def test_text_and_json_lines_mix(tmp_path: Path) -> None:
    """A line that begins with `{` is JSON; comments and blank lines are left out."""
    specs, reported = read(
        written(
            tmp_path,
            b'# the shop\nwww.corp\n\n  {"host": "b.corp", "port": 8443}\n'
            b"10.0.0.0/8   # all of it\nhttps://c.corp/#top\n",
        )
    )

    assert [spec.input for spec in specs] == [
        "www.corp",
        "b.corp:8443",
        "10.0.0.0/8",
        "https://c.corp/#top",
    ]
    assert reported == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_end_and_a_byte_order_mark_are_understood(tmp_path: Path, end: bytes) -> None:
    """Files come from every system; the last line may lack its end."""
    specs, reported = read(written(tmp_path, b"\xef\xbb\xbfa.corp" + end + b"b.corp"))

    assert [spec.host for spec in specs] == ["a.corp", "b.corp"]
    assert reported == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"a\x00b.corp", "control or invisible"),
        (b"caf\xe9.corp", "octet 4 is no UTF-8"),
        (b"x" * (MAX_INVENTORY_LINE + 1), "more than 65536 octets"),
        (b'{"host": ', "not JSON"),
        (b"b.corp:http", "not a port"),
    ],
    ids=["NUL", "not UTF-8", "over-long", "half JSON", "port"],
)
def test_a_bad_line_is_reported_with_its_place_and_skipped(
    tmp_path: Path, line: bytes, says: str
) -> None:
    """One bad line never ends a run; its neighbours are scanned."""
    path = written(tmp_path, b"a.corp\n" + line + b"\nc.corp\n")
    specs, reported = read(path)

    assert [spec.host for spec in specs] == ["a.corp", "c.corp"]
    assert len(reported) == 1
    assert reported[0].startswith(f"{path}:2: ")
    assert says in reported[0]


def test_line_numbers_count_every_line(tmp_path: Path) -> None:
    """Blank lines, comments and bad lines count, as an editor counts them."""
    _, reported = read(written(tmp_path, b"\n# x\r\n!\r\n\r\n!\n"))

    assert [each.split(":")[1] for each in reported] == ["3", "5"]


def test_utf_16_is_refused_as_a_whole(tmp_path: Path) -> None:
    """A thousand bad lines would hide the one thing that is wrong."""
    with pytest.raises(InventoryError, match="UTF-16"):
        read(written(tmp_path, "a.corp\n".encode("utf-16")))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The system's reason in one line."""
    with pytest.raises(InventoryError, match="cannot be read: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(InventoryError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_the_digest_is_that_of_the_octets(tmp_path: Path) -> None:
    """SHA-256 of the file as it is, by hashlib."""
    octets = b"a.corp\nb.corp\n"

    async def collect() -> str:
        found = TargetList(str(written(tmp_path, octets)), on_bad_line=print)
        async for _ in found:
            pass
        return found.sha256

    assert asyncio.run(collect()) == hashlib.sha256(octets).hexdigest()


def test_a_pipe_gives_its_targets_as_they_come(tmp_path: Path) -> None:
    """The first target is there while the writer still holds the pipe open."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"a.corp\nb.co")

    async def first_two() -> list[str]:
        stream = aiter(TargetList(str(pipe), on_bad_line=print))
        hosts = [(await anext(stream)).host]
        os.write(writer, b"rp\n")
        hosts.append((await anext(stream)).host)
        return hosts

    try:
        assert asyncio.run(asyncio.wait_for(first_two(), BOUND_S)) == ["a.corp", "b.corp"]
    finally:
        os.close(writer)


def test_an_endless_line_is_never_held(tmp_path: Path) -> None:
    """Sixteen megabytes without a line end: reported once, and what follows is read."""
    path = written(tmp_path, b"x" * (16 << 20) + b"\na.corp\n")

    specs, reported = read(path)
    assert [spec.host for spec in specs] == ["a.corp"]
    assert len(reported) == 1


@pytest.mark.parametrize(
    "name", sorted(path.name for path in EXAMPLES.iterdir() if path.suffix != ".md")
)
def test_every_example_inventory_is_read_without_complaint(name: str) -> None:
    """What the project shows as an inventory is one."""
    specs, reported = read(EXAMPLES / name)

    assert reported == []
    assert len(specs) >= 5

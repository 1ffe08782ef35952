"""What must never be scanned."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetscan.errors import InventoryError
from fleetscan.inventory.excludes import Excludes, read_exclude_file


@pytest.mark.parametrize(
    ("exclude", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.0.0.0/8", "10.0.0.0", "9.255.255.255"),
        ("10.1.2.3/8", "10.200.0.1", "11.1.2.3"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("10.0.0.5-10.0.0.40", "10.0.0.40", "10.0.0.41"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
        ("::/0", "2001:db8::1", "10.1.2.3"),
        ("::1-::ffff:10.9.9.9", "::5", "10.1.2.3"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
    ],
)
def test_what_lies_in_a_network_is_excluded(exclude: str, inside: str, outside: str) -> None:
    """Both ends belong to a network, and an IPv4-mapped address is its IPv4 address.

    RFC 4291 section 2.5.5.2 for the mapped form. A larger IPv6 network says nothing of IPv4.
    """
    excludes = Excludes([exclude])

    assert excludes.contains(inside)
    assert not excludes.contains(outside)


def test_many_overlapping_networks_answer_as_one_by_one() -> None:
    """Merging must not lose or add an address."""
    excludes = Excludes(["10.0.0.0/24", "10.0.0.128/25", "10.0.1.0/24", "10.0.3.0-10.0.3.9"])

    hit = [third for third in range(6) if excludes.contains(f"10.0.{third}.5")]
    assert hit == [0, 1, 3]
    assert not excludes.contains("10.0.3.10")


def test_nothing_excluded_excludes_nothing() -> None:
    """An empty set is false and holds no address; a name is never an address."""
    assert not Excludes()
    assert not Excludes().contains("10.0.0.1")
    assert not Excludes(["0.0.0.0/0"]).contains("b.corp")


@pytest.mark.parametrize("text", ["b.corp", "10.0.0.0/40", "", "10.0.0.9-10.0.0.1", "10.0.0.1:443"])
def test_an_exclude_that_cannot_be_read_is_an_error(text: str) -> None:
    """An exclude that is not understood would be an address that is scanned."""
    with pytest.raises(InventoryError, match="cannot exclude"):
        Excludes([text])


def test_an_exclude_file_allows_comments_and_blank_lines(tmp_path: Path) -> None:
    """Byte order mark, CR LF, comments and blank lines are no excludes."""
    path = tmp_path / "excludes"
    path.write_bytes(b"\xef\xbb\xbf# ours\r\n\r\n10.0.0.0/8  # lab\r\n2001:db8::/32")

    assert read_exclude_file(str(path)) == ["10.0.0.0/8", "2001:db8::/32"]


def test_a_bad_line_in_an_exclude_file_names_file_and_line(tmp_path: Path) -> None:
    """It is always an error, unlike a bad line of an inventory."""
    path = tmp_path / "excludes"
    path.write_bytes(b"10.0.0.0/8\n\xff\xfe\n")

    with pytest.raises(InventoryError, match="excludes:2: cannot exclude"):
        read_exclude_file(str(path))


def test_an_exclude_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """One clear line with the system's reason."""
    with pytest.raises(InventoryError, match="none: cannot be read: No such file or directory"):
        read_exclude_file(str(tmp_path / "none"))

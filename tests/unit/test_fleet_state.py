"""What is kept from run to run: bounded, never trusted, never lost to another run."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.errors import OutputError, UsageError
from fleetscan.fleet import state as module
from fleetscan.fleet.state import AUTHORITIES, LOCK, State
from tests import certificates

ROOT = certificates.root()
ONE = certificates.intermediate(issuer=ROOT, subject="One CA").parsed
TWO = certificates.intermediate(issuer=ROOT, subject="Two CA").parsed
THREE = certificates.intermediate(issuer=ROOT, subject="Three CA").parsed
LEAF = certificates.leaf(issuer=ROOT).parsed
NOW = float(certificates.NOW)


def silent(text: str) -> None:
    """For states that have nothing to warn of."""
    raise AssertionError(text)


def state_in(directory: Path, warn: Callable[[str], None] = silent) -> State:
    """The state of that directory."""
    return State(str(directory), warn=warn)


def kept_hashes(kept: tuple[Certificate, ...]) -> list[str]:
    """Hashes, which are the identity."""
    return sorted(one.sha256 for one in kept)


def hashes(*kept: Certificate) -> list[str]:
    """The same of certificates in hand."""
    return sorted(one.sha256 for one in kept)


def test_what_one_run_saw_the_next_one_has(tmp_path: Path) -> None:
    """CA certificates alone, in a directory and files for the user alone."""
    directory = tmp_path / "a" / "state"
    state_in(directory).save([ONE, LEAF, ROOT.parsed], now=NOW)

    assert kept_hashes(state_in(directory).certificates) == hashes(ONE, ROOT.parsed)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / AUTHORITIES).stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in directory.iterdir()) == [AUTHORITIES, LOCK]


def test_the_file_is_pem_that_openssl_reads(tmp_path: Path) -> None:
    """Another reader finds the same certificates in it."""
    state_in(tmp_path).save([ONE, TWO], now=NOW)

    listed = subprocess.run(
        ["openssl", "storeutl", "-noout", "-certs", str(tmp_path / AUTHORITIES)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert "Total found: 2" in listed


def test_runs_at_the_same_time_keep_what_both_saw(tmp_path: Path) -> None:
    """Both loaded before either saved; the later save adds to the earlier one's."""
    state_in(tmp_path).save([ONE], now=NOW)
    first, second = state_in(tmp_path), state_in(tmp_path)
    first.save([TWO], now=NOW + 1)
    second.save([THREE], now=NOW + 2)

    assert kept_hashes(state_in(tmp_path).certificates) == hashes(ONE, TWO, THREE)


def test_the_longest_unseen_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen again counts as seen then, also when a run with an older clock saves last."""
    monkeypatch.setattr(limits, "MAX_STATE_AUTHORITIES", 2)
    state_in(tmp_path).save([ONE, TWO], now=NOW)
    state_in(tmp_path).save([ONE], now=NOW + 4)
    state_in(tmp_path).save([ONE], now=NOW + 1)
    state_in(tmp_path).save([TWO], now=NOW + 2)
    state_in(tmp_path).save([THREE], now=NOW + 3)

    assert kept_hashes(state_in(tmp_path).certificates) == hashes(ONE, THREE)


def damaged_base64(octets: bytes) -> bytes:
    """A character that base64 has not."""
    return octets.replace(b"\nMII", b"\n*II", 1)


def damaged_der(octets: bytes) -> bytes:
    """A certificate that is none."""
    return octets.replace(b"\nMII", b"\nMEE", 1)


def cut_short(octets: bytes) -> bytes:
    """The end is missing, as after a copy that broke off."""
    return octets[:-100]


def without_time(octets: bytes) -> bytes:
    """The line before a certificate is gone."""
    return octets.replace(b"last seen 1800000000\n", b"", 1)


@pytest.mark.parametrize("damage", [damaged_base64, damaged_der, cut_short, without_time])
def test_a_damaged_entry_costs_itself_alone(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """The others are used, one line says so, and the next save makes the file whole."""
    state_in(tmp_path).save([ONE, TWO, THREE], now=NOW)
    path = tmp_path / AUTHORITIES
    path.write_bytes(damage(path.read_bytes()))
    told: list[str] = []

    state = state_in(tmp_path, told.append)
    assert len(state.certificates) == 2
    assert len(told) == 1
    assert "1 damaged certificate in authorities.pem left out" in told[0]
    state.save([], now=NOW)

    assert len(state_in(tmp_path).certificates) == 2


def test_a_leaf_in_the_file_is_not_used(tmp_path: Path) -> None:
    """Whoever wrote it there: only what claims to be a CA's can be an issuer."""
    state_in(tmp_path).save([ONE], now=NOW)
    path = tmp_path / AUTHORITIES
    body = certificates.x509_pem(LEAF.der)
    path.write_bytes(path.read_bytes() + b"last seen 1800000000\n" + body)
    told: list[str] = []

    assert kept_hashes(state_in(tmp_path, told.append).certificates) == hashes(ONE)
    assert len(told) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"somebody's notes\n", b"fleetscan CA certificates, format 2\n", b"\x30\x82\x01\x00"],
)
def test_a_file_that_is_not_ours_is_never_written_over(tmp_path: Path, content: bytes) -> None:
    """One clear line that says what to do, and the file stays."""
    path = tmp_path / AUTHORITIES
    path.write_bytes(content)

    with pytest.raises(UsageError, match="move it away") as caught:
        state_in(tmp_path)

    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_huge_file_is_refused_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that fleetscan writes is larger than the bound."""
    state_in(tmp_path).save([ONE], now=NOW)
    monkeypatch.setattr(limits, "MAX_STATE_OCTETS", 100)

    with pytest.raises(UsageError, match="not a file of fleetscan's"):
        state_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file", "not a directory"), ("file/below", "Not a directory"), ("a\0b", "not a file name")],
)
def test_a_directory_that_cannot_be_is_one_line(tmp_path: Path, name: str, reason: str) -> None:
    """Before the scan, with the operating system's own word."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(UsageError, match=reason) as caught:
        State(f"{tmp_path}/{name}", warn=silent)

    assert "\n" not in str(caught.value)


def test_a_directory_that_cannot_be_written_is_told_before_the_scan(tmp_path: Path) -> None:
    """Nobody but root may write into /sys, and root may not make files there either."""
    if not Path("/sys/kernel").is_dir():
        pytest.skip("needs /sys (Linux)")

    with pytest.raises(UsageError, match=r"Permission denied|Read-only file system|not permitted"):
        State("/sys/kernel", warn=silent)


def test_a_lock_that_is_never_given_up_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start and at the end; what the file had stays."""
    monkeypatch.setattr(module, "LOCK_WAIT_S", 0.0)
    state = state_in(tmp_path)
    state.save([ONE], now=NOW)
    descriptor = os.open(tmp_path / LOCK, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run has held it"):
            state_in(tmp_path)
        with pytest.raises(OutputError, match="another run has held it"):
            state.save([TWO], now=NOW)
    finally:
        os.close(descriptor)

    assert kept_hashes(state_in(tmp_path).certificates) == hashes(ONE)


def test_a_disk_that_is_full_at_the_end_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced as a whole or not at all, and nothing half-written stays behind."""
    state = state_in(tmp_path)
    state.save([ONE], now=NOW)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="is not kept: No space left on device"):
            state.save([TWO], now=NOW)

    assert sorted(each.name for each in tmp_path.iterdir()) == [AUTHORITIES, LOCK]
    assert kept_hashes(state_in(tmp_path).certificates) == hashes(ONE)


def test_a_directory_that_vanished_is_one_line_at_the_end(tmp_path: Path) -> None:
    """Somebody tidied up in the middle of the night."""
    directory = tmp_path / "state"
    state = state_in(directory)
    (directory / LOCK).unlink()
    directory.rmdir()

    with pytest.raises(OutputError, match="No such file or directory"):
        state.save([ONE], now=NOW)

"""Answers kept on disk: bounded, replaced whole, and never in a scan's way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscan.fleet.answer_cache import AnswerCache, default_directory
from tests.certificates import NOW

A, B, C = ("a" * 64 + ".ocsp", "b" * 64 + ".ocsp", "c" * 64 + ".crl")


class Warnings(list[str]):
    """What the user was told."""


def opened(directory: Path | None, warnings: Warnings | None = None, **bounds: int) -> AnswerCache:
    """A cache that has looked at its directory."""
    told = Warnings() if warnings is None else warnings
    cache = AnswerCache(directory, warn=told.append, **bounds)
    cache.open(NOW)
    return cache


def test_an_entry_is_there_in_the_next_run(tmp_path: Path) -> None:
    """What one run kept, another finds; the directory is nobody else's to read."""
    place = tmp_path / "new" / "revocation"
    opened(place).write(A, b"octets")

    assert opened(place).read(A, 100) == b"octets"
    assert opened(place).read(B, 100) is None
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_second_answer_replaces_the_first(tmp_path: Path) -> None:
    """One file an entry, counted once."""
    cache = opened(tmp_path, max_octets=10)
    for octets in (b"123456", b"abcdef", b"ghijkl"):
        cache.write(A, octets)

    assert cache.read(A, 100) == b"ghijkl"
    assert os.listdir(tmp_path) == [A]


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    """An entry that grew under us, or that somebody else put there."""
    cache = opened(tmp_path)
    cache.write(A, b"0123456789")

    assert cache.read(A, 9) is None
    assert cache.read(A, 10) is not None


def test_entries_are_bounded_in_number(tmp_path: Path) -> None:
    """The longest unused goes first; what is asked for is used."""
    cache = opened(tmp_path, max_count=2)
    cache.write(A, b"1")
    cache.write(B, b"2")
    cache.read(A, 9)
    cache.write(C, b"3")

    assert sorted(os.listdir(tmp_path)) == [A, C]


def test_entries_are_bounded_in_octets(tmp_path: Path) -> None:
    """Old ones make room; what alone is too much is not kept at all."""
    cache = opened(tmp_path, max_octets=10)
    cache.write(A, bytes(6))
    cache.write(B, bytes(6))
    cache.write(C, bytes(11))

    assert os.listdir(tmp_path) == [B]


def test_a_directory_over_the_bound_is_cut_when_it_is_opened(tmp_path: Path) -> None:
    """By the time of last use, which outlives a run."""
    big = opened(tmp_path)
    for age, name in enumerate((A, B, C)):
        big.write(name, b"1")
        os.utime(tmp_path / name, (NOW - age, NOW - age))
    opened(tmp_path, max_count=1)

    assert os.listdir(tmp_path) == [A]


def test_what_was_never_finished_is_removed_after_a_day(tmp_path: Path) -> None:
    """A run that was killed leaves a file; one that is under way keeps it."""
    cache = opened(tmp_path)
    old, new = cache.unfinished(), cache.unfinished()
    assert old is not None and new is not None
    os.utime(old, (NOW - 90_000, NOW - 90_000))
    os.utime(new, (NOW, NOW))
    opened(tmp_path)

    assert [path.exists() for path in (old, new)] == [False, True]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """The user may have pointed it anywhere."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder.ocsp").mkdir()
    (tmp_path / ("d" * 64 + ".ocsp")).symlink_to(tmp_path / "notes.txt")
    opened(tmp_path, max_count=1).write(A, b"1")

    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(os.listdir(tmp_path)) == 4


@pytest.mark.parametrize("broken", ["file-in-the-way", "gone", "full"])
def test_a_directory_that_cannot_be_used_is_told_once(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning; everything else then does nothing."""
    place = tmp_path / "cache"
    warnings = Warnings()
    if broken == "file-in-the-way":
        place.write_text("")
    cache = opened(place, warnings)
    if broken == "gone":
        place.rmdir()
    if broken == "full":

        def no_space(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", no_space)
    for name in (A, B):
        cache.write(name, b"1")
        cache.drop(name)

    assert cache.read(A, 9) is None and cache.unfinished() is None
    assert len(warnings) == 1 and str(place) in warnings[0]
    if broken == "full":
        assert os.listdir(place) == []


def test_no_directory_keeps_nothing() -> None:
    """And says nothing: nobody asked for it."""
    warnings = Warnings()
    cache = opened(None, warnings)
    cache.write(A, b"1")

    assert not cache.usable and cache.read(A, 9) is None and warnings == []


@pytest.mark.parametrize(
    ("environ", "state", "expected"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "", "/c/fleetscan/revocation"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "", "/h/.cache/fleetscan/revocation"),
        ({"HOME": "/h"}, "", "/h/.cache/fleetscan/revocation"),
        ({"HOME": "/h"}, "/s", "/s/revocation"),
        ({}, "", None),
    ],
)
def test_where_answers_are_kept(environ: dict[str, str], state: str, expected: str | None) -> None:
    """The XDG base directories, whose paths must be absolute; --state keeps all in one place."""
    found = default_directory(environ, state)

    assert (found and str(found)) == expected

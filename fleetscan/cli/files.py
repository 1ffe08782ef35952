"""Whole files, read within a bound and written so that no reader sees half of one."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from typing import Final

from fleetscan.cli.terminal import harmless
from fleetscan.errors import OutputError, UsageError

STANDARD_INPUT: Final = "-"

_NEW_FILE: Final = 0o644
"""Certificates are public; the process's mask takes away from it."""


def read_file(path: str, limit: int) -> bytes:
    """The octets of a file, or of standard input for `-`.

    Args:
        path: the file.
        limit: octets that it may have.

    Raises:
        UsageError: it cannot be read, or is larger.
    """
    place = "standard input" if path == STANDARD_INPUT else harmless(path)
    try:
        if path != STANDARD_INPUT:
            with open(path, "rb") as file:
                octets = file.read(limit + 1)
        elif sys.stdin is None:
            raise UsageError("standard input is closed")
        else:
            octets = sys.stdin.buffer.read(limit + 1)
    except OSError as failed:
        raise UsageError(f"{place} cannot be read: {_reason(failed)}") from None
    except ValueError:  # a NUL in it
        raise UsageError(f"{place} cannot be read: not a file name") from None
    if len(octets) > limit:
        raise UsageError(f"{place} is larger than {limit} octets")
    return octets


def check_target(path: str, inputs: Iterable[str], option: str) -> None:
    """Refuse to write to what is no file, or is one of the files that are read.

    Args:
        path: the file that shall be written.
        inputs: files and directories that are read.
        option: what named it, for messages.

    Raises:
        UsageError: it must not be written.
    """
    shown = harmless(path)
    if path == STANDARD_INPUT or not path:
        raise UsageError(f"{option} takes the name of a file")
    try:
        mode = os.stat(path).st_mode
    except OSError:
        mode = stat.S_IFREG  # is not there yet, or will be told about when it is written
    except ValueError:
        raise UsageError(f"{option}: {shown} is not a file name") from None
    if not stat.S_ISREG(mode):
        raise UsageError(f"{option}: {shown} is not an ordinary file")
    directory = os.path.dirname(os.path.realpath(path))
    for one in inputs:
        if _is_same(path, one) or (os.path.isdir(one) and _is_same(directory, one)):
            raise UsageError(f"{option}: {shown} is read by this command; name another file")


def write_whole(path: str, octets: bytes) -> None:
    """Write a file or leave it as it is; its mode and a link that leads to it stay.

    Raises:
        OutputError: it cannot be written.
    """
    target = os.path.realpath(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".fleetscan-")
        try:
            with open(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _mode_for(target))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as failed:
        raise OutputError(f"cannot write {harmless(path)}: {_reason(failed)}") from None


def _mode_for(target: str) -> int:
    """The mode of the file that is there, else what the process's mask allows."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return _NEW_FILE & ~mask


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them is not there
        return False


def _reason(failed: OSError) -> str:
    return failed.strerror or type(failed).__name__

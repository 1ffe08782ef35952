"""What the command line says besides its results, and whether in colour."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TextIO


def say(text: str) -> None:
    """One line on standard error, with the program's name in front."""
    write_error(f"fleetscan: {text}")


def write_error(text: str) -> None:
    """One line on standard error as it is; a standard error that is gone is no error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # gone, or closed: None
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def harmless(text: str) -> str:
    """Text of unknown origin, such as a file's name, with nothing that acts on a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person watches."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a person watches who can be shown colours and a line that changes."""
    return is_terminal(stream) and os.environ.get("TERM", "") != "dumb"


def terminal_width(stream: TextIO | None) -> int | None:
    """Columns of the terminal as it is now; None where there is none."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else None


def wants_colour(stream: TextIO | None) -> bool:
    """Whether to use colour there: a terminal that can, and no `NO_COLOR` in the way.

    `NO_COLOR` counts when it is set to anything but the empty string.
    """
    return can_redraw(stream) and not os.environ.get("NO_COLOR")

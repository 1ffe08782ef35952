"""Octets of a file -> lines, without I/O and with a bound on what is ever held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fleetscan.limits import MAX_INVENTORY_LINE

_BOM: Final = b"\xef\xbb\xbf"


class LineSplitter:
    r"""Cuts octets into lines as they come, however they come.

    Lines end in LF, CR LF or a lone CR. A byte order mark in front is dropped. A line of
    more than `limit` octets is given as None once, and its octets are let go as they come.

    Args:
        limit: octets of the longest line that is kept.
    """

    __slots__ = ("_after_cr", "_begun", "_limit", "_line", "_number", "_overlong")

    def __init__(self, limit: int = MAX_INVENTORY_LINE) -> None:
        self._limit = limit
        self._line = bytearray()
        self._number = 0
        self._overlong = False
        self._after_cr = False
        self._begun = False

    def feed(self, octets: bytes) -> Iterator[tuple[int, bytes | None]]:
        """The lines that `octets` complete, each with its number counted from 1."""
        if self._after_cr and octets.startswith(b"\n"):
            octets = octets[1:]  # the second half of a CR LF that was cut in two
            self._after_cr = False
        if not octets:
            return
        pieces = octets.splitlines(keepends=True)  # LF, CR LF and CR, for bytes
        for piece in pieces:
            bare = piece.rstrip(b"\r\n")
            self._keep(bare)
            if len(bare) != len(piece):
                yield self._take()
        self._after_cr = octets.endswith(b"\r")

    def finish(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, when no line end followed it."""
        if self._line or self._overlong:
            yield self._take()

    def _keep(self, octets: bytes) -> None:
        if self._overlong:
            return
        self._line += octets
        # Three octets of leave: the byte order mark is not part of the line.
        if len(self._line) > self._limit + (0 if self._begun else len(_BOM)):
            self._overlong = True
            self._line.clear()

    def _take(self) -> tuple[int, bytes | None]:
        line: bytes | None = None if self._overlong else bytes(self._line)
        if not self._begun and line is not None:
            line = line.removeprefix(_BOM)
        self._begun = True
        self._overlong = False
        self._line.clear()
        self._number += 1
        return self._number, line

"""One HTTP/1.1 response, read from octets as they come: no sockets, no clock.

Written for a connection that carries one exchange: what follows the response is dropped.
"""

from __future__ import annotations

import re
from typing import Final

from fleetscan import limits
from fleetscan.pki.fetched import FetchFailure, FetchReason, failure

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: .*)?")
"""RFC 9112 section 4. The blank behind the code is left out by some when no reason follows."""

_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")
"""RFC 9112 section 7.1, with the extensions of a chunk, which mean nothing here."""

_VERSION: Final = b"HTTP/1."
_OK: Final = 200
_UPGRADED: Final = 101


class AnswerReader:
    """One response under way. `done` once it is whole or refused; `refused` says why.

    Args:
        max_octets: of content; more of it is refused, as soon as it is announced.
    """

    __slots__ = (
        "_buffer",
        "_fields",
        "_framing",
        "_max_octets",
        "_minor",
        "_remaining",
        "_take",
        "done",
        "length",
        "refused",
        "status",
    )

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._buffer = bytearray()
        # What is not content: bounds a header, and chunks, that never end.
        self._framing = 0
        self._minor = 0
        self._fields: list[tuple[bytes, bytes]] = []
        # Octets of the content or of the chunk that are still to come.
        self._remaining = 0
        self._take = self._take_head
        self.status = 0
        self.length = 0
        self.done = False
        self.refused: FetchFailure | None = None

    def field(self, name: bytes) -> bytes:
        """The value of a header field by its name in lower case; `b""` when it is absent."""
        return b", ".join(value for each, value in self._fields if each == name)

    def receive(self, octets: bytes) -> bytes:
        """Take what came, and give the content in it."""
        self._buffer += octets
        content = bytearray()
        # Ends: a step takes something out of the buffer, which does not grow meanwhile, or
        # says that it needs more.
        while not self.done and self._take(content):
            pass
        if self.done:
            self._buffer.clear()
        return bytes(content)

    def receive_end(self) -> None:
        """Nothing more comes; that is how a content of unknown length ends."""
        if self.done:
            return
        if self._take == self._take_rest:
            self.done = True
        elif self.status == _OK:
            self._refuse(f"ended after {self.length} octets of its content")
        elif self._framing or self._buffer:
            self._refuse("ended in its header")
        else:
            self._refuse("closed without an answer")

    # -- the header --------------------------------------------------------------------

    def _line(self) -> bytes | None:
        """The next line without its end (a bare LF will do, RFC 9112 section 2.2), or None."""
        end = self._buffer.find(b"\n")
        waiting = len(self._buffer) if end < 0 else end + 1
        allowed = limits.MAX_FETCH_HEADER + self.length
        if self._framing + waiting > allowed:
            self._refuse("header or chunks that do not end")
            return None
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._framing += end + 1
        return line

    def _take_head(self, content: bytearray) -> bool:
        if not self.status and self._buffer[: len(_VERSION)] != _VERSION[: len(self._buffer)]:
            self._refuse(b"not HTTP/1: " + bytes(self._buffer[: limits.FIRST_OCTETS]))
            return False
        line = self._line()
        if line is None:
            return False
        if not self.status:
            self._take_status(line)
        elif line[:1] in (b" ", b"\t") and self._fields:
            # obs-fold: a user agent reads it as a blank (RFC 9112 section 5.2).
            name, value = self._fields[-1]
            self._fields[-1] = (name, (value + b" " + line.strip()).strip())
        elif line:
            name, _, value = line.partition(b":")
            self._fields.append((name.strip().lower(), value.strip(b" \t")))
        else:
            self._end_head()
        return True

    def _take_status(self, line: bytes) -> None:
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            self._refuse(b"not a status line: " + line)
            return
        self._minor, self.status = int(found[1]), int(found[2])

    def _end_head(self) -> None:
        if 100 <= self.status <= 199 and self.status != _UPGRADED:
            # RFC 9110 section 15.2: any number of them may come before the answer; the
            # bound on octets ends it.
            self.status, self._fields = 0, []
        elif self.status != _OK:
            self.done = True  # no content of another status is of use
        elif self.field(b"content-encoding").lower() not in (b"", b"identity"):
            self._refuse(b"a coding that was not asked for: " + self.field(b"content-encoding"))
        else:
            self._begin_content()

    def _begin_content(self) -> None:
        """Find how the content ends, RFC 9112 section 6.3."""
        lengths = [value for name, value in self._fields if name == b"content-length"]
        codings = self.field(b"transfer-encoding").lower()
        if codings:
            # Under HTTP/1.0 the framing is faulty then (RFC 9112 section 6.1).
            if codings != b"chunked" or not self._minor:
                self._refuse(b"Transfer-Encoding: " + codings)
            self._take = self._take_chunk_size
        elif lengths:
            if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
                self._refuse(b"Content-Length: " + b", ".join(lengths))
                return
            self._remaining = int(lengths[0])
            if self._fits(self._remaining):
                self.done = not self._remaining
            self._take = self._take_counted
        else:
            self._take = self._take_rest

    # -- the content -------------------------------------------------------------------

    def _take_rest(self, content: bytearray) -> bool:
        if self._fits(self.length + len(self._buffer)):
            self._move(content, len(self._buffer))
        return False

    def _take_counted(self, content: bytearray) -> bool:
        self._remaining -= self._move(content, self._remaining)
        self.done = not self._remaining
        return False

    def _take_chunk_size(self, content: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            self._refuse(b"not the size of a chunk: " + line)
            return False
        self._remaining = int(found[1], 16)
        if not self._remaining:
            self._take = self._take_trailer
        elif self._fits(self.length + self._remaining):
            self._take = self._take_chunk
        return True

    def _take_chunk(self, content: bytearray) -> bool:
        self._remaining -= self._move(content, self._remaining)
        if self._remaining:
            return False
        self._take = self._take_chunk_end
        return True

    def _take_chunk_end(self, content: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            self._refuse(b"more than its size in a chunk: " + line)
        self._take = self._take_chunk_size
        return True

    def _take_trailer(self, content: bytearray) -> bool:
        line = self._line()
        self.done = self.done or line == b""
        return line is not None

    def _move(self, content: bytearray, most: int) -> int:
        piece = self._buffer[:most]
        del self._buffer[:most]
        content += piece
        self.length += len(piece)
        return len(piece)

    def _fits(self, octets: int) -> bool:
        if octets > self._max_octets:
            self.refused = failure(FetchReason.TOO_LARGE, f"more than {self._max_octets} octets")
            self.done = True
        return not self.done

    def _refuse(self, detail: str | bytes) -> None:
        self.refused = failure(FetchReason.BAD_ANSWER, detail)
        self.done = True

"""CONNECT: asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6)."""

from __future__ import annotations

import base64
import re
from typing import Final

from fleetscan import limits
from fleetscan.text import printable
from fleetscan.tls.proxies.address import Credentials, bracketed
from fleetscan.vocabulary import ProxyAnswer

STEP: Final = "request"

_VERSION: Final = b"HTTP/"
_STATUS_LINE: Final = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3})(?: (.*))?")
"""RFC 9112 section 4. The blank behind the code is left out by some when no reason follows."""

_UPGRADED: Final = 101
_AUTHENTICATION_REQUIRED: Final = 407
_REASONS: Final = {
    # The schemes that it would take (RFC 9110 section 11.7.1).
    b"proxy-authenticate": _AUTHENTICATION_REQUIRED,
    # Its own account of what went wrong (RFC 9209 section 2).
    b"proxy-status": None,
}
"""Fields that say more of the reason, each with the one status that it belongs to, if any."""


class HttpConnect:
    """One CONNECT under way.

    Args:
        host: what the tunnel shall lead to: an IP address as text, or a name.
        port: the TCP port there.
        credentials: sent unasked, as basic authentication (RFC 7617 section 2).
    """

    __slots__ = (
        "_authority",
        "_authorization",
        "_code",
        "_details",
        "_taken",
        "_words",
        "answer",
        "rest",
    )

    def __init__(self, host: str, port: int, credentials: Credentials | None) -> None:
        self._authority = f"{bracketed(host)}:{port}".encode("ascii")
        self._authorization = b""
        if credentials is not None:
            pair = base64.b64encode(credentials.user + b":" + credentials.password)
            self._authorization = b"Proxy-Authorization: Basic " + pair + b"\r\n"
        self._code: int | None = None
        self._words = ""
        self._details: list[bytes] = []
        self._taken = 0
        self.answer: ProxyAnswer | None = None
        # What came and was not looked at; behind an answer it belongs to whoever speaks next.
        self.rest = b""

    def start(self) -> bytes:
        """The request, in authority-form (RFC 9112 section 3.2.3)."""
        return (
            b"CONNECT " + self._authority + b" HTTP/1.1\r\n"
            b"Host: " + self._authority + b"\r\n"
            b"User-Agent: fleetscan\r\n" + self._authorization + b"\r\n"
        )

    def receive(self, octets: bytes) -> bytes:
        """Take what the proxy said; there is nothing more to say to it. See `answer`."""
        self.rest += octets
        # Ends: each turn takes a line out of `rest`, which does not grow meanwhile.
        while self.answer is None:
            line, newline, rest = self.rest.partition(b"\n")
            if not newline:
                self._look_at_beginning()
                break
            self._taken += len(line) + 1
            self.rest = rest
            self._look_at_size(self._taken)
            if self.answer is None:
                self._take(line.removesuffix(b"\r"))
        return b""

    def conclude(self) -> None:
        """Nothing more comes: what was said so far, if anything, is the answer."""
        if self.answer is not None:
            return
        if self._code is None:
            self._words = printable(self.rest)
        # A promise that breaks off in its header is none.
        self._refuse(self._code)

    def _look_at_beginning(self) -> None:
        """A status line that has not ended yet may show already that it is none."""
        if self._code is None and self.rest[: len(_VERSION)] != _VERSION[: len(self.rest)]:
            self._words = printable(self.rest)
            self._refuse(None)
        self._look_at_size(self._taken + len(self.rest))

    def _look_at_size(self, octets: int) -> None:
        if self.answer is None and octets > limits.MAX_PROXY_HEADER:
            self._details.append(b"its header does not end")
            self._refuse(self._code)

    def _take(self, line: bytes) -> None:
        if self._code is None:
            self._take_status(line)
        elif line:
            self._take_field(line)
        elif _interim(self._code):
            # RFC 9110 section 15.2: any number of them may come before the answer; the
            # bound on octets ends it.
            self._code, self._words = None, ""
        elif 200 <= self._code <= 299:
            # Whatever Content-Length says here counts for nothing (RFC 9110 section 9.3.6).
            self.answer = ProxyAnswer(step=STEP, accepted=True, code=self._code, words=self._words)
        else:
            self._refuse(self._code)

    def _take_status(self, line: bytes) -> None:
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            self._words = printable(line) or "(an empty line)"
            self._refuse(None)
            return
        self._code = int(found[1])
        self._words = printable(found[2] or b"")
        self._details = []

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in _REASONS and _REASONS[name] in (None, self._code):
            self._details.append(value.strip(b" \t"))

    def _refuse(self, code: int | None) -> None:
        self.answer = ProxyAnswer(
            step=STEP,
            accepted=False,
            code=code,
            words=self._words,
            detail=printable(b", ".join(self._details)),
        )


def _interim(code: int) -> bool:
    # Nobody asked for another protocol, so 101 is no interim response here
    # (RFC 9110 section 15.2.2).
    return 100 <= code <= 199 and code != _UPGRADED

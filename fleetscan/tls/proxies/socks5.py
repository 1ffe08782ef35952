"""SOCKS5: asks a proxy for a tunnel (RFC 1928), with user name and password (RFC 1929)."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from fleetscan.inventory.ranges import parse_address
from fleetscan.text import printable
from fleetscan.tls.proxies.address import Credentials
from fleetscan.vocabulary import ProxyAnswer

METHOD: Final = "method"
AUTHENTICATION: Final = "authentication"
REQUEST: Final = "request"

VERSION: Final = 5

NO_AUTHENTICATION: Final = 0x00
USERNAME_PASSWORD: Final = 0x02
NO_ACCEPTABLE_METHODS: Final = 0xFF

IPV4: Final = 1
DOMAIN_NAME: Final = 3
IPV6: Final = 4

_NEGOTIATION_VERSION: Final = b"\x01"
"""Of the sub-negotiation of RFC 1929, not of SOCKS."""

_CONNECT: Final = 1
_SUCCEEDED: Final = 0
_ADDRESS_OCTETS: Final = {IPV4: 4, IPV6: 16}
_PORT_OCTETS: Final = 2


class Socks5:
    """One SOCKS5 dialogue under way.

    Args:
        host: what the tunnel shall lead to: an IP address as text, or a name.
        port: the TCP port there.
        credentials: offered where given; the proxy chooses whether it wants them.
    """

    __slots__ = ("_credentials", "_host", "_port", "_step", "answer", "rest")

    def __init__(self, host: str, port: int, credentials: Credentials | None) -> None:
        self._host = host
        self._port = port
        self._credentials = credentials
        self._step = METHOD
        self.answer: ProxyAnswer | None = None
        # What came and was not looked at; behind an answer it belongs to whoever speaks next.
        self.rest = b""

    def start(self) -> bytes:
        """The methods that we have (RFC 1928 section 3)."""
        methods = bytes([NO_AUTHENTICATION])
        if self._credentials is not None:
            methods += bytes([USERNAME_PASSWORD])
        return bytes([VERSION, len(methods)]) + methods

    def receive(self, octets: bytes) -> bytes:
        """Take what the proxy said and give back what to say; see `answer`."""
        self.rest += octets
        said = []
        # Ends: a turn goes one of three steps on, or settles the answer, or stops for octets;
        # `rest` holds one reply of 262 octets at most until it is whole.
        while self.answer is None and self.rest:
            before = self._step
            said.append(self._receive_reply())
            if self._step == before:
                break
        return b"".join(said)

    def conclude(self) -> None:
        """Nothing more comes: what there is of a reply, if anything, is the answer."""
        if self.answer is None:
            self._refuse(None)

    def _receive_reply(self) -> bytes:
        """Read one reply, as far as it is there."""
        # Where RFC 1929 section 2 has the version of its own negotiation some put that of
        # SOCKS: only the status counts there.
        if self._step != AUTHENTICATION and self.rest[0] != VERSION:
            self._refuse(None)
            return b""
        if len(self.rest) < 2:
            return b""
        code = self.rest[1]
        if self._step == METHOD:
            return self._method_chosen(code)
        if self._step == AUTHENTICATION:
            return self._authenticated(code)
        self._replied(code)
        return b""

    def _method_chosen(self, method: int) -> bytes:
        credentials = self._credentials
        if method == NO_AUTHENTICATION:
            return self._ask()
        if method == USERNAME_PASSWORD and credentials is not None:
            self._go_on(AUTHENTICATION)
            return b"".join(
                (
                    _NEGOTIATION_VERSION,
                    _with_length(credentials.user),
                    _with_length(credentials.password),
                )
            )
        # No acceptable methods, or one that was not offered.
        self._refuse(method)
        return b""

    def _authenticated(self, status: int) -> bytes:
        if status != _SUCCEEDED:
            self._refuse(status)
            return b""
        return self._ask()

    def _ask(self) -> bytes:
        """The request (RFC 1928 section 4)."""
        self._go_on(REQUEST)
        return (
            bytes([VERSION, _CONNECT, 0])
            + _encoded_address(self._host)
            + struct.pack(">H", self._port)
        )

    def _replied(self, code: int) -> None:
        """The reply (RFC 1928 section 6): a refusal is told by its first two octets alone."""
        if code != _SUCCEEDED:
            self._refuse(code)
            return
        length = _reply_length(self.rest)
        if length == 0:
            self._refuse(None)
        elif length is not None and len(self.rest) >= length:
            self.rest = self.rest[length:]
            self.answer = ProxyAnswer(step=REQUEST, accepted=True, code=code)

    def _go_on(self, step: str) -> None:
        self.rest = self.rest[2:]
        self._step = step

    def _refuse(self, code: int | None) -> None:
        words = printable(self.rest) if code is None else ""
        self.answer = ProxyAnswer(step=self._step, accepted=False, code=code, words=words)


def _with_length(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _encoded_address(host: str) -> bytes:
    """ATYP and DST.ADDR (RFC 1928 section 5)."""
    address = parse_address(host)
    if address is None:
        return bytes([DOMAIN_NAME]) + _with_length(host.encode("ascii"))
    kind = IPV4 if isinstance(address, ipaddress.IPv4Address) else IPV6
    return bytes([kind]) + address.packed


def _reply_length(reply: bytes) -> int | None:
    """Octets of a whole reply; None while that is open, 0 for an address type that is none."""
    if len(reply) < 4:
        return None
    kind = reply[3]
    if kind == DOMAIN_NAME:
        return None if len(reply) < 5 else 5 + reply[4] + _PORT_OCTETS
    octets = _ADDRESS_OCTETS.get(kind)
    return 0 if octets is None else 4 + octets + _PORT_OCTETS

"""A connection on which no TLS is spoken: a plain request, or nothing at all.

What the peer says to that shows which protocol it speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.tls import events as seen
from fleetscan.tls.client import looks_like_tls
from fleetscan.tls.hello import wire_server_name
from fleetscan.tls.proxies.address import bracketed
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from fleetscan.tls.events import Event

HTTP_PORT: Final = 80

VISIBLE: Final = range(0x21, 0x7F)


def http_request(host: str, port: int) -> bytes:
    """A request for `/` that ends the connection (RFC 9112 section 3).

    Args:
        host: a name or an IP address as text. One with blanks or controls in it, which would
            end the line, is not told: the field then is empty (RFC 9112 section 3.2).
        port: told where it is not HTTP's own (RFC 9110 section 7.2).

    Raises:
        UsageError: the name cannot be written as a DNS name.
    """
    # A zone (RFC 4007 section 11) says something to this machine alone.
    authority = wire_server_name(host) or bracketed(host.partition("%")[0]).encode("ascii")
    if not all(octet in VISIBLE for octet in authority):
        authority = b""
    elif port != HTTP_PORT:
        authority += b":%d" % port
    return (
        b"GET / HTTP/1.1\r\n"
        b"Host: " + authority + b"\r\n"
        b"User-Agent: fleetscan\r\n"
        b"Accept: */*\r\n"
        b"Connection: close\r\n"
        b"\r\n"
    )


class PlainQuestion:
    """Octets said once, or none, and the beginning of what comes back.

    To the engine it is a conversation like any other (`tls.conversation.Conversation`).

    Args:
        said: what is sent when the connection stands; `b""` waits for the peer to speak first.
    """

    __slots__ = ("_heard", "_heard_at", "_said", "events", "finished")

    def __init__(self, said: bytes = b"") -> None:
        self.events: list[Event] = []
        self.finished = False
        self._said = said
        self._heard = b""
        self._heard_at = 0

    def start(self, now: float) -> bytes:
        """Octets to send right after connect."""
        return self._said

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take what the peer sent; nothing is answered."""
        if not octets or self.finished:
            return b""
        if not self._heard:
            self._heard_at = len(self.events)
        self._heard = (self._heard + octets)[: limits.BANNER_OCTETS]
        event = seen.PlainHeard(now, self._heard, looks_like_tls(self._heard))
        # The last word replaces the earlier ones, wherever the engine has got to meanwhile.
        self.events[self._heard_at : self._heard_at + 1] = [event]
        self.finished = len(self._heard) == limits.BANNER_OCTETS
        return b""

    def receive_end(self, now: float) -> None:
        """FIN from the peer."""
        self.finished = True

    def silence(self, now: float) -> bytes:
        """The deadline that `waiting` names passed."""
        self.finished = bool(self._heard)
        return b""

    def close(self, now: float) -> bytes:
        """What to say before closing."""
        return b""

    @property
    def waiting(self) -> str:
        """Which deadline counts: first_octet, banner."""
        return "banner" if self._heard else "first_octet"

    @property
    def stage(self) -> Stage:
        """The step under way: TLS never begins."""
        return Stage.CLIENT_HELLO

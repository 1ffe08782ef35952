"""The lab's servers: TLS over memory buffers, and sockets that misbehave on purpose.

Both are plain protocols, so that they run on every event loop, and both are bounded:
`MAX_CONNECTIONS` at once, `HOLD_S` seconds and `MAX_OCTETS` octets each.
TLS is not left to the loop's own transport because that one drops the server's alert
when a handshake fails, and the alert is what the lab is there to show.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, cast

from fleetscan.lab.flights import HANDSHAKE, SeenHello, joined_hello, read_client_hello

HOLD_S: Final = 120.0
"""Seconds a connection may last: longer than the patience of any scan worth testing."""

MAX_CONNECTIONS: Final = 64
"""Connections at once to one listener; more are dropped at accept."""

MAX_OCTETS: Final = 1 << 18
"""Octets taken from one peer."""

RECORD_HEADER: Final = 5

Answer: TypeAlias = Callable[[bytes], bytes]
"""From the client's first octets to what is sent back; ValueError closes the connection."""


class Ending(Enum):
    """What a misbehaving server does after its last octet."""

    HOLD = "hold"
    FIN = "fin"
    RST = "rst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a misbehaving server does.

    Args:
        banner: sent at accept, before anything was read.
        at_accept: `ending` comes at accept too, and nothing is answered.
        answer: makes what is sent after the client's first record; None sends nothing.
        ending: how the connection is left.
        drip_s: seconds between two octets of the answer; 0 sends it at once.
    """

    banner: bytes = b""
    at_accept: bool = False
    answer: Answer | None = None
    ending: Ending = Ending.HOLD
    drip_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server does in place of a handshake: its octets, and how it leaves then."""

    octets: bytes = b""
    ending: Ending = Ending.FIN


Gate: TypeAlias = Callable[[SeenHello], Refusal | None]
"""Looks at a hello before the handshake; None lets it pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """The plain words before TLS, line by line, as SMTP has them (RFC 3207 section 2).

    Args:
        banner: sent at accept.
        answers: what is said to a line that begins with such a word.
        otherwise: what is said to any other line.
        upgrade: the word after whose answer TLS begins; `b""`: none does it.
    """

    banner: bytes
    answers: Mapping[bytes, bytes]
    otherwise: bytes
    upgrade: bytes = b""


class Connections:
    """The connections of one listener. After `end` there are none, and none are taken."""

    def __init__(self) -> None:
        self._live: set[BoundedProtocol] = set()
        self._ended = False

    def take(self, connection: BoundedProtocol) -> bool:
        """Whether there is room for this one; it is then counted until `forget`."""
        if self._ended or len(self._live) >= MAX_CONNECTIONS:
            return False
        self._live.add(connection)
        return True

    def forget(self, connection: BoundedProtocol) -> None:
        """It is over."""
        self._live.discard(connection)

    def end(self) -> None:
        """End every one of them now."""
        self._ended = True
        for connection in tuple(self._live):
            connection.abort()


class BoundedProtocol(asyncio.Protocol):
    """A connection that ends by itself, whatever its peer does."""

    def __init__(self, live: Connections) -> None:
        self._live = live
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._octets = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or drop it when there are too many."""
        # uvloop's transports behave as asyncio's do, and are no instances of them.
        stream = cast(asyncio.Transport, transport)
        if not self._live.take(self):
            stream.abort()
            return
        self._transport = stream
        self._timer = asyncio.get_running_loop().call_later(HOLD_S, self.abort)
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Count, and hand on what is still wanted."""
        self._octets += len(data)
        if self._octets > MAX_OCTETS:
            self.abort()
        elif self._transport is not None:
            self.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything: no timer and no reference outlives the connection."""
        self._live.forget(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def begin(self) -> None:
        """The connection stands."""

    def receive(self, data: bytes) -> None:
        """The peer sent octets."""

    def abort(self) -> None:
        """End it now, with a RST where octets are unread."""
        if self._transport is not None:
            self._transport.abort()

    def send(self, octets: bytes) -> None:
        """Send what there is to send, if the connection still stands."""
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def leave(self, ending: Ending) -> None:
        """Close the way the condition wants it.

        FIN is a half close: the peer's octets are still read, for unread ones would
        make the kernel send a RST in its place.
        """
        if self._transport is None or self._transport.is_closing():
            return
        if ending is Ending.FIN:
            self._transport.write_eof()
        elif ending is Ending.RST:
            connection: socket.socket = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


class ScriptedServer(BoundedProtocol):
    """Waits for the client's first record, then follows its script."""

    def __init__(self, live: Connections, script: Script) -> None:
        super().__init__(live)
        self._script = script
        self._received = b""
        self._answered = False

    def begin(self) -> None:
        """Send the banner; a server that closes at accept is done with that."""
        self.send(self._script.banner)
        if self._script.at_accept:
            self._answered = True
            self.leave(self._script.ending)

    def receive(self, data: bytes) -> None:
        """Collect one whole record, or anything that does not begin as one; then answer."""
        if self._answered:
            return
        self._received += data
        if self._received[0] == 0x16 and not _is_whole_record(self._received):
            return
        self._answered = True
        try:
            octets = self._script.answer(self._received) if self._script.answer else b""
        except ValueError:
            self.abort()
            return
        if self._script.drip_s:
            self._drip(octets, 0)
        else:
            self.send(octets)
            self.leave(self._script.ending)

    def _drip(self, octets: bytes, at: int) -> None:
        """One octet now, the next one later. Ends with the octets, or with the connection."""
        if self._transport is None or at >= len(octets):
            return
        self.send(octets[at : at + 1])
        asyncio.get_running_loop().call_later(self._script.drip_s, self._drip, octets, at + 1)


def _is_whole_record(octets: bytes) -> bool:
    if len(octets) < RECORD_HEADER:
        return False
    return len(octets) >= RECORD_HEADER + int.from_bytes(octets[3:5], "big")


class TlsServer(BoundedProtocol):
    """A TLS server that hands its alert over before it closes.

    Args:
        live: the connections of its listener.
        context: how it speaks TLS.
        gate: looks at the whole hello first; None lets every hello pass.
        first_read: octets of its one read, which it takes for the whole hello; 0 reads on.
    """

    def __init__(
        self,
        live: Connections,
        context: ssl.SSLContext,
        *,
        gate: Gate | None = None,
        first_read: int = 0,
    ) -> None:
        super().__init__(live)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._gate = gate
        self._first_read = first_read
        self._held = b""
        self._established = False
        self._over = False

    def receive(self, data: bytes) -> None:
        """Feed the handshake; after it, read and throw away until the peer closes."""
        if self._over:
            return
        if self._first_read:
            if not _is_whole_record(data[: self._first_read]):
                self._refuse(Refusal())
                return
            self._first_read = 0
        if self._gate is not None:
            data = self._inspect(self._gate, data)
            if not data:
                return
        self._incoming.write(data)
        try:
            self._advance()
        except ssl.SSLWantReadError:
            self.send(self._outgoing.read())
        except (ssl.SSLError, OSError):
            # A refused handshake: the alert, if OpenSSL wrote one, goes out first.
            self._finish()

    def _inspect(self, gate: Gate, data: bytes) -> bytes:
        """Hold the octets back until the hello is whole and may pass."""
        self._held += data
        refusal = None
        if self._held[0] == HANDSHAKE:
            hello = joined_hello(self._held)
            if hello is None:
                return b""
            with contextlib.suppress(ValueError):
                refusal = gate(read_client_hello(hello))
        if refusal is not None:
            self._refuse(refusal)
            return b""
        self._gate = None
        return self._held

    def _refuse(self, refusal: Refusal) -> None:
        self._over = True
        self.send(refusal.octets)
        self.leave(refusal.ending)

    def _advance(self) -> None:
        if not self._established:
            self._tls.do_handshake()
            self._established = True
            self.send(self._outgoing.read())
        while self._tls.read(16_384):  # ends: MAX_OCTETS bounds what was fed
            pass
        self._finish()

    def _finish(self) -> None:
        self._over = True
        if self._established:
            # Answers a close_notify; OpenSSL objects when the peer just went away.
            with contextlib.suppress(ssl.SSLError, OSError):
                self._tls.unwrap()
        self.send(self._outgoing.read())
        self.leave(Ending.FIN)


class DialogueServer(TlsServer):
    """Speaks plain lines first, and TLS once it was asked for."""

    def __init__(self, live: Connections, context: ssl.SSLContext, dialogue: Dialogue) -> None:
        super().__init__(live, context)
        self._dialogue = dialogue
        self._lines = b""
        self._upgraded = False

    def begin(self) -> None:
        """Greet."""
        self.send(self._dialogue.banner)

    def receive(self, data: bytes) -> None:
        """Answer whole lines; hand on everything once TLS was agreed."""
        if self._upgraded:
            super().receive(data)
            return
        self._lines += data
        while b"\n" in self._lines:  # every turn takes one line
            line, _, self._lines = self._lines.partition(b"\n")
            word = line.split(maxsplit=1)[0].upper() if line.strip() else b""
            self.send(self._dialogue.answers.get(word, self._dialogue.otherwise))
            if word and word == self._dialogue.upgrade:
                self._upgraded = True
                return

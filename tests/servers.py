"""Loopback servers and a pretend client, for the tests of the engine."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import uvloop

from fleetscan.engine.asking import Excluder
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.engine.probe import Client
from fleetscan.engine.scanner import Scanner
from fleetscan.engine.source import Targets
from fleetscan.facts import HandshakeFacts
from fleetscan.inventory.target import Target
from fleetscan.tls.events import (
    ClientHelloSent,
    Completed,
    ConnectFailed,
    Ended,
    Event,
    Offer,
    ResolveFailed,
)
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from fleetscan.experiment import Ask
    from fleetscan.tls.conversation import Conversation

ALL_LOOPBACK = "0.0.0.0"
HELLO = b"hello, who are you?"
ANSWER = b"a flight of octets"

T = TypeVar("T")

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(loop_name: str, work: Coroutine[Any, Any, T], *, limit_s: float = 30.0) -> T:
    """Run `work` on the named loop; a test that hangs fails instead."""

    async def bounded() -> T:
        async with asyncio.timeout(limit_s):
            return await work

    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
        return runner.run(bounded())


class PretendConversation:
    """A dialogue of one question and one answer, with the interface of the real one.

    Says `HELLO`, wants `ANSWER`, and waits as `waits` tells for each number of octets received.
    """

    def __init__(self, *, hello: bytes = HELLO, wants: int = len(ANSWER)) -> None:
        self.events: list[Event] = []
        self.finished = False
        self.stage = Stage.CLIENT_HELLO
        self.waiting = "first_octet"
        self.closed = 0
        self.silences: list[str] = []
        self._hello = hello
        self._left = wants

    def start(self, now: float) -> bytes:
        """Say hello."""
        offer = Offer(
            profile="pretend",
            server_name="",
            versions=(),
            cipher_suites=(),
            groups=(),
            signature_schemes=(),
            alpn=(),
            octets=len(self._hello),
        )
        self.events.append(ClientHelloSent(now, offer))
        return self._hello

    def receive(self, octets: bytes, now: float) -> bytes:
        """Count the answer."""
        self.waiting = "handshake"
        self.stage = Stage.SERVER_HELLO
        self._left -= len(octets)
        if self._left <= 0:
            self.finished = True
            self.stage = Stage.CONFIRMED
            self.events.append(Completed(now))
        return b""

    def receive_end(self, now: float) -> None:
        """Nothing more will come."""

    def silence(self, now: float) -> bytes:
        """Remember which deadline passed."""
        self.silences.append(self.waiting)
        return b""

    def close(self, now: float) -> bytes:
        """Say goodbye."""
        self.closed += 1
        return b"bye"


def pretend_fold(events: Sequence[Event]) -> HandshakeFacts:
    """Just enough of facts to see what the engine did."""
    stage, ended_by, number, icmp, failure, detail = Stage.CONFIRMED, None, None, None, None, ""
    completed = False
    octets = 0
    for event in events:
        if isinstance(event, Ended):
            stage, ended_by, number = event.stage, event.ended_by, event.errno
            octets = event.octets
        elif isinstance(event, ConnectFailed):
            stage, number, icmp = Stage.CONNECT, event.errno, event.icmp
        elif isinstance(event, ResolveFailed):
            stage, failure, detail = Stage.RESOLVE, event.failure, event.detail
        elif isinstance(event, Completed):
            completed = True
    return HandshakeFacts(
        stage=stage,
        ended_by=ended_by,
        errno=number,
        icmp=icmp,
        resolve_failure=failure,
        resolve_detail=detail,
        completed=completed,
        octets_received=octets,
    )


class PretendClient:
    """Makes pretend conversations and keeps the events of every fold."""

    def __init__(self, make: Callable[[], Any] = PretendConversation) -> None:
        self.conversations: list[Any] = []
        self.folded: list[tuple[Event, ...]] = []
        self._make = make
        self.asked: list[Ask] = []
        self.client = Client(
            converse=self._converse, converse_as=self._converse_as, fold=self._fold
        )

    def _converse(self, target: Target) -> Conversation:
        conversation = self._make()
        self.conversations.append(conversation)
        return cast("Conversation", conversation)

    def _converse_as(self, target: Target, ask: Ask) -> Conversation:
        self.asked.append(ask)
        return self._converse(target)

    def _fold(self, events: Sequence[Event]) -> HandshakeFacts:
        self.folded.append(tuple(events))
        return pretend_fold(events)


def at(address: str, port: int, *, origin: str = "listed") -> Target:
    """A target at an address."""
    return Target(input=f"{address}:{port}", origin=origin, address=address, port=port)


class Nothing:
    """Excludes nothing."""

    def contains(self, address: str) -> bool:
        """No."""
        return False


def scanner_of(
    targets: Targets,
    config: ScanConfig,
    client: PretendClient | None = None,
    *,
    excludes: Excluder | None = None,
    warnings: list[str] | None = None,
) -> Scanner:
    """A scanner with the pretend client."""
    return Scanner(
        targets,
        config,
        client=(client or PretendClient()).client,
        excludes=Nothing() if excludes is None else excludes,
        warn=(warnings if warnings is not None else []).append,
    )


async def collect(scanner: Scanner) -> list[ProbeOutcome]:
    """All outcomes of a scan."""
    return [outcome async for outcome in scanner]


SHORT = Deadlines(resolve=1.0, connect=0.5, first_octet=0.5, handshake=0.8, confirm=0.1, total=2.0)


# -- servers -----------------------------------------------------------------------------


async def settle() -> None:
    """Let everything that is due run: a few turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(handler: Handler, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server on a free port of `address` (an IPv6 one too); gives the port.

    `ALL_LOOPBACK` answers at every address of 127.0.0.0/8, and only there.
    """
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = writer.get_extra_info("peername")
        try:
            if address == ALL_LOOPBACK and not peer[0].startswith("127."):
                return
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, address, 0, backlog=4096)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await settle()
        server.close()
        await settle()  # connections that were just accepted have their tasks now
        stopped = tuple(tasks)
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)
        await server.wait_closed()
        await settle()


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for the hello, answer, wait for the end."""
    await reader.readexactly(len(HELLO))
    writer.write(ANSWER)
    await reader.read()


async def answers_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for the hello, answer, answer again half a second later, wait for the end."""
    await reader.readexactly(len(HELLO))
    writer.write(ANSWER)
    await asyncio.sleep(0.5)
    writer.write(ANSWER)
    await reader.read()


async def stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything and say nothing."""
    while await reader.read(65536):
        pass


async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Neither read nor answer."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.Event().wait()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one octet every 50 ms for as long as the client stays."""
    while not writer.transport.is_closing():
        writer.write(b".")
        await asyncio.sleep(0.05)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send octets for as long as the client takes them."""
    while not writer.transport.is_closing():
        writer.write(bytes(65536))
        await writer.drain()


async def closes_on_accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send FIN at once."""


async def closes_after_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send FIN once the hello is there."""
    await reader.readexactly(len(HELLO))


async def resets_after_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send RST once the hello is there."""
    await reader.readexactly(len(HELLO))
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Send RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def closed_port(address: str = "127.0.0.1") -> Iterator[int]:
    """A port of `address` that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as sock:
        sock.bind((address, 0))
        yield sock.getsockname()[1]


@contextmanager
def unanswered_port(address: str = "127.0.0.1") -> Iterator[int]:
    """A port of `address` that never answers a SYN: its accept queue is full."""
    with socket.socket() as listening:
        listening.bind((address, 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        fillers = []
        try:
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((address, port))
                fillers.append(filler)
            yield port
        finally:
            for filler in fillers:
                filler.close()


# -- a name server -----------------------------------------------------------------------

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


class Responder(asyncio.DatagramProtocol):
    """A name server of a few lines (RFC 1035 section 4.1)."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.records: dict[tuple[str, int], list[bytes]] = {}
        self.codes: dict[str, int] = {}
        self.silent: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        (kind,) = struct.unpack_from("!H", data, at + 1)
        name = ".".join(labels)
        self.asked[name] += kind == A
        if name in self.silent:
            return
        answers = self.records.get((name, kind), [])
        code = self.codes.get(name, NOERROR)
        header = data[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        question = data[12 : at + 5]
        resources = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(answer)) + answer
            for answer in answers
        )
        self.transport.sendto(header + question + resources, addr)

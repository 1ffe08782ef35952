"""One connection to one address, from SYN to the last event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import ETIMEDOUT
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from fleetscan.engine import connect, errqueue
from fleetscan.engine._connection import Connection
from fleetscan.engine.manner import Manner
from fleetscan.experiment import Speech
from fleetscan.tls.events import ConnectFailed, ConnectStarted, Ended
from fleetscan.tls.proxies.tunnel import Tunnel
from fleetscan.vocabulary import EndedBy, Stage

if TYPE_CHECKING:
    from fleetscan.engine.config import Deadlines
    from fleetscan.engine.route import Route
    from fleetscan.experiment import Ask
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.tls.conversation import Conversation
    from fleetscan.tls.events import Event
    from fleetscan.tls.plain_question import PlainQuestion

Spoken: TypeAlias = "Conversation | PlainQuestion | Tunnel"
"""What a connection's octets go to and come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client without I/O, as the engine needs it.

    Args:
        converse: makes the conversation for one connection to a target.
        converse_as: makes the one for an experiment.
        fold: makes facts of the events of one probe.
    """

    converse: Callable[[Target], Conversation]
    converse_as: Callable[[Target, Ask], Conversation | PlainQuestion]
    fold: Callable[[Sequence[Event]], HandshakeFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one connection gave.

    Args:
        events: in the order they happened.
        internal_error: traceback of a bug of ours, `""` otherwise.
        exhausted: the errno when this machine had run out of something, None otherwise.
    """

    events: Sequence[Event]
    internal_error: str = ""
    exhausted: int | None = None


async def attempt(
    client: Client,
    target: Target,
    address: str,
    deadlines: Deadlines,
    total_at: float,
    route: Route | None = None,
    ask: Ask | None = None,
) -> Attempt:
    """Connect, talk until one side has enough, close. Never raises for what a peer does.

    Args:
        client: makes the conversation.
        target: what to say and to whom.
        address: the IP address, as text; `""` when a proxy is to resolve the target's name.
        deadlines: of each stage, seconds.
        total_at: the monotonic second that ends it whatever it is at.
        route: the proxy to connect to in the target's stead; None to connect to the target.
        ask: how an experiment asks; None for the first probe.
    """
    started = monotonic()
    if route is None:
        opened = connect.open_socket(address, target.port)
    else:
        opened = connect.open_socket(route.address, route.proxy.port)
    if isinstance(opened, connect.Refusal):
        return _refused(started, opened)
    loop = asyncio.get_running_loop()
    connection = None
    try:
        if not (connect.WRITES_WHILE_CONNECTING and _speaks_at_once(target, route, ask)):
            connect_at = min(started + deadlines.connect, total_at)
            failure = await wait_connected(loop, opened, connect_at)
            if failure is not None:
                opened.close()
                return Attempt(events=(ConnectStarted(started), failure))
        manner = None
        if ask is not None:
            manner = Manner.of(ask)
            manner.apply(opened)
        conversation = _conversation(client, target, address, route, ask)
        connection = Connection(conversation, opened, deadlines, started, total_at, loop, manner)
        await loop.create_connection(lambda: connection, sock=opened)
        if connection.waiter.done():
            # It was over before uvloop could take the socket object over: the descriptor is
            # closed, and the object must not close its number a second time.
            opened.detach()
        else:
            await connection.waiter
    except BaseException:
        if connection is not None:
            connection.abort()
        opened.close()
        raise
    return Attempt(events=connection.conversation.events, internal_error=connection.failure)


def _speaks_at_once(target: Target, route: Route | None, ask: Ask | None) -> bool:
    """Whether octets may wait in the transport and leave when the connection stands.

    Whoever waits for a greeting writes nothing whose leaving shows that it does.
    """
    if ask is None:
        return route is not None or target.starttls == "none"
    if Manner.of(ask).needs_connection:
        return False
    if route is not None or ask.speech is Speech.HTTP:
        return True
    return ask.speech is Speech.TLS and ask.starttls == "none"


def _conversation(
    client: Client, target: Target, address: str, route: Route | None, ask: Ask | None
) -> Spoken:
    conversation = client.converse(target) if ask is None else client.converse_as(target, ask)
    if route is None:
        return conversation
    host = address or target.host
    return Tunnel(conversation, proxy=route.proxy, host=host, port=target.port)


async def wait_connected(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, until: float
) -> ConnectFailed | Ended | None:
    """Wait until the connection stands; give the event that says why it does not."""
    answered = loop.create_future()
    loop.add_writer(sock, _answer, answered)
    try:
        async with asyncio.timeout(max(until - monotonic(), 0.0)):
            await answered
    except TimeoutError:
        return Ended(monotonic(), EndedBy.TIMEOUT, None, 0, Stage.CONNECT)
    finally:
        loop.remove_writer(sock)
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number == ETIMEDOUT:
        return Ended(monotonic(), EndedBy.TIMEOUT, number, 0, Stage.CONNECT)
    if number:
        queued = errqueue.read(sock)
        return ConnectFailed(monotonic(), number, None if queued is None else queued.icmp)
    return None


def _answer(answered: asyncio.Future[None]) -> None:
    # The deadline may have cancelled it in the same turn of the loop.
    if not answered.done():
        answered.set_result(None)


def _refused(started: float, refusal: connect.Refusal) -> Attempt:
    failed = ConnectFailed(monotonic(), refusal.errno, refusal.icmp)
    ours = refusal.icmp is None and refusal.errno in connect.LOCAL_EXHAUSTION
    return Attempt(
        events=(ConnectStarted(started), failed), exhausted=refusal.errno if ours else None
    )

"""One connection to one address, from SYN to the last event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import ETIMEDOUT
from time import monotonic
from typing import TYPE_CHECKING

from fleetscan.engine import connect, errqueue
from fleetscan.engine._connection import Connection
from fleetscan.tls.events import ConnectFailed, ConnectStarted, Ended
from fleetscan.tls.proxies.tunnel import Tunnel
from fleetscan.vocabulary import EndedBy, Stage

if TYPE_CHECKING:
    from fleetscan.engine.config import Deadlines
    from fleetscan.engine.route import Route
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.tls.conversation import Conversation
    from fleetscan.tls.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client without I/O, as the engine needs it.

    Args:
        converse: makes the conversation for one connection to a target.
        fold: makes facts of the events of one probe.
    """

    converse: Callable[[Target], Conversation]
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
) -> Attempt:
    """Connect, talk until one side has enough, close. Never raises for what a peer does.

    Args:
        client: makes the conversation.
        target: what to say and to whom.
        address: the IP address, as text; `""` when a proxy is to resolve the target's name.
        deadlines: of each stage, seconds.
        total_at: the monotonic second that ends it whatever it is at.
        route: the proxy to connect to in the target's stead; None to connect to the target.
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
        # Whoever waits for a greeting writes nothing whose leaving shows the connection.
        speaks_first = route is not None or target.starttls == "none"
        if not (connect.WRITES_WHILE_CONNECTING and speaks_first):
            connect_at = min(started + deadlines.connect, total_at)
            failure = await _wait_connected(loop, opened, connect_at)
            if failure is not None:
                opened.close()
                return Attempt(events=(ConnectStarted(started), failure))
        conversation = _conversation(client, target, address, route)
        connection = Connection(conversation, opened, deadlines, started, total_at, loop)
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


def _conversation(
    client: Client, target: Target, address: str, route: Route | None
) -> Conversation | Tunnel:
    conversation = client.converse(target)
    if route is None:
        return conversation
    host = address or target.host
    return Tunnel(conversation, proxy=route.proxy, host=host, port=target.port)


async def _wait_connected(
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

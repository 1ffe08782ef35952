"""How far a server is: SYN with a growing TTL, until one is answered.

A RST that answers a hello with fewer hops than that comes from the path and not from the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Final

from fleetscan import limits
from fleetscan.engine import connect, probe
from fleetscan.tls.events import Ended
from fleetscan.vocabulary import IcmpError

TIME_EXCEEDED: Final = frozenset({(4, 11, 0), (6, 3, 0)})
"""Family, type and code of "time exceeded in transit" (RFC 792, RFC 4443 section 3.3)."""


class Answer(Enum):
    """What came of one SYN."""

    STANDS = "stands"
    EXPIRED = "expired"
    SILENCE = "silence"
    OTHER = "other"
    """RST, another ICMP message, or this machine could not send it: no distance follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One SYN of a trace; `router` is who said that it expired."""

    answer: Answer
    router: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The way to a server.

    Args:
        hops: the smallest TTL with which a SYN is answered: 1 where no router lies between.
        routers: who said that a SYN with TTL 1, 2, ... expired, as text; `""` who said nothing.
    """

    hops: int
    routers: tuple[str, ...]


async def trace(ask: Callable[[int], Awaitable[Hop]]) -> Trace | None:
    """Find how far a server is; None when that cannot be told for sure.

    Args:
        ask: sends one SYN with so many hops, from a port of its own.
    """
    routers: list[str] = []
    # Ends: at a SYN that is answered, or at one of MAX_HOPS.
    for hops in range(1, limits.MAX_HOPS + 1):
        hop = await ask(hops)
        if hop.answer is Answer.STANDS:
            return await _confirm(ask, hops, routers)
        if hop.answer is Answer.OTHER:
            return None
        routers.append(hop.router)
    return None


async def _confirm(
    ask: Callable[[int], Awaitable[Hop]], hops: int, routers: list[str]
) -> Trace | None:
    """Whether one hop less is too few whenever it is tried.

    A packet that was lost, or a flow that took a longer way, would make the server too far,
    and its own RST one of the path's.
    """
    failed = 0
    # Ends: each turn makes the distance smaller or counts towards the repeats.
    while hops > 1 and failed < limits.TRACE_REPEATS:
        hop = await ask(hops - 1)
        if hop.answer is Answer.OTHER:
            return None
        if hop.answer is Answer.STANDS:
            hops, failed = hops - 1, 0
        else:
            failed += 1
    return Trace(hops=hops, routers=tuple(routers[: hops - 1]))


async def ask_hop(address: str, port: int, hops: int, deadline_s: float) -> Hop:
    """Send one SYN with so many hops, and end the connection when it stands.

    Args:
        address: an IP address as text.
        port: the TCP port.
        hops: the IP TTL or hop limit.
        deadline_s: how long the answer is waited for.
    """
    opened = connect.open_socket(address, port, hops=hops)
    if isinstance(opened, connect.Refusal):
        return _hop(opened.icmp)
    with opened:
        until = monotonic() + deadline_s
        failure = await probe.wait_connected(asyncio.get_running_loop(), opened, until)
    if failure is None:
        return Hop(answer=Answer.STANDS)
    if isinstance(failure, Ended):
        return Hop(answer=Answer.SILENCE)
    return _hop(failure.icmp)


def _hop(icmp: IcmpError | None) -> Hop:
    if icmp is None or (icmp.family, icmp.type, icmp.code) not in TIME_EXCEEDED:
        return Hop(answer=Answer.OTHER)
    return Hop(answer=Answer.EXPIRED, router=icmp.offender)

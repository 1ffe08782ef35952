"""Names to addresses: bounded, remembered for the run, each name asked for once.

c-ares (`aiodns`) does what the system's resolver would: /etc/hosts, then the name
servers, both address families, sorted as RFC 6724 says. What went wrong is told by the
resolver's code, never by its text.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

import aiodns
import pycares
from pycares import errno as ares

from fleetscan.vocabulary import ResolveFailure

MAX_ADDRESSES: Final = 64
"""Addresses of one name that are scanned: who answers with thousands does not get to
multiply one line of the inventory by thousands."""

_MAX_REMEMBERED: Final = 50_000
_CONCURRENCY: Final = 256
_TRIES: Final = 2

_FAILURES: Final = {
    ares.ARES_ENOTFOUND: ResolveFailure.NOT_FOUND,
    ares.ARES_ENODATA: ResolveFailure.NOT_FOUND,
    ares.ARES_ETIMEOUT: ResolveFailure.TIMEOUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a name gave.

    Args:
        addresses: as text, preferred first, at most `MAX_ADDRESSES`; empty on failure.
        found: how many addresses there were.
        failure: why there are none.
        detail: the resolver's code by name, for evidence.
        elapsed_s: how long the answer took when it was asked for.
    """

    addresses: tuple[str, ...] = ()
    found: int = 0
    failure: ResolveFailure | None = None
    detail: str = ""
    elapsed_s: float = 0.0


class Resolver:
    """Resolves names for one run. To be made inside a running loop and closed there.

    Args:
        nameservers: `address` or `address:port` each; empty uses the system's.
        deadline_s: after this many seconds a name has failed, whatever the resolver does.
        concurrency: names asked for at once.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        deadline_s: float = 5.0,
        concurrency: int = _CONCURRENCY,
    ) -> None:
        self._nameservers = tuple(nameservers)
        self._deadline_s = deadline_s
        self._slots = asyncio.Semaphore(concurrency)
        self._remembered: OrderedDict[str, Resolution] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Resolution]] = {}
        self._channels: dict[bool, aiodns.DNSResolver] = {}
        self._loop = asyncio.get_running_loop()

    def remembered(self, host: str) -> Resolution | None:
        """What `host` gave earlier in this run, without asking."""
        return self._remembered.get(host)

    async def resolve(self, host: str) -> Resolution:
        """Give the addresses of a DNS name (A-label form), or why there are none.

        A name that is being asked for is not asked for twice.
        """
        known = self._remembered.get(host)
        if known is not None:
            return known
        asking = self._asking.get(host)
        if asking is not None:
            return await asyncio.shield(asking)
        asking = self._asking[host] = self._loop.create_future()
        try:
            resolution = await self._ask(host)
        except BaseException as failed:
            # Whoever else waits for this name must not wait for ever. Their own failure
            # is an ordinary error even when ours is a cancellation.
            asking.set_result(
                Resolution(failure=ResolveFailure.FAILED, detail=type(failed).__name__)
            )
            raise
        else:
            self._remember(host, resolution)
            asking.set_result(resolution)
            return resolution
        finally:
            del self._asking[host]

    async def aclose(self) -> None:
        """Cancel what is being asked and release the sockets."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    async def _ask(self, host: str) -> Resolution:
        async with self._slots:
            started = monotonic()
            try:
                async with asyncio.timeout(self._deadline_s):
                    answer = await self._channel(host).getaddrinfo(host)
            except TimeoutError:
                return self._failed(ResolveFailure.TIMEOUT, "deadline", started)
            except aiodns.error.DNSError as failed:
                code = failed.args[0]
                detail = ares.errorcode.get(code, str(code))
                failure = _FAILURES.get(code, ResolveFailure.FAILED)
                return self._failed(failure, detail, started)
            found = dict.fromkeys(_text(node.addr[0]) for node in answer.nodes)
            if not found:
                return self._failed(ResolveFailure.NOT_FOUND, "ARES_ENODATA", started)
            return Resolution(
                addresses=tuple(found)[:MAX_ADDRESSES],
                found=len(found),
                elapsed_s=monotonic() - started,
            )

    def _failed(self, failure: ResolveFailure, detail: str, started: float) -> Resolution:
        return Resolution(failure=failure, detail=detail, elapsed_s=monotonic() - started)

    def _channel(self, host: str) -> aiodns.DNSResolver:
        # Search domains are for single labels only: an inventory's dotted name is whole,
        # and a wildcard in the company's own zone must not answer for a name that is gone.
        whole = "." in host
        channel = self._channels.get(whole)
        if channel is None:
            channel = self._channels[whole] = aiodns.DNSResolver(
                nameservers=self._nameservers or None,
                timeout=max(self._deadline_s / _TRIES, 0.1),
                tries=_TRIES,
                flags=pycares.ARES_FLAG_NOSEARCH if whole else 0,
            )
        return channel

    def _remember(self, host: str, resolution: Resolution) -> None:
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        self._remembered[host] = resolution


def _text(address: bytes | str) -> str:
    return address if isinstance(address, str) else address.decode("ascii")

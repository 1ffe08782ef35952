"""Where connections go when they do not go to the target itself: to a proxy."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleetscan.engine.resolve import Resolver
from fleetscan.errors import UsageError
from fleetscan.inventory.ranges import parse_address
from fleetscan.tls.proxies.address import Proxy, parse_proxy

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Through which proxy, and at which of its addresses."""

    proxy: Proxy
    address: str


async def find_route(config: ScanConfig) -> Route | None:
    """The way of every connection of a scan; None for the direct one.

    Raises:
        UsageError: the proxy's name has no address.
    """
    if not config.proxy:
        return None
    proxy = parse_proxy(config.proxy, config.proxy_credentials)
    if parse_address(proxy.host) is not None:
        return Route(proxy=proxy, address=proxy.host)
    resolver = Resolver(config.nameservers, deadline_s=config.deadlines.resolve)
    try:
        resolution = await resolver.resolve(proxy.host)
    finally:
        await resolver.aclose()
    if resolution.failure is not None:
        raise UsageError(f"the proxy's name {proxy.host} gives no address ({resolution.detail})")
    found = await _first_that_accepts(resolution.addresses, proxy.port, config)
    return Route(proxy=proxy, address=found)


async def _first_that_accepts(addresses: tuple[str, ...], port: int, config: ScanConfig) -> str:
    """One address for the whole scan: `localhost` is two, and most proxies listen at one.

    The first when none accepts a connection: each result then says how that failed.
    """
    if len(addresses) == 1:
        return addresses[0]
    with suppress(TimeoutError):
        async with asyncio.timeout(config.deadlines.total):
            for address in addresses:
                if await _accepts(address, port, config.deadlines.connect):
                    return address
    return addresses[0]


async def _accepts(address: str, port: int, deadline_s: float) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), deadline_s)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True

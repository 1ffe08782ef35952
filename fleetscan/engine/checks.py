"""What a caller of the Python API may get wrong, found before anything is sent.

The command line checks its options and inventories itself; a `ScanConfig` or a `Target`
made by hand comes without that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING, Any, Final

from fleetscan import limits
from fleetscan.engine.config import DIAGNOSES, FETCHES, HANDSHAKES, REVOCATION
from fleetscan.errors import UsageError
from fleetscan.inventory.parse import parse_place
from fleetscan.inventory.ranges import parse_address, parse_range
from fleetscan.inventory.target import STARTTLS_NONE
from fleetscan.tls.hello import wire_server_name
from fleetscan.tls.profiles import PROFILES
from fleetscan.tls.proxies.address import parse_proxy
from fleetscan.vocabulary import STARTTLS_KINDS

if TYPE_CHECKING:
    from fleetscan.engine.config import Deadlines, ScanConfig
    from fleetscan.inventory.target import Target

MAX_PORT: Final = 65_535
MAX_PROTOCOL_NAME: Final = 255
"""Octets of an application protocol's name (RFC 7301 section 3.1)."""

MAX_DEADLINE_S: Final = 86_400
"""A day; a loop's timers overflow far above that."""

_COUNTS: Final = ("concurrency", "address_in_flight", "prefix_in_flight", "proxy_in_flight")
_STAGES: Final = ("resolve", "connect", "proxy", "first_octet", "handshake", "total")
_FIRST_MOMENT: Final = -62_135_596_800
_LAST_MOMENT: Final = 253_402_300_799
"""The years 1 to 9999, which is what a result line can say (RFC 3339 section 1)."""


def check_config(config: ScanConfig) -> None:
    """Refuse what would make a scan wait for ever or say nothing.

    Raises:
        UsageError: a count under 1, a rate or a deadline that is no positive number, a
            name server without an address, a protocol's name that has no form on the wire,
            a proxy that is none, something to fetch or a network for it that is unknown, a
            budget out of bounds.
    """
    for name in _COUNTS:
        if not getattr(config, name) >= 1:
            raise UsageError(f"{name} must be 1 at least")
    for name in ("rate", "address_per_second"):
        value = getattr(config, name)
        if value is not None and not _is_positive(value):
            raise UsageError(f"{name} must be a number above 0")
    _check_deadlines(config.deadlines)
    if not isinstance(config.policy, str) or not config.policy:
        raise UsageError("policy must be a name or the path of a file")
    if config.addresses not in ("all", "first"):
        raise UsageError(f"addresses must be 'all' or 'first', not {config.addresses!a}")
    for nameserver in config.nameservers:
        _check_nameserver(nameserver)
    _check_hello(config)
    _check_fetch(config)
    _check_diagnosis(config)


def _check_hello(config: ScanConfig) -> None:
    if isinstance(config.hello, str) and config.hello not in PROFILES:
        raise UsageError(f"hello: {config.hello[:40]!a} is none of {', '.join(PROFILES)}")
    if config.handshake not in HANDSHAKES:
        raise UsageError(f"handshake: {config.handshake[:40]!a} is none of {', '.join(HANDSHAKES)}")
    for protocol in config.alpn or ():
        if not (protocol.isascii() and 0 < len(protocol) <= MAX_PROTOCOL_NAME):
            raise UsageError(f"not an application protocol's name: {protocol!a}")
    _check_proxy(config)


def _check_proxy(config: ScanConfig) -> None:
    if config.proxy:
        parse_proxy(config.proxy, config.proxy_credentials)
    elif config.proxy_names or config.proxy_credentials is not None:
        raise UsageError("credentials or names for a proxy, and no proxy")
    if config.proxy_names and config.excludes:
        raise UsageError(
            "excludes are addresses: they cannot be held while the proxy resolves the names"
        )


def _check_fetch(config: ScanConfig) -> None:
    for what in config.fetch:
        if what not in FETCHES:
            raise UsageError(f"fetch: {what[:40]!a} is none of {', '.join(FETCHES)}")
    if config.revocation and config.revocation not in REVOCATION:
        raise UsageError(
            f"revocation: {config.revocation[:40]!a} is none of {', '.join(REVOCATION)}"
        )
    if (config.fetch or config.revocation) and config.proxy:
        # An address that the proxy resolves, or reaches from where it stands, cannot be checked.
        raise UsageError("fetching connects directly: it cannot be used with a proxy")
    for text in config.fetch_allow:
        try:
            parse_range(text)
        except ValueError as refused:
            raise UsageError(f"fetch_allow: {refused}") from None


def _check_diagnosis(config: ScanConfig) -> None:
    if config.diagnose not in DIAGNOSES:
        raise UsageError(f"diagnose: {config.diagnose[:40]!a} is none of {', '.join(DIAGNOSES)}")
    if not 1 <= config.budget <= limits.MAX_DIAGNOSIS_BUDGET:
        raise UsageError(f"budget must be 1 at least and {limits.MAX_DIAGNOSIS_BUDGET} at most")


def _check_deadlines(deadlines: Deadlines) -> None:
    for name in _STAGES:
        if not 0 < getattr(deadlines, name) <= MAX_DEADLINE_S:
            raise UsageError(f"deadlines.{name} must be above 0 and {MAX_DEADLINE_S} s at most")
    if not 0 <= deadlines.confirm <= MAX_DEADLINE_S:
        raise UsageError(f"deadlines.confirm must be 0 at least and {MAX_DEADLINE_S} s at most")


def _check_nameserver(text: str) -> None:
    try:
        span = parse_place(text).span
    except ValueError as refused:
        raise UsageError(f"nameservers: {refused}") from None
    if span is None or span.count != 1:
        raise UsageError(f"nameservers: {text[:80]!a} is not an address")


def check_target(target: Target) -> Target:
    """Give the target back when it can be scanned.

    Raises:
        UsageError: no place to connect to, a port or address that is none, a STARTTLS
            kind or a server name that cannot be spoken.
    """
    what = f"target {target.input!a}"
    if not isinstance(target.port, int) or not 0 < target.port <= MAX_PORT:
        raise UsageError(f"{what}: {target.port!a} is not a port (1 to {MAX_PORT})")
    if target.address and parse_address(target.address) is None:
        raise UsageError(f"{what}: {target.address!a} is not an IP address in plain form")
    if not (target.address or target.host):
        raise UsageError(f"{what} has neither an address nor a host")
    if target.starttls != STARTTLS_NONE and target.starttls not in STARTTLS_KINDS:
        known = ", ".join((STARTTLS_NONE, *STARTTLS_KINDS))
        raise UsageError(f"{what}: no such STARTTLS kind: {target.starttls!a}; known are {known}")
    wire_server_name(target.server_name)
    return target


def dependable_clock(
    clock: Callable[[], float] | None, warn: Callable[[str], None]
) -> Callable[[], float]:
    """A clock that always gives a moment: the caller's, or the system's where that fails.

    Args:
        clock: the caller's; None for the system's.
        warn: told once when the caller's cannot be used.
    """
    if clock is None:
        return time
    told = False

    def now() -> float:
        nonlocal told
        try:
            moment: Any = clock()
            if _FIRST_MOMENT <= moment <= _LAST_MOMENT:
                return float(moment)
        except Exception:  # noqa: BLE001  the caller's own code: told, and the scan goes on
            moment = None
        if not told:
            told = True
            warn("the clock of the configuration gives no time: the system's is used instead")
        return time()

    return now


def _is_positive(value: float) -> bool:
    return 0 < value < math.inf

"""What a scan is told, in one immutable object. Seconds, and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetscan import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which each stage ends the probe; `total` ends it whatever it is at.

    `confirm` is how long the client listens after its own Finished under TLS 1.3 before
    silence counts as consent; after a CertificateRequest the whole `handshake` deadline is used.
    """

    resolve: float = 5.0
    connect: float = 5.0
    first_octet: float = 5.0
    handshake: float = 10.0
    confirm: float = 0.25
    total: float = 20.0

    @classmethod
    def from_timeout(cls, timeout_s: float) -> Deadlines:
        """The set that `--timeout S` stands for: no probe outlives `timeout_s`."""
        return cls(
            resolve=min(cls().resolve, timeout_s),
            connect=min(cls().connect, timeout_s),
            first_octet=min(cls().first_octet, timeout_s),
            handshake=min(cls().handshake, timeout_s),
            confirm=min(cls().confirm, timeout_s),
            total=timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanConfig:
    """Everything about a scan that is not a target.

    Args:
        trust: `system` and names of PEM files, in the order given; empty means `("system",)`.
        concurrency: probes under way at once.
        rate: new connections a second over the whole scan; None for no bound of its own.
        addresses: `all` scans every address of a name, `first` only the first.
        excludes: networks as text (CIDR or address); checked before and after resolving.
        nameservers: `address` or `address:port`; empty uses the system's.
        vantage: where this scan is made from; `""` for the host name.
        clock: Unix seconds, UTC; tests give their own.
    """

    trust: tuple[str, ...] = ()
    concurrency: int = limits.DEFAULT_CONCURRENCY
    rate: float | None = None
    address_in_flight: int = limits.ADDRESS_IN_FLIGHT
    address_per_second: float = limits.ADDRESS_PER_SECOND
    prefix_in_flight: int = limits.PREFIX_IN_FLIGHT
    deadlines: Deadlines = Deadlines()
    addresses: str = "all"
    excludes: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    vantage: str = ""
    clock: Callable[[], float] | None = None

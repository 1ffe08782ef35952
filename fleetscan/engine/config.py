"""What a scan is told, in one immutable object. Seconds, and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fleetscan import limits

if TYPE_CHECKING:
    from fleetscan.tls.client_identity import ClientIdentity
    from fleetscan.tls.profile import HelloProfile

HANDSHAKES: Final = ("complete", "first-flight")
FETCHES: Final = ("aia",)
REVOCATION: Final = ("ocsp", "crl", "all")
DIAGNOSES: Final = ("never", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which each stage ends the probe; `total` ends it whatever it is at.

    `confirm` is how long the client listens after its own Finished under TLS 1.3 before
    silence counts as consent; after a CertificateRequest the whole `handshake` deadline is used.
    `proxy` is how long a proxy may take for its answer, in which it connects to the target;
    the stages behind it are counted from there.
    """

    resolve: float = 5.0
    connect: float = 5.0
    proxy: float = 10.0
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
            proxy=min(cls().proxy, timeout_s),
            first_octet=min(cls().first_octet, timeout_s),
            handshake=min(cls().handshake, timeout_s),
            confirm=min(cls().confirm, timeout_s),
            total=timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanConfig:
    """Everything about a scan that is not a target.

    Args:
        trust: `system`, `mozilla`, names of PEM files and of directories of them; empty means
            `("system",)`.
        policy: which clients decide what is a failure: the name of a shipped policy
            (`fleetscan.pki.policy.POLICIES`) or the path of a TOML file.
        concurrency: probes under way at once.
        rate: new connections a second over the whole scan; None for no bound of its own.
        addresses: `all` scans every address of a name, `first` only the first.
        excludes: networks as text (CIDR or address); checked before and after resolving.
        nameservers: `address` or `address:port`; empty uses the system's.
        hello: what is offered: the name of a profile (`fleetscan.tls.profiles.PROFILES`), or
            a profile of the caller's own.
        handshake: `complete`, or `first-flight` to end when the server's first flight is over:
            no signature is then checked and nothing is confirmed.
        client_identity: the certificate and key that answer a server which asks for them.
        alpn: application protocols offered, preferred first; empty offers none. None offers
            h2 and http/1.1, and none behind a STARTTLS dialogue. A profile without the
            extension offers none.
        proxy: URL of the proxy that every connection is made through, `http://` or
            `socks5://`, but those of an experiment that asks without it; `""` for none.
        proxy_credentials: user name and password for it that do not stand in its URL.
        proxy_names: whether names are left to the proxy to resolve; excludes, which are
            addresses, cannot be held then and must be empty.
        proxy_in_flight: connections to the proxy at once.
        fetch: what may be fetched from URLs that certificates name: `aia` for missing
            issuers. Empty, as it is unless asked for, fetches nothing.
        fetch_allow: networks as text that may be reached by fetching although they are private,
            loopback and so on; excludes count for more.
        revocation: who is asked whether certificates were revoked: `ocsp`, `crl` or `all`, at
            the places that they name; `""` asks nobody. Staples are checked in any case.
        diagnose: which targets are asked again, one thing changed at a time, to explain what
            their first probe shows: those that `failed`, or `never` any.
        budget: experiments on one target.
        vantage: where this scan is made from; `""` for the host name.
        state: directory where CA certificates that are seen are kept from run to run, to name
            a missing one by; `""` keeps none.
        clock: Unix seconds, UTC; tests give their own.
    """

    trust: tuple[str, ...] = ()
    policy: str = "browser"
    concurrency: int = limits.DEFAULT_CONCURRENCY
    rate: float | None = None
    address_in_flight: int = limits.ADDRESS_IN_FLIGHT
    address_per_second: float = limits.ADDRESS_PER_SECOND
    prefix_in_flight: int = limits.PREFIX_IN_FLIGHT
    deadlines: Deadlines = Deadlines()
    addresses: str = "all"
    excludes: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    hello: str | HelloProfile = "browser"
    handshake: str = "complete"
    client_identity: ClientIdentity | None = None
    alpn: tuple[str, ...] | None = None
    # Neither is ever shown: both may hold a password.
    proxy: str = field(default="", repr=False)
    proxy_credentials: tuple[str, str] | None = field(default=None, repr=False)
    proxy_names: bool = False
    proxy_in_flight: int = limits.PROXY_IN_FLIGHT
    fetch: tuple[str, ...] = ()
    fetch_allow: tuple[str, ...] = ()
    revocation: str = ""
    diagnose: str = "failed"
    budget: int = limits.DIAGNOSIS_BUDGET
    vantage: str = ""
    state: str = ""
    clock: Callable[[], float] | None = None

"""What a condition of the lab is, and what is at hand to build one."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from fleetscan.inventory.target import STARTTLS_NONE, Target
from fleetscan.lab.authority import Authorities, Identity, LeafPlan, make_leaf, write_chain
from fleetscan.lab.servers import (
    BoundedProtocol,
    Connections,
    Gate,
    Script,
    ScriptedServer,
    TlsServer,
)

DOMAIN: Final = "lab.test"
"""Reserved for testing, so that no name of the lab can ever resolve (RFC 6761 section 6.2)."""

ESTABLISHED: Final = "established"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One planted condition, with what a scan must say about it.

    Args:
        name: a slug.
        title: one line for people.
        target: what to scan.
        expected: the cause ids it must get at last, with every experiment made.
        expected_now: the cause ids that one probe and the path check settle.
        expected_findings: findings that must be among those told.
        expected_outcome: `established` or `failed`.
    """

    name: str
    title: str
    target: Target
    expected: tuple[str, ...]
    expected_now: tuple[str, ...]
    expected_findings: tuple[str, ...]
    expected_outcome: str


Factory: TypeAlias = Callable[[Connections], BoundedProtocol]
"""Makes the protocol of one connection, which counts itself among those of its listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A condition before it has an address.

    Args:
        build: makes the server from the material and the name or address that clients
            ask for; None leaves the port closed.
        host: the name to ask for, without the domain; `""` for the slug.
        by_address: no name is sent, and the certificate must be for the IP address.
        starttls: the dialogue that is asked for before TLS.
    """

    name: str
    title: str
    build: Callable[[Material, str], Factory] | None
    expected: tuple[str, ...] = ()
    expected_now: tuple[str, ...] = ()
    expected_findings: tuple[str, ...] = ()
    host: str = ""
    by_address: bool = False
    starttls: str = STARTTLS_NONE

    def on(self, address: str, port: int) -> Condition:
        """The condition as served at `address` and `port`."""
        name = "" if self.by_address else f"{self.host or self.name}.{DOMAIN}"
        told = self.expected + self.expected_findings
        return Condition(
            name=self.name,
            title=self.title,
            target=Target(
                input=f"{name}@{address}:{port}" if name else f"{address}:{port}",
                origin="listed",
                address=address,
                port=port,
                server_name=name,
                reference_name=name or address,
                # A free port may happen to be one that `auto` knows.
                starttls=self.starttls,
                labels={"condition": self.name, "expected": ",".join(told) or "none"},
            ),
            expected=self.expected,
            expected_now=self.expected_now,
            expected_findings=self.expected_findings,
            expected_outcome=FAILED if self.expected_now else ESTABLISHED,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How a TLS server of the lab differs from an ordinary one.

    `ciphers` is in OpenSSL's own notation; `@SECLEVEL=0` in it allows what a current
    OpenSSL refuses to serve.
    """

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = ""


LEGACY: Final = "ALL:@SECLEVEL=0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What conditions are built from: the authorities, the time, a folder for key files."""

    authorities: Authorities
    now: datetime
    folder: Path

    def leaf(self, *names: str, issuer: Identity | None = None) -> Identity:
        """A leaf in good order for `names`, from the first issuing CA unless another is given."""
        return make_leaf(LeafPlan(names=names), self.now, issuer or self.authorities.issuing)

    def chain(self, *names: str) -> tuple[Identity, ...]:
        """A leaf in good order and the intermediate that it needs."""
        return (self.leaf(*names), self.authorities.issuing)

    def planned(self, plan: LeafPlan) -> tuple[Identity, ...]:
        """A leaf as planned and the intermediate that it needs."""
        return (make_leaf(plan, self.now, self.authorities.issuing), self.authorities.issuing)

    def context(
        self, chain: tuple[Identity, ...], settings: TlsSettings | None = None
    ) -> ssl.SSLContext:
        """A server's context that sends exactly `chain`, in this order."""
        wanted = settings or TlsSettings()
        path = self.folder / f"{chain[0].certificate.serial_number:x}.pem"
        write_chain(path, chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            # Python warns of TLS 1.0 and 1.1; that they are bad is what the lab shows.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = wanted.minimum
            context.maximum_version = wanted.maximum
        if wanted.ciphers:
            context.set_ciphers(wanted.ciphers)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.load_cert_chain(path)
        path.unlink()
        return context


def serve_tls(context: ssl.SSLContext, *, gate: Gate | None = None, first_read: int = 0) -> Factory:
    """A factory of TLS connections, ordinary ones but for what `TlsServer` says of the rest."""
    return lambda live: TlsServer(live, context, gate=gate, first_read=first_read)


def serve_script(script: Script) -> Factory:
    """A factory of connections that follow `script`."""
    return lambda live: ScriptedServer(live, script)


def only(version: ssl.TLSVersion, settings: TlsSettings | None = None) -> TlsSettings:
    """The settings with one version alone."""
    return replace(settings or TlsSettings(), minimum=version, maximum=version)

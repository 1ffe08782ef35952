"""The servers that clients are sent to: the lab, and certificates that the lab has none of."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Unpack

from cryptography import x509

from fleetscan.lab import Lab
from tests import certificates
from tests.certificates import DAY, Issued
from tests.real import library_servers, material
from tests.real.servers import Material, ServerKind, running
from tests.servers import unanswered_port
from tools.captures.model import Target

NAME: Final = material.NAME
NOW: Final = int(material.NOW.timestamp())
_SPAN: Final[certificates.Changes] = {"not_before": NOW - 30 * DAY, "not_after": NOW + 60 * DAY}
_CA: Final[certificates.Changes] = {
    **_SPAN,
    "ca": True,
    "usages": certificates.key_usage("key_cert_sign", "crl_sign"),
}


@contextlib.contextmanager
def lab_targets(root: Path) -> Iterator[list[Target]]:
    """Every failing condition of the lab; its root is added to the file `root`."""
    lab = Lab()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(lab.__aenter__(), loop).result(60)
        root.write_bytes(lab.trust_file.read_bytes())
        yield [
            Target(
                condition=each.name,
                planted=each.expected,
                address=each.target.address,
                port=each.target.port,
                server_name=each.target.server_name,
            )
            for each in lab.conditions
            if each.expected_outcome == "failed"
        ]
    finally:
        asyncio.run_coroutine_threadsafe(lab.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A chain, leaf first, that `openssl s_server` serves with these options."""

    condition: str
    planted: tuple[str, ...]
    chain: Sequence[Issued]
    options: tuple[str, ...] = ()
    mode: str = ""


def served() -> tuple[Served, ...]:
    """All of them."""
    good = (_leaf("P-256"),)
    rsa = (_leaf("RSA-2048"),)
    demanding = ("-Verify", "1", "-verify_return_error", "-CAfile", "{root}")
    return (
        *_of_certificates(),
        Served(condition="good-name-of-another", planted=("certificate.name_mismatch",),
               chain=(material.identity("P-256", subject="other.test"),)),
        Served(condition="weak-dh", chain=rsa,
               planted=("key_exchange.weak_dh", "cipher.none_in_common"),
               options=("-tls1_2", "-cipher", "DHE@SECLEVEL=0", "-dhparam", "{folder}/dh.pem")),
        Served(condition="null-only", planted=("cipher.insecure_only",), chain=rsa,
               options=("-tls1_2", "-cipher", "NULL:@SECLEVEL=0")),
        Served(condition="no-common-group", planted=("key_exchange.no_common_group",), chain=good,
               options=("-tls1_3", "-groups", "brainpoolP384r1:X448")),
        Served(condition="tls13-only", planted=("version.too_new",), chain=good,
               options=("-tls1_3",), mode="tls12"),
        *(
            Served(condition=f"foreign-client-certificate{version}", chain=good,
                   planted=("client_auth.refused", "client_auth.required"),
                   options=(*demanding, version), mode="certificate")
            for version in ("-tls1_2", "-tls1_3")
        ),
    )  # fmt: skip


def _of_certificates() -> Iterator[Served]:
    root = material.root()
    ended = _authority("Ended CA", root, not_before=NOW - 90 * DAY, not_after=NOW - DAY)
    early = _authority("Early CA", root, not_before=NOW + 2 * DAY, not_after=NOW + 90 * DAY)
    not_a_ca = _authority("No CA", root, ca=False)
    short = _authority("Short CA", root, path_len=0)
    below = _authority("Below CA", short)
    corporate = x509.NameConstraints([x509.DNSName("corp.test")], None)
    limited = _authority("Limited CA", root, constraints=corporate)
    sound = _authority("Sound CA", root)
    forged = _leaf_of(sound, signer=certificates.make_key("another"))
    made: dict[str, tuple[str, Sequence[Issued]]] = {
        "wrong-purpose": (
            "certificate.wrong_purpose",
            [_leaf_of(root, extended=[certificates.CLIENT_AUTH])],
        ),
        "unknown-critical": (
            "certificate.unknown_critical_extension",
            [_leaf_of(root, extra=_UNKNOWN_CRITICAL)],
        ),
        "common-name-only": ("certificate.name_mismatch", [_leaf_of(root, san=None)]),
        "ca-expired": ("chain.ca_expired", [_leaf_of(ended), ended]),
        "ca-not-yet-valid": ("chain.ca_not_yet_valid", [_leaf_of(early), early]),
        "not-a-ca": ("chain.invalid_ca", [_leaf_of(not_a_ca), not_a_ca]),
        "path-length": ("chain.invalid_ca", [_leaf_of(below), below, short]),
        "name-constraints": ("chain.name_constraints", [_leaf_of(limited), limited]),
        "bad-signature": ("chain.bad_signature", [forged, sound]),
    }
    for condition, (planted, chain) in made.items():
        yield Served(condition=condition, planted=(planted,), chain=chain)


_UNKNOWN_CRITICAL: Final = (
    (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True),
)


def _authority(subject: str, issuer: Issued, **changes: Unpack[certificates.Changes]) -> Issued:
    return certificates.issue(subject, issuer, **(_CA | changes))


def _leaf_of(issuer: Issued, **changes: Unpack[certificates.Changes]) -> Issued:
    defaults: certificates.Changes = {
        **_SPAN,
        "san": [NAME],
        "usages": certificates.key_usage("digital_signature"),
        "extended": [certificates.SERVER_AUTH],
    }
    return certificates.issue(NAME, issuer, **(defaults | changes))


def _leaf(kind: str) -> Issued:
    return material.identity(kind)


@contextlib.contextmanager
def served_targets(folder: Path, root: Path) -> Iterator[list[Target]]:
    """A server for each of `served`, and a port that answers nobody."""
    subprocess.run(
        ("openssl", "dhparam", "-out", str(folder / "dh.pem"), "1024"),
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    root.write_bytes(material.root().pem)
    targets: list[Target] = []
    with contextlib.ExitStack() as exits:
        for each in served():
            port = exits.enter_context(running(*_server(each, folder)))
            targets.append(
                Target(condition=each.condition, planted=each.planted, address="127.0.0.1",
                       port=port, server_name=NAME, mode=each.mode)
            )  # fmt: skip
        port = exits.enter_context(unanswered_port())
        targets.append(
            Target(condition="no-answer", planted=("connect.timeout",), address="127.0.0.1",
                   port=port, server_name=NAME)
        )  # fmt: skip
        yield targets


def _server(each: Served, folder: Path) -> tuple[ServerKind, Material]:
    own = folder / each.condition
    own.mkdir()
    (own / "dh.pem").write_bytes((folder / "dh.pem").read_bytes())
    files = {
        "root.pem": material.root().pem,
        "chain.pem": b"".join(issued.pem for issued in each.chain),
        "key.pem": each.chain[0].key_pem,
        "both.pem": each.chain[0].pem + each.chain[0].key_pem,
    }
    for name, octets in files.items():
        (own / name).write_bytes(octets)
    kind = ServerKind(
        name=each.condition, binary="openssl", prepare=library_servers.openssl(*each.options)
    )
    made = Material(
        root=own / "root.pem", chain=own / "chain.pem", key=own / "key.pem",
        both=own / "both.pem", folder=own,
    )  # fmt: skip
    return kind, made

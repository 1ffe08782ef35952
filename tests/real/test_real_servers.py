"""Servers of other TLS libraries, as Debian ships them, are scanned for real."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import fleetscan
from fleetscan import Result, ScanConfig
from tests.real.servers import DEMANDING, KINDS, Material, ServerKind, running

NAME = "real.test"
# These servers read the machine's own clock (wolfSSL will not serve what ran out by it),
# so here the certificates, and the scan, are made for the present.
NOW = datetime.datetime.now(tz=datetime.UTC)
DAY = datetime.timedelta(days=1)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _certificate(
    subject: str,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    issuer: str,
    issuer_key: PrivateKey,
    *,
    ca: bool,
    not_after: datetime.datetime,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 400 * DAY)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())


def material(folder: Path, *, kind: str = "ec", not_after: datetime.datetime) -> Material:
    """A root in `root.pem`, and the server's chain and key."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    key: PrivateKey = (
        rsa.generate_private_key(65537, 2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP256R1())
    )
    root = _certificate(
        "Test Root",
        root_key.public_key(),
        "Test Root",
        root_key,
        ca=True,
        not_after=NOW + 900 * DAY,
    )
    leaf = _certificate(
        NAME, key.public_key(), "Test Root", root_key, ca=False, not_after=not_after
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "key.pem").write_bytes(secret)
    (folder / "both.pem").write_bytes(leaf.public_bytes(pem) + secret)
    return Material(
        root=folder / "root.pem",
        chain=folder / "chain.pem",
        key=folder / "key.pem",
        both=folder / "both.pem",
        folder=folder,
    )


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Iterator[ServerKind]:
    """One implementation, or a skip that names what is missing."""
    chosen: ServerKind = request.param
    if missing := chosen.missing():
        pytest.skip(f"{chosen.name} needs {missing}, which is not installed")
    yield chosen


def scan(port: int, folder: Path) -> Result:
    """Scan the server on this port at the fixed time, trusting its root."""
    config = ScanConfig(trust=(str(folder / "root.pem"),), clock=NOW.timestamp)
    return asyncio.run(fleetscan.scan_one(f"{NAME}@127.0.0.1:{port}", config))


@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_a_healthy_server_of_any_stack_is_established(
    kind: ServerKind, key: str, tmp_path: Path
) -> None:
    """A handshake that other clients complete is completed here and confirmed."""
    served = material(tmp_path, kind=key, not_after=NOW + 90 * DAY)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert (record["outcome"], record["cause_ids"], record["stage"]) == (
        "established",
        [],
        "confirmed",
    )
    assert record["checks"] == {
        "name": "yes",
        "path": "yes",
        "revocation": "not_checked",
        "key": "yes",
    }
    assert record["handshake"]["version"] in ("TLSv1.3", "TLSv1.2")


@pytest.mark.parametrize(
    # wolfSSL itself will not serve a certificate that ran out.
    "kind",
    [kind for kind in KINDS if kind.name != "lighttpd-wolfssl"],
    ids=lambda kind: kind.name,
    indirect=True,
)
def test_an_expired_certificate_is_told_on_any_stack(kind: ServerKind, tmp_path: Path) -> None:
    """The only cause of a server whose certificate ran out is that."""
    served = material(tmp_path, not_after=NOW - DAY)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert record["outcome"] == "failed"
    assert record["cause_ids"] == ["certificate.expired"]


@pytest.mark.parametrize("kind", DEMANDING, ids=lambda kind: kind.name, indirect=True)
def test_a_demanded_client_certificate_is_told_on_any_stack(
    kind: ServerKind, tmp_path: Path
) -> None:
    """Every stack refuses in its own words, and before or after we believe to be done."""
    served = material(tmp_path, not_after=NOW + 90 * DAY)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert (record["outcome"], record["cause_ids"]) == ("failed", ["client_auth.required"])
    assert record["handshake"]["client_auth"] == "required"

"""Client certificates with real servers: asked for, accepted, refused, and not had."""

from __future__ import annotations

import pytest

from fleetscan.tls.client_identity import ClientIdentity
from tests.interop.model import Server
from tests.interop.offers import Offer
from tests.interop.openssl_rows import server
from tests.interop.probing import LOOPS, came_of, probe, serving
from tests.real.material import NOW, identity, key_pem

PAST = int(NOW.timestamp()) - 86_400
KEYS = ("RSA-2048", "P-256", "P-384", "Ed25519")
SUITES = {
    "TLSv1": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLSv1.1": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLSv1.2": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLSv1.3": "TLS_AES_128_GCM_SHA256",
}
DEMANDING: Server = server(
    "client certificate demanded",
    "-Verify", "1", "-verify_return_error", "-CAfile", "{root}",
    key="RSA-2048",
)  # fmt: skip


def client(key: str, *, expired: bool = False) -> ClientIdentity:
    """A client's certificate under the servers' root."""
    issued = identity(key, subject="client.test", client=True, not_after=PAST if expired else None)
    return ClientIdentity.from_pem(issued.pem, key_pem(issued, key), None)


def said(version: str, loop: str, **options: object) -> dict[str, str]:
    """What came of one handshake with the demanding server under one version."""
    if missing := DEMANDING.kind.missing():
        pytest.skip(f"needs {missing}, which is not installed")
    offer = Offer(title="", versions=(version,), cipher_suites=(SUITES[version],))
    with serving(DEMANDING) as (port, made):
        return came_of(probe(port, made, loop=loop, hello=offer.profile(), **options))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_accepts_our_certificate(version: str, key: str, loop: str) -> None:
    """OpenSSL checks chain and CertificateVerify, and then goes on: a ticket, or its Finished."""
    came = said(version, loop, client_identity=client(key))

    assert (came["completed"], came["stage"], came["violation"]) == ("yes", "confirmed", "")
    assert came["confirmed_by"] == ("ticket" if version == "TLSv1.3" else "finished")
    assert came["client_auth"] == "requested"
    assert came["causes"] == ""


@pytest.mark.parametrize("key", ["RSA-2048", "P-256"])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def test_a_server_of_before_tls12_accepts_our_certificate(version: str, key: str) -> None:
    """There CertificateVerify signs MD5 and SHA-1, or SHA-1 alone (RFC 4346 section 7.4.8)."""
    came = said(version, "uvloop", client_identity=client(key))

    assert (came["completed"], came["confirmed_by"]) == ("yes", "finished")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_refuses_a_certificate_that_ran_out(version: str, loop: str) -> None:
    """certificate_expired(45) is about *ours*: under TLS 1.3 it comes after we are done."""
    came = said(version, loop, client_identity=client("P-256", expired=True))

    assert came["alert"] == "certificate_expired"
    assert came["causes"] == "client_auth.refused"
    assert came["confirmed_by"] == ""


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_refuses_a_client_without_a_certificate(version: str, loop: str) -> None:
    """handshake_failure(40) up to TLS 1.2, certificate_required(116) after."""
    came = said(version, loop)

    expected = "certificate_required" if version == "TLSv1.3" else "handshake_failure"
    assert came["alert"] == expected
    assert came["causes"] == "client_auth.required"
    assert came["confirmed_by"] == ""

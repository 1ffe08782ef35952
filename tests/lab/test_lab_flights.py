"""The hand-written flights are TLS, as told by OpenSSL: it goes on where a client would."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509

from fleetscan.lab.authority import Identity, LeafPlan, make_authority, make_leaf
from fleetscan.lab.flights import honest_tls12_flight, read_client_hello, with_broken_certificate
from fleetscan.lab.tls13 import tls13_flight
from tests.lab.plain_clients import lax_context

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def leaf() -> Identity:
    """A leaf under a root of its own."""
    return make_leaf(LeafPlan(names=("a.lab.test",)), NOW, make_authority("Root", NOW))


class MemoryClient:
    """OpenSSL's client without a socket."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = lax_context().wrap_bio(
            self.incoming, self.outgoing, server_hostname="a.lab.test"
        )

    def advance(self, octets: bytes = b"") -> bytes:
        """Feed octets and give back what the client answers."""
        self.incoming.write(octets)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()


def test_openssl_answers_the_tls12_flight_with_its_key_exchange(leaf: Identity) -> None:
    """ClientKeyExchange(16) of RFC 5246 section 7.4.7 follows only after a flight in order."""
    client = MemoryClient()

    answer = client.advance(honest_tls12_flight(client.advance(), [leaf]))

    assert answer[0] == 22
    assert answer[5] == 16


def test_openssl_finishes_the_tls13_flight_when_the_key_is_right(leaf: Identity) -> None:
    """With the certificate's own key the handshake is complete: only the key is ever wrong."""
    client = MemoryClient()

    client.advance(tls13_flight(client.advance(), [leaf.der], leaf.key))  # type: ignore[arg-type]

    assert client.tls.version() == "TLSv1.3"
    assert client.tls.getpeercert(binary_form=True) == leaf.der


@pytest.mark.parametrize("cut", range(0, 120))
def test_a_cut_hello_is_refused(cut: int) -> None:
    """No strict prefix of a hello is read as one."""
    hello = MemoryClient().advance()

    with pytest.raises(ValueError, match=r"octets end|not a ClientHello"):
        read_client_hello(hello[:cut])


def test_a_hello_is_read_as_openssl_wrote_it() -> None:
    """Random, session id and extensions stand where RFC 8446 section 4.1.2 puts them."""
    octets = MemoryClient().advance()

    hello = read_client_hello(octets)

    assert hello.message == octets[5:]
    assert hello.random == octets[11:43]
    assert hello.session_id == octets[44 : 44 + octets[43]]
    assert 0x1301 in hello.cipher_suites
    assert hello.extensions[0].endswith(b"a.lab.test")


def test_the_broken_certificate_differs_in_one_octet(leaf: Identity) -> None:
    """What is malformed is one length, and `cryptography` cannot read it either."""
    broken = with_broken_certificate(leaf.der)

    assert len(broken) == len(leaf.der)
    assert sum(ours != theirs for ours, theirs in zip(broken, leaf.der, strict=True)) == 1
    with pytest.raises(ValueError, match="asn1"):
        x509.load_der_x509_certificate(broken)

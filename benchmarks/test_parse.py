"""What parsing costs: the walk over a flight, a ServerHello, certificates.

Next to `parse_certificate` stands `cryptography` giving the same fields, once merely loading
the certificate (it reads most of it when asked) and once asked for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID as OID

from fleetscan._parse import (
    Certificate,
    MessageReader,
    RecordReader,
    parse_certificate,
    parse_certificate_tls12,
    parse_server_hello,
)
from tests import octets

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

TYPICAL: Final = octets.certificate(
    extensions=tuple(
        extension
        for at, extension in enumerate(octets.EVERYDAY_EXTENSIONS)
        if at not in {9, 10, 12}  # neither TLS feature, name constraints nor the unknown one
    )
)
"""An ECDSA leaf as public CAs issue them: ten extensions, three names, two SCTs."""

CHAIN: Final = octets.vector(
    3, octets.vector(3, TYPICAL), octets.vector(3, TYPICAL), octets.vector(3, TYPICAL[:300])
)
FLIGHT: Final = octets.record(22, octets.message(2, octets.SERVER_HELLO)) + octets.record(
    22, octets.message(11, CHAIN) + octets.message(14, b"")
)
"""About 2 kB: ServerHello, two certificates and a piece, ServerHelloDone."""


def walk() -> int:
    """Cut a flight into records and messages."""
    records, messages = RecordReader(), MessageReader()
    records.feed(FLIGHT)
    found = 0
    while (record := records.next_record()) is not None:
        messages.feed(record.fragment)
        while messages.next_message() is not None:
            found += 1
    return found


def with_cryptography() -> tuple[object, ...]:
    """Load a certificate and ask for what `parse_certificate` gives at once."""
    found = x509.load_der_x509_certificate(TYPICAL)
    extensions = found.extensions
    return (
        found.version,
        found.serial_number,
        found.signature_algorithm_oid,
        found.signature,
        found.tbs_certificate_bytes,
        found.issuer,
        found.subject,
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        found.public_key_algorithm_oid,
        extensions.get_extension_for_oid(OID.SUBJECT_ALTERNATIVE_NAME).value,
        extensions.get_extension_for_oid(OID.KEY_USAGE).value,
        extensions.get_extension_for_oid(OID.EXTENDED_KEY_USAGE).value,
        extensions.get_extension_for_oid(OID.BASIC_CONSTRAINTS).value,
        extensions.get_extension_for_oid(OID.AUTHORITY_INFORMATION_ACCESS).value,
        extensions.get_extension_for_oid(OID.CRL_DISTRIBUTION_POINTS).value,
    )


@pytest.mark.benchmark(group="parse: messages")
def test_walk_of_a_flight(benchmark: BenchmarkFixture) -> None:
    """Records and messages of a flight of about 2 kB."""
    assert benchmark(walk) == 3
    assert 1_800 < len(FLIGHT) < 2_200


@pytest.mark.benchmark(group="parse: messages")
def test_server_hello(benchmark: BenchmarkFixture) -> None:
    """A ServerHello of TLS 1.3."""
    assert benchmark(parse_server_hello, octets.SERVER_HELLO).cipher_suite == 0x1301


@pytest.mark.benchmark(group="parse: messages")
def test_certificate_message(benchmark: BenchmarkFixture) -> None:
    """A Certificate message of three, without looking into them."""
    assert len(benchmark(parse_certificate_tls12, CHAIN).certificate_list) == 3


@pytest.mark.benchmark(group="parse: certificate")
def test_certificate(benchmark: BenchmarkFixture) -> None:
    """Every field of an ECDSA leaf."""
    found = benchmark(parse_certificate, TYPICAL)

    assert isinstance(found, Certificate)


@pytest.mark.benchmark(group="parse: certificate")
def test_certificate_loaded_by_cryptography(benchmark: BenchmarkFixture) -> None:
    """The same leaf, only loaded."""
    assert benchmark(x509.load_der_x509_certificate, TYPICAL) is not None


@pytest.mark.benchmark(group="parse: certificate")
def test_certificate_read_by_cryptography(benchmark: BenchmarkFixture) -> None:
    """The same leaf, and the same fields read; the key is not even loaded."""
    assert len(benchmark(with_cryptography)) == 16

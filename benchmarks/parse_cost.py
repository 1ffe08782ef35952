"""What reading a certificate costs: every field of a typical leaf, beside `cryptography`.

    python benchmarks/parse_cost.py [--rounds 400]

Both get the same octets in turn, in one process, and give the same fields as Python values:
names as text, the key's kind and size, every extension. That they say the same is checked
first, field by field. Exit 1 when fleetscan is not five times as fast.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import ipaddress
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import machine
from fleetscan._parse import parse_certificate
from tests import certificate_oracle

if TYPE_CHECKING:
    from fleetscan._parse import Certificate, Name

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

FLOOR: Final = 5.0
"""How many times as fast it shall be."""

CALLS: Final = 20
"""Of each in a row: enough for the clock, few enough that both meet the same machine."""

_BEGIN: Final = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC)


def typical_leaf(key: PrivateKey, issuer_key: PrivateKey) -> bytes:
    """A leaf as public authorities issue them: ten extensions, six names, three timestamps."""
    attributes = x509.NameAttribute
    issuer = x509.Name(
        [
            attributes(NameOID.COUNTRY_NAME, "US"),
            attributes(NameOID.ORGANIZATION_NAME, "Example Trust Services LLC"),
            attributes(NameOID.COMMON_NAME, "Example TLS RSA SHA256 2026 CA1"),
        ]
    )
    subject = x509.Name(
        [
            attributes(NameOID.COUNTRY_NAME, "DE"),
            attributes(NameOID.STATE_OR_PROVINCE_NAME, "Hessen"),
            attributes(NameOID.LOCALITY_NAME, "Frankfurt am Main"),
            attributes(NameOID.ORGANIZATION_NAME, "Example Payments GmbH"),
            attributes(NameOID.COMMON_NAME, "www.example.com"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(b"\x0a" + os.urandom(15), "big"))
        .not_valid_before(_BEGIN)
        .not_valid_after(_BEGIN + datetime.timedelta(days=199))
    )
    for extension, critical in _extensions(key, issuer_key):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _extensions(
    key: PrivateKey, issuer_key: PrivateKey
) -> Sequence[tuple[x509.ExtensionType, bool]]:
    hosts = ("www.example.com", "example.com", "api.example.com", "*.shop.example.com")
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in (*hosts, "login.example.org")]
    names.append(x509.IPAddress(ipaddress.ip_address("192.0.2.17")))
    usages = dict.fromkeys(
        (
            "content_commitment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    lists = ("http://crl3.example.net/ca1-2026.crl", "http://crl4.example.net/ca1-2026.crl")
    access = (
        (AuthorityInformationAccessOID.OCSP, "http://ocsp.example.net"),
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://cacerts.example.net/ca1-2026.crt"),
    )
    policies = ("2.23.140.1.2.2", "1.3.6.1.4.1.99999.1.1")
    return (
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.SubjectAlternativeName(names), False),
        (
            x509.CertificatePolicies(
                [
                    x509.PolicyInformation(x509.ObjectIdentifier(policies[0]), None),
                    x509.PolicyInformation(
                        x509.ObjectIdentifier(policies[1]), ["http://www.example.net/CPS"]
                    ),
                ]
            ),
            False,
        ),
        (x509.KeyUsage(digital_signature=True, key_encipherment=True, **usages), True),
        (
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        ),
        (
            x509.CRLDistributionPoints(
                [
                    x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
                    for url in lists
                ]
            ),
            False,
        ),
        (
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
                    for method, url in access
                ]
            ),
            False,
        ),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_timestamps(), False),
    )


def _timestamps() -> x509.UnrecognizedExtension:
    """Three timestamps with signatures of P-256, RFC 6962 sections 3.2 and 3.3."""
    stamps = b""
    for log in range(3):
        # Version 1, the log, a time, no extensions, ecdsa with SHA-256, 71 octets of signature.
        stamp = b"\x00" + bytes([log]) * 32 + (1_790_000_000_000 + log).to_bytes(8, "big")
        stamp += b"\x00\x00\x04\x03\x00\x47" + bytes(range(71))
        stamps += len(stamp).to_bytes(2, "big") + stamp
    listed = len(stamps).to_bytes(2, "big") + stamps
    octets = b"\x04\x82" + len(listed).to_bytes(2, "big") + listed
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), octets)


def _rdns(name: Name) -> list[tuple[str, str]]:
    return [(part.oid, part.value) for rdn in name.rdns for part in rdn]


def read_ours(der: bytes) -> tuple[object, ...]:
    """Every field, with what is only made when asked for."""
    found: Certificate = parse_certificate(der)
    identifier = found.authority_key_identifier
    constraints = found.basic_constraints
    assert identifier is not None
    assert constraints is not None
    return (
        found.version,
        found.sha256,
        found.serial_number,
        found.signature_algorithm,
        found.signature,
        found.tbs_certificate,
        _rdns(found.issuer),
        found.issuer.der,
        _rdns(found.subject),
        found.subject.der,
        found.not_before,
        found.not_after,
        found.public_key_algorithm,
        found.key_type,
        found.key_bits,
        [(each.oid, each.critical) for each in found.extensions],
        [(each.kind, each.text) for each in found.subject_alt_name or ()],
        found.key_usage,
        found.extended_key_usage,
        (constraints.ca, constraints.path_len_constraint),
        found.subject_key_identifier,
        identifier.key_identifier,
        (found.ocsp_urls, found.ca_issuers_urls),
        found.crl_urls,
        found.certificate_policies,
        found.signed_certificate_timestamps,
    )


def _their_rdns(name: x509.Name) -> list[tuple[str, object]]:
    return [(part.oid.dotted_string, part.value) for rdn in name.rdns for part in rdn]


def read_theirs(der: bytes) -> tuple[object, ...]:
    """The same fields of `cryptography`, each in its own words."""
    found = x509.load_der_x509_certificate(der)
    extensions = found.extensions
    of = {each.oid.dotted_string: each.value for each in extensions}
    names = of["2.5.29.17"]
    key = found.public_key()
    access = of["1.3.6.1.5.5.7.1.1"]
    points = of["2.5.29.31"]
    policies = of["2.5.29.32"]
    usages = of["2.5.29.37"]
    constraints = of["2.5.29.19"]
    own, issuer = of["2.5.29.14"], of["2.5.29.35"]
    stamps = of["1.3.6.1.4.1.11129.2.4.2"]
    usage = of["2.5.29.15"]
    assert isinstance(names, x509.SubjectAlternativeName)
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert isinstance(access, x509.AuthorityInformationAccess)
    assert isinstance(points, x509.CRLDistributionPoints)
    assert isinstance(policies, x509.CertificatePolicies)
    assert isinstance(usages, x509.ExtendedKeyUsage)
    assert isinstance(constraints, x509.BasicConstraints)
    assert isinstance(own, x509.SubjectKeyIdentifier)
    assert isinstance(issuer, x509.AuthorityKeyIdentifier)
    assert isinstance(stamps, x509.PrecertificateSignedCertificateTimestamps)
    assert isinstance(usage, x509.KeyUsage)
    return (
        found.version,
        found.fingerprint(hashes.SHA256()),
        found.serial_number,
        found.signature_algorithm_oid.dotted_string,
        found.signature,
        found.tbs_certificate_bytes,
        _their_rdns(found.issuer),
        found.issuer.public_bytes(),
        _their_rdns(found.subject),
        found.subject.public_bytes(),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        found.public_key_algorithm_oid.dotted_string,
        type(key),
        key.key_size,
        [(each.oid.dotted_string, each.critical) for each in extensions],
        [each.value for each in names],
        (usage.digital_signature, usage.key_encipherment, usage.key_agreement),
        [each.dotted_string for each in usages],
        (constraints.ca, constraints.path_length),
        own.digest,
        issuer.key_identifier,
        [(each.access_method.dotted_string, each.access_location.value) for each in access],
        [name.value for each in points for name in each.full_name or ()],
        [each.policy_identifier.dotted_string for each in policies],
        len(stamps),
    )


def times(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Microseconds of CPU of one call of each, round by round, `CALLS` of one after the other."""
    clock = time.thread_time_ns
    found: list[list[float]] = [[] for _ in calls]
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for call, row in zip(calls, found, strict=True):
            began = clock()
            for _ in range(CALLS):
                call()
            row.append((clock() - began) / CALLS / 1_000)
    return found


def main() -> int:
    """Measure and print; 1 below the floor."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("at least one round")
    long_key = rsa.generate_private_key(65_537, 2_048)
    short_key = ec.generate_private_key(ec.SECP256R1())
    leaves = {
        "RSA-2048": typical_leaf(long_key, long_key),
        "P-256": typical_leaf(short_key, long_key),
    }
    sys.stdout.write(f"{machine()}\n\n")
    sys.stdout.write("| leaf | octets | fleetscan, us | cryptography, us | times as fast |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- |\n")
    slow = False
    for name, der in leaves.items():
        said = certificate_oracle.differences(
            parse_certificate(der), x509.load_der_x509_certificate(der)
        )
        assert not said, said
        ours, theirs = times((partial(read_ours, der), partial(read_theirs, der)), rounds)
        ratio = statistics.median(theirs) / statistics.median(ours)
        slow = slow or ratio < FLOOR
        sys.stdout.write(
            f"| {name} | {len(der):,} | {statistics.median(ours):.1f} "
            f"| {statistics.median(theirs):.1f} | {ratio:.1f} |\n"
        )
    if slow:
        sys.stderr.write(f"less than {FLOOR:.0f} times as fast as cryptography\n")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())

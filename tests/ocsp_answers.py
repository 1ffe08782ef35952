"""OCSP responses for tests, written out from RFC 6960 section 4.2.1, one line a field.

`cryptography`'s builder stamps producedAt with the machine's clock and makes nothing that is
wrong; these take every time as an argument and any octets in any place.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import DAY, NOW, Issued, issue, key_usage, leaf, root
from tests.octets import (
    bit_string,
    generalized_time,
    integer,
    octet_string,
    oid,
    sequence,
    tlv,
)

OCSP_SIGNING: Final = ExtendedKeyUsageOID.OCSP_SIGNING

GOOD: Final = tlv(0x80)
UNKNOWN: Final = tlv(0x82)

HASHES: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
    "sha3_256": "2.16.840.1.101.3.4.2.8",
}

_ECDSA_SHA256: Final = sequence(oid("1.2.840.10045.4.3.2"))
_RSA_SHA256: Final = sequence(oid("1.2.840.113549.1.1.11"), tlv(0x05))
_ED25519: Final = sequence(oid("1.3.101.112"))


def responder(
    issuer: Issued,
    subject: str = "Test Responder",
    *,
    purposes: Sequence[x509.ObjectIdentifier] = (OCSP_SIGNING,),
    not_before: int = NOW - 30 * DAY,
    not_after: int = NOW + 30 * DAY,
    usages: x509.KeyUsage | None = None,
    signer: Issued | None = None,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Issued:
    """Make a delegated responder's certificate; `signer` signs in place of the issuer."""
    return issue(
        subject,
        issuer,
        usages=usages or key_usage("digital_signature"),
        extended=purposes,
        not_before=not_before,
        not_after=not_after,
        signer=signer.key if signer else None,
        extra=extra,
    )


def at(seconds: int) -> bytes:
    """A GeneralizedTime."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return generalized_time(moment.strftime("%Y%m%d%H%M%SZ"))


def revoked(when: int = NOW - 10 * DAY, reason: int | None = None) -> bytes:
    """CertStatus: revoked since then, with a CRLReason."""
    code = b"" if reason is None else tlv(0xA0, tlv(0x0A, bytes([reason])))
    return tlv(0xA1, at(when), code)


def cert_id(
    leaf: Issued,
    issuer: Issued,
    *,
    digest: str = "sha1",
    serial: int | None = None,
    named: str = "",
) -> bytes:
    """CertID of a leaf; `named` is another algorithm's OID over the same hashes."""
    hashed = [
        hashlib.new(digest, octets).digest()
        for octets in (issuer.parsed.subject.der, issuer.parsed.public_key)
    ]
    return sequence(
        sequence(oid(named or HASHES[digest]), tlv(0x05)),  # hashAlgorithm
        octet_string(hashed[0]),  # issuerNameHash
        octet_string(hashed[1]),  # issuerKeyHash
        integer(leaf.parsed.serial_number if serial is None else serial),  # serialNumber
    )


def single(
    identifier: bytes,
    status: bytes = GOOD,
    *,
    this_update: int = NOW - 3_600,
    next_update: int | None = NOW + 7 * DAY,
    extensions: bytes = b"",
) -> bytes:
    """One SingleResponse."""
    return sequence(
        identifier,  # certID
        status,  # certStatus
        at(this_update),  # thisUpdate
        b"" if next_update is None else tlv(0xA0, at(next_update)),  # nextUpdate
        tlv(0xA1, sequence(extensions)) if extensions else b"",  # singleExtensions
    )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a response that tests change.

    `named` is whom responderID names, the signer when it is None; `algorithm` stands in for
    the signatureAlgorithm that was used, `signature` for what the key made.
    """

    signer: Issued
    named: Issued | None = None
    by_name: bool = False
    certs: Sequence[bytes] = ()
    produced_at: int = NOW - 3_600
    extensions: bytes = b""
    version: bytes = b""
    algorithm: bytes = b""
    signature: bytes = b""


def response(parts: Parts, *singles: bytes) -> bytes:
    """A successful OCSPResponse with a BasicOCSPResponse, signed."""
    named = (parts.named or parts.signer).parsed
    key_hash = hashlib.sha1(named.public_key).digest()
    data = sequence(
        parts.version,  # version [0] DEFAULT v1
        tlv(0xA1, named.subject.der) if parts.by_name else tlv(0xA2, octet_string(key_hash)),
        at(parts.produced_at),  # producedAt
        sequence(*singles),  # responses
        tlv(0xA1, sequence(parts.extensions)) if parts.extensions else b"",  # responseExtensions
    )
    algorithm, signature = sign(parts.signer, data)
    basic = sequence(
        data,  # tbsResponseData
        parts.algorithm or algorithm,  # signatureAlgorithm
        bit_string(parts.signature or signature),  # signature
        tlv(0xA0, sequence(*parts.certs)) if parts.certs else b"",  # certs
    )
    return successful(basic)


def successful(octets: bytes, response_type: str = "1.3.6.1.5.5.7.48.1.1") -> bytes:
    """An OCSPResponse around the octets of its response."""
    inner = sequence(oid(response_type), octet_string(octets))
    return sequence(tlv(0x0A, b"\x00"), tlv(0xA0, inner))


def said_no(status: int) -> bytes:
    """An OCSPResponse that is only an error."""
    return sequence(tlv(0x0A, bytes([status])))


def sign(signer: Issued, octets: bytes) -> tuple[bytes, bytes]:
    """AlgorithmIdentifier and signature."""
    key = signer.key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ECDSA_SHA256, key.sign(
            octets, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        )
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _ED25519, key.sign(octets)
    assert isinstance(key, rsa.RSAPrivateKey)
    return _RSA_SHA256, key.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def answer(
    leaf: Issued,
    issuer: Issued,
    status: bytes = GOOD,
    *,
    signer: Issued | None = None,
    by_name: bool = False,
    certs: Sequence[Issued] = (),
    this_update: int = NOW - 3_600,
    next_update: int | None = NOW + 7 * DAY,
) -> bytes:
    """The everyday response: one certificate, signed by its issuer or by `signer`."""
    return response(
        Parts(
            signer=signer or issuer,
            by_name=by_name,
            certs=[one.der for one in certs],
            produced_at=this_update,
        ),
        single(cert_id(leaf, issuer), status, this_update=this_update, next_update=next_update),
    )


def everyday() -> bytes:
    """One that says good of a leaf, signed by its root."""
    issuer = root()
    return answer(leaf(issuer), issuer)

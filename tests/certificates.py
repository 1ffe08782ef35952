"""Certificates for tests, made by `cryptography` under a fixed clock.

EC and Ed25519 keys are derived from a label, serial numbers from the subject, and ECDSA
signatures are deterministic (RFC 6979): two runs make the same octets. RSA and DSA keys are made
once per process, because the library derives none.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from fleetscan._parse import Certificate, parse_certificate

NOW: Final = 1_800_000_000
"""The clock of all tests: 2027-01-15T08:00:00Z, Unix seconds."""

DAY: Final = 86_400

SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH: Final = ExtendedKeyUsageOID.CLIENT_AUTH
ANY_USAGE: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

SigningHash: TypeAlias = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512

PrivateKey: TypeAlias = (
    ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey
)

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-192": ec.SECP192R1(),
    "P-224": ec.SECP224R1(),
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its private key and the fields an issuer hands down."""

    der: bytes
    key: PrivateKey
    name: x509.Name

    @functools.cached_property
    def parsed(self) -> Certificate:
        """The certificate as fleetscan reads it."""
        return parse_certificate(self.der)

    @functools.cached_property
    def x509(self) -> x509.Certificate:
        """The certificate as `cryptography` reads it."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return x509_pem(self.der)

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8."""
        octets: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return octets


def x509_pem(der: bytes) -> bytes:
    """Wrap DER as a PEM certificate."""
    body = base64.b64encode(der)
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))


@functools.cache
def make_key(label: str = "key", kind: str = "P-256") -> PrivateKey:
    """Make a private key: `P-256` and its like, `Ed25519`, `RSA-2048`, `DSA-2048`."""
    seed = hashlib.sha512(label.encode()).digest()
    if kind in _CURVES:
        curve = _CURVES[kind]
        # Below the order of any of the curves, and never 0.
        scalar = int.from_bytes(seed[: curve.key_size // 8 - 2], "big") + 1
        return ec.derive_private_key(scalar, curve)
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed[:32])
    family, _, bits = kind.partition("-")
    if family == "DSA":
        return dsa.generate_private_key(int(bits))
    return rsa.generate_private_key(65_537, int(bits))


def name(common_name: str | None, **attributes: str) -> x509.Name:
    """Make a Name: attributes by their NameOID in lower case, then the common name."""
    parts = [
        x509.NameAttribute(getattr(NameOID, key.upper()), value)
        for key, value in attributes.items()
    ]
    if common_name is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(parts)


def general_name(text: str) -> x509.GeneralName:
    """Make a dNSName, or an iPAddress where the text is an address or a prefix."""
    try:
        if "/" in text:
            return x509.IPAddress(ipaddress.ip_network(text))
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def key_usage(*bits: str) -> x509.KeyUsage:
    """Make a KeyUsage with these bits, named as `cryptography` does."""
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in every})


def issue(
    subject: str | x509.Name,
    issuer: Issued | None = None,
    *,
    key: PrivateKey | None = None,
    kind: str = "P-256",
    label: str | None = None,
    issuer_name: x509.Name | None = None,
    not_before: int = NOW - 30 * DAY,
    not_after: int = NOW + 60 * DAY,
    ca: bool | None = None,
    path_len: int | None = None,
    san: Sequence[str | x509.GeneralName] | None = None,
    usages: x509.KeyUsage | None = None,
    extended: Sequence[ObjectIdentifier] | None = None,
    constraints: x509.NameConstraints | None = None,
    constraints_critical: bool = True,
    identifiers: bool = True,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    digest: SigningHash | None = None,
    pss_salt: int | None = None,
    signer: PrivateKey | None = None,
) -> Issued:
    """Make a certificate.

    Args:
        subject: a common name or a whole Name.
        issuer: whose key signs; None: the certificate signs itself.
        key: the private key; None: made from `kind` and `label` (by default the subject).
        kind: as in `make_key`.
        label: makes another key for the same subject.
        issuer_name: in place of the issuer's own name.
        not_before: Unix seconds.
        not_after: Unix seconds.
        ca: basicConstraints' cA; None leaves the extension out.
        path_len: its pathLenConstraint.
        san: subjectAltName; None leaves the extension out.
        usages: keyUsage.
        extended: extendedKeyUsage.
        constraints: nameConstraints.
        constraints_critical: whether that extension is critical.
        identifiers: whether key identifiers of subject and issuer go in.
        extra: more extensions, each with whether it is critical.
        digest: the hash; SHA-256 by default, none for Ed25519.
        pss_salt: sign with RSASSA-PSS and a salt of so many octets.
        signer: the private key that signs, in place of the issuer's.
    """
    full_name = name(subject) if isinstance(subject, str) else subject
    own = key or make_key(label or full_name.rfc4514_string(), kind)
    signing = signer or (issuer.key if issuer else own)
    parent = issuer_name or (issuer.name if issuer else full_name)
    serial = hashlib.sha256(f"{full_name.rfc4514_string()} {not_after}".encode()).digest()
    builder = (
        x509.CertificateBuilder()
        .subject_name(full_name)
        .issuer_name(parent)
        .public_key(own.public_key())
        .serial_number(int.from_bytes(serial[:15], "big") + 1)
        .not_valid_before(_utc(not_before))
        .not_valid_after(_utc(not_after))
    )
    rows: list[tuple[x509.ExtensionType, bool]] = []
    if ca is not None:
        rows.append((x509.BasicConstraints(ca=ca, path_length=path_len), True))
    if san is not None:
        names = [general_name(one) if isinstance(one, str) else one for one in san]
        rows.append((x509.SubjectAlternativeName(names), False))
    if usages is not None:
        rows.append((usages, True))
    if extended is not None:
        rows.append((x509.ExtendedKeyUsage(extended), False))
    if constraints is not None:
        rows.append((constraints, constraints_critical))
    if identifiers:
        rows.append((x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))
        above = (issuer.key if issuer else own).public_key()
        rows.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(above), False))
    for extension, critical in (*rows, *extra):
        builder = builder.add_extension(extension, critical)
    built = _sign(builder, signing, digest or hashes.SHA256(), pss_salt)
    return Issued(der=built.public_bytes(Encoding.DER), key=own, name=full_name)


class Changes(TypedDict, total=False):
    """The keyword arguments of `issue`."""

    key: PrivateKey | None
    kind: str
    label: str | None
    issuer_name: x509.Name | None
    not_before: int
    not_after: int
    ca: bool | None
    path_len: int | None
    san: Sequence[str | x509.GeneralName] | None
    usages: x509.KeyUsage | None
    extended: Sequence[ObjectIdentifier] | None
    constraints: x509.NameConstraints | None
    constraints_critical: bool
    identifiers: bool
    extra: Sequence[tuple[x509.ExtensionType, bool]]
    digest: SigningHash | None
    pss_salt: int | None
    signer: PrivateKey | None


def root(subject: str | x509.Name = "Test Root", **changes: Unpack[Changes]) -> Issued:
    """Make a self-signed CA certificate."""
    return issue(subject, **(_CA | changes))


def intermediate(
    issuer: Issued, subject: str | x509.Name = "Test CA", **changes: Unpack[Changes]
) -> Issued:
    """Make a CA certificate under another."""
    return issue(subject, issuer, **(_CA | changes))


def leaf(
    issuer: Issued | None, subject: str | x509.Name = "www.example.com", **changes: Unpack[Changes]
) -> Issued:
    """Make a server's certificate for www.example.com."""
    defaults: Changes = {
        "san": ["www.example.com"],
        "usages": key_usage("digital_signature"),
        "extended": [SERVER_AUTH],
        "ca": False,
    }
    return issue(subject, issuer, **(defaults | changes))


_CA: Final[Changes] = {
    "ca": True,
    "usages": key_usage("key_cert_sign", "crl_sign"),
    "not_before": NOW - 1_000 * DAY,
    "not_after": NOW + 3_000 * DAY,
}


def resigned(
    certificate: Issued,
    issuer: Issued,
    *,
    digest: hashes.HashAlgorithm | None = None,
    algorithm: str | None = None,
    inner: str | None = None,
    pss_defaults: bool = False,
    version1: bool = False,
) -> Issued:
    """Sign a certificate again in ways that the library's builder refuses.

    Args:
        certificate: what to take the fields from.
        issuer: whose key signs (the certificate itself for a self-signed one).
        digest: the hash: SHA-1 and MD5 too.
        algorithm: the signature algorithm's OID in hex, for one that nobody knows; the
            signature is then noise.
        inner: the OID in hex that is signed, where the two shall differ.
        pss_defaults: sign with RSASSA-PSS and empty parameters, which mean SHA-1.
        version1: leave out version and extensions.
    """
    tbs = list(split(split(split(certificate.der)[0])[0], whole=True))
    oids = {
        ("rsa", "sha1"): "2a864886f70d010105",
        ("rsa", "md5"): "2a864886f70d010104",
        ("rsa", "sha256"): "2a864886f70d01010b",
        ("ec", "sha1"): "2a8648ce3d0401",
        ("ec", "sha256"): "2a8648ce3d040302",
    }
    used = digest or hashes.SHA256()
    family = "rsa" if isinstance(issuer.key, rsa.RSAPrivateKey) else "ec"
    oid = bytes.fromhex(algorithm or oids[family, used.name])
    identifier = tlv(0x30, tlv(0x06, oid), b"\x05\x00" if family == "rsa" else b"")
    if pss_defaults:
        identifier = tlv(0x30, bytes.fromhex("06092a864886f70d01010a3000"))
    tbs[2] = tlv(0x30, tlv(0x06, bytes.fromhex(inner))) if inner else identifier
    if version1:
        tbs = [part for part in tbs if part[0] not in (0xA0, 0xA3)]
    signed = tlv(0x30, *tbs)
    signature = bytes(64) if algorithm else _signature(issuer.key, signed, used, pss_defaults)
    der = tlv(0x30, signed, identifier, tlv(0x03, b"\x00" + signature))
    return Issued(der=der, key=certificate.key, name=certificate.name)


def spoiled(certificate: Issued) -> Issued:
    """Flip one bit in the last octet of the signature."""
    der = certificate.der[:-1] + bytes([certificate.der[-1] ^ 1])
    return Issued(der=der, key=certificate.key, name=certificate.name)


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one DER element with a short tag."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def split(octets: bytes, *, whole: bool = False) -> tuple[bytes, ...]:
    """Split well-formed DER elements; each one's content, or the whole element."""
    found = []
    at = 0
    while at < len(octets):
        start = at
        length = octets[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(octets[at : at + count], "big")
            at += count
        found.append(octets[start if whole else at : at + length])
        at += length
    return tuple(found)


def _utc(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _signature(
    key: PrivateKey, signed: bytes, digest: hashes.HashAlgorithm, pss_defaults: bool
) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        if pss_defaults:
            return key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA1()), 20), hashes.SHA1())
        return key.sign(signed, padding.PKCS1v15(), digest)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "only RSA and EC keys sign again"
    return key.sign(signed, ec.ECDSA(digest, deterministic_signing=True))


def _sign(
    builder: x509.CertificateBuilder,
    signing: PrivateKey,
    digest: SigningHash,
    pss_salt: int | None,
) -> x509.Certificate:
    if isinstance(signing, ed25519.Ed25519PrivateKey):
        return builder.sign(signing, None)
    if isinstance(signing, ec.EllipticCurvePrivateKey):
        return builder.sign(signing, digest, ecdsa_deterministic=True)
    if pss_salt is not None:
        return builder.sign(
            signing, digest, rsa_padding=padding.PSS(padding.MGF1(digest), pss_salt)
        )
    return builder.sign(signing, digest)

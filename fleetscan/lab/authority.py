"""The lab's certificates: private roots, intermediates and leaves, made at start.

Elliptic curve keys cost microseconds, so every certificate has its own; the two RSA
keys are what the conditions about RSA need. Nothing here reads the clock: times are
relative to the `now` that the lab was given.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey

DAY: Final = timedelta(days=1)

# The two object identifiers differ in their last octet only, so that one can stand in
# for the other without any length changing (RFC 8017 appendix A.2.4).
SHA256_WITH_RSA: Final = bytes.fromhex("06092a864886f70d01010b")
SHA1_WITH_RSA: Final = bytes.fromhex("06092a864886f70d010105")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate, as DER, and the private key that belongs to it."""

    der: bytes
    key: PrivateKey

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, decoded."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def pem(self) -> bytes:
        """The certificate alone, in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def new_ec_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """A fresh RSA key with a modulus of `bits` bits."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, key: PrivateKey, issuer: x509.Certificate | None, issuer_key: PrivateKey
) -> x509.CertificateBuilder:
    """What every certificate of the lab has: names, serial number and the key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(
    common_name: str,
    now: datetime,
    *,
    issuer: Identity | None = None,
    key: PrivateKey | None = None,
    organization: str = "Fleetscan Lab",
    path_length: int = 0,
    begins: int = -400,
    ends: int = 3_000,
    is_ca: bool = True,
    permitted: str = "",
) -> Identity:
    """A CA certificate: a root without `issuer`, an intermediate with one.

    Args:
        common_name: of the subject.
        now: in UTC; `begins` and `ends` are days from it.
        issuer: who signs; None: it signs itself.
        key: a new one unless given.
        organization: of the subject.
        path_length: how many more CA certificates may follow an intermediate.
        begins: first day of validity.
        ends: last day of validity.
        is_ca: what basicConstraints says; False makes it no authority after all.
        permitted: the one domain that it may issue for; `""`: any.
    """
    own_key = key if key is not None else new_ec_key()
    issuer_key = own_key if issuer is None else issuer.key
    parent = None if issuer is None else issuer.certificate
    length = path_length if is_ca and issuer is not None else None
    builder = (
        _builder(_name(common_name, organization), own_key, parent, issuer_key)
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=length), critical=True)
        .add_extension(_key_usage(is_ca=True), critical=True)
    )
    if permitted:
        builder = builder.add_extension(
            x509.NameConstraints([x509.DNSName(permitted)], None), critical=True
        )
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Identity(der=certificate.public_bytes(serialization.Encoding.DER), key=own_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafPlan:
    """How a leaf is to look. `begins` and `ends` are days from now.

    `names` are DNS names and IP addresses for the subjectAltName; `key` None stands for a
    new P-256 key; `purpose` is its one extended key usage, and `extension` one more extension
    with whether it is critical.
    """

    names: tuple[str, ...]
    begins: int = -1
    ends: int = 89
    key: PrivateKey | None = None
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH
    extension: tuple[x509.ExtensionType, bool] | None = None


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def make_leaf(plan: LeafPlan, now: datetime, issuer: Identity | None) -> Identity:
    """A server certificate; self-signed when `issuer` is None."""
    key = plan.key if plan.key is not None else new_ec_key()
    issuer_key = key if issuer is None else issuer.key
    parent = None if issuer is None else issuer.certificate
    builder = (
        _builder(_name(plan.names[0], "Fleetscan Lab"), key, parent, issuer_key)
        .not_valid_before(now + plan.begins * DAY)
        .not_valid_after(now + plan.ends * DAY)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in plan.names]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(is_ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([plan.purpose]), critical=False)
    )
    if plan.extension is not None:
        extension, critical = plan.extension
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Identity(der=certificate.public_bytes(serialization.Encoding.DER), key=key)


def sign_again_with_sha1(leaf: Identity, issuer: Identity) -> Identity:
    """The same certificate under a SHA-1 signature of an RSA issuer.

    The library makes no such certificates any more, rightly; so the signed part gets the
    other algorithm identifier, octet for octet, and is signed by hand.

    Raises:
        ValueError: `issuer` has no RSA key.
    """
    if not isinstance(issuer.key, rsa.RSAPrivateKey):
        raise ValueError("only an RSA issuer can be asked for sha1WithRSAEncryption")
    signed = leaf.certificate.tbs_certificate_bytes
    begin = leaf.der.index(signed)
    signed = signed.replace(SHA256_WITH_RSA, SHA1_WITH_RSA)
    octets = issuer.key.key_size // 8
    middle = leaf.der[begin + len(signed) : -octets].replace(SHA256_WITH_RSA, SHA1_WITH_RSA)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    return Identity(der=leaf.der[:begin] + signed + middle + signature, key=leaf.key)


def with_broken_signature(leaf: Identity) -> Identity:
    """The same certificate with the last bit of its signature turned."""
    return Identity(der=leaf.der[:-1] + bytes((leaf.der[-1] ^ 1,)), key=leaf.key)


def revoked_staple(leaf: Identity, issuer: Identity, now: datetime) -> bytes:
    """An OCSP response of the issuer's own that says so (RFC 6960 section 4.2.1), DER."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.REVOKED,
        this_update=now - timedelta(hours=1),
        next_update=now + 7 * DAY,
        revocation_time=now - 5 * DAY,
        revocation_reason=x509.ReasonFlags.key_compromise,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    response = builder.sign(issuer.key, hashes.SHA256())
    return response.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """Every CA of the lab. Only `root` is in the trust file."""

    root: Identity
    issuing: Identity
    second_issuing: Identity
    rsa_issuing: Identity
    upper: Identity
    lower: Identity
    sent_root: Identity
    sent_issuing: Identity
    unsent_issuing: Identity

    @classmethod
    def make(cls, now: datetime) -> Authorities:
        """All of them; `now` in UTC."""
        root = make_authority("Fleetscan Lab Root", now)
        sent_root = make_authority("Acme Private Root", now, organization="Acme")
        upper = make_authority("Fleetscan Lab Policy CA", now, issuer=root, path_length=1)
        unsent_root = make_authority("Globex Private Root", now, organization="Globex")
        return cls(
            root=root,
            issuing=make_authority("Fleetscan Lab Issuing CA 1", now, issuer=root),
            second_issuing=make_authority("Fleetscan Lab Issuing CA 2", now, issuer=root),
            rsa_issuing=make_authority(
                "Fleetscan Lab RSA Issuing CA", now, issuer=root, key=new_rsa_key(2_048)
            ),
            upper=upper,
            lower=make_authority("Fleetscan Lab Branch CA", now, issuer=upper),
            sent_root=sent_root,
            sent_issuing=make_authority(
                "Acme Issuing CA", now, issuer=sent_root, organization="Acme"
            ),
            unsent_issuing=make_authority(
                "Globex Issuing CA", now, issuer=unsent_root, organization="Globex"
            ),
        )


def to_utc(unix_s: float) -> datetime:
    """Unix seconds as whole seconds of UTC: certificates hold no fractions."""
    return datetime.fromtimestamp(int(unix_s), UTC)


def write_chain(path: Path, chain: tuple[Identity, ...]) -> None:
    """The key of the first certificate and the chain in the order given, one PEM file."""
    path.touch(mode=0o600)
    path.write_bytes(chain[0].key_pem + b"".join(identity.pem for identity in chain))

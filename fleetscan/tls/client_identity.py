"""The user's own certificate and key, for servers that ask for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError, UsageError
from fleetscan.pem import CERTIFICATE_LABELS, decoded, pem_blocks
from fleetscan.registry import versions
from fleetscan.tls.signatures import SCHEMES, UNNAMED, Scheme, fits, kind_of, md5_sha1, rsa_padding

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

PRIVATE_KEY: Final = b"PRIVATE KEY"
"""What every label of a private key ends in (RFC 7468 sections 10 and 11, and OpenSSL's own)."""

# The two ways in which PEM says so: PKCS #8's label (RFC 7468 section 11), and the header of
# the older form (RFC 1421 section 4.6.1.1).
ENCRYPTED: Final = (b"-----BEGIN ENCRYPTED ", b"Proc-Type: 4,ENCRYPTED")

# ClientCertificateType (RFC 5246 section 7.4.4; RFC 8422 section 5.5, EdDSA's with ECDSA's).
RSA_SIGN: Final = 1
DSS_SIGN: Final = 2
ECDSA_SIGN: Final = 64
CERTIFICATE_TYPES: Final = {
    "RSA": RSA_SIGN,
    "RSA-PSS": RSA_SIGN,
    "DSA": DSS_SIGN,
    "EC": ECDSA_SIGN,
    "Ed25519": ECDSA_SIGN,
    "Ed448": ECDSA_SIGN,
}

# Octets that RSA needs beside the hash: 00 01, eight of padding, 00 and a DigestInfo of 19
# (RFC 8017 section 9.2); for PSS two and a salt as long as the hash (section 9.1.1).
PKCS1_OVERHEAD: Final = 30
PSS_OVERHEAD: Final = 2

SelfHashing: TypeAlias = (
    ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | SelfHashing
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClientIdentity:
    """A certificate chain and the key of its first certificate.

    Args:
        chain: the certificates in the order given, the client's own first; DER.
        leaf: the first of them, parsed.
        key: its private key; never shown.
    """

    chain: tuple[bytes, ...] = field(repr=False)
    leaf: Certificate
    key: PrivateKey = field(repr=False)

    @classmethod
    def from_pem(
        cls, certificates: bytes, key: bytes | None, password: bytes | None
    ) -> ClientIdentity:
        """Read an identity.

        Args:
            certificates: PEM, the client's own certificate first.
            key: PEM; None: the key is beside the certificates.
            password: of the key, None when nobody gave one; not looked at when the key is
                not encrypted.

        Raises:
            UsageError: there is no certificate or no key, they do not belong together, the
                password is missing or wrong, or the kind of key cannot sign here.
        """
        chain = _chain(certificates)
        leaf = _parsed(chain[0])
        private = _private_key(certificates if key is None else key, password)
        if not _belongs(private, leaf):
            raise UsageError(
                "client certificate: the private key does not belong to the first certificate: "
                "put the certificate of the key first, or give another key"
            )
        return cls(chain=chain, leaf=leaf, key=private)

    def scheme_for(self, version: int, schemes: tuple[int, ...]) -> int | None:
        """The scheme to sign with, None when there is none that both sides can.

        Args:
            version: the negotiated one.
            schemes: of the CertificateRequest, in the server's order; before TLS 1.2 it names
                none, and what comes back is 0.
        """
        kind = kind_of(self.leaf)
        if version < versions.TLSV1_2:
            return 0 if kind in UNNAMED else None
        for scheme in schemes:
            parts = SCHEMES.get(scheme)
            if (
                parts is not None
                and fits(version, parts, kind, self.leaf.curve)
                and self._is_long_enough(parts)
            ):
                return scheme
        return None

    def fits_certificate_types(self, certificate_types: bytes) -> bool:
        """Whether a CertificateRequest up to TLS 1.2 wants this kind (RFC 5246 section 7.4.4)."""
        wanted = CERTIFICATE_TYPES.get(kind_of(self.leaf))
        return wanted is not None and wanted in certificate_types

    def sign(self, scheme: int, content: bytes) -> bytes:
        """A signature over `content`.

        Args:
            scheme: as `scheme_for` gave it.
            content: what is signed: under TLS 1.3 with its context string (RFC 8446
                section 4.4.3), before it all handshake messages (RFC 5246 section 7.4.8).
        """
        parts = SCHEMES[scheme] if scheme else UNNAMED[kind_of(self.leaf)]
        algorithm, key = parts.hash, self.key
        if isinstance(key, rsa.RSAPrivateKey):
            if algorithm is None:
                return key.sign(md5_sha1(content), padding.PKCS1v15(), NoDigestInfo())
            return key.sign(content, rsa_padding(parts.padding, algorithm), algorithm)
        if isinstance(key, SelfHashing):
            return key.sign(content)
        assert algorithm is not None
        if isinstance(key, dsa.DSAPrivateKey):
            return key.sign(content, algorithm)
        return key.sign(content, ec.ECDSA(algorithm))

    def _is_long_enough(self, parts: Scheme) -> bool:
        """Whether an RSA key has room for the hash: 1,024 bits have none for PSS with SHA-512."""
        if not parts.padding or parts.hash is None:
            return True
        size = parts.hash.digest_size
        if parts.padding == "pkcs1":
            return (self.leaf.key_bits + 7) // 8 >= size + PKCS1_OVERHEAD
        # What is encoded is one bit shorter than the modulus (RFC 8017 section 8.1.1).
        return (self.leaf.key_bits - 1 + 7) // 8 >= 2 * size + PSS_OVERHEAD


def _chain(octets: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, in its order."""
    chain: list[bytes] = []
    # Ends as `pem_blocks` does.
    for block in pem_blocks(octets):
        if block.label in CERTIFICATE_LABELS and block.is_closed:
            der = decoded(block.text)
            if der is None:
                raise UsageError("client certificate: a certificate is not valid base64")
            chain.append(der)
    if not chain:
        raise UsageError(
            "client certificate: there is no certificate in the file: "
            "give PEM (-----BEGIN CERTIFICATE-----)"
        )
    return tuple(chain)


def _parsed(der: bytes) -> Certificate:
    try:
        return parse_certificate(der)
    except ParseError as error:
        raise UsageError(
            f"client certificate: the first certificate cannot be read: {error}"
        ) from error


def _private_key(octets: bytes, password: bytes | None) -> PrivateKey:
    """The first private key of a PEM file."""
    blocks = (each for each in pem_blocks(octets) if each.label.endswith(PRIVATE_KEY))
    found = next((each for each in blocks if each.is_closed), None)
    if found is None:
        raise UsageError(
            "client certificate: there is no private key in the file: "
            "give PEM (-----BEGIN PRIVATE KEY-----)"
        )
    pem = octets[found.start : found.end]
    encrypted = any(mark in pem for mark in ENCRYPTED)
    if encrypted and password is None:
        raise UsageError("client certificate: the private key is encrypted: give its password")
    try:
        key = load_pem_private_key(pem, password if encrypted else None)
    except UnsupportedAlgorithm as error:
        raise UsageError("client certificate: this kind of private key is not supported") from error
    except (ValueError, TypeError) as error:
        why = "the password is wrong, or it is damaged" if encrypted else "it is damaged"
        raise UsageError(f"client certificate: the private key cannot be read: {why}") from error
    if not isinstance(key, PrivateKey):
        raise UsageError(
            "client certificate: this kind of private key cannot sign: "
            "give one of RSA, ECDSA, Ed25519 or Ed448"
        )
    return key


def _belongs(key: PrivateKey, leaf: Certificate) -> bool:
    """Whether the certificate is for this key."""
    try:
        public = load_der_public_key(leaf.subject_public_key_info)
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
    own = key.public_key()
    if isinstance(own, rsa.RSAPublicKey) and isinstance(public, rsa.RSAPublicKey):
        # A certificate may say RSASSA-PSS where the key's file says RSA.
        return own.public_numbers() == public.public_numbers()
    return own == public

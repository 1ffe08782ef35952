"""Does this signature belong to the leaf's key? Per scheme, RFC 8446 section 4.2.3.

Before TLS 1.2 no scheme is named: the kind of key decides (RFC 2246 section 7.4.3, RFC 8422
section 5.4).

Three answers: what `cryptography` cannot check is `NOT_CHECKED`, never `NO`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan import limits
from fleetscan.registry import signature_schemes as scheme
from fleetscan.registry import versions
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

# What a server signs under TLS 1.3 begins with this (RFC 8446 section 4.4.3).
SERVER_CONTEXT: Final = b"\x20" * 64 + b"TLS 1.3, server CertificateVerify\x00"
CLIENT_CONTEXT: Final = b"\x20" * 64 + b"TLS 1.3, client CertificateVerify\x00"

OID_RSA_PSS: Final = "1.2.840.113549.1.1.10"


class Scheme(NamedTuple):
    """What a scheme asks of the key; `curve` binds the key under TLS 1.3 only.

    `hash` is None where the algorithm hashes for itself, and for MD5 with SHA-1.
    """

    key_type: str
    hash: hashes.HashAlgorithm | None = None
    curve: str = ""
    padding: str = ""


MD5: Final = hashes.MD5()
SHA1: Final = hashes.SHA1()
SHA224: Final = hashes.SHA224()
SHA256: Final = hashes.SHA256()
SHA384: Final = hashes.SHA384()
SHA512: Final = hashes.SHA512()

# Made once: the library takes a microsecond for each. By name, for its hashes have no hash.
ECDSA: Final = {each.name: ec.ECDSA(each) for each in (MD5, SHA1, SHA224, SHA256, SHA384, SHA512)}

# With which nothing is signed under TLS 1.3 (RFC 8446 section 4.2.3).
WEAK_HASHES: Final = frozenset({MD5.name, SHA1.name, SHA224.name})

SECP256R1_OID: Final = "1.2.840.10045.3.1.7"
SECP384R1_OID: Final = "1.3.132.0.34"
SECP521R1_OID: Final = "1.3.132.0.35"
BRAINPOOLP256R1_OID: Final = "1.3.36.3.3.2.8.1.1.7"
BRAINPOOLP384R1_OID: Final = "1.3.36.3.3.2.8.1.1.11"
BRAINPOOLP512R1_OID: Final = "1.3.36.3.3.2.8.1.1.13"

SCHEMES: Final[dict[int, Scheme]] = {
    scheme.RSA_PSS_RSAE_SHA256: Scheme("RSA", SHA256, padding="pss"),
    scheme.RSA_PSS_RSAE_SHA384: Scheme("RSA", SHA384, padding="pss"),
    scheme.RSA_PSS_RSAE_SHA512: Scheme("RSA", SHA512, padding="pss"),
    scheme.RSA_PSS_PSS_SHA256: Scheme("RSA-PSS", SHA256, padding="pss"),
    scheme.RSA_PSS_PSS_SHA384: Scheme("RSA-PSS", SHA384, padding="pss"),
    scheme.RSA_PSS_PSS_SHA512: Scheme("RSA-PSS", SHA512, padding="pss"),
    scheme.RSA_PKCS1_MD5: Scheme("RSA", MD5, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA1: Scheme("RSA", SHA1, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA224: Scheme("RSA", SHA224, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA256: Scheme("RSA", SHA256, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA384: Scheme("RSA", SHA384, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA512: Scheme("RSA", SHA512, padding="pkcs1"),
    scheme.ECDSA_MD5: Scheme("EC", MD5),
    scheme.ECDSA_SHA1: Scheme("EC", SHA1),
    scheme.ECDSA_SHA224: Scheme("EC", SHA224),
    scheme.ECDSA_SECP256R1_SHA256: Scheme("EC", SHA256, curve=SECP256R1_OID),
    scheme.ECDSA_SECP384R1_SHA384: Scheme("EC", SHA384, curve=SECP384R1_OID),
    scheme.ECDSA_SECP521R1_SHA512: Scheme("EC", SHA512, curve=SECP521R1_OID),
    scheme.ECDSA_BRAINPOOLP256R1TLS13_SHA256: Scheme("EC", SHA256, curve=BRAINPOOLP256R1_OID),
    scheme.ECDSA_BRAINPOOLP384R1TLS13_SHA384: Scheme("EC", SHA384, curve=BRAINPOOLP384R1_OID),
    scheme.ECDSA_BRAINPOOLP512R1TLS13_SHA512: Scheme("EC", SHA512, curve=BRAINPOOLP512R1_OID),
    scheme.DSA_MD5: Scheme("DSA", MD5),
    scheme.DSA_SHA1: Scheme("DSA", SHA1),
    scheme.DSA_SHA224: Scheme("DSA", SHA224),
    scheme.DSA_SHA256: Scheme("DSA", SHA256),
    scheme.DSA_SHA384: Scheme("DSA", SHA384),
    scheme.DSA_SHA512: Scheme("DSA", SHA512),
    scheme.ED25519: Scheme("Ed25519"),
    scheme.ED448: Scheme("Ed448"),
    scheme.MLDSA44: Scheme("ML-DSA-44"),
    scheme.MLDSA65: Scheme("ML-DSA-65"),
    scheme.MLDSA87: Scheme("ML-DSA-87"),
}

# By the kind of key, before TLS 1.2: RSA signs MD5 and SHA-1 one behind the other, and does
# not say which hashes they are (RFC 2246 section 7.4.3).
UNNAMED: Final = {
    "RSA": Scheme("RSA", padding="pkcs1"),
    "DSA": SCHEMES[scheme.DSA_SHA1],
    "EC": SCHEMES[scheme.ECDSA_SHA1],
}

SELF_HASHING: Final = (
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
    mldsa.MLDSA44PublicKey,
    mldsa.MLDSA65PublicKey,
    mldsa.MLDSA87PublicKey,
)


class LeafKey(NamedTuple):
    """What is kept of a leaf while its key is to be proven: the certificate itself is large.

    The fields are those of `_parse.Certificate`.
    """

    key_type: str
    key_bits: int
    rsa_exponent_bits: int
    curve: str
    public_key_algorithm: str
    subject_public_key_info: bytes


def key_of(certificate: Certificate) -> LeafKey | None:
    """The certificate's key, None for one of a size that no honest key has."""
    if len(certificate.subject_public_key_info) > limits.MAX_PUBLIC_KEY:
        return None
    return LeafKey(
        certificate.key_type,
        certificate.key_bits,
        certificate.rsa_exponent_bits,
        certificate.curve,
        certificate.public_key_algorithm,
        certificate.subject_public_key_info,
    )


def check_signature(
    version: int,
    algorithm: int,
    leaf: LeafKey | Certificate | None,
    content: bytes,
    signature: bytes,
) -> Checked:
    """Whether `signature` over `content` is by the leaf's key.

    Args:
        version: the negotiated version, which decides what a scheme may be used with.
        algorithm: the SignatureScheme that the peer named; before TLS 1.2 there is none.
        leaf: its certificate or what `key_of` gives of it, None when there is no such.
        content: what was signed, context string included.
        signature: as sent.

    Raises:
        ViolationError: the scheme does not fit the key, or not the version.
    """
    if leaf is None:
        return Checked.NOT_CHECKED
    kind = kind_of(leaf)
    parts = UNNAMED.get(kind) if version < versions.TLSV1_2 else SCHEMES.get(algorithm)
    if parts is None:
        return Checked.NOT_CHECKED
    if not fits(version, parts, kind, leaf.curve):
        raise ViolationError("signature_scheme_mismatch")
    if is_over_bounds(leaf):
        return Checked.NOT_CHECKED
    try:
        key = load_der_public_key(leaf.subject_public_key_info)
        return _verify(key, parts, content, signature)
    except InvalidSignature:
        return Checked.NO
    except (UnsupportedAlgorithm, ValueError):
        # A curve, size or encoding that the library does not know: our limit.
        return Checked.NOT_CHECKED


def is_over_bounds(leaf: LeafKey | Certificate) -> bool:
    """Whether one operation with the leaf's key would cost more than a peer may make us pay."""
    return leaf.key_bits > limits.MAX_RSA_BITS or (
        leaf.rsa_exponent_bits > limits.MAX_RSA_EXPONENT_BITS
    )


def kind_of(leaf: LeafKey | Certificate) -> str:
    """The kind of key; one that says RSASSA-PSS is no other RSA key (RFC 8446 section 4.2.3)."""
    return "RSA-PSS" if leaf.public_key_algorithm == OID_RSA_PSS else leaf.key_type


def fits(version: int, parts: Scheme, kind: str, curve: str) -> bool:
    """Whether key and version allow the scheme (RFC 8446 section 4.2.3, RFC 5246 section 7.4.3)."""
    if kind != parts.key_type:
        return False
    if version < versions.TLSV1_3:
        # draft-ietf-tls-mldsa: not before TLS 1.3.
        return not kind.startswith("ML-DSA")
    if (
        parts.padding == "pkcs1"
        or kind == "DSA"
        or (parts.hash is not None and parts.hash.name in WEAK_HASHES)
    ):
        return False
    return not parts.curve or parts.curve == curve


def _verify(key: object, parts: Scheme, content: bytes, signature: bytes) -> Checked:
    """Check with the library; InvalidSignature passes through."""
    algorithm = parts.hash
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm and not parts.padding:
        key.verify(signature, content, ECDSA[algorithm.name])
        return Checked.YES
    if isinstance(key, rsa.RSAPublicKey) and parts.padding and algorithm is None:
        signed = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
        return Checked.YES if signed == md5_sha1(content) else Checked.NO
    if isinstance(key, rsa.RSAPublicKey) and parts.padding and algorithm:
        key.verify(signature, content, rsa_padding(parts.padding, algorithm), algorithm)
    elif isinstance(key, dsa.DSAPublicKey) and algorithm and not parts.padding:
        key.verify(signature, content, algorithm)
    elif isinstance(key, SELF_HASHING) and algorithm is None:
        key.verify(signature, content)
    else:
        return Checked.NOT_CHECKED
    return Checked.YES


def md5_sha1(content: bytes) -> bytes:
    """What RSA signs before TLS 1.2 (RFC 2246 section 7.4.3): 36 octets."""
    return (
        hashlib.md5(content, usedforsecurity=False).digest()
        + hashlib.sha1(content, usedforsecurity=False).digest()
    )


def rsa_padding(kind: str, algorithm: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    """The padding of that kind, `pkcs1` or `pss`."""
    if kind == "pkcs1":
        return padding.PKCS1v15()
    # The salt is as long as the hash (RFC 8446 section 4.2.3).
    return padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)

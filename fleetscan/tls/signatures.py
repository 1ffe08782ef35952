"""Does this signature belong to the leaf's key? Per scheme, RFC 8446 section 4.2.3.

Three answers: what `cryptography` cannot check is `NOT_CHECKED`, never `NO`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
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

OID_RSA_PSS: Final = "1.2.840.113549.1.1.10"


class Scheme(NamedTuple):
    """What a scheme asks of the key; `curve` binds the key under TLS 1.3 only."""

    key_type: str
    hash: hashes.HashAlgorithm | None = None
    curve: str = ""
    padding: str = ""


SHA1: Final = hashes.SHA1()
SHA224: Final = hashes.SHA224()
SHA256: Final = hashes.SHA256()
SHA384: Final = hashes.SHA384()
SHA512: Final = hashes.SHA512()

SECP256R1_OID: Final = "1.2.840.10045.3.1.7"
SECP384R1_OID: Final = "1.3.132.0.34"
SECP521R1_OID: Final = "1.3.132.0.35"

SCHEMES: Final[dict[int, Scheme]] = {
    scheme.RSA_PSS_RSAE_SHA256: Scheme("RSA", SHA256, padding="pss"),
    scheme.RSA_PSS_RSAE_SHA384: Scheme("RSA", SHA384, padding="pss"),
    scheme.RSA_PSS_RSAE_SHA512: Scheme("RSA", SHA512, padding="pss"),
    scheme.RSA_PSS_PSS_SHA256: Scheme("RSA-PSS", SHA256, padding="pss"),
    scheme.RSA_PSS_PSS_SHA384: Scheme("RSA-PSS", SHA384, padding="pss"),
    scheme.RSA_PSS_PSS_SHA512: Scheme("RSA-PSS", SHA512, padding="pss"),
    scheme.RSA_PKCS1_SHA1: Scheme("RSA", SHA1, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA224: Scheme("RSA", SHA224, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA256: Scheme("RSA", SHA256, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA384: Scheme("RSA", SHA384, padding="pkcs1"),
    scheme.RSA_PKCS1_SHA512: Scheme("RSA", SHA512, padding="pkcs1"),
    scheme.ECDSA_SHA1: Scheme("EC", SHA1),
    scheme.ECDSA_SHA224: Scheme("EC", SHA224),
    scheme.ECDSA_SECP256R1_SHA256: Scheme("EC", SHA256, curve=SECP256R1_OID),
    scheme.ECDSA_SECP384R1_SHA384: Scheme("EC", SHA384, curve=SECP384R1_OID),
    scheme.ECDSA_SECP521R1_SHA512: Scheme("EC", SHA512, curve=SECP521R1_OID),
    scheme.ED25519: Scheme("Ed25519"),
    scheme.ED448: Scheme("Ed448"),
}


def check_signature(
    version: int, algorithm: int, leaf: Certificate | None, content: bytes, signature: bytes
) -> Checked:
    """Whether `signature` over `content` is by the leaf's key.

    Args:
        version: the negotiated version, which decides what a scheme may be used with.
        algorithm: the SignatureScheme that the peer named.
        leaf: its certificate, or None when the parser refused it.
        content: what was signed, context string included.
        signature: as sent.

    Raises:
        ViolationError: the scheme does not fit the key, or not the version.
    """
    parts = SCHEMES.get(algorithm)
    if leaf is None or parts is None:
        return Checked.NOT_CHECKED
    if not _fits(version, parts, leaf):
        raise ViolationError("signature_scheme_mismatch")
    if leaf.key_type == "RSA" and (
        leaf.key_bits > limits.MAX_RSA_BITS or leaf.rsa_exponent_bits > limits.MAX_RSA_EXPONENT_BITS
    ):
        return Checked.NOT_CHECKED
    try:
        key = load_der_public_key(leaf.subject_public_key_info)
        return _verify(key, parts, content, signature)
    except InvalidSignature:
        return Checked.NO
    except (UnsupportedAlgorithm, ValueError, TypeError):
        # A curve, size or encoding that the library does not know: our limit.
        return Checked.NOT_CHECKED


def is_over_bounds(leaf: Certificate) -> bool:
    """Whether one operation with the leaf's key would cost more than a peer may make us pay."""
    return leaf.key_bits > limits.MAX_RSA_BITS or (
        leaf.rsa_exponent_bits > limits.MAX_RSA_EXPONENT_BITS
    )


def _fits(version: int, parts: Scheme, leaf: Certificate) -> bool:
    """Whether key and version allow the scheme (RFC 8446 section 4.2.3, RFC 5246 section 7.4.3)."""
    key_type = "RSA-PSS" if leaf.public_key_algorithm == OID_RSA_PSS else leaf.key_type
    if key_type != parts.key_type:
        return False
    if version < versions.TLSV1_3:
        return True
    if parts.padding == "pkcs1" or parts.hash in (SHA1, SHA224):
        return False
    return not parts.curve or parts.curve == leaf.curve


def _verify(key: object, parts: Scheme, content: bytes, signature: bytes) -> Checked:
    """Check with the library; InvalidSignature passes through."""
    algorithm = parts.hash
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm and not parts.padding:
        key.verify(signature, content, ec.ECDSA(algorithm))
    elif isinstance(key, rsa.RSAPublicKey) and algorithm and parts.padding:
        key.verify(signature, content, _padding(parts, algorithm), algorithm)
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and not algorithm:
        key.verify(signature, content)
    else:
        return Checked.NOT_CHECKED
    return Checked.YES


def _padding(parts: Scheme, algorithm: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if parts.padding == "pkcs1":
        return padding.PKCS1v15()
    # The salt is as long as the hash (RFC 8446 section 4.2.3).
    return padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)

"""A signature over octets that come in pieces and are too many to be held.

What is signed is hashed as it comes: by the hash that the algorithm begins with, or, for
ML-DSA, by the one that makes its message representative. Ed25519 and Ed448 hash twice and
need all of it, which a bound allows for small ones only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from fleetscan import limits
from fleetscan.pki.signatures import (
    INVALID,
    VALID,
    Scheme,
    SignatureCheck,
    SignatureState,
    key_allows,
    key_bound,
    load_key,
    scheme_of,
)

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

WHOLE_MESSAGE: Final = "whole_message"
"""The bound on messages that must be held: `limits.MAX_CRL_WHOLE`."""

_MLDSA: Final = (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)
_MU_OCTETS: Final = 64
"""Of the public key's hash and of the message representative (FIPS 204 algorithms 7 and 8)."""


class SignedStream:
    """What is signed, from its first octet to its last.

    Args:
        algorithm: OID of the signature algorithm.
        parameters: DER of its parameters, or nothing.
        signer: whose key is tried.
    """

    __slots__ = ("_algorithm", "_digest", "_key", "_refusal", "_scheme", "_whole")

    def __init__(self, algorithm: str, parameters: bytes, signer: Certificate) -> None:
        self._algorithm = algorithm
        self._scheme = scheme_of(algorithm, parameters)
        self._refusal = self._refused(parameters, signer)
        self._key = None if self._refusal else load_key(signer.subject_public_key_info)
        self._whole = bytearray()
        self._digest: hashes.Hash | None = None
        if self._refusal is None and self._key is None:
            kind = f"{signer.key_type} {signer.curve}".strip()
            self._refusal = _not_checked(f"key {kind}")
        if self._refusal is None and self._scheme is not None:
            self._refusal = self._start(self._scheme)

    def update(self, octets: bytes | memoryview) -> None:
        """Take the next octets."""
        if self._refusal is not None:
            return
        if self._digest is not None:
            self._digest.update(octets)
        elif len(self._whole) + len(octets) > limits.MAX_CRL_WHOLE:
            self._refusal = SignatureCheck(state=SignatureState.LIMIT, reason=WHOLE_MESSAGE)
            self._whole.clear()
        else:
            self._whole += octets

    def check(self, signature: bytes) -> SignatureCheck:
        """Say whether the signer's key made this signature; asked once, at the end."""
        if self._refusal is not None or self._scheme is None:
            return self._refusal or self._unknown()
        message = bytes(self._whole) if self._digest is None else self._digest.finalize()
        try:
            _verify(self._key, self._scheme, signature, message)
        except InvalidSignature:
            return INVALID
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return self._unknown()
        return VALID

    def _refused(self, parameters: bytes, signer: Certificate) -> SignatureCheck | None:
        bound = key_bound(signer)
        if bound:
            return SignatureCheck(state=SignatureState.LIMIT, reason=bound)
        allowed = key_allows(self._algorithm, parameters, signer)
        if self._scheme is None or allowed is None:
            return self._unknown()
        return None if allowed else INVALID

    def _start(self, scheme: Scheme) -> SignatureCheck | None:
        """Set up the hash; a refusal where key and algorithm do not go together."""
        if not isinstance(self._key, scheme.keys):
            return INVALID
        try:
            if isinstance(self._key, _MLDSA):
                self._digest = _message_representative(self._key.public_bytes_raw())
            elif scheme.digest is not None:
                self._digest = hashes.Hash(scheme.digest)
        except UnsupportedAlgorithm:
            return self._unknown()
        return None

    def _unknown(self) -> SignatureCheck:
        return _not_checked(f"signature algorithm {self._algorithm}")


def _not_checked(reason: str) -> SignatureCheck:
    return SignatureCheck(state=SignatureState.NOT_CHECKED, reason=reason)


def _message_representative(public_key: bytes) -> hashes.Hash:
    """Begin FIPS 204's mu: H(H(pk, 64) || 0 || 0 || M, 64), for a context string of no octets."""
    inner = hashes.Hash(hashes.SHAKE256(_MU_OCTETS))
    inner.update(public_key)
    outer = hashes.Hash(hashes.SHAKE256(_MU_OCTETS))
    outer.update(inner.finalize() + b"\x00\x00")
    return outer


def _verify(key: object, scheme: Scheme, signature: bytes, message: bytes) -> None:
    """Raise InvalidSignature unless it holds; `message` is a digest where one was made."""
    if isinstance(key, _MLDSA):
        key.verify_mu(signature, message)
    elif scheme.digest is None:
        key.verify(signature, message)  # type: ignore[attr-defined]
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, scheme.pss or padding.PKCS1v15(), Prehashed(scheme.digest))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(Prehashed(scheme.digest)))
    elif isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, message, Prehashed(scheme.digest))

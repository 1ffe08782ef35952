"""Whether one certificate's key made another's signature, by way of `cryptography`.

What the library cannot do is told as such and never held against the peer. Each
(issuer, child) pair is checked once per cache, because fleets share their intermediates.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan import limits
from fleetscan.pki import _der

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


class SignatureState(Enum):
    """What came of checking one signature."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_CHECKED = "not_checked"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """The answer for one link.

    `reason` is empty for VALID and INVALID, names the missing primitive for NOT_CHECKED
    and the bound of `limits` for LIMIT.
    """

    state: SignatureState
    reason: str = ""


VALID: Final = SignatureCheck(state=SignatureState.VALID)
INVALID: Final = SignatureCheck(state=SignatureState.INVALID)

RSA_BITS: Final = "rsa_bits"
RSA_EXPONENT_BITS: Final = "rsa_exponent_bits"

_Hash: TypeAlias = hashes.HashAlgorithm


class Signed(Protocol):
    """What a signature check reads, under a certificate's names; a certificate is one.

    An OCSP response is another: `tbs_certificate` are then the octets that it signs.
    """

    @property
    def signature_algorithm(self) -> str:
        """OID, of the outer field."""

    @property
    def signature_parameters(self) -> bytes:
        """DER, b"" when absent."""

    @property
    def tbs_signature_algorithm(self) -> str:
        """OID, of the signed field."""

    @property
    def tbs_certificate(self) -> bytes:
        """The signed octets."""

    @property
    def signature(self) -> bytes:
        """b"" when it is not of whole octets."""


RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
_PSS_KEY: Final = bytes.fromhex("06092a864886f70d01010a")
"""id-RSASSA-PSS as the algorithm of a key, a whole element."""
_PKCS1: Final[dict[str, _Hash]] = {
    "1.2.840.113549.1.1.4": hashes.MD5(),
    "1.2.840.113549.1.1.5": hashes.SHA1(),
    "1.3.14.3.2.29": hashes.SHA1(),
    "1.2.840.113549.1.1.14": hashes.SHA224(),
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
    "2.16.840.1.101.3.4.3.13": hashes.SHA3_224(),
    "2.16.840.1.101.3.4.3.14": hashes.SHA3_256(),
    "2.16.840.1.101.3.4.3.15": hashes.SHA3_384(),
    "2.16.840.1.101.3.4.3.16": hashes.SHA3_512(),
}
_ECDSA: Final[dict[str, _Hash]] = {
    "1.2.840.10045.4.1": hashes.SHA1(),
    "1.2.840.10045.4.3.1": hashes.SHA224(),
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
    "2.16.840.1.101.3.4.3.9": hashes.SHA3_224(),
    "2.16.840.1.101.3.4.3.10": hashes.SHA3_256(),
    "2.16.840.1.101.3.4.3.11": hashes.SHA3_384(),
    "2.16.840.1.101.3.4.3.12": hashes.SHA3_512(),
}
_DSA: Final[dict[str, _Hash]] = {
    "1.2.840.10040.4.3": hashes.SHA1(),
    "2.16.840.1.101.3.4.3.1": hashes.SHA224(),
    "2.16.840.1.101.3.4.3.2": hashes.SHA256(),
    "2.16.840.1.101.3.4.3.3": hashes.SHA384(),
    "2.16.840.1.101.3.4.3.4": hashes.SHA512(),
}
_PURE: Final[dict[str, tuple[type, ...]]] = {
    "1.3.101.112": (ed25519.Ed25519PublicKey,),
    "1.3.101.113": (ed448.Ed448PublicKey,),
    "2.16.840.1.101.3.4.3.17": (mldsa.MLDSA44PublicKey,),
    "2.16.840.1.101.3.4.3.18": (mldsa.MLDSA65PublicKey,),
    "2.16.840.1.101.3.4.3.19": (mldsa.MLDSA87PublicKey,),
}
"""Algorithms that hash for themselves, with the kind of key each needs."""

_PSS_HASHES: Final[dict[bytes, _Hash]] = {
    bytes.fromhex("2b0e03021a"): hashes.SHA1(),
    bytes.fromhex("608648016503040204"): hashes.SHA224(),
    bytes.fromhex("608648016503040201"): hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}
"""Hash functions by the content octets of their OIDs (RFC 4055 section 2.1)."""
_MGF1: Final = bytes.fromhex("2a864886f70d010108")

_WEAK: Final = {
    "1.2.840.113549.1.1.2": "md2",  # md2WithRSAEncryption
    "1.2.840.113549.1.1.3": "md4",  # md4WithRSAEncryption
    "1.2.840.113549.1.1.4": "md5",  # md5WithRSAEncryption
    "1.2.840.113549.1.1.5": "sha1",  # sha1WithRSAEncryption
    "1.3.14.3.2.3": "md5",  # md5WithRSA (OIW)
    "1.3.14.3.2.27": "sha1",  # dsaWithSHA1 (OIW)
    "1.3.14.3.2.29": "sha1",  # sha1WithRSA (OIW)
    "1.2.840.10040.4.3": "sha1",  # dsa-with-sha1
    "1.2.840.10045.4.1": "sha1",  # ecdsa-with-SHA1
}
"""Signature algorithms that rest on a broken hash function, and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How an algorithm signs.

    Args:
        keys: the kinds of key it needs.
        digest: the hash that the octets go through first; None for one that hashes by itself.
        pss: the padding of RSASSA-PSS.
    """

    keys: tuple[type, ...]
    digest: _Hash | None = None
    pss: padding.PSS | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _PssParameters:
    """RSASSA-PSS-params, RFC 4055 section 3.1."""

    digest: _Hash
    mask: _Hash
    salt_length: int

    @property
    def padding(self) -> padding.PSS:
        """The same in the library's words."""
        return padding.PSS(padding.MGF1(self.mask), self.salt_length)


class SignatureCache:
    """Checked links and loaded keys, the least recently used given up first.

    One cache serves all targets of a run. Its answers depend on nothing but the two
    certificates, so sharing it never changes a verdict. Links between authorities are kept
    by themselves: however many leaves come between two uses, they are not checked again.
    """

    __slots__ = ("_authority_checks", "_checks", "_keys", "_max_checks", "_max_keys")

    def __init__(
        self,
        max_checks: int = limits.MAX_CACHED_SIGNATURES,
        max_keys: int = limits.MAX_CACHED_KEYS,
    ) -> None:
        self._checks: OrderedDict[tuple[str, str], SignatureCheck] = OrderedDict()
        self._authority_checks: OrderedDict[tuple[str, str], SignatureCheck] = OrderedDict()
        self._keys: OrderedDict[bytes, object | None] = OrderedDict()
        self._max_checks = max_checks
        self._max_keys = max_keys

    def __len__(self) -> int:
        """How many checked links are held."""
        return len(self._checks) + len(self._authority_checks)

    def check(self, child: Certificate, issuer: Certificate) -> SignatureCheck:
        """Say whether `issuer`'s key made `child`'s signature, from memory where it can."""
        constraints = child.basic_constraints
        checks = self._authority_checks if constraints and constraints.ca else self._checks
        pair = (child.sha256, issuer.sha256)
        known = checks.get(pair)
        if known is not None:
            checks.move_to_end(pair)
            return known
        answer = checks[pair] = check_signature(child, issuer, self._key)
        if len(checks) > self._max_checks:
            checks.popitem(last=False)
        return answer

    def check_response(self, response: Signed, signer: Certificate) -> SignatureCheck:
        """The same for what is signed and no certificate; only the signer's key is remembered."""
        return check_signature(response, signer, self._key)

    def _key(self, subject_public_key_info: bytes) -> object | None:
        if subject_public_key_info in self._keys:
            self._keys.move_to_end(subject_public_key_info)
            return self._keys[subject_public_key_info]
        key = self._keys[subject_public_key_info] = load_key(subject_public_key_info)
        if len(self._keys) > self._max_keys:
            self._keys.popitem(last=False)
        return key


def load_key(subject_public_key_info: bytes) -> object | None:
    """Load a public key, or give None for one that `cryptography` does not take."""
    try:
        return load_der_public_key(subject_public_key_info)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def check_signature(
    child: Signed,
    issuer: Certificate,
    load: Callable[[bytes], object | None] = load_key,
) -> SignatureCheck:
    """Check one signature, bounds first.

    The two fields that name the algorithm must agree (RFC 5280 section 4.1.1.2), or the
    signature does not stand for what was signed.

    Args:
        child: whose signature it is.
        issuer: whose key is tried; names are not compared here.
        load: where loaded keys come from.
    """
    bound = key_bound(issuer)
    if bound:
        return SignatureCheck(state=SignatureState.LIMIT, reason=bound)
    if child.signature_algorithm != child.tbs_signature_algorithm:
        return INVALID
    key = load(issuer.subject_public_key_info)
    if key is None:
        kind = f"{issuer.key_type} {issuer.curve}".strip()
        return SignatureCheck(state=SignatureState.NOT_CHECKED, reason=f"key {kind}")
    try:
        holds = key_allows(child.signature_algorithm, child.signature_parameters, issuer)
        holds = holds and _verify(key, child)
    except InvalidSignature:
        return INVALID
    except (ValueError, TypeError, UnsupportedAlgorithm):
        holds = None
    if holds is None:
        return SignatureCheck(
            state=SignatureState.NOT_CHECKED,
            reason=f"signature algorithm {child.signature_algorithm}",
        )
    return VALID if holds else INVALID


def key_bound(issuer: Certificate) -> str:
    """Name the bound that this key is over, or `""`: asked before any arithmetic."""
    if issuer.key_type in ("RSA", "DSA", RSASSA_PSS) and issuer.key_bits > limits.MAX_RSA_BITS:
        return RSA_BITS
    if issuer.rsa_exponent_bits > limits.MAX_RSA_EXPONENT_BITS:
        return RSA_EXPONENT_BITS
    return ""


_CURVE_COST: Final = {
    "1.2.840.10045.3.1.7": 50,  # P-256
    "1.3.132.0.33": 70,  # P-224
}
_OTHER_CURVE_COST: Final = 700
_KIND_COST: Final = {"Ed25519": 60, "Ed448": 150, "DSA": 550}
_OTHER_COST: Final = 250


def verification_cost(issuer: Certificate) -> int:
    """How much one signature by this key costs to check, about, in microseconds.

    Measured with `cryptography` 50 on one machine, rounded up; what matters is that a hostile
    chain of the slowest keys is stopped where one of fast keys is not.
    """
    kind = issuer.key_type
    if kind == "EC":
        return _CURVE_COST.get(issuer.curve, _OTHER_CURVE_COST)
    if kind in ("RSA", RSASSA_PSS):
        # Squarings grow with the exponent's length, each with the square of the modulus.
        work = issuer.key_bits**2 * max(issuer.rsa_exponent_bits, 17)
        return 10 + work // 4_000_000
    return _KIND_COST.get(kind, _OTHER_COST)


def signature_digest(certificate: Certificate) -> str:
    """Name the broken hash function that the signature rests on: md2, md4, md5, sha1 or `""`."""
    oid = certificate.signature_algorithm
    if oid != RSASSA_PSS:
        return _WEAK.get(oid, "")
    scheme = _pss_parameters(certificate.signature_parameters)
    return "sha1" if scheme is not None and isinstance(scheme.digest, hashes.SHA1) else ""


def scheme_of(oid: str, parameters: bytes) -> Scheme | None:
    """Give the scheme of an AlgorithmIdentifier; None for one that is not understood."""
    if oid in _PKCS1:
        return Scheme(keys=(rsa.RSAPublicKey,), digest=_PKCS1[oid])
    if oid in _ECDSA:
        return Scheme(keys=(ec.EllipticCurvePublicKey,), digest=_ECDSA[oid])
    if oid in _DSA:
        return Scheme(keys=(dsa.DSAPublicKey,), digest=_DSA[oid])
    if oid in _PURE:
        return Scheme(keys=_PURE[oid])
    pss = _pss_parameters(parameters) if oid == RSASSA_PSS else None
    if pss is None:
        return None
    return Scheme(keys=(rsa.RSAPublicKey,), pss=pss.padding, digest=pss.digest)


def key_allows(algorithm: str, parameters: bytes, issuer: Certificate) -> bool | None:
    """Say whether the issuer's key may sign in this way at all (RFC 4055 sections 1.2 and 3.3).

    A key of id-RSASSA-PSS signs with RSASSA-PSS alone. Where its parameters are present, hash
    and mask are theirs, and the salt is theirs at least. `cryptography` loads such a key as
    any other RSA key, so this is asked here.

    Args:
        algorithm: OID of the signature's AlgorithmIdentifier.
        parameters: DER of its parameters, b"" when absent.
        issuer: whose key it is.

    Returns:
        None where parameters are not understood.
    """
    own = _key_algorithm(issuer.subject_public_key_info) if issuer.key_type == "RSA" else None
    if own is None or own[0] != _PSS_KEY:
        return True
    if algorithm != RSASSA_PSS:
        return False
    if len(own) == 1:
        return True
    allowed, used = _pss_parameters(own[1]), _pss_parameters(parameters)
    if allowed is None or used is None:
        return None
    return (
        allowed.digest.name == used.digest.name
        and allowed.mask.name == used.mask.name
        and used.salt_length >= allowed.salt_length
    )


def _key_algorithm(subject_public_key_info: bytes) -> tuple[bytes, ...] | None:
    """The elements of the key's AlgorithmIdentifier, RFC 5280 sections 4.1 and 4.1.1.2.

    Layout::

        SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, ... }
        AlgorithmIdentifier  ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters OPTIONAL }
    """
    body = _der.content(subject_public_key_info, _der.SEQUENCE)
    algorithm = _der.elements(body, 1) if body else None
    return _der.whole_elements(algorithm[0][1], 2) if algorithm else None


def _verify(key: object, child: Signed) -> bool | None:
    """True, or InvalidSignature; False for a key of the wrong kind; None for an unknown OID."""
    oid, signature, signed = child.signature_algorithm, child.signature, child.tbs_certificate
    if oid in _PKCS1:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, signed, padding.PKCS1v15(), _PKCS1[oid])
    elif oid in _ECDSA:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(signature, signed, ec.ECDSA(_ECDSA[oid]))
    elif oid in _PURE:
        if not isinstance(key, _PURE[oid]):
            return False
        key.verify(signature, signed)  # type: ignore[attr-defined]
    elif oid == RSASSA_PSS:
        return _verify_pss(key, child)
    elif oid in _DSA:
        if not isinstance(key, dsa.DSAPublicKey):
            return False
        key.verify(signature, signed, _DSA[oid])
    else:
        return None
    return True


def _verify_pss(key: object, child: Signed) -> bool | None:
    scheme = _pss_parameters(child.signature_parameters)
    if scheme is None:
        return None
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    key.verify(child.signature, child.tbs_certificate, scheme.padding, scheme.digest)
    return True


def _pss_parameters(parameters: bytes) -> _PssParameters | None:
    """Read RSASSA-PSS-params, RFC 4055 section 3.1; None for what is not understood.

    Layout::

        hashAlgorithm    [0] DEFAULT sha1, maskGenAlgorithm [1] DEFAULT mgf1SHA1,
        saltLength       [2] DEFAULT 20,   trailerField     [3] DEFAULT 1
    """
    body = _der.content(parameters, _der.SEQUENCE)
    row = None if body is None else _der.elements(body)
    if row is None:
        return None
    fields = dict(row)
    digest: _Hash | None = hashes.SHA1()
    mask: _Hash | None = hashes.SHA1()
    salt: int | None = 20
    if 0xA0 in fields:
        digest = _hash_of(fields[0xA0])
    if 0xA1 in fields:
        mask = _mask_hash(fields[0xA1])
    if 0xA2 in fields:
        octets = _der.content(fields[0xA2], _der.INTEGER)
        salt = int.from_bytes(octets, "big") if octets and len(octets) <= 2 else None
    if digest is None or mask is None or salt is None:
        return None
    return _PssParameters(digest=digest, mask=mask, salt_length=salt)


def _algorithm(octets: bytes) -> tuple[bytes, tuple[int, bytes] | None] | None:
    """Split an AlgorithmIdentifier: the OID's content and the parameters' element."""
    body = _der.content(octets, _der.SEQUENCE)
    row = None if body is None else _der.elements(body)
    if not row or row[0][0] != _der.OBJECT_IDENTIFIER:
        return None
    return row[0][1], row[1] if len(row) > 1 else None


def _hash_of(octets: bytes) -> _Hash | None:
    algorithm = _algorithm(octets)
    return None if algorithm is None else _PSS_HASHES.get(algorithm[0])


def _mask_hash(octets: bytes) -> _Hash | None:
    algorithm = _algorithm(octets)
    if algorithm is None or algorithm[0] != _MGF1 or algorithm[1] is None:
        return None
    tag, inner = algorithm[1]
    row = _der.elements(inner) if tag == _der.SEQUENCE else None
    if not row or row[0][0] != _der.OBJECT_IDENTIFIER:
        return None
    return _PSS_HASHES.get(row[0][1])

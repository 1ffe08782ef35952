"""Private keys of the named groups: one class for each kind of group, one table for all.

A key has a share (`public`) and makes a secret with a peer's (`exchange`), both as they go on
the wire under TLS 1.3 (RFC 8446 section 4.2.8, draft-ietf-tls-ecdhe-mlkem).
"""

from __future__ import annotations

import functools
import secrets
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from cryptography.hazmat.backends.openssl.backend import backend
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fleetscan.registry import groups
from fleetscan.tls.finite_field import KeyShareError, shared_secret

if TYPE_CHECKING:
    from collections.abc import Callable


class GroupKey(Protocol):
    """One private key of one group."""

    def public(self) -> bytes:
        """Our share."""

    def exchange(self, peer: bytes) -> bytes:
        """The secret with the peer's share.

        Raises:
            KeyShareError: it is no public key of the group, or gives no secret.
            ValueError: the same, as the library says it.
        """


# From the private key's octets, or None to make one, to the key.
MakeKey: TypeAlias = "Callable[[bytes | None], GroupKey]"


class X25519Key:
    """Curve25519 (RFC 7748 section 6.1)."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes | None) -> None:
        self._key = (
            X25519PrivateKey.generate()
            if private is None
            else X25519PrivateKey.from_private_bytes(private)
        )

    def public(self) -> bytes:
        """The u-coordinate."""
        return self._key.public_key().public_bytes_raw()

    def exchange(self, peer: bytes) -> bytes:
        """The u-coordinate of the product; the library refuses zero (RFC 7748 section 6.1)."""
        return self._key.exchange(X25519PublicKey.from_public_bytes(peer))


class X448Key:
    """Curve448 (RFC 7748 section 6.2)."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes | None) -> None:
        self._key = (
            X448PrivateKey.generate()
            if private is None
            else X448PrivateKey.from_private_bytes(private)
        )

    def public(self) -> bytes:
        """The u-coordinate."""
        return self._key.public_key().public_bytes_raw()

    def exchange(self, peer: bytes) -> bytes:
        """The u-coordinate of the product; the library refuses zero (RFC 7748 section 6.2)."""
        return self._key.exchange(X448PublicKey.from_public_bytes(peer))


class CurveKey:
    """A curve over a prime field whose shares are points (RFC 8446 section 4.2.8.2).

    Args:
        curve: which.
        private: the scalar, big-endian.
    """

    __slots__ = ("_curve", "_key")

    def __init__(self, curve: ec.EllipticCurve, private: bytes | None) -> None:
        self._curve = curve
        self._key = (
            ec.generate_private_key(curve)
            if private is None
            else ec.derive_private_key(int.from_bytes(private, "big"), curve)
        )

    def public(self) -> bytes:
        """The uncompressed point."""
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def exchange(self, peer: bytes) -> bytes:
        """The x-coordinate of the product, as long as the field (RFC 8446 section 7.4.2)."""
        # The uncompressed form is the only one, though the library reads the compressed one.
        if peer[:1] != b"\x04":
            raise KeyShareError
        point = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, peer)
        return self._key.exchange(ec.ECDH(), point)


class FiniteFieldKey:
    """A group of RFC 7919; share and secret are as long as the prime (RFC 8446 section 7.4.1).

    Args:
        bits: of the prime.
        addend: X in the prime's formula.
        private: the exponent, big-endian.
    """

    __slots__ = ("_length", "_prime", "_private", "_public")

    def __init__(self, bits: int, addend: int, private: bytes | None) -> None:
        self._prime = ffdhe_prime(bits, addend)
        self._length = bits // 8
        octets = secrets.token_bytes(EXPONENT_LENGTH) if private is None else private
        self._private = int.from_bytes(octets, "big")
        self._public = pow(2, self._private, self._prime).to_bytes(self._length, "big")

    def public(self) -> bytes:
        """2 to the power of the exponent."""
        return self._public

    def exchange(self, peer: bytes) -> bytes:
        """The peer's value to the power of the exponent."""
        if len(peer) != self._length:
            raise KeyShareError
        secret = shared_secret(self._prime, int.from_bytes(peer, "big"), self._private)
        return secret.to_bytes(self._length, "big")


# RFC 7919 section 5.2 asks for at least 400 bits in its longest group.
EXPONENT_LENGTH: Final = 50


@functools.cache
def ffdhe_prime(bits: int, addend: int) -> int:
    """2^b - 2^(b-64) + ([2^(b-130) e] + X) 2^64 - 1 (RFC 7919 appendix A).

    Args:
        bits: b, the length.
        addend: X, the smallest that makes it a safe prime.
    """
    # Enough that the terms cut off below do not reach the integer part.
    spare = 64
    total = 0
    term = 1 << (bits - 130 + spare)
    count = 0
    # Ends: the terms of e's series, 1/0! + 1/1! + ..., shrink to nothing.
    while term:
        total += term
        count += 1
        term //= count
    return (1 << bits) - (1 << (bits - 64)) + (((total >> spare) + addend) << 64) - 1


class MlKem768Key:
    """ML-KEM-768 as the side that made the key: the peer's share is a ciphertext (FIPS 203)."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes | None) -> None:
        self._key = (
            mlkem.MLKEM768PrivateKey.generate()
            if private is None
            else mlkem.MLKEM768PrivateKey.from_seed_bytes(private)
        )

    def public(self) -> bytes:
        """The encapsulation key."""
        return self._key.public_key().public_bytes_raw()

    def exchange(self, peer: bytes) -> bytes:
        """What was encapsulated; a wrong ciphertext of the right length gives another secret."""
        return self._key.decapsulate(peer)


class MlKem1024Key:
    """ML-KEM-1024, likewise."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes | None) -> None:
        self._key = (
            mlkem.MLKEM1024PrivateKey.generate()
            if private is None
            else mlkem.MLKEM1024PrivateKey.from_seed_bytes(private)
        )

    def public(self) -> bytes:
        """The encapsulation key."""
        return self._key.public_key().public_bytes_raw()

    def exchange(self, peer: bytes) -> bytes:
        """What was encapsulated; a wrong ciphertext of the right length gives another secret."""
        return self._key.decapsulate(peer)


class HybridKey:
    """Two keys side by side: shares and secrets are concatenated, in the same order.

    Args:
        first: makes the first.
        second: makes the second.
        lengths: of the first's private key and of a peer's share to it, octets.
        private: both private keys in that order.
    """

    __slots__ = ("_cut", "_first", "_second")

    def __init__(
        self, first: MakeKey, second: MakeKey, lengths: tuple[int, int], private: bytes | None
    ) -> None:
        cut, self._cut = lengths
        self._first = first(private and private[:cut])
        self._second = second(private and private[cut:])

    def public(self) -> bytes:
        """Both shares."""
        return self._first.public() + self._second.public()

    def exchange(self, peer: bytes) -> bytes:
        """Both secrets; each part takes its own length only."""
        cut = self._cut
        return self._first.exchange(peer[:cut]) + self._second.exchange(peer[cut:])


CURVES: Final[dict[int, ec.EllipticCurve]] = {
    groups.SECP192R1: ec.SECP192R1(),
    groups.SECP224R1: ec.SECP224R1(),
    groups.SECP256K1: ec.SECP256K1(),
    groups.SECP256R1: ec.SECP256R1(),
    groups.SECP384R1: ec.SECP384R1(),
    groups.SECP521R1: ec.SECP521R1(),
    # TLS 1.3 has code points of its own for the same curves (RFC 8734 section 3).
    groups.BRAINPOOLP256R1: ec.BrainpoolP256R1(),
    groups.BRAINPOOLP384R1: ec.BrainpoolP384R1(),
    groups.BRAINPOOLP512R1: ec.BrainpoolP512R1(),
    groups.BRAINPOOLP256R1TLS13: ec.BrainpoolP256R1(),
    groups.BRAINPOOLP384R1TLS13: ec.BrainpoolP384R1(),
    groups.BRAINPOOLP512R1TLS13: ec.BrainpoolP512R1(),
}

# Bits of the prime and X of its formula (RFC 7919 appendices A.1 to A.5).
FFDHE: Final = {
    groups.FFDHE2048: (2_048, 560_316),
    groups.FFDHE3072: (3_072, 2_625_351),
    groups.FFDHE4096: (4_096, 5_736_041),
    groups.FFDHE6144: (6_144, 15_705_020),
    groups.FFDHE8192: (8_192, 10_965_728),
}

# Octets of the private key, and of a peer's share: FIPS 203 table 3, RFC 8446 section 4.2.8.2.
MLKEM768_LENGTHS: Final = (64, 1_088)
SECP256R1_LENGTHS: Final = (32, 65)
SECP384R1_LENGTHS: Final = (48, 97)


def supported_makers() -> dict[int, MakeKey]:
    """Every group that the library does, as it was built here; no key is made."""
    made: dict[int, MakeKey] = {
        group: partial(CurveKey, curve)
        for group, curve in CURVES.items()
        if backend.elliptic_curve_supported(curve)
    }
    made |= {group: partial(FiniteFieldKey, *parts) for group, parts in FFDHE.items()}
    if backend.x25519_supported():
        made[groups.X25519] = X25519Key
    if backend.x448_supported():
        made[groups.X448] = X448Key
    if backend.mlkem_supported():
        made[groups.MLKEM768] = MlKem768Key
        made[groups.MLKEM1024] = MlKem1024Key
        # draft-ietf-tls-ecdhe-mlkem: the NIST curves come first, X25519 comes last.
        if groups.X25519 in made:
            made[groups.X25519MLKEM768] = partial(
                HybridKey, MlKem768Key, X25519Key, MLKEM768_LENGTHS
            )
        for group, curve, kem, lengths in (
            (groups.SECP256R1MLKEM768, groups.SECP256R1, MlKem768Key, SECP256R1_LENGTHS),
            (groups.SECP384R1MLKEM1024, groups.SECP384R1, MlKem1024Key, SECP384R1_LENGTHS),
        ):
            if curve in made:
                made[group] = partial(HybridKey, made[curve], kem, lengths)
    return made


MAKERS: Final = supported_makers()

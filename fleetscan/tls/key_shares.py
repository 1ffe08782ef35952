"""Key shares, generated once per process and used again: a scanner protects no secrets."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fleetscan.registry import groups
from fleetscan.tls.hello import HelloTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleetscan.tls.profile import HelloProfile

PrivateKey: TypeAlias = "X25519PrivateKey | ec.EllipticCurvePrivateKey"

CURVES: Final[dict[int, ec.EllipticCurve]] = {
    groups.SECP256R1: ec.SECP256R1(),
    groups.SECP384R1: ec.SECP384R1(),
    groups.SECP521R1: ec.SECP521R1(),
}

SUPPORTED_GROUPS: Final = frozenset({groups.X25519, *CURVES})
"""The groups that this client can finish a key exchange in."""

# What a template is looked up by is chosen by the caller, not by peers; the bound
# only keeps a caller who makes profiles in a loop from filling the memory.
MAX_TEMPLATES: Final = 64


class KeyShareError(Exception):
    """The peer's share is no point of the group, or gives no secret."""


class KeyShares:
    """One private key per group, made when it is first asked for.

    Args:
        private: scalars to use instead of new ones, by group, big-endian for the
            NIST curves (test vectors).
    """

    __slots__ = ("_private", "_public", "_templates")

    def __init__(self, private: Mapping[int, bytes] | None = None) -> None:
        self._private: dict[int, PrivateKey] = {}
        self._public: dict[int, bytes] = {}
        self._templates: dict[tuple[HelloProfile, tuple[str, ...]], HelloTemplate] = {}
        for group, octets in (private or {}).items():
            self._private[group] = (
                X25519PrivateKey.from_private_bytes(octets)
                if group == groups.X25519
                else ec.derive_private_key(int.from_bytes(octets, "big"), CURVES[group])
            )

    def public(self, group: int) -> bytes:
        """Our share as it goes on the wire (RFC 8446 section 4.2.8.2)."""
        found = self._public.get(group)
        if found is None:
            found = self._public[group] = _encode(self._key(group))
        return found

    def exchange(self, group: int, peer: bytes) -> bytes:
        """The shared secret with a peer's share (RFC 8446 section 7.4.2).

        Raises:
            KeyShareError: the share is not a public key of the group.
        """
        key = self._key(group)
        try:
            if isinstance(key, X25519PrivateKey):
                return key.exchange(X25519PublicKey.from_public_bytes(peer))
            # RFC 8446 section 4.2.8.2 knows the uncompressed form only.
            if peer[:1] != b"\x04":
                raise KeyShareError
            point = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[group], peer)
            return key.exchange(ec.ECDH(), point)
        except ValueError as refused:
            raise KeyShareError from refused

    def derive(self, label: bytes, entropy: bytes) -> bytes:
        """32 octets that only the holder of these keys can know."""
        key = self._key(groups.X25519)
        secret = key.private_bytes_raw() if isinstance(key, X25519PrivateKey) else b""
        return hmac.digest(secret, label + entropy, "sha256")

    def template(self, profile: HelloProfile, alpn: tuple[str, ...]) -> HelloTemplate:
        """The hello of this profile with these shares, built once."""
        found = self._templates.get((profile, alpn))
        if found is None:
            if len(self._templates) >= MAX_TEMPLATES:
                self._templates.clear()
            found = self._templates[profile, alpn] = HelloTemplate(profile, self, alpn)
        return found

    def _key(self, group: int) -> PrivateKey:
        found = self._private.get(group)
        if found is None:
            found = self._private[group] = (
                X25519PrivateKey.generate()
                if group == groups.X25519
                else ec.generate_private_key(CURVES[group])
            )
        return found


def _encode(key: PrivateKey) -> bytes:
    if isinstance(key, X25519PrivateKey):
        return key.public_key().public_bytes_raw()
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

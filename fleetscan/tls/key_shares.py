"""Key shares, generated once per process and used again: a scanner protects no secrets."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final

from fleetscan.registry import groups
from fleetscan.tls.finite_field import KeyShareError as KeyShareError
from fleetscan.tls.group_keys import MAKERS
from fleetscan.tls.hello import HelloTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleetscan.tls.group_keys import GroupKey
    from fleetscan.tls.profile import HelloProfile

SUPPORTED_GROUPS: Final = frozenset(MAKERS)
"""The groups that this client can finish a key exchange in."""

# What a template is looked up by is chosen by the caller, not by peers; the bound
# only keeps a caller who makes profiles in a loop from filling the memory.
MAX_TEMPLATES: Final = 64


class KeyShares:
    """One private key per group, made when it is first asked for.

    Args:
        private: keys to use instead of new ones, by group (test vectors): scalars and
            exponents big-endian, RFC 7748's as they are, ML-KEM's seed, a hybrid's two in the
            order of its share.
    """

    __slots__ = ("_keys", "_public", "_secret", "_templates")

    def __init__(self, private: Mapping[int, bytes] | None = None) -> None:
        given = private or {}
        self._keys: dict[int, GroupKey] = {
            group: MAKERS[group](octets) for group, octets in given.items()
        }
        self._public: dict[int, bytes] = {}
        # With given keys the premaster secrets are the same each time, too.
        self._secret = given.get(groups.X25519) or secrets.token_bytes(32)
        self._templates: dict[tuple[HelloProfile, tuple[str, ...]], HelloTemplate] = {}

    def public(self, group: int) -> bytes:
        """Our share as it goes on the wire (RFC 8446 section 4.2.8); of `SUPPORTED_GROUPS`."""
        found = self._public.get(group)
        if found is None:
            found = self._public[group] = self._key(group).public()
        return found

    def exchange(self, group: int, peer: bytes) -> bytes:
        """The shared secret with a peer's share (RFC 8446 section 7.4.2).

        Args:
            group: one of `SUPPORTED_GROUPS`.
            peer: its share as it came.

        Raises:
            KeyShareError: the share is not a public key of the group, or gives no secret.
        """
        try:
            return self._key(group).exchange(peer)
        except ValueError as refused:
            raise KeyShareError from refused

    def derive(self, label: bytes, entropy: bytes) -> bytes:
        """32 octets that only the holder of these keys can know."""
        return hmac.digest(self._secret, label + entropy, "sha256")

    def template(self, profile: HelloProfile, alpn: tuple[str, ...]) -> HelloTemplate:
        """The hello of this profile with these shares, built once."""
        found = self._templates.get((profile, alpn))
        if found is None:
            if len(self._templates) >= MAX_TEMPLATES:
                self._templates.clear()
            found = self._templates[profile, alpn] = HelloTemplate(profile, self, alpn)
        return found

    def _key(self, group: int) -> GroupKey:
        found = self._keys.get(group)
        if found is None:
            found = self._keys[group] = MAKERS[group](None)
        return found

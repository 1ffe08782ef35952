"""The TLS 1.3 key schedule, RFC 8446 section 7.1, over HMAC one-shots."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HASH_LENGTHS: Final = {"sha256": 32, "sha384": 48}


def hkdf_extract(hash_name: str, salt: bytes, key_material: bytes) -> bytes:
    """HKDF-Extract (RFC 5869 section 2.2)."""
    return hmac.digest(salt, key_material, hash_name)


def hkdf_expand_label(
    hash_name: str, secret: bytes, label: bytes, context: bytes, length: int
) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1).

    Nothing in TLS 1.3 asks for more than one block of output, so T(1) is all of
    HKDF-Expand (RFC 5869 section 2.3) that is needed: `length` is at most the hash's.
    """
    label = b"tls13 " + label
    info = b"".join(
        (
            length.to_bytes(2, "big"),
            len(label).to_bytes(1, "big"),
            label,
            len(context).to_bytes(1, "big"),
            context,
            b"\x01",
        )
    )
    return hmac.digest(secret, info, hash_name)[:length]


def derive_secret(hash_name: str, secret: bytes, label: bytes, transcript_hash: bytes) -> bytes:
    """Derive-Secret (RFC 8446 section 7.1), the messages already hashed."""
    return hkdf_expand_label(hash_name, secret, label, transcript_hash, HASH_LENGTHS[hash_name])


def _derived(hash_name: str, secret: bytes) -> bytes:
    return derive_secret(hash_name, secret, b"derived", hashlib.new(hash_name, b"").digest())


def early_secret(hash_name: str) -> bytes:
    """The Early Secret when no PSK is used."""
    zeros = bytes(HASH_LENGTHS[hash_name])
    return hkdf_extract(hash_name, zeros, zeros)


# Without a PSK the first two steps of the schedule are constants.
_EARLY_DERIVED: Final = {name: _derived(name, early_secret(name)) for name in HASH_LENGTHS}


class KeySchedule:
    """The secrets of one connection, from the key exchange on.

    Args:
        hash_name: `sha256` or `sha384`, the suite's.
        shared_secret: the (EC)DHE result.
        transcript_hash: of ClientHello..ServerHello.
    """

    __slots__ = (
        "client_application_traffic_secret",
        "client_handshake_traffic_secret",
        "handshake_secret",
        "hash_name",
        "master_secret",
        "server_application_traffic_secret",
        "server_handshake_traffic_secret",
    )

    def __init__(self, hash_name: str, shared_secret: bytes, transcript_hash: bytes) -> None:
        self.hash_name = hash_name
        self.handshake_secret = hkdf_extract(hash_name, _EARLY_DERIVED[hash_name], shared_secret)
        self.client_handshake_traffic_secret = derive_secret(
            hash_name, self.handshake_secret, b"c hs traffic", transcript_hash
        )
        self.server_handshake_traffic_secret = derive_secret(
            hash_name, self.handshake_secret, b"s hs traffic", transcript_hash
        )
        self.master_secret = b""
        self.client_application_traffic_secret = b""
        self.server_application_traffic_secret = b""

    def derive_application(self, transcript_hash: bytes) -> None:
        """Go on to the application secrets; the hash is of ClientHello..server Finished."""
        name = self.hash_name
        self.master_secret = hkdf_extract(
            name, _derived(name, self.handshake_secret), bytes(HASH_LENGTHS[name])
        )
        self.client_application_traffic_secret = derive_secret(
            name, self.master_secret, b"c ap traffic", transcript_hash
        )
        self.server_application_traffic_secret = derive_secret(
            name, self.master_secret, b"s ap traffic", transcript_hash
        )

    def verify_data(self, traffic_secret: bytes, transcript_hash: bytes) -> bytes:
        """A Finished's content (RFC 8446 section 4.4.4)."""
        name = self.hash_name
        key = hkdf_expand_label(name, traffic_secret, b"finished", b"", HASH_LENGTHS[name])
        return hmac.digest(key, transcript_hash, name)


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """The secret after a KeyUpdate (RFC 8446 section 7.2)."""
    return hkdf_expand_label(hash_name, secret, b"traffic upd", b"", HASH_LENGTHS[hash_name])

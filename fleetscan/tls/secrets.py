"""The TLS 1.3 key schedule, RFC 8446 section 7.1."""

from __future__ import annotations

import hashlib
from typing import Final

from fleetscan.tls._hkdf import Hkdf

HASH_LENGTHS: Final = {"sha256": 32, "sha384": 48}


def hkdf_expand_label(
    hash_name: str, secret: bytes, label: bytes, context: bytes, length: int
) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1), for a secret that is expanded once."""
    return Hkdf(hash_name, secret).expand_label(label, context, length)


# Transcript-Hash of nothing, the context of every `derived`.
EMPTY_HASHES: Final = {name: hashlib.new(name, b"").digest() for name in HASH_LENGTHS}


def early_secret(hash_name: str) -> bytes:
    """The Early Secret when no PSK is used."""
    zeros = bytes(HASH_LENGTHS[hash_name])
    return Hkdf(hash_name, zeros).hmac(zeros)


def _derived(hash_name: str, secret: Hkdf) -> Hkdf:
    """The salt of the next HKDF-Extract."""
    length = HASH_LENGTHS[hash_name]
    return Hkdf(hash_name, secret.expand_label(b"derived", EMPTY_HASHES[hash_name], length))


# Without a PSK the first two steps of the schedule are constants.
_EARLY_DERIVED: Final = {
    name: _derived(name, Hkdf(name, early_secret(name))) for name in HASH_LENGTHS
}
_ZEROS: Final = {name: bytes(length) for name, length in HASH_LENGTHS.items()}


class KeySchedule:
    """The secrets of one connection, from the key exchange on.

    Args:
        hash_name: `sha256` or `sha384`, the suite's.
        shared_secret: the (EC)DHE result.
        transcript_hash: of ClientHello..ServerHello.
    """

    __slots__ = (
        "_handshake",
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
        self.handshake_secret = _EARLY_DERIVED[hash_name].hmac(shared_secret)
        length = HASH_LENGTHS[hash_name]
        self._handshake = handshake = Hkdf(hash_name, self.handshake_secret)
        self.client_handshake_traffic_secret = handshake.expand_label(
            b"c hs traffic", transcript_hash, length
        )
        self.server_handshake_traffic_secret = handshake.expand_label(
            b"s hs traffic", transcript_hash, length
        )
        self.master_secret = b""
        self.client_application_traffic_secret = b""
        self.server_application_traffic_secret = b""

    def derive_application(self, transcript_hash: bytes) -> None:
        """Go on to the application secrets; the hash is of ClientHello..server Finished."""
        name = self.hash_name
        length = HASH_LENGTHS[name]
        self.master_secret = _derived(name, self._handshake).hmac(_ZEROS[name])
        master = Hkdf(name, self.master_secret)
        self.client_application_traffic_secret = master.expand_label(
            b"c ap traffic", transcript_hash, length
        )
        self.server_application_traffic_secret = master.expand_label(
            b"s ap traffic", transcript_hash, length
        )

    def verify_data(self, traffic_secret: bytes, transcript_hash: bytes) -> bytes:
        """A Finished's content (RFC 8446 section 4.4.4)."""
        name = self.hash_name
        key = hkdf_expand_label(name, traffic_secret, b"finished", b"", HASH_LENGTHS[name])
        return Hkdf(name, key).hmac(transcript_hash)


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """The secret after a KeyUpdate (RFC 8446 section 7.2)."""
    return hkdf_expand_label(hash_name, secret, b"traffic upd", b"", HASH_LENGTHS[hash_name])

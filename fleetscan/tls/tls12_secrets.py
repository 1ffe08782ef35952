"""The secrets of TLS 1.0 to 1.2: the PRFs, the master secret, the key block.

RFC 5246 sections 5 to 8; before TLS 1.2 the PRF is that of RFC 2246 section 5, the same in
RFC 4346, and goes by the name `md5-sha1`.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

MD5_SHA1: Final = "md5-sha1"
MASTER_SECRET_LENGTH: Final = 48
VERIFY_DATA_LENGTH: Final = 12


def prf(hash_name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The pseudorandom function over label and seed.

    Args:
        hash_name: the suite's under TLS 1.2 (RFC 5246 section 5), `md5-sha1` before
            (RFC 2246 section 5).
        secret: the premaster or the master secret.
        label: what the output is for.
        seed: what makes it one connection's.
        length: of the output, octets.
    """
    seed = label + seed
    if hash_name != MD5_SHA1:
        return _p_hash(hash_name, secret, seed, length)
    # Two halves, which share the octet in the middle when their number is odd.
    half = (len(secret) + 1) // 2
    left = _p_hash("md5", secret[:half], seed, length)
    right = _p_hash("sha1", secret[len(secret) - half :], seed, length)
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _p_hash(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """P_hash (RFC 5246 section 5)."""
    output = b""
    chained = seed
    # Ends: each turn adds a hash's length.
    while len(output) < length:
        chained = hmac.digest(secret, chained, hash_name)
        output += hmac.digest(secret, chained + seed, hash_name)
    return output[:length]


class KeyBlock(NamedTuple):
    """One direction's part of the key block."""

    mac_key: bytes
    key: bytes
    iv: bytes


class SecretsTls12:
    """The master secret of one connection and what follows from it.

    Args:
        hash_name: the PRF's, as `prf` takes it.
        premaster_secret: the result of the key exchange.
        client_random: with `server_random`, the seed of everything.
        session_hash: of the messages up to ClientKeyExchange when the extended master
            secret was agreed on (RFC 7627 section 4), else empty.
    """

    __slots__ = ("_hash_name", "_seed", "master_secret")

    def __init__(
        self,
        hash_name: str,
        premaster_secret: bytes,
        client_random: bytes,
        server_random: bytes,
        session_hash: bytes,
    ) -> None:
        self._hash_name = hash_name
        # The key block wants the server's random first (RFC 5246 section 6.3).
        self._seed = server_random + client_random
        label, seed = (
            (b"extended master secret", session_hash)
            if session_hash
            else (b"master secret", client_random + server_random)
        )
        self.master_secret = prf(hash_name, premaster_secret, label, seed, MASTER_SECRET_LENGTH)

    def key_blocks(self, mac: int, key: int, iv: int) -> tuple[KeyBlock, KeyBlock]:
        """The client's and the server's write keys (RFC 5246 section 6.3). Lengths in octets."""
        length = 2 * (mac + key + iv)
        block = prf(self._hash_name, self.master_secret, b"key expansion", self._seed, length)
        parts = []
        position = 0
        for size in (mac, mac, key, key, iv, iv):
            parts.append(block[position : position + size])
            position += size
        return KeyBlock(*parts[0::2]), KeyBlock(*parts[1::2])

    def verify_data(self, label: bytes, transcript_hash: bytes) -> bytes:
        """A Finished's content (RFC 5246 section 7.4.9)."""
        return prf(self._hash_name, self.master_secret, label, transcript_hash, VERIFY_DATA_LENGTH)

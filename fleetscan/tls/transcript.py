"""The transcript hash, RFC 8446 section 4.4.1, RFC 5246 and RFC 2246 section 7.4.9."""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from fleetscan.registry import handshake_types
from fleetscan.tls.hello import handshake_message
from fleetscan.tls.tls12_secrets import MD5_SHA1

HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384}


class _Hash(Protocol):
    """What hashlib's objects and the pair below have in common."""

    def update(self, data: bytes, /) -> None:
        """Add octets."""

    def digest(self) -> bytes:
        """The hash of what was added; more may be added afterwards."""


class _Md5Sha1:
    """MD5 and SHA-1 side by side, as TLS 1.0 and 1.1 hash a handshake (RFC 2246 section 7.4.9)."""

    __slots__ = ("_md5", "_sha1")

    def __init__(self, data: bytes) -> None:
        self._md5 = hashlib.md5(data, usedforsecurity=False)
        self._sha1 = hashlib.sha1(data, usedforsecurity=False)

    def update(self, data: bytes, /) -> None:
        self._md5.update(data)
        self._sha1.update(data)

    def digest(self) -> bytes:
        return self._md5.digest() + self._sha1.digest()


class Transcript:
    """The handshake messages, hashed as soon as the hash is known."""

    __slots__ = ("_hash", "_kept", "_messages")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._hash: _Hash | None = None
        self._kept = False

    def keep(self) -> None:
        """Keep the messages themselves, for `messages`; before `begin`, or some are gone.

        Up to TLS 1.2 a client signs them with a hash that may differ from the PRF's (RFC 5246
        section 7.4.8). Not done unasked: it is tens of kilobytes for each connection.
        """
        assert self._hash is None
        self._kept = True

    def messages(self) -> bytes:
        """What was added so far, headers included; `keep` must have been called."""
        assert self._kept
        return b"".join(self._messages)

    def add(self, message: bytes) -> None:
        """Append one message, header included."""
        running = self._hash
        if running is None:
            self._messages.append(message)
            return
        running.update(message)
        if self._kept:
            self._messages.append(message)

    def begin(self, hash_name: str) -> None:
        """The hash is known: from here on it is all that is kept. A second call does nothing.

        Args:
            hash_name: one of `HASHES`, or `md5-sha1` before TLS 1.2.
        """
        if self._hash is not None:
            return
        octets = b"".join(self._messages)
        self._hash = _Md5Sha1(octets) if hash_name == MD5_SHA1 else HASHES[hash_name](octets)
        if not self._kept:
            self._messages.clear()

    def retry(self, hash_name: str) -> None:
        """Put message_hash in place of the first ClientHello (RFC 8446 section 4.4.1)."""
        digest = HASHES[hash_name](b"".join(self._messages)).digest()
        self._messages = [handshake_message(handshake_types.MESSAGE_HASH, digest)]
        self.begin(hash_name)

    def digest(self) -> bytes:
        """Transcript-Hash of what was added so far; `begin` must have been called."""
        assert self._hash is not None
        return self._hash.digest()

"""The transcript hash, RFC 8446 section 4.4.1 and RFC 5246 section 7.4.9."""

from __future__ import annotations

import hashlib

from fleetscan.registry import handshake_types
from fleetscan.tls.hello import handshake_message


class Transcript:
    """The handshake messages, hashed as soon as the hash is known."""

    __slots__ = ("_hash", "_messages")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._hash: hashlib._Hash | None = None

    def add(self, message: bytes) -> None:
        """Append one message, header included."""
        if self._hash is None:
            self._messages.append(message)
        else:
            self._hash.update(message)

    def begin(self, hash_name: str) -> None:
        """The suite is known: from here on only the hash is kept. A second call does nothing."""
        if self._hash is None:
            self._hash = hashlib.new(hash_name, b"".join(self._messages))
            self._messages.clear()

    def retry(self, hash_name: str) -> None:
        """Put message_hash in place of the first ClientHello (RFC 8446 section 4.4.1)."""
        digest = hashlib.new(hash_name, b"".join(self._messages)).digest()
        self._messages = [handshake_message(handshake_types.MESSAGE_HASH, digest)]
        self.begin(hash_name)

    def digest(self) -> bytes:
        """Transcript-Hash of what was added so far; `begin` must have been called."""
        assert self._hash is not None
        return self._hash.copy().digest()

"""TLS 1.2 record protection for the suites that the client can finish.

AES-GCM (RFC 5288), ChaCha20-Poly1305 (RFC 7905), AES-CBC with HMAC-SHA-1 and an
explicit IV (RFC 5246 section 6.2.3.2).
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from fleetscan import limits
from fleetscan.registry import cipher_suites
from fleetscan.tls.hello import LEGACY_VERSION
from fleetscan.tls.violations import ViolationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetscan.tls.tls12_secrets import KeyBlock

BLOCK: Final = 16
SHA1_LENGTH: Final = 20
GCM_SALT: Final = 4
GCM_EXPLICIT: Final = 8
TAG_LENGTH: Final = 16


class _Direction:
    """What the three have in common: the sequence number, and cutting into records."""

    __slots__ = ("_sequence_number",)

    def __init__(self) -> None:
        self._sequence_number = 0

    def seal(self, content_type: int, fragment: bytes) -> bytes:
        """Whole records, headers included."""
        size = limits.MAX_PLAINTEXT
        head = content_type.to_bytes(1, "big") + LEGACY_VERSION
        out = []
        for start in range(0, len(fragment), size):
            sealed = self._seal(head, fragment[start : start + size])
            out.append(head + len(sealed).to_bytes(2, "big") + sealed)
        return b"".join(out)

    def open(self, content_type: int, header: bytes, fragment: bytes) -> tuple[int, bytes]:
        """The content type and octets of one record.

        Raises:
            ViolationError: it does not authenticate, or is too long.
        """
        plaintext = self._open(header[:3], fragment)
        if len(plaintext) > limits.MAX_PLAINTEXT:
            raise ViolationError("record_overflow")
        return content_type, plaintext

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        raise NotImplementedError

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        raise NotImplementedError

    def _next(self) -> bytes:
        """The sequence number of this record, eight octets."""
        number = self._sequence_number.to_bytes(8, "big")
        self._sequence_number += 1
        return number


class AesGcm(_Direction):
    """RFC 5288 section 3: a salt from the key block, the rest of the nonce in the record."""

    __slots__ = ("_aead", "_salt")

    def __init__(self, keys: KeyBlock) -> None:
        super().__init__()
        self._aead = AESGCM(keys.key)
        self._salt = keys.iv

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        data = number + head + len(plaintext).to_bytes(2, "big")
        return number + self._aead.encrypt(self._salt + number, plaintext, data)

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        length = len(fragment) - GCM_EXPLICIT - TAG_LENGTH
        if length < 0:
            raise ViolationError("bad_record_mac")
        data = number + head + length.to_bytes(2, "big")
        nonce = self._salt + fragment[:GCM_EXPLICIT]
        try:
            return self._aead.decrypt(nonce, fragment[GCM_EXPLICIT:], data)
        except InvalidTag as refused:
            raise ViolationError("bad_record_mac") from refused


class ChaCha20(_Direction):
    """RFC 7905 section 2: the nonce is the sequence number over the IV."""

    __slots__ = ("_aead", "_iv")

    def __init__(self, keys: KeyBlock) -> None:
        super().__init__()
        self._aead = ChaCha20Poly1305(keys.key)
        self._iv = int.from_bytes(keys.iv, "big")

    def _nonce(self, number: bytes) -> bytes:
        return (self._iv ^ int.from_bytes(number, "big")).to_bytes(12, "big")

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        data = number + head + len(plaintext).to_bytes(2, "big")
        return self._aead.encrypt(self._nonce(number), plaintext, data)

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        length = len(fragment) - TAG_LENGTH
        if length < 0:
            raise ViolationError("bad_record_mac")
        data = number + head + length.to_bytes(2, "big")
        try:
            return self._aead.decrypt(self._nonce(number), fragment, data)
        except InvalidTag as refused:
            raise ViolationError("bad_record_mac") from refused


class AesCbcSha1(_Direction):
    """RFC 5246 section 6.2.3.2: MAC, then pad, then encrypt, under an IV in the record."""

    __slots__ = ("_key", "_mac_key")

    def __init__(self, keys: KeyBlock) -> None:
        super().__init__()
        self._key = algorithms.AES(keys.key)
        self._mac_key = keys.mac_key

    def _mac(self, number: bytes, head: bytes, plaintext: bytes) -> bytes:
        data = number + head + len(plaintext).to_bytes(2, "big") + plaintext
        return hmac.digest(self._mac_key, data, "sha1")

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        # Nobody without the key can foresee it, which is what the RFC asks of an IV.
        iv = hmac.digest(self._mac_key, b"iv" + number, "sha256")[:BLOCK]
        content = plaintext + self._mac(number, head, plaintext)
        padding = BLOCK - 1 - len(content) % BLOCK
        content += bytes([padding]) * (padding + 1)
        encryptor = Cipher(self._key, modes.CBC(iv)).encryptor()
        return iv + encryptor.update(content) + encryptor.finalize()

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        iv, encrypted = fragment[:BLOCK], fragment[BLOCK:]
        if len(encrypted) % BLOCK or len(encrypted) <= SHA1_LENGTH:
            raise ViolationError("bad_record_mac")
        decryptor = Cipher(self._key, modes.CBC(iv)).decryptor()
        content = decryptor.update(encrypted) + decryptor.finalize()
        padding = content[-1]
        end = len(content) - padding - 1 - SHA1_LENGTH
        # How long this takes tells a peer nothing: the octets are its own.
        if end < 0 or content[-padding - 1 :] != bytes([padding]) * (padding + 1):
            raise ViolationError("bad_record_mac")
        plaintext, mac = content[:end], content[end : end + SHA1_LENGTH]
        if not hmac.compare_digest(mac, self._mac(number, head, plaintext)):
            raise ViolationError("bad_record_mac")
        return plaintext


class SuiteTls12(NamedTuple):
    """The parts of a TLS 1.2 cipher suite; lengths in octets."""

    key_exchange: str
    authentication: str
    hash_name: str
    protection: Callable[[KeyBlock], _Direction]
    mac_length: int
    key_length: int
    iv_length: int


# Encryption, as the suite's name has it, to its class and lengths.
ENCRYPTIONS: Final[dict[str, tuple[Callable[[KeyBlock], _Direction], int, int, int]]] = {
    "AES_128_GCM": (AesGcm, 0, 16, GCM_SALT),
    "AES_256_GCM": (AesGcm, 0, 32, GCM_SALT),
    "CHACHA20_POLY1305": (ChaCha20, 0, 32, 12),
    "AES_128_CBC": (AesCbcSha1, SHA1_LENGTH, 16, 0),
    "AES_256_CBC": (AesCbcSha1, SHA1_LENGTH, 32, 0),
}


def suite_tls12(code: int) -> SuiteTls12 | None:
    """The parts of a suite that this client can finish, None for any other."""
    described = cipher_suites.describe(code)
    if described is None or described.key_exchange not in ("ECDHE", "RSA"):
        return None
    parts = ENCRYPTIONS.get(described.encryption)
    if parts is None or described.authentication not in ("RSA", "ECDSA"):
        return None
    if described.encryption.endswith("CBC") != (described.hash == "SHA"):
        return None
    # SHA-1 names the record's MAC only: the PRF's hash is SHA-256 (RFC 5246 section 5).
    hash_name = "sha384" if described.hash == "SHA384" else "sha256"
    return SuiteTls12(described.key_exchange, described.authentication, hash_name, *parts)

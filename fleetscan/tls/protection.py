"""TLS 1.3 record protection, RFC 8446 section 5.2 to 5.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from fleetscan import limits
from fleetscan.registry import cipher_suites as suite
from fleetscan.registry import content_types
from fleetscan.tls.secrets import hkdf_expand_label, next_traffic_secret
from fleetscan.tls.violations import ViolationError

if TYPE_CHECKING:
    from collections.abc import Callable

IV_LENGTH: Final = 12
TAG_LENGTH: Final = 16

# opaque_type application_data and legacy_record_version, RFC 8446 section 5.2.
HEAD: Final = bytes([content_types.APPLICATION_DATA, 0x03, 0x03])


class Aead(Protocol):
    """What AESGCM and ChaCha20Poly1305 have in common."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext with its tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Plaintext; InvalidTag when it does not authenticate."""


class SuiteTls13(NamedTuple):
    """The parts of a TLS 1.3 cipher suite."""

    hash_name: str
    aead: Callable[[bytes], Aead]
    key_length: int


SUITES_TLS13: Final[dict[int, SuiteTls13]] = {
    suite.TLS_AES_128_GCM_SHA256: SuiteTls13("sha256", AESGCM, 16),
    suite.TLS_AES_256_GCM_SHA384: SuiteTls13("sha384", AESGCM, 32),
    suite.TLS_CHACHA20_POLY1305_SHA256: SuiteTls13("sha256", ChaCha20Poly1305, 32),
}


class RecordProtection(Protocol):
    """One direction of a protected connection, whatever the version."""

    def seal(self, content_type: int, fragment: bytes) -> bytes:
        """Whole records, headers included, that carry the octets."""

    def open(self, content_type: int, header: bytes, fragment: bytes) -> tuple[int, bytes]:
        """The content type and octets of one record.

        Raises:
            ViolationError: it does not authenticate.
        """


class ProtectionTls13:
    """One direction under one traffic secret.

    Args:
        cipher_suite: one of `SUITES_TLS13`.
        secret: the traffic secret (RFC 8446 section 7.3).
    """

    __slots__ = ("_aead", "_cipher_suite", "_iv", "_secret", "_sequence_number")

    def __init__(self, cipher_suite: int, secret: bytes) -> None:
        self._cipher_suite = cipher_suite
        self._rekey(secret)

    def seal(self, content_type: int, fragment: bytes) -> bytes:
        """TLSCiphertext records, headers included, without padding."""
        size = limits.MAX_PLAINTEXT
        if len(fragment) <= size:
            return self._seal_one(content_type, fragment)
        return b"".join(
            self._seal_one(content_type, fragment[start : start + size])
            for start in range(0, len(fragment), size)
        )

    def _seal_one(self, content_type: int, fragment: bytes) -> bytes:
        inner = fragment + content_type.to_bytes(1, "big")
        header = HEAD + (len(inner) + TAG_LENGTH).to_bytes(2, "big")
        return header + self._aead.encrypt(self._nonce(), inner, header)

    def open(self, content_type: int, header: bytes, fragment: bytes) -> tuple[int, bytes]:
        """The inner content type and octets of one TLSCiphertext.

        Raises:
            ViolationError: it does not authenticate, is too long, or is nothing but padding.
        """
        if content_type != content_types.APPLICATION_DATA:
            raise ViolationError("unexpected_message")
        try:
            inner = self._aead.decrypt(self._nonce(), fragment, header)
        except (InvalidTag, ValueError) as refused:
            raise ViolationError("bad_record_mac") from refused
        # Padding is zeros after the content type (RFC 8446 section 5.4).
        inner = inner.rstrip(b"\x00")
        if not inner:
            raise ViolationError("missing_content_type")
        if len(inner) > limits.MAX_PLAINTEXT + 1:
            raise ViolationError("record_overflow")
        return inner[-1], inner[:-1]

    def update(self) -> None:
        """Go on to the next generation of keys (RFC 8446 section 7.2)."""
        self._rekey(next_traffic_secret(SUITES_TLS13[self._cipher_suite].hash_name, self._secret))

    def _rekey(self, secret: bytes) -> None:
        parts = SUITES_TLS13[self._cipher_suite]
        key = hkdf_expand_label(parts.hash_name, secret, b"key", b"", parts.key_length)
        iv = hkdf_expand_label(parts.hash_name, secret, b"iv", b"", IV_LENGTH)
        self._aead = parts.aead(key)
        self._iv = int.from_bytes(iv, "big")
        self._secret = secret
        self._sequence_number = 0

    def _nonce(self) -> bytes:
        nonce = (self._iv ^ self._sequence_number).to_bytes(IV_LENGTH, "big")
        self._sequence_number += 1
        return nonce

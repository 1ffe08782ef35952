"""TLS 1.3 record protection, RFC 8446 section 5.2 to 5.5."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from fleetscan.registry import cipher_suites as suite
from fleetscan.tls._hkdf import Hkdf
from fleetscan.tls._record_cipher import RecordCipher
from fleetscan.tls.secrets import next_traffic_secret

if TYPE_CHECKING:
    from collections.abc import Callable

IV_LENGTH: Final = 12
TAG_LENGTH: Final = 16
CCM_8_TAG_LENGTH: Final = 8


class Aead(Protocol):
    """What AESGCM, AESCCM and ChaCha20Poly1305 have in common."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext with its tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Plaintext; InvalidTag when it does not authenticate."""


class SuiteTls13(NamedTuple):
    """The parts of a TLS 1.3 cipher suite; lengths in octets."""

    hash_name: str
    aead: Callable[[bytes], Aead]
    key_length: int
    tag_length: int = TAG_LENGTH


SUITES_TLS13: Final[dict[int, SuiteTls13]] = {
    suite.TLS_AES_128_GCM_SHA256: SuiteTls13("sha256", AESGCM, 16),
    suite.TLS_AES_256_GCM_SHA384: SuiteTls13("sha384", AESGCM, 32),
    suite.TLS_CHACHA20_POLY1305_SHA256: SuiteTls13("sha256", ChaCha20Poly1305, 32),
    suite.TLS_AES_128_CCM_SHA256: SuiteTls13("sha256", AESCCM, 16),
    suite.TLS_AES_128_CCM_8_SHA256: SuiteTls13(
        "sha256", partial(AESCCM, tag_length=CCM_8_TAG_LENGTH), 16, CCM_8_TAG_LENGTH
    ),
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


class ProtectionTls13(RecordCipher):
    """One direction under one traffic secret.

    Args:
        cipher_suite: one of `SUITES_TLS13`.
        secret: the traffic secret (RFC 8446 section 7.3).
    """

    __slots__ = ("_cipher_suite", "_secret")

    def __init__(self, cipher_suite: int, secret: bytes) -> None:
        self._cipher_suite = cipher_suite
        self._use(secret)

    def update(self) -> None:
        """Go on to the next generation of keys (RFC 8446 section 7.2)."""
        self._use(next_traffic_secret(SUITES_TLS13[self._cipher_suite].hash_name, self._secret))

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        hash_name, aead, key_length, tag_length = SUITES_TLS13[self._cipher_suite]
        traffic = Hkdf(hash_name, secret)
        key = traffic.expand_label(b"key", b"", key_length)
        self.rekey(aead(key), traffic.expand_label(b"iv", b"", IV_LENGTH), tag_length)

"""Record protection of TLS 1.0, 1.1 and 1.2: one class for each way that they protect a record.

The AEADs of TLS 1.2 (RFC 5246 section 6.2.3.3), block ciphers in CBC mode with the MAC inside
(RFC 2246, RFC 4346 and RFC 5246, each section 6.2.3.2) or outside (RFC 7366), and stream
ciphers (RFC 5246 section 6.2.3.1).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from fleetscan import limits
from fleetscan.registry import versions
from fleetscan.tls.protection import TAG_LENGTH
from fleetscan.tls.violations import ViolationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, CipherAlgorithm

    from fleetscan.tls.protection import Aead
    from fleetscan.tls.tls12_secrets import KeyBlock

EXPLICIT_NONCE: Final = 8


class _Direction:
    """What all of them have in common: the sequence number, and cutting into records.

    Args:
        version: the negotiated one, which every record of ours names.
    """

    __slots__ = ("_sequence_number", "_version")

    def __init__(self, version: int) -> None:
        self._sequence_number = 0
        self._version = version.to_bytes(2, "big")

    def seal(self, content_type: int, fragment: bytes) -> bytes:
        """Whole records, headers included."""
        size = limits.MAX_PLAINTEXT
        head = content_type.to_bytes(1, "big") + self._version
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


# -- authenticated encryption --------------------------------------------------------


class PartlyExplicitNonce(_Direction):
    """AES-GCM and AES-CCM: the key block's salt, then eight octets that the record brings.

    RFC 5288 section 3 and RFC 6655 section 3.

    Args:
        version: TLS 1.2.
        aead: made with the key.
        salt: the key block's IV, four octets.
        tag_length: what the ciphertext is longer than the plaintext, octets.
    """

    __slots__ = ("_aead", "_salt", "_tag_length")

    def __init__(self, version: int, aead: Aead, salt: bytes, tag_length: int) -> None:
        super().__init__(version)
        self._aead = aead
        self._salt = salt
        self._tag_length = tag_length

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        data = number + head + len(plaintext).to_bytes(2, "big")
        return number + self._aead.encrypt(self._salt + number, plaintext, data)

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        length = len(fragment) - EXPLICIT_NONCE - self._tag_length
        if length < 0:
            raise ViolationError("bad_record_mac")
        data = number + head + length.to_bytes(2, "big")
        nonce = self._salt + fragment[:EXPLICIT_NONCE]
        return _decrypt(self._aead, nonce, fragment[EXPLICIT_NONCE:], data)


class ImplicitNonce(_Direction):
    """ChaCha20-Poly1305: the nonce is the sequence number over the IV (RFC 7905 section 2)."""

    __slots__ = ("_aead", "_iv")

    def __init__(self, version: int, aead: Aead, iv: bytes) -> None:
        super().__init__(version)
        self._aead = aead
        self._iv = int.from_bytes(iv, "big")

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
        return _decrypt(self._aead, self._nonce(number), fragment, data)


def _decrypt(aead: Aead, nonce: bytes, ciphertext: bytes, data: bytes) -> bytes:
    try:
        return aead.decrypt(nonce, ciphertext, data)
    except InvalidTag as refused:
        raise ViolationError("bad_record_mac") from refused


# -- a cipher and a MAC ----------------------------------------------------------------


class _Authenticated(_Direction):
    """A direction with an HMAC of its own (RFC 5246 section 6.2.3.1).

    Args:
        version: the negotiated one.
        keys: this direction's.
        mac_hash: of the HMAC, as hashlib names it.
    """

    __slots__ = ("_mac_hash", "_mac_key", "_mac_length")

    def __init__(self, version: int, keys: KeyBlock, mac_hash: str) -> None:
        super().__init__(version)
        self._mac_key = keys.mac_key
        self._mac_hash = mac_hash
        self._mac_length = hashlib.new(mac_hash, usedforsecurity=False).digest_size

    def _mac(self, number: bytes, head: bytes, content: bytes) -> bytes:
        data = number + head + len(content).to_bytes(2, "big") + content
        return hmac.digest(self._mac_key, data, self._mac_hash)

    def _check(self, mac: bytes, number: bytes, head: bytes, content: bytes) -> None:
        if not hmac.compare_digest(mac, self._mac(number, head, content)):
            raise ViolationError("bad_record_mac")


class Stream(_Authenticated):
    """A stream cipher, whose state goes on from record to record (RFC 5246 section 6.2.3.1)."""

    __slots__ = ("_cipher",)

    def __init__(
        self, version: int, algorithm: CipherAlgorithm, keys: KeyBlock, mac_hash: str
    ) -> None:
        super().__init__(version, keys, mac_hash)
        # Encrypting and decrypting are the same, and one object serves one direction.
        self._cipher = Cipher(algorithm, mode=None).encryptor()

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        return self._cipher.update(plaintext + self._mac(self._next(), head, plaintext))

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        end = len(fragment) - self._mac_length
        if end < 0:
            raise ViolationError("bad_record_mac")
        content = self._cipher.update(fragment)
        self._check(content[end:], self._next(), head, content[:end])
        return content[:end]


class Block(_Authenticated):
    """A block cipher in CBC mode, the MAC inside: MAC, pad, encrypt (RFC 5246 section 6.2.3.2).

    Under TLS 1.0 a record's IV is the last block of the record before it, the first one's from
    the key block (RFC 2246 section 6.2.3.2); from TLS 1.1 on the record brings its own.

    Args:
        version: the negotiated one.
        algorithm: made with the key.
        keys: this direction's.
        mac_hash: of the HMAC, as hashlib names it.
    """

    __slots__ = ("_algorithm", "_block", "_chained")

    def __init__(
        self, version: int, algorithm: BlockCipherAlgorithm, keys: KeyBlock, mac_hash: str
    ) -> None:
        super().__init__(version, keys, mac_hash)
        self._algorithm = algorithm
        self._block = algorithm.block_size // 8
        self._chained = keys.iv if version == versions.TLSV1 else b""

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        return self._encrypt(number, plaintext + self._mac(number, head, plaintext))

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        content = self._decrypt(fragment)
        end = len(content) - self._mac_length
        if end < 0:
            raise ViolationError("bad_record_mac")
        self._check(content[end:], number, head, content[:end])
        return content[:end]

    def _encrypt(self, number: bytes, content: bytes) -> bytes:
        """Pad and encrypt: the IV, where the record brings one, and the blocks."""
        padding = self._block - 1 - len(content) % self._block
        content += bytes([padding]) * (padding + 1)
        # Nobody without the key can foresee it, which is what the RFC asks of an IV.
        fresh = hmac.digest(self._mac_key, b"iv" + number, "sha256")[: self._block]
        encryptor = Cipher(self._algorithm, modes.CBC(self._chained or fresh)).encryptor()
        encrypted = encryptor.update(content) + encryptor.finalize()
        if not self._chained:
            return fresh + encrypted
        self._chained = encrypted[-self._block :]
        return encrypted

    def _decrypt(self, fragment: bytes) -> bytes:
        """The content without its padding, each octet of which is checked."""
        iv, encrypted = self._chained, fragment
        if not iv:
            iv, encrypted = fragment[: self._block], fragment[self._block :]
        if not encrypted or len(encrypted) % self._block:
            raise ViolationError("bad_record_mac")
        decryptor = Cipher(self._algorithm, modes.CBC(iv)).decryptor()
        content = decryptor.update(encrypted) + decryptor.finalize()
        if self._chained:
            self._chained = encrypted[-self._block :]
        padding = content[-1]
        # How long this takes tells a peer nothing: the octets are its own. A padding that
        # says it is longer than the content is not a suffix of it.
        if not content.endswith(bytes([padding]) * (padding + 1)):
            raise ViolationError("bad_record_mac")
        return content[: -padding - 1]


class BlockEncryptThenMac(Block):
    """A block cipher in CBC mode, the MAC outside: pad, encrypt, MAC (RFC 7366 section 3)."""

    __slots__ = ()

    def _seal(self, head: bytes, plaintext: bytes) -> bytes:
        number = self._next()
        encrypted = self._encrypt(number, plaintext)
        return encrypted + self._mac(number, head, encrypted)

    def _open(self, head: bytes, fragment: bytes) -> bytes:
        number = self._next()
        end = len(fragment) - self._mac_length
        if end < 0:
            raise ViolationError("bad_record_mac")
        # The length that the MAC is over does not count the MAC itself.
        self._check(fragment[end:], number, head, fragment[:end])
        return self._decrypt(fragment[:end])

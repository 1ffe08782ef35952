"""The cipher suites of TLS 1.0 to 1.2 that the client can finish, worked out from their names.

Key exchange ECDHE, DHE or RSA; authentication RSA, ECDSA or DSS; encryption AES-GCM (RFC 5288),
AES-CCM (RFC 6655), ChaCha20-Poly1305 (RFC 7905), AES and 3DES in CBC mode (RFC 5246), Camellia
in CBC mode (RFC 5932), RC4. What `cryptography` does not have is left out: ARIA, single DES,
Camellia-GCM.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, Camellia, TripleDES
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from fleetscan.registry import cipher_suites, content_types, versions
from fleetscan.tls.protection import CCM_8_TAG_LENGTH, TAG_LENGTH
from fleetscan.tls.tls12_records import (
    Block,
    BlockEncryptThenMac,
    ImplicitNonce,
    PartlyExplicitNonce,
    Stream,
)
from fleetscan.tls.tls12_secrets import KeyBlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm

    from fleetscan.tls.protection import RecordProtection

# From keys, version and whether encrypt-then-MAC was agreed on to one direction's protection.
Protect: TypeAlias = "Callable[[KeyBlock, int, bool], RecordProtection]"

SALT_LENGTH: Final = 4

KEY_EXCHANGES: Final = frozenset({"ECDHE", "DHE", "RSA"})
AUTHENTICATIONS: Final = frozenset({"RSA", "ECDSA", "DSS"})

# The hashes that suites name, as hashlib names them, and the octets of their HMAC.
MACS: Final = {
    "MD5": ("md5", 16),
    "SHA": ("sha1", 20),
    "SHA256": ("sha256", 32),
    "SHA384": ("sha384", 48),
}


def _gcm(keys: KeyBlock, version: int, _: bool) -> RecordProtection:
    return PartlyExplicitNonce(version, AESGCM(keys.key), keys.iv, TAG_LENGTH)


def _ccm(tag_length: int, keys: KeyBlock, version: int, _: bool) -> RecordProtection:
    return PartlyExplicitNonce(version, AESCCM(keys.key, tag_length), keys.iv, tag_length)


def _chacha20(keys: KeyBlock, version: int, _: bool) -> RecordProtection:
    return ImplicitNonce(version, ChaCha20Poly1305(keys.key), keys.iv)


def _rc4(mac_hash: str, keys: KeyBlock, version: int, _: bool) -> RecordProtection:
    # RFC 7366 section 3: encrypt-then-MAC is for block ciphers.
    return Stream(version, ARC4(keys.key), keys, mac_hash)


def _block(
    algorithm: Callable[[bytes], BlockCipherAlgorithm],
    mac_hash: str,
    keys: KeyBlock,
    version: int,
    encrypt_then_mac: bool,
) -> RecordProtection:
    kind = BlockEncryptThenMac if encrypt_then_mac else Block
    return kind(version, algorithm(keys.key), keys, mac_hash)


class Aead(NamedTuple):
    """A cipher that authenticates; lengths in octets."""

    protection: Protect
    key_length: int
    iv_length: int


class BlockCipher(NamedTuple):
    """A cipher in CBC mode; lengths in octets."""

    algorithm: Callable[[bytes], BlockCipherAlgorithm]
    key_length: int
    block_length: int


AEADS: Final = {
    "AES_128_GCM": Aead(_gcm, 16, SALT_LENGTH),
    "AES_256_GCM": Aead(_gcm, 32, SALT_LENGTH),
    "AES_128_CCM": Aead(partial(_ccm, TAG_LENGTH), 16, SALT_LENGTH),
    "AES_256_CCM": Aead(partial(_ccm, TAG_LENGTH), 32, SALT_LENGTH),
    "AES_128_CCM_8": Aead(partial(_ccm, CCM_8_TAG_LENGTH), 16, SALT_LENGTH),
    "AES_256_CCM_8": Aead(partial(_ccm, CCM_8_TAG_LENGTH), 32, SALT_LENGTH),
    "CHACHA20_POLY1305": Aead(_chacha20, 32, 12),
}
BLOCK_CIPHERS: Final = {
    "AES_128_CBC": BlockCipher(AES, 16, 16),
    "AES_256_CBC": BlockCipher(AES, 32, 16),
    "CAMELLIA_128_CBC": BlockCipher(Camellia, 16, 16),
    "CAMELLIA_256_CBC": BlockCipher(Camellia, 32, 16),
    "3DES_EDE_CBC": BlockCipher(TripleDES, 24, 8),
}
STREAM_CIPHER: Final = "RC4_128"
STREAM_KEY_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTls12:
    """The parts of a cipher suite of TLS 1.0 to 1.2; lengths in octets.

    Args:
        key_exchange: `ECDHE`, `DHE` or `RSA`.
        authentication: `RSA`, `ECDSA` or `DSS`.
        hash_name: the PRF's under TLS 1.2; before it is `md5-sha1` whatever the suite.
        tls12_only: whether the suite does not exist before TLS 1.2.
        mac_length: of the HMAC's key; 0 when the cipher authenticates.
        key_length: of the cipher's key.
        nonce_length: of an AEAD's part in the key block, else 0.
        block_length: of a cipher in CBC mode, else 0.
        protection: from keys, the negotiated version and whether encrypt-then-MAC was agreed
            on to one direction's record protection.
    """

    key_exchange: str
    authentication: str
    hash_name: str
    tls12_only: bool
    mac_length: int
    key_length: int
    protection: Protect
    nonce_length: int = 0
    block_length: int = 0

    @property
    def is_block(self) -> bool:
        """Whether the cipher is in CBC mode, as encrypt-then-MAC asks (RFC 7366 section 3)."""
        return self.block_length > 0

    def iv_length(self, version: int) -> int:
        """What the key block holds of an IV or nonce, octets.

        A block cipher's first IV comes from there under TLS 1.0 only (RFC 2246 section 6.3);
        later records bring their own.
        """
        return self.block_length if version == versions.TLSV1 else self.nonce_length


@functools.lru_cache(maxsize=512)
def suite_tls12(code: int) -> SuiteTls12 | None:
    """The parts of a suite that this client can finish, None for any other."""
    suite = parts_of(code)
    return suite if suite is not None and _is_available(suite) else None


def parts_of(code: int) -> SuiteTls12 | None:
    """The same, whether or not the library, as it was built here, has the cipher."""
    described = cipher_suites.describe(code)
    if (
        described is None
        or described.key_exchange not in KEY_EXCHANGES
        or described.authentication not in AUTHENTICATIONS
        or described.hash not in MACS
    ):
        return None
    return _parts(described)


def _parts(described: cipher_suites.CipherSuite) -> SuiteTls12 | None:
    name, (mac_hash, mac_length) = described.encryption, MACS[described.hash]
    common = partial(
        SuiteTls12,
        key_exchange=described.key_exchange,
        authentication=described.authentication,
        # MD5 and SHA-1 name the record's MAC only (RFC 5246 section 5).
        hash_name=mac_hash if mac_hash in ("sha256", "sha384") else "sha256",
        # Suites that name a hash for the PRF begin with TLS 1.2 (RFC 5246 section 1.2).
        tls12_only=mac_hash in ("sha256", "sha384"),
    )
    if name in AEADS:
        aead = AEADS[name]
        return common(
            mac_length=0,
            key_length=aead.key_length,
            nonce_length=aead.iv_length,
            protection=aead.protection,
        )
    if name in BLOCK_CIPHERS:
        cipher = BLOCK_CIPHERS[name]
        return common(
            mac_length=mac_length,
            key_length=cipher.key_length,
            block_length=cipher.block_length,
            protection=partial(_block, cipher.algorithm, mac_hash),
        )
    if name == STREAM_CIPHER:
        return common(
            mac_length=mac_length,
            key_length=STREAM_KEY_LENGTH,
            protection=partial(_rc4, mac_hash),
        )
    return None


def _is_available(suite: SuiteTls12) -> bool:
    """Whether the library, as it was built here, does it: tried once for each suite."""
    iv = bytes(suite.iv_length(versions.TLSV1_2))
    keys = KeyBlock(bytes(suite.mac_length), bytes(range(suite.key_length)), iv)
    try:
        suite.protection(keys, versions.TLSV1_2, False).seal(content_types.ALERT, b"\x01\x00")
    except UnsupportedAlgorithm:
        return False
    return True

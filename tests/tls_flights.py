"""Messages of a server up to TLS 1.2, one by one, for clients that are to see strange ones."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

from fleetscan.registry import cipher_suites
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.profiles import BROAD
from tests.tls_peers import (
    ENTROPY,
    SERVER_SHARE,
    extensions,
    identity,
    message,
    record,
    server_hello,
)

# What `broad` leaves out because servers stop reading, too: every suite but NULL_WITH_NULL_NULL,
# which no hello may hold (RFC 5246 appendix A.5), and the mark of a second try.
EVERYTHING = replace(
    BROAD,
    name="everything",
    cipher_suites=tuple(sorted(set(cipher_suites.NAMES) - {0x0000, 0x5600})),
)

SSL3, TLS10, TLS11, TLS12 = 0x0300, 0x0301, 0x0302, 0x0303
RANDOM = bytes(range(100, 132))
DONE = message(14, b"")
# curve_type named_curve(3), x25519, the point (RFC 8422 section 5.4)
ECDHE_PARAMS = bytes.fromhex("03001d20") + SERVER_SHARE


def hello(version: int, suite: int, *more: tuple[int, bytes], random: bytes = RANDOM) -> bytes:
    """A ServerHello without a session (RFC 5246 section 7.4.1.3)."""
    return server_hello(
        legacy_version=version,
        suite=suite,
        random=random,
        more=extensions(*more) if more else b"",
    )


def certificate(kind: str) -> bytes:
    """Certificate with one certificate (RFC 5246 section 7.4.2)."""
    der = identity(kind).der
    entry = len(der).to_bytes(3, "big") + der
    return message(11, len(entry).to_bytes(3, "big") + entry)


def dhe_params(p: int, g: int, ys: int) -> bytes:
    """ServerDHParams (RFC 5246 section 7.4.3); a nought has one octet."""
    octets = (
        number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big") for number in (p, g, ys)
    )
    return b"".join(len(each).to_bytes(2, "big") + each for each in octets)


def key_exchange(
    version: int, kind: str, params: bytes, *, random: bytes = RANDOM, spoilt: bool = False
) -> bytes:
    """ServerKeyExchange, signed with the key of this kind; `spoilt` signs something else.

    SHA-256 named since TLS 1.2; before it MD5 and SHA-1 for RSA, SHA-1 for ECDSA (RFC 2246
    section 7.4.3, RFC 8422 section 5.4).
    """
    content = ENTROPY[:32] + random + params + (b"?" if spoilt else b"")
    key = identity(kind).key
    if isinstance(key, rsa.RSAPrivateKey):
        if version >= TLS12:
            algorithm, signature = 0x0401, key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        else:
            both = hashlib.md5(content).digest() + hashlib.sha1(content).digest()
            algorithm, signature = 0, key.sign(both, padding.PKCS1v15(), NoDigestInfo())
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        of_hash = hashes.SHA256() if version >= TLS12 else hashes.SHA1()
        algorithm, signature = 0x0403, key.sign(content, ec.ECDSA(of_hash))
    named = struct.pack(">H", algorithm) if version >= TLS12 else b""
    return message(12, params + named + len(signature).to_bytes(2, "big") + signature)


def certificate_request(version: int) -> bytes:
    """rsa_sign and ecdsa_sign, two pairs of hash and signature, no names (RFC 5246 7.4.4)."""
    pairs = bytes.fromhex("0004 0401 0403") if version >= TLS12 else b""
    return message(13, bytes.fromhex("02 01 40") + pairs + b"\x00\x00")


def tell(client: Conversation, version: int, *messages: bytes) -> bytes:
    """Each message in a record of its own, and what the client says to all of them."""
    return b"".join(client.receive(record(22, each, version), 2.0) for each in messages)

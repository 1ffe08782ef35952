"""The first flight of a TLS 1.3 server, written by hand so that it can be made wrong.

OpenSSL will not serve a certificate with a key that is not its own, and under TLS 1.3
everything after the ServerHello is encrypted: so the lab derives the keys itself.
One suite, TLS_AES_128_GCM_SHA256, and one group, X25519.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fleetscan.lab.flights import (
    CERTIFICATE,
    ECDSA_SECP256R1_SHA256,
    EXTENSION_KEY_SHARE,
    HANDSHAKE,
    SERVER_HELLO,
    TLS_1_2,
    SeenHello,
    message,
    read_client_hello,
    read_vector,
    record,
    vector,
)

APPLICATION_DATA: Final = 23
ENCRYPTED_EXTENSIONS: Final = 8
CERTIFICATE_VERIFY: Final = 15
FINISHED: Final = 20

TLS_AES_128_GCM_SHA256: Final = 0x1301
X25519: Final = 29
EXTENSION_STATUS_REQUEST: Final = 5
SUPPORTED_VERSIONS_TLS13: Final = bytes.fromhex("002b 0002 0304")

SIGNED_BY_SERVER: Final = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00"
"""What precedes the transcript's hash under the signature (RFC 8446 section 4.4.3)."""


def _shares(hello: SeenHello) -> Iterator[tuple[int, bytes]]:
    """The groups and key_exchange octets of the client's key_share (RFC 8446 section 4.2.8)."""
    block, _ = read_vector(hello.extensions.get(EXTENSION_KEY_SHARE, b"\x00\x00"), 0, 2)
    at = 0
    while at < len(block):  # every turn moves at least the four octets of a header
        group = int.from_bytes(block[at : at + 2], "big")
        key_exchange, at = read_vector(block, at + 2, 2)
        yield group, key_exchange


def _expand_label(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of one block (RFC 8446 section 7.1)."""
    info = length.to_bytes(2, "big") + vector(b"tls13 " + label, 1) + vector(context, 1)
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]


def _handshake_secret(shared: bytes) -> bytes:
    """The second rung of the key schedule, without a pre-shared key (RFC 8446 section 7.1)."""
    early = hmac.digest(bytes(32), bytes(32), "sha256")
    derived = _expand_label(early, b"derived", hashlib.sha256(b"").digest(), 32)
    return hmac.digest(derived, shared, "sha256")


def _server_hello(hello: SeenHello, public: bytes) -> bytes:
    share = vector(X25519.to_bytes(2, "big") + vector(public, 2), 2)
    extensions = SUPPORTED_VERSIONS_TLS13 + EXTENSION_KEY_SHARE.to_bytes(2, "big") + share
    return message(
        SERVER_HELLO,
        TLS_1_2
        + os.urandom(32)
        + vector(hello.session_id, 1)
        + TLS_AES_128_GCM_SHA256.to_bytes(2, "big")
        + b"\x00"
        + vector(extensions, 2),
    )


def _seal(secret: bytes, messages: Sequence[bytes]) -> bytes:
    """One encrypted record a message (RFC 8446 section 5.2)."""
    aead = AESGCM(_expand_label(secret, b"key", b"", 16))
    iv = int.from_bytes(_expand_label(secret, b"iv", b"", 12), "big")
    sealed = b""
    for sequence_number, octets in enumerate(messages):
        inner = octets + bytes((HANDSHAKE,))
        header = bytes((APPLICATION_DATA,)) + TLS_1_2 + (len(inner) + 16).to_bytes(2, "big")
        nonce = (iv ^ sequence_number).to_bytes(12, "big")
        sealed += header + aead.encrypt(nonce, inner, header)
    return sealed


def _status(staple: bytes) -> bytes:
    """A status_request extension with a CertificateStatus (RFC 8446 section 4.4.2.1)."""
    if not staple:
        return b""
    return EXTENSION_STATUS_REQUEST.to_bytes(2, "big") + vector(b"\x01" + vector(staple, 3), 2)


def tls13_flight(
    client_hello: bytes,
    chain: Sequence[bytes],
    key: ec.EllipticCurvePrivateKey,
    staple: bytes = b"",
) -> bytes:
    """ServerHello up to Finished (RFC 8446 section 2).

    Args:
        client_hello: the record the client sent.
        chain: what the Certificate message carries, DER.
        key: what signs CertificateVerify, which need not be the certificate's.
        staple: an OCSP response for the first certificate, DER; none is sent when empty.

    Raises:
        ValueError: the record is no ClientHello, or one without a share of X25519.
    """
    hello = read_client_hello(client_hello)
    theirs = dict(_shares(hello)).get(X25519, b"")
    ours = X25519PrivateKey.generate()
    shared = ours.exchange(X25519PublicKey.from_public_bytes(theirs))
    server_hello = _server_hello(hello, ours.public_key().public_bytes_raw())

    transcript = hashlib.sha256(hello.message + server_hello)
    secret = _expand_label(_handshake_secret(shared), b"s hs traffic", transcript.digest(), 32)
    staples = (_status(staple), *(b"" for _ in chain[1:]))
    entries = b"".join(
        vector(der, 3) + vector(each, 2) for der, each in zip(chain, staples, strict=True)
    )
    messages = [
        message(ENCRYPTED_EXTENSIONS, vector(b"", 2)),
        message(CERTIFICATE, vector(b"", 1) + vector(entries, 3)),
    ]
    transcript.update(b"".join(messages))
    signature = key.sign(SIGNED_BY_SERVER + transcript.digest(), ec.ECDSA(hashes.SHA256()))
    messages.append(
        message(
            CERTIFICATE_VERIFY,
            ECDSA_SECP256R1_SHA256.to_bytes(2, "big") + vector(signature, 2),
        )
    )
    transcript.update(messages[-1])
    finished_key = _expand_label(secret, b"finished", b"", 32)
    messages.append(message(FINISHED, hmac.digest(finished_key, transcript.digest(), "sha256")))
    return record(HANDSHAKE, server_hello) + _seal(secret, messages)

"""Server octets written by hand, for what no well-behaved server can be made to send.

Only as much of TLS as the lab's conditions need: alerts, and the first flight of a
TLS 1.2 server. This is a second, independent writing of the formats; the scanner's own
parser is not used, so that a mistake in one is not repeated in the other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetscan.lab.authority import Identity

ALERT: Final = 21
HANDSHAKE: Final = 22
TLS_1_2: Final = b"\x03\x03"

SERVER_HELLO: Final = 2
CERTIFICATE: Final = 11
SERVER_KEY_EXCHANGE: Final = 12
SERVER_HELLO_DONE: Final = 14

ECDHE_ECDSA_AES128_GCM_SHA256: Final = 0xC02B
SECP256R1: Final = 23
ECDSA_SECP256R1_SHA256: Final = 0x0403

EXTENSION_SERVER_NAME: Final = 0
EXTENSION_ALPN: Final = 16
EXTENSION_SUPPORTED_VERSIONS: Final = 43
EXTENSION_KEY_SHARE: Final = 51
EXTENSION_RENEGOTIATION_INFO: Final = 0xFF01
EMPTY_RENEGOTIATION_INFO_SCSV: Final = 0x00FF


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHello:
    """What the lab's hand-written servers need of a ClientHello (RFC 8446 section 4.1.2).

    `message` is the handshake message with its header, as the transcript hashes it.
    """

    message: bytes
    random: bytes
    session_id: bytes
    cipher_suites: tuple[int, ...]
    extensions: dict[int, bytes]


def vector(octets: bytes, length_octets: int) -> bytes:
    """A variable-length vector: its length in `length_octets` octets, then itself."""
    return len(octets).to_bytes(length_octets, "big") + octets


def read_vector(octets: bytes, at: int, length_octets: int) -> tuple[bytes, int]:
    """A variable-length vector and the offset behind it.

    Raises:
        ValueError: the octets end inside the vector.
    """
    begin = at + length_octets
    end = begin + int.from_bytes(octets[at:begin], "big")
    if begin > len(octets) or end > len(octets):
        raise ValueError(f"octets end inside a vector at {at}")
    return octets[begin:end], end


def read_client_hello(record: bytes) -> SeenHello:
    """Read one record that holds one whole ClientHello.

    Raises:
        ValueError: it holds something else; the connection is then simply closed.
    """
    if len(record) < 9 or record[0] != HANDSHAKE or record[5] != 1:
        raise ValueError("not a ClientHello in one record")
    message = record[5:]
    body, _ = read_vector(message, 1, 3)
    session_id, at = read_vector(body, 34, 1)
    suites, at = read_vector(body, at, 2)
    _compression, at = read_vector(body, at, 1)
    block = read_vector(body, at, 2)[0] if at < len(body) else b""
    extensions: dict[int, bytes] = {}
    at = 0
    while at < len(block):  # every turn moves at least the four octets of a header
        extension_type = int.from_bytes(block[at : at + 2], "big")
        extensions[extension_type], at = read_vector(block, at + 2, 2)
    return SeenHello(
        message=message[: 4 + len(body)],
        random=body[2:34],
        session_id=session_id,
        cipher_suites=tuple(
            int.from_bytes(suites[n : n + 2], "big") for n in range(0, len(suites) - 1, 2)
        ),
        extensions=extensions,
    )


def joined_hello(octets: bytes) -> bytes | None:
    """The first handshake message as one record, whatever records it came in; None: not yet."""
    joined, at = b"", 0
    # Every turn moves at least the five octets of a header.
    while at + 5 <= len(octets) and octets[at] == HANDSHAKE:
        length = int.from_bytes(octets[at + 3 : at + 5], "big")
        joined += octets[at + 5 : at + 5 + length]
        at += 5 + length
    if len(joined) < 4 or len(joined) < 4 + int.from_bytes(joined[1:4], "big"):
        return None
    return record(HANDSHAKE, joined)


def record(content_type: int, fragment: bytes) -> bytes:
    """One TLSPlaintext (RFC 5246 section 6.2.1)."""
    return bytes((content_type,)) + TLS_1_2 + vector(fragment, 2)


def message(msg_type: int, body: bytes) -> bytes:
    """One handshake message with its header (RFC 5246 section 7.4)."""
    return bytes((msg_type,)) + vector(body, 3)


def is_reserved(code: int) -> bool:
    """Whether a code point is one that stands for nothing, for servers to ignore (RFC 8701)."""
    high, low = divmod(code, 256)
    return high == low and low & 0x0F == 0x0A


def offers_tls13(hello: SeenHello) -> bool:
    """Whether supported_versions has 0x0304 in it (RFC 8446 section 4.2.1)."""
    listed = hello.extensions.get(EXTENSION_SUPPORTED_VERSIONS, b"")[1:]
    return b"\x03\x04" in (listed[at : at + 2] for at in range(0, len(listed), 2))


def fatal_alert(description: int) -> bytes:
    """An alert record of level fatal (RFC 5246 section 7.2)."""
    return record(ALERT, bytes((2, description)))


def certificate_list(chain: Sequence[bytes]) -> bytes:
    """The body of a TLS 1.2 Certificate message (RFC 5246 section 7.4.2)."""
    return vector(b"".join(vector(der, 3) for der in chain), 3)


def _server_hello(hello: SeenHello, server_random: bytes) -> bytes:
    wants_info = (
        EXTENSION_RENEGOTIATION_INFO in hello.extensions
        or EMPTY_RENEGOTIATION_INFO_SCSV in hello.cipher_suites
    )
    # An empty renegotiation_info (RFC 5746 section 3.6), when the client may be told.
    extensions = bytes.fromhex("0005 ff01 0001 00") if wants_info else b""
    suite = ECDHE_ECDSA_AES128_GCM_SHA256.to_bytes(2, "big")
    return message(
        SERVER_HELLO, TLS_1_2 + server_random + vector(b"", 1) + suite + b"\x00" + extensions
    )


def _server_key_exchange(
    hello: SeenHello, server_random: bytes, key: ec.EllipticCurvePrivateKey
) -> bytes:
    """ECDHE parameters under the signature of `key` (RFC 8422 section 5.4)."""
    point = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    params = b"\x03" + SECP256R1.to_bytes(2, "big") + vector(point, 1)
    signature = key.sign(hello.random + server_random + params, ec.ECDSA(hashes.SHA256()))
    scheme = ECDSA_SECP256R1_SHA256.to_bytes(2, "big")
    return message(SERVER_KEY_EXCHANGE, params + scheme + vector(signature, 2))


def tls12_flight(
    client_hello: bytes, chain: Sequence[bytes], key: ec.EllipticCurvePrivateKey
) -> bytes:
    """A TLS 1.2 server's first flight, one record a message (RFC 5246 section 7.3).

    Args:
        client_hello: the record the client sent.
        chain: what the Certificate message carries, which need not be a certificate.
        key: what signs the key exchange, which need not be the certificate's.

    Raises:
        ValueError: the record is no ClientHello.
    """
    hello = read_client_hello(client_hello)
    server_random = os.urandom(32)
    return b"".join(
        record(HANDSHAKE, octets)
        for octets in (
            _server_hello(hello, server_random),
            message(CERTIFICATE, certificate_list(chain)),
            _server_key_exchange(hello, server_random, key),
            message(SERVER_HELLO_DONE, b""),
        )
    )


def honest_tls12_flight(client_hello: bytes, chain: Sequence[Identity]) -> bytes:
    """The flight of a server in good order: the key is that of the first certificate."""
    key = chain[0].key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the suite of this flight needs an elliptic curve key")
    return tls12_flight(client_hello, [identity.der for identity in chain], key)


def with_broken_certificate(der: bytes) -> bytes:
    """A certificate that no parser may take: its version INTEGER has a length past the end.

    The version is `[0] { INTEGER 2 }` (RFC 5280 section 4.1): `a0 03 02 01 02`.
    """
    at = der.index(bytes.fromhex("a003020102"))
    return der[: at + 3] + b"\x7f" + der[at + 4 :]

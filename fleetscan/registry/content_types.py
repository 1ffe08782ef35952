"""Record content types: IANA names by code point.

From the documents that tools/registry/content_types.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
HEARTBEAT: Final = 24
TLS12_CID: Final = 25
ACK: Final = 26

NAMES: Final[dict[int, str]] = {
    20: "change_cipher_spec",
    21: "alert",
    22: "handshake",
    23: "application_data",
    24: "heartbeat",
    25: "tls12_cid",
    26: "ACK",
}


def name_of(code: int) -> str:
    """The registered name, or `0x12` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:02x}"

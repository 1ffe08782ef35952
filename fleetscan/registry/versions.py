"""Protocol versions: IANA names by code point.

From the documents that tools/registry/versions.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

SSLV2: Final = 0x0002
SSLV3: Final = 0x0300
TLSV1: Final = 0x0301
TLSV1_1: Final = 0x0302
TLSV1_2: Final = 0x0303
TLSV1_3: Final = 0x0304

NAMES: Final[dict[int, str]] = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}


def name_of(code: int) -> str:
    """The registered name, or `0x1234` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:04x}"

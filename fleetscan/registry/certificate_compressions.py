"""Certificate compression algorithms (RFC 8879 section 3): IANA names by code point.

From the documents that tools/registry/certificate_compressions.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

ZLIB: Final = 0x0001
BROTLI: Final = 0x0002
ZSTD: Final = 0x0003

NAMES: Final[dict[int, str]] = {
    0x0001: "zlib",
    0x0002: "brotli",
    0x0003: "zstd",
}


def name_of(code: int) -> str:
    """The registered name, or `0x1234` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:04x}"

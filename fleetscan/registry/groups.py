"""Supported groups (RFC 8446 section 4.2.7): IANA names by code point.

IANA's registry as tshark 4.0.17 lists it, taken 2026-11-23; what is newer is from the
documents that tools/registry/groups.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

SECT163K1: Final = 0x0001
SECT163R1: Final = 0x0002
SECT163R2: Final = 0x0003
SECT193R1: Final = 0x0004
SECT193R2: Final = 0x0005
SECT233K1: Final = 0x0006
SECT233R1: Final = 0x0007
SECT239K1: Final = 0x0008
SECT283K1: Final = 0x0009
SECT283R1: Final = 0x000A
SECT409K1: Final = 0x000B
SECT409R1: Final = 0x000C
SECT571K1: Final = 0x000D
SECT571R1: Final = 0x000E
SECP160K1: Final = 0x000F
SECP160R1: Final = 0x0010
SECP160R2: Final = 0x0011
SECP192K1: Final = 0x0012
SECP192R1: Final = 0x0013
SECP224K1: Final = 0x0014
SECP224R1: Final = 0x0015
SECP256K1: Final = 0x0016
SECP256R1: Final = 0x0017
SECP384R1: Final = 0x0018
SECP521R1: Final = 0x0019
BRAINPOOLP256R1: Final = 0x001A
BRAINPOOLP384R1: Final = 0x001B
BRAINPOOLP512R1: Final = 0x001C
X25519: Final = 0x001D
X448: Final = 0x001E
BRAINPOOLP256R1TLS13: Final = 0x001F
BRAINPOOLP384R1TLS13: Final = 0x0020
BRAINPOOLP512R1TLS13: Final = 0x0021
GC256A: Final = 0x0022
GC256B: Final = 0x0023
GC256C: Final = 0x0024
GC256D: Final = 0x0025
GC512A: Final = 0x0026
GC512B: Final = 0x0027
GC512C: Final = 0x0028
CURVESM2: Final = 0x0029
FFDHE2048: Final = 0x0100
FFDHE3072: Final = 0x0101
FFDHE4096: Final = 0x0102
FFDHE6144: Final = 0x0103
FFDHE8192: Final = 0x0104
MLKEM512: Final = 0x0200
MLKEM768: Final = 0x0201
MLKEM1024: Final = 0x0202
SECP256R1MLKEM768: Final = 0x11EB
X25519MLKEM768: Final = 0x11EC
SECP384R1MLKEM1024: Final = 0x11ED
X25519KYBER768DRAFT00: Final = 0x6399
SECP256R1KYBER768DRAFT00: Final = 0x639A
ARBITRARY_EXPLICIT_PRIME_CURVES: Final = 0xFF01
ARBITRARY_EXPLICIT_CHAR2_CURVES: Final = 0xFF02

NAMES: Final[dict[int, str]] = {
    0x0001: "sect163k1",
    0x0002: "sect163r1",
    0x0003: "sect163r2",
    0x0004: "sect193r1",
    0x0005: "sect193r2",
    0x0006: "sect233k1",
    0x0007: "sect233r1",
    0x0008: "sect239k1",
    0x0009: "sect283k1",
    0x000A: "sect283r1",
    0x000B: "sect409k1",
    0x000C: "sect409r1",
    0x000D: "sect571k1",
    0x000E: "sect571r1",
    0x000F: "secp160k1",
    0x0010: "secp160r1",
    0x0011: "secp160r2",
    0x0012: "secp192k1",
    0x0013: "secp192r1",
    0x0014: "secp224k1",
    0x0015: "secp224r1",
    0x0016: "secp256k1",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001D: "x25519",
    0x001E: "x448",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x0022: "GC256A",
    0x0023: "GC256B",
    0x0024: "GC256C",
    0x0025: "GC256D",
    0x0026: "GC512A",
    0x0027: "GC512B",
    0x0028: "GC512C",
    0x0029: "curveSM2",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
    0x639A: "SecP256r1Kyber768Draft00",
    0xFF01: "arbitrary_explicit_prime_curves",
    0xFF02: "arbitrary_explicit_char2_curves",
}


def name_of(code: int) -> str:
    """The registered name, or `0x1234` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:04x}"

"""Signature schemes (RFC 8446 section 4.2.3): IANA names by code point.

IANA's registry as tshark 4.0.17 lists it, taken 2026-11-23; what is newer is from the
documents that tools/registry/signature_schemes.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

RSA_PKCS1_MD5: Final = 0x0101
DSA_MD5: Final = 0x0102
ECDSA_MD5: Final = 0x0103
RSA_PKCS1_SHA1: Final = 0x0201
DSA_SHA1: Final = 0x0202
ECDSA_SHA1: Final = 0x0203
RSA_PKCS1_SHA224: Final = 0x0301
DSA_SHA224: Final = 0x0302
ECDSA_SHA224: Final = 0x0303
RSA_PKCS1_SHA256: Final = 0x0401
DSA_SHA256: Final = 0x0402
ECDSA_SECP256R1_SHA256: Final = 0x0403
RSA_PKCS1_SHA256_LEGACY: Final = 0x0420
RSA_PKCS1_SHA384: Final = 0x0501
DSA_SHA384: Final = 0x0502
ECDSA_SECP384R1_SHA384: Final = 0x0503
RSA_PKCS1_SHA384_LEGACY: Final = 0x0520
RSA_PKCS1_SHA512: Final = 0x0601
DSA_SHA512: Final = 0x0602
ECDSA_SECP521R1_SHA512: Final = 0x0603
RSA_PKCS1_SHA512_LEGACY: Final = 0x0620
SM2SIG_SM3: Final = 0x0708
GOSTR34102012_256A: Final = 0x0709
GOSTR34102012_256B: Final = 0x070A
GOSTR34102012_256C: Final = 0x070B
GOSTR34102012_256D: Final = 0x070C
GOSTR34102012_512A: Final = 0x070D
GOSTR34102012_512B: Final = 0x070E
GOSTR34102012_512C: Final = 0x070F
RSA_PSS_RSAE_SHA256: Final = 0x0804
RSA_PSS_RSAE_SHA384: Final = 0x0805
RSA_PSS_RSAE_SHA512: Final = 0x0806
ED25519: Final = 0x0807
ED448: Final = 0x0808
RSA_PSS_PSS_SHA256: Final = 0x0809
RSA_PSS_PSS_SHA384: Final = 0x080A
RSA_PSS_PSS_SHA512: Final = 0x080B
ECDSA_BRAINPOOLP256R1TLS13_SHA256: Final = 0x081A
ECDSA_BRAINPOOLP384R1TLS13_SHA384: Final = 0x081B
ECDSA_BRAINPOOLP512R1TLS13_SHA512: Final = 0x081C
MLDSA44: Final = 0x0904
MLDSA65: Final = 0x0905
MLDSA87: Final = 0x0906

NAMES: Final[dict[int, str]] = {
    0x0101: "rsa_pkcs1_md5",
    0x0102: "dsa_md5",
    0x0103: "ecdsa_md5",
    0x0201: "rsa_pkcs1_sha1",
    0x0202: "dsa_sha1",
    0x0203: "ecdsa_sha1",
    0x0301: "rsa_pkcs1_sha224",
    0x0302: "dsa_sha224",
    0x0303: "ecdsa_sha224",
    0x0401: "rsa_pkcs1_sha256",
    0x0402: "dsa_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0420: "rsa_pkcs1_sha256_legacy",
    0x0501: "rsa_pkcs1_sha384",
    0x0502: "dsa_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0520: "rsa_pkcs1_sha384_legacy",
    0x0601: "rsa_pkcs1_sha512",
    0x0602: "dsa_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0620: "rsa_pkcs1_sha512_legacy",
    0x0708: "sm2sig_sm3",
    0x0709: "gostr34102012_256a",
    0x070A: "gostr34102012_256b",
    0x070B: "gostr34102012_256c",
    0x070C: "gostr34102012_256d",
    0x070D: "gostr34102012_512a",
    0x070E: "gostr34102012_512b",
    0x070F: "gostr34102012_512c",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}


def name_of(code: int) -> str:
    """The registered name, or `0x1234` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:04x}"

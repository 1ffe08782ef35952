"""OpenSSL's names of cipher suites, worked out from the parts of IANA's (openssl-ciphers(1))."""

from __future__ import annotations

from typing import Final

from fleetscan.registry import cipher_suites

# What stands first, by key exchange and authentication. RSA alone is what goes without saying.
KEY_EXCHANGES: Final = {
    ("RSA", "RSA"): "",
    ("DHE", "anon"): "ADH",
    ("ECDHE", "anon"): "AECDH",
    ("RSA", "RSA_PSK"): "RSA-PSK",
    ("PSK", "PSK"): "PSK",
    ("SRP", "SRP"): "SRP",
}
OTHERS: Final = frozenset({"DHE", "ECDHE", "DH", "ECDH", "SRP"})
AUTHENTICATIONS: Final = frozenset({"RSA", "DSS", "ECDSA", "PSK"})

CIPHERS: Final = {
    "NULL": "NULL",
    "RC4_40": "RC4",
    "RC4_56": "RC4",
    "RC4_128": "RC4",
    "RC2_CBC_40": "RC2-CBC",
    "DES40_CBC": "DES-CBC",
    "DES_CBC": "DES-CBC",
    "3DES_EDE_CBC": "DES-CBC3",
    "IDEA_CBC": "IDEA-CBC",
    "SEED_CBC": "SEED",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305",
}
# Those with a key length in them: in CBC mode the mode is left out.
WITH_LENGTH: Final = ("AES", "CAMELLIA", "ARIA")

# Suites that came late keep more of IANA's name.
LATER: Final = {
    "PSK": {"AES_128_CBC": "AES128-CBC", "AES_256_CBC": "AES256-CBC"},
    "SRP": {"AES_128_CBC": "AES-128-CBC", "AES_256_CBC": "AES-256-CBC"},
}
LATER_3DES: Final = "3DES-EDE-CBC"


def openssl_name(code: int) -> str | None:
    """The name that `openssl ciphers` shows, None for what OpenSSL never had a name for."""
    suite = cipher_suites.describe(code)
    if suite is None:
        return None
    if suite.key_exchange == "any":
        return suite.name
    first = _key_exchange(suite)
    cipher = _cipher(suite)
    if first is None or cipher is None:
        return None
    export = (
        "EXP" if "_EXPORT_" in suite.name else "EXP1024" if "_EXPORT1024_" in suite.name else ""
    )
    return "-".join(part for part in (export, first, cipher, _hash(suite)) if part)


def code_points() -> dict[str, int]:
    """Every name with its code point, and beside it the one of OpenSSL 1.0 where that differs."""
    found: dict[str, int] = {}
    for code in cipher_suites.NAMES:
        name = openssl_name(code)
        if name is None:
            continue
        found[name] = code
        if "DHE-" in name and "ECDHE-" not in name and "-DES-" in name:
            found[name.replace("DHE-", "EDH-")] = code
    return found


def _key_exchange(suite: cipher_suites.CipherSuite) -> str | None:
    first, second = suite.key_exchange, suite.authentication
    known = KEY_EXCHANGES.get((first, second))
    if known is not None:
        return known
    if first not in OTHERS or second not in AUTHENTICATIONS:
        return None
    # ARIA's suites with ECDHE and RSA are the ones that do not say RSA.
    if (first, second) == ("ECDHE", "RSA") and suite.encryption.startswith("ARIA"):
        return first
    return f"{first}-{second}"


def _cipher(suite: cipher_suites.CipherSuite) -> str | None:
    encryption = suite.encryption
    for kind, special in LATER.items():
        if kind in (suite.key_exchange, suite.authentication.removeprefix("RSA_")):
            if encryption == "3DES_EDE_CBC":
                return LATER_3DES
            if encryption in special:
                return special[encryption]
    if encryption in CIPHERS:
        return CIPHERS[encryption]
    name, _, rest = encryption.partition("_")
    if name not in WITH_LENGTH:
        return None
    return name + rest.removesuffix("_CBC").replace("_CCM_8", "_CCM8").replace("_", "-")


def _hash(suite: cipher_suites.CipherSuite) -> str:
    """Left out where the cipher needs none and OpenSSL does not name the PRF's."""
    return "" if "CCM" in suite.encryption or "POLY1305" in suite.encryption else suite.hash

"""The TLS libraries that are written in C and C++ and are not OpenSSL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from tests.interop.common_rows import (
    ECDSA_GCM,
    RSA_GCM,
    TLS13_GCM,
    group_rows,
    profile_rows,
    recognised_rows,
    retried_row,
    server_of,
    suite_rows,
)
from tests.interop.implementations import BOTAN, GNUTLS, MBEDTLS, NSS, WOLFSSL
from tests.interop.model import Row, Server, completed
from tests.interop.offers import Offer
from tests.real import library_servers as start
from tests.real.web_servers import LIGHTTPD_MODULES, lighttpd


def rows() -> Iterator[Row]:
    """All of them."""
    yield from _gnutls()
    yield from _nss()
    yield from _mbedtls()
    yield from _wolfssl()
    yield from _botan()


# -- GnuTLS ----------------------------------------------------------------------------

GNUTLS_EVERYTHING: Final = (
    "--priority=NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+RSA:+DHE-DSS:+ANON-ECDH:+ANON-DH"
    ":+ARCFOUR-128:+3DES-CBC:+CAMELLIA-128-CBC:+CAMELLIA-256-CBC:+CAMELLIA-128-GCM"
    ":+CAMELLIA-256-GCM:+AES-128-CCM:+AES-256-CCM:+AES-128-CCM-8:+AES-256-CCM-8"
    ":+MD5:+SHA1:+SHA256:+SHA384:+SIGN-ALL:+SIGN-DSA-SHA1:+SIGN-DSA-SHA256:+GROUP-ALL"
)
GNUTLS_RSA: Final = (
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_DHE_RSA_WITH_AES_128_CCM",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256",
    "TLS_RSA_WITH_AES_256_CCM_8",
    "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_RC4_128_MD5",
)
GNUTLS_OLD: Final = (
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_RC4_128_MD5",
)
GNUTLS_BY_NAME: Final = (
    "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
    "TLS_DH_anon_WITH_RC4_128_MD5",
    "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
)


def _gnutls() -> Iterator[Row]:
    def server(settings: str, *options: str, key: str = "P-256") -> Server:
        return server_of(GNUTLS, start.gnutls(*options), "gnutls-serv", settings, key)

    everything = server("everything", GNUTLS_EVERYTHING, key="RSA-2048")
    yield from suite_rows(everything, "TLSv1.2", GNUTLS_RSA)
    for old in ("TLSv1", "TLSv1.1"):
        yield from suite_rows(everything, old, GNUTLS_OLD)
    yield from recognised_rows(everything, "TLSv1.2", GNUTLS_BY_NAME)
    # GnuTLS gives TLS 1.3 up when it may leave records unencrypted.
    yield from recognised_rows(
        server("everything and NULL", f"{GNUTLS_EVERYTHING}:+NULL", key="RSA-2048"),
        "TLSv1.2",
        ("TLS_RSA_WITH_NULL_SHA256", "TLS_RSA_WITH_NULL_MD5"),
    )
    ecdsa = server("everything", GNUTLS_EVERYTHING)
    tls13 = ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
             "TLS_AES_128_CCM_8_SHA256")  # fmt: skip
    yield from suite_rows(ecdsa, "TLSv1.3", tls13)
    old_ecdsa = ("TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA")
    yield from suite_rows(ecdsa, "TLSv1.2", old_ecdsa)
    yield from group_rows(
        ecdsa,
        ("x25519", "x448", "secp256r1", "secp384r1", "secp521r1", "ffdhe2048", "ffdhe4096"),
    )
    for key in ("P-384", "Ed25519", "Ed448", "RSA-PSS-2048"):
        yield from profile_rows(server("everything", GNUTLS_EVERYTHING, key=key))
    yield from suite_rows(
        server("everything", GNUTLS_EVERYTHING, key="DSA-2048"),
        "TLSv1.2",
        (
            "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
            "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
            "TLS_DHE_DSS_WITH_RC4_128_SHA",
        ),
    )
    for method in ("zlib", "brotli", "zstd"):
        compressing = server(f"compresses certificates: {method}", f"--compress-cert={method}")
        offer = Offer(
            title=f"TLSv1.3 compress_certificate {method}",
            versions=("TLSv1.3",),
            cipher_suites=(TLS13_GCM,),
            compressions=(method,),
        )
        yield completed(compressing, offer)
    # It asks for a client certificate by default, and then silence is no consent for long.
    silent = server("no tickets, no client certificate", "--noticket", "--disable-client-cert")
    yield from profile_rows(silent)
    yield from profile_rows(server("default"), version="TLSv1.3")


# -- NSS -------------------------------------------------------------------------------

# selfserv takes the suites that it shall enable as `:` and four digits each.
NSS_ENABLED: Final = "".join(
    f":{code}" for code in ("0004", "0005", "000A", "002F", "0035", "003C", "009C", "0033", "0016",
                            "009E", "C012", "C013", "C014", "C02F", "C030", "CCA8", "0041", "0084")
)  # fmt: skip
NSS_TLS12: Final = (
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
)
NSS_OLD: Final = (
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_RC4_128_MD5",
)


def _nss() -> Iterator[Row]:
    def server(settings: str, *options: str, key: str = "P-256") -> Server:
        nickname = "-n" if key.startswith("RSA") else "-e"
        prepare = start.nss(*options, nickname=nickname)
        return server_of(NSS, prepare, "selfserv", settings, key)

    old = ("-V", "tls1.0:tls1.3", "-c", NSS_ENABLED)
    everything = server("TLS 1.0 to 1.3", *old, key="RSA-2048")
    for name in ("TLSv1", "TLSv1.1", "TLSv1.2"):
        yield from suite_rows(everything, name, NSS_OLD)
    yield from suite_rows(everything, "TLSv1.2", NSS_TLS12)
    modern = server("TLS 1.2 and 1.3", "-V", "tls1.2:tls1.3", "-G")
    tls13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    yield from suite_rows(modern, "TLSv1.3", tls13)
    yield from group_rows(modern, ("x25519", "secp256r1", "secp384r1", "secp521r1"))
    yield from profile_rows(modern, version="TLSv1.3")
    retrying = server("P-384 alone", "-V", "tls1.3:tls1.3", "-I", "P384")
    yield retried_row(retrying, "secp384r1", "x25519")


# -- mbedTLS, wolfSSL and Botan ----------------------------------------------------------


MBEDTLS_RSA: Final = (
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_CCM",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_CCM_8",
    "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256",
)
MBEDTLS_OLD: Final = (
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
)


def _mbedtls() -> Iterator[Row]:
    module = (f"{LIGHTTPD_MODULES}/mod_mbedtls.so",)
    for key in ("P-256", "RSA-2048"):
        server = server_of(MBEDTLS, lighttpd("mod_mbedtls"), "lighttpd", key=key, needs=module)
        yield from profile_rows(server, version="TLSv1.2")
        kind = "ECDSA" if key == "P-256" else "RSA"
        names = [
            f"TLS_ECDHE_{kind}_WITH_AES_128_GCM_SHA256",
            f"TLS_ECDHE_{kind}_WITH_CHACHA20_POLY1305_SHA256",
        ]
        yield from suite_rows(server, "TLSv1.2", names)
    # mod_mbedtls takes the library's own names of suites.
    known = ":".join(name.replace("_", "-") for name in (*MBEDTLS_RSA, *MBEDTLS_OLD))
    setting = f'("MinProtocol" => "TLSv1.0", "CipherString" => "{known}")'
    old = server_of(
        MBEDTLS,
        lighttpd("mod_mbedtls", f"ssl.openssl.ssl-conf-cmd = {setting}"),
        "lighttpd",
        "everything",
        "RSA-2048",
        needs=module,
    )
    yield from suite_rows(old, "TLSv1.2", MBEDTLS_RSA)
    for version in ("TLSv1", "TLSv1.1"):
        yield from suite_rows(old, version, MBEDTLS_OLD)


def _wolfssl() -> Iterator[Row]:
    module = (f"{LIGHTTPD_MODULES}/mod_wolfssl.so",)
    for key in ("P-256", "RSA-2048"):
        server = server_of(WOLFSSL, lighttpd("mod_wolfssl"), "lighttpd", key=key, needs=module)
        yield from profile_rows(server, version="TLSv1.3")
        gcm = ECDSA_GCM if key == "P-256" else RSA_GCM
        yield from suite_rows(server, "TLSv1.2", (gcm,))


def _botan() -> Iterator[Row]:
    """Without ALPN: its tls_server answers `echo/0.1` to any, which RFC 7301 forbids."""
    for row in _botan_with_alpn():
        yield dataclasses.replace(row, offer=dataclasses.replace(row.offer, alpn=()))


def _botan_with_alpn() -> Iterator[Row]:
    policy = (
        "allow_tls12=true\n"
        "ciphers=ChaCha20Poly1305 AES-256/GCM AES-128/GCM AES-256/CCM AES-128/CCM(8) "
        "AES-256/OCB(12) Camellia-256/GCM ARIA-256/GCM AES-256 AES-128 3DES\n"
        "macs=AEAD SHA-256 SHA-384 SHA-1\n"
        "key_exchange_methods=ECDH DH RSA\n"
        "signature_methods=ECDSA RSA IMPLICIT\n"
        "negotiate_encrypt_then_mac=true\n"
    )

    def server(settings: str, key: str, text: str) -> Server:
        return server_of(BOTAN, start.botan(text), "botan", settings, key)

    rsa = server("everything", "RSA-2048", policy)
    yield from suite_rows(
        rsa,
        "TLSv1.2",
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
            "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_DHE_RSA_WITH_AES_256_CCM",
            "TLS_RSA_WITH_AES_128_CCM_8",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        ),
    )
    yield from recognised_rows(
        rsa,
        "TLSv1.2",
        (
            "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384",
        ),
    )
    mac_first = policy.replace("then_mac=true", "then_mac=false")
    yield from suite_rows(
        server("MAC then encrypt", "RSA-2048", mac_first),
        "TLSv1.2",
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",),
    )
    for key in ("P-256", "P-521"):
        yield from profile_rows(server("everything", key, policy), version="TLSv1.2")

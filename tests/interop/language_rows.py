"""The stacks of languages: Python, Java, Go, Rust, JavaScript, and what came after OpenSSL 3.0."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from tests.interop.common_rows import (
    ECDSA_GCM,
    HYBRIDS,
    RSA_GCM,
    TLS13_GCM,
    group_rows,
    profile_rows,
    recognised_rows,
    retried_row,
    server_of,
    suite_rows,
)
from tests.interop.implementations import (
    BORINGSSL,
    GO,
    JSSE,
    NODE,
    OPENSSL4,
    PYTHON,
    RUSTLS,
    TLSLITE,
)
from tests.interop.model import Row, Server, completed
from tests.interop.offers import Offer
from tests.real import library_servers as start
from tests.real.web_servers import caddy, granian, node, node_binary


def rows() -> Iterator[Row]:
    """All of them."""
    yield from _tlslite()
    yield from _jsse()
    yield from _go()
    yield from _rustls()
    yield from _boringssl()
    yield from _node()
    yield from _openssl4()
    yield from _python()


# -- tlslite-ng ----------------------------------------------------------------------------


def _tlslite() -> Iterator[Row]:
    def server(settings: str, key: str = "RSA-2048", **options: Any) -> Server:  # noqa: ANN401
        return server_of(
            TLSLITE,
            start.program("tlslite_server", json.dumps(options)),
            sys.executable,
            settings,
            key,
            packages=("tlslite",),
        )

    ciphers = [
        "chacha20-poly1305", "aes256gcm", "aes128gcm", "aes256ccm", "aes128ccm", "aes128ccm_8",
        "aes256", "aes128", "3des", "rc4", "null",
    ]  # fmt: skip
    old = server(
        "SSL 3.0 to TLS 1.2",
        minVersion=(3, 0),
        maxVersion=(3, 3),
        cipherNames=ciphers,
        macNames=["sha", "sha256", "sha384", "aead", "md5"],
        useEncryptThenMAC=False,
        useExtendedMasterSecret=False,
    )
    for version in ("TLSv1", "TLSv1.1", "TLSv1.2"):
        yield from suite_rows(
            old,
            version,
            (
                "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
                "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                "TLS_RSA_WITH_RC4_128_MD5",
            ),
        )
    yield from suite_rows(
        old, "TLSv1.2", ("TLS_DHE_RSA_WITH_AES_128_CCM_8", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")
    )
    yield from recognised_rows(old, "TLSv1.2", ("TLS_RSA_WITH_NULL_SHA256",))
    # SSL 3.0 is followed to ServerHelloDone and no further (RFC 7568 section 3 forbids more).
    yield from recognised_rows(
        old,
        "SSLv3",
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
         "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    )  # fmt: skip
    anonymous = server("anonymous", anonymous=True, maxVersion=(3, 3), cipherNames=["aes128"])
    yield from recognised_rows(anonymous, "TLSv1.2", ("TLS_DH_anon_WITH_AES_128_CBC_SHA",))
    modern = server("default")
    yield from profile_rows(modern, version="TLSv1.3")
    yield from group_rows(
        modern, ("x25519", "x448", "secp256r1", "secp384r1", "secp521r1", "ffdhe2048")
    )
    # Its HelloRetryRequest has a cookie in it.
    retrying = server("x448 alone", eccCurves=["x448"], keyShares=["x448"], dhGroups=[])
    yield retried_row(retrying, "x448", "x25519")
    yield from profile_rows(server("default", key="P-256"), version="TLSv1.3")


# -- Java ------------------------------------------------------------------------------

JSSE_OLD: Final = (
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_MD5",
)


def _jsse() -> Iterator[Row]:
    def server(settings: str, key: str, *protocols: str) -> Server:
        return server_of(JSSE, start.java(*protocols), "java", settings, key)

    everything = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    rsa = server("everything", "RSA-2048", *everything)
    for version in ("TLSv1", "TLSv1.1", "TLSv1.2"):
        yield from suite_rows(rsa, version, JSSE_OLD)
    yield from suite_rows(
        rsa,
        "TLSv1.2",
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_RSA_WITH_AES_256_CBC_SHA256",
        ),
    )
    yield from recognised_rows(
        rsa, "TLSv1.2", ("TLS_RSA_WITH_NULL_SHA256", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA")
    )
    yield from recognised_rows(
        rsa,
        "TLSv1",
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "TLS_RSA_WITH_DES_CBC_SHA", "TLS_RSA_WITH_NULL_MD5",
         "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    )  # fmt: skip
    yield from recognised_rows(rsa, "SSLv3", ("TLS_RSA_WITH_AES_128_CBC_SHA",))
    ecdsa = server("everything", "P-256", *everything)
    tls13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    yield from suite_rows(ecdsa, "TLSv1.3", tls13)
    yield from group_rows(
        ecdsa, ("x25519", "x448", "secp256r1", "secp521r1", "ffdhe2048", "ffdhe3072")
    )
    yield from profile_rows(ecdsa, version="TLSv1.3")
    yield from suite_rows(
        server("everything", "DSA-2048", *everything),
        "TLSv1.2",
        ("TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"),
    )


# -- Go, Rust, BoringSSL -----------------------------------------------------------------

RUSTLS_DEFAULT: Final = server_of(RUSTLS, granian(), sys.executable, packages=("granian",))


def _go() -> Iterator[Row]:
    for key in ("P-256", "RSA-2048", "Ed25519"):
        server = server_of(GO, caddy(), "caddy", key=key)
        yield from profile_rows(server, version="TLSv1.3")
        gcm = RSA_GCM if key == "RSA-2048" else ECDSA_GCM
        yield from suite_rows(server, "TLSv1.2", (gcm,))
    yield from suite_rows(
        server_of(GO, caddy(), "caddy"), "TLSv1.3", (TLS13_GCM, "TLS_CHACHA20_POLY1305_SHA256")
    )


def _rustls() -> Iterator[Row]:
    for key in ("P-256", "P-384", "RSA-2048", "Ed25519"):
        yield from profile_rows(dataclasses.replace(RUSTLS_DEFAULT, key=key), version="TLSv1.3")
    old = granian("--ssl-protocol-min", "tls1.2")
    server = server_of(RUSTLS, old, sys.executable, "TLS 1.2 too", packages=("granian",))
    yield from suite_rows(
        server, "TLSv1.2", (ECDSA_GCM, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
    )
    yield from group_rows(server, ("x25519", "secp256r1", "secp384r1"))


def _boringssl() -> Iterator[Row]:
    for key in ("P-256", "RSA-2048"):
        server = server_of(
            BORINGSSL,
            start.program("grpc_server"),
            sys.executable,
            key=key,
            packages=("grpc",),
        )
        yield from profile_rows(server, version="TLSv1.3")
        gcm = ECDSA_GCM if key == "P-256" else RSA_GCM
        yield from suite_rows(server, "TLSv1.2", (gcm,))


# -- newer OpenSSL, and Python's ---------------------------------------------------------

ML_DSA: Final = {"ML-DSA-44": "mldsa44", "ML-DSA-65": "mldsa65", "ML-DSA-87": "mldsa87"}


def node_server(settings: str, key: str = "P-256", **options: object) -> Server:
    """Node.js with these options of `tls.createServer`."""
    return server_of(NODE, node(json.dumps(options)), node_binary(), settings, key)


HYBRID_NODE: Final = node_server(
    "every group", ecdhCurve=":".join((*HYBRIDS, "X25519", "P-256", "X448", "P-384"))
)


def _node() -> Iterator[Row]:
    yield from group_rows(HYBRID_NODE, (*HYBRIDS, "x25519", "x448", "secp384r1"))
    for name in HYBRIDS:
        yield retried_row(node_server(f"{name} alone", ecdhCurve=name), name, "x25519")
    yield from profile_rows(node_server("default"), version="TLSv1.3")
    for key, scheme in ML_DSA.items():
        offer = Offer(
            title=f"TLSv1.3 {scheme}", versions=("TLSv1.3",), signature_schemes=(scheme,),
            cipher_suites=(TLS13_GCM,),
        )  # fmt: skip
        yield completed(node_server("default", key), offer, signature_scheme=scheme)


def openssl4_server(settings: str = "default", key: str = "P-256") -> Server:
    """pyOpenSSL as it is, or with `everything`."""
    options = () if settings == "default" else (settings,)
    prepare = start.program("openssl4", *options)
    return server_of(OPENSSL4, prepare, sys.executable, settings, key, packages=("OpenSSL",))


def _openssl4() -> Iterator[Row]:
    yield from group_rows(openssl4_server(), (*HYBRIDS[:2], "x25519", "secp256r1"))
    yield from profile_rows(openssl4_server(), version="TLSv1.3")
    everything = openssl4_server("everything", "RSA-2048")
    for version in ("TLSv1", "TLSv1.1", "TLSv1.2"):
        yield from suite_rows(
            everything,
            version,
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA",
             "TLS_RSA_WITH_AES_256_CBC_SHA"),
        )  # fmt: skip
    yield from recognised_rows(everything, "TLSv1.2", ("TLS_RSA_WITH_SEED_CBC_SHA",))
    for key, scheme in ML_DSA.items():
        offer = Offer(
            title=f"TLSv1.3 {scheme}", versions=("TLSv1.3",), signature_schemes=(scheme,),
            cipher_suites=(TLS13_GCM,),
        )  # fmt: skip
        yield completed(openssl4_server(key=key), offer, signature_scheme=scheme)


def _python() -> Iterator[Row]:
    for key in ("P-256", "RSA-2048"):
        server = server_of(PYTHON, start.program("python_ssl"), sys.executable, key=key)
        yield from profile_rows(server, version="TLSv1.3")
    old = server_of(
        PYTHON,
        start.program("python_ssl", "TLSv1"),
        sys.executable,
        "TLS 1.0 and later",
        "RSA-2048",
    )
    for version in ("TLSv1", "TLSv1.1", "TLSv1.2"):
        yield from suite_rows(
            old, version, ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA")
        )

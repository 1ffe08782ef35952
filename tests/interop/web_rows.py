"""Web servers and terminators over OpenSSL 3.0, as administrators set them up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.interop.common_rows import profile_rows, server_of, suite_rows
from tests.interop.implementations import APACHE, HAPROXY, LIGHTTPD, LIGHTTPD_GNUTLS, NGINX, STUNNEL
from tests.interop.model import Row, Server, completed
from tests.interop.offers import Offer
from tests.real import web_servers as web

SINCE_TLS10: Final = "TLS 1.0 and later"
OLD: Final = ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA")
TLS12: Final = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
)
FINITE_FIELD: Final = ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",)
TLS13: Final = Offer(
    title="TLSv1.3", versions=("TLSv1.3",), cipher_suites=("TLS_AES_256_GCM_SHA384",)
)


def rows() -> Iterator[Row]:
    """All of them."""
    yield from _nginx()
    yield from _apache()
    yield from _haproxy()
    yield from _stunnel()
    yield from _lighttpd()


def _every_version(server: Server) -> Iterator[Row]:
    for version in ("TLSv1", "TLSv1.1"):
        yield from suite_rows(server, version, OLD)
    yield from suite_rows(server, "TLSv1.2", TLS12)
    yield completed(server, TLS13)


def _nginx() -> Iterator[Row]:
    modern = "ssl_protocols TLSv1.2 TLSv1.3;"

    def server(settings: str, *lines: str, key: str = "P-256") -> Server:
        return server_of(NGINX, web.nginx(*lines), "nginx", settings, key)

    for key in ("P-256", "RSA-2048"):
        yield from profile_rows(server("default", modern, key=key), version="TLSv1.3")
    old = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;"
    yield from _every_version(server(SINCE_TLS10, old, key="RSA-2048"))
    tickets = server("session_tickets off", modern, "ssl_session_tickets off;")
    yield from profile_rows(tickets, version="TLSv1.3")
    stapling = server("stapled OCSP", modern, "ssl_stapling on; ssl_stapling_file {staple};")
    yield completed(stapling, TLS13, staple="yes")
    one_curve = server("curve secp521r1", modern, "ssl_ecdh_curve secp521r1;")
    yield from profile_rows(one_curve, group="secp521r1", version="TLSv1.3")
    asking = "ssl_verify_client optional; ssl_client_certificate {root};"
    yield completed(
        server("client certificate asked for", modern, asking), TLS13, client_auth="requested"
    )


def _apache() -> Iterator[Row]:
    modules = tuple(f"{web.APACHE_MODULES}/mod_{name}.so" for name in ("ssl", "mpm_event"))

    def server(settings: str, *lines: str, key: str = "P-256") -> Server:
        return server_of(APACHE, web.apache(*lines), "apache2", settings, key, needs=modules)

    for key in ("P-256", "RSA-2048"):
        yield from profile_rows(server("default", key=key), version="TLSv1.3")
    old = server(
        SINCE_TLS10,
        "SSLProtocol all -SSLv3 +TLSv1 +TLSv1.1",
        "SSLCipherSuite ALL:@SECLEVEL=0",
        key="RSA-2048",
    )
    yield from _every_version(old)
    yield from suite_rows(old, "TLSv1.2", FINITE_FIELD)
    asking = server(
        "client certificate asked for", "SSLVerifyClient optional", "SSLCACertificateFile {root}"
    )
    yield completed(asking, TLS13, client_auth="requested")


def _haproxy() -> Iterator[Row]:
    def server(settings: str, *options: str, key: str = "P-256") -> Server:
        return server_of(HAPROXY, web.haproxy(*options), "haproxy", settings, key)

    for key in ("P-256", "RSA-2048"):
        yield from profile_rows(server("default", key=key), version="TLSv1.3")
    old = server(
        SINCE_TLS10, "ssl-min-ver", "TLSv1.0", "ciphers", "ALL:@SECLEVEL=0", key="RSA-2048"
    )
    yield from _every_version(old)
    yield from suite_rows(old, "TLSv1.2", FINITE_FIELD)
    yield completed(server("HTTP/2", "alpn", "h2,http/1.1"), TLS13, alpn="h2")
    yield completed(server("no tickets", "no-tls-tickets"), TLS13)
    asking = server("client certificate asked for", "ca-file", "{root}", "verify", "optional")
    yield completed(asking, TLS13, client_auth="requested")


def _stunnel() -> Iterator[Row]:
    def server(settings: str, *lines: str, key: str = "P-256") -> Server:
        return server_of(STUNNEL, web.stunnel(*lines), "stunnel4", settings, key)

    for key in ("P-256", "RSA-2048"):
        yield from profile_rows(server("default", key=key), version="TLSv1.3")
    old = server(
        SINCE_TLS10,
        "sslVersionMin = TLSv1",
        "ciphers = ALL:@SECLEVEL=0",
        "securityLevel = 0",
        key="RSA-2048",
    )
    yield from _every_version(old)
    yield from suite_rows(old, "TLSv1.2", FINITE_FIELD)


def _lighttpd() -> Iterator[Row]:
    for module, implementation in (
        ("mod_openssl", LIGHTTPD), ("mod_gnutls", LIGHTTPD_GNUTLS),
    ):  # fmt: skip
        needs = (f"{web.LIGHTTPD_MODULES}/{module}.so",)
        for key in ("P-256", "RSA-2048"):
            server = server_of(
                implementation, web.lighttpd(module), "lighttpd", key=key, needs=needs
            )
            yield from profile_rows(server, version="TLSv1.3")
        yield from suite_rows(server, "TLSv1.2", TLS12[:2])

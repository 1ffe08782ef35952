"""The stacks of the matrix, and how each is asked for its version."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from tests.interop.model import Implementation
from tests.real.servers import printed
from tests.real.starttls_servers import postgresql_program
from tests.real.web_servers import node_binary

Ask = Callable[[], str]


def _says(pattern: str, *command: str) -> Ask:
    return lambda: printed(command, pattern)


def _debian(package: str) -> Ask:
    """The upstream part of a package's version."""
    query = ("dpkg-query", "-W", "-f", "${Version}", package)
    return _says(r"^(?:\d+:)?(\d[\d.]*)", *query)


def _python_package(name: str) -> Ask:
    def ask() -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return ""

    return ask


def _one(name: str, **parts: Ask) -> Implementation:
    """A stack whose parts are asked when the page is written, and not before."""

    def versions() -> Mapping[str, str]:
        return {part: ask() for part, ask in parts.items()}

    return Implementation(name=name, versions=versions)


# Debian's servers share its OpenSSL.
_OPENSSL: Final = _says(r"OpenSSL (\S+)", "openssl", "version")
_LIGHTTPD: Final = _says(r"lighttpd/(\S+)", "lighttpd", "-v")
_OPENSSL4: Final[Sequence[str]] = (
    sys.executable, "-c", "import OpenSSL.SSL as s; print(s.SSLeay_version(0).decode())",
)  # fmt: skip

OPENSSL: Final = _one("OpenSSL s_server", OpenSSL=_OPENSSL)

NGINX: Final = _one("nginx", nginx=_says(r"nginx/(\S+)", "nginx", "-v"), OpenSSL=_OPENSSL)
APACHE: Final = _one(
    "Apache httpd", httpd=_says(r"Apache/(\S+)", "apache2", "-v"), OpenSSL=_OPENSSL
)
HAPROXY: Final = _one(
    "HAProxy", HAProxy=_says(r"version (\d[\d.]*)", "haproxy", "-v"), OpenSSL=_OPENSSL
)
STUNNEL: Final = _one(
    "stunnel", stunnel=_says(r"stunnel (\d[\d.]*)", "stunnel4", "-version"), OpenSSL=_OPENSSL
)
LIGHTTPD: Final = _one("lighttpd with OpenSSL", lighttpd=_LIGHTTPD, OpenSSL=_OPENSSL)
LIGHTTPD_GNUTLS: Final = _one(
    "lighttpd with GnuTLS", lighttpd=_LIGHTTPD, GnuTLS=_debian("libgnutls30")
)

POSTFIX: Final = _one(
    "Postfix", Postfix=_says(r"= (\S+)", "postconf", "-d", "mail_version"), OpenSSL=_OPENSSL
)
DOVECOT: Final = _one("Dovecot", Dovecot=_says(r"^(\S+)", "dovecot", "--version"), OpenSSL=_OPENSSL)
POSTGRESQL: Final = _one(
    "PostgreSQL",
    PostgreSQL=_says(r"\(PostgreSQL\) (\S+)", postgresql_program("postgres"), "--version"),
    OpenSSL=_OPENSSL,
)

GNUTLS: Final = _one(
    "GnuTLS gnutls-serv", GnuTLS=_says(r"gnutls-serv (\S+)", "gnutls-serv", "--version")
)
NSS: Final = _one("NSS selfserv", NSS=_debian("libnss3"))
MBEDTLS: Final = _one("lighttpd with mbedTLS", lighttpd=_LIGHTTPD, mbedTLS=_debian("libmbedtls14"))
WOLFSSL: Final = _one("lighttpd with wolfSSL", lighttpd=_LIGHTTPD, wolfSSL=_debian("libwolfssl35"))
BOTAN: Final = _one("Botan tls_server", Botan=_says(r"(\d\S+)", "botan", "version"))

TLSLITE: Final = _one("tlslite-ng", tlslite=_python_package("tlslite-ng"))
JSSE: Final = _one("Java JSSE", OpenJDK=_says(r'version "([^"]+)"', "java", "-version"))
GO: Final = _one(
    "Caddy with Go's crypto/tls",
    Caddy=_says(r"v?(\d\S+)", "caddy", "version"),
    Go=_says(r"go(\d\S+)", "caddy", "build-info"),
)
RUSTLS: Final = _one("Granian with rustls", Granian=_python_package("granian"))
BORINGSSL: Final = _one("gRPC with BoringSSL", gRPC=_python_package("grpcio"))
NODE: Final = _one(
    "Node.js",
    Node=_says(r"v(\d\S+)", node_binary(), "--version"),
    OpenSSL=_says(r"(\d\S+)", node_binary(), "-p", "process.versions.openssl"),
)
OPENSSL4: Final = _one(
    "pyOpenSSL",
    pyOpenSSL=_python_package("pyopenssl"),
    OpenSSL=_says(r"OpenSSL (\S+)", *_OPENSSL4),
)
PYTHON: Final = _one(
    "Python ssl",
    Python=lambda: sys.version.split()[0],
    OpenSSL=lambda: ssl.OPENSSL_VERSION.split()[1],
)

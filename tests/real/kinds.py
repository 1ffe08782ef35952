"""One server of each stack as it comes, and those that demand a client certificate."""

from __future__ import annotations

from tests.real.library_servers import gnutls, nss, openssl
from tests.real.servers import ServerKind
from tests.real.web_servers import LIGHTTPD_MODULES, haproxy, lighttpd, nginx, stunnel

KINDS: tuple[ServerKind, ...] = (
    ServerKind(
        name="nginx-openssl", binary="nginx", prepare=nginx("ssl_protocols TLSv1.2 TLSv1.3;")
    ),
    ServerKind(name="haproxy-openssl", binary="haproxy", prepare=haproxy()),
    ServerKind(name="stunnel-openssl", binary="stunnel4", prepare=stunnel()),
    ServerKind(name="s_server-openssl", binary="openssl", prepare=openssl()),
    *(
        ServerKind(
            name=f"lighttpd-{module.removeprefix('mod_')}",
            binary="lighttpd",
            prepare=lighttpd(module),
            needs=(f"{LIGHTTPD_MODULES}/{module}.so",),
        )
        for module in ("mod_openssl", "mod_gnutls", "mod_mbedtls", "mod_wolfssl")
    ),
    ServerKind(name="gnutls-serv", binary="gnutls-serv", prepare=gnutls()),
    ServerKind(
        name="selfserv-nss",
        binary="selfserv",
        prepare=nss("-V", "tls1.2:tls1.3"),
    ),
)


# Those that refuse clients without a certificate, under each version.
DEMANDING: tuple[ServerKind, ...] = (
    ServerKind(
        name="haproxy-openssl",
        binary="haproxy",
        prepare=haproxy("ca-file {root} verify required"),
    ),
    *(
        ServerKind(
            name=f"s_server-openssl{version}",
            binary="openssl",
            prepare=openssl("-Verify", "1", "-verify_return_error", version),
        )
        for version in ("-tls1_2", "-tls1_3")
    ),
    *(
        ServerKind(
            name=f"gnutls-serv-{version}",
            binary="gnutls-serv",
            prepare=gnutls(
                "--require-client-cert",
                "--x509cafile={root}",
                f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}",
            ),
        )
        for version in ("1.2", "1.3")
    ),
    *(
        ServerKind(
            name=f"selfserv-nss-{version}",
            binary="selfserv",
            prepare=nss("-r", "-r", "-V", f"{version}:{version}"),
        )
        for version in ("tls1.2", "tls1.3")
    ),
)

"""TLS that is asked for in another protocol's words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from tests.interop.common_rows import profile_rows, suite_rows
from tests.interop.implementations import DOVECOT, POSTFIX, POSTGRESQL
from tests.interop.model import Implementation, Row, Server
from tests.real import starttls_servers as start
from tests.real.servers import Prepare, ServerKind

OLD: Final = ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA")
TLS12: Final = ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA256")


def rows() -> Iterator[Row]:
    """All of them."""
    yield from _every_version(
        _server(
            POSTFIX,
            "smtp",
            start.POSTFIX_MASTER,
            start.postfix(
                "smtpd_tls_protocols = >=TLSv1",
                "smtpd_tls_ciphers = low",
                "tls_low_cipherlist = ALL:@SECLEVEL=0",
            ),
            as_root=True,
        )
    )
    for protocol in ("imap", "pop3", "sieve", "lmtp"):
        yield from _every_version(
            _server(DOVECOT, protocol, "dovecot", start.dovecot(protocol), as_root=True)
        )
    postgres = start.postgresql_program("postgres")
    yield from _every_version(_server(POSTGRESQL, "postgresql", postgres, start.postgresql))


def _server(
    implementation: Implementation,
    kind: str,
    binary: str,
    prepare: Prepare,
    *,
    as_root: bool = False,
) -> Server:
    return Server(
        implementation=implementation,
        kind=ServerKind(
            name=f"{implementation.name} {kind}", binary=binary, prepare=prepare, as_root=as_root
        ),
        settings=f"{kind}, TLS 1.0 and later",
        key="RSA-2048",
        starttls=kind,
    )


def _every_version(server: Server) -> Iterator[Row]:
    yield from profile_rows(server, version="TLSv1.3")
    yield from suite_rows(server, "TLSv1.2", TLS12)
    for version in ("TLSv1", "TLSv1.1"):
        yield from suite_rows(server, version, OLD)
    if server.implementation is not POSTGRESQL:
        yield from profile_rows(dataclasses.replace(server, key="P-256"), version="TLSv1.3")

"""A server of tlslite-ng, which speaks SSL 3.0 and what others forgot: PORT CHAIN KEY SETTINGS.

SETTINGS is a JSON object of tlslite's HandshakeSettings; `anonymous` among them is ours:
whether to serve without a certificate.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from tlslite.api import (  # type: ignore[import-untyped]
    HandshakeSettings,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)

from tests.real.programs.serving import serve


def main(arguments: list[str]) -> None:
    """Handshake, then read until the client ends it."""
    port, chain, key, options = arguments
    settings = HandshakeSettings()
    wanted = json.loads(options)
    anonymous = wanted.pop("anonymous", False)
    for name, value in wanted.items():
        value = tuple(value) if name in ("minVersion", "maxVersion") else value
        setattr(settings, name, value)
    certificates = X509CertChain()
    certificates.parsePemList(Path(chain).read_text())
    private = parsePEMKey(Path(key).read_text(), private=True)

    def talk(connection: socket.socket) -> None:
        tls = TLSConnection(connection)
        if anonymous:
            tls.handshakeServer(anon=True, settings=settings)
        else:
            # Without names of its own it stumbles over a client's.
            tls.handshakeServer(
                certChain=certificates,
                privateKey=private,
                settings=settings,
                alpn=[bytearray(b"http/1.1")],
            )
        while tls.recv(4096):
            pass

    serve(int(port), talk)


if __name__ == "__main__":
    main(sys.argv[1:])

"""A server of Python's own `ssl`: PORT CHAIN KEY [MINIMUM]."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import warnings

from tests.real.programs.serving import serve


def main(arguments: list[str]) -> None:
    """Handshake, then read until the client ends it."""
    port, chain, key, *minimum = arguments
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    for name in minimum:
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = ssl.TLSVersion[name]
        context.set_ciphers("ALL:@SECLEVEL=0")

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while wrapped.recv(4096):
                pass
            with contextlib.suppress(OSError):
                wrapped.unwrap()

    serve(int(port), talk)


if __name__ == "__main__":
    main(sys.argv[1:])

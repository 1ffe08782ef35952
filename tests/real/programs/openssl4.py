"""A server of pyOpenSSL, over the OpenSSL that `cryptography` brings: PORT CHAIN KEY [OPTION...].

Options: `everything` takes every suite and version of that build.
"""

from __future__ import annotations

import socket
import sys

from OpenSSL import SSL

from tests.real.programs.serving import serve


def main(arguments: list[str]) -> None:
    """Handshake, then read until the client ends it."""
    port, chain, key, *options = arguments
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(chain)
    context.use_privatekey_file(key)
    if "everything" in options:
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")

    def talk(connection: socket.socket) -> None:
        tls = SSL.Connection(context, connection)
        tls.set_accept_state()
        tls.do_handshake()
        while tls.recv(4096):
            pass

    serve(int(port), talk)


if __name__ == "__main__":
    main(sys.argv[1:])

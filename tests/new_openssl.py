"""The OpenSSL of `cryptography`'s wheel, newer than the system's, as a peer over memory."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from OpenSSL import SSL

from tests.certificates import Issued
from tests.tls_peers import identity


class NewOpenSslPeer:
    """A TLS 1.3 server.

    Args:
        issued: its certificate and key; by default of P-256.
        groups: OpenSSL's names of the groups, with colons between; empty for its own list.
        cipher_suites: its names of TLS 1.3's suites, likewise.
    """

    def __init__(
        self, *, issued: Issued | None = None, groups: str = "", cipher_suites: str = ""
    ) -> None:
        issued = issued or identity("P-256")
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        with tempfile.TemporaryDirectory() as directory:
            # From a file it takes kinds of keys that it does not take as objects.
            path = Path(directory) / "identity.pem"
            path.write_bytes(issued.key_pem + issued.pem)
            context.use_certificate_file(str(path))
            context.use_privatekey_file(str(path))
        # Its default level refuses tags of eight octets.
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        if cipher_suites:
            context.set_tls13_ciphersuites(cipher_suites.encode())
        if groups:
            # pyOpenSSL has no method for the groups; OpenSSL's older name for it is bound.
            library = vars(SSL)["_lib"]
            assert library.SSL_CTX_set1_curves_list(context._context, groups.encode()) == 1
        self.connection = SSL.Connection(context)
        self.connection.set_accept_state()

    def receive(self, octets: bytes) -> bytes:
        """Take the client's octets and give back the server's."""
        if octets:
            self.connection.bio_write(octets)
        with contextlib.suppress(SSL.WantReadError):
            self.connection.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            return self.connection.bio_read(65_536)
        return b""

"""Hybrid post-quantum key exchange, for real, against second implementations."""

from __future__ import annotations

import pytest

from tests.interop.language_rows import node_server, openssl4_server
from tests.interop.model import Server
from tests.interop.probing import LOOPS, came_of, probe, serving

SECOND_IMPLEMENTATIONS = (node_server("default"), openssl4_server())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("server", SECOND_IMPLEMENTATIONS, ids=lambda server: server.name)
def test_x25519mlkem768_is_negotiated_by_the_default_hello(server: Server, loop: str) -> None:
    """The browser's hello, as it is, is answered with X25519MLKEM768 and completed.

    Node.js brings an OpenSSL 3.5 of its own, which shares neither TLS nor ML-KEM-768 with us.
    pyOpenSSL runs over the OpenSSL that `cryptography` brings, so that there the TLS alone is
    another's. Both sides have the same keys only if they agree on every octet of the shares
    (draft-ietf-tls-ecdhe-mlkem section 4).
    """
    if missing := server.kind.missing():
        pytest.skip(f"{server.implementation.name} needs {missing}, which is not installed")

    with serving(server) as (port, made):
        came = came_of(probe(port, made, loop=loop, hello="browser"))

    assert (came["group"], came["version"]) == ("X25519MLKEM768", "TLSv1.3")
    assert (came["completed"], came["key"], came["violation"]) == ("yes", "yes", "")
    assert came["confirmed_by"]

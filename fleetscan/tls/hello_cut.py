"""A ClientHello in two pieces: how it leaves is changed, what it says is not."""

from __future__ import annotations

from typing import Final

from fleetscan import limits
from fleetscan.registry import content_types
from fleetscan.tls.hello import plaintext_records, wire_server_name

RECORD_HEADER: Final = 5


def cut_position(octets: bytes, server_name: str) -> int:
    """Where what a client sends first is cut in two, for segments and records alike.

    In the middle of the host_name, where one is sent: whoever reads only the first piece sees
    neither all of the hello nor the name, and whoever looks for the name in each packet does
    not find it. In the middle of everything otherwise, which is behind the record's header and
    the message's.

    Args:
        octets: the hello and what leaves together with it.
        server_name: as it was asked for; `""` for none.
    """
    name = wire_server_name(server_name)
    at = octets.find(name) if name else -1
    return len(octets) // 2 if at < 0 else at + len(name) // 2


def in_two_records(hello: bytes, server_name: str) -> bytes:
    """The same message in two records (RFC 8446 section 5.1 lets a message span several).

    Args:
        hello: one record of TLS. What is none, as SSL 2.0's, and what fills more than one
            already, is given back as it is.
        server_name: as it was asked for; `""` for none.
    """
    if hello[0] != content_types.HANDSHAKE or len(hello) > RECORD_HEADER + limits.MAX_PLAINTEXT:
        return hello
    at = cut_position(hello, server_name)
    version = hello[1:3]
    return b"".join(
        plaintext_records(content_types.HANDSHAKE, piece, version)
        for piece in (hello[RECORD_HEADER:at], hello[at:])
    )

"""Whole scans of servers that speak a protocol first and TLS then, on both loops.

The servers' halves are written by hand from the protocols' documents; TLS is OpenSSL's.
"""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import pytest

import fleetscan
from fleetscan.api import Result
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.inventory.target import Target
from tests.certificates import NOW
from tests.servers import LOOPS, Handler, run, serving
from tests.starttls_scripts import (
    LDAP_REQUEST,
    LDAP_SUCCESS,
    MYSQL_REQUEST,
    RDP_REQUEST,
    TDS_PRELOGIN,
    mysql_error,
    mysql_greeting,
    rdp_answer,
    tds_answer,
)
from tests.tls_peers import NAME, OpenSslPeer, server_context, server_tls12

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter

CONFIG = ScanConfig(deadlines=Deadlines.from_timeout(10), vantage="here", clock=lambda: NOW)

ALERT = bytes.fromhex("15030100020246")  # protocol_version(70), RFC 8446 section 6


async def plain(reader: Reader, writer: Writer, peer: OpenSslPeer) -> None:
    """TLS as it is, until the client has gone."""
    while octets := await reader.read(65_536):  # ends: with the client's FIN
        writer.write(peer.receive(octets))


async def in_packets(reader: Reader, writer: Writer, peer: OpenSslPeer) -> None:
    """TLS in packets of type 0x12 until the handshake is done, and as it is then."""
    while not peer.done:  # ends: with the handshake, or with the connection
        head = await reader.readexactly(8)
        assert head[0] == 0x12
        answer = peer.receive(await reader.readexactly(int.from_bytes(head[2:4], "big") - 8))
        if head[1] == 1 and answer:
            packet = b"\x12\x01" + (8 + len(answer)).to_bytes(2, "big") + bytes(4) + answer
            # In two segments: a packet's end is no segment's.
            writer.write(packet[:11])
            await writer.drain()
            writer.write(packet[11:])
    await plain(reader, writer, peer)


async def mssql(reader: Reader, writer: Writer) -> None:
    """PRELOGIN, and that encryption is on."""
    assert await reader.readexactly(len(TDS_PRELOGIN)) == TDS_PRELOGIN
    writer.write(tds_answer(1))


async def mysql(reader: Reader, writer: Writer) -> None:
    """The greeting, and the request that needs no answer."""
    writer.write(mysql_greeting())
    assert await reader.readexactly(len(MYSQL_REQUEST)) == MYSQL_REQUEST


async def ldap(reader: Reader, writer: Writer) -> None:
    """StartTLS, and success."""
    assert await reader.readexactly(len(LDAP_REQUEST)) == LDAP_REQUEST
    writer.write(LDAP_SUCCESS)


async def rdp(reader: Reader, writer: Writer) -> None:
    """A confirmation that chooses CredSSP."""
    assert await reader.readexactly(len(RDP_REQUEST)) == RDP_REQUEST
    writer.write(rdp_answer("021f080002000000"))


KINDS: dict[Handler, str] = {mssql: "mssql", mysql: "mysql", ldap: "ldap", rdp: "rdp"}


async def scanned(kind: str, handler: Handler) -> Result:
    """One scan of one such server."""
    async with serving(handler) as port:
        target = Target(
            input=NAME,
            origin="listed",
            address="127.0.0.1",
            port=port,
            server_name=NAME,
            reference_name=NAME,
            starttls=kind,
        )
        return await fleetscan.scan_one(target, CONFIG)


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize("before", KINDS, ids=KINDS.get)
def test_a_dialogue_and_a_handshake(loop_name: str, newer: bool, before: Handler) -> None:
    """Completed and confirmed; a self-signed certificate is all there is to say."""
    peer = OpenSslPeer(server_context() if newer else server_tls12())

    async def handler(reader: Reader, writer: Writer) -> None:
        await before(reader, writer)
        await (in_packets if before is mssql else plain)(reader, writer, peer)

    kind = KINDS[before]
    result = run(loop_name, scanned(kind, handler))

    assert result.cause_ids == ("certificate.self_signed",)
    assert result.record["target"]["starttls"] == kind
    assert result.record["handshake"]["completed"] == "yes"
    assert result.record["handshake"]["version"] == ("TLSv1.3" if newer else "TLSv1.2")
    assert result.record["stage"] == "confirmed"
    assert peer.done and peer.error is None


def saying(told: bytes) -> Handler:
    """A server that says this at once, and then listens."""

    async def handler(reader: Reader, writer: Writer) -> None:
        writer.write(told)
        await reader.read()

    return handler


async def answers_alert(reader: Reader, writer: Writer) -> None:
    """A TLS server: whatever is no hello gets an alert."""
    await reader.read(65_536)
    writer.write(ALERT)


async def is_openssl(reader: Reader, writer: Writer) -> None:
    """A TLS server that hangs up on what is no hello, as OpenSSL does."""
    writer.write(OpenSslPeer(server_context()).receive(await reader.read(65_536)))


async def hangs_up(reader: Reader, writer: Writer) -> None:
    """One that reads the request, and closes."""
    await reader.read(65_536)


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    ("kind", "handler", "cause_id", "expected"),
    [
        ("smtp", saying(b"SSH-2.0-x\r\n"), "protocol.other", {"banner": "SSH-2.0-x"}),
        ("postgresql", saying(b"SSH-2.0-x\r\n"), "protocol.other", {"protocol": "SSH"}),
        ("ldap", saying(b"220 x ESMTP\r\n"), "protocol.other", {"protocol": "SMTP"}),
        ("imap", saying(b"HTTP/1.0 400 x\r\n\r\n"), "protocol.plaintext_http", {"status": "400"}),
        (
            "mysql",
            saying(mysql_error(1129, b"Host is blocked")),
            "protocol.starttls_refused",
            {"answer": "1129 Host is blocked"},
        ),
        ("mssql", saying(tds_answer(2)), "protocol.starttls_refused", {"starttls": "mssql"}),
        ("rdp", answers_alert, "protocol.other", {"protocol": "TLS from the first octet"}),
        ("xmpp-client", answers_alert, "protocol.other", {"protocol": "TLS from the first octet"}),
        ("ldap", hangs_up, "protocol.starttls_refused", {"ended_by": "fin"}),
        ("postgresql", is_openssl, "protocol.other", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_answers_otherwise(
    loop_name: str,
    kind: str,
    handler: Handler,
    cause_id: str,
    expected: dict[str, str],
) -> None:
    """Each with its own cause, and the peer's own words or octets as evidence."""
    result = run(loop_name, scanned(kind, handler))
    cause = result.record["causes"][0]

    assert result.cause_ids == (cause_id,)
    assert cause["evidence"]["starttls"] == kind
    assert expected.items() <= cause["evidence"].items()

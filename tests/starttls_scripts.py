"""Servers' halves of the plain dialogues, written by hand from each protocol's own document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Script = Sequence[tuple[bytes, bytes]]
"""Turns: what the server says (`b""` when the client begins), what the client must say to it."""

EHLO: Final = b"EHLO fleetscan.invalid\r\n"
LHLO: Final = b"LHLO fleetscan.invalid\r\n"

XMPP_HEAD: Final = (
    b"<?xml version='1.0'?><stream:stream to='server.test' version='1.0' xmlns='%s'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
XMPP_STARTTLS: Final = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

# RFC 6120 sections 4.7 and 5.4.1: the server's half of the stream, and what it offers.
XMPP_STREAM: Final = (
    b"<?xml version='1.0'?><stream:stream from='server.test' id='t7AMCin9zjMNwQKDnplntZPIDEI='"
    b" version='1.0' xml:lang='en' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
XMPP_FEATURES: Final = (
    b"<stream:features>\n<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
    b"<required/></starttls>\n</stream:features>"
)
XMPP_PROCEED: Final = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

# RFC 4511 sections 4.1.1, 4.12 and 4.14.1: message 1, ExtendedRequest, requestName.
LDAP_REQUEST: Final = bytes.fromhex("301d 020101 7718 8016") + b"1.3.6.1.4.1.1466.20037"
# ExtendedResponse (RFC 4511 section 4.14.2): success, no matchedDN, no diagnosticMessage.
LDAP_SUCCESS: Final = bytes.fromhex("300c 020101 7807 0a0100 0400 0400")

# MS-TDS section 2.2.6.5: header, VERSION at 11, ENCRYPTION at 17, end, version 0, ENCRYPT_ON.
TDS_PRELOGIN: Final = bytes.fromhex("1201001a00000100 00000b0006 0100110001 ff 000000000000 01")


def tds_answer(encryption: int) -> bytes:
    """A PRELOGIN answer of a SQL Server 2005 with its five options (MS-TDS section 4.2)."""
    options = bytes.fromhex("00001a0006 0100200001 0200210001 0300220000 0400220001 ff")
    data = bytes.fromhex("090005770000") + bytes((encryption, 0, 1))
    return bytes.fromhex("0401002b00000100") + options + data


# MS-RDPBCGR section 2.2.1.1: TPKT, X.224 Connection Request, RDP_NEG_REQ for TLS and CredSSP.
RDP_REQUEST: Final = bytes.fromhex("03000013 0ee00000000000 0100080003000000")


def rdp_answer(negotiation: str) -> bytes:
    """X.224 Connection Confirm (MS-RDPBCGR section 4.1.2), behind it these octets."""
    told = bytes.fromhex(negotiation)
    head = bytes((3, 0, 0, 11 + len(told), 6 + len(told)))
    return head + bytes.fromhex("d00000123400") + told


def mysql_greeting(capabilities: int = 0xFFFF, version: bytes = b"8.0.34") -> bytes:
    """Protocol::HandshakeV10: version, thread, 8 octets of a challenge, 0, capabilities, ..."""
    payload = b"".join(
        (
            b"\x0a" + version + b"\0",
            bytes.fromhex("0b000000") + b"dvH@I-CJ" + b"\0",
            capabilities.to_bytes(2, "little"),
            bytes.fromhex("ff0200ffc115") + bytes(10) + b"challenge-12" + b"\0",
            b"mysql_native_password\0",
        )
    )
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def mysql_error(number: int, text: bytes) -> bytes:
    """An ERR_Packet before the handshake: it has no SQL state then."""
    payload = b"\xff" + number.to_bytes(2, "little") + text
    return len(payload).to_bytes(3, "little") + b"\0" + payload


# Protocol::SSLRequest: PROTOCOL_41, SSL and SECURE_CONNECTION, 2^24, utf8, 23 octets of nothing.
MYSQL_REQUEST: Final = bytes.fromhex("20000001 008a0000 00000001 21") + bytes(23)


def postgresql_error(*fields: bytes) -> bytes:
    """ErrorResponse: 'E', its length, fields that end in 0, and a 0."""
    told = b"".join(field + b"\0" for field in fields) + b"\0"
    return b"E" + (4 + len(told)).to_bytes(4, "big") + told


AGREED: Final[dict[str, Script]] = {
    # RFC 3207 section 5, the example; RFC 5321 section 4.2.1 for replies of several lines.
    "smtp": (
        (b"", b""),
        (b"220-mail.test\r\n220 ready\r\n", EHLO),
        (b"250-mail.test offers a warm hug of welcome\r\n250-8BITMIME\r\n", b""),
        (b"250-STARTTLS\r\n250 DSN\r\n", b"STARTTLS\r\n"),
        (b"220 Go ahead\r\n", b""),
    ),
    # RFC 2033 section 4.1.
    "lmtp": (
        (b"", b""),
        (b"220 foo.edu LMTP server ready\r\n", LHLO),
        (b"250-foo.edu\r\n250-PIPELINING\r\n250 starttls\r\n", b"STARTTLS\r\n"),
        (b"220 2.0.0 Ready\r\n", b""),
    ),
    # RFC 9051 section 6.2.1, with an untagged answer that says nothing in between.
    "imap": (
        (b"", b""),
        (b"* OK [ALERT] ready\r\n", b"A1 CAPABILITY\r\n"),
        (b"* CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED\r\na1 OK done\r\n", b"A2 STARTTLS\r\n"),
        (b"* 2 EXISTS\r\nA2 OK Begin TLS negotiation now\r\n", b""),
    ),
    # RFC 2595 section 4.
    "pop3": ((b"", b""), (b"+OK ready\r\n", b"STLS\r\n"), (b"+OK Begin TLS\r\n", b"")),
    # RFC 4217 section 12; lines in between without a number (RFC 959 section 4.2).
    "ftp": (
        (b"", b""),
        (b"120 in 1 minute\r\n220-Welcome\r\n no number here\r\n220 ready\r\n", b"AUTH TLS\r\n"),
        (b"234 go\r\n", b""),
    ),
    # RFC 4642 section 2.2.2, the example; RFC 3977 section 5.2 for the list.
    "nntp": (
        (b"", b""),
        (b"200 example news server ready\r\n", b"CAPABILITIES\r\n"),
        (b"101 Capability list:\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.\r\n", b"STARTTLS\r\n"),
        (b"382 Continue with TLS negotiation\r\n", b""),
    ),
    # RFC 5804 section 2.2, the example.
    "sieve": (
        (b"", b""),
        (b'"IMPLEMENTATION" "Example1 ManageSieved v001"\r\n"VERSION" "1.0"\r\n', b""),
        (b'"SASL" ""\r\n"SIEVE" "fileinto vacation"\r\n"STARTTLS"\r\nOK\r\n', b"STARTTLS\r\n"),
        (b'OK "Begin TLS negotiation now."\r\n', b""),
    ),
    # RFC 6120 section 9.1, the example.
    "xmpp-client": (
        (b"", XMPP_HEAD % b"jabber:client"),
        (XMPP_STREAM, b""),
        (XMPP_FEATURES, XMPP_STARTTLS),
        (XMPP_PROCEED, b""),
    ),
    # RFC 6120 section 9.2; another prefix and double quotes are XML all the same.
    "xmpp-server": (
        (b"", XMPP_HEAD % b"jabber:server"),
        (XMPP_STREAM.replace(b"'", b'"').replace(b"stream:", b"s:"), b""),
        (XMPP_FEATURES.replace(b"'", b'"').replace(b"stream:", b"s:"), XMPP_STARTTLS),
        (XMPP_PROCEED.replace(b"'", b'"'), b""),
    ),
    "ldap": ((b"", LDAP_REQUEST), (LDAP_SUCCESS, b"")),
    # Frontend/Backend Protocol, "SSL Session Encryption".
    "postgresql": ((b"", bytes.fromhex("0000000804d2162f")), (b"S", b"")),
    "mysql": ((b"", b""), (mysql_greeting(), MYSQL_REQUEST)),
    "mssql": ((b"", TDS_PRELOGIN), (tds_answer(1), b"")),
    # EXTENDED_CLIENT_DATA_SUPPORTED, and PROTOCOL_SSL.
    "rdp": ((b"", RDP_REQUEST), (rdp_answer("0201080001000000"), b"")),
    # The IRCv3.1 `tls` extension; RFC 2812 section 2.3.1 for lines.
    "irc": (
        (b"", b"CAP LS 302\r\n"),
        (b":irc.test NOTICE AUTH :*** Looking up your hostname\r\n", b""),
        (b":irc.test CAP * LS * :multi-prefix sasl=PLAIN\r\n", b""),
        (b":irc.test CAP * LS :away-notify tls\r\n", b"STARTTLS\r\n"),
        (b":irc.test 670 * :STARTTLS successful, go ahead with TLS handshake\r\n", b""),
    ),
}
"""For every kind the way to yes."""

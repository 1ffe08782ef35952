"""Which protocol speaks where TLS was expected: first octets against a table."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from fleetscan.limits import FIRST_OCTETS, PAGE_PART

PLAINTEXT_HTTP: Final = "protocol.plaintext_http"
STARTTLS_NEEDED: Final = "protocol.starttls_needed"
OTHER: Final = "protocol.other"
TOO_OLD: Final = "version.too_old"

SMTP_OR_FTP: Final = "SMTP or FTP"
"""A greeting that both begin with; `Signature.protocol`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One protocol's first octets.

    Args:
        protocol: its name, for evidence.
        cause: the id that it stands for.
        pattern: matched at the first octet. Every pattern is linear: no repetition
            inside a repetition, and the input is at most `limits.BANNER_OCTETS`.
        starttls: the dialogue's kind for a protocol that can ask for TLS, else `""`.
        is_certain: whether no server of a like protocol greets so: words are parts of host
            names as well.
    """

    protocol: str
    cause: str
    pattern: re.Pattern[bytes]
    starttls: str = ""
    is_certain: bool = True


def _text(
    protocol: str, cause: str, pattern: bytes, starttls: str = "", *, is_certain: bool = True
) -> Signature:
    # Words of text protocols are compared without case (RFC 5321 section 2.4 and others).
    return Signature(
        protocol=protocol,
        cause=cause,
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        starttls=starttls,
        is_certain=is_certain,
    )


def _binary(protocol: str, cause: str, pattern: bytes, starttls: str = "") -> Signature:
    return Signature(
        protocol=protocol,
        cause=cause,
        pattern=re.compile(pattern, re.DOTALL),
        starttls=starttls,
    )


SIGNATURES: Final[tuple[Signature, ...]] = (
    # -- HTTP without TLS. A server that cannot make out a request line may answer with
    #    a page and no status line, as HTTP/0.9 did.
    _text("HTTP", PLAINTEXT_HTTP, rb"HTTP/[0-9]"),
    _text("HTTP", PLAINTEXT_HTTP, rb"\s{0,8}<(?:!doctype html|html|head|body|h1)[\s>]"),
    # HTTP/2 opens with SETTINGS on stream 0 (RFC 9113 section 3.4); GOAWAY refuses.
    _binary("HTTP/2", PLAINTEXT_HTTP, rb"\x00\x00[\x00-\x60][\x04\x07]\x00\x00\x00\x00\x00"),
    # -- protocols that ask for TLS in their own words. Banners that only a word tells
    #    apart come before the general form.
    _text("LMTP", STARTTLS_NEEDED, rb"220[ -][^\r\n]*\bLMTP\b", "lmtp"),
    # FTP before SMTP, whose words are also parts of host names: "220 mail.example FTP server".
    _text(
        "FTP",
        STARTTLS_NEEDED,
        rb"(?:220|421|500|530)[ -](?![^\r\n]*SMTP)[^\r\n]*(?:FTP|FileZilla)",
        "ftp",
    ),
    _text(
        "SMTP",
        STARTTLS_NEEDED,
        rb"(?:220|421|450|521|554)[ -][^\r\n]*(?:SMTP|postfix|exim|sendmail)",
        "smtp",
    ),
    _text(
        "SMTP",
        STARTTLS_NEEDED,
        rb"(?:220|421|450|521|554)[ -][^\r\n]*\b(?:mail|MX)\b",
        "smtp",
        is_certain=False,
    ),
    _text("SMTP", STARTTLS_NEEDED, rb"5[0-9][0-9][ -]5\.[0-9]\.[0-9]", "smtp"),
    _text("FTP", STARTTLS_NEEDED, rb"220-[^\r\n]*(?:\r?\n)220[ -][^\r\n]*(?:FTP|FileZilla)", "ftp"),
    _text(SMTP_OR_FTP, STARTTLS_NEEDED, rb"(?:220|421|554)[ -]", is_certain=False),
    _text(
        "POP3",
        STARTTLS_NEEDED,
        rb"(?:\+OK|-ERR)[^\r\n]*(?:POP|\bready\b|dovecot)",
        "pop3",
    ),
    _text("POP3", STARTTLS_NEEDED, rb"\+OK(?:[ \r])", "pop3"),
    _text("IMAP", STARTTLS_NEEDED, rb"\* (?:OK|PREAUTH|BYE)\b", "imap"),
    _text(
        "NNTP", STARTTLS_NEEDED, rb"(?:200|201|400|502)[ -][^\r\n]*(?:NNTP|news|\bINN\b)", "nntp"
    ),
    _text("ManageSieve", STARTTLS_NEEDED, rb'"IMPLEMENTATION"', "sieve"),
    _text(
        "XMPP",
        STARTTLS_NEEDED,
        rb"\s{0,8}(?:<\?xml[^>]{0,64}\?>\s{0,8})?<stream:(?:stream|error)",
        "xmpp-client",
    ),
    _text("IRC", STARTTLS_NEEDED, rb"(?::[^ \r\n]+ )?(?:NOTICE (?:AUTH|\*) |ERROR :)", "irc"),
    # Initial handshake packet: length, sequence 0, protocol version 10, version string; or
    # an error packet (0xff) with its number, 1040 to 1159, before any greeting.
    _binary("MySQL", STARTTLS_NEEDED, rb"..\x00\x00\x0a[0-9][^\x00]{0,64}\x00", "mysql"),
    _binary("MySQL", STARTTLS_NEEDED, rb"..\x00[\x00-\x02]\xff[\x10-\x87]\x04", "mysql"),
    # ErrorResponse: 'E', length, then a field type 'S' with the severity; before protocol 3.0
    # 'E' and the text.
    _binary(
        "PostgreSQL",
        STARTTLS_NEEDED,
        rb"E(?:\x00\x00..S(?:FATAL|ERROR|PANIC)\x00|(?:FATAL|ERROR): )",
        "postgresql",
    ),
    # LDAPMessage: SEQUENCE, messageID, then bindResponse or extendedResponse
    # (RFC 4511 sections 4.1.1, 4.2.2 and 4.4.1).
    _binary(
        "LDAP",
        STARTTLS_NEEDED,
        rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x84....)\x02\x01.[\x61\x78]",
        "ldap",
    ),
    # TPKT version 3 with an X.224 connection confirm, disconnect request, or data.
    _binary("RDP", STARTTLS_NEEDED, rb"\x03\x00\x00.(?:[^\x00][\xd0\x80]|\x02\xf0\x80)", "rdp"),
    # A TDS tabular result: type 4, end of message, length, SPID, packet id, window 0.
    _binary("MSSQL", STARTTLS_NEEDED, rb"\x04\x01\x00[\x08-\xff]....", "mssql"),
    # -- protocols that never turn into TLS on this port.
    # OpenSSH says the others when it is at its limit of connections.
    _text("SSH", OTHER, rb"(?:SSH-[0-9]|Exceeded MaxStartups\r\n|Not allowed at this time\r\n)"),
    _binary("VNC", OTHER, rb"RFB [0-9]{3}\.[0-9]{3}\n"),
    _binary("Telnet", OTHER, rb"\xff[\xfb-\xfe]"),
    _text("SIP", OTHER, rb"SIP/[0-9]"),
    _text("RTSP", OTHER, rb"RTSP/[0-9]"),
    _binary("AMQP", OTHER, rb"AMQP[\x00-\x03]"),
    _text("rsync", OTHER, rb"@RSYNCD:"),
    _text("Redis", OTHER, rb"-(?:ERR|NOAUTH|DENIED|MISCONF|LOADING|WRONGTYPE)\b"),
    _text("memcached", OTHER, rb"(?:CLIENT_|SERVER_)?ERROR(?: [^\r\n]*)?\r\n"),
    _text("Subversion", OTHER, rb"\( (?:success|failure) \( "),
    _text("Git", OTHER, rb"[0-9a-f]{4}ERR "),
    _text("Elasticsearch transport", OTHER, rb"This is not a[n]? HTTP port"),
    _text("Asterisk manager", OTHER, rb"Asterisk Call Manager/"),
    _text("beanstalkd", OTHER, rb"UNKNOWN_COMMAND\r\n"),
    _text("clamd", OTHER, rb"UNKNOWN COMMAND"),
    _text("Zabbix", OTHER, rb"ZBXD[\x01-\x07]"),
    _text("JDWP", OTHER, rb"JDWP-Handshake"),
    _text("printer job language", OTHER, rb"@PJL\b"),
    # SMB behind a NetBIOS session header, or a negative session response.
    _binary("SMB", OTHER, rb"(?:\x00...[\xff\xfe]SMB|\x83\x00\x00\x01[\x80-\x8f])"),
    # Length under 64 KiB, then OP_REPLY or OP_MSG in the fourth little-endian word.
    _binary("MongoDB", OTHER, rb"..\x00\x00.{8}(?:\x01\x00|\xdd\x07)\x00\x00"),
    _binary(
        "Oracle TNS",
        OTHER,
        rb"..\x00\x00[\x04\x0b\x0c].\x00\x00.{0,256}\((?:DESCRIPTION|ERR|ADDRESS)",
    ),
    # An ERROR frame of protocol 3 to 5: version, flags, stream, opcode 0, length, then error
    # 0x000A, a fault of the protocol.
    _binary("Cassandra", OTHER, rb"[\x83-\x85][\x00-\x1f]..\x00\x00\x00..\x00\x00\x00\x0a"),
    # CONNACK with its two octets (MQTT 3.1.1 section 3.2); BGP's marker (RFC 4271 section 4.1).
    _binary("MQTT", OTHER, rb"\x20[\x02\x03][\x00\x01]."),
    _binary("BGP", OTHER, rb"\xff{16}\x00."),
    # -- SSL 2.0: a record header of two octets with the high bit set, then an ERROR of three
    #    octets, or a SERVER-HELLO, which holds a certificate and has hundreds.
    _binary(
        "SSL 2.0",
        TOO_OLD,
        rb"\x80\x03\x00\x00[\x01-\x06]|[\x80-\xbf].\x04[\x00\x01][\x00\x01]\x00\x02",
    ),
)
"""Tried in order; the first that fits names the protocol."""


GREET_ALIKE: Final = frozenset({"smtp", "lmtp", "ftp"})
"""Dialogues whose servers all greet with 220, and only a word tells them apart."""

TLS_AT_ONCE: Final = Signature(
    protocol="TLS from the first octet",
    cause=OTHER,
    pattern=re.compile(rb"[\x14-\x18]\x03[\x00-\x04]"),
    starttls="none",
)
"""What answers a plain dialogue with TLS records, most often an alert (RFC 8446 section 5.1).
Not of the table: where TLS is expected it is no other protocol."""


def identify(first_octets: bytes) -> Signature | None:
    """The protocol whose first octets these are, None for one that is not in the table.

    Args:
        first_octets: what the peer sent first, at most `limits.BANNER_OCTETS`.
    """
    for signature in SIGNATURES:
        if signature.pattern.match(first_octets):
            return signature
    return None


def identify_in_dialogue(first_octets: bytes, kind: str) -> Signature | None:
    """The protocol that answered in place of the dialogue's own.

    Args:
        first_octets: what the peer sent first.
        kind: the dialogue's.

    Returns:
        None when the octets are in no table, or may be the dialogue's protocol after all.
    """
    if TLS_AT_ONCE.pattern.match(first_octets):
        return TLS_AT_ONCE
    found = identify(first_octets)
    if found is None or _family(found.starttls) == _family(kind):
        return None
    return found if found.is_certain or kind not in GREET_ALIKE else None


def _family(kind: str) -> str:
    """Clients and servers of XMPP are greeted alike."""
    return kind.partition("-")[0]


HTTP_STATUS: Final = re.compile(rb"HTTP/[0-9](?:\.[0-9])? ([1-5][0-9]{2})(?![0-9])")
"""A status line (RFC 9112 section 4); group 1 is the code."""

BLOCK_PAGE_STATUS: Final = frozenset({302, 303, 307, 401, 403, 407, 451, 502, 503, 511})
"""Codes that filters, captive portals and proxies answer with, as honest servers do:
RFC 9110 sections 15.4 to 15.6, RFC 7725 section 3, RFC 6585 section 6."""

BLOCK_WORDS: Final = re.compile(
    rb"block(?:ed\b|ing\b| ?page)|access denied|web ?filter|content filter|captive|hotspot"
    rb"|acceptable use|security policy|fortigate|fortiguard|zscaler|blue ?coat|websense"
    rb"|forcepoint|netskope|squid|umbrella\.com",
    re.IGNORECASE,
)
"""Words of pages that filters, captive portals and proxies write, whatever the code."""


_SAYS_BLOCKED: Final = re.compile(
    rb"(?:page|site|url|content) (?:(?:is|was|has been) )?blocked|block ?page|web ?filter"
    rb"|(?:content|url) filter|captive ?portal|hotspot login|fortiguard|squidguard"
    rb"|zscaler|websense|forcepoint|netskope|blue ?coat|umbrella\.com",
    re.IGNORECASE,
)
"""Words that no page has which a server shows on its own behalf."""

_SAYING_STATUS: Final = frozenset({451, 511})
"""Unavailable For Legal Reasons (RFC 7725 section 3) and Network Authentication Required (RFC
6585 section 6): codes that mean it."""

_FIXED_PARTS: Final = re.compile(
    rb"\r?\n(?:Server|Location):[ \t]*([^\r\n?#]*)|<title>\s*([^<]*)", re.IGNORECASE
)
"""What a page says alike to everybody: its server, where it leads to, its title. Dates, the
asked URL and the asker's address stand in other places."""


def may_be_blocked(first_octets: bytes) -> bool:
    """Whether a page may be a filter's, by its code or its words."""
    status = http_status(first_octets)
    return status in BLOCK_PAGE_STATUS or BLOCK_WORDS.search(first_octets) is not None


def says_blocked(first_octets: bytes) -> bool:
    """Whether a page says itself that it comes from a filter or a captive portal."""
    status = http_status(first_octets)
    return status in _SAYING_STATUS or _SAYS_BLOCKED.search(first_octets) is not None


def page_fingerprint(first_octets: bytes) -> bytes:
    """The same for one page, whoever asks for whatever; another for another page.

    Args:
        first_octets: at most `limits.BANNER_OCTETS` of it.
    """
    digest = hashlib.sha256(str(http_status(first_octets)).encode())
    for found in _FIXED_PARTS.finditer(first_octets):
        part = (found.group(1) or found.group(2) or b"").strip()[:PAGE_PART]
        digest.update(b"\n" + re.sub(rb"[0-9]+", b"0", part))
    return digest.digest()


def http_status(first_octets: bytes) -> int | None:
    """The status code of an HTTP answer; None when it has no status line."""
    found = HTTP_STATUS.match(first_octets)
    return int(found.group(1)) if found else None


def first_line(first_octets: bytes) -> bytes:
    """Everything before the first line end: the banner as a person would quote it.

    Binary protocols have no lines: of them the first octets are told.
    """
    line = re.split(rb"[\r\n]", first_octets, maxsplit=1)[0]
    return line if line and b"\0" not in line else first_octets[:FIRST_OCTETS]

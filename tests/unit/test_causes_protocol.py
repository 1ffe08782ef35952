"""protocol.*: the first octets of what is no TLS."""

from __future__ import annotations

import time

import pytest

from fleetscan import limits
from fleetscan.causes import classify
from fleetscan.causes.banners import SIGNATURES, identify
from fleetscan.causes.model import Confidence
from fleetscan.vocabulary import STARTTLS_KINDS, STARTTLS_PORTS, Checked, EndedBy, Stage
from tests.facts_builder import case, cause_ids, confirmed, ended, facts, only_cause, spoke

HTTP = "protocol.plaintext_http"
STARTTLS = "protocol.starttls_needed"
OTHER = "protocol.other"

# Octets written by hand from each protocol's own document; the kind of dialogue where it has one.
OCTETS = [
    (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", "HTTP", HTTP, "HTTP"),
    (b"<html>\r\n<head><title>400 Bad Request", "HTTP", HTTP, "HTTP"),
    (b"\n<!DOCTYPE HTML PUBLIC", "HTTP", HTTP, "HTTP"),
    # RFC 9113 section 6.5: SETTINGS, no flags, stream 0.
    (bytes.fromhex("000012040000000000000300000064"), "HTTP/2", HTTP, "HTTP/2"),
    (b"220 mx.example ESMTP Postfix\r\n", "SMTP", STARTTLS, "smtp"),
    (b"554 5.7.1 You are not welcome\r\n", "SMTP", STARTTLS, "smtp"),
    (b"220 lists.example LMTP ready\r\n", "LMTP", STARTTLS, "lmtp"),
    (b"220 (vsFTPd 3.0.3)\r\n", "FTP", STARTTLS, "ftp"),
    (b"500 OOPS: vsftpd: cannot locate user\r\n", "FTP", STARTTLS, "ftp"),
    (b"220-Welcome\r\n220 ProFTPD Server\r\n", "FTP", STARTTLS, "ftp"),
    # A host name has words of another protocol; RFC 959 section 5.4 greets with 220 as well.
    (b"220 mail.example FTP server ready\r\n", "FTP", STARTTLS, "ftp"),
    (b"220 ftp.example ESMTP Postfix\r\n", "SMTP", STARTTLS, "smtp"),
    (b"220 hello\r\n", "SMTP or FTP", STARTTLS, "smtp or ftp"),
    (b"220 mail.example ready\r\n", "SMTP", STARTTLS, "smtp"),
    (b"+OK Dovecot ready.\r\n", "POP3", STARTTLS, "pop3"),
    (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", "IMAP", STARTTLS, "imap"),
    (b"* BYE Too many connections\r\n", "IMAP", STARTTLS, "imap"),
    (b"200 news.example InterNetNews NNRP server INN\r\n", "NNTP", STARTTLS, "nntp"),
    (b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n', "ManageSieve", STARTTLS, "sieve"),
    (b"<?xml version='1.0'?><stream:stream xmlns=", "XMPP", STARTTLS, "xmpp-client"),
    (b":irc.example NOTICE * :*** Looking up\r\n", "IRC", STARTTLS, "irc"),
    (b"ERROR :Closing Link: [127.0.0.1]\r\n", "IRC", STARTTLS, "irc"),
    # Handshake v10: length 74, sequence 0, version 10, "8.0.34".
    (bytes.fromhex("4a0000000a382e302e333400"), "MySQL", STARTTLS, "mysql"),
    # Error 1130 before any greeting: "Host ... is not allowed".
    (bytes.fromhex("45000000ff6a04486f737420"), "MySQL", STARTTLS, "mysql"),
    (b"E\x00\x00\x00\x40SFATAL\x00VFATAL\x00", "PostgreSQL", STARTTLS, "postgresql"),
    # The ErrorResponse of protocol 2.0.
    (b"EFATAL:  unsupported frontend protocol", "PostgreSQL", STARTTLS, "postgresql"),
    # RFC 4511 section 4.4.1: Notice of Disconnection, messageID 0, extendedResponse.
    (bytes.fromhex("30240201007824"), "LDAP", STARTTLS, "ldap"),
    # TPKT, X.224 connection confirm.
    (bytes.fromhex("030000130ed00000123400"), "RDP", STARTTLS, "rdp"),
    # X.224 data with MCS Disconnect Provider Ultimatum, as xrdp answers what it cannot read.
    (bytes.fromhex("0300000902f0802180"), "RDP", STARTTLS, "rdp"),
    (bytes.fromhex("0401002500000100"), "MSSQL", STARTTLS, "mssql"),
    (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "SSH", OTHER, "SSH"),
    # OpenSSH at MaxStartups, and under a penalty (PerSourcePenalties).
    (b"Exceeded MaxStartups\r\n", "SSH", OTHER, "SSH"),
    (b"Not allowed at this time\r\n", "SSH", OTHER, "SSH"),
    (b"RFB 003.008\n", "VNC", OTHER, "VNC"),
    (bytes.fromhex("fffd18fffd20"), "Telnet", OTHER, "Telnet"),
    (b"SIP/2.0 400 Bad Request\r\n", "SIP", OTHER, "SIP"),
    (b"RTSP/1.0 400 Bad Request\r\n", "RTSP", OTHER, "RTSP"),
    (b"AMQP\x00\x00\x09\x01", "AMQP", OTHER, "AMQP"),
    (b"@RSYNCD: 31.0\n", "rsync", OTHER, "rsync"),
    (b"-ERR unknown command\r\n", "Redis", OTHER, "Redis"),
    (b"-DENIED Redis is running in protected mode", "Redis", OTHER, "Redis"),
    (b"ERROR\r\n", "memcached", OTHER, "memcached"),
    (b"( success ( 2 2 ( ) ( edit-pipeline ) ) ) ", "Subversion", OTHER, "Subversion"),
    (b"This is not an HTTP port", "Elasticsearch transport", OTHER, "Elasticsearch transport"),
    (bytes.fromhex("00000045ff534d4272"), "SMB", OTHER, "SMB"),
    (bytes.fromhex("830000018f"), "SMB", OTHER, "SMB"),
    (bytes.fromhex("24000000010000000000000001000000"), "MongoDB", OTHER, "MongoDB"),
    # OP_MSG, 2013.
    (bytes.fromhex("240000000100000000000000dd070000"), "MongoDB", OTHER, "MongoDB"),
    # Version 4 response, stream 0, ERROR, 52 octets, code 0x0000000a, "Invalid or ...".
    (
        bytes.fromhex("8400000000000000340000000a002e") + b"Invalid or unsupported",
        "Cassandra",
        OTHER,
        "Cassandra",
    ),
    (bytes.fromhex("20020005"), "MQTT", OTHER, "MQTT"),
    (b"\xff" * 16 + bytes.fromhex("001d01"), "BGP", OTHER, "BGP"),
]


@pytest.mark.parametrize(("octets", "protocol", "cause_id", "kind"), OCTETS)
def test_a_protocol_is_known_by_its_first_octets(
    octets: bytes, protocol: str, cause_id: str, kind: str
) -> None:
    """causes.md: first octets settle it; which protocol is evidence."""
    cause = only_cause(spoke(octets, spoke_first=True))

    assert cause.entry.id == cause_id
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence["protocol"] == protocol
    assert cause.match.evidence["spoke_first"] == "yes"
    assert cause.match.remedy_values in {(kind,), ()}


def test_every_row_of_the_table_is_tried() -> None:
    """Each signature is the first to fit at least one of the hand-written octets or is general."""
    hit = {identify(octets) for octets, *_ in OCTETS}
    missed = {signature.protocol for signature in SIGNATURES} - {
        each.protocol for each in hit if each
    }

    assert missed == {
        *("Git", "Asterisk manager", "beanstalkd", "clamd", "Zabbix", "JDWP"),
        *("printer job language", "Oracle TNS", "SSL 2.0"),
    }


@pytest.mark.parametrize(
    ("octets", "protocol"),
    [
        (b"003cERR access denied", "Git"),
        (b"Asterisk Call Manager/7.0.3\r\n", "Asterisk manager"),
        (b"UNKNOWN_COMMAND\r\n", "beanstalkd"),
        (b"UNKNOWN COMMAND\n", "clamd"),
        (b"ZBXD\x01\x00", "Zabbix"),
        (b"JDWP-Handshake", "JDWP"),
        (b"@PJL USTATUS", "printer job language"),
        (bytes.fromhex("00590000040000002200004d") + b"(DESCRIPTION=(ERR=1153)", "Oracle TNS"),
    ],
)
def test_rare_protocols(octets: bytes, protocol: str) -> None:
    """The rest of the table."""
    found = identify(octets)

    assert found is not None and found.protocol == protocol


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x10",
        b"\x00",
        b"hello world",
        b"\x80\x16\x03\x01",
        # Numbers where a MongoDB message has its code, and no length before them.
        b"\x09\x08\x07\x06" + bytes(8) + b"\x01\x00\x00\x00",
    ],
)
def test_tls_and_noise_are_no_protocol(octets: bytes) -> None:
    """A record of TLS is never taken for something else."""
    assert identify(octets) is None


def test_naming_a_protocol_takes_linear_time() -> None:
    """No pattern may be made to backtrack by the 4,096 octets that a peer chooses."""
    shapes = [
        b"220-",
        b"+OK <",
        b"-ERR <",
        b" <",
        b":a ",
        b"<?xml ",
        b"\xff",
        b"\x00",
        b"220 MX",
        b"(",
    ]
    texts = [(shape * limits.BANNER_OCTETS)[: limits.BANNER_OCTETS] for shape in shapes]
    texts += [shape + b"x" * (limits.BANNER_OCTETS - len(shape)) for shape in shapes]
    started = time.process_time()

    for text in texts:
        identify(text)

    assert time.process_time() - started < 0.5


def test_nothing_known_is_garbage() -> None:
    """The octets are the evidence, in hexadecimal and as text."""
    cause = only_cause(spoke(b"\x01\x02\x1b[2Jboo" + bytes(100)))

    assert cause.entry.id == "protocol.garbage"
    assert cause.match.evidence["first_octets"].startswith("01021b5b324a626f6f00")
    assert len(cause.match.evidence["first_octets"]) == 2 * limits.FIRST_OCTETS
    assert cause.match.evidence["text"].startswith("\\x01\\x02\\x1b[2Jboo\\x00")


def test_a_page_that_a_filter_may_have_written() -> None:
    """causes.md: a block page is settled by the same page from unrelated addresses."""
    blocked = only_cause(spoke(b"HTTP/1.1 403 Forbidden\r\n\r\nGo away")).match
    plain = only_cause(spoke(b"HTTP/1.1 400 Bad Request\r\n")).match

    assert blocked.alternatives == ("interference.block_page",)
    assert blocked.evidence["status"] == "403"
    assert plain.alternatives == ()
    assert plain.evidence["status"] == "400"


@pytest.mark.parametrize(
    ("page", "blocked"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<title>Web Filter Violation</title>", True),
        (b"HTTP/1.0 200 OK\r\nServer: squid/5.7\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nThis site is BLOCKED by your company", True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nAccess Denied", True),
        (b"<html><body>Acceptable use: this page was blocked", True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", False),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://www.example.com/\r\n\r\n", False),
        (b"HTTP/1.1 400 Bad Request\r\nX-XSS-Protection: 1; mode=block\r\n", False),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Security-Policy: default-src\r\n", False),
    ],
)
def test_words_of_a_block_page_name_it_as_an_alternative(page: bytes, blocked: bool) -> None:
    """causes.md: a page in place of TLS may be a filter's, whatever its code."""
    cause = classify(case(spoke(page))).causes[-1]

    assert cause.entry.id == HTTP
    assert cause.match.alternatives == (("interference.block_page",) if blocked else ())
    assert bool(cause.match.missing) is blocked


@pytest.mark.parametrize(
    ("port", "kind"), [(21, "ftp"), (25, "smtp"), (587, "smtp"), (143, "smtp or ftp")]
)
def test_a_greeting_of_two_protocols_is_told_by_its_port(port: int, kind: str) -> None:
    """SMTP and FTP may both greet with a bare 220: IANA's port says which dialogue to try."""
    cause = only_cause(case(spoke(b"220 hello\r\n"), port=port))

    assert cause.match.evidence["protocol"] == "SMTP or FTP"
    assert cause.match.remedy_values == (kind,)


def test_the_banner_is_escaped_and_one_line() -> None:
    """No peer string reaches a terminal as it came."""
    match = only_cause(spoke(b"SSH-2.0-\x1b]0;x\x07evil\r\nsecond line")).match

    assert match.evidence["banner"] == "SSH-2.0-\\x1b]0;x\\x07evil"


def test_the_banner_of_a_binary_protocol_is_no_line() -> None:
    """MySQL's version 10 is a line feed: what follows it names the server."""
    match = only_cause(spoke(bytes.fromhex("4a0000000a") + b"8.0.34\0")).match

    assert match.evidence["banner"] == "J\\x00\\x00\\x00\\n8.0.34\\x00"


@pytest.mark.parametrize("port", [443, 465, 993, 25])
def test_a_greeting_needs_a_dialogue_on_every_port(port: int) -> None:
    """A greeting on a port for TLS from the first octet is the same fault."""
    cause = only_cause(case(spoke(b"220 mx ESMTP\r\n"), port=port))

    assert cause.entry.id == STARTTLS
    assert cause.match.evidence["port"] == str(port)


def test_a_refused_dialogue_is_its_own_cause() -> None:
    """causes.md: asked for and refused, or not offered."""
    cause = only_cause(
        facts(
            stage=Stage.STARTTLS,
            offer=None,
            history="",
            starttls="smtp",
            starttls_refusal="454 TLS not available\x1b[0m",
            ended_by=EndedBy.US,
            octets_received=60,
        )
    )

    assert cause.entry.id == "protocol.starttls_refused"
    assert cause.match.evidence == {
        "starttls": "smtp",
        "answer": "454 TLS not available\\x1b[0m",
        "port": "443",
    }


@pytest.mark.parametrize(
    ("seen", "absent"),
    [
        pytest.param(
            ended(EndedBy.FIN, is_tls=Checked.YES, first_octets=b"SSH-2.0-x"), OTHER, id="it-is-tls"
        ),
        pytest.param(confirmed(first_octets=b"SSH-2.0-x"), OTHER, id="established"),
        pytest.param(spoke(b"SSH-2.0-x", starttls="smtp"), OTHER, id="inside-a-dialogue"),
        pytest.param(spoke(b"no such words"), OTHER, id="unknown-words"),
        pytest.param(
            ended(EndedBy.FIN, first_octets=b"??", octets_received=2),
            "protocol.garbage",
            id="too-few-to-tell",
        ),
    ],
)
def test_protocols_leave_their_look_alikes_alone(seen: object, absent: str) -> None:
    """One case per condition."""
    assert absent not in cause_ids(seen)  # type: ignore[arg-type]


def test_words_before_an_early_end_still_name_the_protocol() -> None:
    """A server may greet and hang up before the client judged the octets."""
    seen = ended(EndedBy.FIN, first_octets=b"SSH-2.0-x\r\n", octets_received=11, spoke_first=True)

    assert cause_ids(seen) == ["protocol.other"]


def test_an_ssl2_answer_is_an_old_version() -> None:
    """An SSL 2.0 ERROR record: two-octet header, message 0, code 1 (no cipher)."""
    cause = only_cause(spoke(bytes.fromhex("8003000001")))

    assert cause.entry.id == "version.too_old"
    assert cause.match.evidence["version"] == "SSL 2.0"


def test_an_ssl2_server_hello_with_a_certificate_is_an_old_version() -> None:
    """SSL 2.0: the header's length has 15 bits; message 4, no session, X.509, version 0x0002."""
    cause = only_cause(spoke(bytes.fromhex("836a04000100020340")))

    assert cause.entry.id == "version.too_old"


def test_ports_name_dialogues_of_the_table() -> None:
    """The kinds are those of the dialogues, spelt alike, and only XMPP greets two of them."""
    kinds = {signature.starttls for signature in SIGNATURES if signature.starttls}

    assert set(STARTTLS_KINDS) - kinds == {"xmpp-server"}
    assert kinds <= set(STARTTLS_KINDS)
    assert set(STARTTLS_PORTS.values()) == set(STARTTLS_KINDS)


def test_words_in_the_middle_of_a_dialogue_are_suspected() -> None:
    """After a plain dialogue that agreed, what comes in place of TLS may be more of it."""
    cause = only_cause(spoke(b"250 never mind", starttls="smtp"))

    assert cause.entry.id == "protocol.garbage"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.alternatives == ("protocol.other", "server.protocol_violation")

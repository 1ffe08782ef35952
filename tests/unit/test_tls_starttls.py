"""The dialogues that lead to TLS: what is said to whom, and every way they can end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import STARTTLS_KINDS, Conversation
from fleetscan.tls.starttls import DIALOGUES, begin
from fleetscan.tls.starttls.dialogue import Dialogue
from fleetscan.tls.starttls.mssql import TdsTunnel
from fleetscan.vocabulary import CLIENT_SPEAKS_FIRST, STARTTLS_PORTS, Checked, ConfirmedBy, Stage
from tests.starttls_scripts import (
    AGREED,
    LDAP_SUCCESS,
    XMPP_FEATURES,
    XMPP_HEAD,
    XMPP_PROCEED,
    XMPP_STREAM,
    mysql_error,
    mysql_greeting,
    postgresql_error,
    rdp_answer,
    tds_answer,
)
from tests.tls_peers import (
    NAME,
    OpenSslPeer,
    conversation,
    facts_of,
    server_context,
    server_tls12,
    single_octets,
    violations,
    whole,
)

Cut = Callable[[bytes], Iterable[bytes]]


def test_every_kind_is_complete() -> None:
    """A kind has its machine, its script here, and ports only of kinds that exist."""
    assert tuple(DIALOGUES) == STARTTLS_KINDS
    assert set(AGREED) == set(STARTTLS_KINDS)
    assert set(STARTTLS_PORTS.values()) <= set(STARTTLS_KINDS)


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
def test_who_speaks_first_is_the_documents_choice(kind: str) -> None:
    """Only where the client has words at once may silence be the server's right."""
    assert (begin(kind, NAME).start() != b"") is (kind in CLIENT_SPEAKS_FIRST)


# -- yes -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_a_dialogue_says_the_documents_words(kind: str, cut: Cut) -> None:
    """Turn by turn, in one piece and octet by octet."""
    dialogue = begin(kind, NAME)
    for number, (told, expected) in enumerate(AGREED[kind]):
        said = dialogue.start() if number == 0 else b"".join(map(dialogue.receive, cut(told)))

        assert said == expected
    assert dialogue.agreed
    assert (dialogue.refusal, dialogue.is_other, dialogue.is_excessive) == ("", False, False)
    assert dialogue.rest == b""


class TdsPeer:
    """OpenSSL behind packets of TDS, by MS-TDS section 3.2.5.2: its handshake goes in them."""

    def __init__(self, peer: OpenSslPeer) -> None:
        self._peer = peer

    def receive(self, octets: bytes) -> bytes:
        """Take the client's octets and give back the server's."""
        inside = not self._peer.done
        told = b""
        while inside and octets:
            assert octets[0] == 0x12
            length = int.from_bytes(octets[2:4], "big")
            assert octets[1] == int(length == len(octets))
            told, octets = told + octets[8:length], octets[length:]
        answer = self._peer.receive(told or octets)
        if not inside or not answer:
            return answer
        parts = [answer[at : at + 500] for at in range(0, len(answer), 500)]
        return b"".join(
            bytes((0x12, number == len(parts)))
            + (8 + len(part)).to_bytes(2, "big")
            + bytes(4)
            + part
            for number, part in enumerate(parts, 1)
        )


def finish(client: Conversation, kind: str, hello: bytes, peer: OpenSslPeer, cut: Cut) -> None:
    """The handshake behind a dialogue, then our goodbye."""
    inside: Any = TdsPeer(peer) if kind == "mssql" else peer
    said = hello
    for _ in range(4):
        said = b"".join(client.receive(part, 3.0) for part in cut(inside.receive(said)))
        if not said:
            break
    inside.receive(client.close(4.0))


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
@pytest.mark.parametrize("cut", [whole, single_octets])
@pytest.mark.parametrize("newer", [True, False])
def test_a_dialogue_leads_to_a_complete_handshake(kind: str, cut: Cut, newer: bool) -> None:
    """TLS 1.3 and 1.2 with a real peer behind each dialogue, up to a goodbye it understands."""
    client = conversation(starttls=kind)
    said = client.start(1.0)
    assert client.stage is Stage.STARTTLS
    assert client.waiting == "first_octet"
    for told, _ in AGREED[kind][1:]:
        said = b"".join(client.receive(part, 2.0) for part in cut(told))
    assert client.waiting == "handshake"
    expected = AGREED[kind][-1][1]
    assert said.startswith(expected)

    peer = OpenSslPeer(server_context() if newer else server_tls12())
    finish(client, kind, said.removeprefix(expected), peer, cut)

    facts = facts_of(client)
    assert facts.confirmed_by is (ConfirmedBy.TICKET if newer else ConfirmedBy.FINISHED)
    assert (facts.starttls, facts.starttls_refusal) == (kind, "")
    assert facts.starttls_agreed is Checked.YES
    assert facts.starttls_octets == sum(len(told) for told, _ in AGREED[kind])
    assert peer.error is None
    assert peer.connection.read(10) == b""


def test_a_name_cannot_break_out_of_its_attribute() -> None:
    """`to` holds the name, escaped (XML 1.0 section 2.4); without a name it is left out."""
    named = begin("xmpp-client", "a'b<c&d").start()
    nameless = begin("xmpp-server", "").start()

    assert b" to='a&#x27;b&lt;c&amp;d' " in named
    assert nameless == (XMPP_HEAD % b"jabber:server").replace(b" to='server.test'", b"")


def test_octets_behind_the_agreement_are_judged_as_tls() -> None:
    """A line injected behind STARTTLS's answer is no TLS, and is not swallowed."""
    client = conversation(starttls="pop3")
    client.start(1.0)
    client.receive(b"+OK\r\n+OK go\r\nEVIL\r\n", 2.0)
    facts = facts_of(client)

    assert facts.is_tls is Checked.NO
    assert facts.first_octets == b"EVIL\r\n"
    assert violations(client.events) == []


@pytest.mark.parametrize(
    "length_form",
    [
        "300f 020101 780a 0a0100 0400 0403 666f6f",
        "3084 00000013 020101 7884 0000000a 0a0100 0400 0403 666f6f",
        "30 82 0013 020101 78 82 000c 0a0100 0400 0403 666f6f 8a00",
    ],
)
def test_ber_lengths_have_three_forms(length_form: str) -> None:
    """X.690 section 8.1.3: short and long, as Microsoft's servers write it, and more fields."""
    dialogue = begin("ldap", "")
    dialogue.receive(bytes.fromhex(length_form))

    assert dialogue.agreed
    assert dialogue.rest == b""


# -- no --------------------------------------------------------------------------------

LDAP_NO = bytes.fromhex("3020 020101 781b 0a0102 0400 0414") + b"unsupported extended"
# RFC 4511 section 4.4.1: message 0, unavailable(52), its name in responseName.
LDAP_GONE = bytes.fromhex("3026 020100 7821 0a0134 0400 0402 6279 8a16") + b"1.3.6.1.4.1.1466.20036"

REFUSED = [
    ("smtp", b"554 go away\r\n", "554 go away"),
    ("smtp", b"421-try\r\n421 later\r\n", "421 later"),
    ("smtp", b"220 hi\r\n502 no such command\r\n", "502 no such command"),
    ("smtp", b"220 x\r\n250-x\r\n250 STARTTLS\r\n454 not now\r\n", "454 not now"),
    ("lmtp", b"220 hi\r\n500 what\r\n", "500 what"),
    ("ftp", b"421 full\r\n", "421 full"),
    ("ftp", b"220 hi\r\n530 no\r\n", "530 no"),
    ("ftp", b"220 hi\r\n334 more\r\n", "334 more"),  # RFC 2228: a mechanism with more steps
    ("nntp", b"400 busy\r\n", "400 busy"),
    ("nntp", b"201 hi\r\n101 x\r\nSTARTTLS\r\n.\r\n580 no\r\n", "580 no"),
    ("nntp", b"200 hi\r\n500 what\r\n502 no\r\n", "502 no"),
    ("imap", b"* BYE too many\r\n", "* BYE too many"),
    ("imap", b"* PREAUTH welcome back\r\n", "* PREAUTH welcome back"),
    ("imap", b"* OK hi\r\n* CAPABILITY STARTTLS\r\nA1 OK\r\nA2 NO later\r\n", "A2 NO later"),
    ("imap", b"* OK hi\r\nA1 BAD what\r\nA2 BAD what\r\n", "A2 BAD what"),
    ("imap", b"* OK hi\r\n* BYE timeout\r\n", "* BYE timeout"),
    ("pop3", b"-ERR\r\n", "-ERR"),
    ("pop3", b"+OK\r\n-ERR unknown command\r\n", "-ERR unknown command"),
    ("sieve", b'NO "go away"\r\n', 'NO "go away"'),
    ("sieve", b'"IMPLEMENTATION" "x"\r\nBYE "full"\r\n', 'BYE "full"'),
    ("sieve", b'"STARTTLS"\r\nOK\r\nNO(TRYLATER) "x"\r\n', 'NO(TRYLATER) "x"'),
    (
        "xmpp-client",
        XMPP_STREAM + XMPP_FEATURES + b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ),
    # RFC 6120 section 4.9.1.3, the example.
    (
        "xmpp-server",
        XMPP_STREAM + b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>",
        "stream error: host-unknown",
    ),
    # The head of a stream that begins with an error may lack what others have.
    (
        "xmpp-client",
        b"<?xml version='1.0'?><stream:stream id=''><stream:error><improper-addressing/>",
        "stream error: improper-addressing",
    ),
    ("xmpp-client", XMPP_STREAM + b"</stream:stream>", "</stream:stream>"),
    (
        "xmpp-client",
        XMPP_STREAM + XMPP_FEATURES + b"<stream:error>\n<internal-server-error/>",
        "stream error: internal-server-error",
    ),
    ("ldap", LDAP_NO, "protocolError (2) unsupported extended"),
    ("ldap", LDAP_GONE, "unavailable (52) by"),
    ("ldap", bytes.fromhex("300c 020101 6107 0a0100 0400 0400"), "protocolOp 0x61"),
    ("ldap", bytes.fromhex("300c 020101 7807 0a0163 0400 0400"), "resultCode (99)"),
    # Nobody asked: success of message 0 agrees to nothing.
    ("ldap", bytes.fromhex("300c 020100 7807 0a0100 0400 0400"), "resultCode (0)"),
    ("postgresql", b"N", "N"),
    (
        "postgresql",
        postgresql_error(b"SFATAL", b"C53300", b"Msorry, too many clients already"),
        "FATAL: sorry, too many clients already",
    ),
    (
        "postgresql",
        b"EFATAL:  unsupported frontend protocol\n\0",
        "FATAL:  unsupported frontend protocol",
    ),
    ("mysql", mysql_error(1129, b"Host 'x' is blocked"), "1129 Host 'x' is blocked"),
    ("mysql", mysql_error(1040, b"#08004Too many connections"), "1040 Too many connections"),
    ("mssql", bytes.fromhex("0401000d00000100aa01020304"), "no ENCRYPTION option: aa01020304"),
    ("rdp", rdp_answer("0300080005000000"), "HYBRID_REQUIRED_BY_SERVER (5)"),
    ("rdp", rdp_answer("0300080063000000"), "failureCode (99)"),
    ("rdp", bytes.fromhex("0300000b06800000123400"), "X.224 disconnect request"),
    # MCS Disconnect Provider Ultimatum (T.125 section 11.15), as xrdp ends a connection.
    ("rdp", bytes.fromhex("0300000902f0802180"), "X.224 data: 2180"),
    ("irc", b"ERROR :Closing Link: banned\r\n", "ERROR :Closing Link: banned"),
    ("irc", b":x CAP * LS :tls\r\n:x 691 * :STARTTLS failed\r\n", ":x 691 * :STARTTLS failed"),
    ("irc", b":x 421 * CAP :Unknown\r\n:x 451 * :Register first\r\n", ":x 451 * :Register first"),
    ("pop3", b"-ERR \x1b[31mred\x07\r\n", "-ERR \\x1b[31mred\\x07"),
]


@pytest.mark.parametrize(("kind", "told", "refusal"), REFUSED)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_a_refusal_is_the_peers_own_words(kind: str, told: bytes, refusal: str, cut: Cut) -> None:
    """They end the dialogue at starttls, as evidence, escaped; nothing more is said."""
    client = conversation(starttls=kind)
    client.start(1.0)
    for part in cut(told):
        client.receive(part, 2.0)
    if client.waiting == "banner":  # PostgreSQL's no is one only when nothing follows it
        client.silence(3.0)
    facts = facts_of(client)

    assert client.finished
    assert facts.starttls_refusal == refusal
    assert facts.starttls_refusal.isprintable()
    assert (facts.stage, facts.starttls) == (Stage.STARTTLS, kind)
    assert facts.starttls_agreed is Checked.NO
    assert facts.starttls_offered is not Checked.NO
    assert facts.offer is None
    assert client.close(3.0) == b""


NOT_OFFERED = [
    ("smtp", b"220 hi\r\n250-x greets\r\n250-SIZE 100\r\n250 HELP\r\n", "SIZE, HELP"),
    ("smtp", b"220 hi\r\n250 STARTTLS is my name\r\n", "(nothing)"),
    ("smtp", b"220 hi\r\n250-x\r\n250 XSTARTTLS\r\n", "XSTARTTLS"),
    ("lmtp", b"220 hi\r\n250-x\r\n250 PIPELINING\r\n", "PIPELINING"),
    ("nntp", b"200 hi\r\n101 list\r\nVERSION 2\r\nREADER\r\n.\r\n", "VERSION 2, READER"),
    ("imap", b"* OK hi\r\n* CAPABILITY IMAP4rev1 IDLE\r\nA1 OK\r\n", "IMAP4REV1, IDLE"),
    ("sieve", b'"IMPLEMENTATION" "STARTTLS"\r\n"SASL" ""\r\nOK\r\n', "IMPLEMENTATION, SASL"),
    ("xmpp-client", XMPP_STREAM + b"<stream:features/>", "(nothing)"),
    (
        "xmpp-client",
        XMPP_STREAM + b"<s:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        b"<mechanism>PLAIN</mechanism></mechanisms><bind/></s:features>",
        "mechanisms, bind",
    ),
    # A tag of that name in another namespace is another thing.
    (
        "xmpp-client",
        XMPP_STREAM + b"<s:features><starttls xmlns='x'/></s:features>",
        "starttls",
    ),
    # RFC 6120 section 4.7.5: no version, no features.
    ("xmpp-server", b"<stream:stream xmlns='jabber:server' id='x'>", "(nothing)"),
    ("mysql", mysql_greeting(0xF7FF, b"5.5.2-m2"), "5.5.2-m2"),
    ("mysql", bytes.fromhex("07000000 09") + b"3.20\0\0", "3.20"),
    ("mssql", tds_answer(2), "ENCRYPT_NOT_SUP"),
    ("rdp", rdp_answer(""), "Standard RDP Security"),
    ("rdp", rdp_answer("0200080000000000"), "Standard RDP Security"),
    ("irc", b":x CAP * LS :sasl multi-prefix\r\n", "sasl, multi-prefix"),
    ("irc", b":x CAP * LS :tlsx\r\n", "tlsx"),
]


@pytest.mark.parametrize(("kind", "told", "offers"), NOT_OFFERED)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_what_is_not_offered_is_not_asked_for(
    kind: str, told: bytes, offers: str, cut: Cut
) -> None:
    """The list that lacks it is the evidence, and the request is not sent."""
    client = conversation(starttls=kind)
    said = client.start(1.0) + b"".join(client.receive(part, 2.0) for part in cut(told))
    if client.waiting == "banner":  # a stream without a version: an error might follow
        client.silence(3.0)
    facts = facts_of(client)

    assert client.finished
    assert (facts.starttls_offered, facts.starttls_refusal) == (Checked.NO, offers)
    assert facts.starttls_agreed is Checked.NO
    assert b"STARTTLS" not in said.upper()


@pytest.mark.parametrize("encryption", [0, 1, 3, 0x81])
def test_sql_server_encrypts_what_we_asked_for(encryption: int) -> None:
    """MS-TDS section 2.2.6.5: OFF is for the login alone, REQ and a certificate ask for more."""
    dialogue = begin("mssql", "")
    dialogue.receive(tds_answer(encryption))

    assert dialogue.agreed


def test_a_prelogin_answer_may_come_in_two_packets() -> None:
    """The status of the last says that it is (MS-TDS section 2.2.3.1.2)."""
    dialogue = begin("mssql", "")
    payload = tds_answer(1)[8:]
    dialogue.receive(bytes.fromhex("0400000d00000100") + payload[:5])
    assert not dialogue.is_over
    dialogue.receive(bytes.fromhex("0401002600000200") + payload[5:])

    assert dialogue.agreed


@pytest.mark.parametrize("selected", [1, 2, 8])
def test_rdp_with_credssp_begins_with_tls_as_well(selected: int) -> None:
    """MS-RDPBCGR section 2.2.1.2.1: SSL, HYBRID and HYBRID_EX."""
    dialogue = begin("rdp", "")
    dialogue.receive(rdp_answer(f"02000800{selected:02x}000000"))

    assert dialogue.agreed


@pytest.mark.parametrize("silent", [True, False])
def test_postgresqls_no_waits_for_what_may_follow(silent: bool) -> None:
    """Until then it is no refusal; silence or the end makes it one, once."""
    client = conversation(starttls="postgresql")
    client.start(1.0)
    client.receive(b"N", 2.0)
    assert client.waiting == "banner" and not client.finished
    assert facts_of(client).starttls_refusal == ""
    if silent:
        client.silence(3.0)
    client.receive_end(4.0)
    client.receive(b"OTICE", 5.0)

    assert client.finished
    told = [event for event in client.events if isinstance(event, seen.StartTlsAnswered)]
    assert [(event.refusal, event.octets) for event in told] == [("N", 1)]


# -- another protocol ------------------------------------------------------------------

ALERT = bytes.fromhex("15030100020246")  # protocol_version(70), RFC 8446 section 6
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"

OTHERS = [
    *((kind, SSH) for kind in STARTTLS_KINDS),
    *((kind, HTTP) for kind in STARTTLS_KINDS),
    *(
        (kind, b"220 mail.test ESMTP Postfix\r\n")
        for kind in STARTTLS_KINDS
        if kind not in ("smtp", "lmtp", "ftp")
    ),
    *((kind, b"* OK ready\r\n") for kind in STARTTLS_KINDS if kind != "imap"),
    *((kind, b"+OK ready\r\n") for kind in STARTTLS_KINDS if kind != "pop3"),
    *((kind, ALERT) for kind in STARTTLS_KINDS),
    *((kind, bytes.fromhex("fffd18fffd20")) for kind in STARTTLS_KINDS),
    *((kind, mysql_greeting()) for kind in STARTTLS_KINDS if kind != "mysql"),
    *((kind, b"\r\n") for kind in ("smtp", "ftp", "pop3", "imap", "irc", "sieve")),
    ("smtp", b"200 news.test ready\r\n"),
    ("ftp", b"250 odd\r\n"),
    ("nntp", b"220 ready\r\n"),
    ("xmpp-client", b"<html><body>400</body></html>"),
    ("xmpp-client", b"</stream:stream>"),
    ("xmpp-client", b"<!DOCTYPE html>"),
    ("irc", b"ERROR\r\n"),  # memcached's answer to a command it does not know
    ("postgresql", b"ERROR\r\n"),
    ("postgresql", b"E\0\0\0\1x"),
    # Its two answers of one octet are also how others begin: 78 and 83 octets of a greeting.
    ("postgresql", b"NOTICE AUTH :*** Looking up your hostname\r\n"),
    ("postgresql", b"N\0\0\0\x0a8.0.34\0"),
    ("postgresql", b"S\0\0\0\x0a8.0.34\0"),
    ("ldap", bytes.fromhex("3003 020101")),
    ("ldap", bytes.fromhex("300c 040101 7807 0a0100 0400 0400")),  # an id that is no INTEGER
    ("ldap", bytes.fromhex("300c 020101 7807 020100 0400 0400")),  # a code that is no ENUMERATED
    ("ldap", bytes.fromhex("300b 020101 7806 0a00 0400 0400")),  # a code without an octet
    ("ldap", bytes.fromhex("300c 020101 7809 0a0100 0400 0400")),  # longer than its envelope
    ("ldap", bytes.fromhex("3080 0000")),  # X.690 section 8.1.3.6: not allowed in LDAP
    ("ldap", bytes.fromhex("3085 0000000001")),
    ("mysql", bytes.fromhex("0000 0000 0a")[:4] + b"\x0a"),
    ("mysql", bytes.fromhex("05000000 0a") + b"8.0."),  # a version that does not end
    ("mssql", bytes.fromhex("0401000800000100")),
    ("mssql", bytes.fromhex("04ff")),
    ("rdp", bytes.fromhex("03000005")),
    ("rdp", bytes.fromhex("0300000906d0000012")),  # a confirmation that is cut short
    ("rdp", bytes.fromhex("0300000b06e00000123400")),  # a request, not a confirmation
    ("rdp", rdp_answer("0900080001000000")),
]


@pytest.mark.parametrize(("kind", "told"), OTHERS)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_another_protocol_is_read_and_never_answered(kind: str, told: bytes, cut: Cut) -> None:
    """What came is evidence from its first octet on, however it was cut."""
    client = conversation(starttls=kind)
    client.start(1.0)
    said = b"".join(client.receive(part, 2.0) for part in cut(told))
    facts = facts_of(client)

    assert facts.first_octets == told
    assert facts.starttls_agreed is Checked.NO
    assert facts.starttls_refusal == ""
    assert facts.is_tls is (Checked.YES if told == ALERT else Checked.NO)
    assert client.waiting == "banner"
    if not (kind == "postgresql" and told[:1] == b"S"):  # agrees, until no TLS follows
        assert said == b""
        assert facts.stage is Stage.STARTTLS
    client.silence(3.0)
    assert client.finished
    assert client.close(4.0) == b""


def test_a_banner_in_a_dialogue_is_bounded() -> None:
    """No more is kept than names a protocol."""
    client = conversation(starttls="smtp")
    client.start(1.0)
    for _ in range(10):
        client.receive(b"x" * 1_000, 2.0)

    assert client.finished
    assert len(facts_of(client).first_octets) == limits.BANNER_OCTETS


# -- bounds ----------------------------------------------------------------------------

FLOODS = [
    ("smtp", b"2" * 3),
    ("smtp", b"220-more\r\n"),
    ("smtp", b"220-" + b"x" * 9_000 + b"\r\n"),
    ("pop3", b"+OK" + b" " * 500),
    ("imap", b"* OK hi\r\n"),
    ("nntp", b"200 hi\r\n101 x\r\n" + b"OVER\r\n" * 100),
    ("sieve", b'"X"\r\n'),
    ("irc", b":x NOTICE * :wait\r\n"),
    ("xmpp-client", b" " * 100),
    ("xmpp-client", XMPP_STREAM + b"<stream:features>" + b"<a>" * 1_000),
    ("xmpp-client", b"<" + b"a" * 9_000),
    ("ldap", bytes.fromhex("3084 7fffffff") + b"\0" * 500),
    ("postgresql", b"EFATAL" + b"x" * 500),
    ("postgresql", b"E\0\0\xff\xff" + b"x" * 500),
    ("mysql", b"\xff\xff\xff\0\x0a" + b"8" * 500),
    ("mssql", bytes.fromhex("0400ffff00000100") + bytes(500)),
    ("rdp", bytes.fromhex("0300ffff") + bytes(500)),
]


@pytest.mark.parametrize(("kind", "told"), FLOODS)
@pytest.mark.parametrize("size", [1, 1_000, 70_000])
def test_a_dialogue_is_bounded(kind: str, told: bytes, size: int) -> None:
    """More than the bounds of `limits` is the end of it, in little memory, whatever the cut."""
    flood = (
        (told * 20_000)[:70_000]
        if kind in ("smtp", "imap", "sieve", "irc")
        else (told + told[-500:] * 200)
    )
    client = conversation(starttls=kind)
    client.start(1.0)
    for at in range(0, len(flood), size):
        client.receive(flood[at : at + size], 2.0)
    facts = facts_of(client)

    ended = facts.violation == "flight_too_large" or facts.starttls_agreed is Checked.NO
    assert client.finished and ended
    assert facts.is_tls is not Checked.YES
    assert len(facts.starttls_refusal) <= limits.MAX_STARTTLS_OFFER
    assert client._dialogue is not None
    kept = len(client._dialogue.rest) + len(client._dialogue.first_octets)
    assert kept <= size + limits.MAX_STARTTLS_MESSAGE + limits.BANNER_OCTETS


def test_a_long_list_of_offers_is_cut() -> None:
    """Evidence has room for some of it."""
    dialogue = begin("smtp", "")
    dialogue.receive(b"220 x\r\n250-x\r\n" + b"250-KEYWORD\r\n" * 200 + b"250 END\r\n")

    assert dialogue.offered is Checked.NO
    assert len(dialogue.refusal) == limits.MAX_STARTTLS_OFFER


def test_a_silent_or_closing_peer_leaves_the_dialogue_open() -> None:
    """Neither agreed nor refused: the stage says where, and the kind is known."""
    client = conversation(starttls="smtp")
    client.start(1.0)
    client.receive(b"220 hi\r\n", 2.0)
    assert client.waiting == "handshake"
    client.receive_end(3.0)
    facts = facts_of(client)

    assert client.finished
    assert (facts.stage, facts.starttls, facts.starttls_refusal) == (Stage.STARTTLS, "smtp", "")
    assert facts.starttls_agreed is Checked.NOT_CHECKED


# -- cuts ------------------------------------------------------------------------------

Outcome = tuple[bytes, bool, str, bool, bool, Checked, bytes]


def outcome(kind: str, parts: Sequence[bytes]) -> Outcome:
    """All that a dialogue says and holds, told these parts; what is left over at its end."""
    dialogue: Dialogue = begin(kind, NAME)
    said = dialogue.start()
    left = b""
    for part in parts:
        if dialogue.is_over:
            left += part
        else:
            said += dialogue.receive(part)
    return (
        said,
        dialogue.agreed,
        dialogue.refusal,
        dialogue.is_other,
        dialogue.is_excessive,
        dialogue.offered,
        dialogue.rest + left if dialogue.agreed else b"",
    )


def cut_at(octets: bytes, places: Sequence[int]) -> list[bytes]:
    """The octets cut at these places."""
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:end] for start, end in pairwise(ends)]


WHOLE_SCRIPTS = [
    *(
        (kind, b"".join(told for told, _ in script) + b"\x16\x03")
        for kind, script in AGREED.items()
    ),
    *((kind, told) for kind, told, _ in REFUSED + NOT_OFFERED),
    *OTHERS,
]
PIECES = st.sampled_from([told for _, told in WHOLE_SCRIPTS])


@settings(max_examples=400)
@given(script=st.sampled_from(WHOLE_SCRIPTS), places=st.lists(st.integers(0, 600), max_size=8))
def test_where_segments_end_says_nothing(script: tuple[str, bytes], places: list[int]) -> None:
    """TCP has no messages: every cut of every dialogue here gives the same end and words."""
    kind, told = script

    assert outcome(kind, cut_at(told, places)) == outcome(kind, [told])


@settings(max_examples=400)
@given(
    kind=st.sampled_from(STARTTLS_KINDS),
    pieces=st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=4),
    places=st.lists(st.integers(0, 900), max_size=8),
)
@example(kind="smtp", pieces=[b"2", b"\n"], places=[1])
@example(kind="postgresql", pieces=[b"EF", b"E\0\0"], places=[1, 2])
def test_any_octets_end_alike_however_cut(
    kind: str, pieces: list[bytes], places: list[int]
) -> None:
    """The same for octets that no server says; one end at most, in words that can be shown."""
    told = b"".join(pieces)
    ended = outcome(kind, [told])

    assert outcome(kind, cut_at(told, places)) == ended
    assert outcome(kind, single_octets(told)) == ended
    assert sum(map(bool, ended[1:5])) <= 1
    assert ended[2].isprintable()


# -- TLS inside TDS --------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 50), max_size=6),
    raw=st.binary(max_size=30),
    places=st.lists(st.integers(0, 400), max_size=8),
)
def test_packets_come_off_however_they_are_cut(
    sizes: list[int], raw: bytes, places: list[int]
) -> None:
    """Packets of type 0x12 or 0x04, then records as they are (MS-TDS section 3.2.5.2)."""
    packed = b"".join(
        bytes((0x12 if size % 2 else 0x04, 1))
        + (8 + size).to_bytes(2, "big")
        + bytes(4)
        + b"\x16" * size
        for size in sizes
    )
    tunnel = TdsTunnel()
    wire = packed + b"\x17" + raw

    assert b"".join(map(tunnel.unwrap, cut_at(wire, places))) == (
        b"\x16" * sum(sizes) + b"\x17" + raw
    )


@given(wire=st.binary(max_size=60), places=st.lists(st.integers(0, 60), max_size=5))
def test_any_octets_come_out_of_the_tunnel_alike(wire: bytes, places: list[int]) -> None:
    """No packet hangs it and no cut changes it."""
    assert b"".join(map(TdsTunnel().unwrap, cut_at(wire, places))) == TdsTunnel().unwrap(wire)


@pytest.mark.parametrize("length", [0, 1, 4_088, 4_089, 9_000])
def test_what_we_wrap_comes_in_packets_of_4096(length: int) -> None:
    """MS-TDS section 2.2.3.1: length counts the header, and only the last ends the message."""
    octets = bytes(index % 251 for index in range(length))
    wire = TdsTunnel().wrap(octets)
    statuses, told = [], b""
    while wire:
        size = int.from_bytes(wire[2:4], "big")
        assert wire[0] == 0x12 and 8 < size <= 4_096
        statuses.append(wire[1])
        told, wire = told + wire[8:size], wire[size:]

    assert told == octets
    assert statuses == [0] * (len(statuses) - 1) + [1] * (length > 0)


def test_an_alert_of_ours_goes_in_a_packet_while_the_handshake_lasts() -> None:
    """user_canceled and close_notify (RFC 8446 section 6.1) before the keys are agreed."""
    client = conversation(starttls="mssql")
    client.start(1.0)
    client.receive(tds_answer(1), 2.0)
    client.receive(bytes.fromhex("1201000d00000100") + b"\x16\x03\x03\x00\x7a", 2.0)

    assert client.close(3.0) == bytes.fromhex("1201001600000100 1503030002015a 15030300020100")


def test_what_comes_unwrapped_is_judged_as_it_is() -> None:
    """A server may not tunnel its alert; words of another protocol are none of TLS's."""
    alerting, talking = conversation(starttls="mssql"), conversation(starttls="mssql")
    for client in (alerting, talking):
        client.start(1.0)
        client.receive(tds_answer(1), 2.0)
    alerting.receive(bytes.fromhex("15030300020228"), 3.0)
    talking.receive(b"EVIL", 3.0)

    alert = facts_of(alerting).alert
    assert alert is not None and alert.description == 40
    assert facts_of(talking).first_octets == b"EVIL"
    assert any(isinstance(event, seen.NotTls) for event in talking.events)


def test_the_last_words_of_the_dialogues_are_no_answer_to_the_hello() -> None:
    """LDAP's and XMPP's yes may come with the server's first records in one segment."""
    for kind, yes in (("ldap", LDAP_SUCCESS), ("xmpp-client", XMPP_PROCEED)):
        client = conversation(starttls=kind)
        client.start(1.0)
        for told, _ in AGREED[kind][1:-1]:
            client.receive(told, 2.0)
        client.receive(yes + bytes.fromhex("15030100020228"), 3.0)
        facts = facts_of(client)

        assert facts.alert is not None and facts.is_tls is Checked.YES

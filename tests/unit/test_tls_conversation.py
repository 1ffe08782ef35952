"""The conversation around TLS: banners, STARTTLS, waiting, ending."""

from __future__ import annotations

import pytest

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.facts import fold
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import STARTTLS_KINDS, looks_like_tls
from fleetscan.vocabulary import Checked, ConfirmedBy, Stage
from tests.tls_peers import (
    OpenSslPeer,
    conversation,
    facts_of,
    record,
    server_context,
    single_octets,
    violations,
    whole,
)

BANNERS = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"220 mail.test ESMTP\r\n",
    b"\x00\x00\x00\x10garbage",
    b"\x80\x03\x00\x00\x01",  # an SSL 2.0 error
    b"\x16\x02\x00\x00\x05",  # the content type is TLS's, the version is not
    b"\x16\x03\x7f\x00\x05",
]


@pytest.mark.parametrize("banner", BANNERS, ids=range(len(BANNERS)))
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_other_protocols_are_read_and_never_answered(banner: bytes, cut: object) -> None:
    """The first octets tell; what comes after is evidence, and nothing of it is answered."""
    client = conversation()
    client.start(1.0)
    for part in cut(banner):  # type: ignore[operator]
        assert client.receive(part, 2.0) == b""

    assert client.waiting == "banner"
    assert not client.finished
    assert client.silence(3.0) == b""
    assert client.finished
    assert client.close(4.0) == b""
    facts = facts_of(client)
    assert facts.is_tls is Checked.NO
    assert facts.first_octets == banner
    assert facts.stage is Stage.SERVER_HELLO
    assert (facts.violation, facts.alert) == ("", None)
    assert [type(event) for event in client.events].count(seen.NotTls) == 1


def test_a_banner_is_bounded() -> None:
    """No more is kept than names a protocol, and then there is nothing more to wait for."""
    client = conversation()
    client.start(1.0)
    for _ in range(10):
        client.receive(b"x" * 1_000, 2.0)

    assert client.finished
    assert len(fold(client.events).first_octets) == limits.BANNER_OCTETS


def test_the_banner_event_keeps_its_place_among_the_engines() -> None:
    """The engine appends to the same list: its events stay what they were."""
    client = conversation()
    client.start(1.0)
    client.receive(b"220 ", 2.0)
    client.events.append(seen.FirstOctet(2.0, True))
    client.receive(b"ready", 3.0)

    assert client.events[-1] == seen.FirstOctet(2.0, True)
    assert client.events[-2] == seen.NotTls(3.0, b"220 ready")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", None),
        (b"\x16", None),
        (b"\x16\x03", None),
        (b"\x16\x03\x00", True),
        (b"\x15\x03\x01", True),
        (b"\x17\x03\x04", True),
        (b"\x16\x03\x05", False),
        (b"\x16\x02", False),
        (b"H", False),
        (b"\x13", False),
        (b"\x19", False),
    ],
)
def test_what_looks_like_tls(head: bytes, expected: bool | None) -> None:
    """Content types 20 to 24, major version 3 (RFC 8446 section 5.1)."""
    assert looks_like_tls(head) is expected


def test_an_alert_first_is_tls() -> None:
    """A server that answers with an alert speaks TLS: others call it 'not TLS'."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, b"\x02\x28", 0x0301), 2.0)
    facts = facts_of(client)

    assert facts.is_tls is Checked.YES
    assert facts.alert is not None
    assert facts.alert.description == 40
    assert client.finished


def test_waiting_tells_which_deadline_counts() -> None:
    """first_octet until something came, then handshake, then confirm."""
    context = server_context()
    context.num_tickets = 0
    client = conversation()
    peer = OpenSslPeer(context)
    answer = peer.receive(client.start(1.0))
    assert client.waiting == "first_octet"
    client.receive(answer[:1], 2.0)
    assert client.waiting == "handshake"
    client.receive(answer[1:], 2.0)
    assert client.waiting == "confirm"


def test_close_says_goodbye_under_the_keys() -> None:
    """A complete handshake ends with close_notify, which OpenSSL reads as the end of the data."""
    client = conversation()
    peer = OpenSslPeer(server_context())
    answer = client.receive(peer.receive(client.start(1.0)), 2.0)
    client.receive(peer.receive(answer), 3.0)
    peer.receive(client.close(4.0))

    assert peer.error is None
    assert peer.connection.read(10) == b""


def test_close_in_the_middle_cancels() -> None:
    """user_canceled, then close_notify (RFC 8446 section 6.1), both warnings."""
    client = conversation()
    client.start(1.0)
    client.receive(b"\x16\x03\x03\x00\x7a", 2.0)

    assert client.close(3.0) == record(21, b"\x01\x5a") + record(21, b"\x01\x00")
    assert client.close(3.0) == b""


def test_close_says_nothing_to_who_said_nothing() -> None:
    """A silent port gets no more octets than the hello."""
    client = conversation()
    client.start(1.0)
    assert client.close(2.0) == b""


def test_octets_after_the_end_are_ignored() -> None:
    """What is finished stays as it is."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, b"\x02\x28"), 2.0)
    before = list(client.events)
    assert client.receive(record(21, b"\x02\x50"), 3.0) == b""
    client.receive_end(4.0)
    client.silence(5.0)
    assert client.events == before


def test_a_kind_or_name_that_cannot_be_is_a_usage_error() -> None:
    """What our caller got wrong is said to our caller."""
    with pytest.raises(UsageError, match="smtp"):
        conversation(starttls="gopher")
    with pytest.raises(UsageError):
        conversation(server_name="a" * 70 + "\u00e9.test")


# -- STARTTLS ---------------------------------------------------------------------------

# Server's lines and what the client must say to them, from the RFCs' own examples:
# RFC 3207 section 4, RFC 9051 section 6.2.1, RFC 2595 section 4, RFC 4217 section 12.
AGREED = {
    "smtp": [
        (b"", b""),
        (b"220-mail.test\r\n220 ready\r\n", b"EHLO fleetscan.invalid\r\n"),
        (b"250-mail.test\r\n250-STARTTLS\r\n250 HELP\r\n", b"STARTTLS\r\n"),
        (b"220 go ahead\r\n", None),
    ],
    "imap": [
        (b"", b""),
        (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"a1 STARTTLS\r\n"),
        (b"* BAD not for you\r\na1 OK Begin\r\n", None),
    ],
    "pop3": [(b"", b""), (b"+OK ready\r\n", b"STLS\r\n"), (b"+OK go\r\n", None)],
    "ftp": [
        (b"", b""),
        (b"220-Welcome\r\n no number here\r\n220 ready\r\n", b"AUTH TLS\r\n"),
        (b"234 go\r\n", None),
    ],
    "postgresql": [(b"", bytes.fromhex("0000000804d2162f")), (b"S", None)],
}


def test_every_kind_has_its_dialogue_here() -> None:
    """A kind added later has to say here what it says."""
    assert set(AGREED) == set(STARTTLS_KINDS)


@pytest.mark.parametrize("kind", AGREED)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_starttls_leads_to_a_complete_handshake(kind: str, cut: object) -> None:
    """Each dialogue, in one piece and octet by octet, then TLS with a real peer."""
    client = conversation(starttls=kind)
    hello = b""
    for number, (said, expected) in enumerate(AGREED[kind]):
        if number == 0:
            answer = client.start(1.0)
            assert client.stage is Stage.STARTTLS
            assert client.waiting == "first_octet"
        else:
            answer = b"".join(client.receive(part, 2.0) for part in cut(said))  # type: ignore[operator]
        if expected is None:
            hello = answer
        else:
            assert answer == expected
    assert hello.startswith(b"\x16\x03\x01")
    assert client.waiting == "handshake"

    peer = OpenSslPeer(server_context())
    client.receive(peer.receive(client.receive(peer.receive(hello), 3.0)), 4.0)
    facts = facts_of(client)
    assert facts.confirmed_by is ConfirmedBy.TICKET
    assert (facts.starttls, facts.starttls_refusal) == (kind, "")


@pytest.mark.parametrize(
    ("kind", "said", "refusal"),
    [
        ("smtp", b"554 go away\r\n", "554 go away"),
        ("smtp", b"220 hi\r\n250 mail.test\r\n502 no such command\r\n", "502 no such command"),
        ("imap", b"* BYE\r\n", "* BYE"),
        ("imap", b"* OK hi\r\na1 NO not now\r\n", "a1 NO not now"),
        ("pop3", b"-ERR\r\n", "-ERR"),
        ("ftp", b"220 hi\r\n530 no\r\n", "530 no"),
        ("postgresql", b"N", "N"),
        ("postgresql", b"E", "E"),
        ("smtp", b"\r\n", "(an empty line)"),
        ("pop3", b"-ERR \x1b[31mred\x07\r\n", None),
    ],
)
def test_a_refusal_is_the_peers_own_line(kind: str, said: bytes, refusal: str | None) -> None:
    """It ends the dialogue at starttls, with the line as evidence, escaped."""
    client = conversation(starttls=kind)
    client.start(1.0)
    client.receive(said, 2.0)
    facts = facts_of(client)

    assert client.finished
    assert facts.stage is Stage.STARTTLS
    assert facts.starttls == kind
    assert facts.starttls_refusal.isprintable()
    if refusal is not None:
        assert facts.starttls_refusal == refusal
    assert facts.offer is None
    assert client.close(3.0) == b""


@pytest.mark.parametrize(
    "said",
    [b"2" * 100_000, b"220-more\r\n" * 1_000, b"\r\n" * 5, b"220-" + b"x" * 5_000 + b"\r\n"],
    ids=["long line", "many lines", "empty lines", "long continued line"],
)
@pytest.mark.parametrize("size", [1, 1_000, 20_000])
def test_a_dialogue_is_bounded(said: bytes, size: int) -> None:
    """Lines, and octets of a line: a peer that goes over has refused."""
    client = conversation(starttls="smtp")
    client.start(1.0)
    for at in range(0, min(len(said), 20_000), size):
        client.receive(said[at : at + size], 2.0)

    assert client.finished
    refusal = fold(client.events).starttls_refusal
    assert 0 < len(refusal) <= 1_024


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


def test_octets_behind_the_agreement_are_judged_as_tls() -> None:
    """A line injected behind STARTTLS's answer is no TLS, and is not swallowed."""
    client = conversation(starttls="pop3")
    client.start(1.0)
    client.receive(b"+OK\r\n+OK go\r\nEVIL\r\n", 2.0)
    facts = facts_of(client)

    assert facts.is_tls is Checked.NO
    assert facts.first_octets == b"EVIL\r\n"
    assert violations(client.events) == []

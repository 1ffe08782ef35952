"""What a plain dialogue that does not lead to TLS comes to: from octets to the cause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetscan.causes.model import Cause, Confidence
from fleetscan.causes.render import pages
from fleetscan.facts import HandshakeFacts, fold
from fleetscan.output.phrases import deciding_fact
from fleetscan.tls.events import Ended
from fleetscan.vocabulary import CLIENT_SPEAKS_FIRST, STARTTLS_KINDS, Checked, EndedBy, Stage
from tests.facts_builder import case, cause_ids, confirmed, facts, only_cause, spoke
from tests.starttls_scripts import (
    AGREED,
    XMPP_STREAM,
    mysql_error,
    mysql_greeting,
    postgresql_error,
    rdp_answer,
    tds_answer,
)
from tests.tls_peers import conversation

REFUSED = "protocol.starttls_refused"
OTHER = "protocol.other"
HTTP = "protocol.plaintext_http"
STALLED = "server.stalled"
ALERT = bytes.fromhex("15030100020246")


def heard(kind: str, told: bytes, ended_by: EndedBy = EndedBy.US) -> HandshakeFacts:
    """Facts of a dialogue in which the peer said this, and of how it then ended."""
    client = conversation(starttls=kind)
    client.start(1.0)
    client.receive(told, 2.0)
    if ended_by is EndedBy.US:
        client.silence(3.0)
    else:
        client.receive_end(3.0)
    client.events.append(Ended(4.0, ended_by, None, len(told), client.stage))
    return fold(client.events)


CASES = [
    # Said no, in the protocol's own words.
    ("smtp", b"554 5.7.1 blocked\r\n", REFUSED, {"answer": "554 5.7.1 blocked"}),
    ("smtp", b"220 x\r\n502 what\r\n", REFUSED, {"answer": "502 what"}),
    ("ftp", b"220 mail.test FTP\r\n502 no\r\n", REFUSED, {"answer": "502 no"}),
    # Weak words of a host name accuse nobody of speaking SMTP.
    ("ftp", b"220 mail.test ready\r\n502 no\r\n", REFUSED, {"answer": "502 no"}),
    ("lmtp", b"220 mx.test ready\r\n500 no\r\n", REFUSED, {"answer": "500 no"}),
    ("mysql", mysql_error(1129, b"Host 'x' is blocked"), REFUSED, {}),
    ("postgresql", b"N", REFUSED, {"answer": "N"}),
    ("postgresql", postgresql_error(b"SFATAL", b"Mfull"), REFUSED, {"answer": "FATAL: full"}),
    ("rdp", rdp_answer("0300080002000000"), REFUSED, {"answer": "SSL_NOT_ALLOWED_BY_SERVER (2)"}),
    # Not among what is offered.
    ("smtp", b"220 ftp.test\r\n250-x\r\n250 SIZE\r\n", REFUSED, {"offers": "SIZE"}),
    ("mysql", mysql_greeting(0), REFUSED, {"offers": "8.0.34"}),
    ("mssql", tds_answer(2), REFUSED, {"offers": "ENCRYPT_NOT_SUP"}),
    ("rdp", rdp_answer(""), REFUSED, {"offers": "Standard RDP Security"}),
    # Another protocol, told by what its machine cannot read.
    ("smtp", b"SSH-2.0-OpenSSH_9.2p1\r\n", OTHER, {"banner": "SSH-2.0-OpenSSH_9.2p1"}),
    ("postgresql", b"SSH-2.0-OpenSSH_9.2p1\r\n", OTHER, {"protocol": "SSH"}),
    ("imap", b"+OK POP3 ready\r\n", OTHER, {"protocol": "POP3"}),
    ("imap", b"220 hello\r\n", OTHER, {"protocol": "SMTP or FTP"}),
    ("postgresql", b"NOTICE AUTH :*** hi\r\n", OTHER, {"protocol": "IRC"}),
    ("postgresql", b"S\0\0\0\x0a8.0.34\0", OTHER, {"protocol": "MySQL"}),
    ("ldap", mysql_greeting(), OTHER, {"protocol": "MySQL"}),
    ("smtp", b"HTTP/1.1 400 Bad Request\r\n", HTTP, {"status": "400"}),
    ("xmpp-client", b"<html><body>no</body>", HTTP, {"banner": "<html><body>no</body>"}),
    ("postgresql", ALERT, OTHER, {"protocol": "TLS from the first octet"}),
    ("smtp", ALERT, OTHER, {"protocol": "TLS from the first octet"}),
    # Another protocol, told by its greeting: the refusal has the same form.
    ("smtp", b"220 (vsFTPd 3.0.3)\r\n530 Please login\r\n", OTHER, {"answer": "530 Please login"}),
    ("ftp", b"220 mx ESMTP Postfix\r\n502 5.5.2 no\r\n", OTHER, {"protocol": "SMTP"}),
    ("lmtp", b"220 mx ESMTP Postfix\r\n502 5.5.1 no\r\n", OTHER, {"protocol": "SMTP"}),
    ("smtp", b"220 x LMTP ready\r\n500 no\r\n", OTHER, {"protocol": "LMTP"}),
    # Nothing that anybody knows.
    ("smtp", b"\x01\x02\x03\x04", "protocol.garbage", {"starttls": "smtp"}),
    ("postgresql", b"SILLY", "protocol.garbage", {"text": "SILLY"}),
    # Over our own bounds.
    ("smtp", b"220-x\r\n" * 600, "server.protocol_violation", {"rule": "flight_too_large"}),
]


@pytest.mark.parametrize(("kind", "told", "cause_id", "expected"), CASES)
@pytest.mark.parametrize("ended_by", [EndedBy.US, EndedBy.FIN])
def test_a_dialogue_comes_to_one_cause(
    kind: str, told: bytes, cause_id: str, expected: dict[str, str], ended_by: EndedBy
) -> None:
    """Whether the peer closes behind its words or not: they say what the matter is."""
    cause = only_cause(heard(kind, told, ended_by))

    assert cause.entry.id == cause_id
    assert expected.items() <= cause.match.evidence.items()
    assert set(cause.match.evidence) <= set(cause.entry.evidence)


@pytest.mark.parametrize(("kind", "told", "cause_id", "expected"), CASES)
def test_only_a_greeting_beside_a_refusal_is_suspected(
    kind: str, told: bytes, cause_id: str, expected: dict[str, str]
) -> None:
    """A refusal in the form of the dialogue's own protocol leaves two explanations."""
    match = only_cause(heard(kind, told)).match
    by_greeting = cause_id == OTHER and "answer" in match.evidence

    told_by_us = cause_id == "server.protocol_violation"
    assert (match.confidence is Confidence.SUSPECTED) is (by_greeting or told_by_us)
    assert match.alternatives == ((REFUSED,) if by_greeting else ())


@pytest.mark.parametrize(
    ("kind", "told", "value"),
    [
        ("imap", b"+OK POP3 ready\r\n", "POP3 (--starttls pop3)"),
        ("smtp", b"SSH-2.0-x\r\n", "SSH"),
        ("imap", b"220 hello\r\n", "SMTP or FTP (--starttls smtp or ftp)"),
        ("postgresql", ALERT, "TLS from the first octet (--starttls none)"),
        ("irc", XMPP_STREAM, "XMPP (--starttls xmpp-client)"),
    ],
)
def test_the_remedy_names_the_dialogue_to_hold_instead(kind: str, told: bytes, value: str) -> None:
    """The concrete value is what makes a remedy one."""
    assert only_cause(heard(kind, told)).match.remedy_values == (value,)


def test_the_port_tells_the_halves_of_xmpp_apart() -> None:
    """Clients and servers are greeted alike; IANA's port says which it is."""
    seen = spoke(XMPP_STREAM)

    assert only_cause(case(seen, port=5222)).match.remedy_values == ("xmpp-client",)
    assert only_cause(case(seen, port=5269)).match.remedy_values == ("xmpp-server",)


def only(seen: HandshakeFacts) -> Cause:
    """The one cause at a port that is known for nothing."""
    return only_cause(case(seen, port=4711))


# -- ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST])
def test_a_close_in_place_of_the_first_word(kind: str, ended_by: EndedBy) -> None:
    """Where we had asked, it may be the answer; where we had not, nothing could matter yet."""
    cause = only(heard(kind, b"", ended_by))

    if kind in CLIENT_SPEAKS_FIRST:
        assert cause.entry.id == REFUSED
        assert cause.match.confidence is Confidence.SUSPECTED
        assert cause.match.alternatives[0] == OTHER
        assert cause.match.evidence["ended_by"] == ended_by.value
    else:
        assert cause.entry.id == "server.closed_on_accept"


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
def test_silence_in_place_of_the_first_word_may_be_tls(kind: str) -> None:
    """A port that speaks TLS at once waits for a hello, and hears none."""
    cause = only(heard(kind, b"", EndedBy.TIMEOUT))

    assert cause.entry.id == STALLED
    assert cause.match.evidence["starttls"] == kind
    assert cause.match.alternatives[0] == OTHER
    assert "without the dialogue" in cause.match.missing


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST, EndedBy.TIMEOUT])
def test_an_end_in_the_middle_of_a_dialogue_is_stalled(kind: str, ended_by: EndedBy) -> None:
    """Its protocol was heard, so no other one is an alternative."""
    first = next(told for told, _ in AGREED[kind][0:] if told)
    part = first[:1] if kind != "postgresql" else b"E"
    cause = only(heard(kind, part, ended_by))

    assert cause.entry.id == STALLED
    assert cause.match.alternatives == ("server.intermittent",)
    assert cause.match.missing == "the same dialogue again"


@pytest.mark.parametrize(
    ("ended_by", "expected"),
    [
        (EndedBy.FIN, "server.closed_after_hello"),
        (EndedBy.RST, "server.reset_after_hello"),
        (EndedBy.TIMEOUT, "server.silent_after_hello"),
    ],
)
@pytest.mark.parametrize("kind", ["smtp", "ldap", "mssql"])
def test_the_dialogues_octets_are_no_answer_to_the_hello(
    kind: str, ended_by: EndedBy, expected: str
) -> None:
    """A server that agrees, hears the hello and ends has not begun to answer."""
    told = b"".join(part for part, _ in AGREED[kind])
    seen = heard(kind, told, ended_by)

    assert seen.offer is not None
    assert cause_ids(case(seen, port=4711)) == [expected]
    begun = replace(seen, octets_received=seen.octets_received + 3)
    assert cause_ids(case(begun, port=4711)) == [STALLED]


# -- look-alikes ---------------------------------------------------------------------------

NO: dict[str, Any] = {
    "stage": Stage.STARTTLS,
    "offer": None,
    "history": "",
    "starttls": "smtp",
    "starttls_agreed": Checked.NO,
    "first_octets": b"220 (vsFTPd 3.0.3)\r\n",
    "ended_by": EndedBy.US,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"starttls_refusal": "530 no"}, OTHER, id="the-control"),
        pytest.param(
            {"starttls_refusal": "SIZE", "starttls_offered": Checked.NO}, REFUSED, id="it-lists"
        ),
        pytest.param(
            {"starttls_refusal": "454 no", "starttls_offered": Checked.YES}, REFUSED, id="it-offers"
        ),
        pytest.param({"starttls_refusal": "530 no", "starttls": "ftp"}, REFUSED, id="its-own"),
        pytest.param(
            {"starttls_refusal": "530 no", "first_octets": b"220 hi\r\n"}, REFUSED, id="no-word"
        ),
        pytest.param(
            {"starttls_refusal": "530 no", "first_octets": b"220 mail.test\r\n", "starttls": "ftp"},
            REFUSED,
            id="a-weak-word",
        ),
        pytest.param(
            {"starttls": "pop3", "first_octets": b"220 mail.test\r\n", "is_tls": Checked.NO},
            OTHER,
            id="a-weak-word-of-none-alike",
        ),
        pytest.param({"starttls_refusal": "x", "first_octets": b""}, REFUSED, id="no-octets"),
    ],
)
def test_a_greeting_leaves_the_dialogues_own_refusals_alone(
    changes: dict[str, Any], expected: str
) -> None:
    """One case per condition under which the greeting decides."""
    assert cause_ids(facts(**(NO | changes))) == [expected]


def test_what_was_established_was_not_refused() -> None:
    """A handshake that works has no such cause, whatever was said before."""
    assert cause_ids(confirmed(**{key: NO[key] for key in ("starttls", "first_octets")})) == []


@pytest.mark.parametrize("agreed", [Checked.YES, Checked.NOT_CHECKED])
def test_octets_behind_an_agreement_are_not_named(agreed: Checked) -> None:
    """Words that a peer, or someone on the path, put behind its yes may be anything."""
    seen = spoke(b"SSH-2.0-x\r\n", starttls="smtp", starttls_agreed=agreed)

    assert cause_ids(seen) == ["protocol.garbage"]


@pytest.mark.parametrize(
    ("kind", "told", "ended_by", "fact"),
    [
        ("smtp", b"554 no\r\n", EndedBy.US, "smtp: 554 no"),
        ("smtp", b"220 x\r\n250-x\r\n250 SIZE\r\n", EndedBy.US, "smtp without TLS, only SIZE"),
        ("ldap", b"", EndedBy.FIN, "ldap: fin in place of an answer"),
    ],
)
def test_a_readable_line_says_which_of_the_three(
    kind: str, told: bytes, ended_by: EndedBy, fact: str
) -> None:
    """Refused, not offered, and closed read differently at a glance."""
    match = only(heard(kind, told, ended_by)).match

    assert deciding_fact({"id": REFUSED, "evidence": match.evidence}) == fact


def test_the_remedy_can_be_typed_as_it_stands() -> None:
    """Every dialogue exists, so the option is named without a condition."""
    page = pages()["protocol.starttls_needed.md"]

    assert "Scan with --starttls" in page
    assert "--help" not in page

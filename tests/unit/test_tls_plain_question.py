"""A plain request and plain listening: what is said, and what is told of the answer."""

from __future__ import annotations

import pytest

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.facts import HandshakeFacts, fold
from fleetscan.tls import events as seen
from fleetscan.tls.plain_question import PlainQuestion, http_request
from fleetscan.vocabulary import Checked, EndedBy, Stage

ANSWER = b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://www.example.com/\r\n\r\n"

# RFC 8446 section 6: a record with the fatal alert protocol_version(70).
ALERT = bytes.fromhex("15 0303 0002 0246")


def facts_of(question: PlainQuestion) -> HandshakeFacts:
    """What its events say when the peer closes."""
    return fold([*question.events, seen.Ended(9.0, EndedBy.FIN, None, 0, question.stage)])


@pytest.mark.parametrize(
    ("host", "port", "field"),
    [
        # RFC 9110 section 7.2: the port where it is not the scheme's own.
        ("www.example.com", 80, b"www.example.com"),
        ("www.example.com", 443, b"www.example.com:443"),
        ("b\u00fccher.example", 8443, b"xn--bcher-kva.example:8443"),
        ("192.0.2.1", 443, b"192.0.2.1:443"),
        # RFC 3986 section 3.2.2; a zone is this machine's own.
        ("2001:db8::1", 443, b"[2001:db8::1]:443"),
        ("fe80::1%eth0", 443, b"[fe80::1]:443"),
        # RFC 9112 section 3.2: empty where there is none to name.
        ("a\r\nX-Injected: yes", 443, b""),
        ("a b", 443, b""),
    ],
)
def test_the_request_names_the_host_on_one_line(host: str, port: int, field: bytes) -> None:
    """RFC 9112 section 3: a request line, fields, an empty line, and nothing else."""
    request = http_request(host, port)
    line, *fields = request.removesuffix(b"\r\n\r\n").split(b"\r\n")

    assert request.endswith(b"\r\n\r\n")
    assert line == b"GET / HTTP/1.1"
    assert [name.split(b": ")[0] for name in fields] == [
        b"Host",
        b"User-Agent",
        b"Accept",
        b"Connection",
    ]
    assert fields[0] == b"Host: " + field
    assert fields[-1] == b"Connection: close"


def test_a_name_that_cannot_be_written_is_the_callers() -> None:
    """As with any other hello: DNS names have 253 characters at most."""
    with pytest.raises(UsageError):
        http_request("a" * 254, 80)


def test_the_answer_is_read_and_never_answered() -> None:
    """In pieces, to its end; it is no TLS, and it came after our words."""
    question = PlainQuestion(b"GET")

    assert question.start(1.0) == b"GET"
    assert question.waiting == "first_octet"
    for octet in ANSWER:
        assert question.receive(bytes([octet]), 2.0) == b""
    assert question.waiting == "banner"
    question.receive_end(3.0)
    assert question.finished
    assert question.close(4.0) == b""
    facts = facts_of(question)
    assert (facts.first_octets, facts.is_tls) == (ANSWER, Checked.NO)
    assert (facts.stage, facts.offer, facts.history) == (Stage.CLIENT_HELLO, None, "")
    assert [type(event) for event in question.events] == [seen.PlainHeard]


@pytest.mark.parametrize(
    ("octets", "is_tls"),
    [
        (ALERT, Checked.YES),
        (b"\x15\x03", Checked.NOT_CHECKED),
        (b"\x15\x03\x09", Checked.NO),
        (b"220 mail.test ESMTP\r\n", Checked.NO),
        (b"", Checked.NOT_CHECKED),
    ],
)
def test_whether_it_is_tls_is_said_as_far_as_it_is_known(octets: bytes, is_tls: Checked) -> None:
    """RFC 8446 section 5.1: three octets settle it, and silence settles nothing."""
    question = PlainQuestion()
    assert question.start(1.0) == b""
    question.receive(octets, 2.0)

    facts = facts_of(question)

    assert (facts.is_tls, facts.first_octets) == (is_tls, octets)


def test_of_tls_few_octets_are_kept() -> None:
    """As of any other peer that speaks it."""
    question = PlainQuestion()
    question.receive(ALERT + bytes(1_000), 2.0)

    assert len(facts_of(question).first_octets) == limits.FIRST_OCTETS


def test_what_is_read_is_bounded() -> None:
    """No more than names a protocol, and then it is over."""
    question = PlainQuestion()
    for _ in range(10):
        question.receive(b"a" * 1_000, 2.0)

    assert question.finished
    assert facts_of(question).first_octets == b"a" * limits.BANNER_OCTETS


def test_silence_after_an_answer_ends_it_and_before_does_not() -> None:
    """Where nothing came, it is the deadline that ended it."""
    question = PlainQuestion()

    assert question.silence(2.0) == b""
    assert not question.finished

    question.receive(b"220 hello\r\n", 3.0)
    question.silence(4.0)
    assert question.finished


def test_events_of_the_engine_between_are_kept() -> None:
    """The last word about the octets stands where the first stood."""
    question = PlainQuestion()
    question.events.append(seen.Connected(1.0))
    question.receive(b"22", 2.0)
    question.events.append(seen.FirstOctet(2.0, True))
    question.receive(b"0 ", 3.0)

    assert [type(event) for event in question.events] == [
        seen.Connected,
        seen.PlainHeard,
        seen.FirstOctet,
    ]

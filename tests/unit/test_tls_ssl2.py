"""SSL 2.0: its hello octet by octet, and everything that may answer it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.causes.model import Confidence
from fleetscan.facts import HandshakeFacts, fold
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.profiles import SSL2
from fleetscan.vocabulary import Checked, EndedBy, FirstFlight, Stage
from tests.facts_builder import only_cause
from tests.tls_peers import ENTROPY, conversation, facts_of, history, identity, violations

# draft-hickman-netscape-ssl-00 section C.4, and section 5.2.1.1 for the order of the fields.
CIPHER_KINDS = bytes.fromhex("010080 020080 030080 040080 050080 060040 0700c0")
CONNECTION_ID = bytes(range(16))


def ssl2() -> Conversation:
    """A conversation that has said its hello."""
    client = conversation(profile=SSL2)
    client.start(1.0)
    return client


def server_hello(certificate: bytes = b"", specs: bytes = CIPHER_KINDS) -> bytes:
    """SERVER-HELLO with its type: no session, X.509, version 2, three lengths, three fields."""
    return (
        bytes.fromhex("04 00 01 0002")
        + struct.pack(">HHH", len(certificate), len(specs), len(CONNECTION_ID))
        + certificate
        + specs
        + CONNECTION_ID
    )


def short_record(message: bytes) -> bytes:
    """Section 4.1: a header of two octets, the high bit set, no padding."""
    return (0x8000 | len(message)).to_bytes(2, "big") + message


def long_record(message: bytes, padding: int, escape: int = 0) -> bytes:
    """A header of three octets: the length has the padding in it, the third octet is its own."""
    length = len(message) + padding
    return (escape | length).to_bytes(2, "big") + bytes([padding]) + message + bytes(padding)


CERTIFICATE = identity("RSA-2048").der
ANSWER = short_record(server_hello(CERTIFICATE))


def answered(*parts: bytes) -> HandshakeFacts:
    """Facts of a hello that was answered with these parts."""
    client = ssl2()
    for part in parts:
        assert client.receive(part, 2.0) == b""
    return facts_of(client)


def test_the_hello() -> None:
    """CLIENT-HELLO by the draft's section 5.2.1.1: field by field, and nothing else."""
    client = conversation(profile=SSL2, server_name="server.test", alpn=("h2",))
    octets = client.start(1.0)

    assert octets == bytes.fromhex("802e 01 0002 0015 0000 0010") + CIPHER_KINDS + ENTROPY[:16]
    (sent,) = [event for event in client.events if isinstance(event, seen.ClientHelloSent)]
    assert sent.offer.versions == (0x0002,)
    assert (sent.offer.server_name, sent.offer.alpn) == ("", ())
    assert sent.offer.octets == len(octets) == 48
    assert client.stage is Stage.SERVER_HELLO
    assert client.waiting == "first_octet"


def test_a_server_hello_is_read() -> None:
    """Version and certificate are facts; the client stops, and says nothing."""
    client = ssl2()
    assert client.receive(ANSWER, 2.0) == b""
    facts = facts_of(client)

    assert client.finished
    assert client.close(3.0) == b""
    assert facts.version == 0x0002
    assert facts.is_tls is Checked.YES
    assert facts.first_flight is FirstFlight.VERSION
    assert facts.stage is Stage.CERTIFICATE
    assert facts.history == "Cs"
    assert [found.sha256 for found in facts.certificates] == [identity("RSA-2048").parsed.sha256]
    assert facts.key_proof is Checked.NOT_CHECKED


@pytest.mark.parametrize("cut", range(1, len(short_record(server_hello()))))
def test_every_split_of_a_server_hello(cut: int) -> None:
    """In two pieces the same is seen, and nothing before the second."""
    answer = short_record(server_hello())
    client = ssl2()
    client.receive(answer[:cut], 2.0)
    assert not client.finished
    assert [type(event) for event in client.events[2:]] == []
    client.receive(answer[cut:], 3.0)

    assert client.finished
    assert fold(client.events).version == 0x0002


def test_octet_by_octet_with_a_certificate() -> None:
    """The same events as in one piece."""
    whole, single = ssl2(), ssl2()
    whole.receive(ANSWER, 2.0)
    for at in range(len(ANSWER)):
        single.receive(ANSWER[at : at + 1], 2.0)

    # Parsed messages have no equality of their own.
    assert [type(event) for event in single.events] == [type(event) for event in whole.events]
    assert fold(single.events).certificates[0].sha256 == fold(whole.events).certificates[0].sha256


@pytest.mark.parametrize("padding", [0, 1, 7, 255])
@pytest.mark.parametrize("escape", [0, 0x4000])
def test_a_header_of_three_octets(padding: int, escape: int) -> None:
    """Section 4.1: the padding is counted in the length and is no part of the message."""
    facts = answered(long_record(server_hello(CERTIFICATE), padding, escape))

    assert facts.version == 0x0002
    assert facts.certificates_sent == 1
    assert facts.violation == ""


def test_a_long_record_that_begins_like_an_alert() -> None:
    """0x15 is the upper octet of a length here, and TLS's content type of alerts."""
    message = server_hello(bytes(0x1500 - 100))
    octets = long_record(message, 0x1500 - len(message))
    assert octets[0] == 0x15

    assert answered(octets).version == 0x0002


def test_a_server_without_a_certificate() -> None:
    """SESSION-ID-HIT and lengths of nought: still a server of SSL 2.0."""
    facts = answered(short_record(server_hello(specs=b"")))

    assert (facts.version, facts.certificates) == (0x0002, ())


@pytest.mark.parametrize(
    "message",
    [
        b"\x04",
        server_hello()[:-1],
        server_hello() + b"\x00",
        server_hello(specs=b"\x01\x00"),
        # a certificate that claims more than the record holds
        server_hello()[:5] + b"\xff\xff" + server_hello()[7:],
    ],
    ids=["type-alone", "too-short", "too-long", "half-a-kind", "certificate-too-long"],
)
def test_lengths_that_do_not_fit(message: bytes) -> None:
    """The record is whole, what it holds is not: a decode_error, and the end."""
    client = ssl2()
    client.receive(short_record(message), 2.0)

    assert violations(client.events) == ["decode_error"]
    assert client.finished
    assert only_cause(facts_of(client)).entry.id == "server.protocol_violation"


def test_padding_larger_than_the_record() -> None:
    """Nothing is left of the message."""
    octets = bytearray(long_record(server_hello(), 0))
    octets[2] = 255
    client = ssl2()
    client.receive(bytes(octets), 2.0)

    assert violations(client.events) == ["decode_error"]


def test_an_empty_record() -> None:
    """A length of nought holds no type, whatever octets come behind it."""
    client = ssl2()
    client.receive(b"\x80\x00\x04", 2.0)

    assert violations(client.events) == ["decode_error"]


def test_a_record_that_never_ends_is_waited_for() -> None:
    """MAX_SSL2_RECORD at most: kept until then, and the deadline has the last word."""
    client = ssl2()
    client.receive((0x8000 | limits.MAX_SSL2_RECORD).to_bytes(2, "big") + b"\x04", 2.0)
    client.receive(bytes(limits.MAX_SSL2_RECORD - 2), 3.0)
    assert not client.finished
    assert client.waiting == "handshake"
    client.receive(b"\x00", 4.0)

    assert client.finished


def test_a_record_over_the_bound_is_refused_from_its_header() -> None:
    """One octet more than `limits.MAX_SSL2_RECORD`: refused, and nothing of it is waited for."""
    client = ssl2()
    client.receive((0x8000 | (limits.MAX_SSL2_RECORD + 1)).to_bytes(2, "big") + b"\x04", 2.0)

    assert violations(client.events) == ["message_too_large"]
    assert client.finished


@pytest.mark.parametrize("more", [0, 1])
def test_the_kinds_of_cipher_are_bounded(more: int) -> None:
    """A list of thousands would be kept as so many numbers."""
    specs = bytes(3 * (limits.MAX_SSL2_CIPHER_SPECS + more))
    facts = answered(short_record(server_hello(CERTIFICATE, specs)))

    assert facts.violation == ("message_too_large" if more else "")
    assert (facts.version == 0x0002) is not bool(more)


def test_an_alert_of_tls() -> None:
    """What current servers say to it, in any two pieces: an alert is heard for what it is."""
    alert = bytes.fromhex("15 0301 0002 02 46")
    for cut in range(1, len(alert)):
        client = ssl2()
        client.receive(alert[:cut], 2.0)
        assert not client.finished
        client.receive(alert[cut:], 2.0)
        facts = facts_of(client)

        assert client.finished
        assert history(client.events) == "Cl"
        assert facts.ended_by is EndedBy.ALERT
        assert facts.alert is not None
        assert facts.alert.description == 70
        assert facts.is_tls is Checked.YES


@pytest.mark.parametrize("octets", ["1503010003022800", "15030100010200", "15030140010200"])
def test_an_alert_that_is_none(octets: str) -> None:
    """Two octets (RFC 8446 section 6), in a record of an honest length."""
    client = ssl2()
    client.receive(bytes.fromhex(octets), 2.0)

    assert violations(client.events) == ["decode_error"]
    assert client.finished


def test_an_error_of_ssl2_stays_a_banner_and_says_the_age() -> None:
    """Section 5.5: ERROR is message 0; code 1 is NO-CIPHER-ERROR."""
    client = ssl2()
    client.receive(bytes.fromhex("8003 00 0001"), 2.0)
    client.receive_end(3.0)
    cause = only_cause(facts_of(client))

    assert facts_of(client).is_tls is Checked.NO
    assert cause.entry.id == "version.too_old"
    assert cause.match.evidence["version"] == "SSL 2.0"


def test_http_in_answer() -> None:
    """A plain server's error page is no SERVER-HELLO."""
    client = ssl2()
    client.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", 2.0)
    client.receive_end(3.0)

    assert only_cause(facts_of(client)).entry.id == "protocol.plaintext_http"


def test_a_server_hello_is_the_reason_itself() -> None:
    """SSL 2.0 was all that was asked for: suspected, and what would settle it."""
    cause = only_cause(answered(ANSWER))

    assert cause.entry.id == "version.too_old"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.evidence["version"] == "SSLv2"
    assert cause.match.missing == "a hello that offers TLS 1.2"


def test_silence_says_nothing() -> None:
    """The deadline passes, the server closes: no answer is no answer."""
    client = ssl2()
    client.silence(2.0)
    assert not client.finished
    client.receive_end(3.0)

    assert client.finished
    assert facts_of(client).version is None


@given(octets=st.binary(max_size=80), cut=st.integers(0, 80))
def test_any_octets_in_any_two_pieces(octets: bytes, cut: int) -> None:
    """Nothing but facts comes out, the same for each cut."""
    whole, parts = ssl2(), ssl2()
    whole.receive(octets, 2.0)
    parts.receive(octets[:cut], 2.0)
    parts.receive(octets[cut:], 2.0)

    assert violations(parts.events) == violations(whole.events)
    assert history(parts.events) == history(whole.events)
    assert facts_of(parts).first_octets == facts_of(whole).first_octets

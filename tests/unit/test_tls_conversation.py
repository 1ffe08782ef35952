"""The conversation around TLS: banners, waiting, ending."""

from __future__ import annotations

import pytest

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.facts import fold
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import looks_like_tls
from fleetscan.vocabulary import Checked, Stage
from tests.tls_peers import (
    OpenSslPeer,
    conversation,
    facts_of,
    record,
    server_context,
    single_octets,
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

"""Whatever a peer sends, and however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.tls import events as seen
from fleetscan.tls.conversation import STARTTLS_KINDS, Conversation
from fleetscan.tls.events import Event
from fleetscan.tls.session import State
from fleetscan.tls.violations import ALERTS
from fleetscan.vocabulary import Checked, Stage
from tests.tls_peers import (
    OpenSslPeer,
    ServerTls12,
    ServerTls13,
    conversation,
    history,
    server_context,
    server_tls12,
    violations,
)

KINDS = ("none", *STARTTLS_KINDS)
WAITING = {"first_octet", "handshake", "confirm", "confirm_client_auth", "banner"}


def check_sane(client: Conversation) -> None:
    """What holds whatever came."""
    assert client.waiting in WAITING
    assert isinstance(client.stage, Stage)
    assert isinstance(client.finished, bool)
    rules = violations(client.events)
    assert len(rules) <= 1
    assert set(rules) <= set(ALERTS)
    assert len(history(client.events)) <= 64
    confirmed = any(isinstance(event, seen.Confirmed) for event in client.events)
    assert confirmed is (client.stage is Stage.CONFIRMED)


@settings(max_examples=150)
@given(octets=st.lists(st.binary(max_size=200), max_size=8), kind=st.sampled_from(KINDS))
def test_any_octets_give_events_and_no_exception(octets: list[bytes], kind: str) -> None:
    """Never raises for peer data, never confirms a handshake that was none."""
    client = conversation(starttls=kind)
    client.start(0.0)
    for part in octets:
        assert isinstance(client.receive(part, 1.0), bytes)
        check_sane(client)
    client.silence(2.0)
    client.receive_end(3.0)
    assert isinstance(client.close(4.0), bytes)
    assert client.stage is not Stage.CONFIRMED
    check_sane(client)


@settings(max_examples=150)
@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from((2, 4, 8, 11, 12, 13, 14, 15, 20, 22, 24)), st.binary(max_size=80)
        ),
        max_size=6,
    ),
    newer=st.booleans(),
)
def test_any_messages_behind_a_good_hello(messages: list[tuple[int, bytes]], newer: bool) -> None:
    """The same for well-formed records with the right keys and arbitrary messages."""
    server = ServerTls13(conversation()) if newer else ServerTls12(conversation())
    server.tell(server.hello() if isinstance(server, ServerTls13) else server.say(server.hello()))
    for msg_type, body in messages:
        octets = bytes([msg_type]) + len(body).to_bytes(3, "big") + body
        server.tell(server.seal(octets) if isinstance(server, ServerTls13) else server.say(octets))
        check_sane(server.client)
    assert server.client.stage is not Stage.CONFIRMED


# -- cuts ----------------------------------------------------------------------------


@lru_cache(maxsize=8)
def flights(version: str, kind: str) -> tuple[tuple[bytes, ...], tuple[Event, ...]]:
    """What OpenSSL answered, flight by flight, and what the client made of it uncut.

    The client's keys and random are the same in every run, so the answers replay.
    """
    context = server_context(kind) if version == "1.3" else server_tls12(kind)
    client = conversation()
    peer = OpenSslPeer(context)
    answers = []
    said = client.start(1.0)
    for _ in range(8):
        answer = peer.receive(said)
        if not answer or client.finished:
            break
        answers.append(answer)
        said = client.receive(answer, 2.0)
    return tuple(answers), tuple(client.events)


def replay(version: str, kind: str, cuts: Sequence[int]) -> tuple[Event, ...]:
    """The same answers, cut."""
    client = conversation()
    client.start(1.0)
    sizes = [*cuts, 1_000_000]
    turn = 0
    for answer in flights(version, kind)[0]:
        at = 0
        # Ends: every size is at least one octet.
        while at < len(answer):
            size = sizes[turn % len(sizes)]
            client.receive(answer[at : at + size], 2.0)
            at, turn = at + size, turn + 1
    return tuple(client.events)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
@settings(max_examples=40)
@given(cuts=st.lists(st.integers(min_value=1, max_value=600), min_size=1, max_size=12))
def test_any_cut_gives_the_same_events(version: str, kind: str, cuts: list[int]) -> None:
    """TCP has no messages: where segments end says nothing."""
    assert replay(version, kind, cuts) == flights(version, kind)[1]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_octet_by_octet_gives_the_same_events(version: str) -> None:
    """The smallest cut of all."""
    answers, expected = flights(version, "P-256")
    client = conversation()
    client.start(1.0)
    for answer in answers:
        for at in range(len(answer)):
            client.receive(answer[at : at + 1], 2.0)
    assert tuple(client.events) == expected


# -- changed octets ------------------------------------------------------------------


def outcome(answers: Sequence[bytes]) -> Conversation:
    """A client that was told these answers."""
    client = conversation()
    client.start(1.0)
    for answer in answers:
        client.receive(answer, 2.0)
    return client


def records_of(octets: bytes) -> list[int]:
    """Where the records begin."""
    starts, at = [], 0
    while at < len(octets):
        starts.append(at)
        at += 5 + int.from_bytes(octets[at + 3 : at + 5], "big")
    return starts


def test_the_replay_confirms() -> None:
    """The control for what follows."""
    assert outcome(flights("1.3", "P-256")[0]).stage is Stage.CONFIRMED
    assert outcome(flights("1.2", "P-256")[0]).stage is Stage.CONFIRMED


@settings(max_examples=150)
@given(data=st.data())
def test_any_bit_flipped_in_the_protected_flight_is_caught(data: st.DataObject) -> None:
    """Header and ciphertext of every protected record up to Finished (RFC 8446 section 5.2).

    legacy_record_version is in the additional data too, so even that bit counts.
    """
    answers = flights("1.3", "P-256")[0]
    first = bytearray(answers[0])
    protected = next(at for at in records_of(answers[0]) if first[at] == 23)
    at = data.draw(st.integers(min_value=protected, max_value=len(first) - 1))
    bit = data.draw(st.integers(min_value=0, max_value=7))
    first[at] ^= 1 << bit
    client = outcome([bytes(first)])

    assert not any(isinstance(event, seen.Completed) for event in client.events)


@settings(max_examples=100)
@given(data=st.data())
def test_any_bit_flipped_in_tls12_never_confirms(data: st.DataObject) -> None:
    """Every octet of every message is signed, or hashed into Finished, or protected.

    Only the record layer's own version is not: no rule of TLS 1.2 binds it.
    """
    answers = [bytearray(answer) for answer in flights("1.2", "P-256")[0]]
    which = data.draw(st.integers(min_value=0, max_value=len(answers) - 1))
    at = data.draw(st.integers(min_value=0, max_value=len(answers[which]) - 1))
    starts = records_of(bytes(answers[which]))
    if any(at - start == 2 for start in starts):
        return
    answers[which][at] ^= 1 << data.draw(st.integers(min_value=0, max_value=7))
    client = outcome([bytes(answer) for answer in answers])

    assert client.stage is not Stage.CONFIRMED


@settings(max_examples=60)
@given(position=st.integers(min_value=0, max_value=70), bit=st.integers(min_value=0, max_value=7))
def test_any_bit_flipped_in_the_signature_is_a_wrong_key(position: int, bit: int) -> None:
    """CertificateVerify under the right keys, with another signature."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_VERIFY)
    signed = bytearray(server.certificate_verify())
    at = 8 + position % (len(signed) - 8)
    signed[at] ^= 1 << bit
    server.tell(server.seal(bytes(signed)))

    proofs = [e.result for e in server.client.events if isinstance(e, seen.KeyProofChecked)]
    assert proofs == [Checked.NO]

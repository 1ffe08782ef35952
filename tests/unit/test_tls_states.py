"""Every state meets every message: it advances, or it is an unexpected_message."""

from __future__ import annotations

import pytest

from fleetscan import limits
from fleetscan.tls import events as seen
from fleetscan.tls.profiles import BROAD
from fleetscan.tls.session import State
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, Origin, Stage
from tests.tls_peers import (
    CERTIFICATE_REQUEST,
    CHANGE_CIPHER_SPEC,
    ENCRYPTED_EXTENSIONS,
    KEY_UPDATE,
    SERVER_HELLO_DONE,
    TICKET,
    ServerTls12,
    ServerTls13,
    conversation,
    extensions,
    facts_of,
    history,
    message,
    record,
    violations,
)

# What may come, read off the figures in RFC 8446 section 2 and RFC 5246 section 7.3.
# HelloRequest(0) is let pass while a TLS 1.2 handshake is under way (section 7.4.1.1).
EXPECTED_TLS13 = {
    State.ENCRYPTED_EXTENSIONS: {8},
    # CompressedCertificate(25) stands for Certificate(11), RFC 8879 section 4.
    State.CERTIFICATE_OR_REQUEST: {11, 13, 25},
    State.CERTIFICATE: {11, 25},
    State.CERTIFICATE_VERIFY: {15},
    State.FINISHED: {20},
    State.CONFIRMATION: {4, 24},
}
EXPECTED_TLS12 = {
    State.TLS12_CERTIFICATE: {0, 11},
    State.TLS12_STATUS: {0, 22, 12},
    State.TLS12_KEY_EXCHANGE: {0, 12},
    State.TLS12_REQUEST_OR_DONE: {0, 13, 14},
    State.TLS12_DONE: {0, 14},
    State.TLS12_TICKET: {0, 4},
    State.TLS12_CHANGE_CIPHER_SPEC: {0},
    State.TLS12_FINISHED: {0, 20},
    # Which of them a suite has is not known; test_tls_first_flight has their order.
    State.UNFINISHABLE: {0, 11, 22, 12, 13, 14},
}
MESSAGES = (0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 99, 254, 255)

UNEXPECTED_ALERT = 10


def test_the_tables_name_every_state() -> None:
    """A state added later has to say here what it takes."""
    assert {*EXPECTED_TLS13, *EXPECTED_TLS12, State.SERVER_HELLO, State.ENDED} == set(State)


def tls12_server(state: State) -> ServerTls12:
    """A server for a client that offers everything where the suite must be one of those."""
    if state is State.UNFINISHABLE:
        return ServerTls12(conversation(profile=BROAD), suite=0xC05C)  # ECDHE_ECDSA, ARIA
    return ServerTls12(conversation())


@pytest.mark.parametrize("msg_type", MESSAGES)
@pytest.mark.parametrize("state", EXPECTED_TLS13)
def test_tls13_state_meets_message(state: State, msg_type: int) -> None:
    """Whatever is not expected is refused with unexpected_message(10) and by that name."""
    server = ServerTls13(conversation())
    server.until(state)
    server.tell(server.seal(message(msg_type, b"")))

    events = server.client.events
    if msg_type in EXPECTED_TLS13[state]:
        # An empty body is no good either, yet what is wrong is not that it came.
        assert "unexpected_message" not in violations(events)
        return
    assert violations(events) == ["unexpected_message"]
    assert events[-1] == seen.AlertSeen(2.0, Origin.LOCAL, 2, UNEXPECTED_ALERT)
    assert server.client.finished


@pytest.mark.parametrize("msg_type", MESSAGES)
@pytest.mark.parametrize("state", EXPECTED_TLS12)
def test_tls12_state_meets_message(state: State, msg_type: int) -> None:
    """The same up to TLS 1.2."""
    server = tls12_server(state)
    server.until(state)
    server.tell(server.say(message(msg_type, b"")))

    events = server.client.events
    if msg_type in EXPECTED_TLS12[state]:
        assert "unexpected_message" not in violations(events)
        return
    assert violations(events) == ["unexpected_message"]
    assert server.client.finished


@pytest.mark.parametrize("msg_type", [kind for kind in MESSAGES if kind not in (0, 2)])
def test_nothing_but_server_hello_answers_the_hello(msg_type: int) -> None:
    """RFC 8446 section 4: the first message of a server is ServerHello."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, message(msg_type, b"")), 2.0)

    assert violations(client.events) == ["unexpected_message"]


@pytest.mark.parametrize("state", EXPECTED_TLS13)
def test_a_handshake_record_in_the_clear_is_refused_once_there_are_keys(state: State) -> None:
    """RFC 8446 section 5: after ServerHello everything but change_cipher_spec is protected."""
    server = ServerTls13(conversation())
    server.until(state)
    server.tell(record(22, ENCRYPTED_EXTENSIONS))

    assert violations(server.client.events) == ["unexpected_message"]


@pytest.mark.parametrize("state", [s for s in EXPECTED_TLS13 if s is not State.CONFIRMATION])
def test_application_data_before_finished_is_refused(state: State) -> None:
    """RFC 8446 section 2: there are no application keys yet."""
    server = ServerTls13(conversation())
    server.until(state)
    server.tell(server.seal(b"early", 23))

    assert violations(server.client.events) == ["unexpected_message"]


@pytest.mark.parametrize("state", [s for s in EXPECTED_TLS13 if s is not State.CONFIRMATION])
def test_change_cipher_spec_is_passed_over_until_finished(state: State) -> None:
    """RFC 8446 section 5: dropped without further processing, if it is the one octet 1."""
    server = ServerTls13(conversation())
    server.until(state)
    server.tell(CHANGE_CIPHER_SPEC)
    assert violations(server.client.events) == []

    server.tell(bytes.fromhex("140303000102"))
    assert violations(server.client.events) == ["unexpected_message"]


def test_change_cipher_spec_after_finished_is_refused() -> None:
    """RFC 8446 section 5: after the peer's Finished it is an unexpected record type."""
    server = ServerTls13(conversation())
    server.until(State.CONFIRMATION)
    server.tell(CHANGE_CIPHER_SPEC)

    assert violations(server.client.events) == ["unexpected_message"]


def test_change_cipher_spec_before_a_tls12_server_hello_is_refused() -> None:
    """TLS 1.2 has its own place for it (RFC 5246 section 7.1); early ones broke stacks before."""
    server = ServerTls12(conversation())
    server.tell(CHANGE_CIPHER_SPEC + server.say(server.hello()))

    assert violations(server.client.events) == ["unexpected_message"]


@pytest.mark.parametrize(
    "state", [s for s in EXPECTED_TLS12 if s not in (State.TLS12_CHANGE_CIPHER_SPEC,)]
)
def test_tls12_change_cipher_spec_has_one_place(state: State) -> None:
    """Before our Finished it is refused; where a ticket was promised it may come all the same."""
    server = tls12_server(state)
    server.until(state)
    server.tell(CHANGE_CIPHER_SPEC)

    allowed = state is State.TLS12_TICKET
    assert (violations(server.client.events) == []) is allowed


def test_the_honest_tls13_server_is_believed() -> None:
    """The control for all of the above: nothing misplaced, nothing refused."""
    server = ServerTls13(conversation())
    server.until(State.CONFIRMATION)
    server.tell(server.seal(TICKET), 3.0)

    assert violations(server.client.events) == []
    assert facts_of(server.client).confirmed_by is ConfirmedBy.TICKET


def test_the_honest_tls12_server_is_believed() -> None:
    """Without extended master secret, ticket or status: the plain handshake of RFC 5246."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_FINISHED)
    server.tell(server.say(server.finished()), 3.0)

    facts = facts_of(server.client)
    assert violations(server.client.events) == []
    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert facts.history == "CsxknGIFif"


# -- stages, in each version's own order -----------------------------------------------

STAGES_TLS13 = [
    (State.SERVER_HELLO, Stage.SERVER_HELLO),
    (State.ENCRYPTED_EXTENSIONS, Stage.KEY_EXCHANGE),
    (State.CERTIFICATE_OR_REQUEST, Stage.CERTIFICATE),
    (State.CERTIFICATE, Stage.CERTIFICATE),
    (State.CERTIFICATE_VERIFY, Stage.CERTIFICATE),
    (State.FINISHED, Stage.SERVER_FINISHED),
    (State.CONFIRMATION, Stage.CLIENT_FINISHED),
]
STAGES_TLS12 = [
    (State.TLS12_CERTIFICATE, Stage.CERTIFICATE),
    (State.TLS12_STATUS, Stage.KEY_EXCHANGE),
    (State.TLS12_KEY_EXCHANGE, Stage.KEY_EXCHANGE),
    (State.TLS12_REQUEST_OR_DONE, Stage.KEY_EXCHANGE),
    (State.TLS12_DONE, Stage.KEY_EXCHANGE),
    (State.TLS12_TICKET, Stage.CLIENT_FINISHED),
    (State.TLS12_CHANGE_CIPHER_SPEC, Stage.CLIENT_FINISHED),
    (State.TLS12_FINISHED, Stage.SERVER_FINISHED),
    (State.UNFINISHABLE, Stage.CERTIFICATE),
]


@pytest.mark.parametrize(("state", "stage"), STAGES_TLS13)
def test_stage_under_tls13(state: State, stage: Stage) -> None:
    """key_exchange, certificate, server_finished, client_finished: TLS 1.3's own order."""
    server = ServerTls13(conversation())
    server.until(state)
    assert server.client.stage is stage


@pytest.mark.parametrize(("state", "stage"), STAGES_TLS12)
def test_stage_under_tls12(state: State, stage: Stage) -> None:
    """certificate, key_exchange, client_finished, server_finished: the order up to TLS 1.2."""
    server = tls12_server(state)
    server.until(state)
    assert server.client.stage is stage


# -- alerts ----------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, 2])
def test_a_plain_error_alert_after_server_hello_is_heard(level: int) -> None:
    """A server that gives up before it has keys says so in the clear, whatever the level."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    server.tell(record(21, bytes([level, 80])))

    facts = facts_of(server.client)
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.PEER, 80)
    assert facts.ended_by is EndedBy.ALERT
    assert violations(server.client.events) == []
    assert server.client.finished
    assert server.client.close(3.0) == b""


def test_a_warning_before_server_hello_does_not_end_it() -> None:
    """unrecognized_name(112) as a warning goes on (RFC 6066 section 3)."""
    server = ServerTls13(conversation())
    server.tell(record(21, bytes([1, 112])))
    assert not server.client.finished

    server.until(State.CONFIRMATION)
    server.tell(server.seal(TICKET))
    facts = facts_of(server.client)
    assert facts.confirmed_by is ConfirmedBy.TICKET
    assert facts.alert is not None
    assert facts.alert.description == 112
    assert facts.ended_by is EndedBy.US


def test_warnings_are_bounded() -> None:
    """A peer that only ever warns does not hold us for long."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, bytes([1, 112])) * (limits.MAX_WARNING_ALERTS + 1), 2.0)

    assert violations(client.events) == ["too_many_warnings"]


@pytest.mark.parametrize("fragment", [b"\x02", b"\x02\x28\x00"])
def test_an_alert_of_another_length_is_a_decode_error(fragment: bytes) -> None:
    """An Alert is two octets (RFC 8446 section 6)."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, fragment), 2.0)

    assert facts_of(client).alert is not None
    if fragment[:2] == b"\x02\x28":
        return  # the fatal one came first, and ended it
    assert violations(client.events) == ["decode_error"]


def test_close_notify_instead_of_server_hello() -> None:
    """The peer's own FIN: it ends the handshake and is kept as evidence."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, bytes([1, 0])), 2.0)
    facts = facts_of(client)

    assert client.finished
    assert facts.ended_by is EndedBy.FIN
    assert facts.alert is not None
    assert facts.alert.description == 0
    assert facts.stage is Stage.SERVER_HELLO


def test_an_alert_of_ours_is_protected_when_there_are_keys() -> None:
    """RFC 8446 section 6: alerts go under the keys of the moment, behind our change_cipher_spec."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    said = server.tell(server.seal(TICKET))

    assert said.startswith(CHANGE_CIPHER_SPEC)
    assert said[6:9] == bytes.fromhex("170303")
    assert history(server.client.events).endswith("tIL")


# -- records ---------------------------------------------------------------------------


def test_empty_records_are_bounded() -> None:
    """A few are let pass, a flood is not (RFC 8446 section 5.1)."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, b"") * limits.MAX_EMPTY_RECORDS, 2.0)
    assert violations(client.events) == []
    client.receive(record(22, b""), 3.0)
    assert violations(client.events) == ["too_many_empty_records"]


def test_empty_records_are_counted_in_a_row() -> None:
    """A handshake that goes on is no flood, however it is spaced."""
    server = ServerTls12(conversation())
    for say in (server.hello, server.certificate, server.server_key_exchange):
        server.tell(record(22, b"") * (limits.MAX_EMPTY_RECORDS - 1))
        server.tell(server.say(say()))
    assert violations(server.client.events) == []


def test_the_clients_own_history_is_bounded() -> None:
    """HelloRequests between honest messages: let pass, and not all of them kept."""
    server = ServerTls12(conversation())
    server.tell(server.say(server.hello()))
    for say in (server.certificate, server.server_key_exchange):
        server.tell(record(22, message(0, b"")) * (limits.MAX_EMPTY_RECORDS - 1))
        server.tell(server.say(say()))
    server.tell(record(22, message(0, b"")) * (limits.MAX_EMPTY_RECORDS - 1))

    assert violations(server.client.events) == []
    assert len(history(server.client.events)) == limits.MAX_HISTORY


def test_change_cipher_spec_flood_is_bounded() -> None:
    """Dropping without processing is not dropping forever."""
    client = conversation()
    client.start(1.0)
    client.receive(CHANGE_CIPHER_SPEC * (limits.MAX_EMPTY_RECORDS + 1), 2.0)
    assert violations(client.events) == ["too_many_empty_records"]


def test_key_update_flood_is_bounded() -> None:
    """Each KeyUpdate costs us three HMACs: only so many come without anything behind them."""
    server = ServerTls13(conversation())
    server.until(State.CONFIRMATION)
    for _ in range(limits.MAX_EMPTY_RECORDS + 1):
        server.tell(server.seal(KEY_UPDATE))
        server.write.update()
    assert violations(server.client.events) == ["too_many_empty_records"]


def test_a_key_update_with_another_value_is_a_decode_error() -> None:
    """request_update is 0 or 1 (RFC 8446 section 4.6.3)."""
    server = ServerTls13(conversation())
    server.until(State.CONFIRMATION)
    server.tell(server.seal(message(24, b"\x02")))
    assert violations(server.client.events) == ["decode_error"]


def test_a_record_between_the_parts_of_a_message_is_refused() -> None:
    """RFC 8446 section 5.1: no other records between the fragments of a message."""
    server = ServerTls13(conversation())
    hello = server.hello()[5:]
    server.tell(record(22, hello[:10]) + CHANGE_CIPHER_SPEC)
    assert violations(server.client.events) == ["interleaved_record"]


def test_handshake_octets_behind_server_hello_in_its_record_are_refused() -> None:
    """RFC 8446 section 5.1: messages do not span a key change."""
    server = ServerTls13(conversation())
    hello = server.hello()[5:]
    server.tell(record(22, hello + b"\x08"))
    assert violations(server.client.events) == ["message_spans_key_change"]


def test_handshake_octets_behind_finished_in_its_record_are_refused() -> None:
    """The same at the change to the application keys."""
    server = ServerTls13(conversation())
    server.until(State.FINISHED)
    finished = server.finished()
    server.tell(server.seal(finished + TICKET))
    assert violations(server.client.events) == ["message_spans_key_change"]


def test_coalesced_and_fragmented_messages() -> None:
    """All of the flight in one record, or in records of seven octets: the same history."""
    histories = set()
    for size in (4_000, 7):
        server = ServerTls13(conversation())
        server.tell(server.hello())
        flight = ENCRYPTED_EXTENSIONS + server.certificate()
        server.transcript.update(flight)
        verify = server.certificate_verify()
        server.transcript.update(verify)
        flight += verify
        finished = server.finished()
        server.transcript.update(finished)
        flight += finished
        for at in range(0, len(flight), size):
            server.tell(server.write.seal(22, flight[at : at + size]))
        histories.add(history(server.client.events))
        assert violations(server.client.events) == []
    assert histories == {"CsoxyfIF"}


def test_padding_is_removed() -> None:
    """Zeros behind the content type are no content (RFC 8446 section 5.4)."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    # What is sealed is the fragment and then the type: zeros of the type zero are padding.
    server.tell(server.write.seal_one(0, ENCRYPTED_EXTENSIONS + b"\x16" + bytes(299)))

    assert violations(server.client.events) == []
    assert server.client.stage is Stage.CERTIFICATE


def test_nothing_but_padding_is_refused() -> None:
    """A record without a content type is an unexpected_message (RFC 8446 section 5.4)."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    server.tell(server.write.seal_one(0, bytes(299)))

    assert violations(server.client.events) == ["missing_content_type"]


@pytest.mark.parametrize(
    ("state", "length"),
    [(State.SERVER_HELLO, 2**14 + 1), (State.ENCRYPTED_EXTENSIONS, 2**14 + 257)],
)
def test_a_record_that_says_it_is_too_long_is_record_overflow(state: State, length: int) -> None:
    """RFC 8446 sections 5.1 and 5.2: refused from its header alone, and it is TLS."""
    server = ServerTls13(conversation())
    server.until(state)
    server.tell(bytes.fromhex("160303") + length.to_bytes(2, "big"))

    facts = facts_of(server.client)
    assert facts.violation == "record_overflow"
    assert facts.is_tls is Checked.YES
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.LOCAL, 22)


def test_the_longest_protected_record_is_read() -> None:
    """A TLSInnerPlaintext of 2^14 + 1 octets and its tag (RFC 8446 section 5.4)."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    content = ENCRYPTED_EXTENSIONS + b"\x16"
    # What is sealed is the fragment and then the type: zeros of the type zero are padding.
    longest = server.write.seal_one(0, content + bytes(2**14 - len(content)))
    server.tell(longest)

    assert len(longest) == 5 + 2**14 + 1 + 16
    assert violations(server.client.events) == []
    assert server.client.stage is Stage.CERTIFICATE


@pytest.mark.parametrize("state", [State.SERVER_HELLO, State.CERTIFICATE_VERIFY])
def test_nothing_is_said_behind_our_own_fatal_alert(state: State) -> None:
    """It has closed the connection already (RFC 8446 section 6.2): no close_notify follows."""
    server = ServerTls13(conversation())
    server.until(state)
    alert = server.tell(bytes.fromhex("1603034101"))

    assert alert != b""
    assert server.client.close(3.0) == b""


@pytest.mark.parametrize("size", [1, 100, 5_000])
def test_a_flight_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Only so many octets are taken from one peer, however they are cut."""
    monkeypatch.setattr(limits, "MAX_FLIGHT", 3_000)
    client = conversation()
    client.start(1.0)
    flight = record(22, message(2, b"")[:1] + (5_000).to_bytes(3, "big") + bytes(5_000))
    for at in range(0, len(flight), size):
        client.receive(flight[at : at + size], 2.0)
    assert violations(client.events) == ["flight_too_large"]


def test_a_message_that_says_it_is_too_long_is_refused() -> None:
    """From its header alone: nothing of it is kept."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, b"\x02" + (limits.MAX_HANDSHAKE_MESSAGE + 1).to_bytes(3, "big")), 2.0)
    assert violations(client.events) == ["message_too_large"]


# -- TLS 1.2 ---------------------------------------------------------------------------


def test_tls12_finished_with_another_content_is_bad_finished() -> None:
    """RFC 5246 section 7.4.9: the content is checked, not only the record's tag."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_FINISHED)
    finished = bytearray(server.finished())
    finished[-1] ^= 1
    server.tell(server.say(bytes(finished)))

    assert violations(server.client.events) == ["bad_finished"]
    assert not facts_of(server.client).completed


def test_tls13_finished_with_another_content_is_bad_finished() -> None:
    """RFC 8446 section 4.4.4: decrypt_error(51)."""
    server = ServerTls13(conversation())
    server.until(State.FINISHED)
    finished = bytearray(server.finished())
    finished[-1] ^= 1
    server.tell(server.seal(bytes(finished)))

    assert violations(server.client.events) == ["bad_finished"]
    assert server.client.events[-1] == seen.AlertSeen(2.0, Origin.LOCAL, 2, 51)
    assert server.client.stage is Stage.SERVER_FINISHED


@pytest.mark.parametrize("octet", [5, 20, 40, -1])
def test_a_signature_that_does_not_verify_is_a_wrong_key(octet: int) -> None:
    """Not a broken rule: the peer does not hold the leaf's key, and gets decrypt_error(51)."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_VERIFY)
    signed = bytearray(server.certificate_verify())
    signed[octet if octet < 0 else 8 + octet] ^= 1
    server.tell(server.seal(bytes(signed)))

    facts = facts_of(server.client)
    assert facts.key_proof is Checked.NO
    assert facts.violation == ""
    assert facts.stage is Stage.CERTIFICATE
    assert facts.ended_by is EndedBy.US
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.LOCAL, 51)


def test_tls12_signature_over_another_random_is_a_wrong_key() -> None:
    """The signature covers both randoms (RFC 8422 section 5.4): a replay does not pass."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_KEY_EXCHANGE)
    server.tell(server.say(server.server_key_exchange(random=bytes(32))))

    assert facts_of(server.client).key_proof is Checked.NO
    assert facts_of(server.client).stage is Stage.KEY_EXCHANGE


def test_tls12_certificate_request_is_answered_with_an_empty_certificate() -> None:
    """RFC 5246 section 7.4.6: three zero octets, before ClientKeyExchange."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_DONE)
    said = server.tell(server.say(SERVER_HELLO_DONE))

    assert said.startswith(record(22, message(11, b"\x00\x00\x00")))
    assert history(server.client.events) == "CsxkrnXGIF"


def test_early_data_behind_a_certificate_request_does_not_confirm() -> None:
    """What was sent before our empty Certificate can have been read says nothing about it."""
    server = ServerTls13(conversation())
    server.until(State.FINISHED, request=True)
    flight = server.seal(server.finished())
    server.application_keys()
    server.tell(flight + server.seal(b"220 ready\r\n", 23))
    assert facts_of(server.client).confirmed_by is None
    assert server.client.waiting == "confirm_client_auth"

    server.tell(server.seal(b"still here", 23), 3.0)
    assert facts_of(server.client).confirmed_by is ConfirmedBy.DATA


def test_the_certificate_request_carries_no_context() -> None:
    """In a handshake the context is empty (RFC 8446 section 4.3.2)."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(message(13, b"\x01x" + CERTIFICATE_REQUEST[5:])))
    assert violations(server.client.events) == ["certificate_context_not_empty"]


# -- what comes beside the certificate --------------------------------------------------

STAPLE = bytes.fromhex("01 000003") + b"der"  # RFC 6066 section 8: ocsp(1), then the response


def test_a_stapled_answer_in_the_certificate_entry() -> None:
    """TLS 1.3 carries status and timestamps with the leaf (RFC 8446 section 4.4.2.1)."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE)
    beside = extensions((5, STAPLE), (18, b"scts"))
    entry = bytes.fromhex("000001 30") + beside
    server.tell(server.seal(message(11, b"\x00" + len(entry).to_bytes(3, "big") + entry)))
    facts = facts_of(server.client)

    assert facts.ocsp_response == b"der"
    assert facts.signed_certificate_timestamps == b"scts"
    assert facts.violation == ""


def test_a_stapled_answer_in_its_own_message() -> None:
    """Up to TLS 1.2 CertificateStatus follows Certificate (RFC 6066 section 8), once."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_STATUS)
    server.tell(server.say(message(22, STAPLE)))
    assert facts_of(server.client).ocsp_response == b"der"
    server.tell(server.say(message(22, STAPLE)))
    assert violations(server.client.events) == ["unexpected_message"]

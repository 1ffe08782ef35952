"""server.closed_*, reset, silent, stalled, protocol_violation: the stage and who ended it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan._parse import ParseFault
from fleetscan.causes.model import Confidence
from fleetscan.errors import ParseError
from fleetscan.facts import HandshakeFacts, Timings
from fleetscan.vocabulary import Checked, EndedBy, IcmpError, Origin, Stage
from tests.facts_builder import (
    NAME,
    NAMELESS,
    OFFER,
    alerted,
    case,
    cause_ids,
    confirmed,
    ended,
    facts,
    only_cause,
)


@pytest.mark.parametrize(
    ("ended_by", "expected"),
    [
        (EndedBy.FIN, "server.closed_after_hello"),
        (EndedBy.RST, "server.reset_after_hello"),
        (EndedBy.TIMEOUT, "server.silent_after_hello"),
    ],
)
def test_a_hello_that_nothing_answers(ended_by: EndedBy, expected: str) -> None:
    """FIN, RST and the deadline are three causes; none is proven by one probe."""
    cause = only_cause(ended(ended_by, timings=Timings(total=12.34)))

    assert cause.entry.id == expected
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.missing
    assert "interference.hello_filter" in cause.match.alternatives
    assert "interference.name_filter" in cause.match.alternatives
    assert "version.intolerant" in cause.match.alternatives
    assert cause.match.evidence == {
        "stage": "server_hello",
        "ended_by": ended_by.value,
        "octets": "0",
        "elapsed_ms": "12.3",
        "hello_octets": "517",
        "server_name": NAME,
    }


def test_alternatives_depend_on_what_was_sent() -> None:
    """No name: no filter for the name. A small hello: its size is no suspect."""
    named = only_cause(ended(EndedBy.RST)).match.alternatives
    nameless = only_cause(ended(EndedBy.RST, offer=NAMELESS)).match.alternatives
    small = only_cause(ended(EndedBy.RST, offer=replace(OFFER, octets=256))).match.alternatives

    assert "name.required" in nameless and "interference.name_filter" not in nameless
    assert "name.required" not in named
    assert "server.large_hello_intolerant" in named
    assert "server.large_hello_intolerant" not in small


@pytest.mark.parametrize("port", [25, 389, 1433, 3389, 5222, 5432])
def test_a_port_of_a_plain_dialogue_comes_first(port: int) -> None:
    """causes.md: for protocols without a banner, the port or a close right after the hello."""
    match = only_cause(case(ended(EndedBy.FIN), port=port)).match

    assert match.alternatives[0] == "protocol.starttls_needed"
    asked = only_cause(case(ended(EndedBy.FIN, starttls="smtp"), port=port)).match
    assert "protocol.starttls_needed" not in asked.alternatives


@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST])
def test_closed_on_accept_is_before_the_hello(ended_by: EndedBy) -> None:
    """With the hello on its way, nobody can tell: then it is an alternative."""
    before = HandshakeFacts(stage=Stage.CLIENT_HELLO, ended_by=ended_by)
    after = ended(ended_by)

    cause = only_cause(before)
    assert cause.entry.id == "server.closed_on_accept"
    assert cause.match.confidence is Confidence.OBSERVED
    assert "server.closed_on_accept" in only_cause(after).match.alternatives


def test_close_notify_instead_of_an_answer_is_a_close() -> None:
    """RFC 8446 section 6.1: a closure alert is no error alert."""
    seen = alerted(0, level=1, ended_by=EndedBy.FIN)
    cause = only_cause(seen)

    assert cause.entry.id == "server.closed_after_hello"
    assert cause.match.evidence["alert"] == "close_notify(0)"


@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST, EndedBy.TIMEOUT])
@pytest.mark.parametrize(
    ("history", "stage", "octets"),
    [
        ("Cs", Stage.CERTIFICATE, 90),
        ("Csoxy", Stage.SERVER_FINISHED, 2_000),
        ("C", Stage.SERVER_HELLO, 3),
    ],
)
def test_an_answer_that_does_not_end_is_stalled(
    ended_by: EndedBy, history: str, stage: Stage, octets: int
) -> None:
    """causes.md: stops in the middle of its flight, or drips: stage, octets, elapsed."""
    cause = only_cause(ended(ended_by, history=history, stage=stage, octets_received=octets))

    assert cause.entry.id == "server.stalled"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence["stage"] == stage.value
    assert cause.match.evidence["octets"] == str(octets)
    assert cause.match.evidence["history"] == history


def test_a_plain_dialogue_that_hangs_is_stalled() -> None:
    """No hello was sent yet: the deadline of the dialogue passed."""
    seen = HandshakeFacts(stage=Stage.STARTTLS, ended_by=EndedBy.TIMEOUT, starttls="smtp")
    cause = only_cause(seen)

    assert cause.entry.id == "server.stalled"
    assert cause.match.evidence["stage"] == "starttls"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(confirmed(ended_by=EndedBy.FIN), id="confirmed"),
        pytest.param(
            confirmed(ended_by=EndedBy.FIN, version=0x0303, confirmed_by=None), id="tls12-completed"
        ),
        pytest.param(
            facts(
                ended_by=EndedBy.US, version=0x0303, history="Csxkn", stage=Stage.CLIENT_FINISHED
            ),
            id="our-polite-end-after-the-first-flight",
        ),
    ],
)
def test_an_end_after_success_is_no_failure(seen: HandshakeFacts) -> None:
    """What comes after the goal was reached is not held against the server."""
    assert cause_ids(seen) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stage": Stage.CERTIFICATE}, id="before-the-flight-was-whole"),
        pytest.param({"violation": "bad_finished"}, id="after-a-violation"),
        pytest.param({"version": None}, id="without-a-server-hello"),
        pytest.param({"alert": alerted(50, origin=Origin.LOCAL).alert}, id="with-our-alert"),
        pytest.param({"ended_by": EndedBy.FIN}, id="not-by-us"),
    ],
)
def test_only_a_polite_end_is_a_success(changes: dict[str, object]) -> None:
    """One case per condition: change one fact and the handshake is not established."""
    base: dict[str, object] = {
        "ended_by": EndedBy.US,
        "version": 0x0303,
        "history": "Csxkn",
        "stage": Stage.CLIENT_FINISHED,
    }

    assert cause_ids(facts(**base)) == []
    assert cause_ids(facts(**(base | changes))) != []


# -- violations ---------------------------------------------------------------------


def test_a_violation_says_rule_field_and_octet() -> None:
    """causes.md: which rule."""
    seen = alerted(
        50,
        origin=Origin.LOCAL,
        violation="decode_error",
        parse_error=ParseError(ParseFault.TRUNCATED, "cipher_suite", 35),
    )
    cause = only_cause(seen)

    assert cause.entry.id == "server.protocol_violation"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence == {
        "rule": "decode_error",
        "fault": "TRUNCATED",
        "field": "cipher_suite",
        "offset": "35",
        "stage": "server_hello",
        "alert": "decode_error(50)",
        "history": "CsL",
    }
    assert cause.match.remedy_values == ("decode_error",)


def test_an_alert_of_ours_alone_is_a_violation() -> None:
    """Our reaction shows that a rule was broken, even where no rule was named."""
    cause = only_cause(alerted(10, origin=Origin.LOCAL))

    assert cause.entry.id == "server.protocol_violation"
    assert cause.match.remedy_values == ("the rule in the evidence",)


def test_a_violation_is_no_close() -> None:
    """The end that follows our alert is not the server's doing."""
    seen = alerted(50, origin=Origin.LOCAL, violation="decode_error", ended_by=EndedBy.FIN)

    assert cause_ids(seen) == ["server.protocol_violation"]


def test_a_wrong_signature_is_the_keys() -> None:
    """certificate.key_mismatch says it better than our decrypt_error does."""
    seen = alerted(
        51,
        origin=Origin.LOCAL,
        key_proof=Checked.NO,
        signature_scheme=0x0403,
        version=0x0304,
        history="CsoxyL",
        stage=Stage.CERTIFICATE,
    )
    cause = only_cause(seen)

    assert cause.entry.id == "certificate.key_mismatch"
    assert cause.severity.value == "critical"
    assert cause.match.evidence == {
        "signature_scheme": "ecdsa_secp256r1_sha256",
        "stage": "certificate",
    }


def test_a_small_group_says_more_than_our_alert() -> None:
    """causes.md: DH under 2048 bits; 1024 and less is broken."""
    weak = only_cause(confirmed(version=0x0303, dh_prime_bits=1_536, cipher_suite=0x009E))
    broken = only_cause(confirmed(version=0x0303, dh_prime_bits=1_024, cipher_suite=0x009E))

    assert weak.entry.id == "key_exchange.weak_dh"
    assert weak.match.evidence == {
        "dh_prime_bits": "1536",
        "strength": "weak",
        "cipher_suite": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    }
    assert broken.match.evidence["strength"] == "broken"
    assert cause_ids(confirmed(version=0x0303, dh_prime_bits=2_048, cipher_suite=0x009E)) == []


def test_user_canceled_instead_of_an_answer_is_a_close() -> None:
    """RFC 8446 section 6.1: it says that the sender gives up, not that something is wrong."""
    assert cause_ids(alerted(90, level=1)) == ["server.closed_after_hello"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"is_tls": Checked.NO, "first_octets": b"\x01\x02", "octets_received": 2},
            "protocol.garbage",
            id="no-tls",
        ),
        pytest.param(
            {"starttls": "smtp", "starttls_refusal": "454 no", "octets_received": 20},
            "protocol.starttls_refused",
            id="refused-dialogue",
        ),
        pytest.param(
            {"icmp": IcmpError(family=2, type=3, code=13, offender="192.0.2.1")},
            "connect.unreachable",
            id="icmp",
        ),
        pytest.param(
            {"parse_error": ParseError(ParseFault.TRUNCATED, "random", 3), "octets_received": 9},
            "server.protocol_violation",
            id="unreadable",
        ),
        pytest.param({"stage": Stage.CONNECT, "offer": None, "history": ""}, None, id="no-tcp"),
    ],
)
@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST, EndedBy.TIMEOUT])
def test_an_end_that_something_explains_is_not_told_by_its_stage(
    ended_by: EndedBy, changes: dict[str, object], expected: str | None
) -> None:
    """One case per condition of `closing`."""
    ids = cause_ids(ended(ended_by, **changes))

    assert not [each for each in ids if each.startswith("server.") and each != expected]
    assert expected is None or ids == [expected]


def test_a_goodbye_in_the_middle_of_a_flight_is_stalled() -> None:
    """The answer had begun: what came is said, not that nothing came."""
    seen = alerted(0, level=1, ended_by=EndedBy.FIN, history="Csl", octets_received=97)

    assert cause_ids(seen) == ["server.stalled"]


def test_facts_without_the_hello_itself_are_enough() -> None:
    """A capture may show that a hello went out and not what it offered."""
    cause = only_cause(ended(EndedBy.RST, offer=None))

    assert cause.entry.id == "server.reset_after_hello"
    assert "name.required" in cause.match.alternatives
    assert "hello_octets" not in cause.match.evidence


@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST, EndedBy.TIMEOUT])
def test_a_greeting_that_breaks_off_is_no_close_on_accept(ended_by: EndedBy) -> None:
    """Octets came before any hello: the dialogue began."""
    seen = HandshakeFacts(
        stage=Stage.STARTTLS, ended_by=ended_by, starttls="smtp", octets_received=30
    )

    assert cause_ids(seen) == ["server.stalled"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_tls": Checked.NO, "first_octets": b"\x01\x02\x03"}, "protocol.garbage"),
        ({"starttls": "smtp", "starttls_refusal": "454 no"}, "protocol.starttls_refused"),
        (
            {"starttls": "smtp", "starttls_refusal": "454 no", "is_tls": Checked.NO},
            "protocol.starttls_refused",
        ),
    ],
)
def test_what_is_no_tls_breaks_no_rule_of_it(changes: dict[str, object], expected: str) -> None:
    """A rule of TLS can be broken by TLS only."""
    assert cause_ids(ended(EndedBy.US, violation="decode_error", **changes)) == [expected]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("message_too_large", Confidence.SUSPECTED),  # which only we bound
        ("record_overflow", Confidence.OBSERVED),  # a record's, which RFC 8446 section 5.1 bounds
    ],
)
def test_a_length_beyond_our_own_bound_is_no_observed_violation(
    rule: str, told: Confidence
) -> None:
    """RFC 8446 section 4 allows 2^24 octets a message: what we will not read is not its fault."""
    refusal = ParseError(ParseFault.LENGTH_OUT_OF_RANGE, "length", 1)
    cause = only_cause(ended(EndedBy.US, is_tls=Checked.YES, violation=rule, parse_error=refusal))

    assert cause.entry.id == "server.protocol_violation"
    assert cause.match.confidence is told


def test_a_flight_beyond_our_own_bound_is_no_observed_violation() -> None:
    """The octets read from one peer are our bound as well."""
    cause = only_cause(ended(EndedBy.US, is_tls=Checked.YES, violation="flight_too_large"))

    assert cause.match.confidence is Confidence.SUSPECTED

"""fold: from a list of events to facts, and to nothing more."""

from __future__ import annotations

import errno
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from fleetscan import facts as module
from fleetscan import limits
from fleetscan._parse import Certificate, ParseFault
from fleetscan.facts import (
    _NOTES,
    HandshakeFacts,
    MalformedCertificate,
    Timings,
    fold,
    parse_certificate_or_malformed,
)
from fleetscan.tls import events as seen
from fleetscan.tls.events import Event
from fleetscan.tls.session import State
from fleetscan.vocabulary import (
    Alert,
    Checked,
    ConfirmedBy,
    EndedBy,
    IcmpError,
    Origin,
    ResolveFailure,
    Stage,
)
from tests.tls_peers import (
    OpenSslPeer,
    ServerTls13,
    conversation,
    converse,
    identity,
    message,
    server_context,
)

OFFER = seen.Offer(
    profile="modern",
    server_name="a.test",
    versions=(0x0304,),
    cipher_suites=(0x1301,),
    groups=(0x001D,),
    signature_schemes=(0x0403,),
    alpn=("h2",),
    octets=300,
)


def ended(
    by: EndedBy = EndedBy.US, stage: Stage = Stage.SERVER_HELLO, at: float = 9.0
) -> seen.Ended:
    """The transport's last word."""
    return seen.Ended(at, by, None, 42, stage)


def alert(origin: Origin, description: int, level: int = 2) -> seen.AlertSeen:
    """An alert."""
    return seen.AlertSeen(5.0, origin, level, description)


def test_nothing_gives_the_defaults() -> None:
    """No event, no claim: everything unchecked stays unchecked."""
    assert fold([]) == HandshakeFacts(stage=Stage.RESOLVE)


def test_a_name_that_does_not_resolve() -> None:
    """The resolver's code is evidence."""
    facts = fold([seen.ResolveFailed(2.0, ResolveFailure.NOT_FOUND, "NXDOMAIN")])
    assert facts.stage is Stage.RESOLVE
    assert facts.resolve_failure is ResolveFailure.NOT_FOUND
    assert facts.resolve_detail == "NXDOMAIN"
    assert facts.ended_by is None


def test_a_refused_connection() -> None:
    """errno and what the error queue held."""
    icmp = IcmpError(family=4, type=3, code=13, offender="10.0.0.1")
    facts = fold([seen.ConnectStarted(1.0), seen.ConnectFailed(2.0, errno.EHOSTUNREACH, icmp)])
    assert (facts.stage, facts.errno, facts.icmp) == (Stage.CONNECT, errno.EHOSTUNREACH, icmp)


def test_icmp_that_ends_a_standing_connection() -> None:
    """The same evidence, from the transport's last word."""
    icmp = IcmpError(family=4, type=3, code=1, offender="10.0.0.1")
    end = seen.Ended(2.0, EndedBy.ICMP, errno.EHOSTUNREACH, 0, Stage.SERVER_HELLO, icmp)
    facts = fold([seen.Connected(1.0), end])
    assert (facts.ended_by, facts.icmp, facts.errno) == (EndedBy.ICMP, icmp, errno.EHOSTUNREACH)


@pytest.mark.parametrize(
    ("events", "stage"),
    [
        ([seen.Resolved(1.0, 0.1)], Stage.CONNECT),
        ([seen.ConnectStarted(1.0)], Stage.CONNECT),
        ([seen.Connected(1.0)], Stage.CLIENT_HELLO),
        ([seen.StartTlsStarted(1.0, "smtp")], Stage.STARTTLS),
        ([seen.ClientHelloSent(1.0, OFFER)], Stage.SERVER_HELLO),
        ([ended(stage=Stage.KEY_EXCHANGE)], Stage.KEY_EXCHANGE),
        ([seen.Confirmed(1.0, ConfirmedBy.TICKET), ended()], Stage.CONFIRMED),
        ([ended(stage=Stage.CONFIRMED)], Stage.CLIENT_FINISHED),
    ],
)
def test_stage(events: list[Event], stage: Stage) -> None:
    """What was under way; confirmed only when something confirmed it."""
    assert fold(events).stage is stage


@pytest.mark.parametrize("by", EndedBy)
def test_a_fatal_alert_ended_it_whatever_came_after(by: EndedBy) -> None:
    """FIN, RST or silence behind an alert is the same end."""
    facts = fold([alert(Origin.PEER, 40), ended(by)])
    assert facts.ended_by is EndedBy.ALERT
    assert facts.alert == Alert(origin=Origin.PEER, level=2, description=40)


@pytest.mark.parametrize("by", [EndedBy.FIN, EndedBy.RST, EndedBy.US])
def test_our_own_refusal_ended_it_whatever_came_after(by: EndedBy) -> None:
    """After our alert the peer may do what it likes: we broke off."""
    facts = fold(
        [
            seen.ProtocolViolation(4.0, "bad_finished", None),
            alert(Origin.LOCAL, 51),
            ended(by),
        ]
    )
    assert facts.ended_by is EndedBy.US
    assert facts.violation == "bad_finished"
    assert facts.alert == Alert(origin=Origin.LOCAL, level=2, description=51)
    assert facts.is_tls is Checked.YES


def test_a_warning_is_no_end() -> None:
    """The alert is evidence, the transport says how it ended."""
    facts = fold([alert(Origin.PEER, 112, level=1), ended(EndedBy.RST)])
    assert facts.ended_by is EndedBy.RST
    assert facts.alert == Alert(origin=Origin.PEER, level=1, description=112)


def test_the_first_fatal_alert_counts() -> None:
    """What came behind it changes nothing."""
    facts = fold([alert(Origin.PEER, 112, 1), alert(Origin.PEER, 40), alert(Origin.PEER, 80)])
    assert facts.alert == Alert(origin=Origin.PEER, level=2, description=40)


@pytest.mark.parametrize("confirmed", [False, True])
def test_close_notify_is_evidence_only_before_the_confirmation(confirmed: bool) -> None:
    """In a handshake that works it is good manners."""
    events: list[Event] = [alert(Origin.PEER, 0, 1)]
    if confirmed:
        events.append(seen.Confirmed(6.0, ConfirmedBy.CLOSE))
    facts = fold([*events, ended(EndedBy.US)])
    assert (facts.alert is None) is confirmed
    assert facts.ended_by is (EndedBy.US if confirmed else EndedBy.FIN)


def test_timings() -> None:
    """Milliseconds from the events' own seconds, each from its own beginning."""
    facts = fold(
        [
            seen.Resolved(10.0, 0.25),
            seen.ConnectStarted(10.5),
            seen.Connected(10.75),
            seen.ClientHelloSent(11.0, OFFER),
            seen.FirstOctet(11.5, False),
            seen.Completed(12.0),
            ended(at=13.0),
        ]
    )
    assert facts.timings == Timings(
        resolve=250.0,
        connect=250.0,
        first_octet=500.0,
        handshake=1_000.0,
        total=3_250.0,
        passed=((Stage.RESOLVE, 250.0), (Stage.CONNECT, 1_000.0), (Stage.CLIENT_HELLO, 1_250.0)),
    )


@pytest.mark.parametrize(
    ("history", "stages"),
    [
        ("sxkGFf", "server_hello certificate key_exchange client_finished server_finished"),
        ("soxyfF", "server_hello certificate server_finished client_finished"),
    ],
    ids=["tls12-sends-its-key-exchange-apart", "tls13-signs-behind-the-certificate"],
)
def test_each_stage_is_passed_with_its_last_message(history: str, stages: str) -> None:
    """RFC 5246 section 7.3, RFC 8446 section 2: one second a message, from the hello on."""
    said = [seen.MessageSeen(float(at), letter) for at, letter in enumerate(history, start=1)]
    facts = fold([seen.ClientHelloSent(0.0, OFFER), *said, ended(at=9.0)])

    passed = dict(facts.timings.passed)
    assert [stage.value for stage in passed] == ["client_hello", *stages.split()]
    last = {stage: 1_000.0 * (1 + max(map(history.find, letters))) for stage, letters in (
        (Stage.CERTIFICATE, "xy"), (Stage.CLIENT_FINISHED, "F"), (Stage.SERVER_FINISHED, "f"),
    )}  # fmt: skip
    assert {stage: passed[stage] for stage in last} == last


def test_first_octet_of_one_who_spoke_first_counts_from_connect() -> None:
    """There was no hello to count from."""
    facts = fold(
        [seen.Connected(1.0), seen.FirstOctet(1.5, True), seen.ClientHelloSent(2.0, OFFER)]
    )
    assert facts.timings.first_octet == 500.0
    assert facts.spoke_first


def test_steps_not_reached_have_no_time() -> None:
    """None, not zero."""
    facts = fold([seen.ConnectStarted(1.0), ended(EndedBy.TIMEOUT, Stage.CONNECT, at=6.0)])
    assert facts.timings == Timings(total=5_000.0)


def test_history_is_bounded() -> None:
    """A list of events longer than any client of ours makes."""
    facts = fold([seen.MessageSeen(1.0, "i")] * 1_000)
    assert facts.history == "i" * limits.MAX_HISTORY


def test_certificates_are_parsed_by_the_caller_s_parser() -> None:
    """fold itself reads no certificate: the callable given does."""
    client = conversation()
    converse(client, OpenSslPeer(server_context()))
    asked: list[bytes] = []

    def parse(der: bytes) -> Certificate | MalformedCertificate:
        asked.append(der)
        return parse_certificate_or_malformed(der)

    facts = fold(client.events, parse)
    assert asked == [identity("P-256").der]
    assert facts.certificates_sent == 1
    leaf = facts.certificates[0]
    assert isinstance(leaf, Certificate)
    assert leaf.der == identity("P-256").der


def test_a_malformed_certificate_keeps_what_identifies_it() -> None:
    """SHA-256 and length of the octets, and the parser's refusal."""
    malformed = parse_certificate_or_malformed(b"abc")
    assert isinstance(malformed, MalformedCertificate)
    # FIPS 180-2 appendix B.1.
    assert malformed.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert malformed.octets == 3


def test_a_certificate_over_the_bound_is_not_parsed() -> None:
    """Only its hash is taken."""
    malformed = parse_certificate_or_malformed(bytes(limits.MAX_CERTIFICATE + 1))
    assert isinstance(malformed, MalformedCertificate)
    assert malformed.error.fault is ParseFault.LENGTH_OUT_OF_RANGE


def test_more_certificates_than_the_bound_are_refused() -> None:
    """MAX_CERTIFICATES are read; one more is too many, by that name."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE)
    entry = bytes.fromhex("000001 30 0000")
    block = entry * (limits.MAX_CERTIFICATES + 1)
    server.tell(server.seal(message(11, b"\x00" + len(block).to_bytes(3, "big") + block)))
    facts = fold(server.client.events)

    assert facts.violation == "too_many_certificates"
    assert facts.certificates == ()


def test_a_whole_handshake() -> None:
    """Every field that one handshake with OpenSSL fills."""
    client = conversation(alpn=("h2",))
    context = server_context()
    context.set_alpn_protocols(["h2"])
    converse(client, OpenSslPeer(context))
    facts = fold([*client.events, ended(stage=Stage.CONFIRMED)])

    assert facts.offer is not None
    assert facts.offer.server_name == "server.test"
    assert (facts.version, facts.cipher_suite, facts.group) == (0x0304, 0x1302, 0x001D)
    assert (facts.alpn, facts.signature_scheme) == ("h2", 0x0403)
    assert facts.compression_method == 0
    assert facts.is_tls is Checked.YES
    assert facts.octets_received == 42
    assert not facts.hello_retry_requested
    assert facts.dh_prime_bits is None
    assert facts.completed


@pytest.mark.parametrize(("min_rtt_s", "min_rtt_ms"), [(0.0125, 12.5), (None, None)])
def test_what_tcp_measured_is_told_in_milliseconds(
    min_rtt_s: float | None, min_rtt_ms: float | None
) -> None:
    """And a round trip that was never seen is none; without the event nothing is known."""
    facts = fold([seen.TcpMeasured(1.0, min_rtt_s, 2)])

    assert (facts.min_rtt_ms, facts.retransmissions) == (min_rtt_ms, 2)
    assert (fold([]).min_rtt_ms, fold([]).retransmissions) == (None, None)


def test_every_event_is_understood() -> None:
    """An event added to the contract has to be folded, or the facts lose it."""
    assert set(_NOTES) == set(get_args(seen.Event))


def test_only_known_fields_are_set() -> None:
    """A spelling mistake in fold would be a TypeError for the one host that shows it."""
    source = Path(module.__file__).read_text()
    named = set(re.findall(r'fields\["(\w+)"\]', source))
    named |= set(re.findall(r'fields\.setdefault\("(\w+)"', source))
    assert named <= {field.name for field in fields(HandshakeFacts)}

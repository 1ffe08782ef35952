"""resolve.*, connect.*, local.* and internal.error: what ended before TLS began."""

from __future__ import annotations

import errno

import pytest

from fleetscan.causes import classify
from fleetscan.causes.model import Confidence, Severity
from fleetscan.facts import HandshakeFacts, Timings
from fleetscan.vocabulary import EndedBy, IcmpError, ResolveFailure, Stage
from tests.facts_builder import case, cause_ids, confirmed, ended, only_cause

ADMIN_PROHIBITED = IcmpError(family=2, type=3, code=13, offender="192.0.2.1")
PORT_UNREACHABLE = IcmpError(family=2, type=3, code=3, offender="192.0.2.7")
ADMIN_PROHIBITED_6 = IcmpError(family=10, type=1, code=1, offender="2001:db8::1")


def connecting(**changes: object) -> HandshakeFacts:
    """Facts of a connection that did not come about."""
    return HandshakeFacts(stage=Stage.CONNECT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ResolveFailure.NOT_FOUND, "resolve.not_found"),
        (ResolveFailure.TIMEOUT, "resolve.timeout"),
        (ResolveFailure.FAILED, "resolve.failed"),
    ],
)
def test_the_resolvers_code_decides(failure: ResolveFailure, expected: str) -> None:
    """causes.md: the resolver's code settles it."""
    seen = HandshakeFacts(
        stage=Stage.RESOLVE, resolve_failure=failure, resolve_detail="ARES_X\x1b[2J"
    )
    cause = only_cause(seen)

    assert cause.entry.id == expected
    assert cause.match.evidence == {"detail": "ARES_X\\x1b[2J"}
    assert cause.severity is Severity.MEDIUM


def test_the_deadline_of_the_resolve_stage_is_a_timeout() -> None:
    """The deadline may end the probe before the resolver gives up."""
    assert cause_ids(HandshakeFacts(stage=Stage.RESOLVE, ended_by=EndedBy.TIMEOUT)) == [
        "resolve.timeout"
    ]


def test_refused_timed_out_and_unreachable_are_three_causes() -> None:
    """The first of the ways peers get it wrong: one status for refused and timed out."""
    assert cause_ids(connecting(errno=errno.ECONNREFUSED)) == ["connect.refused"]
    assert cause_ids(connecting(errno=errno.ETIMEDOUT)) == ["connect.timeout"]
    assert cause_ids(connecting(ended_by=EndedBy.TIMEOUT)) == ["connect.timeout"]
    assert cause_ids(connecting(errno=errno.EHOSTUNREACH)) == ["connect.unreachable"]


def test_an_icmp_port_unreachable_is_no_rst() -> None:
    """Both give ECONNREFUSED; only the error queue tells them apart."""
    cause = only_cause(
        connecting(errno=errno.ECONNREFUSED, icmp=PORT_UNREACHABLE, ended_by=EndedBy.ICMP)
    )

    assert cause.entry.id == "connect.unreachable"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence == {
        "icmp_type": "3",
        "icmp_code": "3",
        "icmp_meaning": "port unreachable",
        "offender": "192.0.2.7",
        "errno": "ECONNREFUSED",
        "stage": "connect",
    }


def test_an_icmp_message_at_the_deadline_is_no_timeout() -> None:
    """A message that came is more than nothing that came."""
    assert cause_ids(connecting(ended_by=EndedBy.TIMEOUT, icmp=ADMIN_PROHIBITED)) == [
        "connect.unreachable"
    ]


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EAFNOSUPPORT])
def test_an_errno_without_icmp_makes_unreachable_suspected(number: int) -> None:
    """causes.md: ICMP settles it; errno alone cannot."""
    cause = only_cause(connecting(errno=number))

    assert cause.entry.id == "connect.unreachable"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.missing


def test_icmp_outlived_by_the_handshake_is_no_cause() -> None:
    """RFC 1122 section 4.2.3.9: TCP may go on after a soft error."""
    assert cause_ids(confirmed(icmp=ADMIN_PROHIBITED)) == []


def test_icmp_after_the_hello_is_said_with_its_stage() -> None:
    """A firewall may reject a connection that stood already."""
    cause = only_cause(
        HandshakeFacts(
            stage=Stage.SERVER_HELLO, ended_by=EndedBy.ICMP, icmp=ADMIN_PROHIBITED, history="C"
        )
    )

    assert cause.entry.id == "connect.unreachable"
    assert cause.match.evidence["stage"] == "server_hello"


def test_addresses_of_a_range_that_do_not_answer_are_low() -> None:
    """causes.md: low for connect.* of expanded targets, medium for listed ones."""
    for seen in (
        connecting(errno=errno.ECONNREFUSED),
        connecting(ended_by=EndedBy.TIMEOUT),
        connecting(errno=errno.EHOSTUNREACH),
    ):
        assert classify(case(seen)).severity is Severity.MEDIUM
        assert classify(case(seen, listed=False)).severity is Severity.LOW


@pytest.mark.parametrize(
    "number",
    [
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EAGAIN,
    ],
)
def test_what_this_machine_lacks_is_not_blamed_on_the_target(number: int) -> None:
    """local.exhausted is an error of ours, not a failure of the target's."""
    verdict = classify(case(connecting(errno=number)))

    assert [cause.entry.id for cause in verdict.causes] == ["local.exhausted"]
    assert verdict.outcome == "error"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_what_this_machine_forbids_is_not_blamed_on_the_target(number: int) -> None:
    """local.denied is this machine's own firewall."""
    verdict = classify(case(connecting(errno=number)))

    assert [cause.entry.id for cause in verdict.causes] == ["local.denied"]
    assert verdict.outcome == "error"


def test_eacces_behind_an_icmpv6_message_is_the_networks() -> None:
    """Linux gives EACCES for ICMPv6 type 1 code 1 (net/ipv6/icmp.c): not this machine's doing."""
    cause = only_cause(connecting(errno=errno.EACCES, icmp=ADMIN_PROHIBITED_6))

    assert cause.entry.id == "connect.unreachable"
    assert cause.match.evidence["icmp_meaning"] == "administratively prohibited"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EHOSTUNREACH, errno.ECONNREFUSED])
def test_an_icmp_end_of_a_connection_that_stood_is_the_networks(number: int) -> None:
    """Linux keeps no message for one that stood: suspected, and never this machine's refusal."""
    cause = only_cause(
        HandshakeFacts(stage=Stage.SERVER_HELLO, ended_by=EndedBy.ICMP, errno=number, history="C")
    )

    assert cause.entry.id == "connect.unreachable"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.missing


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOBUFS])
def test_what_failed_here_after_a_handshake_that_worked_is_no_cause(number: int) -> None:
    """The answer was had: what this machine lacks afterwards takes nothing away."""
    assert cause_ids(confirmed(errno=number)) == []


def test_our_own_bug_hides_everything_else() -> None:
    """internal.error: nothing is concluded about the target from a probe that we broke."""
    seen = HandshakeFacts(stage=Stage.CONNECT, ended_by=EndedBy.RST, errno=errno.ECONNREFUSED)
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "probe.py", line 7, in ask\n    boom()\n'
        "ValueError: \x1b]0;title\x07\n"
    )
    verdict = classify(case(seen, internal_error=traceback))

    assert [cause.entry.id for cause in verdict.causes] == ["internal.error"]
    assert verdict.outcome == "error"
    assert verdict.findings == ()
    assert verdict.causes[0].match.evidence == {
        "error": "ValueError: \\x1b]0;title\\x07",
        "place": 'File "probe.py", line 7, in ask',
    }


def test_elapsed_time_is_evidence() -> None:
    """Milliseconds with a tenth."""
    cause = only_cause(connecting(ended_by=EndedBy.TIMEOUT, timings=Timings(total=5_000.04)))

    assert cause.match.evidence == {"elapsed_ms": "5000.0"}


def test_the_transport_may_know_more_than_an_errno() -> None:
    """A capture has a RST or an ICMP message, and no errno."""
    assert cause_ids(connecting(ended_by=EndedBy.RST)) == ["connect.refused"]
    assert cause_ids(connecting(ended_by=EndedBy.ICMP)) == ["connect.unreachable"]


def test_a_reset_of_a_connection_that_stood_is_no_refusal() -> None:
    """A RST in answer to the SYN is ECONNREFUSED; ECONNRESET is one in a later state.

    Linux, FreeBSD and macOS alike: HAProxy's `tcp-request connection reject` gives it.
    """
    cause = only_cause(connecting(errno=errno.ECONNRESET))

    assert cause.entry.id == "server.closed_on_accept"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence["errno"] == "ECONNRESET"


def test_the_proxys_reset_is_not_the_targets() -> None:
    """With a proxy it is the proxy that is connected to."""
    seen = connecting(errno=errno.ECONNRESET, proxy="http://proxy.example:3128")

    assert "server.closed_on_accept" not in cause_ids(seen)


def test_an_errno_after_the_connection_stood_is_no_unreachable() -> None:
    """EPIPE on the way out of a hello is the server's end of it."""
    assert cause_ids(ended(EndedBy.RST, errno=errno.EPIPE)) == ["server.reset_after_hello"]

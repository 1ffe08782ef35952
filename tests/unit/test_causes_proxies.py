"""interference.proxy_refused: what the proxy did, and never the target's."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from fleetscan.causes import classify
from fleetscan.causes.model import Confidence, Severity
from fleetscan.causes.proxies import proxy_refused
from fleetscan.facts import HandshakeFacts
from fleetscan.output.emit import Emission, is_emitted
from fleetscan.output.record import encode_line
from fleetscan.vocabulary import (
    Checked,
    ConfirmedBy,
    EndedBy,
    IcmpError,
    ProxyAnswer,
    ResolveFailure,
    Stage,
)
from tests.facts_builder import alerted, case, cause_ids, confirmed, ended, facts, only_cause, spoke
from tests.unit.output_examples import record as record_of
from tests.unit.output_examples import target, validated

REFUSED = "interference.proxy_refused"
HTTP = "http://proxy.test:3128"
SOCKS = "socks5://proxy.test:1080"
ANY = ("connect.refused", "connect.timeout", "connect.unreachable")
UNREACHABLE = IcmpError(family=2, type=3, code=1, offender="192.0.2.9")


def before_the_tunnel(stage: Stage = Stage.PROXY, **changes: object) -> HandshakeFacts:
    """Facts of a probe that did not get past its proxy."""
    base: dict[str, object] = {"proxy": HTTP, "ended_by": EndedBy.US}
    return HandshakeFacts(stage=stage, **(base | changes))  # type: ignore[arg-type]


def http(code: int | None, words: str = "", detail: str = "") -> HandshakeFacts:
    """Facts of a CONNECT that was answered with this status."""
    answer = ProxyAnswer(step="request", accepted=False, code=code, words=words, detail=detail)
    return before_the_tunnel(proxy_answer=answer)


def socks(step: str, code: int | None, words: str = "") -> HandshakeFacts:
    """Facts of a SOCKS5 dialogue that was refused at this step."""
    answer = ProxyAnswer(step=step, accepted=False, code=code, words=words)
    return before_the_tunnel(proxy=SOCKS, proxy_answer=answer)


@pytest.mark.parametrize("code", [403, 407, 302, 400, 404, 405, 429, 501, 505, 511])
def test_a_status_about_the_proxy_alone_is_observed_without_alternatives(code: int) -> None:
    """RFC 9110 section 15: the proxy says what it wants, and nothing of the target."""
    cause = only_cause(http(code, "Because", "Basic"))

    assert cause.entry.id == REFUSED
    assert cause.match.confidence is Confidence.OBSERVED
    assert (cause.match.alternatives, cause.match.missing) == ((), "")
    assert cause.severity is Severity.HIGH
    assert cause.match.evidence == {
        "proxy": HTTP,
        "stage": "proxy",
        "step": "request",
        "status": str(code),
        "reason": "Because",
        "detail": "Basic",
    }
    assert cause.match.remedy_values == ("127.0.0.1:443",)


@pytest.mark.parametrize(
    ("code", "detail", "alternatives"),
    [
        (500, "", ANY),
        (502, "", ANY),
        (503, "", ANY),
        (504, "", ("connect.timeout",)),
        (502, "p; error=connection_refused", ("connect.refused",)),
        (504, 'p; next-hop=x; error = "connection_timeout"', ("connect.timeout",)),
        (502, "p; error=destination_ip_unroutable", ("connect.unreachable",)),
        (502, "p; error=dns_error; rcode=NXDOMAIN", ("resolve.not_found", "resolve.failed")),
        (503, "p; error=connection_limit_reached", ()),
        (502, "p; error=proxy_internal_error", ()),
        (502, "p; terror=connection_refused", ANY),
        (403, "p; error=connection_refused", ()),
    ],
)
def test_what_a_status_says_of_the_target_is_hearsay(
    code: int, detail: str, alternatives: tuple[str, ...]
) -> None:
    """RFC 9110 sections 15.6.3 to 15.6.5, RFC 9209 section 2.3: named beside, never blamed."""
    cause = only_cause(http(code, "x", detail))

    assert cause.entry.id == REFUSED
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.alternatives == alternatives
    assert bool(cause.match.missing) is bool(alternatives)


@pytest.mark.parametrize(
    ("step", "code", "reason", "alternatives"),
    [
        ("method", 0xFF, "no acceptable authentication method", ()),
        ("method", 1, "an authentication method that was not offered", ()),
        ("authentication", 1, "user name or password refused", ()),
        ("authentication", 5, "user name or password refused", ()),
        ("request", 1, "general SOCKS server failure", ANY),
        ("request", 2, "connection not allowed by ruleset", ()),
        ("request", 3, "network unreachable", ("connect.unreachable",)),
        ("request", 4, "host unreachable", ("connect.unreachable", "connect.timeout")),
        ("request", 5, "connection refused", ("connect.refused",)),
        ("request", 6, "TTL expired", ("connect.unreachable", "connect.timeout")),
        ("request", 7, "command not supported", ()),
        ("request", 8, "address type not supported", ()),
        ("request", 9, None, ()),
    ],
)
def test_a_socks_reply_is_told_in_the_words_of_its_rfc(
    step: str, code: int, reason: str | None, alternatives: tuple[str, ...]
) -> None:
    """RFC 1928 sections 3 and 6, RFC 1929 section 2."""
    cause = only_cause(socks(step, code))

    assert cause.entry.id == REFUSED
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence.get("reason") == reason
    assert cause.match.evidence["status"] == str(code)
    assert cause.match.alternatives == alternatives


def test_octets_of_another_protocol_are_its_words() -> None:
    """A TLS or SSH port named as proxy: the octets are evidence, and nothing of the target's."""
    for seen in (http(None, "SSH-2.0-x\x1b"), socks("method", None, "HTTP/1.1 400")):
        cause = only_cause(seen)
        assert cause.entry.id == REFUSED
        assert cause.match.confidence is Confidence.OBSERVED
        assert cause.match.evidence["reason"].isprintable()
        assert "status" not in cause.match.evidence


@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST, EndedBy.TIMEOUT])
@pytest.mark.parametrize("step", [None, "request", "method", "authentication"])
def test_a_proxy_without_a_word_is_suspected_once_it_knows_the_target(
    ended_by: EndedBy, step: str | None
) -> None:
    """It may hang for the target; before it was told of the target it can only be itself."""
    answer = None if step is None else ProxyAnswer(step=step, accepted=False)
    seen = before_the_tunnel(ended_by=ended_by, proxy_answer=answer)
    cause = only_cause(seen)
    about_itself = step in ("method", "authentication")

    assert cause.entry.id == REFUSED
    assert cause.match.evidence["ended_by"] == ended_by.value
    assert (cause.match.confidence is Confidence.OBSERVED) is about_itself
    assert cause.match.alternatives == (() if about_itself else ANY)


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_by": None, "errno": errno.ECONNREFUSED},
        {"ended_by": None, "errno": errno.ECONNREFUSED, "icmp": UNREACHABLE},
        {"ended_by": None, "errno": errno.ETIMEDOUT},
        {"ended_by": None, "errno": errno.EHOSTUNREACH},
        {"ended_by": EndedBy.TIMEOUT},
        {"ended_by": EndedBy.RST, "errno": errno.ECONNRESET},
    ],
    ids=str,
)
def test_a_proxy_out_of_reach_is_no_target_out_of_reach(changes: dict[str, object]) -> None:
    """connect.refused, connect.timeout and connect.unreachable are of the target alone."""
    cause = only_cause(before_the_tunnel(Stage.CONNECT, **changes))

    assert cause.entry.id == REFUSED
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.alternatives == ()
    assert cause.match.evidence["stage"] == "connect"
    assert cause.severity is Severity.HIGH
    if "icmp" in changes:
        assert cause.match.evidence["icmp"] == "host unreachable from 192.0.2.9"


def test_the_same_without_a_proxy_is_the_targets() -> None:
    """One fact changed: no proxy, and it is `connect.*` again."""
    for number, cause_id in (
        (errno.ECONNREFUSED, "connect.refused"),
        (errno.ETIMEDOUT, "connect.timeout"),
        (errno.EHOSTUNREACH, "connect.unreachable"),
    ):
        seen = HandshakeFacts(stage=Stage.CONNECT, errno=number)
        assert cause_ids(seen) == [cause_id]
        assert cause_ids(replace(seen, proxy=HTTP)) == [REFUSED]


def test_this_machines_own_faults_stay_its_own() -> None:
    """Out of descriptors or forbidden on the way to a proxy: `local.*` says it alone."""
    for number, cause_id in ((errno.EMFILE, "local.exhausted"), (errno.EPERM, "local.denied")):
        seen = before_the_tunnel(Stage.CONNECT, ended_by=None, errno=number)
        assert cause_ids(seen) == [cause_id]


@pytest.mark.parametrize("stage", [Stage.PROXY, Stage.SERVER_HELLO, Stage.CERTIFICATE])
def test_icmp_is_from_the_way_to_the_proxy(stage: Stage) -> None:
    """At every stage: the target is reached by the proxy, and no ICMP of its way comes here."""
    seen = before_the_tunnel(stage, ended_by=EndedBy.ICMP, errno=errno.EHOSTUNREACH)
    cause = only_cause(seen)

    assert cause.entry.id == REFUSED
    assert cause.match.alternatives == ()
    assert cause_ids(replace(seen, ended_by=EndedBy.RST, icmp=UNREACHABLE)) == [REFUSED]


def opened(seen: HandshakeFacts, proxy: str = HTTP) -> HandshakeFacts:
    """The same facts, seen through a tunnel that was opened."""
    answer = ProxyAnswer(step="request", accepted=True, code=200)
    return replace(seen, proxy=proxy, proxy_answer=answer)


@pytest.mark.parametrize(
    "seen",
    [
        facts(ended_by=EndedBy.FIN),
        facts(ended_by=EndedBy.RST),
        facts(ended_by=EndedBy.TIMEOUT),
        ended(EndedBy.FIN, octets_received=9, is_tls=Checked.YES, history="Cs"),
        alerted(40),
        alerted(112),
        spoke(b"SSH-2.0-x\r\n"),
        spoke(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        facts(
            starttls="smtp",
            starttls_refusal="554 no",
            offer=None,
            history="",
            stage=Stage.STARTTLS,
        ),
        facts(violation="bad_record_mac", is_tls=Checked.YES, ended_by=EndedBy.US),
        HandshakeFacts(stage=Stage.RESOLVE, resolve_failure=ResolveFailure.NOT_FOUND),
    ],
    ids=range(11),
)  # fmt: skip
def test_behind_an_open_tunnel_the_causes_are_the_targets(seen: HandshakeFacts) -> None:
    """A proxy that did its work is not the cause of what the target does."""
    direct = cause_ids(seen)

    assert REFUSED not in direct
    assert cause_ids(opened(seen)) == direct


def test_a_handshake_that_worked_needs_no_cause() -> None:
    """Whatever ended the connection to the proxy afterwards."""
    seen = opened(confirmed(ended_by=EndedBy.ICMP, confirmed_by=ConfirmedBy.TICKET))

    assert cause_ids(seen) == []
    assert proxy_refused(case(seen)) is None


def test_an_end_right_behind_the_tunnel_may_still_be_the_proxys() -> None:
    """Some proxies promise before they connect: then it is an alternative, and said first."""
    closed = facts(ended_by=EndedBy.FIN)
    on_accept = facts(
        ended_by=EndedBy.FIN, offer=None, history="", stage=Stage.STARTTLS, starttls="smtp"
    )

    assert REFUSED not in only_cause(closed).match.alternatives
    assert only_cause(opened(closed)).match.alternatives[0] == REFUSED
    assert only_cause(on_accept).match.confidence is Confidence.OBSERVED
    told = only_cause(opened(on_accept)).match
    assert (told.confidence, told.alternatives) == (Confidence.SUSPECTED, (REFUSED,))


def test_a_name_that_the_proxy_resolves_may_not_exist() -> None:
    """No address is known then, and neither 502 nor SOCKS has a word for that."""
    for seen in (http(502), socks("request", 4), before_the_tunnel(ended_by=EndedBy.TIMEOUT)):
        by_name = only_cause(case(seen, address="")).match
        by_address = only_cause(case(seen)).match
        assert by_name.alternatives == (*by_address.alternatives, "resolve.not_found")
        assert by_name.remedy_values == ("www.example.com:443",)
    assert only_cause(case(http(403), address="")).match.alternatives == ()


def test_severity_is_that_of_the_same_told_directly() -> None:
    """`connect.*` is medium, and low for the addresses of a range."""
    assert only_cause(case(http(502))).severity is Severity.MEDIUM
    assert only_cause(case(http(502), listed=False)).severity is Severity.LOW
    assert only_cause(case(http(403), listed=False)).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("seen", "origin", "written"),
    [
        (http(502), "expanded", False),
        (http(504), "expanded", False),
        (before_the_tunnel(ended_by=EndedBy.TIMEOUT), "expanded", False),
        (http(403), "expanded", True),
        (http(502), "listed", True),
        # Suspected, with alternatives, and of the target: it answered.
        (opened(facts(ended_by=EndedBy.TIMEOUT)), "expanded", True),
    ],
)
def test_dark_addresses_of_a_range_are_dark_through_a_proxy_too(
    seen: HandshakeFacts, origin: str, written: bool
) -> None:
    """`--emit answered` leaves them out, and nothing else that the proxy says."""
    verdict = classify(case(seen, listed=origin == "listed"))
    record = record_of(verdict, facts=seen, target=target(origin=origin))

    validated(encode_line(record))
    assert record["handshake"]["proxy"] == HTTP
    assert is_emitted(record, Emission.ANSWERED) is written
    assert is_emitted(record, Emission.ALL)

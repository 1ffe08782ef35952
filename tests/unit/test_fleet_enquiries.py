"""Results that wait for an answer: none lost, none twice, none in the way of another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing
from itertools import permutations
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.fleet.enquiries import WaitingRoom
from fleetscan.fleet.judging import Judge, Judged
from fleetscan.fleet.known import KnownAuthorities
from fleetscan.fleet.missing import MissingIssuers, Upwards
from fleetscan.fleet.revocation import RevocationEnquirer
from fleetscan.fleet.verdicts import Verdicts
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus
from fleetscan.pki.trust import TrustStore
from tests import certificates
from tests.unit.test_engine_judging import LEAF, MIDDLE, PRIVATE_ROOT, ROOT, at_port

BOUND_S = 20


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    """In a loop of its own, within a bound."""

    async def bounded() -> Any:  # noqa: ANN401
        async with asyncio.timeout(BOUND_S):
            return await work

    return asyncio.run(bounded())


class Answers:
    """An enquirer that answers when the test says so, or as each port's rule says.

    Ports up to 99 are asked about; others are let through.
    """

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[int] = []
        self.under_way = 0
        self.most = 0
        self.answered: dict[int, str] = {}
        self.rules: dict[int, Callable[[], Coroutine[Any, Any, None]]] = {}

    def wants(self, judged: Judged) -> bool:
        """By the port."""
        return port_of(judged) < 100

    async def enquire(self, judged: Judged) -> Judged:
        """Wait for the gate, or do what the rule of this port says."""
        port = port_of(judged)
        self.asked.append(port)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.rules.get(port, self._at_the_gate)()
        finally:
            self.under_way -= 1
        self.answered[port] = "answer"
        return judged

    async def _at_the_gate(self) -> None:
        await self.gate.wait()

    def unanswered(self, judged: Judged, reason: str) -> Judged:
        """Note the reason."""
        self.answered[port_of(judged)] = reason
        return judged


def port_of(judged: Judged) -> int:
    """The port, which tells them apart."""
    return judged.outcome.target.port


def judged_at(port: int) -> Judged:
    """One that was concluded."""
    judged = judge().judge(at_port(port, LEAF, MIDDLE))
    assert judged is not None
    return judged


def judge(earlier: Iterable[Certificate] = ()) -> Judge:
    """A judge that trusts ROOT and has nothing to warn of."""
    return Judge(TrustStore([ROOT.parsed]), warn=pytest.fail, earlier=earlier)


async def stream(*ports: int) -> AsyncIterator[Judged]:
    """Results of these ports, each as soon as it is asked for."""
    for port in ports:
        yield judged_at(port)


async def hangs() -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def fails() -> None:
    """A bug of ours."""
    raise RuntimeError("planted")


async def at_once() -> None:
    """Answer without waiting for anything."""


def test_what_is_not_asked_about_overtakes_what_is() -> None:
    """Off the hot path: a slow answer delays its own target alone."""

    async def work() -> list[int]:
        answers = Answers()
        room = WaitingRoom(answers)
        order = []
        async with aclosing(room.through(stream(1, 101, 2, 102))) as results:
            async for judged in results:
                order.append(port_of(judged))
                if order == [101, 102]:
                    assert room.waiting == 2
                    answers.gate.set()
        return order

    assert run(work()) == [101, 102, 1, 2]


def test_no_more_is_drawn_while_all_seats_are_taken() -> None:
    """Back-pressure: what makes the results waits, and memory stays bounded."""

    async def work() -> None:
        answers = Answers()
        drawn = []

        async def counted() -> AsyncIterator[Judged]:
            for port in range(1, 31):
                drawn.append(port)
                yield judged_at(port)

        room = WaitingRoom(answers, seats=3)
        results = room.through(counted())
        first = asyncio.ensure_future(anext(results))
        for _ in range(200):
            await asyncio.sleep(0)
        assert (drawn, answers.asked) == ([1, 2, 3], [1, 2, 3])

        answers.gate.set()
        rest = [port_of(judged) async for judged in _after(first, results)]
        assert sorted(rest) == list(range(1, 31))
        assert answers.most == 3

    run(work())


async def _after(
    first: asyncio.Future[Judged], rest: AsyncIterator[Judged]
) -> AsyncIterator[Judged]:
    yield await first
    async for judged in rest:
        yield judged


def test_an_answer_that_never_comes_ends_at_the_deadline() -> None:
    """With the word for it; an answer that comes at once and one that fails are unharmed."""

    async def work() -> tuple[Answers, list[Judged]]:
        answers = Answers()
        answers.rules = {1: hangs, 2: fails, 3: at_once}
        room = WaitingRoom(answers, deadline_s=0.01)
        return answers, [judged async for judged in room.through(stream(1, 2, 3))]

    answers, told = run(work())
    by_port = {port_of(judged): judged for judged in told}

    assert sorted(port_of(judged) for judged in told) == [1, 2, 3]
    assert answers.answered == {1: "timeout", 3: "answer"}
    assert by_port[2].verdict is not None
    assert by_port[2].verdict.causes[0].entry.id == "internal.error"
    assert "RuntimeError: planted" in by_port[2].outcome.internal_error


def test_an_error_in_the_question_whether_to_ask_costs_one_target() -> None:
    """It is asked about each result, and no result may end the others."""

    class Doubts(Answers):
        def wants(self, judged: Judged) -> bool:
            if port_of(judged) == 101:
                raise RuntimeError("planted")
            return super().wants(judged)

    async def work() -> list[Judged]:
        answers = Doubts()
        answers.gate.set()
        return [judged async for judged in WaitingRoom(answers).through(stream(1, 101, 102))]

    told = {port_of(judged): judged.outcome.internal_error for judged in run(work())}

    assert sorted(told) == [1, 101, 102]
    assert "RuntimeError: planted" in told[101]
    assert (told[1], told[102]) == ("", "")


@pytest.mark.parametrize("begun", [True, False])
def test_an_abort_gives_every_result_as_interrupted(begun: bool) -> None:
    """Also one whose enquiry was made and had not run a step."""

    async def work() -> tuple[dict[int, str], list[int]]:
        answers = Answers()
        room = WaitingRoom(answers)
        results = room.through(stream(1, 2, 101, 3))
        order = [port_of(await anext(results))]
        if begun:
            await asyncio.sleep(0)
        room.abort()
        order += [port_of(judged) async for judged in results]
        return answers.answered, order

    answered, order = run(work())

    assert order[0] == 101
    assert sorted(order) == [1, 2, 3, 101]
    assert answered == {1: "interrupted", 2: "interrupted", 3: "interrupted"}


def test_a_drain_waits_for_what_is_under_way_and_asks_nothing_more() -> None:
    """As for probes: what is begun ends."""

    async def work() -> dict[int, str]:
        answers = Answers()
        room = WaitingRoom(answers)
        results = room.through(stream(1, 101, 2))
        await anext(results)
        room.request_drain()
        answers.gate.set()
        assert sorted([port_of(judged) async for judged in results]) == [1, 2]
        return answers.answered

    assert run(work()) == {1: "answer", 2: "interrupted"}


def test_what_the_stream_raises_comes_after_all_results() -> None:
    """An inventory that breaks off costs no result that waits."""

    async def breaks_off() -> AsyncIterator[Judged]:
        yield judged_at(1)
        raise OSError("gone")

    async def work() -> list[int]:
        answers = Answers()
        order = []
        with pytest.raises(OSError, match="gone"):
            async for judged in WaitingRoom(answers, deadline_s=0.01).through(breaks_off()):
                order.append(port_of(judged))
        return order

    assert run(work()) == [1]


def test_leaving_early_leaves_no_task_behind() -> None:
    """Whoever stops iterating, or is cancelled, waits until all is gone."""

    async def endless() -> AsyncIterator[Judged]:
        yield judged_at(101)
        yield judged_at(1)
        await hangs()

    async def work() -> None:
        answers = Answers()
        results = WaitingRoom(answers).through(endless())
        await anext(results)
        waiting = asyncio.ensure_future(anext(results))
        for _ in range(20):
            await asyncio.sleep(0)
        assert answers.under_way == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await results.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work())


# -- revocation ------------------------------------------------------------------------


class Responder:
    """Says good of everything that has an issuer, and remembers who was asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    async def ask(
        self, leaf: Certificate, issuer: Certificate | None
    ) -> tuple[RevocationAnswer, ...]:
        """One answer."""
        self.asked.append((leaf.sha256, issuer.sha256 if issuer is not None else None))
        if issuer is None:
            return self.unanswered(Reason.NO_ISSUER)
        return (RevocationAnswer(status=RevocationStatus.GOOD, source="ocsp"),)

    def unanswered(self, reason: str) -> tuple[RevocationAnswer, ...]:
        """No answer."""
        return (RevocationAnswer(status=RevocationStatus.UNKNOWN, source="ocsp", reason=reason),)


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RevocationAnswer, ...]]:
    """The answers that results were concluded with."""
    given: list[tuple[RevocationAnswer, ...]] = []
    real = Judge.with_answers

    def notes(self: Judge, judged: Judged, answers: tuple[RevocationAnswer, ...]) -> Judged:
        given.append(answers)
        return real(self, judged, answers)

    monkeypatch.setattr(Judge, "with_answers", notes)
    return given


def asked_about(responder: Responder, *outcomes: ProbeOutcome) -> list[Judged]:
    """All results of a run over these, with the responder in the way."""

    async def given() -> AsyncIterator[ProbeOutcome]:
        for outcome in outcomes:
            yield outcome

    async def work() -> list[Judged]:
        one = judge()
        room = WaitingRoom(RevocationEnquirer(one, responder))
        verdicts = Verdicts(one, rooms=(room,))
        told = [judged async for judged in verdicts.of(given())]
        await verdicts.aclose()
        return told

    told: list[Judged] = run(work())
    return told


def test_every_leaf_with_an_issuer_is_asked_about(
    concluded: list[tuple[RevocationAnswer, ...]],
) -> None:
    """Those that are judged at once and those that waited for the fleet to show their issuer."""
    responder = Responder()
    told = asked_about(responder, at_port(1, LEAF), at_port(2, LEAF, MIDDLE))

    pair = (LEAF.parsed.sha256, MIDDLE.parsed.sha256)
    assert sorted(port_of(judged) for judged in told) == [1, 2]
    assert responder.asked == [pair, pair]
    assert [answers[0].status for answers in concluded] == [RevocationStatus.GOOD] * 2


def test_a_leaf_without_an_issuer_is_asked_about_without_one(
    concluded: list[tuple[RevocationAnswer, ...]],
) -> None:
    """The reason is said then; what signed itself has nobody to ask."""
    responder = Responder()
    told = asked_about(responder, at_port(1, LEAF), at_port(2, PRIVATE_ROOT))

    assert len(told) == 2
    assert responder.asked == [(LEAF.parsed.sha256, None)]
    assert [answers[0].reason for answers in concluded] == [Reason.NO_ISSUER]


@pytest.mark.parametrize(("reason", "word"), [("timeout", "timeout"), ("interrupted", "budget")])
def test_a_result_without_an_answer_says_unknown_and_why(reason: str, word: str) -> None:
    """Never good, never silence: the result's own words."""
    one = judge()
    judged = one.judge(at_port(1, LEAF, MIDDLE))
    assert judged is not None

    unanswered = RevocationEnquirer(one, Responder()).unanswered(judged, reason)

    assert unanswered.verdict is not None
    assert unanswered.verdict.checks.revocation == "unknown"
    evidence = [dict(found.match.evidence) for found in unanswered.verdict.findings]
    assert any(word in each.values() for each in evidence)


# -- missing issuers ---------------------------------------------------------------------

URL = "http://ca.example/middle.cer"


def ca_issuers(url: str) -> tuple[x509.ExtensionType, bool]:
    """The extension that says where the issuer is to be had (RFC 5280 section 4.2.2.1)."""
    place = x509.UniformResourceIdentifier(url)
    method = AuthorityInformationAccessOID.CA_ISSUERS
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, place)]), False


POINTING = certificates.leaf(issuer=MIDDLE, extra=[ca_issuers(URL)])


def fetched(
    fetch: Callable[[Certificate], Coroutine[Any, Any, Upwards]],
    *outcomes: ProbeOutcome,
    deadline_s: float = 5.0,
    during: Callable[[Verdicts], None] | None = None,
    earlier: Iterable[Certificate] = (),
) -> tuple[dict[int, tuple[str, dict[str, str]]], list[str]]:
    """First cause and evidence by port, and warnings, of a run that may fetch."""
    told: list[str] = []

    async def given() -> AsyncIterator[ProbeOutcome]:
        for outcome in outcomes:
            yield outcome

    async def work() -> list[Judged]:
        one = judge(earlier)
        missing = MissingIssuers(fetch, one.known, warn=told.append, deadline_s=deadline_s)
        verdicts = Verdicts(one, missing=missing)
        if during is not None:
            asyncio.get_running_loop().call_soon(during, verdicts)
        results = [judged async for judged in verdicts.of(given())]
        await verdicts.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return results

    causes = {}
    for judged in run(work()):
        assert judged.verdict is not None
        if judged.verdict.causes:
            first = judged.verdict.causes[0]
            causes[port_of(judged)] = (first.entry.id, dict(first.match.evidence))
    return causes, told


def test_a_missing_issuer_is_fetched_once_and_told_where_from() -> None:
    """However many targets miss it."""
    asked = []

    async def fetch(top: Certificate) -> Upwards:
        asked.append(top.sha256)
        return Upwards(found=((MIDDLE.parsed, URL),))

    causes, told = fetched(fetch, *(at_port(port, POINTING) for port in range(1, 50)))

    assert asked == [POINTING.parsed.sha256]
    assert {cause for cause, _ in causes.values()} == {"chain.incomplete"}
    assert {evidence["found"] for _, evidence in causes.values()} == {URL}
    assert told == []


def test_what_the_fleet_shows_is_not_fetched() -> None:
    """Whichever target comes first: no request that is not needed is made."""

    async def fetch(top: Certificate) -> Upwards:
        raise AssertionError(top)

    missing, whole = at_port(1, POINTING), at_port(2, POINTING, MIDDLE)
    for order in ((missing, whole), (whole, missing)):
        causes, told = fetched(fetch, *order)
        assert causes[1][0] == "chain.incomplete"
        assert causes[1][1]["found"] == "fleet"
        assert told == []


async def _finds_nothing(_: Certificate) -> Upwards:
    return Upwards(failures=(f"{URL} address_refused",))


async def _hangs(_: Certificate) -> Upwards:
    await hangs()
    raise AssertionError


async def _breaks(_: Certificate) -> Upwards:
    raise RuntimeError("planted")


@pytest.mark.parametrize(
    ("fetch", "chain", "reason", "warnings"),
    [
        (_finds_nothing, POINTING, f"{URL} address_refused", 0),
        (_hangs, POINTING, "timeout", 0),
        (_breaks, POINTING, "internal_error", 1),
        (_breaks, LEAF, "no_url", 0),
    ],
)
def test_an_issuer_that_does_not_come_says_why(
    fetch: Callable[[Certificate], Coroutine[Any, Any, Upwards]],
    chain: certificates.Issued,
    reason: str,
    warnings: int,
) -> None:
    """The verdict stands as without fetching, with the reason as evidence."""
    causes, told = fetched(fetch, at_port(1, chain), deadline_s=0.01)

    assert causes[1][0] == "chain.unknown_issuer"
    assert causes[1][1]["fetch"] == reason
    assert len(told) == warnings


def test_an_abort_in_the_middle_of_fetching_loses_no_result() -> None:
    """What hangs is dropped, and every target that waited has its verdict."""

    def soon(verdicts: Verdicts, rounds: int = 50) -> None:
        loop = asyncio.get_running_loop()
        if rounds:
            loop.call_soon(soon, verdicts, rounds - 1)
        else:
            verdicts.abort()

    causes, _ = fetched(_hangs, at_port(1, POINTING), at_port(2, LEAF), during=soon)

    assert {port: cause for port, (cause, _) in causes.items()} == dict.fromkeys(
        (1, 2), "chain.unknown_issuer"
    )
    assert causes[1][1]["fetch"] == "interrupted"


def test_a_drained_run_begins_no_fetch() -> None:
    """Start nothing more."""
    causes, told = fetched(_breaks, at_port(1, POINTING), during=Verdicts.request_drain)

    assert causes[1][1]["fetch"] == "interrupted"
    assert told == []


def test_verdicts_with_fetched_issuers_do_not_depend_on_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fetched, kept from an earlier run or sent by another target; waiting in memory or on disk."""
    far_ca, kept_ca, sent_ca = (
        certificates.intermediate(issuer=ROOT, subject=f"{word} CA")
        for word in ("Far", "Kept", "Sent")
    )
    far = certificates.leaf(issuer=far_ca, extra=[ca_issuers("http://far.example/x")])
    kept = certificates.leaf(issuer=kept_ca, extra=[ca_issuers("http://kept.example/x")])
    sent = certificates.leaf(issuer=sent_ca, extra=[ca_issuers("http://sent.example/x")])
    outcomes = [
        at_port(1, POINTING),
        at_port(2, far),
        at_port(3, kept),
        at_port(4, sent),
        at_port(5, certificates.leaf(issuer=sent_ca), sent_ca),
    ]

    async def fetch(top: Certificate) -> Upwards:
        issuer = {far.parsed.sha256: far_ca, POINTING.parsed.sha256: MIDDLE}[top.sha256]
        return Upwards(found=((issuer.parsed, top.ca_issuers_urls[0]),))

    told = []
    for room in (0, 2, 5):
        monkeypatch.setattr(limits, "MAX_HELD_RESULTS", room)
        for order in permutations(outcomes):
            told.append(fetched(fetch, *order, earlier=[kept_ca.parsed]))

    causes, warnings = told[0]
    assert len(told) == 3 * 120
    assert all(each == told[0] for each in told)
    assert {cause for cause, _ in causes.values()} == {"chain.incomplete"}
    assert {port: evidence["found"] for port, (_, evidence) in causes.items()} == {
        1: URL,
        2: "http://far.example/x",
        3: "state",
        4: "fleet",
    }
    assert warnings == []


def test_the_source_of_a_certificate_does_not_depend_on_who_gave_it_first() -> None:
    """The fleet before an earlier run, that before an address; of two addresses always the same."""
    for urls in permutations(("http://a.example/", "http://b.example/")):
        known = KnownAuthorities([ROOT.parsed])
        for url in urls:
            known.add_fetched(MIDDLE.parsed, url)
        assert known.source_of(MIDDLE.parsed) == "http://a.example/"

    known.add_fetched(ROOT.parsed, "http://a.example/")
    assert known.source_of(ROOT.parsed) == "state"
    known.see([ROOT.parsed, MIDDLE.parsed, LEAF.parsed])
    assert known.source_of(ROOT.parsed) == known.source_of(MIDDLE.parsed) == "fleet"
    assert known.source_of(LEAF.parsed) == ""
    assert known.issuers_of(MIDDLE.parsed) == (ROOT.parsed,)

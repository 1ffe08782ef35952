"""Failing targets asked again: each once, the same ones in any order, none lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import permutations
from typing import Any, Final

import pytest

from fleetscan import causes, limits
from fleetscan.causes.model import Basis, Case, Confidence, Match, Verdict
from fleetscan.diagnosis.context import Context
from fleetscan.engine.asking import NotAskedError
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.engine.trace import Trace
from fleetscan.experiment import Ask, Tried
from fleetscan.facts import HandshakeFacts
from fleetscan.fleet.borrowing import Lender, as_borrowed
from fleetscan.fleet.choosing import MADE_UP_NAME
from fleetscan.fleet.controls import Controls
from fleetscan.fleet.diagnosing import Diagnoses
from fleetscan.fleet.experimenting import Diagnosis, Traced
from fleetscan.fleet.judging import Judge, Judged
from fleetscan.fleet.verdicts import Verdicts
from fleetscan.inventory.target import Target
from fleetscan.output.identity import result_id, target_id
from fleetscan.output.record import RunContext
from fleetscan.pki.revocation import RevocationAnswer, RevocationStatus
from fleetscan.pki.trust import TrustStore
from fleetscan.tls.profiles import BROWSER
from fleetscan.vocabulary import Checked, EndedBy, Stage
from tests import certificates, facts_builder
from tests.unit import test_engine_judging
from tests.unit.test_engine_judging import LEAF, MIDDLE, ROOT

BOUND_S: Final = 20
RUN: Final = RunContext(run_id="night", vantage="here")
HANDSHAKE_FAILURE: Final = 40
UNRECOGNIZED_NAME: Final = 112


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    """In a loop of its own, within a bound."""

    async def bounded() -> Any:  # noqa: ANN401
        async with asyncio.timeout(BOUND_S):
            return await work

    return asyncio.run(bounded())


def outcome_of(
    name: str,
    seen: HandshakeFacts,
    *,
    address: str = "127.0.0.1",
    port: int = 443,
    listing: str = "",
) -> ProbeOutcome:
    """What one probe of a name gave."""
    target = Target(
        input=listing or name,
        origin="listed",
        host=name,
        port=port,
        server_name=name,
        reference_name=name or None,
        starttls="none",
    )
    return ProbeOutcome(
        target=target, address=address, facts=seen, probes=1, ended_at=float(certificates.NOW)
    )


REFUSED: Final = facts_builder.alerted(HANDSHAKE_FAILURE)
SILENT: Final = facts_builder.ended(EndedBy.TIMEOUT)
WORKS: Final = facts_builder.confirmed()


class Asked:
    """An asker that gives what a test says of each question, and a choice of three of them."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.questions: list[tuple[str, str]] = []
        self.traces: list[str] = []
        self.contexts: list[Context] = []
        self.under_way = 0
        self.most = 0
        self.hops = 0
        self.rules: dict[str, Callable[[], Coroutine[Any, Any, HandshakeFacts]]] = {}
        self.names: Sequence[str] = ("first", "second", "third")

    async def ask(self, target: Target, ask: Ask) -> HandshakeFacts:
        """By the experiment, which the server name carries here."""
        self.questions.append((target.host, ask.server_name))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.rules.get(ask.server_name, refused_again)()
        finally:
            self.under_way -= 1

    async def trace(self, address: str, port: int) -> Trace | None:
        """As many hops as the test says; none for none."""
        self.traces.append(address)
        return Trace(hops=self.hops, routers=()) if self.hops else None

    def context(self, judged: Judged) -> Context:
        """Nothing but a budget, and what the path says of the name."""
        path = judged.path
        return Context(
            budget=self.budget,
            port=judged.outcome.target.port,
            trace_budget=1,
            wrong_name=path is not None and path.name is Checked.NO,
        )

    def hope(self, judged: Judged) -> Context:
        """The same."""
        return self.context(judged)

    def next(
        self, judged: Judged, tried: Sequence[Tried], context: Context
    ) -> tuple[str, str, Ask] | None:
        """One after the other, whatever came of them; then one for the hops, where known."""
        self.contexts.append(context)
        if len(tried) < min(len(self.names), context.budget):
            name = self.names[len(tried)]
        elif context.server_hops and tried[-1].name != "hops":
            name = "hops"
        else:
            return None
        ask = Ask(
            profile=BROWSER,
            server_name=name,
            alpn=(),
            starttls="none",
            address=judged.outcome.address,
        )
        return name, "server_name", ask


async def refused_again() -> HandshakeFacts:
    """As the first time, after a turn of the loop."""
    await asyncio.sleep(0)
    return REFUSED


async def refused_after_a_while() -> HandshakeFacts:
    """As the first time, when others have had many turns."""
    for _ in range(50):
        await asyncio.sleep(0)
    return REFUSED


async def hangs() -> HandshakeFacts:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def fails() -> HandshakeFacts:
    """A bug of ours."""
    raise RuntimeError("planted")


async def not_asked() -> HandshakeFacts:
    """The scan was told to stop."""
    raise NotAskedError("interrupted")


class Scene:
    """A run over outcomes with the room in the way."""

    def __init__(self, *, budget: int = 5, seats: int = 8, deadline_s: float = 10.0) -> None:
        self.asked = Asked(budget)
        self.warnings: list[str] = []
        self.judge = Judge(TrustStore([ROOT.parsed]), warn=self.warnings.append)
        traced = Traced(RUN.vantage)
        self.diagnosis = Diagnosis(self.judge, self.asked, self.asked, traced)
        self.controls = Controls()
        self.room = Diagnoses(
            self.judge,
            self.diagnosis,
            self.controls,
            traced,
            RUN,
            seats=seats,
            deadline_s=deadline_s,
            warn=self.warnings.append,
        )
        self.verdicts = Verdicts(self.judge, rooms=(self.room,))

    def told(self, *outcomes: ProbeOutcome) -> list[Judged]:
        """All results, in the order in which they are final."""

        async def work() -> list[Judged]:
            async with aclosing(self.verdicts):
                return [judged async for judged in self.verdicts.of(stream(outcomes))]

        result: list[Judged] = run(work())
        return result


async def stream(outcomes: Iterable[ProbeOutcome]) -> AsyncIterator[ProbeOutcome]:
    """These outcomes."""
    for outcome in outcomes:
        yield outcome


async def answered_anyone() -> HandshakeFacts:
    """With a whole handshake."""
    return WORKS


def names_of(told: Iterable[Judged]) -> list[str]:
    """The hosts, in order."""
    return [judged.outcome.target.host for judged in told]


def lender_of(judged: Judged) -> str:
    """The id of the result whose experiments it has; `""` where they are its own."""
    return "" if judged.lender is None else judged.lender.result_id


def tried_of(judged: Judged) -> list[str]:
    """The names of the experiments."""
    return [one.name for one in judged.tried]


# -- one target ------------------------------------------------------------------------


def test_a_failing_target_is_asked_until_there_is_nothing_to_ask() -> None:
    """Every connection is counted, and what came of it is what is concluded with."""
    scene = Scene()
    (judged,) = scene.told(outcome_of("a.example", REFUSED))

    assert tried_of(judged) == ["first", "second", "third"]
    assert [one.facts for one in judged.tried] == [REFUSED] * 3
    assert judged.outcome.probes == 4
    assert scene.room.waiting == 0


def test_the_budget_ends_it() -> None:
    """Two experiments are two, whatever else could be asked."""
    scene = Scene(budget=2)
    (judged,) = scene.told(outcome_of("a.example", REFUSED))

    assert tried_of(judged) == ["first", "second"]
    assert judged.outcome.probes == 3


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(outcome_of("a.example", WORKS), id="established"),
        pytest.param(
            outcome_of("a.example", HandshakeFacts(stage=Stage.CONNECT, errno=111)),
            id="no-connection",
        ),
        pytest.param(
            outcome_of("a.example", HandshakeFacts(stage=Stage.CONNECT, errno=13)),
            id="this-machine",
        ),
        pytest.param(
            replace(outcome_of("a.example", REFUSED), facts=None, skipped="excluded"),
            id="excluded",
        ),
        pytest.param(
            replace(outcome_of("a.example", REFUSED), internal_error="a bug"), id="our-own-bug"
        ),
        pytest.param(
            outcome_of(
                "www.example.com",
                facts_builder.confirmed(
                    certificates=(certificates.leaf(issuer=certificates.root()).parsed,),
                    certificates_sent=1,
                ),
            ),
            id="its-certificates-alone",
        ),
    ],
)
def test_what_no_experiment_explains_is_not_asked(outcome: ProbeOutcome) -> None:
    """Not a connection more than the first."""
    scene = Scene()
    (judged,) = scene.told(outcome)

    assert scene.asked.questions == []
    assert judged.tried == ()


def test_healthy_results_do_not_wait_for_failing_ones() -> None:
    """They are given as they come; what failed follows when all have been probed."""
    scene = Scene()
    told = scene.told(
        outcome_of("a.example", REFUSED),
        outcome_of("b.example", WORKS),
        outcome_of("c.example", SILENT, address="127.0.0.2"),
        outcome_of("d.example", WORKS),
    )

    assert names_of(told)[:2] == ["b.example", "d.example"]
    assert sorted(names_of(told)) == ["a.example", "b.example", "c.example", "d.example"]


def test_nothing_is_asked_before_every_target_was_probed() -> None:
    """What the run shows about names is whole when the first experiment is chosen."""
    scene = Scene()
    questions_at_the_end: list[int] = []

    async def outcomes() -> AsyncIterator[ProbeOutcome]:
        yield outcome_of("a.example", REFUSED)
        for _ in range(20):
            await asyncio.sleep(0)
        questions_at_the_end.append(len(scene.asked.questions))
        yield outcome_of("b.example", WORKS)

    async def work() -> None:
        async with aclosing(scene.verdicts):
            async for _ in scene.verdicts.of(outcomes()):
                pass

    run(work())

    assert questions_at_the_end == [0]
    assert len(scene.asked.questions) == 3


# -- those that fail alike -------------------------------------------------------------


NAMES: Final = ("a.example", "b.example", "c.example")


def smallest(names: Iterable[str]) -> str:
    """The name whose target has the smallest id, by the identity that results have."""
    return min(names, key=lambda name: target_id(outcome_of(name, REFUSED).target, RUN.vantage))


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_those_behind_one_address_that_fail_alike_are_asked_about_once(
    order: Sequence[str],
) -> None:
    """The one with the smallest id is asked, whatever the order; the others borrow."""
    scene = Scene()
    told = scene.told(*(outcome_of(name, REFUSED) for name in order))
    leader = smallest(NAMES)
    lent = result_id(
        RUN.run_id, target_id(outcome_of(leader, REFUSED).target, RUN.vantage), "127.0.0.1"
    )

    assert scene.asked.questions == [(leader, "first"), (leader, "second"), (leader, "third")]
    assert {
        judged.outcome.target.host: (lender_of(judged), judged.outcome.probes) for judged in told
    } == {name: ("", 4) if name == leader else (lent, 1) for name in NAMES}
    assert all(tried_of(judged) == ["first", "second", "third"] for judged in told)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            outcome_of("b.example", facts_builder.alerted(UNRECOGNIZED_NAME)), id="another-alert"
        ),
        pytest.param(outcome_of("b.example", SILENT), id="a-deadline"),
        pytest.param(outcome_of("b.example", replace(REFUSED, ended_by=EndedBy.RST)), id="a-reset"),
        pytest.param(outcome_of("b.example", REFUSED, address="127.0.0.2"), id="another-address"),
        pytest.param(outcome_of("b.example", REFUSED, port=8443), id="another-port"),
        pytest.param(
            replace(
                outcome_of("b.example", REFUSED),
                target=replace(outcome_of("b.example", REFUSED).target, server_name=""),
            ),
            id="no-name-sent",
        ),
        pytest.param(
            replace(
                outcome_of("b.example", REFUSED),
                target=replace(outcome_of("b.example", REFUSED).target, starttls="smtp"),
            ),
            id="another-dialogue",
        ),
    ],
)
def test_those_that_do_not_fail_alike_are_each_asked(other: ProbeOutcome) -> None:
    """One difference is enough: nothing is borrowed across it."""
    scene = Scene()
    told = scene.told(outcome_of("a.example", REFUSED), other)

    assert Counter(host for host, _ in scene.asked.questions) == {"a.example": 3, "b.example": 3}
    assert [judged.lender for judged in told] == [None, None]


def test_a_target_that_was_given_twice_is_asked_once_and_borrows_nothing() -> None:
    """It is the same target: its own experiments prove for both lines."""
    scene = Scene()
    told = scene.told(
        outcome_of("a.example", REFUSED, listing="a.example:443"),
        outcome_of("a.example", REFUSED, listing="https://a.example"),
    )

    assert len(scene.asked.questions) == 3
    assert [judged.lender for judged in told] == [None, None]
    assert [judged.outcome.probes for judged in told] == [4, 1]
    assert all(tried_of(judged) == ["first", "second", "third"] for judged in told)


def test_what_is_spilled_to_the_disk_is_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Results that wait are bounded in memory; where they wait changes nothing."""
    monkeypatch.setattr(limits, "MAX_HELD_RESULTS", 2)
    names = [f"{number}.example" for number in range(9)]
    scene = Scene()
    told = scene.told(*(outcome_of(name, REFUSED) for name in names))

    assert {host for host, _ in scene.asked.questions} == {smallest(names)}
    assert sorted(names_of(told)) == sorted(names)
    assert sum(bool(judged.lender) for judged in told) == 8


def test_more_failures_than_a_run_explains_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one warning; those that fail like one of the others still borrow."""
    monkeypatch.setattr(limits, "MAX_DIAGNOSED", 1)
    scene = Scene()
    told = scene.told(
        outcome_of("a.example", REFUSED),
        outcome_of("b.example", REFUSED, port=1),
        outcome_of("c.example", REFUSED, port=2),
        outcome_of("d.example", REFUSED),
    )

    assert names_of(told)[:2] == ["b.example", "c.example"]
    assert sorted(names_of(told)) == ["a.example", "b.example", "c.example", "d.example"]
    assert len(scene.asked.questions) == 3
    assert len(scene.warnings) == 1


# -- the way to the server -------------------------------------------------------------


RESET: Final = facts_builder.ended(EndedBy.RST)


def test_the_way_is_traced_once_in_a_network_when_nothing_else_settled_it() -> None:
    """causes.md has a budget of its own for it; who it is does not depend on the order."""
    resets = [outcome_of(name, RESET, address=f"127.0.0.{at}") for at, name in enumerate(NAMES, 1)]
    leader = smallest(NAMES)
    for order in permutations(resets):
        scene = Scene(budget=2)
        scene.asked.hops = 4
        told = scene.told(*order, outcome_of("z.example", SILENT, address="127.0.0.9"))
        tried = {judged.outcome.target.host: tried_of(judged) for judged in told}

        assert scene.asked.traces == [f"127.0.0.{NAMES.index(leader) + 1}"]
        # The trace ends in a connection that stands.
        probes = {judged.outcome.target.host: judged.outcome.probes for judged in told}
        assert (probes[leader], probes["z.example"]) == (5, 3)
        assert tried == {
            name: ["first", "second", *(["hops"] if name == leader else [])]
            for name in (*NAMES, "z.example")
        }


@pytest.mark.usefixtures("explained")
def test_the_way_to_what_is_explained_is_not_traced() -> None:
    """A proof needs nothing more."""
    scene = Scene()
    scene.told(outcome_of("a.example", RESET))

    assert scene.asked.traces == []


def test_a_way_whose_length_is_not_known_proves_nothing() -> None:
    """Without it no hello with fewer hops is sent."""
    scene = Scene()
    (judged,) = scene.told(outcome_of("a.example", RESET))

    assert scene.asked.traces == ["127.0.0.1"]
    assert tried_of(judged) == ["first", "second", "third"]


# -- ends before the end ---------------------------------------------------------------


def test_an_abort_concludes_with_what_was_tried_until_then() -> None:
    """No result is lost, and no connection that was made is forgotten."""
    scene = Scene()
    both_hang = asyncio.Barrier(3)

    async def hangs_when_told() -> HandshakeFacts:
        await both_hang.wait()
        return await hangs()

    scene.asked.rules["second"] = hangs_when_told

    async def work() -> list[Judged]:
        outcomes = (outcome_of("a.example", REFUSED), outcome_of("b.example", SILENT))
        results = scene.verdicts.of(stream(outcomes))
        pulled = asyncio.ensure_future(anext(results))
        await both_hang.wait()
        scene.verdicts.abort()
        told = [await pulled] + [judged async for judged in results]
        await scene.verdicts.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return told

    told = run(work())

    assert sorted(names_of(told)) == ["a.example", "b.example"]
    assert [tried_of(judged) for judged in told] == [["first"], ["first"]]
    assert [judged.outcome.probes for judged in told] == [2, 2]


def test_a_drain_while_first_probes_are_made_asks_nothing() -> None:
    """What was seen is what is told."""
    scene = Scene()
    scene.verdicts.request_drain()
    told = scene.told(outcome_of("a.example", REFUSED), outcome_of("b.example", REFUSED))

    assert names_of(told) == ["a.example", "b.example"]
    assert scene.asked.questions == []


def test_a_drain_lets_what_is_under_way_end_and_asks_nobody_else() -> None:
    """Those who wait for a seat are told as their first probe shows them."""
    scene = Scene(seats=1)
    begun, gate = asyncio.Event(), asyncio.Event()

    async def at_the_gate() -> HandshakeFacts:
        begun.set()
        await gate.wait()
        return REFUSED

    scene.asked.rules["first"] = at_the_gate

    async def work() -> list[Judged]:
        outcomes = (outcome_of("a.example", REFUSED), outcome_of("b.example", SILENT))
        results = scene.verdicts.of(stream(outcomes))
        pulled = asyncio.ensure_future(anext(results))
        await begun.wait()
        scene.verdicts.request_drain()
        gate.set()
        told = [await pulled] + [judged async for judged in results]
        await scene.verdicts.aclose()
        return told

    told = run(work())

    assert {judged.outcome.target.host: tried_of(judged) for judged in told} == {
        "a.example": ["first", "second", "third"],
        "b.example": [],
    }


def test_an_experiment_that_may_not_be_made_ends_the_asking() -> None:
    """The scan was told to stop, or the address is excluded: what was tried still counts."""
    scene = Scene()
    scene.asked.rules["second"] = not_asked
    (judged,) = scene.told(outcome_of("a.example", REFUSED))

    assert tried_of(judged) == ["first"]
    assert judged.outcome.probes == 2


def test_an_error_of_ours_costs_one_target() -> None:
    """It is told as such; the others are asked, and nothing is borrowed from it."""
    scene = Scene()
    leader = smallest(NAMES)
    asked = scene.asked.ask

    async def breaks_for_one(target: Target, ask: Ask) -> HandshakeFacts:
        return await (fails() if target.host == leader else asked(target, ask))

    scene.asked.ask = breaks_for_one  # type: ignore[method-assign]
    told = scene.told(
        *(outcome_of(name, REFUSED) for name in NAMES), outcome_of("z.example", SILENT)
    )
    by_name = {judged.outcome.target.host: judged for judged in told}

    assert "planted" in by_name[leader].outcome.internal_error
    assert [by_name[name].tried for name in NAMES] == [(), (), ()]
    assert tried_of(by_name["z.example"]) == ["first", "second", "third"]
    assert scene.diagnosis.under_way == 0


@pytest.mark.parametrize("name", ["_keeps", "_note", "_with_answers_of"])
def test_an_error_of_ours_anywhere_on_the_way_costs_one_target(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One result each, and the scan goes on."""
    scene = Scene()
    calls = iter(range(9))
    real = getattr(Diagnoses, name)

    def fails_once(self: Diagnoses, *args: Any) -> Any:  # noqa: ANN401
        if next(calls) == 0:
            raise RuntimeError("planted")
        return real(self, *args)

    monkeypatch.setattr(Diagnoses, name, fails_once)
    told = scene.told(*(outcome_of(one, REFUSED) for one in NAMES), outcome_of("z.example", SILENT))

    assert sorted(names_of(told)) == [*NAMES, "z.example"]
    assert ["planted" in judged.outcome.internal_error for judged in told].count(True) == 1


def test_one_that_never_ends_is_given_up_with_what_it_has() -> None:
    """The last resort of the room, where the engine's deadlines fail."""
    scene = Scene(deadline_s=0.02)
    scene.asked.rules["third"] = hangs
    (judged,) = scene.told(outcome_of("a.example", REFUSED))

    assert tried_of(judged) == ["first", "second"]


def test_what_the_stream_raises_comes_after_all_results() -> None:
    """An inventory that breaks off costs no diagnosis."""
    scene = Scene()

    async def breaks_off() -> AsyncIterator[ProbeOutcome]:
        yield outcome_of("a.example", REFUSED)
        raise OSError("gone")

    async def work() -> list[Judged]:
        told = []
        with pytest.raises(OSError, match="gone"):
            async for judged in scene.verdicts.of(breaks_off()):
                told.append(judged)
        await scene.verdicts.aclose()
        return told

    (judged,) = run(work())

    assert tried_of(judged) == ["first", "second", "third"]


def test_no_more_are_asked_at_once_than_there_are_seats() -> None:
    """Each keeps its facts: memory stays bounded."""
    scene = Scene(seats=3)
    scene.asked.rules["first"] = refused_after_a_while
    scene.told(*(outcome_of("", REFUSED, port=port) for port in range(1, 20)))

    assert scene.asked.most == 3


# -- what is borrowed ------------------------------------------------------------------


def verdict_on(
    basis: Basis, confidence: Confidence, evidence: Mapping[str, str] | None = None
) -> Verdict:
    """A verdict whose one cause rests on this."""
    plain = Judge(TrustStore([]), warn=pytest.fail).judge(outcome_of("a.example", REFUSED))
    assert plain is not None
    assert plain.verdict is not None
    (cause,) = plain.verdict.causes
    match = Match(evidence=evidence or {}, confidence=confidence, basis=basis)
    return replace(plain.verdict, causes=(replace(cause, match=match),))


LENDER: Final = Lender(result_id="0123", server_name="a.example", facts=REFUSED)
EXPERIMENT: Final = Basis(kind="experiment", changed="versions", before="alert", after="answered")


def test_a_borrowed_proof_is_suspected_and_says_whose_it_is() -> None:
    """causes of an experiment on another name: which result has it, and what would settle it."""
    own = verdict_on(Basis(kind="peer"), Confidence.OBSERVED)
    proof = verdict_on(EXPERIMENT, Confidence.PROVEN, {"server_name": "a.example", "alpn": "h2"})
    (cause,) = as_borrowed(own, proof, LENDER, "b.example").causes

    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.basis == replace(EXPERIMENT, result_id="0123")
    assert cause.match.missing == "the same experiments on this target itself"
    assert cause.match.evidence == {"server_name": "b.example", "alpn": "h2"}


def test_what_the_peer_said_to_this_target_is_not_borrowed() -> None:
    """Its own alert, its own banner, and what its own probe took stay what they are."""
    own = verdict_on(Basis(kind="peer"), Confidence.OBSERVED, {"elapsed_ms": "1.0"})
    lent = verdict_on(Basis(kind="peer"), Confidence.OBSERVED, {"elapsed_ms": "9.0"})

    assert as_borrowed(own, lent, LENDER, "b.example") == own


def test_a_name_of_another_length_does_not_make_a_borrowed_hello_another() -> None:
    """The experiments are held against the first hello of the target that they were made on."""
    target = facts_builder.alerted(HANDSHAKE_FAILURE)
    longer = replace(
        target, offer=replace(facts_builder.OFFER, octets=617, server_name="longer.example")
    )
    scene = Scene()
    seen: list[Case] = []
    scene.told(outcome_of("a.example", target), outcome_of("longer.example", longer))

    proof = verdict_on(EXPERIMENT, Confidence.PROVEN)

    def classify(case: Case) -> Verdict:
        seen.append(case)
        return proof

    judged = scene.judge.again(outcome_of("longer.example", longer))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fleetscan.fleet.judging.classify", classify)
        scene.judge.with_experiments(judged, (), lender=replace(LENDER, facts=target))

    assert sorted((case.facts.offer or facts_builder.OFFER).octets for case in seen) == [517, 617]


@pytest.mark.parametrize(
    ("confidence", "wanted"),
    [(Confidence.PROVEN, False), (Confidence.OBSERVED, True), (Confidence.SUSPECTED, True)],
)
def test_what_is_proven_already_is_not_asked_about(confidence: Confidence, wanted: bool) -> None:
    """A proof needs no experiment; what is only seen or suspected may get one."""
    judged = Judged(
        outcome=outcome_of("a.example", REFUSED),
        verdict=verdict_on(Basis(kind="peer"), confidence),
        path=None,
    )

    assert Scene().diagnosis.wants(judged) is wanted


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue in which any experiment proves a cause."""
    real = causes.classify

    def classify(case: Case) -> Verdict:
        if not case.tried:
            return real(case)
        basis = Basis(kind="experiment", changed=case.tried[0].changed)
        return verdict_on(basis, Confidence.PROVEN)

    monkeypatch.setattr("fleetscan.fleet.judging.classify", classify)


@pytest.mark.usefixtures("explained")
def test_answers_about_revocation_leave_experiments_what_they_are() -> None:
    """The verdict is made anew: nothing of what was tried, or whose it is, may be forgotten."""
    scene = Scene()
    told = scene.told(*(outcome_of(name, REFUSED) for name in NAMES))
    answers = (RevocationAnswer(status=RevocationStatus.GOOD, source="ocsp"),)
    again = [scene.judge.with_answers(judged, answers) for judged in told]

    assert [confidence_of(judged) for judged in told] == [
        Confidence.SUSPECTED if judged.lender else Confidence.PROVEN for judged in told
    ]
    assert sum(bool(judged.lender) for judged in told) == 2
    assert [confidence_of(judged) for judged in again] == [confidence_of(one) for one in told]
    assert [(one.tried, one.lender) for one in again] == [(one.tried, one.lender) for one in told]


def confidence_of(judged: Judged) -> Confidence:
    """Of its one cause."""
    assert judged.verdict is not None
    (cause,) = judged.verdict.causes
    return cause.match.confidence


def test_what_waited_is_concluded_with_all_that_the_run_has_shown() -> None:
    """A missing certificate that came with another target is named, as for any that waits."""
    scene = Scene()
    short = test_engine_judging.answered(LEAF)
    asked_for_one = replace(
        facts_builder.refused_certificate(EndedBy.FIN),
        certificates=(LEAF.parsed,),
        certificates_sent=1,
    )
    scene.told(replace(short, facts=asked_for_one), test_engine_judging.answered(LEAF, MIDDLE))
    again = scene.judge.again(replace(short, facts=asked_for_one))

    assert again.verdict is not None
    assert "chain.incomplete" in [cause.entry.id for cause in again.verdict.causes]


def test_answers_are_kept_for_those_alone_who_wait_for_them() -> None:
    """The facts of a quarter of a million diagnoses would not fit in memory."""
    scene = Scene()
    scene.told(outcome_of("a.example", REFUSED))

    assert scene.room.lent == 0


WRONG_NAME: Final = facts_builder.confirmed(
    certificates=(LEAF.parsed, MIDDLE.parsed), certificates_sent=2
)


def test_what_a_made_up_name_shows_of_an_address_serves_those_that_fail() -> None:
    """Who answers a name that nobody has answers any; the others are asked after that."""
    scene = Scene()
    scene.asked.names = (MADE_UP_NAME,)
    scene.asked.rules[MADE_UP_NAME] = answered_anyone
    failing = outcome_of("a.example", RESET, address="127.0.0.7")
    scene.told(failing, outcome_of("other.example", WRONG_NAME, address="127.0.0.8"))

    assert scene.asked.questions[0] == ("other.example", MADE_UP_NAME)
    assert scene.controls.neighbours(failing) == ("127.0.0.8",)


# -- what the run shows ----------------------------------------------------------------


def shown(*outcomes: ProbeOutcome, most: int = 100) -> Controls:
    """Controls that have seen these."""
    controls = Controls(most)
    for outcome in outcomes:
        controls.see(outcome)
        if outcome.facts is WORKS:
            controls.answers_any_name(outcome)
    return controls


ASKED_ABOUT: Final = outcome_of("m.example", REFUSED)


def test_names_that_are_answered_at_the_place_come_before_those_only_given() -> None:
    """A control must be answered to say something; its own name is none."""
    controls = shown(
        ASKED_ABOUT,
        outcome_of("a.example", REFUSED),
        outcome_of("z.example", WORKS),
        outcome_of("b.example", WORKS, port=8443),
        outcome_of("c.example", WORKS, address="127.0.0.2"),
    )

    assert controls.names(ASKED_ABOUT) == ("z.example", "a.example")


def test_neighbours_are_other_addresses_of_the_network_that_answer_anyone() -> None:
    """RFC 4632 has networks of any size; a /24 is what the pacing takes for one."""
    controls = Controls()
    for outcome in (
        ASKED_ABOUT,
        outcome_of("c.example", WORKS, address="127.0.0.3"),
        outcome_of("b.example", WORKS, address="127.0.0.2"),
        outcome_of("a.example", WORKS, address="127.0.0.2"),
        outcome_of("d.example", WORKS, address="127.0.1.1"),
        outcome_of("e.example", WORKS, address="127.0.0.5", port=8443),
    ):
        controls.answers_any_name(outcome)

    assert controls.neighbours(ASKED_ABOUT) == ("127.0.0.2", "127.0.0.3")


def test_an_address_is_no_name_to_ask_for() -> None:
    """RFC 6066 section 3: literal addresses are not permitted."""
    nameless = outcome_of("", REFUSED)
    by_address = replace(
        nameless, target=replace(nameless.target, reference_name="127.0.0.1", address="127.0.0.1")
    )

    assert shown(by_address).names(ASKED_ABOUT) == ()


@pytest.mark.parametrize("most", [100, 3])
def test_what_is_remembered_does_not_depend_on_the_order(most: int) -> None:
    """Also when there are more places, names and neighbours than are kept."""
    outcomes = [
        outcome_of(
            f"{number}.example",
            WORKS if number % 3 else REFUSED,
            address=f"127.0.{number % 5}.{number % 7 + 1}",
        )
        for number in range(120)
    ]
    orders = [
        outcomes,
        outcomes[::-1],
        outcomes[60:] + outcomes[:60],
        outcomes[1::2] + outcomes[::2],
    ]
    seen = [
        [(controls.names(one), controls.neighbours(one)) for one in outcomes]
        for controls in (shown(*order, most=most) for order in orders)
    ]

    assert seen[1:] == seen[:1] * 3
    assert any(names for names, _ in seen[0])
    assert any(neighbours for _, neighbours in seen[0])

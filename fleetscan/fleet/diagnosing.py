"""Failing targets asked again with one thing changed, and the answers shared.

A failing result that an experiment could explain waits until every target of the run has been
probed once. Only then is it known who fails in the same way at the same place, and which other
names and addresses answer: who is asked, and what, does not depend on the order of targets.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.causes.evidence import established
from fleetscan.fleet.borrowing import Lender
from fleetscan.fleet.choosing import MADE_UP_NAME, Chooser
from fleetscan.fleet.controls import Controls, answered
from fleetscan.fleet.enquiries import WaitingRoom
from fleetscan.fleet.experimenting import Diagnosis, Traced
from fleetscan.fleet.held import HeldResults
from fleetscan.fleet.judging import Judge, Judged, broken
from fleetscan.output.identity import result_id, target_id

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.experiment import Tried
    from fleetscan.fleet.choosing import NextExperiment
    from fleetscan.fleet.experimenting import Asker
    from fleetscan.output.record import RunContext

_YIELD_EVERY: Final = 32

_LIKENESS_OCTETS: Final = 16
"""Of a SHA-256: enough that no two of `limits.MAX_DIAGNOSED` are ever taken for one."""


@dataclass(slots=True)
class _Alike:
    """Those that fail in the same way at the same place.

    `leader` is the target's id of the one that is asked, `place` where it is among the held,
    `answers` what came of it, and `lender` what others need to borrow that.
    """

    leader: str
    place: int
    size: int = 1
    answers: tuple[Tried, ...] = ()
    lender: Lender | None = None


class Diagnoses:
    """A room of results that fail, each explained once all first probes of the run are over.

    Of those that fail in the same way at the same place one is asked, the one with the smallest
    id; the others borrow its answers. Every result that goes in comes out once.

    Args:
        judge: concludes.
        diagnosis: asks.
        controls: told what each first probe shows.
        traced: told who is to be asked.
        run: names the results that others borrow from.
        seats: targets that are asked at once.
        deadline_s: seconds after which one of them is given up.
        warn: told once when there are more than can be held or asked.
    """

    def __init__(
        self,
        judge: Judge,
        diagnosis: Diagnosis,
        controls: Controls,
        traced: Traced,
        run: RunContext,
        *,
        seats: int,
        deadline_s: float,
        warn: Callable[[str], None],
    ) -> None:
        self._judge = judge
        self._diagnosis = diagnosis
        self._controls = controls
        self._traced = traced
        self._run = run
        self._warn = warn
        self._held = HeldResults(warn=warn)
        self._alike: dict[bytes, _Alike] = {}
        self._kinds: set[bool] = set()  # whether any of the held works, whether any does not
        self.seats, self.deadline_s = seats, deadline_s
        self._room = WaitingRoom(diagnosis, seats=seats, deadline_s=deadline_s)
        self._told_leaders = 0  # given, and still among the held
        self._stopped = False
        self._warned = False

    @property
    def waiting(self) -> int:
        """Results that are not final yet."""
        return len(self._held) - self._told_leaders

    @property
    def lent(self) -> int:
        """Groups whose answers are remembered, for others to borrow."""
        return sum(bool(alike.answers) for alike in self._alike.values())

    def request_drain(self) -> None:
        """Ask about nothing more; what is under way ends."""
        self._stopped = True
        self._room.request_drain()

    def abort(self) -> None:
        """Drop what is under way too: it is concluded with what there is."""
        self._stopped = True
        self._room.abort()

    async def through(self, stream: AsyncIterator[Judged]) -> AsyncGenerator[Judged, None]:
        """Give every result of `stream`, each once.

        Raises:
            Exception: what `stream` raised, after everything that it gave.
        """
        failure: Exception | None = None
        try:
            while True:
                try:
                    judged = await anext(stream, None)
                except Exception as failed:  # noqa: BLE001  raised again below, after the held
                    failure = failed
                    break
                if judged is None:
                    break
                final = self._sifted(judged)
                if final is not None:
                    yield final
            # Those that work come first: what they show of their address serves the others.
            for works in sorted(self._kinds, reverse=True):
                async with aclosing(self._room.through(self._leaders(works=works))) as asked:
                    async for judged in asked:
                        yield self._noted(judged)
            for count, judged in enumerate(self._followers()):
                yield judged
                if count % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        finally:
            self._held.close()
        if failure is not None:
            raise failure

    # -- while first probes are made -----------------------------------------------------

    def _sifted(self, judged: Judged) -> Judged | None:
        """What is final at once; None for one that is held."""
        try:
            return None if self._keeps(judged) else judged
        except Exception:  # noqa: BLE001  our own bug: this target's result says so
            return broken(judged.outcome)

    def _keeps(self, judged: Judged) -> bool:
        """Note what it shows; True when it is held until all have been probed."""
        outcome = judged.outcome
        self._controls.see(outcome)
        if self._stopped or not self._diagnosis.may_want(judged):
            return False
        key = _likeness(outcome)
        alike = self._alike.get(key)
        if alike is None and len(self._alike) >= limits.MAX_DIAGNOSED:
            self._tell_too_many()
            return False
        identity = target_id(outcome.target, self._run.vantage)
        place, works = len(self._held), _works(outcome)
        self._traced.see(outcome)
        if not self._held.add(outcome):
            return False
        # Nothing fails from here on: what is held comes out there and nowhere else.
        self._kinds.add(works)
        if alike is None:
            self._alike[key] = _Alike(leader=identity, place=place)
            return True
        alike.size += 1
        if identity < alike.leader:
            alike.leader, alike.place = identity, place
        return True

    def _tell_too_many(self) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"{limits.MAX_DIAGNOSED} different failures wait to be diagnosed; further ones are "
                "told as their first probe shows them, and which these are depends on the order "
                "of targets"
            )

    # -- when all are made ---------------------------------------------------------------

    async def _leaders(self, *, works: bool) -> AsyncGenerator[Judged, None]:
        for place, outcome in enumerate(self._held):
            if place == self._alike[_likeness(outcome)].place and works == _works(outcome):
                yield self._judge.again(outcome)
            if place % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _noted(self, judged: Judged) -> Judged:
        self._told_leaders += 1
        try:
            self._note(judged)
        except Exception:  # noqa: BLE001  our own bug: this target's result says so
            return broken(judged.outcome)
        return judged

    def _note(self, judged: Judged) -> None:
        """Keep the answers of one that was asked, where others wait for them."""
        outcome = judged.outcome
        if not judged.tried:
            return
        if any(_answers_anyone(one, outcome) for one in judged.tried):
            self._controls.answers_any_name(outcome)
        alike = self._alike[_likeness(outcome)]
        if alike.size > 1:
            assert outcome.facts is not None
            alike.answers = judged.tried
            alike.lender = Lender(
                result_id=result_id(self._run.run_id, alike.leader, outcome.address),
                server_name=outcome.target.server_name,
                facts=outcome.facts,
            )

    def _followers(self) -> Iterator[Judged]:
        for place, outcome in enumerate(self._held.take()):
            alike = self._alike[_likeness(outcome)]
            if place == alike.place:
                self._told_leaders -= 1
                continue
            try:
                judged = self._with_answers_of(alike, outcome)
            except Exception:  # noqa: BLE001  our own bug: this target's result says so
                judged = broken(outcome)
            yield judged

    def _with_answers_of(self, alike: _Alike, outcome: ProbeOutcome) -> Judged:
        judged = self._judge.again(outcome)
        if not alike.answers:
            return judged
        # A target that was given twice is no other one: what was asked of it is its own.
        same = target_id(outcome.target, self._run.vantage) == alike.leader
        lender = None if same else alike.lender
        return self._judge.with_experiments(judged, alike.answers, lender=lender)


def diagnoses(
    config: ScanConfig,
    judge: Judge,
    asker: Asker,
    next_experiment: NextExperiment,
    *,
    run: RunContext,
    warn: Callable[[str], None],
) -> Diagnoses:
    """The room of a run, put together.

    Args:
        config: how the scan asks, how often, and how fast.
        judge: concludes.
        asker: carries out experiments: the scanner of the run.
        next_experiment: chooses them.
        run: its id and its vantage.
        warn: told what the user should know.
    """
    controls, traced = Controls(), Traced(run.vantage)
    chooser = Chooser(config, controls, next_experiment)
    seats = min(config.concurrency, limits.MAX_DIAGNOSES)
    return Diagnoses(
        judge,
        Diagnosis(judge, asker, chooser, traced),
        controls,
        traced,
        run,
        seats=seats,
        deadline_s=_deadline_s(config, seats),
        warn=warn,
    )


def _deadline_s(config: ScanConfig, seats: int) -> float:
    """Seconds that one diagnosis may take when the pacing makes it wait for all the others."""
    at_once = min(config.address_in_flight, config.prefix_in_flight, config.concurrency)
    if config.proxy:
        at_once = min(at_once, config.proxy_in_flight)
    slowest = min(config.address_per_second, config.rate or math.inf)
    turns = math.ceil(seats / at_once)
    one_s = turns * config.deadlines.total + seats / slowest + limits.AGAIN_DELAY_S
    experiments = config.budget + limits.TRACE_BUDGET
    return min(experiments * one_s + limits.TRACE_S, limits.MAX_DIAGNOSIS_S)


def _works(outcome: ProbeOutcome) -> bool:
    """Whether the handshake was made, and the certificate is what fails."""
    return outcome.facts is not None and established(outcome.facts)


def _answers_anyone(one: Tried, outcome: ProbeOutcome) -> bool:
    """Whether a name that nobody has was answered at the target's own address."""
    asked = one.ask.server_name, one.ask.address
    return asked == (MADE_UP_NAME, outcome.address) and answered(one.facts)


def _likeness(outcome: ProbeOutcome) -> bytes:
    """What two have in common that fail in the same way at the same place.

    Names are not part of it, but whether one was sent is.
    """
    facts = outcome.facts
    assert facts is not None
    alert = facts.alert
    parts = (
        outcome.address or outcome.target.host,
        outcome.target.port,
        outcome.target.starttls,
        bool(outcome.target.server_name),
        facts.stage.value,
        facts.ended_by,
        None if alert is None else (alert.origin.value, alert.level, alert.description),
        facts.is_tls.value,
        facts.spoke_first,
        facts.starttls_agreed.value,
        facts.version,
        facts.cipher_suite,
        facts.group,
        facts.hello_retry_requested,
        facts.violation,
        facts.history,
        facts.key_proof.value,
        facts.client_certificate_requested,
        facts.completed,
        facts.certificates[0].sha256 if facts.certificates else "",
    )
    return hashlib.sha256(repr(parts).encode()).digest()[:_LIKENESS_OCTETS]

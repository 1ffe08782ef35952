"""One failing target, asked again with one thing changed until it is explained."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from fleetscan.causes.classify import FAILED
from fleetscan.causes.experiments import ending_of
from fleetscan.causes.model import Confidence
from fleetscan.engine.asking import NotAskedError
from fleetscan.engine.pacing import keys_of
from fleetscan.experiment import Tried
from fleetscan.output.identity import target_id
from fleetscan.vocabulary import EndedBy

if TYPE_CHECKING:
    from fleetscan.causes.model import Cause
    from fleetscan.diagnosis.context import Context
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.engine.trace import Trace
    from fleetscan.experiment import Ask
    from fleetscan.facts import HandshakeFacts
    from fleetscan.fleet.choosing import Choice
    from fleetscan.fleet.judging import Judge, Judged
    from fleetscan.inventory.target import Target

_NOT_OF_THE_HELLO: Final = frozenset({"resolve", "connect", "chain", "certificate"})
"""Families that no other hello explains: there was no connection, or the certificates are in hand
and tell it themselves."""


class Asker(Protocol):
    """Carries out experiments, at the pace of the scan (`engine.scanner.Scanner`)."""

    async def ask(self, target: Target, ask: Ask) -> HandshakeFacts:
        """Make one connection as `ask` says, or raise `NotAskedError`."""

    async def trace(self, address: str, port: int) -> Trace | None:
        """Find how many hops away a server is, or raise `NotAskedError`."""


class Chooses(Protocol):
    """Chooses experiments (`fleet.choosing.Chooser`)."""

    def context(self, judged: Judged) -> Context:
        """What there is to choose from for one target."""

    def hope(self, judged: Judged) -> Context:
        """What there may be to choose from once all targets were probed."""

    def next(self, judged: Judged, tried: Sequence[Tried], context: Context) -> Choice | None:
        """The next experiment, or None."""


class Traced:
    """Which target of each network has the way to it traced: of those that are reset, one.

    The one with the smallest id, so that it does not depend on the order of targets.

    Args:
        vantage: of the run, for the ids.
    """

    def __init__(self, vantage: str) -> None:
        self._vantage = vantage
        self._chosen: dict[bytes, tuple[str, str]] = {}

    def see(self, outcome: ProbeOutcome) -> None:
        """Note one that is to be asked."""
        if _is_reset(outcome):
            _, network = keys_of(outcome.address)
            mine = self._name(outcome)
            self._chosen[network] = min(mine, self._chosen.get(network, mine))

    def is_chosen(self, outcome: ProbeOutcome) -> bool:
        """Whether it is the one of its network."""
        if not _is_reset(outcome):
            return False
        _, network = keys_of(outcome.address)
        return self._chosen.get(network) == self._name(outcome)

    def _name(self, outcome: ProbeOutcome) -> tuple[str, str]:
        return target_id(outcome.target, self._vantage), outcome.address


@dataclass(slots=True)
class _Asked:
    """What was done to one target: its experiments, and traces that ended in a connection."""

    tried: list[Tried] = field(default_factory=list)
    traces: int = 0


class Diagnosis:
    """An enquirer that experiments with a target until it is explained or the budget is spent.

    Args:
        judge: concludes again with what was tried.
        asker: carries out the experiments.
        chooser: gives the next one.
        traced: whose path may be traced.
    """

    def __init__(self, judge: Judge, asker: Asker, chooser: Chooses, traced: Traced) -> None:
        self._judge = judge
        self._asker = asker
        self._chooser = chooser
        self._traced = traced
        # By identity: a waiting room speaks of one target with one object.
        self._under_way: dict[int, _Asked] = {}

    @property
    def under_way(self) -> int:
        """Targets that are being asked."""
        return len(self._under_way)

    def may_want(self, judged: Judged) -> bool:
        """Whether an experiment could tell more about it, once all targets were probed."""
        return _has_failed(judged) and self._has_question(judged, self._chooser.hope(judged))

    def wants(self, judged: Judged) -> bool:
        """Whether there is an experiment that could tell more about it."""
        return _has_failed(judged) and self._has_question(judged, self._chooser.context(judged))

    def _has_question(self, judged: Judged, context: Context) -> bool:
        verdict = judged.verdict
        assert verdict is not None
        about_certificates = context.wrong_name or (context.proxied and context.untrusted)
        if not (about_certificates or any(_is_open(cause) for cause in verdict.causes)):
            return False
        return self._chooser.next(judged, (), context) is not None

    async def enquire(self, judged: Judged) -> Judged:
        """Ask, one thing changed at a time, and conclude again."""
        asked = self._under_way[id(judged)] = _Asked()
        try:
            with suppress(NotAskedError):
                await self._experiment(judged, asked)
        except Exception:
            # Told as a bug of ours, with none of it. A cancelled one keeps what it has.
            del self._under_way[id(judged)]
            raise
        return self._concluded(judged)

    def unanswered(self, judged: Judged, reason: str) -> Judged:
        """Conclude with what there is."""
        return self._concluded(judged)

    async def _experiment(self, judged: Judged, asked: _Asked) -> None:
        """Note what is tried, as it is."""
        context = self._chooser.context(judged)
        await self._ask(judged, asked.tried, context)
        hops = await self._distance(judged, asked)
        if hops:
            await self._ask(judged, asked.tried, replace(context, server_hops=hops))

    async def _ask(self, judged: Judged, tried: list[Tried], context: Context) -> None:
        # Ends: each round spends one of the two budgets.
        while len(tried) < context.budget + context.trace_budget:
            chosen = self._chooser.next(judged, tried, context)
            if chosen is None:
                return
            name, changed, ask = chosen
            facts = await self._asker.ask(judged.outcome.target, ask)
            tried.append(Tried(name=name, changed=changed, ask=ask, facts=facts))

    async def _distance(self, judged: Judged, asked: _Asked) -> int:
        """How many hops away it is, where that may settle what nothing else did; 0 otherwise."""
        outcome = judged.outcome
        if not asked.tried or not self._traced.is_chosen(outcome):
            return 0
        verdict = self._judge.with_experiments(judged, tuple(asked.tried)).verdict
        if verdict is None or not any(_is_open(cause) for cause in verdict.causes):
            return 0
        trace = await self._asker.trace(outcome.address, outcome.target.port)
        if trace is None:
            return 0
        asked.traces += 1
        return trace.hops

    def _concluded(self, judged: Judged) -> Judged:
        asked = self._under_way.pop(id(judged), _Asked())
        if not asked.tried:
            return judged
        made = len(asked.tried) + asked.traces
        outcome = replace(judged.outcome, probes=judged.outcome.probes + made)
        return self._judge.with_experiments(replace(judged, outcome=outcome), tuple(asked.tried))


def _has_failed(judged: Judged) -> bool:
    return judged.verdict is not None and judged.verdict.outcome == FAILED


def _is_open(cause: Cause) -> bool:
    """Whether an experiment could settle it, or put another in its place."""
    return (
        cause.entry.family not in _NOT_OF_THE_HELLO
        and cause.match.confidence is not Confidence.PROVEN
    )


def _is_reset(outcome: ProbeOutcome) -> bool:
    """Whether a RST ended it, which may come from the way to the server."""
    facts = outcome.facts
    return bool(outcome.address) and facts is not None and ending_of(facts) == EndedBy.RST.value

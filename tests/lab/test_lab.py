"""The whole scanner over the whole lab: every planted cause is named, whatever the order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jsonschema
import pytest
import uvloop

import fleetscan
from fleetscan import Deadlines, Result, ScanConfig, Target
from fleetscan.lab import Condition, Lab
from fleetscan.lab.lab import PLANS
from fleetscan.output.schema import load_schema

TIMEOUT_S = 2.0
"""Some conditions answer too slowly or not at all: a scan takes as long as this, and six times
as long when they are asked again."""

NAMES = [plan.name for plan in PLANS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """The lab's conditions, and the results of one scan by the condition's name."""

    conditions: dict[str, Condition]
    unavailable: tuple[str, ...]
    results: dict[str, list[Result]]

    def result(self, name: str) -> Result:
        """The one result of the condition; skips where this machine cannot serve it."""
        if name in self.unavailable:
            pytest.skip(f"{name}: this machine's OpenSSL refuses to serve it")
        (result,) = self.results[name]
        return result


async def scan_lab(
    order: Callable[[Sequence[Target]], list[Target]],
    concurrency: int,
    *,
    diagnose: str = "failed",
) -> Scanned:
    """Start the lab and scan its targets in the order that `order` gives them."""
    async with Lab() as lab:
        results: dict[str, list[Result]] = {condition.name: [] for condition in lab.conditions}
        config = ScanConfig(
            trust=(str(lab.trust_file),),
            deadlines=Deadlines.from_timeout(TIMEOUT_S),
            concurrency=concurrency,
            diagnose=diagnose,
        )
        async for result in fleetscan.scan(order(lab.targets), config):
            results[result.target.labels["condition"]].append(result)
        conditions = {condition.name: condition for condition in lab.conditions}
        unavailable = lab.unavailable
    return Scanned(conditions=conditions, unavailable=unavailable, results=results)


@pytest.fixture(scope="module")
def scanned() -> Scanned:
    """One scan in the lab's own order, with every experiment."""
    return uvloop.run(scan_lab(list, 100))


@pytest.fixture(scope="module")
def once() -> Scanned:
    """One scan that asks nobody twice."""
    return uvloop.run(scan_lab(list, 100, diagnose="never"))


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_cause_is_named(scanned: Scanned, name: str) -> None:
    """Outcome and causes are exactly what was planted."""
    result = scanned.result(name)
    condition = scanned.conditions[name]

    assert (result.outcome, result.cause_ids) == (
        condition.expected_outcome,
        condition.expected,
    )
    assert set(condition.expected_findings) <= set(result.finding_ids)


@pytest.mark.parametrize("name", NAMES)
def test_one_probe_says_what_it_can(once: Scanned, name: str) -> None:
    """Without experiments the causes are what one probe and the path check settle."""
    result = once.result(name)
    condition = once.conditions[name]

    assert (result.outcome, result.cause_ids) == (
        condition.expected_outcome,
        condition.expected_now,
    )
    assert result.record["probes"] == 1


def test_what_is_in_order_costs_one_connection(scanned: Scanned) -> None:
    """Only what fails is asked again: five times, and once more with few hops (its own budget)."""
    probes = {name: scanned.result(name).record["probes"] for name in scanned.conditions}

    for name, condition in scanned.conditions.items():
        assert probes[name] == 1 if not condition.expected else 1 <= probes[name] <= 7


def test_a_failing_target_takes_five_probes_or_fewer(scanned: Scanned) -> None:
    """On average over the lab."""
    probes = [
        scanned.result(name).record["probes"]
        for name, condition in scanned.conditions.items()
        if condition.expected
    ]

    assert sum(probes) <= 5 * len(probes)


def test_every_target_has_exactly_one_result(scanned: Scanned) -> None:
    """None lost and none twice."""
    counts = {name: len(results) for name, results in scanned.results.items()}

    assert counts == dict.fromkeys(scanned.conditions, 1)


def test_nothing_is_unknown(scanned: Scanned) -> None:
    """Whatever the lab does has a name, and no error is our own."""
    results = [scanned.result(name) for name in scanned.conditions]
    told = {cause for result in results for cause in result.cause_ids}

    assert "unknown" not in told
    assert not any(cause.startswith(("internal.", "local.")) for cause in told)
    assert {result.outcome for result in results} == {"established", "failed"}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_fits_the_schema(scanned: Scanned, name: str) -> None:
    """A result line is one line of JSON, within its bound, as the shipped schema has it."""
    line = scanned.result(name).line

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= 8_000
    jsonschema.Draft202012Validator(load_schema()).validate(json.loads(line))


@pytest.mark.parametrize("name", NAMES)
def test_labels_reach_the_result(scanned: Scanned, name: str) -> None:
    """What the inventory says about a target is in its result, untouched."""
    result = scanned.result(name)

    assert result.record["target"]["labels"] == dict(scanned.conditions[name].target.labels)


def _told(scanned: Scanned) -> dict[str, object]:
    """What was concluded of each condition, without times and ports."""
    return {
        name: (
            result.outcome,
            result.record["stage"],
            result.cause_ids,
            result.record["proven_cause_ids"],
            result.finding_ids,
            result.record["severity"],
            result.record["checks"],
        )
        for name in scanned.conditions
        for result in [scanned.result(name)]
    }


@pytest.mark.parametrize(
    ("order", "concurrency", "loop_factory"),
    [
        pytest.param(
            lambda targets: list(reversed(targets)), 100, asyncio.new_event_loop, id="reversed"
        ),
        pytest.param(
            lambda targets: random.Random(20261123).sample(targets, len(targets)),
            5,
            uvloop.new_event_loop,
            id="shuffled-five-at-once",
        ),
    ],
)
def test_the_order_of_targets_changes_nothing(
    scanned: Scanned,
    order: Callable[[Sequence[Target]], list[Target]],
    concurrency: int,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Verdicts do not depend on the order, on what runs beside what, or on the event loop."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        other = runner.run(scan_lab(order, concurrency))

    assert _told(other) == _told(scanned)

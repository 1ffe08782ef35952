"""The whole path: targets in, results out, against the lab's servers."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pkgutil import resolve_name
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import fleetscan
from fleetscan.api import Result, Scan
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.inventory.target import Target
from fleetscan.lab.conditions import Condition
from fleetscan.lab.lab import Lab
from fleetscan.output.record import to_record
from fleetscan.output.schema import load_schema
from tests import servers
from tests.servers import LOOPS, closed_port, run

QUICK = (
    "good-tls12",
    "good-tls13",
    "expired",
    "self-signed",
    "unknown-root-sent",
    "unknown-root-not-sent",
    "missing-intermediate",
    "second-issuer",
    "chain-out-of-order",
    "malformed-certificate",
    "alert-40",
    "plain-http",
    "closed-port",
)
"""Conditions that are settled without a timeout, with every way a path can end among them."""

VALIDATOR = Draft202012Validator(load_schema())


@asynccontextmanager
async def laboratory(
    names: Sequence[str] = QUICK,
) -> AsyncIterator[tuple[tuple[Condition, ...], ScanConfig]]:
    """The named conditions of a running lab, in that order, and a configuration that fits."""
    async with Lab() as lab:
        known = {condition.name: condition for condition in lab.conditions}
        config = ScanConfig(
            trust=(str(lab.trust_file),), deadlines=Deadlines.from_timeout(5), vantage="here"
        )
        yield tuple(known[name] for name in names), config


async def results_of(scan: Scan) -> list[Result]:
    """All of them, each line checked against the schema."""
    results = []
    async with scan:
        async for result in scan:
            VALIDATOR.validate(json.loads(result.line))
            results.append(result)
    return results


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("name", ["good-tls12", "good-tls13"])
def test_scan_one_against_a_healthy_server(loop_name: str, name: str) -> None:
    """Python's own ssl answers; handshake completed, path and name checked, nothing wrong."""

    async def work() -> tuple[Condition, Result]:
        async with laboratory([name]) as ((condition,), config):
            return condition, await fleetscan.scan_one(condition.target, config)

    condition, result = run(loop_name, work())
    version = {"good-tls12": "TLSv1.2", "good-tls13": "TLSv1.3"}[name]

    assert result.outcome == "established"
    assert result.cause_ids == ()
    assert result.target == condition.target
    assert result.record["handshake"]["version"] == version
    assert result.record["handshake"]["completed"] == "yes"
    assert result.record["checks"]["path"] == "yes"
    assert result.record["checks"]["name"] == "yes"
    assert result.record["probes"] == 1


def test_scan_one_takes_text() -> None:
    """A target as the command line takes it."""

    async def work() -> Result:
        with closed_port() as port:
            return await fleetscan.scan_one(f"127.0.0.1:{port}")

    result = run("uvloop", work())

    assert result.cause_ids == ("connect.refused",)
    assert result.address == "127.0.0.1"


def test_each_condition_gets_what_one_probe_settles() -> None:
    """The lab says what each condition must be called now."""

    async def work() -> tuple[tuple[Condition, ...], list[Result]]:
        async with laboratory() as (conditions, config):
            targets = [condition.target for condition in conditions]
            return conditions, await results_of(fleetscan.scan(targets, config))

    conditions, results = run("uvloop", work())
    told = {result.target.port: result.cause_ids for result in results}

    assert told == {condition.target.port: condition.expected_now for condition in conditions}


def test_verdicts_do_not_depend_on_the_order_of_targets() -> None:
    """Before or after the target that sends the missing certificate: the same verdicts."""
    names = ["missing-intermediate", "second-issuer", "unknown-root-not-sent", "good-tls12"]

    async def verdicts(targets: list[Target], config: ScanConfig) -> dict[int, Any]:
        # One at a time, so that the order of targets is the order of outcomes.
        one_by_one = ScanConfig(trust=config.trust, deadlines=config.deadlines, concurrency=1)
        results = await results_of(fleetscan.scan(targets, one_by_one))
        return {each.target.port: (each.cause_ids, each.record["causes"]) for each in results}

    async def work() -> list[dict[int, Any]]:
        async with laboratory(names) as (conditions, config):
            targets = [condition.target for condition in conditions]
            shuffled = random.Random(1).sample(targets, len(targets))
            orders = (targets, targets[::-1], shuffled)
            return [_without_ids(await verdicts(order, config)) for order in orders]

    first, *others = run("uvloop", work())

    assert len(first) == 4
    assert all(other == first for other in others)
    assert ("chain.incomplete",) in [causes for causes, _ in first.values()]


def _without_ids(verdicts: dict[int, Any]) -> dict[int, Any]:
    """Without the uid, which has the vantage in it."""
    for _, causes in verdicts.values():
        for cause in causes:
            del cause["uid"]
    return verdicts


@pytest.mark.parametrize(
    "place", ["fleetscan.fleet.judging.classify", "fleetscan.pki.path.PathChecker.assess"]
)
def test_a_bug_in_judging_is_one_result_with_its_traceback(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """internal.error for the target it was met on, loud, and the scan goes on."""
    real = resolve_name(place)
    calls = iter(range(100))

    def breaks_once(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        if next(calls) == 1:
            raise RuntimeError("planted")
        return real(*args, **options)

    monkeypatch.setattr(place, breaks_once)
    warnings: list[str] = []

    async def work() -> list[Result]:
        async with laboratory(["good-tls12", "good-tls13", "expired"]) as (conditions, config):
            targets = [condition.target for condition in conditions]
            return await results_of(fleetscan.scan(targets, config, warn=warnings.append))

    results = run("uvloop", work())
    broken = [result for result in results if result.outcome == "error"]

    assert len(results) == 3
    assert [result.cause_ids for result in broken] == [("internal.error",)]
    assert len(warnings) == 1
    assert "RuntimeError: planted" in warnings[0]


def test_a_bug_in_the_engine_or_in_the_record_is_one_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same for the layers around: the record of a broken one is made without what broke."""
    from fleetscan import api
    from fleetscan.output import record

    real = record.to_record

    def breaks(**parts: Any) -> Any:  # noqa: ANN401
        if parts["outcome"].facts is not None:
            raise RuntimeError("planted")
        return real(**parts)

    monkeypatch.setattr(api, "to_record", breaks)

    async def work() -> list[Result]:
        async with laboratory(["good-tls12", "closed-port"]) as (conditions, config):
            targets = [condition.target for condition in conditions]
            return await results_of(fleetscan.scan(targets, config))

    results = run("uvloop", work())

    assert [result.cause_ids for result in results] == [("internal.error",)] * 2


def test_each_certificate_is_told_once_and_before_its_result() -> None:
    """on_certificate comes first, so that a reader of the output knows what a result refers to."""
    told: list[str] = []

    async def work() -> list[tuple[Result, int]]:
        async with laboratory(["good-tls12", "second-issuer", "expired"]) as (conditions, config):
            targets = [condition.target for condition in conditions] * 2
            scan = fleetscan.scan(
                targets,
                config,
                on_certificate=lambda certificate, _: told.append(certificate.sha256),
            )
            return [(result, len(told)) async for result in scan]

    results = run("uvloop", work())

    assert len(results) == 6
    assert len(told) == len(set(told)) > 0
    for result, known in results:
        assert set(result.record["chain_sha256"]) <= set(told[:known])


def test_stats_add_up() -> None:
    """Every result is counted once, by its outcome and by its first cause."""

    async def work() -> Scan:
        async with laboratory() as (conditions, config):
            excluded = Target(input="x", origin="listed", address="127.99.0.1", port=1)
            targets = [*(condition.target for condition in conditions), excluded]
            with_excludes = ScanConfig(
                trust=config.trust, deadlines=config.deadlines, excludes=("127.99.0.0/16",)
            )
            scan = fleetscan.scan(targets, with_excludes)
            await results_of(scan)
            return scan

    stats = run("uvloop", work()).stats

    assert stats.done == len(QUICK) + 1
    assert stats.established + stats.failed + stats.skipped + stats.errors == stats.done
    assert stats.skipped == 1
    assert stats.errors == 0
    assert stats.held == stats.in_flight == stats.not_scanned == 0
    assert stats.by_cause["certificate.expired"] == 1
    assert sum(stats.by_cause.values()) == stats.failed
    assert stats.elapsed > 0


def test_a_drain_before_the_start_scans_nothing() -> None:
    """Ctrl-C while the program still starts: all listed targets are named, none is touched."""

    async def work() -> list[Result]:
        scan = fleetscan.scan(["127.0.0.1:1", "127.0.0.1:2", "127.9.0.0/16"])
        scan.request_drain()
        results = await results_of(scan)
        assert scan.stats.not_scanned == 1 << 16
        return results

    results = run("uvloop", work())

    assert [result.outcome for result in results] == ["skipped", "skipped"]
    assert {result.record["probes"] for result in results} == {0}


def test_held_results_are_given_when_the_source_breaks_off() -> None:
    """An inventory that raises in the end costs no result, not even one that waited."""

    async def work() -> tuple[list[Result], str]:
        async with laboratory(["unknown-root-not-sent"]) as ((condition,), config):

            async def items() -> AsyncIterator[Target]:
                yield condition.target
                raise OSError("gone")

            results: list[Result] = []
            try:
                async for result in fleetscan.scan(items(), config):
                    results.append(result)
            except OSError as failed:
                return results, str(failed)
            return results, ""

    results, error = run("uvloop", work())

    assert [result.cause_ids for result in results] == [("chain.unknown_issuer",)]
    assert error == "gone"


def test_leaving_the_loop_early_leaves_nothing_behind() -> None:
    """`break` inside `async with` gives up what is under way."""

    async def work() -> int:
        async with laboratory() as (conditions, config):
            before = len(asyncio.all_tasks())
            async with fleetscan.scan([one.target for one in conditions] * 3, config) as scan:
                async for _ in scan:
                    break
            return len(asyncio.all_tasks()) - before

    assert run("asyncio", work()) <= 0


@pytest.mark.parametrize("loop_name", LOOPS)
def test_closing_while_another_task_waits_for_a_result(loop_name: str) -> None:
    """The waiting task gets what is left as interrupted, and nothing is left behind."""

    async def work() -> list[str]:
        arrived = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set()
            await servers.stays_silent(reader, writer)

        async with servers.serving(silent) as port:
            scan = fleetscan.scan([f"127.0.0.1:{port}"])

            async def consume() -> list[str]:
                return [result.outcome async for result in scan]

            consumer = asyncio.create_task(consume())
            await arrived.wait()
            await scan.aclose()
            return await consumer

    assert run(loop_name, work()) in (["skipped"], [])


def test_closing_before_the_start_scans_nothing() -> None:
    """Who iterates all the same gets every listed target as interrupted."""

    async def work() -> list[Result]:
        scan = fleetscan.scan(["127.0.0.1:1"])
        await scan.aclose()
        return await results_of(scan)

    (result,) = run("uvloop", work())

    assert (result.outcome, result.record["probes"]) == ("skipped", 0)


def test_a_source_that_is_cancelled_is_no_whole_scan() -> None:
    """A CancelledError of the source's own must not look like its end."""

    async def items() -> AsyncIterator[str]:
        yield "127.0.0.1:1"
        raise asyncio.CancelledError

    async def work() -> list[Result]:
        results = []
        with pytest.raises(RuntimeError, match="source of targets"):
            async for result in fleetscan.scan(items()):
                results.append(result)
        return results

    assert len(run("uvloop", work())) == 1


def test_a_clock_that_raises_costs_no_result() -> None:
    """Every target has its result, and the user is told once."""
    warnings: list[str] = []

    def broken() -> float:
        raise RuntimeError("no time")

    async def work() -> list[Result]:
        with closed_port() as port:
            targets = [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
            config = ScanConfig(clock=broken)
            return await results_of(fleetscan.scan(targets, config, warn=warnings.append))

    assert [each.cause_ids for each in run("uvloop", work())] == [("connect.refused",)] * 2
    assert len(warnings) == 1


def test_callbacks_that_raise_cost_no_result() -> None:
    """No host is called broken because the program that asks is."""
    warnings: list[str] = []

    def broken(*_: object) -> None:
        raise RuntimeError("a bug of the caller's")

    async def work(warn: Callable[[str], None]) -> list[Result]:
        async with laboratory(["good-tls13"]) as ((condition,), config):
            targets = [condition.target]
            return await results_of(
                fleetscan.scan(targets, config, on_certificate=broken, warn=warn)
            )

    for warn in (warnings.append, broken):
        assert [each.outcome for each in run("uvloop", work(warn))] == ["established"]
    assert warnings
    assert all("a bug of the caller's" in warning for warning in warnings)


def test_a_target_that_cannot_be_written_down_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even the record of our own error may fail on a target: then it is left out."""

    def fails_on_one(**parts: Any) -> dict[str, Any]:  # noqa: ANN401
        if parts["outcome"].target.address == "127.0.0.2":
            raise RuntimeError("a bug of ours")
        return to_record(**parts)

    monkeypatch.setattr(fleetscan.api, "to_record", fails_on_one)

    async def work() -> list[Result]:
        with closed_port() as port:
            return await results_of(fleetscan.scan([f"127.0.0.{n}:{port}" for n in (1, 2, 3)]))

    told = {result.address: result.cause_ids for result in run("uvloop", work())}

    assert told == {
        "127.0.0.1": ("connect.refused",),
        "127.0.0.2": ("internal.error",),
        "127.0.0.3": ("connect.refused",),
    }


def test_a_target_made_wrongly_by_hand_is_the_callers_mistake() -> None:
    """As with a text that cannot be read: UsageError, after the results of those before it."""

    async def work() -> int:
        with closed_port() as port:
            good = Target(input="x", origin="listed", address="127.0.0.1", port=port)
            bad = Target(input="y", origin="listed", address="127.0.0.1", port=70_000)
            count = 0
            with pytest.raises(fleetscan.api.UsageError):  # type: ignore[attr-defined]
                async for _ in fleetscan.scan([good, bad]):
                    count += 1
            return count

    assert run("uvloop", work()) == 1


def test_a_scan_runs_once() -> None:
    """Iterating again is our caller's mistake, said plainly."""

    async def work() -> None:
        scan = fleetscan.scan([])
        assert [result async for result in scan] == []
        with pytest.raises(fleetscan.api.UsageError):  # type: ignore[attr-defined]
            aiter(scan)

    run("uvloop", work())


def test_the_probe_path_does_not_use_ssl() -> None:
    """The standard library's ssl stands on the lab's side of the wire only."""
    import fleetscan.api as api
    import fleetscan.engine.probe as probe

    for module in (api, probe):
        assert ssl not in vars(module).values()

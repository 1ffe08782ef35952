"""A scan: every target once, nobody stalls anybody, nobody is pressed."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from time import monotonic

import pytest

from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.engine.source import Item
from fleetscan.inventory.excludes import Excludes
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.target import Target
from fleetscan.vocabulary import EndedBy, ResolveFailure
from tests import servers
from tests.servers import (
    ALL_LOOPBACK,
    ANSWER,
    HELLO,
    LOOPS,
    NXDOMAIN,
    SHORT,
    A,
    PretendClient,
    PretendConversation,
    Responder,
    at,
    collect,
    run,
    scanner_of,
)


def addresses(count: int, second: int = 1) -> Iterator[str]:
    """Addresses in 127.0.0.0/8, 250 to a /24."""
    return (f"127.{second}.{number // 250}.{number % 250 + 1}" for number in range(count))


@pytest.mark.parametrize("loop_name", LOOPS)
def test_two_thousand_targets_none_lost_none_twice(loop_name: str) -> None:
    """Every target has exactly one outcome, and all of them were answered."""

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = (at(address, port) for address in addresses(2_000))
            return await collect(scanner_of(targets, ScanConfig(concurrency=200)))

    outcomes = run(loop_name, work(), limit_s=60)

    assert Counter(outcome.address for outcome in outcomes) == Counter(addresses(2_000))
    assert all(outcome.facts is not None and outcome.facts.completed for outcome in outcomes)
    assert {outcome.probes for outcome in outcomes} == {1}


def test_one_silent_target_among_a_thousand_costs_one_timeout() -> None:
    """The run ends within the timeout and two seconds."""
    deadlines = Deadlines.from_timeout(1.5)

    async def work() -> tuple[list[ProbeOutcome], float]:
        async with (
            servers.serving(servers.answers, ALL_LOOPBACK) as port,
            servers.serving(servers.stays_silent) as silent,
        ):
            targets = [at(address, port) for address in addresses(999)]
            targets.insert(10, at("127.0.0.1", silent))
            started = monotonic()
            outcomes = await collect(scanner_of(targets, ScanConfig(deadlines=deadlines)))
            return outcomes, monotonic() - started

    outcomes, elapsed_s = run("uvloop", work())

    assert len(outcomes) == 1_000
    assert sum(1 for each in outcomes if each.facts and each.facts.completed) == 999
    assert elapsed_s < 1.5 + 2.0


class Gauge:
    """A server that counts how many connections are open and when they came."""

    def __init__(self, hold_s: float) -> None:
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.starts: dict[str, list[float]] = {}
        self._hold_s = hold_s

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer after a while, and close first: what it counts ends before the client knows."""
        address = writer.get_extra_info("sockname")[0]
        for key in (address, address.rpartition(".")[0]):
            self.open[key] += 1
            self.most[key] = max(self.most[key], self.open[key])
        self.starts.setdefault(address, []).append(monotonic())
        try:
            await reader.readexactly(len(HELLO))
            await asyncio.sleep(self._hold_s)
        finally:
            for key in (address, address.rpartition(".")[0]):
                self.open[key] -= 1


@pytest.mark.parametrize("loop_name", LOOPS)
def test_the_server_sees_two_at_a_time_and_twenty_a_second(loop_name: str) -> None:
    """The bounds of one address hold as its server sees them."""
    gauge = Gauge(hold_s=0.15)

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(gauge, ALL_LOOPBACK) as port:
            targets = [at("127.3.0.1", port) for _ in range(16)]
            return await collect(scanner_of(targets, ScanConfig()))

    outcomes = run(loop_name, work())
    starts = gauge.starts["127.3.0.1"]
    gaps = [later - earlier for earlier, later in pairwise(starts)]

    assert len(outcomes) == 16
    assert gauge.most["127.3.0.1"] == 2
    # 20 a second is 50 ms apart; the server's own loop sees each a little early or late.
    assert min(gaps) > 0.04
    assert starts[-1] - starts[0] > 15 * 0.05 * 0.95


def test_the_network_sees_64_at_a_time() -> None:
    """A /24 has at most 64 connections under way, however many of its hosts are targets."""
    gauge = Gauge(hold_s=0.1)

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(gauge, ALL_LOOPBACK) as port:
            targets = [at(f"127.4.0.{last}", port) for last in range(1, 201)]
            return await collect(scanner_of(targets, ScanConfig()))

    outcomes = run("uvloop", work())

    assert len(outcomes) == 200
    assert gauge.most["127.4.0"] == 64


def test_the_global_rate_is_kept() -> None:
    """30 targets at 100 a second take 0.3 s, and no two come in a bunch."""

    async def work() -> float:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = [at(address, port) for address in addresses(30)]
            started = monotonic()
            await collect(scanner_of(targets, ScanConfig(rate=100.0)))
            return monotonic() - started

    assert 0.27 < run("uvloop", work()) < 1.5


def test_a_full_prefix_does_not_keep_the_others_waiting() -> None:
    """Behind 300 targets in one slow /24, others are found and finish first."""

    async def work() -> list[ProbeOutcome]:
        async with (
            servers.serving(servers.stays_silent, ALL_LOOPBACK) as slow,
            servers.serving(servers.answers, ALL_LOOPBACK) as fast,
        ):
            targets = [at(f"127.2.0.{number % 250 + 1}", slow) for number in range(300)]
            targets += [at(f"127.5.{number}.1", fast) for number in range(100)]
            config = ScanConfig(concurrency=100, deadlines=SHORT)
            return await collect(scanner_of(targets, config))

    outcomes = run("uvloop", work())

    assert len(outcomes) == 400
    assert all(outcome.address.startswith("127.5.") for outcome in outcomes[:100])


def test_excludes_are_never_scanned() -> None:
    """An excluded address is skipped, whether it was written or came from a name."""
    touched: list[str] = []

    async def touching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        touched.append(writer.get_extra_info("sockname")[0])
        await servers.answers(reader, writer)

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(touching, ALL_LOOPBACK) as port, resolving() as (dns, server):
            dns.records["b.example", A] = [bytes([127, 6, 0, 9]), bytes([127, 7, 0, 1])]
            targets = [at("127.6.0.1", port), at("127.7.0.2", port), named("b.example", port)]
            config = ScanConfig(nameservers=(server,))
            return await collect(scanner_of(targets, config, excludes=Excludes(["127.6.0.0/16"])))

    outcomes = run("uvloop", work())
    skipped = {outcome.address for outcome in outcomes if outcome.skipped == "excluded"}

    assert skipped == {"127.6.0.1", "127.6.0.9"}
    assert sorted(touched) == ["127.7.0.1", "127.7.0.2"]
    assert len(outcomes) == 4


@asynccontextmanager
async def resolving() -> AsyncIterator[tuple[Responder, str]]:
    """A name server on loopback: it, and its address and port."""
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(Responder, ("127.0.0.1", 0))
    try:
        yield responder, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


def named(host: str, port: int) -> Target:
    """A listed target that must be resolved."""
    return Target(input=host, origin="listed", host=host, port=port, server_name=host)


@pytest.mark.parametrize(("which", "count"), [("all", 3), ("first", 1)])
def test_each_address_of_a_name_has_its_outcome(which: str, count: int) -> None:
    """A name with three addresses gives three outcomes, or the first alone when asked."""

    async def work() -> list[ProbeOutcome]:
        async with (
            servers.serving(servers.answers, ALL_LOOPBACK) as port,
            resolving() as (dns, server),
        ):
            dns.records["b.example", A] = [bytes([127, 7, 0, last]) for last in (1, 2, 3)]
            config = ScanConfig(nameservers=(server,), addresses=which)
            return await collect(scanner_of([named("b.example", port)] * 5, config))

    outcomes = run("uvloop", work())
    per_address = Counter(outcome.address for outcome in outcomes)

    assert len(per_address) == count
    assert set(per_address.values()) == {5}


def test_a_name_that_gives_no_address_is_told_as_such() -> None:
    """No address, no probe, and the resolver's own code in the facts."""

    async def work() -> list[ProbeOutcome]:
        async with resolving() as (dns, server):
            dns.codes["gone.example"] = NXDOMAIN
            config = ScanConfig(nameservers=(server,))
            return await collect(scanner_of([named("gone.example", 443)], config))

    (outcome,) = run("uvloop", work())

    assert outcome.address == ""
    assert outcome.probes == 0
    assert outcome.facts is not None
    assert outcome.facts.resolve_failure is ResolveFailure.NOT_FOUND
    assert outcome.facts.resolve_detail == "ARES_ENOTFOUND"


def test_a_slow_consumer_stops_the_starting_of_probes() -> None:
    """While nobody takes results, only a bounded number of targets is begun."""
    begun = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(1)
        await servers.answers(reader, writer)

    async def work() -> tuple[int, int]:
        async with servers.serving(counting, ALL_LOOPBACK) as port:
            scanner = scanner_of(
                (at(address, port) for address in addresses(2_000)), ScanConfig(concurrency=20)
            )
            await anext(scanner)
            for _ in range(200):
                await asyncio.sleep(0.002)
            while_waiting = len(begun)
            rest = await collect(scanner)
            return while_waiting, len(rest) + 1

    while_waiting, total = run("uvloop", work())

    assert while_waiting <= 2 * 20 + 1
    assert total == 2_000


# -- stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_drain_ends_what_is_under_way_and_names_the_rest(loop_name: str) -> None:
    """After request_drain no probe starts; every listed target still has one outcome."""

    async def work() -> tuple[list[ProbeOutcome], int]:
        gauge = Gauge(hold_s=0.2)
        async with servers.serving(gauge, ALL_LOOPBACK) as port:

            def items() -> Iterator[Item]:
                for address in addresses(500):
                    yield at(address, port)
                yield parse_target("127.64.0.0/10")

            scanner = scanner_of(items(), ScanConfig(concurrency=10))
            outcomes = [await anext(scanner)]
            scanner.request_drain()
            outcomes += await collect(scanner)
            assert sum(map(len, gauge.starts.values())) <= 20
            return outcomes, scanner.not_scanned

    outcomes, not_scanned = run(loop_name, work())
    skipped = [outcome for outcome in outcomes if outcome.skipped]

    assert Counter(outcome.address for outcome in outcomes) == Counter(addresses(500))
    assert {outcome.skipped for outcome in skipped} == {"interrupted"}
    assert 480 <= len(skipped) < 500
    assert not_scanned == 1 << 22


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_abort_drops_what_is_under_way(loop_name: str) -> None:
    """After abort everything ends at once, and every listed target has one outcome."""

    async def work() -> tuple[list[ProbeOutcome], float]:
        async with (
            servers.serving(servers.stays_silent, ALL_LOOPBACK) as silent,
            servers.serving(servers.answers, ALL_LOOPBACK) as fast,
        ):
            targets = [at("127.8.0.1", fast), *(at(address, silent) for address in addresses(50))]
            scanner = scanner_of(targets, ScanConfig(concurrency=20))
            outcomes = [await anext(scanner)]
            scanner.abort()
            started = monotonic()
            outcomes += await collect(scanner)
            return outcomes, monotonic() - started

    outcomes, elapsed_s = run(loop_name, work())

    assert len({outcome.address for outcome in outcomes}) == len(outcomes) == 51
    assert sum(1 for outcome in outcomes if outcome.skipped == "interrupted") == 50
    assert elapsed_s < 1.0


def test_a_source_that_hangs_does_not_hold_up_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that gives nothing more is left after a while."""
    monkeypatch.setattr("fleetscan.engine.scanner._DRAIN_SOURCE_S", 0.2)

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.answers) as port:

            async def items() -> AsyncIterator[Item]:
                yield at("127.0.0.1", port)
                await asyncio.Event().wait()

            scanner = scanner_of(items(), ScanConfig())
            outcomes = [await anext(scanner)]
            scanner.request_drain()
            return outcomes + await collect(scanner)

    assert len(run("uvloop", work(), limit_s=5)) == 1


def test_a_source_that_is_long_is_named_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long naming the rest takes: only a source that gives nothing is left."""
    monkeypatch.setattr("fleetscan.engine.scanner._DRAIN_SOURCE_S", 0.5)

    async def work() -> int:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = (at(address, port) for address in addresses(3_000))
            scanner = scanner_of(targets, ScanConfig(concurrency=10))
            named = 0
            async for _ in scanner:
                scanner.request_drain()
                named += 1
                if named == 100:
                    await asyncio.sleep(1.2)  # a slow consumer is no silent source
            return named

    assert run("uvloop", work()) == 3_000


@pytest.mark.parametrize("loop_name", LOOPS)
def test_closing_in_mid_scan_leaves_nothing_behind(loop_name: str) -> None:
    """aclose cancels and awaits every task of the scan."""

    async def work() -> int:
        async with servers.serving(servers.stays_silent, ALL_LOOPBACK) as port:
            await servers.settle()
            scanner = scanner_of((at(a, port) for a in addresses(100)), ScanConfig(concurrency=20))
            waiting = asyncio.ensure_future(anext(scanner))
            for _ in range(20):
                await asyncio.sleep(0.002)
            under_way = scanner.in_flight
            waiting.cancel()
            await scanner.aclose()
            mine = [task for task in asyncio.all_tasks() if "scanner" in repr(task.get_coro())]
            assert not mine
            return under_way

    assert run(loop_name, work()) == 20


# -- trouble of our own ----------------------------------------------------------------------


def test_an_error_of_ours_costs_one_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug met on one target is that target's outcome; the scan goes on."""

    class Broken(PretendConversation):
        def receive(self, octets: bytes, now: float) -> bytes:
            raise RuntimeError("planted")

    made = iter(range(100))
    client = PretendClient(lambda: Broken() if next(made) == 3 else PretendConversation())

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = [at(address, port) for address in addresses(10)]
            return await collect(scanner_of(targets, ScanConfig(), client))

    outcomes = run("uvloop", work())
    broken = [outcome for outcome in outcomes if outcome.internal_error]

    assert len(outcomes) == 10
    assert len(broken) == 1
    assert "RuntimeError: planted" in broken[0].internal_error


@pytest.mark.parametrize("place", ["converse", "fold", "attempt", "contains"])
def test_wherever_our_code_fails_the_target_has_its_outcome(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every layer that the engine calls may fail without losing a target."""

    def breaks(*_: object) -> None:
        raise RuntimeError("planted")

    client = PretendClient()
    excludes = Excludes([])
    if place == "attempt":
        monkeypatch.setattr("fleetscan.engine.scanner.attempt", breaks)
    elif place == "contains":
        monkeypatch.setattr(Excludes, "contains", breaks)
    else:
        client.client = replace(client.client, **{place: breaks})  # type: ignore[arg-type]

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = [at(address, port) for address in addresses(5)]
            return await collect(scanner_of(targets, ScanConfig(), client, excludes=excludes))

    outcomes = run("uvloop", work())

    assert len(outcomes) == 5
    assert all("RuntimeError: planted" in outcome.internal_error for outcome in outcomes)


def test_a_target_that_is_no_address_is_our_error_and_costs_nobody_else() -> None:
    """A name in the address field is never connected to, nor resolved behind the loop's back."""

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.answers) as port:
            targets = [at("www.example.org", port), at("127.0.0.1", port)]
            return await collect(scanner_of(targets, ScanConfig()))

    outcomes = {outcome.address: outcome for outcome in run("uvloop", work())}

    assert outcomes["www.example.org"].internal_error
    assert outcomes["127.0.0.1"].internal_error == ""


def test_what_the_source_raises_comes_after_all_outcomes() -> None:
    """An inventory that breaks off costs none of the targets that it gave before."""

    async def work() -> tuple[int, str]:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:

            def items() -> Iterator[Item]:
                yield from (at(address, port) for address in addresses(20))
                raise ValueError("line 21")

            given = 0
            try:
                async for _ in scanner_of(items(), ScanConfig()):
                    given += 1
            except ValueError as failed:
                return given, str(failed)
            return given, ""

    assert run("uvloop", work()) == (20, "line 21")


# -- this machine's limits ---------------------------------------------------------------------

EXHAUSTED = textwrap.dedent(
    """
    import asyncio, json, resource, sys
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
    from fleetscan.engine import resources
    from fleetscan.engine.config import ScanConfig
    from tests.servers import at, collect, scanner_of
    resources.RESERVED = int(sys.argv[3])
    warnings = []

    async def main():
        targets = [at(f"127.9.{n}.1", int(sys.argv[1])) for n in range(150)]
        config = ScanConfig(concurrency=100)
        outcomes = await collect(scanner_of(targets, config, warnings=warnings))
        done = sum(1 for o in outcomes if o.facts is not None and o.facts.completed)
        print(json.dumps([len(outcomes), done, max(o.probes for o in outcomes), warnings]))

    asyncio.run(main())
    """
)


@pytest.mark.parametrize(
    ("reserved", "word"),
    [
        pytest.param(64, "concurrency lowered from 100 to 16", id="known-before"),
        pytest.param(0, "EMFILE", id="met-under-way"),
    ],
)
def test_few_descriptors_slow_the_scan_and_fail_no_target(reserved: int, word: str) -> None:
    """With 80 open files allowed, 150 targets are all answered, and the user is told why."""

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(HELLO))
        await asyncio.sleep(0.05)
        writer.write(ANSWER)
        await reader.read()

    async def work() -> list[object]:
        async with servers.serving(slowly, ALL_LOOPBACK) as port:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                EXHAUSTED,
                str(port),
                "80",
                str(reserved),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            result: list[object] = json.loads(output)
            return result

    count, done, probes, warnings = run("asyncio", work())

    assert (count, done) == (150, 150)
    assert isinstance(warnings, list)
    assert 1 <= len(warnings) <= 2
    assert word in warnings[-1]
    assert isinstance(probes, int)
    assert (probes > 1) == (reserved == 0)


def test_ended_by_is_kept_for_silence() -> None:
    """What the connection saw is what the outcome says."""

    async def work() -> list[ProbeOutcome]:
        async with servers.serving(servers.stays_silent) as port:
            return await collect(scanner_of([at("127.0.0.1", port)], ScanConfig(deadlines=SHORT)))

    (outcome,) = run("uvloop", work())

    assert outcome.facts is not None
    assert outcome.facts.ended_by is EndedBy.TIMEOUT

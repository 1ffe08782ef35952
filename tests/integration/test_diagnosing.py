"""Whole scans that ask failing targets again: how often, which of them, in what time."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

import pytest

import fleetscan
from fleetscan.api import Result
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.inventory.target import Target
from tests import servers, tls_peers
from tests.integration.test_engine_api import laboratory, results_of
from tests.servers import ALL_LOOPBACK, LOOPS, run

QUICK: Final = Deadlines(
    resolve=1.0, connect=1.0, first_octet=0.3, handshake=1.0, confirm=0.1, total=3.0
)
NAMES: Final = tuple(f"host-{number}.example" for number in range(40))
ONCE: Final = ScanConfig(deadlines=QUICK, vantage="here")


def named(name: str, port: int, address: str = "127.0.0.1") -> Target:
    """A name at an address; a free port may happen to be one that TLS is asked for at."""
    return Target(
        input=f"{name}@{address}:{port}",
        origin="listed",
        address=address,
        port=port,
        server_name=name,
        reference_name=name or None,
        starttls="none",
    )


class Counted:
    """Connections by the address that they were made to."""

    def __init__(self, handler: servers.Handler) -> None:
        self.connections: Counter[str] = Counter()
        self._handler = handler

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count one and pass it on."""
        self.connections[writer.get_extra_info("sockname")[0]] += 1
        await self._handler(reader, writer)


def relay_to(target: Target) -> servers.Handler:
    """What is said here is said to a target, and back."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.address, target.port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copied(reader, back))
                both.create_task(_copied(there, writer))
        finally:
            back.close()

    return relay


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(4_096):
        writer.write(octets)
    writer.write_eof()


def strict_server(
    asked: list[str | None], served: Collection[str | None] = (None, tls_peers.NAME)
) -> servers.Handler:
    """OpenSSL, refusing each name that it does not serve."""

    def check(_: Any, name: str | None, __: Any) -> int | None:  # noqa: ANN401
        asked.append(name)
        return None if name in served else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    # Without TLS 1.3 there is no second hello, for which it would be called again.
    context = tls_peers.server_tls12()
    context.sni_callback = check
    return openssl(context)


def openssl(context: ssl.SSLContext) -> servers.Handler:
    """OpenSSL with this context, its alerts included."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _openssl(context, reader, writer)

    return answer


async def _openssl(
    context: ssl.SSLContext,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    begun: bytes = b"",
) -> None:
    peer = tls_peers.OpenSslPeer(context)
    writer.write(peer.receive(begun))
    # Ends: at the client's end, or when the server has refused it.
    while peer.error is None and (octets := await reader.read(4_096)):
        writer.write(peer.receive(octets))
    await writer.drain()


def tls10_only() -> servers.Handler:
    """OpenSSL at its lowest level, with TLS 1.0 alone."""
    context = tls_peers.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return openssl(context)


def closes_when(condition: Callable[[bytes], bool]) -> servers.Handler:
    """OpenSSL behind something that closes on hellos of a kind."""
    context = tls_peers.server_context()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readexactly(5)
        hello = header + await reader.readexactly(int.from_bytes(header[3:], "big"))
        if not condition(hello):
            await _openssl(context, reader, writer, hello)

    return answer


@pytest.mark.parametrize(
    ("handler", "name", "expected"),
    [
        pytest.param(
            tls10_only(), tls_peers.NAME, ("version.too_old", "proven"), id="tls-1.0-alone"
        ),
        pytest.param(
            strict_server([]), NAMES[0], ("name.unrecognized", "proven"), id="name-refused"
        ),
        pytest.param(
            strict_server([], (tls_peers.NAME,)), "", ("name.required", "proven"), id="name-missed"
        ),
        pytest.param(
            closes_when(lambda hello: len(hello) > 512),
            tls_peers.NAME,
            ("server.large_hello_intolerant", None),
            id="large-hello",
        ),
        pytest.param(
            servers.stays_silent,
            tls_peers.NAME,
            ("server.silent_after_hello", "suspected"),
            id="silent",
        ),
        pytest.param(
            servers.resets_after_hello,
            tls_peers.NAME,
            ("server.reset_after_hello", "suspected"),
            id="resets",
        ),
    ],
)
def test_a_planted_fault_is_what_is_told(
    handler: servers.Handler, name: str, expected: tuple[str, str | None]
) -> None:
    """First in the verdict, and proven where one probe could only suspect it.

    How sure it is that the size alone matters is for the tests of the choice.
    """

    async def work() -> list[Result]:
        async with servers.serving(handler) as port:
            targets = [named(one, port) for one in {name, tls_peers.NAME}]
            return await results_of(fleetscan.scan(targets, ONCE))

    results = run("uvloop", work())
    (result,) = (result for result in results if result.target.server_name == name)
    (first, *_) = result.record["causes"]

    assert (first["id"], expected[1] and first["confidence"]) == expected
    # The first probe, the budget, and a trace to what resets.
    assert result.record["probes"] <= 7


def verdict_of(result: Result) -> tuple[Any, ...]:
    """Everything that is concluded and counted about a target, without what a clock says."""
    record = result.record
    causes = [
        (cause["id"], cause["confidence"], cause["basis"], cause.get("alternatives"))
        for cause in record["causes"]
    ]
    return record["id"], result.outcome, record["probes"], causes, tuple(record["finding_ids"])


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("name", ["good-tls12", "good-tls13"])
def test_a_healthy_target_costs_exactly_one_connection(loop_name: str, name: str) -> None:
    """Counted by the server: diagnosis is for what fails."""

    async def work() -> tuple[Counter[str], list[Result]]:
        async with laboratory([name]) as ((condition,), config):
            counted = Counted(relay_to(condition.target))
            async with servers.serving(counted) as port:
                target = replace(condition.target, address="127.0.0.1", port=port)
                return counted.connections, await results_of(fleetscan.scan([target], config))

    connections, (result,) = run(loop_name, work())

    assert result.outcome == "established"
    assert connections == {"127.0.0.1": 1}
    assert (result.record["probes"], result.tried) == (1, ())


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("budget", [1, 3, 5])
def test_a_failing_target_costs_its_budget_at_most(loop_name: str, budget: int) -> None:
    """Every connection that the server saw is in the result, and no more were made."""

    async def work() -> tuple[Counter[str], list[Result]]:
        counted = Counted(servers.closes_after_hello)
        async with servers.serving(counted) as port:
            config = replace(ONCE, budget=budget)
            results = await results_of(fleetscan.scan([named("a.example", port)], config))
            return counted.connections, results

    connections, (result,) = run(loop_name, work())

    assert result.outcome == "failed"
    assert result.record["probes"] == connections["127.0.0.1"] == len(result.tried) + 1
    assert 1 <= len(result.tried) <= budget


def test_never_means_one_connection_each() -> None:
    """`--diagnose never` is for those who count packets; `diagnose_one` asks all the same."""

    async def work() -> tuple[int, int, Result]:
        counted = Counted(servers.resets_after_hello)
        async with servers.serving(counted) as port:
            config = replace(ONCE, diagnose="never")
            target = named("a.example", port)
            (result,) = await results_of(fleetscan.scan([target], config))
            assert result.tried == ()
            before = counted.connections.total()
            one = await fleetscan.diagnose_one(target, config)
            return before, counted.connections.total(), one

    before, after, one = run("uvloop", work())

    assert before == 1
    # The way to it was traced besides, as that of a target that is reset: one SYN, one hop.
    assert one.record["probes"] == len(one.tried) + 2
    assert after == before + one.record["probes"]


@pytest.mark.parametrize("loop_name", LOOPS)
def test_names_behind_one_address_that_fail_alike_are_diagnosed_once(loop_name: str) -> None:
    """One of forty is asked again; the others are told whose answers they have."""

    async def work() -> tuple[list[str | None], list[Result]]:
        asked: list[str | None] = []
        async with servers.serving(strict_server(asked)) as port:
            targets = [named(name, port) for name in (*NAMES, tls_peers.NAME)]
            return asked, await results_of(fleetscan.scan(targets, ONCE))

    asked, results = run(loop_name, work())
    failed = [result for result in results if result.target.server_name in NAMES]
    (leader,) = (result for result in failed if result.tried)

    assert len(asked) == 41 + len(leader.tried)
    assert sum(result.record["probes"] for result in results) == len(asked)
    assert {result.record["probes"] for result in failed if result is not leader} == {1}
    (cause,) = leader.record["causes"]
    assert (cause["id"], cause["confidence"]) == ("name.unrecognized", "proven")
    for result in failed:
        if result is not leader:
            (borrowed,) = result.record["causes"]
            assert (borrowed["id"], borrowed["confidence"]) == ("name.unrecognized", "suspected")
            assert borrowed["basis"] == cause["basis"] | {"result_id": leader.record["id"]}
    assert {one.ask.server_name for one in leader.tried} <= {
        leader.target.server_name,
        tls_peers.NAME,
        "",
    }


@pytest.mark.parametrize("listed", [True, False], ids=["another-name-too", "alone"])
def test_a_default_certificate_is_told_where_names_are_told_apart(listed: bool) -> None:
    """A server that has one for each name does not know this one; of one alone nobody can say."""
    default, own = tls_peers.server_tls12("P-256"), tls_peers.server_tls12("P-384")

    def choose(connection: ssl.SSLObject, name: str | None, _: Any) -> None:  # noqa: ANN401
        if name == tls_peers.NAME:
            connection.context = own

    default.sni_callback = choose

    async def work() -> list[Result]:
        async with servers.serving(openssl(default)) as port:
            names = [NAMES[0], *([tls_peers.NAME] if listed else [])]
            targets = [named(name, port) for name in names]
            return await results_of(fleetscan.scan(targets, ONCE))

    results = {result.target.server_name: result for result in run("uvloop", work())}
    told = "name.default_certificate" in results[NAMES[0]].cause_ids

    assert "certificate.name_mismatch" in results[NAMES[0]].cause_ids
    assert told is listed
    assert results[NAMES[0]].record["probes"] == (2 if listed else 1)


def test_names_of_any_length_borrow_the_proof_of_one() -> None:
    """A server that is too old is so under every name, whatever size that makes its hello."""

    async def work() -> list[Result]:
        async with servers.serving(tls10_only()) as port:
            targets = [named(f"{'x' * length}.example", port) for length in range(1, 9)]
            return await results_of(fleetscan.scan(targets, ONCE))

    results = run("uvloop", work())
    causes = {result.target.server_name: result.record["causes"][0] for result in results}

    assert {cause["id"] for cause in causes.values()} == {"version.too_old"}
    assert sorted(cause["confidence"] for cause in causes.values()) == [
        "proven",
        *["suspected"] * 7,
    ]


def test_the_same_targets_in_another_order_have_the_same_verdicts() -> None:
    """Who is asked, with which controls, and who borrows: whatever comes first."""

    async def work() -> list[list[tuple[Any, ...]]]:
        async with AsyncExitStack() as stack:
            strict, *ports = [
                await stack.enter_async_context(servers.serving(handler, ALL_LOOPBACK))
                for handler in (
                    strict_server([]),
                    servers.resets_after_hello,
                    servers.closes_after_hello,
                )
            ]
            targets = [named(name, strict) for name in (*NAMES[:13], tls_peers.NAME, "")]
            targets += [
                named(name, port, f"127.0.{at % 2}.{at % 3 + 1}")
                for port in ports
                for at, name in enumerate(NAMES[:9])
            ]
            told = []
            for seed in range(4):
                random.Random(seed).shuffle(targets)
                scan = fleetscan.scan(targets, ONCE, run_id="night")
                told.append(sorted(verdict_of(result) for result in await results_of(scan)))
            return told

    told = run("uvloop", work(), limit_s=60.0)

    assert len(told[0]) == 15 + 18
    assert told[1:] == told[:1] * 3


def test_a_hundred_silent_targets_in_four_networks_are_done_in_twenty_seconds() -> None:
    """The issue's figure: a budget of 5, deadlines of 2 s, each target at an address of its own."""

    async def work() -> tuple[float, Counter[str], list[Result]]:
        counted = Counted(servers.stays_silent)
        async with servers.serving(counted, ALL_LOOPBACK) as port:
            targets = [
                named(f"host-{network}-{at}.example", port, f"127.1.{network}.{at}")
                for network in range(4)
                for at in range(1, 26)
            ]
            config = ScanConfig(deadlines=Deadlines.from_timeout(2.0), budget=5)
            begun = time.monotonic()
            results = await results_of(fleetscan.scan(targets, config))
            return time.monotonic() - begun, counted.connections, results

    elapsed_s, connections, results = run("uvloop", work(), limit_s=60.0)

    assert len(results) == 100
    assert elapsed_s < 20
    assert {result.record["probes"] for result in results} == {6}
    assert connections == {result.address: 6 for result in results}


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_abort_leaves_no_connection_and_no_result_behind(loop_name: str) -> None:
    """What was tried until then counts; the rest is told as the first probe shows it."""

    async def work() -> list[Result]:
        counted = Counted(servers.stays_silent)
        async with servers.serving(counted, ALL_LOOPBACK) as port:
            targets = [named(f"{at}.example", port, f"127.2.0.{at}") for at in range(1, 9)]
            scan = fleetscan.scan(targets, ONCE)
            results = []
            async with scan, asyncio.TaskGroup() as group:
                group.create_task(_abort_when(scan, counted, connections=20))
                async for result in scan:
                    results.append(result)
            return results

    results = run(loop_name, work())

    assert len(results) == 8
    assert {result.outcome for result in results} == {"failed"}
    assert all(result.record["probes"] <= 4 for result in results)


async def _abort_when(scan: fleetscan.Scan, counted: Counted, *, connections: int) -> None:
    # Ends: a scan of eight silent targets makes 48 connections.
    while counted.connections.total() < connections:  # noqa: ASYNC110  no event tells of it
        await asyncio.sleep(0.01)
    scan.abort()

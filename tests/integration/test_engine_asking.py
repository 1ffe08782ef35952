"""Questions to a target beside a scan: how they are made, paced, and ended."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import fleetscan
from fleetscan import limits
from fleetscan.engine import asking, connect
from fleetscan.engine.asking import NotAskedError
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.engine.route import find_route
from fleetscan.engine.scanner import Scanner
from fleetscan.engine.trace import Trace
from fleetscan.errors import UsageError
from fleetscan.experiment import Ask, Cut, Speech
from fleetscan.facts import HandshakeFacts
from fleetscan.inventory.excludes import Excludes
from fleetscan.tls.profiles import BROWSER, MINIMAL
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, Stage
from tests import proxies, servers
from tests.hello_reader import read_hello
from tests.integration.test_engine_api import laboratory
from tests.integration.test_engine_scanner import Gauge
from tests.servers import (
    ALL_LOOPBACK,
    LOOPS,
    SHORT,
    PretendClient,
    at,
    collect,
    run,
    scanner_of,
)

NAME = "www.example.com"

ASK = Ask(profile=BROWSER, server_name=NAME, alpn=(), starttls="none", address="127.0.0.1")

OTHER = replace(BROWSER, name="other", session_id_octets=0)

QUIET = ScanConfig(deadlines=SHORT, trust=("mozilla",), vantage="test")


@asynccontextmanager
async def asking_scanner(
    config: ScanConfig = QUIET, *, excludes: Excludes | None = None
) -> AsyncIterator[Scanner]:
    """A scanner without targets and with the real client."""
    scanner = Scanner(
        (),
        config,
        client=fleetscan.Scan((), config)._client(),
        excludes=excludes or Excludes(()),
        warn=lambda text: None,
        route=await find_route(config),
    )
    try:
        yield scanner
    finally:
        await scanner.aclose()


class Recorder:
    """A server that keeps what each read gave and when, for every connection."""

    def __init__(self, answer: bytes = b"", greeting: bytes = b"") -> None:
        self.reads: list[list[tuple[float, bytes]]] = []
        self._answer = answer
        self._greeting = greeting

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, read to the end, and answer what was read first."""
        reads: list[tuple[float, bytes]] = []
        self.reads.append(reads)
        writer.write(self._greeting)
        while octets := await reader.read(65_536):
            reads.append((monotonic(), octets))
            if self._answer and len(reads) == 1:
                writer.write(self._answer)
                return

    @property
    def heard(self) -> bytes:
        """All octets of the one connection."""
        (reads,) = self.reads
        return b"".join(octets for _, octets in reads)


async def ask_recorder(recorder: Recorder, ask: Ask) -> HandshakeFacts:
    """One question to a recorder at the ask's address."""
    async with servers.serving(recorder, ask.address) as port, asking_scanner() as scanner:
        return await scanner.ask(at(ask.address, port), ask)


# -- how the hello leaves -------------------------------------------------------------


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_two_segments_are_two_packets_with_a_gap(loop_name: str, address: str) -> None:
    """The server's first read ends inside the name, and the rest comes after the gap."""
    recorder = Recorder()
    ask = replace(ASK, cut=Cut.SEGMENTS, address=address)
    facts = run(loop_name, ask_recorder(recorder, ask))
    ((first_at, first), (second_at, second)) = recorder.reads[0]

    assert NAME.encode() not in first
    assert NAME.encode() not in second
    assert len(read_hello(first + second).record_versions) == 1
    assert NAME.encode() in first + second
    # The server's own loop may see the first a little late.
    assert second_at - first_at > limits.HELLO_GAP_S * 0.8
    assert (facts.ended_by, facts.stage) == (EndedBy.TIMEOUT, Stage.SERVER_HELLO)


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    ("cut", "records"), [(Cut.WHOLE, 1), (Cut.RECORDS, 2)], ids=["whole", "records"]
)
def test_a_hello_in_one_segment_is_one_read(loop_name: str, cut: Cut, records: int) -> None:
    """Whole, and in two records of TLS, it leaves at once."""
    recorder = Recorder()
    run(loop_name, ask_recorder(recorder, replace(ASK, profile=MINIMAL, cut=cut)))

    assert len(recorder.reads[0]) == 1
    assert len(read_hello(recorder.heard).record_versions) == records


@pytest.mark.parametrize("loop_name", LOOPS)
def test_behind_a_dialogue_only_the_hello_is_in_two_segments(loop_name: str) -> None:
    """PostgreSQL: its eight octets are one read, the hello two."""
    reads: list[bytes] = []

    async def postgresql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reads.append(await reader.read(65_536))
        writer.write(b"S")
        while octets := await reader.read(65_536):
            reads.append(octets)

    async def work() -> HandshakeFacts:
        async with servers.serving(postgresql) as port, asking_scanner() as scanner:
            ask = replace(ASK, starttls="postgresql", cut=Cut.SEGMENTS)
            return await scanner.ask(at("127.0.0.1", port), ask)

    facts = run(loop_name, work())

    assert [len(octets) for octets in reads[:1]] == [8]
    assert len(reads) == 3
    assert read_hello(reads[1] + reads[2]).data(0) is not None
    assert facts.starttls_agreed is Checked.YES


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_server_that_closes_on_the_first_segment_gets_no_second(loop_name: str) -> None:
    """It is over then: FIN, and nothing is sent into a closed connection."""
    reads: list[bytes] = []

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reads.append(await reader.read(65_536))
        writer.write_eof()
        reads.append(await reader.read(65_536))

    async def work() -> HandshakeFacts:
        async with servers.serving(closes) as port, asking_scanner() as scanner:
            return await scanner.ask(at("127.0.0.1", port), replace(ASK, cut=Cut.SEGMENTS))

    facts = run(loop_name, work())

    assert facts.ended_by is EndedBy.FIN
    assert (len(reads), reads[1]) == (2, b"")


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.value)
def test_a_healthy_server_completes_with_every_cut(loop_name: str, cut: Cut) -> None:
    """OpenSSL reassembles what RFC 8446 lets a client do."""

    async def work() -> HandshakeFacts:
        async with laboratory(["good-tls13"]) as ((condition,), config):
            target = condition.target
            ask = replace(
                ASK, server_name=target.server_name, address=target.address, cut=cut, hops=0
            )
            async with asking_scanner(config) as scanner:
                return await scanner.ask(target, ask)

    facts = run(loop_name, work())

    assert facts.completed
    assert facts.confirmed_by in (ConfirmedBy.TICKET, ConfirmedBy.SILENCE)


def test_what_is_asked_is_what_is_offered() -> None:
    """Profile, name and protocols are the ask's and not the target's or the scan's."""
    recorder = Recorder()
    ask = replace(ASK, profile=OTHER, server_name="other.example", alpn=("acme-tls/1",))
    facts = run("uvloop", ask_recorder(recorder, ask))
    hello = read_hello(recorder.heard)

    assert facts.offer is not None
    assert (facts.offer.profile, facts.offer.server_name) == ("other", "other.example")
    assert facts.offer.alpn == ("acme-tls/1",)
    assert b"other.example" in (hello.data(0) or b"")
    assert hello.session_id == b""


# -- what is said in place of TLS ------------------------------------------------------


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_plain_request_and_its_answer(loop_name: str) -> None:
    """RFC 9112: one request that names the host; the answer is kept and is no TLS."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    recorder = Recorder(answer)
    facts = run(loop_name, ask_recorder(recorder, replace(ASK, speech=Speech.HTTP)))

    assert recorder.heard.startswith(b"GET / HTTP/1.1\r\nHost: www.example.com:")
    assert (facts.first_octets, facts.is_tls, facts.spoke_first) == (answer, Checked.NO, False)
    assert (facts.ended_by, facts.offer) == (EndedBy.FIN, None)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_alert_that_answers_a_plain_request_is_tls(loop_name: str) -> None:
    """A server of TLS says so to a plain request too."""
    recorder = Recorder(bytes.fromhex("15 0303 0002 0232"))
    facts = run(loop_name, ask_recorder(recorder, replace(ASK, speech=Speech.HTTP)))

    assert facts.is_tls is Checked.YES


@pytest.mark.parametrize("loop_name", LOOPS)
def test_listening_hears_a_greeting_and_says_nothing(loop_name: str) -> None:
    """What the peer says unasked is its greeting."""
    recorder = Recorder(greeting=b"SSH-2.0-OpenSSH_9.9\r\n")
    facts = run(loop_name, ask_recorder(recorder, replace(ASK, speech=Speech.LISTEN)))

    assert recorder.heard == b""
    assert (facts.first_octets, facts.spoke_first) == (b"SSH-2.0-OpenSSH_9.9\r\n", True)
    assert (facts.is_tls, facts.ended_by) == (Checked.NO, EndedBy.US)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_listening_to_silence_ends_at_the_first_octets_deadline(loop_name: str) -> None:
    """Nothing is said, nothing comes, nothing is known."""
    recorder = Recorder()
    facts = run(loop_name, ask_recorder(recorder, replace(ASK, speech=Speech.LISTEN)))

    assert (facts.ended_by, facts.stage) == (EndedBy.TIMEOUT, Stage.CLIENT_HELLO)
    assert (facts.is_tls, facts.first_octets) == (Checked.NOT_CHECKED, b"")
    assert recorder.heard == b""
    assert 450 < facts.timings.total < 1_500


# -- hops, times, and what the system measures -----------------------------------------


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_one_hop_reaches_this_host(loop_name: str, address: str) -> None:
    """The hello arrives, and what the server does is what is told."""

    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        servers.reset(writer)

    async def work() -> HandshakeFacts:
        bound = "::1" if address == "::1" else "127.0.0.1"
        async with servers.serving(resets, bound) as port, asking_scanner() as scanner:
            return await scanner.ask(at(address, port), replace(ASK, address=address, hops=1))

    facts = run(loop_name, work())

    assert (facts.ended_by, facts.errno) == (EndedBy.RST, errno.ECONNRESET)
    assert facts.retransmissions == 0
    assert facts.min_rtt_ms is not None
    assert 0 < facts.min_rtt_ms < 1_000


def test_first_probes_are_not_measured() -> None:
    """What only the proof of an experiment needs costs a scan nothing."""

    async def work() -> list[HandshakeFacts | None]:
        client = fleetscan.Scan((), QUIET)._client()
        async with servers.serving(servers.closes_after_hello) as port:
            scanner = Scanner(
                [at("127.0.0.1", port)],
                QUIET,
                client=client,
                excludes=Excludes(()),
                warn=lambda text: None,
            )
            return [outcome.facts async for outcome in scanner]

    (facts,) = run("uvloop", work())

    assert facts is not None
    assert (facts.min_rtt_ms, facts.retransmissions) == (None, None)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_the_way_to_this_host_has_one_hop_and_is_traced_once(loop_name: str) -> None:
    """The same place shares its trace; another one of its prefix, or its other port, has none."""
    connections = 0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()

    async def work() -> list[Trace | None]:
        async with (
            servers.serving(counts, ALL_LOOPBACK) as port,
            servers.serving(counts) as other,
            asking_scanner() as scanner,
        ):
            places = [("127.0.0.1", port)] * 3 + [("127.0.0.2", port), ("127.0.0.1", other)]
            return await asyncio.gather(*(scanner.trace(*place) for place in places))

    one = Trace(hops=1, routers=())

    assert run(loop_name, work()) == [one, one, one, None, None]
    assert connections == 1


def test_traces_have_a_budget_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many prefixes, and no more."""
    monkeypatch.setattr(limits, "MAX_TRACES", 2)

    async def work() -> list[bool]:
        async with (
            servers.serving(servers.stays_silent, ALL_LOOPBACK) as port,
            asking_scanner() as scanner,
        ):
            places = [f"127.0.{third}.1" for third in range(4)]
            return [await scanner.trace(place, port) is not None for place in places]

    assert run("uvloop", work()) == [True, True, False, False]


# -- pacing, excludes, ends -------------------------------------------------------------


@pytest.mark.parametrize("loop_name", LOOPS)
def test_questions_and_first_probes_share_the_bounds_of_an_address(loop_name: str) -> None:
    """Two at a time and twenty a second, as the server sees them, whoever asked."""
    gauge = Gauge(hold_s=0.12)

    async def work() -> int:
        async with servers.serving(gauge, ALL_LOOPBACK) as port:
            target = at("127.9.0.1", port)
            scanner = scanner_of([target] * 5, ScanConfig())
            questions = [scanner.ask(target, replace(ASK, address="127.9.0.1")) for _ in range(8)]
            answered = asyncio.gather(*questions)
            outcomes = await collect(scanner)
            facts = await answered
            await scanner.aclose()
            return len(outcomes) + len(facts)

    assert run(loop_name, work()) == 13
    starts = gauge.starts["127.9.0.1"]
    assert len(starts) == 13
    assert gauge.most["127.9.0.1"] == 2
    assert min(later - earlier for earlier, later in pairwise(starts)) > 0.04


@pytest.mark.parametrize("loop_name", LOOPS)
def test_questions_are_answered_while_nobody_takes_outcomes_and_after_the_last(
    loop_name: str,
) -> None:
    """Who waits for an answer may be what keeps outcomes from being taken."""

    async def work() -> tuple[int, bool]:
        async with servers.serving(servers.answers, ALL_LOOPBACK) as port:
            targets = [at(f"127.10.{third}.1", port) for third in range(40)]
            scanner = scanner_of(targets, ScanConfig(concurrency=4))
            first = await anext(scanner)
            await until(lambda: scanner.in_flight == 0)  # nothing more is started now
            target = targets[-1]
            during = await scanner.ask(target, replace(ASK, address=target.address))
            rest = await collect(scanner)
            after = await scanner.ask(target, replace(ASK, address=target.address))
            await scanner.aclose()
            return len([first, *rest]), during.completed and after.completed

    assert run(loop_name, work()) == (40, True)


def test_excluded_addresses_are_never_asked() -> None:
    """Neither by an ask, wherever its target is, nor by a trace."""
    touched: list[Any] = []

    async def touching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        touched.append(writer.get_extra_info("sockname"))

    async def work() -> list[str]:
        reasons = []
        excludes = Excludes(["127.6.0.0/16"])
        async with (
            servers.serving(touching, ALL_LOOPBACK) as port,
            asking_scanner(excludes=excludes) as scanner,
        ):
            ask = replace(ASK, address="127.6.0.1")
            for question in (
                scanner.ask(at("127.7.0.1", port), ask),
                scanner.trace("127.6.0.1", port),
            ):
                with pytest.raises(NotAskedError) as refused:
                    await question
                reasons.append(refused.value.reason)
        return reasons

    assert run("uvloop", work()) == ["excluded", "excluded"]
    assert touched == []


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes about by itself; a run's own limit ends it."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


async def reason_of(question: Any) -> str:  # noqa: ANN401
    """Why a question was not put."""
    try:
        await question
    except NotAskedError as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("how", ["abort", "aclose", "drain"])
def test_whatever_stops_the_scan_stops_questions(loop_name: str, how: str) -> None:
    """Under way, waiting for a turn, or for their time: interrupted, and nothing is left."""

    async def work() -> tuple[list[str], int, int]:
        async with servers.serving(servers.stays_silent) as port:
            before = descriptors()
            async with asking_scanner() as scanner:
                target = at("127.0.0.1", port)
                asks = [ASK, ASK, ASK, replace(ASK, delay_s=60.0)]
                questions = [
                    asyncio.create_task(reason_of(scanner.ask(target, ask))) for ask in asks
                ]
                await until(lambda: scanner.in_flight == 2)
                match how:
                    case "abort":
                        scanner.abort()
                    case "aclose":
                        await scanner.aclose()
                    case "drain":
                        scanner.request_drain()
                reasons = await asyncio.gather(*questions)
                reasons.append(await reason_of(scanner.ask(target, ASK)))
                await servers.settle()
                tasks = len(asyncio.all_tasks() - {asyncio.current_task()})
            await servers.settle()
            return reasons, descriptors() - before, tasks

    reasons, left_open, tasks = run(loop_name, work())

    # A drain lets what is under way end.
    under_way = "" if how == "drain" else "interrupted"
    assert reasons == [under_way, under_way, *["interrupted"] * 3]
    # The server's own task of each connection that is not closed yet.
    assert tasks <= 2
    assert left_open <= 0


@pytest.mark.parametrize("loop_name", LOOPS)
def test_whoever_gives_up_a_question_ends_its_connection(loop_name: str) -> None:
    """Cancelled under way, its place is free at once; before its turn, nothing is ever made."""
    connections = 0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await servers.stays_silent(reader, writer)

    async def work() -> int:
        patient = Deadlines(first_octet=25.0, handshake=25.0, total=25.0)
        async with servers.serving(counts) as silent, servers.serving(servers.answers) as port:
            scanner = scanner_of((), ScanConfig(deadlines=patient))
            target = at("127.0.0.1", silent)
            before = descriptors()
            questions = [asyncio.create_task(scanner.ask(target, ASK)) for _ in range(4)]
            await until(lambda: connections == 2)
            for question in questions:
                question.cancel()
            await asyncio.gather(*questions, return_exceptions=True)
            await until(lambda: scanner.in_flight == 0)
            assert (await scanner.ask(at("127.0.0.1", port), ASK)).completed
            await until(lambda: descriptors() <= before)
            await scanner.aclose()
            return connections

    assert run(loop_name, work()) == 2


def test_a_delay_holds_no_place() -> None:
    """Who waits for a time lets others ask meanwhile."""

    async def work() -> list[str]:
        order: list[str] = []
        async with (
            servers.serving(servers.answers) as port,
        ):
            config = ScanConfig(address_in_flight=1, concurrency=1)
            scanner = scanner_of((), config)

            async def asked(name: str, delay_s: float) -> None:
                await scanner.ask(at("127.0.0.1", port), replace(ASK, delay_s=delay_s))
                order.append(name)

            await asyncio.gather(asked("later", 0.4), asked("now", 0.0), asked("then", 0.0))
            await scanner.aclose()
        return order

    assert run("uvloop", work()) == ["now", "then", "later"]


def test_what_this_machine_lacks_is_tried_again_and_no_fact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once short of descriptors it is asked again; short each time, nothing was asked."""
    real = connect.open_socket
    short = 1

    def open_socket(address: str, port: int) -> Any:  # noqa: ANN401
        nonlocal short
        short -= 1
        return connect.Refusal(errno=errno.EMFILE) if short >= 0 else real(address, port)

    monkeypatch.setattr(connect, "open_socket", open_socket)

    async def work() -> tuple[bool, str]:
        nonlocal short
        async with servers.serving(servers.answers) as port:
            scanner = scanner_of((), ScanConfig())
            target = at("127.0.0.1", port)
            completed = (await scanner.ask(target, ASK)).completed
            short = 1_000
            reason = await reason_of(scanner.ask(target, ASK))
            await scanner.aclose()
        return completed, reason

    assert run("uvloop", work()) == (True, asking.EXHAUSTED)


def test_a_bug_of_ours_is_told_to_whoever_asked() -> None:
    """Its traceback, and the next question is put as ever."""

    def breaks(*_: object) -> None:
        raise RuntimeError("planted")

    async def work() -> bool:
        client = PretendClient()
        whole = client.client
        async with servers.serving(servers.answers) as port:
            client.client = replace(whole, converse_as=breaks)  # type: ignore[arg-type]
            broken = scanner_of((), ScanConfig(), client)
            with pytest.raises(RuntimeError, match="planted"):
                await broken.ask(at("127.0.0.1", port), ASK)
            with pytest.raises(RuntimeError, match="planted"):
                await broken.ask(at("127.0.0.1", port), ASK)
            idle = broken.in_flight == 0
            await broken.aclose()
            return idle

    assert run("uvloop", work())


# -- beside a proxy ---------------------------------------------------------------------


def test_directly_and_through_the_proxy() -> None:
    """The same question goes either way, and says which."""
    asked = proxies.Asked()
    recorder = Recorder(b"SSH-2.0-x\r\n")

    async def work() -> tuple[HandshakeFacts, HandshakeFacts, Trace | None]:
        async with (
            servers.serving(recorder) as port,
            servers.serving(proxies.http_proxy(asked)) as proxy,
        ):
            config = replace(QUIET, proxy=f"http://127.0.0.1:{proxy}")
            async with asking_scanner(config) as scanner:
                target = at("127.0.0.1", port)
                through = await scanner.ask(target, ASK)
                direct = await scanner.ask(target, replace(ASK, through_proxy=False))
                return through, direct, await scanner.trace("127.0.0.1", port)

    through, direct, traced = run("uvloop", work())

    assert through.proxy.startswith("http://127.0.0.1:")
    assert direct.proxy == ""
    assert through.first_octets == direct.first_octets == b"SSH-2.0-x\r\n"
    assert len(asked.places) == 1
    assert traced is None


def test_a_hello_through_a_proxy_is_in_two_segments_too() -> None:
    """The proxy's own request is one, the hello behind its answer two."""
    recorder = Recorder()

    async def work() -> None:
        async with (
            servers.serving(recorder) as port,
            servers.serving(proxies.http_proxy(proxies.Asked())) as proxy,
        ):
            config = replace(QUIET, proxy=f"http://127.0.0.1:{proxy}")
            async with asking_scanner(config) as scanner:
                await scanner.ask(at("127.0.0.1", port), replace(ASK, cut=Cut.SEGMENTS))

    run("uvloop", work())

    assert len(recorder.reads[0]) == 2
    assert NAME.encode() in recorder.heard


@pytest.mark.parametrize(
    "ask", [replace(ASK, hops=3), replace(ASK, address="", through_proxy=False)]
)
def test_what_cannot_be_asked_is_the_callers(ask: Ask) -> None:
    """Hops are the direct way's, which needs an address."""

    async def work() -> None:
        async with servers.serving(servers.stays_silent) as port:
            config = replace(QUIET, proxy=f"http://127.0.0.1:{port}")
            async with asking_scanner(config) as scanner:
                with pytest.raises(UsageError):
                    await scanner.ask(at("127.0.0.1", port), ask)

    run("uvloop", work())

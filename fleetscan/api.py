"""The Python API: targets in, one result for each out.

Composes what the layers below do: the engine probes, `facts` says what was seen,
`fleet.judging` concludes, `output` writes it down.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from fleetscan.diagnosis.choice import next_experiment
from fleetscan.engine.checks import check_config, check_target, dependable_clock
from fleetscan.engine.config import ScanConfig
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.engine.probe import Client
from fleetscan.engine.route import Route, find_route
from fleetscan.engine.scanner import Scanner
from fleetscan.engine.source import Item
from fleetscan.errors import OutputError, UsageError
from fleetscan.experiment import Cut, Speech
from fleetscan.facts import MalformedCertificate, fold
from fleetscan.fleet.choosing import hello_profile, offered_protocols
from fleetscan.fleet.diagnosing import Diagnoses, diagnoses
from fleetscan.fleet.fetching import Fetching
from fleetscan.fleet.judging import CertificateCache, Judge, Judged, broken
from fleetscan.fleet.result import Result, Stats
from fleetscan.fleet.state import State
from fleetscan.fleet.verdicts import Verdicts
from fleetscan.inventory.excludes import Excludes
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.target import Target
from fleetscan.output.envelope import new_run_id
from fleetscan.output.record import RunContext, to_record
from fleetscan.pki.policy_file import load_policy
from fleetscan.pki.trust import TrustStore, load_trust, public_roots
from fleetscan.tls.conversation import ENTROPY_OCTETS, Conversation
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.plain_question import PlainQuestion, http_request

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.experiment import Ask

__all__ = [
    "OnCertificate",
    "Result",
    "Scan",
    "Stats",
    "Targets",
    "diagnose_one",
    "scan",
    "scan_one",
]

Targets: TypeAlias = str | Iterable[str | Item] | AsyncIterable[str | Item]
"""Texts as the command line takes them, `Target`s, or what `fleetscan.inventory` reads."""

OnCertificate: TypeAlias = Callable[["Certificate | MalformedCertificate", float], None]

MAX_WARNINGS: Final = 100
"""Warnings of one scan that are passed on; a bug that every target meets is told often enough."""


class Scan:
    """One scan: an asynchronous iterator of results, in the order in which they are final.

    Used with `async with`, or iterated to its end, it leaves nothing behind. When the
    consumer is slow no new probes are started. Can be iterated once.

    Args:
        targets: what to scan.
        config: how.
        run_id: the run's name in every line; made from the clock when it is empty.
        on_certificate: told of each certificate first seen in this run, and when (Unix
            seconds), before the result that has it.
        warn: told what the user should know, one line or one traceback each. What either
            of the two raises is the caller's own and costs no result.

    Raises:
        UsageError: the configuration cannot be used: a trust file, an exclude, a number, a
            proxy.

    A target that cannot be scanned (a port of 70,000) ends the iteration with `UsageError`,
    after the results of those before it. Cancelling a wait for the next result gives the
    whole scan up.
    """

    def __init__(
        self,
        targets: Targets,
        config: ScanConfig | None = None,
        *,
        run_id: str = "",
        on_certificate: OnCertificate | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._warn_user = warn
        self._warnings = 0
        config = config or ScanConfig()
        check_config(config)
        self._clock = dependable_clock(config.clock, self._warn)
        self._config = replace(config, clock=self._clock)
        self._targets = targets
        self._excludes = Excludes(self._config.excludes)
        self._on_certificate = on_certificate
        self._trust = load_trust(self._config.trust, environ=os.environ)
        for line in self._trust.refused:
            self._warn(f"not trusted: {line}")
        state = self._config.state
        self._state = State(state, warn=self._warn) if state else None
        earlier = self._state.certificates if self._state is not None else ()
        policy = load_policy(self._config.policy)
        self._judge = Judge(
            self._trust,
            warn=self._warn,
            earlier=earlier,
            policy=policy,
            public_roots=public_roots(),
        )
        self._verdicts = Verdicts(self._judge)
        self._fetching: Fetching | None = None
        self._route: Route | None = None
        self._scanner: Scanner | None = None
        self._results: AsyncGenerator[Result, None] | None = None
        self._stats = Stats()
        self._begun: float | None = None
        self._ended: float | None = None
        self._stop = ""
        # Whether nobody is inside `_run`: set while it has not begun, between two results,
        # and after its end.
        self._idle = asyncio.Event()
        self._idle.set()
        self.state_error = ""
        """Why what this run has seen is not kept for the next; `""` when it is, or need not be."""
        self.run = RunContext(
            run_id=run_id or new_run_id(self._clock(), os.urandom(3)),
            vantage=self._config.vantage or socket.gethostname(),
        )

    @property
    def trust(self) -> TrustStore:
        """The anchors that paths are checked against."""
        return self._trust

    @property
    def stats(self) -> Stats:
        """How far it is; the same object each time, brought up to date."""
        stats = self._stats
        if self._scanner is not None:
            stats.in_flight = self._scanner.in_flight
            stats.not_scanned = self._scanner.not_scanned
        stats.held = self._verdicts.waiting
        if self._begun is not None:
            stats.elapsed = (self._ended or time.monotonic()) - self._begun
        return stats

    # -- running ---------------------------------------------------------------------

    async def prepare(self) -> None:
        """Find what the whole scan depends on, which is the proxy's address, if it has one.

        Iterating does it too; calling it before shows early what cannot work.

        Raises:
            UsageError: the proxy's name has no address.
        """
        if self._route is None:
            self._route = await find_route(self._config)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up what is not finished."""
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Result]:
        """Begin to scan.

        Raises:
            UsageError: it was iterated before.
        """
        if self._results is not None:
            raise UsageError("a scan runs once: make another with fleetscan.scan(...)")
        self._results = self._run()
        return self._results

    def request_drain(self) -> None:
        """Start nothing more: what is under way ends, the rest is named as interrupted."""
        self._stop = self._stop or "drain"
        self._verdicts.request_drain()
        if self._scanner is not None:
            self._scanner.request_drain()

    def abort(self) -> None:
        """Drop what is under way too. Every listed target still gets its result."""
        self._stop = "abort"
        self._verdicts.abort()
        if self._scanner is not None:
            self._scanner.abort()

    async def aclose(self) -> None:
        """Give up what is not finished and wait until it is gone. Safe to call again.

        A task that waits for a result meanwhile gets the rest as interrupted.
        """
        if self._results is None:
            self._stop = "abort"
            return
        # Ends: an aborted scan gives its next result, or its end, at once, or when its
        # source has hung for the time that the scanner allows.
        while not self._idle.is_set():
            self.abort()
            await self._idle.wait()
        await self._results.aclose()

    async def _run(self) -> AsyncGenerator[Result, None]:
        self._idle.clear()
        try:
            await self.prepare()
        finally:
            self._idle.set()
        self._begun = time.monotonic()
        self._stats.started_at = self._clock()
        scanner = self._scanner = Scanner(
            _items(self._targets),
            self._config,
            client=self._client(),
            excludes=self._excludes,
            warn=self._warn,
            route=self._route,
        )
        self._idle.clear()
        try:
            self._verdicts = await self._by_way_of_others(scanner)
            if self._stop == "abort":
                self.abort()
            elif self._stop:
                self.request_drain()
            async for judged in self._verdicts.of(scanner):
                result = self._finish(judged)
                self._idle.set()
                yield result
                self._idle.clear()
        finally:
            self._idle.clear()
            try:
                await self._leave(scanner)
            finally:
                self._ended = time.monotonic()
                self._idle.set()

    async def _leave(self, scanner: Scanner) -> None:
        """End what is under way, and keep what was seen: also of a run that did not end well."""
        try:
            await self._verdicts.aclose()
        finally:
            await scanner.aclose()
            if self._fetching is not None:
                await self._fetching.aclose()
            if self._state is not None:
                await self._save(self._state)

    async def _by_way_of_others(self, scanner: Scanner) -> Verdicts:
        """The way to verdicts: by what is asked again, and those who are to be asked."""
        rooms = () if self._config.diagnose == "never" else (self._diagnoses(scanner),)
        if not (self._config.fetch or self._config.revocation):
            return Verdicts(self._judge, rooms=rooms)
        self._fetching = Fetching(self._config, self._excludes, warn=self._warn)
        return await self._fetching.verdicts(self._judge, clock=self._clock, rooms=rooms)

    def _diagnoses(self, scanner: Scanner) -> Diagnoses:
        return diagnoses(
            self._config, self._judge, scanner, next_experiment, run=self.run, warn=self._warn
        )

    async def _save(self, state: State) -> None:
        seen = tuple(self._judge.known.of_this_run())
        try:
            await asyncio.to_thread(state.save, seen, now=self._clock())
        except OutputError as failed:
            self.state_error = str(failed)
            self._warn(self.state_error)

    # -- one target --------------------------------------------------------------------

    def _finish(self, judged: Judged) -> Result:
        if judged.outcome.internal_error:
            self._warn(_internal_error_text(judged.outcome))
        try:
            record = self._record(judged)
        except Exception:  # noqa: BLE001  our own bug: this target's result says so
            judged, record = self._last_words(judged)
        result = Result(
            target=judged.outcome.target,
            address=judged.outcome.address,
            record=record,
            verdict=judged.verdict,
            facts=judged.outcome.facts,
            tried=() if judged.lender else judged.tried,
            path=judged.path,
        )
        self._stats.count(result)
        return result

    def _record(self, judged: Judged) -> dict[str, Any]:
        return to_record(
            outcome=judged.outcome, verdict=judged.verdict, path=judged.path, run=self.run
        )

    def _last_words(self, judged: Judged) -> tuple[Judged, dict[str, Any]]:
        """A result without what may have failed; call while handling it."""
        judged = broken(judged.outcome)
        self._warn(_internal_error_text(judged.outcome))
        try:
            return judged, self._record(judged)
        except Exception:  # noqa: BLE001  then it is the target itself that cannot be written
            target = judged.outcome.target
            bare = Target(input=ascii(target.input), origin="listed", port=target.port)
            outcome = replace(judged.outcome, target=bare)
            return judged, self._record(replace(judged, outcome=outcome))

    # -- what the engine is given ---------------------------------------------------------

    def _client(self) -> Client:
        cache = CertificateCache(self._first_seen)
        key_shares = KeyShares()
        config = self._config
        profile = hello_profile(config)
        first_flight_only = config.handshake == "first-flight"

        def converse(target: Target) -> Conversation:
            return Conversation(
                server_name=target.server_name,
                profile=profile,
                key_shares=key_shares,
                entropy=os.urandom(ENTROPY_OCTETS),
                alpn=offered_protocols(config, target),
                starttls=target.starttls,
                identity=config.client_identity,
                first_flight_only=first_flight_only,
            )

        def converse_as(target: Target, ask: Ask) -> Conversation | PlainQuestion:
            if ask.speech is Speech.LISTEN:
                return PlainQuestion()
            if ask.speech is Speech.HTTP:
                host = ask.server_name or ask.address or target.host
                return PlainQuestion(http_request(host, target.port))
            return Conversation(
                server_name=ask.server_name,
                profile=ask.profile,
                key_shares=key_shares,
                entropy=os.urandom(ENTROPY_OCTETS),
                alpn=ask.alpn,
                starttls=ask.starttls,
                identity=config.client_identity if ask.with_identity else None,
                first_flight_only=first_flight_only,
                two_records=ask.cut is Cut.RECORDS,
            )

        parsing = partial(fold, parse=cache.parse)
        return Client(converse=converse, converse_as=converse_as, fold=parsing)

    def _first_seen(self, certificate: Certificate | MalformedCertificate) -> None:
        if self._on_certificate is None:
            return
        try:
            self._on_certificate(certificate, self._clock())
        except Exception:  # noqa: BLE001  the caller's own code: no target is to blame
            self._warn(f"on_certificate failed:\n{traceback.format_exc()}")

    def _warn(self, text: str) -> None:
        if self._warn_user is None:
            return
        self._warnings += 1
        # What cannot be told, because the caller's own code fails, must not cost a result.
        with suppress(Exception):
            if self._warnings <= MAX_WARNINGS:
                self._warn_user(text)
            if self._warnings == MAX_WARNINGS:
                self._warn_user("further warnings of this scan are not shown")


def scan(
    targets: Targets,
    config: ScanConfig | None = None,
    *,
    run_id: str = "",
    on_certificate: OnCertificate | None = None,
    warn: Callable[[str], None] | None = None,
) -> Scan:
    """Scan targets: `async for result in fleetscan.scan(["www.example.org"]): ...`.

    Args and errors are those of `Scan`.
    """
    return Scan(targets, config, run_id=run_id, on_certificate=on_certificate, warn=warn)


async def scan_one(target: str | Target, config: ScanConfig | None = None) -> Result:
    """Scan one target and give its result; of a name with several addresses the first is taken.

    Raises:
        UsageError: the text names none or several targets, or the configuration cannot be used.
    """
    if isinstance(target, str):
        spec = parse_target(target)
        if spec.count != 1:
            raise UsageError(f"{target!r} stands for {spec.count} targets: use fleetscan.scan")
        target = spec.target_at(0)
    first = replace(config or ScanConfig(), addresses="first")
    async with Scan([target], first) as one:
        async for result in one:
            return result
    raise UsageError("nothing to scan")


async def diagnose_one(target: str | Target, config: ScanConfig | None = None) -> Result:
    """Scan one target and, where it fails, find out why: its result has what was `tried`.

    As `scan_one`, whatever `ScanConfig.diagnose` says.

    Raises:
        UsageError: the text names none or several targets, or the configuration cannot be used.
    """
    return await scan_one(target, replace(config or ScanConfig(), diagnose="failed"))


def _items(targets: Targets) -> Iterator[Item] | AsyncIterator[Item]:
    """Targets and ranges, with texts read on the way."""
    if isinstance(targets, str):
        return iter((parse_target(targets),))
    if isinstance(targets, AsyncIterable):
        return _read_async(targets)
    return (_read(item) for item in targets)


async def _read_async(targets: AsyncIterable[str | Item]) -> AsyncGenerator[Item, None]:
    async for item in targets:
        yield _read(item)


def _read(item: str | Item) -> Item:
    if isinstance(item, str):
        return parse_target(item)
    return check_target(item) if isinstance(item, Target) else item


def _internal_error_text(outcome: ProbeOutcome) -> str:
    """A bug of ours, for a person who is asked to report it."""
    place = outcome.address or outcome.target.host or outcome.target.address
    return f"internal error on {place} port {outcome.target.port}:\n{outcome.internal_error}"

"""Runs the probes of one scan: pulls targets, paces them, yields one outcome for each.

The engine knows no causes and no output. It promises: every target that was pulled gives
exactly one outcome for each address, whatever the peer, this machine or our own code does;
one target never stalls another; what waits is bounded by the concurrency and not by the
inventory.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final

from fleetscan.engine.asking import EXCLUDED, INTERRUPTED, Asker, Excluder, Question, withdraw
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.engine.pacing import Job, Pacing
from fleetscan.engine.probe import Attempt, Client, attempt
from fleetscan.engine.resolve import Resolution, Resolver
from fleetscan.engine.source import Source, Targets
from fleetscan.engine.throttle import Throttle, bounds_within_limits
from fleetscan.tls.events import ProxyUsed, Resolved, ResolveFailed

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.engine.route import Route
    from fleetscan.engine.trace import Trace
    from fleetscan.experiment import Ask
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.tls.events import Event

READ_AHEAD: Final = 4
"""Targets pulled and not finished, as a multiple of the concurrency: enough to find work
elsewhere when the next ones all lie in one prefix that is full."""

MIN_READ_AHEAD: Final = 256

_DRAIN_SOURCE_S: Final = 5.0
"""How long a source that has stopped giving (a pipe) is waited for after `request_drain`."""

_YIELD_EVERY: Final = 128


@dataclass(frozen=True, slots=True)
class _Work:
    """One target at one address, waiting or under way."""

    target: Target
    address: str
    resolution: Resolution | None


class Scanner:
    """An asynchronous iterator of `ProbeOutcome`. One use, inside one running loop.

    Args:
        targets: pulled lazily; `Target`s and ranges of them.
        config: bounds and deadlines.
        client: makes conversations and facts.
        excludes: addresses that are never scanned, whatever the targets say.
        warn: told what the user should know, one line each.
        route: the proxy that every connection is made through; None for the direct way.
    """

    def __init__(
        self,
        targets: Targets,
        config: ScanConfig,
        *,
        client: Client,
        excludes: Excluder,
        warn: Callable[[str], None],
        route: Route | None = None,
    ) -> None:
        self._route = route
        self._source = Source(targets)
        self._config = config
        self._client = client
        self._excludes = excludes
        self._warn = warn
        self._clock = config.clock or time
        self._loop = asyncio.get_running_loop()
        self._pacing: Pacing[_Work | Question[Any]] = Pacing(bounds_within_limits(config, warn))
        self._throttle = Throttle(self._pacing, warn)
        self._window = max(self._pacing.concurrency * READ_AHEAD, MIN_READ_AHEAD)
        self._concurrency = self._pacing.concurrency
        self._resolver = Resolver(config.nameservers, deadline_s=config.deadlines.resolve)
        self._outcomes: deque[ProbeOutcome] = deque()
        self._open = 0  # addresses (or names) pulled whose outcome is not made yet
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asker = Asker(
            config,
            client=client,
            excludes=excludes,
            route=route,
            pacing=self._pacing,
            throttle=self._throttle,
            tasks=self._tasks,
            pump=self._pump,
        )
        self._feeder: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._pulled = 0
        self._room: asyncio.Future[None] | None = None
        self._consumer: asyncio.Future[None] | None = None
        self._source_error: Exception | None = None
        self._fed = False
        self._draining = False
        self._aborting = False

    @property
    def in_flight(self) -> int:
        """Probes under way."""
        return self._pacing.in_flight

    @property
    def not_scanned(self) -> int:
        """Targets of ranges that were only counted, because the scan was told to stop."""
        return self._source.unscanned

    # -- for the consumer ----------------------------------------------------------

    def __aiter__(self) -> Scanner:
        """Itself."""
        return self

    async def __anext__(self) -> ProbeOutcome:
        """Give the next outcome, in the order in which targets finish.

        After the last one questions can still be asked, until `aclose`.

        Raises:
            StopAsyncIteration: every target has its outcome.
            Exception: what the source of targets raised, after all outcomes were given.
        """
        if self._feeder is None:
            self._feeder = self._loop.create_task(self._feed())
        while not self._outcomes:
            if self._fed and self._open == 0:
                await self._resolver.aclose()
                if self._source_error is not None:
                    raise self._source_error
                raise StopAsyncIteration
            self._consumer = self._loop.create_future()
            await self._consumer
        outcome = self._outcomes.popleft()
        if len(self._outcomes) == self._concurrency - 1:
            self._pump()  # a slow consumer had stopped the starting of probes
        self._make_room()
        return outcome

    async def ask(self, target: Target, ask: Ask) -> HandshakeFacts:
        """Make one more connection to a target, as `ask` says, and give what was seen.

        It waits for its turn as first probes do, before those that have not started, and
        also while nobody takes outcomes.

        Raises:
            NotAskedError: the address is excluded, the scan was told to stop, or this machine
                was out of something; nothing follows for the target.
            UsageError: there is no such connection: hops through a proxy, no address.
            RuntimeError: our own code failed; the text is its traceback.
        """
        return await self._asker.ask(target, ask)

    async def trace(self, address: str, port: int) -> Trace | None:
        """Find how many hops away a server is, once in a run for each /24 or /48.

        Returns:
            None when it cannot be told for sure, for another address or port of a prefix that
            was traced, beyond `limits.MAX_TRACES`, and in a scan through a proxy.

        Raises:
            NotAskedError: as of `ask`.
        """
        return await self._asker.trace(address, port)

    def request_drain(self) -> None:
        """Start nothing more: what is under way ends, the rest is named as interrupted."""
        if self._draining:
            return
        self._draining = True
        self._asker.stop()
        for work in self._pacing.withdraw():
            if isinstance(work, Question):
                withdraw(work)
            else:
                self._interrupt(work.target, work.address)
        if self._feeder is not None and not self._feeder.done():
            self._watch_source(None)
        self._make_room()

    def _watch_source(self, before: tuple[int, int] | None) -> None:
        """While draining, wait for a source that still gives and leave one that hangs."""
        if self._feeder is None or self._feeder.done():
            return
        progress = (self._pulled, self._source.unscanned)
        for_room = self._room is not None and not self._room.done()
        if progress == before and not for_room:
            self._feeder.cancel()
            return
        self._watch = self._loop.call_later(_DRAIN_SOURCE_S, self._watch_source, progress)

    def abort(self) -> None:
        """Drain, and drop what is under way; it is named as interrupted too."""
        self.request_drain()
        self._aborting = True
        for task in tuple(self._tasks):
            task.cancel()

    async def aclose(self) -> None:
        """Give everything up and wait until it is gone. Safe to call again."""
        self._draining = self._aborting = True
        self._asker.stop()
        for work in self._pacing.withdraw():
            if isinstance(work, Question):
                withdraw(work)
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()
        self._timer = self._watch = None
        tasks = [*self._tasks]
        if self._feeder is not None and not self._feeder.done():
            tasks.append(self._feeder)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._resolver.aclose()

    # -- pulling targets -------------------------------------------------------------

    async def _feed(self) -> None:
        try:
            while not self._draining:
                if self._open >= self._window or len(self._outcomes) >= self._concurrency:
                    await self._wait_for_room()
                    continue
                target = await self._source.pull()
                if target is None:
                    return
                self._open += 1
                self._admit(target)
                self._pulled += 1
                if self._pulled % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)  # a source without awaits must not stop the loop
            await self._feed_rest()
        except asyncio.CancelledError:
            # Ours means that we stop. One that the source raised by itself is no end of it.
            if not self._draining:
                self._source_error = RuntimeError("the source of targets was cancelled")
        except Exception as failed:  # noqa: BLE001  the source's own; raised by __anext__
            self._source_error = failed
        finally:
            self._fed = True
            self._wake_consumer()

    async def _feed_rest(self) -> None:
        """Name what is left of the listed targets once a drain was asked for."""
        async for target in self._source.rest():
            while len(self._outcomes) >= self._window:
                await self._wait_for_room()
            self._open += 1
            self._pulled += 1
            self._interrupt(target, target.address)

    def _admit(self, target: Target) -> None:
        """Take one pulled target; an error of ours is that target's alone."""
        try:
            if target.address:
                self._submit(target, target.address, None)
            elif self._route is not None and self._config.proxy_names:
                self._submit(target, "", None)
            elif (known := self._resolver.remembered(target.host)) is not None:
                self._resolved(target, known)
            else:
                task = self._loop.create_task(self._resolver.resolve(target.host))
                self._tasks.add(task)
                task.add_done_callback(partial(self._resolve_done, target))
        except Exception:  # noqa: BLE001  a target always gets its outcome
            self._fail(target, target.address)
        self._pump()

    def _submit(self, target: Target, address: str, resolution: Resolution | None) -> None:
        if self._draining:
            self._interrupt(target, address)
        elif address and self._excludes.contains(address):
            self._emit(self._outcome(target, address, skipped=EXCLUDED))
        else:
            self._pacing.submit(address, _Work(target, address, resolution), name=target.host)

    def _resolve_done(self, target: Target, task: asyncio.Task[Resolution]) -> None:
        self._tasks.discard(task)
        try:
            if task.cancelled() or self._draining:
                self._interrupt(target, "")
            else:
                self._resolved(target, task.result())
        except Exception:  # noqa: BLE001  a target always gets its outcome
            self._fail(target, "")
        self._pump()

    def _resolved(self, target: Target, resolution: Resolution) -> None:
        if resolution.failure is not None:
            event = ResolveFailed(monotonic(), resolution.failure, resolution.detail)
            self._emit(self._outcome(target, "", events=(event,)))
            return
        addresses = resolution.addresses
        if resolution.found > len(addresses):
            self._warn(
                f"{target.host} has {resolution.found} addresses; "
                f"the first {len(addresses)} are scanned"
            )
        if self._config.addresses == "first":
            addresses = addresses[:1]
        self._open += len(addresses) - 1
        for address in addresses:
            try:
                self._submit(target, address, resolution)
            except Exception:  # noqa: BLE001  one address must not cost the others
                self._fail(target, address)

    # -- starting probes -------------------------------------------------------------

    def _pump(self) -> None:
        """Start what may start now, and come back when time alone lets more start."""
        now = monotonic()
        # While nobody takes the outcomes of first probes, no more of those are started.
        asked_only = len(self._outcomes) >= self._concurrency
        while not self._draining:
            job = self._pacing.next_ready(now, asked_only=asked_only)
            if job is None:
                break
            self._start(job)
        wake_at = self._pacing.wake_at(now, asked_only=asked_only)
        if wake_at is None or self._draining:
            return
        if self._timer is not None:
            if self._timer_at <= wake_at:
                return
            self._timer.cancel()
        self._timer_at = wake_at
        self._timer = self._loop.call_later(max(wake_at - now, 0.001), self._on_timer)

    def _start(self, job: Job[Any]) -> None:
        if isinstance(job.work, Question):
            self._asker.start(job)
            return
        task = self._loop.create_task(self._probe(job.work))
        self._tasks.add(task)
        task.add_done_callback(partial(self._probe_done, job))

    def _on_timer(self) -> None:
        self._timer = None
        self._pump()

    def _probe_done(self, job: Job[Any], task: asyncio.Task[ProbeOutcome]) -> None:
        # Here and not at the end of the task: a task that is cancelled before its first step
        # never reaches its end.
        self._tasks.discard(task)
        self._pacing.finished(job, monotonic())
        target, address = job.work.target, job.work.address
        try:
            if task.cancelled():  # by `abort` or `aclose`, with every other one
                self._interrupt(target, address)
            else:
                self._emit(task.result())
        except Exception:  # noqa: BLE001  a target always gets its outcome
            self._fail(target, address)
        self._pump()

    async def _probe(self, work: _Work) -> ProbeOutcome:
        deadlines = self._config.deadlines
        started = monotonic()
        before: list[Event] = []
        if work.resolution is not None:
            before.append(Resolved(started, work.resolution.elapsed_s))
            started -= work.resolution.elapsed_s
        if self._route is not None:
            before.append(ProxyUsed(monotonic(), self._route.proxy.shown))
        total_at = started + deadlines.total
        make = partial(
            attempt, self._client, work.target, work.address, deadlines, total_at, self._route
        )
        tried, probes = await self._throttle.persist(make, total_at)
        return self._outcome_of(work, before, tried, probes)

    # -- outcomes ------------------------------------------------------------------------

    def _outcome_of(
        self, work: _Work, before: list[Event], tried: Attempt, probes: int
    ) -> ProbeOutcome:
        if self._aborting:
            return self._outcome(work.target, work.address, skipped=INTERRUPTED, probes=probes)
        return self._outcome(
            work.target,
            work.address,
            events=(*before, *tried.events),
            internal_error=tried.internal_error,
            probes=probes,
        )

    def _outcome(
        self,
        target: Target,
        address: str,
        *,
        events: Sequence[Event] = (),
        skipped: str = "",
        internal_error: str = "",
        probes: int = 0,
    ) -> ProbeOutcome:
        facts = None
        if events:
            try:
                facts = self._client.fold(events)
            except Exception:  # noqa: BLE001  our own bug: told, and the scan goes on
                internal_error = internal_error or traceback.format_exc()
        return ProbeOutcome(
            target=target,
            address=address,
            facts=facts,
            skipped=skipped,
            internal_error=internal_error,
            probes=probes,
            ended_at=self._clock(),
        )

    def _interrupt(self, target: Target, address: str) -> None:
        self._emit(self._outcome(target, address, skipped=INTERRUPTED))

    def _fail(self, target: Target, address: str) -> None:
        """The outcome of a target on which our own code failed; call while handling it."""
        self._emit(self._outcome(target, address, internal_error=traceback.format_exc()))

    def _emit(self, outcome: ProbeOutcome) -> None:
        self._open -= 1
        self._outcomes.append(outcome)
        self._wake_consumer()
        self._make_room()

    # -- waking whoever waits ----------------------------------------------------------------

    def _wake_consumer(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    async def _wait_for_room(self) -> None:
        self._room = self._loop.create_future()
        await self._room

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

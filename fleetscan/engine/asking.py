"""Connections that a diagnosis asks for, beside the first probes of a scan and paced with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from fleetscan import limits
from fleetscan.engine.pacing import keys_of
from fleetscan.engine.probe import attempt
from fleetscan.engine.trace import Hop, Trace, ask_hop, trace
from fleetscan.errors import FleetscanError, UsageError
from fleetscan.tls.events import ProxyUsed

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.engine.pacing import Job, Pacing
    from fleetscan.engine.probe import Client
    from fleetscan.engine.route import Route
    from fleetscan.engine.throttle import Throttle
    from fleetscan.experiment import Ask
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.tls.events import Event

AnswerT = TypeVar("AnswerT")

EXCLUDED: Final = "excluded"
INTERRUPTED: Final = "interrupted"
EXHAUSTED: Final = "exhausted"


class Excluder(Protocol):
    """What must never be scanned (`inventory.excludes.Excludes`)."""

    def contains(self, address: str) -> bool:
        """Whether this address must not be scanned."""


class NotAskedError(FleetscanError):
    """A question was not put, so nothing follows for the target.

    Args:
        reason: `excluded` (its address must not be scanned), `interrupted` (the scan was told
            to stop) or `exhausted` (this machine was out of something each time it tried).
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True, eq=False)
class Question(Generic[AnswerT]):
    """One connection that somebody waits for: its turn, then its end."""

    connect: Callable[[], Coroutine[Any, Any, AnswerT]]
    answer: asyncio.Future[AnswerT]
    task: asyncio.Task[AnswerT] | None = None


@dataclass(slots=True, eq=False)
class _Traced:
    """The one trace into a prefix."""

    place: tuple[str, int]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    done: bool = False
    trace: Trace | None = None


class Asker:
    """Puts questions to targets, each a connection paced like any other.

    Args:
        config: bounds and deadlines.
        client: makes conversations and facts.
        excludes: addresses that are never asked.
        route: the proxy of the scan; None for the direct way.
        pacing: shared with the first probes.
        throttle: told when this machine is out of something.
        tasks: where connections under way are kept, for whoever ends them all.
        pump: starts what may start now.
    """

    def __init__(
        self,
        config: ScanConfig,
        *,
        client: Client,
        excludes: Excluder,
        route: Route | None,
        pacing: Pacing[Any],
        throttle: Throttle,
        tasks: set[asyncio.Task[Any]],
        pump: Callable[[], None],
    ) -> None:
        self._config = config
        self._client = client
        self._excludes = excludes
        self._route = route
        self._pacing = pacing
        self._throttle = throttle
        self._tasks = tasks
        self._pump = pump
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._traced: dict[bytes, _Traced] = {}

    # -- for whoever asks ------------------------------------------------------------

    async def ask(self, target: Target, ask: Ask) -> HandshakeFacts:
        """`Scanner.ask`."""
        route = self._route if ask.through_proxy else None
        if ask.hops and route is not None:
            raise UsageError("hops are counted on the direct way: ask without the proxy")
        if not ask.address and route is None:
            raise UsageError("only a proxy can be asked about a target without an address")
        self._check(ask.address)
        await self._wait(ask.delay_s)
        connect = partial(self._connect, target, ask, route)
        return await self._put(ask.address, target.host, connect)

    async def trace(self, address: str, port: int) -> Trace | None:
        """`Scanner.trace`."""
        self._check(address)
        if self._route is not None:
            return None
        _, prefix = keys_of(address)
        traced = self._traced.get(prefix)
        if traced is None:
            if len(self._traced) >= limits.MAX_TRACES:
                return None
            traced = self._traced[prefix] = _Traced((address, port))
        elif traced.place != (address, port):
            return None
        async with traced.lock:
            if not traced.done:
                traced.trace = await self._trace(address, port)
                traced.done = True
        return traced.trace

    # -- for the scanner -------------------------------------------------------------

    def stop(self) -> None:
        """Put no more questions; those that wait for their turn are the scanner's to withdraw."""
        self._stopped.set()

    def start(self, job: Job[Any]) -> None:
        """Make the connection of a question whose turn has come."""
        question: Question[Any] = job.work
        if question.answer.done():  # whoever asked has gone
            self._pacing.finished(job, monotonic())
            return
        task = question.task = self._loop.create_task(question.connect())
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, job))

    def _done(self, job: Job[Any], task: asyncio.Task[Any]) -> None:
        # Here and not at the end of the task: a task that is cancelled before its first step
        # never reaches its end.
        self._tasks.discard(task)
        self._pacing.finished(job, monotonic())
        answer: asyncio.Future[Any] = job.work.answer
        failed = None if task.cancelled() else task.exception()
        if answer.done():
            pass  # whoever asked has gone
        elif task.cancelled():  # by `abort` or `aclose`, with every other one
            withdraw(job.work)
        elif failed is not None:
            answer.set_exception(failed)
        else:
            answer.set_result(task.result())
        self._pump()

    # -- inside ----------------------------------------------------------------------

    def _check(self, address: str) -> None:
        if address and self._excludes.contains(address):
            raise NotAskedError(EXCLUDED)

    async def _wait(self, delay_s: float) -> None:
        """Let time pass, in which nothing else waits for it, and no more once all is stopped."""
        if delay_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stopped.wait()

    async def _put(
        self, address: str, name: str, connect: Callable[[], Coroutine[Any, Any, AnswerT]]
    ) -> AnswerT:
        """Wait for a turn, have the connection made and give what it gave."""
        if self._stopped.is_set():
            raise NotAskedError(INTERRUPTED)
        question = Question(connect, self._loop.create_future())
        self._pacing.submit(address, question, name=name, asked=True)
        self._pump()
        try:
            answer: AnswerT = await question.answer
            return answer
        finally:
            if question.task is not None:
                question.task.cancel()  # of a task that is done nothing comes

    async def _connect(self, target: Target, ask: Ask, route: Route | None) -> HandshakeFacts:
        deadlines = self._config.deadlines
        if ask.hops:
            deadlines = replace(deadlines, first_octet=min(deadlines.first_octet, limits.HOPS_S))
        started = monotonic()
        before: list[Event] = []
        if route is not None:
            before.append(ProxyUsed(started, route.proxy.shown))
        total_at = started + deadlines.total
        make = partial(attempt, self._client, target, ask.address, deadlines, total_at, route, ask)
        made, _ = await self._throttle.persist(make, total_at)
        if made.exhausted is not None:
            raise NotAskedError(EXHAUSTED)
        if made.internal_error:
            raise RuntimeError(made.internal_error)
        return self._client.fold((*before, *made.events))

    async def _trace(self, address: str, port: int) -> Trace | None:
        deadline_s = min(limits.TRACE_HOP_S, self._config.deadlines.connect)

        def ask(hops: int) -> Coroutine[Any, Any, Hop]:
            return self._put(address, "", partial(ask_hop, address, port, hops, deadline_s))

        try:
            async with asyncio.timeout(limits.TRACE_S):
                return await trace(ask)
        except TimeoutError:
            return None


def withdraw(question: Question[Any]) -> None:
    """Tell whoever waits for an answer that none comes."""
    if not question.answer.done():
        question.answer.set_exception(NotAskedError(INTERRUPTED))

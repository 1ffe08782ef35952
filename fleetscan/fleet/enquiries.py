"""Results that wait for an answer from elsewhere, off the way of those that do not."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Final, Protocol

from fleetscan import limits
from fleetscan.fleet.judging import Judged, internal_error

TIMEOUT: Final = "timeout"
INTERRUPTED: Final = "interrupted"


class Enquirer(Protocol):
    """Asks somebody about a target before its result is final."""

    def wants(self, judged: Judged) -> bool:
        """Whether there is anything to ask about it."""

    async def enquire(self, judged: Judged) -> Judged:
        """Ask, and conclude again with the answer. Can be cancelled at any await."""

    def unanswered(self, judged: Judged, reason: str) -> Judged:
        """Conclude without an answer: `timeout` or `interrupted` says why there is none."""


class WaitingRoom:
    """Lets a stream of results through and keeps those that are asked about until it is done.

    While all seats are taken nothing more is drawn from the stream, so that whoever makes it
    slows down. Every result that goes in comes out once, in the order in which they are final.

    Args:
        enquirer: does the asking. An error of its own costs the one target.
        seats: enquiries under way at once.
        deadline_s: seconds after which one is given up, whatever the enquirer does.
    """

    def __init__(
        self,
        enquirer: Enquirer,
        *,
        seats: int = limits.MAX_ENQUIRIES,
        deadline_s: float = limits.ENQUIRY_DEADLINE_S,
    ) -> None:
        self._enquirer = enquirer
        self._seats = seats
        self._deadline_s = deadline_s
        self._asking: dict[asyncio.Task[Judged], Judged] = {}
        self._pull: asyncio.Task[Judged | None] | None = None
        self._done: deque[Judged] = deque()
        self._woken = asyncio.Event()
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Enquiries under way."""
        return len(self._asking)

    def request_drain(self) -> None:
        """Ask about nothing more; what is under way ends."""
        self._stopped = True

    def abort(self) -> None:
        """Drop what is under way too: those results come out as interrupted."""
        self._stopped = True
        for task in self._asking:
            task.cancel()

    async def through(self, stream: AsyncIterator[Judged]) -> AsyncGenerator[Judged, None]:
        """Give every result of `stream`, each once.

        Raises:
            Exception: what `stream` raised, after everything that it gave.
        """
        failure: Exception | None = None
        ended = False
        try:
            while True:
                while self._done:
                    yield self._done.popleft()
                if self._pull is not None and self._pull.done():
                    pulled, self._pull = self._pull, None
                    try:
                        judged = pulled.result()
                    except Exception as failed:  # noqa: BLE001  raised again below
                        failure, judged = failed, None
                    ended = judged is None
                    if judged is not None:
                        self._admit(judged)
                    continue
                if not ended and self._pull is None and len(self._asking) < self._seats:
                    self._pull = asyncio.create_task(_next(stream))
                    self._pull.add_done_callback(self._wake)
                if self._pull is None and not self._asking:
                    break
                self._woken.clear()
                await self._woken.wait()
        finally:
            await self._leave()
        if failure is not None:
            raise failure

    def _admit(self, judged: Judged) -> None:
        try:
            wanted = self._enquirer.wants(judged)
        except Exception as failed:  # noqa: BLE001  our own bug: this target's result says so
            judged, wanted = _broken(judged, failed), False
        if not wanted:
            self._done.append(judged)
        elif self._stopped:
            self._done.append(self._unanswered(judged, INTERRUPTED))
        else:
            task = asyncio.create_task(self._ask(judged))
            self._asking[task] = judged
            task.add_done_callback(self._asked)

    async def _ask(self, judged: Judged) -> Judged:
        async with asyncio.timeout(self._deadline_s):
            return await self._enquirer.enquire(judged)

    def _asked(self, task: asyncio.Task[Judged]) -> None:
        judged = self._asking.pop(task)
        if task.cancelled():
            answer = self._unanswered(judged, INTERRUPTED)
        elif (failed := task.exception()) is None:
            answer = task.result()
        elif isinstance(failed, TimeoutError):
            answer = self._unanswered(judged, TIMEOUT)
        else:
            answer = _broken(judged, failed)
        self._done.append(answer)
        self._woken.set()

    def _unanswered(self, judged: Judged, reason: str) -> Judged:
        try:
            return self._enquirer.unanswered(judged, reason)
        except Exception as failed:  # noqa: BLE001  our own bug: this target's result says so
            return _broken(judged, failed)

    def _wake(self, _: asyncio.Task[Judged | None]) -> None:
        self._woken.set()

    async def _leave(self) -> None:
        """Give up what is under way, whoever wanted it."""
        tasks: list[asyncio.Task[Judged] | asyncio.Task[Judged | None]] = [*self._asking]
        if self._pull is not None:
            tasks.append(self._pull)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _next(stream: AsyncIterator[Judged]) -> Judged | None:
    return await anext(stream, None)


def _broken(judged: Judged, failed: BaseException) -> Judged:
    text = "".join(traceback.format_exception(failed))
    return internal_error(replace(judged.outcome, facts=None, internal_error=text))

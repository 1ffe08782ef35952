"""The stream of final results of one run: judged at once, held to its end, or asked about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from fleetscan.fleet.judging import Judge, Judged, broken

if TYPE_CHECKING:
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.fleet.missing import MissingIssuers

_YIELD_EVERY: Final = 32


class Room(Protocol):
    """Where results wait for what others say of them; each goes in once and comes out once."""

    @property
    def waiting(self) -> int:
        """How many wait."""

    def request_drain(self) -> None:
        """Ask nothing more; what is under way ends."""

    def abort(self) -> None:
        """Drop what is under way too."""

    def through(self, stream: AsyncIterator[Judged]) -> AsyncGenerator[Judged, None]:
        """Give every result of `stream`, and then what it raised."""


class Verdicts:
    """Makes of each outcome of the engine its one judgement, in the order they are final.

    Args:
        judge: concludes.
        missing: fetches issuers that nobody sent; None when that is not allowed.
        rooms: those that each result goes through, the first one first.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        missing: MissingIssuers | None = None,
        rooms: Sequence[Room] = (),
    ) -> None:
        self._judge = judge
        self._missing = missing
        self._rooms = tuple(rooms)
        self._streams: list[AsyncGenerator[Judged, None]] = []

    @property
    def waiting(self) -> int:
        """Results that are not final yet: held to the end, or asked about."""
        return self._judge.held + sum(room.waiting for room in self._rooms)

    def request_drain(self) -> None:
        """Ask and fetch nothing more; what is under way ends."""
        if self._missing is not None:
            self._missing.request_drain()
        for room in self._rooms:
            room.request_drain()

    def abort(self) -> None:
        """Drop what is under way too; no result is lost by it."""
        if self._missing is not None:
            self._missing.abort()
        for room in self._rooms:
            room.abort()

    def of(self, outcomes: AsyncIterator[ProbeOutcome]) -> AsyncGenerator[Judged, None]:
        """One judgement for each outcome; to be closed with `aclose`.

        Raises:
            Exception: what `outcomes` raised, after everything that it gave.
        """
        stream = self._judged(outcomes)
        self._streams.append(stream)
        for room in self._rooms:
            stream = room.through(stream)
            self._streams.append(stream)
        return stream

    async def aclose(self) -> None:
        """Give up what is not final, from the end of the stream to its beginning."""
        while self._streams:
            await self._streams.pop().aclose()
        self._judge.close()

    async def _judged(self, outcomes: AsyncIterator[ProbeOutcome]) -> AsyncGenerator[Judged, None]:
        failure: Exception | None = None
        while True:
            try:
                outcome = await anext(outcomes, None)
            except Exception as failed:  # noqa: BLE001  raised again below, after the held
                failure = failed
                break
            if outcome is None:
                break
            judged = self._judge_one(outcome)
            if judged is not None:
                yield judged
        if self._missing is not None:
            await self._find(self._missing)
        for count, judged in enumerate(self._judge.release()):
            yield judged
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if failure is not None:
            raise failure

    def _judge_one(self, outcome: ProbeOutcome) -> Judged | None:
        try:
            return self._judge.judge(outcome)
        except Exception:  # noqa: BLE001  our own bug: this target's result says so
            return broken(outcome)

    async def _find(self, missing: MissingIssuers) -> None:
        for count, ends in enumerate(self._judge.open_ends()):
            missing.want(ends)
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        await missing.find()

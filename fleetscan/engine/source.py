"""Where the engine's targets come from: pulled one at a time, and counted when nobody pulls.

A source yields targets, or ranges that make theirs on demand. When a scan is told to stop,
what the user listed is still named one by one; the unexpanded rest of a range is only
counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Final, Protocol, TypeAlias

from fleetscan.inventory.target import Target

_LISTED: Final = "listed"
_YIELD_EVERY: Final = 1_024


class TargetRange(Protocol):
    """One line of an inventory (`inventory.spec.TargetSpec`): many targets, made on demand."""

    @property
    def count(self) -> int:
        """How many targets, by arithmetic alone."""

    @property
    def origin(self) -> str:
        """`listed` when the line names one host, `expanded` when it names a range."""

    def targets(self) -> Iterator[Target]:
        """All of them, one at a time."""


Item: TypeAlias = Target | TargetRange
Targets: TypeAlias = Iterable[Item] | AsyncIterable[Item]


class Source:
    """Pulls targets lazily from an iterable or async iterable of targets and ranges."""

    def __init__(self, items: Targets) -> None:
        self.unscanned = 0
        """Targets that `rest` counted and did not give."""
        self._items: Iterator[Item] | None = None
        self._async_items: AsyncIterator[Item] | None = None
        if isinstance(items, AsyncIterable):
            self._async_items = aiter(items)
        else:
            self._items = iter(items)
        self._range: Iterator[Target] | None = None
        self._range_origin = ""
        self._range_left = 0

    async def pull(self) -> Target | None:
        """Give the next target, None when there are no more. Raises what the source raises."""
        while True:
            if self._range is not None:
                target = next(self._range, None)
                if target is not None:
                    self._range_left -= 1
                    return target
                self._range = None
            item = await self._next_item()
            if item is None or isinstance(item, Target):
                return item
            self._open(item)

    async def rest(self) -> AsyncIterator[Target]:
        """Give what is left of the listed targets; expanded ones are added to `unscanned`."""
        while True:
            if self._range is not None and self._range_origin != _LISTED:
                self.unscanned += self._range_left
                self._range = None
            target = await self._pull_listed()
            if target is None:
                return
            if target.origin == _LISTED:
                yield target
            else:
                self.unscanned += 1
                if self.unscanned % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)  # counting must not stop the loop

    async def _pull_listed(self) -> Target | None:
        while self._range is None:
            item = await self._next_item()
            if item is None or isinstance(item, Target):
                return item
            if item.origin == _LISTED:
                self._open(item)
            else:
                self.unscanned += item.count
        return await self.pull()

    async def _next_item(self) -> Item | None:
        if self._items is not None:
            return next(self._items, None)
        assert self._async_items is not None
        return await anext(self._async_items, None)

    def _open(self, item: TargetRange) -> None:
        self._range = item.targets()
        self._range_origin = item.origin
        self._range_left = item.count

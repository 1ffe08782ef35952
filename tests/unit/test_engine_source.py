"""Targets are pulled lazily, and the rest of a stopped scan is named or counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from fleetscan.engine.source import Item, Source
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.target import Target


async def pull_all(source: Source) -> list[str]:
    """The addresses of everything that is pulled."""
    found = []
    while (target := await source.pull()) is not None:
        found.append(target.address)
    return found


def listed(address: str) -> Target:
    """A target that the inventory named."""
    return Target(input=address, origin="listed", address=address, port=443)


def test_targets_and_ranges_come_in_order() -> None:
    """Ranges are expanded where they stand."""
    items: list[Item] = [listed("192.0.2.1"), parse_target("10.0.0.0/30"), listed("192.0.2.2")]

    found = asyncio.run(pull_all(Source(items)))

    assert found == ["192.0.2.1", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.2"]


def test_nothing_is_pulled_before_it_is_asked_for() -> None:
    """A /8 costs nothing until its targets are wanted, one at a time."""
    taken = []

    def items() -> Iterator[Item]:
        for number in range(10):
            taken.append(number)
            yield parse_target("10.0.0.0/8")

    async def two() -> None:
        source = Source(items())
        await source.pull()
        await source.pull()

    asyncio.run(two())

    assert taken == [0]


def test_the_rest_names_the_listed_and_counts_the_expanded() -> None:
    """A /8 that was begun counts what is left of it, without being walked through."""

    async def items() -> AsyncIterator[Item]:
        yield parse_target("10.0.0.0/8")
        yield listed("192.0.2.1")
        yield parse_target("192.0.2.7")
        yield parse_target("2001:db8::/64")
        yield Target(input="10.9.0.0/24", origin="expanded", address="10.9.0.1", port=443)
        yield listed("192.0.2.2")

    async def stop_after_three() -> tuple[list[str], int]:
        source = Source(items())
        for _ in range(3):
            await source.pull()
        return [target.address async for target in source.rest()], source.unscanned

    rest, counted = asyncio.run(stop_after_three())

    assert rest == ["192.0.2.1", "192.0.2.7", "192.0.2.2"]
    assert counted == (1 << 24) - 3 + (1 << 64) + 1


def test_what_the_source_raises_is_raised() -> None:
    """An error of the inventory reaches the caller."""

    def items() -> Iterator[Item]:
        yield listed("192.0.2.1")
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        asyncio.run(pull_all(Source(items())))

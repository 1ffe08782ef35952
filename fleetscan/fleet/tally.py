"""What was counted of a run, in bounded memory, the same in any order."""

from __future__ import annotations

import heapq
from typing import Final

_OCTETS: Final = 8
"""Octets of a key that order it: keys are digests, which differ in their first ones."""


class Tally:
    """For each key its different values, of which the smallest are kept.

    Of keys, too, the smallest are kept. What is among the smallest at the end has been among
    them since it was first seen, so that what is kept is whole and does not depend on the
    order in which it came.

    Args:
        max_keys: keys that are kept.
        max_values: values of one key that are kept.
    """

    def __init__(self, max_keys: int, max_values: int) -> None:
        self._max_keys = max_keys
        self._max_values = max_values
        self._values: dict[bytes, dict[str, str]] = {}
        self._largest: list[tuple[int, bytes]] = []  # a heap, the largest key first

    def add(self, key: bytes, value: str, shown: str = "") -> None:
        """Count a value of a key once.

        Args:
            key: a digest.
            value: what is counted.
            shown: what is shown of it; of several the smallest. By default the value.
        """
        values = self._values.get(key) or self._new(key)
        if values is None:
            return
        shown = shown or value
        values[value] = min(values.get(value, shown), shown)
        if len(values) > self._max_values:
            del values[max(values)]

    def values(self, key: bytes) -> tuple[str, ...]:
        """What was counted of a key, as it is shown, in the order of the values."""
        values = self._values.get(key, {})
        return tuple(values[value] for value in sorted(values))

    def _new(self, key: bytes) -> dict[str, str] | None:
        entry = (-int.from_bytes(key[:_OCTETS], "big"), key)
        if len(self._values) < self._max_keys:
            heapq.heappush(self._largest, entry)
        else:
            _, given_up = heapq.heappushpop(self._largest, entry)
            if given_up == key:
                return None
            del self._values[given_up]
        return self._values.setdefault(key, {})

"""When this machine runs out of something: fewer probes at once, and no target is to blame."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from fleetscan.engine import resources
from fleetscan.engine.pacing import Bounds

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.engine.pacing import Pacing
    from fleetscan.engine.probe import Attempt

LOCAL_TRIES: Final = 5
"""Connections tried for one target while this machine is out of something."""

_FIRST_PAUSE_S: Final = 0.1


def bounds_within_limits(config: ScanConfig, warn: Callable[[str], None]) -> Bounds:
    """The bounds that were asked for, as far as this process may have files open.

    Raises the soft limit to the hard one first; tells the user when that is not enough.
    """
    limit = resources.raise_descriptor_limit()
    wanted = min(config.concurrency, config.proxy_in_flight) if config.proxy else config.concurrency
    concurrency = resources.concurrency_within(limit, wanted)
    if concurrency < wanted:
        warn(
            f"concurrency lowered from {wanted} to {concurrency}: "
            f"this process may have {limit} open files (ulimit -n)"
        )
    return Bounds(
        concurrency=concurrency,
        rate=config.rate,
        address_in_flight=config.address_in_flight,
        address_per_second=config.address_per_second,
        prefix_in_flight=config.prefix_in_flight,
    )


class Throttle:
    """Lowers the concurrency of `pacing` while this machine is short, and takes it back up.

    Args:
        pacing: what is slowed down; its concurrency now is the one to come back to.
        warn: told once.
    """

    def __init__(self, pacing: Pacing[Any], warn: Callable[[str], None]) -> None:
        self._pacing = pacing
        self._wanted = pacing.concurrency
        self._warn = warn
        self._good = 0
        self._told = False

    def slow_down(self, number: int) -> None:
        """Note that a call failed with the errno `number`, which says what has run out."""
        pacing = self._pacing
        # Of what is under way, not of the bound: a thousand probes that fail together
        # lower it once and not a thousand times.
        pacing.concurrency = max(1, min(pacing.concurrency, pacing.in_flight * 3 // 4))
        self._good = 0
        if not self._told:
            self._told = True
            self._warn(
                f"this machine has run out of something ({errno.errorcode.get(number, number)}): "
                f"going on with {pacing.concurrency} probes at once"
            )

    def note_success(self) -> None:
        """Note a probe without trouble: a full turn of them takes the bound up a sixteenth."""
        pacing = self._pacing
        if pacing.concurrency >= self._wanted:
            return
        self._good += 1
        if self._good >= pacing.concurrency:
            self._good = 0
            step = max(1, pacing.concurrency // 16)
            pacing.concurrency = min(self._wanted, pacing.concurrency + step)

    async def persist(
        self, attempt: Callable[[], Coroutine[Any, Any, Attempt]], total_at: float
    ) -> tuple[Attempt, int]:
        """Make an attempt, and make it again after a pause while this machine is short.

        Args:
            attempt: makes one connection.
            total_at: the monotonic second after which no other one is made.

        Returns:
            The last attempt, and how many were made.
        """
        made = 0
        pause_s = _FIRST_PAUSE_S
        while True:
            made += 1
            tried = await attempt()
            if tried.exhausted is None:
                self.note_success()
                return tried, made
            self.slow_down(tried.exhausted)
            if made == LOCAL_TRIES or monotonic() + pause_s >= total_at:
                return tried, made
            await asyncio.sleep(pause_s)
            pause_s *= 2

"""What Ctrl-C does to a scan."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Protocol


class Stoppable(Protocol):
    """A scan, as far as stopping it goes."""

    def request_drain(self) -> None:
        """Start nothing more."""

    def abort(self) -> None:
        """Drop what is under way."""


class Interrupts:
    """The first Ctrl-C drains, the second aborts, a third leaves at once.

    SIGTERM counts as one. Before there is a scan, while the inventory is begun, the first
    leaves at once.

    Args:
        tell: shows a line to the user.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.count = 0
        self.scan: Stoppable | None = None
        """What is to be stopped, once it is there."""
        self._tell = tell
        self._task: asyncio.Task[object] | None = None

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """The signals come here meanwhile. To be used in the task that scans."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.receive)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def receive(self) -> None:
        """One signal came."""
        self.count += 1
        if self.scan is not None and self.count == 1:
            self._tell("finishing what is under way; Ctrl-C again drops it")
            self.scan.request_drain()
        elif self.scan is not None and self.count == 2:
            self._tell("dropping what is under way; Ctrl-C again leaves at once")
            self.scan.abort()
        elif self._task is not None:
            # The end itself takes too long: most likely an output that nobody reads.
            self._task.cancel()

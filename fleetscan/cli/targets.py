"""The inventory of one command: arguments, lists and the lab's targets as one lazy stream."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import aiofiles

from fleetscan.errors import InventoryError, UsageError
from fleetscan.inventory.lists import STANDARD_INPUT, TargetList
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.spec import Defaults, TargetSpec
from fleetscan.inventory.target import Target
from fleetscan.output.identity import digest

_CHUNK: Final = 1 << 20


class Inventory:
    """What one command is to scan.

    Args:
        arguments: targets of the command line, read at once: a bad one is a usage error.
        lists: files and `-`, read as the scan goes; a bad line is reported and skipped.
        defaults: for what a line leaves open.
        starttls_kinds: the words that `starttls` may be.
        on_bad_line: told about each bad line.

    Raises:
        UsageError: an argument is no target.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        lists: Sequence[str],
        *,
        defaults: Defaults,
        starttls_kinds: frozenset[str],
        on_bad_line: Callable[[InventoryError], None],
    ) -> None:
        self._arguments = tuple(arguments)
        self._specs = [_argument(text, defaults) for text in arguments]
        self._lists = [
            TargetList(path, defaults, on_bad_line=on_bad_line, starttls_kinds=starttls_kinds)
            for path in lists
        ]
        self._extra: tuple[Target, ...] = ()
        self._stream: AsyncIterator[TargetSpec | Target] | None = None
        self._first: TargetSpec | Target | None = None
        self.known = 0
        """Targets seen so far, ranges counted whole."""
        self.is_read = False
        """Whether `known` is all of them."""

    @property
    def bad_lines(self) -> int:
        """Lines that could not be read."""
        return sum(each.bad_lines for each in self._lists)

    @property
    def sha256(self) -> str:
        """Digest of the arguments and of the octets of the lists that were read so far."""
        return _digest(self._arguments, [each.sha256 for each in self._lists])

    def add(self, targets: Sequence[Target]) -> None:
        """Scan these too."""
        self._extra = tuple(targets)

    async def sha256_ahead(self) -> str | None:
        """The digest before anything is scanned; None when a list can be read only once.

        Raises:
            InventoryError: a list cannot be read.
        """
        digests = [await _file_digest(each.path) for each in self._lists]
        known = [each for each in digests if each is not None]
        return _digest(self._arguments, known) if len(known) == len(digests) else None

    async def begin(self) -> bool:
        """Read up to the first target; whether there is one.

        Raises:
            InventoryError: a list cannot be read.
        """
        self._stream = self._all()
        self._first = await anext(self._stream, None)
        return self._first is not None

    async def items(self) -> AsyncIterator[TargetSpec | Target]:
        """Everything from the first target on, as the engine pulls it."""
        assert self._stream is not None, "begin() comes first"
        if self._first is None:
            return
        yield self._first
        async for item in self._stream:
            yield item

    async def _all(self) -> AsyncIterator[TargetSpec | Target]:
        for spec in self._specs:
            self.known += spec.count
            yield spec
        for target in self._extra:
            self.known += 1
            yield target
        for each in self._lists:
            async for spec in each:
                self.known += spec.count
                yield spec
        self.is_read = True


def _argument(text: str, defaults: Defaults) -> TargetSpec:
    try:
        return parse_target(text, defaults)
    except InventoryError as refused:
        raise UsageError(refused.reason) from None


def _digest(arguments: Sequence[str], lists: Sequence[str]) -> str:
    return digest("arguments", *arguments, "lists", *lists)


async def _file_digest(path: str) -> str | None:
    """SHA-256 of a regular file; None for what cannot be read twice."""
    if path == STANDARD_INPUT:
        return None
    try:
        status = await asyncio.to_thread(os.stat, path)
        if not stat.S_ISREG(status.st_mode):
            return None
        found = hashlib.sha256()
        async with aiofiles.open(path, "rb") as file:
            while chunk := await file.read(_CHUNK):
                found.update(chunk)
    except OSError as failed:
        reason = f"cannot be read: {failed.strerror or 'input/output error'}"
        raise InventoryError(reason, source=path) from None
    return found.hexdigest()

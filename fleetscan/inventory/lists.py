"""Inventories as files: text lines and JSON Lines, mixed as you like, read as they come."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final

from aiofiles.threadpool import wrap

from fleetscan.errors import InventoryError
from fleetscan.inventory.lines import LineSplitter
from fleetscan.inventory.objects import parse_object
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.spec import Defaults, TargetSpec
from fleetscan.limits import MAX_INVENTORY_LINE

STANDARD_INPUT: Final = "-"

_CHUNK: Final = 1 << 16

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")

_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
"""A `#` at the start or after white space; elsewhere it belongs to a URL."""


class TargetList:
    """A list of targets in a file or on standard input.

    Iterating gives one `TargetSpec` a good line; ranges stay unexpanded, so that memory
    does not grow with what they hold. A line that begins with `{` is a JSON object. Blank
    lines and comments (`#` first, or after white space) are left out. A bad line goes to
    `on_bad_line` and the list goes on. Can be iterated once.

    Args:
        path: the file, or `-` for standard input.
        defaults: for what a line leaves open.
        on_bad_line: told about each line that cannot be read.
        starttls_kinds: the words that `starttls` may be; None accepts any.
    """

    def __init__(
        self,
        path: str,
        defaults: Defaults | None = None,
        *,
        on_bad_line: Callable[[InventoryError], None],
        starttls_kinds: frozenset[str] | None = None,
    ) -> None:
        self.path = path
        self.bad_lines = 0
        self._defaults = defaults or Defaults()
        self._on_bad_line = on_bad_line
        self._starttls_kinds = starttls_kinds
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the octets read so far, in lower-case hexadecimal."""
        return self._digest.hexdigest()

    def __aiter__(self) -> AsyncIterator[TargetSpec]:
        """Read it.

        Raises:
            InventoryError: the file cannot be opened or read, or is no UTF-8 text at all.
        """
        return self._specs()

    async def _specs(self) -> AsyncIterator[TargetSpec]:
        splitter = LineSplitter()
        async for chunk in self._chunks():
            for number, line in splitter.feed(chunk):
                for spec in self._of_line(number, line):
                    yield spec
        for number, line in splitter.finish():
            for spec in self._of_line(number, line):
                yield spec

    async def _chunks(self) -> AsyncIterator[bytes]:
        # A thread of its own: a read of a silent pipe must neither hold up the loop's other
        # threads nor its shutdown. For the same reason the file is closed from here and
        # not through that thread, which may never come back.
        executor = ThreadPoolExecutor(1, thread_name_prefix="fleetscan-inventory")
        loop = asyncio.get_running_loop()
        raw: IO[bytes] | None = None
        try:
            raw = await loop.run_in_executor(executor, self._open)
            file: Any = wrap(raw, loop=loop, executor=executor)
            first = True
            while chunk := await file.read(_CHUNK):
                if first and chunk.startswith(_UTF16):
                    raise InventoryError("is UTF-16; write it as UTF-8", source=self.path)
                first = False
                self._digest.update(chunk)
                yield chunk
        except OSError as failed:
            reason = f"cannot be read: {failed.strerror or 'input/output error'}"
            raise InventoryError(reason, source=self.path) from None
        finally:
            if raw is not None:
                raw.close()
            executor.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> IO[bytes]:
        # Unbuffered: a read gives what is there, so that a pipe's targets are scanned as they come.
        if self.path == STANDARD_INPUT:
            return open(0, "rb", buffering=0, closefd=False)
        return open(self.path, "rb", buffering=0)

    def _of_line(self, number: int, line: bytes | None) -> Iterator[TargetSpec]:
        try:
            spec = self._parse(number, line)
        except InventoryError as refused:
            self.bad_lines += 1
            self._on_bad_line(refused)
            return
        if spec is not None:
            yield spec

    def _parse(self, number: int, line: bytes | None) -> TargetSpec | None:
        if line is None:
            reason = f"a line of more than {MAX_INVENTORY_LINE} octets"
            raise InventoryError(reason, source=self.path, line=number)
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as refused:
            reason = f"octet {refused.start + 1} is no UTF-8"
            raise InventoryError(reason, source=self.path, line=number) from None
        if text.startswith("{"):
            return parse_object(
                text,
                self._defaults,
                starttls_kinds=self._starttls_kinds,
                source=self.path,
                line=number,
            )
        text = _COMMENT.sub("", text).strip()
        if not text:
            return None
        return parse_target(text, self._defaults, source=self.path, line=number)

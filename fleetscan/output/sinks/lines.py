"""Lines to a file or to standard output, in batches of whole lines."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import stat
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self

from aiofiles.threadpool import wrap

from fleetscan.errors import OutputError

BATCH_OCTETS: Final = 1 << 16
"""A batch is written when it has this many octets, or when `FLUSH_S` have passed."""

FLUSH_S: Final = 1.0

STANDARD_OUTPUT: Final = "-"

_WAIT_MS: Final = 1_000


class ReaderGoneError(OutputError):
    """Nobody reads standard output any more (EPIPE)."""


class _Destination(Protocol):
    """Where whole batches go."""

    async def write(self, batch: bytes) -> None: ...

    async def close(self) -> None: ...


class LineSink:
    """Takes lines and writes them, whole and in order, without ever stopping the loop.

    `write` waits only while a batch is being written and the next one is full, so a slow
    disk slows the scan and does not fill the memory. An error of the system is told by
    the next call, and by `close`.

    Args:
        path: the file, made or emptied now; `-` for standard output.
        flush_s: seconds after which a batch that is not full is written.
        around: called before and after each batch is written (a live line makes room).

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str,
        *,
        flush_s: float = FLUSH_S,
        around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self.path = path
        self._flush_s = flush_s
        self._around = around
        self._lines: list[bytes] = []
        self._octets = 0
        self._destination: _Destination | None = None
        self._error: OutputError | None = None
        self._writing = asyncio.Lock()
        self._closing = asyncio.Event()
        self._ticker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the destination."""
        try:
            if self.path == STANDARD_OUTPUT:
                self._destination = _StandardOutput()
            else:
                self._destination = await _File.open(self.path)
        except OSError as failed:
            raise self._refusal(failed) from None
        self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left and close; an error here gives way to the one under way."""
        try:
            await self.close()
        except OutputError:
            if error is None:
                raise

    async def write(self, line: bytes) -> None:
        """Take one line, its newline included.

        Raises:
            OutputError: this line or an earlier one could not be written.
        """
        self._lines.append(line)
        self._octets += len(line)
        if self._octets >= BATCH_OCTETS or self._error is not None:
            await self.flush()

    async def flush(self) -> None:
        """Write everything taken so far.

        Raises:
            OutputError: it could not be written.
        """
        async with self._writing:
            if self._error is not None:
                raise self._error
            if not self._lines or self._destination is None:
                return
            batch = b"".join(self._lines)
            self._lines.clear()
            self._octets = 0
            try:
                with self._around():
                    await _finished(self._destination.write(batch))
            except OSError as failed:
                self._error = self._refusal(failed)
                raise self._error from None

    async def close(self) -> None:
        """Write what is left and let go of the destination.

        Raises:
            OutputError: something could not be written.
        """
        if self._ticker is not None:
            self._closing.set()
            await self._ticker
            self._ticker = None
        destination = self._destination
        if destination is None:
            return
        try:
            await self.flush()
            self._destination = None
            await destination.close()
        except OSError as failed:  # a network file system may say only now that it is full
            raise self._refusal(failed) from None
        finally:
            if self._destination is not None:
                self._destination = None
                with contextlib.suppress(OSError):
                    await destination.close()

    async def _tick(self) -> None:
        """Flush every `flush_s` seconds; an error is kept for the next call."""
        while self._error is None and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._flush_s)
            with contextlib.suppress(OutputError):
                await self.flush()

    def _refusal(self, failed: OSError) -> OutputError:
        where = "standard output" if self.path == STANDARD_OUTPUT else self.path
        reason = failed.strerror or errno.errorcode.get(failed.errno or 0, "input/output error")
        text = f"cannot write {where}: {reason}"
        gone = failed.errno == errno.EPIPE and self.path == STANDARD_OUTPUT
        return ReaderGoneError(text) if gone else OutputError(text)


async def _finished(write: Coroutine[Any, Any, None]) -> None:
    """Let a write that has begun end, for a while, even when the caller is cancelled.

    Its thread cannot be stopped, and a second one beside it would mix the lines.
    """
    writing = asyncio.ensure_future(write)
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait({writing}, timeout=FLUSH_S)
        raise


class _File:
    """A file through aiofiles: a thread writes, the loop goes on.

    The thread is its own, so that a pipe that nobody reads holds up nothing else.
    """

    def __init__(self, file: Any, executor: ThreadPoolExecutor) -> None:  # noqa: ANN401
        self._file = file
        self._executor = executor
        self._written = 0

    @classmethod
    async def open(cls, path: str) -> Self:
        loop = asyncio.get_running_loop()
        executor = ThreadPoolExecutor(1, thread_name_prefix="fleetscan-output")
        try:
            raw = await loop.run_in_executor(executor, partial(open, path, "wb", buffering=0))
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(wrap(raw, loop=loop, executor=executor), executor)

    async def write(self, batch: bytes) -> None:
        taken = 0
        try:
            while taken < len(batch):  # ends: write takes at least one octet or raises
                taken += await self._file.write(memoryview(batch)[taken:])
        except OSError:
            # A disk that was full took a part of the batch: leave whole lines behind.
            with contextlib.suppress(OSError):
                await self._truncate(self._written + batch.rfind(b"\n", 0, taken) + 1)
            raise
        self._written += len(batch)

    async def _truncate(self, octets: int) -> None:
        if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            await self._file.truncate(octets)

    async def close(self) -> None:
        try:
            await self._file.close()
        finally:
            self._executor.shutdown(wait=False)


class _StandardOutput:
    """Descriptor 1, written by a thread of its own.

    A reader that does not read keeps that thread for ever, so nothing waits for it when
    the loop shuts down: the command line ends the process without it.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="fleetscan-stdout")

    async def write(self, batch: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, _write_all, 1, batch)

    async def close(self) -> None:
        self._executor.shutdown(wait=False)


def _write_all(descriptor: int, batch: bytes) -> None:
    view = memoryview(batch)
    while view:  # ends: write takes at least one octet, waits or raises
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # Another program made the terminal non-blocking.
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll(_WAIT_MS)

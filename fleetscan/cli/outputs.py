"""Where one scan's lines go: a file, standard output, or both, each in its own form."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from fleetscan.cli.terminal import is_terminal, terminal_width, wants_colour
from fleetscan.errors import UsageError
from fleetscan.output.budget import encode_line
from fleetscan.output.phrases import RemedyText
from fleetscan.output.readable import result_line
from fleetscan.output.sinks import LineSink, ReaderGoneError

if TYPE_CHECKING:
    from fleetscan.api import Result
    from fleetscan.cli.scan import ScanRequest

_TERMINAL_FLUSH_S: Final = 0.2
_FLUSH_S: Final = 1.0


class Outputs:
    """The sinks of one scan.

    With `-o FILE` the file gets every line of the run, and standard output a readable
    line a target, or JSON with `-j`. Without it standard output is the output: readable on a
    terminal, else JSON, results alone unless `--envelope` asks for all lines.

    Args:
        request: what was asked for.
        remedy: gives a cause's remedy for readable lines.
        around: makes room on the terminal while standard output is written there.

    Raises:
        UsageError: there is nowhere to write to.
    """

    def __init__(
        self,
        request: ScanRequest,
        *,
        remedy: RemedyText,
        around: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        terminal = is_terminal(sys.stdout)
        as_json = request.json or (request.output is None and not terminal)
        self._remedy = remedy
        self._colour = wants_colour(sys.stdout)
        self._readable = not as_json
        self._envelope = request.envelope and as_json
        self._file = None if request.output is None else LineSink(request.output)
        self._stdout: LineSink | None = None
        # A process may be started with its standard output closed.
        if sys.stdout is None and request.output is None:
            raise UsageError("standard output is closed; -o FILE gives the results a place")
        if sys.stdout is not None and (request.output is None or not request.quiet or as_json):
            self._stdout = LineSink(
                "-",
                flush_s=_TERMINAL_FLUSH_S if terminal else _FLUSH_S,
                around=around if terminal else contextlib.nullcontext,
            )

    async def __aenter__(self) -> Self:
        """Open the file, so that one that cannot be written is known before the scan.

        Raises:
            OutputError: it cannot be written.
        """
        if self._file is not None:
            await self._file.__aenter__()
        if self._stdout is not None:
            await self._stdout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left and close. An earlier error is not covered by a later one."""
        try:
            if self._stdout is not None:
                await self._to_stdout(self._stdout.__aexit__(kind, error, trace))
        finally:
            if self._file is not None:
                await self._file.__aexit__(kind, error, trace)

    async def result(self, result: Result) -> None:
        """Write one result, to each sink in its own form."""
        line = b"" if self._file is None and self._readable else result.line
        if self._file is not None:
            await self._file.write(line)
        if self._stdout is None:
            return
        if self._readable:
            # After Ctrl-C the rest of what was read ahead would scroll the results away.
            if result.outcome == "skipped" and result.target.origin == "expanded":
                return
            text = result_line(
                result.record,
                remedy=self._remedy,
                colour=self._colour,
                width=terminal_width(sys.stdout),
            )
            line = f"{text}\n".encode("utf-8", "replace")
        await self._to_stdout(self._stdout.write(line))

    async def envelope(self, record: dict[str, Any]) -> None:
        """Write one line of the run that is no result."""
        line = encode_line(record)
        if self._file is not None:
            await self._file.write(line)
        if self._stdout is not None and self._envelope:
            await self._to_stdout(self._stdout.write(line))

    async def flush(self) -> None:
        """Write everything taken so far."""
        if self._file is not None:
            await self._file.flush()
        if self._stdout is not None:
            await self._to_stdout(self._stdout.flush())

    async def _to_stdout(self, writing: Any) -> None:  # noqa: ANN401
        """Await it; when the reader is gone and a file keeps the rest, go on without."""
        try:
            await writing
        except ReaderGoneError:
            self._stdout = None
            if self._file is None:
                raise

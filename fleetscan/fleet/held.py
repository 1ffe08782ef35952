"""Outcomes whose verdict waits: in memory up to a bound, beyond it in a file of their own.

The file has no name: nobody else can open it, and it is gone when the process is. What is
read back from it is what this process wrote, so that `pickle` never sees octets of a peer's
making other than as the certificates' DER, which are parsed anew.
"""

from __future__ import annotations

import errno
import io
import os
import pickle
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.errors import OutputError

if TYPE_CHECKING:
    from fleetscan.engine.outcome import ProbeOutcome

_LENGTH: Final = 4
"""Octets of a frame's length in the file, in front of the frame."""


def _unnamed_file() -> IO[bytes]:
    # Unbuffered: a buffer that could not be written would fail again when the file is closed.
    return tempfile.TemporaryFile(buffering=0)


class HeldResults:
    """A queue of outcomes of which a bounded number is in memory.

    Args:
        warn: told once when no more can be held, and why.
        max_in_memory: outcomes; None for `limits.MAX_HELD_RESULTS`.
        open_file: makes the file; tests give their own.
    """

    def __init__(
        self,
        *,
        warn: Callable[[str], None],
        max_in_memory: int | None = None,
        open_file: Callable[[], IO[bytes]] = _unnamed_file,
    ) -> None:
        self._warn = warn
        self._max_in_memory = limits.MAX_HELD_RESULTS if max_in_memory is None else max_in_memory
        self._memory: deque[ProbeOutcome] = deque()
        self._spill = _Spill(open_file)
        self._told = False
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    @property
    def in_memory(self) -> int:
        """How many of them are objects of this process, and not in the file."""
        return len(self._memory)

    def add(self, outcome: ProbeOutcome) -> bool:
        """Keep one more; False when there is no room for it, in memory or on the disk."""
        if len(self._memory) < self._max_in_memory:
            self._memory.append(outcome)
        elif not self._spilled(outcome):
            return False
        self._count += 1
        return True

    def __iter__(self) -> Iterator[ProbeOutcome]:
        """Each of them, as they came, to look at: all stay.

        Raises:
            OutputError: what was written to the disk cannot be read back.
        """
        yield from self._memory
        yield from map(_unpacked, self._spill.frames())

    def take(self) -> Iterator[ProbeOutcome]:
        """Each of them, as they came, for the last time.

        Raises:
            OutputError: what was written to the disk cannot be read back.
        """
        # Ends: nothing is added while the run is concluded.
        while self._memory:
            self._count -= 1
            yield self._memory.popleft()
        for frame in self._spill.frames():
            self._count -= 1
            yield _unpacked(frame)
        self.close()

    def close(self) -> None:
        """Give up what still waits, and the file."""
        self._memory.clear()
        self._spill.close()
        self._count = 0

    def _spilled(self, outcome: ProbeOutcome) -> bool:
        try:
            return self._spill.add(_packed(outcome))
        except OSError as failed:
            self._tell(f"cannot be kept in the temporary directory (TMPDIR): {failed.strerror}")
        except Exception as failed:  # noqa: BLE001  a label of the caller's that has no copy
            self._tell(f"cannot be copied: {type(failed).__name__}")
        return False

    def _tell(self, reason: str) -> None:
        if not self._told:
            self._told = True
            self._warn(
                f"results that wait for the end of the run {reason}; further ones are judged by "
                "what was seen until then, and may depend on the order of targets"
            )


class _Spill:
    """Frames in a file, written in batches. What was once taken is never lost to a full disk."""

    def __init__(self, open_file: Callable[[], IO[bytes]]) -> None:
        self._open_file = open_file
        self._file: IO[bytes] | None = None
        self._octets = 0  # of whole frames in the file
        self._batch = bytearray()  # whole frames that are not in the file yet
        self._full = False

    def add(self, frame: bytes) -> bool:
        """Take one frame; False when an earlier one found no room.

        Raises:
            OSError: the file cannot be made or written, or has all the octets that it may
                have. The frame is then not taken.
        """
        if self._full:
            return False
        if self._octets + len(self._batch) + len(frame) > limits.MAX_SPILLED_OCTETS:
            self._full = True
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if len(self._batch) >= limits.SPILL_BATCH:
            self._write()
        self._batch += len(frame).to_bytes(_LENGTH, "big") + frame
        return True

    def frames(self) -> Iterator[bytes]:
        """Every frame, in the order in which they were taken."""
        if self._file is not None:
            try:
                self._file.seek(0)
                yield from _frames_in(self._file, self._octets)
            except OSError as failed:
                raise OutputError(
                    f"results that waited on the disk cannot be read back: {failed.strerror}"
                ) from failed
        yield from _frames_in(io.BytesIO(self._batch), len(self._batch))

    def close(self) -> None:
        """Give the file up; its room on the disk is free then."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._octets = 0
        self._batch.clear()

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = self._open_file()
            self._file.seek(self._octets)
            rest = memoryview(bytes(self._batch))
            # Ends: each round writes an octet at least, or raises.
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            # The batch stays in memory, which is bounded; half a batch in the file is never read.
            self._full = True
            raise
        self._octets += len(self._batch)
        self._batch.clear()


def _frames_in(file: IO[bytes], octets: int) -> Iterator[bytes]:
    at = 0
    # Ends: each round moves on by a frame, and the octets are those that we wrote.
    while at < octets:
        length = int.from_bytes(file.read(_LENGTH), "big")
        yield file.read(length)
        at += _LENGTH + length


def _packed(outcome: ProbeOutcome) -> bytes:
    # The caller's mapping may be of a kind that has no copy; a dict of its items has.
    target = replace(outcome.target, labels=dict(outcome.target.labels))
    return pickle.dumps(replace(outcome, target=target), pickle.HIGHEST_PROTOCOL)


def _unpacked(frame: bytes) -> ProbeOutcome:
    outcome: ProbeOutcome = pickle.loads(frame)
    return outcome

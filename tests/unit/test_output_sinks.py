"""Lines on their way to files and standard output."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from fleetscan.errors import OutputError
from fleetscan.output.sinks import LineSink
from fleetscan.output.sinks.lines import BATCH_OCTETS

BOUND_S = 20


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end, within a bound."""
    asyncio.run(asyncio.wait_for(main, BOUND_S))


def test_lines_arrive_whole_and_in_order(tmp_path: Path) -> None:
    """Thousands of lines of every length are the file's octets, one after the other."""
    path = tmp_path / "out.jsonl"
    lines = [b"%d %s\n" % (number, b"x" * (number * 37 % 8_000)) for number in range(3_000)]

    async def write() -> None:
        async with LineSink(str(path)) as sink:
            for line in lines:
                await sink.write(line)

    run(write())
    assert path.read_bytes() == b"".join(lines)


def test_an_earlier_file_is_replaced_when_the_sink_opens(tmp_path: Path) -> None:
    """A run's file holds that run alone."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old\n")

    async def open_only() -> None:
        async with LineSink(str(path)):
            pass

    run(open_only())
    assert path.read_bytes() == b""


def test_a_batch_is_one_write_of_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader beside us sees whole lines only, and few writes."""
    from fleetscan.output.sinks import lines as module

    batches: list[bytes] = []
    original = module._File.write

    async def noted(self: module._File, batch: bytes) -> None:
        batches.append(batch)
        await original(self, batch)

    monkeypatch.setattr(module._File, "write", noted)

    async def write() -> None:
        async with LineSink(str(tmp_path / "out"), flush_s=60) as sink:
            for _ in range(2_000):
                await sink.write(b"x" * 99 + b"\n")

    run(write())
    assert len(batches) == -(-200_000 // (-(-BATCH_OCTETS // 100) * 100))
    assert all(batch.endswith(b"\n") for batch in batches)


def test_a_line_is_on_disk_within_the_flush_time(tmp_path: Path) -> None:
    """Nobody waits for a full batch to see a result."""
    path = tmp_path / "out"

    async def write() -> None:
        async with LineSink(str(path), flush_s=0.01) as sink:
            await sink.write(b"one\n")
            for _ in range(2_000):
                if path.read_bytes() == b"one\n":
                    return
                await asyncio.sleep(0.005)
            pytest.fail("not written while the sink was open")

    run(write())


@pytest.mark.parametrize(
    ("name", "reason"), [("none/out", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_opened_is_an_output_error(
    tmp_path: Path, name: str, reason: str
) -> None:
    """One line with the file and the system's reason."""

    async def open_only() -> None:
        async with LineSink(str(tmp_path / name)):
            pass

    with pytest.raises(OutputError, match=f"cannot write .*: {reason}"):
        run(open_only())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_a_full_disk_is_told_by_the_next_call_and_by_close() -> None:
    """ENOSPC comes out as an OutputError wherever the caller is, and again afterwards."""

    async def write() -> None:
        async with LineSink("/dev/full", flush_s=0.01) as sink:
            await sink.write(b"one\n")
            with pytest.raises(OutputError, match="No space left on device"):
                while True:
                    await sink.write(b"two\n")
                    await asyncio.sleep(0.005)
            with pytest.raises(OutputError):
                await sink.flush()
            raise InterruptedError

    # An error under way is not covered by the sink's own.
    with pytest.raises(InterruptedError):
        run(write())


def test_a_file_that_hits_its_limit_ends_with_a_whole_line(tmp_path: Path) -> None:
    """A disk that takes a part of a batch leaves whole lines behind (RLIMIT_FSIZE: EFBIG)."""
    path = tmp_path / "out"
    program = f"""
import asyncio, resource, signal
from fleetscan.errors import OutputError
from fleetscan.output.sinks import LineSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_050, 1_050))
async def main():
    try:
        async with LineSink({str(path)!r}) as sink:
            for _ in range(30):
                await sink.write(b"x" * 99 + b"\\n")
    except OutputError as failed:
        print(failed)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=BOUND_S, check=True
    )

    assert b"File too large" in done.stdout
    assert path.read_bytes() == (b"x" * 99 + b"\n") * 10


def test_a_slow_reader_slows_the_writer_and_loses_nothing(tmp_path: Path) -> None:
    """What was not taken yet waits in one batch, not in memory without bound."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    taken = 0

    async def write() -> None:
        nonlocal taken
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        done = asyncio.Event()
        received = bytearray()

        async def produce() -> None:
            nonlocal taken
            async with LineSink(str(pipe)) as sink:
                for _ in range(10_000):
                    await sink.write(b"x" * 99 + b"\n")
                    taken += 1
            done.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce())
            before = -1
            while before != taken:
                before = taken
                await asyncio.sleep(0.05)
            # Pipe, batch under way, batch being filled: far from the whole.
            assert taken < 5_000
            while not done.is_set() or len(received) < 1_000_000:
                try:
                    received += os.read(reader, 1 << 16)
                except BlockingIOError:
                    await asyncio.sleep(0.001)
        os.close(reader)
        assert bytes(received) == (b"x" * 99 + b"\n") * 10_000

    run(write())

"""Plays very many inputs to the client, each made from a seed and its own number.

The inputs are those of `client.one_input`; nothing guides them, so that the same numbers
are the same inputs everywhere. `make fuzz-client` runs this on a build with ASan and UBSan.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import mmap
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Final

from fleetscan import _parse, limits
from fleetscan.tls import events as seen
from tools.fuzz.client import (
    CHANGE_OCTETS,
    CUT,
    DIALOGUE,
    ENDED_EARLY,
    FRAMED,
    MAX_CHANGES,
    NAMES,
    TAMPERED,
    Play,
    one_input,
)

ROOT: Final = Path(__file__).resolve().parents[2]
FOUND: Final = ROOT / "build" / "fuzz" / "crashes" / "client"

CPU_LIMIT_S: Final = 1.0
"""Of one input; an honest handshake with both its sides takes less than a millisecond."""

HANG_LIMIT_S: Final = 120.0
"""Of a batch, by the clock: the process says where it is and ends."""

BATCH: Final = 500
"""Inputs between two measurements of memory."""

MEMORY_LIMIT: Final = 4 * limits.MAX_HANDSHAKE_MESSAGE
"""Octets that a conversation may hold once it is over: the largest message, as sent, as a
chain, as a leaf and as what is parsed of it."""

# How often each part of an input is there, and how many changes it has.
ODDS: Final = ((TAMPERED, 0.5), (FRAMED, 0.25), (CUT, 0.2), (ENDED_EARLY, 0.1), (DIALOGUE, 0.1))
CHANGES: Final = (0, 1, 1, 1, 1, 1, 2, 2, 3, MAX_CHANGES)


def input_of(seed: int, number: int) -> bytes:
    """The input of this number."""
    source = random.Random(seed << 40 | number)
    flags = sum(flag for flag, odds in ODDS if source.random() < odds)
    changes = source.choice(CHANGES)
    rest = source.randbytes(6 + CHANGE_OCTETS * changes)
    return bytes((source.randrange(256), flags)) + rest


def ended_as(play: Play) -> str:
    """One word for how a play ended: the rule that was broken, or how far it came."""
    word = "not settled"
    for event in play.client.events:
        if isinstance(event, seen.ProtocolViolation):
            return event.rule
        if isinstance(event, seen.Completed):
            word = "completed"
    return word


def held_by(source: bytes) -> int:
    """Octets that the client of an input still holds at its end."""
    one_input(source)  # what is remembered from input to input is there now
    gc.collect()
    tracemalloc.start()
    try:
        client = one_input(source).client
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        del client
        gc.collect()
        return held - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def check(source: bytes) -> str:
    """Play one input within its time; how it ended."""
    started = time.process_time()
    play = one_input(source)
    spent = time.process_time() - started
    if spent > CPU_LIMIT_S:
        raise AssertionError(f"{spent:.1f} s for one input")
    return ended_as(play)


def play_all(seed: int, numbers: range, at: mmap.mmap | None) -> tuple[Counter[str], int]:
    """Play these inputs; how they ended, and how many found something.

    Args:
        at: where to write the number under way, for whoever finds this process dead.
    """
    ends: Counter[str] = Counter()
    failures = 0
    one_input(b"")
    for name in range(len(NAMES)):
        one_input(bytes([name]))  # keys and stock are made once, outside the time of any input
    for turn, number in enumerate(numbers):
        if at is not None:
            at[:8] = number.to_bytes(8, "big")
        if turn % BATCH == 0:
            faulthandler.dump_traceback_later(HANG_LIMIT_S, exit=True)
        source = input_of(seed, number)
        try:
            ends[check(source)] += 1
            if turn % BATCH == 0:
                held = held_by(source)
                if held > MEMORY_LIMIT:
                    raise AssertionError(f"{held} octets held")
        except Exception as found:  # noqa: BLE001 - whatever it is, it is what is looked for
            failures += 1
            report(seed, number, source, repr(found))
    faulthandler.cancel_dump_traceback_later()
    return ends, failures


def report(seed: int, number: int, source: bytes, what: str) -> None:
    """Say what was found, and keep its input."""
    FOUND.mkdir(parents=True, exist_ok=True)
    (FOUND / f"{seed}-{number}").write_bytes(source)
    sys.stdout.write(f"input {seed}:{number} {source.hex()}\n    {what}\n")
    sys.stdout.flush()


def slot(job: int) -> Path:
    """The file in which a job writes the number that it is at."""
    return FOUND.parent / f"client-{job}.at"


def work(options: argparse.Namespace) -> int:
    """One job: every `jobs`-th number."""
    numbers = range(options.first + options.job, options.first + options.inputs, options.jobs)
    with slot(options.job).open("r+b") as file, mmap.mmap(file.fileno(), 8) as at:
        ends, failures = play_all(options.seed, numbers, at)
    for end, count in ends.items():
        sys.stdout.write(f"{count} {end}\n")
    return int(failures > 0)


def start(options: argparse.Namespace, job: int) -> subprocess.Popen[str]:
    """Start one job as a process of its own, so that its crash is only its own."""
    slot(job).parent.mkdir(parents=True, exist_ok=True)
    slot(job).write_bytes(bytes(8))
    command = [sys.executable, "-P", "-m", "tools.fuzz.million", "--job", str(job)]
    for name in ("inputs", "jobs", "seed", "first"):
        command += [f"--{name}", str(getattr(options, name))]
    environment = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def supervise(options: argparse.Namespace) -> int:
    """Run all jobs and say what they found; 1 when that is something."""
    started = time.monotonic()
    running = [start(options, job) for job in range(options.jobs)]
    ends: Counter[str] = Counter()
    failed = False
    for job, process in enumerate(running):
        output, _ = process.communicate()
        failed |= process.returncode != 0
        for line in output.splitlines():
            count, _, end = line.partition(" ")
            if count.isdigit():
                ends[end] += int(count)
            else:
                sys.stdout.write(line + "\n")
        if process.returncode not in (0, 1):
            number = int.from_bytes(slot(job).read_bytes()[:8], "big")
            source = input_of(options.seed, number)
            report(options.seed, number, source, f"the process ended with {process.returncode}")
    elapsed = time.monotonic() - started
    for end, often in ends.most_common():
        sys.stdout.write(f"{often:>9,}  {end}\n")
    total = ends.total()
    sys.stdout.write(
        f"{total:,} inputs in {elapsed:,.0f} s, {total / elapsed:,.0f} a second, "
        f"{options.jobs} jobs: {'something was found' if failed else 'nothing found'}\n"
    )
    return int(failed)


def main() -> int:
    """Play what the command line asks for; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    expected = os.environ.get("FLEETSCAN_EXPECT_BUILD", "")
    if not _parse.__file__.startswith(expected):
        parser.error(f"{_parse.__file__} is not the build in {expected}")
    return supervise(options) if options.job is None else work(options)


if __name__ == "__main__":
    raise SystemExit(main())

"""The same fleet scanned three ways, round by round: CPU per target, memory, nothing lost.

    python benchmarks/side_by_side.py [--targets 10000] [--rounds 5] [--concurrency 1000]

(a) `floor.c`, built here and now: connect, hello, read the first flight, close, in C;
(b) `naive.py`: asyncio + uvloop + `ssl`, a verified handshake, a JSON line;
(c) `fleetscan scan`.

All against one temporary nginx, on 127.1.0.1 upwards. docs/performance.md says what the
figures mean and what they do not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.clients import PROJECT, BenchmarkError, Client, Run, check_output, make_clients
from benchmarks.nginx import NginxMissing, running_nginx

RUN_DEADLINE_S: Final = 600.0


def peak_kib(pid: int) -> int:
    """High-water mark of a process's resident memory, KiB; 0 when it is gone.

    `ru_maxrss` would do, did it not begin with the memory of the process that forked.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def run_client(command: Sequence[str], folder: Path) -> Run:
    """Run one command to its end and measure it alone.

    Raises:
        BenchmarkError: it failed, or took longer than RUN_DEADLINE_S.
    """
    complaints = folder / "stderr.txt"
    with complaints.open("wb") as stderr:
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        peak = 0
        while True:
            peak = max(peak, peak_kib(child.pid))
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - began > RUN_DEADLINE_S:
                child.kill()
            time.sleep(0.02)
    wall_s = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        said = complaints.read_text(errors="replace")[-2_000:]
        raise BenchmarkError(f"{command[0]} ended with {child.returncode}: {said.strip()}")
    return Run(user_s=usage.ru_utime, system_s=usage.ru_stime, wall_s=wall_s, peak_kib=peak)


def measure(clients: Sequence[Client], folder: Path, targets: int, rounds: int) -> None:
    """One target each for the start-up, then the rounds, interleaved."""
    output = folder / "output.jsonl"
    for number in range(rounds + 1):
        for client in clients:
            count = 1 if number == 0 else targets
            output.unlink(missing_ok=True)
            run = run_client(client.command(count, output), folder)
            check_output(client, output, count)
            (client.start if number == 0 else client.runs).append(run)
            sys.stderr.write(
                f"round {number}: {client.name}: {count} targets, "
                f"{run.cpu_s:.3f} s CPU, {run.wall_s:.3f} s\n"
            )


def summary(client: Client, base: Client, targets: int) -> dict[str, object]:
    """What is reported of one client."""
    per_target = [run.cpu_s / targets * 1e6 for run in client.runs]
    base_us = statistics.median(run.cpu_s for run in base.runs) / targets * 1e6
    start_s = client.start[0].cpu_s
    marginal = statistics.median(
        (run.cpu_s - start_s) / max(1, targets - 1) * 1e6 for run in client.runs
    )
    return {
        "client": client.name,
        "cpu_us_per_target": round(statistics.median(per_target), 1),
        "cpu_us_min": round(min(per_target), 1),
        "cpu_us_max": round(max(per_target), 1),
        "user_us": round(statistics.median(run.user_s for run in client.runs) / targets * 1e6, 1),
        "system_us": round(
            statistics.median(run.system_s for run in client.runs) / targets * 1e6, 1
        ),
        "start_up_cpu_s": round(start_s, 3),
        "cpu_us_without_start_up": round(marginal, 1),
        "times_the_floor": round(statistics.median(per_target) / base_us, 2),
        "targets_per_second": round(targets / statistics.median(run.wall_s for run in client.runs)),
        "peak_mib": round(max(run.peak_kib for run in client.runs) / 1024, 1),
    }


def machine() -> str:
    """What was measured on, in a line."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def table(rows: Sequence[dict[str, object]]) -> str:
    """The summaries as a Markdown table."""
    heads = list(rows[0])
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(str(row[head]) for head in heads) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def raise_descriptor_limit() -> None:
    """The children inherit it: a thousand connections need more than the usual 1,024."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=1_000)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    if not (1 < options.targets <= 1 << 16 and options.rounds > 0 and options.concurrency > 0):
        parser.error("2 to 65,536 targets, at least one round and one connection")
    return options


def main() -> int:
    """Measure, print a table, and say plainly when it could not be done."""
    options = parse_arguments()
    raise_descriptor_limit()
    folder = Path(tempfile.mkdtemp(prefix="fleetscan-bench-"))
    try:
        with running_nginx() as nginx:
            clients = make_clients(nginx, folder, options.concurrency)
            measure(clients, folder, options.targets, options.rounds)
            where = f"{machine()}, nginx {nginx.version}"
    except (BenchmarkError, NginxMissing) as problem:
        sys.stderr.write(f"side_by_side: {problem}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [summary(client, clients[0], options.targets) for client in clients]
    what = (
        f"{options.targets} targets, concurrency {options.concurrency}, "
        f"medians of {options.rounds} rounds; none lost, none twice"
    )
    sys.stdout.write(f"{where}\n{what}\n\n{table(rows)}")
    if options.json:
        options.json.write_text(json.dumps({"machine": where, "run": what, "clients": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What one handshake costs the client, beside the bare primitives that it cannot do without.

    python benchmarks/handshake_cost.py [--processes 5] [--rounds 1000] [--before CHECKOUT]

A recorded handshake is said again to a new client: hello, the server's octets, every check,
close. The bundle makes the same calls of the primitives in straight-line code. Both, and the
parts of both, are timed call by call in turn. `--before` sets another checkout, built, beside
this one, process by process. docs/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

# Behind whatever else is there: with --before, fleetscan and its tests come from another place.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.recorded import (
    PARTS,
    Recorded,
    Walk,
    record_hybrid,
    record_openssl,
    straight,
)
from fleetscan.facts import fold
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    Work = Callable[[], object]

COMPLETE: Final = "TLS 1.3, X25519, complete"
HYBRID: Final = "TLS 1.3, X25519MLKEM768, complete"
FLIGHT_TLS13: Final = "TLS 1.3, X25519, first flight"
FLIGHT_TLS12: Final = "TLS 1.2, ECDHE, first flight"

BUDGET: Final = 0.35
"""How much may be ours on top of the bundle of a complete handshake."""


def record() -> dict[str, Recorded]:
    """The handshakes."""
    return {
        COMPLETE: record_openssl(ssl.TLSVersion.TLSv1_3),
        HYBRID: record_hybrid(),
        FLIGHT_TLS13: record_openssl(ssl.TLSVersion.TLSv1_3, first_flight_only=True),
        FLIGHT_TLS12: record_openssl(ssl.TLSVersion.TLSv1_2, first_flight_only=True),
    }


def check(recorded: Recorded) -> None:
    """Nothing is fast that was left out: what the replay found must be what it should be."""
    facts = fold(recorded.replay().events)
    assert facts.violation == ""
    assert len(facts.certificates) == 2
    if recorded.first_flight_only:
        assert facts.first_flight is not None
        return
    assert facts.completed
    assert facts.key_proof is Checked.YES
    assert facts.confirmed_by is not None


def parts_of_ours(recorded: Recorded, walk: Walk | None) -> dict[str, Work]:
    """The parts of the client by themselves, as it calls them."""
    from benchmarks import parts

    if walk is None:
        return {"parse": parts.parsing(recorded, None)}
    return {
        "parse": parts.parsing(recorded, walk),
        "key exchange": parts.key_exchange(walk),
        "key schedule": parts.key_schedule(walk, complete=not recorded.first_flight_only),
        "signature": parts.signature(walk),
        "record protection": parts.record_protection(walk, complete=not recorded.first_flight_only),
    }


def work_of(handshakes: Mapping[str, Recorded], *, with_parts: bool) -> dict[str, Work]:
    """Everything to be timed, in the order of a round."""
    work: dict[str, Work] = {}
    for name, recorded in handshakes.items():
        check(recorded)
        walk = None if name == FLIGHT_TLS12 else Walk(recorded)
        steps = [] if walk is None else walk.steps
        work[f"{name}|bare|all"] = straight(steps)
        work[f"{name}|ours|all"] = recorded.replay
        if with_parts:
            for part in PARTS:
                of_part = [step for step in steps if step.part == part]
                if of_part:
                    work[f"{name}|bare|{part}"] = straight(of_part)
            for part, call in parts_of_ours(recorded, walk).items():
                if part == "parse" or f"{name}|bare|{part}" in work:
                    work[f"{name}|ours|{part}"] = call
        events = recorded.replay().events
        work[f"{name}|ours|fold"] = partial(fold, events)
    return work


def measure(work: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Microseconds of CPU of each, medians over the rounds; one call of each in a round.

    The collector of garbage stays on, as it is in a scan, and leaves alone what was there before.
    """
    clock = time.thread_time_ns
    samples: dict[str, list[int]] = {name: [] for name in work}
    empty: list[int] = []
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        began = clock()
        empty.append(clock() - began)
        for name, call in work.items():
            began = clock()
            call()
            samples[name].append(clock() - began)
    overhead = statistics.median(empty)
    return {name: (statistics.median(taken) - overhead) / 1_000 for name, taken in samples.items()}


def spawn(rounds: int, before: Path | None = None, *, with_parts: bool = False) -> dict[str, float]:
    """One process of its own: where memory happens to lie differs from process to process.

    Without the parts a round is shorter and the caches are warmer: runs are like or unlike in that.
    """
    command = [sys.executable, __file__, "--worker", "--rounds", str(rounds)]
    if not with_parts:
        command.append("--totals")
    with tempfile.TemporaryDirectory() as directory:
        environment = dict(os.environ)
        if before is not None:
            environment["PYTHONPATH"] = directory
            # The package and the peers of its tests, and not its benchmarks.
            for name in ("fleetscan", "tests"):
                Path(directory, name).symlink_to(before.resolve() / name)
        ended = subprocess.run(
            command, cwd=directory, env=environment, stdout=subprocess.PIPE, check=True
        )
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows, heads first, as a Markdown table."""
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(row) for row in rows[1:]]
    return "".join(f"| {line} |\n" for line in lines)


def on_top(runs: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """Ours on top of the bundle, one share a process."""
    return [run[f"{name}|ours|all"] / run[f"{name}|bare|all"] - 1 for run in runs]


def report(runs: Sequence[Mapping[str, float]], name: str) -> str:
    """One handshake, part by part."""

    def median(side: str, part: str) -> float:
        return statistics.median(run.get(f"{name}|{side}|{part}", 0.0) for run in runs)

    rows = [["", "fleetscan, us", "bare, us", "fleetscan / bare"]]
    ours, bare = median("ours", "all"), median("bare", "all")
    rest = ours
    for part in ("parse", *PARTS):
        of_ours, of_bare = median("ours", part), median("bare", part)
        rest -= of_ours
        if of_ours:
            ratio = f"{of_ours / of_bare:.2f}" if of_bare else ""
            rows.append([part, f"{of_ours:.1f}", f"{of_bare:.1f}" if of_bare else "", ratio])
    rows.append(["state machine, events, hello", f"{rest:.1f}", "", ""])
    if name == FLIGHT_TLS12:
        rows.append(["**all**", f"**{ours:.1f}**", "", ""])
    else:
        shares = on_top(runs, name)
        middle = statistics.median(shares)
        rows.append(["**all**", f"**{ours:.1f}**", f"**{bare:.1f}**", f"**{1 + middle:.2f}**"])
    rows.append(["beside it: `fold`, events to facts", f"{median('ours', 'fold'):.1f}", "", ""])
    said = f"\n{name}\n\n{table(rows)}"
    if name != FLIGHT_TLS12:
        said += (
            f"\nOn top of the bundle: {middle:+.1%}, least {min(shares):+.1%}, "
            f"most {max(shares):+.1%} of {len(shares)} processes.\n"
        )
    return said


def compare(
    runs: Sequence[Mapping[str, float]], before: Sequence[Mapping[str, float]], names: Sequence[str]
) -> str:
    """Two checkouts in one run."""
    rows = [["", "before, us", "now, us", "now / before", "on top, before", "on top, now"]]
    for name in names:
        key = f"{name}|ours|all"
        was = statistics.median(run[key] for run in before)
        now = statistics.median(run[key] for run in runs)
        row = [name, f"{was:.1f}", f"{now:.1f}", f"{now / was:.2f}"]
        if name != FLIGHT_TLS12:
            row += [f"{statistics.median(on_top(each, name)):+.1%}" for each in (before, runs)]
        rows.append(row + [""] * (6 - len(row)))
    return f"\n{table(rows)}"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--before", type=Path, help="another checkout, built, to compare with")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--totals", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.processes < 1 or options.rounds < 1:
        parser.error("at least one process and one round")
    return options


def main() -> int:
    """Measure and print; 1 when a complete handshake has more of ours than the budget."""
    options = parse_arguments()
    if options.worker:
        work = work_of(record(), with_parts=not options.totals)
        sys.stdout.write(json.dumps(measure(work, options.rounds)))
        return 0
    from benchmarks.side_by_side import machine

    runs: list[dict[str, float]] = []
    before: list[dict[str, float]] = []
    now: list[dict[str, float]] = []
    for number in range(options.processes):
        runs.append(spawn(options.rounds, with_parts=True))
        if options.before is not None:
            before.append(spawn(options.rounds, options.before))
            now.append(spawn(options.rounds))
        sys.stderr.write(f"process {number + 1} of {options.processes} done\n")
    names = [COMPLETE, HYBRID, FLIGHT_TLS13, FLIGHT_TLS12]
    sys.stdout.write(f"{machine()}, {ssl.OPENSSL_VERSION} under hashlib\n")
    for name in names:
        sys.stdout.write(report(runs, name))
    if before:
        sys.stdout.write(compare(now, before, names))
    if statistics.median(on_top(runs, COMPLETE)) > BUDGET:
        sys.stderr.write(f"{COMPLETE}: more than {BUDGET:.0%} on top of the bundle\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

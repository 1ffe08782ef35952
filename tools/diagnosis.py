"""Writes docs/diagnosis.md from the table; with --check only says whether it is fresh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fleetscan.causes.experiments import LEAST_OUTCOMES, LONGEST_PERIOD
from fleetscan.diagnosis.hellos import Change
from fleetscan.diagnosis.table import EXPERIMENTS, ROWS

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "diagnosis.md"

HEAD: Final = """\
<!-- Printed by tools/diagnosis.py from fleetscan/diagnosis/table.py: change those. -->
# Diagnosis: change one thing and ask again

A cause is not guessed from an error. It is shown: one thing in the way of asking is changed, and
the outcome flips. Experiments are made for failing targets only, within a budget for each, and at
the pace of the scan.

## How the next one is chosen

1. The facts of the first probe pick one row of the table of symptoms below, the first that holds.
   An alert that names its reason is asked about directly; otherwise the first question is the
   widest, the broad hello.
2. While nothing is answered, the row's experiments are made in their order. Each is the broad
   hello and one thing more, so that what fails says something of everything in it. One whose
   answer follows from what was seen is left out: fewer changes than failed do not work. A change
   that is met by *another* failure than the first has uncovered a second obstacle: its own row
   says what to add.
3. Once one is answered, its changes are taken back until the smallest set is left that is
   answered. What the server chose says where to begin: a version, suite, group or scheme that the
   first hello did not offer was missing. Of each change in that set a hello without it has failed.
   Where two are left, both are causes.
4. The failing hello is sent again, and the answered one, until chance is ruled out.

What is compared differs in one thing. A hello from which something was taken is padded
(RFC 7685) so that it is no smaller than the one that failed; where the size itself is the
question, the small hello carries padding too, and the large one more of it.

## When chance is ruled out

An alert that names the thing needs no repeats: unrecognized_name(112) for the name,
no_application_protocol(120) for ALPN; nor does a server that chose a version which was not offered
before, nor one that took such a suite, group or scheme after an alert. Everything else a server
that works only sometimes could do as well. It is ruled out when

- there were {least} outcomes at least, and each of the two was seen twice,
- one way of asking was asked with again,
- a failure followed a success, and
- no turn of up to {longest} members behind the address gives the same.

If one way of asking had both outcomes, that is the cause: `server.intermittent`, and nothing
follows from any change. A server that fails at random and half of the time passes for another one
about every fifth time, within the usual budget; a larger one asks on where repeats are missing.
Where they are, the cause is `suspected` and says so.

## What cannot be told apart

- A name that is cut without an alert: by the server or on the path. `interference.name_filter` is
  suspected beside `name.unrecognized`, and proven when the same name is cut on the way to another
  address that answers any name, or when a hello with a TTL too small to reach the server is reset
  twice.
- A firewall on the last hop and the server behind it.
- A hello of more than one packet that fails: the size, or that it comes in two segments. A small
  hello in two segments tells; without that the cause is suspected.
- SSL 3.0 and SSL 2.0 have hellos that are small and without extensions: a server that answers
  those alone is suspected to be old.
"""


def page() -> str:
    """The whole page."""
    head = HEAD.format(least=LEAST_OUTCOMES, longest=LONGEST_PERIOD)
    return "\n".join((head, _symptoms(), _experiments(), _changes()))


def _symptoms() -> str:
    rows = [
        (
            f"`{row.name}`",
            row.says,
            ", ".join(f"`{name}`" for name in row.experiments) or "none",
            ", ".join(each.word for each in row.suspects) or "-",
        )
        for row in ROWS
    ]
    head = ("symptom", "what was seen", "experiments, in order", "suspected first")
    return _table("Symptoms", head, rows)


def _experiments() -> str:
    rows = [
        (f"`{name}`", each.asks, each.splits, ", ".join(f"`{cause}`" for cause in each.proves))
        for name, each in EXPERIMENTS.items()
    ]
    return _table("Experiments", ("name", "what is asked", "what it splits", "can show"), rows)


def _changes() -> str:
    rows = [(f"`{change.value}`", change.says) for change in Change]
    return _table("Changes of a hello", ("change", "what is different"), rows)


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [_row(head), _row(("---",) * len(head)), *map(_row, rows)]
    return "\n".join((f"## {title}\n", *lines, ""))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Give 1 when --check finds that the page is not fresh, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    if not options.check:
        options.page.write_text(page(), "utf-8")
        return 0
    if options.page.is_file() and options.page.read_text("utf-8") == page():
        return 0
    sys.stderr.write("docs/diagnosis.md is not fresh: run python tools/diagnosis.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

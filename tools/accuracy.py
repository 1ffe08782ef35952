"""Scans every planted fault, prints how often the verdict is right, and writes docs/accuracy.md.

Gives 1 when a verdict is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import uvloop  # noqa: E402

from fleetscan.causes import CATALOGUE  # noqa: E402
from tests.accuracy.embedded import scan_embedded  # noqa: E402
from tests.accuracy.otherwise import scan_otherwise  # noqa: E402
from tests.accuracy.paths import scan_paths, why_not  # noqa: E402
from tests.accuracy.real import scan_real  # noqa: E402
from tests.accuracy.told import UNKNOWN, Told  # noqa: E402

PAGE: Final = ROOT / "docs" / "accuracy.md"

HEAD: Final = """\
<!-- Printed by tools/accuracy.py from a run: `make accuracy` renews it. -->
# How often the verdict is right

Faults are planted, every target is scanned, and what is told is held against what was planted:

    $ make accuracy

Four places: the lab that fleetscan ships (`fleetscan lab`); the same with other options than the
default ones; real servers with the fault in their own configuration; and a network of namespaces
with a middlebox two hops before the server. Whoever is in good order must be told nothing and
costs one connection.
"""

COLUMNS: Final = """\
*Planted* counts the targets with that fault, *right* those of them of which exactly what was
planted is told. *Suspected* are right ones whose first cause the verdict does not call settled:
what else it may be is in the verdict. *Missed* are those of which something else is told, *unknown*
those of which nothing is known. *Wrong* counts targets of which it is told and was not planted,
*wrong proofs* those of which it was even called proven. *Probes* are connections to a target of
which it is the first cause planted, on average, the first probe among them.
"""

_TABLE: Final = (
    "id",
    "planted",
    "right",
    "suspected",
    "missed",
    "unknown",
    "wrong",
    "wrong proofs",
    "probes",
)


def main() -> int:
    """Scan everything, print the page and write it."""
    left_out: list[str] = []
    places = _scan(left_out)
    text = page(places, left_out)
    sys.stdout.write(text)
    PAGE.write_text(text)
    return int(any(not each.is_right for found in places.values() for each in found))


def _scan(left_out: list[str]) -> dict[str, list[Told]]:
    places = {
        "the lab": uvloop.run(scan_embedded()),
        "other options": uvloop.run(scan_otherwise()),
    }
    with tempfile.TemporaryDirectory() as name:
        # Servers that give root's rights away read their files as somebody else.
        Path(name).chmod(0o755)
        places["real servers"] = uvloop.run(scan_real(Path(name), left_out))
    missing = why_not()
    if missing:
        left_out.append(f"namespaces: {missing}")
    else:
        with tempfile.TemporaryDirectory() as name:
            places["the way"] = scan_paths(Path(name))
    return places


def page(places: dict[str, list[Told]], left_out: Sequence[str]) -> str:
    """The whole page."""
    every = [each for found in places.values() for each in found]
    return "\n".join(
        (
            HEAD,
            *_summary(places),
            "",
            *_sentences(every),
            "",
            "## By cause",
            "",
            COLUMNS,
            *_table(every),
            "",
            *_not_planted(every),
            *_list("Told otherwise than planted", [e.text for e in every if not e.is_right]),
            *_list("Left out on the machine that printed this page", left_out),
            *_verdicts(places),
        )
    )


def _summary(places: dict[str, list[Told]]) -> Iterator[str]:
    yield _row(("place", "targets", "in good order", "with a fault", "right", "wrong proofs"))
    yield _row(["---"] * 6)
    for name, found in places.items():
        healthy = sum(not each.planted for each in found)
        right = sum(each.is_right for each in found)
        proofs = sum(len(each.wrong_proofs) for each in found)
        counts = (len(found), healthy, len(found) - healthy, right, proofs)
        yield _row((name, *map(str, counts)))


def _sentences(every: Sequence[Told]) -> Iterator[str]:
    failing = [each.probes for each in every if each.planted]
    healthy = [each.probes for each in every if not each.planted]
    yield f"A failing target took {_mean(failing)} connections on average, {max(failing)} at most;"
    yield f"one in good order {_mean(healthy)}."


def _table(every: Sequence[Told]) -> Iterator[str]:
    yield _row(_TABLE)
    yield _row(["---"] * len(_TABLE))
    for cause in (entry.id for entry in CATALOGUE):
        planted = [each for each in every if cause in each.planted]
        wrong = [each for each in every if cause in each.ids and cause not in each.planted]
        if planted or wrong:
            yield _row((f"`{cause}`", *_counts(cause, planted, wrong)))


def _counts(cause: str, planted: Sequence[Told], wrong: Sequence[Told]) -> Iterable[str]:
    first = [each.probes for each in planted if each.planted[0] == cause]
    counts = (
        len(planted),
        sum(each.is_right for each in planted),
        sum(each.is_suspected for each in planted),
        sum(cause not in each.ids for each in planted),
        sum(UNKNOWN in each.ids for each in planted),
        len(wrong),
        sum(cause in each.wrong_proofs for each in wrong),
    )
    return (*map(str, counts), _mean(first))


def _not_planted(every: Sequence[Told]) -> Iterator[str]:
    planted = {cause for each in every for cause in each.planted}
    rest = [entry.id for entry in CATALOGUE if entry.id not in planted]
    causes = [f"`{each}`" for each in rest if not each.startswith("finding.")]
    yield f"Not planted here: {', '.join(causes)}."
    yield ""


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"## {title}\n"
        yield from (f"- {line}" for line in lines)
        yield ""


def _verdicts(places: dict[str, list[Told]]) -> Iterator[str]:
    yield "## Every target"
    for name, found in places.items():
        yield f"\n### {name[0].upper()}{name[1:]}\n"
        yield _row(("target", "planted", "told", "connections"))
        yield _row(["---"] * 4)
        for each in found:
            causes = ", ".join(f"`{cause}` {confidence}" for cause, confidence in each.causes)
            planted = ", ".join(f"`{cause}`" for cause in each.planted)
            yield _row((each.name, planted or "nothing", causes or "nothing", str(each.probes)))
    yield ""


def _mean(numbers: Sequence[int]) -> str:
    return f"{sum(numbers) / len(numbers):.1f}" if numbers else "-"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

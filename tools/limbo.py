"""Runs x509-limbo and writes docs/limbo.md; with --check only says whether it is fresh.

Gives 1 when a case comes out otherwise than tests/vectors/limbo.json has it, or when the page
is not fresh. Where the suite is not at hand it says so, changes nothing and gives 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fleetscan.output.chain_record import UNDECIDED  # noqa: E402
from tests.limbo import (  # noqa: E402
    MISSING,
    POLICIES,
    Answer,
    answers,
    corpus,
    listed,
    load,
    misnamed,
    servers,
    unbounded,
    unlisted,
)

PAGE: Final = ROOT / "docs" / "limbo.md"
SLOWEST: Final = 10
"""Cases whose time is printed."""

HEAD: Final = """\
<!-- Printed by tools/limbo.py from the suite and tests/vectors/limbo.json: change that. -->
# x509-limbo: where fleetscan and the suite differ

x509-limbo (https://github.com/C2SP/x509-limbo) is a suite of certificate paths with what a
verifier should say of each. It asks for the profile that the web's authorities must keep;
fleetscan's default policy asks what makes clients fail (ADR 0021). Where the two differ the case
stands here with the reason. The policy `webpki` asks for the profile too.

Every case is given to the code of `fleetscan verify`: the intermediates as sent, the suite's
trusted certificates as `--trust`, its CRLs as `--crl`. A chain that is *undecided* counts as not
accepted. The tests hold every line of this page against the suite, where it is at hand:

    $ FLEETSCAN_LIMBO=/path/to/limbo.json python tools/limbo.py
"""


def page(cases: Sequence[dict[str, Any]], found: dict[str, tuple[Answer, ...]]) -> str:
    """The whole page."""
    known = listed()
    return "\n".join(
        (
            HEAD,
            *_summary(cases, found),
            *(
                line
                for policy, answers_of in found.items()
                for line in _differences(policy, answers_of, known["disagreements"][policy])
            ),
            *_reasons(known),
            *_undecided(found, known["bounds"]),
            *_refused(found, known["about"], known["notes"]),
        )
    )


def _summary(
    cases: Sequence[dict[str, Any]], found: dict[str, tuple[Answer, ...]]
) -> Iterable[str]:
    asked = servers(cases)
    yield f"{len(cases)} cases: {len(asked)} about a server's certificate, which are asked, and"
    yield f"{len(cases) - len(asked)} about a client's, which are not: fleetscan checks servers.\n"
    yield _row(("policy", "cases", "agree", "of these refused", "of these undecided", "differ"))
    yield _row(["---"] * 6)
    for policy, given in found.items():
        agree = [answer for answer in given if answer.agrees]
        refused = sum(answer.is_rightly_refused for answer in agree)
        undecided = sum(answer.outcome == UNDECIDED for answer in agree)
        counts = (len(given), len(agree), refused, undecided, len(given) - len(agree))
        yield _row((_code(policy), *(str(count) for count in counts)))
    yield ""


def _differences(policy: str, given: Sequence[Answer], reasons: dict[str, str]) -> Iterable[str]:
    default = ", the default" if policy == POLICIES[0] else ""
    yield f"## Differences under `{policy}`{default}\n"
    yield _row(("case", "the suite", "fleetscan", "causes", "reason"))
    yield _row(["---"] * 5)
    for answer in given:
        if not answer.agrees:
            expected = "accepts" if answer.expected else "refuses"
            causes = " ".join(map(_code, answer.causes)) or "none"
            reason = reasons.get(answer.id, "?").replace("_", " ")
            yield _row((_code(answer.id), expected, answer.outcome, causes, reason))
    yield ""


def _reasons(known: dict[str, Any]) -> Iterable[str]:
    yield "## The reasons\n"
    for word, text in known["reasons"].items():
        yield f"- *{word.replace('_', ' ')}*: {text}"
    yield ""


def _undecided(found: dict[str, tuple[Answer, ...]], bounds: dict[str, str]) -> Iterable[str]:
    yield "## Undecided, and the bound that ended it\n"
    yield "The same under both policies; the bounds are in fleetscan/limits.py.\n"
    yield _row(("case", "bound"))
    yield _row(["---"] * 2)
    for case, bound in bounds.items():
        yield _row((_code(case), _code(bound)))
    yield ""


def _refused(
    found: dict[str, tuple[Answer, ...]],
    about: dict[str, list[str]],
    notes: dict[str, str],
) -> Iterable[str]:
    yield "## Refused, and what each case is about\n"
    yield "*About* was written from the suite's description of the case. One of its causes is among"
    yield "those of each verdict, and the first cause is of the same family. Two stand there where"
    yield "the description leaves both open. Empty: not refused under that policy.\n"
    yield _row(("case", "about", *(_code(policy) for policy in found), "note"))
    yield _row(["---"] * (3 + len(found)))
    for row in zip(*found.values(), strict=True):
        if any(answer.is_rightly_refused for answer in row):
            case = row[0].id
            causes = (_causes(answer) for answer in row)
            yield _row(
                (
                    _code(case),
                    " ".join(map(_code, about.get(case, ()))),
                    *causes,
                    notes.get(case, ""),
                )
            )
    yield ""


def _causes(answer: Answer) -> str:
    return " ".join(map(_code, answer.causes)) if answer.is_rightly_refused else ""


def _code(text: str) -> str:
    return f"`{text}`"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def complaints(found: dict[str, tuple[Answer, ...]]) -> list[str]:
    """What comes out otherwise than it is written down, one line each."""
    known = listed()
    return [
        f"{policy}: {line}"
        for policy, given in found.items()
        for line in (
            *unlisted(given, known["disagreements"][policy]),
            *misnamed(given, known["about"]),
            *unbounded(given, known["bounds"]),
        )
    ]


def _slowest(found: dict[str, tuple[Answer, ...]]) -> Iterable[str]:
    timed = sorted(
        ((answer.seconds, answer.id, policy) for policy, each in found.items() for answer in each),
        reverse=True,
    )
    for seconds, case, policy in timed[:SLOWEST]:
        yield f"{seconds * 1000:7.1f} ms  {case} ({policy})"


def main(arguments: list[str] | None = None) -> int:
    """Give 1 when something is not as it is written down, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path, default=corpus(), help="limbo.json")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    if not options.corpus.is_file():
        sys.stderr.write(f"docs/limbo.md: skipped: {MISSING}\n")
        return 0
    found = {policy: answers(options.corpus, policy) for policy in POLICIES}
    wrong = complaints(found)
    text = page(load(options.corpus), found)
    if options.check:
        if not options.page.is_file() or options.page.read_text("utf-8") != text:
            wrong.append("docs/limbo.md is not fresh: run python tools/limbo.py")
    else:
        options.page.write_text(text, "utf-8")
        sys.stdout.write("the slowest:\n" + "".join(f"{line}\n" for line in _slowest(found)))
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

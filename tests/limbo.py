"""The x509-limbo suite, asked as `fleetscan verify` asks, and what is written down about it.

`tests/vectors/limbo.json` lists every server case in which fleetscan and the suite differ, and
for every refused one what it is about. `tools/limbo.py` prints docs/limbo.md from both.
"""

from __future__ import annotations

import datetime
import functools
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleetscan.chain_check import verify_chain
from fleetscan.output.chain_record import REFUSED, UNDECIDED, VALID
from fleetscan.pki.policy import BROWSER, WEBPKI
from tests.certificates import NOW

PROJECT: Final = Path(__file__).resolve().parents[1]
LISTED: Final = PROJECT / "tests" / "vectors" / "limbo.json"
POLICIES: Final = (BROWSER.name, WEBPKI.name)
"""The default policy, and the one that asks what the suite asks."""

MISSING: Final = "needs x509-limbo's limbo.json; name its path in FLEETSCAN_LIMBO"
_PLACE: Final = "shared/corpora/limbo/limbo.json"


def corpus() -> Path:
    """Where the suite is, or would be: FLEETSCAN_LIMBO, or beside the project.

    A linked worktree is anywhere; what is beside the repository that it belongs to counts.
    """
    named = os.environ.get("FLEETSCAN_LIMBO")
    if named:
        return Path(named)
    link = PROJECT / ".git"  # in a linked worktree a file: gitdir: REPOSITORY/.git/worktrees/NAME
    project = PROJECT
    if link.is_file():
        project = Path(link.read_text().removeprefix("gitdir:").strip()).parents[2]
    return project.parent / _PLACE


@functools.cache
def load(path: Path) -> tuple[dict[str, Any], ...]:
    """Every case of the file, as it stands there."""
    return tuple(json.loads(path.read_text())["testcases"])


def servers(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that ask about a server's certificate."""
    return [case for case in cases if case["validation_kind"] == "SERVER"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What fleetscan says of one case.

    Args:
        id: the case.
        expected: whether the suite accepts the chain.
        outcome: valid, refused or undecided.
        causes: ids, the first cause first.
        limit: the bound that kept it undecided, `""` when none did.
        seconds: what the answer took, reading the files included.
    """

    id: str
    expected: bool
    outcome: str
    causes: tuple[str, ...] = ()
    limit: str = ""
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether what is to be accepted is valid, and nothing else."""
        return (self.outcome == VALID) is self.expected

    @property
    def is_rightly_refused(self) -> bool:
        """Whether both refuse it, and fleetscan knows why."""
        return not self.expected and self.outcome == REFUSED


def ask(case: Mapping[str, Any], policy: str) -> Answer:
    """Give a case to `fleetscan verify`: its intermediates as sent, its CRLs as files."""
    chain = [case["peer_certificate"], *case["untrusted_intermediates"]]
    when = case["validation_time"]
    with tempfile.TemporaryDirectory() as directory:
        roots = _written(directory, "roots.pem", case["trusted_certs"])
        crls = [_written(directory, f"{at}.crl", [crl]) for at, crl in enumerate(case["crls"])]
        started = time.perf_counter()
        found = verify_chain(
            "\n".join(chain).encode(),
            name=(case["expected_peer_name"] or {}).get("value"),
            at=datetime.datetime.fromisoformat(when).timestamp() if when else float(NOW),
            trust=[roots],
            policy=policy,
            crls=crls,
        )
        seconds = time.perf_counter() - started
    return Answer(
        id=case["id"],
        expected=case["expected_result"] == "SUCCESS",
        outcome=found.record["outcome"],
        causes=tuple(found.record["cause_ids"]),
        limit=found.record.get("limit", ""),
        seconds=seconds,
    )


def _written(directory: str, name: str, blocks: Sequence[str]) -> str:
    path = Path(directory, name)
    path.write_text("\n".join(blocks))
    return str(path)


@functools.cache
def answers(path: Path, policy: str) -> tuple[Answer, ...]:
    """What fleetscan says of every server case, in the suite's order."""
    return tuple(ask(case, policy) for case in servers(load(path)))


@functools.cache
def listed() -> dict[str, Any]:
    """What is written down: differences and their reasons, and what each case is about."""
    found: dict[str, Any] = json.loads(LISTED.read_text("utf-8"))
    return found


def unlisted(found: Sequence[Answer], known: Mapping[str, str]) -> list[str]:
    """The differences that are not listed, and what is listed and is none any more."""
    different = {answer.id: answer for answer in found if not answer.agrees}
    return [
        f"{each}: {_said(different[each])}, not listed" for each in different if each not in known
    ] + [f"{each}: listed, and agrees" for each in known if each not in different]


def misnamed(found: Sequence[Answer], about: Mapping[str, Sequence[str]]) -> list[str]:
    """The refused cases in which no cause, or another family first, is what the case is about."""
    return [
        f"{answer.id}: {_said(answer)}, about {', '.join(about.get(answer.id, ())) or 'nothing'}"
        for answer in found
        if answer.is_rightly_refused and not _names(answer, about.get(answer.id, ()))
    ]


def _names(answer: Answer, about: Sequence[str]) -> bool:
    families = {_family(each) for each in about}
    return not set(about).isdisjoint(answer.causes) and _family(answer.causes[0]) in families


def _family(cause: str) -> str:
    return cause.partition(".")[0]


def unbounded(found: Sequence[Answer], bounds: Mapping[str, str]) -> list[str]:
    """The undecided cases whose bound is not the listed one, and the listed that are decided."""
    undecided = {answer.id: answer.limit for answer in found if answer.outcome == UNDECIDED}
    return [
        f"{each}: undecided by {undecided.get(each, 'nothing')}, listed {bounds.get(each, 'not')}"
        for each in {**undecided, **bounds}
        if undecided.get(each) != bounds.get(each)
    ]


def _said(answer: Answer) -> str:
    return " ".join((answer.outcome, *answer.causes))

"""From one case to its verdict: every cause that holds, in the order of the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.catalogue import CATALOGUE, FAMILY_ORDER
from fleetscan.causes.evidence import established
from fleetscan.causes.local import UNKNOWN, unknown_match
from fleetscan.causes.model import Cause, Checks, Severity, Verdict
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan.causes.model import Case

ESTABLISHED: Final = "established"
FAILED: Final = "failed"
ERROR: Final = "error"

FINDING: Final = "finding"
OURS: Final = frozenset({"internal", "local"})
"""Families that say that the probe failed on our side: nothing is then said of the target."""

_PLACE: Final = {
    entry.id: (FAMILY_ORDER.index(entry.family), place) for place, entry in enumerate(CATALOGUE)
}
_MATCHERS: Final = tuple((entry, entry.match) for entry in CATALOGUE if entry.match is not None)

# What can be said of a handshake that worked: most targets are healthy, and they need not
# be asked how they failed. A test asks every matcher and gets the same.
_STILL_POSSIBLE: Final = frozenset(
    {*OURS, "version", "cipher", "key_exchange", "chain", "certificate", FINDING}
)
_MATCHERS_OF_ESTABLISHED: Final = tuple(
    (entry, match) for entry, match in _MATCHERS if entry.family in _STILL_POSSIBLE
)


def classify(case: Case) -> Verdict:
    """Say what is wrong with one target, and what is worth knowing about it.

    Every matcher of the catalogue is asked and every cause that holds is kept. One is left
    out only where its entry names it as `hidden_by` another that holds, or where the probe
    failed on our own side: the facts of such a probe say nothing about the target.

    Args:
        case: the facts, the path check, the clock. Nothing else is looked at, so that
            the verdict of a target does not depend on any other.

    Returns:
        The verdict. `unknown` stands in it only when the handshake failed and no cause
        of the catalogue holds.
    """
    worked = established(case.facts)
    matched = [
        Cause(entry=entry, match=found, severity=found.severity or entry.severity)
        for entry, match in (_MATCHERS_OF_ESTABLISHED if worked else _MATCHERS)
        if (found := match(case)) is not None
    ]
    matched = _without_hidden(matched)
    causes = [cause for cause in matched if cause.entry.family != FINDING]
    findings = [cause for cause in matched if cause.entry.family == FINDING]
    ours = [cause for cause in causes if cause.entry.family in OURS]
    if ours:
        causes, findings = ours, []
    elif not causes and not worked:
        found = unknown_match(case)
        causes = [Cause(entry=UNKNOWN, match=found, severity=UNKNOWN.severity)]
    causes.sort(key=_order)
    findings.sort(key=_order)
    return Verdict(
        outcome=_outcome(causes),
        severity=_gravest(causes + findings),
        causes=tuple(causes),
        findings=tuple(findings),
        checks=_checks(case),
    )


def _without_hidden(matched: list[Cause]) -> list[Cause]:
    held = {cause.entry.id for cause in matched}
    return [cause for cause in matched if held.isdisjoint(cause.entry.hidden_by)]


def _order(cause: Cause) -> tuple[int, int, int]:
    family, place = _PLACE[cause.entry.id]
    return family, -cause.severity.rank, place


def _outcome(causes: list[Cause]) -> str:
    if not causes:
        return ESTABLISHED
    return ERROR if causes[0].entry.family in OURS else FAILED


def _gravest(causes: list[Cause]) -> Severity:
    return max((cause.severity for cause in causes), key=_rank, default=Severity.INFO)


def _rank(severity: Severity) -> int:
    return severity.rank


def _checks(case: Case) -> Checks:
    path = case.path
    return Checks(
        name=path.name if path else Checked.NOT_CHECKED,
        path=path.trusted if path else Checked.NOT_CHECKED,
        key=case.facts.key_proof,
    )

"""What experiments on one target say of another that fails in the same way at the same place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleetscan.causes.model import Confidence, Severity

if TYPE_CHECKING:
    from fleetscan.causes.model import Cause, Verdict
    from fleetscan.facts import HandshakeFacts

EXPERIMENT: Final = "experiment"
"""The kind of basis that is another's here."""

MISSING: Final = "the same experiments on this target itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """The target whose experiments others borrow.

    Args:
        result_id: of its result, which has them.
        server_name: that its first probe sent.
        facts: of its first probe, which its experiments are held against: a name of another
            length makes a hello of another size.
    """

    result_id: str
    server_name: str
    facts: HandshakeFacts


def as_borrowed(own: Verdict, lent: Verdict, lender: Lender, server_name: str) -> Verdict:
    """The verdict on a target that was not asked again itself.

    What rests on experiments is the lender's, `suspected` at most, and says whose it is. All else
    is told as this target showed it.

    Args:
        own: concluded without experiments.
        lent: concluded with the lender's facts and experiments.
        lender: whose they are.
        server_name: that this target was asked with.
    """
    names = {lender.server_name: server_name} if lender.server_name else {}
    causes = _merged(own.causes, lent.causes, lender.result_id, names)
    findings = _merged(own.findings, lent.findings, lender.result_id, names)
    everything = (*causes, *findings)
    return replace(
        own,
        causes=causes,
        findings=findings,
        severity=max((one.severity for one in everything), key=_rank, default=Severity.INFO),
    )


def _merged(
    own: tuple[Cause, ...], lent: tuple[Cause, ...], result_id: str, names: dict[str, str]
) -> tuple[Cause, ...]:
    """In the lender's order, which is that of the vocabulary."""
    mine = {cause.entry.id: cause for cause in own}
    return tuple(
        _borrowed(cause, result_id, names)
        if cause.match.basis.kind == EXPERIMENT
        else mine.get(cause.entry.id, cause)
        for cause in lent
    )


def _borrowed(cause: Cause, result_id: str, names: dict[str, str]) -> Cause:
    match = cause.match
    return replace(
        cause,
        match=replace(
            match,
            confidence=Confidence.SUSPECTED,
            evidence={key: names.get(value, value) for key, value in match.evidence.items()},
            remedy_values=tuple(names.get(value, value) for value in match.remedy_values),
            basis=replace(match.basis, result_id=result_id),
            missing=match.missing or MISSING,
        ),
    )


def _rank(severity: Severity) -> int:
    return severity.rank

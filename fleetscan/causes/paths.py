"""From what a path check found wrong to the matches of certificate.* and chain.*."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import certificate_subject, escaped_text, evidence, joined
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Matcher

REPAIR_SET: Final = 1
"""Repairs of one assessment were made together, so they are one set."""

SUBJECT_EVIDENCE: Final = {
    "subject": "the certificates concerned, leaf first",
    "sha256": "SHA-256 of the first of them",
}

Describe = Callable[["Case", tuple[Problem, ...]], dict[str, str]]
Values = Callable[["Case", tuple[Problem, ...]], tuple[str, ...]]


def problems_of_kind(path: PathAssessment, kind: PathProblem) -> tuple[Problem, ...]:
    """What the assessment has of this kind, in the order of the path."""
    return tuple(problem for problem in path.problems if problem.kind is kind)


def details(problems: tuple[Problem, ...]) -> str:
    """What the assessment says of each, without repetitions."""
    unique = dict.fromkeys(escaped_text(problem.detail) for problem in problems if problem.detail)
    return joined(list(unique))


def subjects(_case: Case, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    """The certificates concerned, as concrete values for the remedy."""
    return tuple(dict.fromkeys(certificate_subject(each.certificate) for each in problems))


def no_more(_case: Case, _problems: tuple[Problem, ...]) -> dict[str, str]:
    """No evidence beyond the subject and the hash."""
    return {}


def problem_matcher(
    kind: PathProblem,
    describe: Describe = no_more,
    *,
    values: Values = subjects,
    changed: str = "",
    alternatives: tuple[str, ...] = (),
    missing: str = "",
) -> Matcher:
    """A matcher that holds when the path check found a problem of this kind.

    Args:
        kind: which problem.
        describe: gives evidence beyond `SUBJECT_EVIDENCE`.
        values: gives the concrete values of the remedy.
        changed: what a repair changes: `root` or `intermediate`. A cause is proven only
            when the check was made again with that repair and passed this point.
        alternatives: what else it can be, where the check cannot tell.
        missing: what would settle it.
    """

    def match(case: Case) -> Match | None:
        if case.path is None or not case.path.problems:  # the usual case, at little cost
            return None
        problems = problems_of_kind(case.path, kind)
        if not problems:
            return None
        found = evidence(
            subject=joined(list(subjects(case, problems))),
            sha256=problems[0].certificate.sha256,
        )
        # Every one of them must have its repair: half a repair proves nothing.
        proven = bool(changed) and all(problem.repair is not None for problem in problems)
        return Match(
            evidence=found | describe(case, problems),
            confidence=Confidence.PROVEN if proven else Confidence.OBSERVED,
            basis=_repair(changed) if proven else Basis(kind="peer"),
            alternatives=alternatives,
            missing=missing,
            remedy_values=values(case, problems),
        )

    return match


def _repair(changed: str) -> Basis:
    return Basis(kind="repair", changed=changed, before="refused", after="passed", set=REPAIR_SET)

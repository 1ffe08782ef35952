"""From what a path check found wrong to the matches of certificate.* and chain.*."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    certificate_subject,
    escaped_text,
    evidence,
    joined,
    rfc3339,
)
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem
from fleetscan.pki.distinguished_names import claimed_subject_key, name_key

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Matcher
    from fleetscan.facts import MalformedCertificate

SUBJECT_EVIDENCE: Final = {
    "subject": "the certificates concerned, leaf first",
    "sha256": "SHA-256 of the first of them",
}

Describe = Callable[["Case", tuple[Problem, ...]], dict[str, str]]
Values = Callable[["Case", tuple[Problem, ...]], tuple[str, ...]]


def problems_of_kind(path: PathAssessment, *kinds: PathProblem) -> tuple[Problem, ...]:
    """What the assessment has of these kinds, in the order of the path."""
    return tuple(problem for problem in path.problems if problem.kind in kinds)


def stands_in_for_issuer(malformed: MalformedCertificate, problems: Iterable[Problem]) -> bool:
    """Whether it has the name of an issuer that the path lacks: it was sent as that one."""
    lacking = (PathProblem.UNKNOWN_ISSUER, PathProblem.INCOMPLETE)
    subject = claimed_subject_key(malformed.der)
    return any(
        name_key(problem.certificate.issuer) == subject
        for problem in problems
        if problem.kind in lacking
    )


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
    kinds: PathProblem | tuple[PathProblem, ...],
    describe: Describe = no_more,
    *,
    values: Values = subjects,
    alternatives: tuple[str, ...] = (),
    missing: str = "",
) -> Matcher:
    """A matcher that holds when the path check found a problem of these kinds.

    Args:
        kinds: which problems.
        describe: gives evidence beyond `SUBJECT_EVIDENCE`.
        values: gives the concrete values of the remedy.
        alternatives: what else it can be, where the check cannot tell.
        missing: what would settle it.
    """

    wanted = kinds if isinstance(kinds, tuple) else (kinds,)

    def match(case: Case) -> Match | None:
        if case.path is None or not case.path.problems:  # the usual case, at little cost
            return None
        problems = problems_of_kind(case.path, *wanted)
        if not problems:
            return None
        found = evidence(
            subject=joined(list(subjects(case, problems))),
            sha256=problems[0].certificate.sha256,
        )
        # Every one of them must have been shown: half a repair proves nothing.
        proven = all(problem.proven for problem in problems)
        return Match(
            evidence=found | describe(case, problems),
            confidence=Confidence.PROVEN if proven else Confidence.OBSERVED,
            basis=_repair(problems) if proven else Basis(kind="peer"),
            alternatives=alternatives,
            missing=missing,
            remedy_values=values(case, problems),
            accepted_by=_accepted_by(case, problems),
        )

    return match


def _accepted_by(case: Case, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    """The policies that hold none of them against the path."""
    # Here, so that the catalogue can be read without `cryptography`: explain is to be quick.
    from fleetscan.pki.acceptance import accepted_by

    first, *others = (accepted_by(problem, case.reference_name) for problem in problems)
    return tuple(policy for policy in first if all(policy in other for other in others))


def _repair(problems: tuple[Problem, ...]) -> Basis:
    """What was changed when the check passed: for several rules of one kind, all of them."""
    changed = dict.fromkeys(problem.changed for problem in problems)
    first = problems[0]
    passed = "passed"
    if first.passes_at is not None:
        passed = f"passed at {rfc3339(first.passes_at)}"
    elif first.passes_as:
        passed = f"passed as {escaped_text(first.passes_as)}"
    return Basis(
        kind="repair",
        changed=", ".join(changed),
        before="refused",
        after=passed,
        set=first.set,
    )

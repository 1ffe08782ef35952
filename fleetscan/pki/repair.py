"""What would make a refused chain pass: the smallest sets of changes, each shown by asking.

A path that is refused tells by its problems which changes could mend it: a time, a name of
the certificate's own, a root anchored, a missing intermediate added, a rule not asked. The
smallest set over all paths is tried; it counts only when the verifier then says yes, and
says no again with any one of the changes taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from fleetscan.pki.assessment import Change, PathProblem, Problem
from fleetscan.pki.names import DNS_NAME, IP_ADDRESS, certificate_matches, distinguished_name
from fleetscan.pki.policy import Rule
from fleetscan.pki.search import Ending
from fleetscan.pki.signatures import SignatureState
from fleetscan.pki.verification import NOTHING, Path, Reach, Verifier
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.search import IssuerLookup
    from fleetscan.pki.verification import ExaminedPath, Refusal

MAX_SETS: Final = 3
"""Repairs of equal size that are told; more than that help nobody."""

MAX_PLANS: Final = 16
"""Sets that are tried for one target, smallest first."""

_MAX_OWN_NAMES: Final = 20
_MENDED_BY_A_ROOT: Final = frozenset({PathProblem.SELF_SIGNED, PathProblem.UNTRUSTED_ROOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked and refused: a name at a second."""

    name: str | None
    second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Changes that would mend one path, with the problems that each of them mends.

    `open` says that the path ends nowhere, so that no change makes it pass; the others are
    then shown with the end of the path not asked about.
    """

    path: ExaminedPath
    problems: tuple[Problem, ...]
    second: int | None = None
    name: str | None = None
    root: Certificate | None = None
    added: tuple[Certificate, ...] = ()
    off: frozenset[Rule] = NOTHING
    open: bool = False

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Smaller is better: one that can pass, the fewest changes, the fewest rules left out."""
        changes = (self.second is not None, self.name is not None, bool(self.root))
        return self.open, sum(changes) + bool(self.added) + len(self.off), len(self.off)

    @property
    def mends(self) -> frozenset[PathProblem]:
        """What it is about: of two plans about the same, one is enough."""
        return frozenset(each.kind for each in self.problems)


def smallest_repairs(
    verifier: Verifier,
    question: Question,
    refusal: Refusal,
    authorities: IssuerLookup | None,
) -> tuple[Plan, ...]:
    """Give the smallest sets of changes with which the chain passes, each shown.

    Args:
        verifier: of the chain as sent.
        question: the name and the time that were asked about.
        refusal: its answer.
        authorities: CA certificates in hand that were not sent. One of them completes a
            path only as a change that is told.

    Returns:
        One plan, or several of one rank that mend different kinds of things, three at most; none
        when nothing that is tried makes the chain pass.
    """
    verifier = verifier.forked()
    plans = [_plan(path, question, refusal) for path in verifier.paths()]
    if authorities is not None and _may_lack_issuers(verifier):
        plans += _completions(verifier, question, refusal, authorities)
    plans.sort(key=lambda plan: plan.rank)
    shown: list[Plan] = []
    for plan in plans[:MAX_PLANS]:
        if shown and (plan.rank != shown[0].rank or len(shown) == MAX_SETS):
            break
        needed = _shown(verifier, question, plan)
        if needed is not None and all(needed.mends != other.mends for other in shown):
            shown.append(needed)
    return tuple(shown)


# -- from a path to the changes that would mend it --------------------------------------


def _plan(
    path: ExaminedPath, question: Question, refusal: Refusal, added: Sequence[Certificate] = ()
) -> Plan:
    plan = Plan(path=path, problems=(), added=tuple(added))
    named = next((each for each in refusal.problems if each.rule is Rule.NAME), None)
    if named is not None:
        plan = _with_own_name(plan, named)
    plan = _with_dates(plan, path, question.second, refusal)
    for problem in path.problems:
        plan = _with_standing(plan, problem)
    return plan


def _with_own_name(plan: Plan, problem: Problem) -> Plan:
    own = _own_name(problem.certificate)
    if own is None:
        return _without_rule(plan, problem)
    mended = replace(problem, changed=Change.NAME.value, passes_as=own)
    return replace(plan, problems=(*plan.problems, mended), name=own)


def _own_name(leaf: Certificate) -> str | None:
    """The first of its names that it is good for; for a wildcard one that it covers."""
    for name in (leaf.subject_alt_name or ())[:_MAX_OWN_NAMES]:
        if name.kind not in (DNS_NAME, IP_ADDRESS):
            continue
        text = name.text
        text = f"host{text[1:]}" if text.startswith("*.") else text
        if certificate_matches(leaf, text) is Checked.YES:
            return text
    return None


def _with_dates(plan: Plan, path: ExaminedPath, second: int, refusal: Refusal) -> Plan:
    problems = path.dates(second, refusal.policy)
    if not problems:
        return plan
    first, last = path.window
    if first > last:
        # At no time are all of them valid: each rule by itself is what stands in the way.
        for problem in problems:
            plan = _without_rule(plan, problem)
        return plan
    at = min(max(second, first), last)
    if problems[0].rule is Rule.VALIDITY:
        # A leaf out of date says so itself; its CAs, mostly as old, add nothing to that.
        problems = problems[:1]
    mended = tuple(
        replace(problem, changed=Change.TIME.value, passes_at=at) for problem in problems
    )
    return replace(plan, problems=plan.problems + mended, second=at)


def _with_standing(plan: Plan, problem: Problem) -> Plan:
    if problem.rule is not Rule.TRUST:
        return _without_rule(plan, problem)
    if problem.kind not in _MENDED_BY_A_ROOT:
        return replace(plan, problems=(*plan.problems, problem), open=True)
    top = problem.certificate
    mended = replace(problem, changed=Change.ROOT.value, repair=top)
    return replace(plan, problems=(*plan.problems, mended), root=top)


def _without_rule(plan: Plan, problem: Problem) -> Plan:
    mended = replace(problem, changed=problem.rule.value)
    return replace(plan, problems=(*plan.problems, mended), off=plan.off | {problem.rule})


# -- certificates that were not sent ------------------------------------------------------


def _may_lack_issuers(verifier: Verifier) -> bool:
    """Whether the chain as sent leads nowhere.

    One that leads to an anchor or to a root is judged as it is, for clients see what was
    sent: an expired intermediate stays the fault although the fleet has a newer one.
    """
    return all(path.reach > Reach.ROOTED for path in verifier.paths())


def _completions(
    verifier: Verifier, question: Question, refusal: Refusal, authorities: IssuerLookup
) -> list[Plan]:
    """The paths that become possible with certificates in hand that were not sent."""
    known = {certificate.sha256 for certificate in verifier.chain}
    plans = []
    for path in verifier.changed(authorities=authorities).paths():
        if path.found.ending is Ending.OPEN:
            continue
        used = [
            certificate
            for certificate in path.certificates
            if certificate.sha256 not in known and not verifier.trust.holds(certificate)
        ]
        if not used or _fails_under(path, used):
            continue
        rooted = path.found.ending is Ending.ROOT
        # A root need not be sent (RFC 8446 section 4.4.2).
        added = used[:-1] if rooted and used[-1] is path.certificates[-1] else used
        plan = _plan(path, question, refusal, added)
        if not _blames(plan, used):
            plans.append(replace(plan, problems=plan.problems + _missing(path, added)))
    return plans


def _blames(plan: Plan, used: Sequence[Certificate]) -> bool:
    """Whether a certificate in hand is itself at fault: then adding it repairs nothing."""
    hashes = {certificate.sha256 for certificate in used}
    return any(
        problem.certificate.sha256 in hashes and problem.rule is not Rule.TRUST
        for problem in plan.problems
    )


def _fails_under(path: ExaminedPath, used: Sequence[Certificate]) -> bool:
    """Whether a signature fails under a certificate in hand: another one may be meant."""
    hashes = {certificate.sha256 for certificate in used}
    issuers = (*path.certificates[1:], path.certificates[-1])
    return any(
        link.state is SignatureState.INVALID and issuer.sha256 in hashes
        for link, issuer in zip(path.found.links, issuers, strict=False)
    )


def _missing(path: ExaminedPath, added: Sequence[Certificate]) -> tuple[Problem, ...]:
    hashes = {certificate.sha256 for certificate in added}
    return tuple(
        Problem(
            kind=PathProblem.INCOMPLETE,
            rule=Rule.TRUST,
            certificate=child,
            detail=distinguished_name(child.issuer),
            repair=issuer,
            changed=Change.INTERMEDIATE.value,
        )
        for child, issuer in pairwise(path.certificates)
        if issuer.sha256 in hashes
    )


# -- showing ------------------------------------------------------------------------------


def _shown(verifier: Verifier, question: Question, plan: Plan) -> Plan | None:
    """The plan when the chain passes with it, without the changes that are not needed."""
    if not _passes(verifier, question, plan):
        return None
    for smaller in _one_less(plan):
        if _passes(verifier, question, smaller):
            return _shown(verifier, question, smaller)
    return plan


def _passes(verifier: Verifier, question: Question, plan: Plan) -> bool:
    if plan.added or plan.root is not None:
        verifier = verifier.changed(added=plan.added, root=plan.root)
    answer = verifier.ask(
        name=question.name if plan.name is None else plan.name,
        second=question.second if plan.second is None else plan.second,
        off=plan.off | {Rule.TRUST} if plan.open else plan.off,
    )
    return isinstance(answer, Path)


def _one_less(plan: Plan) -> Iterable[Plan]:
    """The plan with one change taken back, for each of them. Ends: it has fewer each time."""
    if plan.second is not None:
        yield replace(_unmended(plan, Change.TIME.value), second=None)
    if plan.name is not None:
        yield replace(_unmended(plan, Change.NAME.value), name=None)
    if plan.root is not None:
        yield replace(_unmended(plan, Change.ROOT.value), root=None)
    if plan.added:
        yield replace(_unmended(plan, Change.INTERMEDIATE.value), added=())
    for rule in plan.off:
        yield replace(_unmended(plan, rule.value), off=plan.off - {rule})


def _unmended(plan: Plan, changed: str) -> Plan:
    return replace(plan, problems=tuple(each for each in plan.problems if each.changed != changed))

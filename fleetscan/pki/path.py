"""Is this chain good for this name, at this time, under these anchors; if not, what is wrong.

`assess` is pure: certificates, the clock and what is trusted are arguments. It looks for
the best path (anchored first, then with the fewest problems), tells all that is wrong with
it, and shows a missing intermediate, or a root that is not trusted, by adding it and asking
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem
from fleetscan.pki.constraints import WorkBudget
from fleetscan.pki.names import certificate_matches, distinguished_name
from fleetscan.pki.rules import problems_of
from fleetscan.pki.search import Ending, FoundPath, IssuerLookup, PathSearch
from fleetscan.pki.signatures import SignatureCache, SignatureState
from fleetscan.text import printable
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.trust import TrustStore

__all__ = ["PathAssessment", "PathProblem", "Problem", "assess"]

_ANCHORED: Final = 0
_ANCHORED_UNCHECKED: Final = 1
_ROOTED: Final = 2
_BROKEN: Final = 3
_OPEN: Final = 4
"""How far a path got, best first. Up to _ROOTED its end is known for sure."""


_ABOUT_ROOT: Final = frozenset({PathProblem.SELF_SIGNED, PathProblem.UNTRUSTED_ROOT})
"""What anchoring the end of the path would mend."""


class _Judged:
    """A path with what is wrong with it; `key` orders the better one first.

    `limited` says that its name constraints were not all looked at.
    """

    __slots__ = ("found", "key", "limited", "not_checked", "problems")

    def __init__(self, found: FoundPath, now: float, work: WorkBudget) -> None:
        work.exceeded = False
        self.found = found
        self.problems = problems_of(found, now, work)
        self.limited = work.exceeded
        self.not_checked = found.unsettled
        failed = False
        for link in found.links:
            if link.state is SignatureState.NOT_CHECKED:
                self.not_checked = self.not_checked or link.reason
            failed = failed or link.state is SignatureState.INVALID
        self.key = (self._reach(failed), len(self.problems))

    def _reach(self, failed: bool) -> int:
        if failed:
            return _BROKEN
        if self.found.ending is Ending.ANCHOR:
            return _ANCHORED_UNCHECKED if self.not_checked or self.limited else _ANCHORED
        return _ROOTED if self.found.ending is Ending.ROOT else _OPEN


def assess(
    chain: Sequence[Certificate],
    *,
    reference_name: str | None,
    now: float,
    trust: TrustStore,
    authorities: IssuerLookup | None = None,
    cache: SignatureCache | None = None,
) -> PathAssessment:
    """Say whether a chain is good, and everything that is wrong with its best path.

    Certificates that were sent are joined by name, whatever their order. Nothing is
    verified before the bounds of `limits` were asked, and no signature twice.

    Args:
        chain: as sent, the leaf first; those that could not be parsed left out. When the
            leaf itself could not be parsed there is nothing to assess: give ().
        reference_name: the DNS name or IP address the leaf must be for; None: not checked.
        now: Unix seconds, UTC.
        trust: the anchors, with intermediates that came along with them.
        authorities: CA certificates seen elsewhere. They complete no path silently: a path
            that needs one is INCOMPLETE, and only when the chain with the missing ones
            added, asked again, reaches an anchor or a self-signed root by them.
        cache: checked links to share between targets; None: a new one.

    Returns:
        The assessment. An empty chain gives NOT_CHECKED throughout.
    """
    if not chain:
        return PathAssessment(
            path=(), trusted=Checked.NOT_CHECKED, name=Checked.NOT_CHECKED, problems=()
        )
    sent = _without_duplicates(chain)
    leaf = sent[0]
    search = PathSearch(sent, trust, SignatureCache() if cache is None else cache)
    work = WorkBudget()
    best = _best(search, leaf, now, work)
    missing: tuple[Problem, ...] = ()
    if authorities is not None and best.key[0] > _ROOTED:
        best, missing = _completed(best, search, sent, authorities, now, work)
    answer = _answer(best, missing, search, reference_name)
    if best.key[0] == _ROOTED:
        return _with_proof_of_root(answer, search, leaf, now, work)
    return answer


def _without_duplicates(chain: Sequence[Certificate]) -> Sequence[Certificate]:
    unique = {certificate.sha256: certificate for certificate in chain[: limits.MAX_CERTIFICATES]}
    return list(unique.values())


def _best(search: PathSearch, leaf: Certificate, now: float, work: WorkBudget) -> _Judged:
    straight = search.straight(leaf)
    best = None if straight is None else _Judged(straight, now, work)
    if best is not None and best.key == (_ANCHORED, 0):
        return best
    for found in search.paths(leaf):
        judged = _Judged(found, now, work)
        if best is None or judged.key < best.key:
            best = judged
            if best.key == (_ANCHORED, 0):
                break
    if best is None:
        found = FoundPath(certificates=(leaf,), ending=Ending.OPEN, links=())
        best = _Judged(found, now, work)
    return best


def _completed(
    best: _Judged,
    search: PathSearch,
    sent: Sequence[Certificate],
    authorities: IssuerLookup,
    now: float,
    work: WorkBudget,
) -> tuple[_Judged, tuple[Problem, ...]]:
    """Find missing intermediates among the authorities and show that they are what is missing."""
    # What ends this second search takes nothing from what the first one settled.
    settled = search.limit
    search.use(authorities)
    candidate = _best(search, sent[0], now, work)
    search.use(None)
    known = {certificate.sha256 for certificate in sent}
    added = _added(candidate, known, search)
    search.add(added)
    again = _best(search, sent[0], now, work)
    if again.key[0] <= _ROOTED and not _blames(again, added):
        return again, _missing(again, added)
    search.limit = settled
    return best, ()


def _added(judged: _Judged, known: set[str], search: PathSearch) -> tuple[Certificate, ...]:
    """What the path has that was neither sent nor trusted."""
    return tuple(
        certificate
        for certificate in judged.found.certificates
        if certificate.sha256 not in known and not search.provides(certificate)
    )


def _blames(judged: _Judged, added: Sequence[Certificate]) -> bool:
    """Whether an added certificate is itself at fault: then adding it repairs nothing."""
    hashes = {certificate.sha256 for certificate in added}
    return any(
        problem.certificate.sha256 in hashes and problem.kind is not PathProblem.UNTRUSTED_ROOT
        for problem in judged.problems
    )


def _missing(judged: _Judged, added: Sequence[Certificate]) -> tuple[Problem, ...]:
    hashes = {certificate.sha256 for certificate in added}
    path = judged.found.certificates
    rooted = judged.found.ending is Ending.ROOT
    return tuple(
        Problem(
            kind=PathProblem.INCOMPLETE,
            certificate=child,
            detail=distinguished_name(child.issuer),
            repair=issuer,
        )
        for index, (child, issuer) in enumerate(pairwise(path))
        # A root need not be sent (RFC 8446 section 4.4.2).
        if issuer.sha256 in hashes and not (rooted and index + 2 == len(path))
    )


def _with_proof_of_root(
    answer: PathAssessment, search: PathSearch, leaf: Certificate, now: float, work: WorkBudget
) -> PathAssessment:
    """Anchor the certificate that the path ends at, ask again, and say so where that passes."""
    top = answer.path[-1]
    search.anchor(top)
    again = _best(search, leaf, now, work)
    reached = again.key[0] == _ANCHORED and again.found.certificates[-1].sha256 == top.sha256
    if not reached or any(problem.kind in _ABOUT_ROOT for problem in again.problems):
        return answer
    problems = tuple(
        replace(problem, repair=top) if problem.kind in _ABOUT_ROOT else problem
        for problem in answer.problems
    )
    return replace(answer, problems=problems)


def _answer(
    best: _Judged,
    missing: tuple[Problem, ...],
    search: PathSearch,
    reference_name: str | None,
) -> PathAssessment:
    path = best.found.certificates
    problems = best.problems + missing
    reach = best.key[0]
    limit = "name_constraint_work" if best.limited else search.limit
    if reach in (_ANCHORED, _ROOTED) and not best.limited:
        # Whatever a bound hid, this path is settled without it.
        limit = ""
    if reach == _OPEN and not limit and not best.not_checked:
        top = path[-1]
        unknown = Problem(
            kind=PathProblem.UNKNOWN_ISSUER,
            certificate=top,
            detail=distinguished_name(top.issuer),
        )
        problems = (*problems, unknown)
    trusted = Checked.NO
    if not problems:
        trusted = Checked.YES if reach == _ANCHORED else Checked.NOT_CHECKED
    name = certificate_matches(path[0], reference_name)
    if name is Checked.NO:
        detail = printable(reference_name or "", limits.MAX_NAME)
        mismatch = Problem(kind=PathProblem.NAME_MISMATCH, certificate=path[0], detail=detail)
        problems = (mismatch, *problems)
    return PathAssessment(
        path=path,
        trusted=trusted,
        name=name,
        problems=problems,
        limit=limit,
        not_checked=best.not_checked,
    )

"""Is this chain good for this name, at this time, under these anchors; if not, what is wrong.

Pure: certificates, the clock and what is trusted are arguments. `verify` answers one
question. `assess` asks it, and where the answer is no looks for the smallest repair: what
would have to change for the answer to be yes is what is wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem
from fleetscan.pki.policy import BROWSER
from fleetscan.pki.repair import Plan, Question, smallest_repairs
from fleetscan.pki.search import IssuerLookup, Work
from fleetscan.pki.signatures import SignatureCache
from fleetscan.pki.verification import Path, Refusal, Verifier, without_duplicates
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.policy import Policy, Rule
    from fleetscan.pki.trust import TrustStore

__all__ = [
    "Path",
    "PathAssessment",
    "PathChecker",
    "PathProblem",
    "Problem",
    "Refusal",
    "assess",
    "verify",
]

_UNKNOWN: Final = PathProblem.UNKNOWN_ISSUER

MAX_CACHED_CHAINS: Final = 1_024
"""Chains whose paths are remembered: hosts are scanned on several ports and addresses, and
farms of them show one chain."""


def verify(
    chain: Sequence[Certificate],
    *,
    name: str | None,
    time: float,
    roots: TrustStore,
    intermediates: IssuerLookup | None = None,
    rules: Policy = BROWSER,
    signatures: SignatureCache | None = None,
) -> Path | Refusal:
    """Look for a path that satisfies every rule of a policy (RFC 5280 section 6.1).

    Nothing is verified before the bounds of `limits` were asked, and no signature twice.

    Args:
        chain: the leaf first, then what was sent along with it, in any order; one at least.
        name: the DNS name or IP address the leaf must be for; None: not checked.
        time: Unix seconds, UTC.
        roots: the anchors, with intermediates that came along with them.
        intermediates: further certificates that may stand between leaf and anchor.
        rules: what is asked.
        signatures: checked links to share; None: a new cache.
    """
    work = Work(SignatureCache() if signatures is None else signatures)
    anchors = _anchors(roots, rules)
    verifier = Verifier(without_duplicates(chain), anchors, rules, work, intermediates)
    return verifier.ask(name=name, second=int(time // 1))


class PathChecker:
    """Assesses chains under one set of roots and one policy, remembering what time and name
    do not change.

    Args:
        trust: the anchors, with intermediates that came along with them.
        policy: the rules and their measures.
        signatures: checked links to share with others; None: a new cache.
        max_chains: chains that are remembered, the least recently used given up first.
    """

    def __init__(
        self,
        trust: TrustStore,
        policy: Policy = BROWSER,
        *,
        signatures: SignatureCache | None = None,
        max_chains: int = MAX_CACHED_CHAINS,
    ) -> None:
        self._trust = _anchors(trust, policy)
        self._policy = policy
        self._signatures = SignatureCache() if signatures is None else signatures
        self._verifiers: OrderedDict[tuple[str, ...], Verifier] = OrderedDict()
        self._max_chains = max_chains

    def __len__(self) -> int:
        """How many chains are remembered."""
        return len(self._verifiers)

    def assess(
        self,
        chain: Sequence[Certificate],
        *,
        reference_name: str | None,
        now: float,
        authorities: IssuerLookup | None = None,
        is_cut: bool = False,
    ) -> PathAssessment:
        """Say whether a chain is good, and what would have to change where it is not.

        Args:
            chain: as sent, the leaf first; those that could not be parsed left out. When the
                leaf itself could not be parsed there is nothing to assess: give ().
            reference_name: the DNS name or IP address the leaf must be for; None: not checked.
            now: Unix seconds, UTC.
            authorities: CA certificates in hand that were not sent. They complete no path
                silently: a path that needs one is INCOMPLETE, and only when the chain with
                the missing ones added, asked again, passes.
            is_cut: whether more was sent than is given here, so that an issuer which is not
                found is not unknown.

        Returns:
            The assessment. An empty chain gives NOT_CHECKED throughout.
        """
        if not chain:
            unchecked = Checked.NOT_CHECKED
            return PathAssessment(path=(), trusted=unchecked, name=unchecked, problems=())
        verifier = self._verifier(chain, is_cut or len(chain) > limits.MAX_CERTIFICATES)
        question = Question(name=reference_name, second=int(now // 1))
        answer = verifier.ask(name=question.name, second=question.second)
        if isinstance(answer, Path):
            return PathAssessment(
                path=answer.certificates,
                trusted=Checked.YES,
                name=answer.name,
                problems=(),
                policy=self._policy.name,
                trusted_by=self._trust.sources_of(answer.certificates[-1]),
            )
        plans = smallest_repairs(verifier, question, answer, authorities)
        return self._refused(answer, plans)

    def _verifier(self, chain: Sequence[Certificate], is_cut: bool) -> Verifier:
        limit = "certificates" if is_cut else ""
        key = (limit, *[certificate.sha256 for certificate in chain])
        known = self._verifiers.get(key)
        if known is not None:
            self._verifiers.move_to_end(key)
            return known
        work = Work(self._signatures)
        work.limit = limit
        verifier = Verifier(without_duplicates(chain), self._trust, self._policy, work)
        self._verifiers[key] = verifier
        if len(self._verifiers) > self._max_chains:
            self._verifiers.popitem(last=False)
        return verifier

    def _refused(self, refusal: Refusal, plans: Sequence[Plan]) -> PathAssessment:
        problems = tuple(_told(plans)) if plans else refusal.problems
        settled = bool(plans) and not plans[0].open
        if not settled and (refusal.limit or refusal.not_checked):
            # What was not looked at may be the issuer.
            problems = tuple(each for each in problems if each.kind is not _UNKNOWN)
        trusted = Checked.YES if refusal.trusted else Checked.NO
        if not problems:
            trusted = Checked.NOT_CHECKED
        path = plans[0].path.certificates if plans else refusal.certificates
        return PathAssessment(
            path=path,
            trusted=trusted,
            name=refusal.name,
            problems=problems,
            limit="" if settled else refusal.limit,
            not_checked="" if settled else refusal.not_checked,
            policy=self._policy.name,
            trusted_by=self._trust.sources_of(path[-1]) if refusal.trusted else (),
        )


def assess(
    chain: Sequence[Certificate],
    *,
    reference_name: str | None,
    now: float,
    trust: TrustStore,
    authorities: IssuerLookup | None = None,
    cache: SignatureCache | None = None,
    policy: Policy = BROWSER,
    is_cut: bool = False,
) -> PathAssessment:
    """Assess one chain by itself; arguments and answer are those of `PathChecker`."""
    checker = PathChecker(trust, policy, signatures=cache)
    return checker.assess(
        chain,
        reference_name=reference_name,
        now=now,
        authorities=authorities,
        is_cut=is_cut,
    )


def _anchors(trust: TrustStore, policy: Policy) -> TrustStore:
    return trust.with_self_signed_only() if policy.anchor_self_signed else trust


def _told(plans: Sequence[Plan]) -> Iterable[Problem]:
    """The problems of all sets, each with the number of its set; what several mend is told once."""
    told: set[tuple[PathProblem, Rule, str]] = set()
    for number, plan in enumerate(plans, start=1):
        for problem in plan.problems:
            key = (problem.kind, problem.rule, problem.certificate.sha256)
            if key not in told:
                told.add(key)
                yield replace(problem, set=number if problem.proven else 0)

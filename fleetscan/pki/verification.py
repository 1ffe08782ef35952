"""One chain under one policy and one set of roots, asked for any time, name or rule left out.

A path's standing problems, those that neither time nor name change, are found once. Asking
again with something changed is then a matter of comparing sets, which is what makes it
possible to look for the smallest repair of every failing target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.policy import Rule
from fleetscan.pki.rules import date_problems, name_problems, standing_problems
from fleetscan.pki.search import Ending, FoundPath, IssuerLookup, PathSearch, Work
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.assessment import Problem
    from fleetscan.pki.policy import Policy
    from fleetscan.pki.trust import TrustStore

NOTHING: Final[frozenset[Rule]] = frozenset()


class Reach(IntEnum):
    """How far a path got, best first."""

    ANCHORED = 0
    UNCHECKED = 1  # anchored, if what could not be verified here is sound
    ROOTED = 2  # up to a certificate that signed itself and is not trusted
    BROKEN = 3  # a signature on it fails
    OPEN = 4  # nobody's issuer is known further up


class ExaminedPath:
    """A path with its standing problems; every certificate on it is valid at once in `window`.

    `limited` says that its name constraints were not all looked at.
    """

    __slots__ = ("found", "limited", "not_checked", "problems", "reach", "window")

    def __init__(self, found: FoundPath, policy: Policy, work: Work) -> None:
        work.names.exceeded = False
        self.found = found
        self.problems = standing_problems(found, policy, work.names)
        self.limited = work.names.exceeded
        self.not_checked = found.not_checked
        self.reach = self._reached()
        path = found.certificates
        self.window = (
            max(certificate.not_before for certificate in path),
            min(certificate.not_after for certificate in path),
        )

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The path, the leaf first."""
        return self.found.certificates

    def _reached(self) -> Reach:
        if self.found.has_failed_link:
            return Reach.BROKEN
        if self.found.ending is Ending.ANCHOR:
            return Reach.UNCHECKED if self.not_checked or self.limited else Reach.ANCHORED
        return Reach.ROOTED if self.found.ending is Ending.ROOT else Reach.OPEN

    def dates(self, second: int, policy: Policy) -> tuple[Problem, ...]:
        """What is out of date at this second."""
        first, last = self.window
        if first <= second <= last:
            return ()
        return date_problems(self.found, second, policy)

    def passes(self, second: int, policy: Policy, off: frozenset[Rule]) -> bool:
        """Whether nothing stands against it when the rules `off` are not asked."""
        if self.limited and Rule.NAME_CONSTRAINTS not in off:
            return False
        if self.not_checked and Rule.SIGNATURE not in off:
            return False
        if any(problem.rule not in off for problem in self.problems):
            return False
        return all(problem.rule in off for problem in self.dates(second, policy))


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path that satisfies every rule that was asked, the leaf first, the anchor last.

    `name` is whether the leaf is for the name: NOT_CHECKED when none was given.
    """

    certificates: tuple[Certificate, ...]
    name: Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """No path satisfies every rule that was asked.

    Args:
        certificates: the best path there is, the leaf first.
        problems: what is wrong with that one, and with the name; empty when only a bound or
            a missing primitive stands in the way.
        trusted: whether it is the name alone that is wrong.
        name: whether the leaf is for the name.
        limit: the bound that ended the search, `""` when none did.
        not_checked: the primitive that is missing, `""` when none is.
        policy: what was asked.
    """

    certificates: tuple[Certificate, ...]
    problems: tuple[Problem, ...]
    trusted: bool
    name: Checked
    policy: Policy
    limit: str = ""
    not_checked: str = ""


class Verifier:
    """What can be asked about one chain; certificates are joined by name, whatever their order.

    Args:
        chain: as sent, the leaf first, one at least, each certificate once.
        trust: the anchors, with intermediates that came along with them.
        policy: the rules and their measures.
        work: what may be spent on this chain, shared with the verifiers made from this one.
        authorities: certificates that count as sent when an issuer is looked for.
    """

    __slots__ = ("_examined", "_source", "authorities", "chain", "policy", "trust", "work")

    def __init__(
        self,
        chain: Sequence[Certificate],
        trust: TrustStore,
        policy: Policy,
        work: Work,
        authorities: IssuerLookup | None = None,
    ) -> None:
        self.chain = chain
        self.trust = trust
        self.policy = policy
        self.work = work
        self.authorities = authorities
        self._examined: list[ExaminedPath] = []
        self._source: Iterator[ExaminedPath] | None = self._examine()

    @property
    def leaf(self) -> Certificate:
        """The certificate that everything is about."""
        return self.chain[0]

    def ask(
        self, *, name: str | None, second: int, off: frozenset[Rule] = NOTHING
    ) -> Path | Refusal:
        """Say whether a path satisfies the policy.

        Args:
            name: the reference name; None: not checked.
            second: Unix seconds, UTC.
            off: rules of the policy that are not asked this time.
        """
        matches, named = name_problems(self.leaf, name, self.policy)
        if Rule.NAME in off:
            named = ()
        for examined in self.paths():
            if examined.passes(second, self.policy, off):
                if named:
                    return Refusal(
                        certificates=examined.certificates,
                        problems=named,
                        trusted=True,
                        name=matches,
                        policy=self.policy,
                    )
                return Path(certificates=examined.certificates, name=matches)
        return self._refusal(self.best(second), named, matches, second, off)

    def paths(self) -> Iterator[ExaminedPath]:
        """The paths there are, the likeliest first, each examined once and then remembered."""
        at = 0
        # Ends: the source gives `limits.MAX_EXAMINED_PATHS` at most.
        while True:
            if at < len(self._examined):
                yield self._examined[at]
                at += 1
                continue
            following = None if self._source is None else next(self._source, None)
            if following is None:
                self._source = None
                return
            self._examined.append(following)

    def best(self, second: int) -> ExaminedPath:
        """The path that reaches furthest with the fewest problems at this second."""
        return min(
            self.paths(),
            key=lambda path: (
                path.reach,
                len(path.problems) + len(path.dates(second, self.policy)),
            ),
        )

    def forked(self) -> Verifier:
        """The same, with a budget of its own for one target's repairs.

        It is a copy of what is left when all paths were looked at, so that it does not
        depend on what was asked before.
        """
        for _ in self.paths():
            pass
        other = Verifier(self.chain, self.trust, self.policy, self.work.fork(), self.authorities)
        other._examined = self._examined
        other._source = None
        return other

    def changed(
        self,
        *,
        added: Sequence[Certificate] = (),
        root: Certificate | None = None,
        authorities: IssuerLookup | None = None,
    ) -> Verifier:
        """The same chain with certificates added, one more anchored, or more issuers known.

        It spends from the same budget.
        """
        return Verifier(
            (*self.chain, *added),
            self.trust if root is None else self.trust.with_anchor(root),
            self.policy,
            self.work,
            authorities,
        )

    def _refusal(
        self,
        best: ExaminedPath,
        named: tuple[Problem, ...],
        matches: Checked,
        second: int,
        off: frozenset[Rule],
    ) -> Refusal:
        limit = "name_constraint_work" if best.limited else self.work.limit
        if best.reach in (Reach.ANCHORED, Reach.ROOTED) and not best.limited:
            # Whatever a bound hid, this path is settled without it.
            limit = ""
        problems = (*best.dates(second, self.policy), *best.problems)
        return Refusal(
            certificates=best.certificates,
            problems=named + tuple(each for each in problems if each.rule not in off),
            trusted=False,
            name=matches,
            policy=self.policy,
            limit=limit,
            not_checked=best.not_checked,
        )

    def _examine(self) -> Iterator[ExaminedPath]:
        search = PathSearch(self.chain, self.trust, self.work, self.authorities)
        count = 0
        for found in _found(search, self.leaf):
            if count == limits.MAX_EXAMINED_PATHS:
                self.work.limit = self.work.limit or "paths"
                return
            count += 1
            yield ExaminedPath(found, self.policy, self.work)
        if not count:
            # A bound ended the search before its first path.
            alone = FoundPath(certificates=(self.leaf,), ending=Ending.OPEN, links=())
            yield ExaminedPath(alone, self.policy, self.work)


def _found(search: PathSearch, leaf: Certificate) -> Iterator[FoundPath]:
    straight = search.straight(leaf)
    if straight is not None:
        yield straight
    for found in search.paths(leaf):
        if straight is None or found.certificates != straight.certificates:
            yield found


def without_duplicates(chain: Sequence[Certificate]) -> Sequence[Certificate]:
    """Each certificate once, and no more than are looked at."""
    unique = {certificate.sha256: certificate for certificate in chain[: limits.MAX_CERTIFICATES]}
    return list(unique.values())

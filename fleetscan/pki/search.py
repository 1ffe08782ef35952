"""Building paths from a leaf towards anchors, with every step counted.

Certificates are joined by name, the sent order meaning nothing. Of the candidates for an
issuer, those whose key did sign are taken; one whose signature fails is followed only
where no other is there, so that a bad signature is told apart from two CAs of one name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from fleetscan import limits
from fleetscan.pki.constraints import WorkBudget
from fleetscan.pki.distinguished_names import is_same_name, name_key
from fleetscan.pki.self_issued import (
    is_self_issued,
    keys_contradict,
    may_have_signed_itself,
)
from fleetscan.pki.signatures import (
    SignatureCache,
    SignatureCheck,
    SignatureState,
    verification_cost,
)

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.trust import TrustStore


class IssuerLookup(Protocol):
    """CA certificates in hand, by the name they issue under."""

    def issuers_of(self, certificate: Certificate) -> Sequence[Certificate]:
        """Give certificates whose subject is `certificate`'s issuer, in a fixed order."""


class Ending(IntEnum):
    """Where a path ends; smaller is better."""

    ANCHOR = 0
    ROOT = 1  # a certificate that signed itself and is no anchor
    OPEN = 2  # nobody's issuer is known further up


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPath:
    """A path and how sure its links are.

    `links[i]` is the check of certificate i's signature by certificate i + 1. `unsettled`
    says why nothing is known above the last certificate: a primitive that is missing.
    """

    certificates: tuple[Certificate, ...]
    ending: Ending
    links: tuple[SignatureCheck, ...]
    unsettled: str = ""

    @property
    def has_failed_link(self) -> bool:
        """Whether a signature on it does not verify."""
        return any(link.state is SignatureState.INVALID for link in self.links)

    @property
    def not_checked(self) -> str:
        """Why something on it could not be verified here, `""` when all was."""
        if self.unsettled:
            return self.unsettled
        unchecked = (link.reason for link in self.links if link.state is SignatureState.NOT_CHECKED)
        return next(unchecked, "")


class _Refused:
    """Candidates that did not sign, and what keeps that from being the whole story.

    `limited`: a bound hid a candidate, which may be the one that signed. `unsettled`:
    the certificate names itself as issuer, and its own signature cannot be checked here.
    """

    __slots__ = ("failed", "limited", "unsettled")

    def __init__(self) -> None:
        self.failed: list[tuple[Certificate, SignatureCheck]] = []
        self.limited = False
        self.unsettled = ""


_TOO_MANY: Final = SignatureCheck(state=SignatureState.LIMIT, reason="signature_checks")
_TOO_DEAR: Final = SignatureCheck(state=SignatureState.LIMIT, reason="signature_work")


class Work:
    """What one target's path search may still spend, and the links it has looked at.

    Everything asked about one chain shares one budget, repairs included. `fork` gives a
    copy: what is spent on one target's repairs takes nothing from the next target that has
    the same chain, so that no verdict depends on which came first.
    """

    __slots__ = ("_cache", "_checks", "_cost", "_steps", "limit", "names")

    def __init__(self, cache: SignatureCache) -> None:
        self._cache = cache
        self._checks: dict[tuple[str, str], SignatureCheck] = {}
        self._cost = 0
        self._steps = 0
        self.limit = ""
        self.names = WorkBudget()

    @property
    def signature_checks(self) -> int:
        """Links looked at so far, each once."""
        return len(self._checks)

    def fork(self) -> Work:
        """A copy with what is left now."""
        other = Work(self._cache)
        other._checks = dict(self._checks)
        other._cost = self._cost
        other._steps = self._steps
        other.names = WorkBudget(self.names.remaining)
        return other

    def step(self) -> bool:
        """Count one certificate put onto a path; False when there were too many."""
        if self._steps >= limits.MAX_PATH_STEPS:
            self.limit = "path_steps"
            return False
        self._steps += 1
        return True

    def check(self, child: Certificate, issuer: Certificate) -> SignatureCheck:
        """Check a link within the budget.

        What the cache already knows still counts, so that no answer depends on which
        target came first.
        """
        pair = (child.sha256, issuer.sha256)
        known = self._checks.get(pair)
        if known is None:
            if len(self._checks) >= limits.MAX_SIGNATURE_CHECKS:
                return _TOO_MANY
            cost = self._cost + verification_cost(issuer)
            if cost > limits.MAX_SIGNATURE_WORK:
                return _TOO_DEAR
            self._cost = cost
            known = self._checks[pair] = self._cache.check(child, issuer)
        return known


class PathSearch:
    """The paths of one chain under one set of roots and candidate issuers.

    Args:
        sent: the chain as sent, the leaf first, without duplicates, and whatever else is to
            count as sent.
        trust: anchors, and the intermediates that came with them.
        work: what may still be spent.
        authorities: further candidates for issuers.
    """

    __slots__ = ("_authorities", "_cut", "_issuers", "_sent", "_trust", "_work")

    def __init__(
        self,
        sent: Sequence[Certificate],
        trust: TrustStore,
        work: Work,
        authorities: IssuerLookup | None = None,
    ) -> None:
        self._trust = trust
        self._work = work
        self._authorities = authorities
        self._issuers: dict[str, Sequence[Certificate]] = {}
        self._cut: set[str] = set()
        self._sent: dict[bytes, list[Certificate]] = {}
        for index, certificate in enumerate(sent):
            # A leaf that did not issue itself issues nothing on a path of its own.
            if index or may_have_signed_itself(certificate):
                self._sent.setdefault(name_key(certificate.subject), []).append(certificate)

    def paths(self, leaf: Certificate) -> Iterator[FoundPath]:
        """Yield paths until all are given or a bound ends it, the likeliest first."""
        return self._extend((leaf,), ())

    def straight(self, leaf: Certificate) -> FoundPath | None:
        """Give the anchored path on which the first candidate signed each time, if there is one.

        It is what `paths` gives first for nearly every sound chain, without the cost of
        being able to go back.
        """
        path: tuple[Certificate, ...] = (leaf,)
        links: tuple[SignatureCheck, ...] = ()
        # Ends: the path grows in each round and no path is longer than MAX_PATH_LENGTH.
        while not self._trust.is_anchor(path[-1]):
            top = path[-1]
            candidates = () if may_have_signed_itself(top) else self._candidates(path)
            link = self._work.check(top, candidates[0]) if candidates else None
            if link is None or link.state is not SignatureState.VALID:
                return None
            path += (candidates[0],)
            links += (link,)
        return FoundPath(certificates=path, ending=Ending.ANCHOR, links=links)

    def _extend(
        self, path: tuple[Certificate, ...], links: tuple[SignatureCheck, ...]
    ) -> Iterator[FoundPath]:
        top = path[-1]
        if self._trust.is_anchor(top):
            yield FoundPath(certificates=path, ending=Ending.ANCHOR, links=links)
            if is_self_issued(top):
                return
        if is_self_issued(top) and self._work.check(top, top).state is SignatureState.VALID:
            yield FoundPath(certificates=path, ending=Ending.ROOT, links=links)
            return
        refused = _Refused()
        progressed = False
        # Ends: MAX_CANDIDATE_ISSUERS wide, MAX_PATH_LENGTH deep, and every step is counted.
        for issuer, link in self._followed(path, refused):
            progressed = True
            if not self._work.step():
                return
            yield from self._extend((*path, issuer), (*links, link))
        if progressed:
            return
        if refused.failed and not (refused.unsettled or refused.limited):
            yield from self._follow_failed(path, links, refused.failed)
            return
        yield FoundPath(
            certificates=path, ending=Ending.OPEN, links=links, unsettled=refused.unsettled
        )

    def _followed(
        self, path: tuple[Certificate, ...], refused: _Refused
    ) -> Iterator[tuple[Certificate, SignatureCheck]]:
        """Yield the issuers whose key did sign, or may have; note the others."""
        top = path[-1]
        candidates = self._candidates(path)
        refused.limited = top.sha256 in self._cut
        for issuer in candidates:
            link = self._work.check(top, issuer)
            if link.state is SignatureState.INVALID:
                if _may_have_signed(top, issuer):
                    refused.failed.append((issuer, link))
            elif link.state is SignatureState.LIMIT:
                self._work.limit = self._work.limit or link.reason
                refused.limited = True
            elif _same(issuer, top):
                # Whether it signed itself cannot be told here.
                refused.unsettled = link.reason
            else:
                yield issuer, link

    def _follow_failed(
        self,
        path: tuple[Certificate, ...],
        links: tuple[SignatureCheck, ...],
        failed: Sequence[tuple[Certificate, SignatureCheck]],
    ) -> Iterator[FoundPath]:
        for issuer, link in failed:
            if _same(issuer, path[-1]):
                # It names itself as issuer and its own key did not sign it.
                yield FoundPath(certificates=path, ending=Ending.ROOT, links=(*links, link))
            elif self._work.step():
                yield from self._extend((*path, issuer), (*links, link))

    def _candidates(self, path: tuple[Certificate, ...]) -> Sequence[Certificate]:
        top = path[-1]
        found = self._issuers.get(top.sha256)
        if found is None:
            found = self._issuers[top.sha256] = self._ranked(top)
        # A circle gives nothing new; a certificate that may have signed itself is asked.
        found = [issuer for issuer in found if _same(issuer, top) or not _on_path(path, issuer)]
        if found and len(path) >= limits.MAX_PATH_LENGTH:
            self._work.limit = "path_length"
            return ()
        return found

    def _ranked(self, top: Certificate) -> Sequence[Certificate]:
        """Candidates without duplicates, those first whose key identifiers may agree."""
        found = [*self._trust.issuers_of(top), *self._sent.get(name_key(top.issuer), ())]
        found += self._trust.intermediates_of(top)
        if self._authorities is not None:
            found += self._authorities.issuers_of(top)
        if len(found) < 2:
            return found
        unique = list({candidate.sha256: candidate for candidate in found}.values())
        unique.sort(key=lambda candidate: keys_contradict(top, candidate))
        if len(unique) > limits.MAX_CANDIDATE_ISSUERS:
            self._work.limit = self._work.limit or "candidate_issuers"
            self._cut.add(top.sha256)
        return unique[: limits.MAX_CANDIDATE_ISSUERS]


def _same(one: Certificate, other: Certificate) -> bool:
    return one is other or one.sha256 == other.sha256


def _may_have_signed(top: Certificate, issuer: Certificate) -> bool:
    """Whether a failed check is a bad signature, and not just another CA of that name.

    A certificate that names itself as issuer without saying by which key is as likely
    signed by a CA of its own name, which sloppy private PKIs have.
    """
    if keys_contradict(top, issuer):
        return False
    return not _same(top, issuer) or top.authority_key_identifier is not None


def _on_path(path: tuple[Certificate, ...], candidate: Certificate) -> bool:
    """The same name with the same key is the same CA: a circle."""
    return any(
        candidate.subject_public_key_info == there.subject_public_key_info
        and is_same_name(candidate.subject, there.subject)
        for there in path
    )

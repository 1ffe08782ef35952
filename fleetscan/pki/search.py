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
from fleetscan.pki.signatures import SignatureCache, SignatureCheck, SignatureState

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


_LIMITED: Final = SignatureCheck(state=SignatureState.LIMIT, reason="signature_checks")


def is_self_issued(certificate: Certificate) -> bool:
    """Say whether issuer and subject are the same name (RFC 5280 section 3.2)."""
    return certificate.issuer.der == certificate.subject.der


def keys_contradict(child: Certificate, issuer: Certificate) -> bool:
    """Say whether the key identifiers of both say that the issuer is another one.

    Identifiers are hints (RFC 5280 section 4.2.1.1): two that are equal prove nothing,
    and an absent one says nothing.
    """
    authority = child.authority_key_identifier
    if authority is None or authority.key_identifier is None:
        return False
    own = issuer.subject_key_identifier
    return own is not None and own != authority.key_identifier


class PathSearch:
    """One target's search. Work is counted over all its passes and never starts anew.

    Args:
        sent: the chain as sent, the leaf first, without duplicates.
        trust: anchors, and the intermediates that came with them.
        cache: checked links; what it already knows still counts against the budget, so
            that no answer depends on which target came first.
    """

    __slots__ = (
        "_authorities",
        "_cache",
        "_checks",
        "_cut",
        "_issuers",
        "_sent",
        "_steps",
        "_trust",
        "limit",
    )

    def __init__(
        self, sent: Sequence[Certificate], trust: TrustStore, cache: SignatureCache
    ) -> None:
        self._trust = trust
        self._cache = cache
        self._authorities: IssuerLookup | None = None
        self._checks: dict[tuple[str, str], SignatureCheck] = {}
        self._issuers: dict[str, Sequence[Certificate]] = {}
        self._cut: set[str] = set()
        self._steps = 0
        self._sent: dict[bytes, list[Certificate]] = {}
        self.limit = ""
        self.add(sent)

    @property
    def signature_checks(self) -> int:
        """Links looked at so far, each once."""
        return len(self._checks)

    def add(self, certificates: Sequence[Certificate]) -> None:
        """Count these certificates among the sent ones."""
        self._forget()
        for certificate in certificates:
            self._sent.setdefault(certificate.subject.der, []).append(certificate)

    def provides(self, certificate: Certificate) -> bool:
        """Say whether the certificate came with the trust store, so that none need send it."""
        return self._trust.holds(certificate)

    def use(self, authorities: IssuerLookup | None) -> None:
        """Take further candidates from here from now on; None ends it."""
        self._forget()
        self._authorities = authorities

    def anchor(self, certificate: Certificate) -> None:
        """Trust this certificate as well from now on, in this search alone."""
        self._forget()
        self._trust = self._trust.with_anchor(certificate)

    def _forget(self) -> None:
        """Candidates change, links do not."""
        self._issuers.clear()
        self._cut.clear()

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
            candidates = () if is_self_issued(top) else self._candidates(path)
            link = self._check(top, candidates[0]) if candidates else None
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
            return
        if is_self_issued(top) and self._check(top, top).state is SignatureState.VALID:
            yield FoundPath(certificates=path, ending=Ending.ROOT, links=links)
            return
        refused = _Refused()
        progressed = False
        # Ends: MAX_CANDIDATE_ISSUERS wide, MAX_PATH_LENGTH deep, and every step is counted.
        for issuer, link in self._followed(path, refused):
            progressed = True
            if not self._step():
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
            link = self._check(top, issuer)
            if link.state is SignatureState.INVALID:
                if _may_have_signed(top, issuer):
                    refused.failed.append((issuer, link))
            elif link.state is SignatureState.LIMIT:
                self.limit = self.limit or link.reason
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
            elif self._step():
                yield from self._extend((*path, issuer), (*links, link))

    def _step(self) -> bool:
        if self._steps >= limits.MAX_PATH_STEPS:
            self.limit = "path_steps"
            return False
        self._steps += 1
        return True

    def _candidates(self, path: tuple[Certificate, ...]) -> Sequence[Certificate]:
        top = path[-1]
        found = self._issuers.get(top.sha256)
        if found is None:
            found = self._issuers[top.sha256] = self._ranked(top)
        # A circle gives nothing new; a certificate that may have signed itself is asked.
        found = [issuer for issuer in found if _same(issuer, top) or not _on_path(path, issuer)]
        if found and len(path) >= limits.MAX_PATH_LENGTH:
            self.limit = "path_length"
            return ()
        return found

    def _ranked(self, top: Certificate) -> Sequence[Certificate]:
        """Candidates without duplicates, those first whose key identifiers may agree."""
        found = [*self._trust.issuers_of(top), *self._sent.get(top.issuer.der, ())]
        found += self._trust.intermediates_of(top)
        if self._authorities is not None:
            found += self._authorities.issuers_of(top)
        if len(found) < 2:
            return found
        unique = list({candidate.sha256: candidate for candidate in found}.values())
        unique.sort(key=lambda candidate: keys_contradict(top, candidate))
        if len(unique) > limits.MAX_CANDIDATE_ISSUERS:
            self.limit = self.limit or "candidate_issuers"
            self._cut.add(top.sha256)
        return unique[: limits.MAX_CANDIDATE_ISSUERS]

    def _check(self, child: Certificate, issuer: Certificate) -> SignatureCheck:
        pair = (child.sha256, issuer.sha256)
        known = self._checks.get(pair)
        if known is None:
            if len(self._checks) >= limits.MAX_SIGNATURE_CHECKS:
                return _LIMITED
            known = self._checks[pair] = self._cache.check(child, issuer)
        return known


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
        candidate.subject.der == there.subject.der
        and candidate.subject_public_key_info == there.subject_public_key_info
        for there in path
    )

"""A proxy that inspects: it makes up certificates, under an authority of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.causes.evidence import escaped_text, evidence, joined, peer_text
from fleetscan.causes.inspection import known_issuers
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.experiment import Speech
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.distinguished_names import name_key
from fleetscan.pki.names import distinguished_name
from fleetscan.tls.profile import is_grease
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetscan._parse import Name
    from fleetscan.causes.model import Case
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.pki.assessment import PathAssessment
    from fleetscan.tls.events import Offer

_PRIVATE: Final = {
    PathProblem.UNTRUSTED_ROOT: "chain.untrusted_root",
    PathProblem.UNKNOWN_ISSUER: "chain.unknown_issuer",
}
"""Ends of a path at an authority that is private, or may be: with what else it then is."""

REPEATS: Final = 2
"""How often each way must have shown its own issuer."""

LONGEST_TURN: Final = 3
"""Servers behind one address that take connections in turn, one of them with a certificate of
its own: what such a turn could have shown is no proof."""

WITNESSES: Final = 2
"""Unrelated domains that the authority must have signed for, this one included, where its name
is not an inspection product's: servers that choose a certificate by the client's address would
otherwise look the same."""

_Issuer: TypeAlias = tuple[bytes, bytes]
"""An issuer as a certificate names it: its name, and its key's identifier or b\"\"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """The leaves that were shown, in their order, and whether each came through the proxy."""

    shown: tuple[tuple[bool, Certificate], ...]

    @property
    def direct(self) -> tuple[Certificate, ...]:
        """Those that came directly."""
        return tuple(leaf for proxied, leaf in self.shown if not proxied)

    @property
    def proxied(self) -> tuple[Certificate, ...]:
        """Those that came through the proxy, the first probe's first."""
        return tuple(leaf for proxied, leaf in self.shown if proxied)

    @property
    def differ(self) -> bool:
        """Whether each way has its own issuer and keys, without exception."""
        issuers = {_issuer(leaf) for leaf in self.proxied}
        keys = {leaf.subject_public_key_info for leaf in self.proxied}
        direct = self.direct
        return (
            bool(direct)
            and len(issuers) == 1
            and all(
                _issuer(leaf) not in issuers and leaf.subject_public_key_info not in keys
                for leaf in direct
            )
        )

    @property
    def repeated(self) -> bool:
        """Whether both were asked often enough, and in an order that no turn of servers has."""
        order = [proxied for proxied, _ in self.shown]
        turns = range(1, LONGEST_TURN + 1)
        in_turn = any(order == (order[:turn] * len(order))[: len(order)] for turn in turns)
        return min(order.count(True), order.count(False)) >= REPEATS and not in_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    """What speaks for interception: an empty part says nothing."""

    product: str
    domains: tuple[str, ...]
    ways: _Ways | None

    @property
    def many(self) -> bool:
        """Whether the authority signs for more domains than one owner is likely to have."""
        return len(self.domains) >= limits.UNRELATED_DOMAINS

    @property
    def known(self) -> bool:
        """Whether the authority has shown elsewhere, or in its name, what it is for."""
        return bool(self.product) or len(self.domains) >= WITNESSES

    @property
    def settled(self) -> bool:
        """Whether nothing else explains it."""
        return self.ways is not None and self.ways.repeated and self.known


def interception(case: Case) -> Match | None:
    """Match an authority that signs in others' stead.

    Only where the certificate leads to an authority that is not trusted here: what the user
    trusts is the user's. And only where it is for the very name that was asked for, or no name
    was given: a device that shows its own page shows its own name.
    """
    path = case.path
    if path is None or not path.problems or path.name is Checked.NO:
        return None
    kinds = tuple(problem.kind for problem in path.problems)
    if _PRIVATE.keys().isdisjoint(kinds):
        return None
    signs = _signs(case, path)
    if not (signs.product or signs.many or signs.ways):
        return None
    alternatives = tuple(_PRIVATE[kind] for kind in dict.fromkeys(kinds) if kind in _PRIVATE)
    return Match(
        evidence=_evidence(path, signs),
        confidence=Confidence.PROVEN if signs.settled else Confidence.SUSPECTED,
        basis=_basis(signs),
        alternatives=() if signs.settled else alternatives,
        missing=_missing(signs),
        remedy_values=(peer_text(case.reference_name),) if case.reference_name else (),
    )


def _signs(case: Case, path: PathAssessment) -> _Signs:
    ways = _ways(case)
    names = tuple(certificate.issuer for certificate in path.path)
    return _Signs(
        product=product_of(names) if path.name is Checked.YES else "",
        domains=case.signed_domains,
        ways=ways if ways is not None and ways.differ else None,
    )


def _evidence(path: PathAssessment, signs: _Signs) -> dict[str, str]:
    ways = signs.ways
    return evidence(
        issuer=escaped_text(distinguished_name(path.path[-1].issuer)),
        product=signs.product,
        domains=_shown(signs.domains) if signs.many or ways is not None else "",
        sha256_direct=ways.direct[0].sha256 if ways is not None else "",
        sha256_proxy=path.path[0].sha256 if ways is not None else "",
    )


def product_of(names: Sequence[Name]) -> str:
    """The inspection product that one of these issuers is known for; `""` for none."""
    for issuer in known_issuers().products:
        if any(issuer.names(name) for name in names):
            return issuer.name
    return ""


def is_shared_authority(names: Sequence[Name]) -> bool:
    """Whether one of these issuers is known to sign for anyone who asks it to."""
    return any(issuer.names(name) for issuer in known_issuers().shared for name in names)


def _ways(case: Case) -> _Ways | None:
    """What came each way, the rest being equal; None where the scan has no proxy."""
    first = _leaf(case.facts)
    if not case.facts.proxy or first is None:
        return None
    alike = (one for one in case.tried if _asks_alike(one, case))
    shown = ((one.ask.through_proxy, _leaf(one.facts)) for one in alike)
    return _Ways(shown=((True, first), *((way, leaf) for way, leaf in shown if leaf is not None)))


def _asks_alike(one: Tried, case: Case) -> bool:
    """Whether nothing but the way differs that could make a server show another certificate."""
    ask, offer, other = one.ask, case.facts.offer, one.facts.offer
    return (
        offer is not None
        and other is not None
        and _choosing(offer) == _choosing(other)
        and ask.address == case.address
        and ask.starttls == case.facts.starttls
        and ask.speech is Speech.TLS
        and bool(one.facts.proxy) is ask.through_proxy
    )


def _choosing(offer: Offer) -> tuple[object, ...]:
    """What of a hello servers choose a certificate by; GREASE is another one each time."""
    lists = (offer.versions, offer.cipher_suites, offer.signature_schemes)
    return (offer.server_name, *({code for code in each if not is_grease(code)} for each in lists))


def _leaf(facts: HandshakeFacts) -> Certificate | None:
    """A leaf whose key the peer has shown to hold."""
    if not facts.certificates or facts.key_proof is not Checked.YES:
        return None
    leaf = facts.certificates[0]
    return leaf if isinstance(leaf, Certificate) else None


def _issuer(leaf: Certificate) -> _Issuer:
    authority = leaf.authority_key_identifier
    identifier = authority.key_identifier if authority is not None else None
    return name_key(leaf.issuer), identifier or b""


def _basis(signs: _Signs) -> Basis:
    ways = signs.ways
    if ways is None:
        return Basis(kind="fleet" if signs.many else "peer")
    return Basis(
        kind="experiment",
        changed="proxy",
        before=f"sha256:{ways.proxied[0].sha256[:16]}",
        after=f"sha256:{ways.direct[0].sha256[:16]}",
        repeats=str(min(len(ways.direct), len(ways.proxied))),
    )


def _missing(signs: _Signs) -> str:
    if signs.settled:
        return ""
    if signs.ways is None:
        return "the certificate that the same target shows when asked another way"
    if not signs.ways.repeated:
        return "the same again: twice directly, and through the proxy before and after"
    return "an unrelated domain for which the same authority signs"


def _shown(domains: tuple[str, ...]) -> str:
    if not domains:
        return ""
    more = " or more" if len(domains) == limits.MAX_SIGNED_DOMAINS else ""
    return f"{len(domains)}{more}: {joined(domains)}"

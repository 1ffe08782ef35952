"""What failing targets of a run have in common: one private authority, or one page.

A company's authority signs for the company's names; an inspection proxy's for whatever is
asked for. So the registrable domains are counted that each private authority signed for, and
the networks that each page came from. Nothing here depends on the order of targets: what may
be settled by it waits for the end of the run (`see` says so).
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.causes.banners import PLAINTEXT_HTTP, may_be_blocked, page_fingerprint
from fleetscan.causes.interception import is_shared_authority
from fleetscan.causes.protocol import spoken
from fleetscan.engine.pacing import keys_of
from fleetscan.fleet.tally import Tally
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.distinguished_names import name_key
from fleetscan.pki.names import as_address
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publicsuffixlist import PublicSuffixList

    from fleetscan._parse import Certificate, Name
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.facts import HandshakeFacts
    from fleetscan.pki.assessment import PathAssessment

_PRIVATE: Final = frozenset({PathProblem.UNTRUSTED_ROOT, PathProblem.UNKNOWN_ISSUER})

_RESERVED_POLICIES: Final = "2.23.140.1."
"""The arc of the CA/Browser Forum's reserved policy identifiers: Baseline Requirements section
7.1.6.1 has every certificate of a public authority name one of them."""

_BETWEEN_WORDS: Final = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
_TELLING: Final = 4
"""Letters of a word that may stand inside a domain by more than chance."""


class FleetAgreement:
    """Counts for one run; `see` everything first, then ask."""

    def __init__(self) -> None:
        self._domains = Tally(limits.MAX_COUNTED_ISSUERS, limits.MAX_SIGNED_DOMAINS)
        self._pages = Tally(limits.MAX_COUNTED_PAGES, limits.MAX_SIGNED_DOMAINS)

    def see(self, outcome: ProbeOutcome, path: PathAssessment | None) -> bool:
        """Count one target.

        Args:
            outcome: of its probe.
            path: its path by what it sent itself.

        Returns:
            Whether its verdict may change by what is counted of the others.
        """
        page = _page(outcome.facts)
        if page is not None and outcome.address:
            self._pages.add(page, _network(outcome.address))
            return True
        domain = _signed_domain(outcome, path)
        if not domain or path is None:
            return False
        label = domain.partition(".")[0]
        for authority in _authorities(path):
            self._domains.add(authority, label, domain)
        return True

    def signed_domains(self, outcome: ProbeOutcome, path: PathAssessment | None) -> tuple[str, ...]:
        """Unrelated domains that an authority of this target's path signed for; () for none.

        Args:
            outcome: one that was seen.
            path: its path, which may be longer by now.
        """
        if path is None or not _signed_domain(outcome, path):
            return ()
        counted = [self._domains.values(authority) for authority in _authorities(path)]
        return max(counted, key=len, default=())

    def same_page(self, outcome: ProbeOutcome) -> int:
        """How many networks sent the page that this target sent; 0 where it sent none."""
        page = _page(outcome.facts)
        return 0 if page is None else len(self._pages.values(page))


def registrable_domain(name: str) -> str:
    """The public suffix and one label more; `""` for an address and for a private name.

    Suffixes are those of the ICANN section: what is registered below a company's own suffix
    (`github.io`) is the company's to serve. A name under a top-level domain that does not
    exist (`corp`, `internal`) is private. `example` counts as one that does: nobody's company
    has a name there (RFC 2606 section 2).
    """
    if as_address(name) is not None:
        return ""
    labels = name.lower().rstrip(".").split(".")
    if labels[-1] == "example":
        return ".".join(labels[-2:]) if len(labels) > 1 else ""
    return _suffixes().privatesuffix(".".join(labels)) or ""


@functools.cache
def _suffixes() -> PublicSuffixList:
    # Read at its first use: a healthy fleet never needs it.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


def _signed_domain(outcome: ProbeOutcome, path: PathAssessment | None) -> str:
    """The domain that a private authority signed for here, and that is not its own."""
    name = outcome.target.reference_name
    if path is None or name is None or path.name is not Checked.YES:
        return ""
    if all(problem.kind not in _PRIVATE for problem in path.problems):
        return ""
    names = tuple(_names(path))
    if _is_public(path.path[0]) or is_shared_authority(names):
        return ""
    domain = registrable_domain(name)
    return "" if not domain or _bears(domain, names) else domain


def _is_public(leaf: Certificate) -> bool:
    """Whether it says itself that a public authority issued it, whose intermediate is missing."""
    if leaf.signed_certificate_timestamps:
        return True
    return any(policy.startswith(_RESERVED_POLICIES) for policy in leaf.certificate_policies)


def _bears(domain: str, names: tuple[Name, ...]) -> bool:
    """Whether one of these names has a word of the domain in it: then it is the owner's own."""
    label = domain.partition(".")[0].replace("-", "")
    for name in names:
        for part in (each for rdn in name.rdns for each in rdn):
            words = _BETWEEN_WORDS.sub(" ", part.value).lower().split()
            if label in words or (len(label) >= _TELLING and label in "".join(words)):
                return True
            if any(len(word) >= _TELLING and word in label for word in words):
                return True
    return False


def _names(path: PathAssessment) -> Iterator[Name]:
    """The names of all authorities above the leaf, the one that is missing too."""
    for certificate in path.path:
        yield certificate.issuer


def _authorities(path: PathAssessment) -> Iterator[bytes]:
    """A key for each authority above the leaf, whether its certificate was sent or not."""
    for authority in path.path[1:]:
        identifier = authority.subject_key_identifier
        yield _key(authority.subject, identifier or authority.subject_public_key_info)
    # Of one that was not sent the name alone says nothing: many are called "CA". Where no key
    # identifier tells it from others, what it signed does: proxies have one key for all leaves.
    last = path.path[-1]
    claimed = last.authority_key_identifier
    identifier = claimed.key_identifier if claimed is not None else None
    yield _key(last.issuer, identifier or last.subject_public_key_info)


def _key(name: Name, identifier: bytes) -> bytes:
    said = name_key(name)
    return hashlib.sha256(len(said).to_bytes(4, "big") + said + identifier).digest()


def _page(facts: HandshakeFacts | None) -> bytes | None:
    """What tells a page in place of TLS from others; None where there is none a filter wrote."""
    if facts is None or not may_be_blocked(facts.first_octets):
        return None
    signature = spoken(facts)
    if signature is None or signature.cause != PLAINTEXT_HTTP:
        return None
    return page_fingerprint(facts.first_octets)


def _network(address: str) -> str:
    return keys_of(address)[1].hex()

"""CA certificates that a run has in hand to show what a server forgot, and where each is from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan.pki.authorities import AuthorityStore

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

FLEET: Final = "fleet"
"""Another target of this run sent it."""

STATE: Final = "state"
"""It was kept from an earlier run."""


NO_URL: Final = "no_url"
"""The certificate names no place where its issuer is to be had (RFC 5280 section 4.2.2.1)."""

BUDGET: Final = "budget"
"""The run has fetched as much as one run may."""

IssuerKey: TypeAlias = tuple[bytes, tuple[str, ...]]
"""What two certificates have in common whose issuer is fetched by the same requests."""


def issuer_key(certificate: Certificate) -> IssuerKey:
    """The issuer's name and the addresses where its certificate is said to be."""
    return certificate.issuer.der, tuple(certificate.ca_issuers_urls)


class KnownAuthorities:
    """What the fleet sent, what earlier runs left and what was fetched, as one lookup.

    Nothing in it is trusted. Its content depends on what was seen and not on the order.

    Args:
        earlier: certificates kept from earlier runs.

    Attributes:
        fetches: why the issuer of what was asked about did not come, `""` where it did; None
            while nothing was fetched.
    """

    def __init__(self, earlier: Iterable[Certificate] = ()) -> None:
        self._fleet = AuthorityStore()
        self._earlier = AuthorityStore(limits.MAX_STATE_AUTHORITIES)
        self._fetched = AuthorityStore()
        self._urls: dict[str, str] = {}
        self.fetches: Mapping[IssuerKey, str] | None = None
        self._earlier.add(earlier)

    def see(self, chain: Iterable[Certificate]) -> None:
        """Keep the CA certificates of a chain that a target sent."""
        self._fleet.add(chain)

    def add_fetched(self, certificate: Certificate, url: str) -> None:
        """Keep a CA certificate that was fetched from an address a certificate names."""
        self._fetched.add((certificate,))
        if self._fetched.holds(certificate):
            # One that several addresses give is told under one, whichever answered first.
            known = self._urls.get(certificate.sha256, url)
            self._urls[certificate.sha256] = min(known, url)

    def issuers_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Give those that have the issuer's name: the fleet's, earlier runs', fetched ones."""
        rows = (store.issuers_of(certificate) for store in self._stores)
        return tuple({one.sha256: one for row in rows for one in row}.values())

    def source_of(self, certificate: Certificate) -> str:
        """Say where it was found: `fleet`, `state`, the URL, or `""` when it is not here."""
        if self._fleet.holds(certificate):
            return FLEET
        if self._earlier.holds(certificate):
            return STATE
        return self._urls.get(certificate.sha256, "") if self._fetched.holds(certificate) else ""

    def ends_above(self, unfinished: Iterable[Certificate]) -> tuple[Certificate, ...]:
        """Give these, and those above them, by name, that nothing known is the issuer of."""
        ends = {one.sha256: one for one in unfinished}
        queue = deque(ends.values())
        seen = set(ends)
        # Ends: a certificate is looked at once, and MAX_ISSUER_WALK of them at most.
        while queue and len(seen) <= limits.MAX_ISSUER_WALK:
            one = queue.popleft()
            issuers = self.issuers_of(one)
            if not issuers:
                ends[one.sha256] = one
            queue += (issuer for issuer in issuers if issuer.sha256 not in seen)
            seen.update(issuer.sha256 for issuer in issuers)
        return tuple(ends.values())

    def fetch_failure(self, certificate: Certificate) -> str:
        """Say why its issuer was not fetched; `""` where that was not to be, or it was."""
        if self.fetches is None:
            return ""
        if not certificate.ca_issuers_urls:
            return NO_URL
        return self.fetches.get(issuer_key(certificate), BUDGET)

    def of_this_run(self) -> Iterator[Certificate]:
        """What this run has seen or fetched: worth keeping for the next one."""
        yield from self._fleet
        yield from self._fetched

    @property
    def _stores(self) -> tuple[AuthorityStore, ...]:
        return self._fleet, self._earlier, self._fetched

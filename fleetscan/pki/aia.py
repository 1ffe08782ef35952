"""Missing issuers, asked for where a certificate says they are (RFC 5280 section 4.2.2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.distinguished_names import is_same_name
from fleetscan.pki.fetch_guard import parse_http_url
from fleetscan.pki.fetched import Fetches, FetchFailure, FetchReason, failure
from fleetscan.pki.issuers import certificates_in
from fleetscan.pki.self_issued import is_self_issued, keys_contradict

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

ACCEPT: Final = "application/pkix-cert, application/pkcs7-mime, */*"
"""The media types of RFC 5280 section 4.2.2.1, and whatever servers say instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIssuer:
    """A certificate and the URL that gave it. Nothing of it is trusted, no signature checked."""

    certificate: Certificate
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuersFetched:
    """What came of asking.

    Args:
        found: each certificate once, `limits.MAX_ISSUER_CERTIFICATES` at most. A collection
            may hold others than the issuer that was looked for.
        failures: URLs that gave no certificate, and why, in the order in which they were asked.
    """

    found: tuple[FoundIssuer, ...] = ()
    failures: tuple[tuple[str, FetchFailure], ...] = ()


async def fetch_chain(
    top: Certificate,
    fetcher: Fetches,
    *,
    enough: Callable[[Sequence[FoundIssuer]], bool] | None = None,
) -> IssuersFetched:
    """Ask upwards from the topmost certificate in hand.

    The caIssuers URLs of one certificate are asked one after the other until one gives its
    issuer: a certificate of the issuer's name whose key identifier does not contradict. Of
    them `limits.MAX_ISSUER_URLS` are asked; one of another scheme is a failure too.

    Args:
        top: whose issuer is missing.
        fetcher: asks.
        enough: told what was found so far after each certificate that was asked for; says
            whether to stop. Without it, asking ends at self-issued certificates, where no
            URL gives more, or at `limits.MAX_ISSUER_FETCHES`.
    """
    asked = _Asked(fetcher)
    seen = {top.sha256}
    row = [top]
    # Ends because a certificate is entered once, and `_Asked` keeps a bounded number.
    while row:
        above: list[Certificate] = []
        for certificate in row:
            if is_self_issued(certificate):
                continue
            if not asked.issuers_of(certificate):
                await asked.ask(certificate)
                if enough is not None and enough(asked.found):
                    return asked.result()
            above += (one for one in asked.issuers_of(certificate) if one.sha256 not in seen)
            seen.update(one.sha256 for one in above)
        row = above
    return asked.result()


class _Asked:
    """What one chain has asked for so far."""

    def __init__(self, fetcher: Fetches) -> None:
        self._fetcher = fetcher
        self._urls: set[str] = set()
        self._held: set[str] = set()
        self.found: list[FoundIssuer] = []
        self.failures: list[tuple[str, FetchFailure]] = []

    def result(self) -> IssuersFetched:
        """All of it."""
        return IssuersFetched(found=tuple(self.found), failures=tuple(self.failures))

    def issuers_of(self, certificate: Certificate) -> list[Certificate]:
        """What was found that may be the certificate's issuer."""
        return [
            one.certificate
            for one in self.found
            if is_same_name(one.certificate.subject, certificate.issuer)
            and not keys_contradict(certificate, one.certificate)
        ]

    async def ask(self, certificate: Certificate) -> None:
        """Ask its URLs until its issuer is among what was found."""
        for url in certificate.ca_issuers_urls[: limits.MAX_ISSUER_URLS]:
            if url in self._urls:
                continue
            refused = parse_http_url(url)
            if isinstance(refused, FetchFailure):
                self.failures.append((url, refused))
                continue
            if len(self._urls) >= limits.MAX_ISSUER_FETCHES:
                self.failures.append((url, failure(FetchReason.BUDGET, "of one chain")))
                return
            self._urls.add(url)
            await self._ask_url(url, certificate)
            if self.issuers_of(certificate):
                return

    async def _ask_url(self, url: str, certificate: Certificate) -> None:
        outcome = await self._fetcher.fetch(url, max_octets=limits.MAX_ISSUER_OCTETS, accept=ACCEPT)
        if isinstance(outcome, FetchFailure):
            self.failures.append((url, outcome))
            return
        given = certificates_in(outcome.octets)
        if not given:
            refused = failure(FetchReason.BAD_ANSWER, f"no certificate in {outcome.length} octets")
            self.failures.append((url, refused))
        # Those with the name that is looked for come first, so that the bound cuts others.
        wanted = certificate.issuer
        for one in sorted(given, key=lambda one: not is_same_name(one.subject, wanted)):
            if one.sha256 not in self._held and len(self.found) < limits.MAX_ISSUER_CERTIFICATES:
                self._held.add(one.sha256)
                self.found.append(FoundIssuer(certificate=one, url=url))

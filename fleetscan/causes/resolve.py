"""The name gave no address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import established, evidence, observed, peer_text
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.vocabulary import EndedBy, ResolveFailure, Stage

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Matcher

_EVIDENCE: Final = {"detail": "the resolver's own code for the failure"}


def _failed_with(failure: ResolveFailure) -> Matcher:
    def match(case: Case) -> Match | None:
        seen = case.facts.resolve_failure
        if seen is None and _deadline_passed(case):
            seen = ResolveFailure.TIMEOUT
        if seen is not failure or established(case.facts):
            return None
        return observed(evidence(detail=peer_text(case.facts.resolve_detail)))

    return match


def _deadline_passed(case: Case) -> bool:
    return case.facts.stage is Stage.RESOLVE and case.facts.ended_by is EndedBy.TIMEOUT


NOT_FOUND: Final = CatalogueEntry(
    id="resolve.not_found",
    title="The name does not exist in DNS, or has no address",
    why=(
        "The resolver answered NXDOMAIN, or answered that the name has neither an A nor an AAAA "
        "record. Common after a service was retired, when the inventory has a typing error, and "
        "when the scanner asks public DNS for a name that only internal DNS knows."
    ),
    not_this={
        "resolve.timeout": "no resolver answered at all; the name may well exist",
        "resolve.failed": "a resolver answered with an error of its own, not about the name",
    },
    proof="The resolver's code: NXDOMAIN, or NOERROR with no address record.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="fix_name",
        text="Correct or remove the name in the inventory, or scan through the DNS that knows it.",
    ),
    references=("RFC 1035 section 4.1.1", "RFC 2308 section 2"),
    evidence=_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_NAME_NOT_RESOLVED, DNS_PROBE_FINISHED_NXDOMAIN",
        firefox="Hmm. We're having trouble finding that site. (dnsNotFound)",
        safari="Safari can't find the server.",
        edge="ERR_NAME_NOT_RESOLVED, DNS_PROBE_FINISHED_NXDOMAIN",
        openssl="BIO_lookup_ex:system lib: Name or service not known",
        go="no such host",
        java="java.net.UnknownHostException",
        dotnet="Name or service not known; on Windows: No such host is known.",
    ),
    match=_failed_with(ResolveFailure.NOT_FOUND),
)

TIMEOUT: Final = CatalogueEntry(
    id="resolve.timeout",
    title="No name server answered in time",
    why=(
        "Every query for the name went unanswered until the deadline of the resolve stage. The "
        "name servers are down or overloaded, or UDP and TCP port 53 are filtered on the way."
    ),
    not_this={
        "resolve.not_found": "a name server answered and said that the name does not exist",
        "connect.timeout": "the name was resolved; it is the address that does not answer",
    },
    proof="The deadline of the resolve stage passed with no answer.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="check_resolver",
        text="Check that the name servers used by this machine answer, then scan again.",
    ),
    references=("RFC 1035 section 7.2",),
    evidence=_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_NAME_NOT_RESOLVED, DNS_PROBE_FINISHED_NO_INTERNET",
        openssl="BIO_lookup_ex:system lib: Temporary failure in name resolution",
        go="i/o timeout (in a lookup error)",
        java="java.net.UnknownHostException",
        dotnet="Resource temporarily unavailable",
    ),
    match=_failed_with(ResolveFailure.TIMEOUT),
)

FAILED: Final = CatalogueEntry(
    id="resolve.failed",
    title="The name server answered with an error",
    why=(
        "The answer was SERVFAIL, REFUSED, FORMERR or malformed. SERVFAIL often means broken "
        "DNSSEC or unreachable authoritative servers; REFUSED that this resolver does not serve "
        "this machine."
    ),
    not_this={
        "resolve.not_found": "the answer is about the name: it does not exist",
        "resolve.timeout": "there is no answer of any kind",
    },
    proof="The resolver's code: any response code but NOERROR and NXDOMAIN.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="fix_dns",
        text="Ask the name's authoritative servers directly and repair the zone or the resolver.",
    ),
    references=("RFC 1035 section 4.1.1", "RFC 4035 section 5.5"),
    evidence=_EVIDENCE,
    seen_as=SeenAs(
        chrome="ERR_NAME_NOT_RESOLVED",
        edge="ERR_NAME_NOT_RESOLVED",
        openssl="BIO_lookup_ex:system lib: Temporary failure in name resolution",
        go="server misbehaving",
        java="java.net.UnknownHostException",
    ),
    match=_failed_with(ResolveFailure.FAILED),
)

ENTRIES: Final = (NOT_FOUND, TIMEOUT, FAILED)

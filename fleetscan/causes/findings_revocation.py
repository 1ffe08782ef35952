"""Worth knowing about revocation when nothing says that the certificate was revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import escaped_text, evidence, joined, observed, peer_text, rfc3339
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.pki.revocation import Reason, RevocationStatus

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.pki.revocation import RevocationAnswer

_KNOWN: Final = frozenset({RevocationStatus.GOOD, RevocationStatus.REVOKED})


def _staple_stale(case: Case) -> Match | None:
    staple = case.revocation.from_source("stapled") if case.revocation else None
    if staple is None or staple.reason != Reason.STALE:
        return None
    return observed(
        evidence(
            this_update=_moment(staple.this_update),
            next_update=_moment(staple.next_update),
            said=staple.detail,
        )
    )


def _moment(unix_s: int | None) -> str:
    return "" if unix_s is None else rfc3339(unix_s)


def _revocation_unknown(case: Case) -> Match | None:
    revocation = case.revocation
    if revocation is None or revocation.status in _KNOWN:
        return None
    if not any(_left_open(answer) for answer in revocation.answers):
        return None
    sources = [peer_text(f"{answer.source} {answer.url}".strip()) for answer in revocation.answers]
    answers = [_why(answer) for answer in revocation.answers]
    return observed(evidence(sources=joined(sources), answers=joined(answers)))


def _left_open(answer: RevocationAnswer) -> bool:
    """Whether somebody wanted to know, or a server said something that is no answer.

    A staple that is only out of date has a finding of its own, and one that nothing here can
    check is nobody's fault.
    """
    if answer.source != "stapled":
        return True
    return answer.status is RevocationStatus.UNKNOWN and answer.reason != Reason.STALE


def _why(answer: RevocationAnswer) -> str:
    word = str(answer.reason) or answer.status.value
    return escaped_text(f"{word} ({answer.detail})" if answer.detail else word)


STAPLE_STALE: Final = CatalogueEntry(
    id="finding.staple_stale",
    title="The stapled revocation answer is out of date",
    why=(
        "The server staples an OCSP answer whose nextUpdate has passed: it no longer reaches the "
        "responder, or was suspended. Clients that look treat it as no answer."
    ),
    not_this={
        "certificate.must_staple_missing": "the certificate promises a valid answer",
        "certificate.revoked": "the answer says revoked, and counts",
    },
    proof="nextUpdate of the answer and the time of the scan.",
    severity=Severity.LOW,
    remedy=Remedy(id="fix_stapling", text="Let the server reach the OCSP responder again."),
    references=("RFC 6960 section 4.2.2.1", "RFC 6066 section 8"),
    evidence={
        "this_update": "when it was true, UTC",
        "next_update": "until when it counts, UTC; absent where it does not say, and then it "
        "counts for a day",
        "said": "what it said",
    },
    seen_as=SeenAs(firefox="SEC_ERROR_OCSP_OLD_RESPONSE"),
    match=_staple_stale,
)

REVOCATION_UNKNOWN: Final = CatalogueEntry(
    id="finding.revocation_unknown",
    title="Nobody can say whether the certificate was revoked",
    why=(
        "Revocation was to be checked and no usable answer came: the responder is down, says "
        "unknown, or the certificate names no place to ask; or the server stapled an answer that "
        "is about another certificate, is not signed by one who may, or is no answer at all."
    ),
    not_this={
        "certificate.revoked": "the answer says revoked",
        "finding.staple_stale": "an answer came and is out of date",
    },
    proof="What each source answered.",
    severity=Severity.LOW,
    remedy=Remedy(id="fix_revocation", text="Ask the authority why its responder has no answer."),
    references=("RFC 6960 section 2.2", "RFC 6960 section 3.2", "RFC 5280 section 6.3"),
    evidence={
        "sources": "what was asked or stapled, and where",
        "answers": "why each does not count, in the same order",
    },
    seen_as=SeenAs(
        openssl="verify error:num=3:unable to get certificate CRL",
        firefox="SEC_ERROR_OCSP_SERVER_ERROR, SEC_ERROR_OCSP_UNKNOWN_CERT",
        dotnet="RevocationStatusUnknown, OfflineRevocation",
    ),
    match=_revocation_unknown,
)

ENTRIES: Final = (STAPLE_STALE, REVOCATION_UNKNOWN)

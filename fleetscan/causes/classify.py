"""From one case to its verdict: every cause that holds, in the order of the vocabulary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleetscan.causes.catalogue import CATALOGUE, FAMILY_ORDER
from fleetscan.causes.conclusions import conclusions
from fleetscan.causes.evidence import established
from fleetscan.causes.findings_certificate import ENTRIES as CERTIFICATE_FINDINGS
from fleetscan.causes.findings_certificate import NO_SCT
from fleetscan.causes.findings_revocation import ENTRIES as REVOCATION_FINDINGS
from fleetscan.causes.local import UNKNOWN, unknown_match
from fleetscan.causes.model import Cause, Checks, Severity, Verdict
from fleetscan.pki.revocation import RevocationStatus
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetscan.causes.model import Case, CatalogueEntry, Matcher

ESTABLISHED: Final = "established"
FAILED: Final = "failed"
ERROR: Final = "error"

FINDING: Final = "finding"
OURS: Final = frozenset({"internal", "local"})
"""Families that say that the probe failed on our side: nothing is then said of the target."""

_PLACE: Final = {
    entry.id: (FAMILY_ORDER.index(entry.family), place) for place, entry in enumerate(CATALOGUE)
}
_MATCHERS: Final = tuple((entry, entry.match) for entry in CATALOGUE if entry.match is not None)

# What can be said of a handshake that worked: most targets are healthy, and they need not
# be asked how they failed. A test asks every matcher and gets the same.
_STILL_POSSIBLE: Final = frozenset(
    {*OURS, "version", "cipher", "key_exchange", "name", "chain", "certificate", FINDING}
)
_OF_CERTIFICATES_SHOWN: Final = frozenset({"interference.interception", "name.default_certificate"})
_MATCHERS_OF_ESTABLISHED: Final = tuple(
    (entry, match)
    for entry, match in _MATCHERS
    if entry.family in _STILL_POSSIBLE or entry.id in _OF_CERTIFICATES_SHOWN
)

# What can be said of certificates that nobody sent. Timestamps may still come with the
# handshake or the staple, so that none in the certificate says nothing yet.
_FINDINGS_OF_CERTIFICATES: Final = (*CERTIFICATE_FINDINGS, *REVOCATION_FINDINGS)
_FAMILIES_OF_CERTIFICATES: Final = frozenset({"chain", "certificate"})
_MATCHERS_OF_CERTIFICATES: Final = tuple(
    (entry, match)
    for entry, match in _MATCHERS
    if entry.family in _FAMILIES_OF_CERTIFICATES
    or (entry in _FINDINGS_OF_CERTIFICATES and entry is not NO_SCT)
)


def classify(case: Case) -> Verdict:
    """Say what is wrong with one target, and what is worth knowing about it.

    Every matcher of the catalogue is asked and every cause that holds is kept. One is left
    out only where its entry names it as `hidden_by` another that holds, or where the probe
    failed on our own side: the facts of such a probe say nothing about the target.

    Args:
        case: the facts, the path check, the clock. Nothing else is looked at, so that
            the verdict of a target does not depend on any other.

    Returns:
        The verdict. `unknown` stands in it only when the handshake failed and no cause
        of the catalogue holds.
    """
    worked = established(case.facts)
    if case.tried:
        case = replace(case, shown=conclusions(case))
    causes, findings = _matched(case, _MATCHERS_OF_ESTABLISHED if worked else _MATCHERS)
    ours = [cause for cause in causes if cause.entry.family in OURS]
    if ours:
        causes, findings = ours, []
    elif not causes and not worked:
        found = unknown_match(case)
        causes = [Cause(entry=UNKNOWN, match=found, severity=UNKNOWN.severity)]
    return _verdict(case, causes, findings)


def classify_certificates(case: Case) -> Verdict:
    """Say what is wrong with certificates alone, where there was no handshake.

    Args:
        case: facts that hold certificates and nothing else, the path check, the clock.

    Returns:
        The verdict: causes of the families chain and certificate, and the findings about
        certificates. Nothing of it is `unknown`: where no cause holds, none is told.
    """
    return _verdict(case, *_matched(case, _MATCHERS_OF_CERTIFICATES))


def _matched(
    case: Case, matchers: Sequence[tuple[CatalogueEntry, Matcher]]
) -> tuple[list[Cause], list[Cause]]:
    """Every cause and every finding that holds."""
    matched = [
        Cause(entry=entry, match=found, severity=found.severity or entry.severity)
        for entry, match in matchers
        if (found := match(case)) is not None
    ]
    matched = _without_hidden(matched)
    causes = [cause for cause in matched if cause.entry.family != FINDING]
    return causes, [cause for cause in matched if cause.entry.family == FINDING]


def _verdict(case: Case, causes: list[Cause], findings: list[Cause]) -> Verdict:
    causes.sort(key=_order)
    findings.sort(key=_order)
    return Verdict(
        outcome=_outcome(causes),
        severity=_gravest(causes + findings),
        causes=tuple(causes),
        findings=tuple(findings),
        checks=_checks(case),
    )


def _without_hidden(matched: list[Cause]) -> list[Cause]:
    held = {cause.entry.id for cause in matched}
    return [cause for cause in matched if held.isdisjoint(cause.entry.hidden_by)]


def _order(cause: Cause) -> tuple[int, int, int]:
    family, place = _PLACE[cause.entry.id]
    return family, -cause.severity.rank, place


def _outcome(causes: list[Cause]) -> str:
    if not causes:
        return ESTABLISHED
    return ERROR if causes[0].entry.family in OURS else FAILED


def _gravest(causes: list[Cause]) -> Severity:
    return max((cause.severity for cause in causes), key=_rank, default=Severity.INFO)


def _rank(severity: Severity) -> int:
    return severity.rank


def _checks(case: Case) -> Checks:
    path = case.path
    status = case.revocation.status if case.revocation else RevocationStatus.NOT_CHECKED
    return Checks(
        name=path.name if path else Checked.NOT_CHECKED,
        path=path.trusted if path else Checked.NOT_CHECKED,
        revocation=status.value,
        key=case.facts.key_proof,
    )

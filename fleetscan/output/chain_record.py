"""A chain that was verified from files -> its record, `fleetscan.verify/1`.

What a result has too bears the same name and is made by the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from fleetscan.causes.evidence import rfc3339
from fleetscan.output.certificates import certificate_summary
from fleetscan.output.identity import digest
from fleetscan.output.record import texts, trusted_by, unsettled_fields, verdict_fields

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.causes.model import Case, Verdict
    from fleetscan.pki.fixing import FixedChain
    from fleetscan.pki.path import PathAssessment

SCHEMA_ID: Final = "fleetscan.verify/1"
"""The value of `schema`."""

VALID: Final = "valid"
REFUSED: Final = "refused"
UNDECIDED: Final = "undecided"
"""What `outcome` may be; undecided is when a bound, or a primitive that is missing here, kept a
path from being settled that nothing else is wrong with."""

_OF_PATH: Final = ("sha256", "subject", "not_before", "not_after", "key", "signature_algorithm")
"""What is shown of each certificate of the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSource:
    """Where a certificate of the path came from.

    Args:
        kind: the word that the schema has for it.
        position: in the chain, counted from 1; None for one that is not in it.
        trusted_by: the trust stores that hold it.
    """

    kind: Literal["chain", "untrusted", "trust", "missing"]
    position: int | None = None
    trusted_by: tuple[str, ...] = ()


def chain_record(
    *,
    case: Case,
    path: PathAssessment,
    verdict: Verdict,
    outcome: str,
    policy: str,
    sources: Sequence[PathSource],
    remarks: Sequence[str],
) -> dict[str, Any]:
    """Everything that is known of a chain, with the keys and the order of the schema.

    Args:
        case: what was asked, and the certificates as given.
        path: what the path check found.
        verdict: what was concluded from both.
        outcome: valid, refused or undecided.
        policy: the name of the rules.
        sources: one for each certificate of the path.
        remarks: what else a person should know.
    """
    certificates = case.facts.certificates
    identity = digest(certificates[0].sha256, case.reference_name or "")
    record: dict[str, Any] = {
        "schema": SCHEMA_ID,
        "valid": outcome == VALID,
        "outcome": outcome,
        "at": rfc3339(case.now),
        "name": case.reference_name,
        "policy": policy,
        **verdict_fields(verdict, identity),
        "certificate": certificate_summary(certificates[0]),
        "chain_sha256": [one.sha256 for one in certificates],
        "path": [
            path_certificate(one, source) for one, source in zip(path.path, sources, strict=True)
        ],
        "trusted_by": trusted_by(path),
        **unsettled_fields(path),
    }
    record["remarks"] = list(remarks)
    return record


def fixed_fields(fixed: FixedChain, file: str, chain_sha256: Sequence[str]) -> dict[str, Any]:
    """What was written in place of the chain, as `fixed` of the record."""
    wanted = [one.sha256 for one in fixed.certificates]
    removed = [
        sha256
        for at, sha256 in enumerate(chain_sha256)
        if sha256 not in wanted or sha256 in chain_sha256[:at]
    ]
    return {
        "file": file,
        "chain_sha256": wanted,
        "added": [sha256 for sha256 in wanted if sha256 not in chain_sha256],
        "removed": removed,
        "reordered": fixed.reordered,
    }


def path_certificate(certificate: Certificate, source: PathSource) -> dict[str, Any]:
    """What is shown of a certificate of the path, with the keys of the schema."""
    summary = certificate_summary(certificate)
    fields = {key: summary[key] for key in _OF_PATH}
    fields["source"] = source.kind
    if source.position is not None:
        fields["position"] = source.position
    if source.trusted_by:
        fields["trusted_by"] = texts(source.trusted_by)
    return fields

"""The chain that a server should send in place of the one it was given. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.names import distinguished_name
from fleetscan.pki.self_issued import is_self_issued

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.assessment import PathAssessment

_NO_PATH: Final = frozenset({PathProblem.UNKNOWN_ISSUER, PathProblem.BAD_SIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedChain:
    """The leaf and each issuer up to the root, which is left out.

    Args:
        certificates: what to send, in order.
        reordered: whether those that were there already stood in another order.
    """

    certificates: tuple[Certificate, ...]
    reordered: bool


def fixed_chain(chain: Sequence[Certificate], assessment: PathAssessment) -> FixedChain | None:
    """Give the chain to send, or None when there is no verified path to take it from.

    A self-signed root is left out, since a client that trusts it has it (RFC 8446 section
    4.4.2); a leaf that signed itself is all there is to send. What is wrong with the
    certificates themselves stays wrong.

    Args:
        chain: as it would be sent now.
        assessment: what the path check found for it.
    """
    path = assessment.path
    if why_not_fixed(assessment):
        return None
    wanted = path[:-1] if len(path) > 1 and is_self_issued(path[-1]) else path
    hashes = [one.sha256 for one in wanted]
    given = dict.fromkeys(one.sha256 for one in chain)
    kept = [sha256 for sha256 in given if sha256 in hashes]
    reordered = kept != [sha256 for sha256 in hashes if sha256 in given]
    return FixedChain(certificates=wanted, reordered=reordered)


def why_not_fixed(assessment: PathAssessment) -> str:
    """Say why no chain can be made of what the path check found; `""` when one can."""
    if not assessment.path:
        return "the leaf cannot be parsed"
    for problem in assessment.problems:
        if problem.kind in _NO_PATH:
            issuer = distinguished_name(problem.certificate.issuer)
            if problem.kind is PathProblem.BAD_SIGNATURE:
                subject = distinguished_name(problem.certificate.subject)
                return f"the signature of {subject} by {issuer} does not verify"
            return f"the certificate of {issuer} is not at hand"
    if assessment.limit:
        return f"the bound {assessment.limit} ended the search for a path"
    if assessment.not_checked:
        return f"signatures by {assessment.not_checked} cannot be checked here"
    return ""

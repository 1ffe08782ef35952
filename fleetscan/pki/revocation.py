"""What is known about a certificate's revocation, whoever answered: the shapes and the sum.

An answer is made where its octets are read: `ocsp` for stapled and asked ones, `crl` for
lists. Nothing here is read, asked or verified; that good and revoked are only ever said on a
checked signature and a fresh answer is kept by those that make answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal, TypeAlias

Source: TypeAlias = Literal["stapled", "ocsp", "crl"]


class RevocationStatus(Enum):
    """As the result schema has it in `checks.revocation`."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """Asked or told, and no answer that counts."""
    NOT_CHECKED = "not_checked"
    """Nothing was asked or told, or what came is beyond what is implemented here."""


class Reason(StrEnum):
    """Why there is no answer that counts. The values are words of the result's evidence."""

    # -- what the octets say
    MALFORMED = "malformed"
    """They are no OCSP response or CRL, or one that breaks a rule of its layout."""
    OTHER_CERTIFICATE = "other_certificate"
    """The answer is about another certificate, or the same serial number of another issuer."""
    STALE = "stale"
    """nextUpdate has passed, or, without one, thisUpdate is too long ago."""
    NOT_YET_VALID = "not_yet_valid"
    """thisUpdate or producedAt lies in the future."""
    BAD_SIGNATURE = "bad_signature"
    """The signature does not verify under the key of the one who says to have made it."""
    WRONG_RESPONDER = "wrong_responder"
    """Whoever signed may not speak for the issuer (RFC 6960 section 4.2.2.2, RFC 5280
    section 6.3.3 (f))."""
    OUT_OF_SCOPE = "out_of_scope"
    """A CRL that does not cover this certificate or not every reason (RFC 5280 section
    5.2.5), or is only a delta (section 5.2.4)."""
    CRITICAL_EXTENSION = "critical_extension"
    """A CRL or one of its entries has a critical extension that cannot be processed, so that
    no part of it may be used (RFC 5280 sections 5.2 and 5.3)."""

    # -- what the responder says in place of an answer (RFC 6960 sections 2.2 and 2.3)
    UNKNOWN_TO_RESPONDER = "unknown_to_responder"
    """certStatus is unknown: it does not know this certificate."""
    MALFORMED_REQUEST = "malformed_request"
    INTERNAL_ERROR = "internal_error"
    TRY_LATER = "try_later"
    SIG_REQUIRED = "sig_required"
    UNAUTHORIZED = "unauthorized"
    """It is not a responder for this issuer, or has no answer at hand (RFC 5019 section 2.2.3)."""

    # -- the way there
    NO_URL = "no_url"
    """The certificate names no place to ask that can be asked."""
    REFUSED = "refused"
    """The place is not one that is fetched from: its scheme, its address, an exclude."""
    UNREACHABLE = "unreachable"
    """Its name is not found, the connection fails or breaks off."""
    TIMEOUT = "timeout"
    HTTP_STATUS = "http_status"
    """HTTP answered with something other than 200 (RFC 9110 section 15.3.1)."""
    TOO_LARGE = "too_large"
    """Over the bound of `limits`."""
    BUDGET = "budget"
    """A bound of the run on what is fetched was reached, or the run was ended."""

    # -- ours: status NOT_CHECKED, never held against anyone
    UNSUPPORTED = "unsupported"
    """A signature algorithm, a key or a form that nothing here can verify."""
    NO_ISSUER = "no_issuer"
    """The issuer's certificate is not known, so no answer could be verified or asked for."""
    LOCAL = "local"
    """This machine could not ask: descriptors, memory, a full disk."""


REMOVE_FROM_CRL: Final = "removeFromCRL"
"""The reason code that takes an entry back (RFC 5280 section 5.3.1): the certificate is not
revoked by it."""

REVOCATION_REASONS: Final = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    8: REMOVE_FROM_CRL,
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
"""CRLReason (RFC 5280 section 5.3.1); 7 is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """What one source says about one certificate.

    Args:
        status: GOOD and REVOKED only where the signature was checked and the answer is fresh.
        source: `stapled`, `ocsp` or `crl`.
        reason: why the status is UNKNOWN or NOT_CHECKED, one of `Reason`; `""` otherwise.
        detail: printable text that says more: the extension, the HTTP status, the algorithm.
        this_update: Unix seconds, UTC, as `next_update` and `revoked_at` are; None where the
            answer does not say or could not be read. They are not to be relied on where
            `reason` is `bad_signature` or `wrong_responder`.
        next_update: until when it counts.
        revoked_at: since when it is revoked.
        revocation_reason: by its name in RFC 5280 section 5.3.1; `""` when none is given.
        url: where it came from; `""` for a staple.
    """

    status: RevocationStatus
    source: Source
    reason: str = ""
    detail: str = ""
    this_update: int | None = None
    next_update: int | None = None
    revoked_at: int | None = None
    revocation_reason: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What all answers about one certificate come to.

    Args:
        status: of them all.
        answers: every one, in the order given.
    """

    status: RevocationStatus
    answers: tuple[RevocationAnswer, ...] = ()

    @property
    def decisive(self) -> RevocationAnswer | None:
        """The first answer that the status rests on; None when none says good or revoked."""
        for answer in self.answers:
            if self.status is RevocationStatus.REVOKED and _revokes(answer):
                return answer
            if self.status is RevocationStatus.GOOD and answer.status is RevocationStatus.GOOD:
                return answer
        return None

    def from_source(self, source: Source) -> RevocationAnswer | None:
        """The first answer of this source."""
        return next((answer for answer in self.answers if answer.source == source), None)


def combine(answers: Iterable[RevocationAnswer]) -> Revocation:
    """Sum up what several sources say about one certificate.

    One that says revoked outweighs any that says good: a responder may lag behind a list, and
    a staple behind both. A certificate on hold is revoked as long as it is held; one that was
    taken off the list again is not. Without either, one good answer is enough, whatever the
    others lacked.
    """
    given = tuple(answers)
    states = {answer.status for answer in given}
    if any(_revokes(answer) for answer in given):
        status = RevocationStatus.REVOKED
    elif RevocationStatus.GOOD in states:
        status = RevocationStatus.GOOD
    elif states <= {RevocationStatus.NOT_CHECKED}:
        status = RevocationStatus.NOT_CHECKED
    else:
        status = RevocationStatus.UNKNOWN
    return Revocation(status=status, answers=given)


def _revokes(answer: RevocationAnswer) -> bool:
    return answer.status is RevocationStatus.REVOKED and answer.revocation_reason != REMOVE_FROM_CRL

"""Whether certificate revocation lists revoke a certificate: RFC 5280 sections 5 and 6.3.

One pass over the octets answers for any number of certificates of one issuer, and nothing
but what concerns them is held. Good is only said by a CRL of the certificate's own issuer,
signed by its key, complete for this certificate, and fresh. Where clients differ:

- A CRL without nextUpdate does not say how long it counts. OpenSSL takes it for ever, Java
  not at all; here what it lists is revoked and what it does not list is unknown.
- A missing CRLNumber is no reason to refuse a CRL, as in OpenSSL: section 6.3.3 does not ask
  for it. A critical one is, as any critical extension is that has no business to be.
- A delta CRL is told apart and not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Final

from fleetscan import limits
from fleetscan._parse import parse_name
from fleetscan.errors import ParseError
from fleetscan.pki import _der
from fleetscan.pki._crl import CrlReader
from fleetscan.pki.crl_octets import NotPem, der_pieces
from fleetscan.pki.crl_scope import (
    EVERYTHING,
    DistinguishedName,
    Scope,
    covers_all_reasons,
    names_issuer,
    out_of_scope,
    read_scope,
)
from fleetscan.pki.distinguished_names import rdn_sequence
from fleetscan.pki.names import distinguished_name
from fleetscan.pki.revocation import (
    REMOVE_FROM_CRL,
    REVOCATION_REASONS,
    Reason,
    RevocationAnswer,
    RevocationStatus,
)
from fleetscan.pki.signatures import INVALID, SignatureCheck, SignatureState
from fleetscan.pki.signed_stream import SignedStream

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki._crl import CrlEntry

CRL_SIGN: Final = 1 << 6
"""keyUsage's cRLSign (RFC 5280 section 4.2.1.3)."""

ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"

_MAY_BE_CRITICAL: Final = frozenset(
    {ISSUING_DISTRIBUTION_POINT, DELTA_CRL_INDICATOR, AUTHORITY_KEY_IDENTIFIER}
)
"""What is processed; OpenSSL refuses the same rest."""

_KEY_IDENTIFIER: Final = 0x80
_REMOVED: Final = next(code for code, name in REVOCATION_REASONS.items() if name == REMOVE_FROM_CRL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why a CRL, or a CRL for one certificate, answers nothing."""

    reason: Reason
    detail: str = ""
    status: RevocationStatus = RevocationStatus.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A CRL that was read whole and whose signature holds.

    Args:
        issuer: its issuer's name, comparable.
        scope: of its issuingDistributionPoint.
        refusal: why it answers nothing although it is its issuer's, None when it does.
    """

    issuer: DistinguishedName
    scope: Scope
    refusal: _Refusal | None


def check_crl(
    source: bytes | BinaryIO,
    *,
    certificates: Sequence[Certificate],
    issuer: Certificate,
    now: float,
    url: str = "",
) -> tuple[RevocationAnswer, ...]:
    """Ask one CRL about certificates of one issuer.

    Args:
        source: the CRL's octets, DER or PEM, or a binary file that is read from where it
            stands; of several CRLs in PEM the first.
        certificates: whose revocation is asked, all of them issued by `issuer`.
        issuer: the CA whose key must have signed the CRL.
        now: Unix seconds.
        url: where the CRL came from, for the answers.

    Returns:
        One answer for each certificate, in their order.

    Raises:
        OSError: the file cannot be read; nothing that is in it raises.
    """
    file = BytesIO(source) if isinstance(source, bytes) else source
    reader = CrlReader({certificate.serial_octets for certificate in certificates})
    found = _read(file, reader, issuer, now)
    return tuple(_answer(found, reader, certificate, url) for certificate in certificates)


def crl_issuer(file: BinaryIO) -> bytes:
    """Read on until the issuer of a CRL is known, and give the Name's DER.

    Raises:
        ParseError: there is no CRL, or one that is malformed so far.
        NotPem: the PEM does not hold.
        OSError: the file cannot be read.
    """
    reader = CrlReader(())
    for piece in der_pieces(file):
        reader.feed(piece)
        if reader.issuer:
            return parse_name(reader.issuer).der
    reader.finish()
    return parse_name(reader.issuer).der


def same_name(one: bytes, other: bytes) -> bool:
    """Say whether two Names are equal as RFC 5280 section 7.1 compares them."""
    if one == other:
        return True
    left = rdn_sequence(one)
    return left is not None and left == rdn_sequence(other)


def _read(file: BinaryIO, reader: CrlReader, issuer: Certificate, now: float) -> _List | _Refusal:
    try:
        signature = _walk(file, reader, issuer)
    except ParseError as error:
        return _Refusal(reason=Reason.MALFORMED, detail=str(error))
    except NotPem as error:
        return _Refusal(reason=Reason.MALFORMED, detail=f"PEM: {error}")
    if isinstance(signature, _Refusal):
        return signature
    refusal = _not_its_own(signature, reader, issuer)
    if refusal is not None:
        return refusal
    name = rdn_sequence(reader.issuer)
    scope = None if name is None else _scope(reader, name)
    if name is None or scope is None:
        return _Refusal(reason=Reason.MALFORMED, detail="issuingDistributionPoint")
    return _List(issuer=name, scope=scope, refusal=_unfit(reader, now))


def _walk(file: BinaryIO, reader: CrlReader, issuer: Certificate) -> SignatureCheck | _Refusal:
    """Read it all, unless it is another issuer's, and check its signature."""
    signed: SignedStream | None = None
    held = bytearray()
    at = octets = 0
    # Ends with the file or the bound.
    for piece in der_pieces(file):
        octets += len(piece)
        if octets > limits.MAX_CRL:
            return _Refusal(reason=Reason.TOO_LARGE, detail=f"over {limits.MAX_CRL} octets")
        reader.feed(piece)
        held += piece
        if not reader.issuer:
            # What is held stays small: the reader bounds the fields in front of the issuer.
            continue
        if signed is None:
            if not same_name(reader.issuer, issuer.subject.der):
                name = distinguished_name(parse_name(reader.issuer))
                return _Refusal(reason=Reason.OTHER_CERTIFICATE, detail=f"a CRL of {name}")
            signed = SignedStream(reader.signature_algorithm, reader.signature_parameters, issuer)
        first, last = max(reader.tbs_start - at, 0), max(reader.tbs_end - at, 0)
        signed.update(bytes(held[first:last]))
        at += len(held)
        held.clear()
    reader.finish()
    if signed is None or reader.signature != reader.outer_signature_algorithm:
        # The two must agree, parameters and all (RFC 5280 section 5.1.1.2).
        return INVALID
    return signed.check(reader.signature_value)


def _not_its_own(
    signature: SignatureCheck, reader: CrlReader, issuer: Certificate
) -> _Refusal | None:
    """Why a CRL in the issuer's name is not known to be the issuer's."""
    if signature.state is SignatureState.LIMIT:
        return _Refusal(
            reason=Reason.TOO_LARGE,
            detail=signature.reason,
            status=RevocationStatus.NOT_CHECKED,
        )
    if signature.state is SignatureState.NOT_CHECKED:
        return _Refusal(
            reason=Reason.UNSUPPORTED,
            detail=signature.reason,
            status=RevocationStatus.NOT_CHECKED,
        )
    if signature.state is SignatureState.INVALID:
        if _names_another_key(reader, issuer):
            return _Refusal(
                reason=Reason.WRONG_RESPONDER, detail="authorityKeyIdentifier is another key's"
            )
        return _Refusal(reason=Reason.BAD_SIGNATURE)
    if issuer.key_usage is not None and not issuer.key_usage & CRL_SIGN:
        return _Refusal(reason=Reason.WRONG_RESPONDER, detail="keyUsage without cRLSign")
    return None


def _names_another_key(reader: CrlReader, issuer: Certificate) -> bool:
    """Whether the CRL says that another key signed it, as after a change of the CA's key."""
    value = _extension(reader, AUTHORITY_KEY_IDENTIFIER)
    body = None if value is None else _der.content(value, _der.SEQUENCE)
    fields = dict((None if body is None else _der.elements(body)) or ())
    named = fields.get(_KEY_IDENTIFIER)
    own = issuer.subject_key_identifier
    return named is not None and own is not None and named != own


def _scope(reader: CrlReader, issuer: DistinguishedName) -> Scope | None:
    value = _extension(reader, ISSUING_DISTRIBUTION_POINT)
    return EVERYTHING if value is None else read_scope(value, issuer)


def _unfit(reader: CrlReader, now: float) -> _Refusal | None:
    """Why the issuer's own CRL answers nothing, for whichever certificate."""
    critical = [oid for oid, is_critical, _ in reader.extensions if is_critical]
    unknown = [oid for oid in critical if oid not in _MAY_BE_CRITICAL]
    unknown += [reader.unknown_critical_entry_extension]
    if unknown[0]:
        return _Refusal(reason=Reason.CRITICAL_EXTENSION, detail=unknown[0])
    if _extension(reader, DELTA_CRL_INDICATOR) is not None:
        return _Refusal(reason=Reason.OUT_OF_SCOPE, detail="deltaCRLIndicator")
    if reader.this_update > now:
        return _Refusal(reason=Reason.NOT_YET_VALID, detail="thisUpdate")
    if reader.next_update is not None and reader.next_update < now:
        return _Refusal(reason=Reason.STALE, detail="nextUpdate")
    return None


def _extension(reader: CrlReader, oid: str) -> bytes | None:
    return next((value for found, _, value in reader.extensions if found == oid), None)


def _answer(
    found: _List | _Refusal, reader: CrlReader, certificate: Certificate, url: str
) -> RevocationAnswer:
    """What it comes to for one certificate."""
    if isinstance(found, _Refusal):
        return _said(found, reader, url)
    try:
        entry = _entry(reader, certificate, found.issuer)
    except _MalformedIssuer:
        return _said(_Refusal(reason=Reason.MALFORMED, detail="certificateIssuer"), reader, url)
    refusal = found.refusal or _not_covered(found, certificate, listed=entry is not None)
    if refusal is None and entry is None and reader.next_update is None:
        refusal = _Refusal(reason=Reason.STALE, detail="no nextUpdate")
    if refusal is not None:
        return _said(refusal, reader, url, entry)
    revoked = entry is not None and entry.reason_code != _REMOVED
    return RevocationAnswer(
        status=RevocationStatus.REVOKED if revoked else RevocationStatus.GOOD,
        source="crl",
        detail="" if revoked or entry is None else REMOVE_FROM_CRL,
        this_update=reader.this_update,
        next_update=reader.next_update,
        revoked_at=entry.revocation_date if revoked and entry is not None else None,
        revocation_reason=_reason_name(entry) if revoked and entry is not None else "",
        url=url,
    )


def _not_covered(found: _List, certificate: Certificate, *, listed: bool) -> _Refusal | None:
    """Why the CRL does not settle this certificate (RFC 5280 section 6.3.3 (b), (d), (l))."""
    field = out_of_scope(certificate, found.scope, found.issuer)
    if not field and not listed and not covers_all_reasons(certificate, found.scope, found.issuer):
        field = "onlySomeReasons"
    return _Refusal(reason=Reason.OUT_OF_SCOPE, detail=field) if field else None


def _entry(
    reader: CrlReader, certificate: Certificate, issuer: DistinguishedName
) -> CrlEntry | None:
    """The certificate's entry; one that revokes before one that takes it back.

    An entry of an indirect CRL may be another issuer's, whose numbers are its own (RFC 5280
    section 5.3.3).

    Raises:
        _MalformedIssuer: an entry that has the number does not say whose it is.
    """
    taken_back = None
    for entry in reader.entries:
        if entry.user_certificate != certificate.serial_octets:
            continue
        if entry.certificate_issuer is not None:
            own = names_issuer(entry.certificate_issuer, issuer)
            if own is None:
                raise _MalformedIssuer
            if not own:
                continue
        if entry.reason_code != _REMOVED:
            return entry
        taken_back = entry
    return taken_back


class _MalformedIssuer(Exception):
    """A certificateIssuer that cannot be read."""


def _said(
    refusal: _Refusal, reader: CrlReader, url: str, entry: CrlEntry | None = None
) -> RevocationAnswer:
    """An answer that is none, with what the CRL would have said."""
    detail = refusal.detail
    if entry is not None and entry.reason_code != _REMOVED:
        listed = f"lists the certificate as revoked ({_reason_name(entry) or 'no reason given'})"
        detail = f"{detail}; {listed}"
    return RevocationAnswer(
        status=refusal.status,
        source="crl",
        reason=refusal.reason,
        detail=detail,
        this_update=reader.this_update if reader.issuer else None,
        next_update=reader.next_update,
        url=url,
    )


def _reason_name(entry: CrlEntry) -> str:
    """The reason code's name, or its number where it has none."""
    if entry.reason_code < 0:
        return ""
    return REVOCATION_REASONS.get(entry.reason_code, str(entry.reason_code))

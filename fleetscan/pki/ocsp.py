"""Whether an OCSP response counts for a certificate, and what it then says (RFC 6960).

The same check serves a staple and an answer that was asked for. One thing is not decided here:
whether a delegated responder's own certificate was revoked. RFC 6960 section 4.2.2.2.1 leaves
that to the issuer's word (id-pkix-ocsp-nocheck) or to the client; no current client asks.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.distinguished_names import is_same_name
from fleetscan.pki.ocsp_response import (
    SUCCESSFUL,
    BasicResponse,
    CertStatus,
    SingleResponse,
    parse_ocsp_response,
)
from fleetscan.pki.revocation import (
    REVOCATION_REASONS,
    Reason,
    RevocationAnswer,
    RevocationStatus,
    Source,
)
from fleetscan.pki.signatures import SignatureCache, SignatureState

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.assessment import PathAssessment

ID_KP_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"

_DIGITAL_SIGNATURE: Final = 1 << 0
_NON_REPUDIATION: Final = 1 << 1
"""Bits of KeyUsage; either fits id-kp-OCSPSigning (RFC 5280 section 4.2.1.12)."""

_SHA1: Final = "1.3.14.3.2.26"
_HASHES: Final = {
    _SHA1: "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
}
"""Hash functions of a CertID by their OIDs."""

_SHA1_IDENTIFIER: Final = bytes.fromhex("300906052b0e03021a0500")
"""AlgorithmIdentifier of SHA-1, its parameters NULL."""

_SAID_NO: Final = {
    1: Reason.MALFORMED_REQUEST,
    2: Reason.INTERNAL_ERROR,
    3: Reason.TRY_LATER,
    5: Reason.SIG_REQUIRED,
    6: Reason.UNAUTHORIZED,
}
"""OCSPResponseStatus; 4 is not used (RFC 6960 section 4.2.1)."""

_HARMLESS: Final = frozenset(f"1.3.6.1.5.5.7.48.1.{arc}" for arc in (2, 3, 4, 6, 7, 9))
"""Extensions of RFC 6960 section 4.4 that leave the meaning of an answer as it is, critical or
not: nonce, CRL references, response types, archive cutoff, service locator, extended revoke."""

MAX_GET_URL: Final = 255
"""Octets of a whole URL up to which a request is made by GET (RFC 5019 section 5), so that
caches on the way can answer."""


class _NoAnswer(Exception):
    """The response does not count: the reason, and what makes it more precise."""

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        status: RevocationStatus = RevocationStatus.UNKNOWN,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.status = status


def staple_answer(
    ocsp_response: bytes,
    path: PathAssessment | None,
    *,
    now: float,
    cache: SignatureCache | None = None,
) -> RevocationAnswer | None:
    """Check the response that came in the handshake; None when none came.

    Args:
        ocsp_response: its octets, b"" for none.
        path: what is known of the leaf's path; its second certificate is the issuer.
        now: Unix seconds, UTC.
        cache: checked signatures and loaded keys of the run.
    """
    if not ocsp_response:
        return None
    issuer = issuer_on(path)
    if path is None or issuer is None:
        return RevocationAnswer(
            status=RevocationStatus.NOT_CHECKED, source="stapled", reason=Reason.NO_ISSUER
        )
    return check_response(
        ocsp_response, leaf=path.path[0], issuer=issuer, now=now, source="stapled", cache=cache
    )


def issuer_on(path: PathAssessment | None) -> Certificate | None:
    """The certificate that issued the leaf; None where the path has none whose signature holds.

    A root that is its own leaf has no issuer that could revoke it.
    """
    if path is None or len(path.path) < 2:
        return None
    leaf, issuer = path.path[:2]
    forged = any(
        problem.kind is PathProblem.BAD_SIGNATURE and problem.certificate.sha256 == leaf.sha256
        for problem in path.problems
    )
    return None if forged else issuer


def check_response(
    der: bytes,
    *,
    leaf: Certificate,
    issuer: Certificate,
    now: float,
    source: Source,
    url: str = "",
    cache: SignatureCache | None = None,
) -> RevocationAnswer:
    """Say what an OCSP response says of a certificate, if it counts.

    The acceptance requirements of RFC 6960 section 3.2: it is about this certificate, its
    signature holds, the one who made it may speak for the issuer, and it is recent. A nonce is
    not asked for and not missed: responders that sign ahead of time have none (RFC 5019
    section 4).

    Args:
        der: the octets, whatever they are.
        leaf: the certificate in question.
        issuer: who issued it.
        now: Unix seconds, UTC.
        source: `stapled` or `ocsp`, kept in the answer.
        url: where it came from, kept in the answer.
        cache: checked signatures and loaded keys of the run.
    """
    single: SingleResponse | None = None
    try:
        basic = _parsed(der)
        single = _about(basic, leaf, issuer)
        _check_signer(basic, issuer, now, SignatureCache() if cache is None else cache)
        _check_times(basic, single, now)
        status, reason, detail = _STATUSES[single.cert_status], "", ""
        if single.cert_status is CertStatus.UNKNOWN:
            reason = Reason.UNKNOWN_TO_RESPONDER
    except _NoAnswer as refused:
        status, reason, detail = refused.status, refused.reason, refused.detail
    code = single.revocation_reason if single else None
    return RevocationAnswer(
        status=status,
        source=source,
        reason=reason,
        detail=detail,
        this_update=single.this_update if single else None,
        next_update=single.next_update if single else None,
        revoked_at=single.revocation_time if single else None,
        revocation_reason="" if code is None else REVOCATION_REASONS.get(code, str(code)),
        url=url,
    )


_STATUSES: Final = {
    CertStatus.GOOD: RevocationStatus.GOOD,
    CertStatus.REVOKED: RevocationStatus.REVOKED,
    CertStatus.UNKNOWN: RevocationStatus.UNKNOWN,
}


def _parsed(der: bytes) -> BasicResponse:
    if len(der) > limits.MAX_OCSP_RESPONSE:
        raise _NoAnswer(Reason.TOO_LARGE, f"{len(der)} octets")
    try:
        response = parse_ocsp_response(der)
    except ParseError as error:
        where = f"{error.fault.name.lower()} in {error.field} at octet {error.offset}"
        raise _NoAnswer(Reason.MALFORMED, where) from None
    if response.response_status != SUCCESSFUL:
        said = _SAID_NO.get(response.response_status)
        if said is None:
            raise _NoAnswer(Reason.MALFORMED, f"responseStatus {response.response_status}")
        raise _NoAnswer(said)
    if response.basic is None:
        raise _unsupported(f"responseType {response.response_type}")
    return response.basic


def _about(basic: BasicResponse, leaf: Certificate, issuer: Certificate) -> SingleResponse:
    """The SingleResponse for this certificate: the latest, or of equals the one that revokes."""
    ours = []
    unread = ""
    for single in basic.responses:
        if single.serial_number != leaf.serial_number:
            continue
        if single.hash_algorithm not in _HASHES:
            unread = single.hash_algorithm
        elif _names_issuer(single, leaf, issuer):
            ours.append(single)
    if not ours:
        if unread:
            raise _unsupported(f"hash algorithm {unread}")
        raise _NoAnswer(Reason.OTHER_CERTIFICATE)
    chosen = max(ours, key=lambda one: (one.this_update, one.cert_status is CertStatus.REVOKED))
    for oid in (*basic.critical_extensions, *chosen.critical_extensions):
        if oid not in _HARMLESS:
            raise _unsupported(f"critical extension {oid}")
    return chosen


def _names_issuer(single: SingleResponse, leaf: Certificate, issuer: Certificate) -> bool:
    """Whether CertID means this issuer (RFC 6960 section 4.1.1).

    The name is hashed as the leaf has it; one that is the same and spelt differently in the
    issuer's own certificate is what some responders hash.
    """
    algorithm = _HASHES[single.hash_algorithm]
    names = (leaf.issuer.der, issuer.subject.der)
    return single.issuer_key_hash == hashlib.new(algorithm, issuer.public_key).digest() and any(
        single.issuer_name_hash == hashlib.new(algorithm, name).digest() for name in names
    )


# -- who signed --------------------------------------------------------------------


def _check_signer(
    basic: BasicResponse, issuer: Certificate, now: float, cache: SignatureCache
) -> None:
    """Hold the response to the key of one who may answer for the issuer.

    That is the issuer itself, or a responder whose certificate the issuer signed for this
    purpose (RFC 6960 section 4.2.2.2). Several certificates may bear the responder's name: one
    that fits is enough, and the reason told is that of the one that came nearest.
    """
    failures: list[_NoAnswer] = []
    # Ends: no more than MAX_OCSP_SIGNERS certificates are tried.
    for _, signer in zip(range(limits.MAX_OCSP_SIGNERS), _signers(basic, issuer), strict=False):
        try:
            if signer is not issuer:
                _check_delegation(signer, issuer, now, cache)
            _check_signature(basic, signer, cache)
        except _NoAnswer as refused:
            failures.append(refused)
            continue
        return
    if not failures:
        raise _NoAnswer(Reason.WRONG_RESPONDER, "no certificate of the responder it names")
    raise min(failures, key=lambda refused: _NEARNESS[refused.reason])


_NEARNESS: Final = {Reason.UNSUPPORTED: 0, Reason.BAD_SIGNATURE: 1, Reason.WRONG_RESPONDER: 2}


def _signers(basic: BasicResponse, issuer: Certificate) -> Iterator[Certificate]:
    """Those that responderID may mean: the issuer, then certificates that were sent along."""
    if _is_responder(basic, issuer):
        yield issuer
    for der in basic.certs:
        try:
            sent = parse_certificate(der)
        except ParseError:
            continue
        # The issuer's key under whatever certificate is the issuer, who was tried.
        if sent.public_key != issuer.public_key and _is_responder(basic, sent):
            yield sent


def _is_responder(basic: BasicResponse, certificate: Certificate) -> bool:
    if basic.responder_name:
        return basic.responder_name == certificate.subject.der
    # RFC 6960 section 4.2.1: KeyHash is always SHA-1. It only chooses a certificate.
    digest = hashlib.sha1(certificate.public_key, usedforsecurity=False).digest()
    return basic.responder_key_hash == digest


def _check_delegation(
    responder: Certificate, issuer: Certificate, now: float, cache: SignatureCache
) -> None:
    usage = responder.key_usage
    if not is_same_name(responder.issuer, issuer.subject):
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the responder has another issuer")
    # anyExtendedKeyUsage does not do: the purpose must be there by name.
    if ID_KP_OCSP_SIGNING not in (responder.extended_key_usage or ()):
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the responder lacks id-kp-OCSPSigning")
    if usage is not None and not usage & (_DIGITAL_SIGNATURE | _NON_REPUDIATION):
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the responder's keyUsage does not fit")
    if not responder.not_before <= int(now // 1) <= responder.not_after:
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the responder's certificate is out of date")
    if responder.unknown_critical_extensions:
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the responder has an unknown critical extension")
    check = cache.check(responder, issuer)
    if check.state is SignatureState.INVALID:
        raise _NoAnswer(Reason.WRONG_RESPONDER, "the issuer did not sign for the responder")
    if check.state is not SignatureState.VALID:
        raise _unsupported(check.reason)


def _check_signature(basic: BasicResponse, signer: Certificate, cache: SignatureCache) -> None:
    check = cache.check_response(basic, signer)
    if check.state is SignatureState.INVALID:
        raise _NoAnswer(Reason.BAD_SIGNATURE)
    if check.state is not SignatureState.VALID:
        raise _unsupported(check.reason)


def _check_times(basic: BasicResponse, single: SingleResponse, now: float) -> None:
    """Hold the answer to its times (RFC 6960 section 4.2.2.1)."""
    latest = now + limits.OCSP_CLOCK_AHEAD_S
    next_update = single.next_update
    if single.this_update > latest or basic.produced_at > latest:
        raise _NoAnswer(Reason.NOT_YET_VALID)
    if next_update is None:
        next_update = single.this_update + limits.OCSP_WITHOUT_NEXT_UPDATE_S
    elif next_update < single.this_update:
        raise _NoAnswer(Reason.MALFORMED, "nextUpdate lies before thisUpdate")
    if now > next_update:
        # What it said may still be true (a hold can be lifted): it no longer settles anything.
        raise _NoAnswer(Reason.STALE, f"it said {single.cert_status.value}")


def _unsupported(detail: str) -> _NoAnswer:
    return _NoAnswer(Reason.UNSUPPORTED, detail, RevocationStatus.NOT_CHECKED)


# -- asking ------------------------------------------------------------------------


def build_request(leaf: Certificate, issuer: Certificate) -> bytes:
    """Encode an OCSPRequest for one certificate.

    CertID is hashed with SHA-1, which every responder understands (RFC 5019 section 2.1.1);
    nothing rests on its strength. There is no nonce and no signature, so that responders may
    answer with what they signed ahead of time.

    Layout, RFC 6960 section 4.1.1::

        OCSPRequest ::= SEQUENCE { tbsRequest SEQUENCE {
           requestList SEQUENCE OF SEQUENCE { reqCert CertID } } }
        CertID ::= SEQUENCE {
           hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING,
           issuerKeyHash OCTET STRING, serialNumber CertificateSerialNumber }
    """
    name_hash = hashlib.sha1(leaf.issuer.der, usedforsecurity=False).digest()
    key_hash = hashlib.sha1(issuer.public_key, usedforsecurity=False).digest()
    request = _element(
        0x30,
        _SHA1_IDENTIFIER
        + _element(0x04, name_hash)
        + _element(0x04, key_hash)
        + _element(0x02, leaf.serial_octets),
    )
    # Request, requestList, tbsRequest, OCSPRequest.
    for _ in range(4):
        request = _element(0x30, request)
    return request


def request_to(url: str, request: bytes) -> tuple[str, bytes | None]:
    """The URL and body by which a responder is asked; a body of None is a GET.

    RFC 6960 appendix A.1 for the form of the URL, RFC 5019 section 5 for the choice. A URL
    that has a query of its own has no place for a path behind it.
    """
    encoded = quote(base64.b64encode(request).decode("ascii"), safe="")
    whole = f"{url.rstrip('/')}/{encoded}"
    if len(whole) <= MAX_GET_URL and "?" not in url and "#" not in url:
        return whole, None
    return url, request


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content

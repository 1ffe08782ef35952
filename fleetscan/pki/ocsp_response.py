"""An OCSP response taken apart (RFC 6960 section 4.2.1): what it says, not whether it counts.

Written out here rather than taken from a library, because the octets come from strangers: one
kind of error, the place it is at, no response that is half read, and parts a library refuses
(an unknown hash algorithm, an unreadable responder certificate) do not hide the rest.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, TypeVar

from fleetscan import limits
from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError

SUCCESSFUL: Final = 0
"""OCSPResponseStatus (RFC 6960 section 4.2.1)."""

ID_PKIX_OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"

_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_OCTET_STRING: Final = 0x04
_BIT_STRING: Final = 0x03
_INTEGER: Final = 0x02
_ENUMERATED: Final = 0x0A
_BOOLEAN: Final = 0x01
_GENERALIZED_TIME: Final = 0x18
_CONTEXT: Final = (0xA0, 0xA1, 0xA2)
"""[0] to [2], constructed."""

_MAX_LENGTH_OCTETS: Final = 3
_TIME_OCTETS: Final = len("YYYYMMDDHHMMSSZ")

_T = TypeVar("_T")


class CertStatus(Enum):
    """CertStatus, the alternatives by their names in RFC 6960 section 4.2.1."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleResponse:
    """What is said of one certificate. Times are Unix seconds, UTC.

    Args:
        hash_algorithm: OID of CertID's hashAlgorithm, as the others a part of CertID.
        revocation_reason: the CRLReason code; None when none is given.
        critical_extensions: OIDs of singleExtensions that are marked critical.
    """

    hash_algorithm: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    cert_status: CertStatus
    revocation_time: int | None
    revocation_reason: int | None
    this_update: int
    next_update: int | None
    critical_extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicResponse:
    """A BasicOCSPResponse, under the names that a signature check asks for.

    Args:
        tbs_certificate: the signed octets: tbsResponseData with its header.
        signature_algorithm: its OID; there is no second copy inside, as certificates have.
        signature_parameters: DER, b"" when absent.
        signature: b"" when it is not of whole octets: no key verifies such a one.
        responder_name: the Name's DER when the responder is named; else b"".
        responder_key_hash: SHA-1 of the responder's key when that names it; else b"".
        certs: the DER of each certificate sent along.
    """

    tbs_certificate: bytes
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes
    responder_name: bytes
    responder_key_hash: bytes
    produced_at: int
    responses: tuple[SingleResponse, ...]
    critical_extensions: tuple[str, ...]
    certs: tuple[bytes, ...]

    @property
    def tbs_signature_algorithm(self) -> str:
        """The same as the outer one: the layout has it once."""
        return self.signature_algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspResponse:
    """Layout, RFC 6960 section 4.2.1.

    ::

        OCSPResponse ::= SEQUENCE {
           responseStatus         OCSPResponseStatus,
           responseBytes          [0] EXPLICIT ResponseBytes OPTIONAL }

    Args:
        response_status: the code; 0 is successful.
        response_type: OID of what the response bytes are, `""` without any.
        basic: them, when they are an id-pkix-ocsp-basic.
    """

    response_status: int
    response_type: str = ""
    basic: BasicResponse | None = None


class _Reader:
    """Takes DER elements from a slice of the response one after the other.

    Every method raises ParseError at the first octet that does not fit, with its place in
    the whole response.
    """

    __slots__ = ("_at", "_end", "_octets")

    def __init__(self, octets: bytes, at: int = 0, end: int | None = None) -> None:
        self._octets = octets
        self._at = at
        self._end = len(octets) if end is None else end

    @property
    def done(self) -> bool:
        return self._at == self._end

    def fail(self, fault: ParseFault, field: str) -> ParseError:
        return ParseError(fault, field, self._at)

    def next_is(self, tag: int) -> bool:
        return self._at < self._end and self._octets[self._at] == tag

    def expect_end(self, field: str) -> None:
        if not self.done:
            raise self.fail(ParseFault.TRAILING_DATA, field)

    def element(self, tag: int, field: str) -> tuple[bytes, _Reader]:
        """The next element whole, and a reader of its content."""
        start = self._at
        content, end = self._header(tag, field)
        self._at = end
        return self._octets[start:end], _Reader(self._octets, content, end)

    def inside(self, tag: int, field: str) -> _Reader:
        return self.element(tag, field)[1]

    def content(self, tag: int, field: str) -> bytes:
        return self.inside(tag, field).rest()

    def any_element(self, field: str) -> bytes:
        if self.done:
            raise self.fail(ParseFault.TRUNCATED, field)
        return self.element(self._octets[self._at], field)[0]

    def rest(self) -> bytes:
        return self._octets[self._at : self._end]

    def _header(self, tag: int, field: str) -> tuple[int, int]:
        """Where the next element's content begins and ends."""
        if self._end - self._at < 2:
            raise self.fail(ParseFault.TRUNCATED, field)
        if self._octets[self._at] != tag:
            raise self.fail(ParseFault.TAG_UNEXPECTED, field)
        length = self._octets[self._at + 1]
        content = self._at + 2
        if length & 0x80:
            count = length & 0x7F
            if not count:
                raise self.fail(ParseFault.LENGTH_INDEFINITE, field)
            if count > _MAX_LENGTH_OCTETS or count > self._end - content:
                raise self.fail(ParseFault.TRUNCATED, field)
            length = int.from_bytes(self._octets[content : content + count], "big")
            # X.690 section 10.1: the fewest octets that hold the length.
            if length < 0x80 or length >> 8 * (count - 1) == 0:
                raise self.fail(ParseFault.LENGTH_NOT_MINIMAL, field)
            content += count
        if length > self._end - content:
            raise self.fail(ParseFault.TRUNCATED, field)
        return content, content + length


def parse_ocsp_response(der: bytes) -> OcspResponse:
    """Decode an OCSPResponse.

    Raises:
        ParseError: the octets do not fit the layout.
    """
    outer = _Reader(der)
    reader = outer.inside(_SEQUENCE, "OCSPResponse")
    outer.expect_end("OCSPResponse")
    status = _integer(reader, _ENUMERATED, "responseStatus")
    if reader.done:
        if status == SUCCESSFUL:
            raise reader.fail(ParseFault.TRUNCATED, "responseBytes")
        return OcspResponse(response_status=status)
    explicit = reader.inside(_CONTEXT[0], "responseBytes")
    reader.expect_end("OCSPResponse")
    response_bytes = explicit.inside(_SEQUENCE, "responseBytes")
    explicit.expect_end("responseBytes")
    response_type = _object_identifier(response_bytes, "responseType")
    response = response_bytes.inside(_OCTET_STRING, "response")
    response_bytes.expect_end("responseBytes")
    basic = _basic_response(response) if response_type == ID_PKIX_OCSP_BASIC else None
    return OcspResponse(response_status=status, response_type=response_type, basic=basic)


def _basic_response(outer: _Reader) -> BasicResponse:
    """Decode a BasicOCSPResponse.

    Layout, RFC 6960 section 4.2.1::

        BasicOCSPResponse ::= SEQUENCE {
           tbsResponseData      ResponseData,
           signatureAlgorithm   AlgorithmIdentifier,
           signature            BIT STRING,
           certs            [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
    """
    reader = outer.inside(_SEQUENCE, "BasicOCSPResponse")
    outer.expect_end("BasicOCSPResponse")
    signed, data = reader.element(_SEQUENCE, "tbsResponseData")
    algorithm, parameters = _algorithm_identifier(reader, "signatureAlgorithm")
    bits = reader.content(_BIT_STRING, "signature")
    certs: tuple[bytes, ...] = ()
    if not reader.done:
        explicit = reader.inside(_CONTEXT[0], "certs")
        certs = _each(
            explicit,
            "certs",
            limits.MAX_OCSP_CERTIFICATES,
            lambda inner: inner.element(_SEQUENCE, "certs")[0],
        )
    reader.expect_end("BasicOCSPResponse")
    if data.next_is(_CONTEXT[0]):
        version = data.inside(_CONTEXT[0], "version")
        if _integer(version, _INTEGER, "version") != 0:
            raise version.fail(ParseFault.INTEGER_OUT_OF_RANGE, "version")
    name, key_hash = _responder_id(data)
    produced_at = _time(data, "producedAt")
    responses = _each(data, "responses", limits.MAX_OCSP_RESPONSES, _single_response)
    critical = _extensions(data, "responseExtensions")
    data.expect_end("tbsResponseData")
    return BasicResponse(
        tbs_certificate=signed,
        signature_algorithm=algorithm,
        signature_parameters=parameters,
        signature=bits[1:] if bits[:1] == b"\x00" else b"",
        responder_name=name,
        responder_key_hash=key_hash,
        produced_at=produced_at,
        responses=responses,
        critical_extensions=critical,
        certs=certs,
    )


def _responder_id(data: _Reader) -> tuple[bytes, bytes]:
    """The responder's Name and the hash of its key, one of the two b""."""
    if data.next_is(_CONTEXT[1]):
        explicit = data.inside(_CONTEXT[1], "responderID")
        name = explicit.element(_SEQUENCE, "responderID")[0]
        explicit.expect_end("responderID")
        return name, b""
    explicit = data.inside(_CONTEXT[2], "responderID")
    key_hash = explicit.content(_OCTET_STRING, "responderID")
    explicit.expect_end("responderID")
    return b"", key_hash


def _single_response(responses: _Reader) -> SingleResponse:
    """Decode one SingleResponse.

    Layout, RFC 6960 section 4.2.1::

        SingleResponse ::= SEQUENCE {
           certID                       CertID,
           certStatus                   CertStatus,
           thisUpdate                   GeneralizedTime,
           nextUpdate         [0]       EXPLICIT GeneralizedTime OPTIONAL,
           singleExtensions   [1]       EXPLICIT Extensions OPTIONAL }
    """
    reader = responses.inside(_SEQUENCE, "SingleResponse")
    cert_id = reader.inside(_SEQUENCE, "certID")
    hash_algorithm, _ = _algorithm_identifier(cert_id, "hashAlgorithm")
    issuer_name_hash = cert_id.content(_OCTET_STRING, "issuerNameHash")
    issuer_key_hash = cert_id.content(_OCTET_STRING, "issuerKeyHash")
    serial_number = _integer(cert_id, _INTEGER, "serialNumber")
    cert_id.expect_end("certID")
    cert_status, revoked_at, revocation_reason = _cert_status(reader)
    this_update = _time(reader, "thisUpdate")
    next_update = None
    if reader.next_is(_CONTEXT[0]):
        explicit = reader.inside(_CONTEXT[0], "nextUpdate")
        next_update = _time(explicit, "nextUpdate")
        explicit.expect_end("nextUpdate")
    critical = _extensions(reader, "singleExtensions")
    reader.expect_end("SingleResponse")
    return SingleResponse(
        hash_algorithm=hash_algorithm,
        issuer_name_hash=issuer_name_hash,
        issuer_key_hash=issuer_key_hash,
        serial_number=serial_number,
        cert_status=cert_status,
        revocation_time=revoked_at,
        revocation_reason=revocation_reason,
        this_update=this_update,
        next_update=next_update,
        critical_extensions=critical,
    )


def _cert_status(reader: _Reader) -> tuple[CertStatus, int | None, int | None]:
    """The status, with revocationTime and revocationReason of a RevokedInfo."""
    for tag, status in ((0x80, CertStatus.GOOD), (0x82, CertStatus.UNKNOWN)):
        if reader.next_is(tag):
            null = reader.inside(tag, "certStatus")
            null.expect_end("certStatus")
            return status, None, None
    revoked = reader.inside(_CONTEXT[1], "certStatus")
    revocation_time = _time(revoked, "revocationTime")
    reason = None
    if not revoked.done:
        explicit = revoked.inside(_CONTEXT[0], "revocationReason")
        reason = _integer(explicit, _ENUMERATED, "revocationReason")
        explicit.expect_end("revocationReason")
    revoked.expect_end("certStatus")
    return CertStatus.REVOKED, revocation_time, reason


def _extensions(reader: _Reader, field: str) -> tuple[str, ...]:
    """OIDs of the critical ones; nothing that the others say changes an answer."""
    if not reader.next_is(_CONTEXT[1]):
        return ()
    explicit = reader.inside(_CONTEXT[1], field)
    found = _each(
        explicit, field, limits.MAX_OCSP_EXTENSIONS, lambda inner: _extension(inner, field)
    )
    explicit.expect_end(field)
    return tuple(oid for oid in found if oid)


def _extension(reader: _Reader, field: str) -> str:
    one = reader.inside(_SEQUENCE, field)
    oid = _object_identifier(one, field)
    critical = one.next_is(_BOOLEAN) and one.content(_BOOLEAN, field) != b"\x00"
    one.content(_OCTET_STRING, field)
    one.expect_end(field)
    return oid if critical else ""


def _each(reader: _Reader, field: str, bound: int, take: Callable[[_Reader], _T]) -> tuple[_T, ...]:
    """What `take` makes of each element of a SEQUENCE OF."""
    row = reader.inside(_SEQUENCE, field)
    found: list[_T] = []
    # Ends because each round takes an element of two octets at least, or raises.
    while not row.done:
        if len(found) == bound:
            raise row.fail(ParseFault.LENGTH_OUT_OF_RANGE, field)
        found.append(take(row))
    return tuple(found)


def _algorithm_identifier(reader: _Reader, field: str) -> tuple[str, bytes]:
    identifier = reader.inside(_SEQUENCE, field)
    oid = _object_identifier(identifier, field)
    parameters = b"" if identifier.done else identifier.any_element(field)
    identifier.expect_end(field)
    return oid, parameters


def _object_identifier(reader: _Reader, field: str) -> str:
    content = reader.content(_OBJECT_IDENTIFIER, field)
    if not content or content[-1] & 0x80:
        raise reader.fail(ParseFault.OBJECT_IDENTIFIER_INVALID, field)
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if value >> limits.MAX_OID_ARC_BITS:
            raise reader.fail(ParseFault.OBJECT_IDENTIFIER_INVALID, field)
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    # X.690 section 8.19.4: the first two arcs share a number.
    root = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (root, arcs[0] - 40 * root, *arcs[1:]))


def _integer(reader: _Reader, tag: int, field: str) -> int:
    content = reader.content(tag, field)
    if not content:
        raise reader.fail(ParseFault.INTEGER_INVALID, field)
    return int.from_bytes(content, "big", signed=True)


def _time(reader: _Reader, field: str) -> int:
    """A GeneralizedTime as RFC 5280 section 4.1.2.5.2 has it, in Unix seconds."""
    content = reader.content(_GENERALIZED_TIME, field)
    if len(content) != _TIME_OCTETS or not content[:-1].isdigit() or content[-1:] != b"Z":
        raise reader.fail(ParseFault.TIME_INVALID, field)
    text = content.decode("ascii")
    year, *rest = (int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2)))
    try:
        moment = datetime(year, *rest)  # type: ignore[arg-type]  # noqa: DTZ001  UTC by its Z
    except ValueError:
        raise reader.fail(ParseFault.TIME_INVALID, field) from None
    return timegm(moment.timetuple())

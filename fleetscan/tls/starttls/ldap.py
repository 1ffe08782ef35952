"""LDAP: the StartTLS extended operation (RFC 4511 section 4.14), its BER written by hand."""

from __future__ import annotations

from typing import Final, NamedTuple

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError

START_TLS: Final = b"1.3.6.1.4.1.1466.20037"

SEQUENCE: Final = 0x30
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
ENUMERATED: Final = 0x0A
EXTENDED_REQUEST: Final = 0x77
EXTENDED_RESPONSE: Final = 0x78
REQUEST_NAME: Final = 0x80

LONG_FORM: Final = 0x80
MAX_LENGTH_OCTETS: Final = 4
"""Of a length in its long form; servers of Microsoft's always use four."""

MAX_CODE_OCTETS: Final = 4
"""Of a resultCode; RFC 4511 section 4.1.9 has numbers of one."""

RESULT_CODES: Final = {
    1: "operationsError",
    2: "protocolError",
    8: "strongerAuthRequired",
    10: "referral",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}
"""Those of RFC 4511 appendix A.2 with which StartTLS is refused."""


class Element(NamedTuple):
    """One element of BER (X.690 section 8.1): its tag, its content, and where it ends."""

    tag: int
    content: bytes
    end: int


class Ldap(Dialogue):
    """ExtendedRequest and ExtendedResponse, message 1."""

    __slots__ = ()

    def start(self) -> bytes:
        """LDAPMessage with the request (RFC 4511 sections 4.1.1 and 4.12)."""
        request = _encode(EXTENDED_REQUEST, _encode(REQUEST_NAME, START_TLS))
        return _encode(SEQUENCE, _encode(INTEGER, b"\x01") + request)

    def _take(self) -> bytes | None:
        if self._buffer[:1] not in (b"", SEQUENCE.to_bytes(1, "big")):
            raise OtherProtocolError
        head = _head(self._buffer, 0)
        return None if head is None else self._cut(sum(head))

    def _answer(self, message: bytes) -> bytes:
        envelope = _read(message, 0)
        message_id = _read(envelope.content, 0)
        operation = _read(envelope.content, message_id.end)
        if message_id.tag != INTEGER:
            raise OtherProtocolError
        if operation.tag != EXTENDED_RESPONSE:
            return self._refuse(f"protocolOp 0x{operation.tag:02x}")
        code = _read(operation.content, 0)
        matched = _read(operation.content, code.end)
        told = _read(operation.content, matched.end)
        if code.tag != ENUMERATED or told.tag != OCTET_STRING:
            raise OtherProtocolError
        if not 0 < len(code.content) <= MAX_CODE_OCTETS:
            raise OtherProtocolError
        number = int.from_bytes(code.content, "big")
        # Message 0 is a notification that nobody asked for: the server takes its leave
        # (RFC 4511 section 4.4.1).
        if number == 0 and message_id.content == b"\x01":
            return self._agree()
        name = RESULT_CODES.get(number, "resultCode")
        return self._refuse(b" ".join((f"{name} ({number})".encode(), told.content)).rstrip())


def _encode(tag: int, content: bytes) -> bytes:
    assert len(content) < LONG_FORM, "only ours, and short"
    return bytes((tag, len(content))) + content


def _head(octets: bytes, at: int) -> tuple[int, int] | None:
    """How many octets tag and length have, and how many the content; None while they lack.

    Raises:
        OtherProtocolError: the length has no form that LDAP allows (RFC 4511 section 5.1).
    """
    if len(octets) < at + 2:
        return None
    length = octets[at + 1]
    if length < LONG_FORM:
        return 2, length
    count = length - LONG_FORM
    if not 0 < count <= MAX_LENGTH_OCTETS:
        raise OtherProtocolError
    if len(octets) < at + 2 + count:
        return None
    return 2 + count, int.from_bytes(octets[at + 2 : at + 2 + count], "big")


def _read(octets: bytes, at: int) -> Element:
    """The element that begins at an offset.

    Raises:
        OtherProtocolError: there is none, or it is longer than what it stands in.
    """
    head = _head(octets, at)
    if head is None or at + sum(head) > len(octets):
        raise OtherProtocolError
    end = at + sum(head)
    return Element(octets[at], octets[at + head[0] : end], end)

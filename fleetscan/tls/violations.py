"""The rules of TLS that a peer can break, each under a fixed word.

The words are stable: verdicts and their evidence are built on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fleetscan.registry import alerts

if TYPE_CHECKING:
    from fleetscan.errors import ParseError


class Violation(NamedTuple):
    """One rule: its word, the alert we send when it is broken, and a sentence that says it."""

    rule: str
    alert: int
    sentence: str


VIOLATIONS: Final = (
    Violation(
        "decode_error",
        alerts.DECODE_ERROR,
        "A message or record does not have the layout that its type prescribes.",
    ),
    Violation(
        "record_overflow",
        alerts.RECORD_OVERFLOW,
        "A record is longer than the version allows (RFC 8446 sections 5.1 and 5.2).",
    ),
    Violation(
        "bad_record_header",
        alerts.DECODE_ERROR,
        "After a good beginning comes a record header with no known type or version.",
    ),
    Violation(
        "unexpected_message",
        alerts.UNEXPECTED_MESSAGE,
        "A message or record came that has no place in this state of the handshake.",
    ),
    Violation(
        "interleaved_record",
        alerts.UNEXPECTED_MESSAGE,
        "Another record type came in the middle of a handshake message (RFC 8446 section 5.1).",
    ),
    Violation(
        "message_spans_key_change",
        alerts.UNEXPECTED_MESSAGE,
        "Handshake octets follow a key change in the record that brought it "
        "(RFC 8446 section 5.1).",
    ),
    Violation(
        "too_many_empty_records",
        alerts.UNEXPECTED_MESSAGE,
        "Too many records in a row that carry nothing forward.",
    ),
    Violation(
        "too_many_warnings",
        alerts.UNEXPECTED_MESSAGE,
        "Too many alerts of level warning.",
    ),
    Violation(
        "message_too_large",
        alerts.DECODE_ERROR,
        "A handshake message, with the certificates before it, is longer than this client reads.",
    ),
    Violation(
        "too_many_certificates",
        alerts.BAD_CERTIFICATE,
        "The chain has more certificates than this client reads.",
    ),
    Violation(
        "too_many_extensions",
        alerts.DECODE_ERROR,
        "A message has more extensions than this client reads.",
    ),
    Violation(
        "inflated_too_large",
        alerts.BAD_CERTIFICATE,
        "A compressed certificate says that it is longer than this client reads.",
    ),
    Violation(
        "flight_too_large",
        alerts.DECODE_ERROR,
        "The peer sent more octets than any honest handshake has.",
    ),
    Violation(
        "missing_content_type",
        alerts.UNEXPECTED_MESSAGE,
        "A protected record holds nothing but padding (RFC 8446 section 5.4).",
    ),
    Violation(
        "bad_record_mac",
        alerts.BAD_RECORD_MAC,
        "A protected record does not authenticate under the keys agreed on.",
    ),
    Violation(
        "bad_finished",
        alerts.DECRYPT_ERROR,
        "The server's Finished does not match the handshake that the client saw.",
    ),
    Violation(
        "version_not_offered",
        alerts.PROTOCOL_VERSION,
        "The server chose a protocol version that the client did not offer.",
    ),
    Violation(
        "version_changed",
        alerts.ILLEGAL_PARAMETER,
        "The server sent a HelloRetryRequest, which only TLS 1.3 has, and chose another version.",
    ),
    Violation(
        "bad_legacy_version",
        alerts.ILLEGAL_PARAMETER,
        "legacy_version is not that of TLS 1.2 though TLS 1.3 was chosen (RFC 8446 section 4.1.3).",
    ),
    Violation(
        "downgrade_sentinel",
        alerts.ILLEGAL_PARAMETER,
        "The server's random says that it knows TLS 1.3, yet an older version was chosen: "
        "something changed the hello on its way (RFC 8446 section 4.1.3).",
    ),
    Violation(
        "cipher_suite_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server chose a cipher suite that was not offered.",
    ),
    Violation(
        "cipher_suite_version_mismatch",
        alerts.ILLEGAL_PARAMETER,
        "The server chose a cipher suite that does not exist in the version it chose.",
    ),
    Violation(
        "cipher_suite_changed",
        alerts.ILLEGAL_PARAMETER,
        "The server chose another cipher suite after its HelloRetryRequest.",
    ),
    Violation(
        "session_id_mismatch",
        alerts.ILLEGAL_PARAMETER,
        "The session id in ServerHello is not what the version prescribes: the client's under "
        "TLS 1.3, not the client's up to TLS 1.2, where there is no session to resume.",
    ),
    Violation(
        "compression_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server chose a compression method; only null was offered.",
    ),
    Violation(
        "certificate_compression_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server compressed its certificate with an algorithm that was not offered "
        "(RFC 8879 section 4).",
    ),
    Violation(
        "bad_compressed_certificate",
        alerts.BAD_CERTIFICATE,
        "A compressed certificate cannot be opened, or has not the length that it promised "
        "(RFC 8879 section 4).",
    ),
    Violation(
        "extension_not_offered",
        alerts.UNSUPPORTED_EXTENSION,
        "The server answered an extension that the client did not send.",
    ),
    Violation(
        "forbidden_extension",
        alerts.ILLEGAL_PARAMETER,
        "An extension came in a message where it may not be (RFC 8446 section 4.2).",
    ),
    Violation(
        "duplicate_extension",
        alerts.ILLEGAL_PARAMETER,
        "The same extension came twice in one message (RFC 8446 section 4.2).",
    ),
    Violation(
        "missing_extension",
        alerts.MISSING_EXTENSION,
        "An extension that the message cannot do without is missing (RFC 8446 section 9.2).",
    ),
    Violation(
        "group_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server chose a group that was not offered, or one without a key share.",
    ),
    Violation(
        "bad_key_share",
        alerts.ILLEGAL_PARAMETER,
        "The server's public key is no key of the group it chose.",
    ),
    Violation(
        "useless_hello_retry_request",
        alerts.ILLEGAL_PARAMETER,
        "A HelloRetryRequest asks for nothing that the first hello did not have "
        "(RFC 8446 section 4.1.4).",
    ),
    Violation(
        "second_hello_retry_request",
        alerts.UNEXPECTED_MESSAGE,
        "A second HelloRetryRequest came (RFC 8446 section 4.1.4).",
    ),
    Violation(
        "alpn_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server chose an application protocol that was not offered, or several.",
    ),
    Violation(
        "empty_certificate",
        alerts.DECODE_ERROR,
        "The server's Certificate message holds no certificate.",
    ),
    Violation(
        "certificate_context_not_empty",
        alerts.ILLEGAL_PARAMETER,
        "The server's Certificate answers a request that nobody made (RFC 8446 section 4.4.2).",
    ),
    Violation(
        "signature_scheme_not_offered",
        alerts.ILLEGAL_PARAMETER,
        "The server signed with a scheme that the client did not offer.",
    ),
    Violation(
        "signature_scheme_mismatch",
        alerts.ILLEGAL_PARAMETER,
        "The server signed with a scheme that does not fit its certificate's key or the version.",
    ),
    Violation(
        "bad_change_cipher_spec",
        alerts.ILLEGAL_PARAMETER,
        "A change_cipher_spec is something else than the single octet 1.",
    ),
    Violation(
        "bad_certificate_status",
        alerts.BAD_CERTIFICATE_STATUS_RESPONSE,
        "A stapled certificate status does not have the layout that its type prescribes.",
    ),
    Violation(
        "bad_renegotiation_info",
        alerts.HANDSHAKE_FAILURE,
        "renegotiation_info is not empty in a first handshake (RFC 5746 section 3.4).",
    ),
    Violation(
        "key_exchange_mismatch",
        alerts.ILLEGAL_PARAMETER,
        "The certificate's key cannot be used with the key exchange of the chosen cipher suite.",
    ),
)

OUR_BOUNDS: Final = frozenset(
    {
        "flight_too_large",
        "message_too_large",
        "too_many_certificates",
        "too_many_extensions",
        "inflated_too_large",
    }
)
"""Rules that are ours and not TLS's, which lets a message have 2^24 octets: what breaks them may
be honest."""

ALERTS: Final = {violation.rule: violation.alert for violation in VIOLATIONS}


class ViolationError(Exception):
    """A rule was broken; caught by the client before anything leaves it.

    Args:
        rule: one of `VIOLATIONS`.
        error: the parser's refusal, when that is what it was.
    """

    def __init__(self, rule: str, error: ParseError | None = None) -> None:
        self.rule = rule
        self.error = error
        super().__init__(rule)

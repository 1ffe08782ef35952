"""Alert descriptions (RFC 8446 section 6): IANA names by code point.

From the documents that tools/registry/alerts.csv names.
Generated: python tools/registry/generate.py.
"""

from __future__ import annotations

from typing import Final

CLOSE_NOTIFY: Final = 0
UNEXPECTED_MESSAGE: Final = 10
BAD_RECORD_MAC: Final = 20
DECRYPTION_FAILED: Final = 21
RECORD_OVERFLOW: Final = 22
DECOMPRESSION_FAILURE: Final = 30
HANDSHAKE_FAILURE: Final = 40
NO_CERTIFICATE: Final = 41
BAD_CERTIFICATE: Final = 42
UNSUPPORTED_CERTIFICATE: Final = 43
CERTIFICATE_REVOKED: Final = 44
CERTIFICATE_EXPIRED: Final = 45
CERTIFICATE_UNKNOWN: Final = 46
ILLEGAL_PARAMETER: Final = 47
UNKNOWN_CA: Final = 48
ACCESS_DENIED: Final = 49
DECODE_ERROR: Final = 50
DECRYPT_ERROR: Final = 51
EXPORT_RESTRICTION: Final = 60
PROTOCOL_VERSION: Final = 70
INSUFFICIENT_SECURITY: Final = 71
INTERNAL_ERROR: Final = 80
INAPPROPRIATE_FALLBACK: Final = 86
USER_CANCELED: Final = 90
NO_RENEGOTIATION: Final = 100
MISSING_EXTENSION: Final = 109
UNSUPPORTED_EXTENSION: Final = 110
CERTIFICATE_UNOBTAINABLE: Final = 111
UNRECOGNIZED_NAME: Final = 112
BAD_CERTIFICATE_STATUS_RESPONSE: Final = 113
BAD_CERTIFICATE_HASH_VALUE: Final = 114
UNKNOWN_PSK_IDENTITY: Final = 115
CERTIFICATE_REQUIRED: Final = 116
NO_APPLICATION_PROTOCOL: Final = 120
ECH_REQUIRED: Final = 121

NAMES: Final[dict[int, str]] = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}


def name_of(code: int) -> str:
    """The registered name, or `0x12` in hexadecimal for a code point nobody registered."""
    return NAMES.get(code) or f"0x{code:02x}"

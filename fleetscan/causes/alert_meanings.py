"""What each alert says, and which causes it can stand for, by who sent it.

What a server's alert may mean is `fleetscan.causes.alerts`, the table that verdicts are made
from. What a *client's* alert says of the server is here: a scanner never receives one, but the
logs of servers are full of them.
"""

from __future__ import annotations

from typing import Final

from fleetscan.causes import alerts
from fleetscan.causes.model import Confidence
from fleetscan.registry import alerts as registry

CLIENT: Final = "client"
SERVER: Final = "server"
EITHER: Final = "either"
SENDERS: Final = (SERVER, CLIENT, EITHER)

MEANINGS: Final[dict[int, str]] = {
    registry.CLOSE_NOTIFY: "the sender has nothing more to say; an orderly end, no failure",
    registry.UNEXPECTED_MESSAGE: "a message came that has no place there",
    registry.BAD_RECORD_MAC: "a record could not be decrypted: its authentication failed",
    registry.DECRYPTION_FAILED: "a record could not be decrypted (TLS 1.0 and before)",
    registry.RECORD_OVERFLOW: "a record was longer than the protocol allows",
    registry.DECOMPRESSION_FAILURE: "a record could not be decompressed (TLS 1.2 and before)",
    registry.HANDSHAKE_FAILURE: "no set of parameters is acceptable to both; it does not say which",
    registry.NO_CERTIFICATE: "no certificate is there to be shown (SSL 3.0)",
    registry.BAD_CERTIFICATE: "a certificate was corrupt, or its signature did not verify",
    registry.UNSUPPORTED_CERTIFICATE: "a certificate was of a kind that the sender does not take",
    registry.CERTIFICATE_REVOKED: "a certificate was revoked by its issuer",
    registry.CERTIFICATE_EXPIRED: "a certificate has expired or is not valid now",
    registry.CERTIFICATE_UNKNOWN: "a certificate is not acceptable; it does not say why",
    registry.ILLEGAL_PARAMETER: "a field had a value that it must not have",
    registry.UNKNOWN_CA: "no trusted authority was found above a certificate",
    registry.ACCESS_DENIED: "the certificate is valid, and access was refused all the same",
    registry.DECODE_ERROR: "a message could not be read: a length or a field was wrong",
    registry.DECRYPT_ERROR: "a signature, a Finished or a key did not verify",
    registry.EXPORT_RESTRICTION: "keys of that length may not be used (export rules, long gone)",
    registry.PROTOCOL_VERSION: "the version is known and not supported",
    registry.INSUFFICIENT_SECURITY: "stronger parameters are wanted than the peer supports",
    registry.INTERNAL_ERROR: "something went wrong inside the sender",
    registry.INAPPROPRIATE_FALLBACK: "the client tried again with an older version than it has",
    registry.USER_CANCELED: "the handshake was given up for a reason that is no protocol failure",
    registry.NO_RENEGOTIATION: "the sender will not negotiate again; a warning, not a failure",
    registry.MISSING_EXTENSION: "an extension that must be there was not sent",
    registry.UNSUPPORTED_EXTENSION: "an extension came that was not asked for or not allowed",
    registry.CERTIFICATE_UNOBTAINABLE: "a certificate could not be had from the URL that was given",
    registry.UNRECOGNIZED_NAME: "no server answers to the name that the client asked for",
    registry.BAD_CERTIFICATE_STATUS_RESPONSE: "the stapled revocation answer was not acceptable",
    registry.BAD_CERTIFICATE_HASH_VALUE: "a certificate did not have the hash that was announced",
    registry.UNKNOWN_PSK_IDENTITY: "the name of the pre-shared key is not known",
    registry.CERTIFICATE_REQUIRED: "a client certificate is required and none was shown",
    registry.NO_APPLICATION_PROTOCOL: "none of the application protocols offered is spoken",
    registry.ECH_REQUIRED: "encrypted ClientHello is required and was not used",
}
"""In a few words of ours, after RFC 8446 section 6, RFC 5246 section 7.2 and the documents of
the alerts that came later."""

_UNTRUSTED: Final = (
    "chain.incomplete",
    "chain.untrusted_root",
    "chain.unknown_issuer",
    "certificate.self_signed",
    "interference.interception",
)
_ANY_CERTIFICATE: Final = (
    *_UNTRUSTED,
    "certificate.expired",
    "certificate.not_yet_valid",
    "certificate.name_mismatch",
    "certificate.wrong_purpose",
    "certificate.weak_key",
    "certificate.weak_signature",
    "certificate.revoked",
    "chain.ca_expired",
    "chain.invalid_ca",
)
_OUT_OF_DATE: Final = (
    "certificate.expired",
    "chain.ca_expired",
    "certificate.not_yet_valid",
    "chain.ca_not_yet_valid",
)
_BROKEN_PEER: Final = ("server.protocol_violation",)

_FROM_CLIENT: Final[dict[int, tuple[str, ...]]] = {
    registry.UNEXPECTED_MESSAGE: _BROKEN_PEER,
    registry.BAD_RECORD_MAC: _BROKEN_PEER,
    registry.DECRYPTION_FAILED: _BROKEN_PEER,
    registry.RECORD_OVERFLOW: ("protocol.plaintext_http", "protocol.other", *_BROKEN_PEER),
    registry.DECOMPRESSION_FAILURE: _BROKEN_PEER,
    registry.HANDSHAKE_FAILURE: (
        "key_exchange.weak_dh",
        "cipher.insecure_only",
        "signature.no_common_scheme",
        *_BROKEN_PEER,
    ),
    registry.NO_CERTIFICATE: ("client_auth.required",),
    registry.BAD_CERTIFICATE: (
        "certificate.malformed",
        "chain.bad_signature",
        *_ANY_CERTIFICATE,
    ),
    registry.UNSUPPORTED_CERTIFICATE: (
        "certificate.wrong_purpose",
        "certificate.weak_key",
        "certificate.unknown_critical_extension",
    ),
    registry.CERTIFICATE_REVOKED: ("certificate.revoked",),
    registry.CERTIFICATE_EXPIRED: _OUT_OF_DATE,
    registry.CERTIFICATE_UNKNOWN: _ANY_CERTIFICATE,
    registry.ILLEGAL_PARAMETER: _BROKEN_PEER,
    registry.UNKNOWN_CA: _UNTRUSTED,
    registry.ACCESS_DENIED: ("server.access_denied",),
    registry.DECODE_ERROR: ("certificate.malformed", *_BROKEN_PEER),
    registry.DECRYPT_ERROR: ("certificate.key_mismatch", *_BROKEN_PEER),
    registry.EXPORT_RESTRICTION: ("cipher.insecure_only",),
    registry.PROTOCOL_VERSION: ("version.too_old", "version.too_new"),
    registry.INSUFFICIENT_SECURITY: (
        "key_exchange.weak_dh",
        "cipher.insecure_only",
        "certificate.weak_key",
    ),
    registry.INTERNAL_ERROR: (*_BROKEN_PEER, *_UNTRUSTED),
    registry.INAPPROPRIATE_FALLBACK: ("version.fallback_refused",),
    registry.USER_CANCELED: _ANY_CERTIFICATE,
    registry.MISSING_EXTENSION: _BROKEN_PEER,
    registry.UNSUPPORTED_EXTENSION: _BROKEN_PEER,
    registry.CERTIFICATE_UNOBTAINABLE: _BROKEN_PEER,
    registry.UNRECOGNIZED_NAME: ("name.unrecognized",),
    registry.BAD_CERTIFICATE_STATUS_RESPONSE: (
        "certificate.must_staple_missing",
        "finding.staple_stale",
        "certificate.revoked",
    ),
    registry.BAD_CERTIFICATE_HASH_VALUE: _BROKEN_PEER,
    registry.UNKNOWN_PSK_IDENTITY: ("server.refused",),
    registry.CERTIFICATE_REQUIRED: ("client_auth.required",),
    registry.NO_APPLICATION_PROTOCOL: ("alpn.none_in_common",),
    registry.ECH_REQUIRED: ("server.extension_intolerant",),
}
"""What is wrong with a server whose clients send the alert. Clients differ: what one calls
unknown_ca another calls bad_certificate, certificate_unknown or even internal_error."""

NO_CAUSES: Final = frozenset({registry.CLOSE_NOTIFY, registry.NO_RENEGOTIATION})
"""Alerts that are no failure."""


_ABOUT_CLIENT_CERTIFICATE: Final = alerts.ABOUT_CERTIFICATE_ALERTS - {registry.CERTIFICATE_REQUIRED}


def causes_of_alert(code: int, sent_by: str = EITHER) -> tuple[str, ...]:
    """The causes that an alert can stand for, the likeliest first.

    Args:
        code: any octet; one that no registry names is a refusal.
        sent_by: `server`, `client`, or `either` for one that either may have sent.
    """
    if code in NO_CAUSES:
        return ()
    from_server = _from_server(code) if sent_by != CLIENT else ()
    from_client = _FROM_CLIENT.get(code, _BROKEN_PEER) if sent_by != SERVER else ()
    return tuple(dict.fromkeys((*from_server, *from_client)))


def _from_server(code: int) -> tuple[str, ...]:
    rule = alerts.ALERT_RULES.get(code, alerts.UNREGISTERED)
    causes = [rule.cause, *rule.alternatives]
    if code in alerts.NO_NAME_RULES:
        causes.append("name.required")
    if code in alerts.EMPTY_CERTIFICATE_ALERTS:
        causes.append("client_auth.required")
    if code in _ABOUT_CLIENT_CERTIFICATE:
        # What a server has to say of certificates is about the client's.
        causes = ["client_auth.refused", "client_auth.required", *causes]
    if rule.confidence is Confidence.SUSPECTED:
        causes.append("server.refused")
    return tuple(dict.fromkeys(causes))

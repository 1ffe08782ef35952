"""The server wants to know who the client is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.alerts import (
    ALERT_EVIDENCE,
    alert_evidence,
    alert_matcher,
    empty_certificate_sent,
    peer_alert,
    rule_for,
)
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.endings import ENDING_EVIDENCE, closing, ending_evidence
from fleetscan.causes.evidence import evidence, observed, suspected
from fleetscan.causes.model import CatalogueEntry, Confidence, Match, Remedy, SeenAs, Severity
from fleetscan.vocabulary import EndedBy

if TYPE_CHECKING:
    from fleetscan.causes.model import Case


def _required(case: Case) -> Match | None:
    facts = case.facts
    requested = evidence(requested="yes" if facts.client_certificate_requested else "no")
    alert = peer_alert(facts)
    if alert is not None:
        rule = rule_for(alert, facts)
        if rule.cause != "client_auth.required":
            return None
        found = alert_evidence(alert, facts) | requested
        if rule.confidence is Confidence.SUSPECTED:
            return suspected(found, alternatives=rule.alternatives, missing=rule.missing)
        return observed(found)
    # A bare close is what some servers do instead of an alert; it counts only after
    # a CertificateRequest that we answered with no certificate.
    if closing(facts) in {EndedBy.FIN, EndedBy.RST} and empty_certificate_sent(facts):
        return observed(ending_evidence(case) | requested)
    return None


REQUIRED: Final = CatalogueEntry(
    id="client_auth.required",
    title="The server requires a client certificate and none was sent",
    why=(
        "The server sent a CertificateRequest, the client answered with an empty Certificate, and "
        "the server ended the handshake. Under TLS 1.3 it does so after the client believes that "
        "it is done, with certificate_required(116) or bad_certificate(42); up to TLS 1.2 with "
        "handshake_failure(40), bad_certificate(42), decode_error(50), or a bare close. Another "
        "alert about certificates (43 to 46, 48) in that place makes it suspected."
    ),
    not_this={
        "client_auth.refused": "a certificate was sent and refused",
        "finding.client_certificate_optional": "the server asked and went on without one",
        "server.refused": "no CertificateRequest was seen before the alert",
        "server.access_denied": "policy denies access, whatever certificate is sent",
        "server.stalled": "the server fell silent after our Certificate instead of ending",
    },
    proof="The request, and the end after our empty Certificate: observed. Proven only when the "
    "user's own certificate is then accepted.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="give_client_certificate",
        text="Give the client a certificate that the server trusts, or accept that this target is "
        "closed to others.",
    ),
    references=(
        "RFC 8446 section 4.3.2",
        "RFC 8446 section 4.4.2.4",
        "RFC 8446 section 6.2",
        "RFC 5246 section 7.4.6",
    ),
    evidence=ALERT_EVIDENCE
    | ENDING_EVIDENCE
    | {"requested": "whether a CertificateRequest was seen"},
    seen_as=SeenAs(
        alert="certificate_required(116), bad_certificate(42), handshake_failure(40)",
        chrome="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        firefox="SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT, SSL_ERROR_BAD_CERT_ALERT",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        openssl="error:0A00045C:SSL routines::tlsv13 alert certificate required, "
        "error:0A000412:SSL routines::sslv3 alert bad certificate",
        go="remote error: tls: certificate required, remote error: tls: bad certificate",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_required, "
        "Received fatal alert: bad_certificate",
        server_log="OpenSSL servers: error:0A0000C7:SSL routines::peer did not return a "
        "certificate; nginx answers 400 instead: client sent no required SSL certificate",
    ),
    match=concluded("client_auth.required", _required),
)

REFUSED: Final = CatalogueEntry(
    id="client_auth.refused",
    title="The server refused the client certificate that was sent",
    why=(
        "A client certificate was sent and the server ended the handshake with an alert about it: "
        "unknown authority, expired, revoked, wrong type, or no access for this subject."
    ),
    not_this={
        "client_auth.required": "no certificate was sent",
        "server.access_denied": "alert 49: the certificate is fine, its owner may not enter",
    },
    proof="Alerts 42 to 48 after our Certificate.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="fix_client_certificate",
        text="Use a client certificate from an authority that the server trusts, with its "
        "intermediates.",
    ),
    references=("RFC 8446 section 6.2", "RFC 5246 section 7.2.2"),
    evidence=ALERT_EVIDENCE,
    seen_as=SeenAs(
        alert="bad_certificate(42), unsupported_certificate(43), certificate_revoked(44), "
        "certificate_expired(45), certificate_unknown(46), unknown_ca(48)",
        chrome="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        firefox="SSL_ERROR_UNKNOWN_CA_ALERT, SSL_ERROR_EXPIRED_CERT_ALERT, "
        "SSL_ERROR_REVOKED_CERT_ALERT",
        edge="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        openssl="error:0A000418:SSL routines::tlsv1 alert unknown ca, error:0A000415:SSL "
        "routines::sslv3 alert certificate expired",
        go="remote error: tls: unknown certificate authority, remote error: tls: expired "
        "certificate",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: unknown_ca, Received "
        "fatal alert: certificate_unknown",
        server_log="error:0A000086:SSL routines::certificate verify failed",
    ),
    match=alert_matcher("client_auth.refused"),
)

ENTRIES: Final = (REQUIRED, REFUSED)

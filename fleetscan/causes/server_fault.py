"""The server refuses with an alert, breaks a rule, or works only sometimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.alerts import ALERT_EVIDENCE, alert_matcher
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.evidence import (
    alert_text,
    established,
    evidence,
    failure_alert,
    observed,
    parse_error_values,
    peer_text,
    suspected,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.tls.violations import OUR_BOUNDS
from fleetscan.vocabulary import Checked, Origin

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts


def _protocol_violation(case: Case) -> Match | None:
    facts = case.facts
    if established(facts) or facts.is_tls is Checked.NO or facts.starttls_refusal:
        return None
    if not (facts.violation or facts.parse_error is not None or _our_own_alert(facts)):
        return None
    found = evidence(
        **parse_error_values(facts.parse_error),
        rule=peer_text(facts.violation),
        stage=facts.stage.value,
        alert=alert_text(facts.alert),
        history=facts.history,
    )
    values = (facts.violation or "the rule in the evidence",)
    # RFC 8446 section 4 allows a message 2^24 octets. A record's length TLS itself bounds.
    if facts.violation in OUR_BOUNDS:
        return suspected(
            found,
            alternatives=(),
            missing="a client that reads longer messages and flights: the bound is ours, not TLS's",
            remedy_values=values,
        )
    return observed(found, remedy_values=values)


def _our_own_alert(facts: HandshakeFacts) -> bool:
    # A fatal alert of ours is our reaction: somebody broke a rule, even where no rule was named.
    alert = failure_alert(facts)
    return alert is not None and alert.origin is Origin.LOCAL


INTERNAL_ERROR: Final = CatalogueEntry(
    id="server.internal_error",
    title="The server reports an internal error",
    why=(
        "Alert internal_error(80): the server failed for a reason of its own, such as no "
        "certificate configured for the name, a key it cannot load, a hardware module that is "
        "away, memory. Some stacks send it for a name they do not know."
    ),
    not_this={
        "name.unrecognized": "the failure depends on the name, and another name is answered",
        "server.refused": "another alert that names no reason",
        "internal.error": "fleetscan failed, not the server",
    },
    proof="The alert, which the server sent itself.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="read_server_log",
        text="Read the server's log at the time of the scan; it names what failed.",
    ),
    references=("RFC 8446 section 6.2",),
    evidence=ALERT_EVIDENCE,
    seen_as=SeenAs(
        alert="internal_error(80)",
        chrome="ERR_SSL_PROTOCOL_ERROR",
        firefox="SSL_ERROR_INTERNAL_ERROR_ALERT",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A000438:SSL routines::tlsv1 alert internal error",
        go="remote error: tls: internal error",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: internal_error",
        dotnet="Authentication failed because the remote party sent a TLS alert: 'InternalError'.",
        server_log="nginx: SSL_do_handshake() failed ... while SSL handshaking",
    ),
    match=concluded("server.internal_error", alert_matcher("server.internal_error")),
)

ACCESS_DENIED: Final = CatalogueEntry(
    id="server.access_denied",
    title="The server denies access to this client",
    why=(
        "Alert access_denied(49): the server understood the request and its policy says no, by "
        "source address, name, client certificate or time."
    ),
    not_this={
        "client_auth.required": "a client certificate was asked for and none was sent",
        "client_auth.refused": "a client certificate was sent and refused, with alerts 42 to 48",
        "server.refused": "no reason was given",
    },
    proof="The alert, which the server sent itself.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="allow_client",
        text="Allow the scanner's address on the server, or exempt the target.",
    ),
    references=("RFC 8446 section 6.2",),
    evidence=ALERT_EVIDENCE,
    seen_as=SeenAs(
        alert="access_denied(49)",
        chrome="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        firefox="SSL_ERROR_ACCESS_DENIED_ALERT",
        edge="ERR_BAD_SSL_CLIENT_AUTH_CERT",
        openssl="error:0A000419:SSL routines::tlsv1 alert access denied",
        go="remote error: tls: access denied",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: access_denied",
        dotnet="Authentication failed because the remote party sent a TLS alert: 'AccessDenied'.",
    ),
    match=alert_matcher("server.access_denied"),
)

REFUSED: Final = CatalogueEntry(
    id="server.refused",
    title="The server refused the handshake with an alert that does not say why",
    why=(
        "handshake_failure(40) is what a server sends when it finds no suite, group, signature "
        "scheme or certificate that fits, and some send it for anything; other alerts say that it "
        "could not read or accept the hello. The alert is evidence; the reason needs a hello with "
        "one thing changed."
    ),
    not_this={
        "cipher.none_in_common": "shown by a broader hello that is answered with another suite",
        "key_exchange.no_common_group": "shown by a hello with more groups that is answered",
        "signature.no_common_scheme": "shown by a hello with more schemes that is answered",
        "version.too_old": "alert protocol_version(70), or an older hello that is answered",
        "name.unrecognized": "alert unrecognized_name(112), or another name that is answered",
        "client_auth.required": "a CertificateRequest came before the alert",
        "server.protocol_violation": "the alert was ours, in answer to a fault of the server's",
    },
    proof="An alert of the server's that no experiment explains.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="read_server_log",
        text="Read the server's log at the time of the scan: OpenSSL writes the reason there "
        "(`no shared cipher`, `no suitable signature algorithm`).",
    ),
    references=("RFC 8446 section 6.2", "RFC 5246 section 7.2.2"),
    evidence=ALERT_EVIDENCE,
    seen_as=SeenAs(
        alert="handshake_failure(40), illegal_parameter(47), decode_error(50), and others",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH (40), ERR_SSL_PROTOCOL_ERROR (others)",
        firefox="SSL_ERROR_NO_CYPHER_OVERLAP (40 before a ServerHello), "
        "SSL_ERROR_HANDSHAKE_FAILURE_ALERT (40 later), SSL_ERROR_ILLEGAL_PARAMETER_ALERT (47), "
        "SSL_ERROR_DECODE_ERROR_ALERT (50)",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH (40), ERR_SSL_PROTOCOL_ERROR (others)",
        openssl="error:0A000410:SSL routines::sslv3 alert handshake failure",
        go="remote error: tls: handshake failure",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
        dotnet="Authentication failed because the remote party sent a TLS alert: "
        "'HandshakeFailure'.",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::no shared "
        "cipher)",
    ),
    match=concluded("server.refused", alert_matcher("server.refused")),
)

PROTOCOL_VIOLATION: Final = CatalogueEntry(
    id="server.protocol_violation",
    title="The server broke a rule of TLS",
    why=(
        "What came was TLS and something in it was wrong: a message out of order, a length that "
        "does not fit, a parameter that was not offered, a record too large, a MAC or a Finished "
        "that does not verify, the mark of a downgrade. The rule, the field and the octet are "
        "evidence. A home-grown stack, a middlebox that rewrites handshakes, or damage on the way."
    ),
    not_this={
        "protocol.garbage": "the octets are no TLS at all",
        "certificate.malformed": "the TLS around it is sound, the certificate is not",
        "certificate.key_mismatch": "only the signature by the certificate's key is wrong",
        "version.too_old": "the server answered with a version that was not offered, as servers "
        "older than TLS 1.2 do",
        "server.refused": "the server sent the alert; here it was ours",
    },
    proof="The rule that was broken, and for a parser's refusal the field and the octet.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="update_stack",
        text="Update the TLS stack or the device that ends TLS; report {values} to its maker.",
    ),
    references=(
        "RFC 8446 section 4",
        "RFC 8446 section 5.1",
        "RFC 8446 section 5.2",
        "RFC 8446 section 6.2",
        "RFC 8446 section 4.1.3",
        "RFC 5246 section 7.4",
    ),
    evidence={
        "rule": "the rule that was broken, as a fixed word",
        "fault": "the parser's rule that was broken",
        "field": "the field being read, under its RFC name",
        "offset": "octets from the start of the message",
        "stage": "the step under way",
        "alert": "the alert that we answered with",
        "history": "messages as letters, ours in upper case",
    },
    seen_as=SeenAs(
        alert="ours: unexpected_message(10), bad_record_mac(20), record_overflow(22), "
        "illegal_parameter(47), decode_error(50), decrypt_error(51)",
        chrome="ERR_SSL_PROTOCOL_ERROR",
        firefox="SSL_ERROR_RX_MALFORMED_SERVER_HELLO, SSL_ERROR_RX_UNEXPECTED_SERVER_HELLO, "
        "SSL_ERROR_BAD_MAC_READ",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A0000F4:SSL routines::unexpected message",
        go="local error: tls: unexpected message, local error: tls: bad record MAC",
        java="javax.net.ssl.SSLProtocolException",
        server_log="nginx: SSL_do_handshake() failed (SSL: ... alert unexpected message)",
    ),
    match=_protocol_violation,
    hidden_by=("version.too_old", "certificate.key_mismatch", "key_exchange.weak_dh"),
)

INTERMITTENT: Final = CatalogueEntry(
    id="server.intermittent",
    title="The same hello fails and then succeeds",
    why=(
        "The handshake failed, and the very same hello was answered later. Usually one of several "
        "members behind an address is broken, or the server is at its limit of connections."
    ),
    not_this={
        "server.stalled": "it fails the same way each time",
        "interference.hello_filter": "it fails each time, whatever is sent",
    },
    proof="Repeats: how many of how many succeeded.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="check_members",
        text="Check every member behind the address one by one, and the limits on connections.",
    ),
    references=("docs/diagnosis.md",),
    evidence={
        "succeeded": "probes that succeeded",
        "failed": "probes that failed",
        "first_failure": "how the failing ones ended",
    },
    seen_as=SeenAs(
        server_log="a limit of workers or connections, on the member that is broken only",
    ),
    match=concluded("server.intermittent"),
)

ENTRIES: Final = (INTERNAL_ERROR, ACCESS_DENIED, REFUSED, PROTOCOL_VIOLATION, INTERMITTENT)

"""The server minds the name or the application protocol of the hello."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.alerts import ALERT_EVIDENCE, alert_matcher
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.default_certificate import default_certificate
from fleetscan.causes.evidence import peer_text
from fleetscan.causes.model import CatalogueEntry, Remedy, SeenAs, Severity

if TYPE_CHECKING:
    from fleetscan.causes.model import Case


def _name_sent(case: Case) -> tuple[str, ...]:
    offer = case.facts.offer
    return (peer_text(offer.server_name),) if offer and offer.server_name else ()


def _protocols_offered(case: Case) -> tuple[str, ...]:
    offer = case.facts.offer
    return tuple(peer_text(each) for each in offer.alpn) if offer else ()


REQUIRED: Final = CatalogueEntry(
    id="name.required",
    title="The server refuses a hello without a name",
    why=(
        "The server serves several names and has no default certificate, or is set to reject "
        "clients that name none. A scan of bare addresses sends no name."
    ),
    not_this={
        "name.unrecognized": "a name was sent and it is the wrong one",
        "server.refused": "the refusal has nothing to do with the name",
    },
    proof="The same hello with a name is answered. Alert unrecognized_name(112) or "
    "missing_extension(109) to a hello without one makes it suspected.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="give_name",
        text="Give the name in the inventory (name@address:port), or set a default certificate on "
        "the server.",
    ),
    references=("RFC 8446 section 9.2", "RFC 6066 section 3"),
    evidence=ALERT_EVIDENCE | {"control_name": "the name that was then answered"},
    seen_as=SeenAs(
        alert="unrecognized_name(112), missing_extension(109), handshake_failure(40)",
        chrome="none: browsers always send a name, except for an address",
        openssl="error:0A000458:SSL routines::tlsv1 unrecognized name",
        go="remote error: tls: unrecognized name, remote error: tls: missing extension",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: unrecognized_name",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A0000EA:SSL routines::callback "
        "failed) (ssl_reject_handshake)",
    ),
    match=concluded("name.required", alert_matcher("name.required")),
)

UNRECOGNIZED: Final = CatalogueEntry(
    id="name.unrecognized",
    title="The server does not serve this name",
    why=(
        "The hello carried a name for which the server has no certificate, and it refuses instead "
        "of showing a default one. The name moved, DNS points to the wrong address, or the virtual "
        "host is missing."
    ),
    not_this={
        "name.required": "no name was sent",
        "name.default_certificate": "the server answers with its default certificate",
        "certificate.name_mismatch": "the server answers with a certificate for other names",
        "interference.name_filter": "a device on the path cuts the name; no alert is sent",
    },
    proof="Alert unrecognized_name(112); or another alert, while another name or none is answered.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="add_name",
        text="Add the name {values} to the server's configuration, or point DNS to the server that "
        "has it.",
    ),
    references=("RFC 6066 section 3", "RFC 8446 section 6.2"),
    evidence=ALERT_EVIDENCE | {"control_name": "a name that was answered"},
    seen_as=SeenAs(
        alert="unrecognized_name(112)",
        chrome="ERR_SSL_UNRECOGNIZED_NAME_ALERT",
        firefox="SSL_ERROR_UNRECOGNIZED_NAME_ALERT",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_SSL_UNRECOGNIZED_NAME_ALERT",
        openssl="error:0A000458:SSL routines::tlsv1 unrecognized name",
        go="remote error: tls: unrecognized name",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: unrecognized_name",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A0000EA:SSL routines::callback "
        "failed) (ssl_reject_handshake)",
    ),
    match=concluded("name.unrecognized", alert_matcher("name.unrecognized", _name_sent)),
)

DEFAULT_CERTIFICATE: Final = CatalogueEntry(
    id="name.default_certificate",
    title="The server ignores the name and shows its default certificate",
    why=(
        "The server knows no virtual host of this name and falls back to its default one, whose "
        "certificate is for something else. It explains a certificate with the wrong name."
    ),
    not_this={
        "certificate.name_mismatch": "what the client sees; this is why the server shows it",
        "name.unrecognized": "the server refuses the name instead",
    },
    proof="The same certificate is shown for a control name that cannot be served there.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="add_name",
        text="Add a virtual host with a certificate for {values}.",
    ),
    references=("RFC 6066 section 3",),
    evidence={
        "server_name": "the name that was sent",
        "control_name": "the made-up name that got the same certificate",
        "sha256": "the certificate shown to both",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_COMMON_NAME_INVALID",
        firefox="SSL_ERROR_BAD_CERT_DOMAIN",
        edge="NET::ERR_CERT_COMMON_NAME_INVALID",
        openssl="verify error:num=62:hostname mismatch",
        go="x509: certificate is valid for other.example, not this.example",
    ),
    match=default_certificate,
)

ALPN_NONE_IN_COMMON: Final = CatalogueEntry(
    id="alpn.none_in_common",
    title="No application protocol in common",
    why=(
        "The hello named the application protocols of the client, usually h2 and http/1.1, and the "
        "server speaks none of them: a database, a message broker or a mail server behind "
        "this port, or one that takes only its own protocol's name."
    ),
    not_this={
        "protocol.other": "the port speaks no TLS at all",
        "server.refused": "the refusal stays when no protocol is named",
    },
    proof="Alert no_application_protocol(120), or the hello without ALPN is answered.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="match_alpn",
        text="Offer the server's own protocol or none; it does not speak {values}.",
    ),
    references=("RFC 7301 section 3.2", "RFC 8446 section 6.2"),
    evidence=ALERT_EVIDENCE | {"offered": "the application protocols offered"},
    seen_as=SeenAs(
        alert="no_application_protocol(120)",
        chrome="ERR_SSL_PROTOCOL_ERROR",
        firefox="SSL_ERROR_NEXT_PROTOCOL_NO_PROTOCOL",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A000460:SSL routines::tlsv1 alert no application protocol",
        go="remote error: tls: no application protocol",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: no_application_protocol",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A0000EB:SSL routines::no "
        "application protocol)",
    ),
    match=concluded(
        "alpn.none_in_common", alert_matcher("alpn.none_in_common", _protocols_offered)
    ),
)

NAME_ENTRIES: Final = (REQUIRED, UNRECOGNIZED, DEFAULT_CERTIFICATE)
ALPN_ENTRIES: Final = (ALPN_NONE_IN_COMMON,)

"""No protocol version in common, or none that the server can be offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes import banners
from fleetscan.causes.alerts import ALERT_EVIDENCE, alert_matcher
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.evidence import (
    TLS12,
    established,
    evidence,
    flight_read,
    observed,
    peer_text,
    suspected,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.causes.protocol import spoken
from fleetscan.registry import versions
from fleetscan.tls.profile import is_grease
from fleetscan.vocabulary import FirstFlight

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts

_alert_says_so = alert_matcher("version.too_old")


def _too_old(case: Case) -> Match | None:
    facts = case.facts
    if flight_read(facts):
        return _took_an_older_one(facts)
    if established(facts):
        return None
    signature = spoken(facts)
    if signature is not None and signature.cause == banners.TOO_OLD:
        return observed(
            evidence(
                version=signature.protocol,
                banner=peer_text(facts.first_octets[:16].hex()),
                stage=facts.stage.value,
            ),
            remedy_values=(signature.protocol,),
        )
    if _chose_an_older_one(facts):
        chosen = versions.name_of(facts.version or 0)
        return observed(
            evidence(version=chosen, offered=_offered(facts), stage=facts.stage.value),
            remedy_values=(chosen,),
        )
    return _alert_says_so(case)


def _took_an_older_one(facts: HandshakeFacts) -> Match | None:
    # A server chooses the newest version that it shares with the hello (RFC 8446 section
    # 4.2.1): where TLS 1.2 was offered and something older came, it has nothing better.
    if facts.version is None or facts.version >= TLS12:
        return None
    chosen = versions.name_of(facts.version)
    found = evidence(version=chosen, offered=_offered(facts), stage=facts.stage.value)
    if facts.offer is not None and any(
        each >= TLS12 and not is_grease(each) for each in facts.offer.versions
    ):
        return observed(found, remedy_values=(chosen,))
    if facts.first_flight is not FirstFlight.VERSION:
        return None
    return suspected(
        found,
        alternatives=("finding.old_version",),
        missing="a hello that offers TLS 1.2",
        remedy_values=(chosen,),
    )


def _chose_an_older_one(facts: HandshakeFacts) -> bool:
    # A server that does not know the supported_versions extension answers with the best it
    # has, instead of an alert (RFC 8446 section 4.2.1): the ServerHello itself says it.
    if facts.version is None or facts.version >= TLS12:
        return False
    return facts.offer is None or facts.version not in facts.offer.versions


def _offered(facts: HandshakeFacts) -> str:
    if facts.offer is None:
        return ""
    return ", ".join(
        versions.name_of(version) for version in facts.offer.versions if not is_grease(version)
    )


_SEEN_AS: Final = SeenAs(
    alert="protocol_version(70)",
    chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    firefox="SSL_ERROR_UNSUPPORTED_VERSION, SSL_ERROR_PROTOCOL_VERSION_ALERT",
    safari="Safari can't establish a secure connection to the server.",
    edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    openssl="error:0A000102:SSL routines::unsupported protocol, error:0A00042E:SSL "
    "routines::tlsv1 alert protocol version",
    go="tls: server selected unsupported protocol version 301, remote error: tls: protocol version "
    "not supported",
    java="javax.net.ssl.SSLHandshakeException: The server selected protocol version TLS10 is not "
    "accepted by client preferences [TLS13, TLS12], Received fatal alert: protocol_version",
    dotnet="Authentication failed because the remote party sent a TLS alert: 'ProtocolVersion'.",
    server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::unsupported "
    "protocol)",
)

TOO_OLD: Final = CatalogueEntry(
    id="version.too_old",
    title="The server speaks only versions older than the client accepts",
    why=(
        "The best that the server can do is TLS 1.1, TLS 1.0, SSL 3.0 or SSL 2.0. They are "
        "deprecated, and browsers and OpenSSL 3 at its default level refuse them. Old appliances, "
        "printers, management boards and Java 6 are the usual places."
    ),
    not_this={
        "version.too_new": "the server speaks only versions newer than this hello offers; it sends "
        "the same alert",
        "version.intolerant": "the server speaks an offered version and breaks on the newer one",
        "server.protocol_violation": "a version that nobody ever deprecated is no sign of age",
    },
    proof="An older hello is answered. A ServerHello with an older version says it itself; alert "
    "protocol_version(70) alone makes it suspected.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_tls12",
        text="Enable TLS 1.2 and 1.3 on the server, or put a proxy before it that speaks them.",
    ),
    references=(
        "RFC 8996 section 4",
        "RFC 8996 section 5",
        "RFC 7568 section 3",
        "RFC 6176 section 3",
        "RFC 8446 section 4.2.1",
    ),
    evidence=ALERT_EVIDENCE
    | {
        "version": "the version that the server chose",
        "offered": "the versions that the hello offered",
        "banner": "the first octets of an SSL 2.0 answer, in hexadecimal",
    },
    seen_as=_SEEN_AS,
    match=concluded("version.too_old", _too_old),
)

TOO_NEW: Final = CatalogueEntry(
    id="version.too_new",
    title="The server speaks only versions newer than this hello offers",
    why=(
        "The hello offered TLS 1.2 at most and the server takes TLS 1.3 only. It concerns old "
        "clients, and scans with an old hello profile."
    ),
    not_this={
        "version.too_old": "the server is the older one; the alert is the same",
        "version.fallback_refused": "the server takes the offered version from clients that know "
        "nothing better",
    },
    proof="A newer hello is answered. Alert protocol_version(70) to a hello that offers TLS 1.0 to "
    "1.2 makes it suspected.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="offer_newer",
        text="Update the client, or enable TLS 1.2 beside 1.3 while old clients remain.",
    ),
    references=("RFC 8446 section 4.2.1", "RFC 8446 section 6.2"),
    evidence=ALERT_EVIDENCE
    | {"offered": "the versions offered", "accepted": "the version that was then accepted"},
    match=concluded("version.too_new", alert_matcher("version.too_new")),
    seen_as=SeenAs(
        alert="protocol_version(70)",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        firefox="SSL_ERROR_PROTOCOL_VERSION_ALERT",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        openssl="error:0A00042E:SSL routines::tlsv1 alert protocol version",
        go="remote error: tls: protocol version not supported",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version",
        dotnet="Authentication failed because the remote party sent a TLS alert: "
        "'ProtocolVersion'.",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::"
        "unsupported protocol)",
    ),
)

INTOLERANT: Final = CatalogueEntry(
    id="version.intolerant",
    title="The server breaks when a newer version is also offered",
    why=(
        "The server supports a version that the hello offers and ought to choose it. Instead it "
        "fails as soon as a newer one is offered beside it: a fault of its version negotiation, or "
        "of a middlebox that reads the hello."
    ),
    not_this={
        "server.large_hello_intolerant": "leaving a version out makes the hello smaller; at the "
        "same size it still fails",
        "version.too_old": "no offered version is supported",
    },
    proof="Fails with the normal hello, works when the newest version is left out at the same "
    "size, and what it then picks had been on offer before.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="update_stack",
        text="Update the server's TLS stack or the middlebox.",
    ),
    references=("RFC 8446 section 4.2.1", "RFC 5246 appendix E.1"),
    evidence={
        "before": "how the hello with the newest version ended",
        "after": "how the one without it was answered",
        "left_out": "the version left out",
        "version": "the version then chosen",
    },
    seen_as=SeenAs(
        chrome="ERR_SSL_VERSION_INTERFERENCE, ERR_SSL_PROTOCOL_ERROR, ERR_CONNECTION_RESET, "
        "ERR_CONNECTION_CLOSED",
        firefox="PR_END_OF_FILE_ERROR, PR_CONNECT_RESET_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR, ERR_CONNECTION_RESET, ERR_CONNECTION_CLOSED",
    ),
    match=concluded("version.intolerant"),
)

FALLBACK_REFUSED: Final = CatalogueEntry(
    id="version.fallback_refused",
    title="The server refused a retry at a lower version",
    why=(
        "The hello carried TLS_FALLBACK_SCSV, which says that the client has stepped down after a "
        "failure, and the server supports something better. It refuses, so that nobody on the path "
        "can force an old version. The real fault is whatever made the first attempt fail."
    ),
    not_this={
        "version.too_new": "no marker was sent and the offered versions are simply too old",
        "version.too_old": "the server has nothing better",
    },
    proof="Alert inappropriate_fallback(86), which only this means.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="find_first_failure",
        text="Find out why the first attempt at the higher version failed.",
    ),
    references=("RFC 7507 section 3",),
    evidence=ALERT_EVIDENCE,
    seen_as=SeenAs(
        alert="inappropriate_fallback(86)",
        firefox="SSL_ERROR_INAPPROPRIATE_FALLBACK_ALERT",
        openssl="error:0A00043E:SSL routines::tlsv1 alert inappropriate fallback",
        go="remote error: tls: inappropriate fallback",
        server_log="nginx: SSL_do_handshake() failed (SSL: ... inappropriate fallback)",
    ),
    match=alert_matcher("version.fallback_refused"),
)

ENTRIES: Final = (TOO_OLD, TOO_NEW, INTOLERANT, FALLBACK_REFUSED)

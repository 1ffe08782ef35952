"""Something between us and the server decides. One probe seldom shows it."""

from __future__ import annotations

from typing import Final

from fleetscan.causes.block_page import block_page
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.interception import interception
from fleetscan.causes.model import CatalogueEntry, Remedy, SeenAs, Severity
from fleetscan.causes.proxies import proxy_refused

_RESET_OR_CLOSED: Final = SeenAs(
    chrome="ERR_CONNECTION_RESET, ERR_CONNECTION_CLOSED, ERR_TIMED_OUT",
    firefox="PR_CONNECT_RESET_ERROR, PR_END_OF_FILE_ERROR",
    edge="ERR_CONNECTION_RESET, ERR_CONNECTION_CLOSED, ERR_TIMED_OUT",
    openssl="read:errno=104",
    go="read: connection reset by peer, EOF",
    java="java.net.SocketException: Connection reset",
    server_log="none, or a connection that ended before a handshake",
)

NAME_FILTER: Final = CatalogueEntry(
    id="interference.name_filter",
    title="Hellos that carry this name are cut on the path",
    why=(
        "A firewall or filter reads the server_name extension, which travels in the clear, and "
        "resets, drops or closes connections to names on its list. The server never sees them."
    ),
    not_this={
        "name.unrecognized": "the server itself refuses the name; with an alert, or silently",
        "interference.hello_filter": "every hello is cut, whatever the name",
    },
    proof="The end depends on the name, repeatedly: suspected. Proven when a reset comes at a TTL "
    "too small to reach the server, or when the same name is cut on the way to another address "
    "that answers any name.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="ask_network",
        text="Ask whoever runs the filter on this path to allow {values}.",
    ),
    references=("RFC 6066 section 3", "RFC 8744 section 2"),
    evidence={
        "ended_by": "fin, rst or timeout",
        "server_name": "the name that is cut",
        "control_name": "the name that was answered",
        "repeats": "how often both were seen",
        "hop": "distance in hops at which the reset came",
        "server_hops": "distance of the server in hops",
    },
    seen_as=_RESET_OR_CLOSED,
    match=concluded("interference.name_filter"),
)

HELLO_FILTER: Final = CatalogueEntry(
    id="interference.hello_filter",
    title="Every ClientHello to this address is cut on the path",
    why=(
        "The port accepts connections and each hello is reset or dropped: a filter lets TCP pass "
        "and stops TLS, as firewalls do that know applications. A firewall on the last hop cannot "
        "be told from the server."
    ),
    not_this={
        "interference.name_filter": "hellos with another name pass",
        "server.reset_after_hello": "the server itself resets",
        "server.silent_after_hello": "the hello arrives and is not answered",
        "connect.timeout": "the SYN is dropped already",
    },
    proof="A reset at a TTL smaller than the server's distance. Timing makes it suspected at most.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="ask_network",
        text="Ask whoever runs the firewall on this path for a rule that allows TLS to {values}.",
    ),
    references=("RFC 9293 section 3.5.2", "docs/diagnosis.md"),
    evidence={
        "ended_by": "rst or timeout",
        "hop": "distance in hops at which the reset came",
        "server_hops": "distance of the server in hops",
        "min_rtt_ms": "the kernel's smallest round trip to the server",
        "reset_ms": "milliseconds from hello to reset",
        "repeats": "how often it was seen",
    },
    seen_as=_RESET_OR_CLOSED,
    match=concluded("interference.hello_filter"),
)

INTERCEPTION: Final = CatalogueEntry(
    id="interference.interception",
    title="An inspection proxy answers in the server's stead",
    why=(
        "A device on the path ends TLS, makes up a certificate for the name under a private "
        "authority and speaks to the server itself. Clients without that authority fail; clients "
        "with it no longer see what the server offers."
    ),
    not_this={
        "chain.untrusted_root": "the server's own private authority, for its own names; its owner "
        "may also have signed them with a firewall's",
        "chain.unknown_issuer": "an intermediate of a public authority that was not sent",
        "certificate.self_signed": "the server made the certificate itself",
    },
    proof="The certificate differs when the same target is asked directly and through the proxy, "
    "repeatedly, and the authority behind the proxy is known as an inspection product's or signs "
    "for an unrelated domain as well. An issuer known as an inspection product, or one private "
    "authority that signs for many unrelated domains of the fleet, makes it suspected: a company "
    "may serve its own names with either.",
    severity=Severity.CRITICAL,
    remedy=Remedy(
        id="exempt_from_inspection",
        text="Exempt the target from inspection, or scan from a vantage that is not inspected.",
    ),
    references=("RFC 8446 section 9.3", "docs/interception.md"),
    evidence={
        "issuer": "the issuer of the certificate shown",
        "product": "the inspection product that the issuer is known for",
        "domains": "how many unrelated domains the same private authority signed for in this run, "
        "and some of them",
        "sha256_direct": "the certificate when asked directly",
        "sha256_proxy": "the certificate through the proxy, or from the other vantage",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_AUTHORITY_INVALID, NET::ERR_CERT_KNOWN_INTERCEPTION_BLOCKED",
        firefox="SEC_ERROR_UNKNOWN_ISSUER, MOZILLA_PKIX_ERROR_MITM_DETECTED",
        safari="This Connection Is Not Private",
        edge="NET::ERR_CERT_AUTHORITY_INVALID",
        openssl="verify error:num=20:unable to get local issuer certificate",
        go="x509: certificate signed by unknown authority",
        java="PKIX path building failed: unable to find valid certification path to requested "
        "target",
    ),
    match=interception,
)

BLOCK_PAGE: Final = CatalogueEntry(
    id="interference.block_page",
    title="A block page or captive page comes in place of TLS",
    why=(
        "A filter, a proxy or a captive portal answers the hello with a page of its own, in plain "
        "HTTP, to tell a person why."
    ),
    not_this={
        "protocol.plaintext_http": "the server itself speaks plain HTTP on the port; both are "
        "named where the page does not settle it",
        "interference.proxy_refused": "the proxy that the user named refused the tunnel",
    },
    proof="The page says that it blocks, and unrelated networks send the same one. Either alone "
    "makes it suspected.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="ask_network",
        text="Ask whoever runs the filter to allow the scanner, or log in to the captive portal.",
    ),
    references=(
        "RFC 7725 section 3",
        "RFC 6585 section 6",
        "RFC 8952 section 1",
        "docs/interception.md",
    ),
    evidence={
        "status": "the HTTP status code",
        "banner": "the first line, escaped",
        "addresses": "how many unrelated networks (/24, /48) sent the same page",
    },
    seen_as=SeenAs(
        chrome="ERR_SSL_PROTOCOL_ERROR",
        firefox="SSL_ERROR_RX_RECORD_TOO_LONG",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00010B:SSL routines::wrong version number; from OpenSSL 3.2 on "
        "error:0A0000C6:SSL routines::packet length too long",
        go="tls: first record does not look like a TLS handshake",
    ),
    match=block_page,
)

PROXY_REFUSED: Final = CatalogueEntry(
    id="interference.proxy_refused",
    title="The proxy refused the tunnel, or could not be used",
    why=(
        "The scan goes through a proxy, and no tunnel came of it: the proxy has no permission for "
        "us or wants a login, says that it could not reach the target itself, speaks another "
        "protocol, or was not there. The target was not reached by us, and what a proxy says of "
        "it is hearsay."
    ),
    not_this={
        "interference.block_page": "nobody asked for a proxy and a page came all the same",
        "connect.refused": "the target itself refused, without a proxy; a proxy that says so is "
        "one witness, so the cause is then an alternative here",
        "connect.timeout": "the target itself did not answer; many proxies say so in a general "
        "error, or hang up, or say nothing",
        "connect.unreachable": "ICMP from the way to the target; with a proxy all ICMP is from "
        "the way to the proxy",
        "server.closed_after_hello": "the tunnel was opened and closed afterwards; some proxies "
        "open it before they know whether they reach the target",
        "resolve.not_found": "the target's name was looked up here and does not exist",
    },
    proof="The proxy's own answer: an HTTP status that is not 2xx, or a SOCKS reply that is not 0. "
    "A proxy that cannot be connected to: the error of the operating system. Where it closes or "
    "stays silent it is suspected, since some proxies do so for a target out of reach.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="fix_proxy",
        text="Make the proxy carry connections to {values}: start it, name it rightly, give "
        "credentials with --proxy-auth, or ask for a rule that allows the target, as its answer "
        "says. Where it says that it cannot reach the target, look at the target from there.",
    ),
    references=(
        "RFC 9110 section 9.3.6",
        "RFC 9110 section 15.5.8",
        "RFC 9209 section 2.3",
        "RFC 1928 section 6",
        "RFC 1929 section 2",
    ),
    evidence={
        "proxy": "the proxy asked, without credentials",
        "stage": "connect when it was not reached, proxy when it was asked",
        "step": "what was asked: method, authentication or request",
        "status": "its HTTP status or SOCKS reply",
        "reason": "its words, escaped; for a SOCKS reply those of RFC 1928",
        "detail": "its Proxy-Status field, or under 407 what login it would take, escaped",
        "ended_by": "fin, rst, icmp or timeout, where it did not answer",
        "errno": "the operating system's error, where it was not reached",
        "icmp": "the ICMP message from the way to the proxy, and its sender",
        "elapsed_ms": "milliseconds in all, where it did not answer",
    },
    seen_as=SeenAs(
        chrome="ERR_TUNNEL_CONNECTION_FAILED, ERR_PROXY_CONNECTION_FAILED, "
        "ERR_SOCKS_CONNECTION_FAILED",
        firefox="The proxy server is refusing connections (proxyConnectFailure)",
        edge="ERR_TUNNEL_CONNECTION_FAILED, ERR_PROXY_CONNECTION_FAILED",
        go="Forbidden, Proxy Authentication Required",
        java='Unable to tunnel through proxy. Proxy returns "HTTP/1.1 403 Forbidden"',
        dotnet="The proxy tunnel request to proxy '...' failed with status code '403'.",
    ),
    match=concluded("interference.proxy_refused", proxy_refused),
)

ENTRIES: Final = (NAME_FILTER, HELLO_FILTER, INTERCEPTION, BLOCK_PAGE, PROXY_REFUSED)

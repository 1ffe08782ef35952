"""The port speaks something else than TLS, or wants to be asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes import banners
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.endings import closed_on_request
from fleetscan.causes.evidence import (
    escaped_text,
    established,
    evidence,
    observed,
    peer_text,
    suspected,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.limits import FIRST_OCTETS, UNRELATED_NETWORKS
from fleetscan.vocabulary import STARTTLS_PORTS, Checked

if TYPE_CHECKING:
    from fleetscan.causes.banners import Signature
    from fleetscan.causes.model import Case, Matcher
    from fleetscan.facts import HandshakeFacts


def spoken(facts: HandshakeFacts) -> Signature | None:
    """The other protocol that the first octets belong to.

    None when they are what was to come, when there are none, and when no protocol of the
    table begins so. Inside a STARTTLS dialogue its own protocol is what is to come: another
    one spoke when the dialogue's machine could not read it, or when it refused before it had
    said anything that only the dialogue's protocol has.
    """
    if not facts.first_octets or established(facts):
        return None
    if facts.starttls == "none":
        return None if facts.is_tls is Checked.YES else banners.identify(facts.first_octets)
    if facts.starttls_agreed is not Checked.NO or facts.starttls_offered is not Checked.NOT_CHECKED:
        return None
    return banners.identify_in_dialogue(facts.first_octets, facts.starttls)


def _other_protocol(cause: str) -> Matcher:
    def match(case: Case) -> Match | None:
        signature = spoken(case.facts)
        if signature is None or _cause_of(signature, case.facts) != cause:
            return None
        found = banner_evidence(case, signature)
        values = (_remedy_value(case, signature),)
        if cause == banners.OTHER and case.facts.starttls_refusal:
            # Its no has the form of the dialogue's protocol: only the greeting says otherwise.
            return suspected(
                found | evidence(answer=escaped_text(case.facts.starttls_refusal)),
                alternatives=("protocol.starttls_refused",),
                missing="an answer to the words of the protocol that greeted",
                remedy_values=values,
            )
        return observed(found, remedy_values=values)

    return match


def _cause_of(signature: Signature, facts: HandshakeFacts) -> str:
    """A protocol with a dialogue is needed where none was held, and another where one was."""
    in_dialogue = facts.starttls != "none"
    if in_dialogue and signature.cause == banners.STARTTLS_NEEDED:
        return banners.OTHER
    return signature.cause


def _remedy_value(case: Case, signature: Signature) -> str:
    kind = _dialogue(case, signature)
    if case.facts.starttls == "none":
        return kind or signature.protocol
    return f"{signature.protocol} (--starttls {kind})" if kind else signature.protocol


def _dialogue(case: Case, signature: Signature) -> str:
    # Where two dialogues begin alike, the port says which to try.
    by_port = STARTTLS_PORTS.get(case.port, "")
    if signature.protocol == banners.SMTP_OR_FTP:
        return by_port if by_port in banners.GREET_ALIKE else "smtp or ftp"
    if signature.starttls == "xmpp-client" and by_port == "xmpp-server":
        return by_port
    return signature.starttls


def banner_evidence(case: Case, signature: Signature) -> dict[str, str]:
    """Which protocol it was, and its own words."""
    facts = case.facts
    return evidence(
        protocol=signature.protocol,
        banner=peer_text(banners.first_line(facts.first_octets)),
        spoke_first="yes" if facts.spoke_first else "no",
        starttls="" if facts.starttls == "none" else facts.starttls,
        port=case.port,
    )


def _plaintext_http(case: Case) -> Match | None:
    signature = spoken(case.facts)
    if signature is None or signature.cause != banners.PLAINTEXT_HTTP or is_block_page(case):
        return None
    status = banners.http_status(case.facts.first_octets)
    # An honest server answers so as well; only the same page from unrelated addresses
    # would settle that somebody on the path wrote it.
    blocked = banners.may_be_blocked(case.facts.first_octets)
    return observed(
        banner_evidence(case, signature) | evidence(status=status),
        alternatives=("interference.block_page",) if blocked else (),
        missing="whether unrelated addresses answer with the same page" if blocked else "",
    )


def is_block_page(case: Case) -> bool:
    """Whether a page in place of TLS is settled to be a filter's: it says so, and others agree."""
    return case.same_page >= UNRELATED_NETWORKS and banners.says_blocked(case.facts.first_octets)


def _starttls_refused(case: Case) -> Match | None:
    facts = case.facts
    if established(facts) or spoken(facts) is not None:
        return None
    if not facts.starttls_refusal:
        return closed_on_request(case)
    told = escaped_text(facts.starttls_refusal)
    lists = facts.starttls_offered is Checked.NO
    return observed(
        evidence(
            starttls=facts.starttls,
            answer="" if lists else told,
            offers=told if lists else "",
            port=case.port,
        )
    )


def _garbage(case: Case) -> Match | None:
    facts = case.facts
    if facts.is_tls is not Checked.NO or facts.starttls_refusal or established(facts):
        return None
    if spoken(facts) is not None:
        return None
    found = evidence(
        first_octets=facts.first_octets[:FIRST_OCTETS].hex(),
        text=peer_text(facts.first_octets[:FIRST_OCTETS]),
        spoke_first="yes" if facts.spoke_first else "no",
        starttls="" if facts.starttls == "none" else facts.starttls,
        port=case.port,
    )
    if facts.starttls == "none" or facts.starttls_agreed is Checked.NO:
        return observed(found)
    return suspected(
        found,
        alternatives=("protocol.other", "server.protocol_violation"),
        missing="what the port speaks when it is left alone",
    )


_BANNER: Final = {
    "protocol": "the protocol that the first octets belong to",
    "banner": "the first line as received, escaped",
    "spoke_first": "whether the server spoke before anything was sent to it",
    "starttls": "the dialogue that was held before TLS, where there was one",
    "port": "the port asked",
}

PLAINTEXT_HTTP: Final = CatalogueEntry(
    id="protocol.plaintext_http",
    title="The port speaks HTTP without TLS",
    why=(
        "The ClientHello was answered with HTTP in the clear, usually 400 Bad Request, since the "
        "server tried to read the hello as a request line. TLS was never switched on for this "
        "listener, or it ends at a device in front of it that was gone around. A page that says "
        "that plain HTTP was sent to an HTTPS port comes from a second server behind this one, to "
        "which it forwards without TLS; this port itself still speaks HTTP."
    ),
    not_this={
        "interference.block_page": "the page was written by a filter on the path and comes from "
        "unrelated addresses alike",
        "protocol.other": "another protocol than HTTP",
        "protocol.garbage": "octets that belong to no protocol known here",
    },
    proof="The first octets are an HTTP status line, an HTML page, or HTTP/2 frames.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_tls",
        text="Switch TLS on for this listener (nginx: `listen 443 ssl`), or scan the port that "
        "has it.",
    ),
    references=("RFC 9112 section 2.1", "RFC 9112 section 4", "RFC 9113 section 3.4"),
    evidence=_BANNER | {"status": "the HTTP status code"},
    seen_as=SeenAs(
        chrome="ERR_SSL_PROTOCOL_ERROR",
        firefox="SSL_ERROR_RX_RECORD_TOO_LONG",
        safari="Safari can't establish a secure connection to the server.",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00010B:SSL routines::wrong version number; from OpenSSL 3.2 on "
        "error:0A0000C6:SSL routines::packet length too long",
        go="http: server gave HTTP response to HTTPS client, tls: first record does not look like "
        "a TLS handshake",
        java="javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        dotnet="Cannot determine the frame size or a corrupted frame was received.",
        server_log=r'nginx access log: "\x16\x03\x01..." 400',
    ),
    match=concluded("protocol.plaintext_http", _plaintext_http),
)

OTHER: Final = CatalogueEntry(
    id="protocol.other",
    title="Another protocol answers on this port",
    why=(
        "The first octets belong to a protocol that does not turn into TLS here: SSH, VNC, Telnet, "
        "a message broker; or a STARTTLS dialogue was held, and what answered speaks neither that "
        "protocol nor HTTP: another mail protocol, a database, TLS from the first octet. The "
        "service moved, the inventory has the wrong port or dialogue, or the port was reused."
    ),
    not_this={
        "protocol.starttls_needed": "the protocol has words to ask for TLS on this very port, and "
        "no other dialogue was held",
        "protocol.starttls_refused": "the dialogue's own protocol answered, and its answer was no",
        "protocol.plaintext_http": "the other protocol is HTTP",
        "protocol.garbage": "it is no protocol known here",
    },
    proof="The first octets, sent before anything else or in answer to the hello or the dialogue.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="fix_port",
        text="Correct the port or the dialogue in the inventory, or find out why {values} answers "
        "there.",
    ),
    references=("RFC 4253 section 4.2", "RFC 6143 section 7.1.1", "RFC 8314 section 3"),
    evidence=_BANNER | {"answer": "what it said to the dialogue's words, escaped"},
    seen_as=SeenAs(
        chrome="ERR_SSL_PROTOCOL_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00010B:SSL routines::wrong version number",
        go="tls: first record does not look like a TLS handshake",
        java="javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        dotnet="Cannot determine the frame size or a corrupted frame was received.",
        server_log="sshd: banner exchange: ... invalid format",
    ),
    match=concluded(banners.OTHER, _other_protocol(banners.OTHER)),
)

STARTTLS_NEEDED: Final = CatalogueEntry(
    id="protocol.starttls_needed",
    title="TLS must be asked for in the protocol's own words first",
    why=(
        "The server greets in SMTP, FTP, POP3, IMAP, LDAP, a database's or another protocol that "
        "starts in the clear and changes to TLS on request (STARTTLS, AUTH TLS, SSLRequest). A "
        "ClientHello sent at once makes no sense to it. On a port meant for TLS from the first "
        "octet (465, 993, 995, 990) it means that TLS is not switched on there."
    ),
    not_this={
        "protocol.starttls_refused": "TLS was asked for in those words and refused",
        "protocol.other": "the protocol has no way to change to TLS, or another one's dialogue was "
        "held",
        "server.closed_after_hello": "no banner: some of these protocols wait for the client and "
        "hang up on a hello, so that only the dialogue tells",
    },
    proof="A banner or an answer of such a protocol; for those that say nothing first, the "
    "dialogue that then succeeds.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="use_starttls",
        text="Scan with --starttls {values}, or switch implicit TLS on for this port.",
    ),
    references=(
        "RFC 3207 section 4",
        "RFC 9051 section 6.2.1",
        "RFC 2595 section 4",
        "RFC 4217 section 4",
        "RFC 4511 section 4.14",
        "RFC 6120 section 5",
        "RFC 8314 section 3",
    ),
    evidence=_BANNER,
    seen_as=SeenAs(
        chrome="ERR_SSL_PROTOCOL_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00010B:SSL routines::wrong version number",
        go="tls: first record does not look like a TLS handshake",
        java="javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        dotnet="Cannot determine the frame size or a corrupted frame was received.",
        server_log="postfix/smtpd: improper command pipelining, or: non-SMTP command",
    ),
    match=concluded(banners.STARTTLS_NEEDED, _other_protocol(banners.STARTTLS_NEEDED)),
)

STARTTLS_REFUSED: Final = CatalogueEntry(
    id="protocol.starttls_refused",
    title="TLS was asked for in the protocol's own words and refused",
    why=(
        "The plain dialogue was held in the protocol's own words, and the server answered no, or "
        "does not list TLS among what it can do: TLS is not configured, is kept for other clients, "
        "or something on the path takes the offer out. A server that turns this client away "
        "before any question (a blocked address, too many connections) says so in its answer. "
        "Where the client speaks first, a close in place of the answer may mean the same."
    ),
    not_this={
        "protocol.starttls_needed": "nobody asked in the protocol's own words yet",
        "protocol.other": "what answered speaks another protocol than the dialogue's",
        "server.closed_on_accept": "the close came before anything was asked",
        "server.refused": "the dialogue succeeded and TLS itself was refused, with an alert",
    },
    proof="The server's own words in answer to the request, or the list of what it offers.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_starttls",
        text="Configure a certificate and STARTTLS on the server; if it does offer TLS from "
        "elsewhere, look for a device on the path that strips the offer.",
    ),
    references=("RFC 3207 section 4", "RFC 3207 section 6", "RFC 9051 section 6.2.1"),
    evidence={
        "starttls": "the dialogue's kind",
        "answer": "the server's no in its own words, escaped",
        "offers": "what the server offers where TLS is not among it, escaped",
        "ended_by": "fin or rst, where that was the answer",
        "port": "the port asked",
    },
    seen_as=SeenAs(
        openssl="Didn't find STARTTLS in server response, trying anyway...",
        java="javax.mail.MessagingException: STARTTLS is required but host does not support "
        "STARTTLS",
        dotnet="Server does not support secure connections.",
        server_log="postfix/smtp: TLS is required, but was not offered by host",
    ),
    match=concluded("protocol.starttls_refused", _starttls_refused),
)

GARBAGE: Final = CatalogueEntry(
    id="protocol.garbage",
    title="The answer is no TLS and no protocol known here",
    why=(
        "Octets came that are no TLS record and begin like no protocol in the table: a home-grown "
        "or industrial protocol, a broken proxy, memory sent by mistake."
    ),
    not_this={
        "protocol.other": "the octets begin like a known protocol",
        "server.protocol_violation": "the octets are TLS records with something wrong in them",
        "server.stalled": "too few octets came to tell what they are",
    },
    proof="The first octets.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="identify_service",
        text="Find out from the host which process listens there; the octets are in the evidence.",
    ),
    references=("RFC 8446 section 5.1",),
    evidence={
        "first_octets": "the first 64 octets, in hexadecimal",
        "text": "the same as text, escaped",
        "spoke_first": "whether the server spoke before anything was sent to it",
        "starttls": "the dialogue that was held before TLS, where there was one",
        "port": "the port asked",
    },
    seen_as=SeenAs(
        chrome="ERR_SSL_PROTOCOL_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00010B:SSL routines::wrong version number",
        go="tls: first record does not look like a TLS handshake",
        java="javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        dotnet="Cannot determine the frame size or a corrupted frame was received.",
    ),
    match=_garbage,
)

ENTRIES: Final = (PLAINTEXT_HTTP, OTHER, STARTTLS_NEEDED, STARTTLS_REFUSED, GARBAGE)

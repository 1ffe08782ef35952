"""What is not the target's doing: this machine, our own bugs, and what nobody can name."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    alert_text,
    code_point,
    errno_text,
    established,
    evidence,
    milliseconds,
    observed,
    parse_error_values,
    peer_text,
    suspected,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.text import printable
from fleetscan.vocabulary import EndedBy

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts

EXHAUSTED_ERRNOS: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EAGAIN,
    }
)
"""Descriptors, memory and ports of this machine, as connect(2) and socket(2) name them;
EAGAIN is a full table of ports or routes (no read or write ever ends a probe with it)."""

DENIED_ERRNOS: Final = frozenset({errno.EPERM, errno.EACCES})


def _exhausted(case: Case) -> Match | None:
    facts = case.facts
    if facts.errno not in EXHAUSTED_ERRNOS or _of_the_network(facts):
        return None
    return observed(evidence(errno=errno_text(facts.errno), stage=facts.stage.value))


def _denied(case: Case) -> Match | None:
    facts = case.facts
    if facts.errno not in DENIED_ERRNOS or _of_the_network(facts):
        return None
    return observed(evidence(errno=errno_text(facts.errno), stage=facts.stage.value))


def _of_the_network(facts: HandshakeFacts) -> bool:
    # Linux turns an ICMPv6 "administratively prohibited" into EACCES: with a message in the
    # error queue, or on a connection that stood, it was the network that said no. And what
    # came after a handshake that worked was not in its way.
    return facts.icmp is not None or facts.ended_by is EndedBy.ICMP or established(facts)


def _internal_error(case: Case) -> Match | None:
    if not case.internal_error:
        return None
    lines = [line for line in case.internal_error.splitlines() if line.strip()]
    places = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    return observed(
        evidence(
            error=printable(lines[-1] if lines else case.internal_error),
            place=printable(places[-1]) if places else "",
        )
    )


EXHAUSTED: Final = CatalogueEntry(
    id="local.exhausted",
    title="This machine ran out of descriptors, ports or memory",
    why=(
        "A system call failed here before anything reached the target: no file descriptor left "
        "(EMFILE, ENFILE), no free local port or no usable source address (EADDRNOTAVAIL, "
        "EADDRINUSE, EAGAIN), no buffer or memory (ENOBUFS, ENOMEM). The engine slows down and "
        "tries again; what remains says nothing about the target."
    ),
    not_this={
        "connect.timeout": "packets were sent and went unanswered",
        "local.denied": "this machine has the means and refuses by rule",
    },
    proof="The errno of the failing call, with no ICMP message behind it.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="raise_limits",
        text="Raise the limit that the errno names (ulimit -n, ip_local_port_range, tcp_mem) or "
        "lower --concurrency. EADDRNOTAVAIL to every IPv6 target means that this machine has no "
        "IPv6 address.",
    ),
    references=("POSIX.1-2017 connect()",),
    evidence={"errno": "the operating system's error", "stage": "the step under way"},
    seen_as=SeenAs(
        go="socket: too many open files, connect: cannot assign requested address",
        java="java.net.SocketException: Too many open files",
        dotnet="Too many open files",
        server_log="none: the target was never reached",
    ),
    match=_exhausted,
)

DENIED: Final = CatalogueEntry(
    id="local.denied",
    title="This machine refused to send",
    why=(
        "connect() or send() failed with EPERM or EACCES: a firewall rule, a security module or a "
        "sandbox on the scanning machine forbids the connection. Nothing is concluded about the "
        "target."
    ),
    not_this={
        "connect.unreachable": "a device on the network said no, in an ICMP message",
        "connect.refused": "the target said no, with a RST",
        "local.exhausted": "this machine would have sent but lacked the means",
    },
    proof="EPERM or EACCES with no ICMP message in the error queue.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="allow_locally",
        text="Allow the connection in this machine's own output rules (nftables, SELinux, "
        "container policy).",
    ),
    references=("POSIX.1-2017 connect()",),
    evidence={"errno": "the operating system's error", "stage": "the step under way"},
    seen_as=SeenAs(
        openssl="connect:errno=1, connect:errno=13",
        go="connect: operation not permitted, connect: permission denied",
        java="java.net.SocketException: Permission denied, Operation not permitted",
        dotnet="An attempt was made to access a socket in a way forbidden by its access "
        "permissions (Windows)",
        server_log="none: the target was never reached",
    ),
    match=_denied,
)

INTERNAL_ERROR: Final = CatalogueEntry(
    id="internal.error",
    title="fleetscan itself failed on this target",
    why=(
        "An exception that fleetscan did not expect ended the probe. That is a bug of ours, "
        "whatever the peer sent. The scan went on; nothing is concluded about the target."
    ),
    not_this={
        "server.protocol_violation": "the peer broke a rule and fleetscan noticed in good order",
        "unknown": "the probe ended in good order and its facts fit no cause",
    },
    proof="The traceback, kept in the run directory.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="report_bug",
        text="Report it with the traceback and this result; scan the target again.",
    ),
    references=("SECURITY.md",),
    evidence={
        "error": "the last line of the traceback",
        "place": "file and line where it was raised",
    },
    match=_internal_error,
)


def unknown_match(case: Case) -> Match:
    """Every fact of a handshake that failed for no reason in the catalogue."""
    facts = case.facts
    icmp = facts.icmp
    return suspected(
        evidence(
            **parse_error_values(facts.parse_error),
            stage=facts.stage.value,
            ended_by=facts.ended_by.value if facts.ended_by else "",
            errno=errno_text(facts.errno),
            icmp=f"{icmp.type}/{icmp.code} from {icmp.offender}" if icmp else "",
            history=facts.history,
            octets=facts.octets_received,
            first_octets=facts.first_octets[:64].hex(),
            is_tls=facts.is_tls.value,
            starttls=facts.starttls,
            alert=alert_text(facts.alert),
            alert_origin=facts.alert.origin.value if facts.alert else "",
            violation=peer_text(facts.violation),
            version=code_point(facts.version),
            cipher_suite=code_point(facts.cipher_suite),
            group=code_point(facts.group),
            signature_scheme=code_point(facts.signature_scheme),
            alpn=peer_text(facts.alpn),
            certificates=facts.certificates_sent or None,
            key_proof=facts.key_proof.value,
            client_certificate_requested="yes" if facts.client_certificate_requested else "no",
            completed="yes" if facts.completed else "no",
            elapsed_ms=milliseconds(facts.timings.total),
        ),
        alternatives=(),
        missing="a cause in the catalogue for these facts: please report them",
    )


UNKNOWN: Final = CatalogueEntry(
    id="unknown",
    title="The handshake failed for a reason that is not in the catalogue",
    why=(
        "The handshake did not come to its end and no cause fits what was seen. Every fact is "
        "kept in the evidence, so that the missing cause can be written."
    ),
    not_this={
        "internal.error": "fleetscan itself failed; here the probe ended in good order",
        "server.refused": "the server refused with an alert",
    },
    proof="Nothing does: it is what is left when no cause of the catalogue holds.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="report_facts",
        text="Report this result: it shows a cause that the catalogue does not have yet.",
    ),
    references=("CONTRIBUTING.md",),
    evidence={
        "stage": "the step under way at the end",
        "ended_by": "who ended it",
        "errno": "the operating system's error",
        "icmp": "ICMP type/code and sender",
        "history": "messages as letters, ours in upper case",
        "octets": "octets received",
        "first_octets": "the first 64 of them, in hexadecimal",
        "is_tls": "whether they are TLS",
        "starttls": "the dialogue before TLS",
        "alert": "the alert, by name and number",
        "alert_origin": "whose alert it was: peer or local",
        "violation": "the rule of TLS that was broken",
        "fault": "the parser's rule that was broken",
        "field": "the field being read",
        "offset": "octets from the start of the message",
        "version": "negotiated version, code point",
        "cipher_suite": "negotiated suite, code point",
        "group": "negotiated group, code point",
        "signature_scheme": "signature scheme, code point",
        "alpn": "negotiated application protocol",
        "certificates": "how many certificates were sent",
        "key_proof": "whether the server proved that it holds the key",
        "client_certificate_requested": "whether the server asked for a client certificate",
        "completed": "whether both Finished messages were exchanged",
        "elapsed_ms": "milliseconds in all",
    },
)

FIRST_ENTRIES: Final = (INTERNAL_ERROR, EXHAUSTED, DENIED)
LAST_ENTRIES: Final = (UNKNOWN,)

"""The address was known and no TCP connection came of it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    errno_text,
    established,
    evidence,
    milliseconds,
    observed,
    peer_text,
    reset_once_connected,
    suspected,
)
from fleetscan.causes.local import DENIED_ERRNOS, EXHAUSTED_ERRNOS
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.vocabulary import EndedBy, IcmpError, Stage

if TYPE_CHECKING:
    from fleetscan.causes.model import Case

_TOLD_ELSEWHERE: Final = (
    frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT})
    | EXHAUSTED_ERRNOS
    | DENIED_ERRNOS
)


def _severity(case: Case) -> Severity | None:
    # Most addresses of a range are dark, and nobody promised a service there.
    return None if case.listed else Severity.LOW


def _connecting(case: Case) -> bool:
    # What is connected to is the proxy, where there is one.
    facts = case.facts
    return facts.stage is Stage.CONNECT and not (facts.proxy or established(facts))


def _refused(case: Case) -> Match | None:
    facts = case.facts
    if not _connecting(case) or facts.icmp is not None:
        return None
    if reset_once_connected(facts):
        return None
    if facts.errno != errno.ECONNREFUSED and facts.ended_by is not EndedBy.RST:
        return None
    return observed(
        evidence(errno=errno_text(facts.errno), elapsed_ms=milliseconds(facts.timings.total)),
        severity=_severity(case),
    )


def _timeout(case: Case) -> Match | None:
    facts = case.facts
    if not _connecting(case) or facts.icmp is not None:
        return None
    if facts.errno != errno.ETIMEDOUT and facts.ended_by is not EndedBy.TIMEOUT:
        return None
    return observed(
        evidence(errno=errno_text(facts.errno), elapsed_ms=milliseconds(facts.timings.total)),
        severity=_severity(case),
    )


def _unreachable(case: Case) -> Match | None:
    facts = case.facts
    if facts.proxy:  # the message is from the way to the proxy
        return None
    if established(facts):  # a message that TCP outlived (RFC 1122 section 4.2.3.9)
        return None
    if facts.icmp is not None:
        return observed(
            evidence(
                **_icmp_values(facts.icmp),
                errno=errno_text(facts.errno),
                stage=facts.stage.value,
            ),
            severity=_severity(case),
        )
    after_icmp = facts.ended_by is EndedBy.ICMP
    if not after_icmp and not (_connecting(case) and _other_errno(facts.errno)):
        return None
    return suspected(
        evidence(errno=errno_text(facts.errno), stage=facts.stage.value),
        alternatives=() if after_icmp else ("local.denied",),
        missing="the ICMP message behind the error; with none, this machine's own routing table",
        severity=_severity(case),
    )


def _other_errno(number: int | None) -> bool:
    return number is not None and number not in _TOLD_ELSEWHERE


def _icmp_values(icmp: IcmpError | None) -> dict[str, str]:
    if icmp is None:
        return {}
    return {
        "icmp_type": str(icmp.type),
        "icmp_code": str(icmp.code),
        "icmp_meaning": icmp_meaning(icmp),
        "offender": peer_text(icmp.offender),
    }


_ICMP4: Final = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "communication administratively prohibited",
    (11, 0): "time to live exceeded in transit",
}
"""RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1."""

_ICMP6: Final = {
    (1, 0): "no route to destination",
    (1, 1): "administratively prohibited",
    (1, 2): "beyond scope of source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed policy",
    (1, 6): "reject route to destination",
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded in transit",
}
"""RFC 4443 sections 3.1 to 3.3."""


def icmp_meaning(icmp: IcmpError) -> str:
    """What type and code say, `""` for a pair that is in no RFC read here."""
    # IPv6 addresses have a colon and IPv4 ones do not; the numbers of the address
    # families differ between systems, so they are not looked at.
    table = _ICMP6 if ":" in icmp.offender else _ICMP4
    return table.get((icmp.type, icmp.code), "")


_REMEDY_REFUSED: Final = Remedy(
    id="start_service",
    text="Start the service, correct the port in the inventory, or open the port on the host's "
    "firewall where it answers with a reset.",
)

REFUSED: Final = CatalogueEntry(
    id="connect.refused",
    title="Nothing listens on the port: the connection was refused",
    why=(
        "The SYN was answered with a RST. The host is up and reachable and no process listens on "
        "this port, or a firewall close to it is set to reject with a reset."
    ),
    not_this={
        "connect.unreachable": "an ICMP message came back; both end as the same errno, only the "
        "socket's error queue tells them apart",
        "connect.timeout": "nothing came back",
        "server.reset_after_hello": "the connection stood and was reset after the hello",
    },
    proof="ECONNREFUSED with no ICMP message in the socket's error queue.",
    severity=Severity.MEDIUM,
    remedy=_REMEDY_REFUSED,
    references=("RFC 9293 section 3.5.2",),
    evidence={
        "errno": "the operating system's error",
        "elapsed_ms": "milliseconds until the refusal",
    },
    seen_as=SeenAs(
        chrome="ERR_CONNECTION_REFUSED",
        firefox="Unable to connect (connectionFailure)",
        safari="Safari can't connect to the server.",
        edge="ERR_CONNECTION_REFUSED",
        openssl="connect:errno=111",
        go="connect: connection refused",
        java="java.net.ConnectException: Connection refused",
        dotnet="Connection refused; on Windows: No connection could be made because the target "
        "machine actively refused it",
    ),
    match=_refused,
)

TIMEOUT: Final = CatalogueEntry(
    id="connect.timeout",
    title="The address does not answer",
    why=(
        "The SYN and its repeats went unanswered until the deadline of the connect stage. Nothing "
        "has this address, the host is down, or a firewall drops the packets without a word."
    ),
    not_this={
        "connect.refused": "a RST came back: something is there",
        "connect.unreachable": "an ICMP message came back",
        "server.silent_after_hello": "the connection stands; it is the hello that goes unanswered",
    },
    proof="The deadline of the connect stage passed with nothing received.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="check_reachability",
        text="Check that the host is up and that a firewall rule allows this machine to the port.",
    ),
    references=("RFC 9293 section 3.8.3",),
    evidence={
        "errno": "the operating system's error, where it gave up before the deadline",
        "elapsed_ms": "milliseconds waited",
    },
    seen_as=SeenAs(
        chrome="ERR_CONNECTION_TIMED_OUT",
        firefox="The connection has timed out (netTimeout)",
        safari="Safari can't open the page because the server where this page is located isn't "
        "responding.",
        edge="ERR_CONNECTION_TIMED_OUT",
        openssl="connect:errno=110",
        go="i/o timeout, connect: connection timed out",
        java="java.net.SocketTimeoutException: Connect timed out",
        dotnet="A connection attempt failed because the connected party did not properly respond "
        "after a period of time",
    ),
    match=_timeout,
)

UNREACHABLE: Final = CatalogueEntry(
    id="connect.unreachable",
    title="The network says that the address cannot be reached",
    why=(
        "A router, a firewall or the host itself sent an ICMP message: no route, host unreachable, "
        "port unreachable, or administratively prohibited. The sender of the message is evidence, "
        "since it tells which device decided. An address of the scanning machine itself as sender "
        "means that no neighbour on its own network answered for the address (ARP, neighbour "
        "discovery)."
    ),
    not_this={
        "connect.refused": "a RST of TCP, not an ICMP message; an ICMP port unreachable gives the "
        "same ECONNREFUSED",
        "connect.timeout": "no message of any kind came back",
        "local.denied": "this machine refused to send at all",
    },
    proof="ICMP type, code and sender from the socket's error queue; from the errno alone it is "
    "suspected. The system keeps no message for a connection that was made already.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="fix_route",
        text="Look at the device that sent the message: add the route or the firewall rule there.",
    ),
    references=(
        "RFC 4443 section 3.1",
        "RFC 1122 section 4.2.3.9",
        "RFC 1812 section 5.2.7.1",
    ),
    evidence={
        "icmp_type": "ICMP type",
        "icmp_code": "ICMP code",
        "icmp_meaning": "what type and code stand for",
        "offender": "address of the device that sent the message",
        "errno": "the operating system's error",
        "stage": "the step under way when the message came",
    },
    seen_as=SeenAs(
        chrome="ERR_ADDRESS_UNREACHABLE",
        firefox="Unable to connect (connectionFailure)",
        safari="Safari can't connect to the server.",
        edge="ERR_ADDRESS_UNREACHABLE",
        openssl="connect:errno=113",
        go="connect: no route to host, connect: network is unreachable",
        java="java.net.NoRouteToHostException: No route to host",
        dotnet="No route to host; on Windows: A socket operation was attempted to an unreachable "
        "host",
    ),
    match=_unreachable,
)

ENTRIES: Final = (REFUSED, TIMEOUT, UNREACHABLE)

"""How a connection ended without an alert that explains it: by stage and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.alerts import empty_certificate_sent, peer_alert
from fleetscan.causes.evidence import (
    alert_text,
    errno_text,
    established,
    evidence,
    hello_sent,
    milliseconds,
    observed,
    peer_text,
    reset_once_connected,
    server_spoke_tls,
    suspected,
)
from fleetscan.causes.model import Match
from fleetscan.vocabulary import (
    CLIENT_SPEAKS_FIRST,
    STARTTLS_PORTS,
    Checked,
    EndedBy,
    Stage,
)

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts

BEFORE_THE_TARGET: Final = frozenset({Stage.RESOLVE, Stage.CONNECT, Stage.PROXY})

SMALL_HELLO: Final = 256
"""Octets: hellos up to this size are not known to trouble anyone (RFC 7685 section 1)."""


def closing(facts: HandshakeFacts) -> EndedBy | None:
    """Who let an unfinished handshake end, None when something else already explains it.

    A close_notify or user_canceled of the peer's counts as its FIN (RFC 8446 section 6.1).
    """
    if facts.stage in BEFORE_THE_TARGET or established(facts):
        return None
    if facts.is_tls is Checked.NO or facts.starttls_refusal or facts.icmp is not None:
        return None
    if peer_alert(facts) is not None or facts.violation or facts.parse_error is not None:
        return None
    return None if facts.ended_by is None else _PEER_ENDINGS.get(facts.ended_by)


# An alert that is left here is one that says goodbye: every other stands in `peer_alert`.
_PEER_ENDINGS: Final = {
    EndedBy.FIN: EndedBy.FIN,
    EndedBy.RST: EndedBy.RST,
    EndedBy.TIMEOUT: EndedBy.TIMEOUT,
    EndedBy.ALERT: EndedBy.FIN,
}


def answer_begun(facts: HandshakeFacts) -> bool:
    """Whether anything of an answer came: a handshake message, or octets that are no alert.

    Where a plain dialogue agreed to TLS, its octets are no answer to the hello.
    """
    answered = facts.octets_received > facts.starttls_octets
    return server_spoke_tls(facts) or (answered and facts.alert is None)


def ending_evidence(case: Case) -> dict[str, str]:
    """What every ending carries."""
    facts = case.facts
    return evidence(
        stage=facts.stage.value,
        ended_by=facts.ended_by.value if facts.ended_by else "",
        errno=errno_text(facts.errno),
        alert=alert_text(facts.alert),
        octets=facts.octets_received,
        elapsed_ms=milliseconds(facts.timings.total),
        hello_octets=facts.offer.octets if facts.offer else None,
        server_name=peer_text(facts.offer.server_name) if facts.offer else "",
    )


ENDING_EVIDENCE: Final = {
    "stage": "the step under way at the end",
    "ended_by": "fin, rst, alert (a close_notify) or timeout",
    "errno": "the operating system's error",
    "alert": "the alert that was sent last, where there was one",
    "octets": "octets received",
    "elapsed_ms": "milliseconds from the first packet to the end",
    "hello_octets": "size of the hello",
    "server_name": "the name that was sent in the hello",
}


def _unanswered_alternatives(case: Case, first: tuple[str, ...]) -> tuple[str, ...]:
    """What else a hello that gets no TLS answer can mean, likeliest first."""
    offer = case.facts.offer
    named = offer is not None and offer.server_name
    by_name = ("interference.name_filter", "name.unrecognized") if named else ("name.required",)
    large = offer is not None and offer.octets > SMALL_HELLO
    by_size = ("server.large_hello_intolerant",) if large else ()
    # Some proxies open the tunnel before they know whether they reach the target.
    by_proxy = ("interference.proxy_refused",) if case.facts.proxy else ()
    by_port = ("protocol.starttls_needed",) if _asks_for_dialogue(case) else ()
    return (
        *by_proxy,
        *by_port,
        *by_name,
        "interference.hello_filter",
        *first,
        "version.intolerant",
        *by_size,
        "server.extension_intolerant",
        "server.intermittent",
    )


def _asks_for_dialogue(case: Case) -> bool:
    return case.facts.starttls == "none" and case.port in STARTTLS_PORTS


UNANSWERED_MISSING: Final = (
    "the same hello again, without a name, with a control name, smaller, and for older versions"
)


def unanswered(case: Case, ended_by: EndedBy, alternatives: tuple[str, ...]) -> Match | None:
    """The match for a hello that was answered by nothing but `ended_by`."""
    facts = case.facts
    if closing(facts) is not ended_by or not hello_sent(facts) or answer_begun(facts):
        return None
    return suspected(
        ending_evidence(case),
        alternatives=_unanswered_alternatives(case, alternatives),
        missing=UNANSWERED_MISSING,
    )


def closed_on_accept(case: Case) -> Match | None:
    """Ended before a word could be said, and nothing was received."""
    facts = case.facts
    if reset_once_connected(facts) and not facts.proxy and facts.icmp is None:
        return observed(ending_evidence(case))
    if closing(facts) not in {EndedBy.FIN, EndedBy.RST}:
        return None
    if hello_sent(facts) or answer_begun(facts) or facts.starttls in CLIENT_SPEAKS_FIRST:
        return None
    if facts.proxy:
        return suspected(
            ending_evidence(case),
            alternatives=("interference.proxy_refused",),
            missing="the same target asked without the proxy",
        )
    return observed(ending_evidence(case))


def closed_on_request(case: Case) -> Match | None:
    """Ended by the peer after a request for TLS in plain words, and nothing was received."""
    facts = case.facts
    if closing(facts) not in {EndedBy.FIN, EndedBy.RST}:
        return None
    if hello_sent(facts) or answer_begun(facts) or facts.starttls not in CLIENT_SPEAKS_FIRST:
        return None
    return suspected(
        evidence(
            starttls=facts.starttls,
            ended_by=facts.ended_by.value if facts.ended_by else "",
            port=case.port,
        ),
        alternatives=("protocol.other", "server.closed_on_accept", "server.intermittent"),
        missing="a hello without the dialogue, and the same dialogue again",
    )


def stalled(case: Case) -> Match | None:
    """The answer began and did not come to its end."""
    facts = case.facts
    ended_by = closing(facts)
    if ended_by is None:
        return None
    waited_for_greeting = not hello_sent(facts) and ended_by is EndedBy.TIMEOUT
    if not answer_begun(facts) and not waited_for_greeting:
        return None
    alternatives: tuple[str, ...] = ("server.intermittent",)
    missing = "the same hello again"
    if empty_certificate_sent(facts):
        alternatives = ("client_auth.required", *alternatives)
    elif not hello_sent(facts):
        missing = "the same dialogue again"
        if not answer_begun(facts):
            # Whoever speaks TLS from the first octet waits for a hello, and hears none.
            alternatives = ("protocol.other", *alternatives)
            missing = "a hello without the dialogue, and the same dialogue again"
    return observed(
        ending_evidence(case) | evidence(starttls=_dialogue_of(facts), history=facts.history),
        alternatives=alternatives,
        missing=missing,
    )


def _dialogue_of(facts: HandshakeFacts) -> str:
    return "" if facts.starttls == "none" else facts.starttls

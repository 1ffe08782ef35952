"""What the proxy said, or did, when it was asked for a tunnel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fleetscan.causes.connect import icmp_meaning
from fleetscan.causes.evidence import (
    errno_text,
    escaped_text,
    established,
    evidence,
    milliseconds,
    observed,
    peer_text,
    suspected,
)
from fleetscan.causes.model import Severity
from fleetscan.tls.proxies.address import SOCKS5, bracketed
from fleetscan.tls.proxies.socks5 import AUTHENTICATION, METHOD, NO_ACCEPTABLE_METHODS, REQUEST
from fleetscan.vocabulary import EndedBy, Stage

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Match
    from fleetscan.facts import HandshakeFacts
    from fleetscan.vocabulary import ProxyAnswer

_REFUSED: Final = "connect.refused"
_TIMEOUT: Final = "connect.timeout"
_UNREACHABLE: Final = "connect.unreachable"
_ANY: Final = (_REFUSED, _TIMEOUT, _UNREACHABLE)

# -- what an answer may say of the target ------------------------------------------------
#
# It is hearsay in every case: the cause stays the proxy's refusal, and what it says of the
# target is named beside it. What is in none of these tables is about the proxy alone.

_OF_HTTP_STATUS: Final = {500: _ANY, 502: _ANY, 503: _ANY, 504: (_TIMEOUT,)}
"""RFC 9110 sections 15.6.3 and 15.6.5. 500 and 503 are what some proxies say for the same,
and others when they are in trouble themselves."""

_OF_PROXY_ERROR: Final = {
    "dns_timeout": ("resolve.timeout",),
    "dns_error": ("resolve.not_found", "resolve.failed"),
    "destination_not_found": ("resolve.not_found",),
    "destination_unavailable": _ANY,
    "destination_ip_unroutable": (_UNREACHABLE,),
    "connection_refused": (_REFUSED,),
    "connection_timeout": (_TIMEOUT,),
}
"""The error types of RFC 9209 section 2.3 that speak of a connection that did not come about."""

_OF_SOCKS_REPLY: Final = {
    1: _ANY,
    3: (_UNREACHABLE,),
    4: (_UNREACHABLE, _TIMEOUT),
    5: (_REFUSED,),
    6: (_UNREACHABLE, _TIMEOUT),
}
"""RFC 1928 section 6. Many say 1, 4 or 6 for a connection that timed out, which has no code."""

_SOCKS_REPLIES: Final = {
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928 section 6."""

_PROXY_ERROR: Final = re.compile(r"(?:^|[;,])\s*error\s*=\s*\"?([a-z_]+)")

_MISSING: Final = "the proxy's own log, or the same target asked from where the proxy stands"


def proxy_refused(case: Case) -> Match | None:
    """The tunnel did not come about, or the connection to the proxy was lost on the network."""
    facts = case.facts
    if not facts.proxy or established(facts):
        return None
    # ICMP about this connection is from the way to the proxy, at any stage.
    lost = facts.icmp is not None or facts.ended_by is EndedBy.ICMP
    if facts.stage is Stage.CONNECT or lost:
        return observed(_unreached(facts), remedy_values=(_place(case),))
    if facts.stage is not Stage.PROXY:
        return None
    answer = facts.proxy_answer
    if answer is None or (answer.code is None and not answer.words):
        return _unanswered(case)
    alternatives = _alternatives(case, answer)
    return observed(
        _answered(facts, answer),
        alternatives=alternatives,
        missing=_MISSING if alternatives else "",
        remedy_values=(_place(case),),
        severity=_severity(case) if alternatives else None,
    )


def _unanswered(case: Case) -> Match:
    """It took the connection and ended it, or us, without a word.

    Some proxies say nothing while, or when, they cannot reach the target.
    """
    facts = case.facts
    step = facts.proxy_answer.step if facts.proxy_answer is not None else ""
    found = _unreached(facts) | evidence(step=step)
    if step in (METHOD, AUTHENTICATION):  # the target was not spoken of yet
        return observed(found, remedy_values=(_place(case),))
    return suspected(
        found,
        alternatives=_with_names(case, _ANY),
        missing=_MISSING,
        remedy_values=(_place(case),),
        severity=_severity(case),
    )


def _unreached(facts: HandshakeFacts) -> dict[str, str]:
    """How the connection to the proxy ended."""
    icmp = facts.icmp
    return evidence(
        proxy=facts.proxy,
        stage=facts.stage.value,
        ended_by=facts.ended_by.value if facts.ended_by else "",
        errno=errno_text(facts.errno),
        icmp=f"{icmp_meaning(icmp) or f'{icmp.type}/{icmp.code}'} from {peer_text(icmp.offender)}"
        if icmp
        else "",
        elapsed_ms=milliseconds(facts.timings.total),
    )


def _answered(facts: HandshakeFacts, answer: ProxyAnswer) -> dict[str, str]:
    words = answer.words
    if not words and _is_socks(facts):
        words = _socks_words(answer)
    return evidence(
        proxy=facts.proxy,
        stage=facts.stage.value,
        step=answer.step,
        status=answer.code,
        reason=escaped_text(words),
        detail=escaped_text(answer.detail),
    )


def _socks_words(answer: ProxyAnswer) -> str:
    if answer.step == REQUEST:
        return _SOCKS_REPLIES.get(answer.code or 0, "")
    if answer.step == AUTHENTICATION:
        return "user name or password refused"
    if answer.code == NO_ACCEPTABLE_METHODS:
        return "no acceptable authentication method"
    return "an authentication method that was not offered"


def _alternatives(case: Case, answer: ProxyAnswer) -> tuple[str, ...]:
    """What the answer says of the target, as ids of the causes that it would be directly."""
    if answer.code is None or answer.step != REQUEST:
        return ()
    if _is_socks(case.facts):
        return _with_names(case, _OF_SOCKS_REPLY.get(answer.code, ()))
    said = _PROXY_ERROR.search(answer.detail)
    if said is not None and answer.code in _OF_HTTP_STATUS:
        return _OF_PROXY_ERROR.get(said[1], ())
    return _with_names(case, _OF_HTTP_STATUS.get(answer.code, ()))


def _with_names(case: Case, causes: tuple[str, ...]) -> tuple[str, ...]:
    """The proxy resolved the name itself, and has no word of its own for a failure of that."""
    if not causes or case.address:
        return causes
    return (*causes, "resolve.not_found")


def _severity(case: Case) -> Severity:
    """As grave as it would be told directly."""
    return Severity.MEDIUM if case.listed else Severity.LOW


def _is_socks(facts: HandshakeFacts) -> bool:
    return facts.proxy.startswith(f"{SOCKS5}:")


def _place(case: Case) -> str:
    host = case.address or case.reference_name
    return f"{bracketed(host)}:{case.port}" if host else f"port {case.port}"

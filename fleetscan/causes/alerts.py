"""What one alert of the peer's may be said to mean, as data: one alert, one cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    TLS10,
    TLS13,
    alert_text,
    established,
    evidence,
    failure_alert,
    observed,
    peer_text,
    server_spoke_tls,
    suspected,
)
from fleetscan.causes.model import Confidence, Match
from fleetscan.registry import alerts as registry
from fleetscan.vocabulary import Alert, EndedBy, Origin

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Matcher
    from fleetscan.facts import HandshakeFacts

WARNING: Final = 1
"""AlertLevel.warning (RFC 5246 section 7.2); TLS 1.3 ignores the level."""

ALERT_EVIDENCE: Final = {
    "alert": "the alert that the peer sent, by name and number",
    "alert_level": "`warning` when the peer did not call it fatal",
    "stage": "the step under way when it came",
    "server_name": "the name that was sent in the hello",
}
"""Keys that every cause told by an alert may carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What one probe may conclude from one alert.

    Args:
        cause: the id it stands for.
        confidence: `observed` where the alert names the cause, `suspected` where it does not.
        alternatives: the other causes that send the same alert.
        missing: what would settle it.
    """

    cause: str
    confidence: Confidence = Confidence.OBSERVED
    alternatives: tuple[str, ...] = ()
    missing: str = ""


def _suspect(cause: str, alternatives: tuple[str, ...], missing: str) -> AlertRule:
    return AlertRule(
        cause=cause,
        confidence=Confidence.SUSPECTED,
        alternatives=alternatives,
        missing=missing,
    )


PARAMETERS: Final = (
    "cipher.none_in_common",
    "cipher.insecure_only",
    "key_exchange.no_common_group",
    "signature.no_common_scheme",
    "version.too_old",
)
"""What a server that found no common parameters may have missed (RFC 8446 section 4.1.1)."""

INTOLERANCE: Final = (
    "version.intolerant",
    "server.extension_intolerant",
    "server.large_hello_intolerant",
)
"""What a server that could not read the hello may have stumbled over."""

BROADER: Final = "a hello that offers more, and the same hello with one thing changed"
SMALLER: Final = "a smaller hello, and one without the extensions it does not know"

_INTOLERANT: Final = _suspect("server.refused", INTOLERANCE, SMALLER)
_NO_CERTIFICATE_LIKED: Final = _suspect(
    "client_auth.required",
    ("server.refused",),
    "the same hello with a client certificate",
)
_ABOUT_CERTIFICATE: Final = _suspect(
    "server.refused",
    ("client_auth.required",),
    "the same hello with a client certificate",
)

ALERT_RULES: Final[dict[int, AlertRule]] = {
    registry.UNEXPECTED_MESSAGE: _INTOLERANT,
    registry.BAD_RECORD_MAC: _INTOLERANT,
    registry.DECRYPTION_FAILED: _INTOLERANT,
    registry.RECORD_OVERFLOW: _INTOLERANT,
    registry.DECOMPRESSION_FAILURE: _INTOLERANT,
    registry.HANDSHAKE_FAILURE: _suspect(
        "server.refused",
        (*PARAMETERS, "name.unrecognized"),
        f"{BROADER}, the name among them",
    ),
    registry.NO_CERTIFICATE: _ABOUT_CERTIFICATE,
    registry.BAD_CERTIFICATE: _ABOUT_CERTIFICATE,
    registry.UNSUPPORTED_CERTIFICATE: _ABOUT_CERTIFICATE,
    registry.CERTIFICATE_REVOKED: _ABOUT_CERTIFICATE,
    registry.CERTIFICATE_EXPIRED: _ABOUT_CERTIFICATE,
    registry.CERTIFICATE_UNKNOWN: _ABOUT_CERTIFICATE,
    registry.ILLEGAL_PARAMETER: _INTOLERANT,
    registry.UNKNOWN_CA: _ABOUT_CERTIFICATE,
    registry.ACCESS_DENIED: AlertRule(cause="server.access_denied"),
    registry.DECODE_ERROR: _INTOLERANT,
    registry.DECRYPT_ERROR: _INTOLERANT,
    registry.EXPORT_RESTRICTION: _suspect("server.refused", ("cipher.insecure_only",), BROADER),
    registry.PROTOCOL_VERSION: _suspect(
        "version.too_old",
        ("version.too_new", "version.intolerant"),
        "an older hello that is answered",
    ),
    registry.INSUFFICIENT_SECURITY: AlertRule(cause="cipher.insufficient_security"),
    registry.INTERNAL_ERROR: AlertRule(
        cause="server.internal_error",
        alternatives=("name.unrecognized", *INTOLERANCE),
        missing="the same hello with another name, without one, and smaller",
    ),
    registry.INAPPROPRIATE_FALLBACK: AlertRule(cause="version.fallback_refused"),
    registry.MISSING_EXTENSION: _suspect("server.refused", PARAMETERS, BROADER),
    registry.UNSUPPORTED_EXTENSION: _INTOLERANT,
    registry.CERTIFICATE_UNOBTAINABLE: _INTOLERANT,
    registry.UNRECOGNIZED_NAME: AlertRule(cause="name.unrecognized"),
    registry.BAD_CERTIFICATE_STATUS_RESPONSE: _INTOLERANT,
    registry.BAD_CERTIFICATE_HASH_VALUE: _INTOLERANT,
    registry.UNKNOWN_PSK_IDENTITY: _suspect("server.refused", ("cipher.none_in_common",), BROADER),
    registry.CERTIFICATE_REQUIRED: AlertRule(cause="client_auth.required"),
    registry.NO_APPLICATION_PROTOCOL: AlertRule(cause="alpn.none_in_common"),
    registry.ECH_REQUIRED: _suspect(
        "server.refused", ("server.extension_intolerant",), "a hello that offers ECH"
    ),
}
"""Every alert that a TLS 1.0 to 1.3 server can end a handshake with."""

UNREGISTERED: Final = _suspect("server.refused", INTOLERANCE, SMALLER)
"""For alert numbers that no registry names."""

_WITH_A_NAME: Final = "the same hello with a name"

NO_NAME_RULES: Final[dict[int, AlertRule]] = {
    registry.UNRECOGNIZED_NAME: _suspect("name.required", ("server.refused",), _WITH_A_NAME),
    registry.MISSING_EXTENSION: _suspect("name.required", ("server.refused",), _WITH_A_NAME),
    registry.HANDSHAKE_FAILURE: _suspect(
        "server.refused", ("name.required", *PARAMETERS), f"{_WITH_A_NAME}, and {BROADER}"
    ),
    registry.INTERNAL_ERROR: AlertRule(
        cause="server.internal_error",
        alternatives=("name.required", *INTOLERANCE),
        missing=f"{_WITH_A_NAME}, and a smaller one",
    ),
}
"""What changes when the hello carried no server_name (RFC 8446 section 9.2)."""

CLIENT_CERTIFICATE_ALERTS: Final = frozenset(
    {
        registry.BAD_CERTIFICATE,
        registry.UNSUPPORTED_CERTIFICATE,
        registry.CERTIFICATE_REVOKED,
        registry.CERTIFICATE_EXPIRED,
        registry.CERTIFICATE_UNKNOWN,
        registry.ILLEGAL_PARAMETER,
        registry.UNKNOWN_CA,
        registry.CERTIFICATE_REQUIRED,
    }
)
"""Alerts 42 to 48 and 116 after a certificate of ours (RFC 8446 section 6.2)."""

ABOUT_CERTIFICATE_ALERTS: Final = CLIENT_CERTIFICATE_ALERTS - {registry.ILLEGAL_PARAMETER}
"""Those of them that speak of a certificate; the client has shown none but an empty list."""

EMPTY_CERTIFICATE_ALERTS: Final = frozenset(
    {
        registry.HANDSHAKE_FAILURE,
        registry.NO_CERTIFICATE,
        registry.BAD_CERTIFICATE,
        registry.DECODE_ERROR,
        registry.CERTIFICATE_REQUIRED,
    }
)
"""How stacks say that an empty client Certificate does not do: RFC 8446 section 4.4.2.4
names certificate_required, RFC 5246 section 7.4.6 handshake_failure; bad_certificate,
no_certificate (SSL 3.0) and decode_error are met as well."""


def peer_alert(facts: HandshakeFacts) -> Alert | None:
    """The alert of the peer's that stands against this handshake."""
    alert = failure_alert(facts)
    if alert is None or alert.origin is not Origin.PEER or established(facts):
        return None
    return alert


def empty_certificate_sent(facts: HandshakeFacts) -> bool:
    """Whether a CertificateRequest was answered with no certificate.

    `X` is our Certificate message in the history; without it the server cannot yet
    have held the lack of one against us.
    """
    return (
        facts.client_certificate_requested
        and not facts.client_certificate_sent
        and ("X" in facts.history or facts.completed)
    )


def rule_for(alert: Alert, facts: HandshakeFacts) -> AlertRule:
    """The one rule that an alert of the peer's falls under, given what went before it."""
    code = alert.description
    if facts.client_certificate_sent and code in CLIENT_CERTIFICATE_ALERTS:
        return AlertRule(cause="client_auth.refused")
    if empty_certificate_sent(facts) and code in EMPTY_CERTIFICATE_ALERTS:
        return AlertRule(cause="client_auth.required")
    if empty_certificate_sent(facts) and code in ABOUT_CERTIFICATE_ALERTS:
        return _NO_CERTIFICATE_LIKED
    named = facts.offer is None or bool(facts.offer.server_name)
    rule = None if named else NO_NAME_RULES.get(code)
    if rule is None:
        rule = _possible(ALERT_RULES.get(code, UNREGISTERED), facts)
    return _after_server_hello(rule, facts) if server_spoke_tls(facts) else rule


def _possible(rule: AlertRule, facts: HandshakeFacts) -> AlertRule:
    offered = () if facts.offer is None else facts.offer.versions
    if rule.cause == "version.too_old" and TLS10 in offered and TLS13 not in offered:
        # Every version from TLS 1.0 on but the newest was offered: what a server then misses
        # is that one, or it is older than all of them.
        return _suspect("version.too_new", ("version.too_old",), "a hello that offers TLS 1.3")
    # No server is newer than the newest version that there is.
    if TLS13 not in offered:
        return rule
    return replace(
        rule, alternatives=tuple(each for each in rule.alternatives if each != "version.too_new")
    )


def _after_server_hello(rule: AlertRule, facts: HandshakeFacts) -> AlertRule:
    # Once a ServerHello came, versions, suites and the name were agreed on: what is
    # left to be refused is the client's certificate, or the handshake's own arithmetic.
    if rule.cause != "server.refused":
        return rule
    alternatives = ("client_auth.required",) if facts.client_certificate_requested else ()
    return _suspect("server.refused", alternatives, "the server's own log")


def alert_evidence(alert: Alert, facts: HandshakeFacts) -> dict[str, str]:
    """The keys of `ALERT_EVIDENCE`."""
    return evidence(
        alert=alert_text(alert),
        alert_level="warning" if alert.level == WARNING else "",
        stage=facts.stage.value,
        server_name=peer_text(facts.offer.server_name) if facts.offer else "",
    )


def alert_matcher(
    cause: str, values: Callable[[Case], tuple[str, ...]] = lambda _case: ()
) -> Matcher:
    """A matcher for the cause `cause` that holds when the peer's alert falls under it.

    Args:
        cause: the id.
        values: gives the concrete values of the remedy.
    """

    def match(case: Case) -> Match | None:
        alert = peer_alert(case.facts)
        if alert is None:
            return None
        rule = rule_for(alert, case.facts)
        if rule.cause != cause:
            return None
        found = alert_evidence(alert, case.facts)
        # A warning does not end a handshake by itself (RFC 5246 section 7.2.2): it is
        # only the likeliest reason for the end that followed.
        if rule.confidence is Confidence.SUSPECTED or _only_a_warning(alert, case.facts):
            return suspected(
                found,
                alternatives=rule.alternatives or _ANY_REFUSAL.get(cause, ("server.refused",)),
                missing=rule.missing or "the same hello again",
                remedy_values=values(case),
            )
        return observed(
            found,
            alternatives=rule.alternatives,
            missing=rule.missing,
            remedy_values=values(case),
        )

    return match


_ANY_REFUSAL: Final[dict[str, tuple[str, ...]]] = {"server.refused": ()}
"""server.refused is no alternative to itself."""


def _only_a_warning(alert: Alert, facts: HandshakeFacts) -> bool:
    ended_it = facts.ended_by is EndedBy.ALERT
    return alert.level == WARNING and facts.version != TLS13 and not ended_it

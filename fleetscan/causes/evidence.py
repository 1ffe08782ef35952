"""What matchers share: answers in one line, and evidence as short safe text."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fleetscan.causes.model import Basis, Confidence, Match, Severity
from fleetscan.pki.names import distinguished_name, names_of
from fleetscan.registry import alerts as alert_registry
from fleetscan.registry import cipher_suites
from fleetscan.text import printable
from fleetscan.vocabulary import Alert, EndedBy, FirstFlight, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.causes.model import Evidence
    from fleetscan.errors import ParseError
    from fleetscan.facts import HandshakeFacts

PEER: Final = Basis(kind="peer")
"""The peer, or the network on the way to it, showed it itself."""

VALUE_LENGTH: Final = 400
"""Characters of one evidence value; a line has room for about a dozen of them."""

NAMES_SHOWN: Final = 10
"""Names of a certificate that evidence lists; the result line has the others."""


MIN_DH_BITS: Final = 2_048
"""RFC 9325 section 4.5 and OpenSSL 3's default level; causes.md's default policy."""

BROKEN_DH_BITS: Final = 1_024
"""Within reach of a state's precomputation since 2015; counted as no protection."""


def evidence(**values: str | int | None) -> dict[str, str]:
    """Leave out what is absent or empty: a key that is there says something."""
    return {key: str(value) for key, value in values.items() if value is not None and value != ""}


def observed(
    found: Evidence,
    *,
    alternatives: tuple[str, ...] = (),
    missing: str = "",
    remedy_values: tuple[str, ...] = (),
    severity: Severity | None = None,
) -> Match:
    """The peer said so itself."""
    return Match(
        evidence=found,
        confidence=Confidence.OBSERVED,
        basis=PEER,
        alternatives=alternatives,
        missing=missing,
        remedy_values=remedy_values,
        severity=severity,
    )


def suspected(
    found: Evidence,
    *,
    alternatives: tuple[str, ...],
    missing: str,
    remedy_values: tuple[str, ...] = (),
    severity: Severity | None = None,
) -> Match:
    """Consistent with what was seen; `missing` is what would settle it."""
    return Match(
        evidence=found,
        confidence=Confidence.SUSPECTED,
        basis=PEER,
        alternatives=alternatives,
        missing=missing,
        remedy_values=remedy_values,
        severity=severity,
    )


# -- values --------------------------------------------------------------------


def alert_text(alert: Alert | None) -> str:
    """An alert as `handshake_failure(40)`; one that has no name as `0xff`."""
    if alert is None:
        return ""
    name = alert_registry.NAMES.get(alert.description)
    return f"{name}({alert.description})" if name else f"0x{alert.description:02x}"


def code_point(value: int | None) -> str:
    """A 16-bit code point as the result schema writes unknown ones."""
    return "" if value is None else f"0x{value:04x}"


def rfc3339(unix_s: float) -> str:
    """A moment in UTC with whole seconds; years that the calendar lacks as a plain number."""
    try:
        return datetime.fromtimestamp(int(unix_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(int(unix_s))


def milliseconds(value: float | None) -> str:
    """A duration with a tenth of a millisecond."""
    return "" if value is None else f"{value:.1f}"


def errno_text(number: int | None) -> str:
    """An operating system error as `ECONNREFUSED`."""
    return "" if number is None else errno.errorcode.get(number, str(number))


def parse_error_values(error: ParseError | None) -> dict[str, str]:
    """Which rule, which field, which octet."""
    if error is None:
        return {}
    return {"fault": error.fault.name, "field": error.field, "offset": str(error.offset)}


def joined(values: tuple[str, ...] | list[str], shown: int = NAMES_SHOWN) -> str:
    """Several values in one text; how many were left out is said at its end."""
    rest = len(values) - shown
    tail = f" and {rest} more" if rest > 0 else ""
    text = ", ".join(values[:shown])
    room = VALUE_LENGTH - len(tail)
    return (text if len(text) <= room else text[: room - 3] + "...") + tail


def peer_text(value: str | bytes) -> str:
    """Text of the peer's, safe to print."""
    return printable(value, VALUE_LENGTH)


def escaped_text(value: str) -> str:
    """Text that a lower layer has escaped already, cut; escaped here if it was not after all."""
    if not value.isprintable():
        return peer_text(value)
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 3] + "..."


# -- the state of the handshake ---------------------------------------------------


TLS10: Final = 0x0301
TLS12: Final = 0x0303
TLS13: Final = 0x0304


def hello_sent(facts: HandshakeFacts) -> bool:
    """Whether a ClientHello went out."""
    return facts.offer is not None or "C" in facts.history


def extension_offered(facts: HandshakeFacts, extension: int) -> bool:
    """Whether the hello asked for it: what was not asked for cannot be missed."""
    return facts.offer is not None and extension in facts.offer.extensions


def server_spoke_tls(facts: HandshakeFacts) -> bool:
    """Whether a handshake message of the server's arrived; an alert alone is none."""
    return any(letter.islower() and letter != "l" for letter in facts.history)


def polite_end(facts: HandshakeFacts) -> bool:
    """Whether we ended it ourselves, satisfied, after the server's whole first flight.

    Up to TLS 1.2 that is after ServerHelloDone, in TLS 1.3 after the server's Finished:
    what follows is ours to send, so nothing of the server's was refused or missed.
    """
    if facts.violation or facts.parse_error is not None or facts.version is None:
        return False
    if facts.ended_by is not EndedBy.US or failure_alert(facts) is not None:
        return False
    return facts.stage in (Stage.CLIENT_FINISHED, Stage.CONFIRMED)


def established(facts: HandshakeFacts) -> bool:
    """Whether the handshake worked as far as the client was to take it."""
    if facts.confirmed_by is not None or facts.first_flight is FirstFlight.ASKED:
        return True
    if facts.completed and facts.version is not None and facts.version <= TLS12:
        return True
    return polite_end(facts) or _ended_at_the_key(facts)


def reset_once_connected(facts: HandshakeFacts) -> bool:
    """Whether the reset that `connect` reports ended a connection that stood.

    A reset in answer to the SYN is ECONNREFUSED; ECONNRESET is one that came in a later state
    (RFC 9293 section 3.10.7), as from a listener that closes on accept and does not linger.
    """
    return facts.stage is Stage.CONNECT and facts.errno == errno.ECONNRESET


def _ended_at_the_key(facts: HandshakeFacts) -> bool:
    """Whether it went no further because the premaster secret goes to a key we do not take.

    RSA key exchange with a certificate's key over our bounds, or one that the library does not
    read: what cannot be checked is never the server's fault. A leaf that nobody reads is told
    by a cause of its own.
    """
    return (
        facts.first_flight is FirstFlight.KEY_EXCHANGE
        and facts.group is None
        and facts.dh_prime_bits is None
    )


def flight_read(facts: HandshakeFacts) -> bool:
    """Whether the server's whole first flight is known, and nothing in it broke a rule.

    What a server chose against the rules says nothing of what it would choose.
    """
    return not facts.violation and (facts.completed or facts.first_flight is not None)


def offered_profile(facts: HandshakeFacts) -> str:
    """What was offered, in short."""
    return "" if facts.offer is None else f"hello profile {facts.offer.profile}"


NOT_A_FAILURE: Final = frozenset(
    {
        alert_registry.CLOSE_NOTIFY,
        alert_registry.USER_CANCELED,
        alert_registry.NO_RENEGOTIATION,
    }
)
"""Alerts that end or decline without an error (RFC 8446 section 6.1, RFC 5246 section 7.2.2)."""


def failure_alert(facts: HandshakeFacts) -> Alert | None:
    """The alert that says that something is wrong, whoever sent it."""
    alert = facts.alert
    return None if alert is None or alert.description in NOT_A_FAILURE else alert


def certificate_subject(certificate: Certificate) -> str:
    """The subject as text; where it is empty, the first name, and else the hash."""
    text = distinguished_name(certificate.subject)
    if text:
        return escaped_text(text)
    names = names_of(certificate, 1)
    return names[0] if names else f"sha256:{certificate.sha256[:16]}"


def weak_group(facts: HandshakeFacts) -> Evidence | None:
    """The size of a finite field group that is too small, None where it is not."""
    bits, suite = facts.dh_prime_bits, facts.cipher_suite
    if bits is None or bits >= MIN_DH_BITS:
        return None
    return evidence(
        dh_prime_bits=bits,
        strength="broken" if bits <= BROKEN_DH_BITS else "weak",
        cipher_suite=cipher_suites.name_of(suite) if suite is not None else "",
    )

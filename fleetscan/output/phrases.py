"""A cause in few words: the one fact that decided, and the first thing to do.

Pure functions of a cause as a result's record has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetscan.text import ELLIPSIS

RemedyText = Callable[[str], str]
"""Cause id -> its remedy's sentence, in which `{values}` stands for the concrete ones."""

_FACT_LENGTH: Final = 90
_REMEDY_LENGTH: Final = 160
"""Characters of what decided, and of the remedy: the whole is in the JSON."""

_OCTETS_SHOWN: Final = 16
"""Hexadecimal digits of what came instead of TLS."""

_PHRASES: Final[Mapping[str, tuple[str, ...]]] = {
    "connect.timeout": ("no answer in {elapsed_ms}",),
    "connect.unreachable": (
        "{icmp_meaning} says {offender}",
        "{icmp_meaning}",
        "{errno}",
    ),
    "interference.proxy_refused": (
        "the proxy says {status} {reason}",
        "the proxy says {status}",
        "not a proxy's answer: {reason}",
        "{errno} at {proxy}",
        "{ended_by} after {elapsed_ms} at {proxy}",
    ),
    "protocol.plaintext_http": ("{banner}",),
    "protocol.other": ("{banner}", "{protocol}"),
    "protocol.starttls_needed": ("{banner}", "{protocol}"),
    "protocol.starttls_refused": (
        "{starttls}: {answer}",
        "{starttls} without TLS, only {offers}",
        "{starttls}: {ended_by} in place of an answer",
    ),
    "protocol.garbage": ("begins with {first_octets}",),
    "server.closed_on_accept": ("{ended_by} after {elapsed_ms}",),
    "server.closed_after_hello": ("{ended_by} after {elapsed_ms}",),
    "server.reset_after_hello": ("{ended_by} after {elapsed_ms}",),
    "server.silent_after_hello": ("no octet in {elapsed_ms}",),
    "server.stalled": ("{ended_by} after {octets} octets and {elapsed_ms}",),
    "server.protocol_violation": (
        "{rule}: {fault} in {field} at octet {offset}",
        "{rule}",
        "{fault} in {field} at octet {offset}",
    ),
    "client_auth.required": ("{alert}", "{ended_by} after {elapsed_ms}"),
    "chain.incomplete": ("{missing} is missing",),
    "chain.untrusted_root": ("{root}",),
    "chain.unknown_issuer": ("{issuer}",),
    "chain.ca_expired": ("{subject} since {not_after}",),
    "chain.ca_not_yet_valid": ("{subject} from {not_before}",),
    "chain.invalid_ca": ("{subject}: {rule}",),
    "chain.name_constraints": ("{name} under {subject}",),
    "chain.bad_signature": ("{subject} by {issuer}",),
    "certificate.expired": ("since {not_after}",),
    "certificate.not_yet_valid": ("valid from {not_before}",),
    "certificate.name_mismatch": (
        "valid for {names}",
        "no DNS name or address in it, subjectAltName {subject_alt_name}",
    ),
    "certificate.self_signed": ("{subject}",),
    "certificate.wrong_purpose": ("{rule}",),
    "certificate.weak_key": ("{key} of {subject}",),
    "certificate.weak_signature": ("{signature_algorithm} on {subject}",),
    "certificate.unknown_critical_extension": ("{oid} in {subject}",),
    "certificate.key_mismatch": ("its {signature_scheme} signature does not verify",),
    "certificate.malformed": ("{fault} in {field} at octet {offset}", "{rule} in {subject}"),
}
"""How a cause's evidence is told: the first phrase of which all values are there.

The evidence of other causes, and all of it where no phrase fits, is shown as `key value`.
"""

_RULES: Final[Mapping[str, Mapping[str, str]]] = {
    "chain.invalid_ca": {
        "version": "a version 1 certificate, which cannot say that it is an authority",
        "basic_constraints": "basicConstraints do not make it an authority",
        "path_len_constraint": "more authorities below it than pathLenConstraint allows",
        "key_usage": "keyUsage without keyCertSign",
        "extended_key_usage": "extendedKeyUsage without serverAuth",
    },
    "certificate.wrong_purpose": {
        "key_usage": "keyUsage allows nothing that TLS needs",
        "extended_key_usage": "extendedKeyUsage without serverAuth",
    },
}
"""By cause: what breaks a rule that its evidence names by a fixed word."""

_NO_RULES: Final[Mapping[str, str]] = {}

_TOLD_ELSEWHERE: Final = frozenset(
    {
        *("server_name", "port", "stage", "octets", "hello_octets", "position"),
        *("spoke_first", "elapsed_ms", "first_octets", "text", "alert_level"),
    }
)
"""Evidence that the line has already, or that only a program reads."""

_VALUE: Final = re.compile(r"\{(\w+)\}")

_CLAUSE_END: Final = re.compile(r"[;:.] ")

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_DISTINGUISHED_NAME: Final = re.compile(r"[A-Za-z0-9.]+=")

_ATTRIBUTE: Final = re.compile(r"(?:^|[,+])([A-Za-z0-9.]+)=((?:\\.|[^,+\\])*)")
"""One attribute of a name in the form of RFC 4514 section 2.3."""


def deciding_fact(cause: Mapping[str, Any]) -> str:
    """What settled it, of at most 90 characters; may be empty."""
    evidence = cause["evidence"]
    rules = _RULES.get(cause["id"], {})
    for phrase in _PHRASES.get(cause["id"], ()):
        if all(evidence.get(key) for key in _VALUE.findall(phrase)):
            # In one pass, so that braces in a peer's text are never looked at.
            told = _VALUE.sub(lambda found: _brief(found[1], evidence[found[1]], rules), phrase)
            return shortened(told, _FACT_LENGTH)
    shown = [
        f"{key} {_brief(key, value)}"
        for key, value in sorted(evidence.items(), key=lambda each: each[0] == "subject")
        if value and key not in _TOLD_ELSEWHERE and not key.endswith("sha256")
    ]
    return shortened(", ".join(shown), _FACT_LENGTH)


def first_step(cause: Mapping[str, Any], remedy: RemedyText) -> str:
    """The first thing to do; `fleetscan explain` has the rest."""
    values = ", ".join(_brief("", value) for value in cause["remedy"]["values"])
    text = remedy(cause["id"])
    ends = (found.start() for found in _CLAUSE_END.finditer(text))
    end = next((at for at in ends if text.count("(", 0, at) == text.count(")", 0, at)), len(text))
    first = text[:end].rstrip(".").replace("{values}", values)
    return shortened(first.strip(), _REMEDY_LENGTH)


def shortened(text: str, length: int) -> str:
    """At most `length` characters of it; a list loses whole members where it can."""
    if len(text) <= length:
        return text
    members = text[: length - len(ELLIPSIS)].rpartition(", ")[0]
    # Not when the first member is the long one: some of it is better than nothing.
    if 2 * len(members) > length:
        return f"{members}, {ELLIPSIS}"
    return text[: length - len(ELLIPSIS)] + ELLIPSIS


def _brief(key: str, value: str, rules: Mapping[str, str] = _NO_RULES) -> str:
    """A moment by its day, a name by its CN, a duration in seconds; others as they are."""
    if key == "rule":
        return ", ".join(rules.get(each, each) for each in value.split(", "))
    if key == "elapsed_ms":
        return _seconds(value)
    if key == "first_octets":
        return value[:_OCTETS_SHOWN]
    if _MOMENT.fullmatch(value):
        return value[:10]
    if _DISTINGUISHED_NAME.match(value):
        names = [found[2] for found in _ATTRIBUTE.finditer(value) if found[1].upper() == "CN"]
        return f"CN={names[0]}" if names else value
    return value


def _seconds(milliseconds: str) -> str:
    try:
        spent = float(milliseconds)
    except ValueError:
        return f"{milliseconds} ms"
    return f"{spent / 1_000:.1f} s" if spent >= 1_000 else f"{spent:.0f} ms"

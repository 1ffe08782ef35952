"""One finished target -> its result line. The only place that knows the schema of a result.

A *record* is the line as Python objects here, and nowhere else in fleetscan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleetscan.output.budget import encode_line, fit
from fleetscan.output.certificates import certificate_summary
from fleetscan.output.identity import cause_uid, result_id, target_id
from fleetscan.output.schema import SCHEMA_ID
from fleetscan.output.times import rfc3339_ms, rounded_ms
from fleetscan.registry import alerts, cipher_suites, groups, signature_schemes, versions
from fleetscan.text import printable
from fleetscan.vocabulary import Checked, ClientAuth, Stage

if TYPE_CHECKING:
    from fleetscan.causes.model import Basis, Cause, Checks, Verdict
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.facts import HandshakeFacts, Timings
    from fleetscan.inventory.target import Target
    from fleetscan.pki.path import PathAssessment
    from fleetscan.vocabulary import Alert

__all__ = [
    "RunContext",
    "encode_line",
    "fit",
    "texts",
    "to_record",
    "trusted_by",
    "unsettled_fields",
    "verdict_fields",
]

VALUE_LENGTH: Final = 1_024
"""Characters of one piece of text that a cause carries."""

UNSETTLED_LENGTH: Final = 200
"""Characters of what kept a path from being settled: an OID is a stranger's."""

INPUT_LENGTH: Final = 2_048
"""Characters of what the user wrote for one target."""

_ALERT_LEVELS: Final = {1: "warning", 2: "fatal"}
_TLS13: Final = 0x0304


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What every line of a run says of the run."""

    run_id: str
    vantage: str


def to_record(
    *,
    outcome: ProbeOutcome,
    verdict: Verdict | None,
    path: PathAssessment | None,
    run: RunContext,
) -> dict[str, Any]:
    """The result of one target, with the keys and the order of the schema.

    Args:
        outcome: what the engine hands on.
        verdict: what was concluded; None for a target that was skipped.
        path: what the certificate path showed; None when none was looked at.
        run: the run it belongs to.
    """
    target = target_id(outcome.target, run.vantage)
    facts = outcome.facts
    record: dict[str, Any] = {
        "schema": SCHEMA_ID,
        "type": "result",
        "id": result_id(run.run_id, target, outcome.address),
        "run_id": run.run_id,
        "time": rfc3339_ms(outcome.ended_at),
        "vantage": run.vantage,
        "target": _target(outcome.target, target, outcome.address),
        "outcome": "skipped" if outcome.skipped or verdict is None else verdict.outcome,
    }
    if outcome.skipped:
        record["skip_reason"] = outcome.skipped
    record["stage"] = _stage(outcome)
    record["history"] = "" if facts is None else facts.history
    record.update(verdict_fields(verdict, target))
    record["trusted_by"] = trusted_by(path)
    record.update(unsettled_fields(path))
    record["handshake"] = _handshake(facts, record["cause_ids"])
    if facts is not None and facts.certificates:
        record["certificate"] = certificate_summary(facts.certificates[0])
    record["chain_sha256"] = [] if facts is None else [each.sha256 for each in facts.certificates]
    record["timings_ms"] = {} if facts is None else _timings(facts.timings)
    record["probes"] = outcome.probes
    record["truncated"] = []
    return record


def _target(target: Target, identity: str, address: str) -> dict[str, Any]:
    return {
        "id": identity,
        "input": printable(target.input, INPUT_LENGTH),
        "origin": target.origin,
        "address": address or target.address,
        "port": target.port,
        "server_name": target.server_name,
        "reference_name": target.reference_name,
        "starttls": target.starttls,
        "labels": dict(target.labels),
    }


def _stage(outcome: ProbeOutcome) -> str:
    if outcome.facts is not None:
        return outcome.facts.stage.value
    # Nothing was begun: the step it would have begun with.
    begins_with = Stage.CONNECT if outcome.address or outcome.target.address else Stage.RESOLVE
    return begins_with.value


def verdict_fields(verdict: Verdict | None, target: str) -> dict[str, Any]:
    """What a verdict says, with the keys and the order of the schema.

    Args:
        verdict: None for a target that was skipped.
        target: the id that the causes' `uid` are made from.
    """
    causes = verdict.causes if verdict is not None else ()
    findings = verdict.findings if verdict is not None else ()
    fields: dict[str, Any] = {"severity": verdict.severity.value if verdict is not None else "info"}
    if causes:
        first = causes[0]
        fields["cause"] = {
            "id": first.entry.id,
            "family": first.entry.family,
            "confidence": first.match.confidence.value,
            "severity": first.severity.value,
        }
    fields["cause_ids"] = [cause.entry.id for cause in causes]
    fields["proven_cause_ids"] = [
        cause.entry.id for cause in causes if cause.match.confidence.value == "proven"
    ]
    fields["finding_ids"] = [finding.entry.id for finding in findings]
    fields["causes"] = [_cause(cause, target) for cause in causes]
    fields["findings"] = [_finding(finding, target) for finding in findings]
    fields["checks"] = _checks(verdict.checks if verdict is not None else None)
    return fields


def _cause(cause: Cause, target: str) -> dict[str, Any]:
    match = cause.match
    fields: dict[str, Any] = {
        "id": cause.entry.id,
        "uid": cause_uid(target, cause.entry.id),
        "confidence": match.confidence.value,
        "severity": cause.severity.value,
        "evidence": {key: _text(value) for key, value in match.evidence.items()},
        "basis": _basis(match.basis),
    }
    if match.alternatives:
        fields["alternatives"] = list(match.alternatives)
    if match.missing:
        fields["missing"] = _text(match.missing)
    fields["accepted_by"] = list(match.accepted_by)
    fields["remedy"] = {"id": cause.entry.remedy.id, "values": texts(match.remedy_values)}
    return fields


def _finding(finding: Cause, target: str) -> dict[str, Any]:
    return {
        "id": finding.entry.id,
        "uid": cause_uid(target, finding.entry.id),
        "severity": finding.severity.value,
        "evidence": {key: _text(value) for key, value in finding.match.evidence.items()},
    }


def _basis(basis: Basis) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": basis.kind}
    for key in ("changed", "before", "after", "repeats", "result_id"):
        value = getattr(basis, key)
        if value:
            fields[key] = _text(value)
    if basis.set is not None:
        fields["set"] = basis.set
    return fields


def _checks(checks: Checks | None) -> dict[str, str]:
    if checks is None:
        unchecked = Checked.NOT_CHECKED.value
        return dict.fromkeys(("name", "path", "revocation", "key"), unchecked)
    return {
        "name": checks.name.value,
        "path": checks.path.value,
        "revocation": checks.revocation,
        "key": checks.key.value,
    }


def trusted_by(path: PathAssessment | None) -> list[str]:
    """The trust stores that hold the end of a path that is trusted."""
    return [] if path is None or path.trusted is not Checked.YES else texts(path.trusted_by)


def unsettled_fields(path: PathAssessment | None) -> dict[str, str]:
    """What kept the path from being settled, where something did: a bound, a missing primitive."""
    if path is None:
        return {}
    found = {"limit": path.limit, "not_checked": path.not_checked}
    return {key: printable(value, UNSETTLED_LENGTH) for key, value in found.items() if value}


def _handshake(facts: HandshakeFacts | None, cause_ids: list[str]) -> dict[str, Any]:
    if facts is None:
        return {"completed": "no"}
    alert = facts.alert
    first_octets = b"" if facts.is_tls is Checked.YES else facts.first_octets[:64]
    found = {
        "completed": "yes" if facts.completed else "no",
        "proxy": facts.proxy or None,
        "confirmed_by": facts.confirmed_by.value if facts.confirmed_by is not None else None,
        "version": _named(versions.name_of, facts.version),
        "cipher_suite": _named(cipher_suites.name_of, facts.cipher_suite),
        "group": _named(groups.name_of, facts.group),
        "signature_scheme": _named(signature_schemes.name_of, facts.signature_scheme),
        "alpn": printable(facts.alpn, VALUE_LENGTH) or None,
        "client_auth": _client_auth(facts, cause_ids),
        "alert": _alert(alert) if alert is not None else None,
        "ended_by": facts.ended_by.value if facts.ended_by is not None else None,
        "first_octets": first_octets.hex() or None,
        "hello": facts.offer.profile if facts.offer is not None else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _client_auth(facts: HandshakeFacts, cause_ids: list[str]) -> str | None:
    """None while a CertificateRequest could still have come.

    It stands before Certificate in TLS 1.3 (RFC 8446 section 4.3.2), before
    ServerHelloDone up to TLS 1.2 (RFC 5246 section 7.4.4).
    """
    if "client_auth.required" in cause_ids:
        return ClientAuth.REQUIRED.value
    if facts.client_certificate_requested:
        return ClientAuth.REQUESTED.value
    if facts.version is None:
        return None
    past = (Stage.CLIENT_FINISHED, Stage.SERVER_FINISHED, Stage.CONFIRMED)
    flight_seen = facts.certificates_sent > 0 if facts.version >= _TLS13 else facts.stage in past
    return ClientAuth.NONE.value if flight_seen else None


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "origin": alert.origin.value,
        "level": _ALERT_LEVELS.get(alert.level, f"0x{alert.level:02x}"),
        "code": alert.description,
        "name": alerts.name_of(alert.description),
    }


def _timings(timings: Timings) -> dict[str, float]:
    found = {
        "resolve": timings.resolve,
        "connect": timings.connect,
        "first_octet": timings.first_octet,
        "handshake": timings.handshake,
        "total": timings.total,
    }
    return {key: rounded_ms(value) for key, value in found.items() if value is not None}


def _named(name_of: Callable[[int], str], code: int | None) -> str | None:
    return None if code is None else name_of(code)


def _text(value: str) -> str:
    """Text that its maker escaped already, with a bound; what was not escaped is escaped here."""
    return value[:VALUE_LENGTH] if value.isprintable() else printable(value, VALUE_LENGTH)


def texts(values: Iterable[str]) -> list[str]:
    """Each of them bounded and safe to print."""
    return [_text(value) for value in values]

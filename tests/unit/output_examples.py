"""Outcomes and verdicts made by hand, for the tests of `output`."""

from __future__ import annotations

import functools
from typing import Any, Final

import jsonschema
import orjson

from fleetscan.causes import entry_of
from fleetscan.causes.model import Basis, Cause, Checks, Confidence, Match, Severity, Verdict
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.facts import HandshakeFacts, Timings
from fleetscan.inventory.target import Target
from fleetscan.output.record import RunContext, to_record
from fleetscan.output.schema import load_schema
from fleetscan.tls.events import Offer
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, Stage
from tests.certificates import Issued, intermediate, leaf, root

ENDED_AT: Final = 1_795_400_047.412
"""2026-11-23T02:14:07.412Z, Unix seconds: the moment of the schema's own example."""

RUN: Final = RunContext(run_id="20261123T0200Z-a1b2c3", vantage="fra-core")

OFFER: Final = Offer(
    profile="modern",
    server_name="b.corp",
    versions=(0x0304, 0x0303),
    cipher_suites=(0x1301,),
    groups=(29,),
    signature_schemes=(0x0403,),
    alpn=("h2",),
    octets=517,
)


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    """Checks a line against the schema that ships in the package."""
    return jsonschema.Draft202012Validator(load_schema())


def validated(line: bytes) -> dict[str, Any]:
    """The line as objects, after everything that holds for every line was checked."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= 8_001
    fields: dict[str, Any] = orjson.loads(line)
    validator().validate(fields)
    return fields


@functools.cache
def issued() -> tuple[Issued, Issued]:
    """A leaf for a.corp and the CA that signed it."""
    ca = intermediate(root("Corp Root"), "Corp CA")
    return leaf(ca, "a.corp", san=["a.corp"]), ca


def target(**changes: Any) -> Target:  # noqa: ANN401
    """b.corp at 10.4.2.17, as an inventory lists it."""
    fields: dict[str, Any] = {
        "input": "b.corp:443",
        "origin": "listed",
        "host": "b.corp",
        "port": 443,
        "server_name": "b.corp",
        "reference_name": "b.corp",
        "labels": {"owner": "payments"},
    }
    return Target(**(fields | changes))


def facts(**changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """A TLS 1.3 handshake that was completed and confirmed."""
    fields: dict[str, Any] = {
        "stage": Stage.CONFIRMED,
        "ended_by": EndedBy.US,
        "offer": OFFER,
        "history": "CsoxyfF",
        "octets_received": 2_200,
        "is_tls": Checked.YES,
        "version": 0x0304,
        "cipher_suite": 0x1301,
        "group": 29,
        "signature_scheme": 0x0403,
        "alpn": "h2",
        "certificates": tuple(each.parsed for each in issued()),
        "certificates_sent": 2,
        "key_proof": Checked.YES,
        "completed": True,
        "confirmed_by": ConfirmedBy.TICKET,
        "timings": Timings(connect=0.4, first_octet=1.2, handshake=2.9, total=3.4),
    }
    return HandshakeFacts(**(fields | changes))


def cause(cause_id: str, **changes: Any) -> Cause:  # noqa: ANN401
    """A cause that holds; by default proven by a repair."""
    fields: dict[str, Any] = {
        "evidence": {},
        "confidence": Confidence.PROVEN,
        "basis": Basis(kind="repair", changed="time", set=1),
    }
    entry = entry_of(cause_id)
    return Cause(entry=entry, match=Match(**(fields | changes)), severity=entry.severity)


def verdict(*causes: Cause, findings: tuple[Cause, ...] = (), outcome: str = "") -> Verdict:
    """These causes; established when there are none."""
    told = (*causes, *findings)
    return Verdict(
        outcome=outcome or ("failed" if causes else "established"),
        severity=max((each.severity for each in told), key=lambda s: s.rank, default=Severity.INFO),
        causes=causes,
        findings=findings,
        checks=Checks(name=Checked.NO, path=Checked.NO, key=Checked.YES),
    )


def outcome(**changes: Any) -> ProbeOutcome:  # noqa: ANN401
    """What the engine hands on."""
    fields: dict[str, Any] = {
        "target": target(),
        "address": "10.4.2.17",
        "facts": facts(),
        "probes": 1,
        "ended_at": ENDED_AT,
    }
    return ProbeOutcome(**(fields | changes))


def record(told: Verdict | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The result of such an outcome."""
    found = outcome(**changes)
    if told is None and not found.skipped:
        told = verdict()
    return to_record(outcome=found, verdict=told, path=None, run=RUN)

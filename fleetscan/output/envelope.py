"""The lines of a run that are no results: its start, its end, its certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fleetscan.output.certificates import certificate_fields
from fleetscan.output.record import RunContext
from fleetscan.output.schema import SCHEMA_ID
from fleetscan.output.times import rfc3339_ms, rounded_ms
from fleetscan.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleetscan._parse import Certificate
    from fleetscan.facts import MalformedCertificate

CONFIGURATION_LENGTH: Final = 6_000

MAX_COUNT: Final = 2**63 - 1
"""The largest number that databases of results take; an IPv6 network holds more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """What is known at the end besides the counts.

    Args:
        at: Unix seconds, UTC.
        elapsed_ms: of the whole run.
        status: `complete`, `incomplete` or `degraded`.
        not_scanned: targets that were never begun; None when their number is not known.
            Written as `MAX_COUNT` when it is more.
        bad_lines: of the inventory.
        inventory_sha256: digest of what was to be scanned; None when it was not read to its end.
    """

    at: float
    elapsed_ms: float
    status: str
    not_scanned: int | None = None
    bad_lines: int = 0
    inventory_sha256: str | None = None


def new_run_id(now: float, entropy: bytes) -> str:
    """A run's id: the minute it began and three random octets, as `20261123T0200Z-a1b2c3`.

    Args:
        now: Unix seconds, UTC.
        entropy: at least 3 random octets.
    """
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%MZ}-{entropy[:3].hex()}"


def run_start(
    run: RunContext,
    *,
    at: float,
    version: str,
    configuration: str,
    inventory_sha256: str | None = None,
) -> dict[str, Any]:
    """The first line of a run; `at` is Unix seconds, UTC."""
    digest = {} if inventory_sha256 is None else {"inventory_sha256": inventory_sha256}
    return {
        **_envelope("run_start", run, at),
        "version": version,
        "configuration": printable(configuration, CONFIGURATION_LENGTH),
        **digest,
        "truncated": [],
    }


def certificate_line(
    run: RunContext, certificate: Certificate | MalformedCertificate, *, at: float
) -> dict[str, Any]:
    """One certificate with everything the parser knows; `at` is when it was first seen."""
    return {
        **_envelope("certificate", run, at),
        **certificate_fields(certificate),
        "truncated": [],
    }


def run_end(run: RunContext, counted: Mapping[str, Any], end: RunEnd) -> dict[str, Any]:
    """The last line of a run: how it went, in counts.

    Args:
        run: the run.
        counted: `counts`, `causes`, `findings`, `not_emitted` and `probes` as the schema
            has them (`fleetscan.fleet.summary.Summary.as_fields`).
        end: the rest.
    """
    not_scanned = None if end.not_scanned is None else min(end.not_scanned, MAX_COUNT)
    known = {"not_scanned": not_scanned, "inventory_sha256": end.inventory_sha256}
    return {
        **_envelope("run_end", run, end.at),
        "run_status": end.status,
        **counted,
        **{key: value for key, value in known.items() if value is not None},
        "bad_lines": end.bad_lines,
        "timings_ms": {"total": rounded_ms(end.elapsed_ms)},
        "truncated": [],
    }


def _envelope(kind: str, run: RunContext, at: float) -> dict[str, Any]:
    return {
        "schema": SCHEMA_ID,
        "type": kind,
        "run_id": run.run_id,
        "time": rfc3339_ms(at),
        "vantage": run.vantage,
    }

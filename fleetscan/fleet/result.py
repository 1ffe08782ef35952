"""What a scan gives for each target, and how far it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fleetscan.output.record import encode_line

if TYPE_CHECKING:
    from fleetscan.causes.model import Verdict
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.pki.path import PathAssessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The one final result of one target at one address.

    Args:
        target: as it was given.
        address: the address probed, `""` when the name gave none.
        record: the result line as Python objects, with the keys of the result schema.
        verdict: causes, findings and checks; None for a target that was skipped.
        facts: what was seen; None when nothing was begun.
        tried: the experiments on it, in their order; none where it was not asked again.
        path: what the certificate path showed; None where none was looked at.
    """

    target: Target
    address: str
    record: dict[str, Any]
    verdict: Verdict | None = None
    facts: HandshakeFacts | None = None
    tried: tuple[Tried, ...] = ()
    path: PathAssessment | None = None

    @property
    def outcome(self) -> str:
        """`established`, `failed`, `skipped` or `error`."""
        return str(self.record["outcome"])

    @property
    def cause_ids(self) -> tuple[str, ...]:
        """Ids of the causes, what hides the rest first; none when it was established."""
        return tuple(self.record["cause_ids"])

    @property
    def finding_ids(self) -> tuple[str, ...]:
        """Ids of what is worth knowing and did not break the handshake."""
        return tuple(self.record["finding_ids"])

    @property
    def line(self) -> bytes:
        """The result as one line of JSON with its newline, 8,000 octets at most."""
        return encode_line(self.record)


@dataclass(slots=True, kw_only=True)
class Stats:
    """How far a scan is. Counts; times in seconds.

    Args:
        started_at: Unix seconds, UTC; 0 before the scan began.
        done: results given.
        in_flight: probes under way.
        held: results that are not final: the run may still explain them, or an answer
            about them is awaited.
        not_scanned: targets of ranges that an interrupted scan never began; the listed ones
            are results of their own.
        by_cause: results by the id of their first cause.
    """

    started_at: float = 0.0
    done: int = 0
    in_flight: int = 0
    held: int = 0
    established: int = 0
    failed: int = 0
    skipped: int = 0
    errors: int = 0
    not_scanned: int = 0
    elapsed: float = 0.0
    by_cause: Counter[str] = field(default_factory=Counter)

    def count(self, result: Result) -> None:
        """Count one result that is given."""
        self.done += 1
        match result.outcome:
            case "established":
                self.established += 1
            case "failed":
                self.failed += 1
            case "skipped":
                self.skipped += 1
            case _:
                self.errors += 1
        if result.cause_ids:
            self.by_cause[result.cause_ids[0]] += 1

"""What a run's results amount to, counted as they come and in bounded memory."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleetscan.limits import IPV4_PREFIX, IPV6_PREFIX

OUTCOMES: Final = ("established", "failed", "skipped", "error")

EXAMPLES: Final = 3
"""Targets kept as examples of one cause."""

MAX_PREFIXES: Final = 1 << 16
"""Networks counted apart: every /24 of a /8. Further ones are counted together."""

PREFIXES_SHOWN: Final = 40

_SEVERITIES: Final = ("info", "low", "medium", "high", "critical")

NO_CAUSE: Final = ""
"""Stands for the cause of a result that has none."""


@dataclass(slots=True, kw_only=True)
class CauseCount:
    """How often one cause or finding was told, how grave it was at worst, and where."""

    id: str
    count: int = 0
    proven: int = 0
    severity: str = "info"
    examples: list[Mapping[str, Any]] = field(default_factory=list)
    """The `target` of a few results."""

    def add(self, severity: str, confidence: str, example: Mapping[str, Any]) -> None:
        """Count it once more."""
        self.count += 1
        self.proven += confidence == "proven"
        if _SEVERITIES.index(severity) > _SEVERITIES.index(self.severity):
            self.severity = severity
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


class PrefixCounts:
    """Results that were not written, by /24 and /48."""

    __slots__ = ("_prefixes", "count", "other_count", "other_prefixes")

    def __init__(self) -> None:
        self.count = 0
        self.other_count = 0
        self.other_prefixes = 0
        self._prefixes: dict[tuple[int, int], dict[str, int]] = {}

    def add(self, address: str, cause_id: str) -> None:
        """Count one result that was not written."""
        self.count += 1
        prefix = _prefix(address)
        causes = self._prefixes.get(prefix)
        if causes is None:
            if len(self._prefixes) >= MAX_PREFIXES:
                self.other_count += 1
                self.other_prefixes = 1  # at least: they are not told apart any more
                return
            causes = self._prefixes[prefix] = {}
        causes[cause_id] = causes.get(cause_id, 0) + 1

    def as_fields(self, shown: int = PREFIXES_SHOWN) -> dict[str, Any]:
        """The networks with most of them, and how many the rest are."""
        counted = sorted(
            ((sum(causes.values()), prefix) for prefix, causes in self._prefixes.items()),
            key=lambda each: (-each[0], each[1]),
        )
        rest = counted[shown:]
        return {
            "count": self.count,
            "prefixes": [self._fields(prefix, count) for count, prefix in counted[:shown]],
            "other_prefixes": len(rest) + self.other_prefixes,
            "other_count": sum(count for count, _ in rest) + self.other_count,
        }

    def _fields(self, prefix: tuple[int, int], count: int) -> dict[str, Any]:
        causes = {key: n for key, n in self._prefixes[prefix].items() if key != NO_CAUSE}
        return {"prefix": _prefix_text(prefix), "count": count, "causes": causes}


class Summary:
    """Counts of a run: by outcome, cause, finding, and what was not written.

    It takes results as they are written and keeps nothing of them but counts and a few
    examples, so its size depends on the catalogue and not on the fleet.
    """

    __slots__ = ("_by_cause", "_by_finding", "not_emitted", "outcomes", "probes")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
        self.probes = 0
        self.not_emitted = PrefixCounts()
        self._by_cause: dict[str, CauseCount] = {}
        self._by_finding: dict[str, CauseCount] = {}

    @property
    def total(self) -> int:
        """Results in all."""
        return sum(self.outcomes.values())

    def as_fields(self) -> dict[str, Any]:
        """The counts as a `run_end` line has them, the most frequent first."""
        return {
            "counts": {"total": self.total, **self.outcomes},
            "causes": _by_count(self._by_cause),
            "findings": _by_count(self._by_finding),
            "not_emitted": self.not_emitted.as_fields(),
            "probes": self.probes,
        }

    def add(self, record: Mapping[str, Any], *, emitted: bool) -> None:
        """Count one result, written or not."""
        self.outcomes[record["outcome"]] += 1
        self.probes += record["probes"]
        target = record["target"]
        for cause in record["causes"]:
            _count(self._by_cause, cause, cause["confidence"], target)
        for finding in record["findings"]:
            _count(self._by_finding, finding, "observed", target)
        if not emitted:
            cause_ids = record["cause_ids"]
            self.not_emitted.add(target["address"], cause_ids[0] if cause_ids else NO_CAUSE)

    def causes_by_gravity(self) -> list[CauseCount]:
        """Causes, the gravest first, then the most frequent."""
        return _sorted(self._by_cause)

    def findings_by_gravity(self) -> list[CauseCount]:
        """Findings in the same order."""
        return _sorted(self._by_finding)


def _count(
    counts: dict[str, CauseCount],
    told: Mapping[str, Any],
    confidence: str,
    example: Mapping[str, Any],
) -> None:
    entry = counts.get(told["id"])
    if entry is None:
        entry = counts[told["id"]] = CauseCount(id=told["id"])
    entry.add(told["severity"], confidence, example)


def _by_count(counts: dict[str, CauseCount]) -> dict[str, int]:
    ordered = sorted(counts.values(), key=lambda each: (-each.count, each.id))
    return {each.id: each.count for each in ordered}


def _sorted(counts: dict[str, CauseCount]) -> list[CauseCount]:
    return sorted(
        counts.values(),
        key=lambda each: (-_SEVERITIES.index(each.severity), -each.count, each.id),
    )


def _prefix(address: str) -> tuple[int, int]:
    """The /24 or /48 as IP version and its first address's number; (0, 0) without an address."""
    if not address:
        return 0, 0
    parsed = ipaddress.ip_address(address)
    length = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    host_bits = parsed.max_prefixlen - length
    return parsed.version, int(parsed) >> host_bits << host_bits


def _prefix_text(prefix: tuple[int, int]) -> str:
    version, number = prefix
    if version == 0:
        return "unresolved"
    if version == 4:
        return f"{ipaddress.IPv4Address(number)}/{IPV4_PREFIX}"
    return f"{ipaddress.IPv6Address(number)}/{IPV6_PREFIX}"

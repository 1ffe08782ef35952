"""Which results are written: `--emit all|answered|failed`.

    all        every result
    answered   all but the `connect.*` of addresses that came out of a range: a dark /8
               would be gigabytes
    failed     of those, the ones that failed, by the target's fault or by ours

A target that the inventory lists is always written under `all` and `answered`. What is
not written is counted by network in `run_end`, so nothing is silently missing.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Emission(Enum):
    """What `--emit` may be."""

    ALL = "all"
    ANSWERED = "answered"
    FAILED = "failed"


def is_emitted(record: dict[str, Any], emission: Emission) -> bool:
    """Whether a result's line is written."""
    if emission is Emission.ALL:
        return True
    if _is_dark(record):
        return False
    return emission is Emission.ANSWERED or record["outcome"] in ("failed", "error")


def _is_dark(record: dict[str, Any]) -> bool:
    cause = record.get("cause")
    is_expanded = record["target"]["origin"] == "expanded"
    return is_expanded and cause is not None and cause["family"] == "connect"

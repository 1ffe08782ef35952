"""Which results are written: `--emit all|answered|failed`.

    all        every result
    answered   all but the `connect.*` of addresses that came out of a range: a dark /8
               would be gigabytes; and of those what a proxy says, or leaves open, of such
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
    if record["target"]["origin"] != "expanded" or cause is None:
        return False
    # Through a proxy a dark address is one that the proxy could not reach either.
    by_proxy = cause["id"] == "interference.proxy_refused"
    told = record["causes"][:1] if by_proxy else []
    return cause["family"] == "connect" or any("alternatives" in each for each in told)

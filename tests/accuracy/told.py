"""What was planted, what was told, and whether that is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROVEN = "proven"
SUSPECTED = "suspected"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One target and what must be said of it.

    Args:
        name: unique in its place.
        target: as the command line takes it.
        causes: in the order of a verdict; none for a server in good order.
    """

    name: str
    target: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A verdict beside what was planted.

    Args:
        name: of what was planted.
        planted: the causes planted, in their order.
        causes: the causes told, each with its confidence, in their order.
        probes: connections made.
    """

    name: str
    planted: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]
    probes: int

    @property
    def ids(self) -> tuple[str, ...]:
        """The causes told."""
        return tuple(cause for cause, _ in self.causes)

    @property
    def is_right(self) -> bool:
        """Exactly the planted causes, in their order."""
        return self.ids == self.planted

    @property
    def is_suspected(self) -> bool:
        """The first cause is the planted one, and was not settled."""
        return self.is_right and (self.planted[0], SUSPECTED) == self.causes[0]

    @property
    def wrong_proofs(self) -> tuple[str, ...]:
        """Causes called proven that were not planted."""
        return tuple(
            cause
            for cause, confidence in self.causes
            if confidence == PROVEN and cause not in self.planted
        )

    @property
    def text(self) -> str:
        """All of it on one line."""
        told = ", ".join(f"{cause} ({confidence})" for cause, confidence in self.causes)
        return f"{self.name}: planted {', '.join(self.planted) or 'nothing'}, told {told or 'ok'}"


def told(name: str, planted: tuple[str, ...], result: Mapping[str, Any]) -> Told:
    """From a result line."""
    return Told(
        name=name,
        planted=planted,
        causes=tuple((cause["id"], cause["confidence"]) for cause in result["causes"]),
        probes=result["probes"],
    )

"""The questions of one case taken together, and how a flip among them becomes a match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.causes.alerts import alert_evidence, peer_alert
from fleetscan.causes.evidence import evidence, peer_text
from fleetscan.causes.experiments import (
    Dimension,
    Flip,
    Question,
    chance_explains,
    difference,
    flips,
    questions_of,
)
from fleetscan.causes.model import Basis, Confidence, Match

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Evidence
    from fleetscan.facts import HandshakeFacts

Found: TypeAlias = tuple[str, Match]
"""A cause's id, and why it holds."""

REPEATS_MISSING: Final = "the same hellos again: a server that works only sometimes could do this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All questions of a case, and what their outcomes allow to conclude."""

    case: Case
    asked: tuple[Question, ...]
    flips: tuple[Flip, ...]
    by_chance: bool

    @property
    def first(self) -> Question:
        """The first probe."""
        return self.asked[0]

    @classmethod
    def of(cls, case: Case) -> Evaluation:
        """All that was asked about this case."""
        asked = questions_of(case)
        return cls(
            case=case,
            asked=asked,
            flips=flips(asked),
            by_chance=chance_explains(asked),
        )

    def of_kind(self, dimension: Dimension) -> Iterable[Flip]:
        """The flips in which this one thing was changed."""
        return (flip for flip in self.flips if flip.dimension is dimension)

    @property
    def set(self) -> int | None:
        """Causes that hold together are one set."""
        return 1 if len({flip.dimension for flip in self.flips}) > 1 else None


def flip_match(
    seen: Evaluation,
    flip: Flip,
    found: Evidence,
    *,
    by_chance: bool,
    values: tuple[str, ...] = (),
) -> Match:
    """Proven, or suspected where chance is not ruled out."""
    is_open = by_chance and seen.by_chance
    return Match(
        evidence=found,
        confidence=Confidence.SUSPECTED if is_open else Confidence.PROVEN,
        basis=flip_basis(seen, flip),
        alternatives=("server.intermittent",) if is_open else (),
        missing=REPEATS_MISSING if is_open else "",
        remedy_values=values,
    )


def flip_basis(seen: Evaluation, flip: Flip) -> Basis:
    """What was changed, and both outcomes."""
    return Basis(
        kind="experiment",
        changed=flip.dimension.value,
        before=flip.before.ending,
        after=flip.after.ending,
        repeats=str(repeats(seen, flip)),
        set=seen.set,
    )


def repeats(seen: Evaluation, flip: Flip) -> int:
    """How often both outcomes were seen with this one thing as it was, and changed."""
    failed = worked = 0
    for each in seen.asked:
        if each.works:
            worked += flip.dimension not in difference(flip.after, each)
        else:
            failed += flip.dimension not in difference(each, flip.before)
    return max(1, min(failed, worked))


def alert_of(facts: HandshakeFacts) -> dict[str, str]:
    """What the first failure said; where it said nothing, the stage it ended at."""
    alert = peer_alert(facts)
    if alert is None:
        return evidence(
            stage=facts.stage.value,
            server_name=peer_text(facts.offer.server_name) if facts.offer else "",
        )
    return alert_evidence(alert, facts)


def way_basis(seen: Evaluation, changed: Dimension, after: str) -> Basis:
    """For what was asked in another way than by a hello with one thing changed."""
    return Basis(
        kind="experiment",
        changed=changed.value,
        before=seen.first.ending,
        after=after,
        repeats="1",
    )

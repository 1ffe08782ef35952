"""What the engine hands on: one finished target, without any judgement."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.facts import HandshakeFacts
from fleetscan.inventory.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOutcome:
    """The one final outcome of one target at one address.

    Args:
        target: as the inventory gave it.
        address: the address probed, as text; `""` when the name gave none.
        facts: what was seen; a target that was not probed has none.
        skipped: why it was not probed: `excluded`, `interrupted`; `""` when it was.
        internal_error: traceback of a bug of ours; `""` otherwise.
        probes: connections made.
        ended_at: Unix seconds, UTC.
    """

    target: Target
    address: str
    facts: HandshakeFacts | None
    skipped: str = ""
    internal_error: str = ""
    probes: int = 0
    ended_at: float = 0.0

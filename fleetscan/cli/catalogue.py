"""The catalogue of causes as commands look things up in it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fleetscan.causes import CATALOGUE, entry_of

if TYPE_CHECKING:
    from fleetscan.causes.model import CatalogueEntry


@functools.cache
def entries_by_id() -> dict[str, CatalogueEntry]:
    """Every entry by its id, in the catalogue's order."""
    return {entry.id: entry for entry in CATALOGUE}


def remedy_text(cause_id: str) -> str:
    """What to do about a cause, with `{values}` where the concrete ones go."""
    return entry_of(cause_id).remedy.text

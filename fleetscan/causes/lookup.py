"""What a word may be: an id of ours, an alert, or a text that another program wrote."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.causes import CATALOGUE
from fleetscan.causes.alert_meanings import CLIENT, MEANINGS, SERVER, causes_of_alert
from fleetscan.causes.known_texts import Reading, readings_of
from fleetscan.causes.text_pattern import alert_named
from fleetscan.registry import alerts as registry

if TYPE_CHECKING:
    from fleetscan.causes.model import CatalogueEntry

LAST_OCTET: Final = 255
_CLOSE_ENOUGH: Final = 0.5
_LONGEST_ID: Final = 64
"""Characters of a word that is compared with ids: the longest has 42."""


class Kind(Enum):
    """What was recognised."""

    CAUSE = "cause"
    FINDING = "finding"
    ALERT = "alert"
    TEXT = "text"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of one word.

    Args:
        word: as it was given.
        entry: the page of the catalogue, for a cause or a finding.
        alert: its number.
        readings: for a text, the ways to read it.
        near: for what is not known, ids that look like it.
    """

    word: str
    kind: Kind
    entry: CatalogueEntry | None = None
    alert: int | None = None
    readings: tuple[Reading, ...] = ()
    near: tuple[str, ...] = ()

    @property
    def causes(self) -> tuple[str, ...]:
        """Every id that it can be, the likeliest first."""
        if self.entry is not None:
            return (self.entry.id,)
        if self.alert is not None:
            # Of a scan's result it is the server's: those come first.
            both = (*causes_of_alert(self.alert, SERVER), *causes_of_alert(self.alert, CLIENT))
            return tuple(dict.fromkeys(both))
        return tuple(dict.fromkeys(each for reading in self.readings for each in reading.causes))

    @property
    def is_ambiguous(self) -> bool:
        """Whether it can be more than one thing."""
        return len(self.causes) > 1


def look_up(word: str) -> Answer:
    """Say what a word, an error message or a line of a log means.

    Args:
        word: text of any origin, of any length; the first
            `limits.MAX_EXPLAINED_LINE` characters are looked at.
    """
    text = " ".join(word[: limits.MAX_EXPLAINED_LINE].split())
    entry = _entry(text)
    if entry is not None:
        kind = Kind.FINDING if entry.family == "finding" else Kind.CAUSE
        return Answer(word=word, kind=kind, entry=entry)
    alert = _alert(text)
    if alert is not None:
        return Answer(word=word, kind=Kind.ALERT, alert=alert)
    readings = readings_of(text)
    if readings:
        return Answer(word=word, kind=Kind.TEXT, readings=readings)
    return Answer(word=word, kind=Kind.NOT_KNOWN, near=_near(text))


def alert_label(code: int) -> str:
    """An alert as it is shown everywhere: `unknown_ca(48)`."""
    return f"{registry.NAMES.get(code, 'unassigned')}({code})"


def alert_meaning(code: int) -> str:
    """What an alert says, in a few words."""
    return MEANINGS.get(code, "no registry names it; all that is sure is that it ends a handshake")


def _entry(text: str) -> CatalogueEntry | None:
    wanted = text.lower()
    return next((each for each in CATALOGUE if each.id == wanted), None)


def _alert(text: str) -> int | None:
    """An alert by number or name, with or without the word `alert` and a number in brackets."""
    bare = text.lower().removeprefix("alert ").strip()
    name, bracket, number = bare.removesuffix(")").partition("(")
    if bracket and alert_named(name) is not None and number.strip().isdecimal():
        bare = name
    if bare.isascii() and bare.isdecimal():
        return int(bare) if len(bare) <= 3 and int(bare) <= LAST_OCTET else None
    return alert_named(bare)


def _near(text: str) -> tuple[str, ...]:
    """Ids that look like a word; none for a whole sentence."""
    if not text or len(text) > _LONGEST_ID or " " in text:
        return ()
    ids = [entry.id for entry in CATALOGUE]
    wanted = text.lower()
    close = difflib.get_close_matches(wanted, ids, n=3, cutoff=_CLOSE_ENOUGH)
    close += [each for each in ids if each.endswith(f".{wanted}") and each not in close]
    return tuple(close)

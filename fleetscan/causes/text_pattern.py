"""Patterns of what other programs write: literal text, with `...` for what varies.

A pattern is found piece by piece from left to right, which takes time in proportion to the
line: there is no expression in it that could be made to go back and try again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fleetscan.registry import alerts as registry

WILDCARD: Final = "..."
ALERT_NAME: Final = "{alert}"
ALERT_NUMBER: Final = "{number}"

_TYPOGRAPHY: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_LONGEST_NAME: Final = 48
"""Characters that are looked at for the name of an alert: the longest has 31."""


def folded(text: str) -> str:
    """The text as it is compared: no case, one blank for many, plain quotation marks."""
    return " ".join(text.translate(_TYPOGRAPHY).casefold().split())


def squeezed(name: str) -> str:
    """A name without case, blanks and punctuation: `unknown_ca`, `UnknownCA`, `unknown ca`."""
    return "".join(each for each in name.casefold() if each.isalnum())


_ALERTS: Final = {squeezed(name): code for code, name in registry.NAMES.items()}


def alert_named(name: str) -> int | None:
    """The alert of this name, however its words are joined; None when there is none."""
    return _ALERTS.get(squeezed(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a pattern was found.

    `weight` is how many characters of the line the pattern accounts for: the more, the less
    can the line be about something else. `alert` is the alert that it names, if it names one.
    """

    weight: int
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled pattern.

    Args:
        pieces: what must stand in the line, in this order, with anything between them.
        takes: `{alert}` or `{number}` when the alert's name or number follows the last piece.
    """

    pieces: tuple[str, ...]
    takes: str = ""

    def search(self, line: str) -> Found | None:
        """Find it in a line that is `folded` already."""
        at = 0
        last = len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            # What an alert's name is to follow may end in the middle of a word.
            start = _find(piece, line, at, whole=not (self.takes and number == last))
            if start < 0:
                return None
            at = start + len(piece)
        weight = sum(map(len, self.pieces))
        if not self.takes:
            return Found(weight=weight)
        alert, length = (_name_at if self.takes == ALERT_NAME else _number_at)(line, at)
        return None if alert is None else Found(weight=weight + length, alert=alert)


def compiled(text: str) -> Pattern:
    """A pattern from its text in the data.

    Raises:
        ValueError: it has no literal text, or an alert that is not at its end.
    """
    takes = next((each for each in (ALERT_NAME, ALERT_NUMBER) if text.endswith(each)), "")
    literal = folded(text.removesuffix(takes))
    # A blank before the alert belongs to the piece.
    if takes and text.removesuffix(takes).endswith(" "):
        literal += " "
    pieces = [piece for piece in literal.split(WILDCARD) if piece.strip()]
    if not pieces or ALERT_NAME in literal or ALERT_NUMBER in literal:
        raise ValueError(f"not a pattern: {text!r}")
    *first, last = pieces
    return Pattern((*(piece.strip() for piece in first), last.lstrip()), takes)


def _find(piece: str, line: str, at: int, *, whole: bool) -> int:
    """The first place from `at` on where the piece stands, not in the middle of a word; or -1."""
    start = line.find(piece, at)
    # Ends: each turn starts further to the right.
    while start >= 0 and not (
        _begins_word(piece, line, start) and (not whole or _ends_word(piece, line, start))
    ):
        start = line.find(piece, start + 1)
    return start


def _begins_word(piece: str, line: str, start: int) -> bool:
    return start == 0 or not (_in_word(piece[0]) and _in_word(line[start - 1]))


def _ends_word(piece: str, line: str, start: int) -> bool:
    end = start + len(piece)
    return end == len(line) or not (_in_word(piece[-1]) and _in_word(line[end]))


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _name_at(line: str, at: int) -> tuple[int | None, int]:
    """The longest name of an alert that the line goes on with, and its length."""
    text = line[at : at + _LONGEST_NAME]
    # Ends: each turn has one character less.
    for end in range(len(text), 0, -1):
        if end < len(text) and _in_word(text[end]):
            continue
        code = alert_named(text[:end])
        if code is not None:
            return code, end
    return None, 0


def _number_at(line: str, at: int) -> tuple[int | None, int]:
    """The number that the line goes on with, when it is one octet, and its length."""
    digits = line[at : at + 4]
    length = next((n for n, each in enumerate(digits) if each not in "0123456789"), len(digits))
    number = int(digits[:length]) if 0 < length < 4 else 256
    return (number, length) if number <= 0xFF else (None, 0)

"""What other programs write when TLS fails, and which causes they mean by it.

The data is in `fleetscan/causes/texts`, one file a product, and is read when the first line is
looked up. A line may fit several texts: those that say nothing which a longer one does not say
as well are left out, the others are all given, the longest first.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fleetscan import limits
from fleetscan.causes.alert_meanings import EITHER, causes_of_alert
from fleetscan.causes.text_pattern import (
    ALERT_NAME,
    ALERT_NUMBER,
    Found,
    Pattern,
    compiled,
    folded,
)
from fleetscan.registry import alerts as registry


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownText:
    """One text of one product.

    Args:
        product: who writes it.
        patterns: how it is recognised; the first is the one that is shown.
        means: what the product says with it.
        causes: ids, the likeliest first; empty where an alert or another text tells them.
        alert: the alert that it stands for.
        sent_by: whose alert, or whose failing: `client`, `server` or `either`.
        tell_apart: what tells its causes apart, beyond what the catalogue says.
        source: `captured`, with the versions, or the document it is from.
    """

    product: str
    patterns: tuple[str, ...]
    means: str
    causes: tuple[str, ...] = ()
    alert: int | None = None
    sent_by: str = EITHER
    tell_apart: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a line.

    `words` is the pattern that was found, `alert` the one that the line names, and `sent_by` who
    sent it as far as the line tells.
    """

    text: KnownText
    words: str
    causes: tuple[str, ...]
    weight: int
    alert: int | None = None
    sent_by: str = EITHER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    text: KnownText
    pattern: Pattern
    words: str
    found: Found


@functools.cache
def known_texts() -> tuple[KnownText, ...]:
    """Every text of every product, products by name."""
    folder = resources.files("fleetscan.causes.texts")
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".json"))
    return tuple(
        text
        for name in files
        for text in texts_of(json.loads(folder.joinpath(name).read_text("utf-8")))
    )


def texts_of(document: dict[str, Any]) -> tuple[KnownText, ...]:
    """The texts of one file."""
    return tuple(
        KnownText(
            product=document["product"],
            patterns=tuple(each["patterns"]),
            means=each["means"],
            causes=tuple(each.get("causes", ())),
            alert=each.get("alert"),
            sent_by=each.get("sent_by", document["alerts_are_sent_by"]),
            tell_apart=each.get("tell_apart", ""),
            source=each["source"],
        )
        for each in document["texts"]
    )


def readings_of(line: str) -> tuple[Reading, ...]:
    """Every way to read a line of a log or an error message, the most specific first.

    Args:
        line: text of any origin; only `limits.MAX_EXPLAINED_LINE` characters are looked at.

    Returns:
        At most `limits.MAX_READINGS`; none when nothing in it is known.
    """
    looked_at = folded(line[: limits.MAX_EXPLAINED_LINE])
    matches = [
        _Match(text=text, pattern=pattern, words=words, found=found)
        for text, pattern, words in _compiled_texts()
        if (found := pattern.search(looked_at)) is not None
    ]
    told = _without_repeated(_without_contained(matches))
    sender = next((each.text.sent_by for each in told if each.text.sent_by != EITHER), EITHER)
    readings = sorted((_reading(each, sender) for each in told), key=_rank)
    return tuple(_one_an_alert(readings)[: limits.MAX_READINGS])


@functools.cache
def _compiled_texts() -> tuple[tuple[KnownText, Pattern, str], ...]:
    return tuple(
        (text, compiled(pattern), pattern) for text in known_texts() for pattern in text.patterns
    )


def _without_contained(matches: list[_Match]) -> list[_Match]:
    """Leave out what is a part of a longer text that matched: it says nothing more."""
    return [
        each
        for each in matches
        if not any(
            other.found.weight > each.found.weight and _contains(other, each) for other in matches
        )
    ]


def _contains(longer: _Match, shorter: _Match) -> bool:
    return Pattern(shorter.pattern.pieces).search(folded(longer.words)) is not None


def _without_repeated(matches: list[_Match]) -> list[_Match]:
    """One match a text: of several patterns of it, the one that accounts for the most."""
    best: dict[int, _Match] = {}
    for each in matches:
        before = best.get(id(each.text))
        if before is None or before.found.weight < each.found.weight:
            best[id(each.text)] = each
    return list(best.values())


def _reading(match: _Match, sender: str) -> Reading:
    text = match.text
    alert = text.alert if match.found.alert is None else match.found.alert
    sent_by = sender if text.sent_by == EITHER else text.sent_by
    causes = text.causes
    if alert is not None and not causes:
        causes = causes_of_alert(alert, sent_by)
    return Reading(
        text=text,
        words=_filled(match.words, alert),
        causes=causes,
        weight=match.found.weight,
        alert=alert,
        sent_by=sent_by,
    )


def _filled(words: str, alert: int | None) -> str:
    """A pattern with the alert's own name or number where it stands for any."""
    if alert is None:
        return words
    name = registry.name_of(alert).replace("_", " ")
    return words.replace(ALERT_NAME, name).replace(ALERT_NUMBER, str(alert))


def _one_an_alert(readings: list[Reading]) -> list[Reading]:
    """Of several readings of one alert the first: its name and its number say it once."""
    named: set[int] = set()
    kept = []
    for reading in readings:
        if reading.alert is None or reading.alert not in named:
            kept.append(reading)
        if reading.alert is not None:
            named.add(reading.alert)
    return kept


def _rank(reading: Reading) -> tuple[bool, int]:
    """Texts that name causes first, then the longest; else in the order of the products."""
    return not reading.causes, -reading.weight

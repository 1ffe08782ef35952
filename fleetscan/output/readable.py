"""Results for people: one line a target, and the summary by cause.

Pure functions of a result's record. What a peer sent was escaped when the record was
made, so nothing here can act on a terminal; colour is only added when asked for.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from fleetscan.output.phrases import RemedyText, deciding_fact, first_step
from fleetscan.text import ELLIPSIS

_PLACE_WIDTH: Final = 46
_CAUSE_WIDTH: Final = 25

_INDENT: Final = 20
"""Columns before the place: what does not fit into the line stands under it."""

_WIDE: Final = 130
"""Columns from which cause and confidence stand in columns of their own."""

_LEAST_ROOM: Final = 20
"""Columns of text under the place, however narrow the terminal."""

_COLOURS: Final = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "info": "2",
    "established": "32",
    "skipped": "2",
    "error": "1;35",
    "cause": "1",
    "dim": "2",
}
"""SGR parameters (ECMA-48 section 8.3.117)."""


class _Part(NamedTuple):
    """A piece of a line: never broken, unless it is longer than a line of its own."""

    text: str
    column: int = 0
    """Columns that it takes at least where there is room for columns."""
    paint: str = ""
    below: bool = False
    """Whether it begins a line of its own on a narrow terminal."""


class Counted(Protocol):
    """A cause's share of a run, as `fleetscan.fleet.summary.CauseCount` has it."""

    id: str
    count: int
    proven: int
    severity: str
    examples: list[Mapping[str, Any]]


def result_line(
    record: Mapping[str, Any],
    *,
    remedy: RemedyText | None = None,
    colour: bool = False,
    width: int | None = None,
) -> str:
    """One target in one line, without the line's end.

    Args:
        record: the result.
        remedy: gives a cause's remedy; None leaves remedies out.
        colour: whether to add SGR sequences (ECMA-48).
        width: columns of the terminal: what does not fit stands below, under the place.
            None: there is none, and one line it is.
    """
    outcome = record["outcome"]
    place = _Part(place_of(record["target"]), _PLACE_WIDTH)
    if outcome == "established":
        told = [_Part("ok", 8, "established"), _Part("", 8), place, *_established(record)]
    elif outcome == "skipped":
        reason = _Part(record.get("skip_reason", ""))
        told = [_Part("skipped", 8, "skipped"), _Part("", 8), place, reason]
    else:
        severity = record["severity"]
        word, paint = ("ERROR", "error") if outcome == "error" else ("FAILED", severity)
        head = [_Part(word, 8, paint), _Part(severity, 8, paint)]
        told = [*head, place, *_failure(record, remedy)]
    return _laid_out(told, width, colour)


def _laid_out(parts: Sequence[_Part], width: int | None, colour: bool) -> str:
    """The parts one after the other, in lines of `width` columns, all but the first indented."""
    lines, line, used = [], "", 0
    narrow = width is not None and width < _WIDE
    for part in parts:
        begins = used > _INDENT and (part.below and narrow)
        if width is not None and used > _INDENT and used + len(part.text) > width:
            begins = True
        if begins:
            lines.append(line.rstrip())
            line, used = " " * _INDENT, _INDENT
        text = part.text
        if begins and width is not None:
            *whole, text = _wrapped(text, max(width - _INDENT, _LEAST_ROOM))
            lines.extend(f"{' ' * _INDENT}{painted(each, part.paint, colour)}" for each in whole)
        pad = part.column if used < _INDENT or not narrow else 0
        gap = " " * (max(pad - len(text), 0) + 2)
        line += painted(text, part.paint, colour) + gap
        used += len(text) + len(gap)
    return "\n".join([*lines, line.rstrip()])


def _wrapped(text: str, columns: int) -> list[str]:
    lines = textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def place_of(target: Mapping[str, Any]) -> str:
    """A target in few words: its name, where one is known, and where it is."""
    name = target["server_name"] or target["reference_name"] or ""
    address = target["address"]
    if not address:
        return f"{name or target['input']}:{target['port']}"
    where = f"[{address}]" if ":" in address else address
    where = f"{where}:{target['port']}"
    return where if name in ("", address) else f"{name} {where}"


def summary_lines(
    counts: Mapping[str, int],
    causes: Sequence[Counted],
    findings: Sequence[Counted],
    *,
    elapsed_s: float,
    colour: bool = False,
    width: int | None = None,
) -> Iterator[str]:
    """The run in some lines: outcomes, then a table by cause, the gravest first.

    Args:
        counts: results by outcome, and `total`.
        causes: in the order to be shown.
        findings: the same.
        elapsed_s: what the run took.
        colour: whether to add SGR sequences.
        width: columns of the terminal: so many examples as fit, and one at least.
    """
    shown = ("established", "failed", "skipped", "error")
    words = [f"{counts[key]:,} {key}" for key in shown if counts[key] or key in shown[:2]]
    plural = "target" if counts["total"] == 1 else "targets"
    yield f"{counts['total']:,} {plural} in {_duration(elapsed_s)}: {', '.join(words)}"
    yield from _table("cause", causes, colour, width)
    yield from _table("finding", findings, colour, width)


def _duration(elapsed_s: float) -> str:
    if elapsed_s < 60:
        return f"{elapsed_s:.1f} s"
    minutes, seconds = divmod(round(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _table(
    title: str, counted: Sequence[Counted], colour: bool, columns: int | None
) -> Iterator[str]:
    if not counted:
        return
    width = max(len(each.id) for each in counted)
    yield ""
    head = f"  {'severity':<8}  {'count':>9}  {title:<{width}}  for example"
    room = None if columns is None else columns - len(head) + len("for example")
    yield painted(head, "dim", colour)
    for each in counted:
        severity = painted(f"{each.severity:<8}", each.severity, colour)
        yield f"  {severity}  {each.count:>9,}  {each.id:<{width}}  {_examples(each, room)}"


def _examples(counted: Counted, room: int | None) -> str:
    """Some of its targets, whole, and a sign when there are more."""
    places = [place_of(target) for target in counted.examples]
    while True:  # ends: one place less each time
        more = f", {ELLIPSIS}" if counted.count > len(places) else ""
        text = ", ".join(places) + more
        if room is None or len(text) <= room or len(places) < 2:
            return text
        places.pop()


def _established(record: Mapping[str, Any]) -> Iterator[_Part]:
    handshake = record["handshake"]
    parts = [handshake[key] for key in ("version", "group", "alpn") if handshake.get(key)]
    certificate = record.get("certificate", {})
    if "not_after" in certificate:
        parts.append(f"{certificate['key']} until {certificate['not_after'][:10]}")
    yield _Part("  ".join(parts))
    yield from _unsettled(record)
    if record["finding_ids"]:
        yield _Part("  ".join(record["finding_ids"]))


def _unsettled(record: Mapping[str, Any]) -> Iterator[_Part]:
    """Why nobody knows whether the path is good."""
    if "limit" in record:
        yield _Part(f"path not settled: ended by the bound {record['limit']}")
    if "not_checked" in record:
        yield _Part(f"path not settled: cannot be checked here: {record['not_checked']}")


def _failure(record: Mapping[str, Any], remedy: RemedyText | None) -> Iterator[_Part]:
    if not record["causes"]:
        ids = ", ".join(record["cause_ids"]) or "no cause was found"
        yield _Part(f"{ids}  (stage {record['stage']})", below=True)
        return
    first = record["causes"][0]
    others = record["cause_ids"][1:]
    step = "" if remedy is None else first_step(first, remedy)
    yield _Part(first["id"], _CAUSE_WIDTH, "cause", below=True)
    yield _Part(first["confidence"], 9)
    for text in (deciding_fact(first), f"+ {', '.join(others)}" if others else ""):
        if text:
            yield _Part(text)
    if step:
        yield _Part(f"-> {step}", paint="dim", below=True)


def painted(text: str, what: str, colour: bool) -> str:
    """The text in the colour of a severity, an outcome or another key of `_COLOURS`."""
    return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if colour and what and text else text

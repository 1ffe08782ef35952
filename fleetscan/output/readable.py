"""Results for people: one line a target, and the summary by cause.

Pure functions of a result's record. What a peer sent was escaped when the record was
made, so nothing here can act on a terminal; colour is only added when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from fleetscan.text import ELLIPSIS

RemedyText = Callable[[str], str]
"""Cause id -> its remedy's sentence, in which `{values}` stands for the concrete ones."""

_PLACE_WIDTH: Final = 46
_CAUSE_WIDTH: Final = 25
_DETAIL_LENGTH: Final = 60
_REMEDY_LENGTH: Final = 120
"""Characters of what decided, and of the remedy: the whole is in the JSON."""

_BELOW: Final = "\n" + " " * 20
"""The next line, under the place."""

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

_PHRASES: Final = {
    "certificate.expired": ("since {}", "not_after"),
    "certificate.not_yet_valid": ("valid from {}", "not_before"),
    "chain.ca_expired": ("since {}", "not_after"),
    "chain.ca_not_yet_valid": ("valid from {}", "not_before"),
    "certificate.name_mismatch": ("valid for {}", "names"),
}
"""Evidence that makes a phrase; other evidence is shown as `key value`."""

_TOLD_ELSEWHERE: Final = frozenset(
    {
        *("server_name", "port", "stage", "octets", "hello_octets", "position"),
        *("spoke_first", "elapsed_ms", "first_octets", "text"),
    }
)
"""Evidence that the line has already, or that only a program reads."""


_CLAUSE_END: Final = re.compile(r"[;:.] ")

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


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
        width: columns of the terminal: a remedy that does not fit behind the rest stands
            below it, under the place. None: there is none, and one line it is.
    """
    outcome = record["outcome"]
    place = f"{place_of(record['target']):<{_PLACE_WIDTH}}"
    if outcome == "established":
        parts = [_painted("ok      ", "established", colour), " " * 8, place, _established(record)]
    elif outcome == "skipped":
        reason = record.get("skip_reason", "")
        parts = [_painted("skipped ", "skipped", colour), " " * 8, place, reason]
    else:
        severity = record["severity"]
        paint = "error" if outcome == "error" else severity
        parts = [
            _painted(f"{'ERROR' if outcome == 'error' else 'FAILED':<8}", paint, colour),
            _painted(f"{severity:<8}", paint, colour),
            place,
            _failure(record, remedy, colour, None if width is None else width - _head(place)),
        ]
    return "  ".join(parts).rstrip()


def _head(place: str) -> int:
    """Columns that outcome, severity and place take, with the gaps behind them."""
    return len(f"{'':8}  {'':8}  {place}  ")


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
) -> Iterator[str]:
    """The run in some lines: outcomes, then a table by cause, the gravest first.

    Args:
        counts: results by outcome, and `total`.
        causes: in the order to be shown.
        findings: the same.
        elapsed_s: what the run took.
        colour: whether to add SGR sequences.
    """
    shown = ("established", "failed", "skipped", "error")
    words = [f"{counts[key]:,} {key}" for key in shown if counts[key] or key in shown[:2]]
    plural = "target" if counts["total"] == 1 else "targets"
    yield f"{counts['total']:,} {plural} in {_duration(elapsed_s)}: {', '.join(words)}"
    yield from _table("cause", causes, colour)
    yield from _table("finding", findings, colour)


def _duration(elapsed_s: float) -> str:
    if elapsed_s < 60:
        return f"{elapsed_s:.1f} s"
    minutes, seconds = divmod(round(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _table(title: str, counted: Sequence[Counted], colour: bool) -> Iterator[str]:
    if not counted:
        return
    width = max(len(each.id) for each in counted)
    yield ""
    head = f"  {'severity':<8}  {'count':>9}  {title:<{width}}  for example"
    yield _painted(head, "dim", colour)
    for each in counted:
        severity = _painted(f"{each.severity:<8}", each.severity, colour)
        examples = ", ".join(place_of(target) for target in each.examples)
        if each.count > len(each.examples):
            examples += ", " + ELLIPSIS
        yield f"  {severity}  {each.count:>9,}  {each.id:<{width}}  {examples}"


def _established(record: Mapping[str, Any]) -> str:
    handshake = record["handshake"]
    parts = [handshake[key] for key in ("version", "group", "alpn") if handshake.get(key)]
    certificate = record.get("certificate", {})
    if "not_after" in certificate:
        parts.append(f"{certificate['key']} until {certificate['not_after'][:10]}")
    parts.extend(record["finding_ids"])
    return "  ".join(parts)


def _failure(
    record: Mapping[str, Any], remedy: RemedyText | None, colour: bool, room: int | None
) -> str:
    if not record["causes"]:
        ids = ", ".join(record["cause_ids"]) or "no cause was found"
        return f"{ids}  (stage {record['stage']})"
    first = record["causes"][0]
    cause_id = f"{first['id']:<{_CAUSE_WIDTH}}"
    others = record["cause_ids"][1:]
    rest = [f"{first['confidence']:<9}", _decided(first), f"+ {', '.join(others)}" * bool(others)]
    told = "  ".join(part for part in rest if part)
    text = "" if remedy is None else _remedy(first, remedy)
    line = f"{_painted(cause_id, 'cause', colour)}  {told}"
    if not text:
        return line
    fits = room is None or len(f"{cause_id}  {told}  -> {text}") <= room
    return f"{line}{'  ' if fits else _BELOW}{_painted(f'-> {text}', 'dim', colour)}"


def _decided(cause: Mapping[str, Any]) -> str:
    evidence = cause["evidence"]
    phrase, key = _PHRASES.get(cause["id"], ("", ""))
    if evidence.get(key):
        value = evidence[key]
        return _shortened(phrase.format(_day(value)), _DETAIL_LENGTH)
    shown = [
        f"{key} {value}"
        for key, value in sorted(evidence.items(), key=lambda each: each[0] == "subject")
        if value and key not in _TOLD_ELSEWHERE and not key.endswith("sha256")
    ]
    return _shortened(", ".join(shown), _DETAIL_LENGTH)


def _day(value: str) -> str:
    """A moment by its day; anything else as it is."""
    return value[:10] if _MOMENT.fullmatch(value) else value


def _remedy(cause: Mapping[str, Any], remedy: RemedyText) -> str:
    """The first thing to do; `fleetscan explain` has the rest."""
    values = ", ".join(cause["remedy"]["values"])
    text = remedy(cause["id"])
    ends = (found.start() for found in _CLAUSE_END.finditer(text))
    end = next((at for at in ends if text.count("(", 0, at) == text.count(")", 0, at)), len(text))
    first = text[:end].rstrip(".").replace("{values}", values)
    return _shortened(first.strip(), _REMEDY_LENGTH)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - len(ELLIPSIS)] + ELLIPSIS


def _painted(text: str, what: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if colour else text

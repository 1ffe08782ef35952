"""A diagnosis for people: the ladder of stages, what was asked, the causes, what to do, by hand.

Pure functions of the record. What peers said was escaped when the record was made, so nothing
here can act on a terminal; colour is only added when asked for.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fleetscan.causes.explain import SEEN_AS_LABELS
from fleetscan.output.chain_text import (
    Look,
    check_lines,
    common_name_text,
    finding_lines,
    fixed_text,
    path_lines,
    wrapped,
)
from fleetscan.output.diagnosis_record import ending_text
from fleetscan.output.readable import painted, place_of

_HEADS: Final = {
    "established": "ESTABLISHED",
    "failed": "FAILED",
    "skipped": "SKIPPED",
    "error": "ERROR",
}

_STATES: Final = {"passed": "ok", "failed": "no"}

_STAGE_WIDTH: Final = 15
"""The longest word of a stage."""

_TIME_WIDTH: Final = 9

_CLIENTS: Final = frozenset({"chrome", "firefox", "openssl", "java", "go"})
"""Those whose words are shown; the JSON has the rest."""

_LABEL_WIDTH: Final = 10

_OTHER_NAMES: Final = frozenset({"other_name", "broad_with_name", "made_up_name"})
"""Experiments of which one wants to know which name was sent."""

_BETWEEN_WORDS: Final = " \\"
"""What ends a line of a command that goes on (POSIX.1-2017, Shell Command Language, 2.2.1)."""


def diagnosis_lines(record: Mapping[str, Any], look: Look) -> Iterator[str]:
    """The record as lines without their ends.

    Args:
        record: as `diagnosis_record` makes it.
        look: how to show it.
    """
    for at, diagnosis in enumerate(record["diagnoses"]):
        if at:
            yield ""
        yield from _diagnosis(diagnosis, record["policy"], look)
    if len(record["diagnoses"]) > 1:
        yield ""
        yield _together(record)
    if "fixed" in record:
        yield ""
        yield from wrapped(fixed_text(record), look, "  ")


def _together(record: Mapping[str, Any]) -> str:
    outcomes = [each["result"]["outcome"] for each in record["diagnoses"]]
    counts = ((word, outcomes.count(word)) for word in _HEADS)
    told = ", ".join(f"{count} {word}" for word, count in counts if count)
    return f"{len(outcomes)} addresses: {told}"


def _diagnosis(diagnosis: Mapping[str, Any], policy: str, look: Look) -> Iterator[str]:
    result = diagnosis["result"]
    outcome = result["outcome"]
    paint = result["severity"] if outcome == "failed" else outcome
    head = painted(_HEADS[outcome], paint, look.colour)
    yield f"{head}  {place_of(result['target'])}, policy {policy}"
    if "skip_reason" in result:
        yield f"  not probed: {result['skip_reason']}"
    yield from _ladder(diagnosis, look)
    yield from _asked(diagnosis, look)
    yield from _accepted(diagnosis, look)
    yield from _certificates(diagnosis, look)
    for cause, explained in zip(result["causes"], diagnosis["explained"], strict=True):
        yield from _cause(cause, explained, diagnosis, look)
    for finding in result["findings"]:
        yield from finding_lines(finding, look)
    yield from _by_hand(diagnosis, look)


# -- what happened -------------------------------------------------------------------------


def _ladder(diagnosis: Mapping[str, Any], look: Look) -> Iterator[str]:
    if diagnosis["ladder"]:
        yield ""
    for rung in diagnosis["ladder"]:
        state = _STATES.get(rung["state"])
        mark = painted("-", "dim", look.colour) if state is None else look.mark(state)
        time = _milliseconds(rung["ms"]) if "ms" in rung else ""
        room = f"  {mark} {rung['stage']:<{_STAGE_WIDTH}} {time:>{_TIME_WIDTH}}"
        first, *rest = _cut(rung.get("detail", ""), look, 6 + _STAGE_WIDTH + _TIME_WIDTH)
        yield f"{room}  {first}".rstrip()
        for line in rest:
            yield f"{' ' * (7 + _STAGE_WIDTH + _TIME_WIDTH)}{line}"


def _milliseconds(elapsed: float) -> str:
    return f"{elapsed / 1_000:.1f} s" if elapsed >= 1_000 else f"{elapsed:.1f} ms"


def _cut(text: str, look: Look, indent: int) -> list[str]:
    lines = textwrap.wrap(
        text, max(look.columns - indent - 1, 20), break_long_words=False, break_on_hyphens=False
    )
    return lines or [""]


def _asked(diagnosis: Mapping[str, Any], look: Look) -> Iterator[str]:
    asked = diagnosis["asked"]
    if not asked:
        return
    yield ""
    yield "  asked again, with one thing changed:"
    for each in asked:
        mark = look.mark("ok" if each["answered"] else "no")
        # What it is and no more: the clauses behind are about when it is asked.
        first, *rest = _cut(f"{each['name']}: {each['asks'].partition('; ')[0]}", look, 4)
        yield f"  {mark} {first}"
        yield from (f"    {line}" for line in rest)
        yield from wrapped(f"{'→' if look.signs else '->'} {_came(each)}", look)


def _came(asked: Mapping[str, Any]) -> str:
    """What came of an experiment."""
    chosen = ", ".join(asked[key] for key in ("version", "cipher_suite", "group") if key in asked)
    told = f"{ending_text(asked['ending'])}{f': {chosen}' if chosen else ''}"
    named = f"{asked['server_name']} gets " if asked["name"] in _OTHER_NAMES else ""
    return f"{named}{told}, {_milliseconds(asked['ms'])}"


def _accepted(diagnosis: Mapping[str, Any], look: Look) -> Iterator[str]:
    """What it chose; not where the first handshake shows it and nothing else was chosen."""
    begun = "version" in diagnosis["result"]["handshake"]
    if len(diagnosis["accepted"]) <= begun:
        return
    yield ""
    yield "  the server does accept:"
    for each in diagnosis["accepted"]:
        yield from wrapped(", ".join(each.values()), look)


def _certificates(diagnosis: Mapping[str, Any], look: Look) -> Iterator[str]:
    if not diagnosis["path"]:
        return
    yield ""
    yield from path_lines(_as_chain(diagnosis), look)
    yield from check_lines(_as_chain(diagnosis), look)


def _as_chain(diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """The members that a verified chain has, as `chain_text` reads them."""
    result = diagnosis["result"]
    undecided = "limit" in result or "not_checked" in result
    return {
        **result,
        "path": diagnosis["path"],
        "name": result["target"]["reference_name"],
        "outcome": "undecided" if undecided else "",
    }


# -- what it means -------------------------------------------------------------------------


def _cause(
    cause: Mapping[str, Any],
    explained: Mapping[str, Any],
    diagnosis: Mapping[str, Any],
    look: Look,
) -> Iterator[str]:
    told = painted(cause["id"], "cause", look.colour)
    severity = painted(cause["severity"], cause["severity"], look.colour)
    fact = f": {explained['fact']}" if explained["fact"] else ""
    yield ""
    yield f"  {look.mark('no')} {told}  {cause['confidence']}  {severity}"
    yield from wrapped(f"{explained['title']}{fact}", look)
    if "certificate" in diagnosis["result"] and (
        common_name := common_name_text(cause, _as_chain(diagnosis))
    ):
        yield from wrapped(common_name, look)
    yield from wrapped(explained["why"], look)
    for label, text in _told(cause, explained):
        yield from wrapped(f"{label}: {text}", look)
    if cause["evidence"]:
        yield "    evidence:"
    for key, value in cause["evidence"].items():
        yield from wrapped(f"{key.replace('_', ' ')}: {value}", look, "      ")
    yield from _seen_as(explained["seen_as"], look)


def _told(cause: Mapping[str, Any], explained: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The rest of a cause's sentences, each with the word before it."""
    if explained["proof"]:
        yield ("proof" if cause["confidence"] == "proven" else "because"), explained["proof"]
    if cause.get("alternatives"):
        yield "or", ", ".join(cause["alternatives"])
    if cause.get("missing"):
        yield "to settle it", cause["missing"]
    if cause["accepted_by"]:
        yield "accepted by", ", ".join(cause["accepted_by"])
    yield "do", explained["remedy"]


def _seen_as(seen_as: Mapping[str, str], look: Look) -> Iterator[str]:
    shown = [
        (name, label) for name, label in SEEN_AS_LABELS if name in _CLIENTS and name in seen_as
    ]
    if shown:
        yield "    others say:"
    if "server_log" in seen_as:
        shown.append(("server_log", "its log"))
    for name, label in shown:
        lines = _cut(seen_as[name], look, 6 + _LABEL_WIDTH)
        yield f"      {label:<{_LABEL_WIDTH}}{lines[0]}"
        for line in lines[1:]:
            yield f"      {' ' * _LABEL_WIDTH}{line}"


# -- by hand -------------------------------------------------------------------------------


def _by_hand(diagnosis: Mapping[str, Any], look: Look) -> Iterator[str]:
    if diagnosis["by_hand"]:
        yield ""
        yield "  by hand:"
    for each in diagnosis["by_hand"]:
        yield from wrapped(f"# {each['shows']}", look)
        yield from _command(each["command"], look)


def _command(command: str, look: Look) -> Iterator[str]:
    """A command in lines that a shell puts together again; a word is never broken."""
    room = look.columns - len(_BETWEEN_WORDS)
    line = "   "
    for word in _words(command):
        if len(line) + 1 + len(word) > room and line.strip():
            yield f"{line}{_BETWEEN_WORDS}"
            line = "     "
        line += f" {word}"
    yield line


def _words(command: str) -> Iterator[str]:
    """Its words as they stand there, quotes and all, each option with its value."""
    lexer = shlex.shlex(command, posix=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    option = ""
    for word in lexer:
        if option and word[0] in "-|<>":
            yield option
            option = ""
        if word.startswith("-") and not option:
            option = word
            continue
        yield f"{option} {word}".lstrip()
        option = ""
    if option:
        yield option

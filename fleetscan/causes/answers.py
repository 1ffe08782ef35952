"""An answer of `fleetscan explain`: as text for people, as a record for programs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from fleetscan import limits
from fleetscan.causes import entry_of
from fleetscan.causes.alert_meanings import CLIENT, EITHER, SERVER, causes_of_alert
from fleetscan.causes.explain import WIDTH, explain_text, remedy_text, seen_as_rows
from fleetscan.causes.lookup import Answer, Kind, alert_label, alert_meaning
from fleetscan.causes.settling import commands_for
from fleetscan.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fleetscan.causes.known_texts import Reading
    from fleetscan.causes.model import CatalogueEntry

SENDER_WORDS: Final = {
    SERVER: "the server sent it",
    CLIENT: "the client sent it, and the server is what it complains of",
    EITHER: "the words alone do not say who sent it: the server, or its client",
}

NOT_KNOWN_HINT: Final = (
    "Nothing in it is known here, and nothing is guessed. Try the error message alone, without "
    "what the program wrote around it; the line of the log before it, or after it; the number "
    "or the name of an alert in it. 'fleetscan explain' lists every cause."
)


def answer_text(answer: Answer) -> str:
    """An answer as lines of at most `explain.WIDTH` columns, without a newline at the end."""
    if answer.entry is not None:
        return explain_text(answer.entry)
    if answer.kind is Kind.NOT_KNOWN:
        parts = [shown(answer.word), "Not known.", *_not_known(answer)]
    elif answer.alert is not None:
        parts = [alert_label(answer.alert), *_alert_parts(answer.alert), *_telling(answer)]
    else:
        readings = [_reading_text(reading) for reading in answer.readings]
        parts = [_filled(shown(answer.word)), *readings, *_telling(answer)]
    return "\n\n".join(part for part in parts if part)


def shown(word: str) -> str:
    """The word as it may be printed: whole as far as it is short, nothing in it that acts."""
    return printable(
        " ".join(word[: limits.MAX_EXPLAINED_LINE].split()), limits.MAX_EXPLAINED_SHOWN
    )


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as what is written with `--json`; every key is there for every kind."""
    return {
        "word": shown(answer.word),
        "known": answer.kind is not Kind.NOT_KNOWN,
        "kind": answer.kind.value,
        "ambiguous": answer.is_ambiguous,
        "alert": _alert_record(answer.alert),
        "readings": [_reading_record(reading) for reading in answer.readings],
        "causes": [_entry_record(entry_of(each), answer.causes) for each in answer.causes],
        "commands": [command for command, _ in commands_for(answer.causes)],
        "near": list(answer.near),
    }


# -- text ----------------------------------------------------------------------


def _not_known(answer: Answer) -> Iterable[str]:
    if answer.near:
        yield _filled(f"Did you mean {' or '.join(answer.near)}?")
    yield _filled(NOT_KNOWN_HINT)


def _alert_parts(code: int) -> Iterable[str]:
    yield _filled(f"Alert {code} of TLS: {alert_meaning(code)}.")
    for sender, title in (
        (SERVER, "Sent by the server: what a client's error message quotes"),
        (CLIENT, "Sent by the client: what a server's log quotes"),
    ):
        causes = causes_of_alert(code, sender)
        if causes:
            yield f"{title}\n{_titles(causes)}"
    if not causes_of_alert(code):
        yield "It stands for no cause."


def _reading_text(reading: Reading) -> str:
    text = reading.text
    lines = [_filled(f"{text.product}: {text.means}.")]
    if reading.alert is not None:
        meaning = alert_meaning(reading.alert)
        lines.append(_filled(f"Alert {alert_label(reading.alert)}: {meaning}.", "  "))
        lines.append(_filled(f"Who: {SENDER_WORDS[reading.sent_by]}.", "  "))
    lines.append(_filled(f"Text: {reading.words}", "  "))
    lines.append(_filled(f"Source: {text.source}", "  "))
    if reading.causes:
        lines.append(_titles(reading.causes))
    if text.tell_apart:
        lines.append(_filled(text.tell_apart, "  "))
    return "\n".join(lines)


def _titles(causes: Sequence[str]) -> str:
    width = max(map(len, causes))
    return "\n".join(
        textwrap.fill(
            f"{each:<{width}}  {entry_of(each).title}",
            width=WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * (width + 4),
            break_on_hyphens=False,
        )
        for each in causes
    )


def _telling(answer: Answer) -> Iterable[str]:
    """What tells the causes apart, what to do when there is but one, what settles it."""
    causes = answer.causes
    if answer.is_ambiguous:
        yield _filled(f"It can be {len(causes)} things; the text alone does not say which.")
        told = "\n".join(_told_apart(entry_of(each), causes) for each in causes)
        yield f"How to tell them apart\n{told}"
    for each in causes if len(causes) == 1 else ():
        entry = entry_of(each)
        yield f"What proves it\n{_filled(entry.proof, '  ')}"
        yield f"What to do\n{_filled(remedy_text(entry), '  ')}"
    commands = commands_for(causes)
    if commands:
        lines = (f"  {command}\n{_filled(what, '      ')}" for command, what in commands)
        yield "\n".join(("What settles it", *lines))
    if causes:
        yield _filled(f"More of each: fleetscan explain {causes[0]}")


def _told_apart(entry: CatalogueEntry, among: Sequence[str]) -> str:
    lines = [_filled(f"{entry.id}: {entry.proof}", "  ", "      ")]
    lines += [
        _filled(f"not {other}: {difference}", "      ", "          ")
        for other, difference in entry.not_this.items()
        if other in among
    ]
    return "\n".join(lines)


def _filled(text: str, indent: str = "", later: str | None = None) -> str:
    return textwrap.fill(
        text,
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if later is None else later,
        break_on_hyphens=False,
    )


# -- records -------------------------------------------------------------------


def _alert_record(code: int | None) -> dict[str, Any] | None:
    if code is None:
        return None
    return {
        "code": code,
        "name": alert_label(code).partition("(")[0],
        "meaning": alert_meaning(code),
        "from_server": list(causes_of_alert(code, SERVER)),
        "from_client": list(causes_of_alert(code, CLIENT)),
    }


def _reading_record(reading: Reading) -> dict[str, Any]:
    text = reading.text
    return {
        "product": text.product,
        "text": reading.words,
        "means": text.means,
        "causes": list(reading.causes),
        "alert": _alert_record(reading.alert),
        "sent_by": reading.sent_by if reading.alert is not None else "",
        "tell_apart": text.tell_apart,
        "source": text.source,
    }


def _entry_record(entry: CatalogueEntry, among: Sequence[str]) -> dict[str, Any]:
    """A cause in short beside others, in full when it is the only one."""
    alone = len(among) == 1
    record: dict[str, Any] = {
        "id": entry.id,
        "title": entry.title,
        "severity": entry.severity.value,
        "proof": entry.proof,
        "remedy": {"id": entry.remedy.id, "text": remedy_text(entry)},
        "not_this": {
            other: difference
            for other, difference in entry.not_this.items()
            if alone or other in among
        },
    }
    if alone:
        record |= {
            "why": entry.why,
            "seen_as": dict(seen_as_rows(entry.seen_as)),
            "evidence": dict(entry.evidence),
            "references": list(entry.references),
        }
    return record

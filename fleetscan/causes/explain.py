"""A catalogue entry as plain text, for `fleetscan explain`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleetscan.causes.model import CatalogueEntry, SeenAs

WIDTH: Final = 79
"""Columns; a terminal of the usual 80 wraps nothing."""

SEEN_AS_LABELS: Final[tuple[tuple[str, str], ...]] = (
    ("alert", "Alert"),
    ("chrome", "Chrome"),
    ("firefox", "Firefox"),
    ("safari", "Safari"),
    ("edge", "Edge"),
    ("openssl", "OpenSSL"),
    ("go", "Go"),
    ("java", "Java"),
    ("dotnet", ".NET"),
    ("server_log", "Server log"),
)
"""Fields of `SeenAs` in the order they are shown, each with its label."""


def seen_as_rows(seen_as: SeenAs) -> tuple[tuple[str, str], ...]:
    """What others say, without those who say nothing: (label, words)."""
    rows = ((label, getattr(seen_as, name)) for name, label in SEEN_AS_LABELS)
    return tuple((label, words) for label, words in rows if words)


def told_by(entry: CatalogueEntry) -> str:
    """Whether one probe is enough to tell this cause."""
    if entry.match is not None:
        return "One probe can tell it."
    if entry.id == "unknown":
        return "It is what is left when no cause holds."
    return "One probe cannot tell it: it takes experiments, repairs or the rest of the fleet."


def remedy_text(entry: CatalogueEntry, values: tuple[str, ...] = ()) -> str:
    """The remedy with its concrete values; without any, with a word that stands for them."""
    return entry.remedy.text.replace("{values}", ", ".join(values) if values else "<value>")


def explain_text(entry: CatalogueEntry) -> str:
    """Everything the catalogue knows of one cause, wrapped for a terminal.

    Args:
        entry: any entry; its text is ours, so there is nothing in it to escape.

    Returns:
        Lines of at most `WIDTH` columns, without a newline at the end.
    """
    parts = [
        entry.id,
        _paragraph(entry.title + "."),
        _paragraph(f"Severity: {entry.severity.value}. {told_by(entry)}"),
        _section("Why it happens", entry.why),
        _section("What proves it", entry.proof),
        _section("What to do", remedy_text(entry)),
        _list("What it is not", tuple(entry.not_this.items())),
        _list("What others say", seen_as_rows(entry.seen_as)),
        _list("Evidence", tuple(entry.evidence.items())),
    ]
    if entry.hidden_by:
        parts.append(_section("Left out beside", ", ".join(entry.hidden_by)))
    parts.append(_section("References", "; ".join(entry.references)))
    return "\n\n".join(part for part in parts if part)


def _paragraph(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _section(title: str, text: str) -> str:
    return f"{title}\n{_paragraph(text, '  ')}"


def _list(title: str, rows: tuple[tuple[str, str], ...]) -> str:
    if not rows:
        return ""
    lines = [
        textwrap.fill(
            f"{label}: {text}",
            width=WIDTH,
            initial_indent="  ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )
        for label, text in rows
    ]
    return "\n".join([title, *lines])

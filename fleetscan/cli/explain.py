"""`fleetscan explain`: a page of the catalogue."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from fleetscan.errors import UsageError

if TYPE_CHECKING:
    from fleetscan.causes.model import CatalogueEntry

_WIDTH: Final = 96

_PRODUCTS: Final = {
    "alert": "alert",
    "chrome": "Chrome",
    "edge": "Edge",
    "firefox": "Firefox",
    "safari": "Safari",
    "openssl": "OpenSSL",
    "go": "Go",
    "java": "Java",
    "dotnet": ".NET",
    "server_log": "server's log",
}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from fleetscan.cli.catalogue import entries_by_id

    return [each for each in entries_by_id() if each.startswith(incomplete)]


@click.command(name="explain", short_help="Say what a cause means and what to do about it.")
@click.argument("cause_id", metavar="[ID]", required=False, shell_complete=_complete)
def command(cause_id: str | None) -> None:
    """Print the page of the cause or finding ID; without ID, list all of them."""
    from fleetscan.cli.catalogue import entries_by_id

    entries = entries_by_id()
    if cause_id is None:
        width = max(map(len, entries))
        for entry in entries.values():
            click.echo(f"{entry.id:<{width}}  {entry.severity.value:<8}  {entry.title}")
        return
    if cause_id not in entries:
        raise UsageError(_unknown(cause_id, list(entries)))
    click.echo("\n".join(page(entries[cause_id])))


def page(entry: CatalogueEntry) -> Iterator[str]:
    """The entry as a person reads it, line by line."""
    yield f"{entry.id}  ({entry.severity.value})"
    yield from _paragraph(entry.title)
    yield from _section("Why", entry.why)
    if entry.not_this:
        yield "\nNot to be confused with"
        for other, difference in entry.not_this.items():
            yield from _item(other, difference)
    yield from _section("What settles it", entry.proof)
    yield from _section("What to do", entry.remedy.text.replace("{values}", "..."))
    if entry.evidence:
        yield "\nEvidence"
        for key, meaning in entry.evidence.items():
            yield from _item(key, meaning)
    seen = {title: getattr(entry.seen_as, key) for key, title in _PRODUCTS.items()}
    if any(seen.values()):
        yield "\nElsewhere it reads"
        for title, text in seen.items():
            if text:
                yield from _item(title, text)
    if entry.references:
        yield from _section("References", "; ".join(entry.references))


def _unknown(cause_id: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(cause_id, known, n=3, cutoff=0.5)
    close += [each for each in known if each.endswith(f".{cause_id}") and each not in close]
    hint = f"; did you mean {' or '.join(close)}?" if close else "; 'fleetscan explain' lists all"
    return f"no cause or finding is called {cause_id[:80]!r}{hint}"


def _section(title: str, text: str) -> Iterator[str]:
    yield f"\n{title}"
    yield from _paragraph(text)


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _item(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        f"{name}: {text}",
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
    )

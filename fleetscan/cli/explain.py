"""`fleetscan explain`: a page of the catalogue."""

from __future__ import annotations

from typing import Any

import click

from fleetscan.errors import UsageError


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
    from fleetscan.causes.explain import explain_text

    click.echo(explain_text(entries[cause_id]))


def _unknown(cause_id: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(cause_id, known, n=3, cutoff=0.5)
    close += [each for each in known if each.endswith(f".{cause_id}") and each not in close]
    hint = f"; did you mean {' or '.join(close)}?" if close else "; 'fleetscan explain' lists all"
    return f"no cause or finding is called {cause_id[:80]!r}{hint}"

"""`fleetscan schema`: the JSON Schemas of what is written."""

from __future__ import annotations

import click


@click.command(name="schema", short_help="Print the JSON Schema of the output.")
@click.argument(
    "name",
    metavar="[verify|diagnose]",
    type=click.Choice(("result", "verify", "diagnose")),
    default="result",
)
def command(name: str) -> None:
    """Print the JSON Schema (draft 2020-12) that every line of a scan conforms to.

    With `verify` or `diagnose`, print that of what this command writes with --json.
    """
    from fleetscan.output.schema import schema_text

    click.echo(schema_text(name), nl=False)

"""`fleetscan schema`: the JSON Schema of every output line."""

from __future__ import annotations

import click


@click.command(name="schema", short_help="Print the JSON Schema of the output.")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) that every line of the output conforms to."""
    from fleetscan.output.schema import schema_text

    click.echo(schema_text(), nl=False)

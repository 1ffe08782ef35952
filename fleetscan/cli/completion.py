"""`fleetscan completion`: the script that lets a shell complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HOW = {
    "bash": 'eval "$(fleetscan completion bash)"          # in ~/.bashrc',
    "zsh": 'eval "$(fleetscan completion zsh)"           # in ~/.zshrc, after compinit',
    "fish": "fleetscan completion fish > ~/.config/fish/completions/fleetscan.fish",
}


@click.command(
    name="completion",
    short_help="Print a shell's completion script.",
    epilog="\b\n" + "\n".join(_HOW.values()),
)
@click.argument("shell", type=click.Choice(tuple(_HOW)))
def command(shell: str) -> None:
    """Print the completion script for SHELL on standard output."""
    from fleetscan.cli.app import COMPLETE_VARIABLE, PROGRAM, application

    completion = get_completion_class(shell)
    assert completion is not None, "click completes every shell that is a choice here"
    click.echo(completion(application, {}, PROGRAM, COMPLETE_VARIABLE).source())

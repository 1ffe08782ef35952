"""`fleetscan lab`: the small broken fleet alone, for trying out pipelines."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from fleetscan.cli.terminal import say

if TYPE_CHECKING:
    from fleetscan.inventory.target import Target


@click.command(name="lab", short_help="Serve a small broken fleet on this machine.")
def command() -> int:
    """Serve every condition of the lab on loopback until Ctrl-C.

    The inventory is printed as JSON Lines on standard output; the root to trust is named
    on standard error. Nothing is reachable from outside this machine.
    """
    from fleetscan.cli.loop import run_in_loop

    return run_in_loop(_serve())


async def _serve() -> int:
    import asyncio

    from fleetscan.lab import Lab

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Lab() as lab:
        click.echo("\n".join(inventory_line(target) for target in lab.targets))
        say(f"the lab serves {len(lab.targets)} conditions; Ctrl-C ends it")
        say(f"scan it: fleetscan scan -l INVENTORY --trust {lab.trust_file}")
        await stopped.wait()
    return 0


def inventory_line(target: Target) -> str:
    """The target as a JSON line that `-l` reads back as the same target."""
    import orjson

    fields: dict[str, Any] = {}
    if target.host:
        fields["host"] = target.host
    if target.address:
        fields["address"] = target.address
    fields["port"] = target.port
    fields["server_name"] = target.server_name
    fields["reference_name"] = target.reference_name
    fields["starttls"] = target.starttls
    if target.labels:
        fields["labels"] = dict(target.labels)
    return orjson.dumps(fields).decode()

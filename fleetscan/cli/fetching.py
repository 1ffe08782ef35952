"""`--fetch` and `--fetch-allow`: what may be asked for at URLs that strangers wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fleetscan.cli.revocation import NONE
from fleetscan.errors import UsageError

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def fetching_options(function: _Decorated) -> _Decorated:
    """Give a command the options."""
    for option in reversed(
        (
            click.option(
                "--fetch",
                type=click.Choice(("aia",)),
                multiple=True,
                help="Fetch from URLs that certificates name; nothing is unless asked for. "
                "'aia': missing intermediates, from their issuers' addresses.",
            ),
            click.option(
                "--fetch-allow",
                metavar="CIDR",
                multiple=True,
                help="Let fetching reach these addresses although they are private, loopback "
                "and so on; excluded ones stay out of reach. Repeatable.",
            ),
        )
    ):
        function = option(function)
    return function


def fetch_allow_from(options: dict[str, Any]) -> tuple[str, ...]:
    """The networks that fetching may reach whatever they are.

    Raises:
        UsageError: one of them is none, or nothing is fetched, or a proxy is in the way.
    """
    from fleetscan.inventory.ranges import parse_range

    texts: tuple[str, ...] = options["fetch_allow"]
    if texts and not options["fetch"] and options["revocation"] == NONE:
        raise UsageError("--fetch-allow needs --fetch or --revocation")
    if options["fetch"] and options["proxy"]:
        raise UsageError("--fetch connects directly: it cannot be used with --proxy")
    for text in texts:
        try:
            parse_range(text)
        except ValueError as refused:
            raise UsageError(f"--fetch-allow: {refused}") from None
    return texts

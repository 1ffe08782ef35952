"""`--diagnose` and `--budget`: whether failing targets are asked again, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fleetscan import limits

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def diagnosis_options(function: _Decorated) -> _Decorated:
    """Give a command the options."""
    for option in reversed(
        (
            click.option(
                "--diagnose",
                type=click.Choice(("never", "failed")),
                default="failed",
                show_default=True,
                help="Ask targets that failed again, with one thing changed at a time, until it "
                "is clear why. A target that works costs one connection in any case.",
            ),
            click.option(
                "--budget",
                metavar="N",
                type=click.IntRange(1, limits.MAX_DIAGNOSIS_BUDGET),
                default=limits.DIAGNOSIS_BUDGET,
                show_default=True,
                help="Connections that explaining one failing target may cost beyond the first.",
            ),
        )
    ):
        function = option(function)
    return function

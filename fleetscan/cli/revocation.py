"""`--revocation`: whether anybody is asked if the certificates were revoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fleetscan.errors import UsageError

NONE: Final = "none"

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def revocation_option(function: _Decorated) -> _Decorated:
    """Give a command the option."""
    return click.option(
        "--revocation",
        type=click.Choice((NONE, "ocsp", "crl", "all")),
        default=NONE,
        show_default=True,
        help="Ask whether certificates were revoked, at the places that they name: OCSP "
        "responders, CRLs, or both. A stapled answer is checked in any case.",
    )(function)


def revocation_from(options: dict[str, Any]) -> str:
    """What is asked, `""` for nothing.

    Raises:
        UsageError: a proxy is in the way.
    """
    mode: str = options["revocation"]
    if mode == NONE:
        return ""
    if options["proxy"]:
        raise UsageError("--revocation connects directly: it cannot be used with --proxy")
    return mode

"""`--proxy` and its credentials: from the URL, a file or the environment, and never shown."""

from __future__ import annotations

import os
from typing import Any, Final

from fleetscan import limits
from fleetscan.cli.terminal import harmless
from fleetscan.errors import UsageError

USER: Final = "FLEETSCAN_PROXY_USER"
PASSWORD: Final = "FLEETSCAN_PROXY_PASSWORD"

_MAX_FILE: Final = 2 * limits.MAX_PROXY_CREDENTIAL + 3
"""User name, colon, password, and the end of the line."""


def proxy_from(options: dict[str, Any]) -> tuple[str, tuple[str, str] | None]:
    """The proxy's URL without credentials, and those that do not stand in it.

    A file is asked first; the environment counts only where neither the file nor the URL
    has any, since it may be meant for another scan.

    Raises:
        UsageError: one of them cannot be used; the text has neither the URL nor credentials.
    """
    from fleetscan.tls.proxies.address import parse_proxy

    url: str | None = options["proxy"]
    if url is None:
        for option in ("proxy_auth", "proxy_names"):
            if options[option]:
                raise UsageError(f"--{option.replace('_', '-')} needs --proxy")
        return "", None
    path: str | None = options["proxy_auth"]
    given = _from_file(path) if path is not None else None
    if path is None and "@" not in url:
        given = _from_environment()
    try:
        return parse_proxy(url, given).shown, given
    except UsageError as refused:
        raise UsageError(f"--proxy: {refused}") from None


def _from_environment() -> tuple[str, str] | None:
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user is None and password is None:
        return None
    if not user:
        raise UsageError(f"{PASSWORD} is set and {USER} is not")
    return user, password or ""


def _from_file(path: str) -> tuple[str, str]:
    shown = f"--proxy-auth: {harmless(path)}"
    try:
        with open(path, "rb") as file:
            octets = file.read(_MAX_FILE + 1)
    except OSError as failed:
        raise UsageError(f"{shown} cannot be read: {failed.strerror}") from None
    line = octets.removesuffix(b"\n").removesuffix(b"\r")
    user, colon, password = line.partition(b":")
    if not colon or b"\n" in line or len(octets) > _MAX_FILE:
        raise UsageError(f"{shown} must have one line, user:password")
    return user.decode("utf-8", "surrogateescape"), password.decode("utf-8", "surrogateescape")

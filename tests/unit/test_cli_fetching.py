"""The options of `scan` about fetching."""

from __future__ import annotations

import pytest

from fleetscan.cli.scan import command, request_from
from fleetscan.engine.checks import check_config
from fleetscan.engine.config import ScanConfig
from fleetscan.errors import UsageError


def config(*arguments: str) -> ScanConfig:
    """The configuration that these arguments make."""
    return request_from(command.make_context("scan", ["ca.example", *arguments]).params).config


def test_nothing_is_fetched_unless_asked_for() -> None:
    """The URLs are those of strangers."""
    assert (config().fetch, config().fetch_allow) == ((), ())


def test_what_is_asked_for_arrives() -> None:
    """Networks as excludes are written, each option repeatable."""
    made = config(
        *("--fetch", "aia", "--fetch-allow", "10.0.0.0/8"),
        *("--fetch-allow", "192.0.2.7", "--fetch-allow", "fd00::1-ff"),
    )

    check_config(made)
    assert made.fetch == ("aia",)
    assert made.fetch_allow == ("10.0.0.0/8", "192.0.2.7", "fd00::1-ff")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--fetch-allow", "10.0.0.0/8"), "--fetch-allow needs --fetch or --revocation"),
        (("--fetch", "aia", "--fetch-allow", "10/8"), "--fetch-allow: '10' is not an IP address"),
        (("--fetch", "aia", "--fetch-allow", "ca.example"), "--fetch-allow: .*not an IP address"),
        (("--fetch", "aia", "--fetch-allow", "10.0.0.0/33"), "--fetch-allow: .*prefix length"),
        (("--fetch", "aia", "--proxy", "http://proxy.test"), "cannot be used with --proxy"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    """A network that is not understood is never skipped."""
    with pytest.raises(UsageError, match=told) as caught:
        config(*arguments)

    assert "\n" not in str(caught.value)

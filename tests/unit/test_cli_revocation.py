"""The option of `scan` about revocation."""

from __future__ import annotations

import click
import pytest

from fleetscan.cli.scan import command, request_from
from fleetscan.engine.checks import check_config
from fleetscan.engine.config import ScanConfig
from fleetscan.errors import UsageError


def config(*arguments: str) -> ScanConfig:
    """The configuration that these arguments make."""
    return request_from(command.make_context("scan", ["ca.example", *arguments]).params).config


@pytest.mark.parametrize("arguments", [(), ("--revocation", "none")])
def test_nobody_is_asked_unless_asked_for(arguments: tuple[str, ...]) -> None:
    """The places are those that strangers named."""
    assert config(*arguments).revocation == ""


@pytest.mark.parametrize("mode", ["ocsp", "crl", "all"])
def test_what_is_asked_for_arrives(mode: str) -> None:
    """With the networks that asking may reach, which need no --fetch then."""
    made = config("--revocation", mode, "--fetch-allow", "10.0.0.0/8")

    check_config(made)
    assert (made.revocation, made.fetch_allow) == (mode, ("10.0.0.0/8",))


def test_a_proxy_is_in_the_way() -> None:
    """What it would reach cannot be checked."""
    with pytest.raises(UsageError, match="--revocation connects directly"):
        config("--revocation", "ocsp", "--proxy", "http://proxy.test")


def test_another_word_is_refused() -> None:
    """With the words that there are."""
    with pytest.raises(click.BadParameter, match="'none', 'ocsp', 'crl', 'all'"):
        config("--revocation", "ocps")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (ScanConfig(revocation="none"), "revocation: 'none' is none of ocsp, crl, all"),
        (ScanConfig(revocation="ocsp", proxy="http://proxy.test"), "cannot be used with a proxy"),
    ],
)
def test_the_api_is_held_to_the_same(made: ScanConfig, told: str) -> None:
    """A configuration made by hand comes without the command line's checks."""
    with pytest.raises(UsageError, match=told):
        check_config(made)

"""The options of `scan` about asking failing targets again."""

from __future__ import annotations

import click
import pytest

from fleetscan.cli.scan import command, request_from
from fleetscan.engine.checks import check_config
from fleetscan.engine.config import ScanConfig
from fleetscan.errors import UsageError


def config(*arguments: str) -> ScanConfig:
    """The configuration that these options ask for."""
    return request_from(command.make_context("scan", ["a.example", *arguments]).params).config


def test_failing_targets_are_asked_five_times_at_most_unless_told_otherwise() -> None:
    """The issue's default: failing ones are diagnosed, with a budget of 5."""
    assert (config().diagnose, config().budget) == ("failed", 5)


def test_the_options_are_what_is_asked_for() -> None:
    """`never` turns it off, a number is the budget."""
    made = config("--diagnose", "never", "--budget", "12")

    check_config(made)
    assert (made.diagnose, made.budget) == ("never", 12)


@pytest.mark.parametrize(
    "arguments",
    [("--budget", "0"), ("--budget", "101"), ("--budget", "few"), ("--diagnose", "always")],
)
def test_what_cannot_be_asked_for_is_refused(arguments: tuple[str, ...]) -> None:
    """By the command line, before anything is sent."""
    with pytest.raises(click.UsageError):
        config(*arguments)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (ScanConfig(diagnose="always"), "diagnose: 'always' is none of never, failed"),
        (ScanConfig(budget=0), "budget must be 1 at least"),
        (ScanConfig(budget=101), "and 100 at most"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(made: ScanConfig, words: str) -> None:
    """The same for the Python API."""
    with pytest.raises(UsageError, match=words):
        check_config(made)


def test_both_are_in_the_configuration_that_a_run_writes_down() -> None:
    """Whoever reads the run knows what it was allowed to ask."""
    made = request_from(command.make_context("scan", ["a.example", "--budget", "3"]).params)

    assert "budget=3" in made.configuration.split()
    assert "diagnose=failed" in made.configuration.split()

"""What every test shares: a bounded Hypothesis, and a plain word about what was skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import fleetscan

settings.register_profile(
    "fleetscan",
    deadline=None,  # machines are shared: a slow moment is not a failure
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fleetscan")


def pytest_configure() -> None:
    """Refuse to test what was compiled from another state of the source."""
    for built in Path(fleetscan.__file__).parent.rglob("*.so"):
        stem = built.name.partition(".")[0]
        for suffix in (".pyx", ".pxd", ".py"):
            source = built.with_name(stem + suffix)
            if source.exists() and source.stat().st_mtime > built.stat().st_mtime:
                raise pytest.UsageError(f"{source} is newer than what was built of it: make build")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to get the tests that did not run."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.write_line(
            f"{skipped} tests were skipped, each named below with what it needs; "
            "'make deps' (as root, on Debian) installs real servers and tools"
        )

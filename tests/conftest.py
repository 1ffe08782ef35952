"""What every test shares: a bounded Hypothesis, and a plain word about what was skipped."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fleetscan",
    deadline=None,  # machines are shared: a slow moment is not a failure
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fleetscan")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to get the tests that did not run."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.write_line(
            f"{skipped} tests were skipped, each named below with what it needs; "
            "'make deps' (as root, on Debian) installs real servers and tools"
        )

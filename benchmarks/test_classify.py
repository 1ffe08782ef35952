"""What a verdict costs: facts to causes, for the target that works and for those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleetscan.causes import classify
from fleetscan.registry import alerts
from fleetscan.vocabulary import EndedBy
from tests.facts_builder import alerted, case, confirmed, ended

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from fleetscan.facts import HandshakeFacts


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        pytest.param(confirmed(), None, id="established"),
        pytest.param(alerted(alerts.HANDSHAKE_FAILURE), "server.refused", id="alert"),
        pytest.param(ended(EndedBy.RST), "server.reset_after_hello", id="reset"),
    ],
)
def test_classify(benchmark: BenchmarkFixture, facts: HandshakeFacts, cause: str | None) -> None:
    """Every matcher of the catalogue that can apply is asked."""
    asked = case(facts)

    verdict = benchmark(classify, asked)
    assert [found.entry.id for found in verdict.causes] == ([cause] if cause else [])

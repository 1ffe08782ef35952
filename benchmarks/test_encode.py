"""What a result line costs: from the outcome to octets, beside plain orjson of the same line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from fleetscan.output.budget import encode_line
from fleetscan.output.record import to_record
from tests.unit.output_examples import RUN, cause, outcome, record, verdict

EXPIRED = verdict(
    cause("certificate.expired", evidence={"not_after": "2026-11-20T00:00:00Z"}),
    cause("certificate.name_mismatch", evidence={"names": "a.corp"}, remedy_values=("b.corp",)),
)
LONG = verdict(
    cause("certificate.expired"),
    *(cause("protocol.other", evidence={"banner": "x" * 1_000}) for _ in range(12)),
)


@pytest.mark.parametrize("told", [verdict(), EXPIRED], ids=["established", "failed"])
def test_record(benchmark: BenchmarkFixture, told: Any) -> None:  # noqa: ANN401
    """A finished target to its result line, octets included."""
    found = outcome()

    line = benchmark(
        lambda: encode_line(to_record(outcome=found, verdict=told, path=None, run=RUN))
    )
    assert len(line) < 3_000


def test_encode(benchmark: BenchmarkFixture) -> None:
    """A record that fits to octets."""
    assert benchmark(encode_line, record(EXPIRED)).endswith(b"\n")


def test_plain_orjson(benchmark: BenchmarkFixture) -> None:
    """The floor under `test_encode`: the same record by orjson alone."""
    assert benchmark(orjson.dumps, record(EXPIRED))


def test_encode_a_line_that_must_be_cut(benchmark: BenchmarkFixture) -> None:
    """What a hostile peer can make one line cost."""
    assert len(benchmark(encode_line, record(LONG))) <= 8_001

"""Every row of the interop matrix holds, with uvloop and with asyncio's own loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscan.registry import cipher_suites
from fleetscan.tls.tls12_protection import suite_tls12
from tests.interop.matrix import ROWS
from tests.interop.model import Row
from tests.interop.openssl_rows import suites
from tests.interop.probing import LOOPS, Results

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """The outcomes of the rows that were chosen for this run of the tests."""
    chosen = (
        item.callspec.params.get("row")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    )
    found = Results(tuple({row.id: row for row in chosen if isinstance(row, Row)}.values()))
    yield found
    found.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_of_the_matrix_holds(row: Row, loop: str, results: Results) -> None:
    """What this server completes with other clients is completed, checked and confirmed here.

    What is known by name only is named, and left without a word of reproach. The expected
    values are the server's configuration and the one thing that the hello offered.
    """
    if missing := row.server.kind.missing():
        pytest.skip(f"{row.server.implementation.name} needs {missing}, which is not installed")

    outcome = results.of(row, loop)

    assert outcome.holds, outcome.explain()


def test_every_suite_that_the_client_finishes_was_finished_with_a_real_server() -> None:
    """A suite without a row is one that nobody but us has tried (OpenSSL's build says which)."""
    tried = {row.expected.get("cipher_suite") for row in ROWS if row.completes}
    finished = [
        cipher_suites.name_of(code) for code in cipher_suites.PARTS if suite_tls12(code) is not None
    ]

    if not suites("-tls1_2"):
        pytest.skip("the rows of up to TLS 1.2 need openssl, which is not installed")
    assert [name for name in finished if name not in tried] == []


def test_no_two_rows_are_the_same() -> None:
    """A row is found by its server's name and its offer's title."""
    names = Counter(row.id for row in ROWS)

    assert [name for name, count in names.items() if count > 1] == []


def test_the_printed_matrix_has_a_chapter_for_every_implementation() -> None:
    """docs/interop.md is made by `make interop` with servers that not everybody has."""
    text = PAGE.read_text("utf-8")
    names = dict.fromkeys(row.server.implementation.name for row in ROWS)

    assert [name for name in names if f"\n## {name}\n" not in text] == []

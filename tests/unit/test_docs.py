"""What the documents show is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def python_blocks(page: Path) -> list[str]:
    """The Python code blocks of a Markdown page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("block", "shown"),
    [(0, "wrong-name.lab.test certificate.name_mismatch"), (1, "certificate.expired observed")],
)
def test_the_examples_for_python_run_as_they_stand(block: int, shown: str) -> None:
    """A page's example is a program: it ends well, says what it should, and warns of nothing."""
    code = python_blocks(PROJECT / "docs" / "python.md")[block]

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert shown in ended.stdout


@pytest.mark.parametrize(
    "page",
    sorted(
        path
        for path in (
            *PROJECT.glob("*.md"),
            *PROJECT.glob("docs/**/*.md"),
            *PROJECT.glob("inventories/*.md"),
        )
    ),
    ids=lambda page: str(page.relative_to(PROJECT)),
)
def test_links_between_the_documents_lead_somewhere(page: Path) -> None:
    """A relative link names a file of the project."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []

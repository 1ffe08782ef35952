"""What the documents show is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fleetscan.cli import app
from fleetscan.cli.hello import hello_options
from fleetscan.cli.scan import command, request_from
from fleetscan.tls.profiles import PROFILES
from tests.tls_peers import identity

PROJECT = Path(__file__).resolve().parents[2]


def python_blocks(page: Path) -> list[str]:
    """The Python code blocks of a Markdown page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "block", "shown"),
    [
        ("python.md", 0, "wrong-name.lab.test certificate.name_mismatch"),
        ("python.md", 1, "certificate.expired observed"),
        ("hello.md", 0, "mine TLSv1.2 secp256r1"),
    ],
)
def test_the_examples_for_python_run_as_they_stand(page: str, block: int, shown: str) -> None:
    """A page's example is a program: it ends well, says what it should, and warns of nothing."""
    code = python_blocks(PROJECT / "docs" / page)[block]

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert shown in ended.stdout


HELLO_PAGE = (PROJECT / "docs" / "hello.md").read_text()


@pytest.mark.parametrize("line", re.findall(r"^    (fleetscan scan .*)$", HELLO_PAGE, re.MULTILINE))
def test_the_command_lines_about_the_hello_are_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each makes a request as it stands; nothing is sent."""
    issued = identity("P-256")
    (tmp_path / "client.pem").write_bytes(issued.pem + issued.key_pem)
    (tmp_path / "key.pem").write_bytes(issued.key_pem)
    (tmp_path / "password.txt").write_text("not needed\n")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(line)[2:]

    request = request_from(command.make_context("scan", [*arguments]).params)
    assert request.targets == (arguments[0],)


def test_the_refusal_about_the_hello_is_the_one_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """What the page prints is what is printed."""
    typed, printed = re.findall(r"^    \$ fleetscan (.*)\n    (.*)$", HELLO_PAGE, re.MULTILINE)[0]

    assert app.run(shlex.split(typed)) == 2
    assert capfd.readouterr().err == printed + "\n"


def test_the_page_about_the_hello_names_every_profile_and_option() -> None:
    """What there is to choose from."""
    options = click.command(hello_options(lambda: None)).params
    for name in (*PROFILES, *(option.opts[0] for option in options)):
        assert f"`{name}`" in HELLO_PAGE or f"{name} " in HELLO_PAGE, name


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

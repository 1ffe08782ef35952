"""What the documents show is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest
import uvloop

from fleetscan import limits
from fleetscan.cli import app, diagnose, verify
from fleetscan.cli.hello import hello_options
from fleetscan.cli.scan import command, request_from
from fleetscan.lab import Lab
from fleetscan.output.schema import load_schema
from fleetscan.pki.fetch_guard import HTTP_PORTS
from fleetscan.pki.fetched import FetchReason
from fleetscan.tls.profiles import PROFILES
from tests.certificates import DAY, NOW, intermediate, leaf, root
from tests.certificates import name as subject_name
from tests.tls_peers import identity

PROJECT = Path(__file__).resolve().parents[2]


def python_blocks(page: Path) -> list[str]:
    """The Python code blocks of a Markdown page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "block", "shown"),
    [
        ("python.md", 0, "wrong-name.lab.test certificate.name_mismatch"),
        ("python.md", 1, "certificate.expired proven"),
        ("python.md", 2, "False certificate.expired True"),
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


VERIFY_PAGE = (PROJECT / "docs" / "verify.md").read_text()


def test_the_page_about_verify_names_every_option_and_field() -> None:
    """What there is to choose from, and what comes out."""
    schema = load_schema("verify")
    fields = [
        *schema["properties"],
        *(f"fixed.{key}" for key in schema["$defs"]["fixed"]["properties"]),
    ]

    for name in (*fields, *(option.opts[-1] for option in verify.command.params[1:])):
        assert f"`{name}`" in VERIFY_PAGE or f"`{name} " in VERIFY_PAGE, name


def test_what_the_page_about_verify_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each command line with its output, to the letter."""
    ca = subject_name("Example Issuing CA 3", organization_name="Example")
    top = root(subject_name("Example Root", organization_name="Example"))
    issuer = intermediate(top, ca)
    ended = leaf(issuer, "www.example.org", san=["www.example.org"], not_after=NOW - 22 * DAY)
    shop = leaf(issuer, "shop.example.org", san=["shop.example.org"])
    (tmp_path / "example-root.pem").write_bytes(top.pem)
    (tmp_path / "deployed.pem").write_bytes(ended.pem + top.pem + issuer.pem + ended.key_pem)
    (tmp_path / "shop.pem").write_bytes(shop.pem)
    (tmp_path / "intermediates.pem").write_bytes(issuer.pem)
    monkeypatch.chdir(tmp_path)
    shown = re.findall(
        r"^    \$ fleetscan (verify .*)\n((?:    .*\n|\n)+?)(?=^\S)", VERIFY_PAGE, re.MULTILINE
    )

    assert len(shown) == 2
    for line, printed in shown:
        app.run(shlex.split(line))
        assert capfd.readouterr().out.strip() == textwrap.dedent(printed).strip()


def test_the_page_about_explain_shows_what_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Every command of the page, with its own output."""
    page = (PROJECT / "docs" / "explain.md").read_text()
    shown = re.findall(
        r"^    \$ fleetscan (explain .*)\n((?:    .*\n|\n)+?)(?=^\S)", page, re.MULTILINE
    )

    assert len(shown) == 3
    for line, printed in shown:
        app.run(shlex.split(line))
        assert capfd.readouterr().out.strip() == textwrap.dedent(printed).strip()


DIAGNOSE_PAGE = (PROJECT / "docs" / "diagnose.md").read_text()


def test_the_page_about_diagnose_names_every_option_and_field() -> None:
    """What there is to choose from, and what comes out."""
    schema = load_schema("diagnose")
    fields = [
        *schema["properties"],
        *(
            name
            for part in ("diagnosis", "rung", "experiment", "choice", "explanation", "command")
            for name in schema["$defs"][part]["properties"]
            if name not in ("id", "version", "cipher_suite", "group")
        ),
    ]

    options = [option.opts[-1] for option in diagnose.command.params[1:]]
    for name in (*fields, *options):
        assert f"`{name}`" in DIAGNOSE_PAGE or f"`{name} " in DIAGNOSE_PAGE, name


def test_what_the_page_about_diagnose_shows_is_what_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The same condition again: all but its times, its place and where lines are broken."""
    ((line, printed),) = re.findall(
        r"^    \$ fleetscan (diagnose .*)\n((?:    .*\n|\n)+?)(?=^\S)", DIAGNOSE_PAGE, re.MULTILINE
    )
    name = shlex.split(line)[1].partition("@")[0]

    async def again() -> None:
        async with Lab() as lab:
            (target,) = [each for each in lab.targets if each.server_name == name]
            place = f"{name}@{target.address}:{target.port}"
            arguments = [place, "--trust", str(lab.trust_file)]
            context = diagnose.command.make_context("diagnose", arguments)
            await diagnose.run_diagnose(diagnose.request_from(context.params))

    uvloop.run(again())

    assert alike(capfd.readouterr().out) == alike(printed)


def alike(shown: str) -> str:
    """Without times, addresses, ports, paths, sizes of hellos, and where lines are broken."""
    for pattern, word in (
        (r" \\\n", " "),
        (r"[\d.]+ m?s\b", "TIME"),
        (r"127\.83\.\d+\.\d+", "ADDRESS"),
        (r"(ADDRESS(?::| port ))\d+", r"\1PORT"),
        (r"\S*root\.pem", "ROOT"),
        (r"[\d,]+ octets", "OCTETS"),
    ):
        shown = re.sub(pattern, word, shown)
    return " ".join(shown.split())


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


def test_the_page_about_fetching_has_every_word_and_bound() -> None:
    """Rules are written on the words; the bounds are those of `limits`."""
    page = (PROJECT / "docs" / "fetching.md").read_text()

    for reason in FetchReason:
        assert f"`{reason.value}`" in page, reason
    for bound in (
        f"{limits.MAX_ISSUER_OCTETS:,} octets",
        f"{limits.MAX_FETCHES:,} fetches",
        f"{limits.FETCH_TOTAL_S:g} s in all",
        f"{limits.MAX_ISSUER_URLS} URLs, {limits.MAX_ISSUER_FETCHES} URLs",
        f"{limits.FETCH_CONCURRENCY}, of which {limits.FETCH_PER_ORIGIN} with",
        f"and {limits.FETCH_PER_ADDRESS} with one address",
        f"after {limits.FETCH_ORIGIN_LOST_S:g} s",
        f"{limits.MAX_ISSUER_CERTIFICATES} certificates",
    ):
        assert bound in page, bound
    assert " and ".join(", ".join(map(str, sorted(HTTP_PORTS))).rsplit(", ", 1)) in page

"""What the command line costs before it does anything, and what it prints of itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fleetscan.causes import CATALOGUE
from fleetscan.cli import app
from fleetscan.cli.terminal import harmless
from fleetscan.tls.starttls import STARTTLS_KINDS
from tests.certificates import NOW, leaf, root

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60


def fleetscan(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fleetscan", *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def modules_of(*arguments: str) -> set[str]:
    """Modules that are loaded after a command ran in a fresh interpreter."""
    program = (
        "import sys; from fleetscan.cli import main; sys.argv = ['fleetscan', *sys.argv[1:]]\n"
        "code = main(); print(); print('\\n'.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=PROJECT, capture_output=True, text=True, timeout=BOUND_S, check=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


def test_the_version_imports_nothing_heavy() -> None:
    """Scripts ask for it often: neither asyncio nor cryptography, nor click (design.md)."""
    loaded = modules_of("--version")

    assert not loaded & {"asyncio", "uvloop", "cryptography", "click", "rich", "orjson", "aiodns"}


def test_help_imports_no_scanner() -> None:
    """`--help` and completion stay quick."""
    assert not modules_of("--help") & {"asyncio", "uvloop", "cryptography", "rich", "aiodns"}


def test_verify_imports_no_scanner(tmp_path: Path) -> None:
    """A check before a deployment: no event loop, no network, no macOS programs."""
    authority = root()
    (tmp_path / "root.pem").write_bytes(authority.pem)
    (tmp_path / "chain.pem").write_bytes(leaf(authority).pem)
    paths = (str(tmp_path / "chain.pem"), "--trust", str(tmp_path / "root.pem"))
    loaded = modules_of("verify", *paths, "--at", f"@{NOW}")

    assert "cryptography" in loaded
    assert not loaded & {"asyncio", "uvloop", "ssl", "aiodns", "rich", "subprocess", "plistlib"}


def test_explain_imports_neither_asyncio_nor_cryptography() -> None:
    """What is asked a dozen times in a row, or once a line of a log, stays quick."""
    loaded = modules_of("explain", "SSL alert number 48")

    assert not loaded & {"asyncio", "uvloop", "ssl", "cryptography", "rich", "orjson", "aiodns"}


def test_the_version_is_one_line() -> None:
    """Name and version, exit 0."""
    done = fleetscan("--version")

    assert done.returncode == 0
    assert done.stdout.split()[0] == "fleetscan"
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "--help"], ["scan", "-h"]])
def test_help_begins_with_examples(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Most people look for a line to copy."""
    assert app.run(arguments) == 0
    assert capsys.readouterr().out.startswith("Examples:\n  fleetscan scan ")


@pytest.mark.parametrize("arguments", [[], *([each] for each in app.COMMANDS)])
def test_help_fits_a_terminal_of_80_columns(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line of it is broken by the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    assert app.run([*arguments, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_help_names_every_dialogue(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is told to scan with --starttls finds there what it takes."""
    assert app.run(["scan", "--help"]) == 0
    words = set(re.findall(r"[a-z0-9-]+", capsys.readouterr().out))

    assert {"auto", "none", *STARTTLS_KINDS} <= words


@pytest.mark.parametrize("arguments", [["--version"], ["schema"], ["explain"], ["scan", "-h"]])
def test_standard_output_that_is_full_or_gone_is_an_exit_code(arguments: list[str]) -> None:
    """3 and one line for a full disk, 141 and silence for a reader that went away."""
    program = [sys.executable, "-m", "fleetscan", *arguments]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        gone = subprocess.run(
            program, cwd=PROJECT, stdout=pipe, stderr=subprocess.PIPE, timeout=BOUND_S, check=False
        )

    assert (gone.returncode, gone.stderr) == (141, b"")
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                program, cwd=PROJECT, stdout=full, stderr=subprocess.PIPE, timeout=BOUND_S,
                check=False,
            )  # fmt: skip
        assert done.returncode == 3
        assert done.stderr.startswith(b"fleetscan: cannot write standard output: No space left")
        assert done.stderr.count(b"\n") == 1


def test_every_command_is_listed_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Lazy commands are in the help like any other."""
    app.run(["--help"])
    shown = capsys.readouterr().out

    for name in app.COMMANDS:
        command = app.application.get_command(click.Context(app.application), name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str() in shown


def test_scan_with_nothing_to_scan_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with exit code 2: nothing was scanned."""
    assert app.run(["scan"]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("Examples:\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frob"], "No such command 'frob'"),
        (["scan", "--frob"], "No such option '--frob'"),
        (["scan", "a.corp", "-c", "0"], "-c"),
        (["scan", "a.corp", "-c", "many"], "-c"),
        (["scan", "a.corp", "--rate", "-1"], "--rate"),
        (["scan", "a.corp", "--rate", "nan"], "--rate"),
        (["scan", "a.corp", "--rate", "inf"], "--rate"),
        (["scan", "a.corp", "--timeout", "0"], "--timeout"),
        (["scan", "a.corp", "--timeout", "nan"], "--timeout"),
        (["scan", "a.corp", "-p", "0"], "--ports: '0' is not a port"),
        (["scan", "a.corp", "-p", "443,x"], "--ports: 'x' is not a port"),
        (["scan", "a.corp", "--sni", "a b"], "--sni"),
        (["scan", "a.corp", "--sni", "10.0.0.1"], "--sni: an address is never sent"),
        (["scan", "a.corp", "--starttls", "frob"], "--starttls: 'frob' is none of"),
        (["scan", "a.corp", "--exclude", "b.corp"], "cannot exclude 'b.corp'"),
        (["scan", "a.corp", "--exclude-file", "/none"], "/none: cannot be read"),
        (["scan", "a.corp", "--trust", "/none"], "/none"),
        (["scan", "a.corp", "--resolver", "b.corp"], "--resolver"),
        (["scan", "a.corp", "--resolver", "10.0.0.0/24"], "--resolver"),
        (["scan", "a.corp", "--vantage", "\x1b[2J"], "--vantage"),
        (["scan", "a.corp", "--emit", "some"], "--emit"),
        (["scan", "10.0.0.0/33"], "'10.0.0.0/33': '33' is no prefix length"),
        (["scan", "a.corp:99999"], "'99999' is not a port"),
        (["scan", "-l", "/none"], "/none: cannot be read: No such file or directory"),
        (["scan", "-l", "/"], "/: cannot be read: Is a directory"),
        (["scan", "127.0.0.1:1", "-o", "/none/out"], "cannot write /none/out: No such file"),
        (["scan", "-l", "-", "-l", "-"], "--list: standard input can be read only once"),
        (["scan", "-l"], "('fleetscan scan --help' shows how)"),
    ],
)
def test_what_a_user_gets_wrong_is_one_clear_line(
    arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the program's name, the reason; no traceback, nothing on standard output."""
    assert app.run(arguments) == 2

    output = capfd.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert output.err.startswith("fleetscan: ")
    assert says in output.err
    assert output.err.rstrip("\n").isprintable()


def test_the_schema_is_printed_as_it_ships(capsys: pytest.CaptureFixture[str]) -> None:
    """`fleetscan schema` can be piped into a validator."""
    assert app.run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "fleetscan.result/1"


def test_explain_prints_a_page_and_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Title, why, what it is not, the remedy; without an id, one line for each."""
    assert app.run(["explain", "certificate.expired"]) == 0
    page = capsys.readouterr().out
    assert app.run(["explain"]) == 0
    listed = capsys.readouterr().out.splitlines()

    for part in ("certificate.expired", "Why", "What it is not", "What to do", "RFC 5280"):
        assert part in page
    assert max(map(len, page.splitlines())) <= 100
    assert [line.split()[0] for line in listed] == [entry.id for entry in CATALOGUE]


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.id)
def test_every_entry_can_be_explained(entry: object, capsys: pytest.CaptureFixture[str]) -> None:
    """No page fails to print, and none acts on a terminal."""
    assert app.run(["explain", entry.id]) == 0  # type: ignore[attr-defined]
    assert capsys.readouterr().out.replace("\n", "").isprintable()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """click's own script for each shell."""
    assert app.run(["completion", shell]) == 0

    script = capsys.readouterr().out
    assert "_FLEETSCAN_COMPLETE" in script
    assert "fleetscan" in script


def test_bash_completes_commands_options_and_causes() -> None:
    """What the script asks for at the press of Tab, by click's protocol."""

    def completed(words: str, at: int) -> list[str]:
        done = fleetscan(_FLEETSCAN_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(at))
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("fleetscan s", 1) == ["scan", "schema"]
    assert "--exclude-file" in completed("fleetscan scan --ex", 2)
    assert "certificate.expired" in completed("fleetscan explain certificate.ex", 2)
    assert completed("fleetscan explain unknown_c", 2) == ["unknown_ca"]
    assert completed("fleetscan scan --starttls p", 3) == ["pop3", "postgresql"]
    assert completed("fleetscan scan --starttls a", 3) == ["auto"]


def test_file_names_never_act_on_a_terminal() -> None:
    """Whatever a file is called, its name is shown harmless."""
    assert harmless("a\x1b[2J\u202e\udcff.txt") == "a\\x1b[2J\\u202e\\udcff.txt"

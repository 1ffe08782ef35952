"""`fleetscan diagnose` as a command: targets, outputs, exit codes, signals. Loopback only."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import uvloop

from fleetscan.cli import app, diagnose
from fleetscan.errors import UsageError
from fleetscan.lab import Lab
from fleetscan.output.schema import load_schema
from tests.servers import NXDOMAIN, A, Responder, closed_port, unanswered_port

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60


def request_of(*arguments: str) -> diagnose.DiagnoseRequest:
    """The request that a command line makes."""
    return diagnose.request_from(diagnose.command.make_context("diagnose", [*arguments]).params)


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON, which conforms to its schema."""
    code = app.run(["diagnose", *arguments, "--json"])
    record: dict[str, Any] = json.loads(capfd.readouterr().out)
    jsonschema.Draft202012Validator(load_schema("diagnose")).validate(record)
    return code, record


async def told_with_names(
    capfd: pytest.CaptureFixture[str], *arguments: str, **names: list[bytes]
) -> tuple[int, dict[str, Any]]:
    """The same with a name server on loopback that has these names under `example`."""
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(Responder, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    responder.codes["gone.example"] = NXDOMAIN
    for name, addresses in names.items():
        responder.records[f"{name}.example", A] = addresses
    try:
        request = request_of(*arguments, "--json", "--resolver", f"127.0.0.1:{port}")
        code = await diagnose.run_diagnose(request)
    finally:
        transport.close()
    return code, json.loads(capfd.readouterr().out)


def rungs(record: dict[str, Any]) -> dict[str, str]:
    """The ladder of the only diagnosis."""
    (one,) = record["diagnoses"]
    return {each["stage"]: each["state"] for each in one["ladder"]}


# -- targets -----------------------------------------------------------------------------


def test_a_name_that_does_not_exist_is_a_cause(capfd: pytest.CaptureFixture[str]) -> None:
    """RFC 1035 section 4.1.1, NXDOMAIN; nothing after the first rung was reached."""
    code, record = uvloop.run(told_with_names(capfd, "gone.example"))

    assert code == 1
    assert record["diagnoses"][0]["result"]["cause_ids"] == ["resolve.not_found"]
    assert rungs(record)["resolve"] == "failed"
    assert set(rungs(record).values()) == {"failed", "not_reached"}


def test_a_dark_address_is_told_with_the_time_it_took(capfd: pytest.CaptureFixture[str]) -> None:
    """Silence is not refusal: `connect.timeout`, and the deadline stands at the rung."""
    with unanswered_port() as port:
        code, record = told(capfd, f"127.0.0.1:{port}", "--timeout", "0.3")

    assert code == 1
    assert record["diagnoses"][0]["result"]["cause_ids"] == ["connect.timeout"]
    (rung,) = [each for each in record["diagnoses"][0]["ladder"] if each["state"] == "failed"]
    assert (rung["stage"], rung["detail"]) == ("connect", "no answer")
    assert 250 <= rung["ms"] < 5_000


@pytest.mark.parametrize("text", ["[::1]:{}", "https://127.0.0.1:{}/login", "127.0.0.1:{}"])
def test_every_form_of_a_target_is_taken(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An IPv6 literal, a URL, an address: as `scan` reads them."""
    address = "::1" if "::1" in text else "127.0.0.1"
    with closed_port("127.0.0.1") as port:
        code, record = told(capfd, text.format(port))

    (one,) = record["diagnoses"]
    assert code == 1
    assert one["result"]["target"]["address"] == address
    assert one["ladder"][0] | {"ms": 0} == {
        "stage": "connect", "state": "failed", "ms": 0, "detail": "ECONNREFUSED",
    }  # fmt: skip


TWO = [bytes([127, 0, 0, 9]), bytes([127, 0, 0, 2])]


def test_a_name_stands_for_all_its_addresses(capfd: pytest.CaptureFixture[str]) -> None:
    """One diagnosis each, in the order of the addresses and not of the answers."""
    code, record = uvloop.run(told_with_names(capfd, "two.example:1", two=TWO))

    targets = [each["result"]["target"]["address"] for each in record["diagnoses"]]
    assert (code, targets) == (1, ["127.0.0.2", "127.0.0.9"])


def test_the_first_address_can_be_enough(capfd: pytest.CaptureFixture[str]) -> None:
    """`--addresses first`."""
    arguments = ("two.example:1", "--addresses", "first")
    _, record = uvloop.run(told_with_names(capfd, *arguments, two=TWO))

    assert len(record["diagnoses"]) == 1


@pytest.mark.parametrize("text", ["127.0.0.0/30", "127.0.0.1-127.0.0.4"])
def test_a_range_is_for_scan(text: str) -> None:
    """One target, one diagnosis."""
    with pytest.raises(UsageError, match="stands for 4 targets: use 'fleetscan scan'"):
        request_of(text)


@pytest.mark.parametrize(
    "arguments",
    [["127.0.0.1:70000"], ["127.0.0.1", "--hello", "none"], ["127.0.0.1", "--write-chain", "-"]],
)
def test_wrong_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and nothing on standard output."""
    assert app.run(["diagnose", *arguments]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1


def test_every_shared_option_is_one_of_scan_s() -> None:
    """None is lost by being renamed there."""
    assert {each.name for each in diagnose.command.params} >= diagnose.SHARED


# -- a server that works, and the chain --------------------------------------------------


async def lab_told(name: str, *arguments: str) -> int:
    """Diagnose a condition of the lab."""
    async with Lab() as lab:
        (target,) = [each.target for each in lab.conditions if each.name == name]
        place = f"{target.server_name}@{target.address}:{target.port}"
        request = request_of(place, "--trust", str(lab.trust_file), *arguments)
        return await diagnose.run_diagnose(request)


def test_a_healthy_target_is_established_with_one_connection(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every rung is passed, no question is asked, exit code 0."""
    assert uvloop.run(lab_told("good-tls13", "--json")) == 0

    record = json.loads(capfd.readouterr().out)
    (one,) = record["diagnoses"]
    assert (record["outcome"], one["result"]["probes"], one["asked"]) == ("established", 1, [])
    assert set(rungs(record).values()) == {"passed"}
    assert [each["source"] for each in one["path"]] == ["chain", "chain", "trust"]


def test_the_repaired_chain_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Leaf and two issuers in order, without the root (RFC 8446 section 4.4.2), and it is said."""
    out = tmp_path / "chain.pem"

    assert uvloop.run(lab_told("chain-out-of-order", "--write-chain", str(out))) == 0
    assert out.read_bytes().count(b"BEGIN CERTIFICATE") == 3
    assert "put in order" in " ".join(capfd.readouterr().out.split())


def test_no_chain_is_written_where_none_can_be_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The issuer is known nowhere: the file is left alone and a line says why."""
    out = tmp_path / "chain.pem"

    assert uvloop.run(lab_told("unknown-root-not-sent", "--write-chain", str(out))) == 1
    assert not out.exists()
    assert "is not at hand" in capfd.readouterr().err


def test_a_chain_that_cannot_be_written_is_this_machine_s_trouble(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3."""
    out = tmp_path / "nowhere" / "chain.pem"

    assert uvloop.run(lab_told("good-tls13", "--write-chain", str(out))) == 3
    assert "cannot write" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "refusal", "state_error", "code"),
    [
        ("established", "", "", 0),
        ("established", "no path", "", 1),
        ("failed", "", "", 1),
        ("failed", "", "disk full", 3),
        ("skipped", "", "", 3),
        ("error", "no path", "", 3),
    ],
)
def test_exit_codes(outcome: str, refusal: str, state_error: str, code: int) -> None:
    """0 established, 1 a cause or no chain, 3 our own trouble before all."""
    assert diagnose.exit_code(outcome, refusal=refusal, state_error=state_error) == code


# -- as a process ------------------------------------------------------------------------


def process(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    """The command, started."""
    command = [sys.executable, "-m", "fleetscan", "diagnose", *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, **streams)


@contextmanager
def silent() -> Iterator[socket.socket]:
    """A server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(BOUND_S)
        yield server


def test_ctrl_c_ends_it() -> None:
    """Exit code 130, and no traceback."""
    with silent() as server:
        started = process(f"127.0.0.1:{server.getsockname()[1]}", stdout=subprocess.PIPE)
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            started.send_signal(signal.SIGINT)
            out, said = started.communicate(timeout=BOUND_S)

    assert (started.returncode, out, said) == (130, b"", b"")


def test_a_reader_that_is_gone_is_exit_code_141() -> None:
    """As for `scan`: 128 and SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    started = process("127.0.0.1:1", stdout=writing)
    os.close(writing)
    _, said = started.communicate(timeout=BOUND_S)

    assert (started.returncode, said) == (141, b"")


def test_a_closed_standard_output_is_told_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python then has no `sys.stdout` at all."""
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(UsageError, match="standard output is closed"):
        request_of("127.0.0.1:1")

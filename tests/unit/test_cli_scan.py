"""`fleetscan scan` as a process: outputs, exit codes, signals. Loopback only."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.output_examples import validated

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60

# Never bound by anything on a test machine: tcpmux answers with a RST.
CLOSED = "127.0.0.1:1"


def command(*arguments: str) -> list[str]:
    """The command line as a process is started with it."""
    return [sys.executable, "-m", "fleetscan", "scan", *arguments]


def scan(
    *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a scan to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=PROJECT,
        env=os.environ | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def lines_of(text: str | bytes) -> list[dict[str, Any]]:
    """Every line, validated against the schema."""
    octets = text.encode() if isinstance(text, str) else text
    return [validated(line) for line in octets.splitlines(keepends=True)]


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_piped_output_is_results_alone() -> None:
    """Standard output carries results, standard error the summary; failures are data."""
    done = scan(CLOSED)

    assert done.returncode == 0
    (line,) = lines_of(done.stdout)
    assert (line["type"], line["cause"]["id"]) == ("result", "connect.refused")
    assert "1 target in" in done.stderr
    assert "connect.refused" in done.stderr
    assert "\x1b" not in done.stderr


def test_quiet_says_nothing_but_results() -> None:
    """`-q`: no progress, no summary."""
    done = scan(CLOSED, "-q")

    assert done.stderr == ""
    assert len(lines_of(done.stdout)) == 1


def test_the_envelope_holds_the_run(tmp_path: Path) -> None:
    """`-o FILE` has all lines of the run; `--envelope` puts the same on standard output."""
    path = tmp_path / "out.jsonl"
    done = scan(CLOSED, "127.0.0.1:2", "-o", str(path), "--vantage", "fra-core")
    filed = lines_of(path.read_bytes())
    printed = lines_of(scan(CLOSED, "127.0.0.1:2", "--envelope").stdout)

    assert [line["type"] for line in filed] == ["run_start", "result", "result", "run_end"]
    assert [line["type"] for line in printed] == ["run_start", "result", "result", "run_end"]
    assert {line["run_id"] for line in filed} == {filed[0]["run_id"]}
    assert {line["vantage"] for line in filed} == {"fra-core"}
    assert filed[-1]["run_status"] == "complete"
    assert filed[-1]["counts"]["failed"] == 2
    assert filed[0]["inventory_sha256"] == filed[-1]["inventory_sha256"]
    assert done.stdout.count("FAILED") == 2


def test_json_and_quiet_beside_a_file(tmp_path: Path) -> None:
    """With `-o`, `-j` makes standard output JSON and `-q` empties it."""
    path = str(tmp_path / "out.jsonl")

    assert len(lines_of(scan(CLOSED, "-o", path, "-j").stdout)) == 1
    assert scan(CLOSED, "-o", path, "-q").stdout == ""


def test_every_target_of_a_range_has_one_result() -> None:
    """64 addresses, each once; excluded ones are skipped and say so."""
    done = scan("127.0.0.0/26", "-p", "1", "--emit", "all", "--exclude", "127.0.0.32/28")
    lines = lines_of(done.stdout)

    assert sorted(int(line["target"]["address"].split(".")[3]) for line in lines) == [*range(64)]
    assert {line["target"]["origin"] for line in lines} == {"expanded"}
    skipped = [line for line in lines if line["outcome"] == "skipped"]
    assert len(skipped) == 16
    assert {line["skip_reason"] for line in skipped} == {"excluded"}


def test_a_dark_range_is_counted_and_not_written() -> None:
    """The default leaves out `connect.*` of expanded addresses and says how many they were."""
    done = scan("127.0.0.0/26", "-p", "1", "--envelope")
    lines = lines_of(done.stdout)

    assert [line["type"] for line in lines] == ["run_start", "run_end"]
    assert lines[1]["not_emitted"]["prefixes"] == [
        {"prefix": "127.0.0.0/24", "count": 64, "causes": {"connect.refused": 64}}
    ]
    assert "64 results were not written" in done.stderr


def test_an_excluded_target_is_never_scanned_even_when_it_is_named(silent: str) -> None:
    """Excludes are never overridden by a target."""
    (line,) = lines_of(scan(silent, "--exclude", "127.0.0.0/8").stdout)

    assert (line["outcome"], line["probes"]) == ("skipped", 0)


def test_a_list_is_read_from_standard_input_with_its_bad_lines_skipped() -> None:
    """Place and reason of each bad line on standard error; exit code 0, and 2 with --strict."""
    inventory = f"# mine\n{CLOSED}\nbad host\n" + '{"address":"127.0.0.1","port":2}\n'
    done = scan("-l", "-", stdin=inventory)
    strict = scan("-l", "-", "--strict", stdin=inventory)

    assert (done.returncode, strict.returncode) == (0, 2)
    assert len(lines_of(done.stdout)) == len(lines_of(strict.stdout)) == 2
    assert "fleetscan: standard input:3: 'bad host': one target a line" in done.stderr
    assert "1 line of the inventory could not be read" in done.stderr


def test_many_bad_lines_do_not_flood_the_terminal(tmp_path: Path) -> None:
    """Twenty are shown, the rest are counted, here and in `run_end`."""
    path = tmp_path / "list.txt"
    path.write_text("!\n" * 500 + f"{CLOSED}\n")
    done = scan("-l", str(path), "--envelope")

    assert done.stderr.count("; skipped") == 20
    assert "500 lines of the inventory could not be read" in done.stderr
    assert lines_of(done.stdout)[-1]["bad_lines"] == 500


def test_labels_and_the_lack_of_a_name_reach_the_result() -> None:
    """Labels are carried untouched; an address alone has its name check `not_checked`."""
    text = '{"address":"127.0.0.1","port":1,"labels":{"owner":"pay\\u00e9","n":3}}\n'
    (line,) = lines_of(scan("-l", "-", stdin=text).stdout)

    assert line["target"]["labels"] == {"owner": "payé", "n": "3"}
    assert line["target"]["reference_name"] is None
    assert line["checks"]["name"] == "not_checked"


@pytest.mark.parametrize("content", ["", "# nothing\n\n", "!\n"], ids=["empty", "blank", "bad"])
def test_an_inventory_without_a_target_is_an_error(tmp_path: Path, content: str) -> None:
    """Exit code 2, nothing on standard output, and an earlier output file is left alone."""
    path, output = tmp_path / "list.txt", tmp_path / "out.jsonl"
    path.write_text(content)
    output.write_text("last night's\n")
    done = scan("-l", str(path), "-o", str(output))

    assert done.returncode == 2
    assert f"nothing to scan: no target in {path}" in done.stderr
    assert done.stdout == ""
    assert output.read_text() == "last night's\n"


@pytest.mark.parametrize("option", ["--list", "--trust", "--exclude-file"])
def test_a_file_that_is_read_is_never_written_over(tmp_path: Path, option: str) -> None:
    """Exit code 2, also by another name of it, and the file is what it was."""
    path, link = tmp_path / "precious", tmp_path / "link"
    path.write_text("127.0.0.1\n")
    link.symlink_to(path)
    before = path.read_bytes()
    done = scan(CLOSED, option, str(path), "-o", str(link))

    assert done.returncode == 2
    assert done.stderr == f"fleetscan: --output: {link} is read by this scan; name another file\n"
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("to_file", [True, False])
def test_a_full_disk_is_one_line_and_exit_code_3(to_file: bool) -> None:
    """Said once and clearly, whichever output it is."""
    arguments = [CLOSED, "-o", "/dev/full"] if to_file else [CLOSED]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(*arguments), cwd=PROJECT, stdout=None if to_file else full,
            stderr=subprocess.PIPE, timeout=BOUND_S, check=False, text=True,
        )  # fmt: skip

    assert done.returncode == 3
    assert done.stderr.count("No space left on device") == 1
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_ends_the_scan_quietly() -> None:
    """`| head`: exit code 141, nothing on standard error."""
    process = subprocess.Popen(
        command("127.0.0.0/20", "-p", "1", "--emit", "all"),
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    validated(process.stdout.readline())
    process.stdout.close()

    assert process.wait(BOUND_S) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_reader_that_leaves_does_not_cost_the_file(tmp_path: Path) -> None:
    """With `-o` the file keeps every line, so the scan goes on to its end."""
    path = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command("127.0.0.0/22", "-p", "1", "--emit", "all", "-j", "-o", str(path)),
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(BOUND_S) == 0
    lines = lines_of(path.read_bytes())
    assert len(lines) == 1_026
    assert lines[-1]["run_status"] == "complete"


def test_closed_standard_streams_harm_nothing(tmp_path: Path) -> None:
    """No file of ours gets descriptor 1 or 2, and what was meant for them."""
    path = tmp_path / "out.jsonl"
    shell = 'exec "$0" -m fleetscan scan "$@"'

    def without(streams: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", f"{shell} {streams}", sys.executable, CLOSED, *arguments],
            cwd=PROJECT, capture_output=True, text=True, timeout=BOUND_S, check=False,
        )  # fmt: skip

    assert without("<&- >&- 2>&-", "-o", str(path)).returncode == 0
    assert [line["type"] for line in lines_of(path.read_bytes())] == [
        "run_start", "result", "run_end",
    ]  # fmt: skip
    nowhere = without(">&-")
    assert nowhere.returncode == 2
    assert "standard output is closed" in nowhere.stderr


def interrupted(path: Path, silent: str, times: int) -> tuple[int, str, list[dict[str, Any]]]:
    """Scan silent targets, interrupt so many times, and give code, words and lines."""
    process = subprocess.Popen(
        command(
            silent, CLOSED, "127.64.0.0/16", "-p", "1",
            "--timeout", "4", "--rate", "40", "-c", "20", "-q", "-o", str(path), "--emit", "all",
        ),
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    with process.stderr as words:
        wait_until(lambda: path.exists() and b'"type":"result"' in path.read_bytes())
        said = []
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            said.append(words.readline())
        code = process.wait(BOUND_S)
        said.append(words.read())
    return code, "".join(said), lines_of(path.read_bytes())


def wait_until(holds: Callable[[], bool]) -> None:
    """Until something holds, within a bound."""
    pause = threading.Event()
    for _ in range(20 * BOUND_S):
        if holds():
            return
        pause.wait(0.05)
    pytest.fail("it never came to hold")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_drains_and_a_second_one_aborts(tmp_path: Path, silent: str, times: int) -> None:
    """Exit code 130; every listed target has its one result, and the rest is arithmetic."""
    code, said, lines = interrupted(tmp_path / "out.jsonl", silent, times)

    assert code == 130
    assert "finishing what is under way" in said
    assert ("dropping what is under way" in said) == (times == 2)
    end = lines[-1]
    assert (end["type"], end["run_status"]) == ("run_end", "incomplete")
    results = [line for line in lines if line["type"] == "result"]
    assert len(results) == end["counts"]["total"]
    assert len(results) + end["not_scanned"] == 2 + 65_536
    assert len({line["id"] for line in results}) == len(results)
    assert sum(line["target"]["origin"] == "listed" for line in results) == 2
    listed = next(line for line in results if line["target"]["input"] == silent)
    assert (listed["outcome"] == "skipped") == (times == 2)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc (Linux)")
def test_ctrl_c_ends_a_scan_that_waits_for_its_inventory() -> None:
    """A silent pipe as inventory, before and after the first target."""
    for first in (b"", f"{CLOSED}\n".encode()):
        process = subprocess.Popen(
            command("-l", "-"), cwd=PROJECT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(first)
        process.stdin.flush()
        if first:
            validated(process.stdout.readline())
        else:
            wait_until(partial(catches_signals, process.pid))
        process.send_signal(signal.SIGINT)

        assert process.wait(BOUND_S) == 130
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def test_an_ipv6_network_that_was_not_scanned_fits_a_number_of_json(tmp_path: Path) -> None:
    """A /64 holds 2**64 targets, more than databases count: the line says 2**63 - 1."""
    path = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command("::1", "127.64.0.0/16", "fd00::/64", "-p", "1", "--rate", "20", "-q", "-o",
                str(path)),
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: path.exists() and b'"type":"result"' in path.read_bytes())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=BOUND_S)

    assert process.returncode == 130
    assert "Traceback" not in said
    assert "targets were not scanned" in said
    assert lines_of(path.read_bytes())[-1]["not_scanned"] == 2**63 - 1


def catches_signals(pid: int) -> bool:
    """Whether the process catches SIGTERM, which Python itself does not, as the kernel sees it."""
    caught = re.search(r"SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def on_terminal(*arguments: str, **environment: str) -> str:
    """What a terminal shows of a scan, from its standard output and error together."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), cwd=PROJECT, stdin=follower, stdout=follower, stderr=follower,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": "", "COLUMNS": "200"} | environment,
    )  # fmt: skip
    os.close(follower)
    shown = bytearray()
    while True:
        try:
            octets = os.read(leader, 4_096)
        except OSError:  # EIO: the last one that had the terminal open has closed it
            break
        if not octets:
            break
        shown += octets
    os.close(leader)
    assert process.wait(BOUND_S) == 0
    return shown.decode()


def test_a_terminal_shows_readable_lines_in_colour_with_a_live_line() -> None:
    """One readable line a target; what is under way is shown meanwhile."""
    shown = on_terminal(CLOSED)

    assert "connect.refused" in shown
    assert '{"schema"' not in shown
    assert "\x1b[33mFAILED" in shown
    assert "done" in shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_switched_off(environment: dict[str, str]) -> None:
    """NO_COLOR and TERM=dumb: no colour anywhere, the live line included."""
    shown = on_terminal(CLOSED, **environment)

    assert re.search(r"FAILED +medium +127\.\S+ +connect.refused", shown)
    assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", shown)
    if environment.get("TERM") == "dumb":
        assert "\x1b" not in shown


def test_j_forces_json_on_a_terminal() -> None:
    """`-j` is JSON wherever standard output goes."""
    assert '{"schema":"fleetscan.result/1"' in on_terminal(CLOSED, "-j", "-q")


def test_a_state_directory_that_cannot_be_used_is_told_before_the_scan(tmp_path: Path) -> None:
    """One line, exit code 2, and the output is not touched."""
    file = tmp_path / "file"
    file.write_text("notes")
    done = scan(CLOSED, "--state", str(file), "-o", str(tmp_path / "out.jsonl"))

    assert done.returncode == 2
    assert done.stderr == f"fleetscan: state directory {file}: not a directory\n"
    assert not (tmp_path / "out.jsonl").exists()


def test_a_state_that_cannot_be_saved_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    """The results are whole, and the next run knows less: it is said, and it is no success."""
    state, out = tmp_path / "state", tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command("-l", "-", "--state", str(state), "-o", str(out), "-q"),
        cwd=PROJECT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    # Reading targets begins after the state was read: what is done now is in mid-scan.
    process.stdin.write(f"{CLOSED}\n")
    process.stdin.flush()
    wait_until((state / "lock").exists)
    wait_until(lambda: out.exists() and b'"type":"run_start"' in out.read_bytes())
    (state / "lock").unlink()
    state.rmdir()
    _, said = process.communicate(timeout=BOUND_S)

    assert process.returncode == 3
    assert said.count("what this run has seen is not kept: No such file or directory") == 1
    assert "Traceback" not in said
    lines = lines_of(out.read_bytes())
    assert [line["type"] for line in lines] == ["run_start", "result", "run_end"]
    assert lines[-1]["run_status"] == "complete"


def test_an_interrupted_scan_saves_its_state(tmp_path: Path, silent: str) -> None:
    """Ctrl-C twice: the directory has its file all the same."""
    state, out = tmp_path / "state", tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command(CLOSED, silent, "--state", str(state), "-o", str(out), "-q", "--timeout", "30"),
        cwd=PROJECT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: out.exists() and b'"type":"result"' in out.read_bytes())
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=BOUND_S)

    assert process.returncode == 130
    assert (state / "authorities.pem").read_bytes().startswith(b"fleetscan CA certificates")

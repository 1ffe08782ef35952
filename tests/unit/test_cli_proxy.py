"""`fleetscan scan --proxy` as a process: what it asks, what it shows, and what it never shows."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.output_examples import validated

PROJECT = Path(__file__).resolve().parents[2]
BOUND_S = 60
SECRET = "hunter2"


def scan(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a scan to its end, in an environment without credentials of its own."""
    inherited = {key: value for key, value in os.environ.items() if "PROXY" not in key}
    return subprocess.run(
        [sys.executable, "-m", "fleetscan", "scan", *arguments],
        cwd=PROJECT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


class Refuser:
    """An HTTP proxy that refuses every request and keeps what was asked."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    octets = connection.recv(4_096)
                    if not octets:
                        break
                    head += octets
                if not head:
                    return
                self.asked.append(head.decode())
                connection.sendall(b"HTTP/1.1 403 Not for you\r\n\r\n")

    @property
    def login(self) -> str:
        """The credentials of the last request."""
        (line,) = (
            line for line in self.asked[-1].split("\r\n") if line.startswith("Proxy-Authorization:")
        )
        return base64.b64decode(line.partition("Basic ")[2]).decode()

    def close(self) -> None:
        """End the thread with a connection that says nothing."""
        host, _, port = self.place.partition(":")
        socket.create_connection((host, int(port))).close()
        self._thread.join()
        self._listening.close()


@pytest.fixture
def refuser() -> Iterator[Refuser]:
    """A proxy that refuses."""
    proxy = Refuser()
    try:
        yield proxy
    finally:
        proxy.close()


def test_a_password_in_the_url_is_never_shown(refuser: Refuser, tmp_path: Path) -> None:
    """Not in the run's configuration, its results, its readable lines or its summary."""
    output = tmp_path / "run.jsonl"
    url = f"http://corp:{SECRET}@{refuser.place}"
    done = scan("127.0.0.1:9", "--proxy", url, "-o", str(output))
    lines = [validated(line) for line in output.read_bytes().splitlines(keepends=True)]
    start, result, _ = lines

    assert done.returncode == 0
    assert refuser.login == f"corp:{SECRET}"
    assert SECRET not in output.read_text() + done.stdout + done.stderr
    assert f"proxy=http://{refuser.place} " in start["configuration"]
    assert result["cause_ids"] == ["interference.proxy_refused"]
    assert result["handshake"]["proxy"] == f"http://{refuser.place}"
    assert "403 Not for you" in done.stdout
    assert refuser.asked[0].startswith("CONNECT 127.0.0.1:9 HTTP/1.1\r\n")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_credentials_from_a_file(refuser: Refuser, tmp_path: Path, ending: str) -> None:
    """One line, user:password; they are no arguments then, and the environment is not asked."""
    path = tmp_path / "auth"
    path.write_text(f"corp:{SECRET}: \u00e9{ending}", newline="")
    done = scan(
        *("127.0.0.1:9", "--proxy", f"http://{refuser.place}", "--proxy-auth", str(path)),
        FLEETSCAN_PROXY_USER="another",
    )

    assert done.returncode == 0
    assert refuser.login == f"corp:{SECRET}: \u00e9"
    assert SECRET not in done.stdout + done.stderr


def test_credentials_from_the_environment(refuser: Refuser) -> None:
    """Where neither the URL nor a file has any."""
    environment = {"FLEETSCAN_PROXY_USER": "corp", "FLEETSCAN_PROXY_PASSWORD": SECRET}
    scan("127.0.0.1:9", "--proxy", f"http://{refuser.place}", **environment)
    from_environment = refuser.login
    scan("127.0.0.1:9", "--proxy", f"http://url:one@{refuser.place}", **environment)

    assert from_environment == f"corp:{SECRET}"
    assert refuser.login == "url:one"


def test_names_may_be_left_to_the_proxy(refuser: Refuser) -> None:
    """`--proxy-names`: the tunnel is asked for by name, and nothing is resolved here."""
    done = scan(
        *("inside.test", "--proxy", f"http://{refuser.place}", "--proxy-names"),
        *("--resolver", "127.0.0.1:9"),
    )
    line = json.loads(done.stdout)

    assert refuser.asked[0].startswith("CONNECT inside.test:443 HTTP/1.1\r\n")
    assert (line["target"]["address"], line["stage"]) == ("", "proxy")


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--proxy", "proxy.test:3128"], {}, "--proxy: not the URL of a proxy"),
        (["--proxy", f"https://u:{SECRET}@p.test"], {}, "--proxy: https:// is no proxy for this"),
        (["--proxy", f"http://u:{SECRET}/@p.test"], {}, "%2F"),
        (["--proxy", "socks5h://p.test"], {}, "--proxy-names"),
        (["--proxy-names"], {}, "--proxy-names needs --proxy"),
        (["--proxy-auth", "AUTH"], {}, "--proxy-auth needs --proxy"),
        (["--proxy", "http://p.test", "--proxy-auth", "none"], {}, "cannot be read: No such file"),
        (["--proxy", "http://p.test", "--proxy-auth", "BAD"], {}, "one line, user:password"),
        (["--proxy", "http://p.test", "--proxy-auth", "LONG"], {}, "one line, user:password"),
        (["--proxy", "http://p.test", "--proxy-auth", "LINES"], {}, "one line, user:password"),
        (["--proxy", f"http://u:{SECRET}@p.test", "--proxy-auth", "AUTH"], {}, "given twice"),
        (
            ["--proxy", "http://p.test"],
            {"FLEETSCAN_PROXY_PASSWORD": SECRET},
            "FLEETSCAN_PROXY_PASSWORD is set and FLEETSCAN_PROXY_USER is not",
        ),
        (
            ["--proxy", "http://p.test", "--proxy-names", "--exclude", "10.0.0.0/8"],
            {},
            "cannot be held while the proxy resolves the names",
        ),
        (
            ["--proxy", f"http://u:{SECRET}@proxy.invalid", "--resolver", "127.0.0.1:9"],
            {},
            "the proxy's name proxy.invalid gives no address",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_before_anything_is_written(
    arguments: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    """Exit code 2, no password in it, and an earlier output file is left as it was."""
    texts = {"AUTH": f"u:{SECRET}\n", "BAD": SECRET, "LONG": "u:" + SECRET * 200}
    texts["LINES"] = f"u:{SECRET}\nv:w\n"
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    output = tmp_path / "run.jsonl"
    output.write_text("precious\n")
    given = [str(tmp_path / each) if each in texts else each for each in arguments]
    done = scan("127.0.0.1:9", "-o", str(output), *given, **environment)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert output.read_text() == "precious\n"


def test_the_credentials_file_is_never_written_over(tmp_path: Path) -> None:
    """It is read by the scan, like a list."""
    path = tmp_path / "auth"
    path.write_text("u:p\n")
    done = scan(
        *("127.0.0.1:9", "--proxy", "http://127.0.0.1:9", "--proxy-auth", str(path)),
        *("-o", str(path)),
    )

    assert done.returncode == 2
    assert path.read_text() == "u:p\n"

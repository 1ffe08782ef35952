"""How a real server is started on a free loopback port and ended by process id."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTED_WITHIN_S = 20.0
STARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """PEM files of one server: root, chain (leaf first), key, both in one; and a scratch folder."""

    root: Path
    chain: Path
    key: Path
    both: Path
    folder: Path

    @property
    def staple(self) -> Path:
        """An OCSP response of the root's about the leaf, DER."""
        return self.folder / "staple.der"


Prepare = Callable[[Material, int], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKind:
    """How one server of one implementation is started.

    Args:
        name: the implementation with what is special about this start; unique.
        binary: the program; tests are skipped where it is missing.
        prepare: writes configuration, returns the command line.
        needs: files that must exist beside the program (modules).
        packages: Python packages that must be installed.
        as_root: whether it starts for root alone, to give its rights away itself.
    """

    name: str
    binary: str
    prepare: Prepare
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    as_root: bool = False

    def missing(self) -> str:
        """What is not there to start it, or the empty string."""
        if shutil.which(self.binary) is None:
            return self.binary
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"the Python package {package}"
        if self.as_root and os.geteuid() != 0:
            return "root"
        return next((path for path in self.needs if not Path(path).exists()), "")


class StartError(Exception):
    """A server did not come up; the text is its log."""


def free_port() -> int:
    """A TCP port that nothing uses on any address, outside the range of outgoing connections."""
    for _ in range(100):
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise StartError("no free port")


@contextlib.contextmanager
def running(kind: ServerKind, material: Material) -> Iterator[int]:
    """Run one server and give its port. Another process may take the port first: then again."""
    for attempt in range(STARTS):
        port = free_port()
        try:
            process = _started(kind.prepare(material, port), port, material)
            break
        except StartError:
            if attempt + 1 == STARTS:
                raise
    try:
        yield port
    finally:
        _end(process)


def printed(command: Sequence[str], pattern: str) -> str:
    """What a program says of itself: the pattern's first group in its output, or `""`."""
    if shutil.which(command[0]) is None:
        return ""
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=30, check=False,
    )  # fmt: skip
    found = re.search(pattern, ended.stdout.decode(errors="replace"))
    return found[1] if found else ""


def _started(command: Sequence[str], port: int, material: Material) -> subprocess.Popen[bytes]:
    log = material.folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command], stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=material.folder
        )
    try:
        _wait_until_listening(process, port, log)
    except BaseException:
        _end(process)
        raise
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
    if process.stdin is not None:
        process.stdin.close()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{process.args!r} ended:\n{log.read_text(errors='replace')}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise StartError(f"{process.args!r} does not listen:\n{log.read_text(errors='replace')}")

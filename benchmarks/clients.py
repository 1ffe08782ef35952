"""The programs that side_by_side.py compares, and what each of them needs to run."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.nginx import Nginx

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parent
FIRST_ADDRESS: Final = "127.1.0.1"
QUIET_S: Final = 0.5
"""Silence that ends a server's first flight, when it is counted once, before the runs."""

FLEETSCAN: Final = (sys.executable, "-m", "fleetscan")


class BenchmarkError(Exception):
    """A run that may not be reported: something was lost, or did not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one client. Seconds, of the client's own process and its children."""

    user_s: float
    system_s: float
    wall_s: float
    peak_kib: int

    @property
    def cpu_s(self) -> float:
        """User and system time together."""
        return self.user_s + self.system_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One of the programs compared.

    Args:
        command: from the count of targets and the output file to the command line.
        seen: the addresses that an output file reports as established.
    """

    name: str
    command: Callable[[int, Path], Sequence[str]]
    seen: Callable[[Path], list[str]] | None
    runs: list[Run] = field(default_factory=list)
    start: list[Run] = field(default_factory=list)


def expected_addresses(count: int) -> list[str]:
    """The addresses of the fleet, in order."""
    first = ipaddress.ip_address(FIRST_ADDRESS)
    return [str(first + n) for n in range(count)]


def check_output(client: Client, output: Path, count: int) -> None:
    """None lost, none twice, all established.

    Raises:
        BenchmarkError: otherwise, with how many and an example.
    """
    if client.seen is None:
        return
    seen = Counter(client.seen(output))
    expected = expected_addresses(count)
    lost = [address for address in expected if not seen[address]]
    twice = [address for address, times in seen.items() if times > 1]
    if lost or twice or len(seen) != count:
        raise BenchmarkError(
            f"{client.name}: {len(lost)} lost (first {lost[:1]}), {len(twice)} twice "
            f"(first {twice[:1]}), {len(seen)} seen of {count}"
        )


def naive_seen(output: Path) -> list[str]:
    """Established addresses in naive.py's lines."""
    with output.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["address"] for row in rows if row["outcome"] == "established"]


def fleetscan_seen(output: Path) -> list[str]:
    """Established addresses in fleetscan's results."""
    with output.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        row["target"]["address"]
        for row in rows
        if row["type"] == "result" and row["outcome"] == "established"
    ]


def fleetscan_command(
    port: int, trust_file: Path, concurrency: int, count: int, output: Path
) -> list[str]:
    """The scan of `count` addresses, quiet, into a file."""
    addresses = expected_addresses(count)
    return [
        *FLEETSCAN,
        "scan",
        f"{addresses[0]}-{addresses[-1]}" if count > 1 else addresses[0],
        *("-p", str(port)),
        *("--trust", str(trust_file)),
        *("-c", str(concurrency)),
        *("-o", str(output)),
        "-q",
    ]


def record_hello(trust_file: Path, folder: Path) -> bytes:
    """The ClientHello that fleetscan sends, as one record, taken from the wire.

    Raises:
        BenchmarkError: none came.
    """
    hello = b""
    with socket.create_server((FIRST_ADDRESS, 0)) as listener:
        listener.settimeout(20)

        def take() -> None:
            nonlocal hello
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
                        octets = connection.recv(16_384)
                        if not octets:
                            break
                        hello += octets

        taker = threading.Thread(target=take)
        taker.start()
        port = int(listener.getsockname()[1])
        command = fleetscan_command(port, trust_file, 1, 1, folder / "hello.jsonl")
        subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=60, check=False)
        taker.join(30)
    if hello[:1] != b"\x16":
        raise BenchmarkError("fleetscan sent no ClientHello to the listener that records it")
    return hello


def count_records(port: int, hello: bytes) -> int:
    """Records of the server's first flight in answer to `hello`: those before it falls silent."""
    received = b""
    with socket.create_connection((FIRST_ADDRESS, port), timeout=QUIET_S) as connection:
        connection.sendall(hello)
        with contextlib.suppress(TimeoutError):
            while octets := connection.recv(65_536):
                received += octets
    records = at = 0
    while at + 5 <= len(received):
        at += 5 + int.from_bytes(received[at + 3 : at + 5], "big")
        records += 1
    if records == 0 or at != len(received) or received[0] != 0x16:
        raise BenchmarkError("nginx did not answer the recorded hello with a flight")
    return records


def build_floor(folder: Path) -> Path:
    """floor.c, compiled.

    Raises:
        BenchmarkError: there is no C compiler, or it refused.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BenchmarkError("no C compiler: install gcc to build the floor")
    program = folder / "floor"
    built = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(HERE / "floor.c")],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise BenchmarkError(f"floor.c does not compile: {built.stderr.strip()}")
    return program


def make_clients(nginx: Nginx, folder: Path, concurrency: int) -> tuple[Client, ...]:
    """The three clients, ready to run."""
    hello = record_hello(nginx.trust_file, folder)
    (folder / "hello.bin").write_bytes(hello)
    records = count_records(nginx.port, hello)
    floor = build_floor(folder)
    port, at_once = str(nginx.port), str(concurrency)

    def floor_command(count: int, _output: Path) -> list[str]:
        head = [str(floor), str(folder / "hello.bin"), str(records)]
        return [*head, FIRST_ADDRESS, str(count), port, at_once]

    def naive_command(count: int, output: Path) -> list[str]:
        head = [sys.executable, str(HERE / "naive.py"), str(nginx.trust_file)]
        return [*head, FIRST_ADDRESS, str(count), port, at_once, str(output)]

    def scan_command(count: int, output: Path) -> list[str]:
        return fleetscan_command(nginx.port, nginx.trust_file, concurrency, count, output)

    return (
        Client(name="floor (C, no TLS)", command=floor_command, seen=None),
        Client(name="asyncio + ssl", command=naive_command, seen=naive_seen),
        Client(name="fleetscan", command=scan_command, seen=fleetscan_seen),
    )

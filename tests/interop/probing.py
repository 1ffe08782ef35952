"""Runs rows of the matrix against a running server, and says what came."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

import fleetscan
from fleetscan import Deadlines, Result, ScanConfig, Target
from tests.interop.matrix import by_server
from tests.interop.model import Row, Server
from tests.real.material import NAME, NOW, material
from tests.real.servers import Material, running

LOOPS: Final[Mapping[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}

PATIENT: Final = Deadlines(confirm=1.0)
"""A machine with much to do must not turn a late ticket into silence."""

SIDE_BY_SIDE: Final = 4
"""Servers at a time: most of a server's time is spent waiting, for its start or its end."""

AT_ONCE: Final = 4
"""Probes at one server at a time: `s_server` and `selfserv` take one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row on one loop: what came, by the names of `Row.expected`."""

    row: Row
    loop: str
    came: Mapping[str, str]

    @property
    def differences(self) -> list[str]:
        """What was expected and did not come, a line each; empty when the row holds."""
        return [
            f"{name} is {self.came.get(name, '')!r}, expected {value!r}"
            for name, value in self.row.expected.items()
            if self.came.get(name, "") not in value.split("|")
        ]

    @property
    def holds(self) -> bool:
        """Whether everything came as expected."""
        return not self.differences

    def explain(self) -> str:
        """The server, the row and what came instead, for a failing test."""
        told = "\n  ".join(self.differences)
        rest = ", ".join(f"{key}={value}" for key, value in self.came.items() if value)
        return f"{self.row.server.name}: {self.row.offer.title} on {self.loop}\n  {told}\n{rest}"


@contextlib.contextmanager
def serving(server: Server) -> Iterator[tuple[int, Material]]:
    """Run the server of some rows in a folder that daemons may enter which gave rights away."""
    with tempfile.TemporaryDirectory(prefix="interop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = material(folder, kind=server.key)
        with running(server.kind, made) as port:
            yield port, made


def outcomes(server: Server, rows: Sequence[Row]) -> list[Outcome]:
    """Start the server, once where that will do, and run each row on each loop."""
    starts = [[loop] for loop in LOOPS] if server.anew else [list(LOOPS)]
    found = []
    for loops in starts:
        with serving(server) as (port, made):
            for loop in loops:
                came = _run(loop, port, made, rows)
                found += [
                    Outcome(row=row, loop=loop, came=each)
                    for row, each in zip(rows, came, strict=True)
                ]
    return found


class Results:
    """The outcomes of some rows: each server is started once, several run side by side.

    Args:
        rows: those whose outcomes will be asked for.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=SIDE_BY_SIDE)
        self._begun: dict[str, Future[list[Outcome]]] = {
            server.name: self._pool.submit(outcomes, server, its_rows)
            for server, its_rows in by_server(rows)
            if not server.kind.missing()
        }

    def of(self, row: Row, loop: str) -> Outcome:
        """What came of one row; what kept its server from starting is raised."""
        came = self._begun[row.server.name].result()
        return next(each for each in came if (each.row.id, each.loop) == (row.id, loop))

    def close(self) -> None:
        """Begin nothing more, and wait for what runs."""
        self._pool.shutdown(cancel_futures=True)


def probe(port: int, made: Material, *, loop: str = "uvloop", **options: Any) -> Result:  # noqa: ANN401
    """Scan one server of these tests with these fields of ScanConfig, `starttls` beside them."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(_scan(port, made, options))


def came_of(result: Result) -> dict[str, str]:
    """What the result says, in the names of the result line; `""` for what did not come."""
    record, facts = result.record, result.facts
    assert facts is not None
    handshake = record["handshake"]
    names = (
        "completed", "confirmed_by", "version", "cipher_suite", "group", "signature_scheme",
        "alpn", "client_auth", "ended_by",
    )  # fmt: skip
    came = {name: str(handshake.get(name, "")) for name in names}
    return came | {
        "key": record["checks"]["key"],
        "path": record["checks"]["path"],
        "certificate": record.get("certificate", {}).get("key", ""),
        "stage": record["stage"],
        "history": facts.history,
        "whole_flight": "yes" if SERVER_HELLO_DONE in facts.history else "no",
        "hello_retry": "yes" if facts.hello_retry_requested else "no",
        "staple": "yes" if facts.ocsp_response else "no",
        "violation": facts.violation,
        "alert": handshake.get("alert", {}).get("name", ""),
        "causes": " ".join(record["cause_ids"]),
        "starttls_refusal": facts.starttls_refusal,
    }


SERVER_HELLO_DONE: Final = "n"
"""Its letter in the history: the server's first flight is whole up to TLS 1.2."""


def _run(loop: str, port: int, made: Material, rows: Sequence[Row]) -> list[dict[str, str]]:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(_probe_all(port, made, rows))


async def _probe_all(port: int, made: Material, rows: Sequence[Row]) -> list[dict[str, str]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> dict[str, str]:
        async with slots:
            options = {
                "hello": row.offer.profile(),
                "alpn": row.offer.alpn,
                "starttls": row.server.starttls,
            }
            return came_of(await _scan(port, made, options))

    return await asyncio.gather(*(one(row) for row in rows))


async def _scan(port: int, made: Material, options: Mapping[str, Any]) -> Result:
    fields = dict(options)
    target = Target(
        input=NAME,
        origin="listed",
        port=port,
        address="127.0.0.1",
        server_name=NAME,
        reference_name=NAME,
        starttls=fields.pop("starttls", "none"),
    )
    config = ScanConfig(trust=(str(made.root),), clock=NOW.timestamp, deadlines=PATIENT)
    return await fleetscan.scan_one(target, dataclasses.replace(config, **fields))

"""One scan from its inventory to its exit code."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from fleetscan import api
from fleetscan.cli import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_READER_GONE,
    EXIT_USAGE,
    version,
)
from fleetscan.cli.catalogue import remedy_text
from fleetscan.cli.interrupts import Interrupts
from fleetscan.cli.outputs import Outputs
from fleetscan.cli.progress import REFRESH_S
from fleetscan.cli.report import Report
from fleetscan.cli.targets import Inventory
from fleetscan.cli.terminal import harmless, is_terminal, say
from fleetscan.errors import InventoryError, OutputError, UsageError
from fleetscan.fleet.summary import Summary
from fleetscan.output.emit import Emission, is_emitted
from fleetscan.output.envelope import RunEnd, certificate_line, run_end, run_start
from fleetscan.output.sinks import ReaderGoneError

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.api import Scan
    from fleetscan.cli.scan import ScanRequest
    from fleetscan.engine.config import ScanConfig
    from fleetscan.facts import MalformedCertificate


async def run_scan(request: ScanRequest) -> int:
    """Scan what was asked for, write it, sum it up; give the exit code.

    Raises:
        UsageError: nothing was scanned, and the text says why.
    """
    run = _ScanRun(request)
    try:
        return await run.run()
    except ReaderGoneError:
        return EXIT_READER_GONE
    except OutputError as failed:
        say(f"{harmless(str(failed))}; the run is incomplete")
        return EXIT_INCOMPLETE
    except asyncio.CancelledError:
        return EXIT_INTERRUPTED


class _ScanRun:
    """What the steps of one run share."""

    def __init__(self, request: ScanRequest) -> None:
        self._request = request
        self._report = Report(request)
        self._interrupts = Interrupts(self._report.tell)
        self._summary = Summary()
        self._seen: list[tuple[Certificate | MalformedCertificate, float]] = []
        self._inventory = Inventory(
            request.targets,
            request.lists,
            defaults=request.defaults,
            starttls_kinds=request.starttls_kinds,
            on_bad_line=self._report.bad_line,
        )

    async def run(self) -> int:
        """All of it. What is wrong with the request is found before the first probe."""
        if "-" in self._request.lists and is_terminal(sys.stdin):
            self._report.tell("reading targets from standard input; Ctrl-D ends them")
        with self._interrupts.caught():
            return await self._run()

    async def _run(self) -> int:
        sha256 = await self._inventory.sha256_ahead()
        async with AsyncExitStack() as stack:
            config = await self._start_lab(stack)
            if not await self._inventory.begin():
                raise UsageError(self._nothing())
            scan = api.scan(
                self._inventory.items(),
                config,
                on_certificate=self._first_seen,
                warn=self._report.tell,
            )
            # What ends the run at once must not have emptied the output file.
            await scan.prepare()
            outputs = await self._open_outputs(stack, scan, sha256)
            return await self._scan(scan, outputs)

    async def _start_lab(self, stack: AsyncExitStack) -> ScanConfig:
        config = self._request.config
        if not self._request.lab:
            return config
        from fleetscan.lab import Lab

        try:
            lab = await stack.enter_async_context(Lab())
        except OSError as failed:
            raise UsageError(f"the lab cannot start: {failed.strerror}") from None
        self._inventory.add(lab.targets)
        return replace(config, trust=(str(lab.trust_file), *config.trust))

    async def _open_outputs(self, stack: AsyncExitStack, scan: Scan, sha256: str | None) -> Outputs:
        outputs = Outputs(self._request, remedy=remedy_text, around=self._report.progress.aside)
        start = run_start(
            scan.run,
            at=self._now(),
            version=version(),
            configuration=self._request.configuration,
            inventory_sha256=sha256,
        )
        try:
            await stack.enter_async_context(outputs)
        except OutputError as failed:
            raise UsageError(harmless(str(failed))) from None
        # A file's first line is there before the first probe, and a full disk is known.
        await outputs.envelope(start)
        await outputs.flush()
        return outputs

    async def _scan(self, scan: Scan, outputs: Outputs) -> int:
        self._interrupts.scan = scan
        started, error = monotonic(), ""
        self._report.watch(scan, self._inventory)
        self._report.progress.start()
        refresher = asyncio.create_task(self._refresh())
        try:
            await self._results(scan, outputs)
        except InventoryError as failed:
            error = str(failed)
        finally:
            refresher.cancel()
            self._report.progress.stop()
            await scan.aclose()
        status = "incomplete" if self._interrupts.count or error else "complete"
        await outputs.envelope(self._end(scan, monotonic() - started, status))
        await outputs.flush()
        self._report.conclude(scan, self._summary, error)
        if self._interrupts.count:
            return EXIT_INTERRUPTED
        if error or scan.state_error:
            return EXIT_INCOMPLETE
        return EXIT_USAGE if self._request.strict and self._report.bad_lines else EXIT_OK

    async def _results(self, scan: Scan, outputs: Outputs) -> None:
        async for result in scan:
            for certificate, at in self._seen:
                await outputs.envelope(certificate_line(scan.run, certificate, at=at))
            self._seen.clear()
            emitted = is_emitted(result.record, self._emission)
            self._summary.add(result.record, emitted=emitted)
            if emitted:
                await outputs.result(result)

    @property
    def _emission(self) -> Emission:
        return Emission(self._request.emission)

    def _first_seen(self, certificate: Certificate | MalformedCertificate, at: float) -> None:
        """Keep it until the next result, and only when some output takes it."""
        if self._request.output is not None or self._request.envelope:
            self._seen.append((certificate, at))

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            self._report.progress.refresh()

    def _end(self, scan: Scan, elapsed_s: float, status: str) -> dict[str, Any]:
        is_read = self._inventory.is_read
        end = RunEnd(
            at=self._now(),
            elapsed_ms=elapsed_s * 1_000,
            status=status,
            not_scanned=scan.stats.not_scanned if is_read else None,
            bad_lines=self._inventory.bad_lines,
            inventory_sha256=self._inventory.sha256 if is_read else None,
        )
        return run_end(scan.run, self._summary.as_fields(), end)

    def _now(self) -> float:
        return (self._request.config.clock or time)()

    def _nothing(self) -> str:
        if not self._request.lists:
            return "nothing to scan"
        shown = ("standard input" if path == "-" else path for path in self._request.lists)
        names = " and ".join(harmless(path) for path in shown)
        bad = self._report.bad_lines_text()
        return f"nothing to scan: no target in {names}{'; ' if bad else ''}{bad}"

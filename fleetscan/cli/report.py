"""What one scan tells its user beside the results: warnings, progress, the summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fleetscan.cli.progress import Progress
from fleetscan.cli.terminal import (
    can_redraw,
    harmless,
    say,
    terminal_width,
    wants_colour,
    write_error,
)
from fleetscan.output.readable import summary_lines

if TYPE_CHECKING:
    from fleetscan.api import Scan, Stats
    from fleetscan.cli.scan import ScanRequest
    from fleetscan.cli.targets import Inventory
    from fleetscan.errors import InventoryError
    from fleetscan.fleet.summary import Summary

BAD_LINES_SHOWN: Final = 20
"""Bad lines of an inventory that are reported one by one; further ones are counted."""

_CAUSES_SHOWN: Final = 3


class Report:
    """Speaks on standard error, and keeps the live line out of the way.

    Args:
        request: what was asked for.
    """

    def __init__(self, request: ScanRequest) -> None:
        self.bad_lines = 0
        self._request = request
        self._scan: Scan | None = None
        self._inventory: Inventory | None = None
        shown = not request.quiet and can_redraw(sys.stderr)
        self.progress = Progress(self._line, enabled=shown)

    def watch(self, scan: Scan, inventory: Inventory) -> None:
        """Show how far this one is."""
        self._scan, self._inventory = scan, inventory

    def tell(self, text: str) -> None:
        """Something the user should know; a traceback of ours has several lines."""
        with self.progress.aside():
            say("\n".join(harmless(line) for line in text.splitlines()))

    def bad_line(self, bad: InventoryError) -> None:
        """A line of the inventory that could not be read."""
        self.bad_lines += 1
        if self.bad_lines <= BAD_LINES_SHOWN:
            self.tell(f"{bad}; skipped")
        if self.bad_lines == BAD_LINES_SHOWN:
            self.tell("further bad lines are counted only")

    def bad_lines_text(self) -> str:
        """How many bad lines there were, as a sentence without its end; empty for none."""
        if not self.bad_lines:
            return ""
        plural = "" if self.bad_lines == 1 else "s"
        return f"{self.bad_lines:,} line{plural} of the inventory could not be read"

    def conclude(self, scan: Scan, summary: Summary, error: str) -> None:
        """The end: what went wrong whether asked for or not, and the summary unless quiet."""
        not_scanned = scan.stats.not_scanned
        for text in (
            harmless(error),
            self.bad_lines_text(),
            f"{not_scanned:,} targets were not scanned" if not_scanned else "",
        ):
            if text:
                say(text)
        if not self._request.quiet:
            for line in self._summary(summary, scan.stats.elapsed):
                write_error(line)

    def _summary(self, summary: Summary, elapsed_s: float) -> Iterator[str]:
        yield ""
        yield from summary_lines(
            summary.as_fields()["counts"],
            summary.causes_by_gravity(),
            summary.findings_by_gravity(),
            elapsed_s=elapsed_s,
            colour=wants_colour(sys.stderr),
            width=terminal_width(sys.stderr),
        )
        left_out = summary.not_emitted.count
        if left_out:
            yield f"\n  {left_out:,} results were not written (--emit all writes every one)"
        if self._request.output is not None:
            yield f"\n  the results are in {harmless(self._request.output)}"

    def _line(self) -> str:
        if self._scan is None or self._inventory is None:
            return ""
        total = self._inventory.known if self._inventory.is_read else None
        return progress_line(self._scan.stats, total)


def progress_line(stats: Stats, total: int | None) -> str:
    """How far a scan is, in one line; `total` is None while the inventory is still read."""
    done = f"{stats.done:,}" if total is None else f"{stats.done:,} of {total:,}"
    rate = stats.done / stats.elapsed if stats.elapsed > 0 else 0.0
    parts = [f"{done} done", f"{stats.in_flight:,} under way"]
    if stats.held:
        parts.append(f"{stats.held:,} held")
    parts.append(f"{rate:,.0f}/s")
    parts.append(f"{stats.established:,} established, {stats.failed:,} failed")
    top = stats.by_cause.most_common(_CAUSES_SHOWN)
    parts.extend(f"{count:,} {cause}" for cause, count in top)
    return "  ".join(parts)

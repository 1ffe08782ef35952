"""The live line on standard error: how far the scan is and what it found."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from fleetscan.cli.terminal import wants_colour

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

REFRESH_S: Final = 0.2


class Progress:
    """One line that is written again and again, only where a person watches.

    Whoever writes anything else to the terminal does so within `aside`, so that
    neither tears the other.

    Args:
        line: gives the line's text whenever it is drawn.
        enabled: whether to show anything at all.
    """

    def __init__(self, line: Callable[[], str], *, enabled: bool) -> None:
        self._line = line
        self._enabled = enabled
        self._live: Live | None = None

    def start(self) -> None:
        """Begin to show it."""
        if not self._enabled:
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(file=sys.stderr, highlight=False, markup=False)
        self._live = Live(
            get_renderable=self._text,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def refresh(self) -> None:
        """Draw it anew."""
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.refresh()

    def stop(self) -> None:
        """Take it away."""
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(OSError):
                live.stop()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while something else is written, and bring it back."""
        if self._live is None:
            yield
            return
        with contextlib.suppress(OSError):
            self._live.stop()
        try:
            yield
        finally:
            if self._live is not None:
                with contextlib.suppress(OSError):
                    self._live.start(refresh=True)

    def _text(self) -> Text:
        from rich.text import Text

        style = "dim" if wants_colour(sys.stderr) else ""
        return Text(self._line(), no_wrap=True, overflow="ellipsis", style=style)

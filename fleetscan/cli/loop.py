"""The event loop a command runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def run_in_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run a command to its end on uvloop, or on asyncio's own loop where that is missing."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)

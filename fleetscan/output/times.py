"""Moments as output lines have them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339_ms(unix_s: float) -> str:
    """A moment as RFC 3339, UTC, with three digits of a second."""
    moment = datetime.fromtimestamp(unix_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def rounded_ms(elapsed_ms: float) -> float:
    """Milliseconds to a thousandth, never below nought."""
    return round(max(elapsed_ms, 0.0), 3)

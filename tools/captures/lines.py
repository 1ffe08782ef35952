"""Lines as they are kept: without what differs from run to run, each once a condition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from tools.captures.model import Captured

_LATER: Final = re.compile(r"(?i)time-?out|timed out|deadline|Verification: OK|is trusted\.")
_NOISE: Final = re.compile(
    r"AH0(?:1964|1998|1882|1883|1887|1914)| connect from | disconnect from "
    r"|No such file or directory|queue file write error|NOQUEUE: reject| - - (?:----|LR--) "
    r"|matched peername|\[WARNING\]|epoll_wait\(\) reported|signal \d+|daemon started"
    r"|starting up|terminating on signal|postmaster notify|TLS initialization failed"
    r"|no auth attempts.*, TLS, session=|closed keepalive connection|before auth was ready"
    r"|lost connection after CONNECT"
)
"""Lines about connections and processes that come and go, and about what servers lack here."""
_SLOW: Final = frozenset({"drip", "silent-after-hello", "no-answer", "client-says-nothing"})


def is_about_it(captured: Captured) -> bool:
    """Whether a line is about what was planted.

    A client that did not mind the condition goes on, waits for an answer that the lab never
    gives, and says that it timed out.
    """
    if _NOISE.search(captured.line):
        return False
    return captured.condition in _SLOW or _LATER.search(captured.line) is None


_CHANGES: Final = (
    (re.compile(r"/tmp/[^\s:'\"]*/"), "/etc/ssl/"),
    (re.compile(r"\b127\.0\.0\.1:(?!443\b)\d{4,5}\b"), "127.0.0.1:443"),
    (re.compile(r"\b127\.83\.(\d+)\.(\d+):\d{4,5}\b"), r"127.83.\1.\2:443"),
    (re.compile(r"(?<=\[127\.0\.0\.1\]:)\d{4,5}\b"), "443"),
    (re.compile(r"(?<=\]:)\d{4,5}\b"), "443"),
    (re.compile(r"(?<=\.test:)\d{4,5}\b"), "443"),
    (re.compile(r"(?<=port )\d{4,5}\b"), "443"),
    (re.compile(r"session=<[^>]*>"), "session=<aGVsbG8>"),
    (re.compile(r"^[0-9A-F]{12,16}:error"), "00E7A1B2C3D4E5F6:error"),
)
"""Temporary folders, ports and addresses in memory, which make no text another one."""


def settled(line: str) -> str:
    """A line with what differs from run to run replaced."""
    for pattern, text in _CHANGES:
        line = pattern.sub(text, line)
    return line


def distinct(lines: Iterable[Captured]) -> Iterator[Captured]:
    """Each line once for a product, its version and a condition."""
    seen: set[tuple[str, str, str, str]] = set()
    for each in filter(is_about_it, lines):
        kept = replace(each, line=settled(each.line))
        key = (kept.product, kept.version, kept.condition, re.sub(r"\d+", "0", kept.line))
        if key not in seen:
            seen.add(key)
            yield kept

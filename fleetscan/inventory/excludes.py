"""What must never be scanned: a set of networks that answers in a microsecond.

Whatever cannot be read here is an error and never a line that is skipped: an exclude
that is not understood would be an address that is scanned.
"""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fleetscan.errors import InventoryError
from fleetscan.inventory.ranges import (
    MAPPED_FIRST,
    MAPPED_LAST,
    AddressRange,
    parse_address,
    parse_range,
)

MAX_EXCLUDE_FILE: Final = 64 << 20
"""Octets of one exclude file: two million networks, and all of them are kept."""


class Excludes:
    """A set of addresses, made once from texts and asked often.

    Texts are addresses, networks (`10.0.0.0/8`, host bits may be set) and ranges
    (`10.0.0.5-10.0.0.40`). IPv4 and IPv4-mapped IPv6 addresses (RFC 4291 section
    2.5.5.2) are one and the same host, so each excludes the other.

    Args:
        texts: what to exclude.
        source: where they came from, for the error.

    Raises:
        InventoryError: a text is no address, network or range.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, texts: Iterable[str] = (), *, source: str = "--exclude") -> None:
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for text in texts:
            span = _parse_exclude(text, source=source, line=None)
            spans[span.version].append((span.first, span.last))
            spans[6].extend(_mapped_twins(span))
            spans[4].extend(_mapped_part(span))
        merged = {version: _merge(found) for version, found in spans.items()}
        self._firsts = {version: [first for first, _ in found] for version, found in merged.items()}
        self._lasts = {version: [last for _, last in found] for version, found in merged.items()}

    def __bool__(self) -> bool:
        """Whether anything is excluded at all."""
        return any(self._firsts.values())

    def contains(self, address: str) -> bool:
        """Whether `address`, an IP address as text, is excluded; False for a name."""
        if not self._firsts[4] and not self._firsts[6]:
            return False
        try:  # ten times as fast as `ipaddress`, and just as strict
            octets = socket.inet_pton(socket.AF_INET, address)
        except (OSError, ValueError):
            parsed = parse_address(address.partition("%")[0])
            return parsed is not None and self.contains_number(parsed.version, int(parsed))
        return self.contains_number(4, int.from_bytes(octets, "big"))

    def contains_number(self, version: int, number: int) -> bool:
        """Whether the address `number` of IP `version` (4 or 6) is excluded."""
        at = bisect_right(self._firsts[version], number) - 1
        return at >= 0 and number <= self._lasts[version][at]


def read_exclude_file(path: str) -> list[str]:
    """The excludes in a file: one a line, `#` begins a comment, blank lines allowed.

    Raises:
        InventoryError: the file cannot be read, or one of its lines cannot.
    """
    try:
        with Path(path).open("rb") as file:
            octets = file.read(MAX_EXCLUDE_FILE + 1)
    except OSError as failed:
        raise InventoryError(
            f"cannot be read: {failed.strerror or 'input/output error'}", source=path
        ) from None
    if len(octets) > MAX_EXCLUDE_FILE:
        raise InventoryError(f"is larger than {MAX_EXCLUDE_FILE} octets", source=path)
    texts = []
    for number, line in enumerate(octets.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        text = line.partition(b"#")[0].strip().decode("utf-8", "replace")
        if text:
            _parse_exclude(text, source=path, line=number)
            texts.append(text)
    return texts


def _parse_exclude(text: str, *, source: str, line: int | None) -> AddressRange:
    try:
        return parse_range(text.strip())
    except ValueError as refused:
        raise InventoryError(
            f"cannot exclude {text.strip()[:80]!r}: {refused}", source=source, line=line
        ) from None


def _mapped_twins(span: AddressRange) -> list[tuple[int, int]]:
    """The IPv4-mapped IPv6 addresses of an IPv4 range."""
    if span.version == 6:
        return []
    return [(MAPPED_FIRST + span.first, MAPPED_FIRST + span.last)]


def _mapped_part(span: AddressRange) -> list[tuple[int, int]]:
    """The IPv4 addresses of a range of mapped ones.

    A range that only covers the mapped ones among others says nothing about IPv4:
    who excludes `::/0` wants no IPv6.
    """
    if span.version == 4 or span.first < MAPPED_FIRST or span.last > MAPPED_LAST:
        return []
    return [(span.first - MAPPED_FIRST, span.last - MAPPED_FIRST)]


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same addresses in disjoint ranges, sorted: what `bisect` needs."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged

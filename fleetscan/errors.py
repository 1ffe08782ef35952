"""The errors of fleetscan, in four families that are never mixed.

What a peer's octets did wrong is a `ParseError` inside the core and a fact at its
edge. What the network did is a fact, never an exception that leaves a probe. What
our caller got wrong is a `UsageError`. Anything else is our own bug.
"""

from __future__ import annotations

from enum import IntEnum


class FleetscanError(Exception):
    """Base of every error that fleetscan raises on purpose."""


class UsageError(FleetscanError):
    """The caller asked for something that cannot be done; the text says what to do instead."""


class InventoryError(UsageError):
    """A line of an inventory that cannot be read.

    Args:
        reason: one clear line, without the place.
        source: the file's name, `-` for standard input, or `argument`.
        line: the line's number counted from 1, or None where there are no lines.
    """

    def __init__(self, reason: str, *, source: str, line: int | None = None) -> None:
        self.reason = reason
        self.source = source
        self.line = line
        shown = "standard input" if source == "-" else source
        place = shown if line is None else f"{shown}:{line}"
        super().__init__(f"{place}: {reason}")


class OutputError(FleetscanError):
    """Results could not be written: disk full, permission, reader gone."""


class ParseError(FleetscanError):
    """A peer's octets do not fit the layout that a parser expects.

    Args:
        fault: which rule was broken (`fleetscan._parse.ParseFault`).
        field: the field being read, under its RFC name.
        offset: octets from the start of the buffer given to the parser, 0 <= offset <= its length.
    """

    def __init__(self, fault: IntEnum, field: str, offset: int) -> None:
        self.fault = fault
        self.field = field
        self.offset = offset
        super().__init__(f"{fault.name} in {field} at octet {offset}")

    def __reduce__(self) -> tuple[type[ParseError], tuple[IntEnum, str, int]]:
        """Keep the three parts when a result crosses a process border."""
        return type(self), (self.fault, self.field, self.offset)

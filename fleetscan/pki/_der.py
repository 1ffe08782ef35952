"""The little DER that paths need beyond what the parser has already read.

A directoryName in a constraint and the parameters of RSASSA-PSS are kept by the parser
as octets. Both are a few nested elements with short tags, so one splitter is enough.
"""

from __future__ import annotations

from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
OBJECT_IDENTIFIER: Final = 0x06
INTEGER: Final = 0x02

_MAX_LENGTH_OCTETS: Final = 3
"""Of a long-form length: no certificate that is looked at reaches 2^24 octets."""


def elements(octets: bytes) -> tuple[tuple[int, bytes], ...] | None:
    """Split the content of a constructed element.

    Args:
        octets: whole elements one after the other, or nothing.

    Returns:
        (identifier octet, content) of each, or None where the octets are no such row:
        a length that promises too much, the indefinite form, a tag above 30.
    """
    found: list[tuple[int, bytes]] = []
    at = 0
    # Ends because `at` grows by at least two octets in each round.
    while at < len(octets):
        if len(octets) - at < 2 or octets[at] & 0x1F == 0x1F:
            return None
        tag = octets[at]
        length = octets[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= _MAX_LENGTH_OCTETS or len(octets) - at < count:
                return None
            length = int.from_bytes(octets[at : at + count], "big")
            at += count
        if length > len(octets) - at:
            return None
        found.append((tag, octets[at : at + length]))
        at += length
    return tuple(found)


def content(octets: bytes, tag: int) -> bytes | None:
    """Give the content of the one element that `octets` are, if it has this tag."""
    row = elements(octets)
    if row is None or len(row) != 1 or row[0][0] != tag:
        return None
    return row[0][1]

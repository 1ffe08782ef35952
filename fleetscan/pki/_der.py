"""The little DER that paths need beyond what the parser has already read.

A directoryName in a constraint and the parameters of RSASSA-PSS are kept by the parser
as octets, and files hold certificates inside a PKCS #7 structure. All are a few nested
elements with short tags, so one splitter is enough.
"""

from __future__ import annotations

from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
OBJECT_IDENTIFIER: Final = 0x06
INTEGER: Final = 0x02

_MAX_LENGTH_OCTETS: Final = 3
"""Of a long-form length: no certificate that is looked at reaches 2^24 octets."""


def elements(octets: bytes, most: int | None = None) -> tuple[tuple[int, bytes], ...] | None:
    """Split the content of a constructed element.

    Args:
        octets: whole elements one after the other, or nothing.
        most: how many to give, None for all; what follows them is not looked at.

    Returns:
        (identifier octet, content) of each, or None where the octets are no such row:
        a length that promises too much, the indefinite form, a tag above 30.
    """
    found = _places(octets, most)
    if found is None:
        return None
    return tuple((octets[start], octets[inner:end]) for start, inner, end in found)


def whole_elements(octets: bytes, most: int) -> tuple[bytes, ...] | None:
    """Split as `elements` does, but give each with its identifier and length octets.

    Args:
        octets: whole elements one after the other, or nothing.
        most: how many to give; what follows them is not looked at.
    """
    found = _places(octets, most)
    return None if found is None else tuple(octets[start:end] for start, _, end in found)


def _places(octets: bytes, most: int | None) -> list[tuple[int, int, int]] | None:
    """Where each element begins, where its content begins, and where both end."""
    found: list[tuple[int, int, int]] = []
    at = 0
    # Ends because `at` grows by at least two octets in each round.
    while at < len(octets) and (most is None or len(found) < most):
        start = at
        if len(octets) - at < 2 or octets[at] & 0x1F == 0x1F:
            return None
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
        found.append((start, at, at + length))
        at += length
    return found


def content(octets: bytes, tag: int) -> bytes | None:
    """Give the content of the one element that `octets` are, if it has this tag."""
    row = elements(octets, 2)
    if row is None or len(row) != 1 or row[0][0] != tag:
        return None
    return row[0][1]

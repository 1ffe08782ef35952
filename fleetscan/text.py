"""Text of a peer's made safe to print: on a terminal, in a log, in a JSON string."""

from __future__ import annotations

from typing import Final

ELLIPSIS: Final = "..."
"""Marks text that was cut; printable ASCII, so that it survives every log."""

_ESCAPES: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"}


def printable(value: str | bytes, limit: int = 200) -> str:
    r"""Give text of a peer's as valid UTF-8 with nothing in it that acts on a reader.

    Control characters (C0, DEL, C1), line and paragraph separators, bidirectional
    controls, zero-width and other format characters, surrogates, unassigned code points
    and private ones are written as `\xNN`, `\uNNNN` or `\UNNNNNNNN`. Octets that are no
    valid UTF-8 are written as `\xNN` each; the backslash itself is doubled, so that no
    two inputs look alike.

    Args:
        value: octets, or text that came out of a parser.
        limit: characters of the answer; less than 3 counts as 3. Longer text is cut
            between two escapes and ends in `...`. Only so much of the input is looked at.

    Returns:
        At most `limit` characters, all of them printable by `str.isprintable`.
    """
    room = max(limit, len(ELLIPSIS))
    if isinstance(value, bytes):
        # Four octets make one character at most, so nothing that could be shown is lost.
        text = value[: 4 * (room + 1)].decode("utf-8", "surrogateescape")
    else:
        text = value[: room + 1]
    # Nearly all text is harmless: it is looked at once and given back as it is.
    if len(text) <= room and text.isprintable() and "\\" not in text:
        return text
    pieces: list[str] = []
    length = 0
    for character in text:
        piece = _escape(character)
        pieces.append(piece)
        length += len(piece)
        if length > room:
            return _cut(pieces, length, room)
    return "".join(pieces)


def _escape(character: str) -> str:
    escaped = _ESCAPES.get(character)
    if escaped is not None:
        return escaped
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an octet that was no UTF-8 (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _cut(pieces: list[str], length: int, room: int) -> str:
    while pieces and length > room - len(ELLIPSIS):
        length -= len(pieces.pop())
    return "".join(pieces) + ELLIPSIS

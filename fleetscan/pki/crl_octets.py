"""The DER of a CRL out of an open file, DER or PEM, a piece at a time."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import BinaryIO, Final

PIECE: Final = 1 << 16
"""Octets read at a time."""

BEGIN: Final = b"-----BEGIN X509 CRL-----"
END: Final = b"-----END X509 CRL-----"
"""RFC 7468 section 6."""

_SPACE: Final = b" \t\r\n\x0b\x0c"
_SEQUENCE: Final = b"\x30"


class NotPem(ValueError):
    """The PEM does not hold: no base64, or no end line."""


def der_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Give the DER of the first CRL from where the file stands on.

    DER is given to the end of the file. Of PEM what stands before and behind the block is
    left out, however long (`openssl crl -text` puts the whole list there); without a block
    nothing is given.

    Raises:
        NotPem: what is between the two lines is no base64, or the second line is missing.
    """
    piece = file.read(PIECE)
    if piece[:1] != _SEQUENCE:
        yield from _decoded(file, _behind_begin(file, piece))
        return
    # Ends with the file.
    while piece:
        yield piece
        piece = file.read(PIECE)


def begin_lines(file: BinaryIO) -> Iterator[int]:
    """Give the place of each block's first line; moves the file about.

    A file that is DER has none.
    """
    file.seek(0)
    piece, at = file.read(PIECE), 0
    if piece[:1] == _SEQUENCE:
        return
    # Ends with the file; what could be half a line is kept for the next round.
    while piece:
        found = piece.find(BEGIN)
        while found >= 0:
            yield at + found
            found = piece.find(BEGIN, found + 1)
        kept = piece[-len(BEGIN) + 1 :]
        at += len(piece) - len(kept)
        file.seek(at + len(kept))
        more = file.read(PIECE)
        piece = kept + more if more else b""


def _behind_begin(file: BinaryIO, piece: bytes) -> bytes | None:
    # Ends with the file.
    while piece:
        _, line, behind = piece.partition(BEGIN)
        if line:
            return behind
        more = file.read(PIECE)
        piece = piece[-len(BEGIN) + 1 :] + more if more else b""
    return None


def _decoded(file: BinaryIO, piece: bytes | None) -> Iterator[bytes]:
    """Base64 up to the end line, whose first hyphen is no base64."""
    if piece is None:
        return
    rest = b""
    # Ends with the file, or at the first hyphen.
    while True:
        text, hyphen, behind = piece.partition(b"-")
        rest += text.translate(None, _SPACE)
        whole = len(rest) if hyphen else len(rest) // 4 * 4
        yield _base64(rest[:whole])
        rest = rest[whole:]
        if hyphen:
            break
        piece = file.read(PIECE)
        if not piece:
            raise NotPem("the end line is missing")
    while len(behind) < len(END) - 1 and (more := file.read(PIECE)):
        behind += more
    if not behind.startswith(END[1:]):
        raise NotPem("the end line is missing")


def _base64(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets, strict_mode=True) if octets else b""
    except binascii.Error as error:
        raise NotPem("what is between the lines is no base64") from error

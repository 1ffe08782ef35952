"""PEM: the blocks in the octets of a file, found in one pass, and one made (RFC 7468). Pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_BOUNDARY: Final = re.compile(rb"-----(BEGIN|END) ([ -,.-~]{0,64})-----")
"""RFC 7468 section 3: a label is printable and has no hyphen where it could end the line."""

CERTIFICATE_LABELS: Final = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
"""RFC 7468 section 5.1 has the first and tells readers to expect the second; OpenSSL writes the
third (openssl-x509(1), -trustout)."""

_WHITE_SPACE: Final = b" \t\n\v\f\r"
"""RFC 7468 section 3, W."""

_LINE: Final = 64
"""Characters of base64 in a line that is written (RFC 7468 section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PemBlock:
    """What begins with a BEGIN line.

    Args:
        label: of the BEGIN line.
        ending: of the END line; None where the next boundary is none, or there is none.
        start: where the BEGIN line begins.
        end: behind the END line, or where another boundary cuts the block short.
        text: what is between the two lines, possibly a private key.
    """

    label: bytes
    ending: bytes | None
    start: int
    end: int
    text: bytes = field(repr=False)

    @property
    def is_closed(self) -> bool:
        """Whether the END line is of this block; labels of certificates stand for each other."""
        return self.ending == self.label or {self.label, self.ending} <= CERTIFICATE_LABELS


def pem_blocks(octets: bytes) -> Iterator[PemBlock]:
    """Give every block in the octets' order, those without an end too.

    Ends because each boundary line is looked at once, and each octet belongs to one block: the
    time is in proportion to the octets, whatever they are.
    """
    begin: re.Match[bytes] | None = None
    for boundary in _BOUNDARY.finditer(octets):
        closes = boundary[1] == b"END"
        if begin is not None:
            yield PemBlock(
                label=begin[2],
                ending=boundary[2] if closes else None,
                start=begin.start(),
                end=boundary.end() if closes else boundary.start(),
                text=octets[begin.end() : boundary.start()],
            )
        begin = None if closes else boundary
    if begin is not None:
        yield PemBlock(
            label=begin[2],
            ending=None,
            start=begin.start(),
            end=len(octets),
            text=octets[begin.end() :],
        )


def decoded(text: bytes) -> bytes | None:
    """The octets of base64 text with white space in it (RFC 7468 section 3); None for other."""
    try:
        return binascii.a2b_base64(text.translate(None, _WHITE_SPACE), strict_mode=True)
    except binascii.Error:
        return None


def certificate_block(der: bytes) -> bytes:
    """One certificate as a PEM block with lines of 64 characters (RFC 7468 section 2)."""
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    body = b"\n".join(lines)
    return b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n" % body

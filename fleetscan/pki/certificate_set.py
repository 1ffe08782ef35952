"""Certificates in a certs-only CMS message, which is PKCS #7 by its older name. Pure.

It is taken apart here and not by `cryptography`, which (at 50) warns of every one that is not
strict DER, what OpenSSL writes included, and gives none of the certificates when it refuses
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from fleetscan.pki._der import OBJECT_IDENTIFIER, SEQUENCE

_CONTEXT_0: Final = 0xA0
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
"""id-signedData, 1.2.840.113549.1.7.2 (RFC 5652 section 5.1), as a whole element."""

_FIELDS_BEFORE: Final = 3
"""Those of SignedData before its certificates."""


def certificate_set(octets: bytes, most: int) -> tuple[bytes, ...] | None:
    """Give the certificates of a CMS message, in BER or DER; None where it is no SignedData.

    Layout, RFC 5652 sections 3 and 5.1::

        ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }

        SignedData ::= SEQUENCE {
            version INTEGER,
            digestAlgorithms SET,
            encapContentInfo SEQUENCE,
            certificates [0] IMPLICIT SET OPTIONAL,
            crls [1] IMPLICIT SET OPTIONAL,
            signerInfos SET }

    Args:
        octets: of the message.
        most: certificates that are given. The other choices of a CertificateSet, such as
            attribute certificates, have tags of their own and are left out.
    """
    content_info = _inside(octets, SEQUENCE)
    at = _end(content_info, 0)
    if at is None or content_info[:at] != _SIGNED_DATA:
        return None
    signed_data = _inside(_inside(content_info[at:], _CONTEXT_0), SEQUENCE)
    at = 0
    for _ in range(_FIELDS_BEFORE):
        at = _end(signed_data, at)
        if at is None:
            return None
    members = _elements(_inside(signed_data[at:], _CONTEXT_0))
    return tuple(islice((one for one in members if one[0] == SEQUENCE), most))


def first_tag(octets: bytes) -> int | None:
    """The first identifier octet inside an element; None where nothing can be read there."""
    header = _header(octets, 0)
    inside = b"" if header is None else octets[header[0] : header[0] + 1]
    return inside[0] if inside else None


def is_set_like(octets: bytes) -> bool:
    """Whether they begin as a ContentInfo does, whatever follows."""
    return octets[:1] == bytes([SEQUENCE]) and first_tag(octets) == OBJECT_IDENTIFIER


# -- BER: definite lengths as in DER, and lengths left open ----------------------------


def _elements(octets: bytes) -> Iterator[bytes]:
    """Each whole element in a row, up to the end-of-contents or as far as they can be told."""
    at = 0
    # Ends because an element has two octets at least.
    while octets[at : at + 1] != b"\0":
        end = _end(octets, at)
        if end is None:
            return
        yield octets[at:end]
        at = end


def _inside(octets: bytes, tag: int) -> bytes:
    """What is inside of the element that the octets begin with; nothing when it is another.

    Where its length is left open, what follows it comes along: who reads it meets its end
    first, and nothing is walked through twice.
    """
    header = _header(octets, 0)
    if header is None or octets[0] != tag:
        return b""
    begin, length = header
    return octets[begin:] if length is None else octets[begin : begin + length]


def _end(octets: bytes, at: int) -> int | None:
    """Where the element at `at` ends, or None when it does not end within the octets."""
    open_lengths = 0
    # Ends because `at` grows by two at least in each round.
    while True:
        if open_lengths and octets[at : at + 2] == b"\0\0":
            at += 2
            open_lengths -= 1
        else:
            header = _header(octets, at)
            if header is None:
                return None
            at, length = header
            if length is None:
                open_lengths += 1
                continue
            at += length
        if not open_lengths:
            return at


def _header(octets: bytes, at: int) -> tuple[int, int | None] | None:
    """Where the content of the element at `at` begins, and its length, None for an open one.

    None where there is no element, or it is longer than the octets (X.690 section 8.1).
    """
    if len(octets) - at < 2 or octets[at] & 0x1F == 0x1F:
        return None
    length = octets[at + 1]
    begin = at + 2
    if length == 0x80:
        return begin, None
    if length > 0x80:
        count = length & 0x7F
        if count > len(octets) - begin:
            return None
        length = int.from_bytes(octets[begin : begin + count], "big")
        begin += count
    return (begin, length) if length <= len(octets) - begin else None

"""Certificates in what a caIssuers URL gives.

A collection of them is taken apart here and not by `cryptography`, which (at 50) warns of every
one that is not strict DER, what OpenSSL writes included, and gives none of the certificates
when it refuses one.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"-----END "
_CERTIFICATES: Final = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})
_COLLECTIONS: Final = frozenset({b"PKCS7", b"CMS"})
"""Labels of RFC 7468 sections 5, 8 and 9, and one that older tools write."""

_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_CONTEXT_0: Final = 0xA0
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
"""id-signedData (RFC 5652 section 5.1), as a whole element."""


def certificates_in(octets: bytes) -> tuple[Certificate, ...]:
    """Give the certificates in an answer, whatever its media type says.

    RFC 5280 section 4.2.2.1 has two forms: one certificate in DER, and a collection in BER or
    DER, a certs-only CMS message. Either is also taken as PEM (RFC 7468), which servers give
    in place of the first.

    Returns:
        Each once, in the order found; none when the octets are nothing of this kind. Those
        that cannot be read are left out, and those behind `limits.MAX_ISSUER_CERTIFICATES`.
    """
    found: dict[str, Certificate] = {}
    if len(octets) <= limits.MAX_ISSUER_OCTETS:
        for der in islice(_encoded(octets), limits.MAX_ISSUER_CERTIFICATES):
            with suppress(ParseError):
                certificate = parse_certificate(der)
                found.setdefault(certificate.sha256, certificate)
    return tuple(found.values())


def _encoded(octets: bytes) -> Iterator[bytes]:
    """The DER of each certificate, or of what claims to be one."""
    if not octets.startswith(b"\x30"):
        for label, content in _armoured(octets):
            if label in _CERTIFICATES:
                yield content
            elif label in _COLLECTIONS:
                yield from _collection(content)
    elif _elements(_content(octets))[:1] == [(_OBJECT_IDENTIFIER, _SIGNED_DATA)]:
        yield from _collection(octets)
    else:
        yield octets


def _collection(octets: bytes) -> Iterator[bytes]:
    """The certificates of a CMS message, RFC 5652 sections 3 and 5.1.

    Layout::

        ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY }

        SignedData ::= SEQUENCE {
            version INTEGER,
            digestAlgorithms SET,
            encapContentInfo SEQUENCE,
            certificates [0] IMPLICIT SET OPTIONAL,
            crls [1] IMPLICIT SET OPTIONAL,
            signerInfos SET }
    """
    content_info = _elements(_content(octets))
    if [tag for tag, _ in content_info] != [_OBJECT_IDENTIFIER, _CONTEXT_0]:
        return
    signed_data = _elements(_content(_content(content_info[1][1])))
    for tag, certificates in signed_data[3:4]:
        if tag == _CONTEXT_0:
            # The other choices of a CertificateSet have tags of their own.
            yield from (der for kind, der in _elements(_content(certificates)) if kind == _SEQUENCE)


def _armoured(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Label and content of each PEM block whose base64 can be read."""
    at = octets.find(_BEGIN)
    # Ends because `at` grows in each round: every octet is looked at a fixed number of times.
    while at >= 0:
        begin = at + len(_BEGIN)
        head = octets.find(b"-----", begin)
        end = octets.find(_END, begin)
        if head < 0 or end < 0:
            return
        if head < end:
            with suppress(binascii.Error):
                yield octets[begin:head], binascii.a2b_base64(octets[head + 5 : end])
        at = octets.find(_BEGIN, end)


# -- BER: definite lengths as in DER, and lengths left open ----------------------------


def _elements(octets: bytes) -> list[tuple[int, bytes]]:
    """Tag and octets of each whole element in a row, as far as they can be told apart."""
    found: list[tuple[int, bytes]] = []
    at = 0
    # Ends because an element has two octets at least.
    while (end := _end(octets, at)) is not None:
        found.append((octets[at], octets[at:end]))
        at = end
    return found


def _content(element: bytes) -> bytes:
    """What is inside of one whole element; nothing when it is none."""
    header = _header(element, 0)
    if header is None:
        return b""
    begin, length = header
    return element[begin:-2] if length is None else element[begin : begin + length]


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

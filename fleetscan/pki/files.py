"""Certificates out of what people keep them in: PEM, DER, PKCS #7. Octets in, nothing is opened.

What else such files hold, a private key before all, is named and never looked at.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from fleetscan import limits
from fleetscan.errors import ParseError
from fleetscan.pki._der import (
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    content,
    elements,
    whole_elements,
)

_BOUNDARY: Final = re.compile(rb"-----(BEGIN|END) ([ -,.-~]{0,64})-----")
"""RFC 7468 section 3: a label is printable and has no hyphen where it could end the line."""

_CERTIFICATE: Final = b"CERTIFICATE"
_TRUSTED: Final = b"TRUSTED CERTIFICATE"
_CERTIFICATES: Final = frozenset({_CERTIFICATE, b"X509 CERTIFICATE", _TRUSTED})
_PKCS7: Final = frozenset({b"PKCS7", b"CMS"})
"""Labels of RFC 7468 sections 5.1, 8 and 9, with the older ones that OpenSSL still reads."""

_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
"""id-signedData, 1.2.840.113549.1.7.2 (RFC 5652 section 5.1)."""

_SIGNED_DATA_FIELDS: Final = 6
_CERTIFICATE_SET: Final = 0xA0
"""`certificates [0] IMPLICIT` in SignedData (RFC 5652 section 5.1)."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


_MOST: Final = limits.MAX_FILE_CERTIFICATES + 1
"""Elements of DER that are looked at: one more than is kept, so that it shows if there are more."""

_LINE: Final = 64
"""Characters of base64 in a line that is written."""


_SHARED_LINE: Final = (
    "a BEGIN or END line has something else on it, and OpenSSL refuses such a file"
)

_OTHERS: Final = 8
"""Kinds of other content that are named."""


class FileFault(IntEnum):
    """What can be wrong with the armour around a certificate, beside its DER."""

    BASE64_INVALID = 1
    END_MISSING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenBlock:
    """A certificate whose armour gives no DER: `octets` is the block as it stands."""

    octets: bytes
    error: ParseError


Encoded: TypeAlias = bytes | BrokenBlock
"""The DER of one certificate, parsed by nobody yet, or what stands in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """What a file holds.

    Args:
        certificates: in the file's order, `limits.MAX_FILE_CERTIFICATES` at most.
        is_set: whether they are out of a PKCS #7 set, whose order says nothing.
        others: what else is in it, in words for a person: `a private key`.
        remarks: what is odd about the file itself, in words for a person.
    """

    certificates: tuple[Encoded, ...]
    is_set: bool = False
    others: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_certificates(octets: bytes) -> CertificateFile:
    """Find the certificates in the octets of a file; they may be none."""
    if octets.startswith(_UTF16):
        remark = "it is UTF-16 text, which no TLS server reads: save it as ASCII"
        return CertificateFile(certificates=(), remarks=(remark,))
    found = _Found()
    parts = whole_elements(octets, _MOST) if octets[:1] == bytes([SEQUENCE]) else None
    if parts is not None and all(part[0] == SEQUENCE for part in parts):
        _take_der(parts, found)
    elif octets[:1] == bytes([SEQUENCE]) and b"-----BEGIN " not in octets:
        # Cut short, or with something behind it: the parser says which.
        found.add(octets)
    else:
        _take_pem(octets, found)
    return found.file()


def pem(der: bytes) -> bytes:
    """One certificate as a PEM block with lines of 64 characters (RFC 7468 section 2)."""
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    body = b"\n".join(lines)
    return b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n" % body


class _Found:
    """What was found so far."""

    __slots__ = ("certificates", "cut", "others", "remarks", "sets")

    def __init__(self) -> None:
        self.certificates: list[Encoded] = []
        self.others: dict[str, None] = {}
        self.remarks: dict[str, None] = {}
        self.sets = 0
        self.cut = False

    def add(self, certificate: Encoded) -> None:
        """Keep it, as far as the bound allows."""
        if len(self.certificates) < limits.MAX_FILE_CERTIFICATES:
            self.certificates.append(certificate)
        elif not self.cut:
            self.cut = True
            self.remarks[f"only its first {limits.MAX_FILE_CERTIFICATES} were looked at"] = None

    def mention(self, other: str) -> None:
        """Note what else is in the file."""
        if len(self.others) < _OTHERS:
            self.others[other] = None

    def file(self) -> CertificateFile:
        """All of it."""
        return CertificateFile(
            certificates=tuple(self.certificates),
            is_set=self.sets > 0,
            others=tuple(self.others),
            remarks=tuple(self.remarks),
        )


# -- PEM -------------------------------------------------------------------------------


def _take_pem(octets: bytes, found: _Found) -> None:
    for label, start, end, text in _blocks(octets):
        if label in _CERTIFICATES:
            _take_certificate(label, octets[start:end], text, found)
        elif label in _PKCS7:
            der = None if text is None else _decoded(text)
            if der is None or not _take_pkcs7(der, found):
                found.mention("a PKCS #7 structure that cannot be read")
        else:
            found.mention(_kind(label))
        if label in _CERTIFICATES and text is not None and not _stands_alone(octets, start, end):
            found.remarks[_SHARED_LINE] = None


def _blocks(octets: bytes) -> Iterator[tuple[bytes, int, int, bytes | None]]:
    """Yield label, start, end and text of each block; None for the text of one without an end.

    Ends because each boundary line is looked at once.
    """
    label, start, inner = b"", -1, 0
    for boundary in _BOUNDARY.finditer(octets):
        begins = boundary[1] == b"BEGIN"
        if start >= 0:
            closes = not begins and _closes(label, boundary[2])
            end = boundary.end() if closes else boundary.start()
            yield label, start, end, octets[inner : boundary.start()] if closes else None
            start = -1
        if begins:
            label, start, inner = boundary[2], boundary.start(), boundary.end()
    if start >= 0:
        yield label, start, len(octets), None


def _closes(label: bytes, ending: bytes) -> bool:
    return label == ending or {label, ending} <= _CERTIFICATES


def _stands_alone(octets: bytes, start: int, end: int) -> bool:
    before, after = octets[start - 1 : start] if start else b"\n", octets[end : end + 1] or b"\n"
    return before in b"\r\n" and after in b"\r\n \t"


def _take_certificate(label: bytes, block: bytes, text: bytes | None, found: _Found) -> None:
    if text is None:
        fault = FileFault.END_MISSING
    else:
        der = _decoded(text)
        if der is not None:
            found.add(_without_trust_settings(der) if label == _TRUSTED else der)
            return
        fault = FileFault.BASE64_INVALID
    found.add(BrokenBlock(octets=block, error=ParseError(fault, "pem", 0)))


def _decoded(text: bytes) -> bytes | None:
    """The octets of base64 text with white space in it (RFC 7468 section 3)."""
    try:
        return binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except binascii.Error:
        return None


def _without_trust_settings(der: bytes) -> bytes:
    """OpenSSL puts its X509_CERT_AUX behind a trusted certificate."""
    parts = whole_elements(der, 1)
    return parts[0] if parts else der


def _kind(label: bytes) -> str:
    if label.endswith(b"PRIVATE KEY"):
        return "a private key"
    if label == b"X509 CRL":
        return "a CRL"
    if label.endswith(b"CERTIFICATE REQUEST"):
        return "a certificate request"
    return f"a block {label.decode('ascii')!r}"


# -- DER -------------------------------------------------------------------------------


def _take_der(parts: Iterable[bytes], found: _Found) -> None:
    """Certificates, of which files usually have one, and PKCS #7 structures."""
    for part in parts:
        begins_with = _first_tag(part)
        if begins_with == INTEGER:
            found.mention("a private key or a PKCS #12 file")
        elif begins_with != OBJECT_IDENTIFIER:
            found.add(part)
        elif not _take_pkcs7(part, found):
            found.mention("a PKCS #7 structure that cannot be read")


def _first_tag(element: bytes) -> int | None:
    inside = content(element, SEQUENCE)
    return inside[0] if inside else None


def _take_pkcs7(der: bytes, found: _Found) -> bool:
    """Take the certificates of SignedData (RFC 5652 section 5.1); False when it is none.

    Other choices of CertificateSet than a certificate, such as attribute certificates, are
    left out.
    """
    info = elements(content(der, SEQUENCE) or b"", 3)
    if info is None or len(info) != 2 or info[0] != (OBJECT_IDENTIFIER, _SIGNED_DATA):
        return False
    signed_data = elements(content(info[1][1], SEQUENCE) or b"", _SIGNED_DATA_FIELDS)
    if not signed_data:
        return False
    found.sets += 1
    for tag, inside in signed_data:
        if tag == _CERTIFICATE_SET:
            for element in whole_elements(inside, _MOST) or ():
                if element[0] == SEQUENCE:
                    found.add(element)
    return True

"""Certificates out of what people keep them in: PEM, DER, PKCS #7. Octets in, nothing is opened.

What else such files hold, a private key before all, is named and never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from fleetscan import limits
from fleetscan.pem import CERTIFICATE_LABELS, PemBlock, decoded, pem_blocks
from fleetscan.pki._der import INTEGER, SEQUENCE, whole_elements
from fleetscan.pki.certificate_set import certificate_set, first_tag, is_set_like

_TRUSTED: Final = b"TRUSTED CERTIFICATE"
_PKCS7: Final = frozenset({b"PKCS7", b"CMS"})
"""Labels of RFC 7468 sections 8 and 9."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")

_SHARED_LINE: Final = (
    "a BEGIN or END line has something else on it, and OpenSSL refuses such a file"
)

_UNREADABLE_SET: Final = "a PKCS #7 structure that cannot be read"

_OTHERS: Final = 8
"""Kinds of other content that are named."""


class FileFault(IntEnum):
    """What can be wrong with the armour around a certificate, beside its DER."""

    BASE64_INVALID = 1
    END_MISSING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One certificate of a file, parsed by nobody yet.

    Args:
        octets: its DER; where `fault` says that there is none, the block as it stands.
        fault: what is wrong with the armour.
        settings: what OpenSSL put behind it, DER: see `trust_settings`.
    """

    octets: bytes
    fault: FileFault | None = None
    settings: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """What a file holds.

    Args:
        certificates: in the file's order.
        is_set: whether they are out of a PKCS #7 set, whose order says nothing.
        is_cut: whether there are more.
        others: what else is in it, in words for a person: `a private key`.
        remarks: what is odd about the file itself, in words for a person.
    """

    certificates: tuple[Encoded, ...]
    is_set: bool = False
    is_cut: bool = False
    others: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_certificates(octets: bytes, most: int = limits.MAX_FILE_CERTIFICATES) -> CertificateFile:
    """Find the certificates in the octets of a file; they may be none.

    The time is in proportion to the octets, whatever they are.

    Args:
        octets: bounded by whoever read them.
        most: certificates that are given; a remark says so where there are more.
    """
    if octets.startswith(_UTF16):
        remark = "it is UTF-16 text, which programs that speak TLS do not read: save it as ASCII"
        return CertificateFile(certificates=(), remarks=(remark,))
    found = _Found(most)
    if octets[:1] != bytes([SEQUENCE]) or not _take_der(octets, found):
        _take_pem(octets, found)
    return found.file()


class _Found:
    """What was found so far."""

    __slots__ = ("certificates", "is_cut", "most", "others", "remarks", "sets")

    def __init__(self, most: int) -> None:
        self.most = most
        self.certificates: list[Encoded] = []
        self.others: dict[str, None] = {}
        self.remarks: dict[str, None] = {}
        self.sets = 0
        self.is_cut = False

    @property
    def room(self) -> int:
        """Certificates that are still looked at: one more than is kept shows that there are."""
        return self.most + 1 - len(self.certificates)

    def add(self, certificate: Encoded) -> None:
        """Keep it, as far as the bound allows."""
        if len(self.certificates) < self.most:
            self.certificates.append(certificate)
        else:
            self.is_cut = True
            self.remarks[f"only its first {self.most} were looked at"] = None

    def add_set(self, octets: bytes) -> None:
        """Take the certificates of a PKCS #7 structure, or name it."""
        members = certificate_set(octets, self.room)
        if members is None:
            self.mention(_UNREADABLE_SET)
            return
        self.sets += 1
        for member in members:
            self.add(Encoded(octets=member))

    def mention(self, other: str) -> None:
        """Note what else is in the file."""
        if len(self.others) < _OTHERS:
            self.others[other] = None

    def file(self) -> CertificateFile:
        """All of it."""
        return CertificateFile(
            certificates=tuple(self.certificates),
            is_set=self.sets > 0,
            is_cut=self.is_cut,
            others=tuple(self.others),
            remarks=tuple(self.remarks),
        )


# -- PEM -------------------------------------------------------------------------------


def _take_pem(octets: bytes, found: _Found) -> None:
    # Ends as `pem_blocks` does.
    for block in pem_blocks(octets):
        if block.label in CERTIFICATE_LABELS:
            found.add(_armoured(octets, block))
            if block.is_closed and not _stands_alone(octets, block):
                found.remarks[_SHARED_LINE] = None
        elif block.label in _PKCS7:
            found.add_set(decoded(block.text) or b"")
        else:
            found.mention(_kind(block.label))


def _stands_alone(octets: bytes, block: PemBlock) -> bool:
    before = octets[block.start - 1 : block.start] if block.start else b"\n"
    return before in b"\r\n" and (octets[block.end : block.end + 1] or b"\n") in b"\r\n \t"


def _armoured(octets: bytes, block: PemBlock) -> Encoded:
    der = decoded(block.text) if block.is_closed else None
    if der is None:
        fault = FileFault.BASE64_INVALID if block.is_closed else FileFault.END_MISSING
        return Encoded(octets=octets[block.start : block.end], fault=fault)
    if block.label == _TRUSTED and (parts := whole_elements(der, 1)):
        return Encoded(octets=parts[0], settings=der[len(parts[0]) :])
    return Encoded(octets=der)


def _kind(label: bytes) -> str:
    if label.endswith(b"PRIVATE KEY"):
        return "a private key"
    if label == b"X509 CRL":
        return "a CRL"
    if label.endswith(b"CERTIFICATE REQUEST"):
        return "a certificate request"
    return f"a block {label.decode('ascii')!r}"


# -- DER -------------------------------------------------------------------------------


def _take_der(octets: bytes, found: _Found) -> bool:
    """Take what begins as DER does; False where it is text that happens to begin so."""
    parts = whole_elements(octets, found.room)
    if parts is not None and all(part[0] == SEQUENCE for part in parts):
        _take_elements(parts, found)
    elif is_set_like(octets):
        # Its length may be left open, which is BER.
        found.add_set(octets)
    elif b"-----BEGIN " not in octets:
        # Cut short, or with something behind it: the parser says which.
        found.add(Encoded(octets=octets))
    else:
        return False
    return True


def _take_elements(parts: Iterable[bytes], found: _Found) -> None:
    """Certificates, of which files usually have one, and PKCS #7 structures."""
    for part in parts:
        if first_tag(part) == INTEGER:
            found.mention("a private key or a PKCS #12 file")
        elif is_set_like(part):
            found.add_set(part)
        else:
            found.add(Encoded(octets=part))

"""What a file of certificates holds: PEM blocks, one DER, OpenSSL's trust settings."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final

from fleetscan.pki._der import OBJECT_IDENTIFIER, SEQUENCE, elements

_PEM: Final = re.compile(
    rb"-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----(.*?)"
    rb"-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
"""RFC 7468 section 5.1 has the plain label and tells readers to expect the older one; OpenSSL
writes the third (openssl-x509(1), -trustout)."""

_REJECT: Final = 0xA0
_SERVERS: Final = frozenset({bytes.fromhex("2b06010505070301"), bytes.fromhex("551d2500")})
"""serverAuth and anyExtendedKeyUsage (RFC 5280 section 4.2.1.12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One certificate of a file, not yet parsed.

    Args:
        der: the certificate alone; b"" when `refused` says why there is none.
        refused: what is wrong with the block, "" when nothing is.
        trusted: trust settings name it an anchor for servers, self-signed or not.
        rejected: trust settings forbid it for servers, whatever else they say.
    """

    der: bytes
    refused: str = ""
    trusted: bool = False
    rejected: bool = False


def certificates_in(octets: bytes) -> list[Encoded]:
    """Cut a file into its certificates; text and keys around them are skipped."""
    if octets.startswith(b"\x30") and b"-----BEGIN" not in octets[:64]:
        return [Encoded(der=octets)]
    found: list[Encoded] = []
    # Ends: each match moves on, and the file's size is bounded by whoever read it.
    for label, body in _PEM.findall(octets):
        try:
            block = binascii.a2b_base64(body)
        except binascii.Error:
            found.append(Encoded(der=b"", refused="is not valid base64"))
            continue
        found.append(_with_settings(block) if label == b"TRUSTED " else Encoded(der=block))
    return found


def _with_settings(block: bytes) -> Encoded:
    """Take the trust settings that may stand behind a certificate apart from it.

    Layout, OpenSSL's `X509_CERT_AUX` (crypto/x509/x_x509a.c), behind the Certificate::

        SEQUENCE {
            trust       SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
            reject  [0] SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
            alias       UTF8String                    OPTIONAL,
            keyid       OCTET STRING                  OPTIONAL,
            other   [1] SEQUENCE OF ...               OPTIONAL }

    It is read as OpenSSL's `obj_trust` does (crypto/x509/x509_trust.c): what is rejected for
    servers, or trusted for other uses alone, is no anchor for servers.
    """
    row = elements(block)
    if row is None or len(row) == 1:
        return Encoded(der=block)
    settings = elements(row[1][1]) if len(row) == 2 and row[1][0] == SEQUENCE else None
    if settings is None:
        return Encoded(der=b"", refused="has trust settings that cannot be read")
    trust = reject = None
    for tag, content in settings:
        if tag == SEQUENCE:
            trust = _identifiers(content)
        elif tag == _REJECT:
            reject = _identifiers(content)
    trusted = trust is not None and not _SERVERS.isdisjoint(trust)
    rejected = reject is not None and not _SERVERS.isdisjoint(reject)
    return Encoded(
        der=block[: _size(len(row[0][1]))],
        trusted=trusted,
        rejected=rejected or (trust is not None and not trusted),
    )


def _identifiers(content: bytes) -> frozenset[bytes]:
    row = elements(content) or ()
    return frozenset(octets for tag, octets in row if tag == OBJECT_IDENTIFIER)


def _size(length: int) -> int:
    """Octets of an element with so much content; the parser refuses any other length form."""
    return 2 + length + (0 if length < 0x80 else (length.bit_length() + 7) // 8)

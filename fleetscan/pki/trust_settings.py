"""OpenSSL's trust settings, which stand behind a certificate in a TRUSTED CERTIFICATE. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fleetscan.pki._der import OBJECT_IDENTIFIER, SEQUENCE, content, elements

_REJECT: Final = 0xA0
_SERVERS: Final = frozenset({bytes.fromhex("2b06010505070301"), bytes.fromhex("551d2500")})
"""serverAuth and anyExtendedKeyUsage (RFC 5280 section 4.2.1.12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """What they say of servers.

    Args:
        trusted: they name it an anchor for servers, self-signed or not.
        rejected: they forbid it for servers, whatever else they say.
    """

    trusted: bool = False
    rejected: bool = False


def read_trust_settings(octets: bytes) -> TrustSettings | None:
    """Read the settings of one certificate; no octets say nothing, None: they cannot be read.

    Layout, OpenSSL's `X509_CERT_AUX` (crypto/x509/x_x509a.c)::

        SEQUENCE {
            trust       SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
            reject  [0] SEQUENCE OF OBJECT IDENTIFIER OPTIONAL,
            alias       UTF8String                    OPTIONAL,
            keyid       OCTET STRING                  OPTIONAL,
            other   [1] SEQUENCE OF ...               OPTIONAL }

    It is read as OpenSSL's `obj_trust` does (crypto/x509/x509_trust.c): what is rejected for
    servers, or trusted for other uses alone, is no anchor for servers.
    """
    if not octets:
        return TrustSettings()
    inside = content(octets, SEQUENCE)
    settings = None if inside is None else elements(inside)
    if settings is None:
        return None
    trust = reject = None
    for tag, value in settings:
        if tag == SEQUENCE:
            trust = _identifiers(value)
        elif tag == _REJECT:
            reject = _identifiers(value)
    trusted = trust is not None and not _SERVERS.isdisjoint(trust)
    rejected = reject is not None and not _SERVERS.isdisjoint(reject)
    return TrustSettings(trusted=trusted, rejected=rejected or (trust is not None and not trusted))


def _identifiers(row: bytes) -> frozenset[bytes]:
    found = elements(row) or ()
    return frozenset(octets for tag, octets in found if tag == OBJECT_IDENTIFIER)

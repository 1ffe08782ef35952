"""Certificates in what a caIssuers URL gives."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError
from fleetscan.pki.certificate_files import read_certificates

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


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
        for encoded in read_certificates(octets, limits.MAX_ISSUER_CERTIFICATES).certificates:
            with suppress(ParseError):
                certificate = parse_certificate(encoded.octets)
                found.setdefault(certificate.sha256, certificate)
    return tuple(found.values())

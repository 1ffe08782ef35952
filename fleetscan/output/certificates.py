"""A certificate as result lines and `certificate` lines show it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from fleetscan.causes.evidence import rfc3339
from fleetscan.facts import MalformedCertificate
from fleetscan.limits import MAX_SAN_SHOWN
from fleetscan.pki.names import distinguished_name
from fleetscan.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleetscan._parse import Certificate, GeneralName

NAME_LENGTH: Final = 256
"""Characters of one subjectAltName entry or URL; a DNS name has 253."""

SERIAL_OCTETS: Final = 64
"""Octets of a serial number shown; RFC 5280 section 4.1.2.2 allows 20."""

ENTRIES: Final = 200
"""Entries of any list of a certificate that are made into text for its line: more than the
line has room for, and a bound on the work that a hostile certificate makes."""

CURVES: Final = {
    "1.2.840.10045.3.1.1": "P-192",
    "1.3.132.0.33": "P-224",
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
    "1.3.132.0.10": "secp256k1",
    "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
    "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
    "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
}
"""Named curves (RFC 5480 section 2.1.1.1; SEC 2; the brainpool curves)."""

SIGNATURES: Final = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "id-RSASSA-PSS",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.3": "id-dsa-with-sha1",
    "2.16.840.1.101.3.4.3.1": "id-dsa-with-sha224",
    "2.16.840.1.101.3.4.3.2": "id-dsa-with-sha256",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
"""Signature algorithms (RFC 3279 and RFC 4055, RFC 5758, RFC 8410, RFC 9881)."""

KEY_USAGES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""RFC 5280 section 4.2.1.3, by bit."""

PURPOSES: Final = {
    "2.5.29.37.0": "anyExtendedKeyUsage",
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
}
"""RFC 5280 section 4.2.1.12."""


def certificate_summary(leaf: Certificate | MalformedCertificate) -> dict[str, Any]:
    """The leaf as a result shows it; one that could not be parsed has its hash only."""
    if isinstance(leaf, MalformedCertificate):
        return {"sha256": leaf.sha256}
    names = leaf.subject_alt_name or ()
    return {
        "sha256": leaf.sha256,
        **_names_and_dates(leaf),
        "san": _names(names[:MAX_SAN_SHOWN]),
        "san_count": len(names),
        "key": key_name(leaf),
        "signature_algorithm": signature_name(leaf),
    }


def certificate_fields(found: Certificate | MalformedCertificate) -> dict[str, Any]:
    """Everything the parser knows about a certificate; what it does not have is left out."""
    if isinstance(found, MalformedCertificate):
        return {
            "sha256": found.sha256,
            "octets": found.octets,
            "fault": found.error.fault.name,
            "field": found.error.field,
            "offset": found.error.offset,
        }
    names = found.subject_alt_name
    return {
        "sha256": found.sha256,
        "octets": len(found.der),
        "version": found.version,
        **_names_and_dates(found),
        "key": key_name(found),
        "public_key_sha256": hashlib.sha256(found.subject_public_key_info).hexdigest(),
        "signature_algorithm": signature_name(found),
        **({} if names is None else {"san": _names(names[:ENTRIES])}),
        "san_count": len(names or ()),
        **_extensions(found),
        "signed_certificate_timestamps": found.signed_certificate_timestamps,
        "extensions": [
            f"{'!' if each.critical else ''}{each.oid}" for each in found.extensions[:ENTRIES]
        ],
        "unknown_critical_extensions": list(found.unknown_critical_extensions[:ENTRIES]),
    }


def key_name(certificate: Certificate) -> str:
    """Type and size or curve, as `RSA-2048`, `EC-P-256`, `Ed25519`."""
    kind = printable(certificate.key_type, NAME_LENGTH)
    if certificate.curve:
        return f"{kind}-{CURVES.get(certificate.curve, certificate.curve)}"
    return f"{kind}-{certificate.key_bits}" if kind in ("RSA", "DSA") else kind


def signature_name(certificate: Certificate) -> str:
    """The signature algorithm's name, or its OID."""
    return SIGNATURES.get(certificate.signature_algorithm, certificate.signature_algorithm)


def _names_and_dates(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": distinguished_name(certificate.subject),
        "issuer": distinguished_name(certificate.issuer),
        "serial": certificate.serial_octets[:SERIAL_OCTETS].hex(),
        "not_before": rfc3339(certificate.not_before),
        "not_after": rfc3339(certificate.not_after),
    }


def _extensions(found: Certificate) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if found.key_usage is not None:
        bits = enumerate(KEY_USAGES)
        fields["key_usage"] = [name for bit, name in bits if found.key_usage >> bit & 1]
    if found.extended_key_usage is not None:
        purposes = found.extended_key_usage[:ENTRIES]
        fields["extended_key_usage"] = [PURPOSES.get(oid, oid) for oid in purposes]
    if found.basic_constraints is not None:
        length = found.basic_constraints.path_len_constraint
        fields["basic_constraints"] = {
            "ca": found.basic_constraints.ca,
            **({} if length is None else {"path_len_constraint": length}),
        }
    fields.update(_identifiers(found))
    for name in ("ocsp_urls", "ca_issuers_urls", "crl_urls", "certificate_policies"):
        fields[name] = _texts(getattr(found, name))
    if found.name_constraints is not None:
        fields["name_constraints"] = {
            "permitted": _names(found.name_constraints.permitted_subtrees[:ENTRIES]),
            "excluded": _names(found.name_constraints.excluded_subtrees[:ENTRIES]),
        }
    fields["tls_feature"] = list(found.tls_feature[:ENTRIES])
    # An empty list says nothing that its absence does not.
    return {key: value for key, value in fields.items() if value != []}


def _identifiers(found: Certificate) -> dict[str, str]:
    authority = found.authority_key_identifier
    values = {
        "subject_key_identifier": found.subject_key_identifier,
        "authority_key_identifier": authority.key_identifier if authority is not None else None,
    }
    return {key: value[:SERIAL_OCTETS].hex() for key, value in values.items() if value is not None}


def _names(names: Iterable[GeneralName]) -> list[str]:
    return [printable(name.text, NAME_LENGTH) for name in names]


def _texts(values: tuple[str, ...]) -> list[str]:
    return [printable(value, NAME_LENGTH) for value in values[:ENTRIES]]

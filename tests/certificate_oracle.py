"""Compares the parser with `cryptography`, field by field, on one certificate.

Nothing here imports the parser's idea of ASN.1: what is expected is what `cryptography`
says, brought into the words of `fleetscan._parse`.
"""

from __future__ import annotations

import re
import warnings
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa, x448
from cryptography.hazmat.primitives.asymmetric import x25519 as x25519_keys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from fleetscan._parse import Certificate, GeneralName, Name
from tests.octets import integer

PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
PEM_HEADER = re.compile(rb"^\S+:.*$", re.MULTILINE)

KINDS: dict[type[x509.GeneralName], int] = {
    x509.OtherName: 0,
    x509.RFC822Name: 1,
    x509.DNSName: 2,
    x509.DirectoryName: 4,
    x509.UniformResourceIdentifier: 6,
    x509.IPAddress: 7,
    x509.RegisteredID: 8,
}

KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
"""RFC 5280 section 4.2.1.3, bit 0 first."""

KEY_TYPES: tuple[tuple[type[Any], str], ...] = (
    (rsa.RSAPublicKey, "RSA"),
    (ec.EllipticCurvePublicKey, "EC"),
    (dsa.DSAPublicKey, "DSA"),
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
    (x25519_keys.X25519PublicKey, "X25519"),
    (x448.X448PublicKey, "X448"),
    (mldsa.MLDSA44PublicKey, "ML-DSA-44"),
    (mldsa.MLDSA65PublicKey, "ML-DSA-65"),
    (mldsa.MLDSA87PublicKey, "ML-DSA-87"),
)

CURVES: dict[str, str] = {
    known.dotted_string: str(ec.get_curve_for_oid(known)().name)
    for label, known in vars(ec.EllipticCurveOID).items()
    if label.startswith(("SECP", "SECT", "BRAINPOOL"))
}


def certificates_in(path: Path) -> Iterator[bytes]:
    """The DER of every certificate in a PEM or DER file."""
    octets = path.read_bytes()
    found = PEM.findall(octets)
    for armoured in found:
        yield b64decode(PEM_HEADER.sub(b"", armoured))
    if not found and octets[:1] == b"\x30":
        yield octets


def load(der: bytes) -> x509.Certificate:
    """The certificate as `cryptography` sees it, without its warnings about old habits.

    Raises:
        ValueError: it refuses the certificate.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as refused:
            raise ValueError(str(refused)) from refused


def differences(ours: Certificate, theirs: x509.Certificate) -> list[str]:
    """What the two say differently, one line a field; `refused` where the other has no answer."""
    found: list[str] = []

    def check(field: str, mine: object, other: Callable[[], object]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = other()
            except (
                ValueError,
                UnsupportedAlgorithm,
                x509.UnsupportedGeneralNameType,
                x509.DuplicateExtension,
                x509.InvalidVersion,
            ) as refused:
                found.append(f"{field}: refused, {type(refused).__name__}: {refused}")
                return
        if mine != expected:
            found.append(f"{field}: {mine!r} here, {expected!r} there")

    check("version", ours.version, lambda: theirs.version.value + 1)
    check("serial_number", ours.serial_number, lambda: theirs.serial_number)
    check("der", ours.der, lambda: theirs.public_bytes(Encoding.DER))
    check("tbs_certificate", ours.tbs_certificate, lambda: theirs.tbs_certificate_bytes)
    check("signature", ours.signature, lambda: theirs.signature)
    check(
        "signature_algorithm",
        ours.signature_algorithm,
        lambda: theirs.signature_algorithm_oid.dotted_string,
    )
    check("not_before", ours.not_before, lambda: theirs.not_valid_before_utc.timestamp())
    check("not_after", ours.not_after, lambda: theirs.not_valid_after_utc.timestamp())
    check("issuer", rdns(ours.issuer), lambda: their_rdns(theirs.issuer))
    check("subject", rdns(ours.subject), lambda: their_rdns(theirs.subject))
    check("issuer.der", ours.issuer.der, lambda: theirs.issuer.public_bytes())
    check("subject.der", ours.subject.der, lambda: theirs.subject.public_bytes())
    check(
        "public_key_algorithm",
        ours.public_key_algorithm,
        lambda: theirs.public_key_algorithm_oid.dotted_string,
    )
    check("key", key(ours), lambda: their_key(theirs))
    check("public_key", ours.public_key, lambda: their_key_octets(theirs.public_key()))
    check(
        "extensions",
        [(extension.oid, bool(extension.critical)) for extension in ours.extensions],
        lambda: [(e.oid.dotted_string, e.critical) for e in theirs.extensions],
    )
    if not any(line.startswith("extensions: refused") for line in found):
        for field, mine, other in extension_fields(ours, theirs.extensions):
            check(field, mine, other)
    return found


def rdns(name: Name) -> list[list[tuple[str, str]]]:
    """A name of ours as lists of type and text."""
    return [[(a.oid, a.value) for a in rdn] for rdn in name.rdns]


def their_rdns(name: x509.Name) -> list[list[tuple[str, str]]]:
    """A name of theirs in the same form; octets are those of a BIT STRING (X.520)."""
    return [[(a.oid.dotted_string, their_text(a.value)) for a in rdn] for rdn in name.rdns]


def their_text(value: str | bytes) -> str:
    """Text as it is; of a BIT STRING, the element in hex."""
    return value if isinstance(value, str) else f"#03{len(value):02x}{value.hex()}"


def key(certificate: Certificate) -> tuple[str, int, int, str]:
    """Type, bits, bits of the exponent, curve."""
    return (
        certificate.key_type,
        certificate.key_bits,
        certificate.rsa_exponent_bits,
        CURVES.get(certificate.curve, certificate.curve),
    )


def their_key(certificate: x509.Certificate) -> tuple[str, int, int, str]:
    """The same of the key that `cryptography` loads."""
    public_key = certificate.public_key()
    kind = next(name for known, name in KEY_TYPES if isinstance(public_key, known))
    if isinstance(public_key, rsa.RSAPublicKey):
        return kind, public_key.key_size, public_key.public_numbers().e.bit_length(), ""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return kind, public_key.curve.key_size, 0, public_key.curve.name
    if isinstance(public_key, dsa.DSAPublicKey):
        return kind, public_key.key_size, 0, ""
    return kind, 0, 0, ""


def their_key_octets(public_key: Any) -> bytes:  # noqa: ANN401
    """What the BIT STRING of the key holds, encoded again by `cryptography`."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(public_key, dsa.DSAPublicKey):
        y = public_key.public_numbers().y
        return integer(y)
    octets: bytes = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return octets


def general_name(name: x509.GeneralName) -> tuple[int, bytes]:
    """Kind and octets of a name of theirs."""
    kind = KINDS[type(name)]
    if isinstance(name, x509.IPAddress):
        address = name.value
        packed = (
            address.packed
            if isinstance(address, IPv4Address | IPv6Address)
            else address.network_address.packed + address.netmask.packed
        )
        return kind, packed
    if isinstance(name, x509.DirectoryName):
        return kind, name.value.public_bytes()
    if isinstance(name, x509.OtherName):
        # OtherName.value is the DER inside the [0]; the type-id is compared with it.
        return kind, name.type_id.dotted_string.encode() + b" " + name.value
    if isinstance(name, x509.RegisteredID):
        return kind, name.value.dotted_string.encode()
    return kind, name.value.encode()


def our_general_name(name: GeneralName) -> tuple[int, bytes]:
    """Kind and octets of a name of ours, in the form of `general_name`."""
    if name.kind == 0:
        arc_length = name.value[1]
        after = name.value[2 + arc_length :]
        header = 2 if after[1] < 0x80 else 2 + (after[1] & 0x7F)
        return 0, dotted(name.value[2 : 2 + arc_length]).encode() + b" " + after[header:]
    if name.kind == 8:
        return 8, dotted(name.value).encode()
    return name.kind, name.value


def dotted(octets: bytes) -> str:
    """An object identifier's text, X.690 section 8.19."""
    numbers, value = [], 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(n) for n in [first, numbers[0] - 40 * first, *numbers[1:]])


def names(found: tuple[GeneralName, ...] | None) -> list[tuple[int, bytes]] | None:
    """Names of ours in comparable form."""
    return None if found is None else [our_general_name(name) for name in found]


def extension_fields(
    ours: Certificate, theirs: x509.Extensions
) -> Iterator[tuple[str, object, Callable[[], object]]]:
    """Field, our value, and how to ask for theirs, for every extension that both decode."""
    by_oid = {extension.oid: extension.value for extension in theirs}

    def absent_or(
        oid: x509.ObjectIdentifier, read: Callable[[Any], object], absent: object = None
    ) -> object:
        return read(by_oid[oid]) if oid in by_oid else absent

    yield (
        "subject_alt_name",
        names(ours.subject_alt_name),
        lambda: absent_or(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME, lambda v: [general_name(n) for n in v]
        ),
    )
    yield (
        "key_usage",
        ours.key_usage,
        lambda: absent_or(ExtensionOID.KEY_USAGE, their_key_usage),
    )
    yield (
        "extended_key_usage",
        ours.extended_key_usage,
        lambda: absent_or(
            ExtensionOID.EXTENDED_KEY_USAGE, lambda v: tuple(o.dotted_string for o in v)
        ),
    )
    constraints = ours.basic_constraints
    yield (
        "basic_constraints",
        constraints and (bool(constraints.ca), constraints.path_len_constraint),
        lambda: absent_or(ExtensionOID.BASIC_CONSTRAINTS, lambda v: (v.ca, v.path_length)),
    )
    yield (
        "subject_key_identifier",
        ours.subject_key_identifier,
        lambda: absent_or(ExtensionOID.SUBJECT_KEY_IDENTIFIER, lambda v: v.digest),
    )
    identifier = ours.authority_key_identifier
    yield (
        "authority_key_identifier",
        identifier
        and (
            identifier.key_identifier,
            names(identifier.authority_cert_issuer),
            identifier.authority_cert_serial_number,
        ),
        lambda: absent_or(
            ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
            lambda v: (
                v.key_identifier,
                [general_name(n) for n in v.authority_cert_issuer or ()],
                v.authority_cert_serial_number,
            ),
        ),
    )
    for field, mine, method in (
        ("ocsp_urls", ours.ocsp_urls, AuthorityInformationAccessOID.OCSP),
        ("ca_issuers_urls", ours.ca_issuers_urls, AuthorityInformationAccessOID.CA_ISSUERS),
    ):
        read = partial(their_access_urls, method)
        oid = ExtensionOID.AUTHORITY_INFORMATION_ACCESS
        yield field, mine, partial(absent_or, oid, read, ())
    yield (
        "crl_urls",
        ours.crl_urls,
        lambda: absent_or(ExtensionOID.CRL_DISTRIBUTION_POINTS, their_crl_urls) or (),
    )
    yield (
        "certificate_policies",
        ours.certificate_policies,
        lambda: (
            absent_or(
                ExtensionOID.CERTIFICATE_POLICIES,
                lambda v: tuple(p.policy_identifier.dotted_string for p in v),
            )
            or ()
        ),
    )
    subtrees = ours.name_constraints
    yield (
        "name_constraints",
        subtrees and (names(subtrees.permitted_subtrees), names(subtrees.excluded_subtrees)),
        lambda: absent_or(
            ExtensionOID.NAME_CONSTRAINTS,
            lambda v: (
                [general_name(n) for n in v.permitted_subtrees or ()],
                [general_name(n) for n in v.excluded_subtrees or ()],
            ),
        ),
    )
    yield (
        "tls_feature",
        ours.tls_feature,
        lambda: absent_or(ExtensionOID.TLS_FEATURE, lambda v: tuple(f.value for f in v)) or (),
    )
    yield (
        "signed_certificate_timestamps",
        ours.signed_certificate_timestamps,
        lambda: absent_or(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, len) or 0,
    )
    for extension in ours.extensions:
        value = by_oid.get(x509.ObjectIdentifier(extension.oid))
        if isinstance(value, x509.UnrecognizedExtension):
            yield extension.oid, extension.value, partial(getattr, value, "value")


def their_access_urls(
    method: x509.ObjectIdentifier, value: x509.AuthorityInformationAccess
) -> tuple[str, ...]:
    """The URIs of one access method of theirs."""
    return tuple(
        description.access_location.value
        for description in value
        if description.access_method == method
        and isinstance(description.access_location, x509.UniformResourceIdentifier)
    )


def their_key_usage(value: x509.KeyUsage) -> int:
    """The bits of a KeyUsage of theirs, 1 << n for bit n."""
    return sum(
        1 << bit
        for bit, usage in enumerate(KEY_USAGES)
        # These two are undefined, and raise, without keyAgreement: read them unasked.
        if getattr(value, "_" + usage if bit > 6 else usage)
    )


def their_crl_urls(value: x509.CRLDistributionPoints) -> tuple[str, ...]:
    """The URIs of every distribution point of theirs."""
    return tuple(
        name.value
        for point in value
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    )

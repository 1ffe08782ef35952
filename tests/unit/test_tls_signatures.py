"""The check of the leaf's signature: yes, no, and not checked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TypeAlias, cast

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
)

from fleetscan._parse import Certificate
from fleetscan.registry import signature_schemes
from fleetscan.tls.signatures import OID_RSA_PSS, SCHEMES, check_signature
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked
from tests.certificates import make_key

# Each test knows which kind it made, the library's types do not.
AnyKey: TypeAlias = Any

CONTENT = b"what was signed"
TLS12, TLS13 = 0x0303, 0x0304
CURVES = {"P-256": "1.2.840.10045.3.1.7", "P-384": "1.3.132.0.34", "P-521": "1.3.132.0.35"}
HASHES: dict[int, hashes.HashAlgorithm] = {
    2: hashes.SHA1(),
    3: hashes.SHA224(),
    4: hashes.SHA256(),
    5: hashes.SHA384(),
    6: hashes.SHA512(),
}


def key_of(kind: str) -> AnyKey:
    """A private key."""
    return ed448.Ed448PrivateKey.generate() if kind == "Ed448" else make_key("signer", kind)


def leaf(key: AnyKey, **changes: object) -> Certificate:
    """What the check reads of a certificate with this key."""
    public = key.public_key()
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kinds = {
        ec.EllipticCurvePublicKey: "EC",
        rsa.RSAPublicKey: "RSA",
        ed25519.Ed25519PublicKey: "Ed25519",
        ed448.Ed448PublicKey: "Ed448",
        dsa.DSAPublicKey: "DSA",
    }
    fields: dict[str, object] = {
        "key_type": next(name for kind, name in kinds.items() if isinstance(public, kind)),
        "key_bits": getattr(public, "key_size", 0),
        "rsa_exponent_bits": 17,
        "curve": "",
        "public_key_algorithm": "",
        "subject_public_key_info": spki,
    }
    if isinstance(public, ec.EllipticCurvePublicKey):
        names = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
        fields["curve"] = CURVES[names[public.curve.name]]
    return cast(Certificate, SimpleNamespace(**(fields | changes)))


def sign(key: AnyKey, scheme: int) -> bytes:
    """A signature by the scheme, with the library directly (RFC 8446 section 4.2.3)."""
    high, low = scheme >> 8, scheme & 0xFF
    if scheme in (0x0807, 0x0808):
        return cast(bytes, key.sign(CONTENT))
    if high == 8:
        algorithm = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())[(low - 4) % 5]
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        return cast(bytes, key.sign(CONTENT, pss, algorithm))
    if low == 1:
        return cast(bytes, key.sign(CONTENT, padding.PKCS1v15(), HASHES[high]))
    return cast(bytes, key.sign(CONTENT, ec.ECDSA(HASHES[high])))


GOOD = [
    (TLS13, "RSA-2048", 0x0804),
    (TLS13, "RSA-2048", 0x0805),
    (TLS13, "RSA-2048", 0x0806),
    (TLS13, "P-256", 0x0403),
    (TLS13, "P-384", 0x0503),
    (TLS13, "P-521", 0x0603),
    (TLS13, "Ed25519", 0x0807),
    (TLS13, "Ed448", 0x0808),
    (TLS12, "RSA-2048", 0x0201),
    (TLS12, "RSA-2048", 0x0301),
    (TLS12, "RSA-2048", 0x0401),
    (TLS12, "RSA-2048", 0x0501),
    (TLS12, "RSA-2048", 0x0601),
    (TLS12, "RSA-2048", 0x0804),
    (TLS12, "P-256", 0x0203),
    (TLS12, "P-256", 0x0303),
    (TLS12, "P-384", 0x0403),  # up to TLS 1.2 the hash does not name the curve
    (TLS12, "Ed25519", 0x0807),
]


@pytest.mark.parametrize(("version", "kind", "scheme"), GOOD)
def test_a_good_signature_is_yes_and_any_other_is_no(version: int, kind: str, scheme: int) -> None:
    """The same octets signed, then one bit of them or of the signature changed."""
    key = key_of(kind)
    signature = sign(key, scheme)
    certificate = leaf(key)

    assert check_signature(version, scheme, certificate, CONTENT, signature) is Checked.YES
    assert check_signature(version, scheme, certificate, b"other", signature) is Checked.NO
    spoilt = signature[:-1] + bytes([signature[-1] ^ 1])
    assert check_signature(version, scheme, certificate, CONTENT, spoilt) is Checked.NO
    assert check_signature(version, scheme, certificate, CONTENT, b"") is Checked.NO


@pytest.mark.parametrize(
    ("version", "kind", "scheme"),
    [
        (TLS13, "RSA-2048", 0x0403),
        (TLS13, "RSA-2048", 0x0401),  # RSASSA-PKCS1 is for certificates only in TLS 1.3
        (TLS13, "RSA-2048", 0x0809),  # rsa_pss_pss wants a key that says RSASSA-PSS
        (TLS13, "P-256", 0x0503),
        (TLS13, "P-256", 0x0203),
        (TLS13, "P-256", 0x0804),
        (TLS13, "Ed25519", 0x0808),
        (TLS12, "P-256", 0x0401),
        (TLS12, "RSA-2048", 0x0403),
        (TLS12, "DSA-2048", 0x0804),
    ],
)
def test_a_scheme_that_does_not_fit_is_a_violation(version: int, kind: str, scheme: int) -> None:
    """RFC 8446 section 4.2.3: the scheme says what the key must be."""
    with pytest.raises(ViolationError) as caught:
        check_signature(version, scheme, leaf(key_of(kind)), CONTENT, b"x")
    assert caught.value.rule == "signature_scheme_mismatch"


def test_a_pss_key_signs_with_pss_schemes_only() -> None:
    """id-RSASSA-PSS and rsaEncryption are two kinds of key (RFC 8446 section 4.2.3)."""
    key = key_of("RSA-2048")
    certificate = leaf(key, public_key_algorithm=OID_RSA_PSS)
    assert check_signature(TLS13, 0x0809, certificate, CONTENT, sign(key, 0x0809)) is Checked.YES
    with pytest.raises(ViolationError):
        check_signature(TLS13, 0x0804, certificate, CONTENT, b"x")


@pytest.mark.parametrize(
    ("scheme", "certificate"),
    [
        pytest.param(0x0904, leaf(key_of("P-256")), id="a scheme the library has no part of"),
        pytest.param(0x0403, None, id="a leaf that was not read"),
        pytest.param(
            0x0403,
            leaf(key_of("P-256"), subject_public_key_info=b"\x30\x00"),
            id="a key the library does not read",
        ),
        pytest.param(0x0804, leaf(key_of("RSA-2048"), key_bits=16_384), id="a key over our bound"),
        pytest.param(
            0x0804, leaf(key_of("RSA-2048"), rsa_exponent_bits=2_000), id="a huge exponent"
        ),
        pytest.param(
            0x0403,
            leaf(key_of("Ed25519"), key_type="EC", curve=CURVES["P-256"]),
            id="a key of another kind than it says",
        ),
    ],
)
def test_what_we_cannot_check_is_not_checked(scheme: int, certificate: Certificate | None) -> None:
    """Our limit, or the library's, is never the server's fault."""
    assert check_signature(TLS13, scheme, certificate, CONTENT, b"x") is Checked.NOT_CHECKED


def test_every_scheme_of_the_table_has_a_name() -> None:
    """The table is keyed by registered code points."""
    assert set(SCHEMES) <= set(signature_schemes.NAMES)

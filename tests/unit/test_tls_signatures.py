"""The check of the leaf's signature: yes, no, and not checked."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    padding,
    rsa,
)
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

from fleetscan._parse import Certificate
from fleetscan.registry import signature_schemes
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.signatures import OID_RSA_PSS, SCHEMES, check_signature
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked
from tests.certificates import issue, make_key, root
from tests.new_openssl import NewOpenSslPeer
from tests.tls_peers import conversation, facts_of

# Each test knows which kind it made, the library's types do not.
AnyKey: TypeAlias = Any

CONTENT = b"what was signed"
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
# RFC 5480 section 2.1.1.1, RFC 5639 section 4.1.
CURVES = {
    "secp256r1": "1.2.840.10045.3.1.7",
    "secp384r1": "1.3.132.0.34",
    "secp521r1": "1.3.132.0.35",
    "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7",
    "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
    "brainpoolP512r1": "1.3.36.3.3.2.8.1.1.13",
}
BRAINPOOL = {
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}
ML_DSA: dict[str, AnyKey] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}
HASHES: dict[int, hashes.HashAlgorithm] = {
    1: hashes.MD5(),
    2: hashes.SHA1(),
    3: hashes.SHA224(),
    4: hashes.SHA256(),
    5: hashes.SHA384(),
    6: hashes.SHA512(),
}


@functools.cache
def key_of(kind: str) -> AnyKey:
    """A private key."""
    if kind in ML_DSA:
        return ML_DSA[kind].generate()
    if kind in BRAINPOOL:
        return ec.generate_private_key(BRAINPOOL[kind])
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
        mldsa.MLDSA44PublicKey: "ML-DSA-44",
        mldsa.MLDSA65PublicKey: "ML-DSA-65",
        mldsa.MLDSA87PublicKey: "ML-DSA-87",
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
        fields["curve"] = CURVES[public.curve.name]
    return cast(Certificate, SimpleNamespace(**(fields | changes)))


def sign(key: AnyKey, scheme: int) -> bytes:
    """A signature by the scheme, with the library directly (RFC 8446 section 4.2.3)."""
    high, low = scheme >> 8, scheme & 0xFF
    if scheme == 0:
        return sign_unnamed(key)
    if scheme in (0x0807, 0x0808) or high == 9:
        return cast(bytes, key.sign(CONTENT))
    if high == 8 and low >= 0x1A:
        return cast(bytes, key.sign(CONTENT, ec.ECDSA(HASHES[low - 0x1A + 4])))
    if high == 8:
        algorithm = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())[(low - 4) % 5]
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        return cast(bytes, key.sign(CONTENT, pss, algorithm))
    if low == 1:
        return cast(bytes, key.sign(CONTENT, padding.PKCS1v15(), HASHES[high]))
    if low == 2:
        return cast(bytes, key.sign(CONTENT, HASHES[high]))
    return cast(bytes, key.sign(CONTENT, ec.ECDSA(HASHES[high])))


def sign_unnamed(key: AnyKey) -> bytes:
    """As before TLS 1.2 (RFC 2246 section 7.4.3, RFC 8422 section 5.4)."""
    if isinstance(key, rsa.RSAPrivateKey):
        digest = hashlib.md5(CONTENT).digest() + hashlib.sha1(CONTENT).digest()
        return key.sign(digest, padding.PKCS1v15(), NoDigestInfo())
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(CONTENT, hashes.SHA1())
    return cast(bytes, key.sign(CONTENT, ec.ECDSA(hashes.SHA1())))


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
    (TLS13, "brainpoolP256r1", 0x081A),
    (TLS13, "brainpoolP384r1", 0x081B),
    (TLS13, "brainpoolP512r1", 0x081C),
    (TLS13, "ML-DSA-44", 0x0904),
    (TLS13, "ML-DSA-65", 0x0905),
    (TLS13, "ML-DSA-87", 0x0906),
    (TLS12, "RSA-2048", 0x0101),
    (TLS12, "P-256", 0x0103),
    (TLS12, "brainpoolP256r1", 0x0403),
    (TLS12, "DSA-2048", 0x0102),
    (TLS12, "DSA-2048", 0x0202),
    (TLS12, "DSA-2048", 0x0302),
    (TLS12, "DSA-2048", 0x0402),
    (TLS12, "DSA-2048", 0x0502),
    (TLS12, "DSA-2048", 0x0602),
    (TLS10, "RSA-2048", 0),
    (TLS11, "RSA-2048", 0),
    (TLS10, "DSA-2048", 0),
    (TLS10, "P-256", 0),
    (TLS11, "P-521", 0),
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
        (TLS13, "DSA-2048", 0x0402),  # DSA ends with TLS 1.2
        (TLS13, "RSA-2048", 0x0101),
        (TLS13, "P-256", 0x0103),
        (TLS13, "P-256", 0x081A),  # the scheme names the curve
        (TLS13, "brainpoolP384r1", 0x0503),
        (TLS13, "ML-DSA-44", 0x0905),
        (TLS13, "P-256", 0x0904),
        (TLS12, "ML-DSA-44", 0x0904),  # ML-DSA begins with TLS 1.3
        (TLS12, "RSA-2048", 0x0402),
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
        pytest.param(0x0709, leaf(key_of("P-256")), id="a scheme the library has no part of"),
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
            leaf(key_of("Ed25519"), key_type="EC", curve=CURVES["secp256r1"]),
            id="a key of another kind than it says",
        ),
    ],
)
def test_what_we_cannot_check_is_not_checked(scheme: int, certificate: Certificate | None) -> None:
    """Our limit, or the library's, is never the server's fault."""
    assert check_signature(TLS13, scheme, certificate, CONTENT, b"x") is Checked.NOT_CHECKED


@pytest.mark.parametrize(
    ("kind", "scheme"), [("ML-DSA-44", 0x0904), ("ML-DSA-65", 0x0905), ("ML-DSA-87", 0x0906)]
)
def test_openssls_ml_dsa_is_checked(kind: str, scheme: int) -> None:
    """CertificateVerify of the newer OpenSSL, without a context string in FIPS 204's sense."""
    server = issue("server.test", root(), key=key_of(kind))
    client = conversation(profile=replace(BROWSER, signature_schemes=(scheme,)))
    client.receive(NewOpenSslPeer(issued=server).receive(client.start(1.0)), 2.0)
    facts = facts_of(client)

    assert (facts.signature_scheme, facts.key_proof) == (scheme, Checked.YES)


@pytest.mark.parametrize("kind", ["Ed25519", "ML-DSA-44"])
@pytest.mark.parametrize("version", [TLS10, TLS11])
def test_keys_without_a_rule_before_tls12_are_not_checked(version: int, kind: str) -> None:
    """RFC 2246 and RFC 8422 say how RSA, DSA and ECDSA sign there, and nothing of others."""
    signature = key_of(kind).sign(CONTENT)
    assert (
        check_signature(version, 0, leaf(key_of(kind)), CONTENT, signature) is Checked.NOT_CHECKED
    )


def test_rsa_before_tls12_has_no_digest_info() -> None:
    """MD5 and SHA-1 with the padding of PKCS #1 and nothing around them (RFC 2246 section 7.4.3).

    A signature as TLS 1.2 makes it with SHA-1 does not pass, nor the other way about.
    """
    key = key_of("RSA-2048")
    named, unnamed = sign(key, 0x0201), sign(key, 0)
    assert check_signature(TLS10, 0, leaf(key), CONTENT, named) is Checked.NO
    assert check_signature(TLS12, 0x0201, leaf(key), CONTENT, unnamed) is Checked.NO
    # MD5 alone, or in the other order.
    md5, sha1 = hashlib.md5(CONTENT).digest(), hashlib.sha1(CONTENT).digest()
    for digest in (md5, sha1, sha1 + md5):
        signature = key.sign(digest, padding.PKCS1v15(), NoDigestInfo())
        assert check_signature(TLS10, 0, leaf(key), CONTENT, signature) is Checked.NO


def test_a_long_dsa_key_is_over_our_bound() -> None:
    """Modular arithmetic costs the same, whatever it is for."""
    certificate = leaf(key_of("DSA-2048"), key_bits=16_384)
    assert check_signature(TLS12, 0x0402, certificate, CONTENT, b"x") is Checked.NOT_CHECKED


def test_every_scheme_of_the_table_has_a_name() -> None:
    """The table is keyed by registered code points."""
    assert set(SCHEMES) <= set(signature_schemes.NAMES)

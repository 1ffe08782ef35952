"""Signatures: each algorithm by a certificate that `cryptography` signed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.pki import signatures
from fleetscan.pki.signatures import (
    SignatureCache,
    SignatureState,
    check_signature,
    signature_digest,
)
from fleetscan.pki.signed_stream import SignedStream
from tests.certificates import (
    NOW,
    Issued,
    intermediate,
    issue,
    leaf,
    resigned,
    root,
    split,
    spoiled,
    tlv,
)

KINDS = ("P-224", "P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "DSA-2048")


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_holds_under_its_key_alone(kind: str) -> None:
    """The issuer's key verifies what it signed; another key, or one bit off, does not."""
    signer = issue("CA", kind=kind)
    other = issue("CA", kind=kind, label="another")
    child = leaf(signer)

    assert check_signature(child.parsed, signer.parsed).state is SignatureState.VALID
    assert check_signature(child.parsed, other.parsed).state is SignatureState.INVALID
    assert check_signature(spoiled(child).parsed, signer.parsed).state is SignatureState.INVALID


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
@pytest.mark.parametrize("salt", [20, 32, 64, 150])
def test_pss_parameters_are_read_from_the_certificate(
    digest: hashes.SHA256 | hashes.SHA384 | hashes.SHA512, salt: int
) -> None:
    """RFC 4055 section 3.1: hash, mask hash and salt length are the signature's own."""
    signer = issue("CA", kind="RSA-2048")
    child = leaf(signer, digest=digest, pss_salt=salt)

    assert check_signature(child.parsed, signer.parsed).state is SignatureState.VALID
    assert not signature_digest(child.parsed)


def test_ml_dsa_signatures_verify() -> None:
    """FIPS 204 keys sign certificates; the library has them."""
    key = mldsa.MLDSA44PrivateKey.generate()
    base = issue("PQ CA").x509
    built = (
        x509.CertificateBuilder(base.issuer, base.subject, key.public_key(), 7)
        .not_valid_before(base.not_valid_before_utc)
        .not_valid_after(base.not_valid_after_utc)
        .sign(key, None)
    )
    certificate = parse_certificate(built.public_bytes(Encoding.DER))

    assert check_signature(certificate, certificate).state is SignatureState.VALID


@pytest.mark.parametrize("kind", ["P-256", "Ed25519", "DSA-2048"])
def test_a_key_of_another_kind_cannot_have_signed(kind: str) -> None:
    """An RSA signature under an EC key is no signature, not a primitive that is missing."""
    child = leaf(issue("CA", kind="RSA-2048"))
    wrong = issue("CA", kind=kind)

    assert check_signature(child.parsed, wrong.parsed).state is SignatureState.INVALID


def test_an_unknown_algorithm_is_not_checked_and_named() -> None:
    """What nobody here can verify is told as such, never as the server's fault."""
    ca = root()
    child = resigned(leaf(ca), ca, algorithm="2b06010401")  # 1.3.6.1.4.1
    check = check_signature(child.parsed, ca.parsed)

    assert check.state is SignatureState.NOT_CHECKED
    assert check.reason == "signature algorithm 1.3.6.1.4.1"


def test_a_key_that_the_library_refuses_is_not_checked() -> None:
    """An issuer's key that cannot be loaded leaves the question open."""
    ca = root()
    child = leaf(ca)
    check = check_signature(child.parsed, ca.parsed, lambda octets: None)

    assert check.state is SignatureState.NOT_CHECKED
    assert check.reason.startswith("key EC")


def test_the_two_algorithm_fields_must_agree() -> None:
    """RFC 5280 section 4.1.1.2: the signed field and the outer one are the same."""
    ca = root()
    # Signed and named outside as ecdsa-with-SHA256, and ecdsa-with-SHA384 inside.
    swapped = resigned(leaf(ca), ca, inner="2a8648ce3d040303").parsed
    same = resigned(leaf(ca), ca).parsed

    assert swapped.signature_algorithm != swapped.tbs_signature_algorithm
    assert check_signature(swapped, ca.parsed).state is SignatureState.INVALID
    assert check_signature(same, ca.parsed).state is SignatureState.VALID


@pytest.mark.parametrize(
    ("digest", "kind", "weak"),
    [
        (hashes.SHA1(), "RSA-2048", True),
        (hashes.MD5(), "RSA-2048", True),
        (hashes.SHA1(), "P-256", True),
        (hashes.SHA256(), "RSA-2048", False),
        (hashes.SHA256(), "P-256", False),
    ],
)
def test_weak_hashes_are_told_and_still_verified(
    digest: hashes.HashAlgorithm, kind: str, weak: bool
) -> None:
    """RFC 8996's reasons apply to certificates: MD5 and SHA-1 are weak, yet they are checked."""
    ca = root(kind=kind)
    child = resigned(leaf(ca), ca, digest=digest)

    assert bool(signature_digest(child.parsed)) is weak
    assert check_signature(child.parsed, ca.parsed).state is SignatureState.VALID


def test_pss_without_parameters_in_use_means_sha1() -> None:
    """RFC 4055 section 3.1: every field left out has its default, and the hash's is SHA-1."""
    ca = root(kind="RSA-2048")
    child = resigned(leaf(ca), ca, pss_defaults=True).parsed

    assert child.signature_algorithm == signatures.RSASSA_PSS
    assert check_signature(child, ca.parsed).state is SignatureState.VALID
    assert signature_digest(child)


@pytest.mark.parametrize(
    "octets",
    ["", "0500", "30", "3003a00130", "3005a003300106", "3004a2020500", "3006a20402020000ff"],
)
def test_broken_pss_parameters_are_not_understood(octets: str) -> None:
    """Hostile parameters give None, whatever their shape."""
    assert signatures._pss_parameters(bytes.fromhex(octets)) is None


PSS_KEY: Final = "06092a864886f70d01010a"
SHA256: Final = "300b0609608648016503040201"
SHA384: Final = "300b0609608648016503040202"
MGF1: Final = "301806092a864886f70d010108"


def pss_parameters(digest: str, mask: str, salt: int) -> str:
    """RSASSA-PSS-params in hex, each field present (RFC 4055 section 3.1)."""
    return f"3030a00d{digest}a11a{MGF1}{mask}a2030201{salt:02x}"


def with_pss_key(issuer: Issued, parameters: str) -> Issued:
    """The same self-signed certificate with id-RSASSA-PSS as the algorithm of its key."""
    tbs = list(split(split(split(issuer.der)[0])[0], whole=True))
    key_bits = split(split(tbs[6])[0], whole=True)[1]
    algorithm = tlv(0x30, bytes.fromhex(PSS_KEY + parameters))
    tbs[6] = tlv(0x30, algorithm, key_bits)
    rest = split(split(issuer.der)[0], whole=True)[1:]
    changed = Issued(der=tlv(0x30, tlv(0x30, *tbs), *rest), key=issuer.key, name=issuer.name)
    return resigned(changed, changed, digest=hashes.SHA256())


@pytest.mark.parametrize(
    ("parameters", "digest", "salt", "state"),
    [
        # PKCS #1 version 1.5: RFC 4055 section 1.2.
        ("", hashes.SHA256(), None, SignatureState.INVALID),
        (pss_parameters(SHA256, SHA256, 32), hashes.SHA256(), None, SignatureState.INVALID),
        # Without parameters the key allows any: section 3.1.
        ("", hashes.SHA384(), 20, SignatureState.VALID),
        # Section 3.3: hash, mask and salt.
        (pss_parameters(SHA256, SHA256, 32), hashes.SHA256(), 32, SignatureState.VALID),
        (pss_parameters(SHA256, SHA256, 32), hashes.SHA256(), 40, SignatureState.VALID),
        (pss_parameters(SHA256, SHA256, 32), hashes.SHA256(), 31, SignatureState.INVALID),
        (pss_parameters(SHA384, SHA256, 32), hashes.SHA256(), 32, SignatureState.INVALID),
        (pss_parameters(SHA256, SHA384, 32), hashes.SHA256(), 32, SignatureState.INVALID),
        (pss_parameters(SHA256, SHA256, 32), hashes.SHA384(), 48, SignatureState.INVALID),
        # No parameters that anybody can read.
        ("0500", hashes.SHA256(), 32, SignatureState.NOT_CHECKED),
    ],
)
def test_a_pss_key_signs_as_its_parameters_say(
    parameters: str,
    digest: hashes.SHA256 | hashes.SHA384,
    salt: int | None,
    state: SignatureState,
    tmp_path: Path,
) -> None:
    """RFC 4055 sections 1.2 and 3.3, as `openssl verify` has it where it is installed."""
    plain = root(kind="RSA-2048")
    signer = with_pss_key(plain, parameters)
    child = leaf(plain, digest=digest, pss_salt=salt)

    assert check_signature(child.parsed, signer.parsed).state is state
    if shutil.which("openssl") is not None:
        (tmp_path / "root.pem").write_bytes(signer.pem)
        (tmp_path / "leaf.pem").write_bytes(child.pem)
        # The root's own signature is PKCS #1's, so that to OpenSSL it did not sign itself.
        command = ["openssl", "verify", "-partial_chain", "-attime", str(NOW)]
        command += ["-trusted", "root.pem", "leaf.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
        assert (done.returncode == 0) is (state is SignatureState.VALID), done.stderr.decode()


@pytest.mark.parametrize("salt", [None, 20])
def test_a_stream_is_held_to_the_parameters_of_the_key_too(salt: int | None) -> None:
    """RFC 4055 sections 1.2 and 3.3 speak of keys, whatever they sign: CRLs too."""
    plain = root(kind="RSA-2048")
    signer = with_pss_key(plain, pss_parameters(SHA256, SHA256, 32)).parsed
    for least, state in ((signer, SignatureState.INVALID), (plain.parsed, SignatureState.VALID)):
        child = leaf(plain, pss_salt=salt).parsed
        stream = SignedStream(child.signature_algorithm, child.signature_parameters, least)
        stream.update(child.tbs_certificate)

        assert stream.check(child.signature).state is state


class _Huge:
    """A certificate whose key is beyond a bound: no such key need be made."""

    key_type = "RSA"
    curve = ""
    subject_public_key_info = b""

    def __init__(self, bits: int, exponent_bits: int) -> None:
        self.key_bits = bits
        self.rsa_exponent_bits = exponent_bits


@pytest.mark.parametrize(
    ("bits", "exponent_bits", "reason"),
    [
        (limits.MAX_RSA_BITS + 1, 17, "rsa_bits"),
        (2_048, limits.MAX_RSA_EXPONENT_BITS + 1, "rsa_exponent_bits"),
    ],
)
def test_bounds_are_asked_before_any_arithmetic(bits: int, exponent_bits: int, reason: str) -> None:
    """A key over a bound is never loaded, so that its size costs nothing."""

    def never(octets: bytes) -> object:
        raise AssertionError("loaded")

    issuer: Certificate = _Huge(bits, exponent_bits)  # type: ignore[assignment]
    check = check_signature(leaf(root()).parsed, issuer, never)

    assert check.state is SignatureState.LIMIT
    assert check.reason == reason


@pytest.mark.parametrize(("make", "kept"), [(leaf, "_checks"), (intermediate, "_authority_checks")])
def test_the_cache_is_bounded_and_forgets_the_oldest(
    make: Callable[..., Issued], kept: str
) -> None:
    """A fleet of any size holds `max_checks` links of each kind; what was used last stays."""
    cache = SignatureCache(max_checks=2, max_keys=1)
    ca, other = root(), root("Other")
    first = make(ca, "First").parsed
    second = make(other, "Second").parsed
    third = make(ca, "Third").parsed
    cache.check(first, ca.parsed)
    cache.check(second, other.parsed)
    cache.check(first, ca.parsed)
    cache.check(third, ca.parsed)

    assert len(cache) == 2
    assert list(getattr(cache, kept)) == [
        (first.sha256, ca.parsed.sha256),
        (third.sha256, ca.parsed.sha256),
    ]
    assert len(cache._keys) == 1


def test_the_cache_answers_as_a_fresh_check_does() -> None:
    """Remembering never changes an answer, good or bad."""
    ca, impostor = root(), root(label="impostor")
    child = leaf(ca).parsed
    cache = SignatureCache()
    answers = [cache.check(child, issuer.parsed) for issuer in (ca, impostor, ca, impostor)]

    assert [answer.state for answer in answers] == [
        SignatureState.VALID,
        SignatureState.INVALID,
        SignatureState.VALID,
        SignatureState.INVALID,
    ]

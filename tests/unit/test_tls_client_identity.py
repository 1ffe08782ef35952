"""The user's certificate and key: what is read, what is refused, and who believes the signature."""

from __future__ import annotations

import itertools
import ssl
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fleetscan._parse import parse_certificate
from fleetscan.errors import UsageError
from fleetscan.registry import signature_schemes
from fleetscan.tls.client_identity import ClientIdentity
from fleetscan.tls.signatures import check_signature
from fleetscan.vocabulary import Checked
from tests import certificates
from tests.certificates import tlv
from tests.tls_peers import OpenSslPeer, server_context
from tests.tls_small_client import SmallClient

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
VERSIONS = {
    TLS10: ssl.TLSVersion.TLSv1,
    TLS11: ssl.TLSVersion.TLSv1_1,
    TLS12: ssl.TLSVersion.TLSv1_2,
}
ALL_SCHEMES = tuple(signature_schemes.NAMES)
PASSWORD = b"open sesame"


# Made once by OpenSSL, because the library makes none that is so short.
RSA_512 = b"""-----BEGIN RSA PRIVATE KEY-----
MIIBOQIBAAJBALY/xP2U2UpwtS6HkBMm62swy0GpmSlu2mZHiDdWqxtJaB1nwlGC
FcxLoZbAruYOEev+hKB6g3P7vSpwUVJm+B0CAwEAAQJAPWmXs+uonREFvLwprIp8
4g37MBE6b1/PcI/CMwOdfP/Zqm6ycB7wrNFkZS8viR9ZtynqE37p4DRkUEtH8WHq
gQIhAOSsT4tuNci2/uVsXiAacR1vsmBIsV7yZn0AiFiNuOO1AiEAzAc7NmQ7jYnA
09R4HFrD6v9K4Co9jsr1OiyZpxsW08kCIBPv+hd8CnBvlBXItwQxif85B+JhNCXF
GK55Z2nhIWepAiAvDKfZ9ilJjW+7Ka79Eu1FHtQcd4E0kZcVcD2KrJOKCQIgfIQG
FehWRUaRPnjM7Dau0Rsqr5C+m55/LsWzmpCx5uY=
-----END RSA PRIVATE KEY-----
"""


@cache
def issued(kind: str) -> certificates.Issued:
    """A self-signed client certificate with a key of this kind."""
    key: Any
    if kind == "Ed448":
        key = ed448.Ed448PrivateKey.generate()
    elif kind == "ML-DSA-65":
        key = mldsa.MLDSA65PrivateKey.generate()
    elif kind == "RSA-512":
        key = load_pem_private_key(RSA_512, None)
    elif kind.startswith("RSA-"):
        key = rsa.generate_private_key(65_537, int(kind[4:]))
    else:
        key = certificates.make_key("client", kind)
    # The builder of these tests does not sign with every kind; OpenSSL, which some are shown
    # to, has a clock of its own.
    issuer = certificates.root() if kind in ("Ed448", "ML-DSA-65", "RSA-512") else None
    return certificates.issue(
        "client.test", issuer, key=key, not_before=1_000_000_000, not_after=4_000_000_000
    )


@cache
def identity(kind: str) -> ClientIdentity:
    """The same, as it is read from two files."""
    return ClientIdentity.from_pem(issued(kind).pem, issued(kind).key_pem, None)


def encrypted(kind: str, form: PrivateFormat) -> bytes:
    """The key under a password."""
    octets: bytes = issued(kind).key.private_bytes(
        Encoding.PEM, form, BestAvailableEncryption(PASSWORD)
    )
    return octets


# -- reading --------------------------------------------------------------------------

KINDS = ["RSA-2048", "P-256", "P-384", "P-521", "Ed25519", "Ed448", "DSA-2048", "ML-DSA-65"]


@pytest.mark.parametrize("kind", KINDS)
def test_chain_and_key_are_read(kind: str) -> None:
    """Certificates in their order, with what stands around and between them left out."""
    leaf, above = issued(kind), certificates.root()
    pem = b"subject=client\n\n" + leaf.pem + b"issuer=...\r\n" + above.pem
    read = ClientIdentity.from_pem(pem, leaf.key_pem, None)

    assert read.chain == (leaf.der, above.der)
    assert read.leaf.der == leaf.der


@pytest.mark.parametrize("order", [1, -1])
def test_one_file_may_hold_both(order: int) -> None:
    """The key before or behind the certificates."""
    parts = (issued("P-256").pem, issued("P-256").key_pem)[::order]
    assert ClientIdentity.from_pem(b"".join(parts), None, None).chain == (issued("P-256").der,)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("RSA-2048", PrivateFormat.PKCS8),
        ("RSA-2048", PrivateFormat.TraditionalOpenSSL),
        ("P-256", PrivateFormat.PKCS8),
        ("P-256", PrivateFormat.TraditionalOpenSSL),
        ("Ed25519", PrivateFormat.PKCS8),
    ],
)
def test_encrypted_keys_want_their_password(kind: str, form: PrivateFormat) -> None:
    """PKCS #8 and the older form; missing and wrong are told apart."""
    key = encrypted(kind, form)
    assert ClientIdentity.from_pem(issued(kind).pem, key, PASSWORD).leaf.der == issued(kind).der

    with pytest.raises(UsageError, match="is encrypted: give its password"):
        ClientIdentity.from_pem(issued(kind).pem, key, None)
    for wrong in (b"", b"wrong"):
        with pytest.raises(UsageError, match="the password is wrong"):
            ClientIdentity.from_pem(issued(kind).pem, key, wrong)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_password_that_is_not_needed_is_passed_over(form: PrivateFormat) -> None:
    """One password for a folder of keys, some of which have none."""
    key = issued("P-256").key.private_bytes(Encoding.PEM, form, NoEncryption())
    assert ClientIdentity.from_pem(issued("P-256").pem, key, PASSWORD).chain


def test_a_key_that_was_cut_short_is_passed_over() -> None:
    """What has no END line is no block (RFC 7468 section 3); the one behind it is taken."""
    one = issued("P-256")
    cut = one.key_pem[:60] + b"\n"

    assert ClientIdentity.from_pem(one.pem, cut + one.key_pem, None).chain == (one.der,)


def test_ec_parameters_before_the_key_are_passed_over() -> None:
    """`openssl ecparam -genkey` writes them."""
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    key = issued("P-256").key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    assert ClientIdentity.from_pem(issued("P-256").pem, parameters + key, None).chain


def broken(pem: bytes) -> bytes:
    """The PEM with a hole in its middle."""
    lines = pem.splitlines(keepends=True)
    return b"".join(lines[:2] + lines[3:])


X25519_PEM = X25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
REFUSED = {
    "nothing at all": (b"", None, "there is no certificate"),
    "a key for a certificate": (issued("P-256").key_pem, None, "there is no certificate"),
    "no key in the file": (issued("P-256").pem, None, "there is no private key"),
    "no key in the key's file": (issued("P-256").pem, issued("P-256").pem, "no private key"),
    "an empty key file": (issued("P-256").pem, b"", "there is no private key"),
    "a key in DER": (issued("P-256").pem, b"\x30\x03\x02\x01\x00", "there is no private key"),
    "a key of another": (issued("P-256").pem, issued("P-384").key_pem, "does not belong"),
    "of another of its kind": (issued("RSA-2048").pem, issued("RSA-3072").key_pem, "not belong"),
    "the issuer first": (
        certificates.root().pem + issued("P-256").pem,
        issued("P-256").key_pem,
        "does not belong to the first certificate",
    ),
    "a broken certificate": (
        broken(issued("P-256").pem),
        issued("P-256").key_pem,
        "the first certificate cannot be read",
    ),
    "no base64": (
        b"-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n",
        None,
        "not valid base64",
    ),
    "a broken key": (issued("P-256").pem, broken(issued("P-256").key_pem), "it is damaged"),
    "a key that cannot sign": (issued("P-256").pem, X25519_PEM, "cannot sign"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_identity_is_refused_in_one_line(name: str) -> None:
    """The user's mistake, told before anything is scanned."""
    pem, key, words = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        ClientIdentity.from_pem(pem, key, None)

    told = str(caught.value)
    assert words in told
    assert "\n" not in told
    assert told.startswith("client certificate: ")


def test_a_curve_that_the_library_lacks_is_refused() -> None:
    """sect283k1 (1.3.132.0.16) in PKCS #8, written out."""
    algorithm = tlv(0x30, bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06052b81040010"))
    inner = tlv(0x30, b"\x02\x01\x01", tlv(0x04, bytes(36)))
    der = tlv(0x30, b"\x02\x01\x00", algorithm, tlv(0x04, inner))
    pem = certificates.x509_pem(der).replace(b"CERTIFICATE", b"PRIVATE KEY")
    with pytest.raises(UsageError, match=r"is not supported|is damaged"):
        ClientIdentity.from_pem(issued("P-256").pem, pem, None)


def test_the_key_is_never_shown() -> None:
    """Not in a traceback, not in a log."""
    assert "key=" not in repr(identity("P-256"))


# -- choosing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "version", "schemes", "chosen"),
    [
        ("RSA-2048", TLS13, (0x0403, 0x0401, 0x0805, 0x0804), 0x0805),
        ("RSA-2048", TLS12, (0x0403, 0x0401, 0x0805, 0x0804), 0x0401),
        ("RSA-2048", TLS13, (0x0401, 0x0201, 0x0809), None),
        ("RSA-1024", TLS13, (0x0806, 0x0805), 0x0805),
        ("RSA-1024", TLS13, (0x0806,), None),
        ("RSA-1024", TLS12, (0x0806, 0x0601), 0x0601),
        # PSS encodes one bit less than the modulus has, in whole octets (RFC 8017 section
        # 8.1.1): SHA-512 needs 130 of them.
        ("RSA-1033", TLS13, (0x0806,), None),
        ("RSA-1034", TLS13, (0x0806,), 0x0806),
        # 64 octets have room for 34 of hash (RFC 8017 section 9.2).
        ("RSA-512", TLS12, (0x0601, 0x0501, 0x0401), 0x0401),
        ("P-256", TLS13, (0x0503, 0x0804, 0x0403), 0x0403),
        ("P-256", TLS12, (0x0503, 0x0403), 0x0503),
        ("P-384", TLS13, (0x0403,), None),
        ("P-521", TLS13, (0x0403, 0x0603), 0x0603),
        ("Ed25519", TLS13, (0x0808, 0x0807), 0x0807),
        ("Ed25519", TLS12, (0x0807,), 0x0807),
        ("Ed448", TLS13, (0x0807, 0x0808), 0x0808),
        ("DSA-2048", TLS12, (0x0401, 0x0402), 0x0402),
        ("DSA-2048", TLS13, ALL_SCHEMES, None),
        ("ML-DSA-65", TLS13, (0x0904, 0x0905), 0x0905),
        ("ML-DSA-65", TLS12, ALL_SCHEMES, None),
        ("RSA-2048", TLS12, (), None),
        ("RSA-2048", TLS12, (0x0A0A, 0x0000), None),
        # Before TLS 1.2 the kind of key alone decides (RFC 2246 section 7.4.8).
        ("RSA-2048", TLS11, (), 0),
        ("P-256", TLS10, (), 0),
        ("DSA-2048", TLS10, (), 0),
        ("Ed25519", TLS11, (), None),
        ("ML-DSA-65", TLS10, (), None),
    ],
)
def test_the_scheme_is_the_servers_first_that_fits(
    kind: str, version: int, schemes: tuple[int, ...], chosen: int | None
) -> None:
    """RFC 8446 section 4.2.3 for what fits; the order is the server's preference."""
    assert identity(kind).scheme_for(version, schemes) == chosen


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [("RSA-2048", 1), ("DSA-2048", 2), ("P-256", 64), ("Ed25519", 64), ("ML-DSA-65", None)],
)
def test_certificate_types(kind: str, fitting: int | None) -> None:
    """rsa_sign, dss_sign, ecdsa_sign (RFC 5246 section 7.4.4, RFC 8422 section 5.5)."""
    for kept in (1, 2, 64):
        assert identity(kind).fits_certificate_types(bytes((3, kept))) == (kept == fitting)
    assert not identity(kind).fits_certificate_types(b"")


# -- signing --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "RSA-512", "RSA-1024", "RSA-1033", "RSA-1034"])
def test_every_scheme_that_is_chosen_verifies(kind: str) -> None:
    """The check of server's signatures takes ours, and there is always one to choose."""
    one = identity(kind)
    leaf = parse_certificate(one.chain[0])
    tried = 0
    for version in (TLS10, TLS11, TLS12, TLS13):
        for offered in ALL_SCHEMES:
            scheme = one.scheme_for(version, (offered,))
            if scheme is None:
                continue
            signature = one.sign(scheme, b"content")
            assert check_signature(version, scheme, leaf, b"content", signature) is Checked.YES
            tried += 1
    assert tried


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "kind"),
    [
        *itertools.product(VERSIONS, ["RSA-2048", "P-256", "P-384", "P-521", "DSA-2048"]),
        (TLS12, "Ed25519"),  # which begins there
    ],
)
@pytest.mark.parametrize("code", [0xC013, 0x002F])
def test_openssl_takes_the_certificate_and_its_proof(version: int, kind: str, code: int) -> None:
    """CertificateVerify over all messages, with the PRF's hash or another (RFC 5246 7.4.8)."""
    context = server_context("RSA-2048")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=issued(kind).pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client = SmallClient(version, code, identity=identity(kind), extended=True)
    peer = OpenSslPeer(context)
    said = client.receive(peer.receive(client.start()))
    client.receive(peer.receive(said))

    assert peer.error is None, peer.error
    assert client.confirmed
    assert peer.connection.getpeercert(True) == issued(kind).der
    assert (client.scheme == 0) == (version < TLS12)

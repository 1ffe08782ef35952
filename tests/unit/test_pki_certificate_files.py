"""Certificates out of files: every form they come in, and what else is in there."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.pem import certificate_block
from fleetscan.pki.certificate_files import Encoded, FileFault, read_certificates
from fleetscan.pki.certificate_set import certificate_set
from fleetscan.pki.trust import load_file
from fleetscan.tls.client_identity import ClientIdentity
from tests.certificates import Issued, intermediate, leaf, root, tlv

ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)

MEMBERS = LEAF.der + tlv(0xA1, b"") + CA.der
OPENED = (
    bytes.fromhex("3080 06092a864886f70d010702 a080 3080 020101 3100")
    + tlv(0x30, bytes.fromhex("06092a864886f70d010701"))
    + b"\xa0\x80"
)
SET = OPENED + MEMBERS + b"\0\0" + tlv(0x31) + b"\0\0" * 3
"""A certs-only message in BER (RFC 5652 section 5.1), with an attribute certificate between."""

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run the program and give its standard output."""
    done = subprocess.run(
        ["openssl", *arguments], input=stdin, capture_output=True, check=True, timeout=60
    )
    return done.stdout


def block(label: str, octets: bytes) -> bytes:
    """A PEM block with any label."""
    body = base64.encodebytes(octets)
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), body, label.encode())


def given_as(*issued: Issued) -> tuple[Encoded, ...]:
    """What is to be found."""
    return tuple(Encoded(octets=one.der) for one in issued)


def inside(octets: bytes) -> bytes:
    """The lines between the boundaries of the one block."""
    return b"".join(line for line in octets.splitlines(keepends=True) if b"-----" not in line)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(LEAF.pem + CA.pem, id="plain"),
        pytest.param((LEAF.pem + CA.pem).replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param((LEAF.pem + CA.pem).replace(b"\n", b"\r"), id="cr"),
        pytest.param(b"subject=CN = a\n\n" + LEAF.pem + b"\nhello\n" + CA.pem + b"x", id="text"),
        pytest.param(b"\xef\xbb\xbf" + LEAF.pem + CA.pem, id="byte-order-mark"),
        pytest.param(b"0 s:CN = a\n" + LEAF.pem + CA.pem, id="begins-like-der"),
        pytest.param(LEAF.key_pem + LEAF.pem + CA.pem, id="private-key-first"),
        pytest.param(LEAF.pem.rstrip(b"\n") + CA.pem, id="glued"),
        pytest.param(
            LEAF.pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE") + CA.pem, id="old-label"
        ),
        pytest.param(LEAF.der + CA.der, id="der-twice"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----"
            + base64.b64encode(LEAF.der)
            + b"-----END CERTIFICATE-----\n"
            + CA.pem,
            id="on-one-line",
        ),
    ],
)
def test_certificates_are_found_in_the_order_of_the_file(octets: bytes) -> None:
    """RFC 7468 section 2: text around blocks is ignored, and lines end as they like."""
    assert read_certificates(octets).certificates == given_as(LEAF, CA)


def test_one_certificate_in_der() -> None:
    """What Windows exports by default."""
    found = read_certificates(LEAF.der)

    assert (found.certificates, found.is_set, found.others) == (given_as(LEAF), False, ())


@needs_openssl
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_pkcs7_as_openssl_writes_it(form: str, tmp_path: Path) -> None:
    """RFC 5652 section 5.1; its certificates are a set, whose order says nothing."""
    (tmp_path / "chain.pem").write_bytes(LEAF.pem + CA.pem + ROOT.pem)
    octets = openssl(
        "crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "chain.pem"), "-outform", form
    )

    found = read_certificates(octets)
    assert set(found.certificates) == set(given_as(LEAF, CA, ROOT))
    assert found.is_set


@needs_openssl
def test_trust_settings_behind_a_certificate_are_no_part_of_it() -> None:
    """`openssl x509 -trustout` writes a TRUSTED CERTIFICATE with an X509_CERT_AUX behind it."""
    octets = openssl("x509", "-trustout", "-addtrust", "serverAuth", stdin=ROOT.pem)
    assert b"BEGIN TRUSTED CERTIFICATE" in octets

    (found,) = read_certificates(octets).certificates
    assert found.octets == ROOT.der
    assert found.octets + found.settings == openssl("base64", "-d", stdin=inside(octets))


@needs_openssl
def test_what_is_written_is_what_openssl_writes() -> None:
    """RFC 7468 section 2, to the octet."""
    assert certificate_block(LEAF.der) == openssl("x509", stdin=LEAF.pem)


@pytest.mark.parametrize(
    ("octets", "other"),
    [
        (LEAF.key_pem, "a private key"),
        (block("ENCRYPTED PRIVATE KEY", b"x"), "a private key"),
        (block("X509 CRL", b"x"), "a CRL"),
        (block("CERTIFICATE REQUEST", b"x"), "a certificate request"),
        (block("DH PARAMETERS", b"x"), "a block 'DH PARAMETERS'"),
        (block("PKCS7", b"\x30\x80\x06\x00"), "a PKCS #7 structure that cannot be read"),
        (tlv(0x30, b"\x02\x01\x00", b"\x30\x00"), "a private key or a PKCS #12 file"),
        (
            tlv(0x30, bytes.fromhex("06092a864886f70d010701"), tlv(0xA0, b"\x04\x00")),
            "a PKCS #7 structure that cannot be read",
        ),
    ],
)
def test_what_holds_no_certificate_is_named(octets: bytes, other: str) -> None:
    """A key is named and never looked at."""
    found = read_certificates(octets)

    assert (found.certificates, found.others) == ((), (other,))


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (LEAF.pem.replace(b"MII", b"M*II"), FileFault.BASE64_INVALID),
        (LEAF.pem.replace(b"MII", b"M=I"), FileFault.BASE64_INVALID),
        (LEAF.pem[:200], FileFault.END_MISSING),
        (LEAF.pem.replace(b"-----END CERTIFICATE", b"-----END PUBLIC KEY"), FileFault.END_MISSING),
    ],
)
def test_a_broken_block_keeps_its_place(octets: bytes, fault: FileFault) -> None:
    """The one behind it is not taken for the leaf."""
    found = read_certificates(octets + CA.pem)
    first, second = found.certificates

    assert second == Encoded(octets=CA.der)
    assert first.fault is fault


@pytest.mark.parametrize("octets", [b"", b"\n", b"hello", b"\xff\xfe-\x00", b"-----BEGIN X-----"])
def test_nothing_is_found_in_nothing(octets: bytes) -> None:
    """No certificate, and no exception."""
    assert read_certificates(octets).certificates == ()


def test_utf16_is_named() -> None:
    """What a PowerShell redirection writes; no TLS server reads it."""
    (remark,) = read_certificates(LEAF.pem.decode().encode("utf-16")).remarks

    assert "UTF-16" in remark


def test_lines_that_openssl_refuses_are_remarked() -> None:
    """Files pasted together without a newline between them: `bad end line` in OpenSSL."""
    glued = read_certificates(LEAF.pem.rstrip(b"\n") + CA.pem)

    assert any("OpenSSL refuses" in remark for remark in glued.remarks)
    assert read_certificates(LEAF.pem + CA.pem).remarks == ()


@needs_openssl
def test_openssl_does_refuse_such_lines(tmp_path: Path) -> None:
    """The remark is true of the OpenSSL at hand."""
    path = tmp_path / "glued.pem"
    path.write_bytes(LEAF.pem.rstrip(b"\n") + CA.pem)

    done = subprocess.run(
        ["openssl", "x509", "-in", str(path), "-noout"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0


def test_der_that_is_cut_or_followed_by_more_is_left_to_the_parser() -> None:
    """It is given as it stands, so that the fault names the place."""
    for octets in (LEAF.der[:-1], LEAF.der + b"\n"):
        assert read_certificates(octets).certificates == (Encoded(octets=octets),)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\x30\x00" * 100_000, id="der"),
        pytest.param(block("CERTIFICATE", b"") * 20_000, id="pem"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\n" * 20_000, id="without-ends"),
    ],
)
def test_no_more_than_the_bound_are_looked_at(octets: bytes) -> None:
    """`limits.MAX_FILE_CERTIFICATES`, and the file's remark says so."""
    found = read_certificates(octets)

    assert len(found.certificates) == limits.MAX_FILE_CERTIFICATES
    assert any("only its first" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"-----BEGIN CERTIFICATE-----\n", id="begin-lines"),
        pytest.param(b"-----BEGIN TRUSTED CERTIFICATE-----", id="on-one-line"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\n-----END X-----\n", id="other-ends"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\n", id="keys"),
        pytest.param(b"-----BEGIN " + b"A" * 64, id="labels-without-end"),
        pytest.param(b"\x30\x80", id="open-lengths"),
        pytest.param(bytes.fromhex("3080 06092a864886f70d010702 a080"), id="sets-in-sets"),
    ],
)
def test_the_time_is_in_proportion_to_the_octets(piece: bytes, tmp_path: Path) -> None:
    """Two megabytes of anything cost a part of a second; in proportion to the square, a minute.

    Also where the other readers of such files are: of trust, and of a client's identity.
    """
    octets = piece * (2**21 // len(piece))
    path = tmp_path / "hostile.pem"
    path.write_bytes(octets)
    before = time.process_time()
    read_certificates(octets)
    with suppress(UsageError):
        load_file(str(path))
    with suppress(UsageError):
        ClientIdentity.from_pem(octets, None, None)

    assert time.process_time() - before < 4


def test_a_set_in_ber_and_what_follows_it() -> None:
    """X.690 section 8.1.3.6: lengths left open, as streaming writers have them; cut short too."""
    for octets in (SET, OPENED + MEMBERS, SET + ROOT.der, block("PKCS7", SET)):
        found = read_certificates(octets)
        assert found.certificates == given_as(LEAF, CA)
        assert found.is_set


def test_fewer_than_the_bound_can_be_asked_for() -> None:
    """Of each form; whether there were more is said."""
    for octets in (LEAF.pem + CA.pem, LEAF.der + CA.der, SET):
        found = read_certificates(octets, 1)
        assert (found.certificates, found.is_cut) == (given_as(LEAF), True)
        assert not read_certificates(octets, 2).is_cut
    assert certificate_set(SET, 1) == (LEAF.der,)


def test_other_content_is_named_a_bounded_number_of_times() -> None:
    """Labels are a stranger's text."""
    octets = b"".join(block(f"THING {number}", b"") for number in range(100))

    assert len(read_certificates(octets).others) == 8


@given(st.binary(max_size=400))
def test_any_octets_are_read_without_an_exception(octets: bytes) -> None:
    """Alone, and between the boundaries of a block."""
    read_certificates(octets)
    read_certificates(b"-----BEGIN CERTIFICATE-----\n" + octets + b"\n-----END CERTIFICATE-----\n")
    read_certificates(block("PKCS7", octets))
    read_certificates(tlv(0x30, octets))

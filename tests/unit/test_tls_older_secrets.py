"""PRFs, key block and transcript of TLS 1.0 to 1.2, against published vectors and RFC text."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from fleetscan.tls.tls12_secrets import SecretsTls12, prf
from fleetscan.tls.transcript import Transcript

CLIENT, SERVER = bytes(range(32)), bytes(range(32, 64))


def test_the_prf_of_tls12() -> None:
    """The P_SHA256 vector that the IETF's TLS list has used since 2009."""
    assert prf(
        "sha256",
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    ) == bytes.fromhex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66"
    )


def test_the_prf_of_tls10() -> None:
    """The vector of the IETF's TLS list of 1999 (message 01589), which many stacks test with."""
    assert prf("md5-sha1", b"\xab" * 48, b"PRF Testvector", b"\xcd" * 64, 104) == bytes.fromhex(
        "d3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754"
        "443bcf9a296519bc289abcbc1187e4ebd31e602353776c408aafb74cbc85eff6"
        "9255f9788faa184cbb957a9819d84a5d7eb006eb459d3ae8de9810454b8b2d8f"
        "1afbc655a8c9a013"
    )


def slow_p_hash(name: str, secret: bytes, seed: bytes) -> bytes:
    """The first lines of P_hash as RFC 2246 section 5 writes it, A(1) to A(8)."""
    a = [seed]
    for _ in range(8):
        a.append(hmac.new(secret, a[-1], name).digest())
    return b"".join(hmac.new(secret, value + seed, name).digest() for value in a[1:])


@pytest.mark.parametrize("length", [0, 1, 2, 11, 47, 48])
def test_the_halves_of_a_secret_share_an_odd_octet(length: int) -> None:
    """RFC 2246 section 5: L_S1 = L_S2 = ceil(L_S / 2)."""
    secret = bytes(range(7, 7 + length))
    half = -(-length // 2)
    md5 = slow_p_hash("md5", secret[:half], b"labelseed")
    sha1 = slow_p_hash("sha1", secret[-half:] if half else b"", b"labelseed")
    expected = bytes(md5[at] ^ sha1[at] for at in range(60))

    assert prf("md5-sha1", secret, b"label", b"seed", 60) == expected


@pytest.mark.parametrize("name", ["md5-sha1", "sha256", "sha384"])
def test_master_secret_key_block_and_verify_data(name: str) -> None:
    """RFC 5246 sections 8.1, 6.3 and 7.4.9, each written out with its label and seed."""
    secrets = SecretsTls12(name, b"premaster", CLIENT, SERVER, b"")
    master = prf(name, b"premaster", b"master secret", CLIENT + SERVER, 48)
    block = prf(name, master, b"key expansion", SERVER + CLIENT, 2 * (20 + 16 + 8))

    assert secrets.master_secret == master
    ours, theirs = secrets.key_blocks(20, 16, 8)
    assert (ours.mac_key, theirs.mac_key) == (block[:20], block[20:40])
    assert (ours.key, theirs.key) == (block[40:56], block[56:72])
    assert (ours.iv, theirs.iv) == (block[72:80], block[80:88])
    assert secrets.verify_data(b"client finished", b"hash") == prf(
        name, master, b"client finished", b"hash", 12
    )


def test_the_extended_master_secret() -> None:
    """RFC 7627 section 4: another label, and the session hash in place of the randoms."""
    secrets = SecretsTls12("md5-sha1", b"premaster", CLIENT, SERVER, b"hash")
    assert secrets.master_secret == prf(
        "md5-sha1", b"premaster", b"extended master secret", b"hash", 48
    )


@pytest.mark.parametrize("name", ["md5-sha1", "sha256", "sha384"])
def test_the_transcript_hashes_what_came_before_and_after(name: str) -> None:
    """MD5 then SHA-1 before TLS 1.2 (RFC 2246 section 7.4.9), else the suite's hash."""
    transcript = Transcript()
    transcript.add(b"hello")
    transcript.begin(name)
    transcript.begin("sha512")
    transcript.add(b", answer")

    def expected(octets: bytes) -> bytes:
        if name == "md5-sha1":
            return hashlib.md5(octets).digest() + hashlib.sha1(octets).digest()
        return hashlib.new(name, octets).digest()

    assert transcript.digest() == expected(b"hello, answer")
    transcript.add(b", end")
    assert transcript.digest() == expected(b"hello, answer, end")


def test_messages_are_kept_only_when_asked_for() -> None:
    """A client's CertificateVerify up to TLS 1.2 signs the messages (RFC 5246 section 7.4.8)."""
    kept, forgotten = Transcript(), Transcript()
    kept.keep()
    for transcript in (kept, forgotten):
        transcript.add(b"hello")
        transcript.begin("sha256")
        transcript.add(b", answer")

    assert kept.messages() == b"hello, answer"
    assert kept.digest() == forgotten.digest()
    assert forgotten._messages == []

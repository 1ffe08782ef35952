"""Record protection of both versions: what is sealed opens, and nothing else does."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from fleetscan import limits
from fleetscan.tls.protection import ProtectionTls13, RecordProtection
from fleetscan.tls.tls12_protection import AesCbcSha1, AesGcm, ChaCha20, suite_tls12
from fleetscan.tls.tls12_secrets import KeyBlock, prf
from fleetscan.tls.violations import ViolationError

MAC, KEY16, KEY32, IV = bytes(range(20)), bytes(range(16)), bytes(range(32)), bytes(range(12))

PROTECTIONS: dict[str, Callable[[], RecordProtection]] = {
    "TLS 1.3 AES-128-GCM": lambda: ProtectionTls13(0x1301, KEY32),
    "TLS 1.3 AES-256-GCM": lambda: ProtectionTls13(0x1302, KEY32 + KEY16),
    "TLS 1.3 ChaCha20": lambda: ProtectionTls13(0x1303, KEY32),
    "TLS 1.2 AES-128-GCM": lambda: AesGcm(KeyBlock(b"", KEY16, IV[:4])),
    "TLS 1.2 ChaCha20": lambda: ChaCha20(KeyBlock(b"", KEY32, IV)),
    "TLS 1.2 AES-256-CBC": lambda: AesCbcSha1(KeyBlock(MAC, KEY32, b"")),
}


def open_record(protection: RecordProtection, record: bytes) -> tuple[int, bytes]:
    """One record through `open`."""
    assert len(record) == 5 + int.from_bytes(record[3:5], "big")
    return protection.open(record[0], record[:5], record[5:])


@pytest.mark.parametrize("name", PROTECTIONS)
def test_what_is_sealed_opens_in_order(name: str) -> None:
    """Content type and octets come back, record after record, for lengths around a block's."""
    writer, reader = PROTECTIONS[name](), PROTECTIONS[name]()
    for length in (*range(1, 40), 1_000, limits.MAX_PLAINTEXT):
        octets = bytes(index % 251 for index in range(length))
        assert open_record(reader, writer.seal(22, octets)) == (22, octets)


@pytest.mark.parametrize("name", PROTECTIONS)
def test_every_flipped_bit_is_caught(name: str) -> None:
    """Header type, length and every octet of the ciphertext, MAC and padding among them.

    Up to TLS 1.2 the content type is bound by the MAC as well; the length is implied.
    """
    record = PROTECTIONS[name]().seal(22, b"fourteen octets, and some")
    for at in (0, *range(5, len(record))):
        for bit in range(8):
            spoilt = bytearray(record)
            spoilt[at] ^= 1 << bit
            with pytest.raises(ViolationError) as caught:
                open_record(PROTECTIONS[name](), bytes(spoilt))
            assert caught.value.rule in ("bad_record_mac", "unexpected_message")


@pytest.mark.parametrize("name", PROTECTIONS)
def test_a_record_out_of_its_place_is_caught(name: str) -> None:
    """The sequence number is in no record, and bound by each (RFC 8446 section 5.3)."""
    writer = PROTECTIONS[name]()
    first, second = writer.seal(22, b"first"), writer.seal(22, b"second")
    with pytest.raises(ViolationError):
        open_record(PROTECTIONS[name](), second)
    reader = PROTECTIONS[name]()
    open_record(reader, first)
    with pytest.raises(ViolationError):
        open_record(reader, first)


@pytest.mark.parametrize("name", PROTECTIONS)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 48])
def test_short_records_are_refused(name: str, length: int) -> None:
    """Too short for what must be in it: refused, never an exception of another kind."""
    with pytest.raises(ViolationError) as caught:
        PROTECTIONS[name]().open(23, b"\x17\x03\x03" + length.to_bytes(2, "big"), bytes(length))
    assert caught.value.rule == "bad_record_mac"


@pytest.mark.parametrize("name", PROTECTIONS)
def test_long_octets_are_cut_into_records(name: str) -> None:
    """No plaintext of more than 2^14 octets (RFC 8446 section 5.1)."""
    octets = bytes(limits.MAX_PLAINTEXT + 10)
    sealed = PROTECTIONS[name]().seal(23, octets)
    reader, parts, at = PROTECTIONS[name](), [], 0
    while at < len(sealed):
        end = at + 5 + int.from_bytes(sealed[at + 3 : at + 5], "big")
        parts.append(open_record(reader, sealed[at:end])[1])
        at = end
    assert [len(part) for part in parts] == [limits.MAX_PLAINTEXT, 10]
    assert b"".join(parts) == octets


def test_a_plaintext_over_the_bound_is_record_overflow() -> None:
    """2^14 octets of content and the type, however much padding (RFC 8446 section 5.4)."""
    writer = ProtectionTls13(0x1301, KEY32)
    too_long = writer._seal_one(23, bytes(limits.MAX_PLAINTEXT) + b"\x01")
    with pytest.raises(ViolationError) as caught:
        open_record(ProtectionTls13(0x1301, KEY32), too_long)
    assert caught.value.rule == "record_overflow"


def test_cbc_explicit_ivs_differ() -> None:
    """Equal plaintexts give unequal records (RFC 5246 section 6.2.3.2)."""
    writer = AesCbcSha1(KeyBlock(MAC, KEY16, b""))
    assert writer.seal(22, b"same")[5:] != writer.seal(22, b"same")[5:]


@pytest.mark.parametrize("padding", [b"\x00\x00\x00\x03", b"\x03\x03\x02\x03", b"\xff" * 4])
def test_cbc_padding_is_checked_whole(padding: bytes) -> None:
    """Each padding octet holds the length, or it is bad_record_mac (RFC 5246 section 6.2.3.2)."""
    plaintext = b"eight oc"
    head = b"\x16\x03\x03"
    data = bytes(8) + head + len(plaintext).to_bytes(2, "big") + plaintext
    mac = hmac.digest(MAC, data, "sha1")
    for last, good in ((b"\x03" * 4, True), (padding, False)):
        encryptor = Cipher(algorithms.AES(KEY16), modes.CBC(bytes(16))).encryptor()
        fragment = bytes(16) + encryptor.update(plaintext + mac + last)
        reader = AesCbcSha1(KeyBlock(MAC, KEY16, b""))
        header = head + len(fragment).to_bytes(2, "big")
        if good:
            assert reader.open(22, header, fragment) == (22, plaintext)
            continue
        with pytest.raises(ViolationError):
            reader.open(22, header, fragment)


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


@pytest.mark.parametrize("code", [0x1301, 0x009E, 0x0005, 0x000A, 0xC027, 0xC018, 0x00A8, 0x1234])
def test_suites_that_are_not_finished_are_none(code: int) -> None:
    """TLS 1.3's, DHE, RC4, 3DES, CBC with SHA-256, anonymous, PSK, unknown."""
    assert suite_tls12(code) is None

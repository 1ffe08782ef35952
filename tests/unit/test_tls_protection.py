"""Record protection of both versions: what is sealed opens, and nothing else does."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from fleetscan import limits
from fleetscan.tls import tls12_protection
from fleetscan.tls.protection import ProtectionTls13, RecordProtection
from fleetscan.tls.tls12_protection import SuiteTls12, suite_tls12
from fleetscan.tls.tls12_secrets import KeyBlock
from fleetscan.tls.violations import ViolationError

TLS10, TLS11, TLS12 = 0x0301, 0x0302, 0x0303
MAC, KEY16, KEY32 = bytes(range(20)), bytes(range(16)), bytes(range(32))


def suite_of(code: int) -> SuiteTls12:
    """The parts of a suite that is there."""
    suite = suite_tls12(code)
    assert suite is not None
    return suite


def protection(version: int, code: int, *, outside: bool = False) -> Callable[[], RecordProtection]:
    """Makes one direction, the keys counted up from 0."""
    suite = suite_of(code)
    lengths = (suite.mac_length, suite.key_length, suite.iv_length(version))
    keys = KeyBlock(*(bytes(range(length)) for length in lengths))
    return lambda: suite.protection(keys, version, outside)


PROTECTIONS: dict[str, Callable[[], RecordProtection]] = {
    "TLS 1.3 AES-128-GCM": lambda: ProtectionTls13(0x1301, KEY32),
    "TLS 1.3 AES-256-GCM": lambda: ProtectionTls13(0x1302, KEY32 + KEY16),
    "TLS 1.3 ChaCha20": lambda: ProtectionTls13(0x1303, KEY32),
    "TLS 1.3 AES-128-CCM": lambda: ProtectionTls13(0x1304, KEY32),
    "TLS 1.3 AES-128-CCM-8": lambda: ProtectionTls13(0x1305, KEY32),
    "TLS 1.2 AES-128-GCM": protection(TLS12, 0xC02F),
    "TLS 1.2 AES-256-CCM": protection(TLS12, 0xC09D),
    "TLS 1.2 AES-128-CCM-8": protection(TLS12, 0xC0A0),
    "TLS 1.2 ChaCha20": protection(TLS12, 0xCCA8),
    "TLS 1.2 AES-256-CBC SHA-1": protection(TLS12, 0x0035),
    "TLS 1.2 AES-128-CBC SHA-256": protection(TLS12, 0xC027),
    "TLS 1.2 Camellia-256-CBC SHA-384": protection(TLS12, 0xC077),
    "TLS 1.2 AES-256-CBC SHA-384, MAC outside": protection(TLS12, 0xC028, outside=True),
    "TLS 1.1 3DES SHA-1": protection(TLS11, 0x000A),
    "TLS 1.1 AES-128-CBC, MAC outside": protection(TLS11, 0x002F, outside=True),
    "TLS 1.0 AES-128-CBC": protection(TLS10, 0x002F),
    "TLS 1.0 3DES": protection(TLS10, 0x000A),
    "TLS 1.0 Camellia, MAC outside": protection(TLS10, 0x0041, outside=True),
    "TLS 1.0 RC4 MD5": protection(TLS10, 0x0004),
    "TLS 1.2 RC4 SHA-1": protection(TLS12, 0x0005),
}
OLDER = {"TLS 1.0": TLS10, "TLS 1.1": TLS11}


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


@pytest.mark.parametrize("code", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
@pytest.mark.parametrize("padding", [1, 15, 16, 255, 1_000, limits.MAX_PLAINTEXT - 6])
def test_any_padding_of_tls13_is_taken_off(code: int, padding: int) -> None:
    """Zeros behind the content type, as many as fit (RFC 8446 section 5.4)."""
    secret = KEY32 + KEY16 if code == 0x1302 else KEY32
    writer, reader = ProtectionTls13(code, secret), ProtectionTls13(code, secret)
    # What is sealed is the fragment and then the type: zeros of the type zero are padding.
    record = writer.seal_one(0, b"hello\x17" + bytes(padding - 1))

    assert open_record(reader, record) == (0x17, b"hello")


@pytest.mark.parametrize("code", [0x1301, 0x1305])
def test_nothing_but_padding_has_no_content_type(code: int) -> None:
    """RFC 8446 section 5.4: unexpected_message."""
    with pytest.raises(ViolationError) as caught:
        open_record(ProtectionTls13(code, KEY32), ProtectionTls13(code, KEY32).seal(0, bytes(20)))
    assert caught.value.rule == "missing_content_type"


def test_a_plaintext_over_the_bound_is_record_overflow() -> None:
    """2^14 octets of content and the type, however much padding (RFC 8446 section 5.4)."""
    writer = ProtectionTls13(0x1301, KEY32)
    too_long = writer.seal_one(23, bytes(limits.MAX_PLAINTEXT) + b"\x01")
    with pytest.raises(ViolationError) as caught:
        open_record(ProtectionTls13(0x1301, KEY32), too_long)
    assert caught.value.rule == "record_overflow"


@pytest.mark.parametrize("name", [name for name in PROTECTIONS if "TLS 1.3" not in name])
def test_records_name_the_negotiated_version(name: str) -> None:
    """RFC 5246 section 6.2.1: the version of the protocol being employed."""
    record = PROTECTIONS[name]().seal(22, b"octets")
    assert int.from_bytes(record[1:3], "big") == OLDER.get(name[:7], TLS12)


@pytest.mark.parametrize("name", [name for name in PROTECTIONS if "TLS 1.3" not in name])
def test_the_version_of_a_record_is_authenticated(name: str) -> None:
    """It is among the octets that MAC and tag are over (RFC 5246 section 6.2.3.1)."""
    record = bytearray(PROTECTIONS[name]().seal(22, b"octets"))
    record[2] ^= 1
    with pytest.raises(ViolationError):
        open_record(PROTECTIONS[name](), bytes(record))


def test_a_record_without_content_opens() -> None:
    """Servers of TLS 1.0 send empty records before data (RFC 2246 section 6.2.1 lets them)."""
    for code, outside, mac_first in ((0x002F, False, True), (0x002F, True, False)):
        content = b"" if not mac_first else mac_of(b"")
        padding = 15 - len(content) % 16
        content += bytes([padding]) * (padding + 1)
        encrypted = encrypt(bytes(range(16)), content)
        if not mac_first:
            encrypted += mac_of(encrypted)
        header = b"\x16\x03\x01" + len(encrypted).to_bytes(2, "big")
        opened = protection(TLS10, code, outside=outside)().open(22, header, encrypted)
        assert opened == (22, b"")


def mac_of(content: bytes, version: bytes = b"\x03\x01") -> bytes:
    """HMAC-SHA-1 of the first record (RFC 2246 section 6.2.3.1), written out."""
    data = bytes(8) + b"\x16" + version + len(content).to_bytes(2, "big") + content
    return hmac.digest(MAC, data, "sha1")


def encrypt(iv: bytes, content: bytes) -> bytes:
    """AES-128-CBC under the key of these tests."""
    return Cipher(algorithms.AES(KEY16), modes.CBC(iv)).encryptor().update(content)


def test_tls10_chains_its_records() -> None:
    """The IV is the key block's, then the block before (RFC 2246 section 6.2.3.2).

    Two records are decrypted here as one stream of blocks, with nothing between them.
    """
    writer = protection(TLS10, 0x002F)()
    first, second = writer.seal(22, b"first of them"), writer.seal(22, b"and the second")
    decryptor = Cipher(algorithms.AES(KEY16), modes.CBC(bytes(range(16)))).decryptor()
    blocks = decryptor.update(first[5:] + second[5:])

    assert blocks.startswith(b"first of them" + mac_of(b"first of them"))
    assert blocks[len(first) - 5 :].startswith(b"and the second")


@pytest.mark.parametrize("version", [TLS11, TLS12])
def test_cbc_explicit_ivs_differ(version: int) -> None:
    """Equal plaintexts give unequal records (RFC 4346 section 6.2.3.2)."""
    writer = protection(version, 0x002F)()
    first, second = writer.seal(22, b"same"), writer.seal(22, b"same")
    assert first[5:21] != second[5:21]
    assert first[21:] != second[21:]


@pytest.mark.parametrize("padding", [b"\x00\x00\x00\x03", b"\x03\x03\x02\x03", b"\xff" * 4])
def test_cbc_padding_is_checked_whole(padding: bytes) -> None:
    """Each padding octet holds the length, or it is bad_record_mac (RFC 5246 section 6.2.3.2)."""
    plaintext = b"eight oc"
    mac = mac_of(plaintext, b"\x03\x03")
    for last, good in ((b"\x03" * 4, True), (padding, False)):
        fragment = bytes(16) + encrypt(bytes(16), plaintext + mac + last)
        reader = protection(TLS12, 0x002F)()
        header = b"\x16\x03\x03" + len(fragment).to_bytes(2, "big")
        if good:
            assert reader.open(22, header, fragment) == (22, plaintext)
            continue
        with pytest.raises(ViolationError) as caught:
            reader.open(22, header, fragment)
        assert caught.value.rule == "bad_record_mac"


def test_the_longest_padding_opens() -> None:
    """Up to 255 octets and their length (RFC 5246 section 6.2.3.2), MAC inside and outside."""
    inside = b"x" * 12 + mac_of(b"x" * 12) + b"\xff" * 256
    encrypted = encrypt(bytes(range(16)), inside)
    header = b"\x16\x03\x01" + len(encrypted).to_bytes(2, "big")
    assert protection(TLS10, 0x002F)().open(22, header, encrypted) == (22, b"x" * 12)

    encrypted = encrypt(bytes(range(16)), b"x" * 16 + b"\xff" * 256)
    encrypted += mac_of(encrypted)
    header = b"\x16\x03\x01" + len(encrypted).to_bytes(2, "big")
    reader = protection(TLS10, 0x002F, outside=True)()
    assert reader.open(22, header, encrypted) == (22, b"x" * 16)


def test_padding_is_checked_under_a_good_outer_mac_too() -> None:
    """RFC 7366 section 3 keeps RFC 5246's padding, and what is only padding has no end."""
    for content in (b"x" * 15 + b"\x01", b"\xff" * 16, b"\x10" * 16):
        encrypted = encrypt(bytes(range(16)), content)
        encrypted += mac_of(encrypted)
        header = b"\x16\x03\x01" + len(encrypted).to_bytes(2, "big")
        with pytest.raises(ViolationError) as caught:
            protection(TLS10, 0x002F, outside=True)().open(22, header, encrypted)
        assert caught.value.rule == "bad_record_mac"


def test_a_long_plaintext_of_tls12_is_record_overflow() -> None:
    """No more than 2^14 octets, however well they are protected (RFC 5246 section 6.2.2)."""
    for code, version in ((0x0005, TLS12), (0x002F, TLS10), (0xC02F, TLS12)):
        make = protection(version, code)
        too_long = bytes(limits.MAX_PLAINTEXT + 1)
        head = b"\x17" + version.to_bytes(2, "big")
        sealed = make()._seal(head, too_long)  # type: ignore[attr-defined]
        header = head + len(sealed).to_bytes(2, "big")
        with pytest.raises(ViolationError) as caught:
            make().open(23, header, sealed)
        assert caught.value.rule == "record_overflow"


# -- the parts of suites ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # Key exchange, authentication, PRF, TLS 1.2 only, block; MAC, key, and the IV under
        # TLS 1.0, 1.1 and 1.2 or under 1.2 alone: read off RFC 2246 and RFC 5246, each
        # appendix C, RFC 5288, RFC 5932, RFC 6655, RFC 7905.
        (0x0004, ("RSA", "RSA", "sha256", False, False, 16, 16, (0, 0, 0))),
        (0x0005, ("RSA", "RSA", "sha256", False, False, 20, 16, (0, 0, 0))),
        (0x000A, ("RSA", "RSA", "sha256", False, True, 20, 24, (8, 0, 0))),
        (0x002F, ("RSA", "RSA", "sha256", False, True, 20, 16, (16, 0, 0))),
        (0x0038, ("DHE", "DSS", "sha256", False, True, 20, 32, (16, 0, 0))),
        (0x0067, ("DHE", "RSA", "sha256", True, True, 32, 16, (0,))),
        (0x0088, ("DHE", "RSA", "sha256", False, True, 20, 32, (16, 0, 0))),
        (0x00BA, ("RSA", "RSA", "sha256", True, True, 32, 16, (0,))),
        (0xC00A, ("ECDHE", "ECDSA", "sha256", False, True, 20, 32, (16, 0, 0))),
        (0xC028, ("ECDHE", "RSA", "sha384", True, True, 48, 32, (0,))),
        (0x009F, ("DHE", "RSA", "sha384", True, False, 0, 32, (4,))),
        (0xC0AE, ("ECDHE", "ECDSA", "sha256", True, False, 0, 16, (4,))),
        (0xCCA8, ("ECDHE", "RSA", "sha256", True, False, 0, 32, (12,))),
    ],
)
def test_the_parts_of_a_suite(code: int, expected: tuple[object, ...]) -> None:
    """What the key block is cut by, and when the suite may be chosen."""
    suite = suite_of(code)
    versions = (TLS12,) if suite.tls12_only else (TLS10, TLS11, TLS12)

    assert (
        suite.key_exchange,
        suite.authentication,
        suite.hash_name,
        suite.tls12_only,
        suite.is_block,
        suite.mac_length,
        suite.key_length,
        tuple(suite.iv_length(version) for version in versions),
    ) == expected


@pytest.mark.parametrize(
    "code",
    [
        0x1301,  # TLS 1.3
        0x0002,  # NULL
        0x0003,  # EXPORT
        0x0009,  # DES
        0x0018,  # anonymous
        0xC018,
        0x0031,  # DH with a certificate's own key
        0xC004,  # the same with ECDH
        0x0096,  # SEED
        0x0007,  # IDEA
        0xC03C,  # ARIA
        0xC07A,  # Camellia-GCM, which the library does not have
        0x00A8,  # PSK
        0xC035,
        0xC01D,  # SRP
        0x001F,  # KRB5
        0xC102,  # GOST
        0x00FF,  # signalling
        0x1234,  # unknown
    ],
)
def test_suites_that_are_not_finished_are_none(code: int) -> None:
    """What no client should do, or the library cannot, ends after the server's flight."""
    assert suite_tls12(code) is None


def test_what_this_librarys_build_lacks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds of OpenSSL have no RC4: our limit, found when the suite is looked up."""

    def refuse(*_: object) -> RecordProtection:
        raise UnsupportedAlgorithm("RC4")

    suite_tls12.cache_clear()
    monkeypatch.setattr(tls12_protection, "Stream", refuse)
    try:
        assert suite_tls12(0x0005) is None
        assert suite_tls12(0x002F) is not None
    finally:
        suite_tls12.cache_clear()

"""What is done around an AEAD for one record, against one that only notes its arguments."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.tls._record_cipher import RecordCipher
from fleetscan.tls.violations import ViolationError

IV = bytes.fromhex("5d313eb2671276ee13000b30")  # RFC 8448 section 3, {server} iv of the handshake


class Transparent:
    """Adds sixteen zeros and takes off as many; remembers nonces and additional data."""

    def __init__(self) -> None:
        self.nonces: list[bytes] = []
        self.headers: list[bytes | None] = []

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Data and a tag."""
        self.nonces.append(nonce)
        self.headers.append(associated_data)
        return data + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Data without its tag."""
        self.nonces.append(nonce)
        self.headers.append(associated_data)
        return data[:-16]


def cipher(aead: Transparent, iv: bytes = IV) -> RecordCipher:
    """One direction."""
    made = RecordCipher()
    made.rekey(aead, iv, 16)
    return made


@given(st.binary(min_size=12, max_size=12))
def test_nonces_are_the_iv_xor_the_number_of_the_record(iv: bytes) -> None:
    """RFC 8446 section 5.3, past the first octet of the number; read and written alike."""
    aead = Transparent()
    writer, reader = cipher(aead, iv), cipher(aead, iv)
    for _ in range(258):
        writer.seal(23, b"")
    for _ in range(258):
        reader.open(23, b"", b"\x17" + bytes(16))

    expected = [(int.from_bytes(iv, "big") ^ n).to_bytes(12, "big") for n in range(258)]
    assert aead.nonces == expected + expected


def test_a_new_key_begins_at_zero() -> None:
    """RFC 8446 section 5.3: the sequence number is set to zero whenever the key changes."""
    first, second = Transparent(), Transparent()
    writer = cipher(first)
    writer.seal(22, b"a")
    writer.seal(22, b"b")
    writer.rekey(second, IV, 16)
    writer.seal(22, b"c")

    assert second.nonces == [IV]


def test_a_record_has_the_rfcs_layout() -> None:
    """TLSCiphertext (RFC 8446 section 5.2): the header is the additional data, the type inside."""
    aead = Transparent()

    record = cipher(aead).seal(22, b"abc")
    assert record == bytes.fromhex("1703030014") + b"abc\x16" + bytes(16)
    assert aead.headers == [record[:5]]


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (b"abc\x16", (22, b"abc")),
        (b"abc\x16\x00\x00", (22, b"abc")),
        (b"a\x00c\x15", (21, b"a\x00c")),
        (b"a\x00\x17\x00", (23, b"a\x00")),
        (b"\x17", (23, b"")),
        (b"x" * 2**14 + b"\x17", (23, b"x" * 2**14)),
    ],
)
def test_padding_is_the_zeros_behind_the_type(inner: bytes, found: tuple[int, bytes]) -> None:
    """RFC 8446 section 5.4: the last octet that is not zero is the content type."""
    aead = Transparent()

    assert cipher(aead).open(23, b"12345", inner + bytes(16)) == found
    assert aead.headers == [b"12345"]


@pytest.mark.parametrize(
    ("kind", "inner", "rule"),
    [
        (22, b"abc\x16", "unexpected_message"),
        (23, b"", "missing_content_type"),
        (23, bytes(40), "missing_content_type"),
        (23, b"x" * (2**14 + 1) + b"\x17", "record_overflow"),
    ],
)
def test_what_is_no_record_is_a_violation(kind: int, inner: bytes, rule: str) -> None:
    """RFC 8446 section 5.1, 5.2 and 5.4, by the name of the rule."""
    with pytest.raises(ViolationError) as caught:
        cipher(Transparent()).open(kind, b"", inner + bytes(16))

    assert caught.value.rule == rule


class Refusing(Transparent):
    """Opens nothing, and says so in one of the library's ways."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__()
        self.refusal = refusal

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Never anything."""
        raise self.refusal


@pytest.mark.parametrize("refusal", [InvalidTag(), ValueError("too short")])
def test_what_does_not_open_is_a_bad_record_mac(refusal: Exception) -> None:
    """RFC 8446 section 5.2; the library says it in two ways."""
    with pytest.raises(ViolationError) as caught:
        cipher(Refusing(refusal)).open(23, b"", bytes(17))

    assert caught.value.rule == "bad_record_mac"


def test_a_fragment_longer_than_a_record_is_our_callers_error() -> None:
    """The length of a record has two octets."""
    with pytest.raises(ValueError, match="longer"):
        cipher(Transparent()).seal_one(23, bytes(2**16 - 17))

    assert len(cipher(Transparent()).seal_one(23, bytes(2**16 - 18))) == 5 + 2**16 - 1


@pytest.mark.parametrize("length", [0, 11, 13])
def test_an_iv_of_another_length_is_our_callers_error(length: int) -> None:
    """Nothing is read past it."""
    with pytest.raises(ValueError, match="12 octets"):
        cipher(Transparent(), bytes(length))

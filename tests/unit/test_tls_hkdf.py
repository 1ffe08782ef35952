"""HMAC and HKDF-Expand-Label, against the standard library's HMAC and RFC 4231."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.tls._hkdf import Hkdf

HASHES = {"sha256": 32, "sha384": 48}
BLOCKS = {"sha256": 64, "sha384": 128}

# RFC 4231 section 4.2, 4.3 and 4.4: key, data, HMAC-SHA-256, HMAC-SHA-384.
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
        "faea9ea9076ede7f4af152e8b2fa9cb6",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
        "8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
        "2a5ab39dc13814b94e3ab6e101a34f27",
    ),
]


def expand_label(name: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label written from RFC 8446 section 7.1 over `hmac`."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\x01", name)[:length]


@pytest.mark.parametrize(("key", "data", "sha256", "sha384"), RFC_4231)
def test_hmac_is_rfc_4231s(key: bytes, data: bytes, sha256: str, sha384: str) -> None:
    """The RFC's own values, keys shorter than a block."""
    assert Hkdf("sha256", key).hmac(data).hex() == sha256
    assert Hkdf("sha384", key).hmac(data).hex() == sha384


@given(st.sampled_from(sorted(HASHES)), st.binary(max_size=128), st.binary(max_size=300))
def test_hmac_is_the_librarys(name: str, key: bytes, message: bytes) -> None:
    """Any key up to a block, any message, twice with one object."""
    hkdf = Hkdf(name, key[: BLOCKS[name]])

    expected = hmac.digest(key[: BLOCKS[name]], message, name)
    assert hkdf.hmac(message) == expected
    assert hkdf.hmac(message) == expected


@given(
    st.sampled_from(sorted(HASHES)),
    st.binary(max_size=64),
    st.binary(max_size=249),
    st.binary(max_size=255),
    st.integers(0, 48),
)
def test_expand_label_is_the_rfcs(
    name: str, secret: bytes, label: bytes, context: bytes, length: int
) -> None:
    """Label and context of every length that fits, output up to the hash's."""
    length = min(length, HASHES[name])

    found = Hkdf(name, secret).expand_label(label, context, length)
    assert found == expand_label(name, secret, label, context, length)


@pytest.mark.parametrize("name", sorted(HASHES))
def test_what_does_not_fit_is_our_callers_error(name: str) -> None:
    """Nothing is cut short or read past: key over a block, vectors over 255, over one block out."""
    with pytest.raises(ValueError, match="a block"):
        Hkdf(name, bytes(BLOCKS[name] + 1))
    hkdf = Hkdf(name, bytes(32))
    with pytest.raises(ValueError, match="255"):
        hkdf.expand_label(bytes(250), b"", 1)
    with pytest.raises(ValueError, match="255"):
        hkdf.expand_label(b"", bytes(256), 1)
    with pytest.raises(ValueError, match="one block"):
        hkdf.expand_label(b"", b"", HASHES[name] + 1)
    with pytest.raises(ValueError, match="one block"):
        hkdf.expand_label(b"", b"", -1)


def test_no_other_hash_is_guessed() -> None:
    """The suites of TLS 1.3 have two."""
    with pytest.raises(KeyError):
        Hkdf("sha512", b"")

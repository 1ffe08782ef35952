"""The small DER splitter: X.690 sections 8.1.2 and 8.1.3, octets written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.pki import _der


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("", ()),
        ("0500", ((5, b""),)),
        ("020101 0500", ((2, b"\x01"), (5, b""))),
        ("0481 80" + "00" * 128, ((4, bytes(128)),)),
        ("0482 0100" + "00" * 256, ((4, bytes(256)),)),
    ],
)
def test_elements_are_split(octets: str, expected: tuple[tuple[int, bytes], ...]) -> None:
    """Short and long lengths, one after the other."""
    assert _der.elements(bytes.fromhex(octets)) == expected


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("05", id="no-length"),
        pytest.param("0201", id="content-missing"),
        pytest.param("020201", id="content-cut"),
        pytest.param("0500 04", id="second-cut"),
        pytest.param("1f0100", id="tag-above-30"),
        pytest.param("3080 0500 0000", id="indefinite-length"),
        pytest.param("0482 01", id="length-cut"),
        pytest.param("0484 00000001 00", id="length-of-four-octets"),
    ],
)
def test_what_is_no_row_of_elements_is_none(octets: str) -> None:
    """A length that promises too much is refused and never read past the end."""
    assert _der.elements(bytes.fromhex(octets)) is None


def test_content_wants_one_element_of_its_tag() -> None:
    """Another tag, none, or two are refused."""
    assert _der.content(bytes.fromhex("3000"), _der.SEQUENCE) == b""
    assert _der.content(bytes.fromhex("3100"), _der.SEQUENCE) is None
    assert _der.content(b"", _der.SEQUENCE) is None
    assert _der.content(bytes.fromhex("30003000"), _der.SEQUENCE) is None


@given(st.binary(max_size=64))
def test_any_octets_are_split_or_refused(octets: bytes) -> None:
    """What comes out was inside, and never more of it."""
    row = _der.elements(octets)

    assert row is None or sum(2 + len(content) for _, content in row) <= len(octets)

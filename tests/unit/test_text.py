"""Text of a peer's never acts on whoever reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.text import printable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.2", "SSH-2.0-OpenSSH_9.2"),
        (b"220 ready\r\n", "220 ready\\r\\n"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\x85\x9b", "\\u0085\\u009b"),
        (b"\\x1b", "\\\\x1b"),
        ("caf\u00e9 \u6f22", "caf\u00e9 \u6f22"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028par\u2029", "line\\u2028par\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("", ""),
        (b"", ""),
    ],
)
def test_whatever_acts_on_a_reader_is_escaped(value: str | bytes, expected: str) -> None:
    """C0, C1, bidirectional and zero-width controls, separators, surrogates, bad UTF-8."""
    assert printable(value) == expected


def test_long_text_is_cut_between_escapes() -> None:
    """The cut never leaves half an escape, and shows itself."""
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("x" * 11, 10) == "x" * 7 + "..."
    assert printable(b"ab\x00\x00\x00", 10) == "ab\\x00..."
    assert printable("abcd", 1) == "..."


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)), st.integers(3, 60))
def test_the_answer_is_printable_and_bounded(value: str | bytes, limit: int) -> None:
    """Whatever comes in, what goes out is printable UTF-8 of at most `limit` characters."""
    text = printable(value, limit)

    assert text.isprintable()
    assert len(text) <= limit
    text.encode("utf-8")


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_no_two_inputs_look_alike(one: bytes, other: bytes) -> None:
    """The backslash is doubled, so that an escape cannot be forged."""
    assert (printable(one, 1_000) == printable(other, 1_000)) == (one == other)

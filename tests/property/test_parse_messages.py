"""Any octets, cut in any way: the parsers agree with a slow reader and never slip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan import _parse
from fleetscan._parse import CertificateEntry, MessageReader, RecordReader
from fleetscan.errors import ParseError
from tests import octets, slow_reader
from tests.octets import message, record
from tests.unit.test_parse_messages import EXAMPLES

Edit = tuple[int, int, bytes]

EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), max_size=4
)
"""Where, how many octets go, which come instead."""


def edited(body: bytes, edits: list[Edit]) -> bytes:
    """The octets with some replaced: nearly whole structures are where parsers slip."""
    for at, gone, come in edits:
        at = min(at, len(body))
        body = body[:at] + come + body[at + gone :]
    return body


def outcome(entry: str, body: bytes) -> object:
    """What our parser makes of the octets in the slow reader's words, None if refused."""
    try:
        found: Any = getattr(_parse, f"parse_{entry}")(body)
    except ParseError as refused:
        assert 0 <= refused.offset <= len(body)
        assert refused.field
        return None
    return found


def fields(found: Any, expected: object) -> object:  # noqa: ANN401
    """The attributes of our object that the slow reader names."""
    if found is None or not isinstance(expected, dict):
        return found
    return {name: in_plain_words(getattr(found, name)) for name in expected}


def in_plain_words(value: object) -> object:
    """Entries of a certificate list as pairs, everything else as it is."""
    if isinstance(value, tuple) and value and isinstance(value[0], CertificateEntry):
        return tuple((entry.cert_data, entry.extensions) for entry in value)
    return value


def agree(entry: str, body: bytes) -> None:
    """Both accept and read the same, or both refuse."""
    try:
        expected: object = slow_reader.read(entry, body)
    except slow_reader.Refused:
        expected = None
    found = outcome(entry, body)

    assert fields(found, expected) == expected


@pytest.mark.parametrize("entry", EXAMPLES)
def test_the_examples_are_read_alike(entry: str) -> None:
    """The structures of RFC 8446, RFC 5246, RFC 8422 and RFC 6066, and all their prefixes."""
    for cut in range(len(EXAMPLES[entry]) + 1):
        agree(entry, EXAMPLES[entry][:cut])


@pytest.mark.parametrize("entry", EXAMPLES)
@settings(max_examples=150)
@given(body=st.binary(max_size=256))
@example(body=b"")
def test_any_octets_are_read_alike(entry: str, body: bytes) -> None:
    """Peers send anything: it is read as the slow reader reads it, or refused by both."""
    agree(entry, body)


@pytest.mark.parametrize("entry", EXAMPLES)
@settings(max_examples=300)
@given(edits=EDITS)
def test_nearly_whole_structures_are_read_alike(entry: str, edits: list[Edit]) -> None:
    """A few octets changed in a whole structure: lengths, counts, extensions sent twice."""
    agree(entry, edited(EXAMPLES[entry], edits))


# -- streams -----------------------------------------------------------------------


def cuts(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces."""
    ends = sorted({min(place, len(stream)) for place in places} | {len(stream)})
    starts = [0, *ends]
    return [stream[start:end] for start, end in zip(starts, ends, strict=False)]


def drained(reader: Any, take: str, pieces: list[bytes]) -> tuple[list[object], object]:  # noqa: ANN401
    """All that a reader gives for the pieces, and the refusal that ended it."""
    found: list[object] = []
    next_one: Callable[[], object | None] = getattr(reader, take)
    refusal = None
    for piece in pieces:
        reader.feed(piece)
        try:
            while (one := next_one()) is not None:
                found.append(one)
        except ParseError as refused:
            assert 0 <= refused.offset <= 5
            refusal = (refused.fault, refused.field, refused.offset)
    return found, refusal


RECORDS = (
    record(22, message(2, octets.SERVER_HELLO), 0x0301)
    + record(20, b"\x01")
    + record(23, b"")
    + record(23, bytes(300))
    + record(21, octets.ALERT)
)
MESSAGES = (
    message(2, octets.SERVER_HELLO)
    + message(11, octets.CERTIFICATE_TLS13)
    + message(14, b"")
    + message(20, bytes(48))
)


@pytest.mark.parametrize(
    ("make", "take", "stream"),
    [
        pytest.param(RecordReader, "next_record", RECORDS, id="records"),
        pytest.param(MessageReader, "next_message", MESSAGES, id="messages"),
    ],
)
@settings(max_examples=200)
@given(edits=EDITS, places=st.lists(st.integers(0, 900), max_size=8), by_octet=st.booleans())
def test_any_cuts_give_the_same(
    make: type, take: str, stream: bytes, edits: list[Edit], places: list[int], by_octet: bool
) -> None:
    """How TCP cuts a stream means nothing: in one piece, octet by octet, anyhow."""
    stream = edited(stream, edits)
    pieces = (
        [stream[at : at + 1] for at in range(len(stream))] if by_octet else cuts(stream, places)
    )

    assert drained(make(), take, pieces) == drained(make(), take, [stream])


@pytest.mark.parametrize(
    ("make", "take", "stream"),
    [
        pytest.param(RecordReader, "next_record", RECORDS, id="records"),
        pytest.param(MessageReader, "next_message", MESSAGES, id="messages"),
    ],
)
def test_what_is_given_adds_up_to_what_was_fed(make: type, take: str, stream: bytes) -> None:
    """No octet is lost or given twice: headers and bodies put together are the stream."""
    found, refusal = drained(make(), take, [stream])
    joined = b"".join(
        getattr(one, "octets", b"") or getattr(one, "header", b"") + getattr(one, "fragment", b"")
        for one in found
    )

    assert refusal is None
    assert joined == stream

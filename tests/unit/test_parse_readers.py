"""RecordReader and MessageReader: streams cut up into records and messages."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest

from fleetscan import _parse
from fleetscan._parse import MessageReader, ParseFault, RecordReader
from fleetscan.errors import ParseError
from fleetscan.limits import MAX_HANDSHAKE_MESSAGE, MAX_PLAINTEXT
from tests import octets
from tests.octets import message, record, u8, u16, u24


def test_a_record_is_read_as_written() -> None:
    """RFC 8446 section 5.1: type, version, fragment; the header as it came."""
    reader = RecordReader()
    reader.feed(record(22, b"fragment", version=0x0301) + b"\x17")
    found = reader.next_record()

    assert found is not None
    assert (found.content_type, found.legacy_record_version) == (22, 0x0301)
    assert (found.header, found.fragment) == (bytes.fromhex("1603010008"), b"fragment")
    assert reader.pending == 1
    assert reader.next_record() is None


@pytest.mark.parametrize("content_type", range(20, 25))
def test_content_types_of_tls_are_known(content_type: int) -> None:
    """RFC 8446 section 5.1 and RFC 6520 section 3; an empty fragment is a record."""
    reader = RecordReader()
    reader.feed(record(content_type, b""))
    found = reader.next_record()

    assert found is not None
    assert (found.content_type, found.fragment) == (content_type, b"")


@pytest.mark.parametrize("first", [0, 19, 25, 0x48, 0x53, 0x80, 255])
def test_other_content_types_are_refused_at_the_first_octet(first: int) -> None:
    """What speaks HTTP, SSH or SSL 2 is told before anything else arrives."""
    reader = RecordReader()
    reader.feed(u8(first))

    with pytest.raises(ParseError) as caught:
        reader.next_record()

    assert caught.value.fault == ParseFault.CONTENT_TYPE_UNKNOWN
    assert (caught.value.field, caught.value.offset) == ("type", 0)


@pytest.mark.parametrize("major", [0, 2, 4, 254])
def test_other_major_versions_are_refused(major: int) -> None:
    """RFC 8446 section 5.1: the major version is 3, whatever the minor one says."""
    reader = RecordReader()
    reader.feed(u8(22) + u8(major))

    with pytest.raises(ParseError) as caught:
        reader.next_record()

    assert caught.value.fault == ParseFault.RECORD_VERSION_UNKNOWN
    assert (caught.value.field, caught.value.offset) == ("legacy_record_version", 1)


@pytest.mark.parametrize("minor", [0, 1, 4, 255])
def test_every_minor_version_is_kept_as_sent(minor: int) -> None:
    """RFC 8446 section 5.1: legacy_record_version is ignored for all purposes."""
    reader = RecordReader()
    reader.feed(record(22, b"x", version=0x0300 | minor))
    found = reader.next_record()

    assert found is not None
    assert found.legacy_record_version == 0x0300 | minor


def test_too_long_a_record_is_told_from_its_header() -> None:
    """RFC 8446 section 5.1: the bound is 2^14 octets; nobody waits for the body."""
    reader = RecordReader()
    reader.feed(u8(23) + u16(0x0303) + u16(MAX_PLAINTEXT + 1))

    with pytest.raises(ParseError) as caught:
        reader.next_record()

    assert caught.value.fault == ParseFault.LENGTH_OUT_OF_RANGE
    assert (caught.value.field, caught.value.offset) == ("length", 3)


def test_a_record_of_exactly_the_bound_passes() -> None:
    """The bound is included; it may be raised when protection comes into force."""
    reader = RecordReader(max_fragment=3)
    reader.feed(record(22, b"abc"))
    first = reader.next_record()
    reader.max_fragment = 4
    reader.feed(record(23, b"abcd"))
    second = reader.next_record()

    assert first is not None and first.fragment == b"abc"
    assert second is not None and second.fragment == b"abcd"


@pytest.mark.parametrize("bound", [-1, 65_536])
def test_bounds_that_cannot_be_are_our_own_mistake(bound: int) -> None:
    """The length of a record has two octets."""
    with pytest.raises(ValueError, match="max_fragment"):
        RecordReader(max_fragment=bound)
    with pytest.raises(ValueError, match="max_message"):
        MessageReader(max_message=-1)
    with pytest.raises(ValueError, match="max_message"):
        MessageReader(max_message=1 << 24)


def test_a_refused_stream_stays_refused_and_stops_growing() -> None:
    """After the first refusal the same one comes for ever, and nothing is kept."""
    reader = RecordReader()
    reader.feed(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(ParseError) as first:
        reader.next_record()
    pending = reader.pending
    reader.feed(record(22, b"fine") * 10)

    with pytest.raises(ParseError) as second:
        reader.next_record()

    assert second.value is first.value
    assert reader.pending == pending


def test_records_before_the_refused_one_are_given_first() -> None:
    """An alert followed by garbage is still an alert."""
    reader = RecordReader()
    reader.feed(record(21, octets.ALERT) + b"garbage")
    found = reader.next_record()

    assert found is not None and found.fragment == octets.ALERT
    with pytest.raises(ParseError):
        reader.next_record()


@pytest.mark.parametrize("size", [1, 100, 300, 5_000])
def test_a_buffer_that_never_empties_keeps_its_octets_in_order(size: int) -> None:
    """Half a record is always left over, so that the buffer moves its content again and again."""
    fragments = [bytes((number + at) % 251 for at in range(size)) for number in range(50)]
    stream = b"".join(record(23, fragment) for fragment in fragments)
    step = size + 5
    reader = RecordReader()
    reader.feed(stream[: step // 2])
    found = []
    for at in range(step // 2, len(stream), step):
        reader.feed(stream[at : at + step])
        if (one := reader.next_record()) is not None:
            found.append(one.fragment)

    assert found == fragments
    assert reader.pending == 0


def test_a_message_is_read_as_written() -> None:
    """RFC 8446 section 4: type and body; `octets` is what the transcript hashes."""
    reader = MessageReader()
    reader.feed(message(2, octets.SERVER_HELLO)[:10])

    assert reader.next_message() is None

    reader.feed(message(2, octets.SERVER_HELLO)[10:] + message(14, b""))
    hello, done = reader.next_message(), reader.next_message()

    assert hello is not None and done is not None
    assert (hello.msg_type, hello.body) == (2, octets.SERVER_HELLO)
    assert hello.octets == message(2, octets.SERVER_HELLO)
    assert (done.msg_type, done.body, done.octets) == (14, b"", b"\x0e\x00\x00\x00")
    assert reader.pending == 0


def test_too_long_a_message_is_told_from_its_header() -> None:
    """`limits.MAX_HANDSHAKE_MESSAGE` bounds what one peer can make us keep."""
    reader = MessageReader()
    reader.feed(u8(11) + u24(MAX_HANDSHAKE_MESSAGE + 1))

    for _ in range(2):
        with pytest.raises(ParseError) as caught:
            reader.next_message()
        assert caught.value.fault == ParseFault.LENGTH_OUT_OF_RANGE
        assert (caught.value.field, caught.value.offset) == ("length", 1)
        reader.feed(b"more")

    assert reader.pending == 0


def test_a_message_of_exactly_the_bound_passes() -> None:
    """The bound is included, and counts the body without its header."""
    reader = MessageReader(max_message=8)
    reader.feed(message(20, bytes(8)))

    assert reader.next_message() is not None
    assert reader.max_message == 8


@pytest.mark.parametrize("make", [RecordReader, MessageReader])
@pytest.mark.parametrize("wrong", [None, "text", bytearray(b"x")])
def test_only_bytes_are_fed(make: type, wrong: object) -> None:
    """Anything else is our own bug: a TypeError."""
    with pytest.raises(TypeError):
        make().feed(wrong)


def held(reader: RecordReader | MessageReader, stream: bytes, sizes: Sequence[int]) -> int:
    """Octets that a reader has taken from the system once it gave all it could.

    Args:
        sizes: where to cut the stream, one size after the other, the last for ever.
    """
    take = reader.next_record if isinstance(reader, RecordReader) else reader.next_message
    pieces, at = [], 0
    for size in (*sizes, *([sizes[-1]] * len(stream))):
        if at >= len(stream):
            break
        pieces.append(stream[at : at + size])
        at += size
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        # The list lets go of each piece, as a transport does.
        while pieces:
            reader.feed(pieces.pop(0))
            while take() is not None:
                pass
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


ROOM = 600
"""Octets for what the interpreter itself makes between two looks at its memory."""


@pytest.mark.parametrize("sizes", [[1 << 16], [1_000], [3], [7, 1 << 16]])
def test_a_reader_keeps_the_record_under_way_and_nothing_more(sizes: list[int]) -> None:
    """Neither what was read with it nor room to grow: exactly the record that its header says."""
    stream = record(22, bytes(9_000)) * 4 + record(22, bytes(9_000))[:-1]
    reader = RecordReader()

    assert held(reader, stream, sizes) <= 9_005 + ROOM
    assert reader.pending == 9_004


@pytest.mark.parametrize("sizes", [[1 << 16], [1_000], [3], [7, 1 << 16]])
def test_a_reader_keeps_the_message_under_way_and_nothing_more(sizes: list[int]) -> None:
    """The same for messages."""
    stream = message(11, bytes(9_000)) * 4 + message(11, bytes(9_000))[:-1]
    reader = MessageReader()

    assert held(reader, stream, sizes) <= 9_004 + ROOM
    assert reader.pending == 9_003


@pytest.mark.parametrize("sizes", [[1 << 16], [1_000], [3]])
def test_a_reader_that_runs_empty_holds_nothing(sizes: list[int]) -> None:
    """A peer that is waited for costs no buffer."""
    assert held(RecordReader(), record(22, bytes(9_000)) * 4, sizes) <= ROOM
    assert held(MessageReader(), message(11, bytes(9_000)) * 4, sizes) <= ROOM


def test_a_caller_that_only_feeds_loses_nothing() -> None:
    """Octets fed behind octets nobody asked for yet stay in order."""
    stream = b"".join(record(23, bytes([number]) * 300) for number in range(40))
    reader = RecordReader()
    for at in range(0, len(stream), 77):
        reader.feed(stream[at : at + 77])
    found = [reader.next_record() for _ in range(40)]

    assert [one and one.fragment for one in found] == [bytes([n]) * 300 for n in range(40)]
    assert reader.next_record() is None


def test_the_loaded_parser_is_the_one_that_was_asked_for() -> None:
    """The sanitized run sets the path of its build; a run that loads another proves nothing."""
    import os

    expected = os.environ.get("FLEETSCAN_EXPECT_BUILD", "")

    assert str(_parse.__file__).startswith(expected)

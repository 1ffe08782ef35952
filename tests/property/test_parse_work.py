"""Hostile octets cost time in proportion to their number, never to its square.

Each case is run with n and with 4n octets, best of several. Linear work takes about four
times as long, quadratic work sixteen: the bound lies between, with room for a busy machine.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import pytest

from fleetscan import _parse
from fleetscan._parse import MessageReader, RecordReader
from fleetscan.errors import ParseError
from tests import octets
from tests.octets import extension, oid, sequence, tlv, u8, u16, u24, vector

BOUND = 10.0
ROUNDS = 7
TRIES = 3


def by_octet(make: Callable[[], RecordReader | MessageReader], stream: bytes) -> None:
    """Feed a stream octet by octet, asking each time."""
    reader = make()
    take = reader.next_record if isinstance(reader, RecordReader) else reader.next_message
    for at in range(len(stream)):
        reader.feed(stream[at : at + 1])
        take()


def at_once(stream: bytes) -> None:
    """Feed a stream of small records in one piece."""
    reader = RecordReader()
    reader.feed(stream)
    while reader.next_record() is not None:
        pass


def ever_behind(count: int) -> None:
    """Always leave half a record in the buffer, so that it never empties."""
    reader = RecordReader()
    reader.feed(octets.record(23, bytes(100))[:50])
    rest = octets.record(23, bytes(100))
    for _ in range(count):
        reader.feed(rest[50:] + rest[:50])
        reader.next_record()


def parsed(parse: Callable[[bytes], object], body: bytes) -> None:
    """Parse and mind no refusal."""
    try:
        parse(body)
    except ParseError:
        pass


def many_extensions(n: int) -> bytes:
    """As many different extensions as fit."""
    return vector(2, *(extension(number) for number in range(n)))


CASES: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "record octet by octet": (
        4_000,
        lambda n: lambda: by_octet(RecordReader, octets.record(23, bytes(n))),
    ),
    "message octet by octet": (
        10_000,
        lambda n: lambda: by_octet(MessageReader, octets.message(11, bytes(n))),
    ),
    "empty records": (20_000, lambda n: lambda: at_once(octets.record(23, b"") * n)),
    "a buffer that never empties": (5_000, lambda n: lambda: ever_behind(n)),
    "different extensions": (
        4_000,
        lambda n: lambda body=many_extensions(n): parsed(_parse.parse_encrypted_extensions, body),
    ),
    "tiny certificates": (
        10_000,
        lambda n: (
            lambda body=vector(1) + vector(3, (u24(1) + b"\x30" + u16(0)) * n): parsed(
                _parse.parse_certificate_tls13, body
            )
        ),
    ),
    "different unknown certificate extensions": (
        4_000,
        lambda n: (
            lambda der=octets.certificate(extensions=tuple(octets.certificate_extension(f"1.3.9.{number}", b"") for number in range(n))): (
                parsed(_parse.parse_certificate, der)
            )
        ),
    ),
    "an object identifier of many arcs": (
        20_000,
        lambda n: (
            lambda der=octets.with_extension("2.5.29.37", sequence(tlv(0x06, b"\x2a" + b"\x87\x67" * n))): (
                parsed(_parse.parse_certificate, der)
            )
        ),
    ),
    "an object identifier of one arc": (
        100_000,
        lambda n: (
            lambda der=octets.with_extension("2.5.29.37", sequence(tlv(0x06, b"\xff" * n + b"\x01"))): (
                parsed(_parse.parse_certificate, der)
            )
        ),
    ),
    "many names": (
        10_000,
        lambda n: (
            lambda der=octets.with_extension("2.5.29.17", sequence(tlv(0x82, b"a.test") * n)): (
                parsed(_parse.parse_certificate, der)
            )
        ),
    ),
    "a long serial": (
        100_000,
        lambda n: (
            lambda der=octets.certificate(serial_number=tlv(0x02, b"\x01" + bytes(n))): (
                _parse.parse_certificate(der).serial_number
            )
        ),
    ),
    "attributes of one name": (
        5_000,
        lambda n: (
            lambda der=octets.certificate(subject=octets.name(*(sequence(oid("2.5.4.3"), tlv(0x0C, b"x")) for _ in range(n)))): (
                parsed(_parse.parse_certificate, der)
            )
        ),
    ),
    "nested sequences": (
        10_000,
        lambda n: (
            lambda body=u8(0x30) + b"\x82\xff\xff" * n: parsed(_parse.parse_certificate, body)
        ),
    ),
}


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several rounds."""
    found = []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        found.append(perf_counter() - started)
    return min(found)


@pytest.mark.parametrize("case", CASES)
def test_work_grows_with_the_octets_and_not_with_their_square(case: str) -> None:
    """Four times the octets cost less than ten times the time."""
    size, make = CASES[case]
    small, large = make(size), make(4 * size)
    ratios = []
    for _ in range(TRIES):
        ratios.append(best(large) / max(best(small), 1e-7))
        if ratios[-1] < BOUND:
            break

    assert min(ratios) < BOUND, ratios

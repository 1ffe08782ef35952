"""Hostile octets cost time in proportion to their number, never to its square.

Each case is run with n and with 4n octets, best of several. Linear work takes about four
times as long, quadratic work sixteen: the bound lies between, with room for a busy machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import perf_counter

import pytest

from fleetscan import _parse
from fleetscan._parse import MessageReader, RecordReader
from fleetscan.errors import ParseError
from fleetscan.pki._crl import CrlReader
from tests import octets
from tests.octets import extension, oid, sequence, tlv, u16, u24, vector

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


def parsed(parse: Callable[[bytes], object], body: bytes) -> Callable[[], object]:
    """Work that parses and minds no refusal."""

    def work() -> None:
        with suppress(ParseError):
            parse(body)

    return work


def one_certificate(der: bytes) -> Callable[[], object]:
    """Work that parses a certificate."""
    return parsed(_parse.parse_certificate, der)


def long_serial(n: int) -> Callable[[], object]:
    """Work that reads a serial of n octets as a number."""
    der = octets.certificate(serial_number=tlv(0x02, b"\x01" + bytes(n)))
    return lambda: _parse.parse_certificate(der).serial_number


def different_extensions(n: int) -> Callable[[], object]:
    """Work on a block of n extensions, no two alike."""
    block = vector(2, *(extension(number) for number in range(n)))
    return parsed(_parse.parse_encrypted_extensions, block)


def tiny_certificates(n: int) -> Callable[[], object]:
    """Work on n certificates of one octet."""
    body = vector(1) + vector(3, (u24(1) + b"\x30" + u16(0)) * n)
    return parsed(_parse.parse_certificate_tls13, body)


def unknown_extensions(n: int) -> Callable[[], object]:
    """Work on a certificate with n extensions that nobody knows."""
    found = tuple(octets.certificate_extension(f"1.3.9.{number}", b"") for number in range(n))
    return one_certificate(octets.certificate(extensions=found))


def usage(content: bytes) -> Callable[[], object]:
    """Work on an extended key usage of one object identifier."""
    return one_certificate(octets.with_extension("2.5.29.37", sequence(tlv(0x06, content))))


def names(n: int) -> Callable[[], object]:
    """Work on n subject alternative names."""
    return one_certificate(octets.with_extension("2.5.29.17", sequence(tlv(0x82, b"a.test") * n)))


def attributes(n: int) -> Callable[[], object]:
    """Work on a subject of n attributes."""
    one = sequence(oid("2.5.4.3"), tlv(0x0C, b"x"))
    return one_certificate(octets.certificate(subject=octets.name(*([one] * n))))


def entries_of_a_crl(n: int, *extensions: bytes, size: int = 1_000) -> Callable[[], object]:
    """Work on a CRL of n entries that is fed in pieces."""
    body = octets.crl(octets.crl_tbs(entries=(octets.crl_entry(9, *extensions),) * n))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    def work() -> None:
        reader = CrlReader([b"\x07"])
        for piece in pieces:
            reader.feed(piece)

    return work


Case = tuple[int, Callable[[int], Callable[[], object]]]

CASES: dict[str, Case] = {
    "record octet by octet": (
        4_000,
        lambda n: partial(by_octet, RecordReader, octets.record(23, bytes(n))),
    ),
    "message octet by octet": (
        8_000,  # four times that many are still below limits.MAX_HANDSHAKE_MESSAGE
        lambda n: partial(by_octet, MessageReader, octets.message(11, bytes(n))),
    ),
    "empty records": (20_000, lambda n: partial(at_once, octets.record(23, b"") * n)),
    "a buffer that never empties": (5_000, lambda n: partial(ever_behind, n)),
    "different extensions": (4_000, different_extensions),
    "tiny certificates": (10_000, tiny_certificates),
    "different unknown certificate extensions": (4_000, unknown_extensions),
    "an object identifier of many arcs": (20_000, lambda n: usage(b"\x2a" + b"\x87\x67" * n)),
    "an object identifier of one arc": (100_000, lambda n: usage(b"\xff" * n + b"\x01")),
    "many names": (10_000, names),
    "a long serial": (100_000, long_serial),
    "attributes of one name": (5_000, attributes),
    "entries of a CRL": (5_000, entries_of_a_crl),
    "extensions of a CRL entry, octet by octet": (
        400,
        lambda n: entries_of_a_crl(1, *(octets.reason_code(1),) * n, size=1),
    ),
    "nested sequences": (10_000, lambda n: one_certificate(b"\x30" + b"\x82\xff\xff" * n)),
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

"""A second reader of ClientHello: by RFC 8446 section 4.1.2, knowing nothing of the encoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass


class Reader:
    """Takes fields from the front of its octets."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0

    def take(self, count: int) -> bytes:
        """So many octets."""
        part = self.octets[self.at : self.at + count]
        assert len(part) == count
        self.at += count
        return part

    def number(self, count: int) -> int:
        """A number of so many octets."""
        return int.from_bytes(self.take(count), "big")

    def vector(self, length_octets: int) -> bytes:
        """A vector by its length."""
        return self.take(self.number(length_octets))

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self.at < len(self.octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloRead:
    """What a ClientHello says; `extensions` is None where the block itself is missing."""

    record_versions: tuple[int, ...]
    message: bytes
    legacy_version: int
    random: bytes
    session_id: bytes
    cipher_suites: tuple[int, ...]
    compression_methods: bytes
    extensions: tuple[tuple[int, bytes], ...] | None

    @property
    def kinds(self) -> tuple[int, ...]:
        """Types of extensions, in order."""
        return tuple(kind for kind, _ in self.extensions or ())

    def data(self, kind: int) -> bytes | None:
        """What an extension says, None where it is not there."""
        return dict(self.extensions or ()).get(kind)

    @property
    def versions(self) -> tuple[int, ...]:
        """supported_versions (RFC 8446 section 4.2.1)."""
        return code_points(self.data(43), 1)

    @property
    def groups(self) -> tuple[int, ...]:
        """supported_groups (RFC 8446 section 4.2.7)."""
        return code_points(self.data(10), 2)

    @property
    def schemes(self) -> tuple[int, ...]:
        """signature_algorithms (RFC 8446 section 4.2.3)."""
        return code_points(self.data(13), 2)

    @property
    def shares(self) -> tuple[tuple[int, bytes], ...]:
        """key_share (RFC 8446 section 4.2.8)."""
        data = self.data(51)
        if data is None:
            return ()
        outer = Reader(data)
        entries = Reader(outer.vector(2))
        assert not outer.left
        found = []
        while entries.left:
            found.append((entries.number(2), entries.vector(2)))
        return tuple(found)

    @property
    def offered_versions(self) -> tuple[int, ...]:
        """What a server may choose from: the list, or legacy_version and everything before it."""
        return self.versions or (self.legacy_version,)


def code_points(data: bytes | None, length_octets: int) -> tuple[int, ...]:
    """A vector of numbers of two octets, which is all that `data` holds."""
    if data is None:
        return ()
    reader = Reader(data)
    listed = reader.vector(length_octets)
    assert not reader.left
    assert listed
    assert len(listed) % 2 == 0
    return struct.unpack(f">{len(listed) // 2}H", listed)


def read_hello(octets: bytes) -> HelloRead:
    """The one ClientHello that these records hold; an AssertionError says what does not fit."""
    stream, message, record_versions = Reader(octets), b"", []
    while stream.left:
        assert stream.number(1) == 22
        record_versions.append(stream.number(2))
        fragment = stream.vector(2)
        assert 0 < len(fragment) <= 2**14
        message += fragment
    outer = Reader(message)
    assert outer.number(1) == 1
    body = Reader(outer.vector(3))
    assert not outer.left
    legacy_version, random = body.number(2), body.take(32)
    session_id = body.vector(1)
    assert len(session_id) <= 32
    suites = code_points(body.octets[body.at : body.at + 2] + body.vector(2), 2)
    compression_methods = body.vector(1)
    extensions = _extensions(body.vector(2)) if body.left else None
    assert not body.left
    return HelloRead(
        record_versions=tuple(record_versions),
        message=message,
        legacy_version=legacy_version,
        random=random,
        session_id=session_id,
        cipher_suites=suites,
        compression_methods=compression_methods,
        extensions=extensions,
    )


def _extensions(block: bytes) -> tuple[tuple[int, bytes], ...]:
    reader, found = Reader(block), []
    while reader.left:
        found.append((reader.number(2), reader.vector(2)))
    # RFC 8446 section 4.2: none twice.
    assert len({kind for kind, _ in found}) == len(found)
    return tuple(found)

"""A second reader of every handshake message: slow, plain Python, written from the RFCs.

It says what a structure holds as a dictionary of RFC names, or raises `Refused`. It knows
nothing of rules or offsets: it is the oracle for what is accepted and what is read.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, TypeVar

T = TypeVar("T")


class Refused(Exception):
    """The octets do not fit the structure."""


class Structure:
    """Reads fields one after the other from its octets."""

    def __init__(self, octets: bytes) -> None:
        self.stream = BytesIO(octets)
        self.size = len(octets)

    def opaque(self, size: int) -> bytes:
        """Exactly `size` octets."""
        octets = self.stream.read(size)
        if len(octets) != size:
            raise Refused
        return octets

    def uint(self, size: int) -> int:
        """A number of `size` octets."""
        return int.from_bytes(self.opaque(size), "big")

    def vector(self, width: int, floor: int, ceiling: int) -> bytes:
        """A vector whose length has `width` octets."""
        length = self.uint(width)
        if not floor <= length <= ceiling:
            raise Refused
        return self.opaque(length)

    @property
    def left(self) -> bool:
        """Whether there are octets left."""
        return self.stream.tell() < self.size

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise Refused


def each(octets: bytes, read: Callable[[Structure], T]) -> tuple[T, ...]:
    """Every element of a vector."""
    structure = Structure(octets)
    found = []
    while structure.left:
        found.append(read(structure))
    return tuple(found)


def extensions(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    """Extensions, RFC 8446 section 4.2: none twice."""
    found: tuple[tuple[int, bytes], ...] = each(
        octets, lambda s: (s.uint(2), s.vector(2, 0, 0xFFFF))
    )
    if len({extension_type for extension_type, _ in found}) != len(found):
        raise Refused
    return found


def server_hello(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 4.1.3 with the floor of RFC 5246 section 7.4.1.3."""
    return {
        "legacy_version": s.uint(2),
        "random": s.opaque(32),
        "legacy_session_id_echo": s.vector(1, 0, 32),
        "cipher_suite": s.uint(2),
        "legacy_compression_method": s.uint(1),
        "extensions": extensions(s.vector(2, 0, 0xFFFF)) if s.left else (),
    }


def encrypted_extensions(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 4.3.1."""
    return {"extensions": extensions(s.vector(2, 0, 0xFFFF))}


def certificate_tls12(s: Structure) -> dict[str, Any]:
    """RFC 5246 section 7.4.2."""
    entries = each(s.vector(3, 0, 2**24 - 1), lambda e: (e.vector(3, 1, 2**24 - 1), ()))
    return {"certificate_request_context": b"", "certificate_list": entries}


def certificate_tls13(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 4.4.2."""
    return {
        "certificate_request_context": s.vector(1, 0, 255),
        "certificate_list": each(
            s.vector(3, 0, 2**24 - 1),
            lambda e: (e.vector(3, 1, 2**24 - 1), extensions(e.vector(2, 0, 0xFFFF))),
        ),
    }


def code_points(octets: bytes) -> tuple[int, ...]:
    """Values of two octets."""
    return each(octets, lambda s: s.uint(2))


def distinguished_names(octets: bytes) -> tuple[bytes, ...]:
    """DistinguishedName, RFC 5246 section 7.4.4."""
    return each(octets, lambda s: s.vector(2, 1, 0xFFFF))


def certificate_request_tls12(s: Structure) -> dict[str, Any]:
    """RFC 5246 section 7.4.4."""
    return {
        "certificate_types": s.vector(1, 1, 255),
        "signature_schemes": code_points(s.vector(2, 2, 0xFFFF)),
        "certificate_authorities": distinguished_names(s.vector(2, 0, 0xFFFF)),
    }


def only(octets: bytes, read: Callable[[Structure], T]) -> T:
    """One value that fills the octets."""
    s = Structure(octets)
    value = read(s)
    s.end()
    return value


def certificate_request_tls13(s: Structure) -> dict[str, Any]:
    """RFC 8446 sections 4.3.2, 4.2.3 and 4.2.4."""
    context = s.vector(1, 0, 255)
    found = extensions(s.vector(2, 2, 0xFFFF))
    schemes: tuple[int, ...] = ()
    authorities: tuple[bytes, ...] = ()
    for extension_type, data in found:
        if extension_type == 13:
            schemes = only(data, lambda e: code_points(e.vector(2, 2, 0xFFFF)))
        if extension_type == 47:
            authorities = only(data, lambda e: distinguished_names(e.vector(2, 3, 0xFFFF)))
    return {
        "certificate_request_context": context,
        "extensions": found,
        "signature_schemes": schemes,
        "certificate_authorities": authorities,
    }


def certificate_verify(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 4.4.3."""
    return {"algorithm": s.uint(2), "signature": s.vector(2, 0, 0xFFFF)}


def certificate_status(s: Structure) -> bytes:
    """RFC 6066 section 8."""
    if s.uint(1) != 1:
        raise Refused
    return s.vector(3, 1, 2**24 - 1)


def compressed_certificate(s: Structure) -> dict[str, Any]:
    """RFC 8879 section 4."""
    return {
        "algorithm": s.uint(2),
        "uncompressed_length": s.uint(3),
        "octets": s.vector(3, 1, 2**24 - 1),
    }


def server_hello_ssl2(s: Structure) -> dict[str, Any]:
    """draft-hickman-netscape-ssl-00 section 5.2.1.1."""
    found: dict[str, Any] = {
        "session_id_hit": s.uint(1),
        "certificate_type": s.uint(1),
        "server_version": s.uint(2),
    }
    lengths = [s.uint(2) for _ in range(3)]
    found["certificate"] = s.opaque(lengths[0])
    specs = s.opaque(lengths[1])
    if len(specs) % 3:
        raise Refused
    found["cipher_specs"] = tuple(
        int.from_bytes(specs[at : at + 3], "big") for at in range(0, len(specs), 3)
    )
    found["connection_id"] = s.opaque(lengths[2])
    return found


def server_key_exchange_ecdhe(s: Structure) -> dict[str, Any]:
    """RFC 8422 section 5.4."""
    if s.uint(1) != 3:
        raise Refused
    return {
        "curve_type": 3,
        "named_curve": s.uint(2),
        "public": s.vector(1, 1, 255),
        "signature_algorithm": s.uint(2),
        "signature": s.vector(2, 0, 0xFFFF),
    }


def server_key_exchange_dhe(s: Structure) -> dict[str, Any]:
    """RFC 5246 section 7.4.3."""
    return {
        "dh_p": s.vector(2, 1, 0xFFFF),
        "dh_g": s.vector(2, 1, 0xFFFF),
        "dh_Ys": s.vector(2, 1, 0xFFFF),
        "signature_algorithm": s.uint(2),
        "signature": s.vector(2, 0, 0xFFFF),
    }


def new_session_ticket_tls13(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 4.6.1."""
    return {
        "ticket_lifetime": s.uint(4),
        "ticket_age_add": s.uint(4),
        "ticket_nonce": s.vector(1, 0, 255),
        "ticket": s.vector(2, 1, 0xFFFF),
        "extensions": extensions(s.vector(2, 0, 0xFFFE)),
    }


def alert(s: Structure) -> dict[str, Any]:
    """RFC 8446 section 6."""
    return {"level": s.uint(1), "description": s.uint(1)}


def key_share_server_hello(s: Structure) -> tuple[int, bytes]:
    """RFC 8446 section 4.2.8."""
    return s.uint(2), s.vector(2, 1, 0xFFFF)


def code_point(s: Structure) -> int:
    """RFC 8446 sections 4.2.1 and 4.2.8."""
    return s.uint(2)


def cookie(s: Structure) -> bytes:
    """RFC 8446 section 4.2.2."""
    return s.vector(2, 1, 0xFFFF)


def alpn(s: Structure) -> tuple[bytes, ...]:
    """RFC 7301 section 3.1."""
    return each(s.vector(2, 2, 0xFFFF), lambda e: e.vector(1, 1, 255))


READERS: Final[dict[str, Callable[[Structure], Any]]] = {
    "server_hello": server_hello,
    "encrypted_extensions": encrypted_extensions,
    "certificate_tls12": certificate_tls12,
    "certificate_tls13": certificate_tls13,
    "certificate_request_tls12": certificate_request_tls12,
    "certificate_request_tls13": certificate_request_tls13,
    "certificate_verify": certificate_verify,
    "certificate_status": certificate_status,
    "compressed_certificate": compressed_certificate,
    "server_key_exchange_ecdhe": server_key_exchange_ecdhe,
    "server_key_exchange_dhe": server_key_exchange_dhe,
    "new_session_ticket_tls13": new_session_ticket_tls13,
    "server_hello_ssl2": server_hello_ssl2,
    "alert": alert,
    "key_share_server_hello": key_share_server_hello,
    "selected_group": code_point,
    "selected_version": code_point,
    "cookie": cookie,
    "alpn": alpn,
}


def read(entry: str, octets: bytes) -> object:
    """What the octets hold as the structure that `entry` names."""
    return only(octets, READERS[entry])

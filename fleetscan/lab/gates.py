"""What servers of the lab dislike in a hello, and how they end it."""

from __future__ import annotations

from itertools import count
from typing import Final

from fleetscan.lab.flights import (
    EXTENSION_ALPN,
    EXTENSION_SERVER_NAME,
    SeenHello,
    fatal_alert,
    is_reserved,
    offers_tls13,
    read_vector,
)
from fleetscan.lab.servers import Ending, Gate, Refusal

HANDSHAKE_FAILURE: Final = 40
DECODE_ERROR: Final = 50
INTERNAL_ERROR: Final = 80
UNRECOGNIZED_NAME: Final = 112
NO_APPLICATION_PROTOCOL: Final = 120

CLOSE: Final = Refusal()
RESET: Final = Refusal(ending=Ending.RST)
SILENCE: Final = Refusal(ending=Ending.HOLD)


def alert(description: int) -> Refusal:
    """One fatal alert, then FIN."""
    return Refusal(octets=fatal_alert(description))


def refuses_alpn(hello: SeenHello) -> Refusal | None:
    """No protocol that is offered will do (RFC 7301 section 3.2)."""
    return alert(NO_APPLICATION_PROTOCOL) if EXTENSION_ALPN in hello.extensions else None


def breaks_above(octets: int, refusal: Refusal) -> Gate:
    """A buffer of so many octets, for the hello with its header."""
    return lambda hello: refusal if len(hello.message) > octets else None


def breaks_on_unknown_extension(refusal: Refusal) -> Gate:
    """An extension_type that nobody registered is not passed over (RFC 8701)."""
    return lambda hello: refusal if any(map(is_reserved, hello.extensions)) else None


def breaks_on_unknown_suite(refusal: Refusal) -> Gate:
    """A cipher suite that nobody registered is not passed over (RFC 8701)."""
    return lambda hello: refusal if any(map(is_reserved, hello.cipher_suites)) else None


def breaks_on_tls13(refusal: Refusal) -> Gate:
    """The newest version is not passed over (RFC 8446 appendix E.1 knows such servers)."""
    return lambda hello: refusal if offers_tls13(hello) else None


def needs_name(refusal: Refusal) -> Gate:
    """A hello without server_name is refused (RFC 6066 section 3)."""
    return lambda hello: None if EXTENSION_SERVER_NAME in hello.extensions else refusal


def refuses_name(name: str, refusal: Refusal) -> Gate:
    """One name is refused, any other and none are answered."""
    return lambda hello: refusal if name_of(hello) == name else None


def every_second(refusal: Refusal) -> Gate:
    """The first connection, the third and so on are refused, whatever they ask."""
    turns = count()
    return lambda _hello: None if next(turns) % 2 else refusal


def first_of(*gates: Gate) -> Gate:
    """Gates in a row: the first that refuses does."""

    def gate(hello: SeenHello) -> Refusal | None:
        return next((found for one in gates if (found := one(hello)) is not None), None)

    return gate


def name_of(hello: SeenHello) -> str:
    """The one host_name of server_name (RFC 6066 section 3); `""` where there is none."""
    octets = hello.extensions.get(EXTENSION_SERVER_NAME, b"")
    return read_vector(octets, 3, 2)[0].decode("ascii") if octets else ""

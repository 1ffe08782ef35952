"""Captured flights as files: written by `tools/capture_flights.py`, replayed by the tests.

A file has all that the client was made from (keys, randomness, the profile as data), so
that the same octets come out of it again, and what the server said, flight by flight.
Shipped profiles may change; these stay what they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from fleetscan.errors import ParseError
from fleetscan.tls import tls12
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.events import Event
from fleetscan.tls.hello import vector
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.session import Session

FOLDER = Path(__file__).parent / "vectors/tls/flights"

Cut = Callable[[bytes], Iterable[bytes]]
Data = Mapping[str, Any]


# -- a client as data --------------------------------------------------------------------


def code(number: int) -> str:
    """A code point as the registries write it."""
    return f"0x{number:04x}"


def profile_data(profile: HelloProfile) -> dict[str, Any]:
    """Every field of a profile."""
    data: dict[str, Any] = {}
    for field in fields(profile):
        value = getattr(profile, field.name)
        if isinstance(value, tuple):
            value = [code(each) for each in value]
        elif isinstance(value, Mapping):
            value = {code(kind): octets.hex() for kind, octets in value.items()}
        data[field.name] = value
    return data


def profile_of(data: Data) -> HelloProfile:
    """The profile again."""
    given: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, list):
            given[name] = tuple(int(each, 16) for each in value)
        elif isinstance(value, dict):
            given[name] = {int(kind, 16): bytes.fromhex(hexed) for kind, hexed in value.items()}
        else:
            given[name] = value
    return HelloProfile(**given)


def client_of(data: Data) -> Conversation:
    """A client that says the same octets each time."""
    private = {int(group, 16): bytes.fromhex(hexed) for group, hexed in data["private"].items()}
    return Conversation(
        server_name=data["server_name"],
        profile=profile_of(data["profile"]),
        key_shares=KeyShares(private),
        entropy=bytes.fromhex(data["entropy"]),
        alpn=tuple(data["alpn"]),
        starttls=data["starttls"],
    )


# -- events as data ----------------------------------------------------------------------


def event_data(event: Event) -> dict[str, Any]:
    """One event, field by field under its name."""
    return {"event": type(event).__name__, **_attributes(event)}


def _attributes(value: object) -> dict[str, object]:
    """By their names; what the parser made has the fields of its message."""
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
    else:
        names = [name for name in dir(value) if not name.startswith("_")]
    pairs = {name: getattr(value, name) for name in names}
    return {name: _as_data(each) for name, each in pairs.items() if not callable(each)}


def _as_data(value: object) -> object:
    """Octets in hexadecimal, words for what is one of ours, objects by their attributes."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [_as_data(each) for each in value]
    if isinstance(value, ParseError):
        return {"fault": value.fault.name, "field": value.field, "offset": value.offset}
    return _attributes(value)


# -- replay ------------------------------------------------------------------------------


class Replay:
    """A vector told to a new client.

    Args:
        data: the file's content.
        cut: how each flight reaches the client.
    """

    def __init__(self, data: Data, cut: Cut) -> None:
        self.client = client_of(data["client"])
        self.sent = [self.client.start(0.0).hex()]
        now = 0.0
        with fixed_padding(data["client"].get("encrypted_premaster_secret")):
            for flight in data["received"]:
                now += 1.0
                parts = cut(bytes.fromhex(flight))
                self.sent.append(b"".join(self.client.receive(part, now) for part in parts).hex())
        end(self.client, data["ended"], now + 1.0)
        self.sent.append(self.client.close(now + 2.0).hex())

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came out of it."""
        return [event_data(event) for event in self.client.events]


def end(client: Conversation, how: str, now: float) -> None:
    """How the connection ended, when the client was not done before."""
    if how == "fin":
        client.receive_end(now)
    elif how == "silence":
        client.silence(now)


@contextmanager
def fixed_padding(encrypted: str | None) -> Iterator[None]:
    """Have RSA key exchange send what it sent when the vector was made.

    The premaster secret follows from the client's keys, but the library pads it at random
    (RFC 8017 section 7.2.1), and the server's Finished covers what that gave.

    Args:
        encrypted: EncryptedPreMasterSecret, hexadecimal; None leaves all as it is.
    """
    original = tls12.encrypted_premaster_secret

    def padded(session: Session) -> tuple[bytes, bytes] | None:
        found = original(session)
        return found and (found[0], vector(bytes.fromhex(encrypted or ""), 2))

    try:
        if encrypted is not None:
            tls12.encrypted_premaster_secret = padded
        yield
    finally:
        tls12.encrypted_premaster_secret = original


def paths() -> Sequence[Path]:
    """Every vector there is."""
    return sorted(FOLDER.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    """One vector."""
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded

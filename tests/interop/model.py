"""The matrix as data: implementations, servers, and rows of what is said and what must come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.interop.offers import Offer
from tests.real.servers import ServerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """One TLS stack in one program.

    Args:
        name: of the program, with its TLS library where that is another's.
        versions: asks what is installed, by the name of each part; `""` for what it cannot say.
    """

    name: str
    versions: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One start of an implementation.

    Args:
        settings: what is special about it, for people; unique with the implementation and key.
        key: the kind of its certificate's key, one of `material.KINDS_OF_KEY`.
        starttls: how TLS is asked for.
        anew: whether it is started once more for the second loop, since it remembers.
    """

    implementation: Implementation
    kind: ServerKind
    settings: str = "default"
    key: str = "P-256"
    starttls: str = "none"
    anew: bool = False

    @property
    def name(self) -> str:
        """The whole of it in one line."""
        return f"{self.implementation.name}, {self.key}, {self.settings}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One handshake.

    Args:
        server: with whom.
        offer: what the client says.
        expected: what must come, by the names of `probing.came_of`; `|` between values that
            are all right.
    """

    server: Server
    offer: Offer
    expected: Mapping[str, str]

    @property
    def completes(self) -> bool:
        """Whether the handshake is to be finished, not only recognised."""
        return self.expected["completed"] == "yes"

    @property
    def id(self) -> str:
        """Unique in the matrix."""
        return f"{self.server.name}: {self.offer.title}"


# What holds for every handshake that is completed: it is also confirmed, the server proved
# that it holds its key, and nobody broke a rule.
COMPLETED: Mapping[str, str] = {
    "completed": "yes",
    "stage": "confirmed",
    "key": "yes",
    "violation": "",
    "alert": "",
}

# What holds for a suite that the client knows by name only: the server's first flight is
# read to its end, and it is us who end it, without a word of reproach.
RECOGNISED: Mapping[str, str] = {
    "completed": "no",
    "confirmed_by": "",
    "whole_flight": "yes",
    "ended_by": "us",
    "violation": "",
    "alert": "",
}

TLS13_CONFIRMED_BY = "ticket|data|close|silence"


def completed(server: Server, offer: Offer, **expected: str) -> Row:
    """A row that completes; what its one version and one suite are follows from the offer."""
    return Row(server=server, offer=offer, expected={**COMPLETED, **_named(offer), **expected})


def recognised(server: Server, offer: Offer, **expected: str) -> Row:
    """A row whose suite is named and not finished."""
    return Row(server=server, offer=offer, expected={**_named(offer), **RECOGNISED, **expected})


def _named(offer: Offer) -> dict[str, str]:
    """What an offer of one thing leaves the server to choose."""
    named: dict[str, str] = {}
    if len(offer.versions) == 1:
        named["version"] = offer.versions[0]
        named["confirmed_by"] = TLS13_CONFIRMED_BY if offer.versions[0] == "TLSv1.3" else "finished"
    if len(offer.cipher_suites) == 1:
        named["cipher_suite"] = offer.cipher_suites[0]
    if len(offer.groups) == 1:
        named["group"] = offer.groups[0]
    return named

"""Who is known to sign in others' stead: the table of `inspection_issuers.toml`."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fleetscan._parse import Name

_FILE: Final = "inspection_issuers.toml"

ATTRIBUTES: Final = {
    "common_name": "2.5.4.3",
    "organization": "2.5.4.10",
    "organizational_unit": "2.5.4.11",
}
"""Attributes of a name that a pattern may ask for (RFC 5280 appendix A.1), by their keys there."""

MAX_VALUE: Final = 256
"""Characters of an attribute that patterns are held against; RFC 5280 appendix A.1 has 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssuer:
    """One way in which an issuer is named.

    Args:
        name: the product, or whose authority it is.
        patterns: by OID, what each attribute must be as a whole; all must hold.
        sources: where that is written, each an address and when it was read.
    """

    name: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    sources: tuple[str, ...]

    def names(self, issuer: Name) -> bool:
        """Whether an issuer is named so."""
        parts = [part for rdn in issuer.rdns for part in rdn]
        return all(
            any(part.oid == oid and pattern.fullmatch(part.value[:MAX_VALUE]) for part in parts)
            for oid, pattern in self.patterns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssuers:
    """The whole table.

    Args:
        products: what answers in a server's stead.
        shared: authorities outside the public stores that sign for anyone who asks, and
            stand in nobody's way.
    """

    products: tuple[KnownIssuer, ...]
    shared: tuple[KnownIssuer, ...]


@functools.cache
def known_issuers() -> KnownIssuers:
    """The table that comes with the package, read once."""
    text = (resources.files(__package__) / _FILE).read_text("utf-8")
    document = tomllib.loads(text)
    return KnownIssuers(
        products=tuple(_issuers(document["product"])), shared=tuple(_issuers(document["shared"]))
    )


def _issuers(entries: list[dict[str, Any]]) -> list[KnownIssuer]:
    return [
        KnownIssuer(
            name=entry["name"],
            patterns=tuple((ATTRIBUTES[key], re.compile(issuer[key])) for key in issuer),
            sources=tuple(entry["sources"]),
        )
        for entry in entries
        for issuer in entry["issuers"]
    ]

"""One target as a person writes it -> what to scan.

    name    name:port    name@address    name@address:port
    10.0.0.1    10.0.0.1:8443    ::1    [::1]:8443
    10.0.0.0/24    10.0.0.0/24:8443    [2001:db8::/64]:8443
    10.0.0.5-10.0.0.40    10.0.0.5-40    2001:db8::1-2001:db8::ff
    https://name/    ldaps://name:1636

Which name goes where is one rule: the *server name* is the name that was written
(`--sni` replaces it, except in `name@address`, where it was written on purpose); the
*reference name*, which the certificate must be valid for, is the server name; when none is
sent it is the name that was written; an address alone has none. `address@address`
asks for a certificate that is valid for the address: it is the reference name, and no
server name is sent, because an address is no host_name (RFC 6066 section 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from fleetscan.errors import InventoryError
from fleetscan.inventory.names import canonical_name, canonical_reference
from fleetscan.inventory.ranges import AddressRange, parse_address, parse_range
from fleetscan.inventory.spec import Defaults, TargetSpec
from fleetscan.inventory.target import STARTTLS_AUTO, STARTTLS_NONE

MAX_TARGET_TEXT: Final = 2_048
"""Characters of one target; a name has 253 at most, the rest is a URL's path."""

URL_PORTS: Final = {
    "https": 443,
    "wss": 443,
    "ldaps": 636,
    "imaps": 993,
    "pop3s": 995,
    "smtps": 465,
    "submissions": 465,
    "nntps": 563,
    "ftps": 990,
    "ircs": 6697,
    "sips": 5061,
    "mqtts": 8883,
    "amqps": 5671,
    "rediss": 6379,
    "telnets": 992,
    "tls": 443,
}
"""Schemes that mean TLS from the first octet, and their ports in IANA's registry of
service names (`rediss`, `tls`: by convention)."""

_PLAIN_SCHEMES: Final = frozenset({"http", "ws", "ftp", "ldap", "imap", "pop3", "smtp"})

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_RANGE: Final = re.compile(r"[0-9a-fA-F.:]+\s*-\s*[0-9a-fA-F.:]*")
"""Two things made of an address's characters around a dash. `a-b` and `face-book` match too:
it is a range only when the first is an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to connect: a name or addresses, and the port when one was written."""

    host: str = ""
    span: AddressRange | None = None
    port: int | None = None


def parse_target(
    text: str,
    defaults: Defaults | None = None,
    *,
    source: str = "argument",
    line: int | None = None,
) -> TargetSpec:
    """Read one target.

    Args:
        text: one of the forms above.
        defaults: ports, server name and dialogue for what the text leaves open.
        source: where it was written, for the error.
        line: its line there, counted from 1.

    Raises:
        InventoryError: it is none of the forms; one clear line that says why.
    """
    try:
        return _read(text.strip(), defaults or Defaults())
    except ValueError as refused:
        raise InventoryError(str(refused), source=source, line=line) from None


def parse_ports(text: str) -> tuple[int, ...]:
    """Read `443,8443,9000-9010` as ports, in the order written, each once.

    Raises:
        ValueError: a part is no port or no range of ports.
    """
    ports: dict[int, None] = {}
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        first = parse_port(low.strip())
        last = parse_port(high.strip()) if dash else first
        if last < first:
            raise ValueError(f"{part.strip()!r} is no range of ports: it ends before it begins")
        ports.update(dict.fromkeys(range(first, last + 1)))
    return tuple(ports)


def parse_port(text: str) -> int:
    """Read one TCP port, 1 to 65535.

    Raises:
        ValueError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise ValueError(f"{text[:40]!r} is not a port (1 to 65535)")
    return int(text)


def parse_place(text: str) -> Place:
    """Read where to connect: name, address, network or range, with or without a port.

    Raises:
        ValueError: it is none of these.
    """
    bare, port = _split_port(text)
    if "/" in bare or _looks_like_range(bare):
        return Place(span=parse_range(bare), port=port)
    if bare.startswith("[") or parse_address(bare) is not None or ":" in bare or "%" in bare:
        return Place(span=parse_range(bare.removeprefix("[").removesuffix("]")), port=port)
    return Place(host=canonical_name(bare), port=port)


def spec_of(place: Place, *, text: str, name: str | None, defaults: Defaults) -> TargetSpec:
    """Put the names where they belong; `name` is what stood before an `@`, if anything did."""
    if name is not None:
        reference = name
        server_name = "" if parse_address(name) else name
    else:
        server_name = place.host if defaults.server_name is None else defaults.server_name
        reference = server_name or place.host
    return TargetSpec(
        input=text,
        ports=defaults.ports if place.port is None else (place.port,),
        host=place.host,
        span=place.span,
        server_name=server_name if defaults.sends_names else "",
        reference_name=reference or None,
        starttls=defaults.starttls,
    )


def _read(text: str, defaults: Defaults) -> TargetSpec:
    if not text:
        raise ValueError("a target is empty")
    if len(text) > MAX_TARGET_TEXT:
        raise ValueError(f"a target of {len(text)} characters; {MAX_TARGET_TEXT} are allowed")
    if not text.isprintable():
        raise ValueError("a target contains control or invisible characters")
    scheme = _SCHEME.match(text)
    if scheme is not None:
        return _read_url(text, scheme[1].lower(), text[scheme.end() :], defaults)
    if re.search(r"[\s,;]", re.sub(r"\s*-\s*", "-", text)):
        raise ValueError(f"{text[:80]!r}: one target a line, nothing beside it")
    before, at, after = text.partition("@")
    if not at:
        return spec_of(parse_place(text), text=text, name=None, defaults=defaults)
    if ":" in before and parse_address(before.removeprefix("[").removesuffix("]")) is None:
        # Never repeated in the message: it may be a password.
        raise ValueError(
            "what stands before an @ is a name or an address, without port or password"
        )
    place = parse_place(after)
    return spec_of(place, text=text, name=canonical_reference(before), defaults=defaults)


def _read_url(text: str, scheme: str, rest: str, defaults: Defaults) -> TargetSpec:
    if scheme in _PLAIN_SCHEMES:
        raise ValueError(f"{scheme}:// begins without TLS; write host:port to ask for TLS there")
    if scheme not in URL_PORTS:
        known = ", ".join(sorted(URL_PORTS))
        raise ValueError(f"unknown scheme {scheme[:20]!r}; known are {known}")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" in authority:
        # Never repeated in the message: it may be a password.
        raise ValueError(f"a {scheme}:// URL with user information in it; leave that out")
    if not authority:
        raise ValueError(f"{text[:80]!r} names no host")
    place = parse_place(authority)
    port = URL_PORTS[scheme] if place.port is None else place.port
    place = Place(host=place.host, span=place.span, port=port)
    if defaults.starttls == STARTTLS_AUTO:
        # The scheme has said that TLS comes at once, whatever the port is known for.
        defaults = replace(defaults, starttls=STARTTLS_NONE)
    return spec_of(place, text=text, name=None, defaults=defaults)


def _looks_like_range(text: str) -> bool:
    if not _RANGE.fullmatch(text):
        return False
    return parse_address(text.partition("-")[0].strip()) is not None


def _split_port(text: str) -> tuple[str, int | None]:
    """Cut off the port. More than one colon without brackets is an IPv6 address, whole."""
    if text.startswith("["):
        inside, closing, rest = text[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError(f"{text[:80]!r}: brackets enclose the address, then :port")
        return f"[{inside}]" if "/" not in inside and "-" not in inside else inside, (
            parse_port(rest[1:]) if rest else None
        )
    if text.count(":") != 1:
        return text, None
    bare, _, port = text.partition(":")
    return bare, parse_port(port)

"""Addresses in a row: literals, networks and ranges, as integers.

An address is an integer and a family here, so that a /8 or an IPv6 prefix costs two
numbers. Text is made when a target is.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

MAPPED_FIRST: Final = 0xFFFF << 32
"""::ffff:0:0, where the IPv4-mapped addresses begin (RFC 4291 section 2.5.5.2)."""

MAPPED_LAST: Final = MAPPED_FIRST | 0xFFFFFFFF

_MAX_TEXT: Final = 128
"""Characters of the longest text tried as an address: two IPv6 addresses and a dash."""


@dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses from `first` to `last`, both included; `version` is 4 or 6."""

    version: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many addresses; past what `len` can say for IPv6, hence no `__len__`."""
        return self.last - self.first + 1

    def address_at(self, index: int) -> str:
        """The address `index` steps after the first, as text."""
        number = self.first + index
        if self.version == 4:
            return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
        return str(ipaddress.IPv6Address(number))

    def addresses(self) -> Iterator[str]:
        """All of them, in order, made one at a time."""
        return (self.address_at(index) for index in range(self.count))


def parse_address(text: str) -> IPAddress | None:
    """The address that `text` is in plain form, or None.

    A zone identifier (`fe80::1%eth0`) is no plain form: it means something on one
    machine only. IPv4 is dotted decimal without leading zeros, nothing else.
    """
    if len(text) > _MAX_TEXT or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_range(text: str) -> AddressRange:
    """Read a literal, a network in CIDR notation, or `first-last`.

    A network with host bits set stands for the network that holds the address:
    `10.0.0.5/24` is `10.0.0.0/24`. All its addresses count, the first and the last too.
    The short form of a range gives the last part only: `10.0.0.5-40`, `2001:db8::1-ff`.

    Raises:
        ValueError: `text` is none of these; the text of the exception is for the user.
    """
    if len(text) > _MAX_TEXT:
        raise ValueError("too long for an address or a network")
    if "/" in text:
        return _parse_network(text)
    if "-" in text:
        return _parse_span(text)
    address = parse_address(text)
    if address is None:
        raise ValueError(_why_no_address(text))
    return AddressRange(address.version, int(address), int(address))


def _why_no_address(text: str) -> str:
    if "%" in text:
        return f"{text!r}: an address with a zone identifier is not supported"
    return f"{text!r} is not an IP address"


def _parse_network(text: str) -> AddressRange:
    base, _, prefix = text.partition("/")
    address = parse_address(base)
    if address is None:
        raise ValueError(_why_no_address(base))
    longest = address.max_prefixlen
    # isdecimal alone would let other scripts' digits through.
    is_number = prefix.isascii() and prefix.isdecimal() and len(prefix) <= 3
    if not is_number or int(prefix) > longest:
        limits = f"IPv{address.version} (0 to {longest})"
        raise ValueError(f"{text[:80]!r}: {prefix[:20]!r} is no prefix length of {limits}")
    host_bits = longest - int(prefix)
    first = int(address) >> host_bits << host_bits
    return AddressRange(address.version, first, first | ((1 << host_bits) - 1))


def _parse_span(text: str) -> AddressRange:
    low, _, high = text.partition("-")
    first = parse_address(low.strip())
    if first is None:
        raise ValueError(_why_no_address(low.strip()))
    last = parse_address(_complete(str(first), high.strip()))
    if last is None:
        raise ValueError(f"{high.strip()!r} does not end a range that begins at {first}")
    if last.version != first.version:
        raise ValueError(f"{text!r} mixes IPv4 and IPv6")
    if int(last) < int(first):
        raise ValueError(f"{text!r} ends before it begins")
    return AddressRange(first.version, int(first), int(last))


def _complete(first: str, high: str) -> str:
    """The end of a range in full: its short form shares all but the last part."""
    if high and "." not in high and ":" not in high:
        separator = "." if "." in first and ":" not in first else ":"
        return f"{first.rpartition(separator)[0]}{separator}{high}"
    return high

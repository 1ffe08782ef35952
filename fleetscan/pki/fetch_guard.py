"""Where a fetch may go: what a stranger's URL says, and whose the address behind it is.

Both are decided on forms that have one reading only. An IPv4 address is a dotted quad of
decimal numbers; `2130706433`, `0177.0.0.1`, `0x7f.1` and `127.1`, which the resolver of the C
library would take for 127.0.0.1, are no host here, and neither is anything percent-encoded
or outside ASCII.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from fleetscan import limits
from fleetscan.inventory.excludes import Excludes
from fleetscan.inventory.names import canonical_name
from fleetscan.inventory.ranges import IPAddress, parse_address
from fleetscan.pki.fetched import FetchFailure, FetchReason, failure

HTTP_PORTS: Final = frozenset({80, 591, 8008, 8080})
"""The ports that IANA's registry of service names has for `http` and `http-alt`. A certificate
must not make us speak to a mail server or a database that is nobody's business of ours; where
the user has allowed the address, the port is theirs to choose too."""

_MAX_PORT: Final = 65_535

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^#]*)(?:#.*)?", re.DOTALL)
"""RFC 3986 appendix B, with a scheme that must be there."""

_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9_.-]+)(?::([0-9]{0,5}))?")
"""Host and port of an authority (RFC 3986 section 3.2), without userinfo."""

_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
"""A last label that makes a host an IPv4 address for the C library (inet_aton)."""

_TARGET_SAFE: Final = "/?:@!$&'()*+,;=-._~%[]"
"""What stays as it is in path and query; a blank or a quote is written as its `%XX`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a URL leads: `host` in lower case, an address in its canonical text or a DNS name."""

    host: str
    port: int
    target: str

    @property
    def address(self) -> IPAddress | None:
        """The host, where it is an address."""
        return parse_address(self.host)

    @property
    def authority(self) -> str:
        """The value of the Host field (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


class Excluder(Protocol):
    """What the scan must never reach."""

    def contains(self, address: str) -> bool:
        """Whether the address, as text, is excluded."""


def parse_http_url(url: str) -> Place | FetchFailure:
    """Read an absolute URL (RFC 3986 section 4.3) of scheme http, or say why it is not fetched."""
    if len(url) > limits.MAX_FETCH_URL:
        return failure(FetchReason.URL, f"longer than {limits.MAX_FETCH_URL} characters")
    if not url.isascii() or not url.isprintable():
        return failure(FetchReason.URL, f"characters that no URL has: {url}")
    found = _URL.fullmatch(url)
    if found is None:
        return failure(FetchReason.URL, url)
    scheme, authority, target = found[1].lower(), found[2], found[3]
    if scheme != "http":
        return failure(FetchReason.SCHEME, scheme)
    place = _PLACE.fullmatch(authority or "")
    if place is None:
        return failure(FetchReason.URL, f"not a plain host: {authority or ''}")
    host = _host(place[1])
    if not host:
        return failure(FetchReason.URL, f"neither an address nor a DNS name: {place[1]}")
    port = int(place[2] or 80)
    if not 0 < port <= _MAX_PORT:
        return failure(FetchReason.URL, f"not a port: {port}")
    target = quote(target if target.startswith("/") else f"/{target}", safe=_TARGET_SAFE)
    return Place(host=host, port=port, target=target)


def _host(text: str) -> str:
    """The host in the one form that is used from here on, or `""`."""
    if text.startswith("["):
        address = parse_address(text[1:-1])
        return str(address) if address is not None and address.version == 6 else ""
    address = parse_address(text)
    if address is not None:
        return str(address)
    if text.endswith(".") or _NUMBER.fullmatch(text.rpartition(".")[2]):
        return ""
    try:
        return canonical_name(text)
    except ValueError:
        return ""


# -- addresses -----------------------------------------------------------------------

_NOWHERE: Final = (ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("::/128"))
"""No destination at all (RFC 6890 section 2.2), though Linux takes it for this machine: allowing
it would lead around an exclude of 127.0.0.0/8."""

_REFUSED: Final = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        # IANA's IPv4 Special-Purpose Address Registry (RFC 6890 section 2.2.2), and the
        # two classes that have no place in it.
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared address space"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "for protocols of the IETF"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a relay of 6to4"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        # A global address by the registries, and the same host inside of every Azure
        # network: its platform's DNS, DHCP and metadata (Microsoft: "What is IP address
        # 168.63.129.16?").
        ("168.63.129.16/32", "the metadata server of a cloud"),
        # IANA's IPv6 Special-Purpose Address Registry (RFC 6890 section 2.2.3).
        ("::1/128", "loopback"),
        ("2001::/23", "for protocols of the IETF"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is assigned to hosts (RFC 4291 section 2.4, IANA's IPv6 Address Space)."""

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""The well-known prefix of NAT64 (RFC 6052 section 2.1): the IPv4 address in its last 32 bits
is the one that is reached, and resolvers make these up for every name that has only such."""

_LOCALLY_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/32")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_LOW_32: Final = 0xFFFFFFFF


class AddressGuard:
    """Says of each address whether a fetch may connect to it.

    Args:
        allow: networks that may be reached whatever they are; IPv4 networks cover their
            IPv4-mapped form too.
        excludes: what must not be reached even if it is allowed.

    Raises:
        InventoryError: a text of `allow` is no address, network or range.
    """

    __slots__ = ("_allowed", "_excludes")

    def __init__(self, allow: Iterable[str] = (), excludes: Excluder | None = None) -> None:
        self._allowed = Excludes(allow, source="--fetch-allow")
        self._excludes = excludes

    def refusal(self, address: IPAddress, port: int) -> FetchFailure | None:
        """Why there must be no connection to this address and port, or None.

        Of a network that translates to IPv4 under a prefix of its own (RFC 6052 section 2.2)
        nothing is known here: its addresses count as what they look like.
        """
        address = unmapped(address)
        shown = str(address)
        if self._excluded(address):
            return failure(FetchReason.EXCLUDED, shown)
        if any(address in network for network in _NOWHERE):
            return failure(FetchReason.ADDRESS_REFUSED, f"{shown} is no destination")
        if self._allowed.contains(shown):
            return None
        what = _refused_as(address)
        if what:
            return failure(FetchReason.ADDRESS_REFUSED, f"{shown} is {what}")
        if port not in HTTP_PORTS:
            return failure(FetchReason.PORT, f"{port} of {shown}")
        return None

    def _excluded(self, address: IPAddress) -> bool:
        if self._excludes is None:
            return False
        return any(self._excludes.contains(str(one)) for one in (address, *_inner(address)))


def unmapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv4-mapped one (RFC 4291 section 2.5.5.2) is to the system."""
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _refused_as(address: IPAddress) -> str:
    """What kind of address it is that only the user can open, or `""`."""
    for network, what in _REFUSED:
        if address in network:
            return what
    if address.version == 6 and address in _TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & _LOW_32)
        what = "no destination" if inner in _NOWHERE[0] else _refused_as(inner)
        return what and f"{inner} behind NAT64, {what}"
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return "outside of what is assigned to hosts"
    # What this release of Python knows beyond that.
    return "" if address.is_global and not address.is_multicast else "not for the internet"


def _inner(address: IPAddress) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to or through, by its form.

    NAT64, 6to4 (RFC 3056 section 2), Teredo (RFC 4380 section 4: server and client), and
    IPv4-compatible addresses (RFC 4291 section 2.5.5.1).
    """
    if address.version == 4:
        return ()
    if address in _LOCALLY_TRANSLATED or address in _COMPATIBLE:
        return (ipaddress.IPv4Address(int(address) & _LOW_32),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()

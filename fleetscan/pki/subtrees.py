"""Whether a name lies in a subtree of name constraints, form by form (RFC 5280 section 4.2.1.10).

Each function takes the octets of the name and of the subtree's base, and whether the subtree
is excluded: where a name cannot be read, or stands for several, the answer is the stricter one.
None says that the subtree itself is malformed. DNS names, which come in thousands, are looked
up in all subtrees at once.

Where clients differ: a DNS constraint with a leading dot is no RFC 5280 form, yet it is
common and read by browsers and OpenSSL as "at least one label more". A wildcard name is
refused as soon as one name that it covers would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fleetscan.pki.distinguished_names import rdn_sequence

_USUAL_NAME: Final = 256
"""Octets that no name of the DNS has (RFC 1035 section 2.3.4)."""

_HOST: Final = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
"""Letters, digits and hyphens, in labels (RFC 5321 section 2.3.5); underscores are in use."""

_HOST_OF_URI: Final = re.compile(rb"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]*)")
"""RFC 3986 section 3.2; an address in brackets is not followed."""


class DnsSubtrees:
    """The dNSName bases of a constraint, looked up by the endings of a name.

    A certificate of many names below an authority of many constraints is common enough: what
    it costs is the labels of the names, not names times constraints.

    Args:
        bases: as the constraint has them.
        excluded: whether these are excluded subtrees, and not permitted ones.
    """

    __slots__ = ("_bases", "_excluded", "_parents", "malformed")

    def __init__(self, bases: Iterable[bytes], *, excluded: bool) -> None:
        lowered = {base.lower() for base in bases}
        self._excluded = excluded
        self._bases = {base for base in lowered if b"*" not in base and not base.endswith(b".")}
        self.malformed = self._bases != lowered
        # `*.example.com` could be used for an excluded `host.example.com`.
        hosts = (base.lstrip(b".") for base in self._bases if excluded)
        self._parents = {host.partition(b".")[2] for host in hosts if b"." in host}

    def __bool__(self) -> bool:
        """Whether there are any, malformed ones included."""
        return bool(self._bases) or self.malformed

    def hold(self, name: bytes) -> bool:
        """Whether the name, or one that it stands for, lies in one of the subtrees."""
        name = name.lower()
        if self._excluded:
            # Not a name to any client, and it could be used for the one without the dot.
            name = name.removesuffix(b".")
        if not name or name.startswith(b".") or name.endswith(b"."):
            # No DNS name at all, so it is in no permitted part of the name space.
            return False
        if b"" in self._bases:
            return True
        wildcard = name.startswith(b"*.")
        ending = name[2:] if wildcard else name
        if wildcard and (ending in self._parents or b"." + ending in self._bases):
            return True
        # Ends: the name loses a label in each round.
        while ending:
            if ending in self._bases:
                return True
            _, _, ending = ending.partition(b".")
            if b"." + ending in self._bases:
                return True
        return False


def dns_name_work(name: bytes) -> int:
    """What `DnsSubtrees.hold` costs for a name: its endings, longer ones for more."""
    return (1 + name.count(b".")) * (1 + len(name) // _USUAL_NAME)


def ip_address_within(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Address and mask of the same family (section 4.2.1.10); None: one of them is malformed."""
    if len(subtree) not in (8, 32) or len(name) not in (4, 16):
        return None
    size = len(subtree) // 2
    if len(name) != size:
        return False
    mask = int.from_bytes(subtree[size:], "big")
    inverted = mask ^ ((1 << 8 * size) - 1)
    if inverted & (inverted + 1):  # a prefix is ones, then zeros
        return None
    difference = int.from_bytes(name, "big") ^ int.from_bytes(subtree[:size], "big")
    return not difference & mask


def directory_name_within(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Whether the subtree's RDNs are the first ones of the name; None: malformed."""
    inside, above = rdn_sequence(name), rdn_sequence(subtree)
    if above is None:
        return None
    if inside is None:
        return excluding
    return inside[: len(above)] == above


def mailbox_within(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """A mailbox, all mailboxes of a host, or of all hosts in a domain (with a leading dot).

    A mailbox is a local part and a host (RFC 5321 section 4.1.2). Whatever else stands in a
    name is in no permitted subtree and in every excluded one.
    """
    of_mailbox, is_mailbox, base = subtree.rpartition(b"@")
    if is_mailbox:
        if not of_mailbox or not _is_host(base):
            return None
    elif base and not _is_host(base.removeprefix(b".")):
        return None
    local, _, host = name.rpartition(b"@")
    if not local or not _is_host(host):
        return excluding
    if is_mailbox:
        return local == of_mailbox and host.lower() == base.lower()
    return _host_within(host, base)


def _is_host(octets: bytes) -> bool:
    return _HOST.fullmatch(octets.lower()) is not None


def uri_within(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """The host of a URI, or all hosts in a domain; a URI without a host name is in no subtree."""
    found = _HOST_OF_URI.match(name.lower())
    host = found.group(1) if found else b""
    if not host or not host.strip(b"0123456789."):
        return excluding
    return _host_within(host, subtree)


def _host_within(host: bytes, subtree: bytes) -> bool:
    host, subtree = host.lower(), subtree.lower()
    if not subtree:
        return True
    return host.endswith(subtree) if subtree.startswith(b".") else host == subtree

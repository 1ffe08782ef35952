"""Whether a name lies in a subtree of name constraints, form by form (RFC 5280 section 4.2.1.10).

Each takes the octets of the name and of the subtree's base, and whether the subtree is
excluded: where a name cannot be read, or stands for several, the answer is the stricter one.
None says that the subtree itself is malformed.

Where clients differ: a DNS constraint with a leading dot is no RFC 5280 form, yet it is
common and read by browsers and OpenSSL as "at least one label more". A wildcard name is
refused as soon as one name that it covers would be.
"""

from __future__ import annotations

import re
from typing import Final

from fleetscan.pki.distinguished_names import rdn_sequence

_HOST_OF_URI: Final = re.compile(rb"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]*)")
"""RFC 3986 section 3.2; an address in brackets is not followed."""


def dns_name_within(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Whether the name lies in the subtree; None when the subtree is no DNS name."""
    name, subtree = name.lower(), subtree.lower()
    if b"*" in subtree or subtree.endswith(b"."):
        return None
    if excluding:
        # Not a name to any client, and it could be used for the one without the dot.
        name = name.removesuffix(b".")
    if name.startswith(b".") or not name:
        # No DNS name at all, so it is in no permitted part of the name space.
        return False
    if not subtree:
        return True
    wildcard = name.startswith(b"*.")
    base = name[2:] if wildcard else name
    if not subtree.startswith(b"."):
        if base == subtree or base.endswith(b"." + subtree):
            return True
    elif name.endswith(subtree):
        return True
    # `*.example.com` could be used for an excluded `host.example.com`.
    return excluding and wildcard and subtree.lstrip(b".").partition(b".")[2] == base


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
    """A mailbox, all mailboxes of a host, or of all hosts in a domain (with a leading dot)."""
    local, at, host = name.rpartition(b"@")
    if not at:
        return excluding
    of_mailbox, is_mailbox, base = subtree.rpartition(b"@")
    if is_mailbox:
        return local == of_mailbox and host.lower() == base.lower()
    return _host_within(host, base)


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

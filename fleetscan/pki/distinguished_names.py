"""When two names are the same, RFC 5280 section 7.1.

Authorities write their name into what they issue, and not always octet by octet as it
stands in their own certificate: another string type, other capitals, more spaces. Clients
compare what the names say.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.pki import _der

if TYPE_CHECKING:
    from fleetscan._parse import Name

_STRINGS: Final = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
"""ASN.1 string tags of attribute values and how their octets are read."""

_VERSION: Final = 0xA0
_SUBJECT_PLACE: Final = 4
"""Of the subject in a TBSCertificate without a version."""

_KEPT_NAMES: Final = 4_096
"""Names whose normal form is remembered: a fleet has fewer issuers."""

Rdn: TypeAlias = frozenset[tuple[bytes, object]]


def name_key(name: Name) -> bytes:
    """Give what is equal for two names that say the same, to look certificates up by."""
    return _key(name.der)


def is_same_name(one: Name, other: Name) -> bool:
    """Say whether two names say the same."""
    if one.der == other.der:
        return True
    if len(one.rdns) != len(other.rdns):
        return False
    # Most names differ in a part that is read already, which spares making their keys.
    for left, right in zip(one.rdns, other.rdns, strict=True):
        if len(left) == len(right) == 1 and left[0].oid != right[0].oid:
            return False
        if len(left) == len(right) == 1 and _folded(left[0].value) != _folded(right[0].value):
            return False
    return _key(one.der) == _key(other.der)


def claimed_subject_key(der: bytes) -> bytes:
    """The `name_key` of the subject of a certificate that the parser refused.

    Layout, of what has to be readable for it::

        TBSCertificate ::= SEQUENCE {
            version [0] DEFAULT v1, serialNumber, signature, issuer, validity, subject, ... }

    Returns:
        b"" where the octets are not laid out so far as that.
    """
    outer = _der.elements(der, 1)
    tbs = _der.whole_elements(outer[0][1], 1) if outer else None
    inner = _der.elements(tbs[0], 1) if tbs else None
    fields = _der.whole_elements(inner[0][1], _SUBJECT_PLACE + 2) if inner else None
    if not fields:
        return b""
    place = _SUBJECT_PLACE + (fields[0][0] == _VERSION)
    if len(fields) <= place or rdn_sequence(fields[place]) is None:
        return b""
    return _key(fields[place])


def rdn_sequence(der: bytes) -> tuple[Rdn, ...] | None:
    """Read a Name; None for one that is malformed.

    Attribute types are the octets of their OIDs. Values are compared as RFC 5280 section 7.1
    has it, nearly: text without case, with single spaces between words and none at the ends,
    whatever its string type; what is no text by its octets.
    """
    body = _der.content(der, _der.SEQUENCE)
    sets = None if body is None else _der.elements(body)
    if sets is None:
        return None
    rdns: list[Rdn] = []
    for tag, octets in sets:
        rdn = relative_name(octets) if tag == _der.SET else None
        if rdn is None:
            return None
        rdns.append(rdn)
    return tuple(rdns)


@functools.lru_cache(maxsize=_KEPT_NAMES)
def _key(der: bytes) -> bytes:
    sequence = rdn_sequence(der)
    if sequence is None:
        return der
    return repr([sorted(map(repr, rdn)) for rdn in sequence]).encode()


def relative_name(octets: bytes) -> Rdn | None:
    """Read the content of one RelativeDistinguishedName; None for one that is malformed."""
    attributes = _der.elements(octets)
    if attributes is None:
        return None
    found: set[tuple[bytes, object]] = set()
    for tag, inner in attributes:
        parts = _der.elements(inner)
        if tag != _der.SEQUENCE or parts is None or len(parts) != 2:
            return None
        (_, oid), (value_tag, value) = parts
        found.add((oid, _normalised(value_tag, value)))
    return frozenset(found)


def _normalised(tag: int, value: bytes) -> object:
    encoding = _STRINGS.get(tag)
    if encoding is None:
        return tag, value
    try:
        return _folded(value.decode(encoding))
    except UnicodeDecodeError:
        return tag, value


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

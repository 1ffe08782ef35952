"""Name constraints, RFC 5280 section 4.2.1.10: DNS names, IP addresses, directory names.

Where clients differ: a DNS constraint with a leading dot is no RFC 5280 form, yet it is
common and read by browsers and OpenSSL as "at least one label more". A wildcard name is
refused as soon as one name that it covers would be. Constraints on rfc822Name and
uniformResourceIdentifier say nothing about a TLS server's name and are left alone.
Matching is linear in names times constraints, which a hostile chain can make large: a
`WorkBudget` shared by the whole assessment bounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki import _der
from fleetscan.pki.names import DIRECTORY_NAME, DNS_NAME, IP_ADDRESS
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate, GeneralName

OTHER_NAME: Final = 0
NAME_CONSTRAINTS_OID: Final = "2.5.29.30"

_STRINGS: Final = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
"""ASN.1 string tags of attribute values and how their octets are read."""

_Rdn = frozenset[tuple[bytes, object]]


class WorkBudget:
    """How many comparisons one assessment may still make.

    `exceeded` stays True once more was asked for than was left; constraints that were not
    looked at because of it were neither kept nor broken.
    """

    __slots__ = ("exceeded", "remaining")

    def __init__(self, remaining: int = limits.MAX_NAME_CONSTRAINT_WORK) -> None:
        self.remaining = remaining
        self.exceeded = False

    def spend(self, amount: int) -> bool:
        """Take `amount` from what is left; False when that is too little."""
        if amount > self.remaining:
            self.exceeded = True
            return False
        self.remaining -= amount
        return True


def violated_constraint(issuer: Certificate, subject: Certificate, work: WorkBudget) -> str:
    """Name the first name of `subject` that `issuer` may not issue for.

    Args:
        issuer: the CA whose nameConstraints extension is asked.
        subject: a certificate below it on the path, self-issued intermediates left out.
        work: what may still be compared; when it runs out the answer is `""`.

    Returns:
        The name as printable text, or what is malformed; `""` when nothing is broken.
    """
    constraints = issuer.name_constraints
    if constraints is None:
        return ""
    permitted, excluded = constraints.permitted_subtrees, constraints.excluded_subtrees
    names = subject.subject_alt_name or ()
    if not work.spend(len(names) + len(permitted) + len(excluded)):
        return ""
    for kind, matches in _MATCHERS.items():
        values = [name.value for name in names if name.kind == kind]
        if kind == DIRECTORY_NAME and subject.subject.rdns:
            values.append(subject.subject.der)
        broken = _broken(kind, matches, values, (permitted, excluded), work)
        if broken:
            return broken
    return _other_name(issuer, names, (permitted, excluded), work)


def _broken(
    kind: int,
    matches: Callable[[bytes, bytes, bool], bool | None],
    values: Sequence[bytes],
    subtrees: tuple[Sequence[GeneralName], Sequence[GeneralName]],
    work: WorkBudget,
) -> str:
    permitted = [subtree.value for subtree in subtrees[0] if subtree.kind == kind]
    excluded = [subtree.value for subtree in subtrees[1] if subtree.kind == kind]
    if not (permitted or excluded):
        return ""
    if not work.spend(len(values) * (len(permitted) + len(excluded))):
        return ""
    for value in values:
        answers = [matches(value, subtree, True) for subtree in excluded]
        if any(answers) or None in answers:
            return _shown(kind, value)
        if permitted and not any(matches(value, subtree, False) for subtree in permitted):
            return _shown(kind, value)
    return ""


def _matches_dns(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Whether the name lies in the subtree; None when the subtree is no DNS name."""
    name, subtree = name.lower(), subtree.lower()
    if b"*" in subtree:
        return None
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


def _matches_ip(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Address and mask of the same family, RFC 5280 section 4.2.1.10; None: malformed."""
    if len(subtree) not in (8, 32):
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


def _matches_directory(name: bytes, subtree: bytes, excluding: bool) -> bool | None:
    """Whether the subtree's RDNs are the first ones of the name; None: malformed."""
    inside, above = _rdn_sequence(name), _rdn_sequence(subtree)
    if above is None:
        return None
    if inside is None:
        return excluding
    return inside[: len(above)] == above


_MATCHERS: Final[dict[int, Callable[[bytes, bytes, bool], bool | None]]] = {
    DNS_NAME: _matches_dns,
    IP_ADDRESS: _matches_ip,
    DIRECTORY_NAME: _matches_directory,
}


def _rdn_sequence(der: bytes) -> tuple[_Rdn, ...] | None:
    body = _der.content(der, _der.SEQUENCE)
    sets = None if body is None else _der.elements(body)
    if sets is None:
        return None
    rdns: list[_Rdn] = []
    for tag, octets in sets:
        rdn = _rdn(octets) if tag == _der.SET else None
        if rdn is None:
            return None
        rdns.append(rdn)
    return tuple(rdns)


def _rdn(octets: bytes) -> _Rdn | None:
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
    """Text without case and with single spaces (RFC 5280 section 7.1), else the octets."""
    encoding = _STRINGS.get(tag)
    if encoding is None:
        return tag, value
    try:
        return " ".join(value.decode(encoding).casefold().split())
    except UnicodeDecodeError:
        return tag, value


def _other_name(
    issuer: Certificate,
    names: Sequence[GeneralName],
    subtrees: tuple[Sequence[GeneralName], Sequence[GeneralName]],
    work: WorkBudget,
) -> str:
    """A critical constraint that cannot be read forbids names of its form (section 4.2.1.10)."""
    constrained = {
        _other_name_type(subtree.value)
        for row in subtrees
        for subtree in row
        if subtree.kind == OTHER_NAME
    }
    if not constrained:
        return ""
    extension = issuer.extension(NAME_CONSTRAINTS_OID)
    if extension is None or not extension.critical:
        return ""
    for name in names:
        if name.kind == OTHER_NAME and _other_name_type(name.value) in constrained:
            return "otherName"
    return ""


def _other_name_type(value: bytes) -> bytes:
    """The type-id's element: tag, one length octet, content (OIDs are short)."""
    return value[: 2 + value[1]] if len(value) > 1 else value


def _shown(kind: int, value: bytes) -> str:
    if kind == DNS_NAME:
        return printable(value, limits.MAX_NAME)
    label = "iPAddress" if kind == IP_ADDRESS else "directoryName"
    return f"{label} {value[:32].hex()}"

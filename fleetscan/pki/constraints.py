"""Name constraints, RFC 5280 section 4.2.1.10: whether an authority may issue for these names.

Matching other forms than dNSName is linear in names times constraints, which a hostile chain
can make large: a `WorkBudget` shared by the whole assessment bounds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.names import DIRECTORY_NAME, DNS_NAME, IP_ADDRESS
from fleetscan.pki.subtrees import (
    DnsSubtrees,
    directory_name_within,
    dns_name_work,
    ip_address_within,
    mailbox_within,
    uri_within,
)
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate, GeneralName

OTHER_NAME: Final = 0
RFC822_NAME: Final = 1
URI: Final = 6
_UNREAD: Final = {3: "x400Address", 5: "ediPartyName", 8: "registeredID"}
"""Forms that nobody here can compare."""

_LABEL: Final = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(_LABEL + rb"(?:\." + _LABEL + rb")+")
"""What OpenSSL takes for a host name in a common name: two labels at least."""

_COMMON_NAME: Final = "2.5.4.3"
_EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"
NAME_CONSTRAINTS_OID: Final = "2.5.29.30"


class WorkBudget:
    """How many comparisons one assessment may still make.

    `exceeded` stays True once more was asked for than was left or allowed; constraints not
    looked at because of that were neither kept nor broken.
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


def violated_constraint(
    issuer: Certificate, subject: Certificate, work: WorkBudget, *, common_name: bool = False
) -> str:
    """Name the first name of `subject` that `issuer` may not issue for.

    Args:
        issuer: the CA whose nameConstraints extension is asked.
        subject: a certificate below it on the path, self-issued intermediates left out.
        work: what may still be compared; when it runs out the answer is `""`.
        common_name: whether the common name stands in where there is no dNSName, and is then
            constrained like one.

    Returns:
        The name as printable text, or what is malformed; `""` when nothing is broken.
    """
    constraints = issuer.name_constraints
    if constraints is None:
        return ""
    permitted, excluded = constraints.permitted_subtrees, constraints.excluded_subtrees
    names = subject.subject_alt_name or ()
    count, constrained = len(names) + len(subject.subject.rdns), len(permitted) + len(excluded)
    if count * constrained > limits.MAX_NAME_CONSTRAINT_PAIRS:
        work.exceeded = True
        return ""
    if not work.spend(len(names) + constrained):
        return ""
    broken = _broken_dns(_values(DNS_NAME, subject, common_name), (permitted, excluded), work)
    if broken:
        return broken
    for kind, matches in _MATCHERS.items():
        values = _values(kind, subject, common_name)
        broken = _broken(kind, matches, values, (permitted, excluded), work)
        if broken:
            return broken
    return _unread_name(names, (*permitted, *excluded))


def _values(kind: int, subject: Certificate, common_name: bool) -> Sequence[bytes]:
    """The names of a form, with those that older certificates have in their subject."""
    values = [name.value for name in subject.subject_alt_name or () if name.kind == kind]
    if kind == DIRECTORY_NAME and subject.subject.rdns:
        values.append(subject.subject.der)
    if kind == RFC822_NAME and subject.subject_alt_name is None:
        values += _attributes(subject, _EMAIL_ADDRESS)
    if kind == DNS_NAME and common_name and not values:
        values += [
            each for each in _attributes(subject, _COMMON_NAME) if _HOST_NAME.fullmatch(each)
        ]
    return values


def _attributes(subject: Certificate, oid: str) -> Sequence[bytes]:
    return [part.value.encode() for rdn in subject.subject.rdns for part in rdn if part.oid == oid]


_MATCHERS: Final[dict[int, Callable[[bytes, bytes, bool], bool | None]]] = {
    IP_ADDRESS: ip_address_within,
    DIRECTORY_NAME: directory_name_within,
    RFC822_NAME: mailbox_within,
    URI: uri_within,
}


def _broken_dns(
    values: Sequence[bytes],
    subtrees: tuple[Sequence[GeneralName], Sequence[GeneralName]],
    work: WorkBudget,
) -> str:
    permitted, excluded = (
        DnsSubtrees((each.value for each in some if each.kind == DNS_NAME), excluded=which)
        for some, which in zip(subtrees, (False, True), strict=True)
    )
    if not (permitted or excluded):
        return ""
    if not work.spend(sum(map(dns_name_work, values))):
        return ""
    for value in values:
        if excluded.malformed or excluded.hold(value):
            return _shown(DNS_NAME, value)
        if permitted and not permitted.hold(value):
            return _shown(DNS_NAME, value)
    return ""


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


def _unread_name(names: Sequence[GeneralName], subtrees: Sequence[GeneralName]) -> str:
    """A constraint that cannot be compared forbids names of its form (section 4.2.1.10).

    The RFC asks this of critical constraints; OpenSSL, Java and Firefox of all.
    """
    constrained = {_form(subtree) for subtree in subtrees if _is_unread(subtree)}
    for name in names:
        if _is_unread(name) and _form(name) in constrained:
            return _UNREAD.get(name.kind, "otherName")
    return ""


def _is_unread(name: GeneralName) -> bool:
    return name.kind == OTHER_NAME or name.kind in _UNREAD


def _form(name: GeneralName) -> tuple[int, bytes]:
    """A form of names; each type-id of otherName is one of its own."""
    return name.kind, _other_name_type(name.value) if name.kind == OTHER_NAME else b""


def _other_name_type(value: bytes) -> bytes:
    """The type-id's element: tag, one length octet, content (OIDs are short)."""
    return value[: 2 + value[1]] if len(value) > 1 else value


def _shown(kind: int, value: bytes) -> str:
    if kind in (DNS_NAME, RFC822_NAME, URI):
        return printable(value, limits.MAX_NAME)
    label = "iPAddress" if kind == IP_ADDRESS else "directoryName"
    return f"{label} {value[:32].hex()}"

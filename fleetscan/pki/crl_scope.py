"""Which certificates and reasons a CRL speaks for: RFC 5280 sections 5.2.5 and 6.3.3 (b), (d)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.pki import _der
from fleetscan.pki.distinguished_names import Rdn, rdn_sequence, relative_name

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"

_DIRECTORY_NAME: Final = 0xA4
_NAME: Final = 0xA0
_FULL_NAME: Final = 0xA0
_RELATIVE_NAME: Final = 0xA1
_REASONS: Final = 0x81
_CRL_ISSUER: Final = 0xA2
_ONLY_SOME_REASONS: Final = 0x83
_INDIRECT_CRL: Final = 0x84
_ONLY: Final = {
    0x81: "onlyContainsUserCerts",
    0x82: "onlyContainsCACerts",
    0x85: "onlyContainsAttributeCerts",
}

DistinguishedName: TypeAlias = tuple[Rdn, ...]
_Names: TypeAlias = frozenset[tuple[int, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an issuingDistributionPoint says; the default is a CRL without one.

    Args:
        names: of the distribution point; None when it names none.
        only: `onlyContainsUserCerts` and its like, `""` when all kinds are covered.
        some_reasons: whether it covers some reasons only.
    """

    names: _Names | None = None
    only: str = ""
    some_reasons: bool = False


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """One DistributionPoint of a certificate, RFC 5280 section 4.2.1.13."""

    names: _Names | None
    some_reasons: bool
    crl_issuer: _Names | None


def read_scope(value: bytes, issuer: DistinguishedName) -> Scope | None:
    """Read an issuingDistributionPoint; None when it is malformed.

    Layout, RFC 5280 section 5.2.5::

        [0] distributionPoint OPTIONAL, [1] onlyContainsUserCerts, [2] onlyContainsCACerts,
        [3] onlySomeReasons OPTIONAL, [4] indirectCRL, [5] onlyContainsAttributeCerts

    An indirect CRL is no other here: each entry says whose certificate it means.

    Args:
        value: the extension's value.
        issuer: the CRL's issuer, to which a relative name is added.
    """
    fields = _fields(value, {_NAME, _ONLY_SOME_REASONS, _INDIRECT_CRL, *_ONLY})
    if fields is None:
        return None
    flags = [fields[tag] for tag in (*_ONLY, _INDIRECT_CRL) if tag in fields]
    if any(len(flag) != 1 for flag in flags):
        return None
    only = [word for tag, word in _ONLY.items() if fields.get(tag, b"\x00") != b"\x00"]
    names = _point_names(fields[_NAME], issuer) if _NAME in fields else None
    # "at most one of onlyContainsUserCerts, onlyContainsCACerts, and
    # onlyContainsAttributeCerts" may be TRUE.
    if len(only) > 1 or (names is None and _NAME in fields):
        return None
    return Scope(names=names, only="".join(only), some_reasons=_ONLY_SOME_REASONS in fields)


def out_of_scope(certificate: Certificate, scope: Scope, issuer: DistinguishedName) -> str:
    """Say by which field a CRL does not cover a certificate, or `""`."""
    constraints = certificate.basic_constraints
    is_ca = constraints is not None and constraints.ca
    if scope.only and scope.only != _ONLY[0x82 if is_ca else 0x81]:
        return scope.only
    if scope.names is not None and not _matching(certificate, scope.names, issuer):
        return "distributionPoint"
    return ""


def covers_all_reasons(certificate: Certificate, scope: Scope, issuer: DistinguishedName) -> bool:
    """Say whether a certificate in scope that is not listed is revoked for no reason at all."""
    if scope.some_reasons:
        return False
    if scope.names is None:
        return True
    matching = _matching(certificate, scope.names, issuer)
    return not all(point.some_reasons for point in matching)


def names_issuer(general_names: bytes, issuer: DistinguishedName) -> bool | None:
    """Say whether GeneralNames (without outer tag) hold this name; None when malformed."""
    names = _general_names(general_names)
    return None if names is None else (_DIRECTORY_NAME, issuer) in names


def _matching(
    certificate: Certificate, names: _Names, issuer: DistinguishedName
) -> tuple[_Point, ...]:
    """The certificate's distribution points that a CRL with these names is for.

    A certificate may also be looked up under its issuer's own name (end of RFC 5280 section
    6.3.3), which is all that a point without a name says. A point that names another CRL
    issuer is not for this CRL (section 6.3.3 (b) (1)).
    """
    own: _Names = frozenset({(_DIRECTORY_NAME, issuer)})
    points = [*_points(certificate, issuer), _Point(names=own, some_reasons=False, crl_issuer=None)]
    return tuple(
        point
        for point in points
        if (point.crl_issuer is None or point.crl_issuer & own)
        and point.names is not None
        and names & point.names
    )


def _points(certificate: Certificate, issuer: DistinguishedName) -> list[_Point]:
    extension = certificate.extension(CRL_DISTRIBUTION_POINTS)
    body = None if extension is None else _der.content(extension.value, _der.SEQUENCE)
    found = []
    for tag, octets in (None if body is None else _der.elements(body)) or ():
        row = _der.elements(octets)
        if tag != _der.SEQUENCE or row is None:
            continue
        fields = dict(row)
        crl_issuer = fields.get(_CRL_ISSUER)
        found.append(
            _Point(
                names=_point_names(fields[_NAME], issuer) if _NAME in fields else None,
                some_reasons=_REASONS in fields,
                # One that cannot be read is nobody's name.
                crl_issuer=None if crl_issuer is None else _general_names(crl_issuer) or _NOBODY,
            )
        )
    return found


_NOBODY: Final[_Names] = frozenset()


def _point_names(octets: bytes, issuer: DistinguishedName) -> _Names | None:
    """DistributionPointName ::= CHOICE { [0] fullName, [1] nameRelativeToCRLIssuer }."""
    row = _der.elements(octets)
    if row is None or len(row) != 1:
        return None
    tag, content = row[0]
    if tag == _FULL_NAME:
        return _general_names(content)
    rdn = relative_name(content) if tag == _RELATIVE_NAME else None
    return None if rdn is None else frozenset({(_DIRECTORY_NAME, (*issuer, rdn))})


def _general_names(octets: bytes) -> _Names | None:
    row = _der.elements(octets)
    if row is None:
        return None
    found: set[tuple[int, object]] = set()
    for tag, content in row:
        value: object = rdn_sequence(content) if tag == _DIRECTORY_NAME else content
        if value is None:
            return None
        found.add((tag, value))
    return frozenset(found)


def _fields(value: bytes, allowed: set[int]) -> dict[int, bytes] | None:
    """The fields of a SEQUENCE whose every tag is allowed and comes once."""
    body = _der.content(value, _der.SEQUENCE)
    row = None if body is None else _der.elements(body)
    if row is None:
        return None
    fields = dict(row)
    return fields if len(fields) == len(row) and fields.keys() <= allowed else None

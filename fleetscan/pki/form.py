"""What a certificate says in a form that clients refuse to read, although its DER is sound.

RFC 5280 forbids authorities to write such things, and the readers of current browsers give up
on the whole certificate: Chrome's `ParsedCertificate`, Firefox's `CheckIssuer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.pki import _der
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.certificate_policies import has_duplicate
from fleetscan.pki.constraints import NAME_CONSTRAINTS_OID
from fleetscan.pki.names import IP_ADDRESS
from fleetscan.pki.policy import Rule

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

FORM_RULES: Final = frozenset({Rule.DISTINGUISHED_NAMES, Rule.EXTENSION_FORM})
"""The rules that are asked here."""

_ADDRESS_OCTETS: Final = (4, 16)


def form_problems(path: tuple[Certificate, ...]) -> tuple[Problem, ...]:
    """List what is not in the form that RFC 5280 prescribes and clients insist on.

    Args:
        path: the leaf first.

    Returns:
        The leaf's problems, then each authority's upwards; each rule once a certificate.
    """
    problems = []
    top = len(path) - 1
    for index, certificate in enumerate(path):
        kind = PathProblem.PROFILE_CA if index else PathProblem.PROFILE_LEAF
        empty = ""
        if index and not certificate.subject.rdns:
            # Whatever it issued has an empty issuer: that is not told a second time.
            empty = "empty subject"
        elif index == top and not certificate.issuer.rdns:
            empty = "empty issuer"
        for rule, what in (
            (Rule.DISTINGUISHED_NAMES, empty),
            (Rule.EXTENSION_FORM, _misshapen(certificate)),
        ):
            if what:
                detail = f"{rule.value}: {what}"
                problems.append(
                    Problem(kind=kind, rule=rule, certificate=certificate, detail=detail)
                )
    return tuple(problems)


def _misshapen(certificate: Certificate) -> str:
    if certificate.name_constraints is not None and _has_empty_constraints(certificate):
        return "empty nameConstraints"
    for name in certificate.subject_alt_name or ():
        if name.kind == IP_ADDRESS and len(name.value) not in _ADDRESS_OCTETS:
            return f"iPAddress of {len(name.value)} octets"
    return "certificate policy twice" if has_duplicate(certificate) else ""


def _has_empty_constraints(certificate: Certificate) -> bool:
    """Whether there is no subtree at all, or a list of subtrees without one.

    Layout::

        NameConstraints ::= SEQUENCE {
            permittedSubtrees [0] GeneralSubtrees OPTIONAL,
            excludedSubtrees  [1] GeneralSubtrees OPTIONAL }
    """
    extension = certificate.extension(NAME_CONSTRAINTS_OID)
    body = None if extension is None else _der.content(extension.value, _der.SEQUENCE)
    lists = _der.elements(body) if body else ()
    return not lists or any(not octets for _, octets in lists)

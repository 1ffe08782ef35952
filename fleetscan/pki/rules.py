"""What is wrong with one path: every rule asked of every certificate it concerns.

RFC 5280 section 6.1 with what current browsers add. Where they differ from the RFC: an
anchor is held to its dates, its constraints and its right to issue, as Firefox and
OpenSSL do (the RFC asks an anchor nothing), but not to its key's or signature's strength.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.constraints import violated_constraint
from fleetscan.pki.names import distinguished_name
from fleetscan.pki.search import Ending, FoundPath, is_self_issued
from fleetscan.pki.signatures import SignatureState, weak_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetscan._parse import Certificate
    from fleetscan.pki.constraints import WorkBudget

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"

_DIGITAL_SIGNATURE: Final = 1 << 0
_KEY_ENCIPHERMENT: Final = 1 << 2
_KEY_AGREEMENT: Final = 1 << 4
_SERVER_USES: Final = _DIGITAL_SIGNATURE | _KEY_ENCIPHERMENT | _KEY_AGREEMENT
_KEY_CERT_SIGN: Final = 1 << 5
"""Bits of KeyUsage, RFC 5280 section 4.2.1.3."""

_ABOUT_POLICIES: Final = frozenset({"2.5.29.33", "2.5.29.36", "2.5.29.54"})
"""policyMappings, policyConstraints, inhibitAnyPolicy: known to every client and critical on
cross-certificates. They restrict certificate policies, which TLS clients ask nothing about."""

_MIN_BITS: Final = {"RSA": 2_048, "1.2.840.113549.1.1.10": 2_048, "EC": 224}


def problems_of(found: FoundPath, now: float, work: WorkBudget) -> tuple[Problem, ...]:
    """List what is wrong with a path, apart from the leaf's name.

    Args:
        found: the path with the state of its links.
        now: Unix seconds, UTC. A certificate is valid from the first to the last second
            it names, both included (RFC 5280 section 4.1.2.5).
        work: what may still be spent on name constraints; `exceeded` afterwards says that
            some were not looked at.

    Returns:
        The leaf's problems, then each CA's upwards, then what the path's end is about.
    """
    second = int(now // 1)
    path = found.certificates
    # Whoever is, or would be, trusted by itself: its key and signature prove nothing more.
    below_anchor = len(path) if found.ending is Ending.OPEN else len(path) - 1
    problems: list[Problem] = []
    for index, certificate in enumerate(path):
        if index:
            problems += _time_problems(certificate, path[0], second)
            problems += _authority_problems(found, index)
        else:
            problems += _leaf_problems(certificate, second)
        if index < below_anchor or not index:
            problems += _strength_problems(certificate, signed=index < below_anchor)
        if certificate.unknown_critical_extensions:
            problems += _extension_problems(certificate)
        if index and certificate.name_constraints is not None:
            problems += _constraint_problems(path, index, work)
    problems += _link_problems(found)
    problems += _root_problems(found)
    return tuple(problems)


def _leaf_problems(leaf: Certificate, second: int) -> Sequence[Problem]:
    problems = []
    if second > leaf.not_after:
        problems.append(Problem(kind=PathProblem.EXPIRED, certificate=leaf))
    if second < leaf.not_before:
        problems.append(Problem(kind=PathProblem.NOT_YET_VALID, certificate=leaf))
    rules = []
    if not _may_authenticate_servers(leaf):
        rules.append("extended_key_usage")
    if leaf.key_usage is not None and not leaf.key_usage & _SERVER_USES:
        rules.append("key_usage")
    if rules:
        detail = ", ".join(rules)
        problems.append(Problem(kind=PathProblem.WRONG_PURPOSE, certificate=leaf, detail=detail))
    return problems


def _time_problems(certificate: Certificate, leaf: Certificate, second: int) -> Sequence[Problem]:
    """A leaf out of date says so itself; its CAs, mostly as old, add nothing to that."""
    if second > certificate.not_after and second <= leaf.not_after:
        return (Problem(kind=PathProblem.CA_EXPIRED, certificate=certificate),)
    if second < certificate.not_before and second >= leaf.not_before:
        return (Problem(kind=PathProblem.CA_NOT_YET_VALID, certificate=certificate),)
    return ()


def _may_authenticate_servers(certificate: Certificate) -> bool:
    usages = certificate.extended_key_usage
    return usages is None or SERVER_AUTH in usages or ANY_EXTENDED_KEY_USAGE in usages


def _authority_problems(found: FoundPath, index: int) -> Sequence[Problem]:
    """The rules by which the certificate at `index` may not have issued what is below it."""
    certificate = found.certificates[index]
    broken = []
    constraints = certificate.basic_constraints
    if certificate.version < 3:
        # Version 1 knows no basicConstraints; only trust itself can make it a CA.
        if found.ending is Ending.OPEN or index + 1 < len(found.certificates):
            broken.append("version")
    elif constraints is None or not constraints.ca:
        broken.append("basic_constraints")
    elif constraints.path_len_constraint is not None:
        between = found.certificates[1:index]
        length = sum(1 for ca in between if not is_self_issued(ca))
        if length > constraints.path_len_constraint:
            broken.append("path_len_constraint")
    if certificate.key_usage is not None and not certificate.key_usage & _KEY_CERT_SIGN:
        broken.append("key_usage")
    if not _may_authenticate_servers(certificate):
        broken.append("extended_key_usage")
    if not broken:
        return ()
    detail = ", ".join(broken)
    return (Problem(kind=PathProblem.INVALID_CA, certificate=certificate, detail=detail),)


def _strength_problems(certificate: Certificate, *, signed: bool) -> Sequence[Problem]:
    problems = []
    kind, bits = certificate.key_type, certificate.key_bits
    if kind == "DSA" or 0 < bits < _MIN_BITS.get(kind, 0):
        problems.append(
            Problem(kind=PathProblem.WEAK_KEY, certificate=certificate, detail=f"{kind}-{bits}")
        )
    if signed and weak_signature(certificate):
        problems.append(
            Problem(
                kind=PathProblem.WEAK_SIGNATURE,
                certificate=certificate,
                detail=certificate.signature_algorithm,
            )
        )
    return problems


def _extension_problems(certificate: Certificate) -> Sequence[Problem]:
    oids = [oid for oid in certificate.unknown_critical_extensions if oid not in _ABOUT_POLICIES]
    if not oids:
        return ()
    return (
        Problem(
            kind=PathProblem.UNKNOWN_CRITICAL_EXTENSION,
            certificate=certificate,
            detail=", ".join(oids)[: limits.MAX_NAME_SHOWN],
        ),
    )


def _constraint_problems(
    path: tuple[Certificate, ...], index: int, work: WorkBudget
) -> Sequence[Problem]:
    issuer = path[index]
    for below in range(index):
        # RFC 5280 section 6.1.3 (b): self-issued ones are let pass, unless they are last.
        if below and is_self_issued(path[below]):
            continue
        name = violated_constraint(issuer, path[below], work)
        if name:
            return (Problem(kind=PathProblem.NAME_CONSTRAINTS, certificate=issuer, detail=name),)
    return ()


def _link_problems(found: FoundPath) -> Sequence[Problem]:
    return [
        Problem(
            kind=PathProblem.BAD_SIGNATURE,
            certificate=certificate,
            detail=distinguished_name(certificate.issuer),
        )
        for certificate, link in zip(found.certificates, found.links, strict=False)
        if link.state is SignatureState.INVALID
    ]


def _root_problems(found: FoundPath) -> Sequence[Problem]:
    """A path that ends at a certificate that signed itself, which is not trusted."""
    if found.ending is not Ending.ROOT:
        return ()
    top = found.certificates[-1]
    if len(found.certificates) == 1:
        return (Problem(kind=PathProblem.SELF_SIGNED, certificate=top),)
    detail = distinguished_name(top.subject)
    return (Problem(kind=PathProblem.UNTRUSTED_ROOT, certificate=top, detail=detail),)

"""What one path breaks: every rule of a policy asked of every certificate it concerns.

RFC 5280 section 6.1 with what current browsers add. The RFC asks an anchor nothing; clients
do, so some rules have a counterpart for the anchor (`policy.AT_ANCHOR`), which a policy asks
or not. A root that is not trusted is looked at as the anchor it would become.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki.acceptance import (
    matches_under,
    unprocessed_extensions,
    weak_digest,
    weak_key,
    wrong_leaf_purpose,
    wrong_purpose,
)
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.certificate_policies import policy_problem
from fleetscan.pki.constraints import violated_constraint
from fleetscan.pki.form import FORM_RULES, form_problems
from fleetscan.pki.names import distinguished_name
from fleetscan.pki.policy import AT_ANCHOR, Rule
from fleetscan.pki.profile import PROFILE_RULES, profile_problems
from fleetscan.pki.purposes import KEY_CERT_SIGN
from fleetscan.pki.search import Ending, FoundPath
from fleetscan.pki.self_issued import is_self_issued
from fleetscan.pki.signatures import SignatureState
from fleetscan.text import printable
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetscan._parse import Certificate
    from fleetscan.pki.constraints import WorkBudget
    from fleetscan.pki.policy import Policy

_DIGITAL_SIGNATURE: Final = 1 << 0
_KEY_ENCIPHERMENT: Final = 1 << 2
_KEY_AGREEMENT: Final = 1 << 4
_SERVER_USES: Final = _DIGITAL_SIGNATURE | _KEY_ENCIPHERMENT | _KEY_AGREEMENT
"""Bits of keyUsage, RFC 5280 section 4.2.1.3."""


def name_problems(
    leaf: Certificate, reference_name: str | None, policy: Policy
) -> tuple[Checked, tuple[Problem, ...]]:
    """Say whether the leaf is for the name, and the problem when it is not and that matters."""
    matches = matches_under(policy, leaf, reference_name)
    if matches is not Checked.NO or Rule.NAME not in policy.rules:
        return matches, ()
    problem = Problem(
        kind=PathProblem.NAME_MISMATCH,
        rule=Rule.NAME,
        certificate=leaf,
        detail=printable(reference_name or "", limits.MAX_NAME),
    )
    return matches, (problem,)


def date_problems(found: FoundPath, second: int, policy: Policy) -> tuple[Problem, ...]:
    """List the certificates that are out of date.

    A certificate is valid from the first to the last second it names, both included
    (RFC 5280 section 4.1.2.5).
    """
    problems = []
    top = _top(found)
    for index, certificate in enumerate(found.certificates):
        if certificate.not_before <= second <= certificate.not_after:
            continue
        rule = Rule.VALIDITY
        if index:
            rule = Rule.ANCHOR_VALIDITY if index == top else Rule.CA_VALIDITY
        if rule in policy.rules:
            kinds = _LATE if second > certificate.not_after else _EARLY
            problems.append(Problem(kind=kinds[index > 0], rule=rule, certificate=certificate))
    return tuple(problems)


_LATE: Final = (PathProblem.EXPIRED, PathProblem.CA_EXPIRED)
_EARLY: Final = (PathProblem.NOT_YET_VALID, PathProblem.CA_NOT_YET_VALID)
"""Of the leaf, and of a certificate above it."""


def _top(found: FoundPath) -> int:
    """The place of the certificate that is, or would be, trusted by itself; 0 for none."""
    return 0 if found.ending is Ending.OPEN else len(found.certificates) - 1


def standing_problems(found: FoundPath, policy: Policy, work: WorkBudget) -> tuple[Problem, ...]:
    """List what is wrong with a path whatever the time and the name.

    Args:
        found: the path with the state of its links.
        policy: the rules that are asked.
        work: what may still be spent on name constraints; `exceeded` afterwards says that
            some were not looked at.

    Returns:
        The leaf's problems, then each CA's upwards, then what the path's end is about.
    """
    path = found.certificates
    top = _top(found)
    problems: list[Problem] = []
    for index, certificate in enumerate(path):
        above: list[Problem] = []
        if index:
            above += _authority_problems(found, index, policy)
            if certificate.name_constraints is not None:
                above += _constraint_problems(path, index, policy, work)
        else:
            problems += _purpose_problems(certificate, policy)
        above += _key_problems(certificate, policy)
        if found.ending is Ending.OPEN or index < len(path) - 1:
            above += _signature_problems(certificate, policy)
        above += _extension_problems(certificate, policy)
        problems += _as_of_anchor(above) if index and index == top else above
    if found.has_failed_link:
        problems += _link_problems(found)
    if found.ending is not Ending.ANCHOR:
        problems += _end_problems(found)
    if Rule.CERTIFICATE_POLICIES in policy.rules and len(path) > 1:
        problems += _policies_problems(path)
    if not policy.rules.isdisjoint(FORM_RULES):
        problems += form_problems(path)
    if not policy.rules.isdisjoint(PROFILE_RULES):
        problems += profile_problems(path, anchored=bool(top))
    return tuple(problem for problem in problems if problem.rule in policy.rules)


def _as_of_anchor(problems: Sequence[Problem]) -> Sequence[Problem]:
    """The same, under the rules that stand in for others at the anchor."""
    return [
        replace(problem, rule=AT_ANCHOR.get(problem.rule, problem.rule)) for problem in problems
    ]


def _purpose_problems(leaf: Certificate, policy: Policy) -> Sequence[Problem]:
    problems = []
    if wrong_leaf_purpose(policy, leaf):
        problems.append(_wrong_purpose(leaf, Rule.EXTENDED_KEY_USAGE))
    if leaf.key_usage is not None and not leaf.key_usage & _SERVER_USES:
        problems.append(_wrong_purpose(leaf, Rule.KEY_USAGE))
    return problems


def _wrong_purpose(leaf: Certificate, rule: Rule) -> Problem:
    return Problem(kind=PathProblem.WRONG_PURPOSE, rule=rule, certificate=leaf, detail=rule.value)


def _authority_problems(found: FoundPath, index: int, policy: Policy) -> Sequence[Problem]:
    """The rules by which the certificate at `index` may not have issued what is below it."""
    certificate = found.certificates[index]
    broken: list[tuple[Rule, str]] = []
    constraints = certificate.basic_constraints
    if certificate.version < 3:
        # Version 1 knows no basicConstraints; only trust itself can make it a CA.
        if found.ending is Ending.OPEN or index + 1 < len(found.certificates):
            broken.append((Rule.BASIC_CONSTRAINTS, "version"))
    elif constraints is None or not constraints.ca:
        broken.append((Rule.BASIC_CONSTRAINTS, "basic_constraints"))
    elif constraints.path_len_constraint is not None:
        between = found.certificates[1:index]
        length = sum(1 for ca in between if not is_self_issued(ca))
        if length > constraints.path_len_constraint:
            broken.append((Rule.PATH_LEN_CONSTRAINT, "path_len_constraint"))
    if certificate.key_usage is not None and not certificate.key_usage & KEY_CERT_SIGN:
        broken.append((Rule.CA_KEY_USAGE, "key_usage"))
    if wrong_purpose(policy, certificate):
        broken.append((Rule.CA_EXTENDED_KEY_USAGE, "extended_key_usage"))
    return [
        Problem(kind=PathProblem.INVALID_CA, rule=rule, certificate=certificate, detail=detail)
        for rule, detail in broken
    ]


def _key_problems(certificate: Certificate, policy: Policy) -> Sequence[Problem]:
    if not weak_key(policy, certificate):
        return ()
    return (
        Problem(
            kind=PathProblem.WEAK_KEY,
            rule=Rule.KEY_STRENGTH,
            certificate=certificate,
            detail=_key_shown(certificate),
        ),
    )


def _key_shown(certificate: Certificate) -> str:
    shown = f"{certificate.key_type}-{certificate.key_bits}"
    return f"{shown} on a curve that is spelt out" if certificate.curve == "explicit" else shown


def _signature_problems(certificate: Certificate, policy: Policy) -> Sequence[Problem]:
    if not weak_digest(policy, certificate):
        return ()
    return (
        Problem(
            kind=PathProblem.WEAK_SIGNATURE,
            rule=Rule.SIGNATURE_STRENGTH,
            certificate=certificate,
            detail=certificate.signature_algorithm,
        ),
    )


def _extension_problems(certificate: Certificate, policy: Policy) -> Sequence[Problem]:
    oids = unprocessed_extensions(policy, certificate)
    if not oids:
        return ()
    return (
        Problem(
            kind=PathProblem.UNKNOWN_CRITICAL_EXTENSION,
            rule=Rule.CRITICAL_EXTENSIONS,
            certificate=certificate,
            detail=", ".join(oids)[: limits.MAX_NAME_SHOWN],
        ),
    )


def _constraint_problems(
    path: tuple[Certificate, ...], index: int, policy: Policy, work: WorkBudget
) -> Sequence[Problem]:
    issuer = path[index]
    for below in range(index):
        # RFC 5280 section 6.1.3 (b): self-issued ones are let pass, unless they are last.
        if below and is_self_issued(path[below]):
            continue
        name = violated_constraint(
            issuer, path[below], work, common_name=policy.common_name and not below
        )
        if name:
            problem = Problem(
                kind=PathProblem.NAME_CONSTRAINTS,
                rule=Rule.NAME_CONSTRAINTS,
                certificate=issuer,
                detail=name,
            )
            return (problem,)
    return ()


def _policies_problems(path: tuple[Certificate, ...]) -> Sequence[Problem]:
    broken = policy_problem(path)
    if not broken:
        return ()
    return (
        Problem(
            kind=PathProblem.INVALID_CA,
            rule=Rule.CERTIFICATE_POLICIES,
            certificate=path[1],
            detail=f"certificate_policies: {broken}",
        ),
    )


def _link_problems(found: FoundPath) -> Sequence[Problem]:
    return [
        Problem(
            kind=PathProblem.BAD_SIGNATURE,
            rule=Rule.SIGNATURE,
            certificate=certificate,
            detail=distinguished_name(certificate.issuer),
        )
        # Without what a certificate that ends the path says of itself.
        for certificate, link in zip(found.certificates[:-1], found.links, strict=False)
        if link.state is SignatureState.INVALID
    ]


def _end_problems(found: FoundPath) -> Sequence[Problem]:
    """A path that ends at a certificate that signed itself and is not trusted, or nowhere."""
    top = found.certificates[-1]
    kind, detail = PathProblem.UNKNOWN_ISSUER, distinguished_name(top.issuer)
    if len(found.links) == len(found.certificates):
        # It names itself as issuer, and its own key did not make its signature.
        kind = PathProblem.BAD_SIGNATURE
    elif found.ending is Ending.ROOT and len(found.certificates) == 1:
        kind, detail = PathProblem.SELF_SIGNED, ""
    elif found.ending is Ending.ROOT:
        kind = PathProblem.UNTRUSTED_ROOT
    return (Problem(kind=kind, rule=Rule.TRUST, certificate=top, detail=detail),)

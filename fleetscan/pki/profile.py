"""The strict rules: the profile that authorities of the web keep and few clients ask for.

RFC 5280 section 4.2 says what conforming authorities must write into certificates, the
CA/Browser Forum's Baseline Requirements (BR) narrow it for the web. No client in use asks
all of it; the policy `webpki` does. Each rule is one function, which says what breaks it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.distinguished_names import rdn_sequence
from fleetscan.pki.names import DIRECTORY_NAME, DNS_NAME, IP_ADDRESS
from fleetscan.pki.policy import STRICT, Rule
from fleetscan.pki.purposes import ANY_EXTENDED_KEY_USAGE, KEY_CERT_SIGN, SERVER_AUTH
from fleetscan.pki.self_issued import is_self_issued, keys_contradict

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

Critical: TypeAlias = Mapping[str, bool]
"""The extensions of one certificate by OID, each with whether it is critical."""

Broken: TypeAlias = Callable[["Certificate", Critical], str]
"""Says what breaks a rule, `""` when nothing does."""

PROFILE_RULES: Final = STRICT | {Rule.AUTHORITY_KEY_MATCH}
"""The rules that are asked here; the last one OpenSSL asks too."""

_Rules: TypeAlias = tuple[tuple[Rule, Broken], ...]

_KEPT_AUTHORITIES: Final = 1_024

_SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
_SUBJECT_ALT_NAME: Final = "2.5.29.17"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_NAME_CONSTRAINTS: Final = "2.5.29.30"
_AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
_POLICY_CONSTRAINTS: Final = "2.5.29.36"
_EXTENDED_KEY_USAGE: Final = "2.5.29.37"
_INHIBIT_ANY_POLICY: Final = "2.5.29.54"
_AUTHORITY_INFORMATION_ACCESS: Final = "1.3.6.1.5.5.7.1.1"

_COMMON_NAME: Final = "2.5.4.3"
_MAX_SERIAL_OCTETS: Final = 20
_MIN_RSA_BITS: Final = 2_048
_CURVES: Final = frozenset({"1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"})
"""P-256, P-384 and P-521, BR section 7.1.3.1.2."""

_LABEL: Final = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PREFERRED: Final = re.compile(rb"(?:\*\.)?(?:" + _LABEL + rb"\.)*" + _LABEL)
_EMPTY_SEQUENCE: Final = b"\x30\x00"


def profile_problems(path: tuple[Certificate, ...], anchored: bool) -> tuple[Problem, ...]:
    """List what keeps a path from being one of the web's profile.

    Args:
        path: the leaf first.
        anchored: whether the last certificate is the anchor. Of an anchor less is asked.

    Returns:
        The leaf's problems, then each authority's upwards; each rule once a certificate.
    """
    problems = list(_broken(path[0], PathProblem.PROFILE_LEAF, _OF_LEAF))
    last = len(path) - 1
    for index, certificate in enumerate(path[1:], start=1):
        problems += _of_authority(certificate, anchored and index == last)
    return (*problems, *_key_mismatches(path))


def _key_mismatches(path: tuple[Certificate, ...]) -> Iterable[Problem]:
    """The authorities that are not those which the certificates below them identify.

    A certificate that issued itself is its own authority. OpenSSL takes no other one for an
    issuer, whatever the signature says.
    """
    top = path[-1]
    for child, issuer in (*pairwise(path), *([(top, top)] if is_self_issued(top) else ())):
        what = _contradiction(child, issuer)
        if what:
            yield Problem(
                kind=PathProblem.PROFILE_CA,
                certificate=issuer,
                detail=f"{Rule.AUTHORITY_KEY_MATCH.value}: {what}",
                rule=Rule.AUTHORITY_KEY_MATCH,
            )


def _contradiction(child: Certificate, issuer: Certificate) -> str:
    """What in `child`'s authorityKeyIdentifier is another certificate's."""
    if keys_contradict(child, issuer):
        return "keyIdentifier of another key"
    identifier = child.authority_key_identifier
    if identifier is None:
        return ""
    serial = identifier.authority_cert_serial_number
    if serial is not None and serial != issuer.serial_number:
        return "authorityCertSerialNumber of another certificate"
    named = [each for each in identifier.authority_cert_issuer or () if each.kind == DIRECTORY_NAME]
    if named and rdn_sequence(named[0].value) != rdn_sequence(issuer.issuer.der):
        return "authorityCertIssuer of another certificate"
    return ""


@functools.lru_cache(maxsize=_KEPT_AUTHORITIES)
def _of_authority(certificate: Certificate, is_anchor: bool) -> tuple[Problem, ...]:
    """Remembered, because a fleet has few authorities and each is above many hosts."""
    return _broken(certificate, PathProblem.PROFILE_CA, _OF_ANCHOR if is_anchor else _OF_CA)


def _broken(certificate: Certificate, kind: PathProblem, rules: _Rules) -> tuple[Problem, ...]:
    critical = {each.oid: each.critical for each in certificate.extensions}
    return tuple(
        Problem(kind=kind, certificate=certificate, detail=f"{rule.value}: {what}", rule=rule)
        for rule, broken in rules
        if (what := broken(certificate, critical))
    )


def _ca_as_leaf(leaf: Certificate, _critical: Critical) -> str:
    constraints = leaf.basic_constraints
    return "cA" if constraints is not None and constraints.ca else ""


def _leaf_key_cert_sign(leaf: Certificate, _critical: Critical) -> str:
    if leaf.key_usage is None or not leaf.key_usage & KEY_CERT_SIGN:
        return ""
    constraints = leaf.basic_constraints
    return "" if constraints is not None and constraints.ca else "keyCertSign"


def _leaf_extended_key_usage(leaf: Certificate, critical: Critical) -> str:
    usages = leaf.extended_key_usage
    if usages is None:
        return "missing"
    if critical[_EXTENDED_KEY_USAGE]:
        return "critical"
    if ANY_EXTENDED_KEY_USAGE in usages:
        return "anyExtendedKeyUsage"
    return "" if SERVER_AUTH in usages else "no serverAuth"


def _subject_alt_name(leaf: Certificate, critical: Critical) -> str:
    if leaf.subject_alt_name is None:
        return "missing"
    if critical[_SUBJECT_ALT_NAME]:
        return "critical beside a subject" if leaf.subject.rdns else ""
    return "" if leaf.subject.rdns else "not critical without a subject"


def _dns_name_syntax(leaf: Certificate, _critical: Critical) -> str:
    for name in leaf.subject_alt_name or ():
        if name.kind == DNS_NAME and _PREFERRED.fullmatch(name.value) is None:
            return "no preferred name syntax"
    return ""


def _common_name_in_san(leaf: Certificate, _critical: Critical) -> str:
    common = [part.value for rdn in leaf.subject.rdns for part in rdn if part.oid == _COMMON_NAME]
    if not common:
        return ""
    if len(common) > 1:
        return "more than one common name"
    # An address as `ipaddress` writes it: RFC 3986 section 3.2.2, RFC 5952 section 4.
    for name in leaf.subject_alt_name or ():
        if name.kind in (DNS_NAME, IP_ADDRESS) and name.text == common[0]:
            return ""
    return "not a name of the subjectAltName"


def _serial_number(certificate: Certificate, _critical: Critical) -> str:
    if len(certificate.serial_octets) > _MAX_SERIAL_OCTETS:
        return f"longer than {_MAX_SERIAL_OCTETS} octets"
    return "" if certificate.serial_number > 0 else "not above 0"


def _authority_key_identifier(certificate: Certificate, critical: Critical) -> str:
    identifier = certificate.authority_key_identifier
    if identifier is None:
        # One that issued itself may leave it out (RFC 5280 section 4.2.1.1).
        return "" if is_self_issued(certificate) else "missing"
    if critical[_AUTHORITY_KEY_IDENTIFIER]:
        return "critical"
    return "" if identifier.key_identifier is not None else "keyIdentifier missing"


def _root_authority_key_identifier(root: Certificate, critical: Critical) -> str:
    identifier = root.authority_key_identifier
    if identifier is not None and is_self_issued(root):
        if identifier.authority_cert_issuer:
            return "authorityCertIssuer"
        if identifier.authority_cert_serial_number is not None:
            return "authorityCertSerialNumber"
        if keys_contradict(root, root):
            return "keyIdentifier of another key"
    return _authority_key_identifier(root, critical)


def _subject_key_identifier(certificate: Certificate, critical: Critical) -> str:
    return "critical" if critical.get(_SUBJECT_KEY_IDENTIFIER) else ""


def _ca_subject_key_identifier(authority: Certificate, critical: Critical) -> str:
    if authority.subject_key_identifier is None:
        return "missing"
    return _subject_key_identifier(authority, critical)


def _authority_information_access(_certificate: Certificate, critical: Critical) -> str:
    return "critical" if critical.get(_AUTHORITY_INFORMATION_ACCESS) else ""


def _leaf_basic_constraints_form(leaf: Certificate, _critical: Critical) -> str:
    constraints = leaf.basic_constraints
    if constraints is None or constraints.ca or constraints.path_len_constraint is None:
        return ""
    return "pathLenConstraint without cA"


def _ca_basic_constraints_form(_authority: Certificate, critical: Critical) -> str:
    # One without any is refused by every policy.
    return "" if critical.get(_BASIC_CONSTRAINTS, True) else "not critical"


def _ca_key_usage_present(authority: Certificate, _critical: Critical) -> str:
    return "missing" if authority.key_usage is None else ""


def _leaf_name_constraints_form(_leaf: Certificate, critical: Critical) -> str:
    return "in a leaf" if _NAME_CONSTRAINTS in critical else ""


def _ca_name_constraints_form(authority: Certificate, _critical: Critical) -> str:
    constraints = authority.name_constraints
    if constraints is None:
        return ""
    # Whether they are critical the BR leave open, although RFC 5280 section 4.2.1.10 does not.
    subtrees = constraints.permitted_subtrees + constraints.excluded_subtrees
    for subtree in subtrees:
        if subtree.kind == DNS_NAME and (subtree.value[:1] == b"." or b"*" in subtree.value):
            return "no DNS name"
    return ""


def _policy_constraints_form(certificate: Certificate, critical: Critical) -> str:
    if not critical.get(_POLICY_CONSTRAINTS, True):
        return "policyConstraints not critical"
    if not critical.get(_INHIBIT_ANY_POLICY, True):
        return "inhibitAnyPolicy not critical"
    constraints = certificate.extension(_POLICY_CONSTRAINTS)
    empty = constraints is not None and constraints.value == _EMPTY_SEQUENCE
    return "empty policyConstraints" if empty else ""


def _root_extended_key_usage(root: Certificate, _critical: Critical) -> str:
    return "present" if is_self_issued(root) and root.extended_key_usage is not None else ""


def _key_form(certificate: Certificate, _critical: Critical) -> str:
    kind, bits = certificate.key_type, certificate.key_bits
    if kind == "RSA":
        return f"RSA-{bits}" if bits < _MIN_RSA_BITS or bits % 8 else ""
    if kind == "EC":
        return "" if certificate.curve in _CURVES else f"EC {certificate.curve}"
    return kind


_OF_ALL: Final[tuple[tuple[Rule, Broken], ...]] = (
    (Rule.AUTHORITY_INFORMATION_ACCESS, _authority_information_access),
    (Rule.POLICY_CONSTRAINTS_FORM, _policy_constraints_form),
    (Rule.KEY_FORM, _key_form),
)
_OF_AUTHORITY: Final[tuple[tuple[Rule, Broken], ...]] = (
    *_OF_ALL,
    (Rule.SUBJECT_KEY_IDENTIFIER, _ca_subject_key_identifier),
    (Rule.BASIC_CONSTRAINTS_FORM, _ca_basic_constraints_form),
    (Rule.CA_KEY_USAGE_PRESENT, _ca_key_usage_present),
    (Rule.NAME_CONSTRAINTS_FORM, _ca_name_constraints_form),
)
_OF_LEAF: Final[tuple[tuple[Rule, Broken], ...]] = (
    (Rule.CA_AS_LEAF, _ca_as_leaf),
    (Rule.LEAF_KEY_CERT_SIGN, _leaf_key_cert_sign),
    (Rule.LEAF_EXTENDED_KEY_USAGE, _leaf_extended_key_usage),
    (Rule.SUBJECT_ALT_NAME, _subject_alt_name),
    (Rule.DNS_NAME_SYNTAX, _dns_name_syntax),
    (Rule.COMMON_NAME_IN_SAN, _common_name_in_san),
    (Rule.SERIAL_NUMBER, _serial_number),
    (Rule.AUTHORITY_KEY_IDENTIFIER, _authority_key_identifier),
    (Rule.SUBJECT_KEY_IDENTIFIER, _subject_key_identifier),
    (Rule.BASIC_CONSTRAINTS_FORM, _leaf_basic_constraints_form),
    (Rule.NAME_CONSTRAINTS_FORM, _leaf_name_constraints_form),
    *_OF_ALL,
)
_OF_CA: Final = (
    (Rule.SERIAL_NUMBER, _serial_number),
    (Rule.AUTHORITY_KEY_IDENTIFIER, _authority_key_identifier),
    *_OF_AUTHORITY,
)
_OF_ANCHOR: Final = (
    (Rule.AUTHORITY_KEY_IDENTIFIER, _root_authority_key_identifier),
    (Rule.ROOT_EXTENDED_KEY_USAGE, _root_extended_key_usage),
    *_OF_AUTHORITY,
)

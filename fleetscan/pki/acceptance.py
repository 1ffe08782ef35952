"""Which policy would hold a problem against a path, and which takes a certificate for a name.

A rule that is off holds nothing against anyone. Of a rule with a measure it depends on the
certificate: a key too short for one policy is long enough for another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fleetscan.pki.certificate_policies import CERTIFICATE_POLICIES, has_unknown_qualifier
from fleetscan.pki.names import (
    DNS_NAME,
    as_address,
    certificate_matches,
    common_names,
    reference_octets,
)
from fleetscan.pki.policy import ANYWHERE, LEFTMOST, POLICIES, WHOLE, Rule
from fleetscan.pki.purposes import (
    ANY_EXTENDED_KEY_USAGE,
    OCSP_SIGNING,
    SERVER_AUTH,
    SERVER_GATED_CRYPTO,
)
from fleetscan.pki.signatures import RSASSA_PSS, signature_digest
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.assessment import Problem
    from fleetscan.pki.policy import Policy

_A_LABEL: Final = b"xn--"
_MIN_WILDCARD_DOTS: Final = 2
"""Dots behind a wildcard that is a part of a label: OpenSSL refuses `w*.com`."""


def refuses(policy: Policy, problem: Problem, reference_name: str | None = None) -> bool:
    """Say whether a policy holds this problem against a path.

    Args:
        policy: whoever judges.
        problem: what was found, with its rule.
        reference_name: the name that did not match, for a problem of `Rule.NAME`.
    """
    if problem.rule not in policy.rules:
        return False
    if problem.rule is Rule.NAME:
        return matches_under(policy, problem.certificate, reference_name) is Checked.NO
    measured = _MEASURED.get(problem.rule)
    return measured is None or measured(policy, problem.certificate)


def accepted_by(problem: Problem, reference_name: str | None = None) -> tuple[str, ...]:
    """Name the shipped policies that would not hold this problem against the path."""
    return tuple(
        name for name, policy in POLICIES.items() if not refuses(policy, problem, reference_name)
    )


def weak_key(policy: Policy, certificate: Certificate) -> bool:
    """Say whether the key is shorter than the policy asks; one of unknown length is not."""
    kind, bits = certificate.key_type, certificate.key_bits
    if kind == "DSA":
        return not policy.min_dsa_bits or bits < policy.min_dsa_bits
    if kind in ("RSA", RSASSA_PSS):
        return 0 < bits < policy.min_rsa_bits
    if kind != "EC":
        return False
    # RFC 5480 section 2.1.1: a curve is named, never spelt out.
    spelt_out = certificate.curve == "explicit" and not policy.explicit_curves
    return spelt_out or 0 < bits < policy.min_ec_bits


def weak_digest(policy: Policy, certificate: Certificate) -> bool:
    """Say whether the signature rests on a hash function that the policy refuses."""
    return signature_digest(certificate) in policy.weak_digests


def wrong_purpose(policy: Policy, certificate: Certificate) -> bool:
    """Say whether an extKeyUsage keeps the certificate from servers."""
    usages = certificate.extended_key_usage
    if usages is None or SERVER_AUTH in usages:
        return False
    if policy.server_gated_crypto and not SERVER_GATED_CRYPTO.isdisjoint(usages):
        return False
    return not (policy.any_extended_key_usage and ANY_EXTENDED_KEY_USAGE in usages)


def wrong_leaf_purpose(policy: Policy, leaf: Certificate) -> bool:
    """The same of a leaf: one that may sign OCSP responses could vouch for itself."""
    usages = leaf.extended_key_usage
    if usages is not None and OCSP_SIGNING in usages and not policy.ocsp_signing:
        return True
    return wrong_purpose(policy, leaf)


def unprocessed_extensions(policy: Policy, certificate: Certificate) -> tuple[str, ...]:
    """The critical extensions that a client of this policy does not process, by OID."""
    critical = [each.oid for each in certificate.extensions if each.critical]
    return tuple(
        oid
        for oid in critical
        if oid not in policy.processed_extensions
        or (
            oid == CERTIFICATE_POLICIES
            and not policy.policy_qualifiers
            and has_unknown_qualifier(certificate)
        )
    )


def _has_unprocessed(policy: Policy, certificate: Certificate) -> bool:
    return bool(unprocessed_extensions(policy, certificate))


_MEASURED: Final[Mapping[Rule, Callable[[Policy, Certificate], bool]]] = MappingProxyType(
    {
        Rule.KEY_STRENGTH: weak_key,
        Rule.ANCHOR_KEY_STRENGTH: weak_key,
        Rule.SIGNATURE_STRENGTH: weak_digest,
        Rule.EXTENDED_KEY_USAGE: wrong_leaf_purpose,
        Rule.CA_EXTENDED_KEY_USAGE: wrong_purpose,
        Rule.CRITICAL_EXTENSIONS: _has_unprocessed,
        Rule.ANCHOR_CRITICAL_EXTENSIONS: _has_unprocessed,
    }
)
"""Rules whose breach depends on the policy."""


def matches_under(policy: Policy, certificate: Certificate, reference_name: str | None) -> Checked:
    """Say whether a client of this policy takes the certificate for the name.

    Everyone takes what RFC 9525 section 6 does (`names.certificate_matches`). Beyond that,
    RFC 6125 section 6.4 let clients fall back to the common name where no dNSName is
    present, and match a wildcard within a label; some still do.
    """
    found = certificate_matches(certificate, reference_name, common_name=policy.common_name)
    if found is not Checked.NO or not reference_name:
        return found
    presented = [
        name.value.lower() for name in certificate.subject_alt_name or () if name.kind == DNS_NAME
    ]
    if as_address(reference_name) is not None:
        spelt = policy.address_in_dns_name and reference_name.lower().encode() in presented
        return Checked.YES if spelt else Checked.NO
    wanted = reference_octets(reference_name)
    if wanted is None or policy.wildcards == WHOLE:
        return Checked.NO
    if not presented and policy.common_name:
        presented = common_names(certificate.subject)
    covered = any(_covers(policy.wildcards, pattern, wanted) for pattern in presented)
    return Checked.YES if covered else Checked.NO


def _covers(wildcards: str, pattern: bytes, wanted: bytes) -> bool:
    labels, names = pattern.split(b"."), wanted.split(b".")
    if len(labels) != len(names):
        return False
    if wildcards == ANYWHERE:
        # Java wants a dot somewhere behind the last wildcard.
        return b"*" not in labels[-1] and all(map(_label_covers, labels, names))
    if labels[1:] != names[1:] or len(labels) <= _MIN_WILDCARD_DOTS:
        return False
    if labels[0] == b"*":
        return True
    return wildcards == LEFTMOST and _part_covers(labels[0], names[0])


def _part_covers(label: bytes, name: bytes) -> bool:
    """One wildcard at an end of the leftmost label, as OpenSSL has it."""
    before, _, after = label.partition(b"*")
    return not (before and after) and b"*" not in after and _label_covers(label, name)


def _label_covers(label: bytes, name: bytes) -> bool:
    """Wildcards anywhere in a label, each for any number of characters, as Java has them.

    Never for a part of an A-label: OpenSSL refuses that, and Java compares what it stands for.
    """
    pieces = label.split(b"*")
    if len(pieces) == 1:
        return label == name
    if label != b"*" and _A_LABEL in (label[:4], name[:4]):
        return False
    if not name.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1]:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(name) - at >= len(pieces[-1]) and name.endswith(pieces[-1])

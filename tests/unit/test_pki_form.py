"""What clients refuse to read although its DER is sound, and what is nearly that.

The rules are RFC 5280's; that browsers ask them is in BoringSSL's `pki/general_names.cc`,
`pki/name_constraints.cc` and `pki/certificate_policies.cc`, and in mozilla::pkix's `CheckIssuer`.
"""

from __future__ import annotations

from typing import Final

import pytest
from cryptography import x509

from fleetscan.causes.classify import classify_certificates
from fleetscan.causes.model import Case
from fleetscan.facts import HandshakeFacts
from fleetscan.pki.assessment import PathAssessment, PathProblem
from fleetscan.pki.path import assess
from fleetscan.pki.policy import BROWSER, OPENSSL, Policy
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked, Stage
from tests.certificates import NOW, Issued, intermediate, leaf, root

NAME: Final = "www.example.com"
ROOT: Final = root()
CA: Final = intermediate(ROOT)
EMPTY: Final = x509.Name([])
NAMELESS_CA: Final = intermediate(ROOT, EMPTY)
NAMELESS_ROOT: Final = root(EMPTY)
WWW: Final = b"\x82\x0f" + NAME.encode()


def extension(oid: str, value: bytes) -> tuple[x509.ExtensionType, bool]:
    """An extension of these octets, not critical."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False


def with_names(*names: bytes) -> Issued:
    """A leaf with a subjectAltName of these elements."""
    body = b"".join(names)
    value = bytes([0x30, len(body)]) + body
    return leaf(CA, san=None, extra=[extension("2.5.29.17", value)])


def with_policies(*policies: str) -> tuple[x509.ExtensionType, bool]:
    """certificatePolicies of these OIDs; a list of one's own, for the library refuses doubles."""
    rows = [bytes.fromhex(each) for each in policies]
    body = b"".join(bytes([0x30, len(row) + 2, 0x06, len(row)]) + row for row in rows)
    return extension("2.5.29.32", bytes([0x30, len(body)]) + body)


def constrained(value: str) -> tuple[Issued, ...]:
    """A path whose authority has nameConstraints of these octets."""
    ca = intermediate(ROOT, extra=[extension("2.5.29.30", bytes.fromhex(value))])
    return leaf(ca), ca


# GeneralSubtrees of one dNSName, example.com.
SUBTREES: Final = "300d820b" + b"example.com".hex()

MISSHAPEN: Final = {
    "no-subtrees": (constrained("3000"), 1, "extension_form: empty nameConstraints"),
    "empty-permitted": (constrained("3002a000"), 1, "extension_form: empty nameConstraints"),
    "empty-excluded": (constrained("3002a100"), 1, "extension_form: empty nameConstraints"),
    "empty-beside-one": (
        constrained(f"3013a00f{SUBTREES}a100"),
        1,
        "extension_form: empty nameConstraints",
    ),
    "address-of-5": (
        (with_names(WWW, b"\x87\x05\x0a\0\0\0\1"), CA),
        0,
        "extension_form: iPAddress of 5 octets",
    ),
    "address-of-0": ((with_names(WWW, b"\x87\0"), CA), 0, "extension_form: iPAddress of 0 octets"),
    "policy-twice": (
        (leaf(CA, extra=[with_policies("2a0304", "2a0305", "2a0304")]), CA),
        0,
        "extension_form: certificate policy twice",
    ),
}
SOUND: Final = {
    "permitted": constrained(f"3011a00f{SUBTREES}"),
    "addresses": (with_names(WWW, b"\x87\x04\x0a\0\0\1", b"\x87\x10" + bytes(16)), CA),
    "two-policies": (leaf(CA, extra=[with_policies("2a0304", "2a0305")]), CA),
}


def ask(*chain: Issued, anchor: Issued = ROOT, policy: Policy = BROWSER) -> PathAssessment:
    """Assess a chain for the name all leaves here have."""
    return assess(
        [one.parsed for one in chain],
        reference_name=NAME,
        now=NOW,
        trust=TrustStore([anchor.parsed]),
        policy=policy,
    )


@pytest.mark.parametrize("key", MISSHAPEN)
def test_a_form_that_browsers_refuse(key: str) -> None:
    """RFC 5280 sections 4.2.1.4, 4.2.1.6 and 4.2.1.10; `openssl verify` takes all of these."""
    chain, at, detail = MISSHAPEN[key]
    (problem,) = ask(*chain).problems

    kind = PathProblem.PROFILE_CA if at else PathProblem.PROFILE_LEAF
    assert (problem.kind, problem.detail) == (kind, detail)
    assert problem.certificate == chain[at].parsed
    assert problem.changed == "extension_form"
    assert ask(*chain, policy=OPENSSL).trusted is Checked.YES


@pytest.mark.parametrize("key", SOUND)
def test_a_form_that_is_sound(key: str) -> None:
    """The same with the list filled, an address of the right length, each policy once."""
    assert ask(*SOUND[key]).problems == ()


def test_an_empty_name_of_an_authority_is_told_once() -> None:
    """RFC 5280 section 4.1.2.6; what it issued has an empty issuer, which is the same fault."""
    below = ask(leaf(NAMELESS_CA), NAMELESS_CA).problems
    anchored = ask(leaf(NAMELESS_ROOT), anchor=NAMELESS_ROOT).problems

    for problems, authority in ((below, NAMELESS_CA), (anchored, NAMELESS_ROOT)):
        (problem,) = problems
        assert problem.detail == "distinguished_names: empty subject"
        assert problem.certificate == authority.parsed
    assert ask(leaf(NAMELESS_CA), NAMELESS_CA, policy=OPENSSL).problems == ()


def test_an_empty_issuer_that_nobody_has_is_the_certificates_own() -> None:
    """RFC 5280 section 4.1.2.4: beside the issuer that is missing."""
    problems = ask(leaf(NAMELESS_CA)).problems

    assert [(each.kind, each.detail) for each in problems] == [
        (PathProblem.UNKNOWN_ISSUER, ""),
        (PathProblem.PROFILE_LEAF, "distinguished_names: empty issuer"),
    ]


def test_an_empty_subject_of_a_leaf_is_none_of_this() -> None:
    """RFC 5280 section 4.1.2.6 allows it where the subjectAltName has the names."""
    alternative = (x509.SubjectAlternativeName([x509.DNSName(NAME)]), True)

    assert ask(leaf(CA, EMPTY, san=None, extra=[alternative]), CA).problems == ()


@pytest.mark.parametrize(
    ("key", "cause_id", "subject"),
    [
        ("address-of-5", "certificate.malformed", "CN=www.example.com"),
        ("no-subtrees", "chain.invalid_ca", "CN=Test CA"),
    ],
)
def test_the_cause_is_the_leafs_or_the_authoritys(key: str, cause_id: str, subject: str) -> None:
    """Proven by the rule not asked, with who would take it: `openssl verify` and Java do."""
    chain, _, detail = MISSHAPEN[key]
    found = classify_certificates(
        Case(
            facts=HandshakeFacts(
                stage=Stage.CERTIFICATE, certificates=tuple(one.parsed for one in chain)
            ),
            path=ask(*chain),
            reference_name=NAME,
            address="",
            port=0,
            now=NOW,
        )
    )
    (cause,) = found.causes

    assert cause.entry.id == cause_id
    assert cause.match.evidence["rule"] == detail
    assert cause.match.evidence["subject"] == subject
    assert cause.match.basis.changed == "extension_form"
    assert cause.match.accepted_by == ("openssl", "java", "legacy")

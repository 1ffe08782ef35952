"""The strict rules: one certificate for each way to break one, and look-alikes that do not.

What is right and wrong is RFC 5280's and the Baseline Requirements' word; `cryptography`'s
verifier, which asks most of the profile, is the oracle where it has an opinion.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Unpack

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from fleetscan._parse import Certificate
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.policy import STRICT, Rule
from fleetscan.pki.profile import profile_problems
from tests.certificates import (
    ANY_USAGE,
    CLIENT_AUTH,
    NOW,
    SERVER_AUTH,
    Changes,
    Issued,
    intermediate,
    issue,
    key_usage,
    leaf,
    name,
    resigned,
    root,
    split,
    tlv,
)

NAME: Final = "www.example.com"
ROOT: Final = root()
CA: Final = intermediate(ROOT)
EMPTY: Final = x509.Name([])
AUTHORITY: Final = x509.DirectoryName(name("Test Root"))


def key_identifier(issued: Issued = CA) -> x509.SubjectKeyIdentifier:
    """The identifier of a key."""
    return x509.SubjectKeyIdentifier.from_public_key(issued.key.public_key())


def authority(
    digest: bytes | None, *, issuer: bool = False, serial: bool = False
) -> x509.AuthorityKeyIdentifier:
    """authorityKeyIdentifier with any of its three fields; the last two come in pairs."""
    if issuer or serial:
        return x509.AuthorityKeyIdentifier(digest, [AUTHORITY], 7)
    return x509.AuthorityKeyIdentifier(digest, None, None)


def of_leaf(subject: str | x509.Name = NAME, **changes: Unpack[Changes]) -> tuple[Issued, ...]:
    """A path whose leaf is changed."""
    return leaf(CA, subject, **changes), CA, ROOT


def of_ca(subject: str | x509.Name = "Test CA", **changes: Unpack[Changes]) -> tuple[Issued, ...]:
    """A path whose authority is changed."""
    ca = intermediate(ROOT, subject, **changes)
    return leaf(ca), ca, ROOT


def of_root(
    subject: str | x509.Name = "Test Root", **changes: Unpack[Changes]
) -> tuple[Issued, ...]:
    """A path whose anchor is changed."""
    anchor = root(subject, **changes)
    return leaf(anchor), anchor


def bare(*extensions: tuple[x509.ExtensionType, bool]) -> Changes:
    """A certificate's extensions instead of those that `leaf` and `root` write."""
    return {
        "identifiers": False,
        "ca": None,
        "usages": None,
        "extended": None,
        "san": None,
        "extra": extensions,
    }


def unreadable(oid: str, value: bytes, critical: bool) -> tuple[x509.ExtensionType, bool]:
    """An extension of these octets."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def with_serial(octets: bytes) -> tuple[Issued, ...]:
    """A path whose leaf has this serial number, which the library would refuse to write."""
    plain = leaf(CA)
    outer = split(plain.der)[0]
    tbs = list(split(split(outer)[0], whole=True))
    tbs[1] = tlv(0x02, octets)
    rest = split(outer, whole=True)[1:]
    changed = Issued(der=tlv(0x30, tlv(0x30, *tbs), *rest), key=plain.key, name=plain.name)
    return resigned(changed, CA), CA, ROOT


SUBJECT_ALT_NAME: Final = x509.SubjectAlternativeName([x509.DNSName(NAME)])
OWN: Final = key_identifier(ROOT)
CA_BITS: Final = (key_usage("key_cert_sign", "crl_sign"), True)
CONSTRAINED: Final = x509.NameConstraints([x509.DNSName("example.com")], None)
DOTTED: Final = x509.NameConstraints([x509.DNSName(".example.com")], None)
OCSP: Final = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP,
            x509.UniformResourceIdentifier("http://ocsp.example"),
        )
    ]
)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A path that breaks one rule, whose certificate, and what breaks it."""

    path: tuple[Issued, ...]
    rule: Rule
    at: int
    what: str


def broken(path: tuple[Issued, ...], rule: Rule, at: int, what: str) -> Broken:
    """Short for the class."""
    return Broken(path=path, rule=rule, at=at, what=what)


def leaf_with(*extensions: tuple[x509.ExtensionType, bool]) -> tuple[Issued, ...]:
    """A path whose leaf has these extensions beside a usual subjectAltName and purpose."""
    usual = (
        (SUBJECT_ALT_NAME, False),
        (x509.ExtendedKeyUsage([SERVER_AUTH]), False),
    )
    return of_leaf(**bare(*usual, *extensions))


def root_with(*extensions: tuple[x509.ExtensionType, bool]) -> tuple[Issued, ...]:
    """A path whose anchor has these extensions beside a usual basicConstraints."""
    return of_root(**bare((x509.BasicConstraints(ca=True, path_length=None), True), *extensions))


AKI: Final = (authority(key_identifier().digest), False)
BROKEN: Final = [
    broken(of_leaf(ca=True), Rule.CA_AS_LEAF, 0, "cA"),
    broken(
        of_leaf(usages=key_usage("digital_signature", "key_cert_sign")),
        Rule.LEAF_KEY_CERT_SIGN,
        0,
        "keyCertSign",
    ),
    broken(of_leaf(extended=None), Rule.LEAF_EXTENDED_KEY_USAGE, 0, "missing"),
    broken(
        of_leaf(extended=[SERVER_AUTH, ANY_USAGE]),
        Rule.LEAF_EXTENDED_KEY_USAGE,
        0,
        "anyExtendedKeyUsage",
    ),
    broken(of_leaf(extended=[CLIENT_AUTH]), Rule.LEAF_EXTENDED_KEY_USAGE, 0, "no serverAuth"),
    broken(
        of_leaf(extended=None, extra=[(x509.ExtendedKeyUsage([SERVER_AUTH]), True)]),
        Rule.LEAF_EXTENDED_KEY_USAGE,
        0,
        "critical",
    ),
    broken(
        of_leaf(san=None, subject=name(None, organization_name="Example")),
        Rule.SUBJECT_ALT_NAME,
        0,
        "missing",
    ),
    broken(
        of_leaf(san=None, extra=[(SUBJECT_ALT_NAME, True)]),
        Rule.SUBJECT_ALT_NAME,
        0,
        "critical beside a subject",
    ),
    broken(of_leaf(subject=EMPTY), Rule.SUBJECT_ALT_NAME, 0, "not critical without a subject"),
    *(
        broken(
            of_leaf(san=[NAME, x509.DNSName(wrong)]),
            Rule.DNS_NAME_SYNTAX,
            0,
            "no preferred name syntax",
        )
        for wrong in ("a_b.example.com", "www.example.com.", "-a.example.com", "a..com", "w*.a.com")
    ),
    broken(
        of_leaf(subject="other.example.com"),
        Rule.COMMON_NAME_IN_SAN,
        0,
        "not a name of the subjectAltName",
    ),
    broken(
        of_leaf(subject="WWW.example.com"),
        Rule.COMMON_NAME_IN_SAN,
        0,
        "not a name of the subjectAltName",
    ),
    broken(
        of_leaf(subject="2001:DB8::1", san=["2001:db8::1"]),
        Rule.COMMON_NAME_IN_SAN,
        0,
        "not a name of the subjectAltName",
    ),
    broken(
        of_leaf(
            subject=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)] * 2), label="two"
        ),
        Rule.COMMON_NAME_IN_SAN,
        0,
        "more than one common name",
    ),
    broken(with_serial(b"\x00"), Rule.SERIAL_NUMBER, 0, "not above 0"),
    broken(with_serial(b"\x81"), Rule.SERIAL_NUMBER, 0, "not above 0"),
    broken(with_serial(b"\x01" * 21), Rule.SERIAL_NUMBER, 0, "longer than 20 octets"),
    broken(leaf_with(), Rule.AUTHORITY_KEY_IDENTIFIER, 0, "missing"),
    broken(leaf_with((AKI[0], True)), Rule.AUTHORITY_KEY_IDENTIFIER, 0, "critical"),
    broken(
        leaf_with((authority(None, issuer=True), False)),
        Rule.AUTHORITY_KEY_IDENTIFIER,
        0,
        "keyIdentifier missing",
    ),
    broken(
        root_with((OWN, False), (authority(OWN.digest, issuer=True), False)),
        Rule.AUTHORITY_KEY_IDENTIFIER,
        1,
        "authorityCertIssuer",
    ),
    broken(
        root_with((OWN, False), (authority(key_identifier().digest), False)),
        Rule.AUTHORITY_KEY_IDENTIFIER,
        1,
        "keyIdentifier of another key",
    ),
    broken(leaf_with(AKI, (key_identifier(), True)), Rule.SUBJECT_KEY_IDENTIFIER, 0, "critical"),
    broken(of_root(identifiers=False), Rule.SUBJECT_KEY_IDENTIFIER, 1, "missing"),
    broken(of_leaf(extra=[(OCSP, True)]), Rule.AUTHORITY_INFORMATION_ACCESS, 0, "critical"),
    broken(
        of_root(**bare((x509.BasicConstraints(ca=True, path_length=None), False), (OWN, False))),
        Rule.BASIC_CONSTRAINTS_FORM,
        1,
        "not critical",
    ),
    broken(
        of_leaf(ca=None, extra=[unreadable("2.5.29.19", b"\x30\x03\x02\x01\x00", True)]),
        Rule.BASIC_CONSTRAINTS_FORM,
        0,
        "pathLenConstraint without cA",
    ),
    broken(of_ca(usages=None), Rule.CA_KEY_USAGE_PRESENT, 1, "missing"),
    broken(of_root(usages=None), Rule.CA_KEY_USAGE_PRESENT, 1, "missing"),
    broken(of_leaf(constraints=CONSTRAINED), Rule.NAME_CONSTRAINTS_FORM, 0, "in a leaf"),
    broken(of_ca(constraints=DOTTED), Rule.NAME_CONSTRAINTS_FORM, 1, "no DNS name"),
    broken(
        of_ca(extra=[(x509.PolicyConstraints(5, None), False)]),
        Rule.POLICY_CONSTRAINTS_FORM,
        1,
        "policyConstraints not critical",
    ),
    broken(
        of_ca(extra=[(x509.InhibitAnyPolicy(0), False)]),
        Rule.POLICY_CONSTRAINTS_FORM,
        1,
        "inhibitAnyPolicy not critical",
    ),
    broken(
        of_ca(extra=[unreadable("2.5.29.36", b"\x30\x00", True)]),
        Rule.POLICY_CONSTRAINTS_FORM,
        1,
        "empty policyConstraints",
    ),
    broken(of_root(extended=[SERVER_AUTH]), Rule.ROOT_EXTENDED_KEY_USAGE, 1, "present"),
    broken(of_leaf(kind="RSA-2052"), Rule.KEY_FORM, 0, "RSA-2052"),
    broken(of_ca(kind="RSA-1024"), Rule.KEY_FORM, 1, "RSA-1024"),
    broken(of_root(kind="P-224"), Rule.KEY_FORM, 1, "EC 1.3.132.0.33"),
    broken(of_root(kind="Ed25519"), Rule.KEY_FORM, 1, "Ed25519"),
    broken(of_leaf(kind="DSA-2048"), Rule.KEY_FORM, 0, "DSA"),
]
LOOK_ALIKES: Final = {
    "usual": of_leaf(),
    "no-basic-constraints": of_leaf(ca=None),
    "no-key-usage": of_leaf(usages=None),
    "clients-too": of_leaf(extended=[SERVER_AUTH, CLIENT_AUTH]),
    "no-common-name": of_leaf(subject=name(None, organization_name="Example")),
    "no-subject": of_leaf(subject=EMPTY, san=None, extra=[(SUBJECT_ALT_NAME, True)]),
    "wildcard": of_leaf(subject="*.example.com", san=["*.example.com", NAME]),
    "address": of_leaf(subject="2001:db8::1", san=["2001:db8::1", NAME]),
    "a-label": of_leaf(san=[NAME, "xn--bcher-kva.example.com"]),
    "digits": of_leaf(san=[NAME, "1.example.com"]),
    "serial-of-20-octets": with_serial(b"\x01" * 20),
    "leaf-without-key-identifier": leaf_with(AKI),
    "root-without-authority": root_with((OWN, False), CA_BITS),
    "root-with-its-own-identifier": root_with(
        (OWN, False), (authority(OWN.digest), False), CA_BITS
    ),
    "access": of_leaf(extra=[(OCSP, False)]),
    "path-length": of_ca(path_len=0),
    "constrained": of_ca(constraints=CONSTRAINED),
    "constrained-not-critical": of_ca(constraints=CONSTRAINED, constraints_critical=False),
    # 46 is the octet of a full stop.
    "constrained-by-address": of_ca(
        constraints=x509.NameConstraints(None, [x509.IPAddress(ip_network("46.0.0.0/8"))])
    ),
    "policy-constraints": of_ca(extra=[(x509.PolicyConstraints(5, None), True)]),
    "ca-for-servers": of_ca(extended=[SERVER_AUTH]),
    "rsa": of_ca(kind="RSA-2048"),
    "p-521": of_leaf(kind="P-521"),
}


def certificates(path: tuple[Issued, ...]) -> tuple[Certificate, ...]:
    """As fleetscan reads them."""
    return tuple(one.parsed for one in path)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.rule.value}-{case.what}")
def test_a_broken_rule_is_named_with_its_certificate(case: Broken) -> None:
    """The rule, whose fault it is, what breaks it; a leaf's breach is the leaf's own kind."""
    found = [
        problem
        for problem in profile_problems(certificates(case.path), anchored=True)
        if problem.rule is case.rule and problem.certificate == case.path[case.at].parsed
    ]

    assert [problem.detail for problem in found] == [f"{case.rule.value}: {case.what}"]
    assert found[0].kind is (PathProblem.PROFILE_CA if case.at else PathProblem.PROFILE_LEAF)


def test_every_strict_rule_is_broken_here() -> None:
    """No rule of the table is without its case."""
    assert {case.rule for case in BROKEN} == STRICT


@pytest.mark.parametrize("key", LOOK_ALIKES)
def test_a_look_alike_breaks_nothing(key: str) -> None:
    """What the profile allows."""
    assert profile_problems(certificates(LOOK_ALIKES[key]), anchored=True) == ()


def test_what_is_no_anchor_is_judged_as_an_authority() -> None:
    """Of a path that ends at no anchor, the last one is no root yet."""
    row = certificates((leaf(ROOT), root(identifiers=False, extended=[SERVER_AUTH])))

    assert {problem.rule for problem in profile_problems(row, anchored=True)} == {
        Rule.SUBJECT_KEY_IDENTIFIER,
        Rule.ROOT_EXTENDED_KEY_USAGE,
    }
    assert {problem.rule for problem in profile_problems(row, anchored=False)} == {
        Rule.SUBJECT_KEY_IDENTIFIER
    }


def test_an_authority_as_leaf_may_have_a_path_length() -> None:
    """RFC 5280 section 4.2.1.9: the length goes with cA, wherever the certificate stands."""
    row = certificates(of_leaf(ca=True, path_len=0, usages=key_usage("key_cert_sign")))

    assert {problem.rule for problem in profile_problems(row, anchored=True)} == {Rule.CA_AS_LEAF}


def test_an_anchor_that_did_not_sign_itself_is_no_root() -> None:
    """A root's own rules are not asked of an intermediate that somebody trusts."""
    anchor = intermediate(ROOT, extended=[SERVER_AUTH])
    other = issue("x", anchor)

    assert all(
        problem.rule is not Rule.ROOT_EXTENDED_KEY_USAGE
        for problem in profile_problems(certificates((other, anchor)), anchored=True)
    )


def library_accepts(path: tuple[Issued, ...]) -> bool:
    """`cryptography`'s verdict on a server's path."""
    try:
        store = Store([path[-1].x509])
        when = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
        verifier = PolicyBuilder().store(store).time(when).build_server_verifier(x509.DNSName(NAME))
        verifier.verify(path[0].x509, [one.x509 for one in path[1:-1]])
    except (VerificationError, ValueError):
        return False
    return True


@pytest.mark.parametrize("key", sorted(set(LOOK_ALIKES) - {"policy-constraints"}))
def test_the_library_accepts_the_look_alikes(key: str) -> None:
    """`cryptography`'s verifier, which asks the profile, finds nothing either.

    It does not know policyConstraints, which must be critical.
    """
    assert library_accepts(LOOK_ALIKES[key])

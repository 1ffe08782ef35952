"""Certificate policies: RFC 5280 section 6.1 and RFC 9618, and NIST's suite beside OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import cryptography_vectors
import pytest
from cryptography import x509

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.pki.certificate_policies import policy_problem
from tests.certificates import Issued, intermediate, leaf, root, tlv, x509_pem

REQUIRED: Final = "explicit policy required"
ANY: Final = "2.5.29.32.0"
GOLD: Final = "1.3.6.1.4.1.55555.1"
SILVER: Final = "1.3.6.1.4.1.55555.2"
IRON: Final = "1.3.6.1.4.1.55555.3"
ROOT: Final = root()
Extension = tuple[x509.ExtensionType, bool]


def policies(*oids: str) -> Extension:
    """certificatePolicies."""
    information = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    return x509.CertificatePolicies(information), False


def constraints(required: int | None, inhibited: int | None = None) -> Extension:
    """policyConstraints."""
    return x509.PolicyConstraints(required, inhibited), True


def inhibit_any(skip: int) -> Extension:
    """inhibitAnyPolicy."""
    return x509.InhibitAnyPolicy(skip), True


def raw(oid: str, value: bytes) -> Extension:
    """An extension of these octets."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), True


def oid_of(text: str) -> bytes:
    """The DER of an OID, as the library writes it."""
    name = x509.RegisteredID(x509.ObjectIdentifier(text))
    der = x509.SubjectAlternativeName([name]).public_bytes()
    return b"\x06" + der[3:]


def mappings(*pairs: tuple[str, str]) -> Extension:
    """policyMappings, which the library does not write."""
    rows = [tlv(0x30, oid_of(issuer), oid_of(subject)) for issuer, subject in pairs]
    return raw("2.5.29.33", tlv(0x30, *rows))


def path(below: tuple[Extension, ...], *above: tuple[Extension, ...]) -> tuple[Certificate, ...]:
    """A leaf, authorities above it, and the root: each with these extensions."""
    row: list[Issued] = [ROOT]
    for number, extensions in enumerate(reversed(above)):
        row.append(intermediate(row[-1], f"CA {number}", extra=extensions))
    row.append(leaf(row[-1], extra=below))
    return tuple(one.parsed for one in reversed(row))


CASES: Final = {
    # RFC 5280 section 6.1.2 (d): nobody requires a policy unless a certificate does.
    "none-anywhere": (path((), ()), ""),
    "different-policies-not-required": (path((policies(GOLD),), (policies(SILVER),)), ""),
    "required-and-there": (path((policies(GOLD),), (policies(GOLD), constraints(0))), ""),
    # Section 6.1.3 (e), (f): a certificate without policies ends them.
    "required-and-absent": (path((), (policies(GOLD), constraints(0))), REQUIRED),
    "required-and-absent-above": (path((policies(GOLD),), (constraints(0),)), REQUIRED),
    "required-and-another": (
        path((policies(SILVER),), (policies(GOLD), constraints(0))),
        REQUIRED,
    ),
    # Section 6.1.4 (h), (i): a number of certificates may follow first.
    "required-after-one-is-this-leaf": (path((), (policies(GOLD), constraints(1))), REQUIRED),
    "required-after-two": (path((), (policies(GOLD), constraints(2))), ""),
    # Section 6.1.5 (b): the leaf's own requirement counts at nought alone.
    "required-by-the-leaf": (path((constraints(0),), ()), REQUIRED),
    "required-by-the-leaf-after-one": (path((constraints(1),), ()), ""),
    # Section 6.1.3 (d) (2): anyPolicy stands for all, while it is not inhibited.
    "any-above": (path((policies(GOLD),), (policies(ANY), constraints(0))), ""),
    "any-below": (path((policies(ANY),), (policies(GOLD), constraints(0))), ""),
    "any-below-inhibited": (
        path((policies(ANY),), (policies(GOLD), constraints(0), inhibit_any(0))),
        REQUIRED,
    ),
    "any-below-inhibited-after-one": (
        path((policies(ANY),), (policies(GOLD), constraints(0), inhibit_any(1))),
        "",
    ),
    # Section 6.1.4 (b): a mapping changes what the next certificate may name.
    "mapped": (
        path((policies(SILVER),), (policies(GOLD), constraints(0), mappings((GOLD, SILVER)))),
        "",
    ),
    "mapped-away": (
        path((policies(GOLD),), (policies(GOLD), constraints(0), mappings((GOLD, SILVER)))),
        REQUIRED,
    ),
    "mapped-from-what-is-not-there": (
        path((policies(SILVER),), (policies(IRON), constraints(0), mappings((GOLD, SILVER)))),
        REQUIRED,
    ),
    "mapped-from-any": (
        path((policies(SILVER),), (policies(ANY), constraints(0), mappings((GOLD, SILVER)))),
        "",
    ),
    "mapping-inhibited": (
        path(
            (policies(SILVER),),
            (policies(GOLD), mappings((GOLD, SILVER))),
            (policies(GOLD), constraints(0, 0)),
        ),
        REQUIRED,
    ),
    "mapping-inhibited-further-down": (
        path(
            (policies(SILVER),),
            (policies(GOLD), mappings((GOLD, SILVER))),
            (policies(GOLD), constraints(0, 1)),
        ),
        "",
    ),
    # Section 6.1.4 (a): anyPolicy is neither mapped nor mapped to, required or not.
    "any-mapped": (path((), (mappings((ANY, GOLD)),)), "policyMappings of anyPolicy"),
    "mapped-to-any": (path((), (mappings((GOLD, ANY)),)), "policyMappings of anyPolicy"),
    # What cannot be read is refused, as BoringSSL's parser does.
    "mappings-no-sequence": (
        path((), (raw("2.5.29.33", b"\x05\x00"),)),
        "policyMappings unreadable",
    ),
    "mappings-of-three": (
        path((), (raw("2.5.29.33", tlv(0x30, tlv(0x30, oid_of(GOLD) * 3))),)),
        "policyMappings unreadable",
    ),
    "mappings-empty": (path((), (raw("2.5.29.33", b"\x30\x00"),)), "policyMappings unreadable"),
    "constraints-unreadable": (
        path((), (raw("2.5.29.36", b"\x30\x03\x82\x01\x00"),)),
        "policyConstraints unreadable",
    ),
    "constraints-negative": (
        path((), (raw("2.5.29.36", b"\x30\x03\x80\x01\xff"),)),
        "policyConstraints unreadable",
    ),
    "constraints-of-300": (path((), (raw("2.5.29.36", b"\x30\x04\x80\x02\x01\x2c"),)), ""),
    "inhibit-unreadable": (
        path((), (constraints(5), raw("2.5.29.54", b"\x04\x00"))),
        "inhibitAnyPolicy unreadable",
    ),
    "mappings-too-long": (
        path((), (raw("2.5.29.33", tlv(0x30, *[tlv(0x30, oid_of(GOLD) * 2)] * 700)),)),
        f"policyMappings longer than {limits.MAX_POLICY_OCTETS} octets",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_rfc_5280_says(case: str) -> None:
    """One chain for each step of section 6.1 that concerns policies."""
    certificates, expected = CASES[case]

    assert policy_problem(certificates) == expected


def test_the_anchor_is_not_asked() -> None:
    """RFC 5280 section 6.1: the anchor is not part of the path."""
    anchor = root(extra=(constraints(0),))

    assert policy_problem((leaf(anchor).parsed, anchor.parsed)) == ""
    assert policy_problem((anchor.parsed,)) == ""


def test_self_issued_authorities_do_not_count_down() -> None:
    """RFC 5280 section 6.1.4 (h): a CA that issues to itself uses nothing up."""
    upper = intermediate(ROOT, "CA", extra=(policies(GOLD), constraints(2)))
    again = intermediate(upper, "CA", label="again", extra=(policies(GOLD),))
    row = (leaf(again), again, upper, ROOT)

    assert policy_problem(tuple(one.parsed for one in row)) == ""
    other = intermediate(upper, "Other", extra=(policies(GOLD),))
    row = (leaf(other), other, upper, ROOT)
    assert policy_problem(tuple(one.parsed for one in row)) == REQUIRED


def test_mappings_that_multiply_grow_nothing() -> None:
    """RFC 9618 section 1: each level maps all to all, and a tree would have 12^8 nodes."""
    oids = [f"1.3.6.1.4.1.55555.{number}" for number in range(12)]
    every = mappings(*((issuer, subject) for issuer in oids for subject in oids))
    level = (policies(*oids), every)
    certificates = path((policies(oids[0]),), *[level] * 7, (*level, constraints(0)))

    assert policy_problem(certificates) == ""


# -- NIST's Public Key Interoperability Test Suite ---------------------------------

PKITS: Final = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data" / "certs"
MAY_2014: Final = "1400000000"


def pkits_path(name: str, subjects: dict[bytes, list[Certificate]]) -> tuple[Certificate, ...]:
    """The path from a leaf of the suite by names and key identifiers; () when there is none."""
    found = [parse_certificate((PKITS / name).read_bytes())]
    # Ends: no path of the suite is longer.
    while len(found) < 10:
        top = found[-1]
        if top.issuer.der == top.subject.der and top.subject.rdns[-1][0].value == "Trust Anchor":
            return tuple(found)
        wanted = top.authority_key_identifier
        key = None if wanted is None else wanted.key_identifier
        above = [one for one in subjects.get(top.issuer.der, ()) if one not in found]
        above = [one for one in above if one.subject_key_identifier == key]
        if not above:
            return ()
        found.append(min(above, key=lambda one: one.issuer.der == one.subject.der))
    return ()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_the_nist_suite_is_judged_as_openssl_judges_it(tmp_path: Path) -> None:
    """`openssl verify -policy_check`, any policy wanted: errors 42 and 43 are about policies."""
    subjects: dict[bytes, list[Certificate]] = {}
    for file in sorted(PKITS.glob("*.crt")):
        one = parse_certificate(file.read_bytes())
        subjects.setdefault(one.subject.der, []).append(one)
    asked = refused = 0
    for file in sorted(PKITS.glob("*Test*.crt")):
        certificates = pkits_path(file.name, subjects)
        if "olic" not in file.name or not certificates:
            continue
        asked += 1
        expected = openssl_on_policies(certificates, tmp_path)
        refused += expected
        assert bool(policy_problem(certificates)) is expected, file.name
    assert asked > 50
    assert refused > 20


def openssl_on_policies(certificates: tuple[Certificate, ...], directory: Path) -> bool:
    """Whether the program refuses the path for its policies."""
    rows = {"leaf": certificates[:1], "rest": certificates[1:-1], "root": certificates[-1:]}
    for name, row in rows.items():
        (directory / f"{name}.pem").write_bytes(b"".join(x509_pem(one.der) for one in row))
    command = [
        *("openssl", "verify", "-policy_check", "-policy", ANY, "-attime", MAY_2014),
        *("-no-CApath", "-CAfile", "root.pem", "-untrusted", "rest.pem", "leaf.pem"),
    ]
    done = subprocess.run(command, cwd=directory, capture_output=True, timeout=30, check=False)
    return b"error 42 " in done.stderr or b"error 43 " in done.stderr

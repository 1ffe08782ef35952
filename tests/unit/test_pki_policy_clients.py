"""The table of policies beside the clients it stands for: OpenSSL and Java are asked.

Each case breaks one rule. What the table says a client does with it is what the client,
where it is installed, does.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleetscan.pki.acceptance import accepted_by, refuses, wrong_purpose
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.path import assess
from fleetscan.pki.policy import POLICIES, Rule
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import (
    ANY_USAGE,
    CLIENT_AUTH,
    DAY,
    NOW,
    SERVER_AUTH,
    Changes,
    Issued,
    intermediate,
    key_usage,
    leaf,
    resigned,
    root,
)

PROGRAM: Final = Path(__file__).resolve().parents[1] / "real" / "programs" / "PathCheck.java"
NAME: Final = "www.example.com"
ROOT: Final = root()
CA: Final = intermediate(ROOT)
RSA_ROOT: Final = root("RSA Root", kind="RSA-2048")
OUTSIDE: Final = x509.NameConstraints([x509.DNSName("example.org")], None)
EXPLICIT: Final = (x509.PolicyConstraints(0, None), True)
UNKNOWN: Final = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A path, leaf first and anchor last, with the rule that it breaks; None for a good one.

    `at` is the certificate concerned. `browser`, `legacy` and `webpki` stand for no client
    that can be asked here: `others` are those of them that accept it, by causes.md's default
    policy and by what the table says of itself.
    """

    path: tuple[Issued, ...]
    rule: Rule | None
    at: int = 0
    name: str = NAME
    others: frozenset[str] = frozenset()


def of_leaf(rule: Rule | None, one: Issued, *others: str, name: str = NAME) -> Breach:
    """A leaf under a sound authority."""
    return Breach(path=(one, CA, ROOT), rule=rule, name=name, others=frozenset(others))


def of_ca(rule: Rule, ca: Issued, *others: str) -> Breach:
    """An authority under a sound root."""
    return Breach(path=(leaf(ca), ca, ROOT), rule=rule, at=1, others=frozenset(others))


def of_anchor(rule: Rule | None, anchor: Issued, *others: str) -> Breach:
    """An anchor above a sound leaf."""
    return Breach(path=(leaf(anchor), anchor), rule=rule, at=1, others=frozenset(others))


def named(*names: str) -> Issued:
    """A leaf with these dNSNames, whatever they look like."""
    return leaf(CA, san=[x509.DNSName(one) for one in names])


def signed(digest: hashes.HashAlgorithm) -> Issued:
    """A leaf whose signature rests on this hash function."""
    return resigned(leaf(RSA_ROOT, kind="RSA-2048"), RSA_ROOT, digest=digest)


def octets(oid: str, value: str, *, critical: bool = True) -> tuple[x509.ExtensionType, bool]:
    """An extension whose value is given in hex."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value)), critical


def of_other_authority(identifier: x509.AuthorityKeyIdentifier) -> Breach:
    """A leaf that identifies another authority than the one that signed it."""
    return Breach(
        path=(leaf(CA, identifiers=False, extra=[(identifier, False)]), CA, ROOT),
        rule=Rule.AUTHORITY_KEY_MATCH,
        at=1,
        others=frozenset({"browser", "legacy"}),
    )


ALL: Final = ("browser", "legacy", "webpki")
OCSP_SIGNING: Final = ExtendedKeyUsageOID.OCSP_SIGNING
STEP_UP: Final = x509.ObjectIdentifier("2.16.840.1.113730.4.1")
OWN_AUTHORITY: Final = x509.AuthorityKeyIdentifier.from_issuer_public_key(CA.key.public_key())
OWN_KEY: Final = x509.SubjectKeyIdentifier.from_public_key(ROOT.key.public_key())
ANOTHER_KEY: Final = x509.AuthorityKeyIdentifier(b"\1\2\3", None, None)
ANOTHER_SERIAL: Final = x509.AuthorityKeyIdentifier(
    None, [x509.DirectoryName(ROOT.name)], CA.parsed.serial_number + 1
)
ANOTHER_ISSUER: Final = x509.AuthorityKeyIdentifier(
    None, [x509.DirectoryName(CA.name)], CA.parsed.serial_number
)
RIGHT_ISSUER: Final = x509.AuthorityKeyIdentifier(
    None, [x509.DirectoryName(ROOT.name)], CA.parsed.serial_number
)
WWW: Final = "820f" + NAME.encode().hex()
POLICY: Final = "300406022a03"
QUALIFIED: Final = octets("2.5.29.32", "30163014" + "06042a030405" + "300c300a06042a03040604024142")
"""A policy with a qualifier of the kind 1.2.3.4.6 (RFC 5280 section 4.2.1.4 has two kinds)."""

_URL: Final = "860d" + b"http://a.test".hex()
CRITICAL: Final[dict[str, tuple[Changes, tuple[str, ...]]]] = {
    "policy-mappings": ({"extra": [octets("2.5.29.33", "300e300c06042a03040506042a030406")]}, ALL),
    "policy-constraints": ({"extra": [octets("2.5.29.36", "3003800105")]}, ALL),
    "inhibit-any-policy": ({"extra": [octets("2.5.29.54", "020105")]}, ALL),
    "policies": ({"extra": [octets("2.5.29.32", "3008300606042a030405")]}, ALL),
    "crl-distribution-points": (
        {"extra": [octets("2.5.29.31", f"30153013a011a00f{_URL}")]},
        ("legacy",),
    ),
    "netscape-cert-type": (
        {"extra": [octets("2.16.840.1.113730.1.1", "03020640")]},
        ("legacy",),
    ),
    "ocsp-no-check": ({"extra": [octets("1.3.6.1.5.5.7.48.1.5", "0500")]}, ("legacy",)),
    "authority-info-access": (
        {"extra": [octets("1.3.6.1.5.5.7.1.1", f"301b301906082b06010505073001{_URL}")]},
        ("legacy",),
    ),
    "timestamps": ({"extra": [octets("1.3.6.1.4.1.11129.2.4.2", "04020000")]}, ("legacy",)),
    "tls-feature": ({"extra": [octets("1.3.6.1.5.5.7.1.24", "3003020105")]}, ("legacy",)),
    "issuer-alt-name": ({"extra": [octets("2.5.29.18", "3003820161")]}, ()),
    "subject-info-access": (
        {"extra": [octets("1.3.6.1.5.5.7.1.11", f"301b301906082b06010505073005{_URL}")]},
        (),
    ),
    "freshest-crl": ({"extra": [octets("2.5.29.46", f"30153013a011a00f{_URL}")]}, ()),
}
"""A critical extension, and which of `ALL` take it."""

STARRED: Final = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other.example.com")])
BREACHES: Final = {
    "sound": of_leaf(None, leaf(CA), *ALL),
    "no-purpose": of_leaf(None, leaf(CA, extended=None), *ALL),
    "ca-as-leaf": of_leaf(None, leaf(CA, ca=True), *ALL),
    "p-224": of_leaf(None, leaf(CA, kind="P-224"), *ALL),
    "ca-without-key-usage": Breach(
        path=(leaf(intermediate(ROOT, usages=None)), intermediate(ROOT, usages=None), ROOT),
        rule=None,
        others=frozenset(ALL),
    ),
    "version-1-root": of_anchor(None, resigned(root(), root(), version1=True), *ALL),
    "expired": of_leaf(Rule.VALIDITY, leaf(CA, not_after=NOW - DAY)),
    "any-purpose": of_leaf(Rule.EXTENDED_KEY_USAGE, leaf(CA, extended=[ANY_USAGE]), "legacy"),
    "clients-only": of_leaf(Rule.EXTENDED_KEY_USAGE, leaf(CA, extended=[CLIENT_AUTH])),
    "key-usage": of_leaf(Rule.KEY_USAGE, leaf(CA, usages=key_usage("key_cert_sign")), "legacy"),
    "unknown-critical": of_leaf(Rule.CRITICAL_EXTENSIONS, leaf(CA, extra=[UNKNOWN])),
    **{
        f"critical-{key}-{at}": broken
        for key, (extra, others) in CRITICAL.items()
        for at, broken in (
            ("leaf", of_leaf(Rule.CRITICAL_EXTENSIONS, leaf(CA, **extra), *others)),
            ("ca", of_ca(Rule.CRITICAL_EXTENSIONS, intermediate(ROOT, **extra), *others)),
            (
                "anchor",
                of_anchor(Rule.ANCHOR_CRITICAL_EXTENSIONS, root(**extra), "legacy", *others),
            ),
        )
    },
    "critical-subject-key-identifier": of_leaf(
        Rule.CRITICAL_EXTENSIONS,
        leaf(CA, identifiers=False, extra=[(x509.SubjectKeyIdentifier(b"\1"), True)]),
        "legacy",
    ),
    "critical-authority-key-identifier": of_leaf(
        Rule.CRITICAL_EXTENSIONS,
        leaf(CA, identifiers=False, extra=[(OWN_AUTHORITY, True)]),
        "legacy",
    ),
    "critical-policy-qualifier": of_ca(
        Rule.CRITICAL_EXTENSIONS, intermediate(ROOT, extra=[QUALIFIED]), "legacy"
    ),
    "empty-issuer": of_ca(Rule.DISTINGUISHED_NAMES, intermediate(ROOT, x509.Name([])), "legacy"),
    "empty-constraints": of_ca(
        Rule.EXTENSION_FORM, intermediate(ROOT, extra=[octets("2.5.29.30", "3000")]), "legacy"
    ),
    "empty-permitted-subtrees": of_ca(
        Rule.EXTENSION_FORM, intermediate(ROOT, extra=[octets("2.5.29.30", "3002a000")]), "legacy"
    ),
    "address-of-5": of_leaf(
        Rule.EXTENSION_FORM,
        leaf(CA, san=None, extra=[octets("2.5.29.17", f"3018{WWW}87050a00000001", critical=False)]),
        "legacy",
    ),
    "policy-twice": of_leaf(
        Rule.EXTENSION_FORM,
        leaf(CA, extra=[octets("2.5.29.32", f"300c{POLICY}{POLICY}")]),
        "legacy",
    ),
    "other-key-identifier": of_other_authority(ANOTHER_KEY),
    "other-key-identifier-of-the-anchor": of_anchor(
        Rule.AUTHORITY_KEY_MATCH,
        root(
            identifiers=False,
            extra=[(ANOTHER_KEY, False), (OWN_KEY, False)],
        ),
        "browser",
        "legacy",
    ),
    "other-issuer": of_other_authority(ANOTHER_ISSUER),
    "right-issuer": of_leaf(None, leaf(CA, identifiers=False, extra=[(RIGHT_ISSUER, False)]), *ALL),
    "other-serial-number": of_other_authority(ANOTHER_SERIAL),
    "ocsp-signing": of_leaf(
        Rule.EXTENDED_KEY_USAGE, leaf(CA, extended=[SERVER_AUTH, OCSP_SIGNING]), "legacy"
    ),
    "server-gated-crypto": of_leaf(Rule.EXTENDED_KEY_USAGE, leaf(CA, extended=[STEP_UP]), "legacy"),
    "ca-of-server-gated-crypto": of_ca(
        Rule.CA_EXTENDED_KEY_USAGE, intermediate(ROOT, extended=[STEP_UP]), "legacy"
    ),
    "ca-for-ocsp-too": Breach(
        path=(
            leaf(intermediate(ROOT, extended=[SERVER_AUTH, OCSP_SIGNING])),
            intermediate(ROOT, extended=[SERVER_AUTH, OCSP_SIGNING]),
            ROOT,
        ),
        rule=None,
        others=frozenset(ALL),
    ),
    "rsa-1024": of_leaf(Rule.KEY_STRENGTH, leaf(CA, kind="RSA-1024"), "legacy"),
    "p-192": of_leaf(Rule.KEY_STRENGTH, leaf(CA, kind="P-192"), "legacy"),
    "dsa-2048": of_leaf(Rule.KEY_STRENGTH, leaf(CA, kind="DSA-2048"), "legacy"),
    "dsa-1024": of_leaf(Rule.KEY_STRENGTH, leaf(CA, kind="DSA-1024"), "legacy"),
    "sha-1": Breach(
        path=(signed(hashes.SHA1()), RSA_ROOT),
        rule=Rule.SIGNATURE_STRENGTH,
        others=frozenset({"legacy"}),
    ),
    "md5": Breach(
        path=(signed(hashes.MD5()), RSA_ROOT),
        rule=Rule.SIGNATURE_STRENGTH,
        others=frozenset({"legacy"}),
    ),
    "no-ca": of_ca(Rule.BASIC_CONSTRAINTS, intermediate(ROOT, ca=False)),
    "no-basic-constraints": of_ca(Rule.BASIC_CONSTRAINTS, intermediate(ROOT, ca=None)),
    "ca-key-usage": of_ca(Rule.CA_KEY_USAGE, intermediate(ROOT, usages=key_usage("crl_sign"))),
    "ca-expired": of_ca(Rule.CA_VALIDITY, intermediate(ROOT, not_after=NOW - DAY)),
    "ca-for-clients": of_ca(
        Rule.CA_EXTENDED_KEY_USAGE, intermediate(ROOT, extended=[CLIENT_AUTH]), "legacy"
    ),
    "ca-for-any": of_ca(
        Rule.CA_EXTENDED_KEY_USAGE, intermediate(ROOT, extended=[ANY_USAGE]), "legacy"
    ),
    "ca-constrained": of_ca(Rule.NAME_CONSTRAINTS, intermediate(ROOT, constraints=OUTSIDE)),
    "explicit-policy": of_ca(
        Rule.CERTIFICATE_POLICIES, intermediate(ROOT, extra=[EXPLICIT]), "legacy"
    ),
    "anchor-expired": of_anchor(Rule.ANCHOR_VALIDITY, root(not_after=NOW - DAY), "legacy"),
    "anchor-for-clients": of_anchor(
        Rule.ANCHOR_CONSTRAINTS, root(extended=[CLIENT_AUTH]), "legacy"
    ),
    "anchor-constrained": of_anchor(Rule.ANCHOR_CONSTRAINTS, root(constraints=OUTSIDE), "legacy"),
    "anchor-rsa-1024": of_anchor(Rule.ANCHOR_KEY_STRENGTH, root(kind="RSA-1024"), "legacy"),
    "anchor-p-192": of_anchor(Rule.ANCHOR_KEY_STRENGTH, root(kind="P-192"), "legacy"),
    "anchor-no-ca": of_anchor(Rule.BASIC_CONSTRAINTS, root(ca=False)),
    "anchor-explicit-policy": of_anchor(None, root(extra=[EXPLICIT]), *ALL),
    "common-name": of_leaf(Rule.NAME, leaf(CA, san=None), "legacy"),
    "common-name-beside-an-address": of_leaf(Rule.NAME, leaf(CA, san=["10.0.0.1"]), "legacy"),
    "common-name-beside-another": of_leaf(Rule.NAME, named("other.example.com")),
    "another-common-name": of_leaf(Rule.NAME, leaf(CA, STARRED, san=None)),
    "wildcard-at-the-end": of_leaf(Rule.NAME, named("w*.example.com"), "legacy"),
    "wildcard-at-the-front": of_leaf(Rule.NAME, named("*w.example.com"), "legacy"),
    "wildcard-for-nothing": of_leaf(Rule.NAME, named("www*.example.com"), "legacy"),
    "wildcard-within": of_leaf(Rule.NAME, named("w*w.example.com"), "legacy"),
    "wildcard-that-overlaps": of_leaf(Rule.NAME, named("ww*ww.example.com")),
    "wildcards-two": of_leaf(Rule.NAME, named("*w*.example.com"), "legacy"),
    "wildcards-two-of-another": of_leaf(Rule.NAME, named("*x*.example.com")),
    "wildcard-of-an-a-label": of_leaf(
        Rule.NAME, named("x*.example.com"), name="xn--bcher-kva.example.com"
    ),
    "wildcards-everywhere-and-an-a-label": of_leaf(
        Rule.NAME, named("*.*.com"), "legacy", name="xn--bcher-kva.example.com"
    ),
    "wildcard-below": of_leaf(Rule.NAME, named("www.*.com"), "legacy"),
    "wildcard-everywhere": of_leaf(Rule.NAME, named("*.*.com"), "legacy"),
    "wildcard-last": of_leaf(Rule.NAME, named("www.example.*")),
    "wildcard-two-labels": of_leaf(Rule.NAME, named("*.com"), "legacy", name="example.com"),
    "wildcard-part-two-labels": of_leaf(Rule.NAME, named("e*.com"), "legacy", name="example.com"),
    "wildcard-too-deep": of_leaf(Rule.NAME, named("w*.com")),
    "wildcard-of-another": of_leaf(Rule.NAME, named("x*.example.com")),
    "address-as-dns-name": of_leaf(Rule.NAME, named("10.0.0.1"), "legacy", name="10.0.0.1"),
    "address-as-common-name": of_leaf(Rule.NAME, leaf(CA, "10.0.0.1", san=None), name="10.0.0.1"),
}


def problem(breach: Breach) -> Problem:
    """The problem that a path check would report; its kind plays no part."""
    assert breach.rule is not None
    return Problem(
        kind=PathProblem.INVALID_CA, certificate=breach.path[breach.at].parsed, rule=breach.rule
    )


def expected(breach: Breach, client: str) -> bool:
    """Whether the table says that the client accepts the path."""
    if breach.rule is None:
        return True
    return not refuses(POLICIES[client], problem(breach), breach.name)


def write(breach: Breach, directory: Path) -> None:
    """The files that both programs read."""
    directory.mkdir(exist_ok=True)
    rest = breach.path[1:-1] or breach.path[-1:]
    (directory / "leaf.pem").write_bytes(breach.path[0].pem)
    (directory / "rest.pem").write_bytes(b"".join(one.pem for one in rest))
    (directory / "chain.pem").write_bytes(b"".join(one.pem for one in breach.path[:-1]))
    (directory / "anchors.pem").write_bytes(breach.path[-1].pem)
    (directory / "name").write_text(breach.name)


@functools.cache
def of_java() -> dict[str, str]:
    """Java's answer to each case; one machine for all of them."""
    with tempfile.TemporaryDirectory() as made:
        for key, breach in BREACHES.items():
            write(breach, Path(made) / key)
        command = [
            *("java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx64m"),
            *("--add-exports", "java.base/sun.security.validator=ALL-UNNAMED"),
            *("--add-exports", "java.base/sun.security.util=ALL-UNNAMED"),
            *(str(PROGRAM), str(NOW)),
        ]
        asked = "".join(f"{Path(made) / key}\n" for key in BREACHES)
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, timeout=120, check=True
        )
    return dict(zip(BREACHES, done.stdout.splitlines(), strict=True))


each = pytest.mark.parametrize("key", BREACHES)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
@each
def test_openssl_does_what_the_table_says(key: str, tmp_path: Path) -> None:
    """`openssl verify` at security level 2, asked for a server's purpose."""
    breach = BREACHES[key]
    write(breach, tmp_path)
    which = "-verify_ip" if breach.name[0].isdigit() else "-verify_hostname"
    command = [
        *("openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "anchors.pem"),
        *("-purpose", "sslserver", "-auth_level", "2", "-attime", str(NOW)),
        *("-untrusted", "rest.pem", which, breach.name, "leaf.pem"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)

    assert (done.returncode == 0) is expected(breach, "openssl"), done.stderr.decode()


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK, to run a source file")
@each
def test_java_does_what_the_table_says(key: str) -> None:
    """What JSSE's trust manager asks of a server's chain, and its host name check."""
    answer = of_java()[key]

    assert (answer == "accepted") is expected(BREACHES[key], "java"), answer


@pytest.mark.parametrize("client", ["browser", "openssl", "java", "legacy"])
@each
def test_the_path_check_does_what_the_table_says(key: str, client: str) -> None:
    """The breach is found in the path, by the certificate and the rule that the table speaks of."""
    breach = BREACHES[key]
    found = assess(
        [one.parsed for one in breach.path[:-1]],
        reference_name=breach.name,
        now=NOW,
        trust=TrustStore([breach.path[-1].parsed]),
        policy=POLICIES[client],
    )
    accepted = found.trusted is Checked.YES and found.name is not Checked.NO

    assert accepted is expected(breach, client)
    if not accepted:
        assert (breach.rule, breach.path[breach.at].der) in {
            (each.rule, each.certificate.der) for each in found.problems
        }


@each
def test_the_policies_that_no_program_here_stands_for(key: str) -> None:
    """causes.md: the default refuses every one of these; legacy takes what any client takes."""
    breach = BREACHES[key]

    found = {name for name in ALL if expected(breach, name)}
    assert found == breach.others


@each
def test_legacy_takes_what_openssl_or_java_takes(key: str) -> None:
    """The widest policy: whoever accepts, it accepts."""
    breach = BREACHES[key]

    if expected(breach, "openssl") or expected(breach, "java"):
        assert expected(breach, "legacy")


def test_accepted_by_names_the_policies_in_the_order_of_the_table() -> None:
    """RSA of 1,024 bits: OpenSSL's level 2 and the Baseline Requirements want 2,048."""
    assert accepted_by(problem(BREACHES["rsa-1024"])) == ("java", "legacy")
    assert accepted_by(problem(BREACHES["common-name"]), NAME) == ("openssl", "java", "legacy")
    assert accepted_by(problem(BREACHES["expired"])) == ()


def test_who_is_for_servers_has_no_wrong_purpose() -> None:
    """RFC 5280 section 4.2.1.12: one of the purposes is enough, and so is no extension."""
    for purposes in (None, [SERVER_AUTH], [CLIENT_AUTH, SERVER_AUTH], [ANY_USAGE, SERVER_AUTH]):
        one = leaf(CA, extended=purposes).parsed
        assert not any(wrong_purpose(policy, one) for policy in POLICIES.values()), purposes

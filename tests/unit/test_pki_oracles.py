"""Our verdicts beside those of `cryptography` and of the `openssl` program.

Only chains are compared on which both have an opinion; what the default policy of
fleetscan refuses and an oracle lets pass (weak keys) has tests of its own.
"""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    Issued,
    intermediate,
    key_usage,
    leaf,
    root,
    spoiled,
)

NAME: Final = "www.example.com"
ROOT: Final = root()
OTHER: Final = root("Other Root")
CA: Final = intermediate(ROOT)
LOWER: Final = intermediate(CA, "Lower CA")
NARROW: Final = intermediate(ROOT, "Narrow", path_len=0)
BELOW_NARROW: Final = intermediate(NARROW, "Below")
OLD: Final = intermediate(ROOT, "Old", not_after=NOW - DAY)
YOUNG: Final = intermediate(ROOT, "Young", not_before=NOW + DAY)
NO_CA: Final = intermediate(ROOT, "No CA", ca=False)
NO_SIGN: Final = intermediate(ROOT, "No Sign", usages=key_usage("crl_sign"))
CLIENTS: Final = intermediate(ROOT, "Clients", extended=[CLIENT_AUTH])
WITHIN: Final = intermediate(
    ROOT, "Within", constraints=x509.NameConstraints([x509.DNSName("example.com")], None)
)
OUTSIDE: Final = intermediate(
    ROOT, "Outside", constraints=x509.NameConstraints([x509.DNSName("example.org")], None)
)
WITHOUT: Final = intermediate(
    ROOT, "Without", constraints=x509.NameConstraints(None, [x509.DNSName("example.com")])
)
PREFIX: Final = intermediate(
    ROOT,
    "Prefix",
    constraints=x509.NameConstraints([x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))], None),
)
UNKNOWN: Final = (
    x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"),
    True,
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A chain, what is trusted, and whether the path is good."""

    good: bool
    chain: tuple[Issued, ...]
    trust: tuple[Issued, ...] = (ROOT,)
    name: str = NAME
    skipped: frozenset[str] = field(default_factory=frozenset)


SCENARIOS: Final = {
    "good": Scenario(good=True, chain=(leaf(CA), CA)),
    "good-two-intermediates": Scenario(good=True, chain=(leaf(LOWER), LOWER, CA)),
    "good-unordered": Scenario(good=True, chain=(leaf(LOWER), CA, LOWER)),
    "good-with-root": Scenario(good=True, chain=(leaf(CA), CA, ROOT)),
    "good-with-stranger": Scenario(good=True, chain=(leaf(CA), OTHER, CA)),
    "good-rsa": Scenario(good=True, chain=(leaf(CA, kind="RSA-2048"), CA)),
    "good-wildcard": Scenario(good=True, chain=(leaf(CA, san=["*.example.com"]), CA)),
    "good-address": Scenario(good=True, chain=(leaf(CA, san=["10.0.0.1"]), CA), name="10.0.0.1"),
    "good-path-length": Scenario(good=True, chain=(leaf(NARROW), NARROW)),
    "good-constraint": Scenario(good=True, chain=(leaf(WITHIN), WITHIN)),
    "good-prefix": Scenario(
        good=True, chain=(leaf(PREFIX, san=["10.0.0.1"]), PREFIX), name="10.0.0.1"
    ),
    "expired": Scenario(good=False, chain=(leaf(CA, not_after=NOW - DAY), CA)),
    "not-yet-valid": Scenario(good=False, chain=(leaf(CA, not_before=NOW + DAY), CA)),
    "wrong-name": Scenario(good=False, chain=(leaf(CA, san=["other.example"]), CA)),
    "wrong-address": Scenario(good=False, chain=(leaf(CA, san=["10.0.0.2"]), CA), name="10.0.0.1"),
    "wildcard-too-deep": Scenario(
        good=False, chain=(leaf(CA, san=["*.example.com"]), CA), name="a.b.example.com"
    ),
    "wildcard-partial": Scenario(
        good=False,
        chain=(leaf(CA, san=[x509.DNSName("w*.example.com")]), CA),
        # The program takes partial wildcards unless it is told not to, browsers do not.
        skipped=frozenset({"openssl"}),
    ),
    "common-name-only": Scenario(
        good=False,
        chain=(leaf(CA, san=None), CA),
        # The program falls back to the common name, browsers do not.
        skipped=frozenset({"openssl"}),
    ),
    "wrong-purpose": Scenario(good=False, chain=(leaf(CA, extended=[CLIENT_AUTH]), CA)),
    "ca-for-clients": Scenario(good=False, chain=(leaf(CLIENTS), CLIENTS)),
    "unknown-critical": Scenario(good=False, chain=(leaf(CA, extra=[UNKNOWN]), CA)),
    "expired-ca": Scenario(good=False, chain=(leaf(OLD), OLD)),
    "ca-not-yet-valid": Scenario(good=False, chain=(leaf(YOUNG), YOUNG)),
    "no-ca": Scenario(good=False, chain=(leaf(NO_CA), NO_CA)),
    "no-key-cert-sign": Scenario(good=False, chain=(leaf(NO_SIGN), NO_SIGN)),
    "path-length": Scenario(good=False, chain=(leaf(BELOW_NARROW), BELOW_NARROW, NARROW)),
    "constraint-permitted": Scenario(good=False, chain=(leaf(OUTSIDE), OUTSIDE)),
    "constraint-excluded": Scenario(good=False, chain=(leaf(WITHOUT), WITHOUT)),
    "constraint-prefix": Scenario(
        good=False, chain=(leaf(PREFIX, san=["11.0.0.1"]), PREFIX), name="11.0.0.1"
    ),
    "untrusted-root-sent": Scenario(good=False, chain=(leaf(CA), CA, ROOT), trust=(OTHER,)),
    "untrusted-root": Scenario(good=False, chain=(leaf(CA), CA), trust=(OTHER,)),
    "missing-intermediate": Scenario(good=False, chain=(leaf(CA),)),
    "missing-upper-intermediate": Scenario(good=False, chain=(leaf(LOWER), LOWER)),
    "bad-signature": Scenario(good=False, chain=(spoiled(leaf(CA)), CA)),
    "bad-signature-of-ca": Scenario(good=False, chain=(leaf(CA), spoiled(CA))),
    "self-signed": Scenario(good=False, chain=(leaf(None),)),
}


def ours(scenario: Scenario) -> PathAssessment:
    """Our own answer."""
    return assess(
        [one.parsed for one in scenario.chain],
        reference_name=scenario.name,
        now=NOW,
        trust=TrustStore([one.parsed for one in scenario.trust]),
    )


def scenarios(oracle: str) -> list[object]:
    """The scenarios this oracle has the same question about."""
    return [
        pytest.param(scenario, id=key)
        for key, scenario in SCENARIOS.items()
        if oracle not in scenario.skipped
    ]


@pytest.mark.parametrize("scenario", scenarios("ours"))
def test_ours(scenario: Scenario) -> None:
    """What each scenario is meant to be is what we say; and a refusal has its problem."""
    found = ours(scenario)
    good = found.trusted is Checked.YES and found.name is Checked.YES

    assert good is scenario.good
    assert good is not bool(found.problems)


@pytest.mark.parametrize("scenario", scenarios("cryptography"))
def test_cryptography_agrees(scenario: Scenario) -> None:
    """`cryptography.x509.verification` takes and refuses the same chains."""
    try:
        subject: x509.IPAddress | x509.DNSName = x509.IPAddress(ipaddress.ip_address(scenario.name))
    except ValueError:
        subject = x509.DNSName(scenario.name)
    verifier = (
        PolicyBuilder()
        .store(Store([one.x509 for one in scenario.trust]))
        .time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        .build_server_verifier(subject)
    )
    try:
        verifier.verify(scenario.chain[0].x509, [one.x509 for one in scenario.chain[1:]])
        good = True
    except VerificationError:
        good = False

    found = ours(scenario)
    assert (found.trusted is Checked.YES and found.name is Checked.YES) is good


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
@pytest.mark.parametrize("scenario", scenarios("openssl"))
def test_openssl_agrees(scenario: Scenario, tmp_path: Path) -> None:
    """`openssl verify` takes and refuses the same chains."""
    files = {
        "leaf.pem": scenario.chain[:1],
        "rest.pem": scenario.chain[1:],
        "trust.pem": scenario.trust,
    }
    for name, certificates in files.items():
        (tmp_path / name).write_bytes(b"".join(one.pem for one in certificates))
    which = "-verify_hostname" if scenario.name[0].isalpha() else "-verify_ip"
    command = [
        *("openssl", "verify", "-no-CApath", "-CAfile", "trust.pem", "-purpose", "sslserver"),
        *("-attime", str(NOW), which, scenario.name),
        *(("-untrusted", "rest.pem") if scenario.chain[1:] else ()),
        "leaf.pem",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)

    found = ours(scenario)
    good = found.trusted is Checked.YES and found.name is Checked.YES
    assert good is (done.returncode == 0), done.stderr.decode()

"""Findings: true of a handshake that works, and quiet where a cause says more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509

from fleetscan.causes import classify
from fleetscan.causes.model import Severity
from fleetscan.facts import HandshakeFacts
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import ConfirmedBy, EndedBy
from tests.certificates import DAY, NOW, Issued, intermediate, issue, leaf, root
from tests.facts_builder import NAME, OFFER, assessed, case, confirmed, ended, finding_ids

ROOT = root()
CA = intermediate(ROOT)


def showed(*chain: Issued, **changes: object) -> HandshakeFacts:
    """Facts of a confirmed handshake with this chain."""
    return confirmed(certificates=tuple(one.parsed for one in chain), **changes)


def found(*chain: Issued, now: float = NOW) -> list[str]:
    """Ids of the findings about this chain."""
    return finding_ids(showed(*chain), now=float(now))


@pytest.mark.parametrize(
    ("left_s", "severity"),
    [
        (30 * DAY, None),
        (30 * DAY - 1, Severity.MEDIUM),
        (7 * DAY, Severity.MEDIUM),
        (7 * DAY - 1, Severity.HIGH),
        (0, Severity.HIGH),
        (-1, None),
    ],
)
def test_expires_soon(left_s: int, severity: Severity | None) -> None:
    """causes.md: medium, high under 7 days; an expired one is certificate.expired."""
    one = leaf(CA, not_before=NOW - 60 * DAY, not_after=NOW + left_s)
    told = {
        finding.entry.id: finding.severity
        for finding in classify(case(showed(one, CA), now=float(NOW))).findings
    }

    assert told.get("finding.expires_soon") is severity


def test_one_that_is_not_valid_yet_does_not_expire_soon() -> None:
    """What has not begun is another matter."""
    assert found(leaf(CA, not_before=NOW + 1, not_after=NOW + DAY), CA) == []


def test_wildcard() -> None:
    """Only the wildcard names are evidence."""
    one = leaf(CA, san=["www.example.com", "*.example.com"])
    (finding,) = classify(case(showed(one, CA), now=float(NOW))).findings

    assert finding.entry.id == "finding.wildcard"
    assert finding.match.evidence == {"names": "*.example.com"}
    assert found(leaf(CA), CA) == []


def test_chain_findings() -> None:
    """Order, what belongs to no path, and a root that need not be sent."""
    stranger = root("Stranger")

    assert found(leaf(CA), ROOT, CA) == ["finding.chain_unordered", "finding.anchor_sent"]
    assert found(leaf(CA), CA, ROOT) == ["finding.anchor_sent"]
    assert found(leaf(CA), CA, stranger) == ["finding.chain_superfluous"]
    assert found(leaf(CA), CA) == []
    assert found() == []


def test_an_authority_as_leaf() -> None:
    """causes.md: a finding unless it signed itself."""
    assert found(leaf(CA, ca=True), CA) == ["finding.ca_as_leaf"]
    assert found(issue("own", ca=True)) == []


@pytest.mark.parametrize(
    ("suite", "version", "expected"),
    [
        (0x1301, 0x0304, []),
        (0xC02F, 0x0303, []),
        (0xC013, 0x0303, ["finding.weak_cipher"]),
        (0x009C, 0x0303, ["finding.no_forward_secrecy"]),
        (0x002F, 0x0303, ["finding.weak_cipher", "finding.no_forward_secrecy"]),
        # Insecure, and so a cause: cipher.insecure_only says it better.
        (0x0005, 0x0303, ["finding.no_forward_secrecy"]),
        (0xFEFE, 0x0303, []),
    ],
)
def test_what_a_suite_is_worth(suite: int, version: int, expected: list[str]) -> None:
    """causes.md: RSA key exchange and CBC work, as findings; the suites are IANA's."""
    seen = confirmed(
        cipher_suite=suite,
        version=version,
        renegotiation_info=True,
        confirmed_by=ConfirmedBy.FINISHED,
    )

    assert finding_ids(seen) == expected


def test_a_post_quantum_group_counts_only_when_it_was_offered() -> None:
    """The hello of one probe may offer none: then nothing is held against the server."""
    hybrid = replace(OFFER, groups=(0x11EC, 0x001D))

    assert finding_ids(confirmed()) == []
    assert finding_ids(confirmed(offer=hybrid)) == ["finding.no_post_quantum_group"]
    assert finding_ids(confirmed(offer=hybrid, group=0x11EC)) == []


def test_compression() -> None:
    """RFC 3749 section 2: method 1 is DEFLATE."""
    seen = confirmed(compression_method=1)
    (finding,) = classify(case(seen)).findings

    assert finding.entry.id == "finding.compression"
    assert finding.match.evidence == {"compression_method": "DEFLATE"}
    assert finding_ids(confirmed(compression_method=0)) == []


@pytest.mark.parametrize(
    ("version", "renegotiation_info", "expected"),
    [
        (0x0303, False, ["finding.no_secure_renegotiation"]),
        (0x0303, True, []),
        (0x0304, False, []),
    ],
)
def test_secure_renegotiation(version: int, renegotiation_info: bool, expected: list[str]) -> None:
    """RFC 5746 section 3.6; TLS 1.3 has no renegotiation."""
    seen = confirmed(
        version=version,
        renegotiation_info=renegotiation_info,
        cipher_suite=0xC02F,
        confirmed_by=ConfirmedBy.FINISHED,
    )

    assert finding_ids(seen) == expected


def test_findings_do_not_make_a_handshake_fail() -> None:
    """Established, with the severity of the gravest finding."""
    verdict = classify(
        case(confirmed(cipher_suite=0xC013, version=0x0303, renegotiation_info=True))
    )

    assert verdict.outcome == "established"
    assert verdict.severity is Severity.MEDIUM


def test_what_the_hello_did_not_ask_for_is_not_missed() -> None:
    """RFC 5746 section 3.6: a server answers the extension only to a hello that has it."""
    seen = confirmed(version=0x0303, cipher_suite=0xC02F, offer=replace(OFFER, extensions=()))

    assert "finding.no_secure_renegotiation" not in finding_ids(seen)


def test_a_choice_against_the_rules_is_no_finding() -> None:
    """A suite that was not offered is a violation; it is not what the server would negotiate."""
    seen = ended(
        EndedBy.US, history="Cs", version=0x0303, cipher_suite=0x0005, violation="cipher_suite"
    )

    assert finding_ids(seen) == []


def profile_evidence(*chain: Issued, name: str = NAME, trusted: bool = True) -> dict[str, str]:
    """Evidence of finding.path_profile_dependent about a chain; {} without the finding."""
    trust = TrustStore([ROOT.parsed] if trusted else [root("Other").parsed])
    path = assess([one.parsed for one in chain], reference_name=name, now=NOW, trust=trust)
    told = classify(assessed(path, reference_name=name)).findings
    for finding in told:
        if finding.entry.id == "finding.path_profile_dependent":
            return dict(finding.match.evidence)
    return {}


def test_a_path_that_only_the_strict_rules_refuse() -> None:
    """RFC 5280 section 4.2.1.1 wants the identifier of every authority, and no client does."""
    assert profile_evidence(leaf(CA, NAME, identifiers=False, san=[NAME]), CA) == {
        "accepted_by": "browser, openssl, java, legacy",
        "refused_by": "webpki",
        "rule": "authority_key_identifier: missing",
    }


def test_an_identifier_of_another_key_is_minded_by_openssl() -> None:
    """`openssl verify` answers with error 20, browsers and Java take the signature's word."""
    another = x509.AuthorityKeyIdentifier(b"\1\2\3", None, None)
    one = leaf(CA, NAME, identifiers=False, san=[NAME], extra=[(another, False)])

    assert profile_evidence(one, CA) == {
        "accepted_by": "browser, java, legacy",
        "refused_by": "openssl, webpki",
        "rule": "authority_key_match: keyIdentifier of another key",
    }


def test_the_rules_of_a_whole_path_are_named_once() -> None:
    """Two authorities with the same fault are one thing to know."""
    upper = intermediate(ROOT, usages=None)
    lower = intermediate(upper, "Lower", usages=None)
    one = leaf(lower, NAME, san=[NAME])

    assert profile_evidence(one, lower, upper)["rule"] == "ca_key_usage_present: missing"


def test_a_path_that_keeps_the_profile_depends_on_nobody() -> None:
    """Nothing to tell; and nothing where no path was checked."""
    assert profile_evidence(leaf(CA, NAME, san=[NAME]), CA) == {}
    assert "finding.path_profile_dependent" not in found(leaf(CA, identifiers=False), CA)


def test_a_path_that_fails_has_a_cause_and_not_this_finding() -> None:
    """Whatever the strict rules would say, the scan's policy already refuses the path."""
    plain = leaf(CA, NAME, identifiers=False, san=[NAME])

    assert profile_evidence(plain, CA, trusted=False) == {}


def test_a_wrong_name_does_not_hide_what_depends_on_the_profile() -> None:
    """The name is no part of the path."""
    assert profile_evidence(leaf(CA, NAME, identifiers=False, san=[NAME]), CA, name="other.example")

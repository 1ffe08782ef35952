"""certificate.* and chain.*: one real chain with one fault gives one cause with its proof."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ObjectIdentifier

from fleetscan._parse import Certificate, ParseFault
from fleetscan.causes import classify
from fleetscan.causes.model import Case, Cause, Confidence
from fleetscan.errors import ParseError
from fleetscan.facts import (
    HandshakeFacts,
    MalformedCertificate,
    parse_certificate_or_malformed,
)
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import assess
from fleetscan.pki.policy import Rule
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked, EndedBy, Origin, Stage
from tests.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    Issued,
    intermediate,
    issue,
    leaf,
    resigned,
    root,
    spoiled,
)
from tests.facts_builder import NAME, OFFER, alerted, case, cause_ids, confirmed

ROOT = root()
CA = intermediate(ROOT)


def scanned(
    *chain: Issued,
    trust: tuple[Issued, ...] = (ROOT,),
    known: tuple[Issued, ...] = (),
    name: str | None = NAME,
    now: float = NOW,
) -> Case:
    """A confirmed handshake that showed this chain."""
    authorities = AuthorityStore()
    authorities.add([one.parsed for one in known])
    certificates = tuple(one.parsed for one in chain)
    path = assess(
        certificates,
        reference_name=name,
        now=now,
        trust=TrustStore([one.parsed for one in trust]),
        authorities=authorities,
    )
    seen = confirmed(certificates=certificates, certificates_sent=len(chain))
    return case(seen, path=path, reference_name=name, now=now)


def only(seen: Case) -> Cause:
    """The one cause of a verdict that must have one."""
    verdict = classify(seen)
    (cause,) = verdict.causes

    assert verdict.outcome == "failed"
    return cause


def test_a_good_chain_has_no_cause() -> None:
    """Established, and both checks say yes."""
    verdict = classify(scanned(leaf(CA), CA))

    assert (verdict.outcome, verdict.causes) == ("established", ())
    assert (verdict.checks.name, verdict.checks.path) == (Checked.YES, Checked.YES)
    assert verdict.checks.key is Checked.YES
    assert verdict.checks.revocation == "not_checked"


def test_expired() -> None:
    """The certificate says so itself; how long ago is evidence."""
    cause = only(scanned(leaf(CA, not_after=NOW - 3 * DAY - 1), CA))

    assert cause.entry.id == "certificate.expired"
    assert cause.match.confidence is Confidence.PROVEN
    assert cause.match.evidence["not_after"] == "2027-01-12T07:59:59Z"
    assert cause.match.evidence["days"] == "3"
    assert cause.match.evidence["scanned_at"] == "2027-01-15T08:00:00Z"
    assert cause.match.remedy_values == ("CN=www.example.com",)
    basis = cause.match.basis
    assert (basis.kind, basis.changed, basis.set) == ("repair", "time", 1)
    assert (basis.before, basis.after) == ("refused", "passed at 2027-01-12T07:59:59Z")


def test_not_yet_valid_is_another_cause() -> None:
    """testssl.sh and tlsx call it fine; sslyze gives both one text."""
    cause = only(scanned(leaf(CA, not_before=NOW + 2 * DAY), CA))

    assert cause.entry.id == "certificate.not_yet_valid"
    assert cause.match.evidence["not_before"] == "2027-01-17T08:00:00Z"
    assert cause.match.evidence["days"] == "2"


def test_name_mismatch_says_both_names() -> None:
    """The remedy is the name that was wanted."""
    cause = only(scanned(leaf(CA, san=["a.example", "192.0.2.1"]), CA))

    assert cause.entry.id == "certificate.name_mismatch"
    assert cause.match.evidence["names"] == "a.example, 192.0.2.1"
    assert cause.match.evidence["reference_name"] == NAME
    assert cause.match.evidence["subject_alt_name"] == "present"
    assert cause.match.remedy_values == (NAME,)
    assert classify(scanned(leaf(CA, san=["a.example"]), CA)).checks.name is Checked.NO


def test_a_common_name_alone_does_not_count() -> None:
    """causes.md: no subjectAltName is a mismatch, and the evidence says that there is none."""
    cause = only(scanned(leaf(CA, san=None), CA))

    assert cause.entry.id == "certificate.name_mismatch"
    assert cause.match.evidence["subject_alt_name"] == "absent"
    assert "names" not in cause.match.evidence


def test_nobody_is_accused_of_a_name_that_nobody_gave() -> None:
    """A target without a reference name has its name check not_checked: never a cause."""
    verdict = classify(scanned(leaf(CA, san=["a.example"]), CA, name=None))

    assert verdict.causes == ()
    assert verdict.checks.name is Checked.NOT_CHECKED


def test_many_names_are_counted() -> None:
    """Evidence stays short: ten names and how many more there are."""
    names = [f"host{number}.example" for number in range(30)]
    text = only(scanned(leaf(CA, san=names), CA)).match.evidence["names"]

    assert text.startswith("host0.example, host1.example")
    assert text.endswith(" and 20 more")


def test_self_signed_is_proven_by_anchoring_it() -> None:
    """The only cause for which a leaf may be anchored."""
    own = issue(NAME, san=[NAME])
    cause = only(scanned(own))

    assert cause.entry.id == "certificate.self_signed"
    assert cause.match.confidence is Confidence.PROVEN
    assert (cause.match.basis.kind, cause.match.basis.changed) == ("repair", "root")


def test_an_untrusted_root_is_proven_by_anchoring_it() -> None:
    """A complete chain to a private root is not incomplete, as testssl.sh says."""
    cause = only(scanned(leaf(CA), CA, ROOT, trust=()))

    assert cause.entry.id == "chain.untrusted_root"
    assert cause.match.confidence is Confidence.PROVEN
    assert cause.match.basis.changed == "root"
    assert cause.match.evidence["root"] == "CN=Test Root"
    assert cause.match.evidence["root_sha256"] == ROOT.parsed.sha256


def test_a_missing_intermediate_in_hand_is_proven() -> None:
    """The remedy names the certificate to send."""
    cause = only(scanned(leaf(CA), known=(CA,)))

    assert cause.entry.id == "chain.incomplete"
    assert cause.match.confidence is Confidence.PROVEN
    assert cause.match.basis.changed == "intermediate"
    assert cause.match.evidence["missing"] == "CN=Test CA"
    assert cause.match.evidence["missing_sha256"] == CA.parsed.sha256
    assert cause.match.remedy_values == ("CN=Test CA",)


def test_a_missing_intermediate_not_in_hand_is_unknown() -> None:
    """Nobody can tell a missing intermediate from a private root that is not sent."""
    cause = only(scanned(leaf(CA)))

    assert cause.entry.id == "chain.unknown_issuer"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.alternatives == ("chain.incomplete", "chain.untrusted_root")
    assert cause.match.evidence["issuer"] == "CN=Test CA"
    assert cause.match.missing


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        pytest.param(
            (leaf(CA, extended=[CLIENT_AUTH]), CA), "certificate.wrong_purpose", id="purpose"
        ),
        pytest.param((leaf(CA, kind="P-192"), CA), "certificate.weak_key", id="weak-key"),
        pytest.param(
            (resigned(leaf(CA), CA, digest=hashes.SHA1()), CA),
            "certificate.weak_signature",
            id="sha1",
        ),
        pytest.param(
            (
                leaf(
                    CA,
                    extra=[
                        (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
                    ],
                ),
                CA,
            ),
            "certificate.unknown_critical_extension",
            id="critical",
        ),
        pytest.param((spoiled(leaf(CA)), CA), "chain.bad_signature", id="bad-signature"),
    ],
)
def test_faults_of_a_leaf(chain: tuple[Issued, ...], expected: str) -> None:
    """One fault, one cause, proven: without that one rule the chain passes."""
    cause = only(scanned(*chain))

    assert cause.entry.id == expected
    assert cause.match.confidence is Confidence.PROVEN
    assert cause.match.evidence["subject"] == "CN=www.example.com"


def test_details_of_a_fault_are_evidence() -> None:
    """Which algorithm, which key, which extension, which rule."""
    sha1 = only(scanned(resigned(leaf(CA), CA, digest=hashes.SHA1()), CA))
    key = only(scanned(leaf(CA, kind="P-192"), CA))
    use = only(scanned(leaf(CA, extended=[CLIENT_AUTH]), CA))

    assert sha1.match.evidence["signature_algorithm"] == "ecdsa-with-SHA1"
    assert key.match.evidence["key"] == "EC-192"
    assert use.match.evidence["rule"] == "extended_key_usage"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"not_after": NOW - 1}, "chain.ca_expired"),
        ({"not_before": NOW + DAY}, "chain.ca_not_yet_valid"),
        ({"ca": False}, "chain.invalid_ca"),
        (
            {
                "constraints": x509.NameConstraints(
                    permitted_subtrees=[x509.DNSName("corp.example")], excluded_subtrees=None
                )
            },
            "chain.name_constraints",
        ),
    ],
)
def test_faults_of_an_authority(changes: dict[str, object], expected: str) -> None:
    """The leaf is sound and the certificate above it is not."""
    bad = intermediate(ROOT, "Bad CA", **changes)  # type: ignore[arg-type]
    cause = only(scanned(leaf(bad), bad))

    assert cause.entry.id == expected
    assert cause.match.evidence["subject"] == "CN=Bad CA"


def test_faults_are_told_together_in_the_order_of_families() -> None:
    """An expired leaf with a wrong name under an unknown root: all three, the chain first."""
    bad = leaf(CA, not_after=NOW - DAY, san=["a.example"])

    assert cause_ids(scanned(bad, CA, ROOT, trust=())) == [
        "chain.untrusted_root",
        "certificate.expired",
        "certificate.name_mismatch",
    ]


def test_one_kind_of_problem_is_one_cause() -> None:
    """Two weak certificates are one cause that names both."""
    weak_ca = intermediate(ROOT, "Weak CA", kind="P-192")
    cause = only(scanned(leaf(weak_ca, kind="P-192"), weak_ca))

    assert cause.entry.id == "certificate.weak_key"
    assert cause.match.evidence["subject"] == "CN=www.example.com, CN=Weak CA"


def test_half_a_repair_proves_nothing() -> None:
    """Each missing certificate must be in hand."""
    leaf_certificate = leaf(CA).parsed
    problems = (
        Problem(
            kind=PathProblem.INCOMPLETE,
            rule=Rule.TRUST,
            certificate=leaf_certificate,
            repair=CA.parsed,
            changed="intermediate",
            set=1,
        ),
        Problem(
            kind=PathProblem.INCOMPLETE, rule=Rule.TRUST, certificate=CA.parsed, detail="CN=Upper"
        ),
    )
    path = PathAssessment(
        path=(leaf_certificate,), trusted=Checked.NO, name=Checked.YES, problems=problems
    )
    seen = case(confirmed(certificates=(leaf_certificate,)), path=path, now=float(NOW))
    (cause,) = classify(seen).causes

    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.remedy_values == ("CN=Test CA", "CN=Upper")


# -- what the handshake shows of the leaf ------------------------------------------------

BAD = MalformedCertificate(
    sha256="ab" * 32, octets=900, error=ParseError(ParseFault.TRUNCATED, "serialNumber", 17)
)


def test_a_leaf_that_cannot_be_read() -> None:
    """Which rule, which field, which octet."""
    (cause,) = classify(case(confirmed(certificates=(BAD, CA.parsed)))).causes

    assert cause.entry.id == "certificate.malformed"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence == {
        "fault": "TRUNCATED",
        "field": "serialNumber",
        "offset": "17",
        "position": "0",
        "sha256": "ab" * 32,
        "octets": "900",
    }


def test_another_certificate_that_cannot_be_read_is_suspected() -> None:
    """It matters only where the path does not stand without it."""
    chain: tuple[Certificate | MalformedCertificate, ...] = (leaf(CA).parsed, BAD)
    trusted = scanned(leaf(CA), CA).path
    broken = scanned(leaf(CA)).path

    assert cause_ids(case(confirmed(certificates=chain), path=trusted, now=float(NOW))) == []
    ids = cause_ids(case(confirmed(certificates=chain), path=broken, now=float(NOW)))
    assert ids == ["chain.unknown_issuer", "certificate.malformed"]


def spoilt(ca: Issued) -> MalformedCertificate:
    """A CA certificate whose name constraints have a minimum of 1 (RFC 5280 section 4.2.1.10)."""
    subtrees = "3014a0123010820b6578616d706c652e636f6d800101"
    value = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.30"), bytes.fromhex(subtrees))
    found = parse_certificate_or_malformed(
        issue(ca.name, ROOT, key=ca.key, ca=True, extra=[(value, True)]).der
    )
    assert isinstance(found, MalformedCertificate)
    return found


def test_the_missing_issuer_was_sent_and_cannot_be_read() -> None:
    """It is observed; that its name is known nowhere else is no cause beside it."""
    chain: tuple[Certificate | MalformedCertificate, ...] = (leaf(CA).parsed, spoilt(CA))
    (cause,) = classify(
        case(confirmed(certificates=chain), path=scanned(leaf(CA)).path, now=float(NOW))
    ).causes

    assert (cause.entry.id, cause.match.confidence) == (
        "certificate.malformed",
        Confidence.OBSERVED,
    )
    assert cause.match.evidence["position"] == "1"


def test_a_certificate_of_another_name_that_cannot_be_read_explains_nothing() -> None:
    """The issuer is known nowhere, and what was sent beside it is suspected at most."""
    stranger = spoilt(intermediate(ROOT, "Stranger"))
    chain: tuple[Certificate | MalformedCertificate, ...] = (leaf(CA).parsed, stranger)
    found = classify(
        case(confirmed(certificates=chain), path=scanned(leaf(CA)).path, now=float(NOW))
    ).causes

    assert [cause.entry.id for cause in found] == ["chain.unknown_issuer", "certificate.malformed"]
    assert found[1].match.confidence is Confidence.SUSPECTED


def test_the_missing_issuer_is_in_hand_and_what_was_sent_for_it_is_not_read() -> None:
    """Both hold: it was sent in vain, and the path passes with a copy that can be read."""
    chain: tuple[Certificate | MalformedCertificate, ...] = (BAD, spoilt(CA))
    whole = scanned(leaf(CA), known=(CA,)).path
    found = classify(
        case(confirmed(certificates=(leaf(CA).parsed, *chain)), path=whole, now=float(NOW))
    ).causes

    assert [cause.entry.id for cause in found] == ["chain.incomplete", "certificate.malformed"]
    assert found[1].match.confidence is Confidence.OBSERVED
    assert found[1].match.evidence["position"] == "2"


def test_a_key_that_does_not_fit_names_the_certificate() -> None:
    """The remedy is about this certificate's key."""
    chain = (leaf(CA).parsed,)
    seen = alerted(
        51,
        origin=Origin.LOCAL,
        certificates=chain,
        key_proof=Checked.NO,
        version=0x0304,
        stage=Stage.CERTIFICATE,
    )
    verdict = classify(case(seen, now=float(NOW)))

    assert [cause.entry.id for cause in verdict.causes] == ["certificate.key_mismatch"]
    assert verdict.causes[0].match.remedy_values == ("CN=www.example.com",)
    assert verdict.checks.key is Checked.NO


MUST_STAPLE = leaf(CA, extra=[(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)])


def stapling(**changes: object) -> HandshakeFacts:
    """Facts of a handshake with a certificate that promises a staple."""
    return confirmed(certificates=(MUST_STAPLE.parsed, CA.parsed), **changes)


def test_a_promised_staple_that_did_not_come() -> None:
    """causes.md: the extension settles it."""
    (cause,) = classify(case(stapling(), now=float(NOW))).causes

    assert cause.entry.id == "certificate.must_staple_missing"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(stapling(ocsp_response=b"0"), id="it-came"),
        pytest.param(confirmed(certificates=(leaf(CA).parsed,)), id="nothing-was-promised"),
    ],
)
def test_no_promise_is_broken(seen: HandshakeFacts) -> None:
    """One case per condition."""
    assert cause_ids(seen, now=float(NOW)) == []


def test_a_staple_that_was_not_asked_for_is_not_missed() -> None:
    """RFC 6066 section 8: a server staples only for a client that sent status_request."""
    kept = tuple(each for each in OFFER.extensions if each != 5)
    seen = stapling(offer=replace(OFFER, extensions=kept))

    assert cause_ids(seen, now=float(NOW)) == []


def test_a_staple_may_still_come_before_the_key_exchange() -> None:
    """Up to TLS 1.2 CertificateStatus follows the Certificate (RFC 6066 section 8)."""
    early = stapling(
        version=0x0303,
        history="Csx",
        stage=Stage.CERTIFICATE,
        ended_by=EndedBy.FIN,
        completed=False,
        confirmed_by=None,
    )

    assert cause_ids(early, now=float(NOW)) == ["server.stalled"]


def test_a_name_is_escaped_once() -> None:
    """RFC 4514 section 2.4: a comma in a value has one backslash before it."""
    odd = issue("a, b", CA, san=["a.example"])
    cause = only(scanned(odd, CA))

    assert cause.match.evidence["subject"] == "CN=a\\, b"


def test_a_certificate_without_a_subject_is_named_by_its_first_name() -> None:
    """RFC 5280 section 4.1.2.6: the subject may be empty where there are names."""
    named = leaf(CA, x509.Name([]), not_after=NOW - 1)
    nameless = leaf(CA, x509.Name([]), not_after=NOW - 1, san=None)

    assert only(scanned(named, CA)).match.evidence["subject"] == NAME
    (first, *_) = classify(scanned(nameless, CA)).causes
    assert first.match.evidence["subject"].startswith("sha256:")


def test_a_clock_beyond_the_calendar_is_a_number() -> None:
    """A scan's clock is the user's; no clock makes a verdict fail."""
    (cause,) = classify(scanned(leaf(CA), CA, now=1e13)).causes

    assert cause.match.evidence["scanned_at"] == "10000000000000"

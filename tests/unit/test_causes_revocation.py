"""What answers about revocation make of a verdict: a cause, a finding, a check."""

from __future__ import annotations

import pytest
from cryptography import x509

from fleetscan.causes import classify
from fleetscan.causes.model import Case, Confidence, Verdict
from fleetscan.facts import HandshakeFacts
from fleetscan.pki.ocsp import staple_answer
from fleetscan.pki.path import assess
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus, Source, combine
from fleetscan.pki.trust import TrustStore
from tests.certificates import DAY, NOW, Issued, intermediate, leaf, root
from tests.facts_builder import NAME, confirmed
from tests.ocsp_answers import UNKNOWN, answer, revoked

ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)
OLD = leaf(CA, not_after=NOW - DAY)
PROMISE = [(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)]
MUST_STAPLE = leaf(CA, "staple.example.com", extra=PROMISE)

FORGED = answer(MUST_STAPLE, CA, signer=root("Stranger"))


def judged(
    one: Issued = LEAF,
    *asked: RevocationAnswer,
    staple: bytes = b"",
    trust: Issued = ROOT,
    chain: tuple[Issued, ...] = (CA,),
) -> Verdict:
    """The verdict on a confirmed handshake with this leaf, staple and these answers."""
    certificates = tuple(each.parsed for each in (one, *chain))
    seen: HandshakeFacts = confirmed(certificates=certificates, ocsp_response=staple)
    path = assess(certificates, reference_name=NAME, now=NOW, trust=TrustStore([trust.parsed]))
    stapled = staple_answer(staple, path, now=NOW)
    answers = ((stapled,) if stapled else ()) + asked
    return classify(
        Case(
            facts=seen,
            path=path,
            reference_name=NAME,
            address="127.0.0.1",
            port=443,
            now=float(NOW),
            revocation=combine(answers) if answers else None,
        )
    )


def told(
    status: RevocationStatus, reason: str = "", source: Source = "ocsp", detail: str = ""
) -> RevocationAnswer:
    """What somebody who was asked said."""
    url = "http://ocsp.example.com/"
    return RevocationAnswer(status=status, source=source, reason=reason, detail=detail, url=url)


def ids(verdict: Verdict) -> tuple[list[str], list[str], str]:
    """Causes, findings and the check."""
    causes = [each.entry.id for each in verdict.causes]
    findings = [each.entry.id for each in verdict.findings]
    return causes, findings, verdict.checks.revocation


def test_nobody_asked_and_nothing_stapled() -> None:
    """Not checked is said as such: never false, never good."""
    assert ids(judged()) == ([], [], "not_checked")


def test_a_good_staple() -> None:
    """A healthy target stays one."""
    assert ids(judged(staple=answer(LEAF, CA))) == ([], [], "good")


def test_a_revoked_staple_is_a_proven_cause() -> None:
    """The path is sound but for this, so the rule alone makes the difference."""
    verdict = judged(staple=answer(LEAF, CA, revoked(NOW - 5 * DAY, 1)))
    (cause,) = verdict.causes

    assert ids(verdict) == (["certificate.revoked"], [], "revoked")
    assert verdict.outcome == "failed"
    assert cause.match.confidence is Confidence.PROVEN
    assert (cause.match.basis.kind, cause.match.basis.changed) == ("repair", "revocation")
    assert cause.match.evidence == {
        "subject": "CN=www.example.com",
        "sha256": LEAF.parsed.sha256,
        "revoked_at": "2027-01-10T08:00:00Z",
        "reason": "keyCompromise",
        "source": "stapled",
    }


@pytest.mark.parametrize("source", ["ocsp", "crl"])
def test_revoked_by_one_who_was_asked(source: Source) -> None:
    """Stapled good and asked revoked: the graver counts, with where it was asked."""
    verdict = judged(LEAF, told(RevocationStatus.REVOKED, source=source), staple=answer(LEAF, CA))
    evidence = verdict.causes[0].match.evidence

    assert ids(verdict) == (["certificate.revoked"], [], "revoked")
    assert (evidence["source"], evidence["url"]) == (source, "http://ocsp.example.com/")
    assert "revoked_at" not in evidence and "reason" not in evidence


def test_revoked_and_expired_are_both_told() -> None:
    """Two causes; without a sound path no single change was shown to mend it."""
    verdict = judged(OLD, staple=answer(OLD, CA, revoked()))
    by_id = {cause.entry.id: cause for cause in verdict.causes}

    assert list(by_id) == ["certificate.revoked", "certificate.expired"]
    assert by_id["certificate.revoked"].match.confidence is Confidence.OBSERVED
    assert by_id["certificate.revoked"].match.basis.kind == "peer"


def test_revoked_below_a_root_that_nobody_trusts() -> None:
    """The issuer's word about its own certificate counts, whoever trusts the issuer."""
    causes, _, status = ids(judged(staple=answer(LEAF, CA, revoked()), trust=root("Another")))

    assert "certificate.revoked" in causes and status == "revoked"


def test_a_revoked_answer_of_a_stranger_revokes_nothing() -> None:
    """Only the issuer, or one it appointed, can revoke."""
    staple = answer(LEAF, CA, revoked(), signer=root("Stranger"))

    assert ids(judged(staple=staple)) == ([], ["finding.revocation_unknown"], "unknown")


def test_a_stale_staple_is_a_finding() -> None:
    """causes.md: a stale answer is a finding; the check is unknown, never good."""
    staple = answer(LEAF, CA, this_update=NOW - 9 * DAY, next_update=NOW - 2 * DAY)
    verdict = judged(staple=staple)

    assert ids(verdict) == ([], ["finding.staple_stale"], "unknown")
    assert verdict.findings[0].match.evidence == {
        "this_update": "2027-01-06T08:00:00Z",
        "next_update": "2027-01-13T08:00:00Z",
        "said": "it said good",
    }


def test_a_stale_staple_beside_a_good_answer() -> None:
    """The server's stapling is still broken, and nothing is unknown."""
    staple = answer(LEAF, CA, next_update=NOW - 1)

    assert ids(judged(LEAF, told(RevocationStatus.GOOD), staple=staple)) == (
        [],
        ["finding.staple_stale"],
        "good",
    )


def test_a_stale_staple_beside_no_answer() -> None:
    """Asked, and nobody said: both findings, each with its own matter."""
    asked = told(RevocationStatus.UNKNOWN, Reason.UNREACHABLE, detail="refused")
    verdict = judged(LEAF, asked, staple=answer(LEAF, CA, next_update=NOW - 1))

    assert ids(verdict)[1:] == (["finding.staple_stale", "finding.revocation_unknown"], "unknown")
    assert verdict.findings[1].match.evidence == {
        "sources": "stapled, ocsp http://ocsp.example.com/",
        "answers": "stale (it said good), unreachable (refused)",
    }


@pytest.mark.parametrize(
    ("staple", "answers"),
    [
        pytest.param(answer(LEAF, CA, UNKNOWN), "unknown_to_responder", id="unknown"),
        pytest.param(answer(OLD, CA), "other_certificate", id="for-another-certificate"),
        pytest.param(b"0", "malformed (truncated in OCSPResponse at octet 0)", id="garbage"),
    ],
)
def test_a_staple_that_is_no_answer(staple: bytes, answers: str) -> None:
    """Firefox refuses these outright; here they leave the question open."""
    verdict = judged(staple=staple)

    assert ids(verdict) == ([], ["finding.revocation_unknown"], "unknown")
    assert verdict.findings[0].match.evidence == {"sources": "stapled", "answers": answers}


def test_a_staple_that_cannot_be_checked_is_no_finding() -> None:
    """Without the issuer nobody can tell whose answer it is: not the server's fault."""
    verdict = judged(staple=answer(LEAF, CA), chain=())

    assert "finding.revocation_unknown" not in [each.entry.id for each in verdict.findings]
    assert verdict.checks.revocation == "not_checked"


@pytest.mark.parametrize(
    "reason", [Reason.NO_URL, Reason.TIMEOUT, Reason.UNSUPPORTED, Reason.NO_ISSUER]
)
def test_asked_and_no_answer(reason: Reason) -> None:
    """Whoever asked for revocation to be checked is told that it was not."""
    ours = reason in (Reason.UNSUPPORTED, Reason.NO_ISSUER)
    status = RevocationStatus.NOT_CHECKED if ours else RevocationStatus.UNKNOWN
    verdict = judged(LEAF, told(status, reason))

    assert ids(verdict) == ([], ["finding.revocation_unknown"], status.value)


# -- the promise of a staple -----------------------------------------------------------------


def must_staple(staple: bytes) -> dict[str, str] | None:
    """The evidence of certificate.must_staple_missing, if it holds."""
    verdict = judged(MUST_STAPLE, staple=staple)
    found = [
        cause.match.evidence
        for cause in verdict.causes
        if cause.entry.id == "certificate.must_staple_missing"
    ]
    return dict(found[0]) if found else None


@pytest.mark.parametrize(
    ("staple", "why"),
    [
        pytest.param(answer(MUST_STAPLE, CA, next_update=NOW - 1), "stale", id="stale"),
        pytest.param(answer(LEAF, CA), "other_certificate", id="another-certificate"),
        pytest.param(FORGED, "wrong_responder", id="forged"),
        pytest.param(answer(MUST_STAPLE, CA, UNKNOWN), "unknown_to_responder", id="unknown"),
        pytest.param(b"garbage", "malformed", id="garbage"),
    ],
)
def test_a_promise_is_not_kept_by_an_answer_that_does_not_count(staple: bytes, why: str) -> None:
    """RFC 7633 section 4.2.3.1: nobody should have to be asked; here one would have to."""
    evidence = must_staple(staple)

    assert evidence is not None
    assert evidence["staple"] == why


@pytest.mark.parametrize(
    "staple",
    [
        pytest.param(answer(MUST_STAPLE, CA), id="good"),
        pytest.param(answer(MUST_STAPLE, CA, revoked()), id="revoked"),
    ],
)
def test_a_promise_kept(staple: bytes) -> None:
    """Revoked is an answer: another cause."""
    assert must_staple(staple) is None


def test_a_promise_that_cannot_be_checked_is_not_broken() -> None:
    """What nothing here can verify is never held against the server."""
    verdict = judged(MUST_STAPLE, staple=answer(MUST_STAPLE, CA), chain=())

    assert "certificate.must_staple_missing" not in [each.entry.id for each in verdict.causes]


def test_no_staple_at_all_has_no_reason() -> None:
    """The key is there only when an answer came."""
    evidence = must_staple(b"")

    assert evidence is not None
    assert "staple" not in evidence

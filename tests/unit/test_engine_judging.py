"""What waits for the end of a run, and what is remembered of certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.facts import HandshakeFacts
from fleetscan.fleet import judging
from fleetscan.fleet.judging import CertificateCache, Judge
from fleetscan.inventory.target import Target
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, Stage
from tests import certificates

TARGET = Target(input="b.example", origin="listed", address="192.0.2.1", port=443)


def answered(*chain: certificates.Issued) -> ProbeOutcome:
    """A completed handshake with this chain."""
    facts = HandshakeFacts(
        stage=Stage.CONFIRMED,
        ended_by=EndedBy.US,
        is_tls=Checked.YES,
        version=0x0304,
        certificates=tuple(parse_certificate(one.der) for one in chain),
        certificates_sent=len(chain),
        key_proof=Checked.YES,
        completed=True,
        confirmed_by=ConfirmedBy.TICKET,
    )
    return ProbeOutcome(
        target=TARGET,
        address="192.0.2.1",
        facts=facts,
        probes=1,
        ended_at=float(certificates.NOW),
    )


ROOT = certificates.root()
MIDDLE = certificates.intermediate(issuer=ROOT)
LEAF = certificates.leaf(issuer=MIDDLE)


def judge_with(warnings: list[str] | None = None) -> Judge:
    """A judge that trusts ROOT."""
    trust = TrustStore([parse_certificate(ROOT.der)])
    return Judge(trust, warn=(warnings if warnings is not None else []).append)


def test_a_missing_certificate_that_the_run_shows_is_named() -> None:
    """The one that waited is judged with what came after it."""
    judge = judge_with()

    assert judge.judge(answered(LEAF)) is None
    assert judge.held == 1
    assert judge.judge(answered(LEAF, MIDDLE)) is not None
    (released,) = judge.release()

    assert released.verdict is not None
    assert [cause.entry.id for cause in released.verdict.causes] == ["chain.incomplete"]
    assert judge.held == 0


def test_an_error_on_one_held_result_costs_that_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest of what waited is still concluded."""
    judge = judge_with()
    for _ in range(3):
        assert judge.judge(answered(LEAF)) is None
    calls = iter(range(3))

    def fails_once(*args: Any, **options: Any) -> PathAssessment:  # noqa: ANN401
        if next(calls) == 1:
            raise RuntimeError("a bug of ours")
        return assess(*args, **options)

    monkeypatch.setattr(judging, "assess", fails_once)
    verdicts = [judged.verdict for judged in judge.release()]

    assert [verdict and verdict.causes[0].entry.id for verdict in verdicts] == [
        "chain.unknown_issuer",
        "internal.error",
        "chain.unknown_issuer",
    ]


def test_a_good_path_is_told_at_once() -> None:
    """What the chain alone settles does not wait."""
    judged = judge_with().judge(answered(LEAF, MIDDLE))

    assert judged is not None
    assert judged.path is not None
    assert judged.path.trusted is Checked.YES


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound a result is told with what was seen until then, and the user is told once."""
    monkeypatch.setattr(limits, "MAX_HELD_RESULTS", 2)
    warnings: list[str] = []
    judge = judge_with(warnings)

    told = [judge.judge(answered(LEAF)) for _ in range(5)]

    assert [one is None for one in told] == [True, True, False, False, False]
    assert len(warnings) == 1
    assert len(list(judge.release())) == 2


def test_a_skipped_target_has_no_verdict() -> None:
    """Nothing was seen, nothing is concluded."""
    skipped = replace(answered(LEAF), facts=None, skipped="excluded")
    judged = judge_with().judge(skipped)

    assert judged is not None
    assert judged.verdict is None


def test_an_error_of_ours_says_nothing_of_the_target() -> None:
    """With or without facts the verdict is internal.error alone."""
    for facts in (None, answered(LEAF).facts):
        broken = replace(answered(LEAF), facts=facts, internal_error="Traceback\nValueError: x")
        judged = judge_with().judge(broken)

        assert judged is not None
        assert judged.verdict is not None
        assert judged.verdict.outcome == "error"
        assert [cause.entry.id for cause in judged.verdict.causes] == ["internal.error"]


def test_each_certificate_is_parsed_once_while_remembered_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forgetting a certificate does not make it new."""
    monkeypatch.setattr(judging, "KEPT_CERTIFICATES", 2)
    told: list[str] = []
    cache = CertificateCache(lambda certificate: told.append(certificate.sha256))

    first = cache.parse(LEAF.der)
    assert cache.parse(LEAF.der) is first
    for one in (MIDDLE, ROOT, LEAF, MIDDLE):
        cache.parse(one.der)

    assert cache.parse(LEAF.der) is not first
    assert len(told) == len(set(told)) == 3

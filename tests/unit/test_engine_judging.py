"""What waits for the end of a run, and what is remembered of certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.facts import HandshakeFacts
from fleetscan.fleet import judging
from fleetscan.fleet.judging import CertificateCache, Judge, Judged
from fleetscan.inventory.target import Target
from fleetscan.pki import signatures
from fleetscan.pki.path import PathAssessment, PathChecker
from fleetscan.pki.signatures import SignatureCache
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


LONG_AGO = certificates.NOW - 400 * certificates.DAY
YESTERDAY = certificates.NOW - certificates.DAY
TOMORROW = certificates.NOW + certificates.DAY
OLD_MIDDLE = certificates.intermediate(issuer=ROOT, not_before=LONG_AGO, not_after=YESTERDAY)
EARLY_MIDDLE = certificates.intermediate(issuer=ROOT, not_before=TOMORROW)
EXPIRED_LEAF = certificates.leaf(issuer=MIDDLE, not_before=LONG_AGO, not_after=YESTERDAY)
PRIVATE_ROOT = certificates.root("Private Root")
PRIVATE_LEAF = certificates.leaf(issuer=PRIVATE_ROOT)
OLD_ROOT = certificates.root("Old Root", not_before=LONG_AGO, not_after=YESTERDAY)
OLD_ROOT_LEAF = certificates.leaf(issuer=OLD_ROOT)
OTHER_MIDDLE = certificates.intermediate(issuer=ROOT, subject="Other CA")
OTHER_LEAF = certificates.leaf(issuer=OTHER_MIDDLE)


def judge_with(warnings: list[str] | None = None, earlier: Iterable[Certificate] = ()) -> Judge:
    """A judge that trusts ROOT."""
    trust = TrustStore([parse_certificate(ROOT.der)])
    warn = (warnings if warnings is not None else []).append
    return Judge(trust, warn=warn, earlier=earlier)


def at_port(port: int, *chain: certificates.Issued) -> ProbeOutcome:
    """The same from another port, to tell it from others."""
    return replace(answered(*chain), target=replace(TARGET, port=port))


def causes_of(judged: Judged) -> tuple[str, ...]:
    """The ids of the causes."""
    assert judged.verdict is not None
    return tuple(cause.entry.id for cause in judged.verdict.causes)


def evidence_by_port(told: Iterable[Judged]) -> dict[int, list[tuple[str, dict[str, str]]]]:
    """All that is said of each, by its port."""
    return {
        one.outcome.target.port: [
            (cause.entry.id, dict(cause.match.evidence))
            for cause in (one.verdict.causes if one.verdict is not None else ())
        ]
        for one in told
    }


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
    calls = iter(range(6))  # as it was sent, and with what the run has shown
    real = PathChecker.assess

    def fails_once(*args: Any, **options: Any) -> PathAssessment:  # noqa: ANN401
        if next(calls) == 2:
            raise RuntimeError("a bug of ours")
        return real(*args, **options)

    monkeypatch.setattr(PathChecker, "assess", fails_once)
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


def test_what_is_held_in_memory_is_bounded_and_nothing_of_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Past the bound results wait on the disk and are judged with the rest, each once."""
    monkeypatch.setattr(limits, "MAX_HELD_RESULTS", 2)
    warnings: list[str] = []
    judge = judge_with(warnings)

    told = [judge.judge(at_port(port, LEAF)) for port in range(1, 1_001)]
    judge.judge(answered(LEAF, MIDDLE))
    released = list(judge.release())

    assert told == [None] * 1_000
    assert warnings == []
    assert [one.outcome.target.port for one in released] == list(range(1, 1_001))
    assert {causes_of(one) for one in released} == {("chain.incomplete",)}
    assert judge.held == 0


def test_a_full_disk_is_told_once_and_what_came_later_is_judged_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits already goes on waiting."""
    monkeypatch.setattr(limits, "MAX_HELD_RESULTS", 2)
    monkeypatch.setattr(limits, "MAX_SPILLED_OCTETS", 0)
    warnings: list[str] = []
    judge = judge_with(warnings)

    told = [judge.judge(answered(LEAF)) for _ in range(5)]

    assert [one is None for one in told] == [True, True, False, False, False]
    assert len(warnings) == 1
    assert len(list(judge.release())) == 2


@pytest.mark.parametrize(
    ("chain", "waits"),
    [
        pytest.param((LEAF,), True, id="the-issuer-is-not-sent"),
        pytest.param((LEAF, OLD_MIDDLE), False, id="an-expired-intermediate"),
        pytest.param((LEAF, EARLY_MIDDLE), False, id="one-that-is-not-valid-yet"),
        pytest.param((EXPIRED_LEAF, MIDDLE), False, id="the-leaf-alone-is-at-fault"),
        pytest.param((PRIVATE_LEAF, PRIVATE_ROOT), False, id="a-private-root"),
        pytest.param((OLD_ROOT_LEAF, OLD_ROOT), False, id="a-private-root-that-expired"),
        pytest.param((PRIVATE_ROOT,), False, id="self-signed"),
        pytest.param((LEAF, MIDDLE), False, id="nothing-is-wrong"),
    ],
)
def test_what_waits_is_what_another_certificate_could_mend(
    chain: tuple[certificates.Issued, ...], waits: bool
) -> None:
    """Clients see what was sent: only a chain that leads nowhere could be mended by another."""
    judged = judge_with().judge(answered(*chain))

    assert (judged is None) is waits


def test_verdicts_are_the_same_in_any_order_in_memory_on_disk_or_known_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where results wait, and when the certificate that explains them came, changes nothing."""
    chains = [(LEAF,), (LEAF, MIDDLE), (LEAF, OLD_MIDDLE), (PRIVATE_LEAF,), (OTHER_LEAF,)]
    outcomes = [at_port(port, *chain) for port, chain in enumerate(chains, start=1)]
    told = []
    for room in (0, 2, 5):
        monkeypatch.setattr(limits, "MAX_HELD_RESULTS", room)
        for order in permutations(outcomes):
            judge = judge_with(earlier=[OTHER_MIDDLE.parsed])
            at_once = [judged for each in order if (judged := judge.judge(each)) is not None]
            told.append(evidence_by_port([*at_once, *judge.release()]))

    assert len(told) == 3 * 120
    assert all(each == told[0] for each in told)
    assert told[0][1][0][1]["found"] == "fleet"
    assert told[0][5][0][1]["found"] == "state"


def test_what_an_error_of_ours_cost_before_the_fetching_is_told_at_the_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looking for open ends takes nothing away, whatever fails in it."""
    judge = judge_with()
    judge.judge(answered(LEAF))

    def fails(*_: Any, **__: Any) -> PathAssessment:  # noqa: ANN401
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patched:
        patched.setattr(PathChecker, "assess", fails)
        assert list(judge.open_ends()) == [()]
    (released,) = judge.release()

    assert causes_of(released) == ("chain.unknown_issuer",)


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


@pytest.mark.parametrize("by", ["turns", "blocks"])
def test_each_ca_signature_is_checked_once_for_the_whole_fleet(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many leaves come between two uses, and however few links are remembered."""
    checked: Counter[tuple[str, str]] = Counter()
    real = signatures.check_signature

    def counting(child: Certificate, issuer: Certificate, *rest: Any) -> Any:  # noqa: ANN401
        checked[child.sha256, issuer.sha256] += 1
        return real(child, issuer, *rest)

    monkeypatch.setattr(signatures, "check_signature", counting)
    monkeypatch.setattr(SignatureCache.__init__, "__defaults__", (16, 16))
    middles = [certificates.intermediate(ROOT, f"CA {number}") for number in range(10)]
    hosts = [(middle, number) for number in range(20) for middle in middles]
    if by == "blocks":  # one authority after the other, and then the first again
        hosts.sort(key=lambda host: (host[1] == 19, host[0].parsed.sha256))
    judge = judge_with()
    leaves = [certificates.leaf(middle, f"host{number}") for middle, number in hosts]

    for (middle, _), leaf in zip(hosts, leaves, strict=True):
        assert judge.judge(answered(leaf, middle)) is not None

    assert len(checked) == 10 + 200
    assert set(checked.values()) == {1}

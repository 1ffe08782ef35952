"""What the choice of experiments is told of a target and of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from fleetscan.diagnosis.context import Context
from fleetscan.engine.config import ScanConfig
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.experiment import Ask, Tried
from fleetscan.facts import HandshakeFacts
from fleetscan.fleet.choosing import MADE_UP_NAME, Chooser, first_ask
from fleetscan.fleet.controls import Controls
from fleetscan.fleet.diagnosing import diagnoses
from fleetscan.fleet.judging import Judge, Judged
from fleetscan.output.record import RunContext
from fleetscan.pki.trust import TrustStore
from fleetscan.tls.profiles import BROWSER, PROFILES
from tests import certificates, facts_builder
from tests.unit.test_engine_judging import ROOT
from tests.unit.test_fleet_diagnosing import REFUSED, WORKS, Asked, outcome_of

FAILED: Final = outcome_of("a.example", REFUSED)


def nothing(
    first: HandshakeFacts, base: Ask, tried: Sequence[Tried], context: Context
) -> tuple[str, str, Ask] | None:
    """A choice that is never asked."""
    raise AssertionError


def chooser_of(
    *outcomes: ProbeOutcome, about: ProbeOutcome = FAILED, config: ScanConfig | None = None
) -> tuple[Judged, Chooser]:
    """One target as it was judged, and who chooses in a run that saw these."""
    controls = Controls()
    for outcome in outcomes:
        controls.see(outcome)
    judged = Judge(TrustStore([ROOT.parsed]), warn=pytest.fail).again(about)
    return judged, Chooser(config or ScanConfig(), controls, nothing)


def context_of(
    *outcomes: ProbeOutcome, about: ProbeOutcome = FAILED, config: ScanConfig | None = None
) -> Context:
    """What is told about one target in a run that saw these."""
    judged, chooser = chooser_of(*outcomes, about=about, config=config)
    return chooser.context(judged)


def shows(*san: str, name: str = "a.example") -> ProbeOutcome:
    """A handshake with a certificate for these names."""
    leaf = certificates.leaf(issuer=ROOT, san=list(san))
    facts = facts_builder.confirmed(certificates=(leaf.parsed,), certificates_sent=1)
    return outcome_of(name, facts)


def test_names_that_the_run_saw_answered_come_before_the_certificates_own() -> None:
    """The likeliest to be answered first; the target's own is no control."""
    about = shows("z.example", "*.example", "a.example", "b.example")
    context = context_of(
        outcome_of("c.example", WORKS), outcome_of("d.example", REFUSED), about=about
    )

    assert context.names == ("c.example", "d.example", "z.example", "b.example")


def test_names_of_a_certificate_that_no_hello_can_carry_are_left_out() -> None:
    """A stranger wrote them: too long, empty, a wildcard, an address."""
    about = shows("x" * 64 + ".example", "*.example", "..", "127.0.0.1", "b.example")

    assert context_of(about=about).names == ("b.example",)


OTHER: Final = shows("other.example", name="other.example")


@pytest.mark.parametrize(
    ("about", "seen", "wrong", "may_be"),
    [
        pytest.param(shows("a.example"), (OTHER,), False, False, id="its-own-name"),
        pytest.param(shows("b.example"), (), False, True, id="one-certificate-for-everyone"),
        pytest.param(shows("b.example"), (OTHER,), True, True, id="one-for-each-name"),
    ],
)
def test_a_certificate_for_other_names_is_a_question_where_names_are_told_apart(
    about: ProbeOutcome, seen: tuple[ProbeOutcome, ...], wrong: bool, may_be: bool
) -> None:
    """A server of one certificate needs no experiment: its name is what is wrong.

    Until all were probed it may be either.
    """
    judged, chooser = chooser_of(about, *seen, about=about)

    assert chooser.context(judged).wrong_name is wrong
    assert chooser.hope(judged).wrong_name is may_be


def test_no_name_to_check_is_no_wrong_name() -> None:
    """A target without a name has its check left out: never a cause, nor a reason to ask."""
    judged, chooser = chooser_of(OTHER, about=shows("b.example", name=""))

    assert not chooser.hope(judged).wrong_name


def test_the_context_has_the_budget_and_a_name_of_nobodys() -> None:
    """RFC 6761 section 6.4: `.invalid` is guaranteed to exist nowhere."""
    context = context_of(config=ScanConfig(budget=7))

    assert (context.budget, context.port, context.proxied) == (7, 443, False)
    assert context.trace_budget > 0
    assert context.made_up_name == MADE_UP_NAME
    assert MADE_UP_NAME.endswith(".invalid")


def test_a_proxy_can_be_left_out_where_the_address_is_known() -> None:
    """A name that only the proxy resolves has none; hops are not counted through it."""
    config = ScanConfig(proxy="http://127.0.0.1:3128")
    known = context_of(config=config)
    unknown = context_of(about=replace(FAILED, address=""), config=config)

    assert (known.proxied, known.trace_budget) == (True, 0)
    assert (unknown.proxied, unknown.trace_budget) == (False, 0)


def test_the_first_question_is_the_one_that_the_scan_asked() -> None:
    """Everything is held against it; what is not named there is as in the scan."""
    target = FAILED.target
    plain = first_ask(ScanConfig(), target, "127.0.0.1")
    other = first_ask(
        ScanConfig(hello="legacy", alpn=("imap",)), replace(target, starttls="imap"), "127.0.0.1"
    )
    mail = first_ask(ScanConfig(), replace(target, starttls="imap"), "127.0.0.1")

    assert plain == Ask(
        profile=BROWSER,
        server_name="a.example",
        alpn=("h2", "http/1.1"),
        starttls="none",
        address="127.0.0.1",
    )
    assert (other.profile, other.alpn, other.starttls) == (PROFILES["legacy"], ("imap",), "imap")
    assert mail.alpn == ()


@pytest.mark.parametrize(
    ("config", "seats", "at_least_s"),
    [
        # 1,000 at one address: 500 turns of 20 s, 50 s of starts, for each of seven questions.
        pytest.param(ScanConfig(), 1_000, 70_000, id="default"),
        pytest.param(ScanConfig(concurrency=10, rate=1.0), 10, 700, id="slow"),
        pytest.param(ScanConfig(concurrency=1_000_000), 4_096, 86_400, id="a-day-at-most"),
    ],
)
def test_a_diagnosis_may_take_as_long_as_the_pacing_lets_it_wait(
    config: ScanConfig, seats: int, at_least_s: float
) -> None:
    """The room's deadline is for what never ends; waiting for one's turn is no such thing."""
    judge = Judge(TrustStore([]), warn=pytest.fail)
    run = RunContext(run_id="night", vantage="here")
    room = diagnoses(config, judge, Asked(5), nothing, run=run, warn=pytest.fail)

    assert room.seats == seats
    assert at_least_s <= room.deadline_s <= 86_400


def test_a_scan_with_the_hello_of_ssl_2_asks_nothing_else() -> None:
    """Its hello has none of what the others have: no two differ in one thing."""
    judged, chooser = chooser_of(config=ScanConfig(hello="ssl2"))

    assert chooser.next(judged, (), chooser.context(judged)) is None

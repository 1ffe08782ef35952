"""What a server chose from a hello that offered more than it should: version, suite, group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetscan.causes import classify
from fleetscan.causes.evidence import established
from fleetscan.causes.model import Confidence
from fleetscan.facts import HandshakeFacts
from fleetscan.tls.events import Offer
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, FirstFlight, Origin, Stage
from tests.facts_builder import (
    OFFER,
    alerted,
    case,
    cause_ids,
    confirmed,
    finding_ids,
    only_cause,
)

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

RC4, TRIPLE_DES, NULL, EXPORT, ANON = 0x0005, 0x000A, 0x0002, 0x0003, 0x0034
CBC, GCM, ARIA, PSK = 0xC013, 0xC02F, 0xC060, 0x00A8
SM4, INTEGRITY_ONLY = 0x00C6, 0xC0B4


def offered(**changes: Any) -> Offer:  # noqa: ANN401
    """The offer of these tests with changes."""
    return replace(OFFER, **({"profile": "broad"} | changes))


def completed(suite: int, *, version: int = TLS12, **changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a handshake up to TLS 1.2 that was completed and confirmed by Finished."""
    base: dict[str, Any] = {
        "version": version,
        "cipher_suite": suite,
        "history": "CsxknGIFif",
        "confirmed_by": ConfirmedBy.FINISHED,
        "offer": offered(cipher_suites=(GCM, CBC, suite)),
    }
    return confirmed(**(base | changes))


def ended_early(reason: FirstFlight, suite: int = ARIA, **changes: Any) -> HandshakeFacts:  # noqa: ANN401
    """Facts of a handshake that we left politely after the server's flight."""
    base: dict[str, Any] = {
        "stage": Stage.KEY_EXCHANGE,
        "version": TLS12,
        "cipher_suite": suite,
        "group": None,
        "signature_scheme": None,
        "history": "Csxkn",
        "completed": False,
        "confirmed_by": None,
        "first_flight": reason,
        "offer": offered(cipher_suites=(GCM, CBC, suite)),
    }
    return confirmed(**(base | changes))


# -- versions -------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "name"), [(TLS11, "TLSv1.1"), (TLS10, "TLSv1")])
def test_an_old_version_completed_though_a_newer_one_was_offered(version: int, name: str) -> None:
    """RFC 8446 section 4.2.1: a server takes the newest it has, so it has none: observed."""
    facts = completed(CBC, version=version, offer=offered(versions=(TLS12, TLS11, TLS10)))
    cause = only_cause(facts)

    assert cause.entry.id == "version.too_old"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence == {
        "version": name,
        "offered": "TLSv1.2, TLSv1.1, TLSv1",
        "stage": "confirmed",
    }
    assert classify(case(facts)).outcome == "failed"


@pytest.mark.parametrize("versions", [(TLS11, TLS10), (TLS10,), (TLS10, SSL3)])
def test_an_old_version_completed_where_none_newer_was_offered(versions: tuple[int, ...]) -> None:
    """It may well speak TLS 1.2: nobody asked. A finding, and established."""
    facts = completed(CBC, version=TLS10, offer=offered(versions=versions))

    assert cause_ids(facts) == []
    assert "finding.old_version" in finding_ids(facts)
    assert classify(case(facts)).outcome == "established"


def test_bait_is_no_newer_version() -> None:
    """0x5A5A is above TLS 1.2 as a number and offers nothing (RFC 8701 section 3.1)."""
    facts = completed(CBC, version=TLS10, offer=offered(versions=(0x5A5A, TLS11, TLS10)))

    assert cause_ids(facts) == []


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_current_version_is_no_old_one(version: int) -> None:
    """The bound itself."""
    facts = completed(GCM if version == TLS12 else 0x1301, version=version)

    assert cause_ids(facts) == []
    assert "finding.old_version" not in finding_ids(facts)


@pytest.mark.parametrize("version", [SSL3, SSL2])
@pytest.mark.parametrize(
    ("versions", "confidence"),
    [
        ((TLS13, TLS12, TLS11, TLS10, SSL3), Confidence.OBSERVED),
        ((SSL3,), Confidence.SUSPECTED),
        ((SSL2,), Confidence.SUSPECTED),
    ],
)
def test_ssl_is_never_well(version: int, versions: tuple[int, ...], confidence: Confidence) -> None:
    """Chosen before TLS 1.2: observed. Chosen because nothing else was offered: suspected."""
    facts = ended_early(FirstFlight.VERSION, CBC, version=version, offer=offered(versions=versions))
    cause = only_cause(facts)

    assert cause.entry.id == "version.too_old"
    assert cause.match.confidence is confidence
    assert bool(cause.match.missing) is (confidence is Confidence.SUSPECTED)
    assert classify(case(facts)).outcome == "failed"


def test_an_old_version_in_first_flight_mode() -> None:
    """As in a completed handshake: the choice is in the flight."""
    asked = ended_early(
        FirstFlight.ASKED, CBC, version=TLS10, offer=offered(versions=(TLS12, TLS10))
    )
    alone = replace(asked, offer=offered(versions=(TLS10,)))

    assert cause_ids(asked) == ["version.too_old"]
    assert cause_ids(alone) == []


def test_a_version_chosen_against_a_rule_is_told_as_what_it_is() -> None:
    """A violation in the flight: what was chosen with it says nothing."""
    facts = completed(
        CBC,
        version=TLS10,
        offer=offered(versions=(TLS12, TLS10)),
        violation="bad_finished",
        stage=Stage.SERVER_FINISHED,
        completed=False,
        confirmed_by=None,
    )

    assert cause_ids(facts) == ["server.protocol_violation"]


# -- suites ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", [RC4, TRIPLE_DES])
def test_an_insecure_suite_completed_though_sound_ones_were_offered(suite: int) -> None:
    """The server may only prefer it: suspected, and what would settle it."""
    cause = only_cause(completed(suite))

    assert cause.entry.id == "cipher.insecure_only"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.alternatives == ("finding.weak_cipher",)
    assert cause.match.missing == "a hello without insecure suites"
    assert cause.match.evidence["offered"] == "hello profile broad"


@pytest.mark.parametrize(
    "suites",
    [(RC4,), (RC4, TRIPLE_DES), (RC4, 0x00FF), (RC4, 0x3A3A), (RC4, 0x5600, 0x13FE)],
    ids=["alone", "with-another", "with-a-signal", "with-bait", "with-unknown"],
)
def test_an_insecure_suite_completed_where_none_sound_was_offered(suites: tuple[int, ...]) -> None:
    """A finding only: who asks for RC4 alone gets RC4."""
    facts = completed(RC4, offer=offered(cipher_suites=suites))

    assert cause_ids(facts) == []
    assert "finding.weak_cipher" in finding_ids(facts)
    assert classify(case(facts)).outcome == "established"


@pytest.mark.parametrize("suite", [CBC, GCM, 0x009C])
def test_a_sound_suite_is_no_insecure_one(suite: int) -> None:
    """CBC and RSA key exchange are findings (causes.md's default policy)."""
    assert cause_ids(completed(suite)) == []


@pytest.mark.parametrize("suite", [NULL, EXPORT, ANON, INTEGRITY_ONLY])
@pytest.mark.parametrize("sound", [True, False])
def test_an_insecure_suite_that_is_not_completed(suite: int, sound: bool) -> None:
    """It cannot be established, whatever else was offered."""
    facts = ended_early(
        FirstFlight.CIPHER_SUITE,
        suite,
        offer=offered(cipher_suites=(suite, GCM) if sound else (suite,)),
    )

    assert cause_ids(facts) == ["cipher.insecure_only"]
    assert classify(case(facts)).outcome == "failed"


@pytest.mark.parametrize("suite", [ARIA, PSK, SM4, 0xC01D, 0x0021])
def test_an_unusual_suite_is_none_in_common(suite: int) -> None:
    """Sound, known by name, and in no client's list."""
    cause = only_cause(ended_early(FirstFlight.CIPHER_SUITE, suite))

    assert cause.entry.id == "cipher.none_in_common"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.missing == "a hello without this suite"
    assert cause.match.remedy_values == (cause.match.evidence["accepted"],)


def test_a_suite_without_a_name_is_told_by_its_number() -> None:
    """Offered as 0x13FE, chosen as 0x13FE."""
    cause = only_cause(ended_early(FirstFlight.CIPHER_SUITE, 0x13FE))

    assert cause.entry.id == "cipher.none_in_common"
    assert cause.match.evidence["accepted"] == "0x13fe"


LOOK_ALIKES = {
    "suite-is-insecure": ended_early(FirstFlight.CIPHER_SUITE, ANON),
    "ended-for-the-group": ended_early(FirstFlight.KEY_EXCHANGE, GCM, group=0x000E),
    "ended-because-asked": ended_early(FirstFlight.ASKED, GCM),
    "ended-for-the-version": ended_early(FirstFlight.VERSION, CBC, version=SSL3),
    "completed": completed(GCM),
    "a-rule-was-broken": ended_early(FirstFlight.CIPHER_SUITE, violation="decode_error"),
    "no-suite-was-chosen": ended_early(FirstFlight.CIPHER_SUITE, cipher_suite=None),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_none_in_common_leaves_its_look_alikes_alone(name: str) -> None:
    """One changed fact each."""
    assert "cipher.none_in_common" not in cause_ids(LOOK_ALIKES[name])


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(completed(GCM), id="sound"),
        pytest.param(completed(RC4, cipher_suite=None), id="none-chosen"),
        pytest.param(
            completed(RC4, violation="bad_finished", completed=False, confirmed_by=None),
            id="a-rule-was-broken",
        ),
        pytest.param(
            completed(
                RC4,
                completed=False,
                confirmed_by=None,
                stage=Stage.CLIENT_FINISHED,
                ended_by=EndedBy.TIMEOUT,
            ),
            id="not-completed",
        ),
        pytest.param(completed(0x13FE), id="without-a-name"),
        pytest.param(completed(RC4, offer=None), id="offer-unknown"),
    ],
)
def test_insecure_only_leaves_its_look_alikes_alone(facts: HandshakeFacts) -> None:
    """One changed fact each: a flight that is not known whole says nothing of the rest."""
    assert "cipher.insecure_only" not in cause_ids(facts)


def test_an_insecure_suite_in_first_flight_mode() -> None:
    """The choice is in the flight; nothing more would be learnt."""
    assert cause_ids(ended_early(FirstFlight.ASKED, RC4)) == ["cipher.insecure_only"]


# -- groups ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"group": 0x000E}, "sect571r1"),
        ({"group": 0x7777}, "0x7777"),
        ({"dh_prime_bits": 16_384}, "a prime of 16384 bits"),
        ({"group": 0x0200, "version": TLS13, "cipher_suite": 0x1301}, "MLKEM512"),
    ],
)
def test_a_group_that_is_not_computed_with(changes: dict[str, Any], accepted: str) -> None:
    """What the server took is evidence, and what it should be rid of."""
    cause = only_cause(ended_early(FirstFlight.KEY_EXCHANGE, GCM, **changes))

    assert cause.entry.id == "key_exchange.no_common_group"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.evidence["accepted"] == accepted
    assert cause.match.remedy_values == (accepted,)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(completed(GCM, group=0x0017), id="completed"),
        pytest.param(ended_early(FirstFlight.ASKED, GCM, group=0x0017), id="asked"),
        pytest.param(ended_early(FirstFlight.CIPHER_SUITE, group=0x0017), id="suite"),
        pytest.param(ended_early(FirstFlight.KEY_EXCHANGE, 0x002F), id="a-key-of-the-certificates"),
        pytest.param(
            alerted(47, origin=Origin.LOCAL, version=TLS12, violation="group_not_offered"),
            id="a-rule-was-broken",
        ),
    ],
)
def test_no_common_group_leaves_its_look_alikes_alone(facts: HandshakeFacts) -> None:
    """No group was chosen, or the one that was is not why it ended."""
    assert "key_exchange.no_common_group" not in cause_ids(facts)


def test_a_certificates_key_that_is_not_computed_with_is_nobodys_fault() -> None:
    """RSA key exchange: no group and no prime. Not completed, established, key not checked."""
    facts = ended_early(FirstFlight.KEY_EXCHANGE, 0x002F, key_proof=Checked.NOT_CHECKED)
    verdict = classify(case(facts))

    assert verdict.causes == ()
    assert verdict.outcome == "established"
    assert verdict.checks.key is Checked.NOT_CHECKED


@pytest.mark.parametrize("chosen", [{"group": 0x000E}, {"dh_prime_bits": 16_384}])
def test_a_group_that_was_chosen_is_no_key_of_the_certificates(chosen: dict[str, Any]) -> None:
    """The look-alikes of the above: the server took something, and that is why it ended."""
    assert not established(ended_early(FirstFlight.KEY_EXCHANGE, GCM, **chosen))
    assert established(ended_early(FirstFlight.KEY_EXCHANGE, 0x002F))


# -- what works as far as it was to go --------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (FirstFlight.ASKED, "established"),
        (FirstFlight.CIPHER_SUITE, "failed"),
        (FirstFlight.VERSION, "failed"),
    ],
)
def test_only_who_asked_for_a_first_flight_has_what_was_asked_for(
    reason: FirstFlight, outcome: str
) -> None:
    """Ended by us, without an alert: it depends on why."""
    version = SSL3 if reason is FirstFlight.VERSION else TLS12
    facts = ended_early(reason, CBC if reason is not FirstFlight.CIPHER_SUITE else ARIA)

    assert classify(case(replace(facts, version=version))).outcome == outcome


def test_a_flight_that_never_ended_is_not_established() -> None:
    """The control: the same facts without a reason to stop."""
    facts = replace(
        ended_early(FirstFlight.ASKED, GCM), first_flight=None, ended_by=EndedBy.TIMEOUT
    )

    assert cause_ids(facts) == ["server.stalled"]

"""What differs between two hellos, what flipped, and when chance could have done it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.causes import classify
from fleetscan.causes.conclusions import conclusions
from fleetscan.causes.experiments import (
    Dimension,
    Question,
    chance_explains,
    difference,
    ending_of,
    fitting_period,
    flips,
    is_flaky,
    questions_of,
)
from fleetscan.causes.model import Case
from fleetscan.experiment import Ask, Cut, Tried
from fleetscan.facts import HandshakeFacts
from fleetscan.pki.path import PathAssessment
from fleetscan.registry import versions
from fleetscan.tls.profiles import BROWSER, SSL3
from fleetscan.vocabulary import Checked, EndedBy
from tests.certificates import leaf, root
from tests.facts_builder import OFFER, alerted, case, confirmed, ended, facts
from tests.simulated_servers import FIRST, offer_of

ROOT = root("Test Root")
SHOWN = leaf(ROOT, "shown.example.com").parsed
SECOND = leaf(ROOT, "second.example.com").parsed


def failing(**changes: object) -> Question:
    """A hello that was reset, its offer changed."""
    offer = replace(OFFER, **changes)  # type: ignore[arg-type]
    return Question(offer=offer, facts=ended(EndedBy.RST, offer=offer), works=False)


def answered(**changes: object) -> Question:
    """A hello that was answered, its offer changed."""
    offer = replace(OFFER, **changes)  # type: ignore[arg-type]
    return Question(offer=offer, facts=confirmed(offer=offer), works=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"profile": "another"}, set()),
        ({"versions": (0x0304, 0x0303, 0x0301)}, {Dimension.VERSIONS}),
        ({"cipher_suites": (*OFFER.cipher_suites, 5)}, {Dimension.CIPHER_SUITES}),
        ({"cipher_suites": OFFER.cipher_suites[:-1]}, {Dimension.EXTENSIONS}),
        ({"groups": (*OFFER.groups, 0x1A)}, {Dimension.GROUPS}),
        ({"signature_schemes": (*OFFER.signature_schemes, 0x808)}, {Dimension.SIGNATURE_SCHEMES}),
        ({"alpn": ()}, {Dimension.ALPN}),
        ({"server_name": "other.example.com"}, {Dimension.SERVER_NAME}),
        ({"extensions": OFFER.extensions[2:]}, {Dimension.EXTENSIONS}),
        # ALPN's own extension goes with it, the name's with the name.
        (
            {"alpn": (), "extensions": tuple(each for each in OFFER.extensions if each != 16)},
            {Dimension.ALPN},
        ),
        # So do those of TLS 1.3 (RFC 8446 section 4.2).
        (
            {
                "versions": (0x0303,),
                "extensions": tuple(x for x in OFFER.extensions if x not in (43, 45, 51)),
            },
            {Dimension.VERSIONS},
        ),
        ({"octets": 516}, {Dimension.SIZE}),
        ({"octets": 600}, set()),
    ],
)
def test_what_differs(changes: dict[str, object], expected: set[Dimension]) -> None:
    """One change, one dimension; a hello that only grew cannot have passed for its size."""
    assert difference(failing(), answered(**changes)) == expected


def test_a_hello_that_leaves_the_window_differs_in_its_size() -> None:
    """RFC 7685 section 4: some devices hang on 256 to 511 octets, and take more."""
    assert difference(failing(octets=300), answered(octets=512)) == {Dimension.SIZE}
    assert difference(failing(octets=300), answered(octets=511)) == set()
    assert difference(failing(octets=255), answered(octets=512)) == set()


def test_grease_that_was_left_out_is_something_that_the_server_did_not_know() -> None:
    """RFC 8701: reserved values in a list are no versions, suites or groups."""
    bait = {"cipher_suites": (0x3A3A, *OFFER.cipher_suites), "groups": (0x4A4A, *OFFER.groups)}

    assert difference(failing(**bait), answered()) == {Dimension.EXTENSIONS}


@pytest.mark.parametrize(
    ("outcomes", "period"),
    [
        ("FAFA", 2),
        ("FAAFAA", 3),
        ("FFAAFFA", 4),
        ("FFFF", 1),
        ("FFAFAA", None),
        ("FAFAAF", None),
        ("F", None),
    ],
)
def test_turns_of_members(outcomes: str, period: int | None) -> None:
    """Two to four members in turn, some of them broken."""
    assert fitting_period([letter == "A" for letter in outcomes]) == period


def questions(outcomes: str, *, again: bool = True) -> list[Question]:
    """Hellos of different sizes with these outcomes; the last one is like the first, or not."""
    made = [
        (answered if letter == "A" else failing)(octets=600 + at)
        for at, letter in enumerate(outcomes)
    ]
    if again:
        at = outcomes.rindex(outcomes[0])
        made[at] = replace(made[0])
    return made


@pytest.mark.parametrize(
    ("outcomes", "again", "expected"),
    [
        ("FFAFAF", True, False),
        ("FAFAAF", True, False),
        ("FFAFA", True, True),  # five only
        ("FFFFAF", True, True),  # answered once
        ("FAAAAA", False, True),  # failed once
        ("FFFFAA", True, True),  # nothing failed after it
        ("FAFAFA", True, True),  # every second
        ("FAAFAA", True, True),  # one of three
        ("FFAAFF", True, True),  # two of four
        ("FFAFAF", False, True),  # nothing was asked again
    ],
)
def test_when_chance_is_ruled_out(outcomes: str, again: bool, expected: bool) -> None:
    """Six outcomes, each twice, one way again, a failure after a success, no turn."""
    assert chance_explains(questions(outcomes, again=again)) is expected


def test_another_obstacle_is_a_hello_that_got_past_the_first() -> None:
    """A server that answers with an alert of another kind has read the hello."""
    asked = questions("FFAFAF")
    offer = replace(OFFER, octets=602)
    asked[2] = Question(offer=offer, facts=alerted(120, offer=offer), works=False)

    assert chance_explains(asked) is False


def test_one_way_with_both_outcomes_is_flaky_and_flips_nothing() -> None:
    """Then nothing follows from any change."""
    asked = [failing(), answered(alpn=()), answered()]

    assert is_flaky(asked)
    assert flips(asked) == ()
    assert [flip.dimension for flip in flips(asked[:2])] == [Dimension.ALPN]


def test_two_things_between_a_failing_and_an_answered_hello_are_no_flip() -> None:
    """A proof has one thing between them."""
    assert flips([failing(), answered(alpn=(), server_name="other.example.com")]) == ()


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (alerted(40), "handshake_failure(40)"),
        (ended(EndedBy.RST), "rst"),
        (ended(EndedBy.FIN), "fin"),
        (ended(EndedBy.TIMEOUT), "silence"),
        (ended(EndedBy.US, is_tls=Checked.NO, first_octets=b"SSH-2.0-x"), "no_tls"),
        (ended(EndedBy.US, violation="wrong_mac"), "wrong_mac"),
    ],
)
def test_endings_in_a_word(seen: HandshakeFacts, word: str) -> None:
    """As `basis.before` says it."""
    assert ending_of(seen) == word


# -- conclusions, one look-alike for each condition ------------------------------------------


def tried(name: str, changed: str, seen: HandshakeFacts, **changes: object) -> Tried:
    """An experiment that was asked as the first, with changes of the asking."""
    ask = replace(FIRST, address="127.0.0.1", with_identity=True, **changes)  # type: ignore[arg-type]
    return Tried(name=name, changed=changed, ask=ask, facts=seen)


def test_nothing_is_concluded_without_experiments() -> None:
    """A case as one probe leaves it."""
    assert conclusions(case(alerted(40))) == {}


def wrong_name(shown: object, *, path_name: Checked = Checked.NO) -> Case:
    """A certificate for other names, and what a name that nobody serves was shown."""
    asked = replace(OFFER, server_name="control.invalid")
    other = confirmed(offer=asked, certificates=(shown,))
    path = PathAssessment(trusted=Checked.YES, name=path_name, problems=(), path=(SHOWN,))
    return case(
        confirmed(certificates=(SHOWN,)),
        path=path,
        tried=(tried("made_up_name", "server_name", other, server_name="control.invalid"),),
    )


def test_the_same_certificate_for_a_name_that_nobody_serves() -> None:
    """name.default_certificate is proven, with both names and the certificate."""
    found = conclusions(wrong_name(SHOWN))["name.default_certificate"]

    assert found.confidence.value == "proven"
    assert found.evidence["control_name"] == "control.invalid"
    assert found.evidence["sha256"] == SHOWN.sha256
    held = {cause.entry.id for cause in classify(wrong_name(SHOWN)).causes}
    assert "name.default_certificate" in held


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(wrong_name(SECOND), id="another-certificate"),
        pytest.param(wrong_name(SHOWN, path_name=Checked.YES), id="the-name-is-right"),
        pytest.param(wrong_name(SHOWN, path_name=Checked.NOT_CHECKED), id="nobody-gave-a-name"),
    ],
)
def test_default_certificate_leaves_its_look_alikes_alone(seen: Case) -> None:
    """A server that chose by the name, or one whose certificate is right."""
    assert "name.default_certificate" not in conclusions(seen)


def test_a_healthy_handshake_gets_no_cause_from_experiments() -> None:
    """Whatever was asked besides: what worked at first did not fail."""
    other = tried("broad", "everything", alerted(40))

    assert conclusions(case(confirmed(), tried=(other,))) == {}


def answers(ask: Ask, version: int, suite: int) -> HandshakeFacts:
    """The ServerHello to such a hello."""
    return confirmed(offer=offer_of(ask), version=version, cipher_suite=suite)


def test_a_hello_of_ssl3_alone_is_no_proof_of_age() -> None:
    """It is small and has no extensions besides: the cause is suspected, with both."""
    ask = replace(FIRST, profile=SSL3, alpn=(), server_name="", address="127.0.0.1")
    seen = answers(ask, versions.SSLV3, 0x000A)
    old = Tried(name="ssl3", changed="older_protocol", ask=ask, facts=seen)
    found = conclusions(case(ended(EndedBy.RST, offer=offer_of(FIRST)), tried=(old,)))

    assert found["version.too_old"].confidence.value == "suspected"
    assert "server.extension_intolerant" in found["version.too_old"].alternatives


def test_a_version_chosen_among_those_offered_before_proves_no_age() -> None:
    """TLS 1.2 was on offer: that it is chosen when older ones are offered too says nothing."""
    offer = replace(OFFER, versions=(0x0304, 0x0303, 0x0301))
    seen = confirmed(offer=offer, version=0x0303)
    found = conclusions(case(alerted(70), tried=(tried("versions", "versions", seen),)))

    assert "version.too_old" not in found


def test_an_extension_that_was_added_is_no_intolerance() -> None:
    """A server that misses something is not one that breaks on something."""
    offer = replace(OFFER, extensions=(*OFFER.extensions, 22))
    seen = confirmed(offer=offer)
    found = conclusions(case(alerted(40), tried=(tried("narrowed", "extensions", seen),)))

    assert "server.extension_intolerant" not in found


def outcome(name: str, *, works: bool, **changes: object) -> Tried:
    """An experiment whose hello had these changes of the offer; reset, or answered."""
    offer = replace(OFFER, **changes)  # type: ignore[arg-type]
    seen = confirmed(offer=offer) if works else ended(EndedBy.RST, offer=offer)
    return tried(name, name, seen)


def test_leaving_tls13_out_leaves_its_bait_out_too() -> None:
    """Without a failing hello that offers TLS 1.3 and no GREASE, the bait may have done it."""
    bait = (0x5A5A, 0x0304, 0x0303)
    older = tuple(each for each in OFFER.extensions if each not in (43, 45, 51))
    without = outcome("newest", works=True, versions=(0x0303,), extensions=older)
    first = ended(EndedBy.RST, offer=replace(OFFER, versions=bait))
    alone = conclusions(case(first, tried=(without,)))["version.intolerant"]
    plain = conclusions(case(first, tried=(outcome("plain", works=False), without)))

    assert "server.extension_intolerant" in alone.alternatives
    assert "server.extension_intolerant" not in plain["version.intolerant"].alternatives


def in_segments(*, works: bool) -> Tried:
    """The small hello in two segments."""
    made = outcome("in_segments", works=works, octets=240)
    return replace(made, changed="cut", ask=replace(made.ask, cut=Cut.SEGMENTS))


LARGE = ended(EndedBy.RST, offer=replace(OFFER, octets=1_826))


def test_a_hello_of_two_packets_may_fail_for_coming_in_two() -> None:
    """Only a small one in two segments tells the size from the segments."""
    small = outcome("small", works=True, octets=240)
    untold = conclusions(case(LARGE, tried=(small,)))
    whole = conclusions(case(LARGE, tried=(small, in_segments(works=True))))
    cut = conclusions(case(LARGE, tried=(small, in_segments(works=False))))

    open_to = untold["server.large_hello_intolerant"].alternatives
    assert "server.segmented_hello_intolerant" in open_to
    left = whole["server.large_hello_intolerant"].alternatives
    assert "server.segmented_hello_intolerant" not in left
    assert set(cut) == {"server.segmented_hello_intolerant"}


def test_a_suite_that_was_missing_needs_repeats_after_a_reset() -> None:
    """A server that works sometimes may prefer what it took; an alert is no chance."""
    offer = replace(OFFER, cipher_suites=(*OFFER.cipher_suites, 5))
    more = tried("narrowed", "cipher_suites", confirmed(offer=offer, cipher_suite=5))
    reset = conclusions(case(ended(EndedBy.RST), tried=(more,)))["cipher.insecure_only"]
    refused = conclusions(case(alerted(40), tried=(more,)))["cipher.insecure_only"]

    assert (reset.confidence.value, reset.alternatives) == ("suspected", ("server.intermittent",))
    assert refused.confidence.value == "proven"


def test_one_reset_before_the_server_is_suspected() -> None:
    """Routes change: the second one proves it."""
    short = tried("short_hops", "hops", ended(EndedBy.RST), hops=4)
    once = conclusions(case(ended(EndedBy.RST), tried=(short,)))
    twice = conclusions(case(ended(EndedBy.RST), tried=(short, short)))

    assert once["interference.hello_filter"].confidence.value == "suspected"
    assert twice["interference.hello_filter"].confidence.value == "proven"


def test_silence_before_the_server_is_no_reset() -> None:
    """The hello expired on the way."""
    short = tried("short_hops", "hops", ended(EndedBy.TIMEOUT), hops=4)

    assert conclusions(case(ended(EndedBy.RST), tried=(short, short))) == {}


def test_the_first_probe_and_its_repeat_are_one_way_of_asking() -> None:
    """A delay is no difference."""
    again = tried("again", "time", facts(ended_by=EndedBy.RST), delay_s=0.5)
    first, second = questions_of(case(ended(EndedBy.RST), tried=(again,)))

    assert first.key == second.key
    assert BROWSER.name == "browser"

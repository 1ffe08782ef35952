"""Where the way to an anchor ends: untrusted root, missing intermediate, unknown issuer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, intermediate, leaf, root, spoiled

NAME = "www.example.com"
ROOT = root()
CA = intermediate(ROOT)
LOWER = intermediate(CA, "Lower CA")
OTHER = root("Other Root")


def ask(
    *chain: Issued, trust: Sequence[Issued] = (ROOT,), seen: Sequence[Issued] | None = ()
) -> PathAssessment:
    """Assess a chain, with CA certificates seen elsewhere."""
    authorities = None
    if seen is not None:
        authorities = AuthorityStore()
        authorities.add(one.parsed for one in seen)
    return assess(
        [one.parsed for one in chain],
        reference_name=NAME,
        now=NOW,
        trust=TrustStore([one.parsed for one in trust]),
        authorities=authorities,
    )


def told(assessment: PathAssessment) -> list[tuple[PathProblem, str, str | None]]:
    """Kind, detail and the repair's hash of each problem."""
    return [
        (problem.kind, problem.detail, problem.repair.sha256 if problem.repair else None)
        for problem in assessment.problems
    ]


def test_a_sent_root_that_is_not_trusted() -> None:
    """Complete up to a self-signed root: anchoring that root is the repair."""
    found = ask(leaf(CA), CA, ROOT, trust=(OTHER,))

    assert told(found) == [
        (PathProblem.UNTRUSTED_ROOT, "CN=Test Root", ROOT.parsed.sha256),
    ]
    assert found.trusted is Checked.NO


def test_a_root_in_hand_that_is_not_trusted() -> None:
    """The root was not sent, which it need not be, and another target showed it."""
    found = ask(leaf(CA), CA, trust=(OTHER,), seen=(ROOT,))

    assert told(found) == [
        (PathProblem.UNTRUSTED_ROOT, "CN=Test Root", ROOT.parsed.sha256),
    ]


def test_a_missing_intermediate_that_is_in_hand() -> None:
    """With it added the path reaches an anchor: incomplete, and here is what is missing."""
    found = ask(leaf(CA), seen=(CA,))

    assert told(found) == [(PathProblem.INCOMPLETE, "CN=Test CA", CA.parsed.sha256)]
    assert found.trusted is Checked.NO
    assert len(found.path) == 3


def test_two_missing_intermediates() -> None:
    """Each missing certificate is told with the one that it should have certified."""
    found = ask(leaf(LOWER), seen=(CA, LOWER))

    assert told(found) == [
        (PathProblem.INCOMPLETE, "CN=Lower CA", LOWER.parsed.sha256),
        (PathProblem.INCOMPLETE, "CN=Test CA", CA.parsed.sha256),
    ]


def test_incomplete_and_untrusted_together() -> None:
    """The missing intermediate leads to a known root that is not trusted here: both."""
    found = ask(leaf(CA), trust=(OTHER,), seen=(CA, ROOT))

    assert told(found) == [
        (PathProblem.UNTRUSTED_ROOT, "CN=Test Root", ROOT.parsed.sha256),
        (PathProblem.INCOMPLETE, "CN=Test CA", CA.parsed.sha256),
    ]


def test_incomplete_and_expired_together() -> None:
    """The leaf's own problems stay."""
    found = ask(leaf(CA, not_after=NOW - 1), seen=(CA,))

    assert [problem.kind for problem in found.problems] == [
        PathProblem.EXPIRED,
        PathProblem.INCOMPLETE,
    ]


@pytest.mark.parametrize("seen", [None, (), (OTHER,), (LOWER,)])
def test_an_issuer_that_nobody_knows(seen: Sequence[Issued] | None) -> None:
    """Nothing in hand: a missing intermediate or a private root, nobody can tell."""
    found = ask(leaf(CA), seen=seen)

    assert told(found) == [(PathProblem.UNKNOWN_ISSUER, "CN=Test CA", None)]
    assert found.trusted is Checked.NO


def test_the_topmost_certificates_issuer_is_the_unknown_one() -> None:
    """What was sent is followed up to where it ends."""
    found = ask(leaf(LOWER), LOWER, CA, trust=(OTHER,))

    assert told(found) == [(PathProblem.UNKNOWN_ISSUER, "CN=Test Root", None)]
    assert len(found.path) == 3


def test_what_was_sent_is_judged_up_to_where_it_ends() -> None:
    """A path that ends in the open has no anchor on it: every certificate is held to the rules."""
    old = intermediate(ROOT, "Old", kind="RSA-1024", not_after=NOW - 1)
    found = ask(leaf(old), old, trust=(OTHER,))

    assert [(one.kind, one.certificate is found.path[1]) for one in found.problems] == [
        (PathProblem.CA_EXPIRED, True),
        (PathProblem.WEAK_KEY, True),
        (PathProblem.UNKNOWN_ISSUER, True),
    ]


def test_an_intermediate_in_hand_that_leads_nowhere_repairs_nothing() -> None:
    """Incomplete is told only when the addition reaches an anchor or a known root."""
    found = ask(leaf(LOWER), trust=(OTHER,), seen=(LOWER, CA))

    assert told(found) == [(PathProblem.UNKNOWN_ISSUER, "CN=Lower CA", None)]


@pytest.mark.parametrize(
    "useless",
    [
        intermediate(ROOT, not_after=NOW - 1),
        intermediate(ROOT, label="another key"),
        spoiled(CA),
    ],
    ids=["expired", "another-key", "spoiled"],
)
def test_a_faulty_certificate_in_hand_repairs_nothing(useless: Issued) -> None:
    """Sending an expired, foreign or broken certificate would not make it pass."""
    found = ask(leaf(CA), seen=(useless,))

    assert told(found) == [(PathProblem.UNKNOWN_ISSUER, "CN=Test CA", None)]


def test_an_anchored_path_is_not_traded_for_one_that_was_not_sent() -> None:
    """Clients see what was sent: the expired intermediate is the fault, whatever the fleet has."""
    expired = intermediate(ROOT, not_after=NOW - 1)
    found = ask(leaf(CA), expired, seen=(CA,))

    assert told(found) == [(PathProblem.CA_EXPIRED, "", None)]


def test_a_namesake_in_place_of_the_missing_intermediate() -> None:
    """Without key identifiers it looks like a bad signature until the right CA is in hand."""
    right = intermediate(ROOT, "Twin", label="right", identifiers=False)
    wrong = intermediate(ROOT, "Twin", label="wrong", identifiers=False)
    child = leaf(right, identifiers=False)

    assert [one.kind for one in ask(child, wrong).problems] == [PathProblem.BAD_SIGNATURE]
    assert told(ask(child, wrong, seen=(right,))) == [
        (PathProblem.INCOMPLETE, "CN=Twin", right.parsed.sha256)
    ]


def test_certificates_in_hand_never_complete_a_path_silently() -> None:
    """A sound chain stays sound and an unsound one is never called trusted."""
    assert ask(leaf(CA), CA, seen=(CA, LOWER, ROOT)).problems == ()
    assert ask(leaf(CA), seen=(CA,)).trusted is Checked.NO


def test_intermediates_of_the_trust_file_complete_a_path() -> None:
    """Whoever trusts the file has them, so no server need send them, and vouches for them.

    OpenSSL without -partial_chain wants the root as well: that is the store's other reading.
    """
    assert ask(leaf(CA), trust=(ROOT, CA)).trusted is Checked.YES
    assert ask(leaf(CA), trust=(CA,)).path[-1].sha256 == CA.parsed.sha256
    assert ask(leaf(CA), trust=(CA,)).trusted is Checked.YES
    chain = [leaf(CA).parsed]
    for trusted, given in ((Checked.NO, [CA]), (Checked.YES, [ROOT, CA])):
        strict = TrustStore([one.parsed for one in given]).with_self_signed_only()
        found = assess(chain, reference_name=None, now=float(NOW), trust=strict)
        assert found.trusted is trusted


def test_every_order_of_the_sent_certificates_gives_the_same_answer() -> None:
    """RFC 8446 section 4.4.2: a client should take any order after the leaf."""
    rest = (LOWER, CA, ROOT, OTHER)
    answers = {
        tuple(one.sha256 for one in ask(leaf(LOWER), *order).path)
        for order in itertools.permutations(rest)
    }

    assert len(answers) == 1
    assert all(
        ask(leaf(LOWER), *order).trusted is Checked.YES for order in itertools.permutations(rest)
    )


def test_every_order_of_what_was_seen_gives_the_same_answer() -> None:
    """Verdicts never depend on the order of targets."""
    twin = intermediate(ROOT, not_after=NOW + 7_777)
    answers = {
        tuple(told(ask(leaf(CA), seen=order)))
        for order in itertools.permutations((CA, twin, OTHER, LOWER))
    }

    assert len(answers) == 1


def test_repetitions_are_counted_once() -> None:
    """A server that sends everything twice sends the same chain."""
    child = leaf(CA)
    found = ask(child, child, CA, CA, CA)

    assert found.trusted is Checked.YES


def test_a_cross_signed_ca_leads_to_the_trusted_root() -> None:
    """One name and key under two roots: the path that is anchored is taken."""
    crossed = intermediate(OTHER, "Test CA", key=CA.key)

    for order in itertools.permutations((CA, crossed)):
        assert ask(leaf(CA), *order, trust=(OTHER,)).trusted is Checked.YES
        assert ask(leaf(CA), *order, trust=(ROOT,)).trusted is Checked.YES


def test_of_two_anchored_paths_the_sound_one_is_taken() -> None:
    """An expired intermediate does not matter beside a valid one of the same CA."""
    expired = intermediate(OTHER, "Test CA", key=CA.key, not_after=NOW - 1)

    for order in itertools.permutations((CA, expired)):
        assert ask(leaf(CA), *order, trust=(ROOT, OTHER)).problems == ()


def test_of_two_roots_the_one_that_needs_less_is_told() -> None:
    """Fewest problems: the expired branch is not what would be repaired."""
    expired = intermediate(OTHER, "Test CA", key=CA.key, not_after=NOW - 1)
    for order in itertools.permutations((CA, expired, ROOT, OTHER)):
        found = ask(leaf(CA), *order, trust=(root("Third"),))

        assert [problem.kind for problem in found.problems] == [PathProblem.UNTRUSTED_ROOT]
        assert found.path[-1].sha256 == ROOT.parsed.sha256


def test_circles_end() -> None:
    """Two CAs that certify each other lead nowhere and are walked once."""
    first = root("A", label="a")
    second = root("B", label="b")
    first_by_second = intermediate(second, "A", key=first.key)
    second_by_first = intermediate(first, "B", key=second.key)
    found = ask(leaf(first), first_by_second, second_by_first)

    assert [problem.kind for problem in found.problems] == [PathProblem.UNKNOWN_ISSUER]
    assert ask(leaf(first), first_by_second, second_by_first, trust=(first,)).trusted is Checked.YES


def test_a_root_sent_in_another_edition_than_the_trusted_one() -> None:
    """The same name and key as an anchor's: the anchor is found beside what was sent."""
    renewed = root("Test Root", not_after=NOW + 9_999)

    assert ask(leaf(CA), CA, renewed).trusted is Checked.YES

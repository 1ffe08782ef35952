"""The smallest repair: each cause is shown by the one change that makes the chain pass."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from cryptography import x509

from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathChecker, Problem, assess, verify
from fleetscan.pki.policy import BROWSER, Rule
from fleetscan.pki.trust import TrustStore
from fleetscan.pki.verification import Path, Refusal
from fleetscan.vocabulary import Checked
from tests.certificates import (
    DAY,
    NOW,
    Changes,
    Issued,
    intermediate,
    key_usage,
    leaf,
    root,
    spoiled,
)
from tests.chains import ABOVE, CA, LEAF_FAULTS, NAME, ROOT, SINGLE, STRANGER


def ask(
    *chain: Issued,
    trust: Sequence[Issued] = (ROOT,),
    seen: Sequence[Issued] = (),
    name: str | None = NAME,
    now: float = NOW,
) -> PathAssessment:
    """Assess a chain, with CA certificates seen elsewhere."""
    authorities = AuthorityStore()
    authorities.add(one.parsed for one in seen)
    return assess(
        [one.parsed for one in chain],
        reference_name=name,
        now=now,
        trust=TrustStore([one.parsed for one in trust]),
        authorities=authorities,
    )


def told(found: PathAssessment) -> list[tuple[str, str, int]]:
    """What each problem is, what was changed when the chain passed, and in which set."""
    return [(one.kind.value, one.changed, one.set) for one in found.problems]


def only(found: PathAssessment) -> Problem:
    """The one problem."""
    (problem,) = found.problems
    return problem


# -- one fault, one change -----------------------------------------------------------------

NARROW: Final = intermediate(ROOT, "Narrow", path_len=0)
BELOW: Final = intermediate(NARROW, "Below")
CHANGED: Final = {
    "expired": "time",
    "not_yet_valid": "time",
    "name_mismatch": "name",
    "wrong_purpose": "extended_key_usage",
    "weak_key": "key_strength",
    "weak_signature": "signature_strength",
    "unknown_critical_extension": "critical_extensions",
    "bad_signature": "signature",
    "ca_expired": "time",
    "ca_not_yet_valid": "time",
    "invalid_ca": "basic_constraints",
    "name_constraints": "name_constraints",
}


@pytest.mark.parametrize("kind", SINGLE)
def test_one_fault_is_proven_by_one_change(kind: str) -> None:
    """causes.md: it passes at another time, under its own name, when the rule is not asked."""
    assert told(ask(*SINGLE[kind])) == [(kind, CHANGED[kind], 1)]


def test_a_path_too_long_for_its_ca_is_proven_by_that_rule() -> None:
    """RFC 5280 section 6.1.4 (m), with everything else about the CA in order."""
    assert told(ask(leaf(BELOW), BELOW, NARROW)) == [("invalid_ca", "path_len_constraint", 1)]


def test_a_root_that_is_not_trusted_is_proven_by_anchoring_it() -> None:
    """And the problem says which one."""
    problem = only(ask(leaf(CA), CA, ROOT, trust=(STRANGER,)))

    assert (problem.kind.value, problem.changed) == ("untrusted_root", "root")
    assert problem.repair is not None and problem.repair.sha256 == ROOT.parsed.sha256


def test_a_leaf_that_signed_itself_is_proven_by_anchoring_it() -> None:
    """The only cause for which a leaf may be anchored."""
    assert told(ask(leaf(None))) == [("self_signed", "root", 1)]


def test_an_intermediate_is_never_anchored_as_a_repair() -> None:
    """causes.md: never an intermediate, never the leaf; nobody can tell what is missing."""
    assert told(ask(leaf(CA), CA, trust=(STRANGER,))) == [("unknown_issuer", "", 0)]


def test_a_leaf_that_did_not_sign_itself_is_not_anchored() -> None:
    """It names itself as issuer and its signature is not its own key's."""
    assert told(ask(spoiled(leaf(None)))) == [("bad_signature", "", 0)]


def test_a_missing_intermediate_is_proven_by_adding_it() -> None:
    """The certificate is in hand, and is the repair."""
    problem = only(ask(leaf(CA), seen=(CA,)))

    assert (problem.kind.value, problem.changed) == ("incomplete", "intermediate")
    assert problem.repair is not None and problem.repair.sha256 == CA.parsed.sha256


# -- what the change was -------------------------------------------------------------------


def test_the_time_is_the_nearest_at_which_all_of_the_path_is_valid() -> None:
    """An expired leaf under a CA that expired before it: the CA's last second."""
    ca = intermediate(ROOT, "Shorter", not_after=NOW - 5 * DAY)
    problem = only(ask(leaf(ca, not_after=NOW - DAY), ca))

    assert problem.kind.value == "expired"
    assert problem.passes_at == NOW - 5 * DAY


def test_no_time_at_which_all_are_valid_is_said() -> None:
    """The leaf began after its CA had ended: no clock helps, only both rules left out do."""
    ca = intermediate(ROOT, "Gone", not_before=NOW - 90 * DAY, not_after=NOW - 40 * DAY)
    young = leaf(ca, not_before=NOW - 30 * DAY, not_after=NOW - DAY)

    assert told(ask(young, ca)) == [("expired", "validity", 1), ("ca_expired", "ca_validity", 1)]
    assert told(ask(young, ca, now=NOW - 20 * DAY)) == [("ca_expired", "ca_validity", 1)]


@pytest.mark.parametrize(
    ("names", "passes_as"),
    [
        (["a.example", "b.example"], "a.example"),
        (["*.example.org"], "host.example.org"),
        (["192.0.2.7"], "192.0.2.7"),
        ([x509.UniformResourceIdentifier("https://a.example"), "c.example"], "c.example"),
    ],
)
def test_the_name_is_one_of_its_own(names: Sequence[str], passes_as: str) -> None:
    """For a wildcard, a name that it covers."""
    problem = only(ask(leaf(CA, san=names), CA))

    assert (problem.changed, problem.passes_as) == ("name", passes_as)


def test_without_a_name_of_its_own_the_rule_is_left_out() -> None:
    """A certificate with a common name alone is good for no name at all."""
    problem = only(ask(leaf(CA, san=None), CA))

    assert (problem.kind.value, problem.changed) == ("name_mismatch", "name")
    assert problem.passes_as == ""


# -- two faults, two changes ----------------------------------------------------------------


@pytest.mark.parametrize("pair", [*itertools.combinations(LEAF_FAULTS, 2)], ids="-and-".join)
def test_two_faults_of_a_leaf_are_exactly_both(pair: tuple[str, str]) -> None:
    """Both changes are needed and nothing else is."""
    changes: Changes = {**LEAF_FAULTS[pair[0]], **LEAF_FAULTS[pair[1]]}
    found = ask(leaf(CA, **changes), CA)

    assert {one.kind.value for one in found.problems} == set(pair)
    assert {(one.proven, one.set) for one in found.problems} == {(True, 1)}


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("fault", LEAF_FAULTS)
def test_a_fault_of_the_leaf_and_one_above_it_are_exactly_both(fault: str, above: str) -> None:
    """Expired and incomplete, weak and untrusted, and so on."""
    sent, trust, seen = ABOVE[above]
    issuer = sent[0] if sent else CA
    child = leaf(issuer, **LEAF_FAULTS[fault])
    found = ask(child, *sent, trust=trust, seen=seen)

    assert {one.kind.value for one in found.problems} == {fault, above}
    assert {(one.proven, one.set) for one in found.problems} == {(True, 1)}


def test_four_faults_are_exactly_four() -> None:
    """Expired, for another name, by a CA that may not, under a root that is not trusted."""
    ca = intermediate(ROOT, "No CA", ca=False)
    child = leaf(ca, not_after=NOW - DAY, san=["a.example"])

    assert sorted(told(ask(child, ca, ROOT, trust=()))) == [
        ("expired", "time", 1),
        ("invalid_ca", "basic_constraints", 1),
        ("name_mismatch", "name", 1),
        ("untrusted_root", "root", 1),
    ]


def test_two_rules_of_one_certificate_are_one_kind() -> None:
    """Neither a CA nor allowed to sign: one cause, both rules left out to show it."""
    ca = intermediate(ROOT, "No CA", ca=False, usages=key_usage("crl_sign"))

    assert told(ask(leaf(ca), ca)) == [
        ("invalid_ca", "basic_constraints", 1),
        ("invalid_ca", "ca_key_usage", 1),
    ]


# -- where nothing makes it pass ---------------------------------------------------------


def test_what_is_sure_is_shown_beside_an_unknown_issuer() -> None:
    """Whoever the issuer is, the leaf is out of date: shown with the path's end not asked about."""
    found = ask(leaf(CA, not_after=NOW - DAY))

    assert told(found) == [("expired", "time", 1), ("unknown_issuer", "", 0)]
    assert found.trusted is Checked.NO


def test_a_certificate_in_hand_that_is_itself_at_fault_repairs_nothing() -> None:
    """An expired intermediate in the store completes no path of a leaf that is in date."""
    expired = intermediate(ROOT, not_after=NOW - DAY)

    assert told(ask(leaf(CA), seen=(expired,))) == [("unknown_issuer", "", 0)]


def test_repairs_that_tie_are_all_told() -> None:
    """Two paths, each one change short: either change would do, and each is a set of its own."""
    old = root("Old Root")
    crossed = intermediate(old, ROOT.name, key=ROOT.key, not_after=NOW - DAY)
    found = ask(leaf(CA), CA, crossed, ROOT, trust=(old,))

    assert sorted(told(found)) == [("ca_expired", "time", 1), ("untrusted_root", "root", 2)]


def test_the_smaller_repair_wins() -> None:
    """A path with one fault explains more than one with two."""
    old = root("Old Root")
    crossed = intermediate(old, CA.name, key=CA.key, not_after=NOW - DAY, ca=False)
    found = ask(leaf(CA), CA, crossed, ROOT, trust=(old,))

    assert told(found) == [("untrusted_root", "root", 1)]


def test_every_subset_of_the_changes_is_refused() -> None:
    """Minimal: with any one of three changes taken back the chain is refused."""
    ca = intermediate(ROOT, "No CA", ca=False)
    chain = [leaf(ca, not_after=NOW - DAY, san=["a.example"]).parsed, ca.parsed]
    roots = TrustStore([ROOT.parsed])
    without = BROWSER.rules - {Rule.BASIC_CONSTRAINTS}
    for name, time, rules in itertools.product(
        (NAME, "a.example"), (NOW, NOW - DAY), (BROWSER.rules, without)
    ):
        policy = replace(BROWSER, rules=rules)
        answer = verify(chain, name=name, time=time, roots=roots, rules=policy)
        mended = (name, time, rules) == ("a.example", NOW - DAY, without)

        assert isinstance(answer, Path if mended else Refusal)


# -- what is remembered --------------------------------------------------------------------


def test_what_is_remembered_of_a_chain_changes_no_answer() -> None:
    """The same chain under other names and at other times, asked in any order, warm and cold."""
    chain = [leaf(CA, not_after=NOW + DAY, san=["a.example"]).parsed, CA.parsed]
    trust = TrustStore([ROOT.parsed])
    questions = list(itertools.product((None, "a.example", NAME), (NOW, NOW + 2 * DAY)))
    for order in itertools.permutations(questions, 3):
        warm = PathChecker(trust)
        for name, now in order:
            cold = assess(chain, reference_name=name, now=now, trust=trust)

            assert warm.assess(chain, reference_name=name, now=now) == cold
        assert len(warm) == 1


def test_what_is_remembered_is_bounded() -> None:
    """The least recently used chain is given up."""
    checker = PathChecker(TrustStore([ROOT.parsed]), max_chains=2)
    for index in range(5):
        child = leaf(CA, f"host{index}")
        checker.assess([child.parsed, CA.parsed], reference_name=None, now=NOW)

    assert len(checker) == 2

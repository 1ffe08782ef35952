"""The x509-limbo suite, where it is present: known differences, true causes, bounded work.

The suite asks for the web's certificate profile; fleetscan asks what makes clients fail.
`tests/vectors/limbo.json` lists where the two differ, and why, and what each case is about as
the suite describes it; docs/limbo.md is printed from it.
"""

from __future__ import annotations

import base64
import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.causes import CATALOGUE
from fleetscan.errors import ParseError
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.signatures import SignatureCache, SignatureCheck
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW
from tests.limbo import (
    MISSING,
    POLICIES,
    Answer,
    answers,
    corpus,
    listed,
    load,
    misnamed,
    servers,
    unbounded,
    unlisted,
)

VECTORS: Final = corpus()

present = pytest.mark.skipif(not VECTORS.is_file(), reason=MISSING)


class CountingCache(SignatureCache):
    """A cache that counts how often it was asked."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def check(self, child: Certificate, issuer: Certificate) -> SignatureCheck:
        """Count and answer."""
        self.asked += 1
        return super().check(child, issuer)


def cases() -> tuple[dict[str, Any], ...]:
    """Every case of the file."""
    return load(VECTORS)


def parsed(pems: list[str]) -> list[Certificate]:
    """Those that can be parsed: a scan leaves the others out too."""
    found = []
    for pem in pems:
        try:
            octets = base64.b64decode("".join(pem.strip().splitlines()[1:-1]))
            found.append(parse_certificate(octets))
        except ParseError:
            continue
    return found


def run(case: dict[str, Any]) -> tuple[PathAssessment | None, CountingCache]:
    """Assess one case; None when the leaf itself cannot be parsed."""
    cache = CountingCache()
    leaf = parsed([case["peer_certificate"]])
    if not leaf:
        return None, cache
    when = case["validation_time"]
    now = datetime.datetime.fromisoformat(when).timestamp() if when else float(NOW)
    found = assess(
        [*leaf, *parsed(case["untrusted_intermediates"])],
        reference_name=(case["expected_peer_name"] or {}).get("value"),
        now=now,
        trust=TrustStore(parsed(case["trusted_certs"])),
        cache=cache,
    )
    return found, cache


# -- the suite -------------------------------------------------------------------------


@present
@pytest.mark.parametrize("policy", POLICIES)
def test_every_difference_is_listed_and_every_listed_case_differs(policy: str) -> None:
    """What is not listed agrees with the suite, and what is listed does not."""
    assert unlisted(answers(VECTORS, policy), listed()["disagreements"][policy]) == []


@present
@pytest.mark.parametrize("policy", POLICIES)
def test_every_refused_case_is_refused_for_what_it_is_about(policy: str) -> None:
    """The causes have what the suite's description names, and its family is the first one's."""
    assert misnamed(answers(VECTORS, policy), listed()["about"]) == []


@present
@pytest.mark.parametrize("policy", POLICIES)
def test_every_undecided_case_names_its_bound(policy: str) -> None:
    """A chain is given up for one of the known bounds alone."""
    assert unbounded(answers(VECTORS, policy), listed()["bounds"]) == []


@present
def test_no_case_is_accepted_that_has_a_problem_nor_refused_without_one() -> None:
    """A refusal always says why: a problem, a bound or a primitive that is missing."""
    for case in cases():
        found, _ = run(case)
        if found is None:
            continue
        why = bool(found.problems or found.limit or found.not_checked)
        good = found.trusted is Checked.YES and found.name is not Checked.NO
        assert good is not why, case["id"]


@present
def test_no_case_costs_more_than_the_bounds() -> None:
    """The pathological ones too: signatures asked for are counted, not timed."""
    for case in cases():
        _, cache = run(case)
        assert cache.asked <= limits.MAX_SIGNATURE_CHECKS, case["id"]


@present
def test_what_is_written_down_is_of_cases_that_exist() -> None:
    """Each id is a server case that the suite refuses, where it says what a refusal is about."""
    refused = {case["id"] for case in servers(cases()) if case["expected_result"] == "FAILURE"}

    assert set(listed()["about"]) <= refused
    assert set(listed()["bounds"]) <= refused
    assert set(listed()["notes"]) <= set(listed()["about"])


# -- the list itself -------------------------------------------------------------------


def test_every_reason_is_explained_and_every_explanation_used() -> None:
    """The words of the differences are those of the page, under all policies together."""
    given = listed()["disagreements"]
    used = {word for policy in given.values() for word in policy.values()}

    assert set(given) == set(POLICIES)
    assert used == set(listed()["reasons"])


def test_every_case_is_about_causes_of_the_catalogue() -> None:
    """A misspelt id would agree with nothing."""
    known = {entry.id for entry in CATALOGUE}

    assert {cause for causes in listed()["about"].values() for cause in causes} <= known


# -- what the lists are compared by ----------------------------------------------------

VALID: Final = Answer(id="a::valid", expected=True, outcome="valid")
TAKEN: Final = Answer(id="a::taken", expected=False, outcome="valid")
EXPIRED: Final = Answer(
    id="a::expired", expected=False, outcome="refused", causes=("certificate.expired",)
)
BOUND: Final = Answer(id="a::bound", expected=False, outcome="undecided", limit="path_length")
DENIED: Final = Answer(
    id="a::denied", expected=True, outcome="refused", causes=("chain.invalid_ca",)
)


def test_a_difference_that_is_not_listed_is_told() -> None:
    """Both ways: refused by us alone, and taken by us alone; undecided is not accepted."""
    found = (VALID, TAKEN, EXPIRED, BOUND, DENIED)

    assert unlisted(found, {"a::taken": "x", "a::denied": "x"}) == []
    assert unlisted(found, {"a::taken": "x"}) == ["a::denied: refused chain.invalid_ca, not listed"]
    assert unlisted(found, {"a::denied": "x"}) == ["a::taken: valid, not listed"]


def test_a_listed_case_that_agrees_is_told() -> None:
    """The list may not outlive what it lists, nor name a case that is not there."""
    assert unlisted((EXPIRED,), {"a::expired": "x"}) == ["a::expired: listed, and agrees"]
    assert unlisted((), {"a::gone": "x"}) == ["a::gone: listed, and agrees"]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (["certificate.expired"], False),
        (["certificate.not_yet_valid", "certificate.expired"], False),
        (["certificate.not_yet_valid"], True),
        (["chain.ca_expired"], True),
        ([], True),
    ],
)
def test_a_case_refused_for_something_else_is_told(about: list[str], told: bool) -> None:
    """One of the causes must be there; a case that is about nothing is told too."""
    assert bool(misnamed((EXPIRED,), {"a::expired": about})) is told


def test_a_cause_of_another_family_may_not_come_first() -> None:
    """The right cause behind a wrong one is a wrong verdict."""
    behind = Answer(
        id="a::behind",
        expected=False,
        outcome="refused",
        causes=("chain.unknown_issuer", "certificate.expired"),
    )

    assert misnamed((behind,), {"a::behind": ["certificate.expired"]})
    assert not misnamed((behind,), {"a::behind": ["certificate.expired", "chain.incomplete"]})


def test_what_is_accepted_or_undecided_is_about_nothing() -> None:
    """Only a refusal that the suite shares has a cause to compare."""
    assert misnamed((VALID, TAKEN, BOUND, DENIED), {}) == []


def test_a_bound_is_the_listed_one() -> None:
    """Another bound, none, or one for a case that is decided is told."""
    assert unbounded((BOUND, EXPIRED), {"a::bound": "path_length"}) == []
    assert len(unbounded((BOUND,), {"a::bound": "paths"})) == 1
    assert len(unbounded((BOUND,), {})) == 1
    assert len(unbounded((EXPIRED,), {"a::expired": "paths"})) == 1


# -- where the suite is ----------------------------------------------------------------


def test_the_suite_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLEETSCAN_LIMBO comes first."""
    monkeypatch.setenv("FLEETSCAN_LIMBO", str(tmp_path / "limbo.json"))

    assert corpus() == tmp_path / "limbo.json"


@pytest.mark.parametrize("linked", [False, True])
def test_the_suite_is_beside_the_project(
    linked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a linked worktree (gitrepository-layout(5)) beside the one that it belongs to."""
    project = tmp_path / "project"
    worktree = tmp_path / "elsewhere" / "worktree" if linked else project
    worktree.mkdir(parents=True)
    if linked:
        (worktree / ".git").write_text(f"gitdir: {project}/.git/worktrees/worktree\n")
    monkeypatch.delenv("FLEETSCAN_LIMBO", raising=False)
    monkeypatch.setattr("tests.limbo.PROJECT", worktree)

    assert corpus() == tmp_path / "shared/corpora/limbo/limbo.json"

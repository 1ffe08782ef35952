"""What a hostile chain may cost: counted, never timed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.search import PathSearch, Work
from fleetscan.pki.signatures import SignatureCache, SignatureCheck, verification_cost
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, intermediate, leaf, root
from tests.hostile_chains import HOSTILE, all_issue_each_other


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


def ask(
    chain: Sequence[Issued], *trust: Issued, seen: Sequence[Issued] = ()
) -> tuple[PathAssessment, CountingCache]:
    """Assess a chain with a counter."""
    cache = CountingCache()
    authorities = AuthorityStore()
    authorities.add(one.parsed for one in seen)
    found = assess(
        [one.parsed for one in chain],
        reference_name="www.example.com",
        now=NOW,
        trust=TrustStore([one.parsed for one in trust]),
        authorities=authorities,
        cache=cache,
    )
    return found, cache


def test_64_certificates_that_issue_each_other_stay_in_the_budget() -> None:
    """Every link holds and no path ends: the budget ends it, and the result says so."""
    web = all_issue_each_other(9)[: limits.MAX_CERTIFICATES - 1]
    assert len(web) == 63
    child = leaf(root("CA 0"))
    found, cache = ask([child, *web])

    assert cache.asked <= limits.MAX_SIGNATURE_CHECKS
    assert found.limit in ("signature_checks", "path_steps", "path_length", "candidate_issuers")
    assert found.trusted is not Checked.YES


def test_repairs_share_the_one_budget() -> None:
    """The second search, with what was seen elsewhere, gets no budget of its own."""
    web = all_issue_each_other(9)
    child = leaf(root("CA 0"))
    found, cache = ask([child, *web[:40]], seen=web)

    assert cache.asked <= limits.MAX_SIGNATURE_CHECKS
    assert found.trusted is not Checked.YES


@pytest.mark.parametrize("identifiers", [True, False])
def test_64_keys_under_one_name_stay_in_the_budget(identifiers: bool) -> None:
    """One subject, many keys: ten candidates are tried, those whose identifiers agree first."""
    cas = [
        root("Same", label=f"key {index}", identifiers=identifiers)
        for index in range(limits.MAX_CERTIFICATES - 1)
    ]
    child = leaf(cas[50], "www", identifiers=identifiers)
    found, cache = ask([child, *cas])

    assert cache.asked <= limits.MAX_CANDIDATE_ISSUERS * 2 + 1
    if identifiers:
        assert [one.kind for one in found.problems] == [PathProblem.UNTRUSTED_ROOT]
    else:
        # The one that signed is the fifty-first, so whether there is one was not settled.
        assert found.limit == "candidate_issuers"
        assert found.problems == ()


def test_the_steps_are_bounded_where_every_link_holds() -> None:
    """Two certificates for each of nine CAs: 34 links, and a thousand steps to walk them all."""
    cas = [root(f"CA {index}") for index in range(10)]
    web = [
        intermediate(cas[index + 1], cas[index].name, key=cas[index].key, not_after=NOW + days)
        for index in range(9)
        for days in (1_000, 2_000)
    ]
    child = leaf(cas[0])
    cache = CountingCache()
    work = Work(cache)
    search = PathSearch([one.parsed for one in (child, *web)], TrustStore([]), work)
    paths = sum(1 for _ in search.paths(child.parsed))

    assert paths < limits.MAX_PATH_STEPS
    assert not work.step()
    assert cache.asked == work.signature_checks <= 2 + 8 * 4
    assert work.limit == "path_steps"


def test_a_path_that_is_too_long_is_a_limit() -> None:
    """Ten certificates are followed; a longer chain is neither good nor bad."""
    cas = [root("CA 0")]
    for index in range(1, 14):
        cas.append(intermediate(cas[-1], f"CA {index}"))
    found, _ = ask([leaf(cas[-1]), *cas[1:]], cas[0])

    assert found.limit == "path_length"
    assert found.trusted is Checked.NOT_CHECKED
    assert len(found.path) == limits.MAX_PATH_LENGTH
    near, _ = ask([leaf(cas[7]), *cas[1:]], cas[0])
    assert near.trusted is Checked.YES


def test_only_so_many_certificates_are_looked_at() -> None:
    """Whether an issuer stands behind them is not known, so nobody calls it unknown."""
    top = root()
    ca = intermediate(top)
    strangers = [root(f"Stranger {index}") for index in range(limits.MAX_CERTIFICATES - 1)]
    late, _ = ask([leaf(ca), *strangers, ca], top)
    just, _ = ask([leaf(ca), *strangers[1:], ca], top)

    assert (late.problems, late.limit) == ((), "certificates")
    assert (just.problems, just.limit) == ((), "")


def test_each_link_is_checked_once_and_shared_between_targets() -> None:
    """A second target under the same intermediate costs its own leaf's check alone."""
    top = root()
    ca = intermediate(top)
    cache = SignatureCache()
    trust = TrustStore([top.parsed])
    for index in range(5):
        child = leaf(ca, f"host{index}")
        found = assess(
            [child.parsed, ca.parsed], reference_name=None, now=NOW, trust=trust, cache=cache
        )
        assert found.trusted is Checked.YES

    assert len(cache) == 5 + 1


def test_the_budget_counts_what_the_cache_knew_already() -> None:
    """A verdict must not depend on which target came first."""
    web = all_issue_each_other(9)[: limits.MAX_CERTIFICATES - 1]
    child = leaf(root("CA 0"))
    chain = [one.parsed for one in (child, *web)]
    cold = SignatureCache()
    first = assess(chain, reference_name=None, now=NOW, trust=TrustStore([]), cache=cold)
    again = assess(chain, reference_name=None, now=NOW, trust=TrustStore([]), cache=cold)

    assert first == again


def test_an_issuer_key_over_a_bound_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key too large to be used leaves the path unsettled, and says which bound it was."""
    monkeypatch.setattr(limits, "MAX_RSA_BITS", 1_024)
    big = root("Big", kind="RSA-2048")
    found, _ = ask([leaf(big)], big)

    assert found.limit == "rsa_bits"
    assert found.problems == ()
    assert found.trusted is Checked.NOT_CHECKED


def test_a_namesake_is_no_bad_signature_while_a_bound_hides_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The CA over the bound may be the one that signed, so nobody is accused."""
    monkeypatch.setattr(limits, "MAX_RSA_BITS", 1_024)
    big = root("Same", kind="RSA-2048", identifiers=False)
    namesake = root("Same", label="namesake", identifiers=False)
    found, _ = ask([leaf(big, identifiers=False)], big, namesake)

    assert found.problems == ()
    assert found.limit == "rsa_bits"


def test_a_bound_that_did_not_matter_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound path beside a certificate that is over a bound is simply sound."""
    monkeypatch.setattr(limits, "MAX_RSA_BITS", 1_024)
    top, big = root(), root("Big", kind="RSA-2048")
    ca = intermediate(top)
    crossed = intermediate(big, "Test CA", key=ca.key)
    found, _ = ask([leaf(ca), crossed, ca], top, big)

    assert found.trusted is Checked.YES
    assert found.limit == ""


def test_a_bound_met_among_the_authorities_leaves_the_sent_chains_answer() -> None:
    """As sent the issuer is unknown, whatever a fleet full of namesakes could have shown."""
    namesakes = [
        root("Same", label=f"key {index}", identifiers=False)
        for index in range(limits.MAX_CANDIDATE_ISSUERS + 3)
    ]
    child = leaf(root("Same", label="not seen", identifiers=False), "www", identifiers=False)
    found, _ = ask([child], seen=namesakes)

    assert [one.kind for one in found.problems if one.kind is not PathProblem.NAME_MISMATCH] == [
        PathProblem.UNKNOWN_ISSUER
    ]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("trusted", [True, False])
def test_hostile_chains_stay_within_every_bound(name: str, trusted: bool) -> None:
    """Counted, not timed: what signatures cost, what is remembered, and what is told."""
    chain = HOSTILE[name]()
    in_hand = AuthorityStore()
    in_hand.add(one.parsed for one in (*chain, *all_issue_each_other(7)))
    spent: dict[tuple[str, str], int] = {}

    class Accounting(SignatureCache):
        def check(self, child: Certificate, issuer: Certificate) -> SignatureCheck:
            spent[child.sha256, issuer.sha256] = verification_cost(issuer)
            return super().check(child, issuer)

    found = assess(
        [one.parsed for one in chain],
        reference_name="www.example.com",
        now=NOW,
        trust=TrustStore([chain[-1].parsed] if trusted else []),
        authorities=in_hand,
        cache=Accounting(),
    )

    assert sum(spent.values()) <= limits.MAX_SIGNATURE_WORK
    assert len(spent) <= limits.MAX_SIGNATURE_CHECKS
    assert trusted or found.trusted is not Checked.YES
    assert len(found.problems) <= 8
    assert all(len(problem.detail) <= limits.MAX_NAME_SHOWN for problem in found.problems)


def test_all_repairs_of_one_target_share_one_budget() -> None:
    """Many repairs that tie, each with issuers of its own to look at."""
    cas = [root(f"CA {index}") for index in range(12)]
    child = leaf(cas[0])
    web = [
        intermediate(issuer, cas[0].name, key=cas[0].key, not_after=NOW + 1_000 + index)
        for index, issuer in enumerate(cas[1:])
    ]
    seen = [
        intermediate(a, b.name, key=b.key, not_after=NOW + 2_000 + index)
        for index in range(3)
        for b in cas[1:]
        for a in cas[1:]
        if a is not b
    ]
    found, cache = ask([child, *web[:1]], seen=[*web, *seen])

    assert cache.asked <= limits.MAX_SIGNATURE_CHECKS
    assert found.trusted is not Checked.YES


def test_the_bound_that_ended_it_is_named() -> None:
    """The result of a chain that was not settled says which bound it was."""

    def limit_of(name: str) -> str:
        return ask(HOSTILE[name]())[0].limit

    assert limit_of("circles") in ("path_steps", "paths", "signature_checks", "path_length")
    assert limit_of("circles of slow keys") == "signature_work"
    assert limit_of("one name, many keys") == "candidate_issuers"
    assert limit_of("RSA-16384") == "rsa_bits"
    assert limit_of("absurd exponent") == "rsa_exponent_bits"
    assert limit_of("long line") == "path_length"

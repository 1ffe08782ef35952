"""What one path costs: `make bench`.

Beside the library's verifier: a hit, where the chain was seen before, a miss, where only the
intermediate was, and a first look with nothing known. Then what it costs to explain each
single and each double fault, whose links are known, and to give hostile chains up.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import certifi
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from fleetscan._parse import Certificate
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathChecker, assess
from fleetscan.pki.trust import TrustStore, load_file
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Changes, Issued, leaf
from tests.chains import ABOVE, CA, LEAF_FAULTS, NAME, ROOT, SINGLE
from tests.hostile_chains import HOSTILE

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

LEAF = leaf(CA)
LEAVES = [leaf(CA, f"host{index}", san=[NAME, f"host{index}"]).parsed for index in range(2_000)]
TRUST = TrustStore([ROOT.parsed])

PAIRS = [
    *("+".join(pair) for pair in itertools.combinations(LEAF_FAULTS, 2)),
    *(f"{fault}+{above}" for fault in LEAF_FAULTS for above in ABOVE),
]


def parsed(*chain: Issued) -> list[Certificate]:
    """The certificates as fleetscan reads them."""
    return [one.parsed for one in chain]


def checking(
    chain: Sequence[Certificate],
    trust: TrustStore = TRUST,
    authorities: AuthorityStore | None = None,
) -> Callable[[], PathAssessment]:
    """The same chain asked about again and again, as with a chain that many targets show."""
    checker = PathChecker(trust)

    def ask() -> PathAssessment:
        return checker.assess(chain, reference_name=NAME, now=NOW, authorities=authorities)

    return ask


# -- a sound chain, beside the library -----------------------------------------------------


@pytest.mark.benchmark(group="path: sound")
def test_hit(benchmark: BenchmarkFixture) -> None:
    """The chain was seen before: only its dates and its name are looked at."""
    found = benchmark(checking(parsed(LEAF, CA)))

    assert found.trusted is Checked.YES


@pytest.mark.benchmark(group="path: sound")
def test_miss(benchmark: BenchmarkFixture) -> None:
    """A new leaf under a known intermediate: one P-256 signature, one path to examine."""
    checker = PathChecker(TRUST)
    checker.assess(parsed(LEAF, CA), reference_name=NAME, now=NOW)
    leaves = itertools.cycle(LEAVES)

    def ask() -> PathAssessment:
        return checker.assess([next(leaves), CA.parsed], reference_name=NAME, now=NOW)

    found = benchmark.pedantic(ask, rounds=len(LEAVES))  # type: ignore[no-untyped-call]

    assert found.trusted is Checked.YES


@pytest.mark.benchmark(group="path: sound")
def test_first_look(benchmark: BenchmarkFixture) -> None:
    """Nothing is known: two P-256 signatures and two keys to load."""

    def ask() -> PathAssessment:
        return assess(parsed(LEAF, CA), reference_name=NAME, now=NOW, trust=TRUST)

    assert benchmark(ask).trusted is Checked.YES


@pytest.mark.benchmark(group="path: sound")
def test_the_library(benchmark: BenchmarkFixture) -> None:
    """`cryptography.x509.verification` on that chain, with its verifier made beforehand."""
    verifier = (
        PolicyBuilder()
        .store(Store([ROOT.x509]))
        .time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        .build_server_verifier(x509.DNSName(NAME))
    )

    assert len(benchmark(verifier.verify, LEAF.x509, [CA.x509])) == 3


# -- refused chains, explained ----------------------------------------------------------------


@pytest.mark.benchmark(group="path: one fault explained")
@pytest.mark.parametrize("fault", SINGLE)
def test_single_fault(benchmark: BenchmarkFixture, fault: str) -> None:
    """One change, shown to be enough."""
    found = benchmark(checking(parsed(*SINGLE[fault])))

    assert [one.kind.value for one in found.problems] == [fault]


@pytest.mark.benchmark(group="path: two faults explained")
@pytest.mark.parametrize("pair", PAIRS)
def test_double_fault(benchmark: BenchmarkFixture, pair: str) -> None:
    """Two changes, shown to be enough together and too few alone."""
    one, other = pair.split("+")
    sent, trust, seen = ABOVE.get(other, ((CA,), (ROOT,), ()))
    changes: Changes = {**LEAF_FAULTS[one], **LEAF_FAULTS.get(other, {})}
    child = leaf(sent[0] if sent else CA, **changes)
    authorities = AuthorityStore()
    authorities.add(parsed(*seen))
    ask = checking(parsed(child, *sent), TrustStore(parsed(*trust)), authorities)
    found = benchmark(ask)

    assert {problem.kind.value for problem in found.problems} == {one, other}


@pytest.mark.benchmark(group="path: hostile, nothing known")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(benchmark: BenchmarkFixture, name: str) -> None:
    """What is sent is in hand from elsewhere as well; every bound is asked."""
    chain = parsed(*HOSTILE[name]())
    authorities = AuthorityStore()
    authorities.add(chain)

    def ask() -> PathAssessment:
        return assess(chain, reference_name=NAME, now=NOW, trust=TRUST, authorities=authorities)

    assert benchmark(ask).trusted is not Checked.YES


def test_loading_the_roots(benchmark: BenchmarkFixture) -> None:
    """certifi's bundle, read and indexed: once a run."""
    store = benchmark(load_file, certifi.where())

    assert len(store) > 100

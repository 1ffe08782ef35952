"""What one path costs: `make bench`.

The warm case is the fleet's: the intermediate's link and this leaf's own are known. A miss
pays for the leaf's signature besides; a failing chain for the search that explains it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import certifi
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.signatures import SignatureCache
from fleetscan.pki.trust import TrustStore, load_file
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, intermediate, leaf, root

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

NAME = "www.example.com"
ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)
TRUST = TrustStore([ROOT.parsed])


def question(
    chain: Sequence[Certificate],
    cache: SignatureCache | None,
    authorities: AuthorityStore | None = None,
) -> Callable[[], PathAssessment]:
    """One assessment, ready to be asked."""

    def ask() -> PathAssessment:
        return assess(
            chain,
            reference_name=NAME,
            now=NOW,
            trust=TRUST,
            cache=cache,
            authorities=authorities,
        )

    return ask


def parsed(*chain: Issued) -> list[Certificate]:
    """The certificates as fleetscan reads them."""
    return [one.parsed for one in chain]


def test_a_sound_chain_with_a_warm_cache(benchmark: BenchmarkFixture) -> None:
    """Leaf and intermediate, both links known: the bookkeeping alone."""
    found = benchmark(question(parsed(LEAF, CA), SignatureCache()))

    assert found.trusted is Checked.YES


def test_a_sound_chain_with_a_cold_cache(benchmark: BenchmarkFixture) -> None:
    """Two P-256 signatures and two keys to load."""
    found = benchmark(question(parsed(LEAF, CA), None))

    assert found.trusted is Checked.YES


def test_a_failing_chain_with_a_warm_cache(benchmark: BenchmarkFixture) -> None:
    """Expired, and its intermediate missing but in hand."""
    seen = AuthorityStore()
    seen.add(parsed(CA, ROOT))
    chain = parsed(leaf(CA, not_after=NOW - 1))
    found = benchmark(question(chain, SignatureCache(), seen))

    assert {one.kind for one in found.problems} == {PathProblem.EXPIRED, PathProblem.INCOMPLETE}


def test_a_hostile_chain_with_a_cold_cache(benchmark: BenchmarkFixture) -> None:
    """63 CA certificates that all issue each other, and no way out."""
    cas = [root(f"CA {index}") for index in range(9)]
    web = [intermediate(a, b.name, key=b.key) for b in cas for a in cas if a is not b]
    chain = parsed(leaf(cas[0]), *web)[: limits.MAX_CERTIFICATES]
    found = benchmark(question(chain, None))

    assert found.trusted is not Checked.YES


def test_the_library_on_the_same_sound_chain(benchmark: BenchmarkFixture) -> None:
    """`cryptography.x509.verification`, for comparison."""
    verifier = (
        PolicyBuilder()
        .store(Store([ROOT.x509]))
        .time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        .build_server_verifier(x509.DNSName(NAME))
    )

    assert len(benchmark(verifier.verify, LEAF.x509, [CA.x509])) == 3


def test_loading_the_roots(benchmark: BenchmarkFixture) -> None:
    """certifi's bundle, read and indexed: once a run."""
    store = benchmark(load_file, certifi.where())

    assert len(store) > 100

"""What is said of a chain as sent, and the store of authorities seen in a run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.chain import (
    anchor_sent,
    chain_is_unordered,
    leaf_is_ca,
    superfluous_certificates,
)
from tests.certificates import NOW, Issued, intermediate, leaf, resigned, root

ROOT = root()
CA = intermediate(ROOT)
LOWER = intermediate(CA, "Lower CA")
LEAF = leaf(LOWER)
OTHER = root("Other Root")
ROLLED = intermediate(ROOT, "Test Root", label="rolled")
NAMESAKE = intermediate(CA, "Lower CA", label="namesake")
CROSSED = intermediate(OTHER, "Test Root", key=ROOT.key)


def parsed(*chain: Issued) -> list[Certificate]:
    """The certificates as fleetscan reads them."""
    return [one.parsed for one in chain]


@pytest.mark.parametrize(
    ("chain", "unordered"),
    [
        ((), False),
        ((LEAF,), False),
        ((LEAF, LOWER, CA), False),
        ((LEAF, LOWER, CA, ROOT), False),
        ((LEAF, CA, LOWER), True),
        ((LEAF, ROOT, CA, LOWER), True),
        ((LEAF, LOWER, OTHER, CA), False),
        ((LEAF, OTHER), False),
        ((LEAF, LOWER, CA, CROSSED), False),
        ((LEAF, LOWER, CA, ROOT, CROSSED), False),
    ],
)
def test_order(chain: tuple[Issued, ...], unordered: bool) -> None:
    """RFC 5246 section 7.4.2: each certifies the one before; strangers are another finding."""
    assert chain_is_unordered(parsed(*chain)) is unordered


@pytest.mark.parametrize(
    ("chain", "superfluous"),
    [
        ((), ()),
        ((LEAF, LOWER, CA, ROOT), ()),
        ((LEAF, CA, LOWER), ()),
        ((LEAF, LOWER, OTHER, CA), (OTHER,)),
        ((LEAF, LOWER, CA, CROSSED), ()),
        ((LEAF, LEAF, LOWER, LOWER), (LEAF, LOWER)),
        ((LEAF, CA), (CA,)),
        # Key identifiers tell two CAs of one name apart.
        ((LEAF, NAMESAKE, LOWER), (NAMESAKE,)),
    ],
)
def test_superfluous_certificates(
    chain: tuple[Issued, ...], superfluous: tuple[Issued, ...]
) -> None:
    """What certifies nothing above the leaf, and what was sent again."""
    found = superfluous_certificates(parsed(*chain))

    assert [one.sha256 for one in found] == [one.parsed.sha256 for one in superfluous]


@pytest.mark.parametrize(
    ("chain", "anchor"),
    [
        ((), None),
        ((LEAF, LOWER, CA), None),
        ((LEAF, LOWER, CA, ROOT), ROOT),
        ((LEAF, LOWER, CA, OTHER), None),
        ((OTHER,), None),
        ((LEAF, LOWER, CA, CROSSED), None),
        # Its own name as issuer and another key: a rollover certificate.
        ((leaf(ROLLED), ROLLED), None),
    ],
)
def test_a_root_that_was_sent(chain: tuple[Issued, ...], anchor: Issued | None) -> None:
    """RFC 8446 section 4.4.2: the self-signed certificate that ends a chain may be left out."""
    found = anchor_sent(parsed(*chain))

    assert (found and found.sha256) == (anchor and anchor.parsed.sha256)


def test_a_ca_as_leaf() -> None:
    """basicConstraints decides."""
    assert leaf_is_ca(parsed(CA))
    assert not leaf_is_ca(parsed(LEAF, CA))
    assert not leaf_is_ca(parsed(leaf(CA, ca=None)))
    assert not leaf_is_ca(())


def test_circles_in_what_was_sent_end() -> None:
    """Two CAs that certify each other are each a part of the chain once."""
    crossed_back = intermediate(ROOT, "Other Root", key=OTHER.key)
    chain = parsed(LEAF, LOWER, CA, CROSSED, crossed_back)

    assert superfluous_certificates(chain) == ()


def hashes(found: Sequence[Certificate]) -> list[str]:
    """The hashes, in the order given."""
    return [one.sha256 for one in found]


def test_only_authorities_are_kept() -> None:
    """Leaves are not: one entry a target would be memory without end."""
    store = AuthorityStore()
    old = resigned(root("V1"), root("V1"), version1=True)
    store.add(parsed(LEAF, LOWER, CA, ROOT, old))
    store.add(parsed(leaf(None), leaf(CA, ca=None), leaf(None, ca=None, label="v3")))

    assert len(store) == 4
    assert hashes(store.issuers_of(LEAF.parsed)) == [LOWER.parsed.sha256]
    assert store.issuers_of(leaf(OTHER).parsed) == ()


def test_what_is_kept_does_not_depend_on_the_order() -> None:
    """Both bounds reached, every order of arrival gives the same store and the same answers."""
    twins = [intermediate(ROOT, "Twin", not_after=NOW + index) for index in range(1, 4)]
    others = [intermediate(ROOT, "Single"), intermediate(ROOT, "Alone")]
    child = leaf(twins[0])
    answers = set()
    for order in itertools.permutations(parsed(*twins, *others)):
        store = AuthorityStore(max_certificates=3, max_per_subject=2)
        store.add(order)
        held = tuple(store._hashes)
        answers.add((held, tuple(hashes(store.issuers_of(child.parsed)))))

    ((held, _),) = answers
    assert len(held) == 3


def test_the_bounds_of_the_store_hold() -> None:
    """Nothing a fleet sends makes it grow further; dropping leaves no trace."""
    store = AuthorityStore(max_certificates=4, max_per_subject=2)
    for index in range(12):
        store.add(parsed(intermediate(ROOT, f"CA {index % 5}", not_after=NOW + index)))

    assert len(store) == 4
    assert len(store._subjects) == 4
    assert sum(len(row) for row in store._by_subject.values()) == 4
    assert max(len(row) for row in store._by_subject.values()) <= 2


def test_of_one_name_only_so_many_are_kept() -> None:
    """One fruitful CA does not fill the store."""
    store = AuthorityStore(max_certificates=100, max_per_subject=2)
    store.add(parsed(*(intermediate(ROOT, "One", not_after=NOW + index) for index in range(5))))

    assert len(store) == 2


def test_a_huge_authority_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's memory is bounded by its count only if each certificate is."""
    monkeypatch.setattr(limits, "MAX_AUTHORITY_OCTETS", len(CA.der) - 1)
    store = AuthorityStore()
    store.add(parsed(CA))

    assert len(store) == 0

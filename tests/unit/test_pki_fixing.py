"""The chain to send: in order, complete, without what does not belong."""

from __future__ import annotations

import pytest

from fleetscan.pki.chain import (
    anchor_sent,
    chain_is_unordered,
    in_order,
    likely_leaf,
    superfluous_certificates,
)
from fleetscan.pki.fixing import FixedChain, fixed_chain, why_not_fixed
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from tests.certificates import NOW, Issued, intermediate, leaf, name, root, spoiled

ROOT = root()
UPPER = intermediate(ROOT, "Upper CA")
LOWER = intermediate(UPPER, "Lower CA")
LEAF = leaf(LOWER)
SELF = leaf(None, "self.example")
OTHER = root("Other Root")


def fixed(
    *sent: Issued, trust: tuple[Issued, ...] = (ROOT,), extra: tuple[Issued, ...] = ()
) -> tuple[FixedChain | None, str]:
    """What comes of a chain, with others that complete the path."""
    chain = [one.parsed for one in sent]
    assessment = assess(
        [*chain, *(one.parsed for one in extra)],
        reference_name=None,
        now=NOW,
        trust=TrustStore([one.parsed for one in trust]),
    )
    return fixed_chain(chain, assessment), why_not_fixed(assessment)


@pytest.mark.parametrize(
    ("sent", "reordered"),
    [
        ((LEAF, LOWER, UPPER), False),
        ((LEAF, LOWER, UPPER, ROOT), False),
        ((LEAF, UPPER, LOWER), True),
        ((LEAF, ROOT, UPPER, LOWER), True),
        ((LEAF, LOWER, LOWER, OTHER, UPPER), False),
    ],
)
def test_the_chain_is_the_leaf_and_each_issuer_without_the_root(
    sent: tuple[Issued, ...], reordered: bool
) -> None:
    """RFC 8446 section 4.4.2: each certifies the one before, and the root may be left out."""
    found, reason = fixed(*sent)

    assert reason == ""
    assert found is not None
    assert [one.der for one in found.certificates] == [LEAF.der, LOWER.der, UPPER.der]
    assert found.reordered is reordered


def test_what_comes_out_has_no_finding_about_order() -> None:
    """Given back, there is nothing left to fix."""
    found, _ = fixed(LEAF, ROOT, OTHER, UPPER, LOWER)
    assert found is not None

    assert not chain_is_unordered(found.certificates)
    assert superfluous_certificates(found.certificates) == ()
    assert anchor_sent(found.certificates) is None


def test_what_was_missing_is_put_in() -> None:
    """From other files."""
    found, _ = fixed(LEAF, UPPER, extra=(LOWER,))
    assert found is not None

    assert [one.der for one in found.certificates] == [LEAF.der, LOWER.der, UPPER.der]
    assert not found.reordered


def test_an_intermediate_of_the_trust_store_is_sent_too() -> None:
    """A client that has the root alone needs it."""
    found, _ = fixed(LEAF, LOWER, trust=(ROOT, UPPER))
    assert found is not None

    assert [one.der for one in found.certificates][:2] == [LEAF.der, LOWER.der]
    assert ROOT.der not in [one.der for one in found.certificates]


def test_a_leaf_that_signed_itself_is_all_there_is() -> None:
    """It is no root above anything."""
    found, _ = fixed(SELF)
    assert found is not None

    assert [one.der for one in found.certificates] == [SELF.der]


def test_an_untrusted_root_does_not_keep_it_from_being_sorted() -> None:
    """The path is known to its end, whoever trusts it."""
    found, _ = fixed(LEAF, UPPER, LOWER, ROOT, trust=(OTHER,))
    assert found is not None

    assert len(found.certificates) == 3


def test_without_a_path_there_is_a_reason() -> None:
    """Nothing is made up: a missing issuer, a signature that fails, no leaf."""
    assert fixed(LEAF) == (None, "the certificate of CN=Lower CA is not at hand")
    bad = spoiled(LEAF)
    assert fixed(bad, LOWER, UPPER) == (
        None,
        "the signature of CN=www.example.com by CN=Lower CA does not verify",
    )
    assert fixed() == (None, "the leaf cannot be parsed")


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((LEAF, LOWER, UPPER), 0),
        ((ROOT, UPPER, LOWER, LEAF), 3),
        ((LOWER, LEAF), 1),
        ((UPPER, LEAF, LOWER, OTHER), 0),  # two that issued none: nobody can tell
        ((SELF,), 0),
        ((ROOT,), 0),
        ((LEAF, ROOT, OTHER), 0),
    ],
)
def test_the_likely_leaf(chain: tuple[Issued, ...], expected: int) -> None:
    """The first, unless it issued others and one alone issued none."""
    assert likely_leaf([one.parsed for one in chain]) == expected


def test_a_set_is_put_in_order() -> None:
    """By steps above the leaf, what belongs to no path last."""
    chain = [one.parsed for one in (LEAF, ROOT, OTHER, UPPER, LOWER)]

    assert [one.der for one in in_order(chain)] == [
        one.der for one in (LEAF, LOWER, UPPER, ROOT, OTHER)
    ]


def test_a_chain_upside_down_whose_names_are_spelt_otherwise() -> None:
    """RFC 5280 section 7.1: capitals and spaces make no other name."""
    loud = leaf(LOWER, issuer_name=name("LOWER  ca"))

    assert likely_leaf([LOWER.parsed, loud.parsed]) == 1

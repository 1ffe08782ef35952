"""Chains with one fault, and what to combine for two: for tests and for benchmarks."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ObjectIdentifier

from tests.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    Changes,
    Issued,
    intermediate,
    leaf,
    resigned,
    root,
    spoiled,
)

NAME: Final = "www.example.com"
ROOT: Final = root()
CA: Final = intermediate(ROOT)
STRANGER: Final = root("Stranger")
"""A root that has signed nothing here."""

CRITICAL: Final = (
    x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"),
    True,
)
ELSEWHERE: Final = x509.NameConstraints([x509.DNSName("example.org")], None)

LATE: Final = intermediate(ROOT, "Late", not_after=NOW - DAY)
EARLY: Final = intermediate(ROOT, "Early", not_before=NOW + DAY)
NO_CA: Final = intermediate(ROOT, "No CA", ca=False)
OUTSIDE: Final = intermediate(ROOT, "Outside", constraints=ELSEWHERE)

SINGLE: Final = {
    "expired": (leaf(CA, not_after=NOW - DAY), CA),
    "not_yet_valid": (leaf(CA, not_before=NOW + DAY), CA),
    "name_mismatch": (leaf(CA, san=["a.example"]), CA),
    "wrong_purpose": (leaf(CA, extended=[CLIENT_AUTH]), CA),
    "weak_key": (leaf(CA, kind="P-192"), CA),
    "weak_signature": (resigned(leaf(CA), CA, digest=hashes.SHA1()), CA),
    "unknown_critical_extension": (leaf(CA, extra=[CRITICAL]), CA),
    "bad_signature": (spoiled(leaf(CA)), CA),
    "ca_expired": (leaf(LATE), LATE),
    "ca_not_yet_valid": (leaf(EARLY), EARLY),
    "invalid_ca": (leaf(NO_CA), NO_CA),
    "name_constraints": (leaf(OUTSIDE), OUTSIDE),
}
"""By the kind of the problem: the chain as sent, leaf first, to be verified under ROOT."""

OLD: Final[Changes] = {"not_after": NOW - DAY}
WEAK: Final[Changes] = {"kind": "P-192"}
OTHER_NAME: Final[Changes] = {"san": ["a.example"]}
PURPOSE: Final[Changes] = {"extended": [CLIENT_AUTH]}
LEAF_FAULTS: Final[dict[str, Changes]] = {
    "expired": OLD,
    "weak_key": WEAK,
    "name_mismatch": OTHER_NAME,
    "wrong_purpose": PURPOSE,
    "unknown_critical_extension": {"extra": [CRITICAL]},
}
ABOVE: Final[dict[str, tuple[tuple[Issued, ...], tuple[Issued, ...], tuple[Issued, ...]]]] = {
    "untrusted_root": ((CA, ROOT), (STRANGER,), ()),
    "incomplete": ((), (ROOT,), (CA,)),
    "invalid_ca": ((NO_CA,), (ROOT,), ()),
    "name_constraints": ((OUTSIDE,), (ROOT,), ()),
}
"""By the kind of the problem: what is sent above the leaf, what is trusted, what is in hand."""

"""The x509-limbo suite, where it is present: no crash, bounded work, known disagreements.

The suite asks for the web's certificate profile; fleetscan asks what makes clients fail.
Where the two differ the case is listed with a reason word in
`tests/vectors/limbo_disagreements.json`; a case that is not listed must agree.
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.errors import ParseError
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.signatures import SignatureCache, SignatureCheck
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW

PROJECT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = Path(
    os.environ.get("FLEETSCAN_LIMBO", PROJECT.parent / "shared/corpora/limbo/limbo.json")
)
LISTED: Final[dict[str, Any]] = json.loads(
    (PROJECT / "tests/vectors/limbo_disagreements.json").read_text()
)

pytestmark = pytest.mark.skipif(
    not VECTORS.is_file(),
    reason="needs x509-limbo's limbo.json; name its path in FLEETSCAN_LIMBO",
)


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


@functools.cache
def cases() -> list[dict[str, Any]]:
    """Every case of the file."""
    found: list[dict[str, Any]] = json.loads(VECTORS.read_text())["testcases"]
    return found


def der_of(pem: str) -> bytes:
    """The DER in one PEM block."""
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


def parsed(pems: list[str]) -> list[Certificate]:
    """Those that can be parsed: a scan leaves the others out too."""
    found = []
    for pem in pems:
        try:
            found.append(parse_certificate(der_of(pem)))
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


def agrees(case: dict[str, Any]) -> bool:
    """Whether we accept what is to be accepted and refuse the rest."""
    found, _ = run(case)
    accepted = found is not None and found.trusted is Checked.YES and found.name is not Checked.NO
    return accepted is (case["expected_result"] == "SUCCESS")


def test_every_disagreement_is_listed_with_its_reason() -> None:
    """What is not listed agrees; what is listed names a reason that is explained."""
    servers = [case for case in cases() if case["validation_kind"] == "SERVER"]
    disagreements = {case["id"] for case in servers if not agrees(case)}

    assert disagreements <= set(LISTED["disagreements"])
    assert set(LISTED["disagreements"].values()) <= set(LISTED["reasons"])
    assert len(servers) - len(disagreements) >= LISTED["agreements_floor"]


def test_no_case_is_accepted_that_has_a_problem_nor_refused_without_one() -> None:
    """A refusal always says why: a problem, a bound or a primitive that is missing."""
    for case in cases():
        found, _ = run(case)
        if found is None:
            continue
        why = bool(found.problems or found.limit or found.not_checked)
        good = found.trusted is Checked.YES and found.name is not Checked.NO
        assert good is not why, case["id"]


def test_no_case_costs_more_than_the_bounds() -> None:
    """The pathological ones too: signatures asked for are counted, not timed."""
    for case in cases():
        _, cache = run(case)
        assert cache.asked <= limits.MAX_SIGNATURE_CHECKS, case["id"]

"""Each id of certificate.* and chain.*: made for real, told from its look-alikes, and in pairs.

One chain of three authorities is below every row, so that two faults can always be put in two
places: leaf, First CA, Second CA, Third CA, root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final, Unpack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from fleetscan.causes import CATALOGUE, classify
from fleetscan.causes.model import Case, Confidence
from fleetscan.facts import parse_certificate_or_malformed
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.ocsp import staple_answer
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.revocation import RevocationAnswer, RevocationStatus, combine
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Alert, Checked, Origin, Stage
from tests.certificates import (
    CLIENT_AUTH,
    DAY,
    NOW,
    SERVER_AUTH,
    Changes,
    Issued,
    intermediate,
    leaf,
    name,
    resigned,
    root,
    spoiled,
)
from tests.chains import CRITICAL, ELSEWHERE
from tests.facts_builder import NAME, case, confirmed
from tests.ocsp_answers import answer, revoked

ROOT: Final = root()
STRANGER: Final = root("Stranger")
PROMISE: Final = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)


INSIDE: Final = x509.NameConstraints([x509.DNSName("example.com")], None)
REFUSED_BY_US: Final[dict[str, Any]] = {
    "stage": Stage.CERTIFICATE,
    "history": "CsoxyL",
    "completed": False,
    "confirmed_by": None,
    "key_proof": Checked.NO,
    "alert": Alert(origin=Origin.LOCAL, level=2, description=51),
}
"""What CertificateVerify by another key leaves of a handshake: our decrypt_error(51)."""

PROVEN, OBSERVED = Confidence.PROVEN, Confidence.OBSERVED

Fault = Callable[["Scene"], "Scene"]


def revoking(own: Issued, issuer: Issued) -> bytes:
    """A staple that says revoked."""
    return answer(own, issuer, revoked())


def strangers(own: Issued, issuer: Issued) -> bytes:
    """A staple that says revoked and is signed by somebody else."""
    return answer(own, issuer, revoked(), signer=STRANGER)


def outdated(own: Issued, issuer: Issued) -> bytes:
    """A staple that said revoked until yesterday."""
    week = 7 * DAY
    return answer(own, issuer, revoked(), this_update=NOW - week, next_update=NOW - DAY)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a server sends and how, and what is known here.

    Args:
        leaf: changes to the leaf; `first` and `second` to the authorities above it.
        extra: extensions of the leaf beyond the usual.
        self_signed: the leaf is its own issuer and all that is sent.
        sha1: the leaf is signed with SHA-1.
        bad_link: whether the First CA was changed after it was signed.
        sends_third: whether the Third CA is among what is sent.
        sends_root: whether the root is.
        knows_third: whether it is known here from elsewhere.
        trusted: whether the root is an anchor here; `anchors_leaf`: whether the leaf is.
        bad_key: whether the server signs with another key than the certificate's.
        staple: makes the stapled answer about the leaf, given the leaf and its issuer.
        asked: what a responder said that was asked.
        unreadable: whether the Third CA is sent, last, without its last octet;
            `leaf_unreadable`: whether the leaf is.
        name: the name that was asked for.
    """

    leaf: Changes = field(default_factory=Changes)
    first: Changes = field(default_factory=Changes)
    second: Changes = field(default_factory=Changes)
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    self_signed: bool = False
    sha1: bool = False
    bad_link: bool = False
    sends_third: bool = True
    sends_root: bool = False
    knows_third: bool = False
    trusted: bool = True
    anchors_leaf: bool = False
    bad_key: bool = False
    staple: Callable[[Issued, Issued], bytes] | None = None
    asked: RevocationStatus | None = None
    unreadable: bool = False
    leaf_unreadable: bool = False
    name: str | None = NAME

    def case(self) -> Case:
        """The case that a scan of this server makes."""
        third = intermediate(ROOT, "Third CA")
        second = intermediate(third, "Second CA", **self.second)
        first = intermediate(second, "First CA", **self.first)
        first = spoiled(first) if self.bad_link else first
        own = self._leaf(first)
        chain = [own]
        if not self.self_signed:
            chain += [first, second, *([third] if self.sends_third else [])]
            chain += [ROOT] if self.sends_root else []
        octets = [one.der for one in chain] + ([third.der[:-1]] if self.unreadable else [])
        octets[0] = octets[0][:-1] if self.leaf_unreadable else octets[0]
        path = self._path([] if self.leaf_unreadable else chain, [third])
        staple = self.staple(own, first) if self.staple is not None else b""
        asked = self.asked and RevocationAnswer(status=self.asked, source="ocsp")
        answers = [each for each in (staple_answer(staple, path, now=NOW), asked) if each]
        facts = confirmed(
            certificates=tuple(parse_certificate_or_malformed(one) for one in octets),
            certificates_sent=len(octets),
            ocsp_response=staple,
        )
        return case(
            replace(facts, **REFUSED_BY_US) if self.bad_key else facts,
            path=path,
            reference_name=self.name,
            now=float(NOW),
            revocation=combine(answers) if answers else None,
        )

    def _path(self, chain: list[Issued], elsewhere: list[Issued]) -> PathAssessment:
        known = AuthorityStore()
        known.add([one.parsed for one in elsewhere if self.knows_third])
        anchors = [ROOT] if self.trusted else []
        anchors += chain[:1] if self.anchors_leaf else []
        return assess(
            [one.parsed for one in chain],
            reference_name=self.name,
            now=NOW,
            trust=TrustStore([one.parsed for one in anchors]),
            authorities=known,
        )

    def _leaf(self, issuer: Issued) -> Issued:
        made = leaf(None if self.self_signed else issuer, **(self.leaf | Changes(extra=self.extra)))
        if not self.sha1:
            return made
        return resigned(made, made if self.self_signed else issuer, digest=hashes.SHA1())


def told(scene: Scene) -> dict[str, Confidence]:
    """Every cause of the verdict, with its confidence."""
    return {cause.entry.id: cause.match.confidence for cause in classify(scene.case()).causes}


def served(**changes: Unpack[Changes]) -> Fault:
    """A fault of the leaf."""
    return lambda scene: replace(scene, leaf=scene.leaf | changes)


def first(**changes: Unpack[Changes]) -> Fault:
    """A fault of the authority above the leaf."""
    return lambda scene: replace(scene, first=scene.first | changes)


def second(**changes: Unpack[Changes]) -> Fault:
    """A fault of the authority above that one."""
    return lambda scene: replace(scene, second=scene.second | changes)


def carrying(extension: tuple[x509.ExtensionType, bool]) -> Fault:
    """One more extension of the leaf."""
    return lambda scene: replace(scene, extra=(*scene.extra, extension))


def made(**changes: Any) -> Fault:  # noqa: ANN401
    """Anything else about the scene."""
    return lambda scene: replace(scene, **changes)


FAULTS: Final[dict[str, tuple[Fault, Confidence]]] = {
    "certificate.expired": (served(not_after=NOW - 1), PROVEN),
    "certificate.not_yet_valid": (served(not_before=NOW + 1), PROVEN),
    "certificate.name_mismatch": (served(san=["a.example"]), PROVEN),
    "certificate.self_signed": (made(self_signed=True), PROVEN),
    "certificate.revoked": (made(staple=revoking), PROVEN),
    "certificate.must_staple_missing": (carrying(PROMISE), OBSERVED),
    "certificate.wrong_purpose": (served(extended=[CLIENT_AUTH]), PROVEN),
    "certificate.weak_key": (served(kind="P-192"), PROVEN),
    "certificate.weak_signature": (made(sha1=True), PROVEN),
    "certificate.key_mismatch": (made(bad_key=True), OBSERVED),
    "certificate.unknown_critical_extension": (carrying(CRITICAL), PROVEN),
    "certificate.malformed": (made(leaf_unreadable=True), OBSERVED),
    "chain.incomplete": (made(sends_third=False, knows_third=True), PROVEN),
    "chain.untrusted_root": (made(trusted=False, sends_root=True), PROVEN),
    "chain.unknown_issuer": (made(sends_third=False), OBSERVED),
    "chain.ca_expired": (first(not_after=NOW - 1), PROVEN),
    "chain.ca_not_yet_valid": (second(not_before=NOW + 1), PROVEN),
    "chain.invalid_ca": (first(ca=False), PROVEN),
    "chain.name_constraints": (second(constraints=ELSEWHERE), PROVEN),
    "chain.bad_signature": (made(bad_link=True), PROVEN),
}
"""By the id: what makes it, and how sure it then is when it is alone."""


def test_the_table_has_every_id() -> None:
    """causes.md's families of certificates and chains, whole."""
    ids = {entry.id for entry in CATALOGUE if entry.family in ("certificate", "chain")}

    assert set(FAULTS) == ids


@pytest.mark.parametrize("cause_id", FAULTS)
def test_one_fault_is_one_cause(cause_id: str) -> None:
    """It, alone, and as sure as it can be."""
    fault, confidence = FAULTS[cause_id]

    assert told(fault(Scene())) == {cause_id: confidence}


@pytest.mark.parametrize("sends_root", [False, True])
def test_no_fault_is_no_cause(sends_root: bool) -> None:
    """A sent root is superfluous and no failure."""
    assert told(Scene(sends_root=sends_root)) == {}


# -- look-alikes ---------------------------------------------------------------------------

LOOK_ALIKES: Final[dict[str, list[tuple[str, Fault, tuple[str, ...]]]]] = {
    "certificate.expired": [
        ("its last second", served(not_after=NOW), ()),
        ("not valid yet", served(not_before=NOW + 1), ("certificate.not_yet_valid",)),
        ("its authority", first(not_after=NOW - 1), ("chain.ca_expired",)),
    ],
    "certificate.not_yet_valid": [
        ("its first second", served(not_before=NOW), ()),
        ("expired", served(not_after=NOW - 1), ("certificate.expired",)),
        ("its authority", second(not_before=NOW + 1), ("chain.ca_not_yet_valid",)),
    ],
    "certificate.name_mismatch": [
        ("a wildcard", served(san=["*.example.com"]), ()),
        ("one of several", served(san=["a.example", NAME]), ()),
        ("no name was given", lambda s: replace(served(san=["a.b"])(s), name=None), ()),
        ("its authority forbids it", second(constraints=ELSEWHERE), ("chain.name_constraints",)),
    ],
    "certificate.self_signed": [
        ("a private root", made(trusted=False, sends_root=True), ("chain.untrusted_root",)),
        ("its issuer is not sent", made(sends_third=False), ("chain.unknown_issuer",)),
        ("its issuer's name is its own", served(issuer_name=name(NAME)), ("chain.unknown_issuer",)),
        ("it is anchored", made(self_signed=True, anchors_leaf=True), ()),
    ],
    "certificate.revoked": [
        ("good", made(staple=answer), ()),
        ("a stranger's word", made(staple=strangers), ()),
        ("out of date", made(staple=outdated), ()),
        ("unknown", made(asked=RevocationStatus.UNKNOWN), ()),
    ],
    "certificate.must_staple_missing": [
        ("nothing was promised", made(), ()),
        ("it came", lambda s: replace(carrying(PROMISE)(s), staple=answer), ()),
        (
            "it came and says revoked",
            lambda s: replace(carrying(PROMISE)(s), staple=revoking),
            ("certificate.revoked",),
        ),
    ],
    "certificate.wrong_purpose": [
        ("one purpose of two", served(extended=[CLIENT_AUTH, SERVER_AUTH]), ()),
        ("no purpose is named", served(extended=None), ()),
        ("its authority may not", first(ca=False), ("chain.invalid_ca",)),
    ],
    "certificate.weak_key": [
        ("224 bits", served(kind="P-224"), ()),
        ("2,048 bits", served(kind="RSA-2048"), ()),
        ("its signature", made(sha1=True), ("certificate.weak_signature",)),
    ],
    "certificate.weak_signature": [
        ("SHA-224", served(digest=hashes.SHA224()), ()),
        ("its key", served(kind="P-192"), ("certificate.weak_key",)),
        ("it does not hold", made(bad_link=True), ("chain.bad_signature",)),
        (
            "of one that signed itself",
            made(self_signed=True, sha1=True),
            ("certificate.self_signed",),
        ),
    ],
    "certificate.key_mismatch": [
        ("a link of the chain", made(bad_link=True), ("chain.bad_signature",)),
    ],
    "certificate.unknown_critical_extension": [
        ("not critical", carrying((CRITICAL[0], False)), ()),
        ("unreadable", made(leaf_unreadable=True), ("certificate.malformed",)),
    ],
    "certificate.malformed": [
        ("what no path needs", made(unreadable=True), ()),
        (
            "what no path needs beside another fault",
            lambda s: replace(served(not_after=NOW - 1)(s), unreadable=True),
            ("certificate.expired",),
        ),
        ("an extension", carrying(CRITICAL), ("certificate.unknown_critical_extension",)),
    ],
    "chain.incomplete": [
        ("in hand and sent too", made(knows_third=True), ()),
        ("the root is not sent", made(sends_root=False), ()),
        ("it is not in hand", made(sends_third=False), ("chain.unknown_issuer",)),
        ("a private root", made(trusted=False, sends_root=True), ("chain.untrusted_root",)),
    ],
    "chain.untrusted_root": [
        ("it is trusted", made(sends_root=True), ()),
        ("it is not sent", made(trusted=False), ("chain.unknown_issuer",)),
        ("of its own", made(self_signed=True), ("certificate.self_signed",)),
    ],
    "chain.unknown_issuer": [
        ("it is in hand", made(sends_third=False, knows_third=True), ("chain.incomplete",)),
        ("of its own", made(self_signed=True), ("certificate.self_signed",)),
        ("it did not sign", made(bad_link=True), ("chain.bad_signature",)),
    ],
    "chain.ca_expired": [
        ("its last second", first(not_after=NOW), ()),
        ("not valid yet", first(not_before=NOW + 1), ("chain.ca_not_yet_valid",)),
        ("the leaf", served(not_after=NOW - 1), ("certificate.expired",)),
        (
            "the leaf as well",
            lambda s: first(not_after=NOW - 1)(served(not_after=NOW - 1)(s)),
            ("certificate.expired",),
        ),
    ],
    "chain.ca_not_yet_valid": [
        ("its first second", second(not_before=NOW), ()),
        ("expired", second(not_after=NOW - 1), ("chain.ca_expired",)),
        ("the leaf", served(not_before=NOW + 1), ("certificate.not_yet_valid",)),
    ],
    "chain.invalid_ca": [
        ("just long enough", second(path_len=1), ()),
        ("one too many", second(path_len=0), ("chain.invalid_ca",)),
        ("the leaf", served(extended=[CLIENT_AUTH]), ("certificate.wrong_purpose",)),
    ],
    "chain.name_constraints": [
        ("inside", second(constraints=INSIDE), ()),
        ("another name", served(san=["a.example"]), ("certificate.name_mismatch",)),
        ("it may not at all", first(ca=False), ("chain.invalid_ca",)),
    ],
    "chain.bad_signature": [
        ("of the handshake", made(bad_key=True), ("certificate.key_mismatch",)),
        ("with a weak hash", made(sha1=True), ("certificate.weak_signature",)),
        ("its issuer is not sent", made(sends_third=False), ("chain.unknown_issuer",)),
    ],
}
"""By the id: what could be taken for it, and what that is."""


def test_every_id_has_look_alikes() -> None:
    """Each is told from something."""
    assert set(LOOK_ALIKES) == set(FAULTS)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(fault, expected, id=f"{cause_id}: {what}")
        for cause_id, rows in LOOK_ALIKES.items()
        for what, fault, expected in rows
    ],
)
def test_a_look_alike_is_what_it_is(fault: Fault, expected: tuple[str, ...]) -> None:
    """Not the cause that it resembles."""
    assert tuple(told(fault(Scene()))) == expected


# -- two at once -----------------------------------------------------------------------------

ONLY_LEAF: Final = "what signed itself has nothing above it"
HIDES: Final = {
    ("certificate.expired", "certificate.not_yet_valid"): "nothing can be both",
    (
        "certificate.expired",
        "chain.ca_expired",
    ): "it counts while the leaf is valid",
    ("certificate.not_yet_valid", "chain.ca_not_yet_valid"): "likewise",
    ("certificate.self_signed", "certificate.revoked"): ONLY_LEAF,
    (
        "certificate.self_signed",
        "certificate.weak_signature",
    ): "nobody judges it",
    ("certificate.revoked", "certificate.must_staple_missing"): "a staple that says so has come",
    ("chain.incomplete", "chain.unknown_issuer"): "what is missing is in hand or it is not",
    ("chain.untrusted_root", "chain.unknown_issuer"): "the root is known or it is not",
    **{
        ("certificate.self_signed", each): ONLY_LEAF for each in FAULTS if each.startswith("chain.")
    },
}
"""Pairs that cannot be, each with the reason."""

BESIDE_A_SOUND_PATH: Final = {
    "certificate.name_mismatch",
    "certificate.must_staple_missing",
    "certificate.key_mismatch",
}

OF_READABLE_LEAVES: Final = [each for each in FAULTS if each != "certificate.malformed"]

PAIRS: Final = [pair for pair in combinations(OF_READABLE_LEAVES, 2) if pair not in HIDES]


def test_nearly_every_pair_is_asked() -> None:
    """19 ids give 171 pairs, and each that is left out is one."""
    assert len(PAIRS) == 171 - len(HIDES) == 155


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_faults_are_exactly_both(one: str, other: str) -> None:
    """Neither hides the other, nothing is added, and what was proven alone is proven still.

    But for one: that a certificate is revoked is proven while its path is sound.
    """
    scene = FAULTS[other][0](FAULTS[one][0](Scene()))
    expected = {each: FAULTS[each][1] for each in (one, other)}
    if "certificate.revoked" in expected and BESIDE_A_SOUND_PATH.isdisjoint(expected):
        expected["certificate.revoked"] = OBSERVED

    assert told(scene) == expected


def test_three_faults_are_exactly_three() -> None:
    """Every three of which each two can be."""
    threes = [
        three
        for three in combinations(OF_READABLE_LEAVES, 3)
        if HIDES.keys().isdisjoint(combinations(three, 2))
    ]
    for three in threes:
        scene = Scene()
        for each in three:
            scene = FAULTS[each][0](scene)
        assert set(told(scene)) == set(three)

    assert len(threes) == 750


def test_revoked_and_no_staple_where_the_responder_was_asked() -> None:
    """Two promises broken: the answer did not come along, and it says revoked."""
    scene = Scene(extra=(PROMISE,), asked=RevocationStatus.REVOKED)

    assert set(told(scene)) == {"certificate.revoked", "certificate.must_staple_missing"}


@pytest.mark.parametrize("other", ["chain.incomplete", "chain.unknown_issuer"])
def test_what_cannot_be_read_may_be_what_is_missing(other: str) -> None:
    """The certificate stands where the missing one belongs: suspected, beside what is sure."""
    fault, confidence = FAULTS[other]
    expected = {other: confidence, "certificate.malformed": Confidence.SUSPECTED}

    assert told(fault(Scene(unreadable=True))) == expected


NEEDS_THE_LEAF: Final = {"certificate.malformed", "certificate.key_mismatch"}


@pytest.mark.parametrize("other", sorted(set(FAULTS) - NEEDS_THE_LEAF))
def test_a_leaf_that_cannot_be_read_is_all_that_can_be_said(other: str) -> None:
    """Whatever else is wrong with it, nobody can know; no key, no check of the handshake's."""
    scene = replace(FAULTS[other][0](Scene()), leaf_unreadable=True)

    assert told(scene) == {"certificate.malformed": OBSERVED}

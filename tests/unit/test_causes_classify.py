"""`classify` is pure, whole and never raises; `unknown` is what is left and nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan._parse import ParseFault
from fleetscan.causes import CATALOGUE, FAMILY_ORDER, classify
from fleetscan.causes.evidence import VALUE_LENGTH, established
from fleetscan.causes.local import UNKNOWN
from fleetscan.causes.model import Case, Confidence, Severity, Verdict
from fleetscan.errors import ParseError
from fleetscan.facts import HandshakeFacts, MalformedCertificate, Timings
from fleetscan.pki.assessment import PathAssessment, PathProblem, Problem
from fleetscan.pki.policy import Rule
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus, combine
from fleetscan.vocabulary import (
    STARTTLS_KINDS,
    Alert,
    Checked,
    ConfirmedBy,
    EndedBy,
    IcmpError,
    Origin,
    ResolveFailure,
    Stage,
)
from tests.certificates import NOW, intermediate, leaf, root
from tests.facts_builder import NAMELESS, OFFER, alerted, case, confirmed, ended, facts, spoke

IDS = {entry.id for entry in CATALOGUE}
ROOT = root()
CA = intermediate(ROOT)
CERTIFICATES = (leaf(CA).parsed, CA.parsed, ROOT.parsed)
BROKEN = MalformedCertificate(
    sha256="00" * 32, octets=3, error=ParseError(ParseFault.TRUNCATED, "version", 1)
)

codes = st.integers(0, 0xFFFF)
hostile = st.text(max_size=40)

alerts = st.builds(
    Alert,
    origin=st.sampled_from(Origin),
    level=st.integers(0, 255),
    description=st.one_of(st.sampled_from([0, 40, 42, 70, 80, 90, 112, 116]), st.integers(0, 255)),
)
icmps = st.builds(
    IcmpError,
    family=st.integers(0, 99),
    type=st.integers(0, 255),
    code=st.integers(0, 255),
    offender=st.one_of(st.sampled_from(["192.0.2.1", "2001:db8::1"]), hostile),
)
errors = st.builds(
    ParseError, st.sampled_from(ParseFault), st.sampled_from(["random", "serialNumber"]), codes
)
chains = st.lists(st.sampled_from([*CERTIFICATES, BROKEN]), max_size=4).map(tuple)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The strategy's values, or None."""
    return st.one_of(st.none(), strategy)


any_facts = st.builds(
    HandshakeFacts,
    stage=st.sampled_from(Stage),
    ended_by=maybe(st.sampled_from(EndedBy)),
    errno=maybe(st.integers(-1, 200)),
    icmp=maybe(icmps),
    resolve_failure=maybe(st.sampled_from(ResolveFailure)),
    resolve_detail=hostile,
    offer=st.sampled_from([None, OFFER, NAMELESS]),
    history=st.text(alphabet="CsoxrkfynXFGLltd", max_size=10),
    octets_received=st.sampled_from([0, 1, 7, 4_000]),
    first_octets=st.one_of(
        st.binary(max_size=30), st.sampled_from([b"SSH-2.0-x", b"HTTP/1.1 403 x", b"220 mail SMTP"])
    ),
    spoke_first=st.booleans(),
    is_tls=st.sampled_from(Checked),
    starttls=st.sampled_from(["none", *STARTTLS_KINDS]),
    starttls_refusal=st.one_of(st.just(""), hostile),
    starttls_agreed=st.sampled_from(Checked),
    starttls_offered=st.sampled_from(Checked),
    starttls_octets=st.sampled_from([0, 7]),
    alert=maybe(alerts),
    violation=st.one_of(st.just(""), st.sampled_from(["bad_finished", "decode_error"])),
    parse_error=maybe(errors),
    version=maybe(st.one_of(st.sampled_from([0x0301, 0x0303, 0x0304]), codes)),
    cipher_suite=maybe(st.one_of(st.sampled_from([0x1301, 0xC013, 0x0005]), codes)),
    group=maybe(codes),
    signature_scheme=maybe(codes),
    alpn=hostile,
    compression_method=maybe(st.integers(0, 255)),
    renegotiation_info=st.booleans(),
    dh_prime_bits=maybe(st.integers(0, 20_000)),
    certificates=chains,
    certificates_sent=st.integers(0, 100),
    ocsp_response=st.binary(max_size=3),
    key_proof=st.sampled_from(Checked),
    client_certificate_requested=st.booleans(),
    client_certificate_sent=st.booleans(),
    completed=st.booleans(),
    confirmed_by=maybe(st.sampled_from(ConfirmedBy)),
    timings=st.builds(Timings, total=st.floats(0, 1e6)),
)
problems = st.builds(
    Problem,
    kind=st.sampled_from(PathProblem),
    rule=st.sampled_from(Rule),
    certificate=st.sampled_from(CERTIFICATES),
    detail=hostile,
    repair=maybe(st.sampled_from(CERTIFICATES)),
)
paths = st.builds(
    PathAssessment,
    path=st.just(CERTIFICATES),
    trusted=st.sampled_from(Checked),
    name=st.sampled_from(Checked),
    problems=st.lists(problems, max_size=4).map(tuple),
)
seconds = st.one_of(st.none(), st.integers(-(10**12), 10**12))
answers = st.builds(
    RevocationAnswer,
    status=st.sampled_from(RevocationStatus),
    source=st.sampled_from(["stapled", "ocsp", "crl"]),
    reason=st.sampled_from(["", *Reason]),
    detail=hostile,
    this_update=seconds,
    next_update=seconds,
    revoked_at=seconds,
    revocation_reason=hostile,
    url=hostile,
)
cases = st.builds(
    Case,
    facts=any_facts,
    path=maybe(paths),
    reference_name=maybe(hostile),
    address=st.just("127.0.0.1"),
    port=st.integers(0, 65_535),
    now=st.one_of(st.just(float(NOW)), st.floats(-1e11, 1e11)),
    listed=st.booleans(),
    internal_error=st.one_of(st.just(""), hostile),
    revocation=maybe(st.lists(answers, max_size=3).map(combine)),
)


def assert_sound(verdict: Verdict) -> None:
    """What holds of every verdict, whatever the facts."""
    for cause in verdict.causes + verdict.findings:
        assert cause.entry.id in IDS
        assert set(cause.match.evidence) <= set(cause.entry.evidence)
        for value in (*cause.match.evidence.values(), *cause.match.remedy_values):
            assert isinstance(value, str) and value
            assert value.isprintable()
            assert len(value) <= VALUE_LENGTH
        assert set(cause.match.alternatives) <= IDS - {cause.entry.id}
        if cause.match.confidence is Confidence.SUSPECTED:
            assert cause.match.missing
        if cause.match.confidence is Confidence.PROVEN:
            assert cause.match.basis.kind == "repair"
    ids = [cause.entry.id for cause in verdict.causes]
    assert len(set(ids)) == len(ids)
    places = [(FAMILY_ORDER.index(c.entry.family), -c.severity.rank) for c in verdict.causes]
    assert places == sorted(places)
    assert all(cause.entry.family == "finding" for cause in verdict.findings)
    assert all(cause.entry.family != "finding" for cause in verdict.causes)
    assert (verdict.outcome == "established") == (not verdict.causes)
    gravest = max((c.severity.rank for c in verdict.causes + verdict.findings), default=0)
    assert verdict.severity.rank == gravest


@settings(max_examples=150)
@given(cases)
def test_every_case_has_a_sound_verdict(seen: Case) -> None:
    """Whatever was seen: no exception, no undeclared evidence, no unprintable text."""
    assert_sound(classify(seen))


@settings(max_examples=50)
@given(cases)
def test_a_verdict_depends_on_its_case_alone(seen: Case) -> None:
    """Asked twice, with others in between, the answer is the same."""
    first = classify(seen)
    classify(case(ended(EndedBy.RST)))

    assert classify(seen) == first


def test_the_order_of_targets_does_not_matter() -> None:
    """Verdicts never depend on the order of targets: a permutation shows it."""
    seen = [
        case(ended(EndedBy.RST)),
        case(alerted(40)),
        case(spoke(b"SSH-2.0-x\r\n")),
        case(confirmed(certificates=CERTIFICATES), now=float(NOW)),
        case(facts(stage=Stage.RESOLVE, offer=None, resolve_failure=ResolveFailure.NOT_FOUND)),
    ]
    straight = [classify(each) for each in seen]
    order = list(range(len(seen)))
    random.Random(2026).shuffle(order)
    mixed = {index: classify(seen[index]) for index in order}

    assert [mixed[index] for index in range(len(seen))] == straight


def test_what_fits_no_cause_is_unknown_with_all_facts() -> None:
    """An end by us for no reason that anybody knows of: every fact is kept."""
    seen = facts(ended_by=EndedBy.US, history="Cs", version=0x0304, cipher_suite=0x1301)
    verdict = classify(case(seen))
    (cause,) = verdict.causes

    assert cause.entry is UNKNOWN
    assert verdict.outcome == "failed"
    assert cause.match.evidence["history"] == "Cs"
    assert cause.match.evidence["version"] == "0x0304"
    assert cause.match.evidence["ended_by"] == "us"


@settings(max_examples=100)
@given(cases)
def test_unknown_is_never_beside_another_cause(seen: Case) -> None:
    """It is what is left, and never said of a handshake that was established."""
    ids = [cause.entry.id for cause in classify(seen).causes]

    if "unknown" in ids:
        assert ids == ["unknown"]
        assert seen.facts.confirmed_by is None


def test_an_established_handshake_is_information() -> None:
    """Nothing wrong and nothing to know: info."""
    verdict = classify(case(confirmed()))

    assert (verdict.outcome, verdict.severity) == ("established", Severity.INFO)
    assert verdict.causes == verdict.findings == ()


@pytest.mark.parametrize(
    ("hidden", "shown", "seen"),
    [
        (
            "server.protocol_violation",
            "certificate.key_mismatch",
            alerted(51, origin=Origin.LOCAL, key_proof=Checked.NO, version=0x0304),
        ),
        (
            "server.protocol_violation",
            "version.too_old",
            alerted(70, origin=Origin.LOCAL, version=0x0301, violation="version_not_offered"),
        ),
        (
            "server.protocol_violation",
            "key_exchange.weak_dh",
            alerted(71, origin=Origin.LOCAL, version=0x0303, dh_prime_bits=1_024),
        ),
        (
            "server.stalled",
            "client_auth.required",
            confirmed(
                confirmed_by=None,
                ended_by=EndedBy.FIN,
                stage=Stage.CLIENT_FINISHED,
                history="CsorxyfXF",
                client_certificate_requested=True,
            ),
        ),
    ],
)
def test_a_neighbour_is_left_out_only_where_its_entry_says_so(
    hidden: str, shown: str, seen: HandshakeFacts
) -> None:
    """Both matchers hold; the entry of the weaker names the stronger in `hidden_by`."""
    by_id = {entry.id: entry for entry in CATALOGUE}
    match = by_id[hidden].match
    assert match is not None
    ids = [cause.entry.id for cause in classify(case(seen)).causes]

    assert match(case(seen)) is not None
    assert shown in by_id[hidden].hidden_by
    assert shown in ids and hidden not in ids


def test_our_own_side_silences_the_rest() -> None:
    """EMFILE in the middle of a handshake says nothing about the certificate."""
    path = PathAssessment(
        path=CERTIFICATES[:1],
        trusted=Checked.NO,
        name=Checked.NO,
        problems=(
            Problem(kind=PathProblem.EXPIRED, rule=Rule.VALIDITY, certificate=CERTIFICATES[0]),
        ),
    )
    verdict = classify(case(ended(EndedBy.RST, errno=24), path=path))

    assert [cause.entry.id for cause in verdict.causes] == ["local.exhausted"]
    assert verdict.outcome == "error"


@settings(max_examples=150)
@given(cases)
def test_an_established_handshake_has_no_cause_of_failing_ones(seen: Case) -> None:
    """`classify` asks fewer matchers of a handshake that worked; the others would say no."""
    if not established(seen.facts):
        return
    families = {"internal", "local", "version", "cipher", "key_exchange", "chain"}
    families |= {"certificate", "finding"}

    for entry in CATALOGUE:
        if entry.match is not None and entry.family not in families:
            assert entry.match(seen) is None, entry.id

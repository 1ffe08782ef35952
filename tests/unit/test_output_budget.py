"""Lines of at most 8,000 octets, whatever peers send."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.causes import CATALOGUE
from fleetscan.causes.model import Cause
from fleetscan.limits import MAX_LINE
from fleetscan.output.budget import encode_line, fit
from fleetscan.output.envelope import certificate_line
from tests.certificates import intermediate, leaf, name, root
from tests.unit.output_examples import RUN, cause, facts, record, target, validated, verdict

ANYTHING = st.text(max_size=400) | st.text('\x00\x1b"\\\u202eé\U0001f512', max_size=2_000)


def hostile_leaf(**changes: Any) -> Any:  # noqa: ANN401
    """A certificate with 3,000 names and long names of its own."""
    return leaf(
        intermediate(root("Corp Root"), "i" * 60),
        name("c" * 60, organization_name="o" * 60, locality_name="\u202e" * 60),
        san=[f"{'n' * 60}.{number}.corp" for number in range(3_000)],
        **changes,
    ).parsed


def test_a_line_that_fits_is_left_alone() -> None:
    """Nothing is cut, nothing is named, and no copy is made."""
    line = record(verdict(cause("certificate.expired")))

    assert fit(line) is line
    assert validated(encode_line(line))["truncated"] == []


def test_thousands_of_names_make_a_line_like_any_other() -> None:
    """The first 20 are shown and the count says the rest; long ones give way first."""
    line = validated(encode_line(record(facts=facts(certificates=(hostile_leaf(),)))))

    assert line["certificate"]["san_count"] == 3_000
    assert len(line["certificate"]["san"]) == 20


def test_what_is_cut_is_named_and_rules_still_hold() -> None:
    """Ids, stage, outcome and cause survive any cut; the fields that lost are named in order."""
    told = verdict(
        *(
            cause(each, evidence={"names": "\u00e9" * 1_000})
            for each in ("certificate.expired",) * 3
        ),
        findings=(cause("finding.wildcard", evidence={"name": "x" * 1_000}),) * 3,
    )
    labels = {f"{number:02}": "v" * 250 for number in range(32)}
    whole = record(told, target=target(labels=labels), facts=facts(certificates=(hostile_leaf(),)))
    line = validated(encode_line(whole))

    for key in ("id", "target", "outcome", "stage", "cause", "cause_ids", "proven_cause_ids"):
        if key != "target":
            assert line[key] == whole[key], key
    assert line["target"]["id"] == whole["target"]["id"]
    assert line["truncated"][:3] == ["certificate.san", "causes.evidence", "findings.evidence"]
    assert "target.labels" in line["truncated"]
    assert whole["truncated"] == []


def test_cut_text_says_so_and_stays_text() -> None:
    """Text is cut between characters and ends in `...`."""
    told = verdict(*(cause("protocol.other", evidence={"banner": "\U0001f512" * 1_000}),) * 4)
    line = validated(encode_line(record(told)))

    banner = line["causes"][0]["evidence"]["banner"]
    assert banner.endswith("...")
    assert set(banner[:-3]) == {"\U0001f512"}
    assert len(banner.encode()) <= 200


def test_every_cause_at_once_with_everything_at_its_bound_fits() -> None:
    """The worst that the engine could hand on: more causes than can ever hold together."""
    told: list[Cause] = [
        cause(
            entry.id,
            evidence={key: '"' * 1_024 for key in entry.evidence},
            alternatives=("certificate.expired",) * 20,
            missing="\\" * 1_024,
            remedy_values=("\\" * 1_024,) * 20,
        )
        for entry in CATALOGUE
        if not entry.id.startswith("finding.")
    ][:40]
    findings = tuple(cause(each.id) for each in CATALOGUE if each.id.startswith("finding."))
    chain = (hostile_leaf(), *(hostile_leaf(label=str(number)) for number in range(3))) * 16
    worst = record(
        verdict(*told, findings=findings),
        facts=facts(certificates=chain, alpn="\x00" * 255),
        target=target(
            input="\x00" * 60_000,
            server_name="s" * 253,
            reference_name="r" * 253,
            host="h" * 253,
            labels={"\x01" * 60 + f"{number:02}": "\x02" * 256 for number in range(32)},
        ),
    )

    assert len(encode_line(worst)) <= MAX_LINE + 1
    assert validated(encode_line(worst))


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), ANYTHING, max_size=8),
    st.dictionaries(st.text(min_size=1, max_size=16), st.text(max_size=64), max_size=32),
    ANYTHING,
)
def test_any_text_fits_and_conforms(
    evidence: dict[str, str], labels: dict[str, str], text: str
) -> None:
    """Any evidence, labels and input give one valid line within the bound."""
    told = verdict(*(cause("protocol.other", evidence=evidence, remedy_values=(text,)),) * 3)
    line = validated(encode_line(record(told, target=target(labels=labels, input=text))))

    assert line["cause"]["id"] == "protocol.other"


@pytest.mark.parametrize("count", [1, 300, 3_000])
def test_a_certificate_line_fits_whatever_is_in_it(count: int) -> None:
    """Names, constraints, policies and URLs by the thousand: one line, cut and named."""
    constraints = x509.NameConstraints(
        [x509.DNSName(f"{number}.{'p' * 50}.corp") for number in range(count)],
        [x509.DNSName(f"{number}.{'e' * 50}.corp") for number in range(count)],
    )
    policies = x509.CertificatePolicies(
        [
            x509.PolicyInformation(x509.ObjectIdentifier(f"1.3.6.1.4.1.55555.{number}"), None)
            for number in range(count)
        ]
    )
    points = x509.CRLDistributionPoints(
        [
            x509.DistributionPoint(
                [x509.UniformResourceIdentifier(f"http://crl.corp/{number}{'u' * 300}")],
                None, None, None,
            )
            for number in range(count)
        ]
    )  # fmt: skip
    found = leaf(
        intermediate(root("Corp Root"), "Corp CA"),
        name("c" * 60, organization_name="\u202e" * 60),
        san=[f"{number}.{'n' * 50}.corp" for number in range(count)],
        constraints=constraints,
        extra=[(policies, False), (points, False)],
    ).parsed
    line = validated(encode_line(certificate_line(RUN, found, at=0.0)))

    assert line["sha256"] == found.sha256
    assert line["san_count"] == count
    assert bool(line["truncated"]) == (count > 1)

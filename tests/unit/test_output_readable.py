"""Results as people read them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fleetscan.causes.model import Confidence
from fleetscan.fleet.summary import Summary
from fleetscan.output.readable import place_of, result_line, summary_lines
from tests.unit.output_examples import cause, record, target, verdict

REMEDY = "Renew {values}; then reload. More words."


def remedy(cause_id: str) -> str:
    """A remedy's text, as the catalogue has them."""
    return REMEDY


def test_a_failure_says_what_why_and_what_to_do() -> None:
    """Severity, place, cause, confidence, what decided, the other causes, the first step."""
    told = verdict(
        cause(
            "certificate.expired",
            evidence={"not_after": "2026-11-20T00:00:00Z", "sha256": "ab"},
            remedy_values=("CN=a.corp",),
        ),
        cause("certificate.name_mismatch"),
    )
    line = result_line(record(told), remedy=remedy)

    assert line.split("  ", 2)[0].strip() == "FAILED"
    assert re.split(r"\s{2,}", line) == [
        "FAILED",
        "high",
        "b.corp 10.4.2.17:443",
        "certificate.expired",
        "proven",
        "since 2026-11-20",
        "+ certificate.name_mismatch",
        "-> Renew CN=a.corp",
    ]


def test_a_success_says_what_was_negotiated() -> None:
    """Version, group, protocol, key and the day the certificate ends; findings behind."""
    line = result_line(record(verdict(findings=(cause("finding.wildcard"),))))

    assert line.startswith("ok ")
    for word in ("b.corp 10.4.2.17:443", "TLSv1.3", "x25519", "h2", "EC-P-256 until", "wildcard"):
        assert word in line


def test_a_skipped_target_says_why() -> None:
    """`excluded` or `interrupted`, in place of a cause."""
    line = result_line(record(facts=None, skipped="excluded", address="", probes=0))

    assert line.split() == ["skipped", "b.corp:443", "excluded"]


def test_lines_are_aligned() -> None:
    """The place begins at the same column whatever the outcome."""
    lines = [
        result_line(record()),
        result_line(record(facts=None, skipped="excluded")),
        result_line(record(verdict(cause("certificate.expired")))),
        result_line(record(verdict(cause("internal.error"), outcome="error"))),
    ]

    assert {line.index("b.corp") for line in lines} == {20}


def test_colour_only_when_asked_for_and_never_anything_else() -> None:
    """Without colour the line is printable; with it only SGR sequences are added."""
    hostile = "\x1b[2J\r\nok"
    told = verdict(cause("protocol.other", evidence={"banner": hostile}))
    plain = result_line(record(told), remedy=remedy)
    painted = result_line(record(told), remedy=remedy, colour=True)

    assert plain.isprintable()
    assert "\x1b[" in painted
    for sequence in ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"):
        painted = painted.replace(sequence, "")
    assert painted == plain


def test_long_evidence_does_not_flood_the_line() -> None:
    """What decided is cut; the JSON has the whole."""
    told = verdict(cause("protocol.other", evidence={"banner": "x" * 900}))

    assert len(result_line(record(told), remedy=remedy)) < 260


@pytest.mark.parametrize("width", [40, 80, 120, 200, 400])
def test_a_remedy_that_does_not_fit_the_terminal_stands_below(width: int) -> None:
    """What is wrong is whole on the first line; the advice is behind it or under the place."""
    told = verdict(cause("certificate.expired", evidence={"not_after": "2026-11-20T00:00:00Z"}))
    line = result_line(record(told), remedy=remedy)

    shown = result_line(record(told), remedy=remedy, width=width)

    if len(line) <= width:
        assert shown == line
    else:
        first, second = shown.split("\n")
        assert second == " " * 20 + line[len(first) + 2 :]


def test_a_place_is_name_and_address_or_what_there_is() -> None:
    """IPv6 stands in brackets; an address alone is shown once."""

    def place(address: str, **changes: Any) -> str:  # noqa: ANN401
        return place_of(record(target=target(**changes), address=address)["target"])

    assert place("10.4.2.17") == "b.corp 10.4.2.17:443"
    assert place("2001:db8::1") == "b.corp [2001:db8::1]:443"
    assert place("") == "b.corp:443"
    assert place("10.4.2.17", server_name="", reference_name=None) == "10.4.2.17:443"
    assert place("10.4.2.17", server_name="", reference_name="10.4.2.17") == "10.4.2.17:443"


def test_the_summary_goes_from_grave_to_harmless_and_frequent_to_rare() -> None:
    """Counts are exact, examples at most three, grave before frequent."""
    summary = Summary()
    for number in range(5):
        told = verdict(cause("connect.refused", confidence=Confidence.OBSERVED))
        summary.add(record(told, address=f"10.0.0.{number}"), emitted=True)
    summary.add(record(verdict(cause("certificate.key_mismatch"))), emitted=True)
    summary.add(record(verdict(cause("certificate.expired"))), emitted=True)
    summary.add(record(verdict(findings=(cause("finding.wildcard"),))), emitted=True)
    lines = list(
        summary_lines(
            summary.as_fields()["counts"],
            summary.causes_by_gravity(),
            summary.findings_by_gravity(),
            elapsed_s=3_700.0,
        )
    )

    assert lines[0] == "8 targets in 1 h 1 min: 1 established, 7 failed"
    rows = [line.split()[:3] for line in lines if line.startswith("  ")]
    assert rows == [
        ["severity", "count", "cause"],
        ["critical", "1", "certificate.key_mismatch"],
        ["high", "1", "certificate.expired"],
        ["medium", "5", "connect.refused"],
        ["severity", "count", "finding"],
        ["low", "1", "finding.wildcard"],
    ]
    refused = next(line for line in lines if "connect.refused" in line)
    assert refused.endswith("b.corp 10.0.0.0:443, b.corp 10.0.0.1:443, b.corp 10.0.0.2:443, ...")

"""Results as people read them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fleetscan.causes import CATALOGUE
from fleetscan.causes.model import Confidence
from fleetscan.fleet.summary import Summary
from fleetscan.output.phrases import _PHRASES, deciding_fact
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


def test_a_success_whose_path_was_not_settled_says_so() -> None:
    """Nobody takes it for a path that was found good."""
    line = result_line(record(verdict()) | {"limit": "paths", "not_checked": "1.2.3"})

    assert "path not settled: ended by the bound paths" in line
    assert "path not settled: cannot be checked here: 1.2.3" in line
    assert "settled" not in result_line(record(verdict()))


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


EXPIRED = verdict(
    cause(
        "certificate.expired",
        evidence={"not_after": "2026-11-20T00:00:00Z"},
        remedy_values=("CN=a.corp,O=Corp",),
    )
)


@pytest.mark.parametrize("width", [30, 40, 80, 120, 129, 130, 160, 200, 400])
def test_a_terminal_s_width_breaks_lines_between_their_parts(width: int) -> None:
    """The words are those of the one line, none runs over, all but the first are indented."""
    shown = result_line(record(EXPIRED), remedy=remedy, width=width)
    first, *below = shown.split("\n")

    assert shown.split() == result_line(record(EXPIRED), remedy=remedy).split()
    assert first.startswith("FAILED    high      b.corp 10.4.2.17:443")
    assert all(line.startswith(" " * 20) for line in below)
    assert max(map(len, (first, *below))) <= max(width, 42)


def test_a_narrow_terminal_has_the_cause_in_a_line_of_its_own() -> None:
    """Place, cause, remedy: each begins where the eye looks for it."""
    assert result_line(record(EXPIRED), remedy=remedy, width=80).split("\n") == [
        "FAILED    high      b.corp 10.4.2.17:443",
        "                    certificate.expired  proven  since 2026-11-20",
        "                    -> Renew CN=a.corp",
    ]


def test_on_a_wide_terminal_a_remedy_that_does_not_fit_stands_below() -> None:
    """What is wrong is whole on the first line."""
    line = result_line(record(EXPIRED), remedy=remedy)

    assert result_line(record(EXPIRED), remedy=remedy, width=len(line)) == line
    assert result_line(record(EXPIRED), remedy=remedy, width=len(line) - 1).split("\n") == [
        line[: line.index("  ->")],
        "                    -> Renew CN=a.corp",
    ]


def test_colour_takes_no_columns() -> None:
    """A line breaks at the same places with colour and without."""
    for width in (60, 80, 150):
        plain = result_line(record(EXPIRED), remedy=remedy, width=width)
        painted = result_line(record(EXPIRED), remedy=remedy, width=width, colour=True)

        assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


@pytest.mark.parametrize(
    ("cause_id", "evidence", "told"),
    [
        (
            "chain.incomplete",
            {"subject": "CN=a.corp", "missing": "CN=CA 2,O=Corp,C=DE", "missing_sha256": "ab"},
            "CN=CA 2 is missing",
        ),
        ("chain.unknown_issuer", {"issuer": "O=Corp,OU=x+CN=Root\\, One,C=DE"}, "CN=Root\\, One"),
        ("chain.unknown_issuer", {"issuer": "OU=Class 3,O=Corp"}, "OU=Class 3,O=Corp"),
        ("certificate.weak_key", {"key": "RSA-1024", "subject": "CN=a"}, "RSA-1024 of CN=a"),
        ("protocol.other", {"protocol": "SSH", "banner": "{protocol}"}, "{protocol}"),
        ("protocol.other", {"protocol": "SSH", "banner": ""}, "SSH"),
        ("protocol.garbage", {"first_octets": "8f" * 64}, "begins with 8f8f8f8f8f8f8f8f"),
        ("server.silent_after_hello", {"elapsed_ms": "5004.2"}, "no octet in 5.0 s"),
        ("server.reset_after_hello", {"ended_by": "rst", "elapsed_ms": "3.6"}, "rst after 4 ms"),
        ("server.refused", {"alert": "handshake_failure(40)", "stage": "x"},
         "alert handshake_failure(40)"),
        ("certificate.name_mismatch", {"names": ", ".join(["long-name.example"] * 20)},
         "valid for " + "long-name.example, " * 4 + "..."),
    ],
)  # fmt: skip
def test_the_deciding_fact_is_told_in_few_words(
    cause_id: str, evidence: dict[str, str], told: str
) -> None:
    """One fact; of a name its CN (RFC 4514), of a list whole members, never half of one."""
    assert deciding_fact({"id": cause_id, "evidence": evidence}) == told


def test_phrases_use_evidence_that_their_entries_declare() -> None:
    """A phrase about evidence that no verdict has would never be shown."""
    declared = {entry.id: set(entry.evidence) for entry in CATALOGUE}

    for cause_id, phrases in _PHRASES.items():
        for phrase in phrases:
            assert set(re.findall(r"{(\w+)}", phrase)) <= declared[cause_id]


def test_the_summary_shows_as_many_examples_as_fit() -> None:
    """Whole ones, and one at least, however narrow the terminal."""
    summary = Summary()
    for number in range(3):
        summary.add(record(EXPIRED, address=f"10.0.0.{number}"), emitted=True)

    def examples(width: int) -> str:
        counted = summary.causes_by_gravity()
        counts = summary.as_fields()["counts"]
        lines = list(summary_lines(counts, counted, [], elapsed_s=1, width=width))
        return lines[-1].partition("certificate.expired  ")[2]

    assert examples(200).count("10.0.0.") == 3
    assert examples(80) == "b.corp 10.0.0.0:443, ..."
    assert examples(20) == "b.corp 10.0.0.0:443, ..."


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

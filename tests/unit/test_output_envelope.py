"""The lines of a run that are no results, and what is written at all."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError
from fleetscan.facts import MalformedCertificate
from fleetscan.fleet.summary import PrefixCounts, Summary
from fleetscan.output.budget import encode_line
from fleetscan.output.emit import Emission, is_emitted
from fleetscan.output.envelope import RunEnd, certificate_line, new_run_id, run_end, run_start
from tests.unit.output_examples import (
    ENDED_AT,
    RUN,
    cause,
    issued,
    record,
    target,
    validated,
    verdict,
)

END = RunEnd(at=ENDED_AT, elapsed_ms=61_000.5, status="complete")


def dark(number: int) -> dict[str, Any]:
    """An expanded address that refused, in 10.0.0.0/8."""
    address = f"10.{number >> 8 & 255}.{number & 255}.7"
    given = target(origin="expanded", host="", address=address, server_name="", input="10.0.0.0/8")
    return record(verdict(cause("connect.refused")), target=given, address=address, facts=None)


def test_a_run_id_is_the_minute_and_a_random_part() -> None:
    """2026-11-23T02:14Z, as a folder's name can be."""
    assert new_run_id(ENDED_AT, bytes.fromhex("a1b2c3d4")) == "20261123T0214Z-a1b2c3"


def test_run_start_says_what_runs() -> None:
    """Version, configuration and digest; the run's id comes first, for tailers."""
    line = validated(
        encode_line(
            run_start(
                RUN,
                at=ENDED_AT,
                version="0.1.0",
                configuration="ports=443 vantage=\x1b[31m",
                inventory_sha256="ab" * 32,
            )
        )
    )

    assert list(line)[:3] == ["schema", "type", "run_id"]
    assert line["configuration"] == "ports=443 vantage=\\x1b[31m"


def test_run_end_counts_by_outcome_and_cause() -> None:
    """A result with two causes counts for both; the totals are those of the results."""
    summary = Summary()
    two = verdict(cause("certificate.expired"), cause("certificate.name_mismatch"))
    summary.add(record(two), emitted=True)
    summary.add(record(verdict(cause("certificate.expired"))), emitted=True)
    summary.add(record(verdict(findings=(cause("finding.wildcard"),))), emitted=True)
    summary.add(record(facts=None, skipped="excluded", probes=0), emitted=True)
    line = validated(encode_line(run_end(RUN, summary.as_fields(), END)))

    assert line["counts"] == {
        "total": 4, "established": 1, "failed": 2, "skipped": 1, "error": 0,
    }  # fmt: skip
    assert line["causes"] == {"certificate.expired": 2, "certificate.name_mismatch": 1}
    assert line["findings"] == {"finding.wildcard": 1}
    assert line["probes"] == 3
    assert line["timings_ms"] == {"total": 61_000.5}
    assert "not_scanned" not in line


def test_what_was_not_written_is_counted_by_network_and_bounded() -> None:
    """The networks with most of it, and the rest as a number: never silently missing."""
    summary = Summary()
    for number in [*range(300), *[5] * 10]:
        summary.add(dark(number), emitted=False)
    line = validated(encode_line(run_end(RUN, summary.as_fields(), END)))

    left_out = line["not_emitted"]
    assert left_out["count"] == 310
    assert left_out["prefixes"][0] == {
        "prefix": "10.0.5.0/24", "count": 11, "causes": {"connect.refused": 11},
    }  # fmt: skip
    shown = sum(each["count"] for each in left_out["prefixes"])
    assert shown + left_out["other_count"] == 310
    assert len(left_out["prefixes"]) + left_out["other_prefixes"] == 300


def test_counting_networks_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound networks are counted together; nothing is lost from the total."""
    monkeypatch.setattr("fleetscan.fleet.summary.MAX_PREFIXES", 4)
    counts = PrefixCounts()
    for number in range(10):
        counts.add(f"2001:db8:{number:x}::1", "connect.timeout")
    counts.add("", "resolve.not_found")

    fields = counts.as_fields()
    assert [each["prefix"] for each in fields["prefixes"]] == [
        "2001:db8::/48", "2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48",
    ]  # fmt: skip
    assert (fields["count"], fields["other_count"]) == (11, 7)
    assert fields["other_prefixes"] >= 1


def test_run_end_fits_whatever_a_run_found() -> None:
    """Every cause of the catalogue and a thousand dark networks make one line."""
    from fleetscan.causes import CATALOGUE

    summary = Summary()
    for entry in CATALOGUE:
        summary.add(record(verdict(cause(entry.id))), emitted=True)
    for number in range(1_000):
        summary.add(dark(number), emitted=False)

    assert validated(encode_line(run_end(RUN, summary.as_fields(), END)))


def test_a_certificate_line_says_everything_that_is_in_it() -> None:
    """Fields as `cryptography` and hashlib read the same octets."""
    leaf, ca = issued()
    line = validated(encode_line(certificate_line(RUN, leaf.parsed, at=ENDED_AT)))
    authority = validated(encode_line(certificate_line(RUN, ca.parsed, at=ENDED_AT)))

    assert line["sha256"] == hashlib.sha256(leaf.der).hexdigest()
    assert line["octets"] == len(leaf.der)
    assert line["version"] == 3
    assert line["san"] == ["a.corp"]
    assert line["key_usage"] == ["digitalSignature"]
    assert line["extended_key_usage"] == ["serverAuth"]
    assert authority["key_usage"] == ["keyCertSign", "cRLSign"]
    assert authority["basic_constraints"]["ca"] is True
    assert line["authority_key_identifier"] == authority["subject_key_identifier"]
    assert line["truncated"] == []


def test_a_certificate_that_cannot_be_parsed_has_a_line_that_says_where() -> None:
    """Which rule, which field, which octet."""
    error = ParseError(ParseFault.TRUNCATED, "validity", 77)
    broken = MalformedCertificate(sha256="cd" * 32, octets=99, error=error)
    line = validated(encode_line(certificate_line(RUN, broken, at=ENDED_AT)))

    assert (line["fault"], line["field"], line["offset"]) == ("TRUNCATED", "validity", 77)


@pytest.mark.parametrize(
    ("origin", "cause_id", "written"),
    [
        ("listed", "connect.refused", {"all", "answered", "failed"}),
        ("listed", "certificate.expired", {"all", "answered", "failed"}),
        ("listed", None, {"all", "answered"}),
        ("expanded", "connect.timeout", {"all"}),
        ("expanded", "connect.refused", {"all"}),
        ("expanded", "certificate.expired", {"all", "answered", "failed"}),
        ("expanded", "server.silent_after_hello", {"all", "answered", "failed"}),
        ("expanded", None, {"all", "answered"}),
    ],
)
def test_what_is_written_depends_on_origin_and_cause(
    origin: str, cause_id: str | None, written: set[str]
) -> None:
    """result.md: the default leaves out `connect.*` of expanded addresses and nothing else."""
    told = verdict(cause(cause_id)) if cause_id else verdict()
    line = record(told, target=target(origin=origin))

    assert {each.value for each in Emission if is_emitted(line, each)} == written


def test_skipped_and_error_results_are_written_where_they_belong() -> None:
    """A skipped target is no failure; our own error is shown wherever failures are."""
    skipped = record(facts=None, skipped="excluded", target=target(origin="expanded"))
    broken = record(verdict(cause("internal.error"), outcome="error"))

    assert [is_emitted(skipped, each) for each in Emission] == [True, True, False]
    assert [is_emitted(broken, each) for each in Emission] == [True, True, True]

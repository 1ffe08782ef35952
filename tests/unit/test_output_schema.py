"""The schema that ships, and the page made from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fleetscan.output.schema import SCHEMA_ID, load_schema
from fleetscan.vocabulary import Checked, ClientAuth, ConfirmedBy, EndedBy, Stage
from tests.unit.output_examples import record, validator

PROJECT = Path(__file__).resolve().parents[2]


def objects(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """Every subschema that describes an object with named members."""
    if isinstance(value, dict):
        if "properties" in value and isinstance(value["properties"], dict):
            yield place, value
        for key, inner in value.items():
            yield from objects(inner, f"{place}/{key}")


def test_the_schema_is_one() -> None:
    """It conforms to draft 2020-12 itself."""
    schema = load_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == SCHEMA_ID


def test_no_object_takes_members_that_it_does_not_name() -> None:
    """A misspelt or undocumented field in a line is a failing test."""
    for place, found in objects(load_schema()):
        assert found["additionalProperties"] is False, place


def test_every_member_is_described() -> None:
    """The page is made from these words."""
    for place, found in objects(load_schema()):
        for name, member in found["properties"].items():
            known = member.keys() & {"description", "$ref", "const"}
            assert known or place.endswith("accepted"), f"{place}.{name}"


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (Stage, ("stage",)),
        (EndedBy, ("handshake", "properties", "ended_by")),
        (ConfirmedBy, ("handshake", "properties", "confirmed_by")),
        (ClientAuth, ("handshake", "properties", "client_auth")),
        (Checked, ("checks", "properties", "name")),
    ],
)
def test_closed_sets_are_those_of_the_vocabulary(words: Any, path: tuple[str, ...]) -> None:  # noqa: ANN401
    """A word added to the vocabulary must be added to the schema too."""
    found: Any = load_schema()["$defs"]
    for key in path:
        found = found[key]

    assert sorted(found["enum"]) == sorted(word.value for word in words)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outcome", "fine"),
        ("severity", None),
        ("time", "2026-11-23T02:14:07Z"),
        ("probes", -1),
        ("surprise", 1),
        ("schema", "fleetscan.result/2"),
        ("cause_ids", ["Certificate Expired"]),
        ("id", "AB" * 32),
    ],
)
def test_the_schema_refuses_what_is_no_result(key: str, value: object) -> None:
    """A validator that lets everything through would prove nothing."""
    line = record() | {key: value}

    assert not validator().is_valid(line)


def test_nothing_but_a_reference_name_is_ever_null() -> None:
    """What was not checked says so; what was not reached is absent."""
    nullable = [
        f"{place}.{name}"
        for place, found in objects(load_schema())
        for name, member in found["properties"].items()
        if "null" in str(member.get("type"))
    ]

    assert nullable == ["/$defs/target.reference_name"]


def test_the_page_is_fresh() -> None:
    """docs/result.md is what tools/result_docs.py writes."""
    tool = PROJECT / "tools" / "result_docs.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--check"], cwd=PROJECT, capture_output=True, timeout=60,
        env={"PYTHONPATH": str(PROJECT)}, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr

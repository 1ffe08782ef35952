"""JSON objects of an inventory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleetscan.errors import InventoryError
from fleetscan.inventory.objects import parse_object
from fleetscan.inventory.spec import Defaults
from fleetscan.inventory.target import Target


def only(defaults: Defaults | None = None, **fields: Any) -> Target:  # noqa: ANN401
    """The one target that the object stands for."""
    spec = parse_object(json.dumps(fields), defaults)
    assert spec.count == 1
    return spec.target_at(0)


@pytest.mark.parametrize(
    ("fields", "host", "address", "server_name", "reference_name"),
    [
        ({"host": "b.corp"}, "b.corp", "", "b.corp", "b.corp"),
        ({"name": "b.corp"}, "b.corp", "", "b.corp", "b.corp"),
        ({"address": "10.0.0.1"}, "", "10.0.0.1", "", None),
        ({"host": "b.corp", "address": "10.0.0.1"}, "", "10.0.0.1", "b.corp", "b.corp"),
        ({"address": "10.0.0.1", "server_name": "b.corp"}, "", "10.0.0.1", "b.corp", "b.corp"),
        ({"address": "10.0.0.1", "server_name": ""}, "", "10.0.0.1", "", None),
        ({"host": "b.corp", "server_name": ""}, "b.corp", "", "", "b.corp"),
        ({"host": "b.corp", "server_name": None}, "b.corp", "", "b.corp", "b.corp"),
        ({"host": "lb.corp", "server_name": "b.corp"}, "lb.corp", "", "b.corp", "b.corp"),
        ({"address": "10.0.0.1", "reference_name": "10.0.0.1"}, "", "10.0.0.1", "", "10.0.0.1"),
        ({"host": "b.corp", "reference_name": None}, "b.corp", "", "b.corp", None),
        ({"host": "b.corp", "reference_name": "c.corp"}, "b.corp", "", "b.corp", "c.corp"),
        ({"address": "b.corp"}, "b.corp", "", "b.corp", "b.corp"),
        ({"host": "10.0.0.1"}, "", "10.0.0.1", "", None),
        ({"host": "10.0.0.1", "address": "10.0.0.1"}, "", "10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_names_go_where_the_rule_says(
    fields: dict[str, Any],
    host: str,
    address: str,
    server_name: str,
    reference_name: str | None,
) -> None:
    """`server_name` absent: the default; empty: none is sent. The reference name follows it."""
    target = only(**fields)

    assert (target.host, target.address) == (host, address)
    assert (target.server_name, target.reference_name) == (server_name, reference_name)


def test_the_sni_option_is_the_default_server_name() -> None:
    """`--sni` counts where the object does not say, and never against it."""
    defaults = Defaults(server_name="sni.corp")

    assert only(defaults, address="10.0.0.1").server_name == "sni.corp"
    assert only(defaults, address="10.0.0.1", server_name="").server_name == ""
    assert only(defaults, address="10.0.0.1", server_name="b.corp").server_name == "b.corp"


def test_a_range_may_stand_as_address() -> None:
    """Labels and names of the object hold for every address of the range."""
    spec = parse_object('{"address":"10.0.0.0/30","port":8443,"labels":{"zone":"dmz"}}')

    assert (spec.count, spec.origin) == (4, "expanded")
    assert [target.labels["zone"] for target in spec.targets()] == ["dmz"] * 4


@pytest.mark.parametrize(("port", "expected"), [(8443, 8443), ("8443", 8443)])
def test_the_port_may_be_a_number_or_its_digits(port: object, expected: int) -> None:
    """Spreadsheets export numbers as text."""
    assert only(host="b.corp", port=port).port == expected


def test_labels_that_are_no_strings_become_json_text() -> None:
    """result.md: other values become JSON strings."""
    target = only(
        host="b.corp",
        labels={"owner": "payments", "tier": 1, "pci": True, "tags": ["a", "b"], "none": None},
    )

    assert target.labels == {
        "owner": "payments",
        "tier": "1",
        "pci": "true",
        "tags": '["a","b"]',
        "none": "null",
    }


def test_labels_at_their_bounds_are_taken() -> None:
    """32 keys of 64 octets and values of 256 octets are allowed (result.md)."""
    labels = {f"{number:064}": "é" * 128 for number in range(32)}

    assert only(host="b.corp", labels=labels).labels == labels


@pytest.mark.parametrize(
    "labels",
    [
        {str(number): "" for number in range(33)},
        {"k" * 65: ""},
        {"": "x"},
        {"k": "é" * 129},
        {"k": ["x" * 300]},
        ["k"],
        "k",
    ],
    ids=["33 keys", "long key", "empty key", "long value", "long JSON", "list", "string"],
)
def test_labels_past_their_bounds_are_refused(labels: object) -> None:
    """A label that cannot be carried untouched is reported, never cut."""
    with pytest.raises(InventoryError, match="label"):
        only(host="b.corp", labels=labels)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "neither host nor address"),
        ('{"host":""}', "neither host nor address"),
        ('{"host":5}', "host is not a string"),
        ('{"host":"a.corp","name":"b.corp"}', "both host and name"),
        ('{"host":"a.corp","port":0}', "not a port"),
        ('{"host":"a.corp","port":true}', "port is not a number"),
        ('{"host":"a.corp","port":443.0}', "port is not a number"),
        ('{"host":"a.corp","lables":{}}', "unknown key 'lables'"),
        ('{"host":"a.corp","server_name":"10.0.0.1"}', "RFC 6066"),
        ('{"host":"a.corp","server_name":"a b"}', "not a name"),
        ('{"host":"a.corp","starttls":"telepathy"}', "unknown starttls 'telepathy'"),
        ('{"host":"a\\u001b.corp"}', "control"),
        ('{"host":"a.corp","address":"10.0.0.0/99"}', "no prefix length"),
        ('{"host":"a.corp","labels":{"a":' + "[" * 400 + "]" * 400 + "}}", "nested too deeply"),
    ],
)
def test_bad_objects_are_refused_in_one_clear_line(text: str, says: str) -> None:
    """The reason is one printable line with the place in front."""
    with pytest.raises(InventoryError) as caught:
        parse_object(
            text, starttls_kinds=frozenset({"none", "smtp"}), source="targets.jsonl", line=3
        )

    assert str(caught.value).startswith("targets.jsonl:3: ")
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"host": "b.corp"}, "b.corp"),
        ({"host": "b.corp", "port": 8443}, "b.corp:8443"),
        ({"host": "b.corp", "address": "10.0.0.1", "port": 443}, "b.corp@10.0.0.1:443"),
        ({"address": "::1", "port": 443}, "[::1]:443"),
        ({"address": "::1"}, "::1"),
        ({"address": "10.0.0.0/30"}, "10.0.0.0/30"),
    ],
)
def test_input_is_the_text_form_of_the_same_target(fields: dict[str, Any], shown: str) -> None:
    """A result's `input` stays short whatever else the object held."""
    assert parse_object(json.dumps(fields)).input == shown

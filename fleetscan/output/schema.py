"""The JSON Schemas of what is written, as they ship in the package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import orjson

SCHEMA_ID: Final = "fleetscan.result/1"
"""The value of every line's `schema`."""

RESULT: Final = "result"
VERIFY: Final = "verify"
DIAGNOSE: Final = "diagnose"


def schema_text(name: str = RESULT) -> str:
    """A schema document with its final newline.

    Args:
        name: `result`, as it is in the package, `verify` or `diagnose`.
    """
    if name == RESULT:
        return _packaged("schema.json")
    return orjson.dumps(load_schema(name), option=orjson.OPT_INDENT_2).decode() + "\n"


def load_schema(name: str = RESULT) -> dict[str, Any]:
    """The schema document as Python objects, a new copy each time.

    What the others have in common with a result is defined there alone, what `diagnose` has
    in common with `verify` there, and put in here, so that one document validates by itself.
    """
    loaded: dict[str, Any] = orjson.loads(_packaged("schema.json"))
    if name == RESULT:
        return loaded
    shared = loaded["$defs"]
    if name == DIAGNOSE:
        shared |= orjson.loads(_packaged("verify.json"))["$defs"]
    document: dict[str, Any] = orjson.loads(_packaged(f"{name}.json"))
    own = document["$defs"]
    wanted = list(_references(document))
    # Ends because each name is put in once.
    while wanted:
        reference = wanted.pop()
        if reference not in own:
            own[reference] = shared[reference]
            wanted += _references(shared[reference])
    return document


def _packaged(file: str) -> str:
    return (resources.files(__package__) / file).read_text("utf-8")


def _references(value: object) -> Iterator[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)

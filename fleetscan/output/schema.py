"""The JSON Schema of every output line, as it ships in the package."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import orjson

SCHEMA_ID: Final = "fleetscan.result/1"
"""The value of every line's `schema`."""


def schema_text() -> str:
    """The schema document as it is in the package, with its final newline."""
    return (resources.files(__package__) / "schema.json").read_text("utf-8")


def load_schema() -> dict[str, Any]:
    """The schema document as Python objects, a new copy each time."""
    loaded: dict[str, Any] = orjson.loads(schema_text())
    return loaded

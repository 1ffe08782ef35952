"""Runs one fuzz target under atheris; `run.py` starts it with everything it needs.

Usage: target.py ENTRY [options of libFuzzer] [folders]
"""

from __future__ import annotations

import os
import sys

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["fleetscan"]):
    from fleetscan import _parse
    from tools.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer's own options end it."""
    expected = os.environ["FLEETSCAN_FUZZ_BUILD"]
    if not _parse.__file__.startswith(expected):
        raise SystemExit(f"{_parse.__file__} is not the instrumented build in {expected}")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""What fuzzing found stays found, and every entry point has a target and a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from fleetscan import _parse
from fleetscan._parse import MessageReader, RecordReader
from tools.fuzz.seeds import SEEDS
from tools.fuzz.targets import TARGETS

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors" / "parse"


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.bin")), ids=lambda path: path.name)
def test_findings_of_fuzzing_stay_fixed(path: Path) -> None:
    """Each vector runs through its target, which checks what must hold of any octets."""
    TARGETS[path.name.partition("-")[0]](path.read_bytes())


def test_vectors_say_where_they_come_from() -> None:
    """A vector without provenance is noise in five years."""
    provenance = (VECTORS / "README.md").read_text()

    assert [path.name for path in VECTORS.glob("*.bin") if path.name not in provenance] == []


def test_a_reader_that_was_never_fed_has_nothing() -> None:
    """Found by UBSan: asking first is no error."""
    assert RecordReader().next_record() is None
    assert MessageReader().next_message() is None
    assert RecordReader().pending == MessageReader().pending == 0


def test_every_entry_point_is_fuzzed() -> None:
    """A new parser without a target would never be fuzzed."""
    parsers = {name.removeprefix("parse_") for name in dir(_parse) if name.startswith("parse_")}

    readers = {"client", "record_reader", "message_reader", "crl", "ocsp_response"}
    assert set(TARGETS) == set(SEEDS) == parsers | readers


@pytest.mark.parametrize("entry", SEEDS)
def test_every_seed_and_its_prefixes_pass_their_target(entry: str) -> None:
    """A target that fails on its own seed would find nothing else."""
    for cut in range(len(SEEDS[entry]) + 1):
        TARGETS[entry](SEEDS[entry][:cut])

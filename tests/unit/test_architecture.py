"""Rules of the code base that no linter knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "fleetscan"

IMPURE = {"asyncio", "uvloop", "socket", "ssl", "time", "os", "logging"}

# Every RFC that the code and the catalogue may cite. A citation of another one is
# either a mistake or a decision, and a decision adds its line here.
CITED_RFCS = {
    *(791, 792, 793, 1035, 1123, 3339, 4291, 4443, 4514, 5890, 5891, 5892, 6761, 9293),  # names, addresses
    *(2246, 4346, 5246, 8446, 8447, 8448, 8996, 6101, 6176),  # TLS itself and its versions
    *(4492, 8422, 7919, 7748, 8031, 5288, 5289, 5487, 5932, 6209, 6655, 7251, 7905),  # suites, groups
    *(4279, 5054, 5469, 7465, 9325, 7525, 9155),  # what is old or weak
    *(5746, 5929, 6066, 6520, 6961, 7301, 7366, 7507, 7568, 7627, 7633, 7685),  # extensions
    *(8447, 8449, 8701, 8879, 9261, 9345, 9847, 9849),
    *(5280, 6125, 6960, 6962, 6979, 9162, 9525, 5019, 5480, 5758, 8017, 8032, 8410, 8603, 3279, 4055),
    *(9549, 9598, 9618, 9814, 9881, 6818, 2560, 4985, 6531),  # certificates
    *(854, 959, 1459, 1869, 1939, 2033, 2326, 2449, 2595, 2817, 2830, 3207, 3261, 3501, 3977, 4217),
    *(4253, 4511, 4513, 4642, 5321, 5804, 6120, 6143, 8314, 9051, 9110, 9112, 9113, 7540, 7230),
    *(1087, 2616, 3920, 4251, 4252, 7230, 2812, 2131, 8484, 7858, 1928, 9000),  # protocols on a port
    *(8305, 6724, 2308, 5452, 1034, 2606, 5893),  # resolving
}  # fmt: skip


def cython_imports(path: Path) -> set[str]:
    """Top-level modules that a Cython file imports."""
    pattern = re.compile(r"^\s*(?:from|import|cimport)\s+([A-Za-z_]\w*)", re.MULTILINE)
    return set(pattern.findall(path.read_text()))


def test_the_cython_parser_does_no_io_and_reads_no_clock() -> None:
    """import-linter does not read .pyx files, so this holds the rule for the pure ones."""
    for path in (PACKAGE / "_parse.pyx", PACKAGE / "_parse.pxd"):
        assert not cython_imports(path) & IMPURE, path.name


def test_the_cython_engine_knows_neither_causes_nor_json() -> None:
    """The engine hands facts on; what they mean is decided above it."""
    for path in (PACKAGE / "engine").glob("*.p[yx][xd]"):
        text = path.read_text()
        for layer in ("fleetscan.causes", "fleetscan.output", "fleetscan.pki", "orjson"):
            assert layer not in text, (path.name, layer)


@pytest.mark.parametrize(
    "path",
    sorted(path for pattern in ("*.py", "*.pyx", "*.pxd") for path in PACKAGE.rglob(pattern)),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_only_known_rfcs_are_cited(path: Path) -> None:
    """A citation names an RFC from the list, so that moving to a successor is one change."""
    cited = {int(number) for number in re.findall(r"\bRFC ?(\d{3,5})\b", path.read_text())}

    assert cited <= CITED_RFCS

"""Rules of the code base that no linter knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "fleetscan"

IMPURE = {"asyncio", "uvloop", "socket", "ssl", "time", "os", "logging"}

# Every RFC that the code and the catalogue cite. A citation of another one is either a
# mistake or a decision, and a decision adds its number here.
CITED_RFCS = frozenset(
    {
        # TLS: versions, extensions, suites, groups
        *(2246, 4346, 5246, 6101, 8446, 8996, 6176, 7568, 5746, 6066, 6520, 7301, 7507, 7627),
        *(7366, 8879, 2104),
        *(7633, 7685, 8449, 8701, 8744, 5077, 5288, 6209, 7905, 7919, 8422, 9155),
        *(7457, 7465, 9325),
        *(8032,),
        *(1421, 2246, 4346, 5932, 6655, 7366, 7468, 7748, 8734),
        *(4492, 5487, 5489, 7932, 8878, 9189),
        # certificates, names of certificates, revocation
        *(3279, 4055, 4514, 5019, 5280, 5480, 5652, 5758, 5937, 6125, 6960, 6962, 8017, 8410, 9162),
        *(9525, 9618, 9881, 5869),
        # names and addresses, ICMP, TCP
        *(792, 1035, 1122, 1812, 2308, 2923, 3339, 4007, 4035, 4271, 4291, 4443, 5891, 6724, 6761),
        *(2409, 5612, 3056, 4380, 6052, 6890, 9293),
        # what else answers on a port
        *(959, 1123, 1928, 2033, 2595, 2812, 3207, 3977, 4217, 4253, 4511, 4642, 5321, 5804),
        *(6120, 6143, 6585, 7162, 7725, 8314, 8952, 9051, 9110, 9112, 9113),
        # proxies
        *(1929, 3986, 5952, 7617, 9209),
        # names that nobody has
        2606,
    }
)


def cython_imports(path: Path) -> set[str]:
    """Top-level modules that a Cython file imports."""
    pattern = re.compile(r"^\s*(?:from|import|cimport)\s+([A-Za-z_]\w*)", re.MULTILINE)
    return set(pattern.findall(path.read_text()))


def test_the_pure_cython_does_no_io_and_reads_no_clock() -> None:
    """import-linter does not read .pyx files, so this holds the rule for the pure ones."""
    pure = [path for layer in ("tls", "pki") for path in PACKAGE.glob(f"{layer}/*.p[yx][xd]")]
    for path in (PACKAGE / "_parse.pyx", PACKAGE / "_parse.pxd", *pure):
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


def test_every_allowed_rfc_is_cited() -> None:
    """The list holds what is used and nothing that was."""
    text = "".join(path.read_text() for path in PACKAGE.rglob("*.py*") if path.suffix != ".pyc")

    cited = {int(number) for number in re.findall(r"\bRFC ?(\d{3,5})\b", text)}
    assert cited >= CITED_RFCS

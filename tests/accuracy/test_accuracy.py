"""Every planted fault is told, alone and exactly; nothing is called proven that was not planted.

The lab that fleetscan ships has tests of its own; here is what it cannot do.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import uvloop

from tests.accuracy.otherwise import scan_otherwise
from tests.accuracy.paths import ALONE, PLANTED, scan_paths, why_not
from tests.accuracy.real import scan_real
from tests.accuracy.told import Told

MEAN_PROBES = 5


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """What is told of the real servers that are installed."""
    missing: list[str] = []
    folder = tmp_path_factory.mktemp("real")
    # Servers that give root's rights away read their files as somebody else.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    found = uvloop.run(scan_real(folder, missing))
    if not found:
        pytest.skip(f"no real server is installed: {'; '.join(missing)}")
    return found


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """What is told behind the middlebox."""
    missing = why_not()
    if missing:
        pytest.skip(missing)
    return scan_paths(tmp_path_factory.mktemp("paths"))


def wrong(found: Sequence[Told]) -> list[str]:
    """What is told otherwise than planted, each in a line."""
    return [each.text for each in found if not each.is_right]


def test_faults_of_real_servers_are_told(real: list[Told]) -> None:
    """Exactly what their configuration makes them do, whatever the stack."""
    assert wrong(real) == []


def test_no_proof_is_wrong(real: list[Told]) -> None:
    """A wrong proof is worse than none."""
    assert [each.text for each in real if each.wrong_proofs] == []


def test_real_servers_in_order_are_asked_once(real: list[Told]) -> None:
    """And those that fail five times on average, or less."""
    healthy = [each.probes for each in real if not each.planted]
    failing = [each.probes for each in real if each.planted]

    assert set(healthy) == {1}
    assert sum(failing) <= MEAN_PROBES * len(failing)


def test_faults_of_the_way_are_told(ways: list[Told]) -> None:
    """ICMP of every kind, drops, resets, a filter of names, and a hello in two segments."""
    assert wrong(ways) == []
    assert len(ways) == len(PLANTED) + len(ALONE)


def test_what_takes_other_options_is_told() -> None:
    """An old hello, a stranger's certificate, a proxy that refuses, names that do not resolve."""
    assert wrong(uvloop.run(scan_otherwise())) == []

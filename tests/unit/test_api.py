"""The public names, and what is refused before a scan begins."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import fleetscan
from fleetscan.errors import UsageError


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `statement`."""
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    return set(finished.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import fleetscan", "import fleetscan; fleetscan.__version__"]
)
def test_the_package_alone_is_light(statement: str) -> None:
    """`fleetscan --version` must come at once: neither asyncio nor cryptography is loaded."""
    loaded = loaded_by(statement)

    assert "fleetscan" in loaded
    assert not loaded & {"asyncio", "cryptography", "uvloop", "aiodns", "fleetscan.api"}


def test_every_public_name_can_be_had() -> None:
    """`__all__` promises what the module can give."""
    for name in fleetscan.__all__:
        assert getattr(fleetscan, name) is not None
        assert name in dir(fleetscan)


def test_the_version_is_the_installed_one() -> None:
    """One source of truth: the distribution's metadata."""
    assert fleetscan.__version__ == version("fleetscan")


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        _ = fleetscan.scam


@pytest.mark.parametrize(
    "config",
    [
        fleetscan.ScanConfig(trust=("/nonexistent/roots.pem",)),
        fleetscan.ScanConfig(excludes=("10.0.0.0/99",)),
    ],
    ids=["trust", "excludes"],
)
def test_a_configuration_that_cannot_be_used_is_refused_at_once(
    config: fleetscan.ScanConfig,
) -> None:
    """Before anything is scanned, with one clear line."""
    with pytest.raises(UsageError) as caught:
        fleetscan.scan(["192.0.2.1"], config)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["10.0.0.0/24", "192.0.2.1-192.0.2.9"])
def test_scan_one_takes_one_target(text: str) -> None:
    """A range is not one target; nothing is scanned."""
    with pytest.raises(UsageError, match="targets"):
        asyncio.run(fleetscan.scan_one(text))


def test_typing_information_is_shipped() -> None:
    """PEP 561: the marker file lies in the package."""
    assert (Path(fleetscan.__file__).parent / "py.typed").is_file()

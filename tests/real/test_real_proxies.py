"""Proxies that others wrote, as Debian ships them, with the lab behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

import fleetscan
from fleetscan import Result, ScanConfig
from fleetscan.lab.lab import Lab
from tests.real.servers import Material, ServerKind, running

LOGIN = ("corp", "hunter2")
CONDITIONS = ("good-tls12", "good-tls13", "expired", "alert-40", "ssh", "closed-port")


def _tinyproxy(material: Material, port: int) -> Sequence[str]:
    configuration = material.folder / "tinyproxy.conf"
    configuration.write_text(
        f"""
Port {port}
Listen 127.0.0.1
Timeout 10
MaxClients 64
Allow 127.0.0.1
BasicAuth {LOGIN[0]} {LOGIN[1]}
"""
    )
    return ("tinyproxy", "-d", "-c", str(configuration))


def _microsocks(material: Material, port: int) -> Sequence[str]:
    return ("microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", LOGIN[0], "-P", LOGIN[1])


PROXIES = {
    "http": ServerKind(name="tinyproxy", binary="tinyproxy", prepare=_tinyproxy),
    "socks5": ServerKind(name="microsocks", binary="microsocks", prepare=_microsocks),
}


async def _scan_lab(proxy: str, login: tuple[str, str] | None) -> dict[str, Result]:
    """Scan some of the lab's conditions through this proxy; results by condition."""
    async with Lab() as lab:
        targets = [each.target for each in lab.conditions if each.name in CONDITIONS]
        config = ScanConfig(trust=(str(lab.trust_file),), proxy=proxy, proxy_credentials=login)
        async with fleetscan.scan(targets, config) as scan:
            return {result.target.labels["condition"]: result async for result in scan}


def _through(kind: str, folder: Path, login: tuple[str, str] | None) -> dict[str, Result]:
    server = PROXIES[kind]
    if missing := server.missing():
        pytest.skip(f"{server.name} needs {missing}, which is not installed")
    nowhere = folder / "none"
    material = Material(root=nowhere, chain=nowhere, key=nowhere, both=nowhere, folder=folder)
    with running(server, material) as port:
        return asyncio.run(_scan_lab(f"{kind}://127.0.0.1:{port}", login))


@pytest.mark.parametrize("kind", PROXIES)
def test_a_real_proxy_carries_the_lab(kind: str, tmp_path: Path) -> None:
    """Every condition is told as it is; a closed port is the proxy's word for it."""
    results = _through(kind, tmp_path, LOGIN)
    refused = results.pop("closed-port")

    assert {name: result.cause_ids for name, result in results.items()} == {
        "good-tls12": (),
        "good-tls13": (),
        "expired": ("certificate.expired",),
        "alert-40": ("server.refused",),
        "ssh": ("protocol.other",),
    }
    assert refused.cause_ids == ("interference.proxy_refused",)
    (cause,) = refused.record["causes"]
    assert cause["confidence"] == "observed"
    assert "connect.refused" in cause["alternatives"]


@pytest.mark.parametrize("kind", PROXIES)
def test_a_real_proxy_refuses_a_wrong_password(kind: str, tmp_path: Path) -> None:
    """In its own words, and none of them is about a target."""
    results = _through(kind, tmp_path, (LOGIN[0], "wrong"))

    assert len(results) == len(CONDITIONS)
    for result in results.values():
        assert result.cause_ids == ("interference.proxy_refused",)
        (cause,) = result.record["causes"]
        assert (cause["confidence"], cause.get("alternatives")) == ("observed", None)

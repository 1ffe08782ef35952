"""mitmproxy between the scan and real servers: what it makes up, told from what they show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import fleetscan
from fleetscan import Result, ScanConfig, Target
from fleetscan._parse import Certificate
from fleetscan.causes import classify
from fleetscan.causes.model import Case, Cause, Confidence
from fleetscan.experiment import Ask, Tried
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from fleetscan.tls.profiles import PROFILES
from tests import certificates
from tests.certificates import DAY
from tests.real.material import NOW, root
from tests.real.servers import Material, ServerKind, running
from tests.real.web_servers import nginx

SECONDS: Final = int(NOW.timestamp())
INTERCEPTION: Final = "interference.interception"
WORDS: Final = ("amber", "birch", "cobalt", "delta", "ember", "fjord", "grove", "harbor", "iris")
NAMES: Final = tuple(f"www.{word}.com" for word in WORDS)

ORIGIN: Final = ServerKind(name="nginx", binary="nginx", prepare=nginx())


def _mitmproxy(material: Material, port: int) -> Sequence[str]:
    return (
        "mitmdump", "--listen-host", "127.0.0.1", "--listen-port", str(port), "--quiet",
        "--set", f"confdir={material.folder / 'mitmproxy'}", "--ssl-insecure",
    )  # fmt: skip


MITMPROXY: Final = ServerKind(name="mitmproxy", binary="mitmdump", prepare=_mitmproxy)


def _material(folder: Path) -> Material:
    """A server with one certificate for all of the names, under a root that the scan trusts."""
    folder.mkdir()
    served = certificates.leaf(
        root(),
        NAMES[0],
        san=NAMES,
        not_before=SECONDS - DAY,
        not_after=SECONDS + 60 * DAY,
    )
    files = {"root": root().pem, "chain": served.pem, "key": served.key_pem}
    files["both"] = files["chain"] + files["key"]
    for name, octets in files.items():
        (folder / f"{name}.pem").write_bytes(octets)
    return Material(folder=folder, **{name: folder / f"{name}.pem" for name in files})


@contextlib.contextmanager
def intercepted(folder: Path, *, authority: bytes = b"") -> Iterator[tuple[Material, int, str]]:
    """An origin, its port, and the URL of a proxy that inspects what goes to it.

    Args:
        folder: for what both of them write.
        authority: key and certificate that the proxy signs with; by default it makes its own.
    """
    for kind in (ORIGIN, MITMPROXY):
        if missing := kind.missing():
            pytest.skip(f"{kind.name} needs {missing}, which is not installed")
    material = _material(folder / "origin")
    behind = replace(material, folder=folder / "proxy")
    (behind.folder / "mitmproxy").mkdir(parents=True)
    if authority:
        (behind.folder / "mitmproxy" / "mitmproxy-ca.pem").write_bytes(authority)
    with running(ORIGIN, material) as port, running(MITMPROXY, behind) as proxy:
        yield material, port, f"http://127.0.0.1:{proxy}"


def scanned(material: Material, port: int, proxy: str, names: Sequence[str]) -> list[Result]:
    """One result for each of the names; `""` as the proxy asks directly."""
    targets = [
        Target(
            input=name,
            origin="listed",
            address="127.0.0.1",
            port=port,
            server_name=name,
            reference_name=name,
        )
        for name in names
    ]

    async def scan() -> list[Result]:
        config = ScanConfig(trust=(str(material.root),), proxy=proxy)
        async with fleetscan.scan(targets, config) as results:
            return [result async for result in results]

    return asyncio.run(scan())


def first_cause(result: Result) -> Cause:
    """What the verdict says first."""
    assert result.verdict is not None
    return result.verdict.causes[0]


def test_mitmproxy_is_known_by_the_authority_that_it_makes(tmp_path: Path) -> None:
    """Suspected, first in the verdict; directly the same server is in good order."""
    with intercepted(tmp_path) as (material, port, proxy):
        (through,) = scanned(material, port, proxy, NAMES[:1])
        (direct,) = scanned(material, port, "", NAMES[:1])

    cause = first_cause(through)
    assert cause.entry.id == INTERCEPTION
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.evidence["product"] == "mitmproxy"
    assert direct.outcome == "established"
    assert direct.cause_ids == ()


def test_an_authority_that_nobody_knows_is_told_by_what_it_signs(tmp_path: Path) -> None:
    """The same proxy under a company's own name: nine unrelated domains behind one issuer."""
    own = certificates.root(
        "Perimeter 7",
        kind="RSA-2048",
        not_before=SECONDS - 100 * DAY,
        not_after=SECONDS + 900 * DAY,
    )
    with intercepted(tmp_path, authority=own.key_pem + own.pem) as (material, port, proxy):
        through = scanned(material, port, proxy, NAMES)
        direct = scanned(material, port, "", NAMES)

    assert len(through) == len(NAMES)
    for result in through:
        cause = first_cause(result)
        assert cause.entry.id == INTERCEPTION
        assert cause.match.confidence is Confidence.SUSPECTED
        assert cause.match.evidence["domains"].startswith("9: amber.com, birch.com")
        assert "product" not in cause.match.evidence
    assert {result.outcome for result in direct} == {"established"}


def test_asked_both_ways_again_and_again_it_is_proof(tmp_path: Path) -> None:
    """Directly, directly, through the proxy, through the proxy: each way its own issuer."""
    with intercepted(tmp_path) as (material, port, proxy):
        first, *again = (
            scanned(material, port, way, NAMES[:1])[0] for way in (proxy, "", "", proxy, proxy)
        )

    assert first.facts is not None
    chain = [one for one in first.facts.certificates if isinstance(one, Certificate)]
    path = assess(chain, reference_name=NAMES[0], now=SECONDS, trust=TrustStore([root().parsed]))
    case = Case(
        facts=first.facts,
        path=path,
        reference_name=NAMES[0],
        address="127.0.0.1",
        port=port,
        now=SECONDS,
        tried=tuple(_tried(result) for result in again),
    )
    cause = classify(case).causes[0]

    assert cause.entry.id == INTERCEPTION
    assert cause.match.confidence is Confidence.PROVEN
    assert cause.match.basis.repeats == "2"


def _tried(result: Result) -> Tried:
    assert result.facts is not None
    ask = Ask(
        profile=PROFILES["browser"],
        server_name=NAMES[0],
        alpn=(),
        starttls="none",
        address=result.address,
        through_proxy=bool(result.facts.proxy),
    )
    return Tried(name="direct", changed="proxy", ask=ask, facts=result.facts)

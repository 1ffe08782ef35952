"""What is said of servers of other TLS libraries, as Debian ships them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import fleetscan
from fleetscan import Result, ScanConfig
from tests.real.kinds import DEMANDING, KINDS
from tests.real.material import NAME, NOW, material
from tests.real.servers import ServerKind, running

DAY = 86_400


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Iterator[ServerKind]:
    """One implementation, or a skip that names what is missing."""
    chosen: ServerKind = request.param
    if missing := chosen.missing():
        pytest.skip(f"{chosen.name} needs {missing}, which is not installed")
    yield chosen


def scan(port: int, folder: Path) -> Result:
    """Scan the server on this port at the fixed time, trusting its root."""
    config = ScanConfig(trust=(str(folder / "root.pem"),), clock=NOW.timestamp)
    return asyncio.run(fleetscan.scan_one(f"{NAME}@127.0.0.1:{port}", config))


@pytest.mark.parametrize("key", ["P-256", "RSA-2048"])
def test_a_healthy_server_of_any_stack_is_established(
    kind: ServerKind, key: str, tmp_path: Path
) -> None:
    """A handshake that other clients complete is completed here and confirmed."""
    served = material(tmp_path, kind=key)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert (record["outcome"], record["cause_ids"], record["stage"]) == (
        "established",
        [],
        "confirmed",
    )
    assert record["checks"] == {
        "name": "yes",
        "path": "yes",
        "revocation": "not_checked",
        "key": "yes",
    }
    assert record["handshake"]["version"] in ("TLSv1.3", "TLSv1.2")


@pytest.mark.parametrize(
    # wolfSSL itself will not serve a certificate that ran out.
    "kind",
    [kind for kind in KINDS if kind.name != "lighttpd-wolfssl"],
    ids=lambda kind: kind.name,
    indirect=True,
)
def test_an_expired_certificate_is_told_on_any_stack(kind: ServerKind, tmp_path: Path) -> None:
    """The only cause of a server whose certificate ran out is that."""
    served = material(tmp_path, not_after=int(NOW.timestamp()) - DAY)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert record["outcome"] == "failed"
    assert record["cause_ids"] == ["certificate.expired"]


@pytest.mark.parametrize("kind", DEMANDING, ids=lambda kind: kind.name, indirect=True)
def test_a_demanded_client_certificate_is_told_on_any_stack(
    kind: ServerKind, tmp_path: Path
) -> None:
    """Every stack refuses in its own words, and before or after we believe to be done."""
    served = material(tmp_path)

    with running(kind, served) as port:
        record = scan(port, tmp_path).record

    assert (record["outcome"], record["cause_ids"]) == ("failed", ["client_auth.required"])
    assert record["handshake"]["client_auth"] == "required"

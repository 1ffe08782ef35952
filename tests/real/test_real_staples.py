"""Staples that `openssl s_server` serves, and what a scan says of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

import fleetscan
from fleetscan import ScanConfig
from tests.certificates import DAY, NOW, Issued, intermediate, leaf, root
from tests.ocsp_answers import UNKNOWN, answer, responder, revoked, said_no, successful
from tests.real.library_servers import openssl
from tests.real.servers import Material, ServerKind, running

ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)
OTHER = leaf(CA, "other.example.com")
PROMISE = [(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)]
MUST_STAPLE = leaf(CA, "must-staple.example.com", extra=PROMISE)
RESPONDER = responder(CA)


def stale(one: Issued) -> bytes:
    """A good answer that ended yesterday."""
    return answer(one, CA, this_update=NOW - 9 * DAY, next_update=NOW - DAY)


STAPLING = ServerKind(
    name="s_server-stapling", binary="openssl", prepare=openssl("-status_file", "staple.der")
)
PLAIN = ServerKind(name="s_server-plain", binary="openssl", prepare=openssl())

pytestmark = pytest.mark.skipif(bool(PLAIN.missing()), reason="openssl is not installed")


def scanned(folder: Path, one: Issued, staple: bytes | None, *sent: Issued) -> dict[str, Any]:
    """The result of a scan of a server with this leaf, staple and certificates behind it."""
    files = {
        "root.pem": ROOT.pem,
        "chain.pem": b"".join(each.pem for each in (one, *sent)),
        "key.pem": one.key_pem,
        "both.pem": one.pem + one.key_pem,
        "staple.der": staple or b"",
    }
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    served = Material(
        folder=folder, **{name: folder / f"{name}.pem" for name in ("root", "chain", "key", "both")}
    )
    config = ScanConfig(trust=(str(served.root),), clock=lambda: float(NOW))
    with running(PLAIN if staple is None else STAPLING, served) as port:
        target = f"www.example.com@127.0.0.1:{port}"
        return asyncio.run(fleetscan.scan_one(target, config)).record


@pytest.mark.parametrize(
    ("one", "staple", "causes", "findings", "status"),
    [
        pytest.param(LEAF, None, [], [], "not_checked", id="none"),
        pytest.param(LEAF, answer(LEAF, CA), [], [], "good", id="good"),
        pytest.param(
            LEAF,
            answer(LEAF, CA, signer=RESPONDER, certs=[RESPONDER]),
            [],
            [],
            "good",
            id="good-by-a-delegated-responder",
        ),
        pytest.param(
            LEAF,
            answer(LEAF, CA, revoked(reason=1)),
            ["certificate.revoked"],
            [],
            "revoked",
            id="revoked",
        ),
        pytest.param(LEAF, stale(LEAF), [], ["finding.staple_stale"], "unknown", id="stale"),
        pytest.param(
            LEAF,
            answer(OTHER, CA),
            [],
            ["finding.revocation_unknown"],
            "unknown",
            id="for-another-certificate",
        ),
        pytest.param(
            LEAF,
            answer(LEAF, CA, UNKNOWN),
            [],
            ["finding.revocation_unknown"],
            "unknown",
            id="unknown",
        ),
        pytest.param(
            LEAF,
            answer(LEAF, CA, signer=root("Stranger")),
            [],
            ["finding.revocation_unknown"],
            "unknown",
            id="forged",
        ),
        pytest.param(
            LEAF, said_no(3), [], ["finding.revocation_unknown"], "unknown", id="try-later"
        ),
        pytest.param(
            LEAF,
            successful(b"garbage"),
            [],
            ["finding.revocation_unknown"],
            "unknown",
            id="garbage",
        ),
        pytest.param(
            MUST_STAPLE,
            None,
            ["certificate.must_staple_missing"],
            [],
            "not_checked",
            id="promised-none",
        ),
        pytest.param(MUST_STAPLE, answer(MUST_STAPLE, CA), [], [], "good", id="promised-good"),
        pytest.param(
            MUST_STAPLE,
            stale(MUST_STAPLE),
            ["certificate.must_staple_missing"],
            ["finding.staple_stale"],
            "unknown",
            id="promised-stale",
        ),
    ],
)
def test_a_staple_end_to_end(
    tmp_path: Path,
    one: Issued,
    staple: bytes | None,
    causes: list[str],
    findings: list[str],
    status: str,
) -> None:
    """The octets of another stack's server, from the wire to the result line."""
    record = scanned(tmp_path, one, staple, CA)

    about_revocation = [each for each in record["finding_ids"] if "staple" in each or "rev" in each]
    assert (record["cause_ids"], about_revocation) == (causes, findings)
    assert record["checks"]["revocation"] == status
    assert record["checks"]["path"] == "yes"


def test_a_staple_whose_issuer_is_not_sent(tmp_path: Path) -> None:
    """The chain is what is wrong; nobody can check the answer."""
    record = scanned(tmp_path, LEAF, answer(LEAF, CA))

    assert record["cause_ids"] == ["chain.unknown_issuer"]
    assert record["checks"]["revocation"] == "not_checked"

"""A certificate that a server forgets, found in another run or where the leaf says it is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

import fleetscan
from fleetscan.api import Result
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.fleet.state import AUTHORITIES
from fleetscan.lab.lab import Lab
from tests import certificates, servers
from tests.integration.test_engine_api import results_of
from tests.ocsp_answers import Parts, cert_id, response, revoked, single
from tests.servers import LOOPS, run

ROOT = certificates.root()
MIDDLE = certificates.intermediate(issuer=ROOT)


def causes(results: list[Result]) -> dict[str, dict[str, str]]:
    """Evidence by cause, of results that have one cause each."""
    return {each.cause_ids[0]: each.record["causes"][0]["evidence"] for each in results}


# -- kept from run to run ----------------------------------------------------------------


def in_one_lab(*runs: list[str], state: Path) -> list[list[Result]]:
    """Several runs against one lab: what it issues differs from lab to lab."""

    async def work() -> list[list[Result]]:
        async with Lab() as lab:
            known = {condition.name: condition.target for condition in lab.conditions}
            config = ScanConfig(
                trust=(str(lab.trust_file),), deadlines=Deadlines.from_timeout(5), state=str(state)
            )
            return [
                await results_of(fleetscan.scan([known[name] for name in names], config))
                for names in runs
            ]

    told: list[list[Result]] = run("uvloop", work())
    return told


def test_an_earlier_run_proves_what_a_later_one_misses(tmp_path: Path) -> None:
    """Without any traffic, and the evidence says that it was an earlier run."""
    before, _, after = in_one_lab(
        ["missing-intermediate"], ["second-issuer", "good-tls12"], ["missing-intermediate"],
        state=tmp_path / "state",
    )  # fmt: skip

    assert list(causes(before)) == ["chain.unknown_issuer"]
    assert causes(after)["chain.incomplete"]["found"] == "state"
    assert after[0].record["causes"][0]["confidence"] == "proven"


def test_what_is_kept_is_never_trusted(tmp_path: Path) -> None:
    """A private root that an earlier run saw makes no path good."""
    first, second = in_one_lab(["unknown-root-sent"], ["unknown-root-sent"], state=tmp_path)

    assert (tmp_path / AUTHORITIES).exists()
    assert list(causes(first)) == list(causes(second)) == ["chain.untrusted_root"]


def test_a_scan_that_is_left_early_keeps_what_it_saw(tmp_path: Path) -> None:
    """The night's work is not lost with its last hour."""

    async def work() -> None:
        async with Lab() as lab:
            known = {condition.name: condition.target for condition in lab.conditions}
            config = ScanConfig(trust=(str(lab.trust_file),), state=str(tmp_path), concurrency=1)
            targets = [known["good-tls12"], known["silent-after-hello"]]
            async with fleetscan.scan(targets, config) as scan:
                async for _ in scan:
                    break

    run("uvloop", work())

    assert b"last seen" in (tmp_path / AUTHORITIES).read_bytes()


# -- fetched -------------------------------------------------------------------------------


@asynccontextmanager
async def tls_server(chain: list[certificates.Issued], directory: Path) -> AsyncIterator[int]:
    """A server of Python's own `ssl` that sends this chain."""
    file, key = directory / "chain.pem", directory / "key.pem"
    file.write_bytes(b"".join(one.pem for one in chain))
    key.write_bytes(chain[0].key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)

    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(reads, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http_server(body: bytes, asked: list[bytes]) -> servers.Handler:
    """Answers everything with these octets."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    return answers


def pointing_at(url: str) -> certificates.Issued:
    """A leaf that says where its issuer is to be had, and who knows whether it was revoked."""
    places = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(f"{url}/{path}"))
        for method, path in (
            (AuthorityInformationAccessOID.CA_ISSUERS, "middle.cer"),
            (AuthorityInformationAccessOID.OCSP, "ocsp"),
        )
    ]
    return certificates.leaf(
        issuer=MIDDLE, extra=[(x509.AuthorityInformationAccess(places), False)]
    )


async def scanned_with(
    handler: servers.Handler,
    directory: Path,
    *,
    at: Callable[[fleetscan.Scan], None] | None = None,
    **options: Any,  # noqa: ANN401
) -> list[Result]:
    """Scan a server that sends a leaf alone, whose issuer is behind `handler`."""
    trust = directory / "root.pem"
    trust.write_bytes(ROOT.pem)
    async with servers.serving(handler) as http_port:
        leaf = pointing_at(f"http://127.0.0.1:{http_port}")
        async with tls_server([leaf], directory) as port:
            config = ScanConfig(
                trust=(str(trust),),
                deadlines=Deadlines.from_timeout(5),
                clock=lambda: float(certificates.NOW),
                **options,
            )
            scan = fleetscan.scan([f"www.example.com@127.0.0.1:{port}"] * 3, config)
            if at is not None:
                at(scan)
            return await results_of(scan)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_missing_issuer_is_fetched_when_that_is_allowed(loop_name: str, tmp_path: Path) -> None:
    """Once for all targets, and the evidence names the address."""
    asked: list[bytes] = []
    results = run(
        loop_name,
        scanned_with(
            http_server(MIDDLE.der, asked), tmp_path, fetch=("aia",), fetch_allow=("127.0.0.0/8",)
        ),
    )

    assert [each.cause_ids for each in results] == [("chain.incomplete",)] * 3
    found = causes(results)["chain.incomplete"]["found"]
    assert found.startswith("http://127.0.0.1:")
    assert found.endswith("/middle.cer")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [({}, ""), ({"fetch": ("aia",)}, "address_refused")],
    ids=["not-asked-for", "not-allowed"],
)
def test_nothing_is_fetched_that_is_not_allowed(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    """Loopback is refused unless the user allows it, and the verdict says why nothing came."""
    asked: list[bytes] = []
    results = run("uvloop", scanned_with(http_server(MIDDLE.der, asked), tmp_path, **options))

    evidence = causes(results)["chain.unknown_issuer"]
    assert evidence.get("fetch", "").startswith(reason)
    assert ("fetch" in evidence) is bool(reason)
    assert asked == []


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_abort_while_an_issuer_is_fetched_loses_no_result(
    loop_name: str, tmp_path: Path
) -> None:
    """The origin hangs, the user has waited long enough: every target has its verdict."""
    scans: list[fleetscan.Scan] = []

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        scans[0].abort()
        await servers.stays_silent(reader, writer)

    results = run(
        loop_name,
        scanned_with(
            hangs, tmp_path, at=scans.append, fetch=("aia",), fetch_allow=("127.0.0.0/8",)
        ),
    )

    assert [each.cause_ids for each in results] == [("chain.unknown_issuer",)] * 3
    assert causes(results)["chain.unknown_issuer"]["fetch"] == "interrupted"


def test_what_was_fetched_is_kept_for_the_next_run(tmp_path: Path) -> None:
    """Which then needs no traffic."""
    asked: list[bytes] = []
    handler = http_server(MIDDLE.der, asked)
    state = str(tmp_path / "state")
    allowed: dict[str, Any] = {"fetch": ("aia",), "fetch_allow": ("127.0.0.0/8",), "state": state}
    run("uvloop", scanned_with(handler, tmp_path, **allowed))
    results = run("uvloop", scanned_with(handler, tmp_path, **allowed))

    assert causes(results)["chain.incomplete"]["found"] == "state"
    assert len(asked) == 1


# -- asked about ----------------------------------------------------------------------------


def responder(asked: list[int]) -> servers.Handler:
    """Gives the issuer, and says that the leaf was revoked."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        body = MIDDLE.der
        if b" /middle.cer " not in request:
            port = writer.get_extra_info("sockname")[1]
            leaf = pointing_at(f"http://127.0.0.1:{port}")
            asked.append(port)
            body = response(Parts(signer=MIDDLE), single(cert_id(leaf, MIDDLE), revoked()))
        await http_server(body, [])(_read_already(request), writer)

    return answers


def _read_already(request: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(request)
    return reader


ASKING: dict[str, Any] = {
    "fetch": ("aia",),
    "fetch_allow": ("127.0.0.0/8",),
    "revocation": "ocsp",
}


@pytest.mark.parametrize("loop_name", LOOPS)
def test_what_waited_for_its_issuer_then_waits_for_its_responder(
    loop_name: str, tmp_path: Path
) -> None:
    """Incomplete and revoked: the pair gets exactly both, once a target, asked for once."""
    asked: list[int] = []
    results = run(
        loop_name,
        scanned_with(responder(asked), tmp_path, state=str(tmp_path / "state"), **ASKING),
    )

    assert [set(each.cause_ids) for each in results] == [
        {"chain.incomplete", "certificate.revoked"}
    ] * 3
    assert {each.record["checks"]["revocation"] for each in results} == {"revoked"}
    assert len(asked) == 1


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_abort_in_the_middle_of_asking_says_unknown(loop_name: str, tmp_path: Path) -> None:
    """Never good, and never silence: every target has its one result."""
    scans: list[fleetscan.Scan] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b" /middle.cer " in request:
            await http_server(MIDDLE.der, [])(_read_already(request), writer)
            return
        scans[0].abort()
        await servers.stays_silent(reader, writer)

    results = run(
        loop_name,
        scanned_with(handler, tmp_path, at=scans.append, state=str(tmp_path / "s"), **ASKING),
    )

    assert [each.cause_ids for each in results] == [("chain.incomplete",)] * 3
    assert {each.record["checks"]["revocation"] for each in results} == {"unknown"}
    assert all("finding.revocation_unknown" in each.finding_ids for each in results)

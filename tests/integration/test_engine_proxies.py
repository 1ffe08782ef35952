"""Whole scans through real proxies on loopback, and proxies that are none."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

import fleetscan
from fleetscan.api import Result
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.errors import UsageError
from fleetscan.inventory.target import Target
from tests import proxies, servers, tls_peers
from tests.integration.test_engine_api import QUICK, laboratory, results_of
from tests.proxies import KINDS, Asked
from tests.servers import AAAA, LOOPS, NXDOMAIN, A, Responder, at, run

REFUSED = ("interference.proxy_refused",)
LOGIN = ("us@er", "hunter2/\u00fc")

# In the URL as RFC 3986 section 2.1 has it.
LOGIN_IN_URL = "us%40er:hunter2%2F%C3%BC@"

DEADLINES = Deadlines(
    resolve=2.0, connect=0.4, proxy=0.4, first_octet=0.4, handshake=0.8, confirm=0.1, total=5.0
)


async def scan_through(proxy: str, *targets: Target, **changes: Any) -> list[Result]:  # noqa: ANN401
    """Scan through this proxy, each line checked against the schema."""
    config = replace(ScanConfig(proxy=proxy, deadlines=DEADLINES), **changes)
    return await results_of(fleetscan.scan(list(targets), config))


def evidence_of(result: Result) -> dict[str, str]:
    """The evidence of the one cause."""
    (cause,) = result.record["causes"]
    assert isinstance(cause["evidence"], dict)
    return cause["evidence"]


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("login", [None, LOGIN], ids=["open", "login"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_lab_through_a_proxy_is_the_lab(
    kind: str, login: tuple[str, str] | None, loop_name: str
) -> None:
    """Every condition has the causes that it has directly, but the port that is closed."""
    asked = Asked()

    async def work() -> tuple[dict[int, Any], list[Result]]:
        async with (
            laboratory(QUICK) as (conditions, config),
            servers.serving(KINDS[kind](asked, login=login)) as port,
        ):
            url = f"{kind}://{LOGIN_IN_URL if login else ''}127.0.0.1:{port}"
            targets = [condition.target for condition in conditions]
            once = replace(config, proxy=url, diagnose="never")
            results = await results_of(fleetscan.scan(targets, once))
            expected = {each.target.port: each.expected_now for each in conditions}
            closed = next(each for each in conditions if each.name == "closed-port")
            return expected | {closed.target.port: REFUSED}, results

    expected, results = run(loop_name, work())

    assert {result.target.port: result.cause_ids for result in results} == expected
    places = [(result.address, result.target.port) for result in results]
    assert sorted(asked.places) == sorted(places)
    for result in results:
        assert result.record["handshake"]["proxy"].startswith(f"{kind}://127.0.0.1:")
        assert "hunter2" not in result.line.decode()
        assert "us@er" not in result.line.decode()
    (refused,) = (result for result in results if result.cause_ids == REFUSED)
    assert "connect.refused" in refused.record["causes"][0]["alternatives"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_or_missing_login_is_the_proxys_refusal(kind: str) -> None:
    """407, or the status of RFC 1929, or no method in common: said so by the proxy itself."""

    async def work() -> list[Result]:
        async with servers.serving(KINDS[kind](Asked(), login=LOGIN)) as port:
            place = f"127.0.0.1:{port}"
            (without,) = await scan_through(f"{kind}://{place}", at("127.0.0.1", 9))
            (wrong,) = await scan_through(f"{kind}://u:hunter2@{place}", at("127.0.0.1", 9))
            return [without, wrong]

    results = run("uvloop", work())
    told = [(evidence_of(each)["step"], evidence_of(each)["status"]) for each in results]

    assert [each.cause_ids for each in results] == [REFUSED, REFUSED]
    assert [each.record["stage"] for each in results] == ["proxy", "proxy"]
    assert [each.record["causes"][0]["confidence"] for each in results] == ["observed"] * 2
    assert (
        told
        == {
            "http": [("request", "407"), ("request", "407")],
            "socks5": [("method", "255"), ("authentication", "1")],
        }[kind]
    )
    assert all("hunter2" not in each.line.decode() for each in results)
    if kind == "http":
        assert evidence_of(results[0])["detail"] == 'Basic realm="test"'


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("octets", "then", "confidence", "ended_by"),
    [
        (b"", "waits", "suspected", "timeout"),
        (b"", "closes", "suspected", "fin"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "waits", "observed", None),
        # A TLS alert: the port speaks TLS (RFC 8446 section 6).
        (b"\x15\x03\x01\x00\x02\x02\x46", "closes", "observed", None),
    ],
    ids=["silent", "closes", "ssh", "tls"],
)
def test_what_is_no_proxy_is_never_the_targets_fault(
    kind: str, octets: bytes, then: str, confidence: str, ended_by: str | None, loop_name: str
) -> None:
    """Silence, a close, another protocol, on the way to whatever target."""

    async def work() -> Result:
        async with servers.serving(proxies.says(octets, then=then)) as port:
            (result,) = await scan_through(f"{kind}://127.0.0.1:{port}", at("127.0.0.1", 9))
            return result

    result = run(loop_name, work())
    # A SOCKS5 proxy that says nothing to our greeting does not know the target yet.
    if kind == "socks5":
        confidence = "observed"

    assert (result.cause_ids, result.record["stage"]) == (REFUSED, "proxy")
    assert result.record["causes"][0]["confidence"] == confidence
    # Octets of the greeting that were not read turn a close into a reset.
    assert evidence_of(result).get("ended_by") in (ended_by, "rst" if ended_by == "fin" else None)
    assert "first_octets" not in result.record["handshake"]


@pytest.mark.parametrize("starttls", ["none", "smtp"])
def test_a_proxy_out_of_reach_is_never_the_targets_fault(starttls: str) -> None:
    """A closed port and one that does not answer, whoever would speak first behind it."""
    target = replace(at("127.0.0.1", 9), starttls=starttls)

    async def work() -> list[Result]:
        with servers.closed_port() as closed, servers.unanswered_port() as silent:
            (one,) = await scan_through(f"http://127.0.0.1:{closed}", target)
            (other,) = await scan_through(f"socks5://127.0.0.1:{silent}", target)
            return [one, other]

    refused, unanswered = run("uvloop", work())

    assert refused.cause_ids == unanswered.cause_ids == REFUSED
    assert refused.record["stage"] == unanswered.record["stage"] == "connect"
    assert evidence_of(refused)["errno"] == "ECONNREFUSED"
    assert evidence_of(unanswered)["ended_by"] == "timeout"
    assert refused.record["target"]["address"] == "127.0.0.1"


def test_excludes_and_the_targets_own_addresses_hold() -> None:
    """Names are resolved here; an excluded address is never asked for, at no proxy."""
    asked = Asked()

    async def work() -> list[Result]:
        async with (
            naming({"two.test": ["127.0.0.2", "127.0.0.3"]}) as nameserver,
            servers.serving(proxies.http_proxy(asked)) as port,
        ):
            target = Target(input="two.test", origin="listed", host="two.test", port=9)
            return await scan_through(
                f"http://127.0.0.1:{port}",
                target,
                nameservers=(nameserver,),
                excludes=("127.0.0.3",),
            )

    results = run("uvloop", work())

    assert asked.places == [("127.0.0.2", 9)]
    outcomes = {result.address: result.outcome for result in results}
    assert outcomes == {"127.0.0.2": "failed", "127.0.0.3": "skipped"}


@pytest.mark.parametrize("kind", KINDS)
def test_names_may_be_left_to_the_proxy(kind: str) -> None:
    """`proxy_names`: asked for by name, one result without an address, nothing resolved here."""
    asked = Asked()

    async def work() -> list[Result]:
        names = {"inside.test": "127.0.0.1"}
        async with (
            laboratory(["good-tls13"]) as ((condition,), config),
            servers.serving(KINDS[kind](asked, names=names)) as port,
        ):
            names["inside.test"] = condition.target.address
            there = Target(
                input="inside.test",
                origin="listed",
                host="inside.test",
                port=condition.target.port,
                server_name=condition.target.server_name,
            )
            gone = replace(there, input="gone.test", host="gone.invalid")
            changed = replace(
                config,
                proxy=f"{kind}://127.0.0.1:{port}",
                proxy_names=True,
                nameservers=("127.0.0.1:9",),
            )
            return await results_of(fleetscan.scan([there, gone, condition.target], changed))

    results = {result.target.input: result for result in run("uvloop", work())}
    there = results["inside.test"]

    assert there.record["handshake"]["completed"] == "yes"
    assert there.record["target"]["address"] == ""
    assert ("inside.test", there.target.port) in asked.places
    assert len(asked.places) == 3
    assert results["gone.test"].cause_ids == REFUSED
    assert "resolve.not_found" in results["gone.test"].record["causes"][0]["alternatives"]


@asynccontextmanager
async def naming(addresses: dict[str, list[str]]) -> AsyncIterator[str]:
    """A name server that knows these names and no other; gives its place."""
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(
        Responder, local_addr=("127.0.0.1", 0)
    )
    for name, found in addresses.items():
        for family, kind in ((socket.AF_INET, A), (socket.AF_INET6, AAAA)):
            packed = [
                socket.inet_pton(family, each) for each in found if (":" in each) is (kind == AAAA)
            ]
            responder.records[name, kind] = packed
    responder.codes["gone.test"] = NXDOMAIN
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


def test_the_proxys_name_is_resolved_once_and_before_anything() -> None:
    """A name without an address ends the scan with one line, whatever the targets."""

    async def work() -> None:
        async with naming({}) as nameserver:
            await scan_through(
                "http://u:hunter2@gone.test:1", at("127.0.0.1", 9), nameservers=(nameserver,)
            )

    with pytest.raises(UsageError) as caught:
        run("uvloop", work())

    assert str(caught.value) == "the proxy's name gone.test gives no address (ARES_ENOTFOUND)"


def test_of_several_addresses_of_a_proxy_one_that_accepts_is_taken() -> None:
    """`localhost` is ::1 and 127.0.0.1, and most proxies listen at one of them."""
    asked = Asked()

    async def work() -> list[Result]:
        async with (
            naming({"proxy.test": ["::1", "127.0.0.9", "127.0.0.1"]}) as nameserver,
            servers.serving(proxies.socks5_proxy(asked)) as port,
        ):
            return await scan_through(
                f"socks5://proxy.test:{port}", at("127.0.0.1", 9), nameservers=(nameserver,)
            )

    (result,) = run("uvloop", work())

    assert asked.places == [("127.0.0.1", 9)]
    assert result.record["handshake"]["proxy"].startswith("socks5://proxy.test:")


@pytest.mark.parametrize("loop_name", LOOPS)
def test_starttls_behind_a_proxy(loop_name: str) -> None:
    """The server greets through the tunnel, and TLS follows its agreement."""

    async def pop3(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK ready\r\n")
        assert await reader.readline() == b"STLS\r\n"
        writer.write(b"+OK go\r\n")
        await writer.start_tls(tls_peers.server_context())
        await reader.read()

    async def work() -> Result:
        async with (
            servers.serving(pop3) as port,
            servers.serving(proxies.http_proxy(Asked())) as via,
        ):
            target = replace(at("127.0.0.1", port), starttls="pop3")
            (result,) = await scan_through(f"http://127.0.0.1:{via}", target)
            return result

    record = run(loop_name, work()).record

    assert (record["handshake"]["completed"], record["stage"]) == ("yes", "confirmed")


def test_a_proxy_may_take_its_time_and_the_target_has_its_own() -> None:
    """The wait for the tunnel has a deadline of its own; those of the target begin behind it."""
    slow_s = 0.7

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(slow_s)  # longer than first_octet allows
        await proxies.http_proxy(Asked())(reader, writer)

    async def work() -> Result:
        async with (
            laboratory(["good-tls13"]) as ((condition,), config),
            servers.serving(slow) as port,
        ):
            deadlines = replace(DEADLINES, proxy=3.0, first_octet=0.5, handshake=0.6)
            changed = replace(config, proxy=f"http://127.0.0.1:{port}", deadlines=deadlines)
            (result,) = await results_of(fleetscan.scan([condition.target], changed))
            return result

    record = run("uvloop", work()).record

    assert record["outcome"] == "established"
    assert record["timings_ms"]["total"] >= slow_s * 1_000
    assert record["timings_ms"]["connect"] < slow_s * 1_000
    assert record["timings_ms"]["first_octet"] < slow_s * 1_000


def test_one_proxy_carries_no_more_than_its_bound() -> None:
    """Connections to the proxy at once: `proxy_in_flight`, however many probes may be made."""
    under_way = [0, 0]

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way[0] += 1
        under_way[1] = max(under_way)
        await reader.readuntil(b"\r\n\r\n")
        await servers.settle()
        under_way[0] -= 1
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    async def work() -> list[Result]:
        async with servers.serving(counts) as port:
            targets = (at(f"127.1.{number}.1", 9) for number in range(100))
            return await scan_through(f"http://127.0.0.1:{port}", *targets, proxy_in_flight=3)

    results = run("uvloop", work())

    assert len(results) == 100
    assert {json.loads(result.line)["cause"]["id"] for result in results} == set(REFUSED)
    assert 0 < under_way[1] <= 3

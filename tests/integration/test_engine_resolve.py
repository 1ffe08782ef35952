"""Names are resolved by code, never by text, each once, and a silent resolver ends in time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fleetscan.engine.resolve import MAX_ADDRESSES, Resolution, Resolver
from fleetscan.vocabulary import ResolveFailure
from tests.servers import AAAA, LOOPS, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, A, Responder, run


@asynccontextmanager
async def responding(deadline_s: float = 2.0) -> AsyncIterator[tuple[Responder, Resolver]]:
    """A responder on loopback and a resolver that asks it."""
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(Responder, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    resolver = Resolver((f"127.0.0.1:{port}",), deadline_s=deadline_s)
    try:
        yield responder, resolver
    finally:
        await resolver.aclose()
        transport.close()


@pytest.mark.parametrize("loop_name", LOOPS)
def test_both_families_are_given(loop_name: str) -> None:
    """A and AAAA records of a name are all scanned (RFC 1035, RFC 3596)."""

    async def work() -> Resolution:
        async with responding() as (responder, resolver):
            responder.records["b.example", A] = [bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8])]
            responder.records["b.example", AAAA] = [bytes.fromhex("20010db8" + "00" * 11 + "09")]
            return await resolver.resolve("b.example")

    resolution = run(loop_name, work())

    assert resolution.failure is None
    assert sorted(resolution.addresses) == ["192.0.2.7", "192.0.2.8", "2001:db8::9"]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (NXDOMAIN, ResolveFailure.NOT_FOUND),
        (NOERROR, ResolveFailure.NOT_FOUND),
        (SERVFAIL, ResolveFailure.FAILED),
        (REFUSED, ResolveFailure.FAILED),
    ],
)
def test_each_response_code_has_its_failure(code: int, failure: ResolveFailure) -> None:
    """RFC 1035 section 4.1.1: a name that is not there is not a server that failed."""

    async def work() -> Resolution:
        async with responding() as (responder, resolver):
            responder.codes["gone.example"] = code
            return await resolver.resolve("gone.example")

    resolution = run("uvloop", work())

    assert resolution.failure is failure
    assert resolution.detail.startswith("ARES_")
    assert resolution.addresses == ()


def test_a_silent_resolver_ends_at_the_deadline() -> None:
    """A resolver that never answers costs the resolve deadline and not more."""

    async def work() -> tuple[Resolution, float]:
        async with responding(deadline_s=0.4) as (responder, resolver):
            responder.silent.add("slow.example")
            loop = asyncio.get_running_loop()
            started = loop.time()
            return await resolver.resolve("slow.example"), loop.time() - started

    resolution, elapsed_s = run("uvloop", work())

    assert resolution.failure is ResolveFailure.TIMEOUT
    assert elapsed_s < 1.0


def test_a_name_is_asked_for_once() -> None:
    """A hundred targets with one name, at once and later, are one question."""

    async def work() -> tuple[Counter[str], set[Resolution]]:
        async with responding() as (responder, resolver):
            responder.records["b.example", A] = [bytes([192, 0, 2, 7])]
            together = await asyncio.gather(*(resolver.resolve("b.example") for _ in range(100)))
            later = await resolver.resolve("b.example")
            return responder.asked, {*together, later}

    asked, resolutions = run("uvloop", work())

    assert asked == {"b.example": 1}
    assert len(resolutions) == 1


def test_the_deadline_holds_whatever_the_resolver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver library that never calls back costs the deadline too."""

    class Hangs:
        def getaddrinfo(self, host: str) -> asyncio.Future[None]:
            return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(Resolver, "_channel", lambda *_: Hangs())

    async def work() -> Resolution:
        return await Resolver(deadline_s=0.1).resolve("slow.example")

    resolution = run("uvloop", work(), limit_s=3)

    assert (resolution.failure, resolution.detail) == (ResolveFailure.TIMEOUT, "deadline")


def test_a_single_label_is_looked_for_in_the_search_domains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`intranet` means what it means to every program of this machine."""
    monkeypatch.setenv("LOCALDOMAIN", "corp.example")

    async def work() -> Resolution:
        async with responding() as (responder, resolver):
            responder.codes["intranet"] = NXDOMAIN
            responder.records["intranet.corp.example", A] = [bytes([192, 0, 2, 7])]
            return await resolver.resolve("intranet")

    assert run("uvloop", work()).addresses == ("192.0.2.7",)


def test_a_dotted_name_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is gone is not looked for again in the machine's search domains."""
    monkeypatch.setenv("LOCALDOMAIN", "corp.example")

    async def work() -> Counter[str]:
        async with responding() as (responder, resolver):
            responder.codes["gone.example"] = NXDOMAIN
            await resolver.resolve("gone.example")
            return responder.asked

    assert set(run("uvloop", work())) == {"gone.example"}


def test_addresses_of_one_name_are_bounded() -> None:
    """Who answers with very many addresses does not multiply one line by them all."""

    async def work() -> Resolution:
        async with responding() as (responder, resolver):
            many = [bytes([10, 0, 0, last]) for last in range(MAX_ADDRESSES + 10)]
            responder.records["many.example", A] = many
            return await resolver.resolve("many.example")

    resolution = run("uvloop", work())

    assert len(resolution.addresses) == MAX_ADDRESSES
    assert resolution.found == MAX_ADDRESSES + 10


def test_the_hosts_file_is_honoured() -> None:
    """localhost is answered by /etc/hosts, as the system would, without a question."""

    async def work() -> tuple[Resolution, Counter[str]]:
        async with responding() as (responder, resolver):
            return await resolver.resolve("localhost"), responder.asked

    resolution, asked = run("uvloop", work())

    assert set(resolution.addresses) <= {"127.0.0.1", "::1"}
    assert resolution.addresses
    assert not asked


def test_cancelling_the_first_asker_does_not_strand_the_others() -> None:
    """Whoever waits for a name that somebody else asked for gets an answer in any case."""

    async def work() -> Resolution:
        async with responding() as (responder, resolver):
            responder.silent.add("slow.example")
            first = asyncio.create_task(resolver.resolve("slow.example"))
            await asyncio.sleep(0)
            second = asyncio.create_task(resolver.resolve("slow.example"))
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert run("uvloop", work()).failure is ResolveFailure.FAILED


def test_cancelling_one_who_waits_leaves_the_question_standing() -> None:
    """The answer still comes to those who asked with it."""

    async def work() -> list[Resolution]:
        async with responding() as (responder, resolver):
            responder.records["b.example", A] = [bytes([192, 0, 2, 7])]
            first, second, third = (
                asyncio.create_task(resolver.resolve("b.example")) for _ in range(3)
            )
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            second.cancel()
            return [await first, await third]

    assert {each.addresses for each in run("uvloop", work())} == {("192.0.2.7",)}

"""How far a server is, from the answers to SYN with growing TTL; and what one answer is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from fleetscan import limits
from fleetscan.engine.connect import Refusal
from fleetscan.engine.trace import Answer, Hop, Trace, ask_hop, trace
from fleetscan.vocabulary import IcmpError
from tests import servers
from tests.servers import LOOPS, run

STANDS = Hop(answer=Answer.STANDS)
SILENCE = Hop(answer=Answer.SILENCE)
OTHER = Hop(answer=Answer.OTHER)


def expired(router: str) -> Hop:
    """A router's word."""
    return Hop(answer=Answer.EXPIRED, router=router)


def traced(answer: Callable[[int, int], Hop]) -> tuple[Trace | None, list[int]]:
    """A trace over a way that answers so, by hops and by how often those were tried before.

    Gives the hops that were tried too, in order.
    """
    tried: list[int] = []

    async def ask(hops: int) -> Hop:
        tried.append(hops)
        return answer(hops, tried.count(hops) - 1)

    return asyncio.run(trace(ask)), tried


def on_a_way(routers: Sequence[str]) -> Callable[[int, int], Hop]:
    """A server behind these routers, of which one without a name says nothing."""

    def answer(hops: int, _: int) -> Hop:
        if hops > len(routers):
            return STANDS
        return expired(routers[hops - 1]) if routers[hops - 1] else SILENCE

    return answer


def test_the_first_that_is_answered_is_the_distance() -> None:
    """Two routers before the server, and one hop less is tried again twice."""
    found, tried = traced(on_a_way(("192.0.2.1", "198.51.100.1")))

    assert found == Trace(hops=3, routers=("192.0.2.1", "198.51.100.1"))
    assert tried == [1, 2, 3, 2, 2]


def test_a_neighbour_is_one_hop_away() -> None:
    """Nothing is nearer, so nothing is tried again."""
    assert traced(on_a_way(())) == (Trace(hops=1, routers=()), [1])


def test_routers_that_say_nothing_are_passed_over() -> None:
    """Silence is no end; whoever was silent has no name."""
    found, _ = traced(on_a_way(("192.0.2.1", "", "")))

    assert found == Trace(hops=4, routers=("192.0.2.1", "", ""))


def test_a_lost_packet_makes_no_server_farther() -> None:
    """Too far a distance would turn the server's own RST into one of the path's."""

    def loses(hops: int, before: int) -> Hop:
        return SILENCE if hops == 3 and before == 0 else on_a_way(("a", "b"))(hops, before)

    found, tried = traced(loses)

    assert found == Trace(hops=3, routers=("a", "b"))
    assert tried == [1, 2, 3, 4, 3, 2, 2]


def test_the_shortest_of_several_ways_counts() -> None:
    """Flows may differ in length: what reaches the server on any of them is its distance."""

    def differs(hops: int, before: int) -> Hop:
        return on_a_way(("a", "b", "c") if before % 2 == 0 else ("a", "b"))(hops, before)

    found, _ = traced(differs)

    assert found == Trace(hops=3, routers=("a", "b"))


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("before", [0, 1])
def test_what_is_no_answer_of_a_hop_leaves_it_open(at: int, before: int) -> None:
    """A RST or another ICMP message, at first or when it is tried again, measures nothing."""

    def answer(hops: int, tried: int) -> Hop:
        if (hops, tried) == (at, before):
            return OTHER
        return on_a_way(("a", "b", "c") if at == 3 else ("a",))(hops, tried)

    assert traced(answer)[0] is None


def test_a_way_without_end_ends() -> None:
    """Silence at every hop is given up at the bound."""
    found, tried = traced(lambda hops, _: SILENCE)

    assert (found, tried[-1], len(tried)) == (None, limits.MAX_HOPS, limits.MAX_HOPS)


# RFC 792 and RFC 4443 section 3.3: time exceeded in transit has code 0; code 1 is a fragment's.
@pytest.mark.parametrize(
    ("family", "kind", "code", "answer"),
    [
        (4, 11, 0, Answer.EXPIRED),
        (6, 3, 0, Answer.EXPIRED),
        (4, 11, 1, Answer.OTHER),
        (6, 3, 1, Answer.OTHER),
        (4, 3, 0, Answer.OTHER),
        (6, 11, 0, Answer.OTHER),
    ],
)
def test_only_time_exceeded_in_transit_is_a_router(
    monkeypatch: pytest.MonkeyPatch, family: int, kind: int, code: int, answer: Answer
) -> None:
    """Other messages, and those numbers in the other family, are no word about the hops."""
    icmp = IcmpError(family=family, type=kind, code=code, offender="192.0.2.7")

    def refuses(address: str, port: int, *, hops: int) -> Refusal:
        return Refusal(errno=113, icmp=icmp)

    monkeypatch.setattr("fleetscan.engine.connect.open_socket", refuses)
    hop = asyncio.run(ask_hop("192.0.2.99", 443, 2, 1.0))

    assert hop.answer is answer
    assert hop.router == ("192.0.2.7" if answer is Answer.EXPIRED else "")


@pytest.mark.parametrize("loop_name", LOOPS)
def test_answers_on_loopback(loop_name: str) -> None:
    """One hop reaches this host itself: a connection, a RST, or nothing until the deadline."""

    async def work(address: str) -> list[Answer]:
        answers = []
        async with servers.serving(servers.stays_silent, address) as port:
            answers.append((await ask_hop(address, port, 1, 1.0)).answer)
        answers.append((await ask_hop(address, port, 1, 1.0)).answer)
        return answers

    assert run(loop_name, work("127.0.0.1")) == [Answer.STANDS, Answer.OTHER]
    assert run(loop_name, work("::1")) == [Answer.STANDS, Answer.OTHER]


def test_silence_is_told_from_a_rst() -> None:
    """A SYN that nobody answers is silence, after its deadline."""

    async def work() -> Answer:
        with servers.unanswered_port() as port:
            return (await ask_hop("127.0.0.1", port, 1, 0.1)).answer

    assert run("asyncio", work()) is Answer.SILENCE

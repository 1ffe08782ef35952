"""Politeness as bookkeeping: the bounds hold, and nothing that waits is forgotten."""

from __future__ import annotations

import heapq
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.engine.pacing import Bounds, Job, Pacing, keys_of


def started(pacing: Pacing[str], now: float) -> list[Job[str]]:
    """Everything that may start at `now`."""
    jobs = []
    while (job := pacing.next_ready(now)) is not None:
        jobs.append(job)
    return jobs


def test_at_most_two_to_one_address() -> None:
    """A third job to an address waits for the end of one of the first two."""
    pacing: Pacing[str] = Pacing(Bounds(address_in_flight=2, address_per_second=1000))
    for work in "abc":
        pacing.submit("192.0.2.1", work)

    first = [*started(pacing, 1.0), *started(pacing, 1.1), *started(pacing, 1.2)]
    assert [job.work for job in first] == ["a", "b"]

    pacing.finished(first[0], 2.0)
    assert [job.work for job in started(pacing, 2.0)] == ["c"]


def test_a_blocked_address_does_not_block_others() -> None:
    """What one address holds back stands in nobody's way."""
    pacing: Pacing[str] = Pacing(Bounds(address_in_flight=1))
    for _ in range(50):
        pacing.submit("192.0.2.1", "same")
    pacing.submit("192.0.2.2", "other")

    assert [job.work for job in started(pacing, 1.0)] == ["same", "other"]


def test_twenty_a_second_to_one_address_are_spread_evenly() -> None:
    """With 20 a second the next start to an address is 50 ms after the last."""
    pacing: Pacing[str] = Pacing(Bounds(address_per_second=20))
    for work in "ab":
        pacing.submit("192.0.2.1", work)

    (first,) = started(pacing, 10.0)
    pacing.finished(first, 10.001)

    assert started(pacing, 10.049) == []
    assert pacing.wake_at(10.049) == pytest.approx(10.05)
    assert [job.work for job in started(pacing, 10.051)] == ["b"]


def test_at_most_64_to_one_prefix() -> None:
    """Addresses of one /24 share a bound; those of the next do not count."""
    pacing: Pacing[str] = Pacing(Bounds(prefix_in_flight=64))
    for last in range(1, 101):
        pacing.submit(f"192.0.2.{last}", "here")
    pacing.submit("192.0.3.1", "next")

    works = Counter(job.work for job in started(pacing, 1.0))

    assert works == {"here": 64, "next": 1}


def test_a_prefix_is_not_held_up_by_one_of_its_addresses() -> None:
    """A job handed back by its prefix and held by its address passes the turn on."""
    pacing: Pacing[str] = Pacing(
        Bounds(prefix_in_flight=2, address_in_flight=1, address_per_second=1)
    )
    pacing.submit("192.0.2.1", "x")
    pacing.submit("192.0.2.2", "y")
    (first, second) = started(pacing, 1.0)
    for _ in range(5):
        pacing.submit("192.0.2.3", "crowd")
    pacing.submit("192.0.2.4", "z")
    assert started(pacing, 1.0) == []

    pacing.finished(first, 1.1)
    pacing.finished(second, 1.1)

    assert sorted(job.work for job in started(pacing, 1.1)) == ["crowd", "z"]


def test_ipv6_shares_by_48() -> None:
    """Two /64s of one /48 share the prefix's bound; another /48 does not."""
    pacing: Pacing[str] = Pacing(Bounds(prefix_in_flight=1))
    pacing.submit("2001:db8:1:1::1", "a")
    pacing.submit("2001:db8:1:2::1", "b")
    pacing.submit("2001:db8:2::1", "c")

    assert [job.work for job in started(pacing, 1.0)] == ["a", "c"]


def test_the_global_rate_is_smooth() -> None:
    """At 100 a second, starts over one second are 100, and 10 ms give no more than two."""
    pacing: Pacing[str] = Pacing(Bounds(rate=100.0))
    for number in range(400):
        pacing.submit(f"10.{number // 256}.{number % 256}.1", "x")
    counts = [len(started(pacing, 5.0 + tick / 100)) for tick in range(101)]

    assert max(counts) <= 2
    assert 99 <= sum(counts) <= 102


def test_concurrency_may_be_lowered_under_way() -> None:
    """After lowering, nothing starts until enough has ended."""
    pacing: Pacing[str] = Pacing(Bounds(concurrency=3))
    for number in range(6):
        pacing.submit(f"10.0.{number}.1", "x")
    jobs = started(pacing, 1.0)
    pacing.concurrency = 1

    pacing.finished(jobs[0], 2.0)
    pacing.finished(jobs[1], 2.0)
    assert started(pacing, 2.0) == []

    pacing.finished(jobs[2], 2.0)
    assert len(started(pacing, 2.0)) == 1


def test_withdraw_gives_back_everything_that_did_not_start() -> None:
    """Ready, held by an address, held by a prefix: each is given back once."""
    pacing: Pacing[str] = Pacing(Bounds(concurrency=2, address_in_flight=1, prefix_in_flight=1))
    for work, address in (("a", "10.0.0.1"), ("b", "10.0.0.1"), ("c", "10.0.0.2")):
        pacing.submit(address, work)
    for number in range(3):
        pacing.submit(f"10.1.{number}.1", f"r{number}")
    running = [job.work for job in started(pacing, 1.0)]

    withdrawn = list(pacing.withdraw())

    assert sorted(running + withdrawn) == ["a", "b", "c", "r0", "r1", "r2"]
    assert pacing.waiting == 0


@pytest.mark.parametrize("text", ["", "example.com", "10.0.0", "10.0.0.1:443", "::1]"])
def test_only_addresses_are_taken(text: str) -> None:
    """A name never reaches connect, which would resolve it and block the loop."""
    with pytest.raises(OSError):
        Pacing[str](Bounds()).submit(text, "x")


def test_names_that_only_a_proxy_resolves_are_paced_by_name() -> None:
    """No address is known: each name has the bounds of one address, and none of a network."""
    pacing: Pacing[str] = Pacing(Bounds(address_in_flight=1, prefix_in_flight=2))
    for name in ("a.test", "a.test", "b.test", "c.test"):
        pacing.submit("", name, name=name)
    pacing.submit("192.0.2.1", "an address", name="a.test")

    assert [job.work for job in started(pacing, 1.0)] == [
        "a.test",
        "b.test",
        "c.test",
        "an address",
    ]


def test_a_mapped_address_is_the_host_it_stands_for() -> None:
    """RFC 4291 section 2.5.5.2: ::ffff:192.0.2.1 is 192.0.2.1."""
    assert keys_of("::ffff:192.0.2.1") == keys_of("192.0.2.1")


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 40)),
        min_size=1,
        max_size=120,
    ),
    st.integers(1, 6),
    st.integers(1, 2),
    st.integers(1, 4),
    st.sampled_from([None, 50.0]),
)
def test_every_job_starts_once_and_no_bound_is_broken(
    jobs: list[tuple[int, int, int]],
    concurrency: int,
    address_in_flight: int,
    prefix_in_flight: int,
    rate: float | None,
) -> None:
    """Any mixture of addresses and durations: all start, within all bounds, and nothing is kept."""
    bounds = Bounds(
        concurrency=concurrency,
        rate=rate,
        address_in_flight=address_in_flight,
        address_per_second=20,
        prefix_in_flight=prefix_in_flight,
    )
    pacing: Pacing[tuple[str, int]] = Pacing(bounds)
    now = 100.0
    done: Counter[str] = Counter()
    for prefix, host, duration in jobs:
        address = f"10.0.{prefix}.{host}"
        pacing.submit(address, (address, duration))
    ends: list[tuple[float, int, Job[tuple[str, int]]]] = []
    last: dict[str, float] = {}
    for turn in range(20_000):
        while (job := pacing.next_ready(now)) is not None:
            address = job.work[0]
            assert now - last.get(address, 0.0) >= 0.05 - 1e-9
            last[address] = now
            done[address] += 1
            heapq.heappush(ends, (now + job.work[1] / 1000, turn * 1000 + len(ends), job))
            running = Counter(entry[2].work[0] for entry in ends)
            prefixes = Counter(entry[2].work[0].rpartition(".")[0] for entry in ends)
            assert len(ends) <= concurrency
            assert max(running.values()) <= address_in_flight
            assert max(prefixes.values()) <= prefix_in_flight
        wake = pacing.wake_at(now)
        times = [time for time in (wake, ends[0][0] if ends else None) if time is not None]
        if not times:
            break
        now = max(now, min(times))
        while ends and ends[0][0] <= now:
            pacing.finished(heapq.heappop(ends)[2], now)

    assert sum(done.values()) == len(jobs)
    pacing.next_ready(now + 1.0)
    assert pacing.places == 0


def test_what_is_waited_for_comes_first_at_every_bound() -> None:
    """A question overtakes what waits for a turn, for its address and for its network."""
    pacing: Pacing[str] = Pacing(
        Bounds(address_in_flight=1, prefix_in_flight=2, address_per_second=1000)
    )
    for work in ("first", "second", "third"):
        pacing.submit("192.0.2.1", work)
    pacing.submit("192.0.2.2", "neighbour")
    running = {job.work: job for job in started(pacing, 1.0)}
    pacing.submit("192.0.2.3", "another")
    assert (sorted(running), started(pacing, 1.0)) == (["first", "neighbour"], [])
    pacing.submit("192.0.2.1", "question", asked=True)
    pacing.submit("192.0.2.4", "asked next door", asked=True)
    assert started(pacing, 1.0) == []

    pacing.finished(running["first"], 2.0)
    pacing.finished(running["neighbour"], 2.0)

    assert sorted(job.work for job in started(pacing, 2.0)) == ["asked next door", "question"]


def test_while_first_probes_are_stopped_time_wakes_questions_only() -> None:
    """Whoever asks when to come back is not sent round for work that may not start."""
    pacing: Pacing[str] = Pacing(Bounds(address_per_second=20))
    pacing.submit("192.0.2.1", "probe")

    assert pacing.next_ready(1.0, asked_only=True) is None
    assert pacing.wake_at(1.0, asked_only=True) is None
    assert pacing.wake_at(1.0) == 1.0

    for work in ("question", "another"):
        pacing.submit("192.0.2.1", work, asked=True)
    (job,) = [pacing.next_ready(1.0, asked_only=True)]
    assert job is not None
    assert pacing.next_ready(1.0, asked_only=True) is None
    assert (job.work, pacing.wake_at(1.0, asked_only=True)) == ("question", 1.05)
    pacing.finished(job, 1.01)
    (job,) = [pacing.next_ready(1.06, asked_only=True)]
    assert job is not None
    pacing.finished(job, 1.07)
    assert pacing.next_ready(1.07) is None  # the probe waits for its address's interval now
    assert pacing.wake_at(1.07) == pytest.approx(1.11)
    assert pacing.wake_at(1.07, asked_only=True) is None

    pacing.submit("192.0.2.1", "last", asked=True)
    assert sorted(pacing.withdraw()) == ["last", "probe"]
    assert (pacing.waiting, pacing.wake_at(1.0), pacing.wake_at(1.0, asked_only=True)) == (
        0,
        None,
        None,
    )


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 40), st.booleans()),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 30),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(1, 3),
)
def test_no_question_waits_for_first_probes_that_are_stopped(
    jobs: list[tuple[int, int, int, bool]],
    turns_before: int,
    concurrency: int,
    address_in_flight: int,
    prefix_in_flight: int,
) -> None:
    """Whatever had started before: all questions start then, and all else when it may again."""
    bounds = Bounds(
        concurrency=concurrency,
        address_in_flight=address_in_flight,
        address_per_second=20,
        prefix_in_flight=prefix_in_flight,
    )
    pacing: Pacing[tuple[int, bool]] = Pacing(bounds)
    for prefix, host, duration, asked in jobs:
        pacing.submit(f"10.0.{prefix}.{host}", (duration, asked), asked=asked)
    now = 100.0
    done: Counter[bool] = Counter()
    ends: list[tuple[float, int, Job[tuple[int, bool]]]] = []

    def run(turns: int, *, asked_only: bool) -> None:
        """So many turns of time, or fewer when nothing more can happen."""
        nonlocal now
        for _ in range(turns):
            while (job := pacing.next_ready(now, asked_only=asked_only)) is not None:
                assert job.work[1] or not asked_only
                done[job.work[1]] += 1
                heapq.heappush(ends, (now + job.work[0] / 1000, done.total(), job))
            wake = pacing.wake_at(now, asked_only=asked_only)
            times = [time for time in (wake, ends[0][0] if ends else None) if time is not None]
            if not times:
                return
            now = max(now, min(times))
            while ends and ends[0][0] <= now:
                pacing.finished(heapq.heappop(ends)[2], now)

    run(turns_before, asked_only=False)
    run(10_000, asked_only=True)
    assert done[True] == sum(asked for *_, asked in jobs)

    run(10_000, asked_only=False)
    assert done.total() == len(jobs)
    pacing.next_ready(now + 1.0)
    assert pacing.places == 0

"""Who may start next: the politeness of a scan, as bookkeeping without I/O.

Four bounds hold at once: connections under way over all and new ones a second, and for
each address and each prefix how many are under way, with a smallest distance in time
between two to the same address. A job that one bound holds back is parked at that bound
and stands in nobody's way.

Work that somebody waits for, a question of a diagnosis, comes before work that nobody does,
at every bound. Who waits holds the stream of results back meanwhile: when the first probes are
stopped because their outcomes are not taken, questions still start (`asked_only`).

Why no job is forgotten: a job is parked only while the bound that holds it is used up, and
each end of a job (and each passing of an address's interval) hands one parked job back to
the ready queue. A job handed back either starts, and its own end hands back the next, or
is parked anew at a bound that is used up.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from fleetscan import limits

WorkT = TypeVar("WorkT")

_BURST_S: Final = 0.01
"""How much of the global rate may leave at once: loop timers are not finer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of one scan; counts, and starts a second."""

    concurrency: int = limits.DEFAULT_CONCURRENCY
    rate: float | None = None
    address_in_flight: int = limits.ADDRESS_IN_FLIGHT
    address_per_second: float = limits.ADDRESS_PER_SECOND
    prefix_in_flight: int = limits.PREFIX_IN_FLIGHT


class _Place(Generic[WorkT]):
    """What is known of one address or prefix while it has work."""

    __slots__ = ("asked", "in_flight", "jobs", "key", "next_at", "parked")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.jobs = 0  # submitted and not finished, wherever they are
        self.in_flight = 0
        self.next_at = 0.0
        # Made when first needed: most addresses never hold anything back.
        self.parked: deque[Job[WorkT]] | None = None
        self.asked: deque[Job[WorkT]] | None = None

    def park(self, job: Job[WorkT]) -> None:
        """Keep `job` until this place has room."""
        if job.asked:
            if self.asked is None:
                self.asked = deque()
            self.asked.append(job)
            return
        if self.parked is None:
            self.parked = deque()
        self.parked.append(job)

    def unpark(self) -> Job[WorkT] | None:
        """Give back the job whose turn it is, None when none is kept."""
        if self.asked:
            return self.asked.popleft()
        return self.parked.popleft() if self.parked else None


class Job(Generic[WorkT]):
    """One piece of work that wants to start, and where it goes."""

    __slots__ = ("address", "asked", "prefix", "work")

    def __init__(
        self, work: WorkT, address: _Place[WorkT], prefix: _Place[WorkT], *, asked: bool = False
    ) -> None:
        self.work = work
        self.address = address
        self.prefix = prefix
        self.asked = asked


class Pacing(Generic[WorkT]):
    """The bounds and everything that waits for them. Times are monotonic seconds.

    `concurrency` may be changed while work is under way: the engine lowers it when
    this machine runs out of something.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.concurrency = bounds.concurrency
        self.in_flight = 0
        self.waiting = 0
        self._bounds = bounds
        self._interval_s = 1.0 / bounds.address_per_second
        self._tick_s = 0.0 if bounds.rate is None else 1.0 / bounds.rate
        self._global_next = 0.0
        self._asked_waiting = 0
        self._ready: deque[Job[WorkT]] = deque()
        self._ready_asked: deque[Job[WorkT]] = deque()
        self._addresses: dict[bytes, _Place[WorkT]] = {}
        self._prefixes: dict[bytes, _Place[WorkT]] = {}
        # Addresses in the order of their last starts, hence of the ends of their intervals.
        self._intervals: deque[tuple[float, _Place[WorkT]]] = deque()

    @property
    def places(self) -> int:
        """Addresses and prefixes that are remembered; none once all is done and idle."""
        return len(self._addresses) + len(self._prefixes)

    def submit(self, address: str, work: WorkT, *, name: str = "", asked: bool = False) -> None:
        """Take work for an IP address, given as text.

        Args:
            address: `""` where only a proxy knows it.
            work: given back by `next_ready`.
            name: what stands for the address then; its network is not known.
            asked: whether somebody waits for it.

        Raises:
            OSError: `address` is no IP address.
        """
        by_name = bool(name and not address)
        address_key, prefix_key = (_key(name), _key(name)) if by_name else keys_of(address)
        place = self._addresses.get(address_key)
        if place is None:
            place = self._addresses[address_key] = _Place(address_key)
        prefix = self._prefixes.get(prefix_key)
        if prefix is None:
            prefix = self._prefixes[prefix_key] = _Place(prefix_key)
        place.jobs += 1
        prefix.jobs += 1
        self._queue(Job(work, place, prefix, asked=asked))
        self.waiting += 1
        self._asked_waiting += asked

    def next_ready(self, now: float, *, asked_only: bool = False) -> Job[WorkT] | None:
        """Start one job and give it, or None when nothing may start at `now`.

        The caller tells `finished` when the job has ended.
        """
        self._pass_intervals(now)
        # Ends: each turn starts a job or takes one out of a queue to park it.
        while self.in_flight < self.concurrency and now >= self._global_next:
            if self._ready_asked:
                job = self._ready_asked.popleft()
            elif self._ready and not asked_only:
                job = self._ready.popleft()
            else:
                return None
            if self._held_back(job, now):
                continue
            self._start(job, now)
            return job
        return None

    def finished(self, job: Job[WorkT], now: float) -> None:
        """Note the end of a started job and hand back what waited for it."""
        self.in_flight -= 1
        address, prefix = job.address, job.prefix
        address.in_flight -= 1
        address.jobs -= 1
        prefix.in_flight -= 1
        prefix.jobs -= 1
        if address.next_at <= now:
            self._hand_back(address)
        self._hand_back(prefix)
        self._forget_if_idle(address, now)
        if prefix.jobs == 0:
            self._prefixes.pop(prefix.key, None)

    def wake_at(self, now: float, *, asked_only: bool = False) -> float | None:
        """When time alone may let a job start; None when only the end of a job can."""
        waiting = self._asked_waiting if asked_only else self.waiting
        if not waiting or self.in_flight >= self.concurrency:
            return None
        if self._ready_asked or (self._ready and not asked_only):
            return max(self._global_next, now)
        return self._intervals[0][0] if self._intervals else None

    def withdraw(self) -> Iterator[WorkT]:
        """Take back all work that has not started."""
        for place in (*self._addresses.values(), *self._prefixes.values()):
            # Ends: nothing is parked anew meanwhile.
            while (job := place.unpark()) is not None:
                self._queue(job)
        for queue in (self._ready_asked, self._ready):
            while queue:
                job = queue.popleft()
                job.address.jobs -= 1
                job.prefix.jobs -= 1
                self.waiting -= 1
                self._asked_waiting -= job.asked
                yield job.work

    # -- inside ------------------------------------------------------------------

    def _queue(self, job: Job[WorkT]) -> None:
        (self._ready_asked if job.asked else self._ready).append(job)

    def _held_back(self, job: Job[WorkT], now: float) -> bool:
        address, prefix = job.address, job.prefix
        if address.in_flight >= self._bounds.address_in_flight or address.next_at > now:
            address.park(job)
            if prefix.in_flight < self._bounds.prefix_in_flight:
                # It may have come from the prefix's queue: its turn goes to the next there.
                self._hand_back(prefix)
            return True
        if prefix.in_flight >= self._bounds.prefix_in_flight:
            prefix.park(job)
            return True
        return False

    def _start(self, job: Job[WorkT], now: float) -> None:
        address = job.address
        self.waiting -= 1
        self._asked_waiting -= job.asked
        self.in_flight += 1
        address.in_flight += 1
        job.prefix.in_flight += 1
        address.next_at = now + self._interval_s
        self._intervals.append((address.next_at, address))
        if self._tick_s:
            # A bucket in one number: it may lag behind the clock by one burst at most.
            self._global_next = max(self._global_next, now - _BURST_S) + self._tick_s

    def _pass_intervals(self, now: float) -> None:
        intervals = self._intervals
        while intervals and intervals[0][0] <= now:
            _, address = intervals.popleft()
            if address.next_at > now:
                continue  # started again since; that start has an entry of its own
            if address.in_flight < self._bounds.address_in_flight:
                self._hand_back(address)
            self._forget_if_idle(address, now)

    def _hand_back(self, place: _Place[WorkT]) -> None:
        job = place.unpark()
        if job is not None:
            self._queue(job)

    def _forget_if_idle(self, address: _Place[WorkT], now: float) -> None:
        if address.jobs or address.next_at > now:
            return
        # By identity: the interval of a place forgotten earlier may pass only now.
        if self._addresses.get(address.key) is address:
            del self._addresses[address.key]


def keys_of(address: str) -> tuple[bytes, bytes]:
    """The address and its /24 or /48 as dictionary keys.

    An IPv4-mapped address (RFC 4291 section 2.5.5.2) is the IPv4 host it stands for.

    Raises:
        OSError: `address` is no IP address.
    """
    if ":" not in address:
        packed = socket.inet_pton(socket.AF_INET, address)
        return packed, packed[: limits.IPV4_PREFIX // 8]
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    if packed.startswith(_MAPPED):
        packed = packed[len(_MAPPED) :]
        return packed, packed[: limits.IPV4_PREFIX // 8]
    return packed, packed[: limits.IPV6_PREFIX // 8]


def _key(name: str) -> bytes:
    """A key that no address has."""
    return b"name " + name.encode()


_MAPPED: Final = bytes(10) + b"\xff\xff"

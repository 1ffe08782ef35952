"""This machine's shortage slows the scan and passes."""

from __future__ import annotations

from fleetscan.engine.config import ScanConfig
from fleetscan.engine.pacing import Bounds, Pacing
from fleetscan.engine.resources import RESERVED, concurrency_within
from fleetscan.engine.throttle import Throttle, bounds_within_limits


def test_a_shortage_lowers_the_bound_once_however_many_meet_it() -> None:
    """A hundred probes that fail together cut a quarter, and tell the user once."""
    pacing: Pacing[int] = Pacing(Bounds(concurrency=100))
    pacing.in_flight = 100
    warnings: list[str] = []
    throttle = Throttle(pacing, warnings.append)

    for _ in range(100):
        throttle.slow_down(24)  # EMFILE, errno(3) on Linux

    assert pacing.concurrency == 75
    assert len(warnings) == 1
    assert "EMFILE" in warnings[0]


def test_the_bound_never_falls_below_one() -> None:
    """A machine that is short for ever still scans one target at a time."""
    pacing: Pacing[int] = Pacing(Bounds(concurrency=2))
    pacing.in_flight = 1
    Throttle(pacing, lambda _: None).slow_down(24)

    assert pacing.concurrency == 1


def test_the_bound_comes_back_and_not_further() -> None:
    """After enough probes without trouble it is what was asked for."""
    pacing: Pacing[int] = Pacing(Bounds(concurrency=100))
    throttle = Throttle(pacing, lambda _: None)
    pacing.in_flight = 40
    throttle.slow_down(24)
    seen = [pacing.concurrency]
    for _ in range(10_000):
        throttle.note_success()
        seen.append(pacing.concurrency)

    assert seen == sorted(seen)
    assert seen[0] == 30
    assert seen[-1] == 100


def test_descriptors_bound_the_concurrency() -> None:
    """What is reserved for other things is not given to probes; one is always allowed."""
    assert concurrency_within(RESERVED + 10, 1_000) == 10
    assert concurrency_within(1 << 20, 1_000) == 1_000
    assert concurrency_within(3, 1_000) == 1


def test_a_proxy_bounds_the_concurrency_of_the_whole_scan() -> None:
    """What goes through one proxy is bounded for it; without one the bound is not looked at."""
    warnings: list[str] = []
    for proxy, expected in (("http://proxy.test", 5), ("", 20)):
        config = ScanConfig(concurrency=20, proxy_in_flight=5, proxy=proxy)
        assert bounds_within_limits(config, warnings.append).concurrency == expected

    assert warnings == []


def test_the_bounds_are_those_of_the_configuration() -> None:
    """Nothing is lost on the way, and nothing is told when nothing was lowered."""
    warnings: list[str] = []
    config = ScanConfig(
        concurrency=1, rate=5.0, address_in_flight=1, address_per_second=2.0, prefix_in_flight=3
    )

    bounds = bounds_within_limits(config, warnings.append)

    assert bounds == Bounds(
        concurrency=1, rate=5.0, address_in_flight=1, address_per_second=2.0, prefix_in_flight=3
    )
    assert warnings == []

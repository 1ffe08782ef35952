"""What a caller of the Python API may get wrong is told before anything is sent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from fleetscan.engine.checks import check_config, check_target, dependable_clock
from fleetscan.engine.config import Deadlines, ScanConfig
from fleetscan.errors import UsageError
from fleetscan.inventory.target import Target

TARGET = Target(input="x", origin="listed", address="192.0.2.1", port=443)


def boom() -> float:
    """A clock that is broken."""
    raise RuntimeError("no time")


@pytest.mark.parametrize(
    "changes",
    [
        {"concurrency": 0},
        {"address_in_flight": 0},
        {"prefix_in_flight": 0},
        {"rate": 0.0},
        {"rate": math.nan},
        {"address_per_second": 0.0},
        {"addresses": "some"},
        {"policy": ""},
        {"nameservers": ("resolver.example",)},
        {"nameservers": ("192.0.2.1:99999",)},
        {"alpn": ("",)},
        {"alpn": ("a" * 256,)},
        {"alpn": ("\u00e4",)},
        {"deadlines": Deadlines(total=0)},
        {"deadlines": Deadlines(handshake=math.nan)},
        {"deadlines": Deadlines(connect=math.inf)},
        {"deadlines": Deadlines(confirm=-1)},
        {"deadlines": Deadlines(proxy=0)},
        {"proxy": "ftp://proxy.test"},
        {"proxy": "http://proxy.test", "proxy_credentials": ("", "x")},
        {"proxy": "http://proxy.test", "proxy_in_flight": 0},
        {"proxy": "http://proxy.test", "proxy_names": True, "excludes": ("10.0.0.0/8",)},
        {"proxy_names": True},
        {"proxy_credentials": ("u", "p")},
        {"fetch": ("crl",)},
        {"fetch": ("aia",), "proxy": "http://proxy.test"},
        {"fetch_allow": ("10/8",)},
    ],
    ids=str,
)
def test_a_configuration_that_would_never_end_or_never_speak(changes: dict[str, Any]) -> None:
    """Nought in flight waits for ever; nought a second divides by nothing."""
    check_config(ScanConfig())

    with pytest.raises(UsageError):
        check_config(replace(ScanConfig(), **changes))


def test_a_configuration_never_shows_a_password() -> None:
    """It is printed in tracebacks and logs of whoever embeds us."""
    config = ScanConfig(proxy="http://u:hunter2@proxy.test", proxy_credentials=("u", "hunter2"))

    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"port": 70_000},
        {"port": -1},
        {"port": "443"},
        {"address": "example.com"},
        {"address": "fe80::1%eth0"},
        {"address": "192.0.2.1\0"},
        {"address": ""},
        {"starttls": "gopher"},
        {"server_name": "\u00fc" * 70},
        {"server_name": "a" * 70_000},
    ],
    ids=lambda changes: next(iter(changes)) + ascii(next(iter(changes.values())))[:12],
)
def test_a_target_that_cannot_be_scanned(changes: dict[str, Any]) -> None:
    """Said as the caller's mistake, in one line, and never as an error of ours."""
    assert check_target(TARGET) is TARGET

    with pytest.raises(UsageError) as caught:
        check_target(replace(TARGET, **changes))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "clock",
    [boom, *(lambda value=value: value for value in (math.nan, math.inf, 1e300, None, "x"))],
)
def test_a_broken_clock_is_replaced_and_told_once(clock: Any) -> None:  # noqa: ANN401
    """Every result has a time that can be written (RFC 3339 section 1: years 0 to 9999)."""
    warnings: list[str] = []
    now = dependable_clock(clock, warnings.append)

    moments = [now(), now()]

    assert all(0 < moment <= 253_402_300_799 for moment in moments)
    assert len(warnings) == 1


def test_a_good_clock_is_asked_as_it_is() -> None:
    """Nothing is added and nothing told."""
    warnings: list[str] = []

    assert dependable_clock(lambda: 1_800_000_000, warnings.append)() == 1_800_000_000.0
    assert warnings == []

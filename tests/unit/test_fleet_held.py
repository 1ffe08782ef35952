"""What waits on the disk: nothing is lost, nothing is told twice, memory stays bounded."""

from __future__ import annotations

import errno
import gc
import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import IO

import pytest

from fleetscan import limits
from fleetscan._parse import ParseFault
from fleetscan.engine.outcome import ProbeOutcome
from fleetscan.errors import OutputError, ParseError
from fleetscan.facts import HandshakeFacts, MalformedCertificate
from fleetscan.fleet.held import HeldResults
from fleetscan.inventory.target import Target
from fleetscan.tls.events import Offer
from fleetscan.vocabulary import Alert, IcmpError, Origin, Stage
from tests import certificates

ROOT = certificates.root()
LEAF = certificates.leaf(issuer=ROOT)

FACTS = HandshakeFacts(
    stage=Stage.CONFIRMED,
    icmp=IcmpError(family=4, type=3, code=13, offender="192.0.2.9"),
    alert=Alert(origin=Origin.PEER, level=2, description=40),
    parse_error=ParseError(ParseFault.TRUNCATED, "cert_data", 7),
    offer=Offer(
        profile="browser",
        server_name="b.example",
        versions=(0x0304,),
        cipher_suites=(0x1301,),
        groups=(29,),
        signature_schemes=(0x0403,),
        alpn=("h2",),
        octets=517,
    ),
    certificates=(
        LEAF.parsed,
        MalformedCertificate(
            sha256="00" * 32, octets=3, error=ParseError(ParseFault.TRAILING_DATA, "tbs", 2)
        ),
        ROOT.parsed,
    ),
)


def outcome(port: int) -> ProbeOutcome:
    """One with everything in it that has a form of its own."""
    target = Target(input="b.example", origin="listed", host="b.example", port=port)
    return ProbeOutcome(target=target, address="192.0.2.1", facts=FACTS, probes=1, ended_at=1.5)


def held(
    in_memory: int, open_file: Callable[[], IO[bytes]] | None = None
) -> tuple[HeldResults, list[str]]:
    """A queue and what it warns of."""
    told: list[str] = []
    if open_file is None:
        return HeldResults(warn=told.append, max_in_memory=in_memory), told
    return HeldResults(warn=told.append, max_in_memory=in_memory, open_file=open_file), told


def ports(outcomes: object) -> list[int]:
    """The ports, which are the order."""
    assert hasattr(outcomes, "__iter__")
    return [each.target.port for each in outcomes]


def without_errors(facts: HandshakeFacts) -> HandshakeFacts:
    """Facts that compare: an exception is equal to itself alone."""
    chain = tuple(
        replace(one, error=ParseError(ParseFault.OK, str(one.error), 0))
        if isinstance(one, MalformedCertificate)
        else one
        for one in facts.certificates
    )
    return replace(facts, parse_error=None, certificates=(chain[0], chain[2]))


def test_what_comes_back_from_the_disk_is_what_went_there() -> None:
    """Every kind of field, the parser's objects and its errors included."""
    queue, _ = held(0)
    assert queue.add(outcome(443))

    (back,) = queue.take()

    assert back.facts is not None
    assert without_errors(back.facts) == without_errors(FACTS)
    assert str(back.facts.parse_error) == str(FACTS.parse_error)
    assert replace(back, facts=None) == replace(outcome(443), facts=None)


def test_thousands_wait_with_a_few_in_memory() -> None:
    """Memory is a batch and the bound, whatever waits: looked at once and taken once."""
    count = 5_000
    queue, told = held(3)
    queue.add(outcome(1))  # what is loaded once is not counted
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    for port in range(2, count + 1):
        assert queue.add(outcome(port))
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 4 * limits.SPILL_BATCH
    assert (len(queue), queue.in_memory) == (count, 3)
    assert ports(queue) == list(range(1, count + 1))
    assert len(queue) == count
    assert ports(queue.take()) == list(range(1, count + 1))
    assert (len(queue), ports(queue.take()), told) == (0, [], [])


def test_looking_does_not_disturb_what_is_added_later() -> None:
    """The place where the file was read last is not where it is written next."""
    queue, _ = held(0)
    for port in range(1, 1_001):
        queue.add(outcome(port))
        if port == 500:
            assert next(iter(queue)).target.port == 1

    assert ports(queue.take()) == list(range(1, 1_001))


def test_the_count_falls_as_they_are_taken() -> None:
    """Progress shows what still waits."""
    queue, _ = held(1)
    for port in range(1, 4):
        queue.add(outcome(port))

    assert [len(queue) for _ in queue.take()] == [2, 1, 0]


class SmallDisk(io.BytesIO):
    """A file on a disk with room for so many octets, written in pieces as raw files are."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, octets: memoryview, /) -> int:  # type: ignore[override]
        """As much as there is room for, at most 1,000 octets at once."""
        free = self.room - self.tell()
        if free <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(octets)[: min(free, 1_000)])


@pytest.mark.parametrize("room", [0, 70_000, 150_000])
def test_a_disk_that_fills_up_loses_nothing_that_was_taken(room: int) -> None:
    """Said once; what was refused was refused, and everything else comes back."""
    queue, told = held(2, lambda: SmallDisk(room))

    taken = [port for port in range(1, 500) if queue.add(outcome(port))]

    assert 2 < len(taken) < 499
    assert taken == list(range(1, len(taken) + 1))
    assert ports(queue.take()) == taken
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert "\n" not in told[0]


def test_a_file_that_cannot_be_made_is_a_full_disk() -> None:
    """No usable temporary directory: the first batch is still in memory."""

    def none() -> IO[bytes]:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    queue, told = held(0, none)
    taken = [port for port in range(1, 500) if queue.add(outcome(port))]

    assert ports(queue.take()) == taken
    assert len(told) == 1


def test_what_waits_on_the_disk_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary directory is often memory."""
    monkeypatch.setattr(limits, "MAX_SPILLED_OCTETS", 50_000)
    queue, told = held(0)

    taken = [port for port in range(1, 500) if queue.add(outcome(port))]

    assert 0 < len(taken) < 499
    assert ports(queue.take()) == taken
    assert len(told) == 1


def test_a_disk_that_cannot_be_read_is_an_error_of_one_line() -> None:
    """Results that are lost are never silently lost."""

    class Broken(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    queue, _ = held(0, Broken)
    for port in range(1, 200):
        queue.add(outcome(port))

    with pytest.raises(OutputError, match="cannot be read back: Input/output error"):
        list(queue.take())


def test_labels_of_any_mapping_can_wait() -> None:
    """A caller's read-only mapping has no copy of its own; its items have."""
    target = replace(outcome(1).target, labels=MappingProxyType({"owner": "payments"}))
    queue, told = held(0)

    assert queue.add(replace(outcome(1), target=target))
    (back,) = queue.take()

    assert back.target.labels == {"owner": "payments"}
    assert told == []


def test_an_outcome_that_has_no_copy_is_refused() -> None:
    """It is judged at once, then; the others wait on."""
    labels = {"owner": lambda: "payments"}
    target = replace(outcome(1).target, labels=labels)  # type: ignore[arg-type]
    queue, told = held(0)

    assert not queue.add(replace(outcome(1), target=target))
    assert queue.add(outcome(2))
    assert ports(queue.take()) == [2]
    assert len(told) == 1


def test_closing_gives_up_what_waits() -> None:
    """And the room on the disk."""
    queue, _ = held(1)
    for port in range(1, 200):
        queue.add(outcome(port))
    queue.close()

    assert len(queue) == 0
    assert ports(queue.take()) == []

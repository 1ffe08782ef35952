"""A connection's states without a network: every order of callbacks, and what decides an end."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.engine import errqueue
from fleetscan.engine._connection import Connection
from fleetscan.engine.config import Deadlines
from fleetscan.engine.errqueue import Queued
from fleetscan.tls.events import AlertSeen, Completed, Confirmed, ConnectFailed, Ended
from fleetscan.vocabulary import ConfirmedBy, EndedBy, IcmpError, Origin
from tests.servers import ANSWER, HELLO, PretendConversation

if TYPE_CHECKING:
    from fleetscan.tls.conversation import Conversation


class PretendTimer:
    """A timer that a test fires."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Never mind."""
        self.cancelled = True


class PretendLoop:
    """Makes futures and collects timers."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.timers: list[PretendTimer] = []

    def create_future(self) -> asyncio.Future[None]:
        """A future of a loop that does not run."""
        return self._loop.create_future()

    def call_later(self, delay: float, callback: Callable[[], None]) -> PretendTimer:
        """Keep it."""
        assert delay >= 0
        self.timers.append(PretendTimer(callback))
        return self.timers[-1]

    def close(self) -> None:
        """Free the selector."""
        self._loop.close()


class PretendTransport:
    """Takes what is written; `holds` keeps it in the buffer, as before the SYN is answered."""

    def __init__(self, *, holds: bool = False) -> None:
        self.written: list[bytes] = []
        self.closed = self.aborted = 0
        self.holds = holds

    def set_write_buffer_limits(self, high: int) -> None:
        """Nothing to do."""

    def get_write_buffer_size(self) -> int:
        """What has not left."""
        return sum(map(len, self.written)) if self.holds else 0

    def write(self, octets: bytes) -> None:
        """Keep it."""
        assert octets
        self.written.append(octets)

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return bool(self.closed or self.aborted)

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def abort(self) -> None:
        """Count it."""
        self.aborted += 1


@contextmanager
def connection(
    conversation: Any = None,  # noqa: ANN401
    *,
    deadlines: Deadlines | None = None,
) -> Iterator[tuple[Connection, PretendLoop, socket.socket]]:
    """A connection over one end of a socket pair; the other end is the peer's."""
    ours, peers = socket.socketpair()
    ours.setblocking(False)
    loop = PretendLoop()
    now = monotonic()
    try:
        yield (
            Connection(
                cast("Conversation", conversation or PretendConversation()),
                ours,
                deadlines or Deadlines(),
                now,
                now + 20.0,
                cast("asyncio.AbstractEventLoop", loop),
            ),
            loop,
            peers,
        )
    finally:
        loop.close()
        ours.close()
        peers.close()


def made(one: Connection, transport: PretendTransport) -> None:
    """The loop tells the connection of its transport."""
    one.connection_made(cast("asyncio.BaseTransport", transport))


class Says(PretendConversation):
    """Is finished by the first octets, with the events that it was given."""

    says: tuple[Any, ...] = ()

    def receive(self, octets: bytes, now: float) -> bytes:
        """Say them."""
        self.events.extend(self.says)
        self.finished = True
        return b""


PEER_ALERT = AlertSeen(1.0, Origin.PEER, 2, 40)
OUR_ALERT = AlertSeen(1.0, Origin.LOCAL, 2, 47)


@pytest.mark.parametrize(
    ("events", "ended_by"),
    [
        pytest.param((PEER_ALERT,), EndedBy.ALERT, id="the-peers-alert"),
        pytest.param((OUR_ALERT,), EndedBy.US, id="the-alert-is-ours"),
        pytest.param((), EndedBy.US, id="no-alert"),
        pytest.param(
            (AlertSeen(1.0, Origin.PEER, 1, 112), Completed(1.0), Confirmed(1.0, ConfirmedBy.DATA)),
            EndedBy.US,
            id="a-warning-before-it-was-confirmed",
        ),
    ],
)
def test_whose_end_it_was(events: tuple[Any, ...], ended_by: EndedBy) -> None:
    """An alert of the peer's is its end, unless the handshake was confirmed all the same."""
    conversation = Says()
    conversation.says = events
    with connection(conversation) as (one, _, _):
        made(one, PretendTransport())
        one.data_received(b"x")

    last = conversation.events[-1]
    assert isinstance(last, Ended)
    assert last.ended_by is ended_by


def test_what_waits_to_be_read_is_read_when_a_write_fails() -> None:
    """EPIPE closes the transport while an alert lies in the socket: it is not thrown away."""
    conversation = PretendConversation()
    with connection(conversation) as (one, _, peer):
        made(one, PretendTransport())
        peer.sendall(ANSWER)
        one.connection_lost(BrokenPipeError(errno.EPIPE, "Broken pipe"))

    assert conversation.finished
    last = conversation.events[-1]
    assert isinstance(last, Ended)
    assert last.octets == len(ANSWER)
    assert last.ended_by is EndedBy.US


@pytest.mark.parametrize(
    ("number", "ended_by"),
    [
        (errno.ECONNRESET, EndedBy.RST),
        (errno.EPIPE, EndedBy.RST),
        (errno.ETIMEDOUT, EndedBy.TIMEOUT),
        (errno.EHOSTUNREACH, EndedBy.ICMP),
        (errno.ENETUNREACH, EndedBy.ICMP),
        (errno.EIO, EndedBy.US),
    ],
)
def test_each_error_of_a_standing_connection_has_its_end(number: int, ended_by: EndedBy) -> None:
    """tcp(7) and ip(7) say what each errno means; none is decided by its text."""
    with connection() as (one, _, _):
        made(one, PretendTransport())
        one.connection_lost(OSError(number, "words do not count"))
        last = one.conversation.events[-1]

    assert isinstance(last, Ended)
    assert (last.ended_by, last.errno) == (ended_by, number)


def test_the_hello_is_told_when_it_leaves_and_not_before() -> None:
    """While SYN is unanswered nothing was said; then the hello carries the time of its leaving."""
    transport = PretendTransport(holds=True)
    with connection() as (one, _, _):
        made(one, transport)
        before = [type(event).__name__ for event in one.conversation.events]
        one.resume_writing()
        events = one.conversation.events

    assert transport.written == [HELLO]
    assert before == ["ConnectStarted"]
    assert [type(event).__name__ for event in events[1:]] == ["Connected", "ClientHelloSent"]
    assert events[1].at == events[2].at


def test_one_timer_serves_all_deadlines() -> None:
    """A later deadline makes no new timer: the old one looks again when it fires."""
    with connection(PretendConversation(wants=1 << 20)) as (one, loop, _):
        made(one, PretendTransport())
        for _ in range(50):
            one.data_received(b"x")

        assert len([timer for timer in loop.timers if not timer.cancelled]) == 1
        assert len(loop.timers) == 1


def test_an_abort_before_the_transport_is_there_is_kept() -> None:
    """A scan may be dropped between connect and connection_made."""
    transport = PretendTransport()
    with connection() as (one, _, _):
        made(one, transport)
        one.abort()
        one.connection_lost(None)

        assert transport.aborted == 1
        assert one.waiter.done()
        assert one.failure == ""


STEPS = st.lists(
    st.sampled_from(
        ["made", "data", "answer", "eof", "pause", "resume", "timer", "late", "abort", "broken"]
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(
    STEPS,
    st.sampled_from([None, errno.ECONNRESET, errno.ECONNREFUSED, errno.EHOSTUNREACH]),
    st.booleans(),
)
def test_any_order_of_callbacks_ends_once(
    steps: list[str], number: int | None, holds: bool
) -> None:
    """Whatever the loop calls and when: at most one end is told, and the waiter is woken once."""
    over = Deadlines(connect=0.0, first_octet=0.0, handshake=0.0, confirm=0.0, total=0.0)
    late = "late" in steps
    with connection(deadlines=over if late else None) as (one, loop, _):
        calls: dict[str, Callable[[], object]] = {
            "data": lambda: one.data_received(b"x"),
            "answer": lambda: one.data_received(ANSWER),
            "eof": one.eof_received,
            "pause": one.pause_writing,
            "resume": one.resume_writing,
            "timer": lambda: fire(loop),
            "late": lambda: fire(loop),
            "abort": one.abort,
            "broken": lambda: None,
        }
        made(one, PretendTransport(holds=holds))
        for step in steps:
            calls.get(step, lambda: None)()
        assert not one.waiter.done()
        one.connection_lost(None if number is None else OSError(number, "x"))
        fire(loop)

        assert one.waiter.done()
        assert one.failure == ""
        ends = [e for e in one.conversation.events if isinstance(e, Ended | ConnectFailed)]
        assert len(ends) <= 1
        if ends:
            assert one.conversation.events[-1] is ends[0]
        else:
            assert "abort" in steps


def fire(loop: PretendLoop) -> None:
    """Fire the timers that stand."""
    timers, loop.timers = loop.timers, []
    for timer in timers:
        if not timer.cancelled:
            timer.callback()


def test_icmp_that_comes_later_is_read_from_the_error_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A router some milliseconds away answers SYN after connect returned."""
    queued = Queued(113, IcmpError(family=4, type=3, code=1, offender="192.0.2.1"))
    monkeypatch.setattr(errqueue, "read", lambda _: queued)
    with connection() as (one, _, _):
        made(one, PretendTransport(holds=True))
        one.connection_lost(OSError(errno.EHOSTUNREACH, "x"))
        last = one.conversation.events[-1]

    assert isinstance(last, ConnectFailed)
    assert (last.errno, last.icmp) == (errno.EHOSTUNREACH, queued.icmp)

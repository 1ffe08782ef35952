"""One connection: how each way of ending is told, and that every deadline ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from fleetscan import limits
from fleetscan.engine.config import Deadlines
from fleetscan.engine.probe import Attempt, attempt
from fleetscan.tls.events import (
    ClientHelloSent,
    Completed,
    Connected,
    ConnectFailed,
    ConnectStarted,
    Ended,
    Event,
    FirstOctet,
    ProtocolViolation,
)
from fleetscan.vocabulary import EndedBy, Stage
from tests import servers
from tests.servers import ANSWER, HELLO, LOOPS, PretendClient, PretendConversation, at, run

DEADLINES = Deadlines(
    resolve=1.0, connect=0.3, first_octet=0.3, handshake=0.6, confirm=0.1, total=5.0
)


async def talk(
    handler: servers.Handler,
    make: Callable[[], Any] = PretendConversation,
    deadlines: Deadlines = DEADLINES,
) -> tuple[Attempt, Any, float]:
    """One attempt at a server: what it gave, the conversation, and how long it took."""
    client = PretendClient(make)
    async with servers.serving(handler) as port:
        started = monotonic()
        made = await attempt(
            client.client, at("127.0.0.1", port), "127.0.0.1", deadlines, started + deadlines.total
        )
        elapsed_s = monotonic() - started
    return made, client.conversations[0], elapsed_s


def ended(made: Attempt) -> Ended:
    """Its last event, which must be its only end."""
    assert [event for event in made.events if isinstance(event, Ended)] == [made.events[-1]]
    assert made.internal_error == ""
    last = made.events[-1]
    assert isinstance(last, Ended)
    return last


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def kinds(events: Sequence[Event]) -> list[type[Event]]:
    """The types of events, in order."""
    return [type(event) for event in events]


@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_answered_probe(loop_name: str) -> None:
    """Events stand in the order in which things happened, and we end it politely."""
    made, conversation, _ = run(loop_name, talk(servers.answers))

    assert kinds(made.events) == [
        ConnectStarted,
        Connected,
        ClientHelloSent,
        FirstOctet,
        Completed,
        Ended,
    ]
    times = [event.at for event in made.events]
    assert times == sorted(times)
    assert ended(made).ended_by is EndedBy.US
    assert ended(made).octets == len(ANSWER)
    assert conversation.closed == 1


@pytest.mark.parametrize("loop_name", LOOPS)
def test_what_we_say_at_the_end_arrives(loop_name: str) -> None:
    """A finished conversation's last words leave before the connection is closed."""

    async def work() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(len(HELLO))
            writer.write(ANSWER)
            heard.set_result(await reader.read())

        async with servers.serving(listens) as port:
            target = at("127.0.0.1", port)
            await attempt(PretendClient().client, target, "127.0.0.1", DEADLINES, monotonic() + 5.0)
            return await heard

    assert run(loop_name, work()) == b"bye"


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    ("handler", "ended_by"),
    [
        (servers.closes_after_hello, {EndedBy.FIN}),
        (servers.resets_after_hello, {EndedBy.RST}),
        # Whether our hello meets a closed socket in time to be answered with RST is a race.
        (servers.closes_on_accept, {EndedBy.FIN, EndedBy.RST}),
    ],
)
def test_fin_and_rst_are_told_apart(
    loop_name: str, handler: servers.Handler, ended_by: set[EndedBy]
) -> None:
    """A close is a close, a reset a reset, both after the hello."""
    made, _, _ = run(loop_name, talk(handler))

    assert ended(made).ended_by in ended_by
    assert ended(made).stage is Stage.CLIENT_HELLO
    assert Connected in kinds(made.events)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_closed_port(loop_name: str) -> None:
    """ECONNREFUSED with nothing in the error queue; no hello is told, for none was sent."""
    client = PretendClient()

    async def work() -> Attempt:
        with servers.closed_port() as port:
            target = at("127.0.0.1", port)
            return await attempt(client.client, target, "127.0.0.1", DEADLINES, monotonic() + 5.0)

    made = run(loop_name, work())

    assert kinds(made.events) == [ConnectStarted, ConnectFailed]
    failed = made.events[-1]
    assert isinstance(failed, ConnectFailed)
    assert failed.errno == 111  # ECONNREFUSED, errno(3) on Linux
    assert failed.icmp is None


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_port_that_never_answers_ends_at_the_connect_deadline(loop_name: str) -> None:
    """A SYN without an answer costs the connect deadline."""
    client = PretendClient()

    async def work() -> tuple[Attempt, float]:
        with servers.unanswered_port() as port:
            started = monotonic()
            made = await attempt(
                client.client, at("127.0.0.1", port), "127.0.0.1", DEADLINES, started + 5.0
            )
            return made, monotonic() - started

    made, elapsed_s = run(loop_name, work())

    assert kinds(made.events) == [ConnectStarted, Ended]
    assert ended(made).ended_by is EndedBy.TIMEOUT
    assert ended(made).stage is Stage.CONNECT
    assert 0.29 <= elapsed_s < 1.0


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    ("handler", "least_s"),
    [
        pytest.param(servers.stays_silent, 0.3, id="silent-first-octet"),
        pytest.param(servers.never_reads, 0.3, id="never-reads-first-octet"),
        pytest.param(servers.drips, 0.6, id="drip-handshake"),
    ],
)
def test_each_deadline_really_ends_the_probe(
    loop_name: str, handler: servers.Handler, least_s: float
) -> None:
    """Silence ends at the first-octet deadline, a drip at the handshake's, not later."""

    def patient() -> PretendConversation:
        return PretendConversation(wants=1 << 30)

    made, _, elapsed_s = run(loop_name, talk(handler, patient))

    assert ended(made).ended_by is EndedBy.TIMEOUT
    assert least_s - 0.01 <= elapsed_s < least_s + 0.6


def test_a_peer_that_takes_nothing_is_connected_all_the_same() -> None:
    """A hello larger than the peer's window is a stall after connect, not a connect timeout."""

    def loud() -> PretendConversation:
        return PretendConversation(hello=bytes(8 << 20))

    made, _, _ = run("uvloop", talk(servers.never_reads, loud))

    assert Connected in kinds(made.events)
    assert ended(made).stage is Stage.CLIENT_HELLO


def test_the_whole_target_has_a_deadline() -> None:
    """Whatever stage it is at, the probe ends when the target's time is over."""
    deadlines = Deadlines(connect=5.0, first_octet=5.0, handshake=5.0, total=0.3)

    made, _, elapsed_s = run("uvloop", talk(servers.stays_silent, deadlines=deadlines))

    assert ended(made).ended_by is EndedBy.TIMEOUT
    assert elapsed_s < 1.0


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_flood_is_bounded(loop_name: str) -> None:
    """A peer that sends without end is cut off at limits.MAX_FLIGHT and a little."""

    def patient() -> PretendConversation:
        return PretendConversation(wants=1 << 30)

    made, _, _ = run(loop_name, talk(servers.floods, patient))

    (violation,) = (event for event in made.events if isinstance(event, ProtocolViolation))
    assert violation.rule == "flight_too_large"
    assert ended(made).ended_by is EndedBy.US
    assert limits.MAX_FLIGHT < ended(made).octets <= limits.MAX_FLIGHT + (1 << 18)


class Waits(PretendConversation):
    """After the answer, waits as it is told, and is finished by silence."""

    waits = "confirm"

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take the answer and wait on."""
        self.waiting = self.waits
        self.stage = Stage.CLIENT_FINISHED
        return b""

    def silence(self, now: float) -> bytes:
        """Silence is consent."""
        self.silences.append(self.waiting)
        self.finished = True
        return b""


@pytest.mark.parametrize(
    ("waits", "least_s", "most_s"),
    [
        ("confirm", 0.1, 0.6),
        ("banner", 0.3, 0.6),
        ("confirm_client_auth", 0.6, 3.0),
    ],
)
def test_silence_is_told_to_the_conversation(waits: str, least_s: float, most_s: float) -> None:
    """Consent by silence after its own wait: `confirm`, a banner's end, the whole handshake."""

    class Waiting(Waits):
        pass

    Waiting.waits = waits
    made, conversation, elapsed_s = run("uvloop", talk(servers.answers, Waiting))

    assert conversation.silences == [waits]
    assert ended(made).ended_by is EndedBy.US
    assert least_s - 0.01 <= elapsed_s < most_s


def test_consent_to_no_client_certificate_takes_a_whole_stage_after_the_flight() -> None:
    """A flight that came late leaves no less time to refuse: the wait counts from its end."""

    class Late(Waits):
        waits = "handshake"
        heard = 0

        def receive(self, octets: bytes, now: float) -> bytes:
            self.heard += 1
            self.waits = "confirm_client_auth" if self.heard > 1 else "handshake"
            self.late = now
            return super().receive(octets, now)

        def silence(self, now: float) -> bytes:
            self.waited = now - self.late
            return super().silence(now)

    deadlines = Deadlines(connect=5.0, first_octet=5.0, handshake=1.0, total=30.0)
    made, conversation, _ = run("uvloop", talk(servers.answers_twice, Late, deadlines))

    assert conversation.silences == ["confirm_client_auth"]
    assert conversation.waited >= 0.99
    assert ended(made).ended_by is EndedBy.US


def test_a_short_timeout_still_lets_silence_be_consent() -> None:
    """`--timeout` ends the target just before the stage: most of the stage was waited for."""

    class Waiting(Waits):
        waits = "confirm_client_auth"

    made, conversation, _ = run(
        "uvloop", talk(servers.answers, Waiting, Deadlines.from_timeout(0.4))
    )

    assert conversation.silences == ["confirm_client_auth"]
    assert ended(made).ended_by is EndedBy.US


def test_silence_that_was_cut_short_is_no_consent() -> None:
    """When the whole target's time is over, a wait for consent that did not last says nothing."""
    deadlines = Deadlines(confirm=5.0, total=0.3)

    made, conversation, _ = run("uvloop", talk(servers.answers, Waits, deadlines))

    assert conversation.silences == []
    assert ended(made).ended_by is EndedBy.TIMEOUT


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("method", ["start", "receive", "silence", "close"])
def test_an_error_of_ours_ends_this_probe_with_its_traceback(loop_name: str, method: str) -> None:
    """A bug in the client is kept and told; the connection does not linger."""

    class Broken(PretendConversation):
        pass

    def breaks(*_: object) -> bytes:
        raise RuntimeError("planted")

    setattr(Broken, method, breaks)
    handler = servers.stays_silent if method == "silence" else servers.answers

    made, _, _ = run(loop_name, talk(handler, Broken))

    assert "RuntimeError: planted" in made.internal_error


@pytest.mark.parametrize("loop_name", LOOPS)
def test_no_descriptor_is_left_or_closed_twice(loop_name: str) -> None:
    """Refused, reset and answered connections give back exactly what they took."""

    async def work() -> tuple[int, int]:
        client = PretendClient()

        async def one(port: int) -> None:
            await attempt(
                client.client, at("127.0.0.1", port), "127.0.0.1", DEADLINES, monotonic() + 5.0
            )

        async with (
            servers.serving(servers.answers) as good,
            servers.serving(servers.resets_after_hello) as bad,
        ):
            with servers.closed_port() as closed:
                await one(good)
                before = descriptors()
                for _ in range(20):
                    await asyncio.gather(*(one(port) for port in (good, bad, closed) * 5))
                for _ in range(20):  # the server's side closes in turns of its own
                    await asyncio.sleep(0.005)
                return before, descriptors()

    before, after = run(loop_name, work())

    assert after <= before


def test_starttls_waits_for_the_greeting() -> None:
    """With nothing to say first, the connection stands before a word is sent."""

    class Listens(PretendConversation):
        def start(self, now: float) -> bytes:
            return b""

    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        await reader.read()

    made, _, _ = run("uvloop", talk(greets, Listens))

    (first,) = (event for event in made.events if isinstance(event, FirstOctet))
    assert first.spoke_first
    assert ended(made).ended_by is EndedBy.US


def test_who_waits_for_a_greeting_is_not_connected_before_the_answer() -> None:
    """Nothing is written whose leaving would show it, so the connection itself is awaited."""
    client = PretendClient(lambda: PretendConversation(hello=b""))

    async def work() -> Attempt:
        with servers.closed_port() as port:
            target = replace(at("127.0.0.1", port), starttls="smtp")
            return await attempt(client.client, target, "127.0.0.1", DEADLINES, monotonic() + 5.0)

    assert kinds(run("uvloop", work()).events) == [ConnectStarted, ConnectFailed]


@pytest.mark.parametrize("loop_name", LOOPS)
def test_ipv6(loop_name: str) -> None:
    """The same over the other family."""

    async def work() -> Attempt:
        async with servers.serving(servers.answers, "::1") as port:
            return await attempt(
                PretendClient().client, at("::1", port), "::1", DEADLINES, monotonic() + 5.0
            )

    assert ended(run(loop_name, work())).octets == len(ANSWER)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_systems_that_cannot_write_before_they_are_connected(
    loop_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where connect must be awaited the events are the same."""
    monkeypatch.setattr("fleetscan.engine.connect.WRITES_WHILE_CONNECTING", False)

    async def work() -> list[Attempt]:
        client = PretendClient().client
        async with servers.serving(servers.answers) as good:
            with servers.closed_port() as closed, servers.unanswered_port() as dark:
                return [
                    await attempt(
                        client, at("127.0.0.1", port), "127.0.0.1", DEADLINES, monotonic() + 5.0
                    )
                    for port in (good, closed, dark)
                ]

    good, closed, dark = run(loop_name, work())

    assert ended(good).ended_by is EndedBy.US
    assert kinds(good.events)[:3] == [ConnectStarted, Connected, ClientHelloSent]
    assert kinds(closed.events) == [ConnectStarted, ConnectFailed]
    assert kinds(dark.events) == [ConnectStarted, Ended]
    assert ended(dark).stage is Stage.CONNECT


def test_dropping_a_probe_frees_its_socket() -> None:
    """A cancelled attempt leaves neither a descriptor nor a callback behind."""

    async def work() -> tuple[int, int]:
        client = PretendClient().client
        async with servers.serving(servers.stays_silent) as port:
            before = descriptors()
            tasks = [
                asyncio.create_task(
                    attempt(
                        client, at("127.0.0.1", port), "127.0.0.1", DEADLINES, monotonic() + 5.0
                    )
                )
                for _ in range(30)
            ]
            for number, task in enumerate(tasks):
                if number % 3 == 0:
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(20):  # the server's side closes in turns of its own
                await asyncio.sleep(0.005)
            return before, descriptors()

    for loop_name in LOOPS:
        before, after = run(loop_name, work())
        assert after <= before

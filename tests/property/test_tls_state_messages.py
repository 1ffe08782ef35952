"""No message in any state does anything but advance, be refused by a named rule, or be let pass.

The states are reached by playing the scripted servers of the fuzzer message by message:
a state that a new version brings is here as soon as a script goes through it, and
until then the first test says which one is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.tls import events as seen
from fleetscan.tls.client import Client
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.handlers import HANDLERS
from fleetscan.tls.session import Session, State
from fleetscan.tls.violations import ALERTS
from fleetscan.vocabulary import Checked, Origin
from tests.octets import message, record
from tools.fuzz.client import conversation_with, lengths, messages_in_stock
from tools.fuzz.servers import SCRIPTS, Say, Server, Turn

DECRYPT_ERROR = 51  # RFC 8446 section 6.2: unable to verify a signature
KEY_UPDATE = 24


# SSL 2.0 has one message and no states.
STATEFUL = [script for script in SCRIPTS if script != "ssl2"]


@dataclass(frozen=True, slots=True)
class Place:
    """A script, and how many of its messages the client has heard."""

    script: str
    heard: int


@dataclass(slots=True)
class Scene:
    """A client in some state, and the server that brought it there."""

    client: Conversation
    server: Server

    @property
    def session(self) -> Session:
        """What the client carries from message to message."""
        inner = self.client._client
        assert isinstance(inner, Client)
        return inner.session

    def tell(self, handshake: bytes) -> bytes:
        """One handshake message in a record of its own, under the keys of the moment."""
        return self.client.receive(self.server.sealer.seal(22, handshake, 0), 3.0)


def reach(place: Place) -> Scene:
    """Play a script, one record for each message, up to this place."""
    server = SCRIPTS[place.script]()
    client = conversation_with(server)
    scene = Scene(client, server)
    answers = [client.start(1.0)]
    server.heard = answers.pop()
    script = server.script()
    step: Say | Turn = next(script)
    heard = 0
    # Ends: scripts are finite, and have more messages than any place asks for.
    while heard < place.heard or isinstance(step, Turn):
        believed = b""
        if isinstance(step, Say):
            heard += 1
            believed = step.octets
            answers.append(client.receive(server.sealer.seal(step.content_type, believed, 0), 2.0))
            if step.content_type == 22:
                server.transcript.update(believed)
        elif step is Turn.ANSWER:
            server.heard = b"".join(answers)
            answers.clear()
        try:
            step = script.send(believed)
        except StopIteration:
            break
    return scene


@lru_cache(maxsize=1)
def places() -> dict[Place, State]:
    """Every place of every script in which the client still expects something."""
    found: dict[Place, State] = {}
    for script in STATEFUL:
        for heard in range(lengths(script)[0]):
            state = reach(Place(script, heard)).session.state
            if state is not State.ENDED:
                found[Place(script, heard)] = state
    return found


def test_every_state_is_reached() -> None:
    """A state without a script that goes through it is one that nothing here looks at."""
    missing = (set(State) | set(HANDLERS)) - set(places().values()) - {State.ENDED}

    assert not missing, f"no script of tools/fuzz/servers.py goes through {missing}"


def outcome(scene: Scene, handshake: bytes) -> str:
    """Tell a message, and say which of the three it was; anything else fails."""
    client, session = scene.client, scene.session
    before, idle, heard = session.state, session.idle_records, len(client.events)
    place = session.flight_place
    said = scene.tell(handshake)
    events = client.events[heard:]
    broken = [event.rule for event in events if isinstance(event, seen.ProtocolViolation)]
    proofs = [event.result for event in events if isinstance(event, seen.KeyProofChecked)]
    alerts = [event for event in events if isinstance(event, seen.AlertSeen)]
    if broken or Checked.NO in proofs:
        wanted = ALERTS[broken[0]] if broken else DECRYPT_ERROR
        assert len(broken) <= 1
        assert alerts == [seen.AlertSeen(3.0, Origin.LOCAL, 2, wanted)]
        assert client.events[-1] is alerts[0]
        assert session.state is State.ENDED
        assert said
        if session.write is None:
            assert said[-7:] == record(21, bytes((2, wanted)), session.version or 0x0303)
        return "refused"
    assert alerts == []
    if session.state is State.ENDED:
        # On purpose, and said so: nothing more is to be learnt, or this client goes no further.
        assert any(isinstance(event, seen.Confirmed | seen.FirstFlightEnded) for event in events)
        return "advanced"
    if session.state is not before or session.flight_place != place:
        return "advanced"
    if any(isinstance(event, seen.ClientHelloSent) for event in events):
        # A HelloRetryRequest: the same is expected again, of another hello.
        assert session.hello_retry is not None
        return "advanced"
    assert session.idle_records == idle + 1
    assert said == b"" or handshake == message(KEY_UPDATE, b"\x01")
    return "waiting"


@pytest.mark.parametrize("place", places(), ids=lambda place: f"{place.script}-{place.heard}")
def test_every_message_of_every_version_in_every_state(place: Place) -> None:
    """Honest bodies of all messages there are, each where it belongs and everywhere else."""
    for handshake in messages_in_stock():
        outcome(reach(place), handshake)


BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=80),
    st.sampled_from(messages_in_stock()).map(lambda known: known[4:]),
    st.sampled_from(messages_in_stock()).map(lambda known: known[4:-1]),
)


@settings(max_examples=600)
@given(place=st.sampled_from(list(places())), msg_type=st.integers(0, 255), body=BODIES)
def test_any_message_in_any_state(place: Place, msg_type: int, body: bytes) -> None:
    """The same for every type there can be, with bodies that need not be any."""
    outcome(reach(place), message(msg_type, body))


@settings(max_examples=100)
@given(place=st.sampled_from(list(places())), msg_type=st.integers(0, 255), body=BODIES)
def test_nothing_is_taken_once_it_is_over(place: Place, msg_type: int, body: bytes) -> None:
    """Behind the end no message has a place, nor an answer."""
    scene = reach(place)
    scene.tell(message(255, b""))
    assert scene.session.state is State.ENDED
    events = list(scene.client.events)

    assert scene.tell(message(msg_type, body)) == b""
    assert scene.client.events == events


@pytest.mark.parametrize("place", places(), ids=lambda place: f"{place.script}-{place.heard}")
def test_half_a_message_is_waited_for(place: Place) -> None:
    """What is not there yet decides nothing, whatever its type and however long it says to be."""
    for msg_type in (0, 2, 8, 11, 20, 24, 255):
        scene = reach(place)
        before, heard = scene.session.state, len(scene.client.events)

        assert scene.tell(bytes((msg_type, 0, 0, 5)) + b"half") == b""
        assert scene.session.state is before
        assert len(scene.client.events) == heard

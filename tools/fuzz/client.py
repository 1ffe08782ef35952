"""Plays a server to the client, with the changes that an input names, and says what must hold.

An input is a script, how it is framed and cut, and up to eight changes: to messages
before they are protected, or to records afterwards. Half of them a server makes itself,
and its transcript follows; the others happen behind its back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from fleetscan import limits
from fleetscan.facts import fold
from fleetscan.registry import content_types
from fleetscan.tls import events as seen
from fleetscan.tls.client import Client
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.violations import ALERTS
from fleetscan.vocabulary import ConfirmedBy, EndedBy, Origin, Stage
from tests import octets
from tests.octets import u8, u16
from tools.fuzz.servers import (
    ALPN,
    CLIENT_KEYS,
    ENTROPY,
    NAME,
    PRELUDES,
    SCRIPTS,
    Say,
    Server,
    Turn,
    client_identity,
    records_of,
)

MAX_CHANGES: Final = 8
RECORD_HEAD: Final = bytes.fromhex("160301")
CHANGE_OCTETS: Final = 8

# -- the input ---------------------------------------------------------------------------

NAMES: Final = tuple(SCRIPTS)
STARTTLS: Final = tuple(PRELUDES)
ENDINGS: Final = ("fin", "silence", "close")

TAMPERED, FRAMED, CUT, ENDED_EARLY, DIALOGUE = (1 << bit for bit in range(5))


@dataclass(frozen=True, slots=True)
class Change:
    """One change. What the numbers mean is the kind's own affair."""

    kind: int
    of_record: bool
    keeps_length: bool
    target: int
    at: int
    value: int
    more: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """An input, read.

    Args:
        tampered: whether messages are changed behind the server's back.
        fragment: octets of a record's plaintext, 0 for a message a record.
        zeros: octets of padding where the version has it.
        piece: octets given to the client at once, 0 for all that is there.
        ending: how it ends before the server is done; empty for never.
        ends_after: turns until then.
    """

    script: str
    tampered: bool
    fragment: int
    zeros: int
    piece: int
    ending: str
    ends_after: int
    starttls: str
    changes: tuple[Change, ...]


def recipe_of(source: bytes) -> Recipe:
    """Any octets are a recipe; what is missing at the end is zero."""
    head = source[:8].ljust(8, b"\x00")
    script, flags, fragment, zeros, piece, ending, ends_after, starttls = head
    changes = [
        change_of(source[at : at + CHANGE_OCTETS].ljust(CHANGE_OCTETS, b"\x00"))
        for at in range(8, len(source), CHANGE_OCTETS)[:MAX_CHANGES]
    ]
    return Recipe(
        script=NAMES[script % len(NAMES)],
        tampered=bool(flags & TAMPERED),
        fragment=fragment + 1 if flags & FRAMED else 0,
        zeros=zeros if flags & FRAMED else 0,
        piece=piece + 1 if flags & CUT else 0,
        ending=ENDINGS[ending % len(ENDINGS)] if flags & ENDED_EARLY else "",
        ends_after=ends_after % 8,
        starttls=STARTTLS[starttls % len(STARTTLS)] if flags & DIALOGUE else "none",
        changes=tuple(changes),
    )


def change_of(source: bytes) -> Change:
    """Eight octets are a change."""
    return Change(
        kind=source[0] & 0x0F,
        of_record=bool(source[0] & 0x80),
        keeps_length=bool(source[0] & 0x40),
        target=source[1],
        at=int.from_bytes(source[2:4], "big"),
        value=source[4],
        more=int.from_bytes(source[5:8], "big"),
    )


# -- changes -----------------------------------------------------------------------------


def _flip(said: bytes, change: Change) -> bytes:
    at = change.at % len(said)
    return said[:at] + u8(said[at] ^ 1 << change.value % 8) + said[at + 1 :]


def _set(said: bytes, change: Change) -> bytes:
    at = change.at % len(said)
    return said[:at] + u8(change.value) + said[at + 1 :]


def _set_two(said: bytes, change: Change) -> bytes:
    at = change.at % len(said)
    return (said[:at] + u16(change.more & 0xFFFF) + said[at + 2 :])[: max(len(said), at + 2)]


def _insert(said: bytes, change: Change) -> bytes:
    at = change.at % (len(said) + 1)
    return said[:at] + change.more.to_bytes(3, "big") * (change.value % 12 + 1) + said[at:]


def _insert_zeros(said: bytes, change: Change) -> bytes:
    at = change.at % (len(said) + 1)
    return said[:at] + bytes(change.more % 20_000) + said[at:]


def _delete(said: bytes, change: Change) -> bytes:
    at = change.at % len(said)
    return said[:at] + said[at + change.value % 32 + 1 :]


def _truncate(said: bytes, change: Change) -> bytes:
    return said[: change.at % len(said)]


OCTET_CHANGES: Final[tuple[Callable[[bytes, Change], bytes], ...]] = (
    _flip,
    _set,
    _set_two,
    _insert,
    _insert_zeros,
    _delete,
    _truncate,
)


def with_length(message: bytes) -> bytes:
    """The message with a header that says how long it is."""
    return message[:1] + len(message[4:]).to_bytes(3, "big") + message[4:]


def honest(script: str) -> Play:
    """The script played without a change."""
    return Play(Recipe(script, False, 0, 0, 0, "", 0, "none", ())).run()


@lru_cache(maxsize=len(NAMES))
def lengths(script: str) -> tuple[int, int]:
    """Messages and records of a script."""
    play = honest(script)
    return len(play.said), len(play.sealed)


@lru_cache(maxsize=1)
def messages_in_stock() -> tuple[bytes, ...]:
    """Every message of every script, and some that no server sends."""
    found = [octets.message(kind, b"") for kind in (0, 1, 3, 5, 14, 20, 23, 25, 99, 254, 255)]
    found += [octets.message(kind, body) for kind, body in BODIES_IN_STOCK]
    for name in SCRIPTS:
        said = [one for one in honest(name).said if one.content_type == content_types.HANDSHAKE]
        found += [one.octets for one in said if one.octets == with_length(one.octets)]
    return tuple(dict.fromkeys(found))


BODIES_IN_STOCK: Final = (
    (2, octets.SERVER_HELLO),
    (8, octets.ENCRYPTED_EXTENSIONS),
    (11, octets.CERTIFICATE_TLS12),
    (11, octets.CERTIFICATE_TLS13),
    (11, bytes(3)),  # certificate_list of no certificate, up to TLS 1.2
    (11, bytes(4)),  # and under TLS 1.3
    (11, octets.vector(3, octets.vector(3, b"\x30"))),
    (11, octets.u8(0) + octets.vector(3, octets.vector(3, b"\x30") + bytes(2))),
    (12, octets.SERVER_KEY_EXCHANGE_ECDHE),
    (12, octets.SERVER_KEY_EXCHANGE_DHE),
    (13, bytes.fromhex("0100 0000 0000")),
    (13, octets.CERTIFICATE_REQUEST_TLS13),
    (15, octets.CERTIFICATE_VERIFY),
    (22, octets.CERTIFICATE_STATUS),
    # RFC 8879 section 4: zlib, and more octets than the client may take.
    (25, bytes.fromhex("0001 ffffff") + octets.vector(3, bytes(50))),
)

RECORDS_IN_STOCK: Final = (
    octets.record(20, b"\x01"),
    octets.record(20, b"\x02"),
    octets.record(20, b""),
    *(octets.record(21, bytes((level, code))) for level in (1, 2) for code in (0, 40, 90, 112)),
    octets.record(21, bytes((1, 112)) * 9),
    octets.record(21, b"\x02"),
    octets.record(22, b""),
    octets.record(22, bytes(4)),
    octets.record(22, bytes.fromhex("02040000")),
    octets.record(23, b""),
    octets.record(23, bytes(40)),
    octets.record(24, bytes(19)),
    bytes.fromhex("8003000001"),
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
)


def change_message(said: Say, change: Change) -> list[bytes]:
    """What is said in place of one message."""
    message, kind = said.octets, change.kind
    if kind < len(OCTET_CHANGES):
        changed = OCTET_CHANGES[kind](message, change)
        return [changed if change.keeps_length else with_length(changed)]
    stock = messages_in_stock()
    chosen = stock[change.at % len(stock)]
    match kind - len(OCTET_CHANGES):
        case 0:
            return []
        case 1:
            return [message] * (change.value % 3 + 2)
        case 2:
            return [chosen]
        case 3:
            return [chosen, message]
        case 4:
            return [with_length(message[:4] + chosen[4:])]
        case 5:
            return [u8(change.value) + message[1:]]
        case 6:
            return [message[:1] + change.more.to_bytes(3, "big") + message[4:]]
        case 7:
            return [*[chosen] * (change.value % 48), message]
        case _:
            return [with_extension(said, change)]


def with_extension(said: Say, change: Change) -> bytes:
    """One extension more in a block that may grow."""
    at = said.extensions_at
    if not at or len(said.octets) < at + 2:
        return _insert(said.octets, change)
    block = said.octets[at + 2 :] + octets.extension(change.at % 64, bytes(change.value % 40))
    return with_length(said.octets[:at] + octets.vector(2, block))


def change_records(records: list[bytes], at: int, change: Change) -> None:
    """Change one record of a flight, in place."""
    record, kind = records[at], change.kind
    if kind < len(OCTET_CHANGES):
        records[at] = OCTET_CHANGES[kind](record, change) if record else b""
        return
    chosen = RECORDS_IN_STOCK[change.at % len(RECORDS_IN_STOCK)]
    match kind - len(OCTET_CHANGES):
        case 0:
            records[at] = b""
        case 1:
            records[at] = record * (change.value % 3 + 2)
        case 2:
            records[at] = chosen
        case 3:
            records[at] = chosen + record
        case 4:
            records[at] = record + chosen
        case 5:
            records[at] = u8(change.value) + record[1:]
        case 6:
            records[at] = record[:3] + u16(change.more & 0xFFFF) + record[5:]
        case 7:
            records[at] = chosen * (change.value % 48) + record
        case _:
            follows = (at + 1) % len(records)
            records[at], records[follows] = records[follows], record


# -- the play ----------------------------------------------------------------------------


def conversation_with(server: Server, starttls: str = "none") -> Conversation:
    """A client whose keys, random and offer the server knows."""
    return Conversation(
        server_name=NAME,
        profile=server.profile,
        key_shares=CLIENT_KEYS,
        entropy=ENTROPY,
        alpn=ALPN,
        starttls=starttls,
        identity=client_identity() if server.identity else None,
        first_flight_only=server.first_flight_only,
    )


@dataclass(slots=True)
class Play:
    """One input, played to one client.

    `said` is what the script said. Of its handshake octets up to Finished, `clear` are those
    in the clear and `believed` those under keys, as the server hashed them; `told` are those
    under keys as it sealed them, `records` the records that gave, each with how many octets
    are in it. `finished` is whether Finished was said. `sealed` is all that left the server, and
    `delivered` what reached the client.
    """

    recipe: Recipe
    client: Conversation = field(init=False)
    server: Server = field(init=False)
    said: list[Say] = field(default_factory=list)
    clear: bytes = b""
    believed: bytes = b""
    told: bytes = b""
    records: list[tuple[bytes, int]] = field(default_factory=list)
    finished: bool = False
    sealed: list[bytes] = field(default_factory=list)
    delivered: bytes = b""
    _plain: bytes = b""
    _plain_type: int = content_types.HANDSHAKE
    _flight: list[bytes] = field(default_factory=list)
    _turns: int = 0
    _over: bool = False
    _messages: int = 1
    _records: int = 1

    def __post_init__(self) -> None:
        """Bring both to the stage."""
        if self.recipe.changes:
            self._messages, self._records = lengths(self.recipe.script)
        self.server = SCRIPTS[self.recipe.script]()
        self.client = conversation_with(self.server, self.recipe.starttls)

    def run(self) -> Play:
        """Play it to its end."""
        heard = self.client.start(1.0)
        for answer in PRELUDES[self.recipe.starttls]:
            heard = self._give(answer)
        if self._over:
            return self
        # MySQL's client says its hello behind words of the dialogue, in one breath.
        self.server.heard = heard[max(heard.find(RECORD_HEAD), 0) :]
        script = self.server.script()
        believed = b""
        # Ends: scripts are finite.
        while not self._over:
            try:
                step = script.send(believed) if self.said else next(script)
            except StopIteration:
                break
            believed = self._take(step)
        return self

    def _take(self, step: Say | Turn) -> bytes:
        if isinstance(step, Say):
            return self._say(step)
        self._flush()
        if step is Turn.ANSWER:
            self._turn()
        return b""

    def _say(self, said: Say) -> bytes:
        """Change what is said, if the input wants that, and put it into records."""
        number = len(self.said)
        self.said.append(said)
        messages = [said.octets]
        for change in self.recipe.changes:
            hit = not change.of_record and change.target % self._messages == number
            if hit and messages and messages[0]:
                first = Say(messages[0], said.content_type, said.extensions_at)
                messages[:1] = change_message(first, change)
        told = b"".join(messages)
        if said.content_type != content_types.HANDSHAKE:
            self._flush()
            self._plain, self._plain_type = told, said.content_type
            self._flush()
            return told
        believed = said.octets if self.recipe.tampered else told
        self.server.transcript.update(believed)
        if not self.server.sealer.protects:
            self.clear += believed
        elif not self.finished:
            self.believed += believed
            self.told += told
        self.finished |= said.last
        self._plain += told
        if not self.recipe.fragment:
            self._flush()
        return believed

    def _flush(self) -> None:
        """Seal what was said; ends: each turn takes octets of it."""
        size = limits.MAX_PLAINTEXT
        if self.recipe.fragment and self.server.fragments:
            size = self.recipe.fragment * 16
        plain, self._plain = self._plain, b""
        for at in range(0, len(plain), size):
            fragment = plain[at : at + size]
            sealed = self.server.sealer.seal(self._plain_type, fragment, self.recipe.zeros)
            self._flight.append(sealed)
            if self.server.sealer.protects and self._plain_type == content_types.HANDSHAKE:
                self.records.append((sealed, len(fragment)))
        self._plain_type = content_types.HANDSHAKE

    def _turn(self) -> None:
        """Deliver the flight and hear the answer."""
        flight, self._flight = self._flight, []
        first = len(self.sealed)
        self.sealed += flight
        records = list(flight)
        for change in self.recipe.changes:
            at = change.target % self._records - first
            if change.of_record and 0 <= at < len(records):
                change_records(records, at, change)
        stream = b"".join(records)
        self.delivered += stream
        self.server.heard = self._give(stream)

    def _give(self, stream: bytes) -> bytes:
        """Give octets to the client in pieces, and end when the input says so."""
        client, size = self.client, self.recipe.piece or max(1, len(stream))
        answer = b""
        for at in range(0, len(stream), size):
            now = 2.0 + self._turns
            was_over, events = client.finished, len(client.events)
            said = client.receive(stream[at : at + size], now)
            if was_over and (said or len(client.events) != events):
                raise AssertionError("it went on after its end")
            check_held(client)
            answer += said
        self._turns += 1
        if self.recipe.ending and self._turns > self.recipe.ends_after:
            self._end(self.recipe.ending)
        return answer

    def _end(self, how: str) -> None:
        self._over = True
        if how == "fin":
            self.client.receive_end(40.0)
        elif how == "silence":
            self.client.silence(40.0)

    @property
    def changed(self) -> bool:
        """Whether something that Finished covers is not what the server said."""
        if not self.finished:
            return False
        believed = without_hello_requests(self.believed)
        if not without_hello_requests(self.told).startswith(believed):
            return True
        wanted, octets_left = [], end_of(self.told, len(believed))
        for sealed, length in self.records:
            if octets_left <= 0:
                break
            wanted.append(sealed)
            octets_left -= length
        clear = without_hello_requests(self.clear)
        return covered_of(self.delivered, self.server.is_tls13, len(wanted)) != (clear, wanted)


def end_of(stream: bytes, octets: int) -> int:
    """Where in handshake octets so many have come that a transcript has."""
    at = 0
    # Ends: each turn takes the header of a message at least.
    while octets > 0 and len(stream) - at >= 4:
        end = at + 4 + int.from_bytes(stream[at + 1 : at + 4], "big")
        if stream[at] != 0:
            octets -= end - at
        at = end
    return at


def without_hello_requests(stream: bytes) -> bytes:
    """Handshake octets without those that no transcript has (RFC 5246 section 7.4.1.1)."""
    kept, at = [], 0
    # Ends: each turn takes the header of a message at least.
    while len(stream) - at >= 4:
        end = at + 4 + int.from_bytes(stream[at + 1 : at + 4], "big")
        if stream[at] != 0:
            kept.append(stream[at:end])
        at = end
    return b"".join(kept) + stream[at:]


def covered_of(stream: bytes, is_tls13: bool, count: int) -> tuple[bytes, list[bytes]]:
    """Handshake octets in the clear, and protected records whole, the first `count` of them.

    Protected is application_data under TLS 1.3, and before it everything behind the first
    change_cipher_spec. What stands behind the last one counted is not looked at.
    """
    clear: list[bytes] = []
    protected: list[bytes] = []
    keys = False
    for content_type, header, fragment in records_of(stream):
        if len(protected) == count:
            break
        if content_type == content_types.APPLICATION_DATA if is_tls13 else keys:
            protected.append(header + fragment)
        elif content_type == content_types.HANDSHAKE:
            clear.append(fragment)
        elif content_type == content_types.CHANGE_CIPHER_SPEC:
            keys = True
    return without_hello_requests(b"".join(clear)), protected


# -- what must hold ----------------------------------------------------------------------

CLOSED: Final = octets.record(21, bytes((1, 0)))
EVENT_LIMIT: Final = limits.MAX_HISTORY + limits.MAX_WARNING_ALERTS + 32


def check_held(client: Conversation) -> None:
    """What waits for its last octet is bounded."""
    inner = client._client
    pending = 0
    if isinstance(inner, Client) and not client.finished:
        pending = inner._records.pending + inner.session.messages.pending
    most = limits.MAX_CIPHERTEXT_TLS12 + 5 + limits.MAX_HANDSHAKE_MESSAGE + 4
    if pending > most or len(client.events) > EVENT_LIMIT:
        raise AssertionError(f"{pending} octets pending, {len(client.events)} events")


def must(holds: bool, rule: str) -> None:
    """Raise AssertionError where a rule does not hold; runs under -O as well."""
    if not holds:
        raise AssertionError(rule)


def count(client: Conversation, kind: type) -> int:
    """How many events of a kind."""
    return sum(isinstance(event, kind) for event in client.events)


def check_events(client: Conversation) -> None:
    """In order, each at most once where it can be true once, violations with their alert."""
    for kind in (seen.Completed, seen.Confirmed, seen.ProtocolViolation, seen.CertificateSeen):
        must(count(client, kind) <= 1, f"{kind.__name__} twice")
    must(count(client, seen.Completed) >= count(client, seen.Confirmed), "confirmed, not completed")
    times = [event.at for event in client.events]
    must(times == sorted(times), "events out of order")
    for before, event in itertools.pairwise([None, *client.events]):
        if isinstance(event, seen.ProtocolViolation):
            must(event.rule in ALERTS, f"no such rule: {event.rule}")
            must(not isinstance(before, seen.Confirmed), "a violation behind the confirmation")
            check_alert(client, event)


def check_alert(client: Conversation, violation: seen.ProtocolViolation) -> None:
    """The rule's own alert, fatal and ours, is the last that is said; SSL 2.0 has no alerts."""
    must(client.finished, "it went on after a violation")
    if not isinstance(client._client, Client):
        return
    said = [e for e in client.events if isinstance(e, seen.AlertSeen) and e.origin is Origin.LOCAL]
    wanted = (2, ALERTS[violation.rule])
    must([(e.level, e.description) for e in said] == [wanted], f"no alert for {violation.rule}")


def check_end(play: Play) -> None:
    """The end is an end, and facts come out of it."""
    client, stage = play.client, play.client.stage
    # Where the peer said nothing in TLS there is nobody to say goodbye to, nor is in SSL 2.0.
    heard_tls = len(play.delivered) > 2 and client.waiting != "banner"
    must((stage is Stage.CONFIRMED) is bool(count(client, seen.Confirmed)), "stage of a confirmed")
    client.close(50.0)
    must(client.close(51.0) == b"", "closed twice")
    if heard_tls and isinstance(client._client, Client):
        must(client.finished, "not finished after close")
        must(client.receive(CLOSED, 52.0) == b"", "it answered after its end")
    facts = fold([*client.events, seen.Ended(60.0, EndedBy.US, None, 0, stage)])
    must(facts.completed is bool(count(client, seen.Completed)), "completed")
    must((facts.confirmed_by is None) is not bool(count(client, seen.Confirmed)), "confirmed_by")
    must(facts.stage is stage or facts.stage is Stage.CLIENT_FINISHED, "stage of the facts")
    must(not facts.violation or facts.violation in ALERTS, "violation of the facts")
    must(len(facts.history) <= limits.MAX_HISTORY, "history")


def check_honest(play: Play) -> None:
    """However it is framed and cut, a server that says what it should is believed."""
    violated = [e.rule for e in play.client.events if isinstance(e, seen.ProtocolViolation)]
    confirmed = [e.by for e in play.client.events if isinstance(e, seen.Confirmed)]
    must(not violated and len(confirmed) == 1, f"{play.recipe}: {violated}, {confirmed}")
    must(confirmed[0] is not ConfirmedBy.SILENCE, "confirmed by silence")


def one_input(source: bytes) -> Play:
    """Play one input and check everything that must hold.

    Raises:
        AssertionError: something does not.
        Exception: whatever else comes out of the client is a fault of the client.
    """
    recipe = recipe_of(source)
    play = Play(recipe).run()
    client = play.client
    check_events(client)
    if count(client, seen.Completed):
        must(play.finished, "completed without Finished")
        must(not play.changed, "completed, though it was changed")
    if not recipe.changes and not recipe.ending and play.server.confirms:
        check_honest(play)
    check_end(play)
    return play

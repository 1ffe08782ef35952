"""A few thousand of the inputs that `make fuzz-client` plays by the million."""

from __future__ import annotations

import pytest

from fleetscan.tls import events as seen
from tests.octets import record
from tools.fuzz.client import (
    CHANGE_OCTETS,
    CUT,
    DIALOGUE,
    FRAMED,
    NAMES,
    OCTET_CHANGES,
    RECORDS_IN_STOCK,
    STARTTLS,
    TAMPERED,
    Change,
    Play,
    Recipe,
    one_input,
    recipe_of,
)
from tools.fuzz.million import MEMORY_LIMIT, held_by, input_of

SEED = 8446
INPUTS = 4_000
GROUPS = 8


def completed(play: Play) -> bool:
    """Whether the client believes the handshake to be done."""
    return any(isinstance(event, seen.Completed) for event in play.client.events)


def told(play: Play) -> list[object]:
    """The events, an error by what it says."""
    return [
        (event.rule, str(event.error)) if isinstance(event, seen.ProtocolViolation) else event
        for event in play.client.events
    ]


@pytest.mark.parametrize("group", range(GROUPS))
def test_changed_flights_under_the_right_keys(group: int) -> None:
    """No exception, no confirmation of what was changed, events in order, facts from them."""
    for number in range(group, INPUTS, GROUPS):
        source = input_of(SEED, number)
        try:
            one_input(source)
        except Exception as found:
            raise AssertionError(f"input {SEED}:{number} {source.hex()}") from found


@pytest.mark.parametrize("number", range(0, INPUTS, 100))
def test_a_client_holds_little_at_the_end_of_any_of_them(number: int) -> None:
    """What is held follows from the octets that were heard, and these are few."""
    assert held_by(input_of(SEED, number)) <= MEMORY_LIMIT


@pytest.mark.parametrize("flags", [0, FRAMED, CUT, FRAMED | CUT, DIALOGUE | CUT, TAMPERED])
@pytest.mark.parametrize("script", range(len(NAMES)), ids=NAMES)
def test_the_servers_are_honest_when_nothing_is_changed(script: int, flags: int) -> None:
    """The control: however they frame, pad and cut their records, they are believed."""
    for size in (0, 1, 7, 200):
        play = one_input(bytes((script, flags, size, size, size, 0, 0, size % len(STARTTLS))))
        assert play.server.confirms is completed(play)
        assert not play.changed


@pytest.mark.parametrize("script", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("of_record", [False, True], ids=["message", "record"])
def test_every_message_and_record_up_to_finished_is_covered(script: int, of_record: bool) -> None:
    """A flipped bit anywhere behind the server's back: seen as a change, and never completed."""
    honest = one_input(bytes([script]))
    if not honest.server.confirms:
        return
    last = next(at for at, said in enumerate(honest.said) if said.last)
    # Each message is a record of its own here.
    for target in range(last + 1):
        # The last octet of a record or message: content, padding or tag, never its header.
        said = honest.sealed[target] if of_record else honest.said[target].octets
        octets = bytes((0x80 if of_record else 0x40, target, *(len(said) - 1).to_bytes(2, "big")))
        play = one_input(
            bytes((script, TAMPERED, *bytes(6))) + octets.ljust(CHANGE_OCTETS, b"\x00")
        )

        assert not completed(play)
        assert play.changed or target < last


def play_of(script: str, *changes: Change, fragment: int = 0) -> Play:
    """A play of these changes, made behind the server's back."""
    recipe = Recipe(
        script=script,
        tampered=True,
        fragment=fragment,
        zeros=0,
        piece=0,
        ending="",
        ends_after=0,
        starttls="none",
        changes=changes,
    )
    return Play(recipe).run()


def change(
    kind: int, target: int, *, of_record: bool = False, at: int = 0, more: int = 0
) -> Change:
    """One change."""
    return Change(
        kind=kind,
        of_record=of_record,
        keeps_length=True,
        target=target,
        at=at,
        value=0,
        more=more,
    )


INSERT, INSERT_ZEROS, DROP = 3, 4, 7


def test_what_stands_behind_finished_is_not_covered() -> None:
    """HelloRequests in no transcript (RFC 5246 section 7.4.1.1), cut off behind Finished."""
    zeros = change(INSERT_ZEROS, 5, at=16, more=4_000)
    play = play_of("tls12", zeros, change(DROP, 5, of_record=True), fragment=60)

    assert len(play.delivered) < len(b"".join(play.sealed))
    assert completed(play)
    assert not play.changed


def test_a_hello_request_before_finished_is_not_covered() -> None:
    """The same in its record, before it: what is counted are the octets of the transcript."""
    play = play_of("tls12", change(INSERT_ZEROS, 5, at=0, more=8))

    assert completed(play)
    assert not play.changed


def test_changes_that_undo_each_other_are_none() -> None:
    """The change_cipher_spec is dropped by the server, and put in again on its way."""
    number = RECORDS_IN_STOCK.index(record(20, b"\x01"))
    again = change(INSERT + len(OCTET_CHANGES), 4, of_record=True, at=number)
    play = play_of("tls12", change(DROP, 4), again)

    assert completed(play)
    assert not play.changed


def test_any_octets_are_a_recipe() -> None:
    """Whoever makes inputs need not know what they mean."""
    for source in (b"", b"\xff", b"\xff" * 11, b"\xff" * 1_000, bytes(72)):
        assert len(recipe_of(source).changes) <= 8
        one_input(source)


def test_a_number_is_the_same_input_everywhere() -> None:
    """What was found on one machine is played again on another: octets as they once were."""
    assert input_of(1, 2).hex() == "390066240203224f"


def test_an_input_is_played_the_same_way_each_time() -> None:
    """Keys, signatures and padding are those of the input.

    But for RSA key exchange: the client's library pads at random, which changes
    everything behind it and the length of nothing (RFC 8017 section 7.2.1).
    """
    for number in range(40):
        first, second = (one_input(input_of(SEED, number)) for _ in range(2))

        assert told(first) == told(second)
        if "rsa" not in first.recipe.script:
            assert first.delivered == second.delivered

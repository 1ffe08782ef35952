"""What a run shows that an experiment may use: names that are answered, and where.

It depends on the set of targets and not on their order: of more than are kept, which ones are is
decided by what they are.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fleetscan import limits
from fleetscan.engine.pacing import keys_of
from fleetscan.inventory.ranges import parse_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target

_ALL: Final = 1 << 64

ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class _Names:
    """Of one address, port and dialogue: the first few of each kind, in their order.

    `leaves` are the hashes of certificates that were shown for a name.
    """

    answered: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)


class _Kept(Generic[ValueT]):
    """A dictionary of bounded size whose keys do not depend on the order in which they came.

    A key stays while its hash is under a threshold that is halved when there are too many.
    What stays to the end was never dropped, so that its value has all that was said of it.
    """

    def __init__(self, make: Callable[[], ValueT], most: int) -> None:
        self._values: dict[tuple[str, int, str], ValueT] = {}
        self._make = make
        self._most = most
        self._threshold = _ALL

    def at(self, key: tuple[str, int, str]) -> ValueT | None:
        """The value of a key, made when it is new; None when it is not kept."""
        value = self._values.get(key)
        if value is None and (self._threshold == _ALL or _hash(key) < self._threshold):
            value = self._values[key] = self._make()
            if len(self._values) > self._most:
                self._halve()
                value = self._values.get(key)
        return value

    def find(self, key: tuple[str, int, str]) -> ValueT | None:
        """The value of a key that is known."""
        return self._values.get(key)

    def _halve(self) -> None:
        # Ends: no hash is under a threshold of nought.
        while len(self._values) > self._most:
            self._threshold >>= 1
            self._values = {
                key: value for key, value in self._values.items() if _hash(key) < self._threshold
            }


class Controls:
    """Names and addresses of one run that answered, or were given, for others to be held against.

    Args:
        most: places, and networks, that are remembered.
    """

    def __init__(self, most: int = limits.MAX_CONTROL_PLACES) -> None:
        self._names: _Kept[_Names] = _Kept(_Names, most)
        self._open: _Kept[list[str]] = _Kept(list, most)

    def see(self, outcome: ProbeOutcome) -> None:
        """Note what one target shows: its name, and whether it was answered."""
        target = outcome.target
        name = _name_of(target)
        if not name or not outcome.address:
            return
        names = self._names.at((outcome.address, target.port, target.starttls))
        if names is not None:
            _keep(names.given, name)
        facts = outcome.facts
        if names is not None and facts is not None and target.server_name and answered(facts):
            _keep(names.answered, name)
            if facts.certificates:
                _keep(names.leaves, facts.certificates[0].sha256)

    def answers_any_name(self, outcome: ProbeOutcome) -> None:
        """Note that the address of a target was seen to answer a name that nobody has."""
        addresses = self._open.at(_network(outcome))
        if addresses is not None:
            _keep(addresses, outcome.address)

    def names(self, outcome: ProbeOutcome) -> tuple[str, ...]:
        """Other names of the same place: those that it answers first, then those given."""
        target = outcome.target
        names = self._names.find((outcome.address, target.port, target.starttls))
        if names is None:
            return ()
        both = dict.fromkeys((*names.answered, *names.given))
        return tuple(name for name in both if name != target.server_name)

    def shows_others(self, outcome: ProbeOutcome) -> bool:
        """Whether the place shows another certificate for another name, and so chooses by it."""
        target, facts = outcome.target, outcome.facts
        names = self._names.find((outcome.address, target.port, target.starttls))
        if names is None or facts is None or not facts.certificates:
            return False
        return any(leaf != facts.certificates[0].sha256 for leaf in names.leaves)

    def neighbours(self, outcome: ProbeOutcome) -> tuple[str, ...]:
        """Other addresses of the same network that answer any name at the same port."""
        if not outcome.address:
            return ()
        found = self._open.find(_network(outcome)) or ()
        return tuple(address for address in found if address != outcome.address)


def answered(facts: HandshakeFacts) -> bool:
    """Whether the server took the hello as far as the client went."""
    return facts.completed or facts.first_flight is not None


def _name_of(target: Target) -> str:
    """The name that was sent, or else the one that was meant; `""` for none."""
    if target.server_name:
        return target.server_name
    name = target.reference_name or ""
    # RFC 6066 section 3: an address is never sent as a name.
    return "" if parse_address(name) is not None else name


def _network(outcome: ProbeOutcome) -> tuple[str, int, str]:
    target = outcome.target
    return keys_of(outcome.address)[1].hex(), target.port, target.starttls


def _keep(kept: list[str], one: str) -> None:
    if one in kept or (len(kept) == limits.MAX_CONTROL_NAMES and one > kept[-1]):
        return
    insort(kept, one)
    del kept[limits.MAX_CONTROL_NAMES :]


def _hash(key: tuple[str, int, str]) -> int:
    text = f"{key[0]} {key[1]} {key[2]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

"""Reading experiments: what was asked, how it ended, what differs between two, what flipped.

A flip is a failing hello and an answered one that differ in one thing only. Whether chance
could have made it is a question of its own: one of several members behind an address may be
broken, and then every second hello works, whatever it says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import alert_text, established, failure_alert, server_spoke_tls
from fleetscan.experiment import Cut, Speech
from fleetscan.registry import alerts, groups, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls.profile import is_grease
from fleetscan.vocabulary import Checked, EndedBy, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fleetscan.causes.model import Case
    from fleetscan.experiment import Ask, Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.tls.events import Offer

_OF_TLS13: Final = frozenset(
    {
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
    }
)
"""What only TLS 1.3 has a use for (RFC 8446 section 4.2)."""

ANSWERED: Final = "answered"
NO_TLS: Final = "no_tls"
SILENCE: Final = "silence"


class Dimension(Enum):
    """One thing in which two ways of asking may differ; the value is a result's `changed`."""

    VERSIONS = "versions"
    CIPHER_SUITES = "cipher_suites"
    GROUPS = "groups"
    SIGNATURE_SCHEMES = "signature_schemes"
    EXTENSIONS = "extensions"
    """Extensions, and values in any list that the other hello leaves out."""
    SIZE = "size"
    ALPN = "alpn"
    SERVER_NAME = "server_name"
    CUT = "cut"
    STARTTLS = "starttls"
    SPEECH = "speech"
    ADDRESS = "address"
    PROXY = "proxy"
    IDENTITY = "client_certificate"
    HOPS = "hops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One connection: how it was asked and what came of it.

    `address` is `""` for the target's own. `works` is whether it got further than the step
    that the first probe failed at.
    """

    offer: Offer | None
    facts: HandshakeFacts
    works: bool
    starttls: str = "none"
    address: str = ""
    cut: Cut = Cut.WHOLE
    speech: Speech = Speech.TLS
    hops: int = 0
    with_identity: bool = True
    through_proxy: bool = True

    @property
    def server_name(self) -> str:
        """The name that was sent."""
        return "" if self.offer is None else self.offer.server_name

    @property
    def octets(self) -> int:
        """Of the hello."""
        return 0 if self.offer is None else self.offer.octets

    @property
    def ending(self) -> str:
        """How it ended, in a word."""
        return ANSWERED if self.works else ending_of(self.facts)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two that were asked in the same way."""
        offer = None if self.offer is None else replace(self.offer, profile="")
        return (offer, *(getattr(self, name) for name in _WAYS))


_WAYS: Final = (
    "starttls",
    "address",
    "cut",
    "speech",
    "hops",
    "with_identity",
    "through_proxy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A failing question and an answered one, with one thing between them."""

    dimension: Dimension
    before: Question
    after: Question


# -- how one ended ---------------------------------------------------------------------


def took_the_hello(facts: HandshakeFacts) -> bool:
    """Whether a ServerHello came and nothing in what followed broke a rule."""
    if facts.violation or facts.parse_error is not None:
        return False
    return server_spoke_tls(facts) and facts.version is not None


def works(facts: HandshakeFacts, first: HandshakeFacts) -> bool:
    """Whether it got further than the first probe, which failed.

    Where the first hello was taken and the handshake failed later, only one that is
    established counts.
    """
    return established(facts) or (not took_the_hello(first) and took_the_hello(facts))


def ending_of(facts: HandshakeFacts) -> str:
    """How a connection that did not work ended: an alert, `rst`, `fin`, `silence`, `no_tls`."""
    if facts.is_tls is Checked.NO:
        return NO_TLS
    alert = failure_alert(facts)
    if alert is not None and alert.origin is Origin.PEER:
        return alert_text(alert)
    if facts.violation:
        return facts.violation
    if facts.ended_by in {None, EndedBy.TIMEOUT}:
        return SILENCE
    return EndedBy.FIN.value if facts.ended_by is EndedBy.ALERT else facts.ended_by.value


def peer_alert_code(facts: HandshakeFacts) -> int | None:
    """The number of the alert that the peer refused with."""
    alert = failure_alert(facts)
    return alert.description if alert is not None and alert.origin is Origin.PEER else None


def may_be_chance(facts: HandshakeFacts) -> bool:
    """Whether a server that works only sometimes fails like that.

    A reset, a close, silence, internal_error(80): what a member that is broken or at its
    limits does. Another alert was decided on by a stack that read the hello.
    """
    return peer_alert_code(facts) in {None, alerts.INTERNAL_ERROR}


# -- all that was asked ----------------------------------------------------------------


def question(ask: Ask, facts: HandshakeFacts, first: HandshakeFacts, address: str) -> Question:
    """One experiment as a question; `address` is the target's own."""
    return Question(
        offer=facts.offer,
        facts=facts,
        works=works(facts, first),
        starttls=ask.starttls,
        address="" if ask.address == address else ask.address,
        cut=ask.cut,
        speech=ask.speech,
        hops=ask.hops,
        with_identity=ask.with_identity,
        through_proxy=ask.through_proxy,
    )


def questions(
    first: HandshakeFacts, tried: Iterable[Tried], address: str, *, with_identity: bool = True
) -> tuple[Question, ...]:
    """The first probe and the experiments after it, in their order."""
    asked = tuple(question(each.ask, each.facts, first, address) for each in tried)
    start = Question(
        offer=first.offer,
        facts=first,
        works=established(first),
        starttls=first.starttls,
        with_identity=with_identity,
    )
    return (start, *asked)


def questions_of(case: Case) -> tuple[Question, ...]:
    """What was asked of this target; nothing but the first probe where none were tried."""
    # Only what is asked about is another than in the first probe: the certificate was shown
    # there as in the rest, unless an experiment is about that.
    asked_about = any(each.changed == Dimension.IDENTITY.value for each in case.tried)
    shown = not asked_about and all(each.ask.with_identity for each in case.tried)
    return questions(case.facts, case.tried, case.address, with_identity=shown)


def _is_reset_on_the_way(asked: Question) -> bool:
    """Whether a hello with few hops was reset; one that expires tells nothing."""
    return bool(asked.hops) and asked.ending == EndedBy.RST.value


def is_whole_way(asked: Question) -> bool:
    """Whether it was a hello that went to the target the way that the first one went."""
    way = (asked.speech, asked.address, asked.hops, asked.through_proxy)
    return way == (Speech.TLS, "", 0, True) and asked.offer is not None


# -- what differs ----------------------------------------------------------------------

WINDOW_FROM: Final = 256
WINDOW_TO: Final = 511
"""Octets of a hello that some old devices hang on while larger ones pass (RFC 7685 section 4)."""

_OF_OTHER_DIMENSIONS: Final = frozenset(
    {extension.SERVER_NAME, extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, extension.PADDING}
)


def difference(before: Question, after: Question) -> frozenset[Dimension]:
    """In which things an answered question differs from a failing one.

    Of lists, what was added counts under the list's own name, since then nothing was in common
    before; what was left out counts as a value that the server could not bear. Of the size only
    what could make a hello pass counts: one that is smaller, or that leaves the window of
    256 to 511 octets.
    """
    found = {
        dimension
        for dimension, name in _WAY_OF.items()
        if getattr(before, name) != getattr(after, name)
    }
    if before.offer is not None and after.offer is not None:
        found |= _between_hellos(before.offer, after.offer)
    return frozenset(found)


_WAY_OF: Final = {
    Dimension.SERVER_NAME: "server_name",
    Dimension.CUT: "cut",
    Dimension.STARTTLS: "starttls",
    Dimension.SPEECH: "speech",
    Dimension.ADDRESS: "address",
    Dimension.PROXY: "through_proxy",
    Dimension.IDENTITY: "with_identity",
    Dimension.HOPS: "hops",
}

_LISTS: Final = {
    Dimension.CIPHER_SUITES: "cipher_suites",
    Dimension.GROUPS: "groups",
    Dimension.SIGNATURE_SCHEMES: "signature_schemes",
}


def _between_hellos(before: Offer, after: Offer) -> set[Dimension]:
    found: set[Dimension] = set()
    if _known(before.versions) != _known(after.versions):
        found.add(Dimension.VERSIONS)
    for dimension, name in _LISTS.items():
        had, has = _known(getattr(before, name)), _known(getattr(after, name))
        if has - had:
            found.add(dimension)
        if had - has:
            found.add(Dimension.EXTENSIONS)
    if left_out(before, after) or _extensions(after, before) - _extensions(before, after):
        found.add(Dimension.EXTENSIONS)
    if before.alpn != after.alpn:
        found.add(Dimension.ALPN)
    if _size_matters(before.octets, after.octets):
        found.add(Dimension.SIZE)
    return found


# Hellos of one diagnosis are compared in pairs, and have their lists from a few profiles.
@lru_cache(maxsize=256)
def _known(codes: tuple[int, ...]) -> frozenset[int]:
    return frozenset(code for code in codes if not is_grease(code))


def left_out(before: Offer, after: Offer) -> tuple[str, ...]:
    """Extensions and values of the first hello that the second leaves out, in words."""
    kinds = sorted(_extensions(before, after) - _extensions(after, before))
    found = ["GREASE" if is_grease(kind) else extension.name_of(kind) for kind in kinds]
    found += [
        groups.name_of(code)
        for code in before.groups
        if code not in after.groups and not is_grease(code)
    ]
    for name in _WITH_BAIT if _has_tls13(before) == _has_tls13(after) else _WITH_BAIT[1:]:
        bait = {code for code in getattr(before, name) if is_grease(code)}
        if bait - set(getattr(after, name)):
            found.append(f"GREASE in {name}")
    return tuple(dict.fromkeys(found))


# supported_versions, and the bait in it, comes and goes with TLS 1.3.
_WITH_BAIT: Final = ("versions", "cipher_suites", "groups")


def _extensions(offer: Offer, other: Offer) -> frozenset[int]:
    """Those that no other dimension stands for."""
    skipped = set(_OF_OTHER_DIMENSIONS)
    if _has_tls13(offer) != _has_tls13(other):
        skipped |= _OF_TLS13
    return frozenset(offer.extensions) - skipped


def _has_tls13(offer: Offer) -> bool:
    return versions.TLSV1_3 in offer.versions


def _size_matters(before: int, after: int) -> bool:
    leaves_window = WINDOW_FROM <= before <= WINDOW_TO < after
    return after < before or leaves_window


# -- what flipped ----------------------------------------------------------------------


def is_flaky(asked: Sequence[Question]) -> bool:
    """Whether one and the same way of asking both failed and worked."""
    seen: dict[tuple[object, ...], bool] = {}
    return any(seen.setdefault(each.key, each.works) != each.works for each in asked)


def flips(asked: Sequence[Question]) -> tuple[Flip, ...]:
    """Every failing question and answered one with one thing between them.

    None where the same way of asking had both outcomes: then nothing follows from a change.
    """
    if is_flaky(asked):
        return ()
    found: list[Flip] = []
    for before in asked:
        for after in asked:
            if before.works or not after.works:
                continue
            between = difference(before, after)
            if len(between) == 1:
                found.append(Flip(dimension=next(iter(between)), before=before, after=after))
    return tuple(found)


LONGEST_PERIOD: Final = 4
"""Members behind one address that are taken in turn; a larger number seldom has those broken
that are met at just the hellos that fail."""


LEAST_OUTCOMES: Final = 6
"""Of which half are foretold by then: one in eight servers that fail at random would do so."""


def fitting_period(outcomes: Sequence[bool]) -> int | None:
    """The shortest turn that members behind one address could have answered in."""
    for period in range(1, LONGEST_PERIOD + 1):
        if len(outcomes) > period and all(
            outcome == outcomes[at % period] for at, outcome in enumerate(outcomes)
        ):
            return period
    return None


def chance_explains(asked: Sequence[Question]) -> bool:
    """Whether a server that works only sometimes could have given these outcomes.

    It is ruled out when there are six of them, each was seen twice, one way of asking was asked
    with again, a failure followed a success, and no turn of a few members gives the same. A
    hello that met another obstacle than the first one, in the words of a stack that read it,
    got past it.
    """
    whole = [each for each in asked if is_whole_way(each) or _is_reset_on_the_way(each)]
    outcomes = [got_past(each, asked[0]) for each in whole]
    if True not in outcomes or all(outcomes[outcomes.index(True) :]):
        return True
    if len(outcomes) < LEAST_OUTCOMES or fitting_period(outcomes) is not None:
        return True
    if len({each.key for each in whole}) == len(whole):
        return True
    return min(sum(outcomes), len(outcomes) - sum(outcomes)) < 2


def got_past(question: Question, first: Question) -> bool:
    """Whether a hello did not fail as the first one did."""
    if question.works:
        return True
    return question.ending != first.ending and not may_be_chance(question.facts)

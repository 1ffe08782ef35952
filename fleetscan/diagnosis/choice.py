"""Which experiment comes next: a pure function of the facts so far and the budget.

While nothing is answered the row of the symptom says what to ask, the widest question first.
Once a changed hello is answered its changes are taken back until the smallest set is left that
matters, each by a pair of hellos with one thing between them; what chance could explain is then
repeated. Nothing is asked whose answer follows from what was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan.causes.evidence import established
from fleetscan.causes.experiments import (
    chance_explains,
    ending_of,
    got_past,
    is_flaky,
    is_whole_way,
    may_be_chance,
    peer_alert_code,
    question,
    questions,
    works,
)
from fleetscan.causes.proofs_hello import ONE_PACKET
from fleetscan.diagnosis.hellos import EVERYTHING, NAMES, SMALL, Change, held_size, with_changes
from fleetscan.diagnosis.table import EXPERIMENTS, Row, Symptom, row_for
from fleetscan.diagnosis.ways import other_way
from fleetscan.experiment import Cut, Speech
from fleetscan.registry import alerts, versions
from fleetscan.registry import extension_types as extension

if TYPE_CHECKING:
    from fleetscan.causes.experiments import Question
    from fleetscan.diagnosis.context import Context
    from fleetscan.experiment import Ask, Tried
    from fleetscan.facts import HandshakeFacts

Next: TypeAlias = tuple[str, str, "Ask"]
"""The experiment's name in the table, what it changes in a word, how to ask."""

Changes: TypeAlias = frozenset[Change]

LISTS: Final = frozenset(
    {Change.VERSIONS, Change.CIPHER_SUITES, Change.GROUPS, Change.SIGNATURE_SCHEMES}
)
"""Changes that only add: the server's choice tells which of them it needed."""

_TRACED: Final = "short_hops"
_SEPARATOR: Final = "+"


def next_experiment(
    first: HandshakeFacts, base: Ask, tried: Sequence[Tried], context: Context
) -> Next | None:
    """The experiment that best splits what is still possible.

    Args:
        first: what the first probe saw.
        base: how it asked.
        tried: the experiments so far, in their order.
        context: the budget and what may be asked with.

    Returns:
        Its name, what it changes, and how to ask; None when nothing more is to be learnt, or
        the budget is spent.
    """
    if base.profile.versions == (versions.SSLV2,):
        # Its hello is of another kind: nothing of it can be changed.
        return None
    view = _View.of(first, base, tried, context)
    found = _next(view) if view.left > 0 else None
    return found or _trace(view)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """A changed hello and what came of it."""

    changes: Changes
    works: bool
    tried: Tried

    @property
    def ending(self) -> str:
        return ending_of(self.tried.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """All that is known, as the choice needs it."""

    first: HandshakeFacts
    base: Ask
    tried: Sequence[Tried]
    context: Context
    asked: tuple[Question, ...]
    outcomes: tuple[_Outcome, ...]

    @classmethod
    def of(
        cls, first: HandshakeFacts, base: Ask, tried: Sequence[Tried], context: Context
    ) -> _View:
        outcomes = tuple(
            _Outcome(changes=changes, works=works(each.facts, first), tried=each)
            for each in tried
            if (changes := _changes_of(each)) is not None
        )
        return cls(
            first=first,
            base=base,
            tried=tried,
            context=context,
            asked=questions(first, tried, base.address, with_identity=base.with_identity),
            outcomes=outcomes,
        )

    @property
    def left(self) -> int:
        """Experiments that the budget still allows."""
        return self.context.budget - sum(each.name != _TRACED for each in self.tried)

    @property
    def size(self) -> int:
        """Octets of the first hello."""
        return 0 if self.first.offer is None else self.first.offer.octets

    def size_for(self, changes: Changes) -> int:
        """Octets to pad a hello with these changes to, so that it is no smaller than the others.

        The small ones are alike among themselves, and so are the broad ones; the first of a
        kind is as large as it comes.
        """
        if Change.SIZE in changes:
            return max((SMALL, *self._sizes(frozenset({Change.SIZE}))))
        if changes >= EVERYTHING:
            return max((0, *self._sizes(EVERYTHING)))
        return held_size(self.size, changes)

    def _sizes(self, among: Changes) -> list[int]:
        made = [each.tried.facts.offer for each in self.outcomes if among <= each.changes]
        return [offer.octets for offer in made if offer is not None]

    def symptom(self, facts: HandshakeFacts, ask: Ask) -> Symptom:
        """These facts as a row's predicate wants them."""
        return Symptom(facts=facts, named=bool(ask.server_name), context=self.context)

    def failed(self, changes: Changes) -> bool:
        """Whether these changes cannot be enough: more of them were not."""
        return any(not each.works and changes <= each.changes for each in self.outcomes)

    def works_with(self, changes: Changes) -> bool:
        """Whether just these changes were answered."""
        return any(each.works and changes == each.changes for each in self.outcomes)

    def was_tried(self, changes: Changes) -> bool:
        """Whether just these changes were asked with."""
        return any(changes == each.changes for each in self.outcomes)


_EVERYTHING: Final = "everything"
"""What the broad hello changes."""

_KNOWN_WORDS: Final[dict[str, Changes]] = {_EVERYTHING: EVERYTHING} | {
    change.word: frozenset({change}) for change in Change
}


def _changes_of(tried: Tried) -> Changes | None:
    """Which changes of the hello one experiment made; None for those that change other things.

    The small hello that was padded stands for the first one's size, and so for no change of it.
    """
    words = tried.changed.split(_SEPARATOR)
    if tried.ask.cut is not Cut.WHOLE or not all(word in _KNOWN_WORDS for word in words):
        return None
    found = frozenset[Change]().union(*(_KNOWN_WORDS[word] for word in words))
    # One word stands for two changes, which the hello tells apart.
    if found & NAMES:
        found = found - NAMES | {Change.OTHER_NAME if tried.ask.server_name else Change.NO_NAME}
    return found


def _word(changes: Changes) -> str:
    words = [_EVERYTHING] if changes >= EVERYTHING else []
    rest = changes - EVERYTHING if words else changes
    words += [each.word for each in Change if each in rest]
    return _SEPARATOR.join(dict.fromkeys(words))


def _next(view: _View) -> Next | None:
    row = row_for(view.symptom(view.first, view.base))
    if row is None or is_flaky(view.asked):
        return None
    if established(view.first):
        return _of_row(view, row)
    answered = [each for each in view.outcomes if each.works]
    if answered:
        best = min(answered, key=lambda each: len(each.changes))
        return _elsewhere(view, best) or _first_again(view, best) or _narrow(view, row, best)
    if any(asked.works or _spoke(asked) for asked in view.asked[1:]):
        return None
    return _after_another_ending(view) or _of_row(view, row)


def _spoke(asked: Question) -> bool:
    """Whether plain words, or none, were answered."""
    return asked.speech is not Speech.TLS and bool(asked.facts.first_octets)


# -- nothing was answered yet -----------------------------------------------------------


def _of_row(view: _View, row: Row) -> Next | None:
    made = Counter(each.name for each in view.tried)
    due: Counter[str] = Counter()
    for name in row.experiments:
        due[name] += 1
        if made[name] >= due[name]:
            continue
        found = _make(view, name)
        if found is not None:
            return found
    return None


def _make(view: _View, name: str) -> Next | None:
    """The experiment of that name, None where it cannot be made or would tell nothing."""
    changes = EXPERIMENTS[name].changes
    if Change.NO_NAME in changes and _is_refused_by_any_name(view):
        return None
    if changes:
        return _changed(view, name, changes)
    if name == "again":
        return _again(view)
    return other_way(name, view.base, view.first, view.context)


def _is_refused_by_any_name(view: _View) -> bool:
    """Whether another name failed too; unrecognized_name(112) may still spare a hello without."""
    unnamed = peer_alert_code(view.first) == alerts.UNRECOGNIZED_NAME
    return not unnamed and any(Change.OTHER_NAME in each.changes for each in view.outcomes)


def _after_another_ending(view: _View) -> Next | None:
    """What a change uncovered: a failure of another kind is the next obstacle, not the same."""
    before = ending_of(view.first)
    for outcome in reversed(view.outcomes):
        if not outcome.changes or outcome.ending == before:
            continue
        facts = outcome.tried.facts
        row = row_for(view.symptom(facts, outcome.tried.ask))
        if row is None or peer_alert_code(facts) is None:
            continue
        for name in row.experiments[:_GOES_ON]:
            more = EXPERIMENTS[name].changes
            if more and not more <= outcome.changes:
                wanted = outcome.changes | more
                found = _changed(view, _name_of(wanted), wanted)
                if found is not None:
                    return found
    return None


_GOES_ON: Final = 2
"""Experiments of the second row that are added to what uncovered it."""


def _changed(view: _View, name: str, changes: Changes, *, must: bool = False) -> Next | None:
    """The first hello with these changes, as far as it can have them.

    Args:
        view: what is known.
        name: in the table.
        changes: what is to be different.
        must: whether it is asked although its answer follows from another: as a control.
    """
    always = EVERYTHING if changes >= EVERYTHING else frozenset[Change]()
    wanted = always | frozenset(each for each in changes if _can(view, each))
    if not wanted or view.was_tried(wanted) or (view.failed(wanted) and not must):
        return None
    if changes & NAMES and not wanted & NAMES:
        return None
    ask = with_changes(view.base, wanted, size=view.size_for(wanted), name=_name_for(view, wanted))
    return name, _word(wanted), ask


def _name_of(changes: Changes) -> str:
    """The table's name for such a set of changes."""
    found = (name for name, each in EXPERIMENTS.items() if each.changes == changes)
    return next(found, "narrowed")


def _name_for(view: _View, changes: Changes) -> str:
    return _control(view.context) if Change.OTHER_NAME in changes else ""


def _control(context: Context) -> str:
    return next(iter(context.names), context.made_up_name)


def _can(view: _View, change: Change) -> bool:
    """Whether the first hello has what would be changed."""
    profile = view.base.profile
    if change is Change.ALPN:
        kind = extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION
        return bool(view.base.alpn) and kind in profile.extensions
    if change is Change.SIZE:
        return view.size >= 256
    if change is Change.NO_NAME:
        return bool(view.base.server_name)
    if change is Change.OTHER_NAME:
        # A name that nobody serves tells nothing where one was refused already.
        names = view.context.names if view.base.server_name else (_control(view.context),)
        return any(name and name != view.base.server_name for name in names)
    if change is Change.NEWEST:
        return {versions.TLSV1_3, versions.TLSV1_2} <= set(profile.versions)
    if change is Change.EXTENSIONS:
        without = with_changes(view.base, {change}, size=view.size).profile
        return any(
            getattr(without, name) != getattr(profile, name)
            for name in ("versions", "cipher_suites", "groups", "extensions")
        )
    return True


def _again(view: _View) -> Next:
    return "again", "time", replace(view.base, delay_s=limits.AGAIN_DELAY_S)


# -- something was answered: the smallest set of changes that matters --------------------


def _narrow(view: _View, row: Row, best: _Outcome) -> Next | None:
    # That the size matters is shown by padding, where nothing else differs.
    shown_by_padding = best.changes - {Change.SIZE}
    for changes in _smaller(view, row, best):
        if changes == shown_by_padding != best.changes:
            continue
        if changes < _reach(view, best) and not view.works_with(changes):
            found = _changed(view, _name_of(changes), changes)
            if found is not None:
                return found
    return _confirm(view, best)


def _elsewhere(view: _View, best: _Outcome) -> Next | None:
    """The name that was cut without a word, at another address of the same path."""
    made = any(each.name == "same_name_elsewhere" for each in view.tried)
    if made or not best.changes & NAMES or peer_alert_code(view.first) is not None:
        return None
    return other_way("same_name_elsewhere", view.base, view.first, view.context)


def _first_again(view: _View, best: _Outcome) -> Next | None:
    """The first hello once more, where the first answer chose nothing that is new."""
    if any(each.name == "again" for each in view.tried):
        return None
    if _chosen_outside(view.first, best.tried.facts) or not _may_be_chance(view, best):
        return None
    return _again(view)


def _reach(view: _View, best: _Outcome) -> Changes:
    """What the answered hello changed, the size too where the broad one was smaller."""
    offer = best.tried.facts.offer
    is_smaller = offer is not None and offer.octets < view.size
    return best.changes | {Change.SIZE} if is_smaller else best.changes


def _smaller(view: _View, row: Row, best: _Outcome) -> Iterator[Changes]:
    """Smaller sets of changes that may do as well, the likeliest first."""
    chosen = _chosen_outside(view.first, best.tried.facts) & best.changes
    chosen |= _shown_needed(view, best)
    rest = _reach(view, best) - LISTS
    ranked = sorted(rest - chosen, key=lambda change: _rank(view, row, change))
    sets = [frozenset[Change](), *(frozenset({each}) for each in ranked)]
    sets += [frozenset(pair) for pair in combinations(ranked, 2)]
    # What was met by another obstacle than before goes on from there.
    yield from sorted(
        (chosen | each for each in sets if chosen or each),
        key=lambda changes: not _is_met(view, changes),
    )
    # What the choice does not show: a list may be too short for the certificate as well.
    for change in (Change.SIGNATURE_SCHEMES, Change.GROUPS, Change.CIPHER_SUITES, Change.VERSIONS):
        yield frozenset({change})
    if len(best.changes) <= _FEW:
        yield from (best.changes - {change} for change in _in_order(best.changes))


def _shown_needed(view: _View, best: _Outcome) -> Changes:
    """What is known to matter: without it alone the answered hello had failed."""
    failed = [each.changes for each in view.outcomes if not each.works]
    without = [best.changes - changes for changes in failed if changes < best.changes]
    return frozenset(change for each in without if len(each) == 1 for change in each)


_FEW: Final = 3
"""So many changes are taken back one at a time."""


def _rank(view: _View, row: Row, change: Change) -> int:
    """The row's suspicion, or the place at its end."""
    return row.suspects.index(change) if change in row.suspects else len(row.suspects)


def _is_met(view: _View, changes: Changes) -> bool:
    """Whether some of them met another obstacle, and the others are what gets past that."""
    before = ending_of(view.first)
    for outcome in view.outcomes:
        if outcome.works or outcome.ending == before or not outcome.changes < changes:
            continue
        row = row_for(view.symptom(outcome.tried.facts, outcome.tried.ask))
        if row is not None and changes - outcome.changes <= set(row.suspects[:1]):
            return True
    return False


def _chosen_outside(first: HandshakeFacts, facts: HandshakeFacts) -> Changes:
    """The lists from which the server took what the first hello did not offer."""
    offer = first.offer
    if offer is None:
        return frozenset()
    chosen = {
        Change.VERSIONS: (facts.version, offer.versions),
        Change.CIPHER_SUITES: (facts.cipher_suite, offer.cipher_suites),
        Change.GROUPS: (facts.group, offer.groups),
        Change.SIGNATURE_SCHEMES: (facts.signature_scheme, offer.signature_schemes),
    }
    return frozenset(
        change
        for change, (code, offered) in chosen.items()
        if code is not None and code not in offered
    )


# -- the smallest set is there: controls, and repeats where chance could explain it ------


def _confirm(view: _View, best: _Outcome) -> Next | None:
    changes = best.changes
    if Change.SIZE in changes:
        found = _of_the_size(view, best)
        if found is not None:
            return found
    found = _missing_control(view, changes)
    if found is not None:
        return found
    if _may_be_chance(view, best) and chance_explains(view.asked):
        return _repeat(view, best)
    return _in_records(view, best)


def _in_records(view: _View, best: _Outcome) -> Next | None:
    """Where two segments were too much: whether two records in one segment are as well."""
    cuts = {each.cut: each.works for each in view.asked}
    if cuts.get(Cut.SEGMENTS, True) or Cut.RECORDS in cuts:
        return None
    return "in_records", "cut", replace(best.tried.ask, cut=Cut.RECORDS)


def _missing_control(view: _View, changes: Changes) -> Next | None:
    """A failing hello that lacks just one of the changes, for each of them."""
    for change in _in_order(changes - {Change.SIZE}):
        if not _has_partner(view, change):
            rest = changes - {change}
            found = _changed(view, _name_of(rest), rest, must=True)
            if found is not None:
                return found
    if Change.NEWEST in changes and not view.failed(frozenset({Change.EXTENSIONS})):
        return _changed(view, "new_values_left_out", frozenset({Change.EXTENSIONS}))
    return None


def _in_order(changes: Changes) -> tuple[Change, ...]:
    return tuple(change for change in Change if change in changes)


def _has_partner(view: _View, change: Change) -> bool:
    """Whether a failed hello and an answered one differ in this change alone."""
    failed = [frozenset[Change](), *(each.changes for each in view.outcomes if not each.works)]
    worked = [each.changes for each in view.outcomes if each.works]
    return any(
        after - before == {change} and before < after for before in failed for after in worked
    )


def _of_the_size(view: _View, best: _Outcome) -> Next | None:
    """In two segments where all that failed may have come so; else, or then, padded."""
    cut = [each for each in view.asked if each.cut is Cut.SEGMENTS]
    # With one experiment left, the size itself is asked about: what it may be beside is said.
    if not cut and view.left > 1 and min(_failed_sizes(view)) > ONE_PACKET:
        return "in_segments", "cut", replace(best.tried.ask, cut=Cut.SEGMENTS)
    return None if any(not each.works for each in cut) else _padded(view, best)


def _padded(view: _View, best: _Outcome) -> Next | None:
    """The answered small hello at the size of one that failed: one packet where that does."""
    rest = best.changes - {Change.SIZE}
    is_one = min(_failed_sizes(view)) <= ONE_PACKET < view.size
    sizes = (ONE_PACKET, view.size) if is_one else (view.size,)
    padded = [each for each in view.tried if each.name == "small_padded"]
    if len(padded) == len(sizes) or any(not works(each.facts, view.first) for each in padded):
        return None
    size, name = sizes[len(padded)], best.tried.ask.server_name
    ask = with_changes(view.base, rest, size=size, name=name, padded=True)
    return "small_padded", _word(rest) or "padding", ask


def _failed_sizes(view: _View) -> list[int]:
    """Octets of the hellos that failed as the first one did."""
    first = view.asked[0]
    return [each.octets for each in view.asked if each.octets and not got_past(each, first)]


def _may_be_chance(view: _View, best: _Outcome) -> bool:
    """Whether a server that works only sometimes could have given the same outcomes."""
    endings = {peer_alert_code(each.facts) for each in view.asked if not each.works}
    chosen = _chosen_outside(view.first, best.tried.facts)
    for change in best.changes:
        if change in _NAMED_BY_ALERT:
            if endings.isdisjoint(_NAMED_BY_ALERT[change]):
                return True
        elif change is Change.VERSIONS and change in chosen:
            continue
        elif change not in chosen or may_be_chance(view.first):
            return True
    return False


_OF_THE_NAME: Final = frozenset({alerts.UNRECOGNIZED_NAME, alerts.MISSING_EXTENSION})
_NAMED_BY_ALERT: Final = {
    Change.ALPN: frozenset({alerts.NO_APPLICATION_PROTOCOL}),
    Change.NO_NAME: _OF_THE_NAME,
    Change.OTHER_NAME: _OF_THE_NAME,
}


def _repeat(view: _View, best: _Outcome) -> Next:
    """The failing hello or the answered one once more: what no turn of members would give."""
    options: dict[bool, Next] = {
        True: ("repeat", _word(best.changes), best.tried.ask),
        False: _again(view),
    }
    first = view.asked[0]
    outcomes = {
        True: question(best.tried.ask, best.tried.facts, view.first, view.base.address),
        False: first,
    }
    for length in range(1, _MOST_REPEATS + 1):
        turns = [
            turn
            for turn in product((True, False), repeat=length)
            if not chance_explains((*view.asked, *(outcomes[each] for each in turn)))
        ]
        if turns:
            return options[min(turns, key=lambda turn: _likelihood(view, turn))[0]]
    return options[False]


_MOST_REPEATS: Final = 4
"""As many as a budget leaves after a pair was found; more are looked at when these were made."""


def _likelihood(view: _View, turn: tuple[bool, ...]) -> float:
    """How likely these outcomes are of a server that works as often as it has so far."""
    seen = [got_past(each, view.asked[0]) for each in view.asked if is_whole_way(each)]
    share = (sum(seen) + 1) / (len(seen) + 2)
    return prod(share if outcome else 1 - share for outcome in turn)


# -- the path: on its own account --------------------------------------------------------


def _trace(view: _View) -> Next | None:
    """A hello that cannot reach the server: whoever resets it stands before the server."""
    context = view.context
    traced = sum(each.name == _TRACED for each in view.tried)
    if context.server_hops < 2 or traced >= min(context.trace_budget, _TRACES):
        return None
    if is_flaky(view.asked) or ending_of(view.first) != "rst" or not view.tried:
        return None
    # What passes with a change that is not the name's was read by the server.
    if any(each.works and not each.changes & NAMES for each in view.outcomes):
        return None
    ask = replace(view.base, hops=context.server_hops - 1)
    if traced and not any(each.name == _TRACED and _is_reset(each) for each in view.tried):
        return None
    return _TRACED, "hops", ask


_TRACES: Final = 2
"""A reset that came so twice is no accident of the routes."""


def _is_reset(tried: Tried) -> bool:
    return ending_of(tried.facts) == "rst"

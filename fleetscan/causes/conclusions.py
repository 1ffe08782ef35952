"""What follows from the experiments of one target: from flips to causes.

A cause is proven when one thing was changed, the outcome flipped, and nothing else explains
it: neither chance nor a second thing that changed with it. Where something else still could,
it is suspected, and says what would settle it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleetscan.causes.endings import SMALL_HELLO
from fleetscan.causes.evaluation import Evaluation
from fleetscan.causes.evidence import TLS10, TLS13, established
from fleetscan.causes.experiments import (
    Dimension,
    Question,
    difference,
    is_flaky,
    is_whole_way,
    questions_of,
)
from fleetscan.causes.model import Confidence, Match
from fleetscan.causes.proofs_hello import HELLO_RULES
from fleetscan.causes.proofs_way import WAY_RULES, default_certificate, intermittent

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Matcher


def conclusions(case: Case) -> Mapping[str, Match]:
    """Every cause that the experiments of this case show, by id.

    Args:
        case: its `tried` are looked at; without any nothing is concluded.
    """
    if not case.tried:
        return {}
    if established(case.facts):
        shown = default_certificate(case, questions_of(case))
        return {} if shown is None else dict((shown,))
    if is_flaky(questions_of(case)):
        return dict((intermittent(questions_of(case)),))
    seen = Evaluation.of(case)
    found: dict[str, Match] = {}
    for rule in (*HELLO_RULES, *WAY_RULES):
        for cause, match in rule(seen):
            if cause not in found or _is_better(match, found[cause]):
                found[cause] = match
    return found


def _is_better(match: Match, than: Match) -> bool:
    return match.confidence is Confidence.PROVEN and than.confidence is not Confidence.PROVEN


def concluded(cause: str, first_probe: Matcher | None = None) -> Matcher:
    """The matcher of a cause that experiments can show.

    Args:
        cause: its id.
        first_probe: what the first probe alone says. It stands where the experiments show
            nothing, without the alternatives that they ruled out; what it only suspects, and
            an ending or a refusal that gives no reason, gives way to what they show.
    """

    def match(case: Case) -> Match | None:
        shown = conclusions(case) if case.shown is None else case.shown
        if cause in shown:
            return shown[cause]
        told = None if first_probe is None else first_probe(case)
        if told is None:
            return None
        if shown and (told.confidence is Confidence.SUSPECTED or cause in GIVES_NO_REASON):
            return None
        return _without_refuted(case, cause, told)

    return match


GIVES_NO_REASON: Final = frozenset(
    {
        "server.closed_on_accept",
        "server.closed_after_hello",
        "server.reset_after_hello",
        "server.silent_after_hello",
        "server.stalled",
        "server.internal_error",
        "server.refused",
        # Some stacks send its alert whatever it is that is not in common.
        "cipher.insufficient_security",
    }
)
"""What is said of a server only when no experiment finds a better cause."""


# -- what the experiments ruled out -------------------------------------------------------


def _without_refuted(case: Case, cause: str, told: Match) -> Match:
    if not case.tried:
        return told
    refuted = _refuted(questions_of(case))
    left = tuple(other for other in told.alternatives if other not in refuted)
    if left == told.alternatives:
        return told
    if left or cause not in GIVES_NO_REASON:
        return replace(told, alternatives=left)
    return replace(told, alternatives=(), missing="", confidence=Confidence.OBSERVED)


_REFUTED: Final[dict[Dimension, tuple[str, ...]]] = {
    Dimension.CIPHER_SUITES: (
        "cipher.none_in_common",
        "cipher.insecure_only",
        "cipher.insufficient_security",
    ),
    Dimension.GROUPS: ("key_exchange.no_common_group",),
    Dimension.SIGNATURE_SCHEMES: ("signature.no_common_scheme",),
    Dimension.EXTENSIONS: ("server.extension_intolerant",),
    Dimension.ALPN: ("alpn.none_in_common",),
    Dimension.SERVER_NAME: ("name.required", "name.unrecognized", "interference.name_filter"),
    Dimension.STARTTLS: ("protocol.starttls_needed", "protocol.other"),
    Dimension.PROXY: ("interference.proxy_refused",),
}
"""Causes that would have let a hello pass that differs in this."""

_TIMES: Final = 3
"""Failures of the same hello after which it is no longer said to work sometimes."""


def _refuted(asked: tuple[Question, ...]) -> frozenset[str]:
    """What would have made one of the failed experiments work."""
    first, found = asked[0], set[str]()
    for each in asked[1:]:
        if each.works:
            continue
        between = difference(first, each)
        for dimension in between:
            found.update(_REFUTED.get(dimension, ()))
        if Dimension.VERSIONS in between:
            found.update(_refuted_versions(each))
        if Dimension.SIZE in between and each.octets < SMALL_HELLO:
            found.add("server.large_hello_intolerant")
    same = [each for each in asked if is_whole_way(each) and each.key == first.key]
    if len(same) >= _TIMES:
        found.add("server.intermittent")
    return frozenset(found)


def _refuted_versions(question: Question) -> tuple[str, ...]:
    offered = () if question.offer is None else question.offer.versions
    if TLS13 in offered:
        return ("version.too_new", "version.too_old") if TLS10 in offered else ("version.too_new",)
    return ("version.intolerant",)

"""What is proven by another name, path, dialogue, client or time than the first hello's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from fleetscan.causes import banners
from fleetscan.causes.evaluation import (
    Evaluation,
    Found,
    alert_of,
    flip_basis,
    flip_match,
    repeats,
    way_basis,
)
from fleetscan.causes.evidence import established, evidence, peer_text
from fleetscan.causes.experiments import (
    ANSWERED,
    Dimension,
    Flip,
    Question,
    difference,
    is_whole_way,
    peer_alert_code,
)
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.experiment import Speech
from fleetscan.registry import alerts
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts

# -- the name -----------------------------------------------------------------------------

_NAMES_THE_NAME: Final = frozenset({alerts.UNRECOGNIZED_NAME, alerts.MISSING_EXTENSION})


def _name(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.SERVER_NAME):
        code = peer_alert_code(flip.before.facts)
        found = alert_of(flip.before.facts) | evidence(
            control_name=peer_text(flip.after.server_name)
        )
        by_chance = code not in _NAMES_THE_NAME
        if not flip.before.server_name:
            yield "name.required", flip_match(seen, flip, found, by_chance=by_chance)
        elif code is not None:
            values = (peer_text(flip.before.server_name),)
            match = flip_match(seen, flip, found, by_chance=by_chance, values=values)
            yield "name.unrecognized", match
        else:
            yield "interference.name_filter", _name_filter(seen, flip)


def _name_filter(seen: Evaluation, flip: Flip) -> Match:
    """The end depends on the name: the server may do that too, unless the path is shown."""
    name = peer_text(flip.before.server_name)
    found = evidence(
        ended_by=flip.before.facts.ended_by.value if flip.before.facts.ended_by else "",
        server_name=name,
        control_name=peer_text(flip.after.server_name),
        repeats=repeats(seen, flip),
    )
    short = _reset_before_the_server(seen)
    if short:
        found |= evidence(hop=short[0].hops, server_hops=short[0].hops + 1)
    proven = len(short) >= _RESETS or any(_is_cut_elsewhere(each, flip) for each in seen.asked)
    return Match(
        evidence=found,
        confidence=Confidence.PROVEN if proven else Confidence.SUSPECTED,
        basis=flip_basis(seen, flip),
        alternatives=() if proven else ("name.unrecognized",),
        missing="" if proven else "the same name sent to another address on this path",
        remedy_values=(name,),
    )


def _is_cut_elsewhere(question: Question, flip: Flip) -> bool:
    """Whether the same name was cut in the same way at another address."""
    same_name = question.server_name == flip.before.server_name
    return bool(question.address) and same_name and question.ending == flip.before.ending


_RESETS: Final = 2
"""Resets at a TTL too small to reach the server that count as shown: routes change."""


def _reset_before_the_server(seen: Evaluation) -> list[Question]:
    return [each for each in seen.asked if each.hops and each.ending == "rst"]


def _hello_filter(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    short = _reset_before_the_server(seen)
    if not short or any(each.works for each in seen.asked):
        return
    proven = len(short) >= _RESETS
    yield (
        "interference.hello_filter",
        Match(
            evidence=evidence(
                ended_by="rst",
                hop=short[0].hops,
                server_hops=short[0].hops + 1,
                repeats=len(short),
            ),
            confidence=Confidence.PROVEN if proven else Confidence.SUSPECTED,
            basis=Basis(
                kind="experiment",
                changed=Dimension.HOPS.value,
                before=seen.first.ending,
                after="rst",
                repeats=str(len(short)),
            ),
            alternatives=() if proven else ("server.reset_after_hello",),
            missing="" if proven else "the same again with that TTL",
            remedy_values=(peer_text(seen.case.address),),
        ),
    )


def default_certificate(case: Case, asked: Sequence[Question]) -> Found | None:
    """Whether a name that nobody serves gets the certificate that the target's name got."""
    first = asked[0]
    shown = _leaf(first.facts)
    is_wrong = case.path is not None and case.path.name is Checked.NO
    if not shown or not is_wrong or not first.server_name:
        return None
    for each in asked[1:]:
        other = each.server_name
        if not other or other == first.server_name or _leaf(each.facts) != shown:
            continue
        if difference(first, each) - {Dimension.SIZE} != {Dimension.SERVER_NAME}:
            continue
        return "name.default_certificate", Match(
            evidence=evidence(
                server_name=peer_text(first.server_name),
                control_name=peer_text(other),
                sha256=shown,
            ),
            confidence=Confidence.PROVEN,
            basis=Basis(
                kind="experiment",
                changed=Dimension.SERVER_NAME.value,
                before=ANSWERED,
                after=ANSWERED,
                repeats="1",
            ),
            remedy_values=(peer_text(first.server_name),),
        )
    return None


def _leaf(facts: HandshakeFacts) -> str:
    return facts.certificates[0].sha256 if facts.certificates else ""


# -- time -----------------------------------------------------------------------------


def intermittent(asked: Sequence[Question]) -> Found:
    """The same way of asking failed and worked."""
    outcomes = [each for each in asked if is_whole_way(each)]
    failed = [each for each in outcomes if not each.works]
    return "server.intermittent", Match(
        evidence=evidence(
            succeeded=len(outcomes) - len(failed),
            failed=len(failed),
            first_failure=asked[0].ending,
        ),
        confidence=Confidence.PROVEN,
        basis=Basis(
            kind="experiment",
            changed="time",
            before=asked[0].ending,
            after=ANSWERED,
            repeats=str(len(outcomes)),
        ),
    )


# -- another dialogue, another way, another client -------------------------------------------


def _protocol(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for each in seen.asked[1:]:
        if each.speech is not Speech.TLS:
            yield from _plain(seen, each)
        elif each.works and each.starttls != seen.first.starttls:
            yield _dialogue(seen, each)


def _plain(seen: Evaluation, question: Question) -> Iterable[tuple[str, Match]]:
    facts = question.facts
    signature = banners.identify(facts.first_octets) if facts.first_octets else None
    if signature is None or signature.cause == banners.TOO_OLD:
        return
    found = evidence(
        protocol=signature.protocol,
        banner=peer_text(banners.first_line(facts.first_octets)),
        spoke_first="yes" if question.speech is Speech.LISTEN else "no",
        port=seen.case.port,
    )
    if signature.cause == banners.PLAINTEXT_HTTP:
        found |= evidence(status=banners.http_status(facts.first_octets))
    yield (
        signature.cause,
        Match(
            evidence=found,
            confidence=Confidence.PROVEN,
            basis=way_basis(seen, Dimension.SPEECH, signature.protocol),
            remedy_values=(signature.starttls or signature.protocol,),
        ),
    )


def _dialogue(seen: Evaluation, question: Question) -> tuple[str, Match]:
    first = seen.first
    needed = first.starttls == "none"
    kind = question.starttls if needed else first.starttls
    signature = banners.identify(first.facts.first_octets) if first.facts.first_octets else None
    banner = banners.first_line(first.facts.first_octets) if signature is not None else b""
    protocol = signature.protocol if signature is not None else kind
    return "protocol.starttls_needed" if needed else "protocol.other", Match(
        evidence=evidence(
            protocol=protocol if needed else "TLS",
            banner=peer_text(banner),
            spoke_first="yes" if first.facts.spoke_first else "no",
            starttls=kind,
            port=seen.case.port,
        ),
        confidence=Confidence.PROVEN,
        basis=way_basis(seen, Dimension.STARTTLS, ANSWERED),
        remedy_values=(kind if needed else "TLS",),
    )


def _proxy(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.PROXY):
        facts = flip.before.facts
        found = evidence(
            proxy=peer_text(facts.proxy),
            stage=facts.stage.value,
            ended_by=facts.ended_by.value if facts.ended_by else "",
        )
        values = (peer_text(seen.case.address),)
        match = flip_match(seen, flip, found, by_chance=True, values=values)
        yield "interference.proxy_refused", match


def _identity(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.IDENTITY):
        if flip.after.facts.client_certificate_sent and established(flip.after.facts):
            found = alert_of(flip.before.facts) | evidence(requested="yes")
            yield "client_auth.required", flip_match(seen, flip, found, by_chance=False)


WAY_RULES: Final[tuple[Callable[[Evaluation], Iterable[Found]], ...]] = (
    _name,
    _hello_filter,
    _protocol,
    _proxy,
    _identity,
)

"""What a changed hello proves: versions, suites, groups, schemes, ALPN, size, extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from fleetscan.causes.evaluation import Evaluation, Found, alert_of, flip_basis, flip_match, repeats
from fleetscan.causes.evidence import (
    TLS13,
    evidence,
    joined,
    offered_profile,
    peer_text,
    weak_group,
)
from fleetscan.causes.experiments import (
    ANSWERED,
    Dimension,
    Flip,
    Question,
    difference,
    left_out,
    may_be_chance,
    peer_alert_code,
)
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.experiment import Cut
from fleetscan.registry import alerts, cipher_suites, groups, signature_schemes, versions
from fleetscan.tls.profile import is_grease

ONE_PACKET: Final = 1_400
"""Octets of a hello that fits one TCP segment on any usual path; a larger one comes in two."""


# -- versions --------------------------------------------------------------------------


def _real(codes: Iterable[int]) -> tuple[int, ...]:
    return tuple(code for code in codes if not is_grease(code))


def _version_names(question: Question) -> str:
    offered = () if question.offer is None else _real(question.offer.versions)
    return ", ".join(versions.name_of(code) for code in offered)


def _versions(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in (*seen.of_kind(Dimension.VERSIONS), *_named_by_alert(seen)):
        chosen, offer = flip.after.facts.version, flip.before.offer
        if chosen is None or offer is None:
            continue
        offered = _real(offer.versions)
        if chosen in offered:
            found = _intolerant(seen, flip)
        else:
            found = _other_version(seen, flip, is_older=chosen < min(offered))
        if found is not None:
            yield found


_COMES_ALONG: Final = frozenset(
    {
        Dimension.VERSIONS,
        Dimension.CIPHER_SUITES,
        Dimension.GROUPS,
        Dimension.SIGNATURE_SCHEMES,
        Dimension.EXTENSIONS,
        Dimension.SIZE,
    }
)
"""What a version may bring with it (RFC 8446 section 9.2)."""


def _named_by_alert(seen: Evaluation) -> Iterable[Flip]:
    """Hellos that were refused for their version, and one that a version outside them answers."""
    refused = [
        each
        for each in seen.asked
        if peer_alert_code(each.facts) == alerts.PROTOCOL_VERSION and each.offer is not None
    ]
    for before in refused:
        for after in seen.asked:
            between = difference(before, after)
            if after.works and Dimension.VERSIONS in between and between <= _COMES_ALONG:
                flip = Flip(dimension=Dimension.VERSIONS, before=before, after=after)
                if before.offer is not None and after.facts.version not in before.offer.versions:
                    yield flip


def _other_version(seen: Evaluation, flip: Flip, *, is_older: bool) -> Found:
    # A server chooses the newest version that it shares with the hello (RFC 8446 section
    # 4.2.1): that it chose this one of all is no matter of chance.
    chosen = versions.name_of(flip.after.facts.version or 0)
    found = alert_of(flip.before.facts) | evidence(offered=_version_names(flip.before))
    if is_older:
        found |= evidence(version=chosen)
        return "version.too_old", flip_match(seen, flip, found, by_chance=False, values=(chosen,))
    found |= evidence(accepted=chosen)
    return "version.too_new", flip_match(seen, flip, found, by_chance=False, values=(chosen,))


def _intolerant(seen: Evaluation, flip: Flip) -> Found | None:
    before, after = flip.before.offer, flip.after.offer
    if before is None or after is None or TLS13 in after.versions:
        return None
    gone = [code for code in _real(before.versions) if code not in after.versions]
    match = flip_match(
        seen,
        flip,
        evidence(
            before=flip.before.ending,
            after=ANSWERED,
            left_out=", ".join(map(versions.name_of, gone)),
            version=versions.name_of(flip.after.facts.version or 0),
        ),
        by_chance=True,
    )
    match = replace(match, basis=replace(match.basis, changed=NEWEST_VERSION))
    if not any(_offers_nothing_new(each) for each in seen.asked if not each.works):
        # With TLS 1.3 went the bait in its list of versions.
        match = replace(
            match,
            confidence=Confidence.SUSPECTED,
            alternatives=("server.extension_intolerant", *match.alternatives),
            missing=match.missing or "a hello that offers it without any value that is new",
        )
    return "version.intolerant", match


NEWEST_VERSION: Final = "newest_version"
"""What is changed where TLS 1.3 is left out and nothing else."""


def _offers_nothing_new(question: Question) -> bool:
    """Whether it offered TLS 1.3 and no bait."""
    offer = question.offer
    if offer is None or TLS13 not in offer.versions:
        return False
    every = (*offer.versions, *offer.cipher_suites, *offer.groups, *offer.extensions)
    return not any(is_grease(code) for code in every)


_NEWER_FORMS: Final = frozenset({versions.SSLV2, versions.SSLV3})


def _older_protocol(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for each in seen.asked:
        offered = () if each.offer is None else _real(each.offer.versions)
        if not each.works or len(offered) != 1 or offered[0] not in _NEWER_FORMS:
            continue
        chosen = versions.name_of(each.facts.version or offered[0])
        yield (
            "version.too_old",
            Match(
                evidence=alert_of(seen.first.facts)
                | evidence(version=chosen, offered=_version_names(seen.first)),
                confidence=Confidence.SUSPECTED,
                basis=Basis(
                    kind="experiment",
                    changed=Dimension.VERSIONS.value,
                    before=seen.first.ending,
                    after=ANSWERED,
                    repeats="1",
                ),
                # That hello is small and has no extensions, besides being old.
                alternatives=("server.extension_intolerant", "server.large_hello_intolerant"),
                missing="a small hello without extensions that offers TLS 1.2",
                remedy_values=(chosen,),
            ),
        )


# -- lists -----------------------------------------------------------------------------


def _suites(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.CIPHER_SUITES):
        code, offer = flip.after.facts.cipher_suite, flip.before.offer
        if code is None or offer is None or code in offer.cipher_suites:
            continue
        suite = cipher_suites.describe(code)
        cause = "cipher.none_in_common"
        if suite is not None and suite.weakness:
            cause = "cipher.insecure_only"
        yield _listed(seen, flip, cause, cipher_suites.name_of(code), is_outside=True)
        # Its one suite in common would not be enough for clients that look at the group.
        found = weak_group(flip.after.facts)
        if found is not None:
            yield (
                "key_exchange.weak_dh",
                Match(
                    evidence=found,
                    confidence=Confidence.OBSERVED,
                    basis=flip_basis(seen, flip),
                    remedy_values=(found["dh_prime_bits"],),
                ),
            )


def _groups(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.GROUPS):
        code, offer = flip.after.facts.group, flip.before.offer
        outside = code is not None and offer is not None and code not in offer.groups
        accepted = groups.name_of(code) if code is not None else ""
        yield _listed(seen, flip, "key_exchange.no_common_group", accepted, is_outside=outside)


def _schemes(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.SIGNATURE_SCHEMES):
        code, offer = flip.after.facts.signature_scheme, flip.before.offer
        outside = code is not None and offer is not None and code not in offer.signature_schemes
        accepted = signature_schemes.name_of(code) if code is not None else ""
        yield _listed(seen, flip, "signature.no_common_scheme", accepted, is_outside=outside)


def _listed(
    seen: Evaluation, flip: Flip, cause: str, accepted: str, *, is_outside: bool
) -> tuple[str, Match]:
    """A list that was too short. What the server then took shows it, where that is outside."""
    facts = flip.before.facts
    by_chance = not is_outside or may_be_chance(facts)
    # Some stacks say insufficient_security(71) where nothing is in common at all (RFC 8446
    # section 6.2 keeps it for parameters that are too weak): what they take instead tells.
    is_named = peer_alert_code(seen.first.facts) == alerts.INSUFFICIENT_SECURITY
    if is_named and (not is_outside or _is_stronger(flip)):
        cause = "cipher.insufficient_security"
        found = alert_of(seen.first.facts) | evidence(accepted=accepted)
    else:
        found = evidence(
            offered=offered_profile(facts), accepted=accepted, alert=alert_of(facts).get("alert")
        )
    return cause, flip_match(
        seen, flip, found, by_chance=by_chance, values=(accepted,) if accepted else ()
    )


def _is_stronger(flip: Flip) -> bool:
    """Whether the suite that was taken has a longer key than all that were refused."""
    code, offer = flip.after.facts.cipher_suite, flip.before.offer
    if code is None or offer is None or not _has_256_bit_key(code):
        return False
    return not any(map(_has_256_bit_key, offer.cipher_suites))


def _has_256_bit_key(code: int) -> bool:
    suite = cipher_suites.describe(code)
    return suite is not None and ("_256_" in suite.encryption or "CHACHA20" in suite.encryption)


# -- application protocol -------------------------------------------------------


def _alpn(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.ALPN):
        offer = flip.before.offer
        if offer is None or (flip.after.offer is not None and flip.after.offer.alpn):
            continue
        named = peer_alert_code(flip.before.facts) == alerts.NO_APPLICATION_PROTOCOL
        protocols = tuple(peer_text(each) for each in offer.alpn)
        yield (
            "alpn.none_in_common",
            flip_match(
                seen,
                flip,
                alert_of(flip.before.facts) | evidence(offered=joined(protocols)),
                by_chance=not named,
                values=protocols,
            ),
        )


# -- what the server cannot bear -----------------------------------------------------------


def _size(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    segmented = [flip for flip in seen.flips if flip.dimension is Dimension.CUT]
    for flip in seen.of_kind(Dimension.SIZE):
        in_two = flip.before.octets > ONE_PACKET
        if in_two and segmented:
            continue
        match = flip_match(
            seen,
            flip,
            _broken(seen, flip)
            | evidence(
                works_up_to=max(each.octets for each in seen.asked if _is_smaller(each, flip)),
                fails_from=flip.before.octets,
            ),
            by_chance=True,
        )
        if in_two and not any(each.cut is Cut.SEGMENTS for each in seen.asked):
            match = replace(
                match,
                confidence=Confidence.SUSPECTED,
                alternatives=("server.segmented_hello_intolerant", *match.alternatives),
                missing=match.missing or "the small hello in two segments",
            )
        yield "server.large_hello_intolerant", match


def _size_unsettled(seen: Evaluation) -> Iterable[Found]:
    """A small hello passes and a large one does not, and the small one lacks other things too."""
    if any(flip.dimension in {Dimension.SIZE, Dimension.CUT} for flip in seen.flips):
        return
    for before in (each for each in seen.asked if not each.works):
        for after in (each for each in seen.asked if each.works):
            if difference(before, after) != {Dimension.SIZE, Dimension.EXTENSIONS}:
                continue
            flip = Flip(dimension=Dimension.SIZE, before=before, after=after)
            found = _broken(seen, flip) | evidence(
                works_up_to=after.octets, fails_from=before.octets
            )
            yield (
                "server.large_hello_intolerant",
                replace(
                    flip_match(seen, flip, found, by_chance=True),
                    confidence=Confidence.SUSPECTED,
                    alternatives=("server.extension_intolerant", "server.intermittent"),
                    missing="the small hello, padded to the size of the large one",
                ),
            )


def _is_smaller(question: Question, flip: Flip) -> bool:
    return question.works and question.octets < flip.before.octets


def _broken(seen: Evaluation, flip: Flip) -> dict[str, str]:
    return evidence(before=flip.before.ending, after=ANSWERED, repeats=repeats(seen, flip))


def _segments(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.CUT):
        found = _broken(seen, flip) | evidence(split=flip.before.cut.value)
        yield "server.segmented_hello_intolerant", flip_match(seen, flip, found, by_chance=True)


def _extensions(seen: Evaluation) -> Iterable[tuple[str, Match]]:
    for flip in seen.of_kind(Dimension.EXTENSIONS):
        before, after = flip.before.offer, flip.after.offer
        # Only what was left out can have been too much: one that was added was missed.
        if before is None or after is None or left_out(after, before):
            continue
        gone = left_out(before, after)
        found = _broken(seen, flip) | evidence(extension=joined(gone))
        yield "server.extension_intolerant", flip_match(seen, flip, found, by_chance=True)


HELLO_RULES: Final[tuple[Callable[[Evaluation], Iterable[Found]], ...]] = (
    _versions,
    _older_protocol,
    _suites,
    _groups,
    _schemes,
    _alpn,
    _size,
    _size_unsettled,
    _segments,
    _extensions,
)

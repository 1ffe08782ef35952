"""What `fleetscan diagnose` found -> its record, `fleetscan.diagnose/1`.

What a result or a verified chain has too bears the same name and is made by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleetscan._parse import Certificate
from fleetscan.causes import entry_of
from fleetscan.causes.evidence import errno_text, established
from fleetscan.causes.experiments import ANSWERED, NO_TLS, SILENCE, ending_of, works
from fleetscan.causes.explain import SEEN_AS_LABELS, remedy_text
from fleetscan.diagnosis.table import EXPERIMENTS
from fleetscan.output.by_hand import Situation, commands
from fleetscan.output.certificates import certificate_summary
from fleetscan.output.chain_record import PathSource, path_certificate
from fleetscan.output.chain_text import proof_of_repair
from fleetscan.output.phrases import deciding_fact
from fleetscan.output.times import rounded_ms
from fleetscan.registry import cipher_suites, groups, signature_schemes, versions
from fleetscan.text import printable
from fleetscan.vocabulary import Checked, EndedBy, Stage

if TYPE_CHECKING:
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.inventory.target import Target
    from fleetscan.pki.path import PathAssessment
    from fleetscan.pki.trust import TrustStore

SCHEMA_ID: Final = "fleetscan.diagnose/1"
"""The value of `schema`."""

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_REACHED: Final = "not_reached"
"""What a stage of the ladder may be."""

_BEFORE: Final = (
    Stage.RESOLVE,
    Stage.CONNECT,
    Stage.PROXY,
    Stage.STARTTLS,
    Stage.CLIENT_HELLO,
    Stage.SERVER_HELLO,
)
_UP_TO_TLS12: Final = (
    Stage.CERTIFICATE,
    Stage.KEY_EXCHANGE,
    Stage.CLIENT_FINISHED,
    Stage.SERVER_FINISHED,
)
_OF_TLS13: Final = (
    Stage.KEY_EXCHANGE,
    Stage.CERTIFICATE,
    Stage.SERVER_FINISHED,
    Stage.CLIENT_FINISHED,
)

_GRAVER: Final = ("established", "skipped", "failed", "error")
"""Outcomes, the one that the whole takes from its parts last."""

_BASES: Final = {
    "peer": "the peer showed it itself",
    "fleet": "other targets of this run show it",
}

_ENDINGS: Final = {
    NO_TLS: "an answer that is no TLS",
    SILENCE: "no answer",
    EndedBy.RST.value: "reset",
    EndedBy.FIN.value: "closed",
    EndedBy.ICMP.value: "an ICMP error",
    EndedBy.US.value: "given up",
}

_CHANGES: Final = {
    "versions": "the versions that were offered",
    "cipher_suites": "the cipher suites that were offered",
    "groups": "the groups that were offered",
    "signature_schemes": "the signature schemes that were offered",
    "extensions": "the extensions and values that were offered",
    "size": "the size of the hello",
    "alpn": "the application protocols that were offered",
    "server_name": "the name that was sent",
    "cut": "how the hello was cut",
    "starttls": "the dialogue before TLS",
    "speech": "what was spoken",
    "address": "the address",
    "proxy": "the way, with or without the proxy",
    "client_certificate": "the client certificate",
    "hops": "how far the hello got",
    "time": "the time",
    "older_protocol": "the form of the hello, that of an older protocol",
}
"""What `basis.changed` of an experiment stands for; several are joined in words of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One address of the target, probed and judged.

    Args:
        target: as it was given.
        address: the address probed; `""` where the name gave none.
        record: its result.
        facts: of the first probe; None for a target that was not begun.
        tried: the experiments after it.
        path: what the certificate path showed.
    """

    target: Target
    address: str
    record: dict[str, Any]
    facts: HandshakeFacts | None
    tried: Sequence[Tried]
    path: PathAssessment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked with, as far as the record depends on it.

    Args:
        policy: the name of the rules, safe to print.
        trust: the anchors.
        ca_file: a file of them that other programs can read; `""` for none.
        client_cert: the file with the client certificate; `""` for none.
    """

    policy: str
    trust: TrustStore
    ca_file: str = ""
    client_cert: str = ""


def diagnosis_record(input_text: str, found: Sequence[Finished], terms: Terms) -> dict[str, Any]:
    """Everything that is known of a target, with the keys and the order of the schema.

    Args:
        input_text: what the user wrote.
        found: one for each address, in the order to be shown.
        terms: what they were asked with.
    """
    outcomes = [each.record["outcome"] for each in found]
    return {
        "schema": SCHEMA_ID,
        "input": printable(input_text),
        "outcome": max(outcomes, key=_GRAVER.index),
        "policy": terms.policy,
        "diagnoses": [_diagnosis(each, terms) for each in found],
    }


def _diagnosis(found: Finished, terms: Terms) -> dict[str, Any]:
    facts = found.facts
    record: dict[str, Any] = {"result": found.record}
    record["ladder"] = [] if facts is None else [*_ladder(found, facts)]
    record["asked"] = [] if facts is None else [*_asked(found, facts)]
    record["accepted"] = [] if facts is None else _accepted(facts, found.tried)
    record["path"] = [] if found.path is None else [*_path(found, found.path, terms.trust)]
    record["explained"] = [_explained(each, found.record) for each in found.record["causes"]]
    record["by_hand"] = [] if facts is None else [*_by_hand(found, facts, terms)]
    return record


# -- the ladder ----------------------------------------------------------------------------


def _ladder(found: Finished, facts: HandshakeFacts) -> Iterator[dict[str, Any]]:
    stages = _stages(found, facts)
    passed = dict(facts.timings.passed)
    at = stages.index(facts.stage) if facts.stage in stages else 0
    before = 0.0
    for place, stage in enumerate(stages):
        state = PASSED if place < at else FAILED if place == at else NOT_REACHED
        if place == at and established(facts):
            state = PASSED
        rung: dict[str, Any] = {"stage": stage.value, "state": state}
        if state == PASSED and stage in passed:
            rung["ms"] = rounded_ms(_spent(stage, passed[stage] - before, facts))
            before = passed[stage]
        elif state == FAILED:
            rung["ms"] = rounded_ms(max(facts.timings.total - before, 0.0))
        if state != NOT_REACHED and (detail := _detail(stage, state, found, facts)):
            rung["detail"] = detail
        yield rung


def _stages(found: Finished, facts: HandshakeFacts) -> list[Stage]:
    """The stages that this handshake has, in its version's order (RFC 5246 7.3, RFC 8446 2)."""
    older = facts.version is not None and facts.version < versions.TLSV1_3
    left_out = set()
    # A name that the proxy resolves is not resolved here.
    if not found.target.host or (facts.proxy and not found.address):
        left_out.add(Stage.RESOLVE)
    if not facts.proxy:
        left_out.add(Stage.PROXY)
    if found.target.starttls == "none":
        left_out.add(Stage.STARTTLS)
    stages = (*_BEFORE, *(_UP_TO_TLS12 if older else _OF_TLS13), Stage.CONFIRMED)
    return [stage for stage in stages if stage not in left_out]


def _spent(stage: Stage, elapsed: float, facts: HandshakeFacts) -> float:
    """Without the time that a probe waited for its turn before it connected."""
    own = {Stage.RESOLVE: facts.timings.resolve, Stage.CONNECT: facts.timings.connect}.get(stage)
    return max(elapsed, 0.0) if own is None else own


def _detail(stage: Stage, state: str, found: Finished, facts: HandshakeFacts) -> str:
    if state == FAILED:
        return _ended(facts)
    makes = _DETAILS.get(stage)
    return "" if makes is None else makes(found, facts)


def _ended(facts: HandshakeFacts) -> str:
    if facts.resolve_failure is not None:
        return f"{facts.resolve_failure.value} {printable(facts.resolve_detail)}".strip()
    if facts.stage is Stage.CONNECT and facts.errno is not None:
        return errno_text(facts.errno)
    return ending_text(ending_of(facts))


def ending_text(ending: str) -> str:
    """How a connection ended, in words; an alert and a rule of TLS speak for themselves.

    Args:
        ending: as an experiment's `ending` has it.
    """
    return _ENDINGS.get(ending, ending)


def _of_connect(found: Finished, facts: HandshakeFacts) -> str:
    address = found.address or found.target.address
    return facts.proxy or f"{address} port {found.target.port}"


def _of_client_hello(found: Finished, facts: HandshakeFacts) -> str:
    offer = facts.offer
    if offer is None:
        return ""
    name = f"for {offer.server_name}" if offer.server_name else "without a name"
    return f"{offer.octets:,} octets, {printable(offer.profile)}, {name}"


def _of_server_hello(found: Finished, facts: HandshakeFacts) -> str:
    if facts.version is None:
        return ""
    suite = facts.cipher_suite
    named = f", {cipher_suites.name_of(suite)}" if suite is not None else ""
    return f"{versions.name_of(facts.version)}{named}"


def _of_key_exchange(found: Finished, facts: HandshakeFacts) -> str:
    if facts.group is not None:
        return groups.name_of(facts.group)
    return f"DH of {facts.dh_prime_bits} bits" if facts.dh_prime_bits is not None else ""


def _of_certificate(found: Finished, facts: HandshakeFacts) -> str:
    if not facts.certificates:
        return ""
    summary = certificate_summary(facts.certificates[0])
    subject = summary.get("subject") or "one that cannot be parsed"
    more = facts.certificates_sent - 1
    scheme = facts.signature_scheme
    signed = "" if scheme is None else f", signs with {signature_schemes.name_of(scheme)}"
    return f"{subject}{f' and {more} more' if more else ''}{signed}"


def _of_confirmed(found: Finished, facts: HandshakeFacts) -> str:
    by = "" if facts.confirmed_by is None else f"by {facts.confirmed_by.value}"
    return f"{by}{f', {printable(facts.alpn)}' if facts.alpn else ''}"


_DETAILS: Final = {
    Stage.RESOLVE: lambda found, facts: found.target.host,
    Stage.CONNECT: _of_connect,
    Stage.PROXY: lambda found, facts: f"to {found.address or found.target.host}",
    Stage.STARTTLS: lambda found, facts: found.target.starttls,
    Stage.CLIENT_HELLO: _of_client_hello,
    Stage.SERVER_HELLO: _of_server_hello,
    Stage.KEY_EXCHANGE: _of_key_exchange,
    Stage.CERTIFICATE: _of_certificate,
    Stage.CONFIRMED: _of_confirmed,
}
"""What is told of a stage that was passed."""


# -- what was asked ------------------------------------------------------------------------


def _asked(found: Finished, facts: HandshakeFacts) -> Iterator[dict[str, Any]]:
    for each in found.tried:
        answered = works(each.facts, facts)
        asked: dict[str, Any] = {
            "name": each.name,
            "changed": each.changed,
            "asks": EXPERIMENTS[each.name].asks,
            "server_name": each.ask.server_name,
            "address": each.ask.address,
            "starttls": each.ask.starttls,
            "answered": answered,
            "ending": ANSWERED if answered else ending_of(each.facts),
        }
        yield asked | _chosen(each.facts) | {"ms": rounded_ms(each.facts.timings.total)}


def _chosen(facts: HandshakeFacts) -> dict[str, str]:
    """What the server chose, as far as it was seen."""
    if facts.version is None:
        return {}
    found = {"version": versions.name_of(facts.version)}
    if facts.cipher_suite is not None:
        found["cipher_suite"] = cipher_suites.name_of(facts.cipher_suite)
    if facts.group is not None:
        found["group"] = groups.name_of(facts.group)
    return found


def _accepted(first: HandshakeFacts, tried: Sequence[Tried]) -> list[dict[str, str]]:
    """The versions and suites that the server was seen to accept, each once."""
    found: list[dict[str, str]] = []
    for facts in (first, *(each.facts for each in tried)):
        chosen = _chosen(facts) if facts.is_tls is Checked.YES else {}
        if chosen and chosen not in found:
            found.append(chosen)
    return found


# -- certificates --------------------------------------------------------------------------


def _path(found: Finished, path: PathAssessment, trust: TrustStore) -> Iterator[dict[str, Any]]:
    assert found.facts is not None
    sent = found.facts.certificates
    places = {one.sha256: at for at, one in reversed([*enumerate(sent, start=1)])}
    for certificate in path.path:
        yield path_certificate(certificate, _source(certificate, places, trust))


def _source(certificate: Certificate, places: dict[str, int], trust: TrustStore) -> PathSource:
    held = trust.sources_of(certificate)
    if certificate.sha256 in places:
        place = places[certificate.sha256]
        return PathSource(kind="chain", position=place, trusted_by=held)
    return PathSource(kind="trust" if held else "missing", trusted_by=held)


# -- the causes in words -------------------------------------------------------------------


def _explained(cause: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    entry = entry_of(cause["id"])
    seen_as = ((name, getattr(entry.seen_as, name)) for name, _ in SEEN_AS_LABELS)
    return {
        "id": entry.id,
        "title": entry.title,
        "fact": deciding_fact(cause),
        "why": entry.why,
        "proof": proof_text(cause, record["causes"]),
        "remedy": remedy_text(entry, tuple(cause["remedy"]["values"]) or ("it",)),
        "seen_as": {name: words for name, words in seen_as if words},
    }


def proof_text(cause: dict[str, Any], causes: Sequence[dict[str, Any]]) -> str:
    """What a cause rests on, in words.

    Args:
        cause: as a result has it.
        causes: all of the verdict, since some have to be mended together.
    """
    basis = cause["basis"]
    if repair := proof_of_repair(cause, causes):
        return repair
    if "changed" not in basis:
        return _BASES.get(basis["kind"], "")
    changed = _CHANGES.get(basis["changed"], basis["changed"].replace("_", " "))
    before, after = (ending_text(basis.get(each, "")) for each in ("before", "after"))
    outcome = f": {before} before, {after} after" if before and after else ""
    if before == after != "":
        outcome = f", and it made no difference: {after} in both cases"
    repeats = basis.get("repeats", "1")
    times = f" ({repeats} times)" if repeats != "1" else ""
    return f"nothing changed but {changed}{outcome}{times}"


def _by_hand(found: Finished, facts: HandshakeFacts, terms: Terms) -> Iterator[dict[str, str]]:
    situation = Situation(
        target=found.target,
        address=found.address or found.target.address,
        facts=facts,
        tried=found.tried,
        cause_ids=found.record["cause_ids"],
        ca_file=terms.ca_file,
        client_cert=terms.client_cert,
        missing_url=_missing_url(found.record),
    )
    for each in commands(situation):
        yield {"command": each.line, "shows": each.shows}


def _missing_url(record: dict[str, Any]) -> str:
    for cause in record["causes"]:
        url: str = cause["evidence"].get("ca_issuers", "")
        # A backslash stands for what was escaped: then it is not the URL any more.
        if url.startswith("http://") and "\\" not in url:
            return url
    return ""

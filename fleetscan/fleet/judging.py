"""From outcomes to verdicts, with what the whole run has shown.

A verdict must not depend on the order of targets. What one chain alone settles is told at
once; a path that ends nowhere may still be completed by a certificate that another target
sends, so it waits for the end of the run and is then looked at with all of them.
"""

from __future__ import annotations

import hashlib
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.causes import classify
from fleetscan.causes.local import INTERNAL_ERROR
from fleetscan.causes.model import Case, Cause, Checks, Verdict
from fleetscan.facts import HandshakeFacts, MalformedCertificate, parse_certificate_or_malformed
from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.signatures import SignatureCache
from fleetscan.vocabulary import Checked, Stage

if TYPE_CHECKING:
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.pki.search import IssuerLookup
    from fleetscan.pki.trust import TrustStore

KEPT_CERTIFICATES: Final = 2_048
"""Parsed certificates that are remembered: a fleet has far fewer issuers than hosts, and a
host that is scanned on several ports or addresses sends the same leaf."""

MAX_SEEN: Final = 1 << 20
"""Certificates that are known to have been told. Past that they are told again: a reader that
gets one twice loses nothing."""

_OPEN: Final = frozenset({PathProblem.UNKNOWN_ISSUER, PathProblem.BAD_SIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An outcome and what was concluded; `verdict` is None for a target that was skipped."""

    outcome: ProbeOutcome
    verdict: Verdict | None
    path: PathAssessment | None


class CertificateCache:
    """Parses each certificate once while it is remembered, the least recently seen given up.

    Args:
        on_first: told of each certificate that was never seen before in this run.
    """

    def __init__(self, on_first: Callable[[Certificate | MalformedCertificate], None]) -> None:
        self._kept: OrderedDict[bytes, Certificate | MalformedCertificate] = OrderedDict()
        self._seen: set[bytes] = set()
        self._on_first = on_first

    def parse(self, der: bytes) -> Certificate | MalformedCertificate:
        """The certificate, or the parser's refusal; from memory where it can."""
        digest = hashlib.sha256(der).digest()
        known = self._kept.get(digest)
        if known is not None:
            self._kept.move_to_end(digest)
            return known
        certificate = parse_certificate_or_malformed(der)
        self._kept[digest] = certificate
        if len(self._kept) > KEPT_CERTIFICATES:
            self._kept.popitem(last=False)
        if digest not in self._seen:
            if len(self._seen) < MAX_SEEN:
                self._seen.add(digest)
            self._on_first(certificate)
        return certificate


class Judge:
    """Makes verdicts for one run and keeps back those that the run may still change.

    Args:
        trust: the anchors.
        warn: told about errors of our own and about what a bound cut off.
    """

    def __init__(self, trust: TrustStore, *, warn: Callable[[str], None]) -> None:
        self._trust = trust
        self._warn = warn
        self._authorities = AuthorityStore()
        self._signatures = SignatureCache()
        self._held: list[ProbeOutcome] = []
        self._told_full = False

    @property
    def held(self) -> int:
        """Outcomes whose verdict waits for the end of the run."""
        return len(self._held)

    def judge(self, outcome: ProbeOutcome) -> Judged | None:
        """Conclude, or None when the verdict must wait for `release`."""
        if outcome.skipped:
            return Judged(outcome=outcome, verdict=None, path=None)
        if outcome.facts is None:
            return internal_error(outcome)
        self._authorities.add(_parsed(outcome))
        path = self._path(outcome, None)
        if path is None or not _may_change(path):
            return self._conclude(outcome, path)
        if len(self._held) < limits.MAX_HELD_RESULTS:
            self._held.append(outcome)
            return None
        if not self._told_full:
            self._told_full = True
            self._warn(
                f"more than {limits.MAX_HELD_RESULTS} results have a certificate path that ends "
                "nowhere: further ones are judged by what was seen until then"
            )
        return self._conclude(outcome, self._path(outcome, self._authorities))

    def release(self) -> Iterator[Judged]:
        """Conclude what was kept back, with every CA certificate of the run at hand.

        An error of our own costs the one outcome that it happened on.
        """
        held, self._held = self._held, []
        for outcome in held:
            try:
                judged = self._conclude(outcome, self._path(outcome, self._authorities))
            except Exception:  # noqa: BLE001  our own bug: this target's result says so
                judged = internal_error(
                    replace(outcome, facts=None, internal_error=traceback.format_exc())
                )
            yield judged

    def _path(
        self, outcome: ProbeOutcome, authorities: IssuerLookup | None
    ) -> PathAssessment | None:
        facts = outcome.facts
        if facts is None or not facts.certificates or outcome.internal_error:
            return None
        # Without a leaf that can be read there is no path to speak of.
        readable = isinstance(facts.certificates[0], Certificate)
        return assess(
            _parsed(outcome) if readable else (),
            reference_name=outcome.target.reference_name,
            now=outcome.ended_at,
            trust=self._trust,
            authorities=authorities,
            cache=self._signatures,
        )

    def _conclude(self, outcome: ProbeOutcome, path: PathAssessment | None) -> Judged:
        assert outcome.facts is not None
        case = Case(
            facts=outcome.facts,
            path=path,
            reference_name=outcome.target.reference_name,
            address=outcome.address,
            port=outcome.target.port,
            now=outcome.ended_at,
            listed=outcome.target.origin == "listed",
            internal_error=outcome.internal_error,
        )
        return Judged(outcome=outcome, verdict=classify(case), path=path)


def _parsed(outcome: ProbeOutcome) -> tuple[Certificate, ...]:
    if outcome.facts is None:
        return ()
    return tuple(one for one in outcome.facts.certificates if isinstance(one, Certificate))


def _may_change(path: PathAssessment) -> bool:
    """Whether certificates of other targets could make another path of it."""
    if path.trusted is Checked.YES:
        return False
    if path.limit or path.not_checked:
        return True
    return any(problem.kind in _OPEN for problem in path.problems)


def internal_error(outcome: ProbeOutcome) -> Judged:
    """The verdict on our own failure, made without anything that may have failed.

    Args:
        outcome: with the traceback in `internal_error`.
    """
    case = Case(
        facts=HandshakeFacts(stage=Stage.CONNECT if outcome.address else Stage.RESOLVE),
        path=None,
        reference_name=None,
        address=outcome.address,
        port=outcome.target.port,
        now=outcome.ended_at,
        internal_error=outcome.internal_error,
    )
    match = INTERNAL_ERROR.match(case) if INTERNAL_ERROR.match is not None else None
    assert match is not None
    severity = INTERNAL_ERROR.severity
    cause = Cause(entry=INTERNAL_ERROR, match=match, severity=severity)
    verdict = Verdict(
        outcome="error", severity=severity, causes=(cause,), findings=(), checks=Checks()
    )
    return Judged(outcome=outcome, verdict=verdict, path=None)

"""From outcomes to verdicts, with what the whole run has shown.

A verdict must not depend on the order of targets. What one chain alone settles is told at
once; a path that ends nowhere may still be completed by a certificate that another target
sends, and one that fails at a CA's certificate may be mended by a newer one of that CA. Whether
a private authority, or a page in place of TLS, is somebody's on the way shows by what the
others get (`agreement`). They wait for the end of the run and are then looked at with all that
it has shown.
"""

from __future__ import annotations

import hashlib
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleetscan._parse import Certificate
from fleetscan.causes import classify
from fleetscan.causes.local import INTERNAL_ERROR
from fleetscan.causes.model import Case, Cause, Checks, Verdict
from fleetscan.facts import HandshakeFacts, MalformedCertificate, parse_certificate_or_malformed
from fleetscan.fleet.agreement import FleetAgreement
from fleetscan.fleet.borrowing import Lender, as_borrowed
from fleetscan.fleet.held import HeldResults
from fleetscan.fleet.known import KnownAuthorities
from fleetscan.pki.ocsp import staple_answer
from fleetscan.pki.path import PathAssessment, PathChecker, PathProblem, Problem
from fleetscan.pki.policy import BROWSER, Policy
from fleetscan.pki.revocation import Revocation, combine
from fleetscan.pki.signatures import SignatureCache
from fleetscan.vocabulary import Checked, Stage

if TYPE_CHECKING:
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.experiment import Tried
    from fleetscan.pki.revocation import RevocationAnswer
    from fleetscan.pki.search import IssuerLookup
    from fleetscan.pki.trust import TrustStore

KEPT_CERTIFICATES: Final = 2_048
"""Parsed certificates that are remembered: a fleet has far fewer issuers than hosts, and a
host that is scanned on several ports or addresses sends the same leaf."""

MAX_SEEN: Final = 1 << 20
"""Certificates that are known to have been told. Past that they are told again: a reader that
gets one twice loses nothing."""

_OPEN: Final = frozenset({PathProblem.UNKNOWN_ISSUER, PathProblem.BAD_SIGNATURE})
"""The way up ends nowhere: a certificate that was not sent may go on."""

_NOWHERE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An outcome and what was concluded; `verdict` is None for a target that was skipped.

    `tried` are the experiments that it was concluded with. They are the target's own, or those
    of the target that `lender` is.
    """

    outcome: ProbeOutcome
    verdict: Verdict | None
    path: PathAssessment | None
    tried: tuple[Tried, ...] = ()
    lender: Lender | None = None


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
        warn: told about what a bound or a full disk cut off.
        earlier: CA certificates kept from earlier runs.
        policy: what counts as a failure of a path.
        public_roots: the roots that browsers ship, by SHA-256.
    """

    def __init__(
        self,
        trust: TrustStore,
        *,
        warn: Callable[[str], None],
        earlier: Iterable[Certificate] = (),
        policy: Policy = BROWSER,
        public_roots: frozenset[str] = frozenset(),
    ) -> None:
        self._public_roots = public_roots
        self.signatures = SignatureCache()
        self._paths = PathChecker(trust, policy, signatures=self.signatures)
        self._held = HeldResults(warn=warn)
        self._agreement = FleetAgreement()
        self.known = KnownAuthorities(earlier)

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
        self.known.see(_parsed(outcome))
        path = self._path(outcome, None)
        if not (self._agreement.see(outcome, path) or (path and _may_change(path))):
            return self._conclude(outcome, path)
        if self._held.add(outcome):
            return None
        return self._conclude(outcome, self._last_path(outcome))

    def open_ends(self) -> Iterator[tuple[Certificate, ...]]:
        """For each that is held: where its path ends for want of an issuer that nobody knows.

        Empty for one that needs none, or that our own code fails on: `release` says so.
        """
        for outcome in self._held:
            try:
                path = self._last_path(outcome)
            except Exception:  # noqa: BLE001  met again, and told, when it is released
                path = None
            yield () if path is None else _unfinished(path)

    def release(self) -> Iterator[Judged]:
        """Conclude what was kept back, with every CA certificate of the run at hand.

        An error of our own costs the one outcome that it happened on.
        """
        for outcome in self._held.take():
            try:
                judged = self._conclude(outcome, self._last_path(outcome))
            except Exception:  # noqa: BLE001  our own bug: this target's result says so
                judged = broken(outcome)
            yield judged

    def with_answers(self, judged: Judged, answers: tuple[RevocationAnswer, ...]) -> Judged:
        """Conclude again, with what was answered about the leaf's revocation."""
        return self._conclude(
            judged.outcome, judged.path, answers, tried=judged.tried, lender=judged.lender
        )

    def again(self, outcome: ProbeOutcome) -> Judged:
        """Conclude anew what was judged before, as `judge` and `release` do.

        An error of our own costs this one outcome.
        """
        try:
            path = self._path(outcome, None)
            if path is not None and _may_change(path):
                path = self._path(outcome, self.known)
            return self._conclude(outcome, path)
        except Exception:  # noqa: BLE001  our own bug: this target's result says so
            return broken(outcome)

    def with_experiments(
        self, judged: Judged, tried: tuple[Tried, ...], *, lender: Lender | None = None
    ) -> Judged:
        """Conclude again, with what came of asking otherwise.

        Args:
            judged: what was concluded without.
            tried: the experiments, in their order.
            lender: whose experiments they are, where they are another's.
        """
        return self._conclude(judged.outcome, judged.path, tried=tried, lender=lender)

    def close(self) -> None:
        """Give up what was not released."""
        self._held.close()

    def _path(
        self, outcome: ProbeOutcome, authorities: IssuerLookup | None
    ) -> PathAssessment | None:
        facts = outcome.facts
        if facts is None or not facts.certificates or outcome.internal_error:
            return None
        # Without a leaf that can be read there is no path to speak of.
        readable = isinstance(facts.certificates[0], Certificate)
        return self._paths.assess(
            _parsed(outcome) if readable else (),
            reference_name=outcome.target.reference_name,
            now=outcome.ended_at,
            authorities=authorities,
        )

    def _last_path(self, outcome: ProbeOutcome) -> PathAssessment | None:
        """With all that the run has shown, where the chain as it was sent leads nowhere."""
        path = self._path(outcome, None)
        return self._path(outcome, self.known) if path and _may_change(path) else path

    def _conclude(
        self,
        outcome: ProbeOutcome,
        path: PathAssessment | None,
        answers: tuple[RevocationAnswer, ...] = (),
        *,
        tried: tuple[Tried, ...] = (),
        lender: Lender | None = None,
    ) -> Judged:
        assert outcome.facts is not None
        problems = () if path is None else path.problems
        case = Case(
            facts=outcome.facts,
            path=path,
            reference_name=outcome.target.reference_name,
            address=outcome.address,
            port=outcome.target.port,
            now=outcome.ended_at,
            listed=outcome.target.origin == "listed",
            internal_error=outcome.internal_error,
            public_roots=self._public_roots,
            sources=self._sources(problems) if problems else _NOWHERE,
            fetch_failure=self._fetch_failure(problems) if problems else "",
            revocation=self._revocation(outcome, path, answers),
            tried=tried if lender is None else (),
            signed_domains=self._agreement.signed_domains(outcome, path),
            same_page=self._agreement.same_page(outcome),
        )
        verdict = classify(case)
        if lender is not None:
            lent = classify(replace(case, facts=lender.facts, tried=tried))
            verdict = as_borrowed(verdict, lent, lender, outcome.target.server_name)
        return Judged(outcome=outcome, verdict=verdict, path=path, tried=tried, lender=lender)

    def _sources(self, problems: tuple[Problem, ...]) -> Mapping[str, str]:
        repairs = (problem.repair for problem in problems)
        return {one.sha256: self.known.source_of(one) for one in repairs if one is not None}

    def _fetch_failure(self, problems: tuple[Problem, ...]) -> str:
        failures = (
            self.known.fetch_failure(problem.certificate)
            for problem in problems
            if problem.kind is PathProblem.UNKNOWN_ISSUER
        )
        return next(filter(None, failures), "")

    def _revocation(
        self,
        outcome: ProbeOutcome,
        path: PathAssessment | None,
        answers: tuple[RevocationAnswer, ...],
    ) -> Revocation | None:
        """What the staple says, which is always checked, and what was asked for."""
        staple = outcome.facts.ocsp_response if outcome.facts is not None else b""
        stapled = staple_answer(staple, path, now=outcome.ended_at, cache=self.signatures)
        told = answers if stapled is None else (stapled, *answers)
        return combine(told) if told else None


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
    # One that leads to an anchor or to a root is judged as it was sent, whatever the fleet has.
    return any(problem.kind in _OPEN for problem in path.problems)


def _unfinished(path: PathAssessment) -> tuple[Certificate, ...]:
    """The certificates at which the way up ends, or goes wrong, for want of another issuer."""
    return tuple(problem.certificate for problem in path.problems if problem.kind in _OPEN)


def broken(outcome: ProbeOutcome) -> Judged:
    """What is left to say when our own code failed on a target; call while handling it."""
    return internal_error(replace(outcome, facts=None, internal_error=traceback.format_exc()))


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

"""The shapes of the catalogue and of a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.pki.path import PathAssessment
    from fleetscan.pki.revocation import Revocation

Evidence: TypeAlias = Mapping[str, str]
"""What decided: flat, keys declared by the catalogue entry, values text."""


class Confidence(Enum):
    """How well a cause is settled."""

    PROVEN = "proven"
    OBSERVED = "observed"
    SUSPECTED = "suspected"


class Severity(Enum):
    """Ordered from harmless to grave."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info up to 4 for critical."""
        return _RANKS[self]


_RANKS: dict[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a matcher may look at: one target, its facts, its path, the scan's clock.

    `now` is Unix seconds, UTC. `listed` is whether the inventory named the target
    itself, or it came out of a range. `internal_error` is the traceback of a bug of
    ours that ended the probe, "" otherwise. `public_roots` are the roots that browsers
    ship, by SHA-256; where none are given no authority is taken for a public one. `sources`
    says by SHA-256 where a certificate that was not sent was found: `fleet`, `state` or a
    URL; `fetch_failure` why the missing issuer could not be fetched, "" where it was not
    tried or was found. `revocation` is what a staple and whoever else was asked say of the
    leaf; None when there was no staple and nobody was asked. It is about
    `revoked_authority` where that is not None: a CA of the path that is revoked. `tried` are
    the experiments made after the first probe, in their order, and `shown` what follows from
    them, by cause, once that was worked out: `classify` does it, for all matchers. Of the
    whole run, `signed_domains` are unrelated registrable domains for which the private
    authority of the path signed, this target's among them, at most
    `limits.MAX_SIGNED_DOMAINS`; () where its verdict does not ask. `same_page` is how many
    unrelated networks sent this very page in place of TLS.
    """

    facts: HandshakeFacts
    path: PathAssessment | None
    reference_name: str | None
    address: str
    port: int
    now: float
    listed: bool = True
    internal_error: str = ""
    public_roots: frozenset[str] = frozenset()
    sources: Mapping[str, str] = field(default_factory=dict)
    fetch_failure: str = ""
    revocation: Revocation | None = None
    tried: tuple[Tried, ...] = ()
    revoked_authority: Certificate | None = None
    signed_domains: tuple[str, ...] = ()
    same_page: int = 0
    shown: Mapping[str, Match] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a cause rests on, as the result schema has it."""

    kind: str
    changed: str = ""
    before: str = ""
    after: str = ""
    repeats: str = ""
    set: int | None = None
    result_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A matcher's answer: the cause holds, this is what decided.

    `accepted_by` names the policies under which it would not hold.
    """

    evidence: Evidence
    confidence: Confidence
    basis: Basis
    alternatives: tuple[str, ...] = ()
    missing: str = ""
    remedy_values: tuple[str, ...] = ()
    severity: Severity | None = None
    accepted_by: tuple[str, ...] = ()


Matcher: TypeAlias = Callable[["Case"], "Match | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAs:
    """How others word the same failure; empty where they say nothing of their own."""

    alert: str = ""
    chrome: str = ""
    firefox: str = ""
    safari: str = ""
    edge: str = ""
    openssl: str = ""
    go: str = ""
    java: str = ""
    dotnet: str = ""
    server_log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What would make it work: `id` is stable, `{values}` in the text are the concrete ones."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One cause or finding.

    `match` is None for an entry that one probe cannot settle: experiments, repairs
    or the fleet do. `evidence` are the keys its matches may carry, each with what it
    means. `not_this` are look-alikes by id, each with the difference. `hidden_by` names
    causes that say the same thing better: where one of them holds, this one is left out.
    """

    id: str
    title: str
    why: str
    not_this: Mapping[str, str]
    proof: str
    severity: Severity
    remedy: Remedy
    references: tuple[str, ...]
    evidence: Mapping[str, str]
    seen_as: SeenAs = field(default_factory=SeenAs)
    match: Matcher | None = None
    hidden_by: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A catalogue entry that holds for one target."""

    entry: CatalogueEntry
    match: Match
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What was checked, never left open: revocation is good, revoked, unknown or not_checked."""

    name: Checked = Checked.NOT_CHECKED
    path: Checked = Checked.NOT_CHECKED
    revocation: str = "not_checked"
    key: Checked = Checked.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The causes in the order of the vocabulary, the findings, the checks.

    `outcome` is established, failed or error.
    """

    outcome: str
    severity: Severity
    causes: tuple[Cause, ...]
    findings: tuple[Cause, ...]
    checks: Checks

"""What the choice of experiments is given for one target of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.diagnosis.context import Context
from fleetscan.experiment import Ask
from fleetscan.inventory.names import canonical_name
from fleetscan.inventory.target import STARTTLS_NONE
from fleetscan.pki.names import DNS_NAME
from fleetscan.registry import versions
from fleetscan.tls.profiles import PROFILES
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan.engine.config import ScanConfig
    from fleetscan.engine.outcome import ProbeOutcome
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts
    from fleetscan.fleet.controls import Controls
    from fleetscan.fleet.judging import Judged
    from fleetscan.inventory.target import Target
    from fleetscan.tls.profile import HelloProfile

WEB_PROTOCOLS: Final = ("h2", "http/1.1")
"""What browsers offer; behind a STARTTLS dialogue it could only make a server refuse."""

MADE_UP_NAME: Final = "fleetscan-control.invalid"
"""A name that no server has: `.invalid` is nobody's (RFC 6761 section 6.4)."""


Choice: TypeAlias = "tuple[str, str, Ask]"
"""An experiment: its name, what it changes, how it is asked."""

NextExperiment: TypeAlias = (
    "Callable[[HandshakeFacts, Ask, Sequence[Tried], Context], Choice | None]"
)
"""`diagnosis.choice.next_experiment`."""


class Chooser:
    """Chooses experiments by what the run has shown.

    Args:
        config: how the scan asks, and how often it may.
        controls: names and addresses that the run has seen.
        next_experiment: of the facts, the first question, what was tried, and the context.
    """

    def __init__(
        self, config: ScanConfig, controls: Controls, next_experiment: NextExperiment
    ) -> None:
        self._config = config
        self._controls = controls
        self._next_experiment = next_experiment

    def context(self, judged: Judged) -> Context:
        """What there is to choose from for one target, when all were probed once."""
        outcome, path = judged.outcome, judged.path
        through_proxy = bool(self._config.proxy)
        return Context(
            budget=self._config.budget,
            port=outcome.target.port,
            names=self._names(outcome),
            made_up_name=MADE_UP_NAME,
            addresses=self._controls.neighbours(outcome),
            # A name that only the proxy resolved cannot be asked without it.
            proxied=through_proxy and bool(outcome.address),
            trace_budget=0 if through_proxy else limits.TRACE_BUDGET,
            wrong_name=_is_for_others(judged) and self._controls.shows_others(outcome),
            untrusted=path is not None and path.trusted is Checked.NO,
        )

    def hope(self, judged: Judged) -> Context:
        """What there may be to choose from once all were probed."""
        return replace(self.context(judged), wrong_name=_is_for_others(judged))

    def next(self, judged: Judged, tried: Sequence[Tried], context: Context) -> Choice | None:
        """The next experiment; None when there is nothing to ask, or the budget is spent."""
        outcome = judged.outcome
        assert outcome.facts is not None
        base = first_ask(self._config, outcome.target, outcome.address)
        if base.profile.versions == (versions.SSLV2,):
            return None  # it has a hello of its own, which no other differs from in one thing
        return self._next_experiment(outcome.facts, base, tried, context)

    def _names(self, outcome: ProbeOutcome) -> tuple[str, ...]:
        """Names of the place as the run has them, then those of the certificate."""
        own = outcome.target.server_name
        both = dict.fromkeys((*self._controls.names(outcome), *_certified(outcome)))
        return tuple(name for name in both if name != own)


def _is_for_others(judged: Judged) -> bool:
    """Whether the certificate shown is for other names.

    A server that has one certificate shows it to everyone: its name is what is wrong. One that
    chooses by name may have shown this one because it does not know the name.
    """
    return judged.path is not None and judged.path.name is Checked.NO


def first_ask(config: ScanConfig, target: Target, address: str) -> Ask:
    """How the first probe of a target asks."""
    return Ask(
        profile=hello_profile(config),
        server_name=target.server_name,
        alpn=offered_protocols(config, target),
        starttls=target.starttls,
        address=address,
    )


def hello_profile(config: ScanConfig) -> HelloProfile:
    """The profile that a configuration names, or has."""
    return PROFILES[config.hello] if isinstance(config.hello, str) else config.hello


def offered_protocols(config: ScanConfig, target: Target) -> tuple[str, ...]:
    """The application protocols that the first probe of a target offers."""
    if config.alpn is not None:
        return config.alpn
    return WEB_PROTOCOLS if target.starttls == STARTTLS_NONE else ()


def _certified(outcome: ProbeOutcome) -> tuple[str, ...]:
    """The first names of the certificate shown that a host can have."""
    leaf = outcome.facts.certificates[0] if outcome.facts and outcome.facts.certificates else None
    if not isinstance(leaf, Certificate):
        return ()
    found: list[str] = []
    for name in (leaf.subject_alt_name or ())[: limits.MAX_SAN_SHOWN]:
        if name.kind != DNS_NAME:
            continue
        try:
            found.append(canonical_name(name.text))
        except ValueError:  # a wildcard, or what no hello could carry: a stranger wrote it
            continue
    return tuple(found[: limits.MAX_CONTROL_NAMES])

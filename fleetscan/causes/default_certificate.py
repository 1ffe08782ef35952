"""The name makes no difference: a control name gets the same certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetscan._parse import Certificate
from fleetscan.causes.evidence import evidence, peer_text
from fleetscan.causes.model import Basis, Confidence, Match
from fleetscan.experiment import Speech
from fleetscan.pki.names import certificate_matches
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.experiment import Tried
    from fleetscan.facts import HandshakeFacts


def default_certificate(case: Case) -> Match | None:
    """Match one certificate that is shown for two names, and is for neither.

    One that is also for the control name may have been configured for it. Without a name in
    the first hello the server had nothing to ignore.
    """
    offer = case.facts.offer
    if not case.tried or case.path is None or case.path.name is not Checked.NO:
        return None
    if offer is None or not offer.server_name:
        return None
    shown = _leaf(case.facts)
    if shown is None:
        return None
    for one in case.tried:
        if _is_control(one, case, offer.server_name) and _same(shown, _leaf(one.facts)):
            if certificate_matches(shown, one.ask.server_name) is not Checked.NO:
                continue
            return Match(
                evidence=evidence(
                    server_name=peer_text(offer.server_name),
                    control_name=peer_text(one.ask.server_name),
                    sha256=shown.sha256,
                ),
                confidence=Confidence.PROVEN,
                basis=Basis(
                    kind="experiment",
                    changed=one.changed,
                    before=f"sha256:{shown.sha256[:16]}",
                    after=f"sha256:{shown.sha256[:16]}",
                ),
                remedy_values=(peer_text(offer.server_name),),
            )
    return None


def _is_control(one: Tried, case: Case, server_name: str) -> bool:
    """Whether another name was sent to the same place in the same way."""
    ask = one.ask
    return (
        ask.server_name.lower() != server_name.lower()
        and ask.address == case.address
        and ask.speech is Speech.TLS
        and bool(one.facts.proxy) is bool(case.facts.proxy)
    )


def _leaf(facts: HandshakeFacts) -> Certificate | None:
    leaf = facts.certificates[0] if facts.certificates else None
    return leaf if isinstance(leaf, Certificate) else None


def _same(one: Certificate, other: Certificate | None) -> bool:
    return other is not None and one.sha256 == other.sha256

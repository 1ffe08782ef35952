"""Asking about revocation as something that a result waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fleetscan.fleet.enquiries import TIMEOUT
from fleetscan.pki.ocsp import issuer_on
from fleetscan.pki.path import PathProblem
from fleetscan.pki.revocation import Reason

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.fleet.judging import Judge, Judged
    from fleetscan.pki.revocation import RevocationAnswer


class Asks(Protocol):
    """Who is asked: responders, lists, and what is remembered of both."""

    async def ask(
        self, leaf: Certificate, issuer: Certificate | None
    ) -> tuple[RevocationAnswer, ...]:
        """Give what every source says of the leaf, or why it says nothing."""

    def unanswered(self, reason: str) -> tuple[RevocationAnswer, ...]:
        """Give what stands in for the answers of one who cannot wait for them."""


class RevocationEnquirer:
    """An enquirer about each leaf that a target answered with.

    Args:
        judge: concludes again with the answers.
        asks: who is asked.
    """

    def __init__(self, judge: Judge, asks: Asks) -> None:
        self._judge = judge
        self._asks = asks

    def wants(self, judged: Judged) -> bool:
        """Whether a leaf was seen that an issuer, known or not, may have revoked."""
        path = judged.path
        if path is None or not path.path:
            return False
        # Nobody revokes what signed itself, or what is trusted as it is.
        kinds = {problem.kind for problem in path.problems}
        return len(path.path) > 1 or PathProblem.UNKNOWN_ISSUER in kinds

    async def enquire(self, judged: Judged) -> Judged:
        """Ask about the leaf and conclude again."""
        assert judged.path is not None
        answers = await self._asks.ask(judged.path.path[0], issuer_on(judged.path))
        return self._judge.with_answers(judged, answers)

    def unanswered(self, judged: Judged, reason: str) -> Judged:
        """Conclude that nobody knows, and why."""
        word = Reason.TIMEOUT if reason == TIMEOUT else Reason.BUDGET
        return self._judge.with_answers(judged, self._asks.unanswered(word))

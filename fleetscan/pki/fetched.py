"""What a fetch gives: the octets of an answer, or one of a few words for why there are none.

The URLs come from certificates that strangers wrote, so whatever such a URL or its server
does is an answer of this kind and never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeAlias

from fleetscan.text import printable


class FetchReason(Enum):
    """Why there is no answer."""

    # What the URL says, before anything is sent.
    URL = "url"
    """No URL, or a host in a form that is neither a plain address nor a DNS name."""
    SCHEME = "scheme"
    """Another scheme than http."""
    # Where it leads, before anything is sent there.
    NAME_NOT_FOUND = "name_not_found"
    ADDRESS_REFUSED = "address_refused"
    """An address of this machine, of its networks or of nobody, which was not allowed."""
    EXCLUDED = "excluded"
    """An address that the scan excludes."""
    PORT = "port"
    """A port that HTTP is not registered for."""
    # What the network and the server did.
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RESET = "reset"
    STATUS = "status"
    """An HTTP status other than 200."""
    REDIRECT_REFUSED = "redirect_refused"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"
    # What this run still does.
    BUDGET = "budget"
    """The run has fetched as much as one run may."""
    ORIGIN_GIVEN_UP = "origin_given_up"
    """This origin has cost so much time that nothing more is asked of it."""
    LOCAL = "local"
    """This machine's own fault: descriptors, memory, a full disk."""
    CLOSED = "closed"
    """The run ended first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailure:
    """No answer. `detail` is for readers: no decision is taken on it."""

    reason: FetchReason
    detail: str = ""

    def __str__(self) -> str:
        """Reason and detail in one line that is safe to print."""
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer with status 200, whole.

    Args:
        url: as asked for.
        octets: its content; empty when it went to a file.
        length: octets of the content.
        content_type: as the server says, safe to print; servers are often wrong about it.
        path: the file that it went to.
    """

    url: str
    octets: bytes
    length: int
    content_type: str = ""
    path: Path | None = None


FetchOutcome: TypeAlias = Fetched | FetchFailure


class Fetches(Protocol):
    """Whatever fetches a URL: the fetcher of a run, or a test's answers."""

    async def fetch(self, url: str, *, max_octets: int, accept: str = "*/*") -> FetchOutcome:
        """Give what stands at a URL."""


def failure(reason: FetchReason, detail: str | bytes = "") -> FetchFailure:
    """Make a failure of a detail that a stranger may have written."""
    return FetchFailure(reason=reason, detail=printable(detail))

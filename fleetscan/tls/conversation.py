"""One probe's dialogue with one peer, without I/O: all that the engine knows of TLS.

A STARTTLS dialogue if there is one, then TLS, or the reading of a banner when the
peer turns out to speak something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.registry import content_types, versions
from fleetscan.tls import events as seen
from fleetscan.tls.client import Client
from fleetscan.tls.starttls import STARTTLS_KINDS, Dialogue
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from fleetscan.tls.events import Event
    from fleetscan.tls.key_shares import KeyShares
    from fleetscan.tls.profile import HelloProfile

__all__ = ["ENTROPY_OCTETS", "STARTTLS_KINDS", "Conversation", "looks_like_tls"]

ENTROPY_OCTETS: Final = 64

CONTENT_TYPES: Final = range(content_types.CHANGE_CIPHER_SPEC, content_types.HEARTBEAT + 1)
MAJOR_VERSION: Final = 3


def looks_like_tls(head: bytes) -> bool | None:
    """Whether a stream that begins so can be TLS records (RFC 8446 section 5.1).

    Returns:
        None while the octets at hand do not settle it.
    """
    if head and head[0] not in CONTENT_TYPES:
        return False
    if len(head) > 1 and head[1] != MAJOR_VERSION:
        return False
    if len(head) > 2:
        return head[2] <= versions.TLSV1_3 & 0xFF
    return None


class Conversation:
    """One probe's dialogue with one peer.

    Args:
        server_name: the name to ask for; `""` and IP literals send none.
        profile: what the hello offers.
        key_shares: the process's; shared by all conversations.
        entropy: 64 octets: the random, then the session id.
        alpn: application protocols, preferred first; none leaves the extension out.
        starttls: `none` or one of `STARTTLS_KINDS`.

    Raises:
        UsageError: the caller asked for a dialogue that does not exist, or for a name
            that cannot be written.
    """

    __slots__ = ("_banner", "_banner_at", "_client", "_dialogue", "_head", "_starttls", "events")

    def __init__(
        self,
        *,
        server_name: str,
        profile: HelloProfile,
        key_shares: KeyShares,
        entropy: bytes,
        alpn: tuple[str, ...],
        starttls: str = "none",
    ) -> None:
        if starttls != "none" and starttls not in STARTTLS_KINDS:
            known = ", ".join(("none", *STARTTLS_KINDS))
            raise UsageError(f"no such STARTTLS kind: {starttls!a}; known are {known}")
        if len(entropy) != ENTROPY_OCTETS:
            raise ValueError("entropy must be 64 octets")
        self.events: list[Event] = []
        self._client = Client(
            server_name=server_name,
            profile=profile,
            key_shares=key_shares,
            entropy=entropy,
            alpn=alpn,
            events=self.events,
        )
        self._starttls = starttls
        self._dialogue = None if starttls == "none" else Dialogue(starttls)
        # The first octets until they are known to be TLS; None from then on.
        self._head: bytes | None = b""
        self._banner: bytes | None = None
        self._banner_at = 0

    def start(self, now: float) -> bytes:
        """Octets to send right after connect; `b""` while a dialogue waits for a greeting."""
        if self._dialogue is None:
            return self._client.start(now)
        self.events.append(seen.StartTlsStarted(now, self._starttls))
        return self._dialogue.start()

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take what the peer sent and give back what to send. Never raises for peer data."""
        if not octets or self.finished:
            return b""
        if self._dialogue is not None and not self._dialogue.agreed:
            return self._receive_plain(self._dialogue, octets, now)
        if self._banner is not None:
            self._receive_banner(octets, now)
            return b""
        if self._head is None:
            return self._client.receive(octets, now)
        self._head += octets
        verdict = looks_like_tls(self._head)
        if verdict is False:
            self._receive_banner(self._head, now)
            return b""
        if verdict:
            head, self._head = self._head, None
            return self._client.receive(head, now)
        return b""

    def receive_end(self, now: float) -> None:
        """FIN from the peer."""
        self._client.receive_end(now)

    def silence(self, now: float) -> bytes:
        """The deadline that `waiting` names passed."""
        if self._banner is None:
            self._client.silence(now)
        else:
            self._client.end()
        return b""

    def close(self, now: float) -> bytes:
        """What to say before closing."""
        return b"" if self._banner is not None else self._client.close(now)

    @property
    def waiting(self) -> str:
        """Which deadline counts: first_octet, handshake, confirm, confirm_client_auth, banner."""
        if self._banner is not None:
            return "banner"
        # The first octet of a connection comes once: behind a dialogue, TLS has none.
        if self._head or (self._dialogue is not None and self._dialogue.heard):
            waiting = self._client.waiting
            return "handshake" if waiting == "first_octet" else waiting
        return self._client.waiting

    @property
    def finished(self) -> bool:
        """Whether nothing more can be learnt, so that the engine may close."""
        return self._client.finished

    @property
    def stage(self) -> Stage:
        """The step under way."""
        if self._dialogue is not None and not self._dialogue.agreed:
            return Stage.STARTTLS
        return self._client.stage

    def _receive_plain(self, dialogue: Dialogue, octets: bytes, now: float) -> bytes:
        """The dialogue before TLS; when it agrees, the hello follows at once."""
        said = dialogue.receive(octets)
        if dialogue.refusal:
            self.events.append(seen.StartTlsAnswered(now, self._starttls, dialogue.refusal))
            self._client.end()
        elif dialogue.agreed:
            self.events.append(seen.StartTlsAnswered(now, self._starttls, ""))
            said += self._client.start(now)
            # Nothing honest stands behind the answer; what does is judged as TLS.
            if dialogue.rest:
                said += self.receive(dialogue.rest, now)
        return said

    def _receive_banner(self, octets: bytes, now: float) -> None:
        """Octets of another protocol: kept as they grow, never answered."""
        if self._banner is None:
            self._banner = b""
            self._banner_at = len(self.events)
        self._banner = (self._banner + octets)[: limits.BANNER_OCTETS]
        event = seen.NotTls(now, self._banner)
        # The engine may have appended events of its own behind ours.
        if self._banner_at < len(self.events):
            self.events[self._banner_at] = event
        else:
            self.events.append(event)
        if len(self._banner) == limits.BANNER_OCTETS:
            self._client.end()

"""One probe's dialogue with one peer, without I/O: all that the engine knows of TLS.

A STARTTLS dialogue if there is one, then TLS, or the reading of a banner when the
peer turns out to speak something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.registry import versions
from fleetscan.tls import events as seen
from fleetscan.tls.client import Client, looks_like_tls
from fleetscan.tls.hello_cut import in_two_records
from fleetscan.tls.ssl2 import Ssl2Client
from fleetscan.tls.starttls import STARTTLS_KINDS, begin
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from fleetscan.tls.client_identity import ClientIdentity
    from fleetscan.tls.events import Event
    from fleetscan.tls.key_shares import KeyShares
    from fleetscan.tls.profile import HelloProfile
    from fleetscan.tls.starttls.dialogue import Dialogue, Tunnel

__all__ = ["ENTROPY_OCTETS", "STARTTLS_KINDS", "Conversation", "looks_like_tls"]

ENTROPY_OCTETS: Final = 64


class Conversation:
    """One probe's dialogue with one peer.

    Args:
        server_name: the name to ask for; `""` and IP literals send none.
        profile: what the hello offers.
        key_shares: the process's; shared by all conversations.
        entropy: 64 octets: the random, then the session id.
        alpn: application protocols, preferred first; none leaves the extension out.
        starttls: `none` or one of `STARTTLS_KINDS`.
        identity: the user's own certificate and key; None answers a CertificateRequest
            with no certificate.
        first_flight_only: end when the server's first flight is over, nothing signed
            being checked.
        two_records: the first ClientHello is sent in two records of TLS.

    Raises:
        UsageError: the caller asked for a dialogue that does not exist, or for a name
            that cannot be written.
    """

    __slots__ = (
        "_banner",
        "_banner_at",
        "_client",
        "_dialogue",
        "_head",
        "_in_dialogue",
        "_starttls",
        "_tunnel",
        "_two_records_for",
        "events",
    )

    def __init__(
        self,
        *,
        server_name: str,
        profile: HelloProfile,
        key_shares: KeyShares,
        entropy: bytes,
        alpn: tuple[str, ...],
        starttls: str = "none",
        identity: ClientIdentity | None = None,
        first_flight_only: bool = False,
        two_records: bool = False,
    ) -> None:
        if starttls != "none" and starttls not in STARTTLS_KINDS:
            known = ", ".join(("none", *STARTTLS_KINDS))
            raise UsageError(f"no such STARTTLS kind: {starttls!a}; known are {known}")
        if len(entropy) != ENTROPY_OCTETS:
            raise ValueError("entropy must be 64 octets")
        self.events: list[Event] = []
        self._client: Client | Ssl2Client = (
            Ssl2Client(profile=profile, entropy=entropy, events=self.events)
            if profile.versions == (versions.SSLV2,)
            else Client(
                server_name=server_name,
                profile=profile,
                key_shares=key_shares,
                entropy=entropy,
                alpn=alpn,
                events=self.events,
                identity=identity,
                first_flight_only=first_flight_only,
            )
        )
        # The name that is in such a hello; None where it is sent as one.
        self._two_records_for = server_name if two_records else None
        self._starttls = starttls
        self._dialogue = None if starttls == "none" else begin(starttls, server_name)
        # Around TLS while its handshake lasts, once the dialogue has agreed to that.
        self._tunnel: Tunnel | None = None
        # The first octets until they are known to be TLS; None from then on.
        self._head: bytes | None = b""
        self._banner: bytes | None = None
        self._banner_at = 0
        # Whether the banner came in place of the dialogue's words, and not of TLS.
        self._in_dialogue = False

    def start(self, now: float) -> bytes:
        """Octets to send right after connect; `b""` while a dialogue waits for a greeting."""
        if self._dialogue is None:
            return self._hello(now)
        self.events.append(seen.StartTlsStarted(now, self._starttls))
        return self._dialogue.start()

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take what the peer sent and give back what to send. Never raises for peer data."""
        if not octets or self.finished:
            return b""
        if self._banner is not None:
            self._receive_banner(octets, now)
            return b""
        if self._dialogue is not None and not self._dialogue.agreed:
            return self._receive_plain(self._dialogue, octets, now)
        if self._tunnel is None:
            return self._receive_tls(octets, now)
        inside = not self._completed
        said = self._receive_tls(self._tunnel.unwrap(octets), now)
        return self._tunnel.wrap(said) if inside else said

    def receive_end(self, now: float) -> None:
        """FIN from the peer."""
        self._settle(now)
        self._client.receive_end(now)

    def silence(self, now: float) -> bytes:
        """The deadline that `waiting` names passed."""
        if self._banner is None:
            self._settle(now)
            self._client.silence(now)
        else:
            self._client.end()
        return b""

    def close(self, now: float) -> bytes:
        """What to say before closing."""
        if self._banner is not None:
            return b""
        inside = self._tunnel is not None and not self._completed
        said = self._client.close(now)
        return self._tunnel.wrap(said) if self._tunnel is not None and inside else said

    @property
    def waiting(self) -> str:
        """Which deadline counts: first_octet, handshake, confirm, confirm_client_auth, banner."""
        if self._banner is not None or self._is_unsettled:
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

    @property
    def _completed(self) -> bool:
        return any(isinstance(event, seen.Completed) for event in self.events)

    @property
    def _is_unsettled(self) -> bool:
        dialogue = self._dialogue
        return dialogue is not None and dialogue.is_unsettled and not dialogue.is_over

    def _settle(self, now: float) -> None:
        """Nothing follows what the peer said last in the dialogue."""
        if self._dialogue is not None and self._is_unsettled:
            self._dialogue.settle()
            self._note_answer(self._dialogue, now)
            self._client.end()

    def _receive_plain(self, dialogue: Dialogue, octets: bytes, now: float) -> bytes:
        """The dialogue before TLS; when it agrees, the hello follows at once."""
        said = dialogue.receive(octets)
        if dialogue.is_other:
            self._in_dialogue = True
            self._receive_banner(dialogue.first_octets, now)
        elif dialogue.is_excessive:
            self.events.append(seen.ProtocolViolation(now, "flight_too_large", None))
            self._client.end()
        elif dialogue.is_over:
            self._note_answer(dialogue, now)
            if dialogue.refusal:
                self._client.end()
            else:
                said += self._start_tls(dialogue, now)
        return said

    def _note_answer(self, dialogue: Dialogue, now: float) -> None:
        self.events.append(
            seen.StartTlsAnswered(
                now,
                self._starttls,
                dialogue.refusal,
                offered=dialogue.offered,
                octets=dialogue.heard - len(dialogue.rest),
                first_octets=dialogue.first_octets if dialogue.refusal else b"",
            )
        )

    def _start_tls(self, dialogue: Dialogue, now: float) -> bytes:
        """The hello. Nothing honest stands behind the agreement; what does is judged as TLS."""
        self._tunnel = dialogue.tunnel
        hello = self._hello(now)
        said = hello if self._tunnel is None else self._tunnel.wrap(hello)
        return said + self.receive(dialogue.take_rest(), now)

    def _hello(self, now: float) -> bytes:
        hello = self._client.start(now)
        if self._two_records_for is None:
            return hello
        return in_two_records(hello, self._two_records_for)

    def _receive_tls(self, octets: bytes, now: float) -> bytes:
        """Octets of TLS, or of what comes in its place."""
        if self._head is None:
            return self._client.receive(octets, now) if octets else b""
        self._head += octets
        verdict = self._client.recognises(self._head)
        if verdict is False:
            agreed = b"" if self._dialogue is None else self._dialogue.ambiguous
            self._in_dialogue = bool(agreed)
            head, self._head = self._head, b""
            self._receive_banner(agreed + head, now)
            return b""
        if verdict:
            head, self._head = self._head, None
            return self._client.receive(head, now)
        return b""

    def _receive_banner(self, octets: bytes, now: float) -> None:
        """Octets of another protocol: kept as they grow, never answered."""
        if self._banner is None:
            self._banner = b""
            self._banner_at = len(self.events)
        self._banner = (self._banner + octets)[: limits.BANNER_OCTETS]
        event: Event
        if self._in_dialogue:
            event = seen.NotStartTls(now, self._banner, looks_like_tls(self._banner) is True)
        else:
            event = seen.NotTls(now, self._banner)
        # The engine may have appended events of its own behind ours.
        if self._banner_at < len(self.events):
            self.events[self._banner_at] = event
        else:
            self.events.append(event)
        if len(self._banner) == limits.BANNER_OCTETS:
            self._client.end()

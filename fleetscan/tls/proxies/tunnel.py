"""A conversation through a proxy: first the proxy's dialogue, then everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from fleetscan.tls import events as seen
from fleetscan.tls.proxies.address import HTTP, SOCKS5, Credentials, Proxy
from fleetscan.tls.proxies.http_connect import HttpConnect
from fleetscan.tls.proxies.socks5 import Socks5
from fleetscan.vocabulary import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetscan.tls.conversation import Conversation
    from fleetscan.tls.events import Event
    from fleetscan.tls.plain_question import PlainQuestion
    from fleetscan.vocabulary import ProxyAnswer


class _Dialogue(Protocol):
    """One dialogue with a proxy."""

    answer: ProxyAnswer | None
    rest: bytes

    def start(self) -> bytes:
        """What to say first."""

    def receive(self, octets: bytes) -> bytes:
        """Take what the proxy said and give back what to say."""

    def conclude(self) -> None:
        """Nothing more comes."""


_DIALOGUES: Final[dict[str, Callable[[str, int, Credentials | None], _Dialogue]]] = {
    HTTP: HttpConnect,
    SOCKS5: Socks5,
}


class Tunnel:
    """A conversation that begins once a proxy has opened a tunnel to its peer.

    To the engine it is a conversation like any other (`tls.conversation.Conversation`).

    Args:
        conversation: not started; everything behind the tunnel is its own.
        proxy: what it speaks, and as whom we ask.
        host: what the tunnel shall lead to: an IP address as text, or a name.
        port: the TCP port there.
    """

    __slots__ = ("_conversation", "_dialogue", "_ended", "_heard", "_open", "_received", "_said")

    def __init__(
        self,
        conversation: Conversation | PlainQuestion,
        *,
        proxy: Proxy,
        host: str,
        port: int,
    ) -> None:
        self._conversation = conversation
        self._dialogue = _DIALOGUES[proxy.kind](host, port, proxy.credentials)
        self._received = 0
        self._open = False
        self._ended = False
        # Of the peer behind the tunnel: whether we said anything to it, and heard anything.
        self._said = False
        self._heard = False

    @property
    def events(self) -> list[Event]:
        """What happened, the conversation's own list."""
        return self._conversation.events

    def start(self, now: float) -> bytes:
        """Octets to send right after connect."""
        return self._dialogue.start()

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take what came and give back what to send. Never raises for a peer's data."""
        if not octets or self.finished:
            return b""
        if self._open:
            return self._receive_of_peer(octets, now)
        self._received += len(octets)
        said = self._dialogue.receive(octets)
        answer = self._dialogue.answer
        if answer is None:
            return said
        rest = self._dialogue.rest if answer.accepted else b""
        self._answered(answer, self._received - len(rest), now)
        if not answer.accepted:
            return b""
        self._open = True
        if rest:
            # It was there before anything of ours can have reached the peer.
            self._heard_first(now)
        hello = self._conversation.start(now)
        self._said = bool(hello)
        said += hello
        if rest:
            said += self._receive_of_peer(rest, now)
        return said

    def receive_end(self, now: float) -> None:
        """FIN from the proxy, whoever began it."""
        if self._open:
            self._conversation.receive_end(now)
        else:
            self._conclude(now)

    def silence(self, now: float) -> bytes:
        """The deadline that `waiting` names passed."""
        if self._open:
            return self._conversation.silence(now)
        self._conclude(now)
        return b""

    def close(self, now: float) -> bytes:
        """What to say before closing."""
        return self._conversation.close(now) if self._open else b""

    @property
    def waiting(self) -> str:
        """Which deadline counts: `proxy`, then those of the conversation."""
        return self._conversation.waiting if self._open else "proxy"

    @property
    def finished(self) -> bool:
        """Whether nothing more can be learnt, so that the engine may close."""
        return self._conversation.finished if self._open else self._ended

    @property
    def stage(self) -> Stage:
        """The step under way."""
        return self._conversation.stage if self._open else Stage.PROXY

    def _receive_of_peer(self, octets: bytes, now: float) -> bytes:
        if not self._heard:
            self._heard_first(now)
        said = self._conversation.receive(octets, now)
        self._said = self._said or bool(said)
        return said

    def _heard_first(self, now: float) -> None:
        self._heard = True
        self.events.append(seen.FirstOctet(now, not self._said))

    def _conclude(self, now: float) -> None:
        """Take what the proxy has said so far for its answer."""
        if self._ended:
            return
        self._dialogue.conclude()
        answer = self._dialogue.answer
        assert answer is not None
        self._answered(answer, self._received, now)

    def _answered(self, answer: ProxyAnswer, octets: int, now: float) -> None:
        self.events.append(seen.ProxyAnswered(now, answer, octets))
        self._ended = not answer.accepted

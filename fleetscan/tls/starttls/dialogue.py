"""What every plain dialogue has in common: a buffer with bounds, and how it can end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from fleetscan import limits
from fleetscan.text import printable
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Final = "(nothing)"
"""Stands for an empty answer or an empty list of offers: evidence is never empty."""


class OtherProtocolError(Exception):
    """What came does not belong to the protocol of the dialogue; caught by `Dialogue.receive`."""


class Tunnel(Protocol):
    """How TLS travels behind a dialogue whose protocol wraps the handshake."""

    def wrap(self, octets: bytes) -> bytes:
        """Octets of TLS as they go over the wire."""

    def unwrap(self, octets: bytes) -> bytes:
        """Octets of TLS out of what came over the wire; they may be none yet."""


class Dialogue:
    """One dialogue under way, octets in and octets out.

    It ends in one of four ways: `agreed`, and TLS begins; `refusal`, in the peer's own
    words, escaped; `is_other`, the peer speaks another protocol; `is_excessive`, the peer said
    more than `limits` allows. What it heard decides, never how that was cut.

    Args:
        server_name: whom to ask for, where the protocol has words for that.
    """

    __slots__ = (
        "_buffer",
        "_messages",
        "_offers",
        "agreed",
        "first_octets",
        "heard",
        "is_excessive",
        "is_other",
        "is_unsettled",
        "offered",
        "refusal",
    )

    ambiguous: ClassVar[bytes] = b""
    """What agreed, where another protocol's words may begin so: only TLS behind it is a yes."""

    def __init__(self, server_name: str = "") -> None:
        self._buffer = b""
        self._messages = 0
        self._offers = ""
        self.agreed = False
        self.refusal = ""
        self.is_other = False
        self.is_excessive = False
        # Whether what came is an answer if, and only if, nothing follows it.
        self.is_unsettled = False
        # Whether the peer lists TLS among what it can do, where it was asked for a list.
        self.offered = Checked.NOT_CHECKED
        self.heard = 0
        self.first_octets = b""

    # -- what the conversation calls -----------------------------------------------

    def start(self) -> bytes:
        """What to say without having heard anything."""
        return b""

    def receive(self, octets: bytes) -> bytes:
        """Take what the peer said and give back what to say; see how a dialogue ends."""
        self.heard += len(octets)
        self.first_octets += octets[: limits.BANNER_OCTETS - len(self.first_octets)]
        self._buffer += octets
        said = []
        try:
            # Ends: each turn takes a message off the buffer, and MAX_STARTTLS_MESSAGES of
            # them are the last.
            while not self.is_over and (message := self._take_bounded()) is not None:
                said.append(self._answer(message))
        except OtherProtocolError:
            self.is_other = True
        if self.is_over and not self.agreed:
            self._buffer = b""
        return b"".join(said)

    def settle(self) -> None:
        """End an unsettled dialogue: nothing followed what came."""
        told, self._buffer = self._buffer, b""
        self._refuse(told)

    @property
    def is_over(self) -> bool:
        """Whether nothing that comes belongs to the dialogue any more."""
        return self.agreed or bool(self.refusal) or self.is_other or self.is_excessive

    @property
    def rest(self) -> bytes:
        """What came behind the last answer: it belongs to whatever speaks next."""
        return self._buffer

    def take_rest(self) -> bytes:
        """The rest, handed over."""
        rest, self._buffer = self._buffer, b""
        return rest

    @property
    def tunnel(self) -> Tunnel | None:
        """How TLS travels once it is agreed; None where it goes as it is."""
        return None

    # -- what a protocol says --------------------------------------------------------

    def _take(self) -> bytes | None:
        """Take the next whole message off the buffer; None while it is not whole.

        Raises:
            OtherProtocolError: what is there cannot become one.
        """
        raise NotImplementedError

    def _answer(self, message: bytes) -> bytes:
        """What to say to a message; may end the dialogue.

        Raises:
            OtherProtocolError: it is no message of this protocol.
        """
        raise NotImplementedError

    # -- how it ends -------------------------------------------------------------------

    def _agree(self) -> bytes:
        self.agreed = True
        return b""

    def _refuse(self, said: str | bytes) -> bytes:
        self.refusal = printable(said, limits.MAX_STARTTLS_OFFER) or NOTHING
        return b""

    def _lack_tls(self) -> bytes:
        """End because TLS is not among what the server offers."""
        self.offered = Checked.NO
        self.refusal = self._offers[: limits.MAX_STARTTLS_OFFER] or NOTHING
        return b""

    def _note_offer(self, offer: bytes) -> None:
        """Remember what the server can do, for the evidence; a bound holds whatever it lists."""
        if offer and len(self._offers) < limits.MAX_STARTTLS_OFFER:
            name = printable(offer, limits.MAX_STARTTLS_OFFER)
            self._offers = f"{self._offers}, {name}" if self._offers else name

    def _take_bounded(self) -> bytes | None:
        message = self._take()
        if message is None:
            self.is_excessive = len(self._buffer) > limits.MAX_STARTTLS_MESSAGE
            return None
        self._messages += 1
        if len(message) > limits.MAX_STARTTLS_MESSAGE or (
            self._messages > limits.MAX_STARTTLS_MESSAGES
        ):
            self.is_excessive = True
            return None
        return message

    def _cut(self, length: int) -> bytes | None:
        """Take so many octets off the buffer; None while there are fewer."""
        if len(self._buffer) < length:
            return None
        message, self._buffer = self._buffer[:length], self._buffer[length:]
        return message


class LineDialogue(Dialogue):
    """A dialogue of lines that end in CR LF, or in LF alone as some servers write them."""

    __slots__ = ()

    def _take(self) -> bytes | None:
        if not self._messages and not self._can_begin(self._buffer):
            raise OtherProtocolError
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        return line.rstrip(b"\r")

    def _can_begin(self, head: bytes) -> bool:
        """Whether a server of this protocol may say this first; more may still come."""
        raise NotImplementedError


def begins_like_one_of(head: bytes, words: Sequence[bytes]) -> bool:
    """Whether octets begin with one of the words, as far as they go; case does not count."""
    told = head.upper()
    return any(told.startswith(word) or word.startswith(told) for word in words)

"""SSL 2.0's own hello, and what answers it (draft-hickman-netscape-ssl-00).

Nobody should speak it (RFC 6176). To know that a server does, its SERVER-HELLO is enough:
it holds the certificate and the cipher kinds, and there the client stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import _parse, limits
from fleetscan._parse import RecordReader
from fleetscan.errors import ParseError
from fleetscan.registry import content_types, versions
from fleetscan.tls import events as seen
from fleetscan.tls.hello import vector
from fleetscan.vocabulary import FirstFlight, Origin, Stage

if TYPE_CHECKING:
    from fleetscan.tls.events import Event
    from fleetscan.tls.profile import HelloProfile

# Section 5.5: MSG-CLIENT-HELLO, MSG-SERVER-HELLO.
CLIENT_HELLO: Final = b"\x01"
SERVER_HELLO: Final = 4

# Section C.4: RC4, RC2, IDEA, DES, triple DES; those with 40 bits for export among them.
CIPHER_KINDS: Final = bytes.fromhex("010080 020080 030080 040080 050080 060040 0700c0")
CHALLENGE_LENGTH: Final = 16

# How an alert of TLS begins: content type, and the major version of all since SSL 3.0.
TLS_ALERT: Final = bytes((content_types.ALERT, versions.SSLV3 >> 8))

# Section 4.1: the high bit says that the header has two octets and the record no padding.
TWO_OCTETS: Final = 0x80
ESCAPE_AND_LENGTH: Final = 0x3F


def server_hello_offset(head: bytes) -> int | None:
    """How many octets of record header stand before a message, None while that is open."""
    if not head:
        return None
    return 2 if head[0] & TWO_OCTETS else 3


class Ssl2Client:
    """One hello of SSL 2.0, with the interface of `client.Client`.

    Args:
        profile: for its name.
        entropy: the challenge is its beginning.
        events: where to append what happens.
    """

    __slots__ = ("_buffer", "_entropy", "_events", "_profile", "finished", "stage")

    def __init__(self, *, profile: HelloProfile, entropy: bytes, events: list[Event]) -> None:
        self._profile = profile
        self._entropy = entropy
        self._events = events
        self._buffer = bytearray()
        self.finished = False
        self.stage = Stage.CLIENT_HELLO

    def recognises(self, head: bytes) -> bool | None:
        """Whether a stream that begins so is a SERVER-HELLO, or TLS's own alert."""
        if head[:2] == TLS_ALERT:
            return True
        offset = server_hello_offset(head)
        if offset is None or len(head) <= offset:
            return None
        return head[offset] == SERVER_HELLO

    def start(self, now: float) -> bytes:
        """CLIENT-HELLO in a record of its own (section 5.2.1)."""
        body = b"".join(
            (
                CLIENT_HELLO,
                versions.SSLV2.to_bytes(2, "big"),
                len(CIPHER_KINDS).to_bytes(2, "big"),
                bytes(2),  # no session to go on with
                CHALLENGE_LENGTH.to_bytes(2, "big"),
                CIPHER_KINDS,
                self._entropy[:CHALLENGE_LENGTH],
            )
        )
        record = bytearray(vector(body, 2))
        record[0] |= TWO_OCTETS
        offer = seen.Offer(
            profile=self._profile.name,
            server_name="",
            versions=self._profile.versions,
            cipher_suites=(),
            groups=(),
            signature_schemes=(),
            alpn=(),
            octets=len(record),
        )
        self._events += (seen.MessageSeen(now, "C"), seen.ClientHelloSent(now, offer))
        self.stage = Stage.SERVER_HELLO
        return bytes(record)

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take octets; never an answer. What is no whole record yet waits, within its bound."""
        self._buffer += octets
        try:
            if self._buffer.startswith(TLS_ALERT):
                self._receive_alert(now)
            else:
                self._receive_server_hello(now)
        except ParseError as refused:
            # As in `Session.violate`: an event is kept for long, frames and octets are not.
            refused.__traceback__ = None
            self._violate("decode_error", refused, now)
        if self.finished:
            self._buffer.clear()
        return b""

    def _violate(self, rule: str, error: ParseError | None, now: float) -> None:
        self._events.append(seen.ProtocolViolation(now, rule, error))
        self.finished = True

    def _receive_server_hello(self, now: float) -> None:
        offset = 2 if self._buffer[0] & TWO_OCTETS else 3
        mask = 0x7F if offset == 2 else ESCAPE_AND_LENGTH
        length = (self._buffer[0] & mask) << 8 | self._buffer[1]
        if length > limits.MAX_SSL2_RECORD:
            self._violate("message_too_large", None, now)
            return
        if len(self._buffer) < offset + length:
            return
        record = bytes(self._buffer[offset : offset + length])
        padding = self._buffer[2] if offset == 3 else 0
        hello = _parse.parse_server_hello_ssl2(record[1 : max(1, length - padding)])
        if len(hello.cipher_specs) > limits.MAX_SSL2_CIPHER_SPECS:
            self._violate("message_too_large", None, now)
            return
        self._events += (
            seen.MessageSeen(now, "s"),
            seen.ServerHelloSsl2Seen(now, hello),
            seen.FirstFlightEnded(now, FirstFlight.VERSION),
        )
        self.stage = Stage.CERTIFICATE
        self.finished = True

    def _receive_alert(self, now: float) -> None:
        records = RecordReader()
        records.feed(bytes(self._buffer))
        record = records.next_record()
        if record is None:
            return
        alert = _parse.parse_alert(record.fragment)
        self._events += (
            seen.MessageSeen(now, "l"),
            seen.AlertSeen(now, Origin.PEER, alert.level, alert.description),
        )
        self.finished = True

    def receive_end(self, now: float) -> None:
        """FIN."""
        self.finished = True

    def silence(self, now: float) -> None:
        """The deadline passed: that says nothing here."""

    def close(self, now: float) -> bytes:
        """Nothing is said before closing: there are no alerts in SSL 2.0."""
        self.finished = True
        return b""

    def end(self) -> None:
        """Expect nothing more."""
        self.finished = True

    @property
    def waiting(self) -> str:
        """Which deadline counts."""
        return "handshake" if self._buffer else "first_octet"

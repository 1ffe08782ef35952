"""The TLS client without I/O: records in, messages to their handlers, records out.

The state machine is the table in `handlers`; one function for each expected message
is in `negotiation`, `tls13` and `tls12`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import _parse, limits
from fleetscan._parse import MessageReader, ParseFault, RecordReader
from fleetscan.errors import ParseError
from fleetscan.registry import (
    alerts,
    content_types,
    extension_types,
    handshake_types,
    versions,
)
from fleetscan.tls import events as seen
from fleetscan.tls import tls12, tls13
from fleetscan.tls.handlers import HANDLERS, LETTERS, optional_handler
from fleetscan.tls.hello import wire_server_name
from fleetscan.tls.session import WARNING, Session, State
from fleetscan.tls.violations import ALERTS, ViolationError
from fleetscan.vocabulary import ConfirmedBy, Origin, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Message, Record
    from fleetscan.tls.client_identity import ClientIdentity
    from fleetscan.tls.events import Event
    from fleetscan.tls.key_shares import KeyShares
    from fleetscan.tls.profile import HelloProfile

# Which rule a parser's refusal breaks; every other one is a decode_error.
RULES: Final = {
    ParseFault.DUPLICATE_EXTENSION: "duplicate_extension",
    ParseFault.TOO_MANY_EXTENSIONS: "too_many_extensions",
    ParseFault.CONTENT_TYPE_UNKNOWN: "bad_record_header",
    ParseFault.RECORD_VERSION_UNKNOWN: "bad_record_header",
}

CONTENT_TYPES: Final = range(content_types.CHANGE_CIPHER_SPEC, content_types.HEARTBEAT + 1)
MAJOR_VERSION: Final = 3

GOODBYE: Final = bytes((WARNING, alerts.CLOSE_NOTIFY))
CANCEL: Final = bytes((WARNING, alerts.USER_CANCELED))


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


class Client:
    """One TLS handshake as a client, from the first octet of TLS on.

    Args:
        server_name: the name to ask for; empty and IP literals send none.
        entropy: 64 octets: the random, then the session id.
        events: where to append what happens.
        identity: answers a CertificateRequest; None answers with no certificate.
        first_flight_only: end when the server's first flight is over.
    """

    __slots__ = ("_closed", "_octets", "_records", "_warnings", "session")

    def __init__(
        self,
        *,
        server_name: str,
        profile: HelloProfile,
        key_shares: KeyShares,
        entropy: bytes,
        alpn: tuple[str, ...],
        events: list[Event],
        identity: ClientIdentity | None,
        first_flight_only: bool,
    ) -> None:
        wire_name = (
            wire_server_name(server_name)
            if extension_types.SERVER_NAME in profile.extensions
            else b""
        )
        if extension_types.APPLICATION_LAYER_PROTOCOL_NEGOTIATION not in profile.extensions:
            # The offer that is told is the one that is made.
            alpn = ()
        self._closed = False
        self._records = RecordReader()
        self._octets = 0
        self._warnings = 0
        self.session = Session(
            profile=profile,
            shares=key_shares,
            events=events,
            server_name=wire_name,
            shown_name=server_name if wire_name else "",
            alpn=alpn,
            entropy=entropy,
            messages=MessageReader(limits.MAX_HANDSHAKE_MESSAGE),
            identity=identity,
            first_flight_only=first_flight_only,
        )

    # -- what the conversation calls -----------------------------------------------

    def recognises(self, head: bytes) -> bool | None:
        """Whether a stream that begins so is for this client; None while it is not settled."""
        return looks_like_tls(head)

    def start(self, now: float) -> bytes:
        """The ClientHello."""
        self.session.now = now
        self.session.send_hello()
        return self._drain()

    def receive(self, octets: bytes, now: float) -> bytes:
        """Take octets of TLS and give back what to answer. Never raises for peer data."""
        session = self.session
        session.now = now
        session.unanswerable = False
        allowed = limits.MAX_FLIGHT - self._octets
        self._octets += len(octets)
        self._records.feed(octets[:allowed])
        try:
            self._receive_records()
            if len(octets) > allowed and session.state is not State.ENDED:
                raise ViolationError("flight_too_large")
        except ViolationError as broken:
            session.violate(broken.rule, ALERTS[broken.rule], broken.error)
        except ParseError as refused:
            rule = RULES.get(ParseFault(refused.fault), "decode_error")
            session.violate(rule, ALERTS[rule], refused)
        if session.state is State.ENDED:
            self._records.clear()
            session.messages.clear()
        return self._drain()

    def receive_end(self, now: float) -> None:
        """FIN. After our Finished it says yes, unless a certificate was asked for.

        A server that wanted one and got none may just close: nothing tells that from
        consent, so it is none.
        """
        session = self.session
        session.now = now
        if (
            session.state is State.CONFIRMATION
            and not session.certificate_requested
            and not self._records.pending
        ):
            session.confirm(ConfirmedBy.CLOSE)
        session.state = State.ENDED

    def silence(self, now: float) -> None:
        """The deadline passed: after our Finished that is consent."""
        session = self.session
        session.now = now
        if session.state is State.CONFIRMATION and not self._records.pending:
            session.confirm(ConfirmedBy.SILENCE)

    def close(self, now: float) -> bytes:
        """close_notify, before it user_canceled when the handshake is not done.

        RFC 8446 section 6.1; SSL 3.0 knows the second only (RFC 6101 section 5.4). Nothing
        before the peer has said anything in TLS, and nothing after a fatal alert of either side.
        """
        session = self.session
        session.now = now
        if self._closed or not self._octets or session.ended_by_alert:
            return b""
        self._closed = True
        if not session.completed and session.version != versions.SSLV3:
            session.send(content_types.ALERT, CANCEL)
        session.send(content_types.ALERT, GOODBYE)
        session.state = State.ENDED
        return self._drain()

    def end(self) -> None:
        """Expect nothing more: this will not become a handshake."""
        self.session.state = State.ENDED

    @property
    def waiting(self) -> str:
        """Which deadline counts."""
        session = self.session
        if session.state is State.CONFIRMATION:
            return "confirm_client_auth" if session.certificate_requested else "confirm"
        return "handshake" if self._octets else "first_octet"

    @property
    def finished(self) -> bool:
        """Whether nothing more is expected."""
        return self.session.state is State.ENDED

    @property
    def stage(self) -> Stage:
        """The step under way."""
        return self.session.stage

    # -- records -------------------------------------------------------------------

    def _drain(self) -> bytes:
        out = self.session.out
        if not out:
            return b""
        octets = b"".join(out)
        out.clear()
        return octets

    def _receive_records(self) -> None:
        # Ends: each turn consumes a record of the at most MAX_FLIGHT octets fed.
        session, records = self.session, self._records
        reading = session.read
        while session.state is not State.ENDED:
            try:
                record = records.next_record()
            except ParseError as refused:
                if refused.fault is ParseFault.LENGTH_OUT_OF_RANGE:
                    raise ViolationError("record_overflow", refused) from refused
                raise
            if record is None:
                return
            self._receive_record(record)
            if session.read is not reading:
                reading = session.read
                records.max_fragment = (
                    limits.MAX_CIPHERTEXT_TLS13 if session.is_tls13 else limits.MAX_CIPHERTEXT_TLS12
                )

    def _receive_record(self, record: Record) -> None:
        session = self.session
        kind, fragment, read = record.content_type, record.fragment, session.read
        if read is not None and (
            kind == content_types.APPLICATION_DATA or not self._is_plaintext(kind)
        ):
            kind, fragment = read.open(kind, record.header, fragment)
        elif kind == content_types.CHANGE_CIPHER_SPEC:
            self._receive_change_cipher_spec(fragment)
            return
        if kind == content_types.HANDSHAKE:
            self._receive_handshake(fragment)
        elif kind == content_types.ALERT:
            self._receive_alerts(fragment)
        elif session.messages.pending:
            raise ViolationError("interleaved_record")
        elif kind == content_types.APPLICATION_DATA and session.state is State.CONFIRMATION:
            if fragment:
                session.note("d")
                tls13.receive_application_data(session)
            else:
                session.idle()
        else:
            raise ViolationError("unexpected_message")

    def _is_plaintext(self, kind: int) -> bool:
        """Whether a record may be unprotected although there are keys.

        RFC 8446 section 5: change_cipher_spec until the peer's Finished, which the
        handler checks. An alert in the clear comes from a server that gave up before
        it had keys of its own: it is what the peer says, so it is heard.
        """
        session = self.session
        if not session.is_tls13:
            return False
        if kind == content_types.CHANGE_CIPHER_SPEC:
            return True
        return kind == content_types.ALERT and not session.completed

    def _receive_change_cipher_spec(self, fragment: bytes) -> None:
        session = self.session
        session.note("i")
        if session.messages.pending:
            raise ViolationError("interleaved_record")
        if session.state is State.TLS12_CHANGE_CIPHER_SPEC or session.state is State.TLS12_TICKET:
            if fragment != b"\x01":
                raise ViolationError("bad_change_cipher_spec")
            tls12.receive_change_cipher_spec(session)
            return
        # RFC 8446 section 5: dropped at any time between the first ClientHello and the
        # server's Finished, when it is the single octet 1.
        tolerated = session.is_tls13 or session.state is State.SERVER_HELLO
        if fragment != b"\x01" or not tolerated or session.completed:
            raise ViolationError("unexpected_message")
        if session.version == 0:
            session.ccs_before_hello = True
        session.idle()

    # -- alerts --------------------------------------------------------------------

    def _receive_alerts(self, fragment: bytes) -> None:
        session = self.session
        if not fragment:
            session.idle()
            return
        # RFC 8446 section 5.1 wants one alert in a record; before, several were allowed.
        step = len(fragment) if session.is_tls13 else 2
        # Ends: MAX_WARNING_ALERTS of them, or one that ends the handshake.
        for start in range(0, len(fragment), step):
            alert = _parse.parse_alert(fragment[start : start + step])
            self._receive_alert(alert.level, alert.description)
            if session.state is State.ENDED:
                return

    def _receive_alert(self, level: int, description: int) -> None:
        session = self.session
        session.note("l")
        session.events.append(seen.AlertSeen(session.now, Origin.PEER, level, description))
        if description == alerts.CLOSE_NOTIFY:
            early = session.certificate_requested and session.unanswerable
            if session.state is State.CONFIRMATION and not early:
                session.confirm(ConfirmedBy.CLOSE)
            session.state = State.ENDED
        elif description == alerts.USER_CANCELED or (
            # RFC 8446 section 6.2: under TLS 1.3 every error alert is fatal, whatever it says.
            level == WARNING and not session.is_tls13
        ):
            self._warnings += 1
            if self._warnings > limits.MAX_WARNING_ALERTS:
                raise ViolationError("too_many_warnings")
        else:
            session.ended_by_alert = True
            session.state = State.ENDED

    # -- messages ------------------------------------------------------------------

    def _receive_handshake(self, fragment: bytes) -> None:
        session = self.session
        if not fragment:
            # Not allowed (RFC 8446 section 5.1), yet other clients let a few pass.
            session.idle()
            return
        messages = session.messages
        messages.feed(fragment)
        # Ends: each turn consumes a message of what was fed.
        while session.state is not State.ENDED:
            try:
                message = messages.next_message()
            except ParseError as refused:
                raise ViolationError("message_too_large", refused) from refused
            if message is None:
                return
            self._receive_message(message)

    def _receive_message(self, message: Message) -> None:
        session = self.session
        before, msg_type = session.state, message.msg_type
        if msg_type != handshake_types.SERVER_HELLO:
            session.note(LETTERS.get(msg_type, "z"))
        handler = HANDLERS[before].get(msg_type) or optional_handler(session, msg_type)
        if handler is not None:
            handler(session, message)
        elif msg_type == handshake_types.HELLO_REQUEST and not session.is_tls13:
            # RFC 5246 section 7.4.1.1: may come at any time, and is ignored while a
            # handshake is under way. Before ServerHello nobody knows the version.
            session.idle()
        else:
            if msg_type == handshake_types.SERVER_HELLO:
                session.note("s")
            raise ViolationError("unexpected_message")
        if session.state is not before:
            session.idle_records = 0

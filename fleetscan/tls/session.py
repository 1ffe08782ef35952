"""What one handshake carries from message to message, and the few things it does.

The handlers of `negotiation`, `tls13` and `tls12` read and write a `Session`; the
client feeds them. Nothing in here decides what a message means.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.registry import alerts, content_types, handshake_types, versions
from fleetscan.tls import events as seen
from fleetscan.tls.hello import (
    LEGACY_VERSION,
    HelloTemplate,
    handshake_message,
    plaintext_records,
)
from fleetscan.tls.transcript import Transcript
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked, ConfirmedBy, FirstFlight, Origin, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fleetscan._parse import MessageReader, ServerHello, ServerKeyExchange
    from fleetscan.errors import ParseError
    from fleetscan.tls.client_identity import ClientIdentity
    from fleetscan.tls.events import Event
    from fleetscan.tls.key_shares import KeyShares
    from fleetscan.tls.profile import HelloProfile
    from fleetscan.tls.protection import ProtectionTls13, RecordProtection
    from fleetscan.tls.secrets import KeySchedule
    from fleetscan.tls.signatures import LeafKey
    from fleetscan.tls.tls12_protection import SuiteTls12
    from fleetscan.tls.tls12_secrets import SecretsTls12

WARNING: Final = 1
FATAL: Final = 2


class State(Enum):
    """What is expected next."""

    # Every message is looked up by its state: Enum would hash the member's name each time.
    __hash__ = object.__hash__

    SERVER_HELLO = auto()
    # TLS 1.3
    ENCRYPTED_EXTENSIONS = auto()
    CERTIFICATE_OR_REQUEST = auto()
    CERTIFICATE = auto()
    CERTIFICATE_VERIFY = auto()
    FINISHED = auto()
    CONFIRMATION = auto()
    # up to TLS 1.2
    TLS12_CERTIFICATE = auto()
    TLS12_STATUS = auto()
    TLS12_KEY_EXCHANGE = auto()
    TLS12_REQUEST_OR_DONE = auto()
    TLS12_DONE = auto()
    TLS12_TICKET = auto()
    TLS12_CHANGE_CIPHER_SPEC = auto()
    TLS12_FINISHED = auto()
    # up to TLS 1.2, under a suite that this client knows by name only
    UNFINISHABLE = auto()
    # nothing is expected any more
    ENDED = auto()


class Session:
    """One handshake under way.

    Args:
        server_name: as it goes on the wire, empty for none.
        shown_name: the same as text, for the offer.
        identity: the user's own certificate and key, to answer a CertificateRequest with.
        first_flight_only: end when the server's first flight is over.
    """

    __slots__ = (
        "alpn",
        "ccs_before_hello",
        "ccs_sent",
        "certificate_requested",
        "cipher_suite",
        "client_random",
        "completed",
        "confirmed",
        "ended_by_alert",
        "events",
        "first_flight_only",
        "flight_place",
        "group",
        "hello_retry",
        "history_length",
        "identity",
        "idle_records",
        "is_tls13",
        "key_exchange",
        "leaf",
        "messages",
        "next_read",
        "now",
        "offered",
        "out",
        "profile",
        "read",
        "read_tls13",
        "record_version",
        "request_schemes",
        "retained",
        "schedule",
        "secrets_tls12",
        "server_hello",
        "server_name",
        "session_id",
        "shares",
        "shown_name",
        "stage",
        "state",
        "suite_tls12",
        "transcript",
        "unanswerable",
        "version",
        "write",
        "write_tls13",
    )

    def __init__(
        self,
        *,
        profile: HelloProfile,
        shares: KeyShares,
        events: list[Event],
        server_name: bytes,
        shown_name: str,
        alpn: tuple[str, ...],
        entropy: bytes,
        messages: MessageReader,
        identity: ClientIdentity | None,
        first_flight_only: bool,
    ) -> None:
        self.profile = profile
        self.shares = shares
        self.events = events
        self.server_name = server_name
        self.shown_name = shown_name
        self.alpn = alpn
        self.client_random = entropy[:32]
        self.session_id = entropy[32 : 32 + profile.session_id_octets]
        self.messages = messages
        self.identity = identity
        self.first_flight_only = first_flight_only
        self.now = 0.0
        self.out: list[bytes] = []
        self.stage = Stage.CLIENT_HELLO
        self.state = State.SERVER_HELLO
        self.transcript = Transcript()
        if identity is not None and profile.legacy_version <= versions.TLSV1_2:
            self.transcript.keep()
        self.offered: frozenset[int] = frozenset()
        self.history_length = 0
        self.idle_records = 0
        self.hello_retry: ServerHello | None = None
        self.server_hello: ServerHello | None = None
        self.version = 0
        # Whether TLS 1.3 was negotiated.
        self.is_tls13 = False
        # What the header of our records says, once the server has chosen.
        self.record_version = LEGACY_VERSION
        # Octets of certificates and staples that the events keep.
        self.retained = 0
        self.cipher_suite = 0
        self.group: int | None = None
        self.leaf: LeafKey | None = None
        self.schedule: KeySchedule | None = None
        self.suite_tls12: SuiteTls12 | None = None
        self.secrets_tls12: SecretsTls12 | None = None
        self.key_exchange: ServerKeyExchange | None = None
        self.read: RecordProtection | None = None
        self.write: RecordProtection | None = None
        # TLS 1.2: what the server's change_cipher_spec puts into force.
        self.next_read: RecordProtection | None = None
        # The same objects once more where TLS 1.3 must rekey them.
        self.read_tls13: ProtectionTls13 | None = None
        self.write_tls13: ProtectionTls13 | None = None
        self.ccs_before_hello = False
        self.ccs_sent = False
        self.certificate_requested = False
        self.request_schemes: tuple[int, ...] = ()
        # How far a flight that cannot be finished has come, as a place in its order.
        self.flight_place = 0
        self.completed = False
        self.confirmed = False
        self.unanswerable = False
        # Whether a fatal alert went over the wire, in either direction.
        self.ended_by_alert = False

    # -- telling ---------------------------------------------------------------

    def note(self, letter: str) -> None:
        """One letter of the history; what is over the bound is not kept."""
        if self.history_length < limits.MAX_HISTORY:
            self.history_length += 1
            self.events.append(seen.MessageSeen(self.now, letter))

    def confirm(self, by: ConfirmedBy) -> None:
        """The server accepted the handshake: nothing more is to be learnt."""
        if not self.confirmed:
            self.confirmed = True
            self.stage = Stage.CONFIRMED
            self.events.append(seen.Confirmed(self.now, by))
        self.state = State.ENDED

    def complete(self) -> None:
        """Both Finished are out and checked."""
        self.completed = True
        self.events.append(seen.Completed(self.now))

    def violate(self, rule: str, alert: int, error: ParseError | None) -> None:
        """The peer broke a rule: say which, send the alert, end."""
        if error is not None:
            # An event is kept for long: with the frames it would hold the octets they read.
            error.__traceback__ = error.__cause__ = error.__context__ = None
        self.events.append(seen.ProtocolViolation(self.now, rule, error))
        self.refuse(alert)

    def refuse(self, alert: int) -> None:
        """End with a fatal alert of ours."""
        self.send_alert(FATAL, alert)
        self.ended_by_alert = True
        self.state = State.ENDED

    def idle(self) -> None:
        """A record came that carries nothing forward; only so many may come in a row."""
        self.idle_records += 1
        if self.idle_records > limits.MAX_EMPTY_RECORDS:
            raise ViolationError("too_many_empty_records")

    def end_after_flight(self, reason: FirstFlight) -> None:
        """The server's first flight is over and we go no further; `reason` says why."""
        self.events.append(seen.FirstFlightEnded(self.now, reason))
        self.state = State.ENDED

    def retain(self, octets: int) -> None:
        """Count what is about to be kept of the peer's: the message under way gets the rest.

        Raises:
            ViolationError: it is more than a handshake may have in all.
        """
        self.retained += octets
        room = limits.MAX_HANDSHAKE_MESSAGE - self.retained
        if room < 0:
            raise ViolationError("message_too_large")
        self.messages.max_message = max(room, limits.MIN_MESSAGE_ROOM)

    # -- sending ---------------------------------------------------------------

    def send_hello(self, share_group: int | None = None, cookie: bytes = b"") -> None:
        """The first ClientHello, or the second one as a HelloRetryRequest asked for it."""
        first = self.hello_retry is None
        template = (
            self.shares.template(self.profile, self.alpn)
            if first
            else HelloTemplate(self.profile, self.shares, self.alpn, share_group, cookie)
        )
        message = template.encode(self.client_random, self.session_id, self.server_name)
        self.offered = template.offered_with_name if self.server_name else template.offered
        self.transcript.add(message)
        version = template.record_version if first else template.legacy_version
        record = plaintext_records(content_types.HANDSHAKE, message, version)
        self.out.append(record)
        self.note("C")
        offer = self._offer(template, len(message))
        self.events.append(seen.ClientHelloSent(self.now, offer))
        self.stage = Stage.SERVER_HELLO

    def _offer(self, template: HelloTemplate, octets: int) -> seen.Offer:
        profile = self.profile
        return seen.Offer(
            profile=profile.name,
            server_name=self.shown_name,
            versions=profile.versions,
            cipher_suites=profile.cipher_suites,
            groups=profile.groups,
            signature_schemes=profile.signature_schemes,
            extensions=template.types_with_name if self.server_name else template.types,
            alpn=self.alpn,
            octets=octets,
        )

    def send_handshake(self, msg_type: int, body: bytes, letter: str) -> None:
        """One handshake message, under the keys of the moment."""
        message = handshake_message(msg_type, body)
        self.transcript.add(message)
        self.send(content_types.HANDSHAKE, message)
        self.note(letter)

    def send_change_cipher_spec(self) -> None:
        """A change_cipher_spec, once."""
        if not self.ccs_sent:
            self.ccs_sent = True
            self.out.append(
                plaintext_records(content_types.CHANGE_CIPHER_SPEC, b"\x01", self.record_version)
            )
            self.note("I")

    def send_alert(self, level: int, description: int) -> None:
        """An alert of ours (RFC 8446 section 6)."""
        if self.write_tls13 is not None and self.profile.change_cipher_spec:
            self.send_change_cipher_spec()
        self.send(content_types.ALERT, bytes((level, description)))
        self.note("L")
        self.events.append(seen.AlertSeen(self.now, Origin.LOCAL, level, description))

    def send(self, content_type: int, octets: bytes) -> None:
        """Records under the keys of the moment."""
        if self.write is None:
            self.out.append(plaintext_records(content_type, octets, self.record_version))
        else:
            self.out.append(self.write.seal(content_type, octets))

    def answer_certificate_request(self, form: Callable[[tuple[bytes, ...]], bytes]) -> int | None:
        """Our Certificate message; give the scheme to sign with, None when it was empty.

        Args:
            form: from the chain, leaf first, to the message's body in the version's own form.
        """
        scheme = (
            None
            if self.identity is None
            else self.identity.scheme_for(self.version, self.request_schemes)
        )
        chain = () if self.identity is None or scheme is None else self.identity.chain
        self.send_handshake(handshake_types.CERTIFICATE, form(chain), "X")
        self.events.append(seen.ClientCertificateSent(self.now, empty=not chain))
        return scheme

    # -- checking --------------------------------------------------------------

    def check_extensions(
        self, extensions: Sequence[tuple[int, bytes]], allowed: frozenset[int]
    ) -> None:
        """Only what was offered, and where it may be (RFC 8446 section 4.2).

        Args:
            extensions: of the server's message.
            allowed: the types that this message may hold.
        """
        for kind, _ in extensions:
            if kind not in self.offered:
                raise ViolationError("extension_not_offered")
            if kind not in allowed:
                raise ViolationError("forbidden_extension")

    def prove(self, scheme: int, result: Checked) -> bool:
        """Report the check of the leaf's signature; False when it failed and that was the end."""
        self.events.append(seen.KeyProofChecked(self.now, scheme, result))
        if result is Checked.NO:
            # Not a broken rule but a wrong key: the verdict has a cause of its own for it.
            self.refuse(alerts.DECRYPT_ERROR)
            return False
        return True

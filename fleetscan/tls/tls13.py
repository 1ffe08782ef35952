"""The messages of TLS 1.3 after ServerHello, one function each (RFC 8446 section 4.3 to 4.6)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from fleetscan import _parse, limits
from fleetscan.errors import ParseError
from fleetscan.registry import extension_types as extension
from fleetscan.registry import handshake_types
from fleetscan.tls import events as seen
from fleetscan.tls.hello import vector
from fleetscan.tls.key_shares import KeyShareError
from fleetscan.tls.protection import SUITES_TLS13, ProtectionTls13
from fleetscan.tls.secrets import KeySchedule
from fleetscan.tls.session import State
from fleetscan.tls.signatures import SERVER_CONTEXT, check_signature
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import ConfirmedBy, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Certificate, CertificateEntry, Message
    from fleetscan.tls.session import Session

# The table of RFC 8446 section 4.2, of the types that a hello of ours may hold, and
# RFC 8449 section 4.
ENCRYPTED: Final = frozenset(
    {
        extension.SERVER_NAME,
        extension.SUPPORTED_GROUPS,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.RECORD_SIZE_LIMIT,
    }
)
ENTRY: Final = frozenset({extension.STATUS_REQUEST, extension.SIGNED_CERTIFICATE_TIMESTAMP})

UPDATE_NOT_REQUESTED: Final = b"\x00"
UPDATE_REQUESTED: Final = b"\x01"


def exchange_keys(session: Session, public: bytes) -> None:
    """From the server's share to the handshake keys (RFC 8446 section 7.1)."""
    assert session.group is not None
    try:
        shared_secret = session.shares.exchange(session.group, public)
    except KeyShareError as refused:
        raise ViolationError("bad_key_share") from refused
    suite = session.cipher_suite
    hash_name = SUITES_TLS13[suite].hash_name
    session.transcript.begin(hash_name)
    schedule = KeySchedule(hash_name, shared_secret, session.transcript.digest())
    session.schedule = schedule
    use_read_secret(session, schedule.server_handshake_traffic_secret)
    use_write_secret(session, schedule.client_handshake_traffic_secret)
    session.state = State.ENCRYPTED_EXTENSIONS


def use_read_secret(session: Session, secret: bytes) -> None:
    """New keys to read with: nothing may be left over from before (RFC 8446 section 5.1)."""
    if session.messages.pending:
        raise ViolationError("message_spans_key_change")
    session.read = session.read_tls13 = ProtectionTls13(session.cipher_suite, secret)


def use_write_secret(session: Session, secret: bytes) -> None:
    """New keys to write with."""
    session.write = session.write_tls13 = ProtectionTls13(session.cipher_suite, secret)


def receive_encrypted_extensions(session: Session, message: Message) -> None:
    """RFC 8446 section 4.3.1."""
    parsed = _parse.parse_encrypted_extensions(message.body)
    session.check_extensions(parsed.extensions, ENCRYPTED)
    chosen = parsed.extension(extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    alpn = "" if chosen is None else selected_protocol(session, chosen)
    session.events.append(seen.EncryptedExtensionsSeen(session.now, parsed, alpn))
    session.transcript.add(message.octets)
    # A record of the server's opened: both sides have the same keys.
    session.stage = Stage.CERTIFICATE
    session.state = State.CERTIFICATE_OR_REQUEST


def selected_protocol(session: Session, extension_data: bytes) -> str:
    """The one protocol chosen, of those offered (RFC 7301 section 3.1)."""
    names = _parse.parse_alpn(extension_data)
    for name in session.alpn:
        if names == (name.encode(),):
            return name
    raise ViolationError("alpn_not_offered")


def receive_certificate_request(session: Session, message: Message) -> None:
    """RFC 8446 section 4.3.2. The answer waits until the server is done."""
    parsed = _parse.parse_certificate_request_tls13(message.body)
    if parsed.certificate_request_context:
        raise ViolationError("certificate_context_not_empty")
    if all(kind != extension.SIGNATURE_ALGORITHMS for kind, _ in parsed.extensions):
        raise ViolationError("missing_extension")
    session.certificate_requested = True
    session.events.append(seen.CertificateRequestSeen(session.now))
    session.transcript.add(message.octets)
    session.state = State.CERTIFICATE


def receive_certificate(session: Session, message: Message) -> None:
    """RFC 8446 section 4.4.2."""
    parsed = _parse.parse_certificate_tls13(message.body)
    if parsed.certificate_request_context:
        raise ViolationError("certificate_context_not_empty")
    entries = parsed.certificate_list
    if not entries:
        raise ViolationError("empty_certificate")
    session.events.append(seen.CertificateSeen(session.now, entries))
    for entry in entries[: limits.MAX_CERTIFICATES]:
        session.check_extensions(entry.extensions, ENTRY)
    receive_staple(session, entries[0])
    session.leaf = parsed_leaf(entries[0].cert_data)
    session.transcript.add(message.octets)
    session.state = State.CERTIFICATE_VERIFY


def receive_staple(session: Session, entry: CertificateEntry) -> None:
    """The OCSP response beside the leaf (RFC 8446 section 4.4.2.1)."""
    status = entry.extension(extension.STATUS_REQUEST)
    if status is None:
        return
    try:
        response = _parse.parse_certificate_status(status)
    except ParseError as refused:
        raise ViolationError("bad_certificate_status", refused) from refused
    session.events.append(seen.CertificateStatusSeen(session.now, response))


def parsed_leaf(der: bytes) -> Certificate | None:
    """The leaf, for its key; None when it cannot be read, which is a fact elsewhere."""
    if len(der) > limits.MAX_CERTIFICATE:
        return None
    try:
        return _parse.parse_certificate(der)
    except ParseError:
        return None


def receive_certificate_verify(session: Session, message: Message) -> None:
    """RFC 8446 section 4.4.3."""
    parsed = _parse.parse_certificate_verify(message.body)
    if parsed.algorithm not in session.profile.signature_schemes:
        raise ViolationError("signature_scheme_not_offered")
    content = SERVER_CONTEXT + session.transcript.digest()
    result = check_signature(
        session.version, parsed.algorithm, session.leaf, content, parsed.signature
    )
    if session.prove(parsed.algorithm, result):
        session.transcript.add(message.octets)
        session.stage = Stage.SERVER_FINISHED
        session.state = State.FINISHED


def receive_finished(session: Session, message: Message) -> None:
    """RFC 8446 section 4.4.4: check the server's, send ours, listen on."""
    schedule = session.schedule
    assert schedule is not None
    transcript = session.transcript
    expected = schedule.verify_data(schedule.server_handshake_traffic_secret, transcript.digest())
    if not hmac.compare_digest(expected, message.body):
        raise ViolationError("bad_finished")
    transcript.add(message.octets)
    schedule.derive_application(transcript.digest())
    use_read_secret(session, schedule.server_application_traffic_secret)
    send_last_flight(session, schedule)
    session.complete()
    # What is still in hand was written before the server can have read our Finished.
    session.unanswerable = True
    session.stage = Stage.CLIENT_FINISHED
    session.state = State.CONFIRMATION


def send_last_flight(session: Session, schedule: KeySchedule) -> None:
    """[ChangeCipherSpec] [empty Certificate] Finished, then the application keys."""
    if session.profile.change_cipher_spec:
        session.send_change_cipher_spec()
    if session.certificate_requested:
        # certificate_request_context<0..2^8-1>, certificate_list<0..2^24-1>: both empty.
        session.send_empty_certificate(vector(b"", 1) + vector(b"", 3))
    session.send_handshake(
        handshake_types.FINISHED,
        schedule.verify_data(schedule.client_handshake_traffic_secret, session.transcript.digest()),
        "F",
    )
    use_write_secret(session, schedule.client_application_traffic_secret)


# -- after the handshake -----------------------------------------------------------


def receive_new_session_ticket(session: Session, message: Message) -> None:
    """A ticket says that our Finished was accepted (RFC 8446 section 4.6.1)."""
    _parse.parse_new_session_ticket_tls13(message.body)
    confirm_unless_early(session, ConfirmedBy.TICKET)


def receive_application_data(session: Session) -> None:
    """Data says the same."""
    confirm_unless_early(session, ConfirmedBy.DATA)


def confirm_unless_early(session: Session, by: ConfirmedBy) -> None:
    """Accept the sign, unless it may have been sent before the server read our answer.

    A server may send tickets and data right behind its own Finished (RFC 8446
    section 4.6.1 and 2). Where no certificate was asked for, nothing of ours is left
    to refuse; otherwise such a sign says nothing about what the server thinks of
    our empty Certificate.
    """
    if session.certificate_requested and session.unanswerable:
        session.idle()
    else:
        session.confirm(by)


def receive_key_update(session: Session, message: Message) -> None:
    """New keys for what the server sends, and for ours where it asks (RFC 8446 section 4.6.3)."""
    session.idle()
    if message.body not in (UPDATE_NOT_REQUESTED, UPDATE_REQUESTED):
        raise ViolationError("decode_error")
    if session.messages.pending:
        raise ViolationError("message_spans_key_change")
    assert session.read_tls13 is not None
    assert session.write_tls13 is not None
    session.read_tls13.update()
    if message.body == UPDATE_REQUESTED:
        session.send_handshake(handshake_types.KEY_UPDATE, UPDATE_NOT_REQUESTED, "P")
        session.write_tls13.update()

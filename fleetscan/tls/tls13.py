"""The messages of TLS 1.3 after ServerHello, one function each (RFC 8446 section 4.3 to 4.6)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from fleetscan import _parse, limits
from fleetscan.errors import ParseError
from fleetscan.registry import extension_types as extension
from fleetscan.registry import handshake_types, signature_schemes
from fleetscan.tls import events as seen
from fleetscan.tls.hello import vector
from fleetscan.tls.inflate import InflateError, inflate
from fleetscan.tls.key_shares import KeyShareError
from fleetscan.tls.protection import SUITES_TLS13, ProtectionTls13
from fleetscan.tls.secrets import KeySchedule
from fleetscan.tls.session import State
from fleetscan.tls.signatures import CLIENT_CONTEXT, SERVER_CONTEXT, check_signature, key_of
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import ConfirmedBy, FirstFlight, Stage

if TYPE_CHECKING:
    from fleetscan._parse import CertificateEntry, Message
    from fleetscan.tls.session import Session
    from fleetscan.tls.signatures import LeafKey

# The table of RFC 8446 section 4.2, RFC 8449 section 4 and draft-ietf-tls-esni section 5.
ENCRYPTED: Final = frozenset(
    {
        extension.SERVER_NAME,
        extension.MAX_FRAGMENT_LENGTH,
        extension.SUPPORTED_GROUPS,
        extension.USE_SRTP,
        extension.HEARTBEAT,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.CLIENT_CERTIFICATE_TYPE,
        extension.SERVER_CERTIFICATE_TYPE,
        extension.RECORD_SIZE_LIMIT,
        extension.EARLY_DATA,
        extension.ENCRYPTED_CLIENT_HELLO,
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
    session.retain(2 * len(message.body))
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
    session.request_schemes = known_schemes(parsed.signature_schemes)
    session.events.append(seen.CertificateRequestSeen(session.now))
    session.transcript.add(message.octets)
    session.state = State.CERTIFICATE


def known_schemes(named: tuple[int, ...]) -> tuple[int, ...]:
    """Those that have a name, once each: a request has room for 20,000, and they are kept."""
    return tuple(dict.fromkeys(scheme for scheme in named if scheme in signature_schemes.NAMES))


def receive_certificate(session: Session, message: Message) -> None:
    """RFC 8446 section 4.4.2."""
    take_certificate(session, message.body)
    session.transcript.add(message.octets)


def receive_compressed_certificate(session: Session, message: Message) -> None:
    """RFC 8879 section 4: the transcript has the message as it was sent, compressed."""
    parsed = _parse.parse_compressed_certificate(message.body)
    if parsed.algorithm not in session.profile.certificate_compressions:
        raise ViolationError("certificate_compression_not_offered")
    try:
        body = inflate(parsed.algorithm, parsed.octets, parsed.uncompressed_length)
    except InflateError as refused:
        raise ViolationError(refused.rule) from refused
    take_certificate(session, body)
    session.transcript.add(message.octets)


def take_certificate(session: Session, body: bytes) -> None:
    """What the message says, however it came."""
    parsed = _parse.parse_certificate_tls13(body)
    if parsed.certificate_request_context:
        raise ViolationError("certificate_context_not_empty")
    entries = parsed.certificate_list
    keep_entries(session, entries, len(body))
    for entry in entries:
        session.check_extensions(entry.extensions, ENTRY)
    receive_staple(session, entries[0])
    if session.first_flight_only:
        session.end_after_flight(FirstFlight.ASKED)
        return
    session.leaf = leaf_key(entries[0].cert_data)
    session.state = State.CERTIFICATE_VERIFY


def keep_entries(session: Session, entries: tuple[CertificateEntry, ...], octets: int) -> None:
    """Report a chain that is one, within bounds; raises ViolationError.

    Args:
        entries: as sent.
        octets: of the message that they are all of.
    """
    if not entries:
        raise ViolationError("empty_certificate")
    if len(entries) > limits.MAX_CERTIFICATES:
        raise ViolationError("too_many_certificates")
    session.retain(octets)
    session.events.append(seen.CertificateSeen(session.now, entries))


def receive_staple(session: Session, entry: CertificateEntry) -> None:
    """The OCSP response beside the leaf (RFC 8446 section 4.4.2.1)."""
    status = entry.extension(extension.STATUS_REQUEST)
    if status is None:
        return
    try:
        response = _parse.parse_certificate_status(status)
    except ParseError as refused:
        raise ViolationError("bad_certificate_status", refused) from refused
    # Once more: it is in its entry too.
    session.retain(len(response))
    session.events.append(seen.CertificateStatusSeen(session.now, response))


def leaf_key(der: bytes) -> LeafKey | None:
    """The leaf's key; None when it cannot be read, which is a fact elsewhere."""
    try:
        return key_of(_parse.parse_certificate(der))
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
    """[ChangeCipherSpec] [Certificate [CertificateVerify]] Finished, then the application keys."""
    if session.profile.change_cipher_spec:
        session.send_change_cipher_spec()
    if session.certificate_requested:
        scheme = session.answer_certificate_request(certificate_list)
        if scheme is not None:
            send_certificate_verify(session, scheme)
    session.send_handshake(
        handshake_types.FINISHED,
        schedule.verify_data(schedule.client_handshake_traffic_secret, session.transcript.digest()),
        "F",
    )
    use_write_secret(session, schedule.client_application_traffic_secret)


def certificate_list(chain: tuple[bytes, ...]) -> bytes:
    """The body of a Certificate message: no context, entries without extensions.

    RFC 8446 section 4.4.2.
    """
    return vector(b"", 1) + vector(b"".join(vector(der, 3) + vector(b"", 2) for der in chain), 3)


def send_certificate_verify(session: Session, scheme: int) -> None:
    """Sign the transcript with the user's key (RFC 8446 section 4.4.3)."""
    assert session.identity is not None
    signature = session.identity.sign(scheme, CLIENT_CONTEXT + session.transcript.digest())
    session.send_handshake(
        handshake_types.CERTIFICATE_VERIFY, scheme.to_bytes(2, "big") + vector(signature, 2), "Y"
    )


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

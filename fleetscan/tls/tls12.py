"""The messages of TLS 1.2 after ServerHello, one function each (RFC 5246 section 7.4)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan import _parse
from fleetscan.errors import ParseError
from fleetscan.registry import extension_types as extension
from fleetscan.registry import handshake_types
from fleetscan.tls import events as seen
from fleetscan.tls import tls13
from fleetscan.tls.hello import LEGACY_VERSION, vector
from fleetscan.tls.key_shares import SUPPORTED_GROUPS, KeyShareError
from fleetscan.tls.session import State
from fleetscan.tls.signatures import check_signature, is_over_bounds
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.tls.tls12_secrets import SecretsTls12
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked, ConfirmedBy, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Message, ServerHello, ServerKeyExchange
    from fleetscan.tls.session import Session

PREMASTER_LENGTH: Final = 48

# What a suite's authentication asks of the leaf's key (RFC 8422 section 2.1: EdDSA goes
# with the suites that say ECDSA).
KEY_TYPES: Final = {
    "RSA": frozenset({"RSA", "RSA-PSS"}),
    "ECDSA": frozenset({"EC", "Ed25519", "Ed448"}),
}

HELLO_TLS12: Final = frozenset(
    {
        extension.SERVER_NAME,
        extension.MAX_FRAGMENT_LENGTH,
        extension.STATUS_REQUEST,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.ENCRYPT_THEN_MAC,
        extension.EXTENDED_MASTER_SECRET,
        extension.SESSION_TICKET,
        extension.RECORD_SIZE_LIMIT,
        extension.RENEGOTIATION_INFO,
    }
)


def begin(session: Session, hello: ServerHello, version: int) -> None:
    """TLS 1.2 it is: what its ServerHello may say, and what follows."""
    session.check_extensions(hello.extensions, HELLO_TLS12)
    chosen = hello.extension(extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    if chosen is not None:
        tls13.selected_protocol(session, chosen)
    # renegotiated_connection<0..255> is empty in a first handshake (RFC 5746 section 3.4).
    if hello.extension(extension.RENEGOTIATION_INFO) not in (None, b"\x00"):
        raise ViolationError("bad_renegotiation_info")
    if session.ccs_before_hello:
        # What TLS 1.3 lets pass has a meaning here, and this is not its place.
        raise ViolationError("unexpected_message")
    session.version = version
    session.cipher_suite = hello.cipher_suite
    session.server_hello = hello
    session.suite_tls12 = suite_tls12(hello.cipher_suite)
    if session.suite_tls12 is not None:
        session.transcript.begin(session.suite_tls12.hash_name)
    session.stage = Stage.CERTIFICATE
    session.state = State.TLS12_CERTIFICATE


def acknowledged(session: Session, extension_type: int) -> bool:
    """Whether ServerHello answered this extension."""
    hello = session.server_hello
    return hello is not None and hello.extension(extension_type) is not None


def receive_certificate(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.2."""
    entries = _parse.parse_certificate_tls12(message.body).certificate_list
    if not entries:
        raise ViolationError("empty_certificate")
    session.events.append(seen.CertificateSeen(session.now, entries))
    session.leaf = tls13.parsed_leaf(entries[0].cert_data)
    session.transcript.add(message.octets)
    session.stage = Stage.KEY_EXCHANGE
    check_key_type(session)
    if session.suite_tls12 is None:
        # Offered by a profile that asks for more than this client can finish.
        session.state = State.ENDED
    elif acknowledged(session, extension.STATUS_REQUEST):
        session.state = State.TLS12_STATUS
    else:
        session.state = after_certificate(session)


def check_key_type(session: Session) -> None:
    """The suite says what kind of key the leaf has (RFC 5246 section 7.4.2)."""
    suite, leaf = session.suite_tls12, session.leaf
    if suite is None or leaf is None:
        return
    if leaf.key_type not in KEY_TYPES[suite.authentication]:
        raise ViolationError("key_exchange_mismatch")


def after_certificate(session: Session) -> State:
    """RSA key exchange has no ServerKeyExchange."""
    suite = session.suite_tls12
    if suite is not None and suite.key_exchange == "RSA":
        return State.TLS12_REQUEST_OR_DONE
    return State.TLS12_KEY_EXCHANGE


def receive_certificate_status(session: Session, message: Message) -> None:
    """RFC 6066 section 8: a server that promised it may still leave it out."""
    try:
        response = _parse.parse_certificate_status(message.body)
    except ParseError as refused:
        raise ViolationError("bad_certificate_status", refused) from refused
    session.events.append(seen.CertificateStatusSeen(session.now, response))
    session.transcript.add(message.octets)
    session.state = after_certificate(session)


def receive_server_key_exchange(session: Session, message: Message) -> None:
    """RFC 8422 section 5.4."""
    parsed = _parse.parse_server_key_exchange_ecdhe(message.body)
    session.events.append(
        seen.ServerKeyExchangeSeen(
            session.now, parsed.named_curve, None, parsed.signature_algorithm
        )
    )
    if parsed.named_curve not in session.profile.groups:
        raise ViolationError("group_not_offered")
    if parsed.signature_algorithm not in session.profile.signature_schemes:
        raise ViolationError("signature_scheme_not_offered")
    session.group = parsed.named_curve
    session.key_exchange = parsed
    if prove_key(session, parsed):
        session.transcript.add(message.octets)
        session.state = State.TLS12_REQUEST_OR_DONE


def prove_key(session: Session, parsed: ServerKeyExchange) -> bool:
    """Check the signature over both randoms and the parameters (RFC 8422 section 5.4)."""
    hello = session.server_hello
    assert hello is not None
    content = session.client_random + hello.random + parsed.params
    algorithm = parsed.signature_algorithm
    result = check_signature(session.version, algorithm, session.leaf, content, parsed.signature)
    return session.prove(algorithm, result)


def receive_certificate_request(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.4."""
    _parse.parse_certificate_request_tls12(message.body)
    session.certificate_requested = True
    session.events.append(seen.CertificateRequestSeen(session.now))
    session.transcript.add(message.octets)
    session.state = State.TLS12_DONE


def receive_server_hello_done(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.5: the server's flight is over, ours follows."""
    if message.body:
        raise ViolationError("decode_error")
    session.transcript.add(message.octets)
    premaster = premaster_secret(session)
    if premaster is None:
        # Our limit, not the server's fault: end here, politely.
        session.state = State.ENDED
        return
    send_last_flight(session, *premaster)
    session.stage = Stage.CLIENT_FINISHED
    session.state = (
        State.TLS12_TICKET
        if acknowledged(session, extension.SESSION_TICKET)
        else State.TLS12_CHANGE_CIPHER_SPEC
    )


# -- our flight --------------------------------------------------------------------


def premaster_secret(session: Session) -> tuple[bytes, bytes] | None:
    """The premaster secret and the ClientKeyExchange that tells it, None when we cannot."""
    suite = session.suite_tls12
    if suite is None:
        return None
    if suite.key_exchange == "RSA":
        return encrypted_premaster_secret(session)
    offered = session.key_exchange
    assert offered is not None
    group = offered.named_curve
    if group not in SUPPORTED_GROUPS:
        return None
    try:
        secret = session.shares.exchange(group, offered.public)
    except KeyShareError as refused:
        raise ViolationError("bad_key_share") from refused
    return secret, vector(session.shares.public(group), 1)


def encrypted_premaster_secret(session: Session) -> tuple[bytes, bytes] | None:
    """RSA key exchange (RFC 5246 section 7.4.7.1): the version, then 46 octets of ours."""
    leaf = session.leaf
    if leaf is None or is_over_bounds(leaf):
        return None
    random = session.shares.derive(b"premaster secret", session.client_random)
    more = session.shares.derive(b"premaster secret, rest", session.client_random)
    secret = LEGACY_VERSION + (random + more)[: PREMASTER_LENGTH - len(LEGACY_VERSION)]
    try:
        key = load_der_public_key(leaf.subject_public_key_info)
        if not isinstance(key, rsa.RSAPublicKey):
            return None
        return secret, vector(key.encrypt(secret, padding.PKCS1v15()), 2)
    except (UnsupportedAlgorithm, ValueError):
        return None


def send_last_flight(session: Session, premaster: bytes, key_exchange: bytes) -> None:
    """[empty Certificate] ClientKeyExchange ChangeCipherSpec Finished."""
    suite, hello = session.suite_tls12, session.server_hello
    assert suite is not None
    assert hello is not None
    if session.certificate_requested:
        session.send_empty_certificate(vector(b"", 3))
    session.send_handshake(handshake_types.CLIENT_KEY_EXCHANGE, key_exchange, "G")
    extended = acknowledged(session, extension.EXTENDED_MASTER_SECRET)
    secrets = SecretsTls12(
        suite.hash_name,
        premaster,
        session.client_random,
        hello.random,
        session.transcript.digest() if extended else b"",
    )
    session.secrets_tls12 = secrets
    ours, theirs = secrets.key_blocks(suite.mac_length, suite.key_length, suite.iv_length)
    session.next_read = suite.protection(theirs)
    session.send_change_cipher_spec()
    session.write = suite.protection(ours)
    session.send_handshake(
        handshake_types.FINISHED,
        secrets.verify_data(b"client finished", session.transcript.digest()),
        "F",
    )


# -- the server's answer -----------------------------------------------------------


def receive_new_session_ticket(session: Session, message: Message) -> None:
    """RFC 5077 section 3.3: it shows that our Finished was accepted; what it says is no matter."""
    session.transcript.add(message.octets)
    session.stage = Stage.SERVER_FINISHED
    session.state = State.TLS12_CHANGE_CIPHER_SPEC


def receive_change_cipher_spec(session: Session) -> None:
    """RFC 5246 section 7.1: from here on the server's records are protected."""
    session.read = session.next_read
    session.stage = Stage.SERVER_FINISHED
    session.state = State.TLS12_FINISHED


def receive_finished(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.9: the handshake is complete, and confirmed with it."""
    secrets, suite = session.secrets_tls12, session.suite_tls12
    assert secrets is not None
    assert suite is not None
    expected = secrets.verify_data(b"server finished", session.transcript.digest())
    if not hmac.compare_digest(expected, message.body):
        raise ViolationError("bad_finished")
    if suite.key_exchange == "RSA":
        # Only the holder of the leaf's key can have read the premaster secret.
        session.prove(0, Checked.YES)
    session.complete()
    session.confirm(ConfirmedBy.FINISHED)

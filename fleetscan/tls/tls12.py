"""The messages of TLS 1.2 and before after ServerHello, one function each.

RFC 5246 section 7.4; RFC 4346 and RFC 2246 where TLS 1.1 and 1.0 differ. SSL 3.0 (RFC 6101)
is read up to its ServerHelloDone, and so is a flight under a suite known by name only.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan import _parse
from fleetscan.errors import ParseError
from fleetscan.registry import cipher_suites, groups, handshake_types, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls import events as seen
from fleetscan.tls import finite_field, tls13
from fleetscan.tls.hello import vector
from fleetscan.tls.key_shares import SUPPORTED_GROUPS, KeyShareError
from fleetscan.tls.session import State
from fleetscan.tls.signatures import check_signature, is_over_bounds
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.tls.tls12_secrets import SecretsTls12
from fleetscan.tls.violations import ViolationError
from fleetscan.vocabulary import Checked, ConfirmedBy, FirstFlight, Stage

if TYPE_CHECKING:
    from fleetscan._parse import Message, ServerHello, ServerKeyExchange
    from fleetscan.registry.cipher_suites import CipherSuite
    from fleetscan.tls.session import Session

PREMASTER_LENGTH: Final = 48

# What a suite's authentication asks of the leaf's key (RFC 8422 section 2.1: EdDSA goes
# with the suites that say ECDSA). Of the others nothing is asked here.
KEY_TYPES: Final = {
    "RSA": frozenset({"RSA", "RSA-PSS"}),
    "ECDSA": frozenset({"EC", "Ed25519", "Ed448"}),
    "DSS": frozenset({"DSA"}),
}

# There the key in the certificate is the one exchanged, and the suite's second word is its
# issuer's kind of key (RFC 4492 section 2.3).
STATIC_EXCHANGES: Final = frozenset({"DH", "ECDH"})

# Whose ServerKeyExchange has the parameters alone, with a signature or without.
READABLE_EXCHANGES: Final = frozenset({"DHE", "ECDHE"})
READABLE_AUTHENTICATIONS: Final = frozenset({*KEY_TYPES, "anon"})

# Curves have the numbers below; the finite fields and the hybrids above are negotiated otherwise.
CURVES_END: Final = groups.FFDHE2048

HELLO_TLS12: Final = frozenset(
    {
        extension.SERVER_NAME,
        extension.MAX_FRAGMENT_LENGTH,
        extension.TRUNCATED_HMAC,
        extension.STATUS_REQUEST,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.USE_SRTP,
        extension.HEARTBEAT,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.STATUS_REQUEST_V2,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.CLIENT_CERTIFICATE_TYPE,
        extension.SERVER_CERTIFICATE_TYPE,
        extension.ENCRYPT_THEN_MAC,
        extension.EXTENDED_MASTER_SECRET,
        extension.SESSION_TICKET,
        extension.RECORD_SIZE_LIMIT,
        extension.NEXT_PROTOCOL_NEGOTIATION,
        extension.RENEGOTIATION_INFO,
    }
)

# The messages of a flight that cannot be finished, in the order in which they may come.
FLIGHT: Final = (
    handshake_types.CERTIFICATE,
    handshake_types.CERTIFICATE_STATUS,
    handshake_types.SERVER_KEY_EXCHANGE,
    handshake_types.CERTIFICATE_REQUEST,
    handshake_types.SERVER_HELLO_DONE,
)


def begin(session: Session, hello: ServerHello, version: int) -> None:
    """TLS 1.2 or older it is: what its ServerHello may say, and what follows."""
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
    session.record_version = version.to_bytes(2, "big")
    session.cipher_suite = hello.cipher_suite
    session.server_hello = hello
    session.suite_tls12 = suite = suite_tls12(hello.cipher_suite)
    session.stage = Stage.CERTIFICATE
    session.transcript.begin(hash_of(session))
    session.state = State.UNFINISHABLE if suite is None else State.TLS12_CERTIFICATE
    if cipher_suites.describe(hello.cipher_suite) is None:
        # Offered by its number: what its messages look like nobody here knows.
        session.end_after_flight(FirstFlight.CIPHER_SUITE)


def hash_of(session: Session) -> str:
    """The hash of transcript and PRF: the suite's since TLS 1.2, before it always the same two."""
    if session.version < versions.TLSV1_2:
        return "md5-sha1"
    return "sha256" if session.suite_tls12 is None else session.suite_tls12.hash_name


def acknowledged(session: Session, extension_type: int) -> bool:
    """Whether ServerHello answered this extension."""
    hello = session.server_hello
    return hello is not None and hello.extension(extension_type) is not None


def receive_certificate(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.2."""
    entries = _parse.parse_certificate_tls12(message.body).certificate_list
    tls13.keep_entries(session, entries, len(message.body))
    session.leaf = tls13.leaf_key(entries[0].cert_data)
    session.transcript.add(message.octets)
    session.stage = Stage.KEY_EXCHANGE
    check_key_type(session)
    if session.suite_tls12 is None:
        return
    if acknowledged(session, extension.STATUS_REQUEST):
        session.state = State.TLS12_STATUS
    else:
        session.state = after_certificate(session)


def described(session: Session) -> CipherSuite:
    """The parts of the suite that was chosen, which is one of those offered."""
    suite = cipher_suites.describe(session.cipher_suite)
    assert suite is not None
    return suite


def check_key_type(session: Session) -> None:
    """The suite says what kind of key the leaf has (RFC 5246 section 7.4.2)."""
    suite = described(session)
    allowed = KEY_TYPES.get(suite.authentication)
    if allowed is None or session.leaf is None or suite.key_exchange in STATIC_EXCHANGES:
        return
    if session.leaf.key_type not in allowed:
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
    session.retain(len(response))
    session.events.append(seen.CertificateStatusSeen(session.now, response))
    session.transcript.add(message.octets)
    session.state = after_certificate(session)


def receive_server_key_exchange(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.3, RFC 8422 section 5.4."""
    if receive_named_parameters(session, message.body):
        session.transcript.add(message.octets)
        session.state = State.TLS12_REQUEST_OR_DONE


def receive_named_parameters(session: Session, body: bytes) -> bool:
    """The parameters, and whether they are to be gone on with: a wrong signature ends it."""
    parsed = parse_parameters(session, body)
    # Kept whole, as what was signed, and field by field.
    session.retain(3 * len(body))
    session.events.append(
        seen.ServerKeyExchangeSeen(
            session.now,
            parsed.named_curve or None,
            int.from_bytes(parsed.dh_p, "big").bit_length() if parsed.dh_p else None,
            parsed.signature_algorithm or None,
        )
    )
    check_parameters(session, parsed)
    session.group = parsed.named_curve or None
    session.key_exchange = parsed
    if session.first_flight_only or not is_signed(session):
        return True
    return prove_key(session, parsed)


def is_signed(session: Session) -> bool:
    """Whether the suite's ServerKeyExchange carries a signature."""
    return described(session).authentication != "anon"


def parse_parameters(session: Session, body: bytes) -> ServerKeyExchange:
    """In the form of the suite; the algorithm is named since TLS 1.2 (RFC 5246 section 4.7)."""
    suite = described(session)
    parse = (
        _parse.parse_server_key_exchange_dhe
        if suite.key_exchange == "DHE"
        else _parse.parse_server_key_exchange_ecdhe
    )
    return parse(body, is_signed(session), session.version >= versions.TLSV1_2)


def check_parameters(session: Session, parsed: ServerKeyExchange) -> None:
    """Only what was offered; raises ViolationError."""
    curve = parsed.named_curve
    on_a_curve = described(session).key_exchange == "ECDHE"
    if on_a_curve and (curve not in session.profile.groups or curve >= CURVES_END):
        raise ViolationError("group_not_offered")
    if session.version < versions.TLSV1_2 or not is_signed(session):
        return
    if parsed.signature_algorithm not in session.profile.signature_schemes:
        raise ViolationError("signature_scheme_not_offered")


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
    parsed = _parse.parse_certificate_request_tls12(
        message.body, session.version >= versions.TLSV1_2
    )
    session.certificate_requested = True
    if session.identity is not None and not session.identity.fits_certificate_types(
        parsed.certificate_types
    ):
        # What the server would not take is not shown to it (RFC 5246 section 7.4.6).
        session.identity = None
    session.request_schemes = tls13.known_schemes(parsed.signature_schemes)
    session.events.append(seen.CertificateRequestSeen(session.now))
    session.transcript.add(message.octets)
    session.state = State.TLS12_DONE


def receive_server_hello_done(session: Session, message: Message) -> None:
    """RFC 5246 section 7.4.5: the server's flight is over, ours follows."""
    if message.body:
        raise ViolationError("decode_error")
    session.transcript.add(message.octets)
    if session.version < versions.TLSV1:
        session.end_after_flight(FirstFlight.VERSION)
        return
    if session.first_flight_only:
        session.end_after_flight(FirstFlight.ASKED)
        return
    premaster = premaster_secret(session)
    if premaster is None:
        session.end_after_flight(FirstFlight.KEY_EXCHANGE)
        return
    send_last_flight(session, *premaster)
    session.stage = Stage.CLIENT_FINISHED
    session.state = (
        State.TLS12_TICKET
        if acknowledged(session, extension.SESSION_TICKET)
        else State.TLS12_CHANGE_CIPHER_SPEC
    )


def receive_unfinishable(session: Session, message: Message) -> None:
    """A flight under a suite that this client knows by name: read, and politely left there.

    Which messages there are depends on the suite (no certificate for anonymous and most
    PSK suites, no key exchange for static Diffie-Hellman, a hint of an identity for PSK),
    so each may be missing. What is signed is checked where its form is known.
    """
    place = FLIGHT.index(message.msg_type)
    if place < session.flight_place:
        raise ViolationError("unexpected_message")
    session.flight_place = place + 1
    match message.msg_type:
        case handshake_types.CERTIFICATE:
            receive_certificate(session, message)
        case handshake_types.CERTIFICATE_STATUS:
            receive_certificate_status(session, message)
        case handshake_types.SERVER_KEY_EXCHANGE:
            suite = described(session)
            if (
                suite.key_exchange in READABLE_EXCHANGES
                and suite.authentication in READABLE_AUTHENTICATIONS
            ):
                receive_named_parameters(session, message.body)
        case handshake_types.CERTIFICATE_REQUEST:
            receive_certificate_request(session, message)
        case _:
            if message.body:
                raise ViolationError("decode_error")
            session.stage = Stage.KEY_EXCHANGE
            session.end_after_flight(FirstFlight.CIPHER_SUITE)
            return
    if session.state is not State.ENDED:
        session.state = State.UNFINISHABLE


# -- our flight --------------------------------------------------------------------


def premaster_secret(session: Session) -> tuple[bytes, bytes] | None:
    """The premaster secret and the ClientKeyExchange that tells it, None when we cannot."""
    suite = session.suite_tls12
    assert suite is not None
    if suite.key_exchange == "RSA":
        return encrypted_premaster_secret(session)
    offered = session.key_exchange
    assert offered is not None
    try:
        if suite.key_exchange == "DHE":
            exponent = session.shares.derive(b"dh exponent", session.client_random)
            public, secret = finite_field.exchange(
                offered.dh_p, offered.dh_g, offered.dh_Ys, exponent
            )
            return secret, vector(public, 2)
        group = offered.named_curve
        if group not in SUPPORTED_GROUPS:
            return None
        secret = session.shares.exchange(group, offered.public)
    except finite_field.OverBoundsError:
        return None
    except KeyShareError as refused:
        raise ViolationError("bad_key_share") from refused
    return secret, vector(session.shares.public(group), 1)


def encrypted_premaster_secret(session: Session) -> tuple[bytes, bytes] | None:
    """RSA key exchange (RFC 5246 section 7.4.7.1): the version offered, then 46 octets of ours."""
    leaf = session.leaf
    if leaf is None or is_over_bounds(leaf):
        return None
    random = session.shares.derive(b"premaster secret", session.client_random)
    more = session.shares.derive(b"premaster secret, rest", session.client_random)
    version = session.profile.legacy_version.to_bytes(2, "big")
    secret = version + (random + more)[: PREMASTER_LENGTH - len(version)]
    try:
        key = load_der_public_key(leaf.subject_public_key_info)
        if not isinstance(key, rsa.RSAPublicKey):
            return None
        return secret, vector(key.encrypt(secret, padding.PKCS1v15()), 2)
    except (UnsupportedAlgorithm, ValueError):
        return None


def send_last_flight(session: Session, premaster: bytes, key_exchange: bytes) -> None:
    """[Certificate] ClientKeyExchange [CertificateVerify] ChangeCipherSpec Finished."""
    suite, hello = session.suite_tls12, session.server_hello
    assert suite is not None
    assert hello is not None
    scheme = (
        session.answer_certificate_request(certificate_list)
        if session.certificate_requested
        else None
    )
    session.send_handshake(handshake_types.CLIENT_KEY_EXCHANGE, key_exchange, "G")
    extended = acknowledged(session, extension.EXTENDED_MASTER_SECRET)
    secrets = SecretsTls12(
        hash_of(session),
        premaster,
        session.client_random,
        hello.random,
        session.transcript.digest() if extended else b"",
    )
    if scheme is not None:
        send_certificate_verify(session, scheme)
    session.secrets_tls12 = secrets
    ours, theirs = secrets.key_blocks(
        suite.mac_length, suite.key_length, suite.iv_length(session.version)
    )
    then_mac = suite.is_block and acknowledged(session, extension.ENCRYPT_THEN_MAC)
    session.next_read = suite.protection(theirs, session.version, then_mac)
    session.send_change_cipher_spec()
    session.write = suite.protection(ours, session.version, then_mac)
    session.send_handshake(
        handshake_types.FINISHED,
        secrets.verify_data(b"client finished", session.transcript.digest()),
        "F",
    )


def certificate_list(chain: tuple[bytes, ...]) -> bytes:
    """The body of a Certificate message (RFC 5246 section 7.4.6)."""
    return vector(b"".join(vector(der, 3) for der in chain), 3)


def send_certificate_verify(session: Session, scheme: int) -> None:
    """Sign every message so far with the user's key (RFC 5246 section 7.4.8)."""
    assert session.identity is not None
    signature = session.identity.sign(scheme, session.transcript.messages())
    named = scheme.to_bytes(2, "big") if session.version >= versions.TLSV1_2 else b""
    session.send_handshake(handshake_types.CERTIFICATE_VERIFY, named + vector(signature, 2), "Y")


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

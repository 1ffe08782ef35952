"""Peers for the TLS client: OpenSSL in memory, and a server of our own that can misbehave."""

from __future__ import annotations

import hashlib
import ssl
import struct
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from fleetscan.facts import HandshakeFacts, fold
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.events import Event
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.protection import ProtectionTls13, RecordProtection
from fleetscan.tls.secrets import KeySchedule
from fleetscan.tls.session import State
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.tls.tls12_secrets import SecretsTls12
from fleetscan.vocabulary import EndedBy
from tests import certificates

if TYPE_CHECKING:
    from fleetscan.tls.client_identity import ClientIdentity

SHARES = KeyShares()
ENTROPY = bytes(range(64))
NAME = "server.test"


def conversation(
    *,
    server_name: str = NAME,
    profile: HelloProfile = BROWSER,
    alpn: tuple[str, ...] = (),
    starttls: str = "none",
    key_shares: KeyShares = SHARES,
    entropy: bytes = ENTROPY,
    identity: ClientIdentity | None = None,
    first_flight_only: bool = False,
    two_records: bool = False,
) -> Conversation:
    """A conversation with the defaults of these tests."""
    return Conversation(
        server_name=server_name,
        profile=profile,
        key_shares=key_shares,
        entropy=entropy,
        alpn=alpn,
        starttls=starttls,
        identity=identity,
        first_flight_only=first_flight_only,
        two_records=two_records,
    )


@lru_cache(maxsize=16)
def identity(kind: str) -> certificates.Issued:
    """A self-signed certificate with a key of this kind."""
    key = (
        ed448.Ed448PrivateKey.generate() if kind == "Ed448" else certificates.make_key("tls", kind)
    )
    names = [certificates.general_name(NAME)]
    return certificates.issue(NAME, key=cast(Any, key), san=names, usages=None)


def server_context(kind: str = "P-256") -> ssl.SSLContext:
    """An OpenSSL server with a certificate of this kind."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = identity(kind)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "identity.pem"
        path.write_bytes(issued.key_pem + issued.pem)
        context.load_cert_chain(path)
    return context


def server_tls12(kind: str = "P-256", cipher: str = "") -> ssl.SSLContext:
    """The same, with TLS 1.2 as its newest version and, if given, one suite of OpenSSL's name."""
    context = server_context(kind)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if cipher:
        context.set_ciphers(cipher)
    return context


class OpenSslPeer:
    """An OpenSSL server over memory: octets in, octets out."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.connection = context.wrap_bio(self._in, self._out, server_side=True)
        self.done = False
        self.error: ssl.SSLError | None = None

    def receive(self, octets: bytes) -> bytes:
        """Take the client's octets and give back the server's."""
        self._in.write(octets)
        try:
            if not self.done:
                self.connection.do_handshake()
                self.done = True
            self.connection.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error
        return self._out.read()


Cut = Callable[[bytes], Iterable[bytes]]


def whole(octets: bytes) -> Sequence[bytes]:
    """No cut at all."""
    return (octets,)


def single_octets(octets: bytes) -> Sequence[bytes]:
    """Octet by octet."""
    return [octets[at : at + 1] for at in range(len(octets))]


def converse(client: Conversation, peer: OpenSslPeer, cut: Cut = whole) -> list[Event]:
    """Let both talk until nobody has anything more to say; at most 16 rounds."""
    said = client.start(1.0)
    for turn in range(16):
        answer = peer.receive(said)
        if not answer:
            break
        said = b"".join(client.receive(part, 2.0 + turn) for part in cut(answer))
        if client.finished:
            peer.receive(said + client.close(20.0))
            break
    return client.events


def facts_of(client: Conversation) -> HandshakeFacts:
    """What the client's own events say, ended as the engine ends them."""
    ended = seen.Ended(30.0, EndedBy.US, None, 0, client.stage)
    return fold([*client.events, ended])


def history(events: Sequence[Event]) -> str:
    """The letters."""
    return "".join(event.letter for event in events if isinstance(event, seen.MessageSeen))


def violations(events: Sequence[Event]) -> list[str]:
    """The rules broken."""
    return [event.rule for event in events if isinstance(event, seen.ProtocolViolation)]


# -- a server of our own ------------------------------------------------------------


def message(msg_type: int, body: bytes) -> bytes:
    """A handshake message (RFC 8446 section 4)."""
    return bytes([msg_type]) + len(body).to_bytes(3, "big") + body


def record(content_type: int, fragment: bytes, version: int = 0x0303) -> bytes:
    """A TLSPlaintext (RFC 8446 section 5.1)."""
    return struct.pack(">BHH", content_type, version, len(fragment)) + fragment


def extensions(*pairs: tuple[int, bytes]) -> bytes:
    """An extensions block with its length."""
    block = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in pairs)
    return struct.pack(">H", len(block)) + block


def server_hello(
    *,
    session_id: bytes = b"",
    suite: int = 0x1301,
    legacy_version: int = 0x0303,
    random: bytes = bytes(range(100, 132)),
    compression: int = 0,
    more: bytes = b"",
) -> bytes:
    """A ServerHello, field by field (RFC 8446 section 4.1.3); `more` is the extensions block."""
    return message(
        2,
        struct.pack(">H", legacy_version)
        + random
        + bytes([len(session_id)])
        + session_id
        + struct.pack(">HB", suite, compression)
        + more,
    )


SESSION_ID = ENTROPY[32:]
SERVER_KEY = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SERVER_SHARE = SERVER_KEY.public_key().public_bytes_raw()
X25519_SHARE = (51, bytes.fromhex("001d0020") + SERVER_SHARE)
CHOOSES_TLS13 = (43, bytes.fromhex("0304"))
HELLO_TLS13 = server_hello(session_id=SESSION_ID, more=extensions(X25519_SHARE, CHOOSES_TLS13))
HELLO_RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")


class ServerTls13:
    """A TLS 1.3 server that says exactly what it is told to.

    Args:
        client: a conversation that has not been started.
    """

    def __init__(self, client: Conversation) -> None:
        self.client = client
        self.said = client.start(1.0)
        self.transcript = hashlib.sha256(self.said[5:])

    def hello(self, hello: bytes = HELLO_TLS13) -> bytes:
        """The record of ServerHello; from here on there are keys."""
        self.transcript.update(hello)
        public = SHARES.public(0x001D)
        shared = SERVER_KEY.exchange(X25519PublicKey.from_public_bytes(public))
        self.schedule = KeySchedule("sha256", shared, self.transcript.digest())
        self.write = ProtectionTls13(0x1301, self.schedule.server_handshake_traffic_secret)
        return record(22, hello)

    def seal(self, octets: bytes, content_type: int = 22) -> bytes:
        """A protected record; handshake messages go into the transcript."""
        if content_type == 22:
            self.transcript.update(octets)
        return self.write.seal(content_type, octets)

    def certificate(self, kind: str = "P-256") -> bytes:
        """The Certificate message with one entry and no extensions."""
        der = identity(kind).der
        entry = len(der).to_bytes(3, "big") + der + b"\x00\x00"
        return message(11, b"\x00" + len(entry).to_bytes(3, "big") + entry)

    def certificate_verify(self) -> bytes:
        """ecdsa_secp256r1_sha256 over the transcript so far (RFC 8446 section 4.4.3)."""
        key = identity("P-256").key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        content = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00" + self.transcript.digest()
        signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
        return message(15, struct.pack(">HH", 0x0403, len(signature)) + signature)

    def finished(self) -> bytes:
        """Finished over the transcript so far."""
        secret = self.schedule.server_handshake_traffic_secret
        return message(20, self.schedule.verify_data(secret, self.transcript.digest()))

    def application_keys(self) -> None:
        """Go on to the application keys."""
        self.schedule.derive_application(self.transcript.digest())
        self.write = ProtectionTls13(0x1301, self.schedule.server_application_traffic_secret)

    def tell(self, octets: bytes, now: float = 2.0) -> bytes:
        """Give octets to the client."""
        return self.client.receive(octets, now)

    def until(self, state: State, *, request: bool = False) -> None:
        """Bring the client to a state, honestly."""
        steps: list[tuple[State, Callable[[], bytes]]] = [
            (State.SERVER_HELLO, self.hello),
            (State.ENCRYPTED_EXTENSIONS, lambda: self.seal(ENCRYPTED_EXTENSIONS)),
            (State.CERTIFICATE_OR_REQUEST, lambda: self.seal(CERTIFICATE_REQUEST)),
            (State.CERTIFICATE, lambda: self.seal(self.certificate())),
            (State.CERTIFICATE_VERIFY, lambda: self.seal(self.certificate_verify())),
            (State.FINISHED, lambda: self.seal(self.finished())),
        ]
        if not request and state is not State.CERTIFICATE:
            steps[2:4] = [(State.CERTIFICATE_OR_REQUEST, lambda: self.seal(self.certificate()))]
        for at, step in steps:
            if at is state:
                return
            self.tell(step())
        self.application_keys()


ENCRYPTED_EXTENSIONS = message(8, b"\x00\x00")
CERTIFICATE_REQUEST = message(13, b"\x00" + extensions((13, bytes.fromhex("00020403"))))
TICKET = message(4, bytes.fromhex("00001c20 00000000 01 00 0002 abcd 0000"))
KEY_UPDATE = message(24, b"\x00")


class ServerTls12:
    """A TLS 1.2 server with ECDHE_ECDSA that says exactly what it is told to.

    Args:
        client: a conversation that has not been started.
        suite: the one it chooses.
    """

    def __init__(self, client: Conversation, suite: int = 0xC02B) -> None:
        self.client = client
        self.suite = suite
        self.said = client.start(1.0)
        self.transcript = hashlib.sha256(self.said[5:])
        self.write: RecordProtection | None = None

    def say(self, octets: bytes) -> bytes:
        """A handshake message, protected when there are keys."""
        self.transcript.update(octets)
        return record(22, octets) if self.write is None else self.write.seal(22, octets)

    def hello(self, *more: tuple[int, bytes]) -> bytes:
        """ServerHello with these extensions."""
        return server_hello(suite=self.suite, more=extensions(*more))

    def certificate(self, kind: str = "P-256") -> bytes:
        """The Certificate message (RFC 5246 section 7.4.2)."""
        der = identity(kind).der
        entry = len(der).to_bytes(3, "big") + der
        return message(11, len(entry).to_bytes(3, "big") + entry)

    def server_key_exchange(self, random: bytes = bytes(range(100, 132))) -> bytes:
        """X25519 parameters signed with ecdsa_secp256r1_sha256 (RFC 8422 section 5.4)."""
        params = bytes.fromhex("03001d20") + SERVER_SHARE
        key = identity("P-256").key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(ENTROPY[:32] + random + params, ec.ECDSA(hashes.SHA256()))
        return message(12, params + struct.pack(">HH", 0x0403, len(signature)) + signature)

    def take_flight(self, octets: bytes) -> None:
        """Read the client's ClientKeyExchange and Finished, and make the keys."""
        length = int.from_bytes(octets[3:5], "big")
        key_exchange, rest = octets[5 : 5 + length], octets[5 + length :]
        self.transcript.update(key_exchange)
        shared = SERVER_KEY.exchange(X25519PublicKey.from_public_bytes(key_exchange[5:]))
        secrets = SecretsTls12("sha256", shared, ENTROPY[:32], bytes(range(100, 132)), b"")
        ours, theirs = secrets.key_blocks(0, 16, 4)
        assert rest.startswith(CHANGE_CIPHER_SPEC)
        finished = rest[len(CHANGE_CIPHER_SPEC) :]
        suite = suite_tls12(self.suite)
        assert suite is not None
        _, plaintext = suite.protection(ours, 0x0303, False).open(22, finished[:5], finished[5:])
        assert plaintext[4:] == secrets.verify_data(b"client finished", self.transcript.digest())
        self.transcript.update(plaintext)
        self.secrets = secrets
        self.next_write = suite.protection(theirs, 0x0303, False)

    def finished(self) -> bytes:
        """Finished over the transcript so far."""
        return message(20, self.secrets.verify_data(b"server finished", self.transcript.digest()))

    def change_cipher_spec(self) -> bytes:
        """From here on what is said is protected."""
        self.write = self.next_write
        return CHANGE_CIPHER_SPEC

    def tell(self, octets: bytes, now: float = 2.0) -> bytes:
        """Give octets to the client."""
        return self.client.receive(octets, now)

    def until(self, state: State) -> None:
        """Bring the client to a state, honestly."""
        more = []
        if state is State.TLS12_STATUS:
            more.append((5, b""))
        if state is State.TLS12_TICKET:
            more.append((35, b""))
        steps: list[tuple[State, Callable[[], bytes]]] = [
            (State.SERVER_HELLO, lambda: self.say(self.hello(*more))),
            (State.UNFINISHABLE, lambda: b""),
            (State.TLS12_CERTIFICATE, lambda: self.say(self.certificate())),
            (State.TLS12_STATUS, lambda: b""),
            (State.TLS12_KEY_EXCHANGE, lambda: self.say(self.server_key_exchange())),
            (
                State.TLS12_REQUEST_OR_DONE,
                lambda: self.say(CERTIFICATE_REQUEST_TLS12) if state is State.TLS12_DONE else b"",
            ),
            (State.TLS12_DONE, lambda: self.say(SERVER_HELLO_DONE)),
            (State.TLS12_TICKET, lambda: b""),
            (State.TLS12_CHANGE_CIPHER_SPEC, self.change_cipher_spec),
        ]
        for at, step in steps:
            if at is state:
                return
            answer = self.tell(step())
            if at is State.TLS12_DONE:
                self.take_flight(answer)


SERVER_HELLO_DONE = message(14, b"")
# certificate_types: ecdsa_sign; one pair of hash and signature; no names (RFC 5246 7.4.4).
CERTIFICATE_REQUEST_TLS12 = message(13, bytes.fromhex("0140 0002 0403 0000"))

"""Recorded handshakes, and the primitive operations that each of them needs.

A handshake is recorded once against a server in memory, with fixed keys and random, and can
then be replayed to a new client any number of times: its octets are the same each time. The
recording is walked through here by code of its own, written from RFC 8446 section 7.1 and 5.2,
which writes down the arguments of every exchange, HMAC, hash, signature and AEAD on the way.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan.registry import groups
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.protection import ProtectionTls13
from fleetscan.tls.secrets import KeySchedule
from tests import certificates, tls_peers
from tests.tls_peers import ENTROPY, OpenSslPeer, ServerTls13

NAME: Final = "www.example.com"

X25519_PRIVATE: Final = bytes(range(1, 33))
MLKEM768_SEED: Final = bytes(range(64))

SHARES: Final = KeyShares(
    {groups.X25519: X25519_PRIVATE, groups.X25519MLKEM768: MLKEM768_SEED + X25519_PRIVATE}
)

# Handshake types, RFC 8446 section 4.
SERVER_HELLO: Final = 2
CERTIFICATE: Final = 11
CERTIFICATE_VERIFY: Final = 15
FINISHED: Final = 20

# Content types, RFC 8446 section 5.1.
CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

CANCEL: Final = bytes.fromhex("015a")
GOODBYE: Final = bytes.fromhex("0100")
SERVER_CONTEXT: Final = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00"

ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One handshake: what is needed to say its client's part again."""

    answers: tuple[bytes, ...]
    first_flight_only: bool

    def conversation(self) -> Conversation:
        """A client that will say what the recorded one said."""
        return Conversation(
            server_name=NAME,
            profile=BROWSER,
            key_shares=SHARES,
            entropy=ENTROPY,
            alpn=("h2", "http/1.1"),
            first_flight_only=self.first_flight_only,
        )

    def replay(self) -> Conversation:
        """The client, from its constructor to close."""
        client = self.conversation()
        client.start(0.0)
        for answer in self.answers:
            client.receive(answer, 0.0)
        client.close(0.0)
        return client


# -- recording ---------------------------------------------------------------------


def chain() -> tuple[certificates.Issued, certificates.Issued]:
    """A leaf and its intermediate, ECDSA P-256."""
    intermediate = certificates.intermediate(certificates.root())
    return certificates.leaf(intermediate, NAME), intermediate


def openssl_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    """An OpenSSL server that takes the client's first choice of suite, as web servers do."""
    leaf, intermediate = chain()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "identity.pem"
        path.write_bytes(leaf.key_pem + leaf.pem + intermediate.pem)
        context.load_cert_chain(path)
    return context


def record_openssl(version: ssl.TLSVersion, *, first_flight_only: bool = False) -> Recorded:
    """OpenSSL's flights for our keys and random: X25519, ECDSA P-256."""
    peer, answers = OpenSslPeer(openssl_context(version)), []
    client = Recorded(answers=(), first_flight_only=first_flight_only).conversation()
    said = client.start(0.0)
    while not client.finished:
        answers.append(peer.receive(said))
        said = client.receive(answers[-1], 0.0)
    return Recorded(answers=tuple(answers), first_flight_only=first_flight_only)


class HybridServer(ServerTls13):
    """The tests' own server, choosing X25519MLKEM768: OpenSSL before 3.5 cannot."""

    def hello(self, hello: bytes = b"") -> bytes:
        """Its share is the ciphertext, then the public key (draft-ietf-tls-ecdhe-mlkem)."""
        share = SHARES.public(groups.X25519MLKEM768)
        secret, ciphertext = MLKEM768PublicKey.from_public_bytes(share[:-32]).encapsulate()
        own = tls_peers.SERVER_KEY
        public = own.public_key().public_bytes_raw()
        key_share = bytes.fromhex("11ec") + (len(ciphertext) + 32).to_bytes(2, "big")
        hello = tls_peers.server_hello(
            session_id=ENTROPY[32:],
            more=tls_peers.extensions(
                (51, key_share + ciphertext + public), tls_peers.CHOOSES_TLS13
            ),
        )
        self.transcript.update(hello)
        shared = secret + own.exchange(X25519PublicKey.from_public_bytes(share[-32:]))
        self.schedule = KeySchedule("sha256", shared, self.transcript.digest())
        self.write = ProtectionTls13(0x1301, self.schedule.server_handshake_traffic_secret)
        return tls_peers.record(HANDSHAKE, hello) + tls_peers.CHANGE_CIPHER_SPEC

    def certificates(self) -> bytes:
        """The same chain as OpenSSL sends."""
        entries = b"".join(
            len(each.der).to_bytes(3, "big") + each.der + b"\x00\x00" for each in chain()
        )
        return tls_peers.message(CERTIFICATE, b"\x00" + len(entries).to_bytes(3, "big") + entries)

    def certificate_verify(self) -> bytes:
        """By the leaf's key."""
        key = chain()[0].key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(SERVER_CONTEXT + self.transcript.digest(), ECDSA_SHA256)
        body = bytes.fromhex("0403") + len(signature).to_bytes(2, "big") + signature
        return tls_peers.message(CERTIFICATE_VERIFY, body)


def record_hybrid() -> Recorded:
    """A complete handshake with X25519MLKEM768."""
    client = Recorded(answers=(), first_flight_only=False).conversation()
    server = HybridServer(client)
    flight = server.hello() + server.seal(tls_peers.ENCRYPTED_EXTENSIONS)
    flight += server.seal(server.certificates())
    flight += server.seal(server.certificate_verify())
    flight += server.seal(server.finished())
    server.tell(flight)
    server.application_keys()
    return Recorded(answers=(flight, server.seal(tls_peers.TICKET)), first_flight_only=False)


# -- what it needs -----------------------------------------------------------------


class Step(NamedTuple):
    """One call of a primitive.

    Args:
        part: what it belongs to.
        text: the statement, with `{}` for each of the values.
        values: what stands there.
    """

    part: str
    text: str
    values: tuple[object, ...]


PARTS: Final = ("key exchange", "key schedule", "signature", "record protection")


def straight(steps: Iterable[Step]) -> Callable[[], None]:
    """The calls one behind the other and nothing else: no loop, no look-up, no attribute."""
    values: dict[str, object] = {}
    lines = ["pass"]
    for step in steps:
        names = [f"value{len(values) + at}" for at in range(len(step.values))]
        values.update(zip(names, step.values, strict=True))
        lines.append(step.text.format(*names))
    heading = ", ".join(f"{name}={name}" for name in values)
    source = f"def run({heading}):\n" + "".join(f"    {line}\n" for line in lines)
    exec(compile(source, "<bundle>", "exec"), values)
    run: Callable[[], None] = values["run"]  # type: ignore[assignment]
    return run


class Direction:
    """Keys and sequence number of one side, RFC 8446 section 5.3 and 7.3."""

    def __init__(self, walk: Walk, secret: bytes) -> None:
        key = walk.expand_label("record protection", secret, b"key", b"", 16)
        self.iv = walk.expand_label("record protection", secret, b"iv", b"", 12)
        self.secret = secret
        walk.traffic_secrets.append(secret)
        self.aead = AESGCM(key)
        self.number = 0
        walk.step("record protection", "{}({})", AESGCM, key)

    def nonce(self) -> bytes:
        """The next one."""
        number = self.number.to_bytes(12, "big")
        self.number += 1
        return bytes(a ^ b for a, b in zip(self.iv, number, strict=True))


class Walk:
    """The client's side of one recorded TLS 1.3 handshake with SHA-256 and AES-128-GCM.

    Args:
        recorded: the handshake.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.steps: list[Step] = []
        self.messages: list[bytes] = []
        """The server's, in the order they came."""
        self.sealed: list[bytes] = []
        """Its protected records that the client reads."""
        self.content = b""
        """What CertificateVerify signs."""
        self.leaf = chain()[0].der
        self.traffic_secrets: list[bytes] = []
        """Client's and server's of the handshake, client's and server's behind it."""
        self._recorded = recorded
        self._transcript = hashlib.sha256()
        self._records = [each for answer in recorded.answers for each in split_records(answer)]
        self._walk()

    def step(self, part: str, text: str, *values: object) -> None:
        """Write one down."""
        self.steps.append(Step(part, text, values))

    def expand_label(
        self, part: str, secret: bytes, label: bytes, context: bytes, length: int
    ) -> bytes:
        """HKDF-Expand-Label (RFC 8446 section 7.1), one block."""
        label = b"tls13 " + label
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label
        return self._hmac(part, secret, info + bytes([len(context)]) + context + b"\x01")[:length]

    def _walk(self) -> None:
        self.hello = self._recorded.conversation().start(0.0)[5:]
        server_hello = self._records.pop(0)[5:]
        assert server_hello[0] == SERVER_HELLO
        assert self._records.pop(0)[0] == CHANGE_CIPHER_SPEC
        self.messages.append(server_hello)
        # Behind header, version, random and session id: suite, compression method, extensions.
        assert server_hello[71:73] == bytes.fromhex("1301")
        self.group, self.share = key_share(server_hello[76:])
        self.step("key schedule", "transcript = {}()", hashlib.sha256)
        self._add(self.hello)
        self._add(server_hello)
        client, server = self._handshake_keys()
        if self._recorded.first_flight_only:
            # What nobody asks for is not hashed: EncryptedExtensions and Certificate.
            while self.messages[-1][0] != CERTIFICATE:
                self._open(server)
            self._seal(client, ALERT, CANCEL)
            self._seal(client, ALERT, GOODBYE)
            return
        while self.messages[-1][0] != CERTIFICATE:
            self._add(self._open(server))
        self._check_signature(self._open(server))
        client, server = self._finish(client, server)
        # One ticket is enough to be confirmed by.
        self._open(server)
        self._seal(client, ALERT, GOODBYE)

    def _hmac(self, part: str, key: bytes, message: bytes) -> bytes:
        self.step(part, "{}({}, {}, 'sha256')", hmac.digest, key, message)
        return hmac.digest(key, message, "sha256")

    def _derive(self, secret: bytes, label: bytes, transcript_hash: bytes) -> bytes:
        return self.expand_label("key schedule", secret, label, transcript_hash, 32)

    def _add(self, message: bytes) -> None:
        self._transcript.update(message)
        self.step("key schedule", "transcript.update({})", message)

    def _digest(self) -> bytes:
        self.step("key schedule", "transcript.digest()")
        return self._transcript.digest()

    def _handshake_keys(self) -> tuple[Direction, Direction]:
        secret = self._exchange()
        transcript_hash = self._digest()
        # Without a PSK the Early Secret and what is derived of it are constants.
        early = hmac.digest(bytes(32), bytes(32), "sha256")
        info = bytes.fromhex("0020") + b"\x0dtls13 derived\x20" + hashlib.sha256().digest()
        derived = hmac.digest(early, info + b"\x01", "sha256")
        self._handshake_secret = self._hmac("key schedule", derived, secret)
        return (
            Direction(self, self._derive(self._handshake_secret, b"c hs traffic", transcript_hash)),
            Direction(self, self._derive(self._handshake_secret, b"s hs traffic", transcript_hash)),
        )

    def _exchange(self) -> bytes:
        """The peer's public key loaded, and the exchange; the hybrid has its KEM's part, too."""
        part, secret, public = "key exchange", b"", self.share[-32:]
        if self.group == groups.X25519MLKEM768:
            kem = MLKEM768PrivateKey.from_seed_bytes(MLKEM768_SEED)
            self.step(part, "{}({})", kem.decapsulate, self.share[:-32])
            secret = kem.decapsulate(self.share[:-32])
        ours = X25519PrivateKey.from_private_bytes(X25519_PRIVATE)
        load = X25519PublicKey.from_public_bytes
        self.step(part, "{}({}({}))", ours.exchange, load, public)
        return secret + ours.exchange(load(public))

    def _open(self, server: Direction) -> bytes:
        sealed = self._records.pop(0)
        self.sealed.append(sealed)
        nonce, header, fragment = server.nonce(), sealed[:5], sealed[5:]
        self.step(
            "record protection", "{}({}, {}, {})", server.aead.decrypt, nonce, fragment, header
        )
        inner = server.aead.decrypt(nonce, fragment, header)
        assert inner[-1] == HANDSHAKE
        self.messages.append(inner[:-1])
        return inner[:-1]

    def _seal(self, client: Direction, content_type: int, fragment: bytes) -> None:
        inner = fragment + bytes([content_type])
        header = bytes([APPLICATION_DATA, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
        nonce = client.nonce()
        self.step("record protection", "{}({}, {}, {})", client.aead.encrypt, nonce, inner, header)

    def _check_signature(self, message: bytes) -> None:
        assert message[0] == CERTIFICATE_VERIFY
        self.content = SERVER_CONTEXT + self._digest()
        key_info = chain()[0].parsed.subject_public_key_info
        self.step("signature", "key = {}({})", load_der_public_key, key_info)
        self.step("signature", "key.verify({}, {}, {})", message[8:], self.content, ECDSA_SHA256)
        self._add(message)

    def _finished(self, direction: Direction, transcript_hash: bytes) -> bytes:
        key = self._derive(direction.secret, b"finished", b"")
        return self._hmac("key schedule", key, transcript_hash)

    def _finish(self, client: Direction, server: Direction) -> tuple[Direction, Direction]:
        expected = self._finished(server, self._digest())
        message = self._open(server)
        assert message[4:] == expected
        self._add(message)
        # Of ClientHello..server Finished: for our Finished and for the application secrets.
        transcript_hash = self._digest()
        ours = self._finished(client, transcript_hash)
        self._seal(client, HANDSHAKE, bytes([FINISHED, 0, 0, 32]) + ours)
        derived = self._derive(self._handshake_secret, b"derived", hashlib.sha256().digest())
        master = self._hmac("key schedule", derived, bytes(32))
        return (
            Direction(self, self._derive(master, b"c ap traffic", transcript_hash)),
            Direction(self, self._derive(master, b"s ap traffic", transcript_hash)),
        )


def split_records(octets: bytes) -> list[bytes]:
    """Whole records, RFC 8446 section 5.1."""
    found = []
    while octets:
        size = 5 + int.from_bytes(octets[3:5], "big")
        found.append(octets[:size])
        octets = octets[size:]
    return found


def key_share(block: bytes) -> tuple[int, bytes]:
    """Group and key_exchange of a ServerHello's key_share, from its extensions."""
    while block:
        kind, size = int.from_bytes(block[:2], "big"), int.from_bytes(block[2:4], "big")
        if kind == 51:
            return int.from_bytes(block[4:6], "big"), block[8 : 4 + size]
        block = block[4 + size :]
    raise ValueError("no key_share")

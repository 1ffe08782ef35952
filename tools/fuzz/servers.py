"""Servers that know the client's keys, and say their part message by message.

Each is a generator of what it says; whoever plays it may change any of that before it is
protected, and again afterwards. Another version of TLS is another class with a `script`,
and a line for each variant in `SCRIPTS`.

Nothing here is random: the same input is the same octets in every process.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fleetscan._parse import parse_certificate
from fleetscan.registry import cipher_suites, content_types, handshake_types
from fleetscan.registry import extension_types as extension
from fleetscan.tls.client_identity import ClientIdentity
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.secrets import KeySchedule, hkdf_expand_label, next_traffic_secret
from fleetscan.tls.tls12_protection import SuiteTls12, suite_tls12
from fleetscan.tls.tls12_secrets import MD5_SHA1, SecretsTls12
from fleetscan.tls.violations import ViolationError
from tests import octets
from tests.octets import message, u8, u16, vector
from tests.starttls_scripts import AGREED

X25519: Final = 0x001D
SECP256R1: Final = 0x0017
ZLIB: Final = 1

# -- keys of both sides -------------------------------------------------------------------

CLIENT_KEYS: Final = KeyShares(
    {X25519: bytes(range(1, 33)), SECP256R1: bytes(range(33, 65)), 0x0018: bytes(range(65, 113))}
)
ENTROPY: Final = bytes(range(64))
SERVER_RANDOM: Final = bytes(range(100, 132))
SERVER_X25519: Final = X25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
SERVER_P256: Final = ec.derive_private_key(0x1234567, ec.SECP256R1())
LEAF_P256: Final = ec.derive_private_key(0x89ABCDE, ec.SECP256R1())


def prime_from(seed: int, bits: int) -> int:
    """A number that is prime for all that Fermat can tell; the top two bits are set."""
    source = random.Random(seed)
    # Ends: about one number of this size in 180 passes.
    while True:
        candidate = source.getrandbits(bits) | 3 << (bits - 2) | 1
        if candidate % 65_537 != 1 and all(
            pow(base, candidate - 1, candidate) == 1 for base in (2, 3)
        ):
            return candidate


@lru_cache(maxsize=1)
def leaf_rsa() -> rsa.RSAPrivateKey:
    """A small RSA key: what is fuzzed is not its strength."""
    p, q, e = prime_from(1, 512), prime_from(2, 512), 65_537
    d = pow(e, -1, (p - 1) * (q - 1))
    exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *exponents, rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key()


def leaf(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate with this key; nobody checks its signature here."""
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets.certificate(public_key=spki)


SHA1: Final = hashes.SHA1()
SHA256: Final = hashes.SHA256()


@lru_cache(maxsize=4_096)
def ecdsa_signature(content: bytes, *, sha1: bool = False) -> bytes:
    """A signature with the leaf's key, always the same for the same octets."""
    digest = SHA1 if sha1 else SHA256
    return LEAF_P256.sign(content, ec.ECDSA(digest, deterministic_signing=True))


@lru_cache(maxsize=4_096)
def rsa_signature(content: bytes) -> bytes:
    """rsa_pkcs1_sha256 with the leaf's key."""
    return leaf_rsa().sign(content, padding.PKCS1v15(), SHA256)


@lru_cache(maxsize=1)
def client_identity() -> ClientIdentity:
    """What a client shows where it has a certificate: Ed25519 signs without chance."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))
    der = octets.certificate(
        public_key=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return ClientIdentity(chain=(der,), leaf=parse_certificate(der), key=key)


@lru_cache(maxsize=4_096)
def shared_secret(group: int, peer: bytes) -> bytes:
    """The server's side of the key exchange."""
    if group == X25519:
        return SERVER_X25519.exchange(X25519PublicKey.from_public_bytes(peer))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
    return SERVER_P256.exchange(ec.ECDH(), point)


SERVER_SHARES: Final = {
    X25519: SERVER_X25519.public_key().public_bytes_raw(),
    SECP256R1: SERVER_P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
}

PROFILE: Final = HelloProfile(
    name="fuzz",
    versions=(0x0304, 0x0303, 0x0302, 0x0301, 0x0300),
    cipher_suites=(
        *(0x1301, 0x1302, 0x1303, 0xC02B, 0xCCA9, 0xC0AC, 0xC009, 0x0033, 0x009C, 0x002F),
        *(0x000A, 0x0005, 0x0034, 0x0002, 0x008C),
    ),
    groups=(X25519, SECP256R1, 0x0018),
    key_share_groups=(X25519,),
    signature_schemes=(0x0403, 0x0804, 0x0401, 0x0203),
    certificate_compressions=(ZLIB,),
    extensions=(
        extension.SERVER_NAME,
        extension.EXTENDED_MASTER_SECRET,
        extension.RENEGOTIATION_INFO,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.ENCRYPT_THEN_MAC,
        extension.SESSION_TICKET,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.STATUS_REQUEST,
        extension.SIGNATURE_ALGORITHMS,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
        extension.COMPRESS_CERTIFICATE,
    ),
)
PROFILE_SSL2: Final = HelloProfile(name="fuzz ssl2", versions=(0x0002,), cipher_suites=())
NAME: Final = "fuzz.test"
ALPN: Final = ("h2", "http/1.1")

# -- what a server says -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """A handshake message, or the fragment of a record of another type.

    Args:
        extensions_at: where in it an extensions block begins that may grow; 0 for none.
        last: what the checked transcript covers ends with it: the server's Finished.
    """

    octets: bytes
    content_type: int = content_types.HANDSHAKE
    extensions_at: int = 0
    last: bool = False


class Turn(Enum):
    """What is no message."""

    FLUSH = auto()  # the keys change: records end here
    ANSWER = auto()  # the flight ends here, and the client answers


# What is sent back into the generator: the message as the server believes to have said it.
Script = Generator[Say | Turn, bytes, None]


def extensions(*pairs: tuple[int, bytes]) -> bytes:
    """An extensions block with its length."""
    return vector(2, *(octets.extension(kind, data) for kind, data in pairs))


def server_hello(
    suite: int,
    session_id: bytes,
    block: bytes,
    *,
    hello_random: bytes = SERVER_RANDOM,
    version: int = 0x0303,
) -> Say:
    """RFC 8446 section 4.1.3."""
    head = u16(version) + hello_random + vector(1, session_id) + u16(suite) + u8(0)
    return Say(message(2, head + block), extensions_at=4 + len(head))


def records_of(stream: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Content type, header and fragment of each whole record. Ends: each takes 5 octets or more."""
    at = 0
    while len(stream) - at >= 5:
        length = int.from_bytes(stream[at + 3 : at + 5], "big")
        end = at + 5 + length
        if end > len(stream):
            return
        yield stream[at], stream[at : at + 5], stream[at + 5 : end]
        at = end


class Sealer:
    """Records of one direction; in the clear until there are keys."""

    protects = False

    def __init__(self, version: int = 0x0303) -> None:
        self.version = version

    def seal(self, content_type: int, fragment: bytes, zeros: int) -> bytes:
        """One record. `zeros` is how much padding to add where the version has it."""
        return octets.record(content_type, fragment, self.version)


class SealerTls13(Sealer):
    """RFC 8446 section 5.2, written again so that padding and keys are at hand."""

    protects = True

    def __init__(self, hash_name: str, suite: int, secret: bytes) -> None:
        super().__init__()
        self.hash_name, self.suite, self.secret = hash_name, suite, secret
        length = 16 if suite == 0x1301 else 32
        key = hkdf_expand_label(hash_name, secret, b"key", b"", length)
        self.aead = ChaCha20Poly1305(key) if suite == 0x1303 else AESGCM(key)
        self.iv = int.from_bytes(hkdf_expand_label(hash_name, secret, b"iv", b"", 12), "big")
        self.number = 0

    def seal(self, content_type: int, fragment: bytes, zeros: int) -> bytes:
        """One TLSCiphertext."""
        inner = fragment + u8(content_type) + bytes(zeros)
        header = bytes.fromhex("170303") + u16(len(inner) + 16)
        nonce = (self.iv ^ self.number).to_bytes(12, "big")
        self.number += 1
        return header + self.aead.encrypt(nonce, inner, header)

    def updated(self) -> SealerTls13:
        """The keys after a KeyUpdate (RFC 8446 section 7.2)."""
        return SealerTls13(
            self.hash_name, self.suite, next_traffic_secret(self.hash_name, self.secret)
        )


class SealerTls12(Sealer):
    """One direction of TLS 1.0 to 1.2 under a suite's own protection."""

    protects = True

    def __init__(
        self, suite: SuiteTls12, version: int, secrets: SecretsTls12, *, then_mac: bool
    ) -> None:
        super().__init__(version)
        blocks = secrets.key_blocks(suite.mac_length, suite.key_length, suite.iv_length(version))
        self.client, self.server = (
            suite.protection(block, version, then_mac and suite.is_block) for block in blocks
        )

    def seal(self, content_type: int, fragment: bytes, zeros: int) -> bytes:
        """One protected record."""
        return self.server.seal(content_type, fragment)


class SealerSsl2(Sealer):
    """A record of SSL 2.0 with a header of two octets (section 4.1 of its draft)."""

    def seal(self, content_type: int, fragment: bytes, zeros: int) -> bytes:
        """One record, in the clear."""
        return u16(0x8000 | len(fragment)) + fragment


class Md5Sha1:
    """The two hashes of a handshake before TLS 1.2 (RFC 4346 section 7.4.9)."""

    def __init__(self, data: bytes) -> None:
        self.hashes = hashlib.md5(data), hashlib.sha1(data)

    def update(self, data: bytes) -> None:
        """Hash more."""
        for each in self.hashes:
            each.update(data)

    def digest(self) -> bytes:
        """Both, one behind the other."""
        return b"".join(each.digest() for each in self.hashes)


def hash_of(hash_name: str, data: bytes = b"") -> hashlib._Hash | Md5Sha1:
    """A running hash."""
    return Md5Sha1(data) if hash_name == MD5_SHA1 else hashlib.new(hash_name, data)


class Server:
    """What every version's server has.

    `heard` is what the client said last, `sealer` what protects the next record, and
    `transcript` the hash of what the server believes both have said. `confirms` says whether
    an honest client completes the handshake.

    Args:
        version: of its records.
        identity: whether the client has a certificate of its own.
        first_flight_only: whether the client was asked for no more.
    """

    profile = PROFILE
    is_tls13 = False
    fragments = True
    """Whether messages may be cut up into records."""

    def __init__(
        self, *, version: int = 0x0303, identity: bool = False, first_flight_only: bool = False
    ) -> None:
        self.identity, self.first_flight_only = identity, first_flight_only
        self.confirms = not first_flight_only
        self.heard = b""
        self.sealer = Sealer(version)
        self.transcript = hash_of("sha256")

    def script(self) -> Script:
        """Everything it says, in order."""
        raise NotImplementedError

    def start(self, hash_name: str) -> bytes:
        """Take the ClientHello; its session id."""
        self.transcript = hash_of(hash_name, self.heard[5:])
        at = 5 + 4 + 2 + 32
        return self.heard[at + 1 : at + 1 + self.heard[at]]


# -- TLS 1.3 -------------------------------------------------------------------------------

HELLO_RETRY_RANDOM: Final = hashlib.sha256(b"HelloRetryRequest").digest()
SERVER_CONTEXT: Final = b"\x20" * 64 + b"TLS 1.3, server CertificateVerify\x00"
STAPLE: Final = u8(1) + vector(3, b"\x30\x03\x0a\x01\x00")
TICKET: Final = Say(message(4, octets.NEW_SESSION_TICKET_TLS13))
DATA: Final = Say(b"220 ready\r\n", content_types.APPLICATION_DATA)
CLOSE: Final = Say(bytes((1, 0)), content_types.ALERT)
KEY_UPDATE: Final = Say(message(24, b"\x00"))
KEY_UPDATE_REQUESTED: Final = Say(message(24, b"\x01"))


class ServerTls13(Server):
    """RFC 8446 section 2.

    Args:
        suite: one of those of TLS 1.3.
        retry: the group to ask for in a HelloRetryRequest with a cookie; 0 for none.
        request: whether to ask for a client certificate.
        compressed: whether to compress Certificate (RFC 8879).
        after: what is said behind the handshake.
    """

    is_tls13 = True

    def __init__(
        self,
        *,
        suite: int = 0x1301,
        retry: int = 0,
        request: bool = False,
        compressed: bool = False,
        after: tuple[Say, ...] = (TICKET,),
        identity: bool = False,
        first_flight_only: bool = False,
    ) -> None:
        super().__init__(identity=identity, first_flight_only=first_flight_only)
        self.suite, self.retry, self.request = suite, retry, request
        self.compressed, self.after = compressed, after
        self.hash_name = "sha384" if suite == 0x1302 else "sha256"

    def protect(self, secret: bytes) -> None:
        """New keys to write with."""
        self.sealer = SealerTls13(self.hash_name, self.suite, secret)

    def script(self) -> Script:
        """All of it."""
        session_id = self.start(self.hash_name)
        if self.retry:
            yield from self.retried(session_id)
        group = self.retry or X25519
        chosen = extensions((43, u16(0x0304)), (51, u16(group) + vector(2, SERVER_SHARES[group])))
        yield server_hello(self.suite, session_id, chosen)
        yield Turn.FLUSH
        secret = shared_secret(group, CLIENT_KEYS.public(group))
        schedule = KeySchedule(self.hash_name, secret, self.transcript.digest())
        self.protect(schedule.server_handshake_traffic_secret)
        yield from self.encrypted(schedule)
        yield Turn.FLUSH
        schedule.derive_application(self.transcript.digest())
        self.protect(schedule.server_application_traffic_secret)
        yield Turn.ANSWER
        yield from self.behind()

    def retried(self, session_id: bytes) -> Script:
        """HelloRetryRequest and what it does to the transcript (RFC 8446 section 4.4.1)."""
        digest = self.transcript.digest()
        self.transcript = hash_of(self.hash_name, message(254, digest))
        wish = extensions((43, u16(0x0304)), (51, u16(self.retry)), (44, vector(2, b"fuzz")))
        yield server_hello(self.suite, session_id, wish, hello_random=HELLO_RETRY_RANDOM)
        yield Turn.ANSWER
        for content_type, _, fragment in records_of(self.heard):
            if content_type == content_types.HANDSHAKE:
                self.transcript.update(fragment)

    def encrypted(self, schedule: KeySchedule) -> Script:
        """EncryptedExtensions to Finished."""
        chosen = extensions((16, vector(2, vector(1, b"h2"))), (0, b""))
        yield Say(message(8, chosen), extensions_at=4)
        if self.request:
            asked = extensions((13, vector(2, u16(0x0403), u16(0x0807))))
            yield Say(message(13, vector(1) + asked), extensions_at=5)
        yield self.certificate()
        signature = ecdsa_signature(SERVER_CONTEXT + self.transcript.digest())
        yield Say(message(15, u16(0x0403) + vector(2, signature)))
        written = schedule.server_handshake_traffic_secret
        verify_data = schedule.verify_data(written, self.transcript.digest())
        yield Say(message(20, verify_data), last=True)

    def certificate(self) -> Say:
        """Certificate with staple and timestamps, compressed if that was wanted."""
        beside = extensions((5, STAPLE), (18, b"timestamps"))
        entry = vector(3, leaf(LEAF_P256)) + beside
        issuer = vector(3, octets.certificate()) + extensions()
        body = vector(1) + vector(3, entry, issuer)
        if not self.compressed:
            return Say(message(11, body))
        deflated = u16(ZLIB) + len(body).to_bytes(3, "big") + vector(3, zlib.compress(body))
        return Say(message(handshake_types.COMPRESSED_CERTIFICATE, deflated))

    def behind(self) -> Script:
        """After the handshake."""
        for said in self.after:
            yield said
            if said.octets[:1] == u8(24) and said.content_type == content_types.HANDSHAKE:
                yield Turn.FLUSH
                assert isinstance(self.sealer, SealerTls13)
                self.sealer = self.sealer.updated()
        yield Turn.ANSWER


# -- up to TLS 1.2 -------------------------------------------------------------------------

DH_PRIME: Final = prime_from(3, 512)
DH_PRIVATE: Final = 0xFEDCBA987654321
DH_PARAMS: Final = b"".join(
    vector(2, number.to_bytes((number.bit_length() + 7) // 8, "big"))
    for number in (DH_PRIME, 2, pow(2, DH_PRIVATE, DH_PRIME))
)


class ServerTls12(Server):
    """RFC 5246 section 7.3, and what came before it.

    Args:
        suite: decides what is said; one that the client knows by name only ends its part early.
        version: SSL 3.0 to TLS 1.2.
        more: extensions of ServerHello, which decide what follows.
        request: whether to ask for a client certificate.
    """

    def __init__(
        self,
        *,
        suite: int = 0xC02B,
        version: int = 0x0303,
        more: tuple[tuple[int, bytes], ...] = (),
        request: bool = False,
        identity: bool = False,
        first_flight_only: bool = False,
    ) -> None:
        super().__init__(version=version, identity=identity, first_flight_only=first_flight_only)
        self.suite, self.version, self.more, self.request = suite, version, more, request
        self.parts = suite_tls12(suite)
        described = cipher_suites.describe(suite)
        assert described is not None
        self.exchange, self.authentication = described.key_exchange, described.authentication
        self.confirms &= self.parts is not None and version >= 0x0301
        self.kinds = {kind for kind, _ in more}
        self.secrets: SecretsTls12 | None = None
        self.protection: SealerTls12 | None = None

    @property
    def hash_name(self) -> str:
        """The hash of transcript and PRF."""
        if self.version < 0x0303:
            return MD5_SHA1
        return "sha256" if self.parts is None else self.parts.hash_name

    def script(self) -> Script:
        """All of it."""
        self.start(self.hash_name)
        hello = yield server_hello(self.suite, b"", extensions(*self.more), version=self.version)
        server_random = hello[6:38].ljust(32, b"\x00")
        yield from self.flight(server_random)
        yield Turn.ANSWER
        if not self.take_flight(server_random):
            return
        assert self.protection is not None
        assert self.secrets is not None
        if extension.SESSION_TICKET in self.kinds:
            yield Say(message(4, bytes.fromhex("00001c20") + vector(2, b"ticket")))
        yield Turn.FLUSH
        yield Say(b"\x01", content_types.CHANGE_CIPHER_SPEC)
        yield Turn.FLUSH
        self.sealer = self.protection
        verify_data = self.secrets.verify_data(b"server finished", self.transcript.digest())
        yield Say(message(20, verify_data), last=True)
        yield Turn.ANSWER

    def flight(self, server_random: bytes) -> Script:
        """From Certificate to ServerHelloDone."""
        if self.authentication in ("RSA", "ECDSA"):
            key = leaf_rsa() if self.authentication == "RSA" else LEAF_P256
            chain = vector(3, leaf(key)) + vector(3, octets.certificate())
            yield Say(message(11, vector(3, chain)))
        if extension.STATUS_REQUEST in self.kinds:
            yield Say(message(22, STAPLE))
        if self.exchange == "PSK":
            yield Say(message(12, vector(2, b"hint")))  # RFC 4279 section 2
        elif self.exchange in ("ECDHE", "DHE"):
            yield Say(message(12, self.parameters(server_random)))
        if self.request:
            schemes = vector(2, u16(0x0403), u16(0x0807)) if self.version == 0x0303 else b""
            yield Say(message(13, vector(1, u8(64)) + schemes + vector(2)))
        yield Say(message(14, b""))

    def parameters(self, server_random: bytes) -> bytes:
        """ServerKeyExchange (RFC 5246 section 7.4.3, RFC 8422 section 5.4)."""
        params = DH_PARAMS
        if self.exchange == "ECDHE":
            params = u8(3) + u16(X25519) + vector(1, SERVER_SHARES[X25519])
        content = ENTROPY[:32] + server_random + params
        match self.authentication, self.version:
            case "ECDSA", 0x0303:
                return params + u16(0x0403) + vector(2, ecdsa_signature(content))
            case "ECDSA", _:
                return params + vector(2, ecdsa_signature(content, sha1=True))
            case "RSA", 0x0303:
                return params + u16(0x0401) + vector(2, rsa_signature(content))
            case _:
                return params

    def take_flight(self, server_random: bytes) -> bool:
        """Read the client's flight and make the keys; False when it sent something else."""
        protection: SealerTls12 | None = None
        for content_type, header, fragment in records_of(self.heard):
            if content_type == content_types.CHANGE_CIPHER_SPEC:
                protection = self.protection
            elif content_type != content_types.HANDSHAKE:
                return False
            elif protection is not None:
                return self.take_finished(protection, header, fragment)
            else:
                self.transcript.update(fragment)
                # A suite that was changed on its way may be one that the client finishes.
                if fragment[0] == handshake_types.CLIENT_KEY_EXCHANGE and self.parts is not None:
                    self.make_keys(self.parts, fragment[4:], server_random)
        return False

    def take_finished(self, protection: SealerTls12, header: bytes, fragment: bytes) -> bool:
        """Open the client's Finished; False when what was changed gave it other keys."""
        try:
            _, finished = protection.client.open(header[0], header, fragment)
        except ViolationError:
            return False
        self.transcript.update(finished)
        return True

    def make_keys(self, suite: SuiteTls12, key_exchange: bytes, server_random: bytes) -> None:
        """From ClientKeyExchange to the key block (RFC 5246 section 8.1)."""
        extended = extension.EXTENDED_MASTER_SECRET in self.kinds
        session_hash = self.transcript.digest() if extended else b""
        self.secrets = SecretsTls12(
            self.hash_name,
            self.premaster(key_exchange),
            ENTROPY[:32],
            server_random,
            session_hash,
        )
        then_mac = extension.ENCRYPT_THEN_MAC in self.kinds
        self.protection = SealerTls12(suite, self.version, self.secrets, then_mac=then_mac)

    def premaster(self, key_exchange: bytes) -> bytes:
        """What both know; something else where the client was shown other parameters."""
        try:
            if self.exchange == "RSA":
                return leaf_rsa().decrypt(key_exchange[2:], padding.PKCS1v15())
            if self.exchange == "ECDHE":
                return shared_secret(X25519, key_exchange[1:])
        except ValueError:
            return bytes(48)
        secret = pow(int.from_bytes(key_exchange[2:], "big"), DH_PRIVATE, DH_PRIME)
        return secret.to_bytes((secret.bit_length() + 7) // 8, "big")


class ServerSsl2(Server):
    """SSL 2.0 up to its SERVER-HELLO (draft-hickman-netscape-ssl-00 section 5.2.1.1)."""

    profile = PROFILE_SSL2
    fragments = False

    def __init__(self) -> None:
        super().__init__(first_flight_only=True)
        self.sealer = SealerSsl2()

    def script(self) -> Script:
        """One message."""
        yield Say(u8(4) + octets.SERVER_HELLO_SSL2)
        yield Turn.ANSWER


# -- all of them ---------------------------------------------------------------------------

RENEGOTIATION: Final = (extension.RENEGOTIATION_INFO, b"\x00")
EXTENDED: Final = (extension.EXTENDED_MASTER_SECRET, b"")
TICKETS: Final = (extension.SESSION_TICKET, b"")
THEN_MAC: Final = (extension.ENCRYPT_THEN_MAC, b"")
STATUS: Final = (extension.STATUS_REQUEST, b"")
PROTOCOL: Final = (16, vector(2, vector(1, b"h2")))

SCRIPTS: Final[dict[str, Callable[[], Server]]] = {
    "tls13": ServerTls13,
    "tls13-retry": lambda: ServerTls13(retry=SECP256R1),
    "tls13-request": lambda: ServerTls13(request=True, after=(DATA,)),
    "tls13-sha384-updates": lambda: ServerTls13(
        suite=0x1302, request=True, after=(KEY_UPDATE, KEY_UPDATE_REQUESTED, KEY_UPDATE, TICKET)
    ),
    "tls13-chacha20-close": lambda: ServerTls13(suite=0x1303, retry=SECP256R1, after=(CLOSE,)),
    "tls13-compressed": lambda: ServerTls13(compressed=True),
    "tls12": ServerTls12,
    "tls12-everything": lambda: ServerTls12(
        more=(RENEGOTIATION, EXTENDED, TICKETS, STATUS, PROTOCOL), request=True
    ),
    "tls12-chacha20": lambda: ServerTls12(suite=0xCCA9, more=(EXTENDED,)),
    "tls12-cbc": lambda: ServerTls12(suite=0xC009, more=(RENEGOTIATION, TICKETS)),
    "tls12-rsa": lambda: ServerTls12(suite=0x009C, more=(EXTENDED, STATUS)),
    "tls12-rsa-cbc": lambda: ServerTls12(suite=0x002F, request=True),
    "tls12-encrypt-then-mac": lambda: ServerTls12(suite=0xC009, more=(THEN_MAC, EXTENDED)),
    "tls12-ccm": lambda: ServerTls12(suite=0xC0AC, more=(EXTENDED,)),
    "tls12-dhe": lambda: ServerTls12(suite=0x0033, more=(RENEGOTIATION,)),
    "tls12-identity": lambda: ServerTls12(identity=True, request=True, more=(EXTENDED,)),
    "tls12-first-flight": lambda: ServerTls12(first_flight_only=True, request=True),
    "tls11": lambda: ServerTls12(suite=0xC009, version=0x0302, more=(EXTENDED,), request=True),
    "tls11-rsa-3des": lambda: ServerTls12(suite=0x000A, version=0x0302, more=(TICKETS,)),
    "tls10": lambda: ServerTls12(suite=0xC009, version=0x0301),
    "tls10-rsa": lambda: ServerTls12(
        suite=0x002F, version=0x0301, more=(THEN_MAC, STATUS), request=True, identity=True
    ),
    "tls10-rsa-rc4": lambda: ServerTls12(suite=0x0005, version=0x0301),
    "ssl3": lambda: ServerTls12(suite=0x002F, version=0x0300, request=True),
    "ssl2": ServerSsl2,
    "unfinishable-null": lambda: ServerTls12(suite=0x0002, more=(STATUS,), request=True),
    "unfinishable-anonymous": lambda: ServerTls12(suite=0x0034),
    "unfinishable-psk": lambda: ServerTls12(suite=0x008C),
    "tls13-identity": lambda: ServerTls13(identity=True, request=True),
    "tls13-first-flight": lambda: ServerTls13(first_flight_only=True, request=True),
}
"""Every variant that is played, by name. The order is part of what an input means."""

PRELUDES: Final[dict[str, tuple[bytes, ...]]] = {
    "none": (),
    # mssql puts TLS into packets of its own, which these servers do not.
    **{
        kind: tuple(told for told, _ in dialogue[1:])
        for kind, dialogue in AGREED.items()
        if kind != "mssql"
    },
}
"""What a server says before TLS, answer by answer, by STARTTLS kind."""

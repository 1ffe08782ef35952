"""A client for TLS 1.0 to 1.2 of a few lines: the building blocks without the state machine.

It offers one version and one suite, believes every certificate, and shows its octets to whoever
carries them.
"""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fleetscan import _parse, limits
from fleetscan._parse import CertificateRequest, Message, MessageReader, RecordReader, ServerHello
from fleetscan.tls import finite_field
from fleetscan.tls.client_identity import ClientIdentity
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.protection import RecordProtection
from fleetscan.tls.signatures import check_signature
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.tls.tls12_secrets import SecretsTls12
from fleetscan.tls.transcript import Transcript
from fleetscan.vocabulary import Checked
from tests.tls_peers import extensions, message, record

TLS10, TLS11, TLS12 = 0x0301, 0x0302, 0x0303
RANDOM = bytes(range(32))
PREMASTER_REST = bytes(range(46))
EXPONENT = bytes(range(1, 33))

# Every group and scheme that the servers here may choose.
GROUPS = bytes.fromhex("0008 001d 0017 0018 0019")
SCHEMES = bytes.fromhex("001a 0401 0501 0601 0403 0503 0603 0201 0203 0402 0202 0804 0805 0806")


class SmallClient:
    """One handshake.

    Args:
        version: the only one.
        code: the only suite.
        encrypt_then_mac: whether to offer it (RFC 7366 section 2).
        extended: whether to offer the extended master secret (RFC 7627 section 5.1).
        shares: with which ECDHE is done.
        identity: what a CertificateRequest is answered with.
    """

    def __init__(
        self,
        version: int,
        code: int,
        *,
        encrypt_then_mac: bool = False,
        extended: bool = False,
        shares: KeyShares | None = None,
        identity: ClientIdentity | None = None,
    ) -> None:
        suite = suite_tls12(code)
        assert suite is not None
        self.version, self.code, self.suite = version, code, suite
        self.shares = shares or KeyShares()
        self.hash_name = suite.hash_name if version == TLS12 else "md5-sha1"
        self.more = [(10, GROUPS), (11, b"\x01\x00"), (13, SCHEMES)]
        self.more += [(22, b"")] if encrypt_then_mac else []
        self.more += [(23, b"")] if extended else []
        self.identity = identity
        self.scheme = 0
        self.transcript = Transcript()
        if identity is not None:
            self.transcript.keep()
        self.records = RecordReader(limits.MAX_CIPHERTEXT_TLS12)
        self.messages = MessageReader()
        self.read: RecordProtection | None = None
        self.write: RecordProtection | None = None
        self.received: list[Message] = []
        self.data = b""
        self.alerts: list[bytes] = []
        self.confirmed = False

    def start(self) -> bytes:
        """The ClientHello in its record."""
        hello = message(
            1,
            struct.pack(">H", self.version)
            + RANDOM
            + b"\x00"
            + struct.pack(">HH", 2, self.code)
            + b"\x01\x00"
            + extensions(*self.more),
        )
        self.transcript.add(hello)
        return record(22, hello, self.version)

    def receive(self, octets: bytes) -> bytes:
        """Take the server's octets and give back ours."""
        self.records.feed(octets)
        answer = b""
        while (found := self.records.next_record()) is not None:
            answer += self._take(found.content_type, found.header, found.fragment)
        return answer

    def seal(self, data: bytes) -> bytes:
        """Application data."""
        assert self.write is not None
        return self.write.seal(23, data)

    @property
    def server_hello(self) -> ServerHello:
        """The server's choice."""
        return _parse.parse_server_hello(self._body(2))

    @property
    def certificate_request(self) -> CertificateRequest | None:
        """What the server wants of us."""
        if not self._has(13):
            return None
        return _parse.parse_certificate_request_tls12(self._body(13), self.version == TLS12)

    def certificate(self) -> bytes:
        """The body of our Certificate (RFC 5246 section 7.4.2)."""
        chain = () if self.identity is None else self.identity.chain
        entries = b"".join(len(der).to_bytes(3, "big") + der for der in chain)
        return len(entries).to_bytes(3, "big") + entries

    def certificate_verify(self, identity: ClientIdentity) -> bytes:
        """The body of CertificateVerify: the scheme since TLS 1.2, then the signature."""
        request = self.certificate_request
        assert request is not None
        assert identity.fits_certificate_types(request.certificate_types)
        scheme = identity.scheme_for(self.version, request.signature_schemes)
        assert scheme is not None
        self.scheme = scheme
        signature = identity.sign(scheme, self.transcript.messages())
        named = scheme.to_bytes(2, "big") if self.version == TLS12 else b""
        return named + len(signature).to_bytes(2, "big") + signature

    def _take(self, content_type: int, header: bytes, fragment: bytes) -> bytes:
        if content_type == 20:
            self.read = self.next_read
            return b""
        if self.read is not None:
            content_type, fragment = self.read.open(content_type, header, fragment)
        if content_type == 21:
            self.alerts.append(fragment)
        if content_type == 23:
            self.data += fragment
        if content_type != 22:
            return b""
        self.messages.feed(fragment)
        answer = b""
        while (found := self.messages.next_message()) is not None:
            answer += self._read(found)
        return answer

    def _read(self, found: Message) -> bytes:
        self.received.append(found)
        if found.msg_type == 20:
            expected = self.secrets.verify_data(b"server finished", self.transcript.digest())
            assert found.body == expected
            self.confirmed = True
        self.transcript.add(found.octets)
        if found.msg_type == 2:
            assert self.server_hello.cipher_suite == self.code
            assert self.server_hello.legacy_version == self.version
            self.transcript.begin(self.hash_name)
        return self._last_flight() if found.msg_type == 14 else b""

    def _last_flight(self) -> bytes:
        """[Certificate] ClientKeyExchange [CertificateVerify] ChangeCipherSpec Finished."""
        answer = b""
        if self._has(13):
            answer += self._say(11, self.certificate())
        premaster, key_exchange = self._key_exchange()
        answer += self._say(16, key_exchange)
        extended = self.server_hello.extension(23) is not None
        session_hash = self.transcript.digest() if extended else b""
        if self.identity is not None:
            answer += self._say(15, self.certificate_verify(self.identity))
        self.secrets = SecretsTls12(
            self.hash_name, premaster, RANDOM, self.server_hello.random, session_hash
        )
        suite = self.suite
        ours, theirs = self.secrets.key_blocks(
            suite.mac_length, suite.key_length, suite.iv_length(self.version)
        )
        outside = self.server_hello.extension(22) is not None
        self.next_read = suite.protection(theirs, self.version, outside)
        answer += record(20, b"\x01", self.version)
        self.write = suite.protection(ours, self.version, outside)
        finished = self.secrets.verify_data(b"client finished", self.transcript.digest())
        return answer + self._say(20, finished)

    def _key_exchange(self) -> tuple[bytes, bytes]:
        """The premaster secret and ClientKeyExchange's body (RFC 5246 section 7.4.7)."""
        chain = _parse.parse_certificate_tls12(self._body(11)).certificate_list
        leaf = _parse.parse_certificate(chain[0].cert_data)
        if self.suite.key_exchange == "RSA":
            key = load_der_public_key(leaf.subject_public_key_info)
            assert isinstance(key, rsa.RSAPublicKey)
            premaster = struct.pack(">H", self.version) + PREMASTER_REST
            encrypted = key.encrypt(premaster, padding.PKCS1v15())
            return premaster, struct.pack(">H", len(encrypted)) + encrypted
        is_dhe = self.suite.key_exchange == "DHE"
        parse = (
            _parse.parse_server_key_exchange_dhe
            if is_dhe
            else _parse.parse_server_key_exchange_ecdhe
        )
        parsed = parse(self._body(12), True, self.version == TLS12)
        content = RANDOM + self.server_hello.random + parsed.params
        algorithm, signature = parsed.signature_algorithm, parsed.signature
        assert check_signature(self.version, algorithm, leaf, content, signature) is Checked.YES
        if is_dhe:
            public, premaster = finite_field.exchange(
                parsed.dh_p, parsed.dh_g, parsed.dh_Ys, EXPONENT
            )
            return premaster, struct.pack(">H", len(public)) + public
        group = parsed.named_curve
        public = self.shares.public(group)
        return self.shares.exchange(group, parsed.public), bytes([len(public)]) + public

    def _say(self, msg_type: int, body: bytes) -> bytes:
        octets = message(msg_type, body)
        self.transcript.add(octets)
        if self.write is not None:
            return self.write.seal(22, octets)
        return record(22, octets, self.version)

    def _has(self, msg_type: int) -> bool:
        return any(found.msg_type == msg_type for found in self.received)

    def _body(self, msg_type: int) -> bytes:
        return next(found.body for found in self.received if found.msg_type == msg_type)

"""Hand-written TLS structures and DER, one line a field, for tests and fuzzing seeds.

The layouts are those of the RFCs named at each structure. Nothing here uses a parser or
an encoder of fleetscan: what a test expects comes from these lines.
"""

from __future__ import annotations

from typing import Final

# -- TLS presentation language, RFC 8446 section 3 -------------------------------------


def u8(value: int) -> bytes:
    """One octet."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Two octets."""
    return value.to_bytes(2, "big")


def u24(value: int) -> bytes:
    """Three octets."""
    return value.to_bytes(3, "big")


def vector(width: int, *parts: bytes) -> bytes:
    """A vector behind a length of `width` octets."""
    content = b"".join(parts)
    return len(content).to_bytes(width, "big") + content


def extension(extension_type: int, data: bytes = b"") -> bytes:
    """One Extension, RFC 8446 section 4.2."""
    return u16(extension_type) + vector(2, data)


def record(content_type: int, fragment: bytes, version: int = 0x0303) -> bytes:
    """A TLSPlaintext, RFC 8446 section 5.1."""
    return u8(content_type) + u16(version) + vector(2, fragment)


def message(msg_type: int, body: bytes) -> bytes:
    """A handshake message, RFC 8446 section 4."""
    return u8(msg_type) + vector(3, body)


RANDOM: Final = bytes(range(32))

SERVER_HELLO: Final = b"".join(  # RFC 8446 section 4.1.3
    (
        u16(0x0303),  # legacy_version
        RANDOM,  # random
        vector(1, b"\xee" * 32),  # legacy_session_id_echo<0..32>
        u16(0x1301),  # cipher_suite
        u8(0),  # legacy_compression_method
        vector(  # extensions<6..2^16-1>
            2,
            extension(43, u16(0x0304)),  # supported_versions
            extension(51, u16(29) + vector(2, b"\x11" * 32)),  # key_share
        ),
    )
)

WITHOUT_EXTENSIONS: Final = 2 + 32 + 33 + 2 + 1
"""The one strict prefix of SERVER_HELLO that is whole: RFC 5246 section 7.4.1.3 lets the
extensions be absent."""

ENCRYPTED_EXTENSIONS: Final = vector(  # RFC 8446 section 4.3.1
    2, extension(0), extension(16, vector(2, vector(1, b"h2"))), extension(0xFE0D, b"\x01\x02")
)

CERTIFICATE_TLS12: Final = vector(  # RFC 5246 section 7.4.2
    3, vector(3, b"\x30\x03\x02\x01\x01"), vector(3, b"\x30\x00")
)

CERTIFICATE_TLS13: Final = b"".join(  # RFC 8446 section 4.4.2
    (
        vector(1, b"\xc0\xff\xee"),  # certificate_request_context<0..2^8-1>
        vector(  # certificate_list<0..2^24-1>
            3,
            vector(3, b"\x30\x03\x02\x01\x01"),  # cert_data<1..2^24-1>
            vector(2, extension(5, b"\x01" + vector(3, b"ocsp")), extension(18, b"")),
            vector(3, b"\x30\x00"),
            vector(2),
        ),
    )
)

CERTIFICATE_REQUEST_TLS12: Final = b"".join(  # RFC 5246 section 7.4.4
    (
        vector(1, b"\x01\x40"),  # certificate_types<1..2^8-1>
        vector(2, u16(0x0403), u16(0x0804)),  # supported_signature_algorithms<2..2^16-1>
        vector(2, vector(2, b"\x30\x00"), vector(2, b"\x30\x02\x31\x00")),  # <0..2^16-1>
    )
)

CERTIFICATE_REQUEST_TLS13: Final = b"".join(  # RFC 8446 section 4.3.2
    (
        vector(1),  # certificate_request_context<0..2^8-1>
        vector(  # extensions<2..2^16-1>
            2,
            extension(13, vector(2, u16(0x0403), u16(0x0804))),  # signature_algorithms
            extension(47, vector(2, vector(2, b"\x30\x00"))),  # certificate_authorities
            extension(5),
        ),
    )
)

CERTIFICATE_VERIFY: Final = u16(0x0403) + vector(2, b"\x30\x06\x02\x01\x01\x02\x01\x01")
"""RFC 8446 section 4.4.3."""

COMPRESSED_CERTIFICATE: Final = u16(2) + u24(1_000) + vector(3, b"\x1b\x03")
"""RFC 8879 section 4: brotli, the length once it is open, the octets."""

SERVER_HELLO_SSL2: Final = b"".join(  # draft-hickman-netscape-ssl-00 section 5.2.1.1
    (
        u8(0),  # SESSION-ID-HIT
        u8(1),  # CERTIFICATE-TYPE: X.509
        u16(2),  # SERVER-VERSION
        u16(3),  # CERTIFICATE-LENGTH
        u16(6),  # CIPHER-SPECS-LENGTH
        u16(4),  # CONNECTION-ID-LENGTH
        b"\x30\x01\x00",
        bytes.fromhex("010080 0700c0"),
        b"\x09\x08\x07\x06",
    )
)

CERTIFICATE_STATUS: Final = u8(1) + vector(3, b"\x30\x03\x0a\x01\x00")
"""RFC 6066 section 8."""

SERVER_KEY_EXCHANGE_ECDHE: Final = b"".join(  # RFC 8422 section 5.4
    (
        u8(3),  # curve_type = named_curve
        u16(23),  # namedcurve = secp256r1
        vector(1, b"\x04" + b"\x07" * 64),  # point<1..2^8-1>
        u16(0x0403),  # algorithm
        vector(2, b"signature"),  # signature<0..2^16-1>
    )
)

SERVER_KEY_EXCHANGE_DHE: Final = b"".join(  # RFC 5246 section 7.4.3
    (
        vector(2, b"\xff" * 16),  # dh_p<1..2^16-1>
        vector(2, b"\x02"),  # dh_g<1..2^16-1>
        vector(2, b"\x7f" * 16),  # dh_Ys<1..2^16-1>
        u16(0x0401),  # algorithm
        vector(2, b"signature"),  # signature<0..2^16-1>
    )
)

NEW_SESSION_TICKET_TLS13: Final = b"".join(  # RFC 8446 section 4.6.1
    (
        bytes.fromhex("00015180"),  # ticket_lifetime: a day
        bytes.fromhex("deadbeef"),  # ticket_age_add
        vector(1, b"\x00\x00"),  # ticket_nonce<0..255>
        vector(2, b"ticket"),  # ticket<1..2^16-1>
        vector(2, extension(42, b"\x00\x00\x40\x00")),  # extensions<0..2^16-2>: early_data
    )
)

ALERT: Final = bytes.fromhex("0228")
"""RFC 8446 section 6: fatal, handshake_failure."""

KEY_SHARE: Final = u16(29) + vector(2, b"\x11" * 32)
COOKIE: Final = vector(2, b"biscuit")
ALPN: Final = vector(2, vector(1, b"h2"), vector(1, b"http/1.1"))
CODE_POINT: Final = u16(0x0304)


# -- DER, X.690 ----------------------------------------------------------------------


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element with a definite, minimal length."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return u8(tag) + u8(length) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return u8(tag) + u8(0x80 | len(octets)) + octets + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return tlv(0x30, *parts)


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER, X.690 section 8.19."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    octets = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets.extend(reversed(groups))
    return tlv(0x06, bytes(octets))


def integer(value: int) -> bytes:
    """INTEGER in its shortest form."""
    magnitude = value if value >= 0 else ~value
    return tlv(0x02, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def bit_string(octets: bytes, unused: int = 0) -> bytes:
    """BIT STRING."""
    return tlv(0x03, u8(unused), octets)


def octet_string(octets: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(0x04, octets)


def utc_time(text: str) -> bytes:
    """UTCTime."""
    return tlv(0x17, text.encode())


def generalized_time(text: str) -> bytes:
    """GeneralizedTime."""
    return tlv(0x18, text.encode())


def attribute(dotted: str, value: bytes) -> bytes:
    """AttributeTypeAndValue, RFC 5280 section 4.1.2.4; `value` with its tag."""
    return sequence(oid(dotted), value)


def name(*attributes: bytes) -> bytes:
    """A Name with one attribute in each RDN."""
    return sequence(*(tlv(0x31, one) for one in attributes))


def common_name(text: str) -> bytes:
    """A Name of one commonName in UTF8String."""
    return name(attribute("2.5.4.3", tlv(0x0C, text.encode())))


def certificate_extension(dotted: str, value: bytes, critical: bool = False) -> bytes:
    """Extension, RFC 5280 section 4.1; `value` goes into the OCTET STRING."""
    flag = tlv(0x01, b"\xff") if critical else b""
    return sequence(oid(dotted), flag, octet_string(value))


ECDSA_SHA256: Final = sequence(oid("1.2.840.10045.4.3.2"))
P256_KEY: Final = sequence(
    sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
    bit_string(b"\x04" + b"\x07" * 64),
)
VALIDITY: Final = sequence(utc_time("261123000000Z"), utc_time("270221235959Z"))

SUBJECT_ALT_NAME: Final = sequence(
    tlv(0x82, b"example.test"), tlv(0x82, b"*.example.test"), tlv(0x87, bytes([127, 0, 0, 1]))
)
TIMESTAMP: Final = b"".join(  # SignedCertificateTimestamp, RFC 6962 section 3.2
    (
        u8(0),  # sct_version = v1
        b"\x1d" * 32,  # id of the log
        (1_795_392_000_000).to_bytes(8, "big"),  # timestamp, milliseconds
        vector(2),  # extensions<0..2^16-1>
        u8(4) + u8(3),  # sha256, ecdsa
        vector(2, b"\x30" + bytes(69)),  # signature<0..2^16-1>
    )
)
EVERYDAY_EXTENSIONS: Final = (
    certificate_extension("2.5.29.15", bit_string(b"\x80", 7), critical=True),
    certificate_extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))),
    certificate_extension("2.5.29.19", sequence(), critical=True),
    certificate_extension("2.5.29.14", octet_string(b"\x01" * 20)),
    certificate_extension("2.5.29.35", sequence(tlv(0x80, b"\x02" * 20))),
    certificate_extension(
        "1.3.6.1.5.5.7.1.1",
        sequence(
            sequence(oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, b"http://ocsp.test")),
            sequence(oid("1.3.6.1.5.5.7.48.2"), tlv(0x86, b"http://ca.test/ca.der")),
        ),
    ),
    certificate_extension("2.5.29.17", SUBJECT_ALT_NAME),
    certificate_extension("2.5.29.32", sequence(sequence(oid("2.23.140.1.2.1")))),
    certificate_extension(
        "2.5.29.31", sequence(sequence(tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://crl.test")))))
    ),
    certificate_extension("1.3.6.1.5.5.7.1.24", sequence(integer(5))),
    certificate_extension(
        "2.5.29.30",
        sequence(
            tlv(0xA0, sequence(tlv(0x82, b"example.test"))),
            tlv(0xA1, sequence(tlv(0x87, bytes.fromhex("0a000000ff000000")))),
        ),
        critical=True,
    ),
    certificate_extension(
        "1.3.6.1.4.1.11129.2.4.2",
        octet_string(vector(2, vector(2, TIMESTAMP), vector(2, TIMESTAMP))),
    ),
    certificate_extension("1.3.6.1.4.1.99999.1", b"anything", critical=True),
)
"""One of each extension that the parser knows, and one that it does not."""


def certificate(
    *,
    version: bytes = tlv(0xA0, integer(2)),
    serial_number: bytes = integer(0x0A),
    signature: bytes = ECDSA_SHA256,
    issuer: bytes = common_name("Example CA"),
    validity: bytes = VALIDITY,
    subject: bytes = common_name("example.test"),
    public_key: bytes = P256_KEY,
    unique_ids: bytes = b"",
    extensions: tuple[bytes, ...] | None = EVERYDAY_EXTENSIONS,
    after_extensions: bytes = b"",
    signature_algorithm: bytes = ECDSA_SHA256,
    signature_value: bytes = bit_string(b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    after_signature: bytes = b"",
) -> bytes:
    """A Certificate, RFC 5280 section 4.1; each part can be replaced, DER and all."""
    wrapped = b"" if extensions is None else tlv(0xA3, sequence(*extensions))
    tbs_certificate = sequence(
        version,
        serial_number,
        signature,
        issuer,
        validity,
        subject,
        public_key,
        unique_ids,
        wrapped,
        after_extensions,
    )
    return sequence(tbs_certificate, signature_algorithm, signature_value, after_signature)


def with_extension(dotted: str, value: bytes) -> bytes:
    """A certificate whose only extension this is."""
    return certificate(extensions=(certificate_extension(dotted, value),))


# -- revocation lists, RFC 5280 section 5 ----------------------------------------------


def crl_entry(serial_number: int, *extensions: bytes, at: str = "261124000000Z") -> bytes:
    """One of revokedCertificates."""
    return sequence(
        integer(serial_number), utc_time(at), sequence(*extensions) if extensions else b""
    )


def reason_code(value: int) -> bytes:
    """CRLReason as an entry extension, RFC 5280 section 5.3.1."""
    return certificate_extension("2.5.29.21", tlv(0x0A, u8(value)))


def certificate_issuer(name: bytes) -> bytes:
    """An entry extension with one directoryName, RFC 5280 section 5.3.3."""
    return certificate_extension("2.5.29.29", sequence(tlv(0xA4, name)), critical=True)


CRL_ENTRIES: Final = (
    crl_entry(0x07, reason_code(1)),
    crl_entry(0x1234, certificate_issuer(common_name("Other CA"))),
    crl_entry(0x02, certificate_extension("2.5.29.24", generalized_time("20261123000000Z"))),
)
CRL_EXTENSIONS: Final = (
    certificate_extension("2.5.29.35", sequence(tlv(0x80, b"\x02" * 20))),
    certificate_extension("2.5.29.20", integer(0x0100)),
)


def crl_tbs(
    *,
    version: bytes = integer(1),
    signature: bytes = ECDSA_SHA256,
    issuer: bytes = common_name("Example CA"),
    this_update: bytes = utc_time("261124000000Z"),
    next_update: bytes = generalized_time("20261224000000Z"),
    entries: tuple[bytes, ...] | None = CRL_ENTRIES,
    extensions: tuple[bytes, ...] | None = CRL_EXTENSIONS,
    after_extensions: bytes = b"",
) -> bytes:
    """A TBSCertList; each part can be replaced, DER and all."""
    return sequence(
        version,
        signature,
        issuer,
        this_update,
        next_update,
        b"" if entries is None else sequence(*entries),
        b"" if extensions is None else tlv(0xA0, sequence(*extensions)),
        after_extensions,
    )


def crl(
    tbs: bytes | None = None,
    *,
    signature_algorithm: bytes = ECDSA_SHA256,
    signature_value: bytes = bit_string(b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    after_signature: bytes = b"",
) -> bytes:
    """A CertificateList."""
    return sequence(
        crl_tbs() if tbs is None else tbs, signature_algorithm, signature_value, after_signature
    )

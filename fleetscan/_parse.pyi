"""Types of the Cython parser. Its docstrings are in `_parse.pyx`."""

from enum import IntEnum
from typing import Final

class ParseFault(IntEnum):
    OK = 0
    TRUNCATED = 1
    TRAILING_DATA = 2
    LENGTH_OUT_OF_RANGE = 3
    CONTENT_TYPE_UNKNOWN = 4
    RECORD_VERSION_UNKNOWN = 5
    DUPLICATE_EXTENSION = 6
    CURVE_TYPE_UNSUPPORTED = 7
    STATUS_TYPE_UNSUPPORTED = 8
    TAG_UNEXPECTED = 9
    TAG_NUMBER_TOO_HIGH = 10
    LENGTH_INDEFINITE = 11
    LENGTH_NOT_MINIMAL = 12
    OBJECT_IDENTIFIER_INVALID = 13
    INTEGER_INVALID = 14
    INTEGER_OUT_OF_RANGE = 15
    BOOLEAN_INVALID = 16
    BIT_STRING_INVALID = 17
    TIME_INVALID = 18
    CERTIFICATE_VERSION_UNKNOWN = 19
    DUPLICATE_CERTIFICATE_EXTENSION = 20
    TOO_MANY_EXTENSIONS = 21

# Everything below is made by the parser alone: its constructors raise TypeError. Values are
# equal, and hash alike, when the octets they were read from are.

# -- records and messages ------------------------------------------------------

class Record:
    content_type: Final[int]
    legacy_record_version: Final[int]
    fragment: Final[bytes]
    @property
    def header(self) -> bytes: ...  # the 5 octets as received: TLS 1.3's additional data

class RecordReader:
    max_fragment: int  # octets, 0 to 65,535; may change between records
    def __init__(self, max_fragment: int = ...) -> None: ...
    @property
    def pending(self) -> int: ...  # octets fed and not yet given back as records
    def feed(self, octets: bytes) -> None: ...
    def clear(self) -> None: ...  # lets go of what is pending
    def next_record(self) -> Record | None: ...  # ParseError, then always that one

class Message:
    msg_type: Final[int]
    body: Final[bytes]
    octets: Final[bytes]  # with its 4-octet header: what the transcript hashes

class MessageReader:
    max_message: int  # octets of a body, 0 to 16,777,215; may change between messages
    def __init__(self, max_message: int = ...) -> None: ...
    @property
    def pending(self) -> int: ...  # octets of messages not yet whole, or not yet taken
    def feed(self, fragment: bytes) -> None: ...
    def clear(self) -> None: ...  # lets go of what is pending
    def next_message(self) -> Message | None: ...  # ParseError, then always that one

Extensions = tuple[tuple[int, bytes], ...]

class ServerHello:
    legacy_version: Final[int]
    random: Final[bytes]
    legacy_session_id_echo: Final[bytes]
    cipher_suite: Final[int]
    legacy_compression_method: Final[int]
    extensions: Final[Extensions]
    @property
    def is_hello_retry_request(self) -> bool: ...
    def extension(self, extension_type: int) -> bytes | None: ...

class EncryptedExtensions:
    extensions: Final[Extensions]
    def extension(self, extension_type: int) -> bytes | None: ...

class CertificateEntry:
    cert_data: Final[bytes]
    extensions: Final[Extensions]  # always () up to TLS 1.2
    def extension(self, extension_type: int) -> bytes | None: ...

class CertificateMessage:
    certificate_request_context: Final[bytes]  # b"" up to TLS 1.2
    certificate_list: Final[tuple[CertificateEntry, ...]]

class CompressedCertificate:
    algorithm: Final[int]
    uncompressed_length: Final[int]
    octets: Final[bytes]

class CertificateRequest:
    certificate_request_context: Final[bytes]  # TLS 1.3
    extensions: Final[Extensions]  # TLS 1.3
    certificate_types: Final[bytes]  # up to TLS 1.2
    # TLS 1.2's supported_signature_algorithms, TLS 1.3's signature_algorithms
    signature_schemes: Final[tuple[int, ...]]
    certificate_authorities: Final[tuple[bytes, ...]]  # DER names

class CertificateVerify:
    algorithm: Final[int]
    signature: Final[bytes]

class ServerKeyExchange:
    # ECDHE: curve_type, named_curve, public; DHE: dh_p, dh_g, dh_Ys. Absent parts are b"" or 0.
    curve_type: Final[int]
    named_curve: Final[int]
    public: Final[bytes]
    dh_p: Final[bytes]
    dh_g: Final[bytes]
    dh_Ys: Final[bytes]
    params: Final[bytes]  # the signed octets
    signature_algorithm: Final[int]  # 0 before TLS 1.2
    signature: Final[bytes]  # b"" for anonymous suites

class NewSessionTicket:
    ticket_lifetime: Final[int]  # seconds
    ticket_age_add: Final[int]
    ticket_nonce: Final[bytes]
    ticket: Final[bytes]
    extensions: Final[Extensions]

class ServerHelloSsl2:
    session_id_hit: Final[int]
    certificate_type: Final[int]
    server_version: Final[int]
    certificate: Final[bytes]
    cipher_specs: Final[tuple[int, ...]]  # three octets each
    connection_id: Final[bytes]

class AlertMessage:
    level: Final[int]
    description: Final[int]

def parse_server_hello(body: bytes) -> ServerHello: ...
def parse_encrypted_extensions(body: bytes) -> EncryptedExtensions: ...
def parse_certificate_tls12(body: bytes) -> CertificateMessage: ...
def parse_certificate_tls13(body: bytes) -> CertificateMessage: ...
def parse_compressed_certificate(body: bytes) -> CompressedCertificate: ...
def parse_certificate_request_tls12(
    body: bytes, has_signature_schemes: bool = True
) -> CertificateRequest: ...
def parse_certificate_request_tls13(body: bytes) -> CertificateRequest: ...
def parse_certificate_verify(body: bytes) -> CertificateVerify: ...

# The OCSP response; also for the status_request extension_data of a TLS 1.3 entry.
def parse_certificate_status(body: bytes) -> bytes: ...
def parse_server_key_exchange_ecdhe(
    body: bytes, has_signature: bool = True, has_algorithm: bool = True
) -> ServerKeyExchange: ...
def parse_server_key_exchange_dhe(
    body: bytes, has_signature: bool = True, has_algorithm: bool = True
) -> ServerKeyExchange: ...
def parse_new_session_ticket_tls13(body: bytes) -> NewSessionTicket: ...
def parse_server_hello_ssl2(body: bytes) -> ServerHelloSsl2: ...
def parse_alert(fragment: bytes) -> AlertMessage: ...
def parse_key_share_server_hello(extension_data: bytes) -> tuple[int, bytes]: ...
def parse_selected_group(extension_data: bytes) -> int: ...  # HelloRetryRequest's key_share
def parse_selected_version(extension_data: bytes) -> int: ...
def parse_cookie(extension_data: bytes) -> bytes: ...
def parse_alpn(extension_data: bytes) -> tuple[bytes, ...]: ...

# -- certificates ----------------------------------------------------------------

class Attribute:
    oid: Final[str]
    tag: Final[int]  # ASN.1 tag of the value
    # Decoded by its string type; undecodable octets as U+FFFD. "#" and hex if it is no string.
    value: Final[str]

class Name:
    der: Final[bytes]
    rdns: Final[tuple[tuple[Attribute, ...], ...]]

def parse_name(der: bytes) -> Name: ...

class GeneralName:
    # The context tag: 0 otherName, 1 rfc822Name, 2 dNSName, 3 x400Address, 4 directoryName,
    # 5 ediPartyName, 6 URI, 7 iPAddress, 8 registeredID.
    kind: Final[int]
    value: Final[bytes]  # the octets inside the tag; a directoryName's is the Name's DER
    # Text of the kinds that are text, an address where well formed, else hex. Not escaped.
    @property
    def text(self) -> str: ...

class Extension:
    oid: Final[str]
    critical: Final[bool]
    value: Final[bytes]

class BasicConstraints:
    ca: Final[bool]
    path_len_constraint: Final[int | None]

class AuthorityKeyIdentifier:
    key_identifier: Final[bytes | None]
    authority_cert_issuer: Final[tuple[GeneralName, ...]]
    authority_cert_serial_number: Final[int | None]

class NameConstraints:
    permitted_subtrees: Final[tuple[GeneralName, ...]]
    excluded_subtrees: Final[tuple[GeneralName, ...]]

class Certificate:
    der: Final[bytes]
    @property
    def sha256(self) -> str: ...  # lower-case hex
    version: Final[int]  # 1, 2, 3
    @property
    def serial_number(self) -> int: ...
    serial_octets: Final[bytes]
    signature_algorithm: Final[str]  # OID, of the outer field
    signature_parameters: Final[bytes]  # DER, b"" when absent
    tbs_signature_algorithm: Final[str]
    issuer: Final[Name]
    subject: Final[Name]
    not_before: Final[int]  # Unix seconds, UTC
    not_after: Final[int]
    subject_public_key_info: Final[bytes]  # DER
    public_key_algorithm: Final[str]  # OID
    public_key_parameters: Final[bytes]  # DER, b"" when absent
    public_key: Final[bytes]  # the BIT STRING's octets
    # "RSA" (with RSASSA-PSS), "EC", "DSA", "Ed25519", "Ed448", "X25519", "X448", "ML-DSA-44",
    # "ML-DSA-65", "ML-DSA-87", else the OID
    key_type: Final[str]
    key_bits: Final[int]  # RSA and DSA modulus, EC field size; 0 unknown
    rsa_exponent_bits: Final[int]
    curve: Final[str]  # OID, "explicit" when spelt out, "" when not EC
    tbs_certificate: Final[bytes]
    signature: Final[bytes]  # b"" when it is not of whole octets: no key verifies such a one
    extensions: Final[tuple[Extension, ...]]  # every extension, in order
    unknown_critical_extensions: Final[tuple[str, ...]]  # critical and not parsed below
    subject_alt_name: Final[tuple[GeneralName, ...] | None]
    # Bit 0 is the least significant bit here: 1 << n for RFC 5280's bit n.
    key_usage: Final[int | None]
    extended_key_usage: Final[tuple[str, ...] | None]
    basic_constraints: Final[BasicConstraints | None]
    subject_key_identifier: Final[bytes | None]
    authority_key_identifier: Final[AuthorityKeyIdentifier | None]
    ocsp_urls: Final[tuple[str, ...]]
    ca_issuers_urls: Final[tuple[str, ...]]
    crl_urls: Final[tuple[str, ...]]
    certificate_policies: Final[tuple[str, ...]]
    name_constraints: Final[NameConstraints | None]
    tls_feature: Final[tuple[int, ...]]
    signed_certificate_timestamps: Final[int]  # how many SCTs are embedded
    def extension(self, oid: str) -> Extension | None: ...

def parse_certificate(der: bytes) -> Certificate: ...

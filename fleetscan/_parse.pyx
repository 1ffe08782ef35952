"""The parser: TLS records, handshake messages and X.509 certificates.

Octets in, objects with read-only attributes out, `ParseError` for everything that does
not fit the layout. What is odd but fits is kept as sent: judging is the business of
the layers above. Nothing here recurses, and no loop outlives the octets it reads.
"""

from enum import IntEnum
from hashlib import sha256 as _sha256
from ipaddress import IPv6Address as _IPv6Address

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from fleetscan.errors import ParseError
from fleetscan.limits import MAX_EXTENSIONS, MAX_HANDSHAKE_MESSAGE, MAX_PLAINTEXT


class ParseFault(IntEnum):
    """Why octets were refused. One value per rule, never one per message."""

    OK = RULE_OK
    TRUNCATED = RULE_TRUNCATED
    """A length promised more octets than there are."""
    TRAILING_DATA = RULE_TRAILING_DATA
    """Octets are left over inside a field whose length was given."""
    LENGTH_OUT_OF_RANGE = RULE_LENGTH_OUT_OF_RANGE
    """A length is outside the RFC's <floor..ceiling>, or above a bound of `limits`."""
    CONTENT_TYPE_UNKNOWN = RULE_CONTENT_TYPE_UNKNOWN
    """A record is none of 20 to 24 (RFC 8446 section 5.1, RFC 6520 section 3)."""
    RECORD_VERSION_UNKNOWN = RULE_RECORD_VERSION_UNKNOWN
    """The major version of a record is not 3 (RFC 8446 section 5.1)."""
    DUPLICATE_EXTENSION = RULE_DUPLICATE_EXTENSION
    """Two extensions of one type in one block (RFC 8446 section 4.2)."""
    CURVE_TYPE_UNSUPPORTED = RULE_CURVE_TYPE_UNSUPPORTED
    """ECParameters are not a named curve (RFC 8422 section 5.4)."""
    STATUS_TYPE_UNSUPPORTED = RULE_STATUS_TYPE_UNSUPPORTED
    """A CertificateStatus is not of type ocsp (RFC 6066 section 8)."""
    TAG_UNEXPECTED = RULE_TAG_UNEXPECTED
    """An element of DER is not of the type that belongs here."""
    TAG_NUMBER_TOO_HIGH = RULE_TAG_NUMBER_TOO_HIGH
    """A tag number of 31 or more: nothing in a certificate has one."""
    LENGTH_INDEFINITE = RULE_LENGTH_INDEFINITE
    """BER's indefinite length (X.690 section 10.1)."""
    LENGTH_NOT_MINIMAL = RULE_LENGTH_NOT_MINIMAL
    """A length of DER takes more octets than it needs (X.690 section 10.1)."""
    OBJECT_IDENTIFIER_INVALID = RULE_OBJECT_IDENTIFIER_INVALID
    """Empty, unfinished, padded (X.690 section 8.19), or an arc above 133 bits."""
    INTEGER_INVALID = RULE_INTEGER_INVALID
    """Empty or padded (X.690 section 8.3)."""
    INTEGER_OUT_OF_RANGE = RULE_INTEGER_OUT_OF_RANGE
    """A number that its field cannot have."""
    BOOLEAN_INVALID = RULE_BOOLEAN_INVALID
    """Not one octet (X.690 section 8.2)."""
    BIT_STRING_INVALID = RULE_BIT_STRING_INVALID
    """No count of unused bits, an impossible one, or one where whole octets are due."""
    TIME_INVALID = RULE_TIME_INVALID
    """Not in the form of RFC 5280 section 4.1.2.5, or no such date."""
    CERTIFICATE_VERSION_UNKNOWN = RULE_CERTIFICATE_VERSION_UNKNOWN
    """A certificate's version is none of v1, v2, v3 (RFC 5280 section 4.1.2.1)."""
    DUPLICATE_CERTIFICATE_EXTENSION = RULE_DUPLICATE_CERTIFICATE_EXTENSION
    """Two extensions of one OID in a certificate (RFC 5280 section 4.2)."""
    TOO_MANY_EXTENSIONS = RULE_TOO_MANY_EXTENSIONS
    """More extensions in one block than `limits.MAX_EXTENSIONS`."""


# -- from cursors to Python --------------------------------------------------------


cdef inline const uint8_t *start_of(bytes octets) noexcept:
    return <const uint8_t *>PyBytes_AS_STRING(octets)


cdef inline Cursor cursor_of(bytes octets, Fault *fault) noexcept:
    cdef const uint8_t *start = start_of(octets)
    fault.code = RULE_OK
    fault.field = b''
    fault.at = start
    return Cursor(start, start + PyBytes_GET_SIZE(octets), fault)


cdef inline bytes to_bytes(Cursor c):
    return PyBytes_FromStringAndSize(<const char *>c.pos, c.end - c.pos)


cdef int refuse(const Fault *fault, const uint8_t *start) except -1:
    """Raise what a cursor could only remember."""
    raise ParseError(ParseFault(<int>fault.code), fault.field.decode('ascii'), fault.at - start)


cdef inline int conclude(const Fault *fault, const uint8_t *start) except -1:
    return refuse(fault, start) if fault.code != RULE_OK else 0


cdef class Parsed:
    """Base of everything the parser makes: made by it alone, equal when its octets are."""

    def __init__(self):
        raise TypeError(f'{type(self).__name__} is made by the parser only')

    cdef object identity(self):
        raise NotImplementedError

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self.identity() == (<Parsed>other).identity()

    def __hash__(self):
        return hash(self.identity())


cdef class ParsedMessage(Parsed):
    cdef bytes source

    cdef object identity(self):
        return self.source


# -- records -------------------------------------------------------------------------


cdef int buffer_keep(Buffer *buffer, Py_ssize_t size) except -1:
    """Have what is pending at the start of `size` octets of our own."""
    cdef Py_ssize_t pending = buffer_pending(buffer)
    cdef uint8_t *moved
    if buffer.size and buffer.head:
        memmove(buffer.start, buffer.start + buffer.head, pending)
    if buffer.size != size:
        moved = <uint8_t *>PyMem_Realloc(buffer.start if buffer.size else NULL, size)
        if moved == NULL:
            raise MemoryError
        if not buffer.size:
            memcpy(moved, buffer.start + buffer.head, pending)
        buffer.start = moved
        buffer.size = size
    buffer.head = 0
    buffer.tail = pending
    return 0


cdef int buffer_append(Buffer *buffer, const uint8_t *octets, Py_ssize_t n) except -1:
    if n > buffer.size - buffer.tail:
        # Twice, so that a caller who only feeds does not move every octet every time.
        buffer_keep(buffer, max(2 * buffer.size, buffer_pending(buffer) + n))
    memcpy(buffer.start + buffer.tail, octets, n)
    buffer.tail += n
    return 0


cdef void buffer_free(Buffer *buffer) noexcept:
    if buffer.size:
        PyMem_Free(buffer.start)
    buffer.start = NULL
    buffer.head = buffer.tail = buffer.size = 0


cdef class Reader:
    """Octets fed and not yet taken."""

    cdef Buffer buffer
    cdef bytes fed
    cdef object refusal

    def __dealloc__(self):
        buffer_free(&self.buffer)

    @property
    def pending(self):
        """Octets that were fed, and neither given back whole nor refused."""
        return buffer_pending(&self.buffer)

    def feed(self, bytes octets not None):
        """Append octets as they came from the peer."""
        cdef Py_ssize_t n = PyBytes_GET_SIZE(octets)
        if self.refusal is not None or n == 0:
            return
        if buffer_pending(&self.buffer) == 0:
            self.fed = octets
            buffer_borrow(&self.buffer, start_of(octets), n)
            return
        buffer_append(&self.buffer, start_of(octets), n)
        self.fed = None

    def clear(self):
        """Let go of what was fed and not taken."""
        buffer_free(&self.buffer)
        self.fed = None

    cdef int consume(self, Py_ssize_t n) except -1:
        """Octets were taken; when they were the last, hold no memory."""
        self.buffer.head += n
        if self.buffer.head == self.buffer.tail:
            buffer_free(&self.buffer)
            self.fed = None
        return 0

    cdef int wait(self, Py_ssize_t size) except -1:
        """Until `size` octets are there: keep those at hand, and let go of the rest."""
        cdef Buffer *buffer = &self.buffer
        size = max(size, buffer_pending(buffer))
        if buffer.head or buffer.size != size:
            buffer_keep(buffer, size)
            self.fed = None
        return 0

    cdef int refuse(self, Rule rule, str field, Py_ssize_t offset) except -1:
        buffer_free(&self.buffer)
        self.fed = None
        self.refusal = ParseError(ParseFault(<int>rule), field, offset)
        raise self.refusal


cdef class Record(Parsed):
    """A TLSPlaintext or TLSCiphertext as it came, RFC 8446 section 5.1."""

    cdef readonly uint8_t content_type
    cdef readonly uint16_t legacy_record_version
    cdef readonly bytes fragment

    cdef object identity(self):
        return self.header, self.fragment

    @property
    def header(self):
        """The 5 octets as received: TLS 1.3's additional data (RFC 8446 section 5.2)."""
        cdef Py_ssize_t length = PyBytes_GET_SIZE(self.fragment)
        cdef uint8_t octets[5]
        octets[0] = self.content_type
        octets[1] = self.legacy_record_version >> 8
        octets[2] = self.legacy_record_version & 0xFF
        octets[3] = <uint8_t>(length >> 8)
        octets[4] = <uint8_t>(length & 0xFF)
        return PyBytes_FromStringAndSize(<const char *>octets, 5)


cdef class RecordReader(Reader):
    """Cuts a stream of octets into records.

    Layout, RFC 8446 section 5.1::

        ContentType type;
        ProtocolVersion legacy_record_version;
        uint16 length;
        opaque fragment[TLSPlaintext.length];

    A stream that is no TLS is refused at the first octet that says so. Once a stream is
    refused it stays refused: what is fed after that is dropped. The offset of a
    `ParseError` counts from the first octet of the record it concerns.

    Args:
        max_fragment: octets of a fragment above which a record is refused, from its
            header alone. May be changed between records, as protection comes into force.
    """

    cdef Py_ssize_t ceiling

    def __init__(self, max_fragment=MAX_PLAINTEXT):
        self.max_fragment = max_fragment

    @property
    def max_fragment(self):
        """Octets a fragment may have, 0 to 65,535."""
        return self.ceiling

    @max_fragment.setter
    def max_fragment(self, Py_ssize_t value):
        if value < 0 or value > 0xFFFF:
            raise ValueError('max_fragment must lie in 0..65535')
        self.ceiling = value

    def next_record(self):
        """Take the next whole record.

        Returns:
            A `Record`, or None until its last octet was fed.

        Raises:
            ParseError: the header is not one of TLS, or its length is above `max_fragment`.
        """
        cdef const uint8_t *start
        cdef Py_ssize_t pending = buffer_pending(&self.buffer)
        cdef Py_ssize_t length
        cdef Record record
        if self.refusal is not None:
            raise self.refusal
        if pending == 0:
            return None
        start = self.buffer.start + self.buffer.head
        if not 20 <= start[0] <= 24:
            self.refuse(RULE_CONTENT_TYPE_UNKNOWN, 'type', 0)
        if pending > 1 and start[1] != 3:
            self.refuse(RULE_RECORD_VERSION_UNKNOWN, 'legacy_record_version', 1)
        if pending < 5:
            self.wait(5)
            return None
        length = (start[3] << 8) | start[4]
        if length > self.ceiling:
            self.refuse(RULE_LENGTH_OUT_OF_RANGE, 'length', 3)
        if length > pending - 5:
            self.wait(5 + length)
            return None
        record = Record.__new__(Record)
        record.content_type = start[0]
        record.legacy_record_version = <uint16_t>((start[1] << 8) | start[2])
        record.fragment = PyBytes_FromStringAndSize(<const char *>start + 5, length)
        self.consume(5 + length)
        return record


# -- handshake messages ----------------------------------------------------------------


cdef class Message(Parsed):
    """A handshake message, RFC 8446 section 4."""

    cdef readonly uint8_t msg_type
    cdef readonly bytes body
    cdef readonly bytes octets

    cdef object identity(self):
        return self.octets


cdef class MessageReader(Reader):
    """Joins the fragments of handshake records into messages.

    Layout, RFC 8446 section 4::

        HandshakeType msg_type;
        uint24 length;
        opaque body[length];

    Once a stream is refused it stays refused: what is fed after that is dropped. The
    offset of a `ParseError` counts from the first octet of the message it concerns.

    Args:
        max_message: octets of a body above which a message is refused, from its header.
            May be changed between messages.
    """

    cdef Py_ssize_t ceiling

    def __init__(self, max_message=MAX_HANDSHAKE_MESSAGE):
        self.max_message = max_message

    @property
    def max_message(self):
        """Octets a body may have, 0 to 16,777,215."""
        return self.ceiling

    @max_message.setter
    def max_message(self, Py_ssize_t value):
        if value < 0 or value > 0xFFFFFF:
            raise ValueError('max_message must lie in 0..16777215')
        self.ceiling = value

    def next_message(self):
        """Take the next whole message.

        Returns:
            A `Message`, or None until its last octet was fed.

        Raises:
            ParseError: the message says that it is longer than `max_message`.
        """
        cdef const uint8_t *start
        cdef Py_ssize_t pending = buffer_pending(&self.buffer)
        cdef Py_ssize_t length
        cdef Message message
        if self.refusal is not None:
            raise self.refusal
        if pending == 0:
            return None
        if pending < 4:
            self.wait(4)
            return None
        start = self.buffer.start + self.buffer.head
        length = (start[1] << 16) | (start[2] << 8) | start[3]
        if length > self.ceiling:
            self.refuse(RULE_LENGTH_OUT_OF_RANGE, 'length', 1)
        if length > pending - 4:
            self.wait(4 + length)
            return None
        message = Message.__new__(Message)
        message.msg_type = start[0]
        if self.fed is not None and 4 + length == PyBytes_GET_SIZE(self.fed):
            message.octets = self.fed
        else:
            message.octets = PyBytes_FromStringAndSize(<const char *>start, 4 + length)
        message.body = PyBytes_FromStringAndSize(<const char *>start + 4, length)
        self.consume(4 + length)
        return message


# -- extensions of messages -------------------------------------------------------------


cdef int EXTENSIONS_BOUND = MAX_EXTENSIONS


cdef tuple take_extensions(Cursor *c, Py_ssize_t floor, Py_ssize_t ceiling):
    """Extension extensions<floor..ceiling>, RFC 8446 section 4.2: no type twice."""
    cdef Cursor block = take_vector(c, 2, floor, ceiling, b'extensions')
    cdef uint64_t low = 0
    cdef uint16_t extension_type
    cdef const uint8_t *at
    cdef Cursor data
    cdef list found = []
    cdef set high = None
    while more(&block):
        at = block.pos
        extension_type = take_u16(&block, b'extension_type')
        data = take_vector(&block, 2, 0, 0xFFFF, b'extension_data')
        if not sound(&block):
            return ()
        if extension_type < 64:
            if (low >> extension_type) & 1:
                fail_at(c, RULE_DUPLICATE_EXTENSION, b'extension_type', at)
            low |= <uint64_t>1 << extension_type
        else:
            if high is None:
                high = set()
            if extension_type in high:
                fail_at(c, RULE_DUPLICATE_EXTENSION, b'extension_type', at)
            high.add(extension_type)
        found.append((extension_type, to_bytes(data)))
        if len(found) > EXTENSIONS_BOUND:
            fail_at(c, RULE_TOO_MANY_EXTENSIONS, b'extensions', at)
    return tuple(found)


cdef Cursor find_extension(Cursor c, uint16_t extension_type) noexcept:
    """The data of one extension of a block that `take_extensions` read before, else empty.

    `c` is a copy of the cursor from before the block: the fault is shared, so that what
    is read in the data is refused at its place in the message.
    """
    cdef Cursor block = take_vector(&c, 2, 0, 0xFFFF, b'extensions')
    cdef Cursor data
    while more(&block):
        if take_u16(&block, b'extension_type') == extension_type:
            return take_vector(&block, 2, 0, 0xFFFF, b'extension_data')
        data = take_vector(&block, 2, 0, 0xFFFF, b'extension_data')
    return Cursor(c.end, c.end, c.fault)


cdef bytes extension_of(tuple extensions, int extension_type):
    for known, data in extensions:
        if known == extension_type:
            return data
    return None


cdef tuple take_code_points(Cursor *c, Py_ssize_t floor, const char *field):
    """A vector of uint16 values: signature schemes."""
    cdef Cursor values = take_vector(c, 2, floor, 0xFFFF, field)
    cdef list found = []
    while more(&values):
        found.append(take_u16(&values, field))
    return tuple(found)


cdef tuple take_distinguished_names(Cursor *c, Py_ssize_t floor):
    """DistinguishedName certificate_authorities<floor..2^16-1>, RFC 5246 section 7.4.4."""
    cdef Cursor names = take_vector(c, 2, floor, 0xFFFF, b'certificate_authorities')
    cdef list found = []
    while more(&names):
        found.append(to_bytes(take_vector(&names, 2, 1, 0xFFFF, b'certificate_authorities')))
    return tuple(found)


# -- messages ---------------------------------------------------------------------------


# SHA-256 of "HelloRetryRequest", RFC 8446 section 4.1.3.
cdef bytes HELLO_RETRY_REQUEST = bytes.fromhex(
    'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c')


cdef class ServerHello(ParsedMessage):
    """RFC 8446 section 4.1.3; a HelloRetryRequest is one with a fixed random."""

    cdef readonly uint16_t legacy_version
    cdef readonly bytes random
    cdef readonly bytes legacy_session_id_echo
    cdef readonly uint16_t cipher_suite
    cdef readonly uint8_t legacy_compression_method
    cdef readonly tuple extensions

    @property
    def is_hello_retry_request(self):
        """Whether the random is the one that RFC 8446 section 4.1.3 sets aside."""
        return self.random == HELLO_RETRY_REQUEST

    def extension(self, int extension_type):
        """The data of one extension, None when it was not sent."""
        return extension_of(self.extensions, extension_type)


def parse_server_hello(bytes body not None):
    """Decode the body of a ServerHello.

    Layout, RFC 8446 section 4.1.3::

        ProtocolVersion legacy_version;
        opaque random[32];
        opaque legacy_session_id_echo<0..32>;
        CipherSuite cipher_suite;
        uint8 legacy_compression_method;
        Extension extensions<6..2^16-1>;

    RFC 5246 section 7.4.1.3 sets the last floor to 0 and lets the field be absent.
    Servers of every version answer the same ClientHello, so the looser rule holds.

    Args:
        body: the message without its header of 4 octets.

    Raises:
        ParseError: the octets do not fit the layout, or an extension comes twice.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef ServerHello hello = ServerHello.__new__(ServerHello)
    hello.source = body
    hello.legacy_version = take_u16(&c, b'legacy_version')
    hello.random = to_bytes(take(&c, 32, b'random'))
    hello.legacy_session_id_echo = to_bytes(take_vector(&c, 1, 0, 32, b'legacy_session_id_echo'))
    hello.cipher_suite = take_u16(&c, b'cipher_suite')
    hello.legacy_compression_method = take_u8(&c, b'legacy_compression_method')
    hello.extensions = take_extensions(&c, 0, 0xFFFF) if more(&c) else ()
    expect_end(&c, b'ServerHello')
    conclude(&fault, start_of(body))
    return hello


cdef class EncryptedExtensions(ParsedMessage):
    """RFC 8446 section 4.3.1."""

    cdef readonly tuple extensions

    def extension(self, int extension_type):
        """The data of one extension, None when it was not sent."""
        return extension_of(self.extensions, extension_type)


def parse_encrypted_extensions(bytes body not None):
    """Decode the body of EncryptedExtensions.

    Layout, RFC 8446 section 4.3.1::

        Extension extensions<0..2^16-1>;

    Raises:
        ParseError: the octets do not fit the layout, or an extension comes twice.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef EncryptedExtensions message = EncryptedExtensions.__new__(EncryptedExtensions)
    message.source = body
    message.extensions = take_extensions(&c, 0, 0xFFFF)
    expect_end(&c, b'EncryptedExtensions')
    conclude(&fault, start_of(body))
    return message


cdef class CertificateEntry(Parsed):
    """One certificate of a Certificate message; without extensions up to TLS 1.2."""

    cdef readonly bytes cert_data
    cdef readonly tuple extensions

    cdef object identity(self):
        return self.cert_data, self.extensions

    def extension(self, int extension_type):
        """The data of one extension, None when it was not sent."""
        return extension_of(self.extensions, extension_type)


cdef class CertificateMessage(ParsedMessage):
    """RFC 8446 section 4.4.2, RFC 5246 section 7.4.2."""

    cdef readonly bytes certificate_request_context
    cdef readonly tuple certificate_list


cdef tuple take_certificate_list(Cursor *c, bint with_extensions):
    cdef Cursor entries = take_vector(c, 3, 0, 0xFFFFFF, b'certificate_list')
    cdef CertificateEntry entry
    cdef list found = []
    while more(&entries):
        entry = CertificateEntry.__new__(CertificateEntry)
        entry.cert_data = to_bytes(take_vector(&entries, 3, 1, 0xFFFFFF, b'cert_data'))
        entry.extensions = take_extensions(&entries, 0, 0xFFFF) if with_extensions else ()
        found.append(entry)
    return tuple(found)


def parse_certificate_tls12(bytes body not None):
    """Decode the body of a Certificate message up to TLS 1.2.

    Layout, RFC 5246 section 7.4.2::

        opaque ASN.1Cert<1..2^24-1>;
        ASN.1Cert certificate_list<0..2^24-1>;

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef CertificateMessage message = CertificateMessage.__new__(CertificateMessage)
    message.source = body
    message.certificate_request_context = b''
    message.certificate_list = take_certificate_list(&c, False)
    expect_end(&c, b'Certificate')
    conclude(&fault, start_of(body))
    return message


def parse_certificate_tls13(bytes body not None):
    """Decode the body of a Certificate message of TLS 1.3.

    Layout, RFC 8446 section 4.4.2::

        opaque certificate_request_context<0..2^8-1>;
        CertificateEntry certificate_list<0..2^24-1>;
            opaque cert_data<1..2^24-1>;
            Extension extensions<0..2^16-1>;

    Raises:
        ParseError: the octets do not fit the layout, or an extension comes twice in an entry.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef CertificateMessage message = CertificateMessage.__new__(CertificateMessage)
    message.source = body
    message.certificate_request_context = to_bytes(
        take_vector(&c, 1, 0, 0xFF, b'certificate_request_context'))
    message.certificate_list = take_certificate_list(&c, True)
    expect_end(&c, b'Certificate')
    conclude(&fault, start_of(body))
    return message


cdef class CompressedCertificate(ParsedMessage):
    """RFC 8879 section 4: `octets` are compressed."""

    cdef readonly uint16_t algorithm
    cdef readonly uint32_t uncompressed_length
    cdef readonly bytes octets


def parse_compressed_certificate(bytes body not None):
    """Decode the body of a CompressedCertificate.

    Layout, RFC 8879 section 4::

        CertificateCompressionAlgorithm algorithm;
        uint24 uncompressed_length;
        opaque compressed_certificate_message<1..2^24-1>;

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef CompressedCertificate message = CompressedCertificate.__new__(CompressedCertificate)
    message.source = body
    message.algorithm = take_u16(&c, b'algorithm')
    message.uncompressed_length = take_u24(&c, b'uncompressed_length')
    message.octets = to_bytes(take_vector(&c, 3, 1, 0xFFFFFF, b'compressed_certificate_message'))
    expect_end(&c, b'CompressedCertificate')
    conclude(&fault, start_of(body))
    return message


cdef class CertificateRequest(ParsedMessage):
    """RFC 8446 section 4.3.2, RFC 5246 section 7.4.4; what a version lacks is empty."""

    cdef readonly bytes certificate_request_context
    cdef readonly tuple extensions
    cdef readonly bytes certificate_types
    cdef readonly tuple signature_schemes
    cdef readonly tuple certificate_authorities


def parse_certificate_request_tls12(bytes body not None, bint has_signature_schemes=True):
    """Decode the body of a CertificateRequest up to TLS 1.2.

    Layout, RFC 5246 section 7.4.4::

        ClientCertificateType certificate_types<1..2^8-1>;
        SignatureAndHashAlgorithm supported_signature_algorithms<2..2^16-1>;
        DistinguishedName certificate_authorities<0..2^16-1>;

    Args:
        body: the message without its header of 4 octets.
        has_signature_schemes: False before TLS 1.2, which has no second field.

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef CertificateRequest message = CertificateRequest.__new__(CertificateRequest)
    message.source = body
    message.certificate_request_context = b''
    message.extensions = ()
    message.certificate_types = to_bytes(take_vector(&c, 1, 1, 0xFF, b'certificate_types'))
    message.signature_schemes = (
        take_code_points(&c, 2, b'supported_signature_algorithms') if has_signature_schemes else ()
    )
    message.certificate_authorities = take_distinguished_names(&c, 0)
    expect_end(&c, b'CertificateRequest')
    conclude(&fault, start_of(body))
    return message


def parse_certificate_request_tls13(bytes body not None):
    """Decode the body of a CertificateRequest of TLS 1.3.

    Layout, RFC 8446 section 4.3.2::

        opaque certificate_request_context<0..2^8-1>;
        Extension extensions<2..2^16-1>;

    The two extensions that say which certificate would do are decoded:
    signature_algorithms (section 4.2.3) and certificate_authorities (section 4.2.4).

    Raises:
        ParseError: the octets do not fit the layout, or an extension comes twice.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef Cursor before, data
    cdef CertificateRequest message = CertificateRequest.__new__(CertificateRequest)
    message.source = body
    message.certificate_types = b''
    message.signature_schemes = message.certificate_authorities = ()
    message.certificate_request_context = to_bytes(
        take_vector(&c, 1, 0, 0xFF, b'certificate_request_context'))
    before = c
    message.extensions = take_extensions(&c, 2, 0xFFFF)
    expect_end(&c, b'CertificateRequest')
    if extension_of(message.extensions, 13) is not None:
        data = find_extension(before, 13)
        message.signature_schemes = take_code_points(&data, 2, b'signature_algorithms')
        expect_end(&data, b'signature_algorithms')
    if extension_of(message.extensions, 47) is not None:
        data = find_extension(before, 47)
        message.certificate_authorities = take_distinguished_names(&data, 3)
        expect_end(&data, b'certificate_authorities')
    conclude(&fault, start_of(body))
    return message


cdef class CertificateVerify(ParsedMessage):
    """RFC 8446 section 4.4.3."""

    cdef readonly uint16_t algorithm
    cdef readonly bytes signature


def parse_certificate_verify(bytes body not None):
    """Decode the body of a CertificateVerify.

    Layout, RFC 8446 section 4.4.3::

        SignatureScheme algorithm;
        opaque signature<0..2^16-1>;

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef CertificateVerify message = CertificateVerify.__new__(CertificateVerify)
    message.source = body
    message.algorithm = take_u16(&c, b'algorithm')
    message.signature = to_bytes(take_vector(&c, 2, 0, 0xFFFF, b'signature'))
    expect_end(&c, b'CertificateVerify')
    conclude(&fault, start_of(body))
    return message


def parse_certificate_status(bytes body not None):
    """The OCSP response, DER, of a CertificateStatus.

    Layout, RFC 6066 section 8::

        CertificateStatusType status_type;
        opaque OCSPResponse<1..2^24-1>;

    The status_request extension of a TLS 1.3 certificate entry holds the same structure
    (RFC 8446 section 4.4.2.1).

    Raises:
        ParseError: the octets do not fit the layout, or the status is not of type ocsp.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef const uint8_t *at = c.pos
    cdef bytes response
    if take_u8(&c, b'status_type') != 1:
        fail_at(&c, RULE_STATUS_TYPE_UNSUPPORTED, b'status_type', at)
    response = to_bytes(take_vector(&c, 3, 1, 0xFFFFFF, b'response'))
    expect_end(&c, b'CertificateStatus')
    conclude(&fault, start_of(body))
    return response


cdef class ServerKeyExchange(ParsedMessage):
    """RFC 8422 section 5.4, RFC 5246 section 7.4.3; what is absent is empty or 0.

    `params` are the octets that the signature covers after the two randoms.
    """

    cdef readonly uint8_t curve_type
    cdef readonly uint16_t named_curve
    cdef readonly bytes public
    cdef readonly bytes dh_p
    cdef readonly bytes dh_g
    cdef readonly bytes dh_Ys
    cdef readonly bytes params
    cdef readonly uint16_t signature_algorithm
    cdef readonly bytes signature


cdef ServerKeyExchange new_server_key_exchange(bytes body):
    cdef ServerKeyExchange message = ServerKeyExchange.__new__(ServerKeyExchange)
    message.source = body
    message.public = message.dh_p = message.dh_g = message.dh_Ys = message.signature = b''
    return message


cdef int take_signed_params(
    Cursor *c, ServerKeyExchange message, bint has_signature, bint has_algorithm
) except -1:
    """What follows the parameters: RFC 5246 section 4.7, without the algorithm before 1.2."""
    message.params = to_bytes(whole(start_of(message.source), c))
    if has_signature:
        if has_algorithm:
            message.signature_algorithm = take_u16(c, b'algorithm')
        message.signature = to_bytes(take_vector(c, 2, 0, 0xFFFF, b'signature'))
    expect_end(c, b'ServerKeyExchange')
    return conclude(c.fault, start_of(message.source))


def parse_server_key_exchange_ecdhe(
    bytes body not None, bint has_signature=True, bint has_algorithm=True
):
    """Decode the body of a ServerKeyExchange with an elliptic curve.

    Layout, RFC 8422 section 5.4::

        ECCurveType curve_type;          named_curve(3)
        NamedCurve namedcurve;
        opaque point<1..2^8-1>;
        SignatureAndHashAlgorithm algorithm;
        opaque signature<0..2^16-1>;

    Args:
        body: the message without its header of 4 octets.
        has_signature: False for anonymous suites.
        has_algorithm: False before TLS 1.2.

    Raises:
        ParseError: the octets do not fit the layout, or the curve is not a named one.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef ServerKeyExchange message = new_server_key_exchange(body)
    message.curve_type = take_u8(&c, b'curve_type')
    if message.curve_type != 3:
        fail_at(&c, RULE_CURVE_TYPE_UNSUPPORTED, b'curve_type', start_of(body))
    message.named_curve = take_u16(&c, b'namedcurve')
    message.public = to_bytes(take_vector(&c, 1, 1, 0xFF, b'public'))
    take_signed_params(&c, message, has_signature, has_algorithm)
    return message


def parse_server_key_exchange_dhe(
    bytes body not None, bint has_signature=True, bint has_algorithm=True
):
    """Decode the body of a ServerKeyExchange with a finite field.

    Layout, RFC 5246 section 7.4.3::

        opaque dh_p<1..2^16-1>;
        opaque dh_g<1..2^16-1>;
        opaque dh_Ys<1..2^16-1>;
        SignatureAndHashAlgorithm algorithm;
        opaque signature<0..2^16-1>;

    Args:
        body: the message without its header of 4 octets.
        has_signature: False for anonymous suites.
        has_algorithm: False before TLS 1.2.

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef ServerKeyExchange message = new_server_key_exchange(body)
    message.dh_p = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'dh_p'))
    message.dh_g = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'dh_g'))
    message.dh_Ys = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'dh_Ys'))
    take_signed_params(&c, message, has_signature, has_algorithm)
    return message


cdef class NewSessionTicket(ParsedMessage):
    """RFC 8446 section 4.6.1. `ticket_lifetime` is in seconds."""

    cdef readonly uint32_t ticket_lifetime
    cdef readonly uint32_t ticket_age_add
    cdef readonly bytes ticket_nonce
    cdef readonly bytes ticket
    cdef readonly tuple extensions


def parse_new_session_ticket_tls13(bytes body not None):
    """Decode the body of a NewSessionTicket of TLS 1.3.

    Layout, RFC 8446 section 4.6.1::

        uint32 ticket_lifetime;
        uint32 ticket_age_add;
        opaque ticket_nonce<0..255>;
        opaque ticket<1..2^16-1>;
        Extension extensions<0..2^16-2>;

    Raises:
        ParseError: the octets do not fit the layout, or an extension comes twice.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef NewSessionTicket message = NewSessionTicket.__new__(NewSessionTicket)
    message.source = body
    message.ticket_lifetime = take_u32(&c, b'ticket_lifetime')
    message.ticket_age_add = take_u32(&c, b'ticket_age_add')
    message.ticket_nonce = to_bytes(take_vector(&c, 1, 0, 0xFF, b'ticket_nonce'))
    message.ticket = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'ticket'))
    message.extensions = take_extensions(&c, 0, 0xFFFE)
    expect_end(&c, b'NewSessionTicket')
    conclude(&fault, start_of(body))
    return message


cdef class ServerHelloSsl2(ParsedMessage):
    """SERVER-HELLO of SSL 2.0 (draft-hickman-netscape-ssl-00 section 5.2.1.1)."""

    cdef readonly uint8_t session_id_hit
    cdef readonly uint8_t certificate_type
    cdef readonly uint16_t server_version
    cdef readonly bytes certificate
    cdef readonly tuple cipher_specs
    cdef readonly bytes connection_id


def parse_server_hello_ssl2(bytes body not None):
    """Decode a SERVER-HELLO of SSL 2.0 behind its message type.

    Layout, draft-hickman-netscape-ssl-00 section 5.2.1.1::

        char SESSION-ID-HIT
        char CERTIFICATE-TYPE
        char SERVER-VERSION-MSB, SERVER-VERSION-LSB
        char CERTIFICATE-LENGTH-MSB, CERTIFICATE-LENGTH-LSB
        char CIPHER-SPECS-LENGTH-MSB, CIPHER-SPECS-LENGTH-LSB
        char CONNECTION-ID-LENGTH-MSB, CONNECTION-ID-LENGTH-LSB
        char CERTIFICATE-DATA[..], CIPHER-SPECS-DATA[..], CONNECTION-ID-DATA[..]

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(body, &fault)
    cdef ServerHelloSsl2 message = ServerHelloSsl2.__new__(ServerHelloSsl2)
    cdef Cursor specs
    cdef uint16_t certificate_length, specs_length, id_length
    cdef list found = []
    message.source = body
    message.session_id_hit = take_u8(&c, b'SESSION-ID-HIT')
    message.certificate_type = take_u8(&c, b'CERTIFICATE-TYPE')
    message.server_version = take_u16(&c, b'SERVER-VERSION')
    certificate_length = take_u16(&c, b'CERTIFICATE-LENGTH')
    specs_length = take_u16(&c, b'CIPHER-SPECS-LENGTH')
    id_length = take_u16(&c, b'CONNECTION-ID-LENGTH')
    message.certificate = to_bytes(take(&c, certificate_length, b'CERTIFICATE-DATA'))
    specs = take(&c, specs_length, b'CIPHER-SPECS-DATA')
    while more(&specs):
        found.append(take_u24(&specs, b'CIPHER-SPECS-DATA'))
    message.cipher_specs = tuple(found)
    message.connection_id = to_bytes(take(&c, id_length, b'CONNECTION-ID-DATA'))
    expect_end(&c, b'SERVER-HELLO')
    conclude(&fault, start_of(body))
    return message


cdef class AlertMessage(ParsedMessage):
    """RFC 8446 section 6. Code points as sent."""

    cdef readonly uint8_t level
    cdef readonly uint8_t description


def parse_alert(bytes fragment not None):
    """Decode an alert: exactly the two octets of RFC 8446 section 6.

    Raises:
        ParseError: fewer octets, or more.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(fragment, &fault)
    cdef AlertMessage message = AlertMessage.__new__(AlertMessage)
    message.source = fragment
    message.level = take_u8(&c, b'level')
    message.description = take_u8(&c, b'description')
    expect_end(&c, b'Alert')
    conclude(&fault, start_of(fragment))
    return message


# -- data of extensions -----------------------------------------------------------------


def parse_key_share_server_hello(bytes extension_data not None):
    """Group and key_exchange<1..2^16-1> of a ServerHello's key_share, RFC 8446 section 4.2.8.

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(extension_data, &fault)
    cdef uint16_t group = take_u16(&c, b'group')
    cdef bytes key_exchange = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'key_exchange'))
    expect_end(&c, b'key_share')
    conclude(&fault, start_of(extension_data))
    return group, key_exchange


cdef int only_code_point(bytes extension_data, const char *field) except -1:
    cdef Fault fault
    cdef Cursor c = cursor_of(extension_data, &fault)
    cdef uint16_t value = take_u16(&c, field)
    expect_end(&c, field)
    conclude(&fault, start_of(extension_data))
    return value


def parse_selected_group(bytes extension_data not None):
    """The group that a HelloRetryRequest's key_share asks for, RFC 8446 section 4.2.8.

    Raises:
        ParseError: not exactly two octets.
    """
    return only_code_point(extension_data, b'selected_group')


def parse_selected_version(bytes extension_data not None):
    """The version in a ServerHello's supported_versions, RFC 8446 section 4.2.1.

    Raises:
        ParseError: not exactly two octets.
    """
    return only_code_point(extension_data, b'selected_version')


def parse_cookie(bytes extension_data not None):
    """The cookie<1..2^16-1> of a HelloRetryRequest, RFC 8446 section 4.2.2.

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(extension_data, &fault)
    cdef bytes cookie = to_bytes(take_vector(&c, 2, 1, 0xFFFF, b'cookie'))
    expect_end(&c, b'cookie')
    conclude(&fault, start_of(extension_data))
    return cookie


def parse_alpn(bytes extension_data not None):
    """The names in application_layer_protocol_negotiation, RFC 7301 section 3.1.

    Layout::

        opaque ProtocolName<1..2^8-1>;
        ProtocolName protocol_name_list<2..2^16-1>;

    Raises:
        ParseError: the octets do not fit the layout.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(extension_data, &fault)
    cdef Cursor names = take_vector(&c, 2, 2, 0xFFFF, b'protocol_name_list')
    cdef list found = []
    while more(&names):
        found.append(to_bytes(take_vector(&names, 1, 1, 0xFF, b'protocol_name')))
    expect_end(&c, b'protocol_name_list')
    conclude(&fault, start_of(extension_data))
    return tuple(found)


# -- object identifiers ------------------------------------------------------------------


def _encode_oid(str dotted):
    arcs = [int(arc) for arc in dotted.split('.')]
    octets = bytearray()
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        octets.extend(reversed(groups))
    return bytes(octets)


# Object identifiers of everyday certificates, so that their text is a look-up. A fixed
# table and no cache: what peers send must not grow it.
cdef dict KNOWN_OIDS = {
    _encode_oid(dotted): dotted for dotted in (
        # RFC 5280 appendix A and what is common beside it: attributes of names
        '2.5.4.3', '2.5.4.4', '2.5.4.5', '2.5.4.6', '2.5.4.7', '2.5.4.8', '2.5.4.9', '2.5.4.10',
        '2.5.4.11', '2.5.4.12', '2.5.4.15', '2.5.4.17', '2.5.4.42', '2.5.4.46', '2.5.4.97',
        '0.9.2342.19200300.100.1.1', '0.9.2342.19200300.100.1.25', '1.2.840.113549.1.9.1',
        '1.3.6.1.4.1.311.60.2.1.1', '1.3.6.1.4.1.311.60.2.1.2', '1.3.6.1.4.1.311.60.2.1.3',
        # keys and signatures: RFC 3279, RFC 4055, RFC 5480, RFC 8410, RFC 9881
        '1.2.840.113549.1.1.1', '1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5',
        '1.2.840.113549.1.1.10', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12',
        '1.2.840.113549.1.1.13', '1.2.840.10040.4.1', '1.2.840.10045.2.1', '1.2.840.10045.4.1',
        '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4',
        '1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35', '1.3.101.112', '1.3.101.113',
        '2.16.840.1.101.3.4.3.17', '2.16.840.1.101.3.4.3.18', '2.16.840.1.101.3.4.3.19',
        # extensions and what they hold: RFC 5280, RFC 6962, RFC 7633, CA/Browser Forum
        '2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.30', '2.5.29.31',
        '2.5.29.32', '2.5.29.32.0', '2.5.29.35', '2.5.29.37', '2.5.29.37.0',
        '1.3.6.1.5.5.7.1.1', '1.3.6.1.5.5.7.1.24', '1.3.6.1.4.1.11129.2.4.2',
        '1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.48.1', '1.3.6.1.5.5.7.48.2',
        '2.23.140.1.1', '2.23.140.1.2.1', '2.23.140.1.2.2', '2.23.140.1.2.3',
    )
}


cdef str oid_text(Cursor content):
    """The dotted form of octets that `check_oid` let pass."""
    cdef bytes octets = to_bytes(content)
    cdef str known = <str>KNOWN_OIDS.get(octets)
    cdef list arcs = []
    cdef object arc = 0
    cdef uint8_t octet
    if known is not None:
        return known
    for octet in octets:  # an arc has at most MAX_ARC_OCTETS: the numbers stay small
        arc = (arc << 7) | (octet & 0x7F)
        if octet >= 0x80:
            continue
        if not arcs:
            # X.690 section 8.19.4: the first two arcs share one number.
            arcs.append(str(min(arc // 40, 2)))
            arc -= 40 * min(arc // 40, 2)
        arcs.append(str(arc))
        arc = 0
    return '.'.join(arcs)


cdef str take_oid_text(Cursor *c, const char *field):
    cdef Cursor content = take_oid(c, field)
    return oid_text(content) if sound(c) else ''


# -- names -------------------------------------------------------------------------------


cdef class Attribute(Parsed):
    """One AttributeTypeAndValue of a name, RFC 5280 section 4.1.2.4."""

    cdef readonly str oid
    cdef readonly uint8_t tag
    cdef readonly str value

    cdef object identity(self):
        return self.oid, self.tag, self.value


cdef class Name(Parsed):
    """A distinguished name. Equal names here are equal octet by octet."""

    cdef readonly bytes der
    cdef readonly tuple rdns

    cdef object identity(self):
        return self.der


cdef str decode_text(Cursor c):
    """UTF-8, of which ASCII is a part; what is neither becomes U+FFFD."""
    return PyUnicode_DecodeUTF8(<const char *>c.pos, c.end - c.pos, b'replace')


cdef str attribute_text(int tag, Cursor content, const uint8_t *start):
    """An attribute's value by its string type; of other types `#` and the hex of the element.

    A TeletexString is read as Latin-1, as every implementation in use does.
    """
    if tag in (0x0C, 0x12, 0x13, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B):
        return decode_text(content)
    if tag == 0x14:
        return to_bytes(content).decode('latin-1')
    if tag == 0x1E:
        return to_bytes(content).decode('utf-16-be', 'replace')
    if tag == 0x1C:
        return to_bytes(content).decode('utf-32-be', 'replace')
    return '#' + to_bytes(Cursor(start, content.end, content.fault)).hex()


cdef Attribute take_attribute(Cursor *rdn, const char *field):
    cdef Cursor pair = take_tlv(rdn, TAG_SEQUENCE, field)
    cdef Attribute attribute = Attribute.__new__(Attribute)
    cdef const uint8_t *start
    cdef int tag
    cdef Cursor content
    attribute.oid = take_oid_text(&pair, field)
    start = pair.pos
    content = take_any(&pair, &tag, field)
    expect_end(&pair, field)
    if sound(rdn):
        attribute.tag = tag
        attribute.value = attribute_text(tag, content, start)
    return attribute


cdef Name take_name(Cursor *c, const char *field):
    """A Name: SEQUENCE OF SET OF AttributeTypeAndValue. Empty sets and any order pass."""
    cdef Name name = Name.__new__(Name)
    cdef const uint8_t *start = c.pos
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef Cursor rdn
    cdef list rdns = []
    cdef list attributes
    while more(&sequence):
        rdn = take_tlv(&sequence, TAG_SET, field)
        attributes = []
        while more(&rdn):
            attributes.append(take_attribute(&rdn, field))
        rdns.append(tuple(attributes))
    name.der = to_bytes(whole(start, c))
    name.rdns = tuple(rdns)
    return name


def parse_name(bytes der not None):
    """Decode a distinguished name that stands alone, as the issuer of a CRL does.

    Layout, RFC 5280 section 4.1.2.4: `Name`, whose only choice is an RDNSequence.

    Args:
        der: one Name and nothing else.

    Raises:
        ParseError: the octets do not fit.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(der, &fault)
    cdef Name name = take_name(&c, b'name')
    expect_end(&c, b'name')
    conclude(&fault, start_of(der))
    return name


cdef str address_text(bytes value):
    """An address, or an address and its mask (RFC 5280 section 4.2.1.10); None if neither."""
    cdef Py_ssize_t n = PyBytes_GET_SIZE(value)
    if n == 4:
        return '%d.%d.%d.%d' % tuple(value)
    if n == 16:
        return str(_IPv6Address(value))
    if n == 8 or n == 32:
        return address_text(value[:n // 2]) + '/' + address_text(value[n // 2:])
    return None


cdef class GeneralName(Parsed):
    """RFC 5280 section 4.2.1.6. `kind` is the context tag, 0 to 8."""

    cdef readonly uint8_t kind
    cdef readonly bytes value

    cdef object identity(self):
        return self.kind, self.value

    @property
    def text(self):
        """The name for people: text of a kind that is text, an address, else hex.

        Octets that are not UTF-8 become U+FFFD, so compare `value`, never this. Control
        characters are kept: whoever prints it escapes it.
        """
        cdef str text = None
        if self.kind == 1 or self.kind == 2 or self.kind == 6:
            return self.value.decode('utf-8', 'replace')
        if self.kind == 7:
            text = address_text(self.value)
        return self.value.hex() if text is None else text


cdef GeneralName take_general_name(Cursor *c, const char *field):
    cdef GeneralName name = GeneralName.__new__(GeneralName)
    cdef const uint8_t *start = c.pos
    cdef int tag
    cdef Cursor content = take_any(c, &tag, field)
    cdef Cursor inner = content
    # otherName, x400Address, directoryName, ediPartyName are constructed, the others not.
    if tag not in (0xA0, 0x81, 0x82, 0xA3, 0xA4, 0xA5, 0x86, 0x87, 0x88):
        fail_at(c, RULE_TAG_UNEXPECTED, field, start)
        return name
    name.kind = tag & 0x1F
    name.value = to_bytes(content)
    if name.kind == 0:
        take_oid(&inner, field)
        take_tlv(&inner, TAG_CONTEXT_CONSTRUCTED, field)
        expect_end(&inner, field)
    elif name.kind == 4:
        take_name(&inner, field)
        expect_end(&inner, field)
    elif name.kind == 8:
        check_oid(c, content, field)
    return name


cdef tuple take_general_names(Cursor *names, const char *field):
    """The members of a GeneralNames whose tag was taken off before."""
    cdef list found = []
    while more(names):
        found.append(take_general_name(names, field))
    return tuple(found)


# -- parts of a certificate ----------------------------------------------------------------


cdef class Extension(Parsed):
    """RFC 5280 section 4.2: `value` is the content of the OCTET STRING."""

    cdef readonly str oid
    cdef readonly bint critical
    cdef readonly bytes value

    cdef object identity(self):
        return self.oid, self.critical, self.value


cdef class BasicConstraints(Parsed):
    """RFC 5280 section 4.2.1.9. `path_len_constraint` is None when absent."""

    cdef readonly bint ca
    cdef readonly object path_len_constraint

    cdef object identity(self):
        return self.ca, self.path_len_constraint


cdef class AuthorityKeyIdentifier(Parsed):
    """RFC 5280 section 4.2.1.1. Absent parts are None, an absent issuer is empty."""

    cdef readonly bytes key_identifier
    cdef readonly tuple authority_cert_issuer
    cdef readonly object authority_cert_serial_number

    cdef object identity(self):
        return self.key_identifier, self.authority_cert_issuer, self.authority_cert_serial_number


cdef class NameConstraints(Parsed):
    """RFC 5280 section 4.2.1.10: the bases of the subtrees; their minimum is always 0."""

    cdef readonly tuple permitted_subtrees
    cdef readonly tuple excluded_subtrees

    cdef object identity(self):
        return self.permitted_subtrees, self.excluded_subtrees


cdef class Certificate(Parsed):
    """An X.509 certificate, RFC 5280 section 4.1. Equal when the DER is."""

    cdef readonly bytes der
    cdef readonly bytes tbs_certificate
    cdef readonly uint8_t version
    cdef readonly bytes serial_octets
    cdef readonly str tbs_signature_algorithm
    cdef readonly Name issuer
    cdef readonly int64_t not_before
    cdef readonly int64_t not_after
    cdef readonly Name subject
    cdef readonly bytes subject_public_key_info
    cdef readonly str public_key_algorithm
    cdef readonly bytes public_key_parameters
    cdef readonly bytes public_key
    cdef readonly str key_type
    cdef readonly int key_bits
    cdef readonly int rsa_exponent_bits
    cdef readonly str curve
    cdef readonly str signature_algorithm
    cdef readonly bytes signature_parameters
    cdef readonly bytes signature
    cdef readonly tuple extensions
    cdef readonly tuple unknown_critical_extensions
    cdef readonly tuple subject_alt_name
    cdef readonly object key_usage
    cdef readonly tuple extended_key_usage
    cdef readonly BasicConstraints basic_constraints
    cdef readonly bytes subject_key_identifier
    cdef readonly AuthorityKeyIdentifier authority_key_identifier
    cdef readonly tuple ocsp_urls
    cdef readonly tuple ca_issuers_urls
    cdef readonly tuple crl_urls
    cdef readonly tuple certificate_policies
    cdef readonly NameConstraints name_constraints
    cdef readonly tuple tls_feature
    cdef readonly Py_ssize_t signed_certificate_timestamps
    cdef str digest

    cdef object identity(self):
        return self.der

    def __reduce__(self):
        return parse_certificate, (self.der,)

    @property
    def sha256(self):
        """SHA-256 of the DER, lower-case hex."""
        if self.digest is None:
            self.digest = _sha256(self.der).hexdigest()
        return self.digest

    @property
    def serial_number(self):
        """The serial as a number with sign; `serial_octets` are what was sent."""
        return int.from_bytes(self.serial_octets, 'big', signed=True)

    def extension(self, str oid not None):
        """One extension, None when it is absent."""
        cdef Extension extension
        for extension in self.extensions:
            if extension.oid == oid:
                return extension
        return None


# -- keys --------------------------------------------------------------------------------


# Names of the key types: RFC 3279, RFC 4055, RFC 5480, RFC 8410, RFC 9881.
cdef dict KEY_TYPES = {
    '1.2.840.113549.1.1.1': 'RSA',
    '1.2.840.113549.1.1.10': 'RSA',
    '1.2.840.10040.4.1': 'DSA',
    '1.2.840.10045.2.1': 'EC',
    '1.3.101.110': 'X25519',
    '1.3.101.111': 'X448',
    '1.3.101.112': 'Ed25519',
    '1.3.101.113': 'Ed448',
    '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
    '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
    '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
}

# Bits of the field of each named curve: SEC 2 (1.3.132.0), X9.62 (1.2.840.10045.3),
# brainpool (1.3.36.3.3.2.8.1.1), RFC 5480 section 2.1.1.1.
cdef dict CURVE_BITS = {
    '1.2.840.10045.3.1.1': 192, '1.2.840.10045.3.1.2': 192, '1.2.840.10045.3.1.3': 192,
    '1.2.840.10045.3.1.4': 239, '1.2.840.10045.3.1.5': 239, '1.2.840.10045.3.1.6': 239,
    '1.2.840.10045.3.1.7': 256,
    '1.3.132.0.1': 163, '1.3.132.0.2': 163, '1.3.132.0.3': 239, '1.3.132.0.4': 113,
    '1.3.132.0.5': 113, '1.3.132.0.6': 112, '1.3.132.0.7': 112, '1.3.132.0.8': 160,
    '1.3.132.0.9': 160, '1.3.132.0.10': 256, '1.3.132.0.15': 163, '1.3.132.0.16': 283,
    '1.3.132.0.17': 283, '1.3.132.0.22': 131, '1.3.132.0.23': 131, '1.3.132.0.24': 193,
    '1.3.132.0.25': 193, '1.3.132.0.26': 233, '1.3.132.0.27': 233, '1.3.132.0.28': 128,
    '1.3.132.0.29': 128, '1.3.132.0.30': 160, '1.3.132.0.31': 192, '1.3.132.0.32': 224,
    '1.3.132.0.33': 224, '1.3.132.0.34': 384, '1.3.132.0.35': 521, '1.3.132.0.36': 409,
    '1.3.132.0.37': 409, '1.3.132.0.38': 571, '1.3.132.0.39': 571,
    '1.3.36.3.3.2.8.1.1.1': 160, '1.3.36.3.3.2.8.1.1.2': 160,
    '1.3.36.3.3.2.8.1.1.3': 192, '1.3.36.3.3.2.8.1.1.4': 192,
    '1.3.36.3.3.2.8.1.1.5': 224, '1.3.36.3.3.2.8.1.1.6': 224,
    '1.3.36.3.3.2.8.1.1.7': 256, '1.3.36.3.3.2.8.1.1.8': 256,
    '1.3.36.3.3.2.8.1.1.9': 320, '1.3.36.3.3.2.8.1.1.10': 320,
    '1.3.36.3.3.2.8.1.1.11': 384, '1.3.36.3.3.2.8.1.1.12': 384,
    '1.3.36.3.3.2.8.1.1.13': 512, '1.3.36.3.3.2.8.1.1.14': 512,
}


cdef int take_key_integer_bits(Cursor *c, const char *field) noexcept:
    """Bits of an INTEGER of a key: read without sign and with padding, as OpenSSL does."""
    cdef Cursor content = take_tlv(c, TAG_INTEGER, field)
    if sound(c) and content.pos == content.end:
        fail_at(c, RULE_INTEGER_INVALID, field, content.pos)
    return unsigned_bits(content)


cdef int read_rsa_key(Certificate certificate, Cursor key) except -1:
    """RSAPublicKey ::= SEQUENCE { modulus, publicExponent }, RFC 8017 appendix A.1.1."""
    cdef Cursor sequence = take_tlv(&key, TAG_SEQUENCE, b'subject_public_key')
    certificate.key_bits = take_key_integer_bits(&sequence, b'modulus')
    certificate.rsa_exponent_bits = take_key_integer_bits(&sequence, b'public_exponent')
    expect_end(&sequence, b'subject_public_key')
    expect_end(&key, b'subject_public_key')
    return 0


cdef int read_dsa_parameters(Certificate certificate, Cursor parameters) except -1:
    """Dss-Parms ::= SEQUENCE { p, q, g }, RFC 3279 section 2.3.2; may be inherited."""
    cdef Cursor sequence
    if not more(&parameters) or peek_tag(&parameters) == TAG_NULL:
        return 0
    sequence = take_tlv(&parameters, TAG_SEQUENCE, b'parameters')
    certificate.key_bits = take_key_integer_bits(&sequence, b'parameters')
    return 0


cdef int read_explicit_curve(Certificate certificate, Cursor parameters) except -1:
    """The field of SpecifiedECDomain, SEC 1 appendix C.2; the rest is not looked at."""
    cdef Cursor domain = take_tlv(&parameters, TAG_SEQUENCE, b'parameters')
    cdef Cursor field_id, two
    cdef str field_type
    certificate.curve = 'explicit'
    take_integer(&domain, b'parameters')
    field_id = take_tlv(&domain, TAG_SEQUENCE, b'parameters')
    field_type = take_oid_text(&field_id, b'parameters')
    if field_type == '1.2.840.10045.1.1':
        certificate.key_bits = take_key_integer_bits(&field_id, b'parameters')
    elif field_type == '1.2.840.10045.1.2':
        two = take_tlv(&field_id, TAG_SEQUENCE, b'parameters')
        certificate.key_bits = <int>take_small_integer(&two, 0xFFFF, b'parameters')
    return 0


cdef int read_curve(Certificate certificate, Cursor parameters) except -1:
    """ECParameters, RFC 5480 section 2.1.1: a name, or everything spelt out."""
    if peek_tag(&parameters) == TAG_SEQUENCE:
        return read_explicit_curve(certificate, parameters)
    certificate.curve = take_oid_text(&parameters, b'parameters')
    certificate.key_bits = CURVE_BITS.get(certificate.curve, 0)
    return 0


cdef int take_public_key(Cursor *tbs, Certificate certificate) except -1:
    """SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7."""
    cdef const uint8_t *start = tbs.pos
    cdef Cursor info = take_tlv(tbs, TAG_SEQUENCE, b'subject_public_key_info')
    cdef Cursor algorithm = take_tlv(&info, TAG_SEQUENCE, b'subject_public_key_info')
    cdef Cursor parameters, key
    cdef int unused
    certificate.public_key_algorithm = take_oid_text(&algorithm, b'algorithm')
    parameters = take_parameters(&algorithm)
    key = take_bits(&info, &unused, b'subject_public_key')
    if unused:
        fail_at(tbs, RULE_BIT_STRING_INVALID, b'subject_public_key', key.pos)
    expect_end(&info, b'subject_public_key_info')
    if not sound(tbs):
        return 0
    certificate.subject_public_key_info = to_bytes(whole(start, tbs))
    certificate.public_key_parameters = to_bytes(parameters)
    certificate.public_key = to_bytes(key)
    certificate.curve = ''
    certificate.key_type = <str>KEY_TYPES.get(
        certificate.public_key_algorithm, certificate.public_key_algorithm)
    if certificate.key_type == 'RSA':
        read_rsa_key(certificate, key)
    elif certificate.key_type == 'EC':
        read_curve(certificate, parameters)
    elif certificate.key_type == 'DSA':
        read_dsa_parameters(certificate, parameters)
    return 0


cdef Cursor take_parameters(Cursor *algorithm) noexcept:
    """parameters ANY OPTIONAL of an AlgorithmIdentifier, with tag and length."""
    cdef const uint8_t *start = algorithm.pos
    cdef int tag
    if more(algorithm):
        take_any(algorithm, &tag, b'parameters')
        expect_end(algorithm, b'parameters')
    return whole(start, algorithm)


# -- extensions of certificates ------------------------------------------------------------


cdef enum Known:
    UNKNOWN_EXTENSION
    SUBJECT_KEY_IDENTIFIER
    KEY_USAGE
    SUBJECT_ALT_NAME
    BASIC_CONSTRAINTS
    NAME_CONSTRAINTS
    CRL_DISTRIBUTION_POINTS
    CERTIFICATE_POLICIES
    AUTHORITY_KEY_IDENTIFIER
    EXTENDED_KEY_USAGE
    AUTHORITY_INFO_ACCESS
    TLS_FEATURE
    SIGNED_CERTIFICATE_TIMESTAMPS


cdef dict KNOWN_EXTENSIONS = {
    '2.5.29.14': SUBJECT_KEY_IDENTIFIER,
    '2.5.29.15': KEY_USAGE,
    '2.5.29.17': SUBJECT_ALT_NAME,
    '2.5.29.19': BASIC_CONSTRAINTS,
    '2.5.29.30': NAME_CONSTRAINTS,
    '2.5.29.31': CRL_DISTRIBUTION_POINTS,
    '2.5.29.32': CERTIFICATE_POLICIES,
    '2.5.29.35': AUTHORITY_KEY_IDENTIFIER,
    '2.5.29.37': EXTENDED_KEY_USAGE,
    '1.3.6.1.5.5.7.1.1': AUTHORITY_INFO_ACCESS,
    '1.3.6.1.5.5.7.1.24': TLS_FEATURE,
    '1.3.6.1.4.1.11129.2.4.2': SIGNED_CERTIFICATE_TIMESTAMPS,
}


cdef tuple take_oids(Cursor *c, const char *field):
    """SEQUENCE OF OBJECT IDENTIFIER: ExtKeyUsageSyntax, RFC 5280 section 4.2.1.12."""
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef list found = []
    while more(&sequence):
        found.append(take_oid_text(&sequence, field))
    return tuple(found)


cdef tuple take_policies(Cursor *c, const char *field):
    """SEQUENCE OF PolicyInformation, RFC 5280 section 4.2.1.4: their identifiers."""
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef Cursor policy
    cdef list found = []
    while more(&sequence):
        policy = take_tlv(&sequence, TAG_SEQUENCE, field)
        found.append(take_oid_text(&policy, field))
        take_optional(&policy, TAG_SEQUENCE, field)
        expect_end(&policy, field)
    return tuple(found)


cdef uint32_t take_key_usage(Cursor *c, const char *field) noexcept:
    """KeyUsage, RFC 5280 section 4.2.1.3: its bit n is 1 << n. Bits from 16 on are dropped.

    DER's rules about unused bits and trailing zeros are not held against anyone: OpenSSL
    masks the former and does not mind the latter.
    """
    cdef int unused, bit, at = 0
    cdef Cursor content = take_bits(c, &unused, field)
    cdef uint32_t usage = 0
    cdef uint8_t octet
    while content.pos != content.end and at < 16:
        octet = content.pos[0]
        content.pos += 1
        if content.pos == content.end:
            octet &= <uint8_t>(0xFF << unused)
        for bit in range(8):
            if octet & (0x80 >> bit):
                usage |= <uint32_t>1 << (at + bit)
        at += 8
    return usage


cdef BasicConstraints take_basic_constraints(Cursor *c, const char *field):
    cdef BasicConstraints constraints = BasicConstraints.__new__(BasicConstraints)
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    if peek_tag(&sequence) == TAG_BOOLEAN:
        constraints.ca = take_boolean(&sequence, field)
    if more(&sequence):
        constraints.path_len_constraint = take_small_integer(&sequence, 0x7FFFFFFF, field)
    expect_end(&sequence, field)
    return constraints


cdef AuthorityKeyIdentifier take_authority_key_identifier(Cursor *c, const char *field):
    """SEQUENCE { [0] KeyIdentifier, [1] GeneralNames, [2] CertificateSerialNumber }."""
    cdef AuthorityKeyIdentifier found = AuthorityKeyIdentifier.__new__(AuthorityKeyIdentifier)
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef Cursor part = take_optional(&sequence, TAG_CONTEXT, field)
    if part.pos != NULL:
        found.key_identifier = to_bytes(part)
    found.authority_cert_issuer = ()
    part = take_optional(&sequence, TAG_CONTEXT_CONSTRUCTED | 1, field)
    if part.pos != NULL:
        found.authority_cert_issuer = take_general_names(&part, field)
    part = take_optional(&sequence, TAG_CONTEXT | 2, field)
    if part.pos != NULL:
        check_integer(&sequence, part, field)
        found.authority_cert_serial_number = int.from_bytes(to_bytes(part), 'big', signed=True)
    expect_end(&sequence, field)
    return found


cdef int take_authority_info_access(Cursor *c, Certificate certificate, const char *field) except -1:
    """SEQUENCE OF AccessDescription, RFC 5280 section 4.2.2.1: the URIs of two methods."""
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef Cursor description
    cdef list ocsp = []
    cdef list ca_issuers = []
    cdef str method
    cdef GeneralName location
    while more(&sequence):
        description = take_tlv(&sequence, TAG_SEQUENCE, field)
        method = take_oid_text(&description, field)
        location = take_general_name(&description, field)
        expect_end(&description, field)
        if sound(c) and location.kind == 6:
            if method == '1.3.6.1.5.5.7.48.1':
                ocsp.append(location.text)
            elif method == '1.3.6.1.5.5.7.48.2':
                ca_issuers.append(location.text)
    certificate.ocsp_urls = tuple(ocsp)
    certificate.ca_issuers_urls = tuple(ca_issuers)
    return 0


cdef int take_distribution_point_name(Cursor *c, list found, const char *field) except -1:
    """DistributionPointName ::= CHOICE { [0] fullName, [1] nameRelativeToCRLIssuer }."""
    cdef Cursor full_name
    cdef GeneralName name
    cdef int tag = peek_tag(c)
    if tag == TAG_CONTEXT_CONSTRUCTED | 1:
        take_tlv(c, tag, field)
        return 0
    full_name = take_tlv(c, TAG_CONTEXT_CONSTRUCTED, field)
    for name in take_general_names(&full_name, field):
        if sound(c) and name.kind == 6:
            found.append(name.text)
    return 0


cdef tuple take_crl_distribution_points(Cursor *c, const char *field):
    """SEQUENCE OF DistributionPoint, RFC 5280 section 4.2.1.13: the URIs."""
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef Cursor point, name
    cdef list found = []
    while more(&sequence):
        point = take_tlv(&sequence, TAG_SEQUENCE, field)
        name = take_optional(&point, TAG_CONTEXT_CONSTRUCTED, field)
        if name.pos != NULL:
            take_distribution_point_name(&name, found, field)
            expect_end(&name, field)
        take_optional(&point, TAG_CONTEXT | 1, field)
        take_optional(&point, TAG_CONTEXT_CONSTRUCTED | 2, field)
        expect_end(&point, field)
    return tuple(found)


cdef tuple take_subtrees(Cursor *c, int tag, const char *field):
    """[tag] GeneralSubtrees, RFC 5280 section 4.2.1.10: minimum is 0, maximum is absent."""
    cdef Cursor subtrees = take_optional(c, tag, field)
    cdef Cursor subtree, minimum
    cdef list found = []
    if subtrees.pos == NULL:
        return ()
    while more(&subtrees):
        subtree = take_tlv(&subtrees, TAG_SEQUENCE, field)
        found.append(take_general_name(&subtree, field))
        minimum = take_optional(&subtree, TAG_CONTEXT, field)
        if minimum.pos != NULL:
            small_integer(&subtree, minimum, 0, field)
        expect_end(&subtree, field)
    return tuple(found)


cdef NameConstraints take_name_constraints(Cursor *c, const char *field):
    cdef NameConstraints constraints = NameConstraints.__new__(NameConstraints)
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    constraints.permitted_subtrees = take_subtrees(&sequence, TAG_CONTEXT_CONSTRUCTED, field)
    constraints.excluded_subtrees = take_subtrees(&sequence, TAG_CONTEXT_CONSTRUCTED | 1, field)
    expect_end(&sequence, field)
    return constraints


cdef tuple take_tls_feature(Cursor *c, const char *field):
    """Features ::= SEQUENCE OF INTEGER, RFC 7633 section 4.1: TLS extension types."""
    cdef Cursor sequence = take_tlv(c, TAG_SEQUENCE, field)
    cdef list found = []
    while more(&sequence):
        found.append(take_small_integer(&sequence, 0xFFFF, field))
    return tuple(found)


cdef Py_ssize_t count_timestamps(Cursor *c, const char *field) noexcept:
    """SerializedSCT sct_list<1..2^16-1> in an OCTET STRING, RFC 6962 section 3.3.

    A list that does not fit counts as none, and is no fault of the certificate: to a
    client it is a certificate without timestamps.
    """
    cdef Fault fault = Fault(ParseFault.OK, NULL, NULL)
    cdef Cursor value = Cursor(c.pos, c.end, &fault)
    cdef Cursor octets = take_tlv(&value, TAG_OCTET_STRING, field)
    cdef Cursor timestamps = take_vector(&octets, 2, 1, 0xFFFF, field)
    cdef Py_ssize_t count = 0
    # Ends: each round takes two octets at least, or sets the fault.
    while more(&timestamps):
        take_vector(&timestamps, 2, 1, 0xFFFF, field)
        count += 1
    expect_end(&octets, field)
    expect_end(&value, field)
    take(c, c.end - c.pos, field)
    return count if fault.code == ParseFault.OK else 0


cdef int read_extension(Certificate found, int known, Cursor *c) except -1:
    """Decode the value of an extension that we know; a fault carries the extension's name."""
    cdef const char *field = b'extn_value'
    cdef Cursor names
    if known == SUBJECT_ALT_NAME:
        field = b'subject_alt_name'
        names = take_tlv(c, TAG_SEQUENCE, field)
        found.subject_alt_name = take_general_names(&names, field)
    elif known == KEY_USAGE:
        field = b'key_usage'
        found.key_usage = take_key_usage(c, field)
    elif known == EXTENDED_KEY_USAGE:
        field = b'extended_key_usage'
        found.extended_key_usage = take_oids(c, field)
    elif known == BASIC_CONSTRAINTS:
        field = b'basic_constraints'
        found.basic_constraints = take_basic_constraints(c, field)
    elif known == SUBJECT_KEY_IDENTIFIER:
        field = b'subject_key_identifier'
        found.subject_key_identifier = to_bytes(take_tlv(c, TAG_OCTET_STRING, field))
    elif known == AUTHORITY_KEY_IDENTIFIER:
        field = b'authority_key_identifier'
        found.authority_key_identifier = take_authority_key_identifier(c, field)
    elif known == AUTHORITY_INFO_ACCESS:
        field = b'authority_info_access'
        take_authority_info_access(c, found, field)
    elif known == CRL_DISTRIBUTION_POINTS:
        field = b'crl_distribution_points'
        found.crl_urls = take_crl_distribution_points(c, field)
    elif known == CERTIFICATE_POLICIES:
        field = b'certificate_policies'
        found.certificate_policies = take_policies(c, field)
    elif known == NAME_CONSTRAINTS:
        field = b'name_constraints'
        found.name_constraints = take_name_constraints(c, field)
    elif known == TLS_FEATURE:
        field = b'tls_feature'
        found.tls_feature = take_tls_feature(c, field)
    elif known == SIGNED_CERTIFICATE_TIMESTAMPS:
        field = b'signed_certificate_timestamp_list'
        found.signed_certificate_timestamps = count_timestamps(c, field)
    else:
        return 0
    expect_end(c, field)
    return 0


cdef Extension take_extension(Cursor *sequence, Certificate certificate):
    """One Extension, RFC 5280 section 4.1, decoded into its certificate if we know it."""
    cdef Cursor content = take_tlv(sequence, TAG_SEQUENCE, b'extensions')
    cdef Extension extension = Extension.__new__(Extension)
    cdef Cursor value
    extension.oid = take_oid_text(&content, b'extn_id')
    if peek_tag(&content) == TAG_BOOLEAN:
        extension.critical = take_boolean(&content, b'critical')
    value = take_tlv(&content, TAG_OCTET_STRING, b'extn_value')
    expect_end(&content, b'extensions')
    extension.value = to_bytes(value)
    if sound(sequence):
        read_extension(certificate, KNOWN_EXTENSIONS.get(extension.oid, UNKNOWN_EXTENSION), &value)
    return extension


cdef int take_certificate_extensions(Cursor *tbs, Certificate certificate) except -1:
    """[3] EXPLICIT Extensions, RFC 5280 section 4.1.2.9: no OID twice."""
    cdef Cursor wrapper = take_optional(tbs, TAG_CONTEXT_CONSTRUCTED | 3, b'extensions')
    cdef Cursor sequence
    cdef const uint8_t *start
    cdef Extension extension
    cdef set seen = set()
    cdef list found = []
    if wrapper.pos == NULL:
        return 0
    sequence = take_tlv(&wrapper, TAG_SEQUENCE, b'extensions')
    while more(&sequence):
        start = sequence.pos
        extension = take_extension(&sequence, certificate)
        if extension.oid in seen:
            fail_at(tbs, RULE_DUPLICATE_CERTIFICATE_EXTENSION, b'extn_id', start)
        seen.add(extension.oid)
        found.append(extension)
    expect_end(&wrapper, b'extensions')
    certificate.extensions = tuple(found)
    certificate.unknown_critical_extensions = tuple([
        extension.oid for extension in found
        if extension.critical and extension.oid not in KNOWN_EXTENSIONS
    ])
    return 0


# -- certificates ------------------------------------------------------------------------


cdef Certificate new_certificate(bytes der):
    cdef Certificate certificate = Certificate.__new__(Certificate)
    certificate.der = der
    certificate.extensions = certificate.unknown_critical_extensions = ()
    certificate.ocsp_urls = certificate.ca_issuers_urls = certificate.crl_urls = ()
    certificate.certificate_policies = certificate.tls_feature = ()
    return certificate


cdef uint8_t take_version(Cursor *tbs) noexcept:
    """[0] EXPLICIT Version DEFAULT v1, RFC 5280 section 4.1.2.1: 1, 2 or 3."""
    cdef Cursor wrapper = take_optional(tbs, TAG_CONTEXT_CONSTRUCTED, b'version')
    cdef const uint8_t *start = wrapper.pos
    cdef Cursor content
    if start == NULL:
        return 1
    content = take_integer(&wrapper, b'version')
    expect_end(&wrapper, b'version')
    if sound(tbs) and (content.end - content.pos != 1 or content.pos[0] > 2):
        fail_at(tbs, RULE_CERTIFICATE_VERSION_UNKNOWN, b'version', start)
    return content.pos[0] + 1 if sound(tbs) else 0


cdef int take_tbs(Cursor *c, Certificate certificate) except -1:
    """TBSCertificate, field by field."""
    cdef Cursor tbs = take_tlv(c, TAG_SEQUENCE, b'tbs_certificate')
    cdef Cursor algorithm, validity
    certificate.version = take_version(&tbs)
    certificate.serial_octets = to_bytes(take_integer(&tbs, b'serial_number'))
    algorithm = take_tlv(&tbs, TAG_SEQUENCE, b'signature')
    certificate.tbs_signature_algorithm = take_oid_text(&algorithm, b'signature')
    take_parameters(&algorithm)
    certificate.issuer = take_name(&tbs, b'issuer')
    validity = take_tlv(&tbs, TAG_SEQUENCE, b'validity')
    certificate.not_before = take_time(&validity, b'not_before')
    certificate.not_after = take_time(&validity, b'not_after')
    expect_end(&validity, b'validity')
    certificate.subject = take_name(&tbs, b'subject')
    take_public_key(&tbs, certificate)
    take_optional(&tbs, TAG_CONTEXT | 1, b'issuer_unique_id')
    take_optional(&tbs, TAG_CONTEXT | 2, b'subject_unique_id')
    take_certificate_extensions(&tbs, certificate)
    expect_end(&tbs, b'tbs_certificate')
    return 0


def parse_certificate(bytes der not None):
    """Decode an X.509 certificate.

    Layout, RFC 5280 section 4.1::

        Certificate    ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
        TBSCertificate ::= SEQUENCE { [0] version DEFAULT v1, serialNumber, signature, issuer,
            validity, subject, subjectPublicKeyInfo, [1] issuerUniqueID OPTIONAL,
            [2] subjectUniqueID OPTIONAL, [3] extensions OPTIONAL }

    The encoding is held to DER where DER decides what is read: lengths, tags, integers.
    Where clients in use are lenient so is this parser: serials of any sign and size, names
    in any string type with any octets, any order in a SET, extensions in any version, a
    default that is spelt out, any octet but zero for true. Whether a certificate is good
    is not asked here. Extensions that are known are decoded at once, so that a malformed
    one is told with its name as the field.

    Args:
        der: one certificate and nothing else.

    Raises:
        ParseError: the octets do not fit.
    """
    cdef Fault fault
    cdef Cursor c = cursor_of(der, &fault)
    cdef const uint8_t *start = start_of(der)
    cdef Cursor outer = take_tlv(&c, TAG_SEQUENCE, b'certificate')
    cdef Cursor algorithm, signature
    cdef int unused
    cdef Certificate certificate = new_certificate(der)
    expect_end(&c, b'certificate')
    start = outer.pos
    take_tbs(&outer, certificate)
    certificate.tbs_certificate = to_bytes(whole(start, &outer))
    algorithm = take_tlv(&outer, TAG_SEQUENCE, b'signature_algorithm')
    certificate.signature_algorithm = take_oid_text(&algorithm, b'signature_algorithm')
    certificate.signature_parameters = to_bytes(take_parameters(&algorithm))
    signature = take_bits(&outer, &unused, b'signature_value')
    # No signature is a string of other than whole octets. OpenSSL reads such a certificate
    # and lets its signature fail; an empty one fails here as well.
    certificate.signature = b'' if unused else to_bytes(signature)
    expect_end(&outer, b'certificate')
    conclude(&fault, start_of(der))
    return certificate

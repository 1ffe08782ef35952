"""The walk over a certificate revocation list, in one pass and in pieces of any size.

A CRL of half a million entries has 20 MB and is asked about a few serial numbers. Its
entries are looked at where the octets lie, and none becomes an object unless it was sought;
at any time only the element under way is held. What a CRL means is the business of `crl`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memset

from fleetscan._parse cimport (
    RULE_CERTIFICATE_VERSION_UNKNOWN,
    RULE_DUPLICATE_CERTIFICATE_EXTENSION,
    RULE_LENGTH_OUT_OF_RANGE,
    RULE_OK,
    RULE_TAG_UNEXPECTED,
    RULE_TOO_MANY_EXTENSIONS,
    RULE_TRAILING_DATA,
    RULE_TRUNCATED,
    TAG_BIT_STRING,
    TAG_BOOLEAN,
    TAG_CONTEXT_CONSTRUCTED,
    TAG_GENERALIZED_TIME,
    TAG_INTEGER,
    TAG_OCTET_STRING,
    TAG_SEQUENCE,
    TAG_UTC_TIME,
    Buffer,
    Cursor,
    Fault,
    buffer_append,
    buffer_borrow,
    buffer_free,
    buffer_keep,
    buffer_pending,
    expect_end,
    fail,
    fail_at,
    more,
    peek_tag,
    sound,
    take_any,
    take_bits,
    take_boolean,
    take_integer,
    take_length,
    take_oid,
    take_oid_text,
    take_time,
    take_tlv,
    take_u8,
    whole,
)

from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError
from fleetscan.limits import MAX_CRL_FIELD, MAX_CRL_MATCHES, MAX_EXTENSIONS


cdef enum:
    TAG_ENUMERATED = 0x0A
    # A tag, the octet that says how long the length is, and the five that settle even a
    # length which no buffer holds.
    MAX_HEADER = 7
    # One bit for each pair of last octets of a serial number.
    LIKELY_OCTETS = 8192

cdef enum Part:
    # What comes next.
    CERTIFICATE_LIST
    TBS_CERT_LIST
    VERSION
    SIGNATURE
    ISSUER
    THIS_UPDATE
    NEXT_UPDATE
    REVOKED_CERTIFICATES
    ENTRIES
    CRL_EXTENSIONS
    SIGNATURE_ALGORITHM
    SIGNATURE_VALUE
    NOTHING

cdef int64_t NO_END = <int64_t>1 << 62
cdef Py_ssize_t FIELD_BOUND = MAX_CRL_FIELD
cdef Py_ssize_t MATCHES_BOUND = MAX_CRL_MATCHES
cdef int EXTENSIONS_BOUND = MAX_EXTENSIONS

# id-ce (RFC 5280 section 4.2.1) is 2.5.29; entry extensions are told by the arc behind it.
cdef const uint8_t *ID_CE = b'\x55\x1d'
cdef enum:
    REASON_CODE = 21
    INVALIDITY_DATE = 24
    CERTIFICATE_ISSUER = 29
    NO_REASON = -1


cdef struct Element:
    int tag
    Py_ssize_t header    # octets of tag and length
    Py_ssize_t content   # octets behind them


cdef struct EntryExtensions:
    int reason              # NO_REASON when absent
    Cursor certificate_issuer   # pos NULL when absent
    Cursor unknown          # the OID's element of a critical one we do not know, or NULL


cdef inline bytes to_bytes(Cursor c):
    return PyBytes_FromStringAndSize(<const char *>c.pos, c.end - c.pos)


cdef inline Py_ssize_t likely_bit(const uint8_t *serial, Py_ssize_t n) noexcept:
    return (serial[n - 2] << 8 if n > 1 else 0) | serial[n - 1]


cdef inline int entry_extension_of(Cursor oid) noexcept:
    """The last arc of an OID under id-ce, or 0."""
    if oid.end - oid.pos == 3 and memcmp(oid.pos, ID_CE, 2) == 0:
        return oid.pos[2]
    return 0


cdef inline int take_reason(Cursor *c) noexcept:
    """CRLReason ::= ENUMERATED, RFC 5280 section 5.3.1; values above 127 have no name either."""
    cdef Cursor content = take_tlv(c, TAG_ENUMERATED, b'reason_code')
    if sound(c) and content.end - content.pos != 1:
        fail_at(c, RULE_LENGTH_OUT_OF_RANGE, b'reason_code', content.pos)
    return content.pos[0] if sound(c) else NO_REASON


cdef inline void take_entry_extension(Cursor *sequence, EntryExtensions *found) noexcept:
    """One Extension of an entry, RFC 5280 section 5.3."""
    cdef Cursor content = take_tlv(sequence, TAG_SEQUENCE, b'crl_entry_extensions')
    cdef const uint8_t *start = content.pos
    cdef Cursor oid = take_oid(&content, b'extn_id')
    cdef Cursor element = whole(start, &content)
    cdef bint critical = False
    cdef Cursor value
    cdef int known
    if peek_tag(&content) == TAG_BOOLEAN:
        critical = take_boolean(&content, b'critical')
    value = take_tlv(&content, TAG_OCTET_STRING, b'extn_value')
    expect_end(&content, b'crl_entry_extensions')
    if not sound(sequence):
        return
    known = entry_extension_of(oid)
    if known == REASON_CODE:
        found.reason = take_reason(&value)
        expect_end(&value, b'reason_code')
    elif known == CERTIFICATE_ISSUER:
        found.certificate_issuer = take_tlv(&value, TAG_SEQUENCE, b'certificate_issuer')
        expect_end(&value, b'certificate_issuer')
    elif known != INVALIDITY_DATE and critical and found.unknown.pos == NULL:
        found.unknown = element


cdef class CrlEntry:
    """One entry for a serial number that was sought, RFC 5280 section 5.3.

    Attributes:
        user_certificate: the octets of the serial number.
        revocation_date: Unix seconds, UTC.
        reason_code: CRLReason's number, -1 when there is none.
        certificate_issuer: the GeneralNames that the last certificateIssuer extension up to
            this entry gave (section 5.3.3), without their outer tag; None before the first.
    """

    cdef readonly bytes user_certificate
    cdef readonly int64_t revocation_date
    cdef readonly int reason_code
    cdef readonly bytes certificate_issuer

    def __init__(self):
        raise TypeError('CrlEntry is made by the reader only')


cdef class CrlReader:
    """Reads a CRL that is fed in pieces, for some serial numbers.

    Layout, RFC 5280 section 5.1::

        CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }
        TBSCertList     ::= SEQUENCE { version OPTIONAL, signature, issuer, thisUpdate,
            nextUpdate OPTIONAL, revokedCertificates OPTIONAL, [0] crlExtensions OPTIONAL }
        revokedCertificates ::= SEQUENCE OF SEQUENCE {
            userCertificate, revocationDate, crlEntryExtensions OPTIONAL }

    Held to DER as certificates are. Lenient where clients are: extensions in any version, an
    empty revokedCertificates, an empty list of extensions, serial numbers of any sign and
    size. An attribute has its value once its field was read; how the octets were cut changes
    neither what is read nor the refusal.

    Args:
        sought: serial numbers as octets, as `Certificate.serial_octets` has them.

    Attributes:
        tbs_start: octets in front of the signed ones, once they are known.
        tbs_end: octets up to the end of the signed ones; 0 until known.
        version: 1 or 2; 0 until known.
        signature: the AlgorithmIdentifier's DER that is signed, b"" until known.
        signature_algorithm: its OID, "" until known.
        signature_parameters: its parameters' DER, b"" when absent.
        issuer: the Name's DER, b"" until known.
        this_update: Unix seconds, UTC.
        next_update: the same; None when absent.
        entry_count: entries read.
        entries: those that were sought, in their order.
        unknown_critical_entry_extension: OID of the first one, "" when there is none.
        extensions: (OID, critical, value) of each CRL extension.
        outer_signature_algorithm: the AlgorithmIdentifier's DER that is not signed.
        signature_value: b"" when it is not of whole octets.
    """

    cdef Buffer buffer
    cdef bytes fed
    cdef object refusal
    cdef Part part
    cdef Py_ssize_t wanted      # octets that the element under way needs
    cdef int64_t offset         # of the first pending octet
    cdef int64_t list_end
    cdef int64_t entries_end
    cdef frozenset sought
    cdef Py_ssize_t most_entries
    cdef bytes certificate_issuer
    cdef uint8_t likely[LIKELY_OCTETS]

    cdef readonly int64_t tbs_start
    cdef readonly int64_t tbs_end
    cdef readonly int version
    cdef readonly bytes signature
    cdef readonly str signature_algorithm
    cdef readonly bytes signature_parameters
    cdef readonly bytes issuer
    cdef readonly int64_t this_update
    cdef readonly object next_update
    cdef readonly int64_t entry_count
    cdef readonly list entries
    cdef readonly str unknown_critical_entry_extension
    cdef readonly tuple extensions
    cdef readonly bytes outer_signature_algorithm
    cdef readonly bytes signature_value

    def __cinit__(self, sought):
        cdef bytes serial
        cdef Py_ssize_t bit
        self.sought = frozenset(sought)
        self.most_entries = MATCHES_BOUND * len(self.sought)
        memset(self.likely, 0, LIKELY_OCTETS)
        for serial in self.sought:
            if not serial:
                raise ValueError('a serial number has at least one octet')
            bit = likely_bit(<const uint8_t *>PyBytes_AS_STRING(serial), PyBytes_GET_SIZE(serial))
            self.likely[bit >> 3] |= <uint8_t>(1 << (bit & 7))
        self.wanted = MAX_HEADER
        self.signature = self.signature_parameters = self.issuer = b''
        self.outer_signature_algorithm = self.signature_value = b''
        self.signature_algorithm = self.unknown_critical_entry_extension = ''
        self.entries = []
        self.extensions = ()

    def __dealloc__(self):
        buffer_free(&self.buffer)

    def feed(self, bytes octets not None):
        """Read on.

        Raises:
            ParseError: the octets do not fit; then always that one. Its offset counts from
                the first octet that was ever fed.
        """
        cdef Buffer *buffer = &self.buffer
        cdef Py_ssize_t n = PyBytes_GET_SIZE(octets)
        if self.refusal is not None:
            raise self.refusal
        if n == 0:
            return
        if buffer_pending(buffer) == 0:
            buffer_free(buffer)
            self.fed = octets
            buffer_borrow(buffer, <const uint8_t *>PyBytes_AS_STRING(octets), n)
        else:
            if n > buffer.size - buffer.tail:
                # What was read makes room first: no more is held than one element and a piece.
                buffer_keep(buffer, max(buffer.size, buffer_pending(buffer) + n))
            buffer_append(buffer, <const uint8_t *>PyBytes_AS_STRING(octets), n)
        # Ends: each step takes an octet, goes on to the next part, or waits.
        while self.step():
            pass
        if buffer_pending(buffer) == 0:
            buffer_free(buffer)
        elif self.wanted > buffer.size - buffer.head:
            buffer_keep(buffer, max(self.wanted, buffer.size, buffer_pending(buffer)))
        self.fed = None

    def finish(self):
        """Say that there is no more.

        Raises:
            ParseError: the CRL is not whole, or was refused before.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.part != NOTHING:
            self.refuse(RULE_TRUNCATED, 'certificate_list',
                        self.offset + buffer_pending(&self.buffer))

    # -- elements ------------------------------------------------------------------------

    cdef int refuse(self, int rule, str field, int64_t offset) except -1:
        buffer_free(&self.buffer)
        self.fed = None
        self.refusal = ParseError(ParseFault(rule), field, offset)
        raise self.refusal

    cdef int conclude(self, const Fault *fault) except -1:
        """Raise what a cursor over the pending octets could only remember."""
        cdef const uint8_t *start = self.buffer.start + self.buffer.head
        if fault.code != RULE_OK:
            self.refuse(<int>fault.code, fault.field.decode('ascii'),
                        self.offset + (fault.at - start))
        return 0

    cdef void consume(self, Py_ssize_t n) noexcept:
        self.buffer.head += n
        self.offset += n

    cdef bint peek(self, int64_t end, const char *field, Element *element) except -1:
        """Read tag and length of the next element, which must end by `end`.

        False when octets are missing. What is refused is refused at the same octet whether
        the octets came together or one by one.
        """
        cdef int64_t room = end - self.offset
        cdef Py_ssize_t n = min(<int64_t>buffer_pending(&self.buffer), room)
        cdef const uint8_t *start = self.buffer.start + self.buffer.head
        cdef Fault fault = Fault(RULE_OK, field, start)
        cdef Cursor c = Cursor(start, start + n, &fault)
        element.tag = take_u8(&c, field)
        element.content = take_length(&c, field)
        element.header = c.pos - start
        if fault.code == RULE_TRUNCATED and n < MAX_HEADER and n < room:
            self.wanted = MAX_HEADER
            return False
        if sound(&c) and element.content > room - element.header:
            fail(&c, RULE_TRUNCATED, field)
        self.conclude(&fault)
        return True

    cdef bint at_hand(self, const Element *element, const char *field) except -1:
        """Whether all of an element is there; its size is bounded, because it is held."""
        cdef Py_ssize_t size = element.header + element.content
        if size > FIELD_BOUND:
            self.refuse(RULE_LENGTH_OUT_OF_RANGE, field.decode('ascii'), self.offset)
        if size > buffer_pending(&self.buffer):
            self.wanted = size
            return False
        return True

    cdef Cursor cursor(self, const Element *element, Fault *fault) noexcept:
        """Over one whole element."""
        cdef const uint8_t *start = self.buffer.start + self.buffer.head
        fault.code = RULE_OK
        fault.field = b''
        fault.at = start
        return Cursor(start, start + element.header + element.content, fault)

    cdef int expect(self, const Element *element, int tag, const char *field) except -1:
        if element.tag != tag:
            self.refuse(RULE_TAG_UNEXPECTED, field.decode('ascii'), self.offset)
        return 0

    # -- parts -----------------------------------------------------------------------------

    cdef bint step(self) except -1:
        """Take what comes next; False when octets are missing or nothing is to come."""
        if self.part == ENTRIES:
            return self.step_entries()
        if self.part <= TBS_CERT_LIST:
            return self.step_into()
        if self.part <= REVOKED_CERTIFICATES:
            return self.step_header()
        if self.part == CRL_EXTENSIONS:
            return self.step_extensions()
        return self.step_signature()

    cdef bint step_into(self) except -1:
        """The two outer SEQUENCEs, whose content is walked and not held."""
        cdef Element element
        cdef bint outer = self.part == CERTIFICATE_LIST
        cdef const char *field = b'certificate_list' if outer else b'tbs_cert_list'
        if not self.peek(NO_END if outer else self.list_end, field, &element):
            return False
        self.expect(&element, TAG_SEQUENCE, field)
        if outer:
            self.list_end = self.offset + element.header + element.content
            self.part = TBS_CERT_LIST
        else:
            self.tbs_start = self.offset
            self.tbs_end = self.offset + element.header + element.content
            self.part = VERSION
        self.consume(element.header)
        return True

    cdef bint step_header(self) except -1:
        """The fields in front of the entries."""
        cdef Element element
        cdef Fault fault
        cdef Cursor c
        if self.part >= NEXT_UPDATE and self.offset == self.tbs_end:
            self.part = SIGNATURE_ALGORITHM
            return True
        if not self.peek(self.tbs_end, self.field(), &element):
            return False
        if self.is_absent(&element):
            self.part = (
                CRL_EXTENSIONS if self.part == REVOKED_CERTIFICATES else <Part>(self.part + 1))
            return True
        if self.part == REVOKED_CERTIFICATES:
            self.entries_end = self.offset + element.header + element.content
            self.consume(element.header)
            self.part = ENTRIES
            return True
        if not self.at_hand(&element, self.field()):
            return False
        c = self.cursor(&element, &fault)
        self.take_header(&c)
        expect_end(&c, self.field())
        self.conclude(&fault)
        self.consume(element.header + element.content)
        self.part = <Part>(self.part + 1)
        return True

    cdef const char *field(self) noexcept:
        """The name of the field of the header that comes next."""
        if self.part == VERSION:
            return b'version'
        if self.part == SIGNATURE:
            return b'signature'
        if self.part == ISSUER:
            return b'issuer'
        if self.part == THIS_UPDATE:
            return b'this_update'
        return b'next_update' if self.part == NEXT_UPDATE else b'revoked_certificates'

    cdef bint is_absent(self, const Element *element) noexcept:
        """Whether the next field is an optional one, and the next element something else."""
        if self.part == VERSION:
            return element.tag != TAG_INTEGER
        if self.part == NEXT_UPDATE:
            return element.tag != TAG_UTC_TIME and element.tag != TAG_GENERALIZED_TIME
        return self.part == REVOKED_CERTIFICATES and element.tag != TAG_SEQUENCE

    cdef int take_header(self, Cursor *c) except -1:
        cdef const uint8_t *start = c.pos
        cdef Cursor content
        cdef int64_t seconds
        if self.part == VERSION:
            # Version is v2(1) where it is there at all (RFC 5280 section 5.1.2.1).
            content = take_integer(c, b'version')
            if sound(c) and (content.end - content.pos != 1 or content.pos[0] != 1):
                fail_at(c, RULE_CERTIFICATE_VERSION_UNKNOWN, b'version', start)
            self.version = 2
        elif self.part == SIGNATURE:
            self.version = self.version or 1
            self.take_algorithm(c)
        elif self.part == ISSUER:
            take_tlv(c, TAG_SEQUENCE, b'issuer')
            self.issuer = to_bytes(whole(start, c))
        elif self.part == THIS_UPDATE:
            self.this_update = take_time(c, b'this_update')
        else:
            seconds = take_time(c, b'next_update')
            self.next_update = seconds
        return 0

    cdef int take_algorithm(self, Cursor *c) except -1:
        """AlgorithmIdentifier ::= SEQUENCE { algorithm, parameters ANY OPTIONAL }."""
        cdef const uint8_t *start = c.pos
        cdef Cursor algorithm = take_tlv(c, TAG_SEQUENCE, b'signature')
        cdef str oid = take_oid_text(&algorithm, b'signature')
        cdef const uint8_t *parameters = algorithm.pos
        cdef int tag
        if more(&algorithm):
            take_any(&algorithm, &tag, b'signature')
        expect_end(&algorithm, b'signature')
        if sound(c):
            self.signature = to_bytes(whole(start, c))
            self.signature_parameters = to_bytes(whole(parameters, &algorithm))
            self.signature_algorithm = oid
        return 0

    cdef bint step_entries(self) except -1:
        """As many entries as there are octets of."""
        cdef Element element
        cdef Fault fault
        cdef Cursor c
        # Ends: each round takes two octets at least, or refuses.
        while self.offset != self.entries_end:
            if not self.peek(self.entries_end, b'revoked_certificates', &element):
                return False
            self.expect(&element, TAG_SEQUENCE, b'revoked_certificates')
            if not self.at_hand(&element, b'revoked_certificates'):
                return False
            c = self.cursor(&element, &fault)
            self.take_entry(&c)
            self.conclude(&fault)
            self.consume(element.header + element.content)
            self.entry_count += 1
        self.part = CRL_EXTENSIONS
        return True

    cdef int take_entry(self, Cursor *c) except -1:
        cdef Cursor entry = take_tlv(c, TAG_SEQUENCE, b'revoked_certificates')
        cdef Cursor serial = take_integer(&entry, b'user_certificate')
        cdef int64_t revoked_at = take_time(&entry, b'revocation_date')
        cdef EntryExtensions found = EntryExtensions(
            NO_REASON, Cursor(NULL, NULL, c.fault), Cursor(NULL, NULL, c.fault))
        cdef Cursor extensions
        cdef Py_ssize_t bit
        if more(&entry):
            extensions = take_tlv(&entry, TAG_SEQUENCE, b'crl_entry_extensions')
            while more(&extensions):
                take_entry_extension(&extensions, &found)
            expect_end(&entry, b'crl_entry_extensions')
        if not sound(c):
            return 0
        if found.certificate_issuer.pos != NULL:
            self.certificate_issuer = to_bytes(found.certificate_issuer)
        if found.unknown.pos != NULL and not self.unknown_critical_entry_extension:
            self.unknown_critical_entry_extension = take_oid_text(&found.unknown, b'extn_id')
        bit = likely_bit(serial.pos, serial.end - serial.pos)
        if self.likely[bit >> 3] & (1 << (bit & 7)):
            self.keep(c, to_bytes(serial), revoked_at, found.reason)
        return 0

    cdef int keep(self, Cursor *c, bytes serial, int64_t revoked_at, int reason) except -1:
        """Make an object of an entry that is sought."""
        cdef CrlEntry entry
        if serial not in self.sought:
            return 0
        if len(self.entries) == self.most_entries:
            fail(c, RULE_LENGTH_OUT_OF_RANGE, b'user_certificate')
            return 0
        entry = CrlEntry.__new__(CrlEntry)
        entry.user_certificate = serial
        entry.revocation_date = revoked_at
        entry.reason_code = reason
        entry.certificate_issuer = self.certificate_issuer
        self.entries.append(entry)
        return 0

    cdef bint step_extensions(self) except -1:
        """[0] EXPLICIT Extensions, the last of what is signed."""
        cdef Element element
        cdef Fault fault
        cdef Cursor c
        if self.offset != self.tbs_end:
            if not self.peek(self.tbs_end, b'crl_extensions', &element):
                return False
            self.expect(&element, TAG_CONTEXT_CONSTRUCTED, b'crl_extensions')
            if not self.at_hand(&element, b'crl_extensions'):
                return False
            c = self.cursor(&element, &fault)
            self.take_extensions(&c)
            self.conclude(&fault)
            self.consume(element.header + element.content)
        if self.offset != self.tbs_end:
            self.refuse(RULE_TRAILING_DATA, 'tbs_cert_list', self.offset)
        self.part = SIGNATURE_ALGORITHM
        return True

    cdef int take_extensions(self, Cursor *c) except -1:
        cdef Cursor wrapper = take_tlv(c, TAG_CONTEXT_CONSTRUCTED, b'crl_extensions')
        cdef Cursor sequence = take_tlv(&wrapper, TAG_SEQUENCE, b'crl_extensions')
        cdef Cursor content
        cdef const uint8_t *start
        cdef bint critical
        cdef str oid
        cdef set seen = set()
        cdef list found = []
        while more(&sequence):
            start = sequence.pos
            content = take_tlv(&sequence, TAG_SEQUENCE, b'crl_extensions')
            oid = take_oid_text(&content, b'extn_id')
            critical = False
            if peek_tag(&content) == TAG_BOOLEAN:
                critical = take_boolean(&content, b'critical')
            found.append((
                oid, critical, to_bytes(take_tlv(&content, TAG_OCTET_STRING, b'extn_value'))))
            expect_end(&content, b'crl_extensions')
            if oid in seen:
                fail_at(c, RULE_DUPLICATE_CERTIFICATE_EXTENSION, b'extn_id', start)
            if len(found) > EXTENSIONS_BOUND:
                fail_at(c, RULE_TOO_MANY_EXTENSIONS, b'crl_extensions', start)
            seen.add(oid)
        expect_end(&wrapper, b'crl_extensions')
        self.extensions = tuple(found)
        return 0

    cdef bint step_signature(self) except -1:
        """What follows the signed octets."""
        cdef Element element
        cdef Fault fault
        cdef Cursor c
        cdef bint algorithm = self.part == SIGNATURE_ALGORITHM
        cdef const char *field = b'signature_algorithm' if algorithm else b'signature_value'
        if self.part == NOTHING:
            if buffer_pending(&self.buffer):
                self.refuse(RULE_TRAILING_DATA, 'certificate_list', self.offset)
            return False
        if not self.peek(self.list_end, field, &element):
            return False
        self.expect(&element, TAG_SEQUENCE if algorithm else TAG_BIT_STRING, field)
        if not self.at_hand(&element, field):
            return False
        c = self.cursor(&element, &fault)
        if algorithm:
            self.outer_signature_algorithm = to_bytes(c)
        else:
            self.take_signature_value(&c)
        self.conclude(&fault)
        self.consume(element.header + element.content)
        if not algorithm and self.offset != self.list_end:
            self.refuse(RULE_TRAILING_DATA, 'certificate_list', self.offset)
        self.part = <Part>(self.part + 1)
        return True

    cdef int take_signature_value(self, Cursor *c) except -1:
        cdef int unused
        cdef Cursor content = take_bits(c, &unused, b'signature_value')
        # No signature is a string of other than whole octets; an empty one fails as well.
        self.signature_value = b'' if unused else to_bytes(content)
        return 0

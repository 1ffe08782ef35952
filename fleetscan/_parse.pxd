"""The cursor: the only code of the project that moves a raw pointer.

Once a fault is set every take_* returns zero or an empty cursor and moves nothing,
so a decoder reads like the RFC's struct and is checked once, at its end. Cursors cut
from one message share the fault: a bad inner field stops the outer one too.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t


cdef enum Rule:
    # Values of `ParseFault`, which `_parse.pyx` makes from these names.
    RULE_OK = 0
    RULE_TRUNCATED = 1
    RULE_TRAILING_DATA = 2
    RULE_LENGTH_OUT_OF_RANGE = 3
    RULE_CONTENT_TYPE_UNKNOWN = 4
    RULE_RECORD_VERSION_UNKNOWN = 5
    RULE_DUPLICATE_EXTENSION = 6
    RULE_CURVE_TYPE_UNSUPPORTED = 7
    RULE_STATUS_TYPE_UNSUPPORTED = 8
    RULE_TAG_UNEXPECTED = 9
    RULE_TAG_NUMBER_TOO_HIGH = 10
    RULE_LENGTH_INDEFINITE = 11
    RULE_LENGTH_NOT_MINIMAL = 12
    RULE_OBJECT_IDENTIFIER_INVALID = 13
    RULE_INTEGER_INVALID = 14
    RULE_INTEGER_OUT_OF_RANGE = 15
    RULE_BOOLEAN_INVALID = 16
    RULE_BIT_STRING_INVALID = 17
    RULE_TIME_INVALID = 18
    RULE_CERTIFICATE_VERSION_UNKNOWN = 19
    RULE_DUPLICATE_CERTIFICATE_EXTENSION = 20
    RULE_TOO_MANY_EXTENSIONS = 21


cdef struct Fault:
    Rule code            # first fault of the parse; later ones are ignored
    const char *field    # RFC name of the field being read when it happened
    const uint8_t *at    # where the reader stood; inside the buffer or at its end


cdef struct Cursor:
    const uint8_t *pos   # pos <= end, always
    const uint8_t *end
    Fault *fault         # shared by every cursor cut from one message


# -- octets --------------------------------------------------------------------


cdef inline void fail_at(Cursor *c, Rule rule, const char *field, const uint8_t *at) noexcept nogil:
    if c.fault.code == RULE_OK:
        c.fault.code = rule
        c.fault.field = field
        c.fault.at = at


cdef inline void fail(Cursor *c, Rule rule, const char *field) noexcept nogil:
    fail_at(c, rule, field, c.pos)


cdef inline bint sound(Cursor *c) noexcept nogil:
    return c.fault.code == RULE_OK


cdef inline bint more(Cursor *c) noexcept nogil:
    # The condition of every loop over a list: each round takes an octet or faults.
    return c.fault.code == RULE_OK and c.pos != c.end


cdef inline bint need(Cursor *c, Py_ssize_t n, const char *field) noexcept nogil:
    # Compare lengths, not pointers: pos + n can overflow, end - pos cannot.
    if c.fault.code == RULE_OK and n > c.end - c.pos:
        fail(c, RULE_TRUNCATED, field)
    return c.fault.code == RULE_OK


cdef inline uint8_t take_u8(Cursor *c, const char *field) noexcept nogil:
    if not need(c, 1, field):
        return 0
    c.pos += 1
    return c.pos[-1]


cdef inline uint16_t take_u16(Cursor *c, const char *field) noexcept nogil:
    if not need(c, 2, field):
        return 0
    c.pos += 2
    return <uint16_t>((c.pos[-2] << 8) | c.pos[-1])


cdef inline uint32_t take_u24(Cursor *c, const char *field) noexcept nogil:
    if not need(c, 3, field):
        return 0
    c.pos += 3
    return (<uint32_t>c.pos[-3] << 16) | (<uint32_t>c.pos[-2] << 8) | c.pos[-1]


cdef inline uint32_t take_u32(Cursor *c, const char *field) noexcept nogil:
    if not need(c, 4, field):
        return 0
    c.pos += 4
    return (
        (<uint32_t>c.pos[-4] << 24) | (<uint32_t>c.pos[-3] << 16)
        | (<uint32_t>c.pos[-2] << 8) | c.pos[-1]
    )


cdef inline Cursor take(Cursor *c, Py_ssize_t n, const char *field) noexcept nogil:
    """The next `n` octets as a cursor of their own."""
    cdef Cursor part = Cursor(c.pos, c.pos, c.fault)
    if need(c, n, field):
        c.pos += n
        part.end = c.pos
    return part


cdef inline Cursor take_vector(
    Cursor *c, int width, Py_ssize_t floor, Py_ssize_t ceiling, const char *field
) noexcept nogil:
    """A vector `<floor..ceiling>` behind a length of `width` octets (RFC 8446 section 3.4)."""
    cdef const uint8_t *at = c.pos
    cdef Py_ssize_t length
    if width == 1:
        length = take_u8(c, field)
    elif width == 2:
        length = take_u16(c, field)
    else:
        length = take_u24(c, field)
    if sound(c) and (length < floor or length > ceiling):
        fail_at(c, RULE_LENGTH_OUT_OF_RANGE, field, at)
    return take(c, length, field)


cdef inline void expect_end(Cursor *c, const char *field) noexcept nogil:
    if c.fault.code == RULE_OK and c.pos != c.end:
        fail(c, RULE_TRAILING_DATA, field)


# -- buffer of the two readers ---------------------------------------------------
#
# What was fed last is read where it lies, for as long as nothing older is pending. What
# is left of it is kept in memory of exactly the size that the record or message under
# way will have: peers choose how many connections wait for their last octet at once.


cdef struct Buffer:
    uint8_t *start       # pending are start[head:tail]
    Py_ssize_t head
    Py_ssize_t tail
    Py_ssize_t size      # octets of our own at start; 0 when they belong to a `bytes`


cdef int buffer_keep(Buffer *buffer, Py_ssize_t size) except -1
cdef int buffer_append(Buffer *buffer, const uint8_t *octets, Py_ssize_t n) except -1
cdef void buffer_free(Buffer *buffer) noexcept


cdef inline void buffer_borrow(Buffer *buffer, const uint8_t *octets, Py_ssize_t n) noexcept nogil:
    # Nothing is ever written to memory whose size is 0.
    buffer.start = <uint8_t *>octets
    buffer.head = 0
    buffer.tail = n


cdef inline Py_ssize_t buffer_pending(const Buffer *buffer) noexcept nogil:
    return buffer.tail - buffer.head


# -- DER (X.690) -----------------------------------------------------------------


cdef enum Tag:
    TAG_BOOLEAN = 0x01
    TAG_INTEGER = 0x02
    TAG_BIT_STRING = 0x03
    TAG_OCTET_STRING = 0x04
    TAG_NULL = 0x05
    TAG_OBJECT_IDENTIFIER = 0x06
    TAG_UTC_TIME = 0x17
    TAG_GENERALIZED_TIME = 0x18
    TAG_SEQUENCE = 0x30
    TAG_SET = 0x31
    TAG_CONTEXT = 0x80
    TAG_CONTEXT_CONSTRUCTED = 0xA0


cdef inline int peek_tag(Cursor *c) noexcept nogil:
    """The next tag octet, or -1 when there is none."""
    return c.pos[0] if more(c) else -1


cdef inline Py_ssize_t take_length(Cursor *c, const char *field) noexcept nogil:
    """Definite and minimal, as X.690 section 10.1 asks.

    Four octets of length are more than any buffer here holds: a longer one is read as
    the truncation that it would be.
    """
    cdef const uint8_t *at = c.pos
    cdef Py_ssize_t length = take_u8(c, field)
    cdef int octets, i
    if length < 0x80:
        return length
    if length == 0x80:
        fail_at(c, RULE_LENGTH_INDEFINITE, field, at)
        return 0
    octets = length & 0x7F
    if not need(c, octets if octets < 5 else 5, field):
        return 0
    if c.pos[0] == 0 or (octets == 1 and c.pos[0] < 0x80):
        fail_at(c, RULE_LENGTH_NOT_MINIMAL, field, at)
        return 0
    if octets > 4:
        fail(c, RULE_TRUNCATED, field)
        return 0
    length = 0
    for i in range(octets):
        length = (length << 8) | c.pos[i]
    c.pos += octets
    return length


cdef inline Cursor take_tlv(Cursor *c, int tag, const char *field) noexcept nogil:
    """The content of the next element, which must carry `tag`."""
    cdef int found
    if not need(c, 1, field):
        return Cursor(c.pos, c.pos, c.fault)
    found = c.pos[0]
    if found != tag:
        fail(c, RULE_TAG_UNEXPECTED, field)
        return Cursor(c.pos, c.pos, c.fault)
    c.pos += 1
    return take(c, take_length(c, field), field)


cdef inline Cursor take_any(Cursor *c, int *tag, const char *field) noexcept nogil:
    """The content of the next element, whatever its tag of one octet is."""
    tag[0] = peek_tag(c)
    if tag[0] >= 0 and (tag[0] & 0x1F) == 0x1F:
        fail(c, RULE_TAG_NUMBER_TOO_HIGH, field)
    return take_tlv(c, tag[0], field)


cdef inline Cursor take_optional(Cursor *c, int tag, const char *field) noexcept nogil:
    """The content of the next element if it carries `tag`; else a cursor with pos NULL."""
    if peek_tag(c) == tag:
        return take_tlv(c, tag, field)
    return Cursor(NULL, NULL, c.fault)


cdef inline Cursor whole(const uint8_t *start, Cursor *c) noexcept nogil:
    """What was taken since `start`: an element with its tag and length."""
    return Cursor(start, c.pos, c.fault)


cdef inline bint take_boolean(Cursor *c, const char *field) noexcept nogil:
    """DER asks for 0xff; every value but zero is read as true, as OpenSSL does."""
    cdef Cursor content = take_tlv(c, TAG_BOOLEAN, field)
    if sound(c) and content.end - content.pos != 1:
        fail_at(c, RULE_BOOLEAN_INVALID, field, content.pos)
    return sound(c) and content.pos[0] != 0


cdef inline void check_integer(Cursor *c, Cursor content, const char *field) noexcept nogil:
    """Not empty and no superfluous first octet (X.690 section 8.3.2)."""
    cdef Py_ssize_t n = content.end - content.pos
    if not sound(c):
        return
    if n == 0 or (n > 1 and content.pos[0] == 0x00 and content.pos[1] < 0x80) or (
        n > 1 and content.pos[0] == 0xFF and content.pos[1] >= 0x80
    ):
        fail_at(c, RULE_INTEGER_INVALID, field, content.pos)


cdef inline Cursor take_integer(Cursor *c, const char *field) noexcept nogil:
    """The octets of an INTEGER of any size."""
    cdef Cursor content = take_tlv(c, TAG_INTEGER, field)
    check_integer(c, content, field)
    return content


cdef inline int64_t small_integer(
    Cursor *c, Cursor content, int64_t ceiling, const char *field
) noexcept nogil:
    """The value of INTEGER octets that must lie in 0..ceiling; ceiling below 2^31."""
    cdef int64_t value = 0
    cdef const uint8_t *at = content.pos
    check_integer(c, content, field)
    if not sound(c):
        return 0
    if at[0] >= 0x80 or content.end - at > 5:
        fail_at(c, RULE_INTEGER_OUT_OF_RANGE, field, at)
        return 0
    while content.pos != content.end:
        value = (value << 8) | content.pos[0]
        content.pos += 1
    if value > ceiling:
        fail_at(c, RULE_INTEGER_OUT_OF_RANGE, field, at)
        return 0
    return value


cdef inline int64_t take_small_integer(
    Cursor *c, int64_t ceiling, const char *field
) noexcept nogil:
    return small_integer(c, take_tlv(c, TAG_INTEGER, field), ceiling, field)


cdef inline int unsigned_bits(Cursor content) noexcept nogil:
    """Bits of INTEGER octets read as a number without sign, as OpenSSL reads RSA keys."""
    cdef int bits = 0
    cdef uint8_t top
    while content.pos != content.end and content.pos[0] == 0:
        content.pos += 1
    if content.pos == content.end:
        return 0
    top = content.pos[0]
    while top:
        bits += 1
        top >>= 1
    return bits + 8 * <int>(content.end - content.pos - 1)


cdef inline Cursor take_bits(Cursor *c, int *unused, const char *field) noexcept nogil:
    """The octets of a BIT STRING behind their count of unused bits, which is 0 to 7."""
    cdef Cursor content = take_tlv(c, TAG_BIT_STRING, field)
    unused[0] = 0
    if not sound(c):
        return content
    if content.pos == content.end or content.pos[0] > 7 or (
        content.pos[0] and content.end - content.pos == 1
    ):
        fail_at(c, RULE_BIT_STRING_INVALID, field, content.pos)
        return Cursor(c.pos, c.pos, c.fault)
    unused[0] = content.pos[0]
    content.pos += 1
    return content


# Octets of one arc of an OBJECT IDENTIFIER: 19 hold 133 bits, enough for the UUIDs
# under 2.25 (X.667), and bound the work an arc can make.
cdef enum:
    MAX_ARC_OCTETS = 19


cdef inline Cursor check_oid(Cursor *c, Cursor content, const char *field) noexcept nogil:
    """Whole arcs, each minimal (X.690 section 8.19.2) and bounded."""
    cdef const uint8_t *p = content.pos
    cdef const uint8_t *arc = p
    if not sound(c):
        return content
    if p == content.end or content.end[-1] >= 0x80:
        fail_at(c, RULE_OBJECT_IDENTIFIER_INVALID, field, p)
        return content
    while p != content.end:  # ends: p grows each round
        if p == arc and p[0] == 0x80:
            fail_at(c, RULE_OBJECT_IDENTIFIER_INVALID, field, p)
            break
        if p - arc >= MAX_ARC_OCTETS:
            fail_at(c, RULE_OBJECT_IDENTIFIER_INVALID, field, arc)
            break
        p += 1
        if p[-1] < 0x80:
            arc = p
    return content


cdef inline Cursor take_oid(Cursor *c, const char *field) noexcept nogil:
    return check_oid(c, take_tlv(c, TAG_OBJECT_IDENTIFIER, field), field)


cdef str take_oid_text(Cursor *c, const char *field)


# -- time ------------------------------------------------------------------------


cdef inline int64_t days_from_civil(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 in the proleptic Gregorian calendar; year 0 and later.

    Years begin in March here, so that the leap day is the last of its year.
    """
    cdef int64_t y = year - (month <= 2)
    cdef int64_t era = (y if y >= 0 else y - 399) // 400
    cdef int64_t of_era = y - era * 400
    cdef int64_t of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef inline int two_digits(const uint8_t *p) noexcept nogil:
    """0 to 99, or -1."""
    if p[0] < 0x30 or p[0] > 0x39 or p[1] < 0x30 or p[1] > 0x39:
        return -1
    return (p[0] - 0x30) * 10 + (p[1] - 0x30)


cdef inline int days_in_month(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef inline int64_t take_time(Cursor *c, const char *field) noexcept nogil:
    """Unix seconds of YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ (RFC 5280 section 4.1.2.5).

    Other forms of X.680 (no seconds, fractions, offsets) are refused: OpenSSL's
    verifier calls them a format error, browsers do not take them either.
    """
    cdef int tag, year, month, day, hour, minute, second
    cdef const uint8_t *start = c.pos
    cdef Cursor content = take_any(c, &tag, field)
    cdef const uint8_t *p = content.pos
    cdef Py_ssize_t n = content.end - content.pos
    if not sound(c):
        return 0
    if tag != TAG_UTC_TIME and tag != TAG_GENERALIZED_TIME:
        fail_at(c, RULE_TAG_UNEXPECTED, field, start)
        return 0
    if n != (13 if tag == TAG_UTC_TIME else 15) or content.end[-1] != 0x5A:
        fail_at(c, RULE_TIME_INVALID, field, p)
        return 0
    year = two_digits(p)
    if tag == TAG_UTC_TIME:
        year += 1900 if year >= 50 else 2000
        p += 2
        if two_digits(p - 2) < 0:
            year = -1
    else:
        year = year * 100 + two_digits(p + 2) if year >= 0 and two_digits(p + 2) >= 0 else -1
        p += 4
    month = two_digits(p)
    day = two_digits(p + 2)
    hour = two_digits(p + 4)
    minute = two_digits(p + 6)
    second = two_digits(p + 8)
    if (
        year < 0 or month < 1 or month > 12 or day < 1 or day > days_in_month(year, month)
        or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59
    ):
        fail_at(c, RULE_TIME_INVALID, field, content.pos)
        return 0
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second

"""The octets of a TLSCiphertext (RFC 8446 section 5.2): nonce, header, padding, content type.

The AEAD itself is `cryptography`'s. A handshake opens half a dozen records and seals two or
three, and what is done around each in Python costs more than the AEAD does.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from cryptography.exceptions import InvalidTag

from fleetscan import limits
from fleetscan.tls.violations import ViolationError


cdef enum:
    APPLICATION_DATA = 23
    IV_LENGTH = 12  # octets; N_MIN of every AEAD of TLS 1.3 (RFC 8446 section 5.3)


cdef Py_ssize_t MAX_PLAINTEXT = limits.MAX_PLAINTEXT


cdef class RecordCipher:
    """One direction under one key: an AEAD, its IV and how many records there were."""

    cdef object encrypt
    cdef object decrypt
    cdef Py_ssize_t tag_length
    cdef uint8_t iv[IV_LENGTH]
    cdef uint64_t sequence_number

    def rekey(self, aead, bytes iv not None, Py_ssize_t tag_length):
        """Begin with a new key: the sequence number is 0 (RFC 8446 section 5.3).

        Args:
            aead: with the methods of `cryptography`'s.
            iv: 12 octets.
            tag_length: octets that the AEAD adds.
        """
        if PyBytes_GET_SIZE(iv) != IV_LENGTH:
            raise ValueError('the IV has 12 octets')
        self.encrypt = aead.encrypt
        self.decrypt = aead.decrypt
        self.tag_length = tag_length
        memcpy(self.iv, PyBytes_AS_STRING(iv), IV_LENGTH)
        self.sequence_number = 0

    cdef bytes nonce(self):
        """The sequence number as 12 octets, XOR the IV (RFC 8446 section 5.3)."""
        cdef uint8_t octets[IV_LENGTH]
        cdef uint64_t number = self.sequence_number
        cdef int at
        self.sequence_number += 1
        memcpy(octets, self.iv, IV_LENGTH)
        for at in range(8):
            octets[IV_LENGTH - 1 - at] ^= <uint8_t>(number >> (8 * at))
        return PyBytes_FromStringAndSize(<const char *>octets, IV_LENGTH)

    cpdef bytes seal_one(self, uint8_t content_type, bytes fragment):
        """One TLSCiphertext with its header: the fragment, then the type, without padding.

        Whoever wants padding gives type 0, and has put the true type and all but one of the
        zeros behind the fragment.
        """
        cdef Py_ssize_t length = PyBytes_GET_SIZE(fragment)
        cdef Py_ssize_t sealed = length + 1 + self.tag_length
        cdef bytes inner, header
        cdef uint8_t *to
        cdef uint8_t head[5]
        if sealed > 0xFFFF:
            raise ValueError('longer than a record')
        inner = PyBytes_FromStringAndSize(NULL, length + 1)
        to = <uint8_t *>PyBytes_AS_STRING(inner)
        memcpy(to, PyBytes_AS_STRING(fragment), length)
        to[length] = content_type
        # opaque_type application_data and legacy_record_version (RFC 8446 section 5.2).
        head[0] = APPLICATION_DATA
        head[1] = head[2] = 3
        head[3] = <uint8_t>(sealed >> 8)
        head[4] = <uint8_t>(sealed & 0xFF)
        header = PyBytes_FromStringAndSize(<const char *>head, 5)
        return header + self.encrypt(self.nonce(), inner, header)

    def seal(self, uint8_t content_type, bytes fragment not None):
        """TLSCiphertext records, headers included, without padding."""
        cdef Py_ssize_t length = PyBytes_GET_SIZE(fragment)
        cdef Py_ssize_t start
        if length <= MAX_PLAINTEXT:
            return self.seal_one(content_type, fragment)
        return b''.join([
            self.seal_one(content_type, fragment[start:start + MAX_PLAINTEXT])
            for start in range(0, length, MAX_PLAINTEXT)
        ])

    def open(self, int content_type, bytes header not None, bytes fragment not None):
        """The inner content type and octets of one TLSCiphertext.

        Raises:
            ViolationError: it does not authenticate, is too long, or is nothing but padding.
        """
        cdef bytes inner
        cdef const uint8_t *octets
        cdef Py_ssize_t length
        if content_type != APPLICATION_DATA:
            raise ViolationError('unexpected_message')
        try:
            inner = self.decrypt(self.nonce(), fragment, header)
        except (InvalidTag, ValueError) as refused:
            raise ViolationError('bad_record_mac') from refused
        octets = <const uint8_t *>PyBytes_AS_STRING(inner)
        length = PyBytes_GET_SIZE(inner)
        # Padding is zeros after the content type (RFC 8446 section 5.4). Ends: length shrinks.
        while length > 0 and octets[length - 1] == 0:
            length -= 1
        if length == 0:
            raise ViolationError('missing_content_type')
        if length > MAX_PLAINTEXT + 1:
            raise ViolationError('record_overflow')
        return octets[length - 1], PyBytes_FromStringAndSize(<const char *>octets, length - 1)

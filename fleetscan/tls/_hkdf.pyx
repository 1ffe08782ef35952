"""HMAC and HKDF of the TLS 1.3 key schedule, over hashlib's hashes.

A handshake takes 19 HMACs under 9 keys. `hmac.digest` spends most of its time on contexts of
OpenSSL's that are made and freed for each; here the two pads are written once for each key, and
only the two hashes (RFC 2104 section 2) are left. docs/performance.md has the figures.
"""

import hashlib

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset


cdef enum:
    MAX_BLOCK = 128  # octets, SHA-384's (FIPS 180-4 section 1)
    MAX_VECTOR = 255  # octets of a label and of a context (RFC 8446 section 7.1)
    MAX_INFO = 2 + 1 + MAX_VECTOR + 1 + MAX_VECTOR + 1
    INNER = 0x36  # ipad and opad of RFC 2104 section 2
    OUTER = 0x5C

# The constructor of each hash, and the octets of its blocks.
cdef dict HASHES = {'sha256': (hashlib.sha256, 64), 'sha384': (hashlib.sha384, 128)}


cdef class Hkdf:
    """HMAC and HKDF-Expand-Label under one key.

    Args:
        hash_name: `sha256` or `sha384`.
        key: at most as long as a block of that hash; every secret of TLS 1.3 is as long as
            its output.
    """

    cdef object constructor
    cdef Py_ssize_t block
    cdef uint8_t padded[MAX_BLOCK]

    def __init__(self, str hash_name not None, bytes key not None):
        cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
        self.constructor, self.block = HASHES[hash_name]
        if length > self.block:
            raise ValueError('a key longer than a block')
        memset(self.padded, 0, sizeof(self.padded))
        memcpy(self.padded, PyBytes_AS_STRING(key), length)

    cdef bytes keyed_hash(self, uint8_t pad, const uint8_t *octets, Py_ssize_t length):
        """H(K XOR pad, octets)."""
        cdef bytes whole = PyBytes_FromStringAndSize(NULL, self.block + length)
        cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(whole)
        cdef Py_ssize_t at
        for at in range(self.block):
            to[at] = self.padded[at] ^ pad
        memcpy(to + self.block, octets, length)
        return self.constructor(whole).digest()

    cdef bytes hmac_of(self, const uint8_t *octets, Py_ssize_t length):
        cdef bytes inner = self.keyed_hash(INNER, octets, length)
        return self.keyed_hash(
            OUTER, <const uint8_t *>PyBytes_AS_STRING(inner), PyBytes_GET_SIZE(inner)
        )

    def hmac(self, bytes message not None):
        """HMAC (RFC 2104 section 2).

        HKDF-Extract (RFC 5869 section 2.2) where the key is the salt.
        """
        return self.hmac_of(
            <const uint8_t *>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message)
        )

    def expand_label(self, bytes label not None, bytes context not None, Py_ssize_t length):
        """HKDF-Expand-Label (RFC 8446 section 7.1).

        Layout of what HKDF-Expand is given, the octet 1 behind it (RFC 5869 section 2.3)::

            uint16 length;
            opaque label<7..255>;
            opaque context<0..255>;

        Nothing in TLS 1.3 asks for more than one block of output, so T(1) is all of
        HKDF-Expand that is needed.

        Args:
            label: without its `tls13 `.
            context: a hash, or nothing.
            length: octets wanted, at most those of the hash.
        """
        cdef uint8_t info[MAX_INFO]
        cdef Py_ssize_t label_length = 6 + PyBytes_GET_SIZE(label)
        cdef Py_ssize_t context_length = PyBytes_GET_SIZE(context)
        cdef uint8_t *to = info
        cdef bytes output
        if label_length > MAX_VECTOR or context_length > MAX_VECTOR:
            raise ValueError('a label or context longer than 255 octets')
        to[0] = <uint8_t>(length >> 8)
        to[1] = <uint8_t>(length & 0xFF)
        to[2] = <uint8_t>label_length
        memcpy(to + 3, b'tls13 ', 6)
        memcpy(to + 9, PyBytes_AS_STRING(label), label_length - 6)
        to += 3 + label_length
        to[0] = <uint8_t>context_length
        memcpy(to + 1, PyBytes_AS_STRING(context), context_length)
        to += 1 + context_length
        to[0] = 1
        output = self.hmac_of(info, to + 1 - info)
        if not 0 <= length <= PyBytes_GET_SIZE(output):
            raise ValueError('more than one block of output')
        return output[:length]

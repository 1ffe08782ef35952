from fleetscan.tls.session cimport Session

cdef class Client:
    cdef public bint _closed
    cdef public Py_ssize_t _octets
    cdef public object _records
    cdef public Py_ssize_t _warnings
    cdef public Session session

    cpdef _drain(self)
    cpdef _receive_records(self)
    cpdef _receive_record(self, object record)
    cpdef _receive_handshake(self, bytes fragment)
    cpdef _receive_message(self, object message)

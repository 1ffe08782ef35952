# With this, session.py compiles to a C structure: a slot of it is read without a look-up.
# The code is that of session.py; nothing is declared here but what its slots hold.

cdef class Session:
    cdef public object alpn
    cdef public bint ccs_before_hello
    cdef public bint ccs_sent
    cdef public bint certificate_requested
    cdef public object cipher_suite
    cdef public object client_random
    cdef public bint completed
    cdef public bint confirmed
    cdef public bint ended_by_alert
    cdef public list events
    cdef public bint first_flight_only
    cdef public object flight_place
    cdef public object group
    cdef public object hello_retry
    cdef public Py_ssize_t history_length
    cdef public object identity
    cdef public Py_ssize_t idle_records
    cdef public bint is_tls13
    cdef public object key_exchange
    cdef public object leaf
    cdef public object messages
    cdef public object next_read
    cdef public double now
    cdef public object offered
    cdef public list out
    cdef public object profile
    cdef public object read
    cdef public object read_tls13
    cdef public object record_version
    cdef public object request_schemes
    cdef public object retained
    cdef public object schedule
    cdef public object secrets_tls12
    cdef public object server_hello
    cdef public object server_name
    cdef public object session_id
    cdef public object shares
    cdef public object shown_name
    cdef public object stage
    cdef public object state
    cdef public object suite_tls12
    cdef public object transcript
    cdef public bint unanswerable
    cdef public object version
    cdef public object write
    cdef public object write_tls13

    cpdef note(self, str letter)
    cpdef idle(self)

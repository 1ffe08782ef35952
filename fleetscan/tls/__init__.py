"""The TLS client without I/O: octets in, octets and events out; time and randomness are arguments.

The engine knows `conversation` alone. Below it stand `client` (records, alerts, the
table of states in `handlers`), the messages (`negotiation`, `tls13`, `tls12`), and
what those are made of: `session`, `hello`, `secrets`, `protection`, `signatures`.
"""

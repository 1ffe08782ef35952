"""The dialogues with a proxy that lead to a tunnel, without I/O, and the tunnel itself.

HTTP CONNECT (RFC 9110 section 9.3.6) with basic authentication (RFC 7617), and SOCKS5
(RFC 1928) with user name and password (RFC 1929).
"""

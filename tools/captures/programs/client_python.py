"""Connects to each target on standard input and prints what Python says: NAME TAB LINE."""

import socket
import ssl
import sys

ROOT, IDENTITY = sys.argv[1:3]


def attempt(address: str, port: str, server_name: str, mode: str) -> None:
    """One handshake, a request, and all of its answer."""
    context = ssl.create_default_context(cafile=ROOT)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if mode == "tls12":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if mode == "certificate":
        context.load_cert_chain(IDENTITY)
    with socket.create_connection((address, int(port)), timeout=2) as plain:
        plain.settimeout(2)
        with context.wrap_socket(plain, server_hostname=server_name or address) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while connection.recv(65_536):
                pass


for line in sys.stdin:
    name, *fields = line.rstrip("\n").split("\t")
    try:
        attempt(*fields)
    except OSError as failed:
        kind = type(failed)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        sys.stdout.write(f"{name}\t{module}{kind.__qualname__}: {failed}\n")

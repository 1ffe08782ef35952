"""tlslite-ng as a peer over memory: SSL 3.0, SRP, anonymous suites, compressed certificates."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from tests.tls_peers import identity

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports asyncore, which Python 3.12 has no more
    tlslite = import_module("tlslite.api")  # which has no types


class _Memory:
    """What it takes for a socket."""

    def __init__(self) -> None:
        self.received = b""
        self.sent = b""

    def recv(self, size: int) -> bytes:
        """What has come, or the error of a socket that would block."""
        if not self.received:
            raise OSError(errno.EWOULDBLOCK, "nothing yet")
        part, self.received = self.received[:size], self.received[size:]
        return part

    def send(self, octets: bytes) -> int:
        """Everything at once."""
        self.sent += bytes(octets)
        return len(octets)

    def sendall(self, octets: bytes) -> None:
        """The same."""
        self.send(octets)

    def close(self) -> None:
        """Nothing to close."""


class TlslitePeer:
    """A server of tlslite-ng: octets in, octets out.

    Args:
        kind: of the certificate's key; empty for none.
        settings: attributes of its `HandshakeSettings`.
        more: further arguments of its `handshakeServerAsync`.
    """

    def __init__(self, kind: str = "RSA-2048", more: Any = None, **settings: Any) -> None:  # noqa: ANN401
        chosen = tlslite.HandshakeSettings()
        for name, value in settings.items():
            assert hasattr(chosen, name), name
            setattr(chosen, name, value)
        arguments: dict[str, Any] = {"settings": chosen} | (more or {})
        if kind:
            issued = identity(kind)
            chain = tlslite.X509CertChain()
            chain.parsePemList(issued.pem.decode())
            arguments |= {
                "certChain": chain,
                "privateKey": tlslite.parsePEMKey(issued.key_pem.decode(), private=True),
            }
        self.memory = _Memory()
        self.connection = tlslite.TLSConnection(self.memory)
        self._steps: Iterator[int] = self.connection.handshakeServerAsync(**arguments)
        self.done = False
        self.error: Exception | None = None

    def receive(self, octets: bytes) -> bytes:
        """Take the client's octets and give back the server's."""
        self.memory.received += octets
        try:
            # Ends: a step that wants to read when there is nothing is the last.
            while not self.done and self.error is None:
                wants = next(self._steps, None)
                if wants is None:
                    self.done = True
                elif wants == 0 and not self.memory.received:
                    break
        except Exception as failed:  # noqa: BLE001  whatever it is, the test shows it
            self.error = failed
        sent, self.memory.sent = self.memory.sent, b""
        return sent

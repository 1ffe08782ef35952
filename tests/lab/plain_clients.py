"""Clients that know nothing of fleetscan: OpenSSL by way of `ssl`, and bare sockets.

They are what shows that the lab really plants what it says.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from fleetscan.inventory.target import Target
from fleetscan.lab import Lab

PATIENCE_S = 5.0
"""Seconds after which a client gives up: a lab that answers at all answers at once."""


LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]


class LabThread(threading.Thread):
    """A lab on an event loop of its own, so that blocking clients can talk to it."""

    def __init__(self, loop_factory: LoopFactory) -> None:
        super().__init__(daemon=True)
        self._loop_factory = loop_factory
        self.ready = threading.Event()
        self.lab: Lab | None = None
        self.failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_wanted = asyncio.Event()

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  # handed to the test's own thread
            self.failure = failure
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Lab() as lab:
            self.lab = lab
            self.ready.set()
            await self._end_wanted.wait()

    def end(self) -> None:
        """Stop the lab and wait for the thread; an error of the lab's is raised here."""
        if self._loop is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._end_wanted.set)
        self.join(30)
        if self.failure is not None:
            raise self.failure


@contextlib.contextmanager
def running_lab(loop_factory: LoopFactory = asyncio.new_event_loop) -> Iterator[Lab]:
    """A lab while the block lasts."""
    thread = LabThread(loop_factory)
    thread.start()
    thread.ready.wait(30)
    try:
        assert thread.lab is not None
        yield thread.lab
    finally:
        thread.end()


def connect(target: Target) -> socket.socket:
    """A connection to the target, with a deadline on every call."""
    return socket.create_connection((target.address, target.port), timeout=PATIENCE_S)


def client_context(trust_file: Path) -> ssl.SSLContext:
    """A strict client that trusts the lab's root only."""
    context = ssl.create_default_context(cafile=str(trust_file))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def lax_context() -> ssl.SSLContext:
    """A client that takes any certificate, any suite and any version OpenSSL still has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def handshake(
    target: Target, context: ssl.SSLContext, server_name: str | None = None
) -> ssl.SSLSocket:
    """A finished handshake; the name asked for is the target's unless another is given."""
    name = server_name if server_name is not None else target.reference_name
    return context.wrap_socket(connect(target), server_hostname=name or None)


def hello_octets(server_name: str, *, alpn: bool = True) -> bytes:
    """The ClientHello of TLS 1.2 and 1.3 that OpenSSL writes, whatever the system's default."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        context.set_alpn_protocols(["h2", "http/1.1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def read_to_end(connection: socket.socket, limit: int = 1 << 18) -> bytes:
    """Everything until FIN.

    Raises:
        ConnectionResetError: it was a RST.
        TimeoutError: nothing more came for as long as the socket waits.
    """
    received = b""
    while len(received) < limit:
        octets = connection.recv(65_536)
        if not octets:
            return received
        received += octets
    return received

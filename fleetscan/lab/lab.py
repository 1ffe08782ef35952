"""The lab as a whole: starts every condition on loopback, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm

from fleetscan.inventory.target import Target
from fleetscan.lab.authority import Authorities, to_utc
from fleetscan.lab.certificate_plans import CERTIFICATE_PLANS
from fleetscan.lab.conditions import Condition, Factory, Material, Plan
from fleetscan.lab.handshake_plans import HANDSHAKE_PLANS
from fleetscan.lab.hello_plans import HELLO_PLANS
from fleetscan.lab.servers import MAX_CONNECTIONS, Connections
from fleetscan.lab.socket_plans import SOCKET_PLANS

PLANS: Final[tuple[Plan, ...]] = CERTIFICATE_PLANS + HANDSHAKE_PLANS + HELLO_PLANS + SOCKET_PLANS

FIRST_ADDRESS: Final = "127.83.0.1"
ONLY_ADDRESS: Final = "127.0.0.1"

SETTLING_TURNS: Final = 12
"""Turns of the event loop that are enough for what was under way."""


def address_of(place: int) -> str:
    """The lab's address for the condition at this place of the list."""
    return f"127.83.{place // 250}.{place % 250 + 1}"


def _has_all_of_loopback() -> bool:
    """Whether any address of 127.0.0.0/8 can be bound: so on Linux, not on macOS."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((FIRST_ADDRESS, 0))
        except OSError:
            return False
    return True


class Lab:
    """A small broken fleet in this process.

    Use it as an asynchronous context manager::

        async with Lab() as lab:
            async for result in fleetscan.scan(lab.targets, config): ...

    Each condition listens on its own address in 127.0.0.0/8 and a free port; where the
    system has only 127.0.0.1, on ports of that.

    Args:
        clock: Unix seconds, UTC; what the certificates' dates are relative to.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._conditions: tuple[Condition, ...] = ()
        self._unavailable: tuple[str, ...] = ()
        self._folder: Path | None = None
        self._exits = contextlib.AsyncExitStack()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What was planted, with what a scan must say about it."""
        return self._conditions

    @property
    def unavailable(self) -> tuple[str, ...]:
        """Names of conditions that this machine's TLS libraries refuse to be built for."""
        return self._unavailable

    @property
    def targets(self) -> tuple[Target, ...]:
        """One target a condition, in the same order."""
        return tuple(condition.target for condition in self._conditions)

    @property
    def trust_file(self) -> Path:
        """A PEM file with the lab's root, there while the lab runs.

        Raises:
            RuntimeError: the lab was not started.
        """
        if self._folder is None:
            raise RuntimeError("the lab is not running")
        return self._folder / "root.pem"

    async def __aenter__(self) -> Self:
        """Start everything; on an error nothing stays behind.

        Raises:
            RuntimeError: the lab runs already.
            OSError: an address, a port or the temporary folder could not be had.
        """
        if self._folder is not None:
            raise RuntimeError("the lab is running already")
        async with contextlib.AsyncExitStack() as exits:
            await self._start(exits)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every listener and connection, and remove the folder."""
        await self._exits.aclose()

    async def _start(self, exits: contextlib.AsyncExitStack) -> None:
        exits.callback(self._forget)
        self._folder = Path(tempfile.mkdtemp(prefix="fleetscan-lab-"))
        exits.callback(shutil.rmtree, self._folder, ignore_errors=True)
        now = to_utc(self._clock())
        material = Material(authorities=Authorities.make(now), now=now, folder=self._folder)
        self.trust_file.write_bytes(material.authorities.root.pem)
        everywhere = _has_all_of_loopback()
        sockets = exits.enter_context(contextlib.ExitStack())
        listeners: list[Listener] = []
        exits.push_async_callback(_stop, listeners)
        conditions: list[Condition] = []
        unavailable: list[str] = []
        for place, plan in enumerate(PLANS):
            address = address_of(place) if everywhere else ONLY_ADDRESS
            listener = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            listener.bind((address, 0))
            condition = plan.on(address, listener.getsockname()[1])
            try:
                # A closed port stays bound and does not listen: it answers with a RST, and
                # nobody else can get it.
                if plan.build is not None:
                    factory = plan.build(material, condition.target.reference_name or address)
                    listeners.append(await _listen(listener, factory))
            except (ssl.SSLError, UnsupportedAlgorithm):
                # A hardened system's libraries refuse to be old or weak, even on purpose.
                unavailable.append(plan.name)
            else:
                conditions.append(condition)
        self._conditions = tuple(conditions)
        self._unavailable = tuple(unavailable)

    def _forget(self) -> None:
        self._folder = None
        self._conditions = ()
        self._unavailable = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One server and the connections to it."""

    server: asyncio.Server
    socket: socket.socket
    connections: Connections


async def _listen(listening: socket.socket, factory: Factory) -> Listener:
    listening.setblocking(False)
    connections = Connections()
    server = await asyncio.get_running_loop().create_server(
        functools.partial(factory, connections), sock=listening, backlog=MAX_CONNECTIONS
    )
    return Listener(server=server, socket=listening, connections=connections)


async def _stop(listeners: list[Listener]) -> None:
    """End every connection, then every listener.

    asyncio loses a connection that it accepted in the very turn in which its server is
    closed; so the loop first stops accepting, and finishes what it had begun. (uvloop
    does not lose them, and knows no such reader.)
    """
    loop = asyncio.get_running_loop()
    for listener in listeners:
        listener.connections.end()
        loop.remove_reader(listener.socket)
    await _settle()
    for listener in listeners:
        listener.server.close()
    await _settle()


async def _settle() -> None:
    """Let the loop finish what it began: a connection just accepted takes it three turns to
    reach its protocol, which then refuses it, and an ended one a turn or two to be closed."""
    for _ in range(SETTLING_TURNS):
        await asyncio.sleep(0)

"""Types of the transport's side of one probe. The docstrings are in `_connection.pyx`."""

import asyncio
import socket

from fleetscan.engine.config import Deadlines
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.proxies.tunnel import Tunnel

class Connection(asyncio.Protocol):
    conversation: Conversation | Tunnel
    waiter: asyncio.Future[None]
    failure: str
    octets: int
    def __init__(
        self,
        conversation: Conversation | Tunnel,
        sock: socket.socket,
        deadlines: Deadlines,
        started: float,
        total_at: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None: ...
    def abort(self) -> None: ...

"""Types of the transport's side of one probe. The docstrings are in `_connection.pyx`."""

import asyncio
import socket

from fleetscan.engine.config import Deadlines
from fleetscan.engine.manner import Manner
from fleetscan.engine.probe import Spoken

class Connection(asyncio.Protocol):
    conversation: Spoken
    waiter: asyncio.Future[None]
    failure: str
    octets: int
    def __init__(
        self,
        conversation: Spoken,
        sock: socket.socket,
        deadlines: Deadlines,
        started: float,
        total_at: float,
        loop: asyncio.AbstractEventLoop,
        manner: Manner | None = None,
    ) -> None: ...
    def abort(self) -> None: ...

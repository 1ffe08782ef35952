"""What the small servers of this folder share: a listener with a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


def serve(port: int, talk: Callable[[socket.socket], None]) -> None:
    """Accept on loopback until the process is ended; what `talk` raises ends one connection."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_one, args=(connection, talk), daemon=True).start()


def _one(connection: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with connection, contextlib.suppress(Exception):
        talk(connection)

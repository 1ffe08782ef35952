"""Loopback HTTP servers and resolvers for the tests of fetching."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from fleetscan.pki.fetch import FetchBounds, Fetcher
from fleetscan.pki.fetched import Fetched, FetchFailure, FetchOutcome, FetchReason
from tests.servers import serving

T = TypeVar("T")

LOOPBACK = ("127.0.0.0/8", "::1")
QUICK = FetchBounds(resolve_s=0.3, connect_s=0.3, silence_s=0.4, total_s=1.5, file_s=1.5)
"""Bounds for servers that never end: what is tested is that they are held."""


class Names:
    """A resolver that keeps what it was asked; a name's answers come one after the other."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self._answers = {name: list(each) for name, each in (answers or {}).items()}
        self.asked: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        """The next answer; the last one again and again."""
        self.asked.append(name)
        rest = self._answers.get(name, [()])
        return rest.pop(0) if len(rest) > 1 else rest[0]


class WatchedLoop(asyncio.SelectorEventLoop):
    """A loop that keeps every address connected to, and every name the system is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.connected: list[tuple[str, int]] = []
        self.looked_up: list[str] = []

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:  # noqa: ANN401
        """Note the address."""
        self.connected.append(address[:2])
        await super().sock_connect(sock, address)

    async def getaddrinfo(self, host: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        """Note the name."""
        self.looked_up.append(host)
        return await super().getaddrinfo(host, *rest, **more)


def watched(work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, WatchedLoop]:
    """Run `work`, and give its answer and the loop that it ran on."""
    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WatchedLoop)
        return runner.run(work()), loop


class Pages:
    """An HTTP server on loopback: raw responses by path, each as it stands, and what was asked."""

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self._pages = pages
        self.accepted = 0
        self.asked: list[bytes] = []
        self.paths: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer, close."""
        self.accepted += 1
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
        self.asked.append(head + await reader.readexactly(int(length)))
        path = head.split(b" ")[1].decode()
        self.paths.append(path)
        writer.write(self._pages.get(path, b"HTTP/1.1 404 Not Found\r\n\r\n"))
        await writer.drain()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The URL of a path here."""
        return f"http://{host}:{self.port}{path}"


@asynccontextmanager
async def pages(answers: Mapping[str, bytes], address: str = "127.0.0.1") -> AsyncIterator[Pages]:
    """A server of these answers; other paths are not found."""
    server = Pages(answers)
    async with serving(server.serve, address) as port:
        server.port = port
        yield server


def ok(content: bytes, *fields: bytes) -> bytes:
    """A plain response with its length."""
    head = (b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(content), *fields, b"", content)
    return b"\r\n".join(head)


def redirect(location: str, status: int = 302) -> bytes:
    """A redirect without content."""
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\n\r\n".encode()


def reason(outcome: FetchOutcome) -> FetchReason | None:
    """Why it failed; None when it did not."""
    return outcome.reason if isinstance(outcome, FetchFailure) else None


def octets(outcome: FetchOutcome) -> bytes | FetchFailure:
    """What came, or the whole failure, so that a test shows it."""
    return outcome.octets if isinstance(outcome, Fetched) else outcome


async def ask(
    url: str,
    names: Names | None = None,
    *,
    allow: Sequence[str] = LOOPBACK,
    bounds: FetchBounds | None = None,
    path: Path | None = None,
    max_octets: int = 10_000,
) -> FetchOutcome:
    """Fetch one URL with a fetcher of its own."""
    async with Fetcher(resolve=names or Names(), allow=allow, bounds=bounds) as fetcher:
        if path is not None:
            return await fetcher.fetch_to(path, url, max_octets=max_octets)
        return await fetcher.fetch(url, max_octets=max_octets)

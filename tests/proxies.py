"""Proxies of a few lines on loopback, written from the RFCs and not from our own dialogues."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.servers import Handler

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Asked:
    """What the clients of one proxy asked for."""

    places: list[tuple[str, int]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)


async def _join(client: Pair, server: Pair) -> None:
    """Carry octets both ways until both have ended."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while octets := await reader.read(65_536):
                writer.write(octets)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass

    try:
        await asyncio.gather(carry(client[0], server[1]), carry(server[0], client[1]))
    finally:
        server[1].close()


async def _reach(host: str, port: int, names: dict[str, str]) -> Pair:
    if host[-1].isalpha():
        if host not in names:
            raise OSError("no such name")
        host = names[host]
    return await asyncio.open_connection(host, port)


def http_proxy(
    asked: Asked, *, login: tuple[str, str] | None = None, names: dict[str, str] | None = None
) -> Handler:
    """CONNECT (RFC 9110 section 9.3.6), with basic authentication where `login` is given.

    Args:
        asked: filled with what clients ask for.
        login: user name and password that it wants.
        names: addresses of names that only this proxy knows.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.heads.append(head)
        request, *fields = head.decode("latin-1").split("\r\n")
        method, authority, version = request.split(" ")
        assert (method, version) == ("CONNECT", "HTTP/1.1")
        host, _, port = authority.rpartition(":")
        if login is not None:
            secret = base64.b64encode(":".join(login).encode()).decode()
            if f"Proxy-Authorization: Basic {secret}" not in fields:
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="test"\r\nContent-Length: 4\r\n\r\nwho?'
                )
                return
        host = host.removeprefix("[").removesuffix("]")
        asked.places.append((host, int(port)))
        try:
            server = await _reach(host, int(port), names or {})
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
        await _join((reader, writer), server)

    return handle


def socks5_proxy(
    asked: Asked, *, login: tuple[str, str] | None = None, names: dict[str, str] | None = None
) -> Handler:
    """CONNECT of RFC 1928, with RFC 1929 where `login` is given; args as above."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 0 if login is None else 2
        assert version == 5
        writer.write(bytes([5, wanted if wanted in methods else 0xFF]))
        if wanted not in methods:
            return
        if login is not None:
            (_, length) = await reader.readexactly(2)
            user = await reader.readexactly(length)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), password.decode()) == login
            writer.write(bytes([1, not good]))
            if not good:
                return
        head = await reader.readexactly(4)
        assert head[:3] == b"\x05\x01\x00"
        length = {1: 4, 4: 16}.get(head[3]) or (await reader.readexactly(1))[0]
        octets = await reader.readexactly(length)
        host = octets.decode() if head[3] == 3 else str(ipaddress.ip_address(octets))
        port = int.from_bytes(await reader.readexactly(2), "big")
        asked.places.append((host, port))
        try:
            server = await _reach(host, port, names or {})
        except OSError as failed:
            code = 5 if isinstance(failed, ConnectionRefusedError) else 4
            writer.write(bytes([5, code]) + bytes.fromhex("00 01 00000000 0000"))
            return
        bound = socket.inet_aton("127.0.0.1") + b"\x00\x50"
        writer.write(b"\x05\x00\x00\x01" + bound)
        await _join((reader, writer), server)

    return handle


def says(octets: bytes, *, after: int = 1, then: str = "waits") -> Handler:
    """A proxy that says this once so many octets came, and then `waits`, `closes` or `resets`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(after)
        writer.write(octets)
        if then == "waits":
            await reader.read()
        elif then == "resets":
            writer.transport.abort()

    return handle


KINDS: dict[str, Callable[..., Handler]] = {"http": http_proxy, "socks5": socks5_proxy}

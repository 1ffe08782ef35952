"""Fetching what certificates point to: the one place in `pki` that talks to the network.

The URLs were written by strangers, who may want something of ours reached in their stead. So
a name is resolved once per run, each of its addresses is checked, and the connection goes to
the address that was checked: nothing here gives a name to the system. There is no TLS, no
compression, no connection that is used twice, no cookie, no proxy.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeAlias
from urllib.parse import urljoin

from fleetscan import limits
from fleetscan.inventory.ranges import IPAddress, parse_address
from fleetscan.pki.fetch_guard import AddressGuard, Excluder, Place, parse_http_url, unmapped
from fleetscan.pki.fetched import Fetched, FetchFailure, FetchOutcome, FetchReason, failure
from fleetscan.pki.http_answer import AnswerReader
from fleetscan.text import printable

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a DNS name in A-labels; none when there are none or nobody knows."""

_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})
"""Redirects that a POST survives as one (RFC 9110 sections 15.4.8 and 15.4.9)."""

_READ: Final = 1 << 16
_WRITE: Final = 1 << 20
"""Octets read, and written to a file, at once."""

_UNREACHABLE: Final = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
)
_RESET: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBounds:
    """How much one run fetches, how long it waits (seconds) and how many it asks at once."""

    fetches: int = limits.MAX_FETCHES
    remembered: int = limits.MAX_FETCH_REMEMBERED
    concurrency: int = limits.FETCH_CONCURRENCY
    per_origin: int = limits.FETCH_PER_ORIGIN
    per_address: int = limits.FETCH_PER_ADDRESS
    resolve_s: float = limits.FETCH_RESOLVE_S
    connect_s: float = limits.FETCH_CONNECT_S
    silence_s: float = limits.FETCH_SILENCE_S
    total_s: float = limits.FETCH_TOTAL_S
    file_s: float = limits.FETCH_FILE_S
    grace_s: float = limits.FETCH_GRACE_S
    origin_lost_s: float = limits.FETCH_ORIGIN_LOST_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is asked. `body` None is a GET; `path` is where the content goes, None to memory."""

    url: str
    max_octets: int
    accept: str
    body: bytes | None = None
    content_type: str = ""
    path: Path | None = None

    @property
    def key(self) -> bytes:
        """What makes two requests one: the URL, and for a POST its body."""
        digest = hashlib.sha256(self.url.encode("utf-8", "surrogatepass"))
        if self.body is not None:
            digest.update(b"\0" + self.body)
        return digest.digest()

    def octets(self, place: Place) -> bytes:
        """The request on the wire, RFC 9112 section 2.1."""
        lines = [
            f"{'GET' if self.body is None else 'POST'} {place.target} HTTP/1.1",
            f"Host: {place.authority}",
            "User-Agent: fleetscan",
            f"Accept: {self.accept}",
            "Accept-Encoding: identity",
            "Connection: close",
        ]
        if self.body is not None:
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        return "\r\n".join((*lines, "", "")).encode("ascii") + (self.body or b"")


@dataclass(slots=True)
class _Origin:
    """One host and port: who may ask it now, and the seconds that it has cost too much."""

    slots: asyncio.Semaphore
    lost_s: float = 0.0


@dataclass(slots=True)
class _Content:
    """Where content goes: memory, or a file that is written in pieces by a thread."""

    path: Path | None = None
    octets: bytearray = field(default_factory=bytearray)
    file: BinaryIO | None = None

    async def add(self, octets: bytes) -> None:
        """Keep the next octets."""
        self.octets += octets
        if self.path is not None and len(self.octets) >= _WRITE:
            await _in_thread(self._write)

    async def finish(self) -> None:
        """No more comes. A file is there from now on, even if it is empty."""
        if self.path is not None:
            await _in_thread(self._write)
            await _in_thread(self._close)

    def discard(self) -> None:
        """Leave nothing behind of a content that is not whole."""
        if self.file is None or self.path is None:
            return
        with suppress(_NotWritten):  # closing may try to write once more
            self._close()
        with suppress(OSError):
            self.path.unlink()

    def _write(self) -> None:
        try:
            if self.path is not None and self.file is None:
                self.file = self.path.open("wb")
            if self.file is not None:
                self.file.write(self.octets)
        except OSError as failed:
            raise _NotWritten(failed.strerror or "input/output error") from None
        self.octets.clear()

    def _close(self) -> None:
        try:
            if self.file is not None:
                self.file.close()
        except OSError as failed:
            raise _NotWritten(failed.strerror or "input/output error") from None


class _NotWritten(Exception):
    """This machine's file could not be written: no fault of the network's."""


async def _in_thread(work: Callable[[], None]) -> None:
    """Do it in a thread, and leave only when it is done: a file that is discarded is at rest."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise


class Fetcher:
    """Fetches for one run. To be made inside a running loop and closed there (`async with`).

    Each URL (for POST: URL and body) is asked for once per run, whoever asks: callers at the
    same time share the answer, and later ones get the same, failures included. What was asked
    first decides how much may come.

    Args:
        resolve: names to addresses.
        allow: networks (CIDR, address or range) that may be reached although they are this
            machine's own, private and so on; any port there.
        excludes: what must not be reached even if it is allowed.
        bounds: how much, how long, how many.

    Raises:
        InventoryError: a text of `allow` is no network.
    """

    def __init__(
        self,
        *,
        resolve: Resolve,
        allow: Iterable[str] = (),
        excludes: Excluder | None = None,
        bounds: FetchBounds | None = None,
    ) -> None:
        self._resolve = resolve
        self._guard = AddressGuard(allow, excludes)
        self._bounds = bounds or FetchBounds()
        self._slots = asyncio.Semaphore(self._bounds.concurrency)
        self._resolving = asyncio.Semaphore(limits.FETCH_RESOLVING)
        self._origins: dict[tuple[str, int], _Origin] = {}
        self._addresses: dict[IPAddress, asyncio.Semaphore] = {}
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._asking: dict[bytes, asyncio.Task[FetchOutcome]] = {}
        self._known: dict[bytes, FetchOutcome] = {}
        self._begun = 0
        self._remembered = 0
        self._closed = False

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop what is under way."""
        await self.aclose()

    async def fetch(
        self,
        url: str,
        *,
        max_octets: int,
        accept: str = "*/*",
        body: bytes | None = None,
        content_type: str = "",
    ) -> FetchOutcome:
        """GET a URL, or POST `body` of `content_type` to it. Raises for nothing a peer does."""
        request = _Request(
            url=url, max_octets=max_octets, accept=accept, body=body, content_type=content_type
        )
        return await self._once(request)

    async def fetch_to(
        self, path: Path, url: str, *, max_octets: int, accept: str = "*/*"
    ) -> FetchOutcome:
        """GET a URL into a file, which is not held in memory; `Fetched.path` names it.

        The file is made anew and removed again when the fetch fails. A URL that was fetched
        before in this run stays where it went then.
        """
        return await self._once(_Request(url=url, max_octets=max_octets, accept=accept, path=path))

    async def aclose(self) -> None:
        """Drop what is under way; whoever waits for it gets `CLOSED`. Safe to call again."""
        self._closed = True
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # -- once per run --------------------------------------------------------------------

    async def _once(self, request: _Request) -> FetchOutcome:
        place = parse_http_url(request.url)
        if isinstance(place, FetchFailure):
            return place
        key = request.key
        known = self._known.get(key)
        if known is not None:
            return known
        task = self._asking.get(key)
        if task is None:
            if self._closed:
                return failure(FetchReason.CLOSED)
            if self._begun >= self._bounds.fetches:
                return failure(FetchReason.BUDGET, f"{self._begun} fetches in this run")
            self._begun += 1
            # A task of its own: a caller that goes away takes no answer from the others.
            task = self._asking[key] = asyncio.create_task(self._answer(key, place, request))
        await asyncio.wait((task,))
        return failure(FetchReason.CLOSED) if task.cancelled() else task.result()

    async def _answer(self, key: bytes, place: Place, request: _Request) -> FetchOutcome:
        try:
            outcome = await self._ask(place, request)
        finally:
            del self._asking[key]
        kept = len(outcome.octets) if isinstance(outcome, Fetched) else 0
        if self._remembered + kept > self._bounds.remembered:
            self._known[key] = failure(FetchReason.BUDGET, "fetched before, and no longer held")
        else:
            self._remembered += kept
            self._known[key] = outcome
        return outcome

    # -- one origin at a time ------------------------------------------------------------

    async def _ask(self, place: Place, request: _Request) -> FetchOutcome:
        origin = self._origins.get((place.host, place.port))
        if origin is None:
            origin = _Origin(asyncio.Semaphore(self._bounds.per_origin))
            self._origins[place.host, place.port] = origin
        # Who waits here holds nothing that another origin could want.
        async with origin.slots:
            if origin.lost_s >= self._bounds.origin_lost_s:
                return failure(FetchReason.ORIGIN_GIVEN_UP, f"{origin.lost_s:.0f} s lost on it")
            started = monotonic()
            addresses = await self._checked_addresses(place)
            self._charge(origin, started, 0)
            if isinstance(addresses, FetchFailure):
                return addresses
            address_slots = self._addresses.get(addresses[0])
            if address_slots is None:
                address_slots = asyncio.Semaphore(self._bounds.per_address)
                self._addresses[addresses[0]] = address_slots
            async with address_slots, self._slots:
                started = monotonic()
                outcome = await self._within_time(place, addresses, request)
                length = outcome.length if isinstance(outcome, Fetched) else 0
                self._charge(origin, started, length)
                return outcome

    def _charge(self, origin: _Origin, started: float, length: int) -> None:
        """Count the seconds since `started` that an honest origin would not have needed."""
        grace = self._bounds.grace_s * (1 + length / _WRITE)
        origin.lost_s += max(0.0, monotonic() - started - grace)

    async def _checked_addresses(self, place: Place) -> tuple[IPAddress, ...] | FetchFailure:
        """The addresses to try, each of which may be connected to, or why there are none.

        One address that is refused refuses the name: whoever mixes a private address into
        the answer has no right to the fetch.
        """
        if place.address is not None:
            texts: Sequence[str] = (place.host,)
        else:
            found = await self._addresses_of(place.host)
            if isinstance(found, FetchFailure):
                return found
            texts = found
        addresses = []
        for text in texts:
            address = parse_address(text)
            if address is None:
                return failure(FetchReason.ADDRESS_REFUSED, f"{text} is no plain address")
            refusal = self._guard.refusal(address, place.port)
            if refusal is not None:
                return refusal
            addresses.append(unmapped(address))
        return tuple(addresses[: limits.MAX_FETCH_ADDRESSES])

    async def _addresses_of(self, host: str) -> tuple[str, ...] | FetchFailure:
        known = self._resolved.get(host)
        if known is None:
            try:
                async with self._resolving, asyncio.timeout(self._bounds.resolve_s):
                    known = tuple(await self._resolve(host))
            except TimeoutError:
                return failure(FetchReason.TIMEOUT, f"no answer of the resolver for {host}")
            except OSError:
                known = ()
            # Two that ask at once have one answer too: the first.
            known = self._resolved.setdefault(host, known)
        return known or failure(FetchReason.NAME_NOT_FOUND, host)

    # -- one fetch -----------------------------------------------------------------------

    async def _within_time(
        self, place: Place, addresses: Sequence[IPAddress], request: _Request
    ) -> FetchOutcome:
        allowed_s = self._bounds.total_s if request.path is None else self._bounds.file_s
        content = _Content(request.path)
        whole = False
        try:
            async with asyncio.timeout(allowed_s):
                outcome = await self._follow(place, addresses, request, content)
            whole = isinstance(outcome, Fetched)
            return outcome
        except TimeoutError:
            return failure(FetchReason.TIMEOUT, f"not done within {allowed_s:g} s")
        except _NotWritten as failed:
            return failure(FetchReason.LOCAL, f"{request.path}: {failed}")
        finally:
            if not whole:
                content.discard()

    async def _follow(
        self, place: Place, addresses: Sequence[IPAddress], request: _Request, content: _Content
    ) -> FetchOutcome:
        """Ask, and follow redirects that stay on the host: to the same, checked addresses."""
        # Ends: at most so many exchanges, each of which ends.
        for _ in range(limits.MAX_FETCH_REDIRECTS + 1):
            answer = await self._exchange(place, addresses, request, content)
            if isinstance(answer, FetchFailure):
                return answer
            if answer.status == _OK:
                await content.finish()
                return Fetched(
                    url=request.url,
                    octets=b"" if request.path else bytes(content.octets),
                    length=answer.length,
                    content_type=printable(answer.field(b"content-type")),
                    path=request.path,
                )
            target = _redirected(place, answer, request)
            if isinstance(target, FetchFailure):
                return target
            place = target
        return failure(
            FetchReason.REDIRECT_REFUSED, f"more than {limits.MAX_FETCH_REDIRECTS} in a row"
        )

    async def _exchange(
        self, place: Place, addresses: Sequence[IPAddress], request: _Request, content: _Content
    ) -> AnswerReader | FetchFailure:
        """One request to the first address that takes the connection, and its answer."""
        refusal = failure(FetchReason.UNREACHABLE)
        for address in addresses:
            connected = await self._connect(address, place.port)
            if not isinstance(connected, FetchFailure):
                break
            refusal = connected
        else:
            return refusal
        reader, writer = connected
        answer = AnswerReader(request.max_octets)
        try:
            writer.write(request.octets(place))
            # Ends: the reader bounds what may come, and the caller how long it may take.
            while not answer.done:
                async with asyncio.timeout(self._bounds.silence_s):
                    octets = await reader.read(_READ)
                if octets:
                    await content.add(answer.receive(octets))
                else:
                    answer.receive_end()
        except TimeoutError:
            return failure(FetchReason.TIMEOUT, f"silent for {self._bounds.silence_s:g} s")
        except OSError as failed:
            return _network_failure(failed)
        finally:
            writer.transport.abort()
        return answer.refused or answer

    async def _connect(
        self, address: IPAddress, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | FetchFailure:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as failed:
            return failure(FetchReason.LOCAL, failed.strerror or "no socket")
        try:
            sock.setblocking(False)
            async with asyncio.timeout(self._bounds.connect_s):
                await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
            return await asyncio.open_connection(sock=sock, limit=_READ)
        except TimeoutError:
            sock.close()
            return failure(FetchReason.TIMEOUT, f"no connection to {address} port {port}")
        except OSError as failed:
            sock.close()
            return _network_failure(failed)
        except BaseException:
            sock.close()
            raise


def _redirected(place: Place, answer: AnswerReader, request: _Request) -> Place | FetchFailure:
    """Where a redirect leads, when it stays on the same host and port."""
    if answer.status not in _REDIRECTS:
        return failure(FetchReason.STATUS, str(answer.status))
    if request.body is not None and answer.status not in _SAME_METHOD:
        return failure(FetchReason.REDIRECT_REFUSED, f"{answer.status} of a POST")
    location = answer.field(b"location").decode("latin-1")
    base = f"http://{place.authority}{place.target}"
    try:
        # A text that `urljoin` would tidy up is none that is followed.
        joined = urljoin(base, location) if location.isascii() and location.isprintable() else ""
    except ValueError:
        joined = ""
    target = parse_http_url(joined)
    shown = f"{answer.status} to {location or '(nowhere)'}"
    if isinstance(target, FetchFailure):
        return failure(FetchReason.REDIRECT_REFUSED, f"{shown}: {target.reason.value}")
    if (target.host, target.port) != (place.host, place.port):
        return failure(FetchReason.REDIRECT_REFUSED, f"{shown}: another host")
    return target


def _network_failure(failed: OSError) -> FetchFailure:
    """What the system's number says."""
    code = failed.errno
    detail = errno.errorcode.get(code or 0, "")
    if code == errno.ECONNREFUSED:
        return failure(FetchReason.REFUSED, detail)
    if code == errno.ETIMEDOUT:
        return failure(FetchReason.TIMEOUT, detail)
    if code in _UNREACHABLE:
        return failure(FetchReason.UNREACHABLE, detail)
    if code in _RESET:
        return failure(FetchReason.RESET, detail)
    return failure(FetchReason.LOCAL, detail)

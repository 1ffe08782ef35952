"""The fetcher and real sockets on loopback: what it reaches, what it bears, what it shares."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from fleetscan.inventory.excludes import Excludes
from fleetscan.pki.fetch import FetchBounds, Fetcher
from fleetscan.pki.fetched import Fetched, FetchFailure, FetchOutcome, FetchReason
from tests.fetching import (
    LOOPBACK,
    QUICK,
    Names,
    Pages,
    ask,
    octets,
    ok,
    pages,
    reason,
    redirect,
    watched,
)
from tests.servers import (
    LOOPS,
    Handler,
    closed_port,
    drips,
    floods,
    run,
    serving,
    settle,
    stays_silent,
    unanswered_port,
)

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_get_is_what_servers_expect(loop_name: str) -> None:
    """RFC 9112 section 3: one request, nothing compressed, closed afterwards."""

    async def work() -> tuple[FetchOutcome, Pages]:
        async with pages({"/ca.crt?x": ok(b"hello", b"Content-Type: application/pkix-cert")}) as at:
            return await ask(at.url("/ca.crt?x#top")), at

    outcome, at = run(loop_name, work())

    assert outcome == Fetched(
        url=at.url("/ca.crt?x#top"),
        octets=b"hello",
        length=5,
        content_type="application/pkix-cert",
    )
    assert at.asked == [
        b"GET /ca.crt?x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: fleetscan\r\n"
        b"Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n" % at.port
    ]


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_post_carries_its_body(loop_name: str) -> None:
    """RFC 6960 appendix A.1: the request is the body, its media type is said."""

    async def work() -> tuple[FetchOutcome, Pages]:
        async with (
            pages({"/": ok(b"answer")}) as at,
            Fetcher(resolve=Names(), allow=LOOPBACK) as fetcher,
        ):
            outcome = await fetcher.fetch(
                at.url("/"),
                max_octets=100,
                body=b"\0question",
                content_type="application/ocsp-request",
                accept="application/ocsp-response",
            )
            return outcome, at

    outcome, at = run(loop_name, work())

    head, _, body = at.asked[0].partition(b"\r\n\r\n")
    assert octets(outcome) == b"answer"
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/ocsp-request\r\nContent-Length: 9" in head
    assert b"\r\nAccept: application/ocsp-response\r\n" in head
    assert body == b"\0question"


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1"])
def test_another_implementation_is_understood(
    tmp_path: Path, loop_name: str, protocol: str
) -> None:
    """The server of Python's standard library, with a file far above one read."""
    content = bytes(range(256)) * 8_192
    (tmp_path / "big.crl").write_bytes(content)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = protocol

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with standard_server(partial(Quiet, directory=str(tmp_path))) as port:
        url = f"http://localhost.test:{port}/big.crl"
        names = Names({"localhost.test": [("127.0.0.1",)]})
        whole = run(loop_name, ask(url, names, max_octets=len(content)))
        filed = run(loop_name, ask(url, names, max_octets=len(content), path=tmp_path / "kept.crl"))
        gone = run(loop_name, ask(f"http://127.0.0.1:{port}/gone"))

    assert octets(whole) == content
    assert filed == Fetched(
        url=url,
        octets=b"",
        length=len(content),
        content_type="application/pkix-crl",
        path=tmp_path / "kept.crl",
    )
    assert (tmp_path / "kept.crl").read_bytes() == content
    assert gone == FetchFailure(reason=FetchReason.STATUS, detail="404")


@contextmanager
def standard_server(
    handler: Callable[..., http.server.SimpleHTTPRequestHandler],
) -> Iterator[int]:
    """A threaded server of the standard library on a free port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


# -- what it must not reach ------------------------------------------------------------

INSIDE = ["127.0.0.1", "127.9.9.9", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"]


@pytest.mark.parametrize("host", INSIDE)
def test_a_refused_literal_is_never_connected_to(host: str) -> None:
    """A server listens on loopback; it sees no connection, and nobody is asked for a name."""

    async def work() -> tuple[FetchOutcome, int]:
        async with pages({"/": ok(b"secret")}) as at, pages({}, "::1") as at6:
            port = at6.port if host == "[::1]" else at.port
            outcome = await ask(f"http://{host}:{port}/", names, allow=())
            return outcome, at.accepted + at6.accepted

    names = Names()
    (outcome, accepted), loop = watched(work)

    assert reason(outcome) is FetchReason.ADDRESS_REFUSED
    assert (accepted, loop.connected, loop.looked_up, names.asked) == (0, [], [], [])


@pytest.mark.parametrize("port", [80, 8080])
@pytest.mark.parametrize("address", [host.strip("[]") for host in INSIDE])
def test_a_name_of_a_refused_address_is_never_connected_to(address: str, port: int) -> None:
    """Names lead where their owner wants: what counts is the address."""
    names = Names({"ca.example.com": [(address,)]})

    outcome, loop = watched(lambda: ask(f"http://ca.example.com:{port}/", names, allow=()))

    assert reason(outcome) is FetchReason.ADDRESS_REFUSED
    assert (loop.connected, loop.looked_up) == ([], [])
    assert names.asked == ["ca.example.com"]


@pytest.mark.parametrize(
    "answer",
    [
        ("8.8.8.8", "127.0.0.1"),
        ("127.0.0.1", "8.8.8.8"),
        ("8.8.8.8",) * 60 + ("169.254.169.254",),
        ("2001:4860:4860::8888", "fe80::1%2"),
    ],
)
def test_a_mixed_answer_refuses_the_name(answer: tuple[str, ...]) -> None:
    """One private address among public ones is an attempt or a mistake: neither is followed."""
    names = Names({"ca.example.com": [answer]})

    outcome, loop = watched(lambda: ask("http://ca.example.com/", names, allow=()))

    assert reason(outcome) is FetchReason.ADDRESS_REFUSED
    assert loop.connected == []


def test_a_name_that_is_bound_anew_gains_nothing() -> None:
    """DNS rebinding: the name is resolved once, and what was checked is what is connected to."""

    async def work() -> list[FetchOutcome]:
        async with (
            pages({"/a": redirect("/b"), "/b": ok(b"b"), "/c": ok(b"c")}) as at,
            Fetcher(resolve=names, allow=("127.0.0.1",)) as fetcher,
        ):
            return [
                await fetcher.fetch(at.url(path, "ca.example.com"), max_octets=10)
                for path in ("/a", "/c")
            ]

    names = Names({"ca.example.com": [("127.0.0.1",), ("127.0.0.2",), ("169.254.169.254",)]})
    outcomes, loop = watched(work)

    assert [octets(each) for each in outcomes] == [b"b", b"c"]
    assert names.asked == ["ca.example.com"]
    assert {address for address, _ in loop.connected} == {"127.0.0.1"}
    assert loop.looked_up.count("ca.example.com") == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://other.example.com/",
        "//other.example.com/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://ca.example.com:1/",
        "http://ca.example.com/",
        "http://ca.example.com@127.0.0.1/",
        "https://ca.example.com/x",
        "file:///etc/passwd",
        "http://[",
        "http://\x01/",
        "",
    ],
)
def test_a_redirect_to_anywhere_else_is_refused(location: str) -> None:
    """Only the same host and port are followed; nothing else is resolved or connected to."""

    async def work() -> tuple[FetchOutcome, Pages]:
        answers = {"/": b"HTTP/1.1 302 x\r\nLocation: " + location.encode() + b"\r\n\r\n"}
        async with pages(answers) as at:
            return await ask(at.url("/", "ca.example.com"), names), at

    names = Names({"ca.example.com": [("127.0.0.1",)], "other.example.com": [("127.0.0.1",)]})
    (outcome, at), loop = watched(work)

    # The empty reference is the same document (RFC 3986 section 4.4): a circle.
    assert reason(outcome) is FetchReason.REDIRECT_REFUSED
    assert {place for place in loop.connected} == {("127.0.0.1", at.port)}
    assert names.asked == ["ca.example.com"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b", "b", "./b", "http://ca.example.com:{port}/b"])
def test_a_redirect_on_the_same_host_is_followed(status: int, location: str) -> None:
    """RFC 9110 section 15.4; a relative reference is one to the same host."""

    async def work() -> tuple[FetchOutcome, list[str]]:
        answers: dict[str, bytes] = {"/b": ok(b"b")}
        async with pages(answers) as at:
            answers["/a"] = redirect(location.format(port=at.port), status)
            return await ask(at.url("/a", "ca.example.com"), names), at.paths

    names = Names({"ca.example.com": [("127.0.0.1",)]})
    outcome, paths = run("uvloop", work())

    assert octets(outcome) == b"b"
    assert paths == ["/a", "/b"]


@pytest.mark.parametrize(("status", "methods"), [(302, [b"POST"]), (307, [b"POST", b"POST"])])
def test_a_post_is_only_redirected_as_one(status: int, methods: list[bytes]) -> None:
    """RFC 9110 sections 15.4.3 and 15.4.8: after 302 a POST may have become a GET."""

    async def work() -> tuple[FetchOutcome, Pages]:
        async with (
            pages({"/": redirect("/b", status), "/b": ok(b"b")}) as at,
            Fetcher(resolve=Names(), allow=LOOPBACK) as fetcher,
        ):
            url = at.url("/")
            return await fetcher.fetch(url, max_octets=9, body=b"x", content_type="x/y"), at

    outcome, at = run("uvloop", work())

    assert [asked.split()[0] for asked in at.asked] == methods
    assert reason(outcome) is (FetchReason.REDIRECT_REFUSED if status == 302 else None)


def test_redirects_in_a_circle_end() -> None:
    """Three are followed."""

    async def work() -> tuple[FetchOutcome, list[str]]:
        async with pages({"/a": redirect("/b"), "/b": redirect("/a")}) as at:
            return await ask(at.url("/a")), at.paths

    outcome, paths = run("uvloop", work())

    assert reason(outcome) is FetchReason.REDIRECT_REFUSED
    assert paths == ["/a", "/b", "/a", "/b"]


def test_an_excluded_address_is_not_reached_though_it_is_allowed() -> None:
    """Excludes are what the user promised somebody."""

    async def work() -> tuple[FetchOutcome, int]:
        async with (
            pages({"/": ok(b"x")}) as at,
            Fetcher(
                resolve=Names(), allow=("0.0.0.0/0",), excludes=Excludes(("127.0.0.0/8",))
            ) as fetcher,
        ):
            return await fetcher.fetch(at.url("/", "[::ffff:127.0.0.1]"), max_octets=9), at.accepted

    outcome, accepted = run("uvloop", work())

    assert (reason(outcome), accepted) == (FetchReason.EXCLUDED, 0)


@pytest.mark.parametrize(
    ("host", "allow"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("ca.example.com", "127.0.0.0/8"),
        ("[::ffff:127.0.0.1]", "127.0.0.0/8"),
        ("[::1]", "::1"),
    ],
)
def test_what_is_allowed_is_fetched(host: str, allow: str) -> None:
    """The look-alikes of what is refused above."""

    async def work() -> FetchOutcome:
        names = Names({"ca.example.com": [("127.0.0.1",)]})
        async with pages({"/": ok(b"x")}, "::1" if host == "[::1]" else "127.0.0.1") as at:
            return await ask(at.url("/", host), names, allow=(allow,))

    assert octets(run("uvloop", work())) == b"x"


# -- what the network does -------------------------------------------------------------


def test_a_name_without_an_address_is_not_found() -> None:
    """And a resolver that fails is no crash."""

    async def broken(name: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_FAIL, "no")

    async def work() -> list[FetchOutcome]:
        outcomes = []
        for resolve in (Names(), broken):
            async with Fetcher(resolve=resolve) as fetcher:
                outcomes.append(await fetcher.fetch("http://gone.example/", max_octets=9))
        return outcomes

    failed = FetchFailure(reason=FetchReason.NAME_NOT_FOUND, detail="gone.example")
    assert run("uvloop", work()) == [failed, failed]


def test_a_silent_resolver_ends_at_its_deadline() -> None:
    """The step has a bound of its own."""

    async def silent(name: str) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    async def work() -> FetchOutcome:
        async with Fetcher(resolve=silent, bounds=QUICK) as fetcher:
            return await fetcher.fetch("http://slow.example/", max_octets=9)

    outcome = run("uvloop", work())

    assert reason(outcome) is FetchReason.TIMEOUT
    assert "resolver" in str(outcome)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_refused_and_unanswered_are_told_apart(loop_name: str) -> None:
    """ECONNREFUSED is no timeout."""
    with closed_port() as closed, unanswered_port() as unanswered:
        refused = run(loop_name, ask(f"http://127.0.0.1:{closed}/", bounds=QUICK))
        silent = run(loop_name, ask(f"http://127.0.0.1:{unanswered}/", bounds=QUICK))

    assert (reason(refused), reason(silent)) == (FetchReason.REFUSED, FetchReason.TIMEOUT)


def test_the_next_address_is_tried() -> None:
    """A name's first address may be down; three are tried."""

    async def work() -> FetchOutcome:
        names = Names({"ca.example.com": [("127.0.0.9", "127.0.0.8", "127.0.0.1")]})
        async with pages({"/": ok(b"x")}) as at:
            return await ask(at.url("/", "ca.example.com"), names)

    assert octets(run("uvloop", work())) == b"x"


async def _headers_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while not writer.transport.is_closing():
        writer.write(b"X: y\r\n" * 1_000)
        await writer.drain()


async def _chunks_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b"1\r\nx\r\n" * 1_000)
        await writer.drain()


async def _content_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    await floods(reader, writer)


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 5000\r\n\r\n")
    await drips(reader, writer)


async def _stops_half_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 5\r\n\r\nhel")
    await reader.read()
    await stays_silent(reader, writer)


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\nhel")
    await reader.readuntil(b"\r\n\r\n")
    linger = b"\1\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (_headers_for_ever, FetchReason.BAD_ANSWER),
        (_chunks_for_ever, FetchReason.BAD_ANSWER),
        (_content_for_ever, FetchReason.TOO_LARGE),
        (floods, FetchReason.BAD_ANSWER),
        (drips, FetchReason.BAD_ANSWER),
        (_drips, FetchReason.TIMEOUT),
        (stays_silent, FetchReason.TIMEOUT),
        (_stops_half_way, FetchReason.TIMEOUT),
        (_closes, FetchReason.BAD_ANSWER),
        (_resets, FetchReason.RESET),
    ],
    ids=lambda value: value.value if isinstance(value, FetchReason) else value.__name__,
)
@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("to_file", [False, True])
def test_a_hostile_server_costs_its_bounds_and_leaves_nothing(
    handler: Handler, expected: FetchReason, loop_name: str, to_file: bool, tmp_path: Path
) -> None:
    """Each ends with its own word, in memory and on disk alike."""

    async def work() -> FetchOutcome:
        async with serving(handler) as port:
            path = tmp_path / "kept" if to_file else None
            return await ask(f"http://127.0.0.1:{port}/", bounds=QUICK, path=path)

    assert reason(run(loop_name, work())) is expected
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_not_held_and_not_kept_when_it_breaks_off(tmp_path: Path) -> None:
    """5 of 6 million octets came and were on disk: what is left is no file."""
    head = OK + b"Content-Length: 6000000\r\n\r\n"

    async def work() -> FetchOutcome:
        async with pages({"/": head + bytes(5_000_000)}) as at:
            return await ask(at.url("/"), path=tmp_path / "kept", max_octets=10_000_000)

    outcome = run("uvloop", work())

    assert reason(outcome) is FetchReason.BAD_ANSWER
    assert "5000000" in str(outcome)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_this_machines_fault(tmp_path: Path) -> None:
    """Never the server's."""

    async def work() -> FetchOutcome:
        async with pages({"/": ok(b"x")}) as at:
            return await ask(at.url("/"), path=tmp_path / "gone" / "kept")

    assert reason(run("uvloop", work())) is FetchReason.LOCAL


def test_an_empty_answer_makes_an_empty_file(tmp_path: Path) -> None:
    """`Fetched.path` always names a file."""

    async def work() -> FetchOutcome:
        async with pages({"/": ok(b"")}) as at:
            return await ask(at.url("/"), path=tmp_path / "kept")

    assert reason(run("uvloop", work())) is None
    assert (tmp_path / "kept").read_bytes() == b""


# -- once per run, and nobody waits for another ----------------------------------------


@asynccontextmanager
async def fetching(
    at: Pages, bounds: FetchBounds | None = None, names: Names | None = None
) -> AsyncIterator[Fetcher]:
    """A fetcher that may reach loopback."""
    async with Fetcher(resolve=names or Names(), allow=LOOPBACK, bounds=bounds) as fetcher:
        yield fetcher


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_url_is_asked_for_once_per_run(loop_name: str) -> None:
    """By whoever, at the same time and later; failures are remembered as answers are."""

    async def work() -> tuple[list[FetchOutcome], list[str]]:
        async with pages({"/a": ok(b"a")}) as at, fetching(at) as fetcher:
            outcomes: list[FetchOutcome] = []
            for _ in range(2):
                asking = [fetcher.fetch(at.url(path), max_octets=9) for path in ("/a", "/gone") * 5]
                outcomes += await asyncio.gather(*asking)
            return outcomes, at.paths

    outcomes, paths = run(loop_name, work())

    assert sorted(paths) == ["/a", "/gone"]
    assert [reason(each) for each in outcomes] == [None, FetchReason.STATUS] * 10


def test_posts_of_another_body_are_other_questions() -> None:
    """Every OCSP request goes to the same URL."""

    async def work() -> int:
        async with pages({"/": ok(b"a")}) as at, fetching(at) as fetcher:
            for body in (b"1", b"2", b"1", None, None):
                await fetcher.fetch(at.url("/"), max_octets=9, body=body, content_type="x/y")
            return at.accepted

    assert run("uvloop", work()) == 3


def test_a_caller_that_goes_away_takes_no_answer_from_another() -> None:
    """The first one is cancelled while both wait."""

    async def work() -> FetchOutcome:
        release = asyncio.Event()

        async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await release.wait()
            writer.write(ok(b"a"))
            await writer.drain()

        async with (
            serving(waits) as port,
            Fetcher(resolve=Names(), allow=LOOPBACK) as fetcher,
            asyncio.TaskGroup() as group,
        ):
            url = f"http://127.0.0.1:{port}/"
            first, second = (group.create_task(fetcher.fetch(url, max_octets=9)) for _ in range(2))
            await settle()
            first.cancel()
            await settle()
            release.set()
            return await second

    assert octets(run("uvloop", work())) == b"a"


def test_a_run_has_an_end() -> None:
    """Counts of fetches are bounded; URLs that are known already cost nothing."""

    async def work() -> list[FetchOutcome]:
        bounds = FetchBounds(fetches=2)
        async with pages({"/1": ok(b"1")}) as at, fetching(at, bounds) as fetcher:
            return [
                await fetcher.fetch(at.url(path), max_octets=9)
                for path in ("/1", "/2", "/3", "/1", "/2")
            ]

    reasons = [reason(each) for each in run("uvloop", work())]
    assert reasons == [None, FetchReason.STATUS, FetchReason.BUDGET, None, FetchReason.STATUS]


def test_what_is_remembered_has_a_bound() -> None:
    """Past it an answer goes to who waits for it, and the URL is still not asked again."""

    async def work() -> tuple[list[FetchReason | None], list[str]]:
        bounds = FetchBounds(remembered=15)
        answers = {"/1": ok(bytes(10)), "/2": ok(bytes(10))}
        async with pages(answers) as at, fetching(at, bounds) as fetcher:
            outcomes = [
                await fetcher.fetch(at.url(path), max_octets=10)
                for path in ("/1", "/2", "/1", "/2")
            ]
            return [reason(each) for each in outcomes], at.paths

    assert run("uvloop", work()) == ([None, None, None, FetchReason.BUDGET], ["/1", "/2"])


@pytest.mark.parametrize("same_host", [True, False], ids=["same name", "many names"])
def test_a_silent_origin_does_not_delay_another(same_host: bool) -> None:
    """Fifty fetches hang on one host, under one name or fifty; another host answers at once."""
    bounds = FetchBounds(concurrency=9, per_origin=4, per_address=8)

    async def work() -> tuple[FetchOutcome, int, list[FetchOutcome]]:
        names = Names({f"n{n}.example": [("127.0.0.2",)] for n in range(50)})
        async with (
            serving(stays_silent, "127.0.0.2") as silent,
            pages({"/": ok(b"x")}) as at,
            fetching(at, bounds, names) as fetcher,
        ):
            hosts = ["127.0.0.2" if same_host else f"n{n}.example" for n in range(50)]
            hanging = [
                asyncio.create_task(fetcher.fetch(f"http://{host}:{silent}/{n}", max_octets=9))
                for n, host in enumerate(hosts)
            ]
            await settle()
            outcome = await fetcher.fetch(at.url("/"), max_octets=9)
            done = sum(task.done() for task in hanging)
            await fetcher.aclose()
            return outcome, done, await asyncio.gather(*hanging)

    outcome, done, hanging = run("uvloop", work())

    assert octets(outcome) == b"x"
    assert done == 0
    assert {reason(each) for each in hanging} == {FetchReason.CLOSED}


def test_an_origin_that_only_costs_time_is_given_up() -> None:
    """Fifty URLs of a silent host cost a few timeouts and not fifty."""
    bounds = FetchBounds(silence_s=0.2, grace_s=0.1, origin_lost_s=0.5, per_origin=2)

    async def work() -> tuple[list[FetchReason | None], FetchOutcome]:
        async with (
            serving(stays_silent) as silent,
            pages({"/": ok(b"x")}) as at,
            fetching(at, bounds) as fetcher,
        ):
            asking = [
                fetcher.fetch(f"http://127.0.0.1:{silent}/{n}", max_octets=9) for n in range(50)
            ]
            outcomes = [reason(each) for each in await asyncio.gather(*asking)]
            # Another port is another origin, and has lost nothing.
            return outcomes, await fetcher.fetch(at.url("/"), max_octets=9)

    outcomes, other = run("uvloop", work())

    # Each loses 0.1 s at least: five of them, and one that was under way with the fifth.
    assert 1 <= outcomes.count(FetchReason.TIMEOUT) <= 6
    assert outcomes.count(FetchReason.ORIGIN_GIVEN_UP) == 50 - outcomes.count(FetchReason.TIMEOUT)
    assert octets(other) == b"x"


def test_a_closed_fetcher_fetches_nothing() -> None:
    """And says so."""

    async def work() -> tuple[FetchOutcome, int]:
        async with pages({"/": ok(b"x")}) as at:
            async with fetching(at) as fetcher:
                pass
            return await fetcher.fetch(at.url("/"), max_octets=9), at.accepted

    outcome, accepted = run("uvloop", work())

    assert (reason(outcome), accepted) == (FetchReason.CLOSED, 0)

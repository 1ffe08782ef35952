"""Asking about revocation: `openssl ocsp` as responder, and responders that misbehave."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from fleetscan.fleet.enquiry import RevocationEnquiry
from fleetscan.pki.fetch import FetchBounds, Fetcher
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus, combine
from tests.certificates import DAY, NOW, Issued, intermediate, leaf, root
from tests.ocsp_answers import answer, responder, said_no
from tests.real.servers import free_port
from tests.servers import Handler, closed_port, run, serving

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")

ROOT = root()
CA = intermediate(ROOT)
QUICK: Final = FetchBounds(connect_s=0.5, silence_s=0.3, total_s=0.6, file_s=1.0)


def lasting_responder(
    issuer: Issued = CA, purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.OCSP_SIGNING
) -> Issued:
    """One who answers by the machine's clock: valid whenever that is."""
    return responder(issuer, purposes=(purpose,), not_before=0, not_after=NOW + 10_000 * DAY)


def leaf_at(
    *urls: str, crls: Sequence[str] = (), subject: str = "www.example.com", issuer: Issued = CA
) -> Issued:
    """A leaf that names these responders and lists."""
    extra: list[tuple[x509.ExtensionType, bool]] = []
    if urls:
        places = [
            x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
            )
            for url in urls
        ]
        extra.append((x509.AuthorityInformationAccess(places), False))
    if crls:
        names = [x509.UniformResourceIdentifier(url) for url in crls]
        point = x509.DistributionPoint(
            full_name=names, relative_name=None, reasons=None, crl_issuer=None
        )
        extra.append((x509.CRLDistributionPoints([point]), False))
    return leaf(issuer, subject, extra=extra)


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


@contextlib.asynccontextmanager
async def enquiry(
    directory: Path | None = None,
    *,
    mode: str = "ocsp",
    clock: Callable[[], float] | None = None,
    warnings: list[str] | None = None,
    allow: Sequence[str] = ("127.0.0.0/8",),
) -> AsyncIterator[RevocationEnquiry]:
    """An enquiry that may reach this machine, and gives up soon."""

    async def nowhere(_: str) -> tuple[str, ...]:
        return ()

    told = [] if warnings is None else warnings
    async with (
        Fetcher(resolve=nowhere, allow=allow, bounds=QUICK) as fetcher,
        RevocationEnquiry(
            mode=mode,
            fetcher=fetcher,
            directory=directory,
            clock=clock or Clock(),
            warn=told.append,
        ) as asking,
    ):
        yield asking


async def ask_once(one: Issued, directory: Path | None = None, **how: Any) -> RevocationAnswer:  # noqa: ANN401
    """The one answer to the one question."""
    async with enquiry(directory, **how) as asking:
        (found,) = await asking.ask(one.parsed, CA.parsed)
    return found


def said(found: RevocationAnswer) -> tuple[str, str]:
    """Status and reason."""
    return found.status.value, found.reason


# -- openssl ocsp --------------------------------------------------------------------------


@contextlib.contextmanager
def openssl_responder(
    folder: Path,
    entries: Sequence[tuple[Issued, str]],
    port: int,
    *,
    signer: Issued,
    authority: Issued = CA,
    options: Sequence[str] = ("-nmin", "5"),
) -> Iterator[None]:
    """Run `openssl ocsp` over an index of certificates: V, or R with date and reason."""
    lines = [
        f"{'R' if mark else 'V'}\t371231235959Z\t{mark}\t{_serial(one)}\tunknown\t/CN=x\n"
        for one, mark in entries
    ]
    (folder / "index.txt").write_text("".join(lines))
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "signer.pem").write_bytes(signer.pem)
    (folder / "signer.key").write_bytes(signer.key_pem)
    command = [
        *("openssl", "ocsp", "-index", "index.txt", "-port", str(port), "-CA", "ca.pem"),
        *("-rsigner", "signer.pem", "-rkey", "signer.key", *options),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_for(folder / "log", process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=5)


def _serial(one: Issued) -> str:
    text = f"{one.parsed.serial_number:X}"
    return text if len(text) % 2 == 0 else "0" + text


def _wait_for(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Until it says that it waits for connections: one to find out would be its first client."""
    for _ in range(500):
        if b"ACCEPT" in log.read_bytes() or b"aiting for OCSP" in log.read_bytes():
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    raise AssertionError(log.read_text())


def real(
    folder: Path,
    mark: str | None,
    *,
    signer: Issued = CA,
    later: float = 0,
    options: Sequence[str] = ("-nmin", "5"),
) -> RevocationAnswer:
    """What openssl's responder says; `mark` None keeps the certificate from its index."""
    port = free_port()
    one = leaf_at(f"http://127.0.0.1:{port}/")
    entries = [] if mark is None else [(one, mark)]
    with openssl_responder(folder, entries, port, signer=signer, options=options):
        return run("asyncio", ask_once(one, clock=Clock(time.time() + later)))


@needs_openssl
def test_openssl_says_good(tmp_path: Path) -> None:
    """An answer as the real thing makes it, by GET."""
    found = real(tmp_path, "")

    assert said(found) == ("good", "")
    assert found.next_update is not None and found.this_update is not None
    assert found.next_update - found.this_update == 300


@needs_openssl
def test_openssl_says_revoked(tmp_path: Path) -> None:
    """With the date and the reason of its index."""
    found = real(tmp_path, "261101120000Z,keyCompromise")

    assert said(found) == ("revoked", "")
    assert (found.revoked_at, found.revocation_reason) == (1_793_534_400, "keyCompromise")


@needs_openssl
def test_openssl_does_not_know_it(tmp_path: Path) -> None:
    """Not in the index: unknown, which is not good."""
    assert said(real(tmp_path, None)) == ("unknown", "unknown_to_responder")


@needs_openssl
def test_an_answer_of_openssl_expires(tmp_path: Path) -> None:
    """Five minutes, asked by one whose clock is an hour ahead."""
    assert said(real(tmp_path, "", later=3_600)) == ("unknown", "stale")


@needs_openssl
def test_openssl_without_next_update(tmp_path: Path) -> None:
    """As it answers when no time is given."""
    assert said(real(tmp_path, "", options=())) == ("good", "")


@needs_openssl
@pytest.mark.parametrize("options", [(), ("-resp_key_id",)])
def test_openssl_as_a_delegated_responder(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Named by its name and by its key."""
    signer = lasting_responder()

    assert said(real(tmp_path, "", signer=signer, options=("-nmin", "5", *options))) == ("good", "")


@needs_openssl
@pytest.mark.parametrize(
    "signer",
    [
        pytest.param(lasting_responder(purpose=ExtendedKeyUsageOID.SERVER_AUTH), id="eku"),
        pytest.param(lasting_responder(intermediate(ROOT, "Other CA")), id="other-authority"),
        pytest.param(root("Stranger"), id="stranger"),
    ],
)
def test_openssl_with_a_signer_that_may_not(tmp_path: Path, signer: Issued) -> None:
    """The answer is as good as its signer."""
    assert said(real(tmp_path, "", signer=signer)) == ("unknown", "wrong_responder")


# -- responders that misbehave -----------------------------------------------------------------


Respond = Callable[[str, str, bytes], bytes]
"""Method, target and body of a request to the octets of the whole answer."""


def http(octets: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    """An HTTP answer."""
    size = len(octets) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + octets


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, target, _ = head.split(" ", 2)
    length = 0
    for line in head.splitlines():
        if line.lower().startswith("content-length:"):
            length = int(line.partition(":")[2])
    return method, target, await reader.readexactly(length)


def responding(respond: Respond) -> Handler:
    """A server that answers each request so."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(respond(*await _request(reader)))
        await writer.drain()
        writer.close()

    return handler


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await reader.read()


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An octet at a time, each in time, the whole never."""
    await _request(reader)
    for octet in http(bytes(10_000)):
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promises more than it sends."""
    await _request(reader)
    writer.write(http(b"\x30", length=100))
    writer.close()


def asked_of(handler: Handler, **how: Any) -> RevocationAnswer:  # noqa: ANN401
    """What comes of asking this server."""

    async def work() -> RevocationAnswer:
        async with serving(handler) as port:
            return await ask_once(leaf_at(f"http://127.0.0.1:{port}/"), **how)

    return run("asyncio", work())


@pytest.mark.parametrize(
    ("handler", "word"),
    [
        pytest.param(silent, Reason.TIMEOUT, id="silent"),
        pytest.param(slow, Reason.TIMEOUT, id="slow"),
        pytest.param(breaks_off, Reason.MALFORMED, id="breaks-off"),
        pytest.param(responding(lambda *_: b"SSH-2.0-x\r\n\r\n"), Reason.MALFORMED, id="no-http"),
        pytest.param(responding(lambda *_: http(b"garbage")), Reason.MALFORMED, id="garbage"),
        pytest.param(responding(lambda *_: http(b"")), Reason.MALFORMED, id="nothing"),
        pytest.param(
            responding(lambda *_: http(b"", "500 Oops")), Reason.HTTP_STATUS, id="http-500"
        ),
        pytest.param(responding(lambda *_: http(bytes(70_000))), Reason.TOO_LARGE, id="too-large"),
        pytest.param(responding(lambda *_: http(said_no(3))), Reason.TRY_LATER, id="try-later"),
        pytest.param(
            responding(lambda *_: http(said_no(6))), Reason.UNAUTHORIZED, id="unauthorized"
        ),
        pytest.param(
            responding(lambda *_: b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n\r\n"),
            Reason.REFUSED,
            id="redirect-elsewhere",
        ),
    ],
)
def test_every_way_to_say_nothing_has_a_word(handler: Handler, word: Reason) -> None:
    """Never good, never an exception, and soon over."""
    assert said(asked_of(handler)) == ("unknown", word)


def test_a_closed_port_is_unreachable() -> None:
    """With the system's word for it."""
    with closed_port() as port:
        found = run("asyncio", ask_once(leaf_at(f"http://127.0.0.1:{port}/")))

    assert said(found) == ("unknown", Reason.UNREACHABLE)
    assert found.detail == "refused: ECONNREFUSED"
    assert found.url == f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(
    ("urls", "word"),
    [
        pytest.param((), Reason.NO_URL, id="none"),
        pytest.param(("ldap://127.0.0.1/",), Reason.REFUSED, id="ldap"),
        pytest.param(("https://127.0.0.1/",), Reason.REFUSED, id="https"),
        pytest.param(("http://169.254.169.254/",), Reason.REFUSED, id="metadata"),
        pytest.param(("http://nowhere.example/",), Reason.UNREACHABLE, id="no-such-name"),
    ],
)
def test_places_that_cannot_be_asked(urls: tuple[str, ...], word: Reason) -> None:
    """What a stranger wrote into a certificate is asked only where that harms nobody."""
    assert said(run("asyncio", ask_once(leaf_at(*urls)))) == ("unknown", word)


def test_without_an_issuer_nobody_is_asked() -> None:
    """No request can be made, and no answer checked: not the certificate's fault."""

    async def work() -> tuple[RevocationAnswer, ...]:
        async with enquiry(mode="all") as asking:
            return await asking.ask(leaf_at("http://127.0.0.1:9/").parsed, None)

    assert [(one.source, *said(one)) for one in run("asyncio", work())] == [
        ("ocsp", "not_checked", "no_issuer"),
        ("crl", "not_checked", "no_issuer"),
    ]


def counting(respond: Respond, seen: Counter[str]) -> Handler:
    """A server that counts requests by their method."""

    def count(method: str, target: str, body: bytes) -> bytes:
        seen[method] += 1
        return respond(method, target, body)

    return responding(count)


def test_one_that_knows_no_get_is_asked_by_post() -> None:
    """RFC 5019 section 5 wants GET for short requests; old responders take POST alone."""
    seen: Counter[str] = Counter()
    bodies: list[bytes] = []

    async def work() -> RevocationAnswer:
        def respond(method: str, target: str, body: bytes) -> bytes:
            if method == "GET":
                return http(b"", "405 Method Not Allowed")
            bodies.append(body)
            return http(answer(one, CA))

        async with serving(counting(respond, seen)) as port:
            one = leaf_at(f"http://127.0.0.1:{port}/")
            return await ask_once(one)

    assert said(run("asyncio", work())) == ("good", "")
    assert seen == {"GET": 1, "POST": 1}
    assert bodies[0][:1] == b"\x30"


def test_the_second_responder_is_asked_where_the_first_has_nothing() -> None:
    """A certificate may name several."""

    async def work() -> RevocationAnswer:
        async with (
            serving(responding(lambda *_: http(said_no(3)))) as first,
            serving(responding(lambda *_: http(answer(one, CA)))) as second,
        ):
            one = leaf_at(f"http://127.0.0.1:{first}/", f"http://127.0.0.1:{second}/")
            return await ask_once(one)

    assert said(run("asyncio", work())) == ("good", "")


# -- once, and kept ------------------------------------------------------------------------------


def test_the_same_certificate_is_asked_about_once() -> None:
    """Two hundred hosts with one wildcard certificate are one question."""
    seen: Counter[str] = Counter()

    async def work() -> list[tuple[RevocationAnswer, ...]]:
        respond: Respond = lambda *_: http(answer(one, CA))  # noqa: E731
        async with serving(counting(respond, seen)) as port, _leaf_and_enquiry(port) as found:
            one, asking = found
            return await asyncio.gather(*(asking.ask(one.parsed, CA.parsed) for _ in range(200)))

    answers = run("asyncio", work())

    assert seen.total() == 1
    assert {each[0].status for each in answers} == {RevocationStatus.GOOD}


@contextlib.asynccontextmanager
async def _leaf_and_enquiry(port: int) -> AsyncIterator[tuple[Issued, RevocationEnquiry]]:
    async with enquiry() as asking:
        yield leaf_at(f"http://127.0.0.1:{port}/"), asking


class Responding:
    """A responder that keeps one port for several runs, and what it is asked."""

    def __init__(self, port: int) -> None:
        self.one = leaf_at(f"http://127.0.0.1:{port}/")
        self.octets = answer(self.one, CA)
        self.asked = 0

    def __call__(self, method: str, target: str, body: bytes) -> bytes:
        """Count and answer."""
        self.asked += 1
        return http(self.octets)


def with_responder(
    work: Callable[[Responding], Coroutine[Any, Any, None]],
) -> Responding:
    """Run something beside a responder."""
    made: list[Responding] = []

    async def both() -> None:
        def respond(method: str, target: str, body: bytes) -> bytes:
            return made[0](method, target, body)

        async with serving(responding(respond)) as port:
            made.append(Responding(port))
            await work(made[0])

    run("asyncio", both())
    return made[0]


def test_the_next_run_need_not_ask(tmp_path: Path) -> None:
    """Kept until nextUpdate, verified anew, then asked for again."""
    found: list[RevocationAnswer] = []

    async def work(server: Responding) -> None:
        clock = Clock()
        for now in (NOW, NOW + DAY, NOW + 8 * DAY):
            clock.now = now
            found.append(await ask_once(server.one, tmp_path, clock=clock))

    server = with_responder(work)

    assert [said(one) for one in found] == [("good", ""), ("good", ""), ("unknown", "stale")]
    assert server.asked == 2
    assert os.listdir(tmp_path) == []  # what is out of date is not kept


@pytest.mark.parametrize("spoilt", [b"", b"garbage", answer(leaf_at(subject="x"), CA)])
def test_what_is_kept_is_not_believed(tmp_path: Path, spoilt: bytes) -> None:
    """Somebody wrote to the directory: the answer is asked for again."""
    found: list[RevocationAnswer] = []

    async def work(server: Responding) -> None:
        await ask_once(server.one, tmp_path)
        entry = tmp_path / os.listdir(tmp_path)[0]
        entry.write_bytes(spoilt)
        found.append(await ask_once(server.one, tmp_path))
        assert entry.read_bytes() == server.octets

    assert with_responder(work).asked == 2
    assert said(found[0]) == ("good", "")


def test_an_answer_without_end_is_not_kept(tmp_path: Path) -> None:
    """RFC 6960 section 4.2.2.1: newer information is there at any time."""

    async def work(server: Responding) -> None:
        server.octets = answer(server.one, CA, next_update=None)
        assert said(await ask_once(server.one, tmp_path)) == ("good", "")

    with_responder(work)

    assert os.listdir(tmp_path) == []


def test_no_place_to_keep_answers_costs_a_warning(tmp_path: Path) -> None:
    """The scan goes on; nothing is kept between runs."""
    warnings: list[str] = []
    place = tmp_path / "in-the-way"
    place.write_text("")

    async def work(server: Responding) -> None:
        assert said(await ask_once(server.one, place, warnings=warnings)) == ("good", "")

    with_responder(work)

    assert len(warnings) == 1


@pytest.mark.parametrize("begun", [True, False])
def test_who_waits_when_the_run_ends_is_told(begun: bool) -> None:
    """An answer with a reason, not an exception and not silence; and no question after that."""

    async def work() -> list[RevocationAnswer]:
        connected = asyncio.Event()

        async def tells(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            await silent(reader, writer)

        async with serving(tells) as port:
            url = f"http://127.0.0.1:{port}/"
            one = leaf_at(url, crls=[url])
            async with enquiry(mode="all") as asking:
                waiting = asyncio.create_task(asking.ask(one.parsed, CA.parsed))
                if begun:
                    await connected.wait()
                else:
                    await asyncio.sleep(0)
            return [*await waiting, *await asking.ask(one.parsed, CA.parsed)]

    assert [said(one) for one in run("asyncio", work())] == [("unknown", "budget")] * 4


# -- lists ---------------------------------------------------------------------------------------


def crl(*revoked: Issued, issuer: Issued = CA, next_update: int = NOW + 7 * DAY) -> bytes:
    """A CRL by another maker."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.name)
        .last_update(_utc(NOW - DAY))
        .next_update(_utc(next_update))
        .add_extension(x509.CRLNumber(1), False)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder(
            one.parsed.serial_number, _utc(NOW - 2 * DAY)
        ).add_extension(x509.CRLReason(x509.ReasonFlags.superseded), False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _utc(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def test_a_list_is_fetched_once_for_all_and_kept(tmp_path: Path) -> None:
    """Two runs of twenty leaves: one of them revoked, one download."""
    seen: Counter[str] = Counter()
    found: list[list[RevocationAnswer]] = []

    async def work() -> None:
        respond: Respond = lambda *_: http(crl(leaves[3]))  # noqa: E731
        async with serving(counting(respond, seen)) as port:
            url = f"http://127.0.0.1:{port}/ca.crl"
            leaves = [leaf_at(crls=[url], subject=f"host{n}.example.com") for n in range(20)]
            for _ in range(2):
                async with enquiry(tmp_path, mode="crl") as asking:
                    answers = await asyncio.gather(
                        *(asking.ask(one.parsed, CA.parsed) for one in leaves)
                    )
                    found.append([each for (each,) in answers])

    run("asyncio", work())

    assert seen == {"GET": 1}
    for answers in found:
        assert [one.status.value == "revoked" for one in answers] == [n == 3 for n in range(20)]
        assert {one.status.value for one in answers} == {"good", "revoked"}
        assert answers[3].revocation_reason == "superseded"


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        pytest.param(b"garbage", Reason.MALFORMED, id="garbage"),
        pytest.param(crl(next_update=NOW - 1), Reason.STALE, id="stale"),
    ],
)
def test_lists_that_say_nothing(octets: bytes, word: Reason) -> None:
    """Unknown with the reason, from a place of this run alone."""

    async def work() -> RevocationAnswer:
        async with serving(responding(lambda *_: http(octets))) as port:
            one = leaf_at(crls=[f"http://127.0.0.1:{port}/"])
            return await ask_once(one, mode="crl")

    assert said(run("asyncio", work())) == ("unknown", word)


def test_a_list_that_cannot_be_fetched() -> None:
    """As for responders."""
    with closed_port() as port:
        one = leaf_at(crls=[f"http://127.0.0.1:{port}/"])
        found = run("asyncio", ask_once(one, mode="crl"))

    assert said(found) == ("unknown", Reason.UNREACHABLE)


def test_a_stale_list_on_disk_is_fetched_anew(tmp_path: Path) -> None:
    """What was good last week says nothing today."""
    clock = Clock()
    lists = [crl(next_update=NOW + DAY), crl(next_update=NOW + 9 * DAY)]

    async def work() -> list[RevocationAnswer]:
        async with serving(responding(lambda *_: http(lists.pop(0)))) as port:
            one = leaf_at(crls=[f"http://127.0.0.1:{port}/"])
            first = await ask_once(one, tmp_path, mode="crl", clock=clock)
            clock.now = NOW + 2 * DAY
            return [first, await ask_once(one, tmp_path, mode="crl", clock=clock)]

    assert [said(one) for one in run("asyncio", work())] == [("good", ""), ("good", "")]
    assert lists == []


def test_all_asks_both_and_the_graver_counts() -> None:
    """The responder lags behind the list."""
    made: list[Issued] = []

    def respond(method: str, target: str, body: bytes) -> bytes:
        return http(crl(made[0]) if target == "/crl" else answer(made[0], CA))

    async def work() -> tuple[RevocationAnswer, ...]:
        async with serving(responding(respond)) as port:
            place = f"http://127.0.0.1:{port}"
            made.append(leaf_at(f"{place}/", crls=[f"{place}/crl"]))
            async with enquiry(mode="all") as asking:
                return await asking.ask(made[0].parsed, CA.parsed)

    answers = run("asyncio", work())

    assert [(each.source, *said(each)) for each in answers] == [
        ("ocsp", "good", ""),
        ("crl", "revoked", ""),
    ]
    assert combine(answers).status is RevocationStatus.REVOKED


def test_a_request_asks_about_the_certificate() -> None:
    """What goes out by GET is the request that the library reads (RFC 6960 appendix A.1)."""
    targets: list[str] = []

    def respond(method: str, target: str, body: bytes) -> bytes:
        targets.append(target)
        return http(said_no(3))

    asked_of(responding(respond))
    request = ocsp.load_der_ocsp_request(base64.b64decode(unquote(targets[0][1:])))

    assert request.issuer_key_hash.hex() == _sha1(CA.parsed.public_key)


def _sha1(octets: bytes) -> str:
    return hashlib.sha1(octets).hexdigest()

"""The dialogues with a proxy and the tunnel behind it: RFC 9110, RFC 1928, RFC 1929."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.errors import UsageError
from fleetscan.facts import HandshakeFacts, fold
from fleetscan.tls import events as seen
from fleetscan.tls.proxies.address import Credentials, Proxy, parse_proxy
from fleetscan.tls.proxies.tunnel import Tunnel
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, ProxyAnswer, Stage
from tests.tls_peers import OpenSslPeer, conversation, record, server_context, single_octets, whole

Cut = Callable[[bytes], Iterable[bytes]]

HTTP = Proxy(kind="http", host="proxy.test", port=3128)
SOCKS = Proxy(kind="socks5", host="proxy.test", port=1080)
ALADDIN = Credentials(user=b"Aladdin", password=b"open sesame")
AS_ALADDIN = Proxy(kind="socks5", host="proxy.test", port=1080, credentials=ALADDIN)

AGREED = b"HTTP/1.1 200 Connection established\r\n\r\n"

# RFC 1928 section 6: VER, REP, RSV, ATYP, BND.ADDR, BND.PORT.
SUCCEEDED = bytes.fromhex("05 00 00 01 7f000001 01bb")


def tunnel(
    proxy: Proxy, *, host: str = "192.0.2.7", port: int = 443, starttls: str = "none"
) -> Tunnel:
    """A tunnel through this proxy, with a conversation of these tests behind it."""
    return Tunnel(conversation(starttls=starttls), proxy=proxy, host=host, port=port)


def tell(client: Tunnel, octets: bytes, cut: Cut = whole) -> bytes:
    """Give octets to it, and give back what it says."""
    return b"".join(client.receive(part, 2.0) for part in cut(octets))


def facts_of(client: Tunnel, ended_by: EndedBy = EndedBy.US, octets: int = 0) -> HandshakeFacts:
    """What is known when it ends so, with what the engine reports before and after."""
    before: list[seen.Event] = [seen.ProxyUsed(0.0, "http://proxy.test:3128"), seen.Connected(0.5)]
    return fold([*before, *client.events, seen.Ended(9.0, ended_by, None, octets, client.stage)])


def refusal(client: Tunnel) -> ProxyAnswer:
    """The proxy's answer, which must be the end of it."""
    assert client.finished
    assert client.stage is Stage.PROXY
    facts = facts_of(client)
    assert facts.offer is None
    assert facts.proxy_answer is not None
    assert not facts.proxy_answer.accepted
    assert facts.proxy_answer.words.isprintable()
    assert facts.proxy_answer.detail.isprintable()
    return facts.proxy_answer


# -- HTTP --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("192.0.2.7", b"192.0.2.7:443"),
        ("2001:db8::7", b"[2001:db8::7]:443"),
        ("a.test", b"a.test:443"),
    ],
)
def test_connect_is_asked_for_in_authority_form(host: str, authority: bytes) -> None:
    """RFC 9110 section 9.3.6: host and port, and the same as Host; IPv6 in brackets."""
    request = tunnel(HTTP, host=host).start(1.0)

    assert request == (
        b"CONNECT " + authority + b" HTTP/1.1\r\n"
        b"Host: " + authority + b"\r\n"
        b"User-Agent: fleetscan\r\n\r\n"
    )


def test_credentials_are_sent_as_the_rfc_shows_them() -> None:
    """The example of RFC 7617 section 2, under the field that is a proxy's."""
    proxy = Proxy(kind="http", host="proxy.test", port=80, credentials=ALADDIN)
    lines = tunnel(proxy).start(1.0).split(b"\r\n")

    assert b"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" in lines


@pytest.mark.parametrize("cut", [whole, single_octets])
@pytest.mark.parametrize(
    "answer",
    [
        AGREED,
        b"HTTP/1.0 200 OK\r\nVia: 1.1 x\r\n\r\n",
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 204 odd\nContent-Length: 5\nTransfer-Encoding: chunked\n\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + AGREED,
    ],
    ids=range(6),
)
def test_any_2xx_opens_the_tunnel(answer: bytes, cut: Cut) -> None:
    """After its header come octets of the peer, whatever its Content-Length says."""
    client = tunnel(HTTP)
    client.start(1.0)
    assert (client.stage, client.waiting) == (Stage.PROXY, "proxy")
    hello = tell(client, answer, cut)

    assert hello.startswith(b"\x16\x03\x01")
    assert (client.stage, client.waiting) == (Stage.SERVER_HELLO, "first_octet")
    assert not client.finished


@pytest.mark.parametrize("cut", [whole, single_octets])
@pytest.mark.parametrize("proxy", [HTTP, SOCKS, AS_ALADDIN], ids=["http", "socks5", "password"])
def test_a_handshake_through_a_tunnel_is_completed(proxy: Proxy, cut: Cut) -> None:
    """With OpenSSL behind it, for any cut of the proxy's octets and the server's."""
    client = tunnel(proxy)
    client.start(1.0)
    if proxy is HTTP:
        hello = tell(client, AGREED, cut)
        spent = len(AGREED)
    else:
        methods = {SOCKS: b"\x05\x00", AS_ALADDIN: b"\x05\x02\x01\x00"}[proxy]
        tell(client, methods, cut)
        hello = tell(client, SUCCEEDED, cut)
        spent = len(methods + SUCCEEDED)
    peer = OpenSslPeer(server_context())
    flight = peer.receive(hello)
    tickets = peer.receive(tell(client, flight, cut))
    tell(client, tickets)
    facts = facts_of(client, octets=spent + len(flight) + len(tickets))

    assert facts.confirmed_by is ConfirmedBy.TICKET
    assert facts.stage is Stage.CONFIRMED
    assert facts.octets_received == len(flight) + len(tickets)
    assert (facts.spoke_first, facts.is_tls) == (False, Checked.YES)


@pytest.mark.parametrize("cut", [whole, single_octets])
@pytest.mark.parametrize(
    ("answer", "code", "words", "detail"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", 403, "Forbidden", ""),
        (
            b"HTTP/1.1 407 Who?\r\nproxy-authenticate: Negotiate\r\n"
            b'Proxy-Authenticate:\tBasic realm="x"\r\n\r\n',
            407,
            "Who?",
            'Negotiate, Basic realm="x"',
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nProxy-Authenticate: Basic\r\n"
            b"Proxy-Status: p; error=connection_refused\r\n\r\n",
            502,
            "Bad Gateway",
            "p; error=connection_refused",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n\r\n", 302, "Found", ""),
        (b"HTTP/1.1 101 Switching\r\n\r\n" + AGREED, 101, "Switching", ""),
        (b"HTTP/1.1 300 Choose\r\n\r\n", 300, "Choose", ""),
        (
            b"HTTP/1.1 102 x\r\nProxy-Status: p; error=y\r\n\r\nHTTP/1.1 403 No\r\n\r\n",
            403,
            "No",
            "",
        ),
        (b"HTTP/1.1 999 odd\r\n\r\n", 999, "odd", ""),
        (b"HTTP/1.1 000 \r\n\r\n", 0, "", ""),
        (b"HTTP/1.1 503 \x1b[31mred\x07\r\n\r\n", 503, "\\x1b[31mred\\x07", ""),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_a_refusal_keeps_status_and_words(
    answer: bytes, code: int, words: str, detail: str, cut: Cut
) -> None:
    """Every final status but 2xx is one; the words are escaped, the body is never looked at."""
    client = tunnel(HTTP)
    client.start(1.0)

    assert tell(client, answer, cut) == b""
    assert refusal(client) == ProxyAnswer(
        step="request", accepted=False, code=code, words=words, detail=detail
    )
    assert client.close(3.0) == b""


@pytest.mark.parametrize(
    "octets",
    [
        record(21, b"\x02\x46", 0x0301),  # the proxy's port speaks TLS: protocol_version
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x05\xff",
        b"<html>",
        b"\r\n" + AGREED,
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
    ],
    ids=lambda octets: ascii(octets[:12]),
)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_what_is_no_http_is_no_tunnel(octets: bytes, cut: Cut) -> None:
    """RFC 9112 section 4 has the form of a status line: all else is refused, as it came."""
    client = tunnel(HTTP)
    client.start(1.0)
    tell(client, octets, cut)
    answer = refusal(client)

    assert answer.code is None
    assert answer.words


@pytest.mark.parametrize("size", [1, 700, 65_536])
@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 4_000,
        b"HTTP/1.1 200 " + b"x" * 40_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000,
    ],
    ids=["fields", "reason", "field", "interim responses"],
)
def test_an_endless_header_is_cut_off(endless: bytes, size: int) -> None:
    """More than the bound of one answer is no answer, and 200 in front of it no promise."""
    client = tunnel(HTTP)
    client.start(1.0)
    for at in range(0, limits.MAX_PROXY_HEADER + 2 * size, size):
        client.receive(endless[at : at + size], 2.0)
    answer = refusal(client)

    assert "does not end" in answer.detail


def test_a_header_as_long_as_the_bound_is_read() -> None:
    """The bound is the last size that passes, and one octet more is too much."""
    filler = limits.MAX_PROXY_HEADER - len(b"HTTP/1.1 200 OK\r\nX: \r\n\r\n")
    for longer, opened in ((0, True), (1, False)):
        client = tunnel(HTTP)
        client.start(1.0)
        tell(client, b"HTTP/1.1 200 OK\r\nX: " + b"y" * (filler + longer) + b"\r\n\r\n")

        assert (client.stage is not Stage.PROXY) is opened


def test_octets_behind_the_header_are_the_peers() -> None:
    """A peer that greets is heard although it spoke before our hello can have arrived."""
    client = tunnel(HTTP)
    client.start(1.0)
    banner = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    client.receive(AGREED + banner, 2.0)
    facts = facts_of(client, octets=len(AGREED + banner))

    assert facts.is_tls is Checked.NO
    assert facts.first_octets == banner
    assert facts.octets_received == len(banner)
    assert facts.spoke_first
    assert facts.timings.first_octet == 0.0


@pytest.mark.parametrize("cut", [whole, single_octets])
def test_a_server_that_greets_is_asked_for_tls(cut: Cut) -> None:
    """STARTTLS behind a proxy: the greeting comes through the tunnel, or with its opening."""
    for greeting in (AGREED + b"+OK ready\r\n", AGREED):
        client = tunnel(HTTP, starttls="pop3")
        client.start(1.0)
        said = tell(client, greeting, cut)
        if greeting == AGREED:
            assert (said, client.stage) == (b"", Stage.STARTTLS)
            said = tell(client, b"+OK ready\r\n", cut)
        assert said == b"STLS\r\n"
        assert tell(client, b"+OK go\r\n", cut).startswith(b"\x16\x03\x01")
        facts = facts_of(client)
        assert (facts.spoke_first, facts.starttls) == (True, "pop3")


def test_a_greeting_is_waited_for_from_the_tunnel_on() -> None:
    """The time to the first octet is the server's; what the proxy took to reach it is not."""
    client = tunnel(HTTP, starttls="pop3")
    client.start(1.0)
    client.receive(AGREED, 2.0)
    client.receive(b"+OK ready\r\n", 5.0)

    assert facts_of(client).timings.first_octet == 3_000.0


# -- SOCKS5 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "01 c0000207"),
        ("2001:db8::7", "04 20010db8000000000000000000000007"),
        ("a.test", "03 06 612e74657374"),
    ],
)
def test_socks5_without_credentials(host: str, address: str) -> None:
    """RFC 1928 sections 3 to 6, octet by octet as the RFC has the fields."""
    client = tunnel(SOCKS, host=host, port=8443)

    assert client.start(1.0) == bytes.fromhex("05 01 00")
    assert client.receive(b"\x05\x00", 2.0) == bytes.fromhex("05 01 00" + address + "20fb")
    assert client.receive(SUCCEEDED, 3.0).startswith(b"\x16\x03\x01")


def test_socks5_with_credentials() -> None:
    """RFC 1929 section 2: VER 1, ULEN, UNAME, PLEN, PASSWD, once the proxy chose method 2."""
    client = tunnel(AS_ALADDIN)

    assert client.start(1.0) == bytes.fromhex("05 02 00 02")
    assert client.receive(b"\x05\x02", 2.0) == b"\x01\x07Aladdin\x0bopen sesame"
    assert client.receive(b"\x01\x00", 3.0) == bytes.fromhex("05 01 00 01 c0000207 01bb")


def test_a_proxy_that_wants_no_password_gets_none() -> None:
    """It chooses among the methods; what it does not ask for is not sent."""
    client = tunnel(AS_ALADDIN)
    client.start(1.0)

    assert client.receive(b"\x05\x00", 2.0) == bytes.fromhex("05 01 00 01 c0000207 01bb")


@pytest.mark.parametrize(
    "reply",
    [
        "05 00 00 01 00000000 0000",
        "05 00 00 04 00000000000000000000000000000000 0000",
        "05 00 00 03 00 0000",
        "05 00 ff 03 03 616263 0050",
    ],
)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_every_form_of_a_bound_address_is_read_to_its_end(reply: str, cut: Cut) -> None:
    """What stands behind the reply belongs to the peer: not one octet less or more."""
    client = tunnel(SOCKS)
    client.start(1.0)
    client.receive(b"\x05\x00", 2.0)
    octets = bytes.fromhex(reply)
    assert tell(client, octets[:-1], cut) == b""
    assert client.stage is Stage.PROXY
    tell(client, octets[-1:] + b"SSH-2.0-x\r\n")

    assert facts_of(client).first_octets == b"SSH-2.0-x\r\n"


@pytest.mark.parametrize("cut", [whole, single_octets])
@pytest.mark.parametrize(
    ("replies", "step", "code"),
    [
        ("05ff", "method", 0xFF),
        ("0501", "method", 1),
        ("0502 0101", "authentication", 1),
        ("0502 05ff", "authentication", 0xFF),
        ("0500 0502 0001 00000000 0000", "request", 2),
        ("0500 0505", "request", 5),
        ("0502 0100 0504", "request", 4),
        ("0500 05ff", "request", 0xFF),
    ],
)
def test_a_socks5_refusal_keeps_step_and_code(replies: str, step: str, code: int, cut: Cut) -> None:
    """Codes mean something else at each step, so the step is part of it."""
    client = tunnel(AS_ALADDIN)
    client.start(1.0)
    tell(client, bytes.fromhex(replies), cut)
    answer = refusal(client)

    assert (answer.step, answer.code, answer.words) == (step, code, "")


def test_a_method_that_was_not_offered_is_a_refusal() -> None:
    """RFC 1928 section 3: one of those offered. A password is never sent that nobody gave."""
    client = tunnel(SOCKS)
    client.start(1.0)

    assert client.receive(b"\x05\x02", 2.0) == b""
    assert refusal(client).code == 2


@pytest.mark.parametrize(
    "octets",
    [
        "00 5b 0000 00000000",
        "48545450",
        "04 00",
        "0500 04 00",
        "0500 05 00 00 02 0000",
        "1503010002",
    ],
)
@pytest.mark.parametrize("cut", [whole, single_octets])
def test_what_is_no_socks5_is_no_tunnel(octets: str, cut: Cut) -> None:
    """SOCKS4, HTTP, TLS, an address type that does not exist: refused, as it came."""
    client = tunnel(SOCKS)
    client.start(1.0)
    tell(client, bytes.fromhex(octets), cut)
    answer = refusal(client)

    assert answer.code is None
    assert answer.words


# -- both --------------------------------------------------------------------------------


HTTP_ANSWER = b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n\r\n"
SOCKS_REPLIES = b"\x05\x02\x01\x00" + SUCCEEDED


@pytest.mark.parametrize("how", ["end", "silence"])
@pytest.mark.parametrize(
    ("proxy", "octets", "cut"),
    [
        *((HTTP, HTTP_ANSWER, cut) for cut in range(len(HTTP_ANSWER))),
        *((HTTP, AGREED, cut) for cut in range(len(AGREED))),
        *((AS_ALADDIN, SOCKS_REPLIES, cut) for cut in range(len(SOCKS_REPLIES))),
    ],
)
def test_every_strict_prefix_opens_nothing(proxy: Proxy, octets: bytes, cut: int, how: str) -> None:
    """FIN or silence in the middle: no tunnel, no hello, and what was said is kept."""
    client = tunnel(proxy)
    client.start(1.0)
    client.receive(octets[:cut], 2.0)
    assert not client.finished
    if how == "end":
        client.receive_end(3.0)
    else:
        assert client.silence(3.0) == b""
    answer = refusal(client)

    status_ends = octets.find(b"\n") if proxy is HTTP else len(octets)
    said = octets[9:12] if proxy is HTTP and cut > status_ends else b""
    assert answer.code == (int(said) if said else None)


@pytest.mark.parametrize("proxy", [HTTP, SOCKS, AS_ALADDIN], ids=["http", "socks5", "password"])
@given(octets=st.binary(max_size=300), at=st.integers(0, 300))
@example(octets=b"\x05\x00" + SUCCEEDED, at=3)
@example(octets=AGREED, at=20)
def test_any_octets_end_or_wait_and_every_cut_is_alike(
    proxy: Proxy, octets: bytes, at: int
) -> None:
    """A proxy says anything: no exception, and the same answer however it is cut."""
    answers = []
    for cut in ([octets], [octets[:at], octets[at:]], single_octets(octets)):
        client = tunnel(proxy)
        client.start(1.0)
        for part in cut:
            client.receive(part, 2.0)
        client.receive_end(3.0)
        found = fold(client.events).proxy_answer
        assert found is not None
        answers.append((found.step, found.accepted, found.code))

    assert len(set(answers)) == 1


def test_what_comes_after_a_refusal_is_not_looked_at() -> None:
    """What is finished stays as it is."""
    client = tunnel(HTTP)
    client.start(1.0)
    client.receive(b"HTTP/1.1 403 No\r\n\r\n", 2.0)
    before = list(client.events)
    assert client.receive(AGREED, 3.0) == b""
    client.receive_end(4.0)
    client.silence(5.0)

    assert client.events == before


def test_behind_the_tunnel_everything_is_the_conversations() -> None:
    """Silence, FIN and the last words go to it and come from it."""
    client = tunnel(HTTP)
    client.start(1.0)
    client.receive(AGREED, 2.0)
    client.receive(b"\x16\x03\x03\x00\x7a", 3.0)

    assert client.waiting == "handshake"
    assert client.silence(4.0) == b""
    # user_canceled, then close_notify (RFC 8446 section 6.1).
    assert client.close(5.0) == record(21, b"\x01\x5a") + record(21, b"\x01\x00")
    client.receive_end(6.0)
    assert client.finished
    assert client.stage is Stage.SERVER_HELLO


def test_octets_and_times_of_the_proxy_are_not_the_peers() -> None:
    """What the proxy sends before it opens the tunnel says nothing of the peer."""
    client = tunnel(HTTP)
    client.start(1.0)
    client.events.append(seen.FirstOctet(1.5, False))  # as the engine reports it
    client.receive(b"HTTP/1.1 200 ", 1.5)
    waiting = facts_of(client, EndedBy.TIMEOUT, octets=13)
    client.receive(b"OK\r\n\r\n", 3.0)
    silent = facts_of(client, EndedBy.TIMEOUT, octets=19)
    client.receive(b"\x15", 3.5)
    answered = facts_of(client, EndedBy.TIMEOUT, octets=20)

    assert (waiting.octets_received, silent.octets_received, answered.octets_received) == (0, 0, 1)
    assert (waiting.stage, silent.stage) == (Stage.PROXY, Stage.SERVER_HELLO)
    assert (waiting.timings.first_octet, silent.timings.first_octet) == (None, None)
    assert answered.timings.first_octet == 500.0
    assert answered.proxy == "http://proxy.test:3128"


# -- the URL -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy.test:3128", "http://proxy.test:3128"),
        ("HTTP://Proxy.TEST/", "http://proxy.test:80"),
        ("socks5://192.0.2.1", "socks5://192.0.2.1:1080"),
        ("socks5://[2001:DB8::1]:99", "socks5://[2001:db8::1]:99"),
        ("http://u:p@proxy.test:1", "http://proxy.test:1"),
        ("http://b\u00fccher.test:1", "http://xn--bcher-kva.test:1"),
    ],
)
def test_the_url_of_a_proxy(url: str, shown: str) -> None:
    """Kind, host and port, each with its default; credentials are never shown."""
    assert parse_proxy(url).shown == shown


def test_credentials_in_a_url_are_percent_decoded() -> None:
    """RFC 3986 section 2.1; UTF-8 as RFC 7617 section 2.1 has it; only the first colon counts."""
    proxy = parse_proxy("http://us%40er:p%2F%3a:%C3%BC@proxy.test")

    assert proxy.credentials == Credentials(user=b"us@er", password=b"p/::\xc3\xbc")
    assert "p/::" not in repr(proxy)
    assert "us@er" not in repr(proxy)


def test_credentials_beside_the_url() -> None:
    """As they are, without any decoding."""
    proxy = parse_proxy("socks5://proxy.test", ("us%41er", "\u00fc:"))

    assert proxy.credentials == Credentials(user=b"us%41er", password=b"\xc3\xbc:")


@pytest.mark.parametrize(
    ("url", "given", "said"),
    [
        ("", None, "http://host:port"),
        ("proxy.test:3128", None, "http://host:port"),
        ("http://", None, "http://host:port"),
        ("ftp://proxy.test", None, "http://host:port"),
        ("https://u:hunter2@proxy.test", None, "TLS to the proxy itself"),
        ("socks5h://proxy.test", None, "--proxy-names"),
        ("socks4://proxy.test", None, "SOCKS4"),
        ("http://u:hunter2@proxy.test:99999", None, "port"),
        ("http://u:hunter2@proxy.test:0", None, "missing"),
        ("http://u:hunter2@:80", None, "missing"),
        ("http://u:hun/ter2@proxy.test", None, "%2F"),
        ("http://u:hunter2@proxy.test/path", None, "nothing behind"),
        ("http://u:hunter2@proxy.test?query", None, "nothing behind"),
        ("http://u:hunter2@proxy.test#x", None, "nothing behind"),
        ("http://u:hunter2@proxy..test", None, "empty label"),
        ("http://u:hunter2@[fe80::1%25eth0]", None, "IPv6"),
        ("http://u:hunter2@[::1", None, "cannot be read"),
        ("http://u:hunter2@proxy.test\n", None, "http://host:port"),
        ("http://u%0a:hunter2@proxy.test", None, "control character"),
        ("http://u:hunter2%7f@proxy.test", None, "control character"),
        ("http://:hunter2@proxy.test", None, "user name is missing"),
        ("http://u%3av:hunter2@proxy.test", None, "no colon"),
        ("http://u:" + "hunter2" * 40 + "@proxy.test", None, "255"),
        ("http://u:hunter2@proxy.test", ("v", "w"), "twice"),
        ("socks5://u@proxy.test", None, "one octet"),
        ("socks5://proxy.test", ("", "hunter2"), "user name is missing"),
    ],
)  # fmt: skip
def test_a_bad_url_is_one_line_without_its_password(
    url: str, given: tuple[str, str] | None, said: str
) -> None:
    """What is wrong is said, and what may be a password is not."""
    with pytest.raises(UsageError) as caught:
        parse_proxy(url, given)

    assert said in str(caught.value)
    assert "hun" not in str(caught.value)
    assert "\n" not in str(caught.value)

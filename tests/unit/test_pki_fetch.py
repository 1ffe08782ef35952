"""Where a fetch may go, and what an answer is: all of it decided without a socket."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.errors import InventoryError
from fleetscan.inventory.excludes import Excludes
from fleetscan.pki.fetch_guard import HTTP_PORTS, AddressGuard, Place, parse_http_url
from fleetscan.pki.fetched import FetchFailure, FetchReason
from fleetscan.pki.http_answer import AnswerReader
from tests.fetching import Names, ask, reason, watched

# -- URLs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("http://ca.example.com/ca.crt", "ca.example.com", 80, "/ca.crt"),
        ("HTTP://CA.Example.COM", "ca.example.com", 80, "/"),
        ("http://ca.example.com?x=1#y", "ca.example.com", 80, "/?x=1"),
        ("http://ca.example.com:8080/", "ca.example.com", 8080, "/"),
        ("http://ca.example.com:/", "ca.example.com", 80, "/"),
        ("http://192.0.2.7/a/../b", "192.0.2.7", 80, "/a/../b"),
        ("http://[2001:DB8:0::1]:81/", "2001:db8::1", 81, "/"),
        ("http://pki/Corp%20CA (1).crt", "pki", 80, "/Corp%20CA%20(1).crt"),
        ("http://my_ca.example/@x", "my_ca.example", 80, "/@x"),
    ],
)
def test_a_plain_url_is_read(url: str, host: str, port: int, target: str) -> None:
    """RFC 3986: scheme and host without case, port 80 unless given, no fragment is sent."""
    assert parse_http_url(url) == Place(host=host, port=port, target=target)


@pytest.mark.parametrize(
    "url",
    [
        "https://ca.example.com/",
        "ftp://ca.example.com/",
        "ldap://ca.example.com/cn=CA",
        "ldap:///CN=Corp%20CA",
        "file:///etc/passwd",
        "gopher://ca.example.com/",
        "data:,x",
        "httpx://ca.example.com/",
    ],
)
def test_another_scheme_than_http_is_refused(url: str) -> None:
    """Only http is fetched: https would need a path check of its own to say anything."""
    refused = parse_http_url(url)

    assert isinstance(refused, FetchFailure)
    assert refused.reason is FetchReason.SCHEME


# What inet_aton of the C library, and with it getaddrinfo, takes for 127.0.0.1 or for
# 169.254.169.254, and what a URL parser may make of other spellings.
ODD_HOSTS = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7F.1",
    "0177.0.0.1",
    "127.0.0.01",
    "0127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.0x1",
    "0x7f.0.0.0x",
    "127.0.0.1.",
    "127.0.0.1.nothing.1",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "%31%32%37.0.0.1",
    "127%2e0.0.1",
    "localhost%00.example.com",
    "localhost.",
    "[127.0.0.1]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fe80::1%251]",
    "::1",
    "[::1",
    "[]",
    "[v1.::1]",
    "①②⑦.⓪.⓪.①",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020.0.1",
    "256.0.0.1",
    "127.0.0.1.1",
    "1.2.3",
    "user@127.0.0.1",
    "ca.example.com@127.0.0.1",
    "user:secret@ca.example.com",
    "ca.example.com\\@127.0.0.1",
    "127.0.0.1\\.example.com",
    "127.0.0.1:80:80",
    "127.0.0.1:99999",
    "127.0.0.1:0",
    "127.0.0.1:+80",
    "127.0.0.1:8o",
    "ca..example.com",
    ".example.com",
    "*.example.com",
    "-",
    "",
    "ca.example.com\t",
    "ca.example.com\r\nHost: x",
    "ca .example.com",
    "a" * 64 + ".example.com",
    ".".join(["a" * 50] * 6),
]


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_an_odd_literal_never_reaches_a_resolver_or_a_socket(host: str) -> None:
    """Whatever has two readings has none: refused even where loopback is allowed."""
    names = Names()

    outcome, loop = watched(lambda: ask(f"http://{host}/x", names))

    assert reason(outcome) is FetchReason.URL
    assert (names.asked, loop.looked_up, loop.connected) == ([], [], [])


@pytest.mark.parametrize(
    "url",
    [
        *("", "http", "http:", "http:/", "http://", "http:///x", "//ca.example.com/", "/x", "x\n"),
        "http://ca.example.com/\r\nX: y",
        "http://ca.example.com/\0",
        "http://ca.example.com/\u00e4",
    ],
)
def test_what_is_no_absolute_url_is_refused(url: str) -> None:
    """RFC 3986 sections 2 and 4.3: scheme, authority, and no character outside its alphabet."""
    refused = parse_http_url(url)

    assert isinstance(refused, FetchFailure)
    assert refused.reason is FetchReason.URL


def test_a_long_url_is_refused() -> None:
    """RFC 9110 section 4.1 asks for 8,000 octets and no more."""
    url = "http://ca.example.com/"

    assert isinstance(parse_http_url(url.ljust(limits.MAX_FETCH_URL, "x")), Place)
    assert isinstance(parse_http_url(url.ljust(limits.MAX_FETCH_URL + 1, "x")), FetchFailure)


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_a_failure(text: str) -> None:
    """Strangers write anything; what is sent has no blank and no control character in it."""
    for url in (text, f"http://{text}", f"http://ca.example.com/{text}"):
        place = parse_http_url(url)
        if isinstance(place, Place):
            sent = place.target + place.authority
            assert sent.isascii()
            assert sent.isprintable()
            assert " " not in sent


@pytest.mark.parametrize(
    ("host", "port", "authority"),
    [
        ("ca.example", 80, "ca.example"),
        ("ca.example", 8080, "ca.example:8080"),
        ("2001:db8::1", 80, "[2001:db8::1]"),
    ],
)
def test_the_host_field_names_the_host_of_the_url(host: str, port: int, authority: str) -> None:
    """RFC 9110 section 7.2."""
    assert Place(host=host, port=port, target="/").authority == authority


# -- addresses -------------------------------------------------------------------------

# One address at least of each row of IANA's special-purpose registries that no certificate
# has a reason to name, of each kind of multicast, and each cloud's metadata server as the
# clouds document them: AWS, GCP and Azure IMDS, AWS over IPv6, Alibaba, Oracle, Azure's host.
REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::0.0.0.0",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
# Hosts of the public DNS services, which are on the internet by any table; the last one
# reaches the first through NAT64.
PUBLIC = [
    "8.8.8.8",
    "9.9.9.9",
    "1.1.1.1",
    "2001:4860:4860::8888",
    "2620:fe::fe",
    "64:ff9b::8.8.8.8",
]


def refusal(
    address: str, allow: tuple[str, ...] = (), excludes: tuple[str, ...] = (), port: int = 80
) -> FetchReason | None:
    """What the guard says of an address."""
    guard = AddressGuard(allow, Excludes(excludes))
    refused = guard.refusal(ipaddress.ip_address(address), port)
    return None if refused is None else refused.reason


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_on_the_internet_is_refused(address: str) -> None:
    """Nothing of this machine's, of its networks or of nobody is reached unless allowed."""
    assert refusal(address) is FetchReason.ADDRESS_REFUSED


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_internet_is_let_through(address: str) -> None:
    """The look-alike of the above."""
    assert refusal(address) is None


@pytest.mark.parametrize("address", [one for one in REFUSED if ":" not in one])
def test_a_refused_address_is_refused_in_every_ipv6_form_of_it(address: str) -> None:
    """Mapped, compatible, translated (NAT64), 6to4 and Teredo forms lead to the same host."""
    number = int(ipaddress.IPv4Address(address))
    forms = (
        (0xFFFF << 32) | number,
        number,
        (0x0064FF9B << 96) | number,
        (0x2002 << 112) | number << 80 | 1,
        (0x20010000 << 96) | number << 64 | 0xFFFFFFFF ^ number,
    )

    for form in forms:
        assert refusal(str(ipaddress.IPv6Address(form))) is FetchReason.ADDRESS_REFUSED


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.0/8"),
        ("10.1.2.3", "10.0.0.5-10.255.255.255"),
        ("169.254.169.254", "169.254.0.0/16"),
        ("::1", "::1"),
        ("fd00::1", "fd00::/8"),
        ("64:ff9b::10.0.0.1", "64:ff9b::/96"),
    ],
)
def test_the_user_can_open_a_network(address: str, allow: str) -> None:
    """`--fetch-allow` is for enterprises whose issuers are inside; any port is theirs too."""
    assert refusal(address, (allow,)) is None
    assert refusal(address, (allow,), port=25) is None


def test_what_is_opened_is_that_network_and_no_other() -> None:
    """Its neighbours stay refused."""
    assert refusal("10.1.0.0", ("10.0.0.0/16",)) is FetchReason.ADDRESS_REFUSED
    assert refusal("::1", ("127.0.0.0/8",)) is FetchReason.ADDRESS_REFUSED
    assert refusal("64:ff9b::10.0.0.1", ("10.0.0.0/8",)) is FetchReason.ADDRESS_REFUSED


@pytest.mark.parametrize(
    ("address", "exclude"),
    [
        ("10.0.0.1", "10.0.0.0/8"),
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("::8.8.8.8", "8.8.8.8"),
        ("64:ff9b::8.8.8.8", "8.8.8.8"),
        ("2002:808:808::1", "8.8.8.8"),
        ("2001:0:808:808::1", "8.8.8.8"),
        ("2001:0:1:1:0:0:f7f7:f7f7", "8.8.8.8"),  # Teredo's client, written inverted
        ("2001:4860:4860::8888", "2001:4860::/32"),
    ],
)
def test_excludes_win_over_what_is_allowed(address: str, exclude: str) -> None:
    """An excluded address is never reached, whatever form it comes in."""
    assert refusal(address, ("0.0.0.0/0", "::/0"), (exclude,)) is FetchReason.EXCLUDED
    assert refusal(address, (), (exclude,)) is FetchReason.EXCLUDED


@pytest.mark.parametrize("address", ["0.0.0.0", "0.0.0.1", "::", "::ffff:0.0.0.0"])
def test_nobodys_address_is_not_even_opened(address: str) -> None:
    """Linux connects 0.0.0.0 to itself, which would lead around an exclude of 127.0.0.0/8."""
    assert refusal(address, ("0.0.0.0/0", "::/0"), ("127.0.0.0/8", "::1")) is (
        FetchReason.ADDRESS_REFUSED
    )


def test_a_port_that_is_not_http_is_refused_on_the_internet() -> None:
    """A certificate must not make us speak to a mail server; IANA's names for http count."""
    assert {80, 591, 8008, 8080} == HTTP_PORTS
    for port in HTTP_PORTS:
        assert refusal("8.8.8.8", port=port) is None
    for port in (22, 25, 443, 6379, 11211, 65535):
        assert refusal("8.8.8.8", port=port) is FetchReason.PORT


def test_a_network_that_is_none_is_an_error_with_its_option() -> None:
    """A network that is not understood is never skipped."""
    with pytest.raises(InventoryError, match="--fetch-allow"):
        AddressGuard(("10/8",))


# -- answers ---------------------------------------------------------------------------


class Answer:
    """A response fed to a reader, whole or in pieces of these sizes, and ended."""

    def __init__(self, octets: bytes, *, sizes: tuple[int, ...] = (), most: int = 1_000) -> None:
        self.reader = AnswerReader(most)
        self._taken = b""
        at = 0
        for size in (*sizes, len(octets)):
            if at < len(octets) and not self.reader.done:
                self._taken += self.reader.receive(octets[at : at + size])
                at += size
        self.reader.receive_end()

    @property
    def content(self) -> bytes | FetchFailure:
        """What it had, or why it is no answer."""
        return self.reader.refused or self._taken


OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "length": OK + b"Content-Length: 5\r\n\r\nhello",
    "length, and octets behind it": OK + b"Content-Length: 5\r\n\r\nhello, world",
    "to the end": OK + b"\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "no reason": b"HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "folded": OK + b"X: a\r\n b\r\nContent-Length:\r\n 5\r\n\r\nhello",
    "no colon": OK + b"nonsense\r\ncontent-length: 5\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    "chunked with a trailer": OK
    + b"Transfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n05 \r\nhello\r\n000\r\nA: b\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
    + OK
    + b"Content-Length: 5\r\n\r\nhello",
    "identity": OK + b"Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_the_same_however_it_is_cut(name: str) -> None:
    """RFC 9112: each way to say where a content ends, whole, octet by octet, at random cuts."""
    octets = WHOLE[name]
    cuts = random.Random(name)
    random_sizes = tuple(cuts.randint(1, 9) for _ in octets)

    for sizes in ((), (1,) * len(octets), random_sizes):
        answer = Answer(octets, sizes=sizes)
        assert answer.content == b"hello"
        assert (answer.reader.status, answer.reader.length) == (200, 5)


BAD = {
    "nothing": b"",
    "HTTP/0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n\r\n",
    "no code": b"HTTP/1.1 OK\r\n\r\n",
    "long code": b"HTTP/1.1 2000 OK\r\n\r\n",
    "header cut": OK + b"Content-Length: 5\r\n",
    "negative length": OK + b"Content-Length: -5\r\n\r\nhello",
    "signed length": OK + b"Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": OK + b"Content-Length: 0x5\r\n\r\nhello",
    "no length": OK + b"Content-Length:\r\n\r\nhello",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "one length twice": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "absurd length": OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
    "ended early": OK + b"Content-Length: 6\r\n\r\nhello",
    "chunks ended early": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunk ended early": OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nhello",
    "negative chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
    "absurd chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nhello",
    "chunk over its size": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "gzip in transfer": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": OK
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked under HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "interim alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "endless header": OK + b"X: y\r\n" * 10_000,
    "endless line": OK + b"X: " + b"y" * 100_000,
    "endless interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "endless extension": OK + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"y" * 100_000,
    "endless trailer": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 10_000,
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_is_none_is_refused(name: str) -> None:
    """RFC 9112 sections 4, 6 and 7: whatever is not clearly framed is not used."""
    refused = Answer(BAD[name], sizes=(1_000,) * (len(BAD[name]) // 1_000)).content

    assert isinstance(refused, FetchFailure)
    assert refused.reason is FetchReason.BAD_ANSWER
    assert len(refused.detail) <= 200
    assert refused.detail.isprintable()


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "to the end"])
def test_every_strict_prefix_is_no_answer(name: str) -> None:
    """A response that breaks off is never mistaken for a shorter one."""
    octets = WHOLE[name].removesuffix(b", world")
    if name == "HTTP/1.0":
        octets = octets.removesuffix(b"hello")  # from there on any end is a good one

    for cut in range(len(octets)):
        assert isinstance(Answer(octets[:cut]).content, FetchFailure), cut


@pytest.mark.parametrize(
    "octets",
    [
        OK + b"Content-Length: 11\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nb\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n",
        OK + b"\r\nhello world",
    ],
)
def test_too_much_is_refused_as_soon_as_it_is_known(octets: bytes) -> None:
    """An announced length is enough; no octet of the content need come."""
    refused = Answer(octets, most=10).content

    assert isinstance(refused, FetchFailure)
    assert refused.reason is FetchReason.TOO_LARGE


def test_chunks_of_one_octet_do_not_go_on_for_ever() -> None:
    """Framing may weigh as much as the content and a header's bound, and no more."""
    endless = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 10_000

    refused = Answer(endless, most=1 << 30).content

    assert isinstance(refused, FetchFailure)
    assert refused.reason is FetchReason.BAD_ANSWER


@pytest.mark.parametrize("status", [101, 204, 206, 301, 304, 404, 500])
def test_another_status_ends_with_the_header(status: int) -> None:
    """Only 200 has content that is used; 101 is no interim response here."""
    reader = AnswerReader(10)
    reader.receive(b"HTTP/1.1 %d x\r\nLocation: /y\r\n\r\n" % status)

    assert (reader.done, reader.status, reader.refused) == (True, status, None)
    assert reader.field(b"location") == b"/y"


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_octets_are_an_answer_or_a_failure(octets: bytes, start: int) -> None:
    """Servers send anything; the reader always comes to an end."""
    reader = AnswerReader(100)
    reader.receive((b"", OK, OK + b"\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n")[start])
    given = reader.receive(octets)
    reader.receive_end()

    assert reader.done
    assert len(given) <= 100

"""Targets as people write them."""

from __future__ import annotations

import pytest

from fleetscan.errors import InventoryError
from fleetscan.inventory.parse import parse_place, parse_ports, parse_target
from fleetscan.inventory.spec import Defaults
from fleetscan.inventory.target import Target


def only(text: str, defaults: Defaults | None = None) -> Target:
    """The one target that `text` stands for."""
    targets = list(parse_target(text, defaults).targets())
    assert len(targets) == 1
    return targets[0]


@pytest.mark.parametrize(
    ("text", "host", "address", "port"),
    [
        ("b.corp", "b.corp", "", 443),
        ("b.corp:8443", "b.corp", "", 8443),
        ("B.Corp.", "b.corp", "", 443),
        ("_ldap._tcp.b.corp", "_ldap._tcp.b.corp", "", 443),
        ("localhost", "localhost", "", 443),
        ("face-book", "face-book", "", 443),
        ("10.4.2.17", "", "10.4.2.17", 443),
        ("10.4.2.17:8443", "", "10.4.2.17", 8443),
        ("::1", "", "::1", 443),
        ("2001:DB8::0001", "", "2001:db8::1", 443),
        ("[::1]", "", "::1", 443),
        ("[::1]:8443", "", "::1", 8443),
        ("https://b.corp", "b.corp", "", 443),
        ("HTTPS://b.corp:8443/a?b#c", "b.corp", "", 8443),
        ("https://[::1]/", "", "::1", 443),
        ("ldaps://dc1.corp", "dc1.corp", "", 636),
        ("imaps://mail.corp/", "mail.corp", "", 993),
        ("smtps://mail.corp", "mail.corp", "", 465),
        ("ldaps://dc1.corp:1636", "dc1.corp", "", 1636),
        ("  b.corp  ", "b.corp", "", 443),
    ],
)
def test_one_host_is_one_listed_target(text: str, host: str, address: str, port: int) -> None:
    """Every form of one host gives its name or its address, and its port.

    The URL ports are those of IANA's registry of service names.
    """
    target = only(text)

    assert (target.host, target.address, target.port) == (host, address, port)
    assert target.origin == "listed"
    assert target.input == text.strip()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("straße.example", "xn--strae-oqa.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_u_labels_become_the_a_labels_that_browsers_send(text: str, name: str) -> None:
    """IDNA names: A-labels from IANA's and Unicode's own examples (TR 46, IDN test domains)."""
    target = only(text)

    assert target.host == name
    assert target.server_name == name


def test_a_name_is_sent_and_is_what_the_certificate_must_be_valid_for() -> None:
    """A name is resolved, sent as server_name and is the reference name."""
    target = only("b.corp")

    assert (target.server_name, target.reference_name) == ("b.corp", "b.corp")


@pytest.mark.parametrize("text", ["10.0.0.1", "[::1]:443", "10.0.0.0/30", "https://10.0.0.1/"])
def test_an_address_alone_sends_no_name_and_has_no_reference(text: str) -> None:
    """Nobody gave a name, so none is sent and the name check is not made."""
    target = next(parse_target(text).targets())

    assert (target.server_name, target.reference_name) == ("", None)


def test_name_at_address_is_that_name_at_that_address() -> None:
    """`name@address:port` connects to the address and asks for the name."""
    target = only("b.corp@10.4.2.17:8443")

    assert (target.host, target.address, target.port) == ("", "10.4.2.17", 8443)
    assert (target.server_name, target.reference_name) == ("b.corp", "b.corp")


def test_address_at_address_asks_for_a_certificate_for_the_address() -> None:
    """RFC 6066 section 3 forbids an address as server_name; it can be the reference name."""
    target = only("10.4.2.17@10.4.2.17")

    assert (target.server_name, target.reference_name) == ("", "10.4.2.17")


@pytest.mark.parametrize(
    ("text", "sni", "server_name", "reference_name"),
    [
        ("10.0.0.1", "b.corp", "b.corp", "b.corp"),
        ("lb.corp", "b.corp", "b.corp", "b.corp"),
        ("lb.corp", "", "", "lb.corp"),
        ("10.0.0.1", "", "", None),
        ("a.corp@10.0.0.1", "b.corp", "a.corp", "a.corp"),
    ],
)
def test_sni_replaces_the_name_that_was_not_written_on_purpose(
    text: str, sni: str, server_name: str, reference_name: str | None
) -> None:
    """`--sni` is sent in place of the target's own name, and is then what must match."""
    target = only(text, Defaults(server_name=sni))

    assert (target.server_name, target.reference_name) == (server_name, reference_name)


@pytest.mark.parametrize(
    ("text", "count", "first", "last"),
    [
        ("10.0.0.0/30", 4, "10.0.0.0", "10.0.0.3"),
        ("10.0.0.2/30", 4, "10.0.0.0", "10.0.0.3"),
        ("10.0.0.5-10.0.0.40", 36, "10.0.0.5", "10.0.0.40"),
        ("10.0.0.5 - 10.0.0.40", 36, "10.0.0.5", "10.0.0.40"),
        ("10.0.0.5-40", 36, "10.0.0.5", "10.0.0.40"),
        ("10.0.0.255-10.0.1.0", 2, "10.0.0.255", "10.0.1.0"),
        ("2001:db8::/126", 4, "2001:db8::", "2001:db8::3"),
        ("2001:db8::1-2001:db8::ff", 255, "2001:db8::1", "2001:db8::ff"),
        ("2001:db8::1-ff", 255, "2001:db8::1", "2001:db8::ff"),
        ("[2001:db8::/126]", 4, "2001:db8::", "2001:db8::3"),
    ],
)
def test_ranges_hold_both_their_ends(text: str, count: int, first: str, last: str) -> None:
    """A network holds its first and last address; host bits are the network's."""
    spec = parse_target(text)
    addresses = [target.address for target in spec.targets()]

    assert spec.count == len(addresses) == count
    assert (addresses[0], addresses[-1]) == (first, last)
    assert {target.origin for target in spec.targets()} == {"expanded"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10.0.0.0/8", 1 << 24),
        ("0.0.0.0/0", 1 << 32),
        ("2001:db8::/32", 1 << 96),
        ("::/0", 1 << 128),
    ],
)
def test_a_huge_range_is_counted_and_begun_without_being_made(text: str, count: int) -> None:
    """A range costs two numbers until its targets are asked for, one at a time."""
    spec = parse_target(text)

    assert spec.count == count
    assert next(spec.targets()).origin == "expanded"
    assert spec.target_at(count - 1).port == 443


def test_a_network_of_one_address_is_listed() -> None:
    """A /32 names one host, as its address alone would."""
    assert only("10.0.0.7/32").origin == "listed"


def test_several_ports_give_a_target_each() -> None:
    """`-p 443,8443` doubles what names no port, and leaves alone what names one."""
    defaults = Defaults(ports=(443, 8443))

    assert [each.port for each in parse_target("b.corp", defaults).targets()] == [443, 8443]
    assert [each.port for each in parse_target("b.corp:993", defaults).targets()] == [993]
    assert [each.port for each in parse_target("ldaps://b.corp", defaults).targets()] == [636]
    both = [(each.address, each.port) for each in parse_target("10.0.0.0/31", defaults).targets()]
    assert both == [("10.0.0.0", 443), ("10.0.0.0", 8443), ("10.0.0.1", 443), ("10.0.0.1", 8443)]


@pytest.mark.parametrize("text", ["10.0.0.0/30:8443", "[2001:db8::/126]:8443", "10.0.0.1-4:8443"])
def test_a_range_takes_a_port(text: str) -> None:
    """The port stands behind the range, behind the bracket for IPv6."""
    spec = parse_target(text)

    assert (spec.ports, spec.count) == ((8443,), 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("b.corp:0", "not a port"),
        ("b.corp:65536", "not a port"),
        ("b.corp:https", "not a port"),
        ("b.corp:٤٤٣", "not a port"),
        ("b.corp:", "not a port"),
        ("10.0.0.0/33", "no prefix length of IPv4"),
        ("::/129", "no prefix length of IPv6"),
        ("10.0.0.0/-1", "no prefix length"),
        ("b.corp/24", "not an IP address"),
        ("10.0.0.9-10.0.0.1", "ends before it begins"),
        ("10.0.0.1-::5", "mixes"),
        ("10.0.0.1-", "does not end a range"),
        ("256.1.1.1", "neither a name nor an IP address"),
        ("10.0.0", "neither a name nor an IP address"),
        ("010.0.0.1", "neither a name nor an IP address"),
        ("a..corp", "empty label"),
        (".corp", "empty label"),
        ("*.corp", "wildcard"),
        ("a" * 64 + ".corp", "63"),
        ("a." * 130 + "corp", "253"),
        ("a b", "one target a line"),
        ("a,b", "one target a line"),
        ("a\tb", "control"),
        ("a\x1b[31m", "control"),
        ("a\x00", "control"),
        ("a!b", "cannot stand there"),
        ("fe80::1%eth0", "zone identifier"),
        ("[::1", "brackets"),
        ("[::1]443", "brackets"),
        ("[b.corp]:443", "not an IP address"),
        ("gopher://b.corp", "unknown scheme"),
        ("http://b.corp", "begins without TLS"),
        ("https://", "names no host"),
        ("@10.0.0.1", "not a name"),
        ("b.corp@", "not a name"),
        ("a@b@c", "cannot stand there"),
        ("b\u200dc.example", "control or invisible"),
        ("x" * 3_000, "2048 are allowed"),
    ],
)
def test_what_is_no_target_is_refused_in_one_clear_line(text: str, says: str) -> None:
    """The user is told what is wrong, with the place, in one printable line."""
    with pytest.raises(InventoryError) as caught:
        parse_target(text, source="list.txt", line=7)

    message = str(caught.value)
    assert message.startswith("list.txt:7: ")
    assert says in message
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("text", ["https://admin:hunter2@b.corp/", "admin:hunter2@b.corp"])
def test_a_password_is_never_repeated(text: str) -> None:
    """User information is refused without showing it."""
    with pytest.raises(InventoryError) as caught:
        parse_target(text)

    assert "hunter2" not in str(caught.value)


def test_ports_are_read_in_order_and_once() -> None:
    """`-p` takes numbers and ranges of them."""
    assert parse_ports("8443,443, 9000-9002,443") == (8443, 443, 9000, 9001, 9002)


@pytest.mark.parametrize("text", ["", "0", "65536", "443,", "a", "10-5", "1-2-3", "-5", "4_43"])
def test_nonsense_ports_are_refused(text: str) -> None:
    """What is no port is an error, never a port that nobody asked for."""
    with pytest.raises(ValueError, match=r"port"):
        parse_ports(text)


def test_more_than_one_colon_without_brackets_is_an_ipv6_address() -> None:
    """`2001:db8::1:443` is an address whole: nobody can tell a port in it."""
    place = parse_place("2001:db8::1:443")

    assert place.port is None
    assert place.span is not None
    assert place.span.address_at(0) == "2001:db8::1:443"

"""Rules of inventories that hold for any input."""

from __future__ import annotations

import ipaddress
import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan.errors import InventoryError
from fleetscan.inventory.excludes import Excludes
from fleetscan.inventory.lines import LineSplitter
from fleetscan.inventory.objects import parse_object
from fleetscan.inventory.parse import parse_target

NETWORKS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda prefix: ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    )
)


def lines_of(pieces: list[bytes], limit: int) -> list[tuple[int, bytes | None]]:
    """What a splitter gives for octets in these pieces."""
    splitter = LineSplitter(limit)
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return found + list(splitter.finish())


@settings(max_examples=200)
@given(st.text(max_size=80))
@example("[" * 50)
@example("0:0:0:0:0:0:0:0:0-1")
@example("https://[")
@example("a@[::1]:")
def test_any_text_is_targets_or_one_printable_line(text: str) -> None:
    """Nothing but InventoryError comes out, and its text is safe to print."""
    try:
        spec = parse_target(text)
    except InventoryError as refused:
        assert str(refused).isprintable()
        return
    target = spec.target_at(spec.count - 1)
    assert 1 <= target.port <= 65_535
    assert bool(target.host) != bool(target.address)
    assert target.server_name.isascii()


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 99_999) | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "host",
                        "address",
                        "port",
                        "server_name",
                        "reference_name",
                        "starttls",
                        "labels",
                    ]
                )
                | st.text(max_size=4),
                inner,
                max_size=5,
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_targets_or_an_inventory_error(value: object) -> None:
    """A JSON line of any shape never raises anything else."""
    import orjson

    try:
        spec = parse_object(orjson.dumps(value))
    except InventoryError as refused:
        assert str(refused).isprintable()
        return
    assert spec.count >= 1


LINE_OCTETS = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\xef\xbb\xbf", b"bcd"]), max_size=20
).map(b"".join)


@settings(max_examples=300)
@given(LINE_OCTETS, st.lists(st.integers(0, 60), max_size=6), st.integers(1, 20))
@example(b"a\r\nb", [2], 9)
def test_lines_do_not_depend_on_how_octets_arrive(
    octets: bytes, cuts: list[int], limit: int
) -> None:
    """Any chunking gives the same lines as one piece."""
    places = sorted({0, *(min(cut, len(octets)) for cut in cuts), len(octets)})
    pieces = [octets[first:last] for first, last in itertools.pairwise(places)]

    assert lines_of(pieces, limit) == lines_of([octets], limit)


@settings(max_examples=200)
@given(LINE_OCTETS.filter(bool))
def test_lines_are_those_of_the_standard_library(octets: bytes) -> None:
    """The oracle is bytes.splitlines, which knows the same three line ends; one mark is dropped."""
    marked = b"\xef\xbb\xbf" + octets

    assert [line for _, line in lines_of([marked], 1_000)] == octets.splitlines()


@settings(max_examples=150)
@given(st.lists(NETWORKS, max_size=8), st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_excludes_agree_with_the_standard_library(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """The oracle is ipaddress: contained in one of the networks, network by network.

    IPv4-mapped addresses have rules and tests of their own and are left out here.
    """
    mapped = ipaddress.IPv6Network("::ffff:0:0/96")
    if any(isinstance(each, ipaddress.IPv6Network) and each.subnet_of(mapped) for each in networks):
        return
    if address.version == 6 and address in mapped:
        return
    excludes = Excludes([str(network) for network in networks])

    assert excludes.contains(str(address)) == any(address in network for network in networks)

"""Whatever text a peer or an inventory gives as a name: an answer, never an exception."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.pki.names import (
    as_address,
    certificate_matches,
    distinguished_name,
    match_dns_name,
    match_ip_address,
    names_of,
)
from fleetscan.vocabulary import Checked
from tests.certificates import leaf

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DNS_NAMES = st.builds(lambda labels: ".".join([*labels, "test"]), st.lists(LABEL, max_size=4))
CERTIFICATE = leaf(None, san=["www.example.com", "*.example.org", "10.0.0.1"]).parsed


class _Attribute:
    """An attribute with any text, which no builder would write."""

    tag = 12

    def __init__(self, oid: str, value: str) -> None:
        self.oid = oid
        self.value = value


class _Name:
    """A name of such attributes."""

    def __init__(self, rdns: list[list[tuple[str, str]]]) -> None:
        self.rdns = [[_Attribute(oid, value) for oid, value in rdn] for rdn in rdns]


@given(st.text(), st.text())
@example("*", "")
@example("\ud800", "\ud800")
@example("xn--\u0080", "xn--a")
@example("a." * 200, "a." * 200)
def test_any_two_texts_compare(pattern: str, reference: str) -> None:
    """The IDNA codec raises on much; nothing of it comes out."""
    assert match_dns_name(pattern, reference) in (True, False)


@given(st.text())
@example("\u0660")
@example("1:%")
@example("::1%\x00")
def test_any_reference_name_is_answered(reference: str) -> None:
    """Any text is a DNS name, an address or no match."""
    expected = {Checked.NOT_CHECKED} if not reference else {Checked.YES, Checked.NO}

    assert certificate_matches(CERTIFICATE, reference) in expected
    as_address(reference)


@given(DNS_NAMES)
def test_a_name_matches_itself_in_any_case(name: str) -> None:
    """RFC 9525 section 6.3: without case, with or without the final dot of a reference."""
    assert match_dns_name(name, name)
    assert match_dns_name(name.upper(), name)
    assert match_dns_name(name, name.upper() + ".")


@given(DNS_NAMES, LABEL)
def test_a_wildcard_stands_for_exactly_one_label(name: str, label: str) -> None:
    """One label more matches; none and two do not."""
    two_right = name.count(".") >= 1

    assert match_dns_name(f"*.{name}", f"{label}.{name}") is two_right
    assert not match_dns_name(f"*.{name}", name)
    assert not match_dns_name(f"*.{name}", f"{label}.{label}.{name}")


@given(st.binary(max_size=33), st.ip_addresses())
def test_any_octets_compare_with_an_address(
    octets: bytes, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    """Equal octets and nothing else."""
    assert match_ip_address(octets, address) is (octets == address.packed)
    assert match_ip_address(address.packed, address)


@settings(max_examples=150)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["2.5.4.3", "1.2.3"]), st.text()), max_size=3)))
@example([[("2.5.4.3", "\x1b]0;evil\x07")]])
@example([[("2.5.4.3", "\ud800")]])
@example([[("2.5.4.3", "x" * 10_000)]])
@example([[("2.5.4.3", "\u202e\u2066")]])
def test_any_name_is_shown_in_printable_text_of_bounded_length(
    rdns: list[list[tuple[str, str]]],
) -> None:
    """Nothing in a name acts on a terminal or a log, and no name fills a line."""
    shown = distinguished_name(_Name(rdns))  # type: ignore[arg-type]

    assert shown.isprintable()
    assert len(shown) <= limits.MAX_NAME_SHOWN


def test_the_names_of_a_certificate_are_bounded() -> None:
    """A limit gives the first ones."""
    assert len(names_of(CERTIFICATE, 2)) == 2

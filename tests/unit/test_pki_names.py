"""Names: RFC 9525 section 6 for matching, RFC 4514 for writing."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

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
from tests.certificates import issue, leaf, name


@pytest.mark.parametrize(
    ("pattern", "reference"),
    [
        pytest.param("www.example.com", "www.example.com", id="equal"),
        pytest.param("WWW.Example.COM", "www.eXample.com", id="case-is-ignored"),
        pytest.param("www.example.com", "www.example.com.", id="absolute-reference"),
        pytest.param("*.example.com", "www.example.com", id="wildcard-one-label"),
        pytest.param("*.EXAMPLE.com", "WWW.example.com", id="wildcard-ignores-case"),
        pytest.param("*.example.com", "xn--bcher-kva.example.com", id="wildcard-a-label"),
        pytest.param("*.b.example.com", "a.b.example.com", id="wildcard-deeper"),
        pytest.param("host_1.example.com", "host_1.example.com", id="underscore"),
        pytest.param("*.example.com", "my_host.example.com", id="wildcard-underscore"),
        pytest.param("xn--bcher-kva.example", "b\u00fccher.example", id="u-label-reference"),
        pytest.param("xn--bcher-kva.example", "B\u00dcCHER.example", id="u-label-upper-case"),
        pytest.param("localhost", "localhost", id="single-label"),
    ],
)
def test_these_names_match(pattern: str, reference: str) -> None:
    """RFC 9525 section 6.3: equal A-labels without case, or a whole leftmost wildcard."""
    assert match_dns_name(pattern, reference)


@pytest.mark.parametrize(
    ("pattern", "reference"),
    [
        pytest.param("www.example.com", "example.com", id="parent"),
        pytest.param("example.com", "www.example.com", id="child"),
        pytest.param("*.example.com", "example.com", id="wildcard-is-not-nothing"),
        pytest.param("*.example.com", "a.b.example.com", id="wildcard-two-labels-deep"),
        pytest.param("*.example.com", ".example.com", id="wildcard-empty-label"),
        pytest.param("w*.example.com", "www.example.com", id="partial-at-the-end"),
        pytest.param("*w.example.com", "www.example.com", id="partial-at-the-start"),
        pytest.param("w*w.example.com", "www.example.com", id="partial-in-the-middle"),
        pytest.param("www.*.com", "www.example.com", id="not-leftmost"),
        pytest.param("*.*.com", "www.example.com", id="two-wildcards"),
        pytest.param("*", "localhost", id="wildcard-alone"),
        pytest.param("*.com", "example.com", id="wildcard-under-one-label"),
        pytest.param("*.", "com", id="wildcard-under-the-root"),
        pytest.param("xn--*.example.com", "xn--bcher-kva.example.com", id="in-an-a-label"),
        pytest.param("www.example.com.", "www.example.com", id="absolute-pattern"),
        pytest.param("www.example.com", "www.example.com..", id="two-dots"),
        pytest.param("www..example.com", "www..example.com", id="empty-label"),
        pytest.param("b\u00fccher.example", "b\u00fccher.example", id="u-label-pattern"),
        pytest.param("www.example.com\0.evil.test", "www.example.com", id="nul-in-pattern"),
        pytest.param("10.0.0.1", "10.0.0.1", id="address-in-a-dns-name"),
        pytest.param("*.0.0.1", "10.0.0.1", id="wildcard-over-an-address"),
        pytest.param("www.example.123", "www.example.123", id="last-label-all-digits"),
        pytest.param("", "", id="nothing"),
        pytest.param(".", ".", id="the-root"),
        pytest.param(f"{'a' * 64}.example", f"{'a' * 64}.example", id="label-over-63"),
    ],
)
def test_these_names_do_not_match(pattern: str, reference: str) -> None:
    """RFC 9525 sections 6.3 and 7: what looks alike and must not be taken."""
    assert not match_dns_name(pattern, reference)


def test_a_name_of_253_characters_matches_and_longer_ones_do_not() -> None:
    """RFC 1035 section 2.3.4 bounds a name; the bound keeps the IDNA codec away from novels."""
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])

    assert len(longest) == 253
    assert match_dns_name(longest, longest)
    assert match_dns_name(longest, longest + ".")
    assert not match_dns_name(longest + "a", longest + "a")
    assert not match_dns_name("a", "\u00fc" * 100_000)


@pytest.mark.parametrize(
    ("octets", "reference", "expected"),
    [
        ("0a000001", "10.0.0.1", True),
        ("0a000002", "10.0.0.1", False),
        ("0a000001ffffffff", "10.0.0.1", False),
        ("00000000000000000000ffff0a000001", "10.0.0.1", False),
        ("20010db8000000000000000000000001", "2001:db8::1", True),
        ("20010db8000000000000000000000001", "2001:DB8:0:0:0:0:0:1", True),
        ("0a000001", "::ffff:10.0.0.1", False),
    ],
)
def test_addresses_match_by_their_octets(octets: str, reference: str, expected: bool) -> None:
    """RFC 9525 section 6.4: an iPAddress is compared octet by octet, in its own family."""
    assert match_ip_address(bytes.fromhex(octets), ipaddress.ip_address(reference)) is expected


@pytest.mark.parametrize(
    ("san", "reference", "expected"),
    [
        (["a.example", "www.example.com"], "www.example.com", Checked.YES),
        (["*.example.com"], "www.example.com", Checked.YES),
        (["a.example"], "www.example.com", Checked.NO),
        (["10.0.0.1"], "10.0.0.1", Checked.YES),
        (["2001:db8::1"], "2001:db8:0::1", Checked.YES),
        ([x509.DNSName("10.0.0.1")], "10.0.0.1", Checked.NO),
        ([x509.DNSName("2001:db8::1")], "2001:db8::1", Checked.NO),
        # The four octets of "abcd" are those of this address.
        ([x509.DNSName("abcd")], "97.98.99.100", Checked.NO),
        ([x509.RFC822Name("www.example.com")], "www.example.com", Checked.NO),
        (
            [x509.UniformResourceIdentifier("https://www.example.com")],
            "www.example.com",
            Checked.NO,
        ),
        (["10.0.0.1"], "www.example.com", Checked.NO),
        (["www.example.com"], None, Checked.NOT_CHECKED),
        (["www.example.com"], "", Checked.NOT_CHECKED),
        (["www.example.com"], "www.example.com\ud800", Checked.NO),
        (["fe80::1"], "fe80::1%eth0", Checked.YES),
    ],
)
def test_a_certificate_is_for_its_alternative_names_alone(
    san: list[str | x509.GeneralName], reference: str | None, expected: Checked
) -> None:
    """DNS names are looked for in dNSName and addresses in iPAddress, and nowhere else."""
    assert certificate_matches(leaf(None, san=san).parsed, reference) is expected


def test_the_common_name_never_counts() -> None:
    """RFC 9525 section 2: identifiers in the subject are not used."""
    without = leaf(None, "www.example.com", san=None)
    other = leaf(None, "www.example.com", san=["other.example"])

    assert certificate_matches(without.parsed, "www.example.com") is Checked.NO
    assert certificate_matches(other.parsed, "www.example.com") is Checked.NO


@pytest.mark.parametrize(
    "text", ["1.2.3", "1.2.3.4.5", "0x7f.1", "1:2", "host1", "", ":", "1.2.3.4."]
)
def test_only_whole_addresses_are_addresses(text: str) -> None:
    """Short, long and hexadecimal forms are no addresses here."""
    assert as_address(text) is None


def test_names_are_shown_as_text() -> None:
    """DNS names and addresses in order, other kinds left out, nothing that acts on a terminal."""
    san: list[str | x509.GeneralName]
    san = ["www.example.com", "10.0.0.1", x509.RFC822Name("a@example.com"), "2001:db8::1"]

    assert names_of(leaf(None, san=san).parsed) == ("www.example.com", "10.0.0.1", "2001:db8::1")
    assert names_of(leaf(None, san=san).parsed, 1) == ("www.example.com",)
    assert names_of(leaf(None, san=None).parsed) == ()


def test_names_with_control_characters_are_escaped() -> None:
    """A dNSName is the peer's text; an escape sequence in it must not reach a terminal."""
    hostile = x509.DNSName._init_without_validation("\x1b[2Jevil")

    (shown,) = names_of(leaf(None, san=[hostile]).parsed)

    assert shown.isprintable()
    assert "evil" in shown


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # The first two are examples of RFC 4514 section 4, the rest follow its section 2.4.
        ([("DOMAIN_COMPONENT", "net"), ("DOMAIN_COMPONENT", "example"), ("USER_ID", "jsmith")],
         "UID=jsmith,DC=example,DC=net"),
        ([("COMMON_NAME", 'James "Jim" Smith, III')], 'CN=James \\"Jim\\" Smith\\, III'),
        ([("COMMON_NAME", "Before\rAfter")], "CN=Before\\0DAfter"),
        ([("COMMON_NAME", " a ")], "CN=\\ a\\ "),
        ([("COMMON_NAME", "#a#")], "CN=\\#a#"),
        ([("COMMON_NAME", "a=b+c<d>e;f\\g")], "CN=a=b\\+c\\<d\\>e\\;f\\\\g"),
        ([("COMMON_NAME", "Lu\u010di\u0107")], "CN=Lu\u010di\u0107"),
        ([("COMMON_NAME", "a\u202eb")], "CN=a\\E2\\80\\AEb"),
        ([("COMMON_NAME", "a\x1b[31mb")], "CN=a\\1B[31mb"),
        ([("COUNTRY_NAME", "DE"), ("ORGANIZATION_NAME", "Corp"), ("COMMON_NAME", "CA")],
         "CN=CA,O=Corp,C=DE"),
        ([("PSEUDONYM", "x")], "2.5.4.65=x"),
        ([], ""),
    ],
)  # fmt: skip
def test_distinguished_names_are_written_as_rfc_4514_does(
    parts: list[tuple[str, str]], expected: str
) -> None:
    """Most specific first, special characters escaped, control characters as hex pairs."""
    subject = x509.Name([x509.NameAttribute(getattr(NameOID, key), value) for key, value in parts])

    assert distinguished_name(issue(subject, label="any").parsed.subject) == expected


def test_a_multi_valued_rdn_is_joined_by_plus() -> None:
    """RFC 4514 section 4's third example: OU=Sales+CN=J.  Smith."""
    rdn = x509.RelativeDistinguishedName(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Sales"),
            x509.NameAttribute(NameOID.COMMON_NAME, "J.  Smith"),
        ]
    )
    shown = distinguished_name(issue(x509.Name([rdn]), label="any").parsed.subject)

    # DER sorts the members of a SET, so that their order carries nothing.
    assert set(shown.split("+")) == {"OU=Sales", "CN=J.  Smith"}


def test_a_huge_name_is_cut() -> None:
    """A result has a line to fit into: what is shown of a name is bounded and says so."""
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "x" * 60)] * 100
    shown = distinguished_name(issue(x509.Name(units), label="any").parsed.subject)

    assert len(shown) == limits.MAX_NAME_SHOWN
    assert shown.endswith("...")


def test_an_empty_subject_matches_by_its_alternative_name() -> None:
    """RFC 5280 section 4.2.1.6 allows an empty subject beside a subjectAltName."""
    certificate = leaf(None, name(None), label="empty").parsed

    assert certificate_matches(certificate, "www.example.com") is Checked.YES
    assert distinguished_name(certificate.subject) == ""

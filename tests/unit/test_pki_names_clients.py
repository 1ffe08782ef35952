"""Names beside other implementations: OpenSSL's answers, UTS 46's examples, browsers' rules."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from fleetscan import limits
from fleetscan.pki import names
from fleetscan.pki.names import as_address, certificate_matches, match_dns_name
from fleetscan.vocabulary import Checked
from tests.certificates import leaf

OPENSSL: Final = shutil.which("openssl")

# Presented names, reference name, whether it matches here, and why OpenSSL 3 says otherwise.
CASES: Final = [
    ("www.example.com", "www.example.com", True, ""),
    ("WWW.example.com", "www.EXAMPLE.com", True, ""),
    ("www.example.com", "example.com", False, ""),
    ("*.example.com", "www.example.com", True, ""),
    ("*.example.com", "example.com", False, ""),
    ("*.example.com", "a.b.example.com", False, ""),
    ("*.example.com", "xn--bcher-kva.example.com", True, ""),
    ("*.com", "example.com", False, ""),
    ("*", "localhost", False, ""),
    ("*.*.example.com", "a.b.example.com", False, ""),
    ("www.*.com", "www.example.com", False, ""),
    ("xn--*.example.com", "xn--bcher-kva.example.com", False, ""),
    ("xn--b*.example.com", "xn--bcher-kva.example.com", False, ""),
    ("w*.example.com", "www.example.com", False, "partial wildcards are taken by default"),
    ("*w.example.com", "www.example.com", False, "partial wildcards are taken by default"),
    ("a_b.example.com", "a_b.example.com", True, ""),
    ("*.example.com", "a_b.example.com", True, "a label under a wildcard has no underscore"),
    ("www.example.com", "www.example.com.", True, "a dot at the end is compared"),
    ("www.example.com.", "www.example.com", False, ""),
    ("www.example.com.", "www.example.com.", False, "a dot at the end is compared"),
    ("-a.example.com", "-a.example.com", False, "equal names are not looked at further"),
    ("a-.example.com", "a-.example.com", False, "equal names are not looked at further"),
    ("10.0.0.1", "10.0.0.1", True, ""),
    ("10.0.0.1", "10.0.0.2", False, ""),
    ("2001:db8::1", "2001:db8:0::1", True, ""),
    ("::ffff:10.0.0.1", "10.0.0.1", False, ""),
    ("10.0.0.1", "::ffff:10.0.0.1", False, ""),
    ("dns:10.0.0.1", "10.0.0.1", False, ""),
    ("uri:https://www.example.com", "www.example.com", False, ""),
    ("email:www.example.com", "www.example.com", False, ""),
    ("", "www.example.com", False, ""),
]


def general_names(text: str) -> list[str | x509.GeneralName]:
    """A name with its kind in front, where `leaf` would guess another."""
    kind, _, value = text.partition(":")
    if kind == "dns":
        return [x509.DNSName(value)]
    if kind == "uri":
        return [x509.UniformResourceIdentifier(value)]
    if kind == "email":
        return [x509.RFC822Name(value)]
    return [text] if text else []


@pytest.mark.parametrize(("presented", "reference", "expected", "_why"), CASES)
def test_what_matches(presented: str, reference: str, expected: bool, _why: str) -> None:
    """RFC 9525 section 6, and what the module says of browsers."""
    certificate = leaf(None, "other.example", san=general_names(presented)).parsed

    assert certificate_matches(certificate, reference) is (Checked.YES if expected else Checked.NO)


@pytest.mark.skipif(OPENSSL is None, reason="needs openssl")
@pytest.mark.parametrize(("presented", "reference", "expected", "why"), CASES)
def test_openssl_agrees_or_the_reason_is_named(
    tmp_path: Path, presented: str, reference: str, expected: bool, why: str
) -> None:
    """`openssl x509 -checkhost` and `-checkip`; a reason that no longer holds fails too."""
    assert OPENSSL is not None
    path = tmp_path / "leaf.pem"
    path.write_bytes(leaf(None, "other.example", san=general_names(presented)).pem)
    option = "-checkip" if as_address(reference) else "-checkhost"
    done = subprocess.run(
        [OPENSSL, "x509", "-in", str(path), "-noout", option, reference],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ("does match" in done.stdout) is (expected is not bool(why))


# Unicode Technical Standard 46, section 4 and its table of deviations: what "nontransitional"
# gives, which is what browsers ask the DNS for. The snowman is no IDNA 2008 name; browsers
# take it. The last two are cases and full stops folded.
A_LABELS: Final = {
    "b\u00fccher.de": "xn--bcher-kva.de",
    "fa\u00df.de": "xn--fa-hia.de",
    "\u03b2\u03cc\u03bb\u03bf\u03c2.com": "xn--nxasmm1c.com",
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3.com": "xn--10cl1a0b660p.com",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com": "xn--mgba3gch31f060k.com",
    "\u2603.net": "xn--n3h.net",
    "a_b.b\u00fccher.de": "a_b.xn--bcher-kva.de",
    "B\u00dcCHER.de": "xn--bcher-kva.de",
    "www\u3002b\u00fccher\uff0ede\u3002": "www.xn--bcher-kva.de",
}


@pytest.mark.parametrize(("reference", "expected"), A_LABELS.items())
def test_a_reference_in_unicode_is_what_browsers_make_of_it(reference: str, expected: str) -> None:
    """UTS 46, nontransitional; Python's own codec (IDNA 2003) gives other names for three."""
    assert match_dns_name(expected, reference)
    assert match_dns_name("*" + expected[expected.index(".") :], reference) is (
        expected.count(".") > 1
    )


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("a\u200db", id="joiner-out-of-place"),
        pytest.param("\u0301a", id="begins-with-a-combining-mark"),
        pytest.param("\u05d0a\u05d1", id="against-the-bidi-rule"),
        pytest.param("xn--b\u00fccher", id="a-label-in-unicode"),
        pytest.param("b\u00fccher\0", id="nul"),
        pytest.param("\u00fc\u00e4" * 30, id="a-label-over-63"),
    ],
)
def test_a_reference_that_no_host_can_have_matches_nothing(reference: str) -> None:
    """UTS 46 section 4.1, CheckJoiners, CheckBidi and the criteria that always hold.

    Not even a wildcard, which would cover any label there is.
    """
    assert match_dns_name("*.example.com", "b\u00fccher.example.com")
    assert not match_dns_name("*.example.com", f"{reference}.example.com")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("2001:db8::1", True),
        ("[2001:db8::1]", True),
        ("2001:db8::1%eth0", True),
        ("[2001:db8::1%25]", True),
        ("[2001:db8::2]", False),
        ("[2001:db8::1", False),
        ("2001:db8::1]", False),
        ("[10.0.0.1]", False),
        ("[10.0.0.1]:443", False),
        ("010.0.0.1", False),
        ("167772161", False),
        ("0x0a000001", False),
        ("10.0.0.0x1", False),
    ],
)
def test_addresses_as_people_write_them(reference: str, expected: bool) -> None:
    """RFC 3986 section 3.2.2 has the brackets, RFC 4007 section 11 the zone.

    A number that only some programs read as an address is neither an address nor a name,
    whatever name the certificate has (WHATWG URL section 3.5, "ends in a number").
    """
    san: list[str | x509.GeneralName] = ["2001:db8::1", "10.0.0.1"]
    san += [x509.DNSName(text) for text in ("167772161", "0x0a000001", "10.0.0.0x1", "010.0.0.1")]

    assert certificate_matches(leaf(None, san=san).parsed, reference) is (
        Checked.YES if expected else Checked.NO
    )


def test_a_nul_ends_no_name() -> None:
    """The octets are compared whole: the attack of 2009 on C strings (CVE-2009-2408)."""
    hostile = x509.DNSName._init_without_validation("www.example.com\0.evil.example")
    certificate = leaf(None, san=[hostile]).parsed

    assert certificate_matches(certificate, "www.example.com") is Checked.NO
    assert certificate_matches(certificate, "www.example.com\0.evil.example") is Checked.NO


@pytest.mark.parametrize(
    ("common_name", "san", "reference", "expected"),
    [
        ("www.example.com", None, "www.example.com", True),
        ("*.example.com", [], "www.example.com", True),
        ("www.example.com", ["10.0.0.1"], "www.example.com", True),
        ("www.example.com", ["other.example"], "www.example.com", False),
        ("10.0.0.1", None, "10.0.0.1", False),
        ("B\u00fccher", None, "b\u00fccher", False),
    ],
)
def test_the_common_name_where_a_policy_takes_it(
    common_name: str, san: list[str | x509.GeneralName] | None, reference: str, expected: bool
) -> None:
    """X509_check_host(3): for DNS names, and only where there is no dNSName."""
    certificate = leaf(None, common_name, san=san).parsed

    assert certificate_matches(certificate, reference, common_name=True) is (
        Checked.YES if expected else Checked.NO
    )
    assert certificate_matches(certificate, reference) is Checked.NO


def test_sixty_thousand_octets_of_names_take_one_look_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Work is linear: each name is compared once, and hardly any reaches the pattern."""
    hostile = [f"*.{'a.' * 20}{number:05}.com" for number in range(1_000)]
    certificate = leaf(None, san=[*hostile, "*.example.com"]).parsed
    asked: list[bytes] = []
    covers = names._covers

    def counted(pattern: bytes, wanted: bytes) -> bool:
        asked.append(pattern)
        return covers(pattern, wanted)

    monkeypatch.setattr(names, "_covers", counted)

    assert len(certificate.der) > 50_000
    assert certificate_matches(certificate, "www.example.com") is Checked.YES
    assert len(asked) == 1_001
    assert certificate_matches(certificate, "a" * (limits.MAX_NAME + 2)) is Checked.NO
    assert len(asked) == 1_001

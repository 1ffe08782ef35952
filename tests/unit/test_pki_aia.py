"""Issuers at the addresses that certificates name, and the forms that they are given in."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.pki.aia import FoundIssuer, IssuersFetched, fetch_chain
from fleetscan.pki.fetched import Fetched, FetchFailure, FetchOutcome, FetchReason, failure
from fleetscan.pki.issuers import certificates_in
from tests.certificates import Issued, intermediate, leaf, name, root, tlv

OCSP = AuthorityInformationAccessOID.OCSP
CA_ISSUERS = AuthorityInformationAccessOID.CA_ISSUERS


def access(*urls: str) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """An authorityInfoAccess with these caIssuers URLs, behind an OCSP one."""
    rows = [(OCSP, "http://ocsp.example/")] + [(CA_ISSUERS, url) for url in urls]
    value = x509.AuthorityInformationAccess(
        [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in rows]
    )
    return ((value, False),)


ROOT = root()
UPPER = intermediate(ROOT, "Upper CA", extra=access("http://a.example/root.crt"))
LOWER = intermediate(UPPER, "Lower CA", extra=access("http://a.example/upper.crt"))
LEAF = leaf(LOWER, extra=access("http://a.example/lower.crt"))
OTHER = root("Other Root")


def collection(*issued: Issued) -> bytes:
    """A certs-only CMS message in DER, by `cryptography`."""
    return pkcs7.serialize_certificates([one.x509 for one in issued], Encoding.DER)


class Answers:
    """A fetcher that has answers, and keeps what it was asked."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def fetch(self, url: str, *, max_octets: int, accept: str = "*/*") -> FetchOutcome:
        """The answer of a URL; 404 for another."""
        self.asked.append(url)
        assert max_octets == limits.MAX_ISSUER_OCTETS
        octets = self._answers.get(url)
        if octets is None:
            return failure(FetchReason.STATUS, "404")
        return Fetched(url=url, octets=octets, length=len(octets))


def issuers(certificate: Issued, answers: Answers) -> IssuersFetched:
    """What its own URLs give."""
    return asyncio.run(fetch_chain(certificate.parsed, answers, enough=lambda _: True))


def names(fetched: IssuersFetched) -> list[tuple[str, str]]:
    """Common name and URL of each certificate found."""
    return [(_name(one), one.url.rpartition("/")[2]) for one in fetched.found]


def _name(found: FoundIssuer) -> str:
    return found.certificate.subject.rdns[-1][0].value


def test_issuers_may_be_named_in_other_words() -> None:
    """RFC 5280 section 7.1: capitals and spaces make no other name; the way up goes on."""
    urls = ("http://a.example/lower.crt", "http://a.example/other.crt")
    loud = leaf(LOWER, issuer_name=name("LOWER  ca"), extra=access(*urls))
    answers = Answers({urls[0]: LOWER.der, urls[1]: OTHER.der, "http://a.example/upper.crt": b""})
    asyncio.run(fetch_chain(loud.parsed, answers))

    assert answers.asked == [urls[0], "http://a.example/upper.crt"]


# -- forms -----------------------------------------------------------------------------


def subjects(octets: bytes) -> list[str]:
    """Common names of the certificates in an answer."""
    return [one.subject.rdns[-1][0].value for one in certificates_in(octets)]


def test_one_certificate_in_der() -> None:
    """RFC 5280 section 4.2.2.1's first form."""
    assert [one.der for one in certificates_in(UPPER.der)] == [UPPER.der]


def test_a_collection_in_der() -> None:
    """RFC 5280 section 4.2.2.1's second form, as `cryptography` writes it; each counts once."""
    assert sorted(subjects(collection(UPPER, ROOT, LOWER))) == ["Lower CA", "Test Root", "Upper CA"]
    assert len(certificates_in(collection(UPPER, UPPER))) == 1


def test_a_collection_in_ber() -> None:
    """A certs-only message may be in BER, as Java's tools write it: lengths left open.

    One that cannot be read takes nothing from the others.
    """
    signed = tlv(
        0x30, b"\x02\x01\x01", tlv(0x31), tlv(0x30, bytes.fromhex("06092a864886f70d010701"))
    )
    inner = signed[2:] + b"\xa0\x80" + UPPER.der + tlv(0x30, b"?") + ROOT.der + b"\0\0" + tlv(0x31)
    message = (
        b"\x30\x80"
        + bytes.fromhex("06092a864886f70d010702")
        + b"\xa0\x80\x30\x80"
        + inner
        + b"\0\0" * 3
    )

    assert sorted(subjects(message)) == ["Test Root", "Upper CA"]


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_a_collection_that_openssl_wrote(form: str, tmp_path: Path) -> None:
    """`openssl crl2pkcs7 -nocrl` is what administrators make these with."""
    (tmp_path / "chain.pem").write_bytes(UPPER.pem + ROOT.pem)
    command = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", "chain.pem", "-outform", form]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=30)

    assert sorted(subjects(made.stdout)) == ["Test Root", "Upper CA"]


@pytest.mark.parametrize(
    "octets",
    [
        UPPER.pem,
        b"\xef\xbb\xbf\r\n" + UPPER.pem.replace(b"\n", b"\r\n"),
        b"subject=Upper\n" + UPPER.pem,
        UPPER.pem.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-"),
        b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n" + UPPER.pem,
        b"-----BEGIN CERTIFICATE-----\n!!!=\n-----END CERTIFICATE-----\n" + UPPER.pem,
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + UPPER.pem,
    ],
)
def test_pem_is_taken_although_it_should_not_be_there(octets: bytes) -> None:
    """Servers give RFC 7468's form in place of DER, and browsers take it."""
    assert subjects(octets) == ["Upper CA"]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html>30 days of maintenance</html>",
        UPPER.der[:-1],
        UPPER.der + b"\0",
        collection(UPPER)[:-1],
        UPPER.pem[:-30],
        b"\x30",
        b"\x30\x80\x00\x00",
        b"-----BEGIN ",
        b"-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_gives_none(octets: bytes) -> None:
    """Cut, padded and other octets."""
    assert certificates_in(octets) == ()


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x30", collection(UPPER)[:60]]))
def test_any_octets_give_certificates_or_none(octets: bytes, start: bytes) -> None:
    """Strangers send anything."""
    assert certificates_in(start + octets) == ()


def test_the_number_and_the_size_are_bounded() -> None:
    """64 of a collection, and nothing of an answer that is too large."""
    many = [
        intermediate(ROOT, f"CA {n}", key=ROOT.key)
        for n in range(limits.MAX_ISSUER_CERTIFICATES + 1)
    ]

    assert len(certificates_in(collection(*many))) == limits.MAX_ISSUER_CERTIFICATES
    assert len(certificates_in(b"".join(one.pem for one in many))) == limits.MAX_ISSUER_CERTIFICATES
    assert certificates_in(UPPER.pem + b"\n" * limits.MAX_ISSUER_OCTETS) == ()


# -- asking ----------------------------------------------------------------------------


def test_the_issuer_is_found_with_its_url() -> None:
    """The evidence names where the missing certificate is."""
    answers = Answers({"http://a.example/lower.crt": LOWER.der})

    assert names(issuers(LEAF, answers)) == [("Lower CA", "lower.crt")]
    assert answers.asked == ["http://a.example/lower.crt"]


def test_the_next_url_is_asked_until_one_gives_the_issuer() -> None:
    """404, junk, another CA, one of that name with another key; then the right one."""
    impostor = intermediate(UPPER, "Lower CA", label="another key")
    urls = [f"http://{n}.example/{n}.crt" for n in range(5)]
    asking = leaf(LOWER, extra=access(*urls))
    given = (b"junk", OTHER.der, impostor.der, LOWER.der)
    answers = Answers(dict(zip(urls[1:], given, strict=True)))

    fetched = issuers(asking, answers)

    assert names(fetched) == [("Other Root", "2.crt"), ("Lower CA", "3.crt"), ("Lower CA", "4.crt")]
    assert [(url, refused.reason) for url, refused in fetched.failures] == [
        (urls[0], FetchReason.STATUS),
        (urls[1], FetchReason.BAD_ANSWER),
    ]
    assert issuers(leaf(LOWER, extra=access(urls[4], urls[0])), answers).failures == ()


def test_other_schemes_are_told_and_never_asked() -> None:
    """Windows CAs write an LDAP URL before the other one."""
    asking = leaf(LOWER, extra=access("ldap:///CN=Lower", "http://a.example/lower.crt"))
    answers = Answers({"http://a.example/lower.crt": LOWER.der})

    fetched = issuers(asking, answers)

    assert names(fetched) == [("Lower CA", "lower.crt")]
    assert fetched.failures == (
        ("ldap:///CN=Lower", FetchFailure(reason=FetchReason.SCHEME, detail="ldap")),
    )
    assert answers.asked == ["http://a.example/lower.crt"]


def test_five_urls_of_a_certificate_are_asked() -> None:
    """A certificate with a hundred of them is no amplifier; one named twice is asked once."""
    urls = [f"http://{n}.example/" for n in range(100)]
    answers = Answers({})

    issuers(leaf(LOWER, extra=access(urls[0], *urls)), answers)

    assert answers.asked == urls[:4]


def test_a_certificate_without_the_extension_asks_nothing() -> None:
    """An OCSP URL is no place for issuers."""
    answers = Answers({})

    assert issuers(leaf(LOWER, extra=access()), answers) == IssuersFetched()
    assert issuers(leaf(LOWER), answers) == IssuersFetched()
    assert answers.asked == []


def chain(top: Issued, answers: Answers, enough: int | None = None) -> IssuersFetched:
    """What `fetch_chain` gives; `enough` certificates end it."""

    def counted(found: Sequence[FoundIssuer]) -> bool:
        return len(found) >= (enough or 0)

    return asyncio.run(fetch_chain(top.parsed, answers, enough=counted if enough else None))


WHOLE = {
    "http://a.example/lower.crt": LOWER.der,
    "http://a.example/upper.crt": UPPER.pem,
    "http://a.example/root.crt": collection(OTHER, ROOT),
}


def test_a_chain_is_followed_to_its_root() -> None:
    """Each certificate's own URL leads one further, to a self-issued one."""
    answers = Answers(WHOLE)

    assert names(chain(LEAF, answers)) == [
        ("Lower CA", "lower.crt"),
        ("Upper CA", "upper.crt"),
        ("Test Root", "root.crt"),
        ("Other Root", "root.crt"),
    ]
    assert answers.asked == list(WHOLE)


def test_a_chain_ends_when_the_caller_has_enough() -> None:
    """Trust is the caller's: whoever has an anchor for it needs no more."""
    answers = Answers(WHOLE)

    assert names(chain(LEAF, answers, enough=1)) == [("Lower CA", "lower.crt")]
    assert answers.asked == ["http://a.example/lower.crt"]


def test_a_collection_spares_further_questions() -> None:
    """What came along is not asked for again."""
    answers = Answers({"http://a.example/lower.crt": collection(LOWER, UPPER, ROOT)})

    assert len(chain(LEAF, answers).found) == 3
    assert answers.asked == ["http://a.example/lower.crt"]


def test_a_chain_that_breaks_off_keeps_what_it_has() -> None:
    """And says where it broke off."""
    answers = Answers({"http://a.example/lower.crt": LOWER.der})

    fetched = chain(LEAF, answers)

    assert names(fetched) == [("Lower CA", "lower.crt")]
    assert fetched.failures == (
        ("http://a.example/upper.crt", FetchFailure(reason=FetchReason.STATUS, detail="404")),
    )


def test_a_self_signed_certificate_asks_for_nothing() -> None:
    """Nothing stands above it."""
    alone = root("Alone", extra=access("http://a.example/alone.crt"))
    answers = Answers({})

    assert chain(alone, answers) == IssuersFetched()
    assert answers.asked == []


def test_cas_that_certify_each_other_end() -> None:
    """Cross-certificates lead in a circle; each URL is asked for once."""
    left, right = root("Left"), root("Right")
    left_by_right = intermediate(right, "Left", key=left.key, extra=access("http://x.example/r"))
    right_by_left = intermediate(left, "Right", key=right.key, extra=access("http://x.example/l"))
    answers = Answers(
        {"http://x.example/r": right_by_left.der, "http://x.example/l": left_by_right.der}
    )
    top = leaf(left, extra=access("http://x.example/l"))

    assert len(chain(top, answers).found) == 2
    assert answers.asked == ["http://x.example/l", "http://x.example/r"]


def test_a_chain_without_end_costs_ten_questions() -> None:
    """A server may make a new issuer for each question."""

    class Endless(Answers):
        async def fetch(self, url: str, *, max_octets: int, accept: str = "*/*") -> FetchOutcome:
            """Another CA, issued by the next."""
            number = int(url.rpartition("/")[2])
            self.asked.append(url)
            above = root(f"CA {number + 1}")
            below = f"CA {number}"
            extra = access(f"http://a.example/{number + 1}")
            made = intermediate(above, below, key=root(below).key, extra=extra)
            return Fetched(url=url, octets=made.der, length=len(made.der))

    answers = Endless({})
    fetched = chain(leaf(root("CA 0"), extra=access("http://a.example/0")), answers)

    assert len(answers.asked) == limits.MAX_ISSUER_FETCHES == len(fetched.found)
    assert [refused.reason for _, refused in fetched.failures] == [FetchReason.BUDGET]


def test_a_chain_keeps_a_bounded_number_and_the_issuers_first() -> None:
    """Of two collections of 64 the second one's issuer is still kept, and no more than it."""
    padding = [intermediate(ROOT, f"CA {n:03}", key=ROOT.key) for n in range(63)]
    answers = Answers(
        {
            "http://a.example/lower.crt": collection(*padding[:62], LOWER),
            "http://a.example/upper.crt": collection(*padding, UPPER),
        }
    )

    fetched = chain(LEAF, answers)

    assert len(fetched.found) == limits.MAX_ISSUER_CERTIFICATES
    assert _name(fetched.found[0]) == "Lower CA"
    assert _name(fetched.found[63]) == "Upper CA"

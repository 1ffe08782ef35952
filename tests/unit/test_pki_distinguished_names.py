"""Names that say the same join certificates, RFC 5280 section 7.1."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from fleetscan.pki.authorities import AuthorityStore
from fleetscan.pki.distinguished_names import claimed_subject_key, is_same_name, name_key
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import NOW, Issued, intermediate, leaf, resigned, root


def named(*values: str, kind: _ASN1Type = _ASN1Type.UTF8String) -> x509.Name:
    """An organisation's name and common name in one string type."""
    oids = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    parts = zip(oids, values, strict=True)
    return x509.Name([x509.NameAttribute(oid, value, kind) for oid, value in parts])


PRINTABLE = _ASN1Type.PrintableString
OWN = named("Example Corp", "Issuing CA")
SAME = {
    "capitals": named("EXAMPLE corp", "issuing ca"),
    "spaces": named(" Example   Corp ", "Issuing CA"),
    "string type": named("Example Corp", "Issuing CA", kind=PRINTABLE),
    "all of it": named("example  CORP", " Issuing CA", kind=PRINTABLE),
}
OTHER = {
    "another word": named("Example Corp", "Issuing CB"),
    "words run together": named("ExampleCorp", "Issuing CA"),
    "another order": x509.Name(list(reversed(list(OWN)))),
    "one part more": x509.Name([*OWN, x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")]),
}


def chain(issuer_name: x509.Name) -> tuple[Issued, Issued, Issued]:
    """A leaf that writes its issuer's name in its own way, the CA, and the root."""
    top = root()
    ca = intermediate(top, OWN)
    return leaf(ca, issuer_name=issuer_name), ca, top


@pytest.mark.parametrize("how", SAME)
def test_an_issuer_written_otherwise_is_found(how: str) -> None:
    """OpenSSL, Chrome and Firefox join such certificates; PKITS 4.3.3 to 4.3.5 and 4.3.10."""
    child, ca, top = chain(SAME[how])
    trust = TrustStore([top.parsed])
    found = assess([child.parsed, ca.parsed], reference_name=None, now=NOW, trust=trust)

    assert is_same_name(child.parsed.issuer, ca.parsed.subject)
    assert name_key(child.parsed.issuer) == name_key(ca.parsed.subject)
    assert found.trusted is Checked.YES


@pytest.mark.parametrize("how", OTHER)
def test_another_name_is_another_name(how: str) -> None:
    """PKITS 4.3.1 and 4.3.2: the key signed, the name is wrong, and there is no path."""
    child, ca, top = chain(OTHER[how])
    trust = TrustStore([top.parsed])
    found = assess([child.parsed, ca.parsed], reference_name=None, now=NOW, trust=trust)

    assert not is_same_name(child.parsed.issuer, ca.parsed.subject)
    assert found.trusted is Checked.NO


def test_roots_and_stores_are_looked_up_the_same_way() -> None:
    """An anchor, and a CA certificate in hand, under a name that says the same."""
    top = root(OWN)
    child = leaf(top, issuer_name=SAME["all of it"])
    store = AuthorityStore()
    store.add([top.parsed])

    assert TrustStore([top.parsed]).issuers_of(child.parsed) == (top.parsed,)
    assert store.issuers_of(child.parsed) == (top.parsed,)


def test_the_subject_that_a_broken_certificate_claims() -> None:
    """The sixth field of TBSCertificate, the fifth without a version (RFC 5280 section 4.1)."""
    plain = root("Somebody")
    old = resigned(plain, plain, version1=True)
    expected = name_key(plain.parsed.subject)

    assert claimed_subject_key(plain.der) == expected
    assert claimed_subject_key(old.der) == expected
    # The subject counts, not the issuer, and trailing octets change nothing.
    assert claimed_subject_key(leaf(plain).der + b"\0") == name_key(leaf(plain).parsed.subject)


def test_no_cut_of_a_certificate_claims_another_subject() -> None:
    """Octets that are laid out otherwise claim none."""
    der = root("Somebody").der

    assert {claimed_subject_key(der[:cut]) for cut in range(len(der))} == {b""}
    assert claimed_subject_key(bytes.fromhex("3003020100")) == b""
    assert claimed_subject_key(bytes.fromhex("30023000")) == b""

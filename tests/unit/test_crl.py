"""What a CRL says of a certificate: each rule of RFC 5280 sections 5 and 6.3.3, kept and broken."""

from __future__ import annotations

import base64
import datetime
import io
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fleetscan import limits
from fleetscan._parse import Certificate, parse_certificate
from fleetscan.pki.crl import check_crl, same_name
from fleetscan.pki.crl_octets import END, PIECE
from fleetscan.pki.revocation import (
    Reason,
    Revocation,
    RevocationAnswer,
    RevocationStatus,
    combine,
)
from tests import limbo
from tests.certificates import NOW, Issued, issue, key_usage, leaf, name, root, tlv
from tests.crls import (
    NEXT_UPDATE,
    REVOKED_AT,
    THIS_UPDATE,
    built_crl,
    pem_of,
    signed_crl,
    time_of,
)
from tests.octets import (
    ECDSA_SHA256,
    certificate_extension,
    certificate_issuer,
    common_name,
    crl_entry,
    integer,
    octet_string,
    reason_code,
    sequence,
)

GOOD: Final = RevocationStatus.GOOD
REVOKED: Final = RevocationStatus.REVOKED
UNKNOWN: Final = RevocationStatus.UNKNOWN
NOT_CHECKED: Final = RevocationStatus.NOT_CHECKED

CA: Final = root("Test Root")
LEAF: Final = leaf(CA)
SERIAL: Final = LEAF.parsed.serial_number
LISTED: Final = (crl_entry(SERIAL, reason_code(1)),)
CRL_NUMBER: Final = "2.5.29.20"
IDP: Final = "2.5.29.28"
DELTA: Final = "2.5.29.27"


def ask(
    crl: bytes, certificate: Issued = LEAF, *, issuer: Issued = CA, now: float = NOW
) -> RevocationAnswer:
    """One CRL about one certificate."""
    return check_crl(
        crl, certificates=[certificate.parsed], issuer=issuer.parsed, now=now, url="http://crl/"
    )[0]


def said(answer: RevocationAnswer) -> tuple[RevocationStatus, str]:
    """Status and reason."""
    return answer.status, answer.reason


def idp(value: bytes, *more: bytes) -> tuple[bytes, ...]:
    """CRL extensions with this issuingDistributionPoint."""
    return (certificate_extension(IDP, value, critical=True), *more)


# -- listed or not ---------------------------------------------------------------------


def test_who_is_not_listed_is_good() -> None:
    """RFC 5280 section 6.3.3 (i): no entry, not revoked; until when it counts comes along."""
    answer = ask(signed_crl(CA, entries=(crl_entry(SERIAL + 1), crl_entry(1))))

    assert answer == RevocationAnswer(
        status=GOOD,
        source="crl",
        this_update=THIS_UPDATE,
        next_update=NEXT_UPDATE,
        url="http://crl/",
    )


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        pytest.param((), "", id="none"),
        *(
            pytest.param((reason_code(code),), word, id=word)
            for code, word in {  # RFC 5280 section 5.3.1
                0: "unspecified",
                1: "keyCompromise",
                2: "cACompromise",
                3: "affiliationChanged",
                4: "superseded",
                5: "cessationOfOperation",
                6: "certificateHold",
                7: "7",
                9: "privilegeWithdrawn",
                10: "aACompromise",
                99: "99",
            }.items()
        ),
    ],
)
def test_who_is_listed_is_revoked(extensions: tuple[bytes, ...], reason: str) -> None:
    """With its date, and its reason by name; a number without a name is still a reason."""
    answer = ask(signed_crl(CA, entries=(crl_entry(1), crl_entry(SERIAL, *extensions))))

    assert answer == RevocationAnswer(
        status=REVOKED,
        source="crl",
        this_update=THIS_UPDATE,
        next_update=NEXT_UPDATE,
        revoked_at=REVOKED_AT,
        revocation_reason=reason,
        url="http://crl/",
    )


def test_what_was_taken_back_is_not_revoked() -> None:
    """removeFromCRL (RFC 5280 section 5.3.1), unless another entry revokes it all the same."""
    removed = crl_entry(SERIAL, reason_code(8))

    assert said(ask(signed_crl(CA, entries=(removed,)))) == (GOOD, "")
    assert ask(signed_crl(CA, entries=(removed,))).detail == "removeFromCRL"
    assert ask(signed_crl(CA, entries=(removed, *LISTED))).status is REVOKED


def test_one_pass_answers_for_many() -> None:
    """Answers come in the order of the certificates, twins included."""
    others = [leaf(CA, f"{number}.example") for number in range(4)]
    listed = tuple(crl_entry(one.parsed.serial_number) for one in others[::2])
    file = io.BytesIO(signed_crl(CA, entries=listed))
    answers = check_crl(
        file,
        certificates=[one.parsed for one in (*others, others[0])],
        issuer=CA.parsed,
        now=NOW,
    )

    assert [one.status for one in answers] == [REVOKED, GOOD, REVOKED, GOOD, REVOKED]
    assert check_crl(b"", certificates=[], issuer=CA.parsed, now=NOW) == ()


# -- dates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (THIS_UPDATE - 1, (UNKNOWN, Reason.NOT_YET_VALID)),
        (THIS_UPDATE, (GOOD, "")),
        (NEXT_UPDATE, (GOOD, "")),
        (NEXT_UPDATE + 1, (UNKNOWN, Reason.STALE)),
    ],
)
def test_a_crl_counts_between_its_dates(now: int, expected: tuple[RevocationStatus, str]) -> None:
    """RFC 5280 sections 5.1.2.4 and 5.1.2.5; outside it is unknown, never good."""
    assert said(ask(signed_crl(CA), now=now)) == expected


def test_a_stale_crl_still_tells_what_it_lists() -> None:
    """Unknown is the verdict; that the list had the certificate is worth saying."""
    answer = ask(signed_crl(CA, entries=LISTED), now=NEXT_UPDATE + 1)

    assert said(answer) == (UNKNOWN, Reason.STALE)
    assert answer.detail == "nextUpdate; lists the certificate as revoked (keyCompromise)"
    assert answer.revoked_at is None


def test_without_next_update_only_revoked_is_certain() -> None:
    """RFC 5280 section 5.1.2.5 demands it: how long an empty list counts is not known."""
    assert said(ask(signed_crl(CA, next_update=b""))) == (UNKNOWN, Reason.STALE)
    assert ask(signed_crl(CA, next_update=b"")).detail == "no nextUpdate"
    assert ask(signed_crl(CA, next_update=b"", entries=LISTED)).status is REVOKED


def test_version_1_lists_are_read() -> None:
    """`openssl ca -gencrl` made them for many years."""
    answer = ask(signed_crl(CA, version=b"", entries=(crl_entry(SERIAL),)))

    assert (answer.status, answer.revocation_reason) == (REVOKED, "")


# -- whose it is -----------------------------------------------------------------------


def test_another_issuers_crl_says_nothing() -> None:
    """Serial numbers are an issuer's own (RFC 5280 section 6.3.3 (b) (1))."""
    other = root("Other Root")
    answer = ask(signed_crl(other, entries=LISTED))

    assert said(answer) == (UNKNOWN, Reason.OTHER_CERTIFICATE)
    assert answer.detail == "a CRL of CN=Other Root"


def test_names_are_compared_as_names() -> None:
    """RFC 5280 section 7.1: string type, case and spaces do not make another issuer."""
    spelt = common_name("TEST   root")

    assert ask(signed_crl(CA, issuer=spelt, entries=LISTED)).status is REVOKED
    assert same_name(spelt, CA.parsed.subject.der)
    assert not same_name(common_name("Test Root 2"), CA.parsed.subject.der)
    assert not same_name(b"\x30\x01", CA.parsed.subject.der)


def flipped(der: bytes, at: int) -> bytes:
    """One bit changed."""
    return der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]


def test_a_signature_covers_every_octet() -> None:
    """Any change of what is signed, or of the signature, and the CRL says nothing."""
    whole = signed_crl(CA, entries=(crl_entry(SERIAL + 1),))
    number = whole.index((SERIAL + 1).to_bytes(15, "big"))

    assert said(ask(flipped(whole, len(whole) - 1))) == (UNKNOWN, Reason.BAD_SIGNATURE)
    assert said(ask(flipped(whole, number + 14))) == (UNKNOWN, Reason.BAD_SIGNATURE)


def test_the_two_algorithms_must_agree() -> None:
    """RFC 5280 section 5.1.1.2."""
    sha512 = sequence(tlv(0x06, bytes.fromhex("2a8648ce3d040304")))

    assert said(ask(signed_crl(CA, outer=sha512))) == (UNKNOWN, Reason.BAD_SIGNATURE)


def test_another_key_of_the_same_name_is_told() -> None:
    """After a change of key the list names the new one: it is not forged, it is another's."""
    renewed = root("Test Root", label="second key")
    identifier = renewed.parsed.subject_key_identifier
    assert identifier is not None
    named = certificate_extension("2.5.29.35", sequence(tlv(0x80, identifier)))

    assert said(ask(signed_crl(renewed))) == (UNKNOWN, Reason.BAD_SIGNATURE)
    answer = ask(signed_crl(renewed, extensions=(named,)))
    assert said(answer) == (UNKNOWN, Reason.WRONG_RESPONDER)
    assert answer.detail == "authorityKeyIdentifier is another key's"


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        pytest.param(None, (GOOD, ""), id="no keyUsage"),
        pytest.param(key_usage("crl_sign"), (GOOD, ""), id="cRLSign"),
        pytest.param(
            key_usage("key_cert_sign"), (UNKNOWN, Reason.WRONG_RESPONDER), id="no cRLSign"
        ),
    ],
)
def test_where_there_is_key_usage_it_must_have_crl_sign(
    usages: x509.KeyUsage | None, expected: tuple[RevocationStatus, str]
) -> None:
    """RFC 5280 section 6.3.3 (f)."""
    ca = root("Usage Root", usages=usages)

    assert said(ask(signed_crl(ca), leaf(ca), issuer=ca)) == expected


# -- signatures ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "digest", "salt"),
    [
        ("RSA-2048", hashes.SHA256(), None),
        ("RSA-2048", hashes.SHA512(), None),
        ("RSA-2048", hashes.SHA256(), 32),
        ("RSA-2048", hashes.SHA384(), 20),
        ("P-256", hashes.SHA256(), None),
        ("P-384", hashes.SHA384(), None),
        ("P-521", hashes.SHA3_256(), None),
        ("DSA-2048", hashes.SHA256(), None),
        ("Ed25519", None, None),
    ],
)
def test_each_kind_of_signature_is_checked(kind: str, digest: Any, salt: int | None) -> None:  # noqa: ANN401
    """Made by the library's builder; one bit off, or another key of the kind, and it is bad."""
    ca = root("Kinds", kind=kind)
    child = leaf(ca)
    serials = [child.parsed.serial_number]
    der = built_crl(ca, serials, digest=digest, pss_salt=salt).public_bytes(Encoding.DER)
    other = root("Kinds", kind=kind, label="other")

    answer = ask(der, child, issuer=ca)
    assert (answer.status, answer.revocation_reason) == (REVOKED, "superseded")
    assert ask(flipped(der, len(der) - 1), child, issuer=ca).reason == Reason.BAD_SIGNATURE
    assert ask(der, child, issuer=other).reason == Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "make", [mldsa.MLDSA44PrivateKey, mldsa.MLDSA65PrivateKey, mldsa.MLDSA87PrivateKey]
)
def test_ml_dsa_is_hashed_as_it_comes(make: Any) -> None:  # noqa: ANN401
    """FIPS 204: the message representative is made of pieces, the library signed the whole."""
    key = make.generate()
    base = CA.x509
    built = (
        x509.CertificateBuilder(base.issuer, base.subject, key.public_key(), 7)
        .not_valid_before(base.not_valid_before_utc)
        .not_valid_after(base.not_valid_after_utc)
        .sign(key, None)
    )
    ca = Issued(der=built.public_bytes(Encoding.DER), key=CA.key, name=CA.name)
    der = built_crl(ca, [SERIAL], key=key).public_bytes(Encoding.DER)
    number = der.index(SERIAL.to_bytes(15, "big"))

    assert ask(der, issuer=ca).status is REVOKED
    assert ask(flipped(der, number), issuer=ca).reason == Reason.BAD_SIGNATURE
    assert ask(flipped(der, len(der) - 1), issuer=ca).reason == Reason.BAD_SIGNATURE


def test_a_key_of_another_kind_did_not_sign() -> None:
    """An ECDSA signature under an RSA key is no signature."""
    rsa_ca = root("Test Root", kind="RSA-2048")

    assert said(ask(signed_crl(CA), issuer=rsa_ca)) == (UNKNOWN, Reason.BAD_SIGNATURE)


def test_an_algorithm_that_the_key_is_not_for_is_bad() -> None:
    """Nor does a sound signature count that is called by another kind's name."""
    ed25519 = sequence(tlv(0x06, bytes.fromhex("2b6570")))
    rsa_ca = root("Test Root", kind="RSA-2048")
    honest = built_crl(rsa_ca, digest=hashes.SHA256()).tbs_certlist_bytes
    rsa_sha256 = bytes.fromhex("300d06092a864886f70d01010b0500")
    body = honest.partition(rsa_sha256)[2]
    tbs = tlv(0x30, b"\x02\x01\x01", ECDSA_SHA256, body)
    assert isinstance(rsa_ca.key, rsa.RSAPrivateKey)
    signature = rsa_ca.key.sign(tbs, padding.PKCS1v15(), hashes.SHA256())
    misnamed = tlv(0x30, tbs, ECDSA_SHA256, tlv(0x03, b"\x00" + signature))

    assert ask(signed_crl(CA, signature=ed25519, outer=ed25519)).reason == Reason.BAD_SIGNATURE
    assert ask(misnamed, issuer=rsa_ca).reason == Reason.BAD_SIGNATURE


def test_what_cannot_be_verified_is_not_checked() -> None:
    """An algorithm or a key that the library does not have is nobody's fault."""
    unknown = sequence(tlv(0x06, bytes.fromhex("2a0304")))
    answer = ask(signed_crl(CA, signature=unknown, outer=unknown, entries=LISTED))
    strange = parse_certificate(
        CA.der.replace(bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f"))
    )
    no_key = check_crl(signed_crl(CA), certificates=[LEAF.parsed], issuer=strange, now=NOW)[0]

    assert said(answer) == (NOT_CHECKED, Reason.UNSUPPORTED)
    assert answer.detail == "signature algorithm 1.2.3.4"
    assert said(no_key) == (NOT_CHECKED, Reason.UNSUPPORTED)
    assert no_key.detail.startswith("key EC")


def test_the_bounds_on_keys_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for certificates: nothing is calculated with a key over the bound."""
    ca = root("Big Root", kind="RSA-2048")
    der = built_crl(ca, digest=hashes.SHA256()).public_bytes(Encoding.DER)
    monkeypatch.setattr(limits, "MAX_RSA_BITS", 1_024)
    answer = ask(der, leaf(ca), issuer=ca)

    assert said(answer) == (NOT_CHECKED, Reason.TOO_LARGE)
    assert answer.detail == "rsa_bits"


def test_what_must_be_held_whole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ed25519 hashes twice: a list over the bound is not held and not checked."""
    ca = root("Ed Root", kind="Ed25519")
    child = leaf(ca)
    crl = built_crl(ca)
    size = len(crl.tbs_certlist_bytes)

    monkeypatch.setattr(limits, "MAX_CRL_WHOLE", size)
    assert ask(crl.public_bytes(Encoding.DER), child, issuer=ca).status is GOOD
    monkeypatch.setattr(limits, "MAX_CRL_WHOLE", size - 1)
    answer = ask(crl.public_bytes(Encoding.DER), child, issuer=ca)
    assert said(answer) == (NOT_CHECKED, Reason.TOO_LARGE)
    assert answer.detail == "whole_message"


# -- extensions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        pytest.param(certificate_extension("1.2.3", b""), (GOOD, ""), id="unknown"),
        pytest.param(
            certificate_extension("1.2.3", b"", critical=True),
            (UNKNOWN, Reason.CRITICAL_EXTENSION),
            id="unknown and critical",
        ),
        pytest.param(
            certificate_extension(CRL_NUMBER, integer(1), critical=True),
            (UNKNOWN, Reason.CRITICAL_EXTENSION),
            id="critical CRLNumber",
        ),
        pytest.param(
            certificate_extension("2.5.29.35", sequence(), critical=True),
            (GOOD, ""),
            id="critical authorityKeyIdentifier",
        ),
        pytest.param(
            certificate_extension(DELTA, integer(1), critical=True),
            (UNKNOWN, Reason.OUT_OF_SCOPE),
            id="delta",
        ),
        pytest.param(
            certificate_extension(DELTA, integer(1)),
            (UNKNOWN, Reason.OUT_OF_SCOPE),
            id="a lax delta",
        ),
    ],
)
def test_critical_extensions_must_be_understood(
    extension: bytes, expected: tuple[RevocationStatus, str]
) -> None:
    """RFC 5280 section 5.2: not even what is listed may be used; OpenSSL refuses the same ones."""
    listed = signed_crl(CA, extensions=(extension,), entries=LISTED)
    unlisted = signed_crl(CA, extensions=(extension,))

    assert said(ask(unlisted)) == expected
    assert ask(listed).status is (REVOKED if expected[0] is GOOD else UNKNOWN)


def test_critical_entry_extensions_spoil_the_whole_list() -> None:
    """RFC 5280 section 5.3: of any entry, whoever's it is."""
    strange = crl_entry(5, certificate_extension("1.2.3", b"", critical=True))
    answer = ask(signed_crl(CA, entries=(strange, *LISTED)))

    assert said(answer) == (UNKNOWN, Reason.CRITICAL_EXTENSION)
    assert answer.detail.startswith("1.2.3;")


# -- scope -----------------------------------------------------------------------------

HERE: Final = x509.UniformResourceIdentifier("http://crl.example/1.crl")
THERE: Final = x509.UniformResourceIdentifier("http://crl.example/2.crl")


def point(
    *names: x509.GeneralName,
    relative: str | None = None,
    some_reasons: bool = False,
    crl_issuer: x509.Name | None = None,
) -> x509.DistributionPoint:
    """One DistributionPoint of a certificate."""
    return x509.DistributionPoint(
        full_name=list(names) or None,
        relative_name=_relative(relative),
        reasons=frozenset({x509.ReasonFlags.key_compromise}) if some_reasons else None,
        crl_issuer=None if crl_issuer is None else [x509.DirectoryName(crl_issuer)],
    )


def _relative(text: str | None) -> x509.RelativeDistinguishedName | None:
    if text is None:
        return None
    return x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def with_points(*points: x509.DistributionPoint) -> Issued:
    """A leaf with these distribution points."""
    return leaf(CA, extra=[(x509.CRLDistributionPoints(points), False)])


def distribution_point(*names: x509.GeneralName, relative: str | None = None) -> bytes:
    """An issuingDistributionPoint that names one."""
    return x509.IssuingDistributionPoint(
        full_name=list(names) or None,
        relative_name=_relative(relative),
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    ).public_bytes()


OWN_NAME: Final = x509.DirectoryName(CA.name)
LONGER: Final = x509.DirectoryName(
    x509.Name([*CA.name, x509.NameAttribute(NameOID.COMMON_NAME, "part 1")])
)


@pytest.mark.parametrize(
    ("value", "certificate", "covered"),
    [
        pytest.param(distribution_point(HERE), with_points(point(HERE)), True, id="the point"),
        pytest.param(
            distribution_point(THERE, HERE), with_points(point(HERE, THERE)), True, id="one name"
        ),
        pytest.param(
            distribution_point(HERE),
            with_points(point(THERE), point(HERE)),
            True,
            id="second point",
        ),
        pytest.param(distribution_point(HERE), with_points(point(THERE)), False, id="other point"),
        pytest.param(distribution_point(HERE), LEAF, False, id="no point"),
        pytest.param(distribution_point(OWN_NAME), LEAF, True, id="no point, issuer's name"),
        pytest.param(
            distribution_point(OWN_NAME), with_points(point(THERE)), True, id="issuer's name"
        ),
        pytest.param(
            distribution_point(LONGER), with_points(point(relative="PART 1")), True, id="relative"
        ),
        pytest.param(
            distribution_point(relative="part 1"),
            with_points(point(LONGER)),
            True,
            id="relative idp",
        ),
        pytest.param(
            distribution_point(relative="part 2"),
            with_points(point(LONGER)),
            False,
            id="other part",
        ),
        pytest.param(
            distribution_point(HERE),
            with_points(point(HERE, crl_issuer=name("Somebody"))),
            False,
            id="the point of another CRL issuer",
        ),
        pytest.param(
            distribution_point(HERE),
            with_points(point(HERE, crl_issuer=CA.name)),
            True,
            id="the CRL issuer named",
        ),
        pytest.param(
            distribution_point(OWN_NAME),
            with_points(point(crl_issuer=CA.name)),
            True,
            id="a point without a name",
        ),
    ],
)
def test_a_distribution_point_is_for_those_that_name_it(
    value: bytes, certificate: Issued, covered: bool
) -> None:
    """RFC 5280 section 6.3.3 (b) (2) (i), whatever it lists."""
    listed = (crl_entry(certificate.parsed.serial_number),)
    revoked = ask(signed_crl(CA, extensions=idp(value), entries=listed), certificate)
    unlisted = ask(signed_crl(CA, extensions=idp(value)), certificate)

    if covered:
        assert (revoked.status, unlisted.status) == (REVOKED, GOOD)
    else:
        assert said(revoked) == said(unlisted) == (UNKNOWN, Reason.OUT_OF_SCOPE)
        assert unlisted.detail == "distributionPoint"


USER: Final = tlv(0x81, b"\xff")
CAS: Final = tlv(0x82, b"\xff")
ATTRIBUTES: Final = tlv(0x85, b"\xff")
SOME: Final = tlv(0x83, b"\x05\x60")
INDIRECT: Final = tlv(0x84, b"\xff")
SUB_CA: Final = issue("Sub CA", CA, ca=True)


@pytest.mark.parametrize(
    ("value", "certificate", "field"),
    [
        pytest.param(sequence(), LEAF, "", id="nothing said"),
        pytest.param(sequence(USER), LEAF, "", id="users, leaf"),
        pytest.param(sequence(USER), SUB_CA, "onlyContainsUserCerts", id="users, CA"),
        pytest.param(sequence(CAS), LEAF, "onlyContainsCACerts", id="CAs, leaf"),
        pytest.param(sequence(CAS), SUB_CA, "", id="CAs, CA"),
        pytest.param(sequence(ATTRIBUTES), LEAF, "onlyContainsAttributeCerts", id="attributes"),
        pytest.param(sequence(tlv(0x82, b"\x00")), LEAF, "", id="FALSE spelt out"),
        pytest.param(sequence(INDIRECT), LEAF, "", id="indirect"),
    ],
)
def test_a_crl_may_be_for_some_kinds_of_certificates(
    value: bytes, certificate: Issued, field: str
) -> None:
    """RFC 5280 section 6.3.3 (b) (2) (ii) to (iv)."""
    answer = ask(signed_crl(CA, extensions=idp(value)), certificate)

    assert answer.detail == field
    assert said(answer) == ((UNKNOWN, Reason.OUT_OF_SCOPE) if field else (GOOD, ""))


def test_a_crl_for_some_reasons_revokes_but_does_not_clear() -> None:
    """RFC 5280 section 6.3.3 (d) and (l): the other reasons stay open."""
    answer = ask(signed_crl(CA, extensions=idp(sequence(SOME))))

    assert said(answer) == (UNKNOWN, Reason.OUT_OF_SCOPE)
    assert answer.detail == "onlySomeReasons"
    assert ask(signed_crl(CA, extensions=idp(sequence(SOME)), entries=LISTED)).status is REVOKED


def test_a_point_for_some_reasons_does_not_clear_either() -> None:
    """The certificate's own point says which reasons its CRL is for (section 4.2.1.13)."""
    partial = with_points(point(HERE, some_reasons=True))
    both = with_points(point(HERE, some_reasons=True), point(HERE))
    crl = signed_crl(CA, extensions=idp(distribution_point(HERE)))

    assert said(ask(crl, partial)) == (UNKNOWN, Reason.OUT_OF_SCOPE)
    assert said(ask(crl, both)) == (GOOD, "")
    assert said(ask(signed_crl(CA), partial)) == (GOOD, "")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(integer(1), id="no sequence"),
        pytest.param(sequence(USER, CAS), id="two kinds"),
        pytest.param(sequence(USER, USER), id="a field twice"),
        pytest.param(sequence(tlv(0x81, b"")), id="no octet of BOOLEAN"),
        pytest.param(sequence(tlv(0x86, b"\xff")), id="unknown field"),
        pytest.param(sequence(tlv(0xA0)), id="no name"),
        pytest.param(sequence(tlv(0xA0, tlv(0xA2, b""))), id="unknown choice"),
        pytest.param(sequence(tlv(0xA0, tlv(0xA0, b"\x86\x7f"))), id="truncated name"),
        pytest.param(sequence(tlv(0xA0, tlv(0xA0, tlv(0xA4, b"\x31\x00")))), id="no Name"),
        pytest.param(sequence(tlv(0xA0, tlv(0xA1, b"\x02\x01\x01"))), id="no RDN"),
    ],
)
def test_a_malformed_scope_is_no_scope(value: bytes) -> None:
    """What cannot be read covers nothing, even what it lists."""
    answer = ask(signed_crl(CA, extensions=idp(value), entries=LISTED))

    assert said(answer) == (UNKNOWN, Reason.MALFORMED)
    assert answer.detail == "issuingDistributionPoint"


def test_entries_of_an_indirect_crl_belong_to_their_issuers() -> None:
    """RFC 5280 section 5.3.3: an issuer stays in force until the next one is named."""
    theirs = certificate_issuer(common_name("Other CA"))
    ours = certificate_issuer(CA.name.public_bytes())

    def status(*entries: bytes) -> RevocationStatus:
        crl = signed_crl(CA, extensions=idp(sequence(INDIRECT)), entries=entries)
        return ask(crl).status

    assert status(crl_entry(SERIAL, theirs)) is GOOD
    assert status(crl_entry(1, theirs), crl_entry(SERIAL)) is GOOD
    assert status(crl_entry(SERIAL), crl_entry(1, theirs)) is REVOKED
    assert status(crl_entry(1, theirs), crl_entry(SERIAL, ours)) is REVOKED
    assert status(crl_entry(1, theirs), crl_entry(2, ours), crl_entry(SERIAL)) is REVOKED


def test_an_entry_that_does_not_say_whose_it_is_settles_nothing() -> None:
    """A certificateIssuer that cannot be read is nobody's and everybody's."""
    broken = certificate_extension("2.5.29.29", sequence(b"\xa4\x7f"), critical=True)
    answer = ask(signed_crl(CA, entries=(crl_entry(SERIAL, broken),)))

    assert said(answer) == (UNKNOWN, Reason.MALFORMED)
    assert answer.detail == "certificateIssuer"


# -- octets ----------------------------------------------------------------------------

WHOLE: Final = signed_crl(CA, entries=LISTED)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="empty"),
        pytest.param(WHOLE[:-1], id="truncated"),
        pytest.param(WHOLE[:10], id="hardly begun"),
        pytest.param(WHOLE + b"\n", id="one octet more"),
        pytest.param(b"<html>not found</html>", id="a page"),
        pytest.param(b"0" * 1_000, id="zeros"),
        pytest.param(octet_string(WHOLE), id="wrapped"),
        pytest.param(LEAF.der, id="a certificate"),
        pytest.param(LEAF.pem, id="a certificate in PEM"),
        pytest.param(pem_of(WHOLE)[:-10], id="PEM without its end"),
        pytest.param(pem_of(WHOLE)[:200], id="PEM that breaks off"),
        pytest.param(pem_of(WHOLE).partition(b"-----END")[0], id="PEM without an end line"),
        pytest.param(pem_of(WHOLE).replace(END, b"-----END CERTIFICATE-----"), id="another end"),
        pytest.param(pem_of(WHOLE).replace(b"\nMI", b"\n!MI"), id="no base64"),
        pytest.param(pem_of(WHOLE[:-2]), id="PEM of a truncated CRL"),
    ],
)
def test_what_is_no_crl_is_malformed(octets: bytes) -> None:
    """Whoever serves it sends anything: an answer, never an exception."""
    assert said(ask(octets)) == (UNKNOWN, Reason.MALFORMED)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(pem_of(WHOLE), id="plain"),
        pytest.param(pem_of(WHOLE, newline=b"\r\n"), id="CRLF"),
        pytest.param(pem_of(WHOLE, width=1), id="short lines"),
        pytest.param(pem_of(WHOLE, width=10_000), id="one line"),
        pytest.param(pem_of(WHOLE, before=b"Revoked Certificates:\n" * 10_000), id="text in front"),
        pytest.param(pem_of(WHOLE) + pem_of(signed_crl(root("Other"))), id="another behind"),
        pytest.param(pem_of(WHOLE).removesuffix(b"\n"), id="no newline at the end"),
        *(
            pytest.param(pem_of(WHOLE, before=b"x" * (PIECE - near)), id=f"line over pieces {near}")
            for near in (1, 5, 23, 24, 25, 60, 200)
        ),
        *(
            pytest.param(
                pem_of(WHOLE, before=b"x" * (PIECE - len(pem_of(WHOLE)) + near)), id=f"end {near}"
            )
            for near in (1, 2, 12, 22, 23, 24, 25)
        ),
    ],
)
def test_pem_is_read_like_der(octets: bytes) -> None:
    """RFC 7468 section 6, with what stands around it, however the file is cut into pieces."""
    assert ask(octets) == ask(WHOLE)
    assert ask(octets).status is REVOKED


def test_a_crl_over_the_bound_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many octets as the bound pass, one more does not."""
    monkeypatch.setattr(limits, "MAX_CRL", len(WHOLE))
    assert ask(WHOLE).status is REVOKED
    monkeypatch.setattr(limits, "MAX_CRL", len(WHOLE) - 1)
    assert said(ask(WHOLE)) == (UNKNOWN, Reason.TOO_LARGE)


# -- x509-limbo ------------------------------------------------------------------------

LIMBO: Final = limbo.corpus()

LIMBO_EXPECTED: Final = {
    "crl::revoked-certificate-with-crl": {REVOKED},
    # The suite refuses such a list. RFC 5280 section 6.3.3 does not ask for CRLNumber, and
    # OpenSSL, Go and Java take it: nobody's handshake fails for it.
    "crl::crlnumber-missing": {GOOD},
    "crl::certificate-not-on-crl": {GOOD},
    "crl::certificate-serial-on-crl-different-issuer": {GOOD},
    "crl::crlnumber-critical": {UNKNOWN},
    "crl::issuer-missing-crlsign": {UNKNOWN},
    "crl::issuer-no-keyusage-extension": {GOOD},
    "crl::issuer-valid-crlsign-and-keycertsign": {GOOD},
}


@pytest.mark.skipif(not LIMBO.is_file(), reason=limbo.MISSING)
def test_the_cases_of_limbo_come_out_as_listed() -> None:
    """Accepted where the suite accepts; revoked or unknown where it refuses, but for one."""
    cases = [case for case in limbo.load(LIMBO) if case["crls"]]
    found = {case["id"]: {_limbo(case).status} for case in cases}

    assert found == LIMBO_EXPECTED


def _limbo(case: dict[str, Any]) -> Revocation:
    child = _parsed(case["peer_certificate"])
    above = [_parsed(pem) for pem in case["trusted_certs"] + case["untrusted_intermediates"]]
    issuer = next(one for one in above if one.subject == child.issuer)
    now = datetime.datetime.fromisoformat(case["validation_time"]).timestamp()
    return combine(
        check_crl(pem.encode(), certificates=[child], issuer=issuer, now=now)[0]
        for pem in case["crls"]
    )


def _parsed(pem: str) -> Certificate:
    return parse_certificate(base64.b64decode("".join(pem.strip().splitlines()[1:-1])))


def test_times_are_what_the_library_reads() -> None:
    """The dates in the answers against `cryptography`'s reading of the same list."""
    crl = x509.load_der_x509_crl(WHOLE)
    answer = ask(WHOLE)
    entry = crl.get_revoked_certificate_by_serial_number(SERIAL)

    assert crl.next_update_utc is not None
    assert entry is not None
    assert answer.this_update == crl.last_update_utc.timestamp()
    assert answer.next_update == crl.next_update_utc.timestamp()
    assert answer.revoked_at == entry.revocation_date_utc.timestamp()
    assert time_of(THIS_UPDATE) in WHOLE

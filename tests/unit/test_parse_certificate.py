"""parse_certificate on certificates written out by hand, element by element."""

from __future__ import annotations

import copy
from hashlib import sha256

import pytest

from fleetscan._parse import Certificate, ParseFault, parse_certificate
from fleetscan.errors import ParseError
from tests import octets
from tests.octets import (
    attribute,
    bit_string,
    certificate,
    certificate_extension,
    common_name,
    generalized_time,
    integer,
    name,
    octet_string,
    oid,
    sequence,
    tlv,
    u8,
    utc_time,
    vector,
    with_extension,
)

EVERYDAY = certificate()
SCT_LIST = oid("1.3.6.1.4.1.11129.2.4.2")


def refusal(der: bytes) -> tuple[ParseFault, str]:
    """Which rule refuses a certificate, in which field; the offset lies inside."""
    with pytest.raises(ParseError) as caught:
        parse_certificate(der)
    assert 0 <= caught.value.offset <= len(der)
    return ParseFault(caught.value.fault), caught.value.field


# -- the whole -------------------------------------------------------------------


def test_every_field_is_read_as_written() -> None:
    """RFC 5280 section 4.1, and each extension of section 4.2 that a result needs."""
    found = parse_certificate(EVERYDAY)

    assert found.der == EVERYDAY
    assert found.sha256 == sha256(EVERYDAY).hexdigest()
    assert (found.version, found.serial_number, found.serial_octets) == (3, 10, b"\x0a")
    assert found.signature_algorithm == found.tbs_signature_algorithm == "1.2.840.10045.4.3.2"
    assert found.signature_parameters == b""
    assert found.signature == b"\x30\x06\x02\x01\x01\x02\x01\x01"
    assert found.issuer.der == common_name("Example CA")
    assert [(a.oid, a.tag, a.value) for rdn in found.subject.rdns for a in rdn] == [
        ("2.5.4.3", 0x0C, "example.test")
    ]
    assert (found.not_before, found.not_after) == (1_795_392_000, 1_803_254_399)
    assert found.subject_public_key_info == octets.P256_KEY
    assert found.public_key_algorithm == "1.2.840.10045.2.1"
    assert found.public_key_parameters == oid("1.2.840.10045.3.1.7")
    assert found.public_key == b"\x04" + b"\x07" * 64
    assert (found.key_type, found.key_bits, found.curve) == ("EC", 256, "1.2.840.10045.3.1.7")
    assert found.tbs_certificate in EVERYDAY


def test_every_known_extension_is_read_as_written() -> None:
    """RFC 5280 section 4.2, RFC 6962 section 3.3, RFC 7633 section 4.1."""
    found = parse_certificate(EVERYDAY)
    names = found.subject_alt_name
    constraints = found.name_constraints
    authority = found.authority_key_identifier

    assert names is not None and constraints is not None and authority is not None
    assert [(n.kind, n.text) for n in names] == [
        (2, "example.test"),
        (2, "*.example.test"),
        (7, "127.0.0.1"),
    ]
    assert found.key_usage == 1 << 0
    assert found.extended_key_usage == ("1.3.6.1.5.5.7.3.1",)
    assert found.basic_constraints is not None
    assert not found.basic_constraints.ca
    assert found.basic_constraints.path_len_constraint is None
    assert found.subject_key_identifier == b"\x01" * 20
    assert authority.key_identifier == b"\x02" * 20
    assert authority.authority_cert_issuer == ()
    assert authority.authority_cert_serial_number is None
    assert (found.ocsp_urls, found.ca_issuers_urls) == (
        ("http://ocsp.test",),
        ("http://ca.test/ca.der",),
    )
    assert found.crl_urls == ("http://crl.test",)
    assert found.certificate_policies == ("2.23.140.1.2.1",)
    assert found.tls_feature == (5,)
    assert [n.text for n in constraints.permitted_subtrees] == ["example.test"]
    assert [n.text for n in constraints.excluded_subtrees] == ["10.0.0.0/255.0.0.0"]
    assert found.signed_certificate_timestamps == 2
    assert found.unknown_critical_extensions == ("1.3.6.1.4.1.99999.1",)
    assert len(found.extensions) == len(octets.EVERYDAY_EXTENSIONS)
    last = found.extension("1.3.6.1.4.1.99999.1")
    assert last is not None and (last.critical, last.value) == (True, b"anything")
    assert found.extension("2.5.29.99") is None


def test_a_certificate_without_extensions_has_none_of_them() -> None:
    """RFC 5280 section 4.1: absent is None or empty, never made up."""
    found = parse_certificate(certificate(version=b"", extensions=None))

    assert (found.version, found.extensions, found.unknown_critical_extensions) == (1, (), ())
    for field in ("subject_alt_name", "key_usage", "extended_key_usage", "basic_constraints"):
        assert getattr(found, field) is None
    for field in ("name_constraints", "subject_key_identifier", "authority_key_identifier"):
        assert getattr(found, field) is None
    for field in ("ocsp_urls", "ca_issuers_urls", "crl_urls", "certificate_policies"):
        assert getattr(found, field) == ()
    assert found.tls_feature == ()
    assert found.signed_certificate_timestamps == 0


@pytest.mark.parametrize("cut", range(len(EVERYDAY)))
def test_every_strict_prefix_is_truncated(cut: int) -> None:
    """No cut of a certificate is taken for a whole one."""
    assert refusal(EVERYDAY[:cut])[0] == ParseFault.TRUNCATED


def test_one_octet_too_many_is_refused_where_it_stands() -> None:
    """A certificate and nothing else."""
    with pytest.raises(ParseError) as caught:
        parse_certificate(EVERYDAY + b"\x00")

    assert caught.value.fault == ParseFault.TRAILING_DATA
    assert caught.value.offset == len(EVERYDAY)


def test_certificates_are_equal_when_their_octets_are() -> None:
    """A chain may hold a certificate twice: equality, hash and copies go by the DER."""
    first, again = parse_certificate(EVERYDAY), parse_certificate(bytes(bytearray(EVERYDAY)))

    assert first == again == copy.copy(first)
    assert len({first, again, parse_certificate(certificate(version=b""))}) == 2
    assert first.subject == again.subject
    assert first.subject != first.issuer
    with pytest.raises(TypeError):
        Certificate()


# -- DER, at every element of the certificate ------------------------------------------


class Element:
    """One element of DER with its place in the tree, read by hand."""

    def __init__(self, tag: int, content: bytes) -> None:
        self.tag = tag
        self.content = content
        self.children: list[Element] = []
        if tag == 0x04 and content[:1] in (b"\x30", b"\x03", b"\x04"):
            self.children = elements(content)  # an extension's value is DER again
        elif tag & 0x20:
            self.children = elements(content)

    def encode(self, victim: Element, spoil: str) -> bytes:
        """The element again, spoilt if it is the victim."""
        content = (
            b"".join(child.encode(victim, spoil) for child in self.children)
            if self.children
            else self.content
        )
        if self is not victim:
            return tlv(self.tag, content)
        if spoil == "padded":
            size = (len(content).bit_length() + 7) // 8 or 1
            width = size + 1 if len(content) >= 0x80 else size
            return u8(self.tag) + u8(0x80 | width) + len(content).to_bytes(width, "big") + content
        if spoil == "indefinite":
            return u8(self.tag) + b"\x80" + content + b"\x00\x00"
        if spoil == "one more element":
            return tlv(self.tag, content + b"\x05\x00")
        return tlv(self.tag ^ 0x40, content)  # another class: no field has it

    def walk(self) -> list[Element]:
        """The element and everything in it."""
        return [self, *(found for child in self.children for found in child.walk())]


def elements(content: bytes) -> list[Element]:
    """The elements side by side in some content."""
    found = []
    while content:
        length, start = content[1], 2
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(content[2:start], "big")
        found.append(Element(content[0], content[start : start + length]))
        content = content[start + length :]
    return found


TREE = elements(EVERYDAY)[0]
ELEMENTS = TREE.walk()
SIGNATURE_ALGORITHMS = [e for e in ELEMENTS if tlv(0x30, e.content) == octets.ECDSA_SHA256]
ATTRIBUTE_VALUES = [e for e in ELEMENTS if e.tag == 0x0C]
# The timestamp list and the OCTET STRING around it: what is wrong there is no fault of the
# certificate, as a test below holds.
TIMESTAMPS = next(at for at, e in enumerate(ELEMENTS) if tlv(e.tag, e.content) == SCT_LIST) + 1
TIMESTAMP_LIST = (TIMESTAMPS, TIMESTAMPS + 1)


def test_the_tree_of_the_tests_is_the_certificate() -> None:
    """The spoiling below starts from octets that are whole, and visits every level."""
    assert TREE.encode(Element(0x05, b""), "") == EVERYDAY
    assert len(ELEMENTS) > 100


@pytest.mark.parametrize("at", [at for at in range(len(ELEMENTS)) if at != TIMESTAMPS + 1])
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        ("padded", ParseFault.LENGTH_NOT_MINIMAL),
        ("indefinite", ParseFault.LENGTH_INDEFINITE),
    ],
)
def test_lengths_of_every_element_are_held_to_der(at: int, spoil: str, fault: ParseFault) -> None:
    """X.690 section 10.1: definite and minimal, at every nesting level."""
    assert refusal(TREE.encode(ELEMENTS[at], spoil))[0] == fault


@pytest.mark.parametrize(
    "at",
    [
        at
        for at, element in enumerate(ELEMENTS)
        # An algorithm without parameters may get some: RFC 5280 section 4.1.1.2.
        if element.children and element not in SIGNATURE_ALGORITHMS and at not in TIMESTAMP_LIST
    ],
)
def test_no_element_may_hold_one_more(at: int) -> None:
    """What a SEQUENCE does not define is never skipped, at every nesting level."""
    fault, _ = refusal(TREE.encode(ELEMENTS[at], "one more element"))

    assert fault in {ParseFault.TRAILING_DATA, ParseFault.TAG_UNEXPECTED}


@pytest.mark.parametrize(
    "at",
    # An attribute's value is ANY, and is kept whatever its type (RFC 5280 section 4.1.2.4).
    [
        at
        for at, element in enumerate(ELEMENTS)
        if element not in ATTRIBUTE_VALUES and at != TIMESTAMPS + 1
    ],
)
def test_no_element_may_be_of_another_type(at: int) -> None:
    """Every field has its tags; another one there is refused, at every nesting level."""
    fault, _ = refusal(TREE.encode(ELEMENTS[at], "another tag"))

    assert fault in {ParseFault.TAG_UNEXPECTED, ParseFault.TRAILING_DATA}


# -- fields of their own ------------------------------------------------------------


@pytest.mark.parametrize(("value", "version"), [(0, 1), (1, 2), (2, 3)])
def test_three_versions_are_known(value: int, version: int) -> None:
    """RFC 5280 section 4.1.2.1; a v1 that is spelt out passes, as with OpenSSL."""
    assert parse_certificate(certificate(version=tlv(0xA0, integer(value)))).version == version


@pytest.mark.parametrize("value", [3, 7, -1, 255, 2**70])
def test_other_versions_are_refused(value: int) -> None:
    """Nobody knows the layout of a version to come."""
    der = certificate(version=tlv(0xA0, integer(value)))

    assert refusal(der) == (ParseFault.CERTIFICATE_VERSION_UNKNOWN, "version")


@pytest.mark.parametrize("value", [0, 1, -1, -128, 127, 128, 255, 2**159, 2**400, -(2**200)])
def test_serials_of_any_sign_and_size_are_numbers(value: int) -> None:
    """RFC 5280 section 4.1.2.2 wants them positive and short; certificates in use are not."""
    assert parse_certificate(certificate(serial_number=integer(value))).serial_number == value


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\xff\xff"])
def test_serials_that_are_no_integers_are_refused(content: bytes) -> None:
    """X.690 section 8.3: at least one octet, and none that could be left out."""
    der = certificate(serial_number=tlv(0x02, content))

    assert refusal(der) == (ParseFault.INTEGER_INVALID, "serial_number")


TIMES = [
    (utc_time("500101000000Z"), -631_152_000),  # RFC 5280 section 4.1.2.5.1: 50 is 1950
    (utc_time("491231235959Z"), 2_524_607_999),  # and 49 is 2049
    (utc_time("700101000000Z"), 0),
    (utc_time("691231235959Z"), -1),
    (utc_time("000229120000Z"), 951_825_600),
    (utc_time("240229000000Z"), 1_709_164_800),
    (generalized_time("20500101000000Z"), 2_524_608_000),
    (generalized_time("20260101000000Z"), 1_767_225_600),  # before 2050: OpenSSL minds not
    (generalized_time("99991231235959Z"), 253_402_300_799),  # section 4.1.2.5: no end
    (generalized_time("00010101000000Z"), -62_135_596_800),
    (generalized_time("19000301000000Z"), -2_203_891_200),
    (generalized_time("24000229000000Z"), 13_574_563_200),
]


@pytest.mark.parametrize(("time", "seconds"), TIMES)
def test_times_are_unix_seconds(time: bytes, seconds: int) -> None:
    """RFC 5280 section 4.1.2.5; expected values from `date -u +%s`."""
    found = parse_certificate(certificate(validity=sequence(time, time)))

    assert (found.not_before, found.not_after) == (seconds, seconds)


@pytest.mark.parametrize(
    "time",
    [
        *("2611230000Z", "261123000000", "261123000000+0100", "261123000000z", "", "Z"),
        *("261323000000Z", "260023000000Z", "260230000000Z", "250229000000Z", "260431000000Z"),
        *("260100000000Z", "260132000000Z", "260101240000Z", "260101006000Z", "260101000060Z"),
        *("2601010000 0Z", "26010100000/Z", ":60101000000Z", "-60101000000Z", "260101000000Z0"),
    ],
)
@pytest.mark.parametrize("century", ["", "20"])
def test_times_in_other_forms_and_days_that_are_none(time: str, century: str) -> None:
    """RFC 5280 section 4.1.2.5: seconds and Z; no fractions, offsets, 30th of February."""
    spoilt = generalized_time(century + time) if century else utc_time(time)
    der = certificate(validity=sequence(spoilt, utc_time("270101000000Z")))

    assert refusal(der) == (ParseFault.TIME_INVALID, "not_before")


@pytest.mark.parametrize(
    "time", ["20260101000000.5Z", "2026010100Z", "202601010000Z", "1900022900000Z"]
)
def test_generalized_times_in_other_forms(time: str) -> None:
    """RFC 5280 section 4.1.2.5.2: YYYYMMDDHHMMSSZ and nothing else."""
    der = certificate(validity=sequence(utc_time("260101000000Z"), generalized_time(time)))

    assert refusal(der) == (ParseFault.TIME_INVALID, "not_after")


def test_a_centennial_year_is_no_leap_year() -> None:
    """1900-02-29 never was; 2000-02-29 was (RFC 3339 appendix C)."""
    der = certificate(
        validity=sequence(generalized_time("19000229000000Z"), utc_time("270101000000Z"))
    )

    assert refusal(der) == (ParseFault.TIME_INVALID, "not_before")


STRINGS = [
    (0x0C, "Grüße €".encode(), "Grüße €"),  # UTF8String
    (0x0C, b"bad \xff\xc3", "bad ��"),
    (0x13, b"Plain", "Plain"),  # PrintableString
    (0x13, b"M\xc3\xbcller & Co *", "Müller & Co *"),  # outside its alphabet
    (0x13, b"M\xfcller", "M�ller"),
    (0x16, b"mail@example.test", "mail@example.test"),  # IA5String
    (0x12, b"0123", "0123"),  # NumericString
    (0x1A, b"visible", "visible"),  # VisibleString
    (0x14, b"M\xfcller", "Müller"),  # TeletexString, as Latin-1
    (0x1E, "Grüße 𝄞".encode("utf-16-be"), "Grüße 𝄞"),  # BMPString, with surrogates
    (0x1E, b"\xd8\x00\x00A", "�A"),  # a surrogate alone
    (0x1E, b"\x00A\x00", "A�"),  # an odd number of octets
    (0x1C, "Grüße 𝄞".encode("utf-32-be"), "Grüße 𝄞"),  # UniversalString
    (0x1C, b"\x00\x00\x00A\x7f\xff\xff\xff", "A�"),
    (0x0C, b"", ""),
    (0x0C, b"a\x00b\x1b[0m", "a\x00b\x1b[0m"),  # control characters are kept
    (0x03, b"\x00\xab", "#030200ab"),  # x500UniqueIdentifier is a BIT STRING
    (0x02, b"\x05", "#020105"),
    (0x30, b"\x05\x00", "#30020500"),
]


@pytest.mark.parametrize(("tag", "content", "text"), STRINGS)
def test_attributes_are_text_by_their_string_type(tag: int, content: bytes, text: str) -> None:
    """X.680 section 41 and its ways of being wrong: nothing raises, nothing is a surrogate."""
    subject = name(attribute("2.5.4.3", tlv(tag, content)))
    found = parse_certificate(certificate(subject=subject)).subject

    assert found.der == subject
    assert (found.rdns[0][0].tag, found.rdns[0][0].value) == (tag, text)
    found.rdns[0][0].value.encode()


def test_names_keep_their_structure() -> None:
    """RFC 5280 section 4.1.2.4: order of RDNs, several attributes in one, and none."""
    one, two = (attribute("2.5.4.3", tlv(0x0C, text)) for text in (b"one", b"two"))
    subject = sequence(tlv(0x31, two, one), tlv(0x31), tlv(0x31, one))
    found = parse_certificate(certificate(subject=subject, issuer=sequence()))

    assert [[a.value for a in rdn] for rdn in found.subject.rdns] == [["two", "one"], [], ["one"]]
    assert (found.issuer.rdns, found.issuer.der) == ((), b"\x30\x00")


def test_high_tag_numbers_are_refused() -> None:
    """No string type has a tag of more than one octet."""
    der = certificate(subject=name(attribute("2.5.4.3", b"\x1f\x20\x01A")))

    assert refusal(der) == (ParseFault.TAG_NUMBER_TOO_HIGH, "subject")


IDENTIFIERS = [
    ("06012a", "1.2"),
    ("0603550403", "2.5.4.3"),
    ("06028837", "2.999"),  # X.660: arcs under 2 may be above 39
    ("060127", "0.39"),
    ("060128", "1.0"),
    ("060150", "2.0"),
    (oid("2.25." + str(2**128 - 1)).hex(), "2.25." + str(2**128 - 1)),
    (oid("1.3.6.1.4.1.4294967295.0").hex(), "1.3.6.1.4.1.4294967295.0"),
]


@pytest.mark.parametrize(("octets_of_it", "text"), IDENTIFIERS)
def test_object_identifiers_in_dots(octets_of_it: str, text: str) -> None:
    """X.690 section 8.19; arcs of 128 bits hold UUIDs (X.667)."""
    der = with_extension("2.5.29.37", sequence(bytes.fromhex(octets_of_it)))

    assert parse_certificate(der).extended_key_usage == (text,)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x86", b"\x2a" + b"\xff" * 19 + b"\x01"]
)
def test_object_identifiers_that_are_none(content: bytes) -> None:
    """X.690 section 8.19.2: no empty one, no padded arc, none unfinished; and a bound."""
    der = with_extension("2.5.29.37", sequence(tlv(0x06, content)))

    assert refusal(der) == (ParseFault.OBJECT_IDENTIFIER_INVALID, "extended_key_usage")


# -- keys and signatures -------------------------------------------------------------


def rsa_key(modulus: bytes, exponent: bytes = b"\x01\x00\x01", kind: str = "1") -> bytes:
    """SubjectPublicKeyInfo of RSA, RFC 8017 appendix A.1.1."""
    return sequence(
        sequence(oid(f"1.2.840.113549.1.1.{kind}"), tlv(0x05)),
        bit_string(sequence(tlv(0x02, modulus), tlv(0x02, exponent))),
    )


@pytest.mark.parametrize(
    ("modulus", "bits"),
    [
        (b"\x00\x80" + bytes(255), 2_048),
        (b"\x7f" + bytes(255), 2_047),
        (b"\x80" + bytes(127), 1_024),  # without its sign octet: read as OpenSSL reads it
        (b"\x00\x00\x01", 1),
        (b"\x00", 0),
    ],
)
def test_rsa_keys_have_the_bits_of_their_modulus(modulus: bytes, bits: int) -> None:
    """RFC 8017 section 3.1; RSASSA-PSS keys (RFC 4055 section 1.2) are RSA keys."""
    for kind in ("1", "10"):
        found = parse_certificate(certificate(public_key=rsa_key(modulus, kind=kind)))
        assert (found.key_type, found.key_bits, found.rsa_exponent_bits) == ("RSA", bits, 17)
        assert found.public_key_algorithm == f"1.2.840.113549.1.1.{kind}"


@pytest.mark.parametrize(
    ("key", "fault", "field"),
    [
        (rsa_key(b""), ParseFault.INTEGER_INVALID, "modulus"),
        (rsa_key(b"\x01", b""), ParseFault.INTEGER_INVALID, "public_exponent"),
        (
            sequence(sequence(oid("1.2.840.113549.1.1.1")), bit_string(b"")),
            ParseFault.TRUNCATED,
            "subject_public_key",
        ),
        (
            sequence(sequence(oid("1.2.840.113549.1.1.1")), bit_string(b"\x30\x00\x00", 1)),
            ParseFault.BIT_STRING_INVALID,
            "subject_public_key",
        ),
        (
            sequence(sequence(oid("1.2.840.10045.2.1")), bit_string(b"\x04")),
            ParseFault.TRUNCATED,
            "parameters",
        ),
        (
            sequence(sequence(oid("1.2.840.10045.2.1"), tlv(0x05)), bit_string(b"\x04")),
            ParseFault.TAG_UNEXPECTED,
            "parameters",
        ),
    ],
)
def test_malformed_keys_are_refused_by_field(key: bytes, fault: ParseFault, field: str) -> None:
    """A key that cannot be read is told when the certificate is."""
    assert refusal(certificate(public_key=key)) == (fault, field)


PRIME_FIELD = sequence(
    integer(1), sequence(oid("1.2.840.10045.1.1"), integer(2**255 + 1)), sequence(), b"\x04\x00"
)
BINARY_FIELD = sequence(
    integer(1),
    sequence(oid("1.2.840.10045.1.2"), sequence(integer(163), oid("1.2.840.10045.1.2.3.2"))),
)
KEYS = [
    (sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")), "EC", 384, "1.3.132.0.34"),
    (sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.35")), "EC", 521, "1.3.132.0.35"),
    (sequence(oid("1.2.840.10045.2.1"), oid("1.3.9.9")), "EC", 0, "1.3.9.9"),
    (sequence(oid("1.2.840.10045.2.1"), PRIME_FIELD), "EC", 256, "explicit"),
    (sequence(oid("1.2.840.10045.2.1"), BINARY_FIELD), "EC", 163, "explicit"),
    (sequence(oid("1.3.101.110")), "X25519", 0, ""),
    (sequence(oid("1.3.101.111")), "X448", 0, ""),
    (sequence(oid("1.3.101.112")), "Ed25519", 0, ""),
    (sequence(oid("1.3.101.113")), "Ed448", 0, ""),
    (sequence(oid("2.16.840.1.101.3.4.3.17")), "ML-DSA-44", 0, ""),
    (sequence(oid("2.16.840.1.101.3.4.3.18")), "ML-DSA-65", 0, ""),
    (sequence(oid("2.16.840.1.101.3.4.3.19")), "ML-DSA-87", 0, ""),
    (
        sequence(oid("1.2.840.10040.4.1"), sequence(integer(2**1023), integer(3), integer(2))),
        "DSA",
        1_024,
        "",
    ),
    (sequence(oid("1.2.840.10040.4.1")), "DSA", 0, ""),  # RFC 3279 section 2.3.2: inherited
    (sequence(oid("1.2.643.2.2.19"), b"\x05\x00"), "1.2.643.2.2.19", 0, ""),
]


@pytest.mark.parametrize(("algorithm", "kind", "bits", "curve"), KEYS)
def test_kinds_of_keys(algorithm: bytes, kind: str, bits: int, curve: str) -> None:
    """RFC 5480, RFC 8410, RFC 3279, RFC 9881; an unknown kind is named by its OID."""
    found = parse_certificate(certificate(public_key=sequence(algorithm, bit_string(b"\x04"))))

    assert (found.key_type, found.key_bits, found.curve) == (kind, bits, curve)
    assert found.public_key == b"\x04"


def test_parameters_of_the_signature_are_kept() -> None:
    """RSASSA-PSS says in them which hash it used (RFC 4055 section 3.1)."""
    parameters = sequence(tlv(0xA0, octets.ECDSA_SHA256))
    algorithm = sequence(oid("1.2.840.113549.1.1.10"), parameters)
    found = parse_certificate(certificate(signature_algorithm=algorithm))

    assert found.signature_algorithm == "1.2.840.113549.1.1.10"
    assert found.signature_parameters == parameters
    assert found.tbs_signature_algorithm == "1.2.840.10045.4.3.2"


def test_a_signature_of_odd_bits_can_never_verify() -> None:
    """OpenSSL reads such a certificate and lets its signature fail: so it is empty here."""
    found = parse_certificate(certificate(signature_value=bit_string(b"\x30\x00", unused=3)))

    assert found.signature == b""


@pytest.mark.parametrize("content", [b"", b"\x08\x00", b"\x01"])
def test_bit_strings_that_are_none(content: bytes) -> None:
    """X.690 section 8.6.2: a count of 0 to 7 unused bits, 0 when there are none to count."""
    der = certificate(signature_value=tlv(0x03, content))

    assert refusal(der) == (ParseFault.BIT_STRING_INVALID, "signature_value")


# -- extensions -----------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"\x01", b"\x80", b"\xff"])
def test_any_octet_but_zero_is_true(content: bytes) -> None:
    """X.690 section 8.2.2 (BER); section 11.1 (DER) wants 0xff, OpenSSL does not insist."""
    der = certificate(extensions=(sequence(oid("1.3.9"), tlv(0x01, content), octet_string(b"")),))

    assert parse_certificate(der).unknown_critical_extensions == ("1.3.9",)


def test_a_default_that_is_spelt_out_passes() -> None:
    """X.690 section 11.5 forbids it; certificates in use do it and clients take them."""
    der = certificate(
        extensions=(
            sequence(oid("2.5.29.19"), tlv(0x01, b"\x00"), octet_string(sequence(tlv(1, b"\x00")))),
        )
    )
    found = parse_certificate(der)

    assert not found.extensions[0].critical
    assert found.basic_constraints is not None and not found.basic_constraints.ca


@pytest.mark.parametrize("content", [b"", b"\xff\xff"])
def test_booleans_that_are_none(content: bytes) -> None:
    """X.690 section 8.2.1: one octet."""
    der = certificate(extensions=(sequence(oid("1.3.9"), tlv(0x01, content), octet_string(b"")),))

    assert refusal(der) == (ParseFault.BOOLEAN_INVALID, "critical")


@pytest.mark.parametrize("dotted", ["2.5.29.17", "1.3.6.1.4.1.99999.1"])
def test_an_extension_twice_is_a_fault_of_its_own(dotted: str) -> None:
    """RFC 5280 section 4.2: no more than one of an OID, known or not."""
    one = certificate_extension(dotted, octets.SUBJECT_ALT_NAME)
    other = certificate_extension("1.3.9", b"")

    assert refusal(certificate(extensions=(one, other, one))) == (
        ParseFault.DUPLICATE_CERTIFICATE_EXTENSION,
        "extn_id",
    )


def test_unknown_extensions_are_kept_as_they_are() -> None:
    """RFC 5280 section 4.2: their values need be no DER at all."""
    found = parse_certificate(with_extension("1.3.6.1.4.1.99999.7", b"\xff\x00"))

    assert [(e.oid, e.critical, e.value) for e in found.extensions] == [
        ("1.3.6.1.4.1.99999.7", False, b"\xff\x00")
    ]
    assert found.unknown_critical_extensions == ()


@pytest.mark.parametrize(
    ("bits", "usage"),
    [
        (bit_string(b"\x80", 7), 1 << 0),  # digitalSignature
        (bit_string(b"\x06", 1), 1 << 5 | 1 << 6),  # keyCertSign, cRLSign
        (bit_string(b"\x00\x80", 7), 1 << 8),  # decipherOnly
        (bit_string(b"\xff\x80", 7), 0x1FF),
        (bit_string(b"\xff", 7), 1 << 0),  # what counts as unused is not set
        (bit_string(b"\x80\x00", 0), 1 << 0),  # zeros at the end
        (bit_string(b""), 0),
        (bit_string(b"\x01" + b"\xff" * 40), 0xFF80),  # bits from 16 on are dropped
    ],
)
def test_key_usage_counts_bits_from_the_first(bits: bytes, usage: int) -> None:
    """RFC 5280 section 4.2.1.3: bit n of the RFC is 1 << n."""
    assert parse_certificate(with_extension("2.5.29.15", bits)).key_usage == usage


@pytest.mark.parametrize(
    ("value", "ca", "length"),
    [
        (sequence(tlv(1, b"\xff")), True, None),
        (sequence(tlv(1, b"\xff"), integer(0)), True, 0),
        (sequence(tlv(1, b"\xff"), integer(2**31 - 1)), True, 2**31 - 1),
        (sequence(integer(4)), False, 4),  # OpenSSL reads it so
    ],
)
def test_basic_constraints(value: bytes, ca: bool, length: int | None) -> None:
    """RFC 5280 section 4.2.1.9."""
    found = parse_certificate(with_extension("2.5.29.19", value)).basic_constraints

    assert found is not None
    assert (bool(found.ca), found.path_len_constraint) == (ca, length)


def test_general_names_of_every_kind() -> None:
    """RFC 5280 section 4.2.1.6: kind, octets, and text that never raises."""
    directory = common_name("dir")
    other = oid("1.3.9") + tlv(0xA0, b"\x05\x00")
    written = [
        (0, tlv(0xA0, other), other, other.hex()),
        (1, tlv(0x81, b"a@b.test"), b"a@b.test", "a@b.test"),
        (2, tlv(0x82, b"\xff.test"), b"\xff.test", "�.test"),
        (3, tlv(0xA3, b"\x30\x00"), b"\x30\x00", "3000"),
        (4, tlv(0xA4, directory), directory, directory.hex()),
        (5, tlv(0xA5, b"\x00"), b"\x00", "00"),
        (6, tlv(0x86, b"http://u.test/"), b"http://u.test/", "http://u.test/"),
        (7, tlv(0x87, bytes(15) + b"\x01"), bytes(15) + b"\x01", "::1"),
        (7, tlv(0x87, b"\x7f\x00\x00\x01\x00"), b"\x7f\x00\x00\x01\x00", "7f00000100"),
        (8, tlv(0x88, b"\x2a\x03"), b"\x2a\x03", "2a03"),
    ]
    der = with_extension("2.5.29.17", sequence(*(element for _, element, _, _ in written)))
    found = parse_certificate(der).subject_alt_name

    assert found is not None
    assert [(n.kind, n.value, n.text) for n in found] == [(k, v, t) for k, _, v, t in written]


def test_an_empty_subject_alt_name_is_not_an_absent_one() -> None:
    """RFC 5280 section 4.2.1.6 wants one name; whether none is an error is judged above."""
    assert parse_certificate(with_extension("2.5.29.17", sequence())).subject_alt_name == ()


def test_authority_key_identifier_with_all_parts() -> None:
    """RFC 5280 section 4.2.1.1."""
    issuer = tlv(0xA4, common_name("CA"))
    value = sequence(tlv(0x80, b"id"), tlv(0xA1, issuer), tlv(0x82, b"\x00\xff"))
    found = parse_certificate(with_extension("2.5.29.35", value)).authority_key_identifier

    assert found is not None
    assert found.key_identifier == b"id"
    assert [n.kind for n in found.authority_cert_issuer] == [4]
    assert found.authority_cert_serial_number == 255


def test_crl_points_in_every_form_give_their_uris() -> None:
    """RFC 5280 section 4.2.1.13: full names, relative names, reasons, CRL issuers."""
    directory = tlv(0xA4, common_name("CRL issuer"))
    uri = tlv(0x86, b"http://one.test")
    relative = tlv(0xA1, attribute("2.5.4.3", tlv(0x0C, b"x")))
    value = sequence(
        sequence(tlv(0xA0, tlv(0xA0, uri, directory)), tlv(0x81, b"\x01\x02")),
        sequence(tlv(0xA0, relative), tlv(0xA2, directory)),
        sequence(tlv(0xA2, directory)),
        sequence(tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://two.test")))),
    )
    found = parse_certificate(with_extension("2.5.29.31", value))

    assert found.crl_urls == ("http://one.test", "http://two.test")


def test_policies_with_qualifiers_give_their_identifiers() -> None:
    """RFC 5280 section 4.2.1.4."""
    qualifier = sequence(sequence(oid("1.3.6.1.5.5.7.2.1"), tlv(0x16, b"http://cps.test")))
    value = sequence(sequence(oid("2.5.29.32.0"), qualifier), sequence(oid("2.23.140.1.2.2")))
    found = parse_certificate(with_extension("2.5.29.32", value))

    assert found.certificate_policies == ("2.5.29.32.0", "2.23.140.1.2.2")


def test_a_minimum_of_zero_may_be_spelt_out() -> None:
    """RFC 5280 section 4.2.1.10: minimum is always 0, its DEFAULT."""
    subtree = sequence(tlv(0x82, b"a.test"), tlv(0x80, b"\x00"))
    value = sequence(tlv(0xA0, subtree))
    found = parse_certificate(with_extension("2.5.29.30", value)).name_constraints

    assert found is not None
    assert ([n.text for n in found.permitted_subtrees], found.excluded_subtrees) == (["a.test"], ())


KNOWN = {
    "2.5.29.14": "subject_key_identifier",
    "2.5.29.15": "key_usage",
    "2.5.29.17": "subject_alt_name",
    "2.5.29.19": "basic_constraints",
    "2.5.29.30": "name_constraints",
    "2.5.29.31": "crl_distribution_points",
    "2.5.29.32": "certificate_policies",
    "2.5.29.35": "authority_key_identifier",
    "2.5.29.37": "extended_key_usage",
    "1.3.6.1.5.5.7.1.1": "authority_info_access",
    "1.3.6.1.5.5.7.1.24": "tls_feature",
}


@pytest.mark.parametrize(("dotted", "field"), KNOWN.items())
@pytest.mark.parametrize("value", [b"", b"\x05\x00", b"\x30", b"\x30\x02\x05\x00"])
def test_a_malformed_extension_is_told_by_its_name(dotted: str, field: str, value: bytes) -> None:
    """What we read of a certificate is never half read."""
    fault, told = refusal(with_extension(dotted, value))

    assert told == field
    assert fault in {
        ParseFault.TRUNCATED,
        ParseFault.TAG_UNEXPECTED,
        ParseFault.TRAILING_DATA,
    }


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x05\x00",
        b"\x04\x00",
        b"\x30\x00",
        octet_string(vector(2)),
        octet_string(vector(2, vector(2))),
        octet_string(vector(2, b"\x00\x09s")),
        octet_string(vector(2, vector(2, b"s")) + b"\x00"),
        octet_string(vector(2, vector(2, b"s"))) + b"\x00",
    ],
)
def test_a_malformed_timestamp_list_is_a_certificate_without_timestamps(value: bytes) -> None:
    """Clients ignore such a list (RFC 6962 section 3.3 asks nothing of those without CT)."""
    found = parse_certificate(with_extension("1.3.6.1.4.1.11129.2.4.2", value))

    assert found.signed_certificate_timestamps == 0
    assert [one.value for one in found.extensions if one.oid.endswith(".2.4.2")] == [value]


OUT_OF_RANGE = [
    ("2.5.29.19", sequence(integer(-1)), ParseFault.INTEGER_OUT_OF_RANGE),
    ("2.5.29.19", sequence(integer(2**31)), ParseFault.INTEGER_OUT_OF_RANGE),
    ("2.5.29.19", sequence(integer(2**200)), ParseFault.INTEGER_OUT_OF_RANGE),
    ("2.5.29.19", sequence(tlv(0x02)), ParseFault.INTEGER_INVALID),
    ("2.5.29.35", sequence(tlv(0x82)), ParseFault.INTEGER_INVALID),
    ("1.3.6.1.5.5.7.1.24", sequence(integer(0x1_0000)), ParseFault.INTEGER_OUT_OF_RANGE),
    (
        "2.5.29.30",
        sequence(tlv(0xA0, sequence(tlv(0x82, b"a"), tlv(0x80, b"\x01")))),
        ParseFault.INTEGER_OUT_OF_RANGE,
    ),
    (
        "2.5.29.30",
        sequence(tlv(0xA0, sequence(tlv(0x82, b"a"), tlv(0x81, b"\x01")))),
        ParseFault.TRAILING_DATA,
    ),
    ("2.5.29.17", sequence(tlv(0x89, b"")), ParseFault.TAG_UNEXPECTED),
    ("2.5.29.17", sequence(tlv(0xA2, b"")), ParseFault.TAG_UNEXPECTED),
    ("2.5.29.17", sequence(tlv(0x84, b"")), ParseFault.TAG_UNEXPECTED),
    ("2.5.29.17", sequence(tlv(0xA0, oid("1.3.9"))), ParseFault.TRUNCATED),
    ("2.5.29.17", sequence(tlv(0xA4, b"\x31\x00")), ParseFault.TAG_UNEXPECTED),
    ("2.5.29.17", sequence(tlv(0x88, b"\x80")), ParseFault.OBJECT_IDENTIFIER_INVALID),
    ("2.5.29.15", tlv(0x03, b"\x08\x00"), ParseFault.BIT_STRING_INVALID),
    ("2.5.29.31", sequence(sequence(tlv(0xA0, tlv(0xA2)))), ParseFault.TAG_UNEXPECTED),
]


@pytest.mark.parametrize(("dotted", "value", "fault"), OUT_OF_RANGE)
def test_values_that_an_extension_cannot_have(dotted: str, value: bytes, fault: ParseFault) -> None:
    """The rules inside the extensions, each broken once."""
    assert refusal(with_extension(dotted, value)) == (fault, KNOWN[dotted])


def test_unique_identifiers_are_passed_over() -> None:
    """RFC 5280 section 4.1.2.8: they may be there and mean nothing."""
    identifiers = tlv(0x81, b"\x00\x01") + tlv(0x82, b"\x00\x02")

    assert parse_certificate(certificate(unique_ids=identifiers)).key_usage == 1


@pytest.mark.parametrize(
    "length",
    ["84ffffffff", "85ffffffffff", "88ffffffffffffffff", "8901" + "00" * 8, "ff" + "ff" * 127],
)
def test_lengths_larger_than_memory_are_truncations(length: str) -> None:
    """X.690 section 8.1.3.5: up to 126 octets of length; no sum of theirs overflows."""
    der = b"\x30" + bytes.fromhex(length) + bytes(16)

    assert refusal(der) == (ParseFault.TRUNCATED, "certificate")

"""The parser against `cryptography` on every certificate that comes with its vectors.

What the two say differently is listed here, each with the reason. A disagreement that is
not listed fails, and so does a listed one that is gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import certifi
import cryptography_vectors
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetscan._parse import Certificate, ParseFault, parse_certificate
from fleetscan.errors import ParseError
from tests.certificate_oracle import certificates_in, differences, load
from tests.octets import certificate

VECTORS: Final = Path(cryptography_vectors.__file__).parent / "x509"
FILES: Final = sorted(
    str(path.relative_to(VECTORS))
    for path in VECTORS.rglob("*")
    if path.suffix in {".pem", ".der", ".crt"}
)

ACCEPTED_HERE_ALONE: Final = {
    "PKITS_data/certs/DSAParametersInheritedCACert.crt": (
        "RFC 3279 section 2.3.2 lets DSA parameters be inherited and so be absent"
    ),
    "PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt": "as above",
    "custom/dsa_null_alg_params.pem": (
        "RFC 3279 section 2.2.2 wants no parameters; OpenSSL takes the NULL"
    ),
    "custom/ecdsa_null_alg.pem": "RFC 3279 section 2.2.3 likewise; OpenSSL takes the NULL",
    "ed25519/ed25519-rfc8410.pem": (
        "RFC 8410's own example spells out critical FALSE, which DER forbids; clients take it"
    ),
}
"""`cryptography` refuses to load these, the parser reads them."""

REFUSED_HERE_ALONE: Final = {
    "custom/long-form-name-attribute.pem": (
        (ParseFault.TAG_NUMBER_TOO_HIGH, "issuer"),
        "no string type has such a tag; cryptography reads names only when asked, then refuses",
    ),
    "custom/malformed-san.pem": (
        (ParseFault.TAG_UNEXPECTED, "subject_alt_name"),
        "cryptography reads extensions only when asked, and then refuses as well",
    ),
    "custom/two_basic_constraints.pem": (
        (ParseFault.DUPLICATE_CERTIFICATE_EXTENSION, "extn_id"),
        "cryptography reads extensions only when asked, and then refuses as well",
    ),
}
"""The parser refuses these, `cryptography` loads them."""

NOT_THEIRS = "an extension that the parser keeps as octets: cryptography's refusal is not ours"
SCT = "an SCT's own fields are not looked into here, only counted"
NAME = "names with octets of no use are read leniently, to be shown; cryptography refuses them"
KEY = "a key of a kind that cryptography does not load: named here by its OID"
ADDRESS = "whether an address makes sense in a constraint is for the path checker to say"
GENERAL_NAME = "cryptography has no class for this kind of general name"

DIFFERENT_FIELDS: Final = {
    "PKITS_data/certs/BadSignedCACert.crt": (
        {"signature"},
        "unused bits in the signature: empty here, so that it fails to verify as in OpenSSL",
    ),
    "PKITS_data/certs/InvalidDSASignatureTest6EE.crt": ({"signature"}, "as above"),
    "badssl-sct-anonymous-sig.der": ({"extensions"}, SCT),
    "badssl-sct-none-hash.der": ({"extensions"}, SCT),
    "custom/invalid-sct-length.der": ({"extensions"}, SCT),
    "custom/invalid-sct-version.der": ({"extensions"}, SCT),
    "custom/cp_invalid.pem": ({"extensions"}, "qualifiers of policies are not looked into"),
    "custom/cp_invalid2.der": ({"extensions"}, "qualifiers of policies are not looked into"),
    "custom/ec_no_named_curve.pem": (
        {"key"},
        "a curve spelt out is 'explicit' here: that it equals a named one is not asked",
    ),
    "custom/empty-eku.pem": ({"extensions"}, "an empty list is kept: OpenSSL reads it too"),
    "custom/inhibit_any_policy_negative.pem": ({"extensions"}, NOT_THEIRS),
    "custom/malformed-ian.pem": ({"extensions"}, NOT_THEIRS),
    "custom/invalid_utf8_common_name.pem": (
        {"issuer", "subject", "issuer.der", "subject.der"},
        NAME,
    ),
    "custom/name_attribute_unsupported_tag.pem": (
        {"issuer", "subject", "issuer.der", "subject.der"},
        NAME,
    ),
    "custom/nc_invalid_ip4_netmask.der": ({"extensions"}, ADDRESS),
    "custom/nc_invalid_ip_netmask.pem": ({"extensions"}, ADDRESS),
    "custom/nc_ip_invalid_length.pem": ({"extensions"}, ADDRESS),
    "custom/unsupported_subject_public_key_info.pem": ({"key", "public_key"}, KEY),
    "e-trust.ru.der": ({"key", "public_key"}, KEY),
    "san_edipartyname.der": ({"extensions"}, GENERAL_NAME),
    "san_x400address.der": ({"extensions"}, GENERAL_NAME),
    "wosign-bc-invalid.pem": (
        {"extensions"},
        "a path length without CA: kept, as OpenSSL does; whether it matters is judged above",
    ),
}
"""Both read these; the fields named are refused by `cryptography`, or differ."""


def ours(der: bytes) -> Certificate | ParseError:
    """What the parser says."""
    try:
        return parse_certificate(der)
    except ParseError as refused:
        assert 0 <= refused.offset <= len(der)
        return refused


@pytest.mark.parametrize("file", FILES)
def test_vectors_are_read_alike(file: str) -> None:
    """Every field that both can give is equal, or the file is listed with its reason."""
    for der in certificates_in(VECTORS / file):
        found = ours(der)
        try:
            expected = load(der)
        except ValueError:
            assert isinstance(found, ParseError) != (file in ACCEPTED_HERE_ALONE)
            continue
        assert file not in ACCEPTED_HERE_ALONE
        if isinstance(found, ParseError):
            told = (found.fault, found.field)
            assert told == REFUSED_HERE_ALONE[file][0], f"{found} here, read there"
            continue
        assert file not in REFUSED_HERE_ALONE
        different = differences(found, expected)
        listed = DIFFERENT_FIELDS.get(file, (set(), ""))[0]
        assert {line.partition(":")[0] for line in different} == listed, different


def test_listed_files_are_there() -> None:
    """A list that names a file of another release of the vectors proves nothing."""
    listed = {*ACCEPTED_HERE_ALONE, *REFUSED_HERE_ALONE, *DIFFERENT_FIELDS}

    assert listed <= set(FILES)
    assert sum(1 for file in FILES for _ in certificates_in(VECTORS / file)) > 500


def test_every_root_of_mozilla_is_read_alike() -> None:
    """certifi holds Mozilla's roots: no disagreement at all on certificates in use."""
    roots = list(certificates_in(Path(certifi.where())))
    different = [
        (found.sha256, differences(found, load(der)))
        for der in roots
        for found in [parse_certificate(der)]
    ]

    assert len(roots) > 100
    assert [one for one in different if one[1]] == []


SEEDS: Final = [
    certificate(),
    *(
        next(certificates_in(VECTORS / file))
        for file in (
            "letsencryptx3.pem",
            "cryptography-scts.pem",
            "custom/all_supported_names.pem",
            "custom/nc_permitted_excluded.pem",
            "custom/rsa_pss_cert.pem",
        )
    ),
]


@settings(max_examples=400)
@given(
    which=st.sampled_from(SEEDS),
    at=st.integers(0, 4_000),
    gone=st.integers(0, 3),
    come=st.binary(max_size=3),
)
def test_a_changed_certificate_is_read_alike_where_both_read_it(
    which: bytes, at: int, gone: int, come: bytes
) -> None:
    """A few octets changed: what both still read completely, both read the same."""
    at %= len(which)
    der = which[:at] + come + which[at + gone :]
    found = ours(der)
    try:
        expected = load(der)
    except ValueError:
        return
    if isinstance(found, ParseError):
        return
    contradicted = [
        line
        for line in differences(found, expected)
        if ": refused" not in line and not line.startswith(("issuer.der", "subject.der"))
    ]

    assert contradicted == []


@settings(max_examples=500)
@given(st.binary(max_size=512))
@example(b"")
@example(b"\x30\x80\x00\x00")
def test_any_octets_parse_or_raise_parse_error(der: bytes) -> None:
    """Peers send anything; only ParseError comes out, with an offset inside the buffer."""
    ours(der)

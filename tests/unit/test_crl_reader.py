"""The walk over a CRL: hand-written lists, and each rule of the layout broken once."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from fleetscan import _parse, limits
from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError
from fleetscan.pki._crl import CrlEntry, CrlReader
from tests import octets
from tests.octets import (
    certificate_extension,
    crl,
    crl_entry,
    crl_tbs,
    generalized_time,
    integer,
    oid,
    reason_code,
    sequence,
    tlv,
    utc_time,
)

SOUGHT = (b"\x07", b"\x12\x34")


def read(der: bytes, *sought: bytes) -> CrlReader:
    """Read a whole CRL in one piece."""
    reader = CrlReader(sought or SOUGHT)
    reader.feed(der)
    reader.finish()
    return reader


def refused(der: bytes, *sought: bytes) -> ParseError:
    """The refusal of a CRL."""
    with pytest.raises(ParseError) as caught:
        read(der, *sought)
    return caught.value


def test_a_crl_is_read_as_written() -> None:
    """Every field of a CertificateList whose octets are written out (RFC 5280 section 5.1)."""
    tbs = crl_tbs()
    der = crl(tbs)
    found = read(der)

    assert (found.version, found.signature) == (2, octets.ECDSA_SHA256)
    assert (found.signature_algorithm, found.signature_parameters) == ("1.2.840.10045.4.3.2", b"")
    assert found.issuer == octets.common_name("Example CA")
    # `date -u -d @...`: 2026-11-24 and 2026-12-24
    assert (found.this_update, found.next_update) == (1_795_478_400, 1_798_070_400)
    assert der[found.tbs_start : found.tbs_end] == tbs
    assert found.extensions == (
        ("2.5.29.35", False, sequence(tlv(0x80, b"\x02" * 20))),
        ("2.5.29.20", False, integer(0x0100)),
    )
    assert found.outer_signature_algorithm == octets.ECDSA_SHA256
    assert found.signature_value == b"\x30\x06\x02\x01\x01\x02\x01\x01"
    assert found.unknown_critical_entry_extension == ""


def test_only_what_is_sought_becomes_an_object() -> None:
    """Serial numbers are compared octet by octet; an indirect CRL's issuer stays in force."""
    found = read(crl())

    assert found.entry_count == 3
    assert [
        (one.user_certificate, one.reason_code, one.certificate_issuer) for one in found.entries
    ] == [
        (b"\x07", 1, None),
        (b"\x12\x34", -1, tlv(0xA4, octets.common_name("Other CA"))),
    ]
    assert {one.revocation_date for one in found.entries} == {1_795_478_400}


@pytest.mark.parametrize(
    "serial", [0, 1, 0x80, -1, 0x1200, 0x34, 0x3412, 0x011234, 1 << 159, 1 << 4_000]
)
def test_another_serial_number_is_not_the_one_sought(serial: int) -> None:
    """Nor one with the same last octets, nor a negative one; each is found when it is sought."""
    body = integer(serial)
    content = body[2 if body[1] < 0x80 else 2 + (body[1] & 0x7F) :]
    der = crl(crl_tbs(entries=(crl_entry(serial),)))

    assert read(der).entries == []
    assert [one.user_certificate for one in read(der, content).entries] == [content]


@pytest.mark.parametrize(
    ("changes", "version", "next_update", "entries"),
    [
        pytest.param({"version": b"", "extensions": None}, 1, True, 3, id="v1"),
        pytest.param({"next_update": b""}, 2, False, 3, id="no nextUpdate"),
        pytest.param({"entries": None}, 2, True, 0, id="no revokedCertificates"),
        pytest.param({"entries": ()}, 2, True, 0, id="empty revokedCertificates"),
        pytest.param({"extensions": None}, 2, True, 3, id="no extensions"),
        pytest.param({"extensions": ()}, 2, True, 3, id="empty extensions"),
        pytest.param({"version": b""}, 1, True, 3, id="v1 with extensions"),
        pytest.param(
            {"version": b"", "next_update": b"", "entries": None, "extensions": None},
            *(1, False, 0),
            id="nothing that may be left out",
        ),
    ],
)
def test_optional_fields_may_be_absent(
    changes: dict[str, Any], version: int, next_update: bool, entries: int
) -> None:
    """RFC 5280 section 5.1 marks them so; the two empty lists are what OpenSSL reads too."""
    found = read(crl(crl_tbs(**changes)))

    assert (found.version, found.next_update is not None) == (version, next_update)
    assert found.entry_count == entries


def test_critical_entry_extensions_that_are_not_known_are_told() -> None:
    """RFC 5280 section 5.3: they spoil the whole CRL, sought or not; the first is named."""
    unknown = certificate_extension("1.2.3.4", b"", critical=True)
    harmless = certificate_extension("1.2.3.5", b"")
    der = crl(crl_tbs(entries=(crl_entry(9, harmless), crl_entry(8, unknown))))

    assert read(der).unknown_critical_entry_extension == "1.2.3.4"
    assert read(crl(crl_tbs(entries=(crl_entry(9, harmless),)))).entry_count == 1


BROKEN: list[tuple[str, bytes, ParseFault, str]] = [
    ("no sequence", b"\x31\x00", ParseFault.TAG_UNEXPECTED, "certificate_list"),
    ("indefinite", b"\x30\x80\x00\x00", ParseFault.LENGTH_INDEFINITE, "certificate_list"),
    ("padded length", b"\x30\x81\x05", ParseFault.LENGTH_NOT_MINIMAL, "certificate_list"),
    ("2^31 octets", b"\x30\x84\x80\x00\x00\x00", ParseFault.TRUNCATED, "certificate_list"),
    ("2^40 octets", b"\x30\x86\x01" + bytes(5), ParseFault.TRUNCATED, "certificate_list"),
    ("empty", sequence(), ParseFault.TRUNCATED, "tbs_cert_list"),
    ("empty tbs", crl(sequence()), ParseFault.TRUNCATED, "version"),
    ("trailing", crl() + b"\x00", ParseFault.TRAILING_DATA, "certificate_list"),
    ("inner", crl(after_signature=b"\x05\x00"), ParseFault.TRAILING_DATA, "certificate_list"),
    (
        "a list longer than what is in it",
        tlv(0x30, crl()[4:], b"\x05\x00")[:-2],
        ParseFault.TRAILING_DATA,
        "certificate_list",
    ),
    (
        "tbs longer than the list",
        sequence(b"\x30\x83\x01\x00\x00" + crl_tbs()),
        ParseFault.TRUNCATED,
        "tbs_cert_list",
    ),
    (
        "no bit string",
        crl(signature_value=octets.octet_string(b"s")),
        ParseFault.TAG_UNEXPECTED,
        "signature_value",
    ),
    (
        "no algorithm",
        crl(signature_algorithm=integer(1)),
        ParseFault.TAG_UNEXPECTED,
        "signature_algorithm",
    ),
]

BROKEN_TBS: list[tuple[str, dict[str, Any], ParseFault, str]] = [
    ("v3", {"version": integer(2)}, ParseFault.CERTIFICATE_VERSION_UNKNOWN, "version"),
    ("v1 said", {"version": integer(0)}, ParseFault.CERTIFICATE_VERSION_UNKNOWN, "version"),
    ("no oid", {"signature": sequence()}, ParseFault.TRUNCATED, "signature"),
    ("no name", {"issuer": octets.oid("1.2.3")}, ParseFault.TAG_UNEXPECTED, "issuer"),
    ("no time", {"this_update": integer(1)}, ParseFault.TAG_UNEXPECTED, "this_update"),
    (
        "no such day",
        {"this_update": utc_time("261131000000Z")},
        ParseFault.TIME_INVALID,
        "this_update",
    ),
    (
        "an offset",
        {"next_update": generalized_time("202612240000+0100")},
        ParseFault.TIME_INVALID,
        "next_update",
    ),
    ("no entry", {"entries": (integer(1),)}, ParseFault.TAG_UNEXPECTED, "revoked_certificates"),
    ("empty entry", {"entries": (sequence(),)}, ParseFault.TRUNCATED, "user_certificate"),
    (
        "no date",
        {"entries": (sequence(integer(7)),)},
        ParseFault.TRUNCATED,
        "revocation_date",
    ),
    (
        "padded serial",
        {"entries": (sequence(tlv(0x02, b"\x00\x07"), utc_time("261124000000Z")),)},
        ParseFault.INTEGER_INVALID,
        "user_certificate",
    ),
    (
        "entry with more",
        {"entries": (sequence(integer(7), utc_time("261124000000Z"), sequence(), integer(1)),)},
        ParseFault.TRAILING_DATA,
        "crl_entry_extensions",
    ),
    (
        "entry longer than the list",
        {"entries": (b"\x30\x7f\x02\x01\x07",)},
        ParseFault.TRUNCATED,
        "revoked_certificates",
    ),
    (
        "indefinite entry",
        {"entries": (b"\x30\x80" + crl_entry(7)[2:] + b"\x00\x00",)},
        ParseFault.LENGTH_INDEFINITE,
        "revoked_certificates",
    ),
    (
        "no reason",
        {"entries": (crl_entry(7, certificate_extension("2.5.29.21", integer(1))),)},
        ParseFault.TAG_UNEXPECTED,
        "reason_code",
    ),
    (
        "two octets of reason",
        {"entries": (crl_entry(7, certificate_extension("2.5.29.21", tlv(0x0A, b"\x01\x01"))),)},
        ParseFault.LENGTH_OUT_OF_RANGE,
        "reason_code",
    ),
    (
        "reason with more",
        {
            "entries": (
                crl_entry(7, certificate_extension("2.5.29.21", tlv(0x0A, b"\x01") + integer(1))),
            )
        },
        ParseFault.TRAILING_DATA,
        "reason_code",
    ),
    (
        "no issuer",
        {"entries": (crl_entry(7, certificate_extension("2.5.29.29", integer(1), True)),)},
        ParseFault.TAG_UNEXPECTED,
        "certificate_issuer",
    ),
    (
        "no octet string",
        {"entries": (crl_entry(7, sequence(oid("1.2.3"), integer(1))),)},
        ParseFault.TAG_UNEXPECTED,
        "extn_value",
    ),
    (
        "something else for extensions",
        {"extensions": None, "after_extensions": tlv(0xA1, b"")},
        ParseFault.TAG_UNEXPECTED,
        "crl_extensions",
    ),
    (
        "behind the extensions",
        {"after_extensions": integer(1)},
        ParseFault.TRAILING_DATA,
        "tbs_cert_list",
    ),
    (
        "an extension twice",
        {"extensions": (octets.CRL_EXTENSIONS[0],) * 2},
        ParseFault.DUPLICATE_CERTIFICATE_EXTENSION,
        "extn_id",
    ),
    (
        "too many extensions",
        {
            "extensions": tuple(
                certificate_extension(f"1.2.{arc}", b"") for arc in range(limits.MAX_EXTENSIONS + 1)
            )
        },
        ParseFault.TOO_MANY_EXTENSIONS,
        "crl_extensions",
    ),
    (
        "a long entry",
        {"entries": (crl_entry(1 << (8 * limits.MAX_CRL_FIELD)),)},
        ParseFault.LENGTH_OUT_OF_RANGE,
        "revoked_certificates",
    ),
    (
        "a long name",
        {"issuer": octets.common_name("x" * limits.MAX_CRL_FIELD)},
        ParseFault.LENGTH_OUT_OF_RANGE,
        "issuer",
    ),
]


@pytest.mark.parametrize(
    ("der", "fault", "field"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_broken_frame_is_refused(der: bytes, fault: ParseFault, field: str) -> None:
    """Each rule of X.690 and RFC 5280 section 5.1 outside the signed part, broken once."""
    caught = refused(der)

    assert (caught.fault, caught.field) == (fault, field)


@pytest.mark.parametrize(
    ("changes", "fault", "field"),
    [row[1:] for row in BROKEN_TBS],
    ids=[row[0] for row in BROKEN_TBS],
)
def test_a_broken_list_is_refused(changes: dict[str, Any], fault: ParseFault, field: str) -> None:
    """Each rule inside the signed part, broken once: which, in which field."""
    caught = refused(crl(crl_tbs(**changes)))

    assert (caught.fault, caught.field) == (fault, field)


def test_the_bounds_are_the_last_that_pass() -> None:
    """An entry and a name of exactly `MAX_CRL_FIELD` octets are read."""
    room = limits.MAX_CRL_FIELD - 4 - 15  # the entry's own header, and its date
    serial = 1 << (8 * (room - 4) - 2)
    entry = crl_entry(serial)

    assert len(entry) == limits.MAX_CRL_FIELD
    assert read(crl(crl_tbs(entries=(entry,)))).entry_count == 1


def test_a_number_that_comes_without_end_is_refused() -> None:
    """What is kept of a hostile list is bounded, however often it has the number sought."""
    entries = (crl_entry(7),) * limits.MAX_CRL_MATCHES

    assert len(read(crl(crl_tbs(entries=entries)), b"\x07").entries) == limits.MAX_CRL_MATCHES
    caught = refused(crl(crl_tbs(entries=(*entries, crl_entry(7)))), b"\x07")
    assert (caught.fault, caught.field) == (ParseFault.LENGTH_OUT_OF_RANGE, "user_certificate")


def test_what_was_refused_stays_refused() -> None:
    """The same error again, whatever is fed after it."""
    reader = CrlReader(SOUGHT)
    with pytest.raises(ParseError) as first:
        reader.feed(b"\x31\x00")
    with pytest.raises(ParseError) as second:
        reader.feed(crl())
    with pytest.raises(ParseError) as third:
        reader.finish()

    assert first.value is second.value is third.value


def test_a_length_that_no_file_has_is_refused_at_once() -> None:
    """2^40 octets are not waited for, let alone held."""
    reader = CrlReader(SOUGHT)

    with pytest.raises(ParseError) as caught:
        reader.feed(bytes.fromhex("3086010000000000"))
    assert (caught.value.fault, caught.value.offset) == (ParseFault.TRUNCATED, 2)


def test_a_promise_reserves_no_memory() -> None:
    """A list that says it has 2^31 octets holds what came of it."""
    reader = CrlReader(SOUGHT)
    reader.feed(crl()[:2])
    tracemalloc.start()
    hostile = CrlReader(SOUGHT)
    hostile.feed(bytes.fromhex("30847fffffff 30847ffffff0 02"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 65_536


def test_readers_and_entries_are_made_properly() -> None:
    """An entry comes from the reader; a serial number has octets."""
    with pytest.raises(TypeError):
        CrlEntry()
    with pytest.raises(ValueError, match="serial"):
        CrlReader([b""])
    with pytest.raises(TypeError):
        CrlReader(["7"])  # type: ignore[list-item]


def test_a_name_alone_is_read_as_in_a_certificate() -> None:
    """`parse_name` is the certificate's own reader of names, and takes no more than a name."""
    der = octets.common_name("Example CA")
    whole = _parse.parse_certificate(octets.certificate(issuer=der))

    assert _parse.parse_name(der) == whole.issuer
    for cut in range(len(der)):
        with pytest.raises(ParseError):
            _parse.parse_name(der[:cut])
    with pytest.raises(ParseError) as caught:
        _parse.parse_name(der + b"\x00")
    assert caught.value.fault is ParseFault.TRAILING_DATA


def test_reason_codes_are_kept_as_sent() -> None:
    """Numbers without a name too: what they mean is not the reader's question."""
    for code in (0, 6, 7, 8, 10, 11, 255):
        found = read(crl(crl_tbs(entries=(crl_entry(7, reason_code(code)),))))
        assert [one.reason_code for one in found.entries] == [code]

"""The message parsers on structures written out by hand."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import pytest

from fleetscan import _parse
from fleetscan._parse import ParseFault
from fleetscan.errors import ParseError
from fleetscan.limits import MAX_EXTENSIONS
from tests import octets
from tests.octets import extension, u8, u16, u24, vector

EXAMPLES: Final[dict[str, bytes]] = {
    "server_hello": octets.SERVER_HELLO,
    "encrypted_extensions": octets.ENCRYPTED_EXTENSIONS,
    "certificate_tls12": octets.CERTIFICATE_TLS12,
    "certificate_tls13": octets.CERTIFICATE_TLS13,
    "certificate_request_tls12": octets.CERTIFICATE_REQUEST_TLS12,
    "certificate_request_tls13": octets.CERTIFICATE_REQUEST_TLS13,
    "certificate_verify": octets.CERTIFICATE_VERIFY,
    "certificate_status": octets.CERTIFICATE_STATUS,
    "server_key_exchange_ecdhe": octets.SERVER_KEY_EXCHANGE_ECDHE,
    "server_key_exchange_dhe": octets.SERVER_KEY_EXCHANGE_DHE,
    "new_session_ticket_tls13": octets.NEW_SESSION_TICKET_TLS13,
    "compressed_certificate": octets.COMPRESSED_CERTIFICATE,
    "server_hello_ssl2": octets.SERVER_HELLO_SSL2,
    "alert": octets.ALERT,
    "key_share_server_hello": octets.KEY_SHARE,
    "selected_group": octets.CODE_POINT,
    "selected_version": octets.CODE_POINT,
    "cookie": octets.COOKIE,
    "alpn": octets.ALPN,
}

WHOLE_PREFIXES: Final = {("server_hello", octets.WITHOUT_EXTENSIONS)}


def parser(entry: str) -> Callable[..., Any]:
    """The parser of a structure."""
    found: Callable[..., Any] = getattr(_parse, f"parse_{entry}")
    return found


def refusal(entry: str, body: bytes, **flags: bool) -> tuple[ParseFault, str, int]:
    """How the parser refuses the octets."""
    with pytest.raises(ParseError) as caught:
        parser(entry)(body, **flags)
    return ParseFault(caught.value.fault), caught.value.field, caught.value.offset


def test_a_compressed_certificate() -> None:
    """The fields of RFC 8879 section 4."""
    message = _parse.parse_compressed_certificate(octets.COMPRESSED_CERTIFICATE)

    assert (message.algorithm, message.uncompressed_length) == (2, 1_000)
    assert message.octets == b"\x1b\x03"


def test_the_server_hello_of_ssl2() -> None:
    """The fields of draft-hickman-netscape-ssl-00 section 5.2.1.1."""
    hello = _parse.parse_server_hello_ssl2(octets.SERVER_HELLO_SSL2)

    assert (hello.session_id_hit, hello.certificate_type, hello.server_version) == (0, 1, 2)
    assert hello.certificate == b"\x30\x01\x00"
    assert hello.cipher_specs == (0x010080, 0x0700C0)
    assert hello.connection_id == b"\x09\x08\x07\x06"


@pytest.mark.parametrize("count", [MAX_EXTENSIONS, MAX_EXTENSIONS + 1])
def test_extensions_are_bounded(count: int) -> None:
    """One more than `limits.MAX_EXTENSIONS` is refused, by that name."""
    block = vector(2, *(extension(kind) for kind in range(count)))
    if count <= MAX_EXTENSIONS:
        assert len(_parse.parse_encrypted_extensions(block).extensions) == count
        return
    fault, field, _ = refusal("encrypted_extensions", block)

    assert (fault, field) == (ParseFault.TOO_MANY_EXTENSIONS, "extensions")


def test_every_parser_has_an_example() -> None:
    """No parser of messages is left out of the tests of this module."""
    parsers = {name.removeprefix("parse_") for name in dir(_parse) if name.startswith("parse_")}

    # Certificates and names are no messages: they have tests of their own.
    assert parsers - {"certificate", "name"} == set(EXAMPLES)


@pytest.mark.parametrize(
    ("entry", "cut"),
    [
        (entry, cut)
        for entry, body in EXAMPLES.items()
        for cut in range(len(body))
        if (entry, cut) not in WHOLE_PREFIXES
    ],
)
def test_every_strict_prefix_is_truncated(entry: str, cut: int) -> None:
    """No cut of a whole structure is taken for a shorter one."""
    fault, field, offset = refusal(entry, EXAMPLES[entry][:cut])

    assert fault == ParseFault.TRUNCATED
    assert field
    assert offset <= cut


@pytest.mark.parametrize("entry", EXAMPLES)
def test_one_octet_too_many_is_refused_where_it_stands(entry: str) -> None:
    """What follows a whole structure is never skipped."""
    fault, _, offset = refusal(entry, EXAMPLES[entry] + b"\x00")

    assert (fault, offset) == (ParseFault.TRAILING_DATA, len(EXAMPLES[entry]))


@pytest.mark.parametrize("entry", EXAMPLES)
@pytest.mark.parametrize("wrong", [None, "text", bytearray(b"x"), memoryview(b"x")])
def test_only_bytes_are_taken(entry: str, wrong: object) -> None:
    """An argument of another type is our own bug: a TypeError, not a ParseError."""
    with pytest.raises(TypeError):
        parser(entry)(wrong)


# -- what is read ------------------------------------------------------------------


def test_server_hello_is_read_as_written() -> None:
    """RFC 8446 section 4.1.3, field by field."""
    hello = _parse.parse_server_hello(octets.SERVER_HELLO)

    assert hello.legacy_version == 0x0303
    assert hello.random == octets.RANDOM
    assert hello.legacy_session_id_echo == b"\xee" * 32
    assert hello.cipher_suite == 0x1301
    assert hello.legacy_compression_method == 0
    assert hello.extensions == ((43, b"\x03\x04"), (51, octets.KEY_SHARE))
    assert hello.extension(51) == octets.KEY_SHARE
    assert hello.extension(16) is None
    assert not hello.is_hello_retry_request


def test_extensions_of_a_server_hello_may_be_absent() -> None:
    """RFC 5246 section 7.4.1.3: a server without extensions leaves the field out."""
    hello = _parse.parse_server_hello(octets.SERVER_HELLO[: octets.WITHOUT_EXTENSIONS])

    assert hello.extensions == ()


def test_hello_retry_request_is_told_by_its_random() -> None:
    """RFC 8446 section 4.1.3: the random is the SHA-256 of "HelloRetryRequest"."""
    retry = (
        u16(0x0303)
        + sha256(b"HelloRetryRequest").digest()
        + vector(1)
        + u16(0x1301)
        + u8(0)
        + vector(2, extension(51, u16(23)))
    )

    assert _parse.parse_server_hello(retry).is_hello_retry_request


def test_certificate_entries_keep_their_extensions() -> None:
    """RFC 8446 section 4.4.2: context, entries in order, extensions of each."""
    message = _parse.parse_certificate_tls13(octets.CERTIFICATE_TLS13)
    first, second = message.certificate_list

    assert message.certificate_request_context == b"\xc0\xff\xee"
    assert first.cert_data == b"\x30\x03\x02\x01\x01"
    assert first.extensions == ((5, b"\x01\x00\x00\x04ocsp"), (18, b""))
    assert first.extension(18) == b""
    assert _parse.parse_certificate_status(first.extensions[0][1]) == b"ocsp"
    assert (second.cert_data, second.extensions) == (b"\x30\x00", ())


def test_an_empty_certificate_list_is_whole() -> None:
    """RFC 8446 section 4.4.2 sets the floor of certificate_list to 0; who sent it is not asked."""
    assert _parse.parse_certificate_tls13(vector(1) + vector(3)).certificate_list == ()
    assert _parse.parse_certificate_tls12(vector(3)).certificate_list == ()


def test_certificate_request_of_tls13_decodes_what_says_which_certificate_would_do() -> None:
    """RFC 8446 sections 4.2.3 and 4.2.4 inside section 4.3.2."""
    message = _parse.parse_certificate_request_tls13(octets.CERTIFICATE_REQUEST_TLS13)

    assert message.signature_schemes == (0x0403, 0x0804)
    assert message.certificate_authorities == (b"\x30\x00",)
    assert [extension_type for extension_type, _ in message.extensions] == [13, 47, 5]


def test_certificate_request_before_tls12_has_no_schemes() -> None:
    """RFC 4346 section 7.4.4 knows no supported_signature_algorithms."""
    body = vector(1, b"\x01") + vector(2, vector(2, b"\x30\x00"))
    message = _parse.parse_certificate_request_tls12(body, has_signature_schemes=False)

    assert (message.certificate_types, message.signature_schemes) == (b"\x01", ())
    assert message.certificate_authorities == (b"\x30\x00",)


def test_the_signed_part_of_a_key_exchange_ends_before_the_algorithm() -> None:
    """RFC 8422 section 5.4 and RFC 5246 section 7.4.3: the signature covers the params."""
    curve = _parse.parse_server_key_exchange_ecdhe(octets.SERVER_KEY_EXCHANGE_ECDHE)
    field = _parse.parse_server_key_exchange_dhe(octets.SERVER_KEY_EXCHANGE_DHE)
    tail = u16(0x0403) + vector(2, b"signature")

    assert curve.params + tail == octets.SERVER_KEY_EXCHANGE_ECDHE
    assert (curve.named_curve, curve.signature_algorithm) == (23, 0x0403)
    assert curve.public == b"\x04" + b"\x07" * 64
    assert field.params == octets.SERVER_KEY_EXCHANGE_DHE[: -len(tail)]
    assert (field.dh_p, field.dh_g, field.dh_Ys) == (b"\xff" * 16, b"\x02", b"\x7f" * 16)
    assert (curve.signature, field.signature) == (b"signature", b"signature")


@pytest.mark.parametrize("entry", ["server_key_exchange_ecdhe", "server_key_exchange_dhe"])
def test_key_exchanges_without_algorithm_or_signature(entry: str) -> None:
    """RFC 4346 section 7.4.3 has no algorithm; anonymous suites have no signature."""
    params = EXAMPLES[entry][: -len(u16(0x0403) + vector(2, b"signature"))]
    old = parser(entry)(params + vector(2, b"signature"), has_algorithm=False)
    anonymous = parser(entry)(params, has_signature=False)

    assert (old.params, old.signature_algorithm, old.signature) == (params, 0, b"signature")
    assert (anonymous.params, anonymous.signature) == (params, b"")


def test_new_session_ticket_is_read_as_written() -> None:
    """RFC 8446 section 4.6.1."""
    ticket = _parse.parse_new_session_ticket_tls13(octets.NEW_SESSION_TICKET_TLS13)

    assert (ticket.ticket_lifetime, ticket.ticket_age_add) == (86_400, 0xDEADBEEF)
    assert (ticket.ticket_nonce, ticket.ticket) == (b"\x00\x00", b"ticket")
    assert ticket.extensions == ((42, b"\x00\x00\x40\x00"),)


def test_values_of_extensions() -> None:
    """RFC 8446 sections 4.2.1, 4.2.2, 4.2.8; RFC 7301 section 3.1; RFC 8446 section 6."""
    assert _parse.parse_key_share_server_hello(octets.KEY_SHARE) == (29, b"\x11" * 32)
    assert _parse.parse_selected_group(u16(23)) == 23
    assert _parse.parse_selected_version(u16(0x0304)) == 0x0304
    assert _parse.parse_cookie(octets.COOKIE) == b"biscuit"
    assert _parse.parse_alpn(octets.ALPN) == (b"h2", b"http/1.1")
    alert = _parse.parse_alert(octets.ALERT)
    assert (alert.level, alert.description) == (2, 40)
    verify = _parse.parse_certificate_verify(octets.CERTIFICATE_VERIFY)
    assert (verify.algorithm, len(verify.signature)) == (0x0403, 8)


# -- floors and ceilings, at every level ---------------------------------------------

HELLO_START: Final = octets.SERVER_HELLO[: octets.WITHOUT_EXTENSIONS]
PARAMS: Final = u8(3) + u16(23)

OUT_OF_RANGE: Final = [
    ("server_hello", u16(0x0303) + bytes(32) + vector(1, bytes(33)), "legacy_session_id_echo", 34),
    ("certificate_tls12", vector(3, vector(3)), "cert_data", 3),
    ("certificate_tls13", vector(1) + vector(3, vector(3), vector(2)), "cert_data", 4),
    ("certificate_request_tls12", vector(1), "certificate_types", 0),
    (
        "certificate_request_tls12",
        vector(1, b"\x01") + vector(2) + vector(2),
        "supported_signature_algorithms",
        2,
    ),
    (
        "certificate_request_tls12",
        vector(1, b"\x01") + vector(2, u16(0x0403)) + vector(2, vector(2)),
        "certificate_authorities",
        8,
    ),
    ("certificate_request_tls13", vector(1) + vector(2), "extensions", 1),
    (
        "certificate_request_tls13",
        vector(1) + vector(2, extension(13, vector(2))),
        "signature_algorithms",
        7,
    ),
    (
        "certificate_request_tls13",
        vector(1) + vector(2, extension(47, vector(2))),
        "certificate_authorities",
        7,
    ),
    (
        "certificate_request_tls13",
        vector(1) + vector(2, extension(47, vector(2, vector(2), b"\x30"))),
        "certificate_authorities",
        9,
    ),
    ("certificate_status", u8(1) + vector(3), "response", 1),
    (
        "compressed_certificate",
        u16(1) + u24(9) + vector(3),
        "compressed_certificate_message",
        5,
    ),
    ("server_key_exchange_ecdhe", PARAMS + vector(1), "public", 3),
    ("server_key_exchange_dhe", vector(2), "dh_p", 0),
    ("server_key_exchange_dhe", vector(2, b"p") + vector(2), "dh_g", 3),
    ("server_key_exchange_dhe", vector(2, b"p") + vector(2, b"g") + vector(2), "dh_Ys", 6),
    ("new_session_ticket_tls13", bytes(8) + vector(1) + vector(2), "ticket", 9),
    (
        "new_session_ticket_tls13",
        bytes(8) + vector(1) + vector(2, b"t") + vector(2, bytes(0xFFFF)),
        "extensions",
        12,
    ),
    ("key_share_server_hello", u16(29) + vector(2), "key_exchange", 2),
    ("cookie", vector(2), "cookie", 0),
    ("alpn", vector(2), "protocol_name_list", 0),
    ("alpn", vector(2, b"\x00"), "protocol_name_list", 0),
    ("alpn", vector(2, vector(1, b"h2"), vector(1)), "protocol_name", 5),
]


@pytest.mark.parametrize(("entry", "body", "field", "offset"), OUT_OF_RANGE)
def test_lengths_outside_floor_and_ceiling(
    entry: str, body: bytes, field: str, offset: int
) -> None:
    """Every floor and ceiling of the layouts that can be broken; told at its length."""
    assert refusal(entry, body) == (ParseFault.LENGTH_OUT_OF_RANGE, field, offset)


@pytest.mark.parametrize(
    ("entry", "body"),
    [
        ("server_hello", HELLO_START + vector(2)),
        ("encrypted_extensions", vector(2)),
        ("certificate_tls13", vector(1, bytes(255)) + vector(3, vector(3, b"\x30"), vector(2))),
        ("certificate_request_tls12", vector(1, bytes(255)) + vector(2, u16(1)) + vector(2)),
        ("certificate_verify", u16(0x0403) + vector(2)),
        ("certificate_verify", u16(0x0403) + vector(2, bytes(0xFFFF))),
        ("certificate_status", u8(1) + vector(3, b"\x30")),
        ("server_key_exchange_ecdhe", PARAMS + vector(1, bytes(255)) + u16(0x0403) + vector(2)),
        (
            "new_session_ticket_tls13",
            bytes(8) + vector(1, bytes(255)) + vector(2, b"t") + vector(2),
        ),
        ("key_share_server_hello", u16(29) + vector(2, bytes(0xFFFF))),
        ("cookie", vector(2, bytes(0xFFFF))),
        ("alpn", vector(2, vector(1, b"h"))),
    ],
)
def test_lengths_at_floor_and_ceiling_are_accepted(entry: str, body: bytes) -> None:
    """The ranges of the layouts include both of their ends."""
    assert parser(entry)(body) is not None


REST: Final = bytes(64)
"""Octets behind a vector, enough to fill up any field that is cut short inside it."""

INNER_TRUNCATED: Final = [
    ("server_hello", HELLO_START + vector(2, b"\x00\x2b\x00\x03\x03\x04") + REST, "extension_data"),
    ("server_hello", HELLO_START + vector(2, extension(43), b"\x00") + REST, "extension_type"),
    ("certificate_tls12", vector(3, u24(2), b"\x30") + REST, "cert_data"),
    ("certificate_tls13", vector(1) + vector(3, vector(3, b"\x30"), b"\x00") + REST, "extensions"),
    (
        "certificate_request_tls12",
        vector(1, b"\x01") + vector(2, b"\x04\x03\x08") + vector(2) + REST,
        "supported_signature_algorithms",
    ),
    (
        "certificate_request_tls12",
        vector(1, b"\x01") + vector(2, u16(0x0403)) + vector(2, u16(9), b"\x30") + REST,
        "certificate_authorities",
    ),
    (
        "certificate_request_tls13",
        vector(1) + vector(2, extension(13, u16(4) + u16(0x0403)), extension(5, bytes(64))),
        "signature_algorithms",
    ),
    ("alpn", vector(2, b"\x03h2") + REST, "protocol_name"),
]


@pytest.mark.parametrize(("entry", "body", "field"), INNER_TRUNCATED)
def test_an_inner_length_may_not_reach_over_its_vector(entry: str, body: bytes, field: str) -> None:
    """Octets behind a vector never fill up a field inside it."""
    fault, found, _ = refusal(entry, body)

    assert (fault, found) == (ParseFault.TRUNCATED, field)


@pytest.mark.parametrize("extension_type", [13, 47])
def test_octets_behind_a_decoded_extension_are_refused(extension_type: int) -> None:
    """The data of an extension holds its structure and nothing else."""
    data = vector(2, vector(2, b"\x30\x00")) + b"\x00"
    body = vector(1) + vector(2, extension(extension_type, data))

    fault, _, offset = refusal("certificate_request_tls13", body)

    assert (fault, offset) == (ParseFault.TRAILING_DATA, len(body) - 1)


@pytest.mark.parametrize("extension_type", [0, 63, 64, 0xFFFF])
@pytest.mark.parametrize(
    ("entry", "before", "after"),
    [
        ("server_hello", HELLO_START, b""),
        ("encrypted_extensions", b"", b""),
        ("certificate_request_tls13", vector(1), b""),
        ("new_session_ticket_tls13", bytes(8) + vector(1) + vector(2, b"t"), b""),
    ],
)
def test_an_extension_sent_twice_is_a_fault_of_its_own(
    entry: str, before: bytes, after: bytes, extension_type: int
) -> None:
    """RFC 8446 section 4.2: no more than one of a type; told at the second."""
    block = extension(extension_type, b"a") + extension(21) + extension(extension_type, b"a")
    fault, field, offset = refusal(entry, before + vector(2, block) + after)

    assert (fault, field) == (ParseFault.DUPLICATE_EXTENSION, "extension_type")
    assert offset == len(before) + 2 + 5 + 4


def test_the_same_extension_in_two_entries_is_no_duplicate() -> None:
    """RFC 8446 section 4.2 counts by block: every certificate may have a staple."""
    entry = vector(3, b"\x30") + vector(2, extension(5, b"a"))

    assert (
        len(_parse.parse_certificate_tls13(vector(1) + vector(3, entry * 2)).certificate_list) == 2
    )


def test_curves_that_are_not_named_are_refused() -> None:
    """RFC 8422 section 5.4: only named_curve(3) has a layout."""
    body = b"\x01" + octets.SERVER_KEY_EXCHANGE_ECDHE[1:]

    assert refusal("server_key_exchange_ecdhe", body) == (
        ParseFault.CURVE_TYPE_UNSUPPORTED,
        "curve_type",
        0,
    )


def test_statuses_other_than_ocsp_are_refused() -> None:
    """RFC 6066 section 8: the layout belongs to status_type ocsp(1)."""
    assert refusal("certificate_status", b"\x02" + octets.CERTIFICATE_STATUS[1:]) == (
        ParseFault.STATUS_TYPE_UNSUPPORTED,
        "status_type",
        0,
    )


# -- the objects -----------------------------------------------------------------------


def test_what_was_parsed_cannot_be_changed_or_made_by_hand() -> None:
    """Facts are frozen; an object of the parser always comes from octets."""
    hello = _parse.parse_server_hello(octets.SERVER_HELLO)

    with pytest.raises(AttributeError):
        hello.cipher_suite = 0  # type: ignore[misc]
    with pytest.raises(TypeError, match="by the parser only"):
        _parse.ServerHello()


def test_equal_octets_are_equal_objects() -> None:
    """Events are compared in tests: equality is that of the octets, and of the type."""
    first = _parse.parse_server_hello(octets.SERVER_HELLO)
    again = _parse.parse_server_hello(bytes(bytearray(octets.SERVER_HELLO)))
    other = _parse.parse_server_hello(octets.SERVER_HELLO[: octets.WITHOUT_EXTENSIONS])

    assert first == again
    assert hash(first) == hash(again)
    assert first != other
    assert first.__eq__(octets.SERVER_HELLO) is NotImplemented


def test_a_refusal_survives_pickling() -> None:
    """Results cross process borders: rule, field and offset come along."""
    with pytest.raises(ParseError) as caught:
        _parse.parse_alert(b"")
    again = pickle.loads(pickle.dumps(caught.value))

    assert (again.fault, again.field, again.offset) == (ParseFault.TRUNCATED, "level", 0)
    assert again.fault.name == "TRUNCATED"

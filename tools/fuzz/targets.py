"""What each fuzz target calls, and what must hold whatever the octets are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fleetscan import _parse
from fleetscan.errors import ParseError
from fleetscan.pki._crl import CrlReader
from fleetscan.pki.ocsp_response import parse_ocsp_response
from tools.fuzz.client import one_input

Target = Callable[[bytes], None]


def _must_hold(refused: ParseError, octets: int) -> None:
    """A refusal names a rule, a field, and an octet inside the buffer or at its end."""
    if not 0 <= refused.offset <= octets or not refused.field or not refused.fault:
        raise AssertionError(f"{refused!r} of {octets} octets")


def parser(parse: Callable[..., Any], *flags: str) -> Target:
    """Calls `parse`; the first octet chooses its flags when it has any."""

    def one_input(octets: bytes) -> None:
        options = {}
        if flags and octets:
            options = {flag: bool(octets[0] >> bit & 1) for bit, flag in enumerate(flags)}
            octets = octets[1:]
        try:
            parse(octets, **options)
        except ParseError as refused:
            _must_hold(refused, len(octets))

    return one_input


def pieces(octets: bytes) -> list[bytes]:
    """The octets cut up as their own first octet says, so that cutting is fuzzed too."""
    if not octets:
        return []
    size, rest = octets[0] % 32 + 1, octets[1:]
    return [rest[at : at + size] for at in range(0, len(rest), size)]


def drain(take: Callable[[], Any | None]) -> tuple[list[Any], tuple[int, str, int] | None]:
    """Everything a reader gives, and the refusal that ended it."""
    found: list[Any] = []
    try:
        while (one := take()) is not None:
            found.append(one)
    except ParseError as refused:
        _must_hold(refused, 5)
        return found, (int(refused.fault), refused.field, refused.offset)
    return found, None


def reader(make: Callable[[], Any], take: str) -> Target:
    """Feeds a reader in pieces and at once: records or messages must be the same."""

    def one_input(octets: bytes) -> None:
        in_pieces, at_once = make(), make()
        found: list[Any] = []
        refusal = None
        for piece in pieces(octets):
            in_pieces.feed(piece)
            more, refusal = drain(getattr(in_pieces, take))
            found += more
        at_once.feed(octets[1:])
        if (found, refusal) != drain(getattr(at_once, take)):
            raise AssertionError("the cuts changed what was read")

    return one_input


def certificate(octets: bytes) -> None:
    """Parses a certificate and reads everything that is worked out only when asked."""
    try:
        found = _parse.parse_certificate(octets)
    except ParseError as refused:
        _must_hold(refused, len(octets))
        return
    names = list(found.subject_alt_name or ())
    if found.authority_key_identifier is not None:
        names += found.authority_key_identifier.authority_cert_issuer
    if found.name_constraints is not None:
        names += found.name_constraints.permitted_subtrees
        names += found.name_constraints.excluded_subtrees
    texts = [name.text for name in names]
    texts += [a.value for one in (found.issuer, found.subject) for rdn in one.rdns for a in rdn]
    for text in texts:
        text.encode("utf-8", "strict")  # a lone surrogate would break every output
    if found.serial_number.bit_length() > 8 * len(found.serial_octets) or len(found.sha256) != 64:
        raise AssertionError("serial_number or sha256")


def crl(octets: bytes) -> None:
    """Reads a CRL in pieces and at once: what is found, or the refusal, must be the same."""
    if octets and _crl(pieces(octets)) != _crl([octets[1:]]):
        raise AssertionError("the cuts changed what was read")


def _crl(fed: list[bytes]) -> tuple[object, ...]:
    reader = CrlReader([b"\x01", b"\x07", b"\x12\x34"])
    try:
        for piece in fed:
            reader.feed(piece)
        reader.finish()
    except ParseError as refused:
        _must_hold(refused, sum(map(len, fed)))
        return int(refused.fault), refused.field, refused.offset
    return (
        *(reader.version, reader.issuer, reader.this_update, reader.next_update),
        *(reader.tbs_start, reader.tbs_end, reader.signature, reader.signature_parameters),
        *(reader.extensions, reader.entry_count, reader.unknown_critical_entry_extension),
        [(one.user_certificate, one.reason_code, one.certificate_issuer) for one in reader.entries],
    )


def client(octets: bytes) -> None:
    """Plays a server to the client as a whole."""
    one_input(octets)


TARGETS: Final[dict[str, Target]] = {
    "client": client,
    "record_reader": reader(_parse.RecordReader, "next_record"),
    "message_reader": reader(_parse.MessageReader, "next_message"),
    "server_hello": parser(_parse.parse_server_hello),
    "encrypted_extensions": parser(_parse.parse_encrypted_extensions),
    "certificate_tls12": parser(_parse.parse_certificate_tls12),
    "certificate_tls13": parser(_parse.parse_certificate_tls13),
    "certificate_request_tls12": parser(
        _parse.parse_certificate_request_tls12, "has_signature_schemes"
    ),
    "certificate_request_tls13": parser(_parse.parse_certificate_request_tls13),
    "certificate_verify": parser(_parse.parse_certificate_verify),
    "certificate_status": parser(_parse.parse_certificate_status),
    "compressed_certificate": parser(_parse.parse_compressed_certificate),
    "server_key_exchange_ecdhe": parser(
        _parse.parse_server_key_exchange_ecdhe, "has_signature", "has_algorithm"
    ),
    "server_key_exchange_dhe": parser(
        _parse.parse_server_key_exchange_dhe, "has_signature", "has_algorithm"
    ),
    "new_session_ticket_tls13": parser(_parse.parse_new_session_ticket_tls13),
    "server_hello_ssl2": parser(_parse.parse_server_hello_ssl2),
    "alert": parser(_parse.parse_alert),
    "key_share_server_hello": parser(_parse.parse_key_share_server_hello),
    "selected_group": parser(_parse.parse_selected_group),
    "selected_version": parser(_parse.parse_selected_version),
    "cookie": parser(_parse.parse_cookie),
    "alpn": parser(_parse.parse_alpn),
    "certificate": certificate,
    "name": parser(_parse.parse_name),
    "crl": crl,
    "ocsp_response": parser(parse_ocsp_response),
}
"""The client as a whole, and one target for each entry point of the parsers."""

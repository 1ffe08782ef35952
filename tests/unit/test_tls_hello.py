"""The ClientHello: what it says, field by field, by a reader that is not ours."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from fleetscan.errors import UsageError
from fleetscan.registry import extension_types as extension
from fleetscan.tls.events import ClientHelloSent
from fleetscan.tls.hello import (
    is_ip_literal,
    padding,
    plaintext_records,
    wire_server_name,
)
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profiles import BROWSER, PROFILES
from tests.hello_reader import Reader
from tests.tls_peers import ENTROPY, SHARES, conversation


def read(hello: bytes) -> tuple[dict[str, bytes], list[tuple[int, bytes]]]:
    """The fields, and the extensions in order."""
    record = Reader(hello)
    assert record.take(3) == bytes.fromhex("160301")
    message = Reader(record.vector(2))
    assert record.at == len(hello)
    assert message.take(1) == b"\x01"
    body = Reader(message.vector(3))
    fields = {
        "version": body.take(2),
        "random": body.take(32),
        "session_id": body.vector(1),
        "suites": body.vector(2),
        "compression": body.vector(1),
    }
    block = Reader(body.vector(2))
    assert body.at == len(body.octets)
    extensions = []
    while block.at < len(block.octets):
        kind = int.from_bytes(block.take(2), "big")
        extensions.append((kind, block.vector(2)))
    return fields, extensions


def hello(server_name: str = "server.test", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """The record of a browser's hello."""
    return conversation(server_name=server_name, alpn=alpn).start(0.0)


def test_the_fields() -> None:
    """RFC 8446 section 4.1.2: version 1.2, the given random and session id, no compression."""
    fields, _ = read(hello())
    assert fields["version"] == b"\x03\x03"
    assert fields["random"] == ENTROPY[:32]
    assert fields["session_id"] == ENTROPY[32:]
    assert fields["compression"] == b"\x00"
    suites = struct.unpack(f">{len(fields['suites']) // 2}H", fields["suites"])
    assert suites == BROWSER.cipher_suites
    # GREASE first (RFC 8701 section 3.1), then TLS 1.3's.
    assert suites[:4] == (0x3A3A, 0x1301, 0x1302, 0x1303)


def test_the_extensions() -> None:
    """Every one with the octets that its RFC prescribes."""
    _, listed = read(hello())
    sent = dict(listed)
    assert len(sent) == len(listed)
    assert sent == {
        0: bytes.fromhex("000e 00 000b") + b"server.test",  # RFC 6066 section 3
        5: bytes.fromhex("01 0000 0000"),  # RFC 6066 section 8
        10: bytes.fromhex("000c 4a4a 11ec 001d 0017 0018 0019"),  # RFC 8446 section 4.2.7
        11: bytes.fromhex("01 00"),  # RFC 8422 section 5.1.2
        13: bytes.fromhex("0014 0403 0804 0401 0503 0805 0501 0603 0807 0806 0601"),
        16: bytes.fromhex("000c 02 6832 08") + b"http/1.1",  # RFC 7301 section 3.1
        18: b"",  # RFC 6962 section 3.3.1
        23: b"",  # RFC 7627 section 5.1
        27: bytes.fromhex("06 0002 0001 0003"),  # RFC 8879 section 3
        35: b"",  # RFC 5077 section 3.2
        43: bytes.fromhex("06 5a5a 0304 0303"),  # RFC 8446 section 4.2.1
        45: bytes.fromhex("01 01"),  # RFC 8446 section 4.2.9
        51: bytes.fromhex("0532 4a4a 0001 00 11ec 04c0")
        + SHARES.public(0x11EC)
        + bytes.fromhex("001d 0020")
        + SHARES.public(0x001D)
        + bytes.fromhex("0017 0041")
        + SHARES.public(0x0017),
        # draft-ietf-tls-esni section 5: outer, a KDF and an AEAD, config_id, enc, payload
        0xFE0D: bytes.fromhex("00 0001 0001 5b 0020")
        + bytes(range(32))
        + bytes.fromhex("00b0")
        + bytes(176),
        0x6A6A: b"",
        0x8A8A: b"\x00",
        0xFF01: b"\x00",  # RFC 5746 section 3.2
    }


def test_no_sha1_scheme_is_offered() -> None:
    """Current browsers stopped: neither rsa_pkcs1_sha1 nor ecdsa_sha1."""
    assert not {0x0201, 0x0203} & set(BROWSER.signature_schemes)


@pytest.mark.parametrize("name", ["", "10.0.0.1", "::1", "fe80::1", "[::1]", "127.0.0.1."])
def test_no_server_name_for_none_and_for_addresses(name: str) -> None:
    """RFC 6066 section 3: literal addresses are not permitted; no name, no extension."""
    _, listed = read(hello(server_name=name))
    assert extension.SERVER_NAME not in dict(listed)


@pytest.mark.parametrize(("name", "told"), [("www.example.com", True), ("192.0.2.1", False)])
def test_the_offer_says_what_was_written(name: str, told: bool) -> None:
    """Facts are judged by the offer: server_name is in it when it was sent, and in order."""
    client = conversation(server_name=name)
    written = client.start(1.0)
    (sent,) = (event for event in client.events if isinstance(event, ClientHelloSent))

    assert (extension.SERVER_NAME in sent.offer.extensions) is told
    assert list(sent.offer.extensions) == sorted(sent.offer.extensions)
    assert (name.encode() in written) is told


def test_a_profile_without_server_name_offers_none() -> None:
    """The offer that is told is the offer that was made."""
    kinds = tuple(kind for kind in BROWSER.extensions if kind != extension.SERVER_NAME)
    client = conversation(profile=replace(BROWSER, extensions=kinds))
    _, listed = read(client.start(0.0))
    assert extension.SERVER_NAME not in dict(listed)
    offers = [event.offer for event in client.events if isinstance(event, ClientHelloSent)]
    assert [offer.server_name for offer in offers] == [""]


def test_no_alpn_when_there_is_nothing_to_say() -> None:
    """An empty list is no list (RFC 7301 section 3.1)."""
    _, listed = read(hello(alpn=()))
    assert 16 not in dict(listed)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("a.test", b"a.test"),
        ("a.test.", b"a.test"),
        ("under_score.test", b"under_score.test"),
        ("b\u00fccher.test", b"xn--bcher-kva.test"),
        ("1.2.3.4.5", b"1.2.3.4.5"),
        ("host1", b"host1"),
        ("", b""),
        (".", b""),
    ],
)
def test_names_on_the_wire(name: str, wire: bytes) -> None:
    """A-labels, without the trailing dot (RFC 6066 section 3)."""
    assert wire_server_name(name) == wire


def test_a_name_that_cannot_be_written_is_our_callers_error() -> None:
    """No guess is sent."""
    with pytest.raises(UsageError, match="DNS name"):
        wire_server_name("\u00e9" * 64 + ".test")


@pytest.mark.parametrize(
    ("name", "literal"),
    [("1.2.3.4", True), ("::ffff:1.2.3.4", True), ("1.2.3", False), ("a1", False), ("", False)],
)
def test_ip_literals(name: str, literal: bool) -> None:
    """What `ipaddress` takes for an address."""
    assert is_ip_literal(name) is literal


def test_long_octets_are_cut_into_records() -> None:
    """No TLSPlaintext has more than 2^14 octets (RFC 8446 section 5.1)."""
    octets = plaintext_records(22, bytes(2**14 + 1))
    assert octets[:5] == bytes.fromhex("1603034000")
    assert octets[5 + 2**14 :] == bytes.fromhex("160303000100")
    assert plaintext_records(22, b"x", b"\x03\x01") == bytes.fromhex("160301000178")


@pytest.mark.parametrize(
    ("length", "added"), [(255, 0), (256, 256), (500, 12), (507, 5), (508, 5), (511, 5), (512, 0)]
)
def test_padding_moves_a_hello_out_of_the_gap(length: int, added: int) -> None:
    """256 to 511 octets become 512 or a little more (RFC 7685 section 4)."""
    octets = padding(length)
    assert len(octets) == added
    assert not 255 < length + len(octets) < 512
    if octets:
        assert octets[:4] == struct.pack(">HH", 21, len(octets) - 4)
        assert not any(octets[4:])


def test_templates_are_kept_and_bounded() -> None:
    """One template for a profile and its ALPN; a caller in a loop does not fill the memory."""
    shares = KeyShares()
    assert shares.template(BROWSER, ("h2",)) is shares.template(BROWSER, ("h2",))
    for number in range(200):
        shares.template(BROWSER, (str(number),))
    assert len(shares._templates) <= 64
    assert PROFILES["browser"] is BROWSER

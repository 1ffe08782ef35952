"""The shipped hellos, read back by a reader that is not ours; their bait, and padding."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fleetscan.registry import cipher_suites, groups, signature_schemes
from fleetscan.tls.events import ClientHelloSent
from fleetscan.tls.profile import HelloProfile, is_grease
from fleetscan.tls.profiles import BROAD, BROWSER, LEGACY, MINIMAL, OPENSSL3, PROFILES, SSL3
from fleetscan.tls.protection import SUITES_TLS13
from fleetscan.tls.session import State
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.vocabulary import FirstFlight, Origin
from tests.hello_reader import HelloRead, read_hello
from tests.tls_peers import (
    CHOOSES_TLS13,
    ENTROPY,
    HELLO_RETRY_RANDOM,
    SESSION_ID,
    SHARES,
    X25519_SHARE,
    ServerTls12,
    ServerTls13,
    conversation,
    extensions,
    facts_of,
    message,
    record,
    server_hello,
    violations,
)

TLS_PROFILES = [profile for profile in PROFILES.values() if profile.name != "ssl2"]
WITH_EXTENSIONS = [profile for profile in TLS_PROFILES if profile is not SSL3]
WITH_TLS13 = [BROWSER, OPENSSL3, BROAD, MINIMAL]
LONG_NAME = "a-host-with-quite-a-long-name.in.a.department.example.test"

# RFC 8701 section 2: sixteen values whose octets are equal and end in 0xA.
GREASE = {0x0A0A + 0x1010 * number for number in range(16)}


def named(profile: HelloProfile) -> str:
    """For the ids of parameters."""
    return profile.name


each_profile = pytest.mark.parametrize("profile", TLS_PROFILES, ids=named)


def hello(profile: HelloProfile, name: str = "server.test", **changes: object) -> HelloRead:
    """The hello of a profile, read back."""
    client = conversation(
        profile=replace(profile, **changes) if changes else profile,  # type: ignore[arg-type]
        server_name=name,
        alpn=("h2", "http/1.1"),
    )
    return read_hello(client.start(0.0))


def test_grease_is_what_rfc_8701_reserves() -> None:
    """Sixteen code points, and none of their neighbours."""
    assert {code for code in range(0x10000) if is_grease(code)} == GREASE


@each_profile
def test_what_the_profile_says_is_what_is_sent(profile: HelloProfile) -> None:
    """Suites, groups and schemes in the order given; null compression alone."""
    read = hello(profile)

    assert read.random == ENTROPY[:32]
    assert read.session_id == ENTROPY[32 : 32 + profile.session_id_octets]
    assert read.cipher_suites == profile.cipher_suites
    assert read.compression_methods == b"\x00"
    assert read.groups == profile.groups
    assert read.schemes == profile.signature_schemes
    assert [group for group, _ in read.shares] == list(profile.key_share_groups)
    assert len(set(profile.cipher_suites)) == len(profile.cipher_suites)
    assert len(set(profile.groups)) == len(profile.groups)
    assert len(set(profile.signature_schemes)) == len(profile.signature_schemes)


@pytest.mark.parametrize(
    ("name", "legacy_version", "record_version", "versions"),
    [
        # RFC 8446 section 4.1.2 and 5.1; RFC 5246 appendix E.1 for the record of the others.
        ("browser", 0x0303, 0x0301, (0x5A5A, 0x0304, 0x0303)),
        ("openssl3", 0x0303, 0x0301, (0x0304, 0x0303)),
        ("legacy", 0x0303, 0x0301, ()),
        ("broad", 0x0303, 0x0301, (0x0304, 0x0303, 0x0302, 0x0301)),
        ("minimal", 0x0303, 0x0301, (0x0304, 0x0303)),
        ("ssl3", 0x0300, 0x0300, ()),
    ],
)
def test_the_versions_of_a_hello(
    name: str, legacy_version: int, record_version: int, versions: tuple[int, ...]
) -> None:
    """TLS 1.2 at most in the old field; the new list names nothing older than TLS 1.0."""
    read = hello(PROFILES[name])

    assert read.legacy_version == legacy_version
    assert read.record_versions == (record_version,)
    assert read.versions == versions


@each_profile
def test_extensions_come_in_the_order_of_the_profile(profile: HelloProfile) -> None:
    """All that has something to say; the cookie has nothing before a HelloRetryRequest."""
    read = hello(profile)

    assert read.kinds == tuple(kind for kind in profile.extensions if kind != 44)
    if read.kinds:
        # RFC 8446 section 4.2.11 keeps the last place for pre_shared_key, which nobody sends.
        assert 41 not in read.kinds


def test_ssl3_has_no_extensions() -> None:
    """RFC 6101 section 5.6.1.2: the message ends with the compression methods."""
    assert hello(SSL3).extensions is None


@pytest.mark.parametrize("profile", WITH_EXTENSIONS, ids=named)
def test_every_profile_asks_for_the_name(profile: HelloProfile) -> None:
    """RFC 6066 section 3: the name that the user gave, in all hellos that can say it."""
    data = hello(profile).data(0)

    assert data == bytes.fromhex("000e 00 000b") + b"server.test"
    assert hello(profile, name="").data(0) is None


@pytest.mark.parametrize("profile", WITH_TLS13, ids=named)
def test_a_hello_of_tls13_has_what_it_must_have(profile: HelloProfile) -> None:
    """RFC 8446 section 9.2: signature_algorithms, supported_groups, key_share of offered groups."""
    read = hello(profile)

    assert {10, 13, 43, 51} <= set(read.kinds)
    shared = [group for group, _ in read.shares]
    # RFC 8446 section 4.2.8: in the order of supported_groups, each one at most once.
    assert shared == [group for group in read.groups if group in shared]
    for group, share in read.shares:
        assert share == (b"\x00" if group in GREASE else SHARES.public(group))


@pytest.mark.parametrize("profile", [BROWSER, OPENSSL3, LEGACY, MINIMAL], ids=named)
def test_what_a_real_clients_hello_offers_is_finished(profile: HelloProfile) -> None:
    """Only `broad`, and what stands for SSL, offer what this client knows by name alone."""
    for code in profile.cipher_suites:
        if code in GREASE or code == cipher_suites.TLS_EMPTY_RENEGOTIATION_INFO_SCSV:
            continue
        assert code in SUITES_TLS13 or suite_tls12(code) is not None, cipher_suites.name_of(code)


def test_broad_offers_what_the_client_completes_and_some_of_every_other_kind() -> None:
    """Nothing that would have worked is left out; of the rest every authentication and weakness."""
    offered = set(BROAD.cipher_suites)
    completed = {code for code in cipher_suites.NAMES if suite_tls12(code) is not None}
    kinds = {
        (parts.authentication, parts.weakness)
        for parts in map(cipher_suites.describe, offered)
        if parts is not None
    }

    assert completed | set(SUITES_TLS13) <= offered
    assert {each for each, _ in kinds} >= {"anon", "PSK", "RSA_PSK", "SRP", "KRB5", "GOST", "DSS"}
    assert {each for _, each in kinds} >= {"null", "export", "anon", "rc4", "3des", "des"}
    assert set(groups.NAMES) - set(BROAD.groups) == {0xFF01, 0xFF02}
    assert set(signature_schemes.NAMES) == set(BROAD.signature_schemes)


def test_broad_has_no_more_suites_than_servers_read() -> None:
    """wolfSSL 5.5.4 answers 150 suites and not 151; others stop at 128."""
    assert len(BROAD.cipher_suites) == len(set(BROAD.cipher_suites)) <= 127


def test_broad_puts_sound_suites_first() -> None:
    """A server that lets the client decide is not led to a broken one."""
    weak = [
        suite is not None and bool(suite.weakness)
        for suite in map(cipher_suites.describe, BROAD.cipher_suites)
        if suite is not None
    ]

    assert weak == sorted(weak)


def test_broad_fits_in_one_segment() -> None:
    """1,388 octets are what is left of Ethernet's 1,500 in the worst usual case: IPv6, TCP with
    timestamps, and 40 for a tunnel (RFC 8200 section 5, RFC 9293 section 3.7.1)."""
    for name in ("", LONG_NAME):
        client = conversation(profile=BROAD, server_name=name, alpn=("h2", "http/1.1"))
        assert len(client.start(0.0)) <= 1_388


@each_profile
def test_the_offer_that_is_told_is_the_one_that_was_made(profile: HelloProfile) -> None:
    """Names and protocols that the profile has no extension for were not offered."""
    client = conversation(profile=profile, alpn=("h2", "http/1.1"))
    octets = client.start(0.0)
    read = read_hello(octets)
    (offer,) = [event.offer for event in client.events if isinstance(event, ClientHelloSent)]

    assert (offer.server_name == "server.test") is (0 in read.kinds)
    assert (offer.alpn == ("h2", "http/1.1")) is (16 in read.kinds)
    assert offer.octets == len(octets) - 5  # the header of the record
    # The signalling suite says renegotiation_info (RFC 5746 section 3.3).
    signalled = {0xFF01} if 0x00FF in read.cipher_suites else set()
    assert set(offer.extensions) == set(read.kinds) | signalled


# -- bait ---------------------------------------------------------------------------------


def test_the_browser_has_bait_in_every_list() -> None:
    """RFC 8701 section 3.1: suites, groups, shares, versions and two extensions, first in each."""
    read = hello(BROWSER)

    assert read.cipher_suites[0] in GREASE
    assert read.groups[0] in GREASE
    assert read.versions[0] in GREASE
    assert read.shares[0] == (read.groups[0], b"\x00")
    baits = [kind for kind in read.kinds if kind in GREASE]
    assert baits == [read.kinds[0], read.kinds[-1]]
    assert len(set(baits)) == 2


def retry(*more: tuple[int, bytes], session_id: bytes = SESSION_ID, suite: int = 0x1301) -> bytes:
    """A HelloRetryRequest (RFC 8446 section 4.1.4)."""
    return server_hello(
        session_id=session_id,
        random=HELLO_RETRY_RANDOM,
        suite=suite,
        more=extensions(*more, CHOOSES_TLS13),
    )


TLS13_CHOICE = (X25519_SHARE, CHOOSES_TLS13)
BITTEN = [
    ("suite-1.3", "cipher_suite_not_offered", 47, 0x3A3A, TLS13_CHOICE),
    ("suite-1.2", "cipher_suite_not_offered", 47, 0x3A3A, ()),
    ("version", "version_not_offered", 70, 0x1301, (X25519_SHARE, (43, b"\x5a\x5a"))),
    (
        "group",
        "group_not_offered",
        47,
        0x1301,
        ((51, bytes.fromhex("4a4a0001 00")), CHOOSES_TLS13),
    ),
    ("extension-1.3", "forbidden_extension", 47, 0x1301, (*TLS13_CHOICE, (0x6A6A, b""))),
    ("extension-1.2", "forbidden_extension", 47, 0xC02B, ((0x8A8A, b"\x00"),)),
    ("extension-1.2-none-of-ours", "extension_not_offered", 110, 0xC02B, ((0x1A1A, b""),)),
]


@pytest.mark.parametrize(
    ("rule", "alert", "suite", "more"), [each[1:] for each in BITTEN], ids=[e[0] for e in BITTEN]
)
def test_a_server_that_takes_the_bait(
    rule: str, alert: int, suite: int, more: tuple[tuple[int, bytes], ...]
) -> None:
    """RFC 8701 section 3.1: the client must reject a reserved value when a server chooses it."""
    client = conversation()
    client.start(1.0)
    is_tls13 = any(kind == 43 for kind, _ in more)
    session_id = SESSION_ID if is_tls13 else b""
    told = server_hello(session_id=session_id, suite=suite, more=extensions(*more))
    client.receive(record(22, told), 2.0)

    assert violations(client.events) == [rule]
    facts = facts_of(client)
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.LOCAL, alert)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("group_not_offered", retry((51, b"\x4a\x4a"))),
        ("cipher_suite_not_offered", retry((51, b"\x00\x18"), suite=0x3A3A)),
        ("forbidden_extension", retry((51, b"\x00\x18"), (0x6A6A, b""))),
    ],
)
def test_a_retry_request_that_takes_the_bait(rule: str, told: bytes) -> None:
    """The same where a HelloRetryRequest names it."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, told), 2.0)

    assert violations(client.events) == [rule]


def test_bait_in_the_encrypted_part() -> None:
    """An extension of ours echoed in EncryptedExtensions or beside a certificate."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    server.tell(server.seal(message(8, extensions((0x6A6A, b"")))))
    assert violations(server.client.events) == ["forbidden_extension"]

    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE)
    entry = bytes.fromhex("000001 30") + extensions((0x8A8A, b"\x00"))
    server.tell(server.seal(message(11, b"\x00" + len(entry).to_bytes(3, "big") + entry)))
    assert violations(server.client.events) == ["forbidden_extension"]


def test_bait_as_the_curve_of_tls12() -> None:
    """A reserved group as named_curve (RFC 8422 section 5.4) was offered to be refused."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_KEY_EXCHANGE)
    exchange = server.server_key_exchange()
    server.tell(server.say(exchange[:5] + b"\x4a\x4a" + exchange[7:]))

    assert violations(server.client.events) == ["group_not_offered"]


def test_the_curve_of_number_nought() -> None:
    """Nobody offers it; a server that chooses it is refused like any other."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_KEY_EXCHANGE)
    exchange = server.server_key_exchange()
    server.tell(server.say(exchange[:5] + b"\x00\x00" + exchange[7:]))

    assert violations(server.client.events) == ["group_not_offered"]


@pytest.mark.parametrize("suite", [0x00FF, 0x5600])
def test_a_signal_is_no_suite(suite: int) -> None:
    """RFC 5746 section 3.3, RFC 7507 section 2: offered, and never to be chosen."""
    client = conversation(
        profile=replace(BROWSER, cipher_suites=(*BROWSER.cipher_suites, 0x00FF, 0x5600))
    )
    client.start(1.0)
    client.receive(record(22, server_hello(suite=suite)), 2.0)

    assert violations(client.events) == ["cipher_suite_not_offered"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_suite_that_was_offered_by_number_may_be_chosen(version: str) -> None:
    """A code point of the user's own: the server broke no rule, and we cannot go on."""
    client = conversation(profile=replace(BROWSER, cipher_suites=(0x1301, 0xC02B, 0x13FE)))
    client.start(1.0)
    told = (
        server_hello(suite=0x13FE)
        if version == "1.2"
        else server_hello(session_id=SESSION_ID, suite=0x13FE, more=extensions(*TLS13_CHOICE))
    )
    client.receive(record(22, told), 2.0)
    facts = facts_of(client)

    assert violations(client.events) == []
    assert client.finished
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.cipher_suite == 0x13FE


# -- the second hello ---------------------------------------------------------------------


@pytest.mark.parametrize("profile", WITH_TLS13, ids=named)
@pytest.mark.parametrize("asked", ["group", "cookie", "both"])
def test_the_second_hello_keeps_all_but_what_was_asked_for(
    profile: HelloProfile, asked: str
) -> None:
    """RFC 8446 section 4.1.2: key_share replaced, cookie added, nothing else moved."""
    client = conversation(profile=profile, alpn=("h2",))
    first = read_hello(client.start(1.0))
    cookie = (44, bytes.fromhex("0003 616263"))
    more = ([] if asked == "cookie" else [(51, b"\x00\x18")]) + (
        [] if asked == "group" else [cookie]
    )
    said = client.receive(record(22, retry(*more, session_id=first.session_id)), 2.0)
    if profile.change_cipher_spec:
        assert said[:6] == bytes.fromhex("140303000101")
        said = said[6:]
    second = read_hello(said)

    assert violations(client.events) == []
    # RFC 8446 section 5.1: only the first record of all may say TLS 1.0.
    assert set(second.record_versions) == {0x0303}
    expected = dict(first.extensions or ())
    if asked != "cookie":
        expected[51] = bytes.fromhex("0065 0018 0061") + SHARES.public(0x0018)
    if asked != "group":
        expected[44] = cookie[1]
    assert dict(second.extensions or ()) == expected
    assert [kind for kind in second.kinds if kind != 44] == list(first.kinds)
    for field in ("legacy_version", "random", "session_id", "cipher_suites"):
        assert getattr(second, field) == getattr(first, field)


def test_padding_follows_what_the_second_hello_needs() -> None:
    """RFC 8446 section 4.1.2: the length of padding may change, so that the size stays."""
    client = conversation(profile=replace(MINIMAL, size=1_500))
    first = read_hello(client.start(1.0))
    said = client.receive(record(22, retry((51, b"\x00\x18"), session_id=b"")), 2.0)
    second = read_hello(said)

    assert len(first.message) == len(second.message) == 1_500
    assert first.data(21) != second.data(21)


# -- sizes --------------------------------------------------------------------------------

# What an extension without data has, and the octet of data that servers want (RFC 7685
# section 3; its section 4 has the widths that make others stumble).
SMALLEST_PADDING = 5
SIZES = (*range(64, 3_000, 61), 256, 511, 512, 513, 517, 1_400, 4_096, 16_000)


@each_profile
@pytest.mark.parametrize("name", ["", LONG_NAME], ids=["no-name", "long-name"])
def test_padding_gives_any_size_exactly(profile: HelloProfile, name: str) -> None:
    """From 64 to 16,000 octets: as asked for, or as it is where that is more."""
    bare = len(hello(profile, name=name).message)
    # SSL 3.0 has the two octets of the list's length only where there is a list.
    empty_list = 2 if profile is SSL3 else 0
    for size in SIZES:
        read = hello(profile, name=name, size=size)
        missing = size - bare - empty_list
        if missing <= 0:
            assert len(read.message) == bare + empty_list
            assert 21 not in read.kinds
            continue
        assert len(read.message) == bare + empty_list + max(missing, SMALLEST_PADDING)
        # RFC 7685 section 3: zero octets, and here the last extension.
        assert read.kinds[-1] == 21
        assert not any(read.data(21) or b"\x01")


@each_profile
def test_sizes_just_above_what_is_there(profile: HelloProfile) -> None:
    """One to four octets more cannot be had: the smallest padding comes, and never more."""
    empty_list = 2 if profile is SSL3 else 0
    bare = len(hello(profile).message) + empty_list
    sizes = [len(hello(profile, size=bare + more).message) - bare for more in range(-1, 9)]

    assert sizes == [0, 0, 5, 5, 5, 5, 5, 6, 7, 8]


def test_padding_alone_keeps_out_of_the_gap() -> None:
    """RFC 7685 section 4: a profile with the extension avoids 256 to 511 octets of itself."""
    padded = replace(MINIMAL, extensions=(*MINIMAL.extensions, 21))
    names = ("", f"{LONG_NAME}.{LONG_NAME}.{LONG_NAME}")
    bare = [len(hello(MINIMAL, name=name).message) for name in names]
    sizes = [len(hello(padded, name=name).message) for name in names]

    assert bare[0] < 256 < bare[1] < 512
    assert sizes == [bare[0], 512]


def test_a_hello_of_more_than_one_record() -> None:
    """RFC 8446 section 5.1: fragments of 2^14 octets at most, each under the first version."""
    big = bytes(range(256)) * 80
    profile = replace(
        BROWSER, extensions=(*BROWSER.extensions, 0x1A1A), raw={**BROWSER.raw, 0x1A1A: big}
    )
    client = conversation(profile=profile)
    octets = client.start(1.0)
    read = read_hello(octets)

    assert read.record_versions == (0x0301, 0x0301)
    assert read.data(0x1A1A) == big
    assert octets[3:5] == b"\x40\x00"


def test_the_transcript_has_the_hello_once_however_many_records() -> None:
    """RFC 8446 section 4.4.1 hashes messages: a server that does so finishes with us."""
    profile = replace(
        BROWSER,
        extensions=(*BROWSER.extensions, 0x1A1A),
        raw={**BROWSER.raw, 0x1A1A: bytes(20_000)},
    )
    server = ServerTls13(conversation(profile=profile))
    server.transcript = hashlib.sha256(read_hello(server.said).message)
    server.until(State.CONFIRMATION)

    assert violations(server.client.events) == []
    assert facts_of(server.client).completed

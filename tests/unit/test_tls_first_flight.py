"""Handshakes that end with the server's first flight: by suite, by version, because asked to."""

from __future__ import annotations

import hashlib
import itertools
import ssl
from pathlib import Path

import pytest

from fleetscan.causes import classify
from fleetscan.causes.model import Confidence, Verdict
from fleetscan.facts import HandshakeFacts, fold
from fleetscan.output.record import encode_line, to_record
from fleetscan.registry import cipher_suites
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.overrides import Overrides, override
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROAD, BROWSER, LEGACY, SSL3
from fleetscan.tls.session import State
from fleetscan.vocabulary import Checked, EndedBy, FirstFlight, Origin, Stage
from tests.facts_builder import case, cause_ids
from tests.hello_reader import read_hello
from tests.tls_flights import (
    DONE,
    ECDHE_PARAMS,
    EVERYTHING,
    TLS10,
    TLS11,
    TLS12,
    certificate,
    certificate_request,
    dhe_params,
    hello,
    key_exchange,
    tell,
)
from tests.tls_flights import SSL3 as SSLV3
from tests.tls_peers import (
    CHOOSES_TLS13,
    HELLO_RETRY_RANDOM,
    SESSION_ID,
    X25519_SHARE,
    OpenSslPeer,
    ServerTls13,
    conversation,
    converse,
    extensions,
    facts_of,
    history,
    message,
    record,
    server_context,
    server_hello,
    violations,
)
from tests.tlslite_peer import TlslitePeer, tlslite
from tests.unit import output_examples
from tests.unit.test_tls_suites import parameters

__all__ = ["parameters"]  # the fixture

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# RFC 3526 section 2's relative of 1,536 bits is not needed: any odd number does for reading.
ANY_PRIME = (1 << 2_048) - 1942289
DH_ANON = message(12, dhe_params(ANY_PRIME, 2, 5))
ECDH_ANON = message(12, ECDHE_PARAMS)
# opaque psk_identity_hint<0..2^16-1> (RFC 4279 section 2)
HINT = b"\x00\x04hint"
STATUS = message(22, bytes.fromhex("01 000003") + b"der")

# user_canceled(90), close_notify(0), as warnings (RFC 5246 section 7.2.1)
POLITE = {
    version: b"".join(
        bytes.fromhex("15") + version.to_bytes(2, "big") + bytes.fromhex(rest)
        for rest in ("0002 01 5a", "0002 01 00")
    )
    for version in (TLS12, TLS11, TLS10)
}


def broad() -> Conversation:
    """A client that offers everything and has said so."""
    client = conversation(profile=EVERYTHING)
    client.start(1.0)
    return client


def signed(version: int, kind: str, params: bytes) -> bytes:
    """ServerKeyExchange."""
    return key_exchange(version, kind, params)


# Suite, the flight behind ServerHello, its letters, certificate seen, key proof, cause.
INSECURE, UNUSUAL = "cipher.insecure_only", "cipher.none_in_common"
YES, OPEN = Checked.YES, Checked.NOT_CHECKED
FLIGHTS = {
    "dh-anon": (0x0034, [DH_ANON, DONE], "kn", 0, OPEN, INSECURE),
    "ecdh-anon": (0xC018, [ECDH_ANON, DONE], "kn", 0, OPEN, INSECURE),
    "psk": (0x00A8, [DONE], "n", 0, OPEN, UNUSUAL),
    "psk-with-hint": (0x00A8, [message(12, HINT), DONE], "kn", 0, OPEN, UNUSUAL),
    "dhe-psk": (
        0x00AA,
        [message(12, HINT + dhe_params(ANY_PRIME, 2, 5)), DONE],
        "kn",
        0,
        OPEN,
        UNUSUAL,
    ),
    "ecdhe-psk": (0xC035, [message(12, HINT + ECDHE_PARAMS), DONE], "kn", 0, OPEN, UNUSUAL),
    "rsa-psk": (0x00AC, [certificate("RSA-2048"), DONE], "xn", 1, OPEN, UNUSUAL),
    "rsa-psk-with-hint": (
        0x00AC,
        [certificate("RSA-2048"), message(12, HINT), DONE],
        "xkn",
        1,
        OPEN,
        UNUSUAL,
    ),
    "null": (0x0002, [certificate("RSA-2048"), DONE], "xn", 1, OPEN, INSECURE),
    "null-ecdhe": (
        0xC006,
        [certificate("P-256"), signed(TLS12, "P-256", ECDHE_PARAMS), DONE],
        "xkn",
        1,
        YES,
        INSECURE,
    ),
    # RFC 2246 section 7.4.3: RSA_EXPORT has a key of 512 bits in ServerKeyExchange.
    "export": (
        0x0003,
        [certificate("RSA-2048"), message(12, b"\x00\x40" + bytes(64) + b"\x00\x01\x03"), DONE],
        "xkn",
        1,
        OPEN,
        INSECURE,
    ),
    "dhe-export": (
        0x0014,
        [certificate("RSA-2048"), signed(TLS12, "RSA-2048", dhe_params(ANY_PRIME, 2, 5)), DONE],
        "xkn",
        1,
        YES,
        INSECURE,
    ),
    "aria": (
        0xC05C,
        [certificate("P-256"), signed(TLS12, "P-256", ECDHE_PARAMS), DONE],
        "xkn",
        1,
        YES,
        UNUSUAL,
    ),
    "aria-with-all": (
        0xC060,
        [
            certificate("RSA-2048"),
            STATUS,
            signed(TLS12, "RSA-2048", ECDHE_PARAMS),
            certificate_request(TLS12),
            DONE,
        ],
        "xukrn",
        1,
        YES,
        UNUSUAL,
    ),
    # RFC 5054 section 2.5.3: N, g, s, B; the signature only with a certificate.
    "srp": (
        0xC01D,
        [message(12, bytes.fromhex("000105 000102 0101 000103")), DONE],
        "kn",
        0,
        OPEN,
        UNUSUAL,
    ),
    "srp-rsa": (
        0xC01E,
        [certificate("RSA-2048"), message(12, bytes.fromhex("000105")), DONE],
        "xkn",
        1,
        OPEN,
        UNUSUAL,
    ),
    # RFC 2712 section 3: neither certificate nor key exchange.
    "krb5": (0x0021, [DONE], "n", 0, OPEN, UNUSUAL),
    "krb5-rc4": (0x0020, [DONE], "n", 0, OPEN, INSECURE),
    # RFC 9189 section 4.2: the certificate's key is the one exchanged.
    "gost": (0xC102, [certificate("P-256"), DONE], "xn", 1, OPEN, UNUSUAL),
    "gost-with-request": (
        0xC100,
        [certificate("P-256"), certificate_request(TLS12), DONE],
        "xrn",
        1,
        OPEN,
        UNUSUAL,
    ),
    "static-ecdh": (0xC00E, [certificate("P-256"), DONE], "xn", 1, OPEN, UNUSUAL),
    "static-dh": (
        0x0031,
        [certificate("RSA-2048"), certificate_request(TLS12), DONE],
        "xrn",
        1,
        OPEN,
        UNUSUAL,
    ),
    "eccpwd": (0xC0B0, [message(12, b"whatever it is"), DONE], "kn", 0, OPEN, UNUSUAL),
    "camellia-gcm": (0xC07A, [certificate("RSA-2048"), DONE], "xn", 1, OPEN, UNUSUAL),
}


@pytest.mark.parametrize("kind", FLIGHTS)
def test_a_suite_that_is_known_by_name_only(kind: str) -> None:
    """The flight is read, what is signed in a form we know is checked, and nothing more is said
    than that we leave."""
    suite, flight, letters, certificates, proof, cause = FLIGHTS[kind]
    client = broad()
    said = tell(client, TLS12, hello(TLS12, suite), *flight)
    facts = facts_of(client)

    assert said == b""
    assert violations(client.events) == []
    assert client.finished
    assert facts.history == "Cs" + letters
    assert (facts.version, facts.cipher_suite) == (TLS12, suite)
    assert facts.stage is Stage.KEY_EXCHANGE
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.certificates_sent == certificates
    assert facts.key_proof is proof
    assert facts.client_certificate_requested is ("r" in letters)
    assert (facts.completed, facts.confirmed_by) == (False, None)
    assert client.close(3.0) == POLITE[TLS12]
    assert cause_ids(facts) == [cause]
    (only,) = classify(case(facts)).causes
    assert only.match.confidence is Confidence.SUSPECTED
    assert only.match.evidence["accepted"] == cipher_suites.name_of(suite)


@pytest.mark.parametrize("version", [TLS11, TLS10])
@pytest.mark.parametrize(
    ("suite", "kind", "params"),
    [
        (0x0034, "", DH_ANON),
        (0xC006, "P-256", ECDHE_PARAMS),
        (0x0014, "RSA-2048", dhe_params(ANY_PRIME, 2, 5)),
    ],
)
def test_the_same_before_tls12(version: int, suite: int, kind: str, params: bytes) -> None:
    """No algorithm is named, the hash is the version's; the farewell has the version's header."""
    client = broad()
    flight = [certificate(kind), signed(version, kind, params)] if kind else [params]
    tell(client, version, hello(version, suite), *flight, DONE)
    facts = facts_of(client)

    assert violations(client.events) == []
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.key_proof is (YES if kind else OPEN)
    assert client.close(3.0) == POLITE[version]
    # What is older than TLS 1.2, which was offered, says its age beside it.
    assert set(cause_ids(facts)) == {"version.too_old", INSECURE}


def test_a_prime_that_is_read_is_a_fact() -> None:
    """Anonymous or not: its size is known."""
    client = broad()
    tell(client, TLS12, hello(TLS12, 0x0034), message(12, dhe_params((1 << 512) - 1, 2, 5)), DONE)

    assert facts_of(client).dh_prime_bits == 512
    assert "key_exchange.weak_dh" in cause_ids(facts_of(client))


ORDER = [
    certificate("RSA-2048"),
    STATUS,
    signed(TLS12, "RSA-2048", ECDHE_PARAMS),
    certificate_request(TLS12),
]


@pytest.mark.parametrize(("first", "second"), [*itertools.product(range(4), repeat=2)])
def test_the_order_of_an_unfinishable_flight(first: int, second: int) -> None:
    """RFC 5246 section 7.3: any of them may be missing, none comes twice or after a later one."""
    client = broad()
    tell(client, TLS12, hello(TLS12, 0xC060), ORDER[first], ORDER[second])

    assert violations(client.events) == ([] if second > first else ["unexpected_message"])


@pytest.mark.parametrize("msg_type", [0, 1, 2, 4, 8, 15, 16, 20, 23, 25])
def test_what_has_no_place_in_an_unfinishable_flight(msg_type: int) -> None:
    """But HelloRequest(0), which is let pass (RFC 5246 section 7.4.1.1)."""
    client = broad()
    tell(client, TLS12, hello(TLS12, 0xC060), message(msg_type, b""))

    assert violations(client.events) == ([] if msg_type == 0 else ["unexpected_message"])


@pytest.mark.parametrize(
    ("rule", "suite", "flight"),
    [
        ("decode_error", 0x00A8, [message(14, b"\x00")]),
        ("decode_error", 0x0034, [message(12, b"\x00\x01\x05")]),
        # An anonymous ServerKeyExchange has no signature behind it.
        ("decode_error", 0xC018, [message(12, ECDHE_PARAMS + b"\x04\x01\x00\x00")]),
        ("decode_error", 0xC060, [certificate("RSA-2048"), message(12, ECDHE_PARAMS)]),
        ("group_not_offered", 0xC018, [message(12, bytes.fromhex("03 4a4a 01 00"))]),
        ("empty_certificate", 0x0002, [message(11, bytes(3))]),
        ("bad_certificate_status", 0x0002, [certificate("RSA-2048"), message(22, b"\x09")]),
    ],
)
def test_rules_hold_in_an_unfinishable_flight(rule: str, suite: int, flight: list[bytes]) -> None:
    """What is read is read as strictly as anywhere."""
    client = broad()
    tell(client, TLS12, hello(TLS12, suite), *flight)

    assert violations(client.events) == [rule]
    assert facts_of(client).first_flight is None


def test_a_wrong_signature_under_a_suite_known_by_name_only() -> None:
    """The key is proved wrong, and that is the end: decrypt_error(51) as elsewhere."""
    client = broad()
    spoilt = key_exchange(TLS12, "P-256", ECDHE_PARAMS, spoilt=True)
    tell(client, TLS12, hello(TLS12, 0xC05C), certificate("P-256"), spoilt)
    facts = facts_of(client)

    assert facts.key_proof is Checked.NO
    assert facts.first_flight is None
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.LOCAL, 51)
    assert "certificate.key_mismatch" in cause_ids(facts)


@pytest.mark.parametrize(
    ("name", "kind", "letters", "cause"),
    [
        ("ADH-AES128-SHA256", "", "kn", INSECURE),
        ("AECDH-AES128-SHA", "", "kn", INSECURE),
        ("NULL-SHA256", "RSA-2048", "xn", INSECURE),
        ("ECDHE-ECDSA-NULL-SHA", "P-256", "xkn", INSECURE),
        ("ECDHE-ECDSA-ARIA256-GCM-SHA384", "P-256", "xkn", UNUSUAL),
        ("ARIA128-GCM-SHA256", "RSA-2048", "xn", UNUSUAL),
        ("DHE-RSA-ARIA128-GCM-SHA256", "RSA-2048", "xkn", UNUSUAL),
    ],
)
def test_openssl_with_a_suite_that_is_known_by_name_only(
    name: str, kind: str, letters: str, cause: str, parameters: Path
) -> None:
    """A real flight ends there, and OpenSSL takes our farewell for one."""
    context = server_context(kind or "P-256")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{name}:@SECLEVEL=0")
    context.load_dh_params(str(parameters))
    peer = OpenSslPeer(context)
    client = broad_until_done(peer)
    facts = facts_of(client)

    assert facts.history == "Cs" + letters
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.key_proof is (YES if letters == "xkn" else OPEN)
    assert cause_ids(facts) == [cause]
    peer.receive(client.close(3.0))
    # close_notify in the middle of a handshake: heard, no alert sent back.
    assert not peer.done


def broad_until_done(peer: OpenSslPeer | TlslitePeer) -> Conversation:
    """A broad client that has read the peer's flight."""
    client = conversation(profile=EVERYTHING)
    assert client.receive(peer.receive(client.start(1.0)), 2.0) == b""
    assert client.finished
    return client


@pytest.mark.parametrize(
    ("exchange", "kind", "letters"), [("srp_sha", "", "kn"), ("srp_sha_rsa", "RSA-2048", "xkn")]
)
def test_tlslite_with_srp(exchange: str, kind: str, letters: str) -> None:
    """A server that asks for a password, and a hello that names a user (RFC 5054 section 2.5)."""
    verifiers = {b"alice": tlslite.VerifierDB.makeVerifier("alice", "secret", 2_048)}
    # srp(12): opaque srp_I<1..2^8-1> (RFC 5054 section 2.8.1)
    named = HelloProfile(
        name="srp",
        versions=(TLS12,),
        cipher_suites=(0xC01D, 0xC01E),
        groups=BROAD.groups,
        signature_schemes=BROAD.signature_schemes,
        extensions=(10, 13, 12),
        raw={12: b"\x05alice"},
    )
    peer = TlslitePeer(
        kind, {"verifierDB": verifiers}, maxVersion=(3, 3), keyExchangeNames=[exchange]
    )
    client = conversation(profile=named)
    assert client.receive(peer.receive(client.start(1.0)), 2.0) == b""
    facts = facts_of(client)

    assert facts.history == "Cs" + letters
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert cause_ids(facts) == [UNUSUAL]


def test_tls13_with_a_suite_that_is_known_by_name_only() -> None:
    """Integrity alone (RFC 9150): everything behind ServerHello is closed to us."""
    client = broad()
    told = server_hello(
        session_id=SESSION_ID, suite=0xC0B4, more=extensions(X25519_SHARE, CHOOSES_TLS13)
    )
    assert client.receive(record(22, told), 2.0) == b""
    facts = facts_of(client)

    assert violations(client.events) == []
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.stage is Stage.KEY_EXCHANGE
    assert cause_ids(facts) == [INSECURE]


# -- a group that nobody computes with ------------------------------------------------------


def test_a_curve_that_is_not_computed_with() -> None:
    """sect571r1: offered by broad, chosen, read, proved, and left there."""
    client = broad()
    params = bytes.fromhex("03 000e 05 0401020304")
    tell(
        client,
        TLS12,
        hello(TLS12, 0xC02B),
        certificate("P-256"),
        signed(TLS12, "P-256", params),
        DONE,
    )
    facts = facts_of(client)

    assert violations(client.events) == []
    assert facts.first_flight is FirstFlight.KEY_EXCHANGE
    assert facts.key_proof is Checked.YES
    assert facts.stage is Stage.KEY_EXCHANGE
    assert client.close(3.0) == POLITE[TLS12]
    (cause,) = classify(case(facts)).causes
    assert cause.entry.id == "key_exchange.no_common_group"
    assert cause.match.evidence["accepted"] == "sect571r1"


@pytest.mark.parametrize(
    ("suite", "group", "reason", "cause"),
    [
        (0x1301, 0x0200, FirstFlight.KEY_EXCHANGE, "key_exchange.no_common_group"),
        (0x00C6, 0x0018, FirstFlight.CIPHER_SUITE, UNUSUAL),
        (0xC0B4, 0x0018, FirstFlight.CIPHER_SUITE, INSECURE),
    ],
)
def test_a_retry_request_for_what_is_not_computed_with(
    suite: int, group: int, reason: FirstFlight, cause: str
) -> None:
    """What the server asked for is what it chose: version, suite and group are facts."""
    retry = server_hello(
        session_id=SESSION_ID,
        random=HELLO_RETRY_RANDOM,
        suite=suite,
        more=extensions((51, group.to_bytes(2, "big")), CHOOSES_TLS13),
    )
    client = broad()
    assert client.receive(record(22, retry), 2.0) == b""
    facts = facts_of(client)

    assert violations(client.events) == []
    assert client.finished
    assert facts.first_flight is reason
    assert (facts.version, facts.cipher_suite, facts.group) == (0x0304, suite, group)
    assert facts.hello_retry_requested
    assert cause_ids(facts) == [cause]


def test_a_retry_request_that_is_answered_chooses_nothing_yet() -> None:
    """The ServerHello behind it says what was chosen; until then nothing was."""
    retry = server_hello(
        session_id=SESSION_ID,
        random=HELLO_RETRY_RANDOM,
        more=extensions((51, b"\x00\x18"), CHOOSES_TLS13),
    )
    client = broad()
    client.receive(record(22, retry), 2.0)

    assert fold(client.events).version is None


# -- asked for ------------------------------------------------------------------------------

ENDS = [
    # the server's newest version, profile, letters, stage
    (ssl.TLSVersion.TLSv1_3, BROWSER, "Csiox", Stage.CERTIFICATE),
    (ssl.TLSVersion.TLSv1_2, BROWSER, "Csxkn", Stage.KEY_EXCHANGE),
    (ssl.TLSVersion.TLSv1_1, LEGACY, "Csxkn", Stage.KEY_EXCHANGE),
    (ssl.TLSVersion.TLSv1, LEGACY, "Csxkn", Stage.KEY_EXCHANGE),
]


def first_flight(profile: HelloProfile) -> Conversation:
    """A client that is to end there."""
    return conversation(profile=profile, first_flight_only=True)


def only(version: ssl.TLSVersion) -> OpenSslPeer:
    """OpenSSL with one version."""
    context = server_context("RSA-2048")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return OpenSslPeer(context)


def told(facts: HandshakeFacts) -> tuple[Verdict, dict[str, object]]:
    """The verdict, and the result line after the schema has seen it."""
    verdict = classify(case(facts))
    found = to_record(
        outcome=output_examples.outcome(facts=facts),
        verdict=verdict,
        path=None,
        run=output_examples.RUN,
    )
    return verdict, output_examples.validated(encode_line(found))


@pytest.mark.parametrize(("version", "profile", "letters", "stage"), ENDS)
def test_first_flight_ends_there(
    version: ssl.TLSVersion, profile: HelloProfile, letters: str, stage: Stage
) -> None:
    """The hello, and then nothing of ours but the farewell; established, nothing signed checked."""
    client, peer = first_flight(profile), only(version)
    assert client.receive(peer.receive(client.start(1.0)), 2.0) == b""
    facts = facts_of(client)

    assert client.finished
    assert facts.history == letters
    assert facts.stage is stage
    assert facts.first_flight is FirstFlight.ASKED
    assert facts.certificates_sent == 1
    assert facts.key_proof is Checked.NOT_CHECKED
    assert (facts.completed, facts.confirmed_by) == (False, None)

    farewell = client.close(3.0)
    peer.receive(farewell)
    assert not peer.done
    if version == ssl.TLSVersion.TLSv1_3:
        # Two protected alerts: content type and tag make 19 octets of two.
        assert [farewell[at : at + 5].hex() for at in (0, 24)] == ["1703030013", "1703030013"]
        assert len(farewell) == 48
    else:
        assert farewell == POLITE[facts.version or 0]

    verdict, line = told(facts)
    assert verdict.checks.key is Checked.NOT_CHECKED
    handshake = line["handshake"]
    assert isinstance(handshake, dict)
    assert handshake["completed"] == "no"
    assert "confirmed_by" not in handshake
    # LEGACY offers TLS 1.2, so that something older is a cause of its own.
    expected = "failed" if version < ssl.TLSVersion.TLSv1_2 else "established"
    assert (verdict.outcome, line["outcome"]) == (expected, expected)


def test_first_flight_after_a_retry_request() -> None:
    """Under TLS 1.3 the certificate is behind a key exchange: the second hello is needed for it."""
    context = server_context()
    context.set_ecdh_curve("secp384r1")
    client = first_flight(BROWSER)
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.history[:4] == "CjIC"
    assert facts.first_flight is FirstFlight.ASKED
    assert told(facts)[0].outcome == "established"


def test_first_flight_after_a_retry_request_for_a_cookie() -> None:
    """What the ServerHello then chose is what was chosen: the retry named no group."""
    server = ServerTls13(first_flight(BROWSER))
    retry = server_hello(
        session_id=SESSION_ID,
        random=HELLO_RETRY_RANDOM,
        more=extensions((44, b"\x00\x01c"), CHOOSES_TLS13),
    )
    second = read_hello(server.tell(record(22, retry))[6:])
    # RFC 8446 section 4.4.1: message_hash in place of the first hello.
    first = message(254, server.transcript.digest())
    server.transcript = hashlib.sha256(first + retry + second.message)
    server.until(State.CERTIFICATE_VERIFY)
    facts = facts_of(server.client)

    assert violations(server.client.events) == []
    assert facts.first_flight is FirstFlight.ASKED
    assert (facts.version, facts.cipher_suite, facts.group) == (0x0304, 0x1301, 0x001D)


@pytest.mark.parametrize("version", [TLS12, TLS11, TLS10])
def test_a_wrong_signature_is_not_looked_at(version: int) -> None:
    """Up to TLS 1.2 it stands in the flight itself."""
    client = first_flight(override(BROWSER, Overrides(tls_min=TLS10)))
    client.start(1.0)
    spoilt = key_exchange(version, "P-256", ECDHE_PARAMS, spoilt=True)
    tell(client, version, hello(version, 0xC009), certificate("P-256"), spoilt, DONE)
    facts = facts_of(client)

    assert violations(client.events) == []
    assert facts.first_flight is FirstFlight.ASKED
    assert facts.key_proof is Checked.NOT_CHECKED
    assert "certificate.key_mismatch" not in cause_ids(facts)


def test_a_wrong_signature_of_tls13_is_not_waited_for() -> None:
    """It comes behind the certificate, in the same octets here, and is not read."""
    server = ServerTls13(first_flight(BROWSER))
    server.until(State.CERTIFICATE)
    flight = server.seal(server.certificate())
    flight += server.seal(message(15, bytes.fromhex("0403 0003 300101")))
    assert server.tell(flight) == b""
    facts = facts_of(server.client)

    assert history(server.client.events) == "Csorx"
    assert facts.first_flight is FirstFlight.ASKED
    assert facts.client_certificate_requested
    # Asked for, and nobody knows yet whether it is needed.
    assert "finding.client_certificate_optional" not in [
        found.entry.id for found in classify(case(facts)).findings
    ]


@pytest.mark.parametrize(
    ("profile", "reason"), [(SSL3, FirstFlight.VERSION), (BROAD, FirstFlight.VERSION)]
)
def test_ssl3_ends_for_its_own_reason(profile: HelloProfile, reason: FirstFlight) -> None:
    """Asked or not: SSL 3.0 is never completed, and that is what is told."""
    client = first_flight(profile)
    client.start(1.0)
    tell(client, SSLV3, hello(SSLV3, 0x002F), certificate("RSA-2048"), DONE)
    facts = facts_of(client)

    assert facts.first_flight is reason
    assert cause_ids(facts) == ["version.too_old"]
    told(facts)


def test_a_chain_is_judged_in_first_flight_too() -> None:
    """The bounds and rules of Certificate hold: an empty one is no flight."""
    server = ServerTls13(first_flight(BROWSER))
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(message(11, bytes(4))))

    assert violations(server.client.events) == ["empty_certificate"]
    assert facts_of(server.client).first_flight is None


def test_the_flight_of_a_server_that_stops_before_its_end() -> None:
    """No ServerHelloDone: not the whole flight, and so no ground to be content."""
    client = first_flight(LEGACY)
    client.start(1.0)
    tell(client, TLS12, hello(TLS12, 0x002F), certificate("RSA-2048"))
    ended = seen.Ended(9.0, EndedBy.TIMEOUT, None, 0, client.stage)
    facts = fold([*client.events, ended])

    assert facts.first_flight is None
    assert cause_ids(facts) == ["server.stalled"]


def test_the_hello_is_the_same_in_both_modes() -> None:
    """What is asked of the server does not depend on how far we go."""
    both = [conversation(first_flight_only=mode, alpn=("h2",)).start(1.0) for mode in (False, True)]

    assert both[0] == both[1]
    assert read_hello(both[0]).versions

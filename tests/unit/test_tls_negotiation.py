"""What a server may choose: one test for each rule that a ServerHello can break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.facts import fold
from fleetscan.tls import events as seen
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.session import State
from fleetscan.tls.violations import ALERTS, VIOLATIONS
from fleetscan.vocabulary import Checked, FirstFlight, Origin, Stage
from tests.tls_peers import (
    CHOOSES_TLS13,
    HELLO_RETRY_RANDOM,
    SERVER_HELLO_DONE,
    SESSION_ID,
    X25519_SHARE,
    ServerTls12,
    ServerTls13,
    conversation,
    extensions,
    facts_of,
    identity,
    message,
    record,
    server_hello,
    violations,
)

TLS13 = extensions(X25519_SHARE, CHOOSES_TLS13)
RETRY_P384 = (51, bytes.fromhex("0018"))
COOKIE = (44, bytes.fromhex("0003616263"))


def retry(*more: tuple[int, bytes], **changes: object) -> bytes:
    """A HelloRetryRequest (RFC 8446 section 4.1.4)."""
    return server_hello(
        session_id=SESSION_ID,
        random=HELLO_RETRY_RANDOM,
        more=extensions(*more, CHOOSES_TLS13),
        **changes,  # type: ignore[arg-type]
    )


# The rule, the alert's number as RFC 8446 section 6.2 has it, and the hello that breaks it.
BROKEN = [
    ("version_not_offered", 70, server_hello(legacy_version=0x0302)),
    ("version_not_offered", 70, server_hello(legacy_version=0x0300)),
    ("version_not_offered", 70, server_hello(legacy_version=0x0304)),
    (
        "version_not_offered",
        70,
        server_hello(session_id=SESSION_ID, more=extensions(X25519_SHARE, (43, b"\x03\x05"))),
    ),
    (
        "bad_legacy_version",
        47,
        server_hello(session_id=SESSION_ID, legacy_version=0x0304, more=TLS13),
    ),
    (
        "forbidden_extension",
        47,
        server_hello(suite=0xC02B, more=extensions((43, b"\x03\x03"))),
    ),
    ("cipher_suite_not_offered", 47, server_hello(session_id=SESSION_ID, suite=0x00C6, more=TLS13)),
    ("cipher_suite_not_offered", 47, server_hello(suite=0x0005)),
    (
        "cipher_suite_version_mismatch",
        47,
        server_hello(session_id=SESSION_ID, suite=0xC02B, more=TLS13),
    ),
    ("cipher_suite_version_mismatch", 47, server_hello(suite=0x1301)),
    ("session_id_mismatch", 47, server_hello(session_id=b"", more=TLS13)),
    ("session_id_mismatch", 47, server_hello(session_id=bytes(32), more=TLS13)),
    ("session_id_mismatch", 47, server_hello(suite=0xC02B, session_id=SESSION_ID)),
    ("compression_not_offered", 47, server_hello(session_id=SESSION_ID, compression=1, more=TLS13)),
    ("compression_not_offered", 47, server_hello(suite=0xC02B, compression=1)),
    (
        "downgrade_sentinel",
        47,
        server_hello(suite=0xC02B, random=bytes(24) + b"DOWNGRD\x01"),
    ),
    (
        "downgrade_sentinel",
        47,
        server_hello(suite=0xC02B, random=bytes(24) + b"DOWNGRD\x00"),
    ),
    (
        "missing_extension",
        109,
        server_hello(session_id=SESSION_ID, more=extensions(CHOOSES_TLS13)),
    ),
    (
        "group_not_offered",
        47,
        server_hello(
            session_id=SESSION_ID,
            more=extensions((51, bytes.fromhex("0018 0001 04")), CHOOSES_TLS13),
        ),
    ),
    (
        "bad_key_share",
        47,
        server_hello(
            session_id=SESSION_ID,
            more=extensions((51, bytes.fromhex("001d0020") + bytes(32)), CHOOSES_TLS13),
        ),
    ),
    (
        "bad_key_share",
        47,
        server_hello(
            session_id=SESSION_ID,
            more=extensions((51, bytes.fromhex("00170041 04") + bytes(64)), CHOOSES_TLS13),
        ),
    ),
    (
        "extension_not_offered",
        110,
        server_hello(
            session_id=SESSION_ID, more=extensions(X25519_SHARE, CHOOSES_TLS13, (99, b""))
        ),
    ),
    (
        "forbidden_extension",
        47,
        server_hello(
            session_id=SESSION_ID, more=extensions(X25519_SHARE, CHOOSES_TLS13, (13, b""))
        ),
    ),
    ("extension_not_offered", 110, server_hello(suite=0xC02B, more=extensions((15, b"\x01")))),
    ("forbidden_extension", 47, server_hello(suite=0xC02B, more=extensions(X25519_SHARE))),
    (
        "duplicate_extension",
        47,
        server_hello(suite=0xC02B, more=extensions((35, b""), (35, b""))),
    ),
    (
        "bad_renegotiation_info",
        40,
        server_hello(suite=0xC02B, more=extensions((65281, b"\x01x"))),
    ),
    (
        "alpn_not_offered",
        47,
        server_hello(suite=0xC02B, more=extensions((16, bytes.fromhex("0003026833")))),
    ),
    ("useless_hello_retry_request", 47, retry()),
    ("useless_hello_retry_request", 47, retry((51, bytes.fromhex("001d")))),
    ("group_not_offered", 47, retry((51, bytes.fromhex("11ed")))),
    ("extension_not_offered", 110, retry(RETRY_P384, (99, b""))),
    ("cipher_suite_not_offered", 47, retry(RETRY_P384, suite=0x00C6)),
    (
        "version_changed",
        47,
        server_hello(suite=0xC02B, random=HELLO_RETRY_RANDOM, more=extensions(RETRY_P384)),
    ),
    ("decode_error", 50, message(2, server_hello(suite=0xC02B)[4:] + b"\x00\x05")),
]


@pytest.mark.parametrize(
    ("rule", "alert", "hello"), BROKEN, ids=[f"{n}-{b[0]}" for n, b in enumerate(BROKEN)]
)
def test_a_rule_of_server_hello_is_broken(rule: str, alert: int, hello: bytes) -> None:
    """The rule by name, its alert in the clear, and the end at server_hello."""
    client = conversation(alpn=("h2",))
    client.start(1.0)
    said = client.receive(record(22, hello), 2.0)

    assert violations(client.events) == [rule]
    assert client.events[-1] == seen.AlertSeen(2.0, Origin.LOCAL, 2, alert)
    assert said.endswith(bytes([2, alert]))
    assert client.finished
    assert client.stage in (Stage.SERVER_HELLO, Stage.KEY_EXCHANGE)


def test_what_the_server_chose_is_told_before_it_is_refused() -> None:
    """A version that was not offered is a violation, and still a fact."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, server_hello(legacy_version=0x0302, suite=0xC013)), 2.0)
    facts = fold(client.events)

    assert (facts.version, facts.cipher_suite) == (0x0302, 0xC013)
    assert facts.violation == "version_not_offered"


def test_a_second_hello_retry_request_is_refused() -> None:
    """RFC 8446 section 4.1.4: one only."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, retry(RETRY_P384)), 2.0)
    assert violations(client.events) == []
    client.receive(record(22, retry(COOKIE)), 3.0)
    assert violations(client.events) == ["second_hello_retry_request"]


def test_a_cookie_alone_is_reason_enough() -> None:
    """The cookie comes back, the shares stay (RFC 8446 section 4.2.2)."""
    client = conversation()
    first = client.start(1.0)
    second = client.receive(record(22, retry(COOKIE)), 2.0)

    assert violations(client.events) == []
    assert bytes.fromhex("002c 0005 0003616263") in second
    for group in ("001d0020", "00170041"):
        at = first.index(bytes.fromhex(group))
        assert first[at : at + 36] in second


def test_the_suite_may_not_change_after_a_retry() -> None:
    """RFC 8446 section 4.1.4: the value of HelloRetryRequest stays."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, retry(COOKIE)), 2.0)
    hello = server_hello(session_id=SESSION_ID, suite=0x1303, more=TLS13)
    client.receive(record(22, hello), 3.0)
    assert violations(client.events) == ["cipher_suite_changed"]


def test_the_group_of_a_retry_is_the_one_to_use() -> None:
    """After asking for P-384 a server may not use X25519 (RFC 8446 section 4.2.8)."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, retry(RETRY_P384)), 2.0)
    client.receive(record(22, server_hello(session_id=SESSION_ID, more=TLS13)), 3.0)
    assert violations(client.events) == ["group_not_offered"]


def test_the_version_may_not_change_after_a_retry() -> None:
    """HelloRetryRequest said TLS 1.3."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, retry(COOKIE)), 2.0)
    client.receive(record(22, server_hello(suite=0xC02B)), 3.0)
    assert violations(client.events) == ["version_changed"]


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("extension_not_offered", extensions((99, b""))),
        ("extension_not_offered", extensions((28, b"\x40\x01"))),
        ("forbidden_extension", extensions((51, b""))),
        ("forbidden_extension", extensions((5, b""))),
        ("alpn_not_offered", extensions((16, bytes.fromhex("0003026833")))),
        ("alpn_not_offered", extensions((16, bytes.fromhex("0006026832026833")))),
        ("decode_error", b"\x00\x01"),
    ],
)
def test_a_rule_of_encrypted_extensions_is_broken(rule: str, body: bytes) -> None:
    """RFC 8446 section 4.3.1 and RFC 7301 section 3.1."""
    server = ServerTls13(conversation(alpn=("h2",)))
    server.until(State.ENCRYPTED_EXTENSIONS)
    server.tell(server.seal(message(8, body)))
    assert violations(server.client.events) == [rule]


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("empty_certificate", bytes.fromhex("00 000000")),
        ("certificate_context_not_empty", bytes.fromhex("0178 000006 000001 30 0000")),
        ("extension_not_offered", bytes.fromhex("00 00000a 000001 30 0004 0063 0000")),
        ("forbidden_extension", bytes.fromhex("00 00000a 000001 30 0004 000d 0000")),
        ("bad_certificate_status", bytes.fromhex("00 00000b 000001 30 0005 0005 0001 09")),
    ],
)
def test_a_rule_of_certificate_is_broken(rule: str, body: bytes) -> None:
    """RFC 8446 section 4.4.2."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE)
    server.tell(server.seal(message(11, body)))
    assert violations(server.client.events) == [rule]


def test_a_certificate_request_without_signature_algorithms() -> None:
    """RFC 8446 section 4.3.2: MUST be specified."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(message(13, b"\x00" + extensions((47, b"")))))
    assert violations(server.client.events)[0] in ("missing_extension", "decode_error")


@pytest.mark.parametrize(
    ("rule", "algorithm"),
    [
        ("signature_scheme_not_offered", 0x0203),
        ("signature_scheme_not_offered", 0x0904),
        ("signature_scheme_mismatch", 0x0804),
        ("signature_scheme_mismatch", 0x0503),
        ("signature_scheme_mismatch", 0x0401),
        ("signature_scheme_mismatch", 0x0807),
    ],
)
def test_a_signature_scheme_that_cannot_be(rule: str, algorithm: int) -> None:
    """A P-256 key signs with ecdsa_secp256r1_sha256 and nothing else (RFC 8446 section 4.2.3)."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_VERIFY)
    server.tell(server.seal(message(15, algorithm.to_bytes(2, "big") + b"\x00\x01x")))
    assert violations(server.client.events) == [rule]


def test_an_unreadable_leaf_leaves_the_key_unchecked() -> None:
    """What cannot be read cannot be blamed: NOT_CHECKED, and the handshake goes on."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE)
    server.tell(server.seal(message(11, bytes.fromhex("00 000006 000001 30 0000"))))
    server.tell(server.seal(server.certificate_verify()))
    server.tell(server.seal(server.finished()))
    facts = facts_of(server.client)

    assert facts.key_proof.value == "not_checked"
    assert facts.completed
    assert violations(server.client.events) == []


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("decode_error", lambda ske: ske[:4] + b"\x01" + ske[5:]),  # explicit curve
        ("group_not_offered", lambda ske: ske[:5] + b"\x00\x1e" + ske[7:]),
        ("signature_scheme_not_offered", lambda ske: ske[:40] + b"\x02\x03" + ske[42:]),
        ("signature_scheme_mismatch", lambda ske: ske[:40] + b"\x04\x01" + ske[42:]),
        ("decode_error", lambda ske: ske[:1] + b"\x00\x00\x02" + ske[4:6]),
    ],
)
def test_a_rule_of_server_key_exchange_is_broken(rule: str, change: object) -> None:
    """RFC 8422 section 5.4, RFC 5246 section 7.4.3."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_KEY_EXCHANGE)
    server.tell(server.say(change(server.server_key_exchange())))  # type: ignore[operator]
    assert violations(server.client.events) == [rule]


def test_tls12_certificate_of_the_wrong_kind() -> None:
    """ECDHE_ECDSA with an RSA certificate (RFC 5246 section 7.4.2)."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    assert identity("RSA-2048").parsed.key_type == "RSA"
    server.tell(server.say(server.certificate("RSA-2048")))
    assert violations(server.client.events) == ["key_exchange_mismatch"]


def test_server_hello_done_is_empty() -> None:
    """RFC 5246 section 7.4.5."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_DONE)
    server.tell(server.say(message(14, b"\x00")))
    assert violations(server.client.events) == ["decode_error"]


def test_hello_request_is_ignored_under_way() -> None:
    """RFC 5246 section 7.4.1.1: no part of the transcript, no reason to end."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_FINISHED)
    assert server.write is not None
    server.tell(server.write.seal(22, message(0, b"")))
    server.tell(server.say(server.finished()))
    assert facts_of(server.client).completed


def test_hello_request_before_server_hello_is_ignored() -> None:
    """RFC 5246 section 7.4.1.1: it may be sent at any time, and our hello is under way."""
    server = ServerTls12(conversation())
    server.client.receive(record(22, message(0, b"")), 2.0)
    server.until(State.TLS12_FINISHED)
    server.tell(server.say(server.finished()))

    assert facts_of(server.client).completed


def test_hello_requests_without_end_are_refused() -> None:
    """What carries nothing forward is bounded."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, message(0, b"") * 100), 2.0)

    assert violations(client.events) == ["too_many_empty_records"]


def test_the_rules_are_listed_once_each() -> None:
    """Fixed snake_case words, each with an alert of RFC 8446 section 6 and a sentence."""
    rules = [violation.rule for violation in VIOLATIONS]
    assert len(set(rules)) == len(rules) == len(ALERTS)
    for violation in VIOLATIONS:
        assert violation.rule.replace("_", "").isalnum()
        assert violation.rule == violation.rule.lower()
        assert violation.sentence.endswith(".")


# -- more offered than can be finished ------------------------------------------------


def greedy(**changes: tuple[int, ...]) -> HelloProfile:
    """A profile that offers more than this client can do."""
    fields: dict[str, tuple[int, ...]] = {
        "cipher_suites": (*BROWSER.cipher_suites, 0x00C6, 0xC05C, 0xC086),
        "groups": (*BROWSER.groups, 0x0200),
    }
    return replace(BROWSER, **(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hello", "stage"),
    [
        (retry((51, bytes.fromhex("0200"))), Stage.SERVER_HELLO),
        (retry(RETRY_P384, suite=0x00C6), Stage.SERVER_HELLO),
        (server_hello(session_id=SESSION_ID, suite=0x00C6, more=TLS13), Stage.KEY_EXCHANGE),
    ],
)
def test_what_we_cannot_finish_is_not_the_servers_fault(hello: bytes, stage: Stage) -> None:
    """The server chose what was offered: the client ends politely, without a violation."""
    client = conversation(profile=greedy())
    client.start(1.0)
    client.receive(record(22, hello), 2.0)

    assert client.finished
    assert client.stage is stage
    assert violations(client.events) == []
    assert client.close(3.0).endswith(b"\x01\x00")


@pytest.mark.parametrize("suite", [0xC05C, 0xC086])
def test_a_tls12_suite_we_cannot_finish(suite: int) -> None:
    """The certificate is still read."""
    client = conversation(profile=greedy())
    server = ServerTls12(client)
    server.tell(server.say(server_hello(suite=suite)) + server.say(server.certificate()))
    assert not client.finished
    server.tell(server.say(server.server_key_exchange()) + server.say(SERVER_HELLO_DONE))
    facts = facts_of(client)

    assert client.finished
    assert (facts.stage, facts.violation) == (Stage.KEY_EXCHANGE, "")
    assert facts.first_flight is FirstFlight.CIPHER_SUITE
    assert facts.certificates_sent == 1
    assert facts.key_proof is Checked.YES
    # user_canceled(90), close_notify(0), as warnings (RFC 5246 section 7.2.1)
    assert client.close(3.0) == bytes.fromhex("1503030002015a 15030300020100")

"""Complete handshakes with OpenSSL, in memory: every suite, group, key and version offered."""

from __future__ import annotations

import ssl

import pytest

from fleetscan.registry import cipher_suites
from fleetscan.tls import events as seen
from fleetscan.tls.client import Client
from fleetscan.tls.profile import is_grease
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.protection import ProtectionTls13
from fleetscan.tls.session import Session
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.vocabulary import Alert, Checked, ConfirmedBy, EndedBy, Origin, Stage
from tests.tls_peers import (
    OpenSslPeer,
    conversation,
    converse,
    facts_of,
    server_context,
    server_tls12,
    single_octets,
    violations,
)

# OpenSSL's name, IANA's code point, the key that the suite wants.
TLS12_SUITES = [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B, "P-256"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C, "P-256"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9, "P-256"),
    ("ECDHE-RSA-AES128-GCM-SHA256", 0xC02F, "RSA-2048"),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xC030, "RSA-2048"),
    ("ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8, "RSA-2048"),
    ("ECDHE-ECDSA-AES128-SHA", 0xC009, "P-256"),
    ("ECDHE-ECDSA-AES256-SHA", 0xC00A, "P-256"),
    ("ECDHE-RSA-AES128-SHA", 0xC013, "RSA-2048"),
    ("ECDHE-RSA-AES256-SHA", 0xC014, "RSA-2048"),
    ("AES128-GCM-SHA256", 0x009C, "RSA-2048"),
    ("AES256-GCM-SHA384", 0x009D, "RSA-2048"),
    ("AES128-SHA", 0x002F, "RSA-2048"),
    ("AES256-SHA", 0x0035, "RSA-2048"),
]
KEYS = [
    ("P-256", 0x0403),
    ("P-384", 0x0503),
    ("P-521", 0x0603),
    ("RSA-2048", 0x0804),
    ("Ed25519", 0x0807),
]
GROUPS = [
    ("X25519", 0x001D, False),
    ("prime256v1", 0x0017, False),
    ("secp384r1", 0x0018, True),
    ("secp521r1", 0x0019, True),
]


def test_the_suites_tested_here_are_those_offered() -> None:
    """What the hello offers the client must be able to finish, so each is in this file."""
    tls13 = {0x1301, 0x1302, 0x1303}
    offered = {code for code in BROWSER.cipher_suites if not is_grease(code)}
    assert {code for _, code, _ in TLS12_SUITES} | tls13 == offered


@pytest.mark.parametrize(("name", "code", "kind"), TLS12_SUITES, ids=[s[0] for s in TLS12_SUITES])
@pytest.mark.parametrize("cut", ["whole", "octets"])
def test_tls12_suite_is_completed(name: str, code: int, kind: str, cut: str) -> None:
    """The server's Finished is checked and is the confirmation (RFC 5246 section 7.4.9)."""
    peer = OpenSslPeer(server_tls12(kind, name))
    client = conversation()
    if cut == "whole":
        converse(client, peer)
    else:
        converse(client, peer, single_octets)
    facts = facts_of(client)

    assert peer.done
    assert peer.connection.version() == "TLSv1.2"
    assert facts.cipher_suite == code
    assert facts.version == 0x0303
    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert facts.key_proof is Checked.YES
    assert facts.stage is Stage.CONFIRMED
    assert facts.renegotiation_info
    forward_secret = cipher_suites.PARTS[code][4]
    assert facts.history == ("CsxknGIFtif" if forward_secret else "CsxnGIFtif")
    # OpenSSL takes our close_notify for what it is: the keys agree in both directions.
    assert peer.connection.read() == b""


@pytest.mark.parametrize(("kind", "scheme"), KEYS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_each_kind_of_key_is_proved(kind: str, scheme: int, version: str) -> None:
    """CertificateVerify and ServerKeyExchange check under the scheme that fits the key."""
    context = server_context(kind) if version == "1.3" else server_tls12(kind)
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.signature_scheme is not None
    if version == "1.3":
        assert facts.signature_scheme == scheme
    else:
        # TLS 1.2 names hash and algorithm apart: any hash goes with any curve.
        assert facts.signature_scheme & 0xFF == scheme & 0xFF
    assert facts.key_proof is Checked.YES
    assert facts.completed
    assert facts.confirmed_by is (ConfirmedBy.TICKET if version == "1.3" else ConfirmedBy.FINISHED)


def only_group(context: ssl.SSLContext, curve: str) -> None:
    """Let the server use this group; X25519, which some builds cannot name, it prefers anyway."""
    if curve != "X25519":
        context.set_ecdh_curve(curve)


@pytest.mark.parametrize(("curve", "group", "retried"), GROUPS)
def test_each_group_works_with_tls13(curve: str, group: int, retried: bool) -> None:
    """A group without a share costs a HelloRetryRequest (RFC 8446 section 4.1.4), no more."""
    context = server_context()
    only_group(context, curve)
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.group == group
    assert facts.hello_retry_requested is retried
    assert facts.confirmed_by is ConfirmedBy.TICKET
    # OpenSSL's change_cipher_spec comes behind its first message, retry or not.
    assert facts.history == ("CjICisoxyfFt" if retried else "CsioxyfIFt")


@pytest.mark.parametrize(("curve", "group", "_retried"), GROUPS)
def test_each_group_works_with_tls12(curve: str, group: int, _retried: bool) -> None:
    """ECDHE over every group that is offered (RFC 8422 section 5.4)."""
    context = server_tls12()
    only_group(context, curve)
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.group == group
    assert facts.confirmed_by is ConfirmedBy.FINISHED


def test_tls13_required_client_certificate_is_refused_after_our_finished() -> None:
    """certificate_required(116) comes when a client already thinks it is done."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.completed
    assert facts.confirmed_by is None
    assert facts.stage is Stage.CLIENT_FINISHED
    assert facts.alert == Alert(origin=Origin.PEER, level=2, description=116)
    assert facts.ended_by is EndedBy.ALERT
    assert facts.client_certificate_requested
    assert not facts.client_certificate_sent
    assert facts.history == "CsiorxyfIXFl"


def test_tls12_required_client_certificate_is_refused_before_its_finished() -> None:
    """TLS 1.2 says handshake_failure(40) to the empty Certificate (RFC 5246 section 7.4.6)."""
    context = server_tls12()
    context.verify_mode = ssl.CERT_REQUIRED
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert not facts.completed
    assert facts.stage is Stage.CLIENT_FINISHED
    assert facts.alert == Alert(origin=Origin.PEER, level=2, description=40)
    assert facts.client_certificate_requested


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_optional_client_certificate_is_done_without(version: str) -> None:
    """A server that only asks accepts the empty Certificate."""
    context = server_context() if version == "1.3" else server_tls12()
    context.verify_mode = ssl.CERT_OPTIONAL
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.client_certificate_requested
    assert facts.confirmed_by is (ConfirmedBy.TICKET if version == "1.3" else ConfirmedBy.FINISHED)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_alpn_is_what_the_server_chose(version: str) -> None:
    """RFC 7301 section 3.1: one of those offered, in either version's message."""
    context = server_context() if version == "1.3" else server_tls12()
    context.set_alpn_protocols(["http/1.1"])
    client = conversation(alpn=("h2", "http/1.1"))
    converse(client, OpenSslPeer(context))

    assert facts_of(client).alpn == "http/1.1"


def test_the_server_name_arrives() -> None:
    """What the server reads in server_name is the name asked for (RFC 6066 section 3)."""
    names: list[str | None] = []
    context = server_context()
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    for name in ("server.test", "", "127.0.0.1", "::1", "trailing.test."):
        converse(conversation(server_name=name), OpenSslPeer(context))

    assert names == ["server.test", None, None, None, "trailing.test"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_tls11_only_server_sends_its_alert() -> None:
    """OpenSSL without a common version says protocol_version(70), in the clear."""
    context = server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_3 | ssl.OP_NO_TLSv1_2
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    client = conversation()
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.alert == Alert(origin=Origin.PEER, level=2, description=70)
    assert facts.stage is Stage.SERVER_HELLO
    assert facts.is_tls is Checked.YES


def test_a_bad_finished_of_ours_would_be_seen() -> None:
    """The control: OpenSSL refuses a client whose secrets are not its own."""
    client = conversation()
    peer = OpenSslPeer(server_context())
    answer = client.receive(peer.receive(client.start(0.0)), 1.0)
    spoilt = answer[:-1] + bytes([answer[-1] ^ 1])
    client.receive(peer.receive(spoilt), 2.0)

    assert not peer.done
    assert facts_of(client).confirmed_by is None


def test_silence_confirms_only_after_our_finished() -> None:
    """The engine's confirm deadline passes: consent after Finished, nothing before."""
    early = conversation()
    early.start(0.0)
    early.silence(1.0)
    assert facts_of(early).confirmed_by is None

    context = server_context()
    context.num_tickets = 0
    client = conversation()
    peer = OpenSslPeer(context)
    answer = client.receive(peer.receive(client.start(0.0)), 1.0)
    assert peer.receive(answer) == b""
    assert (client.waiting, client.finished) == ("confirm", False)
    client.silence(2.0)
    assert facts_of(client).confirmed_by is ConfirmedBy.SILENCE
    assert client.finished


@pytest.mark.parametrize("asked", [False, True])
def test_fin_confirms_unless_a_certificate_was_asked_for(asked: bool) -> None:
    """A server that wants a certificate and gets none may just close: that is no consent."""
    context = server_context()
    context.num_tickets = 0
    if asked:
        context.verify_mode = ssl.CERT_OPTIONAL
    client = conversation()
    peer = OpenSslPeer(context)
    client.receive(peer.receive(client.start(0.0)), 1.0)
    assert client.waiting == ("confirm_client_auth" if asked else "confirm")
    client.receive_end(2.0)

    assert facts_of(client).confirmed_by is (None if asked else ConfirmedBy.CLOSE)
    assert client.finished


def test_application_data_confirms() -> None:
    """A server that speaks first, as SMTP over TLS does, has accepted us."""
    context = server_context()
    context.num_tickets = 0
    client = conversation()
    peer = OpenSslPeer(context)
    peer.receive(client.receive(peer.receive(client.start(0.0)), 1.0))
    peer.connection.write(b"220 ready\r\n")
    client.receive(peer.receive(b""), 2.0)

    assert facts_of(client).confirmed_by is ConfirmedBy.DATA
    assert facts_of(client).history.endswith("d")


def test_key_update_is_understood_and_answered() -> None:
    """After the server's KeyUpdate its next record opens (RFC 8446 section 4.6.3)."""
    context = server_context()
    context.num_tickets = 0
    client = conversation()
    peer = OpenSslPeer(context)
    peer.receive(client.receive(peer.receive(client.start(0.0)), 1.0))
    assert isinstance(client._client, Client)
    session: Session = client._client.session
    assert session.schedule is not None
    server = ProtectionTls13(
        session.cipher_suite, session.schedule.server_application_traffic_secret
    )
    update = server.seal(22, bytes.fromhex("1800000101"))
    server.update()

    answer = client.receive(update + server.seal(23, b"hello"), 2.0)

    assert facts_of(client).confirmed_by is ConfirmedBy.DATA
    # OpenSSL opens our answer, and the close_notify behind it under our next keys.
    peer.receive(answer + client.close(3.0))
    assert peer.error is None or isinstance(peer.error, ssl.SSLZeroReturnError)


def test_every_suite_offered_has_its_parts() -> None:
    """No suite up to TLS 1.2 is offered that the client would have to give up on."""
    for code in BROWSER.cipher_suites[1:]:
        assert (suite_tls12(code) is None) == (code >> 8 == 0x13)


def test_no_violation_in_any_honest_handshake() -> None:
    """What this file calls honest breaks no rule: a control for the tests of violations."""
    client = conversation()
    converse(client, OpenSslPeer(server_context()))
    assert violations(client.events) == []
    assert not any(isinstance(event, seen.AlertSeen) for event in client.events)

"""Every bound on what a peer may send: reached, and gone over by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleetscan import limits
from fleetscan.causes.model import Confidence
from fleetscan.tls.client import Client
from fleetscan.tls.session import State
from fleetscan.tls.violations import ALERTS, OUR_BOUNDS
from tests.facts_builder import only_cause
from tests.tls_peers import (
    CHANGE_CIPHER_SPEC,
    CHOOSES_TLS13,
    ENCRYPTED_EXTENSIONS,
    HELLO_RETRY_RANDOM,
    SERVER_HELLO_DONE,
    SESSION_ID,
    TICKET,
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

DER = identity("P-256").der


def vector(content: bytes, length_octets: int) -> bytes:
    """Length and content."""
    return len(content).to_bytes(length_octets, "big") + content


def chain_tls12(*ders: bytes) -> bytes:
    """Certificate (RFC 5246 section 7.4.2)."""
    return message(11, vector(b"".join(vector(der, 3) for der in ders), 3))


def chain_tls13(*ders: bytes) -> bytes:
    """Certificate without context and extensions (RFC 8446 section 4.4.2)."""
    entries = b"".join(vector(der, 3) + b"\x00\x00" for der in ders)
    return message(11, b"\x00" + vector(entries, 3))


# -- one function for each bound: what a peer that has `count` of it is told ------------------


def certificates_tls12(count: int) -> list[str]:
    """Certificates of one chain; the smallest, so that no other bound is met first."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    server.tell(server.say(chain_tls12(DER, *[b"0"] * (count - 1))))
    return violations(server.client.events)


def certificates_tls13(count: int) -> list[str]:
    """The same in TLS 1.3."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(chain_tls13(DER, *[b"0"] * (count - 1))))
    return violations(server.client.events)


# A ServerHello's body without session id and extensions, which is kept whole and by fields:
# version, random, the session id's length, suite, compression, the extensions' length.
HELLO_KEPT = 2 * (2 + 32 + 1 + 2 + 1 + 2)


def message_in_all(count: int) -> list[str]:
    """Octets of one handshake message behind its header, and of the ServerHello before it."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    chain = chain_tls12(DER, bytes(count - HELLO_KEPT - 3 - 3 - 3 - len(DER)))
    assert len(chain) == 4 + count - HELLO_KEPT
    server.tell(b"".join(record(22, part) for part in cut(chain)))
    return violations(server.client.events)


def message_beside_what_is_kept(count: int) -> list[str]:
    """The next message has what hello and certificates left (`count` octets for all bodies)."""
    chain = chain_tls12(DER, bytes(20_000))
    return next_message(chain, count - HELLO_KEPT - (len(chain) - 4))


def message_beside_much_that_is_kept(count: int) -> list[str]:
    """However much that is, there is some room always: a CertificateVerify must have its place."""
    return next_message(chain_tls12(DER, bytes(limits.MAX_HANDSHAKE_MESSAGE - 2_000)), count)


def next_message(chain: bytes, room: int) -> list[str]:
    """Whether a message of this size is read behind a chain; it has no layout of any kind."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    server.tell(b"".join(record(22, part) for part in cut(chain)))
    assert violations(server.client.events) == []
    server.tell(b"".join(record(22, part) for part in cut(message(12, bytes(room)))))
    return violations(server.client.events)


def cut(octets: bytes) -> list[bytes]:
    """Fragments of records."""
    return [octets[start : start + 16_384] for start in range(0, len(octets), 16_384)]


def extensions_of_a_message(count: int) -> list[str]:
    """Extensions of a ServerHello; that most were never offered is another rule."""
    client = conversation()
    client.start(1.0)
    more = extensions(*((0x7000 + number, b"") for number in range(count)))
    client.receive(record(22, server_hello(suite=0xC02B, more=more)), 2.0)
    return violations(client.events)


def inflated(count: int) -> list[str]:
    """Octets that a compressed certificate promises to have."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    body = b"\x00\x01" + count.to_bytes(3, "big") + vector(b"no stream", 3)
    server.tell(server.seal(message(25, body)))
    return violations(server.client.events)


def octets_of_a_flight(count: int) -> list[str]:
    """Octets in all, most of them padding (RFC 8446 section 5.4) of records of one octet each."""
    server = ServerTls13(conversation())
    certificate = server.certificate()
    flight = server.hello() + server.seal(ENCRYPTED_EXTENSIONS)
    # A record's header and tag, the type that is padded, and the octet carried.
    least = 5 + 16 + 1 + 1
    at = 0
    while len(flight) < count:
        size = min(16_383, count - len(flight) - least)
        if size < 0:
            break
        inner = certificate[at : at + 1] + b"\x16" + bytes(size)
        flight += server.write.seal(0, inner[:-1]) if size else server.write.seal(22, inner[:1])
        at += 1
    flight += b"\x17" * (count - len(flight))
    assert len(flight) == count
    server.tell(flight)
    return violations(server.client.events)


def warnings(count: int) -> list[str]:
    """unrecognized_name(112) before ServerHello, each in its record."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, b"\x01\x70") * count, 2.0)
    return violations(client.events)


def warnings_in_one_record(count: int) -> list[str]:
    """RFC 5246 section 6.2.1 lets several be in one record."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, b"\x01\x70" * count), 2.0)
    return violations(client.events)


def cancellations(count: int) -> list[str]:
    """user_canceled(90) is no end of its own (RFC 8446 section 6.1)."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    for _ in range(count):
        server.tell(server.seal(b"\x01\x5a", 21))
    return violations(server.client.events)


def empty_handshake_records(count: int) -> list[str]:
    """In the clear, before ServerHello."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, b"") * count, 2.0)
    return violations(client.events)


def empty_alert_records(count: int) -> list[str]:
    """Alerts that say nothing."""
    client = conversation()
    client.start(1.0)
    client.receive(record(21, b"") * count, 2.0)
    return violations(client.events)


def change_cipher_specs(count: int) -> list[str]:
    """RFC 8446 section 5 drops each of them."""
    server = ServerTls13(conversation())
    server.until(State.ENCRYPTED_EXTENSIONS)
    server.tell(CHANGE_CIPHER_SPEC * count)
    return violations(server.client.events)


def hello_requests(count: int) -> list[str]:
    """RFC 5246 section 7.4.1.1 ignores each of them."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    server.tell(record(22, message(0, b"") * count))
    return violations(server.client.events)


def empty_application_data(count: int) -> list[str]:
    """RFC 8446 section 5.1 allows it, as cover traffic."""
    server = ServerTls13(conversation())
    server.until(State.CONFIRMATION)
    for _ in range(count):
        server.tell(server.seal(b"", 23))
    return violations(server.client.events)


def early_tickets(count: int) -> list[str]:
    """Tickets behind the server's own Finished say nothing after a CertificateRequest."""
    server = ServerTls13(conversation())
    server.until(State.FINISHED, request=True)
    flight = server.seal(server.finished())
    server.application_keys()
    server.tell(flight + b"".join(server.write.seal(22, TICKET) for _ in range(count)))
    return violations(server.client.events)


def retry_requests(count: int) -> list[str]:
    """A cookie each, which is reason enough for one."""
    client = conversation()
    client.start(1.0)
    retry = server_hello(
        session_id=SESSION_ID,
        random=HELLO_RETRY_RANDOM,
        more=extensions((44, b"\x00\x01c"), CHOOSES_TLS13),
    )
    client.receive(record(22, retry) * count, 2.0)
    return violations(client.events)


Peer = Callable[[int], list[str]]

# The rule, the bound, the peer, and what one at the bound is told about something else.
BOUNDS: list[tuple[str, int, Peer, list[str]]] = [
    ("too_many_certificates", limits.MAX_CERTIFICATES, certificates_tls12, []),
    ("too_many_certificates", limits.MAX_CERTIFICATES, certificates_tls13, []),
    ("message_too_large", limits.MAX_HANDSHAKE_MESSAGE, message_in_all, []),
    (
        "message_too_large",
        limits.MAX_HANDSHAKE_MESSAGE,
        message_beside_what_is_kept,
        ["decode_error"],
    ),
    (
        "message_too_large",
        limits.MIN_MESSAGE_ROOM,
        message_beside_much_that_is_kept,
        ["decode_error"],
    ),
    (
        "too_many_extensions",
        limits.MAX_EXTENSIONS,
        extensions_of_a_message,
        ["extension_not_offered"],
    ),
    ("inflated_too_large", limits.MAX_INFLATED, inflated, ["bad_compressed_certificate"]),
    ("flight_too_large", limits.MAX_FLIGHT, octets_of_a_flight, []),
    ("too_many_warnings", limits.MAX_WARNING_ALERTS, warnings, []),
    ("too_many_warnings", limits.MAX_WARNING_ALERTS, warnings_in_one_record, []),
    ("too_many_warnings", limits.MAX_WARNING_ALERTS, cancellations, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, empty_handshake_records, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, empty_alert_records, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, change_cipher_specs, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, hello_requests, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, empty_application_data, []),
    ("too_many_empty_records", limits.MAX_EMPTY_RECORDS, early_tickets, []),
    ("second_hello_retry_request", 1, retry_requests, []),
]
IDS = [f"{rule}-{peer.__name__}" for rule, _, peer, _ in BOUNDS]


@pytest.mark.parametrize(("rule", "bound", "peer", "else_told"), BOUNDS, ids=IDS)
def test_a_bound_is_what_it_says(rule: str, bound: int, peer: Peer, else_told: list[str]) -> None:
    """At the bound nothing is said of it; one more breaks the rule by its name."""
    assert peer(bound) == else_told
    assert peer(bound + 1) == [rule]


def test_every_bound_of_ours_is_here() -> None:
    """Those of which a verdict says that they are ours and not TLS's."""
    assert {rule for rule, *_ in BOUNDS} >= OUR_BOUNDS
    assert set(ALERTS) >= OUR_BOUNDS


def test_what_is_over_a_bound_of_ours_is_suspected() -> None:
    """TLS lets a message have 2^24 octets (RFC 8446 section 4): the server may be honest."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_CERTIFICATE)
    server.tell(server.say(chain_tls12(DER, *[b"0"] * limits.MAX_CERTIFICATES)))
    cause = only_cause(facts_of(server.client))

    assert cause.entry.id == "server.protocol_violation"
    assert cause.match.confidence is Confidence.SUSPECTED


def test_nothing_is_read_over_the_bound_of_a_flight() -> None:
    """What comes behind it, however much at once, changes nothing any more."""
    client = conversation()
    client.start(1.0)
    client.receive(record(22, b"\x02") * 2, 2.0)
    client.receive(bytes(1 << 20), 3.0)
    before = list(client.events)
    client.receive(bytes(1 << 20), 4.0)

    assert client.finished
    assert client.events == before


def test_a_staple_is_kept_and_counted() -> None:
    """What comes in CertificateStatus takes room as a chain does."""
    server = ServerTls12(conversation())
    server.until(State.TLS12_STATUS)
    status = message(22, b"\x01" + vector(bytes(32_000), 3))
    server.tell(b"".join(record(22, part) for part in cut(status)))
    assert violations(server.client.events) == []
    more = message(12, bytes(limits.MIN_MESSAGE_ROOM + 1))
    server.tell(b"".join(record(22, part) for part in cut(more)))

    assert violations(server.client.events) == ["message_too_large"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_schemes_of_a_request_are_kept_once_each(version: str) -> None:
    """A CertificateRequest has room for 20,000; the user's key needs to know which there are."""
    schemes = vector(bytes.fromhex("7777 0403 0804") * 6_000, 2)
    if version == "1.2":
        older = ServerTls12(conversation())
        older.until(State.TLS12_REQUEST_OR_DONE)
        request = message(13, b"\x01\x40" + schemes + b"\x00\x00")
        older.tell(b"".join(record(22, part) for part in cut(request)))
        client = older.client
    else:
        newer = ServerTls13(conversation())
        newer.until(State.CERTIFICATE_OR_REQUEST)
        newer.tell(newer.seal(message(13, b"\x00" + extensions((13, schemes)))))
        client = newer.client
    assert isinstance(client._client, Client)

    assert violations(client.events) == []
    assert client._client.session.request_schemes == (0x0403, 0x0804)


def test_bounds_do_not_touch_an_honest_server() -> None:
    """The control: all that is allowed at once, one below each bound."""
    server = ServerTls12(conversation())
    server.tell(record(21, b"\x01\x70") * limits.MAX_WARNING_ALERTS)
    server.tell(server.say(server.hello()))
    chain = chain_tls12(DER, *[b"0"] * (limits.MAX_CERTIFICATES - 1))
    server.tell(record(22, b"") * limits.MAX_EMPTY_RECORDS + server.say(chain))
    server.tell(server.say(server.server_key_exchange()))
    server.take_flight(server.tell(server.say(SERVER_HELLO_DONE)))
    server.tell(server.change_cipher_spec())
    server.tell(server.say(server.finished()))

    assert violations(server.client.events) == []
    assert facts_of(server.client).completed

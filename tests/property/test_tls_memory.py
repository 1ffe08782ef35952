"""What one conversation holds between two calls stays under 64 KiB, whatever the peer sends."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest

from fleetscan import limits
from fleetscan.tls.conversation import STARTTLS_KINDS, Conversation
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROAD, BROWSER
from fleetscan.tls.session import State
from tests import octets
from tests.starttls_scripts import AGREED
from tests.tls_peers import (
    HELLO_RETRY_RANDOM,
    SESSION_ID,
    ServerTls12,
    ServerTls13,
    conversation,
    extensions,
    message,
    record,
    server_hello,
)

BOUND: Final = 64 * 1024
"""Octets of one connection in flight, promised to users."""

CONVERSATIONS: Final = 20

LARGEST_MESSAGE: Final = limits.MAX_HANDSHAKE_MESSAGE
LARGEST_RECORD: Final = limits.MAX_PLAINTEXT
LARGEST_PIECE: Final = 65_536
"""Octets that the engine reads from a socket at once."""

Pieces = list[bytes]


class Told:
    """A server whose every word is written down, to be said again to others."""

    def __init__(self, server: ServerTls12 | ServerTls13) -> None:
        self.server = server
        self.pieces: Pieces = []
        self._receive = server.client.receive
        server.tell = self.tell  # type: ignore[method-assign]

    def tell(self, octets: bytes, now: float = 2.0) -> bytes:
        """Give octets to the client."""
        self.pieces.append(octets)
        return self._receive(octets, now)

    def say(self, said: bytes) -> None:
        """A handshake message in as many records as it needs."""
        server = self.server
        if isinstance(server, ServerTls13):
            self.tell(server.seal(said))
            return
        for at in range(0, len(said), LARGEST_RECORD):
            self.tell(record(22, said[at : at + LARGEST_RECORD]))

    def leave_open(self, msg_type: int, room: int = LARGEST_MESSAGE) -> Pieces:
        """The largest message but for its last record, and that record but for its last octet.

        Args:
            room: octets that the bound leaves for it, where others are kept already.
        """
        said = message(msg_type, bytes(room))
        rest = max(0, len(said) - LARGEST_RECORD)
        if rest:
            self.say(said[:rest])
        server = self.server
        last = said[rest:]
        whole = server.seal(last) if isinstance(server, ServerTls13) else record(22, last)
        self.tell(whole[:-1])
        return self.pieces


def under_tls12(state: State) -> Told:
    """A client of TLS 1.2 in this state."""
    told = Told(ServerTls12(conversation()))
    told.server.until(state)
    return told


def under_tls13(state: State) -> Told:
    """A client of TLS 1.3 in this state."""
    told = Told(ServerTls13(conversation()))
    told.server.until(state)
    return told


def filled(one: bytes, room: int) -> bytes:
    """As many as there is room for."""
    return one * (room // len(one))


def entry_tls12(der: bytes) -> bytes:
    """ASN.1Cert (RFC 5246 section 7.4.2)."""
    return octets.vector(3, der)


def entry_tls13(der: bytes, beside: bytes = b"\x00\x00") -> bytes:
    """CertificateEntry (RFC 8446 section 4.4.2)."""
    return octets.vector(3, der) + beside


def certificate_tls12(entries: bytes) -> bytes:
    """The Certificate message."""
    return message(11, octets.vector(3, entries))


def certificate_tls13(entries: bytes) -> bytes:
    """The Certificate message."""
    return message(11, b"\x00" + octets.vector(3, entries))


def large_certificate(size: int) -> bytes:
    """A certificate of about this size that can be read, with one key and one extension."""
    filler = octets.certificate_extension("1.3.9.1", bytes(size - 600))
    return octets.certificate(extensions=(filler,))


def many_extensions(room: int) -> bytes:
    """An extensions block of different types without content."""
    count = min(room, 0xFFF0) // 4
    return extensions(*((0x4000 + number, b"") for number in range(count)))


# -- what a peer can do ------------------------------------------------------------------


def record_and_message_before_the_hello() -> Pieces:
    """A message that never ends, as the first thing said."""
    return under_tls12(State.SERVER_HELLO).leave_open(2)


def chain_and_staple_and_message() -> Pieces:
    """A chain, a staple, and a message still under way that together are as large as can be."""
    told = Told(ServerTls12(conversation()))
    third = LARGEST_MESSAGE // 3
    server = told.server
    assert isinstance(server, ServerTls12)
    told.say(server.hello((5, b"")))
    told.say(certificate_tls12(entry_tls12(large_certificate(third - 6))))
    told.say(message(22, b"\x01" + octets.vector(3, bytes(third - 8))))
    return told.leave_open(12, LARGEST_MESSAGE - 2 * third)


def one_large_certificate() -> Pieces:
    """A chain of one certificate that fills the message, and another message behind it."""
    told = under_tls12(State.TLS12_CERTIFICATE)
    told.say(certificate_tls12(entry_tls12(large_certificate(LARGEST_MESSAGE - 6))))
    return told.leave_open(12)


def two_halves_of_what_is_kept() -> Pieces:
    """A certificate of half of it, and a message under way of the other half."""
    told = under_tls12(State.TLS12_CERTIFICATE)
    half = LARGEST_MESSAGE // 2
    told.say(certificate_tls12(entry_tls12(large_certificate(half - 6))))
    return told.leave_open(12, LARGEST_MESSAGE - half)


def one_large_certificate_under_tls13() -> Pieces:
    """The same, encrypted, with a staple that takes half of it."""
    told = under_tls13(State.CERTIFICATE_OR_REQUEST)
    half = min(LARGEST_MESSAGE // 2, 0xFFFF) - 64
    beside = extensions((5, b"\x01" + octets.vector(3, bytes(half - 8))))
    der = large_certificate(LARGEST_MESSAGE - half - 64)
    told.say(certificate_tls13(entry_tls13(der, beside)))
    return told.leave_open(15)


def tiny_certificates() -> Pieces:
    """A chain of as many certificates of one octet as a message holds."""
    told = under_tls12(State.TLS12_CERTIFICATE)
    told.say(certificate_tls12(filled(entry_tls12(b"\x30"), LARGEST_MESSAGE - 3)))
    return told.leave_open(12)


def tiny_certificates_under_tls13() -> Pieces:
    """The same under TLS 1.3."""
    told = under_tls13(State.CERTIFICATE_OR_REQUEST)
    told.say(certificate_tls13(filled(entry_tls13(b"\x30"), LARGEST_MESSAGE - 4)))
    return told.leave_open(15)


def extensions_beside_a_certificate() -> Pieces:
    """As many extensions as one certificate entry holds."""
    told = under_tls13(State.CERTIFICATE_OR_REQUEST)
    told.say(certificate_tls13(entry_tls13(b"\x30", many_extensions(LARGEST_MESSAGE - 16))))
    return told.pieces


def extensions_of_a_server_hello() -> Pieces:
    """As many extensions as a ServerHello holds."""
    told = under_tls12(State.SERVER_HELLO)
    told.say(server_hello(suite=0xC02B, more=many_extensions(LARGEST_MESSAGE - 80)))
    return told.pieces


def one_large_staple_under_tls13() -> Pieces:
    """It is kept with its entry and by itself, and another message is under way."""
    told = under_tls13(State.CERTIFICATE_OR_REQUEST)
    staple = bytes(LARGEST_MESSAGE - 64)
    beside = extensions((5, b"\x01" + octets.vector(3, staple)))
    told.say(certificate_tls13(entry_tls13(b"\x30", beside)))
    return told.leave_open(15)


def one_large_extension_of_a_server_hello() -> Pieces:
    """A session_ticket that was offered, of which nobody says how long an answer may be."""
    told = under_tls12(State.SERVER_HELLO)
    told.say(server_hello(suite=0xC02B, more=extensions((35, bytes(LARGEST_MESSAGE - 80)))))
    return told.leave_open(11)


def one_large_extension_under_tls13() -> Pieces:
    """The same in EncryptedExtensions: server_name's answer is empty where it is honest."""
    told = under_tls13(State.ENCRYPTED_EXTENSIONS)
    told.say(message(8, extensions((0, bytes(LARGEST_MESSAGE - 8)))))
    return told.leave_open(11)


def one_large_cookie() -> Pieces:
    """A HelloRetryRequest may hold what it likes, and wants it back."""
    told = under_tls12(State.SERVER_HELLO)
    cookie = octets.vector(2, bytes(LARGEST_MESSAGE - 100))
    asked = extensions((44, cookie), (51, bytes.fromhex("0018")), (43, bytes.fromhex("0304")))
    told.say(server_hello(session_id=SESSION_ID, random=HELLO_RETRY_RANDOM, more=asked))
    return told.leave_open(2)


def large_parameters() -> Pieces:
    """A prime, a generator and a public value that fill the message together."""
    server = ServerTls12(conversation(profile=BROAD), suite=0x009E)
    told = Told(server)
    told.say(server.hello())
    told.say(server.certificate("RSA-2048"))
    third = octets.vector(2, bytes([255]) * (LARGEST_MESSAGE // 3 - 900))
    told.say(message(12, third * 3 + bytes.fromhex("0804 0000")))
    return told.leave_open(13)


def names_in_the_leaf() -> Pieces:
    """A leaf with as many names as a message holds: the key is all that the client needs."""
    names = filled(octets.tlv(0x82, b"a"), min(LARGEST_MESSAGE - 1_000, 0xFFFF - 1_000))
    der = octets.with_extension("2.5.29.17", octets.sequence(names))
    told = under_tls12(State.TLS12_CERTIFICATE)
    told.say(certificate_tls12(entry_tls12(der)))
    return told.leave_open(12)


def attributes_in_the_leaf() -> Pieces:
    """A leaf whose subject has as many attributes as a message holds."""
    one = octets.sequence(octets.oid("2.5.4.3"), octets.tlv(0x0C, b"x"))
    count = min(LARGEST_MESSAGE - 1_000, 0xFFFF - 1_000) // (len(one) + 2)
    der = octets.certificate(subject=octets.name(*([one] * count)))
    told = under_tls12(State.TLS12_CERTIFICATE)
    told.say(certificate_tls12(entry_tls12(der)))
    return told.leave_open(12)


def names_of_authorities() -> Pieces:
    """A CertificateRequest with as many names of one octet as it holds."""
    told = under_tls12(State.TLS12_REQUEST_OR_DONE)
    room = min(LARGEST_MESSAGE - 16, 0xFFFF)
    names = octets.vector(2, filled(octets.vector(2, b"\x30"), room))
    told.say(message(13, bytes.fromhex("0140 0002 0403") + names))
    return told.leave_open(14)


def key_updates_and_tickets() -> Pieces:
    """What may come behind Finished, in the largest numbers and sizes."""
    told = under_tls13(State.CONFIRMATION)
    server = told.server
    assert isinstance(server, ServerTls13)
    for _ in range(limits.MAX_EMPTY_RECORDS - 1):
        told.tell(server.seal(message(24, b"\x01")))
        server.write.update()
    return told.leave_open(4)


def warnings_and_requests() -> Pieces:
    """Alerts, empty records and HelloRequests, until the last that is let pass."""
    told = under_tls12(State.TLS12_CERTIFICATE)
    for _ in range(limits.MAX_WARNING_ALERTS):
        told.tell(record(21, b"\x01\x70"))
    for _ in range(limits.MAX_EMPTY_RECORDS // 2):
        told.tell(record(22, b"") + record(22, message(0, b"")))
    return told.leave_open(11)


def tiny_records() -> Pieces:
    """The largest message in records of one octet, told in large pieces."""
    said = message(2, bytes(LARGEST_MESSAGE))[:-1]
    stream = b"".join(record(22, said[at : at + 1]) for at in range(min(len(said), 40_000)))
    return [stream[at : at + LARGEST_PIECE] for at in range(0, len(stream), LARGEST_PIECE)]


def garbage_behind_a_refusal() -> Pieces:
    """What comes in the piece that ended it is not kept."""
    return [record(22, message(1, b"")) + bytes(LARGEST_PIECE), bytes(LARGEST_PIECE)]


def octets_of_another_protocol() -> Pieces:
    """A banner without end, in large pieces."""
    return [b"HTTP/1.1 200 OK\r\n" + b"x" * LARGEST_PIECE, b"x" * LARGEST_PIECE]


TLS: Final[dict[str, Callable[[], Pieces]]] = {
    made.__name__: made
    for made in (
        record_and_message_before_the_hello,
        chain_and_staple_and_message,
        one_large_certificate,
        two_halves_of_what_is_kept,
        one_large_certificate_under_tls13,
        tiny_certificates,
        tiny_certificates_under_tls13,
        extensions_beside_a_certificate,
        extensions_of_a_server_hello,
        one_large_staple_under_tls13,
        one_large_extension_of_a_server_hello,
        one_large_extension_under_tls13,
        one_large_cookie,
        large_parameters,
        names_in_the_leaf,
        attributes_in_the_leaf,
        names_of_authorities,
        key_updates_and_tickets,
        warnings_and_requests,
        tiny_records,
        garbage_behind_a_refusal,
        octets_of_another_protocol,
    )
}


# -- the measurement ---------------------------------------------------------------------


def most_held(pieces: Pieces, starttls: str = "none", profile: HelloProfile = BROWSER) -> int:
    """Octets that each of many conversations holds, after the piece that makes it the most.

    Octets are copied for each, as a socket gives them, so that a piece which is held in
    whole or in part is counted.
    """
    for warm_up in pieces:
        conversation(starttls=starttls, profile=profile).receive(warm_up, 2.0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        clients: list[Conversation] = []
        for _ in range(CONVERSATIONS):
            client = conversation(starttls=starttls, profile=profile)
            client.start(1.0)
            clients.append(client)
        most = 0
        for piece in pieces:
            for client in clients:
                client.receive(bytes(bytearray(piece)), 2.0)
            gc.collect()
            most = max(most, tracemalloc.get_traced_memory()[0] - before)
        return most // CONVERSATIONS
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("worst", TLS)
def test_a_conversation_holds_less_than_64_kib(worst: str) -> None:
    """Ten thousand connections at once then fit into 640 MB, and no peer decides that."""
    # Finite-field Diffie-Hellman is not among what browsers offer.
    profile = BROAD if worst == "large_parameters" else BROWSER
    assert most_held(TLS[worst](), profile=profile) <= BOUND


GREETINGS: Final = {
    "a line without end": [b"2" * LARGEST_PIECE] * 3,
    "lines without end": [b"220-more\r\n" * 6_000] * 3,
    "a line just short enough": [b"2" * (limits.MAX_STARTTLS_MESSAGE - 1)],
    "zeros": [bytes(LARGEST_PIECE)] * 2,
}


@pytest.mark.parametrize("kind", STARTTLS_KINDS)
@pytest.mark.parametrize("worst", GREETINGS)
def test_a_dialogue_before_tls_holds_less_than_64_kib(kind: str, worst: str) -> None:
    """What is said before TLS is bounded before it is kept."""
    assert most_held(GREETINGS[worst], kind) <= BOUND


@pytest.mark.parametrize(
    "behind", [b"\x16" * LARGEST_PIECE, bytes(LARGEST_PIECE)], ids=["TLS", "not TLS"]
)
def test_octets_behind_the_last_answer_of_a_dialogue_are_not_kept(behind: bytes) -> None:
    """Nothing honest stands there."""
    answers = [told for told, _ in AGREED["smtp"] if told]
    assert most_held([*answers[:-1], answers[-1] + behind], "smtp") <= BOUND

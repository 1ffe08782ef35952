"""The parts of the client, each by itself and on the octets of a recorded handshake.

Each function makes ready what its part is given in a handshake, and gives back the part as a
call without arguments: the functions and objects of `fleetscan.tls` in the order in which the
client uses them. What is left of the client when its parts are taken off is its state machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.recorded import (
    ALERT,
    CANCEL,
    CERTIFICATE,
    CERTIFICATE_VERIFY,
    FINISHED,
    GOODBYE,
    HANDSHAKE,
    SERVER_HELLO,
    SHARES,
    split_records,
)
from fleetscan import _parse
from fleetscan.tls.protection import ProtectionTls13
from fleetscan.tls.secrets import KeySchedule
from fleetscan.tls.signatures import check_signature, key_of
from fleetscan.tls.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.recorded import Recorded, Walk

    Work = Callable[[], object]

TLS13: Final = 0x0304
SUITE: Final = 0x1301
ENCRYPTED_EXTENSIONS: Final = 8
TICKET: Final = 4
SERVER_KEY_EXCHANGE: Final = 12
KEY_SHARE: Final = 51
SUPPORTED_VERSIONS: Final = 43
ALPN: Final = 16

# The body of a handshake message to its object.
PARSERS_TLS13: Final[dict[int, Callable[[bytes], Any]]] = {
    SERVER_HELLO: _parse.parse_server_hello,
    ENCRYPTED_EXTENSIONS: _parse.parse_encrypted_extensions,
    CERTIFICATE: _parse.parse_certificate_tls13,
    CERTIFICATE_VERIFY: _parse.parse_certificate_verify,
    TICKET: _parse.parse_new_session_ticket_tls13,
}
PARSERS_TLS12: Final[dict[int, Callable[[bytes], Any]]] = {
    SERVER_HELLO: _parse.parse_server_hello,
    CERTIFICATE: _parse.parse_certificate_tls12,
    SERVER_KEY_EXCHANGE: _parse.parse_server_key_exchange_ecdhe,
}


def parsing(recorded: Recorded, walk: Walk | None) -> Work:
    """Records, messages, what they say, and the leaf where its key is wanted.

    Args:
        recorded: the handshake.
        walk: the same opened; None for one that is not encrypted.
    """
    parsers = PARSERS_TLS12 if walk is None else PARSERS_TLS13
    fragments = (
        [each[5:] for answer in recorded.answers for each in split_records(answer)]
        if walk is None
        else walk.messages
    )
    wants_leaf = walk is None or not recorded.first_flight_only

    def parse() -> None:
        records = _parse.RecordReader()
        for answer in recorded.answers:
            records.feed(answer)
            while records.next_record() is not None:
                pass
        messages = _parse.MessageReader()
        for fragment in fragments:
            messages.feed(fragment)
            while (message := messages.next_message()) is not None:
                parser = parsers.get(message.msg_type)
                if parser is None:
                    continue
                parsed = parser(message.body)
                if message.msg_type == SERVER_HELLO and walk is not None:
                    _parse.parse_selected_version(parsed.extension(SUPPORTED_VERSIONS))
                    _parse.parse_key_share_server_hello(parsed.extension(KEY_SHARE))
                elif message.msg_type == ENCRYPTED_EXTENSIONS:
                    _parse.parse_alpn(parsed.extension(ALPN) or b"\x00\x03\x02h2")
                elif message.msg_type == CERTIFICATE and wants_leaf:
                    _parse.parse_certificate(parsed.certificate_list[0].cert_data)

    parse()
    return parse


def key_exchange(walk: Walk) -> Work:
    """The secret with the server's share."""
    return lambda: SHARES.exchange(walk.group, walk.share)


def key_schedule(walk: Walk, *, complete: bool) -> Work:
    """Transcript, secrets and Finished."""
    secret = SHARES.exchange(walk.group, walk.share)
    hello, messages = walk.hello, walk.messages

    def schedule() -> None:
        transcript = Transcript()
        transcript.add(hello)
        transcript.add(messages[0])
        transcript.begin("sha256")
        keys = KeySchedule("sha256", secret, transcript.digest())
        if not complete:
            return
        for message in messages[1:3]:
            transcript.add(message)
        transcript.digest()
        transcript.add(messages[3])
        keys.verify_data(keys.server_handshake_traffic_secret, transcript.digest())
        transcript.add(messages[4])
        keys.derive_application(transcript.digest())
        keys.verify_data(keys.client_handshake_traffic_secret, transcript.digest())

    return schedule


def signature(walk: Walk) -> Work:
    """CertificateVerify."""
    if not walk.content:
        return lambda: None
    body = walk.messages[3][4:]
    parsed = _parse.parse_certificate_verify(body)
    key = key_of(_parse.parse_certificate(walk.leaf))
    return lambda: check_signature(TLS13, parsed.algorithm, key, walk.content, parsed.signature)


def record_protection(walk: Walk, *, complete: bool) -> Work:
    """Keys and IVs of each direction, each record opened or sealed."""
    records = [(each[0], each[:5], each[5:]) for each in walk.sealed]
    handshake_client, handshake_server, *application = walk.traffic_secrets
    finished = bytes([FINISHED, 0, 0, 32]) + bytes(32)

    def opened(protection: ProtectionTls13, some: Sequence[tuple[int, bytes, bytes]]) -> None:
        for content_type, header, fragment in some:
            protection.open(content_type, header, fragment)

    def protect() -> None:
        read = ProtectionTls13(SUITE, handshake_server)
        write = ProtectionTls13(SUITE, handshake_client)
        if not complete:
            opened(read, records)
            write.seal(ALERT, CANCEL)
            write.seal(ALERT, GOODBYE)
            return
        opened(read, records[:4])
        write.seal(HANDSHAKE, finished)
        opened(ProtectionTls13(SUITE, application[1]), records[4:])
        ProtectionTls13(SUITE, application[0]).seal(ALERT, GOODBYE)

    return protect

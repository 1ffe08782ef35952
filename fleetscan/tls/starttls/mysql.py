"""MySQL and MariaDB: the server's initial handshake, SSLRequest (Client/Server Protocol)."""

from __future__ import annotations

import struct
from typing import Final

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError

PACKET_HEAD: Final = 4
"""payload_length in three octets, the lowest first, and sequence_id."""

PROTOCOL_VERSION: Final = 10
ERROR: Final = 0xFF
STATE_MARK: Final = b"#"

CAPABILITIES_AT: Final = 13
"""Octets between server_version and the capabilities: thread_id, a first part of
auth_plugin_data, a filler."""

CLIENT_PROTOCOL_41: Final = 0x0000_0200
CLIENT_SSL: Final = 0x0000_0800
CLIENT_SECURE_CONNECTION: Final = 0x0000_8000
FLAGS: Final = CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION

MAX_PACKET: Final = 1 << 24
UTF8: Final = 33

SSL_REQUEST: Final = struct.pack("<IIB23x", FLAGS, MAX_PACKET, UTF8)
"""client_flag, max_packet_size, character_set, a filler: a login that ends before the user."""


class Mysql(Dialogue):
    """The server speaks first and says whether it can; behind our request TLS begins at once."""

    __slots__ = ()

    def _take(self) -> bytes | None:
        head = self._buffer[: PACKET_HEAD + 1]
        # The first packet of a connection; its first octet is the version, or means an error.
        if head[3:4] not in (b"", b"\0") or head[4:] not in (b"", b"\x0a", b"\x09", b"\xff"):
            raise OtherProtocolError
        if len(head) <= PACKET_HEAD:
            return None
        return self._cut(PACKET_HEAD + int.from_bytes(head[:3], "little"))

    def _answer(self, message: bytes) -> bytes:
        payload = message[PACKET_HEAD:]
        if not payload:
            raise OtherProtocolError
        if payload[0] == ERROR:
            return self._refuse(_error_text(payload))
        version, zero, rest = payload[1:].partition(b"\0")
        if not zero:
            raise OtherProtocolError
        capabilities = int.from_bytes(rest[CAPABILITIES_AT : CAPABILITIES_AT + 2], "little")
        if payload[0] != PROTOCOL_VERSION or not capabilities & CLIENT_SSL:
            self._note_offer(version)
            return self._lack_tls()
        self._agree()
        return len(SSL_REQUEST).to_bytes(3, "little") + b"\x01" + SSL_REQUEST


def _error_text(payload: bytes) -> bytes:
    """An ERR_Packet's number and message, without the SQL state that may stand between."""
    number = int.from_bytes(payload[1:3], "little")
    text = payload[3:]
    return b"%d " % number + (text[6:] if text.startswith(STATE_MARK) else text)

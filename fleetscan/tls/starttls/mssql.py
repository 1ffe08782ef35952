"""Microsoft SQL Server: PRELOGIN, then the handshake of TLS inside TDS packets (MS-TDS)."""

from __future__ import annotations

import struct
from typing import Final

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError

HEAD: Final = struct.Struct(">BBHHBB")
"""Type, Status, Length (of the whole packet), SPID, PacketID, Window (MS-TDS section 2.2.3.1)."""

TABULAR_RESULT: Final = 0x04
PRELOGIN: Final = 0x12
END_OF_MESSAGE: Final = 0x01

MAX_PACKET: Final = 4_096
"""Octets of a packet before a login has negotiated another size (MS-TDS section 2.2.3.1.3)."""

# MS-TDS section 2.2.6.5: options, each a token, an offset and a length, then their data.
VERSION: Final = 0x00
ENCRYPTION: Final = 0x01
TERMINATOR: Final = 0xFF
OPTION: Final = struct.Struct(">BHH")

ENCRYPT_ON: Final = 0x01
ENCRYPT_NOT_SUP: Final = 0x02
ENCRYPT_MASK: Final = 0x03
"""The bits above ask for a client's certificate."""

PRELOGIN_DATA: Final = b"".join(
    (
        OPTION.pack(VERSION, 11, 6),
        OPTION.pack(ENCRYPTION, 17, 1),
        bytes((TERMINATOR,)),
        bytes(6),  # UL_VERSION and US_SUBBUILD: of nobody's client
        bytes((ENCRYPT_ON,)),
    )
)


def packets(octets: bytes) -> bytes:
    """Octets as PRELOGIN packets, the last of them marked as the end of the message."""
    size = MAX_PACKET - HEAD.size
    parts = [octets[at : at + size] for at in range(0, len(octets), size)]
    return b"".join(
        HEAD.pack(
            PRELOGIN,
            END_OF_MESSAGE if number == len(parts) else 0,
            HEAD.size + len(part),
            0,
            number & 0xFF,
            0,
        )
        + part
        for number, part in enumerate(parts, 1)
    )


class TdsTunnel:
    """TLS inside packets, for as long as its handshake lasts (MS-TDS section 3.2.5.2).

    Behind the handshake records go as they are. The first octet of a packet is never the
    first of a record, so where the change comes is read off the octets themselves.
    """

    __slots__ = ("_buffer", "_inside", "_is_raw")

    def __init__(self) -> None:
        self._buffer = b""
        # Octets of the packet under way that are still to come.
        self._inside = 0
        self._is_raw = False

    def wrap(self, octets: bytes) -> bytes:
        """Octets of TLS in packets."""
        return packets(octets)

    def unwrap(self, octets: bytes) -> bytes:
        """What the packets hold; what is neither packet nor record is left to TLS to judge."""
        self._buffer += octets
        out = []
        # Ends: each turn takes octets off the buffer, or leaves too few to go on with.
        while self._buffer:
            if self._inside or self._is_raw:
                length = len(self._buffer) if self._is_raw else self._inside
                out.append(self._buffer[:length])
                self._inside -= min(self._inside, len(out[-1]))
                self._buffer = self._buffer[length:]
            elif self._buffer[0] not in (PRELOGIN, TABULAR_RESULT):
                self._is_raw = True
            elif len(self._buffer) < HEAD.size:
                break
            else:
                length = HEAD.unpack_from(self._buffer)[2]
                self._is_raw = length < HEAD.size
                if not self._is_raw:
                    self._inside = length - HEAD.size
                    self._buffer = self._buffer[HEAD.size :]
        return b"".join(out)


class Mssql(Dialogue):
    """PRELOGIN that asks for encryption, and its answer in a tabular result."""

    __slots__ = ("_data",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        # Of the message so far: it may come in several packets.
        self._data = b""

    def start(self) -> bytes:
        """PRELOGIN with the two options that matter."""
        return packets(PRELOGIN_DATA)

    @property
    def tunnel(self) -> TdsTunnel:
        """Packets around the handshake."""
        return TdsTunnel()

    def _take(self) -> bytes | None:
        # Every answer is a tabular result, whatever it tells; its status is 0 or 1.
        if self._buffer[:1] not in (b"", bytes((TABULAR_RESULT,))) or self._buffer[1:2] > b"\x01":
            raise OtherProtocolError
        if len(self._buffer) < HEAD.size:
            return None
        length: int = HEAD.unpack_from(self._buffer)[2]
        if length <= HEAD.size:
            raise OtherProtocolError
        return self._cut(length)

    def _answer(self, message: bytes) -> bytes:
        # MS-TDS section 2.2.6.5: an answer is far shorter than one packet.
        self._data = (self._data + message[HEAD.size :])[:MAX_PACKET]
        if message[1] != END_OF_MESSAGE:
            return b""
        encryption = _option(self._data, ENCRYPTION)
        if encryption is None:
            return self._refuse(b"no ENCRYPTION option: " + self._data[:64].hex().encode())
        if encryption & ENCRYPT_MASK == ENCRYPT_NOT_SUP:
            self._note_offer(b"ENCRYPT_NOT_SUP")
            return self._lack_tls()
        return self._agree()


def _option(data: bytes, wanted: int) -> int | None:
    """The first octet of an option's data; None where the option, or its data, is not there."""
    at = 0
    # Ends: each turn moves on by an option's five octets.
    while at + OPTION.size <= len(data) and data[at] != TERMINATOR:
        token: int
        offset: int
        token, offset, length = OPTION.unpack_from(data, at)
        if token == wanted and length and offset < len(data):
            return data[offset]
        at += OPTION.size
    return None

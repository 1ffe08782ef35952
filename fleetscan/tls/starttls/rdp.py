"""Remote Desktop: X.224 Connection Request with a negotiation (MS-RDPBCGR section 2.2.1.1)."""

from __future__ import annotations

import struct
from typing import Final

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError

TPKT: Final = struct.Struct(">BBH")
"""Version, reserved, length of the whole packet (T.123 section 8)."""

TPKT_VERSION: Final = 3

X224: Final = struct.Struct(">BBHHB")
"""Length indicator (of what follows it), code, two references, class (X.224 section 13.3)."""

CONNECTION_REQUEST: Final = 0xE0
CONNECTION_CONFIRM: Final = 0xD0
DISCONNECT_REQUEST: Final = 0x80
DATA: Final = 0xF0
"""A server that gives up may end the connection a layer above, in data."""

REFUSALS: Final = {DISCONNECT_REQUEST: "X.224 disconnect request", DATA: "X.224 data: "}

NEGOTIATION: Final = struct.Struct("<BBHI")
"""type, flags, length, then protocols or a code (MS-RDPBCGR sections 2.2.1.1.1 to 2.2.1.2.2)."""

TYPE_RDP_NEG_REQ: Final = 1
TYPE_RDP_NEG_RSP: Final = 2
TYPE_RDP_NEG_FAILURE: Final = 3

PROTOCOL_RDP: Final = 0
PROTOCOL_SSL: Final = 1
PROTOCOL_HYBRID: Final = 2
"""CredSSP, which begins with TLS all the same (MS-RDPBCGR section 5.4.5.2)."""

FAILURES: Final = {
    1: "SSL_REQUIRED_BY_SERVER",
    2: "SSL_NOT_ALLOWED_BY_SERVER",
    3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS",
    5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}
"""failureCode (MS-RDPBCGR section 2.2.1.2.2)."""


class Rdp(Dialogue):
    """The request at once: the server says nothing before it."""

    __slots__ = ()

    def start(self) -> bytes:
        """Connection Request that offers TLS, and CredSSP for servers that insist on it."""
        negotiation = NEGOTIATION.pack(
            TYPE_RDP_NEG_REQ, 0, NEGOTIATION.size, PROTOCOL_SSL | PROTOCOL_HYBRID
        )
        length = X224.size - 1 + len(negotiation)
        request = X224.pack(length, CONNECTION_REQUEST, 0, 0, 0) + negotiation
        return TPKT.pack(TPKT_VERSION, 0, TPKT.size + len(request)) + request

    def _take(self) -> bytes | None:
        head = self._buffer[: TPKT.size]
        if not bytes((TPKT_VERSION, 0)).startswith(head[:2]):
            raise OtherProtocolError
        if len(head) < TPKT.size:
            return None
        length: int = TPKT.unpack(head)[2]
        if length < TPKT.size + 2:
            raise OtherProtocolError
        return self._cut(length)

    def _answer(self, message: bytes) -> bytes:
        code = message[TPKT.size + 1] & 0xF0  # the lower bits are for credit (X.224 section 13.4)
        if code in REFUSALS:
            told = message[TPKT.size + 3 :].hex() if code == DATA else ""
            return self._refuse(REFUSALS[code] + told)
        if code != CONNECTION_CONFIRM or len(message) < TPKT.size + X224.size:
            raise OtherProtocolError
        answer = message[TPKT.size + X224.size :]
        if len(answer) < NEGOTIATION.size:
            # A server from before the negotiation: it confirms, and knows no TLS.
            self._note_offer(b"Standard RDP Security")
            return self._lack_tls()
        kind, _, _, value = NEGOTIATION.unpack_from(answer)
        if kind == TYPE_RDP_NEG_FAILURE:
            return self._refuse(f"{FAILURES.get(value, 'failureCode')} ({value})")
        if kind != TYPE_RDP_NEG_RSP:
            raise OtherProtocolError
        if value == PROTOCOL_RDP:
            self._note_offer(b"Standard RDP Security")
            return self._lack_tls()
        return self._agree()

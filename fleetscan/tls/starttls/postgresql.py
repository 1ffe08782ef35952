"""PostgreSQL: SSLRequest and its answer of one octet (Frontend/Backend Protocol 3, "SSL")."""

from __future__ import annotations

from typing import ClassVar, Final

from fleetscan.tls.starttls.dialogue import Dialogue, OtherProtocolError, begins_like_one_of

# 8 octets in all, then 1234 and 5679, each in 16 bits: no protocol version looks like it.
SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")

ERROR_HEAD: Final = 5
"""Octets of 'E' and of the message's length, which counts itself and not the 'E'."""

OLD_ERRORS: Final = (b"EFATAL", b"EERROR", b"EPANIC")
"""How an ErrorResponse begins in the protocol before 3.0: a text up to a zero octet."""


class Postgresql(Dialogue):
    """The request at once: the server says nothing before it."""

    __slots__ = ()

    ambiguous: ClassVar[bytes] = b"S"

    def start(self) -> bytes:
        """SSLRequest."""
        return SSL_REQUEST

    def _take(self) -> bytes | None:
        if self._buffer[:1] == b"N":
            # Behind its no the server waits for us. Others say more words that begin so:
            # a notice of IRC's, a greeting of MySQL's with 78 octets.
            if len(self._buffer) > 1:
                raise OtherProtocolError
            self.is_unsettled = True
            return None
        if self._buffer[:1] != b"E":
            return self._cut(1)
        if len(self._buffer) > 1 and begins_like_one_of(self._buffer, OLD_ERRORS):
            text, zero, rest = self._buffer.partition(b"\0")
            if not zero:
                return None
            self._buffer = rest
            return text
        # The length of an honest error fits its two lower octets.
        if self._buffer[1:3].strip(b"\0"):
            raise OtherProtocolError
        if len(self._buffer) < ERROR_HEAD:
            return None
        length = int.from_bytes(self._buffer[1:ERROR_HEAD], "big")
        if length < ERROR_HEAD - 1:
            raise OtherProtocolError
        return self._cut(1 + length)

    def _answer(self, message: bytes) -> bytes:
        if message == b"S":
            return self._agree()
        if not message.startswith(b"E"):
            raise OtherProtocolError
        if not message.startswith(b"E\0"):
            return self._refuse(message[1:].strip())
        # Fields of one octet for the type and a text up to a zero octet: severity and message.
        fields = {field[:1]: field[1:] for field in message[ERROR_HEAD:].split(b"\0")}
        return self._refuse(fields.get(b"S", b"") + b": " + fields.get(b"M", b""))

"""Protocols to read and to sort mail: IMAP, POP3, ManageSieve."""

from __future__ import annotations

from fleetscan.tls.starttls.dialogue import LineDialogue, begins_like_one_of
from fleetscan.vocabulary import Checked


class Imap(LineDialogue):
    """IMAP: greeting, CAPABILITY, STARTTLS (RFC 9051 section 6.2.1)."""

    __slots__ = ("_tag",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        # Of the command under way; empty while the greeting is waited for.
        self._tag = b""

    def _can_begin(self, head: bytes) -> bool:
        return begins_like_one_of(head, (b"* OK", b"* PREAUTH", b"* BYE"))

    def _answer(self, message: bytes) -> bytes:
        words = message.upper().split()
        status = words[1] if len(words) > 1 else b""
        if not words or words[0] == b"*":
            return self._receive_untagged(status, words[2:], message)
        if words[0] != self._tag:
            return b""
        if self._tag == b"A2":
            return self._agree() if status == b"OK" else self._refuse(message)
        if self.offered is Checked.NO:
            return self._lack_tls()
        return self._ask(b"A2", b"STARTTLS")

    def _receive_untagged(self, status: bytes, words: list[bytes], line: bytes) -> bytes:
        # PREAUTH: with a login already made, STARTTLS is no longer allowed (RFC 9051
        # section 6.2.1).
        if status == b"BYE" or (status == b"PREAUTH" and not self._tag):
            return self._refuse(line)
        if not self._tag:
            return self._ask(b"A1", b"CAPABILITY")
        if status == b"CAPABILITY" and self._tag == b"A1":
            self.offered = Checked.YES if b"STARTTLS" in words else Checked.NO
            self._note_offer(b", ".join(words))
        return b""

    def _ask(self, tag: bytes, command: bytes) -> bytes:
        self._tag = tag
        return tag + b" " + command + b"\r\n"


class Pop3(LineDialogue):
    """POP3: greeting, STLS (RFC 2595 section 4). Its CAPA need not be asked for."""

    __slots__ = ("_greeted",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        self._greeted = False

    def _can_begin(self, head: bytes) -> bool:
        return begins_like_one_of(head, (b"+OK", b"-ERR"))

    def _answer(self, message: bytes) -> bytes:
        if not message.upper().startswith(b"+OK"):
            return self._refuse(message)
        if self._greeted:
            return self._agree()
        self._greeted = True
        return b"STLS\r\n"


class Sieve(LineDialogue):
    """ManageSieve: capabilities as the greeting, STARTTLS (RFC 5804 sections 1.7 and 2.2)."""

    __slots__ = ("_greeted",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        self._greeted = False

    def _can_begin(self, head: bytes) -> bool:
        return begins_like_one_of(head, (b'"', b"NO", b"BYE"))

    def _answer(self, message: bytes) -> bytes:
        word = message.upper().split(b" ", 1)[0].split(b"(", 1)[0]
        if word in (b"NO", b"BYE"):
            return self._refuse(message)
        if word == b"OK":
            return self._receive_ok(message)
        if self._greeted:
            return b""
        # Values may go on in lines of their own (RFC 5804 section 4): those name nothing.
        if word == b'"STARTTLS"':
            self.offered = Checked.YES
        elif word.startswith(b'"'):
            self._note_offer(word.strip(b'"'))
        return b""

    def _receive_ok(self, line: bytes) -> bytes:
        if self._greeted:
            return self._agree()
        self._greeted = True
        return b"STARTTLS\r\n" if self.offered is Checked.YES else self._lack_tls()

"""Protocols whose servers reply with numbers: SMTP, LMTP, FTP, NNTP."""

from __future__ import annotations

from typing import ClassVar, Final

from fleetscan.tls.starttls.dialogue import LineDialogue, OtherProtocolError
from fleetscan.vocabulary import Checked

# A name that nobody can have (RFC 6761 section 6.4): a scanner has none of its own.
OWN_NAME: Final = b"fleetscan.invalid"

STARTTLS: Final = b"STARTTLS"

REFUSALS: Final = (b"4", b"5")
"""First digits of replies that say no, for now or for good (RFC 5321 section 4.2.1)."""


class ReplyDialogue(LineDialogue):
    """A dialogue of replies with three digits.

    A first line with a hyphen behind the digits opens a reply of several lines, and the
    same digits without one close it; FTP lets the lines between be anything (RFC 5321
    section 4.2.1, RFC 959 section 4.2).
    """

    __slots__ = ("_asked", "_code")

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        self._code = b""
        # What was said last; empty while the greeting is waited for.
        self._asked = b""

    def _can_begin(self, head: bytes) -> bool:
        code, mark = head[:3], head[3:4]
        return (not code or code.isdigit()) and mark in b" -\r\n"

    def _answer(self, message: bytes) -> bytes:
        code = message[:3]
        if not self._code and code.isdigit() and message[3:4] == b"-":
            self._code = code
        if self._code and (code != self._code or message[3:4] == b"-"):
            self._receive_text(message)
            return b""
        self._code = b""
        self._receive_text(message)
        return self._receive_reply(code, message)

    def _receive_text(self, line: bytes) -> None:
        """One line of a reply, the last among them."""

    def _receive_reply(self, code: bytes, line: bytes) -> bytes:
        """What to say to a reply, whose last line is `line`."""
        raise NotImplementedError

    def _ask(self, command: bytes) -> bytes:
        self._asked = command
        return command + b"\r\n"

    def _no_greeting(self, code: bytes, line: bytes) -> bytes:
        """The answer to a greeting that is not the protocol's own yes.

        Raises:
            OtherProtocolError: it is no refusal either: another protocol greets so.
        """
        if code.startswith(REFUSALS):
            return self._refuse(line)
        raise OtherProtocolError


class Smtp(ReplyDialogue):
    """SMTP: greeting, EHLO, STARTTLS (RFC 3207 section 4)."""

    __slots__ = ()

    hello: ClassVar[bytes] = b"EHLO " + OWN_NAME

    def _receive_text(self, line: bytes) -> None:
        # The first line of the answer to EHLO is the server's name and greeting.
        if self._asked == self.hello and line.startswith(b"250"):
            keyword = line[4:].split(b" ", 1)[0].upper()
            if self.offered is Checked.NOT_CHECKED:
                self.offered = Checked.NO
            elif keyword == STARTTLS:
                self.offered = Checked.YES
            else:
                self._note_offer(keyword)

    def _receive_reply(self, code: bytes, line: bytes) -> bytes:
        if not self._asked:
            return self._ask(self.hello) if code == b"220" else self._no_greeting(code, line)
        if self._asked == self.hello:
            if code != b"250":
                return self._refuse(line)
            return self._ask(STARTTLS) if self.offered is Checked.YES else self._lack_tls()
        return self._agree() if code == b"220" else self._refuse(line)


class Lmtp(Smtp):
    """LMTP: SMTP with LHLO in place of EHLO (RFC 2033 section 4.1)."""

    __slots__ = ()

    hello: ClassVar[bytes] = b"LHLO " + OWN_NAME


class Ftp(ReplyDialogue):
    """FTP: greeting, AUTH TLS (RFC 4217 section 4).

    What FEAT lists is not asked for: servers may keep it for users who have logged in.
    """

    __slots__ = ()

    def _receive_reply(self, code: bytes, line: bytes) -> bytes:
        if not self._asked:
            if code == b"120":  # ready in so many minutes, and 220 then (RFC 959 section 5.4)
                return b""
            return self._ask(b"AUTH TLS") if code == b"220" else self._no_greeting(code, line)
        return self._agree() if code == b"234" else self._refuse(line)


class Nntp(ReplyDialogue):
    """NNTP: greeting, CAPABILITIES, STARTTLS (RFC 4642 section 2.2).

    Servers older than CAPABILITIES may know STARTTLS all the same, and are asked.
    """

    __slots__ = ("_listing",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        self._listing = False

    def _answer(self, message: bytes) -> bytes:
        if not self._listing:
            return super()._answer(message)
        # RFC 3977 section 3.1.1: a line with a dot ends the block.
        if message == b".":
            self._listing = False
            return self._ask(STARTTLS) if self.offered is Checked.YES else self._lack_tls()
        if message.upper() == STARTTLS:
            self.offered = Checked.YES
        else:
            self._note_offer(message)
        return b""

    def _receive_reply(self, code: bytes, line: bytes) -> bytes:
        if not self._asked:
            greets = code in (b"200", b"201")
            return self._ask(b"CAPABILITIES") if greets else self._no_greeting(code, line)
        if self._asked == STARTTLS:
            return self._agree() if code == b"382" else self._refuse(line)
        if code != b"101":
            return self._ask(STARTTLS)
        self._listing = True
        self.offered = Checked.NO
        return b""

"""IRC: CAP LS, STARTTLS (IRCv3.1 `tls` extension; RFC 2812 for the form of lines)."""

from __future__ import annotations

from typing import Final

from fleetscan.tls.starttls.dialogue import LineDialogue, begins_like_one_of
from fleetscan.vocabulary import Checked

OPENINGS: Final = (b":", b"@", b"NOTICE ", b"ERROR ", b"PING ", b"CAP ")
"""What a server may say first: a prefix, tags, or a command (RFC 2812 section 2.3.1)."""

RPL_STARTTLS: Final = b"670"


class Irc(LineDialogue):
    """The capabilities first: many servers leave a command that they do not know unanswered.

    Servers that know no CAP either are asked all the same.
    """

    __slots__ = ("_asked",)

    def __init__(self, server_name: str = "") -> None:
        super().__init__(server_name)
        # Whether STARTTLS was said.
        self._asked = False

    def start(self) -> bytes:
        """CAP LS, which also holds back the registration."""
        return b"CAP LS 302\r\n"

    def _can_begin(self, head: bytes) -> bool:
        return begins_like_one_of(head, OPENINGS)

    def _answer(self, message: bytes) -> bytes:
        # RFC 2812 section 2.3.1: prefix and tags come before the command.
        words = message.split()
        while words and words[0].startswith((b":", b"@")):  # ends: each turn takes a word
            words.pop(0)
        command = words[0].upper() if words else b""
        if command == b"ERROR":
            return self._refuse(message)
        if command == b"CAP" and not self._asked:
            return self._receive_capabilities(message, words[3:])
        if not command.isdigit():
            return b""
        if self._asked:
            return self._receive_numeric(command, message)
        # ERR_UNKNOWNCOMMAND, ERR_NOTREGISTERED and the like: there is no list.
        return self._ask() if command.startswith((b"4", b"5")) else b""

    def _receive_capabilities(self, line: bytes, words: list[bytes]) -> bytes:
        """One line of the list; a `*` before it says that more follow."""
        for word in words:  # ends: the words of one bounded line
            name = word.removeprefix(b":").split(b"=", 1)[0]
            if name.lower() == b"tls":
                self.offered = Checked.YES
            elif name != b"*":
                self._note_offer(name)
        if words[:1] == [b"*"]:
            return b""
        return self._ask() if self.offered is Checked.YES else self._lack_tls()

    def _receive_numeric(self, command: bytes, line: bytes) -> bytes:
        if command == RPL_STARTTLS:
            return self._agree()
        return self._refuse(line) if command.startswith((b"4", b"5", b"6")) else b""

    def _ask(self) -> bytes:
        self._asked = True
        return b"STARTTLS\r\n"

"""The plain dialogues that lead to TLS, as data, and the one small machine that speaks them.

SMTP RFC 3207, IMAP RFC 9051 section 6.2.1, POP3 RFC 2595 section 4, FTP RFC 4217, and
PostgreSQL's SSLRequest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fleetscan import limits
from fleetscan.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to say, and the beginning of the line that says yes to it.

    `said` is empty for the greeting, which the server gives unasked. `skip` are
    beginnings of lines that answer nothing (IMAP's untagged ones). `octet` means that
    the answer is one octet and no line.
    """

    said: bytes
    agreed: bytes
    skip: bytes = b""
    octet: bool = False


# A name that nobody can have (RFC 6761 section 6.4): a scanner has none of its own.
EHLO: Final = b"EHLO fleetscan.invalid\r\n"

# 8 octets in all, then 1234 and 5679, each in 16 bits: no protocol version looks like it.
SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")

DIALOGUES: Final[dict[str, tuple[Step, ...]]] = {
    "smtp": (
        Step(said=b"", agreed=b"220"),
        Step(said=EHLO, agreed=b"250"),
        Step(said=b"STARTTLS\r\n", agreed=b"220"),
    ),
    "imap": (
        Step(said=b"", agreed=b"* OK"),
        Step(said=b"a1 STARTTLS\r\n", agreed=b"A1 OK", skip=b"* "),
    ),
    "pop3": (Step(said=b"", agreed=b"+OK"), Step(said=b"STLS\r\n", agreed=b"+OK")),
    "ftp": (Step(said=b"", agreed=b"220"), Step(said=b"AUTH TLS\r\n", agreed=b"234")),
    "postgresql": (Step(said=SSL_REQUEST, agreed=b"S", octet=True),),
}

STARTTLS_KINDS: Final = tuple(DIALOGUES)

# Those whose replies have three digits, and a fourth character that says whether
# more lines follow (RFC 5321 section 4.2.1, RFC 959 section 4.2).
NUMBERED: Final = frozenset({"smtp", "ftp"})


class Dialogue:
    """One dialogue under way.

    Args:
        kind: one of `STARTTLS_KINDS`.
    """

    __slots__ = ("_buffer", "_kind", "_lines", "_reply", "_step", "agreed", "heard", "refusal")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._step = 0
        self._lines = 0
        self._reply = b""
        self._buffer = b""
        self.heard = False
        self.agreed = False
        self.refusal = ""

    def start(self) -> bytes:
        """What to say without having heard anything."""
        return DIALOGUES[self._kind][0].said

    @property
    def rest(self) -> bytes:
        """What came behind the last answer: it belongs to whatever speaks next."""
        return self._buffer

    def receive(self, octets: bytes) -> bytes:
        """Take what the peer said and give back what to say; see `agreed` and `refusal`."""
        self.heard = True
        self._buffer += octets
        said = []
        # Ends: each turn takes a line, and MAX_STARTTLS_LINES is the last.
        while not self.agreed and not self.refusal:
            line = self._take()
            if line is None:
                break
            said.append(self._answer(line))
        return b"".join(said)

    def _take(self) -> bytes | None:
        """The next whole answer, without its line end."""
        if DIALOGUES[self._kind][self._step].octet:
            line, self._buffer = self._buffer[:1], self._buffer[1:]
            return line or None
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            if len(line) > limits.MAX_STARTTLS_LINE:
                self.refusal = printable(line)
            return None
        self._buffer = rest
        self._lines += 1
        if len(line) > limits.MAX_STARTTLS_LINE or self._lines > limits.MAX_STARTTLS_LINES:
            self.refusal = printable(line)
            return None
        return line.rstrip(b"\r")

    def _answer(self, line: bytes) -> bytes:
        steps = DIALOGUES[self._kind]
        step = steps[self._step]
        if (step.skip and line.startswith(step.skip)) or self._continues(line):
            return b""
        if not line.upper().startswith(step.agreed):
            self.refusal = printable(line) or "(an empty line)"
            return b""
        self._step += 1
        if self._step == len(steps):
            self.agreed = True
            return b""
        return steps[self._step].said

    def _continues(self, line: bytes) -> bool:
        """Whether more lines of a numbered reply follow.

        A first line with a hyphen opens it, and the same number with a space closes
        it; FTP lets the lines between be anything (RFC 959 section 4.2).
        """
        if self._kind not in NUMBERED:
            return False
        if not self._reply and line[:3].isdigit() and line[3:4] == b"-":
            self._reply = line[:3]
        if self._reply and (line[:3] != self._reply or line[3:4] == b"-"):
            return True
        self._reply = b""
        return False

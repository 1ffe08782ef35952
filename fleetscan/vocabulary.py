"""Closed sets of words that every layer shares. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Stage(Enum):
    """The step under way when a probe ended; `CONFIRMED` when it succeeded.

    Up to TLS 1.2 the steps after server_hello are certificate, key_exchange,
    client_finished, server_finished; in TLS 1.3 they are key_exchange,
    certificate, server_finished, client_finished.
    """

    RESOLVE = "resolve"
    CONNECT = "connect"
    PROXY = "proxy"
    STARTTLS = "starttls"
    CLIENT_HELLO = "client_hello"
    SERVER_HELLO = "server_hello"
    CERTIFICATE = "certificate"
    KEY_EXCHANGE = "key_exchange"
    CLIENT_FINISHED = "client_finished"
    SERVER_FINISHED = "server_finished"
    CONFIRMED = "confirmed"


class EndedBy(Enum):
    """Who ended the connection and how."""

    US = "us"
    FIN = "fin"
    RST = "rst"
    ALERT = "alert"
    TIMEOUT = "timeout"
    ICMP = "icmp"


class Origin(Enum):
    """Whose alert it was."""

    PEER = "peer"
    LOCAL = "local"


class Checked(Enum):
    """A question with three answers: silence about a check is never a pass."""

    YES = "yes"
    NO = "no"
    NOT_CHECKED = "not_checked"


class ConfirmedBy(Enum):
    """What convinced the client that the server accepted the handshake."""

    FINISHED = "finished"
    TICKET = "ticket"
    DATA = "data"
    CLOSE = "close"
    SILENCE = "silence"


class FirstFlight(Enum):
    """Why the client went no further than the server's first flight."""

    ASKED = "asked"
    """The caller wanted no more."""
    VERSION = "version"
    """SSL 3.0 or SSL 2.0: nothing is gained by completing those."""
    CIPHER_SUITE = "cipher_suite"
    """A suite that is known by name only."""
    KEY_EXCHANGE = "key_exchange"
    """A group, or a number of a size, that this client does not compute with."""


class ClientAuth(Enum):
    """Whether the server asked for a client certificate, as far as was seen."""

    NONE = "none"
    REQUESTED = "requested"
    REQUIRED = "required"


class ResolveFailure(Enum):
    """Why a name gave no address."""

    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert, RFC 8446 section 6: `level` and `description` as sent."""

    origin: Origin
    level: int
    description: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """An ICMP error from the socket's error queue (`IP_RECVERR`, `IPV6_RECVERR`).

    `offender` is the address that sent it, as text.
    """

    family: int
    type: int
    code: int
    offender: str


# -- the plain dialogues that lead to TLS --------------------------------------

STARTTLS_KINDS: Final = (
    "smtp",
    "lmtp",
    "imap",
    "pop3",
    "ftp",
    "nntp",
    "sieve",
    "xmpp-client",
    "xmpp-server",
    "ldap",
    "postgresql",
    "mysql",
    "mssql",
    "rdp",
    "irc",
)
"""Every protocol that TLS can be asked for in."""

CLIENT_SPEAKS_FIRST: Final = frozenset(
    {"xmpp-client", "xmpp-server", "ldap", "postgresql", "mssql", "rdp", "irc"}
)
"""Those whose servers need not say a word before they are asked."""

STARTTLS_PORTS: Final[dict[int, str]] = {
    21: "ftp",
    24: "lmtp",
    25: "smtp",
    110: "pop3",
    119: "nntp",
    143: "imap",
    389: "ldap",
    433: "nntp",
    587: "smtp",
    1433: "mssql",
    2525: "smtp",
    3268: "ldap",
    3306: "mysql",
    3389: "rdp",
    4190: "sieve",
    5222: "xmpp-client",
    5269: "xmpp-server",
    5432: "postgresql",
    6665: "irc",
    6666: "irc",
    6667: "irc",
    6668: "irc",
    6669: "irc",
}
"""Ports where TLS is asked for in the protocol's own words: IANA's service names; 24
(any private mail system) for LMTP, 2525 and 3268 by custom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAnswer:
    """What a proxy said last about the tunnel that it was asked for.

    `step` is the question that it answers: `method` and `authentication` under SOCKS5
    (RFC 1928 section 3, RFC 1929 section 2), `request` under both kinds. `code` is its
    HTTP status or SOCKS reply, None when its octets are no answer of that kind. `words`
    are its own, escaped, and `detail` is what else it said of the reason, escaped.
    """

    step: str
    accepted: bool
    code: int | None = None
    words: str = ""
    detail: str = ""

"""Closed sets of words that every layer shares. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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

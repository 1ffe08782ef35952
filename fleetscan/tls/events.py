"""What the client and its transport report, each with the monotonic second it happened.

The transport reports what the socket did, the client what the octets said.
`facts` folds the whole list; nothing here is a judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from fleetscan._parse import (
        CertificateEntry,
        EncryptedExtensions,
        ServerHello,
    )
    from fleetscan.errors import ParseError
    from fleetscan.vocabulary import (
        Checked,
        ConfirmedBy,
        EndedBy,
        IcmpError,
        Origin,
        ResolveFailure,
        Stage,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What our ClientHello offered, in the order it was offered. Code points."""

    profile: str
    server_name: str
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    signature_schemes: tuple[int, ...]
    alpn: tuple[str, ...]
    octets: int


# -- from the transport --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resolved:
    """The name gave addresses; `elapsed_s` is how long that took."""

    at: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class ResolveFailed:
    """The name gave none. `detail` is the resolver's own code, for evidence."""

    at: float
    failure: ResolveFailure
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectStarted:
    """SYN was asked for."""

    at: float


@dataclass(frozen=True, slots=True)
class Connected:
    """The TCP connection stands."""

    at: float


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """connect failed; `icmp` is what the error queue held, if anything."""

    at: float
    errno: int
    icmp: IcmpError | None


@dataclass(frozen=True, slots=True)
class FirstOctet:
    """The first octets of the peer arrived; `spoke_first` when nothing had been sent to it."""

    at: float
    spoke_first: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over. `octets` were received in all."""

    at: float
    ended_by: EndedBy
    errno: int | None
    octets: int
    stage: Stage
    """The step that was under way."""
    icmp: IcmpError | None = None
    """The ICMP message that ended a connection that stood, where the system kept it. Linux
    does not: it tells the errno only."""


# -- from the client -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTlsStarted:
    """A plain dialogue that is to lead to TLS began."""

    at: float
    kind: str


@dataclass(frozen=True, slots=True)
class StartTlsAnswered:
    """The plain dialogue ended: `refusal` is the peer's own line, escaped, `""` when it agreed."""

    at: float
    kind: str
    refusal: str


@dataclass(frozen=True, slots=True)
class ClientHelloSent:
    """A ClientHello went out."""

    at: float
    offer: Offer


@dataclass(frozen=True, slots=True)
class NotTls:
    """The first octets are no TLS record."""

    at: float
    first_octets: bytes


@dataclass(frozen=True, slots=True)
class HelloRetryRequestSeen:
    """The server wants another key share (RFC 8446 section 4.1.4)."""

    at: float
    hello: ServerHello


@dataclass(frozen=True, slots=True)
class ServerHelloSeen:
    """`version` is the negotiated one, `group` that of the key share (None where there is none)."""

    at: float
    hello: ServerHello
    version: int
    group: int | None


@dataclass(frozen=True, slots=True)
class EncryptedExtensionsSeen:
    """RFC 8446 section 4.3.1; `alpn` is what was selected, empty when nothing was."""

    at: float
    message: EncryptedExtensions
    alpn: str


@dataclass(frozen=True, slots=True)
class CertificateRequestSeen:
    """The server asked for a client certificate."""

    at: float


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """The chain as sent, leaf first."""

    at: float
    entries: tuple[CertificateEntry, ...]


@dataclass(frozen=True, slots=True)
class CertificateStatusSeen:
    """A stapled OCSP response, DER (RFC 6066 section 8)."""

    at: float
    ocsp_response: bytes


@dataclass(frozen=True, slots=True)
class ServerKeyExchangeSeen:
    """Up to TLS 1.2: the group or the size of the prime, and the signature's scheme."""

    at: float
    group: int | None
    dh_prime_bits: int | None
    signature_scheme: int | None


@dataclass(frozen=True, slots=True)
class KeyProofChecked:
    """Whether the peer holds the leaf's key was checked.

    By the signature of CertificateVerify or ServerKeyExchange; `scheme` is 0 where the
    proof was that the peer could decrypt (RSA key exchange, RFC 5246 section 7.4.7.1).
    """

    at: float
    scheme: int
    result: Checked


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """One letter of the history, as Zeek's ssl_history writes it; ours in upper case."""

    at: float
    letter: str


@dataclass(frozen=True, slots=True)
class ClientCertificateSent:
    """We answered a CertificateRequest; `empty` when with no certificate."""

    at: float
    empty: bool


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """An alert in either direction, RFC 8446 section 6."""

    at: float
    origin: Origin
    level: int
    description: int


@dataclass(frozen=True, slots=True)
class ProtocolViolation:
    """The peer broke a rule of TLS.

    `rule` is one of `violations.VIOLATIONS`, `error` the parser's refusal if that was it.
    """

    at: float
    rule: str
    error: ParseError | None


@dataclass(frozen=True, slots=True)
class Completed:
    """Both Finished messages were sent and checked."""

    at: float


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The server is known to have accepted the handshake."""

    at: float
    by: ConfirmedBy


Event: TypeAlias = (
    Resolved
    | ResolveFailed
    | ConnectStarted
    | Connected
    | ConnectFailed
    | FirstOctet
    | Ended
    | StartTlsStarted
    | StartTlsAnswered
    | ClientHelloSent
    | NotTls
    | HelloRetryRequestSeen
    | ServerHelloSeen
    | EncryptedExtensionsSeen
    | CertificateRequestSeen
    | CertificateSeen
    | CertificateStatusSeen
    | ServerKeyExchangeSeen
    | KeyProofChecked
    | MessageSeen
    | ClientCertificateSent
    | AlertSeen
    | ProtocolViolation
    | Completed
    | Confirmed
)

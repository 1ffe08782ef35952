"""What the client and its transport report, each with the monotonic second it happened.

The transport reports what the socket did, the client what the octets said.
`facts` folds the whole list; nothing here is a judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar, dataclass_transform

from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import (
        CertificateEntry,
        EncryptedExtensions,
        ServerHello,
        ServerHelloSsl2,
    )
    from fleetscan.errors import ParseError
    from fleetscan.vocabulary import (
        ConfirmedBy,
        EndedBy,
        FirstFlight,
        IcmpError,
        Origin,
        ProxyAnswer,
        ResolveFailure,
        Stage,
    )

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True)
def event(made: type[Made]) -> type[Made]:
    """A dataclass with slots that mypy holds to be frozen.

    A probe makes some twenty of them, and a frozen dataclass takes three times as long to make as
    one whose fields are plainly assigned (docs/performance.md).
    """
    return dataclass(slots=True, unsafe_hash=True)(made)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event_of_keywords(made: type[Made]) -> type[Made]:
    """The same, made by keyword alone."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=True)(made)


@event_of_keywords
class Offer:
    """What our ClientHello offered, in the order it was offered. Code points."""

    profile: str
    server_name: str
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    signature_schemes: tuple[int, ...]
    extensions: tuple[int, ...] = ()
    """Types that the server may answer, sorted: renegotiation_info too where its SCSV was sent."""
    alpn: tuple[str, ...]
    octets: int
    """Of the message with its header, as `HelloProfile.size` and RFC 7685 section 4 count them; of
    SSL 2.0, of the record."""


# -- from the transport --------------------------------------------------------


@event
class Resolved:
    """The name gave addresses; `elapsed_s` is how long that took."""

    at: float
    elapsed_s: float


@event
class ResolveFailed:
    """The name gave none. `detail` is the resolver's own code, for evidence."""

    at: float
    failure: ResolveFailure
    detail: str


@event
class ProxyUsed:
    """The connection is made to a proxy; `proxy` is its URL without credentials."""

    at: float
    proxy: str


@event
class ConnectStarted:
    """SYN was asked for."""

    at: float


@event
class Connected:
    """The TCP connection stands."""

    at: float


@event
class ConnectFailed:
    """connect failed; `icmp` is what the error queue held, if anything."""

    at: float
    errno: int
    icmp: IcmpError | None


@event
class FirstOctet:
    """The first octets of the peer arrived; `spoke_first` when nothing had been sent to it."""

    at: float
    spoke_first: bool


@event
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


@event
class TcpMeasured:
    """What the system knows of the connection's TCP at its end: asked for experiments only."""

    at: float
    min_rtt_s: float | None
    """The smallest round trip it has seen; None when it has seen none."""
    retransmissions: int
    """Segments sent again, in all."""


# -- from the client -----------------------------------------------------------


@event
class ProxyAnswered:
    """The dialogue with the proxy ended; `octets` are those that the proxy sent for itself."""

    at: float
    answer: ProxyAnswer
    octets: int


@event
class StartTlsStarted:
    """A plain dialogue that is to lead to TLS began."""

    at: float
    kind: str


@event
class StartTlsAnswered:
    """The plain dialogue ended: `refusal` is the peer's own line, escaped, `""` when it agreed.

    `offered` is whether the peer lists TLS among what it can do; where it does not, `refusal`
    is what it lists. `octets` were its part of the dialogue, and `first_octets` are how
    that began, told when it refused.
    """

    at: float
    kind: str
    refusal: str
    offered: Checked = Checked.NOT_CHECKED
    octets: int = 0
    first_octets: bytes = b""


@event
class NotStartTls:
    """What came before TLS are not the dialogue's words; `is_tls` when they are TLS already."""

    at: float
    first_octets: bytes
    is_tls: bool


@event
class ClientHelloSent:
    """A ClientHello went out."""

    at: float
    offer: Offer


@event
class NotTls:
    """The first octets are no TLS record."""

    at: float
    first_octets: bytes


@event
class PlainHeard:
    """What a peer said where no TLS was spoken to it; `is_tls` is None while that is open."""

    at: float
    first_octets: bytes
    is_tls: bool | None


@event
class HelloRetryRequestSeen:
    """The server wants another hello (RFC 8446 section 4.1.4); `group` is whose share, if any."""

    at: float
    hello: ServerHello
    group: int | None


@event
class ServerHelloSeen:
    """`version` is the negotiated one, `group` that of the key share (None where there is none)."""

    at: float
    hello: ServerHello
    version: int
    group: int | None


@event
class ServerHelloSsl2Seen:
    """SSL 2.0's answer, certificate and cipher kinds in it."""

    at: float
    hello: ServerHelloSsl2


@event
class EncryptedExtensionsSeen:
    """RFC 8446 section 4.3.1; `alpn` is what was selected, empty when nothing was."""

    at: float
    message: EncryptedExtensions
    alpn: str


@event
class CertificateRequestSeen:
    """The server asked for a client certificate."""

    at: float


@event
class CertificateSeen:
    """The chain as sent, leaf first."""

    at: float
    entries: tuple[CertificateEntry, ...]


@event
class CertificateStatusSeen:
    """A stapled OCSP response, DER (RFC 6066 section 8)."""

    at: float
    ocsp_response: bytes


@event
class ServerKeyExchangeSeen:
    """Up to TLS 1.2: the group or the size of the prime, and the signature's scheme."""

    at: float
    group: int | None
    dh_prime_bits: int | None
    signature_scheme: int | None


@event
class KeyProofChecked:
    """Whether the peer holds the leaf's key was checked.

    By the signature of CertificateVerify or ServerKeyExchange; `scheme` is 0 where the
    proof was that the peer could decrypt (RSA key exchange, RFC 5246 section 7.4.7.1).
    """

    at: float
    scheme: int
    result: Checked


@event
class MessageSeen:
    """One letter of the history, as Zeek's ssl_history writes it; ours in upper case."""

    at: float
    letter: str


@event
class ClientCertificateSent:
    """We answered a CertificateRequest; `empty` when with no certificate."""

    at: float
    empty: bool


@event
class AlertSeen:
    """An alert in either direction, RFC 8446 section 6."""

    at: float
    origin: Origin
    level: int
    description: int


@event
class ProtocolViolation:
    """The peer broke a rule of TLS.

    `rule` is one of `violations.VIOLATIONS`, `error` the parser's refusal if that was it.
    """

    at: float
    rule: str
    error: ParseError | None


@event
class FirstFlightEnded:
    """The server's first flight was read to its end, and the client stops here on purpose."""

    at: float
    reason: FirstFlight


@event
class Completed:
    """Both Finished messages were sent and checked."""

    at: float


@event
class Confirmed:
    """The server is known to have accepted the handshake."""

    at: float
    by: ConfirmedBy


Event: TypeAlias = (
    Resolved
    | ResolveFailed
    | ProxyUsed
    | ConnectStarted
    | Connected
    | ConnectFailed
    | FirstOctet
    | Ended
    | TcpMeasured
    | ProxyAnswered
    | StartTlsStarted
    | StartTlsAnswered
    | NotStartTls
    | ClientHelloSent
    | NotTls
    | PlainHeard
    | HelloRetryRequestSeen
    | ServerHelloSeen
    | ServerHelloSsl2Seen
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
    | FirstFlightEnded
    | Completed
    | Confirmed
)

"""What was seen in one probe, and nothing that was concluded from it.

Facts are made from events with timestamps alone, so that a packet capture could
give the same ones. Whatever may not have been checked is three-valued.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fleetscan import limits
from fleetscan._parse import ParseFault, parse_alpn, parse_certificate
from fleetscan.errors import ParseError
from fleetscan.registry import alerts, versions
from fleetscan.registry import extension_types as extension
from fleetscan.tls import events as seen
from fleetscan.vocabulary import (
    Alert,
    Checked,
    ConfirmedBy,
    EndedBy,
    FirstFlight,
    IcmpError,
    Origin,
    ProxyAnswer,
    ResolveFailure,
    Stage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fleetscan._parse import Certificate, ServerHello
    from fleetscan.tls.events import Event, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedCertificate:
    """A certificate of the peer's that the parser refused.

    `der` are its octets, b"" where there are too many.
    """

    sha256: str
    octets: int
    error: ParseError
    der: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds each step took; None for a step that was not reached.

    `passed` says of each stage that was passed how long after the beginning that was.
    """

    resolve: float | None = None
    connect: float | None = None
    first_octet: float | None = None
    handshake: float | None = None
    total: float = 0.0
    passed: tuple[tuple[Stage, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeFacts:
    """Everything one probe saw.

    `stage` is the step under way at the end, and `ended_by` who ended it (None
    when no connection was begun). `errno` is the operating system's number for a failed
    call. `proxy` is the URL of the proxy that the connection went to, without credentials:
    what ends it at `connect` or `proxy` is that proxy's doing, and what the proxy sent for
    itself counts neither as octets nor as first octet. `first_octets` are the first octets the peer
    sent, at most `limits.BANNER_OCTETS` while no TLS was recognised and at most
    `limits.FIRST_OCTETS` otherwise. Of the dialogue before TLS, `starttls_refusal` is what
    the peer said in place of yes, `starttls_offered` whether it lists TLS among what it can
    do, and `starttls_octets` how much of what was received was the dialogue that agreed;
    `starttls_agreed` is `no` also when it spoke another protocol. `violation` names the rule
    of TLS that the peer broke; `parse_error` says where its octets did not fit.
    `certificates` are as sent, the leaf first. `key_proof` is whether the peer proved that it
    holds the leaf's private key (CertificateVerify, ServerKeyExchange signature).
    `first_flight` is why the client stopped on purpose when it had read the server's first
    flight, None when it did not. `min_rtt_ms` and `retransmissions` are the system's own of the
    connection's TCP, known of experiments only.
    """

    stage: Stage
    ended_by: EndedBy | None = None
    errno: int | None = None
    icmp: IcmpError | None = None
    resolve_failure: ResolveFailure | None = None
    resolve_detail: str = ""
    proxy: str = ""
    proxy_answer: ProxyAnswer | None = None

    offer: Offer | None = None
    history: str = ""
    octets_received: int = 0
    first_octets: bytes = b""
    spoke_first: bool = False
    is_tls: Checked = Checked.NOT_CHECKED
    starttls: str = "none"
    starttls_refusal: str = ""
    starttls_agreed: Checked = Checked.NOT_CHECKED
    starttls_offered: Checked = Checked.NOT_CHECKED
    starttls_octets: int = 0
    alert: Alert | None = None
    violation: str = ""
    parse_error: ParseError | None = None

    version: int | None = None
    cipher_suite: int | None = None
    group: int | None = None
    signature_scheme: int | None = None
    alpn: str = ""
    compression_method: int | None = None
    renegotiation_info: bool = False
    hello_retry_requested: bool = False
    server_name_acknowledged: bool = False
    dh_prime_bits: int | None = None

    certificates: tuple[Certificate | MalformedCertificate, ...] = ()
    certificates_sent: int = 0
    ocsp_response: bytes = b""
    signed_certificate_timestamps: bytes = b""
    key_proof: Checked = Checked.NOT_CHECKED
    client_certificate_requested: bool = False
    client_certificate_sent: bool = False
    first_flight: FirstFlight | None = None
    completed: bool = False
    confirmed_by: ConfirmedBy | None = None

    timings: Timings = field(default_factory=Timings)
    min_rtt_ms: float | None = None
    retransmissions: int | None = None


# -- fold ------------------------------------------------------------------------------

CertificateParser: TypeAlias = "Callable[[bytes], Certificate | MalformedCertificate]"

FATAL: Final = 2
GOODBYES: Final = frozenset({alerts.CLOSE_NOTIFY, alerts.USER_CANCELED})


def parse_certificate_or_malformed(der: bytes) -> Certificate | MalformedCertificate:
    """The certificate, or the parser's refusal with what identifies the octets."""
    try:
        if len(der) > limits.MAX_CERTIFICATE:
            raise ParseError(ParseFault.LENGTH_OUT_OF_RANGE, "cert_data", 0)
        return parse_certificate(der)
    except ParseError as refused:
        digest = hashlib.sha256(der).hexdigest()
        return MalformedCertificate(
            sha256=digest,
            octets=len(der),
            error=refused,
            der=der if len(der) <= limits.MAX_CERTIFICATE else b"",
        )


def fold(
    events: Sequence[Event], parse: CertificateParser = parse_certificate_or_malformed
) -> HandshakeFacts:
    """What the events of one probe say, taken together.

    Args:
        events: in the order they happened, the client's and the transport's mixed.
        parse: from the octets of a certificate to what is known of it.

    Returns:
        Facts. `ended_by` is the peer's fatal alert where there was one, whatever the
        transport saw afterwards, and `us` when we broke off over a violation.
    """
    known = _Known(parse)
    for event in events:
        note = _NOTES.get(type(event))
        if note is not None:
            note(known, event)
    return known.conclude(events)


class _Known:
    """What is known so far: fields of the facts, and what decides between them."""

    __slots__ = (
        "alerts",
        "ended",
        "fields",
        "history",
        "marks",
        "parse",
        "passed",
        "proxy_octets",
        "retry",
    )

    def __init__(self, parse: CertificateParser) -> None:
        self.parse = parse
        self.fields: dict[str, Any] = {"stage": Stage.RESOLVE}
        self.history: list[str] = []
        # Each with whether it was fatal, which only the version of the moment says.
        self.alerts: list[tuple[seen.AlertSeen, bool]] = []
        self.ended: seen.Ended | None = None
        self.retry: seen.HelloRetryRequestSeen | None = None
        self.proxy_octets = 0
        # When things happened first, in the transport's seconds.
        self.marks: dict[str, float] = {}
        # When each stage was passed, in the same seconds.
        self.passed: dict[Stage, float] = {}

    def mark(self, name: str, at: float) -> None:
        """Remember when something happened for the first time."""
        self.marks.setdefault(name, at)

    def conclude(self, events: Sequence[Event]) -> HandshakeFacts:
        """Settle what depends on more than one event."""
        fields = self.fields
        fields["history"] = "".join(self.history)
        fields["timings"] = self._timings(events)
        if self.ended is not None:
            fields["ended_by"] = self.ended.ended_by
            fields["stage"] = self.ended.stage
            fields["octets_received"] = self._octets_of_peer(self.ended.octets)
            if self.ended.errno is not None:
                fields["errno"] = self.ended.errno
            if self.ended.icmp is not None:
                fields["icmp"] = self.ended.icmp
        self._settle_end()
        confirmed = fields.get("confirmed_by") is not None
        if confirmed:
            fields["stage"] = Stage.CONFIRMED
        elif fields["stage"] is Stage.CONFIRMED:
            fields["stage"] = Stage.CLIENT_FINISHED
        return HandshakeFacts(**fields)

    def _octets_of_peer(self, octets: int) -> int:
        """What is left of all octets when those that a proxy sent for itself are taken out."""
        if "proxy" not in self.fields:
            return octets
        return octets - self.proxy_octets if "tunnel" in self.marks else 0

    def _settle_end(self) -> None:
        """Which alert counts, and whether an alert was the end."""
        ending = next((alert for alert, fatal in self.alerts if fatal), None)
        if ending is not None:
            of_peer = ending.origin is Origin.PEER
            self.fields["ended_by"] = EndedBy.ALERT if of_peer else EndedBy.US
            self.fields["alert"] = _alert(ending)
            return
        said = [alert for alert, _ in self.alerts if alert.origin is Origin.PEER]
        warnings = [alert for alert in said if alert.description not in GOODBYES]
        if warnings:
            self.fields["alert"] = _alert(warnings[-1])
        if said and "confirmed_by" not in self.fields:
            # close_notify is the peer's FIN in TLS's own words.
            if said[-1].description == alerts.CLOSE_NOTIFY:
                self.fields["ended_by"] = EndedBy.FIN
            self.fields.setdefault("alert", _alert(said[-1]))

    def is_fatal(self, alert: seen.AlertSeen) -> bool:
        """RFC 8446 section 6: under TLS 1.3 the level says nothing."""
        if alert.description in GOODBYES:
            return False
        return alert.level == FATAL or self.fields.get("version") == versions.TLSV1_3

    def _timings(self, events: Sequence[Event]) -> Timings:
        marks = self.marks
        hello = marks.get("hello")
        first_octet = marks.get("first_octet")
        asked = hello
        if first_octet is not None and (hello is None or first_octet < hello):
            asked = marks.get("tunnel", marks.get("connected"))
        start = marks.get("start", events[0].at if events else 0.0)
        return Timings(
            resolve=marks.get("resolve"),
            connect=_elapsed(marks.get("connect"), marks.get("connected")),
            first_octet=_elapsed(asked, first_octet),
            handshake=_elapsed(hello, marks.get("completed")),
            passed=tuple(
                (stage, max(0.0, (at - start) * 1_000)) for stage, at in self.passed.items()
            ),
            total=_elapsed(start, events[-1].at if events else 0.0) or 0.0,
        )


def _elapsed(start: float | None, end: float | None) -> float | None:
    """Milliseconds, never negative."""
    return None if start is None or end is None else max(0.0, (end - start) * 1_000)


def _alert(event: seen.AlertSeen) -> Alert:
    return Alert(origin=event.origin, level=event.level, description=event.description)


# One function for each kind of event.


def _note_resolved(known: _Known, event: seen.Resolved) -> None:
    known.mark("start", event.at - event.elapsed_s)
    known.mark("resolve", event.elapsed_s * 1_000)
    known.passed[Stage.RESOLVE] = event.at
    known.fields["stage"] = Stage.CONNECT


def _note_resolve_failed(known: _Known, event: seen.ResolveFailed) -> None:
    known.fields["resolve_failure"] = event.failure
    known.fields["resolve_detail"] = event.detail


def _note_proxy_used(known: _Known, event: seen.ProxyUsed) -> None:
    known.fields["proxy"] = event.proxy


def _note_proxy_answered(known: _Known, event: seen.ProxyAnswered) -> None:
    known.fields["proxy_answer"] = event.answer
    known.proxy_octets = event.octets
    if event.answer.accepted:
        known.mark("tunnel", event.at)
        known.passed[Stage.PROXY] = event.at
        known.fields["stage"] = Stage.CLIENT_HELLO


def _note_connect_started(known: _Known, event: seen.ConnectStarted) -> None:
    known.mark("connect", event.at)
    known.fields["stage"] = Stage.CONNECT


def _note_connected(known: _Known, event: seen.Connected) -> None:
    known.mark("connected", event.at)
    known.passed[Stage.CONNECT] = event.at
    known.fields["stage"] = Stage.PROXY if "proxy" in known.fields else Stage.CLIENT_HELLO


def _note_connect_failed(known: _Known, event: seen.ConnectFailed) -> None:
    known.fields["stage"] = Stage.CONNECT
    known.fields["errno"] = event.errno
    known.fields["icmp"] = event.icmp


def _note_first_octet(known: _Known, event: seen.FirstOctet) -> None:
    if "proxy" in known.fields and "tunnel" not in known.marks:
        return  # of the proxy's own
    known.mark("first_octet", event.at)
    known.fields["spoke_first"] = event.spoke_first


def _note_ended(known: _Known, event: seen.Ended) -> None:
    known.ended = event


def _note_tcp_measured(known: _Known, event: seen.TcpMeasured) -> None:
    known.fields["retransmissions"] = event.retransmissions
    if event.min_rtt_s is not None:
        known.fields["min_rtt_ms"] = event.min_rtt_s * 1_000


def _note_starttls_started(known: _Known, event: seen.StartTlsStarted) -> None:
    known.fields["starttls"] = event.kind
    known.fields["stage"] = Stage.STARTTLS


def _note_starttls(known: _Known, event: seen.StartTlsAnswered) -> None:
    known.fields["starttls"] = event.kind
    known.fields["starttls_refusal"] = event.refusal
    known.fields["starttls_agreed"] = Checked.NO if event.refusal else Checked.YES
    known.fields["starttls_offered"] = event.offered
    if event.refusal:
        known.fields["first_octets"] = event.first_octets
    else:
        known.fields["starttls_octets"] = event.octets
        known.passed[Stage.STARTTLS] = event.at


def _note_not_starttls(known: _Known, event: seen.NotStartTls) -> None:
    known.fields["starttls_agreed"] = Checked.NO
    known.fields["first_octets"] = event.first_octets
    known.fields["is_tls"] = Checked.YES if event.is_tls else Checked.NO


def _note_client_hello(known: _Known, event: seen.ClientHelloSent) -> None:
    known.mark("hello", event.at)
    known.passed[Stage.CLIENT_HELLO] = event.at
    known.fields.setdefault("offer", event.offer)
    known.fields["stage"] = Stage.SERVER_HELLO


def _note_not_tls(known: _Known, event: seen.NotTls) -> None:
    known.fields["is_tls"] = Checked.NO
    known.fields["first_octets"] = event.first_octets


def _note_plain_heard(known: _Known, event: seen.PlainHeard) -> None:
    known.fields["first_octets"] = event.first_octets
    if event.is_tls is None:
        return
    known.fields["is_tls"] = Checked.YES if event.is_tls else Checked.NO
    if event.is_tls:
        known.fields["first_octets"] = event.first_octets[: limits.FIRST_OCTETS]


def _note_hello_retry(known: _Known, event: seen.HelloRetryRequestSeen) -> None:
    known.fields["is_tls"] = Checked.YES
    known.fields["hello_retry_requested"] = True
    known.retry = event


def _note_server_hello(known: _Known, event: seen.ServerHelloSeen) -> None:
    hello = event.hello
    known.fields.update(
        is_tls=Checked.YES,
        version=event.version,
        cipher_suite=hello.cipher_suite,
        group=event.group,
        compression_method=hello.legacy_compression_method,
        renegotiation_info=hello.extension(extension.RENEGOTIATION_INFO) is not None,
        server_name_acknowledged=hello.extension(extension.SERVER_NAME) is not None,
        signed_certificate_timestamps=hello.extension(extension.SIGNED_CERTIFICATE_TIMESTAMP)
        or b"",
        alpn=_alpn_of_hello(hello, known.fields.get("offer")),
    )


def _alpn_of_hello(hello: ServerHello, offer: Offer | None) -> str:
    """Up to TLS 1.2 the choice is here; only a name of ours is repeated."""
    chosen = hello.extension(extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    if chosen is None or offer is None:
        return ""
    try:
        names = parse_alpn(chosen)
    except ParseError:
        return ""
    return next((name for name in offer.alpn if names == (name.encode(),)), "")


def _note_server_hello_ssl2(known: _Known, event: seen.ServerHelloSsl2Seen) -> None:
    known.fields.update(is_tls=Checked.YES, version=versions.SSLV2)
    if event.hello.certificate:
        known.fields["certificates_sent"] = 1
        known.fields["certificates"] = (known.parse(event.hello.certificate),)


def _note_encrypted_extensions(known: _Known, event: seen.EncryptedExtensionsSeen) -> None:
    known.fields["alpn"] = event.alpn
    known.fields["server_name_acknowledged"] = (
        event.message.extension(extension.SERVER_NAME) is not None
    )


def _note_certificate_request(known: _Known, event: seen.CertificateRequestSeen) -> None:
    known.fields["client_certificate_requested"] = True


def _note_certificate(known: _Known, event: seen.CertificateSeen) -> None:
    known.fields["certificates_sent"] = len(event.entries)
    shown = event.entries[: limits.MAX_CERTIFICATES]
    known.fields["certificates"] = tuple(known.parse(entry.cert_data) for entry in shown)
    timestamps = shown[0].extension(extension.SIGNED_CERTIFICATE_TIMESTAMP) if shown else None
    if timestamps is not None:
        known.fields["signed_certificate_timestamps"] = timestamps


def _note_certificate_status(known: _Known, event: seen.CertificateStatusSeen) -> None:
    known.fields["ocsp_response"] = event.ocsp_response


def _note_server_key_exchange(known: _Known, event: seen.ServerKeyExchangeSeen) -> None:
    known.fields["group"] = event.group
    known.fields["dh_prime_bits"] = event.dh_prime_bits
    known.fields["signature_scheme"] = event.signature_scheme


def _note_key_proof(known: _Known, event: seen.KeyProofChecked) -> None:
    known.fields["key_proof"] = event.result
    known.fields["signature_scheme"] = event.scheme or None


_PASSED_WITH: Final = {
    "s": Stage.SERVER_HELLO,
    "x": Stage.CERTIFICATE,
    "y": Stage.CERTIFICATE,
    "k": Stage.KEY_EXCHANGE,
    "G": Stage.KEY_EXCHANGE,
    "F": Stage.CLIENT_FINISHED,
    "f": Stage.SERVER_FINISHED,
}
"""By the letter of a message: the stage that it ends. The last of those that end one counts:
CertificateVerify behind Certificate, ClientKeyExchange where there is no ServerKeyExchange."""


def _note_message(known: _Known, event: seen.MessageSeen) -> None:
    if event.letter in _PASSED_WITH:
        known.passed[_PASSED_WITH[event.letter]] = event.at
    if len(known.history) < limits.MAX_HISTORY:
        known.history.append(event.letter)


def _note_client_certificate(known: _Known, event: seen.ClientCertificateSent) -> None:
    known.fields["client_certificate_sent"] = not event.empty


def _note_alert(known: _Known, event: seen.AlertSeen) -> None:
    known.alerts.append((event, known.is_fatal(event)))
    if event.origin is Origin.PEER:
        known.fields["is_tls"] = Checked.YES


def _note_violation(known: _Known, event: seen.ProtocolViolation) -> None:
    if known.fields["stage"] is not Stage.STARTTLS:
        known.fields.setdefault("is_tls", Checked.YES)
    known.fields.setdefault("violation", event.rule)
    known.fields.setdefault("parse_error", event.error)


def _note_first_flight(known: _Known, event: seen.FirstFlightEnded) -> None:
    known.fields["first_flight"] = event.reason
    if known.retry is not None and "version" not in known.fields:
        # It ended there: what the server asked for then is all that it chose.
        known.fields.update(
            version=versions.TLSV1_3,
            cipher_suite=known.retry.hello.cipher_suite,
            group=known.retry.group,
        )


def _note_completed(known: _Known, event: seen.Completed) -> None:
    known.mark("completed", event.at)
    known.fields["completed"] = True


def _note_confirmed(known: _Known, event: seen.Confirmed) -> None:
    known.fields["confirmed_by"] = event.by
    known.passed[Stage.CONFIRMED] = event.at


_NOTES: Final[dict[type, Callable[[_Known, Any], None]]] = {
    seen.Resolved: _note_resolved,
    seen.ResolveFailed: _note_resolve_failed,
    seen.ProxyUsed: _note_proxy_used,
    seen.ConnectStarted: _note_connect_started,
    seen.Connected: _note_connected,
    seen.ConnectFailed: _note_connect_failed,
    seen.FirstOctet: _note_first_octet,
    seen.Ended: _note_ended,
    seen.TcpMeasured: _note_tcp_measured,
    seen.ProxyAnswered: _note_proxy_answered,
    seen.StartTlsStarted: _note_starttls_started,
    seen.StartTlsAnswered: _note_starttls,
    seen.NotStartTls: _note_not_starttls,
    seen.ClientHelloSent: _note_client_hello,
    seen.NotTls: _note_not_tls,
    seen.PlainHeard: _note_plain_heard,
    seen.HelloRetryRequestSeen: _note_hello_retry,
    seen.ServerHelloSeen: _note_server_hello,
    seen.ServerHelloSsl2Seen: _note_server_hello_ssl2,
    seen.EncryptedExtensionsSeen: _note_encrypted_extensions,
    seen.CertificateRequestSeen: _note_certificate_request,
    seen.CertificateSeen: _note_certificate,
    seen.CertificateStatusSeen: _note_certificate_status,
    seen.ServerKeyExchangeSeen: _note_server_key_exchange,
    seen.KeyProofChecked: _note_key_proof,
    seen.MessageSeen: _note_message,
    seen.ClientCertificateSent: _note_client_certificate,
    seen.AlertSeen: _note_alert,
    seen.ProtocolViolation: _note_violation,
    seen.FirstFlightEnded: _note_first_flight,
    seen.Completed: _note_completed,
    seen.Confirmed: _note_confirmed,
}

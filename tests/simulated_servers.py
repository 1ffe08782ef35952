"""Servers without a wire: from a way of asking to the facts that it would give.

Each is a list of obstacles that a hello meets in turn, and what it negotiates once it is past
them. What they do is written from the RFCs and from what real stacks are known to do; nothing
here looks at how fleetscan concludes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from fleetscan._parse import Certificate
from fleetscan.diagnosis.choice import next_experiment
from fleetscan.diagnosis.context import Context
from fleetscan.experiment import Ask, Cut, Speech, Tried
from fleetscan.facts import HandshakeFacts
from fleetscan.registry import extension_types as extension
from fleetscan.registry import versions
from fleetscan.tls.events import Offer
from fleetscan.tls.hello import HelloTemplate
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profile import is_grease
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.suite_versions import exists_in
from fleetscan.vocabulary import Alert, Checked, ConfirmedBy, EndedBy, FirstFlight, Origin, Stage

NAME: Final = "www.example.com"
ADDRESS: Final = "192.0.2.10"
SHARES: Final = KeyShares()

FIRST: Final = Ask(
    profile=BROWSER,
    server_name=NAME,
    alpn=("h2", "http/1.1"),
    starttls="none",
    address=ADDRESS,
    with_identity=False,
)
"""How a scan asks first."""

End: TypeAlias = int | EndedBy
"""An alert by its number, or how the connection ends without one."""

Obstacle: TypeAlias = Callable[[Ask, Offer, int], End | None]
"""What a hello meets: how it ends there, or None where it passes. The number counts probes."""


def offer_of(ask: Ask) -> Offer:
    """What the hello of such a way of asking has in it, its size measured on the octets."""
    profile, name = ask.profile, ask.server_name.encode()
    if profile.versions == (versions.SSLV2,):
        return Offer(
            profile=profile.name,
            server_name="",
            versions=profile.versions,
            cipher_suites=(),
            groups=(),
            signature_schemes=(),
            alpn=(),
            octets=47,
        )
    template = HelloTemplate(profile, SHARES, ask.alpn)
    message = template.encode(bytes(32), bytes(profile.session_id_octets), name)
    return Offer(
        profile=profile.name,
        server_name=ask.server_name,
        versions=profile.versions,
        cipher_suites=profile.cipher_suites,
        groups=profile.groups,
        signature_schemes=profile.signature_schemes,
        extensions=template.types_with_name if name else template.types,
        alpn=ask.alpn,
        octets=len(message),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One kind of server.

    Args:
        obstacles: in the order in which a hello meets them.
        versions: newest first.
        cipher_suites: preferred first.
        groups: preferred first.
        signature_schemes: preferred first.
        alpn: protocols it speaks; None where it passes over the extension.
        no_version: how it ends without a common version.
        no_suite: without a common suite, group or scheme.
        wants_client_certificate: whether it insists on one.
        plain: what it says to plain words.
        certificates: what it shows for a name.
        starttls: the dialogue it wants before TLS.
    """

    obstacles: tuple[Obstacle, ...] = ()
    versions: tuple[int, ...] = (versions.TLSV1_3, versions.TLSV1_2)
    cipher_suites: tuple[int, ...] = (0x1301, 0x1302, 0xC02F, 0xC02B, 0xC013, 0x002F)
    groups: tuple[int, ...] = (0x001D, 0x0017, 0x0018)
    signature_schemes: tuple[int, ...] = (0x0403, 0x0804, 0x0401)
    alpn: tuple[str, ...] | None = None
    no_version: End = 70
    no_suite: End = 40
    wants_client_certificate: bool = False
    plain: bytes = b""
    starttls: str = "none"
    certificates: Callable[[str], tuple[Certificate, ...]] = field(default=lambda name: ())

    def answer(self, ask: Ask, position: int) -> HandshakeFacts:
        """What one probe would see."""
        if ask.speech is not Speech.TLS:
            return self._to_plain_words(ask)
        offer = offer_of(ask)
        if self.starttls != ask.starttls:
            return _without_dialogue(ask, offer) if ask.starttls == "none" else _greeted(ask)
        for obstacle in self.obstacles:
            end = obstacle(ask, offer, position)
            if end is not None:
                return _ended(ask, offer, end)
        return self._negotiated(ask, offer)

    def _to_plain_words(self, ask: Ask) -> HandshakeFacts:
        return HandshakeFacts(
            stage=Stage.SERVER_HELLO,
            ended_by=EndedBy.US if self.plain else EndedBy.TIMEOUT,
            first_octets=self.plain,
            octets_received=len(self.plain),
            is_tls=Checked.NO if self.plain else Checked.NOT_CHECKED,
        )

    def _negotiated(self, ask: Ask, offer: Offer) -> HandshakeFacts:
        version = next((each for each in self.versions if each in offer.versions), None)
        if version is None:
            return _ended(ask, offer, self.no_version)
        usable = [code for code in self.cipher_suites if _exists(code, version)]
        suite = next((code for code in usable if code in offer.cipher_suites), None)
        group = next((code for code in self.groups if code in offer.groups), None)
        scheme = next(
            (code for code in self.signature_schemes if code in offer.signature_schemes), None
        )
        takes_schemes = version >= versions.TLSV1_2
        if suite is None or group is None or (takes_schemes and scheme is None):
            return _ended(ask, offer, self.no_suite)
        spoken = [each for each in self.alpn or () if each in offer.alpn]
        if self.alpn is not None and offer.alpn and not spoken:
            return _ended(ask, offer, 120)
        facts = _established(ask, offer, version, suite, group, scheme if takes_schemes else None)
        facts = replace(facts, certificates=self.certificates(offer.server_name))
        return _wanting_certificate(facts, ask) if self.wants_client_certificate else facts


def _exists(code: int, version: int) -> bool:
    return exists_in(code, max(version, versions.SSLV3))


def _ended(ask: Ask, offer: Offer, end: End) -> HandshakeFacts:
    facts = HandshakeFacts(
        stage=Stage.SERVER_HELLO, offer=offer, history="C", starttls=ask.starttls
    )
    if isinstance(end, EndedBy):
        return replace(facts, ended_by=end)
    return replace(
        facts,
        ended_by=EndedBy.ALERT,
        alert=Alert(origin=Origin.PEER, level=2, description=end),
        is_tls=Checked.YES,
        octets_received=7,
        history="Cl",
    )


def _established(
    ask: Ask, offer: Offer, version: int, suite: int, group: int, scheme: int | None
) -> HandshakeFacts:
    is_old = version <= versions.SSLV3
    return HandshakeFacts(
        stage=Stage.CONFIRMED if not is_old else Stage.CERTIFICATE,
        ended_by=EndedBy.US,
        offer=offer,
        history="Csxk",
        octets_received=2_000,
        is_tls=Checked.YES,
        starttls=ask.starttls,
        starttls_agreed=Checked.NOT_CHECKED if ask.starttls == "none" else Checked.YES,
        version=version,
        cipher_suite=suite,
        group=group,
        signature_scheme=scheme,
        key_proof=Checked.YES,
        completed=not is_old,
        confirmed_by=None if is_old else ConfirmedBy.TICKET,
        first_flight=FirstFlight.VERSION if is_old else None,
    )


def _without_dialogue(ask: Ask, offer: Offer) -> HandshakeFacts:
    return _ended(ask, offer, EndedBy.FIN)


def _greeted(ask: Ask) -> HandshakeFacts:
    """A server that speaks TLS from the first octet waits for a hello, and so do we."""
    return HandshakeFacts(
        stage=Stage.STARTTLS, ended_by=EndedBy.TIMEOUT, starttls=ask.starttls, history=""
    )


def _wanting_certificate(facts: HandshakeFacts, ask: Ask) -> HandshakeFacts:
    asked = replace(facts, client_certificate_requested=True)
    if ask.with_identity:
        return replace(asked, client_certificate_sent=True)
    return replace(
        asked,
        stage=Stage.CLIENT_FINISHED,
        ended_by=EndedBy.ALERT,
        alert=Alert(origin=Origin.PEER, level=2, description=116),
        history="CsoxrXFl",
        confirmed_by=None,
    )


# -- obstacles ---------------------------------------------------------------------------


def needs_name(end: End = 112, names: Sequence[str] = ()) -> Obstacle:
    """Refuses a hello without a name, and names that it does not know where some are given."""

    def obstacle(ask: Ask, offer: Offer, position: int) -> End | None:
        unknown = bool(names) and offer.server_name not in names
        return end if not offer.server_name or unknown else None

    return obstacle


def refuses_name(name: str, end: End) -> Obstacle:
    """Ends every hello with this name, to any address."""
    return lambda ask, offer, position: end if offer.server_name == name else None


def breaks_above(octets: int, end: End = EndedBy.RST) -> Obstacle:
    """Breaks on a hello of more octets."""
    return lambda ask, offer, position: end if offer.octets > octets else None


def breaks_between(low: int, high: int, end: End = EndedBy.TIMEOUT) -> Obstacle:
    """Breaks on a hello in this window, as RFC 7685 section 4 tells of."""
    return lambda ask, offer, position: end if low <= offer.octets <= high else None


def breaks_on_grease(end: End = 47) -> Obstacle:
    """Breaks on a value or an extension that nobody registered."""

    def obstacle(ask: Ask, offer: Offer, position: int) -> End | None:
        every = (*offer.versions, *offer.cipher_suites, *offer.groups, *offer.extensions)
        return end if any(is_grease(code) for code in every) else None

    return obstacle


def breaks_on_extension(kind: int, end: End = 50) -> Obstacle:
    """Breaks on one extension."""
    return lambda ask, offer, position: end if kind in offer.extensions else None


def breaks_on_tls13(end: End = EndedBy.FIN) -> Obstacle:
    """Breaks when TLS 1.3 is offered (RFC 8446 appendix E.1 tells of such servers)."""

    def obstacle(ask: Ask, offer: Offer, position: int) -> End | None:
        offered = versions.TLSV1_3 in offer.versions
        return end if offered and extension.SUPPORTED_VERSIONS in offer.extensions else None

    return obstacle


def reads_once(segment: int = 1_460, end: End = EndedBy.RST) -> Obstacle:
    """Takes what the first read gave for the whole hello."""

    def obstacle(ask: Ask, offer: Offer, position: int) -> End | None:
        return end if offer.octets > segment or ask.cut is Cut.SEGMENTS else None

    return obstacle


def always(end: End) -> Obstacle:
    """Ends every hello."""
    return lambda ask, offer, position: end


def in_turn(pattern: str, end: End = EndedBy.RST) -> Obstacle:
    """Fails where the pattern has an F, turn by turn."""
    return lambda ask, offer, position: end if pattern[position % len(pattern)] == "F" else None


def cut_at(hop: int, distance: int, obstacle: Obstacle) -> Obstacle:
    """Something at that hop does it; a hello that does not get there expires."""

    def cut(ask: Ask, offer: Offer, position: int) -> End | None:
        reaches = not ask.hops or ask.hops >= hop
        end = obstacle(ask, offer, position) if reaches else EndedBy.TIMEOUT
        short = ask.hops and ask.hops < distance
        return EndedBy.TIMEOUT if end is None and short else end

    return cut


# -- a whole diagnosis --------------------------------------------------------------------


def diagnose(
    server: Server, base: Ask, context: Context
) -> tuple[HandshakeFacts, tuple[Tried, ...]]:
    """The first probe and every experiment that is chosen after it, until none is."""
    first = server.answer(base, 0)
    tried: list[Tried] = []
    for position in range(1, 40):
        chosen = next_experiment(first, base, tried, context)
        if chosen is None:
            return first, tuple(tried)
        name, changed, ask = chosen
        facts = server.answer(ask, position)
        tried.append(Tried(name=name, changed=changed, ask=ask, facts=facts))
    raise AssertionError("the choice does not come to an end")

"""From symptom to experiments, as data: what is asked, in which order, what it splits.

`docs/diagnosis.md` is printed from it. The rows are tried from the top: the first whose
predicate holds of the first probe's facts counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan.causes.banners import STARTTLS_NEEDED
from fleetscan.causes.evidence import established, hello_sent, server_spoke_tls
from fleetscan.causes.experiments import NO_TLS, SILENCE, ending_of, peer_alert_code
from fleetscan.causes.protocol import spoken
from fleetscan.diagnosis.hellos import EVERYTHING, Change
from fleetscan.registry import alerts, versions
from fleetscan.vocabulary import STARTTLS_PORTS, Checked, EndedBy, FirstFlight, Stage

if TYPE_CHECKING:
    from fleetscan.diagnosis.context import Context
    from fleetscan.facts import HandshakeFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One way of asking again.

    Args:
        asks: what is sent, in words.
        splits: what an answer, and what none, leaves possible.
        proves: the causes that it can settle, by id.
        changes: what of the first hello it changes, for those that change only that.
    """

    asks: str
    splits: str
    proves: tuple[str, ...]
    changes: frozenset[Change] = frozenset()


EXPERIMENTS: Final[dict[str, Experiment]] = {
    "broad": Experiment(
        asks="every version, suite, group and signature scheme; no ALPN, no value or extension "
        "that is new; in one segment; the name as given",
        splits="answered: what the server then chose, and was not offered before, is what was "
        "missing, and the rest is taken back one by one. Not answered: no list was too short",
        proves=(
            "version.too_old",
            "version.too_new",
            "cipher.none_in_common",
            "cipher.insecure_only",
            "cipher.insufficient_security",
            "key_exchange.no_common_group",
            "signature.no_common_scheme",
        ),
        changes=EVERYTHING,
    ),
    "versions": Experiment(
        asks="the first hello with every version from SSL 3.0 to TLS 1.3",
        splits="answered with a version that was not offered: too old, or too new. Refused with "
        "another alert: the version was one of two things",
        proves=("version.too_old", "version.too_new"),
        changes=frozenset({Change.VERSIONS}),
    ),
    "newest_left_out": Experiment(
        asks="the first hello at its size without TLS 1.3 and its extensions",
        splits="answered with a version that was on offer before: the newest one breaks the server",
        proves=("version.intolerant",),
        changes=frozenset({Change.NEWEST}),
    ),
    "new_values_left_out": Experiment(
        asks="the first hello at its size without GREASE, the hybrid share, and extensions that "
        "came in with TLS 1.3 or later and are not needed",
        splits="answered: the server breaks on something that it does not know",
        proves=("server.extension_intolerant",),
        changes=frozenset({Change.EXTENSIONS}),
    ),
    "no_alpn": Experiment(
        asks="the first hello at its size without ALPN",
        splits="answered: no application protocol was in common",
        proves=("alpn.none_in_common",),
        changes=frozenset({Change.ALPN}),
    ),
    "broad_without_name": Experiment(
        asks="the broad hello without a name",
        splits="answered: the refusal depends on the name",
        proves=("name.unrecognized", "interference.name_filter"),
        changes=EVERYTHING | {Change.NO_NAME},
    ),
    "broad_and_small": Experiment(
        asks="the broad hello in at most 255 octets, with some of each list",
        splits="answered: it is the size, and what the server then chose tells whether more is",
        proves=("server.large_hello_intolerant",),
        changes=EVERYTHING | {Change.SIZE},
    ),
    "broad_without_newest": Experiment(
        asks="the broad hello without TLS 1.3 and its extensions",
        splits="answered: the newest version breaks the server",
        proves=("version.intolerant",),
        changes=EVERYTHING | {Change.NEWEST},
    ),
    "small": Experiment(
        asks="the first hello with a few of each list, at most 255 octets",
        splits="answered: it is the size, or something that was left out",
        proves=("server.large_hello_intolerant",),
        changes=frozenset({Change.SIZE}),
    ),
    "small_padded": Experiment(
        asks="the small hello that was answered, padded to the size of the first, or to one "
        "packet where a hello of that size has failed",
        splits="not answered: it is the size and nothing else",
        proves=("server.large_hello_intolerant",),
    ),
    "in_segments": Experiment(
        asks="a small hello that was answered, in two TCP segments with a gap",
        splits="not answered: the server reads once and takes what it got for the whole",
        proves=("server.segmented_hello_intolerant",),
    ),
    "in_records": Experiment(
        asks="a small hello that was answered, in two TLS records",
        splits="not answered: the server takes a record for the whole message",
        proves=("server.segmented_hello_intolerant",),
    ),
    "other_name": Experiment(
        asks="the first hello with another name that this address may serve",
        splits="answered: the first name is refused, or one is needed",
        proves=("name.required", "name.unrecognized", "interference.name_filter"),
        changes=frozenset({Change.OTHER_NAME}),
    ),
    "no_name": Experiment(
        asks="the first hello at its size without a name; not where another name was refused too",
        splits="answered: the refusal depends on the name",
        proves=("name.unrecognized", "interference.name_filter"),
        changes=frozenset({Change.NO_NAME}),
    ),
    "broad_with_name": Experiment(
        asks="the broad hello with a name that this address may serve",
        splits="answered: a name is needed, and what the server then chose tells whether more is",
        proves=("name.required",),
        changes=EVERYTHING | {Change.OTHER_NAME},
    ),
    "made_up_name": Experiment(
        asks="the first hello with a name that nobody serves",
        splits="the same certificate again: the server does not look at the name",
        proves=("name.default_certificate",),
    ),
    "same_name_elsewhere": Experiment(
        asks="the same name at another address of the same path, which answers any name",
        splits="cut there too: it is cut on the path",
        proves=("interference.name_filter",),
    ),
    "short_hops": Experiment(
        asks="the first hello with a TTL one smaller than the server's distance",
        splits="reset all the same: something before the server did it",
        proves=("interference.name_filter", "interference.hello_filter"),
    ),
    "again": Experiment(
        asks="the first hello, after a delay",
        splits="answered: it works only sometimes",
        proves=("server.intermittent",),
    ),
    "repeat": Experiment(
        asks="a hello that was answered, once more",
        splits="not answered: it works only sometimes. Answered: chance is ruled out",
        proves=("server.intermittent",),
    ),
    "narrowed": Experiment(
        asks="the first hello with some of the changes that were answered together",
        splits="which of them matter: those that fail when one is missing",
        proves=("every cause of a hello, exactly",),
    ),
    "ssl3": Experiment(
        asks="the hello of SSL 3.0, without extensions",
        splits="answered: the server is older than TLS",
        proves=("version.too_old",),
    ),
    "ssl2": Experiment(
        asks="the hello of SSL 2.0, which has a form of its own",
        splits="answered: the server is older than SSL 3.0",
        proves=("version.too_old",),
    ),
    "http": Experiment(
        asks="a plain request, `GET / HTTP/1.1`",
        splits="answered: the port speaks HTTP without TLS",
        proves=("protocol.plaintext_http",),
    ),
    "listen": Experiment(
        asks="nothing: the server may speak first",
        splits="a greeting: the port speaks another protocol",
        proves=("protocol.starttls_needed", "protocol.other"),
    ),
    "starttls": Experiment(
        asks="the dialogue of the protocol that the greeting or the port suggests, then the hello",
        splits="answered: TLS has to be asked for first",
        proves=("protocol.starttls_needed",),
    ),
    "no_dialogue": Experiment(
        asks="the hello at once, without the plain dialogue",
        splits="answered: the port speaks TLS from the first octet",
        proves=("protocol.other",),
    ),
    "direct": Experiment(
        asks="the first hello without the proxy",
        splits="answered, or another certificate: the proxy has to do with it",
        proves=("interference.proxy_refused", "interference.interception"),
    ),
    "with_identity": Experiment(
        asks="the first hello, and the user's client certificate when it is asked for",
        splits="accepted: a client certificate is required",
        proves=("client_auth.required",),
    ),
}


# -- symptoms ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """What a row may look at."""

    facts: HandshakeFacts
    named: bool
    context: Context

    @property
    def alert(self) -> int | None:
        """The number of the alert that the server refused with."""
        return peer_alert_code(self.facts)

    @property
    def ending(self) -> str:
        """How it ended, in a word."""
        return ending_of(self.facts)

    @property
    def is_unanswered(self) -> bool:
        """A hello went out and nothing came that says why not."""
        if not hello_sent(self.facts) or server_spoke_tls(self.facts):
            return False
        return self.ending in {EndedBy.FIN.value, EndedBy.RST.value, SILENCE}


Predicate: TypeAlias = Callable[[Symptom], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One symptom and what to ask.

    Args:
        name: of the symptom.
        says: it in words.
        holds: the predicate.
        experiments: in the order in which they are made, while nothing is answered.
        suspects: which changes to take back last when several together are answered.
    """

    name: str
    says: str
    holds: Predicate
    experiments: tuple[str, ...]
    suspects: tuple[Change, ...] = ()


HTTP_PORTS: Final = frozenset({80, 591, 8000, 8008, 8080, 8081, 8888})
"""Where HTTP without TLS is at home: IANA's http, http-alt and their usual neighbours."""

_BEFORE_THE_TARGET: Final = frozenset({Stage.RESOLVE, Stage.CONNECT, Stage.PROXY})

_SIZE_FIRST: Final = (Change.SIZE, Change.EXTENSIONS, Change.ALPN, Change.NEWEST)
_VALUES_FIRST: Final = (Change.EXTENSIONS, Change.SIZE, Change.ALPN, Change.NEWEST)

_SAYS_ENOUGH: Final = frozenset(
    {alerts.ACCESS_DENIED, alerts.INAPPROPRIATE_FALLBACK, alerts.CERTIFICATE_REQUIRED}
)


def _is_wrong_name(symptom: Symptom) -> bool:
    return established(symptom.facts) and symptom.context.wrong_name


def _is_untrusted(symptom: Symptom) -> bool:
    return established(symptom.facts) and symptom.context.untrusted and symptom.context.proxied


def _lists_chosen(symptom: Symptom) -> bool:
    return symptom.facts.first_flight in {FirstFlight.CIPHER_SUITE, FirstFlight.KEY_EXCHANGE}


def _needs_no_question(symptom: Symptom) -> bool:
    facts = symptom.facts
    if established(facts) or facts.stage in _BEFORE_THE_TARGET:
        return True
    told = bool(facts.starttls_refusal or facts.violation or facts.parse_error is not None)
    return told or _lists_chosen(symptom) or symptom.alert in _SAYS_ENOUGH


def _is_identity(symptom: Symptom) -> bool:
    return symptom.context.identity and symptom.facts.client_certificate_requested


def _is_greeting(symptom: Symptom) -> bool:
    if symptom.facts.starttls != "none":
        return False
    signature = spoken(symptom.facts)
    return signature is not None and signature.cause == STARTTLS_NEEDED


def _is_dialogue(symptom: Symptom) -> bool:
    facts = symptom.facts
    unread = facts.is_tls is not Checked.NO and not hello_sent(facts)
    return facts.stage is Stage.STARTTLS and unread


def _chose_older(symptom: Symptom) -> bool:
    version = symptom.facts.version
    return version is not None and version < versions.TLSV1_2


def _at_starttls_port(symptom: Symptom) -> bool:
    by_port = symptom.context.port in STARTTLS_PORTS and symptom.facts.starttls == "none"
    return by_port and symptom.is_unanswered


def _at_http_port(symptom: Symptom) -> bool:
    return symptom.context.port in HTTP_PORTS and symptom.is_unanswered


def _is_silent(symptom: Symptom) -> bool:
    return symptom.is_unanswered and symptom.ending == SILENCE


def _alert(*codes: int, named: bool | None = None) -> Predicate:
    def holds(symptom: Symptom) -> bool:
        fits = named is None or symptom.named == named
        return fits and symptom.alert in codes and not server_spoke_tls(symptom.facts)

    return holds


def _any_alert(symptom: Symptom) -> bool:
    return symptom.alert is not None and not server_spoke_tls(symptom.facts)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        name="wrong_name",
        says="the handshake worked and the certificate is for other names",
        holds=_is_wrong_name,
        experiments=("made_up_name",),
    ),
    Row(
        name="untrusted_through_proxy",
        says="the handshake worked through a proxy and its certificate is not trusted",
        holds=_is_untrusted,
        experiments=("direct", "again"),
    ),
    Row(
        name="client_certificate_wanted",
        says="the server asked for a client certificate, got none and ended it; the user has one",
        holds=_is_identity,
        experiments=("with_identity",),
    ),
    Row(
        name="greeting",
        says="the first octets are those of a protocol that turns into TLS on request",
        holds=_is_greeting,
        experiments=("starttls",),
    ),
    Row(
        name="settled",
        says="the first probe says all: it worked, never reached the target, was refused in words "
        "that name the reason, or broke a rule",
        holds=_needs_no_question,
        experiments=(),
    ),
    Row(
        name="another_protocol",
        says="the first octets are no TLS",
        holds=lambda symptom: symptom.ending == NO_TLS,
        experiments=(),
    ),
    Row(
        name="dialogue",
        says="the plain dialogue was begun and nothing came of it",
        holds=_is_dialogue,
        experiments=("no_dialogue", "again"),
    ),
    Row(
        name="older_version_chosen",
        says="the ServerHello chose a version that was not offered",
        holds=_chose_older,
        experiments=("versions",),
    ),
    Row(
        name="broken_off",
        says="the handshake was under way and ended, or stopped",
        holds=lambda symptom: server_spoke_tls(symptom.facts),
        experiments=("again", "again"),
    ),
    Row(
        name="closed_on_accept",
        says="the connection ended before a hello could be sent",
        holds=lambda symptom: not hello_sent(symptom.facts),
        experiments=("again", "direct"),
    ),
    Row(
        name="protocol_version",
        says="alert protocol_version(70)",
        holds=_alert(alerts.PROTOCOL_VERSION),
        experiments=("versions", "broad", "broad_without_newest", "ssl3", "ssl2"),
        suspects=(Change.NEWEST, Change.EXTENSIONS, Change.SIZE, Change.ALPN),
    ),
    Row(
        name="no_application_protocol",
        says="alert no_application_protocol(120)",
        holds=_alert(alerts.NO_APPLICATION_PROTOCOL),
        experiments=("no_alpn", "broad"),
        suspects=(Change.ALPN,),
    ),
    Row(
        name="insufficient_security",
        says="alert insufficient_security(71)",
        holds=_alert(alerts.INSUFFICIENT_SECURITY),
        experiments=("broad",),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="name_refused",
        says="alert unrecognized_name(112), a name was sent",
        holds=_alert(alerts.UNRECOGNIZED_NAME, named=True),
        experiments=("other_name", "no_name"),
        suspects=(Change.OTHER_NAME, Change.NO_NAME),
    ),
    Row(
        name="name_missed",
        says="alert unrecognized_name(112) or missing_extension(109), no name was sent",
        holds=_alert(alerts.UNRECOGNIZED_NAME, alerts.MISSING_EXTENSION, named=False),
        experiments=("other_name", "broad_with_name"),
        suspects=(Change.OTHER_NAME,),
    ),
    Row(
        name="handshake_failure",
        says="alert handshake_failure(40), a name was sent",
        holds=_alert(alerts.HANDSHAKE_FAILURE, named=True),
        experiments=(
            "broad",
            "broad_with_name",
            "broad_without_name",
            "broad_without_newest",
            "broad_and_small",
            "again",
        ),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="handshake_failure_without_name",
        says="alert handshake_failure(40), no name was sent",
        holds=_alert(alerts.HANDSHAKE_FAILURE, named=False),
        experiments=(
            "broad",
            "broad_with_name",
            "broad_without_newest",
            "broad_and_small",
            "again",
        ),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="internal_error",
        says="alert internal_error(80), a name was sent",
        holds=_alert(alerts.INTERNAL_ERROR, named=True),
        experiments=(
            "other_name",
            "no_name",
            "broad",
            "again",
            "broad_and_small",
            "broad_without_newest",
        ),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="internal_error_without_name",
        says="alert internal_error(80), no name was sent",
        holds=_alert(alerts.INTERNAL_ERROR, named=False),
        experiments=("other_name", "broad_with_name", "broad", "again", "broad_and_small"),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="refused_otherwise",
        says="another alert in answer to the hello",
        holds=_any_alert,
        experiments=(
            "broad",
            "broad_and_small",
            "broad_without_newest",
            "broad_with_name",
            "broad_without_name",
            "again",
        ),
        suspects=_VALUES_FIRST,
    ),
    Row(
        name="unanswered_where_tls_is_asked_for",
        says="closed, reset or silent after the hello, at a port where TLS is asked for first",
        holds=_at_starttls_port,
        experiments=("starttls", "listen", "broad", "broad_and_small", "again"),
        suspects=_SIZE_FIRST,
    ),
    Row(
        name="unanswered_where_http_lives",
        says="closed, reset or silent after the hello, at a port of plain HTTP",
        holds=_at_http_port,
        experiments=(
            "http",
            "broad",
            "broad_and_small",
            "broad_without_newest",
            "broad_with_name",
            "broad_without_name",
        ),
        suspects=_SIZE_FIRST,
    ),
    Row(
        name="silent_without_name",
        says="silent after a hello without a name",
        holds=lambda symptom: _is_silent(symptom) and not symptom.named,
        experiments=(
            "broad",
            "http",
            "broad_with_name",
            "small",
            "newest_left_out",
            "again",
            "ssl3",
            "ssl2",
        ),
        suspects=_SIZE_FIRST,
    ),
    Row(
        name="silent",
        says="silent after the hello: a protocol of lines may wait for the end of one",
        holds=_is_silent,
        experiments=(
            "broad",
            "http",
            "small",
            "newest_left_out",
            "other_name",
            "no_name",
            "again",
            "ssl3",
            "ssl2",
        ),
        suspects=_SIZE_FIRST,
    ),
    Row(
        name="unanswered_without_name",
        says="closed or reset after a hello without a name",
        holds=lambda symptom: symptom.is_unanswered and not symptom.named,
        experiments=(
            "broad",
            "direct",
            "broad_with_name",
            "broad_and_small",
            "broad_without_newest",
            "again",
            "ssl3",
            "ssl2",
        ),
        suspects=_SIZE_FIRST,
    ),
    Row(
        name="unanswered",
        says="closed or reset after the hello",
        holds=lambda symptom: symptom.is_unanswered,
        experiments=(
            "broad",
            "direct",
            "broad_and_small",
            "broad_without_newest",
            "broad_with_name",
            "broad_without_name",
            "again",
            "ssl3",
            "ssl2",
        ),
        suspects=_SIZE_FIRST,
    ),
)


def row_for(symptom: Symptom) -> Row | None:
    """The first row that holds; None where nothing is to be asked."""
    return next((row for row in ROWS if row.holds(symptom)), None)

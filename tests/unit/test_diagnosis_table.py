"""The table from symptom to experiments, and the hellos that it asks with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan.causes import CATALOGUE, entry_of
from fleetscan.causes.experiments import WINDOW_FROM, WINDOW_TO
from fleetscan.diagnosis.context import Context
from fleetscan.diagnosis.hellos import EVERYTHING, SMALL, Change, held_size, with_changes
from fleetscan.diagnosis.table import EXPERIMENTS, ROWS, Symptom, row_for
from fleetscan.facts import HandshakeFacts
from fleetscan.tls.profiles import LEGACY, MINIMAL, OPENSSL3, PROFILES, SSL2, SSL3
from fleetscan.vocabulary import Checked, EndedBy, Stage
from tests.facts_builder import NAMELESS, alerted, confirmed, ended, facts, refused_certificate
from tests.simulated_servers import FIRST, offer_of
from tests.tls_peers import OpenSslPeer, conversation, converse, facts_of, server_context
from tools import diagnosis as tool

CONTEXT = Context(budget=5, port=443)

# Those of causes.md that a hello, a name, a dialogue or a way can show; the rest is told by
# the network, by octets, or by the certificate.
BY_EXPERIMENT = {
    *("version.too_old", "version.too_new", "version.intolerant"),
    *("cipher.none_in_common", "cipher.insecure_only", "cipher.insufficient_security"),
    *("key_exchange.no_common_group", "signature.no_common_scheme", "alpn.none_in_common"),
    *("name.required", "name.unrecognized", "name.default_certificate"),
    *("interference.name_filter", "interference.hello_filter", "interference.interception"),
    *("server.large_hello_intolerant", "server.segmented_hello_intolerant"),
    *("server.extension_intolerant", "server.intermittent", "client_auth.required"),
    *("protocol.plaintext_http", "protocol.starttls_needed", "protocol.other"),
}


def test_every_cause_that_takes_experiments_is_reached() -> None:
    """Some experiment can show it, and some row makes that experiment or leads to it."""
    shown = {cause for each in EXPERIMENTS.values() for cause in each.proves}

    assert shown >= BY_EXPERIMENT
    known = {entry.id for entry in CATALOGUE} | {"every cause of a hello, exactly"}
    assert shown <= known


def test_rows_name_experiments_of_the_table() -> None:
    """Each once by name; what no row makes is made when something was answered."""
    made = {name for row in ROWS for name in row.experiments}
    later = {
        *("narrowed", "repeat", "small", "small_padded", "in_segments", "new_values_left_out"),
        *("newest_left_out", "same_name_elsewhere", "short_hops", "in_records"),
    }

    assert made | later == set(EXPERIMENTS)
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("seen", "row"),
    [
        (alerted(70), "protocol_version"),
        (alerted(120), "no_application_protocol"),
        (alerted(71), "insufficient_security"),
        (alerted(112), "name_refused"),
        (alerted(112, offer=NAMELESS), "name_missed"),
        (alerted(109, offer=NAMELESS), "name_missed"),
        (alerted(40), "handshake_failure"),
        (alerted(40, offer=NAMELESS), "handshake_failure_without_name"),
        (alerted(80), "internal_error"),
        (alerted(80, offer=NAMELESS), "internal_error_without_name"),
        (alerted(47), "refused_otherwise"),
        (alerted(199), "refused_otherwise"),
        (alerted(49), "settled"),
        (alerted(86), "settled"),
        (ended(EndedBy.RST), "unanswered"),
        (ended(EndedBy.FIN), "unanswered"),
        (ended(EndedBy.TIMEOUT), "silent"),
        (ended(EndedBy.TIMEOUT, offer=NAMELESS), "silent_without_name"),
        (ended(EndedBy.RST, offer=NAMELESS), "unanswered_without_name"),
        (ended(EndedBy.TIMEOUT, history="Cs", version=0x0304), "broken_off"),
        (ended(EndedBy.US, violation="wrong_mac", history="Cs"), "settled"),
        (ended(EndedBy.US, is_tls=Checked.NO, first_octets=b"SSH-2.0-x"), "another_protocol"),
        (ended(EndedBy.US, is_tls=Checked.NO, first_octets=b"* OK IMAP ready"), "greeting"),
        (facts(stage=Stage.CONNECT, offer=None, history=""), "settled"),
        (
            facts(stage=Stage.CLIENT_HELLO, offer=None, history="", ended_by=EndedBy.FIN),
            "closed_on_accept",
        ),
        (
            facts(
                stage=Stage.STARTTLS,
                offer=None,
                history="",
                starttls="smtp",
                ended_by=EndedBy.TIMEOUT,
            ),
            "dialogue",
        ),
        (confirmed(), "settled"),
        (
            ended(EndedBy.US, history="CsL", version=0x0301, alert=None),
            "older_version_chosen",
        ),
    ],
)
def test_one_symptom_one_row(seen: HandshakeFacts, row: str) -> None:
    """Which row the facts of a first probe pick."""
    named = seen.offer is None or bool(seen.offer.server_name)
    found = row_for(Symptom(facts=seen, named=named, context=CONTEXT))

    assert found is not None and found.name == row


@pytest.mark.parametrize(
    ("seen", "context", "row"),
    [
        (confirmed(), replace(CONTEXT, wrong_name=True), "wrong_name"),
        (
            confirmed(),
            replace(CONTEXT, untrusted=True, proxied=True),
            "untrusted_through_proxy",
        ),
        (confirmed(), replace(CONTEXT, untrusted=True), "settled"),
        (
            refused_certificate(EndedBy.FIN),
            replace(CONTEXT, identity=True),
            "client_certificate_wanted",
        ),
        (ended(EndedBy.FIN), replace(CONTEXT, port=5432), "unanswered_where_tls_is_asked_for"),
        (ended(EndedBy.FIN), replace(CONTEXT, port=8080), "unanswered_where_http_lives"),
    ],
)
def test_the_context_picks_a_row(seen: HandshakeFacts, context: Context, row: str) -> None:
    """The port, the proxy, the certificate and the path check have rows of their own."""
    found = row_for(Symptom(facts=seen, named=True, context=context))

    assert found is not None and found.name == row


# -- hellos --------------------------------------------------------------------------------

CHANGES = [change for change in Change if change is not Change.SIZE]
BASES = [FIRST, *(replace(FIRST, profile=each, alpn=()) for each in (OPENSSL3, MINIMAL, LEGACY))]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.profile.name)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.value)
def test_no_change_makes_a_hello_smaller(base: object, change: Change) -> None:
    """What was taken out is made up for with padding (RFC 7685 section 3)."""
    assert isinstance(base, type(FIRST))
    size = offer_of(base).octets
    changed = with_changes(base, {change}, size=held_size(size, {change}), name="o.example")

    assert offer_of(changed).octets >= size


@pytest.mark.parametrize("base", BASES[:2], ids=lambda base: base.profile.name)
@pytest.mark.parametrize(
    "changes",
    [
        {Change.SIZE},
        {Change.SIZE, Change.ALPN},
        {Change.SIZE, Change.EXTENSIONS},
        {Change.SIZE, *EVERYTHING},
    ],
    ids=len,
)
def test_a_small_hello_is_under_256_octets(base: object, changes: set[Change]) -> None:
    """RFC 7685 section 4: from 256 on some old devices fail."""
    assert isinstance(base, type(FIRST))

    assert offer_of(with_changes(base, changes, size=SMALL)).octets <= 255


def test_a_hello_in_the_window_is_not_taken_out_of_it() -> None:
    """Leaving 256 to 511 octets would be a second change."""
    for size in (WINDOW_FROM, WINDOW_TO):
        assert held_size(size, {Change.CIPHER_SUITES}) == size
    assert held_size(WINDOW_TO + 1, {Change.CIPHER_SUITES}) > WINDOW_TO + 1


def test_the_same_changes_give_the_same_profile() -> None:
    """Profiles are compared by identity, and a hello is encoded once for each."""
    once = with_changes(FIRST, {Change.ALPN, Change.EXTENSIONS}, size=1_900)
    again = with_changes(FIRST, {Change.EXTENSIONS, Change.ALPN}, size=1_900)

    assert once.profile is again.profile


def test_every_change_says_what_it_is() -> None:
    """For the page, and for a result's `changed`."""
    assert all(change.says and change.word for change in Change)
    assert {SSL2.name, SSL3.name} <= set(PROFILES)
    assert entry_of("version.intolerant").match is not None


def test_the_page_is_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/diagnosis.md is printed from the table and checked in."""
    page = tmp_path / "diagnosis.md"

    assert tool.main(["--check"]) == 0
    assert tool.main(["--check", "--page", str(page)]) == 1
    assert "diagnosis.md" in capsys.readouterr().err
    tool.main(["--page", str(page)])
    assert page.read_text() == tool.PAGE.read_text()


SETS = [
    *({change} for change in Change),
    {Change.SIZE, Change.ALPN},
    {Change.VERSIONS, Change.CIPHER_SUITES},
    EVERYTHING,
    *(EVERYTHING | {change} for change in (Change.SIZE, Change.NEWEST, Change.NO_NAME)),
]


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
@pytest.mark.parametrize(
    "changes", SETS, ids=lambda changes: "+".join(sorted(each.value for each in changes))
)
def test_openssl_completes_every_hello_that_is_asked_with(
    changes: set[Change], padded: bool
) -> None:
    """No change makes a hello that a sound server refuses: that would be blamed on the server."""
    size = SMALL if Change.SIZE in changes else held_size(offer_of(FIRST).octets, changes)
    ask = with_changes(FIRST, changes, size=size, name="o.example.com", padded=padded)
    client = conversation(profile=ask.profile, server_name=ask.server_name, alpn=ask.alpn)
    converse(client, OpenSslPeer(server_context()))
    seen = facts_of(client)

    assert seen.completed and not seen.violation
    assert seen.version == (0x0303 if Change.NEWEST in changes else 0x0304)

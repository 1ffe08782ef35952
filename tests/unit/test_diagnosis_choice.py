"""Whole diagnoses of simulated servers: what is planted is what comes out, within the budget."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.causes import classify
from fleetscan.causes.experiments import Dimension, difference, is_whole_way, questions_of
from fleetscan.causes.model import Case, Cause
from fleetscan.diagnosis.choice import next_experiment
from fleetscan.diagnosis.context import Context
from fleetscan.diagnosis.table import EXPERIMENTS
from fleetscan.experiment import Ask, Cut, Speech, Tried
from fleetscan.tls.profiles import LEGACY, MINIMAL, OPENSSL3
from fleetscan.vocabulary import EndedBy
from tests.simulated_servers import (
    ADDRESS,
    FIRST,
    NAME,
    Server,
    always,
    breaks_above,
    breaks_between,
    breaks_on_extension,
    breaks_on_grease,
    breaks_on_tls13,
    cut_at,
    diagnose,
    in_turn,
    needs_name,
    reads_once,
    refuses_name,
)

OTHER = "other.example.com"
CONTEXT = Context(budget=5, port=443, names=(OTHER,), made_up_name="control.invalid")
NAMELESS = replace(FIRST, server_name="")
RST, FIN, SILENT = EndedBy.RST, EndedBy.FIN, EndedBy.TIMEOUT

OLD = (0x0301,)
"""TLS 1.0."""
ONLY_TLS12 = (0x0303,)
RC4 = (0x0005, 0x0004)
ARIA = (0xC05D, 0xC05C, 0xC060, 0xC061)
BRAINPOOL = (0x001A,)
ED448 = (0x0808,)


def case_of(
    server: Server, base: Ask = FIRST, context: Context = CONTEXT, **changes: object
) -> Case:
    """One target, diagnosed."""
    first, tried = diagnose(server, base, context)
    return Case(
        facts=first,
        path=None,
        reference_name=base.server_name or None,
        address=ADDRESS,
        port=context.port,
        now=1_800_000_000.0,
        tried=tried,
        **changes,  # type: ignore[arg-type]
    )


def causes_of(case: Case) -> dict[str, Cause]:
    """The causes of its verdict."""
    return {cause.entry.id: cause for cause in classify(case).causes}


def told(case: Case) -> dict[str, str]:
    """Each cause of its verdict with the confidence."""
    return {name: cause.match.confidence.value for name, cause in causes_of(case).items()}


# Server, how it is asked first, the cause that was planted. One fault each.
PLANTED = {
    "tls10": (Server(versions=OLD), FIRST, "version.too_old"),
    "tls10-fin": (Server(versions=OLD, no_version=FIN), FIRST, "version.too_old"),
    "tls10-rst": (Server(versions=OLD, no_version=RST), FIRST, "version.too_old"),
    "tls10-40": (Server(versions=OLD, no_version=40), FIRST, "version.too_old"),
    "tls13-for-old-clients": (
        Server(versions=(0x0304,)),
        replace(FIRST, profile=LEGACY, alpn=()),
        "version.too_new",
    ),
    "tls13-intolerant-fin": (
        Server(versions=ONLY_TLS12, obstacles=(breaks_on_tls13(),)),
        FIRST,
        "version.intolerant",
    ),
    "tls13-intolerant-70": (
        Server(versions=ONLY_TLS12, obstacles=(breaks_on_tls13(70),)),
        FIRST,
        "version.intolerant",
    ),
    "tls13-intolerant-40": (
        Server(versions=ONLY_TLS12, obstacles=(breaks_on_tls13(40),)),
        FIRST,
        "version.intolerant",
    ),
    "rc4": (Server(versions=ONLY_TLS12, cipher_suites=RC4), FIRST, "cipher.insecure_only"),
    "rc4-rst": (
        Server(versions=ONLY_TLS12, cipher_suites=RC4, no_suite=RST),
        FIRST,
        "cipher.insecure_only",
    ),
    "aria": (Server(versions=ONLY_TLS12, cipher_suites=ARIA), FIRST, "cipher.none_in_common"),
    "aria-71": (
        # Erlang's ssl says insufficient_security(71) for whatever is not in common.
        Server(versions=ONLY_TLS12, cipher_suites=ARIA, no_suite=71),
        FIRST,
        "cipher.none_in_common",
    ),
    "rc4-71": (
        Server(versions=ONLY_TLS12, cipher_suites=RC4, no_suite=71),
        FIRST,
        "cipher.insecure_only",
    ),
    "brainpool-71": (
        Server(groups=BRAINPOOL, no_suite=71),
        FIRST,
        "key_exchange.no_common_group",
    ),
    "aes256-71": (
        Server(versions=ONLY_TLS12, cipher_suites=(0xC030,), no_suite=71),
        replace(FIRST, profile=replace(FIRST.profile, cipher_suites=(0x1301, 0xC02F, 0xC02B))),
        "cipher.insufficient_security",
    ),
    "brainpool": (Server(groups=BRAINPOOL), FIRST, "key_exchange.no_common_group"),
    "brainpool-fin": (
        Server(groups=BRAINPOOL, no_suite=FIN),
        FIRST,
        "key_exchange.no_common_group",
    ),
    "ed448": (Server(signature_schemes=ED448), FIRST, "signature.no_common_scheme"),
    "alpn": (Server(alpn=("imap",)), FIRST, "alpn.none_in_common"),
    "name-112": (Server(obstacles=(needs_name(112),)), NAMELESS, "name.required"),
    "name-40": (Server(obstacles=(needs_name(40),)), NAMELESS, "name.required"),
    "name-80": (Server(obstacles=(needs_name(80),)), NAMELESS, "name.required"),
    "name-rst": (Server(obstacles=(needs_name(RST),)), NAMELESS, "name.required"),
    "unknown-name-112": (
        Server(obstacles=(refuses_name(NAME, 112),)),
        FIRST,
        "name.unrecognized",
    ),
    "unknown-name-40": (Server(obstacles=(refuses_name(NAME, 40),)), FIRST, "name.unrecognized"),
    "unknown-name-80": (Server(obstacles=(refuses_name(NAME, 80),)), FIRST, "name.unrecognized"),
    "strict-names": (Server(obstacles=(needs_name(40, (OTHER,)),)), FIRST, "name.unrecognized"),
    "over-255": (
        Server(obstacles=(breaks_above(255, FIN),)),
        FIRST,
        "server.large_hello_intolerant",
    ),
    "over-511": (Server(obstacles=(breaks_above(511),)), FIRST, "server.large_hello_intolerant"),
    "over-1400": (Server(obstacles=(breaks_above(1400),)), FIRST, "server.large_hello_intolerant"),
    "over-1400-silent": (
        Server(obstacles=(breaks_above(1400, SILENT),)),
        FIRST,
        "server.large_hello_intolerant",
    ),
    "reads-once": (
        Server(obstacles=(reads_once(),)),
        FIRST,
        "server.segmented_hello_intolerant",
    ),
    "grease-47": (Server(obstacles=(breaks_on_grease(),)), FIRST, "server.extension_intolerant"),
    "grease-rst": (
        Server(obstacles=(breaks_on_grease(RST),)),
        FIRST,
        "server.extension_intolerant",
    ),
    "ech-50": (
        Server(obstacles=(breaks_on_extension(0xFE0D),)),
        FIRST,
        "server.extension_intolerant",
    ),
    "every-second": (Server(obstacles=(in_turn("FA"),)), FIRST, "server.intermittent"),
    "one-of-three": (Server(obstacles=(in_turn("FAA"),)), FIRST, "server.intermittent"),
    "one-of-three-80": (Server(obstacles=(in_turn("FAA", 80),)), FIRST, "server.intermittent"),
    "two-of-four": (Server(obstacles=(in_turn("FFAA"),)), FIRST, "server.intermittent"),
    "one-of-four-40": (Server(obstacles=(in_turn("FAAA", 40),)), FIRST, "server.intermittent"),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_one_planted_fault_is_proven_and_nothing_else_told(
    planted: tuple[Server, Ask, str],
) -> None:
    """The usual budget is enough for each; the cause that was put there is the only one."""
    server, base, cause = planted

    assert told(case_of(server, base)) == {cause: "proven"}


PAIRS = {
    "tls10-rc4": (
        Server(versions=OLD, cipher_suites=RC4),
        FIRST,
        {"version.too_old", "cipher.insecure_only"},
    ),
    "tls10-rc4-rst": (
        Server(versions=OLD, cipher_suites=RC4, no_version=RST, no_suite=RST),
        FIRST,
        {"version.too_old", "cipher.insecure_only"},
    ),
    "tls11-name-70-112": (
        Server(
            versions=OLD,
            obstacles=(
                lambda ask, offer, position: 70 if OLD[0] not in offer.versions else None,
                needs_name(112),
            ),
        ),
        NAMELESS,
        {"version.too_old", "name.required"},
    ),
    "tls11-name-112-70": (
        Server(versions=OLD, obstacles=(needs_name(112),)),
        NAMELESS,
        {"version.too_old", "name.required"},
    ),
    "tls11-name-all-40": (
        Server(versions=OLD, no_version=40, obstacles=(needs_name(40),)),
        NAMELESS,
        {"version.too_old", "name.required"},
    ),
    "tls11-name-all-fin": (
        Server(versions=OLD, no_version=FIN, obstacles=(needs_name(FIN),)),
        NAMELESS,
        {"version.too_old", "name.required"},
    ),
    "tls10-alpn": (
        Server(versions=OLD, alpn=("imap",)),
        FIRST,
        {"version.too_old", "alpn.none_in_common"},
    ),
    "rc4-alpn": (
        Server(versions=ONLY_TLS12, cipher_suites=RC4, alpn=("imap",)),
        FIRST,
        {"cipher.insecure_only", "alpn.none_in_common"},
    ),
    "tls10-brainpool": (
        Server(versions=OLD, groups=BRAINPOOL),
        FIRST,
        {"version.too_old", "key_exchange.no_common_group"},
    ),
    "alpn-name": (
        Server(obstacles=(needs_name(112),), alpn=("imap",)),
        NAMELESS,
        {"alpn.none_in_common", "name.required"},
    ),
}


@pytest.mark.parametrize("planted", PAIRS.values(), ids=PAIRS)
def test_two_planted_faults_are_exactly_both(planted: tuple[Server, Ask, set[str]]) -> None:
    """Neither is enough alone: each has a pair of hellos of its own, and they are one set."""
    server, base, both = planted
    case = case_of(server, base)

    assert told(case) == dict.fromkeys(both, "proven")
    assert {cause.match.basis.set for cause in causes_of(case).values()} == {1}


@pytest.mark.parametrize("octets", [255, 511, 1_400])
def test_no_alpn_in_common_and_a_server_of_small_hellos_are_both_told(octets: int) -> None:
    """The alert proves one; the size is proven once the budget has room for its repeats."""
    server = Server(obstacles=(breaks_above(octets),), alpn=("imap",))
    both = {"alpn.none_in_common", "server.large_hello_intolerant"}

    usual = told(case_of(server))
    larger = told(case_of(server, context=replace(CONTEXT, budget=8)))

    assert set(usual) == both and usual["alpn.none_in_common"] == "proven"
    assert larger == dict.fromkeys(both, "proven")


FAULTS: dict[str, dict[str, object]] = {
    "version.too_old": {"versions": OLD},
    "cipher.insecure_only": {"cipher_suites": RC4, "versions": ONLY_TLS12},
    "cipher.none_in_common": {"cipher_suites": ARIA, "versions": ONLY_TLS12},
    "key_exchange.no_common_group": {"groups": BRAINPOOL},
    "signature.no_common_scheme": {"signature_schemes": ED448},
    "alpn.none_in_common": {"alpn": ("imap",)},
    "server.large_hello_intolerant": {"obstacles": (breaks_above(511),)},
    "server.extension_intolerant": {"obstacles": (breaks_on_grease(),)},
    "version.intolerant": {"obstacles": (breaks_on_tls13(),), "versions": ONLY_TLS12},
    "name.required": {"obstacles": (needs_name(),)},
    "name.unrecognized": {"obstacles": (refuses_name(NAME, 112),)},
}

# No server is both.
APART = (
    {"name.required", "name.unrecognized"},
    {"version.too_old", "version.intolerant"},
    {"cipher.insecure_only", "cipher.none_in_common"},
    {"version.too_old", "cipher.none_in_common"},
    {"version.too_old", "signature.no_common_scheme"},
)


each_pair = pytest.mark.parametrize(
    "both", [pair for pair in combinations(FAULTS, 2) if set(pair) not in APART], ids="+".join
)


def with_both(
    both: tuple[str, str], quiet: EndedBy | int | None = None, budget: int = 5
) -> dict[str, str]:
    """What is told of a server with two faults, which ends every hello alike where `quiet`."""
    made: dict[str, object] = {}
    for fault in both:
        for name, value in FAULTS[fault].items():
            had = made.get(name, ())
            made[name] = (*had, *value) if name == "obstacles" else value  # type: ignore[misc]
    if "version.too_old" in both:
        made["versions"] = OLD
    if quiet is not None:
        made |= {"no_version": quiet, "no_suite": quiet}
    base = NAMELESS if "name.required" in both else FIRST
    context = replace(CONTEXT, budget=budget)
    return told(case_of(Server(**made), base, context))  # type: ignore[arg-type]


@pytest.mark.parametrize("quiet", [None, RST, 40], ids=str)
@each_pair
def test_no_pair_of_faults_gives_a_wrong_proof(
    both: tuple[str, str], quiet: EndedBy | int | None
) -> None:
    """Where the budget ends before both are found, what is proven is one of them."""
    found = with_both(both, quiet)

    assert {name for name, confidence in found.items() if confidence == "proven"} <= set(both)
    assert "unknown" not in found


# A small hello has room for a few suites only; and no experiment is small and old at once.
TOO_FAR = (
    {"cipher.none_in_common", "server.large_hello_intolerant"},
    {"server.large_hello_intolerant", "version.intolerant"},
)


@each_pair
def test_any_pair_of_faults_is_found_where_the_budget_is_larger(both: tuple[str, str]) -> None:
    """Each with a pair of hellos of its own, and nothing beside the two."""
    if set(both) in TOO_FAR:
        assert "unknown" not in with_both(both, budget=11)
    else:
        assert with_both(both, budget=11) == dict.fromkeys(both, "proven")


def test_a_server_that_works_sometimes_is_found_at_once() -> None:
    """Where the first answer chose nothing new, the first hello is sent again; that is the end."""
    case = case_of(Server(obstacles=(in_turn("FAAA"),)))

    assert [each.name for each in case.tried] == ["broad", "again"]
    assert told(case) == {"server.intermittent": "proven"}


# -- what is never proven ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (RST, "server.reset_after_hello"),
        (FIN, "server.closed_after_hello"),
        (SILENT, "server.silent_after_hello"),
        (40, "server.refused"),
        (50, "server.refused"),
        (80, "server.internal_error"),
    ],
    ids=str,
)
def test_a_server_that_refuses_everything_keeps_its_first_cause(
    end: EndedBy | int, cause: str
) -> None:
    """No experiment explains it: the ending is told, without what was ruled out."""
    case = case_of(Server(obstacles=(always(end),)))
    (found,) = causes_of(case).values()

    assert found.entry.id == cause
    assert len(case.tried) == 5
    ruled_out = {"version.intolerant", "cipher.none_in_common", "server.extension_intolerant"}
    assert ruled_out.isdisjoint(found.match.alternatives)


@pytest.mark.parametrize("end", [49, 86, 116])
def test_an_alert_that_says_enough_is_not_asked_about(end: int) -> None:
    """access_denied, inappropriate_fallback, certificate_required: no experiment splits them."""
    assert case_of(Server(obstacles=(always(end),))).tried == ()


@pytest.mark.parametrize("end", [RST, SILENT, FIN])
def test_a_name_that_is_cut_without_a_word_is_suspected(end: EndedBy) -> None:
    """A server may do the same: the filter is suspected, beside name.unrecognized."""
    match = causes_of(case_of(Server(obstacles=(refuses_name(NAME, end),))))[
        "interference.name_filter"
    ].match

    assert match.confidence.value == "suspected"
    assert match.alternatives == ("name.unrecognized",)
    assert match.evidence["control_name"] == OTHER


def test_the_same_name_cut_elsewhere_proves_the_filter() -> None:
    """Another address of the path answers any name, and not this one."""
    context = replace(CONTEXT, addresses=("192.0.2.99",))
    case = case_of(Server(obstacles=(refuses_name(NAME, RST),)), context=context)

    assert told(case) == {"interference.name_filter": "proven"}
    assert case.tried[-1].ask.address == "192.0.2.99"


def test_a_name_that_is_answered_elsewhere_proves_nothing() -> None:
    """Then it is this server, or the path to it alone."""
    here = refuses_name(NAME, RST)
    server = Server(
        obstacles=(
            lambda ask, offer, position: (
                here(ask, offer, position) if ask.address == ADDRESS else None
            ),
        )
    )
    case = case_of(server, context=replace(CONTEXT, addresses=("192.0.2.99",)))

    assert told(case) == {"interference.name_filter": "suspected"}


def test_a_reset_before_the_server_proves_the_filter() -> None:
    """A hello that cannot reach the server is reset all the same, twice; on its own budget."""
    server = Server(obstacles=(cut_at(3, 6, always(RST)),))
    case = case_of(server, context=replace(CONTEXT, server_hops=6, trace_budget=4))
    found = causes_of(case)

    assert told(case) == {"interference.hello_filter": "proven"}
    assert found["interference.hello_filter"].match.evidence["hop"] == "5"
    assert [each.ask.hops for each in case.tried] == [0, 0, 0, 0, 0, 5, 5]


def test_a_filter_of_names_before_the_server_is_proven_too() -> None:
    """The end depends on the name, and the reset comes from the path."""
    server = Server(obstacles=(cut_at(3, 6, refuses_name(NAME, RST)),))
    case = case_of(server, context=replace(CONTEXT, server_hops=6, trace_budget=4))

    assert told(case) == {"interference.name_filter": "proven"}


def test_a_server_that_resets_is_no_filter() -> None:
    """A hello that does not reach it expires in silence: asked once, and not again."""
    server = Server(obstacles=(cut_at(6, 6, always(RST)),))
    case = case_of(server, context=replace(CONTEXT, server_hops=6, trace_budget=4))

    assert told(case) == {"server.reset_after_hello": "suspected"}
    assert sum(each.name == "short_hops" for each in case.tried) == 1


# -- other ways ---------------------------------------------------------------------------


def test_the_users_certificate_proves_that_one_is_required() -> None:
    """Refused without it, accepted with it."""
    case = case_of(Server(wants_client_certificate=True), context=replace(CONTEXT, identity=True))

    assert told(case) == {"client_auth.required": "proven"}


def test_without_a_certificate_of_the_users_nothing_is_asked() -> None:
    """The request and the end stay observed."""
    case = case_of(Server(wants_client_certificate=True))

    assert told(case) == {"client_auth.required": "observed"}
    assert case.tried == ()


@pytest.mark.parametrize(("port", "kind"), [(5432, "postgresql"), (389, "ldap"), (25, "smtp")])
def test_a_dialogue_that_succeeds_proves_that_it_is_needed(port: int, kind: str) -> None:
    """Servers that say nothing first hang up on a hello; the port says which words to try."""
    case = case_of(Server(starttls=kind), context=replace(CONTEXT, port=port))
    match = causes_of(case)["protocol.starttls_needed"].match

    assert told(case) == {"protocol.starttls_needed": "proven"}
    assert (match.evidence["starttls"], len(case.tried)) == (kind, 1)


def test_tls_from_the_first_octet_where_a_dialogue_was_to_be_held() -> None:
    """The dialogue waits for a greeting; the hello without it is answered."""
    base = replace(FIRST, starttls="smtp", alpn=())
    case = case_of(Server(), base, replace(CONTEXT, port=465))
    match = causes_of(case)["protocol.other"].match

    assert told(case) == {"protocol.other": "proven"}
    assert match.evidence["protocol"] == "TLS"


def test_a_plain_request_that_is_answered_proves_http() -> None:
    """At a port of HTTP a silent server is asked in plain words first."""
    page = b"HTTP/1.1 200 OK\r\n\r\n"
    server = Server(obstacles=(always(SILENT),), plain=page)
    case = case_of(server, context=replace(CONTEXT, port=8080))

    assert told(case) == {"protocol.plaintext_http": "proven"}
    assert [each.ask.speech for each in case.tried] == [Speech.HTTP]


@pytest.mark.parametrize("base", [FIRST, NAMELESS], ids=["named", "nameless"])
def test_silence_at_any_port_is_asked_in_plain_words_second(base: Ask) -> None:
    """Waitress and Tornado wait for the blank line that ends a request (RFC 9112 section 2.1)."""
    server = Server(obstacles=(always(SILENT),), plain=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    case = case_of(server, base)

    assert told(case) == {"protocol.plaintext_http": "proven"}
    assert [each.name for each in case.tried] == ["broad", "http"]


def test_a_hello_that_passes_without_the_proxy_points_to_the_proxy() -> None:
    """It hangs up on every hello, and the target answers when it is asked directly."""
    server = Server(obstacles=(lambda ask, offer, position: FIN if ask.through_proxy else None,))
    case = case_of(server, context=replace(CONTEXT, proxied=True))

    assert told(case) == {"interference.proxy_refused": "suspected"}
    assert [each.name for each in case.tried] == ["broad", "direct"]


# -- the choice itself ---------------------------------------------------------------------

EVERY = PLANTED | {name: (server, base, "") for name, (server, base, _) in PAIRS.items()}
REPEATS = {"again", "repeat", "short_hops"}


@cache
def diagnosed(name: str, budget: int = 5) -> Case:
    """One of them with that budget: the same for every test that looks at it."""
    server, base, _ = EVERY[name]
    return case_of(server, base, replace(CONTEXT, budget=budget))


each_planted = pytest.mark.parametrize("name", EVERY)


@each_planted
@pytest.mark.parametrize("budget", [0, 3, 5, 9])
def test_the_budget_is_kept_and_nothing_is_asked_twice(name: str, budget: int) -> None:
    """Never more than was allowed; the same way of asking only as a repeat that says so."""
    case = diagnosed(name, budget)
    asked = questions_of(case)

    assert len(case.tried) <= budget
    for at, each in enumerate(case.tried, 1):
        before = {question.key for question in asked[:at]}
        assert (asked[at].key in before) == (each.name in REPEATS), each.name
        assert each.name in EXPERIMENTS


@each_planted
def test_every_experiment_differs_as_it_says(name: str) -> None:
    """`changed` names the things in which it is another than the first, and no others."""
    base, case = EVERY[name][1], diagnosed(name)
    asked = questions_of(case)
    words = {
        "newest_version": {Dimension.VERSIONS},
        "padding": set[Dimension](),
        "time": set[Dimension](),
        "everything": {
            Dimension.VERSIONS,
            Dimension.CIPHER_SUITES,
            Dimension.GROUPS,
            Dimension.SIGNATURE_SCHEMES,
            Dimension.EXTENSIONS,
            Dimension.ALPN,
            Dimension.SIZE,
        },
    }
    for at, each in enumerate(case.tried, 1):
        if each.ask.cut is not Cut.WHOLE or each.name == "small_padded":
            continue
        expected = set[Dimension]()
        for word in each.changed.split("+"):
            expected |= words[word] if word in words else {Dimension(word)}
        # A small hello has a few of each list.
        allowed = {Dimension.EXTENSIONS} if Dimension.SIZE in expected else set[Dimension]()
        if 0x0304 not in base.profile.versions:
            # What TLS 1.3 cannot do without comes with it (RFC 8446 section 9.2).
            allowed |= {Dimension.CIPHER_SUITES, Dimension.GROUPS, Dimension.SIGNATURE_SCHEMES}
        assert set(difference(asked[0], asked[at])) <= expected | allowed, each.name


def test_the_mean_of_probes_is_within_the_budget() -> None:
    """First probe included: what is planted here is harder than what a fleet has."""
    probes = [1 + len(diagnosed(name).tried) for name in EVERY]
    easy = [1 + len(case_of(Server(obstacles=(always(end),))).tried) for end in (49, 86, 116)]

    assert sum(probes) / len(probes) <= 5
    assert easy == [1, 1, 1]


@each_planted
def test_what_does_not_matter_changes_nothing(name: str) -> None:
    """More names, addresses and identities, in any order, give the same verdict."""
    server, base, _ = EVERY[name]
    more = replace(
        CONTEXT,
        names=(OTHER, "third.example.com"),
        made_up_name="another.invalid",
        trace_budget=4,
        wrong_name=True,
        identity=True,
    )

    assert told(case_of(server, base, more)) == told(diagnosed(name))


@pytest.mark.parametrize("profile", [MINIMAL, OPENSSL3, LEGACY], ids=lambda each: each.name)
def test_a_healthy_server_is_never_asked_again(profile: object) -> None:
    """No experiment, and so no cause."""
    base = replace(FIRST, profile=profile, alpn=())  # type: ignore[arg-type]
    case = case_of(Server(cipher_suites=(0x1301, 0xC02F, 0x002F)), base)

    assert case.tried == ()
    assert "unknown" not in told(case)


@each_planted
def test_evidence_and_basis_are_as_the_schema_has_them(name: str) -> None:
    """Keys that the entry declares, an experiment's basis, and what was seen before and after."""
    for cause in causes_of(diagnosed(name)).values():
        assert set(cause.match.evidence) <= set(cause.entry.evidence)
        assert cause.match.basis.kind == "experiment"
        assert cause.match.basis.changed and cause.match.basis.before
        assert cause.match.basis.after == "answered"
        assert int(cause.match.basis.repeats) >= 1


@each_planted
def test_the_choice_is_a_function(name: str) -> None:
    """The same facts give the same experiment, down to the very profile."""
    base, case = EVERY[name][1], diagnosed(name)
    first, tried = case.facts, case.tried

    for at in range(len(tried)):
        chosen = next_experiment(first, base, tried[:at], CONTEXT)
        assert chosen is not None
        assert chosen == (tried[at].name, tried[at].changed, tried[at].ask)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="FA", min_size=12, max_size=12),
    st.sampled_from([RST, FIN, SILENT, 40, 47, 50, 70, 80, 112, 120]),
    st.booleans(),
)
def test_any_outcomes_come_to_an_end_and_to_a_verdict(
    pattern: str, end: EndedBy | int, named: bool
) -> None:
    """Whatever a server does, the choice stops within the budget and a cause is told."""
    base = FIRST if named else NAMELESS
    case = case_of(Server(obstacles=(in_turn("F" + pattern, end),)), base)

    assert len(case.tried) <= 5
    assert told(case) and "unknown" not in told(case)


@pytest.mark.parametrize("turn", ["FA", "FFA", "FAA", "FFFA", "FFAA", "FAAA", "FAFA", "FFFAA"])
@pytest.mark.parametrize("end", [RST, SILENT, 40, 50, 80])
def test_members_that_answer_in_turn_prove_nothing_but_that(turn: str, end: EndedBy | int) -> None:
    """Round robin over up to four members, some of them broken: no change of the hello helped."""
    proven = {
        name
        for name, confidence in told(case_of(Server(obstacles=(in_turn(turn, end),)))).items()
        if confidence == "proven"
    }

    assert proven <= {"server.intermittent"} or turn == "FFFAA"


def test_a_hello_in_the_window_of_old_devices() -> None:
    """A first hello of 256 to 511 octets that hangs, where larger ones pass, is not called large.

    RFC 7685 section 4: what leaves the window differs in its size.
    """
    name = "a" * 60 + ".example.com"
    base = replace(FIRST, profile=MINIMAL, alpn=(), server_name="b." * 20 + name)
    case = case_of(Server(obstacles=(breaks_between(256, 511),)), base)

    assert {name for name, sure in told(case).items() if sure == "proven"} <= {
        "server.large_hello_intolerant"
    }


def test_experiments_are_of_the_questions_whole_way() -> None:
    """What went another way is no outcome of the target's."""
    case = case_of(Server(starttls="ldap"), context=replace(CONTEXT, port=389))

    assert [is_whole_way(each) for each in questions_of(case)] == [True, True]
    assert isinstance(case.tried[0], Tried)

"""One alert, one cause; whose alert it is decides before its number does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetscan.causes import classify, entry_of
from fleetscan.causes.alerts import ALERT_RULES, NO_NAME_RULES
from fleetscan.causes.model import Confidence, Severity
from fleetscan.registry import alerts
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, Origin, Stage
from tests.facts_builder import (
    NAME,
    NAMELESS,
    OFFER,
    alerted,
    case,
    cause_ids,
    confirmed,
    ended,
    only_cause,
    refused_certificate,
)

# By hand from causes.md: what one probe may say of an alert that answers a hello with a name.
EXPECTED = {
    10: ("server.refused", "suspected"),
    20: ("server.refused", "suspected"),
    21: ("server.refused", "suspected"),
    22: ("server.refused", "suspected"),
    30: ("server.refused", "suspected"),
    40: ("server.refused", "suspected"),
    41: ("server.refused", "suspected"),
    42: ("server.refused", "suspected"),
    43: ("server.refused", "suspected"),
    44: ("server.refused", "suspected"),
    45: ("server.refused", "suspected"),
    46: ("server.refused", "suspected"),
    47: ("server.refused", "suspected"),
    48: ("server.refused", "suspected"),
    49: ("server.access_denied", "observed"),
    50: ("server.refused", "suspected"),
    51: ("server.refused", "suspected"),
    60: ("server.refused", "suspected"),
    70: ("version.too_old", "suspected"),
    71: ("cipher.insufficient_security", "observed"),
    80: ("server.internal_error", "observed"),
    86: ("version.fallback_refused", "observed"),
    109: ("server.refused", "suspected"),
    110: ("server.refused", "suspected"),
    111: ("server.refused", "suspected"),
    112: ("name.unrecognized", "observed"),
    113: ("server.refused", "suspected"),
    114: ("server.refused", "suspected"),
    115: ("server.refused", "suspected"),
    116: ("client_auth.required", "observed"),
    120: ("alpn.none_in_common", "observed"),
    121: ("server.refused", "suspected"),
    199: ("server.refused", "suspected"),
}


@pytest.mark.parametrize(("number", "expected"), EXPECTED.items())
def test_an_alert_has_one_cause(number: int, expected: tuple[str, str]) -> None:
    """No alert is unknown, none is told twice, and the alert is evidence."""
    cause = only_cause(alerted(number))

    assert (cause.entry.id, cause.match.confidence.value) == expected
    assert f"({number})" in cause.match.evidence["alert"] or number == 199


def test_every_alert_of_the_registry_is_in_the_table() -> None:
    """An alert that IANA registers is decided on by hand; closing ones are no failures."""
    assert set(EXPECTED) - {199} == set(ALERT_RULES)
    assert set(alerts.NAMES) - set(ALERT_RULES) <= {0, 52, 53, 90, 100}


def test_an_alert_without_a_name_keeps_its_number() -> None:
    """Unknown code points are written as hexadecimal."""
    assert only_cause(alerted(199)).match.evidence["alert"] == "0xc7"


@pytest.mark.parametrize("number", sorted(ALERT_RULES))
def test_rules_name_causes_of_the_catalogue(number: int) -> None:
    """What is suspected has alternatives or says what is missing."""
    for rule in (ALERT_RULES[number], NO_NAME_RULES.get(number, ALERT_RULES[number])):
        assert entry_of(rule.cause)
        assert rule.cause not in rule.alternatives
        assert all(entry_of(other) for other in rule.alternatives)
        if rule.confidence is Confidence.SUSPECTED:
            assert rule.missing


@pytest.mark.parametrize(
    ("number", "expected"),
    [(112, "name.required"), (109, "name.required"), (40, "server.refused")],
)
def test_without_a_name_the_name_is_what_is_missing(number: int, expected: str) -> None:
    """RFC 8446 section 9.2: missing_extension is for a hello without server_name."""
    cause = only_cause(alerted(number, offer=NAMELESS))

    assert cause.entry.id == expected
    assert cause.match.confidence is Confidence.SUSPECTED
    told = {expected, *cause.match.alternatives}
    assert "name.required" in told


def test_handshake_failure_names_what_it_may_be() -> None:
    """Alert 40 to a hello: parameters, insecure ones, groups, schemes."""
    cause = only_cause(alerted(40))

    assert cause.match.alternatives == (
        "cipher.none_in_common",
        "cipher.insecure_only",
        "key_exchange.no_common_group",
        "signature.no_common_scheme",
        "version.too_old",
        "name.unrecognized",
    )
    assert cause.match.evidence == {
        "alert": "handshake_failure(40)",
        "stage": "server_hello",
        "server_name": NAME,
    }


def test_protocol_version_may_mean_either_end() -> None:
    """Alert 70: the server is too old, or too new; an older hello settles it."""
    older = replace(OFFER, versions=(0x0303,))
    match = only_cause(alerted(70, offer=older)).match

    assert match.alternatives == ("version.too_new", "version.intolerant")
    assert match.missing == "an older hello that is answered"


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((0x0303, 0x0302, 0x0301), "version.too_new"),
        ((0x0303, 0x0302), "version.too_old"),
        ((0x0304, 0x0303, 0x0302, 0x0301), "version.too_old"),
    ],
)
def test_a_server_that_takes_none_of_the_old_versions_is_newer(
    versions: tuple[int, ...], expected: str
) -> None:
    """Alert 70 to TLS 1.0, 1.1 and 1.2 together: what is missing is TLS 1.3."""
    cause = only_cause(alerted(70, offer=replace(OFFER, versions=versions)))

    assert cause.entry.id == expected
    assert cause.match.confidence is Confidence.SUSPECTED


def test_nothing_is_newer_than_the_newest_version() -> None:
    """A hello that offers TLS 1.3 cannot be too old for anybody."""
    assert only_cause(alerted(70)).match.alternatives == ("version.intolerant",)


def test_after_a_server_hello_parameters_are_agreed_on() -> None:
    """Alert 40 after ServerHello: suites are no alternative any more."""
    seen = alerted(
        40,
        history="Csorxyf" + "l",
        stage=Stage.CERTIFICATE,
        version=0x0304,
        client_certificate_requested=True,
    )
    match = only_cause(seen).match

    assert match.alternatives == ("client_auth.required",)


def test_our_own_alert_is_never_the_servers() -> None:
    """Origin LOCAL: the server broke a rule, it did not refuse."""
    seen = alerted(40, origin=Origin.LOCAL)

    assert cause_ids(seen) == ["server.protocol_violation"]


def test_our_goodbye_is_no_failure() -> None:
    """close_notify and user_canceled of ours end a handshake politely."""
    for number in (0, 90):
        seen = alerted(
            number,
            origin=Origin.LOCAL,
            level=1,
            version=0x0303,
            history="CsxknL",
            stage=Stage.CLIENT_FINISHED,
        )
        assert cause_ids(seen) == []


def test_a_warning_does_not_end_what_goes_on() -> None:
    """RFC 5246 section 7.2.2: unrecognized_name as a warning, and the handshake completes."""
    seen = confirmed(alert=alerted(112, level=1).alert, version=0x0303)

    assert cause_ids(seen) == []


def test_a_warning_before_a_close_is_suspected() -> None:
    """A level of 1 says that the alert did not end it; it is the likeliest reason for the end."""
    seen = alerted(112, level=1, ended_by=EndedBy.FIN, history="Cl")
    cause = only_cause(seen)

    assert cause.entry.id == "name.unrecognized"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.evidence["alert_level"] == "warning"


def test_under_tls13_the_level_says_nothing() -> None:
    """RFC 8446 section 6: every alert but the closing ones is an error."""
    seen = alerted(
        49,
        level=1,
        ended_by=EndedBy.FIN,
        version=0x0304,
        history="Csoxyfl",
        stage=Stage.CERTIFICATE,
    )

    assert only_cause(seen).match.confidence is Confidence.OBSERVED


# -- client certificates -------------------------------------------------------------


@pytest.mark.parametrize("number", [40, 42, 50, 116])
def test_client_auth_required_after_an_empty_certificate(number: int) -> None:
    """causes.md: alerts 116 and 42, 40, 50 after the request and our empty Certificate."""
    seen = refused_certificate(EndedBy.ALERT, alert=alerted(number).alert)
    cause = only_cause(seen)

    assert cause.entry.id == "client_auth.required"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence["requested"] == "yes"
    assert cause.severity is Severity.MEDIUM


@pytest.mark.parametrize("ended_by", [EndedBy.FIN, EndedBy.RST])
def test_client_auth_required_by_a_bare_close(ended_by: EndedBy) -> None:
    """causes.md: or a bare close."""
    cause = only_cause(refused_certificate(ended_by))

    assert cause.entry.id == "client_auth.required"
    assert cause.match.evidence["ended_by"] == ended_by.value


def test_client_auth_required_under_tls12() -> None:
    """RFC 5246 section 7.4.6: handshake_failure after an empty Certificate."""
    seen = alerted(
        40,
        version=0x0303,
        history="CsxkrnXGIFl",
        stage=Stage.SERVER_FINISHED,
        client_certificate_requested=True,
    )

    assert cause_ids(seen) == ["client_auth.required"]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(
            refused_certificate(
                EndedBy.ALERT, alert=alerted(42).alert, client_certificate_requested=False
            ),
            ["server.refused"],
            id="never-asked-for-a-certificate",
        ),
        pytest.param(
            refused_certificate(
                EndedBy.ALERT, alert=alerted(42).alert, client_certificate_sent=True
            ),
            ["client_auth.refused"],
            id="a-certificate-was-sent",
        ),
        pytest.param(
            refused_certificate(EndedBy.US, alert=alerted(40, origin=Origin.LOCAL).alert),
            ["server.protocol_violation"],
            id="the-alert-is-ours",
        ),
        pytest.param(
            refused_certificate(EndedBy.ALERT, alert=alerted(49).alert),
            ["server.access_denied"],
            id="policy-says-no",
        ),
        pytest.param(
            refused_certificate(EndedBy.FIN, client_certificate_requested=False),
            ["server.stalled"],
            id="a-close-without-a-request",
        ),
        pytest.param(
            refused_certificate(EndedBy.FIN, history="Csorx", completed=False),
            ["server.stalled"],
            id="a-close-before-our-certificate",
        ),
        pytest.param(
            refused_certificate(EndedBy.TIMEOUT), ["server.stalled"], id="silence-is-no-end"
        ),
        pytest.param(
            refused_certificate(EndedBy.FIN, client_certificate_sent=True),
            ["server.stalled"],
            id="a-close-after-a-certificate",
        ),
        pytest.param(
            refused_certificate(
                EndedBy.ALERT, alert=alerted(49).alert, client_certificate_sent=True
            ),
            ["server.access_denied"],
            id="policy-says-no-to-a-certificate",
        ),
        pytest.param(
            refused_certificate(EndedBy.FIN, confirmed_by=ConfirmedBy.TICKET),
            [],
            id="confirmed-before-the-close",
        ),
    ],
)
def test_client_auth_required_leaves_its_look_alikes_alone(
    seen: object, expected: list[str]
) -> None:
    """One case per condition: change one fact and it does not match."""
    assert cause_ids(seen) == expected  # type: ignore[arg-type]


def test_silence_after_an_empty_certificate_names_the_alternative() -> None:
    """The server may be thinking about the certificate that it did not get."""
    match = only_cause(refused_certificate(EndedBy.TIMEOUT)).match

    assert match.alternatives[0] == "client_auth.required"


@pytest.mark.parametrize("number", [43, 44, 45, 46, 48])
@pytest.mark.parametrize("version", [0x0303, 0x0304])
def test_another_certificate_alert_after_an_empty_certificate_is_suspected(
    number: int, version: int
) -> None:
    """RFC 8446 section 6.2: these speak of a certificate, and none but an empty list was sent."""
    cause = only_cause(
        alerted(
            number,
            history="CshrXF" + "l",
            stage=Stage.SERVER_FINISHED,
            version=version,
            client_certificate_requested=True,
        )
    )

    assert cause.entry.id == "client_auth.required"
    assert cause.match.confidence is Confidence.SUSPECTED
    assert cause.match.alternatives == ("server.refused",)


@pytest.mark.parametrize("number", [47, 49, 51])
def test_alerts_about_other_things_are_not_the_missing_certificate(number: int) -> None:
    """illegal_parameter, access_denied and decrypt_error do not speak of a certificate."""
    seen = alerted(
        number,
        history="CshrXFl",
        stage=Stage.SERVER_FINISHED,
        version=0x0303,
        client_certificate_requested=True,
    )

    assert cause_ids(seen) != ["client_auth.required"]


def test_certificate_required_needs_no_request_seen() -> None:
    """Alert 116 has one meaning only."""
    assert cause_ids(alerted(116)) == ["client_auth.required"]


@pytest.mark.parametrize("number", [42, 43, 44, 45, 46, 47, 48])
def test_client_auth_refused_after_a_certificate(number: int) -> None:
    """causes.md: alerts 42 to 48 after one was sent."""
    seen = refused_certificate(
        EndedBy.ALERT, alert=alerted(number).alert, client_certificate_sent=True
    )

    assert cause_ids(seen) == ["client_auth.refused"]


def test_a_server_that_goes_on_without_one_only_asks() -> None:
    """finding.client_certificate_optional: requested, empty sent, confirmed."""
    verdict = classify(case(confirmed(client_certificate_requested=True, history="CsorxyfXFtL")))

    assert verdict.outcome == "established"
    assert [found.entry.id for found in verdict.findings] == ["finding.client_certificate_optional"]


# -- versions ------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "name"), [(0x0302, "TLSv1.1"), (0x0301, "TLSv1")])
def test_an_older_server_hello_says_it_itself(version: int, name: str) -> None:
    """RFC 8446 section 4.2.1: servers without supported_versions answer with what they have."""
    seen = alerted(
        70,
        origin=Origin.LOCAL,
        version=version,
        violation="version_not_offered",
        history="CsL",
    )
    cause = only_cause(seen)

    assert cause.entry.id == "version.too_old"
    assert cause.match.confidence is Confidence.OBSERVED
    assert cause.match.evidence["version"] == name
    assert cause.match.evidence["offered"] == "TLSv1.3, TLSv1.2"
    assert cause.match.remedy_values == (name,)


def test_a_version_that_never_was_is_a_violation() -> None:
    """A version above what was offered is no sign of age."""
    seen = alerted(
        70, origin=Origin.LOCAL, version=0x0305, violation="version_not_offered", history="CsL"
    )

    assert cause_ids(seen) == ["server.protocol_violation"]


def test_an_offered_old_version_is_no_failure() -> None:
    """With a legacy hello TLS 1.0 is a finding."""
    offer = type(OFFER)(
        profile="legacy",
        server_name=NAME,
        versions=(0x0301,),
        cipher_suites=(0x002F,),
        groups=(),
        signature_schemes=(),
        alpn=(),
        octets=120,
    )
    verdict = classify(
        case(
            confirmed(
                version=0x0301, cipher_suite=0x002F, offer=offer, confirmed_by=ConfirmedBy.FINISHED
            )
        )
    )

    assert verdict.causes == ()
    assert "finding.old_version" in [found.entry.id for found in verdict.findings]


def test_remedies_carry_the_concrete_values() -> None:
    """The name that is not served, the protocols that are not spoken."""
    assert only_cause(alerted(112)).match.remedy_values == (NAME,)
    assert only_cause(alerted(120)).match.remedy_values == ("h2", "http/1.1")


def test_is_tls_does_not_matter_for_an_alert() -> None:
    """testssl.sh calls a server that answered with an alert no TLS server."""
    assert "protocol" not in cause_ids(alerted(40, is_tls=Checked.YES))[0]


def test_a_history_that_was_cut_still_shows_the_empty_certificate() -> None:
    """Our Finished comes after our Certificate: a completed handshake had both."""
    assert cause_ids(refused_certificate(EndedBy.FIN, history="C")) == ["client_auth.required"]


def test_a_warning_before_a_close_says_what_else_it_may_be() -> None:
    """Suspected: another refusal, and the same hello again would tell."""
    match = only_cause(alerted(112, level=1, ended_by=EndedBy.FIN, history="Cl")).match

    assert match.alternatives == ("server.refused",)
    assert match.missing == "the same hello again"


@pytest.mark.parametrize(("level", "ended_by"), [(2, EndedBy.FIN), (1, EndedBy.ALERT)])
def test_an_alert_that_ended_it_is_observed(level: int, ended_by: EndedBy) -> None:
    """Fatal by its level, or by what the transport saw: either is enough."""
    match = only_cause(alerted(112, level=level, ended_by=ended_by)).match

    assert match.confidence is Confidence.OBSERVED


def test_an_alert_to_a_hello_that_was_not_seen() -> None:
    """Where nobody knows what was offered, nobody says that no name was sent."""
    assert cause_ids(alerted(112, offer=None)) == ["name.unrecognized"]


def test_tls12_is_not_old_even_where_it_was_not_offered() -> None:
    """The default policy: TLS below 1.2 fails; 1.2 in answer to a 1.3-only hello breaks a rule."""
    seen = alerted(
        70,
        origin=Origin.LOCAL,
        offer=replace(OFFER, versions=(0x0304,)),
        version=0x0303,
        violation="version_not_offered",
        history="CsL",
    )

    assert cause_ids(seen) == ["server.protocol_violation"]


def test_an_old_server_hello_needs_no_offer_to_be_old() -> None:
    """A capture may begin with the ServerHello."""
    cause = only_cause(alerted(70, origin=Origin.LOCAL, offer=None, version=0x0300, history="s"))

    assert cause.entry.id == "version.too_old"
    assert cause.match.evidence == {"version": "SSLv3", "stage": "server_hello"}


def test_an_old_version_that_was_offered_is_not_the_reason() -> None:
    """A legacy hello that offers TLS 1.0 and fails afterwards fails for something else."""
    seen = ended(
        EndedBy.TIMEOUT, offer=replace(OFFER, versions=(0x0301,)), version=0x0301, history="Cs"
    )

    assert cause_ids(seen) == ["server.stalled"]

"""The parts of a diagnosis that the lab does not show: orders of stages, proofs in words."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscan.facts import HandshakeFacts, Timings
from fleetscan.inventory.target import Target
from fleetscan.output.by_hand import Situation, commands
from fleetscan.output.diagnosis_record import (
    Finished,
    Terms,
    diagnosis_record,
    proof_text,
)
from fleetscan.pki.trust import TrustStore
from fleetscan.registry import versions
from fleetscan.vocabulary import EndedBy, ProxyAnswer, Stage
from tests.facts_builder import facts
from tests.unit.output_examples import record as result_record

TERMS = Terms(policy="browser", trust=TrustStore([]))


def target(*, host: str = "www.example.org", starttls: str = "none") -> Target:
    """A name on the port of HTTPS."""
    return Target(input="x", origin="listed", host=host, port=443, starttls=starttls)


def diagnosis(
    seen: HandshakeFacts,
    asked: Target | None = None,
    address: str = "192.0.2.7",
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """The diagnosis of one probe; `changes` are the result's members."""
    result = {**result_record(), "causes": [], "cause_ids": [], **changes}
    found = Finished(
        target=asked or target(), address=address, record=result, facts=seen, tried=(), path=None
    )
    one: dict[str, Any] = diagnosis_record("x", [found], TERMS)["diagnoses"][0]
    return one


def stages(one: dict[str, Any]) -> list[str]:
    """Its ladder's words."""
    return [each["stage"] for each in one["ladder"]]


@pytest.mark.parametrize(
    ("version", "order"),
    [
        # RFC 5246 section 7.3, figure 1.
        (versions.TLSV1_2, "certificate key_exchange client_finished server_finished"),
        # RFC 8446 section 2, figure 1.
        (versions.TLSV1_3, "key_exchange certificate server_finished client_finished"),
    ],
)
def test_stages_stand_in_their_version_s_order(version: int, order: str) -> None:
    """Up to TLS 1.2 the server's Finished is last, in TLS 1.3 the client's."""
    one = diagnosis(facts(stage=Stage.CERTIFICATE, ended_by=EndedBy.RST, version=version))

    before = ["resolve", "connect", "client_hello", "server_hello"]
    assert stages(one) == [*before, *order.split(), "confirmed"]


def test_a_stage_takes_what_passed_since_the_one_before() -> None:
    """Milliseconds of its own; the one that failed took the rest."""
    timings = Timings(
        connect=2.0,
        total=10.0,
        passed=((Stage.CONNECT, 5.0), (Stage.CLIENT_HELLO, 5.5)),
    )
    seen = facts(stage=Stage.SERVER_HELLO, ended_by=EndedBy.RST, timings=timings)
    ladder = diagnosis(seen, target(host=""))["ladder"]

    # The probe waited 3 ms for its turn before it connected.
    assert [each.get("ms") for each in ladder[:4]] == [2.0, 0.5, 4.5, None]


def test_the_ladder_has_the_proxy_and_the_dialogue_where_there_are_some() -> None:
    """And no look-up of a name that was left to the proxy."""
    seen = facts(
        stage=Stage.STARTTLS,
        ended_by=EndedBy.FIN,
        proxy="http://proxy.corp:3128",
        proxy_answer=ProxyAnswer(step="request", accepted=True),
    )
    asked = target(starttls="smtp")

    assert stages(diagnosis(seen, asked))[:4] == ["resolve", "connect", "proxy", "starttls"]
    assert stages(diagnosis(seen, asked, address=""))[0] == "connect"


def cause(**basis: str) -> dict[str, Any]:
    """A cause of an experiment."""
    return {"id": "version.too_old", "evidence": {}, "basis": {"kind": "experiment", **basis}}


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        (
            {"changed": "alpn", "before": "rst", "after": "answered", "repeats": "3"},
            "nothing changed but the application protocols that were offered: reset before, "
            "answered after (3 times)",
        ),
        (
            {"changed": "server_name", "before": "answered", "after": "answered"},
            "nothing changed but the name that was sent, and it made no difference: answered in "
            "both cases",
        ),
        ({"kind": "peer"}, "the peer showed it itself"),
    ],
)
def test_a_basis_is_told_in_words(basis: dict[str, str], words: str) -> None:
    """What changed, the outcome before and after, how often."""
    told = cause(**basis)

    assert proof_text(told, [told]) == words


def test_what_is_missing_can_be_fetched_by_hand() -> None:
    """RFC 5280 section 4.2.2.1; a URL with a blank stays one word, and no glob of curl's."""
    url = "http://ca.example/a b{1,2}.cer"
    seen = facts(stage=Stage.CONFIRMED)
    situation = Situation(target=target(), address="192.0.2.7", facts=seen, missing_url=url)

    (line,) = [each.line for each in commands(situation) if "missing" in each.shows]
    assert line.startswith(f"curl -gsS '{url}' | openssl x509 ")


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [("http://ca.example/i.cer", True), ("ldap://ca.example/i", False), (r"http://a\x1b", False)],
)
def test_only_urls_of_http_that_needed_no_escape_are_shown(url: str, is_shown: bool) -> None:
    """Another would not be the one that the certificate has."""
    incomplete = {
        "id": "chain.incomplete",
        "evidence": {"missing": "CN=CA", "ca_issuers": url},
        "basis": {"kind": "peer"},
        "remedy": {"id": "send", "values": ["CN=CA"]},
    }
    one = diagnosis(facts(stage=Stage.CONFIRMED), causes=[incomplete])

    assert any(url in each["command"] for each in one["by_hand"]) is is_shown

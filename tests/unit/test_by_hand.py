"""The commands for a person: right options, and nothing that a shell would take for its own."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from fleetscan.inventory.target import Target
from fleetscan.output.by_hand import Situation, commands
from fleetscan.vocabulary import EndedBy, Stage
from tests.facts_builder import facts


def situation(**changes: object) -> Situation:
    """A reset after the hello, asked for by name and address."""
    target = Target(
        input="www.example.org",
        origin="listed",
        host="www.example.org",
        port=443,
        server_name="www.example.org",
        reference_name="www.example.org",
    )
    plain = Situation(
        target=target,
        address="192.0.2.7",
        facts=facts(stage=Stage.SERVER_HELLO, ended_by=EndedBy.RST),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def first(**changes: object) -> list[str]:
    """The words of the first command."""
    return shlex.split(commands(situation(**changes))[0].line)


def test_an_ipv6_address_stands_in_brackets() -> None:
    """openssl-s_client(1): host:port, RFC 3986 section 3.2.2."""
    assert "[2001:db8::7]:443" in first(address="2001:db8::7")


@pytest.mark.parametrize(
    ("kind", "word"), [("smtp", "smtp"), ("postgresql", "postgres"), ("xmpp-client", "xmpp")]
)
def test_starttls_has_openssl_s_words(kind: str, word: str) -> None:
    """openssl-s_client(1), -starttls."""
    target = replace(situation().target, starttls=kind)
    words = first(target=target)

    assert words[words.index("-starttls") + 1] == word


@pytest.mark.parametrize("kind", ["mssql", "rdp"])
def test_nothing_is_said_that_openssl_cannot_do(kind: str) -> None:
    """It knows neither dialogue: no line is better than a wrong one."""
    target = replace(situation().target, starttls=kind)

    assert not [each for each in commands(situation(target=target)) if "s_client" in each.line]


def test_the_proxy_is_asked_too() -> None:
    """openssl-s_client(1), -proxy host:port; SOCKS it does not know."""
    through = facts(stage=Stage.SERVER_HELLO, ended_by=EndedBy.RST, proxy="http://proxy.corp:3128")
    words = first(facts=through)

    assert words[words.index("-proxy") + 1] == "proxy.corp:3128"
    socks = replace(through, proxy="socks5://proxy.corp:1080")
    assert not [each for each in commands(situation(facts=socks)) if "s_client" in each.line]


def test_a_file_s_name_is_one_word() -> None:
    """Blanks, quotes and a dollar sign stay what they are."""
    name = "my 'own' $(root).pem"
    words = first(ca_file=name)

    assert words[words.index("-CAfile") + 1] == name


@pytest.mark.parametrize(
    ("stage", "programs"),
    [
        (Stage.RESOLVE, {"getent", "dig"}),
        (Stage.CONNECT, {"nc", "tracepath"}),
        (Stage.SERVER_HELLO, {"openssl"}),
    ],
)
def test_each_stage_has_its_tools(stage: Stage, programs: set[str]) -> None:
    """What failed before TLS is not looked at with TLS."""
    seen = facts(stage=stage, ended_by=EndedBy.TIMEOUT)

    found = {each.line.split()[0] for each in commands(situation(facts=seen))}
    assert found == programs

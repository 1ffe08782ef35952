"""Which dialogue a target gets: what was said, and with `auto` what its port is known for."""

from __future__ import annotations

import pytest

from fleetscan.cli.lab import inventory_line
from fleetscan.cli.scan import command
from fleetscan.engine.checks import check_target
from fleetscan.errors import InventoryError, UsageError
from fleetscan.inventory.objects import parse_object
from fleetscan.inventory.parse import parse_target
from fleetscan.inventory.spec import Defaults
from fleetscan.inventory.target import Target
from fleetscan.output.identity import target_id

# IANA's registry of service names; 24 and 2525 by custom.
WELL_KNOWN = {
    21: "ftp",
    24: "lmtp",
    25: "smtp",
    110: "pop3",
    119: "nntp",
    143: "imap",
    389: "ldap",
    433: "nntp",
    587: "smtp",
    1433: "mssql",
    2525: "smtp",
    3268: "ldap",
    3306: "mysql",
    3389: "rdp",
    4190: "sieve",
    5222: "xmpp-client",
    5269: "xmpp-server",
    5432: "postgresql",
    6667: "irc",
}

# Ports of TLS from the first octet, of plain protocols without a dialogue, and of nothing.
OTHERS = (443, 465, 563, 636, 853, 990, 993, 995, 2000, 3269, 5223, 6697, 8443, 22, 80, 6664, 6670)


@pytest.mark.parametrize(("port", "kind"), WELL_KNOWN.items())
def test_a_port_says_which_dialogue(port: int, kind: str) -> None:
    """Unless something else was said, on every way to a target."""
    assert Target(input="x", origin="listed", host="x.corp", port=port).starttls == kind
    assert parse_target(f"x.corp:{port}").target_at(0).starttls == kind
    assert parse_object(f'{{"host":"x.corp","port":{port}}}').target_at(0).starttls == kind


@pytest.mark.parametrize("port", OTHERS)
def test_other_ports_get_none(port: int) -> None:
    """TLS begins at once where nobody said otherwise."""
    assert parse_target(f"x.corp:{port}").target_at(0).starttls == "none"


def test_one_line_may_have_ports_of_several_dialogues() -> None:
    """`auto` is settled target by target."""
    spec = parse_target("10.0.0.0/31", Defaults(ports=(25, 443, 5432)))

    told = [target.starttls for target in spec.targets()]
    assert told == ["smtp", "none", "postgresql"] * 2


@pytest.mark.parametrize("asked", ["none", "imap"])
def test_what_was_said_holds_on_every_port(asked: str) -> None:
    """`--starttls` before the port, the line before both."""
    spec = parse_target("x.corp", Defaults(ports=(25, 443), starttls=asked))
    line = parse_object(f'{{"host":"x.corp","port":25,"starttls":"{asked}"}}', Defaults())

    assert [target.starttls for target in spec.targets()] == [asked, asked]
    assert line.target_at(0).starttls == asked


def test_a_line_may_ask_for_auto() -> None:
    """Where `--starttls` says something else, one line can go back to its port."""
    defaults = Defaults(starttls="none")
    text = '{"host":"x.corp","port":25,"starttls":"auto"}'

    assert parse_object(text, defaults).target_at(0).starttls == "smtp"


@pytest.mark.parametrize(("text", "kind"), [("ldaps://x.corp:389", "none"), ("x.corp:389", "ldap")])
def test_a_scheme_of_tls_is_no_dialogue(text: str, kind: str) -> None:
    """`ldaps` means TLS from the first octet, on whatever port."""
    assert parse_target(text).target_at(0).starttls == kind


def test_a_scheme_gives_way_to_a_dialogue_that_was_named() -> None:
    """`--starttls ldap` was said on purpose."""
    spec = parse_target("ldaps://x.corp", Defaults(starttls="ldap"))

    assert spec.target_at(0).starttls == "ldap"


def test_the_id_of_a_target_is_that_of_what_is_done() -> None:
    """The same whether the dialogue was named or came from the port."""
    by_port = Target(input="x", origin="listed", host="x.corp", port=25)
    by_name = Target(input="x", origin="listed", host="x.corp", port=25, starttls="smtp")

    assert target_id(by_port, "here") == target_id(by_name, "here")


def test_a_word_that_is_no_dialogue_is_named_with_those_that_are() -> None:
    """In a list and from Python alike."""
    with pytest.raises(InventoryError, match="unknown starttls 'gopher'; known are auto, smtp"):
        parse_object(
            '{"host":"x.corp","starttls":"gopher"}', starttls_kinds=frozenset({"auto", "smtp"})
        )
    wrong = Target(input="x", origin="listed", host="x.corp", port=25, starttls="gopher")
    with pytest.raises(UsageError, match="'gopher'; known are none, smtp, lmtp"):
        check_target(wrong)


@pytest.mark.parametrize("kind", ["none", "smtp", "irc"])
def test_the_labs_lines_read_back_as_the_same_target(kind: str) -> None:
    """Whatever port a server of the lab got."""
    target = Target(
        input="x.corp@127.0.0.1:25",
        origin="listed",
        address="127.0.0.1",
        port=25,
        server_name="x.corp",
        reference_name="x.corp",
        starttls=kind,
    )

    assert parse_object(inventory_line(target)).target_at(0).starttls == kind


def test_auto_is_what_the_command_line_begins_with() -> None:
    """The default that the help names."""
    (option,) = (each for each in command.params if each.name == "starttls")

    assert option.default == "auto"

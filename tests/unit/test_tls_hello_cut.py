"""A hello in two pieces: where it is cut, and that nothing it says is changed."""

from __future__ import annotations

import dataclasses

import pytest

from fleetscan.tls.hello_cut import cut_position, in_two_records
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROAD, BROWSER, LEGACY, MINIMAL, SSL2, SSL3
from tests.hello_reader import read_hello
from tests.starttls_scripts import AGREED
from tests.tls_peers import NAME, OpenSslPeer, conversation, converse, facts_of, server_context

# RFC 8446 sections 5.1 and 4: the record's header and the message's.
HEADERS = 5 + 4

OVER_A_RECORD = dataclasses.replace(BROWSER, size=17_000)


@pytest.mark.parametrize("name", [NAME, ""], ids=["name", "no name"])
@pytest.mark.parametrize("profile", [BROWSER, BROAD, LEGACY, MINIMAL, SSL3], ids=lambda p: p.name)
def test_two_records_say_what_one_says(profile: HelloProfile, name: str) -> None:
    """RFC 8446 section 5.1: a message may span records; both have the version of the first."""
    one = conversation(server_name=name, profile=profile).start(1.0)
    two = conversation(server_name=name, profile=profile, two_records=True).start(1.0)
    read = read_hello(two)

    assert read.message == read_hello(one).message
    assert read.record_versions == read_hello(one).record_versions * 2
    assert len(two) == len(one) + 5


@pytest.mark.parametrize("profile", [BROWSER, LEGACY, MINIMAL], ids=lambda p: p.name)
def test_the_cut_goes_through_the_name(profile: HelloProfile) -> None:
    """Neither piece holds the name, and the first is more than headers."""
    hello = conversation(profile=profile).start(1.0)
    at = cut_position(hello, NAME)

    assert NAME.encode() in hello
    assert NAME.encode() not in hello[:at]
    assert NAME.encode() not in hello[at:]
    assert HEADERS < at < len(hello)


@pytest.mark.parametrize("name", ["", "192.0.2.1", "2001:db8::1"])
def test_without_a_name_the_cut_is_in_the_middle(name: str) -> None:
    """RFC 6066 section 3: literal addresses are no names, and no hello has them."""
    hello = conversation(server_name=name).start(1.0)

    assert abs(len(hello) - 2 * cut_position(hello, name)) <= 1


def test_a_name_that_the_profile_does_not_send_is_not_looked_for_in_vain() -> None:
    """SSL 3.0 has no extensions: the middle it is."""
    hello = conversation(profile=SSL3).start(1.0)

    assert cut_position(hello, NAME) == len(hello) // 2


@pytest.mark.parametrize("profile", [SSL2, OVER_A_RECORD], ids=lambda p: p.name)
def test_what_cannot_be_cut_once_is_left_as_it_is(profile: HelloProfile) -> None:
    """SSL 2.0 has other records, and what fills one of TLS comes in two by itself."""
    one = conversation(profile=profile).start(1.0)

    assert in_two_records(one, NAME) == one
    assert conversation(profile=profile, two_records=True).start(1.0) == one


def test_openssl_reads_it() -> None:
    """Another implementation completes the handshake, so the transcript is that of one record."""
    client = conversation(two_records=True)
    converse(client, OpenSslPeer(server_context()))

    assert facts_of(client).completed


@pytest.mark.parametrize("kind", ["smtp", "postgresql", "ldap"])
def test_behind_a_dialogue_the_hello_is_cut_and_not_the_dialogue(kind: str) -> None:
    """What is asked about is the hello."""
    said = []
    for two_records in (False, True):
        client = conversation(starttls=kind, two_records=two_records)
        client.start(1.0)
        said.append([client.receive(told, 2.0) for told, _ in AGREED[kind][1:]])
    (*before, hello), (*before_two, two) = said

    assert before == before_two
    assert read_hello(two).message == read_hello(hello).message
    assert len(read_hello(two).record_versions) == 2

"""What the TLS client costs: the hello of every probe, and a whole handshake.

The handshake is replayed: the server's octets are made once, the client's keys and
random are the same each time, so what is measured is the client alone. `handshake_cost.py`
has its parts, and the bare primitives beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleetscan.facts import fold
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.profiles import BROWSER
from fleetscan.vocabulary import Stage
from tests.tls_peers import (
    ENTROPY,
    SHARES,
    OpenSslPeer,
    conversation,
    converse,
    server_context,
    server_tls12,
)

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


def answers_of(version: str) -> list[bytes]:
    """OpenSSL's flights for our fixed keys and random, X25519 and ECDSA P-256."""
    context = server_context() if version == "1.3" else server_tls12()
    client, peer = conversation(), OpenSslPeer(context)
    answers = []
    said = client.start(0.0)
    while not client.finished:
        answers.append(peer.receive(said))
        said = client.receive(answers[-1], 0.0)
    return answers


def test_hello(benchmark: BenchmarkFixture) -> None:
    """One conversation and its first octets."""

    def hello() -> bytes:
        return Conversation(
            server_name="www.example.com",
            profile=BROWSER,
            key_shares=SHARES,
            entropy=ENTROPY,
            alpn=("h2", "http/1.1"),
        ).start(0.0)

    assert benchmark(hello).startswith(b"\x16\x03\x01")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_handshake(benchmark: BenchmarkFixture, version: str) -> None:
    """Hello, the server's flight, all checks, our Finished, the confirmation."""
    answers = answers_of(version)

    def handshake() -> Conversation:
        client = conversation()
        client.start(0.0)
        for answer in answers:
            client.receive(answer, 0.0)
        client.close(0.0)
        return client

    assert benchmark(handshake).stage is Stage.CONFIRMED


def test_fold(benchmark: BenchmarkFixture) -> None:
    """Events of one handshake to facts, the certificate parsed on the way."""
    client = conversation()
    converse(client, OpenSslPeer(server_context()))
    facts = benchmark(fold, client.events)
    assert facts.completed

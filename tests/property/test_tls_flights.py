"""What real servers once said gives the same events, whole, octet by octet, and cut at random."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tls_vectors
from tests.tls_peers import single_octets, whole

VECTORS = tls_vectors.paths()
PROVENANCE = {"program", "package", "command", "date", "tool"}


@lru_cache(maxsize=128)
def vector(path: Path) -> dict[str, Any]:
    """One file, read once."""
    return tls_vectors.load(path)


def parts(flight: bytes, sizes: list[int]) -> Iterator[bytes]:
    """A flight cut into these sizes, over and over. Ends: each is one octet at least."""
    at, turn = 0, 0
    while at < len(flight):
        size = sizes[turn % len(sizes)]
        yield flight[at : at + size]
        at, turn = at + size, turn + 1


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
@pytest.mark.parametrize("cut", [whole, single_octets], ids=["whole", "octets"])
def test_captured_flights_replay(path: Path, cut: tls_vectors.Cut) -> None:
    """The client says what it said to the server itself, and sees what it saw."""
    replay = tls_vectors.Replay(vector(path), cut)

    assert replay.sent == vector(path)["sent"]
    assert replay.events == vector(path)["events"]


@settings(max_examples=10 * len(VECTORS))
@given(
    path=st.sampled_from(VECTORS),
    sizes=st.lists(st.integers(min_value=1, max_value=1_500), min_size=1, max_size=12),
)
def test_captured_flights_replay_however_they_are_cut(path: Path, sizes: list[int]) -> None:
    """TCP has no messages: where segments end says nothing."""
    replay = tls_vectors.Replay(vector(path), lambda flight: parts(flight, sizes))

    assert replay.sent == vector(path)["sent"]
    assert replay.events == vector(path)["events"]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_vector_says_where_it_comes_from(path: Path) -> None:
    """Program, version, command and day; without them nobody can make it again."""
    assert set(vector(path)["provenance"]) >= PROVENANCE
    assert all(vector(path)["provenance"].values())


def seen_in(event: str, field: str) -> set[Any]:
    """The values of a field in all vectors."""
    return {
        one[field] for path in VECTORS for one in vector(path)["events"] if one["event"] == event
    }


def test_the_vectors_have_what_servers_do() -> None:
    """Every version that completes, every way to be convinced, refusals, staples, retries."""
    assert seen_in("ServerHelloSeen", "version") >= {0x0300, 0x0301, 0x0302, 0x0303, 0x0304}
    assert seen_in("ServerHelloSeen", "group") >= {0x001D, 0x11EC}
    assert seen_in("HelloRetryRequestSeen", "group") >= {0x001D, 0x11EC}
    assert seen_in("Confirmed", "by") >= {"finished", "ticket", "silence", "close"}
    assert seen_in("AlertSeen", "description") >= {40, 70, 112, 116}
    assert seen_in("CertificateStatusSeen", "ocsp_response")
    assert seen_in("CertificateRequestSeen", "at")
    # RSA key exchange, where nothing is signed; ML-DSA-65.
    assert seen_in("KeyProofChecked", "scheme") >= {0, 0x0905}

"""Compressed certificates (RFC 8879): what opens, what does not, and what it may cost."""

from __future__ import annotations

import gc
import tracemalloc
import zlib
from collections.abc import Callable
from importlib import import_module

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.tls import tls13
from fleetscan.tls.inflate import InflateError, inflate
from fleetscan.tls.profiles import BROWSER, MINIMAL
from fleetscan.tls.session import State
from fleetscan.vocabulary import Checked, Origin
from tests.tls_peers import (
    CHOOSES_TLS13,
    X25519_SHARE,
    ServerTls13,
    conversation,
    extensions,
    facts_of,
    identity,
    message,
    server_hello,
    violations,
)
from tests.tlslite_peer import TlslitePeer

brotli = import_module("brotli")  # which has no types

# RFC 8879 section 7.3.
ZLIB, BROTLI, ZSTD = 1, 2, 3
COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    ZLIB: zlib.compress,
    BROTLI: brotli.compress,
    ZSTD: zstandard.compress,
}
NAMES = {ZLIB: "zlib", BROTLI: "brotli", ZSTD: "zstd"}
CONTENT = bytes(range(256)) * 12

each_algorithm = pytest.mark.parametrize("algorithm", COMPRESS, ids=NAMES.get)


def refused(algorithm: int, octets: bytes, length: int) -> str:
    """The rule that is broken."""
    with pytest.raises(InflateError) as caught:
        inflate(algorithm, octets, length)
    return caught.value.rule


def zstd_frame(*, window_log: int, content: bytes) -> bytes:
    """One raw block in a frame that says its window and not its size (RFC 8878 section 3.1.1)."""
    block = (1 | len(content) << 3).to_bytes(3, "little") + content
    return bytes.fromhex("28b52ffd 00") + bytes([(window_log - 10) << 3]) + block


@each_algorithm
@given(content=st.binary(max_size=3_000), repeated=st.integers(1, 10))
def test_what_was_compressed_comes_back(algorithm: int, content: bytes, repeated: int) -> None:
    """Each library's own compressor is the other side."""
    octets = content * repeated

    assert inflate(algorithm, COMPRESS[algorithm](octets), len(octets)) == octets


def test_zstd_without_the_size_in_the_frame() -> None:
    """RFC 8878 section 3.1.1.1.4: a stream need not say how long it is."""
    compressor = zstandard.ZstdCompressor(write_content_size=False)

    assert inflate(ZSTD, compressor.compress(CONTENT), len(CONTENT)) == CONTENT


@each_algorithm
@pytest.mark.parametrize("wrong", [-1, 1, -len(CONTENT), 1_000])
def test_another_length_than_promised(algorithm: int, wrong: int) -> None:
    """RFC 8879 section 4: the length MUST be that of the message."""
    octets = COMPRESS[algorithm](CONTENT)

    assert refused(algorithm, octets, len(CONTENT) + wrong) == "bad_compressed_certificate"


@pytest.mark.parametrize("wrong", [-1, 1])
def test_another_length_than_promised_where_zstd_does_not_say(wrong: int) -> None:
    """The frame cannot be compared with the promise: the content is."""
    octets = zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT)

    assert refused(ZSTD, octets, len(CONTENT) + wrong) == "bad_compressed_certificate"


@each_algorithm
def test_every_strict_prefix_is_refused(algorithm: int) -> None:
    """No cut of a stream is taken for a shorter one."""
    octets = COMPRESS[algorithm](CONTENT)
    for cut in range(len(octets)):
        assert refused(algorithm, octets[:cut], len(CONTENT)) == "bad_compressed_certificate"


def flushed(algorithm: int) -> bytes:
    """All of the content, in a stream that never says that it is over."""
    if algorithm == ZLIB:
        plain = zlib.compressobj()
        return plain.compress(CONTENT) + plain.flush(zlib.Z_SYNC_FLUSH)
    if algorithm == BROTLI:
        compressor = brotli.Compressor()
        return bytes(compressor.process(CONTENT) + compressor.flush())
    frames = zstandard.ZstdCompressor().compressobj(size=len(CONTENT))
    return frames.compress(CONTENT) + frames.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


@each_algorithm
def test_a_stream_without_an_end_is_refused(algorithm: int) -> None:
    """Every octet of the content is there, and still it is not one whole stream."""
    assert refused(algorithm, flushed(algorithm), len(CONTENT)) == "bad_compressed_certificate"


@each_algorithm
@pytest.mark.parametrize("behind", [b"\x00", b"trailing"])
def test_octets_behind_the_stream_are_refused(algorithm: int, behind: bytes) -> None:
    """One stream and nothing else; a second one behind the first is no more than that."""
    octets = COMPRESS[algorithm](CONTENT)

    assert refused(algorithm, octets + behind, len(CONTENT)) == "bad_compressed_certificate"
    assert refused(algorithm, octets + octets, 2 * len(CONTENT)) == "bad_compressed_certificate"


@each_algorithm
@given(octets=st.binary(max_size=200), length=st.integers(0, 1 << 24))
def test_any_octets_open_or_are_refused(algorithm: int, octets: bytes, length: int) -> None:
    """Peers send anything; only InflateError may come out."""
    try:
        assert len(inflate(algorithm, octets, length)) == length
    except InflateError as told:
        assert told.rule in ("bad_compressed_certificate", "inflated_too_large")


@each_algorithm
def test_the_bound_is_what_is_promised(algorithm: int) -> None:
    """At the bound it opens, over it nothing is even tried."""
    octets = bytes(limits.MAX_INFLATED + 1)
    most = COMPRESS[algorithm](octets[1:])

    assert inflate(algorithm, most, limits.MAX_INFLATED) == octets[1:]
    over = COMPRESS[algorithm](octets)
    assert refused(algorithm, over, limits.MAX_INFLATED + 1) == "inflated_too_large"
    assert refused(algorithm, b"", 0xFFFFFF) == "inflated_too_large"


@each_algorithm
@pytest.mark.parametrize("promised", [0, 1, limits.MAX_INFLATED])
def test_a_bomb_is_not_kept(algorithm: int, promised: int) -> None:
    """32 MB of noughts in a message of a size that is read: a quarter of a megabyte is needed for
    a moment, the library's own state among it, and nothing afterwards."""
    bomb = COMPRESS[algorithm](bytes(1 << 25))
    assert len(bomb) < limits.MAX_HANDSHAKE_MESSAGE
    inflate(algorithm, COMPRESS[algorithm](b"warm"), 4)
    tracemalloc.start()
    try:
        assert refused(algorithm, bomb, promised) == "bad_compressed_certificate"
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()  # the test's own hold on the traceback
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 18
    assert left < 16_384


@pytest.mark.parametrize("size", [1 << 40, (1 << 64) - 3])
def test_a_zstd_frame_that_says_it_is_huge(size: int) -> None:
    """Frame_Content_Size has eight octets: nothing is made room for."""
    frame = bytes.fromhex("28b52ffd c0 58") + size.to_bytes(8, "little") + bytes.fromhex("010000")
    tracemalloc.start()
    try:
        assert refused(ZSTD, frame, 100) == "bad_compressed_certificate"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16_384


@pytest.mark.parametrize(
    ("window_log", "opens"), [(10, True), (23, True), (24, False), (27, False)]
)
def test_a_zstd_frame_may_not_ask_for_any_window(window_log: int, opens: bool) -> None:
    """RFC 8878 section 3.1.1.1.2 recommends 8 MB; the library itself would take 128."""
    frame = zstd_frame(window_log=window_log, content=b"hello")
    if opens:
        assert inflate(ZSTD, frame, 5) == b"hello"
    else:
        assert refused(ZSTD, frame, 5) == "bad_compressed_certificate"


def test_zlib_with_a_dictionary_is_refused() -> None:
    """RFC 8879 section 4 provides none."""
    compressor = zlib.compressobj(zdict=b"a dictionary that nobody has")
    octets = compressor.compress(CONTENT) + compressor.flush()

    assert refused(ZLIB, octets, len(CONTENT)) == "bad_compressed_certificate"


# -- in a handshake -------------------------------------------------------------------------


def compressed(body: bytes, algorithm: int, length: int | None = None) -> bytes:
    """A CompressedCertificate (RFC 8879 section 4)."""
    octets = COMPRESS.get(algorithm, zlib.compress)(body)
    promised = len(body) if length is None else length
    return message(
        25,
        algorithm.to_bytes(2, "big")
        + promised.to_bytes(3, "big")
        + len(octets).to_bytes(3, "big")
        + octets,
    )


@each_algorithm
def test_a_handshake_with_a_compressed_certificate(
    algorithm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tlslite-ng compresses; its CertificateVerify and both Finished fit the transcript that has
    the message as it was sent (RFC 8879 section 4)."""
    opened: list[tuple[int, int]] = []

    def watched(chosen: int, octets: bytes, length: int) -> bytes:
        opened.append((chosen, length))
        return inflate(chosen, octets, length)

    monkeypatch.setattr(tls13, "inflate", watched)
    peer = TlslitePeer("P-256", certificate_compression_send=[NAMES[algorithm]])
    client = conversation()
    client_said = client.receive(peer.receive(client.start(1.0)), 2.0)
    client.receive(peer.receive(client_said), 3.0)
    facts = facts_of(client)

    assert peer.error is None
    assert peer.done
    assert [chosen for chosen, _ in opened] == [algorithm]
    assert facts.completed
    assert facts.key_proof is Checked.YES
    assert [found.sha256 for found in facts.certificates] == [identity("P-256").parsed.sha256]
    assert facts.history.startswith("Csioxyf")


def test_a_client_that_offers_none_gets_none() -> None:
    """The control: the same server sends the plain message to a hello without the extension."""
    peer = TlslitePeer("P-256")
    client = conversation(profile=MINIMAL)
    client_said = client.receive(peer.receive(client.start(1.0)), 2.0)
    peer.receive(client_said)

    assert peer.done
    assert facts_of(client).completed


@pytest.mark.parametrize(
    ("rule", "alert", "algorithm", "length"),
    [
        ("certificate_compression_not_offered", 47, 4, None),
        ("certificate_compression_not_offered", 47, 0, None),
        ("bad_compressed_certificate", 42, ZLIB, 3),
        ("inflated_too_large", 42, ZLIB, limits.MAX_INFLATED + 1),
    ],
)
@pytest.mark.parametrize("requested", [False, True], ids=["", "behind-a-request"])
def test_a_rule_of_compressed_certificate_is_broken(
    rule: str, alert: int, algorithm: int, length: int | None, requested: bool
) -> None:
    """illegal_parameter for the algorithm, bad_certificate for the content (RFC 8879 section 4)."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE if requested else State.CERTIFICATE_OR_REQUEST)
    body = server.certificate()[4:]
    server.tell(server.seal(compressed(body, algorithm, length)))
    facts = facts_of(server.client)

    assert violations(server.client.events) == [rule]
    assert facts.alert is not None
    assert (facts.alert.origin, facts.alert.description) == (Origin.LOCAL, alert)


def test_compression_that_was_not_offered_at_all() -> None:
    """A profile without the extension: whatever the algorithm, it was not asked for."""
    server = ServerTls13(conversation(profile=MINIMAL))
    assert not MINIMAL.certificate_compressions
    # It sends no session id, so there is none to echo.
    server.tell(server.hello(server_hello(more=extensions(X25519_SHARE, CHOOSES_TLS13))))
    server.tell(server.seal(message(8, b"\x00\x00")))
    server.tell(server.seal(compressed(server.certificate()[4:], ZLIB)))

    assert violations(server.client.events) == ["certificate_compression_not_offered"]


def test_what_is_inside_is_judged_like_any_certificate_message() -> None:
    """An empty list stays an empty list."""
    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(compressed(bytes(4), ZLIB)))
    assert violations(server.client.events) == ["empty_certificate"]

    server = ServerTls13(conversation())
    server.until(State.CERTIFICATE_OR_REQUEST)
    server.tell(server.seal(compressed(b"\x00\x00\x00\x05\x00", ZLIB)))
    assert violations(server.client.events) == ["decode_error"]


def test_the_browser_offers_what_can_be_opened() -> None:
    """Every algorithm offered has an opener: none of them is our own gap."""
    for algorithm in BROWSER.certificate_compressions:
        assert inflate(algorithm, COMPRESS[algorithm](CONTENT), len(CONTENT)) == CONTENT

"""RFC 8448's traces: every octet of the client's, and every secret, as the RFC has them.

Sections 3, 5, 6 and 7 are here. Section 4 resumes a session and sends early data: for that
a client must offer a pre-shared key, which a scanner that wants to see certificates never
does. Of section 6 what the client says ends before its own certificate: RFC 8448's is
signed with a nonce that nobody can choose again.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscan.registry import extension_types as extension
from fleetscan.tls import events as seen
from fleetscan.tls.conversation import Conversation
from fleetscan.tls.events import Event
from fleetscan.tls.key_shares import KeyShares
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.protection import ProtectionTls13
from fleetscan.tls.secrets import KeySchedule, early_secret, hkdf_expand_label
from fleetscan.vocabulary import Checked, ConfirmedBy, Stage
from tests.tls_peers import history, single_octets, violations

TRACES = json.loads((Path(__file__).parents[1] / "vectors/tls/rfc8448.json").read_text())

X25519, SECP256R1, SECP384R1 = 0x001D, 0x0017, 0x0018
SUITE = 0x1301

# The hello of the RFC's client (NSS), read off its octets.
BASE = (
    extension.SERVER_NAME,
    extension.RENEGOTIATION_INFO,
    extension.SUPPORTED_GROUPS,
    extension.KEY_SHARE,
    extension.SUPPORTED_VERSIONS,
    extension.SIGNATURE_ALGORITHMS,
    extension.COOKIE,
    extension.PSK_KEY_EXCHANGE_MODES,
    extension.RECORD_SIZE_LIMIT,
    extension.PADDING,
)
ALL_GROUPS = (X25519, SECP256R1, SECP384R1, 0x0019, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104)


def rfc_profile(
    extensions: tuple[int, ...] = BASE,
    groups: tuple[int, ...] = ALL_GROUPS,
    *,
    compatible: bool = False,
) -> HelloProfile:
    """The profile that gives the RFC's ClientHello."""
    return HelloProfile(
        name="rfc8448",
        versions=(0x0304,),
        cipher_suites=(0x1301, 0x1303, 0x1302),
        groups=groups,
        key_share_groups=(X25519,),
        signature_schemes=struct.unpack(
            ">15H",
            bytes.fromhex("040305030603020308040805080604010501060102010402050206020202"),
        ),
        extensions=extensions,
        raw={extension.RECORD_SIZE_LIMIT: bytes.fromhex("4001")},
        session_id_octets=32 if compatible else 0,
        change_cipher_spec=compatible,
    )


WITH_TICKET = (*BASE[:3], extension.SESSION_TICKET, *BASE[3:])
PROFILES = {
    "simple_1rtt": rfc_profile(WITH_TICKET),
    "hello_retry_request": rfc_profile(groups=(X25519, SECP256R1, SECP384R1)),
    "client_authentication": rfc_profile(),
    "middlebox_compatibility": rfc_profile(compatible=True),
}


def octets(trace: str, field: str) -> bytes:
    """One field of one trace."""
    return bytes.fromhex(TRACES[trace][field])


def client_of(trace: str) -> Conversation:
    """A client with the trace's random, session id and private keys."""
    private = {X25519: octets(trace, "x25519_private")}
    if "secp256r1_private" in TRACES[trace]:
        private[SECP256R1] = octets(trace, "secp256r1_private")
    entropy = octets(trace, "client_random") + octets(trace, "session_id").ljust(32, b"\x00")
    return Conversation(
        server_name="server",
        profile=PROFILES[trace],
        key_shares=KeyShares(private),
        entropy=entropy,
        alpn=(),
    )


def stage_of(client: Conversation) -> Stage:
    """The step under way, which changes between two looks."""
    return client.stage


def key_proof(client: Conversation) -> list[Checked]:
    """How the check of the leaf's key went."""
    return [event.result for event in client.events if isinstance(event, seen.KeyProofChecked)]


@pytest.mark.parametrize("trace", PROFILES)
def test_the_client_hello_is_the_rfcs_octet_by_octet(trace: str) -> None:
    """The same choices, random and keys give the same record (RFC 8448 sections 3 to 7)."""
    assert client_of(trace).start(0.0) == octets(trace, "client_hello")


def test_key_schedule_of_section_3() -> None:
    """Every secret of RFC 8448 section 3, from the shared secret and the hashes down."""
    trace = "simple_1rtt"
    shares = KeyShares({X25519: octets(trace, "x25519_private")})
    server_share = octets(trace, "server_hello")[-38:-6]
    hellos = octets(trace, "client_hello")[5:] + octets(trace, "server_hello")[5:]
    hello_hash = hashlib.sha256(hellos).digest()

    shared_secret = shares.exchange(X25519, server_share)
    schedule = KeySchedule("sha256", shared_secret, hello_hash)

    assert early_secret("sha256") == octets(trace, "early_secret")
    assert shared_secret == octets(trace, "shared_secret")
    assert hello_hash == octets(trace, "hello_hash")
    for name in (
        "handshake_secret",
        "client_handshake_traffic_secret",
        "server_handshake_traffic_secret",
    ):
        assert getattr(schedule, name) == octets(trace, name), name
    secret = schedule.server_handshake_traffic_secret
    assert hkdf_expand_label("sha256", secret, b"key", b"", 16) == octets(
        trace, "server_handshake_key"
    )
    assert hkdf_expand_label("sha256", secret, b"iv", b"", 12) == octets(
        trace, "server_handshake_iv"
    )


def server_flight(trace: str) -> bytes:
    """The plaintext of the server's flight, opened with the secret that the RFC prints."""
    record = octets(trace, "server_flight")
    protection = ProtectionTls13(SUITE, octets(trace, "server_handshake_traffic_secret"))
    content_type, plaintext = protection.open(record[0], record[:5], record[5:])
    assert content_type == 22
    return plaintext


def test_record_protection_and_finished_of_section_3() -> None:
    """The encrypted flight opens to the RFC's messages, and the later secrets follow from them."""
    trace = "simple_1rtt"
    flight = server_flight(trace)
    hellos = octets(trace, "client_hello")[5:] + octets(trace, "server_hello")[5:]
    schedule = KeySchedule("sha256", octets(trace, "shared_secret"), octets(trace, "hello_hash"))
    before_finished = hashlib.sha256(hellos + flight[:-36]).digest()
    after_finished = hashlib.sha256(hellos + flight).digest()

    assert flight.startswith(octets(trace, "encrypted_extensions"))
    assert flight[-36:] == bytes.fromhex("14000020") + octets(trace, "server_verify_data")
    assert schedule.verify_data(
        schedule.server_handshake_traffic_secret, before_finished
    ) == octets(trace, "server_verify_data")
    assert schedule.verify_data(schedule.client_handshake_traffic_secret, after_finished) == octets(
        trace, "client_verify_data"
    )
    schedule.derive_application(after_finished)
    for name in (
        "master_secret",
        "client_application_traffic_secret",
        "server_application_traffic_secret",
    ):
        assert getattr(schedule, name) == octets(trace, name), name


@pytest.mark.parametrize("cut", [lambda flight: (flight,), single_octets], ids=["whole", "octets"])
def test_section_3_replays_to_the_end(cut: object) -> None:
    """The server's octets bring the RFC's own Finished out of the client, and a ticket confirms."""
    trace = "simple_1rtt"
    client = client_of(trace)
    client.start(0.0)
    answer = b""
    for part in cut(octets(trace, "server_hello") + octets(trace, "server_flight")):  # type: ignore[operator]
        answer += client.receive(part, 1.0)

    assert answer == octets(trace, "client_finished")
    assert client.waiting == "confirm"
    assert stage_of(client) is Stage.CLIENT_FINISHED
    assert key_proof(client) == [Checked.YES]

    assert client.receive(octets(trace, "ticket"), 2.0) == b""
    assert client.events[-1] == seen.Confirmed(2.0, ConfirmedBy.TICKET)
    assert client.finished
    assert stage_of(client) is Stage.CONFIRMED
    assert history(client.events) == "CsoxyfFt"


def test_section_5_the_hello_retry_request_is_answered() -> None:
    """The second hello with cookie, P-256 share and padding is the RFC's; so is all after it."""
    trace = "hello_retry_request"
    client = client_of(trace)
    client.start(0.0)

    assert client.receive(octets(trace, "hello_retry_request"), 1.0) == octets(
        trace, "client_hello_2"
    )
    flight = octets(trace, "server_hello") + octets(trace, "server_flight")
    assert client.receive(flight, 2.0) == octets(trace, "client_finished")
    assert key_proof(client) == [Checked.YES]
    client.receive(octets(trace, "server_close_notify"), 3.0)
    assert client.events[-1] == seen.Confirmed(3.0, ConfirmedBy.CLOSE)
    assert client.close(4.0) == octets(trace, "client_close_notify")
    assert history(client.events) == "CjCsoxyfFl"


def test_section_6_a_certificate_request_is_answered_with_none() -> None:
    """The ECDSA flight checks, and what goes back is an empty Certificate and Finished.

    The RFC's client has a certificate, ours has none: from here on the octets differ.
    """
    trace = "client_authentication"
    client = client_of(trace)
    client.start(0.0)
    answer = client.receive(octets(trace, "server_hello") + octets(trace, "server_flight"), 1.0)

    assert key_proof(client) == [Checked.YES]
    assert violations(client.events) == []
    assert client.waiting == "confirm_client_auth"
    assert history(client.events) == "CsorxyfXF"
    # One record for the empty Certificate (8 octets) and one for Finished (36), each
    # with 5 octets of header, 1 of content type and 16 of tag.
    assert len(answer) == (8 + 22) + (36 + 22)


def test_section_7_middlebox_compatibility() -> None:
    """The server's change_cipher_spec is passed over and ours comes before Finished."""
    trace = "middlebox_compatibility"
    client = client_of(trace)
    client.start(0.0)
    answer = client.receive(octets(trace, "server_hello") + octets(trace, "server_flight"), 1.0)

    assert answer == octets(trace, "client_finished")
    client.receive(octets(trace, "server_close_notify"), 2.0)
    assert client.close(3.0) == octets(trace, "client_close_notify")
    assert history(client.events) == "CsioxyfIFl"


# What the server says in a trace, flight by flight.
FLIGHTS = (
    ("hello_retry_request",),
    ("server_hello", "server_flight"),
    ("ticket",),
    ("server_close_notify",),
)


def server_octets(trace: str) -> list[bytes]:
    """The server's flights, those that this trace has."""
    return [
        b"".join(octets(trace, field) for field in flight)
        for flight in FLIGHTS
        if flight[0] in TRACES[trace]
    ]


def replayed(trace: str, sizes: Sequence[int]) -> tuple[bytes, list[Event]]:
    """What the client says and sees when each flight comes in pieces of these sizes."""
    client = client_of(trace)
    said = client.start(0.0)
    for number, flight in enumerate(server_octets(trace), 1):
        at, turn = 0, 0
        # Ends: every size is at least one octet.
        while at < len(flight):
            size = sizes[turn % len(sizes)]
            said += client.receive(flight[at : at + size], float(number))
            at, turn = at + size, turn + 1
    return said + client.close(9.0), client.events


@pytest.mark.parametrize("trace", PROFILES)
def test_every_trace_is_completed_octet_by_octet_as_in_one_piece(trace: str) -> None:
    """The smallest cut of all changes neither what is seen nor what is said."""
    said, events = replayed(trace, [1])

    assert (said, events) == replayed(trace, [1 << 16])
    assert violations(events) == []
    assert any(isinstance(event, seen.Completed) for event in events)


@settings(max_examples=120)
@given(
    trace=st.sampled_from(sorted(PROFILES)),
    sizes=st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=10),
)
def test_every_trace_replays_however_it_is_cut(trace: str, sizes: list[int]) -> None:
    """TCP has no messages: where segments end says nothing."""
    assert replayed(trace, sizes) == replayed(trace, [1 << 16])


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", [0, 100, 300, 500, 672, 679])
def test_a_flipped_bit_in_the_protected_flight_is_bad_record_mac(at: int, bit: int) -> None:
    """AEAD protects every octet of the record, header included (RFC 8446 section 5.2)."""
    trace = "simple_1rtt"
    flight = bytearray(octets(trace, "server_flight"))
    flight[5 + at if at < 673 else at - 676] ^= 1 << bit
    client = client_of(trace)
    client.start(0.0)
    client.receive(octets(trace, "server_hello") + bytes(flight), 1.0)

    assert not any(isinstance(event, seen.Completed) for event in client.events)

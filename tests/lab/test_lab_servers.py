"""Each condition is really there, as told by OpenSSL and by bare sockets alone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fleetscan.inventory.target import Target
from fleetscan.lab import Condition, Lab
from fleetscan.lab import lab as lab_module
from fleetscan.lab.conditions import Factory, Material
from fleetscan.lab.lab import PLANS
from tests.lab.plain_clients import (
    LoopFactory,
    client_context,
    connect,
    handshake,
    hello_octets,
    lax_context,
    read_to_end,
    running_lab,
)

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
NOT_YET_VALID = 9
EXPIRED = 10
SELF_SIGNED_LEAF = 18
SELF_SIGNED_IN_CHAIN = 19
NO_LOCAL_ISSUER = 20
HOSTNAME_MISMATCH = 62
ADDRESS_MISMATCH = 64
KEY_TOO_SMALL = 66
DIGEST_TOO_WEAK = 68


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """One lab for all tests of this module, on either event loop."""
    with running_lab(request.param) as running:
        yield running


def target_of(lab: Lab, name: str) -> Target:
    """The target of the condition with this name."""
    return condition_of(lab, name).target


def condition_of(lab: Lab, name: str) -> Condition:
    """The condition with this name; skips where the machine's OpenSSL will not serve it."""
    if name in lab.unavailable:
        pytest.skip(f"{name}: this machine's OpenSSL refuses to serve it")
    (condition,) = (item for item in lab.conditions if item.name == name)
    return condition


@pytest.mark.parametrize(
    "name",
    [
        "good-tls12",
        "good-tls13",
        "second-issuer",
        "chain-out-of-order",
        "address-right",
        "wildcard-right",
    ],
)
def test_what_is_in_order_satisfies_openssl(lab: Lab, name: str) -> None:
    """A strict OpenSSL client with the lab's root accepts the conditions in good order."""
    with handshake(target_of(lab, name), client_context(lab.trust_file)) as tls:
        version = tls.version()

    assert version == ("TLSv1.2" if name == "good-tls12" else "TLSv1.3")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expired", EXPIRED),
        ("not-yet-valid", NOT_YET_VALID),
        ("self-signed", SELF_SIGNED_LEAF),
        ("unknown-root-sent", SELF_SIGNED_IN_CHAIN),
        ("unknown-root-not-sent", NO_LOCAL_ISSUER),
        ("missing-intermediate", NO_LOCAL_ISSUER),
        ("wrong-name", HOSTNAME_MISMATCH),
        ("address-wrong", ADDRESS_MISMATCH),
        ("wildcard-too-deep", HOSTNAME_MISMATCH),
        ("rsa-1024", KEY_TOO_SMALL),
        ("sha1", DIGEST_TOO_WEAK),
    ],
)
def test_openssl_refuses_for_the_planted_reason(lab: Lab, name: str, code: int) -> None:
    """A strict OpenSSL client gives the number of the very fault that was planted."""
    context = client_context(lab.trust_file)
    if name == "sha1":
        context.set_ciphers("DEFAULT@SECLEVEL=1")  # distributions differ in their default
    if name == "rsa-1024":
        context.set_ciphers("DEFAULT@SECLEVEL=2")

    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        handshake(target_of(lab, name), context)

    assert refused.value.verify_code == code


def test_the_sha1_certificate_is_sound_otherwise(lab: Lab) -> None:
    """Its signature was made by hand: where SHA-1 is allowed, OpenSSL accepts the chain."""
    context = client_context(lab.trust_file)
    context.set_ciphers("DEFAULT@SECLEVEL=0")

    with handshake(target_of(lab, "sha1"), context) as tls:
        der = tls.getpeercert(binary_form=True)

    assert der is not None
    assert x509.load_der_x509_certificate(der).signature_algorithm_oid.dotted_string == (
        "1.2.840.113549.1.1.5"  # sha1WithRSAEncryption, RFC 8017 appendix A.2.4
    )


def test_the_weak_key_has_1024_bits(lab: Lab) -> None:
    """The served certificate holds the modulus that the condition is named for."""
    with handshake(target_of(lab, "rsa-1024"), lax_context()) as tls:
        der = tls.getpeercert(binary_form=True)

    assert der is not None
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 1_024


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
@pytest.mark.parametrize(
    ("name", "subjects"),
    [
        ("missing-intermediate", ["missing-intermediate.lab.test"]),
        ("second-issuer", ["second-issuer.lab.test", "Fleetscan Lab Issuing CA 2"]),
        (
            "chain-out-of-order",
            ["chain-out-of-order.lab.test", "Fleetscan Lab Policy CA", "Fleetscan Lab Branch CA"],
        ),
        (
            "unknown-root-sent",
            ["unknown-root-sent.lab.test", "Acme Issuing CA", "Acme Private Root"],
        ),
        ("unknown-root-not-sent", ["unknown-root-not-sent.lab.test", "Globex Issuing CA"]),
    ],
)
def test_the_chain_is_sent_as_planned(lab: Lab, name: str, subjects: list[str]) -> None:
    """`openssl s_client -showcerts` prints exactly these certificates in this order."""
    target = target_of(lab, name)

    shown = subprocess.run(
        (
            *("openssl", "s_client", "-showcerts"),
            *("-connect", f"{target.address}:{target.port}"),
            *("-servername", target.server_name),
        ),
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    ).stdout.decode("utf-8", "replace")

    lines = [line.strip() for line in shown.splitlines()]
    sent = [
        line.rpartition("CN = ")[2] or line.rpartition("CN=")[2]
        for line in lines
        if line[:1].isdigit() and " s:" in line
    ]
    assert sent == subjects


def test_old_versions_only_speaks_1_1_and_refuses_1_2(lab: Lab) -> None:
    """An old client gets TLS 1.1; a current one gets the alert protocol_version(70)."""
    target = target_of(lab, "old-versions-only")

    with handshake(target, lax_context()) as tls:
        assert tls.version() == "TLSv1.1"
    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    assert received[0] == 21
    assert received[5:] == bytes((2, 70))  # fatal, protocol_version: RFC 8446 section 6


def test_no_common_suite_serves_who_offers_its_suite(lab: Lab) -> None:
    """A client with every suite gets through; an ordinary one gets handshake_failure(40)."""
    target = target_of(lab, "no-common-suite")

    with handshake(target, lax_context()) as tls:
        cipher = tls.cipher()
    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    assert cipher is not None
    assert "CAMELLIA" in cipher[0] or "ARIA" in cipher[0]
    assert received[5:] == bytes((2, 40))


def test_client_certificate_is_required_in_tls12(lab: Lab) -> None:
    """OpenSSL without a certificate is told handshake_failure inside the handshake."""
    with pytest.raises(ssl.SSLError) as refused:
        handshake(
            target_of(lab, "client-certificate-tls12"), client_context(lab.trust_file)
        ).close()

    assert refused.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"


def test_client_certificate_is_required_in_tls13(lab: Lab) -> None:
    """In TLS 1.3 the client is done first; certificate_required(116) comes when it reads."""
    target = target_of(lab, "client-certificate-tls13")

    with (
        handshake(target, client_context(lab.trust_file)) as tls,
        pytest.raises(ssl.SSLError) as refused,
    ):
        tls.recv(1)

    assert refused.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def test_only_the_condition_s_own_name_is_refused(lab: Lab) -> None:
    """unrecognized_name(112) for its name; another name and no name are served."""
    target = target_of(lab, "name-refused")

    with pytest.raises(ssl.SSLError) as refused:
        handshake(target, lax_context())
    assert refused.value.reason == "TLSV1_UNRECOGNIZED_NAME"
    handshake(target, lax_context(), "other.lab.test").close()
    handshake(target, lax_context(), "").close()


def test_alpn_is_refused_and_a_hello_without_it_is_served(lab: Lab) -> None:
    """no_application_protocol(120) for any offer of protocols (RFC 7301 section 3.2)."""
    target = target_of(lab, "alpn-refused")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        assert read_to_end(connection)[5:] == bytes((2, 120))
    handshake(target, ssl.create_default_context(cafile=str(lab.trust_file))).close()


@pytest.mark.parametrize("description", [40, 49, 70, 80, 112])
def test_an_alert_is_all_that_comes(lab: Lab, description: int) -> None:
    """One fatal alert record of RFC 8446 section 6, then FIN."""
    target = target_of(lab, f"alert-{description}")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    assert received == bytes((21, 3, 3, 0, 2, 2, description))


def test_a_malformed_certificate_is_what_openssl_refuses(lab: Lab) -> None:
    """Even a client that takes any certificate cannot take this one: ASN.1, not a signature."""
    with pytest.raises(ssl.SSLError, match="ASN1"):
        handshake(target_of(lab, "malformed-certificate"), lax_context())


@pytest.mark.parametrize("name", ["key-mismatch-tls12", "key-mismatch-tls13"])
def test_openssl_sees_the_wrong_key(lab: Lab, name: str) -> None:
    """A client that takes any certificate still refuses a signature by another key."""
    with pytest.raises(ssl.SSLError) as refused:
        handshake(target_of(lab, name), lax_context())

    assert refused.value.reason == "BAD_SIGNATURE"


@pytest.mark.parametrize(
    ("name", "begins"),
    [("plain-http", b"HTTP/1.1 400 "), ("garbage", bytes.fromhex("8f1fa37e"))],
)
def test_what_answers_a_hello_in_another_tongue(lab: Lab, name: str, begins: bytes) -> None:
    """The first octets after a hello are those of the condition."""
    target = target_of(lab, name)

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = connection.recv(4_096)

    assert received.startswith(begins)


@pytest.mark.parametrize(("name", "begins"), [("ssh", b"SSH-2.0-"), ("smtp", b"220 ")])
def test_what_speaks_first(lab: Lab, name: str, begins: bytes) -> None:
    """The banner comes before the client has said anything (RFC 4253, RFC 5321)."""
    with connect(target_of(lab, name)) as connection:
        received = connection.recv(4_096)

    assert received.startswith(begins)


def test_an_oversized_record_is_announced(lab: Lab) -> None:
    """Its length is beyond 2^14 + 2048 octets (RFC 5246 section 6.2.3)."""
    target = target_of(lab, "oversized-record")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    assert received[0] == 22
    assert int.from_bytes(received[3:5], "big") > (1 << 14) + 2_048
    assert len(received) == 5 + int.from_bytes(received[3:5], "big")


def test_a_closed_port_refuses(lab: Lab) -> None:
    """Nothing listens: the kernel answers with a RST."""
    with pytest.raises(ConnectionRefusedError):
        connect(target_of(lab, "closed-port"))


def test_close_on_accept_is_a_fin_before_the_hello(lab: Lab) -> None:
    """The end comes to a client that never said anything, and stays a FIN when it does."""
    target = target_of(lab, "close-on-accept")

    with connect(target) as connection:
        received = read_to_end(connection)
        # Octets that nobody reads would be answered with a RST.
        connection.sendall(hello_octets(target.server_name))
        connection.sendall(hello_octets(target.server_name))
        received += read_to_end(connection)

    assert received == b""


def test_close_after_hello_is_a_fin_after_the_hello(lab: Lab) -> None:
    """Silence before the hello, FIN after it."""
    target = target_of(lab, "close-after-hello")

    with connect(target) as connection:
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5)
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    assert received == b""


def test_reset_after_hello_is_a_rst(lab: Lab) -> None:
    """ECONNRESET, and not the end of a stream."""
    target = target_of(lab, "reset-after-hello")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        with pytest.raises(ConnectionResetError):
            read_to_end(connection)


def test_silence_after_hello_is_silence(lab: Lab) -> None:
    """Neither octets nor an end."""
    target = target_of(lab, "silent-after-hello")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_the_drip_is_the_beginning_of_a_valid_flight(lab: Lab) -> None:
    """The octets come apart, and are those of a handshake record."""
    target = target_of(lab, "drip")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        pieces = [connection.recv(4_096) for _ in range(3)]

    assert b"".join(pieces) == bytes((22, 3, 3))


def test_the_truncated_flight_ends_inside_the_certificate(lab: Lab) -> None:
    """A whole ServerHello record, a Certificate record that is not whole, FIN."""
    target = target_of(lab, "truncated-flight")

    with connect(target) as connection:
        connection.sendall(hello_octets(target.server_name))
        received = read_to_end(connection)

    second = received[5 + int.from_bytes(received[3:5], "big") :]
    assert received[5] == 2  # server_hello
    assert second[5] == 11  # certificate
    assert len(second) < 5 + int.from_bytes(second[3:5], "big")


def test_hostile_clients_leave_every_server_standing(lab: Lab) -> None:
    """Octets of no protocol, a record that lies, a RST: afterwards the good ones still serve."""
    for condition in lab.conditions:
        if condition.name == "closed-port":
            continue
        for octets in (
            b"\x00" * 64,
            b"\x16\x03\x01\xff\xff" + b"\x01" * 512,
            b"GET / HTTP/1.0\n\n",
        ):
            with connect(condition.target) as connection:
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(4, "little") + bytes(4)
                )
                connection.sendall(octets)

    for name in ("good-tls12", "good-tls13"):
        handshake(target_of(lab, name), client_context(lab.trust_file)).close()
    with connect(target_of(lab, "alert-40")) as connection:
        connection.sendall(hello_octets("alert-40.lab.test"))
        assert read_to_end(connection)[5:] == bytes((2, 40))


def test_a_flood_of_octets_is_cut_off(lab: Lab) -> None:
    """A server that says nothing still takes a bounded number of octets only."""
    with (
        connect(target_of(lab, "silent-after-hello")) as connection,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        for _ in range(1_000):
            connection.sendall(b"\x00" * 65_536)


def test_every_target_carries_its_condition(lab: Lab) -> None:
    """Labels, names and addresses are what the inventory of a user would hold."""
    names = [condition.name for condition in lab.conditions]

    assert len(names) == len(set(names))
    assert lab.targets == tuple(condition.target for condition in lab.conditions)
    for condition in lab.conditions:
        target = condition.target
        assert target.labels["condition"] == condition.name
        assert target.address.startswith("127.")
        assert target.host == ""
        assert (target.server_name or target.address) == target.reference_name


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_nothing_is_left_behind(loop_factory: LoopFactory) -> None:
    """After the lab no port answers and no folder is there."""
    with running_lab(loop_factory) as running:
        folder = running.trust_file.parent
        targets = running.targets
        assert folder.is_dir()
        # A connection that is open when the lab ends is ended with it.
        last = connect(target_of(running, "silent-after-hello"))

    assert not folder.exists()
    with last, contextlib.suppress(ConnectionResetError):
        assert last.recv(1) == b""
    for target in targets:
        with pytest.raises(ConnectionRefusedError):
            connect(target)


def _failing(error: Exception) -> Callable[[Material, str], Factory]:
    def build(_material: Material, _name: str) -> Factory:
        raise error

    return build


async def _names_of_a_lab() -> tuple[list[str], tuple[str, ...]]:
    async with Lab() as lab:
        return [condition.name for condition in lab.conditions], lab.unavailable


def test_an_error_at_start_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was started before the error is stopped, and the folder is removed."""
    plans = (PLANS[0], replace(PLANS[1], build=_failing(KeyError("a bug"))))
    monkeypatch.setattr(lab_module, "PLANS", plans)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with pytest.raises(KeyError):
        asyncio.run(_names_of_a_lab())

    assert list(tmp_path.iterdir()) == []


def test_what_openssl_refuses_to_serve_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hardened machine gets a smaller lab, and is told what it lacks."""
    plans = (PLANS[0], replace(PLANS[1], build=_failing(ssl.SSLError("no cipher match"))))
    monkeypatch.setattr(lab_module, "PLANS", plans)

    assert asyncio.run(_names_of_a_lab()) == ([PLANS[0].name], (PLANS[1].name,))


def test_the_lab_starts_quickly() -> None:
    """A demo must not wait for its fleet: two seconds of CPU are the bound."""
    before = time.process_time()
    with running_lab():
        spent = time.process_time() - before

    assert spent < 2.0

"""Record protection, PRFs and key exchanges with OpenSSL on the other side.

What OpenSSL was not built with here (RC4, 3DES) is tried with GnuTLS.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.protection import SUITES_TLS13
from fleetscan.tls.tls12_protection import suite_tls12
from fleetscan.vocabulary import ConfirmedBy
from tests.certificates import tlv
from tests.new_openssl import NewOpenSslPeer
from tests.real.servers import Material, ServerKind, running
from tests.tls_peers import OpenSslPeer, conversation, facts_of, identity, server_context
from tests.tls_small_client import SmallClient

TLS10, TLS11, TLS12 = 0x0301, 0x0302, 0x0303
VERSIONS = {
    TLS10: ssl.TLSVersion.TLSv1,
    TLS11: ssl.TLSVersion.TLSv1_1,
    TLS12: ssl.TLSVersion.TLSv1_2,
}
# RFC 3526 section 3: a safe prime of 2,048 bits, with the generator 2.
MODP_2048 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)

# OpenSSL's name by IANA's code point, for every suite that both sides can finish.
SUITES = {
    0x002F: "AES128-SHA",
    0x0032: "DHE-DSS-AES128-SHA",
    0x0033: "DHE-RSA-AES128-SHA",
    0x0035: "AES256-SHA",
    0x0038: "DHE-DSS-AES256-SHA",
    0x0039: "DHE-RSA-AES256-SHA",
    0x003C: "AES128-SHA256",
    0x003D: "AES256-SHA256",
    0x0040: "DHE-DSS-AES128-SHA256",
    0x0041: "CAMELLIA128-SHA",
    0x0044: "DHE-DSS-CAMELLIA128-SHA",
    0x0045: "DHE-RSA-CAMELLIA128-SHA",
    0x0067: "DHE-RSA-AES128-SHA256",
    0x006A: "DHE-DSS-AES256-SHA256",
    0x006B: "DHE-RSA-AES256-SHA256",
    0x0084: "CAMELLIA256-SHA",
    0x0087: "DHE-DSS-CAMELLIA256-SHA",
    0x0088: "DHE-RSA-CAMELLIA256-SHA",
    0x009C: "AES128-GCM-SHA256",
    0x009D: "AES256-GCM-SHA384",
    0x009E: "DHE-RSA-AES128-GCM-SHA256",
    0x009F: "DHE-RSA-AES256-GCM-SHA384",
    0x00A2: "DHE-DSS-AES128-GCM-SHA256",
    0x00A3: "DHE-DSS-AES256-GCM-SHA384",
    0x00BA: "CAMELLIA128-SHA256",
    0x00BD: "DHE-DSS-CAMELLIA128-SHA256",
    0x00BE: "DHE-RSA-CAMELLIA128-SHA256",
    0x00C0: "CAMELLIA256-SHA256",
    0x00C3: "DHE-DSS-CAMELLIA256-SHA256",
    0x00C4: "DHE-RSA-CAMELLIA256-SHA256",
    0xC009: "ECDHE-ECDSA-AES128-SHA",
    0xC00A: "ECDHE-ECDSA-AES256-SHA",
    0xC013: "ECDHE-RSA-AES128-SHA",
    0xC014: "ECDHE-RSA-AES256-SHA",
    0xC023: "ECDHE-ECDSA-AES128-SHA256",
    0xC024: "ECDHE-ECDSA-AES256-SHA384",
    0xC027: "ECDHE-RSA-AES128-SHA256",
    0xC028: "ECDHE-RSA-AES256-SHA384",
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xC072: "ECDHE-ECDSA-CAMELLIA128-SHA256",
    0xC073: "ECDHE-ECDSA-CAMELLIA256-SHA384",
    0xC076: "ECDHE-RSA-CAMELLIA128-SHA256",
    0xC077: "ECDHE-RSA-CAMELLIA256-SHA384",
    0xC09C: "AES128-CCM",
    0xC09D: "AES256-CCM",
    0xC09E: "DHE-RSA-AES128-CCM",
    0xC09F: "DHE-RSA-AES256-CCM",
    0xC0A0: "AES128-CCM8",
    0xC0A1: "AES256-CCM8",
    0xC0A2: "DHE-RSA-AES128-CCM8",
    0xC0A3: "DHE-RSA-AES256-CCM8",
    0xC0AC: "ECDHE-ECDSA-AES128-CCM",
    0xC0AD: "ECDHE-ECDSA-AES256-CCM",
    0xC0AE: "ECDHE-ECDSA-AES128-CCM8",
    0xC0AF: "ECDHE-ECDSA-AES256-CCM8",
    0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
    0xCCAA: "DHE-RSA-CHACHA20-POLY1305",
}
# The rest, which GnuTLS has when it is asked to.
GNUTLS_SUITES = (
    0x0004,  # TLS_RSA_WITH_RC4_128_MD5
    0x0005,  # TLS_RSA_WITH_RC4_128_SHA
    0x000A,  # TLS_RSA_WITH_3DES_EDE_CBC_SHA
    0x0013,  # TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA
    0x0016,  # TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA
    0x0066,  # TLS_DHE_DSS_WITH_RC4_128_SHA
    0xC007,  # TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
    0xC008,  # TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA
    0xC011,  # TLS_ECDHE_RSA_WITH_RC4_128_SHA
    0xC012,  # TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
)
KEY_KINDS = {"RSA": "RSA-2048", "ECDSA": "P-256", "DSS": "DSA-2048"}

CASES = [
    pytest.param(version, code, id=f"{VERSIONS[version].name}-{name}")
    for code, name in SUITES.items()
    for version in VERSIONS
    if (suite := suite_tls12(code)) is not None and (version == TLS12 or not suite.tls12_only)
]


@pytest.fixture(scope="module")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prime of RFC 3526 as OpenSSL reads it."""
    # DHParameter ::= SEQUENCE { prime INTEGER, base INTEGER } (PKCS #3).
    prime = b"\x00" + MODP_2048.to_bytes(256, "big")
    der = tlv(0x30, tlv(0x02, prime), tlv(0x02, b"\x02"))
    path = tmp_path_factory.mktemp("dh") / "parameters.pem"
    path.write_bytes(
        b"-----BEGIN DH PARAMETERS-----\n%s-----END DH PARAMETERS-----\n" % base64.encodebytes(der)
    )
    return path


def server(version: int, code: int, parameters: Path) -> ssl.SSLContext:
    """An OpenSSL server of one version and one suite."""
    suite = suite_tls12(code)
    assert suite is not None
    context = server_context(KEY_KINDS[suite.authentication])
    context.set_ciphers(f"{SUITES[code]}:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.load_dh_params(str(parameters))
    return context


def talk(client: SmallClient, context: ssl.SSLContext) -> OpenSslPeer:
    """Shake hands, then send both ways lengths about a block's and a record's."""
    peer = OpenSslPeer(context)
    answer = peer.receive(client.start())
    for _ in range(3):
        said = client.receive(answer)
        answer = peer.receive(said) if said else b""
    assert peer.error is None, peer.error
    assert client.confirmed
    for length in (1, 11, 12, 15, 16, 17, 255, 20_000):
        octets = bytes(index % 251 for index in range(length))
        peer.connection.write(octets)
        client.receive(peer.receive(b""))
        assert client.data == octets
        client.data = b""
        assert peer.receive(client.seal(octets)) == b""
        assert peer.error is None, peer.error
        # The peer has read the first octet to see whether all is well.
        rest = b""
        while len(rest) < length - 1:
            rest += peer.connection.read(length)
        assert rest == octets[1:]
    return peer


def test_every_suite_that_can_be_finished_is_tried() -> None:
    """Here with OpenSSL, RC4 and 3DES with GnuTLS."""
    finished = {code for code in range(0x10000) if suite_tls12(code) is not None}

    assert finished == set(SUITES) | set(GNUTLS_SUITES)
    assert set(SUITES_TLS13) == set(range(0x1301, 0x1306))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("version", "code"), CASES)
def test_the_suite_works_with_openssl(version: int, code: int, parameters: Path) -> None:
    """Finished both ways, then data both ways: keys, MACs, IVs and padding are OpenSSL's too."""
    client = SmallClient(version, code)
    peer = talk(client, server(version, code, parameters))

    chosen = peer.connection.cipher()
    assert chosen is not None
    assert chosen[0] == SUITES[code]
    assert peer.connection.version() == VERSIONS[version].name.replace("_", ".")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", [0x002F, 0x0041, 0xC00A])
def test_encrypt_then_mac_and_extended_master_secret(
    version: int, code: int, parameters: Path
) -> None:
    """RFC 7366 and RFC 7627 in each version, as OpenSSL understands them."""
    client = SmallClient(version, code, encrypt_then_mac=True, extended=True)
    talk(client, server(version, code, parameters))

    assert client.server_hello.extension(22) == b""
    assert client.server_hello.extension(23) == b""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("code", [0x003D, 0xC028])
def test_encrypt_then_mac_with_the_longer_hashes(code: int, parameters: Path) -> None:
    """RFC 7366 with SHA-256 and SHA-384."""
    client = SmallClient(TLS12, code, encrypt_then_mac=True)
    talk(client, server(TLS12, code, parameters))

    assert client.server_hello.extension(22) == b""


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0x1302, "TLS_AES_256_GCM_SHA384"),
        (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        (0x1304, "TLS_AES_128_CCM_SHA256"),
        (0x1305, "TLS_AES_128_CCM_8_SHA256"),
    ],
)
def test_each_suite_of_tls13_works_with_openssl(code: int, name: str) -> None:
    """RFC 8446 appendix B.4, with the newer OpenSSL: its ticket opens under our keys."""
    client = conversation(profile=replace(BROWSER, cipher_suites=(code,)))
    peer = NewOpenSslPeer(cipher_suites=name)
    said = client.receive(peer.receive(client.start(1.0)), 2.0)
    client.receive(peer.receive(said), 3.0)
    facts = facts_of(client)

    assert facts.cipher_suite == code
    assert facts.confirmed_by is ConfirmedBy.TICKET


@pytest.fixture(scope="module")
def gnutls(tmp_path_factory: pytest.TempPathFactory, parameters: Path) -> Iterator[int]:
    """The port of a GnuTLS server that does what nobody should."""
    folder = tmp_path_factory.mktemp("gnutls")
    identities = []
    for key_kind in KEY_KINDS.values():
        path = folder / f"{key_kind}.pem"
        path.write_bytes(identity(key_kind).key_pem + identity(key_kind).pem)
        identities += ["--x509certfile", str(path), "--x509keyfile", str(path)]
    priority = (
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+ARCFOUR-128:+3DES-CBC:+MD5"
        ":+DHE-DSS:+SIGN-DSA-SHA1:+SIGN-DSA-SHA256:%VERIFY_ALLOW_SIGN_WITH_SHA1"
    )
    kind = ServerKind(
        name="gnutls-serv",
        binary="gnutls-serv",
        prepare=lambda material, port: (
            "gnutls-serv", "--port", str(port), "--echo", "--quiet",
            "--priority", priority, "--dhparams", str(parameters), *identities,
        ),
    )  # fmt: skip
    if kind.missing():
        pytest.skip("gnutls-serv is not installed")
    material = Material(root=folder, chain=folder, key=folder, both=folder, folder=folder)
    with running(kind, material) as port:
        yield port


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", GNUTLS_SUITES, ids=hex)
@pytest.mark.parametrize("encrypt_then_mac", [False, True], ids=["", "encrypt-then-MAC"])
def test_the_suite_works_with_gnutls(
    version: int, code: int, encrypt_then_mac: bool, gnutls: int
) -> None:
    """RC4, whose state runs through the records, and 3DES, whose blocks are shorter."""
    client = SmallClient(version, code, encrypt_then_mac=encrypt_then_mac)
    with socket.create_connection(("127.0.0.1", gnutls), timeout=10) as connection:
        connection.sendall(client.start())
        while not client.confirmed:
            said = client.receive(connection.recv(65_536) or pytest.fail(str(client.alerts)))
            connection.sendall(said)
        lines = [bytes([65 + length % 26]) * length + b"\n" for length in (1, 7, 8, 40, 900)]
        for line in lines:
            client.data = b""
            connection.sendall(client.seal(line))
            while not client.data.endswith(b"\n"):
                client.receive(connection.recv(65_536) or pytest.fail(str(client.alerts)))
            assert client.data == line

    # RFC 7366 section 3: not with a stream cipher.
    agreed = client.server_hello.extension(22) is not None
    assert agreed == (encrypt_then_mac and client.suite.is_block)

"""Key exchange in every named group: published vectors, and OpenSSL on the other side."""

from __future__ import annotations

import base64
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from fleetscan.registry import groups
from fleetscan.tls import group_keys
from fleetscan.tls.group_keys import FFDHE, ffdhe_prime
from fleetscan.tls.key_shares import SUPPORTED_GROUPS, KeyShareError, KeyShares
from fleetscan.tls.profiles import BROWSER
from fleetscan.vocabulary import ConfirmedBy
from tests.new_openssl import NewOpenSslPeer
from tests.tls_peers import OpenSslPeer, conversation, facts_of, server_context
from tests.tls_small_client import SmallClient

VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric"

# OpenSSL's names of the groups that TLS 1.3 has.
TLS13 = {
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001D: "X25519",
    0x001E: "X448",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
# The curves that only TLS 1.2 and before can name, and those that they name as well.
TLS12 = {
    0x0013: "prime192v1",
    0x0015: "secp224r1",
    0x0016: "secp256k1",
    0x0017: "prime256v1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001D: "X25519",
    0x001E: "X448",
}
# Octets of our share, and of a peer's where that differs: RFC 8446 section 4.2.8,
# draft-ietf-tls-ecdhe-mlkem, FIPS 203 table 3.
LENGTHS = {
    0x0017: (65, 65),
    0x0019: (133, 133),
    0x001D: (32, 32),
    0x001E: (56, 56),
    0x0021: (129, 129),
    0x0100: (256, 256),
    0x0104: (1024, 1024),
    0x11EB: (1249, 1153),
    0x11EC: (1216, 1120),
    0x11ED: (1665, 1665),
}


LENGTHS_OF_FIELDS = {0x0013: 24, 0x0015: 28, 0x0017: 32, 0x0018: 48, 0x0019: 66}


def blocks(path: str, first: str) -> Iterator[dict[str, str]]:
    """The `name = value` blocks of a vector file, each of which begins with the name `first`."""
    found: dict[str, str] = {}
    for line in (VECTORS / path).read_text().splitlines():
        name, equals, value = line.partition("=")
        if name.strip() == first and found:
            yield found
            found = {}
        if equals and not line.startswith("#"):
            found[name.strip()] = value.strip()
    yield found


def point(x: str, y: str) -> bytes:
    """An uncompressed point."""
    return b"\x04" + bytes.fromhex(x) + bytes.fromhex(y)


def test_every_group_that_is_supported_is_tried() -> None:
    """With OpenSSL, in a version that has it."""
    assert set(TLS13) | set(TLS12) == SUPPORTED_GROUPS


class Lacking:
    """A build of the library without some of its parts."""

    def __init__(self, *lacks: str) -> None:
        self.lacks = lacks

    def elliptic_curve_supported(self, curve: ec.EllipticCurve) -> bool:
        """Whether it has the curve."""
        return curve.name not in self.lacks

    def x25519_supported(self) -> bool:
        """Whether it has Curve25519."""
        return "x25519" not in self.lacks

    def x448_supported(self) -> bool:
        """Whether it has Curve448."""
        return "x448" not in self.lacks

    def mlkem_supported(self) -> bool:
        """Whether it has ML-KEM."""
        return "mlkem" not in self.lacks


@pytest.mark.parametrize(
    ("lacks", "missing"),
    [
        ("brainpoolP256r1", {0x001A, 0x001F}),
        ("secp192r1", {0x0013}),
        ("secp256r1", {0x0017, 0x11EB}),
        ("secp384r1", {0x0018, 0x11ED}),
        ("x25519", {0x001D, 0x11EC}),
        ("x448", {0x001E}),
        ("mlkem", {0x0201, 0x0202, 0x11EB, 0x11EC, 0x11ED}),
    ],
)
def test_what_this_librarys_build_lacks_is_not_supported(
    lacks: str, missing: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither alone nor in a hybrid: our limit, never the server's fault."""
    monkeypatch.setattr(group_keys, "backend", Lacking(lacks))

    assert SUPPORTED_GROUPS - set(group_keys.supported_makers()) == missing


# -- published vectors ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "keys", "secret"),
    [
        pytest.param(
            0x001D,
            [
                "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            ],
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
            id="section 6.1",
        ),
        pytest.param(
            0x001E,
            [
                "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
                "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
                "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
                "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
                "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"
                "6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
                "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
                "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
            ],
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
            "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
            id="section 6.2",
        ),
    ],
)
def test_rfc_7748(group: int, keys: list[str], secret: str) -> None:
    """Alice's and Bob's keys and what they share."""
    alice, alice_public, bob, bob_public = map(bytes.fromhex, keys)
    for private, public, peer in (
        (alice, alice_public, bob_public),
        (bob, bob_public, alice_public),
    ):
        shares = KeyShares({group: private})
        assert shares.public(group) == public
        assert shares.exchange(group, peer) == bytes.fromhex(secret)


@pytest.mark.parametrize("codes", [(0x001A, 0x001B, 0x001C), (0x001F, 0x0020, 0x0021)])
def test_rfc_7027_brainpool(codes: tuple[int, ...]) -> None:
    """The three curves of RFC 7027 appendix A, under the code points of both versions."""
    for group, block in zip(codes, blocks("ECDH/brainpool.txt", "COUNT"), strict=True):
        ours = point(block["x_qA"], block["y_qA"])
        theirs = point(block["x_qB"], block["y_qB"])
        shares = KeyShares({group: bytes.fromhex(block["dA"])})
        assert shares.public(group) == ours
        assert shares.exchange(group, theirs) == bytes.fromhex(block["x_Z"])


NIST_SECTIONS = {"EA": 0x0013, "EB": 0x0015, "EC": 0x0017, "ED": 0x0018, "EE": 0x0019}


def nist_blocks() -> Iterator[tuple[int, dict[str, str]]]:
    """NIST's validity tests of ECDH, each with its group."""
    path = VECTORS / "ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"
    for section in re.split(r"^\[(?=E[A-E] - )", path.read_text(), flags=re.MULTILINE)[1:]:
        for block in section.split("COUNT = ")[1:]:
            yield NIST_SECTIONS[section[:2]], dict(re.findall(r"(\w+) = (.*)", block))


@pytest.mark.parametrize("group", NIST_SECTIONS.values())
def test_nist_curves(group: int) -> None:
    """Z where the inputs are right, KeyShareError where the peer's point is none."""
    size = LENGTHS_OF_FIELDS[group]
    counts = {True: 0, False: 0}
    for code, block in nist_blocks():
        # 5, 6, 7 and 8 spoil our own key or Z.
        number = int(re.findall(r"\((\d+) ", block["Result"])[0])
        if code != group or number in (5, 6, 7, 8):
            continue
        values = {name: int(block[name], 16) for name in ("QsCAVSx", "QsCAVSy", "dsIUT", "Z")}
        peer = b"\x04" + b"".join(
            values[name].to_bytes(size + 2, "big")[2:] for name in ("QsCAVSx", "QsCAVSy")
        )
        shares = KeyShares({group: values["dsIUT"].to_bytes(size, "big")})
        good = block["Result"].startswith("P")
        counts[good] += 1
        if good:
            assert shares.exchange(group, peer) == values["Z"].to_bytes(size, "big")
        else:
            with pytest.raises(KeyShareError):
                shares.exchange(group, peer)
    assert counts == {True: 18, False: 4}


@pytest.mark.parametrize(
    ("group", "curve", "path", "first"),
    [
        # draft-ietf-tls-ecdhe-mlkem: ML-KEM before X25519, and after the NIST curves.
        (0x11EC, 0x001D, "MLKEM/kat_MLKEM_768.rsp", False),
        (0x11EB, 0x0017, "MLKEM/kat_MLKEM_768.rsp", True),
        (0x11ED, 0x0018, "MLKEM/kat_MLKEM_1024.rsp", True),
        (0x0201, 0, "MLKEM/kat_MLKEM_768.rsp", False),
        (0x0202, 0, "MLKEM/kat_MLKEM_1024.rsp", False),
    ],
)
def test_hybrids_are_their_parts_in_order(group: int, curve: int, path: str, first: bool) -> None:
    """Share and secret are NIST's ML-KEM vector and the curve's own, one behind the other."""
    block = next(blocks(path, "count"))
    seed = bytes.fromhex(block["d"]) + bytes.fromhex(block["z"])
    public, cipher, kem_secret = (bytes.fromhex(block[name]) for name in ("pk", "ct", "ss"))
    scalar = bytes(range(1, 49 if curve == 0x0018 else 33)) if curve else b""
    own = KeyShares({curve: scalar} if curve else {})
    other = KeyShares()

    def ordered(kem: bytes, classical: bytes) -> bytes:
        return classical + kem if first else kem + classical

    shares = KeyShares({group: ordered(seed, scalar)})
    assert shares.public(group) == ordered(public, own.public(curve) if curve else b"")
    peer = ordered(cipher, other.public(curve) if curve else b"")
    secret = other.exchange(curve, own.public(curve)) if curve else b""
    assert shares.exchange(group, peer) == ordered(kem_secret, secret)


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 6144, 8192])
def test_the_primes_of_rfc_7919_begin_and_end_as_printed(bits: int) -> None:
    """All five begin alike; the ends are those of appendices A.1 to A.5."""
    ends = {
        2048: "886b423861285c97ffffffffffffffff",
        3072: "25e41d2b66c62e37ffffffffffffffff",
        4096: "c68a007e5e655f6affffffffffffffff",
        6144: "a40e329cd0e40e65ffffffffffffffff",
        8192: "d68c8bb7c5c6424cffffffffffffffff",
    }
    addend = {length: addend for length, addend in FFDHE.values()}[bits]
    shown = f"{ffdhe_prime(bits, addend):x}"

    assert len(shown) == bits // 4
    assert shown.startswith("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695")
    assert shown.endswith(ends[bits])


@pytest.mark.parametrize("group", FFDHE)
def test_the_primes_of_rfc_7919_are_openssls(group: int) -> None:
    """Octet by octet, as the program prints them."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    named = ("-pkeyopt", f"group:{groups.name_of(group)}")
    pem = subprocess.run(
        [program, "genpkey", "-genparam", "-algorithm", "DH", *named],
        capture_output=True,
        check=True,
    ).stdout
    parameters = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    bits, addend = FFDHE[group]

    assert ffdhe_prime(bits, addend).to_bytes(bits // 8, "big") in parameters


# -- shares ---------------------------------------------------------------------------


@pytest.mark.parametrize("group", sorted(group for group in SUPPORTED_GROUPS if group < 0x0200))
def test_two_sides_get_the_same_secret(group: int) -> None:
    """Diffie and Hellman's point; ML-KEM, alone or in a hybrid, has two unequal sides."""
    ours, theirs = KeyShares(), KeyShares()

    assert ours.exchange(group, theirs.public(group)) == theirs.exchange(group, ours.public(group))


@pytest.mark.parametrize(("group", "lengths"), LENGTHS.items())
def test_shares_have_their_length_and_no_other_is_taken(
    group: int, lengths: tuple[int, int]
) -> None:
    """One octet more or less is no share: KeyShareError, never another exception."""
    shares = KeyShares()
    own, peer = lengths

    assert len(shares.public(group)) == own
    for length in (0, 1, peer - 1, peer + 1, 2 * peer):
        with pytest.raises(KeyShareError):
            shares.exchange(group, b"\x04" * length)


def test_keys_are_made_once() -> None:
    """A scanner protects no secrets: the same share for every probe of a process."""
    shares = KeyShares()
    for group in SUPPORTED_GROUPS:
        assert shares.public(group) is shares.public(group)


@pytest.mark.parametrize("group", [0x001D, 0x001E])
@pytest.mark.parametrize("first", [0, 1])
def test_points_of_small_order_give_no_secret(group: int, first: int) -> None:
    """The all-zero result is refused (RFC 7748 section 6.1, RFC 8446 section 7.4.2)."""
    length = LENGTHS[group][1]
    with pytest.raises(KeyShareError):
        KeyShares().exchange(group, bytes([first]).ljust(length, b"\x00"))


def test_a_part_of_a_hybrid_that_is_no_key_is_refused() -> None:
    """Each part is checked as it would be alone."""
    shares = KeyShares()
    good = X25519PrivateKey.generate().public_key().public_bytes_raw()
    assert len(shares.exchange(0x11EC, bytes(1_088) + good)) == 64
    for group, peer in (
        (0x11EC, bytes(1_088 + 32)),
        (0x11EB, b"\x04" + bytes(64) + bytes(1_088)),
        (0x11ED, b"\x02" + bytes(96) + bytes(1_568)),
    ):
        with pytest.raises(KeyShareError):
            shares.exchange(group, peer)


@pytest.mark.parametrize("group", sorted(set(SUPPORTED_GROUPS) & set(range(0x13, 0x1D))))
def test_only_uncompressed_points_are_taken(group: int) -> None:
    """RFC 8422 section 5.1.1 deprecates the others, RFC 8446 section 4.2.8.2 knows none."""
    shares = KeyShares()
    public = shares.public(group)
    middle = (len(public) + 1) // 2
    compressed = bytes([2 + public[-1] % 2]) + public[1:middle]
    hybrid = bytes([6 + public[-1] % 2]) + public[1:]
    for share in (compressed, hybrid, b"\x00", public[1:] + b"\x00"):
        with pytest.raises(KeyShareError):
            shares.exchange(group, share)


@pytest.mark.parametrize("group", [0x0100, 0x0104])
def test_finite_field_shares_outside_of_their_range_are_refused(group: int) -> None:
    """1 < Y < p - 1 (RFC 7919 section 5.1, RFC 8446 section 4.2.8.1)."""
    shares = KeyShares()
    prime = ffdhe_prime(*FFDHE[group])
    length = LENGTHS[group][1]
    for value in (0, 1, prime - 1, prime, prime + 1):
        with pytest.raises(KeyShareError):
            shares.exchange(group, value.to_bytes(length, "big"))
    assert len(shares.exchange(group, (prime - 2).to_bytes(length, "big"))) == length


def test_finite_field_secrets_keep_their_leading_zeros() -> None:
    """RFC 8446 section 7.4.1: as long as the prime. By hand: 2 to the power of 9."""
    shares = KeyShares({0x0100: b"\x03"})
    assert shares.public(0x0100) == b"\x08".rjust(256, b"\x00")
    assert shares.exchange(0x0100, b"\x08".rjust(256, b"\x00")) == b"\x02\x00".rjust(256, b"\x00")


def test_derived_octets_follow_from_the_given_key() -> None:
    """A replayed handshake needs the same premaster secret; another process must not have it."""
    given = KeyShares({0x001D: bytes(range(32))})
    again = KeyShares({0x001D: bytes(range(32))})
    assert given.derive(b"label", b"entropy") == again.derive(b"label", b"entropy")
    assert given.derive(b"label", b"entropy") != given.derive(b"other", b"entropy")
    assert KeyShares().derive(b"label", b"entropy") != KeyShares().derive(b"label", b"entropy")


# -- OpenSSL on the other side ----------------------------------------------------------


@pytest.mark.parametrize("group", TLS13, ids=TLS13.get)
def test_tls13_is_completed_in_the_group(group: int) -> None:
    """OpenSSL has the same secret, or it could not open our Finished."""
    profile = replace(BROWSER, groups=(group,), key_share_groups=(group,))
    client = conversation(profile=profile)
    peer = NewOpenSslPeer(groups=TLS13[group])
    said = client.receive(peer.receive(client.start(1.0)), 2.0)
    client.receive(peer.receive(said), 3.0)
    facts = facts_of(client)

    assert facts.group == group
    assert facts.confirmed_by is ConfirmedBy.TICKET


@pytest.mark.parametrize("group", TLS12, ids=TLS12.get)
def test_tls12_is_completed_in_the_group(group: int) -> None:
    """The same with ECDHE as RFC 8422 section 5.10 has it."""
    context = server_context("RSA-2048")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    if group not in (0x001D, 0x001E):
        # Those two it knows by itself, and not every build by name.
        context.set_ecdh_curve(TLS12[group])
    client = SmallClient(0x0303, 0xC02F)
    client.more[0] = (10, b"\x00\x02" + group.to_bytes(2, "big"))
    peer = OpenSslPeer(context)
    said = client.receive(peer.receive(client.start()))
    client.receive(peer.receive(said))

    assert peer.error is None
    assert client.confirmed

"""Finite-field Diffie-Hellman with a server's own parameters."""

from __future__ import annotations

from pathlib import Path

import cryptography_vectors
import pytest

from fleetscan import limits
from fleetscan.tls import finite_field
from fleetscan.tls.finite_field import KeyShareError, OverBoundsError, exchange

# RFC 5114 section 2 with the data of its appendix A: primes that are no safe primes.
VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric" / "DH" / "RFC5114.txt"
EXPONENT = bytes(range(1, 33))

# 263 = 2 * 131 + 1: small enough to check by hand that 5 generates.
PRIME, GENERATOR = b"\x01\x07", b"\x05"


def rfc_5114() -> list[dict[str, bytes]]:
    """The fields of each section, by name."""
    blocks: list[dict[str, bytes]] = []
    for line in VECTORS.read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name == "P":
            blocks.append({})
        if value and blocks and name != "Result":
            blocks[-1][name] = bytes.fromhex(value)
    return blocks


@pytest.mark.parametrize("block", rfc_5114(), ids=["1024-160", "2048-224", "2048-256"])
def test_rfc_5114_both_sides(block: dict[str, bytes]) -> None:
    """The public value and the secret of RFC 5114 appendix A, from either side."""
    for ours, theirs in (("IUT", "CAVS"), ("CAVS", "IUT")):
        public, premaster = exchange(
            block["P"], block["G"], block[f"Ystat{theirs}"], block[f"Xstat{ours}"]
        )
        assert public == block[f"Ystat{ours}"].rjust(len(block["P"]), b"\x00")
        assert premaster == block["Z"].lstrip(b"\x00")


def test_the_public_value_is_as_long_as_the_prime() -> None:
    """Some stacks want it so; 5 to the power of 3 is 125: one octet of two."""
    public, _ = exchange(PRIME, GENERATOR, b"\x00\x19", b"\x03")
    assert public == b"\x00\x7d"


def test_the_premaster_secret_has_no_leading_zeros() -> None:
    """RFC 5246 section 8.1.2. By hand: 25 cubed is 15,625 = 59 * 263 + 108."""
    _, premaster = exchange(PRIME, GENERATOR, b"\x00\x19", b"\x03")
    assert premaster == b"\x6c"


def test_leading_zeros_of_the_servers_values_change_nothing() -> None:
    """Some servers pad what they send; a prime's bits are counted without."""
    p, g, ys = (octets.rjust(2_000, b"\x00") for octets in (PRIME, GENERATOR, b"\x19"))
    assert exchange(p, g, ys, b"\x03") == exchange(PRIME, GENERATOR, b"\x19", b"\x03")


@pytest.mark.parametrize(
    ("p", "g", "ys"),
    [
        pytest.param(b"", b"\x05", b"\x19", id="no prime"),
        pytest.param(b"\x00", b"\x00", b"\x00", id="zeros"),
        pytest.param(b"\x01", b"\x05", b"\x19", id="prime of one"),
        pytest.param(b"\x03", b"\x02", b"\x02", id="no room for a generator"),
        pytest.param(b"\x01\x08", b"\x05", b"\x19", id="even prime"),
        pytest.param(PRIME, b"\x00", b"\x19", id="generator 0"),
        pytest.param(PRIME, b"\x01", b"\x19", id="generator 1"),
        pytest.param(PRIME, b"\x01\x06", b"\x19", id="generator p - 1"),
        pytest.param(PRIME, b"\x01\x07", b"\x19", id="generator p"),
        pytest.param(PRIME, GENERATOR, b"", id="no public value"),
        pytest.param(PRIME, GENERATOR, b"\x00", id="public value 0"),
        pytest.param(PRIME, GENERATOR, b"\x01", id="public value 1"),
        pytest.param(PRIME, GENERATOR, b"\x01\x06", id="public value p - 1"),
        pytest.param(PRIME, GENERATOR, b"\x01\x07", id="public value p"),
        pytest.param(PRIME, GENERATOR, b"\x02\x00", id="public value over p"),
        # 27 = 3 cubed is no prime: 9 to the power of 2 is 0 there.
        pytest.param(b"\x1b", b"\x02", b"\x09", id="secret 0"),
        # 4 has order 3 modulo 7 * 9 = 63: with an exponent that 3 divides the secret is 1.
        pytest.param(b"\x3f", b"\x02", b"\x04", id="secret 1"),
    ],
)
def test_what_gives_no_secret_is_the_servers_fault(p: bytes, g: bytes, ys: bytes) -> None:
    """1 < g < p - 1 and 1 < Ys < p - 1 (RFC 7919 section 5.1), and a secret that is one."""
    with pytest.raises(KeyShareError):
        exchange(p, g, ys, b"\x03" * 32)


def test_the_ends_of_the_range_are_within() -> None:
    """2 and p - 2 are public values like any other."""
    for share in (b"\x02", b"\x01\x05"):
        assert exchange(PRIME, share, share, b"\x05")[1]


def test_a_prime_over_our_bound_is_our_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before any arithmetic is done, and not held against the server."""
    monkeypatch.setattr(finite_field, "pow", pytest.fail, raising=False)
    long = b"\x01" + bytes(limits.MAX_DH_BITS // 8 - 1) + b"\x01"
    with pytest.raises(OverBoundsError):
        exchange(long, b"\x02", b"\x03", EXPONENT)


def test_the_longest_prime_of_rfc_7919_is_within_our_bound() -> None:
    """8,192 bits (RFC 7919 appendix A.5)."""
    longest = b"\xff" * (limits.MAX_DH_BITS // 8)
    public, _ = exchange(longest, b"\x02", b"\x05", b"\x07")
    assert public == b"\x80".rjust(1_024, b"\x00")

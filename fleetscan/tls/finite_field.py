"""Finite-field Diffie-Hellman with parameters of the server's own, up to TLS 1.2.

By `pow` and our own checks: `cryptography` takes safe primes only, and before TLS 1.3 a server
sends no proof of what its prime is (RFC 5246 section 7.4.3). Whether the parameters are *good*
is for the verdict to say; here they only have to give a secret.
"""

from __future__ import annotations

from fleetscan import limits


class KeyShareError(Exception):
    """The peer's share is no public key of the group, or gives no secret."""


class OverBoundsError(Exception):
    """The arithmetic would cost more than a peer may make us pay: our limit, not its fault."""


def exchange(p: bytes, g: bytes, ys: bytes, exponent: bytes) -> tuple[bytes, bytes]:
    """Answer a ServerDHParams (RFC 5246 section 7.4.3).

    Args:
        p: dh_p, the prime.
        g: dh_g, the generator.
        ys: dh_Ys, the server's public value.
        exponent: ours, big-endian.

    Returns:
        Our public value, as long as the prime (which some stacks insist on), and the premaster
        secret without leading zeros (RFC 5246 section 8.1.2).

    Raises:
        KeyShareError: what was sent cannot be parameters and a public value.
        OverBoundsError: the prime is longer than `limits.MAX_DH_BITS`.
    """
    prime, generator, share = (int.from_bytes(octets, "big") for octets in (p, g, ys))
    if prime.bit_length() > limits.MAX_DH_BITS:
        raise OverBoundsError
    # No even number is a prime that leaves room for a generator and a public value.
    if prime % 2 == 0 or not is_within(generator, prime):
        raise KeyShareError
    private = int.from_bytes(exponent, "big")
    secret = shared_secret(prime, share, private)
    public = pow(generator, private, prime)
    return public.to_bytes(_octets(prime), "big"), secret.to_bytes(_octets(secret), "big")


def shared_secret(prime: int, share: int, private: int) -> int:
    """The other side's public value to the power of our exponent.

    Raises:
        KeyShareError: the public value is outside of its range, or the secret is one that
            anybody knows.
    """
    if not is_within(share, prime):
        raise KeyShareError
    secret = pow(share, private, prime)
    if secret <= 1:
        # A public value of tiny order, or a modulus that is no prime.
        raise KeyShareError
    return secret


def is_within(value: int, prime: int) -> bool:
    """Whether 1 < value < p - 1 (RFC 7919 section 5.1); p - 1 has order two."""
    return 1 < value < prime - 1


def _octets(number: int) -> int:
    return (number.bit_length() + 7) // 8

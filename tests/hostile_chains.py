"""Chains that a stranger would send to make a path check work for ever."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fleetscan import limits
from tests.certificates import Issued, intermediate, issue, leaf, name, root, tlv

MANY: Final = limits.MAX_CERTIFICATES - 1


def all_issue_each_other(count: int, kind: str = "P-256") -> list[Issued]:
    """Make `count` CAs of different names and every certificate of one by another."""
    cas = [root(f"CA {index}", kind=kind) for index in range(count)]
    return [
        intermediate(issuer, subject.name, key=subject.key)
        for subject in cas
        for issuer in cas
        if issuer is not subject
    ]


def circles(kind: str = "P-256") -> list[Issued]:
    """63 certificates whose every link holds, and no way out."""
    web = all_issue_each_other(9, kind)[:MANY]
    return [leaf(root("CA 0", kind=kind)), *web]


def namesakes() -> list[Issued]:
    """One name, 63 keys, no key identifiers; the last one signed the leaf."""
    cas = [root("Same", label=f"key {index}", identifiers=False) for index in range(MANY)]
    return [leaf(cas[-1], "www", identifiers=False), *cas]


def twins() -> list[Issued]:
    """One name and one key in 63 certificates, none of which signed itself."""
    top = root("Top")
    cas = [intermediate(top, "Same", label="key", path_len=index) for index in range(MANY)]
    return [leaf(cas[0]), *cas]


def many_roots() -> list[Issued]:
    """Ten authorities, each self-signed and signed by all above it: hundreds of ways to a root."""
    cas = [root(f"CA {index}") for index in range(10)]
    crossed = [
        intermediate(above, below.name, key=below.key)
        for index, below in enumerate(cas)
        for above in cas[index + 1 :]
    ]
    return [leaf(cas[0], san=["a.example"]), *crossed, *cas]


def huge_names() -> list[Issued]:
    """Subjects of 60 kB, which have to be compared and shown."""
    parts = [
        x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"{index:04} " + "x" * 55)
        for index in range(1_000)
    ]
    top = root(x509.Name([*parts, *name("Huge")]))
    return [leaf(top), intermediate(top, top.name, label="other")]


def many_names() -> list[Issued]:
    """Thousands of names in the leaf, thousands of constraints above it."""
    constraints = x509.NameConstraints(
        [x509.DNSName(f"d{index}.example") for index in range(2_000)], None
    )
    top = root("Top")
    ca = intermediate(top, "Narrow", constraints=constraints)
    return [leaf(ca, san=[f"h{index}.example.com" for index in range(4_000)]), ca]


def absurd_key(bits: int, exponent: int) -> list[Issued]:
    """A CA whose RSA key nobody should calculate with; it signed nothing."""
    subject = root("Absurd", kind="RSA-2048", identifiers=False)
    assert isinstance(subject.key, rsa.RSAPrivateKey)
    numbers = subject.key.public_key().public_numbers()
    modulus = numbers.n << (bits - numbers.n.bit_length()) | 1
    old = tlv(0x30, _integer(numbers.n), _integer(numbers.e))
    new = tlv(0x30, _integer(modulus), _integer(exponent))
    spki = tlv(0x30, tlv(0x30, bytes.fromhex("06092a864886f70d0101010500")), tlv(3, b"\0" + new))
    old_spki = tlv(
        0x30, tlv(0x30, bytes.fromhex("06092a864886f70d0101010500")), tlv(3, b"\0" + old)
    )
    der = _replaced(subject.der, old_spki, spki)
    big = Issued(der=der, key=subject.key, name=subject.name)
    return [leaf(subject, identifiers=False), big]


def _integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _replaced(certificate: bytes, old: bytes, new: bytes) -> bytes:
    """Put another key into a certificate; its signature is then wrong, as it may be."""
    from tests.certificates import split

    tbs, algorithm, signature = split(split(certificate)[0], whole=True)
    fields = [new if field == old else field for field in split(split(tbs)[0], whole=True)]
    assert new in fields
    return tlv(0x30, tlv(0x30, *fields), algorithm, signature)


def long_line() -> list[Issued]:
    """63 CAs, each under the next."""
    cas = [root("CA 0")]
    for index in range(1, MANY):
        cas.append(intermediate(cas[-1], f"CA {index}"))
    return [leaf(cas[-1]), *cas[1:]]


HOSTILE: Final[dict[str, Callable[[], list[Issued]]]] = {
    "circles": circles,
    "circles of slow keys": functools.partial(circles, "P-521"),
    "one name, many keys": namesakes,
    "one name, one key": twins,
    "many roots": many_roots,
    "huge names": huge_names,
    "names times constraints": many_names,
    "RSA-16384": functools.partial(absurd_key, 16_384, 65_537),
    "absurd exponent": functools.partial(absurd_key, 4_096, (1 << 4_000) + 1),
    "long line": long_line,
    "one CA, a thousand names": lambda: [
        issue("self", ca=True, san=[f"h{index}.example" for index in range(1_000)])
    ],
}
"""Each the chain as sent, the leaf first."""

"""CA certificates seen in the run, kept to show what a server forgot to send."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fleetscan import limits
from fleetscan.pki.distinguished_names import is_same_name, name_key

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


class AuthorityStore:
    """A bounded set of CA certificates whose content does not depend on their order.

    When a bound is reached the certificates with the smallest SHA-256 stay, so the store
    holds the same ones whatever target came first. Nothing in it is trusted.

    Args:
        max_certificates: in all.
        max_per_subject: of one subject name.
    """

    __slots__ = ("_by_subject", "_hashes", "_max_certificates", "_max_per_subject", "_subjects")

    def __init__(
        self,
        max_certificates: int = limits.MAX_AUTHORITIES,
        max_per_subject: int = limits.MAX_AUTHORITIES_PER_SUBJECT,
    ) -> None:
        self._max_certificates = max_certificates
        self._max_per_subject = max_per_subject
        self._by_subject: dict[bytes, tuple[Certificate, ...]] = {}
        self._subjects: dict[str, bytes] = {}
        self._hashes: list[str] = []

    def __len__(self) -> int:
        """How many certificates are held."""
        return len(self._hashes)

    def __iter__(self) -> Iterator[Certificate]:
        """Each of them, in no order that matters."""
        for row in self._by_subject.values():
            yield from row

    def holds(self, certificate: Certificate) -> bool:
        """Say whether this very certificate is held."""
        return certificate.sha256 in self._subjects

    def add(self, chain: Iterable[Certificate]) -> None:
        """Keep the CA certificates of a chain as sent.

        A certificate counts as a CA when basicConstraints says so, or when it is of a
        version that cannot say and names itself as issuer.
        """
        for certificate in chain:
            if certificate.sha256 not in self._subjects and is_authority(certificate):
                self._insert(certificate)

    def issuers_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Give the held certificates that have the issuer's name, by SHA-256."""
        return self._by_subject.get(name_key(certificate.issuer), ())

    def _insert(self, certificate: Certificate) -> None:
        subject = name_key(certificate.subject)
        row = sorted((*self._by_subject.get(subject, ()), certificate), key=lambda one: one.sha256)
        self._by_subject[subject] = tuple(row)
        self._subjects[certificate.sha256] = subject
        insort(self._hashes, certificate.sha256)
        if len(row) > self._max_per_subject:
            self._drop(row[-1].sha256)
        if len(self._hashes) > self._max_certificates:
            self._drop(self._hashes[-1])

    def _drop(self, sha256: str) -> None:
        subject = self._subjects.pop(sha256)
        del self._hashes[bisect_left(self._hashes, sha256)]
        row = tuple(one for one in self._by_subject[subject] if one.sha256 != sha256)
        if row:
            self._by_subject[subject] = row
        else:
            del self._by_subject[subject]


def is_authority(certificate: Certificate) -> bool:
    """Say whether a certificate claims to be a CA's and is small enough to be kept."""
    if len(certificate.der) > limits.MAX_AUTHORITY_OCTETS:
        return False
    if certificate.basic_constraints is not None:
        return certificate.basic_constraints.ca
    return certificate.version < 3 and is_same_name(certificate.subject, certificate.issuer)

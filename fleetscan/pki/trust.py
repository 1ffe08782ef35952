"""Trust anchors: which certificates a path may end at. The one place in `pki` that reads files."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError, UsageError
from fleetscan.pki.search import is_self_issued, keys_contradict
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

SYSTEM: Final = "system"
"""The word that stands for this machine's own roots."""

SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, Alpine, BSD
    "/opt/homebrew/etc/openssl@3/cert.pem",  # macOS with Homebrew
    "/usr/local/etc/openssl@3/cert.pem",
)

_PEM: Final = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)"
    rb"-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


class TrustStore:
    """Anchors by subject name, and intermediates that were given along with them.

    A certificate that signed itself is an anchor, whatever its version and whether or not
    it may issue: one that may not is an anchor for nothing but itself. Any other is no
    anchor but an intermediate, which every path may use although no server sent it.
    That a certificate signed itself is taken from its names and key identifiers; whoever
    gives the file vouches for the rest.

    Args:
        certificates: in any order; duplicates count once.
        sources: where they came from, for messages.
        refused: one line for each certificate that could not be read.
    """

    __slots__ = ("_anchors", "_by_subject", "_intermediates", "refused", "sources")

    def __init__(
        self,
        certificates: Iterable[Certificate],
        *,
        sources: Sequence[str] = (),
        refused: Sequence[str] = (),
    ) -> None:
        self._anchors: dict[str, Certificate] = {}
        self._by_subject: dict[bytes, tuple[Certificate, ...]] = {}
        self._intermediates: dict[bytes, tuple[Certificate, ...]] = {}
        self.sources = tuple(sources)
        self.refused = tuple(refused)
        unique = {certificate.sha256: certificate for certificate in certificates}
        # Sorted, so that no answer depends on the order of files.
        for sha256, certificate in sorted(unique.items()):
            subject = certificate.subject.der
            if is_self_issued(certificate) and not keys_contradict(certificate, certificate):
                self._anchors[sha256] = certificate
                self._by_subject[subject] = (*self._by_subject.get(subject, ()), certificate)
            else:
                row = self._intermediates.get(subject, ())
                self._intermediates[subject] = (*row, certificate)

    def __len__(self) -> int:
        """How many anchors there are."""
        return len(self._anchors)

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """All anchors, by SHA-256."""
        return tuple(self._anchors.values())

    @property
    def intermediates(self) -> tuple[Certificate, ...]:
        """All certificates that were given and are no anchors."""
        return tuple(one for row in self._intermediates.values() for one in row)

    def is_anchor(self, certificate: Certificate) -> bool:
        """Say whether this very certificate is an anchor."""
        return certificate.sha256 in self._anchors

    def issuers_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Give the anchors that have the name of the certificate's issuer."""
        return self._by_subject.get(certificate.issuer.der, ())

    def intermediates_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Give the intermediates that have the name of the certificate's issuer."""
        return self._intermediates.get(certificate.issuer.der, ())

    def holds(self, certificate: Certificate) -> bool:
        """Say whether the certificate was given, as an anchor or as an intermediate."""
        row = self._intermediates.get(certificate.subject.der, ())
        return self.is_anchor(certificate) or any(one.sha256 == certificate.sha256 for one in row)

    def with_anchor(self, certificate: Certificate) -> TrustStore:
        """Give a store that trusts this certificate as well, whatever it is; for asking only."""
        store = copy(self)
        subject = certificate.subject.der
        row = self._by_subject.get(subject, ())
        store._anchors = self._anchors | {certificate.sha256: certificate}
        store._by_subject = self._by_subject | {subject: (*row, certificate)}
        return store

    def union(self, *others: TrustStore) -> TrustStore:
        """Give a store that trusts what any of them trusts."""
        stores = (self, *others)
        return TrustStore(
            [one for store in stores for one in (*store.anchors, *store.intermediates)],
            sources=[source for store in stores for source in store.sources],
            refused=[line for store in stores for line in store.refused],
        )


def load_trust(
    sources: Sequence[str],
    *,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
    bundles: Sequence[str] = SYSTEM_BUNDLES,
) -> TrustStore:
    """Load the union of trust files and, by the word `system`, this machine's own roots.

    Args:
        sources: `system` or paths of PEM files with one or many certificates, or of a DER
            file with one; none at all means `system`.
        environ: the environment: `SSL_CERT_FILE` names the system's bundle, as it does for
            programs that use OpenSSL.
        bundles: where systems keep their bundle, the first that exists is taken.

    Raises:
        UsageError: a file is missing, unreadable, too large or holds no certificate, or the
            system's bundle is nowhere.
    """
    stores = [
        load_system(environ, bundles) if source == SYSTEM else load_file(source)
        for source in sources or (SYSTEM,)
    ]
    return stores[0].union(*stores[1:]) if len(stores) > 1 else stores[0]


def load_system(
    environ: Mapping[str, str] = _NO_ENVIRONMENT, bundles: Sequence[str] = SYSTEM_BUNDLES
) -> TrustStore:
    """Load this machine's own roots; arguments and errors as in `load_trust`."""
    named = environ.get("SSL_CERT_FILE", "")
    if named:
        return load_file(named, why=" (named by SSL_CERT_FILE)")
    for bundle in bundles:
        if Path(bundle).is_file():
            return load_file(bundle)
    raise UsageError(
        "this system's root certificates were not found: install ca-certificates, set "
        "SSL_CERT_FILE, or give a PEM file with --trust"
    )


def load_file(name: str, *, why: str = "") -> TrustStore:
    """Load one PEM or DER file; errors as in `load_trust`.

    Args:
        name: the file's path.
        why: put behind the path in messages.
    """
    place = f"trust file {printable(name)}{why}"
    octets = _read(name, place)
    if not octets.strip():
        raise UsageError(f"{place} is empty: give a file with PEM or DER certificates")
    encoded = _certificates_in(octets)
    if not encoded:
        raise UsageError(
            f"{place} holds no certificate: give PEM (-----BEGIN CERTIFICATE-----) or DER"
        )
    certificates: list[Certificate] = []
    refused: list[str] = []
    for number, der in enumerate(encoded, start=1):
        try:
            if der is None:
                refused.append(f"{place}: certificate {number} is not valid base64")
            else:
                certificates.append(parse_certificate(der))
        except ParseError as error:
            refused.append(f"{place}: certificate {number}: {error}")
    if not certificates:
        raise UsageError(f"no certificate can be read: {refused[0]}")
    return TrustStore(certificates, sources=(name,), refused=refused)


def _read(name: str, place: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            octets = file.read(limits.MAX_TRUST_FILE + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{place} cannot be read: {reason}") from error
    except ValueError as error:
        # A path with a NUL in it.
        raise UsageError(f"{place} cannot be read: not a file name") from error
    if len(octets) > limits.MAX_TRUST_FILE:
        raise UsageError(f"{place} is larger than {limits.MAX_TRUST_FILE} octets")
    return octets


def _certificates_in(octets: bytes) -> list[bytes | None]:
    """The DER of each certificate in a file; None for one whose base64 is broken."""
    if octets.startswith(b"\x30") and b"-----BEGIN" not in octets[:64]:
        return [octets]
    found: list[bytes | None] = []
    for block in _PEM.finditer(octets):
        try:
            found.append(binascii.a2b_base64(block.group(1)))
        except binascii.Error:
            found.append(None)
    return found

"""Trust anchors: which certificates a path may end at, and where they are read from."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan._parse import parse_certificate
from fleetscan.errors import ParseError, UsageError
from fleetscan.pki.certificate_files import FileFault, read_certificates
from fleetscan.pki.distinguished_names import name_key
from fleetscan.pki.self_issued import is_self_issued, keys_contradict
from fleetscan.pki.trust_settings import read_trust_settings
from fleetscan.text import printable

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.certificate_files import Encoded

SYSTEM: Final = "system"
"""The word that stands for this machine's own roots."""

MOZILLA: Final = "mozilla"
"""The word that stands for Mozilla's roots, as the package `certifi` carries them."""

SECURITY: Final = "/usr/bin/security"
"""macOS's program for keychains."""

SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",  # SUSE, what that is a link to
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",  # Arch, likewise
    "/etc/ssl/cert.pem",  # Alpine, FreeBSD, OpenBSD; macOS without `security`
    "/usr/local/etc/ssl/cert.pem",  # FreeBSD's ca_root_nss
    "/usr/local/share/certs/ca-root-nss.crt",
    "/opt/homebrew/etc/openssl@3/cert.pem",  # macOS with Homebrew
    "/usr/local/etc/openssl@3/cert.pem",
    "/etc/ssl/certs",  # FreeBSD's certctl, and minimal images: a directory of one file each
    "/etc/pki/tls/certs",
    "/etc/openssl/certs",  # NetBSD
)
"""Files, then directories; the first that is there is taken."""

_CERTIFICATE_FILE: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+|.*\.(?:pem|crt|cer|der)", re.IGNORECASE)
"""What openssl-rehash(1) links, and what people call a certificate."""

_FAULTS: Final = {
    FileFault.BASE64_INVALID: "is not valid base64",
    FileFault.END_MISSING: "has no END line",
}

_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})
_NO_HOLDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


class TrustStore:
    """Anchors by subject name, and intermediates that were given along with them.

    Every certificate is an anchor, as for browsers, Go, Java and OpenSSL's -partial_chain:
    whoever gives the file vouches for what is in it, self-signed or not, whatever its
    version and whether or not it may issue. One that may not is an anchor for nothing but
    itself. `with_self_signed_only` gives OpenSSL's other reading.

    Args:
        certificates: in any order; duplicates count once.
        sources: where they came from, as the user named it.
        refused: one line for each certificate, or place, that could not be read.
        holders: the sources that hold a certificate, by SHA-256; those not named there are
            held by all `sources`.
        explicit: SHA-256 of those that are anchors under either reading.
    """

    __slots__ = (
        "_anchors",
        "_by_subject",
        "_explicit",
        "_holders",
        "_intermediates",
        "_self_signed_only",
        "refused",
        "sources",
    )

    def __init__(
        self,
        certificates: Iterable[Certificate],
        *,
        sources: Sequence[str] = (),
        refused: Sequence[str] = (),
        holders: Mapping[str, tuple[str, ...]] = _NO_HOLDERS,
        explicit: Collection[str] = (),
    ) -> None:
        unique = {certificate.sha256: certificate for certificate in certificates}
        # Sorted, so that no answer depends on the order of files.
        self._anchors = dict(sorted(unique.items()))
        self._by_subject = _by_subject(self._anchors.values())
        self._intermediates: dict[bytes, tuple[Certificate, ...]] = {}
        self._explicit = frozenset(explicit)
        self._holders = holders
        self._self_signed_only: TrustStore | None = None
        self.sources = tuple(dict.fromkeys(sources))
        self.refused = tuple(refused)

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
        return self._by_subject.get(name_key(certificate.issuer), ())

    def intermediates_of(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Give the intermediates that have the name of the certificate's issuer."""
        return self._intermediates.get(name_key(certificate.issuer), ())

    def holds(self, certificate: Certificate) -> bool:
        """Say whether the certificate was given, as an anchor or as an intermediate."""
        row = self._intermediates.get(name_key(certificate.subject), ())
        return self.is_anchor(certificate) or any(one.sha256 == certificate.sha256 for one in row)

    def sources_of(self, certificate: Certificate) -> tuple[str, ...]:
        """Name the sources that hold this anchor, in the order given; () when none does."""
        if not self.is_anchor(certificate):
            return ()
        return self._holders.get(certificate.sha256, self.sources)

    def with_anchor(self, certificate: Certificate) -> TrustStore:
        """Give a store that trusts this certificate as well, whatever it is; for asking only.

        No source holds it unless one did before.
        """
        store = copy(self)
        sha256, subject = certificate.sha256, name_key(certificate.subject)
        if sha256 not in self._anchors:
            row = self._by_subject.get(subject, ())
            store._anchors = self._anchors | {sha256: certificate}
            store._by_subject = self._by_subject | {subject: (*row, certificate)}
            store._holders = {**self._holders, sha256: ()}
        store._explicit = self._explicit | {sha256}
        store._self_signed_only = None
        return store

    def with_self_signed_only(self) -> TrustStore:
        """Give the store in which only certificates that signed themselves are anchors.

        OpenSSL reads a trust file this way unless told -partial_chain (openssl-
        verification-options(1)), apart from those whose trust settings name servers. The
        others help every path, although no server sent them. That one signed itself is
        taken from its names and key identifiers. Made once and kept.
        """
        if self._self_signed_only is None:
            store = copy(self)
            helpers = [
                one
                for sha256, one in self._anchors.items()
                if sha256 not in self._explicit
                and (not is_self_issued(one) or keys_contradict(one, one))
            ]
            demoted = {one.sha256 for one in helpers}
            store._anchors = {
                sha256: one for sha256, one in self._anchors.items() if sha256 not in demoted
            }
            store._by_subject = _by_subject(store._anchors.values())
            store._intermediates = _by_subject((*self.intermediates, *helpers))
            store._self_signed_only = store
            self._self_signed_only = store
        return self._self_signed_only

    def union(self, *others: TrustStore) -> TrustStore:
        """Give a store that trusts what any of them trusts."""
        stores = (self, *others)
        holders: dict[str, tuple[str, ...]] = {}
        for store in stores:
            for one in store.anchors:
                named = (*holders.get(one.sha256, ()), *store.sources_of(one))
                holders[one.sha256] = tuple(dict.fromkeys(named))
        return TrustStore(
            [one for store in stores for one in store.anchors],
            sources=[source for store in stores for source in store.sources],
            refused=[line for store in stores for line in store.refused],
            holders=holders,
            explicit=[sha256 for store in stores for sha256 in store._explicit],
        )


def _by_subject(certificates: Iterable[Certificate]) -> dict[bytes, tuple[Certificate, ...]]:
    found: dict[bytes, tuple[Certificate, ...]] = {}
    for one in certificates:
        key = name_key(one.subject)
        found[key] = (*found.get(key, ()), one)
    return found


def load_trust(
    sources: Sequence[str],
    *,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
    bundles: Sequence[str] = SYSTEM_BUNDLES,
    security: str = SECURITY,
    may_be_empty: bool = False,
) -> TrustStore:
    """Load the union of trust files and, by their words, this machine's or Mozilla's roots.

    Args:
        sources: `system`, `mozilla`, paths of PEM files with one or many certificates, of a
            DER file with one, or of directories of such files; none at all means `system`.
        environ: the environment: `SSL_CERT_FILE` and `SSL_CERT_DIR` name the system's roots,
            as they do for programs that use OpenSSL.
        bundles: where systems keep their roots, the first that exists is taken.
        security: macOS's program for keychains.
        may_be_empty: whether a file or directory is taken that has no anchor in it: one that
            is empty, or whose certificates cannot be read or are not trusted for servers.
            `refused` of the store says so.

    Raises:
        UsageError: a file or directory is missing, unreadable, too large or holds no
            certificate, or the system's roots are nowhere.
    """
    stores = []
    for source in dict.fromkeys(sources or (SYSTEM,)):
        if source == SYSTEM:
            stores.append(load_system(environ, bundles, security))
        elif source == MOZILLA:
            stores.append(load_mozilla())
        else:
            load = load_directory if _is_directory(source) else load_file
            stores.append(load(source, may_be_empty=may_be_empty))
    return stores[0].union(*stores[1:]) if len(stores) > 1 else stores[0]


def load_system(
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
    bundles: Sequence[str] = SYSTEM_BUNDLES,
    security: str = SECURITY,
) -> TrustStore:
    """Load this machine's own roots; arguments and errors as in `load_trust`.

    What the environment names stands in the place of everything else: whoever sets
    `SSL_CERT_FILE` to one root means to trust that root alone, whatever directory OpenSSL
    would look into besides.
    """
    named = _load_named(environ)
    if named is not None:
        return named
    keychains = Path(security).is_file()
    if keychains:
        from fleetscan.pki.keychain import keychain_certificates

        if found := keychain_certificates(security):
            return TrustStore(found, sources=(SYSTEM,))
    store = _load_bundle(bundles)
    if store is None:
        raise UsageError(
            "this system's root certificates were not found: install ca-certificates, set "
            "SSL_CERT_FILE, or give a PEM file or 'mozilla' with --trust"
        )
    if keychains:
        store.refused += (f"the keychains could not be read with {printable(security)}",)
    return store


def _load_bundle(bundles: Sequence[str]) -> TrustStore | None:
    for bundle in bundles:
        if Path(bundle).is_file():
            return load_file(bundle, source=SYSTEM)
        if _is_directory(bundle) and _certificate_files(bundle):
            return load_directory(bundle, source=SYSTEM)
    return None


def _load_named(environ: Mapping[str, str]) -> TrustStore | None:
    """What SSL_CERT_FILE and SSL_CERT_DIR name; None where neither is set."""
    stores = []
    file = environ.get("SSL_CERT_FILE", "")
    directories = environ.get("SSL_CERT_DIR", "")
    if file:
        stores.append(load_file(file, why=" (named by SSL_CERT_FILE)", source=SYSTEM))
    # Lists name places that other machines have: those that are not here do no harm.
    for name in filter(_is_directory, directories.split(os.pathsep)):
        if _certificate_files(name):
            why = " (named by SSL_CERT_DIR)"
            stores.append(load_directory(name, why=why, source=SYSTEM))
    if directories and not stores:
        raise UsageError(
            f"SSL_CERT_DIR names no directory with certificates: {printable(directories)}"
        )
    return stores[0].union(*stores[1:]) if stores else None


def load_mozilla() -> TrustStore:
    """Load Mozilla's roots for servers, of the release of `certifi` that is installed."""
    import certifi

    return load_file(certifi.where(), source=MOZILLA)


def public_roots() -> frozenset[str]:
    """Give the SHA-256 of the roots that browsers ship, for which Mozilla's stand here."""
    return frozenset(one.sha256 for one in load_mozilla().anchors)


def load_directory(
    name: str, *, why: str = "", source: str = "", may_be_empty: bool = False
) -> TrustStore:
    """Load every certificate file of a directory, not of those below; errors as in `load_trust`.

    Files are taken by their names: OpenSSL's hashes, or an ending that certificates have. One
    that holds no certificate, but a key, is skipped.

    Args:
        name: the directory's path.
        why: put behind the path in messages.
        source: what the certificates are said to come from; by default the path.
        may_be_empty: as for `load_trust`.
    """
    place = f"trust directory {printable(name)}{why}"
    found = _Found()
    room = limits.MAX_TRUST_FILE
    for path in _certificate_files(name):
        try:
            octets = _read(path, f"{place}: {printable(os.path.basename(path))}")
        except UsageError as error:
            found.refused.append(str(error))
            continue
        room -= len(octets)
        if room < 0:
            raise UsageError(f"{place} holds more than {limits.MAX_TRUST_FILE} octets")
        found.add(octets, f"{place}: {printable(os.path.basename(path))}")
    if not found.certificates:
        nothing = (
            f"{place} holds no certificate in a file named *.pem, *.crt, *.cer, *.der or "
            "by its hash"
        )
        if not may_be_empty:
            raise UsageError(f"{nothing}: {found.refused[0]}" if found.refused else nothing)
        found.refused.append(nothing)
    return found.store(source or name)


def load_file(
    name: str, *, why: str = "", source: str = "", may_be_empty: bool = False
) -> TrustStore:
    """Load one PEM or DER file; arguments as in `load_directory`, errors as in `load_trust`."""
    place = f"trust file {printable(name)}{why}"
    octets = _read(name, place)
    found = _Found()
    found.add(octets, place)
    if found.certificates:
        return found.store(source or name)
    if not octets.strip():
        nothing = f"{place} is empty: give a file with PEM or DER certificates"
    elif found.refused:
        nothing = f"no certificate can be read: {found.refused[0]}"
    elif found.rejected:
        nothing = f"{place} holds no certificate that is trusted for servers"
    else:
        # What it is was never meant to be certificates: whoever named it meant another file.
        may_be_empty = False
        nothing = f"{place} holds no certificate: give PEM (-----BEGIN CERTIFICATE-----) or DER"
    if not may_be_empty:
        raise UsageError(nothing)
    if not found.refused:
        found.refused.append(nothing)
    return found.store(source or name)


class _Found:
    """The certificates of one source, while it is read."""

    __slots__ = ("certificates", "explicit", "refused", "rejected")

    def __init__(self) -> None:
        self.certificates: list[Certificate] = []
        self.explicit: list[str] = []
        self.refused: list[str] = []
        self.rejected = 0

    def add(self, octets: bytes, place: str) -> None:
        file = read_certificates(octets)
        for number, encoded in enumerate(file.certificates, start=1):
            if refused := self._take(encoded):
                self.refused.append(f"{place}: certificate {number}{refused}")
        if file.is_cut or not file.certificates:
            self.refused += (f"{place}: {remark}" for remark in file.remarks)

    def _take(self, encoded: Encoded) -> str:
        """Take one certificate, unless its settings forbid it; what is wrong, "" for nothing."""
        if encoded.fault is not None:
            return f" {_FAULTS[encoded.fault]}"
        settings = read_trust_settings(encoded.settings)
        if settings is None:
            return " has trust settings that cannot be read"
        if settings.rejected:
            self.rejected += 1
            return ""
        try:
            certificate = parse_certificate(encoded.octets)
        except ParseError as error:
            return f": {error}"
        self.certificates.append(certificate)
        if settings.trusted:
            self.explicit.append(certificate.sha256)
        return ""

    def store(self, source: str) -> TrustStore:
        return TrustStore(
            self.certificates, sources=(source,), refused=self.refused, explicit=self.explicit
        )


def _is_directory(name: str) -> bool:
    return bool(name) and os.path.isdir(name)


def _certificate_files(directory: str) -> list[str]:
    """Its certificate files, each once however many links it has, by name.

    Raises:
        UsageError: it cannot be listed, or has more entries than a directory of roots has.
    """
    place = f"trust directory {printable(directory)}"
    names: list[str] = []
    try:
        with os.scandir(directory) as entries:
            # Ends: the bound below.
            for entry in entries:
                names.append(entry.name)
                if len(names) > limits.MAX_TRUST_DIRECTORY:
                    raise UsageError(f"{place} has more than {limits.MAX_TRUST_DIRECTORY} entries")
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}") from error
    unique: dict[tuple[int, int], str] = {}
    for name in sorted(names):
        path = os.path.join(directory, name)
        # A link that leads nowhere, or in a circle, is no file.
        if _CERTIFICATE_FILE.fullmatch(name) and os.path.isfile(path):
            status = os.stat(path)
            unique.setdefault((status.st_dev, status.st_ino), path)
    return list(unique.values())


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

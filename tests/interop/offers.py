"""What the client says in one row of the matrix: a hello profile with a few things changed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from fleetscan.registry import (
    certificate_compressions,
    cipher_suites,
    groups,
    signature_schemes,
    versions,
)
from fleetscan.registry import extension_types as extension
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import PROFILES

# What means nothing in a hello that does not offer TLS 1.3 (RFC 8446 section 4.2), or not
# TLS 1.2 (RFC 5246 section 7.4.1.4.1): a client of those days did not send it.
_SINCE_TLS13: Final = frozenset(
    {
        extension.SUPPORTED_VERSIONS,
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.COOKIE,
        extension.COMPRESS_CERTIFICATE,
        extension.SIGNATURE_ALGORITHMS_CERT,
    }
)
_SINCE_TLS12: Final = frozenset({extension.SIGNATURE_ALGORITHMS})
# What the broad profile leaves out or says in a cipher suite value, which an offer replaces.
_BESIDE: Final = (
    extension.RENEGOTIATION_INFO,
    extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    extension.COMPRESS_CERTIFICATE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One hello, in the registries' names; what is empty is as the profile has it.

    Args:
        title: what this offer asks for, unique within a server.
        hello: the profile that is changed.
        shares: groups that get a key share; empty: those of `groups`, or the profile's.
        compressions: algorithms of compress_certificate.
        without: extension types that are left out.
        alpn: application protocols.
        compatible: whether it takes care of middleboxes (RFC 8446 appendix D.4).
    """

    title: str
    hello: str = "broad"
    versions: tuple[str, ...] = ()
    cipher_suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    signature_schemes: tuple[str, ...] = ()
    compressions: tuple[str, ...] = ()
    without: frozenset[int] = frozenset()
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    compatible: bool = True

    def profile(self) -> HelloProfile:
        """The profile that says this."""
        base = PROFILES[self.hello]
        chosen = codes(groups.NAMES, self.groups) or base.groups
        shares = codes(groups.NAMES, self.shares or self.groups) or base.key_share_groups
        return dataclasses.replace(
            base,
            versions=codes(versions.NAMES, self.versions) or base.versions,
            cipher_suites=codes(cipher_suites.NAMES, self.cipher_suites) or base.cipher_suites,
            groups=chosen,
            key_share_groups=shares,
            signature_schemes=codes(signature_schemes.NAMES, self.signature_schemes)
            or base.signature_schemes,
            certificate_compressions=codes(certificate_compressions.NAMES, self.compressions)
            or base.certificate_compressions,
            extensions=self._extensions(base),
            session_id_octets=base.session_id_octets if self.compatible else 0,
            change_cipher_spec=base.change_cipher_spec and self.compatible,
        )

    def _extensions(self, base: HelloProfile) -> tuple[int, ...]:
        """The base's, and what goes with the one version that is asked for."""
        if not self.versions:
            return tuple(kind for kind in base.extensions if kind not in self.without)
        offered = codes(versions.NAMES, self.versions)
        if max(offered) < versions.TLSV1:
            return ()  # RFC 6101 section 5.6.1.2 has none
        without = set(self.without)
        if versions.TLSV1_3 not in offered:
            without |= _SINCE_TLS13
        if max(offered) < versions.TLSV1_2:
            without |= _SINCE_TLS12
        if not (self.compressions or base.certificate_compressions):
            without.add(extension.COMPRESS_CERTIFICATE)
        every = dict.fromkeys((*base.extensions, *_BESIDE))
        return tuple(kind for kind in every if kind not in without)


def codes(names: dict[int, str], wanted: tuple[str, ...]) -> tuple[int, ...]:
    """The code points of these registered names; ValueError for a name that is none."""
    by_name = {name: code for code, name in names.items()}
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise ValueError(f"not registered: {unknown}")
    return tuple(by_name[name] for name in wanted)

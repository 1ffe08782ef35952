"""What one ClientHello offers, as data (RFC 8446 section 4.1.2).

A profile says everything that does not change from probe to probe. The names of the
fields are those of RFC 8446 section 4. `profiles` has the ones that are shipped,
`overrides` makes others of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleetscan.registry import versions as version

if TYPE_CHECKING:
    from collections.abc import Mapping


# Compared by identity: profiles are constants, and a hello template is looked up
# by its profile for every probe.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HelloProfile:
    """One way to say hello.

    GREASE values (RFC 8701) may stand in every list of code points, and as extension
    types in `raw`; a key share of such a group is one octet.

    Args:
        name: as the result shows it.
        versions: what a server may choose, preferred first. supported_versions lists
            them where `extensions` names it; without it legacy_version says the newest.
            SSL 2.0 has a hello of its own and stands alone.
        cipher_suites: in the order offered.
        groups: supported_groups (RFC 8446 section 4.2.7), in the order offered.
        key_share_groups: those of `groups` that get a share in the first hello.
        signature_schemes: signature_algorithms, in the order offered.
        certificate_compressions: algorithms of compress_certificate (RFC 8879 section 3).
        extensions: types in the order written; server_name and ALPN are skipped when
            there is nothing to say, cookie appears only after a HelloRetryRequest, padding
            (which must be the last) only where a length asks for it (RFC 7685 section 4).
        raw: extension_data of types that the encoder does not build itself, or that
            are to say something else.
        session_id_octets: 32 for middlebox compatibility (RFC 8446 appendix D.4), or 0.
        change_cipher_spec: whether the client sends one under TLS 1.3 (same appendix).
        size: octets that the handshake message is padded to where it is smaller
            (RFC 7685); 0 for no wish. The padding extension takes 4 octets at least.
    """

    name: str
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...] = ()
    key_share_groups: tuple[int, ...] = ()
    signature_schemes: tuple[int, ...] = ()
    certificate_compressions: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    raw: Mapping[int, bytes] = field(default_factory=dict)
    session_id_octets: int = 32
    change_cipher_spec: bool = True
    size: int = 0

    @property
    def legacy_version(self) -> int:
        """The newest version offered, TLS 1.2 at most (RFC 8446 section 4.1.2)."""
        known = [each for each in self.versions if not is_grease(each)]
        return min(max(known), version.TLSV1_2)

    @property
    def record_version(self) -> int:
        """The first record's: TLS 1.0, or SSL 3.0 where nothing newer is offered.

        RFC 8446 section 5.1, RFC 5246 appendix E.1.
        """
        return min(self.legacy_version, version.TLSV1)


def is_grease(code: int) -> bool:
    """Whether a code point is one of those that RFC 8701 section 2 reserves."""
    return code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF

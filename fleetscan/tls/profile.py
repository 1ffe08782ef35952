"""ClientHello profiles: what a hello offers, as data.

A profile says everything that does not change from probe to probe. The names of
the fields are those of RFC 8446 section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fleetscan.registry import cipher_suites as suite
from fleetscan.registry import extension_types as extension
from fleetscan.registry import groups as group
from fleetscan.registry import signature_schemes as scheme
from fleetscan.registry import versions as version

if TYPE_CHECKING:
    from collections.abc import Mapping


# Compared by identity: profiles are constants, and a hello template is looked up
# by its profile for every probe.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HelloProfile:
    """One way to say hello.

    Args:
        name: as the result shows it.
        versions: supported_versions, preferred first. Without TLS 1.3 the extension
            is left out when `extensions` does not name it.
        cipher_suites: in the order offered.
        groups: supported_groups (RFC 8446 section 4.2.7), in the order offered.
        key_share_groups: those of `groups` that get a share in the first hello.
        signature_schemes: signature_algorithms, in the order offered.
        extensions: types in the order written; server_name and ALPN are skipped when
            there is nothing to say, cookie appears only after a HelloRetryRequest, padding
            (which must be the last) only where a length asks for it (RFC 7685 section 4).
        raw: extension_data of types that the encoder does not build itself.
        session_id_octets: 32 for middlebox compatibility (RFC 8446 appendix D.4), or 0.
        change_cipher_spec: whether the client sends one under TLS 1.3 (same appendix).
    """

    name: str
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    key_share_groups: tuple[int, ...]
    signature_schemes: tuple[int, ...]
    extensions: tuple[int, ...]
    raw: Mapping[int, bytes] = field(default_factory=dict)
    session_id_octets: int = 32
    change_cipher_spec: bool = True


MODERN: Final = HelloProfile(
    name="modern",
    versions=(version.TLSV1_3, version.TLSV1_2),
    cipher_suites=(
        suite.TLS_AES_128_GCM_SHA256,
        suite.TLS_CHACHA20_POLY1305_SHA256,
        suite.TLS_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        suite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        # Firefox offers these two, Chrome does not: an ECDSA server without GCM still works.
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA,
    ),
    groups=(group.X25519, group.SECP256R1, group.SECP384R1, group.SECP521R1),
    key_share_groups=(group.X25519, group.SECP256R1),
    signature_schemes=(
        scheme.ECDSA_SECP256R1_SHA256,
        scheme.RSA_PSS_RSAE_SHA256,
        scheme.RSA_PKCS1_SHA256,
        scheme.ECDSA_SECP384R1_SHA384,
        scheme.RSA_PSS_RSAE_SHA384,
        scheme.RSA_PKCS1_SHA384,
        scheme.ECDSA_SECP521R1_SHA512,
        scheme.ED25519,
        scheme.RSA_PSS_RSAE_SHA512,
        scheme.RSA_PKCS1_SHA512,
    ),
    extensions=(
        extension.SERVER_NAME,
        extension.EXTENDED_MASTER_SECRET,
        extension.RENEGOTIATION_INFO,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.SESSION_TICKET,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.STATUS_REQUEST,
        extension.SIGNATURE_ALGORITHMS,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
    ),
)
"""What a current browser offers, without the hybrid post-quantum share."""

PROFILES: Final[dict[str, HelloProfile]] = {MODERN.name: MODERN}

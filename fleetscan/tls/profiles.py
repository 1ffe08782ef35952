"""The hellos that are shipped: data alone."""

from __future__ import annotations

from typing import Final

from fleetscan.registry import certificate_compressions as compression
from fleetscan.registry import cipher_suites as suite
from fleetscan.registry import extension_types as extension
from fleetscan.registry import groups as group
from fleetscan.registry import signature_schemes as scheme
from fleetscan.registry import versions as version
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.tls12_protection import parts_of

# GREASE (RFC 8701): one value each for the lists, two for the extensions.
GREASE_SUITE: Final = 0x3A3A
GREASE_GROUP: Final = 0x4A4A
GREASE_VERSION: Final = 0x5A5A
GREASE_FIRST: Final = 0x6A6A
GREASE_LAST: Final = 0x8A8A

# draft-ietf-tls-esni section 6.2: a client without a key for ECH sends one that nobody can open:
# outer(0), HKDF-SHA256 and AES-128-GCM, config_id, enc<32>, payload of a usual length.
ECH_GREASE: Final = (
    bytes.fromhex("00 0001 0001 5b 0020") + bytes(range(32)) + bytes.fromhex("00b0") + bytes(176)
)

_TLS13_SUITES: Final = (
    suite.TLS_AES_128_GCM_SHA256,
    suite.TLS_AES_256_GCM_SHA384,
    suite.TLS_CHACHA20_POLY1305_SHA256,
)

BROWSER: Final = HelloProfile(
    name="browser",
    versions=(GREASE_VERSION, version.TLSV1_3, version.TLSV1_2),
    cipher_suites=(
        GREASE_SUITE,
        *_TLS13_SUITES,
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
    groups=(
        GREASE_GROUP,
        group.X25519MLKEM768,
        group.X25519,
        group.SECP256R1,
        group.SECP384R1,
        group.SECP521R1,
    ),
    # Firefox has a share of P-256 too, which saves a round trip with servers that know
    # no other curve.
    key_share_groups=(GREASE_GROUP, group.X25519MLKEM768, group.X25519, group.SECP256R1),
    signature_schemes=(
        scheme.ECDSA_SECP256R1_SHA256,
        scheme.RSA_PSS_RSAE_SHA256,
        scheme.RSA_PKCS1_SHA256,
        scheme.ECDSA_SECP384R1_SHA384,
        scheme.RSA_PSS_RSAE_SHA384,
        scheme.RSA_PKCS1_SHA384,
        scheme.ECDSA_SECP521R1_SHA512,
        # No browser sends it yet. OpenSSL, Go and Java do: such a server is not broken.
        scheme.ED25519,
        scheme.RSA_PSS_RSAE_SHA512,
        scheme.RSA_PKCS1_SHA512,
    ),
    certificate_compressions=(compression.BROTLI, compression.ZLIB, compression.ZSTD),
    extensions=(
        GREASE_FIRST,
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
        extension.COMPRESS_CERTIFICATE,
        extension.ENCRYPTED_CLIENT_HELLO,
        GREASE_LAST,
    ),
    raw={
        GREASE_FIRST: b"",
        extension.ENCRYPTED_CLIENT_HELLO: ECH_GREASE,
        GREASE_LAST: b"\x00",
    },
)
"""What Chrome and Firefox send in 2026, taken together: the hybrid share, GREASE of code points
and of encrypted_client_hello, compressed certificates."""

OPENSSL3: Final = HelloProfile(
    name="openssl3",
    versions=(version.TLSV1_3, version.TLSV1_2),
    cipher_suites=(
        suite.TLS_AES_256_GCM_SHA384,
        suite.TLS_CHACHA20_POLY1305_SHA256,
        suite.TLS_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        suite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        suite.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
        suite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
        suite.TLS_DHE_RSA_WITH_AES_256_CBC_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
        suite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
        suite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA256,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA256,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA,
    ),
    groups=(
        group.X25519MLKEM768,
        group.X25519,
        group.SECP256R1,
        group.X448,
        group.SECP384R1,
        group.SECP521R1,
        group.FFDHE2048,
        group.FFDHE3072,
    ),
    key_share_groups=(group.X25519MLKEM768, group.X25519),
    signature_schemes=(
        scheme.MLDSA65,
        scheme.MLDSA87,
        scheme.MLDSA44,
        scheme.ECDSA_SECP256R1_SHA256,
        scheme.ECDSA_SECP384R1_SHA384,
        scheme.ECDSA_SECP521R1_SHA512,
        scheme.ED25519,
        scheme.ED448,
        scheme.ECDSA_BRAINPOOLP256R1TLS13_SHA256,
        scheme.ECDSA_BRAINPOOLP384R1TLS13_SHA384,
        scheme.ECDSA_BRAINPOOLP512R1TLS13_SHA512,
        scheme.RSA_PSS_PSS_SHA256,
        scheme.RSA_PSS_PSS_SHA384,
        scheme.RSA_PSS_PSS_SHA512,
        scheme.RSA_PSS_RSAE_SHA256,
        scheme.RSA_PSS_RSAE_SHA384,
        scheme.RSA_PSS_RSAE_SHA512,
        scheme.RSA_PKCS1_SHA256,
        scheme.RSA_PKCS1_SHA384,
        scheme.RSA_PKCS1_SHA512,
    ),
    extensions=(
        extension.RENEGOTIATION_INFO,
        extension.SERVER_NAME,
        extension.EC_POINT_FORMATS,
        extension.SUPPORTED_GROUPS,
        extension.SESSION_TICKET,
        extension.ENCRYPT_THEN_MAC,
        extension.EXTENDED_MASTER_SECRET,
        extension.SIGNATURE_ALGORITHMS,
        extension.SUPPORTED_VERSIONS,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.KEY_SHARE,
        extension.COOKIE,
    ),
    # uncompressed, and the two compressed forms (RFC 8422 section 5.1.2)
    raw={extension.EC_POINT_FORMATS: bytes.fromhex("03 000102")},
)
"""The defaults of OpenSSL 3.5's s_client, which curl and Python send much alike."""

LEGACY: Final = HelloProfile(
    name="legacy",
    versions=(version.TLSV1_2, version.TLSV1_1, version.TLSV1),
    cipher_suites=(
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_DHE_DSS_WITH_AES_256_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_DHE_DSS_WITH_AES_128_CBC_SHA,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA256,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA256,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA,
        suite.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
        suite.TLS_RSA_WITH_RC4_128_SHA,
        suite.TLS_RSA_WITH_RC4_128_MD5,
        suite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
    ),
    groups=(group.SECP256R1, group.SECP384R1, group.SECP521R1),
    signature_schemes=(
        scheme.RSA_PKCS1_SHA512,
        scheme.ECDSA_SECP521R1_SHA512,
        scheme.RSA_PKCS1_SHA384,
        scheme.ECDSA_SECP384R1_SHA384,
        scheme.RSA_PKCS1_SHA256,
        scheme.ECDSA_SECP256R1_SHA256,
        scheme.DSA_SHA256,
        scheme.RSA_PKCS1_SHA1,
        scheme.ECDSA_SHA1,
        scheme.DSA_SHA1,
    ),
    extensions=(
        extension.SERVER_NAME,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.SIGNATURE_ALGORITHMS,
    ),
    session_id_octets=0,
)
"""What Java 7, Windows 7 and appliances of their time send: no AEAD, no curve of today."""

MINIMAL: Final = HelloProfile(
    name="minimal",
    versions=(version.TLSV1_3, version.TLSV1_2),
    cipher_suites=(
        *_TLS13_SUITES,
        suite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        suite.TLS_RSA_WITH_AES_128_GCM_SHA256,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
    ),
    groups=(group.X25519, group.SECP256R1, group.SECP384R1),
    key_share_groups=(group.X25519,),
    signature_schemes=(
        scheme.ECDSA_SECP256R1_SHA256,
        scheme.RSA_PSS_RSAE_SHA256,
        scheme.RSA_PKCS1_SHA256,
        scheme.ECDSA_SECP384R1_SHA384,
        scheme.RSA_PSS_RSAE_SHA384,
        scheme.RSA_PKCS1_SHA384,
        scheme.ED25519,
    ),
    extensions=(
        extension.SERVER_NAME,
        extension.SUPPORTED_GROUPS,
        extension.SIGNATURE_ALGORITHMS,
        extension.KEY_SHARE,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
    ),
    session_id_octets=0,
    change_cipher_spec=False,
)
"""The smallest hello that TLS 1.3 and 1.2 servers must answer (RFC 8446 section 9.2); the name
is what is asked for, and stays."""

# What somebody's server has that this client knows by name only: one of each kind at least.
# wolfSSL refuses a hello of more than 150 suites (5.5.4: 150 is answered, 151 is a decode_error)
# and others were seen to stop at 128, so not everything that was ever registered can be here.
_BY_NAME_ONLY: Final = (
    suite.TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256,
    suite.TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384,
    suite.TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256,
    suite.TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384,
    suite.TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256,
    suite.TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384,
    suite.TLS_RSA_WITH_ARIA_128_GCM_SHA256,
    suite.TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256,
    suite.TLS_RSA_WITH_SEED_CBC_SHA,
    suite.TLS_RSA_WITH_IDEA_CBC_SHA,
    suite.TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA,
    suite.TLS_ECDH_RSA_WITH_AES_128_CBC_SHA,
    suite.TLS_DH_RSA_WITH_AES_128_CBC_SHA,
    suite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    suite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
    suite.TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA,
    suite.TLS_DHE_PSK_WITH_AES_256_GCM_SHA384,
    suite.TLS_RSA_PSK_WITH_AES_256_GCM_SHA384,
    suite.TLS_PSK_WITH_AES_128_GCM_SHA256,
    suite.TLS_PSK_WITH_AES_256_GCM_SHA384,
    suite.TLS_PSK_WITH_AES_128_CCM_8,
    suite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256,
    suite.TLS_PSK_WITH_AES_128_CBC_SHA256,
    suite.TLS_PSK_WITH_AES_128_CBC_SHA,
    suite.TLS_PSK_WITH_AES_256_CBC_SHA,
    suite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA,
    suite.TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA,
    suite.TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC,
    suite.TLS_GOSTR341112_256_WITH_28147_CNT_IMIT,
    suite.TLS_GOSTR341001_WITH_28147_CNT_IMIT,
    suite.TLS_KRB5_WITH_RC4_128_SHA,
    suite.TLS_DH_anon_WITH_AES_128_GCM_SHA256,
    suite.TLS_DH_anon_WITH_AES_256_CBC_SHA,
    suite.TLS_DH_anon_WITH_3DES_EDE_CBC_SHA,
    suite.TLS_DH_anon_WITH_RC4_128_MD5,
    suite.TLS_ECDH_anon_WITH_AES_128_CBC_SHA,
    suite.TLS_ECDH_anon_WITH_AES_256_CBC_SHA,
    suite.TLS_RSA_WITH_DES_CBC_SHA,
    suite.TLS_DHE_RSA_WITH_DES_CBC_SHA,
    suite.TLS_RSA_EXPORT_WITH_RC4_40_MD5,
    suite.TLS_RSA_EXPORT_WITH_DES40_CBC_SHA,
    suite.TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA,
    suite.TLS_ECDHE_ECDSA_WITH_NULL_SHA,
    suite.TLS_ECDHE_RSA_WITH_NULL_SHA,
    suite.TLS_RSA_WITH_NULL_SHA256,
    suite.TLS_RSA_WITH_NULL_SHA,
    suite.TLS_RSA_WITH_NULL_MD5,
)

# Curves written out in full (RFC 8422 section 5.4 did away with them), which nobody here reads.
_NOT_READ: Final = frozenset(
    {group.ARBITRARY_EXPLICIT_PRIME_CURVES, group.ARBITRARY_EXPLICIT_CHAR2_CURVES}
)

# Sound first, so that a server that lets the client decide decides well.
_BY_STRENGTH: Final = ("GCM", "CHACHA20", "CCM", "CBC", "")


def _strength(code: int) -> tuple[bool, bool, bool, int]:
    parts = suite.describe(code)
    assert parts is not None
    kind = next(at for at, word in enumerate(_BY_STRENGTH) if word in parts.encryption)
    return bool(parts.weakness), code in _BY_NAME_ONLY, not parts.forward_secrecy, kind


_GROUPS_FIRST: Final = (group.X25519, group.SECP256R1, group.X25519MLKEM768)

BROAD: Final = HelloProfile(
    name="broad",
    versions=(version.TLSV1_3, version.TLSV1_2, version.TLSV1_1, version.TLSV1, version.SSLV3),
    cipher_suites=(
        *_TLS13_SUITES,
        suite.TLS_AES_128_CCM_SHA256,
        suite.TLS_AES_128_CCM_8_SHA256,
        *sorted((*filter(parts_of, suite.NAMES), *_BY_NAME_ONLY), key=_strength),
        suite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
    ),
    groups=(
        *_GROUPS_FIRST,
        *sorted(set(group.NAMES) - _NOT_READ - set(_GROUPS_FIRST)),
    ),
    key_share_groups=(group.X25519, group.SECP256R1),
    # Those in use first: wolfSSL reads the beginning of a long list only.
    signature_schemes=(
        *OPENSSL3.signature_schemes,
        *sorted(set(scheme.NAMES) - set(OPENSSL3.signature_schemes), reverse=True),
    ),
    extensions=(
        extension.SERVER_NAME,
        extension.EXTENDED_MASTER_SECRET,
        extension.ENCRYPT_THEN_MAC,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.SESSION_TICKET,
        extension.STATUS_REQUEST,
        extension.SIGNATURE_ALGORITHMS,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
    ),
)
"""Everything that this client completes, every group and scheme that has a name, and some of each
kind of suite that it knows by name; small enough for one segment: no hybrid share (a server that
wants one asks), and no ALPN, which can only make a server say no."""

SSL3: Final = HelloProfile(
    name="ssl3",
    versions=(version.SSLV3,),
    cipher_suites=(
        suite.TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_RSA_WITH_AES_256_CBC_SHA,
        suite.TLS_RSA_WITH_AES_128_CBC_SHA,
        suite.TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA,
        suite.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
        suite.TLS_RSA_WITH_RC4_128_SHA,
        suite.TLS_RSA_WITH_RC4_128_MD5,
        suite.TLS_RSA_WITH_DES_CBC_SHA,
        suite.TLS_RSA_EXPORT_WITH_RC4_40_MD5,
        suite.TLS_RSA_EXPORT_WITH_DES40_CBC_SHA,
        suite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
    ),
    session_id_octets=0,
)
"""SSL 3.0 alone, which knew no extensions (RFC 6101 section 5.6.1.2)."""

SSL2: Final = HelloProfile(
    name="ssl2", versions=(version.SSLV2,), cipher_suites=(), session_id_octets=0
)
"""SSL 2.0 alone, in its own form; `ssl2` has the cipher kinds."""

PROFILES: Final[dict[str, HelloProfile]] = {
    profile.name: profile for profile in (BROWSER, OPENSSL3, LEGACY, BROAD, MINIMAL, SSL3, SSL2)
}

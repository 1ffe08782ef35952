"""In which versions of TLS a cipher suite exists, whether or not this client can finish it."""

from __future__ import annotations

from typing import Final

from fleetscan.registry import cipher_suites, versions

# Ciphers that authenticate themselves need TLS 1.2's record (RFC 5246 section 6.2.3.3), and
# the CTR with OMAC of RFC 9189 section 4 begins there too.
TLS12_MODES: Final = ("GCM", "CCM", "POLY1305", "OMAC")

# Suites that name a hash for the PRF begin with TLS 1.2 (RFC 5246 section 1.2), but for those
# with a PSK: before it they use the version's own PRF (RFC 5487 section 3, RFC 5489 section 3.2).
TLS12_HASHES: Final = frozenset({"SHA256", "SHA384"})
OLDER_PRF_TOO: Final = frozenset({"PSK", "RSA_PSK"})


def exists_in(code: int, version: int) -> bool:
    """Whether a suite is one of that version; a code point without a name is of none."""
    suite = cipher_suites.describe(code)
    if suite is None:
        return False
    # TLS 1.3's suites negotiate neither key exchange nor authentication.
    if version == versions.TLSV1_3 or suite.key_exchange == "any":
        return (suite.key_exchange == "any") == (version == versions.TLSV1_3)
    return version == versions.TLSV1_2 or not _begins_with_tls12(suite)


def _begins_with_tls12(suite: cipher_suites.CipherSuite) -> bool:
    if any(mode in suite.encryption for mode in TLS12_MODES):
        return True
    return suite.hash in TLS12_HASHES and suite.authentication not in OLDER_PRF_TOO

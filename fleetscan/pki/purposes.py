"""What a key may be used for, as certificates write it down."""

from __future__ import annotations

from typing import Final

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
"""Purposes of extKeyUsage, RFC 5280 section 4.2.1.12."""

SERVER_GATED_CRYPTO: Final = frozenset({"2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3"})
"""Netscape's and Microsoft's word for servers that were allowed strong cryptography in the 1990s;
what was made then is still taken by some."""

KEY_CERT_SIGN: Final = 1 << 5
"""A bit of keyUsage, RFC 5280 section 4.2.1.3."""

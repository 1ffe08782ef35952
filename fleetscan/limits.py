"""Every bound on what a peer or an inventory may make us do, each with its source."""

from __future__ import annotations

from typing import Final

# -- records and messages ----------------------------------------------------

MAX_PLAINTEXT: Final = 1 << 14
"""TLSPlaintext.length, octets (RFC 8446 section 5.1)."""

MAX_CIPHERTEXT_TLS13: Final = MAX_PLAINTEXT + 256
"""TLSCiphertext.length under TLS 1.3, octets (RFC 8446 section 5.2)."""

MAX_CIPHERTEXT_TLS12: Final = MAX_PLAINTEXT + 2048
"""TLSCiphertext.length up to TLS 1.2, octets (RFC 5246 section 6.2.3)."""

MAX_HANDSHAKE_MESSAGE: Final = 1 << 18
"""Octets of one handshake message. The format allows 2^24; the largest honest flight seen
in public scans (a hundred certificates) stays under a quarter of a megabyte."""

MAX_FLIGHT: Final = 1 << 20
"""Octets read from one peer in one probe, whatever they say."""

MAX_EMPTY_RECORDS: Final = 32
"""Records without content in a row; RFC 8446 section 5.1 lets a receiver set a bound."""

MAX_WARNING_ALERTS: Final = 8
"""Alerts of level warning in one handshake; honest servers send one at most."""

MAX_HISTORY: Final = 64
"""Letters of the history that are kept."""

MAX_STARTTLS_LINE: Final = 1_024
"""Octets of one line of a plain dialogue; RFC 5321 section 4.5.3.1.5 has 512."""

MAX_STARTTLS_LINES: Final = 100
"""Lines of one plain dialogue."""

MAX_CERTIFICATES: Final = 64
"""Certificates of one Certificate message that are looked at; more are counted only."""

MAX_CERTIFICATE: Final = 1 << 17
"""Octets of one certificate that are parsed."""

FIRST_OCTETS: Final = 64
"""Octets kept as evidence when a peer did not speak TLS (result schema)."""

BANNER_OCTETS: Final = 4_096
"""Octets of a plain protocol that are read before it is named."""

# -- certificates and paths --------------------------------------------------

MAX_RSA_BITS: Final = 8_192
MAX_RSA_EXPONENT_BITS: Final = 33
MAX_NAME_CONSTRAINT_WORK: Final = 50_000
MAX_CANDIDATE_ISSUERS: Final = 10
MAX_PATH_LENGTH: Final = 10
MAX_SIGNATURE_CHECKS: Final = 64
"""Signatures verified for one target, repairs included: a hostile chain of 64
certificates that all issue each other would otherwise cost their square."""

MAX_PATH_STEPS: Final = 512
"""Times one target's search may lengthen a path: 64 certificates whose links all hold
would otherwise give paths without end although each link is checked once."""

MAX_CACHED_SIGNATURES: Final = 16_384
"""Checked links kept for later targets, about 5 MB."""

MAX_CACHED_KEYS: Final = 1_024
"""Loaded issuer keys kept for later targets."""

MAX_AUTHORITIES: Final = 4_096
MAX_AUTHORITIES_PER_SUBJECT: Final = 16
MAX_AUTHORITY_OCTETS: Final = 8_192
"""CA certificates seen in a run and kept, of one subject, and octets of one: larger ones
are used for the target that sent them and not remembered."""

MAX_TRUST_FILE: Final = 1 << 24
"""Octets of one file of trust anchors; the system's bundles are a quarter of a megabyte."""

MAX_NAME_SHOWN: Final = 1_024
"""Characters of one distinguished name or reference name in a result."""

# -- results -----------------------------------------------------------------

MAX_LINE: Final = 8_000
"""Octets of one result line without its newline: rsyslog cuts at about 8.1 kB."""

MAX_LABELS: Final = 32
MAX_LABEL_KEY: Final = 64
MAX_LABEL_VALUE: Final = 256
MAX_SAN_SHOWN: Final = 20

# -- inventories -------------------------------------------------------------

MAX_INVENTORY_LINE: Final = 65_536
"""Octets of one inventory line: longer ones are reported and skipped, never kept."""

MAX_NAME: Final = 253
"""Characters of a DNS name in presentation form (RFC 1035 section 2.3.4)."""

# -- politeness (defaults that the command line can only make gentler or name) --

DEFAULT_CONCURRENCY: Final = 1_000
ADDRESS_IN_FLIGHT: Final = 2
ADDRESS_PER_SECOND: Final = 20
PREFIX_IN_FLIGHT: Final = 64
IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48

MAX_HELD_RESULTS: Final = 5_000
"""Failing results kept back because the rest of the fleet may still explain them."""

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

MAX_HANDSHAKE_MESSAGE: Final = 36 * 1024
"""Octets of one handshake message, and of what is kept of a handshake together: a connection in
flight holds them beside at most one record, under 64 KiB in all. What is kept twice, as a hello
and a staple are, counts twice. Java stops at 32,768 (jdk.tls.maxHandshakeMessageSize), and a
chain of four ML-DSA-87 certificates has 30,000."""

MIN_MESSAGE_ROOM: Final = 6 * 1024
"""Octets that a message may always have, however much is kept already: a CertificateVerify
with ML-DSA-87 has 4,635."""

MAX_FLIGHT: Final = 1 << 18
"""Octets read from one peer in one probe, whatever they say: six times as much as is kept."""

MAX_EXTENSIONS: Final = 100
"""Extensions of one message; the registry has some 60, and a server may only answer ours."""

MAX_INFLATED: Final = MAX_HANDSHAKE_MESSAGE
"""Octets of a compressed certificate once it is open (RFC 8879 section 4 wants a bound)."""

MAX_ZSTD_WINDOW: Final = 1 << 23
"""Octets of the window that a zstd frame may ask for: what RFC 8878 section 3.1.1.1.2 recommends
that every decoder supports."""

MAX_EMPTY_RECORDS: Final = 32
"""Records without content in a row; RFC 8446 section 5.1 lets a receiver set a bound."""

MAX_WARNING_ALERTS: Final = 8
"""Alerts of level warning in one handshake; honest servers send one at most."""

MAX_HISTORY: Final = 64
"""Letters of the history that are kept."""

MAX_SSL2_RECORD: Final = 1 << 14
"""Octets of a record of SSL 2.0, whose header allows 32,767: the certificate of a server that old
has 2,000 at most, and a connection in flight holds the record twice over for a moment."""

MAX_SSL2_CIPHER_SPECS: Final = 64
"""Cipher kinds of a SERVER-HELLO; the protocol ever had seven."""

MAX_STARTTLS_MESSAGE: Final = 8_192
"""Octets of one line, tag or packet of a plain dialogue. SMTP's lines have 512 (RFC 5321
section 4.5.3.1.5), IMAP's, the longest, 8,192 (RFC 7162 section 4)."""

MAX_STARTTLS_MESSAGES: Final = 512
"""Lines, tags or packets of one plain dialogue; welcomes of FTP servers have a hundred lines."""

MAX_STARTTLS_OFFER: Final = 400
"""Characters kept of what a server offers in place of TLS: evidence shows no more."""

MAX_PROXY_HEADER: Final = 16_384
"""Octets of a proxy's whole answer to CONNECT, interim responses included; RFC 9110
section 5.4 leaves the bound to the recipient. Twice what common servers and clients take."""

MAX_PROXY_CREDENTIAL: Final = 255
"""Octets of a user name or a password for a proxy: what SOCKS5 can carry (RFC 1929 section 2)."""

MAX_PUBLIC_KEY: Final = 4_096
"""Octets of a SubjectPublicKeyInfo that is looked at: ML-DSA-87's has 2,614, RSA-8192's 1,056."""

MAX_CERTIFICATES: Final = 64
"""Certificates of one Certificate message. Java stops at 10
(jdk.tls.maxCertificateChainLength); a bundle of roots, sent by mistake, has 140."""

MAX_CERTIFICATE: Final = 1 << 17
"""Octets of one certificate that are parsed."""

FIRST_OCTETS: Final = 64
"""Octets kept as evidence when a peer did not speak TLS (result schema)."""

BANNER_OCTETS: Final = 4_096
"""Octets of a plain protocol that are read before it is named."""

MAX_DH_BITS: Final = 8_192
"""Bits of a finite-field prime that is calculated with: the longest of RFC 7919 (appendix A.5).
One exchange takes 60 ms then, and eight times as long for each doubling."""

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
PROXY_IN_FLIGHT: Final = 64
"""Connections to one proxy at once: it is one host that others need too, and small ones
stop accepting at a hundred."""

IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48

MAX_HELD_RESULTS: Final = 5_000
"""Failing results kept back because the rest of the fleet may still explain them."""

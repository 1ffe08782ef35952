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
"""Comparisons of names with name constraints in one assessment, for DNS names of their labels: a
microsecond each, about."""

MAX_NAME_CONSTRAINT_PAIRS: Final = 1 << 20
"""Names of a certificate times the constraints of one authority: beyond that OpenSSL
(NAME_CHECK_MAX) and Chrome (kMaxChecks) refuse the path, whatever the names are."""

MAX_POLICY_OCTETS: Final = 1 << 12
"""Octets of an extension that names certificate policies: ten certificates full of them take
10 ms. OpenSSL bounds the same work at 1,000 nodes (POLICY_TREE_NODES_MAX)."""

MAX_POLICY_FILE: Final = 1 << 16
"""Octets of a policy of the user's; one that sets everything has two thousand."""

MAX_CANDIDATE_ISSUERS: Final = 10
MAX_PATH_LENGTH: Final = 10
MAX_SIGNATURE_CHECKS: Final = 64
"""Signatures verified for one target, repairs included: a hostile chain of 64
certificates that all issue each other would otherwise cost their square."""

MAX_SIGNATURE_WORK: Final = 20_000
"""Microseconds, about, that one target's signatures may cost to check (`verification_cost`):
64 with keys on the slowest curves would cost twice as much, an honest chain costs 1,000 at most."""

MAX_EXAMINED_PATHS: Final = 64
"""Paths of one chain that are looked at rule by rule; honest ones have three or four."""

MAX_PATH_STEPS: Final = 512
"""Times one target's search may lengthen a path: 64 certificates whose links all hold
would otherwise give paths without end although each link is checked once."""

MAX_CACHED_SIGNATURES: Final = 16_384
"""Checked links kept for later targets, of leaves and of authorities each, about 5 MB."""

MAX_CACHED_KEYS: Final = 1_024
"""Loaded issuer keys kept for later targets."""

MAX_AUTHORITIES: Final = 4_096
MAX_AUTHORITIES_PER_SUBJECT: Final = 16
MAX_AUTHORITY_OCTETS: Final = 8_192
"""CA certificates seen in a run and kept, of one subject, and octets of one: larger ones
are used for the target that sent them and not remembered."""

MAX_TRUST_FILE: Final = 1 << 24
"""Octets of one file of trust anchors, or of a directory's files together; the system's bundles
are a quarter of a megabyte."""

MAX_TRUST_DIRECTORY: Final = 8_192
"""Entries of a directory of trust anchors: Debian's has 290, hashes and names together."""

KEYCHAIN_DEADLINE_S: Final = 10.0
"""Seconds that macOS's `security` may take for one keychain; it answers in a tenth of one."""

MAX_OCSP_RESPONSE: Final = 1 << 16
"""Octets of an OCSP response: one with a responder certificate has 2,000, with ML-DSA-87
twice (FIPS 204 section 4) some 20,000; a staple is bounded by the handshake anyway."""

MAX_OCSP_RESPONSES: Final = 64
"""SingleResponses of one response; RFC 5019 section 2.2.1 has one."""

MAX_OCSP_CERTIFICATES: Final = 8
"""Certificates that an OCSP response brings along; one is needed at most (RFC 6960 section
4.2.2.2), some responders send their chain."""

MAX_OCSP_EXTENSIONS: Final = 16
"""Extensions of an OCSP response or of a part of it; RFC 6960 section 4.4 has six in all."""

MAX_OCSP_SIGNERS: Final = 4
"""Certificates that fit the name of a responder and are tried, at two signatures each."""

MAX_REVOCATION_URLS: Final = 3
"""Responders, and as many places of CRLs, that are asked for one certificate until one gives an
answer that counts; nearly all certificates name one."""

MAX_KEPT_ANSWERS: Final = 100_000
"""OCSP responses and CRLs kept on disk between runs: a fleet has that many leaves."""

MAX_KEPT_ANSWER_OCTETS: Final = 1 << 30
"""Octets of them together: 200 MB of OCSP responses and a dozen of the largest CRLs."""

MAX_OID_ARC_BITS: Final = 128
"""Bits of one arc of an object identifier: UUIDs under 2.25 (X.667) are the longest in use."""

OCSP_CLOCK_AHEAD_S: Final = 300
"""Seconds by which a responder's clock may be ahead of ours, as `openssl ocsp` allows
(-validity_period). Nothing is allowed at the other end: whoever renews in time is never near
nextUpdate."""

OCSP_WITHOUT_NEXT_UPDATE_S: Final = 86_400
"""Seconds after thisUpdate that an answer without nextUpdate counts. RFC 6960 section 4.2.2.1
says only that newer information is always available; Firefox takes a day."""

MAX_CERTIFICATE_FILE: Final = 1 << 24
"""Octets of one file of certificates to verify, as of one of trust anchors."""

MAX_FILE_CERTIFICATES: Final = 8_192
"""Certificates of one file that are looked at: all intermediates that Mozilla's programme knows
are 2,000. Of a chain, the first `MAX_CERTIFICATES` count, as in a handshake."""

MAX_CRL: Final = 1 << 28
"""Octets of one CRL that are read, streamed: the largest of public CAs had some 80 MB."""

MAX_CRL_FIELD: Final = 1 << 16
"""Octets of one entry of a CRL, of its extensions together, of any other field: what is held at a
time. An SLH-DSA signature has 49,856 at most (FIPS 205 table 2)."""

MAX_CRL_WHOLE: Final = 1 << 24
"""Octets of a CRL that is held whole, because its signature algorithm hashes twice (RFC 8032
section 5.1.6): half a million entries."""

MAX_CRL_MATCHES: Final = 16
"""Entries for one serial number that is sought. An issuer gives a number once (RFC 5280 section
4.1.2.2); an indirect CRL may have it once for each issuer."""

MAX_CRLS: Final = 1_000
"""CRLs in one file."""

MAX_NAME_SHOWN: Final = 1_024
"""Characters of one distinguished name or reference name in a result."""

# -- fetching what certificates point to ----------------------------------------

MAX_FETCHES: Final = 100_000
"""Questions of one run: a fleet of that many hosts may ask for each one's OCSP answer."""

MAX_FETCH_URL: Final = 8_000
"""Octets of a URL; RFC 9110 section 4.1 recommends that every recipient takes so many."""

MAX_FETCH_HEADER: Final = 16_384
"""Octets of a response's header, interim responses included (RFC 9110 section 5.4 leaves the
bound to the recipient), and of what frames its chunks beyond as much as the content has."""

MAX_FETCH_REDIRECTS: Final = 3
"""Redirects in a row. They stay on one host, where even one is rare."""

MAX_FETCH_ADDRESSES: Final = 3
"""Addresses of one name that are tried; all of them are checked."""

MAX_FETCH_REMEMBERED: Final = 1 << 26
"""Octets of answers that are kept for whoever asks again: 40,000 OCSP answers."""

FETCH_CONCURRENCY: Final = 64
FETCH_PER_ORIGIN: Final = 4
"""Exchanges at once with one host and port; browsers stop at six."""

FETCH_PER_ADDRESS: Final = 8
"""Exchanges at once with one address, under whatever names: many lead to one host."""

FETCH_RESOLVING: Final = 32
"""Names looked up at once: the resolver serves the scan too."""

FETCH_RESOLVE_S: Final = 5.0
FETCH_CONNECT_S: Final = 5.0
FETCH_SILENCE_S: Final = 5.0
"""Seconds without an octet."""

FETCH_TOTAL_S: Final = 15.0
"""Seconds of one fetch, redirects included: what Chromium's CertNetFetcher allows."""

FETCH_FILE_S: Final = 300.0
"""Seconds of a fetch into a file: 50 MB at 1.5 Mbit/s."""

FETCH_GRACE_S: Final = 1.0
"""Seconds of each exchange, and of each 2^20 octets received, that an origin has for nothing."""

FETCH_ORIGIN_LOST_S: Final = 30.0
"""Seconds beyond those after which nothing more is asked of an origin in this run: eight silent
fetches cost as much, or three that drip to their end."""

MAX_ISSUER_URLS: Final = 5
"""caIssuers URLs of one certificate that are asked; Chromium's cert_issuer_source_aia stops
there too."""

MAX_ISSUER_OCTETS: Final = 1 << 18
"""Octets of one answer to a caIssuers URL. Chromium stops at 65,536; the collections that the
bridges of governments publish are larger."""

MAX_ISSUER_CERTIFICATES: Final = 64
"""Certificates taken of one such answer, and of all answers for one chain."""

MAX_ISSUER_FETCHES: Final = 10
"""caIssuers URLs asked for one chain: a path has MAX_PATH_LENGTH certificates at most."""

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

HELLO_GAP_S: Final = 0.05
"""Seconds between the two segments of a hello that is sent in two: above the delay of an
acknowledgement that answers at once (40 ms on Linux), so that no stack joins them."""

HOPS_S: Final = 2.0
"""Seconds that the answer to a hello with few hops is waited for: an ICMP message or a RST from
the path comes within one round trip, and the system has sent it again three times by then."""

MAX_HOPS: Final = 30
"""Routers on the way to a server, as traceroute(8) has it."""

TRACE_HOP_S: Final = 0.9
"""Seconds that the answer to one SYN of a trace is waited for: after one the system sends it
again (tcp(7))."""

TRACE_REPEATS: Final = 2
"""More SYNs that must all fail with one hop less than reaches the server, each from a port of
its own: packets get lost, and the flows of a path may differ in length."""

TRACE_S: Final = 20.0
"""Seconds of one trace, waiting for its turns included."""

MAX_TRACES: Final = 1_000
"""Prefixes whose path is traced in one run, once each."""

IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48

MAX_HELD_RESULTS: Final = 5_000
"""Failing results that are kept back in memory, because the rest of the fleet may still
explain them: some 60 MB. Further ones wait on the disk."""

MAX_SPILLED_OCTETS: Final = 1 << 32
"""Octets of results that wait on the disk, where /tmp may be memory itself: 700,000 of them
with a chain of three."""

SPILL_BATCH: Final = 1 << 16
"""Octets of waiting results that are written to the disk at once."""

MAX_STATE_AUTHORITIES: Final = 4_096
"""CA certificates kept between runs: as many as one run keeps."""

MAX_STATE_OCTETS: Final = 1 << 26
"""Octets of the file that they are kept in: the largest that can be written has 46 MB."""

MAX_ISSUERS_IN_FLIGHT: Final = 32
"""Missing issuers that are looked for at once, over all origins."""

MAX_WANTED_ISSUERS: Final = 4_096
"""Different missing issuers that one run fetches: a fleet has some hundreds of authorities, and
who sends made-up ones does not get to send this machine round the world."""

MAX_ISSUER_WALK: Final = 100
"""Known CA certificates that are looked at, upwards from one whose issuer is missing, for a
place where to go on: as many as the longest path has candidates."""

MAX_ENQUIRIES: Final = 256
"""Results that wait for an answer about their revocation at once. Each keeps its facts."""

DIAGNOSIS_BUDGET: Final = 5
MAX_DIAGNOSIS_BUDGET: Final = 100
"""Experiments on one failing target: what is taken where nothing is said, and the most that can be
asked for. A table with every row tried twice needs half of it."""

TRACE_BUDGET: Final = 2
"""Hellos that cannot reach the server, beside a target's other experiments: one that is reset on
the way, and once more."""

MAX_DIAGNOSES: Final = 4_096
"""Targets under experiment at once. Each keeps its facts and waits for its turn in the pacing."""

MAX_DIAGNOSED: Final = 1 << 18
"""Different failures of one run that are diagnosed: a million connections and more, and some 80 MB
to know which results share one. Those beyond are told as the first probe shows them."""

MAX_DIAGNOSIS_S: Final = 86_400.0
"""Seconds after which a diagnosis is given up, whatever the pacing made it wait for: a day."""

MAX_CONTROL_PLACES: Final = 1 << 17
"""Places, and networks, of one run whose names are remembered for experiments: some 50 MB."""

MAX_CONTROL_NAMES: Final = 4
"""Names of one place, of each kind, and addresses of one network: a budget of five asks for
fewer."""

ENQUIRY_DEADLINE_S: Final = FETCH_FILE_S + 60.0
"""Seconds after which one answer is given up: what asks has shorter bounds of its own, a CRL's
download the longest, and this one holds when they fail."""

# -- diagnosis -------------------------------------------------------------------

AGAIN_DELAY_S: Final = 0.5
"""Seconds before a hello that failed is sent again: a server at its limit of connections has
closed some by then, and a scan of many silent hosts is not held up."""

# -- what a fleet's failures have in common ---------------------------------------

UNRELATED_DOMAINS: Final = 8
"""Unrelated registrable domains behind one private authority from which on interception is
suspected. A choice (ADR 0023): one owner's domains that share no word with each other or with
the authority's name are seldom so many, and a scan of the outside has more."""

MAX_SIGNED_DOMAINS: Final = 64
"""Of those, how many are remembered for one authority: beyond them it is "64 or more"."""

MAX_COUNTED_ISSUERS: Final = 4_096
"""Private authorities whose domains are counted: as many as one run keeps certificates of."""

UNRELATED_NETWORKS: Final = 3
"""Networks (/24, /48) that send one page in place of TLS from which on it is not theirs: a
choice (ADR 0023); two may be two sites of one owner."""

MAX_COUNTED_PAGES: Final = 1_024
"""Different pages in place of TLS whose senders are counted; a filter has one or two."""

PAGE_PART: Final = 128
"""Octets of a page's title, of its Server field, of its Location, that tell pages apart."""

# -- explain -----------------------------------------------------------------

MAX_EXPLAINED_LINE: Final = 8_192
"""Characters of a line that is looked up: rsyslog cuts at about as many octets, and no error
message has a tenth of them."""

MAX_READINGS: Final = 8
"""Ways to read one line that are given: honest lines fit four texts at most."""

MAX_EXPLAINED_SHOWN: Final = 400
"""Characters of a line that are repeated in its explanation."""

MAX_SAME_LINES: Final = 4_096
"""Different explanations that are remembered, so that a log's repeated lines are explained once."""

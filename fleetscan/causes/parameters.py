"""No cipher suite, group or signature scheme in common, or only bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.alerts import ALERT_EVIDENCE, alert_matcher
from fleetscan.causes.conclusions import concluded
from fleetscan.causes.evidence import (
    evidence,
    flight_read,
    observed,
    offered_profile,
    suspected,
    weak_group,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.registry import cipher_suites, groups
from fleetscan.vocabulary import FirstFlight

if TYPE_CHECKING:
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts


def _weak_dh(case: Case) -> Match | None:
    found = weak_group(case.facts)
    return None if found is None else observed(found, remedy_values=(found["dh_prime_bits"],))


def _insecure_only(case: Case) -> Match | None:
    facts = case.facts
    suite = _chosen(facts)
    if suite is None or not suite.weakness:
        return None
    # Where nothing else was offered, a server that takes it may take better ones too.
    if facts.first_flight is not FirstFlight.CIPHER_SUITE and not _sound_suite_offered(facts):
        return None
    return suspected(
        evidence(offered=offered_profile(facts), accepted=suite.name),
        alternatives=("finding.weak_cipher",),
        missing="a hello without insecure suites",
        remedy_values=(suite.name,),
    )


def _none_in_common(case: Case) -> Match | None:
    facts, suite = case.facts, _chosen(case.facts)
    if facts.first_flight is not FirstFlight.CIPHER_SUITE or facts.cipher_suite is None:
        return None
    if facts.violation or (suite is not None and suite.weakness):
        return None
    # One that was offered by its number has no parts, and no name but the number.
    name = cipher_suites.name_of(facts.cipher_suite)
    return suspected(
        evidence(offered=offered_profile(facts), accepted=name),
        alternatives=(),
        missing="a hello without this suite",
        remedy_values=(name,),
    )


def _chosen(facts: HandshakeFacts) -> cipher_suites.CipherSuite | None:
    if facts.cipher_suite is None or not flight_read(facts):
        return None
    return cipher_suites.describe(facts.cipher_suite)


def _sound_suite_offered(facts: HandshakeFacts) -> bool:
    offered = () if facts.offer is None else facts.offer.cipher_suites
    parts = (cipher_suites.describe(code) for code in offered)
    return any(suite is not None and not suite.weakness for suite in parts)


def _no_common_group(case: Case) -> Match | None:
    facts = case.facts
    if facts.first_flight is not FirstFlight.KEY_EXCHANGE:
        return None
    if facts.dh_prime_bits is not None:
        chosen = f"a prime of {facts.dh_prime_bits} bits"
    elif facts.group is not None:
        chosen = groups.name_of(facts.group)
    else:
        return None
    return suspected(
        evidence(offered=offered_profile(facts), accepted=chosen),
        alternatives=(),
        missing="a hello without this group",
        remedy_values=(chosen,),
    )


_NO_OVERLAP: Final = SeenAs(
    alert="handshake_failure(40)",
    chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    firefox="SSL_ERROR_NO_CYPHER_OVERLAP",
    safari="Safari can't establish a secure connection to the server.",
    edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    openssl="error:0A000410:SSL routines::sslv3 alert handshake failure",
    go="remote error: tls: handshake failure",
    java="javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
    dotnet="Authentication failed because the remote party sent a TLS alert: 'HandshakeFailure'.",
    server_log="nginx: SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::no shared "
    "cipher)",
)

_ANSWERED: Final = {
    "offered": "what the failing hello offered",
    "accepted": "what the server then chose",
    "alert": "how the failing hello ended",
}

NONE_IN_COMMON: Final = CatalogueEntry(
    id="cipher.none_in_common",
    title="The server accepts only cipher suites that the client does not offer",
    why=(
        "The server's list and the client's have nothing in common, and what the server wants is "
        "sound, only unusual: CCM, ARIA, Camellia, a PSK, or a certificate of a type that the "
        "offered suites do not fit."
    ),
    not_this={
        "cipher.insecure_only": "what the server accepts is insecure",
        "key_exchange.no_common_group": "suites are shared and the groups are not; the alert is "
        "the same",
        "signature.no_common_scheme": "suites are shared and the signature schemes are not",
    },
    proof="A broad hello is answered with such a suite.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_suites",
        text="Enable on the server one of the suites that current clients offer; it took {values}.",
    ),
    references=("RFC 8446 section 4.1.1", "RFC 8446 section 9.1", "RFC 9325 section 4.2"),
    evidence=_ANSWERED,
    seen_as=_NO_OVERLAP,
    match=concluded("cipher.none_in_common", _none_in_common),
)

INSECURE_ONLY: Final = CatalogueEntry(
    id="cipher.insecure_only",
    title="The server accepts only insecure cipher suites",
    why=(
        "Everything that the server takes is NULL, EXPORT, RC4, DES, 3DES, anonymous or MD5. "
        "Current clients offer none of these."
    ),
    not_this={
        "cipher.none_in_common": "what the server wants is unusual and sound",
        "finding.weak_cipher": "a sound suite was negotiated, weaker than it could be",
    },
    proof="A hello that offers them is answered, and one without them is not.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_suites",
        text="Enable suites with ECDHE and AES-GCM or ChaCha20-Poly1305 on the server and remove "
        "{values}.",
    ),
    references=("RFC 7465 section 2", "RFC 9325 section 4.1", "RFC 8446 section 9.1"),
    evidence=_ANSWERED,
    seen_as=_NO_OVERLAP,
    match=concluded("cipher.insecure_only", _insecure_only),
)

INSUFFICIENT_SECURITY: Final = CatalogueEntry(
    id="cipher.insufficient_security",
    title="The server asks for stronger parameters than were offered",
    why=(
        "Alert insufficient_security(71): there is something in common and the server's policy "
        "holds it too weak, for instance one that takes 256-bit suites or P-384 only."
    ),
    not_this={
        "cipher.none_in_common": "there is nothing in common at all; handshake_failure(40)",
        "server.access_denied": "policy refuses the client, not the parameters",
    },
    proof="The alert, or only a stronger hello is answered.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="offer_stronger",
        text="Use a client that offers stronger suites and groups, or widen the server's policy.",
    ),
    references=("RFC 8446 section 6.2",),
    evidence=ALERT_EVIDENCE | {"accepted": "what the server then chose"},
    seen_as=SeenAs(
        alert="insufficient_security(71)",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        firefox="SSL_ERROR_INSUFFICIENT_SECURITY_ALERT",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        openssl="error:0A00042F:SSL routines::tlsv1 alert insufficient security",
        go="remote error: tls: insufficient security level",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: insufficient_security",
        dotnet="Authentication failed because the remote party sent a TLS alert: "
        "'InsufficientSecurity'.",
    ),
    match=concluded("cipher.insufficient_security", alert_matcher("cipher.insufficient_security")),
)

NO_COMMON_GROUP: Final = CatalogueEntry(
    id="key_exchange.no_common_group",
    title="No group for the key exchange in common",
    why=(
        "The server takes only curves or finite-field groups that the hello does not offer, such "
        "as brainpool or P-521. Up to TLS 1.2 a server may instead fall back to RSA key exchange, "
        "where it has it."
    ),
    not_this={
        "cipher.none_in_common": "no suite is shared; the alert is the same",
        "signature.no_common_scheme": "it is the signature schemes that have nothing in common",
        "key_exchange.weak_dh": "a group was chosen and it is too small",
    },
    proof="A hello with more groups is answered.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_groups",
        text="Enable X25519 and P-256 on the server; it took {values}.",
    ),
    references=("RFC 8446 section 4.2.7", "RFC 8446 section 4.1.1", "RFC 8422 section 5.1"),
    evidence=_ANSWERED,
    seen_as=SeenAs(
        alert="handshake_failure(40)",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        firefox="SSL_ERROR_NO_CYPHER_OVERLAP",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        openssl="error:0A000410:SSL routines::sslv3 alert handshake failure",
        go="remote error: tls: handshake failure",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000065:SSL routines::no "
        "suitable key share)",
    ),
    match=concluded("key_exchange.no_common_group", _no_common_group),
)

WEAK_DH: Final = CatalogueEntry(
    id="key_exchange.weak_dh",
    title="The Diffie-Hellman group is too small",
    why=(
        "The server chose finite-field Diffie-Hellman with a prime under 2,048 bits; at 1,024 bits "
        "and less it is broken. Often a default of old software that nobody chose."
    ),
    not_this={
        "key_exchange.no_common_group": "no group could be agreed on at all",
        "certificate.weak_key": "it is the certificate's key that is too small",
    },
    proof="The prime in the ServerKeyExchange.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="replace_dh_group",
        text="Prefer ECDHE with X25519 or P-256 on the server, or use ffdhe2048 and larger instead "
        "of the present {values} bits.",
    ),
    references=("RFC 9325 section 4.5", "RFC 7919 section 1", "RFC 5246 section 7.4.3"),
    evidence={
        "dh_prime_bits": "bits of the prime",
        "strength": "broken up to 1,024 bits, weak above",
        "cipher_suite": "the suite chosen",
    },
    seen_as=SeenAs(
        alert="ours: insufficient_security(71) or handshake_failure(40)",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH (Chrome offers no DHE)",
        firefox="SSL_ERROR_WEAK_SERVER_EPHEMERAL_DH_KEY",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        openssl="error:0A00018A:SSL routines::dh key too small",
        go="remote error: tls: handshake failure (Go offers no DHE)",
        java="DH ServerKeyExchange does not comply to algorithm constraints",
    ),
    match=concluded("key_exchange.weak_dh", _weak_dh),
)

NO_COMMON_SCHEME: Final = CatalogueEntry(
    id="signature.no_common_scheme",
    title="No signature scheme in common",
    why=(
        "The server's key can sign only with schemes that the hello does not offer: SHA-1 on an "
        "old stack, DSA, Ed448, an RSA key under a library that has no PSS."
    ),
    not_this={
        "cipher.none_in_common": "no suite is shared; the alert is the same",
        "certificate.weak_signature": "the certificate's own signature, by its issuer, is weak",
        "certificate.key_mismatch": "a scheme was agreed on and the signature is wrong",
    },
    proof="A hello with more schemes is answered.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="replace_key_or_stack",
        text="Use an ECDSA P-256 or RSA-2048 key and a stack that signs with SHA-256; it took "
        "{values}.",
    ),
    references=("RFC 8446 section 4.2.3", "RFC 5246 section 7.4.1.4.1", "RFC 9155 section 2"),
    evidence=_ANSWERED,
    seen_as=SeenAs(
        alert="handshake_failure(40)",
        chrome="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        firefox="SSL_ERROR_NO_CYPHER_OVERLAP, SSL_ERROR_UNSUPPORTED_SIGNATURE_ALGORITHM",
        edge="ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        openssl="error:0A000410:SSL routines::sslv3 alert handshake failure, error:0A000172:SSL "
        "routines::wrong signature type",
        go="remote error: tls: handshake failure",
        java="javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000076:SSL routines::no "
        "suitable signature algorithm)",
    ),
    match=concluded("signature.no_common_scheme"),
)

CIPHER_ENTRIES: Final = (NONE_IN_COMMON, INSECURE_ONLY, INSUFFICIENT_SECURITY)
KEY_EXCHANGE_ENTRIES: Final = (NO_COMMON_GROUP, WEAK_DH)
SIGNATURE_ENTRIES: Final = (NO_COMMON_SCHEME,)

"""Worth knowing about a handshake that works: what was negotiated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    TLS12,
    evidence,
    extension_offered,
    flight_read,
    observed,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.registry import cipher_suites, extension_types, groups, versions

if TYPE_CHECKING:
    from fleetscan.causes.model import Case

POST_QUANTUM: Final = frozenset(
    {
        groups.MLKEM512,
        groups.MLKEM768,
        groups.MLKEM1024,
        groups.SECP256R1MLKEM768,
        groups.X25519MLKEM768,
        groups.SECP384R1MLKEM1024,
    }
)
"""Groups that a recorded handshake stays secret under, if large quantum computers come."""


def _old_version(case: Case) -> Match | None:
    facts = case.facts
    if facts.version is None or facts.version >= TLS12 or not flight_read(facts):
        return None
    return observed(evidence(version=versions.name_of(facts.version)))


def _weak_cipher(case: Case) -> Match | None:
    suite = _suite(case)
    if suite is None:
        return None
    mode = suite.weakness or ("cbc" if "CBC" in suite.encryption else "")
    if not mode:
        return None
    return observed(evidence(cipher_suite=suite.name, weakness=mode), remedy_values=(suite.name,))


def _no_forward_secrecy(case: Case) -> Match | None:
    suite = _suite(case)
    if suite is None or suite.forward_secrecy:
        return None
    return observed(
        evidence(cipher_suite=suite.name, key_exchange=suite.key_exchange),
        remedy_values=(suite.name,),
    )


def _suite(case: Case) -> cipher_suites.CipherSuite | None:
    # What a server chose against the rules says nothing of what it would choose.
    code = None if case.facts.violation else case.facts.cipher_suite
    return None if code is None else cipher_suites.describe(code)


def _no_post_quantum_group(case: Case) -> Match | None:
    facts = case.facts
    if facts.version is None or facts.offer is None or not (facts.completed or facts.confirmed_by):
        return None
    # What was not offered cannot be held against the server.
    if not POST_QUANTUM & set(facts.offer.groups) or facts.group in POST_QUANTUM:
        return None
    return observed(
        evidence(
            group=groups.name_of(facts.group) if facts.group is not None else "none",
            version=versions.name_of(facts.version),
        )
    )


def _compression(case: Case) -> Match | None:
    method = case.facts.compression_method
    if not method:
        return None
    return observed(evidence(compression_method="DEFLATE" if method == 1 else f"0x{method:02x}"))


def _no_secure_renegotiation(case: Case) -> Match | None:
    facts = case.facts
    if facts.version is None or facts.version > TLS12 or facts.renegotiation_info:
        return None
    if facts.violation or not extension_offered(facts, extension_types.RENEGOTIATION_INFO):
        return None
    return observed(evidence(version=versions.name_of(facts.version)))


def _client_certificate_optional(case: Case) -> Match | None:
    facts = case.facts
    if not facts.client_certificate_requested or facts.client_certificate_sent:
        return None
    if facts.confirmed_by is None:
        return None
    return observed(evidence(confirmed_by=facts.confirmed_by.value))


OLD_VERSION: Final = CatalogueEntry(
    id="finding.old_version",
    title="The server takes a version older than TLS 1.2",
    why=(
        "TLS 1.0 and 1.1 are deprecated. A server that takes them beside newer ones serves clients "
        "that nobody should have any more, and adds ways to attack those that do."
    ),
    not_this={"version.too_old": "the server has nothing newer"},
    proof="A handshake with it was completed, or its first flight came.",
    severity=Severity.LOW,
    remedy=Remedy(id="disable_old_versions", text="Switch TLS 1.0 and 1.1 off on the server."),
    references=("RFC 8996 section 4", "RFC 8996 section 5"),
    evidence={"version": "the version that was taken"},
    match=_old_version,
    hidden_by=("version.too_old",),
)

WEAK_CIPHER: Final = CatalogueEntry(
    id="finding.weak_cipher",
    title="The negotiated cipher suite is weaker than it need be",
    why=(
        "The suite works with CBC, whose padding has been attacked again and again (POODLE, Lucky "
        "13), or with something worse. Suites with AES-GCM or ChaCha20-Poly1305 exist in every "
        "stack that speaks TLS 1.2."
    ),
    not_this={
        "cipher.insecure_only": "the server accepts nothing that a current client offers",
        "finding.no_forward_secrecy": "the key exchange is what is weak",
    },
    proof="The suite in ServerHello.",
    severity=Severity.MEDIUM,
    remedy=Remedy(
        id="prefer_aead",
        text="Put AEAD suites with ECDHE first on the server and drop {values} when no client "
        "needs it.",
    ),
    references=("RFC 9325 section 4.1", "RFC 9325 section 4.2"),
    evidence={
        "cipher_suite": "the suite that was chosen",
        "weakness": "cbc, or the insecure part of it",
    },
    match=_weak_cipher,
    hidden_by=("cipher.insecure_only",),
)

NO_FORWARD_SECRECY: Final = CatalogueEntry(
    id="finding.no_forward_secrecy",
    title="The key exchange has no forward secrecy",
    why=(
        "The session's keys hang on the server's long-lived key (RSA or static Diffie-Hellman): "
        "who records today and gets the key later reads everything."
    ),
    not_this={
        "finding.weak_cipher": "the cipher is what is weak",
        "finding.no_post_quantum_group": "forward secrecy is there, against today's computers",
    },
    proof="The suite in ServerHello.",
    severity=Severity.LOW,
    remedy=Remedy(id="enable_ecdhe", text="Enable ECDHE suites and drop {values}."),
    references=("RFC 9325 section 7.3", "RFC 8446 section 1.2"),
    evidence={"cipher_suite": "the suite that was chosen", "key_exchange": "its key exchange"},
    match=_no_forward_secrecy,
)

NO_POST_QUANTUM_GROUP: Final = CatalogueEntry(
    id="finding.no_post_quantum_group",
    title="No post-quantum key exchange although one was offered",
    why=(
        "The hello offered a hybrid group with ML-KEM and the server chose a classical one. What "
        "is recorded today can be read when large quantum computers exist. Told only when the "
        "hello offered such a group."
    ),
    not_this={"finding.no_forward_secrecy": "there is no forward secrecy of any kind"},
    proof="The groups offered, and the one chosen.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="enable_hybrid_group",
        text="Enable X25519MLKEM768 on the server (OpenSSL 3.5 and later have it).",
    ),
    references=("FIPS 203 section 1", "RFC 8446 section 4.2.7"),
    evidence={"group": "the group that was chosen", "version": "the version that was chosen"},
    match=_no_post_quantum_group,
)

COMPRESSION: Final = CatalogueEntry(
    id="finding.compression",
    title="TLS compression is on",
    why=(
        "The length of compressed text tells what is in it: the CRIME attack reads cookies that "
        "way. TLS 1.3 has no compression any more."
    ),
    not_this={"server.protocol_violation": "the method was chosen although it was not offered"},
    proof="The compression method in ServerHello.",
    severity=Severity.LOW,
    remedy=Remedy(id="disable_compression", text="Switch TLS compression off on the server."),
    references=("RFC 9325 section 3.3", "RFC 7457 section 2.6"),
    evidence={"compression_method": "the method that was chosen"},
    match=_compression,
)

NO_SECURE_RENEGOTIATION: Final = CatalogueEntry(
    id="finding.no_secure_renegotiation",
    title="The server does not support secure renegotiation",
    why=(
        "ServerHello lacks the renegotiation_info extension. Up to TLS 1.2 an attacker can then "
        "put words of their own before a client's, where renegotiation is allowed. OpenSSL 3 "
        "refuses to connect to such servers at all, unless UnsafeLegacyServerConnect is set."
    ),
    not_this={"version.too_old": "a server this old often lacks both"},
    proof="No renegotiation_info in answer to a hello that offered it.",
    severity=Severity.LOW,
    remedy=Remedy(id="update_stack", text="Update the server's TLS stack."),
    references=("RFC 5746 section 3.6", "RFC 5746 section 4.1"),
    evidence={"version": "the version that was chosen"},
    seen_as=SeenAs(
        firefox="SSL_ERROR_UNSAFE_NEGOTIATION (with security.ssl.require_safe_negotiation)",
        openssl="error:0A000152:SSL routines::unsafe legacy renegotiation disabled",
    ),
    match=_no_secure_renegotiation,
)

CLIENT_CERTIFICATE_OPTIONAL: Final = CatalogueEntry(
    id="finding.client_certificate_optional",
    title="The server asks for a client certificate and does not require one",
    why=(
        "A CertificateRequest came, an empty Certificate was sent, and the server went on. The "
        "application may still refuse later. Browsers show a question to every visitor who has a "
        "certificate."
    ),
    not_this={"client_auth.required": "the server ended the handshake without one"},
    proof="The request, our empty Certificate, and a handshake that was confirmed after it.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="review_request",
        text="If nothing uses it, switch the request off (nginx: `ssl_verify_client off`).",
    ),
    references=("RFC 8446 section 4.3.2", "RFC 8446 section 4.4.2.4"),
    evidence={"confirmed_by": "what convinced the client that the server went on"},
    match=_client_certificate_optional,
    hidden_by=("client_auth.required",),
)

ENTRIES: Final = (
    OLD_VERSION,
    WEAK_CIPHER,
    NO_FORWARD_SECRECY,
    NO_POST_QUANTUM_GROUP,
    COMPRESSION,
    NO_SECURE_RENEGOTIATION,
    CLIENT_CERTIFICATE_OPTIONAL,
)

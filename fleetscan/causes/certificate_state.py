"""What else can be the matter with the leaf: revoked, no staple, a wrong key, unreadable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    PEER,
    TLS13,
    certificate_subject,
    escaped_text,
    evidence,
    extension_offered,
    observed,
    parse_error_values,
    peer_text,
    rfc3339,
    suspected,
)
from fleetscan.causes.model import (
    Basis,
    CatalogueEntry,
    Confidence,
    Match,
    Remedy,
    SeenAs,
    Severity,
)
from fleetscan.causes.paths import details, problem_matcher, stands_in_for_issuer
from fleetscan.facts import MalformedCertificate
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.revocation import RevocationStatus
from fleetscan.registry import signature_schemes
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.causes.model import Case
    from fleetscan.facts import HandshakeFacts
    from fleetscan.pki.assessment import PathAssessment, Problem

STATUS_REQUEST: Final = 5
"""The extension that a TLS feature extension promises (RFC 7633 section 4.2.3.1)."""


def leaf_of(facts: HandshakeFacts) -> Certificate | None:
    """The leaf, where one came that can be read."""
    first = facts.certificates[0] if facts.certificates else None
    return None if first is None or isinstance(first, MalformedCertificate) else first


def _key_mismatch(case: Case) -> Match | None:
    facts = case.facts
    if facts.key_proof is not Checked.NO:
        return None
    leaf = leaf_of(facts)
    scheme = facts.signature_scheme
    return observed(
        evidence(
            subject=certificate_subject(leaf) if leaf else "",
            sha256=leaf.sha256 if leaf else "",
            signature_scheme=signature_schemes.name_of(scheme) if scheme is not None else "",
            stage=facts.stage.value,
        ),
        remedy_values=(certificate_subject(leaf),) if leaf else (),
    )


def _must_staple_missing(case: Case) -> Match | None:
    facts = case.facts
    leaf = leaf_of(facts)
    if leaf is None or STATUS_REQUEST not in leaf.tls_feature:
        return None
    if not extension_offered(facts, STATUS_REQUEST) or not _staple_would_have_come(facts):
        return None
    staple = ""
    if facts.ocsp_response:
        staple = _worthless_staple(case)
        if not staple:
            return None
    return observed(
        evidence(subject=certificate_subject(leaf), sha256=leaf.sha256, staple=staple),
        remedy_values=(certificate_subject(leaf),),
    )


def _worthless_staple(case: Case) -> str:
    """Why the staple that came tells a client nothing; "" where it does, or nobody checked.

    What was promised is a status that needs no question to the responder, so that a client may
    refuse a server that does not keep to it (RFC 7633 section 4.2.3.1); an answer that no client
    may accept leaves the question open.
    """
    staple = case.revocation.from_source("stapled") if case.revocation else None
    return staple.reason if staple and staple.status is RevocationStatus.UNKNOWN else ""


def _staple_would_have_come(facts: HandshakeFacts) -> bool:
    # Under TLS 1.3 the staple travels inside the Certificate message; before, in a message
    # of its own that comes next, so the flight must have gone on past it.
    if facts.version == TLS13:
        return True
    return any(letter in facts.history for letter in "kn")


def _revoked(case: Case) -> Match | None:
    if case.revocation is None or case.revocation.status is not RevocationStatus.REVOKED:
        return None
    answer = case.revocation.decisive
    revoked = case.revoked_authority or leaf_of(case.facts)
    if answer is None or revoked is None:
        return None
    found = evidence(
        subject=certificate_subject(revoked),
        sha256=revoked.sha256,
        revoked_at="" if answer.revoked_at is None else rfc3339(answer.revoked_at),
        reason=escaped_text(answer.revocation_reason),
        source=answer.source,
        url=peer_text(answer.url),
    )
    # Every path begins with this leaf, so no other change can mend it; that the rest holds
    # without this rule is known where the path is trusted, which does not ask for revocation.
    sound = case.path is not None and case.path.trusted is Checked.YES
    return Match(
        evidence=found,
        confidence=Confidence.PROVEN if sound else Confidence.OBSERVED,
        basis=_WITHOUT_THE_RULE if sound else PEER,
        remedy_values=(certificate_subject(revoked),),
    )


_WITHOUT_THE_RULE: Final = Basis(
    kind="repair", changed="revocation", before="refused", after="passed"
)


def _malformed(case: Case) -> Match | None:
    path = case.path
    problems = () if path is None else path.problems
    unread = [
        (position, certificate)
        for position, certificate in enumerate(case.facts.certificates)
        if isinstance(certificate, MalformedCertificate)
    ]
    for position, certificate in unread:
        if not position or stands_in_for_issuer(certificate, problems):
            return _refused_by_the_parser(certificate, position, needed=True)
    if unread and _ends_nowhere(path):
        position, certificate = unread[0]
        return _refused_by_the_parser(certificate, position, needed=False)
    return _against_the_profile(case)


def _profile_rules(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(rule=details(problems), position="0")


def _ends_nowhere(path: PathAssessment | None) -> bool:
    """Whether the path may lack the certificate that cannot be read; one that is whole does not."""
    if path is None or path.limit or path.not_checked:
        return True
    return any(problem.kind in _LACKS_ONE for problem in path.problems)


_LACKS_ONE: Final = frozenset({PathProblem.UNKNOWN_ISSUER, PathProblem.INCOMPLETE})

_against_the_profile: Final = problem_matcher(PathProblem.PROFILE_LEAF, _profile_rules)


def _refused_by_the_parser(
    certificate: MalformedCertificate, position: int, *, needed: bool
) -> Match:
    """`needed`: without this one there is no path."""
    found = evidence(
        **parse_error_values(certificate.error),
        position=position,
        sha256=certificate.sha256,
        octets=certificate.octets,
    )
    values = (f"certificate {position + 1} of the chain",)
    if needed:
        return observed(found, remedy_values=values)
    return suspected(
        found,
        alternatives=("chain.incomplete", "chain.unknown_issuer"),
        missing="the path without this certificate",
        remedy_values=values,
    )


KEY_MISMATCH: Final = CatalogueEntry(
    id="certificate.key_mismatch",
    title="The server cannot sign with the certificate's key",
    why=(
        "The signature in CertificateVerify (TLS 1.3) or ServerKeyExchange (before) does not "
        "verify under the key in the certificate. The certificate was replaced and the key was "
        "not, somebody shows a certificate that is not theirs, or a broken accelerator signs "
        "wrongly."
    ),
    not_this={
        "server.protocol_violation": "another part of the handshake is wrong",
        "chain.bad_signature": "a signature between certificates fails, not the handshake's",
        "signature.no_common_scheme": "no signature was made at all",
    },
    proof="The signature over this very handshake fails.",
    severity=Severity.CRITICAL,
    remedy=Remedy(
        id="pair_key_and_certificate",
        text="Install the private key that belongs to {values}; if nobody changed it, treat the "
        "server as taken over until shown otherwise.",
    ),
    references=("RFC 8446 section 4.4.3", "RFC 5246 section 7.4.3"),
    evidence={
        "subject": "the leaf",
        "sha256": "SHA-256 of the leaf",
        "signature_scheme": "the scheme that the server named",
        "stage": "the step under way",
    },
    seen_as=SeenAs(
        alert="ours: decrypt_error(51)",
        chrome="ERR_SSL_PROTOCOL_ERROR",
        edge="ERR_SSL_PROTOCOL_ERROR",
        openssl="error:0A00007B:SSL routines::bad signature",
        go="tls: invalid signature by the server certificate",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A00041B:SSL routines::tlsv1 "
        "alert decrypt error); most servers refuse to start instead: key values mismatch",
    ),
    match=_key_mismatch,
)

MUST_STAPLE_MISSING: Final = CatalogueEntry(
    id="certificate.must_staple_missing",
    title="The certificate promises a stapled revocation answer and no valid one came",
    why=(
        "The certificate carries the TLS feature extension with status_request: clients are told "
        "to refuse it without an OCSP answer in the handshake. The server does not staple, or "
        "cannot fetch the answer. Some servers have none in the first handshakes after a start. "
        "An answer that is out of date, that is about another certificate or whose signature does "
        "not hold is as good as none: Firefox refuses it even where none was promised."
    ),
    not_this={
        "finding.staple_stale": "an answer is out of date, and nobody promised one",
        "finding.revocation_unknown": "no answer counts, and nobody promised one",
        "certificate.revoked": "an answer came and says revoked",
    },
    proof="The extension, and a handshake that asked for the answer and got none that counts.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="enable_stapling",
        text="Switch OCSP stapling on (nginx: `ssl_stapling on`) and let the server reach the "
        "responder, or issue {values} again without the extension.",
    ),
    references=(
        "RFC 7633 section 4.2.3.1",
        "RFC 7633 section 4.3.3",
        "RFC 6066 section 8",
        "RFC 8446 section 4.4.2.1",
    ),
    evidence={
        "subject": "the leaf",
        "sha256": "SHA-256 of the leaf",
        "staple": "why the answer that came does not count; absent when none came",
    },
    seen_as=SeenAs(
        chrome="none: Chrome does not ask for it",
        firefox="MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING; with an answer that does not "
        "count SEC_ERROR_OCSP_OLD_RESPONSE, SEC_ERROR_OCSP_BAD_SIGNATURE and the like",
        openssl="none: OpenSSL does not enforce it",
        go="none: Go does not enforce it",
        server_log='nginx: "ssl_stapling" ignored, no OCSP responder URL in the certificate',
    ),
    match=_must_staple_missing,
)

MALFORMED: Final = CatalogueEntry(
    id="certificate.malformed",
    title="A certificate cannot be read",
    why=(
        "The octets do not fit the layout of a certificate: wrong lengths, a number or a length "
        "that is not in its shortest form, a date that does not exist, an extension twice. Or "
        "they do, and clients refuse what the leaf says: an empty issuer, an address of a wrong "
        "length, a certificate policy twice. Made by hand, by an old tool, or cut on the way to "
        "the server's configuration."
    ),
    not_this={
        "certificate.unknown_critical_extension": "it can be read and says something unknown",
        "chain.invalid_ca": "it can be read, and it is an authority's form that clients refuse",
        "server.protocol_violation": "the message around the certificate is wrong",
    },
    proof="The rule that the parser found broken, the field and the octet. Where it is a rule of "
    "form, it passes under a policy that does not ask.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue",
        text="Get {values} once more as its authority issued it; if it is the same, have it issued "
        "again with a tool that writes DER.",
    ),
    references=("RFC 5280 section 4.1", "X.690 section 10"),
    evidence={
        "fault": "the rule of DER that was broken",
        "rule": "the rules of form, or of the certificate profile, that are broken",
        "subject": "the certificate, where it can be read",
        "field": "the field being read, under its RFC name",
        "offset": "octets from the start of the certificate",
        "position": "place in the chain, 0 for the leaf",
        "sha256": "SHA-256 of the octets",
        "octets": "how many there are",
    },
    seen_as=SeenAs(
        alert="ours: bad_certificate(42) or decode_error(50)",
        chrome="ERR_SSL_SERVER_CERT_BAD_FORMAT, NET::ERR_CERT_INVALID",
        firefox="SEC_ERROR_BAD_DER",
        edge="ERR_SSL_SERVER_CERT_BAD_FORMAT, NET::ERR_CERT_INVALID",
        go="tls: failed to parse certificate from server: x509: ...",
        java="java.security.cert.CertificateParsingException",
    ),
    match=_malformed,
)

REVOKED: Final = CatalogueEntry(
    id="certificate.revoked",
    title="The certificate has been revoked",
    why=(
        "Its authority says so, in an OCSP answer (stapled or asked for) or a CRL: the key was "
        "lost, the name changed hands, or the certificate was issued wrongly. The server still "
        "shows it."
    ),
    not_this={
        "finding.revocation_unknown": "no answer could be had, or it says unknown",
        "finding.staple_stale": "what the staple said is out of date and settles nothing",
        "certificate.must_staple_missing": "an answer was promised and did not come",
    },
    proof=(
        "The answer: its signature is the issuer's, or that of a responder which the issuer "
        "appointed, it is about this certificate, and it is not out of date. It is proven where "
        "the path is sound but for this."
    ),
    severity=Severity.CRITICAL,
    remedy=Remedy(
        id="replace_revoked",
        text="Issue a new certificate for a new key and install it in place of {values}; find out "
        "why it was revoked.",
    ),
    references=(
        "RFC 6960 section 2.2",
        "RFC 6960 section 3.2",
        "RFC 6960 section 4.2.2.2",
        "RFC 5280 section 6.3.3",
    ),
    evidence={
        "subject": "the certificate revoked",
        "sha256": "its SHA-256",
        "revoked_at": "the time of revocation, UTC",
        "reason": "the reason given, by its name in RFC 5280 section 5.3.1",
        "source": "stapled, ocsp or crl",
        "url": "where the answer came from; absent for a staple",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_REVOKED",
        firefox="SEC_ERROR_REVOKED_CERTIFICATE",
        safari="This Connection Is Not Private",
        edge="NET::ERR_CERT_REVOKED",
        openssl="verify error:num=23:certificate revoked",
        java="java.security.cert.CertificateRevokedException: Certificate has been revoked",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "Revoked",
    ),
    match=_revoked,
)

ENTRIES: Final = (KEY_MISMATCH, REVOKED, MALFORMED, MUST_STAPLE_MISSING)

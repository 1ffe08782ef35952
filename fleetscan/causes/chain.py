"""The way from the leaf to a trust anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import (
    certificate_subject,
    escaped_text,
    evidence,
    joined,
    peer_text,
    rfc3339,
)
from fleetscan.causes.model import CatalogueEntry, Remedy, SeenAs, Severity
from fleetscan.causes.paths import (
    SUBJECT_EVIDENCE,
    details,
    problem_matcher,
    problems_of_kind,
    stands_in_for_issuer,
)
from fleetscan.facts import MalformedCertificate
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.names import distinguished_name

if TYPE_CHECKING:
    from fleetscan.causes.model import Case, Match


def _missing_issuer(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    repair = problems[0].repair
    urls = problems[0].certificate.ca_issuers_urls
    return evidence(
        missing=details(problems),
        missing_sha256=repair.sha256 if repair else "",
        found=peer_text(case.sources.get(repair.sha256, "")) if repair else "",
        ca_issuers=peer_text(urls[0]) if urls else "",
    )


def _missing_names(_case: Case, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    names = (problem.detail or _issuer(problem) for problem in problems)
    return tuple(dict.fromkeys(escaped_text(name) for name in names))


def _issuer(problem: Problem) -> str:
    return distinguished_name(problem.certificate.issuer)


def _issuers(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(
        issuer=joined([escaped_text(_issuer(problem)) for problem in problems]),
        fetch=peer_text(case.fetch_failure),
    )


def _unknown_issuer(case: Case) -> Match | None:
    """None where the issuer's certificate was sent and cannot be read: that is then told."""
    found = _of_unknown_issuer(case)
    if found is None or case.path is None:
        return None
    problems = problems_of_kind(case.path, PathProblem.UNKNOWN_ISSUER)
    unread = [each for each in case.facts.certificates if isinstance(each, MalformedCertificate)]
    explained = all(
        any(stands_in_for_issuer(malformed, (problem,)) for malformed in unread)
        for problem in problems
    )
    return None if explained else found


_of_unknown_issuer: Final = problem_matcher(
    PathProblem.UNKNOWN_ISSUER,
    _issuers,
    values=_missing_names,
    alternatives=("chain.incomplete", "chain.untrusted_root"),
    missing="the issuer's certificate",
)


def _root(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    repair = problems[0].repair
    return evidence(
        root=certificate_subject(repair) if repair else details(problems),
        root_sha256=repair.sha256 if repair else "",
    )


def _not_after(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(
        not_after=rfc3339(problems[0].certificate.not_after), scanned_at=rfc3339(case.now)
    )


def _not_before(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(
        not_before=rfc3339(problems[0].certificate.not_before), scanned_at=rfc3339(case.now)
    )


def _rules(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(rule=details(problems))


def _forbidden(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(name=details(problems))


_AUTHORITY_WORDS: Final = {
    "chrome": "NET::ERR_CERT_AUTHORITY_INVALID",
    "firefox": "SEC_ERROR_UNKNOWN_ISSUER",
    "safari": "This Connection Is Not Private",
    "edge": "NET::ERR_CERT_AUTHORITY_INVALID",
    "go": "x509: certificate signed by unknown authority",
    "java": "sun.security.validator.ValidatorException: PKIX path building failed: "
    "sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid "
    "certification path to requested target",
    "server_log": "nginx: SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 alert "
    "unknown ca)",
}

_LOCAL_ISSUER: Final = "verify error:num=20:unable to get local issuer certificate"
_FIRST: Final = "verify error:num=21:unable to verify the first certificate"

INCOMPLETE: Final = CatalogueEntry(
    id="chain.incomplete",
    title="The server does not send an intermediate certificate",
    why=(
        "Only the leaf, or not all of the certificates between it and the root, are sent. Browsers "
        "often hide it, since they fetch or remember intermediates; libraries, phones and agents "
        "do not."
    ),
    not_this={
        "chain.untrusted_root": "everything was sent and the root at its end is not trusted",
        "chain.unknown_issuer": "the missing certificate is not in hand, so that nobody can tell",
        "finding.chain_unordered": "all are there, in another order",
    },
    proof="It passes when the missing certificate is added: the certificate is in hand.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="send_intermediate",
        text="Add {values} after the leaf in the file that the server sends (nginx "
        "ssl_certificate, Apache SSLCertificateFile), then reload.",
    ),
    references=("RFC 8446 section 4.4.2", "RFC 5246 section 7.4.2", "RFC 5280 section 4.2.2.1"),
    evidence=SUBJECT_EVIDENCE
    | {
        "missing": "subject of the certificates that were not sent",
        "missing_sha256": "SHA-256 of the first of them",
        "found": "where that one was found: `fleet` (another target sent it), `state` (an "
        "earlier run saw it), or the URL that it was fetched from",
        "ca_issuers": "where the certificate itself says that it can be fetched",
    },
    seen_as=SeenAs(
        openssl=f"{_LOCAL_ISSUER}, {_FIRST}",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "PartialChain",
        **_AUTHORITY_WORDS,
    ),
    match=problem_matcher(
        PathProblem.INCOMPLETE,
        _missing_issuer,
        values=_missing_names,
    ),
)

UNTRUSTED_ROOT: Final = CatalogueEntry(
    id="chain.untrusted_root",
    title="The chain is complete and its root is not trusted here",
    why=(
        "The certificates lead to a self-signed authority that the trust store in use does not "
        "have: a private authority, one that was removed, or a trust store that is too old."
    ),
    not_this={
        "chain.incomplete": "a certificate is missing between leaf and root",
        "chain.unknown_issuer": "no root was sent and none is known to the fleet",
        "certificate.self_signed": "the leaf itself is the end of the chain",
        "interference.interception": "the authority is an inspection device's, and signs for names "
        "that are not its owner's",
    },
    proof="It passes when that self-signed root is anchored; never an intermediate, never the "
    "leaf.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="trust_root",
        text="If the authority is yours, give it with --trust and install {values} on the clients; "
        "else use a certificate from an authority that they trust.",
    ),
    references=("RFC 5280 section 6.1", "RFC 8446 section 4.4.2"),
    evidence=SUBJECT_EVIDENCE
    | {"root": "the root that is not trusted", "root_sha256": "its SHA-256"},
    seen_as=SeenAs(
        openssl="verify error:num=19:self-signed certificate in certificate chain",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "UntrustedRoot",
        **_AUTHORITY_WORDS,
    ),
    match=problem_matcher(PathProblem.UNTRUSTED_ROOT, _root),
)

UNKNOWN_ISSUER: Final = CatalogueEntry(
    id="chain.unknown_issuer",
    title="The issuer of the topmost certificate is known nowhere",
    why=(
        "The path stops at a certificate whose issuer was neither sent, nor is trusted, nor was "
        "seen elsewhere in the fleet. It is a missing intermediate, or a private root that is not "
        "sent: nobody can tell from here."
    ),
    not_this={
        "chain.incomplete": "the missing certificate is in hand and completes the path",
        "chain.untrusted_root": "the root is in hand and is not trusted",
        "certificate.self_signed": "the certificate is its own issuer",
        "certificate.malformed": "a certificate of the issuer's name was sent and cannot be read",
    },
    proof="Nothing settles it until the issuer is found: both alternatives stand.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="find_issuer",
        text="Find the certificate of {values}: if it is an intermediate, let the server send it; "
        "if it is a root of yours, give it with --trust.",
    ),
    references=("RFC 5280 section 6.1", "RFC 5280 section 4.2.2.1"),
    evidence=SUBJECT_EVIDENCE
    | {
        "issuer": "the issuer that is not known",
        "fetch": "why its certificate could not be fetched, where that was tried",
    },
    seen_as=SeenAs(
        openssl=f"{_LOCAL_ISSUER}, {_FIRST}",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "PartialChain",
        **_AUTHORITY_WORDS,
    ),
    match=_unknown_issuer,
)

_DATE_WORDS: Final = {
    "chrome": "NET::ERR_CERT_DATE_INVALID",
    "safari": "This Connection Is Not Private",
    "edge": "NET::ERR_CERT_DATE_INVALID",
    "go": "x509: certificate has expired or is not yet valid",
    "dotnet": "The remote certificate is invalid because of errors in the certificate chain: "
    "NotTimeValid",
}

CA_EXPIRED: Final = CatalogueEntry(
    id="chain.ca_expired",
    title="A certificate above the leaf has expired",
    why=(
        "The leaf is valid and an intermediate or root on every path is not any more. Often an old "
        "cross-signed intermediate that the server still sends although a newer one exists."
    ),
    not_this={
        "certificate.expired": "the leaf itself has expired",
        "chain.ca_not_yet_valid": "the certificate above is not valid yet",
    },
    proof="notAfter of that certificate. It passes at another time.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="replace_ca",
        text="Send the current certificate of {values}, or remove the expired one where a newer "
        "root is trusted.",
    ),
    references=("RFC 5280 section 6.1.3", "RFC 5280 section 4.1.2.5"),
    evidence=SUBJECT_EVIDENCE
    | {"not_after": "the last moment of its validity, UTC", "scanned_at": "the time of the scan"},
    seen_as=SeenAs(
        firefox="SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE",
        openssl="verify error:num=10:certificate has expired (at depth 1 or more)",
        java="java.security.cert.CertificateExpiredException: NotAfter: ...",
        **_DATE_WORDS,
    ),
    match=problem_matcher(PathProblem.CA_EXPIRED, _not_after),
)

CA_NOT_YET_VALID: Final = CatalogueEntry(
    id="chain.ca_not_yet_valid",
    title="A certificate above the leaf is not valid yet",
    why=(
        "The leaf is valid and the validity of an intermediate or root on every path has not "
        "begun: a new authority was put to use too early, or clocks disagree."
    ),
    not_this={
        "certificate.not_yet_valid": "the leaf itself is not valid yet",
        "chain.ca_expired": "the certificate above has expired",
    },
    proof="notBefore of that certificate. It passes at another time.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="wait_or_reissue",
        text="Check the clocks; use the previous authority until {values} becomes valid.",
    ),
    references=("RFC 5280 section 6.1.3", "RFC 5280 section 4.1.2.5"),
    evidence=SUBJECT_EVIDENCE
    | {
        "not_before": "the first moment of its validity, UTC",
        "scanned_at": "the time of the scan",
    },
    seen_as=SeenAs(
        firefox="MOZILLA_PKIX_ERROR_NOT_YET_VALID_ISSUER_CERTIFICATE",
        openssl="verify error:num=9:certificate is not yet valid (at depth 1 or more)",
        java="java.security.cert.CertificateNotYetValidException: NotBefore: ...",
        **_DATE_WORDS,
    ),
    match=problem_matcher(PathProblem.CA_NOT_YET_VALID, _not_before),
)

INVALID_CA: Final = CatalogueEntry(
    id="chain.invalid_ca",
    title="A certificate on the path may not issue certificates",
    why=(
        "basicConstraints does not say that it is an authority, keyUsage lacks keyCertSign, its "
        "extended key usage leaves servers out, or more certificates follow than its path length "
        "allows. Or it is written in a form that clients refuse: without a subject, with empty "
        "name constraints. OpenSSL takes none either that is not the one which the certificate "
        "below identifies."
    ),
    not_this={
        "chain.name_constraints": "it may issue, though not for this name",
        "certificate.wrong_purpose": "it is the leaf that is meant for something else",
        "chain.bad_signature": "it did not sign at all",
    },
    proof="The extension. It passes under a policy that does not ask.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue_ca",
        text="Issue the authority's certificate {values} again with the right extensions, or issue "
        "the leaf from another authority.",
    ),
    references=(
        "RFC 5280 section 4.2.1.9",
        "RFC 5280 section 4.2.1.3",
        "RFC 5280 section 6.1.4",
    ),
    evidence=SUBJECT_EVIDENCE | {"rule": "the rules that it breaks"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_INVALID, NET::ERR_CERT_AUTHORITY_INVALID",
        firefox="SEC_ERROR_CA_CERT_INVALID, SEC_ERROR_PATH_LEN_CONSTRAINT_INVALID",
        safari="This Connection Is Not Private",
        edge="NET::ERR_CERT_INVALID, NET::ERR_CERT_AUTHORITY_INVALID",
        openssl="verify error:num=79:invalid CA certificate, verify error:num=25:path length "
        "constraint exceeded",
        go="x509: invalid signature: parent certificate cannot sign this kind of certificate, "
        "x509: too many intermediates for path length constraint",
        java="basic constraints check failed: this is not a CA certificate",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "InvalidBasicConstraints",
    ),
    match=problem_matcher((PathProblem.INVALID_CA, PathProblem.PROFILE_CA), _rules),
)

NAME_CONSTRAINTS: Final = CatalogueEntry(
    id="chain.name_constraints",
    title="An authority on the path may not issue for this name",
    why=(
        "The authority's certificate limits the names it may be used for, and a name in the leaf "
        "lies outside. Common with company authorities that are bound to the company's domains."
    ),
    not_this={
        "certificate.name_mismatch": "the leaf is not for the name that was asked for",
        "chain.invalid_ca": "the authority may not issue at all",
    },
    proof="The constraint and the name. It passes for a name inside.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="issue_inside_constraints",
        text="Leave that name out, or issue the leaf from an authority without the constraint of "
        "{values}.",
    ),
    references=("RFC 5280 section 4.2.1.10", "RFC 5280 section 6.1.3"),
    evidence=SUBJECT_EVIDENCE | {"name": "the name that is not allowed"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_NAME_CONSTRAINT_VIOLATION, NET::ERR_CERT_INVALID",
        firefox="SEC_ERROR_CERT_NOT_IN_NAME_SPACE",
        edge="NET::ERR_CERT_NAME_CONSTRAINT_VIOLATION, NET::ERR_CERT_INVALID",
        openssl="verify error:num=47:permitted subtree violation, verify error:num=48:excluded "
        "subtree violation",
        go="x509: a root or intermediate certificate is not authorized to sign for this name",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "HasNotPermittedNameConstraint",
    ),
    match=problem_matcher(PathProblem.NAME_CONSTRAINTS, _forbidden),
)

BAD_SIGNATURE: Final = CatalogueEntry(
    id="chain.bad_signature",
    title="A signature between two certificates does not verify",
    why=(
        "A certificate names an issuer whose key did not make its signature: two authorities with "
        "one name and different keys, a certificate that was changed after it was signed, or the "
        "wrong generation of an intermediate on the server."
    ),
    not_this={
        "certificate.key_mismatch": "the handshake's own signature fails",
        "certificate.weak_signature": "the signature verifies and its hash is weak",
        "chain.incomplete": "the right issuer was not sent; here a wrong one of that name was",
    },
    proof="The link: the check of that signature under that key.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="send_right_issuer",
        text="Send the generation of the issuer that signed {values} (compare the key "
        "identifiers), or issue the certificate again.",
    ),
    references=("RFC 5280 section 6.1.3", "RFC 5280 section 4.2.1.1"),
    evidence=SUBJECT_EVIDENCE | {"issuer": "the issuer whose key does not fit"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_AUTHORITY_INVALID",
        firefox="SEC_ERROR_BAD_SIGNATURE",
        safari="This Connection Is Not Private",
        edge="NET::ERR_CERT_AUTHORITY_INVALID",
        openssl="verify error:num=7:certificate signature failure",
        go="x509: certificate signed by unknown authority (possibly because of ... while trying to "
        "verify candidate authority certificate ...)",
        java="sun.security.validator.ValidatorException: PKIX path validation failed: "
        "java.security.cert.CertPathValidatorException: signature check failed",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "NotSignatureValid",
    ),
    match=problem_matcher(PathProblem.BAD_SIGNATURE, _issuers),
)

ENTRIES: Final = (
    INCOMPLETE,
    UNTRUSTED_ROOT,
    UNKNOWN_ISSUER,
    CA_EXPIRED,
    CA_NOT_YET_VALID,
    INVALID_CA,
    NAME_CONSTRAINTS,
    BAD_SIGNATURE,
)

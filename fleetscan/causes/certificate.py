"""The leaf itself: its dates, names and use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.evidence import escaped_text, evidence, joined, rfc3339
from fleetscan.causes.model import CatalogueEntry, Remedy, SeenAs, Severity
from fleetscan.causes.paths import SUBJECT_EVIDENCE, details, problem_matcher
from fleetscan.pki.assessment import PathProblem, Problem
from fleetscan.pki.names import names_of

if TYPE_CHECKING:
    from fleetscan.causes.model import Case

DAY: Final = 86_400
"""Seconds."""


def _not_after(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    not_after = problems[0].certificate.not_after
    return evidence(
        not_after=rfc3339(not_after),
        days=max(0, int(case.now - not_after) // DAY),
        scanned_at=rfc3339(case.now),
    )


def _not_before(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    not_before = problems[0].certificate.not_before
    return evidence(
        not_before=rfc3339(not_before),
        days=max(0, int(not_before - case.now) // DAY),
        scanned_at=rfc3339(case.now),
    )


def _names(case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    leaf = problems[0].certificate
    return evidence(
        names=joined(list(names_of(leaf, 64))),
        reference_name=details(problems),
        subject_alt_name="present" if leaf.subject_alt_name else "absent",
    )


def _reference_name(case: Case, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    name = details(problems)
    return (name,) if name else ()


def _rule(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(rule=details(problems))


def _oids(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(oid=details(problems))


_UNTRUSTED_PAGE: Final = "This Connection Is Not Private"

EXPIRED: Final = CatalogueEntry(
    id="certificate.expired",
    title="The server's certificate has expired",
    why=(
        "The end of its validity lies before the time of the scan. It was not renewed, or it was "
        "and the server still has the old one loaded: look for a process that was not reloaded, "
        "and for one member of several that was forgotten."
    ),
    not_this={
        "certificate.not_yet_valid": "the validity has not begun; many clients use the same words "
        "for both",
        "chain.ca_expired": "the leaf is valid and a certificate above it is not",
    },
    proof="notAfter and the time of the scan. It passes at a time inside its validity.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="renew",
        text="Renew the certificate {values}, install it and reload every process that serves it.",
    ),
    references=("RFC 5280 section 4.1.2.5", "RFC 5280 section 6.1.3"),
    evidence=SUBJECT_EVIDENCE
    | {
        "not_after": "the last moment of its validity, UTC",
        "days": "whole days since then",
        "scanned_at": "the time of the scan, UTC",
    },
    seen_as=SeenAs(
        alert="a client that refuses it sends certificate_expired(45)",
        chrome="NET::ERR_CERT_DATE_INVALID",
        firefox="SEC_ERROR_EXPIRED_CERTIFICATE",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_DATE_INVALID",
        openssl="verify error:num=10:certificate has expired",
        go="x509: certificate has expired or is not yet valid: current time ... is after ...",
        java="java.security.cert.CertificateExpiredException: NotAfter: ...",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "NotTimeValid",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000415:SSL routines::sslv3 "
        "alert certificate expired)",
    ),
    match=problem_matcher(PathProblem.EXPIRED, _not_after),
)

NOT_YET_VALID: Final = CatalogueEntry(
    id="certificate.not_yet_valid",
    title="The server's certificate is not valid yet",
    why=(
        "The beginning of its validity lies after the time of the scan: installed too early, "
        "issued by a machine whose clock runs ahead, or the scanner's own clock is behind."
    ),
    not_this={
        "certificate.expired": "the validity is over; many clients use the same words for both",
        "chain.ca_not_yet_valid": "the leaf is valid and a certificate above it is not yet",
    },
    proof="notBefore and the time of the scan. It passes at a time inside its validity.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="wait_or_reissue",
        text="Check the clocks of the scanner and of the authority; put the previous certificate "
        "back until {values} becomes valid, or issue it again.",
    ),
    references=("RFC 5280 section 4.1.2.5", "RFC 5280 section 6.1.3"),
    evidence=SUBJECT_EVIDENCE
    | {
        "not_before": "the first moment of its validity, UTC",
        "days": "whole days until then",
        "scanned_at": "the time of the scan, UTC",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_DATE_INVALID",
        firefox="MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_DATE_INVALID",
        openssl="verify error:num=9:certificate is not yet valid",
        go="x509: certificate has expired or is not yet valid: current time ... is before ...",
        java="java.security.cert.CertificateNotYetValidException: NotBefore: ...",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "NotTimeValid",
    ),
    match=problem_matcher(PathProblem.NOT_YET_VALID, _not_before),
)

NAME_MISMATCH: Final = CatalogueEntry(
    id="certificate.name_mismatch",
    title="The certificate is not for this name",
    why=(
        "No subjectAltName matches the name that was asked for. A DNS name matches a dNSName, a "
        "wildcard covers one label, an IP address matches an iPAddress and nothing else; the "
        "common name does not count. Usual reasons: the wrong virtual host answers, an alias was "
        "never added, the target is reached by address."
    ),
    not_this={
        "name.default_certificate": "why the server shows this certificate: it does not know the "
        "name",
        "interference.interception": "somebody else's certificate is shown on the way",
        "chain.name_constraints": "the name matches and an authority was not allowed to issue it",
    },
    proof="The names in the certificate. It passes under one of its own names.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue_with_name",
        text="Issue the certificate again with {values} among its names, or ask for the server by "
        "a name it has.",
    ),
    references=(
        "RFC 9525 section 6.3",
        "RFC 9525 section 6.4",
        "RFC 5280 section 4.2.1.6",
    ),
    evidence=SUBJECT_EVIDENCE
    | {
        "names": "the DNS names and IP addresses in the certificate",
        "reference_name": "the name that was wanted",
        "subject_alt_name": "absent when the certificate has none at all",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_COMMON_NAME_INVALID",
        firefox="SSL_ERROR_BAD_CERT_DOMAIN",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_COMMON_NAME_INVALID",
        openssl="verify error:num=62:hostname mismatch, verify error:num=64:IP address mismatch",
        go="x509: certificate is valid for a.example, not b.example; x509: cannot validate "
        "certificate for 10.0.0.1 because it doesn't contain any IP SANs; x509: certificate relies "
        "on legacy Common Name field, use SANs instead",
        java="java.security.cert.CertificateException: No subject alternative DNS name matching "
        "b.example found.",
        dotnet="The remote certificate is invalid according to the validation procedure: "
        "RemoteCertificateNameMismatch",
    ),
    match=problem_matcher(PathProblem.NAME_MISMATCH, _names, values=_reference_name),
)

SELF_SIGNED: Final = CatalogueEntry(
    id="certificate.self_signed",
    title="The certificate signed itself and is not trusted here",
    why=(
        "Issuer and subject are the same and the signature is by its own key: made on the machine "
        "itself, by an installer, or shipped with an appliance. Nobody vouches for it."
    ),
    not_this={
        "chain.untrusted_root": "the leaf was issued by an authority that is not trusted here",
        "chain.unknown_issuer": "the issuer is another certificate that nobody has seen",
        "finding.ca_as_leaf": "the leaf may act as an authority, whoever issued it",
    },
    proof="It passes when it is anchored itself; the only cause for which a leaf may be.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="issue_from_ca",
        text="Replace {values} by a certificate from an authority that your clients trust.",
    ),
    references=("RFC 5280 section 3.2", "RFC 5280 section 6.1"),
    evidence=SUBJECT_EVIDENCE,
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_AUTHORITY_INVALID",
        firefox="MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_AUTHORITY_INVALID",
        openssl="verify error:num=18:self-signed certificate",
        go="x509: certificate signed by unknown authority",
        java="sun.security.validator.ValidatorException: PKIX path building failed: "
        "sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid "
        "certification path to requested target",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "UntrustedRoot",
        server_log="nginx: SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 "
        "alert unknown ca)",
    ),
    match=problem_matcher(PathProblem.SELF_SIGNED),
)

WRONG_PURPOSE: Final = CatalogueEntry(
    id="certificate.wrong_purpose",
    title="The certificate is not meant for servers",
    why=(
        "Its extended key usage lacks serverAuth, or its key usage allows neither a signature nor "
        "a key exchange: a client, mail or code signing certificate was installed, or a template "
        "was wrong."
    ),
    not_this={
        "chain.invalid_ca": "a certificate above the leaf lacks the right to issue it",
        "certificate.unknown_critical_extension": "an extension is not understood, rather than "
        "understood and against it",
    },
    proof="The extensions. It passes with that rule off.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue_for_servers",
        text="Issue {values} again from a template for TLS servers (extended key usage "
        "serverAuth).",
    ),
    references=("RFC 5280 section 4.2.1.12", "RFC 5280 section 4.2.1.3", "RFC 5246 section 7.4.2"),
    evidence=SUBJECT_EVIDENCE | {"rule": "the extension that forbids it"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_INVALID, ERR_SSL_KEY_USAGE_INCOMPATIBLE",
        firefox="SEC_ERROR_INADEQUATE_CERT_TYPE, SEC_ERROR_INADEQUATE_KEY_USAGE",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_INVALID, ERR_SSL_KEY_USAGE_INCOMPATIBLE",
        openssl="verify error:num=26:unsuitable certificate purpose",
        go="x509: certificate specifies an incompatible key usage",
        java="Extended key usage does not permit use for TLS server authentication",
        dotnet="The remote certificate is invalid because of errors in the certificate chain: "
        "NotValidForUsage",
    ),
    match=problem_matcher(PathProblem.WRONG_PURPOSE, _rule),
)


def _weak_key(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    return evidence(key=details(problems))


SIGNATURE_ALGORITHMS: Final = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.3.14.3.2.29": "sha1WithRSASignature",
    "1.2.840.10040.4.3": "dsa-with-sha1",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
}
"""Names of the weak ones: RFC 3279 section 2.2, RFC 8017 appendix A.2.3."""


def _weak_signature(_case: Case, problems: tuple[Problem, ...]) -> dict[str, str]:
    names = [SIGNATURE_ALGORITHMS.get(each.detail, escaped_text(each.detail)) for each in problems]
    return evidence(signature_algorithm=joined(list(dict.fromkeys(names))))


WEAK_KEY: Final = CatalogueEntry(
    id="certificate.weak_key",
    title="A key in the path is too small or of a kind that is no longer taken",
    why=(
        "RSA under 2,048 bits, a curve under 224 bits, or DSA, in the leaf or in a certificate "
        "above it, below the anchor."
    ),
    not_this={
        "certificate.weak_signature": "the key is sound, the hash in a signature is not",
        "key_exchange.weak_dh": "the group of the key exchange is small, not the certificate's key",
    },
    proof="The key. It passes under a policy that does not ask.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="replace_key",
        text="Issue {values} again for a new key: ECDSA P-256, or RSA of 2,048 bits or more.",
    ),
    references=("RFC 9325 section 4.5", "RFC 5280 section 4.1.2.7"),
    evidence=SUBJECT_EVIDENCE | {"key": "kind and size of the key"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_WEAK_KEY",
        firefox="MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_WEAK_KEY",
        openssl="verify error:num=66:EE certificate key too weak, verify error:num=67:CA "
        "certificate key too weak",
        java="Algorithm constraints check failed on keysize limits",
        server_log="OpenSSL servers at start: error:0A00018F:SSL routines::ee key too small",
    ),
    match=problem_matcher(PathProblem.WEAK_KEY, _weak_key),
)

WEAK_SIGNATURE: Final = CatalogueEntry(
    id="certificate.weak_signature",
    title="A certificate below the anchor is signed with SHA-1 or MD5",
    why=(
        "Collisions can be made for these hashes, so that a signature no longer shows that the "
        "authority saw this certificate. The anchor's own signature does not count: it is trusted "
        "for being there."
    ),
    not_this={
        "certificate.weak_key": "the hash is sound, the key is too small",
        "signature.no_common_scheme": "it is the handshake's signature, not the certificate's",
        "chain.bad_signature": "the signature does not verify at all",
    },
    proof="The signature algorithm. It passes under a policy that does not ask.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue_with_sha256",
        text="Issue {values} again with SHA-256 or better.",
    ),
    references=("RFC 8446 section 4.4.2.4", "RFC 8446 section 4.2.3"),
    evidence=SUBJECT_EVIDENCE | {"signature_algorithm": "the algorithm of the signature"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_WEAK_SIGNATURE_ALGORITHM",
        firefox="SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_WEAK_SIGNATURE_ALGORITHM",
        openssl="verify error:num=68:CA signature digest algorithm too weak",
        go="x509: cannot verify signature: insecure algorithm SHA1-RSA",
        java="Algorithm constraints check failed on signature algorithm: SHA1withRSA",
        server_log="OpenSSL servers at start: error:0A00018E:SSL routines::ca md too weak",
    ),
    match=problem_matcher(PathProblem.WEAK_SIGNATURE, _weak_signature),
)

UNKNOWN_CRITICAL_EXTENSION: Final = CatalogueEntry(
    id="certificate.unknown_critical_extension",
    title="A certificate has a critical extension that nobody here understands",
    why=(
        "An extension marked critical must be refused by whoever does not know it, since it may "
        "forbid just this use. Private authorities mark extensions of their own so."
    ),
    not_this={
        "certificate.malformed": "the extension cannot be read at all",
        "certificate.wrong_purpose": "a known extension forbids the use",
    },
    proof="The extension's OID. It passes under a policy that does not ask.",
    severity=Severity.HIGH,
    remedy=Remedy(
        id="reissue_without_extension",
        text="Issue {values} again with that extension left out or not marked critical.",
    ),
    references=("RFC 5280 section 4.2", "RFC 5280 section 6.1.4"),
    evidence=SUBJECT_EVIDENCE | {"oid": "the extensions that are not understood"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_INVALID",
        firefox="SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION",
        safari=_UNTRUSTED_PAGE,
        edge="NET::ERR_CERT_INVALID",
        openssl="verify error:num=34:unhandled critical extension",
        go="x509: unhandled critical extension",
        java="unrecognized critical extension(s)",
    ),
    match=problem_matcher(PathProblem.UNKNOWN_CRITICAL_EXTENSION, _oids),
)


ENTRIES: Final = (
    EXPIRED,
    NOT_YET_VALID,
    NAME_MISMATCH,
    SELF_SIGNED,
    WRONG_PURPOSE,
    WEAK_KEY,
    WEAK_SIGNATURE,
    UNKNOWN_CRITICAL_EXTENSION,
)

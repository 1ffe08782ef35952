"""Worth knowing about a certificate or a chain that works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan.causes.certificate import DAY
from fleetscan.causes.certificate_state import leaf_of
from fleetscan.causes.evidence import certificate_subject, evidence, joined, observed, rfc3339
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.facts import MalformedCertificate
from fleetscan.pki.chain import (
    anchor_sent,
    chain_is_unordered,
    leaf_is_ca,
    superfluous_certificates,
)
from fleetscan.pki.names import DNS_NAME, names_of

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.causes.model import Case

SOON_DAYS: Final = 30
VERY_SOON_DAYS: Final = 7
LONG_DAYS: Final = 398
"""CA/Browser Forum Baseline Requirements section 6.3.2, from 2020-09-01. The later steps
(200 days from 2026-03-15, 100 from 2027-03-15, 47 from 2029-03-15) bind public
authorities only; whether an authority is public is not known here, so they are not applied."""

LONG_SINCE: Final = 1_598_918_400
"""2020-09-01T00:00:00Z: earlier certificates were under other rules."""


def _chain(case: Case) -> tuple[Certificate, ...]:
    """The chain as sent; () when a part of it could not be read: its order is then not known."""
    chain = []
    for certificate in case.facts.certificates:
        if isinstance(certificate, MalformedCertificate):
            return ()
        chain.append(certificate)
    return tuple(chain)


def _expires_soon(case: Case) -> Match | None:
    leaf = leaf_of(case.facts)
    if leaf is None or case.now < leaf.not_before:
        return None
    left_s = leaf.not_after - case.now
    if not 0 <= left_s < SOON_DAYS * DAY:
        return None
    return observed(
        evidence(not_after=rfc3339(leaf.not_after), days_left=int(left_s // DAY)),
        remedy_values=(certificate_subject(leaf),),
        severity=Severity.HIGH if left_s < VERY_SOON_DAYS * DAY else None,
    )


def _long_validity(case: Case) -> Match | None:
    leaf = leaf_of(case.facts)
    if leaf is None or leaf.not_before < LONG_SINCE:
        return None
    # Both ends belong to the validity (RFC 5280 section 4.1.2.5): hence the second.
    validity_s = leaf.not_after - leaf.not_before + 1
    if validity_s <= LONG_DAYS * DAY:
        return None
    return observed(
        evidence(
            days=validity_s // DAY,
            not_before=rfc3339(leaf.not_before),
            not_after=rfc3339(leaf.not_after),
        ),
        remedy_values=(str(LONG_DAYS),),
    )


def _wildcard(case: Case) -> Match | None:
    leaf = leaf_of(case.facts)
    if leaf is None:
        return None
    if not any(
        name.kind == DNS_NAME and name.value.startswith(b"*.")
        for name in leaf.subject_alt_name or ()
    ):
        return None
    wildcards = [name for name in names_of(leaf) if name.startswith("*.")]
    return observed(evidence(names=joined(wildcards)))


def _ca_as_leaf(case: Case) -> Match | None:
    chain = _chain(case)
    # One that signed itself is the cause certificate.self_signed or trusted by itself.
    if not leaf_is_ca(chain) or chain[0].issuer.der == chain[0].subject.der:
        return None
    return observed(
        evidence(subject=certificate_subject(chain[0])),
        remedy_values=(certificate_subject(chain[0]),),
    )


def _chain_unordered(case: Case) -> Match | None:
    chain = _chain(case)
    if not chain_is_unordered(chain):
        return None
    return observed(evidence(sent=joined([certificate_subject(each) for each in chain])))


def _chain_superfluous(case: Case) -> Match | None:
    extra = superfluous_certificates(_chain(case))
    if not extra:
        return None
    names = [certificate_subject(each) for each in extra]
    return observed(
        evidence(superfluous=joined(names), count=len(extra)), remedy_values=tuple(names[:3])
    )


def _anchor_sent(case: Case) -> Match | None:
    anchor = anchor_sent(_chain(case))
    if anchor is None:
        return None
    subject = certificate_subject(anchor)
    return observed(
        evidence(root=subject, octets=len(anchor.der)),
        remedy_values=(subject,),
    )


EXPIRES_SOON: Final = CatalogueEntry(
    id="finding.expires_soon",
    title="The certificate expires soon",
    why=(
        "Less than 30 days of its validity are left; under 7 days the severity is high. Where "
        "renewal is automatic it usually means that it did not happen; a certificate made for 30 "
        "days or less is always told."
    ),
    not_this={"certificate.expired": "the validity is over"},
    proof="notAfter and the time of the scan.",
    severity=Severity.MEDIUM,
    remedy=Remedy(id="renew", text="Renew {values}, install it and reload the server."),
    references=("RFC 5280 section 4.1.2.5",),
    evidence={
        "not_after": "the last moment of its validity, UTC",
        "days_left": "whole days until then",
    },
    match=_expires_soon,
)

LONG_VALIDITY: Final = CatalogueEntry(
    id="finding.long_validity",
    title="The certificate is valid for more than 398 days",
    why=(
        "Browsers refuse longer ones from public authorities when they were issued since "
        "2020-09-01; from private authorities they take them. The rule here is 398 days for every "
        "certificate that begins on or after that day. The shorter limits for public authorities "
        "from March 2026 on are not applied, since it is not known here which authority is public."
    ),
    not_this={"finding.expires_soon": "the end of the validity is near, however long it is"},
    proof="notBefore and notAfter, both included.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="shorten_validity",
        text="Issue it for {values} days or less, and renew it by machine.",
    ),
    references=(
        "CA/Browser Forum Baseline Requirements section 6.3.2",
        "RFC 5280 section 4.1.2.5",
    ),
    evidence={
        "days": "days of validity",
        "not_before": "its first moment, UTC",
        "not_after": "its last moment, UTC",
    },
    seen_as=SeenAs(
        chrome="NET::ERR_CERT_VALIDITY_TOO_LONG (public authorities only)",
        edge="NET::ERR_CERT_VALIDITY_TOO_LONG (public authorities only)",
    ),
    match=_long_validity,
)

WILDCARD: Final = CatalogueEntry(
    id="finding.wildcard",
    title="The certificate has a wildcard name",
    why=(
        "One key stands for every host below a domain. It is convenient and allowed; whoever takes "
        "the key from one host can be any of them."
    ),
    not_this={"finding.key_reuse": "the same key was seen on several targets"},
    proof="A dNSName that begins with `*.`.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="use_own_names",
        text="Give hosts that matter certificates of their own names.",
    ),
    references=("RFC 9525 section 6.3", "RFC 9525 section 7.1"),
    evidence={"names": "the wildcard names"},
    match=_wildcard,
)

KEY_REUSE: Final = CatalogueEntry(
    id="finding.key_reuse",
    title="The same key is used by different certificates or owners",
    why=(
        "Unrelated targets show certificates for one key: an image that was cloned with its key, a "
        "default key of a product, or one key kept for years of renewals."
    ),
    not_this={
        "finding.wildcard": "one certificate is meant for many hosts",
        "certificate.weak_key": "the key is too small, whoever has it",
    },
    proof="Equal subjectPublicKeyInfo on targets that have nothing to do with each other.",
    severity=Severity.LOW,
    remedy=Remedy(id="separate_keys", text="Make a key of its own for each host."),
    references=("RFC 5280 section 4.1.2.7",),
    evidence={
        "key_sha256": "SHA-256 of subjectPublicKeyInfo",
        "targets": "on how many targets it was seen",
        "example": "another target that has it",
    },
)

CHAIN_UNORDERED: Final = CatalogueEntry(
    id="finding.chain_unordered",
    title="The certificates are sent in the wrong order",
    why=(
        "The leaf comes first and the others do not each certify the one before. Every current "
        "client sorts them; some embedded ones do not."
    ),
    not_this={
        "chain.incomplete": "a certificate is missing",
        "finding.chain_superfluous": "there are certificates that belong to no path",
    },
    proof="The chain as sent.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="sort_chain",
        text="Put them in order in the file that the server sends: leaf, then each issuer.",
    ),
    references=("RFC 5246 section 7.4.2", "RFC 8446 section 4.4.2"),
    evidence={"sent": "subjects in the order they were sent"},
    match=_chain_unordered,
)

CHAIN_SUPERFLUOUS: Final = CatalogueEntry(
    id="finding.chain_superfluous",
    title="Certificates are sent that certify nothing in the chain",
    why=(
        "Left over from an earlier authority, sent twice, or a second leaf. They cost octets in "
        "every handshake and confuse old clients."
    ),
    not_this={
        "finding.anchor_sent": "the root belongs to the path and need not be sent",
        "finding.chain_unordered": "all of them belong to the path",
    },
    proof="The chain as sent.",
    severity=Severity.LOW,
    remedy=Remedy(id="trim_chain", text="Remove {values} from the file that the server sends."),
    references=("RFC 8446 section 4.4.2", "RFC 5246 section 7.4.2"),
    evidence={"superfluous": "subjects of those certificates", "count": "how many there are"},
    match=_chain_superfluous,
)

ANCHOR_SENT: Final = CatalogueEntry(
    id="finding.anchor_sent",
    title="The root certificate is sent along",
    why=(
        "A client that trusts the root has it, and one that has it not gains nothing from getting "
        "it. It only makes each handshake larger."
    ),
    not_this={
        "chain.untrusted_root": "the root that was sent is not trusted here",
        "finding.chain_superfluous": "the certificate belongs to no path",
    },
    proof="A self-signed certificate at the end of the chain.",
    severity=Severity.LOW,
    remedy=Remedy(id="trim_chain", text="Remove {values} from the file that the server sends."),
    references=("RFC 8446 section 4.4.2", "RFC 5246 section 7.4.2"),
    evidence={"root": "subject of the root", "octets": "its size"},
    match=_anchor_sent,
)

CA_AS_LEAF: Final = CatalogueEntry(
    id="finding.ca_as_leaf",
    title="The leaf is the certificate of an authority",
    why=(
        "Its basicConstraints say that it may issue certificates, so that whoever has the server's "
        "key can make certificates for anything. Usually a template was wrong."
    ),
    not_this={
        "certificate.self_signed": "it signed itself, as certificates made on the machine do",
        "chain.invalid_ca": "a certificate that issued may not",
    },
    proof="basicConstraints of the leaf.",
    severity=Severity.LOW,
    remedy=Remedy(id="reissue_as_leaf", text="Issue {values} again without the cA flag."),
    references=("RFC 5280 section 4.2.1.9",),
    evidence={"subject": "the leaf"},
    seen_as=SeenAs(firefox="MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY"),
    match=_ca_as_leaf,
)

PATH_PROFILE_DEPENDENT: Final = CatalogueEntry(
    id="finding.path_profile_dependent",
    title="Only some clients accept the path",
    why=(
        "The path satisfies the rules that OpenSSL, Java and Windows ask for and not the stricter "
        "ones of browsers, or the other way round: an authority without keyUsage, a leaf without "
        "an authority key identifier."
    ),
    not_this={"chain.invalid_ca": "no client accepts it"},
    proof="The path is checked under both sets of rules and passes one.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="reissue_strict",
        text="Issue the certificates again so that they satisfy the stricter rules.",
    ),
    references=("RFC 5280 section 6.1", "docs/policies.md"),
    evidence={
        "accepted_by": "policies that accept it",
        "refused_by": "policies that refuse it",
        "rule": "the rule that they differ in",
    },
)

STAPLE_STALE: Final = CatalogueEntry(
    id="finding.staple_stale",
    title="The stapled revocation answer is out of date",
    why=(
        "The server staples an OCSP answer whose nextUpdate has passed: it no longer reaches the "
        "responder, or was suspended. Clients that look treat it as no answer."
    ),
    not_this={
        "certificate.must_staple_missing": "an answer was promised and none came",
        "certificate.revoked": "the answer says revoked",
    },
    proof="nextUpdate of the answer and the time of the scan.",
    severity=Severity.LOW,
    remedy=Remedy(id="fix_stapling", text="Let the server reach the OCSP responder again."),
    references=("RFC 6960 section 4.2.2.1", "RFC 6066 section 8"),
    evidence={"this_update": "when it was made, UTC", "next_update": "until when it counts, UTC"},
    seen_as=SeenAs(firefox="SEC_ERROR_OCSP_OLD_RESPONSE"),
)

REVOCATION_UNKNOWN: Final = CatalogueEntry(
    id="finding.revocation_unknown",
    title="Nobody can say whether the certificate was revoked",
    why=(
        "Revocation was to be checked and no usable answer came: the responder is down, says "
        "unknown, or the certificate names no place to ask."
    ),
    not_this={
        "certificate.revoked": "the answer says revoked",
        "finding.staple_stale": "an answer came and is out of date",
    },
    proof="What each source answered.",
    severity=Severity.LOW,
    remedy=Remedy(id="fix_revocation", text="Ask the authority why its responder has no answer."),
    references=("RFC 6960 section 2.2", "RFC 5280 section 6.3"),
    evidence={"sources": "what was asked", "answers": "what each answered"},
    seen_as=SeenAs(
        openssl="verify error:num=3:unable to get certificate CRL",
        firefox="SEC_ERROR_OCSP_SERVER_ERROR, SEC_ERROR_OCSP_UNKNOWN_CERT",
        dotnet="RevocationStatusUnknown, OfflineRevocation",
    ),
)

NO_SCT: Final = CatalogueEntry(
    id="finding.no_sct",
    title="No certificate transparency timestamp from a public authority",
    why=(
        "Chrome, Safari and Firefox (from 135 on) refuse certificates of public authorities that "
        "were not logged. Those "
        "of private authorities need no timestamp, so this is told only for a path to a public "
        "root."
    ),
    not_this={"chain.untrusted_root": "the authority is private, and no log is expected"},
    proof="No timestamp in the certificate, the handshake or the staple, and a public root.",
    severity=Severity.LOW,
    remedy=Remedy(id="log_certificate", text="Have the authority issue it again with timestamps."),
    references=("RFC 6962 section 3.3", "RFC 9162 section 6"),
    evidence={"root": "the public root", "issued": "notBefore, UTC"},
    seen_as=SeenAs(
        chrome="NET::ERR_CERTIFICATE_TRANSPARENCY_REQUIRED",
        firefox="MOZILLA_PKIX_ERROR_INSUFFICIENT_CERTIFICATE_TRANSPARENCY",
        edge="NET::ERR_CERTIFICATE_TRANSPARENCY_REQUIRED",
    ),
)

ENTRIES: Final = (
    EXPIRES_SOON,
    LONG_VALIDITY,
    WILDCARD,
    KEY_REUSE,
    CHAIN_UNORDERED,
    CHAIN_SUPERFLUOUS,
    ANCHOR_SENT,
    CA_AS_LEAF,
    PATH_PROFILE_DEPENDENT,
    STAPLE_STALE,
    REVOCATION_UNKNOWN,
    NO_SCT,
)

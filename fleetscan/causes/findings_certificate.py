"""Worth knowing about a certificate or a chain that works."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from fleetscan.causes.certificate import DAY
from fleetscan.causes.certificate_state import STATUS_REQUEST, leaf_of
from fleetscan.causes.evidence import (
    certificate_subject,
    evidence,
    extension_offered,
    flight_read,
    joined,
    observed,
    rfc3339,
)
from fleetscan.causes.model import CatalogueEntry, Match, Remedy, SeenAs, Severity
from fleetscan.causes.paths import subjects
from fleetscan.facts import MalformedCertificate
from fleetscan.pki.assessment import PathProblem
from fleetscan.pki.chain import (
    anchor_sent,
    chain_is_unordered,
    leaf_is_ca,
    superfluous_certificates,
)
from fleetscan.pki.names import DNS_NAME, names_of
from fleetscan.pki.policy import POLICIES
from fleetscan.pki.profile import profile_problems
from fleetscan.pki.self_issued import is_self_issued
from fleetscan.registry.extension_types import SIGNED_CERTIFICATE_TIMESTAMP
from fleetscan.vocabulary import Checked

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.causes.model import Case

SOON_DAYS: Final = 30
VERY_SOON_DAYS: Final = 7

_PUBLIC_LIMITS: Final = (
    (1_868_227_200, 47),  # 2029-03-15
    (1_805_068_800, 100),  # 2027-03-15
    (1_773_532_800, 200),  # 2026-03-15
    (1_598_918_400, 398),  # 2020-09-01
    (1_519_862_400, 825),  # 2018-03-01
)
"""Since when, and days: CA/Browser Forum Baseline Requirements section 6.3.2, the first three
by ballot SC-081v3. Chrome refuses what is longer, under public roots alone (`HasTooLongValidity`
in net/cert/cert_verify_proc.cc); Apple, since 398."""

_APPLE_DAYS: Final = 825
_APPLE_SINCE: Final = 1_561_939_200
"""2019-07-01: what Apple refuses of any authority, a private one too (Apple HT210176)."""

_PRIVATE_LIMITS: Final = ((1_598_918_400, 398), (_APPLE_SINCE, _APPLE_DAYS))
"""398 days are no client's limit for private authorities: longer ones are told as `info`."""

_LOGGED_SINCE: Final = 1_525_132_800
"""2018-05-01: from then on Chrome expects certificates of public authorities to be logged."""

_TIMESTAMPS_IN_STAPLE: Final = bytes.fromhex("060a2b06010401d679020405")
"""1.3.6.1.4.1.11129.2.4.5, the extension of an OCSP answer (RFC 6962 section 3.3)."""


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


def _public_root(case: Case) -> Certificate | None:
    """The root that browsers ship, where the path ends at one and every signature on it holds."""
    path = case.path
    if path is None or not path.path or path.not_checked:
        return None
    root = path.path[-1]
    if root.sha256 not in case.public_roots:
        return None
    forged = any(problem.kind is PathProblem.BAD_SIGNATURE for problem in path.problems)
    return None if forged else root


def _long_validity(case: Case) -> Match | None:
    leaf = leaf_of(case.facts)
    if leaf is None:
        return None
    root = _public_root(case)
    limits = _PRIVATE_LIMITS if root is None else _PUBLIC_LIMITS
    limit = next((days for since, days in limits if leaf.not_before >= since), None)
    # Both ends belong to the validity (RFC 5280 section 4.1.2.5): hence the second.
    validity_s = leaf.not_after - leaf.not_before + 1
    if limit is None or validity_s <= limit * DAY:
        return None
    refused = root is not None or validity_s > _APPLE_DAYS * DAY
    return observed(
        evidence(
            days=validity_s // DAY,
            limit_days=limit,
            not_before=rfc3339(leaf.not_before),
            not_after=rfc3339(leaf.not_after),
            public_root=None if root is None else certificate_subject(root),
        ),
        remedy_values=(str(limit),),
        severity=None if refused else Severity.INFO,
    )


def _no_sct(case: Case) -> Match | None:
    facts = case.facts
    leaf = leaf_of(facts)
    if leaf is None or leaf.signed_certificate_timestamps or leaf.not_before < _LOGGED_SINCE:
        return None
    # What was not asked for, or not waited for, may be there.
    for extension in (SIGNED_CERTIFICATE_TIMESTAMP, STATUS_REQUEST):
        if not extension_offered(facts, extension):
            return None
    if not flight_read(facts) or facts.signed_certificate_timestamps:
        return None
    root = _public_root(case)
    if root is None or _TIMESTAMPS_IN_STAPLE in facts.ocsp_response:
        return None
    return observed(
        evidence(root=certificate_subject(root), issued=rfc3339(leaf.not_before)),
        remedy_values=(certificate_subject(leaf),),
    )


def _key_reuse(case: Case) -> Match | None:
    leaf = leaf_of(case.facts)
    if leaf is None:
        return None
    # Another certificate of the same subject is the same owner's: renewed, or cross-signed.
    others = [
        one
        for one in case.facts.certificates[1:]
        if not isinstance(one, MalformedCertificate)
        and one.subject_public_key_info == leaf.subject_public_key_info
        and one.subject.der != leaf.subject.der
    ]
    if not others:
        return None
    names = list(dict.fromkeys(certificate_subject(one) for one in others))
    return observed(
        evidence(
            key_sha256=hashlib.sha256(leaf.subject_public_key_info).hexdigest(),
            subject=certificate_subject(leaf),
            others=joined(names),
        ),
        remedy_values=(certificate_subject(leaf),),
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
    if not leaf_is_ca(chain) or is_self_issued(chain[0]):
        return None
    return observed(
        evidence(subject=certificate_subject(chain[0])),
        remedy_values=(certificate_subject(chain[0]),),
    )


def _path_profile_dependent(case: Case) -> Match | None:
    if case.path is None or case.path.trusted is not Checked.YES:
        return None
    problems = profile_problems(case.path.path, anchored=True)
    if not problems:
        return None
    rules = {problem.rule for problem in problems}
    accepting = [name for name, policy in POLICIES.items() if not rules & policy.rules]
    return observed(
        evidence(
            accepted_by=joined(accepting),
            refused_by=joined([name for name in POLICIES if name not in accepting]),
            rule=joined(list(dict.fromkeys(problem.detail for problem in problems))),
        ),
        remedy_values=subjects(case, problems),
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
    title="The certificate is valid for longer than clients, or good practice, allow",
    why=(
        "From an authority whose root browsers ship, Chrome, Edge and Safari refuse more than 398 "
        "days when it begins on or after 2020-09-01; Chrome and Edge more than 200 from 2026-03-15 "
        "on, 100 from 2027-03-15, 47 from 2029-03-15. From a private authority Apple's clients "
        "refuse more than 825 days since 2019-07-01; nobody else refuses any, so more than 398 is "
        "told as a mere remark, of severity info."
    ),
    not_this={"finding.expires_soon": "the end of the validity is near, however long it is"},
    proof="notBefore and notAfter, both included, and the root that the path ends at.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="shorten_validity",
        text="Issue it for {values} days or less, and renew it by machine.",
    ),
    references=(
        "CA/Browser Forum Baseline Requirements section 6.3.2",
        "Apple HT210176",
        "RFC 5280 section 4.1.2.5",
    ),
    evidence={
        "days": "days of validity",
        "limit_days": "days that are allowed",
        "not_before": "its first moment, UTC",
        "not_after": "its last moment, UTC",
        "public_root": "the root that browsers ship and the path ends at; absent for a private one",
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
    not_this={"finding.key_reuse": "different certificates have one key"},
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
    title="The same key is used by different owners",
    why=(
        "The server's certificate and another one in its chain, of another subject, have one key: "
        "an authority made on the server with the server's own key, so that whoever has it can "
        "make certificates for anything, or a key that was copied from one host to the next."
    ),
    not_this={
        "finding.wildcard": "one certificate is meant for many hosts",
        "finding.ca_as_leaf": "the certificate itself may issue",
        "certificate.weak_key": "the key is too small, whoever has it",
    },
    proof="Equal subjectPublicKeyInfo of the leaf and of a certificate of another subject.",
    severity=Severity.LOW,
    remedy=Remedy(id="separate_keys", text="Make a key of its own for {values}."),
    references=("RFC 5280 section 4.1.2.7",),
    evidence={
        "key_sha256": "SHA-256 of subjectPublicKeyInfo",
        "subject": "the leaf",
        "others": "subjects of the other certificates that have the key",
    },
    match=_key_reuse,
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
        "The path is sound, and breaks rules that public authorities must keep and some clients "
        "ask for: an authority without keyUsage, a leaf without an authority key identifier."
    ),
    not_this={"chain.invalid_ca": "no client accepts it"},
    proof="The path passes the policy of the scan, and the strict rules name what they refuse.",
    severity=Severity.LOW,
    remedy=Remedy(
        id="reissue_strict",
        text="Issue the certificates again so that they satisfy the stricter rules: {values}.",
    ),
    references=("RFC 5280 section 4.2", "docs/policies.md"),
    evidence={
        "accepted_by": "policies that ask for none of the rules",
        "refused_by": "policies that ask for one of them",
        "rule": "the rules that are broken, each with what breaks it",
    },
    match=_path_profile_dependent,
)

NO_SCT: Final = CatalogueEntry(
    id="finding.no_sct",
    title="No certificate transparency timestamp from a public authority",
    why=(
        "Chrome, Safari and Firefox (from 135 on) refuse certificates of public authorities that "
        "were not logged. Those of private authorities need no timestamp, so this is told only for "
        "a path to a root that browsers ship, and only when the hello asked for timestamps."
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
    match=_no_sct,
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
    NO_SCT,
)

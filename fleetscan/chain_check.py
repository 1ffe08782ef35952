"""A chain in files, checked as clients check it, without a handshake or a network.

from pathlib import Path

import fleetscan

found = fleetscan.verify_chain(Path("chain.pem").read_bytes(), name="www.example.org")
print(found.valid, *found.record["cause_ids"])
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from fleetscan import limits
from fleetscan._parse import Certificate
from fleetscan.causes import classify_certificates
from fleetscan.causes.model import Case
from fleetscan.errors import ParseError, UsageError
from fleetscan.facts import HandshakeFacts, MalformedCertificate, parse_certificate_or_malformed
from fleetscan.inventory.names import canonical_reference
from fleetscan.output.chain_record import (
    REFUSED,
    UNDECIDED,
    VALID,
    PathSource,
    chain_record,
)
from fleetscan.pki.certificate_files import (
    CertificateFile,
    Encoded,
    FileFault,
    read_certificates,
)
from fleetscan.pki.chain import in_order, likely_leaf
from fleetscan.pki.distinguished_names import name_key
from fleetscan.pki.fixing import FixedChain, fixed_chain, why_not_fixed
from fleetscan.pki.names import as_address, distinguished_name, reference_octets
from fleetscan.pki.path import assess
from fleetscan.pki.policy import BROWSER
from fleetscan.pki.policy_file import load_policy
from fleetscan.pki.revocation import RevocationStatus, combine
from fleetscan.pki.trust import load_trust, public_roots
from fleetscan.text import printable
from fleetscan.vocabulary import Checked, Stage

if TYPE_CHECKING:
    from fleetscan.causes.model import Verdict
    from fleetscan.fleet.known import KnownAuthorities
    from fleetscan.pki.crl_files import CrlFile
    from fleetscan.pki.path import PathAssessment
    from fleetscan.pki.policy import Policy
    from fleetscan.pki.revocation import Revocation, RevocationAnswer
    from fleetscan.pki.trust import TrustStore


_ARMOUR: Final = {
    FileFault.BASE64_INVALID: "there is something in its PEM block that is no base64",
    FileFault.END_MISSING: "its PEM block has no END line: the file was cut short",
}

_REFUSED_SHOWN: Final = 4
"""What could not be read of trust stores: lines that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenChain:
    """Certificates as files gave them, and what a person should know of those files.

    `is_cut` says that there were more than are looked at.
    """

    certificates: tuple[Certificate | MalformedCertificate, ...]
    remarks: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def readable(self) -> tuple[Certificate, ...]:
        """Those that could be parsed."""
        return tuple(one for one in self.certificates if isinstance(one, Certificate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a chain is held to.

    Args:
        name: the DNS name or IP address it must be for; None: not checked.
        at: Unix seconds, UTC.
        trust: the anchors.
        policy: the rules.
        crls: what is asked about revocation; without any it is not checked.
    """

    name: str | None
    at: float
    trust: TrustStore
    policy: Policy = BROWSER
    crls: Sequence[CrlFile] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a chain.

    Args:
        valid: whether a client would take it; False also where that could not be settled.
        record: everything, with the keys of `fleetscan.verify/1`.
        verdict: the causes and findings that the record was made from.
        path: the path check that they were made from.
        fixed: what a server should send; None where there is no path to take it from.
        why_not_fixed: the reason for that, in words.
    """

    valid: bool
    record: dict[str, Any]
    verdict: Verdict
    path: PathAssessment
    fixed: FixedChain | None
    why_not_fixed: str


def verify_chain(
    chain: bytes,
    *,
    name: str | None = None,
    at: float | None = None,
    trust: Sequence[str] = (),
    untrusted: bytes = b"",
    policy: str = BROWSER.name,
    crls: Sequence[str] = (),
) -> Verification:
    """Check a chain as clients would; the only I/O is that trust stores and CRLs are read.

    Args:
        chain: the octets of a file, PEM, DER or PKCS #7, the leaf first.
        name: the DNS name or IP address it must be for; None: not checked. No certificate is
            for what is neither.
        at: Unix seconds, UTC; None: now.
        trust: as `--trust`: `system`, `mozilla`, or paths of files and directories; none means
            `system`.
        untrusted: the octets of a file of further intermediates, which count as though they
            had been sent.
        policy: as `--policy`: the name of a shipped one, or the path of a TOML file.
        crls: paths of files with CRLs; without any, revocation is not checked.

    Raises:
        UsageError: there is no certificate in it, or an argument cannot be used.
    """
    from fleetscan.pki.crl_files import load_crls

    terms = Terms(
        name=None if name is None else reference_name(name),
        at=time.time() if at is None else at,
        trust=load_trust(trust, environ=os.environ, may_be_empty=True),
        policy=load_policy(policy),
        crls=load_crls(crls),
    )
    extra = read_chain([("untrusted", untrusted)]) if untrusted else GivenChain(certificates=())
    return examine(read_chain([("chain", chain)], cut=True), terms, untrusted=extra)


# -- arguments ---------------------------------------------------------------------------


def reference_name(text: str) -> str:
    """The name in A-labels, or the address without brackets.

    What is neither is given back, safe to print: no certificate is for it (RFC 9525 section 6).

    Raises:
        UsageError: there is nothing in it.
    """
    if not text:
        raise UsageError("--name: it is empty; leave it out if the name is not to be checked")
    try:
        return canonical_reference(text)
    except ValueError:
        octets = reference_octets(text)
        return printable(text) if octets is None else octets.decode("ascii")


def read_chain(files: Sequence[tuple[str, bytes]], *, cut: bool = False) -> GivenChain:
    """Read the certificates of files, one file after the other.

    Args:
        files: the name that messages use, and the octets.
        cut: whether only as many are kept as are in a handshake.

    Raises:
        UsageError: a file holds no certificate.
    """
    encoded: list[Encoded] = []
    remarks: list[str] = []
    is_set = False
    for name, octets in files:
        place = printable(name)
        found = read_certificates(octets)
        if not found.certificates:
            raise UsageError(f"{place} {_nothing_in(found, octets)}")
        encoded += found.certificates
        remarks += [f"{place}: {each} in it was not looked at" for each in found.others]
        remarks += [f"{place}: {each}" for each in found.remarks]
        is_set = is_set or (found.is_set and len(files) == 1)
    is_cut = cut and len(encoded) > limits.MAX_CERTIFICATES
    if is_cut:
        encoded = encoded[: limits.MAX_CERTIFICATES]
        remarks.append(f"only the first {limits.MAX_CERTIFICATES} certificates were looked at")
    certificates = tuple(_parsed(one) for one in encoded)
    return GivenChain(
        certificates=_sorted(certificates) if is_set else certificates,
        remarks=tuple(remarks),
        is_cut=is_cut,
    )


def _nothing_in(found: CertificateFile, octets: bytes) -> str:
    if not octets.strip():
        return "is empty: give a file with PEM or DER certificates"
    said = (*found.remarks, *(f"only {each}" for each in found.others))
    return f"holds no certificate: {said[0]}" if said else "holds no certificate: give PEM or DER"


def _parsed(encoded: Encoded) -> Certificate | MalformedCertificate:
    if encoded.fault is None:
        return parse_certificate_or_malformed(encoded.octets)
    digest = hashlib.sha256(encoded.octets).hexdigest()
    error = ParseError(encoded.fault, "pem", 0)
    return MalformedCertificate(sha256=digest, octets=len(encoded.octets), error=error)


def _sorted(
    certificates: tuple[Certificate | MalformedCertificate, ...],
) -> tuple[Certificate | MalformedCertificate, ...]:
    """The members of a set in the order of a chain, those that cannot be parsed last."""
    readable = [one for one in certificates if isinstance(one, Certificate)]
    if not readable:
        return certificates
    first = readable.pop(likely_leaf(readable))
    malformed = [one for one in certificates if isinstance(one, MalformedCertificate)]
    return (*in_order([first, *readable]), *malformed)


# -- the check ---------------------------------------------------------------------------


def examine(
    chain: GivenChain,
    terms: Terms,
    *,
    untrusted: GivenChain,
    known: KnownAuthorities | None = None,
) -> Verification:
    """Check a chain; the only I/O is that CRLs are read.

    Args:
        chain: the leaf first.
        terms: what it is held to.
        untrusted: further intermediates, which count as though they had been sent.
        known: CA certificates in hand that show what is missing and complete nothing.

    Raises:
        UsageError: a CRL cannot be read any more.
    """
    readable = isinstance(chain.certificates[0], Certificate)
    path = _assessed(chain.readable if readable else (), chain.is_cut, terms, untrusted, known)
    revocation, authority = _revocation(path, terms)
    case = Case(
        facts=HandshakeFacts(
            stage=Stage.CERTIFICATE,
            certificates=chain.certificates,
            certificates_sent=len(chain.certificates),
        ),
        path=path,
        reference_name=terms.name,
        address="",
        port=0,
        now=terms.at,
        public_roots=public_roots(),
        sources=_found_in(path, known),
        revocation=revocation,
        revoked_authority=authority,
    )
    verdict = classify_certificates(case)
    outcome = _outcome(verdict, path)
    sources = _sources(path, chain, untrusted, terms)
    record = chain_record(
        case=case,
        path=path,
        verdict=verdict,
        outcome=outcome,
        policy=terms.policy.name,
        sources=sources,
        remarks=(
            *chain.remarks,
            *untrusted.remarks,
            *_about_terms(terms),
            *_remarks(path, chain, sources),
        ),
    )
    to_send = path
    leaf = likely_leaf(chain.readable) if path.path else 0
    if leaf:
        to_send = _assessed(_from(leaf, chain.readable), chain.is_cut, terms, untrusted, known)
    return Verification(
        valid=outcome == VALID,
        record=record,
        verdict=verdict,
        path=path,
        fixed=fixed_chain(chain.readable, to_send),
        why_not_fixed=why_not_fixed(to_send),
    )


def _assessed(
    chain: Sequence[Certificate],
    is_cut: bool,
    terms: Terms,
    untrusted: GivenChain,
    known: KnownAuthorities | None,
) -> PathAssessment:
    return assess(
        _with_issuers(chain, untrusted.readable),
        reference_name=terms.name,
        now=terms.at,
        trust=terms.trust,
        authorities=known,
        policy=terms.policy,
        is_cut=is_cut,
    )


def _from(leaf: int, chain: Sequence[Certificate]) -> list[Certificate]:
    """The same certificates with another one first."""
    return [chain[leaf], *chain[:leaf], *chain[leaf + 1 :]]


def _with_issuers(
    chain: Sequence[Certificate], untrusted: Iterable[Certificate]
) -> list[Certificate]:
    """The chain, and of the others those that lie above it by name, as many as count.

    Ends because each round adds certificates that were not there, of a finite set.
    """
    by_subject: dict[bytes, list[Certificate]] = {}
    for one in untrusted:
        by_subject.setdefault(name_key(one.subject), []).append(one)
    found = {one.sha256: one for one in chain}
    row = list(chain)
    while row and by_subject:
        above = [one for below in row for one in by_subject.pop(name_key(below.issuer), ())]
        row = [one for one in above if one.sha256 not in found]
        found |= {one.sha256: one for one in row}
    return list(found.values())


def _revocation(path: PathAssessment, terms: Terms) -> tuple[Revocation | None, Certificate | None]:
    """What the CRLs say of the leaf; where one revokes a CA of the path, that and which CA."""
    if not terms.crls:
        return None, None
    from fleetscan.pki.ocsp import issuer_on

    if issuer_on(path) is None:
        return None, None
    leaf, *_ = path.path
    told = combine(_answers(leaf, path.path[1], terms))
    if told.status is RevocationStatus.REVOKED:
        return told, None
    for authority, issuer in pairwise(path.path[1:]):
        found = combine(_answers(authority, issuer, terms))
        if found.status is RevocationStatus.REVOKED:
            return found, authority
    return told, None


def _answers(
    certificate: Certificate, issuer: Certificate, terms: Terms
) -> tuple[RevocationAnswer, ...]:
    from fleetscan.pki.crl_files import answers_from

    return answers_from(terms.crls, certificate, issuer=issuer, now=terms.at)


def _found_in(path: PathAssessment, known: KnownAuthorities | None) -> dict[str, str]:
    """Where each missing certificate was found, by its SHA-256."""
    repairs = (problem.repair for problem in path.problems)
    return {
        one.sha256: known.source_of(one) for one in repairs if known is not None and one is not None
    }


def _outcome(verdict: Verdict, path: PathAssessment) -> str:
    if verdict.causes or Checked.NO in (path.trusted, path.name):
        return REFUSED
    return VALID if path.trusted is Checked.YES else UNDECIDED


def _sources(
    path: PathAssessment, chain: GivenChain, untrusted: GivenChain, terms: Terms
) -> tuple[PathSource, ...]:
    """Where each certificate of the path came from."""
    places = {one.sha256: at for at, one in reversed([*enumerate(chain.certificates, start=1)])}
    extra = {one.sha256 for one in untrusted.certificates}

    def source_of(certificate: Certificate) -> PathSource:
        held = terms.trust.sources_of(certificate)
        if certificate.sha256 in places:
            place = places[certificate.sha256]
            return PathSource(kind="chain", position=place, trusted_by=held)
        if certificate.sha256 in extra:
            return PathSource(kind="untrusted", trusted_by=held)
        return PathSource(kind="trust" if held else "missing", trusted_by=held)

    return tuple(source_of(certificate) for certificate in path.path)


def _about_terms(terms: Terms) -> Iterable[str]:
    refused = terms.trust.refused
    yield from refused[:_REFUSED_SHOWN]
    if len(refused) > _REFUSED_SHOWN:
        yield f"{len(refused) - _REFUSED_SHOWN:,} more of the trust stores could not be read"
    if not len(terms.trust):
        yield "no certificate is trusted here, so no chain can be valid"
    name = terms.name
    if name is None or as_address(name) is not None or reference_octets(name) is not None:
        return
    reason = f"{name!r} is not a name"
    try:
        canonical_reference(name)
    except ValueError as refusal:
        reason = str(refusal)
    yield f"no certificate can be for this name: {reason}; give a host name or an address alone"


def _remarks(
    path: PathAssessment, chain: GivenChain, sources: Sequence[PathSource]
) -> Iterable[str]:
    for place, one in enumerate(chain.certificates, start=1):
        if not isinstance(one, MalformedCertificate):
            continue
        if isinstance(one.error.fault, FileFault):
            yield f"certificate {place}: {_ARMOUR[one.error.fault]}"
        if place > 1:
            yield f"certificate {place} cannot be parsed and was left out: {one.error}"
    for certificate, source in zip(path.path, sources, strict=True):
        if source.kind == "untrusted":
            subject = distinguished_name(certificate.subject)
            yield f"{subject} is not in the chain: clients that do not have it will refuse it"
    leaf = likely_leaf(chain.readable) if path.path else 0
    if leaf:
        subject = distinguished_name(chain.readable[leaf].subject)
        yield f"the first certificate issued others of the chain; {subject} should come first"

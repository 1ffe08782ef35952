"""Findings that depend on who issued: validity, certificate transparency, shared keys."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from fleetscan.causes import classify
from fleetscan.causes.model import Case, Cause, Severity
from fleetscan.facts import MalformedCertificate
from fleetscan.pki.path import assess
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import EndedBy
from tests.certificates import (
    DAY,
    NOW,
    Issued,
    intermediate,
    issue,
    leaf,
    make_key,
    resigned,
    root,
    spoiled,
    tlv,
)
from tests.facts_builder import OFFER, case, confirmed, ended

ROOT = root("Public Root")
CA = intermediate(ROOT)
PUBLIC = frozenset({ROOT.parsed.sha256})
LONG = "finding.long_validity"
NO_SCT = "finding.no_sct"
KEY_REUSE = "finding.key_reuse"


def day(text: str) -> int:
    """The first second of a day, UTC."""
    return int(datetime.datetime.fromisoformat(text + "T00:00:00+00:00").timestamp())


def shown(
    *chain: Issued,
    public_roots: frozenset[str] = PUBLIC,
    trust: tuple[Issued, ...] = (ROOT,),
    facts: Any = None,  # noqa: ANN401
) -> Case:
    """A target that showed this chain, with the path that it has."""
    certificates = tuple(one.parsed for one in chain)
    path = assess(
        certificates,
        reference_name=None,
        now=float(NOW),
        trust=TrustStore([one.parsed for one in trust]),
    )
    seen = confirmed(certificates=certificates) if facts is None else facts
    return case(
        replace(seen, certificates=certificates),
        path=path,
        now=float(NOW),
        public_roots=public_roots,
    )


def finding(seen: Case, finding_id: str) -> Cause | None:
    """The finding, if it is told."""
    told = {each.entry.id: each for each in classify(seen).findings}
    return told.get(finding_id)


# -- how long it is valid -----------------------------------------------------------


# Baseline Requirements section 6.3.2 (ballot SC-081v3): since when, and how many days.
@pytest.mark.parametrize(
    ("since", "limit", "before"),
    [
        ("2029-03-15", 47, 100),
        ("2027-03-15", 100, 200),
        ("2026-03-15", 200, 398),
        ("2020-09-01", 398, 825),
        ("2018-03-01", 825, None),
    ],
)
def test_each_step_of_the_limit_for_public_authorities(
    since: str, limit: int, before: int | None
) -> None:
    """By notBefore; a day is 86,400 seconds and both ends count."""

    def told(not_before: int, validity_s: int) -> Cause | None:
        one = leaf(CA, not_before=not_before, not_after=not_before + validity_s - 1)
        return finding(shown(one, CA), LONG)

    first = day(since)
    assert told(first, limit * DAY) is None
    over = told(first, limit * DAY + 1)
    assert over is not None
    assert over.severity is Severity.LOW
    assert over.match.evidence["limit_days"] == str(limit)
    assert over.match.evidence["public_root"] == "CN=Public Root"
    assert told(first - 1, (before or 4_000) * DAY) is None
    assert (told(first - 1, 4_000 * DAY) is None) is (before is None)


@pytest.mark.parametrize(
    ("not_before", "days", "expected"),
    [
        ("2019-06-30", 4_000, None),
        ("2019-07-01", 825, None),
        ("2019-07-01", 826, Severity.LOW),
        ("2020-08-31", 825, None),
        ("2020-09-01", 398, None),
        ("2020-09-01", 399, Severity.INFO),
        ("2026-10-01", 398, None),
        ("2026-10-01", 825, Severity.INFO),
        ("2026-10-01", 826, Severity.LOW),
    ],
)
def test_what_private_authorities_may_do(
    not_before: str, days: int, expected: Severity | None
) -> None:
    """Apple HT210176: 825 days, of any authority; the limits of public ones bind no other."""
    first = day(not_before)
    one = leaf(CA, not_before=first, not_after=first + days * DAY - 1)
    told = finding(shown(one, CA, public_roots=frozenset()), LONG)

    assert (told.severity if told else None) is expected
    assert told is None or "public_root" not in told.match.evidence


def test_a_malformed_leaf_has_no_validity() -> None:
    """Nothing is said of what cannot be read."""
    refused = MalformedCertificate(sha256="", octets=0, error=None)  # type: ignore[arg-type]

    assert finding(case(confirmed(certificates=(refused,))), LONG) is None


# -- whether the root is public --------------------------------------------------------


def long_lived(issuer: Issued, **changes: Any) -> Issued:  # noqa: ANN401
    """A leaf of 300 days: too long under a public root, and under no other."""
    return leaf(
        issuer, not_before=NOW - 30 * DAY, not_after=NOW + 270 * DAY, label="long", **changes
    )


def test_a_root_is_public_when_the_path_ends_at_one_that_browsers_ship() -> None:
    """One look-alike for each condition: another root, an open end, a forged or unread link."""
    one = long_lived(CA)
    assert finding(shown(one, CA), LONG) is not None
    assert finding(shown(one, CA, ROOT, trust=()), LONG) is not None

    same_name = root("Public Root", label="private")
    private = intermediate(same_name, label="private CA")
    assert finding(shown(long_lived(private), private, trust=(same_name,)), LONG) is None
    assert finding(shown(one), LONG) is None
    assert finding(replace(shown(one, CA), path=None), LONG) is None
    assert finding(shown(spoiled(one), CA), LONG) is None
    assert finding(shown(one, spoiled(CA)), LONG) is None
    unread = resigned(one, CA, algorithm="2a864886f70d01017f")
    assert finding(shown(unread, CA), LONG) is None


# -- certificate transparency ------------------------------------------------------------

SCT = bytes(47)
TIMESTAMPS = (len(SCT) + 2).to_bytes(2, "big") + len(SCT).to_bytes(2, "big") + SCT
EMBEDDED = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), tlv(0x04, TIMESTAMPS)
)
# RFC 6962 section 3.3: the singleExtensions of an OCSP answer; DER of 1.3.6.1.4.1.11129.2.4.5.
STAPLED = tlv(0x30, bytes.fromhex("060a2b06010401d679020405"), tlv(0x04, TIMESTAMPS))


def test_no_timestamp_from_a_public_authority() -> None:
    """Chrome's policy: in the certificate, in the handshake or in the staple."""
    told = finding(shown(leaf(CA), CA), NO_SCT)

    assert told is not None
    assert told.severity is Severity.LOW
    assert told.match.evidence == {"root": "CN=Public Root", "issued": "2026-12-16T08:00:00Z"}


def test_a_timestamp_anywhere_is_enough() -> None:
    """RFC 6962 section 3.3 has three ways."""
    embedded = leaf(CA, extra=[(EMBEDDED, False)])
    assert embedded.parsed.signed_certificate_timestamps == 1

    assert finding(shown(embedded, CA), NO_SCT) is None
    in_handshake = confirmed(signed_certificate_timestamps=TIMESTAMPS)
    assert finding(shown(leaf(CA), CA, facts=in_handshake), NO_SCT) is None
    stapled = confirmed(ocsp_response=b"\x30\x82" + STAPLED)
    assert finding(shown(leaf(CA), CA, facts=stapled), NO_SCT) is None
    other_staple = confirmed(ocsp_response=b"\x30\x82 an answer without any")
    assert finding(shown(leaf(CA), CA, facts=other_staple), NO_SCT) is not None


def test_no_timestamp_is_missed_where_none_is_due_or_none_was_asked_for() -> None:
    """One look-alike for each condition."""
    one = leaf(CA)
    assert finding(shown(one, CA, public_roots=frozenset()), NO_SCT) is None
    earlier = leaf(CA, not_before=day("2018-05-01") - 1)
    assert finding(shown(earlier, CA), NO_SCT) is None
    on_the_day = leaf(CA, not_before=day("2018-05-01"), label="on the day")
    assert finding(shown(on_the_day, CA), NO_SCT) is not None
    for extension in (5, 18):
        offer = replace(
            OFFER, extensions=tuple(each for each in OFFER.extensions if each != extension)
        )
        assert finding(shown(one, CA, facts=confirmed(offer=offer)), NO_SCT) is None
    # Before the end of the flight a staple may still come.
    stopped = ended(EndedBy.FIN, version=0x0303, history="Csx")
    assert finding(shown(one, CA, facts=stopped), NO_SCT) is None


# -- one key, two owners -------------------------------------------------------------------


def test_a_leaf_with_its_authoritys_key() -> None:
    """RFC 5280 section 4.1.2.7: the key is the whole subjectPublicKeyInfo."""
    shared = make_key("shared")
    authority = intermediate(ROOT, "Own CA", key=shared)
    told = finding(shown(leaf(authority, key=shared), authority), KEY_REUSE)

    assert told is not None
    assert told.match.evidence == {
        "key_sha256": hashlib.sha256(authority.parsed.subject_public_key_info).hexdigest(),
        "subject": "CN=www.example.com",
        "others": "CN=Own CA",
    }


def test_one_owner_may_have_one_key_in_several_certificates() -> None:
    """A renewed leaf sent beside the old one, a cross-signed authority, a root beside itself."""
    renewed = leaf(CA, not_after=NOW + 90 * DAY)
    other = root("Other Root")
    crossed = issue("Test CA", other, ca=True, key=CA.key)

    assert renewed.der != leaf(CA).der
    assert finding(shown(leaf(CA), renewed, CA), KEY_REUSE) is None
    assert finding(shown(leaf(CA), CA, crossed), KEY_REUSE) is None
    assert finding(shown(leaf(CA), CA, ROOT), KEY_REUSE) is None
    assert finding(shown(), KEY_REUSE) is None


# -- the chain, once more: what looks like a finding and is none ------------------------------


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        # Cross-signed for older clients: two ways up, each in order, and none superfluous.
        ("leaf ca crossed", []),
        ("leaf crossed ca", []),
        ("leaf ca leaf", ["finding.chain_superfluous"]),
        ("leaf ca ca", ["finding.chain_superfluous"]),
        ("leaf ca other-root", ["finding.chain_superfluous"]),
        ("leaf ca root", ["finding.anchor_sent"]),
        ("leaf root ca", ["finding.chain_unordered", "finding.anchor_sent"]),
        # One that signed itself and issues is a cause's matter; that it is long is not.
        ("root", [LONG]),
        ("leaf", []),
        ("lower-leaf lower ca", []),
        ("lower-leaf ca lower", ["finding.chain_unordered"]),
    ],
)
def test_chains_and_what_is_said_of_them(chain: str, expected: list[str]) -> None:
    """RFC 8446 section 4.4.2: each certifies the one before; the root may be left out."""
    lower = intermediate(CA, "Lower CA")
    other = root("Other Root")
    pieces = {
        "root": ROOT,
        "ca": CA,
        "leaf": leaf(CA),
        "lower": lower,
        "lower-leaf": leaf(lower, label="lower leaf"),
        "crossed": issue("Test CA", other, ca=True, key=CA.key),
        "other-root": root("Stranger"),
    }
    sent = [pieces[name] for name in chain.split()]
    found = classify(shown(*sent, public_roots=frozenset())).findings

    assert [each.entry.id for each in found] == expected

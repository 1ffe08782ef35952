"""A chain from files to its record: what it is held to, what is said, and the shape of that."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

import fleetscan
from fleetscan import limits
from fleetscan.causes import CATALOGUE, classify_certificates
from fleetscan.chain_check import (
    GivenChain,
    Terms,
    Verification,
    examine,
    read_chain,
    reference_name,
)
from fleetscan.errors import UsageError
from fleetscan.fleet.known import KnownAuthorities
from fleetscan.output.schema import load_schema
from fleetscan.pem import certificate_block
from fleetscan.pki.crl_files import load_crls
from fleetscan.pki.policy import BROWSER, POLICIES, Policy
from fleetscan.pki.trust import TrustStore
from tests import certificates
from tests.certificates import DAY, NOW, Issued, intermediate, leaf, root, spoiled
from tests.crls import built_crl
from tests.facts_builder import case, confirmed

ROOT = root()
CA = intermediate(ROOT)
LEAF = leaf(CA)
NAME = "www.example.com"


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    """Checks a record against the schema that ships in the package."""
    return jsonschema.Draft202012Validator(load_schema("verify"))


def verified(
    *chain: Issued | bytes,
    extra: tuple[Issued, ...] = (),
    trust: tuple[Issued, ...] = (ROOT,),
    known: tuple[Issued, ...] = (),
    name: str | None = NAME,
    at: float = NOW,
    policy: Policy = BROWSER,
    crls: tuple[str, ...] = (),
) -> Verification:
    """Examine a chain, and hold its record to the schema."""
    octets = b"".join(one if isinstance(one, bytes) else one.pem for one in chain)
    untrusted = GivenChain(certificates=tuple(one.parsed for one in extra))
    terms = Terms(
        name=name,
        at=at,
        trust=TrustStore([one.parsed for one in trust], sources=("corp",)),
        policy=policy,
        crls=load_crls(crls),
    )
    found = examine(
        read_chain([("chain.pem", octets)], cut=True),
        terms,
        untrusted=untrusted,
        known=KnownAuthorities([one.parsed for one in known]),
    )
    validator().validate(found.record)
    assert json.loads(json.dumps(found.record)) == found.record
    return found


def test_a_good_chain() -> None:
    """Nothing is wrong with it, and the record says by which path and whose trust."""
    record = verified(LEAF, CA).record

    assert (record["valid"], record["outcome"], record["severity"]) == (True, "valid", "info")
    assert record["causes"] == record["findings"] == record["remarks"] == []
    assert record["at"] == "2027-01-15T08:00:00Z"
    assert (record["name"], record["policy"]) == (NAME, "browser")
    assert record["checks"] == {
        "name": "yes", "path": "yes", "revocation": "not_checked", "key": "not_checked",
    }  # fmt: skip
    assert [(one["sha256"], one["source"], one.get("position")) for one in record["path"]] == [
        (LEAF.parsed.sha256, "chain", 1),
        (CA.parsed.sha256, "chain", 2),
        (ROOT.parsed.sha256, "trust", None),
    ]
    assert record["trusted_by"] == ["corp"]
    assert "cause" not in record


def test_without_a_name_the_name_is_not_checked() -> None:
    """And is never a cause."""
    record = verified(LEAF, CA, name=None).record

    assert record["valid"]
    assert record["name"] is None
    assert record["checks"]["name"] == "not_checked"


@pytest.mark.parametrize(
    ("chain", "changes", "expected"),
    [
        ((leaf(CA, not_after=NOW - DAY), CA), {}, ["certificate.expired"]),
        ((LEAF, CA), {"at": NOW - 40 * DAY}, ["certificate.not_yet_valid"]),
        ((LEAF, CA), {"name": "other.example"}, ["certificate.name_mismatch"]),
        ((LEAF, CA), {"name": "192.0.2.1"}, ["certificate.name_mismatch"]),
        ((LEAF,), {}, ["chain.unknown_issuer"]),
        ((LEAF,), {"known": (CA,)}, ["chain.incomplete"]),
        ((LEAF, CA, ROOT), {"trust": (root("Other Root"),)}, ["chain.untrusted_root"]),
        ((spoiled(LEAF), CA), {}, ["chain.bad_signature"]),
        ((b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", CA), {},
         ["certificate.malformed"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_the_scans_own_causes(
    chain: tuple[Issued, ...], changes: dict[str, Any], expected: list[str]
) -> None:
    """The ids of causes.md, and nothing about a handshake that never was."""
    found = verified(*chain, **changes)

    assert found.record["cause_ids"] == expected
    assert (found.valid, found.record["outcome"]) == (False, "refused")
    assert found.record["cause"]["id"] == expected[0]


def test_a_broken_intermediate_is_named_and_left_out() -> None:
    """With another way to an anchor it is a remark; without one it is suspected."""
    broken = certificate_block(b"\x30\x03\x02\x01\x00")
    harmless = verified(LEAF, CA, broken)
    fatal = verified(LEAF, broken)

    assert harmless.valid
    assert any("certificate 3 cannot be parsed" in each for each in harmless.record["remarks"])
    assert "certificate.malformed" in fatal.record["cause_ids"]
    assert "chain.unknown_issuer" in fatal.record["cause_ids"]


def crl_file(tmp_path: Path, issuer: Issued, *revoked: Issued) -> str:
    """A CRL of this issuer in a file."""
    octets = built_crl(issuer, [one.parsed.serial_number for one in revoked], digest=SHA256())
    path = tmp_path / f"{issuer.parsed.sha256[:8]}.crl"
    path.write_bytes(octets.public_bytes(Encoding.PEM))
    return str(path)


def test_a_crl_settles_the_leafs_revocation(tmp_path: Path) -> None:
    """Good where it is not listed; revoked, and proven to be only that, where it is."""
    good = verified(LEAF, CA, crls=(crl_file(tmp_path, CA, leaf(CA, "other.example")),))
    bad = verified(LEAF, CA, crls=(crl_file(tmp_path, CA, LEAF),))

    assert (good.valid, good.record["checks"]["revocation"]) == (True, "good")
    assert (bad.valid, bad.record["checks"]["revocation"]) == (False, "revoked")
    assert bad.record["proven_cause_ids"] == ["certificate.revoked"]


def test_a_revoked_authority_is_told_by_its_own_name(tmp_path: Path) -> None:
    """RFC 5280 section 6.1.3 (a) (3): no certificate of the path may be revoked."""
    lists = (crl_file(tmp_path, ROOT, CA), crl_file(tmp_path, CA))
    (cause,) = verified(LEAF, CA, crls=lists).record["causes"]

    assert cause["id"] == "certificate.revoked"
    assert cause["evidence"]["subject"] == "CN=Test CA"
    assert cause["evidence"]["sha256"] == CA.parsed.sha256


def test_a_crl_of_another_issuer_settles_nothing(tmp_path: Path) -> None:
    """Whoever gave CRLs is told that none was the right one; it is a finding."""
    record = verified(LEAF, CA, crls=(crl_file(tmp_path, root("Other Root")),)).record

    assert (record["valid"], record["checks"]["revocation"]) == (True, "unknown")
    assert record["finding_ids"] == ["finding.revocation_unknown"]


def test_a_missing_intermediate_says_where_it_was_found() -> None:
    """By the directory that earlier scans left; it is put in where that is asked for."""
    found = verified(LEAF, known=(CA,))
    (cause,) = found.record["causes"]

    assert cause["evidence"]["found"] == "state"
    assert [one["source"] for one in found.record["path"]] == ["chain", "missing", "trust"]
    assert found.fixed is not None
    assert [one.der for one in found.fixed.certificates] == [LEAF.der, CA.der]


def test_an_expired_chain_still_shows_who_trusts_its_root() -> None:
    """The path is not trusted, its end is."""
    record = verified(leaf(CA, not_after=NOW - DAY), CA, ROOT).record

    assert record["trusted_by"] == []
    assert record["path"][-1]["trusted_by"] == ["corp"]
    assert "trusted_by" not in record["path"][0]


def test_untrusted_certificates_count_as_sent_and_are_told() -> None:
    """As in OpenSSL's `-untrusted`; a reader must know that the chain lacks them."""
    record = verified(LEAF, extra=(CA,)).record

    assert record["valid"]
    assert [one["source"] for one in record["path"]] == ["chain", "untrusted", "trust"]
    assert any("CN=Test CA is not in the chain" in each for each in record["remarks"])
    assert record["chain_sha256"] == [LEAF.parsed.sha256]


def test_an_untrusted_issuer_may_be_named_in_other_words() -> None:
    """RFC 5280 section 7.1: capitals and spaces make no other name."""
    loud = leaf(CA, issuer_name=certificates.name("TEST  ca"))

    assert verified(loud, extra=(CA,)).valid


def test_of_many_untrusted_certificates_those_above_the_chain_count() -> None:
    """A bundle of every intermediate there is must not push out the one that is needed."""
    crowd = tuple(root(f"CA {number}") for number in range(limits.MAX_CERTIFICATES + 10))

    assert verified(LEAF, extra=(*crowd, CA)).valid


def test_findings_are_about_the_chain_as_given() -> None:
    """What other files hold is no finding."""
    found = verified(LEAF, ROOT, CA, root("Stray"))
    beside = verified(LEAF, CA, extra=(ROOT, root("Stray")))

    assert set(found.record["finding_ids"]) == {
        "finding.chain_unordered", "finding.chain_superfluous", "finding.anchor_sent",
    }  # fmt: skip
    assert beside.record["finding_ids"] == []


def test_a_chain_upside_down_is_remarked_and_can_be_fixed() -> None:
    """It is judged as a server would send it, by its first certificate."""
    found = verified(ROOT, CA, LEAF)

    assert not found.valid
    assert any("CN=www.example.com should come first" in each for each in found.record["remarks"])
    assert found.fixed is not None
    assert [one.der for one in found.fixed.certificates] == [LEAF.der, CA.der]


def test_what_was_not_settled_is_undecided_and_not_valid() -> None:
    """The right one is the eleventh CA of that name: `limits.MAX_CANDIDATE_ISSUERS` ends it."""
    others = [
        intermediate(ROOT, label=f"key {number}") for number in range(limits.MAX_CANDIDATE_ISSUERS)
    ]
    found = verified(leaf(CA, identifiers=False), *others, CA)

    assert (found.valid, found.record["outcome"]) == (False, "undecided")
    assert found.record["limit"] == "candidate_issuers"
    assert found.record["checks"]["path"] == "not_checked"
    assert found.fixed is None
    assert "candidate_issuers" in found.why_not_fixed


def test_only_as_many_as_in_a_handshake_are_looked_at() -> None:
    """`limits.MAX_CERTIFICATES`, as a scan keeps them."""
    found = verified(LEAF, CA, *[root(f"CA {number}") for number in range(70)])

    assert len(found.record["chain_sha256"]) == limits.MAX_CERTIFICATES
    assert any("only the first 64" in each for each in found.record["remarks"])


def test_no_matcher_about_handshakes_is_asked() -> None:
    """Of every entry that can match, those of chain, certificate and certificate findings."""
    seen = case(confirmed(certificates=(LEAF.parsed,), cipher_suite=0x000A, version=0x0301))
    told = {each.entry.id for each in classify_certificates(seen).findings}

    assert not told & {"finding.old_version", "finding.weak_cipher", "finding.no_forward_secrecy"}
    assert classify_certificates(case(confirmed(certificates=()))).causes == ()
    assert any(entry.id == "finding.no_sct" for entry in CATALOGUE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_names_are_taken_as_users_type_them(typed: str, meant: str) -> None:
    """A-labels by RFC 5891's example, addresses with and without brackets."""
    assert reference_name(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *(" ", "a b", "*.example.com", "1.2.3", "a..b", "x" * 300, "a-.example.com", "a@b.c"),
        *("https://www.example.com", "www.example.com:443", "\x1b["),
    ],
)
def test_what_is_no_name_matches_no_certificate(typed: str) -> None:
    """RFC 9525 section 6: not even one that has the very text as a dNSName."""
    text = typed if typed.isascii() and typed.isprintable() else "x"
    found = verified(leaf(CA, san=(text, NAME)), CA, name=reference_name(typed))

    assert found.record["cause_ids"] == ["certificate.name_mismatch"]
    assert found.record["checks"]["name"] == "no"
    assert found.record["name"].isprintable()
    assert any("no certificate can be for this name" in each for each in found.record["remarks"])


def test_an_empty_name_is_a_slip() -> None:
    """An unset variable of a script: neither checked against nothing nor left out in silence."""
    with pytest.raises(UsageError, match="--name"):
        reference_name("")


def test_a_name_that_idna_2003_has_not_is_taken_in_its_a_labels() -> None:
    """RFC 5892 appendix A.1: a joiner that Persian needs, which nameprep (RFC 3454) drops."""
    typed = "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com"

    assert reference_name(typed) == "xn--mgba3gch31f060k.com"


def test_the_policy_decides() -> None:
    """A version of a rule that one client has and another has not: the common name."""
    old = leaf(CA, NAME, san=None)

    assert verified(old, CA).record["cause_ids"] == ["certificate.name_mismatch"]
    found = verified(old, CA, policy=POLICIES["openssl"])
    assert (found.valid, found.record["policy"]) == (True, "openssl")


def test_from_python(tmp_path: Path) -> None:
    """The public function: octets in, the same record out."""
    trust = tmp_path / "root.pem"
    trust.write_bytes(ROOT.pem)
    found = fleetscan.verify_chain(
        LEAF.der, untrusted=CA.pem, name=NAME, at=NOW, trust=(str(trust),)
    )

    validator().validate(found.record)
    assert found.valid
    assert found.record["trusted_by"] == [str(trust)]
    with pytest.raises(UsageError, match="holds no certificate"):
        fleetscan.verify_chain(b"hello", trust=(str(trust),))


def test_the_schema_of_a_verification_stands_by_itself() -> None:
    """Every reference is inside, every member is described, nothing else is taken."""
    schema = load_schema("verify")

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "fleetscan.verify/1"
    for definition in (schema, *schema["$defs"].values()):
        if "properties" in definition:
            assert definition["additionalProperties"] is False
    assert not validator().is_valid(verified(LEAF, CA).record | {"surprise": 1})
    assert not validator().is_valid(verified(LEAF, CA).record | {"valid": None})

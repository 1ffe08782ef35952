"""One chain, one fault, one problem; and pairs of faults give exactly both."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ObjectIdentifier

from fleetscan.pki.path import PathAssessment, PathProblem, assess
from fleetscan.pki.policy import POLICIES
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import (
    ANY_USAGE,
    CLIENT_AUTH,
    DAY,
    NOW,
    SERVER_AUTH,
    Issued,
    intermediate,
    issue,
    key_usage,
    leaf,
    resigned,
    root,
    spoiled,
)

NAME = "www.example.com"
ROOT = root()
CA = intermediate(ROOT)


def ask(
    *chain: Issued, trust: tuple[Issued, ...] = (ROOT,), name: str | None = NAME, now: float = NOW
) -> PathAssessment:
    """Assess a chain under the test's root."""
    return assess(
        [one.parsed for one in chain],
        reference_name=name,
        now=now,
        trust=TrustStore([one.parsed for one in trust]),
    )


def kinds(assessment: PathAssessment) -> list[PathProblem]:
    """The problems' kinds, in order."""
    return [problem.kind for problem in assessment.problems]


def only(assessment: PathAssessment) -> tuple[PathProblem, str, str]:
    """The one thing wrong: kind, the certificate's subject, details of all rules it breaks."""
    ((kind, certificate),) = {(one.kind, one.certificate) for one in assessment.problems}
    subject = certificate.subject.rdns[-1][0].value
    return kind, subject, ", ".join(one.detail for one in assessment.problems)


def test_a_sound_chain_is_trusted() -> None:
    """Leaf, intermediate, anchor: nothing to say."""
    found = ask(leaf(CA), CA)

    assert found.trusted is Checked.YES
    assert found.name is Checked.YES
    assert found.problems == ()
    assert [one.sha256 for one in found.path] == [
        leaf(CA).parsed.sha256,
        CA.parsed.sha256,
        ROOT.parsed.sha256,
    ]
    assert (found.limit, found.not_checked) == ("", "")


def test_no_chain_is_not_checked() -> None:
    """With nothing to look at nothing is said, least of all that it is good."""
    found = ask()

    assert (found.trusted, found.name) == (Checked.NOT_CHECKED, Checked.NOT_CHECKED)


def test_without_a_reference_name_the_name_is_not_checked() -> None:
    """A CIDR target has no name: never a cause."""
    found = ask(leaf(CA, san=["other.example"]), CA, name=None)

    assert found.name is Checked.NOT_CHECKED
    assert found.problems == ()


def test_a_wrong_name_leaves_the_path_trusted() -> None:
    """Name and path are two checks; the detail is the name that was asked for."""
    found = ask(leaf(CA, san=["other.example"]), CA)

    assert only(found) == (PathProblem.NAME_MISMATCH, NAME, NAME)
    assert (found.trusted, found.name) == (Checked.YES, Checked.NO)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (-1.0, [PathProblem.NOT_YET_VALID]),
        (-0.5, [PathProblem.NOT_YET_VALID]),
        (0.0, []),
        (100.0, []),
        (100.5, []),
        (101.0, [PathProblem.EXPIRED]),
    ],
)
def test_validity_includes_its_first_and_last_second(
    offset: float, expected: list[PathProblem]
) -> None:
    """RFC 5280 section 4.1.2.5: from notBefore through notAfter, inclusive."""
    short = leaf(CA, not_before=NOW, not_after=NOW + 100)

    assert kinds(ask(short, CA, now=NOW + offset)) == expected


def test_an_expired_leaf_says_so_and_its_ca_does_not() -> None:
    """causes.md: chain.ca_expired is about a CA while the leaf is valid."""
    old = intermediate(ROOT, "Old CA", not_after=NOW - 1)

    assert only(ask(leaf(old), old)) == (PathProblem.CA_EXPIRED, "Old CA", "")
    assert only(ask(leaf(old, not_after=NOW - 1), old))[0] is PathProblem.EXPIRED


def test_a_ca_that_is_not_valid_yet() -> None:
    """Both ends of a CA's validity are looked at."""
    young = intermediate(ROOT, "Young CA", not_before=NOW + 1)

    assert only(ask(leaf(young), young)) == (PathProblem.CA_NOT_YET_VALID, "Young CA", "")
    early = leaf(young, not_before=NOW + 1)
    assert only(ask(early, young))[0] is PathProblem.NOT_YET_VALID


def test_an_expired_root_is_an_expired_ca() -> None:
    """An anchor out of date leads nowhere in Firefox and OpenSSL."""
    old = root("Old Root", not_after=NOW - 1)
    found = ask(leaf(old), trust=(old,))

    assert only(found) == (PathProblem.CA_EXPIRED, "Old Root", "")
    assert found.trusted is Checked.NO


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"extended": [CLIENT_AUTH]}, "extended_key_usage"),
        ({"usages": key_usage("key_cert_sign")}, "key_usage"),
        (
            {"extended": [CLIENT_AUTH], "usages": key_usage("content_commitment")},
            "extended_key_usage, key_usage",
        ),
    ],
)
def test_a_leaf_for_another_purpose(changes: dict[str, object], detail: str) -> None:
    """RFC 5280 sections 4.2.1.3 and 4.2.1.12: a TLS server needs serverAuth and a key use."""
    found = ask(leaf(CA, **changes), CA)  # type: ignore[arg-type]

    assert only(found) == (PathProblem.WRONG_PURPOSE, NAME, detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"extended": None},
        {"extended": [CLIENT_AUTH, SERVER_AUTH]},
        {"usages": None},
        {"usages": key_usage("key_encipherment")},
        {"usages": key_usage("key_agreement")},
        {"usages": key_usage("digital_signature", "key_cert_sign")},
    ],
)
def test_a_leaf_that_may_serve(changes: dict[str, object]) -> None:
    """An absent extension restricts nothing, and one fitting use is enough."""
    assert ask(leaf(CA, **changes), CA).problems == ()  # type: ignore[arg-type]


def test_a_leaf_for_any_purpose_is_not_one_for_servers_to_every_client() -> None:
    """OpenSSL refuses anyExtendedKeyUsage for a server; Java takes it, as RFC 5280 allows."""
    chain = [leaf(CA, extended=[ANY_USAGE]).parsed, CA.parsed]
    trust = TrustStore([ROOT.parsed])

    for name, trusted in (("browser", Checked.NO), ("java", Checked.YES)):
        policy = POLICIES[name]
        found = assess(chain, reference_name=NAME, now=NOW, trust=trust, policy=policy)
        assert found.trusted is trusted


@pytest.mark.parametrize(
    ("kind", "detail"),
    [("RSA-1024", "RSA-1024"), ("P-192", "EC-192"), ("DSA-2048", "DSA-2048")],
)
def test_weak_keys_of_leaf_and_intermediate(kind: str, detail: str) -> None:
    """causes.md: RSA under 2048, curves under 224, DSA, anywhere below the anchor."""
    weak_ca = intermediate(ROOT, "Weak CA", kind=kind)

    assert only(ask(leaf(CA, kind=kind), CA)) == (PathProblem.WEAK_KEY, NAME, detail)
    assert only(ask(leaf(weak_ca), weak_ca)) == (PathProblem.WEAK_KEY, "Weak CA", detail)


@pytest.mark.parametrize("kind", ["RSA-2048", "P-224", "P-256", "Ed25519"])
def test_strong_keys_pass(kind: str) -> None:
    """The bounds themselves are good enough."""
    assert ask(leaf(CA, kind=kind), CA).problems == ()


def test_an_anchors_signature_is_not_judged_and_its_key_is() -> None:
    """Its own signature proves nothing; whoever breaks its key issues whatever they like."""
    top = root("Old", kind="RSA-2048")
    old = resigned(top, top, digest=hashes.SHA1())
    weak = root("Weak", kind="RSA-1024")

    assert ask(leaf(old), trust=(old,)).problems == ()
    assert only(ask(leaf(weak), trust=(weak,))) == (PathProblem.WEAK_KEY, "Weak", "RSA-1024")


def test_weak_signatures_below_the_anchor() -> None:
    """SHA-1 on the leaf or on an intermediate is told with the algorithm's OID."""
    sha1 = "1.2.840.10045.4.1"
    weak_leaf = resigned(leaf(CA), CA, digest=hashes.SHA1())
    weak_ca = resigned(CA, ROOT, digest=hashes.SHA1())

    assert only(ask(weak_leaf, CA)) == (PathProblem.WEAK_SIGNATURE, NAME, sha1)
    assert only(ask(leaf(CA), weak_ca)) == (PathProblem.WEAK_SIGNATURE, "Test CA", sha1)


def test_unknown_critical_extensions_anywhere_on_the_path() -> None:
    """RFC 5280 section 4.2: a critical extension that is not understood is a refusal."""
    oid = "1.3.6.1.4.1.55555.1"
    extra = [(x509.UnrecognizedExtension(ObjectIdentifier(oid), b"\x05\x00"), True)]
    harmless = [(x509.UnrecognizedExtension(ObjectIdentifier(oid), b"\x05\x00"), False)]
    odd_ca = intermediate(ROOT, "Odd CA", extra=extra)

    unknown = PathProblem.UNKNOWN_CRITICAL_EXTENSION
    assert only(ask(leaf(CA, extra=extra), CA)) == (unknown, NAME, oid)
    assert only(ask(leaf(odd_ca), odd_ca)) == (unknown, "Odd CA", oid)
    assert ask(leaf(CA, extra=harmless), CA).problems == ()


def test_critical_policy_extensions_are_understood() -> None:
    """RFC 5280 sections 4.2.1.11 and 4.2.1.14 ask for critical; clients know both."""
    extra: list[tuple[x509.ExtensionType, bool]] = [
        (x509.PolicyConstraints(None, 0), True),
        (x509.InhibitAnyPolicy(0), True),
    ]
    crossed = intermediate(ROOT, "Crossed", extra=extra)

    assert ask(leaf(crossed), crossed).trusted is Checked.YES


def test_an_explicit_policy_that_is_required_and_absent() -> None:
    """RFC 5280 section 6.1.5 (g): requireExplicitPolicy, and nobody names a policy."""
    extra: list[tuple[x509.ExtensionType, bool]] = [(x509.PolicyConstraints(0, None), True)]
    crossed = intermediate(ROOT, "Crossed", extra=extra)
    problem = ask(leaf(crossed), crossed).problems[0]

    assert (problem.kind, problem.changed) == (PathProblem.INVALID_CA, "certificate_policies")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"ca": False}, "basic_constraints"),
        ({"ca": None}, "basic_constraints"),
        ({"usages": key_usage("digital_signature")}, "key_usage"),
        ({"extended": [CLIENT_AUTH]}, "extended_key_usage"),
        (
            {"ca": False, "usages": key_usage("crl_sign")},
            "basic_constraints, key_usage",
        ),
    ],
)
def test_a_certificate_that_may_not_issue(changes: dict[str, object], detail: str) -> None:
    """RFC 5280 section 6.1.4 (k) to (n); a CA's extended key usage as browsers nest it."""
    wrong = intermediate(ROOT, "Wrong CA", **changes)  # type: ignore[arg-type]

    assert only(ask(leaf(wrong), wrong)) == (PathProblem.INVALID_CA, "Wrong CA", detail)


def test_a_root_that_may_not_issue() -> None:
    """A trusted self-signed server certificate is an anchor for itself, not a CA."""
    wrong = root("Server", ca=False)

    assert only(ask(leaf(wrong), trust=(wrong,))) == (
        PathProblem.INVALID_CA,
        "Server",
        "basic_constraints",
    )


def test_path_length_counts_intermediates_below() -> None:
    """RFC 5280 section 4.2.1.9: non-self-issued intermediates between a CA and the leaf."""
    narrow = intermediate(ROOT, "Narrow", path_len=0)
    below = intermediate(narrow, "Below")

    assert ask(leaf(narrow), narrow).problems == ()
    assert only(ask(leaf(below), below, narrow)) == (
        PathProblem.INVALID_CA,
        "Narrow",
        "path_len_constraint",
    )


def test_self_issued_intermediates_do_not_count_for_path_length() -> None:
    """RFC 5280 section 6.1.4 (l): a CA's key rollover certificate costs no length."""
    narrow = intermediate(ROOT, "Narrow", path_len=0)
    rolled = intermediate(narrow, "Narrow", label="new key")

    assert ask(leaf(rolled), rolled, narrow).problems == ()


def test_the_roots_own_path_length_holds() -> None:
    """An anchor's constraint is applied, as OpenSSL and browsers do."""
    narrow = root("Narrow Root", path_len=0)
    ca = intermediate(narrow)

    assert only(ask(leaf(ca), ca, trust=(narrow,)))[0] is PathProblem.INVALID_CA


def test_version_1_is_a_ca_only_as_an_anchor() -> None:
    """Version 1 cannot say that it is a CA; trust can say it in its stead."""
    old_root = resigned(root("V1 Root"), root("V1 Root"), version1=True)
    old_ca = resigned(intermediate(ROOT, "V1 CA"), ROOT, version1=True)
    old_leaf = resigned(leaf(CA), CA, version1=True)

    assert ask(leaf(old_root), trust=(old_root,)).problems == ()
    assert only(ask(leaf(old_ca), old_ca)) == (PathProblem.INVALID_CA, "V1 CA", "version")
    assert kinds(ask(old_leaf, CA)) == [PathProblem.NAME_MISMATCH]
    assert ask(old_leaf, CA, name=None).trusted is Checked.YES


def test_a_broken_signature_is_told_with_its_link() -> None:
    """The certificate whose signature fails is named, and who should have made it."""
    bad = spoiled(leaf(CA))
    found = ask(bad, CA)

    assert only(found) == (PathProblem.BAD_SIGNATURE, NAME, "CN=Test CA")
    assert found.trusted is Checked.NO


def test_a_broken_signature_higher_up() -> None:
    """The rest of the path is still built and judged."""
    bad_ca = spoiled(CA)

    assert only(ask(leaf(CA), bad_ca)) == (PathProblem.BAD_SIGNATURE, "Test CA", "CN=Test Root")


def test_another_ca_of_the_same_name_is_no_bad_signature() -> None:
    """Key identifiers that differ say that the issuer is another CA, which is missing."""
    renewed = intermediate(ROOT, "Test CA", label="renewed")
    found = ask(leaf(renewed), CA)

    assert only(found) == (PathProblem.UNKNOWN_ISSUER, NAME, "CN=Test CA")


def test_of_two_cas_of_one_name_the_one_that_signed_is_taken() -> None:
    """Without key identifiers only the signature tells them apart; order does not matter."""
    first = intermediate(ROOT, "Twin", label="first", identifiers=False)
    second = intermediate(ROOT, "Twin", label="second", identifiers=False)
    child = leaf(second, identifiers=False)

    assert ask(child, first, second).problems == ()
    assert ask(child, second, first).problems == ()


def test_what_cannot_be_verified_here_is_not_checked() -> None:
    """An algorithm that is missing here is no fault of the server's: nothing is accused."""
    strange = resigned(leaf(CA), CA, algorithm="2b06010401")
    found = ask(strange, CA)

    assert found.problems == ()
    assert found.trusted is Checked.NOT_CHECKED
    assert found.not_checked == "signature algorithm 1.3.6.1.4.1"


def test_a_self_issued_leaf_that_cannot_be_verified_is_not_accused_either() -> None:
    """Whether it signed itself cannot be told, so neither can self_signed."""
    own = leaf(None)
    found = ask(resigned(own, own, algorithm="2b06010401"))

    assert found.problems == ()
    assert found.trusted is Checked.NOT_CHECKED


def test_other_problems_are_told_beside_what_cannot_be_checked() -> None:
    """An expired leaf is expired whatever its signature is."""
    strange = resigned(leaf(CA, not_after=NOW - 1), CA, algorithm="2b06010401")
    found = ask(strange, CA)

    assert kinds(found) == [PathProblem.EXPIRED]
    assert found.trusted is Checked.NO
    assert found.not_checked


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"not_after": NOW - DAY, "san": ["other.example"]},
            {PathProblem.EXPIRED, PathProblem.NAME_MISMATCH},
        ),
        (
            {"not_after": NOW - DAY, "kind": "RSA-1024"},
            {PathProblem.EXPIRED, PathProblem.WEAK_KEY},
        ),
        (
            {"not_before": NOW + DAY, "extended": [CLIENT_AUTH]},
            {PathProblem.NOT_YET_VALID, PathProblem.WRONG_PURPOSE},
        ),
        (
            {"san": ["other.example"], "kind": "RSA-1024", "not_after": NOW - DAY},
            {PathProblem.NAME_MISMATCH, PathProblem.WEAK_KEY, PathProblem.EXPIRED},
        ),
    ],
)
def test_independent_problems_are_told_together(
    changes: dict[str, object], expected: set[PathProblem]
) -> None:
    """Each of several faults is told, each once, whatever hides the other elsewhere."""
    found = kinds(ask(leaf(CA, **changes), CA))  # type: ignore[arg-type]

    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("name", [NAME, "other.example"])
def test_a_self_signed_leaf(name: str) -> None:
    """It signed itself and is no anchor; its own signature's hash is not the matter."""
    own = leaf(None, san=[name])
    weak = resigned(own, own, digest=hashes.SHA1())
    found = ask(weak, CA)
    problem = next(one for one in found.problems if one.kind is PathProblem.SELF_SIGNED)

    assert set(kinds(found)) - {PathProblem.NAME_MISMATCH} == {PathProblem.SELF_SIGNED}
    assert problem.repair is problem.certificate is found.path[0]
    assert (found.name is Checked.YES) == (name == NAME)


def test_a_self_signed_leaf_with_more_wrong_with_it() -> None:
    """Anchoring it would not make it younger, longer or named otherwise."""
    own = leaf(None, san=["other.example"], not_after=NOW - 1, kind="RSA-1024")

    assert set(kinds(ask(own))) == {
        PathProblem.NAME_MISMATCH,
        PathProblem.EXPIRED,
        PathProblem.WEAK_KEY,
        PathProblem.SELF_SIGNED,
    }


def test_a_self_signed_leaf_that_is_an_anchor_is_trusted() -> None:
    """Giving a server's own certificate as trust is the remedy, so it must work."""
    own = leaf(None)
    found = ask(own, trust=(own,))

    assert found.trusted is Checked.YES
    assert len(found.path) == 1


def test_a_self_signed_ca_as_leaf_is_self_signed() -> None:
    """causes.md: a CA certificate as leaf is a finding unless it signed itself."""
    own = issue(NAME, ca=True, san=[NAME])

    assert only(ask(own)) == (PathProblem.SELF_SIGNED, NAME, "")


def test_an_issued_ca_as_leaf_is_no_failure() -> None:
    """It has its finding; the path itself is sound."""
    odd = leaf(CA, ca=True, usages=key_usage("digital_signature", "key_cert_sign"))

    assert ask(odd, CA).trusted is Checked.YES


def test_a_leaf_that_shares_its_cas_name_is_not_called_self_signed() -> None:
    """Private PKIs do give a server its CA's name: the signature says who signed."""
    ca = root("Same")
    child = leaf(ca, "Same", label="server")

    assert ask(child, trust=(ca,)).trusted is Checked.YES
    assert only(ask(child)) == (PathProblem.UNKNOWN_ISSUER, "Same", "CN=Same")


def test_a_leaf_of_its_cas_name_without_identifiers_is_no_bad_signature() -> None:
    """Its own key did not sign it, and nothing says that it should have."""
    ca = root("Same", identifiers=False)
    child = leaf(ca, "Same", label="server", identifiers=False)

    assert only(ask(child))[0] is PathProblem.UNKNOWN_ISSUER


def test_a_spoiled_self_signed_leaf_has_a_bad_signature() -> None:
    """It says that its own key signed it, and that is not so."""
    assert PathProblem.BAD_SIGNATURE in kinds(ask(spoiled(leaf(None))))

"""An OCSP response counts for a certificate, or the reason why not is told."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from fleetscan import limits
from fleetscan.pki.ocsp import (
    build_request,
    check_response,
    issuer_on,
    request_to,
    staple_answer,
)
from fleetscan.pki.path import PathAssessment, assess
from fleetscan.pki.revocation import Reason, RevocationAnswer, RevocationStatus, combine
from fleetscan.pki.signatures import SignatureCache
from fleetscan.pki.trust import TrustStore
from fleetscan.vocabulary import Checked
from tests.certificates import (
    ANY_USAGE,
    DAY,
    NOW,
    Issued,
    intermediate,
    issue,
    key_usage,
    leaf,
    name,
    root,
    spoiled,
)
from tests.ocsp_answers import (
    GOOD,
    HASHES,
    OCSP_SIGNING,
    UNKNOWN,
    Parts,
    answer,
    cert_id,
    responder,
    response,
    revoked,
    said_no,
    single,
    successful,
)
from tests.octets import certificate_extension, integer, octet_string, oid, sequence, tlv

ROOT = root()
CA = intermediate(ROOT)
OTHER_CA = intermediate(ROOT, "Other CA")
LEAF = leaf(CA)
RESPONDER = responder(CA)

GOOD_ANSWER = answer(LEAF, CA)


def ask(der: bytes, *, about: Issued = LEAF, by: Issued = CA, now: float = NOW) -> RevocationAnswer:
    """Check a response that was asked for."""
    return check_response(der, leaf=about.parsed, issuer=by.parsed, now=now, source="ocsp")


def reason(der: bytes, **changes: Any) -> str:  # noqa: ANN401
    """The reason why a response does not count; `""` when it does."""
    found = ask(der, **changes)
    unknown = (RevocationStatus.UNKNOWN, RevocationStatus.NOT_CHECKED)

    assert (found.status in unknown) == bool(found.reason)
    return found.reason


def of_certificate(status: bytes = GOOD, **changes: Any) -> bytes:  # noqa: ANN401
    """The SingleResponse for the leaf."""
    return single(cert_id(LEAF, CA), status, **changes)


# -- answers that count ----------------------------------------------------------------


def test_a_good_answer_signed_by_the_issuer() -> None:
    """RFC 6960 section 4.2.2.2: the issuer may sign itself; times are those of the answer."""
    assert ask(GOOD_ANSWER) == RevocationAnswer(
        status=RevocationStatus.GOOD,
        source="ocsp",
        this_update=NOW - 3_600,
        next_update=NOW + 7 * DAY,
    )


def test_a_revoked_answer_says_since_when_and_why() -> None:
    """RFC 6960 section 4.2.1 RevokedInfo; reason 1 is keyCompromise (RFC 5280 section 5.3.1)."""
    found = ask(answer(LEAF, CA, revoked(NOW - 5 * DAY, 1)))

    assert found.status is RevocationStatus.REVOKED
    assert (found.revoked_at, found.revocation_reason) == (NOW - 5 * DAY, "keyCompromise")
    assert found.reason == ""


def test_a_revoked_answer_need_not_give_a_reason() -> None:
    """revocationReason is OPTIONAL; a code nobody knows is shown as a number."""
    assert ask(answer(LEAF, CA, revoked())).revocation_reason == ""
    assert ask(answer(LEAF, CA, revoked(reason=7))).revocation_reason == "7"


@pytest.mark.parametrize("digest", HASHES)
def test_every_hash_of_a_certid_is_understood(digest: str) -> None:
    """RFC 6960 section 4.1.1: hashAlgorithm is the requestor's or the responder's choice."""
    der = response(Parts(signer=CA), single(cert_id(LEAF, CA, digest=digest)))

    assert ask(der).status is RevocationStatus.GOOD


@pytest.mark.parametrize("by_name", [True, False])
def test_a_delegated_responder_named_either_way(by_name: bool) -> None:
    """RFC 6960 section 4.2.2.2: signed by the issuer, with id-kp-OCSPSigning."""
    der = answer(LEAF, CA, signer=RESPONDER, by_name=by_name, certs=[RESPONDER])

    assert ask(der).status is RevocationStatus.GOOD


def test_a_delegated_responder_may_name_its_issuer_in_other_words() -> None:
    """RFC 5280 section 7.1: capitals and spaces make no other name."""
    loud = issue(
        "Loud Responder",
        CA,
        issuer_name=name("TEST  ca"),
        usages=key_usage("digital_signature"),
        extended=[OCSP_SIGNING],
    )

    assert ask(answer(LEAF, CA, signer=loud, certs=[loud])).status is RevocationStatus.GOOD


@pytest.mark.parametrize("kind", ["P-384", "Ed25519", "RSA-2048"])
def test_kinds_of_keys(kind: str) -> None:
    """The signature check is that of certificates, so every kind of key they have is one here."""
    authority = intermediate(ROOT, f"CA {kind}", kind=kind)
    one = leaf(authority)

    assert ask(answer(one, authority), about=one, by=authority).status is RevocationStatus.GOOD


def test_the_issuers_certificates_sent_along_do_no_harm() -> None:
    """Responders send their whole chain: the root has the wrong name, the CA is the issuer."""
    assert ask(answer(LEAF, CA, certs=[ROOT, CA])).status is RevocationStatus.GOOD


def test_ours_is_picked_among_several() -> None:
    """RFC 6960 section 4.2.2.3: a response may say more than was asked."""
    other = leaf(CA, "other.example.com")
    der = response(
        Parts(signer=CA),
        single(cert_id(other, CA), revoked()),
        of_certificate(),
        single(cert_id(other, CA, serial=5), UNKNOWN),
    )

    assert ask(der).status is RevocationStatus.GOOD
    assert ask(der, about=other).status is RevocationStatus.REVOKED


def test_the_latest_of_two_about_one_certificate() -> None:
    """Two that contradict each other: the newer counts, and at the same time the graver."""
    older = of_certificate(revoked(reason=6), this_update=NOW - 2 * DAY)
    newer = of_certificate(GOOD, this_update=NOW - DAY)

    assert ask(response(Parts(signer=CA), older, newer)).status is RevocationStatus.GOOD
    for pair in ((revoked(), GOOD), (GOOD, revoked())):
        both = response(Parts(signer=CA), *(of_certificate(status) for status in pair))
        assert ask(both).status is RevocationStatus.REVOKED


def test_a_nonce_that_nobody_sent_does_no_harm() -> None:
    """RFC 6960 section 4.4.1, critical or not; `openssl ocsp` echoes it."""
    nonce = certificate_extension("1.3.6.1.5.5.7.48.1.2", octet_string(b"12345678"), True)

    assert reason(response(Parts(signer=CA, extensions=nonce), of_certificate())) == ""


# -- answers that do not -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (1, Reason.MALFORMED_REQUEST),
        (2, Reason.INTERNAL_ERROR),
        (3, Reason.TRY_LATER),
        (4, Reason.MALFORMED),
        (5, Reason.SIG_REQUIRED),
        (6, Reason.UNAUTHORIZED),
        (9, Reason.MALFORMED),
    ],
)
def test_what_responders_say_in_place_of_an_answer(status: int, word: Reason) -> None:
    """OCSPResponseStatus, RFC 6960 section 4.2.1: none of them says good."""
    assert reason(said_no(status)) == word


def test_a_certificate_that_the_responder_does_not_know() -> None:
    """RFC 6960 section 2.2: unknown is neither good nor revoked."""
    found = ask(answer(LEAF, CA, UNKNOWN))

    assert found.status is RevocationStatus.UNKNOWN
    assert found.reason == Reason.UNKNOWN_TO_RESPONDER


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(cert_id(leaf(CA, "other.example.com"), CA), id="another-serial-number"),
        pytest.param(cert_id(LEAF, OTHER_CA), id="another-issuer"),
        pytest.param(
            cert_id(LEAF, intermediate(ROOT, label="rekeyed")), id="the-issuer's-name-other-key"
        ),
        pytest.param(
            cert_id(LEAF, intermediate(ROOT, "Renamed", key=CA.key)),
            id="the-issuer's-key-other-name",
        ),
    ],
)
def test_an_answer_for_another_certificate(identifier: bytes) -> None:
    """RFC 6960 section 3.2 (1): serial number, name and key of CertID must all be ours."""
    assert reason(response(Parts(signer=CA), single(identifier))) == Reason.OTHER_CERTIFICATE


def test_an_answer_about_nothing() -> None:
    """SEQUENCE OF allows none (Firefox says OCSP_RESPONSE_FOR_CERT_MISSING)."""
    assert reason(response(Parts(signer=CA))) == Reason.OTHER_CERTIFICATE


def test_times() -> None:
    """RFC 6960 section 4.2.2.1: not before thisUpdate, not after nextUpdate, to the second."""
    ahead = limits.OCSP_CLOCK_AHEAD_S
    der = answer(LEAF, CA, this_update=NOW, next_update=NOW + DAY)

    assert reason(der, now=NOW - ahead) == ""
    assert reason(der, now=NOW - ahead - 1) == Reason.NOT_YET_VALID
    assert reason(der, now=NOW + DAY) == ""
    assert reason(der, now=NOW + DAY + 1) == Reason.STALE


def test_an_old_revoked_answer_settles_nothing() -> None:
    """Stale is unknown, whatever it said; the evidence keeps what it said."""
    found = ask(answer(LEAF, CA, revoked(), next_update=NOW - 1))

    assert (found.status, found.reason) == (RevocationStatus.UNKNOWN, Reason.STALE)
    assert found.detail == "it said revoked"


def test_without_next_update_an_answer_counts_for_a_day() -> None:
    """RFC 6960 section 4.2.2.1: newer information is always available then."""
    der = answer(LEAF, CA, this_update=NOW, next_update=None)

    assert ask(der).next_update is None
    assert reason(der, now=NOW + DAY) == ""
    assert reason(der, now=NOW + DAY + 1) == Reason.STALE


def test_true_from_tomorrow_on() -> None:
    """thisUpdate alone lies in the future: signed ahead of time, and too early to count."""
    der = response(Parts(signer=CA), of_certificate(this_update=NOW + DAY))

    assert reason(der) == Reason.NOT_YET_VALID


def test_produced_in_the_future() -> None:
    """producedAt is when it was signed (RFC 6960 section 2.4): not tomorrow."""
    der = response(Parts(signer=CA, produced_at=NOW + DAY), of_certificate())

    assert reason(der) == Reason.NOT_YET_VALID


def test_next_update_before_this_update() -> None:
    """No clock makes sense of that one."""
    der = answer(LEAF, CA, this_update=NOW - DAY, next_update=NOW - 2 * DAY)

    assert reason(der) == Reason.MALFORMED


def test_a_signature_that_does_not_hold() -> None:
    """RFC 6960 section 3.2 (2). The dates are fine, and say nothing."""
    spoilt = GOOD_ANSWER[:-1] + bytes([GOOD_ANSWER[-1] ^ 1])

    assert reason(spoilt) == Reason.BAD_SIGNATURE


def test_the_signature_covers_the_status() -> None:
    """A revoked answer turned good by one who has no key."""
    turned = answer(LEAF, CA, UNKNOWN).replace(b"\x82\x00\x18", b"\x80\x00\x18")

    assert reason(turned) == Reason.BAD_SIGNATURE


def test_another_key_under_the_issuers_name() -> None:
    """The name is free to use, the key is not: responderID by name, signed by a stranger."""
    stranger = root("Test CA", label="stranger")
    der = response(Parts(signer=stranger, by_name=True, certs=[stranger.der]), of_certificate())

    assert reason(der) == Reason.BAD_SIGNATURE


_STRANGER = root("Stranger")


@pytest.mark.parametrize(
    ("signer", "certs", "detail"),
    [
        pytest.param(_STRANGER, [_STRANGER], "another issuer", id="a-stranger"),
        pytest.param(_STRANGER, [], "no certificate", id="a-stranger-without-certificate"),
        pytest.param(RESPONDER, [], "no certificate", id="delegated-without-certificate"),
        pytest.param(
            one := responder(CA, purposes=()), [one], "id-kp-OCSPSigning", id="no-purpose"
        ),
        pytest.param(
            one := responder(CA, purposes=(ANY_USAGE,)),
            [one],
            "id-kp-OCSPSigning",
            id="any-purpose-is-not-this-one",
        ),
        pytest.param(
            one := responder(OTHER_CA), [one], "another issuer", id="of-another-authority"
        ),
        pytest.param(
            one := responder(CA, signer=_STRANGER), [one], "did not sign", id="forged-delegation"
        ),
        pytest.param(
            one := responder(CA, not_after=NOW - 1), [one], "out of date", id="delegation-over"
        ),
        pytest.param(
            one := responder(CA, not_before=NOW + 1), [one], "out of date", id="delegation-to-come"
        ),
        pytest.param(
            one := responder(CA, usages=key_usage("key_encipherment")),
            [one],
            "keyUsage",
            id="key-may-not-sign",
        ),
        pytest.param(
            one := responder(
                CA,
                extra=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b""), True)],
            ),
            [one],
            "critical",
            id="unknown-critical-extension",
        ),
        pytest.param(LEAF, [LEAF], "id-kp-OCSPSigning", id="the-leaf-itself"),
    ],
)
def test_one_who_may_not_answer_for_the_issuer(
    signer: Issued, certs: list[Issued], detail: str
) -> None:
    """RFC 6960 section 4.2.2.2: the issuer, or one it has appointed, now."""
    found = ask(answer(LEAF, CA, signer=signer, certs=certs))

    assert (found.status, found.reason) == (RevocationStatus.UNKNOWN, Reason.WRONG_RESPONDER)
    assert detail in found.detail


def test_another_responder_than_the_one_named() -> None:
    """responderID must be the signer's (RFC 6960 section 3.2 (3)): here it names another."""
    second = responder(CA, "Second Responder")
    der = response(Parts(signer=second, named=RESPONDER, certs=[second.der]), of_certificate())

    assert reason(der) == Reason.WRONG_RESPONDER


def test_one_of_several_that_fit_the_name_is_enough() -> None:
    """Two certificates with the responder's name: the one whose key signed is found."""
    namesake = responder(CA, not_after=NOW + 20 * DAY, extra=())
    other_key = responder(OTHER_CA)
    parts = Parts(signer=namesake, by_name=True, certs=[other_key.der, b"\x30\x00", namesake.der])

    assert reason(response(parts, of_certificate())) == ""


def test_the_signers_tried_are_bounded() -> None:
    """Eight certificates under one name cost four delegations checked, not eight."""
    strangers = [responder(CA, not_after=NOW + day * DAY).der for day in range(1, 8)]
    parts = Parts(signer=RESPONDER, by_name=True, certs=strangers, signature=b"\x30\x00")
    cache = SignatureCache()
    check_response(
        response(parts, of_certificate()),
        leaf=LEAF.parsed,
        issuer=CA.parsed,
        now=NOW,
        source="ocsp",
        cache=cache,
    )

    assert len(cache) == limits.MAX_OCSP_SIGNERS


# -- what is beyond us is never held against anyone -----------------------------------------


@pytest.mark.parametrize(
    ("der", "detail"),
    [
        pytest.param(
            response(Parts(signer=CA, algorithm=sequence(oid("1.2.3.4"))), of_certificate()),
            "signature algorithm 1.2.3.4",
            id="signature-algorithm",
        ),
        pytest.param(
            response(
                Parts(signer=CA, extensions=certificate_extension("1.2.3.4", b"", True)),
                of_certificate(),
            ),
            "critical extension 1.2.3.4",
            id="critical-extension",
        ),
        pytest.param(
            response(
                Parts(signer=CA),
                of_certificate(extensions=certificate_extension("1.2.3.4", b"", True)),
            ),
            "critical extension 1.2.3.4",
            id="critical-extension-of-ours",
        ),
        pytest.param(
            response(Parts(signer=CA), single(cert_id(LEAF, CA, named="1.2.3.4"))),
            "hash algorithm 1.2.3.4",
            id="hash-algorithm",
        ),
        pytest.param(
            successful(b"\x30\x00", "1.2.3.4"), "responseType 1.2.3.4", id="response-type"
        ),
    ],
)
def test_what_cannot_be_checked_is_not_checked(der: bytes, detail: str) -> None:
    """`unsupported`, with what it was: neither good nor anybody's fault."""
    found = ask(der)

    assert (found.status, found.reason) == (RevocationStatus.NOT_CHECKED, Reason.UNSUPPORTED)
    assert found.detail == detail


def test_extensions_that_are_not_critical_are_passed_over() -> None:
    """Only critical ones have to be understood."""
    plain = certificate_extension("1.2.3.4", b"")
    der = response(Parts(signer=CA, extensions=plain), of_certificate(extensions=plain))

    assert reason(der) == ""


# -- octets that are no response -------------------------------------------------------------


def test_every_strict_prefix_is_malformed() -> None:
    """No cut of a response is a shorter response."""
    assert {reason(GOOD_ANSWER[:cut]) for cut in range(len(GOOD_ANSWER))} == {Reason.MALFORMED}


def test_one_octet_too_many() -> None:
    """Behind the whole there is nothing."""
    assert reason(GOOD_ANSWER + b"\x00") == Reason.MALFORMED


@given(st.binary(max_size=300))
def test_any_octets_are_an_answer_without_worth(octets: bytes) -> None:
    """Strangers send anything: a reason comes out, never an exception, never good."""
    assert reason(octets)


@given(st.integers(0, len(GOOD_ANSWER) - 1), st.integers(1, 255))
def test_no_changed_octet_is_good(place: int, change: int) -> None:
    """Every octet is signed or holds what is signed together; in one place, ECDSA's r and s, a
    change may leave the same numbers only if the encoding were loose."""
    octets = bytearray(GOOD_ANSWER)
    octets[place] ^= change

    assert ask(bytes(octets)).status not in (RevocationStatus.GOOD, RevocationStatus.REVOKED)


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(sequence(tlv(0x0A, b"\x00")), id="successful-without-response"),
        pytest.param(sequence(tlv(0x0A)), id="no-status"),
        pytest.param(b"\x30\x80\x0a\x01\x06\x00\x00", id="indefinite-length"),
        pytest.param(b"\x30\x81\x03\x0a\x01\x06", id="length-not-minimal"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="length-of-4-GB"),
        pytest.param(successful(b""), id="empty-basic-response"),
        pytest.param(
            response(Parts(signer=CA, version=tlv(0xA0, integer(1))), of_certificate()),
            id="version-2",
        ),
        pytest.param(
            response(
                Parts(signer=CA),
                of_certificate().replace(b"20270122080000Z", b"20270230080000Z"),
            ),
            id="30-february",
        ),
        pytest.param(
            response(Parts(signer=CA), of_certificate().replace(b"080000Z", b"0800.0Z")),
            id="fraction-of-a-second",
        ),
        pytest.param(
            response(Parts(signer=CA), single(cert_id(LEAF, CA), tlv(0x83))), id="status-3"
        ),
        pytest.param(
            response(Parts(signer=CA), single(cert_id(LEAF, CA), tlv(0x80, b"x"))),
            id="good-with-content",
        ),
        pytest.param(
            response(Parts(signer=CA), *[of_certificate()] * (limits.MAX_OCSP_RESPONSES + 1)),
            id="too-many-responses",
        ),
        pytest.param(
            response(
                Parts(signer=CA, certs=[CA.der] * (limits.MAX_OCSP_CERTIFICATES + 1)),
                of_certificate(),
            ),
            id="too-many-certificates",
        ),
        pytest.param(
            response(
                Parts(
                    signer=CA,
                    extensions=certificate_extension("1.2.3", b"")
                    * (limits.MAX_OCSP_EXTENSIONS + 1),
                ),
                of_certificate(),
            ),
            id="too-many-extensions",
        ),
        pytest.param(
            response(Parts(signer=CA, algorithm=sequence(tlv(0x06))), of_certificate()),
            id="object-identifier-empty",
        ),
        pytest.param(
            response(
                Parts(signer=CA, algorithm=sequence(tlv(0x06, b"\xff" * 60 + b"\x01"))),
                of_certificate(),
            ),
            id="object-identifier-endless",
        ),
    ],
)
def test_broken_layouts(der: bytes) -> None:
    """X.690 section 10 and RFC 6960 section 4.2.1, one break each."""
    assert reason(der) == Reason.MALFORMED


def test_a_reason_tells_the_place() -> None:
    """Which rule, which field, which octet: as for certificates."""
    assert ask(b"\x31\x00").detail == "tag_unexpected in OCSPResponse at octet 0"


def test_too_large() -> None:
    """What is over the bound is not even read."""
    assert reason(GOOD_ANSWER + bytes(limits.MAX_OCSP_RESPONSE)) == Reason.TOO_LARGE


# -- another reader ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "der",
    [
        GOOD_ANSWER,
        answer(LEAF, CA, revoked(reason=4), signer=RESPONDER, by_name=True, certs=[RESPONDER]),
        answer(LEAF, CA, next_update=None),
    ],
)
def test_the_library_reads_the_same(der: bytes) -> None:
    """`cryptography`'s reader is the oracle for the fields; the encoder here is the RFC's."""
    theirs = ocsp.load_der_ocsp_response(der)
    ours = ask(der)

    assert theirs.certificate_status.name.lower() == ours.status.value
    assert ours.this_update == int(theirs.this_update_utc.timestamp())
    until = theirs.next_update_utc
    assert ours.next_update == (until and int(until.timestamp()))
    since = theirs.revocation_time_utc
    assert ours.revoked_at == (since and int(since.timestamp()))
    if theirs.revocation_reason is not None:
        assert ours.revocation_reason == theirs.revocation_reason.value


def test_a_response_of_the_library_counts() -> None:
    """Made by another encoder. It stamps producedAt with the clock, which is years around NOW."""
    made = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=LEAF.x509,
            issuer=CA.x509,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=x509.load_der_x509_certificate(LEAF.der).not_valid_before_utc,
            next_update=x509.load_der_x509_certificate(ROOT.der).not_valid_after_utc,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, CA.x509)
        .sign(CA.key, hashes.SHA256())
    )
    later = LEAF.parsed.not_before + 1_000 * DAY

    assert ask(made.public_bytes(Encoding.DER), now=later).status is RevocationStatus.GOOD


# -- staples ---------------------------------------------------------------------------------


def path_of(*chain: Issued) -> PathAssessment:
    """The path of a chain as it was sent."""
    return assess(
        [one.parsed for one in chain],
        reference_name=None,
        now=NOW,
        trust=TrustStore([ROOT.parsed]),
    )


PATH = path_of(LEAF, CA)


def test_a_staple_is_checked_against_the_path() -> None:
    """The leaf's issuer is the second certificate of its path."""
    found = staple_answer(GOOD_ANSWER, PATH, now=NOW)

    assert found is not None
    assert (found.status, found.source) == (RevocationStatus.GOOD, "stapled")


def test_no_staple_is_no_answer() -> None:
    """Nothing came, nothing is said."""
    assert staple_answer(b"", PATH, now=NOW) is None


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(None, id="no-path"),
        pytest.param(replace(PATH, path=()), id="no-leaf"),
        pytest.param(replace(PATH, path=(LEAF.parsed,)), id="no-issuer"),
        pytest.param(path_of(spoiled(LEAF), CA), id="issuer-that-did-not-sign"),
    ],
)
def test_without_an_issuer_a_staple_is_not_checked(path: PathAssessment | None) -> None:
    """Who is not known cannot have signed or not signed."""
    found = staple_answer(GOOD_ANSWER, path, now=NOW)

    assert found is not None
    assert (found.status, found.reason) == (RevocationStatus.NOT_CHECKED, Reason.NO_ISSUER)


def test_a_bad_signature_higher_up_leaves_the_issuer_alone() -> None:
    """Only the leaf's own link says who its issuer is."""
    forged = spoiled(CA)
    path = path_of(LEAF, forged)

    assert path.trusted is Checked.NO
    assert issuer_on(path) == forged.parsed


# -- asking ----------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [LEAF, leaf(CA, "second.example.com")])
def test_a_request_is_what_the_library_asks(one: Issued) -> None:
    """RFC 6960 section 4.1.1 by another encoder, octet by octet."""
    theirs = ocsp.OCSPRequestBuilder().add_certificate(one.x509, CA.x509, hashes.SHA1()).build()

    assert build_request(one.parsed, CA.parsed) == theirs.public_bytes(Encoding.DER)


def test_a_short_request_goes_by_get() -> None:
    """RFC 5019 section 5, RFC 6960 appendix A.1: base64, URL-encoded, behind the URL."""
    request = build_request(LEAF.parsed, CA.parsed)
    url, body = request_to("http://ocsp.example.com/", request)
    path = urlsplit(url).path

    assert body is None
    assert base64.b64decode(unquote(path.removeprefix("/"))) == request
    assert not set("+/=") & set(path.removeprefix("/"))


@pytest.mark.parametrize(
    ("url", "octets"),
    [
        pytest.param("http://ocsp.example.com/", 200, id="long-request"),
        pytest.param(f"http://ocsp.example.com/{'a' * 150}", 80, id="long-url"),
        pytest.param("http://ocsp.example.com/?ca=1", 80, id="a-query-of-its-own"),
    ],
)
def test_what_does_not_fit_goes_by_post(url: str, octets: int) -> None:
    """RFC 5019 section 5: more than 255 octets in all are posted to the URL as it is."""
    assert request_to(url, bytes(octets)) == (url, bytes(octets))


def test_get_ends_at_255_octets() -> None:
    """The whole URL counts."""
    request = bytes(60)  # 80 characters of base64, none of them escaped
    base = "http://ocsp.example.com/".ljust(255 - 81, "a")

    assert request_to(base, request) == (f"{base}/{'A' * 80}", None)
    assert request_to(base + "a", request) == (base + "a", request)


# -- several answers ---------------------------------------------------------------------------


def said(status: RevocationStatus, word: str = "", **changes: Any) -> RevocationAnswer:  # noqa: ANN401
    """An answer of some source."""
    return RevocationAnswer(status=status, source="ocsp", reason=word, **changes)


GOOD_SAID = said(RevocationStatus.GOOD)
REVOKED_SAID = said(RevocationStatus.REVOKED)
STALE_SAID = said(RevocationStatus.UNKNOWN, Reason.STALE)
UNSUPPORTED_SAID = said(RevocationStatus.NOT_CHECKED, Reason.UNSUPPORTED)
HELD_SAID = said(RevocationStatus.REVOKED, revocation_reason="certificateHold")
TAKEN_BACK = said(RevocationStatus.REVOKED, revocation_reason="removeFromCRL")


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((), "not_checked"),
        ((UNSUPPORTED_SAID,), "not_checked"),
        ((STALE_SAID,), "unknown"),
        ((STALE_SAID, UNSUPPORTED_SAID), "unknown"),
        ((STALE_SAID, GOOD_SAID), "good"),
        ((GOOD_SAID, REVOKED_SAID), "revoked"),
        ((REVOKED_SAID, GOOD_SAID), "revoked"),
        ((HELD_SAID, GOOD_SAID), "revoked"),
        ((TAKEN_BACK, GOOD_SAID), "good"),
        ((TAKEN_BACK,), "unknown"),
    ],
)
def test_what_several_answers_come_to(answers: tuple[RevocationAnswer, ...], status: str) -> None:
    """Revoked outweighs good, good outweighs silence, and nothing is never good."""
    found = combine(answers)

    assert found.status.value == status
    assert found.answers == answers


def test_the_answer_that_decided() -> None:
    """Evidence is taken from the one that says what the whole says."""
    assert combine([STALE_SAID, GOOD_SAID, REVOKED_SAID]).decisive is REVOKED_SAID
    assert combine([STALE_SAID, GOOD_SAID]).decisive is GOOD_SAID
    assert combine([STALE_SAID]).decisive is None
    assert combine([TAKEN_BACK, GOOD_SAID]).decisive is GOOD_SAID

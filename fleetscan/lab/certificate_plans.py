"""Conditions of the certificate and of the path to a root; and the ones in good order."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleetscan.lab.authority import (
    Identity,
    LeafPlan,
    make_authority,
    make_leaf,
    new_ec_key,
    new_rsa_key,
    revoked_staple,
    sign_again_with_sha1,
    with_broken_signature,
)
from fleetscan.lab.conditions import (
    LEGACY,
    Factory,
    Material,
    Plan,
    TlsSettings,
    only,
    serve_script,
    serve_tls,
)
from fleetscan.lab.flights import tls12_flight, with_broken_certificate
from fleetscan.lab.servers import Script
from fleetscan.lab.tls13 import tls13_flight

Build: TypeAlias = Callable[[Material, str], Factory]

# Under the number for examples (RFC 5612 section 2): nobody will ever know it.
UNKNOWN_EXTENSION: Final = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00"
)
MUST_STAPLE: Final = x509.TLSFeature([x509.TLSFeatureType.status_request])


def _serve(material: Material, chain: tuple[Identity, ...]) -> Factory:
    return serve_tls(material.context(chain))


def _good_tls12(material: Material, name: str) -> Factory:
    return serve_tls(material.context(material.chain(name), only(ssl.TLSVersion.TLSv1_2)))


def _good_tls13(material: Material, name: str) -> Factory:
    return serve_tls(material.context(material.chain(name), only(ssl.TLSVersion.TLSv1_3)))


def _good(material: Material, name: str) -> Factory:
    return _serve(material, material.chain(name))


def _expired(material: Material, name: str) -> Factory:
    return _serve(material, material.planned(LeafPlan(names=(name,), begins=-100, ends=-10)))


def _not_yet_valid(material: Material, name: str) -> Factory:
    return _serve(material, material.planned(LeafPlan(names=(name,), begins=2, ends=60)))


def _self_signed(material: Material, name: str) -> Factory:
    return _serve(material, (make_leaf(LeafPlan(names=(name,)), material.now, None),))


def _wrong_name(material: Material, name: str) -> Factory:
    return _serve(material, material.chain(f"other-{name}", f"another-{name}"))


def _wrong_address(material: Material, _address: str) -> Factory:
    # TEST-NET-1, which is for documentation: never the address of a lab.
    return _serve(material, material.chain("192.0.2.1"))


def _wildcard(material: Material, _name: str) -> Factory:
    return _serve(material, material.chain("*.wild.lab.test"))


def _rsa_1024(material: Material, name: str) -> Factory:
    chain = material.planned(LeafPlan(names=(name,), key=new_rsa_key(1_024)))
    return serve_tls(material.context(chain, TlsSettings(ciphers=LEGACY)))


def _sha1(material: Material, name: str) -> Factory:
    issuer = material.authorities.rsa_issuing
    leaf = sign_again_with_sha1(material.leaf(name, issuer=issuer), issuer)
    return serve_tls(material.context((leaf, issuer), TlsSettings(ciphers=LEGACY)))


def _unknown_root_sent(material: Material, name: str) -> Factory:
    ours = material.authorities
    leaf = material.leaf(name, issuer=ours.sent_issuing)
    return _serve(material, (leaf, ours.sent_issuing, ours.sent_root))


def _unknown_root_not_sent(material: Material, name: str) -> Factory:
    issuer = material.authorities.unsent_issuing
    return _serve(material, (material.leaf(name, issuer=issuer), issuer))


def _second_issuer(material: Material, name: str) -> Factory:
    issuer = material.authorities.second_issuing
    return _serve(material, (material.leaf(name, issuer=issuer), issuer))


def _missing_intermediate(material: Material, name: str) -> Factory:
    issuer = material.authorities.second_issuing
    return _serve(material, (material.leaf(name, issuer=issuer),))


def _out_of_order(material: Material, name: str) -> Factory:
    ours = material.authorities
    return _serve(material, (material.leaf(name, issuer=ours.lower), ours.upper, ours.lower))


def _malformed(material: Material, name: str) -> Factory:
    key = new_ec_key()
    leaf, issuer = material.planned(LeafPlan(names=(name,), key=key))
    chain = (with_broken_certificate(leaf.der), issuer.der)
    # Under TLS 1.3, where the server has nothing more to say after its Finished: a client
    # that does not mind the certificate completes the handshake.
    return serve_script(Script(answer=lambda hello: tls13_flight(hello, chain, key)))


def _key_mismatch_tls12(material: Material, name: str) -> Factory:
    """The key exchange is signed by a key that is not the certificate's."""
    chain = tuple(identity.der for identity in material.chain(name))
    key = new_ec_key()
    return serve_script(Script(answer=lambda hello: tls12_flight(hello, chain, key)))


def _key_mismatch_tls13(material: Material, name: str) -> Factory:
    """CertificateVerify is signed by a key that is not the certificate's."""
    chain = tuple(identity.der for identity in material.chain(name))
    key = new_ec_key()
    return serve_script(Script(answer=lambda hello: tls13_flight(hello, chain, key)))


def _leaf(plan: Callable[[str], LeafPlan]) -> Build:
    """A server whose leaf is as planned for its name, in good order otherwise."""
    return lambda material, name: _serve(material, material.planned(plan(name)))


def _under(make: Callable[[Material], Identity]) -> Build:
    """A server whose leaf comes from an intermediate of its own."""

    def build(material: Material, name: str) -> Factory:
        issuer = make(material)
        return _serve(material, (material.leaf(name, issuer=issuer), issuer))

    return build


def _intermediate(common_name: str, **differences: Any) -> Build:  # noqa: ANN401  make_authority's
    def make(material: Material) -> Identity:
        root = material.authorities.root
        return make_authority(common_name, material.now, issuer=root, **differences)

    return _under(make)


def _broken_signature(material: Material, name: str) -> Factory:
    leaf, issuer = material.chain(name)
    return _serve(material, (with_broken_signature(leaf), issuer))


def _revoked(material: Material, name: str) -> Factory:
    """The staple says it; Python's ssl cannot staple."""
    key = new_ec_key()
    leaf, issuer = material.planned(LeafPlan(names=(name,), key=key))
    staple = revoked_staple(leaf, issuer, material.now)
    chain = (leaf.der, issuer.der)
    return serve_script(Script(answer=lambda hello: tls13_flight(hello, chain, key, staple)))


def _superfluous(material: Material, name: str) -> Factory:
    return _serve(material, (*material.chain(name), material.authorities.second_issuing))


def _policy(name: str, title: str, build: Build, cause: str) -> Plan:
    """A condition that one probe and the path check settle."""
    return Plan(name=name, title=title, build=build, expected=(cause,), expected_now=(cause,))


PATH_PLANS: Final = (
    _policy(
        "wrong-purpose",
        "The certificate is for clients",
        _leaf(lambda name: LeafPlan(names=(name,), purpose=ExtendedKeyUsageOID.CLIENT_AUTH)),
        "certificate.wrong_purpose",
    ),
    _policy(
        "unknown-critical-extension",
        "The certificate has a critical extension that nobody knows",
        _leaf(lambda name: LeafPlan(names=(name,), extension=(UNKNOWN_EXTENSION, True))),
        "certificate.unknown_critical_extension",
    ),
    _policy(
        "must-staple",
        "The certificate promises a staple and none is sent",
        _leaf(lambda name: LeafPlan(names=(name,), extension=(MUST_STAPLE, False))),
        "certificate.must_staple_missing",
    ),
    _policy("revoked", "The staple says that it is revoked", _revoked, "certificate.revoked"),
    _policy(
        "intermediate-expired",
        "The intermediate expired ten days ago",
        _intermediate("Fleetscan Lab Expired CA", ends=-10),
        "chain.ca_expired",
    ),
    _policy(
        "intermediate-not-yet-valid",
        "The intermediate becomes valid in two days",
        _intermediate("Fleetscan Lab Future CA", begins=2),
        "chain.ca_not_yet_valid",
    ),
    _policy(
        "intermediate-no-ca",
        "The intermediate is no authority",
        _intermediate("Fleetscan Lab No CA", is_ca=False),
        "chain.invalid_ca",
    ),
    _policy(
        "name-constraints",
        "The intermediate may issue for another domain only",
        _intermediate("Fleetscan Lab Constrained CA", permitted="example.com"),
        "chain.name_constraints",
    ),
    _policy(
        "broken-signature",
        "The signature of the certificate is wrong",
        _broken_signature,
        "chain.bad_signature",
    ),
    Plan(
        name="expires-soon",
        title="The certificate expires in five days",
        build=_leaf(lambda name: LeafPlan(names=(name,), ends=5)),
        expected_findings=("finding.expires_soon",),
    ),
    Plan(
        name="long-validity",
        title="The certificate is valid for 900 days",
        build=_leaf(lambda name: LeafPlan(names=(name,), begins=-100, ends=800)),
        expected_findings=("finding.long_validity",),
    ),
    Plan(
        name="superfluous-certificate",
        title="Sends an intermediate that no path needs",
        build=_superfluous,
        expected_findings=("finding.chain_superfluous",),
    ),
)

CERTIFICATE_PLANS: Final = (
    Plan(name="good-tls12", title="In good order, TLS 1.2 only", build=_good_tls12),
    Plan(name="good-tls13", title="In good order, TLS 1.3 only", build=_good_tls13),
    Plan(
        name="expired",
        title="The certificate expired ten days ago",
        build=_expired,
        expected=("certificate.expired",),
        expected_now=("certificate.expired",),
    ),
    Plan(
        name="not-yet-valid",
        title="The certificate becomes valid in two days",
        build=_not_yet_valid,
        expected=("certificate.not_yet_valid",),
        expected_now=("certificate.not_yet_valid",),
    ),
    Plan(
        name="self-signed",
        title="The certificate signed itself",
        build=_self_signed,
        expected=("certificate.self_signed",),
        expected_now=("certificate.self_signed",),
    ),
    Plan(
        name="unknown-root-sent",
        title="A complete chain up to a private root that is sent along",
        build=_unknown_root_sent,
        expected=("chain.untrusted_root",),
        expected_now=("chain.untrusted_root",),
    ),
    Plan(
        name="unknown-root-not-sent",
        title="A chain up to a private root that is not sent",
        build=_unknown_root_not_sent,
        expected=("chain.unknown_issuer",),
        expected_now=("chain.unknown_issuer",),
    ),
    Plan(
        name="second-issuer",
        title="In good order, from the second issuing CA",
        build=_second_issuer,
    ),
    Plan(
        name="missing-intermediate",
        title="The second issuing CA's certificate is not sent",
        build=_missing_intermediate,
        expected=("chain.incomplete",),
        expected_now=("chain.incomplete",),
    ),
    Plan(
        name="chain-out-of-order",
        title="The intermediates come in the wrong order",
        build=_out_of_order,
        expected_findings=("finding.chain_unordered",),
    ),
    Plan(
        name="wrong-name",
        title="The certificate is for other names",
        build=_wrong_name,
        # That it would show this one for any name is asked where a server tells names apart.
        expected=("certificate.name_mismatch",),
        expected_now=("certificate.name_mismatch",),
    ),
    Plan(
        name="address-right",
        title="In good order for its IP address",
        build=_good,
        by_address=True,
    ),
    Plan(
        name="address-wrong",
        title="The certificate is for another IP address",
        build=_wrong_address,
        by_address=True,
        expected=("certificate.name_mismatch",),
        expected_now=("certificate.name_mismatch",),
    ),
    Plan(
        name="wildcard-right",
        title="A wildcard one label deep",
        build=_wildcard,
        host="a.wild",
        expected_findings=("finding.wildcard",),
    ),
    Plan(
        name="wildcard-too-deep",
        title="A wildcard asked for a name two labels deep",
        build=_wildcard,
        host="a.b.wild",
        # That it would show this one for any name is asked where a server tells names apart.
        expected=("certificate.name_mismatch",),
        expected_now=("certificate.name_mismatch",),
    ),
    Plan(
        name="rsa-1024",
        title="An RSA key of 1024 bits",
        build=_rsa_1024,
        expected=("certificate.weak_key",),
        expected_now=("certificate.weak_key",),
    ),
    Plan(
        name="sha1",
        title="A certificate signed with SHA-1",
        build=_sha1,
        expected=("certificate.weak_signature",),
        expected_now=("certificate.weak_signature",),
    ),
    Plan(
        name="malformed-certificate",
        title="The certificate is no valid DER",
        build=_malformed,
        expected=("certificate.malformed",),
        expected_now=("certificate.malformed",),
    ),
    Plan(
        name="key-mismatch-tls12",
        title="The key exchange is signed by another key, TLS 1.2",
        build=_key_mismatch_tls12,
        expected=("certificate.key_mismatch",),
        expected_now=("certificate.key_mismatch",),
    ),
    Plan(
        name="key-mismatch-tls13",
        title="CertificateVerify is signed by another key, TLS 1.3",
        build=_key_mismatch_tls13,
        expected=("certificate.key_mismatch",),
        expected_now=("certificate.key_mismatch",),
    ),
    *PATH_PLANS,
)

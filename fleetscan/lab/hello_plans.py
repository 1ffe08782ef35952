"""Conditions of the hello: its size, its values, the way it comes, and what it does not offer."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed448

from fleetscan.lab import gates
from fleetscan.lab.authority import LeafPlan, new_rsa_key
from fleetscan.lab.conditions import Factory, Material, Plan, TlsSettings, only, serve_tls
from fleetscan.lab.servers import Gate

ONE_READ: Final = 1_460
"""Octets that one segment brings over Ethernet: 1500 less the headers of IPv4 and TCP."""

# An RSA key exchange of 1024 bits would be another fault; the suite encrypts nothing.
NULL_SUITE: Final = "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"

OLD: Final = "ALL:@SECLEVEL=0"

Build: TypeAlias = Callable[[Material, str], Factory]


def _gated(gate: Callable[[str], Gate]) -> Build:
    """A server in good order behind a gate of its own; `gate` is told the server's name."""

    def build(material: Material, name: str) -> Factory:
        return serve_tls(material.context(material.chain(name)), gate=gate(name))

    return build


def _always(gate: Gate) -> Build:
    return _gated(lambda _name: gate)


def _reads_once(material: Material, name: str) -> Factory:
    return serve_tls(material.context(material.chain(name)), first_read=ONE_READ)


def _one_curve(curve: str) -> Build:
    def build(material: Material, name: str) -> Factory:
        settings = only(ssl.TLSVersion.TLSv1_2)
        context = material.context(material.chain(name), settings)
        try:
            context.set_ecdh_curve(curve)
        except ValueError as unknown:
            raise UnsupportedAlgorithm(str(unknown)) from None
        return serve_tls(context)

    return build


def _ed448(material: Material, name: str) -> Factory:
    """Only who knows Ed448 can check what this server signs (RFC 8446 section 4.2.3)."""
    plan = LeafPlan(names=(name,), key=ed448.Ed448PrivateKey.generate())
    return serve_tls(material.context(material.planned(plan)))


def _null_suite(material: Material, name: str) -> Factory:
    settings = only(ssl.TLSVersion.TLSv1_2, TlsSettings(ciphers=NULL_SUITE))
    return serve_tls(material.context(material.chain(name), settings))


def _finite_field(parameters: str) -> Build:
    """Diffie-Hellman over integers alone, which browsers no longer offer (RFC 7919)."""

    def build(material: Material, name: str) -> Factory:
        chain = material.planned(LeafPlan(names=(name,), key=new_rsa_key(2_048)))
        ciphers = "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"
        settings = only(ssl.TLSVersion.TLSv1_2, TlsSettings(ciphers=ciphers))
        context = material.context(chain, settings)
        path = material.folder / "dh.pem"
        path.write_text(parameters)
        context.load_dh_params(str(path))
        path.unlink()
        return serve_tls(context)

    return build


# The group ffdhe2048 (RFC 7919 appendix A.1) in the form that OpenSSL reads, PKCS #3.
FFDHE2048: Final = """\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


# The second Oakley group, of 1,024 bits (RFC 2409 section 6.2), likewise.
OAKLEY_2: Final = """\
-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


def _name_and_old_version(material: Material, name: str) -> Factory:
    settings = only(ssl.TLSVersion.TLSv1_1, TlsSettings(ciphers=OLD))
    gate = gates.needs_name(gates.alert(gates.UNRECOGNIZED_NAME))
    return serve_tls(material.context(material.chain(name), settings), gate=gate)


def _other_certificate(material: Material, name: str) -> Factory:
    """Shows its own name a certificate that is not for it, and any other name another one."""
    context = material.context(material.chain(f"misfiled-{name}"))
    others = material.context(material.chain(f"usual-{name}"))

    def choose(tls: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> None:
        if asked != name:
            tls.context = others

    context.sni_callback = choose
    return serve_tls(context)


def _optional_certificate(material: Material, name: str) -> Factory:
    context = material.context(material.chain(name))
    context.load_verify_locations(cadata=material.authorities.root.pem.decode("ascii"))
    context.verify_mode = ssl.CERT_OPTIONAL
    return serve_tls(context)


SIZE_PLANS: Final = (
    *(
        Plan(
            name=f"hello-of-{octets}",
            title=f"{what} when the hello has more than {octets} octets",
            build=_always(gates.breaks_above(octets, refusal)),
            expected=("server.large_hello_intolerant",),
            expected_now=(now,),
        )
        for octets, what, refusal, now in (
            (255, "Resets", gates.RESET, "server.reset_after_hello"),
            (512, "Closes", gates.CLOSE, "server.closed_after_hello"),
            (1_400, "Says nothing", gates.SILENCE, "server.silent_after_hello"),
        )
    ),
    Plan(
        name="reads-once",
        title="Takes what its first read gave for the whole hello, and closes",
        build=_reads_once,
        expected=("server.segmented_hello_intolerant",),
        expected_now=("server.closed_after_hello",),
    ),
)

VALUE_PLANS: Final = (
    Plan(
        name="unknown-extension",
        title="Refuses a hello with an extension that it does not know",
        build=_always(gates.breaks_on_unknown_extension(gates.alert(gates.DECODE_ERROR))),
        expected=("server.extension_intolerant",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="unknown-suite",
        title="Closes at a hello with a cipher suite that it does not know",
        build=_always(gates.breaks_on_unknown_suite(gates.CLOSE)),
        expected=("server.extension_intolerant",),
        expected_now=("server.closed_after_hello",),
    ),
    Plan(
        name="tls13-offered",
        title="Closes when TLS 1.3 is offered, and speaks TLS 1.2",
        build=_always(gates.breaks_on_tls13(gates.CLOSE)),
        expected=("version.intolerant",),
        expected_now=("server.closed_after_hello",),
    ),
    Plan(
        name="tls13-offered-alert",
        title="Refuses with handshake_failure when TLS 1.3 is offered, and speaks TLS 1.2",
        build=_always(gates.breaks_on_tls13(gates.alert(gates.HANDSHAKE_FAILURE))),
        expected=("version.intolerant",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="every-second",
        title="Resets every second connection",
        build=lambda material, name: _always(gates.every_second(gates.RESET))(material, name),
        expected=("server.intermittent",),
        expected_now=("server.reset_after_hello",),
    ),
)

LIST_PLANS: Final = (
    Plan(
        name="brainpool-only",
        title="Has one group, brainpoolP384r1",
        build=_one_curve("brainpoolP384r1"),
        expected=("key_exchange.no_common_group",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="ed448",
        title="Has one certificate, with a key of Ed448",
        build=_ed448,
        expected=("signature.no_common_scheme",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="null-suite-only",
        title="Has one suite, which encrypts nothing",
        build=_null_suite,
        expected=("cipher.insecure_only",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="finite-field",
        title="Has one suite, over a finite field of 2048 bits",
        build=_finite_field(FFDHE2048),
        expected=("cipher.none_in_common",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="finite-field-1024",
        title="Has one suite, over a finite field of 1024 bits",
        build=_finite_field(OAKLEY_2),
        expected=("cipher.none_in_common", "key_exchange.weak_dh"),
        expected_now=("server.refused",),
    ),
)

NAME_PLANS: Final = (
    *(
        Plan(
            name=f"name-required-{word}",
            title=f"{what} when no name is sent",
            build=_always(gates.needs_name(refusal)),
            by_address=True,
            expected=("name.required",),
            expected_now=(now,),
        )
        for word, what, refusal, now in (
            ("112", "Refuses with unrecognized_name", gates.alert(112), "name.required"),
            ("40", "Refuses with handshake_failure", gates.alert(40), "server.refused"),
            ("closed", "Closes", gates.CLOSE, "server.closed_after_hello"),
        )
    ),
    Plan(
        name="name-refused-40",
        title="Refuses its own name with handshake_failure",
        build=_gated(lambda name: gates.refuses_name(name, gates.alert(40))),
        expected=("name.unrecognized",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="name-reset",
        title="Resets hellos with its own name",
        # A filter on the way does the same: from here nobody can tell them apart.
        build=_gated(lambda name: gates.refuses_name(name, gates.RESET)),
        expected=("interference.name_filter",),
        expected_now=("server.reset_after_hello",),
    ),
    Plan(
        name="misfiled-certificate",
        title="Shows for its own name a certificate of another",
        build=_other_certificate,
        expected=("certificate.name_mismatch",),
        expected_now=("certificate.name_mismatch",),
    ),
)

TWO_FAULT_PLANS: Final = (
    Plan(
        name="name-and-old-version",
        title="Wants a name, and speaks TLS 1.1 only",
        build=_name_and_old_version,
        by_address=True,
        expected=("version.too_old", "name.required"),
        expected_now=("name.required",),
    ),
    Plan(
        name="alpn-and-small-hello",
        title="Resets hellos of more than 512 octets, and has no protocol in common",
        build=_always(
            gates.first_of(gates.breaks_above(512, gates.RESET), gates.refuses_alpn),
        ),
        expected=("server.large_hello_intolerant", "alpn.none_in_common"),
        expected_now=("server.reset_after_hello",),
    ),
)

HELLO_PLANS: Final = (
    *SIZE_PLANS,
    *VALUE_PLANS,
    *LIST_PLANS,
    *NAME_PLANS,
    *TWO_FAULT_PLANS,
    Plan(
        name="client-certificate-optional",
        title="Asks for a client certificate and goes on without",
        build=_optional_certificate,
        expected_findings=("finding.client_certificate_optional",),
    ),
)

"""Conditions of the handshake itself: versions, suites, names, protocols, client certificates."""

from __future__ import annotations

import ssl
from typing import Final

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
from fleetscan.lab.flights import fatal_alert
from fleetscan.lab.gates import refuses_alpn
from fleetscan.lab.servers import Ending, Script

# Sound suites that no current client offers: Camellia, and ARIA of RFC 6209. Which of them
# an OpenSSL has depends on how it was built, and it ignores names it does not know.
UNCOMMON_SUITES: Final = (
    "ECDHE-ECDSA-CAMELLIA128-SHA256:ECDHE-ECDSA-CAMELLIA256-SHA384:"
    "ECDHE-ECDSA-ARIA128-GCM-SHA256:ECDHE-ECDSA-ARIA256-GCM-SHA384"
)


def _old_versions(material: Material, name: str) -> Factory:
    settings = TlsSettings(
        minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1, ciphers=LEGACY
    )
    return serve_tls(material.context(material.chain(name), settings))


def _uncommon_suite(material: Material, name: str) -> Factory:
    settings = only(ssl.TLSVersion.TLSv1_2, TlsSettings(ciphers=UNCOMMON_SUITES))
    return serve_tls(material.context(material.chain(name), settings))


def _client_certificate(material: Material, name: str, version: ssl.TLSVersion) -> Factory:
    context = material.context(material.chain(name), only(version))
    context.load_verify_locations(cadata=material.authorities.root.pem.decode("ascii"))
    context.verify_mode = ssl.CERT_REQUIRED
    return serve_tls(context)


def _client_certificate_tls12(material: Material, name: str) -> Factory:
    return _client_certificate(material, name, ssl.TLSVersion.TLSv1_2)


def _client_certificate_tls13(material: Material, name: str) -> Factory:
    return _client_certificate(material, name, ssl.TLSVersion.TLSv1_3)


def _name_refused(material: Material, name: str) -> Factory:
    """Refuses its own name, and answers any other and none (RFC 6066 section 3)."""
    context = material.context(material.chain(name))

    def choose(_tls: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> int | None:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if asked == name else None

    context.sni_callback = choose
    return serve_tls(context)


def _alpn_refused(material: Material, name: str) -> Factory:
    """Refuses every offer of protocols, and answers a hello without one.

    Python's ssl cannot send this alert, so a hello with the extension is answered by
    hand (RFC 7301 section 3.2) and any other by an ordinary server.
    """
    return serve_tls(material.context(material.chain(name)), gate=refuses_alpn)


def _alert(number: int, word: str, at_last: str, now: str) -> Plan:
    """A server that answers every hello with one alert, and closes."""

    def build(_material: Material, _name: str) -> Factory:
        octets = fatal_alert(number)
        return serve_script(Script(answer=lambda _hello: octets, ending=Ending.FIN))

    return Plan(
        name=f"alert-{number}",
        title=f"Answers every hello with alert {number}, {word}",
        build=build,
        expected=(at_last,),
        expected_now=(now,),
    )


HANDSHAKE_PLANS: Final = (
    Plan(
        name="old-versions-only",
        title="Speaks TLS 1.0 and 1.1 only",
        build=_old_versions,
        expected=("version.too_old",),
        expected_now=("version.too_old",),
    ),
    Plan(
        name="no-common-suite",
        title="Speaks TLS 1.2 with suites that nobody offers",
        build=_uncommon_suite,
        expected=("cipher.none_in_common",),
        expected_now=("server.refused",),
    ),
    Plan(
        name="client-certificate-tls12",
        title="Requires a client certificate, TLS 1.2",
        build=_client_certificate_tls12,
        expected=("client_auth.required",),
        expected_now=("client_auth.required",),
    ),
    Plan(
        name="client-certificate-tls13",
        title="Requires a client certificate, TLS 1.3",
        build=_client_certificate_tls13,
        expected=("client_auth.required",),
        expected_now=("client_auth.required",),
    ),
    Plan(
        name="name-refused",
        title="Refuses its own name with unrecognized_name",
        build=_name_refused,
        expected=("name.unrecognized",),
        expected_now=("name.unrecognized",),
    ),
    Plan(
        name="alpn-refused",
        title="Refuses every application protocol offered",
        build=_alpn_refused,
        expected=("alpn.none_in_common",),
        expected_now=("alpn.none_in_common",),
    ),
    _alert(40, "handshake_failure", "server.refused", "server.refused"),
    _alert(49, "access_denied", "server.access_denied", "server.access_denied"),
    # No older hello will be answered either: at last only the refusal itself is left.
    _alert(70, "protocol_version", "version.too_old", "version.too_old"),
    _alert(
        71,
        "insufficient_security",
        "cipher.insufficient_security",
        "cipher.insufficient_security",
    ),
    _alert(80, "internal_error", "server.internal_error", "server.internal_error"),
    _alert(86, "inappropriate_fallback", "version.fallback_refused", "version.fallback_refused"),
    _alert(112, "unrecognized_name", "name.unrecognized", "name.unrecognized"),
)

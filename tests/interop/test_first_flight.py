"""`handshake="first-flight"` with real servers: as far as the certificate, and no further."""

from __future__ import annotations

import pytest

from tests.interop.model import Server
from tests.interop.offers import Offer
from tests.interop.openssl_rows import server
from tests.interop.probing import LOOPS, came_of, probe, serving

TALKATIVE: Server = server("trace of first flights", "-status_file", "{staple}", key="RSA-2048")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("version", "suite"),
    [
        ("TLSv1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
        ("TLSv1.1", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        ("TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
    ],
)
def test_the_first_flight_shows_the_certificate_and_checks_no_signature(
    version: str, suite: str, loop: str
) -> None:
    """Everything that the server says first is seen; nothing is proved, nothing completed."""
    if missing := TALKATIVE.kind.missing():
        pytest.skip(f"needs {missing}, which is not installed")
    offer = Offer(title="", versions=(version,), cipher_suites=(suite,))

    with serving(TALKATIVE) as (port, made):
        came = came_of(
            probe(port, made, loop=loop, hello=offer.profile(), handshake="first-flight")
        )

    assert (came["version"], came["cipher_suite"]) == (version, suite)
    assert came["certificate"] == "RSA-2048"
    assert (came["path"], came["key"]) == ("yes", "not_checked")
    assert (came["completed"], came["confirmed_by"]) == ("no", "")
    assert (came["ended_by"], came["violation"], came["alert"]) == ("us", "", "")
    assert came["staple"] == "yes"
    assert came["causes"] == ""

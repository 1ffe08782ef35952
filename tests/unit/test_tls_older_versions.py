"""TLS 1.2, 1.1 and 1.0 completed with OpenSSL, SSL 3.0 read with tlslite-ng, and their rules."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fleetscan import limits
from fleetscan.facts import HandshakeFacts
from fleetscan.registry import cipher_suites
from fleetscan.tls import events as seen
from fleetscan.tls.client_identity import ClientIdentity
from fleetscan.tls.overrides import Overrides, override
from fleetscan.tls.profile import HelloProfile
from fleetscan.tls.profiles import BROAD, BROWSER, LEGACY, OPENSSL3, SSL3
from fleetscan.tls.session import State
from fleetscan.vocabulary import Checked, ConfirmedBy, EndedBy, FirstFlight, Origin, Stage
from tests.facts_builder import cause_ids, only_cause
from tests.tls_flights import (
    DONE,
    ECDHE_PARAMS,
    EVERYTHING,
    TLS10,
    TLS11,
    TLS12,
    certificate,
    certificate_request,
    dhe_params,
    hello,
    key_exchange,
    tell,
)
from tests.tls_flights import SSL3 as SSLV3
from tests.tls_peers import (
    SERVER_HELLO_DONE,
    OpenSslPeer,
    ServerTls12,
    conversation,
    converse,
    facts_of,
    identity,
    message,
    server_context,
    single_octets,
    violations,
)
from tests.tlslite_peer import TlslitePeer
from tests.unit.test_tls_suites import MODP_2048, VERSIONS, parameters

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
__all__ = ["parameters"]  # the fixture

# Of OpenSSL's options, those that `ssl` has no name for.
NO_EXTENDED_MASTER_SECRET = 1 << 0
NO_ENCRYPT_THEN_MAC = 1 << 19
NO_CHECK_TIME = 0x20_0000

FROM_TLS10 = Overrides(tls_min=TLS10)
BROWSER_OLD = override(BROWSER, FROM_TLS10)
OPENSSL3_OLD = override(OPENSSL3, FROM_TLS10)

# OpenSSL's name, the key it wants, and the profiles that offer it.
SUITES = [
    ("ECDHE-RSA-AES128-SHA", 0xC013, "RSA-2048", (LEGACY, BROAD, BROWSER_OLD, OPENSSL3_OLD)),
    ("ECDHE-ECDSA-AES256-SHA", 0xC00A, "P-256", (LEGACY, BROAD, BROWSER_OLD, OPENSSL3_OLD)),
    ("DHE-RSA-AES256-SHA", 0x0039, "RSA-2048", (LEGACY, BROAD, OPENSSL3_OLD)),
    ("DHE-DSS-AES128-SHA", 0x0032, "DSA-2048", (LEGACY, BROAD)),
    ("AES128-SHA", 0x002F, "RSA-2048", (LEGACY, BROAD, BROWSER_OLD, OPENSSL3_OLD)),
    ("CAMELLIA256-SHA", 0x0084, "RSA-2048", (BROAD,)),
]
CASES = [
    pytest.param(
        version, *suite[:3], profile, id=f"{VERSIONS[version].name}-{suite[0]}-{profile.name}"
    )
    for version in VERSIONS
    for suite in SUITES
    for profile in suite[3]
]


def server(
    version: int, name: str, kind: str, dh: Path | None = None, options: int = 0
) -> ssl.SSLContext:
    """An OpenSSL server of one version and one suite."""
    context = server_context(kind)
    context.set_ciphers(f"{name}:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.options |= options
    if dh is not None:
        context.load_dh_params(str(dh))
    return context


@pytest.mark.parametrize(("version", "name", "code", "kind", "profile"), CASES)
def test_an_older_version_is_completed(
    version: int, name: str, code: int, kind: str, profile: HelloProfile, parameters: Path
) -> None:
    """OpenSSL accepts our Finished and we its own; the key is proved, the close is understood.

    Where RSA carries the premaster secret, the version in it is the one that was offered, not
    the one negotiated (RFC 5246 section 7.4.7.1): OpenSSL would refuse the Finished else.
    """
    peer = OpenSslPeer(server(version, name, kind, parameters))
    client = conversation(profile=profile)
    converse(client, peer)
    facts = facts_of(client)

    assert peer.done
    assert violations(client.events) == []
    assert (facts.version, facts.cipher_suite) == (version, code)
    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert facts.key_proof is Checked.YES
    assert facts.stage is Stage.CONFIRMED
    assert facts.renegotiation_info
    assert peer.connection.read() == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_octet_by_octet(version: int) -> None:
    """The same, however the segments fall."""
    peer = OpenSslPeer(server(version, "ECDHE-RSA-AES128-SHA", "RSA-2048"))
    client = conversation(profile=LEGACY)
    converse(client, peer, single_octets)

    assert facts_of(client).confirmed_by is ConfirmedBy.FINISHED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["AES128-SHA", "ECDHE-RSA-AES256-SHA"])
@pytest.mark.parametrize("extended", [False, True], ids=["", "extended-master-secret"])
@pytest.mark.parametrize("then_mac", [False, True], ids=["", "encrypt-then-mac"])
def test_encrypt_then_mac_and_extended_master_secret(
    version: int, name: str, extended: bool, then_mac: bool
) -> None:
    """RFC 7366 and RFC 7627, each on and off: what the server agrees to is what is done."""
    options = (0 if extended else NO_EXTENDED_MASTER_SECRET) | (
        0 if then_mac else NO_ENCRYPT_THEN_MAC
    )
    peer = OpenSslPeer(server(version, name, "RSA-2048", options=options))
    client = conversation(profile=OPENSSL3_OLD)
    converse(client, peer)
    (chosen,) = [event.hello for event in client.events if isinstance(event, seen.ServerHelloSeen)]

    assert facts_of(client).confirmed_by is ConfirmedBy.FINISHED
    assert (chosen.extension(22) is not None) is then_mac
    assert (chosen.extension(23) is not None) is extended
    assert peer.connection.read() == b""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tickets", [False, True])
def test_a_ticket_is_taken_where_one_was_promised(version: int, tickets: bool) -> None:
    """RFC 5077 section 3.3: between our Finished and the server's change_cipher_spec."""
    options = 0 if tickets else ssl.OP_NO_TICKET
    client = conversation(profile=BROAD)
    converse(client, OpenSslPeer(server(version, "AES128-SHA", "RSA-2048", options=options)))
    facts = facts_of(client)

    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert facts.history == ("CsxnGIFtif" if tickets else "CsxnGIFif")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["AES128-SHA", "ECDHE-RSA-AES128-SHA"])
def test_a_certificate_request_is_answered_with_none(version: int, name: str) -> None:
    """RFC 5246 section 7.4.6: a Certificate without certificates."""
    context = server(version, name, "RSA-2048")
    context.verify_mode = ssl.CERT_OPTIONAL
    client = conversation(profile=LEGACY)
    converse(client, OpenSslPeer(context))
    facts = facts_of(client)

    assert facts.client_certificate_requested
    assert not facts.client_certificate_sent
    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert facts.history in ("CsxrnXGIFif", "CsxkrnXGIFif")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["RSA-2048", "P-256"])
@pytest.mark.parametrize("profile", [LEGACY, OPENSSL3_OLD], ids=["legacy", "openssl3"])
def test_a_certificate_request_is_answered_with_the_users(
    version: int, kind: str, profile: HelloProfile
) -> None:
    """CertificateVerify signs every message before it (RFC 5246 section 7.4.8): the server that
    requires it is convinced, with the extended master secret and without."""
    issued = identity(kind)
    context = server(version, "ECDHE-RSA-AES128-SHA", "RSA-2048")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=issued.pem.decode())
    # The test certificates keep a clock of their own.
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    peer = OpenSslPeer(context)
    mine = ClientIdentity.from_pem(issued.pem, issued.key_pem, None)
    client = conversation(profile=profile, identity=mine)
    converse(client, peer)
    facts = facts_of(client)

    assert peer.error is None or isinstance(peer.error, ssl.SSLZeroReturnError)
    assert peer.done
    assert facts.client_certificate_sent
    assert facts.confirmed_by is ConfirmedBy.FINISHED
    assert "XGY" in facts.history


@pytest.mark.parametrize(("kind", "shown"), [("P-256", True), ("RSA-2048", False)])
def test_a_certificate_of_a_type_that_was_not_asked_for_is_not_shown(
    kind: str, shown: bool
) -> None:
    """RFC 5246 section 7.4.6: a request for ecdsa_sign(64) alone is not answered with RSA."""
    issued = identity(kind)
    mine = ClientIdentity.from_pem(issued.pem, issued.key_pem, None)
    server = ServerTls12(conversation(identity=mine))
    server.until(State.TLS12_REQUEST_OR_DONE)
    # certificate_types, two schemes (ecdsa and rsa_pkcs1 with SHA-256), no names
    request = message(13, bytes.fromhex("0140 0004 0403 0401 0000"))
    server.tell(server.say(request))
    server.tell(server.say(SERVER_HELLO_DONE))

    sent = [e for e in server.client.events if isinstance(e, seen.ClientCertificateSent)]
    assert [event.empty for event in sent] == [not shown]


# -- what a ServerHello may choose ----------------------------------------------------------

# RFC 8446 section 4.1.3: the last eight octets of a random by a server that knows TLS 1.3 and
# chose 1.2, and by one that knows 1.2 and chose an older one.
KNOWS_TLS13, KNOWS_TLS12 = b"DOWNGRD\x01", b"DOWNGRD\x00"
SENTINELS = [
    # newest offered, chosen, the mark, whether it gives the downgrade away
    (0x0304, TLS12, KNOWS_TLS13, True),
    (0x0304, TLS12, KNOWS_TLS12, True),
    (0x0304, TLS11, KNOWS_TLS13, True),
    (0x0304, TLS11, KNOWS_TLS12, True),
    (0x0304, TLS10, KNOWS_TLS12, True),
    (0x0304, SSLV3, KNOWS_TLS12, True),
    (TLS12, TLS12, KNOWS_TLS13, False),
    (TLS12, TLS12, KNOWS_TLS12, False),
    (TLS12, TLS11, KNOWS_TLS12, True),
    (TLS12, TLS11, KNOWS_TLS13, False),
    (TLS12, TLS10, KNOWS_TLS12, True),
    (TLS12, SSLV3, KNOWS_TLS12, True),
    (TLS11, TLS11, KNOWS_TLS12, False),
    (TLS11, TLS10, KNOWS_TLS12, False),
    (TLS11, TLS10, KNOWS_TLS13, False),
    (TLS10, TLS10, KNOWS_TLS12, False),
    (0x0304, TLS12, b"DOWNGRD\x02", False),
    (0x0304, TLS12, b"OWNGRD\x01\x00", False),
]


@pytest.mark.parametrize(("newest", "chosen", "mark", "given_away"), SENTINELS)
def test_the_sentinel(newest: int, chosen: int, mark: bytes, given_away: bool) -> None:
    """Whoever offered better than was chosen looks at the mark; nobody else does."""
    profile = override(BROAD, Overrides(tls_max=newest, tls_min=SSLV3))
    client = conversation(profile=profile)
    client.start(1.0)
    # Suites of ECDHE with RSA, which all these versions have.
    tell(client, chosen, hello(chosen, 0xC013, random=bytes(24) + mark))

    assert violations(client.events) == (["downgrade_sentinel"] if given_away else [])


# RFC 5246 section 1.2 and 6.2.3.3, RFC 5288 section 4, RFC 6209 section 2, RFC 7905 section 3.
ONLY_TLS12 = [0xC02F, 0x009C, 0x003C, 0xC027, 0xC09C, 0xCCA8, 0xC060, 0xC03C, 0x00A8, 0x003B]
# RFC 5487 section 3 and RFC 5489 section 3.2 let these be negotiated before.
OLDER_TOO = [0x002F, 0x000A, 0x00AE, 0xC037, 0x0001, 0xC09A]


@pytest.mark.parametrize("version", [TLS11, TLS10, SSLV3])
@pytest.mark.parametrize("suite", ONLY_TLS12, ids=cipher_suites.name_of)
def test_a_suite_that_does_not_exist_before_tls12(suite: int, version: int) -> None:
    """Whether or not this client can finish it."""
    client = conversation(profile=EVERYTHING)
    client.start(1.0)
    tell(client, version, hello(version, suite))

    assert violations(client.events) == ["cipher_suite_version_mismatch"]


@pytest.mark.parametrize("version", [TLS12, TLS11, TLS10])
@pytest.mark.parametrize("suite", OLDER_TOO, ids=cipher_suites.name_of)
def test_a_suite_that_does(suite: int, version: int) -> None:
    """The control."""
    client = conversation(profile=EVERYTHING)
    client.start(1.0)
    tell(client, version, hello(version, suite))

    assert violations(client.events) == []


@pytest.mark.parametrize(
    ("suite", "kind", "fits"),
    [
        # RFC 5246 section 7.4.2: the table of key exchanges and certificates.
        (0xC013, "RSA-2048", True),
        (0xC013, "P-256", False),
        (0x002F, "P-256", False),
        (0xC009, "P-256", True),
        (0xC009, "Ed25519", True),
        (0xC009, "RSA-2048", False),
        (0x0032, "DSA-2048", True),
        (0x0032, "RSA-2048", False),
        # RFC 4492 section 2.3: ECDH_RSA has an EC key, and RSA signed its certificate.
        (0xC00E, "P-256", True),
        (0xC004, "P-256", True),
        # DH_RSA likewise; whatever key it is, we know no better.
        (0x0031, "P-256", True),
        # Anonymous suites and those with a PSK say nothing of a certificate's key.
        (0x0034, "RSA-2048", True),
        (0x0094, "RSA-2048", True),
        # RFC 5054 section 2.6: SRP with a signature.
        (0xC01E, "RSA-2048", True),
        (0xC01E, "P-256", False),
    ],
)
def test_the_suite_says_the_kind_of_key(suite: int, kind: str, fits: bool) -> None:
    """A server that shows another kind broke a rule; one that could not know better did not."""
    client = conversation(profile=EVERYTHING)
    client.start(1.0)
    tell(client, TLS12, hello(TLS12, suite), certificate(kind))

    assert violations(client.events) == ([] if fits else ["key_exchange_mismatch"])


# -- SSL 3.0 --------------------------------------------------------------------------------

# A server that knows supported_versions looks for SSL 3.0 there, where it has no place.
BROAD_SSL3 = override(BROAD, Overrides(tls_max=SSLV3))


def ssl3_peer(exchange: str) -> TlslitePeer:
    """A server that speaks nothing else, with one key exchange."""
    return TlslitePeer(
        minVersion=(3, 0),
        maxVersion=(3, 0),
        versions=[(3, 0)],
        useEncryptThenMAC=False,
        keyExchangeNames=[exchange],
    )


@pytest.mark.parametrize(
    ("profile", "exchange", "history"),
    [
        (SSL3, "dhe_rsa", "Csxkn"),
        (SSL3, "rsa", "Csxn"),
        (BROAD_SSL3, "dhe_rsa", "Csxkn"),
        # RFC 4492 section 2 begins with TLS 1.0, yet old servers choose it here too.
        (BROAD_SSL3, "ecdhe_rsa", "Csxkn"),
        (BROAD_SSL3, "rsa", "Csxn"),
    ],
)
def test_ssl3_is_read_to_the_end_of_its_flight(
    profile: HelloProfile, exchange: str, history: str
) -> None:
    """tlslite-ng answers; the certificate is read, the signature checked, and there it ends."""
    peer = ssl3_peer(exchange)
    client = conversation(profile=profile)
    said = client.receive(peer.receive(client.start(1.0)), 2.0)
    facts = facts_of(client)

    assert peer.error is None
    assert said == b""
    assert client.finished
    assert facts.version == SSLV3
    assert facts.history == history
    assert facts.stage is Stage.KEY_EXCHANGE
    assert facts.first_flight is FirstFlight.VERSION
    assert facts.certificates_sent == 1
    assert facts.key_proof is (Checked.NOT_CHECKED if exchange == "rsa" else Checked.YES)
    # RFC 6101 section 5.4 has no user_canceled.
    assert client.close(3.0) == bytes.fromhex("15 0300 0002 01 00")
    peer.receive(bytes.fromhex("15 0300 0002 01 00"))
    assert "close_notify" in str(peer.error)


def test_ssl3_with_a_wrong_signature() -> None:
    """The key is wrong in SSL 3.0, too."""
    client = conversation(profile=BROAD)
    client.start(1.0)
    spoilt = key_exchange(SSLV3, "P-256", ECDHE_PARAMS, spoilt=True)
    tell(client, SSLV3, hello(SSLV3, 0xC009), certificate("P-256"), spoilt)

    assert facts_of(client).key_proof is Checked.NO
    assert "certificate.key_mismatch" in cause_ids(facts_of(client))


# -- finite fields --------------------------------------------------------------------------

DHE_RSA = 0x0039


def dhe(p: int, g: int, ys: int, version: int = TLS12) -> tuple[list[str], HandshakeFacts]:
    """What a server with these parameters is told: rules, and the facts."""
    client = conversation(profile=LEGACY)
    client.start(1.0)
    exchange = key_exchange(version, "RSA-2048", dhe_params(p, g, ys))
    tell(client, version, hello(version, DHE_RSA), certificate("RSA-2048"), exchange, DONE)
    return violations(client.events), facts_of(client)


P = MODP_2048
YS = pow(2, 0xABCDEF, P)


@pytest.mark.parametrize(
    ("p", "g", "ys"),
    [
        # RFC 7919 section 5.1: 1 < dh_Ys < dh_p - 1; no generator outside of it either.
        (P, 2, 0),
        (P, 2, 1),
        (P, 2, P - 1),
        (P, 2, P),
        (P, 2, P + 2),
        (P, 0, YS),
        (P, 1, YS),
        (P, P - 1, YS),
        (P, P, YS),
        # No primes.
        (0, 2, YS),
        (1, 2, YS),
        (P - 1, 2, YS),
    ],
    ids=[
        "ys=0",
        "ys=1",
        "ys=p-1",
        "ys=p",
        "ys>p",
        "g=0",
        "g=1",
        "g=p-1",
        "g=p",
        "p=0",
        "p=1",
        "even",
    ],
)
@pytest.mark.parametrize("version", [TLS12, TLS10])
def test_parameters_that_cannot_be(p: int, g: int, ys: int, version: int) -> None:
    """Signed by the right key, and no public key of any group all the same."""
    rules, _ = dhe(p, g, ys, version)

    assert rules == ["bad_key_share"]


def test_a_prime_over_our_bound() -> None:
    """Not the server's fault: the client stops politely and says of which size it was."""
    big = (1 << limits.MAX_DH_BITS) + 1
    rules, facts = dhe(big, 2, 5)

    assert rules == []
    assert facts.first_flight is FirstFlight.KEY_EXCHANGE
    cause = only_cause(facts)
    assert cause.entry.id == "key_exchange.no_common_group"
    assert cause.match.evidence["accepted"] == f"a prime of {limits.MAX_DH_BITS + 1} bits"


def test_a_prime_at_our_bound() -> None:
    """One bit less is calculated with."""
    rules, facts = dhe((1 << limits.MAX_DH_BITS) - 1, 2, 5)

    assert rules == []
    assert facts.first_flight is None
    assert facts.history == "CsxknGIF"


@pytest.mark.parametrize("bits", [512, 1_024, 2_047])
def test_a_small_prime_is_weak_and_goes_on(bits: int) -> None:
    """What is too small is for the verdict to say; the exchange itself works."""
    rules, facts = dhe((1 << bits) - 1, 2, 5)

    assert rules == []
    assert facts.dh_prime_bits == bits
    assert facts.history == "CsxknGIF"
    assert "key_exchange.weak_dh" in cause_ids(facts)


# -- RSA key exchange -----------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_the_premaster_secret_says_what_was_offered(version: int) -> None:
    """RFC 5246 section 7.4.7.1: client_version of the hello, so that a rollback shows."""
    client = conversation(profile=LEGACY)
    client.start(1.0)
    said = tell(client, version, hello(version, 0x002F), certificate("RSA-2048"), DONE)
    key = identity("RSA-2048").key
    assert isinstance(key, rsa.RSAPrivateKey)
    # record header 5, message header 4, then opaque<0..2^16-1>
    assert said[5] == 16
    secret = key.decrypt(said[11 : 11 + 256], padding.PKCS1v15())

    assert said[1:3] == version.to_bytes(2, "big")
    assert len(secret) == 48
    assert secret[:2] == b"\x03\x03"


def test_an_rsa_key_that_is_not_computed_with() -> None:
    """Our limit: no violation and no cause, with ECDHE it would not even be noticed."""
    der = bytearray(identity("RSA-2048").der)
    # INTEGER modulus of 257 octets, INTEGER exponent of 3: four octets go from one to the other,
    # so that the exponent has 50 bits and no length above them changes.
    at = der.index(bytes.fromhex("02820101"))
    end = der.index(bytes.fromhex("0203010001"), at) + 5
    modulus = der[at + 4 : at + 4 + 254]
    der[at:end] = b"\x02\x81\xfe" + modulus + bytes.fromhex("0207 02000000000001")
    entry = len(der).to_bytes(3, "big") + bytes(der)
    client = conversation(profile=LEGACY)
    client.start(1.0)
    chain = message(11, len(entry).to_bytes(3, "big") + entry)
    tell(client, TLS12, hello(TLS12, 0x002F), chain, DONE)
    facts = facts_of(client)

    assert violations(client.events) == []
    assert facts.first_flight is FirstFlight.KEY_EXCHANGE
    assert facts.key_proof is Checked.NOT_CHECKED
    assert cause_ids(facts) == []
    assert not facts.completed


def test_rsa_key_exchange_with_a_leaf_that_nobody_reads() -> None:
    """certificate.malformed says it all: no group was ever chosen."""
    client = conversation(profile=LEGACY)
    client.start(1.0)
    chain = message(11, bytes.fromhex("000004 000001 30"))
    tell(client, TLS12, hello(TLS12, 0x002F), chain, DONE)

    assert facts_of(client).first_flight is FirstFlight.KEY_EXCHANGE
    assert cause_ids(facts_of(client)) == ["certificate.malformed"]


def test_a_hello_of_an_old_version_alone_offers_no_newer_one() -> None:
    """The record and the message say the same to a server of that age."""
    profile = override(BROAD, Overrides(tls_max=TLS10))
    octets = conversation(profile=profile).start(1.0)

    assert octets[1:3] == octets[9:11] == b"\x03\x01"


def test_alerts_are_told_under_the_version_chosen() -> None:
    """The header of our records says what the server chose (RFC 2246 section 6.2.1)."""
    client = conversation(profile=LEGACY)
    client.start(1.0)
    said = tell(client, TLS10, hello(TLS10, 0x002F), message(20, b""))
    facts = facts_of(client)

    assert said == bytes.fromhex("15 0301 0002 02 0a")
    assert facts.ended_by is EndedBy.US
    assert facts.alert is not None
    assert facts.alert.origin is Origin.LOCAL


def test_a_request_in_ssl3_is_a_fact() -> None:
    """CertificateRequest has the form of TLS 1.0 (RFC 6101 section 5.6.4)."""
    client = conversation(profile=BROAD)
    client.start(1.0)
    tell(
        client,
        SSLV3,
        hello(SSLV3, 0x002F),
        certificate("RSA-2048"),
        certificate_request(SSLV3),
        DONE,
    )

    assert facts_of(client).client_certificate_requested
    assert facts_of(client).first_flight is FirstFlight.VERSION

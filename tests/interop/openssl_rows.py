"""`openssl s_server`: every version, suite, key, group and scheme that its build can do."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fleetscan.registry import extension_types as extension
from tests.interop.implementations import OPENSSL
from tests.interop.model import Row, Server, completed, recognised
from tests.interop.offers import Offer
from tests.real.library_servers import EVERYTHING, openssl
from tests.real.servers import Prepare, ServerKind

SUITES_TLS13: Final = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
TLS13_GROUPS: Final = (
    "x25519", "secp256r1", "x448", "secp384r1", "secp521r1",
    "ffdhe2048", "ffdhe3072", "ffdhe4096",
)  # fmt: skip
TLS12_GROUPS: Final = ("x25519", "secp256r1", "x448", "secp384r1", "secp521r1")

# The scheme that a key signs with under TLS 1.3 (RFC 8446 section 4.2.3), and what the key
# is called in a result.
KEYS: Final = {
    "RSA-2048": ("rsa_pss_rsae_sha256", "RSA-2048"),
    "RSA-PSS-2048": ("rsa_pss_pss_sha256", "RSA-2048"),
    "P-256": ("ecdsa_secp256r1_sha256", "EC-P-256"),
    "P-384": ("ecdsa_secp384r1_sha384", "EC-P-384"),
    "P-521": ("ecdsa_secp521r1_sha512", "EC-P-521"),
    "Ed25519": ("ed25519", "Ed25519"),
    "Ed448": ("ed448", "Ed448"),
}
# Schemes of TLS 1.2 by the key that they need (RFC 5246 section 7.4.1.4.1, RFC 8446
# section 4.2.3).
TLS12_SCHEMES: Final = {
    "RSA-2048": (
        "rsa_pkcs1_sha1", "rsa_pkcs1_sha224", "rsa_pkcs1_sha256", "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
    ),
    "RSA-PSS-2048": ("rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"),
    "P-256": ("ecdsa_sha1", "ecdsa_sha224", "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384"),
    "Ed25519": ("ed25519",),
    "Ed448": ("ed448",),
    "DSA-2048": ("dsa_sha1", "dsa_sha224", "dsa_sha256"),
}  # fmt: skip
SUITE_FOR_KEY: Final = {
    "RSA-2048": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "RSA-PSS-2048": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "DSA-2048": "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256",
}
ECDSA_SUITE: Final = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One suite of this build, in its own words: IANA name, Kx, Au, Enc."""

    name: str
    key_exchange: str
    authentication: str
    encryption: str

    @property
    def completes(self) -> bool:
        """Whether fleetscan finishes such suites, or knows them by name only."""
        return (
            self.key_exchange in ("ECDH", "DH", "RSA")
            and self.authentication in ("RSA", "ECDSA", "DSS")
            and self.encryption.partition("(")[0]
            in (
                "AESGCM",
                "AESCCM",
                "AESCCM8",
                "AES",
                "Camellia",
                "CHACHA20/POLY1305",
                "3DES",
                "RC4",
            )
        )

    @property
    def key(self) -> str:
        """The kind of certificate that it needs; anonymous and PSK suites need none."""
        return {"ECDSA": "P-256", "DSS": "DSA-2048"}.get(self.authentication, "RSA-2048")


@lru_cache(maxsize=8)
def suites(version: str) -> tuple[Suite, ...]:
    """What this build of OpenSSL speaks under one version: `-tls1`, `-tls1_1`, `-tls1_2`."""
    if shutil.which("openssl") is None:
        return ()
    listed = subprocess.run(
        (
            "openssl", "ciphers", "-s", "-psk", "-V", "-stdname", version,
            "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        ),
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    found = []
    for line in listed.splitlines():
        # 0x13,0x02 - TLS_AES_256_GCM_SHA384 - NAME TLSv1.3 Kx=any Au=any Enc=... Mac=AEAD
        words = line.split()
        parts = dict(word.split("=", 1) for word in words if "=" in word)
        if parts["Kx"] != "any":
            found.append(
                Suite(
                    name=words[2],
                    key_exchange=parts["Kx"],
                    authentication=parts["Au"],
                    encryption=parts["Enc"],
                )
            )
    return tuple(found)


def rows() -> Iterator[Row]:
    """All of them."""
    yield from _suites_up_to_tls12()
    yield from _tls13()
    yield from _keys_and_schemes()
    yield from _groups()
    yield from _extensions_left_out()
    yield from _options()
    yield from _profiles()


def server(settings: str, *options: str, key: str = "P-256", mode: str = "-www") -> Server:
    """One s_server that speaks everything, with further options."""
    return _server(settings, openssl(*EVERYTHING, *options, mode=mode), key)


def _server(settings: str, prepare: Prepare, key: str) -> Server:
    kind = ServerKind(name=f"s_server-{settings}", binary="openssl", prepare=prepare)
    return Server(implementation=OPENSSL, kind=kind, settings=settings, key=key)


EVERYTHING_OF: Final = {key: server("everything", key=key) for key in (*KEYS, "DSA-2048")}
# Pre-shared keys alone: no certificate, and none of the other suites.
PSK_ALONE: Final = _server(
    "pre-shared key, no certificate",
    openssl(
        "-psk", "0123456789abcdef", "-min_protocol", "TLSv1", "-cipher",
        "PSK:kDHEPSK:kECDHEPSK:eNULL:@SECLEVEL=0", "-no_tls1_3",
        certificate=False,
    ),
    "RSA-2048",
)  # fmt: skip
PSK_AND_RSA: Final = server(
    "pre-shared key and certificate", "-psk", "0123456789abcdef", key="RSA-2048"
)


def _suites_up_to_tls12() -> Iterator[Row]:
    for option, version in (("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2")):
        for suite in suites(option):
            if suite.key_exchange == "SRP":
                continue  # needs the srp extension (RFC 5054 section 2.8), which is not sent
            offer = Offer(
                title=f"{version} {suite.name}", versions=(version,), cipher_suites=(suite.name,)
            )
            if suite.completes:
                yield completed(EVERYTHING_OF[suite.key], offer)
            else:
                yield recognised(_server_for(suite), offer)


def _server_for(suite: Suite) -> Server:
    if suite.key_exchange == "RSAPSK":
        return PSK_AND_RSA
    return PSK_ALONE if "PSK" in suite.key_exchange else EVERYTHING_OF[suite.key]


def _tls13() -> Iterator[Row]:
    for name in SUITES_TLS13:
        offer = Offer(title=f"TLSv1.3 {name}", versions=("TLSv1.3",), cipher_suites=(name,))
        yield completed(EVERYTHING_OF["P-256"], offer, confirmed_by="ticket")


def _keys_and_schemes() -> Iterator[Row]:
    for key, (scheme, shown) in KEYS.items():
        offer = Offer(
            title=f"TLSv1.3 {scheme}",
            versions=("TLSv1.3",),
            cipher_suites=("TLS_AES_128_GCM_SHA256",),
            signature_schemes=(scheme,),
        )
        expected = {"signature_scheme": scheme, "certificate": shown}
        yield completed(EVERYTHING_OF[key], offer, **expected)
    for scheme in ("rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"):
        offer = Offer(
            title=f"TLSv1.3 {scheme}",
            versions=("TLSv1.3",),
            cipher_suites=("TLS_AES_128_GCM_SHA256",),
            signature_schemes=(scheme,),
        )
        yield completed(EVERYTHING_OF["RSA-2048"], offer, signature_scheme=scheme)
    for key, schemes in TLS12_SCHEMES.items():
        for scheme in schemes:
            suite = SUITE_FOR_KEY.get(key, ECDSA_SUITE)
            offer = Offer(
                title=f"TLSv1.2 {scheme}",
                versions=("TLSv1.2",),
                cipher_suites=(suite,),
                signature_schemes=(scheme,),
            )
            yield completed(EVERYTHING_OF[key], offer, signature_scheme=scheme)


def _groups() -> Iterator[Row]:
    for name in TLS13_GROUPS:
        yield completed(
            EVERYTHING_OF["P-256"],
            Offer(
                title=f"TLSv1.3 {name}",
                versions=("TLSv1.3",),
                cipher_suites=("TLS_AES_128_GCM_SHA256",),
                groups=(name,),
            ),
            hello_retry="no",
        )
        other = "secp256r1" if name == "x25519" else "x25519"
        retrying = _server(
            f"{name} alone",
            openssl("-groups", {"x25519": "X25519", "x448": "X448"}.get(name, name)),
            "P-256",
        )
        yield completed(
            retrying,
            Offer(
                title=f"TLSv1.3 {name} after HelloRetryRequest",
                versions=("TLSv1.3",),
                cipher_suites=("TLS_AES_256_GCM_SHA384",),
                groups=(other, name),
                shares=(other,),
            ),
            hello_retry="yes",
            group=name,
        )
    for name in TLS12_GROUPS:
        offer = Offer(
            title=f"TLSv1.2 {name}",
            versions=("TLSv1.2",),
            cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
            groups=(name,),
        )
        yield completed(EVERYTHING_OF["RSA-2048"], offer)


LEFT_OUT: Final = {
    "no extended_master_secret": extension.EXTENDED_MASTER_SECRET,
    "no encrypt_then_mac": extension.ENCRYPT_THEN_MAC,
    "no session_ticket": extension.SESSION_TICKET,
    "no ec_point_formats": extension.EC_POINT_FORMATS,
    "no renegotiation_info": extension.RENEGOTIATION_INFO,
}


def _extensions_left_out() -> Iterator[Row]:
    """What a server may not know, the client not sent: the same handshake without it."""
    for title, kind in LEFT_OUT.items():
        for version in ("TLSv1", "TLSv1.1", "TLSv1.2"):
            offer = Offer(
                title=f"{version} AES-CBC, {title}",
                versions=(version,),
                cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",),
                without=frozenset({kind}),
            )
            yield completed(EVERYTHING_OF["RSA-2048"], offer)
    yield completed(
        EVERYTHING_OF["RSA-2048"],
        Offer(
            title="TLSv1.2 no signature_algorithms: SHA-1 by default",
            versions=("TLSv1.2",),
            cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",),
            without=frozenset({extension.SIGNATURE_ALGORITHMS}),
        ),
        signature_scheme="rsa_pkcs1_sha1",
    )


def _options() -> Iterator[Row]:
    """What a server's administrator may set."""
    tls12 = Offer(
        title="TLSv1.2 ECDHE",
        versions=("TLSv1.2",),
        cipher_suites=("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",),
    )
    cbc = Offer(
        title="TLSv1.2 AES-CBC",
        versions=("TLSv1.2",),
        cipher_suites=("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",),
    )
    tls13 = Offer(
        title="TLSv1.3",
        versions=("TLSv1.3",),
        cipher_suites=("TLS_AES_256_GCM_SHA384",),
    )
    yield completed(server("no tickets", "-no_ticket"), tls12)
    # Under TLS 1.3 -no_ticket only makes them stateful; without any, nothing tells us.
    yield completed(server("no tickets", "-no_ticket"), tls13, confirmed_by="ticket")
    yield completed(server("num_tickets 0", "-num_tickets", "0"), tls13, confirmed_by="silence")
    yield completed(server("num_tickets 8", "-num_tickets", "8"), tls13, confirmed_by="ticket")
    yield completed(server("no encrypt-then-MAC", "-no_etm"), cbc)
    yield completed(server("legacy renegotiation", "-legacy_renegotiation"), tls12)
    yield completed(server("no middlebox compatibility", "-no_middlebox"), tls13)
    padded = server("record padding 512", "-record_padding", "512")
    yield completed(padded, tls13)
    yield completed(server("early data", "-early_data", mode=""), tls13)
    # s_server itself stumbles over the change_cipher_spec of a client that is careful about
    # middleboxes when it keeps no state: its own s_client gets no further.
    careless = dataclasses.replace(tls13, title="TLSv1.3 with a cookie", compatible=False)
    # And it demands the cookie of the first client alone.
    demanding = dataclasses.replace(server("cookie demanded", "-stateless", mode=""), anew=True)
    yield completed(demanding, careless, hello_retry="yes")
    for offer in (tls12, tls13):
        yield completed(server("records of 512 octets", "-max_send_frag", "512"), offer)
        yield completed(server("stapled OCSP", "-status_file", "{staple}"), offer, staple="yes")
        yield completed(server("ALPN http/1.1", "-alpn", "http/1.1"), offer, alpn="http/1.1")
        yield completed(server("ALPN h2", "-alpn", "h2,http/1.1"), offer, alpn="h2")
        yield completed(
            server("client certificate asked for", "-verify", "1"), offer, client_auth="requested"
        )
        yield completed(server("writes first", mode="-rev"), offer)


def _profiles() -> Iterator[Row]:
    """Each profile as it is, with a server that takes anything."""
    for hello in ("browser", "openssl3", "broad", "minimal"):
        for key in ("P-256", "RSA-2048"):
            offer = Offer(title=f"{hello} profile", hello=hello)
            yield completed(EVERYTHING_OF[key], offer, version="TLSv1.3")
    for key in ("P-256", "RSA-2048"):
        offer = Offer(title="legacy profile", hello="legacy")
        yield completed(EVERYTHING_OF[key], offer, version="TLSv1.2", confirmed_by="finished")

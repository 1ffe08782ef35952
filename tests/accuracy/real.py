"""Faults planted in real servers by their own configuration, scanned all at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fleetscan
from fleetscan import Deadlines, ScanConfig
from tests.accuracy.told import Planted, Told, told
from tests.real.kinds import DEMANDING
from tests.real.library_servers import gnutls, nss, openssl
from tests.real.material import NAME, NOW, material, root
from tests.real.servers import Material, Prepare, ServerKind, running
from tests.real.web_servers import LIGHTTPD_MODULES, apache, haproxy, lighttpd, nginx, stunnel

TIMEOUT_S: Final = 4.0

DAY_S: Final = 86_400
UNKNOWN_NAME: Final = "unknown.test"
NO_NAME: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A name that one server is asked for, and the causes that must be told."""

    causes: tuple[str, ...] = ()
    name: str = NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """A real server with its fault, and how it is asked.

    Args:
        kind: how it is started.
        asked: with which names.
        key: of its certificate.
        expired: whether that ran out.
    """

    kind: ServerKind
    asked: tuple[Asked, ...]
    key: str = "P-256"
    expired: bool = False


def _server(
    name: str, binary: str, prepare: Prepare, *causes: str, key: str = "P-256", needs: str = ""
) -> Faulty:
    kind = ServerKind(name=name, binary=binary, prepare=prepare, needs=(needs,) if needs else ())
    return Faulty(kind=kind, asked=(Asked(causes=causes),), key=key)


def _by_name(name: str, binary: str, prepare: Prepare, *asked: Asked) -> Faulty:
    return Faulty(kind=ServerKind(name=name, binary=binary, prepare=prepare), asked=asked)


def _rejecting(material: Material, port: int) -> Sequence[str]:
    """A server for one name, and before it one that refuses every other."""
    other = f"listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on;"
    return nginx(f"server_name {NAME}; return 204; }} server {{ {other}")(material, port)


# What TLS 1.0 of RC4 alone is in the words of GnuTLS.
_RC4: Final = (
    "NONE:+VERS-TLS1.0:+ARCFOUR-128:+SHA1:+MAC-ALL:+RSA:+SIGN-ALL:+COMP-NULL:+GROUP-ALL:"
    "%VERIFY_ALLOW_BROKEN"
)
_3DES: Final = "NONE:+VERS-TLS1.2:+3DES-CBC:+SHA1:+RSA:+SIGN-ALL:+COMP-NULL:+GROUP-ALL"

HEALTHY: Final = (
    _server("nginx", "nginx", nginx()),
    _server("haproxy", "haproxy", haproxy()),
    _server("apache", "apache2", apache()),
    _server("stunnel", "stunnel4", stunnel()),
    _server("s_server", "openssl", openssl()),
    _server("gnutls-serv", "gnutls-serv", gnutls()),
    _server("selfserv", "selfserv", nss("-V", "tls1.2:tls1.3")),
    *(
        _server(
            f"lighttpd-{library}",
            "lighttpd",
            lighttpd(f"mod_{library}"),
            needs=f"{LIGHTTPD_MODULES}/mod_{library}.so",
        )
        for library in ("openssl", "gnutls", "mbedtls", "wolfssl")
    ),
)

VERSIONS: Final = (
    _server(
        "s_server-tls10",
        "openssl",
        openssl("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        "version.too_old",
    ),
    _server(
        "nginx-tls11",
        "nginx",
        nginx("ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"),
        "version.too_old",
    ),
    _server(
        "gnutls-serv-tls11",
        "gnutls-serv",
        gnutls("--priority=NORMAL:-VERS-ALL:+VERS-TLS1.1"),
        "version.too_old",
    ),
    _server("selfserv-tls10", "selfserv", nss("-V", "tls1.0:tls1.0"), "version.too_old"),
)

SUITES: Final = (
    _server(
        "s_server-camellia",
        "openssl",
        openssl("-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"),
        "cipher.none_in_common",
    ),
    _server(
        "nginx-ccm",
        "nginx",
        nginx("ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-CCM;"),
        "cipher.none_in_common",
    ),
    _server(
        "s_server-null",
        "openssl",
        openssl("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"),
        "cipher.insecure_only",
        key="RSA-2048",
    ),
    _server(
        "s_server-anonymous",
        "openssl",
        openssl("-tls1_2", "-cipher", "ADH-AES128-GCM-SHA256:@SECLEVEL=0", certificate=False),
        "cipher.insecure_only",
        # Without a key to go by, OpenSSL 3.0 takes a group of 1,024 bits.
        "key_exchange.weak_dh",
    ),
    _server(
        "gnutls-serv-3des",
        "gnutls-serv",
        gnutls(f"--priority={_3DES}"),
        "cipher.insecure_only",
        key="RSA-2048",
    ),
    _server(
        "selfserv-rc4",
        "selfserv",
        nss("-V", "tls1.2:tls1.2", "-c", ":0005"),
        "cipher.insecure_only",
        key="RSA-2048",
    ),
    # Two at once.
    _server(
        "gnutls-serv-tls10-rc4",
        "gnutls-serv",
        gnutls(f"--priority={_RC4}"),
        "version.too_old",
        "cipher.insecure_only",
        key="RSA-2048",
    ),
)

LISTS: Final = (
    _server(
        "nginx-x448",
        "nginx",
        nginx("ssl_ecdh_curve X448;"),
        "key_exchange.no_common_group",
    ),
    _server(
        "s_server-x448-tls12",
        "openssl",
        openssl("-tls1_2", "-groups", "X448"),
        "key_exchange.no_common_group",
    ),
    _server("s_server-ed448", "openssl", openssl(), "signature.no_common_scheme", key="Ed448"),
    _server("s_server-alpn", "openssl", openssl("-alpn", "lab/1"), "alpn.none_in_common"),
)

NAMES: Final = (
    _by_name(
        "nginx-reject",
        "nginx",
        _rejecting,
        Asked(),
        Asked(name=UNKNOWN_NAME, causes=("name.unrecognized",)),
        Asked(name=NO_NAME, causes=("name.required",)),
    ),
    _by_name(
        "haproxy-strict",
        "haproxy",
        haproxy("strict-sni"),
        Asked(),
        Asked(name=UNKNOWN_NAME, causes=("name.unrecognized",)),
        Asked(name=NO_NAME, causes=("name.required",)),
    ),
    _by_name(
        "apache-default",
        "apache2",
        apache(),
        Asked(name=UNKNOWN_NAME, causes=("certificate.name_mismatch",)),
    ),
)

CERTIFICATES: Final = (
    Faulty(
        kind=ServerKind(name="nginx-expired", binary="nginx", prepare=nginx()),
        asked=(Asked(causes=("certificate.expired",)),),
        expired=True,
    ),
    *(Faulty(kind=kind, asked=(Asked(causes=("client_auth.required",)),)) for kind in DEMANDING),
)

FAULTY: Final = (*HEALTHY, *VERSIONS, *SUITES, *LISTS, *NAMES, *CERTIFICATES)


def planted_in(port: int, faulty: Faulty) -> list[Planted]:
    """The targets of one running server."""
    at = f"127.0.0.1:{port}"
    return [
        Planted(
            name=" ".join(
                filter(
                    None,
                    (faulty.kind.name, "" if each.name == NAME else each.name or "without a name"),
                )
            ),
            target=f"{each.name}@{at}" if each.name else at,
            causes=each.causes,
        )
        for each in faulty.asked
    ]


@contextlib.contextmanager
def real_faults(folder: Path, missing: list[str]) -> Iterator[list[Planted]]:
    """Run every server that can be; names of what cannot go to `missing`."""
    planted: list[Planted] = []
    with contextlib.ExitStack() as exits:
        for faulty in FAULTY:
            lack = faulty.kind.missing()
            if lack:
                missing.append(f"{faulty.kind.name}: {lack} is missing")
                continue
            own = folder / faulty.kind.name
            own.mkdir()
            ended = int(NOW.timestamp()) - 10 * DAY_S if faulty.expired else None
            made = material(own, kind=faulty.key, not_after=ended)
            port = exits.enter_context(running(faulty.kind, made))
            planted += planted_in(port, faulty)
        yield planted


async def scan_real(folder: Path, missing: list[str]) -> list[Told]:
    """What is told of each."""
    trust = folder / "root.pem"
    trust.write_bytes(root().pem)
    config = ScanConfig(trust=(str(trust),), deadlines=Deadlines.from_timeout(TIMEOUT_S))
    with real_faults(folder, missing) as planted:
        by_target = {each.target: each for each in planted}
        found = []
        async for result in fleetscan.scan(list(by_target), config):
            each = by_target[result.target.input]
            found.append(told(each.name, each.causes, result.record))
    return sorted(found, key=lambda each: each.name)

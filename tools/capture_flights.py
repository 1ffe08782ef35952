"""Talks to real servers and keeps what they say as test vectors, in tests/vectors/tls/flights.

Keys and randomness of the client are fixed, so that each file replays. Programs that are
missing are passed over by name; `--only` chooses cases, `--check` replays what is there,
`--renew` writes the events of what is there again.
A further version or server is one more line in `CASES`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fleetscan.registry import content_types  # noqa: E402
from fleetscan.registry import extension_types as extension  # noqa: E402
from fleetscan.registry import handshake_types as handshake  # noqa: E402
from fleetscan.tls.conversation import Conversation  # noqa: E402
from fleetscan.tls.profile import HelloProfile  # noqa: E402
from tests import tls_vectors  # noqa: E402
from tests.interop import language_rows  # noqa: E402
from tests.interop.model import Implementation  # noqa: E402
from tests.real.kinds import DEMANDING, KINDS  # noqa: E402
from tests.real.material import NAME, material  # noqa: E402
from tests.real.servers import Material, ServerKind, running  # noqa: E402
from tests.tls_peers import whole  # noqa: E402
from tools.fuzz.servers import records_of  # noqa: E402

SILENCE_S: Final = 1.0
"""How long to wait for a server that may have nothing more to say."""
MAX_FLIGHTS: Final = 8
CONFIGURATIONS: Final = ("[a-z]*.conf", "[a-z]*.cfg", "[a-z]*.json", "Caddyfile")

# -- what the client offers --------------------------------------------------------------

BROWSER: Final = HelloProfile(
    name="capture",
    versions=(0x0304, 0x0303),
    cipher_suites=(
        *(0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8),
        *(0xC009, 0xC013, 0xC00A, 0xC014, 0x009E, 0x009C, 0x009D, 0x002F, 0x0035),
    ),
    groups=(0x001D, 0x0017, 0x0018),
    key_share_groups=(0x001D,),
    signature_schemes=(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0203),
    extensions=(
        extension.SERVER_NAME,
        extension.EXTENDED_MASTER_SECRET,
        extension.RENEGOTIATION_INFO,
        extension.SUPPORTED_GROUPS,
        extension.EC_POINT_FORMATS,
        extension.ENCRYPT_THEN_MAC,
        extension.SESSION_TICKET,
        extension.APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        extension.STATUS_REQUEST,
        extension.SIGNATURE_ALGORITHMS,
        extension.SIGNED_CERTIFICATE_TIMESTAMP,
        extension.KEY_SHARE,
        extension.PSK_KEY_EXCHANGE_MODES,
        extension.SUPPORTED_VERSIONS,
        extension.COOKIE,
    ),
)
ONLY_TLS13: Final = {
    extension.KEY_SHARE,
    extension.PSK_KEY_EXCHANGE_MODES,
    extension.SUPPORTED_VERSIONS,
    extension.COOKIE,
}


def older(*versions: int, suites: tuple[int, ...] = ()) -> HelloProfile:
    """The same without what only TLS 1.3 has, and with these versions and suites."""
    kept = tuple(kind for kind in BROWSER.extensions if kind not in ONLY_TLS13)
    chosen = suites or tuple(suite for suite in BROWSER.cipher_suites if suite >> 8 != 0x13)
    return replace(BROWSER, versions=versions, cipher_suites=chosen, extensions=kept)


# No share at all asks for a HelloRetryRequest (RFC 8446 section 4.2.8).
RETRY: Final = replace(BROWSER, versions=(0x0304,), key_share_groups=())
TLS13: Final = replace(BROWSER, versions=(0x0304,))
COMPRESSED: Final = replace(
    TLS13,
    certificate_compressions=(0x0001, 0x0002, 0x0003),
    extensions=(*BROWSER.extensions, extension.COMPRESS_CERTIFICATE),
)
X25519MLKEM768: Final = 0x11EC
HYBRID: Final = replace(
    TLS13,
    groups=(X25519MLKEM768, *BROWSER.groups),
    key_share_groups=(X25519MLKEM768, 0x001D),
)
HYBRID_RETRY: Final = replace(HYBRID, key_share_groups=(0x001D,))
ML_DSA: Final = replace(TLS13, signature_schemes=(0x0905, 0x0904, 0x0906))
TLS12: Final = older(0x0303)
TLS12_RSA: Final = older(0x0303, suites=(0x009C, 0x002F))
TLS12_CBC: Final = older(0x0303, suites=(0xC009, 0xC013))
TLS12_DHE: Final = older(0x0303, suites=(0x009E,))
TLS12_UNKNOWN: Final = older(0x0303, suites=(0xC0AE,))
TLS10_RSA: Final = older(0x0301, suites=(0x002F, 0x000A))
SSL3: Final = replace(older(0x0300, suites=(0x002F, 0x000A)), extensions=(), groups=())
TLS11: Final = older(0x0302)
TLS10: Final = older(0x0301)


# -- the servers --------------------------------------------------------------------------

NAMED: Final = {kind.name: kind for kind in KINDS}
OPENSSL: Final = NAMED["s_server-openssl"]
GNUTLS: Final = NAMED["gnutls-serv"]
NSS: Final = NAMED["selfserv-nss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One vector.

    Args:
        options: further options of the server's command; `{folder}` is where its files are.
        key: the kind of its certificate's key.
        implementation: says its versions; without it the Debian packages do.
    """

    name: str
    kind: ServerKind
    profile: HelloProfile = BROWSER
    options: tuple[str, ...] = ()
    key: str = "P-256"
    alpn: tuple[str, ...] = ()
    implementation: Implementation | None = None

    def command(self, material: Material, port: int) -> Sequence[str]:
        """The whole command line."""
        more = [option.format(folder=material.folder) for option in self.options]
        return (*self.kind.prepare(material, port), *more)


STACKS: Final = {row.server.name: row.server for row in language_rows.rows()}


def of_stack(name: str, server: str, profile: HelloProfile = BROWSER) -> Case:
    """A case of one of the servers of the interop matrix."""
    found = STACKS[server]
    return Case(
        name=name,
        kind=found.kind,
        profile=profile,
        key=found.key,
        implementation=found.implementation,
    )


ANY_LEVEL: Final = ("-cipher", "ALL:@SECLEVEL=0")
GNUTLS_OLD: Final = "--priority=NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+SHA1"

CASES: Final = (
    *(Case(name=f"{kind.name}-default", kind=kind) for kind in KINDS),
    *(Case(name=f"{kind.name}-rsa", kind=kind, key="RSA-2048") for kind in (OPENSSL, GNUTLS, NSS)),
    *(
        Case(name=f"{kind.name}-retry", kind=kind, profile=RETRY)
        for kind in (OPENSSL, GNUTLS, NSS, NAMED["lighttpd-wolfssl"], NAMED["nginx-openssl"])
    ),
    *(
        Case(name=f"{kind.name}-tls12", kind=kind, profile=TLS12)
        for kind in (OPENSSL, GNUTLS, NSS, NAMED["lighttpd-wolfssl"], NAMED["haproxy-openssl"])
    ),
    Case(name="s_server-openssl-tls12-cbc", kind=OPENSSL, profile=TLS12_CBC),
    Case(name="gnutls-serv-tls12-cbc", kind=GNUTLS, profile=TLS12_CBC, key="RSA-2048"),
    Case(name="s_server-openssl-tls12-dhe", kind=OPENSSL, profile=TLS12_DHE, key="RSA-2048"),
    Case(name="s_server-openssl-tls12-rsa", kind=OPENSSL, profile=TLS12_RSA, key="RSA-2048"),
    Case(name="gnutls-serv-tls12-rsa", kind=GNUTLS, profile=TLS12_RSA, key="RSA-2048"),
    Case(name="selfserv-nss-tls12-rsa", kind=NSS, profile=TLS12_RSA, key="RSA-2048"),
    Case(name="s_server-openssl-tls11", kind=OPENSSL, profile=TLS11, options=ANY_LEVEL),
    Case(
        name="s_server-openssl-tls10",
        kind=OPENSSL,
        profile=TLS10,
        options=ANY_LEVEL,
        key="RSA-2048",
    ),
    Case(
        name="gnutls-serv-tls11",
        kind=GNUTLS,
        profile=TLS11,
        options=(GNUTLS_OLD,),
        key="RSA-2048",
    ),
    Case(name="gnutls-serv-tls10", kind=GNUTLS, profile=TLS10, options=(GNUTLS_OLD,)),
    # Other stacks than Debian's C libraries.
    of_stack("tlslite-default", "tlslite-ng, RSA-2048, default"),
    of_stack("tlslite-compressed", "tlslite-ng, RSA-2048, default", COMPRESSED),
    of_stack("tlslite-tls10-rsa", "tlslite-ng, RSA-2048, SSL 3.0 to TLS 1.2", TLS10_RSA),
    of_stack("tlslite-ssl3", "tlslite-ng, RSA-2048, SSL 3.0 to TLS 1.2", SSL3),
    of_stack("java-default", "Java JSSE, P-256, everything"),
    of_stack("java-tls12", "Java JSSE, P-256, everything", TLS12),
    of_stack("java-tls10", "Java JSSE, RSA-2048, everything", TLS10),
    of_stack("caddy-go-default", "Caddy with Go's crypto/tls, P-256, default"),
    of_stack("caddy-go-scheme-refused", "Caddy with Go's crypto/tls, Ed25519, default"),
    of_stack("granian-rustls-default", "Granian with rustls, P-256, default"),
    of_stack("granian-rustls-tls12", "Granian with rustls, P-256, TLS 1.2 too", TLS12),
    of_stack("grpc-boringssl-default", "gRPC with BoringSSL, P-256, default"),
    of_stack("grpc-boringssl-retry", "gRPC with BoringSSL, P-256, default", RETRY),
    of_stack("node-hybrid", "Node.js, P-256, default", HYBRID),
    of_stack("node-hybrid-retry", "Node.js, P-256, X25519MLKEM768 alone", HYBRID_RETRY),
    of_stack("node-ml-dsa-65", "Node.js, ML-DSA-65, default", ML_DSA),
    of_stack("pyopenssl-hybrid", "pyOpenSSL, P-256, default", HYBRID),
    # A client certificate is asked for, and done without.
    Case(name="s_server-openssl-request", kind=OPENSSL, options=("-verify", "1")),
    Case(
        name="s_server-openssl-tls12-request",
        kind=OPENSSL,
        profile=TLS12,
        options=("-verify", "1"),
    ),
    Case(name="selfserv-nss-request", kind=NSS, options=("-r",)),
    # A client certificate is asked for, and its lack refused.
    *(Case(name=f"{kind.name}-demanding", kind=kind) for kind in DEMANDING),
    # Stapled status, and an application protocol.
    Case(
        name="s_server-openssl-status",
        kind=OPENSSL,
        options=("-status_file", "{folder}/staple.der", "-alpn", "http/1.1"),
        alpn=("h2", "http/1.1"),
    ),
    Case(
        name="s_server-openssl-tls12-status",
        kind=OPENSSL,
        profile=TLS12,
        options=("-status_file", "{folder}/staple.der", "-alpn", "http/1.1"),
        alpn=("h2", "http/1.1"),
    ),
    Case(
        name="gnutls-serv-status",
        kind=GNUTLS,
        options=("--ocsp-response={folder}/staple.der", "--ignore-ocsp-response-errors"),
    ),
    # Refusals.
    Case(
        name="s_server-openssl-version-refused",
        kind=OPENSSL,
        profile=TLS13,
        options=("-tls1_2",),
    ),
    Case(
        name="gnutls-serv-version-refused",
        kind=GNUTLS,
        profile=TLS13,
        options=("--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2",),
    ),
    Case(
        name="selfserv-nss-version-refused",
        kind=NSS,
        profile=TLS13,
        options=("-V", "tls1.2:tls1.2"),
    ),
    Case(name="s_server-openssl-suite-refused", kind=OPENSSL, profile=TLS12_RSA),
    Case(name="gnutls-serv-suite-refused", kind=GNUTLS, profile=TLS12_RSA),
    Case(name="selfserv-nss-suite-refused", kind=NSS, profile=TLS12_UNKNOWN),
    Case(
        name="s_server-openssl-name-refused",
        kind=OPENSSL,
        options=("-servername", "other.test", "-servername_fatal", "-cert2", "{folder}/chain.pem",
                 "-key2", "{folder}/key.pem"),
    ),
)  # fmt: skip


# -- one capture --------------------------------------------------------------------------


def client_data(case: Case) -> dict[str, Any]:
    """The client as data. Its keys are nobody's: they are published with the vector."""
    return {
        "server_name": NAME,
        "alpn": list(case.alpn),
        "starttls": "none",
        "entropy": bytes(range(64)).hex(),
        "private": {
            "0x001d": bytes(range(1, 33)).hex(),
            "0x0017": bytes(range(33, 65)).hex(),
            "0x0018": bytes(range(65, 113)).hex(),
            # The seed of ML-KEM-768, then X25519's key.
            tls_vectors.code(X25519MLKEM768): bytes(range(96)).hex(),
        },
        "profile": tls_vectors.profile_data(case.profile),
    }


def talk(client: Conversation, port: int) -> tuple[list[str], list[str], str]:
    """What was received, flight by flight, what was sent, and how it ended."""
    received: list[str] = []
    sent = [client.start(0.0)]
    ended = "us"
    with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
        connection.settimeout(SILENCE_S)
        connection.sendall(sent[0])
        # Ends: a server that still talks after so many flights is none of those here.
        while not client.finished and len(received) < MAX_FLIGHTS:
            flight, answer = b"", b""
            try:
                while not answer and not client.finished:
                    octets = connection.recv(65_536)
                    if not octets:
                        raise ConnectionResetError
                    flight += octets
                    answer = client.receive(octets, 1.0 + len(received))
            except TimeoutError:
                ended = "silence"
            except ConnectionResetError:
                ended = "fin"
            if flight:
                received.append(flight.hex())
                sent.append(answer)
            if ended != "us":
                break
            # A server that has refused may be gone: what it said is still to be read.
            with contextlib.suppress(OSError):
                connection.sendall(answer)
    tls_vectors.end(client, ended, 1.0 + len(received))
    sent.append(client.close(2.0 + len(received)))
    return received, [octets.hex() for octets in sent], ended


def encrypted_premaster_secret(sent: Sequence[str]) -> str | None:
    """What RSA key exchange sent; RFC 5246 section 7.4.7.1 has it with a length."""
    for flight in map(bytes.fromhex, sent):
        for content_type, _, fragment in records_of(flight):
            is_handshake = content_type == content_types.HANDSHAKE
            if is_handshake and fragment[0] == handshake.CLIENT_KEY_EXCHANGE:
                return fragment[4 + 2 :].hex()
    return None


def provenance(case: Case, files: Material, port: int) -> dict[str, str]:
    """Which program said this, and how it was started."""

    def anonymous(text: str) -> str:
        # Where this machine keeps things is nobody's business.
        for path, word in ((files.folder, "DIR"), (ROOT, "ROOT"), (port, "PORT")):
            text = text.replace(str(path), word)
        return text

    command = " ".join(case.command(files, port))
    made: dict[str, str] = {
        "program": Path(case.kind.binary).name,
        "package": versions_of(case),
        "command": anonymous(command),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "tool": "tools/capture_flights.py",
    }
    for name in CONFIGURATIONS:
        for file in files.folder.glob(name):
            made["configuration"] = " ".join(anonymous(file.read_text()).split())
    return made


def versions_of(case: Case) -> str:
    """Of what the server is made."""
    if case.implementation is None:
        return package_of(case.kind)
    parts = case.implementation.versions()
    return ", ".join(f"{part} {version}" for part, version in parts.items())


def package_of(kind: ServerKind) -> str:
    """The Debian packages of program and modules, with their versions."""
    found = set()
    for path in (shutil.which(kind.binary) or kind.binary, *kind.needs):
        # Debian's merged /usr knows a program under either name.
        for name in (path, path.removeprefix("/usr")):
            owner = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
            if owner.returncode == 0:
                package = owner.stdout.partition(":")[0]
                query = ["dpkg-query", "-W", "-f", "${Package} ${Version}", package]
                found.add(subprocess.run(query, capture_output=True, text=True).stdout)
    return ", ".join(sorted(found)) or "not of a package"


def capture(case: Case) -> dict[str, Any]:
    """One vector, replayed once to see that it does.

    Raises:
        ValueError: the replay gave other events than the server itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # for daemons that give root's rights away
        files = material(Path(folder), kind=case.key)
        kind = replace(case.kind, prepare=case.command)
        client = client_data(case)
        with running(kind, files) as port:
            live = tls_vectors.client_of(client)
            received, sent, ended = talk(live, port)
            origin = provenance(case, files, port)
    events = [tls_vectors.event_data(event) for event in live.events]
    if any(event.get("scheme") == 0 for event in events):
        # The key was proved by decrypting: RSA key exchange.
        client["encrypted_premaster_secret"] = encrypted_premaster_secret(sent)
    data = {
        "provenance": origin,
        "client": client,
        "received": received,
        "sent": sent,
        "ended": ended,
        "events": events,
    }
    if differences(data):
        raise ValueError(f"{case.name} does not replay: {differences(data)}")
    return data


def differences(data: tls_vectors.Data) -> list[str]:
    """What a replay in one piece has that the vector has not."""
    replay = tls_vectors.Replay(data, whole)
    found = [name for name in ("sent", "events") if getattr(replay, name) != data[name]]
    return [f"{name} differ" for name in found]


def check() -> int:
    """Replay every vector; 1 when one has other events than it says."""
    broken = [path.stem for path in tls_vectors.paths() if differences(tls_vectors.load(path))]
    for name in broken:
        sys.stdout.write(f"{name} does not replay\n")
    return int(bool(broken))


def renew() -> int:
    """Write the events of every vector again; 1 when a client no longer says the same.

    For a client whose events gained a field: what servers said does not change with it, and
    what the difference is must be read by somebody.
    """
    changed = 0
    for path in tls_vectors.paths():
        data = tls_vectors.load(path)
        replay = tls_vectors.Replay(data, whole)
        if replay.sent != data["sent"]:
            changed = 1
            sys.stdout.write(f"{path.stem}: the client says something else\n")
            continue
        data["events"] = replay.events
        path.write_text(json.dumps(data, indent=1) + "\n")
    return changed


def main() -> int:
    """Capture what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--check", action="store_true", help="replay what is there")
    parser.add_argument("--renew", action="store_true", help="write the events again")
    options = parser.parse_args()
    if options.check or options.renew:
        return check() if options.check else renew()
    tls_vectors.FOLDER.mkdir(parents=True, exist_ok=True)
    failed = False
    for case in CASES:
        if options.only not in case.name:
            continue
        if missing := case.kind.missing():
            sys.stdout.write(f"{case.name}: {missing} is missing\n")
            continue
        try:
            data = capture(case)
        except ValueError as error:
            failed = True
            sys.stdout.write(f"{error}\n")
            continue
        path = tls_vectors.FOLDER / f"{case.name}.json"
        path.write_text(json.dumps(data, indent=1) + "\n")
        letters = "".join(e["letter"] for e in data["events"] if e["event"] == "MessageSeen")
        sys.stdout.write(f"{case.name}: {letters} {data['ended']} {data['events'][-1]['event']}\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())

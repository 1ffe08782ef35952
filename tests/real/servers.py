"""Real TLS servers of several stacks, started on a free loopback port and ended by process id."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTED_WITHIN_S = 20.0
STARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """PEM files of one server: root, chain (leaf first), key, both in one; and a scratch folder."""

    root: Path
    chain: Path
    key: Path
    both: Path
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKind:
    """How one implementation is started.

    Args:
        name: the implementation with its TLS library.
        binary: the program; tests are skipped where it is missing.
        prepare: writes configuration, returns the command line.
        needs: files that must exist beside the program (modules).
    """

    name: str
    binary: str
    prepare: Callable[[Material, int], Sequence[str]]
    needs: tuple[str, ...] = ()

    def missing(self) -> str:
        """What is not installed, or the empty string."""
        if shutil.which(self.binary) is None:
            return self.binary
        return next((path for path in self.needs if not Path(path).exists()), "")


class StartError(Exception):
    """A server did not come up; the text is its log."""


def free_port() -> int:
    """A TCP port that nothing uses on any address, outside the range of outgoing connections."""
    for _ in range(100):
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise StartError("no free port")


@contextlib.contextmanager
def running(kind: ServerKind, material: Material) -> Iterator[int]:
    """Run one server and give its port. Another process may take the port first: then again."""
    for attempt in range(STARTS):
        port = free_port()
        try:
            process = _started(kind.prepare(material, port), port, material)
            break
        except StartError:
            if attempt + 1 == STARTS:
                raise
    try:
        yield port
    finally:
        _end(process)


def _started(command: Sequence[str], port: int, material: Material) -> subprocess.Popen[bytes]:
    log = material.folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command], stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=material.folder
        )
    try:
        _wait_until_listening(process, port, log)
    except BaseException:
        _end(process)
        raise
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
    if process.stdin is not None:
        process.stdin.close()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{process.args!r} ended:\n{log.read_text(errors='replace')}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise StartError(f"{process.args!r} does not listen:\n{log.read_text(errors='replace')}")


# -- how each is started -------------------------------------------------------


def _nginx(material: Material, port: int) -> Sequence[str]:
    configuration = material.folder / "nginx.conf"
    configuration.write_text(
        f"""
daemon off; worker_processes 1; pid {material.folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {material.folder}/body; proxy_temp_path {material.folder}/proxy;
    fastcgi_temp_path {material.folder}/fastcgi; uwsgi_temp_path {material.folder}/uwsgi;
    scgi_temp_path {material.folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {material.chain}; ssl_certificate_key {material.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        return 204;
    }}
}}
"""
    )
    return ("nginx", "-c", str(configuration), "-p", str(material.folder), "-e", "stderr")


def _haproxy(material: Material, port: int) -> Sequence[str]:
    configuration = material.folder / "haproxy.cfg"
    configuration.write_text(
        f"""
global
    maxconn 64
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 5s
frontend tls
    bind 127.0.0.1:{port} ssl crt {material.both}
    http-request return status 204
"""
    )
    return ("haproxy", "-db", "-f", str(configuration))


def _stunnel(material: Material, port: int) -> Sequence[str]:
    configuration = material.folder / "stunnel.conf"
    configuration.write_text(
        f"""
foreground = yes
pid =
[tls]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:9
cert = {material.both}
"""
    )
    return ("stunnel4", str(configuration))


def _lighttpd(module: str) -> Callable[[Material, int], Sequence[str]]:
    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "lighttpd.conf"
        # wolfSSL looks its own issuer up when a client offers status_request.
        own_root = f'ssl.ca-file = "{material.root}"' if module == "mod_wolfssl" else ""
        configuration.write_text(
            f"""
server.modules = ("{module}")
server.document-root = "{material.folder}"
server.bind = "127.0.0.1"
server.port = {port}
ssl.engine = "enable"
ssl.pemfile = "{material.chain}"
ssl.privkey = "{material.key}"
{own_root}
"""
        )
        return ("lighttpd", "-D", "-f", str(configuration))

    return prepare


def _openssl(material: Material, port: int) -> Sequence[str]:
    return (
        "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(material.chain),
        "-cert_chain", str(material.chain), "-key", str(material.key), "-quiet", "-www",
    )  # fmt: skip


def _gnutls(material: Material, port: int) -> Sequence[str]:
    return (
        "gnutls-serv", "--port", str(port), "--x509certfile", str(material.chain),
        "--x509keyfile", str(material.key), "--http", "--quiet",
    )  # fmt: skip


def _nss(material: Material, port: int) -> Sequence[str]:
    database = f"sql:{material.folder}/nss"
    shutil.rmtree(material.folder / "nss", ignore_errors=True)
    (material.folder / "nss").mkdir()
    bundle = material.folder / "both.p12"
    for command in (
        ("certutil", "-N", "-d", database, "--empty-password"),
        (
            "openssl", "pkcs12", "-export", "-in", str(material.chain), "-inkey", str(material.key),
            "-name", "server", "-out", str(bundle), "-passout", "pass:",
        ),
        ("pk12util", "-i", str(bundle), "-d", database, "-W", "", "-K", ""),
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=30, cwd=material.folder)
    return ("selfserv", "-d", database, "-p", str(port), "-n", "server", "-V", "tls1.2:tls1.3")


def _with(
    prepare: Callable[[Material, int], Sequence[str]], *options: str
) -> Callable[[Material, int], Sequence[str]]:
    """The same command with further options; `{root}` in them is the root's file."""

    def prepared(material: Material, port: int) -> Sequence[str]:
        return (*prepare(material, port), *(each.format(root=material.root) for each in options))

    return prepared


def _haproxy_demanding(material: Material, port: int) -> Sequence[str]:
    command = _haproxy(material, port)
    configuration = material.folder / "haproxy.cfg"
    demand = f"ssl crt {material.both} ca-file {material.root} verify required"
    configuration.write_text(configuration.read_text().replace(f"ssl crt {material.both}", demand))
    return command


LIGHTTPD_MODULES = "/usr/lib/lighttpd"
KINDS: tuple[ServerKind, ...] = (
    ServerKind(name="nginx-openssl", binary="nginx", prepare=_nginx),
    ServerKind(name="haproxy-openssl", binary="haproxy", prepare=_haproxy),
    ServerKind(name="stunnel-openssl", binary="stunnel4", prepare=_stunnel),
    ServerKind(name="s_server-openssl", binary="openssl", prepare=_openssl),
    *(
        ServerKind(
            name=f"lighttpd-{module.removeprefix('mod_')}",
            binary="lighttpd",
            prepare=_lighttpd(module),
            needs=(f"{LIGHTTPD_MODULES}/{module}.so",),
        )
        for module in ("mod_openssl", "mod_gnutls", "mod_mbedtls", "mod_wolfssl")
    ),
    ServerKind(name="gnutls-serv", binary="gnutls-serv", prepare=_gnutls),
    ServerKind(name="selfserv-nss", binary="selfserv", prepare=_nss),
)

# The same, refusing clients that have no certificate, under each version.
DEMANDING: tuple[ServerKind, ...] = (
    ServerKind(name="haproxy-openssl", binary="haproxy", prepare=_haproxy_demanding),
    *(
        ServerKind(
            name=f"s_server-openssl{version}",
            binary="openssl",
            prepare=_with(_openssl, "-Verify", "1", "-verify_return_error", version),
        )
        for version in ("-tls1_2", "-tls1_3")
    ),
    *(
        ServerKind(
            name=f"gnutls-serv-{version}",
            binary="gnutls-serv",
            prepare=_with(
                _gnutls,
                "--require-client-cert",
                "--x509cafile={root}",
                f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}",
            ),
        )
        for version in ("1.2", "1.3")
    ),
    *(
        ServerKind(
            name=f"selfserv-nss-{version}",
            binary="selfserv",
            prepare=_with(_nss, "-r", "-r", "-V", f"{version}:{version}"),
        )
        for version in ("tls1.2", "tls1.3")
    ),
)

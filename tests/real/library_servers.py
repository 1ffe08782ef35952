"""The test servers that TLS libraries bring along, and small ones over those that bring none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests.real.servers import Material, Prepare
from tests.real.web_servers import PROGRAMS, filled

# What a server needs to speak everything that its build of OpenSSL can.
EVERYTHING: Final = (
    "-min_protocol", "TLSv1", "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-ciphersuites",
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
    "-groups", "X25519:P-256:X448:P-384:P-521:ffdhe2048:ffdhe3072:ffdhe4096",
)  # fmt: skip


def openssl(*options: str, mode: str = "-www", certificate: bool = True) -> Prepare:
    """`openssl s_server` with further options; without a mode it waits for what we type."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        own = ("-cert", "{chain}", "-cert_chain", "{chain}", "-key", "{key}")
        rest = (*(own if certificate else ("-nocert",)), *options)
        return (
            "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet",
            *(filled(each, material) for each in (mode, *rest) if each),
        )  # fmt: skip

    return prepare


def gnutls(*options: str, certificate: bool = True) -> Prepare:
    """`gnutls-serv` with further options."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        own = ("--x509certfile={chain}", "--x509keyfile={key}") if certificate else ()
        rest = (filled(each, material) for each in (*own, *options))
        return ("gnutls-serv", "--port", str(port), "--http", "--quiet", *rest)

    return prepare


def nss(*options: str, nickname: str = "-n") -> Prepare:
    """NSS's `selfserv` with further options; `nickname` is the one that its kind of key wants."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        database = f"sql:{material.folder}/nss"
        shutil.rmtree(material.folder / "nss", ignore_errors=True)
        (material.folder / "nss").mkdir()
        bundle = material.folder / "both.p12"
        for command in (
            ("certutil", "-N", "-d", database, "--empty-password"),
            (
                "openssl", "pkcs12", "-export", "-in", str(material.chain), "-inkey",
                str(material.key), "-name", "server", "-out", str(bundle), "-passout", "pass:",
            ),
            ("pk12util", "-i", str(bundle), "-d", database, "-W", "", "-K", ""),
        ):  # fmt: skip
            subprocess.run(
                command, check=True, capture_output=True, timeout=30, cwd=material.folder
            )
        # What distributions forbid by policy this server is here to speak.
        lax = ("env", "NSS_IGNORE_SYSTEM_POLICY=1")
        return (*lax, "selfserv", "-d", database, "-p", str(port), nickname, "server", *options)

    return prepare


def botan(policy: str) -> Prepare:
    """Botan's `tls_server` under a policy of its own syntax."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        path = material.folder / "policy.txt"
        path.write_text(policy)
        return (
            "botan", "tls_server", f"--port={port}", f"--policy={path}",
            str(material.chain), str(material.key),
        )  # fmt: skip

    return prepare


def program(name: str, *options: str) -> Prepare:
    """One of the modules in `programs/`, run by this Python: port, chain, key, options."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        files = (str(material.chain), str(material.key))
        rest = (filled(each, material) for each in options)
        python = ("env", f"PYTHONPATH={PROGRAMS.parents[2]}", sys.executable)
        return (*python, "-m", f"tests.real.programs.{name}", str(port), *files, *rest)

    return prepare


def java(*options: str) -> Prepare:
    """A JSSE server; `options` are protocols, and suites after `--`."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        bundle = material.folder / "java.p12"
        subprocess.run(
            (
                "openssl", "pkcs12", "-export", "-in", str(material.chain), "-inkey",
                str(material.key), "-name", "server", "-out", str(bundle),
                "-passout", "pass:changeit",
            ),
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
        security = material.folder / "java.security"
        security.write_text("jdk.tls.disabledAlgorithms=\njdk.certpath.disabledAlgorithms=\n")
        return (
            "java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx64m",
            f"-Djava.security.properties={security}", str(PROGRAMS / "Server.java"),
            str(port), str(bundle), *(filled(each, material) for each in options),
        )  # fmt: skip

    return prepare

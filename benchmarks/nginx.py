"""A temporary nginx on loopback: its own folder, its own certificate, ended by its own pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fleetscan.lab.authority import LeafPlan, make_authority, make_leaf, write_chain

START_S = 10.0

CONFIG = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 0.0.0.0:{port} ssl backlog=4096;
    allow 127.0.0.0/8;
    deny all;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/chain.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    return 204;
  }}
}}
"""


class NginxMissing(Exception):
    """There is no nginx to measure with; the text says how to get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running nginx: every address of 127.0.0.0/8 answers on `port`."""

    port: int
    trust_file: Path
    version: str
    pid: int


def find_nginx() -> str:
    """The program's path.

    Raises:
        NginxMissing: it is not installed.
    """
    path = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NginxMissing(
            "nginx is not installed, and the side-by-side run scans one; "
            "on Debian 'make deps' or 'apt-get install nginx-light' gets it"
        )
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


def _write_certificates(folder: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    root = make_authority("Benchmark Root", now)
    issuing = make_authority("Benchmark Issuing CA", now, issuer=root)
    leaf = make_leaf(LeafPlan(names=("bench.lab.test",)), now, issuing)
    write_chain(folder / "chain.pem", (leaf, issuing))
    (folder / "root.pem").write_bytes(root.pem)


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.1.0.1", port), 0.2):
            return
        time.sleep(0.02)
    said = log.read_text(errors="replace") if log.exists() else ""
    raise RuntimeError(f"nginx did not start: {said.strip() or 'it gave no reason'}")


@contextlib.contextmanager
def running_nginx() -> Iterator[Nginx]:
    """An nginx with an ECDSA P-256 certificate, TLS 1.2 and 1.3, while the block lasts.

    Raises:
        NginxMissing: it is not installed.
        RuntimeError: it did not start.
    """
    program = find_nginx()
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    folder = Path(tempfile.mkdtemp(prefix="fleetscan-nginx-"))
    server: subprocess.Popen[bytes] | None = None
    try:
        _write_certificates(folder)
        port = _free_port()
        # Only root may name another user for the worker, and root's folder is not open to it.
        user = "user nobody nogroup;" if os.geteuid() == 0 else ""
        folder.chmod(0o755)
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, user=user))
        log = folder / "error.log"
        server = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(config), "-e", str(log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_until_it_answers(server, port, log)
        yield Nginx(
            port=port,
            trust_file=folder / "root.pem",
            version=version.partition("nginx/")[2].strip() or version.strip(),
            pid=server.pid,
        )
    finally:
        if server is not None and server.poll() is None:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)

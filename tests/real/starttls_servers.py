"""Servers where TLS is asked for in another protocol's words: Postfix, Dovecot, PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.real.servers import Material, Prepare

POSTFIX_MASTER: Final = "/usr/lib/postfix/sbin/master"

# The login service of each protocol, and the name of its listener.
_LOGIN: Final = {
    "imap": ("imap-login", "imap"),
    "pop3": ("pop3-login", "pop3"),
    "sieve": ("managesieve-login", "sieve"),
    "lmtp": ("lmtp", "lmtp"),
}
_WRAPPED: Final = ("imap", "pop3")


def postfix(*settings: str) -> Prepare:
    """Postfix with one smtpd and these settings in main.cf.

    Its master is run itself, in the foreground: what `postfix start-fg` does besides is for a
    queue, and no mail is taken here.
    """

    def prepare(material: Material, port: int) -> Sequence[str]:
        folder = material.folder
        for name in ("etc", "data", "queue/pid", "queue/private", "queue/public"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("data", "queue/private", "queue/public"):
            shutil.chown(folder / name, "postfix")
        settled = "\n".join(settings)
        (folder / "etc" / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = real.test
mydestination =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
smtpd_tls_chain_files = {material.key}, {material.chain}
smtpd_tls_security_level = may
smtpd_relay_restrictions = reject
{settled}
"""
        )
        (folder / "etc" / "master.cf").write_text(
            f"127.0.0.1:{port} inet n - n - - smtpd\n"
            "tlsmgr unix - - n 1000? 1 tlsmgr\n"
            "anvil unix - - n - 1 anvil\n"
            "postlog unix-dgram n - n - 1 postlogd\n"
        )
        return (POSTFIX_MASTER, "-c", str(folder / "etc"), "-s")

    return prepare


def dovecot(protocol: str) -> Prepare:
    """Dovecot with this protocol alone: imap, pop3, sieve or lmtp."""
    service, listener = _LOGIN[protocol]

    def prepare(material: Material, port: int) -> Sequence[str]:
        configuration = material.folder / "dovecot.conf"
        # imaps and pop3s would take the well-known ports.
        wrapped = (
            f"inet_listener {listener}s {{\n    port = 0\n  }}" if listener in _WRAPPED else ""
        )
        configuration.write_text(
            f"""
base_dir = {material.folder}/run
state_dir = {material.folder}/state
log_path = {material.folder}/dovecot.log
protocols = {protocol}
ssl = {"yes" if protocol == "lmtp" else "required"}
ssl_cert = <{material.chain}
ssl_key = <{material.key}
ssl_min_protocol = TLSv1
ssl_cipher_list = ALL:@SECLEVEL=0
mail_location = maildir:{material.folder}/mail
passdb {{
  driver = static
  args = password=test
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={material.folder}/home
}}
service {service} {{
  inet_listener {listener} {{
    address = 127.0.0.1
    port = {port}
  }}
  {wrapped}
}}
"""
        )
        return ("dovecot", "-F", "-c", str(configuration))

    return prepare


def postgresql(material: Material, port: int) -> Sequence[str]:
    """PostgreSQL on a cluster of its own, which root leaves to the package's account."""
    data = material.folder / "pg"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    as_other = _as_other(data)
    subprocess.run(
        (*as_other, postgresql_program("initdb"), "--no-sync", "-A", "trust", "-D", str(data)),
        check=True, capture_output=True, timeout=60, cwd=material.folder,
    )  # fmt: skip
    for source, name in ((material.chain, "server.crt"), (material.key, "server.key")):
        target = data / name
        shutil.copy(source, target)
        target.chmod(0o600)
        if as_other:
            shutil.chown(target, "postgres", "postgres")
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_min_protocol_version": "TLSv1",
        "ssl_ciphers": "ALL:@SECLEVEL=0",
        "shared_buffers": "8MB",
        "fsync": "off",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return (*as_other, postgresql_program("postgres"), "-D", str(data), *options)


def postgresql_program(name: str) -> str:
    """The newest version's in Debian's layout, which PATH does not have, or that of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def _as_other(data: Path) -> tuple[str, ...]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return ()
    account = pwd.getpwnam("postgres")
    os.chown(data, account.pw_uid, account.pw_gid)
    return (
        "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
    )  # fmt: skip

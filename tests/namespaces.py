"""Networks of namespaces: made for a test and removed by it; nothing leaves them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator

SERVER_V4 = "10.97.3.2"
SERVER_V6 = "fd97:3::2"

# Neighbours find each other only a while after their interfaces are up.
WAIT = textwrap.dedent(
    """
    import errno, socket, sys
    for address in sys.argv[1:]:
        for _ in range(100):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
                sock.settimeout(0.1)
                if sock.connect_ex((address, 9)) == errno.ECONNREFUSED:
                    break
        else:
            sys.exit(f"no way to {address}")
    """
)


def command(*words: str, text: str | None = None) -> None:
    """Run one command; its failure fails the test."""
    subprocess.run(words, input=text, text=True, check=True, capture_output=True)


def why_not() -> str:
    """What is missing for network namespaces, empty when nothing is."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux, for network namespaces"
    for tool in ("ip", "nft"):
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"needs the command {tool}"
    name = f"fleetscan-{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "network namespaces are not permitted here"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return ""


@contextlib.contextmanager
def path() -> Iterator[tuple[str, str, str]]:
    """A scanner, two routers and a server in a row; the names of all but the second router.

    The server is `SERVER_V4` and `SERVER_V6`, three hops away. The routers are 10.97.1.2 and
    10.97.2.2, fd97:1::2 and fd97:2::2, each on its side towards the scanner.
    """
    scanner, first, second, server = (f"fleetscan-{os.getpid()}-path{end}" for end in "abcd")
    with contextlib.ExitStack() as exits:
        for name in (scanner, first, second, server):
            command("ip", "netns", "add", name)
            exits.callback(command, "ip", "netns", "del", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        for net, near, far in ((1, scanner, first), (2, first, second), (3, second, server)):
            veth = ("ip", "link", "add", f"fs{net}a", "netns", near, "type", "veth")
            command(*veth, "peer", "name", f"fs{net}b", "netns", far)
            for name, device, last in ((near, f"fs{net}a", 1), (far, f"fs{net}b", 2)):
                at = ("ip", "-n", name)
                command(*at, "addr", "add", f"10.97.{net}.{last}/24", "dev", device)
                command(*at, "addr", "add", f"fd97:{net}::{last}/64", "dev", device, "nodad")
                command(*at, "link", "set", device, "up")
        for name, net, gateway in (
            (scanner, 0, "1{}2"),
            (first, 3, "2{}2"),
            (second, 1, "2{}1"),
            (server, 0, "3{}1"),
        ):
            at, via = ("ip", "-n", name), gateway
            to_v4, to_v6 = (f"10.97.{net}.0/24", f"fd97:{net}::/64") if net else ("default",) * 2
            command(*at, "route", "add", to_v4, "via", "10.97." + via.format("."))
            command(*at, "-6", "route", "add", to_v6, "via", "fd97:" + via.format("::"))
        for name in (first, second):
            settings = (
                *("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"),
                *("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"),
            )
            command("ip", "netns", "exec", name, "sysctl", "-qw", *settings)
        wait = ("ip", "netns", "exec", scanner, sys.executable, "-c", WAIT)
        command(*wait, SERVER_V4, SERVER_V6)
        yield scanner, first, server

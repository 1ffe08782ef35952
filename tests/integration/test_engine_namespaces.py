"""What only a network can do: ICMP from a router, silence, a firewall that dislikes hellos.

Two network namespaces joined by a pair of interfaces: a scanner, and a router that is also the
last host. They are made and removed here; nothing leaves them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests import certificates
from tests.namespaces import command, why_not

RULES = """\
table inet fleetscan {
  chain input {
    type filter hook input priority 0;
    ip daddr 10.99.0.2 tcp dport 443 reject with icmp type admin-prohibited
    ip6 daddr fd99::2 tcp dport 443 reject with icmpv6 type admin-prohibited
    tcp dport 446 reject with tcp reset
    ip daddr 10.99.0.2 tcp dport 447 tcp flags & psh == psh reject with icmp type admin-prohibited
    tcp dport 448 tcp flags & psh == psh drop
  }
  chain forward {
    type filter hook forward priority 0;
    ip daddr 10.98.1.0/24 reject with icmp type host-unreachable
    ip daddr 10.98.4.0/24 reject with icmp type port-unreachable
  }
}
"""

LISTENER = textwrap.dedent(
    """
    import socket, sys
    sockets = [socket.create_server(("10.99.0.2", port), backlog=8) for port in (447, 448)]
    print("ready", flush=True)
    sys.stdin.read()
    """
)

SCAN = textwrap.dedent(
    """
    import asyncio, sys
    import fleetscan

    async def main():
        deadlines = fleetscan.Deadlines(connect=1.0, first_octet=0.5, handshake=1.0, total=3.0)
        config = fleetscan.ScanConfig(deadlines=deadlines, trust=(sys.argv[1],), vantage="ns")
        async for result in fleetscan.scan(sys.argv[2:], config):
            sys.stdout.buffer.write(result.line)

    asyncio.run(main())
    """
)

TARGETS = {
    "prohibited": "10.99.0.2:443",
    "prohibited-ipv6": "[fd99::2]:443",
    "closed": "10.99.0.2:444",
    "rejected-with-rst": "10.99.0.2:446",
    "hello-rejected": "10.99.0.2:447",
    "hello-dropped": "10.99.0.2:448",
    "host-unreachable": "10.98.1.1:443",
    "dropped": "10.98.3.1:443",
    "port-unreachable": "10.98.4.1:443",
    "no-route": "10.55.0.1:443",
    "dark-neighbour": "10.99.0.77:443",
}


@contextlib.contextmanager
def network() -> Iterator[tuple[str, str]]:
    """The names of the scanner's and the router's namespaces."""
    scanner, router = (f"fleetscan-{os.getpid()}-{end}" for end in "ab")
    with contextlib.ExitStack() as exits:
        for name in (scanner, router):
            command("ip", "netns", "add", name)
            exits.callback(command, "ip", "netns", "del", name)
        veth = ("ip", "link", "add", "fsa", "netns", scanner, "type", "veth")
        command(*veth, "peer", "name", "fsb", "netns", router)
        for name, device, last in ((scanner, "fsa", 1), (router, "fsb", 2)):
            at = ("ip", "-n", name)
            command(*at, "addr", "add", f"10.99.0.{last}/24", "dev", device)
            command(*at, "addr", "add", f"fd99::{last}/64", "dev", device, "nodad")
            command(*at, "link", "set", device, "up")
            command(*at, "link", "set", "lo", "up")
        command("ip", "-n", scanner, "route", "add", "10.98.0.0/16", "via", "10.99.0.2")
        command("ip", "-n", router, "route", "add", "10.98.1.0/24", "dev", "fsb")
        command("ip", "-n", router, "route", "add", "blackhole", "10.98.3.0/24")
        command("ip", "-n", router, "route", "add", "10.98.4.0/24", "dev", "fsb")
        inside = ("ip", "netns", "exec")
        command(
            *inside, router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0"
        )
        command(*inside, scanner, "sysctl", "-qw", "net.ipv4.neigh.fsa.retrans_time_ms=50")
        command(*inside, router, "nft", "-f", "-", text=RULES)
        yield scanner, router


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One scan of all targets in the scanner's namespace; results by the target's name."""
    missing = why_not()
    if missing:
        pytest.skip(missing)
    root = tmp_path_factory.mktemp("trust") / "root.pem"
    root.write_bytes(certificates.x509_pem(certificates.root().der))
    inside = ("ip", "netns", "exec")
    with network() as (scanner, router):
        listening = subprocess.Popen(
            [*inside, router, sys.executable, "-c", LISTENER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with listening:
            assert listening.stdout is not None
            assert listening.stdout.readline() == b"ready\n"
            scanned = subprocess.run(
                [*inside, scanner, sys.executable, "-c", SCAN, str(root), *TARGETS.values()],
                check=True,
                capture_output=True,
                timeout=60,
            )
            assert listening.stdin is not None
            listening.stdin.close()
    lines = [json.loads(line) for line in scanned.stdout.splitlines()]
    by_input = {line["target"]["input"]: line for line in lines}
    assert len(lines) == len(TARGETS)
    return {name: by_input[text] for name, text in TARGETS.items()}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        # RFC 1812 section 5.2.7.1 and RFC 792: type 3, codes 13, 1, 3.
        ("prohibited", "3/13"),
        ("host-unreachable", "3/1"),
        ("port-unreachable", "3/3"),
        # RFC 4443 section 3.1: type 1 code 1.
        ("prohibited-ipv6", "1/1"),
    ],
)
def test_icmp_is_told_with_type_code_and_sender(
    results: dict[str, Any], name: str, kind: str
) -> None:
    """A router's word is connect.unreachable, whatever errno the system made of it."""
    result = results[name]
    evidence = result["causes"][0]["evidence"]
    sender = "fd99::2" if "ipv6" in name else "10.99.0.2"

    assert result["cause_ids"] == ["connect.unreachable"]
    assert f"{evidence['icmp_type']}/{evidence['icmp_code']}" == kind
    assert evidence["offender"] == sender


@pytest.mark.parametrize("name", ["closed", "rejected-with-rst"])
def test_a_rst_is_a_refusal(results: dict[str, Any], name: str) -> None:
    """RST to SYN, from the host or in its name, is connect.refused."""
    assert results[name]["cause_ids"] == ["connect.refused"]


def test_a_dropped_syn_is_a_timeout(results: dict[str, Any]) -> None:
    """Nothing came back: connect.timeout, after the connect deadline."""
    result = results["dropped"]

    assert result["cause_ids"] == ["connect.timeout"]
    assert 990 <= result["timings_ms"]["total"] < 2_500


@pytest.mark.parametrize("name", ["no-route", "dark-neighbour"])
def test_this_machine_finds_no_way(results: dict[str, Any], name: str) -> None:
    """No route, or a neighbour that answers no ARP, is unreachable too."""
    assert results[name]["cause_ids"] == ["connect.unreachable"]


def test_the_system_itself_sends_icmp_for_a_dark_neighbour(results: dict[str, Any]) -> None:
    """When ARP stays unanswered the sender of the ICMP is this machine, and it says so."""
    assert results["dark-neighbour"]["causes"][0]["evidence"]["offender"] == "10.99.0.1"


def test_a_hello_that_vanishes_is_silence_after_the_hello(results: dict[str, Any]) -> None:
    """The connection stood, so it is no connect.timeout."""
    assert results["hello-dropped"]["cause_ids"] == ["server.silent_after_hello"]


def test_icmp_that_answers_the_hello_ends_the_handshake(results: dict[str, Any]) -> None:
    """A firewall that lets the connection stand and rejects the hello says so in ICMP."""
    result = results["hello-rejected"]

    assert result["stage"] == "server_hello"
    assert result["handshake"]["ended_by"] == "icmp"

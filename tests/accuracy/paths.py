"""Faults of the way: a middlebox two hops before the server, all in namespaces made here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.accuracy.told import Planted, Told, told
from tests.certificates import DAY, leaf
from tests.namespaces import SERVER_V4, command, path
from tests.namespaces import why_not as no_namespaces
from tests.real.material import NOW, root

GOOD: Final = "good.test"
FILTERED: Final = "filtered.test"
DROPPED: Final = "dropped.test"

PLAIN, HELLO_RESET, HELLO_DROPPED, READS_ONCE, CLOSED = 443, 444, 445, 446, 447
REFUSED, SILENT, ICMP = 450, 451, 460

# RFC 792 and RFC 1812 section 5.2.7.1: what a router may say, as iptables calls it.
ICMP_TYPES: Final = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-proto-unreachable",
    "icmp-port-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "icmp-admin-prohibited",
)

PLANTED: Final = (
    Planted(name="the way is free", target=f"{GOOD}@{SERVER_V4}:{PLAIN}"),
    Planted(
        name="a name is reset on the way",
        target=f"{FILTERED}@{SERVER_V4}:{PLAIN}",
        causes=("interference.name_filter",),
    ),
    Planted(
        name="a name is dropped on the way",
        target=f"{DROPPED}@{SERVER_V4}:{PLAIN}",
        causes=("interference.name_filter",),
    ),
    # From here nobody can tell it from a server that says nothing: the filter is an alternative.
    Planted(
        name="every hello is dropped on the way",
        target=f"{GOOD}@{SERVER_V4}:{HELLO_DROPPED}",
        causes=("server.silent_after_hello",),
    ),
    Planted(
        name="the server reads once, and a hello comes in two segments",
        target=f"{GOOD}@{SERVER_V4}:{READS_ONCE}",
        causes=("server.segmented_hello_intolerant",),
    ),
    Planted(
        name="nothing listens",
        target=f"{GOOD}@{SERVER_V4}:{CLOSED}",
        causes=("connect.refused",),
    ),
    Planted(
        name="SYN is reset on the way",
        target=f"{GOOD}@{SERVER_V4}:{REFUSED}",
        causes=("connect.refused",),
    ),
    Planted(
        name="SYN is dropped on the way",
        target=f"{GOOD}@{SERVER_V4}:{SILENT}",
        causes=("connect.timeout",),
    ),
    *(
        Planted(
            name=f"SYN is answered with {kind}",
            target=f"{GOOD}@{SERVER_V4}:{ICMP + at}",
            causes=("connect.unreachable",),
        )
        for at, kind in enumerate(ICMP_TYPES)
    ),
)

# The way into a network is traced once a run, for one target: this one has a run of its own.
ALONE: Final = (
    Planted(
        name="every hello is reset on the way",
        target=f"{GOOD}@{SERVER_V4}:{HELLO_RESET}",
        causes=("interference.hello_filter",),
    ),
)

SERVER: Final = textwrap.dedent(
    """
    import asyncio, ssl, sys
    from fleetscan.lab.servers import Connections, TlsServer

    async def main():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        loop = asyncio.get_running_loop()
        for word in sys.argv[2:]:
            port, first_read = map(int, word.split(","))
            live = Connections()
            make = lambda live=live, first=first_read: TlsServer(live, context, first_read=first)
            await loop.create_server(make, "0.0.0.0", port)
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)

    asyncio.run(main())
    """
)

SCAN: Final = textwrap.dedent(
    """
    import asyncio, sys
    import fleetscan

    async def main():
        config = fleetscan.ScanConfig(
            deadlines=fleetscan.Deadlines.from_timeout(2.0), trust=(sys.argv[1],), vantage="ns",
        )
        async for result in fleetscan.scan(sys.argv[2:], config):
            sys.stdout.buffer.write(result.line)

    asyncio.run(main())
    """
)


def _rules() -> Iterator[str]:
    """What the middlebox does with what it forwards."""
    reset = "REJECT --reject-with tcp-reset"
    for name, verdict in ((FILTERED, reset), (DROPPED, "DROP")):
        yield f"--dport {PLAIN} -m string --algo bm --string {name} -j {verdict}"
    yield f"--dport {HELLO_RESET} --tcp-flags PSH PSH -j {reset}"
    yield f"--dport {HELLO_DROPPED} --tcp-flags PSH PSH -j DROP"
    yield f"--dport {REFUSED} -j {reset}"
    yield f"--dport {SILENT} -j DROP"
    for at, kind in enumerate(ICMP_TYPES):
        yield f"--dport {ICMP + at} -j REJECT --reject-with {kind}"


@contextlib.contextmanager
def _serving(namespace: str, both: Path) -> Iterator[None]:
    ports = [f"{port},0" for port in (PLAIN, HELLO_RESET, HELLO_DROPPED)]
    words = [str(both), *ports, f"{READS_ONCE},1460"]
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", SERVER, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def _scan(namespace: str, trust: Path, planted: Sequence[Planted]) -> Iterator[Told]:
    by_target = {each.target: each for each in planted}
    scanned = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", SCAN, str(trust), *by_target],
        check=True,
        capture_output=True,
        timeout=180,
    )
    for line in scanned.stdout.splitlines():
        result = json.loads(line)
        each = by_target[result["target"]["input"]]
        yield told(each.name, each.causes, result)


def scan_paths(folder: Path) -> list[Told]:
    """What is told of each; needs root, and what `why_not` looks for."""
    names = [GOOD, FILTERED, DROPPED]
    begin = int(NOW.timestamp()) - DAY
    issued = leaf(root(), GOOD, san=names, not_before=begin, not_after=begin + 90 * DAY)
    both, trust = folder / "both.pem", folder / "root.pem"
    both.write_bytes(issued.pem + issued.key_pem)
    trust.write_bytes(root().pem)
    with contextlib.ExitStack() as exits:
        scanner, middlebox, server = exits.enter_context(path())
        for rule in _rules():
            inside = ("ip", "netns", "exec", middlebox, "iptables", "-A", "FORWARD", "-p", "tcp")
            command(*inside, *rule.split())
        exits.enter_context(_serving(server, both))
        found = [each for group in (PLANTED, ALONE) for each in _scan(scanner, trust, group)]
    return sorted(found, key=lambda each: each.name)


def why_not() -> str:
    """What is missing for these, empty when nothing is."""
    missing = no_namespaces()
    if missing:
        return missing
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return "" if shutil.which("iptables", path=search) else "needs the command iptables"

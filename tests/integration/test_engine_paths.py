"""Hellos with few hops: what comes from the path, and what from the server.

A scanner, a router, another one and the server, each in a namespace of its own; the first
router, two hops before the server, is the middlebox.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.namespaces import SERVER_V4, SERVER_V6, command, path, why_not

PLAIN, FILTERED, DELAYED, OWN, CLOSED = 443, 444, 446, 447, 448

RULES = f"""\
table inet fleetscan {{
  chain forward {{
    type filter hook forward priority 0;
    tcp dport {FILTERED} tcp flags & psh == psh reject with tcp reset
  }}
}}
"""

SERVER = textwrap.dedent(
    """
    import selectors, socket, struct, sys

    quiet, own = int(sys.argv[1]), int(sys.argv[2])
    ports = [int(word) for word in sys.argv[1:]]
    selector = selectors.DefaultSelector()
    for port in ports:
        listening = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        selector.register(listening, selectors.EVENT_READ, port)
    selector.register(sys.stdin, selectors.EVENT_READ, 0)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data == 0:
                # Asked how many are still open of the first port's.
                if not sys.stdin.readline():
                    sys.exit()
                keys = selector.get_map().values()
                print(sum(key.data == -quiet for key in keys), flush=True)
                continue
            if key.data > 0:
                peer, _ = key.fileobj.accept()
                selector.register(peer, selectors.EVENT_READ, -key.data)
                continue
            try:
                heard = key.fileobj.recv(65536)
            except OSError:
                heard = b""
            if heard and key.data != -own:
                continue
            # The one that resets hellos by itself, and connections that are over.
            selector.unregister(key.fileobj)
            key.fileobj.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            key.fileobj.close()
    """
)

# A device beside the path: sees the hello pass, and sends its RST half a second later.
INJECTOR = textwrap.dedent(
    """
    import socket, struct, sys, time

    port = int(sys.argv[1])
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    while True:
        packet = tap.recv(65536)
        head = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP:
            continue
        sport, dport, seq, ack, _, flags = struct.unpack_from("!HHIIBB", packet, head)
        if dport != port or not flags & 8:
            continue
        time.sleep(0.5)
        src, dst = packet[16:20], packet[12:16]
        rst = struct.pack("!HHIIBBHHH", dport, sport, ack, 0, 5 << 4, 4, 0, 0, 0)
        pseudo = src + dst + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(rst)) + rst
        total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        rst = rst[:16] + struct.pack("!H", ~total & 0xFFFF) + rst[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(rst), 0, 0, 64, 6, 0, src, dst)
        out.sendto(ip + rst, (socket.inet_ntoa(dst), 0))
    """
)

ASK = textwrap.dedent(
    """
    import asyncio, json, sys
    import fleetscan
    from fleetscan.engine.scanner import Scanner
    from fleetscan.experiment import Ask
    from fleetscan.inventory.excludes import Excludes
    from fleetscan.inventory.target import Target
    from fleetscan.tls.profiles import PROFILES
    from tests.servers import LOOPS

    deadlines = fleetscan.Deadlines(connect=1.0, first_octet=1.2, handshake=2.0, total=4.0)
    config = fleetscan.ScanConfig(deadlines=deadlines, vantage="ns", trust=("mozilla",))

    async def ask(client, word):
        address, port, hops = word.split(",")
        scanner = Scanner((), config, client=client, excludes=Excludes(()), warn=print)
        try:
            if hops == "trace":
                trace = await scanner.trace(address, int(port))
                return trace and [trace.hops, *trace.routers]
            target = Target(input=address, origin="listed", address=address, port=int(port))
            ask = Ask(
                profile=PROFILES["browser"], server_name="", alpn=(), starttls="none",
                address=address, hops=int(hops),
            )
            facts = await scanner.ask(target, ask)
            return [
                facts.ended_by.value, facts.stage.value, facts.errno, facts.retransmissions,
                facts.min_rtt_ms is not None,
            ]
        finally:
            await scanner.aclose()

    async def main():
        client = fleetscan.Scan((), config)._client()
        words = sys.argv[2:]
        print(json.dumps(dict(zip(words, await asyncio.gather(*(ask(client, w) for w in words))))))

    with asyncio.Runner(loop_factory=LOOPS[sys.argv[1]]) as runner:
        runner.run(main())
    """
)

EHOSTUNREACH = 113  # Linux, asm-generic/errno.h

TRACES = [
    *(f"{SERVER_V4},{port},trace" for port in (PLAIN, FILTERED, CLOSED)),
    f"{SERVER_V6},{PLAIN},trace",
    "10.97.1.1,443,trace",
]
HELLOS = [
    *(f"{SERVER_V4},{PLAIN},{hops}" for hops in (1, 2, 3)),
    *(f"{SERVER_V6},{PLAIN},{hops}" for hops in (1, 3)),
    *(f"{SERVER_V4},{FILTERED},{hops}" for hops in (1, 2)),
    f"{SERVER_V6},{FILTERED},2",
    f"{SERVER_V4},{DELAYED},2",
    *(f"{SERVER_V4},{OWN},{hops}" for hops in (2, 3)),
]


@contextmanager
def running(name: str, script: str, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """A script in a namespace, from its first line on."""
    words = [str(port) for port in ports]
    process = subprocess.Popen(
        ["ip", "netns", "exec", name, sys.executable, "-c", script, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What each question gave, by its words."""
    missing = why_not()
    if missing:
        pytest.skip(missing)
    inside = ("ip", "netns", "exec")
    with ExitStack() as exits:
        scanner, router, server = exits.enter_context(path())
        command(*inside, router, "nft", "-f", "-", text=RULES)
        serving = exits.enter_context(running(server, SERVER, PLAIN, OWN, FILTERED, DELAYED))
        exits.enter_context(running(router, INJECTOR, DELAYED))
        done = subprocess.run(
            [*inside, scanner, sys.executable, "-c", ASK, request.param, *TRACES, *HELLOS],
            check=True,
            capture_output=True,
            timeout=120,
        )
        left_open, _ = serving.communicate(b"\n", timeout=10)
    answers: dict[str, Any] = json.loads(done.stdout)
    answers["left open"] = int(left_open)
    return answers


@pytest.mark.parametrize(
    ("word", "trace"),
    [
        (f"{SERVER_V4},{PLAIN},trace", [3, "10.97.1.2", "10.97.2.2"]),
        (f"{SERVER_V6},{PLAIN},trace", [3, "fd97:1::2", "fd97:2::2"]),
        # The filter lets SYN through: it dislikes hellos only.
        (f"{SERVER_V4},{FILTERED},trace", [3, "10.97.1.2", "10.97.2.2"]),
    ],
)
def test_the_distance_is_told_with_the_routers_on_the_way(
    asked: dict[str, Any], word: str, trace: list[Any]
) -> None:
    """Two routers lie between: SYN with three hops is the first that is answered."""
    assert asked[word] == trace


@pytest.mark.parametrize("word", [f"{SERVER_V4},{CLOSED},trace", "10.97.1.1,443,trace"])
def test_without_a_connection_there_is_no_distance(asked: dict[str, Any], word: str) -> None:
    """A RST, from afar or from this host itself, measures nothing."""
    assert asked[word] is None


@pytest.mark.parametrize(
    "word",
    [
        *(f"{SERVER_V4},{PLAIN},{hops}" for hops in (1, 2)),
        f"{SERVER_V6},{PLAIN},1",
        # Before the filter: the first router looks at the hops first.
        f"{SERVER_V4},{FILTERED},1",
        f"{SERVER_V4},{OWN},2",
    ],
)
def test_a_hello_that_expires_is_told_from_silence(asked: dict[str, Any], word: str) -> None:
    """RFC 792: the router says "time exceeded"; Linux makes EHOSTUNREACH of it."""
    ended_by, stage, number, retransmissions, _ = asked[word]

    assert (ended_by, stage, number) == ("icmp", "server_hello", EHOSTUNREACH)
    assert retransmissions > 0


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6])
def test_a_hello_that_arrives_and_is_not_answered_is_silence(
    asked: dict[str, Any], address: str
) -> None:
    """Three hops reach the server, which acknowledges and says nothing."""
    ended_by, _, number, retransmissions, measured = asked[f"{address},{PLAIN},3"]

    assert (ended_by, number, retransmissions, measured) == ("timeout", None, 0, True)


@pytest.mark.parametrize("address", [SERVER_V4, SERVER_V6])
def test_a_rst_from_the_path_comes_with_fewer_hops_than_reach_the_server(
    asked: dict[str, Any], address: str
) -> None:
    """Two hops end before the server: whoever resets that hello is the middlebox."""
    ended_by, stage, _, _, measured = asked[f"{address},{FILTERED},2"]

    assert (ended_by, stage, measured) == ("rst", "server_hello", True)


def test_a_rst_that_is_later_than_the_routers_word_is_waited_for(asked: dict[str, Any]) -> None:
    """A device beside the path is slower than the router behind it, and is still heard."""
    assert asked[f"{SERVER_V4},{DELAYED},2"][0] == "rst"


def test_the_servers_own_rst_needs_all_hops(asked: dict[str, Any]) -> None:
    """The look-alike: a server that resets hellos does so only when they reach it."""
    assert asked[f"{SERVER_V4},{OWN},2"][0] == "icmp"
    assert asked[f"{SERVER_V4},{OWN},3"][0] == "rst"


def test_the_server_is_told_that_it_is_over(asked: dict[str, Any]) -> None:
    """Hellos that expired leave no connection behind: their end has all hops again."""
    assert asked["left open"] == 0

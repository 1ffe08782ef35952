"""What a way of asking means for a socket, and what the system knows of its connection."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
from dataclasses import replace

import pytest

from fleetscan.engine import manner
from fleetscan.engine.connect import USUAL_HOPS, limit_hops
from fleetscan.engine.manner import Manner, measured
from fleetscan.engine.probe import _speaks_at_once
from fleetscan.engine.route import Route
from fleetscan.experiment import Ask, Cut, Speech
from fleetscan.tls.profiles import BROWSER
from fleetscan.tls.proxies.address import parse_proxy
from tests.servers import at

ASK = Ask(profile=BROWSER, server_name="", alpn=(), starttls="none", address="192.0.2.1")
PROXY = Route(proxy=parse_proxy("http://192.0.2.9:3128"), address="192.0.2.9")


@pytest.mark.parametrize(
    ("ask", "at_once"),
    [
        (ASK, True),
        (replace(ASK, cut=Cut.RECORDS), True),
        (replace(ASK, speech=Speech.HTTP), True),
        # A greeting is waited for, or there is nothing to say.
        (replace(ASK, starttls="smtp"), False),
        (replace(ASK, speech=Speech.LISTEN), False),
        # Segments are counted, and hops changed, once the TCP handshake is complete.
        (replace(ASK, cut=Cut.SEGMENTS), False),
        (replace(ASK, hops=2), False),
        (replace(ASK, hops=2, speech=Speech.HTTP), False),
    ],
)
def test_octets_wait_for_the_connection_where_it_must_stand_first(ask: Ask, at_once: bool) -> None:
    """Else they may be written before the SYN is answered."""
    assert _speaks_at_once(at("192.0.2.1", 443), None, ask) is at_once


@pytest.mark.parametrize(
    "ask", [ASK, replace(ASK, starttls="smtp"), replace(ASK, speech=Speech.LISTEN)]
)
def test_to_a_proxy_there_is_always_something_to_say(ask: Ask) -> None:
    """Its own dialogue comes first, whatever is said behind it."""
    assert _speaks_at_once(at("192.0.2.1", 443), PROXY, ask)


def test_what_is_no_hello_is_in_one_segment() -> None:
    """The cut is a hello's."""
    assert Manner.of(replace(ASK, cut=Cut.SEGMENTS)).in_segments
    assert not Manner.of(replace(ASK, cut=Cut.SEGMENTS, speech=Speech.HTTP)).in_segments


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_hops_are_set_in_both_families_and_taken_back(family: socket.AddressFamily) -> None:
    """ip(7), ipv6(7): an IPv6 socket has both, for mapped addresses."""
    with socket.socket(family) as sock:

        def hops() -> list[int]:
            found = [sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)]
            if family == socket.AF_INET6:
                found.append(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS))
            return found

        usual = hops()
        limit_hops(sock, 3)
        limited = hops()
        limit_hops(sock, USUAL_HOPS)

        assert limited == [3] * len(usual)
        assert hops() == usual


def test_the_smallest_round_trip_is_what_ss_says() -> None:
    """Another reader of struct tcp_info, iproute2's, names the same number."""
    tool = shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if tool is None:
        pytest.skip("needs the command ss (iproute2)")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as ours, listening.accept()[0] as peer:
            for _ in range(3):
                ours.sendall(b"question")
                peer.recv(64)
                peer.sendall(b"answer")
                ours.recv(64)
            tcp = measured(ours, 7.0)
            told = subprocess.run(
                [tool, "-tinO", f"dport = :{port}"], capture_output=True, text=True, check=True
            ).stdout
    found = re.search(r"minrtt:([0-9.]+)", told)

    assert tcp is not None
    assert found is not None
    assert tcp.min_rtt_s is not None
    assert tcp.min_rtt_s * 1_000 == pytest.approx(float(found.group(1)), abs=0.0006)
    assert (tcp.at, tcp.retransmissions) == (7.0, 0)


def test_before_any_answer_there_is_no_round_trip() -> None:
    """The system's "none yet" is none, and not an hour."""
    with socket.socket() as sock:
        tcp = measured(sock, 1.0)

    assert tcp is not None
    assert (tcp.min_rtt_s, tcp.retransmissions) == (None, 0)


def test_what_cannot_be_measured_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed socket, a system that tells less, and one that tells nothing."""
    with socket.socket() as sock:
        pass
    assert measured(sock, 1.0) is None

    with socket.socket() as sock:
        monkeypatch.setattr(manner, "_MIN_RTT", struct.Struct("=4000xI"))
        assert measured(sock, 1.0) is None
        monkeypatch.setattr(manner, "TCP_INFO", None)
        assert measured(sock, 1.0) is None

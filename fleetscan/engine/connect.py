"""One non-blocking socket per probe, connecting, with its error queue switched on."""

from __future__ import annotations

import errno
import socket
import sys
from dataclasses import dataclass
from typing import Final

from fleetscan.engine import errqueue
from fleetscan.vocabulary import IcmpError

WRITES_WHILE_CONNECTING: Final = sys.platform == "linux"
"""Linux answers EAGAIN to a write before the SYN is answered, so the hello can wait in the
transport and no separate wait for the connection is needed (measured: 15 us less CPU a probe
than a writer callback first). Elsewhere the write fails and connect is awaited."""

LOCAL_EXHAUSTION: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EAGAIN,
    }
)
"""What this machine ran out of: file descriptors, memory, ports. Never the target's fault."""

USUAL_HOPS: Final = -1
"""What makes the system take its own default again (ip(7), ipv6(7))."""


def limit_hops(sock: socket.socket, hops: int) -> None:
    """Set the IP TTL (RFC 1122 section 3.2.1.7) or the hop limit of what a socket sends.

    Args:
        sock: of IPv4 or IPv6.
        hops: 1 to 255, or `USUAL_HOPS`.
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
    # A mapped address (::ffff:0:0/96) is IPv4 underneath and counts there.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """It failed at once: `errno` is the system's number, `icmp` what came back meanwhile."""

    errno: int
    icmp: IcmpError | None = None


def open_socket(address: str, port: int, *, hops: int = 0) -> socket.socket | Refusal:
    """Start a TCP connection and return without waiting for it.

    Args:
        address: an IP address as text, never a name.
        port: TCP port.
        hops: the IP TTL or hop limit of the SYN and what follows; 0 for the usual one.

    Returns:
        A non-blocking socket with SYN asked for, or what came at once (no route, no
        descriptor, forbidden by this machine's own firewall).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as failed:
        return Refusal(errno=failed.errno or 0)
    try:
        sock.setblocking(False)
        errqueue.enable(sock)
        if hops:
            limit_hops(sock, hops)
        code = sock.connect_ex((address, port))
        # A rule of this machine's own firewall, or a network without delay (containers),
        # answers while connect still holds the socket. The system then only notes the error,
        # sends SYN again, and reports the socket as erroneous all the while.
        queued = errqueue.read(sock) if code == errno.EINPROGRESS else None
    except OSError as failed:
        sock.close()
        return Refusal(errno=failed.errno or 0)
    except BaseException:
        sock.close()
        raise
    if queued is not None:
        sock.close()
        return Refusal(errno=queued.errno, icmp=queued.icmp)
    if code in (0, errno.EINPROGRESS):
        return sock
    sock.close()
    return Refusal(errno=code)

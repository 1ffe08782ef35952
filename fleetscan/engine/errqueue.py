"""What the network said about a failed connection: ICMP, from the socket's error queue.

`errno` alone cannot tell a port-unreachable from a RST. Linux keeps the ICMP message
itself when `IP_RECVERR` (or `IPV6_RECVERR`) is set before connect; ip(7) and ipv6(7)
describe `struct sock_extended_err`, linux/errqueue.h has its layout.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fleetscan.vocabulary import IcmpError

SUPPORTED: Final = sys.platform == "linux"
"""Other systems have no error queue: connections work there, ICMP is not told."""

IP_RECVERR: Final = 11  # linux/in.h; not in every build of `socket`
IPV6_RECVERR: Final = 25  # linux/in6.h
MSG_ERRQUEUE: Final = 0x2000  # linux/socket.h
SO_EE_ORIGIN_ICMP: Final = 2
SO_EE_ORIGIN_ICMP6: Final = 3

_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
# A queue holds what one socket provoked; a peer that floods it is not read out forever.
_MAX_MESSAGES: Final = 8
_ANCILLARY_OCTETS: Final = 256


def enable(sock: socket.socket) -> None:
    """Ask the system to keep ICMP errors for this socket. Does nothing where it cannot."""
    _switch(sock, on=True)


def disable(sock: socket.socket) -> None:
    """Go on in spite of ICMP errors: what a socket does that has no queue."""
    _switch(sock, on=False)


def _switch(sock: socket.socket, *, on: bool) -> None:
    if not SUPPORTED:
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, on)
    # A mapped address (::ffff:0:0/96) is IPv4 underneath and uses that queue.
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, on)


@dataclass(frozen=True, slots=True)
class Queued:
    """An ICMP error and the errno that the system made of it."""

    errno: int
    icmp: IcmpError


def read(sock: socket.socket) -> Queued | None:
    """Give the first ICMP error that waits in the socket's queue, None when there is none.

    Never raises: a socket that is already closed has no queue.
    """
    if not SUPPORTED:
        return None
    for _ in range(_MAX_MESSAGES):
        try:
            _, ancillary, _, _ = sock.recvmsg(
                0, _ANCILLARY_OCTETS, MSG_ERRQUEUE | socket.MSG_DONTWAIT
            )
        except OSError:
            return None
        found = decode(ancillary)
        if found is not None:
            return found
    return None


def decode(ancillary: Iterable[tuple[int, int, bytes]]) -> Queued | None:
    """Find the ICMP error among the control messages of one `recvmsg`.

    Layout, linux/errqueue.h::

        struct sock_extended_err {
            __u32 ee_errno;
            __u8  ee_origin, ee_type, ee_code, ee_pad;
            __u32 ee_info, ee_data;
        };
        struct sockaddr offender;  /* SO_EE_OFFENDER */

    Args:
        ancillary: (level, type, octets) as `socket.recvmsg` gives them.

    Returns:
        None when no message is an ICMP error: local errors and time stamps share the queue.
    """
    for level, kind, octets in ancillary:
        if (level, kind) not in (
            (socket.IPPROTO_IP, IP_RECVERR),
            (socket.IPPROTO_IPV6, IPV6_RECVERR),
        ):
            continue
        if len(octets) < _EXTENDED_ERROR.size:
            continue
        number, origin, icmp_type, icmp_code, _, _, _ = _EXTENDED_ERROR.unpack_from(octets)
        if origin not in (SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6):
            continue
        icmp = IcmpError(
            family=4 if origin == SO_EE_ORIGIN_ICMP else 6,
            type=icmp_type,
            code=icmp_code,
            offender=_offender(octets[_EXTENDED_ERROR.size :]),
        )
        return Queued(number, icmp)
    return None


def _offender(sockaddr: bytes) -> str:
    """Read the address out of a `sockaddr_in` or `sockaddr_in6`; empty when it is neither."""
    if len(sockaddr) < 2:
        return ""
    (family,) = struct.unpack_from("=H", sockaddr)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return ""

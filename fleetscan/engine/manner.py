"""How a connection of an experiment is made, below what is said on it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetscan.engine import errqueue
from fleetscan.engine.connect import USUAL_HOPS, limit_hops
from fleetscan.experiment import Cut, Speech
from fleetscan.tls.events import TcpMeasured
from fleetscan.tls.hello_cut import cut_position

if TYPE_CHECKING:
    from fleetscan.experiment import Ask

TCP_INFO: Final = getattr(socket, "TCP_INFO", None)
"""Linux has it; elsewhere nothing is measured."""

# struct tcp_info, linux/tcp.h: tcpi_total_retrans and tcpi_min_rtt, microseconds.
_RETRANSMISSIONS: Final = struct.Struct("=100xI")
_MIN_RTT: Final = struct.Struct("=148xI")
_NO_RTT: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What the transport does differently; a first probe has none.

    Args:
        in_segments: whether the hello leaves in two segments with a gap.
        server_name: the name in the hello, as `hello_cut` wants it.
        hops: the IP TTL or hop limit of all that follows the TCP handshake; 0 for the usual.
    """

    in_segments: bool = False
    server_name: str = ""
    hops: int = 0

    @classmethod
    def of(cls, ask: Ask) -> Manner:
        """What a way of asking means for the transport."""
        return cls(
            in_segments=ask.cut is Cut.SEGMENTS and ask.speech is Speech.TLS,
            server_name=ask.server_name,
            hops=ask.hops,
        )

    @property
    def needs_connection(self) -> bool:
        """Whether the connection must stand before anything is written."""
        return self.in_segments or self.hops > 0

    def apply(self, sock: socket.socket) -> None:
        """Prepare a socket whose connection stands."""
        if self.in_segments:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.hops:
            # A packet that expires must not end it: a RST from the path may come later than the
            # router's message. The system keeps the errno of that, which `icmp_errno` reads.
            errqueue.disable(sock)
            limit_hops(sock, self.hops)

    def cut_position(self, octets: bytes) -> int:
        """Where the first of two segments ends."""
        return cut_position(octets, self.server_name)

    def icmp_errno(self, sock: socket.socket) -> int:
        """What the system made of an ICMP message about a packet with few hops, 0 for none.

        Linux makes EHOSTUNREACH of "time exceeded". The message itself, with its sender, it
        keeps only while a connection is being made: `trace` has the routers.
        """
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if self.hops else 0

    def release(self, sock: socket.socket) -> None:
        """Let the end of the connection reach the peer."""
        if self.hops:
            limit_hops(sock, USUAL_HOPS)


def measured(sock: socket.socket, now: float) -> TcpMeasured | None:
    """What the system knows of a connection's TCP; None where it does not tell.

    Never raises: a socket that is already closed is measured no more.
    """
    if TCP_INFO is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _MIN_RTT.size)
    except OSError:
        return None
    if len(info) < _MIN_RTT.size:
        return None  # a system from before 2016, which did not count round trips
    (retransmissions,) = _RETRANSMISSIONS.unpack_from(info)
    (microseconds,) = _MIN_RTT.unpack_from(info)
    min_rtt_s = None if microseconds == _NO_RTT else microseconds / 1_000_000
    return TcpMeasured(now, min_rtt_s, retransmissions)

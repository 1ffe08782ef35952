"""ICMP errors are read from control messages whose octets are the kernel's own."""

from __future__ import annotations

import socket

import pytest

from fleetscan.engine.errqueue import Queued, decode
from fleetscan.vocabulary import IcmpError

# Captured from recvmsg(MSG_ERRQUEUE) on Linux, x86-64, in two network namespaces: a SYN that
# nft rejected. struct sock_extended_err, then the offender's sockaddr (linux/errqueue.h).
ADMIN_PROHIBITED = bytes.fromhex(
    "71000000"
    "02"
    "03"
    "0d"
    "00"
    "00000000"
    "00000000"  # EHOSTUNREACH, ICMP, type 3, code 13
    "0200"
    "0000"
    "0a630002"
    "0000000000000000"  # AF_INET, 10.99.0.2
)
ADMIN_PROHIBITED_V6 = bytes.fromhex(
    "0d000000"
    "03"
    "01"
    "01"
    "00"
    "00000000"
    "00000000"  # EACCES, ICMPv6, type 1, code 1
    "0a00"
    "0000"
    "00000000"
    "fd990000000000000000000000000002"
    "00000000"  # fd99::2
)


def test_an_icmp_error_keeps_type_code_and_sender() -> None:
    """RFC 1812 section 5.2.7.1: type 3 code 13 is communication administratively prohibited."""
    found = decode([(socket.IPPROTO_IP, 11, ADMIN_PROHIBITED)])

    assert found == Queued(113, IcmpError(family=4, type=3, code=13, offender="10.99.0.2"))


def test_an_icmpv6_error_too() -> None:
    """RFC 4443 section 3.1: type 1 code 1 is communication administratively prohibited."""
    found = decode([(socket.IPPROTO_IPV6, 25, ADMIN_PROHIBITED_V6)])

    assert found == Queued(13, IcmpError(family=6, type=1, code=1, offender="fd99::2"))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param((socket.SOL_SOCKET, 11, ADMIN_PROHIBITED), id="another-level"),
        pytest.param((socket.IPPROTO_IP, 8, ADMIN_PROHIBITED), id="another-type"),
        pytest.param(
            (socket.IPPROTO_IP, 11, ADMIN_PROHIBITED[:4] + b"\x01" + ADMIN_PROHIBITED[5:]),
            id="a-local-error",
        ),
    ],
)
def test_other_messages_of_the_queue_are_left_alone(message: tuple[int, int, bytes]) -> None:
    """Time stamps and local errors share the queue and are no ICMP."""
    assert decode([message]) is None


@pytest.mark.parametrize("octets", [ADMIN_PROHIBITED, ADMIN_PROHIBITED_V6])
def test_every_cut_gives_nothing_or_the_same_error(octets: bytes) -> None:
    """A message the kernel cut short never raises; a cut sender is an unknown sender."""
    level, kind = (
        (socket.IPPROTO_IP, 11) if octets is ADMIN_PROHIBITED else (socket.IPPROTO_IPV6, 25)
    )
    whole = decode([(level, kind, octets)])
    assert whole is not None

    for cut in range(len(octets)):
        found = decode([(level, kind, octets[:cut])])
        assert (found is None) == (cut < 16)
        if found is not None:
            assert found.errno == whole.errno
            assert (found.icmp.type, found.icmp.code) == (whole.icmp.type, whole.icmp.code)
            assert found.icmp.offender in ("", whole.icmp.offender)


def test_the_first_icmp_error_is_taken() -> None:
    """A local error before it does not hide it."""
    local = ADMIN_PROHIBITED[:4] + b"\x01" + ADMIN_PROHIBITED[5:]
    found = decode([(socket.IPPROTO_IP, 11, local), (socket.IPPROTO_IP, 11, ADMIN_PROHIBITED)])

    assert found is not None
    assert found.icmp.code == 13

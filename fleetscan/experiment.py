"""Asking again with one thing changed: what was asked, and what was seen.

Data alone. `diagnosis` chooses the next way of asking, the engine asks, the causes conclude
from what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetscan.facts import HandshakeFacts
    from fleetscan.tls.profile import HelloProfile


class Cut(Enum):
    """How the first octets that the client sends leave this machine."""

    WHOLE = "whole"
    SEGMENTS = "segments"
    """In two TCP segments, the second after a gap of `limits.HELLO_GAP_S`."""
    RECORDS = "records"
    """The ClientHello in two records of TLS, sent together."""


class Speech(Enum):
    """What is said on the connection."""

    TLS = "tls"
    HTTP = "http"
    """A plain request, `GET / HTTP/1.1`, in place of TLS."""
    LISTEN = "listen"
    """Nothing: the peer may speak first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One way of asking a target: every connection of a diagnosis is one of these.

    What is not named here is as in the scan: the target's port, its client certificate, its
    proxy. Two asks differ in exactly the fields that differ.

    Args:
        profile: what the hello offers; its `size` pads it (RFC 7685).
        server_name: the name sent; `""` sends none.
        alpn: application protocols offered; none leaves the extension out.
        starttls: the dialogue before TLS, `none` for none.
        address: where it goes to, as text.
        cut: how the hello leaves.
        speech: what is said.
        delay_s: seconds to wait before it, since the probe before.
        hops: the IP TTL or IPv6 hop limit of what follows the TCP handshake; 0 for the usual one.
        with_identity: whether the user's client certificate is shown when one is asked for.
        through_proxy: whether the scan's proxy is used, where there is one.
    """

    profile: HelloProfile
    server_name: str
    alpn: tuple[str, ...]
    starttls: str
    address: str
    cut: Cut = Cut.WHOLE
    speech: Speech = Speech.TLS
    delay_s: float = 0.0
    hops: int = 0
    with_identity: bool = True
    through_proxy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One experiment and what came of it.

    Args:
        name: the experiment's name in the table of `diagnosis`, as `docs/diagnosis.md` has it.
        changed: what it changes against the first hello, in a word, as a result's
            `basis.changed` says it.
        ask: how it was asked.
        facts: what was seen.
    """

    name: str
    changed: str
    ask: Ask
    facts: HandshakeFacts

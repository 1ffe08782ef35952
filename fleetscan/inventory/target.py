"""One thing to scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fleetscan.vocabulary import STARTTLS_PORTS

STARTTLS_NONE: Final = "none"
STARTTLS_AUTO: Final = "auto"


def starttls_kind(asked: str, port: int) -> str:
    """The dialogue to hold at a port: what was asked for; with `auto` the port's own, or `none`."""
    return STARTTLS_PORTS.get(port, STARTTLS_NONE) if asked == STARTTLS_AUTO else asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One line's worth of work: a name to resolve or an address, and what to ask there.

    Args:
        input: what the user wrote, for the result line.
        origin: `listed` when the inventory named it, `expanded` when it came out of a range.
        host: the DNS name to resolve (an A-label form); `""` when `address` is given.
        address: the IP address as text, `""` when `host` is to be resolved.
        port: TCP port.
        server_name: the host_name of the server_name extension (RFC 6066 section 3);
            `""` sends none.
        reference_name: what the certificate must be valid for, a DNS name or an IP
            address; None when nobody gave one, and the name check is then not made.
        starttls: `none`, a dialogue's kind, or `auto` for the one that the port is known for.
            A target that was made holds what `auto` came to, never the word.
        labels: carried to the result untouched.
    """

    input: str
    origin: str
    port: int
    host: str = ""
    address: str = ""
    server_name: str = ""
    reference_name: str | None = None
    starttls: str = STARTTLS_AUTO
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Settle `auto`, so that the target's id and its result say what is done."""
        if self.starttls == STARTTLS_AUTO:
            object.__setattr__(self, "starttls", starttls_kind(STARTTLS_AUTO, self.port))

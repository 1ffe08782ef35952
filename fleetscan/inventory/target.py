"""One thing to scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STARTTLS_NONE: Final = "none"


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
        starttls: `none` or the dialogue's kind.
        labels: carried to the result untouched.
    """

    input: str
    origin: str
    port: int
    host: str = ""
    address: str = ""
    server_name: str = ""
    reference_name: str | None = None
    starttls: str = STARTTLS_NONE
    labels: Mapping[str, str] = field(default_factory=dict)

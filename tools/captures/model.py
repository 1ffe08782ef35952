"""One captured line, and one target that clients are sent to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Captured:
    """A line that a program wrote in a run of it.

    Args:
        product: as the file of its texts calls it.
        version: what the program says of itself.
        condition: what was planted, as a slug.
        planted: ids of the causes, one of which a client may meet: which one depends on what
            it supports. Empty where the client alone was at fault, for which there is none.
        run: how the program was run.
        line: what it wrote, without the paths of the run.
    """

    product: str
    version: str
    condition: str
    planted: tuple[str, ...]
    run: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a client is sent to.

    Args:
        condition: a slug, which is also what clients print in front of their lines.
        planted: ids of the causes, as in `Captured`.
        server_name: the name to ask for; empty: by address.
        mode: `tls12` for TLS 1.2 at most, `certificate` to show the client's certificate.
    """

    condition: str
    planted: tuple[str, ...]
    address: str
    port: int
    server_name: str
    mode: str = ""

    @property
    def line(self) -> str:
        """As clients read it from standard input."""
        fields = (self.condition, self.address, str(self.port), self.server_name, self.mode)
        return "\t".join(fields)

"""What one line of an inventory stands for: one target, or the targets of a range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fleetscan.inventory.ranges import AddressRange
from fleetscan.inventory.target import STARTTLS_AUTO, Target

LISTED: Final = "listed"
EXPANDED: Final = "expanded"

DEFAULT_PORTS: Final = (443,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for a line that does not say it itself.

    Args:
        ports: `-p`; a line without a port gives one target for each.
        server_name: `--sni`; None leaves each target its own, `""` sends none.
        starttls: `--starttls`.
        sends_names: False with `--no-sni`: no target sends one, whatever its line says.
    """

    ports: tuple[int, ...] = DEFAULT_PORTS
    server_name: str | None = None
    starttls: str = STARTTLS_AUTO
    sends_names: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One line's targets, made on demand: a /8 is two numbers until it is asked for.

    Args:
        input: what the user wrote.
        ports: one target each, for every address.
        host: the name to resolve; `""` when `span` is given.
        span: the addresses, when the line gave addresses.
        server_name: sent by every target; `""` sends none.
        reference_name: what the certificate must be valid for; None when nobody said.
        starttls: `none`, a dialogue's kind, or `auto`: each target's port then says which.
        labels: carried to every result.
    """

    input: str
    ports: tuple[int, ...]
    host: str = ""
    span: AddressRange | None = None
    server_name: str = ""
    reference_name: str | None = None
    starttls: str = STARTTLS_AUTO
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> int:
        """How many addresses, counting a name as one."""
        return 1 if self.span is None else self.span.count

    @property
    def count(self) -> int:
        """How many targets; arithmetic only, so that what was not scanned can be said."""
        return self.addresses * len(self.ports)

    @property
    def origin(self) -> str:
        """`listed` when the line names one host, `expanded` when it names a range."""
        return LISTED if self.addresses == 1 else EXPANDED

    def target_at(self, index: int) -> Target:
        """The target number `index`, counted from 0: address by address, then port by port."""
        at, port = divmod(index, len(self.ports))
        return Target(
            input=self.input,
            origin=self.origin,
            port=self.ports[port],
            host=self.host,
            address="" if self.span is None else self.span.address_at(at),
            server_name=self.server_name,
            reference_name=self.reference_name,
            starttls=self.starttls,
            labels=self.labels,
        )

    def targets(self) -> Iterator[Target]:
        """All of them, in order, one at a time."""
        return (self.target_at(index) for index in range(self.count))

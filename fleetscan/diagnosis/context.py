"""What the choice of experiments may know besides the facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a diagnosis has at hand. Names that nobody gave are used to ask, never to accuse.

    Args:
        budget: experiments allowed for this target in all; those already made count.
        port: of the target.
        names: names to try in place of the target's: those that the inventory has for this
            address, the certificate's own, what the fleet showed. The likeliest first.
        made_up_name: one that nobody serves; `""` where none may be sent.
        addresses: others on the same path that are known to answer any name.
        proxied: whether the scan goes through a proxy.
        identity: whether the user has a client certificate that the first probe did not show.
        server_hops: the server's distance, found with growing TTL; 0 where it is not known.
        trace_budget: hellos with a smaller TTL allowed, on their own account.
        wrong_name: whether the certificate shown is for other names.
        untrusted: whether the certificate shown leads to no trusted root.
    """

    budget: int
    port: int
    names: tuple[str, ...] = ()
    made_up_name: str = ""
    addresses: tuple[str, ...] = ()
    proxied: bool = False
    identity: bool = False
    server_hops: int = 0
    trace_budget: int = 0
    wrong_name: bool = False
    untrusted: bool = False

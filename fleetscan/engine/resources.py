"""What this machine lets one process have: file descriptors, and so connections at once."""

from __future__ import annotations

import resource
from typing import Final

RESERVED: Final = 64
"""Descriptors that are no probe's: the loop's own, outputs, the resolver's sockets, trust
files, and what the embedding program has open."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; give the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 30
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS refuses more than its own kern.maxfilesperproc
            return soft
        return wanted
    return soft


def concurrency_within(descriptors: int, wanted: int) -> int:
    """How many of `wanted` probes may be under way with so many file descriptors; 1 at least."""
    return max(1, min(wanted, descriptors - RESERVED))

"""The hashes by which targets, results and alerts are recognised from night to night.

Each is the SHA-256 of its parts in the order given, every part written as a netstring:
its length in octets in decimal, a colon, its UTF-8 octets, a comma. No two different
lists of parts have the same octets, so no two things share an id.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetscan.inventory.target import Target


def digest(*parts: str) -> str:
    """The parts' SHA-256 in lower-case hexadecimal, encoded as said above."""
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return hashlib.sha256(
        b"".join(b"%d:%b," % (len(octets), octets) for octets in encoded)
    ).hexdigest()


def target_id(target: Target, vantage: str) -> str:
    """Of name or address, port, server name, STARTTLS kind, vantage: the same every night."""
    return digest(
        target.host or target.address,
        str(target.port),
        target.server_name,
        target.starttls,
        vantage,
    )


def result_id(run_id: str, target: str, address: str) -> str:
    """Of the run, the target's id and the address probed."""
    return digest(run_id, target, address)


def cause_uid(target: str, cause: str) -> str:
    """Of the target's id and the cause's: what an alert is opened and closed by."""
    return digest(target, cause)

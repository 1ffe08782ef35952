"""What can be said of a chain as it was sent, for findings: no trust, no clock, no signature.

Certificates are joined by name and key identifiers alone, so that a cross-signed
intermediate for older clients is seen as a part of the chain and not as superfluous.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from fleetscan.pki.distinguished_names import is_same_name, name_key
from fleetscan.pki.self_issued import is_self_issued, keys_contradict

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


def chain_is_unordered(chain: Sequence[Certificate]) -> bool:
    """Say whether a certificate comes before one that it certifies.

    RFC 5246 section 7.4.2 wants each certificate to certify the one before it; RFC 8446
    section 4.4.2 asks clients to take any order after the leaf. Certificates that belong
    to no path are told by `superfluous_certificates` and do not count here.
    """
    distance = _distances(chain)
    steps = [distance[at] for at in range(len(chain)) if at in distance]
    return any(later < earlier for earlier, later in pairwise(steps))


def superfluous_certificates(chain: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Give the certificates that certify nothing on the way up from the leaf, and repetitions."""
    distance = _distances(chain)
    return tuple(one for at, one in enumerate(chain) if at not in distance)


def anchor_sent(chain: Sequence[Certificate]) -> Certificate | None:
    """Give the self-signed certificate that ends the chain, if one was sent above the leaf.

    It may be left out (RFC 8446 section 4.4.2): a client that trusts it has it.
    """
    for at in sorted(_distances(chain)):
        if at and is_self_issued(chain[at]) and not keys_contradict(chain[at], chain[at]):
            return chain[at]
    return None


def leaf_is_ca(chain: Sequence[Certificate]) -> bool:
    """Say whether the leaf may issue certificates (basicConstraints, cA)."""
    return bool(chain) and bool(chain[0].basic_constraints and chain[0].basic_constraints.ca)


def likely_leaf(chain: Sequence[Certificate]) -> int:
    """Give the place of the certificate that is meant as the leaf.

    It is the first (RFC 8446 section 4.4.2), unless that one issued another of the chain
    and there is just one that issued none: then the file is upside down, or a set.
    """
    ends = {
        one.sha256: at
        for at, one in enumerate(chain)
        if not any(_may_have_issued(one, other) for other in chain)
    }
    if len(ends) != 1 or chain[0].sha256 in ends:
        return 0
    return next(iter(ends.values()))


def in_order(chain: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Give the leaf, then each by its steps above it, those that are on no path last."""
    distance = _distances(chain)
    places = sorted(range(len(chain)), key=lambda at: distance.get(at, len(chain)))
    return tuple(chain[at] for at in places)


def _may_have_issued(issuer: Certificate, child: Certificate) -> bool:
    if issuer.sha256 == child.sha256 or not is_same_name(issuer.subject, child.issuer):
        return False
    return not keys_contradict(child, issuer)


def _distances(chain: Sequence[Certificate]) -> dict[int, int]:
    """Places in the chain that a walk up from the leaf meets, with the steps it takes.

    Ends because a place is entered once; the chain has `limits.MAX_CERTIFICATES` at most.
    """
    if not chain:
        return {}
    places: dict[bytes, list[int]] = {}
    seen: set[str] = set()
    for at, certificate in enumerate(chain):
        if certificate.sha256 not in seen:
            seen.add(certificate.sha256)
            if at:  # the walk begins at the leaf and never comes back to it
                places.setdefault(name_key(certificate.subject), []).append(at)
    distance = {0: 0}
    row = [0]
    while row:
        above: list[int] = []
        for at in row:
            for issuer in places.get(name_key(chain[at].issuer), ()):
                if issuer not in distance and not keys_contradict(chain[at], chain[issuer]):
                    distance[issuer] = distance[at] + 1
                    above.append(issuer)
        row = above
    return distance

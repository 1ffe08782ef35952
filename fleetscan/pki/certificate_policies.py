"""Certificate policies of a path, RFC 5280 section 6.1 as RFC 9618 section 5 changes it.

RFC 5280 describes a tree, which a hostile chain grows without end; RFC 9618 makes it a
graph. When nobody names acceptable policies, as no TLS client does, all that counts is
whether the graph's lowest level is empty: a node always has a parent, and an upper node
without children decides nothing. So one set of policies for the level at hand is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleetscan import limits
from fleetscan.pki import _der
from fleetscan.pki.self_issued import is_self_issued

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

CERTIFICATE_POLICIES: Final = "2.5.29.32"
_POLICY_MAPPINGS: Final = "2.5.29.33"
_POLICY_CONSTRAINTS: Final = "2.5.29.36"
_INHIBIT_ANY_POLICY: Final = "2.5.29.54"
_ANY_POLICY: Final = bytes.fromhex("551d2000")
"""The octets of 2.5.29.32.0."""

_QUALIFIERS: Final = frozenset(
    {bytes.fromhex("2b06010505070201"), bytes.fromhex("2b06010505070202")}
)
"""The octets of id-qt-cps and id-qt-unotice (RFC 5280 section 4.2.1.4)."""

_REQUIRE_EXPLICIT_POLICY: Final = 0x80
_INHIBIT_POLICY_MAPPING: Final = 0x81
"""Context tags of PolicyConstraints, RFC 5280 section 4.2.1.11."""


class _Unreadable(Exception):
    """An extension about policies that is not what RFC 5280 says, or is too long to read."""


class _State:
    """The variables of RFC 5280 section 6.1.2 that concern policies.

    `expected` are the policies that the next certificate may name: the union of the
    expected_policy_set of every node but anyPolicy's. `any_policy` is whether the level
    has a node of anyPolicy.
    """

    __slots__ = ("any_policy", "expected", "explicit_policy", "inhibit_any_policy", "mapping")

    def __init__(self, length: int) -> None:
        self.expected: set[bytes] = set()
        self.any_policy = True
        self.explicit_policy = self.mapping = self.inhibit_any_policy = length + 1

    @property
    def is_null(self) -> bool:
        """Whether no policy is valid any more."""
        return not self.expected and not self.any_policy


def policy_problem(path: tuple[Certificate, ...]) -> str:
    """Say what is wrong with the certificate policies of a path.

    Args:
        path: the leaf first, the anchor last; the anchor's own policies are not asked
            (RFC 5280 section 6.1).

    Returns:
        Printable text, `""` when nothing is wrong. Without policyConstraints and
        policyMappings, the usual case, nothing can be, and nothing else is read.
    """
    authorities = path[-2:0:-1]
    if not any(_restricts(certificate) for certificate in authorities):
        leaf = path[0]
        if len(path) < 2 or leaf.extension(_POLICY_CONSTRAINTS) is None:
            return ""
    state = _State(len(path) - 1)
    try:
        for certificate in authorities:
            _name_policies(state, certificate, last=False)
            _map_policies(state, certificate)
            _prepare_next(state, certificate)
        _name_policies(state, path[0], last=True)
        state.explicit_policy = max(0, state.explicit_policy - 1)
        required, _ = _policy_constraints(path[0])
        if required == 0:
            state.explicit_policy = 0
    except _Unreadable as refused:
        return str(refused)
    # Section 6.1.3 (f) asks this of every certificate; once the graph is null it stays so, and
    # explicit_policy never rises, so that asking at the end is enough.
    return "explicit policy required" if not state.explicit_policy and state.is_null else ""


def has_unknown_qualifier(certificate: Certificate) -> bool:
    """Say whether certificatePolicies has a qualifier that is neither a CPS nor a user notice.

    Where the extension is critical, whoever cannot interpret the qualifier must refuse the
    certificate (RFC 5280 section 4.2.1.4). An extension that is too long to read has none.
    """
    try:
        rows = _sequences(certificate, CERTIFICATE_POLICIES, "certificatePolicies")
    except _Unreadable:
        return False
    for row in rows:
        # Ends: the qualifiers are a part of what `_sequences` bounds.
        for _, octets in _der.elements(row[1][1]) or () if len(row) > 1 else ():
            kind = _der.elements(octets, 1)
            if not kind or kind[0][1] not in _QUALIFIERS:
                return True
    return False


def has_duplicate(certificate: Certificate) -> bool:
    """Say whether a policy stands twice, which RFC 5280 section 4.2.1.4 forbids."""
    named = certificate.certificate_policies
    return len(set(named)) < len(named)


def _restricts(certificate: Certificate) -> bool:
    return (
        certificate.extension(_POLICY_CONSTRAINTS) is not None
        or certificate.extension(_POLICY_MAPPINGS) is not None
    )


def _name_policies(state: _State, certificate: Certificate, *, last: bool) -> None:
    """Make the certificate's own level of the graph, RFC 5280 section 6.1.3 (d), (e)."""
    named = _certificate_policies(certificate)
    level: set[bytes] = set()
    any_policy = False
    if _ANY_POLICY in named and (
        state.inhibit_any_policy or (not last and is_self_issued(certificate))
    ):
        level |= state.expected
        any_policy = state.any_policy
    named.discard(_ANY_POLICY)
    level |= named if state.any_policy else named & state.expected
    state.expected, state.any_policy = level, any_policy


def _map_policies(state: _State, certificate: Certificate) -> None:
    """Turn the level's policies into those expected next, RFC 5280 section 6.1.4 (a), (b)."""
    mappings = _policy_mappings(certificate)
    if not mappings:
        return
    mapped = {issuer for issuer, _ in mappings}
    if state.mapping:
        # Where the level has anyPolicy a mapping needs no node of its own name.
        valid = mapped if state.any_policy else mapped & state.expected
        subjects = {subject for issuer, subject in mappings if issuer in valid}
        state.expected = (state.expected - mapped) | subjects
    else:
        state.expected -= mapped


def _prepare_next(state: _State, certificate: Certificate) -> None:
    """Count down and take the certificate's constraints, RFC 5280 section 6.1.4 (h) to (j)."""
    if not is_self_issued(certificate):
        state.explicit_policy = max(0, state.explicit_policy - 1)
        state.mapping = max(0, state.mapping - 1)
        state.inhibit_any_policy = max(0, state.inhibit_any_policy - 1)
    required, inhibited = _policy_constraints(certificate)
    if required is not None:
        state.explicit_policy = min(state.explicit_policy, required)
    if inhibited is not None:
        state.mapping = min(state.mapping, inhibited)
    extension = certificate.extension(_INHIBIT_ANY_POLICY)
    if extension is not None:
        skip = _skip_certs(_der.content(extension.value, _der.INTEGER), "inhibitAnyPolicy")
        state.inhibit_any_policy = min(state.inhibit_any_policy, skip)


def _certificate_policies(certificate: Certificate) -> set[bytes]:
    """The policies named, by the octets of their OID; none at all without the extension."""
    found = set()
    for row in _sequences(certificate, CERTIFICATE_POLICIES, "certificatePolicies"):
        if not row or row[0][0] != _der.OBJECT_IDENTIFIER:
            raise _Unreadable("certificatePolicies unreadable")
        found.add(row[0][1])
    return found


def _policy_mappings(certificate: Certificate) -> list[tuple[bytes, bytes]]:
    """Each mapping of a policy of the issuer's to one of the subject's."""
    found = []
    for row in _sequences(certificate, _POLICY_MAPPINGS, "policyMappings"):
        if [tag for tag, _ in row] != [_der.OBJECT_IDENTIFIER] * 2:
            raise _Unreadable("policyMappings unreadable")
        pair = row[0][1], row[1][1]
        if _ANY_POLICY in pair:
            raise _Unreadable("policyMappings of anyPolicy")
        found.append(pair)
    return found


def _sequences(
    certificate: Certificate, oid: str, name: str
) -> list[tuple[tuple[int, bytes], ...]]:
    """The elements of each SEQUENCE of an extension that is a SEQUENCE of them."""
    extension = certificate.extension(oid)
    if extension is None:
        return []
    if len(extension.value) > limits.MAX_POLICY_OCTETS:
        raise _Unreadable(f"{name} longer than {limits.MAX_POLICY_OCTETS} octets")
    body = _der.content(extension.value, _der.SEQUENCE)
    rows = None if body is None else _der.elements(body)
    found = []
    # Ends: an element takes two octets at least of what is bounded above.
    for tag, octets in rows or ():
        inner = _der.elements(octets) if tag == _der.SEQUENCE else None
        if inner is None:
            raise _Unreadable(f"{name} unreadable")
        found.append(inner)
    if not found:
        raise _Unreadable(f"{name} unreadable")
    return found


def _policy_constraints(certificate: Certificate) -> tuple[int | None, int | None]:
    """requireExplicitPolicy and inhibitPolicyMapping, None where absent."""
    extension = certificate.extension(_POLICY_CONSTRAINTS)
    if extension is None:
        return None, None
    body = _der.content(extension.value, _der.SEQUENCE)
    parts = None if body is None else _der.elements(body)
    if parts is None or [tag for tag, _ in parts] not in (
        [],
        [_REQUIRE_EXPLICIT_POLICY],
        [_INHIBIT_POLICY_MAPPING],
        [_REQUIRE_EXPLICIT_POLICY, _INHIBIT_POLICY_MAPPING],
    ):
        raise _Unreadable("policyConstraints unreadable")
    values = {tag: _skip_certs(octets, "policyConstraints") for tag, octets in parts}
    return values.get(_REQUIRE_EXPLICIT_POLICY), values.get(_INHIBIT_POLICY_MAPPING)


def _skip_certs(octets: bytes | None, name: str) -> int:
    """A number of certificates; any above the longest path is as good as that."""
    if not octets or octets[0] & 0x80:
        raise _Unreadable(f"{name} unreadable")
    return limits.MAX_PATH_LENGTH if len(octets) > 1 else octets[0]

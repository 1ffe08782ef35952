"""What counts as a failure: rules, each a switch, and the policies that are sets of them.

Nothing here looks at a certificate. `rules` finds what a path breaks, rule by rule, whoever
asks; a policy says which of these are asked and how strict those with a measure are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Rule(Enum):
    """One thing a path check may ask. The value is the rule's name in results and policies."""

    VALIDITY = "validity"
    """The leaf's dates (RFC 5280 section 6.1.3 (a) (2))."""
    NAME = "name"
    """The leaf is for the reference name (RFC 9525 section 6)."""
    EXTENDED_KEY_USAGE = "extended_key_usage"
    """The leaf is for servers (RFC 5280 section 4.2.1.12)."""
    KEY_USAGE = "key_usage"
    """The leaf's key may do what TLS needs (RFC 5280 section 4.2.1.3)."""
    TRUST = "trust"
    """The path ends at an anchor (RFC 5280 section 6.1)."""
    SIGNATURE = "signature"
    """Each certificate is signed by the key above it (RFC 5280 section 6.1.3 (a) (1))."""
    CA_VALIDITY = "ca_validity"
    """The dates of every certificate above the leaf, the anchor's too."""
    BASIC_CONSTRAINTS = "basic_constraints"
    """What issued is a CA (RFC 5280 section 6.1.4 (k))."""
    PATH_LEN_CONSTRAINT = "path_len_constraint"
    """Not more CAs below than allowed (RFC 5280 section 6.1.4 (m))."""
    CA_KEY_USAGE = "ca_key_usage"
    """Where a CA has keyUsage, it has keyCertSign (RFC 5280 section 6.1.4 (n))."""
    CA_EXTENDED_KEY_USAGE = "ca_extended_key_usage"
    """Where a CA has extKeyUsage, it leaves servers in."""
    NAME_CONSTRAINTS = "name_constraints"
    """The names below a CA lie where it may issue (RFC 5280 section 6.1.3 (b), (c))."""
    CRITICAL_EXTENSIONS = "critical_extensions"
    """Nothing critical is unknown (RFC 5280 section 6.1.4 (o), 6.1.5 (f))."""
    KEY_STRENGTH = "key_strength"
    """Keys below the anchor, and the leaf's, are long enough."""
    SIGNATURE_STRENGTH = "signature_strength"
    """Signatures below the anchor rest on a sound hash."""


COMMON: Final = frozenset(Rule)
"""What every client asks in one way or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A client's, or a user's, idea of what a path must satisfy.

    Args:
        name: as `--policy` and `accepted_by` have it.
        rules: those that are asked.
        min_rsa_bits: shortest modulus for KEY_STRENGTH.
        min_ec_bits: smallest field for KEY_STRENGTH.
        min_dsa_bits: shortest prime for KEY_STRENGTH; 0 takes no DSA key at all.
        weak_digests: hash functions that SIGNATURE_STRENGTH refuses, as `md5`, `sha1`.
        common_name: whether the common name stands in where no dNSName is present.
        anchor_self_signed: whether only a certificate that signed itself is an anchor.
    """

    name: str
    rules: frozenset[Rule] = COMMON
    min_rsa_bits: int = 2_048
    min_ec_bits: int = 224
    min_dsa_bits: int = 0
    weak_digests: frozenset[str] = frozenset({"md2", "md4", "md5", "sha1"})
    common_name: bool = False
    anchor_self_signed: bool = False


BROWSER: Final = Policy(name="browser")
OPENSSL: Final = Policy(name="openssl", common_name=True, anchor_self_signed=True)
JAVA: Final = Policy(
    name="java",
    min_rsa_bits=1_024,
    min_dsa_bits=1_024,
    weak_digests=frozenset({"md2", "md4", "md5"}),
    common_name=True,
)
LEGACY: Final = Policy(
    name="legacy",
    min_rsa_bits=512,
    min_ec_bits=112,
    min_dsa_bits=512,
    weak_digests=frozenset(),
    common_name=True,
)

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (BROWSER, OPENSSL, JAVA, LEGACY)}
)

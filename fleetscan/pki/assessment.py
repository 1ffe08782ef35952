"""The shapes of an answer about a certificate path."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.pki.policy import Rule
    from fleetscan.vocabulary import Checked


class PathProblem(Enum):
    """What can be wrong with a path; each has its cause in the catalogue.

    EXPIRED to NOT_YET_VALID, SELF_SIGNED, NAME_MISMATCH and WRONG_PURPOSE concern the
    leaf. WEAK_KEY, WEAK_SIGNATURE and UNKNOWN_CRITICAL_EXTENSION concern any certificate.
    PROFILE_LEAF and PROFILE_CA are breaches of the strict rules (`profile`) and of those of
    form (`form`). The rest concern the way to an anchor.
    """

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SELF_SIGNED = "self_signed"
    NAME_MISMATCH = "name_mismatch"
    WRONG_PURPOSE = "wrong_purpose"
    WEAK_KEY = "weak_key"
    WEAK_SIGNATURE = "weak_signature"
    UNKNOWN_CRITICAL_EXTENSION = "unknown_critical_extension"
    UNTRUSTED_ROOT = "untrusted_root"
    INCOMPLETE = "incomplete"
    UNKNOWN_ISSUER = "unknown_issuer"
    CA_EXPIRED = "ca_expired"
    CA_NOT_YET_VALID = "ca_not_yet_valid"
    INVALID_CA = "invalid_ca"
    NAME_CONSTRAINTS = "name_constraints"
    BAD_SIGNATURE = "bad_signature"
    PROFILE_LEAF = "profile_leaf"
    PROFILE_CA = "profile_ca"


class Change(Enum):
    """What a repair changes, other than leaving out a rule; the value is its word in a result."""

    TIME = "time"
    NAME = "name"
    ROOT = "root"
    INTERMEDIATE = "intermediate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the best path.

    Args:
        kind: what.
        rule: the rule that says so.
        certificate: the one it concerns: for INCOMPLETE and UNKNOWN_ISSUER the one whose
            issuer is missing, for BAD_SIGNATURE the one whose signature fails, for
            NAME_CONSTRAINTS the CA that forbids, for UNTRUSTED_ROOT the root.
        detail: printable text that says more: the OIDs of unknown extensions, the missing
            issuer's or the root's name, the broken rules of a CA joined by `, `, the
            name that is not allowed, the reference name that did not match, the rule of
            the profile or of form and what breaks it.
        repair: the certificate whose addition (INCOMPLETE) or anchoring (UNTRUSTED_ROOT,
            SELF_SIGNED) made the check pass.
        changed: what was changed when the check passed: `time`, `name`, `root`,
            `intermediate` or the value of the rule that was not asked; `""` when no
            change was shown to make it pass.
        set: which of the smallest repairs it belongs to, from 1; all problems of one set
            have to be mended together. 0 when nothing was shown.
        passes_at: for a change of time, the moment at which it passes, Unix seconds.
        passes_as: for a change of name, the name of the certificate's own.
    """

    kind: PathProblem
    rule: Rule
    certificate: Certificate
    detail: str = ""
    repair: Certificate | None = None
    changed: str = ""
    set: int = 0
    passes_at: int | None = None
    passes_as: str = ""

    @property
    def proven(self) -> bool:
        """Whether a change was shown to make the check pass."""
        return bool(self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAssessment:
    """What is known about a chain for one name at one time under one set of anchors.

    Args:
        path: the best path, leaf first, as far as it could be built; its last certificate
            is the anchor when the path reaches one.
        trusted: YES when the path ends at a trust anchor and no problem stands but the
            name's, which `name` tells by itself; NOT_CHECKED when a primitive or a bound
            kept a sound path from being settled and nothing else is wrong with it.
        name: whether the leaf is for the reference name; NOT_CHECKED without one.
        problems: what is wrong: of the smallest repairs, all that they mend, the leaf's
            first; where nothing makes the check pass, all that is wrong with `path`. Each
            kind once for each certificate.
        limit: the bound that ended the search before it could settle the matter, `""` when
            none did: `certificates`, `rsa_bits`, `rsa_exponent_bits`, `signature_checks`,
            `signature_work`, `candidate_issuers`, `path_length`, `path_steps`, `paths` or
            `name_constraint_work`.
        not_checked: the signature algorithm or the kind of key that nothing here can
            verify, `""` when there was none.
        policy: the name of the policy that was asked.
        trusted_by: the trust stores that hold the anchor `path` ends at.
    """

    path: tuple[Certificate, ...]
    trusted: Checked
    name: Checked
    problems: tuple[Problem, ...]
    limit: str = ""
    not_checked: str = ""
    policy: str = ""
    trusted_by: tuple[str, ...] = ()

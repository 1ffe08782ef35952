"""Whether a certificate names itself as its issuer, by names and key identifiers alone.

Nothing here checks a signature, so that what only reads certificates needs no `cryptography`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleetscan.pki.distinguished_names import is_same_name

if TYPE_CHECKING:
    from fleetscan._parse import Certificate


def is_self_issued(certificate: Certificate) -> bool:
    """Say whether issuer and subject are the same name (RFC 5280 section 3.2)."""
    return is_same_name(certificate.issuer, certificate.subject)


def keys_contradict(child: Certificate, issuer: Certificate) -> bool:
    """Say whether the key identifiers of both say that the issuer is another one.

    Identifiers are hints (RFC 5280 section 4.2.1.1): two that are equal prove nothing,
    and an absent one says nothing.
    """
    authority = child.authority_key_identifier
    if authority is None or authority.key_identifier is None:
        return False
    own = issuer.subject_key_identifier
    return own is not None and own != authority.key_identifier


def may_have_signed_itself(certificate: Certificate) -> bool:
    """Say whether neither the names nor the key identifiers speak against it.

    The identifiers are asked first: they rule out nearly every leaf at once.
    """
    return not keys_contradict(certificate, certificate) and is_self_issued(certificate)

"""From facts to causes: the catalogue, and what it says of one target."""

from fleetscan.causes.catalogue import CATALOGUE, FAMILY_ORDER, entry_of
from fleetscan.causes.classify import classify, classify_certificates

__all__ = ["CATALOGUE", "FAMILY_ORDER", "classify", "classify_certificates", "entry_of"]

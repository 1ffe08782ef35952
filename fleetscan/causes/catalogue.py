"""Every cause and finding, in one explicit tuple."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fleetscan.causes import (
    certificate,
    certificate_state,
    chain,
    client_auth,
    connect,
    findings_certificate,
    findings_handshake,
    findings_revocation,
    interference,
    local,
    name,
    parameters,
    protocol,
    resolve,
    server_fault,
    server_intolerance,
    server_stage,
    version,
)

if TYPE_CHECKING:
    from fleetscan.causes.model import CatalogueEntry

FAMILY_ORDER: Final = (
    "internal",
    "local",
    "resolve",
    "connect",
    "interference",
    "protocol",
    "server",
    "version",
    "cipher",
    "key_exchange",
    "signature",
    "alpn",
    "name",
    "client_auth",
    "chain",
    "certificate",
    "unknown",
    "finding",
)
"""Order of families in a verdict: what hides the rest comes first. Our own faults hide
everything, since then nothing is known of the target; `unknown` hides nothing."""

CATALOGUE: Final[tuple[CatalogueEntry, ...]] = (
    *local.FIRST_ENTRIES,
    *resolve.ENTRIES,
    *connect.ENTRIES,
    *interference.ENTRIES,
    *protocol.ENTRIES,
    *server_stage.ENTRIES,
    *server_fault.ENTRIES,
    *server_intolerance.ENTRIES,
    *version.ENTRIES,
    *parameters.CIPHER_ENTRIES,
    *parameters.KEY_EXCHANGE_ENTRIES,
    *parameters.SIGNATURE_ENTRIES,
    *name.ALPN_ENTRIES,
    *name.NAME_ENTRIES,
    *client_auth.ENTRIES,
    *chain.ENTRIES,
    *certificate.ENTRIES,
    *certificate_state.ENTRIES,
    *local.LAST_ENTRIES,
    *findings_certificate.ENTRIES,
    *findings_revocation.ENTRIES,
    *findings_handshake.ENTRIES,
)

_BY_ID: Final = MappingProxyType({entry.id: entry for entry in CATALOGUE})


def entry_of(cause_id: str) -> CatalogueEntry:
    """The entry with this id.

    Raises:
        KeyError: nothing in the catalogue has it.
    """
    return _BY_ID[cause_id]

"""Which command of fleetscan settles a cause, for people who come with an error message."""

from __future__ import annotations

from typing import Final

SCAN: Final = "fleetscan scan HOST:PORT"
"""Says which cause it is, with its proof."""

_SCAN_SAYS: Final = "names the cause, with what proves it"
_BROAD: Final = (
    f"{SCAN} --hello broad",
    "offers everything: what the server takes is in the result",
)
_WITH_CERTIFICATE: Final = (
    f"{SCAN} --client-cert FILE",
    "with a client certificate: when it is accepted, the lack of one was the cause",
)
_ANOTHER_NAME: Final = (
    "fleetscan scan ADDRESS:PORT --sni NAME",
    "the same address with another name; --no-sni sends none",
)
_STARTTLS: Final = (
    f"{SCAN} --starttls KIND",
    "asks for TLS in the protocol's own words: smtp, imap, ldap, postgresql, ...",
)
_CHAIN_FILE: Final = (
    "fleetscan verify FULLCHAIN.pem --name HOST",
    "checks the server's file itself, without any network",
)
_MISSING: Final = (
    f"{SCAN} --fetch aia",
    "fetches a missing intermediate: when the chain then holds, it was not sent",
)
_REVOKED: Final = (f"{SCAN} --revocation all", "asks the issuer whether it was revoked")
_SMALL: Final = (f"{SCAN} --hello minimal", "a small hello with little in it")
_ELSEWHERE: Final = (
    f"{SCAN} --proxy URL",
    "by another way: what changes with the way is done on the way",
)
_NO_ALPN: Final = (f'{SCAN} --alpn ""', "offers no application protocol")

_BY_ID: Final = {
    "chain.incomplete": _MISSING,
    "chain.unknown_issuer": _MISSING,
    "certificate.revoked": _REVOKED,
    "finding.revocation_unknown": _REVOKED,
    "protocol.starttls_needed": _STARTTLS,
    "protocol.starttls_refused": _STARTTLS,
    "protocol.other": _STARTTLS,
    "server.large_hello_intolerant": _SMALL,
    "server.segmented_hello_intolerant": _SMALL,
    "server.extension_intolerant": _SMALL,
    "version.intolerant": _SMALL,
    "server.refused": _BROAD,
}
_BY_FAMILY: Final = {
    "chain": _CHAIN_FILE,
    "certificate": _CHAIN_FILE,
    "version": _BROAD,
    "cipher": _BROAD,
    "key_exchange": _BROAD,
    "signature": _BROAD,
    "name": _ANOTHER_NAME,
    "alpn": _NO_ALPN,
    "client_auth": _WITH_CERTIFICATE,
    "interference": _ELSEWHERE,
}
_AT_MOST: Final = 5


def commands_for(causes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The commands that tell these causes apart, each with what it does, the best first."""
    if not causes:
        return ()
    special = [each for cause in causes if (each := _command_for(cause)) is not None]
    return tuple(dict.fromkeys([(SCAN, _SCAN_SAYS), *special]))[:_AT_MOST]


def _command_for(cause: str) -> tuple[str, str] | None:
    return _BY_ID.get(cause) or _BY_FAMILY.get(cause.partition(".")[0])

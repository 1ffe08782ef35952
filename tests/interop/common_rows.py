"""How rows are made that are alike for every implementation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.interop.model import Implementation, Row, Server, completed, recognised
from tests.interop.offers import Offer
from tests.real.servers import Prepare, ServerKind

ECDSA_GCM: Final = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
RSA_GCM: Final = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
TLS13_GCM: Final = "TLS_AES_128_GCM_SHA256"
HYBRIDS: Final = ("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024")


def suite_rows(server: Server, version: str, names: Sequence[str]) -> Iterator[Row]:
    """One row a suite, each offered alone."""
    for name in names:
        offer = Offer(title=f"{version} {name}", versions=(version,), cipher_suites=(name,))
        yield completed(server, offer)


def recognised_rows(server: Server, version: str, names: Sequence[str]) -> Iterator[Row]:
    """One row for each suite that is known by name only."""
    for name in names:
        offer = Offer(title=f"{version} {name}", versions=(version,), cipher_suites=(name,))
        yield recognised(server, offer)


def group_rows(server: Server, names: Sequence[str]) -> Iterator[Row]:
    """TLS 1.3 over each group, its share in the first hello."""
    for name in names:
        offer = Offer(
            title=f"TLSv1.3 {name}",
            versions=("TLSv1.3",),
            cipher_suites=(TLS13_GCM,),
            groups=(name,),
        )
        yield completed(server, offer)


def retried_row(server: Server, group: str, shared: str) -> Row:
    """TLS 1.3 over a group that the first hello has no share of (RFC 8446 section 4.1.4)."""
    offer = Offer(
        title=f"TLSv1.3 {group} after HelloRetryRequest",
        versions=("TLSv1.3",),
        cipher_suites=(TLS13_GCM,),
        groups=(shared, group),
        shares=(shared,),
    )
    return completed(server, offer, group=group, hello_retry="yes")


# A browser's signature algorithms are RSA and ECDSA, and no more.
BROWSERS_KEYS: Final = ("RSA-2048", "P-256", "P-384")


def profile_rows(server: Server, **expected: str) -> Iterator[Row]:
    """What a current browser and OpenSSL 3 offer, and everything at once."""
    for hello in ("browser", "openssl3", "broad"):
        if hello == "browser" and server.key not in BROWSERS_KEYS:
            continue
        yield completed(server, Offer(title=f"{hello} profile", hello=hello), **expected)


def server_of(
    implementation: Implementation,
    prepare: Prepare,
    binary: str,
    settings: str = "default",
    key: str = "P-256",
    **kind: Any,  # noqa: ANN401
) -> Server:
    """One start; `kind` are further fields of its ServerKind."""
    return Server(
        implementation=implementation,
        kind=ServerKind(
            name=f"{implementation.name} {settings}", binary=binary, prepare=prepare, **kind
        ),
        settings=settings,
        key=key,
    )

"""What takes other options than the default ones: an old hello, an identity, a proxy, names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import fleetscan
from fleetscan import ScanConfig
from fleetscan.lab import Lab
from fleetscan.tls.client_identity import ClientIdentity
from fleetscan.tls.overrides import Overrides, override
from fleetscan.tls.profiles import BROWSER, OPENSSL3
from tests import proxies, servers
from tests.accuracy.embedded import DEADLINES
from tests.accuracy.told import Told, told
from tests.real.material import identity
from tests.servers import NXDOMAIN, SERVFAIL, Responder

TLS12_AT_MOST: Final = override(BROWSER, Overrides(tls_max=0x0303))

ABSENT, BROKEN, SLOW = "absent.example", "broken.example", "slow.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """A condition of the lab under another configuration."""

    name: str
    condition: str
    config: ScanConfig
    causes: tuple[str, ...]


def _of_the_lab(base: ScanConfig) -> tuple[Otherwise, ...]:
    stranger = identity("P-256", subject="stranger", client=True)
    shown = ClientIdentity.from_pem(stranger.pem, stranger.key_pem, None)
    older = replace(base, hello=TLS12_AT_MOST)
    return (
        Otherwise(
            name="a hello of TLS 1.2, a server of TLS 1.3",
            condition="good-tls13",
            config=older,
            causes=("version.too_new",),
        ),
        Otherwise(
            name="a hello with the suite of a group of 1,024 bits",
            condition="finite-field-1024",
            config=replace(base, hello=OPENSSL3),
            causes=("key_exchange.weak_dh",),
        ),
        *(
            Otherwise(
                name=f"a client certificate of a stranger, {version}",
                condition=f"client-certificate-{version}",
                config=replace(base, client_identity=shown),
                causes=("client_auth.refused",),
            )
            for version in ("tls12", "tls13")
        ),
    )


async def scan_otherwise() -> list[Told]:
    """What is told of each."""
    found = []
    async with Lab() as lab:
        base = ScanConfig(trust=(str(lab.trust_file),), deadlines=DEADLINES)
        targets = {condition.name: condition.target for condition in lab.conditions}
        for each in _of_the_lab(base):
            if each.condition in lab.unavailable:
                continue
            result = await fleetscan.scan_one(targets[each.condition], each.config)
            found.append(told(each.name, each.causes, result.record))
        refusal = proxies.says(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", then="closes"
        )
        async with servers.serving(refusal) as port:
            through = replace(base, proxy=f"http://127.0.0.1:{port}")
            result = await fleetscan.scan_one(targets["good-tls13"], through)
        found.append(told("a proxy that refuses", ("interference.proxy_refused",), result.record))
    found += [each async for each in _unresolved()]
    return found


@asynccontextmanager
async def _naming() -> AsyncIterator[str]:
    """A name server that knows nothing, in three ways."""
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(
        Responder, local_addr=("127.0.0.1", 0)
    )
    responder.codes = {ABSENT: NXDOMAIN, BROKEN: SERVFAIL}
    responder.silent = {SLOW}
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


async def _unresolved() -> AsyncIterator[Told]:
    causes = {
        ABSENT: "resolve.not_found",
        BROKEN: "resolve.failed",
        SLOW: "resolve.timeout",
    }
    async with _naming() as address:
        config = ScanConfig(trust=("mozilla",), deadlines=DEADLINES, nameservers=(address,))
        async for result in fleetscan.scan(list(causes), config):
            name = result.target.input
            yield told(f"the name {name}", (causes[name],), result.record)

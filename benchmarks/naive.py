"""What one writes in an afternoon: asyncio, uvloop and `ssl`, one JSON line a target.

A full, verified handshake by OpenSSL, with bounded concurrency and a deadline. It says *that* a
handshake failed, in OpenSSL's words; nothing more. It is the yardstick of side_by_side.py.

    python benchmarks/naive.py ROOT.pem FIRST-ADDRESS TARGETS PORT CONCURRENCY OUTPUT
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import sys
import time
from collections.abc import Iterator
from typing import TextIO

import uvloop

TIMEOUT_S = 20.0


async def probe(address: str, port: int, context: ssl.SSLContext) -> dict[str, object]:
    """One handshake: what was negotiated and the certificate's data, or the error's text."""
    began = time.perf_counter()
    result: dict[str, object] = {"address": address, "port": port}
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _reader, writer = await asyncio.open_connection(address, port, ssl=context)
            tls = writer.get_extra_info("ssl_object")
            certificate = tls.getpeercert()
            result |= {
                "outcome": "established",
                "version": tls.version(),
                "cipher_suite": tls.cipher()[0],
                "alpn": tls.selected_alpn_protocol(),
                "subject": certificate["subject"],
                "issuer": certificate["issuer"],
                "not_after": certificate["notAfter"],
                "san": certificate.get("subjectAltName", ()),
            }
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        result |= {"outcome": "failed", "error": f"{type(error).__name__}: {error}"}
    result["total_ms"] = round((time.perf_counter() - began) * 1000, 3)
    return result


async def work(
    addresses: Iterator[str], port: int, context: ssl.SSLContext, output: TextIO
) -> None:
    """Take the next address until there is none; as many of these run as probes may."""
    for address in addresses:
        output.write(json.dumps(await probe(address, port, context)) + "\n")


async def scan(root: str, first: str, count: int, port: int, concurrency: int, out: str) -> None:
    """Probe `count` addresses from `first` on."""
    context = ssl.create_default_context(cafile=root)
    context.check_hostname = False  # addresses out of a range have no name to check
    context.set_alpn_protocols(["h2", "http/1.1"])
    start = ipaddress.ip_address(first)
    addresses = (str(start + n) for n in range(count))
    with open(out, "w", encoding="utf-8") as output:  # noqa: ASYNC230  # a local file, buffered
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work(addresses, port, context, output))


if __name__ == "__main__":
    root_file, first_address, *numbers, output_file = sys.argv[1:]
    targets, tcp_port, at_once = map(int, numbers)
    uvloop.run(scan(root_file, first_address, targets, tcp_port, at_once, output_file))

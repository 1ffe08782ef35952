"""A gRPC server, whose TLS is BoringSSL's: PORT CHAIN KEY."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc  # type: ignore[import-untyped]


def main(arguments: list[str]) -> None:
    """Serve nothing, over TLS."""
    port, chain, key = arguments
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    pair = (Path(key).read_bytes(), Path(chain).read_bytes())
    server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1:])

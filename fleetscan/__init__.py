"""fleetscan: why TLS fails here, and what exactly would make it work.

    import asyncio
    import fleetscan

    async def main() -> None:
        async for result in fleetscan.scan(["www.example.org", "10.4.0.0/24:8443"]):
            print(result.target.input, result.outcome, *result.cause_ids)

    asyncio.run(main())

Importing the package alone imports neither asyncio nor cryptography: each name below is
loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetscan.api import Result, Scan, Stats, diagnose_one, scan, scan_one
    from fleetscan.chain_check import Verification, verify_chain
    from fleetscan.engine.config import Deadlines, ScanConfig
    from fleetscan.inventory.target import Target

    __version__: str

__all__ = [
    "Deadlines",
    "Result",
    "Scan",
    "ScanConfig",
    "Stats",
    "Target",
    "Verification",
    "__version__",
    "diagnose_one",
    "scan",
    "scan_one",
    "verify_chain",
]

_HOMES = {
    "Deadlines": "fleetscan.engine.config",
    "Result": "fleetscan.api",
    "Scan": "fleetscan.api",
    "ScanConfig": "fleetscan.engine.config",
    "Stats": "fleetscan.api",
    "Target": "fleetscan.inventory.target",
    "Verification": "fleetscan.chain_check",
    "diagnose_one": "fleetscan.api",
    "scan": "fleetscan.api",
    "scan_one": "fleetscan.api",
    "verify_chain": "fleetscan.chain_check",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("fleetscan")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})

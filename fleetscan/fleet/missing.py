"""Issuers that nobody sent, fetched at the end of a run from where certificates say they are.

Asked is only about what neither the fleet nor earlier runs have shown: a request that is not
needed is not made, and which ones are made does not depend on the order of targets.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from fleetscan import limits
from fleetscan.fleet.known import IssuerKey, KnownAuthorities, issuer_key

if TYPE_CHECKING:
    from fleetscan._parse import Certificate

TIMEOUT: Final = "timeout"
INTERRUPTED: Final = "interrupted"
INTERNAL_ERROR: Final = "internal_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upwards:
    """What was fetched upwards from one certificate.

    Args:
        found: certificates and the URL of each.
        failures: why a URL gave none, one line each.
    """

    found: tuple[tuple[Certificate, str], ...] = ()
    failures: tuple[str, ...] = ()


FetchUpwards: TypeAlias = "Callable[[Certificate], Awaitable[Upwards]]"
"""Fetches the issuer of a certificate, the issuer's issuer, and so on."""


class MissingIssuers:
    """Fetches for a run what is missing, each issuer once, a bounded number at a time.

    Args:
        fetch: the fetcher.
        known: gets what was found, and why nothing was.
        warn: told of errors of our own.
        deadline_s: seconds for one certificate and what is above it.
    """

    def __init__(
        self,
        fetch: FetchUpwards,
        known: KnownAuthorities,
        *,
        warn: Callable[[str], None],
        deadline_s: float = limits.ENQUIRY_DEADLINE_S,
    ) -> None:
        self._fetch = fetch
        self._known = known
        self._warn = warn
        self._deadline_s = deadline_s
        self._wanted: dict[IssuerKey, Certificate] = {}
        self._fetches: dict[IssuerKey, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def want(self, ends: Iterable[Certificate]) -> None:
        """Note certificates whose issuer is to be fetched."""
        for end in ends:
            if issuer_key(end) in self._wanted:
                continue
            # A known CA above may be the one that says where to go on.
            for top in self._known.ends_above((end,)):
                if top.ca_issuers_urls and len(self._wanted) < limits.MAX_WANTED_ISSUERS:
                    self._wanted.setdefault(issuer_key(top), top)

    async def find(self) -> None:
        """Fetch what is wanted. Ends early, with what was found by then, when it is stopped."""
        self._fetches = dict.fromkeys(self._wanted, INTERRUPTED)
        self._known.fetches = self._fetches
        waiting = iter(tuple(self._wanted.values()))
        self._tasks = {
            asyncio.create_task(self._work(waiting))
            for _ in range(min(limits.MAX_ISSUERS_IN_FLIGHT, len(self._wanted)))
        }
        if not self._tasks:
            return
        try:
            await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            self.abort()
            await asyncio.wait(self._tasks)
            raise

    def request_drain(self) -> None:
        """Begin nothing more; what is under way ends."""
        self._stopped = True

    def abort(self) -> None:
        """Drop what is under way too."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def _work(self, waiting: Iterable[Certificate]) -> None:
        # Ends: the workers share what is wanted, and none of it is added to meanwhile.
        for certificate in waiting:
            if self._stopped:
                return
            self._fetches[issuer_key(certificate)] = await self._one(certificate)

    async def _one(self, certificate: Certificate) -> str:
        """Fetch for one certificate; give why nothing came, `""` where something did."""
        try:
            async with asyncio.timeout(self._deadline_s):
                upwards = await self._fetch(certificate)
            for found, url in upwards.found:
                self._known.add_fetched(found, url)
        except TimeoutError:
            return TIMEOUT
        except Exception:  # noqa: BLE001  our own bug: it costs this issuer alone
            self._warn(f"internal error while fetching an issuer:\n{traceback.format_exc()}")
            return INTERNAL_ERROR
        return "; ".join(upwards.failures)

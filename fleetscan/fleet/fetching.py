"""Whom a run asks besides its targets, put together: the guarded fetcher and what uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from fleetscan.engine.resolve import Resolver
from fleetscan.fleet.answer_cache import default_directory
from fleetscan.fleet.enquiries import WaitingRoom
from fleetscan.fleet.enquiry import RevocationEnquiry
from fleetscan.fleet.missing import MissingIssuers, Upwards
from fleetscan.fleet.revocation import RevocationEnquirer
from fleetscan.fleet.verdicts import Room, Verdicts
from fleetscan.pki.aia import fetch_chain
from fleetscan.pki.fetch import Fetcher

if TYPE_CHECKING:
    from fleetscan._parse import Certificate
    from fleetscan.engine.config import ScanConfig
    from fleetscan.fleet.judging import Judge
    from fleetscan.inventory.excludes import Excludes

AIA: Final = "aia"
"""The word of `ScanConfig.fetch` for missing issuers."""


class Fetching:
    """The fetcher of one run. To be made inside a running loop and closed there.

    Names are resolved by the scan's own name servers, under its own deadline.

    Args:
        config: what is asked for, what may be reached, and the name servers.
        excludes: what never is reached.
        warn: told what the user should know.
    """

    def __init__(
        self, config: ScanConfig, excludes: Excludes, *, warn: Callable[[str], None]
    ) -> None:
        self._config = config
        self._warn = warn
        self._resolver = Resolver(config.nameservers, deadline_s=config.deadlines.resolve)
        self._fetcher = Fetcher(
            resolve=self._addresses, allow=config.fetch_allow, excludes=excludes
        )
        self._enquiry: RevocationEnquiry | None = None

    async def verdicts(
        self, judge: Judge, *, clock: Callable[[], float], rooms: Sequence[Room] = ()
    ) -> Verdicts:
        """The way to verdicts that leads by those who are asked.

        Args:
            judge: concludes.
            clock: Unix seconds, UTC.
            rooms: that results go through before anybody is asked about revocation.
        """
        missing = None
        if AIA in self._config.fetch:
            missing = MissingIssuers(self._upwards, judge.known, warn=self._warn)
        if self._config.revocation:
            self._enquiry = RevocationEnquiry(
                mode=self._config.revocation,
                fetcher=self._fetcher,
                directory=default_directory(os.environ, self._config.state),
                clock=clock,
                warn=self._warn,
                signatures=judge.signatures,
            )
            await self._enquiry.__aenter__()
            rooms = (*rooms, WaitingRoom(RevocationEnquirer(judge, self._enquiry)))
        return Verdicts(judge, missing=missing, rooms=rooms)

    async def aclose(self) -> None:
        """Drop what is under way."""
        try:
            if self._enquiry is not None:
                await self._enquiry.aclose()
        finally:
            await self._fetcher.aclose()
            await self._resolver.aclose()

    async def _upwards(self, top: Certificate) -> Upwards:
        fetched = await fetch_chain(top, self._fetcher)
        return Upwards(
            found=tuple((one.certificate, one.url) for one in fetched.found),
            failures=tuple(f"{failure} ({url})" for url, failure in fetched.failures),
        )

    async def _addresses(self, host: str) -> tuple[str, ...]:
        return (await self._resolver.resolve(host)).addresses

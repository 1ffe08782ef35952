"""A list of half a million entries, fetched from a server on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from fleetscan.pki.revocation import RevocationAnswer
from tests.certificates import Issued
from tests.crls import signed_crl
from tests.integration.test_revocation_enquiry import counting, enquiry, http, leaf_at, said
from tests.servers import run, serving
from tests.unit.test_crl_large import CA, ENTRIES, entries


def test_half_a_million_entries_are_fetched_once_for_two_runs(tmp_path: Path) -> None:
    """Those that are listed are revoked, the others good; the second run reads what was kept."""
    octets = http(signed_crl(CA, entries=(entries(ENTRIES),)))
    seen: Counter[str] = Counter()
    subjects = [f"{word}{number}.example" for word in ("listed", "clear") for number in range(5)]

    async def work() -> list[list[RevocationAnswer]]:
        async with serving(counting(lambda *_: octets, seen)) as port:
            url = f"http://127.0.0.1:{port}/large.crl"
            leaves = [leaf_at(crls=[url], subject=each, issuer=CA) for each in subjects]
            return [await _asked(leaves, tmp_path) for _ in range(2)]

    first, second = run("uvloop", work())

    assert [said(one) for one in first] == [("revoked", "")] * 5 + [("good", "")] * 5
    assert [said(one) for one in second] == [said(one) for one in first]
    assert seen == {"GET": 1}


async def _asked(leaves: list[Issued], directory: Path) -> list[RevocationAnswer]:
    async with enquiry(directory, mode="crl") as asking:
        answers = await asyncio.gather(*(asking.ask(one.parsed, CA.parsed) for one in leaves))
    return [one for (one,) in answers]

"""The lab that fleetscan ships, scanned with every experiment."""

from __future__ import annotations

from typing import Final

import fleetscan
from fleetscan import Deadlines, ScanConfig
from fleetscan.lab import Lab
from tests.accuracy.told import Told, told

DEADLINES: Final = Deadlines.from_timeout(2.0)


async def scan_embedded() -> list[Told]:
    """What is told of each condition."""
    async with Lab() as lab:
        config = ScanConfig(trust=(str(lab.trust_file),), deadlines=DEADLINES)
        planted = {condition.name: condition.expected for condition in lab.conditions}
        found = []
        async for result in fleetscan.scan(lab.targets, config):
            name = result.target.labels["condition"]
            found.append(told(name, planted[name], result.record))
    return sorted(found, key=lambda each: each.name)

"""One attempt's small parts, without a network."""

from __future__ import annotations

import asyncio

from fleetscan.engine import probe


def test_a_connection_that_stands_in_the_turn_of_its_deadline_is_no_error() -> None:
    """The deadline cancels the future first; the writer's callback then has nothing to say."""

    async def work() -> bool:
        answered = asyncio.get_running_loop().create_future()
        answered.cancel()
        probe._answer(answered)
        return answered.cancelled()

    assert asyncio.run(work())

"""Reading back, tick after tick."""

from __future__ import annotations

import asyncio

from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.shop import Shop


def read_back(shop: Shop, rounds: int = 8, reconcilers: int = 1) -> None:
    """So many ticks, in each of which every chat is due."""

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            for _ in range(rounds):
                shop.sql("UPDATE doubts SET next_poll_at = now()")
                shop.sql("UPDATE accounts SET next_read_at = now()")
                await asyncio.gather(*(process.reconcile() for _ in range(reconcilers)))

    asyncio.run(run())

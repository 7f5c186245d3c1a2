"""I10 by the gateway's ledger: nothing is accepted later than a second after its opt-out was committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.services.consent.block_list import block_phones
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from tests.support.shop import Shop, drain, open_shop

MESSAGES = 2_000
STEP = 20
"""Every so many messages one is blocked, from the last one on: most of them have not been sent by then."""


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a", rate="200/s", max_in_flight=64)
        opened.add("b", rate="200/s", max_in_flight=64)
        opened.submit("c", MESSAGES, "a", "b")
        yield opened


def test_nothing_is_accepted_a_second_after_its_opt_out_was_committed(shop: Shop) -> None:
    committed: dict[str, float] = {}

    def block_one_after_the_other() -> None:
        for number in range(MESSAGES - 1, 0, -STEP):
            phone = f"62812{number:07d}"
            block_phones(shop.engine, [phone], reason="asked")  # what the command does
            committed[phone] = time.time()
            if shop.states("c").get("pending", 0) < STEP:
                return

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            blocking = asyncio.create_task(asyncio.to_thread(block_one_after_the_other))
            while not blocking.done():
                await process.send_due(await asyncio.to_thread(shop.lanes))
            await blocking

    asyncio.run(run())
    drain(shop)
    accepted = {entry.phone: entry.time_ns / 1e9 for entry in shop.gateway.ledger.entries if entry.accepted}
    late = {phone: accepted[phone] - at for phone, at in committed.items() if accepted.get(phone, 0.0) > at + 1.0}
    assert late == {}
    states = shop.states("c")
    assert states["skipped"] == len(committed.keys() - accepted.keys()) > 0
    assert states["sent"] + states["skipped"] == MESSAGES
    dispatch.finish_campaigns(shop.engine)
    assert shop.state("c") == "finished"

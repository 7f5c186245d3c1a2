"""How the lanes of several `send` tasks share one worker process, on a real database and over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

import msgspec
import pytest

from broadcaster.crypto import open_vault
from broadcaster.services import dispatch
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.sending import drain as drain_module
from broadcaster.services.sending import lane as lane_module
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow, SendingStore
from tests.support.shop import INSTANCES, Shop, drain
from tests.support.stack import wait_for


def note_claims(monkeypatch: pytest.MonkeyPatch, claims: list[Sequence[Ask]]) -> None:
    """Add what each claim asks for to `claims`."""
    turn_over = SendingStore.turn_over

    async def noted(
        store: SendingStore, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        if asks:
            claims.append(asks)
        return await turn_over(store, outcomes, asks, claim)

    monkeypatch.setattr(SendingStore, "turn_over", noted)


def test_lanes_of_more_tasks_than_may_wait_join_those_of_a_task_that_waits(shop: Shop) -> None:
    for name in INSTANCES:
        shop.add(name, max_in_flight=2)
    shop.submit("c", 60, *INSTANCES)
    shop.fault("kind=latency,seconds=0.1")
    two_threads = msgspec.structs.replace(shop.settings, worker_threads=2)

    async def run() -> None:
        async with SendingProcess(two_threads) as process:
            first, *others = shop.lanes()
            waiting = asyncio.create_task(process.send_due([first]))
            await shop.requests(1)
            for lane in others:
                assert (await process.send_due([lane])).counts == {}
            assert not waiting.done()
            assert (await waiting).counts == {name: {"claimed": 20, "sent": 20} for name in INSTANCES}

    asyncio.run(run())
    assert shop.states("c") == {"sent": 60}


def test_a_claim_serves_the_lanes_of_all_tasks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in INSTANCES:
        shop.add(name)
    shop.submit("c", 120, *INSTANCES)
    claims: list[Sequence[Ask]] = []

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            held = process._drain._held  # what has joined shows nowhere else
            turn_over = SendingStore.turn_over

            async def once_all_are_held(
                store: SendingStore, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
            ) -> tuple[list[bool], dict[int, Claim]]:
                if not claims:
                    await asyncio.to_thread(wait_for, lambda: len(held) == len(INSTANCES), "the lanes of all tasks")
                claims.append(asks)
                return await turn_over(store, outcomes, asks, claim)

            monkeypatch.setattr(SendingStore, "turn_over", once_all_are_held)
            await asyncio.gather(*(process.send_due([lane]) for lane in shop.lanes()))

    asyncio.run(run())
    assert shop.states("c") == {"sent": 120}
    # Those that were not in the first one wait for it together.
    assert max(len({ask.token for ask in asks if ask.want}) for asks in claims[:2]) >= 2


def test_a_request_that_takes_long_keeps_no_other_lane_from_being_handed_over(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "10/s", burst=2)
    shop.submit("hangs", 1, "a")
    shop.submit("goes on", 100, "b", first=1000)
    shop.fault("kind=latency,seconds=6,phone=628120000000")
    settings = msgspec.structs.replace(shop.settings, drain_seconds=1.0)
    lane = {str(name): id_ for id_, name in shop.sql("SELECT id, name FROM instances")}

    async def run() -> None:
        async with SendingProcess(settings) as process:
            report = await process.send_due(shop.lanes())
            assert shop.states("hangs") == {"sending": 1}
            assert report.unfinished == {lane["b"]: "b"}
            held = shop.sql("SELECT id FROM lanes WHERE lease_token IS NOT NULL")
            assert held == [(lane["a"],)]
            # Whoever hands it over wakes it: a tick need not.
            assert shop.sql("SELECT id FROM lanes WHERE woken_at IS NOT NULL AND lease_token IS NULL") == [
                (lane["b"],)
            ]

    asyncio.run(run())
    assert shop.states("hangs") == {"sent": 1}
    assert shop.sql("SELECT id FROM lanes WHERE lease_token IS NOT NULL") == []


def test_a_lane_goes_on_by_the_settings_of_now_while_a_request_of_it_takes_long(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "LONG", 1.0)
    shop.add("a", max_in_flight=16)
    shop.submit("c", 2000, "a")
    shop.fault("kind=latency,seconds=8,phone=628120000000", "kind=latency,seconds=0.05")
    settings = msgspec.structs.replace(shop.settings, drain_seconds=0.5)
    under_way = "SELECT count(*) FROM messages WHERE state = 'sending'"

    async def run() -> None:
        async with SendingProcess(settings) as process:
            await process.send_due(shop.lanes())
            taken = shop.sql("SELECT lease_token FROM lanes")
            vault = open_vault(shop.settings)
            set_instance(shop.engine, vault, "a", InstanceChanges(max_in_flight=3))
            # What was read before is gone after one time of the lane.
            await asyncio.sleep(2 * settings.drain_seconds + 1.0)  # nobody tells of it
            sent = shop.states("c")["sent"]
            seen = []
            for _ in range(20):
                await asyncio.sleep(0.05)  # at any moment
                seen.append(int(str(shop.sql(under_way)[0][0])))
            assert max(seen) <= 3
            assert shop.states("c")["sent"] > sent
            assert shop.sql("SELECT lease_token FROM lanes") == taken

    asyncio.run(run())


def test_a_lane_is_not_held_for_a_slot_that_is_far_away_but_woken_for_it(shop: Shop) -> None:
    shop.add("a", "1/min", burst=1)
    shop.submit("c", 3, "a")
    long = msgspec.structs.replace(shop.settings, drain_seconds=600.0)
    for sent in (1, 2):
        started = monotonic()
        assert drain(shop, settings=long)["a"]["sent"] == 1
        assert monotonic() - started < long.drain_seconds / 2
        assert shop.states("c") == {"pending": 3 - sent, "sent": sent}
        assert shop.sql("SELECT lease_token, woken_at FROM lanes") == [(None, None)]
        assert shop.lanes() == []
        shop.sql("UPDATE lanes SET clock = clock - interval '1 minute'")


def test_a_lane_that_lost_its_lease_can_be_taken_again_while_its_requests_are_under_way(shop: Shop) -> None:
    shop.add("a", max_in_flight=2)
    shop.submit("c", 10, "a")
    shop.fault("kind=latency,seconds=10,count=2")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            lanes = shop.lanes()
            lost = asyncio.create_task(process.send_due(lanes))
            await shop.requests(2)
            shop.sql("UPDATE lanes SET lease_expires_at = now()")
            dispatch.recover_leases(shop.engine)
            again = await process.send_due(lanes)
            assert again.counts == {"a": {"claimed": 8, "sent": 8}}
            assert (await lost).counts == {"a": {"claimed": 2, "late": 2}}

    asyncio.run(run())
    assert shop.states("c") == {"sent": 8, "in_doubt": 2}


def test_lanes_for_which_a_claim_has_no_room_are_left_to_the_next_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in INSTANCES:
        shop.add(name, max_in_flight=32)
    shop.submit("c", 300, *INSTANCES)
    monkeypatch.setattr(drain_module, "MOST_MESSAGES_A_CLAIM", 40)
    monkeypatch.setattr(drain_module, "FAIR_SHARE", 20)
    claims: list[Sequence[Ask]] = []
    note_claims(monkeypatch, claims)

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            await process.send_due(shop.lanes())

    asyncio.run(run())
    assert shop.states("c") == {"sent": 300}
    assert [ask.want for ask in claims[0]] == [20, 20]
    assert all(ask.want for asks in claims[:5] for ask in asks)

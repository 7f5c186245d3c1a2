"""What the send path makes of a Postgres that goes away in the middle of things."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine

from broadcaster.db.pool import open_pool
from broadcaster.services import dispatch
from broadcaster.services.sending import failpoints, outcomes
from broadcaster.services.sending.process import SendingProcess
from broadcaster.services.sending.store import OutcomeRow, SendingStore
from broadcaster.settings import Settings
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import wait_for


@pytest.fixture
def shop(engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(engine, msgspec.structs.replace(settings, home=tmp_path)) as opened:
        opened.add("a", max_in_flight=8)
        yield opened


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sets failpoints of this process; none at first."""
    monkeypatch.setattr(failpoints, "ACTIVE", True)
    monkeypatch.setattr(failpoints, "_points", {})
    failpoints._reached.clear()
    yield


def set_failpoints(text: str) -> None:
    failpoints._points = failpoints.parse(text)


async def away(*_: object) -> list[bool]:
    raise psycopg.OperationalError("the connection is lost")


@pytest.mark.usefixtures("fail_at")
def test_intents_whose_commit_lost_its_connection_are_read_back_and_sent(shop: Shop) -> None:
    shop.submit("c", 50, "a")
    set_failpoints("after_intent=raise")
    assert drain(shop)["a"] == {"claimed": 50, "sent": 50}
    assert shop.states("c") == {"sent": 50}


@pytest.mark.usefixtures("fail_at")
def test_intents_that_were_not_committed_are_read_back_and_not_sent(shop: Shop) -> None:
    shop.submit("c", 50, "a")
    set_failpoints("before_intent=raise")
    drain(shop, settings=msgspec.structs.replace(shop.settings, drain_seconds=0.5))
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"pending": 50}


@pytest.mark.usefixtures("fail_at")
def test_nothing_leaves_on_intents_that_cannot_be_read_back_and_none_stays_in_doubt(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.submit("c", 50, "a")
    execute = SendingStore._execute

    async def unreadable(store: SendingStore, name: str, *arguments: Any) -> list[Any]:
        return await away() if name == "read_intents" else await execute(store, name, *arguments)

    monkeypatch.setattr(SendingStore, "_execute", unreadable)
    set_failpoints("after_intent=raise")
    drain(shop)
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"pending": 50}
    assert shop.sql("SELECT DISTINCT outcome, duration_ms IS NULL FROM attempts") == [("not_sent", True)]


@pytest.mark.usefixtures("fail_at")
def test_what_a_lost_claim_took_all_the_same_is_given_back_with_the_lane(shop: Shop) -> None:
    shop.submit("c", 50, "a")
    set_failpoints("after_claim=raise@1")
    drain(shop)
    assert shop.states("c") == {"pending": 50}
    set_failpoints("")
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)
    assert shop.states("c") == {"sent": 50}


@pytest.mark.usefixtures("fail_at")
def test_outcomes_are_kept_until_postgres_takes_them(shop: Shop) -> None:
    shop.submit("c", 50, "a")
    set_failpoints("before_outcome=raise@1;after_outcome=raise@2")
    drain(shop)
    assert shop.states("c") == {"sent": 50}
    assert len(shop.gateway.ledger.entries) == 50


@pytest.mark.usefixtures("fail_at")
def test_nothing_more_is_claimed_while_too_many_outcomes_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MOST_WAITING", 20)
    shop.submit("c", 1_000, "a")
    set_failpoints("before_outcome=raise")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.drain(shop.lanes()))
            await shop.requests(200)
            await asyncio.sleep(1)
            assert shop.states("c")["pending"] > 500
            set_failpoints("")
            await draining

    asyncio.run(run())
    assert shop.states("c") == {"sent": 1_000}


@pytest.mark.usefixtures("fail_at")
@pytest.mark.parametrize("trouble", ["raise", "stall:60"])
def test_outcomes_that_postgres_does_not_take_before_the_end_are_written_by_the_next_worker(
    shop: Shop, trouble: str
) -> None:
    shop.submit("c", 20, "a")
    set_failpoints(f"before_outcome={trouble}")
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.drain(shop.lanes()))
            await shop.requests(20)
            process.stop()
            await asyncio.wait_for(draining, settings.request_timeout_seconds + 5)

    asyncio.run(run())
    [file] = (settings.home / "spool").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes().splitlines()) == 20
    with file.open("ab") as torn:
        torn.write(b'{"segment":0,"camp')

    set_failpoints("")

    async def start() -> None:
        async with SendingProcess(settings):
            pass

    asyncio.run(start())
    assert shop.states("c") == {"sent": 20}
    assert list((settings.home / "spool").iterdir()) == []


@pytest.mark.usefixtures("fail_at")
def test_what_a_worker_spooled_when_it_stopped_is_written_by_its_neighbours_at_once(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    stopping = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)

    async def run() -> None:
        async with SendingProcess(shop.settings):
            set_failpoints("before_outcome=raise")
            async with SendingProcess(stopping) as process:
                draining = asyncio.create_task(process.drain(shop.lanes()))
                await shop.requests(5)
                process.stop()
                await draining
            assert shop.states("c") == {"sending": 5}
            set_failpoints("")
            await asyncio.to_thread(wait_for, lambda: shop.states("c") == {"sent": 5}, "the neighbour")

    asyncio.run(run())
    assert list((shop.settings.home / "workers").iterdir()) == []


@pytest.mark.usefixtures("fail_at")
def test_a_spooled_outcome_that_was_decided_meanwhile_changes_nothing(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    set_failpoints("before_outcome=raise")
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.drain(shop.lanes()))
            await shop.requests(5)
            process.stop()
            await draining

    asyncio.run(run())
    shop.sql("UPDATE lanes SET lease_expires_at = now() - interval '1 second'")
    assert dispatch.recover_leases(shop.engine).in_doubt == 5
    set_failpoints("")
    drain(shop, settings=settings)
    assert shop.states("c") == {"in_doubt": 5}


def test_one_bad_row_is_recorded_as_far_as_can_be_and_its_neighbours_as_they_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.submit("c", 50, "a")
    record = SendingStore.record

    async def with_a_bad_row(store: SendingStore, rows: Sequence[OutcomeRow]) -> list[bool]:
        spoilt = [
            msgspec.structs.replace(row, http_status=99_999) if row.seq == 7 and row.http_status else row
            for row in rows
        ]
        return await record(store, spoilt)

    monkeypatch.setattr(SendingStore, "record", with_a_bad_row)
    drain(shop)
    assert shop.states("c") == {"sent": 50}
    assert shop.sql("SELECT seq, http_status, reason FROM attempts WHERE http_status IS DISTINCT FROM 200") == [
        (7, None, "what the gateway said could not be stored")
    ]


def test_a_deadlock_is_tried_again_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.submit("c", 10, "a")
    execute = SendingStore._execute_once
    deadlocks = iter([True, True])

    async def deadlocked(store: SendingStore, name: str, *arguments: Any) -> list[Any]:
        if name == "intend" and next(deadlocks, False):
            raise psycopg.errors.DeadlockDetected("deadlock detected")
        return await execute(store, name, *arguments)

    monkeypatch.setattr(SendingStore, "_execute_once", deadlocked)
    assert drain(shop)["a"]["sent"] == 10


def test_a_rest_is_kept_though_postgres_was_away_when_it_began(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.submit("c", 10, "a")
    shop.fault("kind=http_429,retry_after=60,count=1")
    execute = SendingStore._execute
    trouble = iter([True, True])

    async def away_twice(store: SendingStore, name: str, *arguments: Any) -> list[Any]:
        return (
            await away()
            if name == "change_lane_health" and next(trouble, False)
            else await execute(store, name, *arguments)
        )

    monkeypatch.setattr(SendingStore, "_execute", away_twice)
    drain(shop)
    assert shop.sql("SELECT health, not_before > now() + interval '50 seconds' FROM lanes") == [("throttled", True)]
    assert next(trouble, None) is None


def test_a_locked_table_does_not_keep_a_worker_from_stopping(shop: Shop) -> None:
    shop.submit("c", 200, "a")
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=2)
    shop.fault("kind=latency,seconds=0.3")

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.drain(shop.lanes()))
            await shop.requests(8)
            with shop.engine.connect() as connection:
                await asyncio.to_thread(connection.exec_driver_sql, "LOCK TABLE messages")
                process.stop()
                await asyncio.wait_for(draining, settings.request_timeout_seconds + 5)

    asyncio.run(run())
    shop.fault()
    drain(shop)
    shop.sql("UPDATE lanes SET lease_expires_at = now() - interval '1 second', woken_at = NULL")
    dispatch.recover_leases(shop.engine)
    drain(shop)
    assert shop.states("c") == {"sent": 200}


def test_a_connection_that_has_gone_silent_is_given_up_and_replaced(shop: Shop) -> None:
    async def run() -> float:
        async with open_pool(shop.settings, size=1, lock_timeout=2.0, statement_timeout=1.0) as pool:
            store = SendingStore(pool, holder="test", lease=1.0, ahead=2.0)
            await store.finish_campaigns()
            [(backend,)] = shop.sql(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'broadcaster-worker' AND datname = current_database()"
            )
            os.kill(int(str(backend)), signal.SIGSTOP)
            began = monotonic()
            try:
                with pytest.raises(TimeoutError):
                    await store.finish_campaigns()
                await store.finish_campaigns()
            finally:
                os.kill(int(str(backend)), signal.SIGCONT)
            return monotonic() - began

    assert asyncio.run(run()) < 15

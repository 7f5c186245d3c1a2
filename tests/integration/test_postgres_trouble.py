"""What the send path makes of a Postgres that goes away in the middle of things."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NoReturn
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine

from broadcaster.db.pool import open_pool
from broadcaster.db.statements import Statements
from broadcaster.services import dispatch
from broadcaster.services.reconcile.doubt_rows import ReadAccount
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.services.sending import drain as drain_module
from broadcaster.services.sending import sending_process
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow, Return, SendingStore
from broadcaster.settings import Settings
from tests.support.database import as_owner
from tests.support.failpoints import Failpoints, parse, wrappers
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import wait_for


@dataclass
class FailAt:
    """Sets the failpoints of the workers in this process; none at first."""

    failpoints: Failpoints

    def __call__(self, text: str) -> None:
        self.failpoints.points = parse(text)

    def reached(self, point: str) -> int:
        """How often it was, while it was set."""
        return self.failpoints.reached[point]


@pytest.fixture
def shop(engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(engine, msgspec.structs.replace(settings, home=tmp_path)) as opened:
        opened.add("a", max_in_flight=8)
        yield opened


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> FailAt:
    failpoints = Failpoints({})
    for name, wrapper in wrappers(failpoints).items():
        monkeypatch.setattr(sending_process, name, wrapper)
    return FailAt(failpoints)


@pytest.fixture
def read_claim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Claims can be read back once this is set."""
    monkeypatch.setattr(drain_module, "RETRY", 0.05)
    possible, read = Event(), SendingStore.read_claim

    async def read_if_possible(store: SendingStore, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        if not possible.is_set():
            raise psycopg.OperationalError("the connection is lost")
        return await read(store, asks, claim)

    monkeypatch.setattr(SendingStore, "read_claim", read_if_possible)
    yield possible


def taken(shop: Shop) -> bool:
    """Whether a claim has been committed."""
    return bool(shop.states("c").get("sending"))


# Claims


def test_claims_whose_commit_lost_its_connection_are_read_back_and_sent(
    shop: Shop, fail_at: FailAt, read_claim: Event
) -> None:
    shop.submit("c", 50, "a")
    fail_at("after_claim=raise")
    read_claim.set()
    assert drain(shop)["a"] == {"claimed": 50, "sent": 50}
    assert shop.states("c") == {"sent": 50}
    assert shop.sql("SELECT max(attempt) FROM messages") == [(1,)]


def test_a_claim_that_was_not_committed_sends_nothing_and_its_lanes_are_given_back(
    shop: Shop, fail_at: FailAt, read_claim: Event
) -> None:
    shop.submit("c", 50, "a")
    fail_at("before_claim=raise")
    read_claim.set()
    drain(shop)
    assert fail_at.reached("before_claim") == 1
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"pending": 50}
    assert shop.sql("SELECT lease_token FROM lanes") == [(None,)]


def test_what_is_under_way_is_not_sent_again_when_a_later_claim_is_read_back(
    shop: Shop, fail_at: FailAt, read_claim: Event
) -> None:
    shop.submit("c", 20, "a")
    shop.fault("kind=latency,seconds=2,phone=628120000000")
    fail_at("after_claim=raise")
    read_claim.set()
    assert drain(shop)["a"] == {"claimed": 20, "sent": 20}
    assert len(shop.gateway.ledger.entries) == 20
    assert shop.states("c") == {"sent": 20}


@pytest.mark.parametrize("recovered", ["before it is read back", "after it was read back"])
def test_a_claim_that_cannot_be_read_back_sends_nothing_and_is_in_doubt_once_its_lease_has_ended(
    shop: Shop, fail_at: FailAt, read_claim: Event, recovered: str
) -> None:
    shop.submit("c", 50, "a")
    fail_at("after_claim=raise@1")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await asyncio.to_thread(wait_for, lambda: taken(shop), "the claim")
            shop.sql("UPDATE lanes SET lease_expires_at = now()")
            if recovered == "before it is read back":
                assert dispatch.recover_leases(shop.engine).in_doubt == 8
            read_claim.set()
            assert (await draining).counts == {}

    asyncio.run(run())
    dispatch.recover_leases(shop.engine)
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"in_doubt": 8, "pending": 42}


def test_a_worker_that_stops_while_a_claim_cannot_be_read_back_ends_in_time_and_leaves_it_to_its_neighbours(
    shop: Shop, fail_at: FailAt, read_claim: Event
) -> None:
    shop.submit("c", 50, "a")
    fail_at("after_claim=raise@1")
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await asyncio.to_thread(wait_for, lambda: taken(shop), "the claim")
            process.stop()
            await asyncio.wait_for(draining, settings.request_timeout_seconds + 5)
        assert shop.states("c") == {"sending": 8, "pending": 42}
        async with SendingProcess(settings):
            free = "SELECT FROM lanes WHERE lease_token IS NULL"
            await asyncio.to_thread(wait_for, lambda: shop.sql(free) == [()], "the neighbour")

    asyncio.run(run())
    assert not read_claim.is_set()
    assert shop.gateway.ledger.entries == []
    assert shop.states("c") == {"in_doubt": 8, "pending": 42}


def test_a_claim_that_comes_after_its_lanes_were_given_back_takes_nothing(shop: Shop) -> None:
    shop.submit("c", 50, "a")
    [lane], token = shop.lanes(), uuid4()

    async def run() -> tuple[dict[int, Claim], dict[int, Claim]]:
        async with open_pool(shop.settings, size=1, lock_timeout=2.0, statement_timeout=10.0) as pool:
            store = SendingStore(pool, holder="test", lease=15.0, hold=30.0)
            await store.take_lanes([lane], token)
            await store.release_lanes([Return(lane, token, 0.0, again=False)])
            _, given_back = await store.turn_over([], [Ask(lane, token, 5)], uuid4())
            await store.take_lanes([lane], uuid4())
            _, taken_again = await store.turn_over([], [Ask(lane, token, 5)], uuid4())
            return given_back, taken_again

    assert asyncio.run(run()) == ({}, {})
    assert shop.states("c") == {"pending": 50}


# Outcomes


def test_outcomes_are_kept_until_postgres_takes_them(shop: Shop, fail_at: FailAt) -> None:
    shop.submit("c", 50, "a")
    fail_at("before_outcome=raise@1;after_outcome=raise@2")
    drain(shop)
    drain(shop)  # the lanes were given back, since what was claimed along with the outcomes was not found
    assert shop.states("c") == {"sent": 50}
    assert len(shop.gateway.ledger.entries) == 50


def test_no_more_are_sending_than_may_be_in_flight_while_outcomes_cannot_be_written(
    shop: Shop, fail_at: FailAt
) -> None:
    shop.submit("c", 100, "a")
    fail_at("before_outcome=raise")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(8)
            await asyncio.sleep(1.5)  # that no more leaves
            assert shop.states("c") == {"sending": 8, "pending": 92}
            assert len(shop.gateway.ledger.entries) == 8
            fail_at("")
            await draining
            assert shop.states("c") == {"sent": 8, "pending": 92}
            await process.send_due(shop.lanes())

    asyncio.run(run())
    assert shop.states("c") == {"sent": 100}


# The spool


def stop_without_postgres(shop: Shop, fail_at: FailAt, count: int, trouble: str = "raise") -> Settings:
    """A worker sends so many, and is stopped while Postgres takes no outcome; returns its settings."""
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)
    fail_at(f"before_outcome={trouble}")

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(count)
            process.stop()
            await asyncio.wait_for(draining, settings.request_timeout_seconds + 5)

    asyncio.run(run())
    fail_at("")
    return settings


@pytest.mark.parametrize("trouble", ["raise", "stall:60"])
def test_outcomes_that_postgres_does_not_take_before_the_end_are_written_by_the_next_worker(
    shop: Shop, fail_at: FailAt, trouble: str
) -> None:
    shop.submit("c", 20, "a")
    settings = stop_without_postgres(shop, fail_at, 8, trouble)
    [file] = (settings.home / "spool").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes().splitlines()) == 8
    with file.open("ab") as torn:
        torn.write(b'{"segment":0,"camp')

    async def start() -> None:
        async with SendingProcess(settings):
            pass

    asyncio.run(start())
    assert shop.states("c") == {"sent": 8, "pending": 12}
    assert list((settings.home / "spool").iterdir()) == []


def test_a_lane_with_spooled_outcomes_is_taken_by_nobody_before_they_are_written(
    shop: Shop, fail_at: FailAt, tmp_path: Path
) -> None:
    shop.submit("c", 20, "a")
    settings = stop_without_postgres(shop, fail_at, 8)
    assert shop.states("c") == {"sending": 8, "pending": 12}
    [lane] = [lane for (lane,) in shop.sql("SELECT id FROM lanes")]
    elsewhere = msgspec.structs.replace(settings, home=tmp_path / "another host")

    async def run() -> None:
        async with SendingProcess(elsewhere) as process:
            assert (await process.send_due([lane])).counts == {}
            async with SendingProcess(settings):
                free = "SELECT FROM lanes WHERE lease_token IS NULL"
                await asyncio.to_thread(wait_for, lambda: shop.sql(free) == [()], "the neighbour")
                assert shop.states("c") == {"sent": 8, "pending": 12}
            assert (await process.send_due([lane])).counts == {"a": {"claimed": 12, "sent": 12}}

    asyncio.run(run())


def test_what_a_worker_spooled_when_it_stopped_is_written_by_its_neighbours_at_once(
    shop: Shop, fail_at: FailAt
) -> None:
    shop.submit("c", 5, "a")
    stopping = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)

    async def run() -> None:
        async with SendingProcess(shop.settings):
            fail_at("before_outcome=raise")
            async with SendingProcess(stopping) as process:
                draining = asyncio.create_task(process.send_due(shop.lanes()))
                await shop.requests(5)
                process.stop()
                await draining
            assert shop.states("c") == {"sending": 5}
            fail_at("")
            await asyncio.to_thread(wait_for, lambda: shop.states("c") == {"sent": 5}, "the neighbour")
            free = "SELECT FROM lanes WHERE lease_token IS NULL"
            await asyncio.to_thread(wait_for, lambda: shop.sql(free) == [()], "the lane")

    asyncio.run(run())
    assert list((shop.settings.home / "workers").iterdir()) == []


def test_a_spooled_outcome_that_was_decided_meanwhile_changes_nothing(shop: Shop, fail_at: FailAt) -> None:
    shop.submit("c", 5, "a")
    settings = stop_without_postgres(shop, fail_at, 5)
    shop.sql("UPDATE lanes SET lease_expires_at = now() - interval '1 second'")
    assert dispatch.recover_leases(shop.engine).in_doubt == 5
    drain(shop, settings=settings)
    assert shop.states("c") == {"in_doubt": 5}
    assert list((settings.home / "spool").iterdir()) == []


# Other trouble


def test_one_bad_row_is_recorded_as_far_as_can_be_and_its_neighbours_as_they_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.submit("c", 50, "a")
    turn_over = SendingStore.turn_over

    async def with_a_bad_row(
        store: SendingStore, rows: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        spoilt = [
            msgspec.structs.replace(row, http_status=99_999) if row.seq == 7 and row.http_status else row
            for row in rows
        ]
        return await turn_over(store, spoilt, asks, claim)

    monkeypatch.setattr(SendingStore, "turn_over", with_a_bad_row)
    drain(shop)
    assert shop.states("c") == {"sent": 50}
    assert shop.sql("SELECT seq, http_status, reason FROM attempts WHERE http_status IS DISTINCT FROM 200") == [
        (7, None, "what the gateway said could not be stored")
    ]


def deadlock_twice(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """The first two tries of a statement are rolled back; returns where all its tries are listed."""
    execute, tries = psycopg.AsyncCursor.execute, list[str]()

    async def deadlocked(cursor: Any, statement: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(statement, bytes) and f"/* {name} */".encode() in statement:
            tries.append(name)
            if len(tries) <= 2:
                raise psycopg.errors.DeadlockDetected("deadlock detected")
        return await execute(cursor, statement, *arguments, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", deadlocked)
    return tries


def test_a_deadlock_is_tried_again_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.submit("c", 10, "a")
    tries = deadlock_twice(monkeypatch, "turn_over")
    assert drain(shop)["a"]["sent"] == 10
    assert len(tries) > 2


def test_reading_back_is_tried_again_after_a_deadlock_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = deadlock_twice(monkeypatch, "pick_chats")

    async def run() -> list[ReadAccount]:
        async with open_pool(shop.settings, size=1, lock_timeout=2.0, statement_timeout=10.0) as pool:
            return await DoubtStore(pool, shop.settings).pick_chats(10)

    assert asyncio.run(run()) == []
    assert len(tries) == 3


def test_a_rest_is_kept_though_postgres_was_away_when_it_began(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.submit("c", 10, "a")
    shop.fault("kind=http_429,retry_after=60,count=1")
    execute = Statements.execute
    trouble = iter([True, True])

    async def away_twice(statements: Statements, name: str, **parameters: Any) -> int:
        if name == "change_lane_health" and next(trouble, False):
            raise psycopg.OperationalError("the connection is lost")
        return await execute(statements, name, **parameters)

    monkeypatch.setattr(Statements, "execute", away_twice)
    drain(shop)
    assert shop.sql("SELECT health, not_before > now() + interval '50 seconds' FROM lanes") == [("throttled", True)]
    assert next(trouble, None) is None


def test_a_locked_table_does_not_keep_a_worker_from_stopping(shop: Shop) -> None:
    shop.submit("c", 200, "a")
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=2)
    shop.fault("kind=latency,seconds=0.3")

    async def run() -> None:
        async with SendingProcess(settings) as process:
            draining = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(8)
            with as_owner(shop.engine).connect() as connection:
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


def test_reading_back_from_a_silent_postgres_does_not_keep_a_worker_from_stopping(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(shop.settings, request_timeout_seconds=0.5)
    asked = asyncio.Event()

    async def silent(*_: object) -> NoReturn:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError("it has answered")

    monkeypatch.setattr(DoubtStore, "pick_chats", silent)

    async def run() -> None:
        async with SendingProcess(settings) as process:
            reading = asyncio.create_task(process.reconcile())
            await asked.wait()
            process.stop()
            assert await asyncio.wait_for(reading, settings.request_timeout_seconds + 5) == {}

    asyncio.run(run())


@pytest.mark.parametrize("who", ["sending", "reading back"])
def test_a_connection_that_has_gone_silent_is_given_up_and_replaced(shop: Shop, who: str) -> None:
    settings = msgspec.structs.replace(shop.settings, lease_seconds=1.0)

    async def run() -> float:
        async with open_pool(settings, size=1, lock_timeout=2.0, statement_timeout=1.0) as pool:
            sending = SendingStore(pool, holder="test", lease=1.0, hold=30.0)
            reading = DoubtStore(pool, settings)

            def work() -> Coroutine[Any, Any, object]:
                return sending.finish_campaigns() if who == "sending" else reading.pick_chats(10)

            await work()
            [(backend,)] = shop.sql(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'broadcaster-worker' AND datname = current_database()"
            )
            os.kill(int(str(backend)), signal.SIGSTOP)
            began = monotonic()
            try:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(work(), 20)
                await work()
            finally:
                os.kill(int(str(backend)), signal.SIGCONT)
            return monotonic() - began

    assert asyncio.run(run()) < 15

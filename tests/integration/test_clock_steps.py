"""The database's clock is stepped, both ways: what it stored meanwhile neither stands still nor proves anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Timer
from time import sleep

import msgspec
import pytest
from sqlalchemy import Engine, text

from broadcaster.db.statements import execute
from broadcaster.services import dispatch
from broadcaster.services.clocks import mend_clocks
from broadcaster.services.diagnosis import Level, examine_database, examine_ticks
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.ticks import note_tick, read_ticks
from broadcaster.settings import Settings
from broadcaster.simulator import InstanceConfig, SimulatorConfig, background
from broadcaster.worker.app import BEAT
from tests.support.database import everything
from tests.support.database_clock import DatabaseClock
from tests.support.reading_back import read_back
from tests.support.shop import Shop, assert_counters_equal_a_recount, drain, prove
from tests.support.stack import running_stack, wait_for
from tests.support.transitions import enforce_transitions

pytestmark = pytest.mark.usefixtures("quick_rounds")

HOUR = 3600.0
PHONE = "628120000000"
RECOVER = ("recover", 5.0)


@pytest.fixture
def clock(engine: Engine) -> DatabaseClock:
    return DatabaseClock(engine)


@pytest.fixture
def shop(clock: DatabaseClock, engine: Engine, settings: Settings) -> Iterator[Shop]:
    quick = msgspec.structs.replace(
        settings, doubt_settle_seconds=0.05, doubt_poll_seconds=0.01, doubt_polls=2, gateway_clock_seconds=2.0
    )
    with background(SimulatorConfig(instances=(InstanceConfig(name="a", key="key-a"),))) as gateway:
        shop = Shop(engine, quick, gateway)
        shop.add("a")
        enforce_transitions(engine)
        yield shop
        assert_counters_equal_a_recount(shop)
        assert set(shop.accepted().values()) <= {1}, "I2: doubled"


def send(shop: Shop, name: str, *faults: str, first: int = 0) -> None:
    """One message of a campaign, under faults."""
    shop.submit(name, 1, "a", first=first)
    shop.fault(*faults)
    shop.sql("UPDATE lanes SET woken_at = NULL, clock = now()")
    drain(shop)
    shop.fault()


def recover(shop: Shop) -> None:
    """As the tick does."""
    mend_clocks(shop.engine, shop.settings)
    note_tick(shop.engine, *RECOVER)


# Ticks


def test_a_beat_that_lives_is_seen_to_tick_after_the_clock_was_put_back(engine: Engine, clock: DatabaseClock) -> None:
    for seconds in (HOUR, -HOUR):
        with clock.stepped(seconds):
            note_tick(engine, "dispatch", 1.0)
        note_tick(engine, "dispatch", 1.0)
        [tick] = read_ticks(engine)
        assert (tick.age, tick.is_late()) == (pytest.approx(0, abs=60), False)


def test_a_beat_that_died_before_the_clock_was_put_back_is_late(engine: Engine, clock: DatabaseClock) -> None:
    with clock.stepped(HOUR):
        note_tick(engine, "dispatch", 0.2)
    [tick] = read_ticks(engine)
    assert tick.age is None
    assert tick.is_late()
    [found] = examine_ticks(engine, {"dispatch": 0.2})
    assert (found.level, "since the database's clock was put back" in found.detail) == (Level.BAD, True)
    assert "-" not in found.detail.replace("dispatch", "")


def test_a_beat_whose_next_tick_is_yet_to_come_after_the_clock_was_put_back_is_not_blamed(
    engine: Engine, clock: DatabaseClock
) -> None:
    with clock.stepped(300.0):
        note_tick(engine, *RECOVER)
    later = Timer(1.0, note_tick, (engine, *RECOVER))
    later.start()
    try:
        [tick] = read_ticks(engine)
    finally:
        later.join()
    assert (tick.is_late(), tick.put_back) == (False, False)
    assert tick.age is not None and 0 <= tick.age < 60


def test_the_beat_of_a_live_stack_is_never_blamed_for_a_step_and_its_death_is_noticed_after_one(
    engine: Engine, clock: DatabaseClock, environ: dict[str, str], tmp_path: Path
) -> None:
    def mended() -> bool:
        with engine.connect() as connection:
            unmended = connection.execute(text("SELECT 1 FROM ticks WHERE put_back_seconds > 0 OR done_at > now()"))
            return unmended.first() is None

    with running_stack(tmp_path, environ) as stack:
        roles = [stack.start("worker"), stack.start("beat")]
        wait_for(lambda: len(read_ticks(engine)) == len(BEAT), "every tick")
        for seconds in (300.0, HOUR):
            clock.step(seconds)
            sleep(4)  # every tick is done by the clock that is wrong
            clock.step(-seconds)
            # On a busy machine a tick may be late: but not by as much, nor unheard of since the step.
            assert all(tick.age is not None and 0 <= tick.age < 60 for tick in read_ticks(engine))
            wait_for(mended, "the recover tick")
        clock.step(HOUR)
        wait_for(lambda: any(tick.age < 60 for tick in read_ticks(engine) if tick.age is not None), "a tick after it")
        for role in roles:
            role.kill()
        clock.step(-HOUR)
        assert [tick.name for tick in read_ticks(engine) if tick.is_late()]


def test_nothing_is_said_to_be_so_for_less_than_no_time(shop: Shop, clock: DatabaseClock) -> None:
    shop.submit("c", 2, "a")
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    with clock.stepped(HOUR):
        shop.sql(
            "UPDATE messages SET changed_at = now(), state = CASE seq WHEN 1 THEN 'sending' ELSE 'in_doubt' END"
            "::message_state"
        )
    found = {finding.check: finding.detail for finding in examine_database(shop.engine, shop.settings)}
    for check in ("sending", "in doubt", "doubts"):
        assert "the oldest for 0 s" in found[check]


# Reading back


@pytest.mark.parametrize("noticed", ["by the ticks", "by the doubt"])
def test_a_message_that_was_begun_while_the_clock_was_ahead_is_not_shown_absent_afterwards(
    shop: Shop, clock: DatabaseClock, noticed: str
) -> None:
    with clock.stepped(6.0):
        send(shop, "c", "kind=drop_after_accept,count=1")
        if noticed == "by the ticks":
            note_tick(shop.engine, *RECOVER)
            shop.sql("UPDATE doubts SET polls = 1, next_poll_at = now() - interval '10 s'")
    recover(shop)
    sleep(6.5)  # by then nothing of it lies in the future, and the proof is of the clock that is right
    send(shop, "proof", first=1)
    read_back(shop)
    assert shop.states("c") == {"sent": 1}


def test_a_message_that_was_claimed_before_the_clock_was_put_back_and_ended_after_is_not_shown_absent(
    shop: Shop, clock: DatabaseClock
) -> None:
    send(shop, "c", "kind=drop_after_accept,count=1")
    shop.sql("UPDATE doubts SET started_at = started_at + interval '1 hour'")
    send(shop, "proof", first=1)
    read_back(shop)
    assert shop.states("c") == {"sent": 1}


def test_time_that_never_passed_makes_no_absence_and_gives_nothing_up(shop: Shop, clock: DatabaseClock) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, doubt_settle_seconds=60.0)
    note_tick(shop.engine, *RECOVER)
    send(shop, "c", "kind=drop_before_accept,count=1")
    clock.step(2 * HOUR)
    send(shop, "proof", first=1)
    read_back(shop)
    assert dispatch.give_up_doubts(shop.engine, deadline=HOUR) == 0
    assert shop.states("c") == {"in_doubt": 1}
    recover(shop)
    read_back(shop)
    assert dispatch.give_up_doubts(shop.engine, deadline=HOUR) == 0
    assert shop.states("c") == {"in_doubt": 1}
    assert shop.sql("SELECT absences, now() - ended_at < interval '50 s' FROM doubts") == [(0, True)]
    clock.step(-2 * HOUR)
    recover(shop)
    assert shop.sql("SELECT ended_at BETWEEN now() - interval '1 min' AND now() FROM doubts") == [(True,)]


def test_a_deadline_comes_no_nearer_by_a_step_and_goes_away_by_no_more_than_one(
    shop: Shop, clock: DatabaseClock
) -> None:
    note_tick(shop.engine, *RECOVER)
    send(shop, "c", "kind=drop_before_accept,count=1")
    shop.sql("UPDATE doubts SET ended_at = ended_at - interval '50 min', started_at = started_at - interval '50 min'")
    for forward, least in ((HOUR, 3000), (300.0, 2700)):
        for seconds in (forward, -forward):
            clock.step(seconds)
            assert dispatch.give_up_doubts(shop.engine, deadline=3100.0) == 0
            recover(shop)
            assert dispatch.give_up_doubts(shop.engine, deadline=3100.0) == 0
        [(age,)] = shop.sql("SELECT extract(epoch FROM now() - ended_at)::float FROM doubts")
        assert least - 10 < age < 3030
    assert dispatch.give_up_doubts(shop.engine, deadline=2600.0) == 1


def test_a_proof_from_before_the_doubt_does_not_come_after_it_by_a_clock_that_was_ahead(
    shop: Shop, clock: DatabaseClock
) -> None:
    with clock.stepped(300.0):
        prove(shop)
    send(shop, "c", "kind=drop_before_accept,count=1")
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}
    recover(shop)
    assert shop.sql("SELECT FROM looks WHERE is_shown") == []


def test_a_message_that_was_accepted_while_the_clock_was_ahead_proves_nothing(
    shop: Shop, clock: DatabaseClock
) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, gateway_clock_seconds=60.0)
    with clock.stepped(60.0):
        note_tick(shop.engine, *RECOVER)
        send(shop, "accepted", first=1)
    send(shop, "c", "kind=drop_before_accept,count=1")
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}
    recover(shop)
    # A minute later it lies in the past, but was noted by the clock before.
    shop.sql("UPDATE attempts SET finished_at = finished_at - interval '61 s' WHERE outcome = 'accepted'")
    shop.sql("UPDATE ticks SET steady_since = steady_since - interval '61 s'")
    read_back(shop)
    assert shop.sql("SELECT FROM looks WHERE is_shown") == []
    send(shop, "proof", first=2)
    read_back(shop)
    assert shop.states("c") == {"pending": 1}


def test_a_chat_whose_next_poll_and_read_were_planned_while_the_clock_was_ahead_is_read_now(
    shop: Shop, clock: DatabaseClock
) -> None:
    send(shop, "c", "kind=drop_before_accept,count=1")
    with clock.stepped(300.0):
        note_tick(shop.engine, *RECOVER)
        shop.sql("UPDATE doubts SET polls = 1, absences = 1, next_poll_at = now()")
        shop.sql("UPDATE accounts SET next_read_at = now() + interval '1 s'")
    assert not dispatch.doubts_are_due(shop.engine)
    recover(shop)
    sleep(1.5)  # until the account may be read again
    assert dispatch.doubts_are_due(shop.engine)
    assert shop.sql("SELECT absences FROM doubts") == [(0,)]


def test_a_reading_that_was_under_way_when_the_clock_was_stepped_is_no_absence(
    shop: Shop, clock: DatabaseClock
) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, doubt_polls=1)
    note_tick(shop.engine, *RECOVER)
    send(shop, "c", "kind=drop_before_accept,count=1")
    send(shop, "proof", "kind=latency,seconds=0.5,endpoint=/wa/messages", first=1)
    prove(shop)
    shop.fault("kind=latency,seconds=1,endpoint=/wa/messages")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            shop.sql("UPDATE doubts SET next_poll_at = now()")
            with clock.stepped(300.0):
                reading = asyncio.create_task(process.reconcile())
                await shop.requests(3)
            await reading

    asyncio.run(run())
    assert shop.states("c") == {"in_doubt": 1}
    assert shop.sql("SELECT absences FROM doubts") == [(0,)]


def test_an_identical_text_that_was_sent_before_a_long_silence_does_not_vouch_for_one_in_doubt(
    shop: Shop, clock: DatabaseClock
) -> None:
    note_tick(shop.engine, *RECOVER)
    send(shop, "c", "kind=drop_before_accept,count=1")
    send(shop, "same")
    clock.step(3 * 24 * HOUR)
    recover(shop)
    assert dispatch.give_up_doubts(shop.engine, deadline=HOUR) == 0
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}


# What waits


@pytest.mark.parametrize("noticed", [True, False])
def test_a_message_that_was_to_wait_while_the_clock_was_ahead_waits_no_longer_than_that(
    shop: Shop, clock: DatabaseClock, noticed: bool
) -> None:
    shop.submit("c", 3, "a")
    with clock.stepped(300.0):
        if noticed:
            note_tick(shop.engine, *RECOVER)
        shop.sql("UPDATE messages SET changed_at = now(), next_attempt_at = now() + interval '5 s' WHERE seq < 3")
        shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '5 s', last_claimed_at = now()")
    usual = 400 if noticed else 200
    shop.sql("UPDATE messages SET next_attempt_at = now() + make_interval(secs => :s) WHERE seq = 3", s=usual)
    mend_clocks(shop.engine, shop.settings)
    with shop.engine.begin() as connection:
        execute(connection, "refresh_next_due", reserve=timedelta(0))
    waits = "round(extract(epoch FROM next_attempt_at - now()))::int"
    near = [(pytest.approx(5, abs=30), True)] * 2
    rows = shop.sql(f"SELECT {waits}, changed_at <= now() FROM messages WHERE seq < 3")
    assert rows == near
    assert shop.sql(f"SELECT {waits} FROM messages WHERE seq = 3") == [(pytest.approx(usual, abs=60),)]
    assert shop.sql("SELECT next_due_at <= now() + interval '5 s', last_claimed_at <= now() FROM campaign_lanes") == [
        (True, True)
    ]


def test_moments_of_a_lane_that_were_written_while_the_clock_was_ahead_are_brought_near(
    shop: Shop, clock: DatabaseClock
) -> None:
    lease = shop.settings.lease_seconds
    with clock.stepped(HOUR):
        shop.sql(
            "UPDATE lanes SET lease_token = gen_random_uuid(),"
            " lease_expires_at = now() + make_interval(secs => :lease), woken_at = now(),"
            " not_before = now() + interval '20 s', rest_seconds = 20, health_since = now()",
            lease=lease,
        )
    mend_clocks(shop.engine, shop.settings)
    [(expires, rest, *others)] = shop.sql(
        "SELECT extract(epoch FROM lease_expires_at - now())::float, extract(epoch FROM not_before - now())::float,"
        " woken_at <= now(), health_since <= now() FROM lanes"
    )
    assert (expires, rest) == (pytest.approx(lease, abs=60), pytest.approx(20, abs=60))
    assert others == [True, True]
    shop.sql("UPDATE lanes SET lease_token = NULL, lease_expires_at = NULL, woken_at = NULL")
    mend_clocks(shop.engine, shop.settings)
    assert shop.sql("SELECT lease_expires_at, woken_at FROM lanes") == [(None, None)]


def test_where_no_clock_was_stepped_nothing_is_changed(shop: Shop, clock: DatabaseClock) -> None:
    for name, period in (("dispatch", 1.0), RECOVER):
        note_tick(shop.engine, name, period)
    send(shop, "sent")
    send(shop, "c", "kind=drop_before_accept,count=1", first=1)
    read_back(shop, rounds=1)
    shop.submit("waiting", 2, "a", first=2)
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 hour' WHERE state = 'pending'")
    shop.sql("UPDATE doubts SET ended_at = now() + interval '20 s'")
    shop.sql("UPDATE accounts SET next_read_at = now() + interval '10 s'")
    before = everything(shop.engine)
    assert not mend_clocks(shop.engine, shop.settings)
    assert everything(shop.engine) == before

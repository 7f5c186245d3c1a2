"""How often people are messaged: cooldowns and caps over all campaigns; the gateway's ledger is the judge."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap, free_at
from broadcaster.services import frequency
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from broadcaster.services.frequency import remove_cap, set_cap
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.standstill import look_at_campaign
from tests.support.database import as_owner
from tests.support.shop import Shop, assert_counters_equal_a_recount, drain
from tests.support.stack import wait_for

DAY = 86_400
GRACE = 75.0


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


def submit(shop: Shop, name: str, count: int, *instances: str, care: Care | None = None, priority: int = 0) -> None:
    """Send to so many people, the same ones in each campaign."""
    shop.submit(name, count, *(instances or ("a",)), care=care, priority=priority)


def passes(shop: Shop, seconds: float) -> None:
    """As if so much time had passed since everybody was messaged, and for those who wait."""
    shop.sql(
        "WITH people AS (UPDATE messaged_phones SET moments = ARRAY("
        " SELECT m - make_interval(secs => :seconds) FROM unnest(moments) m ORDER BY 1 DESC) RETURNING 1),"
        " waiting AS (UPDATE messages SET next_attempt_at = next_attempt_at - make_interval(secs => :seconds)"
        " WHERE state = 'pending' AND isfinite(next_attempt_at) RETURNING 1)"
        " UPDATE campaign_lanes SET next_due_at = '-infinity' RETURNING 1",
        seconds=seconds,
    )


def waits(shop: Shop, name: str) -> list[float]:
    """In how many seconds each message that is pending is due."""
    found = shop.sql(
        "SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM messages"
        " WHERE state = 'pending' AND campaign_id = (SELECT id FROM campaigns WHERE name = :name)",
        name=name,
    )
    return [float(str(each)) for (each,) in found]


def test_who_was_messaged_by_another_campaign_waits_until_the_cooldown_is_over(shop: Shop) -> None:
    submit(shop, "first", 30)
    drain(shop)
    submit(shop, "second", 50, care=Care(cooldown=DAY))
    drain(shop)
    assert shop.states("second") == {"pending": 30, "sent": 20}
    # What the first one sent was sent before anybody counted: it is known from the history.
    assert all(0 < wait <= DAY + 2 * GRACE for wait in waits(shop, "second"))
    assert shop.lanes() == []  # nobody looks at them meanwhile
    passes(shop, GRACE)
    drain(shop)
    assert all(wait > DAY - 2 * GRACE for wait in waits(shop, "second"))
    passes(shop, DAY + GRACE)
    drain(shop)
    assert shop.states("second") == {"sent": 50}
    assert_counters_equal_a_recount(shop)


def test_who_was_messaged_too_lately_is_skipped_where_that_is_asked_for(shop: Shop) -> None:
    submit(shop, "first", 30)
    drain(shop)
    passes_in_history(shop, 2 * GRACE)
    submit(shop, "second", 50, care=Care(cooldown=DAY, skips_recent=True))
    drain(shop)
    assert shop.states("second") == {"skipped": 30, "sent": 20}
    assert shop.state("second") == "finished"
    assert shop.sql("SELECT reason, messages FROM failure_counts WHERE state = 'skipped'") == [("cooldown", 30)]


def passes_in_history(shop: Shop, seconds: float) -> None:
    shop.sql("UPDATE attempts SET finished_at = finished_at - make_interval(secs => :s) RETURNING 1", s=seconds)


def test_skipping_takes_a_lane_neither_slots_nor_time(shop: Shop) -> None:
    shop.add("c", "1/h", burst=1)
    submit(shop, "slow", 20, "c", care=Care(cooldown=DAY, skips_recent=True))
    shop.sql(
        "INSERT INTO messaged_phones (phone, moments) SELECT phone, ARRAY[now() - interval '2 min'] FROM messages"
        " WHERE seq <= 19"
    )
    drain(shop)
    assert shop.states("slow") == {"skipped": 19, "sent": 1}


def test_one_whose_outcome_may_yet_give_the_person_back_is_not_skipped(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "first", 10)
    drain(shop)
    submit(shop, "second", 10, care=Care(skips_recent=True))
    drain(shop)
    assert shop.states("second") == {"pending": 10}
    assert all(0 < wait <= GRACE for wait in waits(shop, "second"))
    passes(shop, GRACE + 1)
    drain(shop)
    assert shop.states("second") == {"skipped": 10}
    assert shop.sql("SELECT reason, messages FROM failure_counts WHERE state = 'skipped'") == [("cap", 10)]


def test_those_who_wait_are_told_when_they_are_free_and_not_when_they_are_looked_at_again(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "first", 10)
    drain(shop)
    submit(shop, "second", 12)
    drain(shop)
    assert all(0 < wait <= GRACE for wait in waits(shop, "second"))
    plan = open_work(shop.engine, "second").plan()
    assert plan is not None
    [people] = plan.waiting_people
    assert (people.messages, plan.said_waits) == (10, "people who have had as many as caps allow")
    assert plan.first_at is not None
    # As the next claim, which finds nothing, notes it.
    shop.sql(
        "UPDATE campaign_lanes cl SET next_due_at = (SELECT min(m.next_attempt_at) FROM messages m"
        " WHERE m.campaign_id = cl.campaign_id AND m.state = 'pending') WHERE cl.pending > 0 RETURNING 1"
    )
    _, [hold] = look_at_campaign(shop.engine, shop.settings, "second", lambda scene: scene)
    for told in (people.first_free_at, plan.first_at, hold.until):
        assert told is not None, hold
        assert DAY < (told - plan.begins_at).total_seconds() <= DAY + GRACE


def test_a_cap_holds_over_all_campaigns_and_counts_what_was_sent_before(shop: Shop) -> None:
    for name in ("one", "two"):
        submit(shop, name, 20)
        drain(shop)
    set_cap(shop.engine, Cap(3, 7 * DAY), grace=GRACE)
    for name in ("three", "four"):
        submit(shop, name, 20, "b")
        drain(shop)
    assert shop.states("three") == {"sent": 20}
    assert shop.states("four") == {"pending": 20}
    submit(shop, "outage", 20, care=Care(beyond_caps=True))
    drain(shop)
    assert shop.states("outage") == {"sent": 20}
    assert set(shop.accepted().values()) == {4}
    remove_cap(shop.engine, 7 * DAY)
    drain(shop)
    assert shop.states("four") == {"sent": 20}


def test_what_provably_was_not_accepted_does_not_count(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    shop.fault("kind=invalid_number")
    submit(shop, "first", 10)
    drain(shop)
    assert shop.states("first") == {"failed": 10}
    shop.fault()
    submit(shop, "second", 10)
    drain(shop)
    assert shop.states("second") == {"sent": 10}
    assert shop.sql("SELECT DISTINCT cardinality(moments) FROM messaged_phones") == [(1,)]


def test_two_lanes_that_claim_the_same_people_at_once_never_both_get_one(shop: Shop) -> None:
    set_cap(shop.engine, Cap(2, DAY), grace=GRACE)
    for name, instance in (("one", "a"), ("two", "b"), ("three", "a"), ("four", "b")):
        submit(shop, name, 400, instance)

    async def run() -> None:
        lanes = shop.lanes()
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            await asyncio.gather(one.send_due(lanes[:1]), other.send_due(lanes[1:]))

    asyncio.run(run())
    assert shop.accepted() == Counter({f"62812{n:07d}": 2 for n in range(400)})
    assert_counters_equal_a_recount(shop)


def test_of_two_that_wait_for_one_person_the_higher_priority_comes_first(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "before", 20)
    drain(shop)
    passes(shop, 2 * GRACE)
    submit(shop, "low", 20, "a")
    submit(shop, "high", 20, "b", priority=5)
    drain(shop)
    assert shop.states("low") == shop.states("high") == {"pending": 20}
    passes(shop, DAY)
    [low] = [lane for (lane,) in shop.sql("SELECT id FROM instances WHERE name = 'a'")]
    asyncio.run(_send(shop, [int(str(low))]))
    assert shop.states("low") == {"pending": 20}
    drain(shop)
    assert shop.states("high") == {"sent": 20}


async def _send(shop: Shop, lanes: list[int]) -> None:
    async with SendingProcess(shop.settings) as process:
        await process.send_due(lanes)


BEYOND = Care(beyond_caps=True)


@pytest.mark.parametrize(
    ("caps", "first", "second", "why"),
    [
        ([Cap(1, DAY)], None, None, "cap"),
        ([Cap(1, DAY)], None, Care(cooldown=DAY), "cooldown"),
        ([Cap(1, DAY)], None, BEYOND, None),
        ([Cap(1, DAY)], BEYOND, None, "cap"),
        ([Cap(2, DAY)], None, None, None),
        ([Cap(2, DAY), Cap(1, DAY // 2)], None, None, "cap"),
        ([], Care(cooldown=DAY), None, None),
        ([], None, Care(cooldown=DAY), "cooldown"),
    ],
)
def test_of_two_to_one_person_in_one_claim_the_later_one_says_what_holds_it_or_nothing(
    shop: Shop, caps: list[Cap], first: Care | None, second: Care | None, why: str | None
) -> None:
    for cap in caps:
        set_cap(shop.engine, cap, grace=GRACE)
    submit(shop, "first", 1, care=first, priority=5)
    submit(shop, "second", 1, care=second)
    with as_owner(shop.engine).connect() as connection:
        keys = "SELECT (segment, campaign_id, seq)::message_key FROM messages ORDER BY campaign_id"
        held = connection.exec_driver_sql(
            f"SELECT campaign_id, reason, skips FROM hold_back(ARRAY({keys}), NULL, '1 day', '{GRACE} s')"
        ).all()
    [(later,)] = shop.sql("SELECT id FROM campaigns WHERE name = 'second'")
    assert [tuple(row) for row in held] == [(later, why, False)]


def test_nothing_is_kept_where_no_rule_is_left(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "first", 10)
    drain(shop)
    remove_cap(shop.engine, DAY)
    assert frequency.purge_frequency(shop.engine) == 10
    assert shop.sql("SELECT 1 FROM frequency_records") == shop.sql("SELECT 1 FROM messaged_phones") == []


def test_a_doubt_counts_until_an_operator_says_that_it_has_not_arrived(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    shop.fault("kind=drop_after_accept,endpoint=/wa/send")
    submit(shop, "first", 3)
    drain(shop)
    shop.fault()
    assert shop.states("first") == {"in_doubt": 3}
    submit(shop, "second", 3)
    drain(shop)
    assert shop.states("second") == {"pending": 3}
    shop.sql("UPDATE doubts SET ended_at = now() - interval '1 hour' RETURNING 1")
    settle_messages(
        shop.engine, "first", Settlement.FAILED, settle_seconds=0, settled_by="me", phones=["628120000000"]
    )
    passes(shop, GRACE + 1)
    drain(shop)
    assert shop.states("second") == {"pending": 2, "sent": 1}


def test_a_claim_whose_snapshot_is_older_decides_on_the_person_as_she_is_now(shop: Shop) -> None:
    """READ COMMITTED: the claim has its snapshot, and waits for another one that has the person, and then commits."""
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "one", 5, "a")
    submit(shop, "two", 5, "b")
    shop.sql(
        "UPDATE lanes SET lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour' RETURNING 1"
    )
    hold = (
        "SELECT count(*) FROM hold_back(ARRAY(SELECT (segment, campaign_id, seq)::message_key FROM messages"
        " WHERE campaign_id = {}), NULL, '1 day', '75 s')"
    )
    [(one,), (two,)] = shop.sql("SELECT id FROM campaigns ORDER BY id")
    with ThreadPoolExecutor(1) as pool, as_owner(shop.engine).connect() as first:
        assert first.exec_driver_sql(hold.format(one)).scalar_one() == 0
        second = pool.submit(shop.sql, hold.format(two))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%hold_back%'"
        wait_for(lambda: shop.sql(waiting) == [(1,)], "the second waits for the first")
        first.commit()
        assert second.result(30) == [(5,)]


SPANS = st.integers(1, 6)
CAPS = st.lists(st.builds(Cap, st.integers(1, 3), SPANS), max_size=3, unique_by=lambda cap: cap.span)
ASKED = st.tuples(st.integers(0, 4), st.integers(0, 1), st.one_of(st.none(), SPANS), st.booleans())


@given(st.lists(ASKED, min_size=5, max_size=15), CAPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_claim_decides_as_the_pure_rule_does(
    shop: Shop, asked: list[tuple[int, int, int | None, bool]], caps: list[Cap]
) -> None:
    """Messages to two people, one after the other, of campaigns with cooldowns and beyond caps, and their gaps."""
    with as_owner(shop.engine).connect() as connection:
        run = connection.exec_driver_sql
        run("TRUNCATE messaged_phones, caps, frequency_records; DELETE FROM messages; DELETE FROM campaigns")
        run("INSERT INTO frequency_records (since, span_seconds, grace_seconds) VALUES ('-infinity', 100, 5)")
        for cap in caps:
            run(f"INSERT INTO caps VALUES ({cap.span}, {cap.most})")
        moments: dict[int, list[float]] = {n: [] for n in range(3)}
        now = 0.0
        for number, (gap, person, cooldown, beyond) in enumerate(asked, 1):
            # Time passes: what was sent is longer ago.
            now += gap
            run(
                "UPDATE messaged_phones SET moments ="
                f" ARRAY(SELECT m - interval '{gap} s' FROM unnest(moments) m ORDER BY 1 DESC)"
            )
            care = json.dumps({"cooldown": cooldown} | ({"beyond_caps": True} if beyond else {}))
            run(
                f"INSERT INTO campaigns (id, name, state, max_attempts, care) VALUES ({number}, 'c{number}', 'draft',"
                f" 1, '{care}'); INSERT INTO campaign_lanes (campaign_id, lane_id) VALUES ({number}, 1);"
                " INSERT INTO messages (segment, campaign_id, seq, lane_id, phone)"
                f" VALUES (0, {number}, 1, 1, '{person}')"
            )
            held = run(
                f"SELECT count(*) FROM hold_back(ARRAY[(0, {number}, 1)::message_key], NULL, '100 s', '5 s')"
            ).scalar_one()
            free = free_at(moments[person], [] if beyond else caps, cooldown=cooldown, grace=5.0)
            assert bool(held) == (free is not None and free > now), (number, moments, now)
            if not held:
                moments[person].insert(0, now)
        connection.rollback()

"""How often people are messaged: cooldowns and caps over all campaigns; the gateway's ledger is the judge."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.services import frequency
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from broadcaster.services.frequency import remove_cap, set_cap
from broadcaster.services.sending.sending_process import SendingProcess
from tests.support.shop import Shop, assert_counters_equal_a_recount, drain

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


def test_nothing_is_kept_where_no_rule_is_left(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "first", 10)
    drain(shop)
    remove_cap(shop.engine, DAY)
    assert frequency.purge_frequency(shop.engine) == 10
    assert shop.sql("SELECT 1 FROM frequency_records") == shop.sql("SELECT 1 FROM messaged_phones") == []


def test_a_doubt_counts_until_its_chat_shows_that_it_is_absent(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, DAY), grace=GRACE)
    submit(shop, "first", 3)
    drain(shop)
    shop.sql(
        "WITH doubted AS (UPDATE messages SET state = 'in_doubt' WHERE state = 'sent' RETURNING *)"
        " INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)"
        " SELECT m.segment, m.campaign_id, m.seq, m.attempt, m.lane_id, 1, m.phone, p.moments[1],"
        " now() - interval '1 d'"
        " FROM doubted m JOIN messaged_phones p ON p.phone = m.phone RETURNING 1"
    )
    submit(shop, "second", 3)
    drain(shop)
    assert shop.states("second") == {"pending": 3}
    settle_messages(
        shop.engine, "first", Settlement.FAILED, settle_seconds=0, settled_by="me", phones=["628120000000"]
    )
    passes(shop, GRACE + 1)
    drain(shop)
    assert shop.states("second") == {"pending": 2, "sent": 1}

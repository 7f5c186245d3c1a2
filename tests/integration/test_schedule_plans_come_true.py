"""Plans of schedules and what became of them: real occurrences on a database's clock that is stepped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.schedules import Overlap
from broadcaster.domain.sharing import Sharing
from broadcaster.services.frequency import set_cap
from broadcaster.services.schedules.editing import add_schedule
from broadcaster.services.schedules.month_plan import plan_month
from broadcaster.services.schedules.planned_month import PlannedOccurrence
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import SECONDS_OFF, run_until
from tests.support.schedules import add_audience, new_schedule
from tests.support.shop import Shop

MEMBERS = 9
DAY = 86_400
HOUR = 3_600
OCCURRENCES = 3
PIECE = 1 / MEMBERS


def add(shop: Shop, name: str = "news", **options: object) -> None:
    """A few times, every hour, to all members, through one instance that sends one in three minutes."""
    asked: dict[str, object] = {"cron": "0 * * * *", "timezone": "UTC", "count": OCCURRENCES}
    add_schedule(shop.engine, new_schedule(name, **(asked | options)))


def a_cooldown_that_holds(shop: Shop) -> None:
    add(shop, care=Care(cooldown=HOUR + 1_200))


def a_cooldown_that_skips(shop: Shop) -> None:
    add(shop, care=Care(cooldown=HOUR + 1_200, skips_recent=True))


def a_cooldown_as_long_as_the_interval(shop: Shop) -> None:
    add(shop, care=Care(cooldown=HOUR))


def a_cap_that_skips(shop: Shop) -> None:
    set_cap(shop.engine, Cap(2, 4 * HOUR), grace=shop.settings.acceptance_seconds)
    add(shop, care=Care(skips_recent=True))


def a_cap_that_holds_until_it_expires(shop: Shop) -> None:
    set_cap(shop.engine, Cap(2, 4 * HOUR), grace=shop.settings.acceptance_seconds)
    add(shop, expires_after=timedelta(minutes=55))


def beyond_caps(shop: Shop) -> None:
    set_cap(shop.engine, Cap(2, 4 * HOUR), grace=shop.settings.acceptance_seconds)
    add(shop, care=Care(beyond_caps=True))


def an_expiry_alone(shop: Shop) -> None:
    add(shop, expires_after=timedelta(minutes=10))


def one_that_skips_while_it_is_sent_up_to_a_count(shop: Shop) -> None:
    """Its nine messages take 24 minutes: of three occurrences one makes a campaign."""
    add(shop, cron="*/10 * * * *", overlap=Overlap.SKIP)


def one_that_skips_beside_another_that_skips(shop: Shop) -> None:
    add(shop, cron="*/20 * * * *", overlap=Overlap.SKIP)
    add(shop, "more", cron="7/15 * * * *", overlap=Overlap.SKIP, count=2)


def two_schedules_for_the_same_people(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, HOUR), grace=shop.settings.acceptance_seconds)
    add(shop, cron="0 */3 * * *", care=Care(skips_recent=True), priority=3, count=2)
    add(shop, "more", cron="20 */3 * * *", care=Care(skips_recent=True), count=2)


def two_schedules_due_at_once(shop: Shop) -> None:
    for name in ("news", "more"):
        add(shop, name, cron="0 */3 * * *", count=2, care=Care(cooldown=HOUR, skips_recent=True))


def one_that_begins_while_another_is_sent(shop: Shop) -> None:
    set_cap(shop.engine, Cap(1, 2 * HOUR), grace=shop.settings.acceptance_seconds)
    add(shop, cron="0 */4 * * *", count=1, care=Care(skips_recent=True))
    add(shop, "more", cron="10 */4 * * *", count=1, care=Care(skips_recent=True))


def two_through_a_slow_and_a_fast_instance(shop: Shop) -> None:
    shop.add("c", "40/h", burst=1)
    add(shop, cron="0 */4 * * *", count=1, care=Care(cooldown=HOUR, skips_recent=True))
    add(shop, "more", instances=["c"], cron="0 */4 * * *", count=1, care=Care(cooldown=HOUR, skips_recent=True))


def two_due_before_the_windows_open(shop: Shop) -> None:
    hours = OpeningHours(windows=("00:30-23:30",), zone="UTC")
    for name in ("news", "more"):
        add(shop, name, cron="0 0 * * *", count=1, hours=hours, care=Care(cooldown=HOUR, skips_recent=True))


def a_cooldown_that_is_over_once_the_windows_open(shop: Shop) -> None:
    add(shop, cron="0 0 * * *", count=1)
    hours = OpeningHours(windows=("06:00-23:30",), zone="UTC")
    add(shop, "more", cron="0 2 * * *", count=1, hours=hours, care=Care(cooldown=3 * HOUR, skips_recent=True))


def one_of_a_higher_priority_due_at_once(shop: Shop) -> None:
    add(shop, cron="0 */3 * * *", count=1, care=Care(cooldown=HOUR, skips_recent=True))
    add(shop, "more", cron="0 */3 * * *", count=1, priority=1, care=Care(cooldown=HOUR, skips_recent=True))


def two_that_wait_for_each_other(shop: Shop) -> None:
    for name in ("news", "more"):
        add(shop, name, cron="0 */4 * * *", count=1, care=Care(cooldown=HOUR))


def an_instance_in_trouble_whose_part_moves(shop: Shop) -> None:
    shop.sql(
        "UPDATE lanes SET health = 'refused', health_reason = 'so it is', health_since = now() - interval '1 hour'"
        " WHERE id = (SELECT id FROM instances WHERE name = 'b')"
    )
    add(shop, instances=["a", "b"], weights={"a": 1.0, "b": 1.0}, sharing=Sharing(failover_after=1_800))


def who_was_messaged_lately_and_who_opted_out(shop: Shop) -> None:
    shop.submit("before", 4, "b", first=1)
    add(shop, care=Care(cooldown=HOUR + 1_200, skips_recent=True))
    shop.sql(
        "INSERT INTO opt_outs (phone, forms, way)"
        " SELECT phone, ARRAY[phone], 'command' FROM audience_members ORDER BY phone DESC LIMIT 2"
    )


SET_UPS = (
    a_cooldown_that_holds,
    a_cooldown_that_skips,
    a_cooldown_as_long_as_the_interval,
    a_cap_that_skips,
    a_cap_that_holds_until_it_expires,
    beyond_caps,
    an_expiry_alone,
    one_that_skips_while_it_is_sent_up_to_a_count,
    one_that_skips_beside_another_that_skips,
    two_schedules_for_the_same_people,
    two_schedules_due_at_once,
    one_that_begins_while_another_is_sent,
    two_through_a_slow_and_a_fast_instance,
    two_due_before_the_windows_open,
    a_cooldown_that_is_over_once_the_windows_open,
    one_of_a_higher_priority_due_at_once,
    two_that_wait_for_each_other,
    who_was_messaged_lately_and_who_opted_out,
    an_instance_in_trouble_whose_part_moves,
)


def became(shop: Shop, each: PlannedOccurrence) -> tuple[str, Counter[str], datetime | None]:
    """The state of an occurrence, what of its campaign is in which state, and when the last of it was sent."""
    [(state, campaign)] = shop.sql(
        "SELECT o.state::text, o.campaign_id FROM occurrences o JOIN schedules s ON s.id = o.schedule_id"
        " WHERE s.name = :name AND o.due_at = :due_at",
        name=each.schedule,
        due_at=each.due_at,
    )
    states = shop.sql(
        "SELECT state::text || coalesce(' ' || CASE WHEN state = 'skipped' THEN reason END, ''), count(*)"
        " FROM messages WHERE campaign_id = :campaign GROUP BY 1",
        campaign=campaign,
    )
    [(ended,)] = shop.sql("SELECT max(finished_at) FROM attempts WHERE campaign_id = :campaign", campaign=campaign)
    assert ended is None or isinstance(ended, datetime)
    return str(state), Counter({str(name): int(str(count)) for name, count in states}), ended


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_occurrences_become_what_their_plan_says(shop: Shop, set_up: Callable[[Shop], None]) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "20/h", burst=1)
    shop.add("b")
    add_audience(shop, "people", MEMBERS)
    set_up(shop)
    if shop.sql("SELECT FROM campaigns"):
        run_until(shop, clock, lambda: shop.state("before") == "finished")
    planned = plan_month(shop.engine).occurrences
    run_until(shop, clock, lambda: _are_over(shop, planned))
    assert not shop.sql("SELECT FROM schedules WHERE state = 'active'")
    assert shop.sql("SELECT count(*) FROM occurrences") == [(len(planned),)]
    for each in planned:
        state, states, ended = became(shop, each)
        if any(remark.startswith("it is skipped:") for remark in each.remarks):
            assert state == "skipped"
            continue
        told = {f"skipped {skip.reason}": skip.messages for skip in each.skips}
        told |= {"sent": each.sent, "expired": each.expire}
        assert each.messages == each.sent + each.skipped + each.expire
        assert states == {name: messages for name, messages in told.items() if messages}, each
        if ended is None or each.ends_at is None:
            assert ended is None
            continue
        took, foreseen = ((moment - each.due_at).total_seconds() for moment in (ended, each.ends_at))
        # Groups of people are free with the last of them.
        assert took == pytest.approx(foreseen, rel=0.05 + PIECE, abs=SECONDS_OFF + 60), each


def _are_over(shop: Shop, planned: Sequence[PlannedOccurrence]) -> bool:
    with shop.engine.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
    open_ones = shop.sql("SELECT FROM campaigns WHERE state <> 'finished'")
    return now > planned[-1].due_at and not open_ones

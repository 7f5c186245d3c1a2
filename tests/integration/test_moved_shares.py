"""What moves is dealt as what is submitted is: by when each of those who get it can send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.domain.gaps import Gaps, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services.campaigns.moving import move_pending
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.openings import move_openings
from broadcaster.services.retirement import retire_instance
from tests.support.shop import Shop

_PENDING = (
    "SELECT i.name, count(*) FROM messages m JOIN instances i ON i.id = m.lane_id WHERE m.state = 'pending'"
    " GROUP BY i.name ORDER BY i.name"
)


def pending(shop: Shop) -> dict[object, int]:
    return {name: int(str(count)) for name, count in shop.sql(_PENDING)}


def counted(shop: Shop) -> None:
    """`b` is as fast as the others are together, and full after 20."""
    shop.add("a", "20/min")
    shop.add("b", "60/min 20/h")
    shop.add("c", "20/min")
    shop.submit("x", 200, "a", "b", "c")


def with_gaps(shop: Shop) -> None:
    shop.add("a", "60/min")
    shop.add("b", "60/min 20/h")
    shop.add("c", "60/min", gaps=Gaps(gap=Span(5, 10)))
    shop.submit("x", 145, "a", "b", "c")


@pytest.mark.parametrize("sets_up", [counted, with_gaps])
def test_who_is_full_gets_nothing_of_one_that_retires_that_another_sends_before(
    shop: Shop, sets_up: Callable[[Shop], None]
) -> None:
    sets_up(shop)
    [told] = retire_instance(shop.engine, "a", dry_run=True).campaigns
    before = pending(shop)
    [moved] = retire_instance(shop.engine, "a").campaigns
    after = pending(shop)
    assert moved.takers == told.takers
    assert after["b"] <= 22
    assert {name: after[name] - before[name] for name in after} == pytest.approx(
        {name: told.takers.get(str(name), 0) for name in after}, abs=2
    )
    plan = open_work(shop.engine, "x").plan()
    assert plan is not None
    assert plan.ends_at is not None
    assert told.seconds_after == pytest.approx(plan.seconds, rel=0.05)
    assert plan.seconds is not None
    assert plan.seconds < timedelta(minutes=30).total_seconds()


@pytest.mark.parametrize("sets_up", [counted, with_gaps])
def test_who_is_full_gets_nothing_of_one_in_trouble_that_another_sends_before(
    shop: Shop, sets_up: Callable[[Shop], None]
) -> None:
    sets_up(shop)
    shop.sql("""UPDATE campaigns SET sharing = '{"failover_after": 60}'""")
    shop.sql("UPDATE lanes SET health = 'refused', health_since = now() - interval '1 hour' WHERE id = 1")
    plan = open_work(shop.engine, "x").plan()
    before = pending(shop)
    assert move_pending(shop.engine) == before["a"]
    assert pending(shop) == {"b": pytest.approx(20, abs=2), "c": pytest.approx(sum(before.values()) - 20, abs=2)}
    assert move_pending(shop.engine) == 0
    assert plan is not None
    after = open_work(shop.engine, "x").plan()
    assert after is not None
    assert after.seconds == pytest.approx(plan.seconds, rel=0.05)


def test_a_pause_is_no_reason_for_a_failover_and_its_plan_says_so(shop: Shop) -> None:
    counted(shop)
    shop.sql("""UPDATE campaigns SET sharing = '{"failover_after": 60}'""")
    shop.sql("UPDATE lanes SET health = 'paused', health_since = now() - interval '1 hour' WHERE id = 1")
    plan = open_work(shop.engine, "x").plan()
    assert plan is not None
    assert ([each.instance for each in plan.stays], plan.moves, plan.fails_over) == (["a"], [], True)
    assert sum(each.messages for each in plan.days) + plan.stays[0].messages == 200


def test_who_closes_before_gets_nothing_that_another_sends_today(shop: Shop) -> None:
    now = datetime.now(UTC)
    closes = now + timedelta(minutes=10)
    hours = OpeningHours(windows=(f"{now:%H:%M}-{closes:%H:%M}",), zone="UTC")
    for name in ("a", "b", "c"):
        shop.add(name, "20/min", hours=hours if name == "b" else None)
    move_openings(shop.engine)
    shop.submit("x", 600, "a", "b", "c")
    before = pending(shop)
    [told] = retire_instance(shop.engine, "a", dry_run=True).campaigns
    retire_instance(shop.engine, "a")
    assert pending(shop)["b"] == pytest.approx(before["b"], abs=3)
    assert told.takers["c"] == pytest.approx(before["a"], abs=3)

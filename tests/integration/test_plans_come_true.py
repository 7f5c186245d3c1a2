"""Plans and what became of them: real claims, on a database's clock that is stepped to whenever something is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from broadcaster.domain.gaps import Gaps, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import SECONDS_OFF, WITHIN, foreseen, limit_lane, run_to_its_end, share
from tests.support.shop import Shop


def one_rate(shop: Shop) -> None:
    shop.add("a", "20/s")
    shop.submit("c", 240, "a")


def two_rates(shop: Shop) -> None:
    shop.add("a", "20/s")
    shop.add("b", "10/s")
    shop.submit("c", 300, "a", "b")


def several_limits(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h 60/d")
    shop.submit("c", 150, "a")


def windows_and_a_limit(shop: Shop) -> None:
    shop.add("a", "1000/s 30/h")
    shop.submit("c", 120, "a", hours=OpeningHours(windows=("Mon-Fri 09:00-11:00",), zone="UTC"))


def gaps(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(Span(80.0, 100.0)))
    shop.submit("c", 40, "a")


def a_ramp(shop: Shop) -> None:
    shop.add("a", "1000/s")
    limit_lane(shop, "a", LaneLimits(shop.settings.acceptance_seconds, ramp=(20, 50, 120)))
    shop.submit("c", 150, "a")


def in_turns_with_another(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("other", 60, "a", first=1_000)
    shop.submit("c", 80, "a")


def after_one_that_goes_first(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("c", 40, "a")
    shop.submit("other", 60, "a", first=1_000, priority=5)


def beside_one_that_starts_later(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("c", 80, "a")
    shop.submit("other", 40, "a", first=1_000, priority=5)
    shop.sql(
        "UPDATE campaigns SET state = 'scheduled', started_at = NULL, starts_at = now() + interval '90 min'"
        " WHERE name = 'other'"
    )


def a_canary_over_two_lanes_that_share_a_limit(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    share(shop, "customers", "40/h", "a", "b")
    shop.submit("c", 100, "a", "b")
    care = '{"canary": [0.1, 0.5], "after": 600}'
    shop.sql("UPDATE campaigns SET state = 'scheduled', started_at = NULL, care = CAST(:care AS jsonb)", care=care)
    shop.sql("UPDATE messages SET next_attempt_at = 'infinity'")


def a_campaign_with_a_limit_of_its_own_beside_one_without(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    share(shop, "promos", "30/h")
    shop.submit("c", 80, "a", "b", limits=["promos"])
    shop.submit("other", 20, "a", first=1_000)


def one_of_three_is_refused_and_the_others_take_its_part(shop: Shop) -> None:
    for name, rate in (("a", "40/h"), ("b", "1/min"), ("d", "30/h")):
        shop.add(name, rate)
    shop.submit("c", 65, "a", "b", "d")
    shop.sql("UPDATE campaigns SET sharing = CAST(:sharing AS jsonb)", sharing='{"failover_after": 900}')
    shop.sql(
        "UPDATE lanes SET health = 'refused', health_reason = 'so it is', health_since = now() - interval '5 min'"
        " WHERE id = (SELECT id FROM instances WHERE name = 'a')"
    )


SET_UPS = (
    one_rate,
    two_rates,
    several_limits,
    windows_and_a_limit,
    gaps,
    a_ramp,
    in_turns_with_another,
    after_one_that_goes_first,
    beside_one_that_starts_later,
    a_canary_over_two_lanes_that_share_a_limit,
    a_campaign_with_a_limit_of_its_own_beside_one_without,
    one_of_three_is_refused_and_the_others_take_its_part,
)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_a_campaign_ends_when_its_plan_says(shop: Shop, set_up: Callable[[Shop], None]) -> None:
    clock = DatabaseClock(shop.engine)
    set_up(shop)
    plan = foreseen(shop, "c")
    assert plan.seconds is not None
    ends_at = run_to_its_end(shop, clock, "c")
    took = (ends_at - plan.begins_at).total_seconds()
    assert took == pytest.approx(plan.seconds, rel=WITHIN, abs=SECONDS_OFF), timedelta(seconds=took - plan.seconds)
